/*
 * halfvec_compare.c: order and hash of halfvecs, for comparison operators and the btree and hash operator
 * classes.
 *
 * The order is that of vectors of the same numbers, and so is the hash. Index
 * code calls these in long-lived memory contexts, so detoasted copies are freed. No state, no locks.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "half.h"
#include "halfvec.h"

PG_FUNCTION_INFO_V1(pxd_sql_halfvec_lt);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_le);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_eq);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_ne);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_ge);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_gt);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_cmp);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_hash);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_hash_extended);

/* Order of the comparison operators: elements first, then length, as arrays do. <0, 0 or >0. */
static int
compare(const HalfVector *a, const HalfVector *b)
{
	int			common = Min(a->dim, b->dim);

	/* the same bits are the same number; others may be, of zeros; none is NaN */
	for (int i = 0; i < common; i++)
	{
		float		x;
		float		y;

		if (likely(a->x[i] == b->x[i]))
			continue;
		x = pxd_half_to_float(a->x[i]);
		y = pxd_half_to_float(b->x[i]);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return (a->dim > b->dim) - (a->dim < b->dim);
}

/* Compares the first two arguments of an SQL call, leaving no copies behind. */
static int
compare_arguments(FunctionCallInfo fcinfo)
{
	HalfVector *a = PG_GETARG_HALFVEC_P(0);
	HalfVector *b = PG_GETARG_HALFVEC_P(1);
	int			result = compare(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

Datum
pxd_sql_halfvec_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}

Datum
pxd_sql_halfvec_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}

Datum
pxd_sql_halfvec_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) == 0);
}

Datum
pxd_sql_halfvec_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) != 0);
}

Datum
pxd_sql_halfvec_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}

Datum
pxd_sql_halfvec_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}

Datum
pxd_sql_halfvec_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_arguments(fcinfo));
}

/* The elements as floats, in which equal ones have equal bytes: adding +0 turns -0 into +0. */
static float4 *
hashable_elements(const HalfVector *halfvec)
{
	float4	   *x = palloc(halfvec->dim * sizeof(float4));

	for (int i = 0; i < halfvec->dim; i++)
		x[i] = pxd_half_to_float(halfvec->x[i]) + 0.0f;
	return x;
}

Datum
pxd_sql_halfvec_hash(PG_FUNCTION_ARGS)
{
	HalfVector *halfvec = PG_GETARG_HALFVEC_P(0);
	float4	   *x = hashable_elements(halfvec);
	Datum		hash = hash_any((unsigned char *) x, halfvec->dim * sizeof(float4));

	pfree(x);
	PG_FREE_IF_COPY(halfvec, 0);
	return hash;
}

Datum
pxd_sql_halfvec_hash_extended(PG_FUNCTION_ARGS)
{
	HalfVector *halfvec = PG_GETARG_HALFVEC_P(0);
	float4	   *x = hashable_elements(halfvec);
	Datum		hash = hash_any_extended((unsigned char *) x, halfvec->dim * sizeof(float4),
										 PG_GETARG_INT64(1));

	pfree(x);
	PG_FREE_IF_COPY(halfvec, 0);
	return hash;
}
