/*
 * row_schema.c: the Avro schema of a table's rows.
 *
 * Every segment carries the schema it was written with. Readers resolve columns by attribute number, which
 * ALTER TABLE never changes or reuses, so a rename, a dropped or an added column needs no rewrite; names are
 * there for people and Avro tools. avro-c's schema objects keep no properties of ours, therefore the JSON is
 * made here and avro-c checks it.
 *
 * Reads the system catalogs (type names). No locks, no WAL.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "codec.h"

/* Appends str as a JSON string in UTF-8. */
static void
put_json_string(StringInfo json, const char *str)
{
	if (GetDatabaseEncoding() != PG_SQL_ASCII)
	{
		escape_json(json, pg_server_to_any(str, strlen(str), PG_UTF8));
		return;
	}

	/* Bytes of unknown encoding: high ones as the code point of the same number. */
	appendStringInfoChar(json, '"');
	for (const char *s = str; *s != '\0'; s++)
	{
		uint8		c = (uint8) *s;

		if (c < 0x20 || c > 0x7E || c == '"' || c == '\\')
			appendStringInfo(json, "\\u%04x", c);
		else
			appendStringInfoChar(json, (char) c);
	}
	appendStringInfoChar(json, '"');
}

static bool
is_avro_name(const char *name)
{
	if (*name >= '0' && *name <= '9')
		return false;
	for (const char *s = name; *s != '\0'; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || *s == '_'))
			return false;
	return *name != '\0';
}

/*
 * The Avro name of a column: its own name where Avro allows that, else one made of its number, lengthened
 * until no column has it.
 */
static char *
field_name(int nfields, const FormData_pg_attribute *const *attributes, int field)
{
	const char *column = NameStr(attributes[field]->attname);
	char	   *name;
	bool		taken;

	if (is_avro_name(column))
		return pstrdup(column);
	name = psprintf("column_%d", attributes[field]->attnum);
	do
	{
		taken = false;
		for (int i = 0; i < nfields && !taken; i++)
			taken = strcmp(NameStr(attributes[i]->attname), name) == 0;
		if (taken)
			name = psprintf("%s_", name);
	} while (taken);
	return name;
}

void
pxd_avro_put_item_type(StringInfo json, const ItemFormat *format, const char *name)
{
	static const char *const primitives[ITEM_ENCODINGS] = {
		[ITEM_BOOLEAN] = "boolean",
		[ITEM_INT] = "int",
		[ITEM_LONG] = "long",
		[ITEM_FLOAT] = "float",
		[ITEM_DOUBLE] = "double",
		[ITEM_STRING] = "string",
		[ITEM_BYTES] = "bytes"
	};

	if (format->nullable)
		appendStringInfoString(json, "[\"null\",");
	if (primitives[format->encoding] != NULL)
		appendStringInfo(json, "\"%s\"", primitives[format->encoding]);
	else
		appendStringInfo(json, "{\"type\":\"fixed\",\"name\":\"%s\",\"size\":%u}", name, format->item_size);
	if (format->nullable)
		appendStringInfoChar(json, ']');
}

char *
pxd_avro_row_schema(int nfields, const FormData_pg_attribute *const *attributes,
					const ItemFormat *formats, Size *len)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"type\":\"record\",\"name\":\"Row\",");
	appendStringInfoString(&json, "\"namespace\":\"proximadb.storage\",\"fields\":[");
	for (int i = 0; i < nfields; i++)
	{
		const FormData_pg_attribute *att = attributes[i];
		char		type_name[32];

		snprintf(type_name, sizeof(type_name), "Column%d", att->attnum);
		appendStringInfo(&json, "%s{\"name\":\"%s\",\"type\":", i > 0 ? "," : "",
						 field_name(nfields, attributes, i));
		pxd_avro_put_item_type(&json, &formats[i], type_name);
		appendStringInfoString(&json, ",\"column\":");
		put_json_string(&json, NameStr(att->attname));
		appendStringInfo(&json, ",\"attnum\":%d,\"pg_type\":", att->attnum);
		put_json_string(&json, format_type_extended(att->atttypid, att->atttypmod,
													FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_ALLOW_INVALID));
		appendStringInfo(&json, ",\"pg_oid\":%u,\"pg_typmod\":%d}", att->atttypid, att->atttypmod);
	}
	appendStringInfoString(&json, "]}");
	*len = json.len;
	return json.data;
}
