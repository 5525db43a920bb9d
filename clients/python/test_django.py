"""Django: migrations that create extension, columns and indexes; the ORM with distances; introspection."""

import io
import os
import unittest

import django
from django.conf import settings

settings.configure(
    DATABASES={'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': os.environ['PGDATABASE'],
                           'USER': os.environ.get('PGUSER', ''), 'HOST': os.environ.get('PGHOST', ''), 'PORT': os.environ.get('PGPORT', '')}},
    INSTALLED_APPS=['django.contrib.postgres', 'django_items'],
    DEFAULT_AUTO_FIELD='django.db.models.BigAutoField',
    USE_TZ=True)
django.setup()

from django.core.management import call_command  # noqa: E402 (models need the settings)
from django.db import connection, transaction  # noqa: E402
from django.db.models import Avg, F, FloatField, Func, Value  # noqa: E402
from django.db.models.functions import Cast  # noqa: E402
from django.db.utils import DataError  # noqa: E402

import suite  # noqa: E402
from django_items.fields import BitField, CosineDistance, HalfVectorField, HammingDistance, L1Distance, L2Distance, \
    MaxInnerProduct, VectorField  # noqa: E402
from django_items.models import Item, Note  # noqa: E402
from vectors import DIMENSIONS, Exact, HalfVector, Vector, as_type, make_rows  # noqa: E402

ROWS = 1000
QUERIES = make_rows(8, seed=2)
RECALL_FLOOR = 0.9


