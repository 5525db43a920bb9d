/*
 * write.c: writing, reading and deleting records of collections by their ids.
 *
 * Records come as arrays, or as jsonb that is taken apart into arrays here; either way one statement writes them all, so that
 * bulk loads take the direct path, and either all or none are written. What a record does not say becomes what the
 * table has for nothing: an upsert replaces the record.
 *
 * Optimistic concurrency: a record that names a version is written only if the row has that version. Such rows are locked
 * first, then compared.
 *
 * Statements run with the rights of the caller and take their own locks. No WAL of our own.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "collection.h"
#include "vector.h"

PG_FUNCTION_INFO_V1(pxd_sql_insert_records);
PG_FUNCTION_INFO_V1(pxd_sql_upsert_records);
PG_FUNCTION_INFO_V1(pxd_sql_insert_arrays);
PG_FUNCTION_INFO_V1(pxd_sql_upsert_arrays);
PG_FUNCTION_INFO_V1(pxd_sql_get_vector);
PG_FUNCTION_INFO_V1(pxd_sql_delete_vectors);
PG_FUNCTION_INFO_V1(pxd_sql_delete_vectors_by_filter);
PG_FUNCTION_INFO_V1(pxd_sql_purge_expired);

/* What is written: arrays of equal length; a Datum of 0 is an array that is not there. */
enum
{
	BATCH_IDS,					/* text[] */
	BATCH_VECTORS,				/* vector[] */
	BATCH_METADATA,				/* jsonb[] */
	BATCH_EXPIRES_AT,			/* timestamptz[] */
	BATCH_VERSIONS				/* bigint[] */
};

#define BATCH_ARRAYS	(BATCH_VERSIONS + 1)

typedef struct Batch
{
	Datum		arrays[BATCH_ARRAYS];
} Batch;

static Oid
element_type(int array)
{
	static const Oid types[BATCH_ARRAYS] = {TEXTOID, InvalidOid, JSONBOID, TIMESTAMPTZOID, INT8OID};

	return array == BATCH_VECTORS ? pxd_vector_type_oid() : types[array];
}

/* --- records in jsonb --- */

static void pg_attribute_noreturn()
bad_record(int number, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("record %d %s", number, what)));
}

static void
name_record(void *arg)
{
	errcontext("record %d", *(int *) arg);
}

static Datum
json_vector(int number, const JsonbValue *value)
{
	JsonbContainer *elements = value->val.binary.data;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	element;
	Vector	   *vector;
	int			dim = 0;

	if (value->type != jbvBinary || !JsonContainerIsArray(elements))
		bad_record(number, "has a \"vector\" that is not a list of numbers");
	pxd_vector_check_dim(JsonContainerSize(elements));
	vector = pxd_vector_alloc(JsonContainerSize(elements));
	iterator = JsonbIteratorInit(elements);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
	{
		char	   *digits;
		bool		overflow;

		if (token != WJB_ELEM)
			continue;
		if (element.type != jbvNumeric)
			bad_record(number, "has a \"vector\" that is not a list of numbers");
		digits = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(element.val.numeric)));
		overflow = false;
		pxd_float_parse(digits, digits + strlen(digits), &vector->x[dim++], &overflow);
		if (overflow)
			bad_record(number, "has a number in its \"vector\" that is too large");
		pfree(digits);
	}
	return PointerGetDatum(vector);
}

/* Text of a string or a number. */
static Datum
json_id(int number, const JsonbValue *value)
{
	if (value->type == jbvNumeric)
		return CStringGetTextDatum(DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric))));
	if (value->type != jbvString)
		bad_record(number, "has an \"id\" that is neither a string nor a number");
	return PointerGetDatum(cstring_to_text_with_len(value->val.string.val, value->val.string.len));
}

