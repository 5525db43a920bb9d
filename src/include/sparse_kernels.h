/*
 * sparse_kernels.h: distance kernels over sparse vectors, and the distances built on them.
 *
 * The result of each is, to the last bit, that of the kernel in kernels.h for the same vectors with their zeros written
 * out: what is added to which lane, and in which order, follows from the index alone, and zeros change nothing.
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

/* Sum of squared differences. */
extern float pxd_sparse_l2_squared(const SparseElements *a, const SparseElements *b);

/* Sum of products. */
extern float pxd_sparse_inner_product(const SparseElements *a, const SparseElements *b);

/* Sum of absolute differences. */
extern float pxd_sparse_l1(const SparseElements *a, const SparseElements *b);

/* The three sums from which pxd_cosine_similarity follows. */
extern void pxd_sparse_cosine_sums(const SparseElements *a, const SparseElements *b, CosineSums *sums);

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
	CosineSums	sums;

	pxd_sparse_cosine_sums(a, b, &sums);
	return 1.0 - pxd_cosine_similarity(&sums);
}

static inline double
pxd_sparse_distance_l1(const SparseElements *a, const SparseElements *b)
{
	return (double) pxd_sparse_l1(a, b);
}

#endif
