/*
 * free.c: giving extents back: to the directory as FREE, and from the end of the file to the file system.
 *
 * A free extent's pages stay formatted, so that core's inserts pass them by (R4). An extent whose builder
 * has died may have holes: pages never formatted, pages that core's inserts have taken since, pages of
 * another extent, when the dead one never got as far as claiming them. Only those with the dead segment's
 * tag, and new ones, are its own.
 *
 * Locks: page locks for a batch of pages while they are formatted and logged; a cleanup lock on the first page of a live segment
 * while it is freed; AccessExclusive on the relation, for a moment, while the file is truncated.
 */
#include "postgres.h"

#include "access/visibilitymap.h"
#include "access/xlog.h"
#include "access/xloginsert.h"
#include "catalog/storage.h"
#include "miscadmin.h"
#include "storage/freespace.h"
#include "storage/lmgr.h"

#include "proximadb.h"
#include "rmgr.h"
#include "store_internal.h"

#define FORMAT_BATCH	XLR_MAX_BLOCK_ID

/* Consecutive pages of an extent that is being freed. */
typedef struct PageRun
{
	BlockNumber first;
	uint32		pages;
} PageRun;

typedef struct PageRuns
{
	int			count;
	int			capacity;
	PageRun    *runs;
} PageRuns;

static void
append_run(PageRuns *runs, BlockNumber first, uint32 pages)
{
	PageRun    *last = runs->count > 0 ? &runs->runs[runs->count - 1] : NULL;

	if (last != NULL && last->first + last->pages == first)
	{
		last->pages += pages;
		return;
	}
	if (runs->count == runs->capacity)
	{
		runs->capacity = Max(8, runs->capacity * 2);
		runs->runs = runs->runs == NULL ?
			palloc(runs->capacity * sizeof(PageRun)) :
			repalloc(runs->runs, runs->capacity * sizeof(PageRun));
	}
	runs->runs[runs->count].first = first;
	runs->runs[runs->count].pages = pages;
	runs->count++;
}

/* --- freeing --- */

/* True if the page is of the segment's form and its tag names segno. */
static bool
page_has_tag(Page page, SegmentNumber segno, uint32 store_bits)
{
	const PageTag *tag = StorePageTag(page);

	return store_page_has_form((PageHeader) page) &&
		tag->store_bits == store_bits &&
		tag->address >> PAGE_INDEX_BITS == segno &&
		(tag->address & PAGE_INDEX_MASK) < SEGMENT_MAX_PAGES;
}

/*
 * Formats and logs consecutive pages, locked exclusively, and lets them go. Logged even if they were
 * formatted before: the builder's formatting was not.
 */
static void
format_batch(Relation store, Buffer *buffers, int count, uint64 address, uint32 store_bits, Buffer vmbuffer)
{
	if (count == 0)
		return;
	if (RelationNeedsWAL(store))
		XLogEnsureRecordSpace(XLR_MAX_BLOCK_ID - 1, 0);

	START_CRIT_SECTION();
	for (int i = 0; i < count; i++)
	{
		store_page_init(BufferGetPage(buffers[i]), address + i, store_bits);
		MarkBufferDirty(buffers[i]);
	}
	if (RelationNeedsWAL(store))
	{
		xl_pxd_format record = {.address = address, .store_bits = store_bits, .nblocks = count};
		XLogRecPtr	lsn;

		XLogBeginInsert();
		XLogRegisterData((char *) &record, sizeof(record));
		for (int i = 0; i < count; i++)
			XLogRegisterBuffer(i, buffers[i], REGBUF_STANDARD | REGBUF_WILL_INIT);
		lsn = XLogInsert(PXD_RMGR_ID, XLOG_PXD_FORMAT);
		for (int i = 0; i < count; i++)
			PageSetLSN(BufferGetPage(buffers[i]), lsn);
	}
	END_CRIT_SECTION();

	for (int i = 0; i < count; i++)
	{
		pxd_page_set_visible(store, buffers[i], vmbuffer);
		UnlockReleaseBuffer(buffers[i]);
	}
}

