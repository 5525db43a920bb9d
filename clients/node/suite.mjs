// What the suites share: rows to search, exact distances computed here, and a runner that prints `ok NAME` or `FAILED NAME` for each test.

import assert from 'node:assert/strict';

export const DIMENSIONS = 32;
export const ROWS = 1000;
const RECALL_FLOOR = 0.9;

// A generator of numbers in [0, 1), the same in each run (mulberry32).
function generator(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// Vectors around the same 20 centres whatever the seed; multiples of 1/64, which all types hold exactly.
export function makeRows(count, seed = 1) {
  const centre = generator(7);
  const centres = Array.from({ length: 20 }, () => Array.from({ length: DIMENSIONS }, () => centre() * 4 - 2));
  const next = generator(seed);
  return Array.from({ length: count }, () =>
    centres[Math.floor(next() * centres.length)].map((x) => Math.round((x + next() - 0.5) * 64) / 64 || 0));   // never -0
}

export const rows = makeRows(ROWS);
export const queries = makeRows(8, 2);

// A vector that no row has, nearest to row i.
export const shifted = (i) => rows[i].map((x) => x + 1 / 128);

const sum = (a, f) => a.reduce((total, x, i) => total + f(x, i), 0);
const dot = (a, b) => sum(a, (x, i) => x * b[i]);

export const metrics = {
  l2: (a, b) => Math.sqrt(sum(a, (x, i) => (x - b[i]) ** 2)),
  ip: (a, b) => -dot(a, b),
  cosine: (a, b) => 1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)),
  l1: (a, b) => sum(a, (x, i) => Math.abs(x - b[i])),
};

// The rows nearest to the query: [distance, position], in order.
export function nearest(query, metric, count) {
  return rows.map((row, i) => [metrics[metric](row, query), i]).sort((a, b) => a[0] - b[0]).slice(0, count);
}

// find(query) gives the positions of 10 rows for each of the queries; most are among the nearest.
export async function assertRecall(metric, find) {
  let found = 0;
  for (const query of queries) {
    const limit = nearest(query, metric, 10)[9][0] + 1e-5;
    const positions = new Set((await find(query)).map(Number));
    assert.equal(positions.size, 10);
    for (const i of positions) {
      found += metrics[metric](rows[i], query) <= limit;
    }
  }
  assert.ok(found / (10 * queries.length) >= RECALL_FLOOR, `recall ${found / (10 * queries.length)}`);
}

export function assertClose(actual, expected) {
  assert.ok(Math.abs(actual - expected) <= 1e-4 * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);
}

// The text of a plan, from rows of EXPLAIN.
export function planText(planRows) {
  return planRows.map((row) => row['QUERY PLAN']).join('\n');
}

export function assertUses(planRows, index) {
  assert.match(planText(planRows), new RegExp(`using ${index}\\b`));
}

// Runs the tests in order, an object of functions by name. `close` ends what would keep the process alive.
export async function run(tests, close) {
  try {
    for (const [name, test] of Object.entries(tests)) {
      try {
        await test();
        console.log(`ok ${name}`);
      } catch (error) {
        console.log(`FAILED ${name}\n${error.stack}`);
        process.exitCode = 1;
      }
    }
  } finally {
    await close();
  }
}
