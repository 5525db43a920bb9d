/*
 * calibrate.c: how far a search has to go for a recall, measured on the index itself.
 *
 * For each of some queries the nearest rows, by estimated distance, are found among all rows, and it is noted where their lists stand: how
 * many lists come before, and how the list's key (pxd_axis_list_keys) compares with the smallest. A limit on either misses some of these rows; of
 * all pairs of limits that miss few enough, the one that probes the fewest lists is taken. This is done for several recalls, and
 * for the nearest 10, 100, ... rows: a filter that one row in ten passes needs the lists of the nearest 100 to find 10.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/generic_xlog.h"
#include "access/table.h"
#include "catalog/index.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "axis_rewrite.h"
#include "axis_scan.h"
#include "kernels.h"

static const double recalls[AXIS_RECALLS] = {0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.999};
#define SPREAD_RECALL 1			/* the reach beyond which it is measured how many rows are left: a low one leaves many */
static const double ranks[AXIS_RANKS] = {10, 100, 1000, 10000};

/* Queries are rows of the index, and lists were made for these rows: others miss a little more. */
#define MARGIN 0.4

/* Queries on which is measured where rows lie in their lists, and limits to the result: radii are means, and rows may lie farther. */
#define TOWARD_QUERIES 24
#define MAX_TOWARD 0.9
#define MAX_TOWARD_IP 4
/* Queries that are measured however many lists there are. */
#define LEAST_QUERIES 32

/* Grid of limits that are tried. */
#define LIMITS 48

double
pxd_axis_recall_of(int i)
{
	return recalls[i];
}

double
pxd_axis_rank_of(int i)
{
	return ranks[i];
}

/* --- looking the result up --- */

static double
interpolate(double x, double x0, double y0, double x1, double y1)
{
	return x1 <= x0 ? y1 : y0 + (y1 - y0) * (x - x0) / (x1 - x0);
}

/* Between two limits, of which 0 means none. */
static float
between(double x, double x0, float y0, double x1, float y1)
{
	return y0 <= 0 || y1 <= 0 ? 0 : (float) exp(interpolate(x, x0, log(y0), x1, log(y1)));
}

/* Reach of one rank for a recall. */
static AxisReach
reach_of_recall(const AxisReach *row, double recall)
{
	double		x = log(1 - Min(recall, 0.9999));
	int			i = 0;
	AxisReach	reach;

	while (i < AXIS_RECALLS - 2 && recall > recalls[i + 1])
		i++;
	reach.nprobe = between(x, log(1 - recalls[i]), row[i].nprobe, log(1 - recalls[i + 1]), row[i + 1].nprobe);
	reach.ratio = between(x, log(1 - recalls[i]), row[i].ratio, log(1 - recalls[i + 1]), row[i + 1].ratio);
	return reach;
}

AxisReach
pxd_axis_reach(const AxisMeta *meta, double recall, double rank)
{
	AxisReach	low;
	AxisReach	high;
	AxisReach	reach;
	double		x = log(Max(rank, ranks[0]));
	int			i = 0;

	if (meta->calibrated_rows == 0)
	{
		/* nothing is known: small indexes, on their way up to the first calibration */
		reach.nprobe = (float) (8 + sqrt(rank));
		reach.ratio = 0;
		return reach;
	}
	while (i < AXIS_RANKS - 2 && rank > ranks[i + 1])
		i++;
	low = reach_of_recall(meta->reach[i], recall);
	high = reach_of_recall(meta->reach[i + 1], recall);
	reach.nprobe = between(x, log(ranks[i]), low.nprobe, log(ranks[i + 1]), high.nprobe);
	/* lists have been split since: what was in one is in two, which are not both needed always */
	if (meta->calibrated_lists > 0 && meta->entries - AXIS_FIRST_LIST_NUMBER > meta->calibrated_lists)
		reach.nprobe *= (float) pow((double) (meta->entries - AXIS_FIRST_LIST_NUMBER) / meta->calibrated_lists, 0.7);
	reach.ratio = between(x, log(ranks[i]), low.ratio, log(ranks[i + 1]), high.ratio);
	return reach;
}

