/*
 * file_check.c: checks of VectorRecords and container files, part of proximadb.codec_check().
 *
 * avro-c is the judge of the bytes of a record. Containers are given to the reader whole, cut off and with every bit
 * flipped, at the edge of a malloc block, so that valgrind finds a read beyond it. Other tools' reading and writing of
 * them is tested in sql_tests/t.
 *
 * No locks, no WAL. Errors are caught without a subtransaction: what is tried only allocates memory.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "avro_file.h"
#include "codec_check.h"
#include "vector.h"

#define TEST_RECORDS	3

/* A schema with a type of every kind beside the fields that are read, short enough to damage each bit of it. */
static const char small_schema[] =
"{\"type\":\"record\",\"name\":\"R\",\"fields\":["
"{\"name\":\"id\",\"type\":\"string\"},"
"{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}}},"
"{\"name\":\"r\",\"type\":[\"null\",\"R\"]},"
"{\"name\":\"vector\",\"type\":{\"type\":\"array\",\"items\":[\"float\",\"int\"]}},"
"{\"name\":\"metadata\",\"type\":{\"type\":\"map\",\"values\":[\"null\",\"string\",\"long\",\"double\",\"boolean\"]}},"
"{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"X\",\"Y\"]}},"
"{\"name\":\"score\",\"type\":\"float\"}]}";

/* --- records --- */

static void
make_record(int i, Datum *values, bool *nulls)
{
	static const char *const metadata[TEST_RECORDS] = {
		"{\"s\": \"\\u00e4\", \"n\": -9223372036854775808, \"d\": 1.5e-300, \"t\": true, \"f\": false, \"z\": null}",
		"{\"list\": [1, {\"a\": null}], \"big\": 123456789012345678901234567890, \"third\": 0.3333333333333333333333}",
		"[1]"
	};
	Vector	   *vector = pxd_vector_alloc(3);

	vector->x[0] = -0.0f;
	vector->x[1] = 1e-45f;		/* the smallest there is */
	vector->x[2] = (float4) (i + 1) / 3;
	memset(nulls, i == 1, sizeof(bool) * RECORD_FIELDS);
	nulls[RECORD_ID] = false;
	nulls[RECORD_METADATA] = false;
	values[RECORD_ID] = CStringGetTextDatum(i == 0 ? "" : "id");
	values[RECORD_COLLECTION_ID] = CStringGetTextDatum("c");
	values[RECORD_VECTOR] = PointerGetDatum(vector);
	values[RECORD_METADATA] = DirectFunctionCall1(jsonb_in, CStringGetDatum(metadata[i]));
	values[RECORD_TIMESTAMP] = TimestampTzGetDatum(-1000000000000000);
	values[RECORD_CREATED_AT] = TimestampTzGetDatum(0);
	values[RECORD_UPDATED_AT] = TimestampTzGetDatum(1000);
	values[RECORD_EXPIRES_AT] = TimestampTzGetDatum(i == 0 ? DT_NOEND : DT_NOBEGIN);
	values[RECORD_VERSION] = Int64GetDatum(PG_INT64_MAX);
	values[RECORD_RANK] = Int32GetDatum(PG_INT32_MIN);
	values[RECORD_SCORE] = Float4GetDatum(0.25f);
	values[RECORD_DISTANCE] = Float4GetDatum(-1e30f);
}

static bool
same_bytes(const StringInfoData *buf, const char *data, Size len)
{
	return data != NULL && len == buf->len && memcmp(data, buf->data, len) == 0;
}

bool
pxd_check_records(void)
{
	const char *json = pxd_schema_json("VectorRecord");
	AvroSchema *schema = pxd_avro_schema_parse(CurrentMemoryContext, json, strlen(json));
	RecordReader *reader = pxd_record_reader(pxd_wire_parse(json, strlen(json)));

	for (int i = 0; i < TEST_RECORDS; i++)
	{
		Datum		values[RECORD_FIELDS];
		bool		nulls[RECORD_FIELDS];
		StringInfoData first;
		StringInfoData second;
		AvroCursor	cursor;
		char	   *recoded;
		Size		len;

		make_record(i, values, nulls);
		initStringInfo(&first);
		initStringInfo(&second);
		pxd_record_encode(&first, values, nulls);
		recoded = pxd_avro_schema_recode(schema, first.data, first.len, &len);
		/* avro-c keeps maps in order of arrival, so equal data gives equal bytes */
		if (!same_bytes(&first, recoded, len))
			return false;
		cursor.ptr = first.data;
		cursor.end = first.data + first.len;
		pxd_record_decode(reader, &cursor, values, nulls);
		pxd_record_encode(&second, values, nulls);
		if (cursor.ptr != cursor.end || !same_bytes(&first, second.data, second.len))
			return false;
	}
	return true;
}

/* The schemas of src/schema are Avro schemas, for avro-c and for us. */
bool
pxd_check_schemas(void)
{
	for (const SchemaText *schema = pxd_schemas; schema->name != NULL; schema++)
	{
		WireType   *type = pxd_wire_parse(schema->json, strlen(schema->json));
		const char *dot = strrchr(type->name, '.');

		pxd_avro_schema_parse(CurrentMemoryContext, schema->json, strlen(schema->json));
		if (type->kind != WIRE_RECORD || dot == NULL || strcmp(dot + 1, schema->name) != 0)
			return false;
	}
	return true;
}

