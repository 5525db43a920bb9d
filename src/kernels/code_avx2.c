/*
 * code_avx2.c: code kernels for x86-64 processors with AVX2.
 *
 * Only the functions are compiled for AVX2, not the file: the library runs on any x86-64 and pxd_kernels_init
 * decides. No state, no locks.
 */
#include "postgres.h"

#include "code_sets.h"

#ifdef HAVE_X86_KERNELS

#include <immintrin.h>

#define KERNEL_TARGET	__attribute__((target("avx2")))
#define KERNEL_SET		pxd_code_kernels_avx2
#define KERNEL_ISA		"avx2"
#define WIDTH			8
#define REGISTER		"x"

#define GROUP_1			4
#define GROUP_2			4
#define GROUP_4			4
#define GROUP_8			4

/* Eight words from (mask_words + 8 - n) have their sign bit set in the first n of them. */
static const int32 mask_words[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

/* The sums of the lanes of nrows (4 or 1) vectors. */
KERNEL_TARGET static pg_attribute_always_inline void
reduce_rows(const int nrows, const __m256i *x, int32 *out)
{
	if (nrows == 4)
	{
		__m256i		x01 = _mm256_hadd_epi32(x[0], x[1]);
		__m256i		x23 = _mm256_hadd_epi32(x[2], x[3]);
		__m256i		sums = _mm256_hadd_epi32(x01, x23);

		_mm_storeu_si128((__m128i *) out,
						 _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1)));
	}
	else
	{
		__m128i		four = _mm_add_epi32(_mm256_castsi256_si128(x[0]), _mm256_extracti128_si256(x[0], 1));
		__m128i		two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));

		*out = _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 1)));
	}
}

/* 32 bytes, or the first words words and zeros after them. */
KERNEL_TARGET static pg_attribute_always_inline __m256i
load_words(const bool whole, int words, const void *p)
{
	if (whole)
		return _mm256_loadu_si256(p);
	return _mm256_maskload_epi32(p, _mm256_loadu_si256((const __m256i *) (mask_words + 8 - words)));
}

/* Adds the products of 32 bytes, or of words words, of each row and plane in 16 bits; bits is less than 8. */
KERNEL_TARGET static pg_attribute_always_inline void
dot_step(const int bits, const int nrows, const bool whole, size_t bytes, size_t i, const int8 *query,
		 const uint8 *const *rows, __m256i *acc)
{
	int			words = (int) (bytes - i) / 4;
	__m256i		mask = _mm256_set1_epi8((1 << bits) - 1);
	__m256i		x[4];

#pragma GCC unroll 4
	for (int r = 0; r < nrows; r++)
		x[r] = load_words(whole, words, rows[r] + i);
#pragma GCC unroll 8
	for (int p = 0; p < 8 / bits; p++)
	{
		__m256i		q = load_words(whole, words, query + p * bytes + i);

#pragma GCC unroll 4
		for (int r = 0; r < nrows; r++)
		{
			__m256i		plane = _mm256_and_si256(p == 0 ? x[r] : _mm256_srli_epi16(x[r], p * bits), mask);

			acc[r] = _mm256_add_epi16(acc[r], _mm256_maddubs_epi16(plane, q));
		}
	}
}

/*
 * Products of codes of up to 4 bits are added up in 16 bits, which hold 8 pairs of products of 15 and 127 and
 * more of smaller ones, and moved to 32 bits before they could overflow.
 */
KERNEL_TARGET static pg_attribute_always_inline void
dot_narrow(const int bits, const int nrows, size_t bytes, const int8 *query, const uint8 *const *rows,
		   __m256i *sums)
{
	/* bytes between two moves: each 32 add 2 pairs of up to 15 * 127, 4 of 3 * 127, or 8 of 127 */
	const size_t span = bits == 4 ? 4 * 32 : 8 * 32;
	__m256i		ones = _mm256_set1_epi16(1);

	for (size_t start = 0; start < bytes; start += span)
	{
		size_t		end = Min(start + span, bytes);
		size_t		i = start;
		__m256i		acc[4];

#pragma GCC unroll 4
		for (int r = 0; r < nrows; r++)
			acc[r] = _mm256_setzero_si256();
		for (; i + 32 <= end; i += 32)
			dot_step(bits, nrows, true, bytes, i, query, rows, acc);
		if (bits < 4 && i < end)
			dot_step(bits, nrows, false, bytes, i, query, rows, acc);
#pragma GCC unroll 4
		for (int r = 0; r < nrows; r++)
			sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(acc[r], ones));
	}
}

/* Pairs of products of bytes do not fit 16 bits: even and odd bytes are widened first. */
KERNEL_TARGET static pg_attribute_always_inline void
dot_bytes(const int nrows, size_t bytes, const int8 *query, const uint8 *const *rows, __m256i *sums)
{
	__m256i		low = _mm256_set1_epi16(0xFF);

	for (size_t i = 0; i < bytes; i += 32)
	{
		__m256i		q = _mm256_loadu_si256((const __m256i *) (query + i));
		__m256i		q_even = _mm256_srai_epi16(_mm256_slli_epi16(q, 8), 8);
		__m256i		q_odd = _mm256_srai_epi16(q, 8);

#pragma GCC unroll 4
		for (int r = 0; r < nrows; r++)
		{
			__m256i		x = _mm256_loadu_si256((const __m256i *) (rows[r] + i));
			__m256i		even = _mm256_madd_epi16(_mm256_and_si256(x, low), q_even);
			__m256i		odd = _mm256_madd_epi16(_mm256_srli_epi16(x, 8), q_odd);

			sums[r] = _mm256_add_epi32(sums[r], _mm256_add_epi32(even, odd));
		}
	}
}

KERNEL_TARGET static pg_attribute_always_inline void
dot_rows(const int bits, const int nrows, int dim, const int8 *query, const uint8 *const *rows, int32 *out)
{
	size_t		bytes = (size_t) dim * bits / 8;
	__m256i		sums[4];

#pragma GCC unroll 4
	for (int r = 0; r < nrows; r++)
		sums[r] = _mm256_setzero_si256();
	if (bits == 8)
		dot_bytes(nrows, bytes, query, rows, sums);
	else
		dot_narrow(bits, nrows, bytes, query, rows, sums);
	reduce_rows(nrows, sums, out);
}

#include "code_dot_template.h"

#define vec_max(x, y)	((Vec) _mm256_max_ps((__m256) (x), (__m256) (y)))
#define vec_min(x, y)	((Vec) _mm256_min_ps((__m256) (x), (__m256) (y)))
#define load_bytes(p)	((VecInt) _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *) (p))))
#define store_bytes(p, x) store_low_bytes(p, (__m256i) (x))

KERNEL_TARGET static pg_attribute_always_inline void
store_low_bytes(uint8 *p, __m256i x)
{
	__m256i		low = _mm256_shuffle_epi8(x, _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
															  0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));

	_mm_storel_epi64((__m128i *) p,
					 _mm_unpacklo_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1)));
}

#include "vector_template.h"

#endif
