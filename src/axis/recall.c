/*
 * recall.c: proximadb.axis_recall: how many of the nearest rows an index finds, measured by asking with it and without it.
 *
 * Both answers come from SQL, with the caller's privileges and settings and one snapshot; only the planner is told which way to go.
 * Rows are compared by distance: of rows equally far one is as good as another.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/transam.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "optimizer/plancat.h"
#include "portability/instr_time.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "axis_counts.h"
#include "axis_inspect.h"

PG_FUNCTION_INFO_V1(pxd_sql_axis_recall);

#define MAX_SAMPLE 10000
#define MAX_K 10000

/* What is known of an index for asking by SQL. */
typedef struct Subject
{
	Oid			index;
	Oid			table_oid;
	Oid			type;			/* of the vectors */
	char	   *table;
	char	   *column;			/* or expression */
	char	   *predicate;		/* true if there is none */
	char	   *operator;
} Subject;

/* The operator an index orders by, with its schema. */
static char *
order_operator(Relation index)
{
	Oid			oid = get_opfamily_member(index->rd_opfamily[0], index->rd_opcintype[0], index->rd_opcintype[0],
										  AXIS_STRATEGY_DISTANCE);
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(oid));
	Form_pg_operator operator;
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", oid);
	operator = (Form_pg_operator) GETSTRUCT(tuple);
	name = psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(operator->oprnamespace)),
					NameStr(operator->oprname));
	ReleaseSysCache(tuple);
	return name;
}

static void
describe(Oid relid, Subject *subject)
{
	Relation	index = pxd_axis_open_index(relid);
	Oid			table = index->rd_index->indrelid;
	Datum		predicate;
	bool		isnull;

	subject->index = relid;
	subject->table_oid = table;
	subject->type = index->rd_opcintype[0];
	subject->table = quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)), get_rel_name(table));
	subject->column = TextDatumGetCString(DirectFunctionCall3(pg_get_indexdef_ext, ObjectIdGetDatum(relid),
															  Int32GetDatum(1), BoolGetDatum(false)));
	subject->operator = order_operator(index);
	predicate = SysCacheGetAttr(INDEXRELID, index->rd_indextuple, Anum_pg_index_indpred, &isnull);
	subject->predicate = isnull ? "true" :
		TextDatumGetCString(DirectFunctionCall2(pg_get_expr, predicate, ObjectIdGetDatum(table)));
	relation_close(index, AccessShareLock);
}

/* --- asking --- */

/* While one way of asking is prepared and run: the only index the planner may know of this table. */
static const Subject *only = NULL;
static get_relation_info_hook_type prev_relation_info = NULL;

static void
hide_other_indexes(PlannerInfo *root, Oid relation, bool inhparent, RelOptInfo *rel)
{
	ListCell   *cell;

	if (prev_relation_info)
		prev_relation_info(root, relation, inhparent, rel);
	if (only == NULL || relation != only->table_oid)
		return;
	foreach(cell, rel->indexlist)
		if (((IndexOptInfo *) lfirst(cell))->indexoid != only->index)
			rel->indexlist = foreach_delete_current(rel->indexlist, cell);
}

/* Sets a planner setting until the nest level ends. */
static void
set(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

static bool
plan_uses(Plan *plan, Oid index)
{
	if (plan == NULL)
		return false;
	if (IsA(plan, IndexScan) && ((IndexScan *) plan)->indexid == index && ((IndexScan *) plan)->indexorderby != NIL)
		return true;
	return plan_uses(plan->lefttree, index);
}

/*
 * The planner has not chosen the index, though everything else is disabled: because it may not, or for a reason not known here. Raises an ERROR.
 *
 * It may not (get_relation_info) where HOT chains were broken when the index was built, which then has no entries for their old members, as long as a
 * snapshot of this transaction might see one of those. No query of this transaction uses the index then.
 */
static void
not_chosen(const Subject *subject)
{
	Relation	index = relation_open(subject->index, AccessShareLock);

	if (index->rd_index->indcheckxmin &&
		!TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data), TransactionXmin))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" could not be used yet", RelationGetRelationName(index)),
				 errdetail("It does not have versions of rows that transactions older than the index may still see."),
				 errhint("Try again when the transactions have ended that were running when it was built.")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the planner does not choose index \"%s\" for its own queries", RelationGetRelationName(index))));
}

/*
 * Prepares the query for the $2 nearest rows of $1, to be answered with the index or by looking at all rows. The settings it was planned under
 * must be the same whenever it is run.
 */
