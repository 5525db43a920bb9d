--
-- Row-level security, views, rules, security barriers, functions that return rows.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_views;
SET search_path = viper_views, public;
CREATE TABLE t (id int PRIMARY KEY, owner name, v vector(3), body text, secret text DEFAULT 'secret');
INSERT INTO t SELECT i, CASE WHEN i % 2 = 0 THEN 'viper_alice' ELSE 'viper_bob' END, ARRAY[i, i, i]::vector, 'body ' || i FROM generate_series(1, 8) i;

-- Row-level security
SET client_min_messages = warning;
DROP ROLE IF EXISTS viper_alice;
DROP ROLE IF EXISTS viper_bob;
RESET client_min_messages;
CREATE ROLE viper_alice;
CREATE ROLE viper_bob;
GRANT USAGE ON SCHEMA viper_views TO viper_alice, viper_bob;
GRANT SELECT, INSERT, UPDATE, DELETE ON t TO viper_alice;
GRANT SELECT (id, v), UPDATE (v) ON t TO viper_bob;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON t USING (owner = current_user) WITH CHECK (owner = current_user AND v <-> '[0,0,0]' < 100);
SET ROLE viper_alice;
SELECT * FROM t ORDER BY id;
INSERT INTO t VALUES (10, 'viper_alice', '[10,10,10]', 'hers');
INSERT INTO t VALUES (11, 'viper_bob', '[11,11,11]', 'not hers');
INSERT INTO t VALUES (11, 'viper_alice', '[100,100,100]', 'too far');
INSERT INTO t VALUES (1, 'viper_alice', '[1,1,1]', 'conflict') ON CONFLICT (id) DO UPDATE SET body = 'taken';
INSERT INTO t VALUES (2, 'viper_alice', '[1,1,1]', 'conflict') ON CONFLICT (id) DO UPDATE SET body = 'updated' RETURNING *;
UPDATE t SET body = body || '!' RETURNING id, body;
UPDATE t SET owner = 'viper_bob' WHERE id = 4;
UPDATE t SET v = '[99,99,99]' WHERE id = 4;
DELETE FROM t WHERE id IN (3, 4) RETURNING id, v;
COPY t (id, v, body) TO STDOUT;
SET ROLE viper_bob;
SELECT id, v FROM t ORDER BY id;
SELECT body FROM t;
SELECT * FROM t;
UPDATE t SET v = v + '[1,1,1]' WHERE id = 5;
UPDATE t SET body = 'x';
RESET ROLE;
SELECT id, owner, v, body FROM t ORDER BY id;
ALTER TABLE t DISABLE ROW LEVEL SECURITY;

-- Views that can be written, with check option; a barrier
CREATE VIEW near AS SELECT id, v, body FROM t WHERE v <-> '[0,0,0]' < 9 WITH CHECK OPTION;
CREATE VIEW barrier WITH (security_barrier) AS SELECT id, v FROM t WHERE owner = 'viper_bob';
CREATE FUNCTION leak(vector) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE 'leak %', $1; RETURN true; END $$;
SELECT * FROM near ORDER BY id;
INSERT INTO near VALUES (20, '[1,1,0]', 'near');
INSERT INTO near VALUES (21, '[10,10,0]', 'far');
UPDATE near SET v = v + '[20,0,0]' WHERE id = 20;
UPDATE near SET body = 'nearer' WHERE id = 20 RETURNING *;
DELETE FROM near WHERE id = 20 RETURNING *;
SELECT id FROM barrier WHERE leak(v) AND id < 6 ORDER BY id;

-- Rules
CREATE TABLE log (what text, id int, v vector(3));
CREATE RULE up AS ON UPDATE TO t DO ALSO INSERT INTO log VALUES ('update', OLD.id, NEW.v);
CREATE RULE del AS ON DELETE TO t WHERE OLD.id = 1 DO INSTEAD NOTHING;
CREATE RULE ins AS ON INSERT TO t WHERE NEW.id > 1000 DO INSTEAD INSERT INTO log VALUES ('insert', NEW.id, NEW.v);
UPDATE t SET v = '[7,7,7]' WHERE id IN (7, 8);
DELETE FROM t WHERE id IN (1, 7);
INSERT INTO t VALUES (1001, 'nobody', '[1,0,1]');
INSERT INTO t SELECT i, 'many', ARRAY[i, i, i]::vector, repeat('r', 2000) FROM generate_series(900, 1100) i;
SELECT what, count(*), min(id), max(id) FROM log GROUP BY what ORDER BY what;
SELECT id, v FROM t WHERE id < 900 ORDER BY id;
SELECT count(*), bool_and(v = ARRAY[id, id, id]::vector) FROM t WHERE id >= 900;
DROP RULE up ON t;
DROP RULE del ON t;
DROP RULE ins ON t;

-- Functions that return rows and tables; a view over a view; views of everything after ADD COLUMN
CREATE FUNCTION upto(int) RETURNS SETOF t LANGUAGE sql STABLE AS $$ SELECT * FROM t WHERE id <= $1 $$;
CREATE FUNCTION one(int) RETURNS t LANGUAGE plpgsql AS $$ DECLARE r t; BEGIN SELECT * INTO r FROM t WHERE id = $1; RETURN r; END $$;
CREATE FUNCTION query() RETURNS TABLE (a int, b vector) LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT t.id, t.v FROM t WHERE t.id < 4; END $$;
SELECT id, v, body FROM upto(5) ORDER BY id;
SELECT (one(3)).body, one(3);
SELECT * FROM query() ORDER BY a;
CREATE VIEW over AS SELECT n.*, t.secret FROM near n JOIN t USING (id);
SELECT * FROM over ORDER BY id;
CREATE VIEW whole AS SELECT t AS row, t.* FROM t;
ALTER TABLE t ADD COLUMN extra int DEFAULT 5;
SELECT row, id, v FROM whole WHERE id = 3;

SET client_min_messages = warning;
DROP SCHEMA viper_views CASCADE;
DROP ROLE viper_alice;
DROP ROLE viper_bob;