/*
 * Finds which pages of a dead BUILDING extent are its own, formats them, and adds them to runs. All pages
 * in its range were new or beyond the end when it was claimed, so one with its tag was formatted under this
 * claim. Batches end where foreign pages or the visibility map's pages do.
 */
static void
salvage_pages(Relation store, SegmentNumber segno, const DirectoryEntry *entry, PageRuns *runs)
{
	BlockNumber end = Min((uint64) entry->first_block + entry->pages, RelationGetNumberOfBlocks(store));
	BlockNumber block = entry->first_block;
	Buffer		vmbuffer = InvalidBuffer;
	StoreMeta	meta;

	(void) pxd_meta_read(store, &meta);
	while (block < end)
	{
		Buffer		buffers[FORMAT_BATCH];
		uint64		address = store_address(segno, block - entry->first_block);
		int			count = 0;

		CHECK_FOR_INTERRUPTS();
		visibilitymap_pin(store, block, &vmbuffer);
		while (count < FORMAT_BATCH && block < end && visibilitymap_pin_ok(block, vmbuffer))
		{
			Buffer		buffer = ReadBuffer(store, block);
			Page		page = BufferGetPage(buffer);

			LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
			if (!PageIsNew(page) && !page_has_tag(page, segno, (uint32) meta.store_id))
			{
				UnlockReleaseBuffer(buffer);
				block++;
				break;
			}
			buffers[count++] = buffer;
			append_run(runs, block++, 1);
		}
		format_batch(store, buffers, count, address, (uint32) meta.store_id, vmbuffer);
	}
	if (BufferIsValid(vmbuffer))
		ReleaseBuffer(vmbuffer);
}

void
pxd_extent_release(Relation store, SegmentNumber segno, const DirectoryEntry *entry, bool keep_number)
{
	PageRuns	runs = {0};
	DirectoryUpdate update;
	DirectoryEntry unused = {0};
	DirectoryEntry rest = *entry;

	if (entry->state == SEGMENT_BUILDING && (entry->flags & ENTRY_REUSED) == 0)
		salvage_pages(store, segno, entry, &runs);
	else
		append_run(&runs, entry->first_block, entry->pages);

	/*
	 * Front to back; segno's entry keeps claiming the rest, so that at any moment each page belongs to one
	 * entry.
	 */
	for (int i = 0; i < runs.count; i++)
	{
		bool		last = i == runs.count - 1;
		SegmentNumber number = last && keep_number ? segno : pxd_store_reserve(store);
		DirectoryEntry free_entry = {.state = SEGMENT_FREE};

		free_entry.first_block = runs.runs[i].first;
		free_entry.pages = runs.runs[i].pages;
		if (!last)
		{
			rest.pages -= runs.runs[i + 1].first - rest.first_block;
			rest.first_block = runs.runs[i + 1].first;
		}

		pxd_directory_begin(&update, store);
		pxd_directory_set(&update, number, &free_entry);
		if (number != segno)
			pxd_directory_set(&update, segno, last ? &unused : &rest);
		(void) pxd_directory_commit(&update);
	}
	if (runs.count == 0)
	{
		pxd_directory_begin(&update, store);
		pxd_directory_set(&update, segno, &unused);
		(void) pxd_directory_commit(&update);
	}
}

/* How often, and after which pause, a first page that somebody has pinned is tried again: the pin may be that of a process that writes the page. */
#define FREE_TRIES			10
#define FREE_PAUSE_US		1000

/* Locks the first page of a live segment for cleanup, so that nobody holds the segment. Returns InvalidBuffer if somebody does. */
static Buffer
lock_unheld(Relation store, const DirectoryEntry *entry)
{
	Buffer		buffer = ReadBuffer(store, entry->first_block);

	for (int i = 0; i < FREE_TRIES; i++)
	{
		if (ConditionalLockBufferForCleanup(buffer))
			return buffer;
		pg_usleep(FREE_PAUSE_US);
	}
	ReleaseBuffer(buffer);
	return InvalidBuffer;
}