class Django(unittest.TestCase):
    """The table is made by the first migration, filled by the ORM, and gets its indexes by the second one."""

    @classmethod
    def setUpClass(cls):
        call_command('migrate', 'django_items', '0001', verbosity=0)
        cls.rows = make_rows(ROWS)
        with connection.cursor() as cursor:     # the second migration's columns are not there yet
            cursor.executemany('INSERT INTO django_items_item (id, category, embedding) VALUES (%s, %s, %s)',
                               [(i, i % 10, Vector(values).to_text()) for i, values in enumerate(cls.rows)])
        call_command('migrate', verbosity=0)
        cls.vectors = {i: Vector(values) for i, values in enumerate(cls.rows)}

    @classmethod
    def tearDownClass(cls):
        call_command('migrate', 'django_items', 'zero', verbosity=0)
        connection.close()

    def setUp(self):
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        with connection.cursor() as cursor:
            cursor.execute('SET LOCAL enable_seqscan = off; SET LOCAL ivfflat.probes = 5')

    def tearDown(self):
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    def assert_nearest(self, index, make_query, metric, make_vector=Vector):
        exact = Exact(self.vectors, metric)
        shares = []
        for values in QUERIES:
            items = make_query(make_vector(values))
            self.assertIn(f'using {index}', items.explain())
            shares.append(exact.share_found(Vector(values), [item.id for item in items], 10))
        self.assertGreaterEqual(sum(shares) / len(shares), RECALL_FLOOR)

    def test_migrations_are_complete(self):
        """makemigrations finds nothing to do after migrate"""
        call_command('makemigrations', 'django_items', check=True, dry_run=True, verbosity=0)

    def test_l2(self):
        """order_by(L2Distance) takes the hnsw index: recall at least 0.9"""
        self.assert_nearest('item_embedding', lambda q: Item.objects.order_by(L2Distance('embedding', q))[:10], 'l2')

    def test_ivfflat(self):
        """order_by(MaxInnerProduct) of halfvec takes the ivfflat index: recall at least 0.9"""
        self.assert_nearest('item_half', lambda q: Item.objects.order_by(MaxInnerProduct('half', q))[:10], 'ip', HalfVector)

    def test_cast(self):
        """order_by over Cast(embedding, halfvec) takes the index on that expression"""
        field = HalfVectorField(dimensions=DIMENSIONS)
        self.assert_nearest('item_cast', lambda q: Item.objects.order_by(CosineDistance(Cast('embedding', field), q))[:10], 'cosine', HalfVector)

    def test_bits(self):
        """order_by over binary_quantize takes the index on that expression, re-ranked by the vectors"""
        with connection.cursor() as cursor:
            cursor.execute('SET LOCAL hnsw.ef_search = 200')
        exact = Exact(self.vectors, 'cosine')
        shares = []
        for values in QUERIES:
            bits = Cast(Func('embedding', function='binary_quantize'), BitField(length=DIMENSIONS))
            query = Func(Cast(Value(Vector(values).to_text()), VectorField(dimensions=DIMENSIONS)), function='binary_quantize')
            near = Item.objects.order_by(HammingDistance(bits, query))[:200]
            self.assertIn('using item_bits', near.explain())
            nearest = Item.objects.filter(id__in=[item.id for item in near]).order_by(CosineDistance('embedding', Vector(values)))[:10]
            shares.append(exact.share_found(Vector(values), [item.id for item in nearest], 10))
        self.assertGreaterEqual(sum(shares) / len(shares), RECALL_FLOOR)

    def test_annotate(self):
        """annotate, order_by the annotation, filter by it"""
        query = self.vectors[3]
        items = Item.objects.annotate(distance=L2Distance('embedding', query)).order_by('distance')
        found = list(items[:5])
        self.assertEqual((found[0].id, found[0].distance), (3, 0.0))
        self.assertEqual([item.id for item in items.filter(distance__lt=1e-3)], [3])
        scored = Item.objects.annotate(score=Value(1.0) + MaxInnerProduct('embedding', query)).order_by('score')[:5]
        self.assertEqual([item.id for item in scored], [key for _, key in Exact(self.vectors, 'ip').nearest(query, 5)])
        taxi = Item.objects.annotate(distance=L1Distance('embedding', query)).order_by('distance')[:5]
        self.assertEqual([item.id for item in taxi], [key for _, key in Exact(self.vectors, 'l1').nearest(query, 5)])
        neighbour = Item.objects.exclude(id=3).order_by(L2Distance('embedding', F('embedding')), 'id').first()
        self.assertEqual(neighbour.id, 0)

    def test_aggregate(self):
        """Avg over a vector field"""
        mean = Item.objects.aggregate(mean=Avg('embedding', output_field=VectorField()))['mean']
        self.assertAlmostEqual(mean.elements[0], sum(row[0] for row in self.rows) / ROWS, places=4)
        self.assertEqual(Item.objects.values('category').annotate(mean=Avg('half', output_field=HalfVectorField())).count(), 10)

    def test_save(self):
        """create, refresh, update_or_create, bulk_create with conflicts ignored, bulk_update, delete with cascade"""
        item = Item.objects.create(id=ROWS, embedding=Vector([1] * DIMENSIONS), sparse=as_type('sparsevec', self.rows[0]))
        item.refresh_from_db()
        self.assertEqual((item.embedding, item.half, item.sparse), (Vector([1] * DIMENSIONS), None, as_type('sparsevec', self.rows[0])))
        item, created = Item.objects.update_or_create(id=ROWS, defaults={'embedding': Vector([60] * DIMENSIONS)})
        self.assertFalse(created)
        self.assertEqual(Item.objects.order_by(L2Distance('embedding', Vector([60] * DIMENSIONS))).first().id, ROWS)
        Item.objects.bulk_create([Item(id=ROWS + i, embedding=Vector([70 + i] * DIMENSIONS)) for i in range(3)], ignore_conflicts=True)
        self.assertEqual(Item.objects.order_by(L2Distance('embedding', Vector([70] * DIMENSIONS))).first().id, ROWS + 1)
        item.half = HalfVector([5] * DIMENSIONS)
        Item.objects.bulk_update([item], ['half'])
        self.assertEqual(Item.objects.get(id=ROWS).half, HalfVector([5] * DIMENSIONS))
        Note.objects.create(item=item, text='gone with its item')
        item.delete()
        self.assertEqual((Note.objects.count(), Item.objects.filter(id=ROWS).count()), (0, 0))

    def test_errors(self):
        """a vector of the wrong size is a DataError; the transaction goes on after its savepoint"""
        with self.assertRaises(DataError), transaction.atomic():
            Item.objects.create(embedding=Vector([1, 2]))
        self.assertEqual(Item.objects.count(), ROWS)

    def test_introspection(self):
        """inspectdb and the introspection of indexes"""
        out = io.StringIO()
        call_command('inspectdb', 'django_items_item', stdout=out)
        self.assertIn('embedding', out.getvalue())
        with connection.cursor() as cursor:
            constraints = connection.introspection.get_constraints(cursor, 'django_items_item')
        self.assertEqual({name: constraints[name]['type'] for name in ('item_embedding', 'item_half', 'item_cast', 'item_bits')},
                         {'item_embedding': 'hnsw', 'item_half': 'ivfflat', 'item_cast': 'hnsw', 'item_bits': 'hnsw'})

    def test_iterator(self):
        """a server-side cursor under iterator()"""
        with connection.cursor() as cursor:
            cursor.execute('SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = off')     # hnsw may end after ef_search rows
        items = Item.objects.annotate(distance=Cast(L2Distance('embedding', self.vectors[1]), FloatField())).order_by('distance')
        self.assertEqual(sum(1 for item in items.iterator(chunk_size=100) if item.embedding == self.vectors[item.id]), ROWS)


if __name__ == '__main__':
    suite.main()
