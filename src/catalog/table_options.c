/*
 * table_options.c: set_options, reset_options, options, and the triggers of proximadb.table_options.
 *
 * Whoever writes a row of the catalog, its triggers check it and tell all backends that the table's cached options are out of date. set_options and
 * reset_options check that the caller owns the table, and write as the catalog's owner. Columns of a sort key are kept by name, which
 * pg_dump can carry, and by number, by which sync_options follows when columns or tables change; the trigger finds the numbers anew for each
 * row written.
 *
 * Lock: AccessShare on the table, so that it is not dropped or altered meanwhile, while its maintenance goes on.
 */
#include "postgres.h"

#include <math.h>

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "catalog.h"
#include "engine.h"
#include "options.h"
#include "tableam.h"

PG_FUNCTION_INFO_V1(pxd_sql_set_options);
PG_FUNCTION_INFO_V1(pxd_sql_reset_options);
PG_FUNCTION_INFO_V1(pxd_sql_options);
PG_FUNCTION_INFO_V1(pxd_sql_check_options);
PG_FUNCTION_INFO_V1(pxd_sql_options_changed);
PG_FUNCTION_INFO_V1(pxd_sql_sync_options);

/* Where sort_by stands among the options; the others follow as in pxd_option_info. */
#define SORT_BY			0
#define ALL_OPTIONS		(OPTION_COUNT + 1)

static const char *
option_name(int index)
{
	return index == SORT_BY ? OPTION_SORT_BY : pxd_option_info[index - 1].name;
}

static const char *
option_column(int index)
{
	return index == SORT_BY ? OPTION_SORT_BY : pxd_option_info[index - 1].column;
}

static bool
option_sorted_only(int index)
{
	return index == SORT_BY || pxd_option_info[index - 1].sorted_only;
}

static int
find_option(const char *name)
{
	StringInfoData names;

	for (int i = 0; i < ALL_OPTIONS; i++)
		if (strcmp(name, option_name(i)) == 0)
			return i;
	initStringInfo(&names);
	for (int i = 0; i < ALL_OPTIONS; i++)
		appendStringInfo(&names, "%s%s", i == 0 ? "" : i < ALL_OPTIONS - 1 ? ", " : " and ", option_name(i));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_PARAMETER),
			 errmsg("option \"%s\" is unknown", name),
			 errhint("Options are %s.", names.data)));
}

/* --- values --- */

/* A number as its option is written: sizes in the largest unit that fits. */
static char *
format_value(OptionId id, double value)
{
	switch (pxd_option_info[id].kind)
	{
		case OPTION_REAL:
			return psprintf("%g", value);
		case OPTION_SIZE:
			if (value >= 1024 * 1024 && fmod(value, 1024 * 1024) == 0)
				return psprintf("%.0fGB", value / (1024 * 1024));
			if (value >= 1024 && fmod(value, 1024) == 0)
				return psprintf("%.0fMB", value / 1024);
			return psprintf("%.0fkB", value);
		case OPTION_INTEGER:
			break;
	}
	return psprintf("%.0f", value);
}

static void
check_range(OptionId id, double value)
{
	const OptionInfo *info = &pxd_option_info[id];

	if (pxd_option_valid(id, value))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s is not a valid value of option \"%s\"", format_value(id, value), info->name),
			 info->min_positive > 0 ?
			 errhint("Valid are 0, and values from %s to %s.", format_value(id, info->min_positive), format_value(id, info->max)) :
			 errhint("Valid are values from %s to %s.", format_value(id, info->min), format_value(id, info->max))));
}

static double
parse_value(OptionId id, const char *text)
{
	const OptionInfo *info = &pxd_option_info[id];
	const char *hint = NULL;
	double		real = 0;
	int			integer = 0;
	bool		ok;

	if (info->kind == OPTION_REAL)
		ok = parse_real(text, &real, 0, &hint);
	else
	{
		ok = parse_int(text, &integer, info->kind == OPTION_SIZE ? GUC_UNIT_KB : 0, &hint);
		real = integer;
	}
	if (!ok)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a valid value of option \"%s\"", text, info->name),
				 hint != NULL ? errhint("%s", _(hint)) :
				 info->kind == OPTION_SIZE ? errhint("It is a size such as '64kB'.") : errhint("It is a number.")));
	check_range(id, real);
	return real;
}

