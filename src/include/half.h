/*
 * half.h: IEEE 754 binary16 numbers ("half precision"), as uint16, and their conversions in plain C.
 *
 * The conversions are exact or correctly rounded for every bit pattern, as the processors' own are, so that a
 * value does not depend on the machine. proximadb.kernel_check() compares them with the kernels' conversions.
 */
#ifndef PXD_HALF_H
#define PXD_HALF_H

#include "postgres.h"

/* Exponent bits; all set in NaN and infinity only. */
#define HALF_EXPONENT	0x7C00
#define HALF_MAGNITUDE	0x7FFF

/* What is added to an exponent on the way to float4, in place: the biases differ by 112. */
#define HALF_REBIAS		(112u << 23)

/* The largest magnitude below the normal numbers, which begin at 2^-14, is 1023 times 2^-24. */
#define HALF_FIRST_NORMAL 0x0400
#define HALF_UNIT		5.9604644775390625e-08f	/* 2^-24 */

/* Exact. Written without branches, so that loops over it can be vectorised. */
static inline float
pxd_half_to_float(uint16 half)
{
	uint32		magnitude = half & HALF_MAGNITUDE;
	uint32		sign = (uint32) (half ^ magnitude) << 16;
	uint32		normal = (magnitude << 13) + HALF_REBIAS + (magnitude >= HALF_EXPONENT ? HALF_REBIAS : 0);
	float		tiny = (float) (int32) magnitude * HALF_UNIT;
	uint32		bits;
	float		result;

	memcpy(&bits, &tiny, sizeof(bits));
	bits = sign | (magnitude < HALF_FIRST_NORMAL ? bits : normal);
	memcpy(&result, &bits, sizeof(result));
	return result;
}

/*
 * Rounds to the nearest half, to the even one of two as near; from 65520 on that is infinity. NaN stays NaN.
 *
 * Below 2^-14 the steps of halfs are those of floats in [0.5, 1): adding 0.5 makes the processor round there, and
 * leaves the result in the lowest bits. Above, half a step less the parity of the last bit kept is added before the
 * rest is cut off.
 */
static inline uint16
pxd_float_to_half(float value)
{
	uint32		bits;
	uint32		magnitude;
	uint32		sign;

	memcpy(&bits, &value, sizeof(bits));
	magnitude = bits & 0x7FFFFFFF;
	sign = (bits ^ magnitude) >> 16;

	if (magnitude >= 0x47800000)	/* 65536, infinity, NaN */
		return (uint16) (sign | (magnitude > 0x7F800000 ? 0x7E00 : HALF_EXPONENT));
	if (magnitude < 0x38800000)		/* 2^-14 */
	{
		float		sum;

		memcpy(&sum, &magnitude, sizeof(sum));
		sum += 0.5f;
		memcpy(&magnitude, &sum, sizeof(magnitude));
		return (uint16) (sign | (magnitude - 0x3F000000));
	}
	magnitude += 0x0FFF + ((magnitude >> 13) & 1);
	return (uint16) (sign | ((magnitude - HALF_REBIAS) >> 13));
}

/* NaN or infinite. */
static inline bool
pxd_half_is_special(uint16 half)
{
	return (half & HALF_EXPONENT) == HALF_EXPONENT;
}

#endif
