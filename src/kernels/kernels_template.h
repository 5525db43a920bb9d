/*
 * kernels_template.h: the distance kernels, written once for every SIMD instruction set and kind of element.
 *
 * A file of one instruction set defines the following and then includes this header, which defines the four
 * kernels as static functions: once for float4, once for float16 elements. DEFINE_KERNEL_SET of kernel_sets.h
 * gathers all of them.
 *
 *   KERNEL_TARGET           function attribute that switches the instruction set on
 *   KERNEL(name)            the name of a kernel's function
 *   ELEMENT                 C type of an element: float, or uint16 for float16
 *   VEC                     vector of WIDTH floats
 *   EACH(OP)                OP(0) OP(1) ... once for each of the LANES / WIDTH accumulators
 *   vec_load                WIDTH elements, as floats
 *   vec_load_part           the first n elements and zeros behind them; n may be outside 0 .. WIDTH
 *   vec_zero, vec_add, vec_sub, vec_abs   what they say
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
 * changes no accumulator (none is ever -0). Float16 elements become floats, which is exact, before anything
 * else, so their kernels return what those for floats return for the same values.
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
KERNEL(l2_squared) (int dim, const ELEMENT *a, const ELEMENT *b)
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
KERNEL(inner_product) (int dim, const ELEMENT *a, const ELEMENT *b)
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
KERNEL(l1) (int dim, const ELEMENT *a, const ELEMENT *b)
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
KERNEL(cosine_sums) (int dim, const ELEMENT *a, const ELEMENT *b, CosineSums *sums)
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

#undef KERNEL
#undef ELEMENT
#undef vec_load
#undef vec_load_part
