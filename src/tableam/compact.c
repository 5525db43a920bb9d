/*
 * compact.c: keeps the store compact: moves rows out of segments that are mostly dead or too small or of levels that are full, and frees segments no
 * stub points to.
 *
 * A row of a segment is live while its stub exists, whoever may see it (R8). Which segments to compact is decided by
 * the table's engine, from counts of stubs made in one pass over the main fork; the moving is a flush pass (flush.c), which repoints stubs under cleanup
 * locks. A segment whose stubs could not all be repointed stays until the next time.
 *
 * Lock: ShareUpdateExclusive on the table, so no other vacuum, flush or compaction frees or repoints at the same
 * time. Freeing needs no transaction id.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "commands/vacuum.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "engine.h"
#include "flush.h"
#include "maintenance.h"
#include "proximadb.h"
#include "store.h"
#include "stub.h"
#include "tableam.h"

PG_FUNCTION_INFO_V1(pxd_sql_compact);

/* A compaction on demand moves segments from the end of the store to its free extents when more than this part of its pages is free. */
#define TIGHT_FREE_FRACTION		0.1

/* Rounds of that: what one frees may be room for the next. */
#define COMPACT_TAIL_PASSES		3

/* Pages that moving a page's rows may take, since they are packed anew. */
#define MOVED_PAGES_MAX			1.1

/* The last segment may move without that margin if it has at least so many pages: what it saves is worth the pieces it may end in. Runs stay whole. */
#define MOVE_TIGHT_MIN_PAGES	128

/* Where a check of back-pointers stands: the page looked at last, to be read once for a run of TIDs. */
typedef struct StubCheck
{
	Relation	table;
	BlockNumber nblocks;
	Buffer		buffer;
} StubCheck;

/*
 * Whether a stub of the page of tid points to this position: the stub itself, or an overlay after it in its HOT chain. By
 * existence, not visibility: as long as the tuple stands on the page somebody may read it (R8). A TID past the end of the file
 * is dead.
 */
