/*
 * copy_for_cluster.c: the copying step of VACUUM FULL and CLUSTER.
 *
 * Reads all versions of the old table, in index order, by sorting, or as they stand, and hands those
 * somebody may still see to core's rewriteheap.c, which keeps their MVCC headers and links update chains
 * anew. On the way rows are sealed: a segment builder takes the values and only a stub is written.
 *
 * rewriteheap.c writes a tuple at once and so tells its new TID, except when it has a successor not yet
 * copied: such a tuple waits for the successor, and its TID is never told. A segment needs the TID of each
 * of its rows, therefore (R15) only the last version of a row is sealed, and versions with a successor are
 * written whole.
 *
 * Locks: the caller holds AccessExclusive on both tables and on the old table's store, so there are no
 * other readers or writers; only transactions that came before us and are still running can have an
 * interest in old versions. Buffer content locks are taken shared, around the visibility check only.
 *
 * WAL: the pages of the new heap are logged (or synced) by rewriteheap.c, those of segments by the store.
 * All segments are written before this function returns, so before the caller swaps the files and commits.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/relscan.h"
#include "access/rewriteheap.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "commands/progress.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"

#include "builder.h"
#include "slot.h"
#include "tableam.h"

typedef struct TableCopy
{
	Relation	old_table;
	Relation	new_table;
	TransactionId oldest_xmin;
	RewriteState rewrite;
	SegmentBuilder *builder;	/* NULL: nothing is sealed */
	Tuplesortstate *sort;		/* NULL: rows are written as they are read */
	MemoryContext row_context;	/* reset for each row */
	Datum	   *values;			/* [natts], of the row being written */
	bool	   *isnull;

	/* The scan of the old table: exactly one of the two is set. */
	TableScanDesc table_scan;
	IndexScanDesc index_scan;
	TupleTableSlot *slot;
	BufferHeapTupleTableSlot *carrier;	/* of slot: the tuple as it stands in its page */
	BlockNumber reported_block;

	double		rows_read;		/* that are not dead */
	double		rows_written;
	double		rows_dead;
	double		rows_recently_dead;
} TableCopy;

/*
 * The builder for rows of the new table, or NULL if there is no store to seal them into, nothing to put
 * there, or a reason against it: rewriting is not decoded, but later updates and deletes of a table with
 * replica identity FULL are, and decoding wants all of the old row in the heap.
 */
static SegmentBuilder *
open_builder(Relation old_table, Relation new_table)
{
	SegmentBuilder *builder;

	if (!OidIsValid(new_table->rd_rel->reltoastrelid))
		return NULL;
	if (RelationIsLogicallyLogged(new_table) &&
		old_table->rd_rel->relreplident == REPLICA_IDENTITY_FULL)
		return NULL;

	builder = pxd_builder_create(CurrentMemoryContext, new_table, old_table);
	if (!pxd_builder_seals(builder))
	{
		pxd_builder_destroy(builder);
		return NULL;
	}
	return builder;
}

/*
 * Tells whether an updated version of this row may follow in the copy. Must be true at least whenever
 * rewrite_heap_tuple, looking at the same header, puts a tuple off until it has seen its successor.
 */
static bool
has_successor(HeapTuple tuple)
{
	HeapTupleHeader header = tuple->t_data;

	if ((header->t_infomask & HEAP_XMAX_INVALID) || HeapTupleHeaderIsOnlyLocked(header))
		return false;
	/* to another partition is out of this table, and a plain deletion leads nowhere */
	if (HeapTupleHeaderIndicatesMovedPartitions(header))
		return false;
	return !ItemPointerEquals(&tuple->t_self, &header->t_ctid);
}

/*
 * Writes a row to the new table, sealed if possible. Of old_tuple only the header and t_self count; the
 * row's values are copy->values and copy->isnull. Scratch memory comes from the current context.
 */
static void
write_row(TableCopy *copy, HeapTuple old_tuple)
{
	TupleDesc	tupdesc = RelationGetDescr(copy->new_table);
	HeapTuple	stub = NULL;
	uint32		position;

	/* what was in a dropped column goes for good now */
	for (int i = 0; i < tupdesc->natts; i++)
	{
		if (TupleDescAttr(tupdesc, i)->attisdropped)
			copy->isnull[i] = true;
	}

	if (copy->builder != NULL && !has_successor(old_tuple))
		stub = pxd_builder_add(copy->builder, copy->new_table, copy->values, copy->isnull,
							   MaxHeapTupleSize, &position);

	if (stub == NULL)
		rewrite_heap_tuple(copy->rewrite, old_tuple,
						   heap_form_tuple(tupdesc, copy->values, copy->isnull));
	else
	{
		ItemPointerSetInvalid(&stub->t_self);
		rewrite_heap_tuple(copy->rewrite, old_tuple, stub);
		if (!ItemPointerIsValid(&stub->t_self))
			elog(ERROR, "rewrite of tuple (%u,%u) of table \"%s\" did not tell where it went",
				 ItemPointerGetBlockNumber(&old_tuple->t_self),
				 ItemPointerGetOffsetNumber(&old_tuple->t_self),
				 RelationGetRelationName(copy->old_table));
		pxd_builder_set_tid(copy->builder, position, &stub->t_self);
	}

	copy->rows_written += 1;
}

