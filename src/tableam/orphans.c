/*
 * orphans.c: deletes TOAST chunks that no row has any more (R9).
 *
 * A flush seals rows with external values first and deletes their chunks last, in its caller's transaction. If that is rolled back
 * or lost in a crash, the rows stay sealed and the chunks stand. The segment's directory entry says that it was built from such rows,
 * and by whom: once that transaction is seen to have failed, the chunks of the whole table are compared with what its rows
 * point to. The transaction that deletes what is left over takes the segment's entry over, and until such a one has committed, or a comparison has found nothing,
 * the segment is neither compacted nor freed, so that the entry is not forgotten: not in this transaction either, which may yet fail.
 *
 * Lock: ShareUpdateExclusive on the table, in an ordinary transaction (chunks are deleted). Only chunks that a registered snapshot sees are
 * judged: rows that point to them had been inserted when it was taken, and cannot be pruned away while it is held.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/toast_internals.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "flush.h"
#include "store.h"
#include "stub.h"

bool
pxd_orphans_possible(Relation table)
{
	Relation	store = table_open(table->rd_rel->reltoastrelid, AccessShareLock);
	SegmentNumber segno = InvalidSegmentNumber;
	SegmentEntry entry;
	bool		possible = false;

	while (!possible && pxd_store_next(store, &segno, &entry))
	{
		CHECK_FOR_INTERRUPTS();
		possible = pxd_store_chunks_pending(&entry) == CHUNKS_LEFT;
	}
	table_close(store, AccessShareLock);
	return possible;
}

/* The segments whose builders failed to delete chunks, as a list in the current context; those whose builders succeeded are settled. */
static List *
list_failed(Relation store)
{
	List	   *failed = NIL;
	SegmentNumber segno = InvalidSegmentNumber;
	SegmentEntry entry;

	while (pxd_store_next(store, &segno, &entry))
	{
		ChunksPending pending = pxd_store_chunks_pending(&entry);

		CHECK_FOR_INTERRUPTS();
		if (pending == CHUNKS_DELETED)
			pxd_store_settle_chunks(store, segno);
		else if (pending == CHUNKS_LEFT)
		{
			SegmentNumber *copy = palloc(sizeof(SegmentNumber));

			*copy = segno;
			failed = lappend(failed, copy);
		}
	}
	return failed;
}

/* Adds to used the external values that the page's tuples point to. The columns of a dead tuple may have been others. */
static void
add_used_values(Relation table, Buffer buffer, TransactionId oldest_xmin, Datum *values, bool *isnull, HTAB *used)
{
	TupleDesc	tupdesc = RelationGetDescr(table);
	Page		page = BufferGetPage(buffer);
	OffsetNumber max_offset = PageIsNew(page) ? 0 : PageGetMaxOffsetNumber(page);

	for (OffsetNumber offset = FirstOffsetNumber; offset <= max_offset; offset++)
	{
		HeapTupleData tuple;

		if (!page_tuple(table, BufferGetBlockNumber(buffer), page, offset, &tuple) ||
			!HeapTupleHasExternal(&tuple) ||
			HeapTupleSatisfiesVacuum(&tuple, oldest_xmin, buffer) == HEAPTUPLE_DEAD)
			continue;
		heap_deform_tuple(&tuple, tupdesc, values, isnull);
		for (int i = 0; i < HeapTupleHeaderGetNatts(tuple.t_data); i++)
		{
			struct varatt_external pointer;

			if (isnull[i] || TupleDescAttr(tupdesc, i)->attlen != -1 ||
				!VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(values[i])))
				continue;
			VARATT_EXTERNAL_GET_POINTER(pointer, DatumGetPointer(values[i]));
			(void) hash_search(used, &pointer.va_valueid, HASH_ENTER, NULL);
		}
	}
}

/* The external values that table's rows point to, a set of OIDs in the current context. */
static HTAB *
find_used_values(Relation table)
{
	HASHCTL		ctl = {.keysize = sizeof(Oid),.entrysize = sizeof(Oid),.hcxt = CurrentMemoryContext};
	HTAB	   *used = hash_create("proximadb external values", 256, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	BlockNumber nblocks = RelationGetNumberOfBlocks(table);
	TransactionId oldest_xmin = GetOldestNonRemovableTransactionId(table);
	Datum	   *values = palloc(RelationGetDescr(table)->natts * sizeof(Datum));
	bool	   *isnull = palloc(RelationGetDescr(table)->natts * sizeof(bool));
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_VACUUM);

	for (BlockNumber block = 0; block < nblocks; block++)
	{
		Buffer		buffer;

		vacuum_delay_point();
		buffer = ReadBufferExtended(table, MAIN_FORKNUM, block, RBM_NORMAL, strategy);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		add_used_values(table, buffer, oldest_xmin, values, isnull, used);
		UnlockReleaseBuffer(buffer);
	}
	return used;
}

/* The values that have chunks visible to snapshot but are not in used, as a list of OIDs in the current context. */
static List *
find_orphans(Relation store, Snapshot snapshot, HTAB *used)
{
	Relation   *indexes;
	int			nindexes;
	int			valid = toast_open_indexes(store, AccessShareLock, &indexes, &nindexes);
	SysScanDesc scan = systable_beginscan_ordered(store, indexes[valid], snapshot, 0, NULL);
	HeapTuple	chunk;
	Oid			last = InvalidOid;
	List	   *orphans = NIL;

	while ((chunk = systable_getnext_ordered(scan, ForwardScanDirection)) != NULL)
	{
		bool		isnull;
		Oid			value = DatumGetObjectId(fastgetattr(chunk, 1, RelationGetDescr(store), &isnull));

		vacuum_delay_point();
		if (value == last)
			continue;
		last = value;
		if (hash_search(used, &value, HASH_FIND, NULL) == NULL)
			orphans = lappend_oid(orphans, value);
	}
	systable_endscan_ordered(scan);
	toast_close_indexes(indexes, nindexes, AccessShareLock);
	return orphans;
}

static void
delete_value(Relation table, Oid value)
{
	char		datum[TOAST_POINTER_SIZE];
	struct varatt_external pointer = {.va_valueid = value,.va_toastrelid = table->rd_rel->reltoastrelid};

	SET_VARTAG_EXTERNAL(datum, VARTAG_ONDISK);
	memcpy(VARDATA_EXTERNAL(datum), &pointer, sizeof(pointer));
	toast_delete_datum(table, PointerGetDatum(datum), false);
}

uint64
pxd_sweep_orphans(Relation table)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "proximadb orphans", ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	Relation	store = table_open(table->rd_rel->reltoastrelid, RowExclusiveLock);
	List	   *failed = list_failed(store);
	List	   *orphans = NIL;
	uint64		swept;
	ListCell   *lc;

	if (failed != NIL)
	{
		Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());

		orphans = find_orphans(store, snapshot, find_used_values(table));
		UnregisterSnapshot(snapshot);
	}
	foreach(lc, orphans)
	{
		CHECK_FOR_INTERRUPTS();
		delete_value(table, lfirst_oid(lc));
	}

	/* This transaction may fail like the one before it. */
	foreach(lc, failed)
	{
		SegmentNumber segno = *(SegmentNumber *) lfirst(lc);

		if (orphans == NIL)
			pxd_store_settle_chunks(store, segno);
		else
			pxd_store_claim_chunks(store, segno);
	}

	swept = list_length(orphans);
	table_close(store, RowExclusiveLock);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
	return swept;
}
