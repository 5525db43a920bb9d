/*
 * seal.c: puts stubs in the place of tuples.
 *
 * A page is changed under a cleanup lock, so no reader uses a locator or a tuple pointer of it meanwhile (I3). The lock is
 * taken only if it can be had at once: a reader that stays on a page never holds up a flush, and its rows are left for the next
 * one. What is replaced must stand exactly as it was read: same TID, inserter, length and bytes; MVCC
 * fields may have changed since and are kept.
 *
 * WAL: one SEAL record a page, with the tuples as they are written (src/wal/seal_redo.c).
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/xloginsert.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "storage/bufpage.h"
#include "storage/freespace.h"
#include "utils/memutils.h"

#include "rmgr.h"
#include "seal.h"
#include "stub.h"

void
pxd_seal_list_init(SealList *list, MemoryContext parent)
{
	memset(list, 0, sizeof(*list));
	list->context = AllocSetContextCreate(parent, "proximadb seal list", ALLOCSET_DEFAULT_SIZES);
}

static pg_crc32c
tuple_crc(HeapTupleHeader tuple, uint32 len)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, (char *) tuple + SizeofHeapTupleHeader, len - SizeofHeapTupleHeader);
	FIN_CRC32C(crc);
	return crc;
}

void
pxd_seal_list_add(SealList *list, HeapTuple tuple, HeapTuple stub)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(list->context);
	SealItem   *item;

	Assert(stub->t_len <= tuple->t_len);

	if (list->nitems == list->capacity)
	{
		list->capacity = Max(256, list->capacity * 2);
		list->items = list->items == NULL ?
			palloc(list->capacity * sizeof(SealItem)) :
			repalloc(list->items, list->capacity * sizeof(SealItem));
	}
	item = &list->items[list->nitems++];
	item->tid = tuple->t_self;
	item->xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
	item->len = tuple->t_len;
	item->crc = tuple_crc(tuple->t_data, tuple->t_len);
	item->stub = heap_copytuple(stub);
	item->toasted = HeapTupleHasExternal(tuple) ? heap_copytuple(tuple) : NULL;
	MemoryContextSwitchTo(oldcontext);
}

static void
empty_list(SealList *list)
{
	MemoryContextReset(list->context);
	list->nitems = 0;
	list->capacity = 0;
	list->items = NULL;
}

/*
 * Whether the item's tuple still stands as it was read. A row with external values must besides be live, and not
 * being updated: a new version would share its chunks (R1).
 */
static bool
still_stands(Relation table, Buffer buffer, const SealItem *item, TransactionId oldest_xmin)
{
	Page		page = BufferGetPage(buffer);
	OffsetNumber offset = ItemPointerGetOffsetNumber(&item->tid);
	ItemId		lp;
	HeapTupleData tuple;

	if (offset > PageGetMaxOffsetNumber(page))
		return false;
	lp = PageGetItemId(page, offset);
	if (!ItemIdIsNormal(lp) || ItemIdGetLength(lp) != item->len)
		return false;

	tuple.t_data = (HeapTupleHeader) PageGetItem(page, lp);
	tuple.t_len = item->len;
	tuple.t_self = item->tid;
	tuple.t_tableOid = RelationGetRelid(table);
	if (HeapTupleHeaderGetRawXmin(tuple.t_data) != item->xmin || tuple_crc(tuple.t_data, tuple.t_len) != item->crc)
		return false;
	return item->toasted == NULL ||
		HeapTupleSatisfiesVacuum(&tuple, oldest_xmin, buffer) == HEAPTUPLE_LIVE;
}

/* Writes the item's stub, with the MVCC fields of the tuple on the page, to image. Returns its length. */
static Size
make_image(Page page, const SealItem *item, char *image)
{
	ItemId		lp = PageGetItemId(page, ItemPointerGetOffsetNumber(&item->tid));
	HeapTupleHeader old = (HeapTupleHeader) PageGetItem(page, lp);
	HeapTupleHeader stub = item->stub->t_data;

	stub->t_choice.t_heap = old->t_choice.t_heap;
	stub->t_ctid = old->t_ctid;
	stub->t_infomask = (stub->t_infomask & ~HEAP_XACT_MASK) | (old->t_infomask & HEAP_XACT_MASK);
	stub->t_infomask2 = (stub->t_infomask2 & ~HEAP2_XACT_MASK) | (old->t_infomask2 & HEAP2_XACT_MASK);
	memcpy(image, stub, item->stub->t_len);
	return item->stub->t_len;
}

