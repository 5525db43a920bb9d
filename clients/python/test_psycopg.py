"""psycopg 3: types registered by name, parameters and COPY in text and binary form, and the SQL that pgvector's users write.

The other suites show that a client works; this one also goes through operators, operator classes and settings.
"""

import asyncio
import math
import unittest

import psycopg
from psycopg import errors
from psycopg.types import TypeInfo

import suite
from psycopg_types import connect, register
from vectors import DIMENSIONS, METRICS, TYPES, Bit, Exact, HalfVector, SparseVector, Vector, as_type, make_rows

ROWS = 1000
CATEGORIES = 25
QUERIES = make_rows(8, seed=2)
COLUMNS = {'e': 'vector', 'h': 'halfvec', 's': 'sparsevec', 'b': 'bit'}
COLUMN_OF = {name: column for column, name in COLUMNS.items()}
RECALL_FLOOR = 0.9

# The operator classes of each access method; the names are type_metric_ops.
OPCLASSES = {
    'hnsw': [f'{name}_{metric}' for name in ('vector', 'halfvec', 'sparsevec') for metric in ('l2', 'ip', 'cosine', 'l1')]
            + ['bit_hamming', 'bit_jaccard'],
    'ivfflat': [f'{name}_{metric}' for name in ('vector', 'halfvec') for metric in ('l2', 'ip', 'cosine')] + ['bit_hamming'],
}
OPTIONS = {'hnsw': 'm = 16, ef_construction = 64', 'ivfflat': 'lists = 20'}


class Client(unittest.TestCase):
    """One connection, and a table of 1,000 rows with a column of each type, filled by binary COPY."""

    @classmethod
    def setUpClass(cls):
        cls.connection = connect()
        cls.rows = [[as_type(name, values) for name in COLUMNS.values()] for values in make_rows(ROWS)]
        cls.connection.execute('DROP TABLE IF EXISTS items')
        cls.connection.execute(
            'CREATE TABLE items (id bigserial PRIMARY KEY, category int, '
            + ', '.join(f'{column} {name}({DIMENSIONS})' for column, name in COLUMNS.items()) + ')')
        with cls.connection.cursor() as cursor:
            with cursor.copy('COPY items (id, category, e, h, s, b) FROM STDIN WITH (FORMAT BINARY)') as copy:
                copy.set_types(['int8', 'int4', *COLUMNS.values()])
                for i, row in enumerate(cls.rows):
                    copy.write_row([i, i % CATEGORIES, *row])

    @classmethod
    def tearDownClass(cls):
        cls.connection.close()

    def setUp(self):
        self.connection.execute('BEGIN')

    def tearDown(self):
        self.connection.execute('ROLLBACK')

    def run_sql(self, sql, parameters=None, **options):
        return self.connection.execute(sql, parameters, **options).fetchall()

    def value(self, sql, parameters=None, **options):
        return self.run_sql(sql, parameters, **options)[0][0]

    def values(self, name):
        """The column of the type, by id."""
        position = list(COLUMNS.values()).index(name)
        return {i: row[position] for i, row in enumerate(self.rows)}

    def assert_uses(self, index, sql, parameters=None):
        plan = '\n'.join(row[0] for row in self.run_sql('EXPLAIN (COSTS OFF) ' + sql, parameters))
        self.assertIn(f'using {index}', plan)

    def assert_recall(self, name, metric, sql, limit=10, make_query=as_type):
        """The ids that sql gives for QUERIES, beside the nearest ones."""
        exact = Exact(self.values(name), metric)
        shares = []
        for values in QUERIES:
            ids = [row[0] for row in self.run_sql(sql, [make_query(name, values)])]
            self.assertEqual(len(set(ids)), limit)
            shares.append(exact.share_found(as_type(name, values), ids, limit))
        self.assertGreaterEqual(sum(shares) / len(shares), RECALL_FLOOR)


