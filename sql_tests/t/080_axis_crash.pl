# The server is killed, again and again, while several sessions insert into an axis index (splitting its lists, often cancelled in
# the middle) and VACUUM merges and sweeps: after each crash the index has every row once, and goes on being used. In the end
# no page is lost.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('axis');
$node->init;
$node->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'proximadb'
autovacuum = off
fsync = off
synchronous_commit = off
END
$node->start;
# Wide codes, so that pages hold few rows and lists are split often
$node->safe_psql('postgres', <<'END');
CREATE EXTENSION proximadb;
CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT array_agg(sin((i % 500) * d * 0.01) + (i / 500) % 7 * 0.01 * d % 5)::real[]::vector FROM generate_series(1, 640) d $$;
CREATE TABLE v AS SELECT i, vec(i) AS e FROM generate_series(0, 2999) i;
CREATE SEQUENCE ids;
CREATE TABLE t (id int DEFAULT nextval('ids'), k int, e vector(640)) USING viper;
CREATE INDEX t_e ON t USING axis (e vector_l2_ops, k) WITH (code_bits = 4);
CREATE TABLE h (id int DEFAULT nextval('ids'), k int, e vector(640)) USING heap;
CREATE INDEX h_e ON h USING axis (e vector_cosine_ops) WITH (code_bits = 4);
-- Rows of a table, and what is wrong with what a scan of its index without a limit returns
CREATE FUNCTION whole(t text, op text, OUT n bigint, OUT wrong text) LANGUAGE plpgsql AS $$
DECLARE
    ids int[];
    distinct_ids bigint;
    missed bigint;
    line text;
    query text := format('SELECT id FROM %s ORDER BY e %s (SELECT e FROM v WHERE i = 7)', t, op);
BEGIN
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_sort = off;
    EXECUTE 'EXPLAIN ' || query INTO line;
    IF line !~ '^Index Scan using' THEN
        RAISE 'not the plan to be tested: %', line;
    END IF;
    EXECUTE format('SELECT array_agg(id) FROM (%s) s', query) INTO ids;
    SET LOCAL enable_indexscan = off;
    SET LOCAL enable_seqscan = on;
    EXECUTE format('SELECT count(*), count(*) FILTER (WHERE x IS NULL) FROM %s LEFT JOIN (SELECT DISTINCT x FROM unnest($1) x) s ON x = id', t)
        USING ids INTO n, missed;
    SELECT count(DISTINCT x) FROM unnest(ids) x INTO distinct_ids;
    IF cardinality(ids) <> n OR distinct_ids <> n OR missed <> 0 THEN
        wrong := format('%s rows returned, %s different ones, %s of %s missed', cardinality(ids), distinct_ids, missed, n);
    END IF;
    RESET enable_indexscan;
    RESET enable_sort;
END $$;
END

my $insert = q{INSERT INTO %s (k, e) SELECT i, CASE WHEN i %% 31 <> 0 THEN e END FROM v WHERE i >= %d ORDER BY i LIMIT %d;};
my $all = 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT wrong FROM whole(%s) WHERE wrong IS NOT NULL; COMMIT;';

# Statements of one session, more than it will get to.
sub load
{
	my ($kind) = @_;
	my @lines;

	for (1 .. 3000)
	{
		my $t = rand() < 0.5 ? 't' : 'h';

		if ($kind eq 'insert')
		{
			push @lines, sprintf($insert, $t, rand(2900), 1 + rand(60));
			push @lines, 'BEGIN;', sprintf($insert, $t, rand(2900), 100), 'ROLLBACK;' if rand() < 0.1;
		}
		elsif ($kind eq 'cancel')
		{
			push @lines, 'SET statement_timeout = ' . int(3 + rand(40)) . ';', sprintf($insert, $t, rand(2900), 200);
		}
		elsif ($kind eq 'delete')
		{
			push @lines, "DELETE FROM $t WHERE id % 50 = " . int(rand(50)) . ';', "UPDATE $t SET k = k + 1 WHERE id % 50 = " . int(rand(50)) . ';';
			push @lines, "DELETE FROM $t WHERE id % 4 <> 0;" if rand() < 0.05;
		}
		elsif ($kind eq 'vacuum')
		{
			push @lines, "VACUUM (INDEX_CLEANUP ON) $t;";
			push @lines, 'CHECKPOINT;' if rand() < 0.1;
		}
		else
		{
			push @lines, sprintf($all, $t eq 't' ? "'t', '<->'" : "'h', '<=>'");
		}
	}
	return join "\n", @lines;
}

