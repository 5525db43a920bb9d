/* proximadb 0.1.0 to 0.2.0 */

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION proximadb UPDATE TO '0.2.0'" to load this file. \quit

-- Collections follow their tables whoever changes them (also roles without rights on schema proximadb), in sessions of replication too, and
-- through ALTER INDEX ... RENAME of a table. A collection with a name other than its table's keeps it.

CREATE OR REPLACE FUNCTION proximadb.follow_drop() RETURNS event_trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	dropped oid;
BEGIN
	FOR dropped IN SELECT d.objid FROM pg_event_trigger_dropped_objects() d JOIN proximadb.collections c ON c.tbl = d.objid
			WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 LOOP
		PERFORM proximadb.forget_collection(dropped);
	END LOOP;
END $$;

CREATE OR REPLACE FUNCTION proximadb.follow_rename() RETURNS event_trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	c record;
BEGIN
	FOR c IN SELECT DISTINCT r.oid, r.relname, k.name, k.table_name, to_jsonb(k) AS fields FROM pg_event_trigger_ddl_commands() d
			JOIN proximadb.collections k ON k.tbl = d.objid JOIN pg_class r ON r.oid = d.objid
			WHERE d.classid = 'pg_class'::regclass AND r.relname <> k.table_name LOOP
		PERFORM proximadb.save_collection(c.oid, c.fields || jsonb_build_object('table_name', c.relname, 'name',
			CASE WHEN c.table_name = proximadb.collection_table_name(c.name) THEN c.relname ELSE c.name END));
	END LOOP;
END $$;

CREATE FUNCTION proximadb.collection_table_name(name text) RETURNS name
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN octet_length(name) <= 63 THEN name ELSE left(name, 54) || '_' || left(md5(name), 8) END
$$;
COMMENT ON FUNCTION proximadb.collection_table_name(text) IS
	'internal: name of the table that create_collection makes; one that is too long for a table ends in a hash';

CREATE OR REPLACE FUNCTION proximadb.follow_tables() RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	CREATE EVENT TRIGGER proximadb_follow_drop ON sql_drop EXECUTE FUNCTION proximadb.follow_drop();
	ALTER EVENT TRIGGER proximadb_follow_drop ENABLE ALWAYS;
	COMMENT ON EVENT TRIGGER proximadb_follow_drop IS 'removes collections whose tables are dropped';
	CREATE EVENT TRIGGER proximadb_follow_rename ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'ALTER INDEX')
		EXECUTE FUNCTION proximadb.follow_rename();
	ALTER EVENT TRIGGER proximadb_follow_rename ENABLE ALWAYS;
	COMMENT ON EVENT TRIGGER proximadb_follow_rename IS 'renames collections whose tables are renamed';
	-- what the script of an extension makes belongs to it already
	IF NOT EXISTS (SELECT FROM pg_depend d JOIN pg_event_trigger e ON d.objid = e.oid
			WHERE d.classid = 'pg_event_trigger'::regclass AND d.deptype = 'e' AND e.evtname = 'proximadb_follow_rename') THEN
		ALTER EXTENSION proximadb ADD EVENT TRIGGER proximadb_follow_drop;
		ALTER EXTENSION proximadb ADD EVENT TRIGGER proximadb_follow_rename;
	END IF;
END $$;

DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtname = 'proximadb_follow_rename') THEN
		DROP EVENT TRIGGER proximadb_follow_drop;
		DROP EVENT TRIGGER proximadb_follow_rename;
		PERFORM proximadb.follow_tables();
	END IF;
END $$;

-- The same for options of tables

ALTER FUNCTION proximadb.follow_options() SECURITY DEFINER;

CREATE OR REPLACE FUNCTION proximadb.follow_tables_of_options() RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	CREATE EVENT TRIGGER proximadb_options_drop ON sql_drop EXECUTE FUNCTION proximadb.follow_options();
	ALTER EVENT TRIGGER proximadb_options_drop ENABLE ALWAYS;
	COMMENT ON EVENT TRIGGER proximadb_options_drop IS 'removes options of tables and columns that are dropped';
	ALTER EXTENSION proximadb ADD EVENT TRIGGER proximadb_options_drop;
	CREATE EVENT TRIGGER proximadb_options_rename ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'ALTER MATERIALIZED VIEW')
		EXECUTE FUNCTION proximadb.follow_options();
	ALTER EVENT TRIGGER proximadb_options_rename ENABLE ALWAYS;
	COMMENT ON EVENT TRIGGER proximadb_options_rename IS 'follows columns that are renamed';
	ALTER EXTENSION proximadb ADD EVENT TRIGGER proximadb_options_rename;
