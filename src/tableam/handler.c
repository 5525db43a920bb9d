/*
 * handler.c: the table access methods viper and lsm.
 *
 * Their routine is core's heap routine with the members replaced that have to know about stubs: those that put rows into
 * our slots, write rows, or make and unmake files. The main fork holds standard heap pages, so everything else is
 * right as it is.
 *
 * Without preloading our WAL could not be replayed, so whatever reads or writes rows raises an error; DROP, and VACUUM for
 * freezing, keep working (R10).
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "optimizer/plancat.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "engine.h"
#include "proximadb.h"
#include "slot.h"
#include "store.h"
#include "stub.h"
#include "tableam.h"

PG_FUNCTION_INFO_V1(pxd_sql_viper_handler);
PG_FUNCTION_INFO_V1(pxd_sql_lsm_handler);

/* The access methods: all with the same functions; a routine's address tells the engine. */
typedef struct EngineRoutine
{
	const StorageEngine *engine;
	TableAmRoutine routine;
} EngineRoutine;

static EngineRoutine routines[] = {{&pxd_engine_viper}, {&pxd_engine_lsm}};
static const TableAmRoutine *heap;	/* core's, set with routines */

const StorageEngine *
pxd_table_engine(Relation table)
{
	for (int i = 0; i < lengthof(routines); i++)
		if (table->rd_tableam == &routines[i].routine)
			return routines[i].engine;
	return NULL;
}

bool
pxd_table_has_segments(Relation table)
{
	Relation	store;
	uint64		segments,
				rows,
				pages;

	if (!OidIsValid(table->rd_rel->reltoastrelid))
		return false;
	store = table_open(table->rd_rel->reltoastrelid, AccessShareLock);
	pxd_store_totals(store, &segments, &rows, &pages);
	table_close(store, AccessShareLock);
	return segments > 0;
}

static const TupleTableSlotOps *
slot_callbacks(Relation table)
{
	return &TTSOpsProximadb;
}

/* Ends a callback that filled the carrier: the slot shows its tuple, or is empty. */
static inline bool
adopt_if(bool found, TupleTableSlot *slot, Relation table)
{
	if (found)
		return pxd_slot_adopt(slot, table);
	ExecClearTuple(slot);
	return false;
}

static TableScanDesc
scan_begin(Relation table, Snapshot snapshot, int nkeys, struct ScanKeyData *key,
		   ParallelTableScanDesc pscan, uint32 flags)
{
	pxd_require_preload(table);
	return heap->scan_begin(table, snapshot, nkeys, key, pscan, flags);
}

static bool
scan_getnextslot(TableScanDesc scan, ScanDirection direction, TupleTableSlot *slot)
{
	return adopt_if(heap_getnextslot(scan, direction, pxd_slot_carrier(slot)), slot, scan->rs_rd);
}

static bool
scan_getnextslot_tidrange(TableScanDesc scan, ScanDirection direction, TupleTableSlot *slot)
{
	return adopt_if(heap_getnextslot_tidrange(scan, direction, pxd_slot_carrier(slot)), slot, scan->rs_rd);
}

/* A parallel scan's workers see this transaction's rows, but not this backend's memory. */
static Size
parallelscan_initialize(Relation table, ParallelTableScanDesc pscan)
{
	pxd_write_flush(0);
	return heap->parallelscan_initialize(table, pscan);
}

static struct IndexFetchTableData *
index_fetch_begin(Relation table)
{
	pxd_require_preload(table);
	return heap->index_fetch_begin(table);
}

static bool
index_fetch_tuple(struct IndexFetchTableData *scan, ItemPointer tid, Snapshot snapshot,
				  TupleTableSlot *slot, bool *call_again, bool *all_dead)
{
	return adopt_if(heap->index_fetch_tuple(scan, tid, snapshot, pxd_slot_carrier(slot), call_again, all_dead),
					slot, scan->rel);
}

