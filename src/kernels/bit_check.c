/*
 * bit_check.c: checks the kernels that count bits, for proximadb.kernel_check().
 *
 * Every usable set, scalar too, against counting bit by bit, at lengths around each step and at every alignment.
 * Counts are exact: the error is the number of bits that are counted wrong. No state, no locks.
 */
#include "postgres.h"

#include "bit_kernels.h"
#include "kernel_check.h"

#define CHECK_MAX_BYTES 2048
#define CHECK_SMALL_BYTES 200
#define CHECK_SHIFTS 8

static const int large_bytes[] = {255, 256, 257, 511, 1000, 1023, CHECK_MAX_BYTES};

static uint64
count_bits(int bytes, const uint8 *x)
{
	uint64		count = 0;

	for (int i = 0; i < bytes * BITS_PER_BYTE; i++)
		count += (x[i / BITS_PER_BYTE] >> (i % BITS_PER_BYTE)) & 1;
	return count;
}

static double
difference(uint64 found, uint64 expected)
{
	return (double) (found > expected ? found - expected : expected - found);
}

/* Adds the rows of one set at one length; a and b hold bytes behind them, all of whose bits are set. */
static void
check_length(Tuplestorestate *store, TupleDesc desc, const BitKernelSet *set, int bytes, const uint8 *a,
			 const uint8 *b)
{
	uint8		combined[CHECK_MAX_BYTES] = {0};
	uint8		shifted_a[CHECK_MAX_BYTES + CHECK_SHIFTS + 64];
	uint8		shifted_b[CHECK_MAX_BYTES + CHECK_SHIFTS + 64];
	uint64		differing;
	uint64		both;
	uint64		either;
	double		errors[2] = {0.0, 0.0};

	for (int i = 0; i < bytes; i++)
		combined[i] = a[i] ^ b[i];
	differing = count_bits(bytes, combined);
	for (int i = 0; i < bytes; i++)
		combined[i] = a[i] & b[i];
	both = count_bits(bytes, combined);
	for (int i = 0; i < bytes; i++)
		combined[i] = a[i] | b[i];
	either = count_bits(bytes, combined);

	for (int shift = 0; shift < CHECK_SHIFTS; shift++)
	{
		uint8	   *place_a = shifted_a + shift;
		uint8	   *place_b = shifted_b + CHECK_SHIFTS - 1 - shift;
		BitCounts	counts;

		memset(shifted_a, 0xFF, sizeof(shifted_a));
		memset(shifted_b, 0x55, sizeof(shifted_b));
		memcpy(place_a, a, bytes);
		memcpy(place_b, b, bytes);
		errors[0] += difference(set->differing(bytes, place_a, place_b), differing);
		set->counts(bytes, place_a, place_b, &counts);
		errors[1] += difference(counts.both, both) + difference(counts.either, either);
	}
	pxd_kernel_check_row(store, desc, "bit_differing", set->isa, bytes * BITS_PER_BYTE, errors[0], 0.0);
	pxd_kernel_check_row(store, desc, "bit_counts", set->isa, bytes * BITS_PER_BYTE, errors[1], 0.0);
}

void
pxd_bit_kernels_check(Tuplestorestate *store, TupleDesc desc)
{
	const BitKernelSet *sets[MAX_BIT_KERNEL_SETS];
	int			nsets = pxd_bit_kernels_usable(sets);
	uint8		a[CHECK_MAX_BYTES];
	uint8		b[CHECK_MAX_BYTES];
	uint32		seed = 5;

	for (int i = 0; i < CHECK_MAX_BYTES; i++)
	{
		seed = seed * 1664525 + 1013904223;
		a[i] = (uint8) (seed >> 24);
		b[i] = (uint8) (seed >> 16);
	}
	for (int i = 0; i < nsets; i++)
	{
		for (int bytes = 0; bytes <= CHECK_SMALL_BYTES; bytes++)
			check_length(store, desc, sets[i], bytes, a, b);
		for (int j = 0; j < lengthof(large_bytes); j++)
			check_length(store, desc, sets[i], large_bytes[j], a, b);
	}
}