class Types(Client):
    SAMPLES = {
        'vector': [Vector([1, 2, 3]), Vector([-0.1, 1e30, 1e-30]), Vector([0])],
        'halfvec': [HalfVector([1, 2, 3]), HalfVector([-0.1, 65504, 6e-8])],
        'sparsevec': [SparseVector(5, {0: 1.0, 4: -0.5}), SparseVector(1000000000, {999999999: 1.0}), SparseVector(3, {})],
        'bit': [Bit('1'), Bit('10100000001')],
    }

    def test_names(self):
        """types are found by name, with their array types"""
        for name in ('vector', 'halfvec', 'sparsevec'):
            info = TypeInfo.fetch(self.connection, name)
            self.assertEqual(info.name, name)
            self.assertTrue(info.array_oid)
            self.assertEqual(self.value('SELECT to_regtype(%s)::oid', [name]), info.oid)
        self.assertEqual(
            self.run_sql("SELECT typname FROM pg_type WHERE typname IN ('vector', 'halfvec', 'sparsevec') ORDER BY 1"),
            [('halfvec',), ('sparsevec',), ('vector',)])
        self.assertRegex(self.value("SELECT extversion FROM pg_extension WHERE extname = 'vector'"), r'^0\.8\.')

    def test_parameters(self):
        """parameters and results, text and binary, in all combinations"""
        for name, samples in self.SAMPLES.items():
            for sample in samples:
                for place in ('%t', '%b'):
                    for binary in (False, True):
                        with self.subTest(value=sample, place=place, binary=binary):
                            self.assertEqual(self.value(f'SELECT {place}::{name}{"(11)" if len(sample.to_text()) == 11 else ""}'
                                                        if name == 'bit' else f'SELECT {place}', [sample], binary=binary), sample)

    def test_text_is_canonical(self):
        """the server's text is the shortest that gives the same value"""
        for text in ('[1,-2.5,0.1]', '[1e+30,1e-07,0.0001]'):
            self.assertEqual(self.value(f"SELECT '{text}'::vector::text"), text)
        self.assertEqual(self.value("SELECT ' [ 1.0 , 2e0 ] '::halfvec::text"), '[1,2]')
        self.assertEqual(self.value("SELECT '{3:1.50, 1:0, 2:2}/5'::sparsevec::text"), '{2:2,3:1.5}/5')

    def test_arrays(self):
        """arrays of vectors as parameters and results, text and binary"""
        for name in ('vector', 'halfvec', 'sparsevec'):
            sample = [as_type(name, values) for values in QUERIES[:2]]
            for place in ('%t', '%b'):
                for binary in (False, True):
                    self.assertEqual(self.value(f'SELECT {place}', [sample], binary=binary), sample)

    def test_null(self):
        """NULL as parameter and result"""
        self.assertIsNone(self.value('SELECT %s::vector', [None]))
        self.assertIsNone(self.value("SELECT NULL::vector <-> '[1]'"))

    def test_arrays_of_numbers(self):
        """lists of numbers become vectors on assignment and by cast, and vectors become real[]"""
        self.connection.execute('INSERT INTO items (id, e, h, s) VALUES (%s, %s, %s, %s)', [-1, *[[1.5] * DIMENSIONS] * 3])
        self.assertEqual(self.run_sql('SELECT e, h, s FROM items WHERE id = -1')[0],
                         tuple(as_type(name, [1.5] * DIMENSIONS) for name in ('vector', 'halfvec', 'sparsevec')))
        for array in ('int[]', 'real[]', 'float8[]', 'numeric[]'):
            self.assertEqual(self.value(f"SELECT '{{1,2}}'::{array}::vector"), Vector([1, 2]))
        for sample in (Vector([1, 2.5]), HalfVector([1, 2.5])):
            self.assertEqual(self.value('SELECT %s::real[]', [sample]), [1, 2.5])

    def test_between_types(self):
        """casts between the types, and binary_quantize"""
        self.assertEqual(self.value('SELECT %s::halfvec', [Vector([1, 2.5])]), HalfVector([1, 2.5]))
        self.assertEqual(self.value('SELECT %s::sparsevec', [Vector([0, 2.5])]), SparseVector(2, {1: 2.5}))
        self.assertEqual(self.value('SELECT %s::vector', [SparseVector(2, {1: 2.5})]), Vector([0, 2.5]))
        self.assertEqual(self.value('SELECT binary_quantize(%s)', [Vector([1, -1, 0, 2])]), Bit('1001'))

    def test_errors(self):
        """errors have pgvector's SQLSTATEs, and the connection goes on"""
        for code, sql in (
                ('22000', "SELECT '[1,2]'::vector <-> '[1,2,3]'"),
                ('22000', "SELECT '[1,2]'::vector(3)"),
                ('22000', 'INSERT INTO items (id, e) VALUES (-1, ARRAY[1,2,3])'),
                ('22P02', "SELECT '[1,x]'::vector"),
                ('22P02', "SELECT '1,2'::halfvec"),
                ('22003', "SELECT '[1e39]'::vector"),
                ('22003', "SELECT '[65520]'::halfvec"),
                ('22000', "SELECT 'NaN'::real::text::numeric, ARRAY['NaN'::real]::vector"),
                ('22004', 'SELECT ARRAY[1, NULL]::vector'),
                ('22023', 'SELECT NULL::vector(0)'),
                ('22023', 'SELECT NULL::vector(16001)')):
            with self.subTest(sql=sql), self.assertRaises(psycopg.Error) as caught, self.connection.transaction():
                self.connection.execute(sql)
            self.assertEqual(caught.exception.sqlstate, code, sql)


