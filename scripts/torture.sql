-- torture.sql: tables, and what each of their rows must hold. Every column follows from the row's own seed and its four
-- versions, so a row can be checked by itself; torture.pl makes the same values for COPY.
CREATE EXTENSION proximadb;
CREATE EXTENSION amcheck;

CREATE FUNCTION t_vec(seed int, vv int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN (seed + vv) % 13 <> 0 THEN
     ('[' || seed || repeat(',' || vv || ',' || (seed + vv) % 61 * 0.25, (dims - 2) / 2) || ',-' || vv % 7 || ']')::vector END $$;
CREATE FUNCTION t_grp(seed int, iv int) RETURNS int LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN (seed + iv) % 5 <> 0 THEN (seed * 7 + iv) % 100 END $$;
CREATE FUNCTION t_tag(seed int, iv int) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN (seed + iv) % 3 <> 0 THEN 'tag ' || (seed + iv) % 37 END $$;
CREATE FUNCTION t_code(seed int, iv int) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN (seed + iv) % 11 <> 0 THEN 'c' || seed || '-' || iv % 3 END $$;
CREATE FUNCTION t_body(seed int, tv int) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT 'body ' || seed || ' ' || tv || repeat('x', tv % 40) $$;
-- Every tenth row has a text that must be TOASTed.
CREATE FUNCTION t_big(seed int, tv int) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN seed % 10 = 0 AND tv % 3 <> 2 THEN
     (SELECT string_agg(md5(seed || ':' || tv || ':' || k), '' ORDER BY k) FROM generate_series(1, 310) k) END $$;

DO $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT * FROM (VALUES ('a', 256), ('b', 768)) AS s (name, dims) LOOP
		EXECUTE format('CREATE TABLE %s (id int PRIMARY KEY, seed int, n int, iv int, vv int, tv int, grp int, tag text,
			code text UNIQUE, v vector(%s), body text, big text) USING viper', r.name, r.dims);
		EXECUTE format('CREATE FUNCTION bad_%1$s(r %1$s) RETURNS boolean LANGUAGE sql IMMUTABLE AS $f$ SELECT
			r.id NOT IN (r.seed, r.seed + 5000000) OR r.grp IS DISTINCT FROM t_grp(r.seed, r.iv)
			OR r.tag IS DISTINCT FROM t_tag(r.seed, r.iv) OR r.code IS DISTINCT FROM t_code(r.seed, r.iv)
			OR r.v IS DISTINCT FROM t_vec(r.seed, r.vv, %2$s) OR r.body IS DISTINCT FROM t_body(r.seed, r.tv)
			OR r.big IS DISTINCT FROM t_big(r.seed, r.tv) $f$', r.name, r.dims);
		EXECUTE format('CREATE FUNCTION row_%1$s(seed int, n int, iv int, vv int, tv int) RETURNS %1$s LANGUAGE sql STABLE AS
			$f$ SELECT seed, seed, n, iv, vv, tv, t_grp(seed, iv), t_tag(seed, iv), t_code(seed, iv), t_vec(seed, vv, %2$s),
			t_body(seed, tv), t_big(seed, tv) $f$', r.name, r.dims);
	END LOOP;
END $$;

CREATE INDEX a_grp ON a (grp);
CREATE INDEX a_tag ON a (tag);
CREATE INDEX a_body ON a (body);
CREATE INDEX b_grp ON b (grp) INCLUDE (n);
CREATE INDEX b_tag ON b (lower(tag)) WHERE grp < 60;

-- What the journals say: state before and after the transaction in doubt, NULL for no such row.
CREATE TABLE model (client int, tab text, seed int, before text, after text) USING heap;

-- For one table: of each client, rows that differ from before and from after.
CREATE FUNCTION compare(tab text) RETURNS TABLE (client int, before bigint, after bigint) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT coalesce(m.client, (t.seed - 1) / 100000),
			count(*) FILTER (WHERE m.before IS DISTINCT FROM concat_ws(''.'', t.id, t.n, t.iv, t.vv, t.tv) AND (m.before, t.id) IS NOT NULL
				OR (m.before IS NULL) <> (t.id IS NULL)),
			count(*) FILTER (WHERE m.after IS DISTINCT FROM concat_ws(''.'', t.id, t.n, t.iv, t.vv, t.tv) AND (m.after, t.id) IS NOT NULL
				OR (m.after IS NULL) <> (t.id IS NULL))
		FROM (SELECT * FROM model WHERE tab = %1$L) m FULL JOIN %1$I t ON m.seed = t.seed GROUP BY 1', tab);
END $$;