/* Opens the scan of the old table. SnapshotAny: we want every version and judge by ourselves. */
static void
begin_scan(TableCopy *copy, Relation old_index)
{
	copy->slot = table_slot_create(copy->old_table, NULL);
	copy->reported_block = InvalidBlockNumber;

	if (old_index != NULL && copy->sort == NULL)
	{
		const int	params[] = {PROGRESS_CLUSTER_PHASE, PROGRESS_CLUSTER_INDEX_RELID};
		const int64 values[] = {PROGRESS_CLUSTER_PHASE_INDEX_SCAN_HEAP, RelationGetRelid(old_index)};

		pgstat_progress_update_multi_param(lengthof(params), params, values);
		copy->index_scan = index_beginscan(copy->old_table, old_index, SnapshotAny, 0, 0);
		index_rescan(copy->index_scan, NULL, 0, NULL, 0);
	}
	else
	{
		pgstat_progress_update_param(PROGRESS_CLUSTER_PHASE, PROGRESS_CLUSTER_PHASE_SEQ_SCAN_HEAP);
		copy->table_scan = table_beginscan(copy->old_table, SnapshotAny, 0, NULL);
		pgstat_progress_update_param(PROGRESS_CLUSTER_TOTAL_HEAP_BLKS,
									 ((HeapScanDesc) copy->table_scan)->rs_nblocks);
	}
}

static void
end_scan(TableCopy *copy)
{
	ExecDropSingleTupleTableSlot(copy->slot);
	if (copy->index_scan != NULL)
		index_endscan(copy->index_scan);
	else
		table_endscan(copy->table_scan);
}

/*
 * Reports how many blocks of the old table have been reached; the scan may have begun anywhere and wrap
 * around.
 */
static void
report_block(TableCopy *copy)
{
	HeapScanDesc scan = (HeapScanDesc) copy->table_scan;

	if (scan->rs_cblock == copy->reported_block)
		return;
	copy->reported_block = scan->rs_cblock;
	pgstat_progress_update_param(PROGRESS_CLUSTER_HEAP_BLKS_SCANNED,
								 ((uint64) scan->rs_cblock + scan->rs_nblocks - scan->rs_startblock)
								 % scan->rs_nblocks + 1);
}

/*
 * Fetches the next version of a row into copy->slot. Returns its tuple, in the page copy->carrier pins (not
 * locked), or NULL at the end.
 */
static HeapTuple
next_tuple(TableCopy *copy)
{
	CHECK_FOR_INTERRUPTS();

	if (copy->index_scan != NULL)
	{
		if (!index_getnext_slot(copy->index_scan, ForwardScanDirection, copy->slot))
			return NULL;
		/* we gave no condition, so there is none to recheck */
		if (copy->index_scan->xs_recheck)
			elog(ERROR, "index \"%s\" wants conditions rechecked in a scan without conditions",
				 RelationGetRelationName(copy->index_scan->indexRelation));
	}
	else
	{
		if (!table_scan_getnextslot(copy->table_scan, ForwardScanDirection, copy->slot))
		{
			/* trailing blocks may have held nothing */
			pgstat_progress_update_param(PROGRESS_CLUSTER_HEAP_BLKS_SCANNED,
										 ((HeapScanDesc) copy->table_scan)->rs_nblocks);
			return NULL;
		}
		report_block(copy);
	}

	copy->carrier = (BufferHeapTupleTableSlot *) pxd_slot_peek_carrier(copy->slot);
	Assert(BufferIsValid(copy->carrier->buffer));
	return copy->carrier->base.tuple;
}

/* With the table locked as it is, only our own transaction can be at work in it; say so if it is not. */
static void
warn_if_foreign(TableCopy *copy, TransactionId xid, const char *action)
{
	if (!TransactionIdIsCurrentTransactionId(xid))
		ereport(WARNING,
				(errmsg("concurrent %s in progress within table \"%s\"", action,
						RelationGetRelationName(copy->old_table))));
}

/* Whether nobody can see the tuple any more, so that it is left behind. Counts the recently dead. */
static bool
tuple_is_dead(TableCopy *copy, HeapTuple tuple)
{
	Buffer		buffer = copy->carrier->buffer;
	HTSV_Result result;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	result = HeapTupleSatisfiesVacuum(tuple, copy->oldest_xmin, buffer);
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);

	switch (result)
	{
		case HEAPTUPLE_DEAD:
			return true;
		case HEAPTUPLE_LIVE:
			break;
		case HEAPTUPLE_RECENTLY_DEAD:
			copy->rows_recently_dead += 1;
			break;
		case HEAPTUPLE_INSERT_IN_PROGRESS:
			warn_if_foreign(copy, HeapTupleHeaderGetXmin(tuple->t_data), "insert");
			break;
		case HEAPTUPLE_DELETE_IN_PROGRESS:
			warn_if_foreign(copy, HeapTupleHeaderGetUpdateXid(tuple->t_data), "delete");
			copy->rows_recently_dead += 1;
			break;
	}
	return false;
}

