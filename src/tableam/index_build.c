/*
 * index_build.c: the scans that fill an index with the rows of a table.
 *
 * Serves two kinds of relation with one mechanism: tables of our AMs, whose rows are hot or sealed and are
 * evaluated in a proximadb slot, and the segment store, whose heap pages hold TOAST chunks.
 * heap_getnextslot() fills the *carrier*: the buffer-heap slot inside a proximadb slot, or the slot itself.
 * Whether a row is to be indexed is decided on the carrier's tuple header alone; only then is the row
 * adopted by the slot and are values read, and of sealed columns only those the index uses. So rows of
 * running transactions never make us look for a segment that is not written yet, unless such a row is
 * itself to be indexed: then the slot waits for its inserter.
 *
 * Owns nothing on disk and writes no WAL itself (the index AM does).
 *
 * Locks: the caller holds Share on the table (plain build), ShareUpdateExclusive (concurrent build, BRIN
 * summarisation) or more. The heap page stays pinned by the carrier while its row is used (I3); its content
 * lock is taken shared, one page at a time, and never held while a value is read, the index AM is called or
 * we wait.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/relscan.h"
#include "access/sysattr.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"

#include "slot.h"
#include "tableam.h"

/* A heap scan on behalf of an index, and what it takes to compute index values from its rows. */
typedef struct IndexRowScan
{
	Relation	table;
	IndexInfo  *info;
	TableScanDesc scan;
	HeapScanDesc heap_scan;		/* the same */
	TupleTableSlot *slot;		/* rows to be indexed are evaluated here */
	EState	   *estate;
	ExprContext *econtext;
	ExprState  *predicate;		/* NULL unless the index is partial */
	Bitmapset  *attrs;			/* what the slot reads, see pxd_slot_project; NULL: everything */

	/* For each line pointer of root_block: that of its HOT chain's root, or InvalidOffsetNumber. */
	BlockNumber root_block;
	OffsetNumber roots[MaxHeapTuplesPerPage];

	bool		progress;
	BlockNumber reported_block; /* the block progress was last reported at */

	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];
} IndexRowScan;

/* What to do with a row met under SnapshotAny. */
typedef struct RowVerdict
{
	bool		index;			/* give it to the index */
	bool		alive;			/* it takes part in uniqueness checks */
	bool		count;			/* it counts in reltuples */
	bool		breaks_chain;	/* a HOT chain member some snapshot may still want, not indexed */
	TransactionId wait_for;		/* valid: nothing is known before this transaction has ended */
} RowVerdict;

/*
 * The columns index entries are computed from, in the form pxd_slot_project wants, or NULL for all columns
 * (an expression on the whole row).
 */
static Bitmapset *
index_attrs(IndexInfo *info)
{
	Bitmapset  *attrs = NULL;

	for (int i = 0; i < info->ii_NumIndexAttrs; i++)
	{
		AttrNumber	attnum = info->ii_IndexAttrNumbers[i];

		/* zero stands for an expression here, not for the whole row */
		if (attnum != 0)
			attrs = bms_add_member(attrs, attnum - FirstLowInvalidHeapAttributeNumber);
	}
	pull_varattnos((Node *) info->ii_Expressions, 1, &attrs);
	pull_varattnos((Node *) info->ii_Predicate, 1, &attrs);

	if (bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, attrs))
	{
		bms_free(attrs);
		attrs = NULL;
	}
	return attrs;
}

/*
 * Sets up slot and expressions, in the current context; row_scan_end frees them. The caller goes on with
 * row_scan_start.
 */
static void
row_scan_init(IndexRowScan *rows, Relation table, IndexInfo *info, bool progress)
{
	rows->table = table;
	rows->info = info;
	rows->scan = NULL;
	rows->heap_scan = NULL;
	rows->root_block = InvalidBlockNumber;
	rows->progress = progress;
	rows->reported_block = InvalidBlockNumber;

	rows->slot = table_slot_create(table, NULL);
	rows->attrs = NULL;
	if (TTS_IS_PROXIMADB(rows->slot))
	{
		rows->attrs = index_attrs(info);
		pxd_slot_project(rows->slot, rows->attrs);
	}

	rows->estate = CreateExecutorState();
	rows->econtext = GetPerTupleExprContext(rows->estate);
	rows->econtext->ecxt_scantuple = rows->slot;
	rows->predicate = ExecPrepareQual(info->ii_Predicate, rows->estate);
}

