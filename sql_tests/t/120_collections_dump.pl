# Collections through pg_dump and pg_restore in all formats: the catalog, options, indexes, grants and answers are the same
# afterwards, also in another engine, with the extension in another schema, and in parts.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('collections');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'proximadb'\nautovacuum = off\n");
$node->start;
my $dir = $node->basedir;
my $long = 'x' x 200;

sub fill
{
	my ($db) = @_;

	$node->safe_psql($db, <<"END");
SELECT proximadb.create_collection('docs', 4, filterable_columns => '["color", {"name": "n", "data_type": "integer"}, {"name": "day", "data_type": "datetime"},
    {"name": "tags", "data_type": "array_string"}]', index_options => '{"target_recall": 0.999}', description => 'things', tags => '{a,b}');
SELECT proximadb.upsert_vectors('docs', array_agg(i::text), array_agg(ARRAY[sin(i), cos(i), i % 7, 1]::real[]::$_[1]vector),
    array_agg(jsonb_build_object('color', (ARRAY['red', 'green', 'blue'])[i % 3 + 1], 'n', i, 'day', '2026-01-01', 'tags', jsonb_build_array('t' || i % 5))),
    array_agg(CASE WHEN i % 10 = 0 THEN timestamptz '2020-01-01' END)) FROM generate_series(1, 1000) i;
UPDATE docs SET created_at = '2026-01-01', updated_at = '2026-01-02';
SELECT proximadb.create_collection('$long', 2, 'euclidean', 'lsm');
SELECT proximadb.upsert_vectors('$long', '[{"id": "1", "vector": [1, 2], "metadata": {"k": [1, null]}}]');
SELECT proximadb.create_collection('Exact', 2, 'manhattan', engine => 'heap', id_type => 'bigint');
SELECT proximadb.upsert_vectors('Exact', '[{"id": 1, "vector": [1, 2]}, {"id": 2, "vector": [3, 2]}]');
SELECT proximadb.set_options(tbl, level_count => 5, bloom_fpr => 0.02) FROM proximadb.collections WHERE name = '$long';
GRANT SELECT ON docs TO reader;
ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
CREATE POLICY red ON docs USING (color = 'red');
CREATE SCHEMA other;
CREATE TABLE other.own (key int PRIMARY KEY, v $_[1]vector(2), info jsonb) USING viper;
INSERT INTO other.own VALUES (1, '[1,0]', '{}'), (2, '[0,1]', '{"k": 1}');
SELECT proximadb.register_collection('other.own', 'things', 'dot_product', 'key', 'v', 'info');
END
}

# What must be the same afterwards
my $answers = <<"END";
SELECT row(id, round(score::numeric, 6), rank, metadata) FROM proximadb.search('docs', '[0.5, 0.5, 3, 1]', 5, '{"color": {"in": ["red", "blue"]}, "n": {"gt": 100}, "tags": {"contains": "t1"}}');
SELECT row(id, distance) FROM proximadb.search('$long', '[1, 1]');
SELECT row(id, distance) FROM proximadb.search('Exact', '[1, 1]');
SELECT row(id, score) FROM proximadb.search('things', '[1, 1]', filter => '{"metadata.k": 1}');
SELECT count(*), md5(string_agg(d::text, '|' ORDER BY id)) FROM docs d;
SET ROLE reader;
SELECT count(*), min(metadata->>'color') FROM proximadb.search('docs', '[0.5, 0.5, 3, 1]', 5000);
RESET ROLE;
END
my $catalog = <<'END';
SELECT name, tbl, metric, id_column, vector_column, metadata_column, filterable_columns, index_options, description, tags, created_at, updated_at FROM proximadb.collections ORDER BY name;
SELECT name, tbl, owner, dimension, engine, index_strategy FROM proximadb.list_collections();
SELECT object, ok FROM proximadb.health() ORDER BY object;
SELECT tbl, level_count, bloom_fpr FROM proximadb.table_options ORDER BY 1;
SELECT indexdef FROM pg_indexes WHERE schemaname IN ('public', 'other') ORDER BY indexname;
SELECT relname, relacl, relrowsecurity FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'other'::regnamespace) AND relkind = 'r' ORDER BY relname;
END

sub answers
{
	my ($db) = @_;
	return $node->safe_psql($db, $answers);
}

sub catalog
{
	my ($db) = @_;
	return $node->safe_psql($db, $catalog);
}