/* The member called key, which is value, of record number; nulls are as good as nothing. */
static void
take_member(int number, const char *key, JsonbValue *value, Datum *columns, bool *nulls)
{
	int			array;

	if (strcmp(key, "id") == 0)
		columns[array = BATCH_IDS] = value->type == jbvNull ? 0 : json_id(number, value);
	else if (strcmp(key, "vector") == 0)
		columns[array = BATCH_VECTORS] = value->type == jbvNull ? 0 : json_vector(number, value);
	else if (strcmp(key, "metadata") == 0)
	{
		array = BATCH_METADATA;
		if (value->type != jbvNull && (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data)))
			bad_record(number, "has \"metadata\" that is not an object");
		columns[array] = value->type == jbvNull ? 0 : JsonbPGetDatum(JsonbValueToJsonb(value));
	}
	else if (strcmp(key, "expires_at") == 0)
	{
		array = BATCH_EXPIRES_AT;
		if (value->type != jbvNull && value->type != jbvString)
			bad_record(number, "has an \"expires_at\" that is not a string");
		if (value->type == jbvString)
			columns[array] = DirectFunctionCall3(timestamptz_in,
												 CStringGetDatum(pnstrdup(value->val.string.val, value->val.string.len)),
												 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	}
	else if (strcmp(key, "version") == 0)
	{
		array = BATCH_VERSIONS;
		if (value->type != jbvNull && value->type != jbvNumeric)
			bad_record(number, "has a \"version\" that is not a number");
		if (value->type == jbvNumeric)
			columns[array] = DirectFunctionCall1(numeric_int8, NumericGetDatum(value->val.numeric));
	}
	else
		bad_record(number, psprintf("has an unknown member \"%s\"", key));
	nulls[array] = value->type == jbvNull;
}

/* One record: an object. */
static void
take_record(int number, JsonbContainer *record, Datum *columns, bool *nulls)
{
	ErrorContextCallback callback = {error_context_stack, name_record, &number};
	JsonbIterator *iterator = JsonbIteratorInit(record);
	JsonbIteratorToken token;
	JsonbValue	item;
	char	   *key = NULL;

	error_context_stack = &callback;
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = pnstrdup(item.val.string.val, item.val.string.len);
		else if (token == WJB_VALUE)
			take_member(number, key, &item, columns, nulls);
	}
	if (nulls[BATCH_IDS])
		bad_record(number, "has no \"id\"");
	if (nulls[BATCH_VECTORS])
		bad_record(number, "has no \"vector\"");
	error_context_stack = callback.previous;
}

static Datum
make_array(int array, Datum *values, bool *nulls, int count)
{
	int			dims[1] = {count};
	int			lower[1] = {1};
	Oid			type = element_type(array);
	int16		length;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	return PointerGetDatum(construct_md_array(values, nulls, 1, dims, lower, type, length, by_value, align));
}

/* Takes apart a JSON array of records. */
static Batch
batch_of_records(Jsonb *records)
{
	int			count = JB_ROOT_COUNT(records);
	Datum	   *columns[BATCH_ARRAYS];
	bool	   *nulls[BATCH_ARRAYS];
	bool		used[BATCH_ARRAYS] = {true, true};
	Batch		batch = {{0}};
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	record;
	int			number = 0;

	if (!JB_ROOT_IS_ARRAY(records) || JB_ROOT_IS_SCALAR(records))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("records are not a JSON array")));
	for (int i = 0; i < BATCH_ARRAYS; i++)
	{
		columns[i] = palloc0(sizeof(Datum) * Max(count, 1));
		nulls[i] = palloc(sizeof(bool) * Max(count, 1));
		memset(nulls[i], true, count);
	}

	iterator = JsonbIteratorInit(&records->root);
	while ((token = JsonbIteratorNext(&iterator, &record, true)) != WJB_DONE)
	{
		Datum		values[BATCH_ARRAYS] = {0};
		bool		isnull[BATCH_ARRAYS];

		if (token != WJB_ELEM)
			continue;
		CHECK_FOR_INTERRUPTS();
		memset(isnull, true, sizeof(isnull));
		number++;
		if (record.type != jbvBinary || !JsonContainerIsObject(record.val.binary.data))
			bad_record(number, "is not a JSON object");
		take_record(number, record.val.binary.data, values, isnull);
		for (int i = 0; i < BATCH_ARRAYS; i++)
		{
			columns[i][number - 1] = values[i];
			nulls[i][number - 1] = isnull[i];
			used[i] = used[i] || !isnull[i];
		}
	}
	for (int i = 0; i < BATCH_ARRAYS; i++)
		if (used[i])
			batch.arrays[i] = make_array(i, columns[i], nulls[i], count);
	return batch;
}

