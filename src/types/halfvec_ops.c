/*
 * halfvec_ops.c: distances, arithmetic and the other functions that take halfvecs apart and make new ones.
 *
 * Arithmetic is done in float4 and rounded once more to float16, which is what float16 arithmetic would give: float4
 * has more than twice the digits. All are immutable and strict. No state, no locks; results are allocated in the
 * caller's memory context.
 */
#include "postgres.h"

#include <math.h>

#include "utils/float.h"
#include "utils/varbit.h"

#include "half.h"
#include "halfvec.h"
#include "kernels.h"
#include "types_internal.h"

PG_FUNCTION_INFO_V1(pxd_sql_halfvec_l2_distance);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_l2_squared_distance);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_inner_product);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_negative_inner_product);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_cosine_distance);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_l1_distance);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_spherical_distance);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_dims);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_l2_norm);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_l2_normalize);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_add);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_sub);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_mul);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_concat);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_subvector);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_binary_quantize);

static inline void
check_same_dim(const HalfVector *a, const HalfVector *b)
{
	if (unlikely(a->dim != b->dim))
		pxd_types_dims_differ("halfvec", a->dim, b->dim);
}

Datum
pxd_sql_halfvec_l2_distance(PG_FUNCTION_ARGS)
{
	HalfVector *a = PG_GETARG_HALFVEC_P(0);
	HalfVector *b = PG_GETARG_HALFVEC_P(1);

	check_same_dim(a, b);
	PG_RETURN_FLOAT8(pxd_half_distance_l2(a->dim, a->x, b->x));
}

/* Orders like l2_distance and saves the root. */
Datum
pxd_sql_halfvec_l2_squared_distance(PG_FUNCTION_ARGS)
{
	HalfVector *a = PG_GETARG_HALFVEC_P(0);
	HalfVector *b = PG_GETARG_HALFVEC_P(1);

	check_same_dim(a, b);
	PG_RETURN_FLOAT8((float8) pxd_kernels.half_l2_squared(a->dim, a->x, b->x));
}

Datum
pxd_sql_halfvec_inner_product(PG_FUNCTION_ARGS)
{
	HalfVector *a = PG_GETARG_HALFVEC_P(0);
	HalfVector *b = PG_GETARG_HALFVEC_P(1);

	check_same_dim(a, b);
	PG_RETURN_FLOAT8((float8) pxd_kernels.half_inner_product(a->dim, a->x, b->x));
}

Datum
pxd_sql_halfvec_negative_inner_product(PG_FUNCTION_ARGS)
{
	HalfVector *a = PG_GETARG_HALFVEC_P(0);
	HalfVector *b = PG_GETARG_HALFVEC_P(1);

	check_same_dim(a, b);
	PG_RETURN_FLOAT8(pxd_half_distance_negative_ip(a->dim, a->x, b->x));
}

Datum
pxd_sql_halfvec_cosine_distance(PG_FUNCTION_ARGS)
{
	HalfVector *a = PG_GETARG_HALFVEC_P(0);
	HalfVector *b = PG_GETARG_HALFVEC_P(1);

	check_same_dim(a, b);
	PG_RETURN_FLOAT8(pxd_half_distance_cosine(a->dim, a->x, b->x));
}

Datum
pxd_sql_halfvec_l1_distance(PG_FUNCTION_ARGS)
{
	HalfVector *a = PG_GETARG_HALFVEC_P(0);
	HalfVector *b = PG_GETARG_HALFVEC_P(1);

	check_same_dim(a, b);
	PG_RETURN_FLOAT8(pxd_half_distance_l1(a->dim, a->x, b->x));
}

/* Angle between unit vectors, as a share of half a turn; a metric, which cosine distance is not. */
Datum
pxd_sql_halfvec_spherical_distance(PG_FUNCTION_ARGS)
{
	HalfVector *a = PG_GETARG_HALFVEC_P(0);
	HalfVector *b = PG_GETARG_HALFVEC_P(1);
	double		cosine;

	check_same_dim(a, b);
	cosine = (double) pxd_kernels.half_inner_product(a->dim, a->x, b->x);
	cosine = Max(-1.0, Min(cosine, 1.0));
	PG_RETURN_FLOAT8(acos(cosine) / M_PI);
}

/* vector_dims(halfvec) */
Datum
pxd_sql_halfvec_dims(PG_FUNCTION_ARGS)
{
	HalfVector *halfvec = PG_GETARG_HALFVEC_P(0);

	PG_RETURN_INT32(halfvec->dim);
}

static double
norm(const HalfVector *halfvec)
{
	double		sum = 0.0;

	for (int i = 0; i < halfvec->dim; i++)
	{
		double		x = pxd_half_to_float(halfvec->x[i]);

		sum += x * x;
	}
	return sqrt(sum);
}

Datum
pxd_sql_halfvec_l2_norm(PG_FUNCTION_ARGS)
{
	HalfVector *halfvec = PG_GETARG_HALFVEC_P(0);

	PG_RETURN_FLOAT8(norm(halfvec));
}

