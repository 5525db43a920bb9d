/*
 * code_neon.c: code kernels for arm64, sixteen bytes at a time.
 *
 * Every arm64 processor has NEON, so nothing is chosen at run time there. No state, no locks.
 */
#include "postgres.h"

#include "code_sets.h"

#ifdef HAVE_NEON_KERNELS

#include <arm_neon.h>

#define KERNEL_TARGET
#define KERNEL_SET		pxd_code_kernels_neon
#define KERNEL_ISA		"neon"
#define WIDTH			4
#define REGISTER		"w"

#define GROUP_1			4
#define GROUP_2			4
#define GROUP_4			4
#define GROUP_8			4

/* Sixteen bytes, or eight and zeros after them. */
static pg_attribute_always_inline int8x16_t
load_count(const bool whole, const void *p)
{
	return whole ? vld1q_s8(p) : vcombine_s8(vld1_s8(p), vdup_n_s8(0));
}

/* acc + the products of x and q, the upper eight added to the lower eight */
static pg_attribute_always_inline int16x8_t
add_products(int16x8_t acc, int8x16_t x, int8x16_t q)
{
	return vmlal_high_s8(vmlal_s8(acc, vget_low_s8(x), vget_low_s8(q)), x, q);
}

/* Adds the products of 16 or 8 bytes of each row and plane in 16 bits; bits is less than 8. */
static pg_attribute_always_inline void
dot_step(const int bits, const int nrows, const bool whole, size_t bytes, size_t i, const int8 *query,
		 const uint8 *const *rows, int16x8_t *acc)
{
	uint8x16_t	mask = vdupq_n_u8((1 << bits) - 1);
	uint8x16_t	x[4];

#pragma GCC unroll 4
	for (int r = 0; r < nrows; r++)
		x[r] = vreinterpretq_u8_s8(load_count(whole, rows[r] + i));
#pragma GCC unroll 8
	for (int p = 0; p < 8 / bits; p++)
	{
		int8x16_t	q = load_count(whole, query + p * bytes + i);

#pragma GCC unroll 4
		for (int r = 0; r < nrows; r++)
			acc[r] = add_products(acc[r], vreinterpretq_s8_u8(vandq_u8(vshlq_u8(x[r], vdupq_n_s8(-p * bits)), mask)), q);
	}
}

/*
 * Products of codes of up to 4 bits are added up in 16 bits, which hold 17 products of 15 and 127 and more of
 * smaller ones, and moved to 32 bits before they could overflow.
 */
static pg_attribute_always_inline void
dot_narrow(const int bits, const int nrows, size_t bytes, const int8 *query, const uint8 *const *rows,
		   int32x4_t *sums)
{
	/* bytes between two moves: each 16 add 4 products of up to 15 * 127, 8 of 3 * 127, or 16 of 127 */
	const size_t span = bits == 4 ? 4 * 16 : 8 * 16;

	for (size_t start = 0; start < bytes; start += span)
	{
		size_t		end = Min(start + span, bytes);
		size_t		i = start;
		int16x8_t	acc[4];

#pragma GCC unroll 4
		for (int r = 0; r < nrows; r++)
			acc[r] = vdupq_n_s16(0);
		for (; i + 16 <= end; i += 16)
			dot_step(bits, nrows, true, bytes, i, query, rows, acc);
		if (bits == 1 && i < end)
			dot_step(bits, nrows, false, bytes, i, query, rows, acc);
#pragma GCC unroll 4
		for (int r = 0; r < nrows; r++)
			sums[r] = vpadalq_s16(sums[r], acc[r]);
	}
}

/*
 * There is no product of unsigned and signed bytes: 128 is taken from each code, and 128 times the sum of the
 * query is added back. 16 bits hold two products of -128 and 127.
 */
static pg_attribute_always_inline void
dot_bytes(const int nrows, size_t bytes, const int8 *query, const uint8 *const *rows, int32x4_t *sums)
{
	uint8x16_t	flip = vdupq_n_u8(0x80);
	int32x4_t	query_sum = vdupq_n_s32(0);

	for (size_t i = 0; i < bytes; i += 16)
	{
		int8x16_t	q = vld1q_s8(query + i);

		query_sum = vpadalq_s16(query_sum, vpaddlq_s8(q));
#pragma GCC unroll 4
		for (int r = 0; r < nrows; r++)
		{
			int8x16_t	x = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(rows[r] + i), flip));

			sums[r] = vpadalq_s16(sums[r], add_products(vdupq_n_s16(0), x, q));
		}
	}
#pragma GCC unroll 4
	for (int r = 0; r < nrows; r++)
		sums[r] = vaddq_s32(sums[r], vshlq_n_s32(query_sum, 7));
}

static pg_attribute_always_inline void
dot_rows(const int bits, const int nrows, int dim, const int8 *query, const uint8 *const *rows, int32 *out)
{
	size_t		bytes = (size_t) dim * bits / 8;
	int32x4_t	sums[4];

#pragma GCC unroll 4
	for (int r = 0; r < nrows; r++)
		sums[r] = vdupq_n_s32(0);
	if (bits == 8)
		dot_bytes(nrows, bytes, query, rows, sums);
	else
		dot_narrow(bits, nrows, bytes, query, rows, sums);
	if (nrows == 4)
		vst1q_s32(out, vpaddq_s32(vpaddq_s32(sums[0], sums[1]), vpaddq_s32(sums[2], sums[3])));
	else
		*out = vaddvq_s32(sums[0]);
}

#include "code_dot_template.h"

#define vec_max(x, y)	((Vec) vmaxq_f32((float32x4_t) (x), (float32x4_t) (y)))
#define vec_min(x, y)	((Vec) vminq_f32((float32x4_t) (x), (float32x4_t) (y)))

#include "vector_template.h"

#endif
