/*
 * avro_transfer.c: export of tables and queries to Avro object container files, and import into tables.
 *
 * Both are SQL made here and run by the caller's rights, under the locks that SQL takes. An exported file appears under
 * its name when it is complete and synced; until then it is a file beside it, which an error removes.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "catalog/pg_authid.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/portal.h"

#include "catalog.h"

PG_FUNCTION_INFO_V1(pxd_sql_export_avro);
PG_FUNCTION_INFO_V1(pxd_sql_export_avro_bytes);
PG_FUNCTION_INFO_V1(pxd_sql_import_avro);
PG_FUNCTION_INFO_V1(pxd_sql_import_avro_bytes);

/* Rows fetched at a time: vectors take some kB each. */
#define EXPORT_BATCH	100

/* --- export --- */

/* Appends one column of the statement that export runs: an expression of q's columns, or NULL. */
static void
put_column(StringInfo sql, RecordField field, const char *column)
{
	appendStringInfo(sql, "%s%s%s::%s", field == 0 ? "SELECT " : ", ",
					 column == NULL ? "NULL" : "q.", column == NULL ? "" : quote_identifier(column),
					 pxd_record_type(field));
}

/*
 * Which column of a query's result holds each field: error unless id and vector are among them, and for columns that
 * are no field.
 */
static void
map_query(const char *query, const char **columns)
{
	SPIPlanPtr	plan = SPI_prepare(query, 0, NULL);
	List	   *sources;
	TupleDesc	desc;

	if (plan == NULL)
		elog(ERROR, "could not prepare query to export: %s", SPI_result_code_string(SPI_result));
	sources = SPI_plan_get_plan_sources(plan);
	desc = list_length(sources) == 1 ? ((CachedPlanSource *) linitial(sources))->resultDesc : NULL;
	if (desc == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("query to export is not a single query that returns rows")));
	for (int i = 0; i < desc->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(desc, i)->attname);
		int			field = 0;

		while (field < RECORD_FIELDS && strcmp(name, pxd_record_field_name(field)) != 0)
			field++;
		if (field == RECORD_FIELDS)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of the query is no field of a record", name),
					 errhint("Put it into metadata, with jsonb_build_object, or leave it out.")));
		if (columns[field] != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("query to export has two columns \"%s\"", name)));
		columns[field] = pxd_record_field_name(field);
	}
	for (int field = RECORD_ID; field <= RECORD_VECTOR; field += RECORD_VECTOR - RECORD_ID)
		if (columns[field] == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("query to export has no column \"%s\"", pxd_record_field_name(field))));
	SPI_freeplan(plan);
}

/*
 * The statement that gives the records of source: a query if it holds a blank, which names without quotes never do, else a
 * collection or a table. Its columns are the fields in their order, with their types.
 */
static char *
export_statement(const char *source)
{
	const char *columns[RECORD_FIELDS] = {NULL};
	bool		is_query = source[0] != '"' && strpbrk(source, " \t\n\r(") != NULL;
	StringInfoData sql;
	RecordTable *table = NULL;
	char	   *query = pstrdup(source);

	if (is_query)
	{
		/* as psql and drivers do, let a query end in a semicolon */
		for (Size len = strlen(query); len > 0 && strchr("; \t\n\r", query[len - 1]) != NULL; len--)
			query[len - 1] = '\0';
		map_query(query, columns);
	}
	else
	{
		table = pxd_record_table(source);
		memcpy(columns, table->columns, sizeof(columns));
	}

	initStringInfo(&sql);
	for (int field = 0; field < RECORD_FIELDS; field++)
	{
		if (field == RECORD_COLLECTION_ID && columns[field] == NULL && table != NULL)
			appendStringInfo(&sql, ", %s::%s", quote_literal_cstr(table->collection_id), pxd_record_type(field));
		else
			put_column(&sql, field, columns[field]);
	}
	if (is_query)
		appendStringInfo(&sql, " FROM (%s\n) q", query);	/* the query may end in a comment */
	else
		appendStringInfo(&sql, " FROM %s q", table->qualified);
	return sql.data;
}

