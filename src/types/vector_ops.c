/*
 * vector_ops.c: distances, arithmetic and the other functions that take vectors apart and make new ones.
 *
 * All are immutable and strict. No state, no locks; results are allocated in the caller's memory context.
 */
#include "postgres.h"

#include <math.h>

#include "kernels.h"
#include "utils/float.h"
#include "utils/varbit.h"

#include "types_internal.h"
#include "vector.h"

PG_FUNCTION_INFO_V1(pxd_sql_l2_distance);
PG_FUNCTION_INFO_V1(pxd_sql_vector_l2_squared_distance);
PG_FUNCTION_INFO_V1(pxd_sql_inner_product);
PG_FUNCTION_INFO_V1(pxd_sql_vector_negative_inner_product);
PG_FUNCTION_INFO_V1(pxd_sql_cosine_distance);
PG_FUNCTION_INFO_V1(pxd_sql_l1_distance);
PG_FUNCTION_INFO_V1(pxd_sql_vector_spherical_distance);
PG_FUNCTION_INFO_V1(pxd_sql_vector_dims);
PG_FUNCTION_INFO_V1(pxd_sql_vector_norm);
PG_FUNCTION_INFO_V1(pxd_sql_l2_normalize);
PG_FUNCTION_INFO_V1(pxd_sql_vector_add);
PG_FUNCTION_INFO_V1(pxd_sql_vector_sub);
PG_FUNCTION_INFO_V1(pxd_sql_vector_mul);
PG_FUNCTION_INFO_V1(pxd_sql_vector_concat);
PG_FUNCTION_INFO_V1(pxd_sql_subvector);
PG_FUNCTION_INFO_V1(pxd_sql_binary_quantize);

static inline void
check_same_dim(const Vector *a, const Vector *b)
{
	if (unlikely(a->dim != b->dim))
		pxd_types_dims_differ("vector", a->dim, b->dim);
}

Datum
pxd_sql_l2_distance(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);

	check_same_dim(a, b);
	PG_RETURN_FLOAT8(pxd_distance_l2(a->dim, a->x, b->x));
}

/* Orders like l2_distance and saves the root. */
Datum
pxd_sql_vector_l2_squared_distance(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);

	check_same_dim(a, b);
	PG_RETURN_FLOAT8((float8) pxd_kernel_l2_squared(a->dim, a->x, b->x));
}

Datum
pxd_sql_inner_product(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);

	check_same_dim(a, b);
	PG_RETURN_FLOAT8((float8) pxd_kernel_inner_product(a->dim, a->x, b->x));
}

Datum
pxd_sql_vector_negative_inner_product(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);

	check_same_dim(a, b);
	PG_RETURN_FLOAT8(pxd_distance_negative_ip(a->dim, a->x, b->x));
}

Datum
pxd_sql_cosine_distance(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);

	check_same_dim(a, b);
	PG_RETURN_FLOAT8(pxd_distance_cosine(a->dim, a->x, b->x));
}

Datum
pxd_sql_l1_distance(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);

	check_same_dim(a, b);
	PG_RETURN_FLOAT8(pxd_distance_l1(a->dim, a->x, b->x));
}

/* Angle between unit vectors, as a share of half a turn; a metric, which cosine distance is not. */
Datum
pxd_sql_vector_spherical_distance(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);
	double		cosine;

	check_same_dim(a, b);
	cosine = (double) pxd_kernel_inner_product(a->dim, a->x, b->x);
	if (cosine > 1.0)
		cosine = 1.0;
	else if (cosine < -1.0)
		cosine = -1.0;
	PG_RETURN_FLOAT8(acos(cosine) / M_PI);
}

Datum
pxd_sql_vector_dims(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);

	PG_RETURN_INT32(vector->dim);
}

/* In double precision: squares of large elements do not fit float4. */
static double
norm(const Vector *vector)
{
	double		sum = 0.0;

	for (int i = 0; i < vector->dim; i++)
		sum += (double) vector->x[i] * (double) vector->x[i];
	return sqrt(sum);
}

