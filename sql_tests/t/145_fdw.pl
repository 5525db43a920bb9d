# Vector search over two databases of one server: a table partitioned by hash into foreign tables of postgres_fdw, over viper tables with an axis index.
# ORDER BY distance goes to both sides and their rows are merged; whatever the LIMIT, no row is missing.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('fdw');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'proximadb'\nautovacuum = off\n");
$node->start;

my $rows = 6000;
my $vector = 'ARRAY[sin(i), cos(i * 0.7), sin(i * 0.3), i % 13 * 0.1]::real[]';

# two databases with a partition each; proximadb in a schema of its own
$node->safe_psql('postgres', "CREATE DATABASE $_") for qw(part0 part1 front);
for my $db (qw(part0 part1))
{
	$node->safe_psql($db, <<'END_SQL');
CREATE SCHEMA pxd;
CREATE EXTENSION proximadb SCHEMA pxd;
CREATE TABLE docs (id int PRIMARY KEY, tenant int, e pxd.vector(4), h pxd.halfvec(4)) USING viper;
CREATE INDEX docs_e ON docs USING axis (e pxd.vector_cosine_ops, tenant);
CREATE INDEX docs_h ON docs USING axis (h pxd.halfvec_l2_ops);
END_SQL
}

my $port = $node->port;
my $host = $node->host;
$node->safe_psql('front', <<"END_SQL");
CREATE SCHEMA pxd;
CREATE EXTENSION proximadb SCHEMA pxd;
CREATE EXTENSION postgres_fdw;
CREATE SERVER part0 FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'part0', extensions 'proximadb');
CREATE SERVER part1 FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'part1', extensions 'proximadb');
CREATE USER MAPPING FOR CURRENT_USER SERVER part0;
CREATE USER MAPPING FOR CURRENT_USER SERVER part1;
CREATE TABLE docs (id int NOT NULL, tenant int, e pxd.vector(4), h pxd.halfvec(4)) PARTITION BY HASH (id);
CREATE FOREIGN TABLE docs0 PARTITION OF docs FOR VALUES WITH (MODULUS 2, REMAINDER 0) SERVER part0 OPTIONS (table_name 'docs');
CREATE FOREIGN TABLE docs1 PARTITION OF docs FOR VALUES WITH (MODULUS 2, REMAINDER 1) SERVER part1 OPTIONS (table_name 'docs');
INSERT INTO docs SELECT i, i % 7, v::pxd.vector, v::pxd.halfvec FROM (SELECT i, $vector AS v FROM generate_series(1, $rows) i) s;
-- the same rows in one place, to compare with
CREATE TABLE local AS SELECT i AS id, i % 7 AS tenant, v::pxd.vector(4) AS e, v::pxd.halfvec(4) AS h FROM (SELECT i, $vector AS v FROM generate_series(1, $rows) i) s;
END_SQL
for my $db (qw(part0 part1))
{
	$node->safe_psql($db, 'VACUUM ANALYZE docs');
	cmp_ok($node->safe_psql($db, 'SELECT count(*) FROM docs'), '>', $rows / 3, "$db has its share of the rows");
}

