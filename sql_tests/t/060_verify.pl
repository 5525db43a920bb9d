# proximadb.verify finds what has been damaged, each fault as a row, and nothing where nothing is damaged.
#
# Every case takes a table of its own, damages one thing with the server down, and states which kinds of rows verify has to
# return, and where.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use StorePage;

my $node = PostgreSQL::Test::Cluster->new('verify');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf',
	"shared_preload_libraries = 'proximadb'\nautovacuum = off\nfsync = off\nmax_prepared_transactions = 2\n");
$node->start;
$node->safe_psql('postgres', <<'END');
CREATE EXTENSION proximadb;
CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
$$ SELECT ('[' || i || repeat(',' || i % 251 || ',-' || i % 7, 31) || ']')::vector $$;
END

# Makes table $name: two segments of 200 rows, some overlays, some hot rows. The checkpoint leaves nothing for recovery to mend.
sub make_table
{
	my ($name) = @_;

	$node->safe_psql('postgres', <<"END");
CREATE TABLE $name (id int PRIMARY KEY, v vector(63), body text, n int) USING viper;
SET proximadb.debug_direct = on;
INSERT INTO $name SELECT i, vec(i), CASE WHEN i % 7 <> 0 THEN 'body ' || i END, i FROM generate_series(1, 200) i;
INSERT INTO $name SELECT i, vec(i), CASE WHEN i % 7 <> 0 THEN 'body ' || i END, i FROM generate_series(201, 400) i;
SET proximadb.debug_direct = off;
UPDATE $name SET n = -1 WHERE id IN (5, 205);
INSERT INTO $name SELECT i, vec(i), 'hot', i FROM generate_series(401, 410) i;
END
	is(verify($name), '', "$name: nothing before");
}

# Faults as lines of kind|segment|block|tid|detail.
sub verify
{
	my ($name) = @_;
	return $node->safe_psql('postgres', "SELECT * FROM proximadb.verify('$name') ORDER BY kind, segment, block, tid");
}

sub path
{
	my ($relation) = @_;
	return $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath($relation)");
}

# Changes $path with the code given, which gets its bytes by reference.
sub damage
{
	my ($path, $change) = @_;

	open(my $file, '+<:raw', $path) or die "$path: $!";
	local $/;
	my $bytes = <$file>;
	$change->(\$bytes);
	seek($file, 0, 0);
	truncate($file, 0);
	print $file $bytes;
	close($file) or die $!;
}

# Offset in its file of the first tuple on block 0 that $code is true for; it gets the tuple's bytes.
sub find_tuple
{
	my ($bytes, $code) = @_;
	my ($lower) = unpack('v', substr($$bytes, 12, 2));

	for (my $at = 24; $at < $lower; $at += 4)
	{
		my $pointer = unpack('V', substr($$bytes, $at, 4));
		my ($offset, $flags, $len) = ($pointer & 0x7FFF, ($pointer >> 15) & 3, $pointer >> 17);

		return $offset if $flags == 1 && $code->(substr($$bytes, $offset, $len));
	}
	die 'no such tuple';
}

# t_hoff of a plain stub of 4 columns, 3 of them NULL, is 32; of an overlay 40; of a whole row 24.
sub is_stub { return ord(substr($_[0], 22, 1)) == 32 }
sub is_overlay { return ord(substr($_[0], 22, 1)) == 40 }
sub is_hot { return ord(substr($_[0], 22, 1)) == 24 }

sub entry_at { my ($segment) = @_; return 2 * PAGE + 40 + 32 * $segment; }

# Cases: name, which file, change, what the result must match, what it must not.
# First two pages of the first segment: behind metapage, map and directory page, and where tables can be searched by key two cover pages.
my $first = 'viper' eq 'lsm' ? 5 : 3;
my $second = $first + 1;

