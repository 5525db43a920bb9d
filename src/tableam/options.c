/*
 * options.c: options of tables as storage code reads them, and the settings that are their defaults.
 *
 * A row of proximadb.table_options says what is set for one table. It is read once and kept in rd_amcache of the table's relcache entry; a trigger of the
 * catalog invalidates that entry, here and in all other backends, with whatever changes the row (src/catalog/table_options.c).
 *
 * Inside VACUUM others do not respect this backend's snapshots (R2), so a row that is replaced while it is looked for may not be found. At worst
 * that pass goes by the defaults: the invalidation of the replacement is still to come.
 *
 * Lock: AccessShare on the catalog while its row is read, if it can be had at once; a catalog that is being altered or dropped counts as empty for that moment.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/relcache.h"

#include "options.h"
#include "proximadb.h"

#define BLOOM_FPR_MIN	1e-6

static int	block_size_kb;
static double bloom_fpr;
static int	compression_level;
static int	segment_size_kb;
static int	flush_threshold_kb;
static int	compaction_threshold;
static int	level_count;

const OptionInfo pxd_option_info[OPTION_COUNT] = {
	{"block_size", "block_size_kb", OPTION_SIZE, true, 1, 1024, 0, &block_size_kb},
	{"bloom_fpr", "bloom_fpr", OPTION_REAL, true, 0, 0.5, BLOOM_FPR_MIN, &bloom_fpr},
	{"compression_level", "compression_level", OPTION_INTEGER, false, -7, 19, 0, &compression_level},
	{"segment_size", "segment_size_kb", OPTION_SIZE, false, 1024, 256 * 1024, 0, &segment_size_kb},
	{"flush_threshold", "flush_threshold_kb", OPTION_SIZE, false, 64, MAX_KILOBYTES, 0, &flush_threshold_kb},
	{"compaction_threshold", "compaction_threshold", OPTION_INTEGER, true, 2, 64, 0, &compaction_threshold},
	{"level_count", "level_count", OPTION_INTEGER, true, 1, 7, 0, &level_count}
};

/* --- values --- */

double
pxd_option_value(const TableOptions *options, OptionId id)
{
	const OptionInfo *info = &pxd_option_info[id];

	if (options->isset[id])
		return options->value[id];
	return info->kind == OPTION_REAL ? *(double *) info->setting : *(int *) info->setting;
}

int
pxd_option_int(const TableOptions *options, OptionId id)
{
	Assert(pxd_option_info[id].kind != OPTION_REAL);
	return (int) pxd_option_value(options, id);
}

bool
pxd_option_valid(OptionId id, double value)
{
	const OptionInfo *info = &pxd_option_info[id];

	/* written so that NaN is not valid */
	return value >= info->min && value <= info->max && (value == 0 || value >= info->min_positive || info->min_positive == 0);
}

/* --- the catalog --- */

/*
 * Opens the catalog of options; NULL if there is none, or somebody has it locked exclusively or wants to: whoever drops the extension locks catalog and tables, too, in
 * whatever order. *busy tells the two apart.
 */
static Relation
open_catalog(bool *busy)
{
	Oid			schema = get_namespace_oid("proximadb", true);
	Oid			relid = OidIsValid(schema) ? get_relname_relid("table_options", schema) : InvalidOid;
	Relation	catalog;

	*busy = false;
	if (!OidIsValid(relid) || get_rel_relkind(relid) != RELKIND_RELATION)
		return NULL;
	*busy = !ConditionalLockRelationOid(relid, AccessShareLock);
	if (*busy)
		return NULL;
	catalog = try_relation_open(relid, NoLock);
	if (catalog == NULL)
		UnlockRelationOid(relid, AccessShareLock);
	if (catalog != NULL && RelationGetDescr(catalog)->natts < TABLE_OPTIONS_NATTS)
	{
		relation_close(catalog, AccessShareLock);
		return NULL;
	}
	return catalog;
}

static void
read_sort_attnums(Datum value, TableOptions *options)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	if (ARR_ELEMTYPE(array) != INT2OID || ARR_HASNULL(array) || n > INDEX_MAX_KEYS)
		return;
	options->nsort = n;
	memcpy(options->sort, ARR_DATA_PTR(array), n * sizeof(AttrNumber));
}