/* Blocks the scan has to read in all, as progress reports show them. */
static BlockNumber
blocks_total(const IndexRowScan *rows)
{
	if (rows->scan->rs_parallel != NULL)
		return ((ParallelBlockTableScanDesc) rows->scan->rs_parallel)->phs_nblocks;
	return rows->heap_scan->rs_nblocks;
}

/*
 * Blocks read before the current one, counted from where the scan began: a synchronised scan starts
 * anywhere and wraps around. In a parallel scan, other workers may be further ahead.
 */
static BlockNumber
blocks_done(const IndexRowScan *rows)
{
	BlockNumber total = blocks_total(rows);
	BlockNumber start = rows->heap_scan->rs_startblock;
	BlockNumber current = rows->heap_scan->rs_cblock;

	if (rows->scan->rs_parallel != NULL)
		start = ((ParallelBlockTableScanDesc) rows->scan->rs_parallel)->phs_startblock;
	return current >= start ? current - start : total - start + current;
}

static void
row_scan_start(IndexRowScan *rows, TableScanDesc scan)
{
	rows->scan = scan;
	rows->heap_scan = (HeapScanDesc) scan;
	if (rows->progress)
		pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_TOTAL, blocks_total(rows));
}

static void
load_roots(IndexRowScan *rows)
{
	Buffer		buffer = rows->heap_scan->rs_cbuf;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	heap_get_root_tuples(BufferGetPage(buffer), rows->roots);
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	rows->root_block = rows->heap_scan->rs_cblock;
}

/*
 * Fetches the next tuple the scan's snapshot sees, hot row or stub, or returns NULL at the end. It lives in
 * the pinned page, which is not locked, until the next call. The map of chain roots is made anew for each
 * page.
 */
static HeapTuple
row_scan_next(IndexRowScan *rows)
{
	TupleTableSlot *carrier = rows->slot;

	CHECK_FOR_INTERRUPTS();

	/* asking for the carrier also makes a proximadb slot forget the row before */
	if (TTS_IS_PROXIMADB(rows->slot))
		carrier = pxd_slot_carrier(rows->slot);
	Assert(TTS_IS_BUFFERTUPLE(carrier));

	if (!heap_getnextslot(rows->scan, ForwardScanDirection, carrier))
	{
		if (rows->progress)
			pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_DONE, blocks_total(rows));
		return NULL;
	}

	if (rows->progress && rows->heap_scan->rs_cblock != rows->reported_block)
	{
		pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_DONE, blocks_done(rows));
		rows->reported_block = rows->heap_scan->rs_cblock;
	}

	/*
	 * The roots on a page cannot change under us: we keep the page pinned, so nobody prunes it or seals or
	 * repoints its rows, and a commit or abort changes no line pointer.
	 */
	if (rows->heap_scan->rs_cblock != rows->root_block)
		load_roots(rows);

	return ((BufferHeapTupleTableSlot *) carrier)->base.tuple;
}

/*
 * Sets *tid to the TID under which index entries for the scan's current tuple stand: that of the root of
 * its HOT chain.
 */
static void
row_scan_root(IndexRowScan *rows, HeapTuple tuple, ItemPointer tid)
{
	OffsetNumber offset = ItemPointerGetOffsetNumber(&tuple->t_self);

	*tid = tuple->t_self;
	if (!HeapTupleIsHeapOnly(tuple))
		return;

	/*
	 * With only ShareUpdateExclusive on the table, a chain may have grown after we came to the page: look
	 * again before calling it an error.
	 */
	if (!OffsetNumberIsValid(rows->roots[offset - 1]))
		load_roots(rows);
	if (!OffsetNumberIsValid(rows->roots[offset - 1]))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("heap-only tuple (%u,%u) of table \"%s\" belongs to no chain",
						ItemPointerGetBlockNumber(tid), offset,
						RelationGetRelationName(rows->table))));
	ItemPointerSetOffsetNumber(tid, rows->roots[offset - 1]);
}

