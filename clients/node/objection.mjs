// Objection with pgvector/objection: models over Knex.

import assert from 'node:assert/strict';
import Knex from 'knex';
import { Model } from 'objection';
import pgvector from 'pgvector/objection';
import 'pgvector/knex';
import { DIMENSIONS, ROWS, assertRecall, queries, rows, run, shifted } from './suite.mjs';

const knex = Knex({ client: 'pg', connection: {}, pool: { min: 0, max: 4 } });
Model.knex(knex);

class Item extends Model {
  static tableName = 'items';

  $parseDatabaseJson(json) {
    json = super.$parseDatabaseJson(json);
    return json.embedding ? { ...json, embedding: pgvector.fromSql(json.embedding) } : json;
  }

  $formatDatabaseJson(json) {
    json = super.$formatDatabaseJson(json);
    return json.embedding ? { ...json, embedding: pgvector.toSql(json.embedding) } : json;
  }
}

await run({
  'insertGraph and models read back': async () => {
    await knex.schema.enableExtension('vector');
    await knex.schema.createTable('items', (table) => {
      table.increments('id');
      table.vector('embedding', { dimensions: DIMENSIONS });
      table.index(knex.raw('embedding vector_cosine_ops'), 'items_embedding_idx', 'hnsw');
    });
    await Item.query().insertGraph(rows.map((embedding, id) => ({ id, embedding })));
    assert.deepEqual((await Item.query().findById(8)).embedding, rows[8]);
  },

  'orderBy a distance': async () => {
    await Item.transaction(async (trx) => {
      await trx.raw('SET LOCAL enable_seqscan = off');
      await trx.raw('SET LOCAL hnsw.ef_search = 100');
      await assertRecall('cosine', async (query) =>
        (await Item.query(trx).orderBy(pgvector.cosineDistance('embedding', query)).limit(10)).map((item) => item.id));
    });
    await assertRecall('l1', async (query) => (await Item.query().orderBy(pgvector.l1Distance('embedding', query)).limit(10)).map((item) => item.id));
  },

  'patch and upsert': async () => {
    await Item.query().findById(3).patch({ embedding: shifted(50) });
    await Item.query().insert({ id: ROWS, embedding: shifted(60) }).onConflict('id').merge();
    const closest = async (i) => (await Item.query().orderBy(pgvector.l2Distance('embedding', shifted(i))).limit(1))[0].id;
    assert.deepEqual([await closest(50), await closest(60)], [3, ROWS]);
    await assert.rejects(Item.query().insert({ embedding: queries[0].slice(1) }), /32 dimensions, not 31/);
  },
}, async () => {
  await knex.schema.dropTableIfExists('items');
  await knex.destroy();
});