/* --- measuring --- */

/* A row met by a query. */
typedef struct Neighbour
{
	float		distance;
	int			place;			/* of its list among the lists by distance */
} Neighbour;

#define ST_SORT sort_neighbours
#define ST_ELEMENT_TYPE Neighbour
#define ST_COMPARE(a, b) ((a)->distance < (b)->distance ? -1 : (a)->distance > (b)->distance)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

typedef struct Place
{
	float		key;
	int			list;
} Place;

#define ST_SORT sort_places
#define ST_ELEMENT_TYPE Place
#define ST_COMPARE(a, b) ((a)->key < (b)->key ? -1 : (a)->key > (b)->key)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* What a list promises a query. */
typedef struct ListOutlook
{
	float		cosine;			/* of rows that are among the nearest */
	uint32		rows;
} ListOutlook;

typedef struct Calibration
{
	Relation	index;
	const AxisDirectory *directory;
	int			lists;
	int			wanted;			/* the most neighbours that are needed */
	int			queries;
	float	   *ratios;			/* queries x lists: root of the keys by the smallest, ascending */
	int		   *reached;		/* per rank and query: rows of that rank in the first 0, 1, ... lists */
	int			found;			/* neighbours that every query has */
	ListOutlook *outlooks;		/* of each query, by place */

	/* scratch of one query */
	Place	   *order;
	float	   *distances;
	float	   *keys;
	float		length;
	Neighbour  *neighbours;		/* room for 2 x wanted + a page */
	int			count;
	float		cut;			/* distances beyond it are of no interest */
} Calibration;

/* Keeps the nearest `wanted` of the neighbours met so far, in any order (Hoare's selection). */
static void
cut_neighbours(Calibration *calibration)
{
	Neighbour  *neighbours = calibration->neighbours;
	int			wanted = calibration->wanted;
	int			left = 0;
	int			right = calibration->count - 1;

	if (calibration->count <= wanted)
		return;
	while (left < right)
	{
		float		pivot = neighbours[(left + right) / 2].distance;
		int			i = left;
		int			j = right;

		while (i <= j)
		{
			while (neighbours[i].distance < pivot)
				i++;
			while (neighbours[j].distance > pivot)
				j--;
			if (i <= j)
			{
				Neighbour	neighbour = neighbours[i];

				neighbours[i++] = neighbours[j];
				neighbours[j--] = neighbour;
			}
		}
		if (wanted - 1 <= j)
			right = j;
		else if (wanted - 1 >= i)
			left = i;
		else
			break;
	}
	calibration->count = wanted;
	calibration->cut = neighbours[wanted - 1].distance;
}

/* Estimates the distances of a list's rows. */
static void
meet_list(Calibration *calibration, const float *x, int place)
{
	const AxisDirectory *directory = calibration->directory;
	const AxisLayout *layout = &directory->layout;
	int			list = calibration->order[place].list;
	BlockNumber block = directory->head[list];
	int32	   *dots = palloc(sizeof(int32) * layout->rows_per_page);
	float	   *low = palloc(sizeof(float) * layout->rows_per_page);
	float	   *high = palloc(sizeof(float) * layout->rows_per_page);
	float	   *centroid = palloc(sizeof(float) * layout->dim);
	int8	   *codes = palloc(layout->dim);
	AxisListQuery query;

	pxd_axis_list_query(directory, list, x, 0, centroid, codes, &query);
	while (block != InvalidBlockNumber)
	{
		Buffer		buffer = pxd_axis_read(calibration->index, block, BUFFER_LOCK_SHARE, AXIS_PAGE_CODES,
										   directory->list_id[list]);
		Page		page = BufferGetPage(buffer);
		int			n = AxisPageTail(page)->rows;

		pxd_code_dot(layout->code_bits, layout->dim, codes, (uint8 *) page + layout->codes, layout->code_bytes, n, dots);
		pxd_axis_bounds(layout, &query, page, NULL, n, dots, low, high);
		block = AxisPageTail(page)->next;
		UnlockReleaseBuffer(buffer);
		for (int i = 0; i < n; i++)
		{
			Neighbour  *neighbour = &calibration->neighbours[calibration->count];

			if (!(low[i] < calibration->cut))
				continue;
			neighbour->distance = low[i];
			neighbour->place = place;
			calibration->count++;
		}
		if (calibration->count >= 2 * calibration->wanted)
			cut_neighbours(calibration);
	}
	pfree(dots);
	pfree(low);
	pfree(high);
	pfree(centroid);
	pfree(codes);
}