/*
 * Computes rows->values and rows->isnull from the scan's current tuple, reading segments if need be.
 * Returns false for a row that is no business of a partial index. Values live until the next row is
 * fetched.
 */
static bool
row_scan_values(IndexRowScan *rows)
{
	ResetExprContext(rows->econtext);

	if (TTS_IS_PROXIMADB(rows->slot))
		pxd_slot_adopt(rows->slot, rows->table);

	if (!ExecQual(rows->predicate, rows->econtext))
		return false;
	FormIndexDatum(rows->info, rows->slot, rows->estate, rows->values, rows->isnull);
	return true;
}

/* Ends the scan and frees all row_scan_init has made. */
static void
row_scan_end(IndexRowScan *rows)
{
	/* the slot holds a pin of its own, and may hold pages of the store */
	ExecDropSingleTupleTableSlot(rows->slot);
	table_endscan(rows->scan);
	FreeExecutorState(rows->estate);
	bms_free(rows->attrs);

	/* FormIndexDatum has left states there that died with estate */
	rows->info->ii_ExpressionsState = NIL;
	rows->info->ii_PredicateState = NULL;
}

/* Our caller's lock should have kept other writers away; say so if it has not. */
static void
warn_concurrent(Relation table, const char *action)
{
	ereport(WARNING,
			(errmsg("concurrent %s in progress within table \"%s\"", action,
					RelationGetRelationName(table))));
}

/*
 * A row whose inserter has not committed. It is indexed: should the inserter commit, the index must have
 * it.
 */
static RowVerdict
judge_inserting(const IndexRowScan *rows, HeapTuple tuple, bool anyvisible, bool unique)
{
	RowVerdict	verdict = {.index = true, .alive = true};
	TransactionId xmin = HeapTupleHeaderGetXmin(tuple->t_data);

	/* rows are counted by the same rule as ANALYZE has, or the two would give different reltuples */
	if (anyvisible || TransactionIdIsCurrentTransactionId(xmin))
	{
		verdict.count = true;
		return verdict;
	}

	warn_concurrent(rows->table, "insert");

	/* were the insertion undone, a duplicate found with it would be none */
	if (unique)
		verdict.wait_for = xmin;
	return verdict;
}

/*
 * A row whose deleter or updater has not committed. It is indexed, without a say in uniqueness, unless its
 * successor in a HOT chain stands for it.
 */
static RowVerdict
judge_deleting(const IndexRowScan *rows, HeapTuple tuple, bool anyvisible, bool unique)
{
	RowVerdict	verdict = {.index = true};
	TransactionId xmax;

	if (anyvisible)
	{
		verdict.count = true;
		return verdict;
	}

	xmax = HeapTupleHeaderGetUpdateXid(tuple->t_data);
	if (TransactionIdIsCurrentTransactionId(xmax))
	{
		/* if this deletion is undone then so is the index: take it as done */
		if (HeapTupleIsHotUpdated(tuple))
		{
			verdict.index = false;
			verdict.breaks_chain = true;
		}
		return verdict;
	}

	warn_concurrent(rows->table, "delete");

	/*
	 * If the deleter fails, the row is alive after all: it may violate uniqueness, and in a HOT chain it
	 * would be the one to index rather than its successor.
	 */
	if (unique || HeapTupleIsHotUpdated(tuple))
		verdict.wait_for = xmax;
	else
		verdict.count = true;
	return verdict;
}

