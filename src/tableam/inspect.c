/*
 * inspect.c: the SQL functions that look inside tables: verify, segments, table_stats.
 *
 * verify: see verify_store.c and verify_rows.c for what is checked and why it can't raise false alarms.
 *
 * Locks: AccessShare on table and store until the end of the transaction, as any SELECT. No WAL.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "engine.h"
#include "proximadb.h"
#include "stub.h"
#include "tableam.h"
#include "verify.h"

PG_FUNCTION_INFO_V1(pxd_sql_verify);
PG_FUNCTION_INFO_V1(pxd_sql_segments);
PG_FUNCTION_INFO_V1(pxd_sql_table_stats);

/* True if this backend can read the table's pages at all. */
static bool
has_readable_file(Relation table)
{
	return !RELATION_IS_OTHER_TEMP(table) &&
		!(RecoveryInProgress() && table->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED);
}

Relation
pxd_inspect_open(Oid table_oid)
{
	Relation	table = relation_open(table_oid, AccessShareLock);

	if (pxd_table_engine(table) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a proximadb table", RelationGetRelationName(table)),
				 errhint("Only tables and materialized views of the access methods of proximadb are.")));
	if (!pg_class_ownercheck(table_oid, GetUserId()) && !has_privs_of_role(GetUserId(), ROLE_PG_MONITOR))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(table->rd_rel->relkind),
					   RelationGetRelationName(table));
	pxd_require_preload(table);
	if (!has_readable_file(table))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 RELATION_IS_OTHER_TEMP(table)
				 ? errmsg("cannot read temporary tables of other sessions")
				 : errmsg("cannot read unlogged table \"%s\" during recovery", RelationGetRelationName(table))));
	return table;
}

/* --- verify --- */

