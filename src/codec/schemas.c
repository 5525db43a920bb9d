/*
 * schemas.c: the schemas of src/schema, as text.
 *
 * Constant data only. No locks, no WAL.
 */
#include "postgres.h"

#include "avro_file.h"

static const char segment_header_json[] =
#include "../schema/segment_header.inc"
;
static const char vector_record_json[] =
#include "../schema/vector_record.inc"
;
static const char collection_json[] =
#include "../schema/collection.inc"
;
static const char search_result_json[] =
#include "../schema/search_result.inc"
;

const SchemaText pxd_schemas[] = {
	{"Collection", collection_json},
	{"SearchResult", search_result_json},
	{"SegmentHeader", segment_header_json},
	{"VectorRecord", vector_record_json},
	{NULL, NULL}
};

const char *
pxd_schema_json(const char *name)
{
	for (const SchemaText *schema = pxd_schemas; schema->name != NULL; schema++)
		if (strcmp(schema->name, name) == 0)
			return schema->json;
	elog(ERROR, "there is no Avro schema \"%s\"", name);
}