/* --- writing --- */

/* The batch as arguments of a statement. */
typedef struct Arguments
{
	int			count;
	Oid			types[BATCH_ARRAYS];
	Datum		values[BATCH_ARRAYS];
	int			numbers[BATCH_ARRAYS];	/* of the parameter that is this array; 0: it is not there */
} Arguments;

static Arguments
make_arguments(const Batch *batch)
{
	Arguments	arguments = {0};

	for (int i = 0; i < BATCH_ARRAYS; i++)
	{
		if (batch->arrays[i] == 0)
			continue;
		arguments.types[arguments.count] = get_array_type(element_type(i));
		arguments.values[arguments.count] = batch->arrays[i];
		arguments.numbers[i] = ++arguments.count;
	}
	return arguments;
}

static void
no_column(const Collection *collection, const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("table of collection \"%s\" has no column \"%s\"", collection->name, column)));
}

/* INSERT ... SELECT from the arrays, with what an upsert does on conflict. */
static char *
make_insert(const Collection *collection, const Arguments *arguments, bool upsert)
{
	const char *id = quote_identifier(collection->id_column);
	const char *vector = quote_identifier(collection->vector_column);
	const char *metadata = collection->metadata_column ? quote_identifier(collection->metadata_column) : NULL;
	bool		with_metadata = arguments->numbers[BATCH_METADATA] > 0;
	bool		with_expiry = arguments->numbers[BATCH_EXPIRES_AT] > 0;
	StringInfoData sql;

	if (with_metadata && metadata == NULL)
		no_column(collection, "metadata");
	if (with_expiry && !collection->has_expires_at)
		no_column(collection, "expires_at");
	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO %s AS t (%s, %s", collection->qualified, id, vector);
	if (with_metadata)
		appendStringInfo(&sql, ", %s", metadata);
	if (with_expiry)
		appendStringInfoString(&sql, ", expires_at");
	appendStringInfo(&sql, ") SELECT u.id::%s, u.vector", collection->id_type);
	if (with_metadata)
		appendStringInfoString(&sql, ", COALESCE(u.metadata, '{}')");
	if (with_expiry)
		appendStringInfoString(&sql, ", u.expires_at");
	/* in a select list, unnest gives its rows one by one; in FROM, it would first store them all, on disk if they are many */
	appendStringInfoString(&sql, " FROM (SELECT pg_catalog.unnest($1) AS id, pg_catalog.unnest($2) AS vector");
	if (with_metadata)
		appendStringInfo(&sql, ", pg_catalog.unnest($%d) AS metadata", arguments->numbers[BATCH_METADATA]);
	if (with_expiry)
		appendStringInfo(&sql, ", pg_catalog.unnest($%d) AS expires_at", arguments->numbers[BATCH_EXPIRES_AT]);
	appendStringInfoString(&sql, ") u");
	if (!upsert)
		return sql.data;

	appendStringInfo(&sql, " ON CONFLICT (%s) DO UPDATE SET %s = excluded.%s", id, vector, vector);
	if (metadata != NULL)
		appendStringInfo(&sql, ", %s = excluded.%s", metadata, metadata);
	if (collection->has_expires_at)
		appendStringInfoString(&sql, ", expires_at = excluded.expires_at");
	if (collection->has_updated_at)
		appendStringInfoString(&sql, ", updated_at = pg_catalog.now()");
	if (collection->has_version)
		appendStringInfoString(&sql, ", version = t.version OPERATOR(pg_catalog.+) 1");
	return sql.data;
}

/* Locks the rows whose records name a version, and raises an error unless each has that version. */
static void
check_versions(const Collection *collection, const Batch *batch)
{
	const char *id = quote_identifier(collection->id_column);
	Oid			types[2] = {TEXTARRAYOID, INT8ARRAYOID};
	Datum		values[2] = {batch->arrays[BATCH_IDS], batch->arrays[BATCH_VERSIONS]};

	if (!collection->has_version)
		no_column(collection, "version");
	if (SPI_execute_with_args(psprintf("SELECT 1 FROM %s t WHERE t.%s OPERATOR(pg_catalog.=) ANY ("
									   "SELECT u.id::%s FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) u (id, version)"
									   " WHERE u.version IS NOT NULL) FOR UPDATE",
									   collection->qualified, id, collection->id_type),
							  2, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not lock rows");
	if (SPI_execute_with_args(psprintf("SELECT u.id, u.version, t.version"
									   " FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) u (id, version)"
									   " LEFT JOIN %s t ON t.%s OPERATOR(pg_catalog.=) u.id::%s"
									   " WHERE u.version IS NOT NULL AND"
									   " (t.version IS NULL OR t.version OPERATOR(pg_catalog.<>) u.version) LIMIT 1",
									   collection->qualified, id, collection->id_type),
							  2, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not compare versions");
	if (SPI_processed > 0)
	{
		HeapTuple	row = SPI_tuptable->vals[0];
		char	   *found = SPI_getvalue(row, SPI_tuptable->tupdesc, 3);

		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 found != NULL ?
				 errmsg("record \"%s\" of collection \"%s\" has version %s, not %s", SPI_getvalue(row, SPI_tuptable->tupdesc, 1),
						collection->name, found, SPI_getvalue(row, SPI_tuptable->tupdesc, 2)) :
				 errmsg("record \"%s\" of collection \"%s\" does not exist, but version %s of it was expected",
						SPI_getvalue(row, SPI_tuptable->tupdesc, 1), collection->name,
						SPI_getvalue(row, SPI_tuptable->tupdesc, 2)),
				 errhint("Read the record again and repeat the change.")));
	}
}

/* An error that names the record, where the column's would not. */
static void
check_dimensions(const Collection *collection, const Batch *batch)
{
	Datum	   *vectors;
	int			count;

	if (collection->dimension == 0)
		return;
	deconstruct_array(DatumGetArrayTypeP(batch->arrays[BATCH_VECTORS]), pxd_vector_type_oid(), -1, false, TYPALIGN_INT,
					  &vectors, NULL, &count);
	for (int i = 0; i < count; i++)
	{
		int			dim = DatumGetVectorP(vectors[i])->dim;

		if (dim != collection->dimension)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("record %d has a vector with %d dimensions, but collection \"%s\" has %d", i + 1, dim,
							collection->name, collection->dimension)));
	}
}

/* Writes a batch; the number of rows written. */
static int64
write_batch(const char *name, const Batch *batch, bool upsert)
{
	const Collection *collection = pxd_collection_get(name);
	Arguments	arguments = make_arguments(batch);
	int64		rows;

	check_dimensions(collection, batch);
	if (batch->arrays[BATCH_VERSIONS] != 0)
	{
		if (!upsert)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("records to insert cannot have a version yet"),
					 errhint("Use proximadb.upsert_vectors() to replace a certain version.")));
		check_versions(collection, batch);
	}
	if (SPI_execute_with_args(make_insert(collection, &arguments, upsert), arguments.count, arguments.types,
							  arguments.values, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not write records");
	rows = (int64) SPI_processed;
	pxd_collection_release(collection);
	return rows;
}

static Datum
write_records(FunctionCallInfo fcinfo, bool upsert)
{
	char	   *name = pxd_collection_text_arg(fcinfo, 0, "collection");
	Batch		batch;
	int64		rows;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("records cannot be null")));
	SPI_connect();
	batch = batch_of_records(PG_GETARG_JSONB_P(1));
	rows = write_batch(name, &batch, upsert);
	SPI_finish();
	PG_RETURN_INT64(rows);
}

