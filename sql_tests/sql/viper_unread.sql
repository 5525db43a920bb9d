--
-- Updates hand on sealed values without reading them: whoever looks at one must find it. Each table has a heap for a twin.
--
CREATE SCHEMA viper_unread;
SET search_path = viper_unread, public;

CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(((i * 31 + k) % 1009)::real)::vector FROM generate_series(1, 300) k $$;
CREATE PROCEDURE twice(command text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE replace(command, '@', 't');
    EXECUTE replace(command, '@', 't_twin');
END $$;
CREATE FUNCTION differ() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT count(*) FROM ((TABLE t EXCEPT ALL TABLE t_twin) UNION ALL (TABLE t_twin EXCEPT ALL TABLE t)) d);
END $$;

-- Columns of every kind that may stay unread, and of kinds that may not
CREATE TABLE t (id int PRIMARY KEY, grp int, n int, a text, b text, c varchar(20), d char(8), j jsonb, raw bytea, num numeric,
    arr int[], pair int4range, maybe text, v vector(300), w vector, h halfvec(20), CHECK (length(a) > 0), CHECK (a <> b)) USING viper;
CREATE TABLE t_twin (LIKE t INCLUDING ALL) USING heap;
CREATE INDEX ON t (grp);
CREATE INDEX ON t (c);
INSERT INTO t_twin
    SELECT g, g % 10, 0, 'text a ' || g, repeat('text b ' || g, g % 50), 'c ' || g, 'd ' || g, jsonb_build_object('g', g), ('\x' || lpad(to_hex(g), 8, '0'))::bytea,
        g / 7.0, ARRAY[g, g + 1], int4range(g, g + 3), CASE WHEN g % 3 = 0 THEN 'maybe ' || g END, vec(g), vec(g % 5), subvector(vec(g), 1, 20)::halfvec
    FROM generate_series(1, 500) g;
INSERT INTO t TABLE t_twin;
SELECT rows >= 0 AS flushed FROM proximadb.flush('t') \gset

-- What is set, from itself, from another column, to null, and a sealed column in the condition
CALL twice($$UPDATE @ SET n = n + 1 WHERE id % 2 = 0$$);
CALL twice($$UPDATE @ SET a = a || ' changed' WHERE id % 7 = 0$$);
CALL twice($$UPDATE @ SET a = b, b = a WHERE id % 7 = 1 AND b <> ''$$);
CALL twice($$UPDATE @ SET v = w, w = v WHERE id % 50 = 2 AND false$$);
CALL twice($$UPDATE @ SET w = v, n = n + 1 WHERE id % 7 = 3$$);
CALL twice($$UPDATE @ SET c = NULL, maybe = a, j = NULL WHERE id % 7 = 4$$);
CALL twice($$UPDATE @ SET maybe = NULL, num = num + 1, arr = arr || n WHERE length(a) % 3 = 0$$);
CALL twice($$UPDATE @ SET a = a, v = v, raw = raw WHERE id % 7 = 5$$);
SELECT differ();
CALL twice($$UPDATE @ SET id = id + 1000 WHERE grp = 3$$);
CALL twice($$UPDATE @ SET grp = grp + 1 WHERE id % 7 = 6$$);
SELECT differ();
-- Indexes on what was handed on
SET enable_seqscan = off;
SELECT count(*), sum(length(a)) FROM t WHERE c >= 'c';
SELECT count(*), sum(length(a)) FROM t_twin WHERE c >= 'c';
RESET enable_seqscan;

-- RETURNING reads from the new row, its system columns too
WITH u AS (UPDATE t SET n = n + 10 WHERE id = 20 RETURNING *, ctid, xmin, xmax)
    SELECT u.a, u.d, u.j, v = vec(20) AS v, u.xmin::text = pg_current_xact_id()::text AS mine, u.xmax FROM u;
UPDATE t_twin SET n = n + 10 WHERE id = 20;
UPDATE t SET n = n WHERE id = 22 RETURNING t IS NOT NULL AS whole, tableoid::regclass, length(t::text);
SELECT ctid AS before FROM t WHERE id = 24 \gset
UPDATE t SET n = n WHERE id = 24 RETURNING ctid <> :'before' AS moved, (SELECT x.ctid FROM t x WHERE x.id = 24) = :'before' AS snapshot;
SELECT differ();

