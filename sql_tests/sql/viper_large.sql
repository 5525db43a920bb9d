--
-- Values larger than a page and larger than a megabyte, of every storage kind.
--
SET default_table_access_method = viper;
CREATE SCHEMA viper_large;
SET search_path = viper_large, public;

-- Text that does not compress: md5 sums
CREATE FUNCTION noise(seed int, bytes int) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT left(string_agg(md5(seed || '.' || j), '' ORDER BY j), bytes) FROM generate_series(1, bytes / 32 + 1) j $$;
CREATE FUNCTION vec(seed int, dim int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(((seed * 7919 + j * 104729) % 1009) / 64.0 ORDER BY j)::float4[]::vector FROM generate_series(1, dim) j $$;

CREATE TABLE docs (
    id int PRIMARY KEY,
    body text,
    raw bytea,
    doc jsonb,
    v vector(1536),
    n int DEFAULT 0
);
INSERT INTO docs
SELECT i, noise(i, 1 << i), decode(md5(i::text), 'hex'), jsonb_build_object('k', noise(-i, i * 700)), vec(i, 1536)
FROM generate_series(1, 15) i;
INSERT INTO docs VALUES
    (20, noise(20, 1500000), NULL, NULL, NULL),
    (21, repeat('compressible ', 200000), decode(repeat('00', 1200000), 'hex'), jsonb_build_object('a', repeat('b', 300000)), vec(21, 1536)),
    (22, NULL, decode(noise(22, 2400000), 'hex'), NULL, vec(22, 1536));

CREATE VIEW sums AS
SELECT id, length(body) AS len, md5(body) = md5(CASE WHEN id < 20 THEN noise(id, 1 << id) WHEN id = 20 THEN noise(20, 1500000)
                                                    WHEN id = 21 THEN repeat('compressible ', 200000) END) AS body,
       length(raw) AS rawlen, md5(raw) AS raw, md5(doc::text) AS doc, vector_dims(v) AS dims, v = vec(id, 1536) AS v, n
FROM docs;
SELECT * FROM sums ORDER BY id;

-- Parts of values
SELECT id, substr(body, 1000000, 40) = substr(noise(id, 1500000), 1000000, 40) AS same FROM docs WHERE id = 20;
SELECT id, substr(raw, 5, 3), octet_length(raw) FROM docs WHERE id IN (3, 22) ORDER BY id;
SELECT id, length(body) FROM docs WHERE body LIKE '%compressible c%';
SELECT count(*) FROM docs WHERE length(doc ->> 'k') > 5000;

-- Updates leave the large values alone, or replace them
UPDATE docs SET n = n + 1;
SELECT * FROM sums ORDER BY id;
UPDATE docs SET n = n + 1 WHERE id % 2 = 0;
UPDATE docs SET body = body || 'tail' WHERE id IN (2, 20);
UPDATE docs SET raw = NULL, doc = NULL WHERE id = 21;
UPDATE docs SET v = vec(99, 1536), doc = doc || '{"new": 1}' WHERE id = 15;
SELECT id, length(body), right(body, 6), raw IS NULL, doc IS NULL, n FROM docs WHERE id IN (2, 20, 21) ORDER BY id;
SELECT v = vec(99, 1536), doc -> 'new', length(doc ->> 'k') FROM docs WHERE id = 15;

-- Rolled back, then deleted
BEGIN;
UPDATE docs SET body = noise(1, 100000), raw = decode(noise(2, 20000), 'hex');
SELECT count(DISTINCT body), min(length(body)) FROM docs;
DELETE FROM docs WHERE id > 10;
ROLLBACK;
SELECT sum(length(body)), sum(length(raw)), count(*) FROM docs;
DELETE FROM docs WHERE id IN (20, 22);
VACUUM docs;
SELECT id, len, body, n FROM sums ORDER BY id;

-- Copies of large values between tables, and the row with a large value as a whole
CREATE TABLE copy (LIKE docs);
INSERT INTO copy SELECT * FROM docs;
SELECT count(*) FROM docs d JOIN copy c ON (d.*) = (c.*);
TRUNCATE docs;
SELECT id, length(body), length(raw), md5(doc::text), v = vec(id, 1536) AS v FROM copy ORDER BY id;
SELECT length(c::text) FROM copy c WHERE id = 21;

-- Storage kinds: each its own way out of the page
CREATE TABLE kinds (id int, p text, e text, m text, x text);
ALTER TABLE kinds ALTER p SET STORAGE PLAIN, ALTER e SET STORAGE EXTERNAL, ALTER m SET STORAGE MAIN;
INSERT INTO kinds SELECT i, noise(i, i * 100), noise(i + 1, i * 5000), noise(i + 2, i * 900), noise(i + 3, i * 3000) FROM generate_series(1, 30) i;
SELECT count(*), sum(length(p)), sum(length(e)), sum(length(m)), sum(length(x)),
       bool_and(p = noise(id, id * 100)), bool_and(e = noise(id + 1, id * 5000)),
       bool_and(m = noise(id + 2, id * 900)), bool_and(x = noise(id + 3, id * 3000)) FROM kinds;
ALTER TABLE kinds ALTER e SET COMPRESSION pglz;
INSERT INTO kinds SELECT id + 100, p, e, m, x FROM kinds;
SELECT count(*), bool_and(a.e = b.e AND a.m = b.m AND a.x = b.x AND a.p = b.p) FROM kinds a JOIN kinds b ON b.id = a.id + 100;

-- The largest vector, and a row too long for any page when it may not go out of it
CREATE TABLE huge (id int, v vector(16000));
INSERT INTO huge SELECT i, vec(i, 16000) FROM generate_series(1, 3) i;
SELECT id, vector_dims(v), v = vec(id, 16000) AS same FROM huge ORDER BY id;
UPDATE huge SET id = id + 10;
SELECT id, v = vec(id - 10, 16000) AS same FROM huge ORDER BY id;

-- One row among many wide ones is fetched by an index scan.
CREATE TABLE wide (id int PRIMARY KEY, body text);
INSERT INTO wide SELECT i, noise(i, 12000) FROM generate_series(1, 300) i;
VACUUM ANALYZE wide;
EXPLAIN (COSTS OFF) SELECT * FROM wide WHERE id = 5;

SET client_min_messages = warning;
DROP SCHEMA viper_large CASCADE;