/* Arguments: collection, ids, vectors, metadata, expires_at. */
static Datum
write_arrays(FunctionCallInfo fcinfo, bool upsert)
{
	static const char *const names[] = {"ids", "vectors", "metadata", "expires_at"};
	char	   *name = pxd_collection_text_arg(fcinfo, 0, "collection");
	Batch		batch = {{0}};
	int			count = 0;
	int64		rows;

	for (int i = BATCH_IDS; i <= BATCH_EXPIRES_AT; i++)
	{
		ArrayType  *array;
		int			items;

		if (PG_ARGISNULL(i + 1))
		{
			if (i > BATCH_VECTORS)
				continue;
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s cannot be null", names[i])));
		}
		array = PG_GETARG_ARRAYTYPE_P(i + 1);
		items = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
		if (i == BATCH_IDS)
			count = items;
		if (items != count)
			ereport(ERROR,
					(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
					 errmsg("number of ids is %d, but that of %s %d", count, names[i], items)));
		if (i <= BATCH_VECTORS && array_contains_nulls(array))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("one of the %s is null", names[i])));
		batch.arrays[i] = PointerGetDatum(array);
	}
	SPI_connect();
	rows = write_batch(name, &batch, upsert);
	SPI_finish();
	PG_RETURN_INT64(rows);
}

