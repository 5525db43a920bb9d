/*
 * wire_type.c: the schemas of other people's Avro files, and how to step over their data.
 *
 * Such a schema is hostile input. avro-c's parser leaks and recurses on some malformed ones, so PostgreSQL's JSON parser, which
 * raises ordinary errors in palloc'd memory, reads it here. What comes out is a small tree (a graph, for recursive
 * types) that the decoder of records walks.
 *
 * No locks, no WAL.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "avro_file.h"

/* A schema for wide tables with documentation takes some 100 kB. */
#define SCHEMA_MAX_BYTES	(4 * 1024 * 1024)
#define SCHEMA_MAX_FIELDS	65536

typedef struct WireParser
{
	List	   *named;			/* WireTypes that have a name */
} WireParser;

static const char *const kind_names[] = {
	[WIRE_NULL] = "null",
	[WIRE_BOOLEAN] = "boolean",
	[WIRE_INT] = "int",
	[WIRE_LONG] = "long",
	[WIRE_FLOAT] = "float",
	[WIRE_DOUBLE] = "double",
	[WIRE_BYTES] = "bytes",
	[WIRE_STRING] = "string",
	[WIRE_RECORD] = "record",
	[WIRE_ENUM] = "enum",
	[WIRE_ARRAY] = "array",
	[WIRE_MAP] = "map",
	[WIRE_UNION] = "union",
	[WIRE_FIXED] = "fixed"
};

static WireType *parse_type(WireParser *parser, const JsonbValue *json, const char *space);

const char *
pxd_wire_kind_name(WireKind kind)
{
	return kind_names[kind];
}

static void pg_attribute_noreturn()
bad_schema(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("schema of the Avro data is malformed"),
			 errdetail_internal("%s", detail)));
}

static WireType *
new_type(WireKind kind, int nmembers)
{
	WireType   *type = palloc0(sizeof(WireType));

	type->kind = kind;
	type->nmembers = nmembers;
	return type;
}

/* A member of a JSON object, NULL if it has none of that name. */
static JsonbValue *
member(const JsonbValue *json, const char *key)
{
	return getKeyJsonValueFromContainer(json->val.binary.data, key, strlen(key), NULL);
}

/* A string member; NULL if it has none. */
static char *
string_member(const JsonbValue *json, const char *key)
{
	JsonbValue *value = member(json, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvString)
		bad_schema(psprintf("Member \"%s\" is not a string.", key));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* The number of elements of an array member, which is returned too. */
static JsonbContainer *
array_member(const JsonbValue *json, const char *key, int *count)
{
	JsonbValue *value = member(json, key);

	if (value == NULL || value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data) ||
		JsonContainerSize(value->val.binary.data) > SCHEMA_MAX_FIELDS)
		bad_schema(psprintf("Member \"%s\" is not an array of a sensible size.", key));
	*count = JsonContainerSize(value->val.binary.data);
	return value->val.binary.data;
}

static WireType *
find_named(const WireParser *parser, const char *name, const char *space)
{
	const char *full = strchr(name, '.') != NULL || *space == '\0' ? name : psprintf("%s.%s", space, name);
	ListCell   *cell;

	foreach(cell, parser->named)
	{
		WireType   *type = lfirst(cell);

		if (strcmp(type->name, full) == 0)
			return type;
	}
	return NULL;
}

/* Gives type the name its JSON says, and returns the namespace for what is inside. */
static const char *
declare(WireParser *parser, WireType *type, const JsonbValue *json, const char *space)
{
	char	   *name = string_member(json, "name");
	char	   *own_space = string_member(json, "namespace");
	char	   *dot;

	if (name == NULL || *name == '\0')
		bad_schema(psprintf("A type of kind %s has no name.", kind_names[type->kind]));
	if (own_space != NULL)
		space = own_space;
	dot = strrchr(name, '.');
	if (dot != NULL)
		space = pnstrdup(name, dot - name);
	else if (*space != '\0')
		name = psprintf("%s.%s", space, name);
	if (find_named(parser, name, "") != NULL)
		bad_schema(psprintf("Type \"%s\" is defined twice.", name));
	type->name = name;
	parser->named = lappend(parser->named, type);
	return space;
}

