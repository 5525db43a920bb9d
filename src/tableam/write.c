/*
 * write.c: how rows come in: the hot path and the direct path.
 *
 * Hot: core's heap functions with the whole tuple. Direct: the row goes to this backend's segment builder and only
 * its stub is inserted. A command starts hot and goes direct once it has written DIRECT_THRESHOLD bytes
 * to one table, so that small commands make no segments and bulk loads write each vector once.
 *
 * Owns the write states, one per table file this transaction has written. They live in TopTransactionContext;
 * segments still unwritten when a command ends, a utility command or a parallel query starts, or the transaction
 * commits, are written then (R13). An abort forgets them: nobody else has seen those rows.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/heapam.h"
#include "access/genam.h"
#include "access/heaptoast.h"
#include "access/parallel.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "builder.h"
#include "cover.h"
#include "flush.h"
#include "proximadb.h"
#include "slot.h"
#include "tableam.h"
#include "worker.h"

/* Bytes one command writes to one table before its further rows are sealed at once. */
#define DIRECT_THRESHOLD	(256 * 1024)

/* Defaults of our tables where heap has others; see pxd_apply_default_options. */
#define TABLE_DEFAULT_FILLFACTOR	90
#define TABLE_TOAST_TUPLE_TARGET	8160

typedef struct WriteState
{
	struct WriteState *next;
	MemoryContext context;
	Oid			table_oid;
	RelFileNode node;
	CommandId	cid;			/* the command counted in bytes */
	int			level;			/* and its nesting */
	Size		bytes;			/* written hot by that command */
	bool		direct_checked; /* whether direct_possible is known for that command */
	bool		direct_possible;
	bool		hot;			/* has hot rows that proximadb.debug_flush is to seal */
	SegmentBuilder *builder;	/* NULL until the command goes direct */
	int			nplaceholders;
	TupleTableSlot **placeholders;	/* core slots that hand stubs to heap_multi_insert */
	MemoryContext placeholder_context;
} WriteState;

static WriteState *write_states = NULL;

int			pxd_command_level = 0;

/*
 * Core parses a table's options as heap's, whose default toast_tuple_target would have every row above 2 kB
 * compressed and moved to TOAST, and whose fillfactor of 100 leaves no room for updates beside stubs. So give our
 * tables' cached options other defaults. What the user has set stays; a fillfactor or target that
 * equals heap's default cannot be told from no setting when other options are set, and gets our target then.
 */
void
pxd_apply_default_options(Relation table)
{
	StdRdOptions *options = (StdRdOptions *) table->rd_options;

	if (likely(options != NULL && options->toast_tuple_target != TOAST_TUPLE_TARGET))
		return;
	if (options == NULL)
	{
		bytea	   *defaults = heap_reloptions(RELKIND_RELATION, (Datum) 0, false);

		options = MemoryContextAlloc(CacheMemoryContext, VARSIZE(defaults));
		memcpy(options, defaults, VARSIZE(defaults));
		pfree(defaults);
		if (OidIsValid(table->rd_rel->reltoastrelid))
			options->fillfactor = TABLE_DEFAULT_FILLFACTOR;
		table->rd_options = (bytea *) options;
	}
	options->toast_tuple_target = TABLE_TOAST_TUPLE_TARGET;
}

static bool
has_brin_index(Relation table)
{
	List	   *indexes = RelationGetIndexList(table);
	ListCell   *lc;
	bool		found = false;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		found |= (index->rd_rel->relam == BRIN_AM_OID);
		index_close(index, NoLock);
	}
	list_free(indexes);
	return found;
}

/*
 * Whether rows of this table may be sealed as they come. Not when the changes are decoded logically (decoding reads
 * heap tuples), and not with a BRIN index, whose summarisation reads rows of running transactions (R14).
 */
static bool
direct_possible(WriteState *state, Relation table)
{
	if (!state->direct_checked)
	{
		state->direct_possible = !IsParallelWorker() &&
			OidIsValid(table->rd_rel->reltoastrelid) &&
			!RelationIsLogicallyLogged(table) &&
			!has_brin_index(table);
		state->direct_checked = true;
	}
	return state->direct_possible;
}