# Both tables' indexes return every row, and are what they should be.
sub sound
{
	my ($name) = @_;

	is($node->safe_psql('postgres', "SELECT wrong FROM whole('t', '<->') UNION ALL SELECT wrong FROM whole('h', '<=>')"), "\n", "$name: whole");
	is($node->safe_psql('postgres', "SELECT * FROM proximadb.axis_check('t_e') UNION ALL SELECT * FROM proximadb.axis_check('h_e')"), '', "$name: axis_check");
}

my @kinds = qw(insert insert cancel delete vacuum scan);

for my $round (1 .. 4)
{
	my @sessions;

	for my $kind (@kinds)
	{
		my %session = (kind => $kind, out => '', err => '');
		my $file = $node->basedir . '/' . @sessions . '.sql';
		unlink $file;
		append_to_file($file, load($kind));
		$session{run} = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', $file ],
			'>', \$session{out}, '2>', \$session{err});
		push @sessions, \%session;
	}
	usleep(1_500_000 + rand(1_500_000));
	$node->stop('immediate');
	for my $session (@sessions)
	{
		$session->{run}->finish;
		is($session->{out}, '', "round $round: scans beside it are whole") if $session->{kind} eq 'scan';
		my $unexpected = join '', grep { !/statement timeout|connection|terminat|server|CONTEXT|rollback|DETAIL|HINT|^\s|crash/i } split /^/, $session->{err};
		is($unexpected, '', "round $round: no error in $session->{kind}");
	}
	$node->start;
	sound("round $round: after the crash");
	$node->safe_psql('postgres', sprintf($insert, $_, 0, 1000)) for qw(t h);
	sound("round $round: after more inserts");
	$node->safe_psql('postgres', "VACUUM (INDEX_CLEANUP ON) $_") for qw(t h);
	sound("round $round: after vacuum");
}

# What an index's pages are, by their tails (src/include/axis_page.h).
sub census
{
	my ($index) = @_;
	my %pages = (metapage => 0, directory => 0, codes => 0, deleted => 0, entries_per_page => 0);
	my $page;

	$node->safe_psql('postgres', 'CHECKPOINT');
	open my $file, '<:raw', $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('$index')") or die $!;
	while (read($file, $page, 8192) == 8192)
	{
		my ($special) = unpack('x16 v', $page);
		my (undef, undef, undef, $rows, $kind) = $special == 0 ? (0, 0, 0, 0, 4) : unpack("x$special V3 v C", $page);
		my $name = (undef, qw(metapage directory codes deleted))[$kind];

		$pages{$name}++;
		$pages{entries_per_page} = $rows if $name eq 'directory' && $rows > $pages{entries_per_page};
		$pages{entries} = unpack('x64 V', $page) if $name eq 'metapage';
	}
	close $file;
	return \%pages;
}

# All that is not in use can be used again
for my $t (qw(t h))
{
	my ($out, $err);

	$node->safe_psql('postgres', "DELETE FROM $t; VACUUM (INDEX_CLEANUP ON) $t;");
	# pages deleted by a vacuum come free when a transaction has begun after it
	$node->safe_psql('postgres', "INSERT INTO $t (k) VALUES (1); DELETE FROM $t;");
	$node->psql('postgres', "VACUUM (VERBOSE, INDEX_CLEANUP ON) $t", stdout => \$out, stderr => \$err);
	$err =~ /index "${t}_e": pages: (\d+) in total, \d+ newly deleted, (\d+) currently deleted, (\d+) reusable/
	  or diag($err);
	my ($size, $deleted, $free) = ($1, $2, $3);
	my $pages = census("${t}_e");
	is($pages->{metapage}, 1, "$t: of $size pages one is the metapage");
	is($pages->{codes}, 2, "$t: two are heads, of the one list that stays and of the rows without a vector");
	# the directory keeps its pages, for as many lists as there have been; a crash may have come between linking a page and its use
	cmp_ok($pages->{directory} * $pages->{entries_per_page} - $pages->{entries}, '<', 2 * $pages->{entries_per_page},
		"$t: $pages->{directory} hold the directory's $pages->{entries} entries");
	is($deleted, $size - 3 - $pages->{directory}, "$t: all others are deleted");
	is($free, $deleted, "$t: and can be used again");
	$node->safe_psql('postgres', sprintf($insert, $t, 0, 1000));
	is($node->safe_psql('postgres', "SELECT pg_relation_size('${t}_e') / 8192"), $size, "$t: they are") if $size > 500;
}

done_testing();