static bool
tuple_fetch_row_version(Relation table, ItemPointer tid, Snapshot snapshot, TupleTableSlot *slot)
{
	bool		found;

	pxd_require_preload(table);
	found = adopt_if(heap->tuple_fetch_row_version(table, tid, snapshot, pxd_slot_carrier(slot)), slot, table);

	/* So come the old row of an UPDATE and rows for triggers (that of an ON CONFLICT comes locked): most columns are handed on, if used at all. */
	if (found && snapshot == SnapshotAny)
		pxd_slot_leave_unread(slot);
	return found;
}

static bool
tuple_satisfies_snapshot(Relation table, TupleTableSlot *slot, Snapshot snapshot)
{
	return heap->tuple_satisfies_snapshot(table, pxd_slot_peek_carrier(slot), snapshot);
}

static TM_Result
tuple_lock(Relation table, ItemPointer tid, Snapshot snapshot, TupleTableSlot *slot, CommandId cid,
		   LockTupleMode mode, LockWaitPolicy wait_policy, uint8 flags, TM_FailureData *tmfd)
{
	TupleTableSlot *carrier;
	TM_Result	result;

	pxd_require_preload(table);
	carrier = pxd_slot_carrier(slot);
	ExecClearTuple(carrier);
	result = heap->tuple_lock(table, tid, snapshot, carrier, cid, mode, wait_policy, flags, tmfd);
	if (adopt_if(!TTS_EMPTY(carrier), slot, table))
		pxd_slot_leave_unread(slot);
	return result;
}

static bool
scan_analyze_next_tuple(TableScanDesc scan, TransactionId oldest_xmin, double *liverows, double *deadrows,
						TupleTableSlot *slot)
{
	return adopt_if(heap->scan_analyze_next_tuple(scan, oldest_xmin, liverows, deadrows, pxd_slot_carrier(slot)),
					slot, scan->rs_rd);
}

static bool
scan_bitmap_next_tuple(TableScanDesc scan, struct TBMIterateResult *tbmres, TupleTableSlot *slot)
{
	return adopt_if(heap->scan_bitmap_next_tuple(scan, tbmres, pxd_slot_carrier(slot)), slot, scan->rs_rd);
}

static bool
scan_sample_next_tuple(TableScanDesc scan, struct SampleScanState *scanstate, TupleTableSlot *slot)
{
	return adopt_if(heap->scan_sample_next_tuple(scan, scanstate, pxd_slot_carrier(slot)), slot, scan->rs_rd);
}

/*
 * Files are made, replaced and emptied only after this backend's collected rows are in their segments: a rollback to a
 * savepoint brings the old file back, with its stubs (R13).
 */
static void
relation_set_new_filenode(Relation table, const RelFileNode *newrnode, char persistence,
						  TransactionId *freeze_xid, MultiXactId *minmulti)
{
	pxd_require_preload(table);
	pxd_write_flush(0);
	heap->relation_set_new_filenode(table, newrnode, persistence, freeze_xid, minmulti);
}

static void
relation_nontransactional_truncate(Relation table)
{
	pxd_write_flush(0);
	heap->relation_nontransactional_truncate(table);
}

static void
relation_copy_data(Relation table, const RelFileNode *newrnode)
{
	pxd_require_preload(table);
	pxd_write_flush(0);
	heap->relation_copy_data(table, newrnode);
}

/*
 * A table has a store if it has a column that is worth sealing, of variable length or wide: rows of narrow columns alone are
 * hardly longer than their stubs. When such a column is added later, core asks again.
 */
static bool
relation_needs_toast_table(Relation table)
{
	TupleDesc	tupdesc = RelationGetDescr(table);

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (!att->attisdropped && (att->attlen < 0 || att->attlen > STUB_NARROW_WIDTH))
			return true;
	}
	return false;
}

static Oid
relation_toast_am(Relation table)
{
	return get_table_am_oid("segment_store", false);
}

/*
 * Row estimates. Once vacuumed or analysed, core's density is right. Before that it would guess the width of rows from the declared
 * types, which says nothing of stubs: count the sealed rows, and guess for the pages that stubs do not fill (R20). Core takes a young table for larger
 * than it is, since it will grow: that guess stands as long as there are no more sealed rows.
 */