bool
pxd_store_free(Relation store, SegmentNumber segno)
{
	DirectoryEntry entry;
	Buffer		first = InvalidBuffer;

	pxd_require_preload(store);
	if (!pxd_directory_get(store, segno, &entry))
		elog(ERROR, "segment " UINT64_FORMAT " is freed but not reserved", segno);
	if (entry.state == SEGMENT_LIVE && !BufferIsValid(first = lock_unheld(store, &entry)))
		return false;
	if (entry.state == SEGMENT_LIVE || entry.state == SEGMENT_BUILDING)
		pxd_extent_release(store, segno, &entry, true);
	if (BufferIsValid(first))
		UnlockReleaseBuffer(first);
	return true;
}

/*
 * Who frees a segment changes its entry while it has the first page locked for cleanup. So an entry that is LIVE once the pin is there, and the lock has been
 * had since, stays so until the pin goes.
 */
Buffer
pxd_store_hold(Relation store, SegmentNumber segno)
{
	DirectoryEntry entry;
	DirectoryEntry again;
	Buffer		buffer;

	if (!pxd_directory_get(store, segno, &entry) || entry.state != SEGMENT_LIVE)
		return InvalidBuffer;
	buffer = ReadBuffer(store, entry.first_block);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	if (pxd_directory_get(store, segno, &again) && again.state == SEGMENT_LIVE)
		return buffer;
	ReleaseBuffer(buffer);
	return InvalidBuffer;
}

/* --- truncating --- */

typedef struct Extent
{
	SegmentNumber segno;
	uint8		state;
	BlockNumber first;
	uint32		pages;
} Extent;

static int
compare_extents(const void *a, const void *b)
{
	const Extent *left = a;
	const Extent *right = b;

	if (left->first != right->first)
		return left->first < right->first ? -1 : 1;
	return 0;
}

/* All extents of the directory in the order of their blocks. */
static Extent *
collect_extents(Relation store, int *count)
{
	int			capacity = 64;
	Extent	   *extents = palloc(capacity * sizeof(Extent));
	SegmentNumber segno = InvalidSegmentNumber;
	SegmentEntry entry;

	*count = 0;
	while (pxd_store_next(store, &segno, &entry))
	{
		if (*count == capacity)
		{
			capacity *= 2;
			extents = repalloc_huge(extents, capacity * sizeof(Extent));
		}
		extents[*count].segno = segno;
		extents[*count].state = entry.state;
		extents[*count].first = entry.first_block;
		extents[*count].pages = entry.pages;
		(*count)++;
	}
	qsort(extents, *count, sizeof(Extent), compare_extents);
	return extents;
}

/* Joins two adjacent free extents under the lower one's number, if they still are what they were. */
static bool
join_extents(Relation store, Extent *lower, Extent *upper)
{
	DirectoryUpdate update;
	DirectoryEntry low;
	DirectoryEntry high;
	DirectoryEntry unused = {0};

	pxd_directory_begin(&update, store);
	pxd_directory_read(&update, lower->segno, &low);
	pxd_directory_read(&update, upper->segno, &high);
	if (low.state != SEGMENT_FREE || high.state != SEGMENT_FREE ||
		low.first_block + low.pages != high.first_block)
	{
		pxd_directory_cancel(&update);
		return false;
	}
	low.pages += high.pages;
	pxd_directory_set(&update, lower->segno, &low);
	pxd_directory_set(&update, upper->segno, &unused);
	(void) pxd_directory_commit(&update);

	lower->first = low.first_block;
	lower->pages = low.pages;
	upper->state = SEGMENT_UNUSED;
	upper->pages = 0;
	return true;
}

/*
 * Joins adjacent free extents. Works beside writers: each pair is looked at again under the metapage's
 * lock.
 */
