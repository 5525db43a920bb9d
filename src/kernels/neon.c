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
#define REDUCE(acc)		reduce(acc##0, acc##1, acc##2, acc##3, acc##4, acc##5, acc##6, acc##7)

#define vec_zero()		vdupq_n_f32(0.0f)
#define vec_add(x, y)	vaddq_f32(x, y)
#define vec_sub(x, y)	vsubq_f32(x, y)
#define vec_abs(x)		vabsq_f32(x)

/* The first n floats at p, zeros after them; n may be outside 0 .. 4. Memory behind them is not touched. */
static inline float32x4_t
load_floats_part(const float *p, int n)
{
	float		part[4] = {0};

	if (n >= 4)
		return vld1q_f32(p);
	if (n > 0)
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

/* The empty asm hides where the product came from, so that the compiler does not fuse it (arm64 could). */
static inline float32x4_t
vec_mul(float32x4_t x, float32x4_t y)
{
	float32x4_t product = vmulq_f32(x, y);

	__asm__("":"+w"(product));
	return product;
}

static inline float
reduce(float32x4_t acc0, float32x4_t acc1, float32x4_t acc2, float32x4_t acc3,
	   float32x4_t acc4, float32x4_t acc5, float32x4_t acc6, float32x4_t acc7)
{
	float32x4_t lower = vaddq_f32(vaddq_f32(acc0, acc4), vaddq_f32(acc2, acc6));
	float32x4_t upper = vaddq_f32(vaddq_f32(acc1, acc5), vaddq_f32(acc3, acc7));
	float32x4_t four = vaddq_f32(lower, upper);
	float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));

	return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
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

DEFINE_KERNEL_SET(pxd_kernels_neon, "neon");

#endif
