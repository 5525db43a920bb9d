/*
 * cover.c: which heap pages segments lead to all rows of.
 *
 * A search by key (key_scan.c) reads the pages that the segments it looks at point to, and those that are not covered. A page becomes covered at the end of a VACUUM, if it is
 * all-visible and holds nothing but stubs that their segments point back to. Deleting and locking rows, pruning, sealing and compaction leave it
 * so: the back-pointer of a row's new segment leads to the row's page, too. Whatever puts a tuple on a page clears the bit.
 *
 * Locks: a bit is set with the heap page share-locked, after a look at the page under the same lock; segments are read in between with a
 * pin only (I3), and the page is looked at again. WAL: the store's (covered.c).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/visibilitymap.h"
#include "access/xact.h"
#include "commands/vacuum.h"
#include "storage/predicate.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "cover.h"
#include "engine.h"
#include "stub.h"
#include "tableam.h"

/* --- writers --- */

/*
 * The page that was noted last, and by which (sub)transaction. While that runs, its tuple keeps the page from being all-visible, so the bit stays
 * cleared: consecutive inserts ask once a page.
 */
static struct
{
	RelFileNode node;
	BlockNumber block;
	TransactionId xid;
}			noted;

void
pxd_cover_note_tuple(Relation table, const ItemPointerData *tid, bool lasting)
{
	BlockNumber block = ItemPointerGetBlockNumber(tid);
	TransactionId xid = GetCurrentTransactionIdIfAny();
	Relation	store;
	bool		cleared;

	if (!OidIsValid(table->rd_rel->reltoastrelid) || pxd_table_engine(table)->search == NULL)
		return;
	if (noted.block == block && noted.xid == xid && TransactionIdIsValid(xid) && RelFileNodeEquals(noted.node, table->rd_node))
		return;

	store = table_open(table->rd_rel->reltoastrelid, RowExclusiveLock);
	cleared = pxd_covered_clear(store, block);
	table_close(store, NoLock);
	noted.node = table->rd_node;
	noted.block = block;
	noted.xid = lasting ? xid : InvalidTransactionId;

	/*
	 * A serializable search by key that read the bit before this has locked the table before that, and core looked for such locks while it had the heap page
	 * locked: perhaps before. A search that reads the bit from now on meets the tuple.
	 */
	if (cleared)
		CheckForSerializableConflictIn(table, NULL, InvalidBlockNumber);
}

/* --- VACUUM --- */

/*
 * Whether the key of an overlay's row is that in the segment. Columns of the key that the overlay does not hold are read from there; one that it does hold
 * may have been changed. Values are compared as bytes: equal ones that look different leave the page uncovered.
 */
static bool
overlay_has_key(SegmentAccess *access, Relation table, HeapTuple overlay, uint32 position)
{
	const StorageEngine *engine = pxd_access_engine(access);
	TupleDesc	tupdesc = RelationGetDescr(table);
	AttrNumber	attnums[INDEX_MAX_KEYS];
	int			n = engine->key_columns(pxd_access_state(access), attnums);

	for (int i = 0; i < n; i++)
	{
		ValueBuffer buffer = {.context = CurrentMemoryContext};
		Form_pg_attribute att;
		Datum		sealed;
		Datum		held;
		bool		sealed_null;
		bool		held_null;

		if (attnums[i] > HeapTupleHeaderGetNatts(overlay->t_data) || !overlay_has_inline(overlay->t_data, attnums[i]))
			continue;
		att = TupleDescAttr(tupdesc, attnums[i] - 1);
		if (att->attisdropped)
			continue;			/* nobody can look for it */
		sealed = engine->fetch(access, pxd_access_state(access), position, att, &buffer, &sealed_null);
		held = heap_getattr(overlay, attnums[i], tupdesc, &held_null);
		if (sealed_null != held_null ||
			(!sealed_null && !datum_image_eq(sealed, held, att->attbyval, att->attlen)))
			return false;
	}
	return true;
}

