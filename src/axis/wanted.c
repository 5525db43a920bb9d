/*
 * wanted.c: how many rows a scan is wanted for, and up to which distance.
 *
 * Index access methods are not told of a LIMIT above them. A scan that knows it looks for that many rows at once, so that
 * their order is exact and no second pass is needed; one that knows `distance < x` among the conditions of its node ends there instead of going on to
 * the last row. Both are read from the plan that is being executed, and missing them costs time only.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "axis.h"

static ExecutorRun_hook_type prev_executor_run = NULL;

/* The innermost query that is being executed. */
static QueryDesc *running = NULL;

static void
executor_run(QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once)
{
	QueryDesc  *outer = running;

	running = query;
	PG_TRY();
	{
		if (prev_executor_run)
			prev_executor_run(query, direction, count, execute_once);
		else
			standard_ExecutorRun(query, direction, count, execute_once);
	}
	PG_FINALLY();
	{
		running = outer;
	}
	PG_END_TRY();
}

typedef struct Search
{
	IndexScanDesc scan;
	double		limit;			/* of the nodes above, 0: none */
	IndexScanState *found;
	double		found_limit;
} Search;

/* Rows that a node asks its child for, if its own consumer asks for limit. */
static double
limit_below(PlanState *node, double limit)
{
	switch (nodeTag(node))
	{
		case T_LimitState:
			{
				LimitState *state = (LimitState *) node;

				/* computed before the child's first row */
				if (state->noCount || state->lstate == LIMIT_INITIAL)
					return 0;
				return (double) state->offset + (double) state->count;
			}
		case T_ResultState:
		case T_SubqueryScanState:
			return node->qual == NULL ? limit : 0;
		case T_LockRowsState:
		case T_AppendState:
		case T_MergeAppendState:
		case T_GatherMergeState:
			return limit;
		default:
			return 0;
	}
}

/* Looks for the node that runs a scan. */
static bool
find_scan(PlanState *node, Search *search)
{
	double		limit = search->limit;
	bool		stop;

	if (node == NULL)
		return false;
	if (IsA(node, IndexScanState))
	{
		IndexScanState *scan = (IndexScanState *) node;

		if (scan->iss_ScanDesc == search->scan)
		{
			search->found = scan;
			search->found_limit = limit;
			return true;
		}
	}
	search->limit = limit_below(node, limit);
	stop = planstate_tree_walker(node, find_scan, search);
	search->limit = limit;
	return stop;
}

/* The constant that a condition demands distance, an expression, to stay below; false if it demands nothing of the kind. */
static bool
upper_bound(IndexScanState *scan, Expr *condition, Node *distance, double *bound)
{
	OpExpr	   *operator = (OpExpr *) condition;
	Node	   *other;
	RegProcedure function;
	bool		isnull;
	Datum		value;

	if (!IsA(operator, OpExpr) || list_length(operator->args) != 2 || exprType(lsecond(operator->args)) != FLOAT8OID ||
		!equal(linitial(operator->args), distance))
		return false;
	function = get_opcode(operator->opno);
	if (function != F_FLOAT8LT && function != F_FLOAT8LE)
		return false;
	other = lsecond(operator->args);
	if (!IsA(other, Const) && !(IsA(other, Param) && ((Param *) other)->paramkind == PARAM_EXTERN))
		return false;
	value = ExecEvalExpr(ExecInitExpr((Expr *) other, (PlanState *) scan), scan->ss.ps.ps_ExprContext, &isnull);
	if (isnull)
		return false;
	*bound = DatumGetFloat8(value);
	return true;
}

void
pxd_axis_wanted(IndexScanDesc scan, double *rows, double *distance)
{
	Search		search = {.scan = scan};
	IndexScan  *plan;
	ListCell   *cell;

	*rows = 0;
	*distance = INFINITY;
	if (running == NULL || running->planstate == NULL || !find_scan(running->planstate, &search))
		return;
	*rows = search.found_limit;
	plan = (IndexScan *) search.found->ss.ps.plan;
	if (list_length(plan->indexorderbyorig) != 1)
		return;
	foreach(cell, plan->scan.plan.qual)
	{
		double		bound;

		if (upper_bound(search.found, lfirst(cell), linitial(plan->indexorderbyorig), &bound))
			*distance = Min(*distance, bound);
	}
}

void
pxd_axis_wanted_init(void)
{
	prev_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = executor_run;
}
