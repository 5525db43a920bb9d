/*
 * probe.c: the search itself: lists, the most promising first, codes, candidates.
 *
 * A pass for k goes through the lists and keeps every row whose lower bound does not exceed the k-th smallest upper bound met so far. What a pass
 * returns lies, by lower bound, between the last pass's limit and its own; so later passes, for larger k, go through the same lists again and
 * return what lies beyond, and nothing needs to be remembered about the rows that were passed over. A row's bound
 * never changes, whatever happens to the page it is on (README, "Concurrency").
 *
 * Locks: share lock on one page at a time, no pins between pages.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "storage/buf_internals.h"
#include "utils/memutils.h"

#include "axis_scan.h"
#include "kernels.h"

/*
 * At least this many lists are probed, since a query may lie between two; and so many rows looked at, which costs little and makes searches in small
 * indexes, for which few lists mean little, nearly exact.
 */
#define LEAST_LISTS 2
#define LEAST_ROWS 3000
/* Lists that are put in order at once. */
#define ORDER_STEP 48
/*
 * Rows that may be expected in the lists left out: so many times what the recall allows to be missed, since rows as queries, for which the
 * reach has been measured, shall not be held up. What is left is summed up in steps of so many lists, and looked at after so many.
 */
#define LEFT_FACTOR 2
#define LEFT_STEP 16
#define LOOK_STEP 4
/* A filtered pass goes on to the end when this many times the rows of the lists left out are fewer than those of the lists before. */
#define LITTLE_LEFT 4
/* Cache lines of codes asked for ahead, in a page that is next: the processor itself asks for what follows. */
#define PREFETCH_LINES 8

/* The k smallest values met so far, the largest on top. */
typedef struct Smallest
{
	Size		k;
	Size		count;
	Size		capacity;
	float	   *heap;
} Smallest;

struct AxisProbe
{
	Relation	index;
	AxisDirectory *directory;
	const AxisLayout *layout;
	const AxisCondition *condition;
	const float *x;
	double		recall;

	/* lists by how near a row in them can be expected; the first ordered of them are in order */
	float	   *distances;		/* of centroids */
	float	   *keys;
	float		length;			/* of x */
	int		   *order;
	int			ordered;

	int			probed;			/* lists that earlier passes have been through */
	float		bound;			/* of the last pass */
	double		first_k;
	AxisCandidate *candidates;
	Size		count;
	Size		capacity;

	/* bounds of rows met in this pass */
	Smallest	highs;			/* upper ones */
	Smallest	lows;			/* lower ones, of rows that may belong to the k nearest */

	/* how many rows met the condition, of how many */
	double		seen;
	double		passed;
	double		met;			/* of those seen, rows of lists that were not skipped */
	double		lately_seen;	/* seen and passed, lists counting half as much with each that follows */
	double		lately_passed;
	AxisReach	reach;			/* for so many rows: */
	double		reach_rank;
	int			look_at;		/* place of the list at which to look again whether too much is left */

	/* scratch of one list and of one page */
	float	   *centroid;
	int8	   *query;
	int32	   *dots;
	float	   *low;
	float	   *high;
	uint16	   *rows;
	AxisProbeCounts counts;
};

AxisProbe *
pxd_axis_probe_begin(Relation index, AxisDirectory *directory, const AxisCondition *condition, const float *x,
					 double recall)
{
	AxisProbe  *probe = palloc0(sizeof(AxisProbe));
	const AxisLayout *layout = &directory->layout;
	int			rows = layout->rows_per_page;

	probe->index = index;
	probe->directory = directory;
	probe->layout = layout;
	probe->condition = condition;
	probe->x = x;
	probe->recall = recall;
	probe->bound = -INFINITY;
	probe->distances = palloc(sizeof(float) * directory->lists);
	probe->keys = palloc(sizeof(float) * directory->lists);
	probe->order = palloc(sizeof(int) * directory->lists);
	for (int i = 0; i < directory->lists; i++)
		probe->order[i] = i;
	probe->length = sqrtf(pxd_kernel_inner_product(layout->dim, x, x));
	pxd_axis_centroid_distances(directory, x, layout->metric, probe->distances);
	pxd_axis_list_keys(directory, &directory->meta, probe->distances, probe->length, probe->keys);
	probe->capacity = 256;
	probe->candidates = palloc(sizeof(AxisCandidate) * probe->capacity);
	probe->centroid = palloc(sizeof(float) * layout->dim);
	probe->query = palloc(layout->dim);
	probe->dots = palloc(sizeof(int32) * rows);
	probe->low = palloc(sizeof(float) * rows);
	probe->high = palloc(sizeof(float) * rows);
	probe->rows = palloc(sizeof(uint16) * rows);
	return probe;
}

