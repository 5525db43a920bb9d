-- Avro: single records, containers as bytes, export and import, and what is refused. Files: t/110_avro.pl.
SET timezone = 'UTC';
SET extra_float_digits = 1;

-- Schemas
SELECT name, schema->>'type' AS type, schema->>'namespace' AS namespace, json_array_length(schema->'fields') AS fields
  FROM proximadb.avro_schemas() ORDER BY name;
CREATE TABLE avro_shapes (id text PRIMARY KEY, "odd name" int, gone int, v vector(3) NOT NULL, w vector, t timestamptz, u uuid) USING viper;
ALTER TABLE avro_shapes DROP COLUMN gone;
SELECT f->>'name' AS name, f->>'type' AS type FROM json_array_elements(proximadb.avro_schema('avro_shapes')->'fields') f;
DROP TABLE avro_shapes;

-- One record
SELECT encode(proximadb.vector_record_to_avro('a', '[1,-0,1e-45]', '{"n": 1, "s": "é"}', 'docs', created_at => '1970-01-01 00:00:01Z',
       expires_at => 'infinity', version => 7, rank => 2, score => 0.5, distance => 0.25), 'hex') AS datum;
SELECT * FROM proximadb.vector_record_from_avro(proximadb.vector_record_to_avro('a', '[1,-0,1e-45]', '{"n": 1, "s": "é"}', 'docs',
       created_at => '1970-01-01 00:00:01.0019Z', updated_at => '1969-12-31 23:59:59.9999Z', expires_at => '-infinity', version => 7, rank => 2,
       score => 0.5, distance => 0.25)) \gx
SELECT id, vector, metadata, created_at = date_trunc('milliseconds', now()) AS now FROM proximadb.vector_record_from_avro(proximadb.vector_record_to_avro('', NULL, NULL));
SELECT proximadb.vector_record_to_avro(NULL, '[1]');
SELECT proximadb.vector_record_from_avro('\x');
SELECT proximadb.vector_record_from_avro(proximadb.vector_record_to_avro('a', '[1]') || '\x00');

-- Metadata comes back equal whatever it is
SELECT m, (proximadb.vector_record_from_avro(proximadb.vector_record_to_avro('a', '[1]', m::jsonb))).metadata = m::jsonb AS same
  FROM (VALUES ('{}'), ('{"": ""}'), ('{"a": null, "b": true, "c": false}'), ('{"a": "é\n\"x\""}'),
               ('{"a": 0, "b": -1, "c": 9223372036854775807, "d": -9223372036854775808}'),
               ('{"a": 9223372036854775808}'), ('{"a": 123456789012345678901234567890}'),
               ('{"a": 0.1, "b": -2.5, "c": 1e300, "d": 1.0, "e": 5e-324}'), ('{"a": 0.12345678901234567890}'), ('{"a": 1e400}'),
               ('{"a": []}'), ('{"a": {"b": [1, null, "x", {"c": 0.5}]}}'), ('[1, "a"]'), ('"text"'), ('1'), ('null')) t(m);

-- Tables and queries
CREATE TABLE avro_docs (id text PRIMARY KEY, vector vector(3), metadata jsonb NOT NULL DEFAULT '{}', created_at timestamptz NOT NULL DEFAULT now(),
       updated_at timestamptz NOT NULL DEFAULT now(), expires_at timestamptz, version bigint NOT NULL DEFAULT 1,
       twice bigint GENERATED ALWAYS AS (version * 2) STORED) USING viper;
INSERT INTO avro_docs (id, vector, metadata, created_at, updated_at, expires_at, version)
SELECT i::text, ARRAY[i / 3.0, -i, 1e-40 * i]::real[]::vector(3), jsonb_build_object('i', i, 'list', jsonb_build_array(i)), '2026-01-01', '2026-01-02', CASE WHEN i % 2 = 0 THEN timestamptz '2027-01-01' END, i
  FROM generate_series(1, 2500) i;