/* Finds or makes the write state of table, and starts counting anew if this is another command. */
static WriteState *
write_state(Relation table, CommandId cid)
{
	WriteState *state;

	for (state = write_states; state != NULL; state = state->next)
		if (RelFileNodeEquals(state->node, table->rd_node))
			break;

	if (state == NULL)
	{
		MemoryContext context = AllocSetContextCreate(TopTransactionContext, "proximadb write state",
													  ALLOCSET_SMALL_SIZES);

		state = MemoryContextAllocZero(context, sizeof(WriteState));
		state->context = context;
		state->node = table->rd_node;
		state->cid = InvalidCommandId;
		state->next = write_states;
		write_states = state;
	}
	/* A rewrite has filled this file as that of a transient table, which is gone by now. */
	state->table_oid = RelationGetRelid(table);

	if (state->cid != cid || state->level != pxd_command_level)
	{
		state->cid = cid;
		state->level = pxd_command_level;
		state->bytes = 0;
		state->direct_checked = false;
	}
	return state;
}

void
pxd_write_note_hot(Relation table, CommandId cid, Size len)
{
	WriteState *state = write_state(table, cid);

	state->bytes += len;
	state->hot = true;
	pxd_worker_note_hot(table, len);
}

/* The builder to use for the next rows of this command, or NULL for the hot path. */
static SegmentBuilder *
direct_builder(WriteState *state, Relation table)
{
	if (state->bytes < DIRECT_THRESHOLD && !pxd_debug_direct)
		return NULL;
	if (!direct_possible(state, table))
		return NULL;

	if (state->builder == NULL)
	{
		state->builder = pxd_builder_create(state->context, table, table);
		if (!pxd_builder_seals(state->builder))
		{
			pxd_builder_destroy(state->builder);
			state->builder = NULL;
			state->direct_possible = false;
		}
	}
	return state->builder;
}

HeapTuple
pxd_write_direct(Relation table, TupleTableSlot *slot, CommandId cid, SegmentBuilder **builder, uint32 *position)
{
	*builder = direct_builder(write_state(table, cid), table);
	if (*builder == NULL)
		return NULL;
	slot_getallattrs(slot);
	return pxd_builder_add(*builder, table, slot->tts_values, slot->tts_isnull, MaxHeapTupleSize, position);
}

/*
 * Bytes of a row that goes in as tuple: its values as a segment would hold them. A value that is TOASTed in the table it comes from is only pointed to by now, but a whole
 * copy of it goes into this one.
 */
static Size
row_bytes(TupleTableSlot *slot, HeapTuple tuple)
{
	TupleDesc	tupdesc = slot->tts_tupleDescriptor;
	Size		bytes = tuple->t_len;

	if (likely(!HeapTupleHasExternal(tuple)))
		return bytes;
	slot_getallattrs(slot);
	for (int i = 0; i < tupdesc->natts; i++)
		if (!slot->tts_isnull[i] && TupleDescAttr(tupdesc, i)->attlen == -1 &&
			VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(slot->tts_values[i])))
			bytes += toast_raw_datum_size(slot->tts_values[i]);
	return bytes;
}

/* Inserts the slot's whole row; a speculative one carries its token. Returns the row's bytes. */
static Size
insert_hot(Relation table, TupleTableSlot *slot, CommandId cid, int options, BulkInsertState bistate,
		   uint32 spec_token)
{
	bool		should_free;
	HeapTuple	tuple = pxd_slot_own_tuple(slot, &should_free);
	Size		len = row_bytes(slot, tuple);

	slot->tts_tableOid = RelationGetRelid(table);
	tuple->t_tableOid = slot->tts_tableOid;
	if (options & HEAP_INSERT_SPECULATIVE)
		HeapTupleHeaderSetSpeculativeToken(tuple->t_data, spec_token);
	heap_insert(table, tuple, cid, options, bistate);
	pxd_cover_note_tuple(table, &tuple->t_self, (options & HEAP_INSERT_SPECULATIVE) == 0);
	slot->tts_tid = tuple->t_self;
	if (should_free)
		pfree(tuple);
	return len;
}