/* Writes the rows of the statement; returns their number. */
static int64
write_rows(const char *statement, ContainerWriter *writer)
{
	SPIPlanPtr	plan = SPI_prepare(statement, 0, NULL);
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "proximadb Avro record", ALLOCSET_DEFAULT_SIZES);
	Portal		portal;
	int64		records = 0;

	if (plan == NULL || !SPI_is_cursor_plan(plan))
		elog(ERROR, "could not prepare \"%s\"", statement);
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, false);
	for (;;)
	{
		SPI_cursor_fetch(portal, true, EXPORT_BATCH);
		if (SPI_processed == 0)
			break;
		for (uint64 row = 0; row < SPI_processed; row++)
		{
			Datum		values[RECORD_FIELDS];
			bool		nulls[RECORD_FIELDS];
			MemoryContext caller = MemoryContextSwitchTo(scratch);

			CHECK_FOR_INTERRUPTS();
			heap_deform_tuple(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, values, nulls);
			if (nulls[RECORD_ID])
				ereport(ERROR,
						(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						 errmsg("record %lld to export has no id", (long long) records + 1)));
			pxd_record_encode(pxd_container_buffer(writer), values, nulls);
			MemoryContextSwitchTo(caller);
			MemoryContextReset(scratch);
			pxd_container_put(writer);
			records++;
		}
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	MemoryContextDelete(scratch);
	return records;
}

/* Creates a file as COPY does: others may read it, nobody else may write it. */
static FILE *
create_file(const char *path)
{
	mode_t		before = umask(S_IWGRP | S_IWOTH);
	FILE	   *volatile file = NULL;

	PG_TRY();
	{
		file = AllocateFile(path, PG_BINARY_W);
		if (file == NULL)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not create file \"%s\": %m", path)));
	}
	PG_FINALLY();
	{
		umask(before);
	}
	PG_END_TRY();
	return file;
}

/*
 * proximadb.export_avro(source text, file text, codec text) RETURNS bigint
 */
Datum
pxd_sql_export_avro(PG_FUNCTION_ARGS)
{
	char	   *source = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *path = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *codec = text_to_cstring(PG_GETARG_TEXT_PP(2));
	char	   *partial = psprintf("%s.%d.partial", path, MyProcPid);
	FILE	   *file;
	volatile int64 records = 0;

	if (!has_privs_of_role(GetUserId(), ROLE_PG_WRITE_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to write file \"%s\"", path),
				 errhint("Only roles with privileges of role pg_write_server_files may write files of the server.")));
	if (!is_absolute_path(path))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("relative path \"%s\" not allowed for an Avro file", path)));
	SPI_connect();
	file = create_file(partial);
	PG_TRY();
	{
		ContainerWriter *writer = pxd_container_begin(file, codec, pxd_schema_json("VectorRecord"));

		records = write_rows(export_statement(source), writer);
		pxd_container_finish(writer);
		if (FreeFile(file) != 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not write file \"%s\": %m", partial)));
		(void) durable_rename(partial, path, ERROR);
	}
	PG_CATCH();
	{
		/* the file itself is closed by the abort; there is nothing more to do about a name that cannot be removed */
		(void) unlink(partial);
		PG_RE_THROW();
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_INT64(records);
}

/*
 * proximadb.export_avro_bytes(source text, codec text) RETURNS bytea
 */
Datum
pxd_sql_export_avro_bytes(PG_FUNCTION_ARGS)
{
	char	   *source = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *codec = text_to_cstring(PG_GETARG_TEXT_PP(1));
	ContainerWriter *writer = pxd_container_begin(NULL, codec, pxd_schema_json("VectorRecord"));

	SPI_connect();
	write_rows(export_statement(source), writer);
	SPI_finish();
	PG_RETURN_BYTEA_P(pxd_container_finish(writer));
}

