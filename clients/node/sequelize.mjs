// Sequelize with pgvector/sequelize: data types by name, models, indexes of models, raw literals.

import assert from 'node:assert/strict';
import { DataTypes, Model, Op, Sequelize } from 'sequelize';
import pgvector from 'pgvector/sequelize';
import { SparseVector } from 'pgvector';
import { DIMENSIONS, ROWS, assertClose, assertRecall, assertUses, nearest, queries, rows, run, shifted } from './suite.mjs';

const connect = () => new Sequelize(process.env.PGDATABASE, process.env.PGUSER, process.env.PGPASSWORD ?? '', {
  dialect: 'postgres', host: process.env.PGHOST, port: process.env.PGPORT, logging: false, pool: { max: 4 } });

// Types are looked up by name with the first connection: the extension comes before.
const first = connect();
await first.query('CREATE EXTENSION IF NOT EXISTS vector');
await first.close();
pgvector.registerTypes(Sequelize);
const sequelize = connect();

class Item extends Model {}

await run({
  'sync() creates tables and indexes': async () => {
    Item.init({
      embedding: { type: DataTypes.VECTOR(DIMENSIONS) },
      half: { type: DataTypes.HALFVEC(DIMENSIONS) },
      sparse: { type: DataTypes.SPARSEVEC(DIMENSIONS) },
    }, { sequelize, tableName: 'items', timestamps: false, indexes: [
      { name: 'items_embedding_idx', using: 'hnsw', fields: [{ name: 'embedding', operator: 'vector_l2_ops' }] },
      { name: 'items_half_idx', using: 'ivfflat', fields: [Sequelize.literal('half halfvec_cosine_ops')] },
    ] });
    await Item.sync({ force: true });
    const description = await sequelize.getQueryInterface().describeTable('items');
    assert.equal(description.embedding.type, 'USER-DEFINED');
    assert.equal((await sequelize.getQueryInterface().showIndex('items')).length, 3);
  },

  'bulkCreate, and values parsed by types found by name': async () => {
    await Item.bulkCreate(rows.map((row, i) => ({ id: i, embedding: row, half: row, sparse: new SparseVector(row) })));
    const item = await Item.findByPk(4);
    assert.deepEqual(item.embedding, rows[4]);
    assert.deepEqual(item.half, rows[4]);
    assert.deepEqual(item.sparse.toArray(), rows[4]);
  },

  'order by distances takes the indexes': async () => {
    await sequelize.transaction(async (transaction) => {
      await sequelize.query('SET LOCAL enable_seqscan = off', { transaction });
      await sequelize.query('SET LOCAL ivfflat.probes = 50', { transaction });
      const find = (distance, extra) => Item.findAll({ order: distance, limit: 10, transaction, ...extra });
      let statement;
      await find(pgvector.l2Distance('embedding', queries[0], sequelize), { logging: (text) => { statement = text.replace(/^.*?SELECT/, 'SELECT'); } });
      const [plan] = await sequelize.query(`EXPLAIN ${statement}`, { transaction });
      assertUses(plan, 'items_embedding_idx');
      await assertRecall('l2', async (query) => (await find(pgvector.l2Distance('embedding', query, sequelize))).map((item) => item.id));
      await assertRecall('cosine', async (query) => (await find(pgvector.cosineDistance('half', query, sequelize))).map((item) => item.id));
    });
  },

  'distance as an attribute and in where': async () => {
    const distance = pgvector.maxInnerProduct('embedding', queries[0], sequelize);
    const items = await Item.findAll({ attributes: ['id', [distance, 'distance']], order: [[Sequelize.col('distance'), 'ASC']], limit: 5 });
    nearest(queries[0], 'ip', 5).forEach(([expected], i) => assertClose(items[i].get('distance'), expected));
    const limit = nearest(queries[0], 'l1', 5)[4][0] + 1e-4;
    const near = await Item.findAll({ where: Sequelize.where(pgvector.l1Distance('embedding', queries[0], sequelize), { [Op.lt]: limit }) });
    assert.equal(near.length, 5);
  },

  'upsert and update': async () => {
    await Item.upsert({ id: 3, embedding: shifted(50) });
    await Item.bulkCreate([{ id: ROWS, embedding: shifted(60) }, { id: 4, embedding: shifted(70) }],
      { updateOnDuplicate: ['embedding'] });
    for (const [id, i] of [[3, 50], [ROWS, 60], [4, 70]]) {
      const item = await Item.findOne({ order: pgvector.l2Distance('embedding', shifted(i), sequelize) });
      assert.equal(item.id, id);
    }
  },
}, async () => {
  await Item.drop();
  await sequelize.close();
});
