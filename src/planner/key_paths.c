/*
 * key_paths.c: paths that find rows of a table by its sort key, without an index.
 *
 * For a table whose engine sorts, conditions `=`, `= ANY`, `<`, `<=`, `>`, `>=` on leading columns of the sort key make a path of a custom scan (key_node.c): with constants,
 * and with values of other tables for the inside of a nested loop. All conditions stay in the scan's filter; the key conditions only tell where to look.
 *
 * The cost is that of what is read: fences and filters of runs, blocks of records with keys in the range, heap pages they point to, heap pages that are
 * not covered, and the columns of the rows found. So a btree wins where there is one and it is better.
 */
#include "postgres.h"

#include <math.h>

#include "access/stratnum.h"
#include "access/nbtree.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"
#include "utils/syscache.h"

#include "hooks.h"
#include "key_plan.h"
#include "key_scan.h"
#include "proximadb.h"
#include "store.h"

/* More sets of other tables than this are not tried as outer sides of nested loops. */
#define MAX_OUTER_SETS		10

/* Pages of a run that are read besides those of its records, when its range of keys has been found to fit: filter, ranks, back-pointers. */
#define RUN_EXTRA_PAGES		2

/* Pages of a block of records at the end of a range. */
#define RUN_BLOCK_PAGES		2

/* Comparisons to find a place among the fences of a run. */
#define FENCE_COMPARISONS	10

static set_rel_pathlist_hook_type prev_set_rel_pathlist = NULL;

/* A table whose rows may be found by key. */
typedef struct KeyTable
{
	PlannerInfo *root;
	RelOptInfo *rel;
	SortKey		key;
	List	   *conditions[INDEX_MAX_KEYS]; /* KeyConditions by column of the key */

	/* for costs */
	double		pages;			/* of the main fork */
	double		uncovered;		/* of these, those not covered */
	double		runs;
	double		sealed_part;	/* of rows, those in runs */
	double		correlation;	/* squared, of the first column with the order of heap pages */
} KeyTable;

/* --- conditions --- */

/* Whether node, but for a cast that changes nothing, is the column. */
static bool
is_column(Node *node, const RelOptInfo *rel, const SortColumn *column)
{
	Var		   *var;

	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	var = (Var *) node;
	return node != NULL && IsA(node, Var) && var->varno == rel->relid && var->varattno == column->attnum && var->varlevelsup == 0;
}

/* Whether values of node can be computed before the scan of rel. */
static bool
is_known_before(PlannerInfo *root, Node *node, const RelOptInfo *rel)
{
	return !bms_is_member(rel->relid, pull_varnos(root, node)) && !contain_volatile_functions(node);
}

/*
 * The condition on a column of the key that a restriction is, or NULL. Its operator must be one of the family the table is sorted by, and that family must be able to compare the
 * types.
 */
static KeyCondition *
match_condition(KeyTable *table, RestrictInfo *rinfo, const SortColumn *column)
{
	Expr	   *clause = rinfo->clause;
	KeyCondition *condition;
	Oid			opno;
	Oid			collation;
	Oid			left_type,
				right_type;
	int			strategy;

	if (rinfo->pseudoconstant)
		return NULL;
	if (IsA(clause, OpExpr) && list_length(((OpExpr *) clause)->args) == 2)
	{
		OpExpr	   *op = (OpExpr *) clause;

		if (is_column(lsecond(op->args), table->rel, column) && !is_column(linitial(op->args), table->rel, column) &&
			OidIsValid(get_commutator(op->opno)))
		{
			op = copyObject(op);
			CommuteOpExpr(op);
			clause = (Expr *) op;
		}
		if (!is_column(linitial(op->args), table->rel, column) || !is_known_before(table->root, lsecond(op->args), table->rel))
			return NULL;
		opno = op->opno;
		collation = op->inputcollid;
	}
	else if (IsA(clause, ScalarArrayOpExpr) && ((ScalarArrayOpExpr *) clause)->useOr)
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) clause;

		if (!is_column(linitial(op->args), table->rel, column) || !is_known_before(table->root, lsecond(op->args), table->rel))
			return NULL;
		opno = op->opno;
		collation = op->inputcollid;
	}
	else
		return NULL;

	if (!op_in_opfamily(opno, column->opfamily) || (OidIsValid(column->collation) && collation != column->collation))
		return NULL;
	get_op_opfamily_properties(opno, column->opfamily, false, &strategy, &left_type, &right_type);
	if (!OidIsValid(get_opfamily_proc(column->opfamily, left_type, right_type, BTORDER_PROC)) ||
		(IsA(clause, ScalarArrayOpExpr) && strategy != BTEqualStrategyNumber))
		return NULL;

	condition = palloc(sizeof(KeyCondition));
	condition->rinfo = rinfo;
	condition->clause = clause;
	condition->strategy = strategy;
	return condition;
}

