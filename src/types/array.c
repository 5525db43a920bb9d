/*
 * array.c: arrays of numbers become the elements of vectors, and elements become arrays.
 *
 * No state, no locks; memory is the caller's.
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"

#include "types_internal.h"

int
pxd_types_array_dim(const char *type, const ArrayType *array)
{
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("cannot cast an array with %d dimensions to %s", ARR_NDIM(array), type),
				 errdetail("Only one-dimensional arrays are vectors.")));
	if (array_contains_nulls(unconstify(ArrayType *, array)))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("cannot cast an array with null elements to %s", type)));
	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

void
pxd_types_array_elements(const ArrayType *array, int count, float4 *x)
{
	/* without NULLs they lie one after the other */
	const char *data = ARR_DATA_PTR(array);

	switch (ARR_ELEMTYPE(array))
	{
		case INT4OID:
			for (int i = 0; i < count; i++)
				x[i] = (float4) ((const int32 *) data)[i];
			break;
		case FLOAT4OID:
			memcpy(x, data, count * sizeof(float4));
			break;
		case FLOAT8OID:
			for (int i = 0; i < count; i++)
				x[i] = (float4) ((const float8 *) data)[i];
			break;
		case NUMERICOID:
			for (int i = 0; i < count; i++)
			{
				Datum		element;

				data = (const char *) att_align_pointer(data, TYPALIGN_INT, -1, data);
				element = PointerGetDatum(data);
				x[i] = DatumGetFloat4(DirectFunctionCall1(numeric_float4, element));
				data += VARSIZE_ANY(data);
			}
			break;
		default:
			elog(ERROR, "cannot make a vector of elements of type %u", ARR_ELEMTYPE(array));
	}
}

ArrayType *
pxd_types_make_array(int dim, float4 **elements)
{
	Size		size = ARR_OVERHEAD_NONULLS(1) + dim * sizeof(float4);
	ArrayType  *array = palloc0(size);

	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->dataoffset = 0;		/* no null bitmap */
	array->elemtype = FLOAT4OID;
	ARR_DIMS(array)[0] = dim;
	ARR_LBOUND(array)[0] = 1;
	*elements = (float4 *) ARR_DATA_PTR(array);
	return array;
}
