/*
 * vector_record.c: one VectorRecord (src/schema/vector_record.avsc) as Avro, and back from any writer's schema.
 *
 * Writing is straightforward. Reading resolves the writer's schema as Avro says, by the names of fields: other fields are
 * stepped over, missing ones are NULL, numbers are widened, unions are looked into. Only id and vector must be there.
 *
 * Metadata. The map of the schema holds null, strings, longs, doubles and booleans. What it cannot hold exactly (nested
 * values, numbers beyond long and double, metadata that is no object) is in it as JSON text for others to read, and the
 * whole metadata is in metadata_json besides, which takes precedence when reading.
 *
 * No locks, no WAL.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "common/int.h"
#include "common/shortest_dec.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "avro_file.h"
#include "vector.h"

/* Branches of the union of metadata's values, in the order of the schema. */
enum
{
	VALUE_NULL,
	VALUE_STRING,
	VALUE_LONG,
	VALUE_DOUBLE,
	VALUE_BOOLEAN
};

#define METADATA_JSON	RECORD_FIELDS

#define UNIX_EPOCH_OFFSET_US \
	((int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

static const char *const field_names[] = {
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
	[RECORD_DISTANCE] = "distance",
	[METADATA_JSON] = "metadata_json"
};

/* --- writing --- */

/* A string in the server's encoding. */
static void
put_string(StringInfo buf, const char *str, Size len)
{
	const char *utf8 = pg_server_to_any(str, (int) len, PG_UTF8);

	pxd_avro_put_bytes(buf, utf8, utf8 == str ? len : strlen(utf8));
}

/* Milliseconds since 1970; the infinities are the ends of long. */
static void
put_time(StringInfo buf, TimestampTz time)
{
	if (TIMESTAMP_IS_NOBEGIN(time))
		pxd_avro_put_long(buf, PG_INT64_MIN);
	else if (TIMESTAMP_IS_NOEND(time))
		pxd_avro_put_long(buf, PG_INT64_MAX);
	else
	{
		int64		us = time + UNIX_EPOCH_OFFSET_US;	/* timestamps end long before int64 does */
		int64		ms = us / 1000;

		if (us % 1000 < 0)
			ms--;
		pxd_avro_put_long(buf, ms);
	}
}

/* Appends a number as the long or double that equals it. False, and nothing appended, if there is none. */
static bool
put_number(StringInfo buf, Numeric number)
{
	char	   *digits = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
	char	   *end;
	double		value;

	errno = 0;
	if (strpbrk(digits, ".eE") == NULL)
	{
		int64		integer = strtoll(digits, &end, 10);

		if (errno != 0 || *end != '\0')
			return false;
		pxd_avro_put_long(buf, VALUE_LONG);
		pxd_avro_put_long(buf, integer);
		return true;
	}

	value = strtod(digits, &end);
	if (errno == 0 && *end == '\0' && isfinite(value))
	{
		char		shortest[DOUBLE_SHORTEST_DECIMAL_LEN];
		Datum		back;

		double_to_shortest_decimal_buf(value, shortest);
		back = DirectFunctionCall3(numeric_in, CStringGetDatum(shortest), ObjectIdGetDatum(InvalidOid),
								   Int32GetDatum(-1));
		if (DatumGetBool(DirectFunctionCall2(numeric_eq, back, NumericGetDatum(number))))
		{
			pxd_avro_put_long(buf, VALUE_DOUBLE);
			pxd_avro_put_raw(buf, (char *) &value, sizeof(value));
			return true;
		}
	}
	return false;
}

/* Appends a value of metadata as the map has it; false if that does not say everything. */
static bool
put_value(StringInfo buf, const JsonbValue *value)
{
	StringInfoData text;

	switch (value->type)
	{
		case jbvNull:
			pxd_avro_put_long(buf, VALUE_NULL);
			return true;
		case jbvString:
			pxd_avro_put_long(buf, VALUE_STRING);
			put_string(buf, value->val.string.val, value->val.string.len);
			return true;
		case jbvBool:
			pxd_avro_put_long(buf, VALUE_BOOLEAN);
			appendStringInfoChar(buf, value->val.boolean ? 1 : 0);
			return true;
		case jbvNumeric:
			if (put_number(buf, value->val.numeric))
				return true;
			break;
		default:
			break;
	}

	initStringInfo(&text);
	if (value->type == jbvNumeric)
		appendStringInfoString(&text, DatumGetCString(DirectFunctionCall1(numeric_out,
																		  NumericGetDatum(value->val.numeric))));
	else
		JsonbToCString(&text, value->val.binary.data, value->val.binary.len);
	pxd_avro_put_long(buf, VALUE_STRING);
	put_string(buf, text.data, text.len);
	return false;
}

/* Appends the map; false if it does not say everything. */
static bool
put_metadata(StringInfo buf, Jsonb *metadata)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	bool		exact = true;

	if (!JB_ROOT_IS_OBJECT(metadata))
	{
		pxd_avro_put_long(buf, 0);
		return false;
	}
	if (JB_ROOT_COUNT(metadata) > 0)
	{
		pxd_avro_put_long(buf, JB_ROOT_COUNT(metadata));
		iterator = JsonbIteratorInit(&metadata->root);
		while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		{
			if (token == WJB_KEY)
				put_string(buf, value.val.string.val, value.val.string.len);
			else if (token == WJB_VALUE && !put_value(buf, &value))
				exact = false;
		}
	}
	pxd_avro_put_long(buf, 0);
	return exact;
}

static void
put_vector(StringInfo buf, const Vector *vector)
{
	if (vector != NULL)
	{
		pxd_avro_put_long(buf, vector->dim);
		pxd_avro_put_raw(buf, (const char *) vector->x, sizeof(float4) * vector->dim);
	}
	pxd_avro_put_long(buf, 0);
}

static void
put_nullable_float(StringInfo buf, Datum value, bool isnull)
{
	float4		number = isnull ? 0 : DatumGetFloat4(value);

	pxd_avro_put_long(buf, isnull ? 0 : 1);
	if (!isnull)
		pxd_avro_put_raw(buf, (char *) &number, sizeof(number));
}

static void
put_text(StringInfo buf, Datum value, bool isnull)
{
	if (isnull)
		pxd_avro_put_long(buf, 0);
	else
	{
		text	   *string = DatumGetTextPP(value);

		put_string(buf, VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
	}
}

void
pxd_record_encode(StringInfo buf, const Datum *values, const bool *nulls)
{
	TimestampTz created = nulls[RECORD_CREATED_AT] ? GetCurrentTransactionStartTimestamp() :
		DatumGetTimestampTz(values[RECORD_CREATED_AT]);
	TimestampTz updated = nulls[RECORD_UPDATED_AT] ? created : DatumGetTimestampTz(values[RECORD_UPDATED_AT]);
	Jsonb	   *metadata = nulls[RECORD_METADATA] ? NULL : DatumGetJsonbP(values[RECORD_METADATA]);
	bool		exact = true;

	Assert(!nulls[RECORD_ID]);
	put_text(buf, values[RECORD_ID], false);
	put_text(buf, values[RECORD_COLLECTION_ID], nulls[RECORD_COLLECTION_ID]);
	put_vector(buf, nulls[RECORD_VECTOR] ? NULL : DatumGetVectorP(values[RECORD_VECTOR]));
	if (metadata != NULL)
		exact = put_metadata(buf, metadata);
	else
		pxd_avro_put_long(buf, 0);
	put_time(buf, nulls[RECORD_TIMESTAMP] ? updated : DatumGetTimestampTz(values[RECORD_TIMESTAMP]));
	put_time(buf, created);
	put_time(buf, updated);
	pxd_avro_put_long(buf, nulls[RECORD_EXPIRES_AT] ? 0 : 1);
	if (!nulls[RECORD_EXPIRES_AT])
		put_time(buf, DatumGetTimestampTz(values[RECORD_EXPIRES_AT]));
	pxd_avro_put_long(buf, nulls[RECORD_VERSION] ? 1 : DatumGetInt64(values[RECORD_VERSION]));
	pxd_avro_put_long(buf, nulls[RECORD_RANK] ? 0 : 1);
	if (!nulls[RECORD_RANK])
		pxd_avro_put_long(buf, DatumGetInt32(values[RECORD_RANK]));
	put_nullable_float(buf, values[RECORD_SCORE], nulls[RECORD_SCORE]);
	put_nullable_float(buf, values[RECORD_DISTANCE], nulls[RECORD_DISTANCE]);

	pxd_avro_put_long(buf, exact ? 0 : 1);
	if (!exact)
	{
		StringInfoData json;

		initStringInfo(&json);
		JsonbToCString(&json, &metadata->root, VARSIZE(metadata));
		put_string(buf, json.data, json.len);
	}
}

/* --- reading --- */

/* A value without structure. */
typedef struct WireValue
{
	WireKind	kind;			/* NULL, BOOLEAN, LONG (int too), FLOAT, DOUBLE, STRING (bytes too) */
	int64		integer;		/* of BOOLEAN too */
	double		number;			/* FLOAT and DOUBLE, and LONG */
	const char *data;			/* STRING: in UTF-8, points into the block */
	Size		len;
} WireValue;

void
pxd_record_refuse(RecordReader *reader, const char *detail,...)
{
	StringInfoData text;
	va_list		args;
	int			needed;

	initStringInfo(&text);
	do
	{
		va_start(args, detail);
		needed = appendStringInfoVA(&text, detail, args);
		va_end(args);
		if (needed > 0)
			enlargeStringInfo(&text, needed);
	} while (needed > 0);

	reader->refused = true;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("record %lld of the Avro data cannot be read", (long long) reader->number),
			 errdetail_internal("%s", text.data)));
}