class Copy(Client):
    def test_binary_out(self):
        """binary COPY out gives what binary COPY in was given"""
        with self.connection.cursor().copy('COPY (SELECT id, e, h, s, b FROM items ORDER BY id) TO STDOUT (FORMAT BINARY)') as copy:
            copy.set_types(['int8', *COLUMNS.values()])
            for i, row in enumerate(copy.rows()):
                self.assertEqual(list(row), [i, *self.rows[i]])
        self.assertEqual(i, ROWS - 1)

    def test_text(self):
        """text COPY in and out"""
        self.connection.execute('CREATE TABLE copied (LIKE items)')
        with self.connection.cursor().copy('COPY copied (id, e, h, s, b) FROM STDIN') as copy:
            for i, row in enumerate(self.rows):
                copy.write_row([i, *row])
        self.assertEqual(self.value('SELECT count(*) FROM copied c JOIN items i USING (id) '
                                    'WHERE c.e = i.e AND c.h = i.h AND c.s = i.s AND c.b = i.b'), ROWS)
        with self.connection.cursor().copy('COPY (SELECT e, s FROM copied ORDER BY id) TO STDOUT') as copy:
            for row, line in zip(self.rows, list(copy.rows())):
                self.assertEqual((Vector.from_text(line[0]), SparseVector.from_text(line[1])), (row[0], row[2]))

    def test_indexed(self):
        """COPY into a table that has an index: the rows are found"""
        self.connection.execute('CREATE TABLE copied (id bigint, e vector(64))')
        self.connection.execute('CREATE INDEX copied_e_idx ON copied USING hnsw (e vector_l2_ops)')
        with self.connection.cursor().copy('COPY copied FROM STDIN (FORMAT BINARY)') as copy:
            copy.set_types(['int8', 'vector'])
            for i, row in enumerate(self.rows):
                copy.write_row([i, row[0]])
        self.connection.execute('SET LOCAL enable_seqscan = off')
        sql = 'SELECT id FROM copied ORDER BY e <-> %s LIMIT 10'
        self.assert_uses('copied_e_idx', sql, [self.rows[0][0]])
        self.assert_recall('vector', 'l2', sql)


class Exactly(Client):
    """Without an index answers are exact."""

    def test_nearest(self):
        """the nearest rows by each operator of each type"""
        for name, column in COLUMN_OF.items():
            for metric in ('hamming', 'jaccard') if name == 'bit' else ('l2', 'ip', 'cosine', 'l1'):
                operator = METRICS[metric][0].replace('%', '%%')
                exact = Exact(self.values(name), metric)
                for values in QUERIES:
                    query = as_type(name, values)
                    rows = self.run_sql(f'SELECT id, {column} {operator} %(q)s FROM items ORDER BY {column} {operator} %(q)s, id LIMIT 10',
                                        {'q': query})
                    self.assertEqual(exact.share_found(query, [row[0] for row in rows], 10), 1)
                    for (expected, _), (_, distance) in zip(exact.nearest(query, 10), rows):
                        self.assertTrue(math.isclose(distance, expected, rel_tol=1e-4, abs_tol=1e-4), (metric, distance, expected))

    def test_functions(self):
        """the functions say what the operators say"""
        pairs = {'<->': 'l2_distance', '<=>': 'cosine_distance', '<+>': 'l1_distance', '<#>': '-inner_product'}
        for column in 'ehs':
            for operator, function in pairs.items():
                self.assertEqual(self.value(f'SELECT count(*) FROM items WHERE {column} {operator} %(q)s = {function}({column}, %(q)s)',
                                            {'q': as_type(COLUMNS[column], QUERIES[0])}), ROWS)
        for operator, function in {'<~>': 'hamming_distance', '<%%>': 'jaccard_distance'}.items():
            self.assertEqual(self.value(f'SELECT count(*) FROM items WHERE b {operator} %(q)s = {function}(b, %(q)s)',
                                        {'q': as_type('bit', QUERIES[0])}), ROWS)

    def test_elementwise(self):
        """arithmetic, norms, parts and concatenation"""
        for expression, expected in {
                "'[1,2]'::vector + '[3,4]'": Vector([4, 6]),
                "'[1,2]'::vector - '[3,5]'": Vector([-2, -3]),
                "'[1,2]'::halfvec * '[3,4]'": HalfVector([3, 8]),
                "'[1,2]'::vector || '[3]'": Vector([1, 2, 3]),
                "vector_dims('[1,2]'::vector)": 2,
                "vector_norm('[3,4]')": 5.0,
                "l2_norm('{1:3,2:4}/9'::sparsevec)": 5.0,
                "l2_normalize('[3,4]'::vector)": Vector([0.6, 0.8]),
                "subvector('[1,2,3,4]'::vector, 2, 2)": Vector([2, 3])}.items():
            self.assertEqual(self.value(f'SELECT {expression}'), expected, expression)

    def test_aggregates(self):
        """avg and sum, whole and by group"""
        columns = list(zip(*(row[0].elements for row in self.rows)))
        total, mean = self.run_sql('SELECT sum(e), avg(e) FROM items')[0]
        for column, got_total, got_mean in zip(columns, total.elements, mean.elements):
            self.assertTrue(math.isclose(got_total, sum(column), rel_tol=1e-3, abs_tol=1e-2))
            self.assertTrue(math.isclose(got_mean, sum(column) / ROWS, rel_tol=1e-3, abs_tol=1e-4))
        self.assertEqual(len(self.run_sql('SELECT category, avg(h) FROM items GROUP BY category')), CATEGORIES)

    def test_comparison(self):
        """equality, order, DISTINCT and a unique index over vectors"""
        same = self.rows[7][0]
        self.assertEqual(self.run_sql('SELECT id FROM items WHERE e = %s', [same]), [(7,)])
        self.assertEqual(self.value('SELECT count(DISTINCT e) FROM items'), len({row[0].elements for row in self.rows}))
        self.assertEqual([row[0].elements for row in self.run_sql('SELECT e FROM items ORDER BY e')],
                         sorted(row[0].elements for row in self.rows))
        self.connection.execute('CREATE UNIQUE INDEX ON items (e)')
        with self.assertRaises(errors.UniqueViolation), self.connection.transaction():
            self.connection.execute('INSERT INTO items (id, e) VALUES (-1, %s)', [same])


