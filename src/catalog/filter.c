/*
 * filter.c: filters, given as jsonb, become conditions of SQL.
 *
 *	{"color": "red"}							equals; null is "is null"
 *	{"price": {"gte": 5, "lt": 10}}				operators, all of which must hold
 *	{"and": [...]}, {"or": [...]}, {"not": {...}}
 *
 * A field is a column of the table, or metadata.key for a key of the metadata that has no column. Names become quoted
 * identifiers or literals; values become parameters of the column's type. Anything unknown is an error.
 *
 * As in other vector databases, and unlike SQL, a row without the field is not equal to any value, not in any list, and
 * matches a "not" of anything else.
 *
 * Reads system caches. No locks, no WAL.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "collection.h"
#include "vector.h"

#define METADATA_PREFIX "metadata."
#define MAX_DEPTH		100

/* What a condition is about. */
typedef struct Field
{
	const char *name;			/* as in the filter */
	const char *column;			/* quoted, with t. */
	const char *key;			/* quoted literal of the key in metadata; NULL for a column */
	const char *raw_key;
	Oid			type;			/* of the column */
	Oid			element;		/* of an array; else InvalidOid */
	bool		is_text;
} Field;

typedef struct Operator
{
	const char *name;
	const char *sql;			/* comparison; NULL: a function of its own */
	void		(*put) (Statement *statement, const Field *field, const JsonbValue *value);
} Operator;

static void put_condition(Statement *statement, const Collection *collection, JsonbContainer *filter);
static void put_equal(Statement *statement, const Field *field, const JsonbValue *value);

/* --- statements --- */

void
pxd_statement_init(Statement *statement, bool literals)
{
	memset(statement, 0, sizeof(*statement));
	initStringInfo(&statement->sql);
	statement->literals = literals;
	statement->capacity = 8;
	statement->types = palloc(sizeof(Oid) * statement->capacity);
	statement->values = palloc(sizeof(Datum) * statement->capacity);
}

void
pxd_statement_put(Statement *statement, Oid type, Datum value)
{
	if (statement->literals)
	{
		Oid			output;
		bool		is_varlena;

		getTypeOutputInfo(type, &output, &is_varlena);
		appendStringInfo(&statement->sql, "%s::%s", quote_literal_cstr(OidOutputFunctionCall(output, value)),
						 format_type_be_qualified(type));
		return;
	}
	if (statement->nparams == statement->capacity)
	{
		statement->capacity *= 2;
		statement->types = repalloc(statement->types, sizeof(Oid) * statement->capacity);
		statement->values = repalloc(statement->values, sizeof(Datum) * statement->capacity);
	}
	statement->types[statement->nparams] = type;
	statement->values[statement->nparams] = value;
	statement->nparams++;
	appendStringInfo(&statement->sql, "$%d", statement->nparams);
}

/* --- values --- */

static void pg_attribute_noreturn()
bad_value(const Field *field, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("filter compares field \"%s\" with something else than %s", field->name, wanted)));
}

static void
name_field(void *arg)
{
	errcontext("filter on field \"%s\"", ((const Field *) arg)->name);
}

/* Text of a scalar, as the input function of a type takes it. */
static char *
scalar_text(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		default:
			elog(ERROR, "unexpected type of JSON value: %d", (int) value->type);
	}
}

/* A scalar as a value of type: numbers for numbers, booleans for booleans, strings for everything else. */
static Datum
scalar_datum(const Field *field, Oid type, const JsonbValue *value)
{
	ErrorContextCallback callback = {error_context_stack, name_field, (void *) field};
	TYPCATEGORY category = TypeCategory(getBaseType(type));
	Oid			input;
	Oid			io_param;
	Datum		result;

	if (category == TYPCATEGORY_NUMERIC && value->type != jbvNumeric)
		bad_value(field, "a number");
	if (category == TYPCATEGORY_BOOLEAN && value->type != jbvBool)
		bad_value(field, "true or false");
	if (category != TYPCATEGORY_NUMERIC && category != TYPCATEGORY_BOOLEAN && value->type != jbvString)
		bad_value(field, "a string");
	getTypeInputInfo(type, &input, &io_param);
	error_context_stack = &callback;
	result = OidInputFunctionCall(input, scalar_text(value), io_param, -1);
	error_context_stack = callback.previous;
	return result;
}