/* Errors raised by others while a record is read name it too. */
static void
name_record(void *arg)
{
	RecordReader *reader = arg;

	if (!reader->refused)
		errcontext("record %lld of the Avro data", (long long) reader->number);
}

RecordReader *
pxd_record_reader(const WireType *type)
{
	RecordReader *reader = palloc0(sizeof(RecordReader));
	bool		found[METADATA_JSON + 1] = {false};

	reader->type = type;
	if (type->kind != WIRE_RECORD)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("Avro data is of type %s, not of records", pxd_wire_kind_name(type->kind))));
	reader->targets = palloc(sizeof(int) * Max(type->nmembers, 1));
	for (int i = 0; i < type->nmembers; i++)
	{
		reader->targets[i] = -1;
		for (int field = 0; field <= METADATA_JSON; field++)
		{
			if (strcmp(type->names[i], field_names[field]) == 0)
			{
				reader->targets[i] = field;
				found[field] = true;
			}
		}
	}
	if (!found[RECORD_ID] || !found[RECORD_VECTOR])
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("Avro record \"%s\" has no field \"%s\"", type->name,
						field_names[found[RECORD_ID] ? RECORD_VECTOR : RECORD_ID]),
				 errhint("Records need an id and a vector; see proximadb.avro_schemas().")));
	return reader;
}