/* Reads a row; values the catalog's trigger would refuse do not count. */
static void
read_row(HeapTuple tuple, TupleDesc tupdesc, TableOptions *options)
{
	Datum		value;
	bool		isnull;

	value = heap_getattr(tuple, TABLE_OPTIONS_SORT_ATTNUMS, tupdesc, &isnull);
	if (!isnull)
		read_sort_attnums(value, options);
	for (int id = 0; id < OPTION_COUNT; id++)
	{
		double		number;

		value = heap_getattr(tuple, TABLE_OPTIONS_FIRST + id, tupdesc, &isnull);
		if (isnull)
			continue;
		number = pxd_option_info[id].kind == OPTION_REAL ? DatumGetFloat8(value) : DatumGetInt32(value);
		options->isset[id] = pxd_option_valid(id, number);
		options->value[id] = number;
	}
}

/* Returns false if that cannot be said now; there are no options then. */
static bool
read_catalog(Oid relid, TableOptions *options)
{
	bool		busy;
	Relation	catalog = open_catalog(&busy);
	Oid			index;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	memset(options, 0, sizeof(*options));
	if (catalog == NULL)
		return !busy;
	index = RelationGetPrimaryKeyIndex(catalog);
	ScanKeyInit(&key, TABLE_OPTIONS_TBL, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(catalog, index, OidIsValid(index), NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		read_row(tuple, RelationGetDescr(catalog), options);
	systable_endscan(scan);
	relation_close(catalog, AccessShareLock);
	return true;
}

void
pxd_table_options(Relation table, TableOptions *options)
{
	Oid			relid = OidIsValid(table->rd_rel->relrewrite) ? table->rd_rel->relrewrite : RelationGetRelid(table);

	if (table->rd_amcache == NULL)
	{
		TableOptions *copy;

		/* What is read may be out of date before it is kept; then the invalidation is still to come. */
		if (!read_catalog(relid, options))
			return;
		copy = MemoryContextAlloc(CacheMemoryContext, sizeof(TableOptions));
		*copy = *options;
		if (table->rd_amcache != NULL)
			pfree(table->rd_amcache);
		table->rd_amcache = copy;
	}
	else
		*options = *(TableOptions *) table->rd_amcache;
}

/* --- settings --- */

static bool
check_bloom_fpr(double *value, void **extra, GucSource source)
{
	if (pxd_option_valid(OPTION_BLOOM_FPR, *value))
		return true;
	GUC_check_errdetail("It is 0, for no filters, or at least %g.", BLOOM_FPR_MIN);
	return false;
}

static void
define_setting(OptionId id, const char *name, const char *what, const char *more, int boot, GucContext context)
{
	const OptionInfo *info = &pxd_option_info[id];

	DefineCustomIntVariable(name, what, more, (int *) info->setting, boot, (int) info->min, (int) info->max, context,
							info->kind == OPTION_SIZE ? GUC_UNIT_KB : 0, NULL, NULL, NULL);
}

void
pxd_options_init(void)
{
	define_setting(OPTION_BLOCK_SIZE, "proximadb.block_size",
				   "Bytes of records in a block of a sorted run, before compression.",
				   "Larger blocks are compressed better, smaller ones are read faster for one row.",
				   8, PGC_USERSET);
	DefineCustomRealVariable("proximadb.bloom_fpr",
							 "False positives of the filters on the keys of sorted runs.",
							 "0 for no filters.",
							 &bloom_fpr,
							 0.01, 0, 0.5,
							 PGC_USERSET, 0, check_bloom_fpr, NULL, NULL);
	define_setting(OPTION_COMPACTION_THRESHOLD, "proximadb.compaction_threshold",
				   "Overlapping sorted runs at level 0 that are merged.", NULL,
				   4, PGC_USERSET);
	define_setting(OPTION_COMPRESSION_LEVEL, "proximadb.compression_level",
				   "zstd compression level of sealed columns.",
				   "Negative levels are faster, higher ones smaller; 0 is 3 for viper tables and 7 for lsm tables. Vectors are never compressed.",
				   0, PGC_USERSET);
	define_setting(OPTION_FLUSH_THRESHOLD, "proximadb.flush_threshold",
				   "Bytes of hot rows from which on the background worker seals those of a large table.",
				   "A smaller table's are sealed from 1/32 of its size on, at least 1 MB.",
				   64 * 1024, PGC_SIGHUP);
	define_setting(OPTION_LEVEL_COUNT, "proximadb.level_count",
				   "Levels of sorted runs below level 0.", NULL,
				   7, PGC_USERSET);
	define_setting(OPTION_SEGMENT_SIZE, "proximadb.segment_size",
				   "Bytes of rows at which a segment is closed, before compression.",
				   "proximadb.build_mem bounds it, too.",
				   16 * 1024, PGC_USERSET);
}
