/*
 * calls.c: what one call of an SQL function costs, as the executor makes it; loaded by calls.sh.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

PG_MODULE_MAGIC;

/* A figure is that of a round this long, in nanoseconds. */
#define ROUND_NS 300000.0

PG_FUNCTION_INFO_V1(call_ns);

/*
 * call_ns(function regprocedure, a anycompatible, others anycompatiblearray) returns float8
 *
 * Nanoseconds of one call of function(a, other): of a strict function of two arguments that returns float8 by value and
 * allocates nothing that matters.
 */
Datum
call_ns(PG_FUNCTION_ARGS)
{
	Datum		a = PG_GETARG_DATUM(1);
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(2);
	FmgrInfo	function;
	Datum	   *others;
	int			count;
	int16		typlen;
	bool		typbyval;
	char		typalign;
	instr_time	start;
	instr_time	elapsed;
	long		calls = 0;

	fmgr_info(PG_GETARG_OID(0), &function);
	get_typlenbyvalalign(ARR_ELEMTYPE(array), &typlen, &typbyval, &typalign);
	deconstruct_array(array, ARR_ELEMTYPE(array), typlen, typbyval, typalign, &others, NULL, &count);
	a = PointerGetDatum(PG_DETOAST_DATUM_COPY(a));

	INSTR_TIME_SET_CURRENT(start);
	do
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < count; i++)
			(void) FunctionCall2(&function, a, others[i]);
		calls += count;
		INSTR_TIME_SET_CURRENT(elapsed);
		INSTR_TIME_SUBTRACT(elapsed, start);
	} while (INSTR_TIME_GET_DOUBLE(elapsed) * 1e9 < ROUND_NS);
	PG_RETURN_FLOAT8(INSTR_TIME_GET_DOUBLE(elapsed) * 1e9 / calls);
}
