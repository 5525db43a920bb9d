/*
 * vector_fetch.c: exact-distance access: vectors by TID for index access methods (the contract is in vector_fetch.h).
 *
 * A row of a table of ours is found as heap's index fetch finds it, on the heap page; the elements are then used where they lie: in the tuple, in the
 * segment's page, or in this backend's builder. A vector is copied only if it straddles two pages. Both pages stay pinned meanwhile: that of the
 * stub is what keeps its locator true (I3).
 *
 * Locks: the heap page's content lock, shared, while the version is looked for. No WAL.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/tableam.h"
#include "executor/executor.h"
#include "executor/instrument.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/spccache.h"

#include "proximadb.h"
#include "sealed.h"
#include "stub.h"
#include "tableam.h"
#include "vector.h"
#include "vector_fetch.h"

struct VectorFetch
{
	Relation	table;
	AttrNumber	attnum;
	Snapshot	snapshot;
	bool		wait;
	FormData_pg_attribute att;	/* the fixed part: the relation's descriptor may be replaced */
	MemoryContext detoasted;	/* of the vector returned last; reset at each call */

	/* tables of ours */
	Buffer		buffer;			/* page of the row fetched last, pinned */
	SegmentAccess access;
	ValueBuffer value;

	/* other tables; scan is NULL for ours */
	IndexFetchTableData *scan;
	TupleTableSlot *slot;

	int			prefetch;		/* blocks to ask for ahead; 0: never */
	int64		blocks_read;	/* by this backend, when it was last asked to prefetch; -1 at first */
};

VectorFetch *
pxd_vector_fetch_begin(Relation table, AttrNumber attnum, Snapshot snapshot, bool wait)
{
	VectorFetch *fetch = palloc0(sizeof(VectorFetch));

	Assert(attnum > 0 && attnum <= RelationGetNumberOfAttributes(table));
	Assert(IsMVCCSnapshot(snapshot) || snapshot == SnapshotAny);

	fetch->table = table;
	fetch->attnum = attnum;
	fetch->snapshot = snapshot;
	fetch->wait = wait;
	memcpy(&fetch->att, TupleDescAttr(RelationGetDescr(table), attnum - 1), ATTRIBUTE_FIXED_PART_SIZE);
	fetch->detoasted = AllocSetContextCreate(CurrentMemoryContext, "proximadb vector fetch", ALLOCSET_SMALL_SIZES);
	fetch->buffer = InvalidBuffer;
	fetch->value.context = CurrentMemoryContext;
	pxd_access_init(&fetch->access);
	fetch->prefetch = get_tablespace_io_concurrency(table->rd_rel->reltablespace);
	fetch->blocks_read = -1;

	if (pxd_table_engine(table) != NULL)
		pxd_require_preload(table);
	else
	{
		fetch->scan = table_index_fetch_begin(table);
		fetch->slot = table_slot_create(table, NULL);
	}
	return fetch;
}

void
pxd_vector_fetch_unpin(VectorFetch *fetch)
{
	Buffer		buffer = fetch->buffer;

	fetch->buffer = InvalidBuffer;
	if (BufferIsValid(buffer))
		ReleaseBuffer(buffer);
	pxd_access_unpin(&fetch->access);
	if (fetch->scan != NULL)
	{
		ExecClearTuple(fetch->slot);
		table_index_fetch_reset(fetch->scan);
	}
}

void
pxd_vector_fetch_end(VectorFetch *fetch)
{
	pxd_vector_fetch_unpin(fetch);
	pxd_access_close(&fetch->access);
	if (fetch->scan != NULL)
	{
		ExecDropSingleTupleTableSlot(fetch->slot);
		table_index_fetch_end(fetch->scan);
	}
	if (fetch->value.data != NULL)
		pfree(fetch->value.data);
	MemoryContextDelete(fetch->detoasted);
	pfree(fetch);
}

/* Shows a Datum's elements where they are, or in a copy if it is compressed, external or packed. */
static VectorFetchStatus
show_datum(VectorFetch *fetch, Datum value, FetchedVector *vector)
{
	MemoryContext oldcontext;
	Vector	   *flat;

	if (likely(VARATT_IS_4B_U(DatumGetPointer(value))))
		flat = (Vector *) DatumGetPointer(value);
	else
	{
		oldcontext = MemoryContextSwitchTo(fetch->detoasted);
		flat = DatumGetVectorP(value);
		MemoryContextSwitchTo(oldcontext);
	}
	vector->x = flat->x;
	vector->dim = flat->dim;
	return VECTOR_FETCH_FOUND;
}