/* Judges a tuple by its header. The caller holds a share lock on buffer. */
static RowVerdict
judge_row(const IndexRowScan *rows, HeapTuple tuple, Buffer buffer, TransactionId oldest_xmin,
		  bool anyvisible, bool unique)
{
	RowVerdict	verdict = {.index = false};

	switch (HeapTupleSatisfiesVacuum(tuple, oldest_xmin, buffer))
	{
		case HEAPTUPLE_DEAD:
			break;
		case HEAPTUPLE_LIVE:
			verdict.index = true;
			verdict.alive = true;
			verdict.count = true;
			break;
		case HEAPTUPLE_RECENTLY_DEAD:

			/*
			 * Old snapshots may come through the new index to this row. In a HOT chain only one member can
			 * have an entry, which must be the live one: then the index is no good for those snapshots.
			 */
			if (HeapTupleIsHotUpdated(tuple))
				verdict.breaks_chain = true;
			else
				verdict.index = true;
			break;
		case HEAPTUPLE_INSERT_IN_PROGRESS:
			verdict = judge_inserting(rows, tuple, anyvisible, unique);
			break;
		case HEAPTUPLE_DELETE_IN_PROGRESS:
			verdict = judge_deleting(rows, tuple, anyvisible, unique);
			break;
	}
	return verdict;
}

/*
 * Decides on the scan's current tuple, waiting for other transactions where that cannot be helped. No
 * buffer lock is held on entry, on return or while waiting; the page stays pinned throughout.
 */
static RowVerdict
judge_row_settled(IndexRowScan *rows, HeapTuple tuple, TransactionId oldest_xmin, bool anyvisible)
{
	bool		unique = rows->info->ii_Unique || rows->info->ii_ExclusionOps != NULL;
	Buffer		buffer = rows->heap_scan->rs_cbuf;
	RowVerdict	verdict;

	for (;;)
	{
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		verdict = judge_row(rows, tuple, buffer, oldest_xmin, anyvisible, unique);
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);

		if (!TransactionIdIsValid(verdict.wait_for))
			break;
		XactLockTableWait(verdict.wait_for, rows->table, &tuple->t_self, XLTW_InsertIndexUnique);
		CHECK_FOR_INTERRUPTS();
	}

	if (verdict.breaks_chain)
		rows->info->ii_BrokenHotChain = true;
	return verdict;
}

double
pxd_index_build_range_scan(Relation table, Relation index, IndexInfo *index_info,
						   bool allow_sync, bool anyvisible, bool progress,
						   BlockNumber start_block, BlockNumber num_blocks,
						   IndexBuildCallback callback, void *callback_state, TableScanDesc scan)
{
	IndexRowScan rows;
	Snapshot	own_snapshot = NULL;
	TransactionId oldest_xmin = InvalidTransactionId;
	bool		judge;
	HeapTuple	tuple;
	double		reltuples = 0;

	Assert(!anyvisible || !(index_info->ii_Unique || index_info->ii_ExclusionOps != NULL));

	/*
	 * A plain build sees every version and judges by itself, for it must index what is dead but may still
	 * be seen. A concurrent one takes what its snapshot sees.
	 */
	judge = !index_info->ii_Concurrent;
	if (judge)
		oldest_xmin = GetOldestNonRemovableTransactionId(table);

	row_scan_init(&rows, table, index_info, progress);
	if (scan == NULL && !judge)
		own_snapshot = RegisterSnapshot(GetTransactionSnapshot());
	if (scan == NULL)
		scan = table_beginscan_strat(table, judge ? SnapshotAny : own_snapshot, 0, NULL, true, allow_sync);
	Assert(judge ? scan->rs_snapshot == SnapshotAny : IsMVCCSnapshot(scan->rs_snapshot));
	Assert(judge || !anyvisible);
	row_scan_start(&rows, scan);

	/* a synchronised scan takes the whole table in any order, others the range asked for */
	if (!allow_sync)
		heap_setscanlimits(scan, start_block, num_blocks);
	else
		Assert(start_block == 0 && num_blocks == InvalidBlockNumber);

	while ((tuple = row_scan_next(&rows)) != NULL)
	{
		RowVerdict	verdict = {.index = true, .alive = true, .count = true};
		ItemPointerData tid;

		if (judge)
			verdict = judge_row_settled(&rows, tuple, oldest_xmin, anyvisible);
		if (verdict.count)
			reltuples += 1;
		if (!verdict.index)
			continue;

		/* the tuple header is read before the slot adopts the tuple: from there on it is the slot's */
		row_scan_root(&rows, tuple, &tid);
		if (row_scan_values(&rows))
			callback(index, &tid, rows.values, rows.isnull, verdict.alive, callback_state);
	}

	row_scan_end(&rows);
	if (own_snapshot != NULL)
		UnregisterSnapshot(own_snapshot);
	return reltuples;
}