# psql or pg_restore of a dump
sub restore
{
	my ($db, $file, $name, @options) = @_;

	if (-d $file || `head -c 5 $file` eq 'PGDMP')
	{
		$node->command_ok([ 'pg_restore', @options, '--exit-on-error', '-d', $node->connstr($db), $file ], "$name: pg_restore");
	}
	else
	{
		$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($db), '-f', $file ], "$name: psql");
	}
}

sub dump_database
{
	my ($db, $file, $name, @options) = @_;
	$node->command_ok([ 'pg_dump', @options, '-f', "$dir/$file", '-d', $node->connstr($db) ], "$name: pg_dump");
}

# A restored collection lives: it takes records and follows its table
sub works
{
	my ($db, $name) = @_;

	is($node->safe_psql($db, <<'END'), "1\nnew\nnew\ndocs2\n0", "$name: goes on");
SELECT proximadb.upsert_vectors('docs', '[{"id": "new", "vector": [9, 9, 9, 9], "metadata": {"color": "red", "n": 5000}}]');
SELECT id FROM proximadb.search('docs', '[9, 9, 9, 9]', 1, '{"n": 5000}');
ALTER TABLE docs RENAME TO docs2;
SELECT id FROM proximadb.search('docs2', '[9, 9, 9, 9]', 1, '{"n": 5000}');
SELECT name FROM proximadb.collections WHERE name LIKE 'docs%';
DROP TABLE docs2;
SELECT count(*) FROM proximadb.collections WHERE name LIKE 'docs%';
END
}

$node->safe_psql('postgres', 'CREATE ROLE reader; CREATE DATABASE original');
$node->safe_psql('original', 'CREATE EXTENSION proximadb');

