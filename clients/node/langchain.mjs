// LangChain's PGVectorStore: it creates extension, tables, a collection and an index on (embedding::vector(n)), and searches with filters.

import assert from 'node:assert/strict';
import { PGVectorStore } from '@langchain/community/vectorstores/pgvector';
import { Embeddings } from '@langchain/core/embeddings';
import pg from 'pg';
import { DIMENSIONS, assertUses, metrics, nearest, queries, rows, run } from './suite.mjs';

// Texts are positions of rows; their embeddings the rows.
class RowEmbeddings extends Embeddings {
  constructor() {
    super({});
  }

  async embedQuery(text) {
    return rows[Number(text)];
  }

  async embedDocuments(texts) {
    return texts.map((text) => rows[Number(text)]);
  }
}

const pool = new pg.Pool({ max: 4 });
const uuid = (i) => `00000000-0000-0000-0000-${String(i).padStart(12, '0')}`;
const documents = rows.map((_, i) => ({ pageContent: String(i), metadata: { category: i % 50, parity: i % 2 ? 'odd' : 'even', tags: [`t${i % 5}`] } }));
const store = await PGVectorStore.initialize(new RowEmbeddings(), {
  pool, tableName: 'documents', collectionTableName: 'collections', collectionName: 'numbers', distanceStrategy: 'cosine' });
let dimensioned;

await run({
  'documents are added to a collection': async () => {
    await store.addDocuments(documents, { ids: rows.map((_, i) => uuid(i)) });
    assert.equal(Number((await pool.query('SELECT count(*) FROM documents')).rows[0].count), rows.length);
    assert.equal((await store.similaritySearch('17', 1))[0].pageContent, '17');
  },

  'scores are the distances': async () => {
    const found = await store.similaritySearchVectorWithScore(queries[0], 5);
    nearest(queries[0], 'cosine', 5).forEach(([distance], i) => assert.ok(Math.abs(found[i][1] - distance) < 1e-4));
  },

  'filters on metadata': async () => {
    const found = await store.similaritySearchVectorWithScore(queries[0], 8, { category: { in: ['3', '4'] }, parity: 'odd' });
    const expected = rows.map((row, i) => [metrics.cosine(row, queries[0]), i]).filter(([, i]) => i % 50 === 3).sort((a, b) => a[0] - b[0]);
    assert.deepEqual(found.map(([document]) => Number(document.pageContent)), expected.slice(0, 8).map(([, i]) => i));
    assert.equal((await store.similaritySearch('0', 300, { tags: { arrayContains: ['t1'] } })).length, 200);
  },

  'its hnsw index serves queries over the cast': async () => {
    await store.createHnswIndex({ dimensions: DIMENSIONS, m: 16, efConstruction: 64 });
    const client = await pool.connect();
    await client.query('BEGIN; SET LOCAL enable_seqscan = off');
    assertUses((await client.query(`EXPLAIN SELECT id FROM documents ORDER BY embedding::vector(${DIMENSIONS}) <=> $1 LIMIT 5`, [JSON.stringify(queries[0])])).rows,
      'embedding_embedding_hnsw_idx');
    await client.query('ROLLBACK');
    client.release();
    assert.equal((await store.similaritySearch('17', 1))[0].pageContent, '17');
  },

  'a table with dimensions: its search takes the index, whatever the strategy': async () => {
    for (const [strategy, metric] of [['euclidean', 'l2'], ['innerProduct', 'ip']]) {
      dimensioned = await PGVectorStore.initialize(new RowEmbeddings(), { pool, tableName: `documents_${metric}`, dimensions: DIMENSIONS, distanceStrategy: strategy });
      await dimensioned.addDocuments(documents);
      await pool.query(`CREATE INDEX ON documents_${metric} USING hnsw (embedding vector_${metric}_ops)`);
      const found = await dimensioned.similaritySearchVectorWithScore(queries[0], 10);
      const limit = nearest(queries[0], metric, 10)[9][0] + 1e-4;
      assert.ok(found.filter(([, distance]) => distance <= limit).length >= 9);
      dimensioned.client.release();
    }
  },

  'maximal marginal relevance reads embeddings back': async () => {
    const found = await store.maxMarginalRelevanceSearch('17', { k: 3, fetchK: 20 });
    assert.equal(found.length, 3);
    assert.equal(found[0].pageContent, '17');
  },

  'documents deleted by id and by filter': async () => {
    await store.delete({ ids: [uuid(17)] });
    await store.delete({ filter: { category: '3' } });
    assert.notEqual((await store.similaritySearch('17', 1))[0].pageContent, '17');
    assert.equal(Number((await pool.query('SELECT count(*) FROM documents')).rows[0].count), rows.length - 21);
  },
}, async () => {
  await pool.query('DROP TABLE IF EXISTS documents, collections, documents_l2, documents_ip');
  await store.end();
});