static VectorFetchStatus
fetch_sealed(VectorFetch *fetch, HeapTuple stub, FetchedVector *vector)
{
	SealedRow	row;

	if (!pxd_sealed_locate(&fetch->access, fetch->table, stub, fetch->wait, &row))
		return VECTOR_FETCH_UNAVAILABLE;
	if (unlikely(row.engine == NULL && row.batch == NULL))
		return VECTOR_FETCH_NONE;
	if (!sealed_row_has(&row, fetch->attnum))
		return VECTOR_FETCH_NULL;
	if (row.engine != NULL)
		vector->x = row.engine->fetch_vector(&fetch->access, row.state, row.position, &fetch->att,
											 &fetch->value, &vector->dim);
	else
		vector->x = pxd_batch_fetch_vector(row.batch, row.position, fetch->attnum, &fetch->value, &vector->dim);
	return vector->x != NULL ? VECTOR_FETCH_FOUND : VECTOR_FETCH_NULL;
}

/* Finds the row version as heap's index fetch does, and leaves its page pinned. */
static bool
find_version(VectorFetch *fetch, const ItemPointerData *tid, HeapTuple tuple, bool *all_dead)
{
	ItemPointerData found = *tid;
	bool		result;

	fetch->buffer = ReleaseAndReadBuffer(fetch->buffer, fetch->table, ItemPointerGetBlockNumber(tid));
	LockBuffer(fetch->buffer, BUFFER_LOCK_SHARE);
	result = heap_hot_search_buffer(&found, fetch->table, fetch->buffer, fetch->snapshot, tuple, all_dead, true);
	LockBuffer(fetch->buffer, BUFFER_LOCK_UNLOCK);
	return result;
}

static VectorFetchStatus
fetch_from_ours(VectorFetch *fetch, const ItemPointerData *tid, FetchedVector *vector)
{
	HeapTupleData tuple;
	HeapTupleHeader header;
	Datum		value;
	bool		isnull;

	if (!find_version(fetch, tid, &tuple, &vector->all_dead))
		return VECTOR_FETCH_NONE;

	header = tuple.t_data;
	if (HeapTupleHasNulls(&tuple) && fetch->attnum <= HeapTupleHeaderGetNatts(header) &&
		att_isnull(fetch->attnum - 1, header->t_bits))
	{
		if (!tuple_is_stub(header) || overlay_has_inline(header, fetch->attnum))
			return VECTOR_FETCH_NULL;
		return fetch_sealed(fetch, &tuple, vector);
	}

	value = heap_getattr(&tuple, fetch->attnum, RelationGetDescr(fetch->table), &isnull);
	return isnull ? VECTOR_FETCH_NULL : show_datum(fetch, value, vector);
}

static VectorFetchStatus
fetch_from_other(VectorFetch *fetch, const ItemPointerData *tid, FetchedVector *vector)
{
	ItemPointerData found = *tid;
	bool		call_again = false;
	Datum		value;
	bool		isnull;

	if (!table_index_fetch_tuple(fetch->scan, &found, fetch->snapshot, fetch->slot, &call_again, &vector->all_dead))
		return VECTOR_FETCH_NONE;
	value = slot_getattr(fetch->slot, fetch->attnum, &isnull);
	return isnull ? VECTOR_FETCH_NULL : show_datum(fetch, value, vector);
}

VectorFetchStatus
pxd_vector_fetch(VectorFetch *fetch, const ItemPointerData *tid, FetchedVector *vector)
{
	vector->x = NULL;
	vector->dim = 0;
	vector->all_dead = false;
	MemoryContextReset(fetch->detoasted);
	if (fetch->scan != NULL)
		return fetch_from_other(fetch, tid, vector);
	return fetch_from_ours(fetch, tid, vector);
}

void
pxd_vector_fetch_prefetch(VectorFetch *fetch, const ItemPointerData *tids, int ntids)
{
	int64		blocks_read = pgBufferUsage.shared_blks_read + pgBufferUsage.local_blks_read;
	BlockNumber last = InvalidBlockNumber;
	int			left = fetch->prefetch;

	if (blocks_read == fetch->blocks_read)
		return;
	fetch->blocks_read = blocks_read;
	for (int i = 0; i < ntids && left > 0; i++)
	{
		BlockNumber block = ItemPointerGetBlockNumber(&tids[i]);

		if (block == last)
			continue;
		last = block;
		/* Blocks that are there already do not count: asking for them starts nothing. */
		if (PrefetchBuffer(fetch->table, MAIN_FORKNUM, block).initiated_io)
			left--;
	}
}
