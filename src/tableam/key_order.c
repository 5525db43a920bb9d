/*
 * key_order.c: the rows of a flush or compaction in the order of the sort key.
 *
 * A pass over the pages notes key and TID of each wanted tuple in a tuplesort; the tuples themselves are read again when their turn comes, so that
 * not their columns but their keys are sorted. Rows of several merges are sorted at once, one merge after the other. What a TID names may have changed by then: the caller looks at it anew.
 *
 * Memory: maintenance_work_mem, beyond that temporary files. No locks, no WAL.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/tuplesort.h"

#include "key_order.h"
#include "slot.h"

struct KeyOrder
{
	SortKey		key;
	Bitmapset  *attrs;			/* of the key, as pxd_slot_project wants them */
	Tuplesortstate *sort;
	TupleTableSlot *input;		/* merge, key columns and TID, to be sorted */
	TupleTableSlot *entry;		/* the same, sorted */
};

KeyOrder *
pxd_key_order_begin(TupleDesc tupdesc, const SortKey *key)
{
	KeyOrder   *order = palloc0(sizeof(KeyOrder));
	int			n = key->ncolumns;
	TupleDesc	desc = CreateTemplateTupleDesc(n + 2);
	AttrNumber	attnums[INDEX_MAX_KEYS + 2];
	Oid			operators[INDEX_MAX_KEYS + 2];
	Oid			collations[INDEX_MAX_KEYS + 2];
	bool		nulls_first[INDEX_MAX_KEYS + 2] = {false};

	Assert(n > 0);
	order->key = *key;
	TupleDescInitEntry(desc, 1, "merge", INT4OID, -1, 0);
	attnums[0] = 1;
	operators[0] = Int4LessOperator;
	collations[0] = InvalidOid;
	for (int i = 0; i < n; i++)
	{
		const SortColumn *column = &key->columns[i];

		TupleDescCopyEntry(desc, i + 2, tupdesc, column->attnum);
		attnums[i + 1] = i + 2;
		operators[i + 1] = column->operator;
		collations[i + 1] = column->collation;
		order->attrs = bms_add_member(order->attrs, column->attnum - FirstLowInvalidHeapAttributeNumber);
	}
	/* Rows of equal keys in the order in which they stand. */
	TupleDescInitEntry(desc, n + 2, "tid", TIDOID, -1, 0);
	attnums[n + 1] = n + 2;
	operators[n + 1] = TIDLessOperator;
	collations[n + 1] = InvalidOid;

	order->input = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	order->entry = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	order->sort = tuplesort_begin_heap(desc, n + 2, attnums, operators, collations, nulls_first,
									   maintenance_work_mem, NULL, TUPLESORT_NONE);
	return order;
}

void
pxd_key_order_put(KeyOrder *order, int merge, Relation table, HeapTuple tuple, TupleTableSlot *slot)
{
	TupleTableSlot *input = ExecClearTuple(order->input);
	int			n = order->key.ncolumns;

	pxd_slot_show(slot, table, tuple);
	pxd_slot_project(slot, order->attrs);
	for (int i = 0; i < n; i++)
		input->tts_values[i + 1] = slot_getattr(slot, order->key.columns[i].attnum, &input->tts_isnull[i + 1]);
	input->tts_values[0] = Int32GetDatum(merge);
	input->tts_isnull[0] = false;
	input->tts_values[n + 1] = PointerGetDatum(&tuple->t_self);
	input->tts_isnull[n + 1] = false;
	ExecStoreVirtualTuple(input);
	tuplesort_puttupleslot(order->sort, input);
	ExecClearTuple(input);
	ExecClearTuple(slot);
	pxd_slot_project(slot, NULL);
}

void
pxd_key_order_sort(KeyOrder *order)
{
	tuplesort_performsort(order->sort);
}

bool
pxd_key_order_next(KeyOrder *order, int *merge, ItemPointer tid)
{
	bool		isnull;

	if (!tuplesort_gettupleslot(order->sort, true, false, order->entry, NULL))
		return false;
	*merge = DatumGetInt32(slot_getattr(order->entry, 1, &isnull));
	*tid = *(ItemPointer) DatumGetPointer(slot_getattr(order->entry, order->key.ncolumns + 2, &isnull));
	return true;
}

void
pxd_key_order_end(KeyOrder *order)
{
	ExecDropSingleTupleTableSlot(order->input);
	ExecDropSingleTupleTableSlot(order->entry);
	tuplesort_end(order->sort);
}
