/*
 * kernels.h: distance kernels over float4 and float16 arrays, and the distances built on them.
 *
 * Every kernel exists for several instruction sets (src/kernels). pxd_kernels_init chooses one set per
 * process. The order of the additions is part of the contract (kernels_template.h), and so is whether a product is
 * rounded before it is added. All sets with fused multiply-add, those of any processor since 2013 or so, return the same
 * bits, and so do all others: a standby or a worker computes what the primary did, unless only one of them has it.
 *
 * Arguments of every kernel: dim >= 0, pointers of any alignment that may be equal or overlap; only dim
 * elements are read. Float16 elements (half.h) are uint16. Kernels take no locks, allocate nothing, raise no errors and do not check for interrupts
 * (16,000 dimensions take about a microsecond). Sums are float4 and may overflow to infinity.
 */
#ifndef PXD_KERNELS_H
#define PXD_KERNELS_H

#include "postgres.h"

#include <math.h>

typedef float (*PairKernel) (int dim, const float *a, const float *b);
typedef double (*CosineKernel) (int dim, const float *a, const float *b);
typedef float (*HalfPairKernel) (int dim, const uint16 *a, const uint16 *b);
typedef double (*HalfCosineKernel) (int dim, const uint16 *a, const uint16 *b);

/* The kernels of one instruction set. */
typedef struct KernelSet
{
	const char *isa;			/* "scalar", "sse2", "avx2", "avx512f", "neon" */
	bool		fused;			/* products are not rounded before they are added */
	PairKernel	l2_squared;
	PairKernel	inner_product;
	PairKernel	l1;
	CosineKernel cosine;

	/* The same of float16 elements: what the kernels above return for the same values as floats. */
	HalfPairKernel half_l2_squared;
	HalfPairKernel half_inner_product;
	HalfPairKernel half_l1;
	HalfCosineKernel half_cosine;
} KernelSet;

#define MAX_KERNEL_SETS 5

/* The chosen set; empty until pxd_kernels_init has run, read only afterwards. */
extern KernelSet pxd_kernels;

/* Chooses the best set this processor and operating system support. Called once, by _PG_init. */
extern void pxd_kernels_init(void);

/* Fills sets (room for MAX_KERNEL_SETS) with those usable here, best last; returns how many. */
extern int	pxd_kernels_usable(const KernelSet **sets);

/* The set in plain C that returns the same bits as set. */
extern const KernelSet *pxd_kernels_reference(const KernelSet *set);

/* Sum of squared differences. */
static inline float
pxd_kernel_l2_squared(int dim, const float *a, const float *b)
{
	return pxd_kernels.l2_squared(dim, a, b);
}

/* Sum of products. */
static inline float
pxd_kernel_inner_product(int dim, const float *a, const float *b)
{
	return pxd_kernels.inner_product(dim, a, b);
}

/* Sum of absolute differences. */
static inline float
pxd_kernel_l1(int dim, const float *a, const float *b)
{
	return pxd_kernels.l1(dim, a, b);
}

/*
 * Cosine of the angle between a and b, kept within [-1, 1]; NaN if either is zero. dot, norm_a, norm_b: sums of a[i] * b[i], a[i] * a[i], b[i] * b[i].
 * Kernels call this: handing on three sums through memory costs a short vector a fifth of the call.
 */
static inline double
pxd_cosine_of_sums(float dot, float norm_a, float norm_b)
{
	double		similarity = (double) dot / sqrt((double) norm_a * (double) norm_b);

	/* both comparisons are false for NaN, which passes through */
	if (similarity > 1.0)
		return 1.0;
	if (similarity < -1.0)
		return -1.0;
	return similarity;
}

/*
 * The distances as SQL's operators return them. Operators, exact scans and reranking all call these, so
 * that equal means equal.
 */
static inline double
pxd_distance_l2(int dim, const float *a, const float *b)
{
	return sqrt((double) pxd_kernel_l2_squared(dim, a, b));
}

static inline double
pxd_distance_negative_ip(int dim, const float *a, const float *b)
{
	return -(double) pxd_kernel_inner_product(dim, a, b);
}

static inline double
pxd_distance_cosine(int dim, const float *a, const float *b)
{
	return 1.0 - pxd_kernels.cosine(dim, a, b);
}

static inline double
pxd_distance_l1(int dim, const float *a, const float *b)
{
	return (double) pxd_kernel_l1(dim, a, b);
}

/* The same of float16 elements. */
static inline double
pxd_half_distance_l2(int dim, const uint16 *a, const uint16 *b)
{
	return sqrt((double) pxd_kernels.half_l2_squared(dim, a, b));
}

static inline double
pxd_half_distance_negative_ip(int dim, const uint16 *a, const uint16 *b)
{
	return -(double) pxd_kernels.half_inner_product(dim, a, b);
}

static inline double
pxd_half_distance_cosine(int dim, const uint16 *a, const uint16 *b)
{
	return 1.0 - pxd_kernels.half_cosine(dim, a, b);
}

static inline double
pxd_half_distance_l1(int dim, const uint16 *a, const uint16 *b)
{
	return (double) pxd_kernels.half_l1(dim, a, b);
}

#endif