const AxisProbeCounts *
pxd_axis_probe_counts(const AxisProbe *probe)
{
	return &probe->counts;
}

/* --- order of lists --- */

#define ST_SORT sort_lists
#define ST_ELEMENT_TYPE int
#define ST_COMPARE_ARG_TYPE const float
#define ST_COMPARE(a, b, distances) \
	((distances)[*(a)] < (distances)[*(b)] ? -1 : (distances)[*(a)] > (distances)[*(b)])
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Moves the n lists with the smallest distances of order[0 .. count) to its front (Hoare's selection). */
static void
select_lists(const float *keys, int *order, int count, int n)
{
	int			left = 0;
	int			right = count - 1;

	while (left < right)
	{
		float		pivot = keys[order[(left + right) / 2]];
		int			i = left;
		int			j = right;

		while (i <= j)
		{
			while (keys[order[i]] < pivot)
				i++;
			while (keys[order[j]] > pivot)
				j--;
			if (i <= j)
			{
				int			list = order[i];

				order[i++] = order[j];
				order[j--] = list;
			}
		}
		if (n - 1 <= j)
			right = j;
		else if (n - 1 >= i)
			left = i;
		else
			break;
	}
}

/* The list at a place of the order. */
static int
list_at(AxisProbe *probe, int place)
{
	if (place >= probe->ordered)
	{
		int			rest = probe->directory->lists - probe->ordered;
		int			step = Min(rest, Max(ORDER_STEP, probe->ordered));
		int		   *order = probe->order + probe->ordered;

		select_lists(probe->keys, order, rest, step);
		sort_lists(order, step, probe->keys);
		probe->ordered += step;
	}
	return probe->order[place];
}

/* --- the k smallest bounds --- */

/* The k-th smallest; infinity while there are fewer. */
static inline float
smallest_limit(const Smallest *smallest)
{
	return smallest->count == smallest->k ? smallest->heap[0] : INFINITY;
}

static void
sift_down(float *heap, Size count, float value)
{
	Size		i = 0;

	for (;;)
	{
		Size		child = 2 * i + 1;

		if (child >= count)
			break;
		if (child + 1 < count && heap[child + 1] > heap[child])
			child++;
		if (heap[child] <= value)
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = value;
}

static void
smallest_add(Smallest *smallest, float value)
{
	Size		i;

	if (smallest->count == smallest->k)
	{
		if (value < smallest->heap[0])
			sift_down(smallest->heap, smallest->k, value);
		return;
	}
	if (smallest->count == smallest->capacity)
	{
		smallest->capacity = Max(64, 2 * smallest->capacity);
		smallest->heap = smallest->heap == NULL ? palloc(sizeof(float) * smallest->capacity) :
			repalloc_huge(smallest->heap, sizeof(float) * smallest->capacity);
	}
	for (i = smallest->count++; i > 0 && smallest->heap[(i - 1) / 2] < value; i = (i - 1) / 2)
		smallest->heap[i] = smallest->heap[(i - 1) / 2];
	smallest->heap[i] = value;
}

/* --- one list --- */

static void
add_candidate(AxisProbe *probe, float low, const ItemPointerData *tid)
{
	if (probe->count == probe->capacity)
	{
		probe->capacity *= 2;
		probe->candidates = repalloc_huge(probe->candidates, sizeof(AxisCandidate) * probe->capacity);
	}
	probe->candidates[probe->count].low = low;
	probe->candidates[probe->count].tid = *tid;
	probe->count++;
}

/* Rows of a page, whose lower bounds exceed above, become candidates. */
static void
probe_page(AxisProbe *probe, const AxisListQuery *query, Page page, float above)
{
	const AxisLayout *layout = probe->layout;
	const ItemPointerData *tids = (const ItemPointerData *) (page + layout->tids);
	const uint8 *codes = (const uint8 *) (page + layout->codes);
	const uint16 *rows = NULL;
	int			n = AxisPageTail(page)->rows;
	float		cut;

	probe->seen += n;
	probe->met += n;
	probe->lately_seen += n;
	if (probe->condition != NULL)
	{
		n = pxd_axis_condition_rows(probe->condition, page, probe->rows);
		rows = probe->rows;
		pxd_code_dot_select(layout->code_bits, layout->dim, probe->query, codes, layout->code_bytes, rows, n, probe->dots);
	}
	else
		pxd_code_dot(layout->code_bits, layout->dim, probe->query, codes, layout->code_bytes, n, probe->dots);
	probe->passed += n;
	probe->lately_passed += n;
	probe->counts.codes += n;
	pxd_axis_bounds(layout, query, page, rows, n, probe->dots, probe->low, probe->high);
	/* the bound of this pass will not be below the last one's, however near the rows of lists that are new to it */
	cut = Max(smallest_limit(&probe->highs), probe->bound);
	for (int i = 0; i < n; i++)
	{
		float		low = probe->low[i];
		float		high = probe->high[i];

		if (likely(low > cut))
			continue;
		/* without bounds (encode.c) the row comes first, and its distance is computed exactly */
		if (unlikely(!(low >= -FLT_MAX)))
		{
			low = -FLT_MAX;
			high = INFINITY;
		}
		smallest_add(&probe->highs, high);
		smallest_add(&probe->lows, low);
		if (low > above)
			add_candidate(probe, low, &tids[rows != NULL ? rows[i] : i]);
		cut = Max(smallest_limit(&probe->highs), probe->bound);
	}
}

/* Asks the processor for what is read first of a block that will be read soon, if it is where it was last. */
static inline void
prefetch_page(const AxisProbe *probe, BlockNumber block)
{
	const AxisDirectory *directory = probe->directory;
	const AxisLayout *layout = probe->layout;

	/* not for local buffers, which are negative */
	if (block < directory->nrecent && directory->recent[block] > 0)
	{
		const char *page = BufferBlocks + (Size) (directory->recent[block] - 1) * BLCKSZ;

		__builtin_prefetch(GetBufferDescriptor(directory->recent[block] - 1));
		__builtin_prefetch(page);
		__builtin_prefetch(page + BLCKSZ - layout->tail_size);
		for (int i = 0; i < PREFETCH_LINES; i++)
			__builtin_prefetch(page + layout->codes + 64 * i);
		__builtin_prefetch(page + layout->add);
		__builtin_prefetch(page + layout->scale);
		__builtin_prefetch(page + layout->err);
	}
}

static void
probe_list(AxisProbe *probe, int list, float above)
{
	AxisDirectory *directory = probe->directory;
	BlockNumber block = directory->head[list];
	uint32		list_id = directory->list_id[list];
	Buffer		unknown = InvalidBuffer;
	Buffer	   *recent;
	AxisListQuery query;
	bool		prepared = false;

	while (block != InvalidBlockNumber)
	{
		Buffer		buffer;
		Page		page;
		AxisTail   *tail;

		CHECK_FOR_INTERRUPTS();
		recent = block < directory->nrecent ? &directory->recent[block] : &unknown;
		buffer = pxd_axis_read_recent(probe->index, block, BUFFER_LOCK_SHARE, AXIS_PAGE_CODES, list_id, recent);
		page = BufferGetPage(buffer);
		tail = AxisPageTail(page);
		if (!prepared)
		{
			probe->lately_seen /= 2;
			probe->lately_passed /= 2;
			if (probe->condition != NULL && !pxd_axis_condition_list(probe->condition, tail))
			{
				probe->seen += tail->list_rows;
				probe->lately_seen += tail->list_rows;
				probe->counts.skipped++;
				UnlockReleaseBuffer(buffer);
				return;
			}
			pxd_axis_list_query(directory, list, probe->x, pxd_axis_error_bound, probe->centroid, probe->query,
								&query);
			probe->counts.lists++;
			prepared = true;
		}
		block = tail->next;
		prefetch_page(probe, block);
		if (tail->rows > 0)
			probe_page(probe, &query, page, above);
		UnlockReleaseBuffer(buffer);
	}
}

/* --- a pass --- */

/*
 * Whether the lists from place on can be expected to hold more of the k nearest rows than may be missed. Where lists were enough for queries
 * that are rows, they may not be for one that is not. Sums up until it is too much, or hardly grows.
 */
static bool
too_much_left(AxisProbe *probe, int place, double share)
{
	const AxisDirectory *directory = probe->directory;
	float		spread = directory->meta.spread;
	double		allowed = LEFT_FACTOR * (1 - probe->recall) * probe->highs.k;
	double		expected = 0;
	double		before = 0;
	float		distance;

	if (spread <= 0)
		return false;
	/* that of the k-th nearest row met so far, about */
	distance = (smallest_limit(&probe->highs) + smallest_limit(&probe->lows)) / 2;
	for (int i = place; i < directory->lists; i++)
	{
		int			list = list_at(probe, i);

		expected += share * directory->rows[list] *
			pxd_axis_share(pxd_axis_cosine(directory, list, probe->distances[list], probe->length, distance), spread);
		if (expected > allowed)
			return true;
		if ((i - place) % LEFT_STEP == LEFT_STEP - 1)
		{
			if (expected - before < allowed / 64)
				return false;
			before = expected;
		}
	}
	return false;
}

/*
 * What share of the rows in the lists left out to reckon with; share: of those looked at that pass. Rows that pass may lie together, far from the query:
 * where they have been found at last, more pass than on the whole way there, and lists that were skipped tell nothing about those that will not be. Then
 * the reach, measured for rows that pass anywhere, says nothing about them, and is no reason for LEFT_FACTOR.
 */
static double
share_ahead(const AxisProbe *probe, double share)
{
	double		lately = probe->lately_passed / Max(probe->lately_seen, 1);
	double		ahead = Max(lately, probe->passed / Max(probe->met, 1));

	return ahead > 2 * share ? LEFT_FACTOR * ahead : Max(share, ahead);
}

/*
 * Whether few rows stand in the lists from place on, by those before. A filter may choose just these: the last lists hold the outlying rows, and how many of
 * them pass, and where they lie in their lists, shows only when they are looked at, which costs a fraction of what the pass has cost.
 */
static bool
little_left(const AxisProbe *probe, int place)
{
	const AxisDirectory *directory = probe->directory;
	double		before = 0;
	double		left = 0;

	for (int i = 0; i < place; i++)
		before += directory->rows[probe->order[i]];
	for (int i = place; i < directory->lists; i++)
		left += directory->rows[probe->order[i]];
	return LITTLE_LEFT * left < before;
}

/* Whether the lists before place, in order, are enough for this pass. */
static bool
far_enough(AxisProbe *probe, int place)
{
	double		share;
	double		rank;
	float		nearest;

	if (place < probe->probed || place < LEAST_LISTS || probe->highs.count < probe->highs.k)
		return false;
	if (pxd_axis_nprobe > 0)
		return place >= pxd_axis_nprobe * (probe->highs.k / probe->first_k);
	if (probe->seen < LEAST_ROWS)
		return false;
	/* the k nearest of the rows that pass are spread like the k / share nearest of all */
	share = probe->condition == NULL ? 1 : probe->passed / Max(probe->seen, 1);
	rank = probe->highs.k / Max(share, 1e-9);
	if (fabs(rank - probe->reach_rank) > probe->reach_rank / 16)
	{
		probe->reach = pxd_axis_reach(&probe->directory->meta, probe->recall, rank);
		probe->reach_rank = rank;
	}
	nearest = probe->keys[list_at(probe, 0)];
	if (place < probe->reach.nprobe &&
		(probe->reach.ratio <= 0 ||
		 probe->keys[list_at(probe, place)] <= probe->reach.ratio * probe->reach.ratio * Max(nearest, 0)))
		return false;
	/* looking at what is left costs as much as some lists */
	if (place < probe->look_at)
		return false;
	probe->look_at = place + Max(LOOK_STEP, place / 8);
	if (probe->condition != NULL)
	{
		if (little_left(probe, place))
			return false;
		share = share_ahead(probe, share);
	}
	return !too_much_left(probe, place, share);
}

#define ST_SORT sort_candidates
#define ST_ELEMENT_TYPE AxisCandidate
#define ST_COMPARE(a, b) ((a)->low < (b)->low ? -1 : (a)->low > (b)->low)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Drops the candidates beyond the pass's bound, and orders the others. */
static void
settle_candidates(AxisProbe *probe)
{
	Size		kept = 0;

	for (Size i = 0; i < probe->count; i++)
		if (probe->candidates[i].low <= probe->bound)
			probe->candidates[kept++] = probe->candidates[i];
	probe->count = kept;
	sort_candidates(probe->candidates, kept);
}

AxisCandidate *
pxd_axis_probe(AxisProbe *probe, double k, Size *count, float *bound, bool *complete)
{
	float		last_bound = probe->bound;
	int			lists = probe->directory->lists;
	int			place;

	if (probe->first_k == 0)
		probe->first_k = k;
	probe->highs.k = probe->lows.k = (Size) Min(k, (double) (MaxAllocHugeSize / sizeof(float)));
	probe->highs.count = probe->lows.count = 0;
	probe->count = 0;
	probe->look_at = 0;
	for (place = 0; place < lists && !far_enough(probe, place); place++)
	{
		int			list = list_at(probe, place);

		if (place + 1 < probe->ordered)
			prefetch_page(probe, probe->directory->head[probe->order[place + 1]]);
		probe_list(probe, list, place < probe->probed ? last_bound : -INFINITY);
	}
	probe->probed = Max(probe->probed, place);
	probe->bound = Max(last_bound, smallest_limit(&probe->highs));
	settle_candidates(probe);

	*count = probe->count;
	*bound = probe->bound;
	*complete = probe->probed == lists && probe->bound == INFINITY;
	return probe->candidates;
}
