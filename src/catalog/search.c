/*
 * search.c: the nearest records of a collection.
 *
 * A search is one statement, planned once for each k and shape of filter (collection.c keeps the plans) and run with the
 * rights of the caller: ORDER BY distance LIMIT k, which indexes serve, under conditions that the scan tests as it goes. So
 * there are k answers whenever k rows match.
 *
 * Locks are those of the statement. No WAL.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "collection.h"
#include "vector.h"

PG_FUNCTION_INFO_V1(pxd_sql_search);
PG_FUNCTION_INFO_V1(pxd_sql_search_batch);
PG_FUNCTION_INFO_V1(pxd_sql_search_sql);
PG_FUNCTION_INFO_V1(pxd_sql_vector_hamming_distance);

/* Operator of the vector type for each metric; hamming has a function. */
static const char *const operators[] = {
	[METRIC_COSINE] = "<=>",
	[METRIC_EUCLIDEAN] = "<->",
	[METRIC_DOT_PRODUCT] = "<#>",
	[METRIC_MANHATTAN] = "<+>",
	[METRIC_HAMMING] = NULL
};

/* That of the setting proximadb.target_recall. */
#define MAX_TARGET_RECALL 0.999

typedef struct SearchOptions
{
	int			k;
	Jsonb	   *filter;			/* or NULL */
	bool		include_vector;
	bool		include_metadata;
	double		target_recall;	/* 0: that of the session or the index */
} SearchOptions;

/* Higher is better; documented in docs/collections.md. */
static double
score(CollectionMetric metric, double distance)
{
	switch (metric)
	{
		case METRIC_COSINE:
			return 1.0 - distance;
		case METRIC_DOT_PRODUCT:
			return -distance;
		case METRIC_EUCLIDEAN:
		case METRIC_MANHATTAN:
		case METRIC_HAMMING:
			return 1.0 / (1.0 + distance);
	}
	pg_unreachable();
}

/* Arguments number .. number + 4: k, filter, include_vector, include_metadata, target_recall, if there is one. */
static SearchOptions
get_options(FunctionCallInfo fcinfo, int number)
{
	SearchOptions options;

	options.k = PG_ARGISNULL(number) ? 0 : PG_GETARG_INT32(number);
	if (options.k < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be 1 or more")));
	options.filter = PG_ARGISNULL(number + 1) ? NULL : PG_GETARG_JSONB_P(number + 1);
	options.include_vector = !PG_ARGISNULL(number + 2) && PG_GETARG_BOOL(number + 2);
	options.include_metadata = !PG_ARGISNULL(number + 3) && PG_GETARG_BOOL(number + 3);
	options.target_recall = 0;
	if (PG_NARGS() > number + 4 && !PG_ARGISNULL(number + 4))
	{
		options.target_recall = PG_GETARG_FLOAT8(number + 4);
		if (!(options.target_recall > 0 && options.target_recall <= MAX_TARGET_RECALL))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("target_recall is a number above 0 and up to %g, not %g", MAX_TARGET_RECALL,
							options.target_recall)));
	}
	return options;
}

/* Makes a target recall hold until end_recall; errors end it too. */
static int
begin_recall(const SearchOptions *options)
{
	int			level = NewGUCNestLevel();

	if (options->target_recall > 0)
		(void) set_config_option("proximadb.target_recall", psprintf("%g", options->target_recall), PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return level;
}

static void
end_recall(int level)
{
	AtEOXact_GUC(true, level);
}

static void
check_query(const Collection *collection, const Vector *query)
{
	if (collection->dimension > 0 && collection->dimension != query->dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("query has %d dimensions, but collection \"%s\" has %d", query->dim, collection->name,
						collection->dimension)));
}

/* The schema of the operators, which is that of the type. */
static const char *
operator_schema(void)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(pxd_vector_type_oid()));
	Oid			schema;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type vector");
	schema = ((Form_pg_type) GETSTRUCT(tuple))->typnamespace;
	ReleaseSysCache(tuple);
	return quote_identifier(get_namespace_name(schema));
}

