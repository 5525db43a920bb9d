-- Sizes of the two tables beside the bytes of the vectors alone.
SELECT c.relname AS "table", a.amname AS "access method",
       pg_size_pretty(pg_relation_size(c.oid)) AS "rows",
       pg_size_pretty(pg_relation_size(c.reltoastrelid)) AS "toast or segments",
       pg_size_pretty(pg_indexes_size(c.oid)) AS "indexes",
       pg_size_pretty(pg_total_relation_size(c.oid)) AS "total",
       pg_size_pretty((SELECT count(*) FROM packages) * 384 * 4) AS "vectors alone"
  FROM pg_class c JOIN pg_am a ON a.oid = c.relam
 WHERE c.relname IN ('packages', 'packages_heap')
 ORDER BY c.relname;
