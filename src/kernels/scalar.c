/*
 * scalar.c: distance kernels in plain C: the reference the others are tested against, and what runs on
 * processors that have no set of their own.
 *
 * The order of additions is the one kernels_template.h fixes. No state, no locks.
 */
#include "postgres.h"

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

static inline void
load_block(Block *block, const float *p, int remaining)
{
	if (likely(remaining >= LANES))
		memcpy(block->lane, p, sizeof(block->lane));
	else
	{
		memset(block->lane, 0, sizeof(block->lane));
		memcpy(block->lane, p, remaining * sizeof(float));
	}
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

static float
l2_squared(int dim, const float *a, const float *b)
{
	Block		sum = {{0}};
	Block		va;
	Block		vb;

	for (int i = 0; i < dim; i += LANES)
	{
		load_block(&va, a + i, dim - i);
		load_block(&vb, b + i, dim - i);
		subtract_blocks(&va, &va, &vb);
		multiply_blocks(&vb, &va, &va);
		add_block(&sum, &vb);
	}
	return reduce(&sum);
}

static float
inner_product(int dim, const float *a, const float *b)
{
	Block		sum = {{0}};
	Block		va;
	Block		vb;

	for (int i = 0; i < dim; i += LANES)
	{
		load_block(&va, a + i, dim - i);
		load_block(&vb, b + i, dim - i);
		multiply_blocks(&va, &va, &vb);
		add_block(&sum, &va);
	}
	return reduce(&sum);
}

static float
l1(int dim, const float *a, const float *b)
{
	Block		sum = {{0}};
	Block		va;
	Block		vb;

	for (int i = 0; i < dim; i += LANES)
	{
		load_block(&va, a + i, dim - i);
		load_block(&vb, b + i, dim - i);
		subtract_blocks(&va, &va, &vb);
		for (int j = 0; j < LANES; j++)
			va.lane[j] = fabsf(va.lane[j]);
		add_block(&sum, &va);
	}
	return reduce(&sum);
}

static void
cosine_sums(int dim, const float *a, const float *b, CosineSums *sums)
{
	sums->dot = inner_product(dim, a, b);
	sums->norm_a = inner_product(dim, a, a);
	sums->norm_b = inner_product(dim, b, b);
}

const KernelSet pxd_kernels_scalar = {
	.isa = "scalar",
	.l2_squared = l2_squared,
	.inner_product = inner_product,
	.l1 = l1,
	.cosine_sums = cosine_sums,
};
