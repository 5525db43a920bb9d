// postgres.js, which sends parameters with the types that the server infers for them.

import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import postgres from 'postgres';
import pgvector from 'pgvector/utils';
import { DIMENSIONS, ROWS, assertRecall, assertUses, nearest, queries, rows, run, shifted } from './suite.mjs';

const sql = postgres({ onnotice: () => {}, max: 4 });
await sql`CREATE EXTENSION IF NOT EXISTS vector`;
await sql.unsafe(`CREATE TABLE items (id bigserial PRIMARY KEY, embedding vector(${DIMENSIONS}))`);

await run({
  'bulk insert and COPY': async () => {
    await sql`INSERT INTO items ${sql(rows.slice(0, 500).map((row, i) => ({ id: i, embedding: pgvector.toSql(row) })))}`;
    await pipeline(Readable.from(rows.slice(500).map((row, i) => `${500 + i}\t${JSON.stringify(row)}\n`)),
      await sql`COPY items FROM STDIN`.writable());
    const [{ count }] = await sql`SELECT count(*) FROM items`;
    assert.equal(Number(count), ROWS);
  },

  'values come back as text, and by a type registered by name': async () => {
    const [{ embedding }] = await sql`SELECT embedding FROM items WHERE id = 3`;
    assert.deepEqual(pgvector.fromSql(embedding), rows[3]);
    const [{ oid }] = await sql`SELECT oid FROM pg_type WHERE typname = 'vector'`;
    const typed = postgres({ types: { vector: { to: oid, from: [oid], serialize: pgvector.toSql, parse: pgvector.fromSql } } });
    const [row] = await typed`SELECT embedding, embedding <-> ${typed.typed.vector(rows[3])} AS distance FROM items WHERE id = 3`;
    assert.deepEqual({ ...row }, { embedding: rows[3], distance: 0 });
    await typed.end();
  },

  'hnsw and ivfflat indexes in transactions with their settings': async () => {
    for (const [am, operator, metric, setting] of [['hnsw', '<->', 'l2', 'hnsw.ef_search = 100'], ['ivfflat', '<=>', 'cosine', 'ivfflat.probes = 50']]) {
      await sql.unsafe(`CREATE INDEX items_${am}_idx ON items USING ${am} (embedding vector_${metric}_ops)`);
      await sql.begin(async (tx) => {
        await tx.unsafe(`SET LOCAL ${setting}`);
        await tx`SET LOCAL enable_seqscan = off`;
        const find = (query, explain = '') => tx.unsafe(`${explain} SELECT id FROM items ORDER BY embedding ${operator} $1 LIMIT 10`, [pgvector.toSql(query)]);
        assertUses(await find(queries[0], 'EXPLAIN'), `items_${am}_idx`);
        await assertRecall(metric, async (query) => (await find(query)).map((row) => row.id));
      });
      await sql.unsafe(`DROP INDEX items_${am}_idx`);
    }
  },

  'a cursor reads rows in order': async () => {
    const distances = [];
    for await (const part of sql`SELECT embedding <-> ${pgvector.toSql(queries[0])} AS d FROM items ORDER BY d`.cursor(100)) {
      distances.push(...part.map((row) => row.d));
    }
    assert.equal(distances.length, ROWS);
    assert.deepEqual(distances, [...distances].sort((a, b) => a - b));
  },

  'upsert, and concurrent searches on several connections': async () => {
    const moved = [{ id: 3, embedding: pgvector.toSql(shifted(50)) }, { id: ROWS, embedding: pgvector.toSql(shifted(60)) }];
    await sql`INSERT INTO items ${sql(moved)} ON CONFLICT (id) DO UPDATE SET embedding = EXCLUDED.embedding`;
    const found = await Promise.all([...moved, ...moved].map((row) => sql`SELECT id FROM items ORDER BY embedding <-> ${row.embedding} LIMIT 1`));
    assert.deepEqual(found.map(([row]) => Number(row.id)), [3, ROWS, 3, ROWS]);
    await sql`UPDATE items SET embedding = ${pgvector.toSql(rows[3])} WHERE id = 3`;
    await sql`DELETE FROM items WHERE id = ${ROWS}`;
  },

  'distance in WHERE': async () => {
    const limit = nearest(queries[0], 'l1', 7)[6][0] + 1e-4;
    const found = await sql`SELECT id FROM items WHERE embedding <+> ${pgvector.toSql(queries[0])} < ${limit}`;
    assert.equal(found.length, 7);
  },
}, async () => {
  await sql`DROP TABLE items`;
  await sql.end();
});