-- Functions that read what they are given in a subtransaction of theirs, and again after it
CREATE FUNCTION reads(value text, v vector) RETURNS int LANGUAGE plpgsql AS $$
DECLARE result int;
BEGIN
    BEGIN
        result := length(value) + vector_dims(v);
        IF result % 2 = 0 THEN RAISE EXCEPTION 'even'; END IF;
    EXCEPTION WHEN raise_exception THEN
        result := -length(value);
    END;
    RETURN result + length(value);
END $$;
CALL twice($$UPDATE @ SET n = reads(a, v) WHERE id % 5 = 0$$);
CALL twice($$UPDATE @ SET n = n + reads(b, w) WHERE id % 5 = 1$$);
SELECT differ();

-- Constraints see the values
UPDATE t SET a = b WHERE id = 30;
UPDATE t SET n = 0, a = '' WHERE id = 30;
ALTER TABLE t ADD CHECK (n < 5000 OR length(b) + vector_dims(v) = 0);
UPDATE t SET n = 5000 WHERE id = 31;
\set VERBOSITY terse
DO $$ BEGIN UPDATE t SET n = 5000 WHERE id = 31; EXCEPTION WHEN check_violation THEN RAISE NOTICE 'caught'; END $$;
\set VERBOSITY default
UPDATE t SET n = 7 WHERE id = 31;
UPDATE t_twin SET n = 7 WHERE id = 31;
SELECT differ();

-- Triggers of all kinds: old and new rows, transition tables, a BEFORE trigger that changes the row
CREATE TABLE log (tab text, what text, old_a text, new_a text, dims int, sum bigint);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_LEVEL = 'STATEMENT' THEN
        INSERT INTO log SELECT TG_TABLE_NAME, 'statement', NULL, NULL, max(vector_dims(n.v)), sum(length(o.a) + length(n.b) + length(n.c))
            FROM olds o JOIN news n USING (id);
        RETURN NULL;
    END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO log VALUES (TG_TABLE_NAME, 'delete', OLD.a, OLD.b, vector_dims(OLD.v));
        RETURN OLD;
    END IF;
    INSERT INTO log VALUES (TG_TABLE_NAME, TG_WHEN, OLD.a, NEW.a, vector_dims(NEW.v), NULL);
    IF TG_WHEN = 'BEFORE' AND NEW.id % 2 = 0 THEN
        NEW.b := NEW.b || ' by trigger';
    END IF;
    RETURN NEW;
END $$;
CALL twice($$CREATE TRIGGER after_row AFTER UPDATE OR DELETE ON @ FOR EACH ROW EXECUTE FUNCTION note()$$);
CALL twice($$CREATE TRIGGER after_all AFTER UPDATE ON @ REFERENCING OLD TABLE AS olds NEW TABLE AS news FOR EACH STATEMENT EXECUTE FUNCTION note()$$);
CALL twice($$CREATE TRIGGER changed AFTER UPDATE ON @ FOR EACH ROW WHEN (OLD.a <> NEW.a OR OLD.v <> NEW.v) EXECUTE FUNCTION note()$$);
CALL twice($$UPDATE @ SET n = n + 1, a = CASE WHEN id % 4 = 0 THEN 'x' || a ELSE a END WHERE id BETWEEN 40 AND 60$$);
CALL twice($$DELETE FROM @ WHERE id BETWEEN 61 AND 65$$);
CALL twice($$CREATE TRIGGER before_row BEFORE UPDATE ON @ FOR EACH ROW EXECUTE FUNCTION note()$$);
CALL twice($$UPDATE @ SET n = n + 1 WHERE id BETWEEN 40 AND 60$$);
SELECT differ();
SELECT what, count(*) / 2 AS each, count(*) FILTER (WHERE tab = 't') = count(*) FILTER (WHERE tab = 't_twin') AS balanced FROM log GROUP BY what ORDER BY what;
SELECT count(*) FROM (SELECT what, old_a, new_a, dims, sum FROM log WHERE tab = 't' EXCEPT ALL SELECT what, old_a, new_a, dims, sum FROM log WHERE tab = 't_twin') d;
CALL twice($$DROP TRIGGER before_row ON @$$);
CALL twice($$DROP TRIGGER after_row ON @$$);
CALL twice($$DROP TRIGGER after_all ON @$$);
CALL twice($$DROP TRIGGER changed ON @$$);

