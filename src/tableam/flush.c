/*
 * flush.c: seals hot rows, memtable to segment, and moves sealed rows to new segments.
 *
 * Both are one pass over the table's pages: tuples to be sealed (hot rows, or stubs that point into segments to be compacted)
 * are copied page by page under a share lock and collected by a segment builder; when a segment is full it is written, then its
 * rows' tuples are replaced by stubs (seal.c). Between the two the rows may change or go: what does not stand as it was
 * read stays as it is, and its position in the segment is dead. A crash at any point leaves each row hot or sealed, once; a segment
 * no stub points to is garbage, which vacuum frees. For engines that sort, the pass only notes the tuples' keys, and the tuples are collected in
 * their order afterwards, one merge of a compaction after the other.
 *
 * Lock: ShareUpdateExclusive on the table, so that one flush, compaction or vacuum is at work. No lock on rows; readers and
 * writers wait for a page as long as a copy of its tuples takes.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/visibilitymap.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_inherits.h"
#include "commands/vacuum.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "builder.h"
#include "flush.h"
#include "key_order.h"
#include "maintenance.h"
#include "proximadb.h"
#include "seal.h"
#include "slot.h"
#include "tableam.h"

PG_FUNCTION_INFO_V1(pxd_sql_flush);

typedef struct Flush
{
	Relation	table;
	const FlushOptions *options;
	BufferAccessStrategy strategy;
	TransactionId oldest_xmin;
	MemoryContext page_context; /* reset for each page: copies of its tuples */
	SegmentBuilder *builder;
	SealList	list;			/* the rows in the builder */
	int			merge;			/* to which they belong */
	KeyOrder   *order;			/* if rows are to come in the order of the sort key, else NULL */
	TupleTableSlot *slot;		/* deforms tuples and reads sealed columns */
	FlushResult *result;
} Flush;

static int
compare_moves(const void *a, const void *b)
{
	SegmentNumber left = ((const SegmentMove *) a)->segno;
	SegmentNumber right = ((const SegmentMove *) b)->segno;

	return left < right ? -1 : left > right;
}

/* The move of the segment to which a tuple points; NULL if it points to none or that does not move. */
static const SegmentMove *
find_move(const FlushOptions *options, HeapTupleHeader tuple)
{
	SegmentMove move;

	if (options->nmoves == 0 || !tuple_is_stub(tuple))
		return NULL;
	move.segno = locator_segment(stub_locator(tuple));
	return bsearch(&move, options->moves, options->nmoves, sizeof(SegmentMove), compare_moves);
}

/*
 * Whether a tuple is to be collected. The page is share-locked. Sealed rows move whatever their state, as long as somebody may still
 * read them (R8); hot ones, and wide overlays, are sealed when they are settled.
 */
static bool
is_wanted(Flush *flush, HeapTuple tuple, Buffer buffer)
{
	HTSV_Result state;

	if (find_move(flush->options, tuple->t_data) != NULL)
		return HeapTupleSatisfiesVacuum(tuple, flush->oldest_xmin, buffer) != HEAPTUPLE_DEAD;
	if (tuple_is_stub(tuple->t_data) && !tuple_is_wide_overlay(tuple->t_data, tuple->t_len))
		return false;

	if (!flush->options->hot || HeapTupleHeaderIsSpeculative(tuple->t_data))
		return false;
	if (HeapTupleHasExternal(tuple) && flush->options->mode != FLUSH_COMMAND)
		return false;
	state = HeapTupleSatisfiesVacuum(tuple, flush->oldest_xmin, buffer);
	return state == HEAPTUPLE_LIVE ||
		(state == HEAPTUPLE_INSERT_IN_PROGRESS && flush->options->mode == FLUSH_DEBUG &&
		 TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data)));
}

/* Copies the wanted tuples of a page into *tuples. Returns how many. */
static int
copy_wanted_tuples(Flush *flush, BlockNumber block, HeapTuple *tuples)
{
	Buffer		buffer = ReadBufferExtended(flush->table, MAIN_FORKNUM, block, RBM_NORMAL, flush->strategy);
	Page		page = BufferGetPage(buffer);
	OffsetNumber max_offset;
	int			n = 0;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	max_offset = PageIsNew(page) ? 0 : PageGetMaxOffsetNumber(page);
	for (OffsetNumber offset = FirstOffsetNumber; offset <= max_offset; offset++)
	{
		HeapTupleData tuple;

		if (!page_tuple(flush->table, block, page, offset, &tuple))
			continue;
		if (is_wanted(flush, &tuple, buffer))
			tuples[n++] = heap_copytuple(&tuple);
	}
	UnlockReleaseBuffer(buffer);
	return n;
}

/* Writes the collected rows as a segment and replaces their tuples by stubs. */
static void
close_segment(Flush *flush)
{
	if (flush->list.nitems == 0)
		return;

	flush->result->bytes += pxd_builder_flush(flush->builder, flush->table);
	flush->result->segments++;
	pxd_seal_apply(flush->table, &flush->list, flush->oldest_xmin, flush->strategy, &flush->result->rows);
}

