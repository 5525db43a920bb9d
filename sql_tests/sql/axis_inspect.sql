--
-- Looking inside axis indexes: stat_index, axis_check, axis_recall.
--
CREATE SCHEMA axis_inspect;
SET search_path = axis_inspect, public;
CREATE FUNCTION vec(i int, dim int DEFAULT 8) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT pg_catalog.array_agg(4 * sin((i % 23) * 1.7 * d) + sin(i * 0.37 * d + i))::real[]::public.vector FROM generate_series(1, dim) d $$;

-- What stat_index says: of an empty index, of one built on rows, of one that has grown
CREATE TABLE t (id int, k int, name text, e vector(8)) USING viper;
CREATE INDEX t_e ON t USING axis (e, k, name) WITH (target_recall = 0.9);
SELECT index, "table", strategy, metric, dimensions, code_bits, rows, lists, list_rows_max, bytes_per_row, target_recall, calibrated_rows, calibration,
	scans, codes_scanned FROM proximadb.stat_index WHERE index = 't_e'::regclass;
INSERT INTO t SELECT i, i % 10, 'n' || i % 5, CASE WHEN i % 20 > 0 THEN vec(i) END FROM generate_series(1, 4000) i;
CREATE INDEX t_cosine ON t USING axis (e vector_cosine_ops) WITH (strategy = flat, code_bits = 2);
REINDEX INDEX t_e;
SELECT index, strategy, metric, dimensions, code_bits, rows, target_recall,
	lists >= 1 AND list_rows_min <= list_rows_median AND list_rows_median <= list_rows_p95 AND list_rows_p95 <= list_rows_max AS lists,
	bytes = pg_relation_size(index) AS bytes, abs(bytes_per_row - bytes::float8 / rows) < 1 AS bytes_per_row
	FROM proximadb.stat_index WHERE "table" = 't'::regclass ORDER BY index::text;
SELECT calibrated_rows > 0 AS calibrated, jsonb_typeof(calibration), jsonb_array_length(calibration), calibration -> 0 ? 'nprobe' AS nprobe
	FROM proximadb.axis_stat('t_e');
SET proximadb.target_recall = 0.5;
SELECT target_recall FROM proximadb.axis_stat('t_e');
RESET proximadb.target_recall;

-- Counts
SELECT proximadb.axis_stat_reset('t_e');
SELECT scans, lists_probed, lists_skipped, codes_scanned, reranks, rows_returned FROM proximadb.axis_stat('t_e');
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT FROM t ORDER BY e <-> vec(5) LIMIT 10) s;
SELECT scans, lists_probed > 0 AS lists, lists_skipped, codes_scanned BETWEEN 10 AND 8000 AS codes, reranks BETWEEN 10 AND 4000 AS reranks, rows_returned
	FROM proximadb.axis_stat('t_e');
SELECT count(*) FROM (SELECT FROM t WHERE k = 100 ORDER BY e <-> vec(5) LIMIT 10) s;
SELECT scans, lists_skipped > 0 AS skipped, rows_returned FROM proximadb.axis_stat('t_e');
SELECT proximadb.axis_stat_reset('t_e');
SELECT count(*) FROM generate_series(1, 5) i, LATERAL (SELECT id FROM t ORDER BY e <-> vec(i) LIMIT 3) s;
SELECT scans, rows_returned FROM proximadb.axis_stat('t_e');
SELECT count(*) FROM t WHERE k = 7;
SELECT scans, rows_returned FROM proximadb.axis_stat('t_e');
RESET enable_seqscan;
SELECT scans FROM proximadb.axis_stat('t_cosine');

-- Nothing wrong with an index that is built, grows, shrinks
SELECT * FROM proximadb.axis_check('t_e');
SELECT * FROM proximadb.axis_check('t_cosine');
INSERT INTO t SELECT i, i % 100, CASE WHEN i % 3 > 0 THEN 'm' || i % 5 END, CASE WHEN i % 20 > 0 THEN vec(i) END FROM generate_series(4001, 8000) i;
SELECT * FROM proximadb.axis_check('t_e');
UPDATE t SET e = vec(id + 3) WHERE id % 9 = 0;
UPDATE t SET k = NULL WHERE id % 11 = 0;
UPDATE t SET e = NULL WHERE id % 13 = 0;
DELETE FROM t WHERE id % 7 = 0;
SELECT * FROM proximadb.axis_check('t_e');
SELECT * FROM proximadb.axis_check('t_cosine');
VACUUM (INDEX_CLEANUP ON) t;
SELECT * FROM proximadb.axis_check('t_e');
SELECT proximadb.flush('t') IS NOT NULL AS flushed;
INSERT INTO t SELECT i, i % 100, 'x', vec(i) FROM generate_series(8001, 9000) i;
BEGIN;
INSERT INTO t SELECT i, i % 100, 'x', vec(i) FROM generate_series(9001, 9100) i;
DELETE FROM t WHERE id % 5 = 0;
SELECT * FROM proximadb.axis_check('t_e');
ROLLBACK;
SELECT * FROM proximadb.axis_check('t_e');
DELETE FROM t WHERE id % 50 > 0;
VACUUM (INDEX_CLEANUP ON) t;
SELECT * FROM proximadb.axis_check('t_e');
SELECT * FROM proximadb.axis_check('t_cosine');
SELECT rows = (SELECT count(*) FROM t) AS rows FROM proximadb.axis_stat('t_e');
TRUNCATE t;
SELECT * FROM proximadb.axis_check('t_e');

