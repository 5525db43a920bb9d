// Kysely with pgvector/kysely: typed schema and query builder.

import assert from 'node:assert/strict';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import pgvector, { cosineDistance, l1Distance, l2Distance, maxInnerProduct } from 'pgvector/kysely';
import { DIMENSIONS, ROWS, assertRecall, assertUses, nearest, queries, rows, run, shifted } from './suite.mjs';

const db = new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ max: 4 }) }) });

await run({
  'schema builder with indexes of an access method': async () => {
    await sql`CREATE EXTENSION IF NOT EXISTS vector`.execute(db);
    await db.schema.createTable('items')
      .addColumn('id', 'serial', (column) => column.primaryKey())
      .addColumn('embedding', sql.raw(`vector(${DIMENSIONS})`))
      .execute();
    await db.schema.createIndex('items_l2_idx').on('items').using('hnsw').expression(sql`embedding vector_l2_ops`).execute();
    await db.schema.createIndex('items_cosine_idx').on('items').using('ivfflat').expression(sql`embedding vector_cosine_ops`).execute();
    const table = (await db.introspection.getTables()).find((found) => found.name === 'items');
    assert.equal(table.columns.find((column) => column.name === 'embedding').dataType, 'vector');
  },

  'insert, and read back': async () => {
    await db.insertInto('items').values(rows.map((row, id) => ({ id, embedding: pgvector.toSql(row) }))).execute();
    const row = await db.selectFrom('items').selectAll().where('id', '=', 8).executeTakeFirst();
    assert.deepEqual(pgvector.fromSql(row.embedding), rows[8]);
  },

  'orderBy distances takes the indexes': async () => {
    await db.transaction().execute(async (trx) => {
      await sql`SET LOCAL enable_seqscan = off`.execute(trx);
      await sql`SET LOCAL ivfflat.probes = 100`.execute(trx);
      for (const [metric, distance, index] of [['l2', l2Distance, 'items_l2_idx'], ['cosine', cosineDistance, 'items_cosine_idx']]) {
        const find = (query) => trx.selectFrom('items').select('id').orderBy(distance('embedding', query)).limit(10);
        assertUses(await find(queries[0]).explain('text'), index);
        await assertRecall(metric, async (query) => (await find(query).execute()).map((row) => row.id));
      }
    });
    await assertRecall('ip', async (query) =>
      (await db.selectFrom('items').select('id').orderBy(maxInnerProduct('embedding', query)).limit(10).execute()).map((row) => row.id));
  },

  'distance in where, and an upsert': async () => {
    const limit = nearest(queries[0], 'l1', 5)[4][0] + 1e-4;
    assert.equal((await db.selectFrom('items').select('id').where(l1Distance('embedding', queries[0]), '<', limit).execute()).length, 5);
    await db.insertInto('items').values({ id: ROWS - 1, embedding: pgvector.toSql(shifted(50)) })
      .onConflict((conflict) => conflict.column('id').doUpdateSet((eb) => ({ embedding: eb.ref('excluded.embedding') }))).execute();
    const closest = await db.selectFrom('items').select('id').orderBy(l2Distance('embedding', shifted(50))).limit(1).executeTakeFirst();
    assert.equal(closest.id, ROWS - 1);
  },
}, async () => {
  await db.schema.dropTable('items').ifExists().execute();
  await db.destroy();
});
