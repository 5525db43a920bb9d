"""The SQL that applications and benchmarks made for pgvector send, as their sources have it, sent by psycopg."""

import unittest
import uuid

from psycopg.types.json import Jsonb

import suite
from psycopg_types import connect
from vectors import DIMENSIONS, Exact, Vector, make_rows

ROWS = 600
RECALL_FLOOR = 0.9


class Applications(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.connection = connect()
        cls.rows = [Vector(values) for values in make_rows(ROWS)]
        cls.query = Vector(make_rows(1, seed=2)[0])

    @classmethod
    def tearDownClass(cls):
        cls.connection.close()

    def setUp(self):
        self.connection.execute('BEGIN')
        self.connection.execute('SET LOCAL enable_seqscan = off')

    def tearDown(self):
        self.connection.execute('ROLLBACK')

    def run_sql(self, sql, parameters=None):
        return self.connection.execute(sql, parameters).fetchall()

    def insert(self, sql, rows):
        with self.connection.cursor() as cursor:
            cursor.executemany(sql, rows)

    def assert_uses(self, index, sql, parameters):
        self.assertIn(f'using {index}', '\n'.join(row[0] for row in self.run_sql('EXPLAIN (COSTS OFF) ' + sql, parameters)))

    def assert_nearest(self, ids, metric, count, keys=None):
        exact = Exact({key: row for key, row in enumerate(self.rows) if keys is None or key in keys}, metric)
        self.assertEqual(len(ids), count)
        self.assertGreaterEqual(exact.share_found(self.query, ids, count), RECALL_FLOOR)

    def test_spring_ai(self):
        """Spring AI: uuid keys, upsert by ON CONFLICT, distance below a threshold with a jsonpath filter"""
        for extension in ('vector', 'hstore', '"uuid-ossp"'):
            self.connection.execute(f'CREATE EXTENSION IF NOT EXISTS {extension}')
        self.connection.execute(f'CREATE TABLE IF NOT EXISTS public.vector_store (id uuid DEFAULT uuid_generate_v4() PRIMARY KEY, content text, '
                                f'metadata json, embedding vector({DIMENSIONS}))')
        self.connection.execute('CREATE INDEX IF NOT EXISTS spring_ai_vector_index ON public.vector_store USING HNSW (embedding vector_cosine_ops)')
        upsert = ('INSERT INTO public.vector_store (id, content, metadata, embedding) VALUES (%(id)s, %(text)s, %(meta)s::jsonb, %(e)s) '
                  'ON CONFLICT (id) DO UPDATE SET content = %(text)s, metadata = %(meta)s::jsonb, embedding = %(e)s')
        self.insert(upsert, [{'id': uuid.UUID(int=i), 'text': 'old', 'meta': Jsonb({}), 'e': self.rows[ROWS - 1 - i]} for i in range(50)])
        self.insert(upsert, [{'id': uuid.UUID(int=i), 'text': str(i), 'meta': Jsonb({'year': 2000 + i % 20}), 'e': row}
                             for i, row in enumerate(self.rows)])
        sql = ('SELECT *, embedding <=> %(q)s AS distance FROM public.vector_store WHERE embedding <=> %(q)s < %(d)s '
               "AND metadata::jsonb @@ '$.year >= 2010'::jsonpath ORDER BY distance LIMIT %(k)s")
        parameters = {'q': self.query, 'd': 2.0, 'k': 10}
        self.assert_uses('spring_ai_vector_index', sql, parameters)
        self.connection.execute("SET LOCAL hnsw.iterative_scan = 'strict_order'")
        self.assert_nearest([int(row[1]) for row in self.run_sql(sql, parameters)], 'cosine', 10, {i for i in range(ROWS) if i % 20 >= 10})

    def test_rails(self):
        """Rails: type map, columns and index definitions read from the catalogs"""
        self.connection.execute(f'CREATE TABLE "documents" ("id" bigserial primary key, "embedding" vector({DIMENSIONS}), "half" halfvec(3))')
        self.connection.execute('CREATE INDEX "index_documents_on_embedding" ON "documents" USING hnsw ("embedding" vector_cosine_ops) '
                                'WITH (m = 16, ef_construction = 64)')
        types = self.run_sql('SELECT t.oid, t.typname, t.typelem, t.typdelim, t.typinput, r.rngsubtype, t.typtype, t.typbasetype FROM pg_type AS t '
                             "LEFT JOIN pg_range AS r ON oid = rngtypid WHERE t.typname IN ('vector', 'halfvec', 'sparsevec')")
        self.assertEqual({(row[1], row[2], row[3], row[6]) for row in types}, {(name, 0, ',', 'b') for name in ('vector', 'halfvec', 'sparsevec')})
        columns = self.run_sql('SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a '
                               "WHERE a.attrelid = '\"documents\"'::regclass AND a.attnum > 1 ORDER BY a.attnum")
        self.assertEqual(columns, [('embedding', f'vector({DIMENSIONS})'), ('half', 'halfvec(3)')])
        self.assertEqual(self.run_sql('SELECT pg_get_indexdef(d.indexrelid) FROM pg_index d WHERE d.indrelid = \'"documents"\'::regclass AND NOT d.indisprimary'),
                         [("CREATE INDEX index_documents_on_embedding ON public.documents USING hnsw (embedding vector_cosine_ops) "
                           "WITH (m='16', ef_construction='64')",)])
        self.assertEqual(self.run_sql("SELECT opcname FROM pg_index i JOIN pg_opclass o ON o.oid = i.indclass[0] "
                                      "WHERE i.indexrelid = 'index_documents_on_embedding'::regclass"), [('vector_cosine_ops',)])

    def test_llama_index(self):
        """LlamaIndex: a generated tsvector beside the vector, filters on json, hybrid queries"""
        self.connection.execute(
            f"CREATE TABLE public.data_docs (id BIGSERIAL NOT NULL, text VARCHAR NOT NULL, metadata_ JSON, node_id VARCHAR, embedding VECTOR({DIMENSIONS}), "
            "text_search_tsv TSVECTOR GENERATED ALWAYS AS (to_tsvector('english', text)) STORED, PRIMARY KEY (id))")
        self.connection.execute('CREATE INDEX data_docs_idx ON public.data_docs USING gin (text_search_tsv)')
        self.connection.execute("CREATE INDEX data_docs_idx_1 ON public.data_docs USING btree ((metadata_ ->> 'ref_doc_id'))")
        self.connection.execute('CREATE INDEX IF NOT EXISTS data_docs_embedding_idx ON public.data_docs USING hnsw (embedding vector_cosine_ops) '
                                'WITH (m = 16, ef_construction = 64)')
        self.insert('INSERT INTO public.data_docs (text, metadata_, node_id, embedding) VALUES (%s, %s::jsonb, %s, %s)',
                    [(f'number {i % 30}', Jsonb({'ref_doc_id': str(i % 3)}), str(i), row) for i, row in enumerate(self.rows)])
        self.connection.execute('SET LOCAL hnsw.ef_search = 100')
        sql = "SELECT id, node_id, text, metadata_, embedding <=> %(q)s AS distance FROM public.data_docs ORDER BY distance ASC LIMIT 10"
        self.assert_uses('data_docs_embedding_idx', sql, {'q': self.query})
        self.assert_nearest([int(row[1]) for row in self.run_sql(sql, {'q': self.query})], 'cosine', 10)
        filtered = self.run_sql("SELECT node_id FROM public.data_docs WHERE (metadata_ ->> 'ref_doc_id') = '1' ORDER BY embedding <=> %(q)s LIMIT 5",
                                {'q': self.query})
        self.assert_nearest([int(row[0]) for row in filtered], 'cosine', 5, set(range(1, ROWS, 3)))
        sparse = self.run_sql("SELECT node_id, ts_rank(text_search_tsv, q) AS rank FROM public.data_docs, to_tsquery('english', 'number&7') AS q "
                              'WHERE text_search_tsv @@ q ORDER BY rank DESC LIMIT 50')
        self.assertEqual({int(row[0]) % 30 for row in sparse}, {7})

    def test_haystack(self):
        """Haystack: scores as 1 - distance ordered downwards, and as inner product; a keyword index"""
        self.connection.execute(
            f'CREATE TABLE haystack_documents (id VARCHAR(128) PRIMARY KEY, embedding VECTOR({DIMENSIONS}), content TEXT, blob_data BYTEA, blob_meta JSONB, '
            'blob_mime_type VARCHAR(255), meta JSONB)')
        self.connection.execute("CREATE INDEX haystack_keyword_index ON haystack_documents USING GIN (to_tsvector('english', content))")
        self.connection.execute('CREATE INDEX haystack_hnsw_index ON haystack_documents USING hnsw (embedding vector_ip_ops)')
        self.insert('INSERT INTO haystack_documents (id, embedding, content, meta) VALUES (%s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET '
                    'embedding = EXCLUDED.embedding, content = EXCLUDED.content, meta = EXCLUDED.meta',
                    [(str(i), row, f'number {i}', Jsonb({'odd': i % 2 == 1})) for i, row in enumerate(self.rows)])
        literal = f"'{self.query.to_text()}'"
        by_score = self.run_sql(f"SELECT id, 1 - (embedding <=> {literal}) AS score FROM haystack_documents WHERE meta->>'odd' = 'true' ORDER BY score DESC LIMIT 10")
        self.assert_nearest([int(row[0]) for row in by_score], 'cosine', 10, set(range(1, ROWS, 2)))
        by_product = f'SELECT id, (embedding <#> {literal}) * -1 AS score FROM haystack_documents ORDER BY embedding <#> {literal} ASC LIMIT 10'
        self.assert_uses('haystack_hnsw_index', by_product, None)
        self.assert_nearest([int(row[0]) for row in self.run_sql(by_product)], 'ip', 10)

    def test_benchmarks(self):
        """ann-benchmarks and VectorDBBench: plain storage, binary COPY, parallel builds, the phases they wait for"""
        self.connection.execute(f'CREATE TABLE bench_items (id bigint PRIMARY KEY, embedding vector({DIMENSIONS}))')
        self.connection.execute('ALTER TABLE bench_items ALTER COLUMN embedding SET STORAGE PLAIN')
        self.connection.execute('ALTER TABLE bench_items SET (parallel_workers = 2)')
        with self.connection.cursor().copy('COPY bench_items (id, embedding) FROM STDIN WITH (FORMAT BINARY)') as copy:
            copy.set_types(['bigint', 'vector'])
            for i, row in enumerate(self.rows):
                copy.write_row((i, row))
        self.connection.execute("SET LOCAL maintenance_work_mem = '64MB'; SET LOCAL max_parallel_maintenance_workers = 2")
        self.connection.execute('CREATE INDEX IF NOT EXISTS bench_index ON public.bench_items USING hnsw (embedding vector_l2_ops) '
                                'WITH (m = 16, ef_construction = 128)')
        for am in ('hnsw', 'ivfflat'):
            phases = self.run_sql('SELECT pg_indexam_progress_phasename(oid, n) FROM pg_am, generate_series(1, 20) n WHERE amname = %s', [am])
            self.assertIn(('loading tuples',), phases)
        self.assertGreater(self.run_sql("SELECT pg_relation_size('bench_index')")[0][0], 0)
        self.connection.execute('SET LOCAL hnsw.ef_search = 256')
        sql = 'SELECT id FROM public.bench_items ORDER BY embedding <-> %b::vector LIMIT 10'
        self.assert_uses('bench_index', sql, [self.query])
        self.assert_nearest([row[0] for row in self.connection.execute(sql, [self.query], prepare=True, binary=True)], 'l2', 10)


if __name__ == '__main__':
    suite.main()
