/*
 * avro_schema.c: schemas, by avro-c.
 *
 * avro-c is the judge here: it parses the schemas and says whether bytes our own writer made are a datum of
 * one. It allocates with malloc. A schema handle belongs to a memory context whose reset releases it; what a
 * single call needs besides is freed before that call can raise an error, so that no longjmp passes through
 * library frames and none leaks.
 *
 * No locks, no WAL.
 */
#include "postgres.h"

#include <avro.h>

#include "utils/memutils.h"

#include "avro_file.h"
#include "codec.h"

struct AvroSchema
{
	MemoryContextCallback callback;
	avro_schema_t schema;
	avro_value_iface_t *iface;	/* avro-c's generic in-memory form of the schema's data */
};

static void
release_schema(void *arg)
{
	AvroSchema *handle = arg;

	if (handle->iface != NULL)
		avro_value_iface_decref(handle->iface);
	if (handle->schema != NULL)
		avro_schema_decref(handle->schema);
}

AvroSchema *
pxd_avro_schema_parse(MemoryContext context, const char *json, Size len)
{
	AvroSchema *handle = MemoryContextAllocZero(context, sizeof(AvroSchema));

	handle->callback.func = release_schema;
	handle->callback.arg = handle;
	MemoryContextRegisterResetCallback(context, &handle->callback);

	if (avro_schema_from_json_length(json, len, &handle->schema) != 0)
	{
		handle->schema = NULL;
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg_internal("could not parse Avro schema: %s", avro_strerror()),
				 errdetail_internal("%.*s", (int) Min(len, 4096), json)));
	}
	handle->iface = avro_generic_class_from_schema(handle->schema);
	if (handle->iface == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg_internal("could not prepare Avro schema: %s", avro_strerror())));
	return handle;
}

/* Reads exactly one datum of len bytes into *value, a new value if true is returned. Raises no error. */
static bool
read_datum(const AvroSchema *schema, const char *data, Size len, avro_value_t *value)
{
	avro_reader_t reader = avro_reader_memory(data, (int64_t) len);
	bool		ok = false;

	if (reader == NULL)
		return false;
	if (avro_generic_value_new(schema->iface, value) == 0)
	{
		char		beyond;

		/* avro_reader_is_eof knows files only, so ask for a byte more and hope for none. */
		ok = avro_value_read(reader, value) == 0 && avro_read(reader, &beyond, 1) != 0;
		if (!ok)
			avro_value_decref(value);
	}
	avro_reader_free(reader);
	return ok;
}

bool
pxd_avro_schema_accepts(const AvroSchema *schema, const char *data, Size len)
{
	avro_value_t value;

	if (!read_datum(schema, data, len, &value))
		return false;
	avro_value_decref(&value);
	return true;
}

char *
pxd_avro_schema_recode(const AvroSchema *schema, const char *data, Size len, Size *out_len)
{
	avro_value_t value;
	avro_writer_t writer;
	char	   *out = NULL;

	if (!read_datum(schema, data, len, &value))
		return NULL;
	if (avro_value_sizeof(&value, out_len) == 0)
		out = palloc_extended(*out_len + 1, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	if (out != NULL)
	{
		writer = avro_writer_memory(out, (int64_t) *out_len);
		if (writer == NULL || avro_value_write(writer, &value) != 0 ||
			avro_writer_tell(writer) != (int64_t) *out_len)
		{
			pfree(out);
			out = NULL;
		}
		if (writer != NULL)
			avro_writer_free(writer);
	}
	avro_value_decref(&value);
	return out;
}

const AvroSchema *
pxd_avro_header_schema(void)
{
	static const AvroSchema *header_schema = NULL;

	if (header_schema == NULL)
	{
		/* A context of its own, so that a failure leaves nothing behind in TopMemoryContext. */
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "proximadb header schema",
													  ALLOCSET_SMALL_SIZES);
		const char *json = pxd_schema_json("SegmentHeader");
		AvroSchema *parsed = pxd_avro_schema_parse(context, json, strlen(json));

		MemoryContextSetParent(context, TopMemoryContext);
		header_schema = parsed;
	}
	return header_schema;
}