/* Attribute number of a column, for a sort key. */
static AttrNumber
find_column(Oid relid, const char *name)
{
	AttrNumber	attnum = get_attnum(relid, name);

	if (attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", name, get_rel_name(relid))));
	return attnum;
}

/* Columns of a sort key, from text as in an ORDER BY of column names, as name[]. */
static Datum
parse_sort_by(Relation table, const char *text)
{
	List	   *names;
	ListCell   *lc;
	Datum		items[INDEX_MAX_KEYS];
	int			n = 0;

	if (!SplitIdentifierString(pstrdup(text), ',', &names) || names == NIL || list_length(names) > INDEX_MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not a valid value of option \"%s\"", text, OPTION_SORT_BY),
				 errhint("It is a list of 1 to %d column names, separated by commas.", INDEX_MAX_KEYS)));
	foreach(lc, names)
	{
		char	   *name = lfirst(lc);
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(table), find_column(RelationGetRelid(table), name) - 1);
		SortColumn	column;

		if (!pxd_sort_column(att, &column))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot sort by column \"%s\" of type %s", name, format_type_be(att->atttypid)),
					 errhint("Columns to sort by are of scalar types whose btree operator class is written in C.")));
		items[n++] = CStringGetDatum(name);
	}
	for (int i = 0; i < n; i++)
	{
		NameData   *name = palloc0(sizeof(NameData));

		namestrcpy(name, DatumGetCString(items[i]));
		items[i] = NameGetDatum(name);
	}
	return PointerGetDatum(construct_array(items, n, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR));
}

/* --- set_options, reset_options --- */

/* Values to be written; NULL resets an option. */
typedef struct NewOptions
{
	bool		given[ALL_OPTIONS];
	bool		isnull[ALL_OPTIONS];
	Datum		values[ALL_OPTIONS];
} NewOptions;

/* Opens a table whose options are to be changed, AccessShare. */
static Relation
open_own_table(Oid relid)
{
	Relation	table;
	char		relkind = get_rel_relkind(relid);

	if (relkind != '\0' && !pg_class_ownercheck(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(relkind), get_rel_name(relid));
	if (relkind == RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot set options of partitioned table \"%s\"", get_rel_name(relid)),
				 errhint("Set options of its partitions instead.")));
	table = relation_open(relid, AccessShareLock);
	if (pxd_table_engine(table) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("relation \"%s\" is not a proximadb table", RelationGetRelationName(table)),
				 errhint("Only tables of the access methods of proximadb are.")));
	if (table->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot set options of temporary table \"%s\"", RelationGetRelationName(table)),
				 errhint("Set their defaults, such as proximadb.%s, in the session instead.",
						 option_name(SORT_BY + 1 + OPTION_SEGMENT_SIZE))));
	return table;
}

static void
give_option(NewOptions *options, Relation table, int index, const char *text)
{
	if (options->given[index])
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" is given twice", option_name(index))));
	options->given[index] = true;
	options->isnull[index] = text == NULL;
	if (text == NULL)
		return;
	if (option_sorted_only(index) && !pxd_table_engine(table)->sorted)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" does not apply to tables of access method \"%s\"", option_name(index),
						pxd_table_engine(table)->name),
				 errhint("It is for tables of access method \"lsm\".")));
	if (index == SORT_BY)
		options->values[index] = parse_sort_by(table, text);
	else
	{
		double		value = parse_value(index - 1, text);

		options->values[index] = pxd_option_info[index - 1].kind == OPTION_REAL ?
			Float8GetDatum(value) : Int32GetDatum((int32) value);
	}
}

