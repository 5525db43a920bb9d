# Damaged bytes in the store's file: an error that says where, or a right answer; never a wrong one, never a crash.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $tables = 110;		# each damaged in one place
my $segments = 3;		# loads per table
my $rows = 60;			# per load

my $node = PostgreSQL::Test::Cluster->new('corruption');
$node->init;
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'proximadb'\nautovacuum = off\nfsync = off\n");
$node->start;
$node->safe_psql('postgres', <<"END");
CREATE EXTENSION proximadb;
CREATE FUNCTION vec(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
\$\$ SELECT ('[' || i || repeat(',' || i % 251 || ',' || (i % 61) / 4.0 || ',-' || i % 7, 21) || ']')::vector \$\$;
CREATE TABLE source (id int, v vector(64), body text, n numeric, none int) USING heap;
INSERT INTO source SELECT i, CASE WHEN i % 10 <> 0 THEN vec(i) END, CASE WHEN i % 7 <> 0 THEN repeat(md5(i::text), 10) END, i / 3.0, NULL FROM generate_series(1, $segments * $rows) i;
SET proximadb.debug_direct = on;
DO \$\$ BEGIN
    FOR t IN 1 .. $tables LOOP
        EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, v vector(64), body text, n numeric, none int) USING viper', t);
    END LOOP;
END \$\$;
DO \$\$ BEGIN
    FOR t IN 1 .. $tables LOOP
        FOR s IN 0 .. $segments - 1 LOOP
            EXECUTE format('INSERT INTO t%s SELECT * FROM source WHERE id > %s AND id <= %s', t, s * $rows, (s + 1) * $rows);
        END LOOP;
    END LOOP;
END \$\$;

-- Reads every row by itself; how many are right, wrong, and in error. Errors must be of class data corruption
-- and name the place.
CREATE FUNCTION check_rows(t text, OUT good int, OUT wrong int, OUT errors int, OUT unclear text) LANGUAGE plpgsql AS \$\$
DECLARE
    r record;
    s record;
    state text;
    message text;
BEGIN
    good := 0; wrong := 0; errors := 0;
    FOR s IN SELECT * FROM source LOOP
        BEGIN
            EXECUTE format('SELECT * FROM %s WHERE id = \$1', t) INTO r USING s.id;
            IF r IS NOT DISTINCT FROM s THEN good := good + 1; ELSE wrong := wrong + 1; END IF;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
            errors := errors + 1;
            IF state <> 'XX001' OR message !~ 'block|directory page for segment' THEN
                unclear := state || ' ' || message;
            END IF;
        END;
    END LOOP;
END \$\$;
END
is($node->safe_psql('postgres', "SELECT (check_rows('t1')).*"), $segments * $rows . '|0|0|', 'rows are right before any damage');

my %path;
for my $line (split /\n/, $node->safe_psql('postgres',
	"SELECT c.relname, pg_relation_filepath(c.reltoastrelid) FROM pg_class c WHERE relname ~ '^t[0-9]+\$' ORDER BY 1"))
{
	my ($table, $file) = split /\|/, $line;
	$path{$table} = $node->data_dir . '/' . $file;
}
$node->stop;

# Changes the file of a table by what $change does to its contents.
sub damage
{
	my ($table, $change) = @_;
	open(my $file, '+<:raw', $path{$table}) or die "$path{$table}: $!";
	local $/;
	my $bytes = <$file>;
	my $what = $change->(\$bytes);
	seek($file, 0, 0);
	truncate($file, 0);
	print $file $bytes;
	close($file) or die $!;
	return $what;
}

sub flip
{
	my ($at, $mask) = @_;
	return sub {
		my ($bytes) = @_;
		substr($$bytes, $at, 1) ^= chr($mask);
		return "byte $at ^ $mask";
	};
}

my $size = -s $path{t1};
my $pages = $size / 8192;
my (%damaged, $number);
$number = 1;