-- On heap with HOT updates, an expression and a predicate; inner product; odd vectors; temporary and unlogged
CREATE TABLE h (id int, n int, f real[]) USING heap WITH (fillfactor = 50);
CREATE INDEX h_f ON h USING axis ((f::vector(8)) vector_ip_ops, (id % 10)) WHERE id % 2 = 0;
INSERT INTO h SELECT i, 0, vec(i)::real[] FROM generate_series(1, 3000) i;
UPDATE h SET n = n + 1 WHERE id % 3 = 0;
UPDATE h SET n = n + 1 WHERE id % 9 = 0;
DELETE FROM h WHERE id % 10 = 4;
SELECT * FROM proximadb.axis_check('h_f');
VACUUM (INDEX_CLEANUP ON) h;
SELECT * FROM proximadb.axis_check('h_f');
CREATE TEMP TABLE odd (id int, e vector(3));
INSERT INTO odd SELECT i, vec(i, 3) FROM generate_series(1, 500) i;
INSERT INTO odd VALUES (0, '[0,0,0]'), (0, '[3e38,3e38,3e38]'), (0, '[-3e38,3e38,3e38]'), (0, '[1e-45,0,0]'), (0, '[1e30,1,1]'), (0, '[1e19,0,0]');
CREATE INDEX odd_l2 ON odd USING axis (e vector_l2_ops);
CREATE INDEX odd_ip ON odd USING axis (e vector_ip_ops);
CREATE INDEX odd_cosine ON odd USING axis (e vector_cosine_ops);
INSERT INTO odd SELECT 1, e FROM odd;
INSERT INTO odd SELECT 1, e FROM odd;
INSERT INTO odd SELECT 1, e FROM odd;
SELECT * FROM proximadb.axis_check('odd_l2');
SELECT * FROM proximadb.axis_check('odd_ip');
SELECT * FROM proximadb.axis_check('odd_cosine');
CREATE UNLOGGED TABLE wide (id int, e vector(700)) USING viper;
CREATE INDEX wide_e ON wide USING axis (e vector_cosine_ops);
INSERT INTO wide SELECT i, vec(i, 700) FROM generate_series(1, 400) i;
SELECT * FROM proximadb.axis_check('wide_e');
SELECT index FROM proximadb.stat_index WHERE index = 'odd_ip'::regclass OR "table" = 'wide'::regclass ORDER BY index::text;

-- Other types
CREATE TABLE other (id int, e halfvec(24), b bit(40)) USING viper;
CREATE INDEX other_e ON other USING axis (e halfvec_cosine_ops);
CREATE INDEX other_b ON other USING axis (b);
INSERT INTO other SELECT i, vec(i, 24)::real[]::halfvec, (i::bit(20) || (i * 77)::bit(20))::bit(40) FROM generate_series(1, 3000) i;
SELECT * FROM proximadb.axis_check('other_e');
SELECT * FROM proximadb.axis_check('other_b');
SELECT tested, recall >= 0.8 AS recall FROM proximadb.axis_recall('other_e', 20);
SELECT tested, recall >= 0.8 AS recall FROM proximadb.axis_recall('other_b', 20);
SELECT * FROM proximadb.axis_recall('other_e', queries => ARRAY[vec(1)]);

