/*
 * vector_agg.c: avg(vector), and what avg(halfvec) shares with it. (sum needs nothing but + of the type.)
 *
 * The state is a float8 array as pgvector's is: the number of vectors, then the sum of each element; {0}
 * before the first vector. It has to be looked at with suspicion, because the functions can be called from
 * SQL. Inside an aggregate the state is ours alone and is updated in place. No locks.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/float.h"

#include "types_internal.h"
#include "vector.h"

PG_FUNCTION_INFO_V1(pxd_sql_vector_accum);
PG_FUNCTION_INFO_V1(pxd_sql_vector_combine);
PG_FUNCTION_INFO_V1(pxd_sql_vector_avg);

#define STATE_DIM(state)	(ARR_DIMS(state)[0] - 1)
#define STATE_VALUES(state)	((float8 *) ARR_DATA_PTR(state))

/* Raises an ERROR unless state has the shape that accumulating makes; step is part of the function's name. */
static void
check_state(const ArrayType *state, const char *type, const char *step)
{
	if (ARR_NDIM(state) != 1 || ARR_DIMS(state)[0] < 1 || ARR_HASNULL(state) ||
		ARR_ELEMTYPE(state) != FLOAT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s_%s was called with an array that is not its state", type, step)));
}

/* A new state for dim elements (0: none yet), values not set. */
static ArrayType *
alloc_state(int dim)
{
	Size		size = ARR_OVERHEAD_NONULLS(1) + (dim + 1) * sizeof(float8);
	ArrayType  *state = palloc0(size);

	Assert(dim >= 0 && dim <= VECTOR_MAX_DIM);
	SET_VARSIZE(state, size);
	state->ndim = 1;
	state->dataoffset = 0;		/* no null bitmap */
	state->elemtype = FLOAT8OID;
	ARR_DIMS(state)[0] = dim + 1;
	ARR_LBOUND(state)[0] = 1;
	return state;
}

/* Sums cannot overflow from float4 elements, but a hand-made state can hold anything. */
static void
check_state_overflow(const ArrayType *state)
{
	bool		overflow = false;

	for (int i = 0; i <= STATE_DIM(state); i++)
		overflow |= isinf(STATE_VALUES(state)[i]) != 0;
	if (unlikely(overflow))
		float_overflow_error();
}

Datum
pxd_types_accumulate(FunctionCallInfo fcinfo, const char *type, const float4 *x, int dim)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	ArrayType  *result = state;
	int			state_dim;
	float8	   *from;
	float8	   *to;

	check_state(state, type, "accum");
	state_dim = STATE_DIM(state);
	if (state_dim != 0)
		pxd_types_check_typmod(type, state_dim, dim);
	if (state_dim == 0 || AggCheckCallContext(fcinfo, NULL) == 0)
		result = alloc_state(dim);

	from = STATE_VALUES(state);
	to = STATE_VALUES(result);
	to[0] = from[0] + 1.0;
	for (int i = 0; i < dim; i++)
		to[i + 1] = (state_dim == 0 ? 0.0 : from[i + 1]) + (float8) x[i];
	check_state_overflow(result);
	PG_RETURN_ARRAYTYPE_P(result);
}

/* vector_accum(double precision[], vector): adds a vector to the state. */
Datum
pxd_sql_vector_accum(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(1);

	return pxd_types_accumulate(fcinfo, "vector", vector->x, vector->dim);
}

/*
 * vector_combine(double precision[], double precision[]), also as halfvec_combine: joins the states of two
 * workers.
 */
Datum
pxd_sql_vector_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *a = PG_GETARG_ARRAYTYPE_P(0);
	ArrayType  *b = PG_GETARG_ARRAYTYPE_P(1);
	ArrayType  *result;
	int			dim;

	check_state(a, "vector", "combine");
	check_state(b, "vector", "combine");
	dim = Max(STATE_DIM(a), STATE_DIM(b));
	if (dim > 0)
		pxd_vector_check_dim(dim);
	if (STATE_DIM(a) != 0 && STATE_DIM(b) != 0)
		pxd_vector_check_typmod(STATE_DIM(a), STATE_DIM(b));

	result = alloc_state(dim);
	for (int i = 0; i <= STATE_DIM(a); i++)
		STATE_VALUES(result)[i] = STATE_VALUES(a)[i];
	for (int i = 0; i <= STATE_DIM(b); i++)
		STATE_VALUES(result)[i] += STATE_VALUES(b)[i];
	check_state_overflow(result);
	PG_RETURN_ARRAYTYPE_P(result);
}

float4 *
pxd_types_means(FunctionCallInfo fcinfo, const char *type, int *dim)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	float4	   *means;
	float8		count;

	check_state(state, type, "avg");
	count = STATE_VALUES(state)[0];
	if (count == 0.0)
		return NULL;

	*dim = STATE_DIM(state);
	pxd_types_check_dim(type, *dim, VECTOR_MAX_DIM);
	means = palloc(*dim * sizeof(float4));
	for (int i = 0; i < *dim; i++)
		means[i] = (float4) (STATE_VALUES(state)[i + 1] / count);
	return means;
}

/* vector_avg(double precision[]): the mean; NULL of no vectors. */
Datum
pxd_sql_vector_avg(PG_FUNCTION_ARGS)
{
	int			dim;
	float4	   *means = pxd_types_means(fcinfo, "vector", &dim);
	Vector	   *result;

	if (means == NULL)
		PG_RETURN_NULL();
	pxd_vector_check_finite(means, dim);
	result = pxd_vector_alloc(dim);
	memcpy(result->x, means, dim * sizeof(float4));
	PG_RETURN_VECTOR_P(result);
}