bool
pxd_cover_has_stub(SegmentAccess *access, Relation table, HeapTuple stub)
{
	Locator		locator = stub_locator(stub->t_data);
	uint32		position = locator_position(locator);
	ItemPointerData back;

	if (!pxd_access_seek(access, locator_segment(locator)) || position >= pxd_access_rows(access) ||
		pxd_access_engine(access)->search == NULL)
		return false;
	pxd_access_engine(access)->back_pointer(access, pxd_access_state(access), position, &back);
	if (!ItemPointerIsValid(&back) || ItemPointerGetBlockNumber(&back) != ItemPointerGetBlockNumber(&stub->t_self))
		return false;
	return stub->t_data->t_hoff - tuple_gap_start(stub->t_data) == LOCATOR_SIZE ||
		overlay_has_key(access, table, stub, position);
}

/*
 * Finds the page's tuples; false if it is not all-visible or one is no stub. The page is share-locked. Stubs do not move while it is pinned.
 */
static bool
collect_stubs(Relation table, Buffer buffer, HeapTupleData *stubs, int *nstubs)
{
	Page		page = BufferGetPage(buffer);
	BlockNumber block = BufferGetBlockNumber(buffer);

	*nstubs = 0;
	if (PageIsNew(page) || !PageIsAllVisible(page))
		return false;
	for (OffsetNumber offset = FirstOffsetNumber; offset <= PageGetMaxOffsetNumber(page); offset++)
	{
		HeapTuple	tuple = &stubs[*nstubs];

		if (!page_tuple(table, block, page, offset, tuple))
			continue;
		if (!tuple_is_stub(tuple->t_data))
			return false;
		(*nstubs)++;
	}
	return true;
}

/*
 * Covers the page if that is right. It is all-visible before and after its stubs' segments are read, and only this vacuum could have made it so again:
 * so no tuple has come or changed meanwhile.
 */
static void
cover_page(Relation table, Relation store, SegmentAccess *access, BlockNumber block, BufferAccessStrategy strategy)
{
	Buffer		buffer = ReadBufferExtended(table, MAIN_FORKNUM, block, RBM_NORMAL, strategy);
	HeapTupleData stubs[MaxHeapTuplesPerPage];
	int			nstubs;
	bool		covered;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	covered = collect_stubs(table, buffer, stubs, &nstubs);
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);

	for (int i = 0; i < nstubs && covered; i++)
		covered = pxd_cover_has_stub(access, table, &stubs[i]);
	if (covered)
	{
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		if (PageIsAllVisible(BufferGetPage(buffer)))
			pxd_covered_set(store, block);
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	}
	ReleaseBuffer(buffer);
}

void
pxd_cover_pages(Relation table, BufferAccessStrategy strategy)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(table);
	MemoryContext context;
	MemoryContext oldcontext;
	Buffer		vmbuffer = InvalidBuffer;
	SegmentAccess access;
	Relation	store;
	uint64	   *covered;

	if (pxd_table_engine(table)->search == NULL || !pxd_table_has_segments(table))
		return;

	context = AllocSetContextCreate(CurrentMemoryContext, "proximadb cover", ALLOCSET_DEFAULT_SIZES);
	store = table_open(table->rd_rel->reltoastrelid, RowExclusiveLock);
	pxd_covered_prepare(store, nblocks);
	covered = pxd_covered_read(store, nblocks);
	pxd_access_init(&access);
	pxd_access_open(&access, table);
	for (BlockNumber block = 0; block < nblocks; block++)
	{
		if ((covered[block / 64] >> (block % 64)) & 1 || !VM_ALL_VISIBLE(table, block, &vmbuffer))
			continue;
		vacuum_delay_point();
		oldcontext = MemoryContextSwitchTo(context);
		cover_page(table, store, &access, block, strategy);
		MemoryContextSwitchTo(oldcontext);
		MemoryContextReset(context);
	}
	if (BufferIsValid(vmbuffer))
		ReleaseBuffer(vmbuffer);
	pxd_access_close(&access);
	table_close(store, NoLock);
	pfree(covered);
	MemoryContextDelete(context);
}
