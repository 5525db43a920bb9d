/*
 * cost.c: what a scan costs, for the planner.
 *
 * Before the first row: the centroids, and lists until the reach for the target recall, a fraction of the index's pages that grows with
 * the rows that are wanted; then exact distances of a few rows more than are returned. The planner asks for the cost of all rows and takes a share of the
 * difference for a LIMIT, so what a few rows cost stands in the startup cost.
 *
 * Without codes: all rows that meet the filter are fetched and sorted, which is never less than a sequential scan and a sort, unless the
 * filter or the index's predicate leaves few rows.
 */
#include "postgres.h"

#include <math.h>

#include "access/genam.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"

#include "axis.h"

/* Codes are compared many at a time; one costs this share of an operator's call for each 64 bytes. */
#define CODE_COST 0.02
/* Rows whose exact distance is computed, for each row returned. */
#define RERANK_RATIO 1.5

/* Costs more than what is disabled, yet is finite. */
#define NEVER 1e12

#define LOG2(x) (log(x) / 0.693147180559945)

/* What it costs to fetch and sort the rows of an index without codes. */
static Cost
sort_cost(const IndexOptInfo *info, double rows, double random_page_cost)
{
	double		pages = Min(rows, info->rel->pages);
	double		comparisons = rows * LOG2(Max(rows, 2));

	return (info->pages + pages) * random_page_cost +
		rows * (cpu_index_tuple_cost + cpu_tuple_cost + cpu_operator_cost) + 2 * cpu_operator_cost * comparisons;
}

void
pxd_axis_cost_estimate(PlannerInfo *root, IndexPath *path, double loop_count, Cost *startup_cost, Cost *total_cost,
					   Selectivity *selectivity, double *correlation, double *pages)
{
	IndexOptInfo *info = path->indexinfo;
	GenericCosts costs;
	Relation	index;
	AxisMeta	meta;
	AxisLayout	layout;
	AxisEffort	effort;
	AxisReach	reach;
	double		lists;
	double		share;
	double		code_cost;
	double		filter_selectivity;
	double		random_page_cost;
	double		row_cost;

	/* count(*): needs no column, so the planner thinks that any index will do; but rows are not pinned while their TIDs are on their way */
	if (path->path.pathtype == T_IndexOnlyScan)
	{
		*startup_cost = *total_cost = NEVER;
		*selectivity = 1;
		*correlation = *pages = 0;
		return;
	}
	MemSet(&costs, 0, sizeof(costs));
	genericcostestimate(root, path, loop_count, &costs);
	filter_selectivity = Max(costs.indexSelectivity, 1e-9);

	index = index_open(info->indexoid, NoLock);
	pxd_axis_read_meta(index, &meta);
	pxd_axis_layout(index, meta.dim, meta.code_bits, &layout);
	pxd_axis_effort(index, &effort);
	reach = pxd_axis_reach(&meta, effort.target_recall, AXIS_FIRST_ROWS / filter_selectivity);
	index_close(index, NoLock);
	get_tablespace_page_costs(info->reltablespace, &random_page_cost, NULL);

	lists = Max((double) meta.entries - AXIS_FIRST_LIST_NUMBER, 1);
	share = path->indexorderbys == NIL ? 1 : Min(Max(reach.nprobe, 2) / lists, 1);
	code_cost = cpu_operator_cost * CODE_COST * (1 + layout.code_bytes / 64.0);
	/* a page of codes is read as a whole; lists lie together */
	*startup_cost = 0;
	if (path->indexorderbys != NIL)
		*startup_cost = lists * cpu_operator_cost * CODE_COST * (1 + layout.dim / 64.0) +
			share * (info->tuples * code_cost + info->pages * random_page_cost * 0.25);
	/* the rest of the index, read in later passes; each row returned costs some exact distances */
	row_cost = path->indexorderbys == NIL ? cpu_index_tuple_cost :
		RERANK_RATIO * (cpu_tuple_cost + cpu_operator_cost * (1 + layout.dim / 256.0));
	*total_cost = *startup_cost + info->pages * random_page_cost * 0.5 + info->tuples * code_cost * 2 +
		costs.numIndexTuples * row_cost;
	/* a distance needs the table's row: without an order nothing but the TID is needed */
	if (path->indexorderbys != NIL)
		*total_cost += costs.numIndexTuples * random_page_cost * 0.1;
	if (path->indexorderbys != NIL && layout.dim == 0)
	{
		*startup_cost = sort_cost(info, costs.numIndexTuples, random_page_cost);
		*total_cost = *startup_cost + costs.numIndexTuples * cpu_operator_cost;
	}
	*selectivity = costs.indexSelectivity;
	*correlation = 0;
	*pages = info->pages;
}
