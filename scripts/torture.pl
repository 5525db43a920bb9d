# torture.pl: the driver of scripts/torture; runs as the user that owns the cluster.
#
# Writers own disjoint ranges of seeds, so each knows what its rows must look like whatever the others do. A writer's
# journal tells what a transaction did, that COMMIT was sent, and that its answer came. After a crash its rows must be those
# of the last transaction answered, or, if COMMIT was sent and not answered, that transaction's as a whole.
# The journal is not flushed to disk: only the server dies.
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use IO::Handle;
use POSIX ();
use Time::HiRes qw(sleep time);

my ($work, $rounds, $random, $with_standby) = @ARGV;
my $data = "$work/data";
my %dims = (a => 256, b => 768);
my %most_rows = (a => 900, b => 150);	# of one writer
my $writers = 3;
my @errors_allowed = qw(57014 40P01 25P02 40001 57P01 57P02 57P03 08006 55P03 3B001);
my ($passed, $failed) = (0, 0);
my $copies = 0;
my $commits = 0;
my @size_after = ([], []);		# of tables a and b, after each round

$SIG{PIPE} = 'IGNORE';
$| = 1;
$ENV{PGHOST} = $work;
$ENV{PGUSER} = 'postgres';
$ENV{PGDATABASE} = 'postgres';
$ENV{PGOPTIONS} = '-c client_min_messages=warning';

# --- a psql at the end of two pipes ---

# Starts psql on a port; returns the session.
sub start_psql
{
	my ($name, $port) = @_;
	pipe(my $from_us, my $to_psql) or die;
	pipe(my $to_us, my $from_psql) or die;
	my $pid = fork() // die "cannot fork: $!";
	if ($pid == 0)
	{
		open STDIN, '<&', $from_us;
		open STDOUT, '>&', $from_psql;
		open STDERR, '>&', $from_psql;
		close $_ for ($from_us, $to_psql, $to_us, $from_psql);
		exec 'psql', '-XAt', '-p', $port // 5432, '-v', 'VERBOSITY=verbose' or POSIX::_exit(1);
	}
	close $from_us;
	close $from_psql;
	$to_psql->autoflush(1);
	return { name => $name, pid => $pid, in => $to_psql, out => $to_us, questions => 0, alive => 1 };
}

# Runs SQL; returns the lines printed. $s->{alive} is false once the server has gone.
sub ask
{
	my ($s, $sql) = @_;
	my $mark = '=end=' . ++$s->{questions} . '=';
	my @lines;

	return () unless $s->{alive};
	print { $s->{in} } "$sql\n\\echo $mark\n";
	my $out = $s->{out};
	while (my $line = <$out>)
	{
		chomp $line;
		return @lines if $line eq $mark;
		push @lines, $line;
	}
	$s->{alive} = 0;
	return @lines;
}

sub stop_psql
{
	my ($s) = @_;
	close $s->{in};
	close $s->{out};
	waitpid $s->{pid}, 0;
}

# Errors among psql's lines that this load does not explain.
sub strange
{
	my @strange;
	for my $line (@_)
	{
		next unless $line =~ /(?:ERROR|PANIC|WARNING):  ?([0-9A-Z]{5}): (.*)/;
		my $state = $1;
		push @strange, $line unless grep { $_ eq $state } @errors_allowed;
	}
	return @strange;
}

# --- the values of torture.sql ---

sub copy_line
{
	my ($table, $seed, $n, $iv, $vv, $tv) = @_;
	my $v = ($seed + $vv) % 13 == 0 ? '\N'
	  : '[' . join(',', $seed, ($vv, ($seed + $vv) % 61 * 0.25) x (($dims{$table} - 2) / 2), '-' . $vv % 7) . ']';
	my $big = $seed % 10 == 0 && $tv % 3 != 2 ? join('', map { md5_hex("$seed:$tv:$_") } 1 .. 310) : '\N';
	return join("\t", $seed, $seed, $n, $iv, $vv, $tv,
		($seed + $iv) % 5 ? ($seed * 7 + $iv) % 100 : '\N',
		($seed + $iv) % 3 ? 'tag ' . ($seed + $iv) % 37 : '\N',
		($seed + $iv) % 11 ? "c$seed-" . $iv % 3 : '\N',
		$v, "body $seed $tv" . 'x' x ($tv % 40), $big) . "\n";
}

# --- writers ---