CREATE TABLE avro_copy (LIKE avro_docs INCLUDING ALL) USING viper;
SELECT proximadb.import_avro_bytes('avro_copy', proximadb.export_avro_bytes('avro_docs'));
SELECT count(*) FROM avro_docs d JOIN avro_copy c USING (id) WHERE d = c AND vector_send(d.vector) = vector_send(c.vector);
-- deflate, ids of another type, other tables' schemas
CREATE SCHEMA "Odd Schema";
CREATE TABLE "Odd Schema"."Odd Table" (id bigint PRIMARY KEY, vector vector, metadata jsonb);
SELECT proximadb.import_avro_bytes('"Odd Schema"."Odd Table"', proximadb.export_avro_bytes('avro_docs', 'deflate'));
SELECT count(*), sum(id), min(metadata->>'i'), bool_and(vector_dims(vector) = 3) FROM "Odd Schema"."Odd Table";
SELECT id, collection_id, vector, metadata, version FROM proximadb.read_avro_bytes(proximadb.export_avro_bytes('"Odd Schema"."Odd Table"')) LIMIT 1;
SELECT id, vector, metadata, rank, score FROM proximadb.read_avro_bytes(proximadb.export_avro_bytes($$
  SELECT id, ARRAY[id, 1]::real[] AS vector, jsonb_build_object('k', id) AS metadata, row_number() OVER (ORDER BY id) AS rank, 0.5 AS score
    FROM generate_series(1, 2) id ORDER BY id;
$$));
SELECT count(*) FROM proximadb.read_avro_bytes(proximadb.export_avro_bytes('SELECT ''x'' AS id, NULL::vector AS vector WHERE false -- none'));

-- Conflicts
UPDATE avro_docs SET version = version + 1 WHERE id = '5';
SELECT proximadb.import_avro_bytes('avro_copy', proximadb.export_avro_bytes('avro_docs'), 'skip');
SELECT proximadb.import_avro_bytes('avro_copy', proximadb.export_avro_bytes('avro_docs'), 'replace');
SELECT version, twice FROM avro_copy WHERE id = '5';
SELECT proximadb.import_avro_bytes('avro_copy', proximadb.export_avro_bytes('SELECT * FROM (VALUES (''new'', ''[1,1,1]''), (''7'', ''[1,1,1]'')) v(id, vector)'));
SELECT proximadb.import_avro_bytes('avro_copy', '\x', 'perhaps');
SELECT count(*) FROM avro_copy;

-- What cannot be exported or imported
SELECT proximadb.export_avro_bytes('avro_none');
SELECT proximadb.export_avro_bytes('pg_class');
SELECT proximadb.export_avro_bytes('avro_docs', 'snappy');
SELECT proximadb.export_avro_bytes('SELECT * FROM avro_docs');
SELECT proximadb.export_avro_bytes('SELECT 1 AS id');
SELECT proximadb.export_avro_bytes('SELECT 1 AS id, ''[1]''::vector AS vector, 2 AS id');
SELECT proximadb.export_avro_bytes('SELECT NULL AS id, ''[1]''::vector AS vector');
SELECT proximadb.export_avro_bytes('SELECT 1; SELECT 2');
SELECT proximadb.export_avro_bytes('DELETE FROM avro_docs');
SELECT proximadb.export_avro_bytes('DELETE FROM avro_docs RETURNING id, vector');
SELECT proximadb.import_avro_bytes('avro_none', '\x');
CREATE TABLE avro_bare (id text, vector vector(2));
SELECT proximadb.import_avro_bytes('avro_bare', proximadb.export_avro_bytes('avro_docs'));
ALTER TABLE avro_bare ADD COLUMN metadata jsonb;
SELECT proximadb.import_avro_bytes('avro_bare', proximadb.export_avro_bytes('avro_docs'));
SELECT proximadb.import_avro_bytes('avro_bare', proximadb.export_avro_bytes('SELECT 1 AS id, ''[1,2]''::vector AS vector'), 'replace');

-- Containers of others: a header made by hand, then one block
CREATE FUNCTION pg_temp.avro(schema text, block bytea, records int DEFAULT 1, codec text DEFAULT 'null') RETURNS bytea LANGUAGE sql AS $$
    WITH n(v, s) AS (VALUES (1, length(convert_to(schema, 'UTF8'))), (2, length(block)), (3, records), (4, length(codec))), l AS (
        SELECT v, CASE WHEN s < 64 THEN set_byte('\x00', 0, s * 2) WHEN s < 8192 THEN set_byte(set_byte('\x0000', 0, s * 2 % 128 + 128), 1, s * 2 / 128)
               ELSE set_byte(set_byte(set_byte('\x000000', 0, s * 2 % 128 + 128), 1, s * 2 / 128 % 128 + 128), 2, s * 2 / 16384) END b FROM n)
    SELECT '\x4f626a0104'::bytea || '\x16'::bytea || 'avro.schema' || (SELECT b FROM l WHERE v = 1) || convert_to(schema, 'UTF8') ||
           '\x14'::bytea || 'avro.codec' || (SELECT b FROM l WHERE v = 4) || convert_to(codec, 'UTF8') || '\x00'::bytea || '0123456789abcdef' ||
           (SELECT b FROM l WHERE v = 3) || (SELECT b FROM l WHERE v = 2) || block || '0123456789abcdef' $$;
