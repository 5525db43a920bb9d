// Drizzle: its own vector columns and distances; its kit generates migrations with indexes, and reads schemas from the catalogs.

import assert from 'node:assert/strict';
import { cosineDistance, desc, gt, hammingDistance, innerProduct, l1Distance, l2Distance, lt, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { bit, halfvec, index, integer, pgTable, serial, sparsevec, vector } from 'drizzle-orm/pg-core';
import * as kit from 'drizzle-kit/api';
import pg from 'pg';
import { DIMENSIONS, ROWS, assertClose, assertRecall, assertUses, nearest, queries, rows, run, shifted } from './suite.mjs';

const items = pgTable('items', {
  id: serial('id').primaryKey(),
  category: integer('category'),
  embedding: vector('embedding', { dimensions: DIMENSIONS }),
  half: halfvec('half', { dimensions: DIMENSIONS }),
  sparse: sparsevec('sparse', { dimensions: DIMENSIONS }),
  bits: bit('bits', { dimensions: DIMENSIONS }),
}, (table) => [
  index('items_embedding_idx').using('hnsw', table.embedding.op('vector_cosine_ops')).with({ m: 16, ef_construction: 64 }),
  index('items_half_idx').using('ivfflat', table.half.op('halfvec_l2_ops')).with({ lists: 10 }),
  index('items_bits_idx').using('hnsw', table.bits.op('bit_hamming_ops')),
]);

const pool = new pg.Pool({ max: 4 });
const db = drizzle(pool);
const bitsOf = (row) => row.map((x) => (x > 0 ? 1 : 0)).join('');

await run({
  'a generated migration creates table and indexes': async () => {
    await db.execute(sql`CREATE EXTENSION IF NOT EXISTS vector`);
    const statements = await kit.generateMigration(kit.generateDrizzleJson({}), kit.generateDrizzleJson({ items }));
    assert.ok(statements.some((statement) => /USING hnsw \("embedding" vector_cosine_ops\) WITH \(m=16,ef_construction=64\)/.test(statement)));
    for (const statement of statements) {
      await db.execute(sql.raw(statement));
    }
  },

  'push finds the schema in the catalogs as it is declared': async () => {
    const { statementsToExecute, hasDataLoss } = await kit.pushSchema({ items }, db);
    // Options in WITH never compare equal for it: it makes such indexes anew, with pgvector as well.
    assert.deepEqual(statementsToExecute.filter((statement) => !/INDEX "items_(embedding|half)_idx"/.test(statement)), []);
    assert.equal(hasDataLoss, false);
    for (const statement of statementsToExecute) {
      await db.execute(sql.raw(statement));
    }
  },

  'values of all types': async () => {
    await db.insert(items).values(rows.map((row, i) => ({ id: i, category: i % 50, embedding: row, half: row,
      sparse: `{${row.map((x, j) => [x, j]).filter(([x]) => x).map(([x, j]) => `${j + 1}:${x}`).join(',')}}/${DIMENSIONS}`, bits: bitsOf(row) })));
    const [row] = await db.select().from(items).where(sql`id = 5`);
    assert.deepEqual([row.embedding, row.half, row.bits], [rows[5], rows[5], bitsOf(rows[5])]);
    assert.match(row.sparse, /^\{1:.*\}\/32$/);
  },

  'orderBy distances takes the indexes': async () => {
    await db.transaction(async (tx) => {
      await tx.execute(sql`SET LOCAL enable_seqscan = off`);
      await tx.execute(sql`SET LOCAL hnsw.ef_search = 100`);
      await tx.execute(sql`SET LOCAL ivfflat.probes = 5`);
      for (const [metric, column, distance, name] of [['cosine', items.embedding, cosineDistance, 'items_embedding_idx'], ['l2', items.half, l2Distance, 'items_half_idx']]) {
        const find = (query) => tx.select({ id: items.id }).from(items).orderBy(distance(column, query)).limit(10);
        assertUses((await tx.execute(sql`EXPLAIN ${find(queries[0])}`)).rows, name);
        await assertRecall(metric, async (query) => (await find(query)).map((row) => row.id));
      }
      const [closest] = await tx.select({ bits: items.bits }).from(items).orderBy(hammingDistance(items.bits, bitsOf(rows[7]))).limit(1);
      assert.equal(closest.bits, bitsOf(rows[7]));
    });
  },

  'similarity as a column, in where and in orderBy': async () => {
    const similarity = sql`1 - (${cosineDistance(items.embedding, queries[0])})`.mapWith(Number);
    const expected = nearest(queries[0], 'cosine', 5).map(([distance]) => 1 - distance);
    const found = await db.select({ id: items.id, similarity }).from(items).where(gt(similarity, expected[4] - 1e-5)).orderBy((row) => desc(row.similarity));
    assert.equal(found.length, 5);
    expected.forEach((value, i) => assertClose(found[i].similarity, value));
    const inner = await db.select({ distance: innerProduct(items.embedding, queries[0]) }).from(items).orderBy(innerProduct(items.embedding, queries[0])).limit(1);
    assertClose(Number(inner[0].distance), nearest(queries[0], 'ip', 1)[0][0]);
    assert.equal((await db.select().from(items).where(lt(l1Distance(items.embedding, queries[0]), nearest(queries[0], 'l1', 6)[5][0] + 1e-4))).length, 6);
  },

  'onConflictDoUpdate': async () => {
    await db.insert(items).values([{ id: 3, embedding: shifted(50) }, { id: ROWS, embedding: shifted(60) }])
      .onConflictDoUpdate({ target: items.id, set: { embedding: sql`excluded.embedding` } });
    for (const [id, i] of [[3, 50], [ROWS, 60]]) {
      const [row] = await db.select({ id: items.id }).from(items).orderBy(cosineDistance(items.embedding, shifted(i))).limit(1);
      assert.equal(row.id, id);
    }
  },
}, async () => {
  await db.execute(sql`DROP TABLE IF EXISTS items`);
  await pool.end();
});
