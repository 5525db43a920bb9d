/* proximadb_pgvector 0.1.0: beside pgvector in one database. See compat/proximadb_pgvector/README.md. */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION proximadb_pgvector" to load this file. \quit

SET LOCAL search_path = pg_catalog, pg_temp;

-- ---------------------------------------------------------------------------------------------
-- Casts and operator classes. Both extensions have types of the same names, in different schemas; pgvector can be moved to another schema at any
-- time. So its objects are looked up, not named.
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION proximadb.pgvector_types(OUT theirs regtype, OUT ours regtype) RETURNS SETOF record
	LANGUAGE sql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
	SELECT a.oid, b.oid
		FROM pg_extension v JOIN pg_extension p ON p.extname = 'proximadb'
			JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = v.oid AND d.deptype = 'e'
			JOIN pg_type a ON a.oid = d.objid AND a.typtype = 'b'
			JOIN pg_depend e ON e.classid = 'pg_type'::regclass AND e.refclassid = 'pg_extension'::regclass AND e.refobjid = p.oid AND e.deptype = 'e'
			JOIN pg_type b ON b.oid = e.objid AND b.typtype = 'b' AND b.typname = a.typname
		WHERE v.extname = 'vector'
		ORDER BY a.typname
$$;
COMMENT ON FUNCTION proximadb.pgvector_types() IS 'types of pgvector and those of proximadb that take their place';

DO $$
DECLARE
	schema text := (SELECT quote_ident(nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'vector');
	pair record;
	class record;
BEGIN
	IF NOT EXISTS (SELECT FROM proximadb.pgvector_types()) THEN
		RAISE EXCEPTION 'extension "vector" of this database is not pgvector' USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = 'It has no types of its own.', HINT = 'proximadb_pgvector is for databases with pgvector itself; without it, there is nothing to adapt.';
	END IF;

	-- Not implicit, or operators of both would be candidates wherever one is meant.
	FOR pair IN SELECT theirs, ours FROM proximadb.pgvector_types() LOOP
		EXECUTE format('CREATE CAST (%s AS %s) WITHOUT FUNCTION AS ASSIGNMENT', pair.theirs, pair.ours);
		EXECUTE format('COMMENT ON CAST (%s AS %s) IS %L', pair.theirs, pair.ours, 'the same bytes, as proximadb''s type');
		EXECUTE format('CREATE CAST (%s AS %s) WITHOUT FUNCTION AS ASSIGNMENT', pair.ours, pair.theirs);
		EXECUTE format('COMMENT ON CAST (%s AS %s) IS %L', pair.ours, pair.theirs, 'the same bytes, as pgvector''s type');
	END LOOP;

	-- For each class of axis for vectors, its like with pgvector's operator, beside pgvector's own classes: where those are found, it is.
	FOR class IN
		SELECT quote_ident(o.opcname) AS name, o.opcdefault AND i.oid <> o.opcintype AS by_default, i.oid::regtype AS type, b.oprname AS operator,
				p.proname AS support, obj_description(o.oid, 'pg_opclass') AS comment
			FROM pg_opclass o
				JOIN pg_depend d ON d.classid = 'pg_opclass'::regclass AND d.objid = o.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
				JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'proximadb'
				JOIN pg_am m ON m.oid = o.opcmethod AND m.amname = 'axis'
				JOIN pg_amproc s ON s.amprocfamily = o.opcfamily AND s.amproclefttype = o.opcintype
				JOIN pg_proc p ON p.oid = s.amproc
				JOIN pg_amop r ON r.amopfamily = o.opcfamily AND r.amoplefttype = o.opcintype AND r.amoppurpose = 'o'
				JOIN pg_operator a ON a.oid = r.amopopr
				LEFT JOIN proximadb.pgvector_types() t ON t.ours = o.opcintype
				JOIN pg_type i ON i.oid = coalesce(t.theirs, o.opcintype)
				JOIN pg_extension v ON v.extname = 'vector'
				JOIN pg_operator b ON b.oprname = a.oprname AND b.oprleft = i.oid AND b.oprright = i.oid AND b.oprnamespace = v.extnamespace
			ORDER BY o.opcname LOOP
		EXECUTE format('CREATE OPERATOR CLASS %1$s.%2$s %3$s FOR TYPE %4$s USING axis AS OPERATOR 1 %1$s.%5$s (%4$s, %4$s) FOR ORDER BY pg_catalog.float_ops, '
			'FUNCTION 1 proximadb.%6$I(pg_catalog.internal)', schema, class.name, CASE WHEN class.by_default THEN 'DEFAULT' END, class.type,
			class.operator, class.support);
		EXECUTE format('COMMENT ON OPERATOR CLASS %s.%s USING axis IS %L', schema, class.name, class.comment || ', of pgvector''s operator');
	END LOOP;
END $$;

-- ---------------------------------------------------------------------------------------------
-- Migration: a table's columns, indexes, defaults and constraints of pgvector become proximadb's. What is to be done is a list of commands; a dry run
-- returns it, a migration executes it. Expressions are translated by their text: written with pgvector's schema in search_path, where names of its
-- objects have no schema, and read with proximadb's schema before it.
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION proximadb.pgvector_members(OUT classid oid, OUT objid oid) RETURNS SETOF record
	LANGUAGE sql STABLE ROWS 500 SET search_path = pg_catalog, pg_temp AS $$
	-- of this extension too: its operator classes are pgvector's for axis
	WITH members AS (SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
		WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname IN ('vector', 'proximadb_pgvector'))
	SELECT classid, objid FROM members
	UNION ALL
	SELECT m.classid, t.typarray FROM members m JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
$$;
COMMENT ON FUNCTION proximadb.pgvector_members() IS 'internal: objects that belong to pgvector, with the OID of their catalog; arrays of its types too';

CREATE FUNCTION proximadb.pgvector_uses() RETURNS SETOF regclass
	LANGUAGE sql STABLE ROWS 100 SET search_path = pg_catalog, pg_temp AS $$
	WITH RECURSIVE tables AS (
		SELECT coalesce(i.indrelid, o.conrelid, f.adrelid, d.objid) AS rel
			FROM proximadb.pgvector_members() m JOIN pg_depend d ON d.refclassid = m.classid AND d.refobjid = m.objid AND d.deptype <> 'e'
				AND d.classid IN ('pg_class'::regclass, 'pg_constraint'::regclass, 'pg_attrdef'::regclass)
				LEFT JOIN pg_index i ON d.classid = 'pg_class'::regclass AND i.indexrelid = d.objid
				LEFT JOIN pg_constraint o ON d.classid = 'pg_constraint'::regclass AND o.oid = d.objid
				LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
		UNION
		SELECT h.inhparent FROM tables t JOIN pg_inherits h ON h.inhrelid = t.rel)
	SELECT c.oid::regclass FROM pg_class c
		WHERE c.oid IN (SELECT rel FROM tables) AND c.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid)
		ORDER BY c.oid