/*
 * Has the next segment of a compaction fit into the largest free extent, if that is large enough for a piece: rows that move are to make the
 * file shorter, not longer.
 */
static void
fit_next_segment(Flush *flush)
{
	Relation	store = table_open(flush->table->rd_rel->reltoastrelid, AccessShareLock);
	uint32		pages = pxd_store_largest_free(store);

	pxd_builder_fit(flush->builder, pages >= pxd_smallest_piece(RelationGetNumberOfBlocks(store)) ? pages : 0);
	table_close(store, AccessShareLock);
}

/* Gives a row to the builder; rows of one merge come together. */
static void
collect_row(Flush *flush, HeapTuple tuple, int merge)
{
	HeapTuple	stub;
	uint32		position;

	if (pxd_builder_full(flush->builder) || merge != flush->merge)
		close_segment(flush);

	/* Rows move to segments of higher numbers only (key_scan.c): one of a segment that began after the one being collected waits for the next flush. */
	if (tuple_is_stub(tuple->t_data) && pxd_builder_segment(flush->builder) != InvalidSegmentNumber &&
		locator_segment(stub_locator(tuple->t_data)) > pxd_builder_segment(flush->builder))
		return;
	flush->merge = merge;
	if (flush->list.nitems == 0 && flush->options->nmoves > 0)
	{
		fit_next_segment(flush);
		pxd_builder_set_origin(flush->builder, true, flush->options->levels[merge]);
	}

	pxd_slot_show(flush->slot, flush->table, tuple);
	slot_getallattrs(flush->slot);
	stub = pxd_builder_add(flush->builder, flush->table, flush->slot->tts_values, flush->slot->tts_isnull,
						   tuple->t_len, &position);
	if (stub != NULL)
	{
		pxd_builder_set_tid(flush->builder, position, &tuple->t_self);
		if (HeapTupleHasExternal(tuple))
			pxd_builder_note_chunks(flush->builder);
		pxd_seal_list_add(&flush->list, tuple, stub);
	}
	ExecClearTuple(flush->slot);
}

/* Seals or moves the wanted tuples of a page, or notes them if their turn comes later. */
static void
flush_page(Flush *flush, BlockNumber block)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(flush->page_context);
	HeapTuple	tuples[MaxHeapTuplesPerPage];
	int			n = copy_wanted_tuples(flush, block, tuples);

	for (int i = 0; i < n; i++)
	{
		const SegmentMove *move = find_move(flush->options, tuples[i]->t_data);
		/* Without an order rows of different merges would come by turns. */
		int			merge = move != NULL && flush->order != NULL ? move->merge : 0;

		if (flush->order != NULL)
			pxd_key_order_put(flush->order, merge, flush->table, tuples[i], flush->slot);
		else
			collect_row(flush, tuples[i], merge);
	}
	MemoryContextSwitchTo(oldcontext);
	MemoryContextReset(flush->page_context);
}

/* A copy of the tuple at tid, if it is (still) wanted, else NULL. */
static HeapTuple
copy_if_wanted(Flush *flush, ItemPointer tid)
{
	BlockNumber block = ItemPointerGetBlockNumber(tid);
	OffsetNumber offset = ItemPointerGetOffsetNumber(tid);
	Buffer		buffer = ReadBufferExtended(flush->table, MAIN_FORKNUM, block, RBM_NORMAL, flush->strategy);
	Page		page = BufferGetPage(buffer);
	HeapTupleData tuple;
	HeapTuple	copy = NULL;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (!PageIsNew(page) && offset <= PageGetMaxOffsetNumber(page) &&
		page_tuple(flush->table, block, page, offset, &tuple) && is_wanted(flush, &tuple, buffer))
		copy = heap_copytuple(&tuple);
	UnlockReleaseBuffer(buffer);
	return copy;
}

/* Seals or moves what the pass over the pages has noted, in the order of the sort key. */
static void
flush_in_order(Flush *flush)
{
	ItemPointerData tid;
	int			merge;

	pxd_key_order_sort(flush->order);
	while (pxd_key_order_next(flush->order, &merge, &tid))
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(flush->page_context);
		HeapTuple	tuple;

		vacuum_delay_point();
		tuple = copy_if_wanted(flush, &tid);
		if (tuple != NULL)
			collect_row(flush, tuple, merge);
		MemoryContextSwitchTo(oldcontext);
		MemoryContextReset(flush->page_context);
	}
	pxd_key_order_end(flush->order);
}

bool
pxd_flush_possible(Relation table)
{
	return OidIsValid(table->rd_rel->reltoastrelid) &&
		!(RelationIsLogicallyLogged(table) && table->rd_rel->relreplident == REPLICA_IDENTITY_FULL);
}

