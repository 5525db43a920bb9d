--
-- Columns of text large enough for a dictionary, and for the choice of how to compress them.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_text;
SET search_path = viper_text, public;
CREATE FUNCTION article(i int) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT '{"id": ' || i || ', "content_type": "text/html; charset=utf-8", "url": "https://example.com/articles/' || i * 7919 % 1009 || '", "summary": "' ||
	string_agg(substr(md5((i * k % 500)::text), 1, 3 + k % 7), ' ' ORDER BY k) || '"}' FROM generate_series(1, 60) k $$;
CREATE FUNCTION hashes(i int) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT string_agg('"field_' || k || '": "' || md5((i * 100 + k)::text), ', ') FROM generate_series(1, 8) k $$;
CREATE TABLE source USING heap AS SELECT i AS id, article(i) AS doc, CASE WHEN i % 9 <> 0 THEN hashes(i) END AS hashes FROM generate_series(1, 3000) i;
CREATE TABLE t (id int PRIMARY KEY, doc text, hashes text, v vector(3));
INSERT INTO t SELECT id, doc, hashes, '[1,2,3]' FROM source;
SELECT sum(length(doc)) > 1000000 AS docs, sum(length(hashes)) > 600000 AS hashes FROM t;
SELECT 2 * sum(bytes) < (SELECT sum(length(doc) + coalesce(length(hashes), 0)) FROM source) AS compressed FROM proximadb.segments('t') WHERE state = 'live';
SELECT count(*) FROM ((SELECT id, doc, hashes FROM t EXCEPT ALL TABLE source) UNION ALL (TABLE source EXCEPT ALL SELECT id, doc, hashes FROM t)) d;
-- Single rows, from anywhere
SET enable_seqscan = off;
SELECT id, doc = article(id) AS doc, hashes IS NOT DISTINCT FROM CASE WHEN id % 9 <> 0 THEN hashes(id) END AS hashes FROM t
WHERE id IN (1, 999, 1777, 2222, 3000) ORDER BY id;
RESET enable_seqscan;
SELECT * FROM proximadb.verify('t');
-- Through a rewrite, and an update of every row
VACUUM FULL t;
SELECT count(*) FROM ((SELECT id, doc, hashes FROM t EXCEPT ALL TABLE source) UNION ALL (TABLE source EXCEPT ALL SELECT id, doc, hashes FROM t)) d;
UPDATE t SET doc = doc || id;
VACUUM t;
SELECT count(*), bool_and(doc = article(id) || id) AS docs FROM t;
SELECT * FROM proximadb.verify('t');

SET client_min_messages = warning;
DROP SCHEMA viper_text CASCADE;
