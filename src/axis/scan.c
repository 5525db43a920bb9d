/*
 * scan.c: index scans: rows in order of distance, or all rows that meet a condition.
 *
 * Candidates come from probe.c in batches, in order of a lower bound of their distance; their exact distances are
 * computed as they are needed, and a row is returned when no candidate's bound is below its distance. The scan ends when all rows of the index
 * have been returned, those whose vector is null last. Rows of a later batch may be nearer than rows returned before, since earlier batches
 * did not look at all lists; within a batch the order is exact.
 *
 * Between calls the scan keeps what vector_fetch.h keeps of the table, and nothing of the index.
 */
#include "postgres.h"

#include <math.h>

#include "access/relscan.h"
#include "access/table.h"
#include "catalog/index.h"
#include "lib/pairingheap.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "axis_scan.h"

/* By how much the number of rows looked for grows from pass to pass. */
#define GROWTH 4
/* A LIMIT beyond it is met in several passes: most likely not all of its rows will be asked for. */
#define MAX_FIRST_K 10000
/* Candidates whose vectors are asked for together. The last ones may turn out not to be wanted: that costs less than waiting for each. */
#define RERANK_AHEAD 16

/* A row whose exact distance is known. */
typedef struct RankedRow
{
	pairingheap_node node;
	double		rank;			/* distance, as bounds are: squared L2 or negative inner product */
	ItemPointerData tid;
	bool		nan;			/* behind infinity */
} RankedRow;

typedef enum ScanStage
{
	STAGE_START,
	STAGE_SEARCH,				/* by distance */
	STAGE_SORTED,				/* by distance, without codes */
	STAGE_LISTS,				/* without an order: list by list */
	STAGE_NULLS,				/* rows without a vector */
	STAGE_DONE
} ScanStage;

typedef struct AxisScanState
{
	MemoryContext context;		/* of one rescan */
	ScanStage	stage;
	const AxisOpclass *opclass;
	AxisEffort	effort;
	AxisDirectory *directory;
	AxisCondition *condition;
	bool		recheck;

	/* search */
	double		wanted;			/* rows, 0: unknown */
	double		farthest;		/* distance of interest, as bounds are */
	AxisProbe  *probe;
	bool		no_direction;	/* every distance is NaN: any order will do */
	double		k;
	AxisCandidate *candidates;
	Size		count;
	Size		next;
	float		bound;
	bool		complete;
	pairingheap *ranked;		/* beyond what has been reached */
	pairingheap *due;			/* no candidate's bound is below */
	double		ndue;
	double		hold;			/* rows that shall be due before any is returned */
	double		last_rank;		/* of the row returned last */
	RankedRow  *spare;

	/* list by list */
	int			list;
	BlockNumber block;
	uint32		list_id;
	uint16	   *rows;			/* scratch: numbers of a page's rows */
	ItemPointerData *tids;		/* of the page that is being returned */
	int			ntids;
	int			next_tid;
	DistanceSort *sort;			/* all rows, in an index without codes */

	/* figures of one rescan */
	uint64		reranks;
	uint64		returned;

	/* across rescans */
	Relation	table;			/* opened here, for rerank */
	AxisRerank *rerank;
} AxisScanState;

IndexScanDesc
pxd_axis_begin_scan(Relation index, int nkeys, int norderbys)
{
	IndexScanDesc scan = RelationGetIndexScan(index, nkeys, norderbys);
	AxisScanState *state = palloc0(sizeof(AxisScanState));

	state->context = AllocSetContextCreate(CurrentMemoryContext, "axis scan", ALLOCSET_DEFAULT_SIZES);
	state->opclass = pxd_axis_opclass(index);
	scan->opaque = state;
	return scan;
}

/* Adds what a scan has done to the counts of its index. */
static void
count_scan(IndexScanDesc scan, AxisScanState *state)
{
	if (state->stage != STAGE_START)
		pxd_axis_count_scan(RelationGetRelid(scan->indexRelation), state->probe ? pxd_axis_probe_counts(state->probe) : NULL,
							state->reranks, state->returned);
	state->reranks = state->returned = 0;
}

static void
end_sort(AxisScanState *state)
{
	if (state->sort != NULL)
		pxd_axis_sort_end(state->sort);
	state->sort = NULL;
}

