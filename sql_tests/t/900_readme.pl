# Runs every ```sql block of README.md and of some pages of docs/, in order and each in a session of its own; each page has
# a database. Where a ```text block follows, it must be what psql prints.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('readme');
$node->init;
$node->start;

# Runs the examples of a page; their number.
sub run_page
{
	my ($page, $database) = @_;
	my $text = slurp_file($page);
	my $examples = 0;

	while ($text =~ /^```sql\n(.*?)^```\n(?:\s*```text\n(.*?)^```\n)?/msg)
	{
		my ($sql, $expected) = ($1, $2);
		my ($first_line) = $sql =~ /^(?!--)(.+)$/m;
		my ($stdout, $stderr) = ('', '');

		IPC::Run::run(
			[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database) ],
			'<', \$sql, '>', \$stdout, '2>', \$stderr);
		is("status $?, stderr: $stderr", 'status 0, stderr: ', "$page runs: $first_line");
		if (defined $expected)
		{
			# Markdown keeps no blanks at the end of lines and no blank lines at the end of blocks.
			s/[ \t]+$//mg, s/\n+\z/\n/ for $stdout, $expected;
			is($stdout, $expected, "prints what $page says: $first_line");
		}
		$examples++;
	}
	return $examples;
}

cmp_ok(run_page('README.md', 'postgres'), '>=', 3, 'README has a quick start');
for my $page ('avro', 'axis', 'collections')
{
	$node->safe_psql('postgres', "CREATE DATABASE $page");
	cmp_ok(run_page("docs/$page.md", $page), '>=', 3, "docs/$page.md has examples");
}

$node->stop;
done_testing();