$$;
COMMENT ON FUNCTION proximadb.pgvector_uses() IS 'tables that migrate_from_pgvector is for: with columns, indexes, defaults or constraints that use pgvector; roots of inheritance';

CREATE FUNCTION proximadb.pgvector_definition(class regclass, object oid, key integer DEFAULT 0) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	schema text := (SELECT quote_ident(nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'vector');
	relation oid;
	expression pg_node_tree;
BEGIN
	IF class = 'pg_attrdef'::regclass THEN
		SELECT adrelid, adbin INTO relation, expression FROM pg_attrdef WHERE oid = object;
	ELSIF class = 'pg_index'::regclass THEN
		SELECT indrelid, indpred INTO relation, expression FROM pg_index WHERE indexrelid = object;
	END IF;
	-- until the end of the function; what is parsed under this path names schemas
	PERFORM set_config('search_path', schema, true);
	IF class OPERATOR(pg_catalog.=) 'pg_catalog.pg_constraint'::pg_catalog.regclass THEN
		RETURN pg_catalog.pg_get_constraintdef(object);
	ELSIF class OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass THEN
		RETURN pg_catalog.pg_get_indexdef(object, key, false);
	END IF;
	RETURN pg_catalog.pg_get_expr(expression, relation);
END $$;
COMMENT ON FUNCTION proximadb.pgvector_definition(regclass, oid, integer) IS
	'internal: text of a constraint, an index (pg_class) or one of its keys, its predicate (pg_index) or a default; pgvector''s objects have no schema in it';

CREATE FUNCTION proximadb.pgvector_tables(tbl regclass) RETURNS TABLE (rel oid, level integer, name text, kind "char")
	LANGUAGE sql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
	WITH RECURSIVE tree AS (
		SELECT tbl::oid AS rel, 0 AS level
		UNION
		SELECT i.inhrelid, t.level + 1 FROM tree t JOIN pg_inherits i ON i.inhparent = t.rel)
	SELECT c.oid, max(t.level), format('%I.%I', n.nspname, c.relname), c.relkind
		FROM tree t JOIN pg_class c ON c.oid = t.rel JOIN pg_namespace n ON n.oid = c.relnamespace
		GROUP BY c.oid, n.nspname, c.relname, c.relkind
		ORDER BY 2, 3
$$;
COMMENT ON FUNCTION proximadb.pgvector_tables(regclass) IS 'internal: a table and those that inherit from it, partitions too';

CREATE FUNCTION proximadb.pgvector_columns(tbl regclass) RETURNS TABLE (rel oid, level integer, tbl_name text, attnum smallint, attname name,
		inherited boolean, generated boolean, new_type text, storage text, attrdef oid)
	LANGUAGE sql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
	SELECT r.rel, r.level, r.name, a.attnum, a.attname, a.attinhcount > 0, a.attgenerated <> '',
			p.ours || CASE WHEN a.atttypmod >= 0 THEN format('(%s)', a.atttypmod) ELSE '' END || CASE WHEN a.atttypid = p.theirs THEN '' ELSE '[]' END,
			-- where it is not the type's
			CASE WHEN a.attstorage <> t.typstorage THEN CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END,
			d.oid
		FROM proximadb.pgvector_tables(tbl) r
			JOIN pg_attribute a ON a.attrelid = r.rel AND a.attnum > 0 AND NOT a.attisdropped
			JOIN pg_type t ON t.oid = a.atttypid
			JOIN proximadb.pgvector_types() p ON p.theirs IN (t.oid, CASE WHEN t.typcategory = 'A' THEN t.typelem END)
			LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
		ORDER BY r.level, r.name, a.attnum
$$;
COMMENT ON FUNCTION proximadb.pgvector_columns(regclass) IS 'internal: columns of pgvector''s types of a table and those that inherit from it';

CREATE FUNCTION proximadb.pgvector_dependents(tbl regclass, class regclass) RETURNS TABLE (rel oid, level integer, tbl_name text, object oid)
	LANGUAGE sql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp AS $$
	SELECT r.rel, r.level, r.name, o.object
		FROM proximadb.pgvector_tables(tbl) r
			CROSS JOIN LATERAL (SELECT indexrelid FROM pg_index WHERE class = 'pg_class'::regclass AND indrelid = r.rel
				AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
				UNION ALL SELECT oid FROM pg_constraint WHERE class = 'pg_constraint'::regclass AND conrelid = r.rel AND contype = 'c' AND conislocal) o(object)
		WHERE EXISTS (SELECT FROM pg_depend d JOIN proximadb.pgvector_members() m ON m.classid = d.refclassid AND m.objid = d.refobjid
			WHERE d.classid = class AND d.objid = o.object)
			-- an index does not depend on its access method, only its operator classes do, and those may be anybody's
			OR EXISTS (SELECT FROM pg_class c JOIN proximadb.pgvector_members() m ON m.classid = 'pg_am'::regclass AND m.objid = c.relam
				WHERE class = 'pg_class'::regclass AND c.oid = o.object)
		ORDER BY r.level, r.name, o.object
$$;
COMMENT ON FUNCTION proximadb.pgvector_dependents(regclass, regclass) IS
	'internal: indexes (pg_class) without a constraint, or check constraints (pg_constraint), that use pgvector''s types, functions, operators, operator classes or access methods';

CREATE FUNCTION proximadb.pgvector_axis_class(class oid) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	-- proximadb's class of this name, if it is pgvector's, else itself
	SELECT (SELECT format('%I.%I', n.nspname, o.opcname)
		FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace JOIN pg_am m ON m.oid = o.opcmethod AND m.amname = 'axis'
		WHERE CASE WHEN (SELECT true FROM proximadb.pgvector_members() v WHERE v.classid = 'pg_opclass'::regclass AND v.objid = c.oid)
			THEN o.opcname = c.opcname AND o.opcnamespace = (SELECT extnamespace FROM pg_extension WHERE extname = 'proximadb')
			ELSE o.oid = c.oid END)
		FROM pg_opclass c WHERE c.oid = class
$$;
COMMENT ON FUNCTION proximadb.pgvector_axis_class(oid) IS 'internal: operator class of axis in the place of one of pgvector; NULL if there is none';

CREATE FUNCTION proximadb.pgvector_obstacles(tbl regclass) RETURNS SETOF text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH RECURSIVE tables AS MATERIALIZED (SELECT * FROM proximadb.pgvector_tables(tbl)),
	columns AS MATERIALIZED (SELECT * FROM proximadb.pgvector_columns(tbl)),
	-- types made of pgvector's, but for those themselves and arrays of them
	made(type, direct) AS (
		SELECT theirs::oid, true FROM proximadb.pgvector_types()
		UNION
		SELECT t.oid, m.direct AND t.typcategory = 'A' AND t.typtype = 'b'
			FROM made m JOIN pg_type t ON t.typbasetype = m.type OR t.typcategory = 'A' AND t.typelem = m.type
				OR t.typtype = 'c' AND EXISTS (SELECT FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.oid = t.typrelid AND c.relkind = 'c' AND a.atttypid = m.type)),
	found AS (
		SELECT DISTINCT CASE d.classid
				WHEN 'pg_rewrite'::regclass THEN pg_describe_object('pg_class'::regclass, (SELECT ev_class FROM pg_rewrite WHERE oid = d.objid), 0)
				WHEN 'pg_attrdef'::regclass THEN (SELECT 'generated ' || pg_describe_object('pg_class'::regclass, adrelid, adnum) FROM pg_attrdef WHERE oid = d.objid)
				ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END || format(' uses column %I', c.attname) AS obstacle
			FROM columns c JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.rel AND d.refobjsubid = c.attnum
			WHERE NOT CASE d.classid
				WHEN 'pg_class'::regclass THEN EXISTS (SELECT FROM pg_index WHERE indexrelid = d.objid)
				WHEN 'pg_constraint'::regclass THEN EXISTS (SELECT FROM pg_constraint WHERE oid = d.objid AND contype <> 'f')
				WHEN 'pg_attrdef'::regclass THEN d.objid IS NOT DISTINCT FROM c.attrdef
				ELSE d.classid = 'pg_statistic_ext'::regclass END
		UNION ALL
		SELECT format('column %I of table %s is generated', attname, tbl_name) FROM columns WHERE generated AND NOT inherited
		UNION ALL
		SELECT format('column %I of table %s is of type %s', a.attname, r.name, format_type(a.atttypid, a.atttypmod))
			FROM tables r JOIN pg_attribute a ON a.attrelid = r.rel AND a.attnum > 0 AND NOT a.attisdropped AND a.attinhcount = 0 JOIN made m ON m.type = a.atttypid AND NOT m.direct
		UNION ALL
		SELECT format('column %I of %s uses the row type of table %s', a.attname, pg_describe_object('pg_class'::regclass, a.attrelid, 0), r.name)
			FROM tables r JOIN pg_type t ON t.typrelid = r.rel JOIN pg_attribute a ON a.atttypid IN (t.oid, t.typarray) AND NOT a.attisdropped
				JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'm', 'p')
			WHERE EXISTS (SELECT FROM columns WHERE columns.rel = r.rel)
		UNION ALL
		SELECT format('%s has operator class %I, which axis does not have', pg_describe_object('pg_class'::regclass, i.indexrelid, 0), o.opcname)
			FROM proximadb.pgvector_dependents(tbl, 'pg_class') x JOIN pg_index i ON i.indexrelid = x.object JOIN pg_class c ON c.oid = i.indexrelid
				JOIN pg_am m ON m.oid = c.relam AND m.amname IN ('hnsw', 'ivfflat', 'axis')
				CROSS JOIN LATERAL unnest(i.indclass) u(class) JOIN pg_opclass o ON o.oid = u.class
			WHERE proximadb.pgvector_axis_class(u.class) IS NULL AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = i.indexrelid)
		UNION ALL
		SELECT DISTINCT format('%s uses %s', pg_describe_object(x.classid, x.objid, 0), pg_describe_object(d.refclassid, d.refobjid, 0))
			FROM (SELECT 'pg_class'::regclass AS classid, object AS objid FROM proximadb.pgvector_dependents(tbl, 'pg_class')
				UNION ALL SELECT 'pg_class'::regclass, i.indexrelid FROM tables r JOIN pg_index i ON i.indrelid = r.rel
				UNION ALL SELECT 'pg_constraint'::regclass, o.oid FROM tables r JOIN pg_constraint o ON o.conrelid = r.rel
				UNION ALL SELECT 'pg_attrdef'::regclass, c.attrdef FROM columns c WHERE c.attrdef IS NOT NULL) x
				JOIN pg_depend d ON d.classid = x.classid AND d.objid = x.objid AND d.refclassid = 'pg_proc'::regclass
				JOIN pg_proc p ON p.oid = d.refobjid
			WHERE NOT EXISTS (SELECT FROM proximadb.pgvector_members() v WHERE v.classid = 'pg_proc'::regclass AND v.objid = p.oid)
				AND EXISTS (SELECT FROM made m WHERE m.type = p.prorettype OR m.type = ANY (p.proargtypes)))
	SELECT obstacle FROM found ORDER BY obstacle COLLATE "C"
