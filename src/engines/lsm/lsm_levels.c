/*
 * lsm_levels.c: levels of runs: which to merge.
 *
 * New runs come to level 0, where ranges of keys overlap. When merge_runs of them overlap at some key, all of level 0 is merged with those runs of the
 * levels below that its range of keys touches, down to the first level that has room: LEVEL_1_BATCHES times the bytes of level 0 at level 1, LEVEL_RATIO times more at
 * each level below it. Where a level has no room, but the next has nothing in the way of its runs, they are moved there as they are: that is a change of their directory
 * entries. So levels fit the size that merges have now, runs are written once a level, and what comes in the order of the keys is written once.
 *
 * Below level 0 runs of a level do not overlap, but where a merge was interrupted or could not replace a stub. That is no matter of correctness, and mended here: runs that
 * overlap, worn ones, and small neighbours are merged at the level where they are. Such a merge takes neighbours in the order of keys only, or its result would overlap
 * what stands between them.
 *
 * Runs that are in the order of another key than the table's present one have no place in this; unordered.c's rule holds for them.
 *
 * Costs a look at the header of each run, and sorting them. Locks and WAL are the callers'.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/sortsupport.h"

#include "lsm.h"

#define LEVEL_RATIO			10
/* Level 1 takes so many times the bytes of the level 0 that is merged now. */
#define LEVEL_1_BATCHES		4
#define LEVEL_0				0

/* A run with its range of keys. */
typedef struct Run
{
	PlannedSegment *segment;
	KeyValues	low;
	KeyValues	high;
	bool		wanted;
} Run;

typedef struct Levels
{
	const SegmentSettings *settings;
	CompactionPlan *plan;
	SortSupportData sort[INDEX_MAX_KEYS];
	int			nruns;
	Run		   *runs;			/* in the order of their lowest keys */
} Levels;

/* A range of keys. */
typedef struct Range
{
	const KeyValues *low;
	const KeyValues *high;
} Range;

static int
compare_keys(Levels *levels, const KeyValues *a, const KeyValues *b)
{
	int			order = 0;

	for (int i = 0; i < levels->settings->key.ncolumns && order == 0; i++)
		order = ApplySortComparator(a->values[i], a->isnull[i], b->values[i], b->isnull[i], &levels->sort[i]);
	return order;
}

static int
compare_runs(const void *a, const void *b, void *arg)
{
	const Run  *left = a;
	const Run  *right = b;
	int			order = compare_keys(arg, &left->low, &right->low);

	/* in some fixed order */
	return order != 0 ? order : left->segment < right->segment ? -1 : 1;
}

static int
compare_highs(const void *a, const void *b, void *arg)
{
	return compare_keys(arg, *(const KeyValues *const *) a, *(const KeyValues *const *) b);
}

static bool
range_touches(Levels *levels, const Range *range, const Run *run)
{
	return compare_keys(levels, range->low, &run->high) <= 0 && compare_keys(levels, &run->low, range->high) <= 0;
}

static void
widen(Levels *levels, Range *range, const Run *run)
{
	if (range->low == NULL || compare_keys(levels, &run->low, range->low) < 0)
		range->low = &run->low;
	if (range->high == NULL || compare_keys(levels, &run->high, range->high) > 0)
		range->high = &run->high;
}

static void
add_to_merge(Levels *levels, Run *run, int merge)
{
	Assert(run->segment->merge == NO_MERGE);
	run->segment->merge = merge;
	levels->plan->nmerges = Max(levels->plan->nmerges, merge + 1);
}

/* --- level 0 is due --- */

/* The most runs of level 0 that have a key in common. */
static int
level_0_depth(Levels *levels)
{
	const KeyValues **highs = palloc(sizeof(KeyValues *) * Max(levels->nruns, 1));
	int			n = 0;
	int			ended = 0;
	int			begun = 0;
	int			depth = 0;

	for (int i = 0; i < levels->nruns; i++)
		if (levels->runs[i].segment->level == LEVEL_0)
			highs[n++] = &levels->runs[i].high;
	qsort_arg(highs, n, sizeof(KeyValues *), compare_highs, levels);
	for (int i = 0; i < levels->nruns; i++)
	{
		if (levels->runs[i].segment->level != LEVEL_0)
			continue;
		begun++;
		while (ended < n && compare_keys(levels, highs[ended], &levels->runs[i].low) < 0)
			ended++;
		depth = Max(depth, begun - ended);
	}
	pfree(highs);
	return depth;
}