/* Follows unions to the branch that is there. */
static const WireType *
actual_type(RecordReader *reader, const char *field, const WireType *type, AvroCursor *cursor)
{
	while (type->kind == WIRE_UNION)
	{
		int64		branch;

		if (!pxd_avro_get_range(cursor, 0, type->nmembers - 1, &branch))
			pxd_record_refuse(reader, "Field \"%s\" is cut off, or its union has no such branch.", field);
		type = type->members[branch];
	}
	return type;
}

static void pg_attribute_noreturn()
cut_off(RecordReader *reader, const char *field)
{
	pxd_record_refuse(reader, "Field \"%s\" is cut off or damaged.", field);
}

/* Text as C strings have it, in UTF-8. */
static void
check_text(RecordReader *reader, const char *field, const WireValue *value)
{
	if (!pg_verify_mbstr(PG_UTF8, value->data, value->len, true))
		pxd_record_refuse(reader, "Field \"%s\" is not text in UTF-8.", field);
}

static WireValue
get_value(RecordReader *reader, const char *field, const WireType *type, AvroCursor *cursor)
{
	WireValue	value = {WIRE_NULL};
	const char *raw;
	float4		single;
	bool		ok = true;

	type = actual_type(reader, field, type, cursor);
	value.kind = type->kind;
	switch (type->kind)
	{
		case WIRE_NULL:
			break;
		case WIRE_BOOLEAN:
			ok = pxd_avro_get_raw(cursor, 1, &raw) && (*raw == 0 || *raw == 1);
			value.integer = ok ? *raw : 0;
			break;
		case WIRE_INT:
		case WIRE_LONG:
			value.kind = WIRE_LONG;
			ok = pxd_avro_get_long(cursor, &value.integer) &&
				(type->kind == WIRE_LONG || (value.integer >= PG_INT32_MIN && value.integer <= PG_INT32_MAX));
			value.number = value.integer;
			break;
		case WIRE_FLOAT:
			ok = pxd_avro_get_raw(cursor, sizeof(single), &raw);
			if (ok)
				memcpy(&single, raw, sizeof(single));
			value.number = ok ? single : 0;
			break;
		case WIRE_DOUBLE:
			ok = pxd_avro_get_raw(cursor, sizeof(value.number), &raw);
			if (ok)
				memcpy(&value.number, raw, sizeof(value.number));
			break;
		case WIRE_STRING:
		case WIRE_BYTES:
			value.kind = WIRE_STRING;
			ok = pxd_avro_get_bytes(cursor, &value.data, &value.len) && value.len < MaxAllocSize / 4;
			if (ok)
				check_text(reader, field, &value);
			break;
		default:
			pxd_record_refuse(reader, "Field \"%s\" holds a value of type %s.", field, pxd_wire_kind_name(type->kind));
	}
	if (!ok)
		cut_off(reader, field);
	return value;
}