/* The TIDs already in the index, in order, and which of them fell on the page the table scan is at. */
typedef struct IndexedTids
{
	Tuplesortstate *sort;
	bool		end;
	ItemPointerData current;	/* invalid before the first and after the last */
	BlockNumber block;			/* of the table scan */
	bool		seen[MaxHeapTuplesPerPage]; /* by offset - 1: TIDs of block already passed */
} IndexedTids;

static void
indexed_tids_next(IndexedTids *tids)
{
	Datum		value;
	bool		isnull;

	tids->end = !tuplesort_getdatum(tids->sort, true, &value, &isnull, NULL);
	if (tids->end)
	{
		ItemPointerSetInvalid(&tids->current);
		return;
	}
	Assert(!isnull);
	itemptr_decode(&tids->current, DatumGetInt64(value));
#ifndef USE_FLOAT8_BYVAL
	pfree(DatumGetPointer(value));
#endif
}

/*
 * Tells whether the index has an entry for root. Calls must come with blocks ascending; within a block in
 * any order: rows stand in the order of their own offsets, not of their roots', so TIDs passed over are
 * remembered until the scan leaves the block.
 */
static bool
indexed_tids_contain(IndexedTids *tids, ItemPointer root)
{
	BlockNumber block = ItemPointerGetBlockNumber(root);

	if (tids->block != block)
	{
		memset(tids->seen, 0, sizeof(tids->seen));
		tids->block = block;
	}

	while (!tids->end &&
		   (!ItemPointerIsValid(&tids->current) || ItemPointerCompare(&tids->current, root) < 0))
	{
		if (ItemPointerIsValid(&tids->current) &&
			ItemPointerGetBlockNumber(&tids->current) == block &&
			ItemPointerGetOffsetNumber(&tids->current) <= MaxHeapTuplesPerPage)
			tids->seen[ItemPointerGetOffsetNumber(&tids->current) - 1] = true;
		indexed_tids_next(tids);
	}

	if (!tids->end && ItemPointerEquals(&tids->current, root))
		return true;
	return tids->seen[ItemPointerGetOffsetNumber(root) - 1];
}

void
pxd_index_validate_scan(Relation table, Relation index, IndexInfo *index_info, Snapshot snapshot,
						ValidateIndexState *state)
{
	IndexRowScan rows;
	IndexedTids *tids;
	HeapTuple	tuple;

	tids = palloc0(sizeof(IndexedTids));
	tids->sort = state->tuplesort;
	tids->block = InvalidBlockNumber;

	/* no synchronised scan: the merge with the sorted TIDs wants the blocks in order */
	row_scan_init(&rows, table, index_info, true);
	row_scan_start(&rows, table_beginscan_strat(table, snapshot, 0, NULL, true, false));

	while ((tuple = row_scan_next(&rows)) != NULL)
	{
		ItemPointerData root;

		state->htups += 1;
		row_scan_root(&rows, tuple, &root);
		if (indexed_tids_contain(tids, &root) || !row_scan_values(&rows))
			continue;

		/*
		 * Uniqueness is checked even if the row has been deleted meanwhile: the entry stands for its whole
		 * HOT chain, and whoever made a later member of it has left the check to us.
		 */
		index_insert(index, rows.values, rows.isnull, &root, table,
					 index_info->ii_Unique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO,
					 false, index_info);
		state->tups_inserted += 1;
	}

	row_scan_end(&rows);
	pfree(tids);
}
