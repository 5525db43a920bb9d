/*
 * key_scan.c: rows by sort key, through the segments.
 *
 * A search finds pages, not rows: those that back-pointers of rows with a fitting key lead to, and those that are not covered (cover.c), where rows may stand that segments do not
 * lead to. Each of these pages is then read once from the first tuple to the last, as a bitmap heap scan reads a page that has become lossy. So
 * every row the snapshot sees comes out at most once, whatever happened to it: updates, HOT chains, overlays on other pages.
 *
 * Why no row is missed. Let T be a tuple the snapshot sees.
 *   - The bits of covered pages are read first. If T's page is not covered then, it is read. So let it be covered.
 *   - Then T is a stub or overlay of a live segment S, whose record of it has T's key and points back to T's page. If S is searched, the page is
 *     found. Compaction may move T to a segment S' before S is searched. The same holds for S' (its back-pointer is T's TID), S' became live before S was
 *     freed, and S' has a higher number. Segments are searched in the order of their numbers, up to the last there is by then, so S' is met later, or what came after it.
 *   - While a segment is searched it is held (pxd_store_hold), so what is read is its own.
 * A segment that the search cannot judge, sorted by another key say, has all pages read that it points back to.
 *
 * Of the stubs on those pages most belong to other rows. One that is no overlay has the key of its record; so if its segment was searched and the record did not
 * match, the row is passed over without being looked at.
 *
 * Serializable transactions lock the relation before the bits are read, as a sequential scan does.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/tidbitmap.h"
#include "port/pg_bitutils.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/spccache.h"

#include "engine.h"
#include "key_scan.h"
#include "proximadb.h"
#include "slot.h"
#include "stub.h"
#include "tableam.h"

typedef struct MatchedRow
{
	Locator		locator;
	char		status;			/* of simplehash */
} MatchedRow;

/* Positions are dense: mix them. */
static inline uint32
hash_locator(Locator locator)
{
	locator ^= locator >> 32;
	locator *= UINT64CONST(0x9E3779B97F4A7C15);
	return (uint32) (locator >> 32);
}

#define SH_PREFIX matched
#define SH_ELEMENT_TYPE MatchedRow
#define SH_KEY_TYPE Locator
#define SH_KEY locator
#define SH_HASH_KEY(table, key) hash_locator(key)
#define SH_EQUAL(table, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct KeyScan
{
	Relation	table;
	Snapshot	snapshot;
	KeyScanCounts counts;
	BlockNumber nblocks;		/* of the main fork when the scan began: later pages hold nothing for the snapshot */
	uint64	   *covered;		/* bits of pages, read once: the snapshot stays the same */
	MemoryContext context;		/* of the scan */

	/* of the search */
	MemoryContext search_context;	/* reset for each search */
	uint64	   *pages;			/* bits of pages to be read */
	BlockNumber next_block;
	BlockNumber prefetched;		/* pages before this have been asked for */
	bool		filtered;		/* matched and searched tell which stubs can be passed over */
	matched_hash *matched;
	SegmentNumber *searched;	/* segments searched, ascending */
	int			nsearched;
	int			max_searched;
	TableScanDesc heap;			/* NULL: before the first page */
	bool		on_page;		/* heap has a page of which not all rows have been returned */
	TBMIterateResult *page;

	/* while a segment is searched */
	SegmentAccess access;
	SegmentNumber segno;
};

bool
pxd_key_scan_possible(Relation table, SortKey *key)
{
	const StorageEngine *engine = pxd_table_engine(table);
	SegmentSettings settings;

	if (engine == NULL || engine->search == NULL || !pxd_preloaded || !OidIsValid(table->rd_rel->reltoastrelid))
		return false;

	/* Rows may go while a snapshot sees them; that is noticed only by reading the page they were on. */
	if (OldSnapshotThresholdActive())
		return false;
	pxd_table_settings(table, engine, &settings);
	*key = settings.key;
	return key->ncolumns > 0;
}

/* --- which pages --- */

static inline Size
page_words(const KeyScan *scan)
{
	return Max(((Size) scan->nblocks + 63) / 64, 1);
}

static inline void
add_page(KeyScan *scan, BlockNumber block)
{
	/* Back-pointers past the end are those of rows that are gone, or came later. */
	if (block < scan->nblocks)
		scan->pages[block / 64] |= UINT64CONST(1) << (block % 64);
}

static void
add_back_pointer(KeyScan *scan, uint32 position)
{
	ItemPointerData tid;

	pxd_access_engine(&scan->access)->back_pointer(&scan->access, pxd_access_state(&scan->access), position, &tid);
	if (ItemPointerIsValid(&tid))
		add_page(scan, ItemPointerGetBlockNumber(&tid));
}

