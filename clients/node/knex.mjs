// Knex with pgvector/knex: its schema builder and query builder.

import assert from 'node:assert/strict';
import Knex from 'knex';
import pgvector from 'pgvector/knex';
import { SparseVector } from 'pgvector';
import { DIMENSIONS, ROWS, assertClose, assertRecall, assertUses, nearest, queries, rows, run, shifted } from './suite.mjs';

const knex = Knex({ client: 'pg', connection: {}, pool: { min: 0, max: 4 } });

await run({
  'schema builder: extension, vector columns, indexes': async () => {
    await knex.schema.enableExtension('vector');
    await knex.schema.createTable('items', (table) => {
      table.increments('id');
      table.integer('category');
      table.vector('embedding', { dimensions: DIMENSIONS });
      table.halfvec('half', { dimensions: DIMENSIONS });
      table.sparsevec('sparse', { dimensions: DIMENSIONS });
      table.specificType('bits', `bit(${DIMENSIONS})`);
    });
    await knex.schema.alterTable('items', (table) => {
      table.index(knex.raw('embedding vector_l2_ops'), 'items_embedding_idx', 'hnsw');
      table.index(knex.raw('half halfvec_cosine_ops'), 'items_half_idx', 'hnsw');
      table.index(knex.raw('bits bit_hamming_ops'), 'items_bits_idx', 'hnsw');
    });
    const info = await knex('items').columnInfo();
    assert.ok('embedding' in info && 'sparse' in info);
  },

  'batch insert and values of all types': async () => {
    await knex.batchInsert('items', rows.map((row, i) => ({
      id: i, category: i % 50, embedding: pgvector.toSql(row), half: pgvector.toSql(row), sparse: pgvector.toSql(new SparseVector(row)),
      bits: row.map((x) => (x > 0 ? 1 : 0)).join('') })), 200);
    const row = await knex('items').where('id', 9).first();
    assert.deepEqual(pgvector.fromSql(row.embedding), rows[9]);
    assert.deepEqual(pgvector.fromSql(row.half), rows[9]);
    assert.deepEqual(pgvector.fromSql(row.sparse).toArray(), rows[9]);
  },

  'orderBy a distance takes the index, under SET LOCAL': async () => {
    await knex.transaction(async (trx) => {
      await trx.raw('SET LOCAL enable_seqscan = off');
      await trx.raw('SET LOCAL hnsw.ef_search = 100');
      const find = (query) => trx('items').select('id').orderBy(trx.l2Distance('embedding', query)).limit(10);
      const { sql, bindings } = find(queries[0]).toSQL();
      assertUses((await trx.raw(`EXPLAIN ${sql}`, bindings)).rows, 'items_embedding_idx');
      await assertRecall('l2', async (query) => (await find(query)).map((row) => row.id));
      await assertRecall('cosine', async (query) =>
        (await trx('items').select('id').orderBy(trx.cosineDistance('half', query)).limit(10)).map((row) => row.id));
      const bits = rows[5].map((x) => (x > 0 ? 1 : 0)).join('');
      const [closest] = await trx('items').select('bits').orderBy(trx.hammingDistance('bits', bits)).limit(1);
      assert.equal(closest.bits, bits);
    });
  },

  'distances in select, where and order by an alias': async () => {
    const query = pgvector.toSql(queries[0]);
    const found = await knex('items').select('id', knex.raw('embedding <#> ? AS distance', [query])).orderBy('distance').limit(5);
    nearest(queries[0], 'ip', 5).forEach(([distance], i) => assertClose(found[i].distance, distance));
    const limit = nearest(queries[0], 'l1', 5)[4][0] + 1e-4;
    assert.equal((await knex('items').whereRaw('embedding <+> ? < ?', [query, limit])).length, 5);
    const [{ avg }] = await knex('items').avg('embedding');
    assertClose(pgvector.fromSql(avg)[0], rows.reduce((total, row) => total + row[0], 0) / ROWS);
  },

  'onConflict().merge()': async () => {
    const moved = [{ id: 3, embedding: pgvector.toSql(shifted(50)) }, { id: ROWS, embedding: pgvector.toSql(shifted(60)) }];
    await knex('items').insert(moved).onConflict('id').merge(['embedding']);
    for (const row of moved) {
      const [closest] = await knex('items').orderBy(knex.l2Distance('embedding', pgvector.fromSql(row.embedding))).limit(1);
      assert.equal(closest.id, row.id);
    }
  },
}, async () => {
  await knex.schema.dropTableIfExists('items');
  await knex.destroy();
});
