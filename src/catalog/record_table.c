/*
 * record_table.c: which columns of a table hold the fields of VectorRecords.
 *
 * Reads system catalogs under AccessShareLock, held only while reading: the SQL built from the answer takes its own locks.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
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

RecordTable *
pxd_record_table(const char *name)
{
	RecordTable *table = palloc0(sizeof(RecordTable));
	RangeVar   *range = makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(name)));
	Relation	rel = relation_openrv(range, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);

	table->relid = RelationGetRelid(rel);
	table->collection_id = pstrdup(RelationGetRelationName(rel));
	table->qualified = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
												  RelationGetRelationName(rel));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		for (int field = 0; field < RECORD_FIELDS && !att->attisdropped; field++)
		{
			if (strcmp(NameStr(att->attname), field_names[field]) != 0)
				continue;
			table->columns[field] = field_names[field];
			table->types[field] = format_type_extended(att->atttypid, att->atttypmod,
													   FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
		}
	}
	for (int field = RECORD_ID; field <= RECORD_VECTOR; field += RECORD_VECTOR - RECORD_ID)
		if (table->columns[field] == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("relation \"%s\" has no column \"%s\"", RelationGetRelationName(rel), field_names[field]),
					 errhint("Records have an id and a vector; a query can give columns these names.")));
	relation_close(rel, AccessShareLock);
	return table;
}