static void
coalesce(Relation store)
{
	int			count;
	Extent	   *extents = collect_extents(store, &count);
	int			lower = 0;

	for (int i = 1; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (extents[lower].state == SEGMENT_FREE && extents[i].state == SEGMENT_FREE &&
			extents[lower].first + extents[lower].pages == extents[i].first &&
			join_extents(store, &extents[lower], &extents[i]))
			continue;
		lower = i;
	}
	pfree(extents);
}

/* True if a heap page has no line pointer in use, so that no index entry leads to it either. */
static bool
heap_page_is_empty(Page page)
{
	for (OffsetNumber offset = FirstOffsetNumber; offset <= PageGetMaxOffsetNumber(page); offset++)
		if (ItemIdIsUsed(PageGetItemId(page, offset)))
			return false;
	return true;
}

/* --- pages of chunks that have gone --- */

/* Empty heap pages become free extents when there are so many, and no fewer than this part of the file: what TOAST uses again by itself is left to it. */
#define RECLAIM_MIN_PAGES		16
#define RECLAIM_MIN_FRACTION	(1.0 / 16)

/* Free space that the map has for an empty page, at least: it counts in 32nds of kilobytes, rounded down. */
#define EMPTY_PAGE_SPACE		(BLCKSZ - 128)

/* Shorter runs of them are of no use to segments. */
#define RECLAIM_MIN_RUN			8

/* True if the free space map has the page as an empty heap page. It may be wrong. */
static bool
seems_empty(Relation store, BlockNumber block)
{
	return GetRecordedFreeSpace(store, block) >= EMPTY_PAGE_SPACE;
}

/* Finds runs of seemingly empty heap pages outside of all extents. Returns the number of their pages. */
static uint64
find_empty_runs(Relation store, PageRuns *runs)
{
	int			count;
	Extent	   *extents = collect_extents(store, &count);
	BlockNumber nblocks = RelationGetNumberOfBlocks(store);
	BlockNumber block = STORE_METAPAGE_BLOCK + 1;
	uint64		found = 0;

	for (int i = 0; i <= count; i++)
	{
		BlockNumber end = i < count ? Min(extents[i].first, nblocks) : nblocks;

		for (; block < end; block++)
		{
			CHECK_FOR_INTERRUPTS();
			if (!seems_empty(store, block))
				continue;
			append_run(runs, block, 1);
			found++;
		}
		if (i < count && (uint64) extents[i].first + extents[i].pages > block)
			block = Min((uint64) extents[i].first + extents[i].pages, nblocks);
	}
	pfree(extents);
	return found;
}

/*
 * Formats pages from first on, fewer than end, as long as they are empty heap pages. Returns the first one that is not. Core's insert, which may have one
 * of them in mind, looks for room once it has it locked, and finds none then.
 */
static BlockNumber
format_empty_pages(Relation store, BlockNumber first, BlockNumber end, SegmentNumber segno, uint32 store_bits, Buffer *vmbuffer)
{
	BlockNumber block = first;
	bool		more = true;

	while (more && block < end)
	{
		Buffer		buffers[FORMAT_BATCH];
		uint64		address = store_address(segno, block - first);
		int			count = 0;

		CHECK_FOR_INTERRUPTS();
		visibilitymap_pin(store, block, vmbuffer);
		while (more && count < FORMAT_BATCH && block < end && visibilitymap_pin_ok(block, *vmbuffer))
		{
			Buffer		buffer = ReadBuffer(store, block);
			Page		page = BufferGetPage(buffer);

			LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
			more = !PageIsNew(page) && !store_page_has_form((PageHeader) page) && heap_page_is_empty(page);
			if (!more)
			{
				UnlockReleaseBuffer(buffer);
				break;
			}
			buffers[count++] = buffer;
			block++;
		}
		format_batch(store, buffers, count, address, store_bits, *vmbuffer);
	}
	for (BlockNumber done = first; done < block; done++)
		RecordPageWithFreeSpace(store, done, 0);
	return block;
}