/*
 * Makes SELECT id, distance, metadata, vector of the options->k nearest rows to query, an expression. condition is a
 * compiled filter, empty if there is none.
 */
static char *
make_search(const Collection *collection, const char *query, const char *condition, const SearchOptions *options)
{
	const char *vector = quote_identifier(collection->vector_column);
	char	   *distance;
	StringInfoData sql;

	if (operators[collection->metric] == NULL)
		distance = psprintf("proximadb.hamming_distance(t.%s, %s)", vector, query);
	else
		distance = psprintf("t.%s OPERATOR(%s.%s) %s", vector, operator_schema(), operators[collection->metric], query);

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT t.%s::pg_catalog.text AS id, %s AS distance, ",
					 quote_identifier(collection->id_column), distance);
	if (options->include_metadata && collection->metadata_column != NULL)
		appendStringInfo(&sql, "t.%s::pg_catalog.jsonb AS metadata, ", quote_identifier(collection->metadata_column));
	else
		appendStringInfoString(&sql, "NULL::pg_catalog.jsonb AS metadata, ");
	if (options->include_vector)
		appendStringInfo(&sql, "t.%s AS vector", vector);
	else
		appendStringInfo(&sql, "NULL::%s AS vector", format_type_be_qualified(pxd_vector_type_oid()));
	appendStringInfo(&sql, " FROM %s t", collection->qualified);
	if (collection->has_expires_at)
		appendStringInfoString(&sql, " WHERE (t.expires_at IS NULL OR"
							   " t.expires_at OPERATOR(pg_catalog.>) pg_catalog.statement_timestamp())");
	if (*condition != '\0')
		appendStringInfo(&sql, "%s%s", collection->has_expires_at ? " AND " : " WHERE ", condition);
	appendStringInfo(&sql, " ORDER BY %s LIMIT %d", distance, options->k);
	return sql.data;
}

/*
 * The plan of a search; $1 is the query, and statement gets the values of all parameters. What it depends on is its key:
 * k, the columns, the condition.
 */
static SPIPlanPtr
plan_search(const Collection *collection, Datum query, const SearchOptions *options, Statement *statement)
{
	SPIPlanPtr	plan;
	char	   *key;

	pxd_statement_init(statement, false);
	pxd_statement_put(statement, pxd_vector_type_oid(), query);
	resetStringInfo(&statement->sql);
	if (options->filter != NULL)
		pxd_filter_put(statement, collection, options->filter);
	key = psprintf("search %d %d%d %s", options->k, options->include_vector, options->include_metadata,
				   statement->sql.data);
	plan = pxd_collection_find_plan(collection, key);
	if (plan == NULL)
		plan = pxd_collection_save_plan(collection, key, make_search(collection, "$1", statement->sql.data, options),
										statement->nparams, statement->types);
	return plan;
}

/* Runs the plan and puts its rows into the result; number is that of the query in a batch, 0 without one. */
static void
run_search(FunctionCallInfo fcinfo, const Collection *collection, SPIPlanPtr plan, Datum *parameters, int number)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			first = number > 0 ? 1 : 0;
	Datum		values[7];
	bool		nulls[7] = {false};

	if (SPI_execute_plan(plan, parameters, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "search failed");
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		Datum		columns[4];
		bool		column_nulls[4];

		heap_deform_tuple(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, columns, column_nulls);
		values[0] = Int32GetDatum(number);
		values[first] = columns[0];
		nulls[first] = column_nulls[0];
		nulls[first + 1] = nulls[first + 2] = column_nulls[1];
		if (!column_nulls[1])
		{
			values[first + 1] = Float8GetDatum(score(collection->metric, DatumGetFloat8(columns[1])));
			values[first + 2] = columns[1];
		}
		values[first + 3] = Int32GetDatum((int32) row + 1);
		values[first + 4] = columns[2];
		nulls[first + 4] = column_nulls[2];
		values[first + 5] = columns[3];
		nulls[first + 5] = column_nulls[3];
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	SPI_freetuptable(SPI_tuptable);
}