-- A table that has changed behind the index's back is found out: an expression that is not what it was
CREATE FUNCTION shifted(id int, shift int DEFAULT 0) RETURNS public.vector LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN axis_inspect.vec(id, 8); END $$;
CREATE FUNCTION kind(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN id % 4; END $$;
CREATE TABLE w (id int) USING heap;
INSERT INTO w SELECT generate_series(1, 100);
CREATE INDEX w_e ON w USING axis ((axis_inspect.shifted(id)::public.vector(8)), axis_inspect.kind(id));
SELECT * FROM proximadb.axis_check('w_e');
CREATE OR REPLACE FUNCTION kind(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN CASE id WHEN 7 THEN 100 ELSE id % 4 END; END $$;
SELECT * FROM proximadb.axis_check('w_e');
CREATE OR REPLACE FUNCTION kind(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN id % 4; END $$;
CREATE OR REPLACE FUNCTION shifted(id int, shift int DEFAULT 0) RETURNS public.vector LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN RETURN CASE WHEN id % 50 = 3 THEN axis_inspect.vec(id + 1, 8) WHEN id <> 8 THEN axis_inspect.vec(id, 8) END; END $$;
SELECT fault, block IS NOT NULL AS block, tid FROM proximadb.axis_check('w_e') ORDER BY tid;

-- Recall
SELECT setseed(0.5);
INSERT INTO t SELECT i, i % 10, 'n' || i % 5, CASE WHEN i % 20 > 0 THEN vec(i) END FROM generate_series(1, 3000) i;
SELECT tested, recall >= 0.8 AS recall, codes > 10 AS codes, reranks > 10 AS reranks, index_ms > 0 AS index_ms, exact_ms > 0 AS exact_ms
	FROM proximadb.axis_recall('t_e', 20);
SELECT tested, recall >= 0.8 AS recall FROM proximadb.axis_recall('t_e', k => 3, queries => ARRAY[vec(1), vec(2), vec(100000)]);
SELECT tested, recall, index_ms FROM proximadb.axis_recall('t_e', queries => '{}');
SET proximadb.nprobe = 1000000;
SET proximadb.error_bound = 10;
SELECT tested, recall FROM proximadb.axis_recall('t_cosine', 10, 5);
SELECT tested, recall FROM proximadb.axis_recall('h_f', 10, 5);
SELECT tested, recall FROM proximadb.axis_recall('odd_l2', 10, 10000);
RESET proximadb.nprobe;
RESET proximadb.error_bound;
CREATE TABLE "a ""table""" (id int, "the 'vector'" vector(3)) USING viper;
CREATE INDEX "the index" ON "a ""table""" USING axis ("the 'vector'") WHERE id > 0;
SELECT * FROM proximadb.axis_recall('"the index"');
INSERT INTO "a ""table""" VALUES (1, '[1,2,3]'), (-1, '[1,2,3]');
SELECT tested, recall FROM proximadb.axis_recall('"the index"');
INSERT INTO "a ""table""" VALUES (2, '[1,2,4]'), (-1, '[1,2,3]'), (3, NULL);
SELECT tested, recall FROM proximadb.axis_recall('"the index"');
SHOW enable_seqscan;

-- each of two indexes of the same vectors
CREATE INDEX t_same ON t USING axis (e);
SELECT proximadb.axis_stat_reset('t_same'), proximadb.axis_stat_reset('t_e');
SELECT tested FROM proximadb.axis_recall('t_same', 7);
SELECT tested FROM proximadb.axis_recall('t_e', 5);
SELECT index, scans FROM proximadb.stat_index WHERE index IN ('t_same'::regclass, 't_e'::regclass) ORDER BY index::text;
DROP INDEX t_same;

-- What is refused
SELECT * FROM proximadb.axis_check('t');
SELECT * FROM proximadb.axis_stat('pg_class_oid_index');
SELECT * FROM proximadb.axis_recall('t');
SELECT * FROM proximadb.axis_stat_reset('t');
SELECT * FROM proximadb.axis_recall('t_e', 0);
SELECT * FROM proximadb.axis_recall('t_e', 10, 0);
SELECT * FROM proximadb.axis_recall('t_e', NULL);
SELECT * FROM proximadb.axis_recall('t_e', queries => '{NULL}');
SELECT * FROM proximadb.axis_recall('t_e', queries => ARRAY['[1,2]'::vector]);
CREATE ROLE axis_inspect_user;
GRANT USAGE ON SCHEMA axis_inspect TO axis_inspect_user;
SET ROLE axis_inspect_user;
SELECT count(*) FROM proximadb.stat_index;
SELECT scans FROM proximadb.axis_stat('t_e');
SELECT * FROM proximadb.axis_check('t_e');
SELECT * FROM proximadb.axis_recall('t_e', 1);
SELECT * FROM proximadb.axis_stat_reset('t_e');
RESET ROLE;
GRANT SELECT ON t TO axis_inspect_user;
SET ROLE axis_inspect_user;
SELECT index FROM proximadb.stat_index ORDER BY index::text;
SELECT tested FROM proximadb.axis_recall('t_e', 1);
SELECT * FROM proximadb.axis_check('t_e');
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA axis_inspect CASCADE;
DROP ROLE axis_inspect_user;