static void pg_attribute_noreturn()
wrong_kind(RecordReader *reader, const char *field, const char *wanted, WireKind found)
{
	pxd_record_refuse(reader, "Field \"%s\" must be %s, but is %s.", field, wanted, pxd_wire_kind_name(found));
}

static char *
to_server(const char *utf8, Size len)
{
	return pg_any_to_server(pnstrdup(utf8, len), (int) len, PG_UTF8);
}

static Datum
to_time(RecordReader *reader, const char *field, int64 ms)
{
	int64		us;

	if (ms == PG_INT64_MIN)
		return TimestampTzGetDatum(DT_NOBEGIN);
	if (ms == PG_INT64_MAX)
		return TimestampTzGetDatum(DT_NOEND);
	if (pg_mul_s64_overflow(ms, 1000, &us) || pg_sub_s64_overflow(us, UNIX_EPOCH_OFFSET_US, &us) ||
		!IS_VALID_TIMESTAMP(us))
		pxd_record_refuse(reader, "Field \"%s\" is no time PostgreSQL knows: %lld ms.", field, (long long) ms);
	return TimestampTzGetDatum(us);
}

/*
 * The number of items of the next block of an array or map, 0 at the end. Each item has at least item_bytes bytes.
 */
static int64
get_block_count(RecordReader *reader, const char *field, AvroCursor *cursor, int item_bytes)
{
	int64		count;
	int64		size;

	if (!pxd_avro_get_long(cursor, &count))
		cut_off(reader, field);
	if (count < 0)
	{
		if (count < -PG_INT32_MAX || !pxd_avro_get_range(cursor, 0, cursor->end - cursor->ptr, &size))
			cut_off(reader, field);
		count = -count;
	}
	if (count > (cursor->end - cursor->ptr) / item_bytes)
		cut_off(reader, field);
	return count;
}

