"""psycopg2: types registered by OID and by name, COPY in text and binary form, execute_values, named cursors."""

import io
import struct
import unittest

import psycopg2
from psycopg2.extensions import AsIs, QuotedString, new_array_type, new_type, register_adapter, register_type
from psycopg2.extras import execute_batch, execute_values

import suite
from vectors import DIMENSIONS, TYPES, Bit, Exact, HalfVector, SparseVector, Vector, as_type, make_rows

ROWS = 1000
QUERIES = make_rows(8, seed=2)
RECALL_FLOOR = 0.9


class TextAdapter:
    """A value as a quoted literal without a type, as pgvector's Python package writes it."""

    def __init__(self, value):
        self.value = value

    def getquoted(self):
        return QuotedString(self.value.to_text()).getquoted()


def connect():
    connection = psycopg2.connect('')
    with connection, connection.cursor() as cursor:
        cursor.execute('CREATE EXTENSION IF NOT EXISTS vector')
        cursor.execute("SELECT typname, oid, typarray FROM pg_type WHERE oid IN (to_regtype('vector'), to_regtype('halfvec'), "
                       "to_regtype('sparsevec'), to_regtype('bit'))")
        for name, oid, array_oid in cursor.fetchall():
            cls = TYPES[name]
            read = new_type((oid,), name, lambda text, cursor, cls=cls: None if text is None else cls.from_text(text))
            register_type(read, connection)
            register_type(new_array_type((array_oid,), name + '[]', read), connection)
            register_adapter(cls, TextAdapter)
    return connection