Datum
pxd_sql_vector_norm(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);

	PG_RETURN_FLOAT8(norm(vector));
}

/* The zero vector stays what it is. */
Datum
pxd_sql_l2_normalize(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);
	double		length = norm(vector);
	Vector	   *result = pxd_vector_alloc(vector->dim);

	/* |x| <= length, so no quotient overflows */
	for (int i = 0; i < vector->dim; i++)
		result->x[i] = length > 0.0 ? (float4) (vector->x[i] / length) : 0.0f;
	PG_RETURN_VECTOR_P(result);
}

/* Raises the usual error if an operation on finite elements left infinity. */
static void
check_overflow(const Vector *vector)
{
	bool		overflow = false;

	for (int i = 0; i < vector->dim; i++)
		overflow |= isinf(vector->x[i]) != 0;
	if (unlikely(overflow))
		float_overflow_error();
}

Datum
pxd_sql_vector_add(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);
	Vector	   *result;

	check_same_dim(a, b);
	result = pxd_vector_alloc(a->dim);
	for (int i = 0; i < result->dim; i++)
		result->x[i] = a->x[i] + b->x[i];
	check_overflow(result);
	PG_RETURN_VECTOR_P(result);
}

Datum
pxd_sql_vector_sub(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);
	Vector	   *result;

	check_same_dim(a, b);
	result = pxd_vector_alloc(a->dim);
	for (int i = 0; i < result->dim; i++)
		result->x[i] = a->x[i] - b->x[i];
	check_overflow(result);
	PG_RETURN_VECTOR_P(result);
}

Datum
pxd_sql_vector_mul(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);
	Vector	   *result;
	bool		underflow = false;

	check_same_dim(a, b);
	result = pxd_vector_alloc(a->dim);
	for (int i = 0; i < result->dim; i++)
	{
		result->x[i] = a->x[i] * b->x[i];
		underflow |= result->x[i] == 0.0f && a->x[i] != 0.0f && b->x[i] != 0.0f;
	}
	check_overflow(result);
	if (underflow)
		float_underflow_error();
	PG_RETURN_VECTOR_P(result);
}

Datum
pxd_sql_vector_concat(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);
	Vector	   *result;

	pxd_vector_check_dim(a->dim + b->dim);
	result = pxd_vector_alloc(a->dim + b->dim);
	memcpy(result->x, a->x, a->dim * sizeof(float4));
	memcpy(result->x + a->dim, b->x, b->dim * sizeof(float4));
	PG_RETURN_VECTOR_P(result);
}

/* subvector(vector, start, count): as substring, 1-based and cut to what there is. */
Datum
pxd_sql_subvector(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);
	int64		start = PG_GETARG_INT32(1);
	int64		count = PG_GETARG_INT32(2);
	int64		first = Max(start, 1);
	int64		last = Min(start + count - 1, vector->dim);
	Vector	   *result;

	/* 64 bits hold start + count of any arguments; count < 1 and ranges outside leave nothing */
	pxd_vector_check_dim((int) Max(last - first + 1, 0));
	result = pxd_vector_alloc((int) (last - first + 1));
	memcpy(result->x, vector->x + first - 1, result->dim * sizeof(float4));
	PG_RETURN_VECTOR_P(result);
}

/* binary_quantize(vector): a bit for each element, set where it is positive. */
Datum
pxd_sql_binary_quantize(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);
	int			dim = vector->dim;
	VarBit	   *result = palloc0(VARBITTOTALLEN(dim));
	bits8	   *bytes = VARBITS(result);

	SET_VARSIZE(result, VARBITTOTALLEN(dim));
	VARBITLEN(result) = dim;
	for (int i = 0; i < dim; i++)
		bytes[i / BITS_PER_BYTE] |= (vector->x[i] > 0.0f) << (BITS_PER_BYTE - 1 - i % BITS_PER_BYTE);
	PG_RETURN_VARBIT_P(result);
}
