/*
 * vector_fetch_check.c: proximadb.vector_fetch_check(), a diagnostic that compares exact-distance access with the ordinary fetch by TID and
 * a slot, over all TIDs of an index, and measures both.
 *
 * Locks: AccessShare on the index and its table, until the end of the function. Memory is the function's.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "common/pg_prng.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "vector.h"
#include "vector_fetch.h"

PG_FUNCTION_INFO_V1(pxd_sql_vector_fetch_check);

#define CHECK_COLUMNS		6
/* TIDs that are announced together. */
#define PREFETCH_BATCH		64

typedef struct TidList
{
	ItemPointerData *tids;
	int64		count;
	int64		capacity;
} TidList;

typedef struct FetchCheck
{
	Relation	table;
	AttrNumber	attnum;
	TidList		list;
	int64		rows;
	int64		nulls;
	int64		differing;
	float4		sum;
	int64		unavailable;	/* to a handle with SnapshotAny that does not wait */
} FetchCheck;

/* Every TID the index holds, dead ones included. */
static void
collect_tids(Relation index, FetchCheck *check)
{
	IndexScanDesc scan = index_beginscan(check->table, index, GetActiveSnapshot(), 0, 0);
	TidList    *list = &check->list;
	ItemPointer tid;

	index_rescan(scan, NULL, 0, NULL, 0);
	list->capacity = 1024;
	list->tids = palloc(list->capacity * sizeof(ItemPointerData));
	while ((tid = index_getnext_tid(scan, ForwardScanDirection)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (list->count == list->capacity)
		{
			list->capacity *= 2;
			list->tids = repalloc_huge(list->tids, list->capacity * sizeof(ItemPointerData));
		}
		list->tids[list->count++] = *tid;
	}
	index_endscan(scan);
}

static void
shuffle(TidList *list)
{
	pg_prng_state state;

	pg_prng_seed(&state, 1);
	for (int64 i = list->count - 1; i > 0; i--)
	{
		int64		other = pg_prng_uint64_range(&state, 0, i);
		ItemPointerData swap = list->tids[i];

		list->tids[i] = list->tids[other];
		list->tids[other] = swap;
	}
}

static bool
same_vector(Datum expected, const FetchedVector *found)
{
	Vector	   *vector = DatumGetVectorP(expected);

	return vector->dim == found->dim &&
		memcmp(vector->x, found->x, sizeof(float4) * found->dim) == 0;
}

static VectorFetchStatus
slot_fetch(IndexFetchTableData *scan, TupleTableSlot *slot, AttrNumber attnum, ItemPointerData tid, Datum *value)
{
	bool		call_again = false;
	bool		isnull;

	if (!table_index_fetch_tuple(scan, &tid, GetActiveSnapshot(), slot, &call_again, NULL))
		return VECTOR_FETCH_NONE;
	*value = slot_getattr(slot, attnum, &isnull);
	return isnull ? VECTOR_FETCH_NULL : VECTOR_FETCH_FOUND;
}

/* Both ways must agree on every TID. */
static void
compare_all(FetchCheck *check)
{
	VectorFetch *fetch = pxd_vector_fetch_begin(check->table, check->attnum, GetActiveSnapshot(), true);
	VectorFetch *any = pxd_vector_fetch_begin(check->table, check->attnum, SnapshotAny, false);
	IndexFetchTableData *scan = table_index_fetch_begin(check->table);
	TupleTableSlot *slot = table_slot_create(check->table, NULL);
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "vector fetch check", ALLOCSET_DEFAULT_SIZES);

	for (int64 i = 0; i < check->list.count; i++)
	{
		ItemPointer tid = &check->list.tids[i];
		MemoryContext oldcontext = MemoryContextSwitchTo(scratch);
		FetchedVector found;
		Datum		value;
		VectorFetchStatus expected;

		CHECK_FOR_INTERRUPTS();
		if (pxd_vector_fetch(any, tid, &found) == VECTOR_FETCH_UNAVAILABLE)
			check->unavailable++;
		if (i % PREFETCH_BATCH == 0)
			pxd_vector_fetch_prefetch(fetch, tid, Min(PREFETCH_BATCH, check->list.count - i));

		expected = slot_fetch(scan, slot, check->attnum, *tid, &value);
		if (pxd_vector_fetch(fetch, tid, &found) != expected ||
			(expected == VECTOR_FETCH_FOUND && !same_vector(value, &found)))
			check->differing++;
		check->rows += expected != VECTOR_FETCH_NONE;
		check->nulls += expected == VECTOR_FETCH_NULL;
		MemoryContextSwitchTo(oldcontext);
		MemoryContextReset(scratch);
	}

	ExecDropSingleTupleTableSlot(slot);
	table_index_fetch_end(scan);
	pxd_vector_fetch_end(any);
	pxd_vector_fetch_end(fetch);
	MemoryContextDelete(scratch);
}

