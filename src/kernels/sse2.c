/*
 * sse2.c: distance kernels for every x86-64 processor, four floats at a time.
 *
 * For old processors and for virtual machines that hide AVX. Cosine needs more registers than there are and
 * spills; it still beats the scalar kernel several times. No state, no locks.
 */
#include "postgres.h"

#include "kernel_sets.h"

#ifdef HAVE_X86_KERNELS

#include <immintrin.h>

#include "half.h"

#define KERNEL_TARGET	__attribute__((target("sse2")))
#define VEC				__m128
#define WIDTH			4
#define EACH(OP)		OP(0) OP(1) OP(2) OP(3) OP(4) OP(5) OP(6) OP(7)
#define COMBINE(acc) \
	vec_add(vec_add(vec_add(acc##0, acc##4), vec_add(acc##2, acc##6)), \
			vec_add(vec_add(acc##1, acc##5), vec_add(acc##3, acc##7)))

#define vec_zero()		_mm_setzero_ps()
#define vec_add(x, y)	_mm_add_ps(x, y)
#define vec_sub(x, y)	_mm_sub_ps(x, y)
#define vec_abs(x)		_mm_andnot_ps(_mm_set1_ps(-0.0f), x)
#define vec_add_product(acc, x, y) vec_add(acc, vec_mul(x, y))

/* The first n floats at p, zeros after them; n is at least 1 and may exceed 4. Memory behind them is not touched. */
static inline __m128
load_floats_part(const float *p, int n)
{
	float		part[4] = {0};

	if (n >= 4)
		return _mm_loadu_ps(p);
	memcpy(part, p, n * sizeof(float));
	return _mm_loadu_ps(part);
}

/* Four float16 elements as floats, by the arithmetic of pxd_half_to_float. */
static inline __m128
load_halfs(const uint16 *p)
{
	__m128i		halfs = _mm_unpacklo_epi16(_mm_loadl_epi64((const __m128i *) p), _mm_setzero_si128());
	__m128i		magnitude = _mm_and_si128(halfs, _mm_set1_epi32(HALF_MAGNITUDE));
	__m128i		sign = _mm_slli_epi32(_mm_xor_si128(halfs, magnitude), 16);
	__m128i		rebias = _mm_set1_epi32(HALF_REBIAS);
	__m128i		special = _mm_cmpgt_epi32(magnitude, _mm_set1_epi32(HALF_EXPONENT - 1));
	__m128i		normal = _mm_add_epi32(_mm_add_epi32(_mm_slli_epi32(magnitude, 13), rebias),
									   _mm_and_si128(special, rebias));
	__m128i		is_tiny = _mm_cmplt_epi32(magnitude, _mm_set1_epi32(HALF_FIRST_NORMAL));
	__m128i		tiny = _mm_castps_si128(_mm_mul_ps(_mm_cvtepi32_ps(magnitude), _mm_set1_ps(HALF_UNIT)));

	tiny = _mm_or_si128(_mm_and_si128(is_tiny, tiny), _mm_andnot_si128(is_tiny, normal));
	return _mm_castsi128_ps(_mm_or_si128(sign, tiny));
}

/* As load_floats_part. */
static inline __m128
load_halfs_part(const uint16 *p, int n)
{
	uint16		part[4] = {0};

	if (n >= 4)
		return load_halfs(p);
	for (int i = 0; i < n; i++)
		part[i] = p[i];
	return load_halfs(part);
}

/* The empty asm hides where the product came from, so that no flag lets the compiler fuse it. */
static inline __m128
vec_mul(__m128 x, __m128 y)
{
	__m128		product = _mm_mul_ps(x, y);

	__asm__("":"+x"(product));
	return product;
}

static inline float
sum_lanes(__m128 four)
{
	__m128		two = _mm_add_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

static inline double
sum_lanes_cosine(__m128 dot, __m128 na, __m128 nb)
{
	return pxd_cosine_of_sums(sum_lanes(dot), sum_lanes(na), sum_lanes(nb));
}

#define KERNEL(name)	name
#define ELEMENT			float
#define vec_load(p)		_mm_loadu_ps(p)
#define vec_load_part(p, n) load_floats_part(p, n)
#include "kernels_template.h"

#define KERNEL(name)	half_##name
#define ELEMENT			uint16
#define vec_load(p)		load_halfs(p)
#define vec_load_part(p, n) load_halfs_part(p, n)
#include "kernels_template.h"

DEFINE_KERNEL_SET(pxd_kernels_sse2, "sse2", false);

#endif