/* --- containers --- */

/* A record of small_schema. */
static void
put_small_record(StringInfo buf, int i)
{
	float4		element = 0.5f;
	double		number = 2.5;

	pxd_avro_put_bytes(buf, "id", 2);
	pxd_avro_put_long(buf, -2);	/* a block of two items with its size */
	pxd_avro_put_long(buf, 4);
	pxd_avro_put_raw(buf, "abcd", 4);
	pxd_avro_put_long(buf, 0);
	pxd_avro_put_long(buf, i);
	if (i > 0)
		put_small_record(buf, i - 1);
	pxd_avro_put_long(buf, 1);	/* an array in two blocks */
	pxd_avro_put_long(buf, 0);
	pxd_avro_put_raw(buf, (char *) &element, sizeof(element));
	pxd_avro_put_long(buf, -1);
	pxd_avro_put_long(buf, 2);
	pxd_avro_put_long(buf, 1);
	pxd_avro_put_long(buf, 7);
	pxd_avro_put_long(buf, 0);
	pxd_avro_put_long(buf, 2);
	pxd_avro_put_bytes(buf, "k", 1);
	pxd_avro_put_long(buf, 3);
	pxd_avro_put_raw(buf, (char *) &number, sizeof(number));
	pxd_avro_put_bytes(buf, "l", 1);
	pxd_avro_put_long(buf, 2);
	pxd_avro_put_long(buf, -1);
	pxd_avro_put_long(buf, 0);
	pxd_avro_put_long(buf, 1);
	pxd_avro_put_raw(buf, (char *) &element, sizeof(element));
}

static bytea *
small_container(const char *codec)
{
	ContainerWriter *writer = pxd_container_begin(NULL, codec, small_schema);

	for (int i = 0; i < 2; i++)
	{
		put_small_record(pxd_container_buffer(writer), i);
		pxd_container_put(writer);
	}
	return pxd_container_finish(writer);
}

/* Reads all records; their number. Raises errors. */
static int64
read_records(const char *data, Size len)
{
	ContainerReader *container = pxd_container_open(NULL, data, len);
	Size		schema_len;
	const char *schema = pxd_container_schema(container, &schema_len);
	RecordReader *reader = pxd_record_reader(pxd_wire_parse(schema, schema_len));
	AvroCursor	block;
	int64		records;

	while (pxd_container_next_block(container, &block, &records))
	{
		while (records-- > 0)
		{
			Datum		values[RECORD_FIELDS];
			bool		nulls[RECORD_FIELDS];

			pxd_record_decode(reader, &block, values, nulls);
		}
		if (block.ptr != block.end)
			pxd_record_refuse(reader, "left over");
	}
	return reader->number;
}

typedef enum Outcome
{
	READ_ALL,
	REFUSED,
	BROKEN						/* an error that is not about the input */
} Outcome;

/* Reads a copy of data that ends where its memory does. */
static Outcome
try_to_read(const char *data, Size len, MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	char	   *copy = malloc(len + 1);
	volatile Outcome outcome = READ_ALL;

	if (copy == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	memcpy(copy + 1, data, len);	/* not aligned either */
	PG_TRY();
	{
		read_records(copy + 1, len);
	}
	PG_CATCH();
	{
		int			category = ERRCODE_TO_CATEGORY(geterrcode());

		if (geterrcode() == ERRCODE_QUERY_CANCELED)
		{
			free(copy);
			PG_RE_THROW();
		}
		outcome = category == ERRCODE_DATA_EXCEPTION || category == ERRCODE_FEATURE_NOT_SUPPORTED ||
			category == ERRCODE_PROGRAM_LIMIT_EXCEEDED || geterrcode() == ERRCODE_DATATYPE_MISMATCH ? REFUSED : BROKEN;
		FlushErrorState();
	}
	PG_END_TRY();
	free(copy);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(context);
	return outcome;
}

/* Whole: read. Cut off: refused, except where a block ends. Any bit flipped: read or refused. */
static bool
check_damage(const char *codec)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "proximadb container check",
												  ALLOCSET_DEFAULT_SIZES);
	bytea	   *whole = small_container(codec);
	char	   *data = VARDATA(whole);
	Size		len = VARSIZE(whole) - VARHDRSZ;
	int			cut_and_read = 0;
	int			flipped_and_refused = 0;
	bool		ok = try_to_read(data, len, context) == READ_ALL && read_records(data, len) == 2;

	for (Size i = 0; i < len && ok; i++)
	{
		Outcome		outcome = try_to_read(data, i, context);

		CHECK_FOR_INTERRUPTS();
		ok = outcome != BROKEN;
		if (outcome == READ_ALL)
			cut_and_read++;
		for (int bit = 0; bit < BITS_PER_BYTE && ok; bit++)
		{
			data[i] ^= (char) (1 << bit);
			outcome = try_to_read(data, len, context);
			data[i] ^= (char) (1 << bit);
			ok = outcome != BROKEN;
			if (outcome == REFUSED)
				flipped_and_refused++;
		}
	}
	MemoryContextDelete(context);
	/* a file of a header alone is an empty one; the sync marker alone is flipped 256 times */
	return ok && cut_and_read == 1 && flipped_and_refused > 256;
}

bool
pxd_check_container(void)
{
	return check_damage("null");
}

bool
pxd_check_deflated_container(void)
{
	return check_damage("deflate");
}
