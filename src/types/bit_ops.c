/*
 * bit_ops.c: distances of bit strings, core's type bit. (bit varying casts to it by itself.)
 *
 * Both are immutable and strict. No state, no locks.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/varbit.h"

#include "bit_kernels.h"

PG_FUNCTION_INFO_V1(pxd_sql_hamming_distance);
PG_FUNCTION_INFO_V1(pxd_sql_jaccard_distance);

static inline void
check_same_length(VarBit *a, VarBit *b)
{
	if (unlikely(VARBITLEN(a) != VARBITLEN(b)))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("bit strings differ in their length: %d and %d", VARBITLEN(a), VARBITLEN(b))));
}

/* hamming_distance(bit, bit): the number of bits that differ. */
Datum
pxd_sql_hamming_distance(PG_FUNCTION_ARGS)
{
	VarBit	   *a = PG_GETARG_VARBIT_P(0);
	VarBit	   *b = PG_GETARG_VARBIT_P(1);

	check_same_length(a, b);
	PG_RETURN_FLOAT8(pxd_distance_hamming(VARBITBYTES(a), VARBITS(a), VARBITS(b)));
}

/* jaccard_distance(bit, bit): of the bits set in one or both, the share that is not set in both. */
Datum
pxd_sql_jaccard_distance(PG_FUNCTION_ARGS)
{
	VarBit	   *a = PG_GETARG_VARBIT_P(0);
	VarBit	   *b = PG_GETARG_VARBIT_P(1);

	check_same_length(a, b);
	PG_RETURN_FLOAT8(pxd_distance_jaccard(VARBITBYTES(a), VARBITS(a), VARBITS(b)));
}
