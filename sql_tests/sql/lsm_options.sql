--
-- Options of tables: set, read, reset; what they do; that they follow their tables.
--
CREATE SCHEMA lsm_options;
SET search_path = lsm_options, public;
SET proximadb.debug_direct = off;
SET proximadb.debug_flush = off;
CREATE TABLE docs (id int PRIMARY KEY, created timestamptz, "Tag, x" text, body text, v vector(4), doc json) USING lsm;
CREATE TABLE cols (id int PRIMARY KEY, body text) USING viper;
SELECT * FROM proximadb.options('docs');
SELECT * FROM proximadb.options('cols');

-- By named arguments, by JSON, both; what is not named stays
SELECT proximadb.set_options('docs', block_size => '64kB', bloom_fpr => 0.001, sort_by => 'created, "Tag, x"');
SELECT proximadb.set_options('docs', '{"segment_size": "8MB", "compression_level": 9}', level_count => 3, compaction_threshold => 8);
SELECT proximadb.set_options('docs', '{"flush_threshold": 128}');
SELECT proximadb.set_options('docs');
SELECT * FROM proximadb.options('docs');
SELECT * FROM proximadb.table_options;
SELECT proximadb.set_options('docs', '{"flush_threshold": null, "bloom_fpr": 0}');
SELECT proximadb.reset_options('docs', 'compression_level', 'level_count');
SELECT * FROM proximadb.options('docs') WHERE source = 'table';
SELECT proximadb.set_options('cols', segment_size => '1MB', compression_level => -3);
SELECT * FROM proximadb.options('cols');

-- Defaults are settings
SET proximadb.bloom_fpr = 0.05;
SET proximadb.segment_size = '1GB';
SET proximadb.bloom_fpr = 1e-9;
SELECT * FROM proximadb.options('docs') WHERE name IN ('bloom_fpr', 'segment_size');
SELECT proximadb.reset_options('docs', 'bloom_fpr');
SELECT * FROM proximadb.options('docs') WHERE name IN ('bloom_fpr', 'segment_size');
RESET proximadb.bloom_fpr;

-- Refused
SELECT proximadb.set_options('docs', '{"blok_size": "64kB"}');
SELECT proximadb.reset_options('docs', 'blok_size');
SELECT proximadb.set_options('docs', blok_size => '64kB');
SELECT proximadb.set_options('docs', block_size => '64 parsecs');
SELECT proximadb.set_options('docs', block_size => '64TB');
SELECT proximadb.set_options('docs', block_size => '0');
SELECT proximadb.set_options('docs', '{"block_size": "64kB"}', block_size => '32kB');
SELECT proximadb.set_options('docs', '["block_size"]');
SELECT proximadb.set_options('docs', '{"block_size": {"kB": 4}}');
SELECT proximadb.set_options('docs', bloom_fpr => 0.9);
SELECT proximadb.set_options('docs', bloom_fpr => 1e-9);
SELECT proximadb.set_options('docs', bloom_fpr => 'NaN');
SELECT proximadb.set_options('docs', compression_level => 20);
SELECT proximadb.set_options('docs', level_count => 0);
SELECT proximadb.set_options('docs', sort_by => 'nix');
SELECT proximadb.set_options('docs', sort_by => '');
SELECT proximadb.set_options('docs', sort_by => 'id,, body');
SELECT proximadb.set_options('docs', sort_by => 'id, body, id');
SELECT proximadb.set_options('docs', sort_by => 'doc');
SELECT proximadb.set_options('docs', sort_by => 'ctid');
SELECT proximadb.set_options('cols', sort_by => 'id');
SELECT proximadb.set_options(NULL, sort_by => 'id');
SELECT proximadb.set_options('pg_class', segment_size => '1MB');
SELECT proximadb.options('pg_class');
CREATE TEMP TABLE tmp (id int PRIMARY KEY, body text) USING lsm;
SELECT proximadb.set_options('tmp', segment_size => '1MB');
CREATE TABLE parts (id int, body text) PARTITION BY RANGE (id);
SELECT proximadb.set_options('parts', segment_size => '1MB');
INSERT INTO proximadb.table_options (tbl, block_size_kb) VALUES ('cols', 5000);
INSERT INTO proximadb.table_options (tbl, block_size_kb) VALUES ('parts', 16);
UPDATE proximadb.table_options SET sort_by = '{}' WHERE tbl = 'docs'::regclass;
SELECT * FROM proximadb.options('docs') WHERE source = 'table';

