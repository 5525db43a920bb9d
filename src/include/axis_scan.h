/*
 * axis_scan.h: what the files of a scan share (scan.c, probe.c, outlook.c, rerank.c, estimate.c).
 */
#ifndef PXD_AXIS_SCAN_H
#define PXD_AXIS_SCAN_H

#include "postgres.h"

#include "axis.h"

/* --- estimate.c --- */

/* A query as seen from one list. */
typedef struct AxisListQuery
{
	float		base;			/* what the list gives to each row's distance */
	float		unit;			/* inner product with y = unit * dot - shift */
	float		shift;
	float		slack;			/* error bound = slack * err */
} AxisListQuery;

/*
 * Prepares query x (rotated) for a list, with bounds of that many standard deviations: quantises it relative to the centroid, to
 * code (layout.dim elements). centroid: scratch of layout.dim floats.
 */
extern void pxd_axis_list_query(const AxisDirectory *directory, int list, const float *x, double deviations,
								float *centroid, int8 *code, AxisListQuery *query);

/*
 * Bounds of the distances (squared L2, or negative inner product) of n rows of a page whose codes' products with the query are dots. rows: their
 * numbers, NULL for 0 .. n - 1.
 */
extern void pxd_axis_bounds(const AxisLayout *layout, const AxisListQuery *query, Page page, const uint16 *rows, int n,
							const int32 *dots, float *low, float *high);

/* --- outlook.c: what to expect of a list --- */

/*
 * What lists are looked through by, smallest first: how near a row can be expected in each, as estimates are (squared distance, or negative inner
 * product), if rows lie toward the query as far as meta->toward says. distances: of the centroids; length: of the query (rotated).
 */
extern void pxd_axis_list_keys(const AxisDirectory *directory, const AxisMeta *meta, const float *distances,
							   float length, float *out);

/* The cosine that makes a row of a list as near as limit, when the centroid's distance is distance. Beyond 1: hardly any is. */
extern float pxd_axis_cosine(const AxisDirectory *directory, int list, float distance, float length, float limit);

/* Share of a list's rows whose cosine is at least this. spread > 0: AxisMeta.spread. */
extern double pxd_axis_share(float cosine, float spread);

/* --- probe.c: finding candidates --- */

typedef struct AxisCandidate
{
	float		low;			/* bound of its distance */
	ItemPointerData tid;
} AxisCandidate;

typedef struct AxisProbe AxisProbe;

/*
 * Begins a search for the rows near x (rotated), in the current context, to which all its memory belongs. lists' rows that do not meet
 * condition (may be NULL) do not exist for it.
 */
extern AxisProbe *pxd_axis_probe_begin(Relation index, AxisDirectory *directory, const AxisCondition *condition,
									   const float *x, double recall);

/*
 * Looks for the k nearest rows, going as far as the recall asks for, and farther until it has k. Returns the rows that may belong to them and
 * that no earlier call has returned, in order of low, valid until the next call; *count how many. Rows left out have a larger low
 * than *bound. k grows from call to call. *complete: all rows of the index have been returned.
 */
extern AxisCandidate *pxd_axis_probe(AxisProbe *probe, double k, Size *count, float *bound, bool *complete);

/* Figures of a search so far. */
typedef struct AxisProbeCounts
{
	uint64		lists;			/* probed */
	uint64		skipped;		/* by their ranges */
	uint64		codes;			/* whose distance was estimated */
} AxisProbeCounts;

extern const AxisProbeCounts *pxd_axis_probe_counts(const AxisProbe *probe);

/* --- inspect.c --- */

/* Adds a scan to the counts of an index. counts: NULL if no search was made. Catalogs may be read. */
extern void pxd_axis_count_scan(Oid index, const AxisProbeCounts *counts, uint64 reranks, uint64 returned);

/* --- rerank.c: exact distances from the table --- */

typedef struct AxisRerank AxisRerank;

/*
 * Prepares for exact distances of rows of the index's table, as snapshot sees them. dim: the index's dimensions (the column's type may have lost
 * its modifier since). In the current context; AccessShare on the table is held by the caller.
 */
extern AxisRerank *pxd_axis_rerank_begin(Relation index, Relation table, int dim, Snapshot snapshot);

/* The query of all that follows: a detoasted value of so many dimensions, which outlives its use. */
extern void pxd_axis_rerank_query(AxisRerank *rerank, const struct varlena *query);

/* Tells which rows will be asked for next, so that their vectors are brought near all at once. A hint. */
extern void pxd_axis_rerank_ahead(AxisRerank *rerank, const ItemPointerData *tids, int ntids);

/* False if no version of the row is visible, or its vector is null. */
extern bool pxd_axis_rerank(AxisRerank *rerank, ItemPointer tid, double *distance);

extern void pxd_axis_rerank_end(AxisRerank *rerank);

/* --- distance_sort.c --- */

typedef struct DistanceSort DistanceSort;

/* In the current context, with at most work_mem; the sort must be ended, for it may have files. */
extern DistanceSort *pxd_axis_sort_begin(void);
extern void pxd_axis_sort_add(DistanceSort *sort, double distance, ItemPointer tid);

/* After the last row. Checks for interrupts. */
extern void pxd_axis_sort_perform(DistanceSort *sort);

/* The next row by distance, NaN last; false at the end. */
extern bool pxd_axis_sort_next(DistanceSort *sort, double *distance, ItemPointer tid);
extern void pxd_axis_sort_end(DistanceSort *sort);

#endif
