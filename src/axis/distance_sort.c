/*
 * distance_sort.c: TIDs put in order of their distances, in work_mem and beyond it on disk.
 *
 * For searches that compute the distance of every row: those of indexes without codes.
 */
#include "postgres.h"

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/tuplesort.h"

#include "axis_scan.h"

struct DistanceSort
{
	Tuplesortstate *sort;
	TupleTableSlot *in;
	TupleTableSlot *out;
};

DistanceSort *
pxd_axis_sort_begin(void)
{
	DistanceSort *sort = palloc(sizeof(DistanceSort));
	TupleDesc	desc = CreateTemplateTupleDesc(2);
	AttrNumber	column = 1;
	Oid			less = Float8LessOperator;
	Oid			collation = InvalidOid;
	bool		nulls_first = false;

	TupleDescInitEntry(desc, 1, "distance", FLOAT8OID, -1, 0);
	TupleDescInitEntry(desc, 2, "tid", TIDOID, -1, 0);
	sort->sort = tuplesort_begin_heap(desc, 1, &column, &less, &collation, &nulls_first, work_mem, NULL, TUPLESORT_NONE);
	sort->in = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	sort->out = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	return sort;
}

void
pxd_axis_sort_add(DistanceSort *sort, double distance, ItemPointer tid)
{
	ExecClearTuple(sort->in);
	sort->in->tts_values[0] = Float8GetDatum(distance);
	sort->in->tts_values[1] = PointerGetDatum(tid);
	sort->in->tts_isnull[0] = sort->in->tts_isnull[1] = false;
	ExecStoreVirtualTuple(sort->in);
	tuplesort_puttupleslot(sort->sort, sort->in);
}

void
pxd_axis_sort_perform(DistanceSort *sort)
{
	tuplesort_performsort(sort->sort);
}

bool
pxd_axis_sort_next(DistanceSort *sort, double *distance, ItemPointer tid)
{
	bool		isnull;

	if (!tuplesort_gettupleslot(sort->sort, true, false, sort->out, NULL))
		return false;
	*distance = DatumGetFloat8(slot_getattr(sort->out, 1, &isnull));
	*tid = *(ItemPointer) DatumGetPointer(slot_getattr(sort->out, 2, &isnull));
	return true;
}

void
pxd_axis_sort_end(DistanceSort *sort)
{
	ExecDropSingleTupleTableSlot(sort->in);
	ExecDropSingleTupleTableSlot(sort->out);
	tuplesort_end(sort->sort);
	pfree(sort);
}