my @cases = (
	# the store
	[ 'crc', 'store', sub { my $b = shift; put($b, $second * PAGE + 4000, chr(ord(substr($$b, $second * PAGE + 4000, 1)) ^ 1)) },
		qr/^page\|1\|$second\|\|checksum does not match$/, qr/segment\|2|stub|heap/ ],
	[ 'tag', 'store', sub { my $b = shift; put($b, $second * PAGE + 24, pack('Q<', (9 << 24) + 1)) },
		qr/^page\|1\|$second\|\|page says it is page 1 of segment 9$/, qr/stub|heap/ ],
	[ 'zeroed', 'store', sub { my $b = shift; put($b, $second * PAGE, "\0" x PAGE) }, qr/^page\|1\|$second\|\|page is blank$/, qr/stub|heap/ ],
	[ 'unreadable', 'store', sub { my $b = shift; put($b, $second * PAGE, "\xff" x 24) }, qr/^page\|1\|$second\|\|invalid page in block $second/, qr/stub|heap/ ],
	[ 'header', 'store', sub { my $b = shift; put($b, $first * PAGE + 40, 'xxxx') }, qr/^page\|1\|$first\|\|checksum does not match$/, qr/stub|heap/ ],
	[ 'cut', 'store', sub { my $b = shift; $$b = substr($$b, 0, length($$b) - PAGE) },
		qr/^extent\|2\|\d+\|\|\d+ pages from block \d+ on lie beyond the end of the file/, qr/stub\|1|heap/ ],
	[ 'metapage', 'store', sub { my $b = shift; put($b, 40, 'none') }, qr/^metapage\|\|0\|\|segment store .* is corrupt at block 0/, qr/stub|heap/ ],
	[ 'version', 'store', sub { my $b = shift; put($b, 44, pack('V', 99)) }, qr/^metapage\|\|0\|\|.* has format version 99/, qr/stub|heap/ ],
	[ 'counters', 'store', sub { my $b = shift; put_sound($b, 40 + 16 + 24, pack('Q<', 17)) },
		qr/^metapage\|\|0\|\|the metapage counts 17 live segments, the directory has 2$/, qr/\n/ ],
	[ 'map', 'store', sub { my $b = shift; put($b, PAGE + 24, pack('Q<', 5)) }, qr/^directory\|\|\|\|entries of segments 0 to 253: .* is corrupt at block 1/, qr/heap/ ],
	[ 'directory', 'store', sub { my $b = shift; put($b, 2 * PAGE + 24, pack('Q<', 5)) }, qr/^directory\|\|\|\|entries of segments 0 to 253: .* is corrupt at block 2/, qr/heap/ ],
	[ 'mapbit', 'store', sub { my $b = shift; put($b, 2 * PAGE - 9, "\1") }, qr/^directory\|.*segment store of table "mapbit" is corrupt at block 1: The checksum/, qr/heap/ ],
	[ 'entrybit', 'store', sub { my $b = shift; put($b, entry_at(2) + 12, chr(ord(substr($$b, entry_at(2) + 12, 1)) ^ 4)) },
		qr/^directory\|.*segment store of table "entrybit" is corrupt at block 2: The checksum/, qr/heap/ ],
	[ 'countbit', 'store', sub { my $b = shift; put($b, 40 + 16 + 24, pack('Q<', 17)) },
		qr/^metapage\|\|0\|\|segment store of table "countbit" is corrupt at block 0: The checksum/, qr/heap/ ],
	[ 'moved', 'store', sub { my $b = shift; put_sound($b, entry_at(2) + 8, pack('V', $second)) }, qr/^extent\|2\|$second\|\|the extent overlaps that of segment 1$/m, qr/heap/ ],
	[ 'onmap', 'store', sub { my $b = shift; put_sound($b, entry_at(2) + 8, pack('V', 1)) }, qr/^extent\|2\|1\|\|the extent overlaps a page of the directory$/m, qr/heap/ ],
	[ 'dropped', 'store', sub { my $b = shift; put_sound($b, entry_at(2), "\0" x 32) },
		qr/^stub\|2\|\|\(\d+,\d+\)\|the stub names a segment that is missing/m, qr/^stub\|1|heap/m ],
	[ 'state', 'store', sub { my $b = shift; put_sound($b, entry_at(2) + 20, chr(7)) }, qr/^directory\|2\|\|\|state 7 is none$/m, qr/heap/ ],
	[ 'engine', 'store', sub { my $b = shift; put_sound($b, entry_at(2) + 21, chr(77)) }, qr/^directory\|2\|\|\|storage engine 77 is unknown$/m, qr/heap/ ],
	[ 'rows', 'store', sub { my $b = shift; put_sound($b, entry_at(2) + 16, pack('V', 50)) },
		qr/^segment\|2\|\|\|.*start of segment does not match the directory$/m, qr/heap/ ],
	[ 'unreserved', 'store', sub { my $b = shift; put_sound($b, entry_at(9), substr($$b, entry_at(2), 32)) },
		qr/^directory\|9\|\|\|a number never reserved is in use$/m, qr/heap|stub/ ],
	# A dead builder's extent: state BUILDING, a transaction long gone, at the end of the file
	[ 'leak', 'store', sub {
			my $b = shift;
			my $entry = substr($$b, entry_at(2), 32);
			put_sound($b, 40 + 16, pack('Q<', 4));
			substr($entry, 0, 12) = pack('Q<V', 3, length($$b) / PAGE);
			substr($entry, 20, 1) = chr(1);
			put_sound($b, entry_at(3), $entry);
		}, qr/^leak\|3\|\d+\|\|\d+ pages were taken for a segment that was never finished$/, qr/\n/ ],
	[ 'orphan', 'store', sub { my $b = shift; $$b .= substr($$b, $second * PAGE, PAGE) }, qr/^leak\|\|\d+\|\|pages from here on that belong to no segment: 1$/, qr/\n/ ],
	# the main fork
	[ 'position', 'main', sub { my $b = shift; put($b, find_tuple($b, \&is_stub) + 24, pack('Q<', (1 << 24) + 777)) },
		qr/^stub\|1\|\|\(0,\d+\)\|the stub names position 777 of 200 rows$/, qr/\n/ ],
	[ 'swapped', 'main', sub { my $b = shift; put($b, find_tuple($b, \&is_stub) + 24, pack('Q<', (2 << 24) + 100)) },
		qr/^stub\|2\|\|\(0,\d+\)\|the stub names position 100, which points back to \(\d+,\d+\)$/, qr/\n/ ],
	[ 'nosegment', 'main', sub { my $b = shift; put($b, find_tuple($b, \&is_stub) + 24, pack('Q<', 99 << 24)) },
		qr/^stub\|99\|\|\(0,\d+\)\|the stub names a segment that never was/, qr/\n/ ],
	[ 'hoff', 'main', sub { my $b = shift; put($b, find_tuple($b, \&is_stub) + 22, chr(64)) },
		qr/^heap\|\|0\|\(0,\d+\)\|a tuple('s values begin at byte 64 instead of 24| is shorter than its header)$/, qr/\n/ ],
	[ 'natts', 'main', sub { my $b = shift; put($b, find_tuple($b, \&is_stub) + 18, pack('v', 5)) },
		qr/^heap\|\|0\|\(0,\d+\)\|a tuple has 5 columns, its table 4$/, qr/\n/ ],
	[ 'external', 'main', sub { my $b = shift; my $at = find_tuple($b, \&is_stub) + 20; put($b, $at, chr(ord(substr($$b, $at, 1)) | 4)) },
		qr/^heap\|\|0\|\(0,\d+\)\|a stub has the flag of values in TOAST$/, qr/\n/ ],
	[ 'pointer', 'main', sub { my $b = shift; my $p = unpack('V', substr($$b, 24, 4)); put($b, 24, pack('V', ($p & ~0x7FFF) | 16)) },
		qr/^heap\|\|0\|\(0,1\)\|the line pointer leads outside of the page's tuples$/, qr/\n/ ],
	[ 'heappage', 'main', sub { my $b = shift; put($b, 0, "\xff" x 24) }, qr/^heap\|\|0\|\|invalid page in block 0/, qr/\n/ ],
);

make_table($_->[0]) for @cases;
make_table('intact');
make_table('overlay');
make_table('hot');
$node->safe_psql('postgres', 'CHECKPOINT');

my %file;
for my $name ((map { $_->[0] } @cases), 'overlay', 'hot')
{
	$file{"$name main"} = path("'$name'");
	$file{"$name store"} = path("(SELECT reltoastrelid FROM pg_class WHERE relname = '$name')");
}
$node->stop;

damage($file{"$_->[0] $_->[1]"}, $_->[2]) for @cases;

# An overlay and a hot row may stand on any page.
my %found;
for my $kind ([ 'overlay', \&is_overlay, sub { my ($b, $at) = @_; put($b, $at + 32, "\0") } ],
	[ 'hot', \&is_hot, sub { my ($b, $at) = @_; put($b, $at + 28, pack('V', 0x7FFFFF00)) } ])
{
	my ($name, $is, $change) = @$kind;

	damage($file{"$name main"}, sub {
		my $bytes = shift;

		for my $block (0 .. length($$bytes) / PAGE - 1)
		{
			my $page = substr($$bytes, $block * PAGE, PAGE);
			my $at = eval { find_tuple(\$page, $is) } // next;

			$change->(\$page, $at);
			substr($$bytes, $block * PAGE, PAGE) = $page;
			$found{$name} = 1;
			last;
		}
	});
	ok($found{$name}, "a tuple of kind $name to damage");
}
$node->start;

for my $case (@cases)
{
	my ($name, $fork, $change, $expected, $unexpected) = @$case;
	my $faults = verify($name);

	like($faults, $expected, "$name: found");
	unlike($faults, $unexpected, "$name: nothing else");
}
is(verify('intact'), '', 'intact: nothing');
like(verify('overlay'), qr/^heap\|\|\d+\|\(\d+,\d+\)\|column 1 has a value that the overlay's bitmap does not know of$/, 'overlay: found');
like(verify('hot'), qr/^heap\|\|\d+\|\(\d+,\d+\)\|column 2: a value does not fit into its tuple$/, 'hot row: found');

# What leaks is no damage, and VACUUM takes it back; a page behind which the file has grown on, VACUUM FULL.
for my $case ([ 'leak', 'VACUUM' ], [ 'orphan', 'VACUUM FULL' ])
{
	my ($name, $command) = @$case;

	$node->safe_psql('postgres', "$command $name");
	is(verify($name), '', "$name: gone after $command");
	is($node->safe_psql('postgres', "SELECT count(*), sum(id), count(v) FROM $name"), '410|84255|410', "$name: rows are there");
}

is($node->safe_psql('postgres', "SELECT relname, sealed_rows FROM proximadb.stat_table WHERE relname IN ('intact', 'metapage') ORDER BY 1"),
	"intact|400\nmetapage|", 'the view does not fail for one damaged table');

# Segments of a damaged table are listed all the same.
is($node->safe_psql('postgres', "SELECT segment, state, rows, live_rows FROM proximadb.segments('crc')"), "1|live|200|200\n2|live|200|200", 'segments of a damaged table');

# A standby sees the same, also beside replay.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('verify_standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->safe_psql('postgres', <<'END');
CREATE UNLOGGED TABLE unlogged (id int, body text) USING viper;
SET proximadb.debug_direct = on;
INSERT INTO intact SELECT i, vec(i), 'new', i FROM generate_series(501, 900) i;
UPDATE intact SET n = 0 WHERE id % 3 = 0;
DELETE FROM intact WHERE id % 2 = 0;
SELECT proximadb.flush('intact');
VACUUM intact;
END
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
for my $name ('intact', 'crc', 'swapped')
{
	is($standby->safe_psql('postgres', "SELECT * FROM proximadb.verify('$name')"), verify($name), "$name: the same on a standby");
}
my ($status, $stdout, $stderr) = $standby->psql('postgres', "SELECT * FROM proximadb.verify('unlogged')");
like($stderr, qr/cannot read unlogged table "unlogged" during recovery/, 'an unlogged table has no rows on a standby');
is($standby->safe_psql('postgres', "SELECT count(*), count(sealed_rows), count(hot_rows) FROM proximadb.stat_table WHERE relname IN ('intact', 'unlogged')"),
	'2|1|1', 'the view has no figures of it');
$standby->stop;

# A crash under load leaves leaks at most.
make_table('crashed');
$node->safe_psql('postgres', 'CREATE TABLE many AS SELECT i, vec(i) FROM generate_series(1, 3000) i');
for my $round (1 .. 3)
{
	my $in = "SET proximadb.debug_direct = on;\nBEGIN;\nINSERT INTO crashed SELECT i + 10000 * $round, vec FROM many;\nUPDATE crashed SET n = n + 1;\nSELECT 'ready';\n";
	my ($out, $err) = ('', '');
	my $session = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout(120));

	$session->pump until $out =~ /ready/;
	like(verify('crashed'), qr/\A\z/, "round $round: nothing beside a load that is running");
	$node->stop('immediate');
	eval { $session->finish };
	$node->start;
	unlike(verify('crashed'), qr/^(?!leak)./m, "round $round: leaks at most after the crash");
}
$node->safe_psql('postgres', 'VACUUM crashed');
is(verify('crashed'), '', 'nothing after VACUUM');
is($node->safe_psql('postgres', 'SELECT count(*), sum(id), count(v) FROM crashed'), '410|84255|410', 'rows are there');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|terminated by signal/, 'no crash of its own');
$node->stop;
done_testing();