/* How many of the nearest rows of rank number r of query number q stand in the first 0, 1, ... lists. */
static int *
reached_by(const Calibration *calibration, int r, int q)
{
	return calibration->reached + ((Size) r * calibration->queries + q) * (calibration->lists + 1);
}

/* Finds the nearest rows of a query, in order, and with them the places of their lists. */
static void
find_neighbours(Calibration *calibration, const AxisMeta *meta, const float *x)
{
	const AxisDirectory *directory = calibration->directory;

	pxd_axis_centroid_distances(directory, x, directory->layout.metric, calibration->distances);
	calibration->length = sqrtf(pxd_kernel_inner_product(directory->layout.dim, x, x));
	pxd_axis_list_keys(directory, meta, calibration->distances, calibration->length, calibration->keys);
	for (int i = 0; i < calibration->lists; i++)
	{
		calibration->order[i].list = i;
		calibration->order[i].key = calibration->keys[i];
	}
	sort_places(calibration->order, calibration->lists);

	calibration->count = 0;
	calibration->cut = INFINITY;
	for (int i = 0; i < calibration->lists; i++)
	{
		CHECK_FOR_INTERRUPTS();
		meet_list(calibration, x, i);
	}
	cut_neighbours(calibration);
	sort_neighbours(calibration->neighbours, calibration->count);
}

/* Notes which cosines rows of each list would need to be among the nearest of query number q, and how many rows there are. */
static void
note_cosines(Calibration *calibration, int q)
{
	const AxisDirectory *directory = calibration->directory;
	ListOutlook *outlook = calibration->outlooks + (Size) q * calibration->lists;
	float		limit = calibration->neighbours[(int) ranks[0]].distance;

	for (int i = 0; i < calibration->lists; i++)
	{
		int			list = calibration->order[i].list;

		outlook[i].cosine = pxd_axis_cosine(directory, list, calibration->distances[list], calibration->length, limit);
		outlook[i].rows = directory->rows[list];
	}
}

/* Notes the places of the nearest rows of query number q. */
static void
measure_query(Calibration *calibration, const AxisMeta *meta, int q, const float *x)
{
	float	   *ratios = calibration->ratios + (Size) q * calibration->lists;
	double		nearest;

	find_neighbours(calibration, meta, x);
	nearest = Max(calibration->order[0].key, FLT_MIN);
	for (int i = 0; i < calibration->lists; i++)
		ratios[i] = calibration->directory->layout.metric == AXIS_IP ? 1 :
			(float) sqrt(Max(calibration->order[i].key / nearest, 1));
	if (calibration->count > ranks[0])
		note_cosines(calibration, q);
	/* the nearest row is the query itself */
	calibration->found = Min(calibration->found, calibration->count - 1);
	for (int r = 0; r < AXIS_RANKS; r++)
	{
		int		   *reached = reached_by(calibration, r, q);

		for (int i = 1; i < calibration->count && i <= ranks[r]; i++)
			reached[calibration->neighbours[i].place + 1]++;
		for (int i = 0; i < calibration->lists; i++)
			reached[i + 1] += reached[i];
	}
}

