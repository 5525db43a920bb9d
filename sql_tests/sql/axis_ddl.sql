--
-- axis as an access method: definitions, options, privileges, catalogs.
--
CREATE SCHEMA axis_ddl;
SET search_path = axis_ddl, public;
CREATE FUNCTION vec(i int, dim int DEFAULT 8) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(4 * sin((i % 23) * 1.7 * d) + sin(i * 0.37 * d + i))::real[]::vector FROM generate_series(1, dim) d $$;

SELECT amname, amtype FROM pg_am WHERE amname = 'axis';
SELECT property, pg_indexam_has_property(oid, property) FROM pg_am,
	unnest('{can_order,can_unique,can_multi_col,can_exclude,can_include}'::text[]) property WHERE amname = 'axis' ORDER BY 1;
SELECT opcname, opcintype::regtype, opcdefault, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE amname = 'axis' ORDER BY 1, 2::text;

-- Definitions
CREATE TABLE t (id int, k int, name text, e vector(8), f real[]) USING viper;
INSERT INTO t SELECT i, i % 10, 'n' || i % 5, vec(i), vec(i)::real[] FROM generate_series(1, 2000) i;
CREATE INDEX t_l2 ON t USING axis (e);
CREATE INDEX t_ip ON t USING axis (e vector_ip_ops, k);
CREATE INDEX t_cosine ON t USING axis (e vector_cosine_ops, k, name) WITH (target_recall = 0.9, code_bits = 2, strategy = ivf);
CREATE INDEX t_f ON t USING axis ((f::vector(8)) vector_l2_ops) WHERE k > 5;
SELECT pg_get_indexdef(c::regclass) FROM unnest('{t_l2,t_ip,t_cosine,t_f}'::text[]) c;
SELECT property, pg_index_column_has_property('t_ip', 1, property), pg_index_column_has_property('t_ip', 2, property)
	FROM unnest('{orderable,distance_orderable,returnable,search_array,search_nulls,asc,desc}'::text[]) property ORDER BY 1;
SELECT property, pg_index_has_property('t_ip', property) FROM unnest('{clusterable,index_scan,bitmap_scan,backward_scan}'::text[]) property ORDER BY 1;
CLUSTER t USING t_l2;
ALTER TABLE t ADD EXCLUDE USING axis (e WITH =);

-- Options
ALTER INDEX t_cosine SET (target_recall = 0.99);
SELECT reloptions FROM pg_class WHERE relname = 't_cosine';
ALTER INDEX t_cosine RESET (target_recall, strategy);
SELECT reloptions FROM pg_class WHERE relname = 't_cosine';
ALTER INDEX t_cosine SET (target_recall = 2);
ALTER INDEX t_cosine SET (code_bits = 3);
ALTER INDEX t_cosine SET (fillfactor = 70);
-- the width of codes is that of the build until the index is rebuilt
ALTER INDEX t_cosine SET (code_bits = 4);
SET enable_seqscan = off;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <=> vec(7) LIMIT 5000) s;
INSERT INTO t SELECT i, i % 10, 'n' || i % 5, vec(i), vec(i)::real[] FROM generate_series(2001, 2100) i;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <=> vec(7) LIMIT 5000) s;
SELECT code_bits FROM proximadb.axis_stat('t_cosine');
REINDEX INDEX t_cosine;
SELECT code_bits FROM proximadb.axis_stat('t_cosine');
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM t ORDER BY e <=> vec(7) LIMIT 5000) s;

-- The table's definition changes
ALTER TABLE t RENAME e TO vector_of;
ALTER INDEX t_l2 RENAME TO t_euclid;
EXPLAIN (COSTS OFF) SELECT id FROM t ORDER BY vector_of <-> (SELECT vec(1)) LIMIT 1;
ALTER TABLE t ADD more text DEFAULT 'x';
ALTER TABLE t DROP id;
SELECT count(*) FROM (SELECT FROM t ORDER BY vector_of <-> vec(1) LIMIT 5000) s;
ALTER TABLE t ALTER k TYPE int8;
SELECT count(*) FROM (SELECT FROM t WHERE k = 3 ORDER BY vector_of <#> vec(1) LIMIT 5000) s;
ALTER TABLE t ALTER k TYPE numeric;
ALTER TABLE t ALTER vector_of TYPE vector(4) USING vec(1, 4);
SELECT count(*) FROM (SELECT FROM t ORDER BY vector_of <-> vec(1, 4) LIMIT 5000) s;
-- without dimensions in its type: the index keeps its own
ALTER TABLE t ALTER vector_of TYPE vector;
SELECT count(*) FROM (SELECT FROM t ORDER BY vector_of <-> vec(1, 4) LIMIT 5000) s;
SELECT vector_of <-> vec(1, 4) AS d FROM t ORDER BY 1 LIMIT 1;
INSERT INTO t (vector_of) VALUES (vec(1, 5));
INSERT INTO t (vector_of) VALUES (vec(1, 4));
REINDEX TABLE t;
ALTER TABLE t DROP vector_of;
\d t
BEGIN;
CREATE INDEX ON t USING axis ((f::vector(8)));
ROLLBACK;
BEGIN;
CREATE TABLE u (e vector(3));
INSERT INTO u VALUES ('[1,2,3]');
CREATE INDEX u_e ON u USING axis (e);
INSERT INTO u VALUES ('[2,2,3]');
TRUNCATE u;
INSERT INTO u VALUES ('[3,2,3]');
SELECT * FROM u ORDER BY e <-> '[1,1,1]';
SAVEPOINT a;
DROP INDEX u_e;
ROLLBACK TO a;
SELECT * FROM u ORDER BY e <-> '[1,1,1]';
COMMIT;
SELECT * FROM u ORDER BY e <-> '[1,1,1]';
PREPARE q AS SELECT * FROM u ORDER BY e <-> '[1,1,1]' LIMIT 1;
EXECUTE q;
REINDEX INDEX u_e;
EXECUTE q;
DROP INDEX u_e;
EXECUTE q;
RESET enable_seqscan;

-- Who may what
CREATE ROLE axis_ddl_user;
GRANT USAGE ON SCHEMA axis_ddl TO axis_ddl_user;
GRANT SELECT, INSERT ON u TO axis_ddl_user;
CREATE INDEX u_e ON u USING axis (e);
SET ROLE axis_ddl_user;
INSERT INTO u SELECT vec(i, 3) FROM generate_series(1, 100) i;
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT FROM u ORDER BY e <-> '[1,1,1]' LIMIT 1000) s;
RESET enable_seqscan;
CREATE INDEX ON u USING axis (e);
ALTER INDEX u_e SET (target_recall = 0.9);
REINDEX INDEX u_e;
RESET ROLE;

-- Row level security: a policy is one more condition
ALTER TABLE u ADD k int;
UPDATE u SET k = 1;
INSERT INTO u SELECT vec(i, 3), 2 FROM generate_series(101, 120) i;
ALTER TABLE u ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON u FOR SELECT USING (k = 2);
SET ROLE axis_ddl_user;
SET enable_seqscan = off;
SELECT count(*), min(k), max(k) FROM (SELECT k FROM u ORDER BY e <-> '[1,1,1]' LIMIT 15) s;
RESET enable_seqscan;
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA axis_ddl CASCADE;
DROP ROLE axis_ddl_user;