void
pxd_flush_table(Relation table, const FlushOptions *options, FlushResult *result)
{
	MemoryContext context;
	MemoryContext oldcontext;
	FlushResult done = {0};
	Flush		flush = {.table = table,.options = options,.strategy = options->strategy,.result = &done};
	BlockNumber nblocks = RelationGetNumberOfBlocks(table);
	Buffer		vmbuffer = InvalidBuffer;

	if (options->end_block != 0)
		nblocks = Min(nblocks, options->end_block);
	if (!pxd_flush_possible(table) || nblocks == 0)
		return;

	if (options->hot && options->mode == FLUSH_COMMAND && options->first_block == 0)
		(void) pxd_sweep_orphans(table);

	context = AllocSetContextCreate(CurrentMemoryContext, "proximadb flush", ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(context);
	flush.oldest_xmin = GetOldestNonRemovableTransactionId(table);
	flush.page_context = AllocSetContextCreate(context, "proximadb flush page", ALLOCSET_DEFAULT_SIZES);
	flush.builder = pxd_builder_create(context, table, table);
	pxd_seal_list_init(&flush.list, context);
	flush.slot = table_slot_create(table, NULL);

	if (pxd_builder_seals(flush.builder))
	{
		const SortKey *key = pxd_builder_key(flush.builder);

		if (key->ncolumns > 0)
			flush.order = pxd_key_order_begin(RelationGetDescr(table), key);
		pxd_progress_start(table, options->hot ? PHASE_SEALING : PHASE_MOVING, nblocks);
		for (BlockNumber block = options->first_block; block < nblocks; block++)
		{
			vacuum_delay_point();
			pxd_progress_update(block, done.rows, done.segments);
			if (options->skip_visible && VM_ALL_VISIBLE(table, block, &vmbuffer))
				continue;
			flush_page(&flush, block);
		}
		if (flush.order != NULL)
			flush_in_order(&flush);
		close_segment(&flush);
		pxd_progress_end();
	}

	if (BufferIsValid(vmbuffer))
		ReleaseBuffer(vmbuffer);
	ExecDropSingleTupleTableSlot(flush.slot);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);

	result->rows += done.rows;
	result->segments += done.segments;
	result->bytes += done.bytes;
	if (options->hot)
		pxd_maintenance_flushed(table, &done);
}

/* --- SQL --- */

Relation
pxd_open_for_maintenance(Oid relid)
{
	Relation	table;

	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("cannot maintain tables during recovery")));
	/* Before the lock: nobody else's business may queue on it. A relation that is gone is table_open's to report. */
	if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)) && !pg_class_ownercheck(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)), get_rel_name(relid));

	table = table_open(relid, ShareUpdateExclusiveLock);
	if (pxd_table_engine(table) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" is not a proximadb table", RelationGetRelationName(table)),
				 errhint("Only tables of the access methods of proximadb are.")));
	if (RELATION_IS_OTHER_TEMP(table))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot maintain temporary tables of other sessions")));
	pxd_require_preload(table);
	pxd_write_flush(0);
	return table;
}

List *
pxd_maintenance_targets(Oid relid)
{
	List	   *targets = NIL;
	ListCell   *lc;

	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return list_make1_oid(relid);

	if (!pg_class_ownercheck(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relid));
	LockRelationOid(relid, AccessShareLock);
	foreach(lc, find_all_inheritors(relid, AccessShareLock, NULL))
	{
		Relation	table = table_open(lfirst_oid(lc), NoLock);

		if (pxd_table_engine(table) != NULL)
			targets = lappend_oid(targets, lfirst_oid(lc));
		table_close(table, NoLock);
	}
	if (targets == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("partitioned table \"%s\" has no partition that is a proximadb table", get_rel_name(relid)),
				 errhint("Only partitions of the access methods of proximadb are.")));
	return targets;
}

/* proximadb.flush(regclass) */
Datum
pxd_sql_flush(PG_FUNCTION_ARGS)
{
	TimestampTz start = GetCurrentTimestamp();
	FlushOptions options = {.mode = FLUSH_COMMAND,.hot = true,.strategy = GetAccessStrategy(BAS_VACUUM)};
	FlushResult result = {0};
	ListCell   *lc;
	TupleDesc	tupdesc;
	Datum		values[4];
	bool		isnull[4] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	foreach(lc, pxd_maintenance_targets(PG_GETARG_OID(0)))
	{
		Relation	table = pxd_open_for_maintenance(lfirst_oid(lc));

		pxd_flush_table(table, &options, &result);
		table_close(table, NoLock);
	}

	values[0] = Int64GetDatum(result.rows);
	values[1] = Int64GetDatum(result.segments);
	values[2] = Int64GetDatum(result.bytes);
	values[3] = Float8GetDatum((GetCurrentTimestamp() - start) / 1000.0);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(tupdesc, values, isnull)));
}