static SPIPlanPtr
prepare(const Subject *subject, bool with_index)
{
	Oid			types[] = {subject->type, INT8OID};
	char	   *query = psprintf("SELECT ctid, (%s) %s $1 FROM %s WHERE %s ORDER BY (%s) %s $1 LIMIT $2",
								 subject->column, subject->operator, subject->table, subject->predicate, subject->column,
								 subject->operator);
	SPIPlanPtr	plan = SPI_prepare_cursor(query, 2, types, CURSOR_OPT_GENERIC_PLAN);
	CachedPlan *cached;
	bool		right = true;

	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	if (with_index)
	{
		cached = SPI_plan_get_cached_plan(plan);
		right = cached != NULL && plan_uses(linitial_node(PlannedStmt, cached->stmt_list)->planTree, subject->index);
		if (cached != NULL)
			ReleaseCachedPlan(cached, NULL);	/* the plan is not a saved one: no owner */
	}
	if (!right)
		not_chosen(subject);
	return plan;
}

/* An answer: distances of rows, nearest first. */
typedef struct Answer
{
	int			count;
	ItemPointerData *tids;
	double	   *distances;
	double		ms;
} Answer;

/* Asks for the limit nearest rows. Rows without a distance are left out, and NaN counts as farthest. */
static void
ask(SPIPlanPtr plan, Datum query, int limit, Answer *answer)
{
	Datum		arguments[] = {query, Int64GetDatum(limit)};
	instr_time	start;
	instr_time	end;

	INSTR_TIME_SET_CURRENT(start);
	if (SPI_execute_plan(plan, arguments, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_plan failed");
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	answer->ms += INSTR_TIME_GET_MILLISEC(end);
	answer->count = 0;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Datum		tid = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
		double		distance;

		answer->tids[answer->count] = *(ItemPointer) DatumGetPointer(tid);
		distance = DatumGetFloat8(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));
		if (!isnull)
			answer->distances[answer->count++] = isnan(distance) ? INFINITY : distance;
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Takes the row with this TID out of an answer, or else the last one beyond limit. */
static void
leave_out(Answer *answer, const ItemPointerData *tid, int limit)
{
	for (int i = 0; tid != NULL && i < answer->count; i++)
		if (ItemPointerEquals(&answer->tids[i], (ItemPointer) tid))
		{
			answer->count--;
			memmove(&answer->tids[i], &answer->tids[i + 1], sizeof(ItemPointerData) * (answer->count - i));
			memmove(&answer->distances[i], &answer->distances[i + 1], sizeof(double) * (answer->count - i));
			break;
		}
	answer->count = Min(answer->count, limit);
}

/* --- queries --- */

typedef struct Queries
{
	int			count;
	Datum	   *vectors;
	ItemPointerData *tids;		/* of the rows they are of; NULL if they were given */
} Queries;

/* Rows of the table chosen at random, as queries. In the caller's context. */
static void
sample_queries(const Subject *subject, int sample, MemoryContext context, Queries *queries)
{
	char	   *query = psprintf("SELECT ctid, (%s) FROM %s WHERE (%s) IS NOT NULL AND %s ORDER BY pg_catalog.random() LIMIT %d",
								 subject->column, subject->table, subject->column, subject->predicate, sample);
	MemoryContext old_context;

	if (SPI_execute(query, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute failed");
	old_context = MemoryContextSwitchTo(context);
	queries->count = (int) SPI_processed;
	queries->vectors = palloc(sizeof(Datum) * Max(queries->count, 1));
	queries->tids = palloc(sizeof(ItemPointerData) * Max(queries->count, 1));
	for (int i = 0; i < queries->count; i++)
	{
		bool		isnull;

		queries->tids[i] = *(ItemPointer) DatumGetPointer(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		queries->vectors[i] = PointerGetDatum(PG_DETOAST_DATUM_COPY(SPI_getbinval(SPI_tuptable->vals[i],
																				  SPI_tuptable->tupdesc, 2, &isnull)));
	}
	MemoryContextSwitchTo(old_context);
	SPI_freetuptable(SPI_tuptable);
}

static void
given_queries(const Subject *subject, ArrayType *array, Queries *queries)
{
	bool	   *nulls;

	if (ARR_ELEMTYPE(array) != subject->type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("queries must be of type %s, as the index is", format_type_be(subject->type))));
	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_INT, &queries->vectors, &nulls, &queries->count);
	queries->tids = NULL;
	for (int i = 0; i < queries->count; i++)
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("queries must not be null")));
}

/* --- measuring --- */

typedef struct Measured
{
	double		recall;			/* sum over queries */
	int			asked;			/* queries that have neighbours */
	double		index_ms;
	double		exact_ms;
	uint64		codes;
	uint64		reranks;
} Measured;

/* Asks all queries one way, planned and run under settings and hooks of that way. */
static void
ask_queries(const Subject *subject, const Queries *queries, int k, bool with_index, Answer *answers)
{
	int			limit = queries->tids != NULL ? k + 1 : k;
	SPIPlanPtr	plan = prepare(subject, with_index);

	for (int i = 0; i < queries->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		answers[i].tids = palloc(sizeof(ItemPointerData) * limit);
		answers[i].distances = palloc(sizeof(double) * limit);
		ask(plan, queries->vectors[i], limit, &answers[i]);
		leave_out(&answers[i], queries->tids != NULL ? &queries->tids[i] : NULL, k);
	}
	SPI_freeplan(plan);
}

/* Asks all queries with the index or without. answers: one for each query. */
static void
ask_all(const Subject *subject, const Queries *queries, int k, bool with_index, Answer *answers)
{
	int			nest = NewGUCNestLevel();

	set(with_index ? "enable_seqscan" : "enable_indexscan", "off");
	set("enable_bitmapscan", "off");
	set(with_index ? "enable_sort" : "enable_seqscan", with_index ? "off" : "on");
	prev_relation_info = get_relation_info_hook;
	get_relation_info_hook = hide_other_indexes;
	only = subject;
	PG_TRY();
	{
		ask_queries(subject, queries, k, with_index, answers);
	}
	PG_FINALLY();
	{
		only = NULL;
		get_relation_info_hook = prev_relation_info;
	}
	PG_END_TRY();
	AtEOXact_GUC(true, nest);
}

static void
measure(const Subject *subject, const Queries *queries, int k, Measured *measured)
{
	Answer	   *found = palloc0(sizeof(Answer) * Max(queries->count, 1));
	Answer	   *exact = palloc0(sizeof(Answer) * Max(queries->count, 1));
	uint64		codes = pxd_axis_counts_mine[AXIS_COUNT_CODES];
	uint64		reranks = pxd_axis_counts_mine[AXIS_COUNT_RERANKS];

	ask_all(subject, queries, k, true, found);
	measured->codes = pxd_axis_counts_mine[AXIS_COUNT_CODES] - codes;
	measured->reranks = pxd_axis_counts_mine[AXIS_COUNT_RERANKS] - reranks;
	ask_all(subject, queries, k, false, exact);
	for (int i = 0; i < queries->count; i++)
	{
		int			hits = 0;

		measured->index_ms += found[i].ms;
		measured->exact_ms += exact[i].ms;
		if (exact[i].count == 0)
			continue;
		for (int j = 0; j < found[i].count; j++)
			hits += found[i].distances[j] <= exact[i].distances[exact[i].count - 1];
		measured->recall += (double) Min(hits, exact[i].count) / exact[i].count;
		measured->asked++;
	}
}

/* axis_recall(index regclass, sample int, k int, queries vector[]): one row; averages are null if there was nothing to ask. */
Datum
pxd_sql_axis_recall(PG_FUNCTION_ARGS)
{
	Subject		subject;
	Queries		queries;
	Measured	measured = {0};
	MemoryContext context = CurrentMemoryContext;
	TupleDesc	desc;
	Datum		values[6];
	bool		nulls[6] = {false};
	int			sample;
	int			k;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("index, sample and k must not be null")));
	sample = PG_GETARG_INT32(1);
	k = PG_GETARG_INT32(2);
	if (sample < 1 || sample > MAX_SAMPLE || k < 1 || k > MAX_K)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sample must be between 1 and %d, and k between 1 and %d", MAX_SAMPLE, MAX_K)));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE || desc->natts != lengthof(values))
		elog(ERROR, "return type of axis_recall is not the one expected");
	desc = BlessTupleDesc(desc);

	SPI_connect();
	describe(PG_GETARG_OID(0), &subject);
	if (PG_ARGISNULL(3))
		sample_queries(&subject, sample, context, &queries);
	else
		given_queries(&subject, PG_GETARG_ARRAYTYPE_P(3), &queries);
	measure(&subject, &queries, k, &measured);
	SPI_finish();

	values[0] = Int32GetDatum(queries.count);
	values[1] = Float8GetDatum(measured.recall / Max(measured.asked, 1));
	nulls[1] = measured.asked == 0;
	values[2] = Float8GetDatum((double) measured.codes / Max(queries.count, 1));
	values[3] = Float8GetDatum((double) measured.reranks / Max(queries.count, 1));
	values[4] = Float8GetDatum(measured.index_ms / Max(queries.count, 1));
	values[5] = Float8GetDatum(measured.exact_ms / Max(queries.count, 1));
	for (int i = 2; i < lengthof(values); i++)
		nulls[i] = queries.count == 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}