$$;
COMMENT ON FUNCTION proximadb.pgvector_obstacles(regclass) IS 'internal: what a table''s migration would have to change and cannot';

CREATE FUNCTION proximadb.pgvector_index_commands(index oid) RETURNS SETOF text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	it record;
BEGIN
	SELECT i.indrelid, i.indisunique, i.indisclustered, c.relname, c.relkind, c.reloptions, m.amname, format('%I.%I', n.nspname, c.relname) AS name,
			(SELECT format('%I.%I', tn.nspname, t.relname) FROM pg_class t JOIN pg_namespace tn ON tn.oid = t.relnamespace WHERE t.oid = i.indrelid) AS tbl,
			obj_description(index, 'pg_class') AS comment,
			(SELECT string_agg(proximadb.pgvector_definition('pg_class', index, k::integer) || coalesce(' ' || proximadb.pgvector_axis_class(class), ''), ', ' ORDER BY k)
				FROM unnest(i.indclass) WITH ORDINALITY u(class, k)) AS keys,
			proximadb.pgvector_definition('pg_index', index) AS predicate
		INTO it FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am m ON m.oid = c.relam
		WHERE i.indexrelid = index;
	IF it.amname IN ('hnsw', 'ivfflat', 'axis') THEN
		RETURN NEXT format('CREATE INDEX %I ON %s%s USING axis (%s)', it.relname, CASE it.relkind WHEN 'I' THEN 'ONLY ' ELSE '' END, it.tbl, it.keys)
			-- options of pgvector's methods mean nothing to axis
			|| coalesce((SELECT format(' WITH (%s)', string_agg(format('%I = %L', option_name, option_value), ', '))
				FROM pg_options_to_table(it.reloptions) WHERE it.amname = 'axis' HAVING count(*) > 0), '')
			|| coalesce(' WHERE ' || it.predicate, '');
	ELSE
		RETURN NEXT proximadb.pgvector_definition('pg_class', index);
	END IF;
	IF it.indisclustered THEN
		RETURN NEXT format('ALTER TABLE %s CLUSTER ON %I', it.tbl, it.relname);
	END IF;
	IF it.comment IS NOT NULL THEN
		RETURN NEXT format('COMMENT ON INDEX %s IS %L', it.name, it.comment);
	END IF;
	RETURN QUERY SELECT format('ALTER INDEX %s ATTACH PARTITION %I.%I', it.name, n.nspname, c.relname)
		FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE h.inhparent = index ORDER BY c.relname;