static void
relation_estimate_size(Relation table, int32 *attr_widths, BlockNumber *pages, double *tuples,
					   double *allvisfrac)
{
	Relation	store;
	uint64		segments,
				sealed_rows,
				sealed_pages;
	double		stub_pages;

	heap->relation_estimate_size(table, attr_widths, pages, tuples, allvisfrac);

	if (table->rd_rel->reltuples >= 0 || !OidIsValid(table->rd_rel->reltoastrelid) || !pxd_preloaded)
		return;

	store = table_open(table->rd_rel->reltoastrelid, AccessShareLock);
	pxd_store_totals(store, &segments, &sealed_rows, &sealed_pages);
	table_close(store, AccessShareLock);
	if (sealed_rows == 0)
		return;

	stub_pages = sealed_rows * (STUB_TYPICAL_BYTES / (double) BLCKSZ);
	if (*pages > RelationGetNumberOfBlocks(table))
		*tuples = Max(*tuples, sealed_rows);
	else if (*pages <= stub_pages)
		*tuples = sealed_rows;
	else
		*tuples = sealed_rows + *tuples * ((*pages - stub_pages) / *pages);
}

static void
fill_routines(void)
{
	TableAmRoutine base_routine;

	heap = GetHeapamTableAmRoutine();
	base_routine = *heap;

	base_routine.slot_callbacks = slot_callbacks;
	base_routine.scan_begin = scan_begin;
	base_routine.scan_getnextslot = scan_getnextslot;
	base_routine.scan_getnextslot_tidrange = scan_getnextslot_tidrange;
	base_routine.parallelscan_initialize = parallelscan_initialize;
	base_routine.index_fetch_begin = index_fetch_begin;
	base_routine.index_fetch_tuple = index_fetch_tuple;
	base_routine.tuple_fetch_row_version = tuple_fetch_row_version;
	base_routine.tuple_satisfies_snapshot = tuple_satisfies_snapshot;
	base_routine.tuple_insert = pxd_tuple_insert;
	base_routine.tuple_insert_speculative = pxd_tuple_insert_speculative;
	base_routine.multi_insert = pxd_multi_insert;
	base_routine.finish_bulk_insert = pxd_finish_bulk_insert;
	base_routine.tuple_delete = pxd_tuple_delete;
	base_routine.tuple_update = pxd_tuple_update;
	base_routine.tuple_lock = tuple_lock;
	base_routine.relation_set_new_filenode = relation_set_new_filenode;
	base_routine.relation_nontransactional_truncate = relation_nontransactional_truncate;
	base_routine.relation_copy_data = relation_copy_data;
	base_routine.relation_copy_for_cluster = pxd_relation_copy_for_cluster;
	base_routine.relation_vacuum = pxd_relation_vacuum;
	base_routine.scan_analyze_next_tuple = scan_analyze_next_tuple;
	base_routine.index_build_range_scan = pxd_index_build_range_scan;
	base_routine.index_validate_scan = pxd_index_validate_scan;
	base_routine.relation_needs_toast_table = relation_needs_toast_table;
	base_routine.relation_toast_am = relation_toast_am;
	base_routine.relation_estimate_size = relation_estimate_size;
	base_routine.scan_bitmap_next_tuple = scan_bitmap_next_tuple;
	base_routine.scan_sample_next_tuple = scan_sample_next_tuple;

	for (int i = 0; i < lengthof(routines); i++)
		routines[i].routine = base_routine;
}

static const TableAmRoutine *
engine_routine(const StorageEngine *engine)
{
	int			i = 0;

	if (heap == NULL)
		fill_routines();
	while (routines[i].engine != engine)
		i++;
	return &routines[i].routine;
}

Datum
pxd_sql_viper_handler(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(engine_routine(&pxd_engine_viper));
}

Datum
pxd_sql_lsm_handler(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(engine_routine(&pxd_engine_lsm));
}