/* The elements of the next count items, appended behind dim. */
static void
get_elements(RecordReader *reader, const WireType *items, AvroCursor *cursor, float4 *x, int count)
{
	const char *field = field_names[RECORD_VECTOR];
	const char *raw;

	if (items->kind == WIRE_FLOAT)
	{
		if (!pxd_avro_get_raw(cursor, sizeof(float4) * count, &raw))
			cut_off(reader, field);
		memcpy(x, raw, sizeof(float4) * count);
	}
	else
	{
		for (int i = 0; i < count; i++)
		{
			WireValue	value = get_value(reader, field, items, cursor);

			/* Avro widens integers to float, and never narrows a double */
			if (value.kind != WIRE_FLOAT && value.kind != WIRE_LONG)
				wrong_kind(reader, field, "an array of float", value.kind);
			x[i] = (float4) value.number;
		}
	}
	for (int i = 0; i < count; i++)
		if (!isfinite(x[i]))
			pxd_record_refuse(reader, "Field \"%s\" has an element that is not a finite number.", field);
}

static void
get_vector(RecordReader *reader, const WireType *type, AvroCursor *cursor, Datum *result, bool *isnull)
{
	const char *field = field_names[RECORD_VECTOR];
	float4	   *elements = NULL;
	int			dim = 0;
	int64		count;

	type = actual_type(reader, field, type, cursor);
	if (type->kind == WIRE_NULL)
		return;
	if (type->kind != WIRE_ARRAY)
		wrong_kind(reader, field, "an array of float", type->kind);
	/* An item of one byte is an int; that of none at all is no number, and refused as such. */
	while ((count = get_block_count(reader, field, cursor, type->members[0]->kind == WIRE_FLOAT ? sizeof(float4) : 1)) > 0)
	{
		if (count > VECTOR_MAX_DIM - dim)
			pxd_record_refuse(reader, "Field \"%s\" has more than %d dimensions.", field, VECTOR_MAX_DIM);
		elements = elements == NULL ? palloc(sizeof(float4) * count) :
			repalloc(elements, sizeof(float4) * (dim + count));
		get_elements(reader, type->members[0], cursor, elements + dim, (int) count);
		dim += (int) count;
	}
	if (dim > 0)
	{
		Vector	   *vector = pxd_vector_alloc(dim);

		memcpy(vector->x, elements, sizeof(float4) * dim);
		*result = PointerGetDatum(vector);
		*isnull = false;
	}
}

