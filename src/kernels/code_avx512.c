/*
 * code_avx512.c: code kernels for x86-64 processors with AVX-512 and its byte dot products (VNNI).
 *
 * Only the functions are compiled for AVX-512, not the file: the library runs on any x86-64 and
 * pxd_kernels_init decides. No state, no locks.
 */
#include "postgres.h"

#include "code_sets.h"

#ifdef HAVE_X86_KERNELS

#include <immintrin.h>

#define KERNEL_TARGET	__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define KERNEL_SET		pxd_code_kernels_avx512
#define KERNEL_ISA		"avx512vnni"
#define WIDTH			16
#define REGISTER		"v"

/* Rows at once: rows and accumulators fill the 32 registers. */
#define GROUP_1			4
#define GROUP_2			4
#define GROUP_4			8
#define GROUP_8			8

/* The sums of the lanes of four vectors, each still spread over four lanes of 128 bits. */
KERNEL_TARGET static pg_attribute_always_inline __m512i
reduce_four(const __m512i *x)
{
	__m512i		x01 = _mm512_add_epi32(_mm512_unpacklo_epi32(x[0], x[1]), _mm512_unpackhi_epi32(x[0], x[1]));
	__m512i		x23 = _mm512_add_epi32(_mm512_unpacklo_epi32(x[2], x[3]), _mm512_unpackhi_epi32(x[2], x[3]));

	return _mm512_add_epi32(_mm512_unpacklo_epi64(x01, x23), _mm512_unpackhi_epi64(x01, x23));
}

/* The sums of the lanes of nrows (8, 4 or 1) vectors. */
KERNEL_TARGET static pg_attribute_always_inline void
reduce_rows(const int nrows, const __m512i *x, int32 *out)
{
	if (nrows == 8)
	{
		__m512i		a = reduce_four(x);
		__m512i		b = reduce_four(x + 4);
		__m512i		halves = _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x44), _mm512_shuffle_i32x4(a, b, 0xEE));
		__m512i		sums = _mm512_add_epi32(halves, _mm512_shuffle_i32x4(halves, halves, 0xB1));

		/* lanes 0 and 2 are the sums of a and of b */
		sums = _mm512_shuffle_i32x4(sums, sums, 0x08);
		_mm256_storeu_si256((__m256i *) out, _mm512_castsi512_si256(sums));
	}
	else if (nrows == 4)
	{
		__m512i		a = reduce_four(x);
		__m256i		half = _mm256_add_epi32(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1));

		_mm_storeu_si128((__m128i *) out,
						 _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1)));
	}
	else
		*out = _mm512_reduce_add_epi32(x[0]);
}

/* acc += the products of x's bytes, unsigned, and q's, four by four. As an intrinsic, gcc 12 copies accumulators. */
KERNEL_TARGET static pg_attribute_always_inline __m512i
add_products(__m512i acc, __m512i x, __m512i q)
{
	__asm__("vpdpbusd %2, %1, %0":"+v"(acc):"v"(x), "v"(q));
	return acc;
}

/* count bytes, zeros after them. 32 are common and loaded without a mask, which is faster. */
KERNEL_TARGET static pg_attribute_always_inline __m512i
load_count(const int count, __mmask64 valid, const void *p)
{
	if (count == 64)
		return _mm512_loadu_si512(p);
	if (count == 32)
		return _mm512_zextsi256_si512(_mm256_loadu_si256(p));
	return _mm512_maskz_loadu_epi8(valid, p);
}

/*
 * Adds the products of count (64, 32, or otherwise what valid says) bytes at i of each row with as many of each
 * plane of the query.
 *
 * A plane is masked but not shifted down: its products come out multiplied by a power of two, which one shift
 * of the accumulator takes back at the end. Planes therefore have accumulators of their own, except that the
 * upper four of eight planes are shifted onto the lower four. No sum overflows: a lane gets at most
 * 4 * 255 * 127 for each 64 bytes of a row and plane.
 */
KERNEL_TARGET static pg_attribute_always_inline void
dot_step(const int bits, const int nrows, const int count, __mmask64 valid, size_t bytes, size_t i,
		 const int8 *query, const uint8 *const *rows, __m512i (*acc)[8])
{
	__m512i		x[8];

#pragma GCC unroll 8
	for (int r = 0; r < nrows; r++)
		x[r] = load_count(count, valid, rows[r] + i);
#pragma GCC unroll 8
	for (int p = 0; p < 8 / bits; p++)
	{
		__m512i		q = load_count(count, valid, query + p * bytes + i);
		__m512i		mask = _mm512_set1_epi8((char) (((1 << bits) - 1) << (p % 4 * bits)));

#pragma GCC unroll 8
		for (int r = 0; r < nrows; r++)
		{
			if (p == 4)
				x[r] = _mm512_srli_epi16(x[r], 4);
			acc[p % 4][r] = add_products(acc[p % 4][r], bits == 8 ? x[r] : _mm512_and_si512(x[r], mask), q);
		}
	}
}

KERNEL_TARGET static pg_attribute_always_inline void
dot_rows(const int bits, const int nrows, int dim, const int8 *query, const uint8 *const *rows, int32 *out)
{
	const int	naccs = bits == 1 ? 4 : 8 / bits;
	size_t		bytes = (size_t) dim * bits / 8;
	size_t		i = 0;
	__m512i		acc[4][8];

#pragma GCC unroll 4
	for (int a = 0; a < naccs; a++)
	{
#pragma GCC unroll 8
		for (int r = 0; r < nrows; r++)
			acc[a][r] = _mm512_setzero_si512();
	}
	for (; i + 64 <= bytes; i += 64)
		dot_step(bits, nrows, 64, 0, bytes, i, query, rows, acc);
	if (bits <= 4 && i + 32 <= bytes)
	{
		dot_step(bits, nrows, 32, 0, bytes, i, query, rows, acc);
		i += 32;
	}
	if (bits <= 2 && i < bytes)
		dot_step(bits, nrows, 0, (UINT64CONST(1) << (bytes - i)) - 1, bytes, i, query, rows, acc);
#pragma GCC unroll 4
	for (int a = naccs - 1; a > 0; a--)
	{
#pragma GCC unroll 8
		for (int r = 0; r < nrows; r++)
			acc[a - 1][r] = _mm512_add_epi32(acc[a - 1][r], _mm512_srai_epi32(acc[a][r], bits));
	}
	reduce_rows(nrows, acc[0], out);
}

#include "code_dot_template.h"

#define vec_max(x, y)	((Vec) _mm512_max_ps((__m512) (x), (__m512) (y)))
#define vec_min(x, y)	((Vec) _mm512_min_ps((__m512) (x), (__m512) (y)))
#define load_bytes(p)	((VecInt) _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *) (p))))

#include "vector_template.h"

#endif
