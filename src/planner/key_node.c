/*
 * key_node.c: the custom scan that finds rows of a table by its sort key.
 *
 * The values of its conditions are computed when the first row is asked for, and again after a rescan, made into intervals of keys, and given to a KeyScan (tableam/key_scan.c). All
 * conditions are in the node's filter, too, so rows that come besides do no harm; nothing has to be rechecked for EvalPlanQual.
 *
 * Memory: intervals live in a context that is reset at each rescan. The snapshot is the query's.
 */
#include "postgres.h"

#include "access/hash.h"
#include "access/nbtree.h"
#include "access/stratnum.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "nodes/execnodes.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/ruleutils.h"
#include "utils/typcache.h"

#include "engine.h"
#include "key_plan.h"
#include "key_scan.h"

/* = ANY with more values than this, or several of them that multiply to more, is not used to look for keys. */
#define MAX_INTERVALS		8192

/* A condition at work. */
typedef struct ActiveCondition
{
	int			column;			/* of the key */
	int			strategy;
	bool		is_array;
	ExprState  *value;
	int16		elem_len;		/* of an array's elements */
	bool		elem_byval;
	char		elem_align;
	Oid			elem_type;
	FmgrInfo	compare;
	FmgrInfo	hash;
	bool		can_hash;
} ActiveCondition;

typedef struct KeyScanState
{
	CustomScanState css;		/* must be first */
	int			nconditions;
	ActiveCondition *conditions;
	KeySearch	search;			/* columns; intervals in search_context */
	MemoryContext search_context;
	KeyScan    *scan;			/* NULL until the first row is asked for */
	bool		searching;		/* the search fits the parameters */
} KeyScanState;

/* --- values to intervals --- */