/* Makes a run of empty heap pages a free extent, as far as they are empty. */
static void
reclaim_run(Relation store, const PageRun *run, uint32 store_bits, Buffer *vmbuffer)
{
	SegmentNumber segno = pxd_store_reserve(store);
	BlockNumber end = format_empty_pages(store, run->first, run->first + Min(run->pages, SEGMENT_MAX_PAGES), segno, store_bits, vmbuffer);
	DirectoryEntry entry = {.state = SEGMENT_FREE,.first_block = run->first,.pages = end - run->first};
	DirectoryUpdate update;

	if (entry.pages == 0)
		return;
	pxd_directory_begin(&update, store);
	pxd_directory_set(&update, segno, &entry);
	(void) pxd_directory_commit(&update);
}

/*
 * A crash between formatting and the entry leaves pages that no entry knows: a leak, as in a truncation. The extension lock keeps others from
 * claiming pages outside of free extents, so what is in no extent now is in none until it is let go.
 */
void
pxd_store_reclaim_chunk_pages(Relation store)
{
	PageRuns	runs = {0};
	Buffer		vmbuffer = InvalidBuffer;
	StoreMeta	meta;

	pxd_require_preload(store);
	if (!pxd_meta_read(store, &meta))
		return;
	if (find_empty_runs(store, &runs) < Max(RECLAIM_MIN_PAGES, RECLAIM_MIN_FRACTION * RelationGetNumberOfBlocks(store)))
		return;

	LockRelationForExtension(store, ExclusiveLock);
	runs.count = 0;
	(void) find_empty_runs(store, &runs);
	for (int i = 0; i < runs.count; i++)
		if (runs.runs[i].pages >= RECLAIM_MIN_RUN)
			reclaim_run(store, &runs.runs[i], (uint32) meta.store_id, &vmbuffer);
	UnlockRelationForExtension(store, ExclusiveLock);
	if (BufferIsValid(vmbuffer))
		ReleaseBuffer(vmbuffer);
}

/* --- the end of the file --- */

/* Pages that must become free for each cover page that has to be made again, which means a look at all heap pages. */
#define CUT_FOR_COVER_PAGE	8

/*
 * True if the page at the end of the file, which belongs to no live or free extent, holds nothing that is needed: it is
 * new, a heap page whose chunks have gone, a segment's page that the directory has forgotten (a crash between the two
 * steps of an earlier truncation), a cover page, which VACUUM makes anew, or what a page of the directory has left where
 * it was.
 */
static bool
page_is_garbage(Relation store, BlockNumber block, uint32 store_bits)
{
	Buffer		buffer = ReadBuffer(store, block);
	Page		page = BufferGetPage(buffer);
	bool		ours = false;
	bool		garbage;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (PageIsNew(page))
		garbage = true;
	else if (store_page_has_form((PageHeader) page))
	{
		ours = true;
		garbage = StorePageTag(page)->store_bits == store_bits;
	}
	else
		garbage = heap_page_is_empty(page);
	UnlockReleaseBuffer(buffer);
	return garbage && !(ours && pxd_directory_owns(store, block));
}

/* Whether it would be worth the while to cut the file at end: cover pages alone are not, since they are made again. */
static bool
is_worth_cutting(Relation store, BlockNumber nblocks, BlockNumber end)
{
	BlockNumber *blocks = palloc(sizeof(BlockNumber) * (COVER_PAGES + 1));
	Buffer		meta = pxd_meta_pin(store);
	int			ncover = pxd_covered_blocks(store, meta, blocks);
	BlockNumber dropped = 0;

	ReleaseBuffer(meta);
	for (int i = 0; i < ncover; i++)
		dropped += blocks[i] >= end;
	pfree(blocks);
	return nblocks - end > CUT_FOR_COVER_PAGE * dropped;
}

