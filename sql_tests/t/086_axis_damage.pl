# Pages of axis indexes with bytes turned over: whatever is done with the index gives an answer or an ERROR, and no server process dies.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rounds = 2;
my $copies = 12;

srand(8);
my $node = PostgreSQL::Test::Cluster->new('damage');
$node->init;
$node->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'proximadb'
autovacuum = off
fsync = off
restart_after_crash = off
END
$node->start;
$node->safe_psql('postgres', <<'END');
CREATE EXTENSION proximadb;
CREATE TABLE t (id int, k int, e vector(70)) USING viper;
INSERT INTO t SELECT i, i % 7, (SELECT array_agg(sin(i * 0.7 * d) + i % 13 * (d % 3))::real[]::vector FROM generate_series(1, 70) d) FROM generate_series(1, 1500) i;
END

# What is asked of one index; the planner may know no other.
sub use_index
{
	my ($name) = @_;

	return (
		'SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> (SELECT e FROM t WHERE id = 7) LIMIT 10) s',
		'SELECT count(*) FROM (SELECT id FROM t WHERE k = 3 ORDER BY e <-> (SELECT e FROM t WHERE id = 7)) s',
		"SELECT count(*) FROM proximadb.axis_check('$name')",
		"SELECT count(*) FROM proximadb.axis_stat('$name')",
		'BEGIN; INSERT INTO t SELECT * FROM t LIMIT 40; ROLLBACK',
		'VACUUM (INDEX_CLEANUP ON) t',
		'SELECT count(*) FROM (SELECT id FROM t ORDER BY e <-> (SELECT e FROM t WHERE id = 9)) s');
}

# Turns over some bytes of a page: anywhere, or where the most depends on them: its header, its tail, the first entries.
sub damage
{
	my ($path) = @_;
	my $pages = (-s $path) / 8192;
	my $at = (rand() < 0.4 ? int(rand(3)) : int(rand($pages))) * 8192;
	my $kind = rand();
	my $offset = $kind < 0.3 ? 8192 - 1 - int(rand(64)) : $kind < 0.5 ? int(rand(24)) : $kind < 0.8 ? 24 + int(rand(160)) : int(rand(8192));
	my $byte;

	open my $file, '+<:raw', $path or die "$path: $!";
	for my $i (0 .. int(rand(4)))
	{
		seek($file, $at + ($offset + $i) % 8192, 0);
		read($file, $byte, 1);
		seek($file, $at + ($offset + $i) % 8192, 0);
		print $file chr(ord($byte) ^ (1 + int(rand(255))));
	}
	close $file;
}

my ($answers, $errors) = (0, 0);
for my $round (1 .. $rounds)
{
	my @paths;

	for my $copy (1 .. $copies)
	{
		$node->safe_psql('postgres', "CREATE INDEX i$copy ON t USING axis (e vector_l2_ops, k)");
		push @paths, $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('i$copy')");
	}
	$node->safe_psql('postgres', 'CHECKPOINT');
	$node->stop;
	damage($_) for @paths;
	$node->start;
	for my $copy (1 .. $copies)
	{
		# the others are not maintained nor looked at meanwhile
		$node->safe_psql('postgres', "UPDATE pg_index SET indisvalid = indexrelid = 'i$copy'::regclass, indisready = indexrelid = 'i$copy'::regclass WHERE indrelid = 't'::regclass");
		for my $statement (use_index("i$copy"))
		{
			my ($out, $err);
			my $status = $node->psql('postgres', "SET enable_seqscan = off; SET enable_sort = off; SET statement_timeout = '10s'; $statement",
				stdout => \$out, stderr => \$err);

			if ($status == 0)
			{
				$answers++;
			}
			else
			{
				$errors++;
				next if $err !~ /server closed|connection|terminated/;
				fail("round $round, copy $copy: $statement");
				diag($err);
				done_testing();
				exit;
			}
		}
	}
	$node->safe_psql('postgres', "DROP INDEX i$_") for 1 .. $copies;
}
note("$answers answers, $errors errors");
cmp_ok($errors, '>', $rounds, 'damage has been met');
is($node->safe_psql('postgres', 'SELECT count(*) FROM t'), '1500', 'the server lives, and the table is whole');

done_testing();
