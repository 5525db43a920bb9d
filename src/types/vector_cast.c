/*
 * vector_cast.c: casts between vectors and arrays, and of vector to vector(n).
 *
 * No state, no locks; results are allocated in the caller's memory context.
 */
#include "postgres.h"

#include "types_internal.h"
#include "vector.h"

PG_FUNCTION_INFO_V1(pxd_sql_vector);
PG_FUNCTION_INFO_V1(pxd_sql_array_to_vector);
PG_FUNCTION_INFO_V1(pxd_sql_vector_to_float4);

/* vector(vector, integer, boolean): checks the number of dimensions against vector(n). */
Datum
pxd_sql_vector(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);

	pxd_vector_check_typmod(PG_GETARG_INT32(1), vector->dim);
	PG_RETURN_VECTOR_P(vector);
}

/* array_to_vector(integer[] | real[] | double precision[] | numeric[], integer, boolean) */
Datum
pxd_sql_array_to_vector(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int			dim = pxd_types_array_dim("vector", array);
	Vector	   *result;

	pxd_vector_check_dim(dim);
	pxd_vector_check_typmod(PG_GETARG_INT32(1), dim);

	result = pxd_vector_alloc(dim);
	pxd_types_array_elements(array, dim, result->x);
	pxd_vector_check_finite(result->x, dim);
	PG_RETURN_VECTOR_P(result);
}

/* vector_to_float4(vector, integer, boolean): the elements as real[]. */
Datum
pxd_sql_vector_to_float4(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);
	float4	   *elements;
	ArrayType  *result = pxd_types_make_array(vector->dim, &elements);

	memcpy(elements, vector->x, vector->dim * sizeof(float4));
	PG_RETURN_ARRAYTYPE_P(result);
}
