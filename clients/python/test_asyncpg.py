"""asyncpg: codecs set by name in schema public, binary and text; its prepared statements look types up in the catalogs."""

import unittest

import asyncpg

import suite
from vectors import DIMENSIONS, TYPES, Bit, Exact, HalfVector, SparseVector, Vector, as_type, make_rows

ROWS = 1000
QUERIES = make_rows(8, seed=2)
RECALL_FLOOR = 0.9


async def register(connection, form='binary'):
    for name in ('vector', 'halfvec', 'sparsevec'):
        cls = TYPES[name]
        encoder, decoder = (cls.to_binary, cls.from_binary) if form == 'binary' else (cls.to_text, cls.from_text)
        await connection.set_type_codec(name, schema='public', encoder=encoder, decoder=decoder, format=form)


class Asyncpg(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.connection = await asyncpg.connect()
        await self.connection.execute('CREATE EXTENSION IF NOT EXISTS vector')
        await register(self.connection)
        self.rows = [as_type('vector', values) for values in make_rows(ROWS)]
        await self.connection.execute(f'CREATE TABLE items (id bigint PRIMARY KEY, e vector({DIMENSIONS}))')
        await self.connection.copy_records_to_table('items', records=enumerate(self.rows), columns=['id', 'e'])

    async def asyncTearDown(self):
        await self.connection.execute('DROP TABLE items')
        await self.connection.close()

    async def test_codecs(self):
        """codecs by name, binary and text, with arrays and NULL"""
        samples = {'vector': Vector([1, 2.5, -0.1]), 'halfvec': HalfVector([1, 2.5]), 'sparsevec': SparseVector(9, {3: 0.5})}
        for form in ('binary', 'text'):
            await register(self.connection, form)
            for name, sample in samples.items():
                row = await self.connection.fetchrow(f'SELECT $1::{name}, $2::{name}[], NULL::{name}', sample, [sample, sample])
                self.assertEqual(tuple(row), (sample, [sample, sample], None))
        await register(self.connection)

    async def test_without_codecs(self):
        """without codecs values are text; bit strings are asyncpg's own"""
        plain = await asyncpg.connect()
        self.assertEqual(await plain.fetchval("SELECT e FROM items WHERE id = 1 AND e <-> $1 < 1e-3", self.rows[1].to_text()),
                         await plain.fetchval('SELECT e::text FROM items WHERE id = 1'))
        distance = await plain.fetchval('SELECT $1::bit(11) <~> $2', asyncpg.BitString('10101010101'), asyncpg.BitString('10101010110'))
        self.assertEqual(distance, 2)
        await plain.close()

    async def test_copy(self):
        """binary COPY out, and in from another query"""
        copied = []

        async def keep(data):
            copied.append(data)

        await self.connection.copy_from_query('SELECT id, e FROM items WHERE id < $1 ORDER BY id', 10, output=keep, format='binary')
        data = b''.join(copied)
        for row in self.rows[:10]:
            self.assertIn(row.to_binary(), data)

    async def test_indexes(self):
        """hnsw and ivfflat indexes, prepared statements, a transaction with SET LOCAL: recall at least 0.9"""
        exact = Exact(dict(enumerate(self.rows)), 'ip')
        for am, setting in (('hnsw', 'hnsw.ef_search = 100'), ('ivfflat', 'ivfflat.probes = 100')):
            await self.connection.execute(f'CREATE INDEX {am}_idx ON items USING {am} (e vector_ip_ops)')
            async with self.connection.transaction():
                await self.connection.execute(f'SET LOCAL {setting}')
                await self.connection.execute('SET LOCAL enable_seqscan = off')
                plan = await self.connection.fetch('EXPLAIN SELECT id FROM items ORDER BY e <#> $1 LIMIT 10', self.rows[0])
                self.assertIn(f'using {am}_idx', str(plan))
                nearest = await self.connection.prepare('SELECT id FROM items ORDER BY e <#> $1 LIMIT 10')
                shares = [exact.share_found(Vector(values), [row['id'] for row in await nearest.fetch(Vector(values))], 10)
                          for values in QUERIES]
                self.assertGreaterEqual(sum(shares) / len(shares), RECALL_FLOOR)
            await self.connection.execute(f'DROP INDEX {am}_idx')

    async def test_upsert(self):
        """executemany with ON CONFLICT"""
        moved = [(i, Vector([50 + i] * DIMENSIONS)) for i in range(ROWS - 5, ROWS + 5)]
        await self.connection.executemany('INSERT INTO items VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET e = EXCLUDED.e', moved)
        for key, value in moved:
            self.assertEqual(await self.connection.fetchval('SELECT id FROM items ORDER BY e <-> $1 LIMIT 1', value), key)
        self.assertEqual(await self.connection.fetchval('SELECT count(*) FROM items'), ROWS + 5)

    async def test_pool(self):
        """a pool whose connections register the types, and a cursor"""
        async with asyncpg.create_pool(min_size=2, max_size=2, init=register) as pool, pool.acquire() as connection:
            async with connection.transaction():
                found = [row async for row in connection.cursor('SELECT id, e FROM items ORDER BY e <-> $1 LIMIT 30', self.rows[4])]
        self.assertEqual(len(found), 30)
        self.assertEqual(tuple(found[0]), (4, self.rows[4]))

    async def test_bit(self):
        """nearest by Hamming distance of binary_quantize"""
        await self.connection.execute(f'CREATE INDEX ON items USING hnsw ((binary_quantize(e)::bit({DIMENSIONS})) bit_hamming_ops)')
        values = Bit.from_dense(self.rows[4].elements)
        async with self.connection.transaction():
            await self.connection.execute('SET LOCAL enable_seqscan = off')
            row = await self.connection.fetchrow(f'SELECT id, binary_quantize(e)::bit({DIMENSIONS}) <~> $1 FROM items '
                                                 f'ORDER BY binary_quantize(e)::bit({DIMENSIONS}) <~> $1 LIMIT 1',
                                                 asyncpg.BitString(values.bits))
        self.assertEqual(row[1], 0)


if __name__ == '__main__':
    suite.main()
