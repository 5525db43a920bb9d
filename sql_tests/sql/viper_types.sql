--
-- Every kind of column comes back as it went in: values, NULLs, rows of nothing but NULLs.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_types;
SET search_path = viper_types, public;

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN short AS text CHECK (length(VALUE) < 10);

CREATE TABLE t (
    id int,
    vec vector(3),
    anyvec vector,
    big vector(768),
    txt text,
    vc varchar(20),
    bp char(10),
    nm name,
    ch "char",
    num numeric,
    num2 numeric(20,5),
    j json,
    jb jsonb,
    by bytea,
    u uuid,
    ts timestamp,
    tz timestamptz,
    d date,
    ti time,
    ttz timetz,
    iv interval,
    b bool,
    i2 int2,
    i4 int4,
    i8 int8,
    f4 float4,
    f8 float8,
    ia int[],
    ta text[],
    va vector(3)[],
    p pair,
    pa pair[],
    m mood,
    dp positive,
    ds short,
    r int4range,
    mr int4multirange,
    pt point,
    bx box,
    poly polygon,
    bits bit(5),
    vbits varbit,
    ip inet,
    mac macaddr,
    tv tsvector,
    tq tsquery,
    x xml,
    o oid,
    rc regclass,
    td tid,
    lsn pg_lsn,
    mn money
);

CREATE FUNCTION v768(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0 || ',-' || i % 7, 255) || ',' || i % 3 || ',0.5]')::vector $$;

INSERT INTO t VALUES
(1, '[1,2,3]', '[1,2,3,4,5]', v768(1), 'text', 'varchar', 'bpchar', 'name', 'c', 123.456, 1234567890.12345,
 '{"a": 1}', '{"b": [1, 2, {"c": null}]}', '\xdeadbeef00', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
 '2001-02-03 04:05:06.789', '2001-02-03 04:05:06.789+00', '2001-02-03', '04:05:06', '04:05:06+02', '1 mon 2 days 03:00:00',
 true, 32767, 2147483647, 9223372036854775807, 3.25, 2.718281828459045,
 '{1,NULL,3}', '{a,NULL,"b c"}', ARRAY['[1,2,3]', '[4,5,6]']::vector(3)[], (1, 'x'), ARRAY[(1, 'x'), NULL, (2, NULL)]::pair[],
 'ok', 7, 'short', '[1,5)', '{[1,3),[5,7)}', '(1,2)', '((3,4),(1,2))', '((0,0),(1,0),(1,1))', '10101', '1',
 '10.0.0.1/8', '08:00:2b:01:02:03', 'a:1 b:2', 'a & b', '<a>x</a>', 42, 'pg_class', '(3,4)', '16/B374D848', '12.34'),
(2, '[-0,1e-38,-3.4e38]', '[0]', NULL, '', '', '', '', '', 'NaN', -0.00001,
 'null', 'null', '', '00000000-0000-0000-0000-000000000000',
 '-infinity', 'infinity', 'infinity', '00:00', '24:00:00-12', '-1 year',
 false, -32768, -2147483648, -9223372036854775808, '-0', '-0',
 '{}', '{}', '{}', (NULL, NULL), '{}',
 'sad', 1, '', 'empty', '{}', '(-0,NaN)', '((0,0),(0,0))', '((0,0))', '00000', '',
 '::1', 'ff:ff:ff:ff:ff:ff', '', '', '', 0, '-', '(0,1)', '0/0', '-92233720368547758.08'),
(3, NULL, NULL, v768(3), 'grüße 漢字 🐍', NULL, NULL, NULL, '\', 'Infinity', NULL,
 NULL, '"s"', NULL, NULL, '4713-01-01 BC', '294276-12-31 23:59:59.999999 UTC', '5874897-12-31', NULL, NULL, NULL,
 NULL, 0, NULL, 0, 'NaN', 'NaN', '[2:4]={1,2,3}', '{{a,b},{c,d}}', NULL, NULL, '[0:0]={"(1,z)"}',
 'happy', NULL, NULL, '(,)', '{(,)}', NULL, NULL, NULL, NULL, '0000000000000000000000001', NULL, NULL, NULL, NULL, NULL, 4294967295, NULL, NULL, NULL, NULL),
