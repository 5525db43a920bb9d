/*
 * sparsevec_ops.c: distances and functions of sparsevecs.
 *
 * All are immutable and strict. No state, no locks; results are allocated in the caller's memory context.
 */
#include "postgres.h"

#include <math.h>

#include "sparse_kernels.h"
#include "sparsevec.h"
#include "types_internal.h"

PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_l2_distance);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_l2_squared_distance);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_inner_product);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_negative_inner_product);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_cosine_distance);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_l1_distance);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_l2_norm);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_l2_normalize);

/* The elements of two arguments, which must have as many dimensions. */
static inline void
get_elements(FunctionCallInfo fcinfo, SparseElements *a, SparseElements *b)
{
	SparseVector *vector_a = PG_GETARG_SPARSEVEC_P(0);
	SparseVector *vector_b = PG_GETARG_SPARSEVEC_P(1);

	if (unlikely(vector_a->dim != vector_b->dim))
		pxd_types_dims_differ("sparsevec", vector_a->dim, vector_b->dim);
	*a = (SparseElements) {vector_a->nnz, vector_a->indices, sparsevec_values(vector_a)};
	*b = (SparseElements) {vector_b->nnz, vector_b->indices, sparsevec_values(vector_b)};
}

Datum
pxd_sql_sparsevec_l2_distance(PG_FUNCTION_ARGS)
{
	SparseElements a;
	SparseElements b;

	get_elements(fcinfo, &a, &b);
	PG_RETURN_FLOAT8(pxd_sparse_distance_l2(&a, &b));
}

/* Orders like l2_distance and saves the root. */
Datum
pxd_sql_sparsevec_l2_squared_distance(PG_FUNCTION_ARGS)
{
	SparseElements a;
	SparseElements b;

	get_elements(fcinfo, &a, &b);
	PG_RETURN_FLOAT8((float8) pxd_sparse_l2_squared(&a, &b));
}

Datum
pxd_sql_sparsevec_inner_product(PG_FUNCTION_ARGS)
{
	SparseElements a;
	SparseElements b;

	get_elements(fcinfo, &a, &b);
	PG_RETURN_FLOAT8((float8) pxd_sparse_inner_product(&a, &b));
}

Datum
pxd_sql_sparsevec_negative_inner_product(PG_FUNCTION_ARGS)
{
	SparseElements a;
	SparseElements b;

	get_elements(fcinfo, &a, &b);
	PG_RETURN_FLOAT8(pxd_sparse_distance_negative_ip(&a, &b));
}

Datum
pxd_sql_sparsevec_cosine_distance(PG_FUNCTION_ARGS)
{
	SparseElements a;
	SparseElements b;

	get_elements(fcinfo, &a, &b);
	PG_RETURN_FLOAT8(pxd_sparse_distance_cosine(&a, &b));
}

Datum
pxd_sql_sparsevec_l1_distance(PG_FUNCTION_ARGS)
{
	SparseElements a;
	SparseElements b;

	get_elements(fcinfo, &a, &b);
	PG_RETURN_FLOAT8(pxd_sparse_distance_l1(&a, &b));
}

/* In double precision: squares of large elements do not fit float4. */
static double
norm(SparseVector *sparsevec)
{
	const float4 *values = sparsevec_values(sparsevec);
	double		sum = 0.0;

	for (int i = 0; i < sparsevec->nnz; i++)
		sum += (double) values[i] * (double) values[i];
	return sqrt(sum);
}

Datum
pxd_sql_sparsevec_l2_norm(PG_FUNCTION_ARGS)
{
	SparseVector *sparsevec = PG_GETARG_SPARSEVEC_P(0);

	PG_RETURN_FLOAT8(norm(sparsevec));
}

/* The zero sparsevec stays what it is; elements that become zero are left out. */
Datum
pxd_sql_sparsevec_l2_normalize(PG_FUNCTION_ARGS)
{
	SparseVector *sparsevec = PG_GETARG_SPARSEVEC_P(0);
	const float4 *values = sparsevec_values(sparsevec);
	double		length = norm(sparsevec);
	SparseVector *result;
	float4	   *result_values;
	int			nnz = 0;

	/* |x| <= length, which no element's square leaves at 0, so no quotient overflows */
	for (int i = 0; i < sparsevec->nnz; i++)
		nnz += (float4) (values[i] / length) != 0.0f;
	result = pxd_sparsevec_alloc(sparsevec->dim, nnz);
	result_values = sparsevec_values(result);
	for (int i = 0, j = 0; i < sparsevec->nnz && j < nnz; i++)
	{
		float4		value = (float4) (values[i] / length);

		if (value == 0.0f)
			continue;
		result->indices[j] = sparsevec->indices[i];
		result_values[j++] = value;
	}
	PG_RETURN_SPARSEVEC_P(result);
}