void
pxd_tuple_insert(Relation table, TupleTableSlot *slot, CommandId cid, int options, BulkInsertState bistate)
{
	SegmentBuilder *builder;
	HeapTuple	stub;
	uint32		position;

	pxd_require_preload(table);
	pxd_apply_default_options(table);
	stub = pxd_write_direct(table, slot, cid, &builder, &position);
	if (stub == NULL)
	{
		pxd_write_note_hot(table, cid, insert_hot(table, slot, cid, options, bistate, 0));
		return;
	}

	stub->t_tableOid = RelationGetRelid(table);
	heap_insert(table, stub, cid, options, bistate);
	pxd_builder_set_tid(builder, position, &stub->t_self);
	pxd_cover_note_tuple(table, &stub->t_self, true);
	pxd_slot_inserted(slot, stub);
	pfree(stub);
}

void
pxd_tuple_insert_speculative(Relation table, TupleTableSlot *slot, CommandId cid, int options,
							 BulkInsertState bistate, uint32 spec_token)
{
	pxd_require_preload(table);
	pxd_apply_default_options(table);
	pxd_write_note_hot(table, cid,
					   insert_hot(table, slot, cid, options | HEAP_INSERT_SPECULATIVE, bistate, spec_token));
}

/* Slots to pass nslots stubs or rows to heap_multi_insert, kept for the next call. */
static TupleTableSlot **
get_placeholders(WriteState *state, Relation table, int nslots)
{
	if (state->nplaceholders < nslots)
	{
		MemoryContext oldcontext;
		TupleDesc	tupdesc;

		if (state->placeholder_context != NULL)
			MemoryContextDelete(state->placeholder_context);
		state->nplaceholders = 0;
		state->placeholder_context = AllocSetContextCreate(state->context, "proximadb placeholders",
														   ALLOCSET_DEFAULT_SIZES);
		oldcontext = MemoryContextSwitchTo(state->placeholder_context);
		/* A copy is not reference-counted, so the slots need no release. */
		tupdesc = CreateTupleDescCopy(RelationGetDescr(table));
		state->placeholders = palloc(nslots * sizeof(TupleTableSlot *));
		for (int i = 0; i < nslots; i++)
			state->placeholders[i] = MakeSingleTupleTableSlot(tupdesc, &TTSOpsHeapTuple);
		state->nplaceholders = nslots;
		MemoryContextSwitchTo(oldcontext);
	}
	return state->placeholders;
}

void
pxd_multi_insert(Relation table, TupleTableSlot **slots, int nslots, CommandId cid, int options,
				 BulkInsertState bistate)
{
	WriteState *state;
	SegmentBuilder *builder;
	TupleTableSlot **placeholders;
	uint32	   *positions;
	bool	   *sealed;

	pxd_require_preload(table);
	pxd_apply_default_options(table);
	state = write_state(table, cid);
	builder = direct_builder(state, table);
	placeholders = get_placeholders(state, table, nslots);
	positions = palloc(nslots * sizeof(uint32));
	sealed = palloc(nslots * sizeof(bool));

	for (int i = 0; i < nslots; i++)
	{
		HeapTuple	tuple = NULL;

		if (builder != NULL)
		{
			slot_getallattrs(slots[i]);
			tuple = pxd_builder_add(builder, table, slots[i]->tts_values, slots[i]->tts_isnull,
									MaxHeapTupleSize, &positions[i]);
		}
		sealed[i] = (tuple != NULL);
		if (!sealed[i])
		{
			Size		len;

			tuple = ExecCopySlotHeapTuple(slots[i]);
			len = row_bytes(slots[i], tuple);
			state->bytes += len;
			state->hot = true;
			pxd_worker_note_hot(table, len);
		}
		ExecStoreHeapTuple(tuple, placeholders[i], true);
	}

	heap_multi_insert(table, placeholders, nslots, cid, options, bistate);

	for (int i = 0; i < nslots; i++)
	{
		slots[i]->tts_tableOid = RelationGetRelid(table);
		slots[i]->tts_tid = placeholders[i]->tts_tid;
		if (sealed[i])
			pxd_builder_set_tid(builder, positions[i], &slots[i]->tts_tid);
		ExecClearTuple(placeholders[i]);
	}
	for (int i = 0; i < nslots; i++)
		pxd_cover_note_tuple(table, &slots[i]->tts_tid, true);
	pfree(positions);
	pfree(sealed);
}

