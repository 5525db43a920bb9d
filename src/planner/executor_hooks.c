/*
 * executor_hooks.c: where the executor tells us what commands need.
 *
 * Two things hang on the executor's hooks (installed only when preloaded):
 *   - the life of segment builders: the nesting of commands, and the points at which collected rows must be written (R13);
 *   - projection: the attributes each scan of our tables really uses, told to its slot, so that sealed
 *     columns nobody asks for are never read.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "tcop/utility.h"

#include "hooks.h"
#include "slot.h"
#include "tableam.h"

static ExecutorStart_hook_type prev_executor_start = NULL;
static ExecutorRun_hook_type prev_executor_run = NULL;
static ExecutorFinish_hook_type prev_executor_finish = NULL;
static ExecutorEnd_hook_type prev_executor_end = NULL;
static ProcessUtility_hook_type prev_process_utility = NULL;

/* --- projection --- */

/* Attributes of scanrelid that the scan node itself evaluates, besides its target list. */
static void
pull_scan_attrs(Plan *plan, Index scanrelid, Bitmapset **attrs)
{
	pull_varattnos((Node *) plan->qual, scanrelid, attrs);
	switch (nodeTag(plan))
	{
		case T_IndexScan:
			pull_varattnos((Node *) ((IndexScan *) plan)->indexqualorig, scanrelid, attrs);
			pull_varattnos((Node *) ((IndexScan *) plan)->indexorderbyorig, scanrelid, attrs);
			break;
		case T_BitmapHeapScan:
			pull_varattnos((Node *) ((BitmapHeapScan *) plan)->bitmapqualorig, scanrelid, attrs);
			break;
		default:
			break;
	}
}

/*
 * The entries of its child's target list that a plan node evaluates, as pull_varattnos gives them for side (OUTER_VAR or INNER_VAR).
 * Returns false if the node is of a kind that may use them otherwise, or hand the child's rows on.
 */
static bool
pull_child_entries(Plan *plan, int side, Bitmapset **entries)
{
	switch (nodeTag(plan))
	{
		case T_Agg:
			if (((Agg *) plan)->groupingSets != NIL || ((Agg *) plan)->chain != NIL)
				return false;
			for (int i = 0; i < ((Agg *) plan)->numCols; i++)
				*entries = bms_add_member(*entries,
										  ((Agg *) plan)->grpColIdx[i] - FirstLowInvalidHeapAttributeNumber);
			break;
		case T_NestLoop:
			pull_varattnos((Node *) ((NestLoop *) plan)->join.joinqual, side, entries);
			if (side == OUTER_VAR)
			{
				ListCell   *lc;

				foreach(lc, ((NestLoop *) plan)->nestParams)
					pull_varattnos((Node *) ((NestLoopParam *) lfirst(lc))->paramval, side, entries);
			}
			break;
		case T_HashJoin:
			pull_varattnos((Node *) ((HashJoin *) plan)->join.joinqual, side, entries);
			pull_varattnos((Node *) ((HashJoin *) plan)->hashclauses, side, entries);
			pull_varattnos((Node *) ((HashJoin *) plan)->hashkeys, side, entries);
			break;
		case T_MergeJoin:
			pull_varattnos((Node *) ((MergeJoin *) plan)->join.joinqual, side, entries);
			pull_varattnos((Node *) ((MergeJoin *) plan)->mergeclauses, side, entries);
			break;
		case T_Result:
			pull_varattnos(((Result *) plan)->resconstantqual, side, entries);
			break;
		case T_ProjectSet:
			break;
		default:
			return false;
	}
	pull_varattnos((Node *) plan->targetlist, side, entries);
	pull_varattnos((Node *) plan->qual, side, entries);
	return true;
}

/*
 * The attributes a scan's rows are used for, offset as in pull_varattnos, or NULL for all. Where the scan projects, its target
 * list tells. Where it returns rows as they are, which the planner likes to have it do since for heap that is cheapest, the node above tells.
 */