class Indexes(Client):
    """Each operator class of each access method, created as clients do. The tests are made below."""

    def check_opclass(self, am, opclass):
        name, metric = opclass.split('_')
        column, operator = COLUMN_OF[name], METRICS[metric][0].replace('%', '%%')
        self.connection.execute(f'CREATE INDEX items_{column}_idx ON items USING {am} ({column} {opclass}_ops) WITH ({OPTIONS[am]})')
        self.connection.execute('SET LOCAL enable_seqscan = off')
        self.connection.execute('SET LOCAL ivfflat.probes = 10')
        sql = f'SELECT id FROM items ORDER BY {column} {operator} %s LIMIT 10'
        self.assert_uses(f'items_{column}_idx', sql, [as_type(name, QUERIES[0])])
        self.assert_recall(name, metric, sql)


for am, opclasses in OPCLASSES.items():
    for opclass in opclasses:
        def test(self, am=am, opclass=opclass):
            self.check_opclass(am, opclass)
        test.__doc__ = f'{am} index of {opclass}_ops: used, recall at least {RECALL_FLOOR}'
        setattr(Indexes, f'test_{am}_{opclass}', test)


class Expressions(Client):
    def setUp(self):
        super().setUp()
        self.connection.execute('SET LOCAL enable_seqscan = off')

    def test_halfvec(self):
        """index on (e::halfvec(n)) is used, and its rows re-ranked by the whole vectors"""
        self.connection.execute(f'CREATE INDEX half_idx ON items USING hnsw ((e::halfvec({DIMENSIONS})) halfvec_cosine_ops)')
        inner = f'SELECT id, e FROM items ORDER BY e::halfvec({DIMENSIONS}) <=> %(q)s::halfvec({DIMENSIONS}) LIMIT 30'
        sql = f'SELECT id FROM ({inner}) AS candidates ORDER BY e <=> %(q)s LIMIT 10'
        self.assert_uses('half_idx', sql, {'q': self.rows[0][0]})
        exact = Exact(self.values('vector'), 'cosine')
        shares = [exact.share_found(Vector(q), [row[0] for row in self.run_sql(sql, {'q': Vector(q)})], 10) for q in QUERIES]
        self.assertGreaterEqual(sum(shares) / len(shares), RECALL_FLOOR)

    def test_binary_quantize(self):
        """index on (binary_quantize(e)::bit(n)) is used, and its rows re-ranked by the whole vectors"""
        for opclass, operator in (('bit_hamming_ops', '<~>'), ('bit_jaccard_ops', '<%%>')):
            with self.subTest(opclass=opclass):
                self.connection.execute('DROP INDEX IF EXISTS quantized_idx')
                self.connection.execute(
                    f'CREATE INDEX quantized_idx ON items USING hnsw ((binary_quantize(e)::bit({DIMENSIONS})) {opclass})')
                self.connection.execute('SET LOCAL hnsw.ef_search = 200')
                inner = (f'SELECT id, e FROM items ORDER BY binary_quantize(e)::bit({DIMENSIONS}) {operator} '
                         'binary_quantize(%(q)s::vector) LIMIT 200')
                sql = f'SELECT id FROM ({inner}) AS candidates ORDER BY e <=> %(q)s LIMIT 10'
                self.assert_uses('quantized_idx', sql, {'q': self.rows[0][0]})
                exact = Exact(self.values('vector'), 'cosine')
                shares = [exact.share_found(Vector(q), [row[0] for row in self.run_sql(sql, {'q': Vector(q)})], 10) for q in QUERIES]
                self.assertGreaterEqual(sum(shares) / len(shares), RECALL_FLOOR)

    def test_untyped_column(self):
        """index on (e::vector(n)) over a column without dimensions, with a predicate"""
        self.connection.execute('CREATE TABLE mixed (model int, id bigint, e vector)')
        self.connection.execute('INSERT INTO mixed SELECT 1, id, e FROM items')
        self.connection.execute("INSERT INTO mixed VALUES (2, 1, '[1,2,3]')")
        self.connection.execute(f'CREATE INDEX mixed_idx ON mixed USING hnsw ((e::vector({DIMENSIONS})) vector_l2_ops) WHERE (model = 1)')
        sql = f'SELECT id FROM mixed WHERE model = 1 ORDER BY e::vector({DIMENSIONS}) <-> %s LIMIT 10'
        self.assert_uses('mixed_idx', sql, [self.rows[0][0]])
        self.assert_recall('vector', 'l2', sql)

    def test_subvector(self):
        """index on (subvector(e, 1, n)::vector(n))"""
        self.connection.execute('CREATE INDEX part_idx ON items USING hnsw ((subvector(e, 1, 16)::vector(16)) vector_cosine_ops)')
        sql = 'SELECT id FROM items ORDER BY subvector(e, 1, 16)::vector(16) <=> subvector(%s::vector, 1, 16) LIMIT 5'
        self.assert_uses('part_idx', sql, [self.rows[0][0]])
        self.assertIn((7,), self.run_sql(sql, [self.rows[7][0]]))


