from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models.functions import Cast

from .fields import BitField, HalfVectorField, HnswIndex, IvfflatIndex, SparseVectorField, VectorField


class Item(models.Model):
    category = models.IntegerField(default=0)
    embedding = VectorField(dimensions=64, null=True)
    half = HalfVectorField(dimensions=64, null=True)
    sparse = SparseVectorField(dimensions=64, null=True)

    class Meta:
        app_label = 'django_items'
        indexes = [
            HnswIndex(name='item_embedding', fields=['embedding'], m=16, ef_construction=64, opclasses=['vector_l2_ops']),
            IvfflatIndex(name='item_half', fields=['half'], lists=10, opclasses=['halfvec_ip_ops']),
            HnswIndex(OpClass(Cast('embedding', HalfVectorField(dimensions=64)), name='halfvec_cosine_ops'), name='item_cast',
                      m=16, ef_construction=64),
            HnswIndex(OpClass(Cast(models.Func('embedding', function='binary_quantize'), BitField(length=64)), name='bit_hamming_ops'),
                      name='item_bits'),
        ]


class Note(models.Model):
    item = models.ForeignKey(Item, on_delete=models.CASCADE)
    text = models.TextField()

    class Meta:
        app_label = 'django_items'