/* Takes options from an object of JSON; null resets. */
static void
give_json(NewOptions *options, Relation table, Jsonb *json)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a JSON object"),
				 errhint("Write them as in '{\"segment_size\": \"32MB\"}'.")));
	it = JsonbIteratorInit(&json->root);
	(void) JsonbIteratorNext(&it, &value, true);
	while ((token = JsonbIteratorNext(&it, &value, true)) == WJB_KEY)
	{
		int			index = find_option(pnstrdup(value.val.string.val, value.val.string.len));
		char	   *text = NULL;

		(void) JsonbIteratorNext(&it, &value, true);
		if (value.type == jbvString)
			text = pnstrdup(value.val.string.val, value.val.string.len);
		else if (value.type == jbvNumeric)
			text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
		else if (value.type != jbvNull)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("value of option \"%s\" is neither a string nor a number", option_name(index))));
		give_option(options, table, index, text);
	}
}

/* Writes the given options into the table's row. */
static void
write_options(Oid relid, const NewOptions *options)
{
	StringInfoData columns,
				params,
				updates;
	Oid			types[ALL_OPTIONS + 1] = {OIDOID};
	Datum		values[ALL_OPTIONS + 1] = {ObjectIdGetDatum(relid)};
	char		nulls[ALL_OPTIONS + 1] = {' '};
	int			n = 1;

	initStringInfo(&columns);
	initStringInfo(&params);
	initStringInfo(&updates);
	for (int i = 0; i < ALL_OPTIONS; i++)
	{
		if (!options->given[i])
			continue;
		types[n] = i == SORT_BY ? NAMEARRAYOID : pxd_option_info[i - 1].kind == OPTION_REAL ? FLOAT8OID : INT4OID;
		values[n] = options->values[i];
		nulls[n++] = options->isnull[i] ? 'n' : ' ';
		appendStringInfo(&columns, ", %s", option_column(i));
		appendStringInfo(&params, ", $%d", n);
		appendStringInfo(&updates, "%s%s = excluded.%s", updates.len > 0 ? ", " : "", option_column(i), option_column(i));
	}
	if (n == 1)
		return;
	pxd_catalog_write(psprintf("INSERT INTO proximadb.table_options (tbl%s) VALUES ($1%s)"
							   " ON CONFLICT (tbl) DO UPDATE SET %s", columns.data, params.data, updates.data),
					  n, types, values, nulls);
}

/*
 * proximadb.set_options(tbl regclass, options jsonb, sort_by text, ...): an argument for each option in the order of pxd_option_info, NULL for no
 * change
 */
Datum
pxd_sql_set_options(PG_FUNCTION_ARGS)
{
	NewOptions	options = {{false}};
	Relation	table;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("table must not be null")));
	if (PG_NARGS() != 2 + ALL_OPTIONS)
		elog(ERROR, "set_options has %d arguments", PG_NARGS());
	table = open_own_table(PG_GETARG_OID(0));
	if (!PG_ARGISNULL(1))
		give_json(&options, table, PG_GETARG_JSONB_P(1));
	for (int i = 0; i < ALL_OPTIONS; i++)
	{
		Oid			output;
		bool		varlena;

		if (PG_ARGISNULL(2 + i))
			continue;
		getTypeOutputInfo(get_fn_expr_argtype(fcinfo->flinfo, 2 + i), &output, &varlena);
		give_option(&options, table, i, OidOutputFunctionCall(output, PG_GETARG_DATUM(2 + i)));
	}
	write_options(RelationGetRelid(table), &options);
	relation_close(table, NoLock);
	PG_RETURN_VOID();
}

/* proximadb.reset_options(tbl regclass, VARIADIC names text[]): those named, or all */
Datum
pxd_sql_reset_options(PG_FUNCTION_ARGS)
{
	NewOptions	options = {{false}};
	Relation	table = open_own_table(PG_GETARG_OID(0));
	Oid			type = OIDOID;
	Datum		relid = ObjectIdGetDatum(PG_GETARG_OID(0));
	Datum	   *names;
	bool	   *nulls;
	int			n;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		int			index;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("name of an option must not be null")));
		index = find_option(TextDatumGetCString(names[i]));
		options.given[index] = options.isnull[index] = true;
	}
	if (n > 0)
		write_options(RelationGetRelid(table), &options);
	else
		pxd_catalog_write("DELETE FROM proximadb.table_options WHERE tbl OPERATOR(pg_catalog.=) $1", 1, &type, &relid, NULL);
	relation_close(table, NoLock);
	PG_RETURN_VOID();
}