sub pick { return $_[ int rand @_ ]; }

# Up to $most seeds of rows that exist.
sub some_seeds
{
	my ($rows, $most) = @_;
	my @all = keys %$rows;
	return () unless @all;
	my $first = int rand @all;
	my $count = 1 + int rand $most;
	return grep { defined } @all[ $first .. ($first + $count > @all ? $#all : $first + $count - 1) ];
}

# Seeds of rows that do not exist: a run of $count from somewhere in the writer's range.
sub free_seeds
{
	my ($client, $rows, $count) = @_;
	my $seed = $client * 100_000 + 1 + int rand 20_000;
	my @seeds;
	while (@seeds < $count)
	{
		push @seeds, $seed unless exists $rows->{$seed};
		$seed++;
	}
	return @seeds;
}

# One random change: returns its SQL, and changes %$rows (seed => "id.n.iv.vv.tv") accordingly.
sub change
{
	my ($client, $table, $rows) = @_;
	my $count = keys %$rows;
	my $kind = rand;
	my $full = $count > $most_rows{$table};
	my $version = 1 + int rand 1000;

	if ($kind < ($full ? 0.02 : 0.15))
	{
		my @seeds = free_seeds($client, $rows, 1 + int rand 3);
		$rows->{$_} = "$_.0.$version.$version.$version" for @seeds;
		return join "\n", map { "INSERT INTO $table SELECT * FROM row_$table($_, 0, $version, $version, $version);" } @seeds;
	}
	if ($kind < ($full ? 0.04 : 0.35))
	{
		# Past 256 kB the direct path begins.
		my @seeds = free_seeds($client, $rows, 1 + int rand($table eq 'a' ? 450 : 140));
		$rows->{$_} = "$_.0.$version.$version.$version" for @seeds;
		if (rand() < 0.5)
		{
			return "INSERT INTO $table SELECT r.* FROM unnest('{" . join(',', @seeds)
			  . "}'::int[]) s, row_$table(s, 0, $version, $version, $version) r;";
		}
		my $file = "$work/run/copy.$client." . $copies++ % 50;
		open my $fh, '>', $file or die;
		print $fh copy_line($table, $_, 0, $version, $version, $version) for @seeds;
		close $fh;
		return "COPY $table FROM '$file';";
	}
	if ($kind < ($full ? 0.30 : 0.45))
	{
		my @seeds = some_seeds($rows, $full ? 600 : 40) or return '';
		delete @$rows{@seeds};
		return "DELETE FROM $table WHERE seed IN (" . join(',', @seeds) . ');' if rand() < 0.5;
		return "DELETE FROM $table WHERE id IN (" . join(',', map { $_, $_ + 5_000_000 } @seeds) . ');';
	}

	my @seeds = some_seeds($rows, rand() < 0.2 ? 300 : 20) or return '';
	my %set = (
		n => 'n = n + 1',
		iv => "iv = $version, grp = t_grp(seed, $version), tag = t_tag(seed, $version), code = t_code(seed, $version)",
		vv => "vv = $version, v = t_vec(seed, $version, $dims{$table})",
		tv => "tv = $version, body = t_body(seed, $version), big = t_big(seed, $version)",
		id => 'id = CASE WHEN id = seed THEN seed + 5000000 ELSE seed END');
	my @what = pick([qw(n)], [qw(n)], [qw(n)], [qw(iv)], [qw(vv)], [qw(tv)], [qw(id)], [qw(n iv)], [qw(n tv)], [qw(n iv vv tv id)]);
	@what = @{ $what[0] };
	for my $seed (@seeds)
	{
		my %row;
		@row{qw(id n iv vv tv)} = split /\./, $rows->{$seed};
		for my $column (@what)
		{
			$row{$column} = $column eq 'n' ? $row{n} + 1
			  : $column eq 'id' ? ($row{id} == $seed ? $seed + 5_000_000 : $seed)
			  : $version;
		}
		$rows->{$seed} = join '.', @row{qw(id n iv vv tv)};
	}
	return "UPDATE $table SET " . join(', ', map { $set{$_} } @what) . ' WHERE seed IN (' . join(',', @seeds) . ');'
	  if rand() < 0.3;
	return "UPDATE $table SET " . join(', ', map { $set{$_} } @what)
	  . ' WHERE id IN (' . join(',', map { $_, $_ + 5_000_000 } @seeds) . ');';
}

# One transaction: its SQL without COMMIT; changes %$state (table => seed => row).
sub transaction
{
	my ($client, $state) = @_;
	my @sql = ('BEGIN;');

	for my $part (1 .. 1 + int rand 4)
	{
		my $table = rand() < 0.7 ? 'a' : 'b';
		my $kind = rand;
		if ($kind < 0.12)
		{
			# Work that a savepoint takes back, perhaps with a part of it taken back before. Names are not used twice: after a
			# cancel, an older savepoint of the same name would bring the transaction back to life without some of its changes.
			my %scratch = %{ $state->{$table} };
			push @sql, "SAVEPOINT s$part;", change($client, $table, \%scratch);
			if (rand() < 0.5)
			{
				my %deeper = %scratch;
				push @sql, "SAVEPOINT t$part;", change($client, $table, \%deeper), pick("ROLLBACK TO t$part;", "ROLLBACK TO t$part; RELEASE t$part;");
				push @sql, change($client, $table, \%scratch);
			}
			push @sql, "ROLLBACK TO s$part;";
		}
		elsif ($kind < 0.22)
		{
			my $from = int rand(100_000 * ($writers + 1));
			push @sql, "SELECT 'LOCKED' FROM (SELECT id FROM $table WHERE id > $from ORDER BY id LIMIT 20 FOR "
			  . pick('UPDATE', 'NO KEY UPDATE', 'SHARE', 'KEY SHARE') . ' SKIP LOCKED) l LIMIT 0;';
		}
		elsif ($kind < 0.32)
		{
			push @sql, "SELECT 'BAD', * FROM (SELECT count(*) FROM $table t WHERE seed BETWEEN ${client}00001 AND ${client}99999 AND bad_$table(t)) c WHERE count > 0;";
		}
		else
		{
			push @sql, 'SAVEPOINT keep;' if $kind < 0.45;
			push @sql, change($client, $table, $state->{$table});
			push @sql, 'RELEASE keep;' if $kind < 0.45;
		}
	}
	return join "\n", @sql;
}

sub write_load
{
	my ($client, $state) = @_;
	my $s = start_psql("writer $client");
	open my $journal, '>', "$work/run/journal.$client" or die;
	$journal->autoflush(1);
	ask($s, pick('', '', 'SET proximadb.debug_direct = on;', 'SET enable_seqscan = off;', 'SET enable_indexscan = off;'));

	while ($s->{alive})
	{
		my %next = map { $_ => { %{ $state->{$_} } } } keys %$state;
		my $sql = transaction($client, \%next);
		my @changes;
		for my $table (sort keys %next)
		{
			my ($old, $new) = ($state->{$table}, $next{$table});
			push @changes, map { "$table $_ $new->{$_}" } grep { ($old->{$_} // '') ne $new->{$_} } keys %$new;
			push @changes, map { "$table $_ -" } grep { !exists $new->{$_} } keys %$old;
		}
		print $journal map { "$_\n" } @changes;
		my @lines = ask($s, $sql);
		print $journal 'strange ' . substr("$_ [$sql]", 0, 2000) =~ s/\n/ /gr . "\n" for strange(@lines), grep { /^BAD/ } @lines;
		last unless $s->{alive};
		if (rand() < 0.1)
		{
			ask($s, 'ROLLBACK;');
			print $journal "rollback\n";
			next;
		}
		print $journal "commit?\n";
		@lines = ask($s, 'COMMIT;');
		print $journal "strange $_\n" for strange(@lines);
		if (grep { $_ eq 'COMMIT' } @lines)
		{
			print $journal "commit\n";
			$state = \%next;
		}
		elsif (grep { $_ eq 'ROLLBACK' || /ERROR:/ } @lines)
		{
			print $journal "rollback\n";
		}
	}
	stop_psql($s);
	return;
}

# Flush, compaction and vacuum, one after the other, often cut short
sub maintain
{
	my ($client) = @_;
	my $s = start_psql('maintenance');
	open my $journal, '>', "$work/run/journal.$client" or die;
	$journal->autoflush(1);
	while ($s->{alive})
	{
		my $table = pick('a', 'a', 'b');
		my $sql = pick("SELECT rows, segments FROM proximadb.flush('$table');", "SELECT rows, segments FROM proximadb.flush('$table');",
			"SELECT rows FROM proximadb.compact('$table');", "VACUUM $table;", "VACUUM (FREEZE) $table;", "ANALYZE $table;", 'CHECKPOINT;',
			"BEGIN; SELECT rows FROM proximadb.flush('$table'); SELECT rows FROM proximadb.compact('$table'); " . pick('COMMIT;', 'ROLLBACK;'));
		$sql = 'VACUUM (FULL) ' . $table . ';' if rand() < 0.02;
		$sql = "REINDEX TABLE $table;" if rand() < 0.02;
		my @lines = ask($s, 'SET statement_timeout = ' . (rand() < 0.3 ? 1 + int rand 150 : 0) . '; SET lock_timeout = \'2s\';');
		push @lines, ask($s, $sql), ask($s, 'ROLLBACK;');
		print $journal "strange $_ [$sql]\n" for grep { !/25P01/ } strange(@lines);
		sleep rand 0.2;
	}
	stop_psql($s);
	return;
}

# What a snapshot sees stays the same and right, also through a cursor that was opened before
sub watch
{
	my ($client) = @_;
	my $s = start_psql('reader');
	open my $journal, '>', "$work/run/journal.$client" or die;
	$journal->autoflush(1);
	while ($s->{alive})
	{
		my $table = pick('a', 'b');
		my $look = "SELECT 'STATE', count(*), sum(id), sum(n::bigint), sum(iv), sum(vv), sum(tv), count(*) FILTER (WHERE bad_$table(t)) AS bad FROM $table t;";
		my @lines = ask($s, "BEGIN ISOLATION LEVEL REPEATABLE READ;\n$look\nDECLARE c CURSOR FOR SELECT bad_$table(t) FROM $table t; FETCH 30 FROM c;\n"
			. "DECLARE d CURSOR FOR SELECT bad_$table(t), id FROM $table t ORDER BY id; MOVE 40 IN d;");
		sleep rand(rand() < 0.3 ? 3 : 0.3);
		push @lines, ask($s, "FETCH ALL FROM c;\nFETCH ALL FROM d;\nSET LOCAL enable_seqscan = off;\n$look\nCOMMIT;");
		last unless $s->{alive};
		my @strange = (strange(@lines), grep { /^t\b/ } @lines);
		my @states = grep { /^STATE/ } @lines;
		push @strange, "a snapshot saw @states" if @states == 2 && $states[0] ne $states[1];
		push @strange, "wrong rows: $states[0]" if @states && $states[0] !~ /\|0$/;
		print $journal "strange $_\n" for @strange;
	}
	stop_psql($s);
	return;
}

# Cancels what others are doing
sub cancel
{
	my ($client) = @_;
	my $s = start_psql('canceller');
	open my $journal, '>', "$work/run/journal.$client" or die;
	while ($s->{alive})
	{
		sleep rand 0.4;
		ask($s, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state = 'active' AND backend_type = 'client backend' ORDER BY random() LIMIT 1;");
	}
	stop_psql($s);
	return;
}

# --- servers ---

sub postmaster_pid
{
	my ($dir) = @_;
	open my $fh, '<', "$dir/postmaster.pid" or return;
	my $pid = <$fh>;
	chomp $pid;
	return $pid;
}

sub children_of
{
	my ($parent) = @_;
	my @children;
	for my $stat (glob '/proc/[0-9]*/stat')
	{
		open my $fh, '<', $stat or next;
		my $line = <$fh> // next;
		push @children, $1 if $line =~ /^(\d+) \(.*\) \S (\d+)/s && $2 == $parent;
	}
	return @children;
}

# The postmaster is stopped first, so that it starts nobody while the others die.
sub kill_server
{
	my ($dir) = @_;
	my $pid = postmaster_pid($dir) or return;
	kill 'STOP', $pid;
	my @all = (children_of($pid), $pid);
	kill 'KILL', @all;
	for (1 .. 500)
	{
		last unless grep { kill 0, $_ } @all;
		sleep 0.02;
	}
	return;
}

sub start_server
{
	my ($dir, $log) = @_;
	return system("pg_ctl start -s -w -t 180 -D '$dir' -l '$log' >/dev/null 2>&1") == 0;
}

sub check
{
	my ($ok, $what, @details) = @_;
	if ($ok)
	{
		$passed++;
		return 1;
	}
	$failed++;
	print "  FAILED  $what\n", map { "          $_\n" } @details;
	return 0;
}

sub finish
{
	print "$passed passed, $failed failed\n";
	exit($failed == 0 && $passed > 0 ? 0 : 1);
}

# --- comparing ---

my %state = map { my $client = $_; ($client => { a => {}, b => {} }) } 0 .. $writers - 1;

# Reads the writers' journals; returns what their transactions in doubt would make of their states.
sub read_journals
{
	my %after;
	my @strange;
	for my $file (sort glob "$work/run/journal.*")
	{
		my ($client) = $file =~ /(\d+)$/;
		my (@pending, $asked);
		open my $fh, '<', $file or die;
		while (my $line = <$fh>)
		{
			chomp $line;
			if ($line =~ /^strange (.*)/) { push @strange, "client $client: $1"; }
			elsif ($line eq 'commit?') { $asked = 1; }
			elsif ($line eq 'rollback') { @pending = (); $asked = 0; }
			elsif ($line eq 'commit') { $commits++; apply($state{$client}, @pending); @pending = (); $asked = 0; }
			else { push @pending, $line; }
		}
		next unless exists $state{$client};
		$after{$client} = { map { $_ => { %{ $state{$client}{$_} } } } qw(a b) };
		apply($after{$client}, @pending) if $asked;
	}
	check(@strange == 0, 'no statement fails or reads wrong rows before the crash', @strange);
	return %after;
}

sub apply
{
	my ($state, @changes) = @_;
	for (@changes)
	{
		my ($table, $seed, $row) = split / /;
		if ($row eq '-') { delete $state->{$table}{$seed}; }
		else { $state->{$table}{$seed} = $row; }
	}
	return;
}

# Compares every row with the journals, and settles transactions in doubt.
sub compare
{
	my ($s, %after) = @_;
	my $file = "$work/run/model.copy";
	open my $fh, '>', $file or die;
	for my $client (sort keys %after)
	{
		for my $table (qw(a b))
		{
			my ($before, $after) = ($state{$client}{$table}, $after{$client}{$table});
			my %seeds = (%$before, %$after);
			printf $fh "%d\t%s\t%d\t%s\t%s\n", $client, $table, $_, $before->{$_} // '\N', $after->{$_} // '\N' for keys %seeds;
		}
	}
	close $fh;
	my @lines = ask($s, "SET jit = off; TRUNCATE model; COPY model FROM '$file'; ANALYZE model;\n"
		. "SELECT 'DIFF', client, sum(before), sum(after) FROM (SELECT * FROM compare('a') UNION ALL SELECT * FROM compare('b')) d GROUP BY client;\n"
		. join("\n", map { "SELECT 'ROWS', '$_', count(*), count(DISTINCT seed), count(*) FILTER (WHERE bad_$_(t)) FROM $_ t;" } qw(a b)));
	for (grep { /^DIFF/ } @lines)
	{
		my (undef, $client, $before, $after) = split /\|/;
		next unless check($before == 0 || $after == 0,
			"rows of writer $client are those of its last transaction", "$before differ from before it, $after from after it");
		$state{$client} = $after{$client} if $before != 0;
	}
	for (grep { /^ROWS/ } @lines)
	{
		my (undef, $table, $rows, $distinct, $bad) = split /\|/;
		check($rows == $distinct, "no row of $table is there twice", "$rows rows, $distinct different");
		check($bad == 0, "every row of $table is right in itself", "$bad are not");
	}
	check((grep { /^ROWS/ } @lines) == 2, 'rows can be read', grep { /ERROR|closed/ } @lines);
	return;
}

# Indexes: their own structure, that all rows are in them, and what scans of them return
sub check_indexes
{
	my ($s) = @_;
	my @lines = ask($s, "SELECT 'INDEX', c.relname, bt_index_check(c.oid, true) FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid WHERE indrelid IN ('a'::regclass, 'b'::regclass);");
	check(!(grep { /ERROR|WARNING/ } @lines) && (grep { /^INDEX/ } @lines) == 9, 'amcheck finds every row in every index', @lines);

	my @questions;
	for my $table (qw(a b))
	{
		my $sum = "count(*), sum(id), count(*) FILTER (WHERE bad_$table(t))";
		push @questions, map { "SELECT 'ANSWER', $sum FROM $table t WHERE $_;" }
		  'id > 0', "code >= ''", "code = 'c' || seed || '-1'", 'grp < 60', 'grp IS NULL',
		  $table eq 'a' ? ('tag IS NULL', "tag >= 'tag 2'", "body >= 'body 2'") : ("lower(tag) >= 'tag 2' AND grp < 60", 'lower(tag) IS NULL AND grp < 60');
	}
	my $ask_all = join "\n", @questions;
	my @seq = grep { /ANSWER|ERROR/ } ask($s, "SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off; SET enable_seqscan = on;\n$ask_all");
	my @index = grep { /ANSWER|ERROR/ } ask($s, "SET enable_indexscan = on; SET enable_seqscan = off;\n$ask_all");
	my @bitmap = grep { /ANSWER|ERROR/ } ask($s, "SET enable_indexscan = off; SET enable_bitmapscan = on;\n$ask_all");
	ask($s, 'RESET ALL;');
	check(@seq == @questions && "@seq" eq "@index", 'index scans find what sequential scans find',
		map { "$questions[$_]: $seq[$_] but $index[$_]" } grep { ($seq[$_] // '') ne ($index[$_] // '') } 0 .. $#questions);
	check("@seq" eq "@bitmap", 'bitmap scans find what sequential scans find',
		map { "$questions[$_]: $seq[$_] but $bitmap[$_]" } grep { ($seq[$_] // '') ne ($bitmap[$_] // '') } 0 .. $#questions);
	return;
}

sub check_verify
{
	my ($s) = @_;
	my @lines = ask($s, "SELECT 'EXISTS' WHERE to_regprocedure('proximadb.verify(regclass)') IS NOT NULL;");
	return unless grep { $_ eq 'EXISTS' } @lines;
	for my $table (qw(a b))
	{
		# A segment that was being built when the server died is a leak until the next vacuum, and no fault.
		@lines = grep { !/^leak\|/ } ask($s, "SELECT * FROM proximadb.verify('$table');");
		check(@lines == 0, "verify() finds nothing in $table", @lines > 10 ? @lines[ 0 .. 9 ] : @lines);
	}
	return;
}

# --- the standby ---

sub wait_for_standby
{
	my ($s) = @_;
	my ($lsn) = grep { m{^[0-9A-F]+/[0-9A-F]+$} } ask($s, 'SELECT pg_current_wal_flush_lsn();');
	my $standby = start_psql('standby', 5433);
	for (1 .. 600)
	{
		my @lines = ask($standby, "SELECT 'THERE' WHERE pg_last_wal_replay_lsn() >= '$lsn';");
		return $standby if grep { $_ eq 'THERE' } @lines;
		last unless $standby->{alive};
		sleep 0.1;
	}
	check(0, 'the standby replays', "not up to $lsn");
	return;
}

sub check_standby
{
	my ($s) = @_;
	my $standby = wait_for_standby($s) or return;
	my $look = join "\n", map { ("SELECT 'STATE', count(*), sum(id), sum(n::bigint), sum(iv), sum(vv), sum(tv), count(*) FILTER (WHERE bad_$_(t)) FROM $_ t;",
			"SET enable_seqscan = off; SELECT 'STATE', count(*), sum(id), sum(n) FROM $_ WHERE id > 0; RESET enable_seqscan;") } qw(a b);
	my @here = ask($s, $look);
	my @there = ask($standby, $look);
	check("@here" eq "@there", 'the standby has the same rows', "primary @here", "standby @there");
	stop_psql($standby);
	return;
}

sub make_standby
{
	system("pg_basebackup -h '$work' -D '$work/standby' -R -c fast --no-sync") == 0 or die 'pg_basebackup failed';
	open my $fh, '>>', "$work/standby/postgresql.conf" or die;
	print $fh "port = 5433\n";
	close $fh;
	start_server("$work/standby", "$work/standby.log") or die 'the standby does not start';
	return;
}

# --- rounds ---

sub load_until_killed
{
	my @pids;
	my @jobs = ((map { my $client = $_; sub { write_load($client, $state{$client}) } } 0 .. $writers - 1),
		sub { maintain($writers) }, sub { watch($writers + 1) }, sub { cancel($writers + 2) });
	unlink glob "$work/run/journal.*";
	for my $i (0 .. $#jobs)
	{
		my $pid = fork() // die "cannot fork: $!";
		if ($pid == 0)
		{
			srand($random * 1000 + $i);
			eval { $jobs[$i]->(); 1 } or print "client $i: $@";
			POSIX::_exit(0);
		}
		push @pids, $pid;
	}
	sleep 0.5 + rand 5;
	kill_server("$work/standby") if $with_standby && rand() < 0.3;
	kill_server($data);
	waitpid $_, 0 for @pids;
	return;
}

sub sizes
{
	my ($s) = @_;
	my @sizes = map { /^SIZE\|(\d+)/ ? $1 : () }
	  ask($s, join "\n", map { "SELECT 'SIZE', pg_table_size('$_');" } qw(a b));
	return @sizes;
}

# The tables' sizes after each round must level off: dead space is used again. How much larger than a fresh copy a table is after the
# last vacuum and compaction is shown.
sub check_size
{
	my ($s) = @_;
	for my $i (0 .. 1)
	{
		my $table = (qw(a b))[$i];
		my @lines = ask($s, "CREATE TABLE copy_$table USING viper AS SELECT * FROM $table;");
		for (1 .. 3)
		{
			push @lines, ask($s, "VACUUM $table; SELECT rows FROM proximadb.flush('$table'); SELECT rows FROM proximadb.compact('$table'); VACUUM $table;");
		}
		push @lines, ask($s, "SELECT 'SIZES', pg_table_size('$table'), pg_table_size('copy_$table'), pg_relation_size('$table'), pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = '$table'::regclass;");
		my ($sizes) = grep { /^SIZES/ } @lines;
		my (undef, $size, $copy, $main, $store) = split /\|/, $sizes // '|0|0|0|0';
		printf "  table %s, vacuumed: %d kB, %d of them in the store; a fresh copy has %d kB\n", $table, $size / 1024, $store / 1024, $copy / 1024;
		next if @{ $size_after[$i] } < 8;
		my ($early, $late) = (0, 0);
		my $half = @{ $size_after[$i] } / 2;
		for my $round (0 .. $#{ $size_after[$i] })
		{
			my $max = $round < $half ? \$early : \$late;
			$$max = $size_after[$i][$round] if $$max < $size_after[$i][$round];
		}
		check($late <= 1.75 * $early + 8 * 1024 * 1024, "$table does not grow without bound", "$early bytes in the first half of the rounds, then $late");
	}
	return;
}

system("psql -X -q -v ON_ERROR_STOP=1 -f '$work/torture.sql'") == 0 or die "cannot make the tables\n";
make_standby() if $with_standby;
print "seed $random, $rounds rounds\n";
my $kill_seed = $random;
for my $round (1 .. $rounds)
{
	srand($kill_seed++ * 7919);
	$random = int rand 1_000_000_000;
	my $before = $failed;
	load_until_killed();
	my $start = time;
	if (!check(start_server($data, "$work/server.log"), 'the server starts again'))
	{
		system("tail -n 20 '$work/server.log'");
		finish();
	}
	my $recovery = time - $start;
	if ($with_standby && !postmaster_alive("$work/standby"))
	{
		check(start_server("$work/standby", "$work/standby.log"), 'the standby starts again');
	}
	my $s = start_psql('check');
	compare($s, read_journals());
	check_indexes($s);
	check_verify($s);
	check_standby($s) if $with_standby;
	my @sizes = sizes($s);
	push @{ $size_after[$_] }, $sizes[$_] for 0 .. 1;
	my ($rows_a, $rows_b) = map { my $table = $_; eval { my $n = 0; $n += keys %{ $state{$_}{$table} } for keys %state; $n } } qw(a b);
	printf "round %d: %s, %d transactions so far, recovery %.1f s, %d and %d rows in %d and %d kB\n", $round,
	  $failed == $before ? 'ok' : 'FAILED', $commits, $recovery, $rows_a, $rows_b, map { $_ / 1024 } @sizes;
	check_size($s) if $round == $rounds;
	check_standby($s) if $with_standby && $round == $rounds;
	stop_psql($s);
}

for my $log (grep { -e } "$work/server.log", "$work/standby.log")
{
	open my $fh, '<', $log or die;
	my @bad = grep { /PANIC|TRAP:|terminated by signal|inconsistent page|invalid page|could not read block/ } <$fh>;
	check(@bad == 0, "nothing bad in $log", @bad > 10 ? @bad[ 0 .. 9 ] : @bad);
}
finish();

sub postmaster_alive
{
	my $pid = postmaster_pid($_[0]);
	return defined $pid && kill 0, $pid;
}