/* Reads the old table; rows go into the sort, or at once into the new table. */
static void
read_rows(TableCopy *copy)
{
	int			natts = RelationGetDescr(copy->new_table)->natts;
	HeapTuple	tuple;

	while ((tuple = next_tuple(copy)) != NULL)
	{
		MemoryContext caller;

		if (tuple_is_dead(copy, tuple))
		{
			copy->rows_dead += 1;
			/* this may show that a version that was put off is dead too, and its predecessor of no use */
			if (rewrite_heap_dead_tuple(copy->rewrite, tuple))
			{
				copy->rows_dead += 1;
				copy->rows_recently_dead -= 1;
			}
			continue;
		}

		copy->rows_read += 1;
		MemoryContextReset(copy->row_context);
		caller = MemoryContextSwitchTo(copy->row_context);
		if (copy->sort != NULL)
			tuplesort_putheaptuple(copy->sort, pxd_slot_form_tuple(copy->slot));
		else
		{
			slot_getallattrs(copy->slot);
			memcpy(copy->values, copy->slot->tts_values, natts * sizeof(Datum));
			memcpy(copy->isnull, copy->slot->tts_isnull, natts * sizeof(bool));
			write_row(copy, tuple);
			pgstat_progress_update_param(PROGRESS_CLUSTER_HEAP_TUPLES_WRITTEN,
										 (int64) copy->rows_written);
		}
		MemoryContextSwitchTo(caller);
		pgstat_progress_update_param(PROGRESS_CLUSTER_HEAP_TUPLES_SCANNED, (int64) copy->rows_read);
	}
}

/* Sorts what read_rows has collected and writes it to the new table. */
static void
write_sorted_rows(TableCopy *copy)
{
	HeapTuple	tuple;

	pgstat_progress_update_param(PROGRESS_CLUSTER_PHASE, PROGRESS_CLUSTER_PHASE_SORT_TUPLES);
	tuplesort_performsort(copy->sort);

	pgstat_progress_update_param(PROGRESS_CLUSTER_PHASE, PROGRESS_CLUSTER_PHASE_WRITE_NEW_HEAP);
	while ((tuple = tuplesort_getheaptuple(copy->sort, true)) != NULL)
	{
		MemoryContext caller;

		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(copy->row_context);
		caller = MemoryContextSwitchTo(copy->row_context);
		heap_deform_tuple(tuple, RelationGetDescr(copy->old_table), copy->values, copy->isnull);
		write_row(copy, tuple);
		MemoryContextSwitchTo(caller);
		pgstat_progress_update_param(PROGRESS_CLUSTER_HEAP_TUPLES_WRITTEN, (int64) copy->rows_written);
	}
	tuplesort_end(copy->sort);
}

void
pxd_relation_copy_for_cluster(Relation old_table, Relation new_table, Relation old_index, bool use_sort,
							  TransactionId oldest_xmin, TransactionId *xid_cutoff,
							  MultiXactId *multi_cutoff, double *num_tuples, double *tups_vacuumed,
							  double *tups_recently_dead)
{
	int			natts = RelationGetDescr(new_table)->natts;
	TableCopy	copy = {
		.old_table = old_table,
		.new_table = new_table,
		.oldest_xmin = oldest_xmin,
	};

	Assert(RelationGetDescr(old_table)->natts == natts);

	/* rewriteheap.c looks at these for fillfactor and what to move out of line */
	pxd_apply_default_options(new_table);

	copy.values = palloc(natts * sizeof(Datum));
	copy.isnull = palloc(natts * sizeof(bool));
	copy.row_context = AllocSetContextCreate(CurrentMemoryContext, "proximadb table copy row",
											 ALLOCSET_DEFAULT_SIZES);
	copy.rewrite = begin_heap_rewrite(old_table, new_table, oldest_xmin, *xid_cutoff, *multi_cutoff);
	copy.builder = open_builder(old_table, new_table);
	if (use_sort)
		copy.sort = tuplesort_begin_cluster(RelationGetDescr(old_table), old_index,
											maintenance_work_mem, NULL, TUPLESORT_NONE);

	begin_scan(&copy, old_index);
	read_rows(&copy);
	end_scan(&copy);
	if (copy.sort != NULL)
		write_sorted_rows(&copy);

	/* the last segment before the last heap page: no stub gets into the file whose segment is not there */
	if (copy.builder != NULL)
	{
		pxd_builder_flush(copy.builder, new_table);
		pxd_builder_destroy(copy.builder);
	}
	end_heap_rewrite(copy.rewrite);

	*num_tuples += copy.rows_read;
	*tups_vacuumed += copy.rows_dead;
	*tups_recently_dead += copy.rows_recently_dead;

	MemoryContextDelete(copy.row_context);
	pfree(copy.values);
	pfree(copy.isnull);
}