/* The elements of a JSON array. */
static JsonbContainer *
array_elements(const Field *field, const JsonbValue *value, int *count)
{
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		bad_value(field, "a list");
	*count = JsonContainerSize(value->val.binary.data);
	return value->val.binary.data;
}

/* A JSON array of scalars as an array of type. */
static Datum
array_datum(const Field *field, Oid type, const JsonbValue *value)
{
	int			count;
	JsonbContainer *elements = array_elements(field, value, &count);
	Datum	   *values = palloc(sizeof(Datum) * Max(count, 1));
	int16		length;
	bool		by_value;
	char		align;

	for (int i = 0; i < count; i++)
		values[i] = scalar_datum(field, type, getIthJsonbValueFromContainer(elements, i));
	get_typlenbyvalalign(type, &length, &by_value, &align);
	return PointerGetDatum(construct_array(values, count, type, length, by_value, align));
}

static Datum
jsonb_datum(const JsonbValue *value)
{
	return JsonbPGetDatum(JsonbValueToJsonb((JsonbValue *) value));
}

/* {key: value} */
static Datum
keyed_jsonb(const Field *field, const JsonbValue *value)
{
	JsonbParseState *state = NULL;
	JsonbValue	key;

	key.type = jbvString;
	key.val.string.val = (char *) field->raw_key;
	key.val.string.len = strlen(field->raw_key);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(&state, WJB_KEY, &key);
	pushJsonbValue(&state, WJB_VALUE, (JsonbValue *) value);
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

static bool
is_scalar(const JsonbValue *value)
{
	return value->type == jbvString || value->type == jbvNumeric || value->type == jbvBool;
}

/* --- operators --- */

static void
put_is_null(Statement *statement, const Field *field, const JsonbValue *value)
{
	if (value->type != jbvBool)
		bad_value(field, "true or false, which \"is_null\" takes");
	if (field->key != NULL)
		/* neither there nor null */
		appendStringInfo(&statement->sql, "(%s OPERATOR(pg_catalog.->>) %s) IS %sNULL", field->column, field->key,
						 value->val.boolean ? "" : "NOT ");
	else
		appendStringInfo(&statement->sql, "%s IS %sNULL", field->column, value->val.boolean ? "" : "NOT ");
}

/* column operator value, by the type of the column; for a key of metadata, by the type of the value */
static void
put_comparison(Statement *statement, const Field *field, const char *operator, const JsonbValue *value)
{
	StringInfo	sql = &statement->sql;

	if (!is_scalar(value))
		bad_value(field, "a single value");
	if (OidIsValid(field->element) || field->type == JSONBOID)
	{
		if (field->key == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("filter compares the order of field \"%s\", which has type %s", field->name,
							format_type_be(field->type))));
		if (value->type == jbvBool)
			bad_value(field, "a number or a string");
		appendStringInfo(sql, "CASE WHEN pg_catalog.jsonb_typeof(%s OPERATOR(pg_catalog.->) %s) OPERATOR(pg_catalog.=) '%s'"
						 " THEN (%s OPERATOR(pg_catalog.->>) %s)%s OPERATOR(pg_catalog.%s) ",
						 field->column, field->key, value->type == jbvNumeric ? "number" : "string",
						 field->column, field->key, value->type == jbvNumeric ? "::pg_catalog.numeric" : "", operator);
		if (value->type == jbvNumeric)
			pxd_statement_put(statement, NUMERICOID, NumericGetDatum(value->val.numeric));
		else
			pxd_statement_put(statement, TEXTOID, CStringGetTextDatum(scalar_text(value)));
		appendStringInfoString(sql, " END");
		return;
	}
	appendStringInfo(sql, "%s OPERATOR(pg_catalog.%s) ", field->column, operator);
	pxd_statement_put(statement, field->type, scalar_datum(field, field->type, value));
}

