# Bits of covered pages at the end of the file: pages cut off keep theirs, and a crash can leave blank pages in their place. No row is on such a page, so no
# row is missed, and proximadb.verify has nothing to say; it does where a bit is wrong.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use StorePage;

use constant BLANK => 16;		# pages
use constant COVER_TAG => 0xFFFFFB;	# of the first cover page

my $node = PostgreSQL::Test::Cluster->new('covered');
$node->init;
$node->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'proximadb'
autovacuum = off
fsync = off
proximadb.worker = off
END
$node->start;

sub sql { return $node->safe_psql('postgres', $_[0]) }
sub blocks { return sql("SELECT pg_relation_size('t') / " . PAGE) }
sub verify { return sql("SELECT kind, block, detail FROM proximadb.verify('t') ORDER BY block") }
sub last_block { return sql("SELECT max((ctid::text::point)[0])::int FROM t WHERE $_[0]") }

my $indexless = 'SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_seqscan = off';

# Rows with these ids are the same by key scan and by sequential scan; returns their number.
sub found
{
	my ($condition, $name) = @_;
	my $query = "SELECT count(*), sum(id), sum(n), md5(string_agg(body, ',' ORDER BY id)) FROM t WHERE $condition";
	my $by_key = sql("$indexless; $query");

	like(sql("$indexless; EXPLAIN (COSTS OFF) $query"), qr/KeyScan/, "$name: a key scan");
	is($by_key, sql("SET proximadb.enable_key_scan = off; $indexless; $query"), "$name: the right rows");
	return (split /\|/, $by_key)[0];
}

# Sets the bit of a heap page in the store's file, checksum included: what a bug would leave
sub set_bit
{
	my ($path, $block) = @_;

	open(my $file, '+<:raw', $path) or die "$path: $!";
	local $/;
	my $bytes = <$file>;
	for (my $at = 0; $at < length $bytes; $at += PAGE)
	{
		next unless unpack('Q<', substr($bytes, $at + 24, 8)) == COVER_TAG;
		my $byte = $at + 40 + int($block / 8);

		put_sound(\$bytes, $byte, chr(ord(substr($bytes, $byte, 1)) | 1 << $block % 8));
		seek($file, $at, 0);
		print $file substr($bytes, $at, PAGE);
		close($file) or die $!;
		return;
	}
	die 'no cover page';
}

sql(<<'END');
CREATE EXTENSION proximadb;
CREATE TABLE t (id int PRIMARY KEY, n int, body text) USING lsm;
SET proximadb.debug_direct = on; -- pages full of stubs, with no room for a hot row but at the end
INSERT INTO t SELECT i, 0, repeat('body ' || i, 5) FROM generate_series(1, 20000) i;
RESET proximadb.debug_direct;
VACUUM ANALYZE t;
END
my $before = blocks();
sql('DELETE FROM t WHERE id > 10000; VACUUM t');
my $kept = blocks();
cmp_ok($kept, '<=', $before - BLANK, 'VACUUM has cut off pages');
sql("INSERT INTO t VALUES (10001, 1, 'hot')");
is(last_block('id = 10001'), blocks() - 1, 'a hot row is on the last page');
$kept = blocks();
is(verify(), '', 'no faults');

# What a crash leaves when the file had got longer, and the records of what was put there were lost
my $heap = $node->data_dir . '/' . sql("SELECT pg_relation_filepath('t')");
my $store = $node->data_dir . '/' . sql("SELECT pg_relation_filepath(reltoastrelid) FROM pg_class WHERE oid = 't'::regclass");
$node->stop;
append_to_file($heap, "\0" x (PAGE * BLANK));
$node->start;
is(blocks(), $kept + BLANK, 'blank pages where covered ones were');
is(verify(), '', 'blank pages are no fault');
is(found('id > 9990', 'beside blank pages'), 11, 'all of them');

# New rows get there: with them go the bits from before.
sql('VACUUM (TRUNCATE off) t');
is(blocks(), $kept + BLANK, 'the blank pages are still there');
is(verify(), '', 'nor after VACUUM');
sql("INSERT INTO t SELECT i, 1, repeat(md5(i::text), 31) FROM generate_series(20001, 20200) i");
cmp_ok(sql("SELECT count(DISTINCT (ctid::text::point)[0]) FROM t WHERE id > 20000 AND (ctid::text::point)[0] BETWEEN $kept AND @{[$kept + BLANK - 1]}"), '>=', BLANK / 2,
	'rows come to pages that were blank');
is(found('id > 9990', 'on pages that were blank'), 211, 'all of them');
is(verify(), '', 'no faults with them');
$node->stop('immediate');
$node->start;
is(found('id > 9990', 'after a crash'), 211, 'all of them');
is(verify(), '', 'no faults after a crash');

# A bit that is wrong is found.
my $wrong = last_block('id > 20000');
$node->stop;
set_bit($store, $wrong);
$node->start;
is(verify(), "heap|$wrong|the row is hot, but its page is marked as covered by segments", 'a hot row on a covered page is a fault');

$node->stop;
done_testing();
