/*
 * dense_ops_template.h: distances, arithmetic and the other functions that take dense vectors apart and make new ones, written
 * once for every kind of element.
 *
 * A file defines the following and then includes this header:
 *
 *   TYPE_NAME               SQL's name of the type, as a string
 *   VECTOR, ELEMENT         C types of the vector and of an element
 *   SQL(name)               the C function behind SQL's function of that name
 *   GETARG(n), ALLOC(dim)   argument n, detoasted; a new vector
 *   DISTANCE(name), KERNEL(name)   distance and kernel of kernels.h
 *   TO_FLOAT(x), FROM_FLOAT(x)     an element as float4, and the nearest element to one
 *   IS_INFINITE(x), IS_ZERO(x), IS_POSITIVE(x)   of an element; 0 or 1
 *
 * Arithmetic is done in float4 and rounded once more to the element. For float16 that is what arithmetic of its own would give: float4
 * has more than twice the digits. All functions are immutable and strict. No state, no locks; results are allocated in the
 * caller's memory context.
 */
#include "postgres.h"

#include <math.h>

#include "utils/float.h"
#include "utils/varbit.h"

#include "kernels.h"
#include "types_internal.h"

/* Through another macro, so that names are expanded before they are joined. */
#define DECLARE_SQL_EXPANDED(function) PG_FUNCTION_INFO_V1(function)
#define DECLARE_SQL(name)	DECLARE_SQL_EXPANDED(SQL(name))

DECLARE_SQL(l2_distance);
DECLARE_SQL(l2_squared_distance);
DECLARE_SQL(inner_product);
DECLARE_SQL(negative_inner_product);
DECLARE_SQL(cosine_distance);
DECLARE_SQL(l1_distance);
DECLARE_SQL(spherical_distance);
DECLARE_SQL(dims);
DECLARE_SQL(norm);
DECLARE_SQL(l2_normalize);
DECLARE_SQL(add);
DECLARE_SQL(sub);
DECLARE_SQL(mul);
DECLARE_SQL(concat);
DECLARE_SQL(subvector);
DECLARE_SQL(binary_quantize);

static inline void
check_same_dim(const VECTOR *a, const VECTOR *b)
{
	if (unlikely(a->dim != b->dim))
		pxd_types_dims_differ(TYPE_NAME, a->dim, b->dim);
}

Datum
SQL(l2_distance) (PG_FUNCTION_ARGS)
{
	VECTOR	   *a = GETARG(0);
	VECTOR	   *b = GETARG(1);

	check_same_dim(a, b);
	PG_RETURN_FLOAT8(DISTANCE(l2) (a->dim, a->x, b->x));
}

/* Orders like l2_distance and saves the root. */
Datum
SQL(l2_squared_distance) (PG_FUNCTION_ARGS)
{
	VECTOR	   *a = GETARG(0);
	VECTOR	   *b = GETARG(1);

	check_same_dim(a, b);
	PG_RETURN_FLOAT8((float8) KERNEL(l2_squared) (a->dim, a->x, b->x));
}

Datum
SQL(inner_product) (PG_FUNCTION_ARGS)
{
	VECTOR	   *a = GETARG(0);
	VECTOR	   *b = GETARG(1);

	check_same_dim(a, b);
	PG_RETURN_FLOAT8((float8) KERNEL(inner_product) (a->dim, a->x, b->x));
}

Datum
SQL(negative_inner_product) (PG_FUNCTION_ARGS)
{
	VECTOR	   *a = GETARG(0);
	VECTOR	   *b = GETARG(1);

	check_same_dim(a, b);
	PG_RETURN_FLOAT8(DISTANCE(negative_ip) (a->dim, a->x, b->x));
}

Datum
SQL(cosine_distance) (PG_FUNCTION_ARGS)
{
	VECTOR	   *a = GETARG(0);
	VECTOR	   *b = GETARG(1);

	check_same_dim(a, b);
	PG_RETURN_FLOAT8(DISTANCE(cosine) (a->dim, a->x, b->x));
}

Datum
SQL(l1_distance) (PG_FUNCTION_ARGS)
{
	VECTOR	   *a = GETARG(0);
	VECTOR	   *b = GETARG(1);

	check_same_dim(a, b);
	PG_RETURN_FLOAT8(DISTANCE(l1) (a->dim, a->x, b->x));
}

/* Angle between unit vectors, as a share of half a turn; a metric, which cosine distance is not. */
Datum
SQL(spherical_distance) (PG_FUNCTION_ARGS)
{
	VECTOR	   *a = GETARG(0);
	VECTOR	   *b = GETARG(1);
	double		cosine;

	check_same_dim(a, b);
	cosine = (double) KERNEL(inner_product) (a->dim, a->x, b->x);
	cosine = Max(-1.0, Min(cosine, 1.0));
	PG_RETURN_FLOAT8(acos(cosine) / M_PI);
}

Datum
SQL(dims) (PG_FUNCTION_ARGS)
{
	VECTOR	   *vector = GETARG(0);

	PG_RETURN_INT32(vector->dim);
}

/* In double precision: squares of large elements do not fit float4. */
static double
norm(const VECTOR *vector)
{
	double		sum = 0.0;

	for (int i = 0; i < vector->dim; i++)
	{
		double		x = TO_FLOAT(vector->x[i]);

		sum += x * x;
	}
	return sqrt(sum);
}

