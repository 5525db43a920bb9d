/*
 * kernels_template.h: the distance kernels, written once for every SIMD instruction set.
 *
 * A file of one instruction set defines the following and then includes this header, which defines the four
 * kernels as static functions and finally the KernelSet called KERNEL_SET with the name KERNEL_ISA:
 *
 *   KERNEL_TARGET           function attribute that switches the instruction set on
 *   VEC                     vector of WIDTH floats
 *   EACH(OP)                OP(0) OP(1) ... once for each of the LANES / WIDTH accumulators
 *   vec_zero, vec_load, vec_load_part, vec_add, vec_sub, vec_abs   what they say
 *   vec_mul                 a product that the compiler cannot fuse with a following addition
 *   REDUCE(acc)             the sum of the lanes of accumulators acc0, acc1, ..., by halving
 *
 * The result is defined to the last bit, for all instruction sets alike:
 *
 *   element i is added to lane i % LANES, in the order of i, each product rounded before it is added;
 *   then lane j + LANES/2 is added to lane j, then j + LANES/4, and so on down to one.
 *
 * Fused multiply-add would be a little more exact and, on some processors only, a little faster; rounding
 * products is what machines without it can do as well. Lanes beyond dim load as zero and add +0, which
 * changes no accumulator (none is ever -0).
 */
#include "kernels.h"

#define LANES 32

StaticAssertDecl(LANES % WIDTH == 0, "kernels: lanes are spread evenly over the accumulators");

#define DECLARE_ACC(k)		VEC acc##k = vec_zero();
#define DECLARE_NORMS(k)	VEC na##k = vec_zero(), nb##k = vec_zero();

#define LOAD_FULL(p, k)		vec_load((p) + i + (k) * WIDTH)
#define LOAD_TAIL(p, k)		vec_load_part((p) + i + (k) * WIDTH, dim - i - (k) * WIDTH)

#define L2_STEP(k, load) \
	{ \
		VEC		diff = vec_sub(load(a, k), load(b, k)); \
\
		acc##k = vec_add(acc##k, vec_mul(diff, diff)); \
	}
#define L2_FULL(k)			L2_STEP(k, LOAD_FULL)
#define L2_TAIL(k)			L2_STEP(k, LOAD_TAIL)

#define IP_STEP(k, load)	acc##k = vec_add(acc##k, vec_mul(load(a, k), load(b, k)));
#define IP_FULL(k)			IP_STEP(k, LOAD_FULL)
#define IP_TAIL(k)			IP_STEP(k, LOAD_TAIL)

#define L1_STEP(k, load)	acc##k = vec_add(acc##k, vec_abs(vec_sub(load(a, k), load(b, k))));
#define L1_FULL(k)			L1_STEP(k, LOAD_FULL)
#define L1_TAIL(k)			L1_STEP(k, LOAD_TAIL)

#define COSINE_STEP(k, load) \
	{ \
		VEC		va = load(a, k); \
		VEC		vb = load(b, k); \
\
		acc##k = vec_add(acc##k, vec_mul(va, vb)); \
		na##k = vec_add(na##k, vec_mul(va, va)); \
		nb##k = vec_add(nb##k, vec_mul(vb, vb)); \
	}
#define COSINE_FULL(k)		COSINE_STEP(k, LOAD_FULL)
#define COSINE_TAIL(k)		COSINE_STEP(k, LOAD_TAIL)

KERNEL_TARGET static float
l2_squared(int dim, const float *a, const float *b)
{
	int			i = 0;
	EACH(DECLARE_ACC)

	for (; i + LANES <= dim; i += LANES)
	{
		EACH(L2_FULL)
	}
	if (i < dim)
	{
		EACH(L2_TAIL)
	}
	return REDUCE(acc);
}

KERNEL_TARGET static float
inner_product(int dim, const float *a, const float *b)
{
	int			i = 0;
	EACH(DECLARE_ACC)

	for (; i + LANES <= dim; i += LANES)
	{
		EACH(IP_FULL)
	}
	if (i < dim)
	{
		EACH(IP_TAIL)
	}
	return REDUCE(acc);
}

KERNEL_TARGET static float
l1(int dim, const float *a, const float *b)
{
	int			i = 0;
	EACH(DECLARE_ACC)

	for (; i + LANES <= dim; i += LANES)
	{
		EACH(L1_FULL)
	}
	if (i < dim)
	{
		EACH(L1_TAIL)
	}
	return REDUCE(acc);
}

KERNEL_TARGET static void
cosine_sums(int dim, const float *a, const float *b, CosineSums *sums)
{
	int			i = 0;
	EACH(DECLARE_ACC)
	EACH(DECLARE_NORMS)

	for (; i + LANES <= dim; i += LANES)
	{
		EACH(COSINE_FULL)
	}
	if (i < dim)
	{
		EACH(COSINE_TAIL)
	}
	sums->dot = REDUCE(acc);
	sums->norm_a = REDUCE(na);
	sums->norm_b = REDUCE(nb);
}

const KernelSet KERNEL_SET = {
	.isa = KERNEL_ISA,
	.l2_squared = l2_squared,
	.inner_product = inner_product,
	.l1 = l1,
	.cosine_sums = cosine_sums,
};
