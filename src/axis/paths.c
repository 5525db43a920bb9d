/*
 * paths.c: index paths that the planner does not make by itself.
 *
 * `ORDER BY embedding <-> $1` with `category = ANY (...)`: for conditions of that form on columns behind the first the planner only makes paths without an order,
 * as suits btree. An axis index tests them row by row, in any order: so they are added to the ordered paths on axis indexes here, and so are `flag` and
 * `NOT flag` of boolean columns.
 */
#include "postgres.h"

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "utils/lsyscache.h"

#include "axis.h"

static set_rel_pathlist_hook_type prev_set_rel_pathlist = NULL;

/* The filter column that a restriction of the form column = ANY (...) is about; -1 if it is none. */
static int
array_column(IndexOptInfo *index, RestrictInfo *restriction)
{
	ScalarArrayOpExpr *clause = (ScalarArrayOpExpr *) restriction->clause;
	Node	   *column;

	if (!IsA(clause, ScalarArrayOpExpr) || !clause->useOr || restriction->pseudoconstant)
		return -1;
	column = linitial(clause->args);
	if (IsA(column, RelabelType))
		column = (Node *) ((RelabelType *) column)->arg;
	if (contain_volatile_functions(lsecond(clause->args)) ||
		bms_is_member(index->rel->relid, pull_varnos(NULL, lsecond(clause->args))))
		return -1;
	for (int i = 1; i < index->nkeycolumns; i++)
		if (match_index_to_operand(column, i, index) && op_in_opfamily(clause->opno, index->opfamily[i]))
			return i;
	return -1;
}

/*
 * The condition column = true or column = false that a restriction says in other words, on a boolean filter column; NULL if it is none.
 * The planner itself knows those words only for btree and hash.
 */
static RestrictInfo *
boolean_condition(PlannerInfo *root, IndexOptInfo *index, RestrictInfo *restriction, int *column)
{
	Node	   *operand = (Node *) restriction->clause;
	bool		value = true;

	if (restriction->pseudoconstant)
		return NULL;
	if (is_notclause(operand))
	{
		operand = (Node *) get_notclausearg((Expr *) operand);
		value = false;
	}
	else if (IsA(operand, BooleanTest))
	{
		BooleanTest *test = (BooleanTest *) operand;

		if (test->booltesttype != IS_TRUE && test->booltesttype != IS_FALSE)
			return NULL;
		operand = (Node *) test->arg;
		value = test->booltesttype == IS_TRUE;
	}
	for (*column = 1; *column < index->nkeycolumns; (*column)++)
		if (index->opcintype[*column] == BOOLOID && match_index_to_operand(operand, *column, index))
			return make_simple_restrictinfo(root, make_opclause(BooleanEqualOperator, BOOLOID, false, (Expr *) operand,
																(Expr *) makeBoolConst(value, false), InvalidOid,
																InvalidOid));
	return NULL;
}

/* Whether a path's index already takes care of a restriction. */
static bool
uses_restriction(IndexPath *path, RestrictInfo *restriction)
{
	ListCell   *cell;

	foreach(cell, path->indexclauses)
		if (((IndexClause *) lfirst(cell))->rinfo == restriction)
			return true;
	return false;
}

/* A path like this one with the restrictions it can take besides; NULL if there are none. */
static IndexPath *
path_with_conditions(PlannerInfo *root, IndexPath *path)
{
	IndexOptInfo *index = path->indexinfo;
	List	   *clauses = list_copy(path->indexclauses);
	IndexPath  *better;
	ListCell   *cell;

	foreach(cell, index->indrestrictinfo)
	{
		RestrictInfo *restriction = lfirst_node(RestrictInfo, cell);
		RestrictInfo *condition = restriction;
		int			column = array_column(index, restriction);
		IndexClause *clause;

		if (uses_restriction(path, restriction) || !restriction_is_securely_promotable(restriction, index->rel))
			continue;
		if (column < 0)
			condition = boolean_condition(root, index, restriction, &column);
		if (condition == NULL)
			continue;
		clause = makeNode(IndexClause);
		clause->rinfo = restriction;
		clause->indexquals = list_make1(condition);
		clause->lossy = false;
		clause->indexcol = column;
		clause->indexcols = NIL;
		clauses = lappend(clauses, clause);
	}
	if (list_length(clauses) == list_length(path->indexclauses))
		return NULL;

	better = makeNode(IndexPath);
	memcpy(better, path, sizeof(IndexPath));
	better->indexclauses = clauses;
	cost_index(better, root, 1.0, false);
	return better;
}

static void
add_axis_paths(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	List	   *found = NIL;
	ListCell   *cell;

	if (prev_set_rel_pathlist)
		prev_set_rel_pathlist(root, rel, rti, rte);
	foreach(cell, rel->pathlist)
	{
		IndexPath  *path = lfirst(cell);

		if (IsA(path, IndexPath) && path->indexorderbys != NIL && path->path.param_info == NULL &&
			path->indexinfo->amcostestimate == (void (*) ()) pxd_axis_cost_estimate)
		{
			IndexPath  *better = path_with_conditions(root, path);

			if (better != NULL)
				found = lappend(found, better);
		}
	}
	/* adding frees paths that are worse */
	foreach(cell, found)
		add_path(rel, lfirst(cell));
}

void
pxd_axis_paths_init(void)
{
	prev_set_rel_pathlist = set_rel_pathlist_hook;
	set_rel_pathlist_hook = add_axis_paths;
}