(4, '[1,1,1]', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '-Infinity', 99999.99999,
 NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
 NULL, NULL, NULL, NULL, '-Infinity', 'Infinity', NULL, NULL, NULL, (5, NULL), NULL,
 NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO t (id) VALUES (NULL), (NULL), (7);

SELECT id, vec, anyvec, md5(big::text) AS big, txt, vc, bp, nm, ch FROM t;
SELECT id, num, num2, j, jb, by, u, ts, tz, d FROM t;
SELECT id, ti, ttz, iv, b, i2, i4, i8, f4, f8, ia, ta, va FROM t;
SELECT id, p, pa, m, dp, ds, r, mr, pt, bx, poly, bits, vbits FROM t;
SELECT id, ip, mac, tv, tq, x, o, rc, td, lsn, mn FROM t;

-- Sign of zero, NaN, and the bits of values
SELECT id, float4send(f4), float8send(f8), vector_send(vec), numeric_send(num), point_send(pt) FROM t;
SELECT id, bp || '|' AS padded, octet_length(bp), octet_length(nm::text), pg_typeof(ch), length(by) FROM t;

-- NULL tests, one column from the middle, columns in another order
SELECT count(*), count(id), count(vec), count(big), count(p), count(m), count(ia), count(f8), count(mn) FROM t;
SELECT mn, id, vec FROM t WHERE m IS NOT NULL;
SELECT count(*) FROM t WHERE t IS NULL;
SELECT count(*) FROM t WHERE p IS NULL;
SELECT (p).b, (pa[1]).b, vec <-> '[1,1,1]' AS distance FROM t WHERE id = 1;

-- Values in types checked when written, not when read
INSERT INTO t (id, dp) VALUES (8, 0);
INSERT INTO t (id, vec) VALUES (8, '[1,2]');
INSERT INTO t (id, ds) VALUES (8, 'much too long');
INSERT INTO t (id, m) VALUES (8, 'none');
SELECT count(*) FROM t;

-- A table without columns, and columns that went away
CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES;
INSERT INTO nothing DEFAULT VALUES;
SELECT count(*) FROM nothing;
SELECT * FROM nothing;
DELETE FROM nothing WHERE ctid = '(0,1)';
SELECT tableoid::regclass, ctid FROM nothing;
ALTER TABLE nothing ADD COLUMN v vector(3);
INSERT INTO nothing VALUES ('[1,2,3]');
SELECT * FROM nothing;
ALTER TABLE nothing DROP COLUMN v;
SELECT count(*) FROM nothing;

-- Many columns, most of them NULL
SELECT 'CREATE TABLE wide (' || string_agg('c' || i || CASE i % 3 WHEN 0 THEN ' int' WHEN 1 THEN ' text' ELSE ' vector(2)' END, ', ') || ')'
FROM generate_series(1, 1000) i \gexec
INSERT INTO wide (c1, c500, c998, c999, c1000) VALUES ('a', '[1,2]', '[3,4]', 999, 'z'), (NULL, NULL, NULL, NULL, 'last');
INSERT INTO wide (c3) VALUES (3);
SELECT c1, c2, c3, c500, c998, c999, c1000 FROM wide;
SELECT md5(wide::text) FROM wide;

-- Generated columns, defaults, identity
CREATE TABLE gen (
    id int GENERATED ALWAYS AS IDENTITY,
    s serial,
    a int DEFAULT 5,
    b text DEFAULT 'x' || 'y',
    v vector(3) DEFAULT '[1,2,3]',
    twice int GENERATED ALWAYS AS (a * 2) STORED,
    norm float8 GENERATED ALWAYS AS (round(vector_norm(v)::numeric, 3)) STORED
);
INSERT INTO gen DEFAULT VALUES;
INSERT INTO gen (a, b, v) VALUES (7, NULL, '[0,3,4]'), (NULL, 'z', NULL);
INSERT INTO gen (id) VALUES (9);
INSERT INTO gen (id) OVERRIDING SYSTEM VALUE VALUES (9);
UPDATE gen SET a = 10, v = DEFAULT WHERE id = 2;
UPDATE gen SET twice = 1;
SELECT * FROM gen ORDER BY s;

-- The same through an index and sorted, so that rows are materialised
CREATE INDEX ON t (i4);
SET enable_seqscan = off;
SELECT id, vec, txt, f8, p, m FROM t WHERE i4 = 2147483647;
RESET enable_seqscan;
SELECT id, vec, txt, num, jb, ia, p FROM t ORDER BY txt COLLATE "C", id, num;

SET client_min_messages = warning;
DROP SCHEMA viper_types CASCADE;
