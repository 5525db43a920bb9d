/*
 * scalar.c: distance kernels in plain C: the reference the others are tested against, and what runs on
 * processors that have no set of their own.
 *
 * The order of additions is the one kernels_template.h fixes. No state, no locks.
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
add_block(Block *sum, const Block *terms)
{
	for (int j = 0; j < LANES; j++)
		sum->lane[j] += terms->lane[j];
}

/* Products go through memory: the compiler must not fuse them with the additions that follow. */
static inline void
multiply_blocks(Block *product, const Block *x, const Block *y)
{
	for (int j = 0; j < LANES; j++)
		product->lane[j] = x->lane[j] * y->lane[j];
	__asm__("":"+m"(*product));
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
	return sum->lane[0];
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
		multiply_blocks(&vb, &va, &va);
		add_block(&sum, &vb);
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
		multiply_blocks(&va, &va, &vb);
		add_block(&sum, &va);
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
			va.lane[j] = fabsf(va.lane[j]);
		add_block(&sum, &va);
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

static void
cosine_sums(int dim, const float *a, const float *b, CosineSums *sums)
{
	sums->dot = inner_product(dim, a, b);
	sums->norm_a = inner_product(dim, a, a);
	sums->norm_b = inner_product(dim, b, b);
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

static void
half_cosine_sums(int dim, const uint16 *a, const uint16 *b, CosineSums *sums)
{
	sums->dot = half_inner_product(dim, a, b);
	sums->norm_a = half_inner_product(dim, a, a);
	sums->norm_b = half_inner_product(dim, b, b);
}

DEFINE_KERNEL_SET(pxd_kernels_scalar, "scalar");