/* --- import --- */

/* What goes into a column: the record's field, or what the column means where the file has nothing. */
static void
put_import_value(StringInfo sql, const RecordTable *table, RecordField field)
{
	static const char *const otherwise[RECORD_FIELDS] = {
		[RECORD_METADATA] = "'{}'",
		[RECORD_CREATED_AT] = "pg_catalog.now()",
		[RECORD_UPDATED_AT] = "pg_catalog.now()",
		[RECORD_VERSION] = "1"
	};
	const char *name = quote_identifier(pxd_record_field_name(field));

	if (otherwise[field] != NULL)
		appendStringInfo(sql, "COALESCE(r.%s, %s)::%s", name, otherwise[field], table->types[field]);
	else
		appendStringInfo(sql, "r.%s::%s", name, table->types[field]);
}

/* INSERT ... SELECT from reader($1). */
static char *
import_statement(const RecordTable *table, const char *reader, const char *on_conflict)
{
	StringInfoData columns;
	StringInfoData values;
	StringInfoData sets;
	const char *id = quote_identifier(table->columns[RECORD_ID]);

	initStringInfo(&columns);
	initStringInfo(&values);
	initStringInfo(&sets);
	for (int field = 0; field < RECORD_RANK; field++)
	{
		const char *column = table->columns[field];

		if (column == NULL)
			continue;
		column = quote_identifier(column);
		appendStringInfo(&columns, "%s%s", columns.len > 0 ? ", " : "", column);
		appendStringInfoString(&values, values.len > 0 ? ", " : "");
		put_import_value(&values, table, field);
		if (field != RECORD_ID)
			appendStringInfo(&sets, "%s%s = excluded.%s", sets.len > 0 ? ", " : "", column, column);
	}
	if (strcmp(on_conflict, "error") == 0)
		resetStringInfo(&sets);
	else if (strcmp(on_conflict, "skip") == 0)
	{
		resetStringInfo(&sets);
		appendStringInfo(&sets, " ON CONFLICT (%s) DO NOTHING", id);
	}
	else if (strcmp(on_conflict, "replace") == 0)
	{
		char	   *list = pstrdup(sets.data);

		resetStringInfo(&sets);
		appendStringInfo(&sets, " ON CONFLICT (%s) DO UPDATE SET %s", id, list);
	}
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("on_conflict \"%s\" is unknown", on_conflict),
				 errhint("It can be \"error\", \"skip\" or \"replace\".")));
	return psprintf("INSERT INTO %s (%s) SELECT %s FROM proximadb.%s($1) r%s",
					table->qualified, columns.data, values.data, reader, sets.data);
}

/* Runs the import and returns the number of rows inserted or replaced. */
static int64
import_records(FunctionCallInfo fcinfo, const char *reader)
{
	RecordTable *table;
	char	   *on_conflict = text_to_cstring(PG_GETARG_TEXT_PP(2));
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 1);
	Datum		argument = PG_GETARG_DATUM(1);
	int64		records;

	SPI_connect();
	table = pxd_record_table(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (table->types[RECORD_METADATA] == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table %s has no column \"metadata\"", table->qualified),
				 errhint("Use INSERT ... SELECT from proximadb.read_avro to choose columns.")));
	if (SPI_execute_with_args(import_statement(table, reader, on_conflict), 1, &type, &argument, NULL, false, 0) < 0)
		elog(ERROR, "import failed: %s", SPI_result_code_string(SPI_result));
	records = (int64) SPI_processed;
	SPI_finish();
	return records;
}

/*
 * proximadb.import_avro(target text, file text, on_conflict text) RETURNS bigint
 */
Datum
pxd_sql_import_avro(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(import_records(fcinfo, "read_avro"));
}

/*
 * proximadb.import_avro_bytes(target text, data bytea, on_conflict text) RETURNS bigint
 */
Datum
pxd_sql_import_avro_bytes(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(import_records(fcinfo, "read_avro_bytes"));
}
