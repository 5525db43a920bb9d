/*
 * settings.c: how segments of a table are written: its sort key, block and segment sizes, compression.
 *
 * The sort key of a table whose engine sorts is its primary key, if all its columns have an order that C functions decide: these run inside
 * VACUUM, where nothing else may.
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
#include "proximadb.h"
#include "tableam.h"

#define DEFAULT_BLOCK_BYTES		(16 * 1024)
#define DEFAULT_BLOOM_FPR		0.01

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

/* Fills in a column of a sort key. False if its type has no order to sort by; arrays and the like have whatever their elements have. */
static bool
make_sort_column(Form_pg_attribute att, SortColumn *column)
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

/* The primary key as the sort key; none if there is none or it cannot be sorted. */
static void
sort_by_primary_key(Relation table, SortKey *key)
{
	Oid			index_oid = RelationGetPrimaryKeyIndex(table);
	Relation	index;

	if (!OidIsValid(index_oid))
		return;
	index = index_open(index_oid, AccessShareLock);
	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(table), index->rd_index->indkey.values[i] - 1);

		if (!make_sort_column(att, &key->columns[key->ncolumns]))
		{
			key->ncolumns = 0;
			break;
		}
		key->ncolumns++;
	}
	index_close(index, AccessShareLock);
}

void
pxd_table_settings(Relation table, const StorageEngine *engine, SegmentSettings *settings)
{
	memset(settings, 0, sizeof(*settings));
	settings->compression_level = pxd_compression_level;
	settings->block_bytes = DEFAULT_BLOCK_BYTES;
	settings->bloom_fpr = DEFAULT_BLOOM_FPR;
	settings->max_bytes = SEGMENT_MAX_BYTES;
	if (engine->sorted)
		sort_by_primary_key(table, &settings->key);
}
