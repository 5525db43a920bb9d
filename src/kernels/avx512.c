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

#define KERNEL_TARGET	__attribute__((target("avx512f,avx512bw,avx512vl,bmi2")))
#define VEC				__m512
#define WIDTH			16
#define EACH(OP)		OP(0) OP(1)
#define COMBINE(acc)	vec_add(acc##0, acc##1)

#define vec_zero()		_mm512_setzero_ps()
#define vec_add(x, y)	_mm512_add_ps(x, y)
#define vec_sub(x, y)	_mm512_sub_ps(x, y)
#define vec_abs(x)		_mm512_abs_ps(x)
#define vec_add_product(acc, x, y) _mm512_fmadd_ps(x, y, acc)

/* The first n of sixteen bits; n may exceed 16. */
#define FIRST(n)		((__mmask16) _bzhi_u32(0xFFFF, n))

/* The first n floats at p, zeros after them; n is at least 1 and may exceed 16. Masked-off memory is not touched. */
KERNEL_TARGET static inline __m512
load_floats_part(const float *p, int n)
{
	return _mm512_maskz_loadu_ps(FIRST(n), p);
}

/* The same of float16 elements. */
KERNEL_TARGET static inline __m512
load_halfs_part(const uint16 *p, int n)
{
	return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(FIRST(n), p));
}

KERNEL_TARGET static inline float
sum_lanes(__m512 sixteen)
{
	__m256		high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(sixteen), 1));
	__m256		eight = _mm256_add_ps(_mm512_castps512_ps256(sixteen), high);
	__m128		four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
	__m128		two = _mm_add_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

/* The cosine of three sums, whose lanes are halved together, in a vector for as long as there are enough of them. */
KERNEL_TARGET static inline double
sum_lanes_cosine(__m512 dot, __m512 na, __m512 nb)
{
	__m512		eights = _mm512_add_ps(_mm512_shuffle_f32x4(dot, na, 0x44), _mm512_shuffle_f32x4(dot, na, 0xEE));
	__m512		nb_eight = _mm512_add_ps(nb, _mm512_shuffle_f32x4(nb, nb, 0xEE));
	__m512		fours = _mm512_add_ps(_mm512_shuffle_f32x4(eights, nb_eight, 0x88),
									  _mm512_shuffle_f32x4(eights, nb_eight, 0xDD));
	__m512		twos = _mm512_add_ps(fours, _mm512_permute_ps(fours, 0x4E));
	__m512		ones = _mm512_add_ps(twos, _mm512_permute_ps(twos, 0xB1));

	return pxd_cosine_of_sums(_mm512_cvtss_f32(ones), _mm_cvtss_f32(_mm512_extractf32x4_ps(ones, 1)),
							  _mm_cvtss_f32(_mm512_extractf32x4_ps(ones, 2)));
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

DEFINE_KERNEL_SET(pxd_kernels_avx512, "avx512f", true);

#endif