class Queries(Client):
    """The forms of queries that clients and frameworks send, with an index in place."""

    def setUp(self):
        super().setUp()
        self.connection.execute('CREATE INDEX cosine_idx ON items USING hnsw (e vector_cosine_ops)')
        self.connection.execute('CREATE INDEX ip_idx ON items USING hnsw (e vector_ip_ops)')
        self.connection.execute('SET LOCAL enable_seqscan = off')
        self.query = {'q': Vector(QUERIES[0])}
        self.nearest = Exact(self.values('vector'), 'cosine').nearest(Vector(QUERIES[0]), 20)

    def test_distance_in_target_list(self):
        """distance, similarity and function in the target list; ORDER BY an alias"""
        sql = ('SELECT id, e <=> %(q)s AS distance, 1 - (e <=> %(q)s) AS similarity, cosine_distance(e, %(q)s) '
               'FROM items ORDER BY distance LIMIT 10')
        self.assert_uses('cosine_idx', sql, self.query)
        rows = self.run_sql(sql, self.query)
        self.assertEqual([row[1] for row in rows], sorted(row[1] for row in rows))
        self.assertTrue(math.isclose(rows[0][1], self.nearest[0][0], rel_tol=1e-4))
        for _, distance, similarity, by_function in rows:
            self.assertTrue(math.isclose(distance, by_function, rel_tol=1e-6) and math.isclose(similarity, 1 - distance, rel_tol=1e-6))

    def test_distance_in_where(self):
        """WHERE distance < x with ORDER BY distance"""
        limit = (self.nearest[4][0] + self.nearest[5][0]) / 2
        sql = 'SELECT id FROM items WHERE e <=> %(q)s < %(limit)s ORDER BY e <=> %(q)s LIMIT 10'
        self.assert_uses('cosine_idx', sql, {**self.query, 'limit': limit})
        found = {row[0] for row in self.run_sql(sql, {**self.query, 'limit': limit})}
        self.assertLessEqual(found, {key for _, key in self.nearest[:5]})
        self.assertGreaterEqual(len(found), 4)

    def test_order_by_expression(self):
        """ORDER BY 1 + (e <#> x), which no index serves, is exact"""
        nearest = Exact(self.values('vector'), 'ip').nearest(Vector(QUERIES[0]), 10)
        rows = self.run_sql('SELECT id, 1 + (e <#> %(q)s) AS distance FROM items ORDER BY 1 + (e <#> %(q)s) LIMIT 10', self.query)
        self.assertEqual([row[0] for row in rows], [key for _, key in nearest])
        self.assertTrue(math.isclose(rows[0][1], 1 + nearest[0][0], rel_tol=1e-4))

    def test_inner_product(self):
        """ORDER BY e <#> x takes the index of its own operator class"""
        sql = 'SELECT id FROM items ORDER BY e <#> %s LIMIT 10'
        self.assert_uses('ip_idx', sql, [Vector(QUERIES[0])])
        self.assert_recall('vector', 'ip', sql)

    def test_to_a_stored_row(self):
        """the rows nearest to another row"""
        rows = self.run_sql('SELECT id FROM items WHERE id <> 7 ORDER BY e <=> (SELECT e FROM items WHERE id = 7) LIMIT 5')
        exact = Exact({key: value for key, value in self.values('vector').items() if key != 7}, 'cosine')
        self.assertGreaterEqual(exact.share_found(self.rows[7][0], [row[0] for row in rows], 5), 0.8)

    def test_prepared(self):
        """a prepared statement with a generic plan, parameters in binary form"""
        self.connection.execute('SET LOCAL plan_cache_mode = force_generic_plan')
        exact = Exact(self.values('vector'), 'cosine')
        for values in QUERIES:
            rows = self.run_sql('SELECT id FROM items ORDER BY e <=> %b LIMIT 10', [Vector(values)], prepare=True)
            self.assertGreaterEqual(exact.share_found(Vector(values), [row[0] for row in rows], 10), 0.8)

    def test_cursor(self):
        """a server-side cursor reads on beyond any beam"""
        self.connection.execute("SET LOCAL hnsw.iterative_scan = 'strict_order'")
        with self.connection.cursor('nearest') as cursor:
            cursor.execute('SELECT e <=> %(q)s FROM items ORDER BY e <=> %(q)s LIMIT 500', self.query)
            distances = [row[0] for _ in range(10) for row in cursor.fetchmany(50)]
        self.assertEqual(len(distances), 500)
        self.assertEqual(distances, sorted(distances))

    def test_pipeline(self):
        """many searches in one pipeline"""
        with self.connection.pipeline():
            cursors = [self.connection.execute('SELECT id FROM items ORDER BY e <=> %s LIMIT 1', [row[0]]) for row in self.rows[:30]]
        self.assertGreaterEqual(sum(cursor.fetchone()[0] == i for i, cursor in enumerate(cursors)), 27)

    def test_fusion(self):
        """full text and vectors joined by reciprocal ranks, over a generated tsvector column"""
        self.connection.execute("ALTER TABLE items ADD COLUMN words tsvector GENERATED ALWAYS AS "
                                "(to_tsvector('english', 'number ' || category)) STORED")
        self.connection.execute('CREATE INDEX ON items USING gin (words)')
        rows = self.run_sql('''
            WITH by_vector AS (SELECT id, rank() OVER (ORDER BY e <=> %(q)s) AS rank FROM items ORDER BY e <=> %(q)s LIMIT 20),
                 by_words AS (SELECT id, rank() OVER (ORDER BY id) AS rank FROM items
                               WHERE words @@ plainto_tsquery('english', 'number 7') LIMIT 20)
            SELECT coalesce(v.id, w.id), coalesce(1.0 / (60 + v.rank), 0) + coalesce(1.0 / (60 + w.rank), 0) AS score
              FROM by_vector v FULL JOIN by_words w ON v.id = w.id ORDER BY score DESC LIMIT 5''', self.query)
        self.assertEqual(len(rows), 5)
        self.assertEqual({row[0] for row in rows} - {key for _, key in self.nearest} - set(range(7, ROWS, CATEGORIES)), set())