/* Marks the runs of a level that range touches, and widens the range by them, until there are no more. Returns their pages. */
static uint64
want_touched(Levels *levels, int level, Range *range)
{
	uint64		pages = 0;
	bool		more = true;

	/* Runs of a level seldom overlap, so the second round seldom finds any. */
	while (more)
	{
		more = false;
		for (int i = 0; i < levels->nruns; i++)
		{
			Run		   *run = &levels->runs[i];

			if (run->segment->level != level || run->wanted || !range_touches(levels, range, run))
				continue;
			run->wanted = more = true;
			widen(levels, range, run);
			pages += run->segment->pages;
		}
	}
	return pages;
}

static bool
touches_any(Levels *levels, int level, const Range *range)
{
	for (int i = 0; i < levels->nruns; i++)
		if (levels->runs[i].segment->level == level && range_touches(levels, range, &levels->runs[i]))
			return true;
	return false;
}

/* Takes back that runs of a level are wanted; if down, moves them to the next level as they are. */
static void
leave_level(Levels *levels, int level, bool down)
{
	for (int i = 0; i < levels->nruns; i++)
	{
		Run		   *run = &levels->runs[i];

		if (run->segment->level == level && run->wanted)
		{
			run->wanted = false;
			run->segment->level = level + down;
		}
	}
}

/* Merges level 0 into the first level with room. Returns that level. */
static int
merge_level_0(Levels *levels)
{
	int			last = levels->settings->levels;
	Range		range = {0};
	uint64		pages = 0;
	double		room;
	int			level;

	for (int i = 0; i < levels->nruns; i++)
	{
		if (levels->runs[i].segment->level != LEVEL_0)
			continue;
		levels->runs[i].wanted = true;
		widen(levels, &range, &levels->runs[i]);
		pages += levels->runs[i].segment->pages;
	}
	room = (double) pages * LEVEL_1_BATCHES;
	for (level = 1;; level++, room *= LEVEL_RATIO)
	{
		Range		wider = range;
		uint64		touched = want_touched(levels, level, &wider);

		if (level < last && pages + touched > room && touched > 0 && !touches_any(levels, level + 1, &wider))
		{
			leave_level(levels, level, true);
			break;
		}
		range = wider;
		pages += touched;
		if (level >= last || pages <= room || touched == 0)
			break;
	}

	for (int i = 0; i < levels->nruns; i++)
		if (levels->runs[i].wanted)
			add_to_merge(levels, &levels->runs[i], 0);
	levels->plan->levels[0] = level;
	return level;
}

/* --- what is amiss in a level --- */

/* Wants runs that overlap the one before or after them, worn ones, and neighbours that are small. */
static void
want_faulty(Levels *levels, int level, Run **runs, int n)
{
	const KeyValues *highest = NULL;
	int			highest_at = 0;
	int			first_small = 0;

	for (int i = 0; i <= n; i++)
	{
		if (i == n || !runs[i]->segment->small)
		{
			/* A row of small ones has ended. */
			for (int j = first_small; i - first_small >= COMPACT_SMALL_COUNT && j < i; j++)
				runs[j]->wanted = true;
			first_small = i + 1;
		}
		if (i == n)
			break;
		if (pxd_segment_is_worn(runs[i]->segment))
			runs[i]->wanted = true;
		if (level != LEVEL_0 && highest != NULL && compare_keys(levels, &runs[i]->low, highest) <= 0)
			for (int j = highest_at; j <= i; j++)
				runs[j]->wanted = true;
		if (highest == NULL || compare_keys(levels, &runs[i]->high, highest) > 0)
		{
			highest = &runs[i]->high;
			highest_at = i;
		}
	}
}