/* --- options --- */

/*
 * The sort key as column names: the one in force, or for an engine that does not sort the one that is set. NULL if there is none. *isset tells whether it is
 * what the table's options say.
 */
static char *
sort_key_text(Relation table, const TableOptions *options, bool *isset)
{
	SegmentSettings settings;
	SortKey    *key = &settings.key;
	StringInfoData text;

	pxd_table_settings(table, pxd_table_engine(table), &settings);
	*isset = options->nsort > 0 && options->nsort == key->ncolumns;
	for (int i = 0; i < key->ncolumns && *isset; i++)
		*isset = options->sort[i] == key->columns[i].attnum;
	if (!pxd_table_engine(table)->sorted)
	{
		*isset = options->nsort > 0;
		key->ncolumns = options->nsort;
		for (int i = 0; i < options->nsort; i++)
			key->columns[i].attnum = options->sort[i];
	}
	if (key->ncolumns == 0)
		return NULL;
	initStringInfo(&text);
	for (int i = 0; i < key->ncolumns; i++)
		appendStringInfo(&text, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(get_attname(RelationGetRelid(table), key->columns[i].attnum, false)));
	return text.data;
}

/* proximadb.options(tbl regclass): a row for each option that the table's engine knows or that is set */
Datum
pxd_sql_options(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Relation	table = relation_open(PG_GETARG_OID(0), AccessShareLock);
	TableOptions options;

	if (pxd_table_engine(table) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("relation \"%s\" is not a proximadb table", RelationGetRelationName(table)),
				 errhint("Only tables of the access methods of proximadb are.")));
	InitMaterializedSRF(fcinfo, 0);
	pxd_table_options(table, &options);
	for (int i = 0; i < ALL_OPTIONS; i++)
	{
		bool		isset;
		char	   *value;
		Datum		values[3];
		bool		nulls[3] = {false};

		if (i == SORT_BY)
			value = sort_key_text(table, &options, &isset);
		else
		{
			isset = options.isset[i - 1];
			value = format_value(i - 1, pxd_option_value(&options, i - 1));
		}
		if (option_sorted_only(i) && !pxd_table_engine(table)->sorted && !isset)
			continue;
		values[0] = CStringGetTextDatum(option_name(i));
		nulls[1] = value == NULL;
		values[1] = value == NULL ? (Datum) 0 : CStringGetTextDatum(value);
		values[2] = CStringGetTextDatum(isset ? "table" : "default");
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	relation_close(table, AccessShareLock);
	return (Datum) 0;
}

/* --- triggers of the catalog --- */

static TriggerData *
trigger_data(FunctionCallInfo fcinfo)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function was not called by a trigger")));
	return (TriggerData *) fcinfo->context;
}

/* Finds the attribute numbers of a sort key's columns, as int2[]. */
static Datum
find_sort_attnums(Oid relid, Datum names)
{
	Datum	   *items;
	bool	   *nulls;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(names), NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &items, &nulls, &n);
	if (n == 0 || n > INDEX_MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d columns are not a valid value of option \"%s\"", n, OPTION_SORT_BY),
				 errhint("It is a list of 1 to %d column names, separated by commas.", INDEX_MAX_KEYS)));
	for (int i = 0; i < n; i++)
	{
		AttrNumber	attnum = find_column(relid, nulls[i] ? "" : NameStr(*DatumGetName(items[i])));

		for (int j = 0; j < i; j++)
			if (DatumGetInt16(items[j]) == attnum)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("column \"%s\" occurs twice in option \"%s\"", get_attname(relid, attnum, false), OPTION_SORT_BY)));
		items[i] = Int16GetDatum(attnum);
	}
	return PointerGetDatum(construct_array(items, n, INT2OID, sizeof(int16), true, TYPALIGN_SHORT));
}