/* Seals the items [0, n), all on one page. Returns how many; toasted tuples of those that were not are forgotten. */
static int
seal_page(Relation table, SealItem *items, int n, TransactionId oldest_xmin, BufferAccessStrategy strategy)
{
	BlockNumber block = ItemPointerGetBlockNumber(&items[0].tid);
	Buffer		buffer = ReadBufferExtended(table, MAIN_FORKNUM, block, RBM_NORMAL, strategy);
	Page		page = BufferGetPage(buffer);
	PGAlignedBlock record;
	Size		record_len = 0;
	int			sealed = 0;
	Size		free_space;

	if (!ConditionalLockBufferForCleanup(buffer))
	{
		ReleaseBuffer(buffer);
		for (int i = 0; i < n; i++)
			items[i].toasted = NULL;
		return 0;
	}

	for (int i = 0; i < n; i++)
	{
		SealedTuple entry;

		if (!still_stands(table, buffer, &items[i], oldest_xmin))
		{
			items[i].toasted = NULL;
			continue;
		}
		/* Stubs are no longer than the tuples of this page, and an entry's head no longer than a line pointer. */
		entry.offset = ItemPointerGetOffsetNumber(&items[i].tid);
		entry.len = make_image(page, &items[i], record.data + record_len + sizeof(SealedTuple));
		memcpy(record.data + record_len, &entry, sizeof(entry));
		record_len += sizeof(entry) + entry.len;
		Assert(record_len <= BLCKSZ);
		sealed++;
	}
	if (sealed == 0)
	{
		UnlockReleaseBuffer(buffer);
		return 0;
	}

	START_CRIT_SECTION();
	pxd_seal_replace(page, record.data, record_len);
	MarkBufferDirty(buffer);
	if (RelationNeedsWAL(table))
	{
		XLogRecPtr	lsn;

		XLogBeginInsert();
		XLogRegisterBuffer(0, buffer, REGBUF_STANDARD);
		XLogRegisterBufData(0, record.data, record_len);
		lsn = XLogInsert(PXD_RMGR_ID, XLOG_PXD_SEAL);
		PageSetLSN(page, lsn);
	}
	END_CRIT_SECTION();

	free_space = PageGetHeapFreeSpace(page);
	UnlockReleaseBuffer(buffer);
	RecordPageWithFreeSpace(table, block, free_space);
	return sealed;
}

static int
compare_items(const void *a, const void *b)
{
	return ItemPointerCompare((ItemPointer) &((const SealItem *) a)->tid, (ItemPointer) &((const SealItem *) b)->tid);
}

void
pxd_seal_apply(Relation table, SealList *list, TransactionId oldest_xmin, BufferAccessStrategy strategy,
			   uint64 *sealed)
{
	int			first = 0;

	if (list->nitems == 0)
		return;
	/* Each page is taken once; rows that come in the order of a sort key stand anywhere. */
	if (list->nitems > 1)
		qsort(list->items, list->nitems, sizeof(SealItem), compare_items);
	while (first < list->nitems)
	{
		BlockNumber block = ItemPointerGetBlockNumber(&list->items[first].tid);
		int			end = first + 1;

		vacuum_delay_point();
		while (end < list->nitems && ItemPointerGetBlockNumber(&list->items[end].tid) == block)
			end++;
		*sealed += seal_page(table, list->items + first, end - first, oldest_xmin, strategy);
		first = end;
	}

	/* Last: readers of old snapshots still find the chunks, as after an update (R1). */
	for (int i = 0; i < list->nitems; i++)
		if (list->items[i].toasted != NULL)
			heap_toast_delete(table, list->items[i].toasted, false);

	/* At once, not at the end of the pass: who inserts meanwhile shall find the room instead of extending the file. */
	FreeSpaceMapVacuumRange(table, ItemPointerGetBlockNumber(&list->items[0].tid),
							ItemPointerGetBlockNumber(&list->items[list->nitems - 1].tid) + 1);
	empty_list(list);
}