static void
match_restrictions(KeyTable *table, List *rinfos, bool are_joins)
{
	ListCell   *lc;

	foreach(lc, rinfos)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (!restriction_is_securely_promotable(rinfo, table->rel) ||
			(are_joins && !join_clause_is_movable_to(rinfo, table->rel)))
			continue;
		for (int i = 0; i < table->key.ncolumns; i++)
		{
			KeyCondition *condition = match_condition(table, rinfo, &table->key.columns[i]);

			if (condition != NULL)
				table->conditions[i] = lappend(table->conditions[i], condition);
		}
	}
}

/* Callback of generate_implied_equalities_for_column: whether an equivalence member is the column. */
static bool
member_is_column(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec, EquivalenceMember *em, void *arg)
{
	return is_column((Node *) em->em_expr, rel, arg);
}

static void
match_equivalences(KeyTable *table)
{
	if (!table->rel->has_eclass_joins)
		return;
	for (int i = 0; i < table->key.ncolumns; i++)
		match_restrictions(table,
						   generate_implied_equalities_for_column(table->root, table->rel, member_is_column,
																  &table->key.columns[i], table->rel->lateral_referencers),
						   true);
}

/* The other tables whose values a condition needs. */
static Relids
outer_rels(const KeyTable *table, const KeyCondition *condition)
{
	return bms_del_member(bms_copy(condition->rinfo->clause_relids), table->rel->relid);
}

/* Chooses the conditions a scan can use that knows values of the tables in outer. Returns the number of columns bounded. */
static int
choose_conditions(const KeyTable *table, Relids outer, KeyColumnConditions *columns)
{
	for (int i = 0; i < table->key.ncolumns; i++)
	{
		KeyColumnConditions *column = &columns[i];
		ListCell   *lc;

		memset(column, 0, sizeof(*column));
		foreach(lc, table->conditions[i])
		{
			KeyCondition *condition = lfirst(lc);
			KeyCondition **place;

			if (!bms_is_subset(outer_rels(table, condition), outer))
				continue;
			if (condition->strategy == BTEqualStrategyNumber)
				place = &column->equal;
			else
				place = condition->strategy < BTEqualStrategyNumber ? &column->upper : &column->lower;
			if (*place == NULL)
				*place = condition;
		}
		if (column->equal == NULL)
			return i + (column->lower != NULL || column->upper != NULL);
	}
	return table->key.ncolumns;
}

/* The conditions chosen, as a list in the order of the key. */
static List *
chosen_list(const KeyColumnConditions *columns, int ncolumns)
{
	List	   *chosen = NIL;

	for (int i = 0; i < ncolumns; i++)
	{
		if (columns[i].equal != NULL)
			chosen = lappend(chosen, columns[i].equal);
		else
		{
			if (columns[i].lower != NULL)
				chosen = lappend(chosen, columns[i].lower);
			if (columns[i].upper != NULL)
				chosen = lappend(chosen, columns[i].upper);
		}
	}
	return chosen;
}

/* --- costs --- */

/* The square of the correlation of a column with the order of rows; 0 if it is not known. */
static double
column_correlation(Oid relid, const SortColumn *column)
{
	HeapTuple	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relid), Int16GetDatum(column->attnum), BoolGetDatum(false));
	AttStatsSlot slot;
	double		squared = 0;

	if (!HeapTupleIsValid(tuple))
		return 0;
	if (get_attstatsslot(&slot, tuple, STATISTIC_KIND_CORRELATION, column->operator, ATTSTATSSLOT_NUMBERS))
	{
		squared = slot.numbers[0] * slot.numbers[0];
		free_attstatsslot(&slot);
	}
	ReleaseSysCache(tuple);
	return squared;
}

static void
measure_table(KeyTable *table, Relation relation)
{
	Relation	store = table_open(relation->rd_rel->reltoastrelid, AccessShareLock);
	BlockNumber nblocks = RelationGetNumberOfBlocks(relation);
	uint64		segments,
				rows,
				pages;

	pxd_store_totals(store, &segments, &rows, &pages);
	table->pages = nblocks;
	table->uncovered = nblocks - pxd_covered_count(store, nblocks);
	table->runs = segments;
	table->sealed_part = Min(rows / Max(table->rel->tuples, 1), 1);
	table->correlation = column_correlation(RelationGetRelid(relation), &table->key.columns[0]);
	table_close(store, AccessShareLock);
}

