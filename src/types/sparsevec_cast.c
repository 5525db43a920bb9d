/*
 * sparsevec_cast.c: casts between sparsevecs, vectors, halfvecs and arrays, and of sparsevec to sparsevec(n).
 *
 * No state, no locks; results are allocated in the caller's memory context.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "halfvec.h"
#include "sparsevec.h"
#include "types_internal.h"

PG_FUNCTION_INFO_V1(pxd_sql_sparsevec);
PG_FUNCTION_INFO_V1(pxd_sql_vector_to_sparsevec);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_to_vector);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_to_sparsevec);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_to_halfvec);
PG_FUNCTION_INFO_V1(pxd_sql_array_to_sparsevec);

SparseVector *
pxd_sparsevec_from_floats(const float4 *x, int dim)
{
	SparseVector *result;
	float4	   *values;
	int			nnz = 0;

	pxd_types_check_finite("sparsevec", x, dim);
	for (int i = 0; i < dim; i++)
		nnz += x[i] != 0.0f;
	pxd_sparsevec_check_nnz(nnz, dim);

	result = pxd_sparsevec_alloc(dim, nnz);
	values = sparsevec_values(result);
	for (int i = 0, j = 0; j < nnz; i++)
	{
		if (x[i] == 0.0f)
			continue;
		result->indices[j] = i;
		values[j++] = x[i];
	}
	return result;
}

void
pxd_sparsevec_to_floats(SparseVector *sparsevec, float4 *x)
{
	const float4 *values = sparsevec_values(sparsevec);

	memset(x, 0, sparsevec->dim * sizeof(float4));
	for (int i = 0; i < sparsevec->nnz; i++)
	{
		if (unlikely(sparsevec->indices[i] < 0 || sparsevec->indices[i] >= sparsevec->dim))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("sparsevec of %d dimensions has an element at index %d",
							sparsevec->dim, sparsevec->indices[i])));
		x[sparsevec->indices[i]] = values[i];
	}
}

/* sparsevec(sparsevec, integer, boolean): checks the number of dimensions against sparsevec(n). */
Datum
pxd_sql_sparsevec(PG_FUNCTION_ARGS)
{
	SparseVector *sparsevec = PG_GETARG_SPARSEVEC_P(0);

	pxd_types_check_typmod("sparsevec", PG_GETARG_INT32(1), sparsevec->dim);
	PG_RETURN_SPARSEVEC_P(sparsevec);
}

/* vector_to_sparsevec(vector, integer, boolean): the elements that are not zero as sparsevec(n). */
Datum
pxd_sql_vector_to_sparsevec(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);

	pxd_types_check_typmod("sparsevec", PG_GETARG_INT32(1), vector->dim);
	PG_RETURN_SPARSEVEC_P(pxd_sparsevec_from_floats(vector->x, vector->dim));
}

/* sparsevec_to_vector(sparsevec, integer, boolean): all elements as vector(n). */
Datum
pxd_sql_sparsevec_to_vector(PG_FUNCTION_ARGS)
{
	SparseVector *sparsevec = PG_GETARG_SPARSEVEC_P(0);
	Vector	   *result;

	pxd_vector_check_dim(sparsevec->dim);
	pxd_vector_check_typmod(PG_GETARG_INT32(1), sparsevec->dim);
	result = pxd_vector_alloc(sparsevec->dim);
	pxd_sparsevec_to_floats(sparsevec, result->x);
	PG_RETURN_VECTOR_P(result);
}

/* halfvec_to_sparsevec(halfvec, integer, boolean): the elements that are not zero as sparsevec(n). */
Datum
pxd_sql_halfvec_to_sparsevec(PG_FUNCTION_ARGS)
{
	HalfVector *halfvec = PG_GETARG_HALFVEC_P(0);
	float4	   *x = palloc(halfvec->dim * sizeof(float4));

	pxd_types_check_typmod("sparsevec", PG_GETARG_INT32(1), halfvec->dim);
	pxd_halfvec_to_floats(halfvec, x);
	PG_RETURN_SPARSEVEC_P(pxd_sparsevec_from_floats(x, halfvec->dim));
}

/* sparsevec_to_halfvec(sparsevec, integer, boolean): all elements, rounded, as halfvec(n). */
Datum
pxd_sql_sparsevec_to_halfvec(PG_FUNCTION_ARGS)
{
	SparseVector *sparsevec = PG_GETARG_SPARSEVEC_P(0);
	float4	   *x;

	pxd_types_check_dim("halfvec", sparsevec->dim, HALFVEC_MAX_DIM);
	pxd_types_check_typmod("halfvec", PG_GETARG_INT32(1), sparsevec->dim);
	x = palloc(sparsevec->dim * sizeof(float4));
	pxd_sparsevec_to_floats(sparsevec, x);
	PG_RETURN_HALFVEC_P(pxd_halfvec_from_floats(x, sparsevec->dim));
}

/* array_to_sparsevec(integer[] | real[] | double precision[] | numeric[], integer, boolean) */
Datum
pxd_sql_array_to_sparsevec(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int			dim = pxd_types_array_dim("sparsevec", array);
	float4	   *x;

	pxd_sparsevec_check_dim(dim);
	pxd_types_check_typmod("sparsevec", PG_GETARG_INT32(1), dim);
	/* arrays have less than MaxArraySize elements, so this is no larger than a gigabyte */
	x = palloc_extended(dim * sizeof(float4), MCXT_ALLOC_HUGE);
	pxd_types_array_elements(array, dim, x);
	PG_RETURN_SPARSEVEC_P(pxd_sparsevec_from_floats(x, dim));
}
