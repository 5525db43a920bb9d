/*
 * vector_compare.c: order and hash of vectors, for comparison operators and the btree and hash operator
 * classes.
 *
 * The order means little for embeddings but makes DISTINCT, GROUP BY, UNION and unique indexes work. Index
 * code calls these in long-lived memory contexts, so detoasted copies are freed. No state, no locks.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "vector.h"

PG_FUNCTION_INFO_V1(pxd_sql_vector_lt);
PG_FUNCTION_INFO_V1(pxd_sql_vector_le);
PG_FUNCTION_INFO_V1(pxd_sql_vector_eq);
PG_FUNCTION_INFO_V1(pxd_sql_vector_ne);
PG_FUNCTION_INFO_V1(pxd_sql_vector_ge);
PG_FUNCTION_INFO_V1(pxd_sql_vector_gt);
PG_FUNCTION_INFO_V1(pxd_sql_vector_cmp);
PG_FUNCTION_INFO_V1(pxd_sql_vector_hash);
PG_FUNCTION_INFO_V1(pxd_sql_vector_hash_extended);

int
pxd_vector_compare(const Vector *a, const Vector *b)
{
	int			common = Min(a->dim, b->dim);

	/* elements are never NaN, so < and > tell all */
	for (int i = 0; i < common; i++)
	{
		if (a->x[i] < b->x[i])
			return -1;
		if (a->x[i] > b->x[i])
			return 1;
	}
	return (a->dim > b->dim) - (a->dim < b->dim);
}

/* Compares the first two arguments of an SQL call, leaving no copies behind. */
static int
compare_arguments(FunctionCallInfo fcinfo)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);
	int			result = pxd_vector_compare(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

Datum
pxd_sql_vector_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}

Datum
pxd_sql_vector_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}

Datum
pxd_sql_vector_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) == 0);
}

Datum
pxd_sql_vector_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) != 0);
}

Datum
pxd_sql_vector_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}

Datum
pxd_sql_vector_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}

Datum
pxd_sql_vector_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_arguments(fcinfo));
}

/* A copy of the elements in which equal ones have equal bytes: adding +0 turns -0 into +0. */
static float4 *
hashable_elements(const Vector *vector)
{
	float4	   *x = palloc(vector->dim * sizeof(float4));

	for (int i = 0; i < vector->dim; i++)
		x[i] = vector->x[i] + 0.0f;
	return x;
}

Datum
pxd_sql_vector_hash(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);
	float4	   *x = hashable_elements(vector);
	Datum		hash = hash_any((unsigned char *) x, vector->dim * sizeof(float4));

	pfree(x);
	PG_FREE_IF_COPY(vector, 0);
	return hash;
}

Datum
pxd_sql_vector_hash_extended(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);
	float4	   *x = hashable_elements(vector);
	Datum		hash = hash_any_extended((unsigned char *) x, vector->dim * sizeof(float4),
										 PG_GETARG_INT64(1));

	pfree(x);
	PG_FREE_IF_COPY(vector, 0);
	return hash;
}