/* How many single keys or ranges the conditions stand for, and whether they are whole keys. */
static double
count_intervals(const KeyTable *table, const KeyColumnConditions *columns, int ncolumns, bool *points)
{
	double		intervals = 1;

	*points = ncolumns == table->key.ncolumns;
	for (int i = 0; i < ncolumns; i++)
	{
		if (columns[i].equal == NULL)
			*points = false;
		else if (IsA(columns[i].equal->clause, ScalarArrayOpExpr))
			intervals *= estimate_array_length(lsecond(((ScalarArrayOpExpr *) columns[i].equal->clause)->args));
	}
	return intervals;
}

/* Heap pages that hold the rows of a range of keys: all over the table, or together, as the correlation says. */
static double
matching_pages(const KeyTable *table, double rows, double selectivity)
{
	double		scattered = rows >= table->rel->tuples ? table->pages :
		table->pages * (1 - pow(1 - 1 / Max(table->pages, 1), rows));
	double		together = ceil(selectivity * table->pages);

	return Min(scattered + table->correlation * (Min(together, scattered) - scattered), table->pages);
}

static void
cost_key_scan(KeyTable *table, CustomPath *path, const KeyColumnConditions *columns, int ncolumns, List *rinfos)
{
	RelOptInfo *rel = table->rel;
	double		selectivity = clauselist_selectivity(table->root, rinfos, rel->relid, JOIN_INNER, NULL);
	double		rows = clamp_row_est(selectivity * rel->tuples);
	double		covered_part = table->pages > 0 ? 1 - table->uncovered / table->pages : 0;
	double		found_pages = matching_pages(table, rows, selectivity) * covered_part;
	double		tuples_per_page = rel->tuples / Max(table->pages, 1);
	bool		points;
	double		intervals = count_intervals(table, columns, ncolumns, &points);
	double		runs_in_range;
	double		runs_read;
	double		random_cost,
				seq_cost,
				page_cost;
	QualCost	qual;
	Cost		tuple_cost;
	Cost		startup;
	Cost		run;

	get_tablespace_page_costs(rel->reltablespace, &random_cost, &seq_cost);
	cost_qual_eval(&qual, rel->baserestrictinfo, table->root);

	/* Runs sorted together do not overlap, those of separate loads may all have the range. Filters keep off those without a whole key. */
	runs_in_range = table->runs * (1 - table->correlation) +
		table->correlation * Min(table->runs, intervals * (1 + selectivity * table->runs));
	runs_read = points ? Min(runs_in_range, intervals + runs_in_range * 0.01 * intervals) : runs_in_range;

	/* The directory and the bits of covered pages; then the runs. */
	startup = qual.startup + random_cost + table->runs * intervals * FENCE_COMPARISONS * cpu_operator_cost +
		runs_in_range * RUN_EXTRA_PAGES * random_cost * 0.5 +
		runs_read * RUN_BLOCK_PAGES * random_cost * 0.5 + selectivity * rel->tuples * cpu_operator_cost;

	/* As for a bitmap heap scan: the more of the pages, the more like a scan in order. */
	page_cost = random_cost - (random_cost - seq_cost) * sqrt(Min(found_pages / Max(table->pages, 1), 1));
	/* Most sealed rows are passed over at a glance, hot ones are not. */
	tuple_cost = table->sealed_part * 2 * cpu_operator_cost + (1 - table->sealed_part) * (cpu_tuple_cost + qual.per_tuple);
	run = found_pages * page_cost + table->uncovered * seq_cost +
		(found_pages + table->uncovered) * tuples_per_page * tuple_cost +
		rows * (cpu_tuple_cost + qual.per_tuple);

	/* Columns of the rows found: what the planner is told beyond the main fork's pages (relation_info.c). */
	run += selectivity * Max(rel->pages - table->pages, 0) * seq_cost;

	run += path->path.pathtarget->cost.per_tuple * path->path.rows;
	path->path.startup_cost = startup + path->path.pathtarget->cost.startup;
	path->path.total_cost = path->path.startup_cost + run;
}

/* --- paths --- */

static Plan *plan_key_scan(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *tlist, List *clauses, List *custom_plans);

static const CustomPathMethods path_methods = {
	.CustomName = "KeyScan",
	.PlanCustomPath = plan_key_scan
};

/* What a plan needs to know of each condition: lists of integers and clauses, which the planner can copy. */
static void
describe_conditions(const KeyTable *table, const KeyColumnConditions *columns, int ncolumns, CustomPath *path)
{
	List	   *clauses = NIL;
	List	   *fields = NIL;

	for (int i = 0; i < ncolumns; i++)
	{
		const SortColumn *column = &table->key.columns[i];
		ListCell   *lc;

		foreach(lc, chosen_list(&columns[i], 1))
		{
			KeyCondition *condition = lfirst(lc);

			clauses = lappend(clauses, condition->clause);
			fields = lappend(fields, list_make4_int(i, column->attnum, (int) column->opfamily, (int) column->collation));
		}
	}
	path->custom_private = list_make2(clauses, fields);
}