# The remote SQL of a query's foreign scans, without its constants
sub remote_sql
{
	my ($query) = @_;
	my $plan = $node->safe_psql('front', "SET search_path = public, pxd; EXPLAIN (VERBOSE, COSTS OFF) $query");

	return $plan, map { s/^\s*Remote SQL: //r } grep { /Remote SQL/ } split /\n/, $plan;
}

# the order goes to both sides

my $query = "SELECT id, e <=> '[1,0.5,0.2,0.3]' AS distance FROM docs ORDER BY e <=> '[1,0.5,0.2,0.3]' LIMIT 10";
my ($plan, @sql) = remote_sql($query);
like($plan, qr/Limit\n.*Merge Append\n.*Sort Key: .*<=>.*Foreign Scan.*Foreign Scan/s, 'rows of both sides are merged');
is_deeply([@sql], [ ("SELECT id, e FROM public.docs ORDER BY (e OPERATOR(pxd.<=>) '[1,0.5,0.2,0.3]') ASC NULLS LAST") x 2 ],
	'ORDER BY distance is pushed to both sides, with every name qualified');

($plan, @sql) = remote_sql("SELECT id FROM docs ORDER BY h <-> '[1,0,0,0]' LIMIT 5");
is_deeply([@sql], [ ("SELECT id, h FROM public.docs ORDER BY (h OPERATOR(pxd.<->) '[1,0,0,0]') ASC NULLS LAST") x 2 ], 'halfvec: too');

($plan, @sql) = remote_sql("SELECT id FROM docs WHERE tenant = 3 ORDER BY e <=> '[1,0,0,0]' LIMIT 5");
is_deeply([@sql], [ ("SELECT id, e FROM public.docs WHERE ((tenant = 3)) ORDER BY (e OPERATOR(pxd.<=>) '[1,0,0,0]') ASC NULLS LAST") x 2 ],
	'a filter goes along');

($plan, @sql) = remote_sql("SELECT id FROM docs WHERE e <=> '[1,0,0,0]' < 0.2");
is_deeply([@sql], [ ("SELECT id FROM public.docs WHERE (((e OPERATOR(pxd.<=>) '[1,0,0,0]') < 0.2::double precision))") x 2 ],
	'a condition on the distance goes along');

$plan = $node->safe_psql('front', <<'END_SQL');
SET search_path = public, pxd;
SET plan_cache_mode = force_generic_plan;
PREPARE nearest(pxd.vector, int) AS SELECT id FROM docs ORDER BY e <=> $1 LIMIT $2;
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE nearest('[1,0,0,0]', 5);
END_SQL
is(scalar(() = $plan =~ /Remote SQL: SELECT id, e FROM public.docs ORDER BY \(e OPERATOR\(pxd.<=>\) \$1::pxd.vector\) ASC NULLS LAST/g), 2,
	'parameters too, with their type qualified') or diag($plan);

# without the server option, nothing is
$node->safe_psql('front', 'ALTER SERVER part0 OPTIONS (DROP extensions)');
($plan, @sql) = remote_sql($query);
unlike($sql[0], qr/ORDER BY/, "without the option extensions the order stays here");
like($sql[1], qr/ORDER BY/, "with it, it goes there");
$node->safe_psql('front', "ALTER SERVER part0 OPTIONS (ADD extensions 'proximadb')");

# the other side answers by the index, and the rows are the right ones

sub scans
{
	my ($db, $index) = @_;
	return $node->safe_psql($db, "SELECT scans FROM proximadb.stat_index WHERE index = '$index'::regclass");
}

# Distances of a query on docs and on the local copy
sub distances
{
	my ($table, $expression, $where, $limit) = @_;
	return $node->safe_psql('front', "SET search_path = public, pxd; SET enable_indexscan = off; "
		. "SELECT string_agg(distance::text, ' ') FROM (SELECT $expression AS distance FROM $table WHERE $where ORDER BY $expression LIMIT $limit) s");
}

for my $case (
	[ 'docs_e', "e <=> '[1,0.5,0.2,0.3]'", 'true' ],
	[ 'docs_e', "e <=> '[1,0.5,0.2,0.3]'", 'tenant = 3' ],
	[ 'docs_h', "h <-> '[1,0.5,0.2,0.3]'", 'true' ])
{
	my ($index, $expression, $where) = @$case;
	my @before = map { scans($_, $index) } qw(part0 part1);
	my @found = split / /, distances('docs', $expression, $where, 10);
	my @true = split / /, distances('local', $expression, $where, 10);
	my @after = map { scans($_, $index) } qw(part0 part1);

	is($after[$_], $before[$_] + 1, "$expression WHERE $where: part$_ looked into its index") for 0, 1;
	is_deeply([@found], [ sort { $a <=> $b } @found ], "$expression WHERE $where: in order");
	# approximate: nine of the ten nearest at least, and none that is nearer than the nearest
	my %is_true = map { $_ => 1 } @true;
	cmp_ok(scalar(grep { $is_true{$_} } @found), '>=', 9, "$expression WHERE $where: the nearest rows");
	is(scalar(@found), 10, "$expression WHERE $where: as many as asked for");
}

# a LIMIT beyond any beam, and none: every row once

for my $limit ($rows + 1000, 'ALL')
{
	is($node->safe_psql('front', "SET search_path = public, pxd; SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM docs ORDER BY e <=> '[1,0,0,0]' LIMIT $limit) s"),
		"$rows|$rows", "LIMIT $limit gives all rows");
	is($node->safe_psql('front', "SET search_path = public, pxd; SELECT count(*) FROM (SELECT id FROM docs WHERE tenant = 5 ORDER BY e <=> '[1,0,0,0]' LIMIT $limit) s"),
		$node->safe_psql('front', 'SELECT count(*) FROM local WHERE tenant = 5'), "LIMIT $limit with a filter gives all rows that pass");
}
$node->safe_psql('postgres', "ALTER DATABASE $_ SET enable_sort = off") for qw(part0 part1);
my @before = map { scans($_, 'docs_e') } qw(part0 part1);
is($node->safe_psql('front', "SET search_path = public, pxd; SELECT count(DISTINCT id) FROM (SELECT id FROM docs ORDER BY e <=> '[1,0,0,0]' LIMIT 1000000) s"),
	$rows, 'all rows by way of the indexes');
is(scans("part$_", 'docs_e'), $before[$_] + 1, "part$_ did so by its index") for 0, 1;

# rows written and changed through the foreign tables are found

$node->safe_psql('front', <<"END_SQL");
INSERT INTO docs VALUES (-1, 3, '[9,9,9,-9]', '[9,9,9,-9]'), (-2, 3, '[9,9,9,-8.5]', '[9,9,9,-8.5]'), (-3, 3, NULL, NULL);
UPDATE docs SET e = '[9,9,8,-9]', h = '[9,9,8,-9]' WHERE id = 1;
DELETE FROM docs WHERE id = 2;
END_SQL
is($node->safe_psql('front', "SET search_path = public, pxd; SELECT string_agg(id::text, ',') FROM (SELECT id FROM docs ORDER BY e <=> '[9,9,9,-9]' LIMIT 3) s"),
	'-1,-2,1', 'rows written through the foreign tables are found');
is($node->safe_psql('front', "SET search_path = public, pxd; SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM docs ORDER BY e <=> '[9,9,9,-9]') s"),
	($rows + 2) . '|' . ($rows + 2), 'rows without a vector come too');

$node->stop;
done_testing();
