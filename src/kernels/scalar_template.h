/*
 * scalar_template.h: distance kernels in plain C, once for each way to add products up.
 *
 * A file defines FUSED, 1 if x * y + z is to be rounded once and 0 if the product is, too, and includes this header, which
 * defines all kernels as static functions. The order of additions is the one kernels_template.h fixes.
 */
#include "postgres.h"

#include "half.h"
#include "kernel_sets.h"

#define LANES 32

/*
 * Lanes of one step: copied out of the arrays, which may be unaligned, and padded with zeros behind the
 * last.
 */
typedef struct Block
{
	float		lane[LANES];
} Block;

/* Loads elements i and following of the dim elements of x. */
typedef void (*LoadBlock) (Block *block, const void *x, int i, int dim);

static inline void
load_floats(Block *block, const void *x, int i, int dim)
{
	const float *p = (const float *) x + i;

	if (likely(dim - i >= LANES))
		memcpy(block->lane, p, sizeof(block->lane));
	else
	{
		memset(block->lane, 0, sizeof(block->lane));
		memcpy(block->lane, p, (dim - i) * sizeof(float));
	}
}

static inline void
load_halfs(Block *block, const void *x, int i, int dim)
{
	uint16		halfs[LANES] = {0};

	if (likely(dim - i >= LANES))
		memcpy(halfs, (const uint16 *) x + i, sizeof(halfs));
	else
		memcpy(halfs, (const uint16 *) x + i, (dim - i) * sizeof(uint16));
	for (int j = 0; j < LANES; j++)
		block->lane[j] = pxd_half_to_float(halfs[j]);
}

static inline void
add_products(Block *sum, const Block *x, const Block *y)
{
#if FUSED
	for (int j = 0; j < LANES; j++)
		sum->lane[j] = fmaf(x->lane[j], y->lane[j], sum->lane[j]);
#else
	Block		product;

	for (int j = 0; j < LANES; j++)
		product.lane[j] = x->lane[j] * y->lane[j];
	/* through memory: the compiler must not fuse products with the additions */
	__asm__("":"+m"(product));
	for (int j = 0; j < LANES; j++)
		sum->lane[j] += product.lane[j];
#endif
}

static inline void
subtract_blocks(Block *difference, const Block *x, const Block *y)
{
	for (int j = 0; j < LANES; j++)
		difference->lane[j] = x->lane[j] - y->lane[j];
}

static float
reduce(Block *sum)
{
	for (int half = LANES / 2; half > 0; half /= 2)
	{
		for (int j = 0; j < half; j++)
			sum->lane[j] += sum->lane[j + half];
	}
	return sum->lane[0] + 0.0f;		/* not -0 */
}

/*
 * The kernels for any kind of element: inlined into the functions below, where load is known.
 */
static pg_attribute_always_inline float
any_l2_squared(int dim, const void *a, const void *b, LoadBlock load)
{
	Block		sum = {{0}};
	Block		va;
	Block		vb;

	for (int i = 0; i < dim; i += LANES)
	{
		load(&va, a, i, dim);
		load(&vb, b, i, dim);
		subtract_blocks(&va, &va, &vb);
		add_products(&sum, &va, &va);
	}
	return reduce(&sum);
}

static pg_attribute_always_inline float
any_inner_product(int dim, const void *a, const void *b, LoadBlock load)
{
	Block		sum = {{0}};
	Block		va;
	Block		vb;

	for (int i = 0; i < dim; i += LANES)
	{
		load(&va, a, i, dim);
		load(&vb, b, i, dim);
		add_products(&sum, &va, &vb);
	}
	return reduce(&sum);
}

static pg_attribute_always_inline float
any_l1(int dim, const void *a, const void *b, LoadBlock load)
{
	Block		sum = {{0}};
	Block		va;
	Block		vb;

	for (int i = 0; i < dim; i += LANES)
	{
		load(&va, a, i, dim);
		load(&vb, b, i, dim);
		subtract_blocks(&va, &va, &vb);
		for (int j = 0; j < LANES; j++)
			sum.lane[j] += fabsf(va.lane[j]);
	}
	return reduce(&sum);
}

static float
l2_squared(int dim, const float *a, const float *b)
{
	return any_l2_squared(dim, a, b, load_floats);
}

static float
inner_product(int dim, const float *a, const float *b)
{
	return any_inner_product(dim, a, b, load_floats);
}

static float
l1(int dim, const float *a, const float *b)
{
	return any_l1(dim, a, b, load_floats);
}

static double
cosine(int dim, const float *a, const float *b)
{
	return pxd_cosine_of_sums(inner_product(dim, a, b), inner_product(dim, a, a), inner_product(dim, b, b));
}

static float
half_l2_squared(int dim, const uint16 *a, const uint16 *b)
{
	return any_l2_squared(dim, a, b, load_halfs);
}

static float
half_inner_product(int dim, const uint16 *a, const uint16 *b)
{
	return any_inner_product(dim, a, b, load_halfs);
}

static float
half_l1(int dim, const uint16 *a, const uint16 *b)
{
	return any_l1(dim, a, b, load_halfs);
}

static double
half_cosine(int dim, const uint16 *a, const uint16 *b)
{
	return pxd_cosine_of_sums(half_inner_product(dim, a, b), half_inner_product(dim, a, a), half_inner_product(dim, b, b));
}
