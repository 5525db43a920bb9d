/*
 * neon.c: distance kernels for arm64, four floats at a time.
 *
 * Every arm64 processor has NEON, so nothing is chosen at run time there. No state, no locks.
 */
#include "postgres.h"

#include "kernel_sets.h"

#ifdef HAVE_NEON_KERNELS

#include <arm_neon.h>

#define KERNEL_TARGET
#define VEC				float32x4_t
#define WIDTH			4
#define EACH(OP)		OP(0) OP(1) OP(2) OP(3) OP(4) OP(5) OP(6) OP(7)
#define COMBINE(acc) \
	vec_add(vec_add(vec_add(acc##0, acc##4), vec_add(acc##2, acc##6)), \
			vec_add(vec_add(acc##1, acc##5), vec_add(acc##3, acc##7)))

#define vec_zero()		vdupq_n_f32(0.0f)
#define vec_add(x, y)	vaddq_f32(x, y)
#define vec_sub(x, y)	vsubq_f32(x, y)
#define vec_abs(x)		vabsq_f32(x)
#define vec_add_product(acc, x, y) vfmaq_f32(acc, x, y)

/* The first n floats at p, zeros after them; n is at least 1 and may exceed 4. Memory behind them is not touched. */
static inline float32x4_t
load_floats_part(const float *p, int n)
{
	float		part[4] = {0};

	if (n >= 4)
		return vld1q_f32(p);
	memcpy(part, p, n * sizeof(float));
	return vld1q_f32(part);
}

/* Four float16 elements as floats, which needs no more than basic NEON. */
static inline float32x4_t
load_halfs(const uint16 *p)
{
	return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}

/* As load_floats_part. */
static inline float32x4_t
load_halfs_part(const uint16 *p, int n)
{
	uint16		part[4] = {0};

	if (n >= 4)
		return load_halfs(p);
	for (int i = 0; i < n; i++)
		part[i] = p[i];
	return load_halfs(part);
}

static inline float
sum_lanes(float32x4_t four)
{
	float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));

	return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}

static inline double
sum_lanes_cosine(float32x4_t dot, float32x4_t na, float32x4_t nb)
{
	return pxd_cosine_of_sums(sum_lanes(dot), sum_lanes(na), sum_lanes(nb));
}

#define KERNEL(name)	name
#define ELEMENT			float
#define vec_load(p)		vld1q_f32(p)
#define vec_load_part(p, n) load_floats_part(p, n)
#include "kernels_template.h"

#define KERNEL(name)	half_##name
#define ELEMENT			uint16
#define vec_load(p)		load_halfs(p)
#define vec_load_part(p, n) load_halfs_part(p, n)
#include "kernels_template.h"

DEFINE_KERNEL_SET(pxd_kernels_neon, "neon", true);

#endif