class Settings(Client):
    DEFAULTS = {'hnsw.ef_search': '40', 'hnsw.iterative_scan': 'off', 'hnsw.max_scan_tuples': '20000', 'hnsw.scan_mem_multiplier': '1',
                'ivfflat.probes': '1', 'ivfflat.iterative_scan': 'off', 'ivfflat.max_probes': '32768'}

    def test_defaults(self):
        """settings have pgvector's defaults, SET LOCAL holds to the end of the transaction"""
        self.connection.execute("CREATE INDEX ON items USING hnsw (e vector_l2_ops)")      # loads the library
        for name, default in self.DEFAULTS.items():
            self.assertEqual(self.value(f'SHOW {name}'), default)
        with self.connection.transaction(force_rollback=True):
            self.connection.execute('SET LOCAL hnsw.ef_search = 100')
            self.connection.execute("SET LOCAL hnsw.iterative_scan = 'relaxed_order'")
            self.assertEqual(self.value('SHOW hnsw.ef_search'), '100')
        self.assertEqual(self.value('SHOW hnsw.ef_search'), '40')

    def test_bad_values(self):
        """settings and options refuse what pgvector refuses"""
        self.connection.execute("CREATE INDEX ON items USING hnsw (e vector_l2_ops)")
        for sql in ('SET LOCAL hnsw.ef_search = 0', 'SET LOCAL hnsw.ef_search = 1001', "SET LOCAL hnsw.iterative_scan = 'on'",
                    'SET LOCAL ivfflat.probes = 0', "SET LOCAL ivfflat.iterative_scan = 'strict_order'",
                    'CREATE INDEX ON items USING hnsw (e vector_l2_ops) WITH (m = 1)',
                    'CREATE INDEX ON items USING hnsw (e vector_l2_ops) WITH (ef_construction = 3)',
                    'CREATE INDEX ON items USING ivfflat (e vector_l2_ops) WITH (lists = 0)'):
            with self.subTest(sql=sql), self.assertRaises(errors.InvalidParameterValue), self.connection.transaction():
                self.connection.execute(sql)

    def test_iterative_scans(self):
        """a filter that few rows pass still gives all rows asked for, in order, with an iterative scan"""
        exact = Exact({key: value for key, value in self.values('vector').items() if key % CATEGORIES == 3}, 'l2')
        # ivfflat gives the matching rows of its first lists before it looks at further ones
        for am, modes, floor in (('hnsw', ('strict_order', 'relaxed_order'), RECALL_FLOOR), ('ivfflat', ('relaxed_order',), 0.7)):
            self.connection.execute('DROP INDEX IF EXISTS iterative_idx')
            self.connection.execute(f'CREATE INDEX iterative_idx ON items USING {am} (e vector_l2_ops) WITH ({OPTIONS[am]})')
            self.connection.execute('SET LOCAL enable_seqscan = off')
            self.connection.execute('SET LOCAL enable_sort = off')
            self.connection.execute('SET LOCAL hnsw.max_scan_tuples = 20000')
            self.connection.execute('SET LOCAL hnsw.scan_mem_multiplier = 2')
            self.connection.execute('SET LOCAL ivfflat.probes = 10')
            self.connection.execute('SET LOCAL ivfflat.max_probes = 20')
            for mode in modes:
                with self.subTest(am=am, mode=mode):
                    self.connection.execute(f"SET LOCAL {am}.iterative_scan = '{mode}'")
                    sql = 'SELECT id, e <-> %(q)s FROM items WHERE category = 3 ORDER BY e <-> %(q)s LIMIT 20'
                    self.assert_uses('iterative_idx', sql, {'q': Vector(QUERIES[0])})
                    shares = []
                    for values in QUERIES:
                        rows = self.run_sql(sql, {'q': Vector(values)})
                        self.assertEqual(len(rows), 20)
                        shares.append(exact.share_found(Vector(values), [row[0] for row in rows], 20))
                        if mode == 'strict_order':
                            self.assertEqual([row[1] for row in rows], sorted(row[1] for row in rows))
                    self.assertGreaterEqual(sum(shares) / len(shares), floor)

    def test_relaxed_then_sorted(self):
        """a relaxed scan in a materialised CTE, sorted outside"""
        self.connection.execute('CREATE INDEX relaxed_idx ON items USING hnsw (e vector_l2_ops)')
        self.connection.execute('SET LOCAL enable_seqscan = off')
        self.connection.execute("SET LOCAL hnsw.iterative_scan = 'relaxed_order'")
        sql = ('WITH relaxed AS MATERIALIZED (SELECT id, e <-> %(q)s AS distance FROM items WHERE category < 12 ORDER BY distance LIMIT 50) '
               'SELECT id, distance FROM relaxed ORDER BY distance + 0')
        self.assert_uses('relaxed_idx', sql, {'q': Vector(QUERIES[0])})
        rows = self.run_sql(sql, {'q': Vector(QUERIES[0])})
        self.assertEqual(len(rows), 50)
        self.assertEqual([row[1] for row in rows], sorted(row[1] for row in rows))


