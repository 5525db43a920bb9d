-- The last test of every run: what verify() found before each drop (verify_begin), and finds in the tables that are left.
SELECT * FROM verify_watch.fault;
SELECT c.oid::regclass AS table_name, f.*
FROM pg_class c, LATERAL proximadb.verify(c.oid) f
WHERE c.relam = (SELECT oid FROM pg_am WHERE amname = 'viper') AND NOT pg_is_other_temp_schema(c.relnamespace);
SELECT sum(tables) > 0 AS looked FROM verify_watch.seen;
DROP EVENT TRIGGER verify_watch;
DROP SCHEMA verify_watch CASCADE;
