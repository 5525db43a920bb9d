# rename-engine.pl: makes tests for viper tables, and their expected results, those of another engine: puts its name in place of viper's.
#
# pg_regress compares blanks, too, so in rows of results the column that holds the name is padded to viper's length.
#
# usage: perl rename-engine.pl ENGINE FILE...
use strict;
use warnings;

my ($engine, @files) = @ARGV;
my $padding = ' ' x (length('viper') - length $engine);

for my $file (@files) {
	next if $file =~ m{/${engine}_[^/]*$};		# names engines on purpose
	open my $in, '<', $file or die "$file: $!\n";
	my @lines = <$in>;
	close $in;
	for (@lines) {
		s/^( [^|]*(?:\|[^|]*)*?)\bviper\b([^|\n]*)\|(?!\|)/$1$engine$2$padding|/ if $file =~ /\.out$/;
		s/\bviper\b/$engine/g;
	}
	open my $out, '>', $file or die "$file: $!\n";
	print $out @lines;
	close $out or die "$file: $!\n";
}
