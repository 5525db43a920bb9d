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
 *   vec_load_part           the first n elements and zeros behind them; n is at least 1 and may exceed WIDTH
 *   vec_zero, vec_add, vec_sub, vec_abs   what they say
 *   vec_add_product(acc, x, y)   x * y + acc, rounded once if the set is fused, else after each step
 *   COMBINE(acc)            the sum of accumulators acc0, acc1, ..., by halving
 *   sum_lanes(x)            the sum of the lanes of x, by halving
 *   sum_lanes_cosine(dot, na, nb)   the same of three vectors, and pxd_cosine_of_sums of them
 *
 * The result is defined to the last bit, for all fused instruction sets alike, and for all others:
 *
 *   element i is added to lane i % LANES, in the order of i;
 *   then lane j + LANES/2 is added to lane j, then j + LANES/4, and so on down to one.
 *
 * Lanes beyond dim load as zero and add +0, which changes no accumulator but one of -0, the product of tiny numbers.
 * Accumulators that would get nothing else are left out, and a sum of -0 becomes +0. Float16 elements become floats, which is exact, before
 * anything else, so their kernels return what those for floats return for the same values.
 */
#include "kernels.h"

#define LANES 32

StaticAssertDecl(LANES % WIDTH == 0, "kernels: lanes are spread evenly over the accumulators");

#define DECLARE_ACC(k)		VEC acc##k = vec_zero();
#define DECLARE_NORMS(k)	VEC na##k = vec_zero(), nb##k = vec_zero();

#define LOAD_FULL(p, k)		vec_load((p) + (k) * WIDTH)
#define LOAD_PART(p, k)		vec_load_part((p) + (k) * WIDTH, left - (k) * WIDTH)

#define L2_STEP(k, load) \
	{ \
		VEC		diff = vec_sub(load(a, k), load(b, k)); \
\
		acc##k = vec_add_product(acc##k, diff, diff); \
	}
#define L2_FULL(k)			L2_STEP(k, LOAD_FULL)
#define L2_PART(k)			if (left > (k) * WIDTH) L2_STEP(k, LOAD_PART)

#define IP_STEP(k, load)	acc##k = vec_add_product(acc##k, load(a, k), load(b, k));
#define IP_FULL(k)			IP_STEP(k, LOAD_FULL)
#define IP_PART(k)			if (left > (k) * WIDTH) IP_STEP(k, LOAD_PART)

#define L1_STEP(k, load)	acc##k = vec_add(acc##k, vec_abs(vec_sub(load(a, k), load(b, k))));
#define L1_FULL(k)			L1_STEP(k, LOAD_FULL)
#define L1_PART(k)			if (left > (k) * WIDTH) L1_STEP(k, LOAD_PART)

#define COSINE_STEP(k, load) \
	{ \
		VEC		va = load(a, k); \
		VEC		vb = load(b, k); \
\
		acc##k = vec_add_product(acc##k, va, vb); \
		na##k = vec_add_product(na##k, va, va); \
		nb##k = vec_add_product(nb##k, vb, vb); \
	}
#define COSINE_FULL(k)		COSINE_STEP(k, LOAD_FULL)
#define COSINE_PART(k)		if (left > (k) * WIDTH) COSINE_STEP(k, LOAD_PART)

/* Takes all elements to their lanes; left is how many are still to come. */
#define TAKE_ALL(FULL, PART) \
	for (; left >= LANES; left -= LANES, a += LANES, b += LANES) \
	{ \
		EACH(FULL) \
	} \
	EACH(PART)

/* A pair kernel; vectors that fit one accumulator are so short that all else is overhead. */
#define DEFINE_PAIR_KERNEL(name, STEP, FULL, PART) \
KERNEL_TARGET static float \
KERNEL(name) (int dim, const ELEMENT *a, const ELEMENT *b) \
{ \
	int			left = dim; \
\
	if (dim <= WIDTH) \
	{ \
		DECLARE_ACC(0) \
		STEP(0, LOAD_PART) \
		return sum_lanes(acc0) + 0.0f; \
	} \
	else \
	{ \
		EACH(DECLARE_ACC) \
		TAKE_ALL(FULL, PART) \
		return sum_lanes(COMBINE(acc)) + 0.0f; \
	} \
}

DEFINE_PAIR_KERNEL(l2_squared, L2_STEP, L2_FULL, L2_PART)
DEFINE_PAIR_KERNEL(inner_product, IP_STEP, IP_FULL, IP_PART)
DEFINE_PAIR_KERNEL(l1, L1_STEP, L1_FULL, L1_PART)

KERNEL_TARGET static double
KERNEL(cosine) (int dim, const ELEMENT *a, const ELEMENT *b)
{
	int			left = dim;

	if (dim <= WIDTH)
	{
		DECLARE_ACC(0)
		DECLARE_NORMS(0)
		COSINE_STEP(0, LOAD_PART)
		return sum_lanes_cosine(acc0, na0, nb0);
	}
	else
	{
		EACH(DECLARE_ACC)
		EACH(DECLARE_NORMS)
		TAKE_ALL(COSINE_FULL, COSINE_PART)
		return sum_lanes_cosine(COMBINE(acc), COMBINE(na), COMBINE(nb));
	}
}

#undef KERNEL
#undef ELEMENT
#undef vec_load
#undef vec_load_part
