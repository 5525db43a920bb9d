/*
 * sparsevec_compare.c: order and hash of sparsevecs, for comparison operators and the btree and hash operator
 * classes.
 *
 * The order is that of vectors with the zeros written out. Index code calls these in long-lived memory contexts, so
 * detoasted copies are freed. No state, no locks.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "sparsevec.h"

PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_lt);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_le);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_eq);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_ne);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_ge);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_gt);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_cmp);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_hash);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_hash_extended);

/* Elements first, then length, as arrays do. <0, 0 or >0. */
static int
compare(SparseVector *a, SparseVector *b)
{
	const float4 *values_a = sparsevec_values(a);
	const float4 *values_b = sparsevec_values(b);
	int			dim = Min(a->dim, b->dim);
	int			i = 0;
	int32		index_a;
	int32		index_b;

	while (i < a->nnz && i < b->nnz && a->indices[i] == b->indices[i])
	{
		if (values_a[i] != values_b[i])
			return values_a[i] < values_b[i] ? -1 : 1;
		i++;
	}

	/* where one has the next element, the other has a zero or is at its end */
	index_a = i < a->nnz ? a->indices[i] : dim;
	index_b = i < b->nnz ? b->indices[i] : dim;
	if (index_a < index_b && index_a < dim)
		return values_a[i] < 0.0f ? -1 : 1;
	if (index_b < index_a && index_b < dim)
		return values_b[i] < 0.0f ? 1 : -1;
	return (a->dim > b->dim) - (a->dim < b->dim);
}

/* Compares the first two arguments of an SQL call, leaving no copies behind. */
static int
compare_arguments(FunctionCallInfo fcinfo)
{
	SparseVector *a = PG_GETARG_SPARSEVEC_P(0);
	SparseVector *b = PG_GETARG_SPARSEVEC_P(1);
	int			result = compare(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

Datum
pxd_sql_sparsevec_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) < 0);
}

Datum
pxd_sql_sparsevec_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) <= 0);
}

Datum
pxd_sql_sparsevec_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) == 0);
}

Datum
pxd_sql_sparsevec_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) != 0);
}

Datum
pxd_sql_sparsevec_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) >= 0);
}

Datum
pxd_sql_sparsevec_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_arguments(fcinfo) > 0);
}

Datum
pxd_sql_sparsevec_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare_arguments(fcinfo));
}

/* Equal ones have equal bytes: no value is a zero of any sign. */
Datum
pxd_sql_sparsevec_hash(PG_FUNCTION_ARGS)
{
	SparseVector *sparsevec = PG_GETARG_SPARSEVEC_P(0);
	Datum		hash = hash_any((unsigned char *) VARDATA(sparsevec), VARSIZE(sparsevec) - VARHDRSZ);

	PG_FREE_IF_COPY(sparsevec, 0);
	return hash;
}

Datum
pxd_sql_sparsevec_hash_extended(PG_FUNCTION_ARGS)
{
	SparseVector *sparsevec = PG_GETARG_SPARSEVEC_P(0);
	Datum		hash = hash_any_extended((unsigned char *) VARDATA(sparsevec), VARSIZE(sparsevec) - VARHDRSZ,
										 PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(sparsevec, 0);
	return hash;
}