void
pxd_axis_rescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys)
{
	AxisScanState *state = scan->opaque;

	count_scan(scan, state);
	end_sort(state);
	MemoryContextReset(state->context);
	state->stage = STAGE_START;
	state->directory = NULL;
	state->condition = NULL;
	state->probe = NULL;
	state->ranked = state->due = NULL;
	state->spare = NULL;
	state->tids = NULL;
	if (keys && scan->numberOfKeys > 0)
		memmove(scan->keyData, keys, sizeof(ScanKeyData) * scan->numberOfKeys);
	if (orderbys && scan->numberOfOrderBys > 0)
		memmove(scan->orderByData, orderbys, sizeof(ScanKeyData) * scan->numberOfOrderBys);
}

static int
compare_ranked(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const RankedRow *x = pairingheap_const_container(RankedRow, node, a);
	const RankedRow *y = pairingheap_const_container(RankedRow, node, b);

	/* the heap has the largest on top */
	if (x->rank != y->rank)
		return x->rank < y->rank ? 1 : -1;
	return (int) y->nan - (int) x->nan;
}

/* The exact distance as bounds are. NaN (of vectors without a direction) comes last. */
static double
rank_of_distance(const AxisScanState *state, double distance)
{
	if (unlikely(isnan(distance)))
		return state->no_direction ? -INFINITY : INFINITY;
	return state->opclass->rank(distance);
}

/* Prepares a search by distance from the query of the scan's ordering operator. */
static void
start_search(IndexScanDesc scan, AxisScanState *state)
{
	ScanKey		key = scan->orderByData;
	double		farthest;
	float	   *x = palloc(sizeof(float) * state->directory->layout.dim);

	if (key->sk_flags & SK_ISNULL)
	{
		/* every distance is null: rows in any order, those without a vector too */
		state->stage = STAGE_LISTS;
		return;
	}
	if (state->rerank == NULL)
	{
		MemoryContext old_context = MemoryContextSwitchTo(GetMemoryChunkContext(state));

		if (scan->heapRelation == NULL)
			state->table = table_open(IndexGetRelation(RelationGetRelid(scan->indexRelation), false), AccessShareLock);
		state->rerank = pxd_axis_rerank_begin(scan->indexRelation, state->table ? state->table : scan->heapRelation,
											  state->directory->layout.dim_in, scan->xs_snapshot);
		MemoryContextSwitchTo(old_context);
	}
	{
		const struct varlena *query = PG_DETOAST_DATUM(key->sk_argument);

		state->no_direction = !pxd_axis_rotated(state->directory, state->opclass, query, x);
		pxd_axis_rerank_query(state->rerank, query);
	}
	pxd_axis_wanted(scan, &state->wanted, &farthest);
	if (state->opclass->without_codes)
	{
		state->farthest = farthest;
		state->stage = STAGE_SORTED;
		return;
	}
	state->farthest = state->opclass->rank(farthest);
	pxd_axis_effort(scan->indexRelation, &state->effort);
	state->probe = pxd_axis_probe_begin(scan->indexRelation, state->directory, state->condition, x,
										state->effort.target_recall);
	state->k = 0;
	state->count = state->next = 0;
	state->complete = false;
	state->bound = -INFINITY;
	state->ranked = pairingheap_allocate(compare_ranked, NULL);
	state->due = pairingheap_allocate(compare_ranked, NULL);
	state->ndue = state->hold = 0;
	state->last_rank = -INFINITY;
	state->stage = STAGE_SEARCH;
}

static void
start(IndexScanDesc scan, AxisScanState *state)
{
	Relation	index = scan->indexRelation;
	bool		never;

	if (!IsMVCCSnapshot(scan->xs_snapshot))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("axis indexes can only be scanned with MVCC snapshots")));
	pgstat_count_index_scan(index);
	state->directory = pxd_axis_directory_open(index);
	state->condition = pxd_axis_condition(&state->directory->layout, index, scan->keyData, scan->numberOfKeys,
										  &state->recheck, &never);
	state->list = -1;
	state->block = InvalidBlockNumber;
	state->ntids = state->next_tid = 0;
	if (never)
		state->stage = STAGE_DONE;
	else if (scan->numberOfOrderBys > 0)
		start_search(scan, state);
	else
		state->stage = STAGE_LISTS;
}

/* --- by distance --- */

/* Tells which rows' vectors are likely to be wanted next. */
static void
look_ahead(AxisScanState *state)
{
	ItemPointerData tids[RERANK_AHEAD];
	int			ntids = (int) Min(RERANK_AHEAD, state->count - state->next);

	for (int i = 0; i < ntids; i++)
		tids[i] = state->candidates[state->next + i].tid;
	pxd_axis_rerank_ahead(state->rerank, tids, ntids);
}