static WireType *
parse_record(WireParser *parser, const JsonbValue *json, const char *space)
{
	int			count;
	JsonbContainer *fields = array_member(json, "fields", &count);
	WireType   *type = new_type(WIRE_RECORD, count);

	space = declare(parser, type, json, space);
	type->members = palloc0(count * sizeof(WireType *));
	type->names = palloc0(count * sizeof(char *));
	for (int i = 0; i < count; i++)
	{
		JsonbValue *field = getIthJsonbValueFromContainer(fields, i);
		JsonbValue *field_type;

		if (field->type != jbvBinary || !JsonContainerIsObject(field->val.binary.data))
			bad_schema("A field is not an object.");
		type->names[i] = string_member(field, "name");
		field_type = member(field, "type");
		if (type->names[i] == NULL || field_type == NULL)
			bad_schema("A field has no name or no type.");
		for (int other = 0; other < i; other++)
			if (strcmp(type->names[i], type->names[other]) == 0)
				bad_schema(psprintf("Field \"%s\" is defined twice.", type->names[i]));
		CHECK_FOR_INTERRUPTS();
		type->members[i] = parse_type(parser, field_type, space);
	}
	return type;
}

static WireType *
parse_enum(WireParser *parser, const JsonbValue *json, const char *space)
{
	int			count;
	JsonbContainer *symbols = array_member(json, "symbols", &count);
	WireType   *type = new_type(WIRE_ENUM, count);

	declare(parser, type, json, space);
	type->names = palloc0(count * sizeof(char *));
	for (int i = 0; i < count; i++)
	{
		JsonbValue *symbol = getIthJsonbValueFromContainer(symbols, i);

		if (symbol->type != jbvString)
			bad_schema("A symbol is not a string.");
		type->names[i] = pnstrdup(symbol->val.string.val, symbol->val.string.len);
	}
	return type;
}

static WireType *
parse_fixed(WireParser *parser, const JsonbValue *json, const char *space)
{
	JsonbValue *size = member(json, "size");
	WireType   *type = new_type(WIRE_FIXED, 0);
	char	   *digits;
	char	   *end;

	declare(parser, type, json, space);
	if (size == NULL || size->type != jbvNumeric)
		bad_schema("A fixed has no size.");
	digits = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(size->val.numeric)));
	errno = 0;
	type->size = strtoll(digits, &end, 10);
	if (errno != 0 || *end != '\0' || type->size < 0)
		bad_schema("The size of a fixed is not a number of bytes.");
	return type;
}

static WireType *
parse_union(WireParser *parser, JsonbContainer *branches, const char *space)
{
	int			count = JsonContainerSize(branches);
	WireType   *type;

	if (count == 0 || count > SCHEMA_MAX_FIELDS)
		bad_schema("A union has no branches, or too many.");
	type = new_type(WIRE_UNION, count);
	type->members = palloc0(count * sizeof(WireType *));
	for (int i = 0; i < count; i++)
		type->members[i] = parse_type(parser, getIthJsonbValueFromContainer(branches, i), space);
	return type;
}

/* Items of an array, values of a map. */
static WireType *
parse_items(WireParser *parser, WireKind kind, const JsonbValue *json, const char *key, const char *space)
{
	JsonbValue *items = member(json, key);
	WireType   *type = new_type(kind, 1);

	if (items == NULL)
		bad_schema(psprintf("Type %s has no member \"%s\".", kind_names[kind], key));
	type->members = palloc0(sizeof(WireType *));
	type->members[0] = parse_type(parser, items, space);
	return type;
}

/* A primitive or a type defined before. */
static WireType *
parse_name(WireParser *parser, const char *name, const char *space)
{
	WireType   *type;

	for (WireKind kind = WIRE_NULL; kind <= WIRE_STRING; kind++)
		if (strcmp(name, kind_names[kind]) == 0)
			return new_type(kind, 0);
	type = find_named(parser, name, space);
	if (type == NULL)
		type = find_named(parser, name, "");
	if (type == NULL)
		bad_schema(psprintf("Type \"%s\" is not defined.", name));
	return type;
}

static WireType *
parse_type(WireParser *parser, const JsonbValue *json, const char *space)
{
	JsonbValue *kind;
	char	   *name;

	check_stack_depth();
	if (json->type == jbvString)
		return parse_name(parser, pnstrdup(json->val.string.val, json->val.string.len), space);
	if (json->type != jbvBinary)
		bad_schema("A type is neither a name, nor an object, nor an array.");
	if (JsonContainerIsArray(json->val.binary.data))
		return parse_union(parser, json->val.binary.data, space);

	kind = member(json, "type");
	if (kind == NULL)
		bad_schema("A type has no member \"type\".");
	if (kind->type != jbvString)
		return parse_type(parser, kind, space);
	name = pnstrdup(kind->val.string.val, kind->val.string.len);
	if (strcmp(name, "record") == 0 || strcmp(name, "error") == 0)
		return parse_record(parser, json, space);
	if (strcmp(name, "enum") == 0)
		return parse_enum(parser, json, space);
	if (strcmp(name, "fixed") == 0)
		return parse_fixed(parser, json, space);
	if (strcmp(name, "array") == 0)
		return parse_items(parser, WIRE_ARRAY, json, "items", space);
	if (strcmp(name, "map") == 0)
		return parse_items(parser, WIRE_MAP, json, "values", space);
	return parse_name(parser, name, space);
}

