-- The first test of every run: from here on each DROP TABLE and DROP SCHEMA first verifies all viper tables of the database.
-- Tests drop what they made, so this is how verify() sees what each of them leaves. verify_end shows what it found.
CREATE SCHEMA verify_watch;
CREATE TABLE verify_watch.fault (test text, table_name text, kind text, detail text) USING heap;
CREATE TABLE verify_watch.seen (test text, tables int) USING heap;
CREATE FUNCTION verify_watch.look() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
	test text := current_setting('application_name');
BEGIN
	IF to_regprocedure('proximadb.verify(regclass)') IS NULL THEN
		RETURN;
	END IF;
	INSERT INTO verify_watch.fault SELECT test, c.relname, f.kind, f.detail
		FROM pg_class c, LATERAL proximadb.verify(c.oid) f
		WHERE c.relam = (SELECT oid FROM pg_am WHERE amname = 'viper') AND NOT pg_is_other_temp_schema(c.relnamespace);
	INSERT INTO verify_watch.seen SELECT test, count(*)
		FROM pg_class c WHERE c.relam = (SELECT oid FROM pg_am WHERE amname = 'viper');
END $$;
CREATE EVENT TRIGGER verify_watch ON ddl_command_start WHEN TAG IN ('DROP SCHEMA', 'DROP TABLE') EXECUTE FUNCTION verify_watch.look();
-- It sees tables, and would see a fault.
CREATE TABLE verify_watch_probe (id int PRIMARY KEY, body text) USING viper;
INSERT INTO verify_watch_probe VALUES (1, 'probe');
DROP TABLE verify_watch_probe;
SELECT max(tables) > 0 AS looked FROM verify_watch.seen;