/* Computes the next candidate's distance, and puts it among the ranked rows if the row is visible. */
static void
rank_candidate(AxisScanState *state)
{
	AxisCandidate *candidate;
	RankedRow  *row;
	double		distance;

	if (state->next % RERANK_AHEAD == 0)
		look_ahead(state);
	candidate = &state->candidates[state->next++];
	state->reranks++;
	if (!pxd_axis_rerank(state->rerank, &candidate->tid, &distance))
		return;
	row = state->spare;
	state->spare = NULL;
	if (row == NULL)
		row = palloc(sizeof(RankedRow));
	row->rank = rank_of_distance(state, distance);
	if (state->effort.strict_order && row->rank < state->last_rank)
	{
		state->spare = row;
		return;
	}
	row->nan = isnan(distance);
	row->tid = candidate->tid;
	pairingheap_add(state->ranked, &row->node);
}

/* Makes ranked rows due that no candidate is likely to come before. */
static void
move_due(AxisScanState *state, double reached)
{
	while (!pairingheap_is_empty(state->ranked))
	{
		RankedRow  *row = pairingheap_container(RankedRow, node, pairingheap_first(state->ranked));

		if (row->rank > reached)
			return;
		pairingheap_remove_first(state->ranked);
		pairingheap_add(state->due, &row->node);
		state->ndue++;
	}
}

/* Returns the nearest row that is due. */
static void
return_due(IndexScanDesc scan, AxisScanState *state)
{
	RankedRow  *row = pairingheap_container(RankedRow, node, pairingheap_remove_first(state->due));

	state->ndue--;
	state->hold = Max(state->hold - 1, 0);
	state->last_rank = row->rank;
	scan->xs_heaptid = row->tid;
	if (state->spare == NULL)
		state->spare = row;
	else
		pfree(row);
}

/*
 * Next row by distance; false if there is none. Bounds of candidates are likely, not certain: rows are held back until as many of them are due
 * as are wanted, or as a pass was made for, and so are in order among each other. They would have to be ranked anyway.
 */
static bool
next_by_distance(IndexScanDesc scan, AxisScanState *state)
{
	for (;;)
	{
		double		reached = state->next < state->count ? state->candidates[state->next].low :
			state->complete ? INFINITY : state->bound;
		/* whatever comes now is of no interest; what the last pass has not looked at is as unlikely as for a LIMIT */
		bool		end = reached > state->farthest || (state->complete && state->next >= state->count);

		move_due(state, reached);
		if (state->ndue > 0 &&
			(state->ndue >= state->hold || end || (state->wanted <= 0 && state->next >= state->count)))
		{
			return_due(scan, state);
			return true;
		}
		if (end)
			return false;
		if (state->next < state->count)
		{
			CHECK_FOR_INTERRUPTS();
			rank_candidate(state);
			continue;
		}
		if (state->k <= 0)
			state->hold = state->k = state->wanted > 0 ? Min(Max(state->wanted, 1), MAX_FIRST_K) : AXIS_FIRST_ROWS;
		else
		{
			if (state->wanted <= 0)
				state->hold = state->k * (GROWTH - 1);
			state->k *= GROWTH;
		}
		state->candidates = pxd_axis_probe(state->probe, state->k, &state->count, &state->bound, &state->complete);
		state->next = 0;
	}
}

/* --- list by list --- */

/* Goes to the first page of the next list; false after the last. The nulls' list stands behind all others. */
static bool
next_list(AxisScanState *state)
{
	AxisDirectory *directory = state->directory;

	state->list++;
	if (state->stage != STAGE_NULLS && state->list < directory->lists)
	{
		state->block = directory->head[state->list];
		state->list_id = directory->list_id[state->list];
		return true;
	}
	if (state->stage == STAGE_LISTS)
	{
		state->stage = STAGE_NULLS;
		state->list = 0;
	}
	if (state->stage != STAGE_NULLS || state->list > 0)
		return false;
	state->block = directory->nulls_head;
	state->list_id = directory->nulls_id;
	return true;
}

