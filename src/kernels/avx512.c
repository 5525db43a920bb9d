/*
 * avx512.c: distance kernels for x86-64 processors with AVX-512F, BW and VL, sixteen floats at a time.
 *
 * Only the functions are compiled for AVX-512, not the file: the library runs on any x86-64 and
 * pxd_kernels_init decides. No state, no locks.
 */
#include "postgres.h"

#include "kernel_sets.h"

#ifdef HAVE_X86_KERNELS

#include <immintrin.h>

#define KERNEL_TARGET	__attribute__((target("avx512f,avx512bw,avx512vl")))
#define VEC				__m512
#define WIDTH			16
#define EACH(OP)		OP(0) OP(1)
#define REDUCE(acc)		reduce(acc##0, acc##1)

#define vec_zero()		_mm512_setzero_ps()
#define vec_add(x, y)	_mm512_add_ps(x, y)
#define vec_sub(x, y)	_mm512_sub_ps(x, y)
#define vec_abs(x)		_mm512_abs_ps(x)

/* The first n floats at p, zeros after them; n may be outside 0 .. 16. Masked-off memory is not touched. */
KERNEL_TARGET static inline __m512
load_floats_part(const float *p, int n)
{
	int			valid = Max(0, Min(n, 16));

	return _mm512_maskz_loadu_ps((__mmask16) ((1u << valid) - 1), p);
}

/* The same of float16 elements. */
KERNEL_TARGET static inline __m512
load_halfs_part(const uint16 *p, int n)
{
	int			valid = Max(0, Min(n, 16));

	return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16((__mmask16) ((1u << valid) - 1), p));
}

/* The empty asm hides where the product came from, so that the compiler does not fuse it (AVX-512F could). */
KERNEL_TARGET static inline __m512
vec_mul(__m512 x, __m512 y)
{
	__m512		product = _mm512_mul_ps(x, y);

	__asm__("":"+v"(product));
	return product;
}

KERNEL_TARGET static inline float
reduce(__m512 acc0, __m512 acc1)
{
	__m512		sixteen = _mm512_add_ps(acc0, acc1);
	__m256		high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(sixteen), 1));
	__m256		eight = _mm256_add_ps(_mm512_castps512_ps256(sixteen), high);
	__m128		four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
	__m128		two = _mm_add_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

#define KERNEL(name)	name
#define ELEMENT			float
#define vec_load(p)		_mm512_loadu_ps(p)
#define vec_load_part(p, n) load_floats_part(p, n)
#include "kernels_template.h"

#define KERNEL(name)	half_##name
#define ELEMENT			uint16
#define vec_load(p)		_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) (p)))
#define vec_load_part(p, n) load_halfs_part(p, n)
#include "kernels_template.h"

DEFINE_KERNEL_SET(pxd_kernels_avx512, "avx512f");

#endif
