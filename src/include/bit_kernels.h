/*
 * bit_kernels.h: kernels that count bits of bit strings, and the distances built on them.
 *
 * As with the distance kernels (kernels.h), one set is chosen per process; counts are exact, so all return the
 * same. Pointers may have any alignment, be equal or overlap; only the named bytes are read. Bits behind the end
 * of a bit string in its last byte must be 0, as Postgres keeps them. Kernels take no locks, allocate nothing,
 * raise no errors and do not check for interrupts (a gigabyte takes less than a second).
 */
#ifndef PXD_BIT_KERNELS_H
#define PXD_BIT_KERNELS_H

#include "postgres.h"

/* What Jaccard distance is made of. */
typedef struct BitCounts
{
	uint64		both;			/* bits set in a and in b */
	uint64		either;			/* bits set in a or in b */
} BitCounts;

/* The kernels of one instruction set. */
typedef struct BitKernelSet
{
	const char *isa;			/* "scalar", "popcnt", "avx512vpopcntdq", "neon" */
	uint64		(*differing) (Size bytes, const uint8 *a, const uint8 *b);
	void		(*counts) (Size bytes, const uint8 *a, const uint8 *b, BitCounts *counts);
} BitKernelSet;

#define MAX_BIT_KERNEL_SETS 3

/* The chosen set; empty until pxd_kernels_init has run, read only afterwards. */
extern BitKernelSet pxd_bit_kernels;

/* Fills sets (room for MAX_BIT_KERNEL_SETS) with those usable here, best last, scalar first; returns how many. */
extern int	pxd_bit_kernels_usable(const BitKernelSet **sets);

/* Number of bits that differ. */
static inline double
pxd_distance_hamming(Size bytes, const uint8 *a, const uint8 *b)
{
	return (double) pxd_bit_kernels.differing(bytes, a, b);
}

/* The share of the bits set in a or b that is not set in both; 1 if no bit is set in both, also where none is set. */
static inline double
pxd_distance_jaccard(Size bytes, const uint8 *a, const uint8 *b)
{
	BitCounts	counts;

	pxd_bit_kernels.counts(bytes, a, b, &counts);
	return counts.both == 0 ? 1.0 : 1.0 - (double) counts.both / (double) counts.either;
}

#endif
