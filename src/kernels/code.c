/*
 * code.c: making codes of residuals and bytes of centroids, and reading them back: what of it is not a loop
 * over floats (vector_template.h). No state, no locks.
 */
#include "postgres.h"

#include <math.h>

#include "code_kernels.h"

/* Shorter residuals have no inverse length that is sure to be finite: they count as zero. */
#define TINY_NORM 1e-33f
#define TINY_RANGE 1e-35f

void
pxd_quantise_u8(int dim, const float *v, float *scale, float *offset, uint8 *out)
{
	float		min;
	float		max;

	Assert(dim > 0);
	pxd_code_kernels.range(dim, v, &min, &max);
	/* adding zero makes -0 one with 0: which of them is found is up to the machine */
	*offset = min + 0.0f;
	*scale = (max - min) / 255.0f;
	if (max - min < TINY_RANGE)
	{
		*scale = 0.0f;
		memset(out, 0, dim);
		return;
	}
	pxd_code_kernels.quantise_u8(dim, v, 1.0f / *scale, *offset, out);
}

float
pxd_encode_t(int bits)
{
	/* found by maximising the cosine between Gaussian vectors of 768 dimensions and their codes */
	static const float best[] = {1.0f, 1.02f, 3.08f, 33.5f};

	return best[pxd_code_width_index(bits)];
}

/* Eight values of each plane go into eight bytes of a code: no value crosses into the next byte. */
static void
pack_levels(int bits, int dim, const uint8 *levels, uint8 *code)
{
	size_t		bytes = pxd_code_bytes(bits, dim);

	for (size_t i = 0; i < bytes; i += 8)
	{
		uint64		packed = 0;

		for (int plane = 0; plane * bits < 8; plane++)
		{
			uint64		eight;

			memcpy(&eight, levels + plane * bytes + i, 8);
			packed |= eight << (plane * bits);
		}
		memcpy(code + i, &packed, 8);
	}
}

static void
unpack_levels(int bits, int dim, const uint8 *code, uint8 *levels)
{
	size_t		bytes = pxd_code_bytes(bits, dim);
	uint64		mask = UINT64CONST(0x0101010101010101) * ((1 << bits) - 1);

	for (size_t i = 0; i < bytes; i += 8)
	{
		uint64		packed;

		memcpy(&packed, code + i, 8);
		for (int plane = 0; plane * bits < 8; plane++)
		{
			uint64		eight = (packed >> (plane * bits)) & mask;

			memcpy(levels + plane * bytes + i, &eight, 8);
		}
	}
}

void
pxd_encode_residual(int bits, int dim, const float *r, float norm, float t, uint8 *code,
					float *dot_yr, float *norm_y2)
{
	uint8		levels[CODE_MAX_DIM];
	int32		squares = 0;

	Assert(dim > 0 && dim <= CODE_MAX_DIM);
	if (norm < TINY_NORM)
	{
		memset(levels, 1 << (bits - 1), dim);
		*dot_yr = 0.0f;
	}
	else
		pxd_code_kernels.encode_levels(bits, dim, r, t * sqrtf((float) dim) / norm, levels, dot_yr, &squares);
	/* (k + 1/2)^2 = k^2 + k + 1/4 */
	*norm_y2 = (float) (squares + dim * 0.25);
	pack_levels(bits, dim, levels, code);
}

float
pxd_encode_best_t(int bits, int dim, const float *r, float norm)
{
	/* where the best t of Gaussian residuals of 64 and more dimensions lies, as a share of pxd_encode_t */
	static const float lowest[] = {1.0f, 0.84f, 0.80f, 0.88f};
	static const float highest[] = {1.0f, 1.10f, 1.22f, 1.60f};
	const int	steps = 10;
	int			width = pxd_code_width_index(bits);
	float		best_t = pxd_encode_t(bits);
	double		best_score = 0.0;

	Assert(dim > 0 && dim <= CODE_MAX_DIM);
	if (bits == 1 || norm < TINY_NORM)
		return best_t;
	for (int step = -1; step < steps; step++)
	{
		uint8		levels[CODE_MAX_DIM];
		float		share = step < 0 ? 1.0f : lowest[width] + (highest[width] - lowest[width]) * step / (steps - 1);
		float		t = pxd_encode_t(bits) * share;
		float		dot;
		int32		squares;
		double		score;

		pxd_code_kernels.encode_levels(bits, dim, r, t * sqrtf((float) dim) / norm, levels, &dot, &squares);
		score = (double) dot * dot / (squares + dim * 0.25);
		if (score > best_score)
		{
			best_score = score;
			best_t = t;
		}
	}
	return best_t;
}

void
pxd_decode_residual(int bits, int dim, const uint8 *code, float factor, float *out)
{
	uint8		levels[CODE_MAX_DIM];

	Assert(dim > 0 && dim <= CODE_MAX_DIM);
	unpack_levels(bits, dim, code, levels);
	pxd_code_kernels.decode_levels(dim, levels, ((1 << bits) - 1) * 0.5f, factor, out);
}