static void
put_equal(Statement *statement, const Field *field, const JsonbValue *value)
{
	StringInfo	sql = &statement->sql;
	JsonbValue	yes = {.type = jbvBool, .val.boolean = true};

	if (value->type == jbvNull)
		put_is_null(statement, field, &yes);
	else if (field->key != NULL)
	{
		/* containment, so that an index on the metadata can serve */
		if (!is_scalar(value))
			bad_value(field, "a single value");
		appendStringInfo(sql, "%s OPERATOR(pg_catalog.@>) ", field->column);
		pxd_statement_put(statement, JSONBOID, keyed_jsonb(field, value));
	}
	else if (field->type == JSONBOID)
	{
		appendStringInfo(sql, "%s OPERATOR(pg_catalog.=) ", field->column);
		pxd_statement_put(statement, JSONBOID, jsonb_datum(value));
	}
	else if (OidIsValid(field->element))
	{
		appendStringInfo(sql, "%s OPERATOR(pg_catalog.=) ", field->column);
		pxd_statement_put(statement, field->type, array_datum(field, field->element, value));
	}
	else
		put_comparison(statement, field, "=", value);
}

/* What is not certainly true. */
static void
put_not_equal(Statement *statement, const Field *field, const JsonbValue *value)
{
	appendStringInfoChar(&statement->sql, '(');
	put_equal(statement, field, value);
	appendStringInfoString(&statement->sql, ") IS NOT TRUE");
}

static void
put_in(Statement *statement, const Field *field, const JsonbValue *value)
{
	StringInfo	sql = &statement->sql;
	int			count;
	JsonbContainer *elements = array_elements(field, value, &count);

	for (int i = 0; i < count; i++)
		if (!is_scalar(getIthJsonbValueFromContainer(elements, i)))
			bad_value(field, "a list of single values");
	if (field->key != NULL)
	{
		Datum	   *values = palloc(sizeof(Datum) * Max(count, 1));

		for (int i = 0; i < count; i++)
			values[i] = keyed_jsonb(field, getIthJsonbValueFromContainer(elements, i));
		appendStringInfo(sql, "%s OPERATOR(pg_catalog.@>) ANY (", field->column);
		pxd_statement_put(statement, JSONBARRAYOID,
						  PointerGetDatum(construct_array(values, count, JSONBOID, -1, false, TYPALIGN_INT)));
	}
	else if (OidIsValid(field->element) || field->type == JSONBOID || !OidIsValid(get_array_type(field->type)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("filter operator \"in\" cannot be used on field \"%s\", which has type %s", field->name,
						format_type_be(field->type))));
	else
	{
		appendStringInfo(sql, "%s OPERATOR(pg_catalog.=) ANY (", field->column);
		pxd_statement_put(statement, get_array_type(field->type), array_datum(field, field->type, value));
	}
	appendStringInfoChar(sql, ')');
}

static void
put_not_in(Statement *statement, const Field *field, const JsonbValue *value)
{
	appendStringInfoChar(&statement->sql, '(');
	put_in(statement, field, value);
	appendStringInfoString(&statement->sql, ") IS NOT TRUE");
}

/* The text of a field; error if it has none. */
static char *
text_of(const Field *field, const char *operator, const JsonbValue *value)
{
	if (!field->is_text && field->key == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("filter operator \"%s\" cannot be used on field \"%s\", which has type %s", operator, field->name,
						format_type_be(field->type))));
	if (value->type != jbvString)
		bad_value(field, "a string");
	if (field->key == NULL)
		return psprintf("%s::pg_catalog.text", field->column);
	return psprintf("CASE WHEN pg_catalog.jsonb_typeof(%s OPERATOR(pg_catalog.->) %s) OPERATOR(pg_catalog.=) 'string'"
					" THEN %s OPERATOR(pg_catalog.->>) %s END", field->column, field->key, field->column, field->key);
}