/* Copies the TIDs of a page's rows that meet the condition. */
static void
take_page(IndexScanDesc scan, AxisScanState *state)
{
	const AxisLayout *layout = &state->directory->layout;
	Buffer		buffer = pxd_axis_read(scan->indexRelation, state->block, BUFFER_LOCK_SHARE, AXIS_PAGE_CODES,
									   state->list_id);
	Page		page = BufferGetPage(buffer);
	AxisTail   *tail = AxisPageTail(page);
	const ItemPointerData *tids = (const ItemPointerData *) (page + layout->tids);

	state->ntids = state->next_tid = 0;
	if ((tail->flags & AXIS_HEAD) && state->condition != NULL && !pxd_axis_condition_list(state->condition, tail))
		state->block = InvalidBlockNumber;
	else
	{
		if (state->condition == NULL)
		{
			state->ntids = tail->rows;
			memcpy(state->tids, tids, sizeof(ItemPointerData) * state->ntids);
		}
		else
		{
			state->ntids = pxd_axis_condition_rows(state->condition, page, state->rows);
			for (int i = 0; i < state->ntids; i++)
				state->tids[i] = tids[state->rows[i]];
		}
		state->block = tail->next;
	}
	UnlockReleaseBuffer(buffer);
}

static bool
next_unordered(IndexScanDesc scan, AxisScanState *state)
{
	if (state->tids == NULL)
	{
		state->tids = palloc(sizeof(ItemPointerData) * state->directory->layout.rows_per_page);
		state->rows = palloc(sizeof(uint16) * state->directory->layout.rows_per_page);
	}
	while (state->next_tid >= state->ntids)
	{
		CHECK_FOR_INTERRUPTS();
		if (state->block == InvalidBlockNumber && !next_list(state))
			return false;
		take_page(scan, state);
	}
	scan->xs_heaptid = state->tids[state->next_tid++];
	return true;
}

/* --- by distance, without codes --- */

/* Sorts all rows that meet the condition by their distances. */
static void
sort_rows(IndexScanDesc scan, AxisScanState *state)
{
	state->sort = pxd_axis_sort_begin();
	while (next_unordered(scan, state))
	{
		int			at = state->next_tid - 1;
		double		distance;

		CHECK_FOR_INTERRUPTS();
		if (at % RERANK_AHEAD == 0)
			pxd_axis_rerank_ahead(state->rerank, state->tids + at, Min(RERANK_AHEAD, state->ntids - at));
		state->reranks++;
		if (pxd_axis_rerank(state->rerank, &state->tids[at], &distance))
			pxd_axis_sort_add(state->sort, distance, &state->tids[at]);
	}
	pxd_axis_sort_perform(state->sort);
}

static bool
next_sorted(IndexScanDesc scan, AxisScanState *state)
{
	double		distance;

	if (state->sort == NULL)
		sort_rows(scan, state);
	return pxd_axis_sort_next(state->sort, &distance, &scan->xs_heaptid) &&
		(distance <= state->farthest || (isnan(distance) && state->farthest == INFINITY));
}

/* --- interface --- */

bool
pxd_axis_get_tuple(IndexScanDesc scan, ScanDirection direction)
{
	AxisScanState *state = scan->opaque;
	MemoryContext old_context = MemoryContextSwitchTo(state->context);
	bool		found = false;

	Assert(ScanDirectionIsForward(direction));
	if (state->stage == STAGE_START)
		start(scan, state);
	if (state->stage == STAGE_SEARCH || state->stage == STAGE_SORTED)
	{
		found = state->stage == STAGE_SEARCH ? next_by_distance(scan, state) : next_sorted(scan, state);
		if (!found && state->farthest < INFINITY)
			state->stage = STAGE_DONE;	/* a null distance is not below anything */
		else if (!found)
		{
			state->stage = STAGE_NULLS;
			state->list = -1;
			state->block = InvalidBlockNumber;
		}
	}
	if (!found && (state->stage == STAGE_LISTS || state->stage == STAGE_NULLS))
	{
		found = next_unordered(scan, state);
		if (!found)
			state->stage = STAGE_DONE;
	}
	state->returned += found;
	scan->xs_recheck = state->recheck;
	scan->xs_recheckorderby = false;
	MemoryContextSwitchTo(old_context);
	return found;
}

void
pxd_axis_end_scan(IndexScanDesc scan)
{
	AxisScanState *state = scan->opaque;

	count_scan(scan, state);
	end_sort(state);
	if (state->rerank != NULL)
		pxd_axis_rerank_end(state->rerank);
	if (state->table != NULL)
		table_close(state->table, AccessShareLock);
	MemoryContextDelete(state->context);
	pfree(state);
}