class Psycopg2(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.connection = connect()
        cls.rows = [as_type('vector', values) for values in make_rows(ROWS)]
        with cls.connection, cls.connection.cursor() as cursor:
            cursor.execute(f'CREATE TABLE items (id bigserial PRIMARY KEY, e vector({DIMENSIONS}))')
            execute_values(cursor, 'INSERT INTO items (id, e) VALUES %s', list(enumerate(cls.rows)), page_size=250)

    @classmethod
    def tearDownClass(cls):
        with cls.connection, cls.connection.cursor() as cursor:
            cursor.execute('DROP TABLE items')
        cls.connection.close()

    def setUp(self):
        self.cursor = self.connection.cursor()

    def tearDown(self):
        self.connection.rollback()

    def run_sql(self, sql, parameters=None):
        self.cursor.execute(sql, parameters)
        return self.cursor.fetchall()

    def assert_recall(self, sql, metric):
        exact = Exact(dict(enumerate(self.rows)), metric)
        shares = [exact.share_found(Vector(values), [row[0] for row in self.run_sql(sql, [Vector(values)])], 10) for values in QUERIES]
        self.assertGreaterEqual(sum(shares) / len(shares), RECALL_FLOOR)

    def test_values(self):
        """values of all types there and back, and the type code of an empty result"""
        samples = {'vector': Vector([1, 2.5, -0.1]), 'halfvec': HalfVector([1, 2.5]), 'sparsevec': SparseVector(9, {3: 0.5}),
                   'bit(5)': Bit('10110')}
        for name, sample in samples.items():
            self.assertEqual(self.run_sql(f'SELECT %s::{name}, NULL::{name}', [sample]), [(sample, None)])
        self.cursor.execute('SELECT NULL::vector')
        code = self.cursor.description[0].type_code
        self.assertEqual(self.run_sql("SELECT 'vector'::regtype::oid"), [(code,)])

    def test_arrays(self):
        """arrays of vectors"""
        sample = [Vector([1, 2]), Vector([3, 4])]
        self.assertEqual(self.run_sql('SELECT %s::vector[]', [sample]), [(sample,)])
        self.assertEqual(self.run_sql('SELECT %s::vector', [[1, 2.5]]), [(Vector([1, 2.5]),)])

    def test_copy(self):
        """COPY in text and in binary form"""
        self.cursor.execute('CREATE TEMPORARY TABLE copied (LIKE items)')
        text = ''.join(f'{i}\t{row.to_text()}\n' for i, row in enumerate(self.rows))
        self.cursor.copy_expert('COPY copied FROM STDIN', io.StringIO(text))
        binary = io.BytesIO()
        binary.write(b'PGCOPY\n\xff\r\n\0' + bytes(8))
        for i, row in enumerate(self.rows):
            field = row.to_binary()
            binary.write(struct.pack('>hiqi', 2, 8, ROWS + i, len(field)) + field)
        binary.write(b'\xff\xff')
        binary.seek(0)
        self.cursor.copy_expert('COPY copied FROM STDIN (FORMAT BINARY)', binary)
        self.assertEqual(self.run_sql(f'SELECT count(*) FROM copied c JOIN items i ON i.id = c.id %% {ROWS} WHERE i.e = c.e', []),
                         [(2 * ROWS,)])
        out = io.BytesIO()
        self.cursor.copy_expert(f'COPY (SELECT * FROM copied WHERE id >= {ROWS} ORDER BY id) TO STDOUT (FORMAT BINARY)', out)
        self.assertEqual(out.getvalue(), binary.getvalue())

    def test_indexes(self):
        """hnsw and ivfflat indexes with their settings: used, recall at least 0.9"""
        for am, options, setting in (('hnsw', 'm = 16, ef_construction = 64', 'hnsw.ef_search = 100'),
                                     ('ivfflat', 'lists = 10', 'ivfflat.probes = 5')):
            self.cursor.execute(f'CREATE INDEX {am}_idx ON items USING {am} (e vector_cosine_ops) WITH ({options})')
            self.cursor.execute(f'SET LOCAL enable_seqscan = off; SET LOCAL {setting}')
            sql = 'SELECT id FROM items ORDER BY e <=> %s LIMIT 10'
            self.assertIn(f'using {am}_idx', str(self.run_sql('EXPLAIN ' + sql, [self.rows[0]])))
            self.assert_recall(sql, 'cosine')
            self.cursor.execute(f'DROP INDEX {am}_idx')

    def test_upsert(self):
        """bulk upsert by execute_values and execute_batch with an index in place"""
        self.cursor.execute('CREATE INDEX ON items USING hnsw (e vector_l2_ops)')
        moved = [(i, Vector([50 + i] * DIMENSIONS)) for i in range(ROWS - 20, ROWS + 20)]
        execute_values(self.cursor, 'INSERT INTO items (id, e) VALUES %s ON CONFLICT (id) DO UPDATE SET e = EXCLUDED.e', moved)
        execute_batch(self.cursor, 'INSERT INTO items (id, e) VALUES (%s, %s) ON CONFLICT (id) DO NOTHING', moved)
        self.cursor.execute('SET LOCAL enable_seqscan = off')
        for key, value in moved[::7]:
            self.assertEqual(self.run_sql('SELECT id, e FROM items ORDER BY e <-> %s LIMIT 1', [value]), [(key, value)])
        self.assertEqual(self.run_sql('SELECT count(*) FROM items'), [(ROWS + 20,)])

    def test_named_cursor(self):
        """a named cursor reads by distance; the order is right throughout"""
        cursor = self.connection.cursor('nearest')
        cursor.itersize = 100
        cursor.execute('SELECT e <+> %s FROM items ORDER BY 1', [self.rows[0]])
        distances = [row[0] for row in cursor]
        self.assertEqual((len(distances), distances[0]), (ROWS, 0.0))
        self.assertEqual(distances, sorted(distances))
        cursor.close()

    def test_operator_name(self):
        """operators pasted into SQL, as LangChain and others do"""
        for operator in ('<->', '<#>', '<=>', '<+>'):
            self.cursor.execute('SELECT id, e %(op)s %(q)s AS distance FROM items ORDER BY distance ASC LIMIT 3',
                                {'op': AsIs(operator), 'q': self.rows[3]})
            self.assertEqual(len(self.cursor.fetchall()), 3)

    def test_errors(self):
        """errors arrive as classes by SQLSTATE"""
        with self.assertRaises(psycopg2.errors.DataException):
            self.cursor.execute('INSERT INTO items (e) VALUES (%s)', [Vector([1, 2])])
        self.connection.rollback()
        with self.assertRaises(psycopg2.errors.InvalidTextRepresentation):
            self.cursor.execute("SELECT 'x'::vector")


if __name__ == '__main__':
    suite.main()
