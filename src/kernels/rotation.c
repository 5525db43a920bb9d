/*
 * rotation.c: random rotations that spread what a vector holds evenly over its dimensions.
 *
 * A rotation is four rounds of random signs and Hadamard transforms (vector_template.h): n log n instead of
 * n^2 operations, and nothing to store but a seed. It is part of what an index has on disk: the generator,
 * the rounds and the order of the additions may not change. No locks; memory is the caller's.
 */
#include "postgres.h"

#include <math.h>

#include "code_kernels.h"

#define ROUNDS 4

/* splitmix64: a generator of public domain, the same on every machine. */
static uint64
next_random(uint64 *state)
{
	uint64		z = (*state += UINT64CONST(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64CONST(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

Rotation *
pxd_rotation_create(int dim_in, uint64 seed)
{
	int			dim = pxd_rotation_dim(dim_in);
	Rotation   *rotation = palloc(offsetof(Rotation, signs) + (size_t) ROUNDS * dim);
	uint64		state = seed;

	Assert(dim_in > 0 && dim <= CODE_MAX_DIM);
	rotation->dim_in = dim_in;
	rotation->dim = dim;
	rotation->hadamard = CODE_DIM_STEP;
	while (rotation->hadamard * 2 <= dim)
		rotation->hadamard *= 2;

	/*
	 * Each transform of n elements is to be divided by sqrt(n), each step of sums and differences by sqrt(2).
	 * What falls on all elements alike is left to the end, where it is a power of two and exact.
	 */
	if (rotation->hadamard == dim)
	{
		rotation->round_scale = 1.0f;
		rotation->final_scale = 1.0f / ((float) dim * (float) dim);
	}
	else
	{
		rotation->round_scale = 1.0f / sqrtf((float) rotation->hadamard);
		rotation->final_scale = 0.25f;
	}
	for (int i = 0; i < ROUNDS * dim; i += 64)
	{
		uint64		bits = next_random(&state);

		for (int j = 0; j < 64; j++)
			rotation->signs[i + j] = ((bits >> j) & 1) ? 0x80 : 0;
	}
	return rotation;
}