/* Measures meta->toward: where, in their lists, the nearest rows of some queries lie; every step-th vector of queries is one. */
static void
measure_toward(Calibration *calibration, const float *queries, int step, AxisMeta *meta)
{
	const AxisDirectory *directory = calibration->directory;
	double		sum = 0;
	int			n = 0;

	meta->toward = 0;			/* lists in the order of their distances */
	for (int q = 0; q < calibration->queries; q += 1 + calibration->queries / TOWARD_QUERIES)
	{
		find_neighbours(calibration, meta, queries + (Size) directory->layout.dim * q * step);
		for (int i = 1; i < calibration->count && i <= ranks[0]; i++)
		{
			const Neighbour *neighbour = &calibration->neighbours[i];
			const Place *place = &calibration->order[neighbour->place];
			float		cosine = pxd_axis_cosine(directory, place->list, place->key, calibration->length, neighbour->distance);

			sum += isfinite(cosine) ? Max(cosine, -1) : 0;
			n++;
		}
	}
	meta->toward = (float) Min(Max(sum / Max(n, 1), 0), directory->layout.metric == AXIS_IP ? MAX_TOWARD_IP : MAX_TOWARD);
}

/* How many lists are probed for query number q within both limits. */
static int
lists_within(const Calibration *calibration, int q, double nprobe, double ratio)
{
	const float *ratios = calibration->ratios + (Size) q * calibration->lists;
	int			limit = (int) Min(nprobe, calibration->lists);
	int			from = 0;
	int			to = limit;

	if (ratio <= 0)
		return limit;
	while (from < to)
	{
		int			middle = (from + to) / 2;

		if (ratios[middle] <= ratio)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* Share of the rows of rank number r within both limits, and the lists that are probed then, on average. */
static void
try_limits(const Calibration *calibration, int r, double nprobe, double ratio, double *recall, double *cost)
{
	double		within = 0;
	double		probed = 0;

	for (int q = 0; q < calibration->queries; q++)
	{
		int			limit = lists_within(calibration, q, nprobe, ratio);

		within += reached_by(calibration, r, q)[limit];
		probed += limit;
	}
	*recall = within / (calibration->queries * ranks[r]);
	*cost = probed / calibration->queries;
}

/* The smallest number of lists, all but ratio being given, with which recall is reached; lists + 1 if none is enough. */
static double
least_nprobe(const Calibration *calibration, int r, double ratio, double target)
{
	int			from = 1;
	int			to = calibration->lists + 1;

	while (from < to)
	{
		int			middle = (from + to) / 2;
		double		recall;
		double		cost;

		try_limits(calibration, r, middle, ratio, &recall, &cost);
		if (recall >= target)
			to = middle;
		else
			from = middle + 1;
	}
	return from;
}

/* The cheapest pair of limits for a recall. */
static AxisReach
find_reach(const Calibration *calibration, int r, double target)
{
	AxisReach	best = {.nprobe = calibration->lists, .ratio = 0};
	double		best_cost = INFINITY;

	for (int i = 0; i <= LIMITS; i++)
	{
		/* from 1.02 to about 4.5, and without limit */
		double		ratio = i == LIMITS ? 0 : exp(0.02 + i * 0.0315);
		double		nprobe = least_nprobe(calibration, r, ratio, target);
		double		recall;
		double		cost;

		CHECK_FOR_INTERRUPTS();
		if (nprobe > calibration->lists)
			continue;
		try_limits(calibration, r, nprobe, ratio, &recall, &cost);
		if (cost < best_cost)
		{
			best_cost = cost;
			best.nprobe = (float) nprobe;
			best.ratio = (float) ratio;
		}
	}
	return best;
}

/* Rows expected in the lists beyond the reach, of all queries; *found: how many of the nearest are there. */
static double
rows_beyond(const Calibration *calibration, AxisReach reach, float spread, double *found)
{
	double		expected = 0;

	*found = 0;
	for (int q = 0; q < calibration->queries; q++)
	{
		const ListOutlook *outlook = calibration->outlooks + (Size) q * calibration->lists;
		const int  *reached = reached_by(calibration, 0, q);
		int			limit = lists_within(calibration, q, reach.nprobe, reach.ratio);

		CHECK_FOR_INTERRUPTS();
		*found += reached[calibration->lists] - reached[limit];
		for (int i = limit; i < calibration->lists; i++)
			if (outlook[i].cosine < 6 * spread)
				expected += outlook[i].rows * pxd_axis_share(outlook[i].cosine, spread);
	}
	return expected;
}

/*
 * The spread with which as many rows are expected beyond a reach as there are: by bisection, for they grow with the spread.
 *
 * Queries that are rows may leave next to nothing there to fit to (clusters far apart, many equal rows), which says nothing about other queries. But
 * whatever the rows: over all directions of a query, the mean square of a row's cosine is 1 / dimensions. So the spread is not less than its root.
 */
static float
fit_spread(const Calibration *calibration, AxisReach reach)
{
	float		low = 1 / sqrtf(calibration->directory->layout.dim_in);
	float		high = 1;

	for (int round = 0; round < 10; round++)
	{
		float		middle = sqrtf(low * high);
		double		found;

		if (rows_beyond(calibration, reach, middle, &found) < found)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* How many of count queries there is memory for: their figures take half of maintenance_work_mem at most. */
static int
affordable_queries(int lists, int count)
{
	Size		each = (sizeof(float) + AXIS_RANKS * sizeof(int) + sizeof(ListOutlook)) * ((Size) lists + 1);

	return (int) Min((Size) count, Max((Size) maintenance_work_mem * 1024 / 2 / each, LEAST_QUERIES));
}

void
pxd_axis_calibrate(Relation index, AxisDirectory *directory, const float *queries, int count, AxisMeta *meta)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "axis calibration", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	int			step = (count - 1) / affordable_queries(directory->lists, count) + 1;
	Calibration calibration = {.index = index, .directory = directory, .lists = directory->lists};

	count /= step;
	calibration.queries = count;
	calibration.wanted = (int) ranks[AXIS_RANKS - 1] + 1;
	calibration.found = calibration.wanted;
	calibration.ratios = palloc_extended(mul_size(count, sizeof(float) * directory->lists), MCXT_ALLOC_HUGE);
	calibration.reached = palloc_extended(mul_size((Size) AXIS_RANKS * count, sizeof(int) * (directory->lists + 1)),
										  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	calibration.order = palloc(sizeof(Place) * directory->lists);
	calibration.outlooks = palloc_extended(mul_size(count, sizeof(ListOutlook) * directory->lists), MCXT_ALLOC_HUGE);
	calibration.distances = palloc(sizeof(float) * directory->lists);
	calibration.keys = palloc(sizeof(float) * directory->lists);
	calibration.neighbours = palloc(sizeof(Neighbour) * (2 * calibration.wanted + directory->layout.rows_per_page));
	measure_toward(&calibration, queries, step, meta);
	for (int q = 0; q < count; q++)
		measure_query(&calibration, meta, q, queries + (Size) directory->layout.dim * q * step);

	for (int r = 0; r < AXIS_RANKS; r++)
	{
		/* with fewer rows than the rank, all lists are needed */
		bool		known = calibration.found >= ranks[r];

		for (int i = 0; i < AXIS_RECALLS; i++)
		{
			AxisReach	all = {.nprobe = directory->lists, .ratio = 0};

			meta->reach[r][i] = known ?
				find_reach(&calibration, r, recalls[i] + MARGIN * (1 - recalls[i])) : all;
		}
	}
	meta->spread = calibration.found >= ranks[0] ? fit_spread(&calibration, meta->reach[0][SPREAD_RECALL]) : 0;
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

/* --- measuring again --- */

#define QUERIES 300

/* A row from the middle of a list's first page that has any; false if the list is empty. */
static bool
some_row(Relation index, const AxisDirectory *directory, int list, uint32 random, AxisRow *row)
{
	BlockNumber block = directory->head[list];

	while (block != InvalidBlockNumber)
	{
		Buffer		buffer = pxd_axis_read(index, block, BUFFER_LOCK_SHARE, AXIS_PAGE_CODES, directory->list_id[list]);
		Page		page = BufferGetPage(buffer);
		int			rows = AxisPageTail(page)->rows;

		if (rows > 0)
			pxd_axis_page_get(&directory->layout, page, random % rows, row);
		block = AxisPageTail(page)->next;
		UnlockReleaseBuffer(buffer);
		if (rows > 0)
			return true;
	}
	return false;
}

/* Whether the last of count + 1 vectors is one of those before it. */
static bool
is_among(const float *vectors, int count, int dim)
{
	for (int i = 0; i < count; i++)
		if (memcmp(vectors + (Size) dim * i, vectors + (Size) dim * count, sizeof(float) * dim) == 0)
			return true;
	return false;
}

/* Different vectors of up to QUERIES rows from lists all over the index, to out; returns how many. */
static int
pick_queries(Relation index, AxisDirectory *directory, float *out)
{
	Relation	table = table_open(IndexGetRelation(RelationGetRelid(index), false), AccessShareLock);
	RowVectors *vectors = pxd_axis_vectors_begin(index, table, directory, true);
	AxisRow    *row = palloc(directory->layout.row_size);
	float	   *centroid = palloc(sizeof(float) * directory->layout.dim);
	int			count = 0;

	for (int i = 0; i < QUERIES; i++)
	{
		int			list = (int) ((int64) directory->lists * i / QUERIES);

		CHECK_FOR_INTERRUPTS();
		if (!some_row(index, directory, list, pg_prng_uint32(&pg_global_prng_state), row))
			continue;
		pxd_axis_centroid(directory, list, centroid);
		pxd_axis_vectors_get(vectors, row, centroid, out + (Size) directory->layout.dim * count);
		count += !is_among(out, count, directory->layout.dim);
	}
	pxd_axis_vectors_end(vectors);
	table_close(table, AccessShareLock);
	return count;
}

/* Stores what has been measured. */
static void
store_reach(Relation index, const AxisMeta *measured)
{
	Buffer		buffer = pxd_axis_read(index, AXIS_META_BLOCK, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_META, 0);
	GenericXLogState *state = GenericXLogStart(index);
	AxisMeta   *meta = AxisPageMeta(GenericXLogRegisterBuffer(state, buffer, 0));

	meta->toward = measured->toward;
	meta->spread = measured->spread;
	memcpy(meta->reach, measured->reach, sizeof(meta->reach));
	meta->calibrated_rows = measured->calibrated_rows;
	meta->calibrated_lists = measured->calibrated_lists;
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
}

void
pxd_axis_recalibrate(Relation index)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "axis recalibration", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	AxisDirectory *directory = pxd_axis_directory_open(index);
	AxisMeta	meta = directory->meta;
	float	   *queries = palloc_extended(mul_size(QUERIES, sizeof(float) * directory->layout.dim), MCXT_ALLOC_HUGE);
	int			count = pick_queries(index, directory, queries);

	meta.calibrated_rows = 0;
	for (int i = 0; i < directory->lists; i++)
	{
		Buffer		buffer = pxd_axis_read(index, directory->head[i], BUFFER_LOCK_SHARE, AXIS_PAGE_CODES,
										   directory->list_id[i]);

		meta.calibrated_rows += AxisPageTail(BufferGetPage(buffer))->list_rows;
		UnlockReleaseBuffer(buffer);
	}
	meta.calibrated_lists = directory->lists;
	if (count > 0)
	{
		pxd_axis_calibrate(index, directory, queries, count, &meta);
		store_reach(index, &meta);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}
