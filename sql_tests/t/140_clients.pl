# Clients made for pgvector: the suites of clients/ whose clients Debian has, on viper tables. scripts/check-clients runs all suites.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('clients');
$node->init;
$node->start;
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;

for my $suite (qw(libpq psycopg applications psycopg2 asyncpg sqlalchemy django))
{
	my ($output, $tests) = ('', 0);

	$node->safe_psql('postgres', "CREATE DATABASE $suite");
	$node->safe_psql($suite, "CREATE EXTENSION proximadb; ALTER DATABASE $suite SET default_table_access_method = viper");
	local $ENV{PGDATABASE} = $suite;
	IPC::Run::run([ 'clients/run', $suite ], '>', \$output, '2>&1');
	my $status = $? >> 8;
	while ($output =~ /^(ok|FAILED) (.*)$/mg)
	{
		ok($1 eq 'ok', "$suite: $2");
		$tests++;
	}
  SKIP:
	{
		if ($status == 77)
		{
			diag("skipped: $suite: $output");
			skip $output, 1;
		}
		ok($status == 0 && $tests > 0, "$suite: ran to its end") || diag($output);
	}
}

$node->stop;
done_testing();
