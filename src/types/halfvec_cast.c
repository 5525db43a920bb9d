/*
 * halfvec_cast.c: casts between halfvecs, vectors and arrays, and of halfvec to halfvec(n).
 *
 * No state, no locks; results are allocated in the caller's memory context.
 */
#include "postgres.h"

#include "halfvec.h"
#include "types_internal.h"

PG_FUNCTION_INFO_V1(pxd_sql_halfvec);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_to_vector);
PG_FUNCTION_INFO_V1(pxd_sql_vector_to_halfvec);
PG_FUNCTION_INFO_V1(pxd_sql_array_to_halfvec);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_to_float4);

/* halfvec(halfvec, integer, boolean): checks the number of dimensions against halfvec(n). */
Datum
pxd_sql_halfvec(PG_FUNCTION_ARGS)
{
	HalfVector *halfvec = PG_GETARG_HALFVEC_P(0);

	pxd_types_check_typmod("halfvec", PG_GETARG_INT32(1), halfvec->dim);
	PG_RETURN_HALFVEC_P(halfvec);
}

/* halfvec_to_vector(halfvec, integer, boolean): the same numbers as vector(n). */
Datum
pxd_sql_halfvec_to_vector(PG_FUNCTION_ARGS)
{
	HalfVector *halfvec = PG_GETARG_HALFVEC_P(0);
	Vector	   *result;

	pxd_vector_check_typmod(PG_GETARG_INT32(1), halfvec->dim);
	result = pxd_vector_alloc(halfvec->dim);
	pxd_halfvec_to_floats(halfvec, result->x);
	PG_RETURN_VECTOR_P(result);
}

/* vector_to_halfvec(vector, integer, boolean): the nearest numbers as halfvec(n). */
Datum
pxd_sql_vector_to_halfvec(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);

	pxd_types_check_typmod("halfvec", PG_GETARG_INT32(1), vector->dim);
	PG_RETURN_HALFVEC_P(pxd_halfvec_from_floats(vector->x, vector->dim));
}

/* array_to_halfvec(integer[] | real[] | double precision[] | numeric[], integer, boolean) */
Datum
pxd_sql_array_to_halfvec(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int			dim = pxd_types_array_dim("halfvec", array);
	float4		x[HALFVEC_MAX_DIM];

	pxd_types_check_dim("halfvec", dim, HALFVEC_MAX_DIM);
	pxd_types_check_typmod("halfvec", PG_GETARG_INT32(1), dim);
	pxd_types_array_elements(array, dim, x);
	PG_RETURN_HALFVEC_P(pxd_halfvec_from_floats(x, dim));
}

/* halfvec_to_float4(halfvec, integer, boolean): the elements as real[]. */
Datum
pxd_sql_halfvec_to_float4(PG_FUNCTION_ARGS)
{
	HalfVector *halfvec = PG_GETARG_HALFVEC_P(0);
	float4	   *elements;
	ArrayType  *result = pxd_types_make_array(halfvec->dim, &elements);

	pxd_halfvec_to_floats(halfvec, elements);
	PG_RETURN_ARRAYTYPE_P(result);
}
