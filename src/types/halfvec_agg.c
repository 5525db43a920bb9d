/*
 * halfvec_agg.c: avg(halfvec). Its state is that of avg(vector), and so is combining states.
 *
 * No state, no locks.
 */
#include "postgres.h"

#include "halfvec.h"
#include "types_internal.h"

PG_FUNCTION_INFO_V1(pxd_sql_halfvec_accum);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_avg);

/* halfvec_accum(double precision[], halfvec): adds a halfvec to the state. */
Datum
pxd_sql_halfvec_accum(PG_FUNCTION_ARGS)
{
	HalfVector *halfvec = PG_GETARG_HALFVEC_P(1);
	float4	   *x = palloc(halfvec->dim * sizeof(float4));

	pxd_halfvec_to_floats(halfvec, x);
	return pxd_types_accumulate(fcinfo, "halfvec", x, halfvec->dim);
}

/* halfvec_avg(double precision[]): the mean; NULL of no halfvecs. */
Datum
pxd_sql_halfvec_avg(PG_FUNCTION_ARGS)
{
	int			dim;
	float4	   *means = pxd_types_means(fcinfo, "halfvec", &dim);

	if (means == NULL)
		PG_RETURN_NULL();
	PG_RETURN_HALFVEC_P(pxd_halfvec_from_floats(means, dim));
}