/* A string in a text, an element or all of several in an array, JSON in JSON. */
static void
put_contains(Statement *statement, const Field *field, const JsonbValue *value)
{
	StringInfo	sql = &statement->sql;
	bool		is_list = value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data);

	if (OidIsValid(field->element))
	{
		appendStringInfo(sql, "%s OPERATOR(pg_catalog.@>) ", field->column);
		if (is_list)
			pxd_statement_put(statement, field->type, array_datum(field, field->element, value));
		else
		{
			Datum		element;
			int16		length;
			bool		by_value;
			char		align;

			if (!is_scalar(value))
				bad_value(field, "a single value or a list");
			element = scalar_datum(field, field->element, value);
			get_typlenbyvalalign(field->element, &length, &by_value, &align);
			pxd_statement_put(statement, field->type,
							  PointerGetDatum(construct_array(&element, 1, field->element, length, by_value, align)));
		}
	}
	else if (field->type == JSONBOID && (field->key == NULL || value->type != jbvString))
	{
		if (field->key == NULL)
			appendStringInfo(sql, "%s OPERATOR(pg_catalog.@>) ", field->column);
		else
			appendStringInfo(sql, "(%s OPERATOR(pg_catalog.->) %s) OPERATOR(pg_catalog.@>) ", field->column, field->key);
		pxd_statement_put(statement, JSONBOID, jsonb_datum(value));
	}
	else
	{
		char	   *text = text_of(field, "contains", value);

		appendStringInfo(sql, "(pg_catalog.strpos(%s, ", text);
		pxd_statement_put(statement, TEXTOID, CStringGetTextDatum(scalar_text(value)));
		appendStringInfoString(sql, ") OPERATOR(pg_catalog.>) 0");
		if (field->key != NULL)
		{
			/* or an element of a list */
			appendStringInfo(sql, " OR (%s OPERATOR(pg_catalog.->) %s) OPERATOR(pg_catalog.@>) ", field->column, field->key);
			pxd_statement_put(statement, JSONBOID, jsonb_datum(value));
		}
		appendStringInfoChar(sql, ')');
	}
}

static void
put_starts_with(Statement *statement, const Field *field, const JsonbValue *value)
{
	appendStringInfo(&statement->sql, "pg_catalog.starts_with(%s, ", text_of(field, "starts_with", value));
	pxd_statement_put(statement, TEXTOID, CStringGetTextDatum(scalar_text(value)));
	appendStringInfoChar(&statement->sql, ')');
}

static void
put_ends_with(Statement *statement, const Field *field, const JsonbValue *value)
{
	Datum		end;
	int			length;

	appendStringInfo(&statement->sql, "pg_catalog.right(%s, ", text_of(field, "ends_with", value));
	end = CStringGetTextDatum(scalar_text(value));
	length = DatumGetInt32(DirectFunctionCall1(textlen, end));
	pxd_statement_put(statement, INT4OID, Int32GetDatum(length));
	appendStringInfoString(&statement->sql, ") OPERATOR(pg_catalog.=) ");
	pxd_statement_put(statement, TEXTOID, end);
}

/* [from, to], both included */
static void
put_range(Statement *statement, const Field *field, const JsonbValue *value)
{
	int			count;
	JsonbContainer *ends = array_elements(field, value, &count);

	if (count != 2)
		bad_value(field, "a list of two values, which \"range\" takes");
	put_comparison(statement, field, ">=", getIthJsonbValueFromContainer(ends, 0));
	appendStringInfoString(&statement->sql, " AND ");
	put_comparison(statement, field, "<=", getIthJsonbValueFromContainer(ends, 1));
}

static const Operator operators[] = {
	{"eq", NULL, put_equal},
	{"ne", NULL, put_not_equal},
	{"lt", "<", NULL},
	{"lte", "<=", NULL},
	{"gt", ">", NULL},
	{"gte", ">=", NULL},
	{"in", NULL, put_in},
	{"not_in", NULL, put_not_in},
	{"contains", NULL, put_contains},
	{"starts_with", NULL, put_starts_with},
	{"ends_with", NULL, put_ends_with},
	{"is_null", NULL, put_is_null},
	{"range", NULL, put_range}
};

/* --- fields --- */

static void
find_field(const Collection *collection, const char *name, Field *field)
{
	HeapTuple	tuple;
	Form_pg_attribute att;

	memset(field, 0, sizeof(*field));
	field->name = name;
	if (strncmp(name, METADATA_PREFIX, strlen(METADATA_PREFIX)) == 0 && collection->metadata_column != NULL)
	{
		field->raw_key = name + strlen(METADATA_PREFIX);
		field->key = quote_literal_cstr(field->raw_key);
		field->column = psprintf("t.%s", quote_identifier(collection->metadata_column));
		field->type = JSONBOID;
		return;
	}
	tuple = SearchSysCacheAttName(collection->relid, name);
	if (!HeapTupleIsValid(tuple) || ((Form_pg_attribute) GETSTRUCT(tuple))->attnum < 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("collection \"%s\" has no field \"%s\" to filter by", collection->name, name),
				 collection->metadata_column != NULL ?
				 errhint("A key of the metadata that has no column is called \"metadata.%s\".", name) : 0));
	att = (Form_pg_attribute) GETSTRUCT(tuple);
	field->column = psprintf("t.%s", quote_identifier(name));
	field->type = att->atttypid;
	field->element = get_element_type(getBaseType(att->atttypid));
	field->is_text = TypeCategory(getBaseType(att->atttypid)) == TYPCATEGORY_STRING;
	ReleaseSysCache(tuple);
	if (field->type == pxd_vector_type_oid())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("filter cannot compare field \"%s\", a vector", name)));
}