class Writes(Client):
    def setUp(self):
        super().setUp()
        self.connection.execute('CREATE INDEX write_idx ON items USING hnsw (e vector_l2_ops) WITH (m = 16, ef_construction = 64)')
        self.connection.execute('SET LOCAL enable_seqscan = off')

    def nearest(self, query):
        return self.value('SELECT id FROM items ORDER BY e <-> %s LIMIT 1', [query])

    def test_upsert(self):
        """ON CONFLICT DO UPDATE: the new vector is found, the old one is not"""
        moved = Vector([9] * DIMENSIONS)
        with self.connection.cursor() as cursor:
            cursor.executemany('INSERT INTO items (id, category, e) VALUES (%s, %s, %s) '
                               'ON CONFLICT (id) DO UPDATE SET category = EXCLUDED.category, e = EXCLUDED.e',
                               [(7, 1, moved), (ROWS, 1, Vector([-9] * DIMENSIONS))])
        self.assertEqual(self.nearest(moved), 7)
        self.assertEqual(self.nearest(Vector([-9] * DIMENSIONS)), ROWS)
        self.assertNotEqual(self.nearest(self.rows[7][0]), 7)
        self.assertEqual(self.value('SELECT count(*) FROM items'), ROWS + 1)
        self.assertEqual(self.run_sql('INSERT INTO items (id, e) VALUES (7, %s) ON CONFLICT DO NOTHING RETURNING id', [moved]), [])

    def test_update_and_delete(self):
        """UPDATE and DELETE with RETURNING"""
        moved = Vector([9] * DIMENSIONS)
        self.assertEqual(self.run_sql('UPDATE items SET e = %s WHERE id = 7 RETURNING e', [moved]), [(moved,)])
        self.assertEqual(self.nearest(moved), 7)
        self.assertEqual(self.run_sql('DELETE FROM items WHERE id = 7 RETURNING id'), [(7,)])
        self.assertNotEqual(self.nearest(moved), 7)

    def test_savepoint(self):
        """what a rolled back savepoint inserted is not found"""
        far = Vector([9] * DIMENSIONS)
        with self.connection.transaction(force_rollback=True):
            self.connection.execute('INSERT INTO items (id, e) VALUES (-1, %s)', [far])
            self.assertEqual(self.nearest(far), -1)
        self.assertNotEqual(self.nearest(far), -1)

    def test_cascade(self):
        """a foreign key with ON DELETE CASCADE"""
        self.connection.execute('CREATE TABLE chunks (id bigserial PRIMARY KEY, item bigint REFERENCES items ON DELETE CASCADE, e vector(3))')
        self.connection.execute("INSERT INTO chunks (item, e) SELECT id, '[1,2,3]' FROM items WHERE id < 10")
        self.connection.execute('DELETE FROM items WHERE id < 5')
        self.assertEqual(self.value('SELECT count(*) FROM chunks'), 5)