END $$;
COMMENT ON FUNCTION proximadb.pgvector_index_commands(oid) IS 'internal: commands that make an index of pgvector anew, as one of proximadb; its partitions come before';

CREATE FUNCTION proximadb.pgvector_commands(tbl regclass, engine name) RETURNS SETOF text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	name text := (SELECT t.name FROM proximadb.pgvector_tables(tbl) t WHERE t.level = 0);
	-- a table on its own gets its new types and its new method in one go
	alone boolean := NOT EXISTS (SELECT FROM pg_inherits WHERE inhparent = tbl) AND (SELECT relkind = 'r' FROM pg_class WHERE oid = tbl);
	method text := (SELECT format('SET ACCESS METHOD %I', engine) WHERE alone AND engine <> (SELECT amname FROM pg_class c JOIN pg_am m ON m.oid = c.relam WHERE c.oid = tbl));
	tablespace text;
	last_tablespace text := '';
	it record;
BEGIN
	IF NOT EXISTS (SELECT FROM proximadb.pgvector_columns(tbl)) AND NOT EXISTS (SELECT FROM proximadb.pgvector_dependents(tbl, 'pg_class'))
			AND NOT EXISTS (SELECT FROM proximadb.pgvector_dependents(tbl, 'pg_constraint')) THEN
		RETURN;
	END IF;

	-- the names in expressions below are proximadb's now
	RETURN QUERY SELECT format('SET LOCAL search_path = %s', string_agg(quote_ident(n.nspname), ', ' ORDER BY e.extname))
		FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname IN ('proximadb', 'vector');
	RETURN NEXT format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', name);

	RETURN QUERY SELECT format('DROP INDEX %I.%I', n.nspname, c.relname)
		FROM proximadb.pgvector_dependents(tbl, 'pg_class') d JOIN pg_class c ON c.oid = d.object JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid) ORDER BY d.level, c.relname;
	RETURN QUERY SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', d.tbl_name, o.conname)
		FROM proximadb.pgvector_dependents(tbl, 'pg_constraint') d JOIN pg_constraint o ON o.oid = d.object ORDER BY d.level, d.tbl_name, o.conname;
	RETURN QUERY SELECT format('ALTER TABLE ONLY %s ALTER COLUMN %I DROP DEFAULT', tbl_name, attname)
		FROM proximadb.pgvector_columns(tbl) WHERE attrdef IS NOT NULL;

	RETURN QUERY SELECT format('ALTER TABLE %s %s', tbl_name, concat_ws(', ', string_agg(format('ALTER COLUMN %I TYPE %s', attname, new_type), ', ' ORDER BY attnum), method))
		FROM proximadb.pgvector_columns(tbl) WHERE NOT inherited GROUP BY level, tbl_name ORDER BY level, tbl_name;
	IF alone AND method IS NOT NULL AND NOT EXISTS (SELECT FROM proximadb.pgvector_columns(tbl)) THEN
		RETURN NEXT format('ALTER TABLE %s %s', name, method);
	END IF;
	RETURN QUERY SELECT format('ALTER TABLE %s SET ACCESS METHOD %I', t.name, engine)
		FROM proximadb.pgvector_tables(tbl) t JOIN pg_class c ON c.oid = t.rel JOIN pg_am m ON m.oid = c.relam
		WHERE NOT alone AND c.relkind = 'r' AND m.amname <> engine;

	RETURN QUERY SELECT format('ALTER TABLE ONLY %s ALTER COLUMN %I SET STORAGE %s', tbl_name, attname, storage)
		FROM proximadb.pgvector_columns(tbl) WHERE storage IS NOT NULL;
	RETURN QUERY SELECT format('ALTER TABLE ONLY %s ALTER COLUMN %I SET DEFAULT %s', tbl_name, attname, proximadb.pgvector_definition('pg_attrdef', attrdef))
		FROM proximadb.pgvector_columns(tbl) WHERE attrdef IS NOT NULL;
	FOR it IN SELECT d.tbl_name, o.oid, o.conname FROM proximadb.pgvector_dependents(tbl, 'pg_constraint') d JOIN pg_constraint o ON o.oid = d.object
			ORDER BY d.level DESC, d.tbl_name, o.conname LOOP
		RETURN NEXT format('ALTER TABLE %s ADD CONSTRAINT %I %s', it.tbl_name, it.conname, proximadb.pgvector_definition('pg_constraint', it.oid));
		RETURN QUERY SELECT format('COMMENT ON CONSTRAINT %I ON %s IS %L', it.conname, it.tbl_name, obj_description(it.oid, 'pg_constraint'))
			WHERE obj_description(it.oid, 'pg_constraint') IS NOT NULL;
	END LOOP;

	FOR it IN SELECT d.object, coalesce(t.spcname, '') AS tablespace FROM proximadb.pgvector_dependents(tbl, 'pg_class') d JOIN pg_class c ON c.oid = d.object
				LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
			ORDER BY d.level DESC, d.tbl_name, c.relname LOOP
		IF it.tablespace <> last_tablespace THEN
			RETURN NEXT format('SET LOCAL default_tablespace = %L', it.tablespace);
			last_tablespace := it.tablespace;
		END IF;
		RETURN QUERY SELECT proximadb.pgvector_index_commands(it.object);
	END LOOP;
	RETURN NEXT format('ANALYZE %s', name);
