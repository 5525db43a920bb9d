/*
 * avro_records.c: SQL functions on Avro schemas and on single records, and the one that reads containers as rows.
 *
 * Owns the file it reads, which ends with the function. Reads system catalogs under AccessShareLock.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "access/relation.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "catalog.h"
#include "vector.h"

PG_FUNCTION_INFO_V1(pxd_sql_avro_schemas);
PG_FUNCTION_INFO_V1(pxd_sql_avro_schema);
PG_FUNCTION_INFO_V1(pxd_sql_vector_record_to_avro);
PG_FUNCTION_INFO_V1(pxd_sql_vector_record_from_avro);
PG_FUNCTION_INFO_V1(pxd_sql_read_avro);
PG_FUNCTION_INFO_V1(pxd_sql_read_avro_bytes);

/*
 * proximadb.avro_schemas(OUT name text, OUT schema json) RETURNS SETOF record
 */
Datum
pxd_sql_avro_schemas(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (const SchemaText *schema = pxd_schemas; schema->name != NULL; schema++)
	{
		Datum		values[2] = {CStringGetTextDatum(schema->name), CStringGetTextDatum(schema->json)};
		bool		nulls[2] = {false, false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * proximadb.avro_schema(regclass) RETURNS json: the schema of a row, with the types segments use
 */
Datum
pxd_sql_avro_schema(PG_FUNCTION_ARGS)
{
	Relation	rel = relation_open(PG_GETARG_OID(0), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	const FormData_pg_attribute **attributes = palloc0(sizeof(*attributes) * Max(desc->natts, 1));
	ItemFormat *formats = palloc0(sizeof(ItemFormat) * Max(desc->natts, 1));
	int			count = 0;
	char	   *json;
	Size		len;

	for (int i = 0; i < desc->natts; i++)
	{
		const FormData_pg_attribute *att = TupleDescAttr(desc, i);
		ItemFormat *format = &formats[count];
		uint8		element_size;

		if (att->attisdropped)
			continue;
		format->attlen = att->attlen;
		format->attbyval = att->attbyval;
		format->nullable = !att->attnotnull;
		element_size = pxd_vector_element_size(att->atttypid, att->atttypmod);
		format->item_size = att->attlen > 0 ? att->attlen : element_size * att->atttypmod;
		format->encoding = pxd_item_encoding(att->atttypid, att->attlen, att->attbyval, element_size);
		attributes[count++] = att;
	}
	json = pxd_avro_row_schema(count, attributes, formats, &len);
	json = pg_any_to_server(json, (int) len, PG_UTF8);
	relation_close(rel, AccessShareLock);
	PG_RETURN_TEXT_P(cstring_to_text(json));
}

/*
 * proximadb.vector_record_to_avro(id, vector, metadata, collection_id, "timestamp", created_at, updated_at, expires_at,
 * version, rank, score, distance) RETURNS bytea
 */
Datum
pxd_sql_vector_record_to_avro(PG_FUNCTION_ARGS)
{
	static const RecordField arguments[RECORD_FIELDS] = {
		RECORD_ID, RECORD_VECTOR, RECORD_METADATA, RECORD_COLLECTION_ID, RECORD_TIMESTAMP, RECORD_CREATED_AT,
		RECORD_UPDATED_AT, RECORD_EXPIRES_AT, RECORD_VERSION, RECORD_RANK, RECORD_SCORE, RECORD_DISTANCE
	};
	Datum		values[RECORD_FIELDS];
	bool		nulls[RECORD_FIELDS];
	StringInfoData buf;

	for (int i = 0; i < RECORD_FIELDS; i++)
	{
		values[arguments[i]] = PG_GETARG_DATUM(i);
		nulls[arguments[i]] = PG_ARGISNULL(i);
	}
	if (nulls[RECORD_ID])
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("record has no id")));
	initStringInfo(&buf);
	appendStringInfoSpaces(&buf, VARHDRSZ);
	pxd_record_encode(&buf, values, nulls);
	SET_VARSIZE(buf.data, buf.len);
	PG_RETURN_BYTEA_P(buf.data);
}

/*
 * proximadb.vector_record_from_avro(bytea) RETURNS record
 */
Datum
pxd_sql_vector_record_from_avro(PG_FUNCTION_ARGS)
{
	bytea	   *data = PG_GETARG_BYTEA_PP(0);
	AvroCursor	cursor = {VARDATA_ANY(data), VARDATA_ANY(data) + VARSIZE_ANY_EXHDR(data)};
	const char *json = pxd_schema_json("VectorRecord");
	RecordReader *reader = pxd_record_reader(pxd_wire_parse(json, strlen(json)));
	Datum		values[RECORD_FIELDS];
	bool		nulls[RECORD_FIELDS];
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	pxd_record_decode(reader, &cursor, values, nulls);
	if (cursor.ptr != cursor.end)
		pxd_record_refuse(reader, "%zu bytes are left over.", (Size) (cursor.end - cursor.ptr));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* Puts all records of a container into the result set. */
static void
read_container(FunctionCallInfo fcinfo, FILE *file, const char *data, int64 size)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ContainerReader *container = pxd_container_open(file, data, size);
	Size		schema_len;
	const char *schema = pxd_container_schema(container, &schema_len);
	RecordReader *reader = pxd_record_reader(pxd_wire_parse(schema, schema_len));
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "proximadb Avro record", ALLOCSET_DEFAULT_SIZES);
	AvroCursor	block;
	int64		records;

	while (pxd_container_next_block(container, &block, &records))
	{
		while (records-- > 0)
		{
			Datum		values[RECORD_FIELDS];
			bool		nulls[RECORD_FIELDS];
			MemoryContext caller = MemoryContextSwitchTo(scratch);

			CHECK_FOR_INTERRUPTS();
			pxd_record_decode(reader, &block, values, nulls);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
			MemoryContextSwitchTo(caller);
			MemoryContextReset(scratch);
		}
		if (block.ptr != block.end)
		{
			/* the next record is what these bytes would be */
			reader->number++;
			pxd_record_refuse(reader, "%zu bytes are left over in the block before it.",
							  (Size) (block.end - block.ptr));
		}
	}
	MemoryContextDelete(scratch);
}

/*
 * proximadb.read_avro_bytes(bytea) RETURNS SETOF record
 */
Datum
pxd_sql_read_avro_bytes(PG_FUNCTION_ARGS)
{
	bytea	   *data = PG_GETARG_BYTEA_PP(0);

	InitMaterializedSRF(fcinfo, 0);
	read_container(fcinfo, NULL, VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data));
	return (Datum) 0;
}

/*
 * proximadb.read_avro(file text) RETURNS SETOF record
 */
Datum
pxd_sql_read_avro(PG_FUNCTION_ARGS)
{
	char	   *path = text_to_cstring(PG_GETARG_TEXT_PP(0));
	FILE	   *file;
	struct stat st;

	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to read file \"%s\"", path),
				 errhint("Only roles with privileges of role pg_read_server_files may read files of the server.")));
	if (!is_absolute_path(path))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("relative path \"%s\" not allowed for an Avro file", path)));
	file = AllocateFile(path, PG_BINARY_R);
	if (file == NULL)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\" for reading: %m", path)));
	if (fstat(fileno(file), &st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s\": %m", path)));
	if (!S_ISREG(st.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a regular file", path)));

	InitMaterializedSRF(fcinfo, 0);
	read_container(fcinfo, file, NULL, st.st_size);
	FreeFile(file);
	return (Datum) 0;
}
