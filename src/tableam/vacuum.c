/*
 * vacuum.c: VACUUM of our tables: core's part on the main fork, then garbage in the store.
 *
 * The main fork is pure heap, so core vacuums it as it is: pruning, index cleanup, freezing. Then segments
 * no stub points to any more are freed: those whose rows are all gone, and what crashed or aborted builders left.
 *
 * The table's ShareUpdateExclusive lock is held throughout, so no other vacuum, flush or compaction frees or repoints
 * at the same time. In a backend that is PROC_IN_VACUUM no transaction id may be taken and no catalog changed (R2):
 * freeing needs neither.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "engine.h"
#include "flush.h"
#include "proximadb.h"
#include "store.h"
#include "stub.h"
#include "tableam.h"

/* Where a check of back-pointers stands: the page looked at last, to be read once for a run of TIDs. */
typedef struct StubCheck
{
	Relation	table;
	BlockNumber nblocks;
	Buffer		buffer;
} StubCheck;

/*
 * Whether the stub at tid exists and points to this position. By existence, not visibility: as long as the tuple
 * stands on the page somebody may read it (R8). A TID past the end of the file is dead.
 */
static bool
stub_exists(StubCheck *check, ItemPointer tid, Locator locator)
{
	BlockNumber block;
	Page		page;
	bool		found = false;

	if (!ItemPointerIsValid(tid) || ItemPointerGetBlockNumber(tid) >= check->nblocks)
		return false;

	block = ItemPointerGetBlockNumber(tid);
	if (!BufferIsValid(check->buffer) || BufferGetBlockNumber(check->buffer) != block)
	{
		if (BufferIsValid(check->buffer))
			ReleaseBuffer(check->buffer);
		check->buffer = ReadBuffer(check->table, block);
	}

	page = BufferGetPage(check->buffer);
	LockBuffer(check->buffer, BUFFER_LOCK_SHARE);
	if (ItemPointerGetOffsetNumber(tid) <= PageGetMaxOffsetNumber(page))
	{
		ItemId		lp = PageGetItemId(page, ItemPointerGetOffsetNumber(tid));

		if (ItemIdIsNormal(lp))
		{
			HeapTupleHeader tuple = (HeapTupleHeader) PageGetItem(page, lp);

			found = tuple_is_stub(tuple) && stub_locator(tuple) == locator;
		}
	}
	LockBuffer(check->buffer, BUFFER_LOCK_UNLOCK);
	return found;
}

/*
 * Whether any stub still points into a live segment. Stops at the first, so a segment in use costs one page; a segment
 * that cannot be read is taken to be in use.
 */
static bool
segment_in_use(Relation table, SegmentAccess *access, SegmentNumber segno)
{
	StubCheck	check = {table, RelationGetNumberOfBlocks(table), InvalidBuffer};
	bool		in_use = false;
	uint32		rows;

	if (!pxd_access_seek(access, segno))
		return true;

	rows = pxd_access_rows(access);
	for (uint32 position = 0; position < rows && !in_use; position++)
	{
		ItemPointerData tid;

		vacuum_delay_point();
		pxd_access_engine(access)->back_pointer(access, pxd_access_state(access), position, &tid);
		in_use = stub_exists(&check, &tid, locator_make(segno, position));
	}
	if (BufferIsValid(check.buffer))
		ReleaseBuffer(check.buffer);
	return in_use;
}

/* Frees every segment of the table that no stub points to, and gives the tail of the store back. */
static void
collect_garbage(Relation table)
{
	Relation	store = table_open(table->rd_rel->reltoastrelid, RowExclusiveLock);
	SegmentAccess access;
	SegmentNumber segno = InvalidSegmentNumber;
	SegmentEntry entry;

	pxd_access_init(&access);
	pxd_access_open(&access, table);

	while (pxd_store_next(store, &segno, &entry))
	{
		CHECK_FOR_INTERRUPTS();
		if (entry.state == SEGMENT_LIVE
			? !segment_in_use(table, &access, segno)
			: (entry.state == SEGMENT_BUILDING && pxd_store_builder_gone(&entry)))
		{
			pxd_access_unpin(&access);
			pxd_store_free(store, segno);
		}
	}
	pxd_access_close(&access);

	pxd_store_truncate_tail(store);
	table_close(store, RowExclusiveLock);
}

void
pxd_relation_vacuum(Relation table, VacuumParams *params, BufferAccessStrategy bstrategy)
{
	/*
	 * Flush first, so that vacuum's own pass sees the stubs and sets the pages all-visible. Freezing must go on when flushing
	 * cannot (R10): not before an overdue wraparound vacuum, nor without our resource manager.
	 */
	if (pxd_preloaded && !params->is_wraparound)
	{
		FlushResult result = {0};

		pxd_flush_table(table, FLUSH_VACUUM, bstrategy, &result);
	}

	heap_vacuum_rel(table, params, bstrategy);

	/* Without our resource manager nothing may be written to the store; freezing must go on all the same (R10). */
	if (pxd_preloaded && OidIsValid(table->rd_rel->reltoastrelid))
		collect_garbage(table);
}