/* Makes a merge, for their own level, of each row of neighbours that are wanted. */
static void
mend_level(Levels *levels, int level)
{
	Run		  **runs = palloc(sizeof(Run *) * Max(levels->nruns, 1));
	int			n = 0;
	int			merge = NO_MERGE;

	for (int i = 0; i < levels->nruns; i++)
		if (levels->runs[i].segment->level == level)
			runs[n++] = &levels->runs[i];
	want_faulty(levels, level, runs, n);
	for (int i = 0; i < n; i++)
	{
		if (!runs[i]->wanted)
		{
			merge = NO_MERGE;
			continue;
		}
		if (merge == NO_MERGE)
		{
			merge = levels->plan->nmerges;
			levels->plan->levels[merge] = level;
		}
		add_to_merge(levels, runs[i], merge);
	}
	pfree(runs);
}

/*
 * Moves runs of level 0 that overlap no other of levels 0 and 1 to level 1 as they are, unless they are small or to be merged. If level 1 is being mended the
 * results may come to stand where there was room.
 */
static void
settle_level_0(Levels *levels)
{
	const KeyValues *highest = NULL;
	Run		   *before = NULL;
	bool		alone = false;	/* before, as far as is known */

	for (int i = 0; i < levels->plan->nmerges; i++)
		if (levels->plan->levels[i] == 1)
			return;
	for (int i = 0; i <= levels->nruns; i++)
	{
		Run		   *run = i < levels->nruns ? &levels->runs[i] : NULL;
		bool		apart;

		if (run != NULL && run->segment->level > 1)
			continue;
		apart = run == NULL || highest == NULL || compare_keys(levels, &run->low, highest) > 0;
		if (before != NULL && alone && apart && before->segment->level == LEVEL_0 &&
			before->segment->merge == NO_MERGE && !before->segment->small)
			before->segment->level = 1;
		if (run == NULL)
			break;
		alone = apart;
		before = run;
		if (highest == NULL || compare_keys(levels, &run->high, highest) > 0)
			highest = &run->high;
	}
}

/* --- the plan --- */

/* Finds the runs with their ranges. others[i] is set for segments of the plan that have none. */
static void
read_ranges(SegmentAccess *access, Levels *levels, bool *others)
{
	CompactionPlan *plan = levels->plan;

	levels->runs = palloc_extended(mul_size(Max(plan->nsegments, 1), sizeof(Run)), MCXT_ALLOC_HUGE);
	for (int i = 0; i < plan->nsegments; i++)
	{
		PlannedSegment *segment = &plan->segments[i];
		Run		   *run = &levels->runs[levels->nruns];

		CHECK_FOR_INTERRUPTS();
		memset(run, 0, sizeof(Run));
		run->segment = segment;
		others[i] = !pxd_access_seek(access, segment->segno) || pxd_access_engine(access)->id != LSM_ENGINE_ID ||
			!pxd_lsm_key_range(pxd_access_state(access), &levels->settings->key, &run->low, &run->high);
		if (others[i])
			continue;
		/* There may have been more levels. */
		segment->level = Min(segment->level, levels->settings->levels);
		levels->nruns++;
	}
	qsort_arg(levels->runs, levels->nruns, sizeof(Run), compare_runs, levels);
}

bool
pxd_lsm_unsettled(const SegmentEntry *entry)
{
	return entry->level == LEVEL_0 || pxd_segment_is_small(entry);
}

void
pxd_lsm_pick_inputs(SegmentAccess *access, const SegmentSettings *settings, CompactionPlan *plan)
{
	Levels		levels = {.settings = settings,.plan = plan};
	bool	   *others;
	int			settled = LEVEL_0 - 1;	/* levels up to it are dealt with */

	if (settings->key.ncolumns == 0)
	{
		pxd_plan_unordered(plan, NULL);
		return;
	}

	for (int i = 0; i < settings->key.ncolumns; i++)
	{
		levels.sort[i].ssup_cxt = CurrentMemoryContext;
		levels.sort[i].ssup_collation = settings->key.columns[i].collation;
		PrepareSortSupportFromOrderingOp(settings->key.columns[i].operator, &levels.sort[i]);
	}
	others = palloc0(Max(plan->nsegments, 1) * sizeof(bool));
	read_ranges(access, &levels, others);

	/* What a merge into a level brings is not known yet, so faults there wait for the next time. */
	if (level_0_depth(&levels) >= settings->merge_runs)
		settled = merge_level_0(&levels) + 1;
	for (int level = settled + 1; level <= settings->levels; level++)
		mend_level(&levels, level);
	if (settled < LEVEL_0)
		settle_level_0(&levels);
	pxd_plan_unordered(plan, others);
}
