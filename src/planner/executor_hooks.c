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
#include "access/table.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "tcop/utility.h"
#include "utils/rel.h"

#include "hooks.h"
#include "slot.h"
#include "tableam.h"

static ExecutorStart_hook_type prev_executor_start = NULL;
static ExecutorRun_hook_type prev_executor_run = NULL;
static ExecutorFinish_hook_type prev_executor_finish = NULL;
static ExecutorEnd_hook_type prev_executor_end = NULL;
static ProcessUtility_hook_type prev_process_utility = NULL;
static set_rel_pathlist_hook_type prev_set_rel_pathlist = NULL;

/* Attributes of scanrelid that the scan node itself evaluates, beyond its target list and quals. */
static void
pull_scan_attrs(Plan *plan, Index scanrelid, Bitmapset **attrs)
{
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

/* Tells the slots of scans of our tables which attributes the plan uses. */
static bool
project_scans(PlanState *planstate, void *context)
{
	if (planstate == NULL)
		return false;

	switch (nodeTag(planstate))
	{
		case T_SeqScanState:
		case T_SampleScanState:
		case T_IndexScanState:
		case T_BitmapHeapScanState:
		case T_TidScanState:
		case T_TidRangeScanState:
			{
				TupleTableSlot *slot = ((ScanState *) planstate)->ss_ScanTupleSlot;
				Plan	   *plan = planstate->plan;
				Index		scanrelid = ((Scan *) plan)->scanrelid;
				Bitmapset  *attrs = NULL;

				if (slot == NULL || !TTS_IS_PROXIMADB(slot))
					break;
				pull_varattnos((Node *) plan->targetlist, scanrelid, &attrs);
				pull_varattnos((Node *) plan->qual, scanrelid, &attrs);
				pull_scan_attrs(plan, scanrelid, &attrs);

				/* A whole-row reference needs everything. No attribute at all is an empty set, not NULL. */
				if (!bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber, attrs))
					pxd_slot_project(slot, bms_add_member(attrs, 0));
				break;
			}
		default:
			break;
	}
	return planstate_tree_walker(planstate, project_scans, context);
}

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

/*
 * Where a scan may return whole rows as they are, the planner likes to have it do so, since for heap that is the cheapest.
 * For us it would mean reading every column. It refrains when a system column is needed, so pretend that.
 */
static void
set_rel_pathlist(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	if (rte->rtekind == RTE_RELATION && rel->reloptkind == RELOPT_BASEREL &&
		(rte->relkind == RELKIND_RELATION || rte->relkind == RELKIND_MATVIEW))
	{
		Relation	table = table_open(rte->relid, NoLock);
		Relids	   *needed = &rel->attr_needed[TableOidAttributeNumber - rel->min_attr];

		if (pxd_table_engine(table) != NULL)
			*needed = bms_add_member(*needed, 0);
		table_close(table, NoLock);
	}

	if (prev_set_rel_pathlist)
		prev_set_rel_pathlist(root, rel, rti, rte);
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
	prev_set_rel_pathlist = set_rel_pathlist_hook;
	set_rel_pathlist_hook = set_rel_pathlist;
}