-- MERGE, upsert, a join that updates, a writable view with a check option
CALL twice($$MERGE INTO @ x USING (SELECT g, 'merged ' || g AS s FROM generate_series(70, 90) g) s ON x.id = s.g
    WHEN MATCHED AND length(x.b) > 100 THEN UPDATE SET a = s.s || x.c, n = vector_dims(x.v)
    WHEN MATCHED AND x.id % 2 = 0 THEN DELETE
    WHEN MATCHED THEN UPDATE SET n = x.n + 1$$);
CALL twice($$INSERT INTO @ (id, a, b, n) SELECT g, 'ins', 'erted', 0 FROM generate_series(95, 100) g
    ON CONFLICT (id) DO UPDATE SET n = length(@.a) + length(@.b), maybe = @.a$$);
CALL twice($$INSERT INTO @ (id, a, b, n) SELECT g, 'up', 'serted', 0 FROM generate_series(101, 110) g
    ON CONFLICT (id) DO UPDATE SET n = @.n + 1 WHERE length(@.b) % 2 = 0$$);
CALL twice($$UPDATE @ x SET n = y.n + length(y.a), a = y.a || x.a FROM @ y WHERE y.id = x.id + 1 AND x.id BETWEEN 100 AND 120$$);
CREATE VIEW seen AS SELECT * FROM t WHERE length(b) < 200 AND length(a) < 100 WITH CHECK OPTION;
UPDATE seen SET n = -1 WHERE id BETWEEN 150 AND 152;
UPDATE t_twin SET n = -1 WHERE length(b) < 200 AND length(a) < 100 AND id BETWEEN 150 AND 152;
UPDATE seen SET a = repeat(a, 50) WHERE id = 152;
SELECT differ();

-- Stored generated columns; a row again and again in one transaction; savepoints
CALL twice($$ALTER TABLE @ ADD made int GENERATED ALWAYS AS (length(a) + vector_dims(v)) STORED$$);
SELECT rows >= 0 AS flushed FROM proximadb.flush('t') \gset
CALL twice($$UPDATE @ SET n = n + 1 WHERE id % 6 = 0$$);
CALL twice($$UPDATE @ SET a = 'g' || a WHERE id % 6 = 1$$);
SELECT differ();
BEGIN;
CALL twice($$UPDATE @ SET n = n + 1 WHERE id = 200$$);
SAVEPOINT s;
CALL twice($$UPDATE @ SET n = n + 1, a = a || '!' WHERE id = 200$$);
CALL twice($$UPDATE @ SET n = n + length(a) WHERE id = 200$$);
ROLLBACK TO s;
CALL twice($$UPDATE @ SET n = n * 2 + length(b) WHERE id = 200$$);
COMMIT;
SELECT differ();
SELECT * FROM proximadb.verify('t');

-- Rows that move between partitions, of our kind and of heap's, with columns in another order
CREATE TABLE p (id int, part int, a text, v vector(300), b text) PARTITION BY LIST (part);
CREATE TABLE p1 (v vector(300), b text, a text, part int, id int) USING viper;
CREATE TABLE p2 PARTITION OF p FOR VALUES IN (2) USING viper;
CREATE TABLE p3 PARTITION OF p FOR VALUES IN (3) USING heap;
ALTER TABLE p ATTACH PARTITION p1 FOR VALUES IN (1);
INSERT INTO p SELECT g, 1 + g % 3, 'a ' || g, vec(g), 'b ' || g FROM generate_series(1, 90) g;
SELECT rows >= 0 AS flushed FROM proximadb.flush('p1') \gset
SELECT rows >= 0 AS flushed FROM proximadb.flush('p2') \gset
UPDATE p SET part = 1 + part % 3 WHERE id % 2 = 0;
UPDATE p SET a = a || ' same' WHERE id % 45 = 0 RETURNING length(a) + vector_dims(v) - length(b) - 300 AS five;
SELECT part, count(*), count(*) FILTER (WHERE v = vec(id) AND b = 'b ' || id AND a = 'a ' || id || CASE WHEN id % 45 = 0 THEN ' same' ELSE '' END) AS right
    FROM p GROUP BY part ORDER BY part;

DROP SCHEMA viper_unread CASCADE;
