# Pages of a segment store, changed in the bytes of its file.
package StorePage;

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(PAGE put put_sound);

use constant PAGE => 8192;

# Puts value at that place of the bytes referred to.
sub put
{
	my ($bytes, $at, $value) = @_;
	substr($$bytes, $at, length($value)) = $value;
}

# CRC-32C, as the store has it over tag and data of its pages
sub crc32c
{
	my $crc = 0xFFFFFFFF;

	for my $byte (unpack('C*', $_[0]))
	{
		$crc ^= $byte;
		$crc = ($crc >> 1) ^ ($crc & 1 ? 0x82F63B78 : 0) for 1 .. 8;
	}
	return $crc ^ 0xFFFFFFFF;
}

# The same, checksum of the page included: what a bug would leave, not a disk
sub put_sound
{
	my ($bytes, $at, $value) = @_;
	my $page = $at - $at % PAGE;

	put($bytes, $at, $value);
	put($bytes, $page + 36, pack('V', crc32c(substr($$bytes, $page + 24, 12) . substr($$bytes, $page + 40, PAGE - 40))));
}

1;
