/*
 * avro_file.h: Avro object container files, foreign schemas and VectorRecords, for src/catalog.
 *
 * Readers here take every byte for hostile. They raise errors (unlike the decoders of segments in codec.h), because
 * what they read is user input and there is no page to name: the message names the record instead.
 */
#ifndef PXD_AVRO_FILE_H
#define PXD_AVRO_FILE_H

#include "postgres.h"

#include "codec.h"

/* --- the schemas of src/schema (codec/schemas.c) --- */

typedef struct SchemaText
{
	const char *name;			/* of the record, without namespace */
	const char *json;
} SchemaText;

/* All schemas, terminated by one without a name. */
extern const SchemaText pxd_schemas[];

/* The JSON of a schema of src/schema; name must be one of them. */
extern const char *pxd_schema_json(const char *name);

/* --- schemas of others (codec/wire_type.c) --- */

typedef enum WireKind
{
	WIRE_NULL,
	WIRE_BOOLEAN,
	WIRE_INT,
	WIRE_LONG,
	WIRE_FLOAT,
	WIRE_DOUBLE,
	WIRE_BYTES,
	WIRE_STRING,
	WIRE_RECORD,
	WIRE_ENUM,
	WIRE_ARRAY,
	WIRE_MAP,
	WIRE_UNION,
	WIRE_FIXED
} WireKind;

typedef struct WireType
{
	WireKind	kind;
	int			nmembers;		/* fields, symbols or branches; 1 for an array's or map's items */
	struct WireType **members;	/* not for enums */
	char	  **names;			/* of fields and symbols */
	int64		size;			/* WIRE_FIXED */
	char	   *name;			/* full name of a record, enum or fixed */
} WireType;

/*
 * Parses schema JSON (UTF-8, len bytes) into types of the current context; types may refer to themselves. Raises
 * ERRCODE_INVALID_BINARY_REPRESENTATION for anything that is no Avro schema.
 */
extern WireType *pxd_wire_parse(const char *json, Size len);

/* Name of a kind, as in a schema. */
extern const char *pxd_wire_kind_name(WireKind kind);

/* Moves the cursor behind a value of type; NULL if all is well, else what is wrong (static text). */
extern const char *pxd_wire_skip(const WireType *type, AvroCursor *cursor);

/* --- VectorRecords (codec/vector_record.c) --- */

/*
 * Fields in the order of vector_record.avsc, as Datums: text (server encoding), text, Vector, jsonb, four
 * timestamptz, int8, int4, float4, float4.
 */
typedef enum RecordField
{
	RECORD_ID,
	RECORD_COLLECTION_ID,
	RECORD_VECTOR,
	RECORD_METADATA,
	RECORD_TIMESTAMP,
	RECORD_CREATED_AT,
	RECORD_UPDATED_AT,
	RECORD_EXPIRES_AT,
	RECORD_VERSION,
	RECORD_RANK,
	RECORD_SCORE,
	RECORD_DISTANCE
} RecordField;

#define RECORD_FIELDS	(RECORD_DISTANCE + 1)

/*
 * Appends a record. id must not be NULL; NULLs elsewhere become what the schema has for nothing: empty strings,
 * arrays and maps, version 1; created_at the time of the transaction, and the times after it that of created_at.
 * Leaks into the current context.
 */
extern void pxd_record_encode(StringInfo buf, const Datum *values, const bool *nulls);

/* What is needed to read records of one writer schema. */
typedef struct RecordReader
{
	const WireType *type;
	int		   *targets;		/* for each field of type its RecordField, RECORD_FIELDS for metadata_json, or -1 */
	int64		number;			/* of the record being read, from 1 */
	bool		refused;		/* an error is being raised that names the record */
} RecordReader;

/* A reader for records of type, in the current context; error if type lacks id or vector. */
extern RecordReader *pxd_record_reader(const WireType *type);

/*
 * Reads the next record into values and nulls, in the current context. Any error names the record.
 */
extern void pxd_record_decode(RecordReader *reader, AvroCursor *cursor, Datum *values, bool *nulls);

/* Raises the error that the record being read is malformed. */
extern void pxd_record_refuse(RecordReader *reader, const char *detail,...)
			pg_attribute_printf(2, 3) pg_attribute_noreturn();

/* --- object container files (codec/container.c, codec/deflate.c) --- */

typedef struct ContainerWriter ContainerWriter;
typedef struct ContainerReader ContainerReader;

/*
 * Starts a container of records of schema in the current context: in file, which the caller owns, or in memory if file
 * is NULL. codec is "null" or "deflate"; error for others.
 */
extern ContainerWriter *pxd_container_begin(FILE *file, const char *codec, const char *schema);

/* Where to append the next record's bytes; call pxd_container_put after each record. */
extern StringInfo pxd_container_buffer(ContainerWriter *writer);
extern void pxd_container_put(ContainerWriter *writer);

/* Writes what is left. Returns the container if it is in memory (as a bytea), else NULL. */
extern bytea *pxd_container_finish(ContainerWriter *writer);

/* Opens a container in file, of size bytes, or in memory at data if file is NULL; reads its header. */
extern ContainerReader *pxd_container_open(FILE *file, const char *data, int64 size);

/* The writer's schema, JSON. */
extern const char *pxd_container_schema(const ContainerReader *reader, Size *len);

/*
 * Reads the next block: its bytes, valid until the next call, and the number of records they claim to hold. False at the
 * end.
 */
extern bool pxd_container_next_block(ContainerReader *reader, AvroCursor *block, int64 *records);

/* Raw deflate (RFC 1951). The result is valid until the context is reset. */
extern void pxd_deflate(StringInfo out, const char *data, Size len);

/* Replaces out's content. False if data is malformed, or larger than a palloc'd buffer may be. */
extern bool pxd_inflate(StringInfo out, const char *data, Size len);

#endif