static bool
stub_exists(StubCheck *check, ItemPointer tid, Locator locator)
{
	BlockNumber block;
	Page		page;
	OffsetNumber max_offset;
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
	max_offset = PageIsNew(page) ? 0 : PageGetMaxOffsetNumber(page);
	for (OffsetNumber offset = FirstOffsetNumber; offset <= max_offset && !found; offset++)
	{
		ItemId		lp = PageGetItemId(page, offset);

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
 * Whether back-pointers find a stub of a live segment. Stops at the first, so a segment in use costs one page; a segment that
 * cannot be read is taken to be in use. An overlay that did not fit its page has moved away from where the back-pointer leads, so
 * "no" is no proof.
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

/* --- counting stubs --- */

typedef struct StubCount
{
	SegmentNumber segno;
	uint32		stubs;
} StubCount;

/* Counts the stubs that stand on table's pages, whatever their state (R8), by segment. */
static HTAB *
count_stubs(Relation table, BufferAccessStrategy strategy)
{
	HASHCTL		ctl = {.keysize = sizeof(SegmentNumber),.entrysize = sizeof(StubCount),.hcxt = CurrentMemoryContext};
	HTAB	   *counts = hash_create("proximadb stub counts", 256, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	BlockNumber nblocks = RelationGetNumberOfBlocks(table);
	StubCount  *count = NULL;

	pxd_progress_start(table, PHASE_COUNTING, nblocks);
	for (BlockNumber block = 0; block < nblocks; block++)
	{
		Buffer		buffer;
		Page		page;
		OffsetNumber max_offset;

		vacuum_delay_point();
		pxd_progress_update(block, 0, 0);
		buffer = ReadBufferExtended(table, MAIN_FORKNUM, block, RBM_NORMAL, strategy);
		page = BufferGetPage(buffer);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		max_offset = PageIsNew(page) ? 0 : PageGetMaxOffsetNumber(page);
		for (OffsetNumber offset = FirstOffsetNumber; offset <= max_offset; offset++)
		{
			ItemId		lp = PageGetItemId(page, offset);
			HeapTupleHeader tuple;
			SegmentNumber segno;
			bool		found;

			if (!ItemIdIsNormal(lp))
				continue;
			tuple = (HeapTupleHeader) PageGetItem(page, lp);
			if (!tuple_is_stub(tuple))
				continue;
			segno = locator_segment(stub_locator(tuple));
			if (count == NULL || count->segno != segno)
			{
				count = hash_search(counts, &segno, HASH_ENTER, &found);
				if (!found)
					count->stubs = 0;
			}
			count->stubs++;
		}
		UnlockReleaseBuffer(buffer);
	}
	return counts;
}

/* --- garbage --- */

/*
 * Frees what crashed and aborted builders left, and lists the live segments whose back-pointers find no stub. Returns how many were
 * freed.
 */
static uint64
free_abandoned(Relation table, Relation store, SegmentAccess *access, List **suspects)
{
	SegmentNumber segno = InvalidSegmentNumber;
	SegmentEntry entry;
	uint64		freed = 0;

	while (pxd_store_next(store, &segno, &entry))
	{
		CHECK_FOR_INTERRUPTS();
		/* One whose rows have left chunks behind is needed to know of them (orphans.c). */
		if (pxd_store_chunks_matter(&entry))
			continue;
		if (entry.state == SEGMENT_LIVE && !segment_in_use(table, access, segno))
		{
			SegmentNumber *suspect = palloc(sizeof(SegmentNumber));

			*suspect = segno;
			*suspects = lappend(*suspects, suspect);
		}
		else if (entry.state == SEGMENT_BUILDING && pxd_store_builder_gone(&entry))
		{
			pxd_access_unpin(access);
			freed += pxd_store_free(store, segno);
		}
	}
	return freed;
}

void
pxd_give_back_space(Relation store)
{
	pxd_store_reclaim_chunk_pages(store);
	pxd_store_truncate_tail(store);
}

uint64
pxd_collect_garbage(Relation table)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "proximadb garbage", ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	Relation	store = table_open(table->rd_rel->reltoastrelid, RowExclusiveLock);
	SegmentAccess access;
	List	   *suspects = NIL;
	uint64		freed;

	pxd_access_init(&access);
	pxd_access_open(&access, table);
	pxd_progress_start(table, PHASE_FREEING, 0);
	freed = free_abandoned(table, store, &access, &suspects);
	pxd_access_close(&access);

	/* The proof that a segment is garbage is a look at every stub. */
	if (suspects != NIL)
	{
		HTAB	   *counts = count_stubs(table, NULL);
		ListCell   *lc;

		pxd_progress_start(table, PHASE_FREEING, 0);
		foreach(lc, suspects)
		{
			SegmentNumber *segno = lfirst(lc);

			pxd_progress_update(0, 0, freed);
			if (hash_search(counts, segno, HASH_FIND, NULL) != NULL)
				continue;
			freed += pxd_store_free(store, *segno);
		}
	}

	pxd_progress_end();

	pxd_give_back_space(store);
	table_close(store, RowExclusiveLock);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
	return freed;
}

/* --- choosing what to compact --- */

int
pxd_unsettled_segments(Relation table, bool *any)
{
	const StorageEngine *engine = pxd_table_engine(table);
	Relation	store = table_open(table->rd_rel->reltoastrelid, AccessShareLock);
	SegmentNumber segno = InvalidSegmentNumber;
	SegmentEntry entry;
	int			n = 0;

	*any = false;
	while (pxd_store_next(store, &segno, &entry))
	{
		CHECK_FOR_INTERRUPTS();
		if (entry.state != SEGMENT_LIVE)
			continue;
		*any = true;
		n += engine->unsettled(&entry);
	}
	table_close(store, AccessShareLock);
	return n;
}

/* Lists the segments that may be compacted. Those without stubs are garbage, freed without being read. */
static void
list_segments(Relation store, HTAB *counts, CompactionPlan *plan)
{
	SegmentNumber segno = InvalidSegmentNumber;
	SegmentEntry entry;
	int			capacity = 256;

	plan->segments = palloc(capacity * sizeof(PlannedSegment));
	while (pxd_store_next(store, &segno, &entry))
	{
		StubCount  *count;
		PlannedSegment *segment;

		CHECK_FOR_INTERRUPTS();
		if (entry.state != SEGMENT_LIVE || pxd_store_chunks_matter(&entry))
			continue;
		count = hash_search(counts, &segno, HASH_FIND, NULL);
		if (count == NULL)
			continue;
		if (plan->nsegments == capacity)
		{
			capacity *= 2;
			plan->segments = repalloc_huge(plan->segments, capacity * sizeof(PlannedSegment));
		}
		segment = &plan->segments[plan->nsegments++];
		segment->segno = segno;
		segment->pages = entry.pages;
		segment->rows = entry.rows;
		segment->live_rows = count->stubs;
		segment->level = entry.level;
		segment->small = pxd_segment_is_small(&entry);
		segment->merge = NO_MERGE;
	}
	plan->levels = palloc0(Max(plan->nsegments, 1));
}

/* Changes levels of segments that the plan does not merge. */
static void
apply_levels(Relation store, const CompactionPlan *plan)
{
	for (int i = 0; i < plan->nsegments; i++)
	{
		const PlannedSegment *segment = &plan->segments[i];
		SegmentEntry entry;

		if (segment->merge == NO_MERGE && pxd_store_lookup(store, segment->segno, &entry) && entry.level != segment->level)
			pxd_store_set_level(store, segment->segno, segment->level);
	}
}

/*
 * Has the engine choose the segments to compact. Returns their moves.
 */
static SegmentMove *
choose_segments(Relation table, BufferAccessStrategy strategy, CompactionPlan *plan, int *nmoves)
{
	const StorageEngine *engine = pxd_table_engine(table);
	Relation	store = table_open(table->rd_rel->reltoastrelid, RowExclusiveLock);
	SegmentSettings settings;
	SegmentAccess access;
	SegmentMove *moves;

	memset(plan, 0, sizeof(*plan));
	list_segments(store, count_stubs(table, strategy), plan);
	pxd_table_settings(table, engine, &settings);
	pxd_access_init(&access);
	pxd_access_open(&access, table);
	engine->pick_inputs(&access, &settings, plan);
	pxd_access_close(&access);
	apply_levels(store, plan);
	table_close(store, RowExclusiveLock);

	*nmoves = 0;
	moves = palloc_extended(mul_size(Max(plan->nsegments, 1), sizeof(SegmentMove)), MCXT_ALLOC_HUGE);
	for (int i = 0; i < plan->nsegments; i++)
		if (plan->segments[i].merge != NO_MERGE)
			moves[(*nmoves)++] = (SegmentMove) {plan->segments[i].segno, plan->segments[i].merge};
	return moves;
}

/* --- moving segments to the front --- */

typedef struct SegmentPlace
{
	SegmentNumber segno;
	BlockNumber first_block;
	uint32		pages;
	uint8		level;
	bool		stays;			/* must not move */
} SegmentPlace;

static int
compare_places_descending(const void *a, const void *b)
{
	BlockNumber left = ((const SegmentPlace *) a)->first_block;
	BlockNumber right = ((const SegmentPlace *) b)->first_block;

	return left < right ? 1 : left > right ? -1 : 0;
}

/*
 * Pages before block that rows can move to: free extents that a piece of a segment may go to, or one that takes all of them. *largest is set to the pages of the
 * largest one.
 */
static uint64
room_before(const SegmentPlace *free_extents, uint64 n, uint32 smallest_piece, BlockNumber block, uint64 *largest)
{
	uint64		pieces = 0;

	*largest = 0;
	for (uint64 i = 0; i < n; i++)
	{
		if (free_extents[i].first_block >= block)
			continue;
		*largest = Max(*largest, free_extents[i].pages);
		if (free_extents[i].pages >= smallest_piece)
			pieces += free_extents[i].pages;
	}
	return Max(pieces, *largest);
}

static int
compare_moves(const void *a, const void *b)
{
	SegmentNumber left = ((const SegmentMove *) a)->segno;
	SegmentNumber right = ((const SegmentMove *) b)->segno;

	return left < right ? -1 : left > right;
}

/*
 * Chooses the segments at the end of the store for whose rows there is room in free extents before them, if more of the store is free than the engine, or tight, allows: as
 * many as leave no more free than the engine keeps, or nothing. Their rows make segments that fit there, at the same level, and where rows are sorted of no more keys than they were. A
 * segment that stays keeps the file long, so the choice ends with it. Returns how many, in ascending order of their numbers.
 */
static int
choose_tail(Relation table, bool tight, SegmentMove **moves, uint8 **levels)
{
	const StorageEngine *engine = pxd_table_engine(table);
	double		free_fraction = tight ? TIGHT_FREE_FRACTION : engine->free_fraction;
	double		kept = tight ? 0 : engine->free_kept;
	SegmentSettings settings;
	bool		apart;
	Relation	store = table_open(table->rd_rel->reltoastrelid, AccessShareLock);
	List	   *live = NIL;
	SegmentPlace *free_extents = NULL;
	SegmentPlace *places;
	uint64		nfree = 0;
	uint64		max_free = 0;
	SegmentNumber segno = InvalidSegmentNumber;
	SegmentEntry entry;
	int			nlive = 0;
	int			chosen = 0;
	double		needed = 0;
	BlockNumber nblocks = RelationGetNumberOfBlocks(store);
	uint64		free_pages = pxd_store_free_pages(store);
	double		length;			/* to which the store is to come down */
	ListCell   *lc;

	pxd_table_settings(table, engine, &settings);
	apart = settings.key.ncolumns > 0;
	if (free_pages <= free_fraction * nblocks)
	{
		table_close(store, AccessShareLock);
		return 0;
	}
	length = (nblocks - free_pages) / (1 - kept);

	while (pxd_store_next(store, &segno, &entry))
	{
		SegmentPlace *place = palloc(sizeof(SegmentPlace));

		CHECK_FOR_INTERRUPTS();
		place->segno = segno;
		place->first_block = entry.first_block;
		place->pages = entry.pages;
		place->level = entry.level;
		place->stays = pxd_store_chunks_matter(&entry);
		if (entry.state == SEGMENT_LIVE)
			live = lappend(live, place);
		else if (entry.state == SEGMENT_FREE)
		{
			if (nfree == max_free)
			{
				max_free = Max(64, max_free * 2);
				free_extents = free_extents == NULL ? palloc(max_free * sizeof(SegmentPlace)) :
					repalloc_huge(free_extents, max_free * sizeof(SegmentPlace));
			}
			free_extents[nfree++] = *place;
		}
	}

	places = palloc_extended(mul_size(Max(list_length(live), 1), sizeof(SegmentPlace)), MCXT_ALLOC_HUGE);
	*moves = palloc_extended(mul_size(Max(list_length(live), 1), sizeof(SegmentMove)), MCXT_ALLOC_HUGE);
	*levels = palloc_extended(Max(list_length(live), 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	foreach(lc, live)
		places[nlive++] = *(SegmentPlace *) lfirst(lc);
	qsort(places, nlive, sizeof(SegmentPlace), compare_places_descending);
	for (int i = 0; i < nlive; i++)
	{
		uint64		largest;
		uint64		room = room_before(free_extents, nfree, pxd_smallest_piece(nblocks), places[i].first_block, &largest);

		needed += places[i].pages * MOVED_PAGES_MAX;
		if ((uint64) places[i].first_block + places[i].pages <= length)
			break;
		/* the last one may try an extent of just its size: if it does not fit, it makes more room where it was */
		if (places[i].stays ||
			(needed > room && (apart || i > 0 || places[i].pages > largest || places[i].pages < MOVE_TIGHT_MIN_PAGES)))
			break;
		(*moves)[chosen] = (SegmentMove) {places[i].segno, apart ? chosen : 0};
		if (apart)
			(*levels)[chosen] = places[i].level;
		chosen++;
	}
	qsort(*moves, chosen, sizeof(SegmentMove), compare_moves);

	table_close(store, AccessShareLock);
	return chosen;
}

/* Moves the rows of the segments to new ones, and frees what is garbage then. */
static void
move_segments(Relation table, BufferAccessStrategy strategy,
			  const SegmentMove *moves, int nmoves, const uint8 *levels, CompactResult *result)
{
	FlushOptions options = {
		.strategy = strategy,
		.moves = moves,
		.nmoves = nmoves,
		.levels = levels
	};

	if (nmoves > 0)
		pxd_flush_table(table, &options, &result->flush);
	result->segments_in += nmoves;
	result->segments_freed += pxd_collect_garbage(table);
}

void
pxd_shorten_store(Relation table, BufferAccessStrategy strategy)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "proximadb tail", ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	CompactResult result = {0};
	SegmentMove *moves;
	uint8	   *levels;
	int			nmoves = 0;

	if (pxd_flush_possible(table))
		nmoves = choose_tail(table, false, &moves, &levels);
	if (nmoves > 0)
	{
		move_segments(table, strategy, moves, nmoves, levels, &result);
		pxd_maintenance_compacted(table, &result);
	}
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
}

void
pxd_compact_table(Relation table, bool tight, BufferAccessStrategy strategy, CompactResult *result)
{
	MemoryContext context;
	MemoryContext oldcontext;
	CompactionPlan plan;
	SegmentMove *moves;
	uint8	   *levels;
	int			nmoves;

	if (!pxd_flush_possible(table))
		return;

	context = AllocSetContextCreate(CurrentMemoryContext, "proximadb compaction", ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(context);

	moves = choose_segments(table, strategy, &plan, &nmoves);
	move_segments(table, strategy, moves, nmoves, plan.levels, result);
	for (int pass = 0; pass < COMPACT_TAIL_PASSES && (nmoves = choose_tail(table, tight, &moves, &levels)) > 0; pass++)
		move_segments(table, strategy, moves, nmoves, levels, result);
	pxd_maintenance_compacted(table, result);

	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
}

/* --- SQL --- */

/* proximadb.compact(regclass); chunks left behind are deleted first, since segments that know of them are not compacted. */
Datum
pxd_sql_compact(PG_FUNCTION_ARGS)
{
	TimestampTz start = GetCurrentTimestamp();
	CompactResult result = {0};
	ListCell   *lc;
	TupleDesc	tupdesc;
	Datum		values[6];
	bool		isnull[6] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	foreach(lc, pxd_maintenance_targets(PG_GETARG_OID(0)))
	{
		Relation	table = pxd_open_for_maintenance(lfirst_oid(lc));

		if (pxd_flush_possible(table))
			(void) pxd_sweep_orphans(table);
		pxd_compact_table(table, true, GetAccessStrategy(BAS_VACUUM), &result);
		table_close(table, NoLock);
	}

	values[0] = Int64GetDatum(result.flush.rows);
	values[1] = Int64GetDatum(result.segments_in);
	values[2] = Int64GetDatum(result.flush.segments);
	values[3] = Int64GetDatum(result.segments_freed);
	values[4] = Int64GetDatum(result.flush.bytes);
	values[5] = Float8GetDatum((GetCurrentTimestamp() - start) / 1000.0);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(tupdesc, values, isnull)));
}