Datum
SQL(norm) (PG_FUNCTION_ARGS)
{
	VECTOR	   *vector = GETARG(0);

	PG_RETURN_FLOAT8(norm(vector));
}

/* The zero vector stays what it is. */
Datum
SQL(l2_normalize) (PG_FUNCTION_ARGS)
{
	VECTOR	   *vector = GETARG(0);
	double		length = norm(vector);
	VECTOR	   *result = ALLOC(vector->dim);

	/* |x| <= length, so no quotient overflows */
	for (int i = 0; i < vector->dim; i++)
		result->x[i] = FROM_FLOAT(length > 0.0 ? (float4) (TO_FLOAT(vector->x[i]) / length) : 0.0f);
	PG_RETURN_POINTER(result);
}

/* Raises the usual error if an operation on finite elements left infinity. */
static void
check_overflow(const VECTOR *vector)
{
	bool		overflow = false;

	for (int i = 0; i < vector->dim; i++)
		overflow |= IS_INFINITE(vector->x[i]);
	if (unlikely(overflow))
		float_overflow_error();
}

Datum
SQL(add) (PG_FUNCTION_ARGS)
{
	VECTOR	   *a = GETARG(0);
	VECTOR	   *b = GETARG(1);
	VECTOR	   *result;

	check_same_dim(a, b);
	result = ALLOC(a->dim);
	for (int i = 0; i < result->dim; i++)
		result->x[i] = FROM_FLOAT(TO_FLOAT(a->x[i]) + TO_FLOAT(b->x[i]));
	check_overflow(result);
	PG_RETURN_POINTER(result);
}

Datum
SQL(sub) (PG_FUNCTION_ARGS)
{
	VECTOR	   *a = GETARG(0);
	VECTOR	   *b = GETARG(1);
	VECTOR	   *result;

	check_same_dim(a, b);
	result = ALLOC(a->dim);
	for (int i = 0; i < result->dim; i++)
		result->x[i] = FROM_FLOAT(TO_FLOAT(a->x[i]) - TO_FLOAT(b->x[i]));
	check_overflow(result);
	PG_RETURN_POINTER(result);
}

Datum
SQL(mul) (PG_FUNCTION_ARGS)
{
	VECTOR	   *a = GETARG(0);
	VECTOR	   *b = GETARG(1);
	VECTOR	   *result;
	bool		underflow = false;

	check_same_dim(a, b);
	result = ALLOC(a->dim);
	for (int i = 0; i < result->dim; i++)
	{
		float4		x = TO_FLOAT(a->x[i]);
		float4		y = TO_FLOAT(b->x[i]);

		result->x[i] = FROM_FLOAT(x * y);
		underflow |= IS_ZERO(result->x[i]) && x != 0.0f && y != 0.0f;
	}
	check_overflow(result);
	if (underflow)
		float_underflow_error();
	PG_RETURN_POINTER(result);
}

Datum
SQL(concat) (PG_FUNCTION_ARGS)
{
	VECTOR	   *a = GETARG(0);
	VECTOR	   *b = GETARG(1);
	VECTOR	   *result;

	pxd_types_check_dim(TYPE_NAME, a->dim + b->dim, VECTOR_MAX_DIM);
	result = ALLOC(a->dim + b->dim);
	memcpy(result->x, a->x, a->dim * sizeof(ELEMENT));
	memcpy(result->x + a->dim, b->x, b->dim * sizeof(ELEMENT));
	PG_RETURN_POINTER(result);
}

/* subvector(vector, start, count): as substring, 1-based and cut to what there is. */
Datum
SQL(subvector) (PG_FUNCTION_ARGS)
{
	VECTOR	   *vector = GETARG(0);
	int64		start = PG_GETARG_INT32(1);
	int64		count = PG_GETARG_INT32(2);
	int64		first = Max(start, 1);
	int64		last = Min(start + count - 1, vector->dim);
	VECTOR	   *result;

	/* 64 bits hold start + count of any arguments; count < 1 and ranges outside leave nothing */
	pxd_types_check_dim(TYPE_NAME, (int) Max(last - first + 1, 0), VECTOR_MAX_DIM);
	result = ALLOC((int) (last - first + 1));
	memcpy(result->x, vector->x + first - 1, result->dim * sizeof(ELEMENT));
	PG_RETURN_POINTER(result);
}

/* binary_quantize(vector): a bit for each element, set where it is positive. */
Datum
SQL(binary_quantize) (PG_FUNCTION_ARGS)
{
	VECTOR	   *vector = GETARG(0);
	int			dim = vector->dim;
	VarBit	   *result = palloc0(VARBITTOTALLEN(dim));
	bits8	   *bytes = VARBITS(result);

	SET_VARSIZE(result, VARBITTOTALLEN(dim));
	VARBITLEN(result) = dim;
	for (int i = 0; i < dim; i++)
		bytes[i / BITS_PER_BYTE] |= IS_POSITIVE(vector->x[i]) << (BITS_PER_BYTE - 1 - i % BITS_PER_BYTE);
	PG_RETURN_VARBIT_P(result);
}
