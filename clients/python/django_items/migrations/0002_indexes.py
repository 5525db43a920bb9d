from django.contrib.postgres.indexes import OpClass
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Cast

from django_items.fields import BitField, HalfVectorField, HnswIndex, IvfflatIndex, SparseVectorField


class Migration(migrations.Migration):
    """Columns and indexes added to a table that has rows."""

    atomic = False
    dependencies = [('django_items', '0001_initial')]
    operations = [
        migrations.AddField('item', 'half', HalfVectorField(dimensions=64, null=True)),
        migrations.AddField('item', 'sparse', SparseVectorField(dimensions=64, null=True)),
        migrations.RunSQL('UPDATE django_items_item SET half = embedding, sparse = embedding', migrations.RunSQL.noop),
        migrations.AddIndex('item', HnswIndex(name='item_embedding', fields=['embedding'], m=16, ef_construction=64,
                                              opclasses=['vector_l2_ops'])),
        AddIndexConcurrently('item', IvfflatIndex(name='item_half', fields=['half'], lists=10, opclasses=['halfvec_ip_ops'])),
        migrations.AddIndex('item', HnswIndex(OpClass(Cast('embedding', HalfVectorField(dimensions=64)), name='halfvec_cosine_ops'),
                                              name='item_cast', m=16, ef_construction=64)),
        migrations.AddIndex('item', HnswIndex(OpClass(Cast(models.Func('embedding', function='binary_quantize'), BitField(length=64)),
                                                      name='bit_hamming_ops'), name='item_bits')),
    ]