static void
put_operator(Statement *statement, const Field *field, const char *name, const JsonbValue *value)
{
	for (int i = 0; i < lengthof(operators); i++)
	{
		if (strcmp(name, operators[i].name) != 0)
			continue;
		if (operators[i].put != NULL)
			operators[i].put(statement, field, value);
		else
			put_comparison(statement, field, operators[i].sql, value);
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("filter operator \"%s\" on field \"%s\" is unknown", name, field->name),
			 errhint("Operators are eq, ne, lt, lte, gt, gte, in, not_in, contains, starts_with, ends_with, is_null and range.")));
}

/* All conditions on one field. */
static void
put_field(Statement *statement, const Collection *collection, const char *name, const JsonbValue *value)
{
	Field		field;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	item;
	const char *operator = NULL;
	bool		first = true;

	find_field(collection, name, &field);
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
	{
		put_equal(statement, &field, value);
		return;
	}
	if (JsonContainerSize(value->val.binary.data) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("filter has no operator for field \"%s\"", name)));
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			operator = pnstrdup(item.val.string.val, item.val.string.len);
		if (token != WJB_VALUE)
			continue;
		appendStringInfoString(&statement->sql, first ? "" : " AND ");
		first = false;
		put_operator(statement, &field, operator, &item);
	}
}

/* A list of filters, joined. */
static void
put_list(Statement *statement, const Collection *collection, const char *joint, const JsonbValue *value)
{
	int			count;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data) ||
		JsonContainerSize(value->val.binary.data) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("filter \"%s\" takes a list of filters", joint)));
	count = JsonContainerSize(value->val.binary.data);
	for (int i = 0; i < count; i++)
	{
		JsonbValue *item = getIthJsonbValueFromContainer(value->val.binary.data, i);

		if (i > 0)
			appendStringInfo(&statement->sql, " %s ", strcmp(joint, "and") == 0 ? "AND" : "OR");
		if (item->type != jbvBinary)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("filter \"%s\" takes a list of filters", joint)));
		put_condition(statement, collection, item->val.binary.data);
	}
}

static void
put_member(Statement *statement, const Collection *collection, const char *key, const JsonbValue *value)
{
	if (strcmp(key, "and") == 0 || strcmp(key, "or") == 0)
		put_list(statement, collection, key, value);
	else if (strcmp(key, "not") == 0)
	{
		if (value->type != jbvBinary)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("filter \"not\" takes a filter")));
		put_condition(statement, collection, value->val.binary.data);
		appendStringInfoString(&statement->sql, " IS NOT TRUE");
	}
	else
		put_field(statement, collection, key, value);
}

/* An object, in parentheses: all members must hold. */
static void
put_condition(Statement *statement, const Collection *collection, JsonbContainer *filter)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	item;
	const char *key = NULL;
	bool		first = true;

	/* the parser of SQL gives up first, with a message of its own */
	if (++statement->depth > MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
				 errmsg("filter is nested more than %d levels deep", MAX_DEPTH)));
	if (!JsonContainerIsObject(filter) || JsonContainerSize(filter) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("filter is not a JSON object with at least one condition")));
	appendStringInfoChar(&statement->sql, '(');
	iterator = JsonbIteratorInit(filter);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = pnstrdup(item.val.string.val, item.val.string.len);
		if (token != WJB_VALUE)
			continue;
		appendStringInfoString(&statement->sql, first ? "(" : " AND (");
		first = false;
		put_member(statement, collection, key, &item);
		appendStringInfoChar(&statement->sql, ')');
	}
	appendStringInfoChar(&statement->sql, ')');
	statement->depth--;
}

void
pxd_filter_put(Statement *statement, const Collection *collection, Jsonb *filter)
{
	put_condition(statement, collection, &filter->root);
}