Datum
pxd_sql_verify(PG_FUNCTION_ARGS)
{
	Relation	table = pxd_inspect_open(PG_GETARG_OID(0));
	Relation	store = NULL;	/* tables of narrow columns have none */
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	FaultReport report;
	StoreSurvey survey = {0};
	MemoryContext context;
	MemoryContext oldcontext;

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(CurrentMemoryContext, "proximadb verify", ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(context);
	report.rows = result->setResult;
	report.rowdesc = result->setDesc;
	report.scratch = AllocSetContextCreate(context, "proximadb verify row", ALLOCSET_SMALL_SIZES);

	/* Rows this transaction has inserted and not yet written to a segment are none of the faults. */
	pxd_write_flush(0);
	if (OidIsValid(table->rd_rel->reltoastrelid))
	{
		store = table_open(table->rd_rel->reltoastrelid, AccessShareLock);
		pxd_store_verify(table, store, &report, &survey);
	}
	pxd_rows_verify(table, store, &report, &survey);
	if (store != NULL)
		table_close(store, NoLock);

	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
	relation_close(table, NoLock);
	return (Datum) 0;
}

/* --- segments --- */

/* A segment as the directory had it, and which of its positions have a stub. */
typedef struct SegmentInfo
{
	SegmentNumber segno;		/* key */
	SegmentEntry entry;
	uint8	   *seen;			/* a bit for each position; live segments only */
	uint32		live_rows;
} SegmentInfo;

/* The directory, without unused numbers, as a hash table and as a list in the order of numbers. */
static HTAB *
collect_segments(Relation store, List **order)
{
	HASHCTL		ctl = {0};
	HTAB	   *segments;
	SegmentNumber segno = InvalidSegmentNumber;
	SegmentEntry entry;

	ctl.keysize = sizeof(SegmentNumber);
	ctl.entrysize = sizeof(SegmentInfo);
	ctl.hcxt = CurrentMemoryContext;
	segments = hash_create("proximadb segments", 256, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	while (pxd_store_next(store, &segno, &entry))
	{
		SegmentInfo *info = hash_search(segments, &segno, HASH_ENTER, NULL);

		CHECK_FOR_INTERRUPTS();
		info->entry = entry;
		info->live_rows = 0;
		info->seen = NULL;
		if (entry.state == SEGMENT_LIVE)
			info->seen = palloc0((Min(entry.rows, LOCATOR_POSITION_MAX + 1) + BITS_PER_BYTE - 1) / BITS_PER_BYTE);
		*order = lappend(*order, info);
	}
	return segments;
}

/* Notes a stub. Several versions of a row may share a position. */
static void
note_stub(HTAB *segments, Locator locator)
{
	SegmentNumber segno = locator_segment(locator);
	uint32		position = locator_position(locator);
	SegmentInfo *info = hash_search(segments, &segno, HASH_FIND, NULL);
	uint8		bit = 1 << (position % BITS_PER_BYTE);

	if (info == NULL || info->seen == NULL || position >= info->entry.rows ||
		(info->seen[position / BITS_PER_BYTE] & bit) != 0)
		return;
	info->seen[position / BITS_PER_BYTE] |= bit;
	info->live_rows++;
}

/* Notes all stubs of the main fork: by existence, whoever may see them (R8). */
static void
note_all_stubs(Relation table, HTAB *segments)
{
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);
	BlockNumber nblocks = RelationGetNumberOfBlocks(table);

	for (BlockNumber block = 0; block < nblocks; block++)
	{
		Buffer		buffer;
		Page		page;
		OffsetNumber max_offset;

		CHECK_FOR_INTERRUPTS();
		buffer = ReadBufferExtended(table, MAIN_FORKNUM, block, RBM_NORMAL, strategy);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		max_offset = PageIsNew(page) ? 0 : PageGetMaxOffsetNumber(page);
		for (OffsetNumber offset = FirstOffsetNumber; offset <= max_offset; offset++)
		{
			ItemId		item = PageGetItemId(page, offset);
			HeapTupleHeader tuple;

			if (!ItemIdIsNormal(item))
				continue;
			tuple = (HeapTupleHeader) PageGetItem(page, item);
			if (tuple_is_stub(tuple))
				note_stub(segments, stub_locator(tuple));
		}
		UnlockReleaseBuffer(buffer);
	}
	FreeAccessStrategy(strategy);
}

static const char *
state_name(SegmentState state)
{
	switch (state)
	{
		case SEGMENT_BUILDING:
			return "building";
		case SEGMENT_LIVE:
			return "live";
		case SEGMENT_FREE:
			return "free";
		case SEGMENT_UNUSED:
			break;
	}
	return "unknown";
}

#define SEGMENT_COLUMNS	8

static void
put_segment(ReturnSetInfo *result, const SegmentInfo *info)
{
	const SegmentEntry *entry = &info->entry;
	const StorageEngine *engine = pxd_engine_by_id(entry->engine);
	bool		is_free = entry->state == SEGMENT_FREE;
	Datum		values[SEGMENT_COLUMNS];
	bool		nulls[SEGMENT_COLUMNS] = {0};

	values[0] = Int64GetDatum((int64) info->segno);
	values[1] = CStringGetTextDatum(state_name(entry->state));
	values[2] = CStringGetTextDatum(engine != NULL ? engine->name : "unknown");
	nulls[2] = is_free;
	values[3] = Int32GetDatum(entry->level);
	nulls[3] = is_free;
	values[4] = Int64GetDatum((int64) entry->rows);
	nulls[4] = is_free;
	values[5] = Int64GetDatum((int64) info->live_rows);
	nulls[5] = entry->state != SEGMENT_LIVE;
	values[6] = Int64GetDatum((int64) entry->pages * BLCKSZ);
	values[7] = Int64GetDatum((int64) entry->first_block);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
pxd_sql_segments(PG_FUNCTION_ARGS)
{
	Relation	table = pxd_inspect_open(PG_GETARG_OID(0));
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context;
	MemoryContext oldcontext;
	Relation	store;
	HTAB	   *segments;
	List	   *order = NIL;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	if (OidIsValid(table->rd_rel->reltoastrelid))
	{
		pxd_write_flush(0);
		store = table_open(table->rd_rel->reltoastrelid, AccessShareLock);
		context = AllocSetContextCreate(CurrentMemoryContext, "proximadb segments", ALLOCSET_DEFAULT_SIZES);
		oldcontext = MemoryContextSwitchTo(context);

		segments = collect_segments(store, &order);
		note_all_stubs(table, segments);
		foreach(lc, order)
			put_segment(result, lfirst(lc));

		MemoryContextSwitchTo(oldcontext);
		MemoryContextDelete(context);
		table_close(store, NoLock);
	}
	relation_close(table, NoLock);
	return (Datum) 0;
}

/* --- table_stats --- */

#define STATS_COLUMNS	6

/* What the store's metapage counts, read under pxd_verify_guard. */
typedef struct StoreStats
{
	Relation	table;
	uint64		segments;
	uint64		rows;
	uint64		pages;
	uint64		free_pages;
	uint64		flushed_pages;
	uint64		moved_pages;
} StoreStats;

static void
read_stats(void *arg)
{
	StoreStats *stats = arg;
	Relation	store;

	if (!OidIsValid(stats->table->rd_rel->reltoastrelid))
		return;					/* a table of narrow columns: nothing is sealed */
	store = table_open(stats->table->rd_rel->reltoastrelid, AccessShareLock);
	pxd_store_totals(store, &stats->segments, &stats->rows, &stats->pages);
	stats->free_pages = pxd_store_free_pages(store);
	pxd_store_written(store, &stats->flushed_pages, &stats->moved_pages);
	table_close(store, AccessShareLock);
}

/*
 * NULL for a table that is gone, is not ours, whose file this backend cannot read, or whose metapage is damaged, so that
 * a query over the catalog does not fail. Open to everybody, as pg_relation_size is.
 */
Datum
pxd_sql_table_stats(PG_FUNCTION_ARGS)
{
	Relation	table = try_relation_open(PG_GETARG_OID(0), AccessShareLock);
	StoreStats	stats = {.table = table};
	TupleDesc	rowdesc;
	Datum		values[STATS_COLUMNS];
	bool		nulls[STATS_COLUMNS] = {0};
	bool		found;

	if (table == NULL)
		PG_RETURN_NULL();
	found = pxd_table_engine(table) != NULL && pxd_preloaded && has_readable_file(table) &&
		pxd_verify_guard(read_stats, &stats) == NULL;
	relation_close(table, AccessShareLock);
	if (!found)
		PG_RETURN_NULL();

	if (get_call_result_type(fcinfo, NULL, &rowdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum((int64) stats.segments);
	values[1] = Int64GetDatum((int64) stats.rows);
	values[2] = Int64GetDatum((int64) stats.pages * BLCKSZ);
	values[3] = Int64GetDatum((int64) stats.free_pages * BLCKSZ);
	values[4] = Int64GetDatum((int64) stats.flushed_pages * BLCKSZ);
	values[5] = Int64GetDatum((int64) stats.moved_pages * BLCKSZ);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(rowdesc), values, nulls)));
}