static Bitmapset *
used_attrs(ScanState *scan, PlanState *parent)
{
	Plan	   *plan = scan->ps.plan;
	Index		scanrelid = ((Scan *) plan)->scanrelid;
	List	   *targetlist = plan->targetlist;
	Bitmapset  *attrs = NULL;
	Bitmapset  *entries = NULL;

	if (scan->ps.ps_ProjInfo == NULL && parent != NULL &&
		((outerPlanState(parent) == &scan->ps && pull_child_entries(parent->plan, OUTER_VAR, &entries)) ||
		 (innerPlanState(parent) == &scan->ps && pull_child_entries(parent->plan, INNER_VAR, &entries))))
	{
		int			entry = -1;

		targetlist = NIL;
		while ((entry = bms_next_member(entries, entry)) >= 0)
		{
			AttrNumber	resno = entry + FirstLowInvalidHeapAttributeNumber;

			if (resno <= 0 || resno > list_length(plan->targetlist))
				return NULL;
			targetlist = lappend(targetlist, list_nth(plan->targetlist, resno - 1));
		}
	}
	pull_varattnos((Node *) targetlist, scanrelid, &attrs);
	pull_scan_attrs(plan, scanrelid, &attrs);

	/* A whole-row reference needs everything. No attribute at all is an empty set, not NULL. */
	if (bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber, attrs))
		return NULL;
	return bms_add_member(attrs, 0);
}

/* Tells the slots of the scans below parent, in planstate, which attributes the plan uses. */
static bool
project_scans(PlanState *planstate, void *parent)
{
	switch (nodeTag(planstate))
	{
		case T_SeqScanState:
		case T_SampleScanState:
		case T_IndexScanState:
		case T_BitmapHeapScanState:
		case T_TidScanState:
		case T_TidRangeScanState:
		case T_CustomScanState:	/* ours: no other has a slot of our kind */
			{
				TupleTableSlot *slot = ((ScanState *) planstate)->ss_ScanTupleSlot;

				if (slot != NULL && TTS_IS_PROXIMADB(slot))
					pxd_slot_project(slot, used_attrs((ScanState *) planstate, parent));
				break;
			}
		default:
			break;
	}
	return planstate_tree_walker(planstate, project_scans, planstate);
}

/* --- hooks --- */

static void
executor_start(QueryDesc *query, int eflags)
{
	MemoryContext oldcontext;

	/* Workers see this transaction's rows, but not this backend's memory. */
	if (query->plannedstmt->parallelModeNeeded)
		pxd_write_flush(0);

	if (prev_executor_start)
		prev_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);

	oldcontext = MemoryContextSwitchTo(query->estate->es_query_cxt);
	if (query->planstate != NULL)
		project_scans(query->planstate, NULL);
	MemoryContextSwitchTo(oldcontext);
}

static void
executor_run(QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once)
{
	pxd_command_level++;
	PG_TRY();
	{
		if (prev_executor_run)
			prev_executor_run(query, direction, count, execute_once);
		else
			standard_ExecutorRun(query, direction, count, execute_once);
	}
	PG_FINALLY();
	{
		pxd_command_level--;
	}
	PG_END_TRY();
}

static void
executor_finish(QueryDesc *query)
{
	pxd_command_level++;
	PG_TRY();
	{
		if (prev_executor_finish)
			prev_executor_finish(query);
		else
			standard_ExecutorFinish(query);
	}
	PG_FINALLY();
	{
		pxd_command_level--;
	}
	PG_END_TRY();
}

static void
executor_end(QueryDesc *query)
{
	pxd_write_flush(pxd_command_level);
	if (prev_executor_end)
		prev_executor_end(query);
	else
		standard_ExecutorEnd(query);
	pxd_write_debug_flush(pxd_command_level);
}

static void
process_utility(PlannedStmt *pstmt, const char *query_string, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *query_env,
				DestReceiver *dest, QueryCompletion *completion)
{
	pxd_write_flush(0);
	pxd_command_level++;
	PG_TRY();
	{
		if (prev_process_utility)
			prev_process_utility(pstmt, query_string, read_only_tree, context, params, query_env,
								 dest, completion);
		else
			standard_ProcessUtility(pstmt, query_string, read_only_tree, context, params, query_env,
									dest, completion);
		pxd_write_flush(pxd_command_level - 1);
		pxd_write_debug_flush(pxd_command_level - 1);
	}
	PG_FINALLY();
	{
		pxd_command_level--;
	}
	PG_END_TRY();
}

void
pxd_hooks_install(void)
{
	prev_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
	prev_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = executor_run;
	prev_executor_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = executor_finish;
	prev_executor_end = ExecutorEnd_hook;
	ExecutorEnd_hook = executor_end;
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
	pxd_relation_info_hook_install();
	pxd_key_paths_hook_install();
}