/* A value of the map as JSON. */
static void
get_json_value(RecordReader *reader, const WireType *type, AvroCursor *cursor, JsonbValue *json)
{
	const char *field = field_names[RECORD_METADATA];
	WireValue	value = get_value(reader, field, type, cursor);
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	switch (value.kind)
	{
		case WIRE_NULL:
			json->type = jbvNull;
			return;
		case WIRE_BOOLEAN:
			json->type = jbvBool;
			json->val.boolean = value.integer != 0;
			return;
		case WIRE_STRING:
			json->type = jbvString;
			json->val.string.val = to_server(value.data, value.len);
			json->val.string.len = strlen(json->val.string.val);
			return;
		case WIRE_LONG:
			snprintf(digits, sizeof(digits), INT64_FORMAT, value.integer);
			break;
		case WIRE_FLOAT:
		case WIRE_DOUBLE:
			if (!isfinite(value.number))
				pxd_record_refuse(reader, "Field \"%s\" has a number that JSON cannot hold.", field);
			if (value.kind == WIRE_FLOAT)
				float_to_shortest_decimal_buf((float4) value.number, digits);
			else
				double_to_shortest_decimal_buf(value.number, digits);
			break;
		default:
			pg_unreachable();
	}
	json->type = jbvNumeric;
	json->val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(digits),
															ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static void
get_metadata(RecordReader *reader, const WireType *type, AvroCursor *cursor, Datum *result, bool *isnull)
{
	const char *field = field_names[RECORD_METADATA];
	JsonbParseState *state = NULL;
	JsonbValue *object;
	int64		count;

	type = actual_type(reader, field, type, cursor);
	if (type->kind == WIRE_NULL)
		return;
	if (type->kind != WIRE_MAP)
		wrong_kind(reader, field, "a map", type->kind);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	/* The key of an item takes a byte at least. */
	while ((count = get_block_count(reader, field, cursor, 1)) > 0)
	{
		while (count-- > 0)
		{
			WireValue	key = {WIRE_STRING};
			JsonbValue	json;

			CHECK_FOR_INTERRUPTS();
			if (!pxd_avro_get_bytes(cursor, &key.data, &key.len))
				cut_off(reader, field);
			check_text(reader, field, &key);
			json.type = jbvString;
			json.val.string.val = to_server(key.data, key.len);
			json.val.string.len = strlen(json.val.string.val);
			pushJsonbValue(&state, WJB_KEY, &json);
			get_json_value(reader, type->members[0], cursor, &json);
			pushJsonbValue(&state, WJB_VALUE, &json);
		}
	}
	object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	*result = JsonbPGetDatum(JsonbValueToJsonb(object));
	*isnull = false;
}

/* A field that is neither vector nor metadata. */
static void
get_scalar(RecordReader *reader, int target, const WireType *type, AvroCursor *cursor, Datum *result, bool *isnull)
{
	const char *field = field_names[target];
	WireValue	value = get_value(reader, field, type, cursor);

	if (value.kind == WIRE_NULL)
		return;
	*isnull = false;
	switch (target)
	{
		case RECORD_ID:
		case RECORD_COLLECTION_ID:
		case METADATA_JSON:
			if (value.kind != WIRE_STRING)
				wrong_kind(reader, field, "a string", value.kind);
			if (target == METADATA_JSON)
				*result = DirectFunctionCall1(jsonb_in, CStringGetDatum(to_server(value.data, value.len)));
			else
				*result = CStringGetTextDatum(to_server(value.data, value.len));
			return;
		case RECORD_SCORE:
		case RECORD_DISTANCE:
			if (value.kind != WIRE_FLOAT && value.kind != WIRE_LONG)
				wrong_kind(reader, field, "float", value.kind);
			*result = Float4GetDatum((float4) value.number);
			return;
	}
	if (value.kind != WIRE_LONG)
		wrong_kind(reader, field, "long", value.kind);
	if (target == RECORD_VERSION)
		*result = Int64GetDatum(value.integer);
	else if (target != RECORD_RANK)
		*result = to_time(reader, field, value.integer);
	else if (value.integer < PG_INT32_MIN || value.integer > PG_INT32_MAX)
		pxd_record_refuse(reader, "Field \"%s\" is out of range.", field);
	else
		*result = Int32GetDatum((int32) value.integer);
}

void
pxd_record_decode(RecordReader *reader, AvroCursor *cursor, Datum *values, bool *nulls)
{
	ErrorContextCallback callback = {error_context_stack, name_record, reader};
	Datum		json = 0;
	bool		no_json = true;

	error_context_stack = &callback;
	reader->number++;
	memset(values, 0, sizeof(Datum) * RECORD_FIELDS);
	memset(nulls, true, sizeof(bool) * RECORD_FIELDS);
	for (int i = 0; i < reader->type->nmembers; i++)
	{
		const WireType *type = reader->type->members[i];
		int			target = reader->targets[i];

		if (target < 0)
		{
			const char *problem = pxd_wire_skip(type, cursor);

			if (problem != NULL)
				pxd_record_refuse(reader, "In field \"%s\", %s.", reader->type->names[i], problem);
		}
		else if (target == RECORD_VECTOR)
			get_vector(reader, type, cursor, &values[target], &nulls[target]);
		else if (target == RECORD_METADATA)
			get_metadata(reader, type, cursor, &values[target], &nulls[target]);
		else if (target == METADATA_JSON)
			get_scalar(reader, target, type, cursor, &json, &no_json);
		else
			get_scalar(reader, target, type, cursor, &values[target], &nulls[target]);
	}
	if (nulls[RECORD_ID])
		pxd_record_refuse(reader, "Field \"id\" is null.");
	if (!no_json)
	{
		values[RECORD_METADATA] = json;
		nulls[RECORD_METADATA] = false;
	}
	error_context_stack = callback.previous;
}