# Page by page: in the page header, in the tag, at the start, in the middle and at the end of the data
for my $page (0 .. $pages - 1)
{
	for my $offset (24, 31, 33, 37, 40, 41, 48, 64, 100 + 61 * $page, 1000 + 37 * $page, 4096, 8191)
	{
		last if $number > $tables - 12;
		# Not all of them on every page
		next if ($offset + 3 * $page) % 4 == 0 && $offset != 40;
		$damaged{"t$number"} = damage("t$number", flip($page * 8192 + $offset, 1 << ($number % 8)));
		$number++;
	}
}
# What the damage of pages at large does: zeros, another page's bytes, a file cut short
for my $page (1, 2, int($pages / 2), $pages - 1)
{
	$damaged{"t$number"} = damage("t$number", sub { substr(${$_[0]}, $page * 8192, 8192) = "\0" x 8192; "page $page zeroed" });
	$number++;
	$damaged{"t$number"} = damage("t$number", sub { substr(${$_[0]}, $page * 8192, 8192) = substr(${$_[0]}, ($page - 1) * 8192, 8192); "page $page overwritten" });
	$number++;
	$damaged{"t$number"} = damage("t$number", sub { ${$_[0]} = substr(${$_[0]}, 0, $page * 8192); "cut to $page pages" });
	$number++;
}

$node->start;
my ($found, $partly, @wrong, @unclear, @lost) = (0, 0);
my $names = join ',', map { "('$_')" } sort keys %damaged;
for my $line (split /\n/, $node->safe_psql('postgres', "SELECT t, c.* FROM (VALUES $names) n (t), LATERAL check_rows(t) c"))
{
	my ($table, $good, $wrong, $errors, $unclear) = split /\|/, $line, -1;

	push @wrong, "$table ($damaged{$table}): $wrong wrong" if $wrong > 0;
	push @unclear, "$table ($damaged{$table}): $unclear" if $unclear ne '';
	$found++ if $errors > 0;
	$partly++ if $errors > 0 && $good > 0;
}
is("@wrong", '', 'no row is read wrong');
is("@unclear", '', 'errors are of class data corruption and name a block');
cmp_ok($found, '>', 50, "damage is found in $found of " . keys(%damaged) . ' tables');
cmp_ok($partly, '>', 30, "rows of other segments are readable in $partly of them");

# One of them in full
my ($status, $stdout, $stderr) = (0, '', '');
for my $table (sort keys %damaged)
{
	($status, $stdout, $stderr) = $node->psql('postgres', "\\set VERBOSITY verbose\nSELECT * FROM $table");
	last if $status != 0 && $stderr =~ /checksum/;
}
like($stderr, qr/ERROR:  XX001: segment (\d+|store) of table "t\d+" is corrupt at block \d+/, 'the error names segment, table and block');
like($stderr, qr/HINT:  Restore the table from a backup\./, 'and what to do');

# Whatever else is done to such tables: errors at most
my @odd;
for my $table (sort keys %damaged)
{
	($status, $stdout, $stderr) = $node->psql('postgres', <<"END", on_error_stop => 0);
\\set VERBOSITY verbose
SELECT count(id) FROM $table;
VACUUM $table;
UPDATE $table SET n = 0 WHERE id % 30 = 0;
DELETE FROM $table WHERE id > 150;
CREATE INDEX ON $table (body);
INSERT INTO $table SELECT id + 1000, v, body, n, none FROM source;
ANALYZE $table;
VACUUM (FREEZE) $table;
VACUUM FULL $table;
COPY $table TO '/dev/null';
DROP TABLE $table;
SELECT 'dropped' WHERE to_regclass('$table') IS NULL;
END
	push @odd, "$table ($damaged{$table}): $_" for grep { /ERROR:|FATAL:|PANIC:/ && !/ERROR:  (XX001|58P01):/ } split /\n/, $stderr;
	push @odd, "$table ($damaged{$table}) is still there" unless $stdout =~ /dropped/;
}
is(join("\n", @odd), '', 'no other errors');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|terminated by signal/, 'no crash');

$node->stop;
done_testing();
