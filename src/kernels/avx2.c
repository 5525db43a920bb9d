/*
 * avx2.c: distance kernels for x86-64 processors with AVX2, FMA and F16C, eight floats at a time.
 *
 * Only the functions are compiled for AVX2, not the file: the library runs on any x86-64 and pxd_kernels_init
 * decides. No state, no locks.
 */
#include "postgres.h"

#include "kernel_sets.h"

#ifdef HAVE_X86_KERNELS

#include "x86_half.h"

#define KERNEL_TARGET	__attribute__((target("avx2,fma,f16c")))
#define VEC				__m256
#define WIDTH			8
#define EACH(OP)		OP(0) OP(1) OP(2) OP(3)
#define COMBINE(acc)	vec_add(vec_add(acc##0, acc##2), vec_add(acc##1, acc##3))

#define vec_zero()		_mm256_setzero_ps()
#define vec_add(x, y)	_mm256_add_ps(x, y)
#define vec_sub(x, y)	_mm256_sub_ps(x, y)
#define vec_abs(x)		_mm256_andnot_ps(_mm256_set1_ps(-0.0f), x)
#define vec_add_product(acc, x, y) _mm256_fmadd_ps(x, y, acc)

/* Eight words from (mask_words + 8 - n) have their sign bit set in the first n of them. */
static const int32 mask_words[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

/* The first n floats at p, zeros after them; n is at least 1 and may exceed 8. Masked-off memory is not touched. */
KERNEL_TARGET static inline __m256
load_floats_part(const float *p, int n)
{
	return _mm256_maskload_ps(p, _mm256_loadu_si256((const __m256i *) (mask_words + 8 - Min(n, 8))));
}

KERNEL_TARGET static inline float
sum_lanes(__m256 eight)
{
	__m128		four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
	__m128		two = _mm_add_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

/* The cosine of three sums, halved together: two of them share a vector for as long as they can. */
KERNEL_TARGET static inline double
sum_lanes_cosine(__m256 dot, __m256 na, __m256 nb)
{
	__m256		fours = _mm256_add_ps(_mm256_permute2f128_ps(dot, na, 0x20), _mm256_permute2f128_ps(dot, na, 0x31));
	__m256		twos = _mm256_add_ps(fours, _mm256_permute_ps(fours, 0x4E));
	__m256		ones = _mm256_add_ps(twos, _mm256_permute_ps(twos, 0xB1));

	return pxd_cosine_of_sums(_mm256_cvtss_f32(ones), _mm_cvtss_f32(_mm256_extractf128_ps(ones, 1)), sum_lanes(nb));
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

DEFINE_KERNEL_SET(pxd_kernels_avx2, "avx2", true);

#endif
