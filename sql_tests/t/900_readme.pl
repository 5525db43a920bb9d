# Runs every ```sql block of README.md, in order and each in a session of its own. Where a ```text block follows, it must
# be what psql prints.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $readme = slurp_file('README.md');
my $node = PostgreSQL::Test::Cluster->new('readme');
$node->init;
$node->start;

my $examples = 0;
while ($readme =~ /^```sql\n(.*?)^```\n(?:\s*```text\n(.*?)^```\n)?/msg)
{
	my ($sql, $expected) = ($1, $2);
	my ($first_line) = $sql =~ /^(?!--)(.+)$/m;
	my ($stdout, $stderr) = ('', '');

	IPC::Run::run(
		[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres') ],
		'<', \$sql, '>', \$stdout, '2>', \$stderr);
	is("status $?, stderr: $stderr", 'status 0, stderr: ', "runs: $first_line");
	if (defined $expected)
	{
		# Markdown keeps no blanks at the end of lines and no blank lines at the end of blocks.
		s/[ \t]+$//mg, s/\n+\z/\n/ for $stdout, $expected;
		is($stdout, $expected, "prints what README says: $first_line");
	}
	$examples++;
}
cmp_ok($examples, '>=', 3, 'README has a quick start');

$node->stop;
done_testing();
