/*
 * vector_cast.c: casts between vectors and arrays, and of vector to vector(n).
 *
 * No state, no locks; results are allocated in the caller's memory context.
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"

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

/* Fills result from array's elements, none of which is NULL, so that they lie one after the other. */
static void
copy_elements(const ArrayType *array, Vector *result)
{
	const char *data = ARR_DATA_PTR(array);

	switch (ARR_ELEMTYPE(array))
	{
		case INT4OID:
			for (int i = 0; i < result->dim; i++)
				result->x[i] = (float4) ((const int32 *) data)[i];
			break;
		case FLOAT4OID:
			memcpy(result->x, data, result->dim * sizeof(float4));
			break;
		case FLOAT8OID:
			for (int i = 0; i < result->dim; i++)
				result->x[i] = (float4) ((const float8 *) data)[i];
			break;
		case NUMERICOID:
			for (int i = 0; i < result->dim; i++)
			{
				Datum		element;

				data = (const char *) att_align_pointer(data, TYPALIGN_INT, -1, data);
				element = PointerGetDatum(data);
				result->x[i] = DatumGetFloat4(DirectFunctionCall1(numeric_float4, element));
				data += VARSIZE_ANY(data);
			}
			break;
		default:
			elog(ERROR, "cannot make a vector of elements of type %u", ARR_ELEMTYPE(array));
	}
}

/* array_to_vector(integer[] | real[] | double precision[] | numeric[], integer, boolean) */
Datum
pxd_sql_array_to_vector(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int32		typmod = PG_GETARG_INT32(1);
	Vector	   *result;
	int			dim;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("cannot cast an array with %d dimensions to vector", ARR_NDIM(array)),
				 errdetail("Only one-dimensional arrays are vectors.")));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("cannot cast an array with null elements to vector")));

	dim = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	pxd_vector_check_dim(dim);
	pxd_vector_check_typmod(typmod, dim);

	result = pxd_vector_alloc(dim);
	copy_elements(array, result);
	pxd_vector_check_finite(result->x, dim);
	PG_RETURN_VECTOR_P(result);
}

/* vector_to_float4(vector, integer, boolean): the elements as real[]. */
Datum
pxd_sql_vector_to_float4(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);
	Size		size = ARR_OVERHEAD_NONULLS(1) + vector->dim * sizeof(float4);
	ArrayType  *result = palloc0(size);

	SET_VARSIZE(result, size);
	result->ndim = 1;
	result->dataoffset = 0;		/* no null bitmap */
	result->elemtype = FLOAT4OID;
	ARR_DIMS(result)[0] = vector->dim;
	ARR_LBOUND(result)[0] = 1;
	memcpy(ARR_DATA_PTR(result), vector->x, vector->dim * sizeof(float4));
	PG_RETURN_ARRAYTYPE_P(result);
}