/*
 * proximadb.insert_vectors(collection text, records jsonb) RETURNS bigint
 */
Datum
pxd_sql_insert_records(PG_FUNCTION_ARGS)
{
	return write_records(fcinfo, false);
}

/*
 * proximadb.upsert_vectors(collection text, records jsonb) RETURNS bigint
 */
Datum
pxd_sql_upsert_records(PG_FUNCTION_ARGS)
{
	return write_records(fcinfo, true);
}

/*
 * proximadb.insert_vectors(collection text, ids text[], vectors vector[], metadata jsonb[], expires_at timestamptz[])
 * RETURNS bigint
 */
Datum
pxd_sql_insert_arrays(PG_FUNCTION_ARGS)
{
	return write_arrays(fcinfo, false);
}

/*
 * proximadb.upsert_vectors(collection text, ids text[], vectors vector[], metadata jsonb[], expires_at timestamptz[])
 * RETURNS bigint
 */
Datum
pxd_sql_upsert_arrays(PG_FUNCTION_ARGS)
{
	return write_arrays(fcinfo, true);
}

/* --- reading and deleting --- */

/* SELECT of one record by its id, $1. */
static char *
make_get(const Collection *collection)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT t.%s::pg_catalog.text, t.%s, ", quote_identifier(collection->id_column),
					 quote_identifier(collection->vector_column));
	if (collection->metadata_column != NULL)
		appendStringInfo(&sql, "t.%s::pg_catalog.jsonb, ", quote_identifier(collection->metadata_column));
	else
		appendStringInfoString(&sql, "NULL::pg_catalog.jsonb, ");
	appendStringInfo(&sql, "%s, %s, %s, %s FROM %s t WHERE t.%s OPERATOR(pg_catalog.=) $1::%s",
					 collection->has_created_at ? "t.created_at::pg_catalog.timestamptz" : "NULL::pg_catalog.timestamptz",
					 collection->has_updated_at ? "t.updated_at::pg_catalog.timestamptz" : "NULL::pg_catalog.timestamptz",
					 collection->has_expires_at ? "t.expires_at::pg_catalog.timestamptz" : "NULL::pg_catalog.timestamptz",
					 collection->has_version ? "t.version::pg_catalog.int8" : "NULL::pg_catalog.int8", collection->qualified,
					 quote_identifier(collection->id_column), collection->id_type);
	if (collection->has_expires_at)
		appendStringInfoString(&sql, " AND (t.expires_at IS NULL OR"
							   " t.expires_at OPERATOR(pg_catalog.>) pg_catalog.statement_timestamp())");
	return sql.data;
}

