# Avro object container files against other implementations: Debian's python3-avro, and avro-c's avrocat and avromod
# (avro-bin). Files are written by either side and read by the other, vectors compared bit by bit.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('avro');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'proximadb'\n");
$node->start;
my $dir = $node->basedir;

$node->safe_psql('postgres', <<'END');
CREATE EXTENSION proximadb;
CREATE TABLE docs (id text PRIMARY KEY, vector vector, metadata jsonb NOT NULL DEFAULT '{}', created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL,
    expires_at timestamptz, version bigint NOT NULL DEFAULT 1) USING viper;
INSERT INTO docs
SELECT 'id ' || i || ' é', ('[-0,1e-45,3.4028235e38,' || i / 7.0 || repeat(',' || i % 13, i % 100) || ']')::vector,
    jsonb_build_object('text', 'ä"\' || i, 'int', i, 'min', -9223372036854775808, 'float', i / 7.0::float8, 'whole', 1.0, 'yes', true, 'no', false, 'none', NULL)
    || CASE WHEN i % 10 = 0 THEN jsonb_build_object('list', jsonb_build_array(1, NULL, 'x'), 'big', 1e400, 'object', jsonb_build_object('a', 1)) ELSE '{}' END,
    timestamptz 'epoch' + i * interval '1 day 1 ms', timestamptz 'epoch' - i * interval '1 hour 1 ms',
    CASE i % 3 WHEN 1 THEN timestamptz '2100-01-01' WHEN 2 THEN 'infinity' END, i
FROM generate_series(1, 500) i;
CREATE TABLE copy (LIKE docs INCLUDING ALL) USING viper;
END

# Rows of copy that are as in docs, bit by bit
my $same = 'SELECT count(*) FROM docs d JOIN copy c USING (id) WHERE vector_send(d.vector) = vector_send(c.vector) AND d = c';

# Imports a file into copy; the numbers of rows imported and of rows that are as they should be
sub import_same
{
	my ($file) = @_;

	return $node->safe_psql('postgres', "BEGIN; TRUNCATE copy; SELECT proximadb.import_avro('copy', '$file'); $same; COMMIT");
}

# The same for Python's files: of the branches of a union that could hold a value, that library takes one of its own choice,
# double for long integers
my $python_same = 'SELECT count(*) FROM docs d JOIN copy c USING (id, version, created_at, updated_at)
	WHERE vector_send(d.vector) = vector_send(c.vector) AND d.expires_at IS NOT DISTINCT FROM c.expires_at
		AND CASE WHEN d.version % 10 = 0 THEN d.metadata = c.metadata
			ELSE d.metadata || \'{"min": -9223372036854776000}\' = c.metadata END';

sub import_python
{
	my ($file) = @_;

	return $node->safe_psql('postgres', "BEGIN; TRUNCATE copy; SELECT proximadb.import_avro('copy', '$file'); $python_same; COMMIT");
}

sub installed
{
	return run_log([@_]);
}

# --- our own files

is($node->safe_psql('postgres', "SELECT proximadb.export_avro('docs', '$dir/null.avro')"), '500', 'export');
is($node->safe_psql('postgres', "SELECT proximadb.export_avro('docs', '$dir/deflate.avro', 'deflate')"), '500', 'export, deflate');
cmp_ok(-s "$dir/deflate.avro", '<', (-s "$dir/null.avro") * 0.7, 'deflate compresses');
is(import_same("$dir/$_.avro"), "500\n500", "import, $_") for 'null', 'deflate';

my ($code, $out, $err) = $node->psql('postgres',
	"SELECT proximadb.export_avro('SELECT 1/(500-i) AS id, ''[1]''::vector AS vector FROM generate_series(1, 1000) i', '$dir/null.avro')");
like($err, qr/ERROR:  division by zero/, 'an export that fails');
is($node->safe_psql('postgres', "SELECT count(*) FROM proximadb.read_avro('$dir/null.avro')"), '500', '... leaves the file that was there');
is(join(' ', grep { /partial/ } slurp_dir($dir)), '', '... and no part of a new one');
($code, $out, $err) = $node->psql('postgres', "SELECT proximadb.export_avro('docs', '$dir')");
like($err, qr/ERROR:  could not .*: Is a directory/, 'a directory is no file');
is($node->safe_psql('postgres', "CREATE ROLE files; GRANT pg_read_server_files, pg_write_server_files TO files; GRANT SELECT ON docs TO files; SET ROLE files;
	SELECT proximadb.export_avro('docs', '$dir/files.avro'); SELECT count(*) FROM proximadb.read_avro('$dir/files.avro')"),
	"500\n500", 'roles for files of the server');

# Files with some bytes changed or cut off are refused, or read as something else: what was there before stays
my $whole = slurp_file("$dir/deflate.avro");
my $refused = 0;
srand(7);
for (1 .. 40)
{
	my $bytes = $whole;
	substr($bytes, int(rand(length $bytes)), 1) = chr(int(rand(256))) for 1 .. 3;
	$bytes = substr($bytes, 0, int(rand(length $bytes))) if rand() < 0.3;
	open(my $file, '>:raw', "$dir/damaged.avro") or die $!;
	print $file $bytes;
	close($file);
	($code) = $node->psql('postgres',
		"BEGIN; TRUNCATE copy; SELECT proximadb.import_avro('copy', '$dir/damaged.avro'); ROLLBACK", on_error_stop => 1);
	$refused++ if $code == 3;
}
cmp_ok($refused, '>', 30, "damaged files are refused ($refused of 40)");
is($node->safe_psql('postgres', $same), '500', 'nothing of them stays');

# --- avro-c's tools

SKIP:
{
	skip 'avrocat and avromod are not there: install avro-bin', 4 if !installed('sh', '-c', 'command -v avrocat && command -v avromod');
	my ($lines) = run_command([ 'avrocat', "$dir/deflate.avro" ]);
	is(scalar(my @records = split /\n/, $lines), 500, 'avrocat reads our file');
	is(scalar(grep { /"version": 7,/ && /"id": "id 7 \\u00E9"/ && /1\.401\d*e-45/ } @records), 1, 'avrocat prints a record');
	# avro-c writes the records anew, in blocks of its own
	for my $codec ('null', 'deflate')
	{
		system('avromod', "--codec=$codec", "$dir/null.avro", "$dir/avroc.avro");
		is(import_same("$dir/avroc.avro"), "500\n500", "avro-c's file, $codec");
	}
}

# --- Avro's Python library

my $script = <<'END';
# usage: SOURCE TARGET CODEC: reads a file, checks its fields, and writes it with a codec; "own" is a schema of its own
import json, struct, sys
import avro.schema
from avro.datafile import DataFileReader, DataFileWriter
from avro.io import DatumReader, DatumWriter
source, target, codec = sys.argv[1:4]
reader = DataFileReader(open(source, "rb"), DatumReader())
records = list(reader)
schema = avro.schema.parse(reader.meta["avro.schema"].decode())
assert len(records) == 500, len(records)
for r in records:
    i = r["version"]
    assert r["id"] == "id %d \u00e9" % i and r["collection_id"] == "docs", r
    assert struct.pack("<3f", *r["vector"][:3]) == bytes.fromhex("0000008001000000ffff7f7f"), r
    m = r["metadata"]
    assert m["text"] == '\u00e4"\\%d' % i and m["int"] == i and m["min"] == -2**63 and m["float"] == i / 7.0, m
    assert m["yes"] is True and m["no"] is False and m["none"] is None and m["whole"] == 1.0, m
    assert r["created_at"] == i * 86400001 and r["updated_at"] == -i * 3600001, r
    assert (r["expires_at"] is None) == (i % 3 == 0), r
    assert (r["metadata_json"] is not None) == (i % 10 == 0), r
    if i % 10 == 0:
        assert json.loads(m["list"]) == [1, None, "x"] and json.loads(r["metadata_json"])["object"] == {"a": 1}, r
if codec == "own":
    codec = "null"
    schema = avro.schema.parse(json.dumps({"type": "record", "name": "Embedding", "namespace": "org.example", "fields": [
        {"name": "vector", "type": {"type": "array", "items": "float"}},
        {"name": "source", "type": {"type": "record", "name": "Source", "fields": [
            {"name": "tags", "type": {"type": "array", "items": "string"}}, {"name": "parent", "type": ["null", "Source"]}]}},
        {"name": "id", "type": "string"},
        {"name": "metadata", "type": ["null", {"type": "map", "values": ["double", "boolean", "null", "string", "long"]}]}]}))
    records = [{"vector": r["vector"], "id": r["id"], "metadata": r["metadata"],
                "source": {"tags": ["x", "y"], "parent": {"tags": [], "parent": None}}} for r in records]
writer = DataFileWriter(open(target, "wb"), DatumWriter(), schema, codec=codec)
for r in records:
    writer.append(r)
writer.close()
END

SKIP:
{
	skip 'the Python library is not there: install python3-avro', 6 if !installed('/usr/bin/python3', '-c', 'import avro.datafile');
	append_to_file("$dir/rewrite.py", $script);
	for my $codec ('null', 'deflate')
	{
		my $other = $codec eq 'null' ? 'deflate' : 'null';
		$node->command_ok([ '/usr/bin/python3', "$dir/rewrite.py", "$dir/$codec.avro", "$dir/python.avro", $other ],
			"Python reads our file, $codec");
		is(import_python("$dir/python.avro"), "500\n500", "Python's file, $other");
	}
	$node->command_ok([ '/usr/bin/python3', "$dir/rewrite.py", "$dir/null.avro", "$dir/own.avro", 'own' ], 'Python writes a schema of its own');
	is($node->safe_psql('postgres', "TRUNCATE copy; SELECT proximadb.import_avro('copy', '$dir/own.avro');
		-- with long last, True is 1
		SELECT count(*) FROM docs d JOIN copy c USING (id) WHERE vector_send(d.vector) = vector_send(c.vector) AND c.version = 1
			AND (d.metadata || '{\"yes\": 1, \"no\": 0}') - '{list,big,object}'::text[] = c.metadata - '{list,big,object}'::text[]"),
		"500\n500", '... which is read');
}

$node->stop;
done_testing();
