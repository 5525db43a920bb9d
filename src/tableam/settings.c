/*
 * settings.c: how segments of a table are written: its sort key, block and segment sizes, compression.
 *
 * The sort key of a table whose engine sorts is what option sort_by names, or its primary key, if all its columns have an order that C functions
 * decide: these run inside VACUUM, where nothing else may.
 *
 * Reads the system catalogs; locks nothing besides.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/genam.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "engine.h"
#include "options.h"
#include "tableam.h"

/* Whether function is of language C or internal. */
static bool
is_c_function(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			language;

	if (!HeapTupleIsValid(tuple))
		return false;
	language = ((Form_pg_proc) GETSTRUCT(tuple))->prolang;
	ReleaseSysCache(tuple);
	return language == INTERNALlanguageId || language == ClanguageId;
}

bool
pxd_sort_column(Form_pg_attribute att, SortColumn *column)
{
	Oid			type = getBaseType(att->atttypid);
	char		kind = get_typtype(type);
	TypeCacheEntry *entry;

	if ((kind != TYPTYPE_BASE && kind != TYPTYPE_ENUM) || OidIsValid(get_element_type(type)))
		return false;
	entry = lookup_type_cache(type, TYPECACHE_LT_OPR | TYPECACHE_CMP_PROC | TYPECACHE_BTREE_OPFAMILY |
							  TYPECACHE_HASH_EXTENDED_PROC);
	if (!OidIsValid(entry->lt_opr) || !OidIsValid(entry->cmp_proc) || !is_c_function(entry->cmp_proc))
		return false;

	column->attnum = att->attnum;
	column->opfamily = entry->btree_opf;
	column->operator = entry->lt_opr;
	column->collation = att->attcollation;
	column->hash_function = InvalidOid;
	if (OidIsValid(entry->hash_extended_proc) && is_c_function(entry->hash_extended_proc))
		column->hash_function = entry->hash_extended_proc;
	return true;
}

/* Makes the columns the sort key; false, and no key, if they cannot be sorted (any more). */
static bool
sort_by_columns(Relation table, const AttrNumber *attnums, int n, SortKey *key)
{
	TupleDesc	tupdesc = RelationGetDescr(table);

	key->ncolumns = 0;
	for (int i = 0; i < n; i++)
	{
		if (attnums[i] < 1 || attnums[i] > tupdesc->natts ||
			TupleDescAttr(tupdesc, attnums[i] - 1)->attisdropped ||
			!pxd_sort_column(TupleDescAttr(tupdesc, attnums[i] - 1), &key->columns[i]))
			return false;
	}
	key->ncolumns = n;
	return n > 0;
}

static void
sort_by_primary_key(Relation table, SortKey *key)
{
	Oid			index_oid = RelationGetPrimaryKeyIndex(table);
	Relation	index;

	if (!OidIsValid(index_oid))
		return;
	index = index_open(index_oid, AccessShareLock);
	(void) sort_by_columns(table, index->rd_index->indkey.values,
						   IndexRelationGetNumberOfKeyAttributes(index), key);
	index_close(index, AccessShareLock);
}

void
pxd_table_settings(Relation table, const StorageEngine *engine, SegmentSettings *settings)
{
	TableOptions options;

	pxd_table_options(table, &options);
	memset(settings, 0, sizeof(*settings));
	settings->compression_level = pxd_option_int(&options, OPTION_COMPRESSION_LEVEL);
	if (settings->compression_level == 0)
		settings->compression_level = engine->compression_level;
	settings->block_bytes = (uint32) pxd_option_int(&options, OPTION_BLOCK_SIZE) * 1024;
	settings->bloom_fpr = pxd_option_value(&options, OPTION_BLOOM_FPR);
	settings->max_bytes = (Size) pxd_option_int(&options, OPTION_SEGMENT_SIZE) * 1024;
	settings->merge_runs = pxd_option_int(&options, OPTION_COMPACTION_THRESHOLD);
	settings->levels = pxd_option_int(&options, OPTION_LEVEL_COUNT);
	if (engine->sorted && !sort_by_columns(table, options.sort, options.nsort, &settings->key))
		sort_by_primary_key(table, &settings->key);
}