WireType *
pxd_wire_parse(const char *json, Size len)
{
	WireParser	parser = {NIL};
	JsonbValue	root;
	Jsonb	   *jsonb;
	char	   *text;

	if (len > SCHEMA_MAX_BYTES || memchr(json, '\0', len) != NULL)
		bad_schema("It is not JSON of a sensible size.");
	text = pnstrdup(json, len);
	text = pg_any_to_server(text, len, PG_UTF8);
	jsonb = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	if (JB_ROOT_IS_SCALAR(jsonb))
		root = *getIthJsonbValueFromContainer(&jsonb->root, 0);
	else
	{
		root.type = jbvBinary;
		root.val.binary.data = &jsonb->root;
		root.val.binary.len = VARSIZE(jsonb) - VARHDRSZ;
	}
	return parse_type(&parser, &root, "");
}

/* --- stepping over data --- */

static const char *
skip_bytes(AvroCursor *cursor)
{
	const char *data;
	Size		len;

	return pxd_avro_get_bytes(cursor, &data, &len) ? NULL : "a string or bytes run past the end";
}

/* The blocks of an array or a map. */
static const char *
skip_blocks(const WireType *type, AvroCursor *cursor)
{
	for (;;)
	{
		int64		count;
		int64		size;
		const char *data;
		const char *error;

		if (!pxd_avro_get_long(cursor, &count))
			return "the number of items is missing";
		if (count == 0)
			return NULL;
		if (count < 0)
		{
			/* its size follows, so that readers such as this one need not look inside */
			if (!pxd_avro_get_long(cursor, &size) || !pxd_avro_get_raw(cursor, (Size) size, &data))
				return "a block of items runs past the end";
			continue;
		}
		while (count-- > 0)
		{
			const char *before = cursor->ptr;

			CHECK_FOR_INTERRUPTS();
			if (type->kind == WIRE_MAP && (error = skip_bytes(cursor)) != NULL)
				return error;
			if ((error = pxd_wire_skip(type->members[0], cursor)) != NULL)
				return error;
			/* items without bytes are all the same: any number of them is skipped by skipping one */
			if (cursor->ptr == before)
				break;
		}
	}
}

const char *
pxd_wire_skip(const WireType *type, AvroCursor *cursor)
{
	static const Size sizes[] = {[WIRE_NULL] = 0, [WIRE_BOOLEAN] = 1, [WIRE_FLOAT] = 4, [WIRE_DOUBLE] = 8};
	const char *data;
	const char *error;
	int64		value;

	check_stack_depth();
	switch (type->kind)
	{
		case WIRE_NULL:
		case WIRE_BOOLEAN:
		case WIRE_FLOAT:
		case WIRE_DOUBLE:
			return pxd_avro_get_raw(cursor, sizes[type->kind], &data) ? NULL : "a value runs past the end";
		case WIRE_INT:
		case WIRE_LONG:
		case WIRE_ENUM:
			return pxd_avro_get_long(cursor, &value) ? NULL : "an integer runs past the end";
		case WIRE_BYTES:
		case WIRE_STRING:
			return skip_bytes(cursor);
		case WIRE_FIXED:
			return pxd_avro_get_raw(cursor, (Size) type->size, &data) ? NULL : "a fixed runs past the end";
		case WIRE_RECORD:
			for (int i = 0; i < type->nmembers; i++)
				if ((error = pxd_wire_skip(type->members[i], cursor)) != NULL)
					return error;
			return NULL;
		case WIRE_ARRAY:
		case WIRE_MAP:
			return skip_blocks(type, cursor);
		case WIRE_UNION:
			if (!pxd_avro_get_range(cursor, 0, type->nmembers - 1, &value))
				return "a union has no such branch";
			return pxd_wire_skip(type->members[value], cursor);
	}
	pg_unreachable();
}