/* Adds the path that knows values of the tables in outer, if the first column of the key can be bounded so. */
static void
add_key_path(KeyTable *table, Relids outer)
{
	KeyColumnConditions columns[INDEX_MAX_KEYS];
	int			ncolumns = choose_conditions(table, outer, columns);
	Relids		required = bms_copy(table->rel->lateral_relids);
	List	   *rinfos = NIL;
	CustomPath *path;
	ListCell   *lc;

	if (ncolumns == 0)
		return;
	foreach(lc, chosen_list(columns, ncolumns))
	{
		KeyCondition *condition = lfirst(lc);

		required = bms_add_members(required, outer_rels(table, condition));
		rinfos = lappend(rinfos, condition->rinfo);
	}

	path = makeNode(CustomPath);
	path->path.pathtype = T_CustomScan;
	path->path.parent = table->rel;
	path->path.pathtarget = table->rel->reltarget;
	path->path.param_info = get_baserel_parampathinfo(table->root, table->rel, required);
	path->path.parallel_safe = table->rel->consider_parallel;
	path->path.rows = path->path.param_info != NULL ? path->path.param_info->ppi_rows : table->rel->rows;
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->methods = &path_methods;
	describe_conditions(table, columns, ncolumns, path);
	cost_key_scan(table, path, columns, ncolumns, rinfos);
	add_path(table->rel, (Path *) path);
}

static bool
has_set(List *sets, Relids set)
{
	ListCell   *lc;

	foreach(lc, sets)
		if (bms_equal(lfirst(lc), set))
			return true;
	return false;
}

/* Adds paths for the insides of nested loops: one for each set of tables that a condition needs, and one for all of them. */
static void
add_parameterized_paths(KeyTable *table)
{
	List	   *sets = NIL;
	Relids		all = NULL;
	ListCell   *lc;

	for (int i = 0; i < table->key.ncolumns; i++)
		foreach(lc, table->conditions[i])
		{
			Relids		outer = outer_rels(table, lfirst(lc));

			if (!bms_is_empty(outer) && !has_set(sets, outer) && list_length(sets) < MAX_OUTER_SETS)
				sets = lappend(sets, outer);
			all = bms_add_members(all, outer);
		}
	if (list_length(sets) > 1 && !has_set(sets, all))
		sets = lappend(sets, all);
	foreach(lc, sets)
		add_key_path(table, lfirst(lc));
}

static void
add_key_paths(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	KeyTable   *table;
	Relation	relation;

	if (prev_set_rel_pathlist)
		prev_set_rel_pathlist(root, rel, rti, rte);
	if (!pxd_enable_key_scan || !IS_SIMPLE_REL(rel) || IS_DUMMY_REL(rel) || rte->rtekind != RTE_RELATION || rte->inh || rte->tablesample != NULL ||
		(rte->relkind != RELKIND_RELATION && rte->relkind != RELKIND_MATVIEW))
		return;

	table = palloc0(sizeof(KeyTable));
	table->root = root;
	table->rel = rel;
	relation = table_open(rte->relid, NoLock);
	if (pxd_key_scan_possible(relation, &table->key))
	{
		match_restrictions(table, rel->baserestrictinfo, false);
		match_restrictions(table, rel->joininfo, true);
		match_equivalences(table);
		if (table->conditions[0] != NIL)
		{
			measure_table(table, relation);
			if (table->runs > 0)
			{
				add_key_path(table, NULL);
				add_parameterized_paths(table);
			}
		}
	}
	table_close(relation, NoLock);
}

static Plan *
plan_key_scan(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *tlist, List *clauses, List *custom_plans)
{
	CustomScan *scan = makeNode(CustomScan);

	scan->scan.plan.targetlist = tlist;
	scan->scan.plan.qual = extract_actual_clauses(clauses, false);
	scan->scan.scanrelid = rel->relid;
	scan->flags = path->flags;
	scan->custom_exprs = linitial(path->custom_private);
	scan->custom_private = lsecond(path->custom_private);
	scan->methods = &pxd_key_scan_methods;
	return &scan->scan.plan;
}

void
pxd_key_paths_hook_install(void)
{
	RegisterCustomScanMethods(&pxd_key_scan_methods);
	prev_set_rel_pathlist = set_rel_pathlist_hook;
	set_rel_pathlist_hook = add_key_paths;
}
