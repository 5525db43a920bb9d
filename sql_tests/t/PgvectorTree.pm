# A tree of PostgreSQL with pgvector: the one the tests run in, if pgvector has been installed into it, else a copy with a stand-in.
#
# The stand-in is an extension named vector whose types, operators and functions are those of proximadb's script, over proximadb's C functions (layouts are
# the same), but objects of its own; its access methods hnsw and ivfflat are those of compat/vector. It needs no proximadb in the database.
package PgvectorTree;

use strict;
use warnings;

use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;

# Directory of the PostgreSQL on the path (above bin), and of its share directory, which lie as in Debian.
sub tree
{
	my ($bin) = grep { -x "$_/postgres" } split /:/, $ENV{PATH};
	my $home = dirname($bin);
	my ($root, $version) = $home =~ m{^(.*)/lib/postgresql/(\d+)$} or die "unknown layout: $home";

	return ($home, "$root/share/postgresql/$version");
}

sub replaced
{
	my ($text, %changes) = @_;
	my $pattern = join '|', map { quotemeta } sort keys %changes;

	return $text =~ s/($pattern)/$changes{$1}/gr;
}

# The script of the stand-in
sub script
{
	my ($extensions) = @_;
	my ($types) = map { slurp_file($_) =~ /^-- Types \(src\/types\)\n(.*?)^-- diagnostics$/ms } glob "$extensions/proximadb--*.sql";
	my ($methods) = grep { /^CREATE ACCESS METHOD hnsw/m } map { slurp_file($_) } glob "$extensions/vector--*.sql";
	die 'no types or no access methods in the scripts' unless defined $types && defined $methods;
	my %support = map { $_ => 1 } $methods =~ /proximadb\.(axis_\w+)\(internal\)/g;

	$types = replaced($types, "'MODULE_PATHNAME'" => q('$libdir/proximadb'), '@extschema@.' => '', 'STORAGE = main' => 'STORAGE = external');
	# pgvector has no hash operator classes
	$types =~ s/^CREATE OPERATOR CLASS \w+ DEFAULT FOR TYPE \w+ USING hash AS.*?;\n(COMMENT ON OPERATOR CLASS \w+ USING hash.*?;\n)?//msg;
	$methods = replaced($methods, "'MODULE_PATHNAME'" => q('$libdir/proximadb_vector'), 'proximadb.axis_' => 'axis_');
	$methods =~ s/^.*\\quit$//m;

	return $types
		. join('', map { "CREATE FUNCTION $_(internal) RETURNS internal AS '\$libdir/proximadb', 'pxd_sql_$_' LANGUAGE C IMMUTABLE STRICT;\n" } sort keys %support)
		. $methods;
}

# Makes the copy below a directory that is removed after the test.
sub make_copy
{
	my ($home, $share) = @_;
	my $root = PostgreSQL::Test::Utils::tempdir();
	my ($version) = $home =~ /(\d+)$/;
	my ($copy, $copied_share) = ("$root/lib/postgresql/$version", "$root/share/postgresql/$version");

	system_or_bail('mkdir', '-p', $copy, dirname($copied_share));
	system_or_bail('cp', '-rL', "$home/bin", $copy);
	system_or_bail('cp', '-rL', $share, $copied_share);
	symlink "$home/lib", "$copy/lib" or die "symlink: $!";

	my $script = script("$copied_share/extension");
	unlink glob "$copied_share/extension/vector*";
	append_to_file("$copied_share/extension/vector.control", "comment = 'stand-in for pgvector'\ndefault_version = '0.8.6'\nrelocatable = true\n");
	append_to_file("$copied_share/extension/vector--0.8.6.sql", $script);
	return $copy;
}

# The install_path for PostgreSQL::Test::Cluster->new, and whether pgvector there is the real one.
sub find
{
	my ($home, $share) = tree();
	my $control = "$share/extension/vector.control";
	my $real = -e $control && slurp_file($control) =~ m{'\$libdir/vector'};

	return ($real ? $home : make_copy($home, $share), $real);
}

1;
