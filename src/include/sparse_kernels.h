/*
 * sparse_kernels.h: distance kernels over sparse vectors, and the distances built on them.
 *
 * The result is defined to the last bit, for all instruction sets and either order of a and b. It is made of three sums of rounded terms, each
 * spread over eight lanes: elements of a whose index b has not, element i in lane i % 8; likewise those of b; and common indices, the nth of
 * them in lane n % 8. Within a lane, terms are added in ascending order. Then the three are added, lane by lane, those of a and of b first; lane j + 4 is added to
 * lane j, then j + 2, then j + 1. An inner product has common indices only. The norms of a cosine are inner products of kernels.h over the values.
 *
 * A SparseElements has count elements with ascending indices >= 0, without duplicates; damaged ones give arbitrary
 * results, but no other memory is touched. Kernels take no locks, allocate nothing, raise no errors and do not check for
 * interrupts (16,000 elements take some 100 microseconds).
 */
#ifndef PXD_SPARSE_KERNELS_H
#define PXD_SPARSE_KERNELS_H

#include "postgres.h"

#include <math.h>

#include "kernels.h"

typedef struct SparseElements
{
	int			count;
	const int32 *indices;
	const float *values;
} SparseElements;

/* The kernels of one instruction set. */
typedef struct SparseKernelSet
{
	const char *isa;			/* "scalar", "avx512f" */
	float		(*inner_product) (const SparseElements *a, const SparseElements *b);
	float		(*l2_squared) (const SparseElements *a, const SparseElements *b);
	float		(*l1) (const SparseElements *a, const SparseElements *b);
} SparseKernelSet;

#define MAX_SPARSE_KERNEL_SETS 2

/* The chosen set; empty until pxd_kernels_init has run, read only afterwards. */
extern SparseKernelSet pxd_sparse_kernels;

/* Fills sets (room for MAX_SPARSE_KERNEL_SETS) with those usable here, best last, scalar first; returns how many. */
extern int	pxd_sparse_kernels_usable(const SparseKernelSet **sets);

/* Sum of squared differences. */
extern float pxd_sparse_l2_squared(const SparseElements *a, const SparseElements *b);

/* Sum of products. */
extern float pxd_sparse_inner_product(const SparseElements *a, const SparseElements *b);

/* Sum of absolute differences. */
extern float pxd_sparse_l1(const SparseElements *a, const SparseElements *b);

/* pxd_cosine_of_sums. */
extern double pxd_sparse_cosine(const SparseElements *a, const SparseElements *b);

/* The distances as SQL's operators return them. */
static inline double
pxd_sparse_distance_l2(const SparseElements *a, const SparseElements *b)
{
	return sqrt((double) pxd_sparse_l2_squared(a, b));
}

static inline double
pxd_sparse_distance_negative_ip(const SparseElements *a, const SparseElements *b)
{
	return -(double) pxd_sparse_inner_product(a, b);
}

static inline double
pxd_sparse_distance_cosine(const SparseElements *a, const SparseElements *b)
{
	return 1.0 - pxd_sparse_cosine(a, b);
}

static inline double
pxd_sparse_distance_l1(const SparseElements *a, const SparseElements *b)
{
	return (double) pxd_sparse_l1(a, b);
}

#endif