END $$;
COMMENT ON FUNCTION proximadb.pgvector_commands(regclass, name) IS 'internal: commands that move a table from pgvector to proximadb; none if it uses nothing of pgvector';

CREATE FUNCTION proximadb.migrate_from_pgvector(tbl regclass, engine name DEFAULT 'viper', dry_run boolean DEFAULT false, OUT step integer, OUT command text)
	RETURNS SETOF record
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp SET default_tablespace = '' SET jit = off AS $$
DECLARE
	obstacles text[];
	it record;
BEGIN
	IF tbl IS NULL OR engine IS NULL OR dry_run IS NULL THEN
		RAISE EXCEPTION 'table, engine and dry_run cannot be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	SELECT c.relkind, c.relowner, a.amname INTO it FROM pg_class c LEFT JOIN pg_am a ON a.amtype = 't' AND a.amname = engine AND a.amname <> 'segment_store'
		WHERE c.oid = tbl;
	IF it.relkind IS NULL OR it.relkind NOT IN ('r', 'p') THEN
		RAISE EXCEPTION '"%" is not a table', tbl USING ERRCODE = 'wrong_object_type',
			HINT = CASE it.relkind WHEN 'm' THEN 'Create the materialized view anew, from migrated tables.' ELSE 'Tables and partitioned tables can be migrated.' END;
	ELSIF it.amname IS NULL THEN
		RAISE EXCEPTION 'table access method "%" does not exist', engine USING ERRCODE = 'undefined_object', HINT = 'Engines are viper, lsm and heap.';
	END IF;
	IF NOT dry_run THEN
		EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', tbl);
	END IF;
	FOR it IN SELECT t.name FROM proximadb.pgvector_tables(tbl) t JOIN pg_class c ON c.oid = t.rel WHERE NOT pg_has_role(c.relowner, 'USAGE') LOOP
		RAISE EXCEPTION 'must be owner of table %', it.name USING ERRCODE = 'insufficient_privilege';
	END LOOP;
	FOR it IN SELECT i.inhparent::regclass AS parent FROM pg_inherits i WHERE i.inhrelid = tbl
			AND EXISTS (SELECT FROM proximadb.pgvector_columns(tbl) c WHERE c.rel = tbl AND c.inherited) LOOP
		RAISE EXCEPTION 'table "%" inherits its columns', tbl USING ERRCODE = 'invalid_table_definition',
			HINT = format('Migrate table %s, from which it inherits.', it.parent);
	END LOOP;
	obstacles := ARRAY(SELECT proximadb.pgvector_obstacles(tbl));
	IF cardinality(obstacles) > 0 THEN
		RAISE EXCEPTION 'table "%" cannot be migrated while other objects use its columns as pgvector''s', tbl USING ERRCODE = 'dependent_objects_still_exist',
			DETAIL = array_to_string(obstacles, E'\n'),
			HINT = 'Drop them, migrate, and create them again with proximadb''s types.';
	END IF;

	step := 0;
	-- all of them first: they are told from what the commands change
	FOREACH command IN ARRAY ARRAY(SELECT proximadb.pgvector_commands(tbl, engine)) LOOP
		IF NOT dry_run THEN
			EXECUTE command;
		END IF;
		step := step + 1;
		RETURN NEXT;
	END LOOP;
END $$;
COMMENT ON FUNCTION proximadb.migrate_from_pgvector(regclass, name, boolean) IS
	'moves a table''s columns and indexes from pgvector to proximadb, and the table to an engine: what it did, or with dry_run would do, command by command';
