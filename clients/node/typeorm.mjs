// TypeORM: its own column types vector and halfvec, for which it creates the extension; schema synchronisation; query builder.

import assert from 'node:assert/strict';
import { DataSource, EntitySchema } from 'typeorm';
import pgvector from 'pgvector';
import { DIMENSIONS, ROWS, assertClose, assertRecall, assertUses, nearest, queries, rows, run, shifted } from './suite.mjs';

const Item = new EntitySchema({
  name: 'Item',
  tableName: 'items',
  columns: {
    id: { type: Number, primary: true },
    embedding: { type: 'vector', length: DIMENSIONS, nullable: true },
    half: { type: 'halfvec', length: DIMENSIONS, nullable: true },
  },
});

const source = new DataSource({
  type: 'postgres', host: process.env.PGHOST, port: process.env.PGPORT && Number(process.env.PGPORT), username: process.env.PGUSER,
  password: process.env.PGPASSWORD, database: process.env.PGDATABASE, entities: [Item], logging: false });
await source.initialize();
const items = source.getRepository(Item);

await run({
  'synchronize() creates the table, and finds nothing to change afterwards': async () => {
    await source.synchronize();
    const changes = await source.driver.createSchemaBuilder().log();
    assert.deepEqual(changes.upQueries.map((query) => query.query), []);
    const [{ type }] = await source.query("SELECT format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'half'");
    assert.equal(type, `halfvec(${DIMENSIONS})`);
  },

  'entities saved and loaded': async () => {
    await items.insert(rows.map((row, id) => ({ id, embedding: row, half: row })));
    const item = await items.findOneBy({ id: 4 });
    assert.deepEqual([item.embedding, item.half], [rows[4], rows[4]]);
    await items.save({ id: 4, embedding: rows[5] });
    assert.deepEqual((await items.findOneBy({ id: 4 })).embedding, rows[5]);
    await items.save({ id: 4, embedding: rows[4] });
  },

  'orderBy distances takes hnsw and ivfflat indexes': async () => {
    await source.query('CREATE INDEX items_hnsw_idx ON items USING hnsw (embedding vector_l2_ops)');
    await source.query('CREATE INDEX items_ivfflat_idx ON items USING ivfflat (half halfvec_cosine_ops) WITH (lists = 10)');
    await source.transaction(async (manager) => {
      await manager.query('SET LOCAL enable_seqscan = off');
      await manager.query('SET LOCAL ivfflat.probes = 5');
      for (const [metric, column, operator, index] of [['l2', 'embedding', '<->', 'items_hnsw_idx'], ['cosine', 'half', '<=>', 'items_ivfflat_idx']]) {
        const find = (query) => manager.createQueryBuilder(Item, 'item').orderBy(`item.${column} ${operator} :query`)
          .setParameters({ query: pgvector.toSql(query) }).limit(10);
        const [sql, parameters] = find(queries[0]).getQueryAndParameters();
        assertUses(await manager.query(`EXPLAIN ${sql}`, parameters), index);
        await assertRecall(metric, async (query) => (await find(query).getMany()).map((item) => item.id));
      }
    });
  },

  'distance in the select list, ordered by its alias': async () => {
    const found = await items.createQueryBuilder('item').select('item.id', 'id').addSelect('item.embedding <#> :query', 'distance')
      .setParameters({ query: pgvector.toSql(queries[0]) }).orderBy('distance').limit(5).getRawMany();
    nearest(queries[0], 'ip', 5).forEach(([distance], i) => assertClose(found[i].distance, distance));
  },

  'upsert': async () => {
    await items.upsert([{ id: 3, embedding: shifted(50) }, { id: ROWS, embedding: shifted(60) }], ['id']);
    for (const [id, i] of [[3, 50], [ROWS, 60]]) {
      const item = await items.createQueryBuilder('item').orderBy('item.embedding <-> :query')
        .setParameters({ query: pgvector.toSql(shifted(i)) }).limit(1).getOne();
      assert.equal(item.id, id);
    }
  },
}, async () => {
  await source.dropDatabase();
  await source.destroy();
});
