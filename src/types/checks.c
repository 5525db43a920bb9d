/*
 * checks.c: the checks of dimensions and elements that every source of vectors shares.
 *
 * No state, no locks.
 */
#include "postgres.h"

#include <math.h>

#include "types_internal.h"

/* Exponent bits of a float4; all set in NaN and infinity only. */
#define FLOAT4_EXPONENT 0x7F800000

void
pxd_types_too_many_dimensions(const char *type, int max_dim)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("%s cannot have more than %d dimensions", type, max_dim)));
}

void
pxd_types_check_dim(const char *type, int dim, int max_dim)
{
	if (dim < 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s must have at least one dimension", type)));
	if (dim > max_dim)
		pxd_types_too_many_dimensions(type, max_dim);
}

void
pxd_types_check_typmod(const char *type, int32 typmod, int dim)
{
	if (typmod != -1 && typmod != dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s must have %d dimensions, not %d", type, typmod, dim)));
}

void
pxd_types_check_finite(const char *type, const float4 *x, int count)
{
	bool		suspect = false;

	/* no early exit, so that the usual case is a loop without branches */
	for (int i = 0; i < count; i++)
	{
		uint32		bits;

		memcpy(&bits, &x[i], sizeof(bits));
		suspect |= (bits & FLOAT4_EXPONENT) == FLOAT4_EXPONENT;
	}
	if (likely(!suspect))
		return;

	for (int i = 0; i < count; i++)
	{
		if (isnan(x[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("%s cannot contain NaN", type),
					 errdetail("Element %d is NaN.", i + 1)));
		if (isinf(x[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("%s cannot contain infinity", type),
					 errdetail("Element %d is infinite.", i + 1)));
	}
}

void
pxd_types_dims_differ(const char *type, int a, int b)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("%ss differ in their number of dimensions: %d and %d", type, a, b)));
}

void
pxd_types_check_unused(const char *type, int unused)
{
	if (unused != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("unused field of a binary %s must be 0, not %d", type, unused)));
}

int32
pxd_types_typmod_in(const char *type, ArrayType *modifiers, int max_dim)
{
	int			count;
	int32	   *values = ArrayGetIntegerTypmods(modifiers, &count);

	if (count != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("type %s takes one modifier, its number of dimensions", type)));
	if (values[0] < 1 || values[0] > max_dim)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("type %s cannot have %d dimensions", type, values[0]),
				 errdetail("Dimensions range from 1 to %d.", max_dim)));
	return values[0];
}