/* The number of blocks the file needs. The relation is locked AccessExclusive, so nobody is building. */
static BlockNumber
find_end(Relation store, BlockNumber nblocks, const Extent *extents, int count)
{
	BlockNumber end = nblocks;
	int			i = count - 1;
	StoreMeta	meta;

	(void) pxd_meta_read(store, &meta);
	while (end > STORE_METAPAGE_BLOCK + 1)
	{
		CHECK_FOR_INTERRUPTS();

		/* dead BUILDING entries claim more than is theirs: their pages are judged one by one */
		while (i >= 0 && (extents[i].first >= end || extents[i].state == SEGMENT_BUILDING))
			i--;
		if (i >= 0 && (uint64) extents[i].first + extents[i].pages >= end)
		{
			if (extents[i].state != SEGMENT_FREE)
				break;
			end = extents[i].first;
		}
		else if (page_is_garbage(store, end - 1, (uint32) meta.store_id))
			end--;
		else
			break;
	}
	return is_worth_cutting(store, nblocks, end) ? end : nblocks;
}

/* The lowest free extent, if it begins before block, else NULL. */
static const Extent *
free_extent_before(const Extent *extents, int count, BlockNumber block)
{
	for (int i = 0; i < count && extents[i].first < block; i++)
		if (extents[i].state == SEGMENT_FREE)
			return &extents[i];
	return NULL;
}

/*
 * Moves the last page that is needed to the first page of a free extent, if it is a page of the directory. The relation is locked AccessExclusive. A crash between the two steps
 * leaves a page that no entry knows.
 */
static bool
move_last_page(Relation store, const Extent *extents, int count, BlockNumber end)
{
	const Extent *extent = free_extent_before(extents, count, end - 1);
	DirectoryUpdate update;
	DirectoryEntry entry;

	if (extent == NULL || !pxd_directory_owns(store, end - 1))
		return false;

	pxd_directory_begin(&update, store);
	pxd_directory_read(&update, extent->segno, &entry);
	Assert(entry.state == SEGMENT_FREE && entry.first_block == extent->first);
	entry.first_block++;
	entry.pages--;
	if (entry.pages == 0)
		memset(&entry, 0, sizeof(entry));
	pxd_directory_set(&update, extent->segno, &entry);
	(void) pxd_directory_commit(&update);

	pxd_directory_move(store, end - 1, extent->first);
	return true;
}

/*
 * Cuts the file. The entries go first: a crash in between leaves pages that no entry knows, which the next
 * truncation recognises; the other way round, entries would claim blocks that others extend into.
 */
static BlockNumber
truncate_locked(Relation store)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(store);
	int			count;
	Extent	   *extents = collect_extents(store, &count);
	BlockNumber end = find_end(store, nblocks, extents, count);

	while (move_last_page(store, extents, count, end))
	{
		pfree(extents);
		extents = collect_extents(store, &count);
		end = find_end(store, end - 1, extents, count);
	}

	for (int i = 0; i < count; i++)
	{
		DirectoryUpdate update;
		DirectoryEntry unused = {0};

		if (extents[i].first < end || extents[i].state == SEGMENT_LIVE)
			continue;
		pxd_directory_begin(&update, store);
		pxd_directory_set(&update, extents[i].segno, &unused);
		(void) pxd_directory_commit(&update);
	}
	pfree(extents);

	if (end >= nblocks)
		return 0;
	pxd_covered_drop(store, end);
	RelationTruncate(store, end);
	return nblocks - end;
}

/* A look without the lock, which is not to be taken for nothing. */
static bool
may_shrink(Relation store)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(store);
	int			count;
	Extent	   *extents = collect_extents(store, &count);
	BlockNumber end = find_end(store, nblocks, extents, count);
	bool		may_move = free_extent_before(extents, count, end - 1) != NULL && pxd_directory_owns(store, end - 1);

	pfree(extents);
	return may_move || end < nblocks;
}

BlockNumber
pxd_store_truncate_tail(Relation store)
{
	BlockNumber freed;

	pxd_require_preload(store);
	if (RelationGetNumberOfBlocks(store) == 0)
		return 0;

	coalesce(store);
	if (!may_shrink(store) || !ConditionalLockRelation(store, AccessExclusiveLock))
		return 0;
	freed = truncate_locked(store);

	/* Like lazy vacuum: others learn of the new length through the invalidation smgrtruncate has sent. */
	UnlockRelation(store, AccessExclusiveLock);
	return freed;
}