/* BEFORE INSERT OR UPDATE, for each row: checks it and finds the attribute numbers. */
Datum
pxd_sql_check_options(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_data(fcinfo);
	HeapTuple	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	TupleDesc	tupdesc = RelationGetDescr(trigger->tg_relation);
	int			column = TABLE_OPTIONS_SORT_ATTNUMS;
	Oid			relid;
	char		relkind;
	Datum		value;
	bool		isnull;

	if (tupdesc->natts < TABLE_OPTIONS_NATTS)
		elog(ERROR, "proximadb.table_options has %d columns", tupdesc->natts);
	relid = DatumGetObjectId(heap_getattr(row, TABLE_OPTIONS_TBL, tupdesc, &isnull));
	relkind = isnull ? '\0' : get_rel_relkind(relid);
	if (relkind != RELKIND_RELATION && relkind != RELKIND_MATVIEW)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("options are kept of tables and materialized views only")));
	for (int id = 0; id < OPTION_COUNT; id++)
	{
		value = heap_getattr(row, TABLE_OPTIONS_FIRST + id, tupdesc, &isnull);
		if (!isnull)
			check_range(id, pxd_option_info[id].kind == OPTION_REAL ? DatumGetFloat8(value) : DatumGetInt32(value));
	}

	value = heap_getattr(row, TABLE_OPTIONS_SORT_BY, tupdesc, &isnull);
	if (!isnull)
		value = find_sort_attnums(relid, value);
	row = heap_modify_tuple_by_cols(row, tupdesc, 1, &column, &value, &isnull);
	return PointerGetDatum(row);
}

static void
invalidate(HeapTuple row, TupleDesc tupdesc)
{
	bool		isnull;
	Oid			relid = DatumGetObjectId(heap_getattr(row, TABLE_OPTIONS_TBL, tupdesc, &isnull));

	if (!isnull && SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		CacheInvalidateRelcacheByRelid(relid);
}

/* AFTER INSERT OR UPDATE OR DELETE, for each row, and AFTER TRUNCATE: what backends keep of the tables' options is out of date. From the first row on options follow their tables. */
Datum
pxd_sql_options_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_data(fcinfo);
	TupleDesc	tupdesc = RelationGetDescr(trigger->tg_relation);

	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		CacheInvalidateRelcacheAll();
	else
	{
		invalidate(trigger->tg_trigtuple, tupdesc);
		if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
			invalidate(trigger->tg_newtuple, tupdesc);
		if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
			pxd_catalog_follow_tables("proximadb_options_rename", "follow_tables_of_options");
	}
	return PointerGetDatum(NULL);
}

/*
 * proximadb.sync_options(): removes the rows of tables that are gone, renames and removes columns of sort keys as those of their tables. It says nothing
 * that the system catalogs do not, so anybody may call it.
 */
Datum
pxd_sql_sync_options(PG_FUNCTION_ARGS)
{
	pxd_catalog_write("DELETE FROM proximadb.table_options o WHERE NOT EXISTS"
					  " (SELECT FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) o.tbl)", 0, NULL, NULL, NULL);
	pxd_catalog_write("UPDATE proximadb.table_options o SET sort_by = CASE WHEN n.complete THEN n.names END"
					  " FROM (SELECT k.tbl, pg_catalog.bool_and(a.attname IS NOT NULL) AS complete,"
					  " pg_catalog.array_agg(a.attname ORDER BY c.n) AS names"
					  " FROM proximadb.table_options k"
					  " CROSS JOIN LATERAL pg_catalog.unnest(k.sort_attnums) WITH ORDINALITY AS c(attnum, n)"
					  " LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) k.tbl"
					  " AND a.attnum OPERATOR(pg_catalog.=) c.attnum AND NOT a.attisdropped GROUP BY k.tbl) n"
					  " WHERE n.tbl OPERATOR(pg_catalog.=) o.tbl AND n.names IS DISTINCT FROM o.sort_by", 0, NULL, NULL, NULL);
	PG_RETURN_VOID();
}