# Event triggers come with the first collection, and belong to the extension; two sessions may be the first at the same time.
my $triggers = "SELECT count(*) FROM pg_event_trigger t LEFT JOIN pg_depend d ON d.classid = 'pg_event_trigger'::regclass AND d.objid = t.oid AND d.deptype = 'e'";
is($node->safe_psql('original', $triggers), '0', 'no event triggers without collections');
my $first = $node->background_psql('original');
$first->query_safe("BEGIN; SELECT proximadb.create_collection('first', 2, engine => 'heap')");
my $second = $node->background_psql('original');
$second->query_until(qr/asked/, "\\echo asked\nSELECT proximadb.create_collection('second', 2, engine => 'heap');\n");
$node->poll_query_until('original', "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND locktype = 'object'") or die 'the second session does not wait';
$first->query_safe('COMMIT');
$first->quit;
$second->query_safe('SELECT 1');
$second->quit;
is($node->safe_psql('original', "$triggers WHERE d.refobjid IN (SELECT oid FROM pg_extension WHERE extname = 'proximadb')"), '2', 'two with the first collection, of the extension');
is($node->safe_psql('original', "DROP TABLE first, second; SELECT count(*) FROM proximadb.collections"), '0', 'collections go with their tables');
fill('original', '');
my $expected = answers('original');
my $expected_catalog = catalog('original');
like($expected, qr/^\(\d+,\d.*\n.*\n1000\|[0-9a-f]+\n\d+\|red$/s, 'the original answers');

for (
	[ 'plain', ['-Fp'], [] ],
	[ 'inserts', [ '-Fp', '--rows-per-insert=100' ], [] ],
	[ 'custom', ['-Fc'], [] ],
	[ 'directory', [ '-Fd', '-j2' ], ['-j2'] ],
	[ 'single', ['-Fc'], ['--single-transaction'] ])
{
	my ($name, $dump_options, $restore_options) = @$_;

	dump_database('original', "$name.dump", $name, @$dump_options);
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	restore($name, "$dir/$name.dump", $name, @$restore_options);
	is(catalog($name), $expected_catalog, "$name: same catalog");
	is(answers($name), $expected, "$name: same answers");
	works($name, $name);
}

# Into tables of one access method, by a dump that does not say which, and from those on to the next one
my $from = 'original';
for my $engine ('heap', 'lsm', 'viper', 'heap')
{
	my $name = "from $from into $engine";
	my $db = "as_${engine}_" . ($from =~ tr/a-z//cdr);

	dump_database($from, "$db.dump", $name, '-Fp', '--no-table-access-method');
	# the extension first: the access method has to be there before it is the default
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, "CREATE EXTENSION proximadb; ALTER DATABASE $db SET default_table_access_method = $engine");
	restore($db, "$dir/$db.dump", $name);
	is(answers($db), $expected, "$name: same answers");
	is($node->safe_psql($db, "SELECT string_agg(DISTINCT engine, ',') FROM proximadb.list_collections()"), $engine, "$name: $engine tables");
	is(catalog($db) =~ s/\|(viper|lsm|heap)\|/|engine|/gr, $expected_catalog =~ s/\|(viper|lsm|heap)\|/|engine|/gr, "$name: same catalog");
	$from = $db;
}
works($from, 'from engine to engine');

# The schema, then the data
dump_database('original', 'schema.dump', 'schema only', '-Fp', '--schema-only');
dump_database('original', 'data.dump', 'data only', '-Fc', '--data-only');
$node->safe_psql('postgres', 'CREATE DATABASE parts');
restore('parts', "$dir/schema.dump", 'schema only');
is($node->safe_psql('parts', 'SELECT count(*) FROM docs'), '0', 'schema only: a table without rows');
restore('parts', "$dir/data.dump", 'data only');
is(catalog('parts'), $expected_catalog, 'schema, then data: same catalog');
is(answers('parts'), $expected, 'schema, then data: same answers');

# One table: it comes without the catalog, and is registered
dump_database('original', 'table.dump', 'single table', '-Fc', '-t', 'docs');
$node->safe_psql('postgres', 'CREATE DATABASE single_table');
$node->safe_psql('single_table', 'CREATE EXTENSION proximadb');
restore('single_table', "$dir/table.dump", 'single table');
is($node->safe_psql('single_table', "SELECT proximadb.register_collection('docs'); SELECT count(*) FROM proximadb.search('docs', '[0.5, 0.5, 3, 1]', 5000, '{\"color\": \"red\"}')"),
	"docs\n" . $node->safe_psql('original', "SELECT count(*) FROM proximadb.search('docs', '[0.5, 0.5, 3, 1]', 5000, '{\"color\": \"red\"}')"),
	'single table: registered and searched');

# The extension in a schema of its own: everything works, and dumps restore to the same
$node->safe_psql('postgres', 'CREATE DATABASE apart');
$node->safe_psql('apart', 'CREATE SCHEMA ext; GRANT USAGE ON SCHEMA ext TO PUBLIC; CREATE EXTENSION proximadb SCHEMA ext');
fill('apart', 'ext.');
is(answers('apart') =~ s/ext\.//gr, $expected, 'extension in another schema: same answers');
dump_database('apart', 'apart.dump', 'extension in another schema', '-Fc');
$node->safe_psql('postgres', 'CREATE DATABASE apart2');
restore('apart2', "$dir/apart.dump", 'extension in another schema');
is(catalog('apart2'), catalog('apart'), 'extension in another schema: same catalog');
is(answers('apart2'), $expected, 'extension in another schema: same answers after restore');
works('apart2', 'extension in another schema');

# Data from a database with the extension in public into one with it elsewhere
$node->safe_psql('apart', "SELECT proximadb.delete_collection(name) FROM proximadb.list_collections(); DROP SCHEMA other");
$node->safe_psql('postgres', 'CREATE DATABASE apart3');
$node->safe_psql('apart3', 'CREATE SCHEMA ext; GRANT USAGE ON SCHEMA ext TO PUBLIC; CREATE EXTENSION proximadb SCHEMA ext');
fill('apart3', 'ext.');
$node->safe_psql('apart3', "TRUNCATE docs, \"Exact\", other.own; DELETE FROM proximadb.collections; DELETE FROM proximadb.table_options; DO \$\$ BEGIN EXECUTE 'TRUNCATE ' || (SELECT oid::regclass FROM pg_class WHERE relname LIKE 'xxx%' AND relkind = 'r'); END \$\$");
restore('apart3', "$dir/data.dump", 'data into another schema of the extension');
is(answers('apart3'), $expected, 'data into another schema of the extension: same answers');

# The whole server
$node->command_ok([ 'pg_dumpall', '-f', "$dir/all.sql", '-h', $node->host, '-p', $node->port ], 'pg_dumpall');

# DROP EXTENSION and back
$node->safe_psql('original', 'DROP EXTENSION proximadb CASCADE; CREATE EXTENSION proximadb');
is($node->safe_psql('original', 'SELECT count(*) FROM proximadb.collections'), '0', 'a new extension has no collections');

$node->stop;
done_testing();