/*
 * Writes what a state's builder holds and lets the builder go. A table dropped, or given another file, since its rows
 * were inserted has no use for them: every way to do that has written them before, so that a rollback to
 * a savepoint finds them.
 */
static void
flush_state(WriteState *state)
{
	Relation	table;

	if (state->builder == NULL)
		return;

	table = try_relation_open(state->table_oid, RowExclusiveLock);
	if (table != NULL)
	{
		if (RelFileNodeEquals(table->rd_node, state->node))
			pxd_builder_flush(state->builder, table);
		relation_close(table, NoLock);
	}
	pxd_builder_destroy(state->builder);
	state->builder = NULL;
	state->cid = InvalidCommandId;
}

void
pxd_write_flush(int level)
{
	/* ROLLBACK TO is a utility command too, and comes when the transaction has failed. */
	if (write_states == NULL || !IsTransactionState())
		return;

	for (WriteState *state = write_states; state != NULL; state = state->next)
		if (level == 0 || state->level > level)
			flush_state(state);
}

/*
 * proximadb.debug_flush: seals the hot rows of commands below level, those of this running transaction included. A table somebody else is
 * maintaining is left alone: tests must not wait where users would not.
 */
void
pxd_write_debug_flush(int level)
{
	if (likely(!pxd_debug_flush) || !IsTransactionState() || IsInParallelMode() || RecoveryInProgress())
		return;

	for (WriteState *state = write_states; state != NULL; state = state->next)
	{
		Relation	table;
		FlushOptions options = {.mode = FLUSH_DEBUG,.hot = true};
		FlushResult result = {0};

		if (!state->hot || (level > 0 && state->level <= level))
			continue;
		state->hot = false;
		if (!ConditionalLockRelationOid(state->table_oid, ShareUpdateExclusiveLock))
			continue;
		table = try_relation_open(state->table_oid, NoLock);
		if (table != NULL)
		{
			if (RelFileNodeEquals(table->rd_node, state->node))
				pxd_flush_table(table, &options, &result);
			relation_close(table, NoLock);
		}
		UnlockRelationOid(state->table_oid, ShareUpdateExclusiveLock);
	}
}

void
pxd_finish_bulk_insert(Relation table, int options)
{
	for (WriteState *state = write_states; state != NULL; state = state->next)
		if (RelFileNodeEquals(state->node, table->rd_node))
			flush_state(state);
}

static void
xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			pxd_write_flush(0);
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
			/* The memory goes with TopTransactionContext. */
			write_states = NULL;
			break;
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
			break;
	}
}

/* A caught error may have left placeholders pointing at rows whose memory is gone. */
static void
subxact_callback(SubXactEvent event, SubTransactionId my_subid, SubTransactionId parent_subid, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;

	for (WriteState *state = write_states; state != NULL; state = state->next)
	{
		if (state->placeholder_context != NULL)
			MemoryContextDelete(state->placeholder_context);
		state->placeholder_context = NULL;
		state->nplaceholders = 0;
	}
	pxd_builder_subxact_abort();
}

void
pxd_write_init(void)
{
	RegisterXactCallback(xact_callback, NULL);
	RegisterSubXactCallback(subxact_callback, NULL);
}