END $$;

DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtname = 'proximadb_options_rename') THEN
		ALTER EVENT TRIGGER proximadb_options_drop ENABLE ALWAYS;
		ALTER EVENT TRIGGER proximadb_options_rename ENABLE ALWAYS;
	END IF;
END $$;

ALTER TABLE proximadb.table_options ENABLE ALWAYS TRIGGER check_options;
ALTER TABLE proximadb.table_options ENABLE ALWAYS TRIGGER options_changed;
ALTER TABLE proximadb.table_options ENABLE ALWAYS TRIGGER options_truncated;
ALTER TABLE proximadb.collections ENABLE ALWAYS TRIGGER check_collection;
ALTER TABLE proximadb.collections ENABLE ALWAYS TRIGGER collections_changed;

-- axis_migrate rebuilds the index itself: it was a function that returned the statement.

DROP FUNCTION proximadb.axis_migrate(text, text);

CREATE FUNCTION proximadb.axis_migration(collection text, strategy text, OUT tbl oid, OUT index_oid oid, OUT set_option text,
		OUT build text, OUT undo text) RETURNS record
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	c proximadb.collections := proximadb.get_collection_row(collection);
	old_strategy text;
	is_partitioned boolean;
	may boolean;
BEGIN
	tbl := c.tbl;
	SELECT r.relkind = 'p', pg_has_role(r.relowner, 'USAGE') INTO STRICT is_partitioned, may FROM pg_class r WHERE r.oid = c.tbl;
	IF NOT may THEN
		RAISE EXCEPTION 'must be owner of table %', c.tbl USING ERRCODE = 'insufficient_privilege';
	END IF;
	PERFORM proximadb.check_index_options(c.index_options || jsonb_build_object('strategy', strategy));
	build := proximadb.index_statement(c, c.index_options || jsonb_build_object('strategy', strategy), true);
	IF build IS NULL THEN
		RAISE EXCEPTION 'metric "%" has no index', c.metric USING ERRCODE = 'feature_not_supported';
	ELSIF is_partitioned THEN
		RAISE EXCEPTION 'collection "%" is a partitioned table, whose indexes are built for each partition', collection
			USING ERRCODE = 'feature_not_supported',
				HINT = 'Use ALTER INDEX ... SET (strategy = ...) and REINDEX INDEX CONCURRENTLY on the index of each partition.';
	END IF;
	-- the index that searches use, else one that a failed build left
	SELECT i.indexrelid, (SELECT o.option_value FROM pg_options_to_table(x.reloptions) o WHERE o.option_name = 'strategy')
		INTO index_oid, old_strategy
		FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
			JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
		WHERE i.indrelid = c.tbl AND m.amname = 'axis' AND a.attname = c.vector_column ORDER BY i.indisvalid DESC, i.indexrelid LIMIT 1;
	IF index_oid IS NOT NULL THEN
		set_option := format('ALTER INDEX %s SET (strategy = %L)', index_oid::regclass, strategy);
		build := format('REINDEX INDEX CONCURRENTLY %s', index_oid::regclass);
		undo := CASE WHEN old_strategy IS NULL THEN format('ALTER INDEX %s RESET (strategy)', index_oid::regclass)
			ELSE format('ALTER INDEX %s SET (strategy = %L)', index_oid::regclass, old_strategy) END;
	END IF;
END $$;
COMMENT ON FUNCTION proximadb.axis_migration(text, text) IS 'internal: the statements that axis_migrate runs';

CREATE PROCEDURE proximadb.axis_migrate(collection text, strategy text)
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_migrate' LANGUAGE C;
COMMENT ON PROCEDURE proximadb.axis_migrate(text, text) IS
	'rebuilds the axis index of a collection with another strategy (auto, flat, ivf) beside reads and writes, and drops the old one last; makes one if there is none';

COMMENT ON COLUMN proximadb.table_options.compression_level IS 'zstd level, 0: the access method''s own';
