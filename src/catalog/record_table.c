/*
 * record_table.c: which columns of a table hold the fields of VectorRecords.
 *
 * Reads system catalogs under AccessShareLock, held only while reading, and proximadb.collections: the SQL built from the answer takes its
 * own locks.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/varlena.h"

#include "catalog.h"
#include "vector.h"

static const char *const field_names[RECORD_FIELDS] = {
	[RECORD_ID] = "id",
	[RECORD_COLLECTION_ID] = "collection_id",
	[RECORD_VECTOR] = "vector",
	[RECORD_METADATA] = "metadata",
	[RECORD_TIMESTAMP] = "timestamp",
	[RECORD_CREATED_AT] = "created_at",
	[RECORD_UPDATED_AT] = "updated_at",
	[RECORD_EXPIRES_AT] = "expires_at",
	[RECORD_VERSION] = "version",
	[RECORD_RANK] = "rank",
	[RECORD_SCORE] = "score",
	[RECORD_DISTANCE] = "distance"
};

const char *
pxd_record_field_name(RecordField field)
{
	return field_names[field];
}

const char *
pxd_record_type(RecordField field)
{
	static const Oid types[RECORD_FIELDS] = {
		[RECORD_ID] = TEXTOID,
		[RECORD_COLLECTION_ID] = TEXTOID,
		[RECORD_METADATA] = JSONBOID,
		[RECORD_TIMESTAMP] = TIMESTAMPTZOID,
		[RECORD_CREATED_AT] = TIMESTAMPTZOID,
		[RECORD_UPDATED_AT] = TIMESTAMPTZOID,
		[RECORD_EXPIRES_AT] = TIMESTAMPTZOID,
		[RECORD_VERSION] = INT8OID,
		[RECORD_RANK] = INT4OID,
		[RECORD_SCORE] = FLOAT4OID,
		[RECORD_DISTANCE] = FLOAT4OID
	};

	return format_type_be_qualified(field == RECORD_VECTOR ? pxd_vector_type_oid() : types[field]);
}

/*
 * The table's OID and, if it is a collection, its name and the columns it gave names to: by the name of the collection, or
 * by the table's.
 */
static Oid
find_table(const char *name, RecordTable *table)
{
	Oid			types[2] = {TEXTOID, OIDOID};
	Datum		values[2] = {CStringGetTextDatum(name), ObjectIdGetDatum(InvalidOid)};
	bool		by_name = true;
	HeapTuple	row;
	bool		isnull;

	for (;;)
	{
		if (SPI_execute_with_args("SELECT tbl::pg_catalog.oid, name, id_column, vector_column, metadata_column FROM proximadb.collections"
								  " WHERE name OPERATOR(pg_catalog.=) $1 OR tbl OPERATOR(pg_catalog.=) $2",
								  2, types, values, NULL, true, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not read proximadb.collections");
		if (SPI_processed > 0)
			break;
		if (!by_name)
			return DatumGetObjectId(values[1]);
		by_name = false;
		values[0] = CStringGetTextDatum("");
		values[1] = ObjectIdGetDatum(RangeVarGetRelid(makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(name))),
													  NoLock, false));
	}
	row = SPI_tuptable->vals[0];
	table->collection_id = SPI_getvalue(row, SPI_tuptable->tupdesc, 2);
	table->columns[RECORD_ID] = SPI_getvalue(row, SPI_tuptable->tupdesc, 3);
	table->columns[RECORD_VECTOR] = SPI_getvalue(row, SPI_tuptable->tupdesc, 4);
	table->columns[RECORD_METADATA] = SPI_getvalue(row, SPI_tuptable->tupdesc, 5);
	return DatumGetObjectId(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull));
}

RecordTable *
pxd_record_table(const char *name)
{
	RecordTable *table = palloc0(sizeof(RecordTable));
	Relation	rel;
	TupleDesc	desc;

	table->relid = find_table(name, table);
	rel = relation_open(table->relid, AccessShareLock);
	desc = RelationGetDescr(rel);
	if (table->collection_id == NULL)
		table->collection_id = pstrdup(RelationGetRelationName(rel));
	table->qualified = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
												  RelationGetRelationName(rel));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		for (int field = 0; field < RECORD_FIELDS && !att->attisdropped; field++)
		{
			const char *column = table->columns[field] != NULL ? table->columns[field] : field_names[field];

			if (strcmp(NameStr(att->attname), column) != 0)
				continue;
			table->columns[field] = column;
			table->types[field] = format_type_extended(att->atttypid, att->atttypmod,
													   FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
		}
	}
	for (int field = 0; field < RECORD_FIELDS; field++)
	{
		if (table->types[field] != NULL)
			continue;
		if (field == RECORD_ID || field == RECORD_VECTOR)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("relation \"%s\" has no column \"%s\"", RelationGetRelationName(rel),
							table->columns[field] != NULL ? table->columns[field] : field_names[field]),
					 errhint("Records have an id and a vector; a query can give columns these names.")));
		table->columns[field] = NULL;
	}
	relation_close(rel, AccessShareLock);
	return table;
}