/* The zero halfvec stays what it is. */
Datum
pxd_sql_halfvec_l2_normalize(PG_FUNCTION_ARGS)
{
	HalfVector *halfvec = PG_GETARG_HALFVEC_P(0);
	double		length = norm(halfvec);
	HalfVector *result = pxd_halfvec_alloc(halfvec->dim);

	/* |x| <= length, so no quotient overflows */
	for (int i = 0; i < halfvec->dim; i++)
		result->x[i] = length > 0.0 ?
			pxd_float_to_half((float) (pxd_half_to_float(halfvec->x[i]) / length)) : 0;
	PG_RETURN_HALFVEC_P(result);
}

/* Raises the usual error if an operation on finite elements left infinity. */
static void
check_overflow(const HalfVector *halfvec)
{
	bool		overflow = false;

	for (int i = 0; i < halfvec->dim; i++)
		overflow |= pxd_half_is_special(halfvec->x[i]);
	if (unlikely(overflow))
		float_overflow_error();
}

Datum
pxd_sql_halfvec_add(PG_FUNCTION_ARGS)
{
	HalfVector *a = PG_GETARG_HALFVEC_P(0);
	HalfVector *b = PG_GETARG_HALFVEC_P(1);
	HalfVector *result;

	check_same_dim(a, b);
	result = pxd_halfvec_alloc(a->dim);
	for (int i = 0; i < result->dim; i++)
		result->x[i] = pxd_float_to_half(pxd_half_to_float(a->x[i]) + pxd_half_to_float(b->x[i]));
	check_overflow(result);
	PG_RETURN_HALFVEC_P(result);
}

Datum
pxd_sql_halfvec_sub(PG_FUNCTION_ARGS)
{
	HalfVector *a = PG_GETARG_HALFVEC_P(0);
	HalfVector *b = PG_GETARG_HALFVEC_P(1);
	HalfVector *result;

	check_same_dim(a, b);
	result = pxd_halfvec_alloc(a->dim);
	for (int i = 0; i < result->dim; i++)
		result->x[i] = pxd_float_to_half(pxd_half_to_float(a->x[i]) - pxd_half_to_float(b->x[i]));
	check_overflow(result);
	PG_RETURN_HALFVEC_P(result);
}

Datum
pxd_sql_halfvec_mul(PG_FUNCTION_ARGS)
{
	HalfVector *a = PG_GETARG_HALFVEC_P(0);
	HalfVector *b = PG_GETARG_HALFVEC_P(1);
	HalfVector *result;
	bool		underflow = false;

	check_same_dim(a, b);
	result = pxd_halfvec_alloc(a->dim);
	for (int i = 0; i < result->dim; i++)
	{
		float		product = pxd_half_to_float(a->x[i]) * pxd_half_to_float(b->x[i]);

		/* float4 holds any product of two float16 numbers */
		result->x[i] = pxd_float_to_half(product);
		underflow |= (result->x[i] & HALF_MAGNITUDE) == 0 && product != 0.0f;
	}
	check_overflow(result);
	if (underflow)
		float_underflow_error();
	PG_RETURN_HALFVEC_P(result);
}

Datum
pxd_sql_halfvec_concat(PG_FUNCTION_ARGS)
{
	HalfVector *a = PG_GETARG_HALFVEC_P(0);
	HalfVector *b = PG_GETARG_HALFVEC_P(1);
	HalfVector *result;

	pxd_types_check_dim("halfvec", a->dim + b->dim, HALFVEC_MAX_DIM);
	result = pxd_halfvec_alloc(a->dim + b->dim);
	memcpy(result->x, a->x, a->dim * sizeof(uint16));
	memcpy(result->x + a->dim, b->x, b->dim * sizeof(uint16));
	PG_RETURN_HALFVEC_P(result);
}

/* subvector(halfvec, start, count): as substring, 1-based and cut to what there is. */
Datum
pxd_sql_halfvec_subvector(PG_FUNCTION_ARGS)
{
	HalfVector *halfvec = PG_GETARG_HALFVEC_P(0);
	int64		start = PG_GETARG_INT32(1);
	int64		count = PG_GETARG_INT32(2);
	int64		first = Max(start, 1);
	int64		last = Min(start + count - 1, halfvec->dim);
	HalfVector *result;

	/* 64 bits hold start + count of any arguments; count < 1 and ranges outside leave nothing */
	pxd_types_check_dim("halfvec", (int) Max(last - first + 1, 0), HALFVEC_MAX_DIM);
	result = pxd_halfvec_alloc((int) (last - first + 1));
	memcpy(result->x, halfvec->x + first - 1, result->dim * sizeof(uint16));
	PG_RETURN_HALFVEC_P(result);
}

/* binary_quantize(halfvec): a bit for each element, set where it is positive. */
Datum
pxd_sql_halfvec_binary_quantize(PG_FUNCTION_ARGS)
{
	HalfVector *halfvec = PG_GETARG_HALFVEC_P(0);
	int			dim = halfvec->dim;
	VarBit	   *result = palloc0(VARBITTOTALLEN(dim));
	bits8	   *bytes = VARBITS(result);

	SET_VARSIZE(result, VARBITTOTALLEN(dim));
	VARBITLEN(result) = dim;
	/* as signed integers, positive numbers are the positive ones */
	for (int i = 0; i < dim; i++)
		bytes[i / BITS_PER_BYTE] |= ((int16) halfvec->x[i] > 0) << (BITS_PER_BYTE - 1 - i % BITS_PER_BYTE);
	PG_RETURN_VARBIT_P(result);
}
