/*
 * opclass.c: what the operator classes of vectors tell the index: metric, dimensions, elements, exact distance.
 *
 * Support function 1 of an operator class takes and returns internal; it is called once per backend and index and
 * returns a static AxisOpclass.
 */
#include "postgres.h"

#include "fmgr.h"

#include "axis.h"
#include "kernels.h"
#include "vector.h"

#define AS_VECTOR(value) ((const Vector *) (value))

static int
vector_dim(const struct varlena *value)
{
	return AS_VECTOR(value)->dim;
}

static void
vector_to_float(const struct varlena *value, float *out)
{
	memcpy(out, AS_VECTOR(value)->x, sizeof(float) * AS_VECTOR(value)->dim);
}

static double
vector_l2(int dim, const float *a, const float *b)
{
	return pxd_distance_l2(dim, a, b);
}

static double
vector_negative_ip(int dim, const float *a, const float *b)
{
	return pxd_distance_negative_ip(dim, a, b);
}

static double
vector_cosine(int dim, const float *a, const float *b)
{
	return pxd_distance_cosine(dim, a, b);
}

PG_FUNCTION_INFO_V1(pxd_sql_axis_vector_l2);
PG_FUNCTION_INFO_V1(pxd_sql_axis_vector_ip);
PG_FUNCTION_INFO_V1(pxd_sql_axis_vector_cosine);

Datum
pxd_sql_axis_vector_l2(PG_FUNCTION_ARGS)
{
	static const AxisOpclass opclass = {AXIS_L2, VECTOR_MAX_DIM, vector_dim, vector_to_float, vector_l2, NULL};

	PG_RETURN_POINTER(&opclass);
}

Datum
pxd_sql_axis_vector_ip(PG_FUNCTION_ARGS)
{
	static const AxisOpclass opclass = {AXIS_IP, VECTOR_MAX_DIM, vector_dim, vector_to_float, vector_negative_ip, NULL};

	PG_RETURN_POINTER(&opclass);
}

Datum
pxd_sql_axis_vector_cosine(PG_FUNCTION_ARGS)
{
	static const AxisOpclass opclass = {AXIS_COSINE, VECTOR_MAX_DIM, vector_dim, vector_to_float, vector_cosine, NULL};

	PG_RETURN_POINTER(&opclass);
}

const AxisOpclass *
pxd_axis_opclass(Relation index)
{
	FmgrInfo   *support = index_getprocinfo(index, 1, AXIS_SUPPORT_PROC);

	/* fn_extra of the relcache's copy lives as long as the relcache entry */
	if (support->fn_extra == NULL)
		support->fn_extra = DatumGetPointer(FunctionCall1(support, PointerGetDatum(NULL)));
	return support->fn_extra;
}