CREATE FUNCTION pg_temp.row(fields text) RETURNS text LANGUAGE sql AS $$ SELECT '{"type":"record","name":"Row","fields":[' || fields || ']}' $$;
-- a writer of its own: fields in another order, others between them, unions, ints for floats, a float for a double
SELECT id, vector, metadata, created_at, version, rank FROM proximadb.read_avro_bytes(pg_temp.avro(pg_temp.row(
    '{"name":"vector","type":["null",{"type":"array","items":"int"}]}, {"name":"extra","type":{"type":"record","name":"E","namespace":"x","fields":[{"name":"e","type":["null","E"]}]}},
     {"name":"more","type":["null","x.E"]}, {"name":"id","type":"bytes"}, {"name":"metadata","type":{"type":"map","values":["float","boolean"]}}, {"name":"version","type":"int"}'),
    '\x020402040000000661c3a902026200cdcccc3d0054'));
-- no block at all
SELECT count(*) FROM proximadb.read_avro_bytes(substr(pg_temp.avro(pg_temp.row('{"name":"id","type":"string"},{"name":"vector","type":{"type":"array","items":"float"}}'), ''), 1,
    length(pg_temp.avro(pg_temp.row('{"name":"id","type":"string"},{"name":"vector","type":{"type":"array","items":"float"}}'), '')) - 18));

-- Everything that is refused names the record, or says what is wrong with the file; nothing is loaded
CREATE TABLE avro_into (id text, vector vector, metadata jsonb);
CREATE FUNCTION pg_temp.refusal(data bytea, OUT state text, OUT message text, OUT detail text, OUT context text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM proximadb.import_avro_bytes('avro_into', data);
    state := 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, context = PG_EXCEPTION_CONTEXT;
    context := substring(context from 'record \d+ of the Avro data');
END $$;
CREATE FUNCTION pg_temp.simple(vector_type text DEFAULT '{"type":"array","items":"float"}', more text DEFAULT '') RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.row('{"name":"id","type":"string"},{"name":"vector","type":' || vector_type || '}' || more) $$;
-- first record a good one: id "a", vector [1]
CREATE FUNCTION pg_temp.second(block bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT pg_temp.avro(pg_temp.simple(), '\x0261020000803f00'::bytea || block, 2) $$;
\x
SELECT what, r.* FROM (VALUES
    ('empty', '\x'::bytea),
    ('not Avro', 'PAR1 and more of that'),
    ('an int file', pg_temp.avro('"int"', '\x02')),
    ('no id', pg_temp.avro(pg_temp.row('{"name":"vector","type":{"type":"array","items":"float"}}'), '')),
    ('no vector', pg_temp.avro(pg_temp.row('{"name":"id","type":"string"}'), '')),
    ('schema is no JSON', pg_temp.avro('{', '')),
    ('schema is no schema', pg_temp.avro('17', '')),
    ('unknown type', pg_temp.avro(pg_temp.row('{"name":"id","type":"varchar"}'), '')),
    ('field twice', pg_temp.avro(pg_temp.row('{"name":"id","type":"int"},{"name":"id","type":"int"}'), '')),
    ('empty union', pg_temp.avro(pg_temp.row('{"name":"id","type":[]}'), '')),
    ('a type of nothing but itself', pg_temp.avro(pg_temp.simple(more => ',{"name":"x","type":{"type":"record","name":"E","fields":[{"name":"e","type":"E"}]}}'), '\x026100')),
    ('another codec', pg_temp.avro(pg_temp.simple(), '', 1, 'snappy')),
    ('deflate of nothing', pg_temp.avro(pg_temp.simple(), '', 1, 'deflate')),
    ('deflate of trash', pg_temp.avro(pg_temp.simple(), '\xffffffff', 1, 'deflate')),
    ('id is a number', pg_temp.avro(pg_temp.row('{"name":"id","type":"int"},{"name":"vector","type":{"type":"array","items":"float"}}'), '\x0200')),
    ('id is no UTF-8', pg_temp.second('\x04c32800')),
    ('id has a zero byte', pg_temp.second('\x04006100')),
    ('vector cut off', pg_temp.second('\x02620400000000')),
    ('vector of doubles', pg_temp.avro(pg_temp.simple('{"type":"array","items":"double"}'), '\x026102000000000000f03f00')),
    ('vector of strings', pg_temp.avro(pg_temp.simple('{"type":"array","items":"string"}'), '\x026102023100')),
    ('vector is a string', pg_temp.avro(pg_temp.simple('"string"'), '\x02610231')),
    ('vector with a NaN', pg_temp.second('\x0262020000c07f00')),
    ('vector too long', pg_temp.avro(pg_temp.simple('{"type":"array","items":"int"}'), '\x026184fa01'::bytea || decode(repeat('00', 16100), 'hex'))),
    ('an absurd length', pg_temp.second('\x0262feffffffffffffffff01')),
    ('a negative length', pg_temp.second('\x01')),
    ('no such branch', pg_temp.avro(pg_temp.simple('["null",{"type":"array","items":"float"}]'), '\x026104')),
    ('id is null', pg_temp.avro(pg_temp.row('{"name":"id","type":["null","string"]},{"name":"vector","type":{"type":"array","items":"float"}}'), '\x0000')),
    ('metadata is a list', pg_temp.avro(pg_temp.simple(more => ',{"name":"metadata","type":{"type":"array","items":"int"}}'), '\x02610000')),
    ('metadata with NaN', pg_temp.avro(pg_temp.simple(more => ',{"name":"metadata","type":{"type":"map","values":"double"}}'), '\x026100020261000000000000f87f00')),
    ('bad JSON', pg_temp.avro(pg_temp.simple(more => ',{"name":"metadata_json","type":"string"}'), '\x026100027b')),
    ('time out of range', pg_temp.avro(pg_temp.simple(more => ',{"name":"expires_at","type":"long"}'), '\x026100fcffffffffffffffff01')),
    ('rank out of range', pg_temp.avro(pg_temp.simple(more => ',{"name":"rank","type":"long"}'), '\x026100fcffffffffffffffff01')),
    ('version is a string', pg_temp.avro(pg_temp.simple(more => ',{"name":"version","type":"string"}'), '\x0261000231')),
    ('bytes left over', pg_temp.avro(pg_temp.simple(), '\x02610000')),
    ('fewer records than claimed', pg_temp.avro(pg_temp.simple(), '\x026100', 2)),
    ('other field cut off', pg_temp.avro(pg_temp.simple(more => ',{"name":"x","type":{"type":"fixed","name":"F","size":9}}'), '\x02610000')),
    ('foreign sync marker', overlay(pg_temp.second('\x026200') placing '\xff' from length(pg_temp.second('\x026200')))),
    ('cut in the marker', substr(pg_temp.second('\x026200'), 1, length(pg_temp.second('\x026200')) - 3)),
    ('block longer than the file', overlay(pg_temp.second('\x026200') placing '\x7e' from length(pg_temp.second('\x026200')) - 16 - 11)),
    ('schema deep beyond reason', pg_temp.avro(pg_temp.simple(more => ',{"name":"x","type":' || repeat('{"type":', 700) || '"int"' || repeat('}', 700) || '}'), '')),
    ('good', pg_temp.second('\x026200'))) v(what, data), pg_temp.refusal(data) r;
\x
TABLE avro_into;

-- Rights are the caller's; files are for roles of their own
CREATE ROLE avro_user;
GRANT SELECT ON avro_docs TO avro_user;
CREATE TABLE avro_rows AS SELECT id, vector, metadata FROM avro_docs LIMIT 0;
INSERT INTO avro_rows VALUES ('mine', '[1,2,3]', '{"owner": "avro_user"}'), ('theirs', '[1,2,3]', '{"owner": "x"}');
ALTER TABLE avro_rows ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON avro_rows USING (metadata->>'owner' = current_user);
GRANT SELECT, INSERT ON avro_rows TO avro_user;
SET ROLE avro_user;
SELECT count(*) FROM proximadb.read_avro_bytes(proximadb.export_avro_bytes('avro_docs'));
SELECT proximadb.export_avro_bytes('avro_copy');
SELECT proximadb.import_avro_bytes('avro_docs', proximadb.export_avro_bytes('avro_docs'));
SELECT id FROM proximadb.read_avro_bytes(proximadb.export_avro_bytes('avro_rows'));
SELECT proximadb.import_avro_bytes('avro_rows', proximadb.export_avro_bytes('avro_docs'));
SELECT proximadb.export_avro('avro_docs', '/tmp/avro_docs.avro');
SELECT proximadb.import_avro('avro_rows', '/tmp/avro_docs.avro');
SELECT * FROM proximadb.read_avro('/etc/passwd');
RESET ROLE;
SELECT proximadb.export_avro('avro_docs', 'relative.avro');
SELECT * FROM proximadb.read_avro('relative.avro');
SELECT * FROM proximadb.read_avro('/nonexistent/file.avro');
SELECT * FROM proximadb.read_avro('/dev/null');
-- a hostile search_path changes nothing
SET search_path = pg_temp;
SELECT proximadb.import_avro_bytes('public.avro_copy', proximadb.export_avro_bytes('public.avro_docs'), 'replace');
RESET search_path;

DROP TABLE avro_docs, avro_copy, avro_bare, avro_into, avro_rows, "Odd Schema"."Odd Table";
DROP SCHEMA "Odd Schema";
DROP ROLE avro_user;