/* The values of a condition, none of them null, in search_context. NULL values match nothing. */
static int
condition_values(KeyScanState *state, ActiveCondition *condition, Datum **values)
{
	ExprContext *econtext = state->css.ss.ps.ps_ExprContext;
	MemoryContext oldcontext;
	bool		isnull;
	Datum		value = ExecEvalExprSwitchContext(condition->value, econtext, &isnull);
	ArrayType  *array;
	bool	   *nulls;
	int			n;
	int			kept = 0;

	*values = NULL;
	if (isnull)
		return 0;
	oldcontext = MemoryContextSwitchTo(state->search_context);
	if (!condition->is_array)
	{
		int16		len;
		bool		byval;

		get_typlenbyval(condition->elem_type, &len, &byval);
		*values = palloc(sizeof(Datum));
		if (len == -1)
			(*values)[0] = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
		else
			(*values)[0] = datumCopy(value, byval, len);
		MemoryContextSwitchTo(oldcontext);
		return 1;
	}
	array = DatumGetArrayTypePCopy(value);
	deconstruct_array(array, condition->elem_type, condition->elem_len, condition->elem_byval, condition->elem_align,
					  values, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			(*values)[kept++] = (*values)[i];
	MemoryContextSwitchTo(oldcontext);
	return kept;
}

static KeyBoundValue
bound_value(ActiveCondition *condition, Datum value)
{
	KeyBoundValue bound = {.value = value,.compare = &condition->compare};

	bound.hash = condition->can_hash ? &condition->hash : NULL;
	return bound;
}

/* Bounds a column of all intervals from one side. */
static void
add_range(KeySearch *search, ActiveCondition *condition, Datum value)
{
	bool		is_lower = condition->strategy > BTEqualStrategyNumber;

	for (int i = 0; i < search->nintervals; i++)
	{
		KeyBound   *bound = is_lower ? &search->intervals[i].lower : &search->intervals[i].upper;

		Assert(bound->ncolumns == condition->column);
		bound->values[bound->ncolumns++] = bound_value(condition, value);
		bound->inclusive = condition->strategy == BTGreaterEqualStrategyNumber ||
			condition->strategy == BTLessEqualStrategyNumber;
		search->intervals[i].is_point = false;
	}
}

/* Fixes a column of all intervals to each of the values. */
static void
add_points(KeySearch *search, ActiveCondition *condition, const Datum *values, int nvalues)
{
	KeyInterval *intervals = palloc(sizeof(KeyInterval) * search->nintervals * nvalues);
	KeyInterval *next = intervals;

	for (int i = 0; i < search->nintervals; i++)
		for (int j = 0; j < nvalues; j++)
		{
			*next = search->intervals[i];
			next->lower.values[next->lower.ncolumns++] = bound_value(condition, values[j]);
			next->upper.values[next->upper.ncolumns++] = bound_value(condition, values[j]);
			next++;
		}
	search->intervals = intervals;
	search->nintervals *= nvalues;
}

/* Makes the intervals from the values that the conditions have now. */
static void
make_intervals(KeyScanState *state)
{
	KeySearch  *search = &state->search;
	MemoryContext oldcontext;

	MemoryContextReset(state->search_context);
	oldcontext = MemoryContextSwitchTo(state->search_context);
	search->nintervals = 1;
	search->intervals = palloc0(sizeof(KeyInterval));
	search->intervals->is_point = true;
	search->intervals->lower.inclusive = true;
	search->intervals->upper.inclusive = true;
	for (int i = 0; i < state->nconditions; i++)
	{
		ActiveCondition *condition = &state->conditions[i];
		Datum	   *values;
		int			nvalues = condition_values(state, condition, &values);

		if (nvalues == 0)
		{
			search->nintervals = 0;
			break;
		}
		if (condition->strategy != BTEqualStrategyNumber)
			add_range(search, condition, values[0]);
		else if ((Size) nvalues * search->nintervals <= MAX_INTERVALS)
			add_points(search, condition, values, nvalues);
		else
			break;
	}
	MemoryContextSwitchTo(oldcontext);
}

/* --- execution --- */

/* The operator family of hash functions by which values of the condition's type hash as equal values of the column's type do. */
static void
find_hash(ActiveCondition *condition, Oid left_type, Oid right_type)
{
	TypeCacheEntry *type = lookup_type_cache(left_type, TYPECACHE_HASH_OPFAMILY);
	Oid			function = InvalidOid;

	if (OidIsValid(type->hash_opf) &&
		OidIsValid(get_opfamily_member(type->hash_opf, left_type, right_type, HTEqualStrategyNumber)))
		function = get_opfamily_proc(type->hash_opf, right_type, right_type, HASHEXTENDED_PROC);
	condition->can_hash = OidIsValid(function);
	if (condition->can_hash)
		fmgr_info(function, &condition->hash);
}

static void
begin_condition(KeyScanState *state, ActiveCondition *condition, Expr *clause, List *fields)
{
	KeySearch  *search = &state->search;
	int			column = list_nth_int(fields, KEY_PRIVATE_COLUMN);
	Oid			opfamily = (Oid) list_nth_int(fields, KEY_PRIVATE_OPFAMILY);
	Oid			opno;
	Oid			left_type,
				right_type;
	List	   *args;

	condition->is_array = IsA(clause, ScalarArrayOpExpr);
	opno = condition->is_array ? ((ScalarArrayOpExpr *) clause)->opno : castNode(OpExpr, clause)->opno;
	args = condition->is_array ? ((ScalarArrayOpExpr *) clause)->args : ((OpExpr *) clause)->args;
	condition->column = column;
	get_op_opfamily_properties(opno, opfamily, false, &condition->strategy, &left_type, &right_type);
	condition->value = ExecInitExpr(lsecond(args), &state->css.ss.ps);
	condition->elem_type = exprType(lsecond(args));
	if (condition->is_array)
	{
		condition->elem_type = get_base_element_type(condition->elem_type);
		get_typlenbyvalalign(condition->elem_type, &condition->elem_len, &condition->elem_byval, &condition->elem_align);
	}
	fmgr_info(get_opfamily_proc(opfamily, left_type, right_type, BTORDER_PROC), &condition->compare);
	find_hash(condition, left_type, right_type);

	search->ncolumns = column + 1;
	search->columns[column].attnum = (AttrNumber) list_nth_int(fields, KEY_PRIVATE_ATTNUM);
	search->columns[column].opfamily = opfamily;
	search->columns[column].collation = (Oid) list_nth_int(fields, KEY_PRIVATE_COLLATION);
}

static void
begin_key_scan(CustomScanState *node, EState *estate, int eflags)
{
	KeyScanState *state = (KeyScanState *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	Relation	table = node->ss.ss_currentRelation;
	ListCell   *lc_clause,
			   *lc_fields;

	/* Core has prepared for virtual tuples: prepare anew for the table's own, which read sealed columns when they are asked for. */
	ExecInitScanTupleSlot(estate, &node->ss, RelationGetDescr(table), table_slot_callbacks(table));
	ExecAssignScanProjectionInfo(&node->ss);
	node->ss.ps.subPlan = NIL;
	node->ss.ps.qual = ExecInitQual(plan->scan.plan.qual, &node->ss.ps);

	state->conditions = palloc0(sizeof(ActiveCondition) * list_length(plan->custom_exprs));
	forboth(lc_clause, plan->custom_exprs, lc_fields, plan->custom_private)
		begin_condition(state, &state->conditions[state->nconditions++], lfirst(lc_clause), lfirst(lc_fields));
	state->search_context = AllocSetContextCreate(CurrentMemoryContext, "proximadb key scan values", ALLOCSET_DEFAULT_SIZES);
}

static TupleTableSlot *
next_row(ScanState *node)
{
	KeyScanState *state = (KeyScanState *) node;
	EState	   *estate = node->ps.state;
	MemoryContext oldcontext;

	if (!state->searching)
	{
		oldcontext = MemoryContextSwitchTo(estate->es_query_cxt);
		if (state->scan == NULL)
			state->scan = pxd_key_scan_begin(node->ss_currentRelation, estate->es_snapshot);
		MemoryContextSwitchTo(oldcontext);
		make_intervals(state);
		pxd_key_scan_search(state->scan, &state->search);
		state->searching = true;
	}
	if (!pxd_key_scan_next(state->scan, node->ss_ScanTupleSlot))
		return NULL;
	return node->ss_ScanTupleSlot;
}

/* The node's filter has everything. */
static bool
recheck_row(ScanState *node, TupleTableSlot *slot)
{
	return true;
}

static TupleTableSlot *
exec_key_scan(CustomScanState *node)
{
	return ExecScan(&node->ss, next_row, recheck_row);
}

static void
rescan_key_scan(CustomScanState *node)
{
	((KeyScanState *) node)->searching = false;
	ExecScanReScan(&node->ss);
}

static void
end_key_scan(CustomScanState *node)
{
	KeyScanState *state = (KeyScanState *) node;

	/* Pins of the row come before those of its page. */
	ExecClearTuple(node->ss.ss_ScanTupleSlot);
	if (state->scan != NULL)
		pxd_key_scan_end(state->scan);
	state->scan = NULL;
	MemoryContextDelete(state->search_context);
}

/* --- EXPLAIN --- */

static void
explain_key_scan(CustomScanState *node, List *ancestors, ExplainState *es)
{
	KeyScanState *state = (KeyScanState *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	List	   *context = set_deparse_context_plan(es->deparse_cxt, &plan->scan.plan, ancestors);
	const KeyScanCounts *counts;

	ExplainPropertyText("Key Cond",
						deparse_expression((Node *) make_ands_explicit(plan->custom_exprs), context,
										   list_length(es->rtable) > 1 || es->verbose, false), es);
	if (!es->analyze || state->scan == NULL)
		return;
	counts = pxd_key_scan_counts(state->scan);
	ExplainPropertyInteger("Runs", NULL, (int64) counts->runs, es);
	ExplainPropertyInteger("Runs Skipped by Fences", NULL, (int64) counts->skipped_by_fences, es);
	ExplainPropertyInteger("Runs Skipped by Filter", NULL, (int64) counts->skipped_by_filter, es);
	if (counts->unsorted > 0)
		ExplainPropertyInteger("Runs in Another Order", NULL, (int64) counts->unsorted, es);
	ExplainPropertyInteger("Run Blocks Read", NULL, (int64) counts->blocks, es);
	ExplainPropertyInteger("Heap Pages Read", NULL, (int64) counts->pages, es);
	ExplainPropertyInteger("Heap Pages Not Covered", NULL, (int64) counts->uncovered, es);
}

static Node *
create_key_scan_state(CustomScan *plan)
{
	static const CustomExecMethods methods = {
		.CustomName = "KeyScan",
		.BeginCustomScan = begin_key_scan,
		.ExecCustomScan = exec_key_scan,
		.EndCustomScan = end_key_scan,
		.ReScanCustomScan = rescan_key_scan,
		.ExplainCustomScan = explain_key_scan
	};
	KeyScanState *state = (KeyScanState *) newNode(sizeof(KeyScanState), T_CustomScanState);

	state->css.methods = &methods;
	return (Node *) state;
}

const CustomScanMethods pxd_key_scan_methods = {
	.CustomName = "KeyScan",
	.CreateCustomScanState = create_key_scan_state
};
