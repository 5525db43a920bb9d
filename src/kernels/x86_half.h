/*
 * x86_half.h: parts of float16 elements for the x86-64 kernel sets with AVX2.
 */
#ifndef PXD_X86_HALF_H
#define PXD_X86_HALF_H

#include <immintrin.h>

/* Sixteen bytes from (shift_bytes + s) move what they shuffle down by s bytes and fill up with zeros. */
static const uint8 shift_bytes[32] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
	0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80
};

/*
 * The first n of eight elements at p and zeros behind them; n is at least 1 and may exceed 8. p lies in an array of dim
 * elements with n of them left: where there are eight, the last eight are loaded and moved, as no instruction
 * loads a part of 16-bit elements before AVX-512BW.
 */
__attribute__((target("avx2"))) static inline __m128i
load_eight_part(const uint16 *p, int n, int dim)
{
	uint64		low = 0;
	uint64		high = 0;

	if (n >= 8)
		return _mm_loadu_si128((const __m128i *) p);
	if (dim >= 8)
		return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *) (p + n - 8)),
								_mm_loadu_si128((const __m128i *) (shift_bytes + 2 * (8 - n))));
	/* in registers: what is stored in pieces cannot be loaded whole without waiting */
	for (int i = 0; i < Min(n, 4); i++)
		low |= (uint64) p[i] << (16 * i);
	for (int i = 4; i < n; i++)
		high |= (uint64) p[i] << (16 * (i - 4));
	return _mm_set_epi64x((int64) high, (int64) low);
}

#endif
