/*
 * vector_agg.c: avg(vector). (sum(vector) needs nothing but vector_add.)
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

#include "vector.h"

PG_FUNCTION_INFO_V1(pxd_sql_vector_accum);
PG_FUNCTION_INFO_V1(pxd_sql_vector_combine);
PG_FUNCTION_INFO_V1(pxd_sql_vector_avg);

#define STATE_DIM(state)	(ARR_DIMS(state)[0] - 1)
#define STATE_VALUES(state)	((float8 *) ARR_DATA_PTR(state))

/* Raises an ERROR unless state has the shape that vector_accum makes. */
static void
check_state(const ArrayType *state, const char *function)
{
	if (ARR_NDIM(state) != 1 || ARR_DIMS(state)[0] < 1 || ARR_HASNULL(state) ||
		ARR_ELEMTYPE(state) != FLOAT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s was called with an array that is not its state", function)));
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

/* vector_accum(double precision[], vector): adds a vector to the state. */
Datum
pxd_sql_vector_accum(PG_FUNCTION_ARGS)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	Vector	   *vector = PG_GETARG_VECTOR_P(1);
	ArrayType  *result = state;
	int			dim;
	float8	   *from;
	float8	   *to;

	check_state(state, "vector_accum");
	dim = STATE_DIM(state);
	if (dim != 0)
		pxd_vector_check_typmod(dim, vector->dim);
	if (dim == 0 || AggCheckCallContext(fcinfo, NULL) == 0)
		result = alloc_state(vector->dim);

	from = STATE_VALUES(state);
	to = STATE_VALUES(result);
	to[0] = from[0] + 1.0;
	for (int i = 0; i < vector->dim; i++)
		to[i + 1] = (dim == 0 ? 0.0 : from[i + 1]) + (float8) vector->x[i];
	check_state_overflow(result);
	PG_RETURN_ARRAYTYPE_P(result);
}

/* vector_combine(double precision[], double precision[]): joins the states of two workers. */
Datum
pxd_sql_vector_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *a = PG_GETARG_ARRAYTYPE_P(0);
	ArrayType  *b = PG_GETARG_ARRAYTYPE_P(1);
	ArrayType  *result;
	int			dim;

	check_state(a, "vector_combine");
	check_state(b, "vector_combine");
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

/* vector_avg(double precision[]): the mean; NULL of no vectors. */
Datum
pxd_sql_vector_avg(PG_FUNCTION_ARGS)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	Vector	   *result;
	float8		count;

	check_state(state, "vector_avg");
	count = STATE_VALUES(state)[0];
	if (count == 0.0)
		PG_RETURN_NULL();

	pxd_vector_check_dim(STATE_DIM(state));
	result = pxd_vector_alloc(STATE_DIM(state));
	for (int i = 0; i < result->dim; i++)
		result->x[i] = (float4) (STATE_VALUES(state)[i + 1] / count);
	pxd_vector_check_finite(result->x, result->dim);
	PG_RETURN_VECTOR_P(result);
}