static double
ns_per_tid(const FetchCheck *check, instr_time start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_DOUBLE(now) * 1e9 / Max(check->list.count, 1);
}

/* Something to do with the elements, so that they are brought to the processor: one addition a cache line. */
static void
touch(FetchCheck *check, const float4 *x, int dim)
{
	for (int i = 0; i < dim; i += 16)
		check->sum += x[i];
}

static double
time_fetch(FetchCheck *check)
{
	VectorFetch *fetch = pxd_vector_fetch_begin(check->table, check->attnum, GetActiveSnapshot(), true);
	instr_time	start;
	double		result;

	INSTR_TIME_SET_CURRENT(start);
	for (int64 i = 0; i < check->list.count; i++)
	{
		FetchedVector found;

		CHECK_FOR_INTERRUPTS();
		if (i % PREFETCH_BATCH == 0)
			pxd_vector_fetch_prefetch(fetch, &check->list.tids[i], Min(PREFETCH_BATCH, check->list.count - i));
		if (pxd_vector_fetch(fetch, &check->list.tids[i], &found) == VECTOR_FETCH_FOUND)
			touch(check, found.x, found.dim);
	}
	result = ns_per_tid(check, start);
	pxd_vector_fetch_end(fetch);
	return result;
}

static double
time_slot(FetchCheck *check)
{
	IndexFetchTableData *scan = table_index_fetch_begin(check->table);
	TupleTableSlot *slot = table_slot_create(check->table, NULL);
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "vector fetch check", ALLOCSET_DEFAULT_SIZES);
	instr_time	start;
	double		result;

	INSTR_TIME_SET_CURRENT(start);
	for (int64 i = 0; i < check->list.count; i++)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(scratch);
		Datum		value;

		CHECK_FOR_INTERRUPTS();
		if (slot_fetch(scan, slot, check->attnum, check->list.tids[i], &value) == VECTOR_FETCH_FOUND)
		{
			Vector	   *vector = DatumGetVectorP(value);

			touch(check, vector->x, vector->dim);
		}
		MemoryContextSwitchTo(oldcontext);
		MemoryContextReset(scratch);
	}
	result = ns_per_tid(check, start);
	ExecDropSingleTupleTableSlot(slot);
	table_index_fetch_end(scan);
	MemoryContextDelete(scratch);
	return result;
}

/* The column's number, after a look at its type and at the user's right to read it. */
static AttrNumber
check_column(Relation table, const char *name)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(table), name);

	if (attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" does not exist", name, RelationGetRelationName(table))));
	if (TupleDescAttr(RelationGetDescr(table), attnum - 1)->atttypid != pxd_vector_type_oid())
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("column \"%s\" of table \"%s\" is not of type vector", name, RelationGetRelationName(table))));
	if (pg_class_aclcheck(RelationGetRelid(table), GetUserId(), ACL_SELECT) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, RelationGetRelationName(table));
	return attnum;
}

Datum
pxd_sql_vector_fetch_check(PG_FUNCTION_ARGS)
{
	Relation	index = index_open(PG_GETARG_OID(0), AccessShareLock);
	FetchCheck	check = {0};
	TupleDesc	tupdesc;
	Datum		values[CHECK_COLUMNS];
	bool		isnull[CHECK_COLUMNS] = {0};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	check.table = table_open(IndexGetRelation(RelationGetRelid(index), false), AccessShareLock);
	check.attnum = check_column(check.table, text_to_cstring(PG_GETARG_TEXT_PP(1)));

	collect_tids(index, &check);
	compare_all(&check);
	shuffle(&check.list);
	values[4] = Float8GetDatum(time_fetch(&check));
	values[5] = Float8GetDatum(time_slot(&check));

	index_close(index, AccessShareLock);
	table_close(check.table, AccessShareLock);
	values[0] = Int64GetDatum(check.rows);
	values[1] = Int64GetDatum(check.nulls);
	values[2] = Int64GetDatum(check.differing);
	values[3] = Int64GetDatum(check.unavailable);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, isnull)));
}