class Maintenance(Client):
    """What cannot run inside a transaction block."""

    def setUp(self):
        self.connection.execute('SET enable_seqscan = off')

    def tearDown(self):
        self.connection.execute('RESET enable_seqscan')
        self.connection.execute('DROP TABLE IF EXISTS kept')

    def test_concurrently(self):
        """CREATE, REINDEX and DROP INDEX CONCURRENTLY; VACUUM after deletions"""
        self.connection.execute('CREATE TABLE kept AS SELECT id, e FROM items')
        self.connection.execute('ALTER TABLE kept ALTER COLUMN e SET STORAGE PLAIN')
        self.connection.execute('CREATE INDEX CONCURRENTLY kept_idx ON kept USING hnsw (e vector_l2_ops)')
        sql = 'SELECT id FROM kept ORDER BY e <-> %s LIMIT 10'
        self.assert_recall('vector', 'l2', sql)
        self.connection.execute('REINDEX INDEX CONCURRENTLY kept_idx')
        self.assert_uses('kept_idx', sql, [self.rows[0][0]])
        self.assert_recall('vector', 'l2', sql)
        self.connection.execute('DELETE FROM kept WHERE id % 2 = 0')
        self.connection.execute('VACUUM ANALYZE kept')
        ids = [row[0] for row in self.run_sql(sql, [Vector(QUERIES[0])])]
        self.assertEqual(len(ids), 10)
        self.assertTrue(all(key % 2 for key in ids))
        self.connection.execute('DROP INDEX CONCURRENTLY kept_idx')

    def test_partitions(self):
        """an index on a partitioned table serves each partition, merged in order"""
        self.connection.execute(f'CREATE TABLE kept (id bigint, category int, e vector({DIMENSIONS})) PARTITION BY LIST (category)')
        for partition, categories in enumerate((range(0, 12), range(12, CATEGORIES))):
            self.connection.execute(f'CREATE TABLE kept_{partition} PARTITION OF kept FOR VALUES IN ({", ".join(map(str, categories))})')
        self.connection.execute('CREATE INDEX kept_idx ON kept USING hnsw (e vector_l2_ops)')
        self.connection.execute('INSERT INTO kept SELECT id, category, e FROM items')
        sql = 'SELECT id FROM kept ORDER BY e <-> %s LIMIT 10'
        self.assert_uses('kept_0_e_idx', sql, [self.rows[0][0]])
        self.assert_recall('vector', 'l2', sql)


class Async(unittest.TestCase):
    def test_async(self):
        """an asynchronous connection: registration, binary parameters, COPY, concurrent searches"""

        async def search(values, key):
            async with await psycopg.AsyncConnection.connect(autocommit=True) as connection:
                register(connection, [await TypeInfo.fetch(connection, name) for name in TYPES])
                cursor = await connection.execute('SELECT id, e FROM async_items ORDER BY e <-> %b LIMIT 1', [values], binary=True)
                self.assertEqual(await cursor.fetchone(), (key, values))

        async def scenario():
            async with await psycopg.AsyncConnection.connect(autocommit=True) as connection:
                await connection.execute('CREATE EXTENSION IF NOT EXISTS vector')
                register(connection, [await TypeInfo.fetch(connection, name) for name in TYPES])
                await connection.execute(f'CREATE TABLE async_items (id bigint PRIMARY KEY, e vector({DIMENSIONS}))')
                rows = [Vector(values) for values in make_rows(200)]
                async with connection.cursor().copy('COPY async_items FROM STDIN (FORMAT BINARY)') as copy:
                    copy.set_types(['int8', 'vector'])
                    for i, row in enumerate(rows):
                        await copy.write_row([i, row])
                await asyncio.gather(*(search(row, i) for i, row in enumerate(rows[:8])))
                await connection.execute('DROP TABLE async_items')

        asyncio.run(scenario())


del Client      # its subclasses hold the tests

if __name__ == '__main__':
    suite.main()
