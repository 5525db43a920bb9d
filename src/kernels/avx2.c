/*
 * avx2.c: distance kernels for x86-64 processors with AVX2 and F16C, eight floats at a time.
 *
 * Only the functions are compiled for AVX2, not the file: the library runs on any x86-64 and pxd_kernels_init
 * decides. No state, no locks.
 */
#include "postgres.h"

#include "kernel_sets.h"

#ifdef HAVE_X86_KERNELS

#include "x86_half.h"

#define KERNEL_TARGET	__attribute__((target("avx2,f16c")))
#define VEC				__m256
#define WIDTH			8
#define EACH(OP)		OP(0) OP(1) OP(2) OP(3)
#define REDUCE(acc)		reduce(acc##0, acc##1, acc##2, acc##3)

#define vec_zero()		_mm256_setzero_ps()
#define vec_add(x, y)	_mm256_add_ps(x, y)
#define vec_sub(x, y)	_mm256_sub_ps(x, y)
#define vec_abs(x)		_mm256_andnot_ps(_mm256_set1_ps(-0.0f), x)

/* Eight words from (mask_words + 8 - n) have their sign bit set in the first n of them. */
static const int32 mask_words[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

/* The first n floats at p, zeros after them; n may be outside 0 .. 8. Masked-off memory is not touched. */
KERNEL_TARGET static inline __m256
load_floats_part(const float *p, int n)
{
	int			valid = Max(0, Min(n, 8));

	return _mm256_maskload_ps(p, _mm256_loadu_si256((const __m256i *) (mask_words + 8 - valid)));
}

/* The empty asm hides where the product came from, so that no flag lets the compiler fuse it. */
KERNEL_TARGET static inline __m256
vec_mul(__m256 x, __m256 y)
{
	__m256		product = _mm256_mul_ps(x, y);

	__asm__("":"+x"(product));
	return product;
}

KERNEL_TARGET static inline float
reduce(__m256 acc0, __m256 acc1, __m256 acc2, __m256 acc3)
{
	__m256		eight = _mm256_add_ps(_mm256_add_ps(acc0, acc2), _mm256_add_ps(acc1, acc3));
	__m128		four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
	__m128		two = _mm_add_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

#define KERNEL(name)	name
#define ELEMENT			float
#define vec_load(p)		_mm256_loadu_ps(p)
#define vec_load_part(p, n) load_floats_part(p, n)
#include "kernels_template.h"

#define KERNEL(name)	half_##name
#define ELEMENT			uint16
#define vec_load(p)		_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) (p)))
#define vec_load_part(p, n) _mm256_cvtph_ps(load_eight_part(p, n, dim))
#include "kernels_template.h"

DEFINE_KERNEL_SET(pxd_kernels_avx2, "avx2");

#endif
