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
#include "pgstat.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

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
	int64		blocks_read;	/* by this backend, when it was last asked to prefetch; -1 at first */
};

/* TIDs looked at by one call of pxd_vector_fetch_prefetch. */
#define PREFETCH_MAX		64

/* Header, gap and bitmap of any stub: t_hoff is one byte. */
#define MAX_STUB_HEADER		256

/*
 * The buffers in which this backend has found heap pages of our tables last. A look at the buffer's header tells whether the page is still there; that
 * spares the buffer table, whose entries are seldom in the processor's cache.
 */
#define RECENT_BUFFERS		16384
static Buffer *recent_buffers = NULL;

static inline Buffer *
recent_buffer(Relation table, BlockNumber block)
{
	return &recent_buffers[(table->rd_node.relNode * 2654435761u + block) % RECENT_BUFFERS];
}

VectorFetch *
pxd_vector_fetch_begin(Relation table, AttrNumber attnum, Snapshot snapshot, bool wait)
{
	VectorFetch *fetch = palloc0(sizeof(VectorFetch));

	Assert(attnum > 0 && attnum <= RelationGetNumberOfAttributes(table));
	Assert(IsMVCCSnapshot(snapshot) || snapshot == SnapshotAny || snapshot->snapshot_type == SNAPSHOT_DIRTY);

	fetch->table = table;
	fetch->attnum = attnum;
	fetch->snapshot = snapshot;
	fetch->wait = wait;
	memcpy(&fetch->att, TupleDescAttr(RelationGetDescr(table), attnum - 1), ATTRIBUTE_FIXED_PART_SIZE);
	fetch->detoasted = AllocSetContextCreate(CurrentMemoryContext, "proximadb vector fetch", ALLOCSET_SMALL_SIZES);
	fetch->buffer = InvalidBuffer;
	fetch->value.context = CurrentMemoryContext;
	pxd_access_init(&fetch->access);
	if (recent_buffers == NULL)
		recent_buffers = MemoryContextAllocZero(TopMemoryContext, RECENT_BUFFERS * sizeof(Buffer));

	if (pxd_table_engine(table) != NULL)
		pxd_require_preload(table);
	else
	{
		fetch->blocks_read = -1;
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

/* Pins a block of a table of ours, in place of the one pinned before. */
static void
pin_block(VectorFetch *fetch, BlockNumber block)
{
	Buffer	   *recent = recent_buffer(fetch->table, block);

	if (BufferIsValid(fetch->buffer))
	{
		if (BufferGetBlockNumber(fetch->buffer) == block)
			return;
		ReleaseBuffer(fetch->buffer);
		fetch->buffer = InvalidBuffer;
	}
	if (BufferIsValid(*recent) && ReadRecentBuffer(fetch->table->rd_node, MAIN_FORKNUM, block, *recent))
	{
		pgstat_count_buffer_read(fetch->table);
		pgstat_count_buffer_hit(fetch->table);
		fetch->buffer = *recent;
	}
	else
		fetch->buffer = *recent = ReadBuffer(fetch->table, block);
}

/* Finds the row version as heap's index fetch does, and leaves its page pinned. */
static bool
find_version(VectorFetch *fetch, const ItemPointerData *tid, HeapTuple tuple, bool *all_dead)
{
	ItemPointerData found = *tid;
	bool		result;

	pin_block(fetch, ItemPointerGetBlockNumber(tid));
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

/* --- ahead of time --- */

/*
 * Where a TID's tuple is thought to be, while its rows are asked for ahead. Pages are looked at without pin or lock: shared buffers are always there to be
 * read, and what is read is only a hint for what to ask for next, so it need not be true, but each offset is checked to be inside its page.
 */
typedef struct TupleHint
{
	const char *page;			/* NULL: not known */
	OffsetNumber offset;
	const HeapTupleHeaderData *tuple;	/* NULL: not known */
} TupleHint;

/* Asks for the page of each TID: at the processor if this backend has seen it in a buffer, else at the operating system. */
static void
hint_pages(VectorFetch *fetch, const ItemPointerData *tids, int ntids, TupleHint *hints)
{
	BlockNumber last = InvalidBlockNumber;

	for (int i = 0; i < ntids; i++)
	{
		BlockNumber block = ItemPointerGetBlockNumber(&tids[i]);
		Buffer		buffer = *recent_buffer(fetch->table, block);

		hints[i].page = NULL;
		hints[i].offset = ItemPointerGetOffsetNumber(&tids[i]);
		if (buffer > 0)
		{
			hints[i].page = BufferGetPage(buffer);
			__builtin_prefetch(GetBufferDescriptor(buffer - 1));
			__builtin_prefetch(hints[i].page);
			__builtin_prefetch(PageGetItemId((Page) hints[i].page, hints[i].offset));
		}
		else if (block != last && effective_io_concurrency > 0)
			PrefetchBuffer(fetch->table, MAIN_FORKNUM, block);
		last = block;
	}
}

/* Asks for the tuples on those pages; pages not seen before are waited for, now that all are asked for. */
static void
hint_tuples(VectorFetch *fetch, const ItemPointerData *tids, int ntids, TupleHint *hints)
{
	for (int i = 0; i < ntids; i++)
	{
		TupleHint  *hint = &hints[i];
		ItemIdData	lp;

		if (hint->page == NULL)
		{
			pin_block(fetch, ItemPointerGetBlockNumber(&tids[i]));
			hint->page = BufferGetPage(fetch->buffer);
		}
		hint->tuple = NULL;
		for (int hop = 0; hop < 2; hop++)
		{
			if (hint->offset < FirstOffsetNumber || hint->offset > MaxHeapTuplesPerPage)
				break;
			lp = *PageGetItemId((Page) hint->page, hint->offset);
			if (ItemIdIsRedirected(&lp))
			{
				hint->offset = ItemIdGetRedirect(&lp);
				continue;
			}
			if (ItemIdIsNormal(&lp) && ItemIdGetOffset(&lp) <= BLCKSZ - MAX_STUB_HEADER)
			{
				hint->tuple = (const HeapTupleHeaderData *) (hint->page + ItemIdGetOffset(&lp));
				__builtin_prefetch(hint->tuple);
				__builtin_prefetch((const char *) hint->tuple + CACHE_LINE_BYTES);
			}
			break;
		}
	}
}

/* The locator of the stub in a line pointer of the pinned page, which does not change while it is pinned. */
static bool
find_stub(VectorFetch *fetch, OffsetNumber offset, Locator *locator)
{
	Page		page = BufferGetPage(fetch->buffer);
	HeapTupleData tuple;
	bool		found;

	LockBuffer(fetch->buffer, BUFFER_LOCK_SHARE);
	found = offset <= PageGetMaxOffsetNumber(page) &&
		page_tuple(fetch->table, BufferGetBlockNumber(fetch->buffer), page, offset, &tuple) &&
		tuple_is_stub(tuple.t_data);
	if (found)
		*locator = stub_locator(tuple.t_data);
	LockBuffer(fetch->buffer, BUFFER_LOCK_UNLOCK);
	return found;
}

/* The locator of what is thought to be a stub. */
static bool
hinted_locator(const TupleHint *hint, Locator *locator)
{
	HeapTupleHeaderData header;

	if (hint->tuple == NULL)
		return false;
	header = *hint->tuple;		/* it may change under our eyes */
	if (!tuple_is_stub(&header))
		return false;
	memcpy(locator, (const char *) hint->tuple + tuple_gap_start(&header), sizeof(*locator));
	return true;
}

/* Asks for the vectors of those tuples that are stubs. */
static void
hint_vectors(VectorFetch *fetch, const ItemPointerData *tids, int ntids, const TupleHint *hints)
{
	SegmentAccess *access = &fetch->access;

	for (int i = 0; i < ntids; i++)
	{
		Locator		locator;

		if (!hinted_locator(&hints[i], &locator))
			continue;
		pxd_access_open(access, fetch->table);
		if (!pxd_access_seek_cached(access, locator_segment(locator)))
		{
			/* Opening a segment reads it, and only the pin on a stub that points to it keeps it from being freed. */
			pin_block(fetch, ItemPointerGetBlockNumber(&tids[i]));
			if (!find_stub(fetch, hints[i].offset, &locator) || !pxd_access_seek(access, locator_segment(locator)))
				continue;
		}
		pxd_access_engine(access)->prefetch_vector(access, pxd_access_state(access), locator_position(locator),
												   fetch->attnum);
	}
}

/* Asks for pages, if any block had to be read since the last time: while all is in shared buffers, that would be the larger part of the work. */
static void
prefetch_other(VectorFetch *fetch, const ItemPointerData *tids, int ntids)
{
	int64		blocks_read = pgBufferUsage.shared_blks_read + pgBufferUsage.local_blks_read;
	BlockNumber last = InvalidBlockNumber;

	if (blocks_read == fetch->blocks_read || effective_io_concurrency == 0)
		return;
	fetch->blocks_read = blocks_read;
	for (int i = 0; i < ntids; i++)
	{
		BlockNumber block = ItemPointerGetBlockNumber(&tids[i]);

		if (block != last)
			PrefetchBuffer(fetch->table, MAIN_FORKNUM, block);
		last = block;
	}
}

void
pxd_vector_fetch_prefetch(VectorFetch *fetch, const ItemPointerData *tids, int ntids)
{
	TupleHint	hints[PREFETCH_MAX];

	ntids = Min(ntids, PREFETCH_MAX);
	if (fetch->scan != NULL)
	{
		prefetch_other(fetch, tids, ntids);
		return;
	}
	hint_pages(fetch, tids, ntids, hints);
	hint_tuples(fetch, tids, ntids, hints);
	hint_vectors(fetch, tids, ntids, hints);
}
