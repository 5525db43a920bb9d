// node-postgres (pg) with pgvector/pg and pg-copy-streams.

import assert from 'node:assert/strict';
import { finished, pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import pgvector from 'pgvector/pg';
import { SparseVector } from 'pgvector';
import { DIMENSIONS, ROWS, assertClose, assertRecall, assertUses, nearest, queries, rows, run, shifted } from './suite.mjs';

const client = new pg.Client();
await client.connect();
await client.query('CREATE EXTENSION IF NOT EXISTS vector');
await pgvector.registerTypes(client);
await client.query(`CREATE TABLE items (id bigserial PRIMARY KEY, category int, embedding vector(${DIMENSIONS}), half halfvec(${DIMENSIONS}),
                    sparse sparsevec(${DIMENSIONS}), bits bit(${DIMENSIONS}))`);

// Runs body in a transaction that is rolled back, with sequential scans as a last resort.
async function inTransaction(body) {
  await client.query('BEGIN');
  try {
    await client.query('SET LOCAL enable_seqscan = off');
    await body();
  } finally {
    await client.query('ROLLBACK');
  }
}

// A row for binary COPY: field count, then length and bytes of the id and of the vector.
function binaryRow(id, vector) {
  const row = Buffer.alloc(22 + 4 * vector.length);
  row.writeInt16BE(2, 0);
  row.writeInt32BE(8, 2);
  row.writeBigInt64BE(BigInt(id), 6);
  row.writeInt32BE(4 + 4 * vector.length, 14);
  row.writeUInt16BE(vector.length, 18);
  vector.forEach((x, i) => row.writeFloatBE(x, 22 + 4 * i));
  return row;
}

const copyHeader = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const copyTrailer = Buffer.from([0xff, 0xff]);

await run({
  'parameters of all types, arrays of them, and NULL': async () => {
    const sparse = new SparseVector({ 1: 2.5, 5: -1 }, 9);
    const { rows: [row] } = await client.query('SELECT $1::vector AS v, $2::halfvec AS h, $3::sparsevec AS s, $4::bit(3) AS b, NULL::vector AS n',
      [pgvector.toSql([1, 2.5, -0.5]), pgvector.toSql([1, 2.5]), pgvector.toSql(sparse), '101']);
    assert.deepEqual(row.v, [1, 2.5, -0.5]);
    assert.deepEqual(row.h, [1, 2.5]);
    assert.deepEqual(row.s.toArray(), sparse.toArray());
    assert.equal(row.b, '101');
    assert.equal(row.n, null);
    const array = await client.query('SELECT $1::vector[] AS a, array_length($1::vector[], 1) AS n', [['[1,2]', '[3,4]']]);
    assert.equal(array.rows[0].n, 2);
    const numbers = await client.query('SELECT $1::real[]::vector AS v', [[1, 2.5]]);
    assert.deepEqual(numbers.rows[0].v, [1, 2.5]);
  },

  'results in binary form': async () => {
    const { rows: [{ oid }] } = await client.query("SELECT to_regtype('vector')::oid AS oid");
    client.setTypeParser(oid, 'binary', (bytes) => Array.from({ length: bytes.readUInt16BE(0) }, (_, i) => bytes.readFloatBE(4 + 4 * i)));
    const { rows: [row] } = await client.query({ text: "SELECT '[1,2.5]'::vector AS v", binary: true });
    assert.deepEqual(row.v, [1, 2.5]);
  },

  'binary COPY in and out by streams': async () => {
    const source = Readable.from([copyHeader, ...rows.map((row, i) => binaryRow(i, row)), copyTrailer]);
    await pipeline(source, client.query(copyFrom('COPY items (id, embedding) FROM STDIN (FORMAT BINARY)')));
    await client.query('UPDATE items SET category = id % 50, half = embedding, sparse = embedding, bits = binary_quantize(embedding)');
    const out = client.query(copyTo('COPY (SELECT id, embedding FROM items ORDER BY id) TO STDOUT (FORMAT BINARY)'));
    const chunks = [];
    out.on('data', (chunk) => chunks.push(chunk));
    await finished(out);
    assert.deepEqual(Buffer.concat(chunks), Buffer.concat([copyHeader, ...rows.map((row, i) => binaryRow(i, row)), copyTrailer]));
  },

  'text COPY in and out by streams': async () => {
    await client.query('CREATE TEMPORARY TABLE copied (id bigint, embedding vector)');
    await pipeline(Readable.from(rows.map((row, i) => `${i}\t${JSON.stringify(row)}\n`)), client.query(copyFrom('COPY copied FROM STDIN')));
    const { rows: [{ count }] } = await client.query('SELECT count(*) FROM copied JOIN items USING (id, embedding)');
    assert.equal(Number(count), ROWS);
    let text = '';
    for await (const chunk of client.query(copyTo('COPY (SELECT embedding FROM copied ORDER BY id) TO STDOUT'))) {
      text += chunk;
    }
    assert.deepEqual(text.trim().split('\n').map((line) => JSON.parse(line)), rows);
    await client.query('DROP TABLE copied');
  },

  'nearest rows by each operator, exact without an index': async () => {
    for (const [metric, operator] of Object.entries({ l2: '<->', ip: '<#>', cosine: '<=>', l1: '<+>' })) {
      const found = await client.query(`SELECT id, embedding ${operator} $1 AS distance FROM items ORDER BY distance, id LIMIT 5`, [pgvector.toSql(queries[0])]);
      nearest(queries[0], metric, 5).forEach(([distance], i) => assertClose(found.rows[i].distance, distance));
    }
  },

  'hnsw indexes of vector, halfvec, bit': () => inTransaction(async () => {
    await client.query('CREATE INDEX v_idx ON items USING hnsw (embedding vector_cosine_ops) WITH (m = 16, ef_construction = 64)');
    await client.query('CREATE INDEX h_idx ON items USING hnsw (half halfvec_ip_ops)');
    await client.query('CREATE INDEX b_idx ON items USING hnsw (bits bit_hamming_ops)');
    await client.query('SET LOCAL hnsw.ef_search = 100');
    for (const [column, operator, metric, index] of [['embedding', '<=>', 'cosine', 'v_idx'], ['half', '<#>', 'ip', 'h_idx']]) {
      const sql = `SELECT id FROM items ORDER BY ${column} ${operator} $1 LIMIT 10`;
      assertUses((await client.query(`EXPLAIN ${sql}`, [pgvector.toSql(queries[0])])).rows, index);
      await assertRecall(metric, async (query) => (await client.query({ name: index, text: sql, values: [pgvector.toSql(query)] })).rows.map((row) => row.id));
    }
    const bits = rows[5].map((x) => (x > 0 ? 1 : 0)).join('');
    const sql = `SELECT bits <~> $1 AS distance FROM items ORDER BY bits <~> $1 LIMIT 1`;
    assertUses((await client.query(`EXPLAIN ${sql}`, [bits])).rows, 'b_idx');
    assert.equal((await client.query(sql, [bits])).rows[0].distance, 0);
  }),

  'ivfflat index with probes': () => inTransaction(async () => {
    await client.query('CREATE INDEX i_idx ON items USING ivfflat (embedding vector_l2_ops) WITH (lists = 20)');
    await client.query('SET LOCAL ivfflat.probes = 10');
    const sql = 'SELECT id FROM items ORDER BY embedding <-> $1 LIMIT 10';
    assertUses((await client.query(`EXPLAIN ${sql}`, [pgvector.toSql(queries[0])])).rows, 'i_idx');
    await assertRecall('l2', async (query) => (await client.query(sql, [pgvector.toSql(query)])).rows.map((row) => row.id));
  }),

  'iterative scan: a filter that few rows pass gives all rows asked for': () => inTransaction(async () => {
    await client.query('CREATE INDEX v_idx ON items USING hnsw (embedding vector_l2_ops)');
    await client.query("SET LOCAL hnsw.iterative_scan = 'strict_order'");
    await client.query('SET LOCAL enable_sort = off');
    const sql = 'SELECT id, embedding <-> $1 AS distance FROM items WHERE category = 3 ORDER BY distance LIMIT 15';
    assertUses((await client.query(`EXPLAIN ${sql}`, [pgvector.toSql(queries[0])])).rows, 'v_idx');
    const distances = (await client.query(sql, [pgvector.toSql(queries[0])])).rows.map((row) => row.distance);
    assert.equal(distances.length, 15);
    assert.deepEqual(distances, [...distances].sort((a, b) => a - b));
  }),

  'expression indexes on (e::halfvec(n)) and (binary_quantize(e)::bit(n)), re-ranked': () => inTransaction(async () => {
    const bits = `binary_quantize(embedding)::bit(${DIMENSIONS})`;
    await client.query(`CREATE INDEX half_idx ON items USING hnsw ((embedding::halfvec(${DIMENSIONS})) halfvec_cosine_ops)`);
    await client.query(`CREATE INDEX bits_idx ON items USING hnsw ((${bits}) bit_hamming_ops)`);
    await client.query('SET LOCAL hnsw.ef_search = 200');
    for (const [index, order] of [['half_idx', `embedding::halfvec(${DIMENSIONS}) <=> $1::halfvec(${DIMENSIONS})`],
      ['bits_idx', `${bits} <~> binary_quantize($1::vector)`]]) {
      const sql = `SELECT id FROM (SELECT id, embedding FROM items ORDER BY ${order} LIMIT 200) c ORDER BY embedding <=> $1::vector LIMIT 10`;
      assertUses((await client.query(`EXPLAIN ${sql}`, [pgvector.toSql(queries[0])])).rows, index);
      await assertRecall('cosine', async (query) => (await client.query(sql, [pgvector.toSql(query)])).rows.map((row) => row.id));
    }
  }),

  'upsert by ON CONFLICT, several rows in one statement': () => inTransaction(async () => {
    await client.query('CREATE INDEX v_idx ON items USING hnsw (embedding vector_l2_ops)');
    const near = (i) => pgvector.toSql(shifted(i));
    const result = await client.query(`INSERT INTO items (id, embedding) VALUES ($1, $2), ($3, $4)
      ON CONFLICT (id) DO UPDATE SET embedding = EXCLUDED.embedding RETURNING id, embedding`, [3, near(50), ROWS, near(60)]);
    assert.deepEqual(result.rows.map((row) => row.embedding), [shifted(50), shifted(60)]);
    for (const [id, i] of [[3, 50], [ROWS, 60]]) {
      const { rows: [row] } = await client.query('SELECT id FROM items ORDER BY embedding <-> $1 LIMIT 1', [near(i)]);
      assert.equal(Number(row.id), id);
    }
  }),

  'WHERE distance < x; ORDER BY 1 + (e <#> x); avg': async () => {
    const query = pgvector.toSql(queries[0]);
    const limit = nearest(queries[0], 'l2', 5)[4][0] + 1e-4;
    assert.equal((await client.query('SELECT id FROM items WHERE embedding <-> $1 < $2', [query, limit])).rowCount, 5);
    const { rows: [row] } = await client.query('SELECT id, 1 + (embedding <#> $1) AS score FROM items ORDER BY 1 + (embedding <#> $1) LIMIT 1', [query]);
    assertClose(row.score, 1 + nearest(queries[0], 'ip', 1)[0][0]);
    const { rows: [{ avg }] } = await client.query('SELECT avg(embedding) FROM items');
    assertClose(avg[0], rows.reduce((total, r) => total + r[0], 0) / ROWS);
  },

  'errors carry their SQLSTATE': async () => {
    await assert.rejects(client.query('INSERT INTO items (embedding) VALUES ($1)', ['[1,2]']), { code: '22000' });
    await assert.rejects(client.query("SELECT '[1,'::vector"), { code: '22P02' });
    await assert.rejects(client.query("SELECT '[1]'::vector <-> '[1,2]'"), { code: '22000' });
  },
}, async () => {
  await client.query('DROP TABLE items');
  await client.end();
});