/*
 * proximadb.search(collection text, query vector, k integer, filter jsonb, include_vector boolean, include_metadata
 * boolean, target_recall double precision) RETURNS SETOF record
 */
Datum
pxd_sql_search(PG_FUNCTION_ARGS)
{
	char	   *name = pxd_collection_text_arg(fcinfo, 0, "collection");
	SearchOptions options = get_options(fcinfo, 2);
	Vector	   *query;
	const Collection *collection;
	Statement	statement;
	SPIPlanPtr	plan;
	int			level;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("query cannot be null")));
	query = PG_GETARG_VECTOR_P(1);
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	collection = pxd_collection_get(name);
	check_query(collection, query);
	plan = plan_search(collection, PointerGetDatum(query), &options, &statement);
	level = begin_recall(&options);
	run_search(fcinfo, collection, plan, statement.values, 0);
	end_recall(level);
	pxd_collection_release(collection);
	SPI_finish();
	return (Datum) 0;
}

/*
 * proximadb.search_batch(collection text, queries vector[], k integer, filter jsonb, include_vector boolean,
 * include_metadata boolean, target_recall double precision) RETURNS SETOF record
 */
Datum
pxd_sql_search_batch(PG_FUNCTION_ARGS)
{
	char	   *name = pxd_collection_text_arg(fcinfo, 0, "collection");
	SearchOptions options = get_options(fcinfo, 2);
	Datum	   *queries;
	bool	   *nulls;
	int			count;
	const Collection *collection;
	Statement	statement;
	SPIPlanPtr	plan = NULL;
	int			level;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("queries cannot be null")));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), pxd_vector_type_oid(), -1, false, TYPALIGN_INT, &queries, &nulls, &count);
	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	collection = pxd_collection_get(name);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("query %d is null", i + 1)));
		check_query(collection, DatumGetVectorP(queries[i]));
	}
	level = begin_recall(&options);
	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i == 0)
			plan = plan_search(collection, queries[i], &options, &statement);
		statement.values[0] = queries[i];
		run_search(fcinfo, collection, plan, statement.values, i + 1);
	}
	end_recall(level);
	pxd_collection_release(collection);
	SPI_finish();
	return (Datum) 0;
}

/*
 * proximadb.search_sql(collection text, query vector, k integer, filter jsonb, include_vector boolean, include_metadata
 * boolean) RETURNS text: the statement that search runs
 */
Datum
pxd_sql_search_sql(PG_FUNCTION_ARGS)
{
	char	   *name = pxd_collection_text_arg(fcinfo, 0, "collection");
	SearchOptions options = get_options(fcinfo, 2);
	MemoryContext caller = CurrentMemoryContext;
	const Collection *collection;
	Statement	query;
	Statement	condition;
	char	   *sql;
	text	   *result;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("query cannot be null")));
	SPI_connect();
	collection = pxd_collection_get(name);
	check_query(collection, PG_GETARG_VECTOR_P(1));
	pxd_statement_init(&query, true);
	pxd_statement_put(&query, pxd_vector_type_oid(), PG_GETARG_DATUM(1));
	pxd_statement_init(&condition, true);
	if (options.filter != NULL)
		pxd_filter_put(&condition, collection, options.filter);
	sql = make_search(collection, query.sql.data, condition.sql.data, &options);
	pxd_collection_release(collection);
	MemoryContextSwitchTo(caller);
	result = cstring_to_text(sql);
	SPI_finish();
	PG_RETURN_TEXT_P(result);
}

/*
 * proximadb.hamming_distance(vector, vector) RETURNS double precision: elements that differ
 */
Datum
pxd_sql_vector_hamming_distance(PG_FUNCTION_ARGS)
{
	Vector	   *a = PG_GETARG_VECTOR_P(0);
	Vector	   *b = PG_GETARG_VECTOR_P(1);
	int			differing = 0;

	if (a->dim != b->dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different vector dimensions %d and %d", a->dim, b->dim)));
	for (int i = 0; i < a->dim; i++)
		differing += a->x[i] != b->x[i];
	PG_RETURN_FLOAT8(differing);
}
