/*
 * half_check.c: checks the conversions from and to float16 for every bit pattern, for proximadb.kernel_check().
 *
 * No state, no locks.
 */
#include "postgres.h"

#include <math.h>

#include "utils/float.h"

#include "half.h"
#include "kernel_check.h"
#include "kernels.h"

/* The value of a finite float16 number, by its definition. */
static double
half_value(uint16 half)
{
	int			exponent = (half & HALF_EXPONENT) >> 10;
	int			fraction = half & 0x03FF;
	double		magnitude = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);

	return half & 0x8000 ? -magnitude : magnitude;
}

/* Lanes of a whole step and one more, so that each pattern is read at some lane, or in the tail. */
#define CHECK_HALF_DIMS 33

/* Adds a row: whether set's kernels read every finite float16 number right. 0 or infinity for the error. */
static void
check_half_to_float(Tuplestorestate *store, TupleDesc desc, const KernelSet *set)
{
	uint16		ones[CHECK_HALF_DIMS];
	uint16		halfs[CHECK_HALF_DIMS] = {0};
	double		error = 0.0;

	for (int i = 0; i < CHECK_HALF_DIMS; i++)
		ones[i] = 0x3C00;
	for (int pattern = 0; pattern <= PG_UINT16_MAX; pattern++)
	{
		int			place = pattern % CHECK_HALF_DIMS;

		if (pxd_half_is_special((uint16) pattern))
			continue;
		halfs[place] = (uint16) pattern;
		if (set->half_inner_product(CHECK_HALF_DIMS, halfs, ones) != half_value((uint16) pattern))
			error = get_float8_infinity();
		halfs[place] = 0;
	}
	pxd_kernel_check_row(store, desc, "half_to_float", set->isa, CHECK_HALF_DIMS, error, 0.0);
}

/*
 * Adds a row: whether every finite float16 number, the middle between it and the next, and the floats beside that
 * middle are rounded to float16 right. 0 or infinity for the error.
 */
static void
check_float_to_half(Tuplestorestate *store, TupleDesc desc)
{
	bool		ok = true;

	for (int sign = 0; sign <= 0x8000; sign += 0x8000)
	{
		for (int half = 0; half < HALF_EXPONENT; half++)
		{
			double		here = half_value((uint16) half);
			double		next = half + 1 < HALF_EXPONENT ? half_value((uint16) (half + 1)) : 65536.0;
			float		middle = (float) (here + (next - here) / 2);
			float		factor = sign != 0 ? -1.0f : 1.0f;

			ok &= pxd_float_to_half((float) here * factor) == (sign | half);
			ok &= pxd_float_to_half(nextafterf(middle, 0.0f) * factor) == (sign | half);
			ok &= pxd_float_to_half(middle * factor) == (sign | (half + (half & 1)));
			ok &= pxd_float_to_half(nextafterf(middle, 1e6f) * factor) == (sign | (half + 1));
		}
	}
	pxd_kernel_check_row(store, desc, "float_to_half", "scalar", 1, ok ? 0.0 : get_float8_infinity(), 0.0);
}

void
pxd_half_conversions_check(Tuplestorestate *store, TupleDesc desc)
{
	const KernelSet *sets[MAX_KERNEL_SETS];
	int			nsets = pxd_kernels_usable(sets);

	check_float_to_half(store, desc);
	for (int i = 0; i < nsets; i++)
		check_half_to_float(store, desc, sets[i]);
}