-- The owner's only
CREATE ROLE regress_options;
GRANT USAGE ON SCHEMA lsm_options TO regress_options;
GRANT ALL ON docs TO regress_options;
SET ROLE regress_options;
SELECT proximadb.set_options('docs', block_size => '32kB');
SELECT proximadb.reset_options('docs');
UPDATE proximadb.table_options SET block_size_kb = 32;
SELECT count(*) FROM proximadb.options('docs') WHERE source = 'table';
RESET ROLE;
ALTER TABLE docs OWNER TO regress_options;
SET ROLE regress_options;
SELECT proximadb.set_options('docs', block_size => '32kB');
SELECT * FROM proximadb.options('docs') WHERE name = 'block_size';
RESET ROLE;
ALTER TABLE docs OWNER TO CURRENT_USER;

-- In transactions
BEGIN;
SELECT proximadb.set_options('docs', block_size => '4kB');
SELECT * FROM proximadb.options('docs') WHERE name = 'block_size';
SAVEPOINT s;
SELECT proximadb.set_options('docs', block_size => '8kB');
SELECT * FROM proximadb.options('docs') WHERE name = 'block_size';
ROLLBACK TO s;
SELECT * FROM proximadb.options('docs') WHERE name = 'block_size';
ROLLBACK;
SELECT * FROM proximadb.options('docs') WHERE name = 'block_size';

-- They follow columns and tables
SELECT * FROM proximadb.options('docs') WHERE name = 'sort_by';
ALTER TABLE docs RENAME COLUMN created TO made;
SELECT * FROM proximadb.options('docs') WHERE name = 'sort_by';
SELECT sort_by FROM proximadb.table_options WHERE tbl = 'docs'::regclass;
ALTER TABLE docs RENAME TO documents;
SELECT tbl, sort_by FROM proximadb.table_options WHERE sort_by IS NOT NULL;
ALTER TABLE documents RENAME TO docs;
-- A column renamed in its parent
CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (100) USING lsm;
SELECT proximadb.set_options('part', sort_by => 'id');
ALTER TABLE parts RENAME COLUMN id TO number;
SELECT sort_by FROM proximadb.table_options WHERE tbl = 'part'::regclass;
-- A type that cannot be sorted: the primary key, if any, then
ALTER TABLE docs ALTER made TYPE json USING to_json(made);
SELECT * FROM proximadb.options('docs') WHERE name = 'sort_by';
ALTER TABLE docs DROP COLUMN made;
SELECT * FROM proximadb.options('docs') WHERE name = 'sort_by';
SELECT sort_by, sort_attnums, block_size_kb FROM proximadb.table_options WHERE tbl = 'docs'::regclass;

-- They stay through other access methods and rewrites
SELECT proximadb.set_options('docs', sort_by => 'body');
ALTER TABLE docs SET ACCESS METHOD heap;
SELECT proximadb.options('docs');
ALTER TABLE docs SET ACCESS METHOD viper;
SELECT * FROM proximadb.options('docs');
SELECT proximadb.set_options('docs', sort_by => 'id');
SELECT proximadb.reset_options('docs', 'block_size');
VACUUM FULL docs;
ALTER TABLE docs SET ACCESS METHOD lsm;
SELECT * FROM proximadb.options('docs') WHERE source = 'table';

-- What they do: segments of a megabyte, sorted by another column than the key
CREATE TABLE big (id int PRIMARY KEY, k int NOT NULL, v vector(256)) USING lsm;
SELECT proximadb.set_options('big', segment_size => '1MB', sort_by => 'k');
INSERT INTO big SELECT i, i * 7919 % 4001, (SELECT array_agg(i + j) FROM generate_series(1, 256) j)::real[]::vector FROM generate_series(1, 4000) i;
SELECT count(*) >= 4 AS segments, max(bytes) < 1300000 AS small FROM proximadb.segments('big');
SELECT proximadb.reset_options('big', 'segment_size');
SELECT proximadb.set_options('big', compression_level => 5);
VACUUM FULL big;
SELECT count(*) AS segments FROM proximadb.segments('big') WHERE state = 'live';
SELECT count(*) FROM proximadb.verify('big');
SELECT count(*), sum(id), sum(k) FROM big;

-- Gone with the table
DROP TABLE big, cols;
SELECT tbl FROM proximadb.table_options ORDER BY tbl::text;
BEGIN;
DROP SCHEMA lsm_options CASCADE;
SELECT count(*) FROM proximadb.table_options;
ROLLBACK;
SELECT tbl FROM proximadb.table_options ORDER BY tbl::text;
SET client_min_messages = warning;
DROP SCHEMA lsm_options CASCADE;
DROP ROLE regress_options;
SELECT count(*) FROM proximadb.table_options;