/*
 * proximadb.get_vector(collection text, id text) RETURNS SETOF record: one row, or none
 */
Datum
pxd_sql_get_vector(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *name = pxd_collection_text_arg(fcinfo, 0, "collection");
	char	   *id = pxd_collection_text_arg(fcinfo, 1, "id");
	const Collection *collection;
	Oid			types[1] = {TEXTOID};
	Datum		argument = CStringGetTextDatum(id);
	SPIPlanPtr	plan;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	collection = pxd_collection_get(name);
	plan = pxd_collection_find_plan(collection, "get");
	if (plan == NULL)
		plan = pxd_collection_save_plan(collection, "get", make_get(collection), 1, types);
	if (SPI_execute_plan(plan, &argument, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read record");
	for (uint64 row = 0; row < SPI_processed; row++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[row]);
	pxd_collection_release(collection);
	SPI_finish();
	return (Datum) 0;
}

/* Runs a statement that deletes; the number of rows. */
static Datum
run_delete(const Collection *collection, const char *sql, int nargs, Oid *types, Datum *values)
{
	int64		rows;

	if (SPI_execute_with_args(sql, nargs, types, values, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not delete records");
	rows = (int64) SPI_processed;
	pxd_collection_release(collection);
	SPI_finish();
	return Int64GetDatum(rows);
}

/*
 * proximadb.delete_vectors(collection text, ids text[]) RETURNS bigint
 */
Datum
pxd_sql_delete_vectors(PG_FUNCTION_ARGS)
{
	char	   *name = pxd_collection_text_arg(fcinfo, 0, "collection");
	Oid			types[1] = {TEXTARRAYOID};
	Datum		argument;
	const Collection *collection;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("ids cannot be null")));
	argument = PG_GETARG_DATUM(1);
	SPI_connect();
	collection = pxd_collection_get(name);
	return run_delete(collection, psprintf("DELETE FROM %s t WHERE t.%s OPERATOR(pg_catalog.=) ANY ("
										   "SELECT u.id::%s FROM pg_catalog.unnest($1) u (id))",
										   collection->qualified, quote_identifier(collection->id_column),
										   collection->id_type), 1, types, &argument);
}

/*
 * proximadb.delete_vectors_by_filter(collection text, filter jsonb) RETURNS bigint
 */
Datum
pxd_sql_delete_vectors_by_filter(PG_FUNCTION_ARGS)
{
	char	   *name = pxd_collection_text_arg(fcinfo, 0, "collection");
	const Collection *collection;
	Statement	statement;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("filter cannot be null")));
	SPI_connect();
	collection = pxd_collection_get(name);
	pxd_statement_init(&statement, false);
	appendStringInfo(&statement.sql, "DELETE FROM %s t WHERE ", collection->qualified);
	pxd_filter_put(&statement, collection, PG_GETARG_JSONB_P(1));
	return run_delete(collection, statement.sql.data, statement.nparams, statement.types, statement.values);
}

/*
 * proximadb.purge_expired(collection text) RETURNS bigint
 */
Datum
pxd_sql_purge_expired(PG_FUNCTION_ARGS)
{
	char	   *name = pxd_collection_text_arg(fcinfo, 0, "collection");
	const Collection *collection;

	SPI_connect();
	collection = pxd_collection_get(name);
	if (!collection->has_expires_at)
		no_column(collection, "expires_at");
	return run_delete(collection, psprintf("DELETE FROM %s t WHERE"
										   " t.expires_at OPERATOR(pg_catalog.<=) pg_catalog.statement_timestamp()",
										   collection->qualified), 0, NULL, NULL);
}
