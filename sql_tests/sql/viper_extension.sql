-- the extension goes with its tables, stores included, and comes back
SET client_min_messages = warning;
CREATE SCHEMA ext;
CREATE TABLE viper_gone (id int PRIMARY KEY, body text) USING viper;
CREATE MATERIALIZED VIEW viper_gone_mv USING viper AS SELECT g AS id, repeat('x', 9000) AS body FROM generate_series(1, 100) g;
INSERT INTO viper_gone SELECT g, 'row ' || g FROM generate_series(1, 100) g;
DROP EXTENSION proximadb CASCADE;
SELECT count(*) FROM pg_class WHERE relname LIKE 'viper_gone%';
SELECT count(*) FROM pg_class c LEFT JOIN pg_am a ON a.oid = c.relam WHERE c.relam <> 0 AND a.oid IS NULL;
-- in another schema
CREATE EXTENSION proximadb SCHEMA ext;
CREATE TABLE viper_back (id int PRIMARY KEY, e ext.vector(2)) USING viper;
INSERT INTO viper_back VALUES (1, '[1,2]'), (2, NULL);
SELECT * FROM viper_back ORDER BY e OPERATOR(ext.<->) '[0,0]' LIMIT 1;
DROP EXTENSION proximadb CASCADE;
DROP SCHEMA ext;
DROP TABLE IF EXISTS viper_back;
CREATE EXTENSION proximadb;
CREATE ACCESS METHOD viper TYPE TABLE HANDLER proximadb.viper_handler;
-- the store's access method is for stores only
CREATE TABLE store_by_hand (a int) USING segment_store;