/* A row of the segment being searched matches. Rows passed over are known as long as what tells them takes no more than work_mem. */
static void
note_match(void *arg, uint32 position)
{
	KeyScan    *scan = arg;
	bool		found;

	add_back_pointer(scan, position);
	if (!scan->filtered)
		return;
	if ((Size) scan->matched->members * sizeof(MatchedRow) * 2 > (Size) work_mem * 1024)
	{
		matched_destroy(scan->matched);
		scan->matched = NULL;
		scan->filtered = false;
		return;
	}
	(void) matched_insert(scan->matched, locator_make(scan->segno, position), &found);
}

static void
note_searched(KeyScan *scan)
{
	if (scan->nsearched == scan->max_searched)
	{
		scan->max_searched = Max(64, scan->max_searched * 2);
		scan->searched = scan->searched == NULL ? palloc(scan->max_searched * sizeof(SegmentNumber)) :
			repalloc_huge(scan->searched, scan->max_searched * sizeof(SegmentNumber));
	}
	Assert(scan->nsearched == 0 || scan->searched[scan->nsearched - 1] < scan->segno);
	scan->searched[scan->nsearched++] = scan->segno;
}

/* Searches the segment, which is held and the current one of the access. */
static void
search_segment(KeyScan *scan, const KeySearch *search)
{
	const StorageEngine *engine = pxd_access_engine(&scan->access);
	KeySearchResult result = KEY_SEARCH_UNSORTED;

	if (engine->search != NULL)
		result = engine->search(&scan->access, pxd_access_state(&scan->access), search, note_match, scan, &scan->counts.blocks);
	scan->counts.runs++;
	scan->counts.skipped_by_fences += result == KEY_SEARCH_NO_RANGE;
	scan->counts.skipped_by_filter += result == KEY_SEARCH_NO_KEY;
	scan->counts.unsorted += result == KEY_SEARCH_UNSORTED;
	if (result != KEY_SEARCH_UNSORTED)
		note_searched(scan);
	else
		for (uint32 position = 0; position < pxd_access_rows(&scan->access); position++)
			add_back_pointer(scan, position);
}

/* Searches all segments, in the order of their numbers. */
static void
search_segments(KeyScan *scan, const KeySearch *search)
{
	SegmentEntry entry;

	pxd_access_init(&scan->access);
	pxd_access_open(&scan->access, scan->table);
	scan->segno = InvalidSegmentNumber;
	while (pxd_store_next(scan->access.store, &scan->segno, &entry))
	{
		Buffer		hold;

		CHECK_FOR_INTERRUPTS();
		if (entry.state != SEGMENT_LIVE)
			continue;
		hold = pxd_store_hold(scan->access.store, scan->segno);
		if (!BufferIsValid(hold))
			continue;
		if (pxd_access_seek(&scan->access, scan->segno))
			search_segment(scan, search);
		ReleaseBuffer(hold);
	}
	pxd_access_close(&scan->access);
}

/* --- the scan --- */

KeyScan *
pxd_key_scan_begin(Relation table, Snapshot snapshot)
{
	KeyScan    *scan = palloc0(sizeof(KeyScan));
	Relation	store;

	Assert(IsMVCCSnapshot(snapshot));
	pxd_require_preload(table);
	PredicateLockRelation(table, snapshot);
	scan->table = table;
	scan->snapshot = snapshot;
	scan->context = CurrentMemoryContext;
	scan->search_context = AllocSetContextCreate(CurrentMemoryContext, "proximadb key scan", ALLOCSET_DEFAULT_SIZES);
	scan->nblocks = RelationGetNumberOfBlocks(table);
	store = table_open(table->rd_rel->reltoastrelid, AccessShareLock);
	scan->covered = pxd_covered_read(store, scan->nblocks);
	table_close(store, AccessShareLock);
	scan->page = palloc0(offsetof(TBMIterateResult, offsets));
	scan->page->ntuples = -1;	/* look at all tuples */
	scan->page->recheck = true;
	return scan;
}

static void
end_search(KeyScan *scan)
{
	if (scan->heap != NULL)
		table_endscan(scan->heap);
	scan->heap = NULL;
	scan->on_page = false;
	MemoryContextReset(scan->search_context);
	scan->searched = NULL;
	scan->nsearched = 0;
	scan->max_searched = 0;
	scan->next_block = 0;
	scan->prefetched = 0;
}

void
pxd_key_scan_search(KeyScan *scan, const KeySearch *search)
{
	MemoryContext oldcontext;
	Size		nwords = page_words(scan);

	end_search(scan);
	oldcontext = MemoryContextSwitchTo(scan->search_context);
	scan->pages = palloc_extended(nwords * sizeof(uint64), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (Size i = 0; i < nwords; i++)
		scan->pages[i] = ~scan->covered[i];
	if (scan->nblocks % 64 != 0 || scan->nblocks == 0)
		scan->pages[nwords - 1] &= (UINT64CONST(1) << (scan->nblocks % 64)) - 1;
	for (Size i = 0; i < nwords; i++)
		scan->counts.uncovered += pg_popcount64(scan->pages[i]);
	scan->matched = matched_create(scan->search_context, 256, NULL);
	scan->filtered = true;
	if (search->nintervals > 0)
		search_segments(scan, search);
	else
		memset(scan->pages, 0, nwords * sizeof(uint64));
	scan->counts.searches++;
	MemoryContextSwitchTo(oldcontext);
}

/* The first page to be read that is not before block, or InvalidBlockNumber. */
static BlockNumber
find_page(const KeyScan *scan, BlockNumber block)
{
	Size		word = block / 64;
	uint64		bits;

	if (block >= scan->nblocks)
		return InvalidBlockNumber;
	bits = scan->pages[word] & (~UINT64CONST(0) << (block % 64));
	while (bits == 0)
	{
		if (++word >= page_words(scan))
			return InvalidBlockNumber;
		bits = scan->pages[word];
	}
	return (BlockNumber) (word * 64 + pg_rightmost_one_pos64(bits));
}

/* Asks the operating system for the next pages, as many as effective_io_concurrency says. */
static void
prefetch_pages(KeyScan *scan)
{
	int			distance = get_tablespace_io_concurrency(scan->table->rd_rel->reltablespace);
	BlockNumber block = scan->next_block;

	for (int i = 0; i < distance; i++)
	{
		block = find_page(scan, block);
		if (block == InvalidBlockNumber)
			return;
		if (block >= scan->prefetched)
		{
			(void) PrefetchBuffer(scan->table, MAIN_FORKNUM, block);
			scan->prefetched = block + 1;
		}
		block++;
	}
}

/* Turns to the next page to be read; false at the end. */
static bool
next_page(KeyScan *scan)
{
	BlockNumber block = find_page(scan, scan->next_block);

	CHECK_FOR_INTERRUPTS();
	if (block == InvalidBlockNumber)
		return false;
	scan->next_block = block + 1;
	prefetch_pages(scan);
	if (scan->heap == NULL)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(scan->context);

		scan->heap = table_beginscan_bm(scan->table, scan->snapshot, 0, NULL);
		MemoryContextSwitchTo(oldcontext);
	}
	scan->page->blockno = block;
	scan->on_page = table_scan_bitmap_next_block(scan->heap, scan->page);
	scan->counts.pages++;
	return true;
}

static bool
was_searched(const KeyScan *scan, SegmentNumber segno)
{
	int			low = 0;
	int			high = scan->nsearched;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (scan->searched[middle] < segno)
			low = middle + 1;
		else
			high = middle;
	}
	return low < scan->nsearched && scan->searched[low] == segno;
}

/* Whether the row in slot is a stub whose key is known to be in no interval. */
static bool
can_pass_over(const KeyScan *scan, TupleTableSlot *slot)
{
	HeapTupleHeader tuple = ((HeapTupleTableSlot *) pxd_slot_peek_carrier(slot))->tuple->t_data;
	Locator		locator;

	if (!scan->filtered || !tuple_is_stub(tuple) || tuple->t_hoff - tuple_gap_start(tuple) != LOCATOR_SIZE)
		return false;
	locator = stub_locator(tuple);
	return matched_lookup(scan->matched, locator) == NULL && was_searched(scan, locator_segment(locator));
}

bool
pxd_key_scan_next(KeyScan *scan, TupleTableSlot *slot)
{
	for (;;)
	{
		while (scan->on_page)
		{
			scan->on_page = table_scan_bitmap_next_tuple(scan->heap, scan->page, slot);
			if (scan->on_page && !can_pass_over(scan, slot))
				return true;
		}
		if (!next_page(scan))
		{
			ExecClearTuple(slot);
			return false;
		}
	}
}

const KeyScanCounts *
pxd_key_scan_counts(const KeyScan *scan)
{
	return &scan->counts;
}

void
pxd_key_scan_end(KeyScan *scan)
{
	end_search(scan);
	MemoryContextDelete(scan->search_context);
	pfree(scan->covered);
	pfree(scan->page);
	pfree(scan);
}
