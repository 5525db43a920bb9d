/*
 * slot.c: the tuple table slot of viper tables.
 *
 * A slot is in one of three states:
 *   empty
 *   virtual   values and nulls only, put there by the executor (a row to be inserted). Materialised, it is carried; or, if it has values
 *             in it that another slot shows unread, virtual still, with a pin of its own on the stub they belong to (unread.c)
 *   carried   the carrier, a core buffer-heap slot, holds a heap tuple: on its page, pinned (a hot row or a
 *             stub), or a private copy of the whole row after materialisation (never a stub)
 *
 * A stub's columns that are not in the stub come from its segment when they are asked for, into buffers
 * the slot keeps per attribute, so a scan allocates nothing per row. The pin the carrier holds on the heap page is
 * what keeps the locator true while it is used (I3). Pins and the store's relation reference belong to the resource owner current
 * when they were taken, as with core's slots; after an abort there is nothing to undo.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "executor/tuptable.h"
#include "utils/memutils.h"

#include "sealed.h"
#include "slot_internal.h"
#include "stub.h"

static void
make_carrier(ProximadbSlot *pslot)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(pslot->base.tts_mcxt);

	if (pslot->carrier != NULL)
		ExecDropSingleTupleTableSlot(pslot->carrier);
	pslot->carrier = MakeSingleTupleTableSlot(pslot->base.tts_tupleDescriptor, &TTSOpsBufferHeapTuple);
	MemoryContextSwitchTo(oldcontext);
}

/* The carrier, made anew if the slot was given another descriptor since. */
static inline TupleTableSlot *
current_carrier(ProximadbSlot *pslot)
{
	if (unlikely(pslot->carrier == NULL ||
				 pslot->carrier->tts_tupleDescriptor != pslot->base.tts_tupleDescriptor))
		make_carrier(pslot);
	return pslot->carrier;
}

static void
slot_init(TupleTableSlot *slot)
{
	ProximadbSlot *pslot = (ProximadbSlot *) slot;

	pxd_access_init(&pslot->access);
	pslot->origin_buffer = InvalidBuffer;

	/* Here, so that carrier and slot pin the descriptor under the same resource owner. */
	if (slot->tts_tupleDescriptor != NULL)
		make_carrier(pslot);
}

static void
slot_release(TupleTableSlot *slot)
{
	ProximadbSlot *pslot = (ProximadbSlot *) slot;

	if (keeps_unread(pslot))
		pxd_unread_drop(pslot);
	if (pslot->copies != NULL)
		MemoryContextDelete(pslot->copies);
	pslot->copies = NULL;
	if (pslot->unread != NULL)
		pfree(pslot->unread);
	pslot->unread = NULL;
	pxd_access_close(&pslot->access);
	if (pslot->buffers != NULL)
	{
		for (int i = 0; i < pslot->nbuffers; i++)
			if (pslot->buffers[i].data != NULL)
				pfree(pslot->buffers[i].data);
		pfree(pslot->buffers);
		pslot->buffers = NULL;
	}
	if (pslot->carrier != NULL)
	{
		ExecDropSingleTupleTableSlot(pslot->carrier);
		pslot->carrier = NULL;
	}
}

static void
slot_clear(TupleTableSlot *slot)
{
	ProximadbSlot *pslot = (ProximadbSlot *) slot;

	if (is_carried(pslot))
		ExecClearTuple(pslot->carrier);
	if (keeps_unread(pslot))
		pxd_unread_drop(pslot);
	pxd_access_unpin(&pslot->access);
	slot->tts_nvalid = 0;
	slot->tts_flags |= TTS_FLAG_EMPTY;
	ItemPointerSetInvalid(&slot->tts_tid);
}

static void
make_buffers(ProximadbSlot *pslot)
{
	int			natts = pslot->base.tts_tupleDescriptor->natts;

	pslot->buffers = MemoryContextAllocZero(pslot->base.tts_mcxt, natts * sizeof(ValueBuffer));
	pslot->nbuffers = natts;
	for (int i = 0; i < natts; i++)
		pslot->buffers[i].context = pslot->base.tts_mcxt;
}

ValueBuffer *
pxd_slot_buffer(ProximadbSlot *pslot, int index)
{
	if (pslot->buffers == NULL)
		make_buffers(pslot);
	return &pslot->buffers[index];
}

/* Whether attribute att of a located row can be shown without being read: it must be known not to be null. */
static inline bool
may_stay_unread(const ProximadbSlot *pslot, const SealedRow *row, const FormData_pg_attribute *att)
{
	return pslot->leave_unread && row->engine != NULL && pxd_unread_allowed(att) &&
		row->engine->never_null(row->state, att->attnum);
}

/*
 * Reads the attributes [from, to) of a sealed row that its stub does not hold. A NULL in the stub is a real one only if
 * the segment says that its stubs hold the attribute (R16), so only NULLs need a look.
 */
static void
fill_sealed(ProximadbSlot *pslot, HeapTuple stub, int from, int to)
{
	TupleTableSlot *slot = &pslot->base;
	TupleDesc	tupdesc = slot->tts_tupleDescriptor;
	bool		located = false;
	SealedRow	row = {0};

	for (int i = from; i < to; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);
		ValueBuffer *buffer;

		if (!slot->tts_isnull[i] || att->attisdropped || overlay_has_inline(stub->t_data, i + 1))
			continue;
		if (pslot->wanted != NULL &&
			!bms_is_member(i + 1 - FirstLowInvalidHeapAttributeNumber, pslot->wanted))
			continue;

		/* Whatever is not there yet is waited for. */
		if (!located)
			(void) pxd_sealed_locate(&pslot->access, pslot->table, stub, true, &row);
		located = true;

		if (!sealed_row_has(&row, i + 1))
			continue;
		if (may_stay_unread(pslot, &row, att))
		{
			slot->tts_values[i] = pxd_unread_show(pslot, i, i + 1);
			slot->tts_isnull[i] = false;
			continue;
		}
		buffer = pxd_slot_buffer(pslot, i);
		if (row.engine != NULL)
			slot->tts_values[i] = row.engine->fetch(&pslot->access, row.state, row.position, att,
													buffer, &slot->tts_isnull[i]);
		else
			slot->tts_values[i] = pxd_batch_fetch(row.batch, row.position, i + 1,
												  buffer, &slot->tts_isnull[i]);
	}
}

static void
slot_getsomeattrs_carried(TupleTableSlot *slot, int natts)
{
	ProximadbSlot *pslot = (ProximadbSlot *) slot;
	int			from = slot->tts_nvalid;
	HeapTuple	tuple;

	Assert(!TTS_EMPTY(slot) && is_carried(pslot));
	if (from >= natts)
		return;

	slot_getsomeattrs(pslot->carrier, natts);
	memcpy(slot->tts_values + from, pslot->carrier->tts_values + from, (natts - from) * sizeof(Datum));
	memcpy(slot->tts_isnull + from, pslot->carrier->tts_isnull + from, (natts - from) * sizeof(bool));

	/* Attributes beyond the tuple's own are "missing" ones, which the carrier has filled in. */
	tuple = carried_tuple(pslot);
	if (tuple_is_stub(tuple->t_data))
		fill_sealed(pslot, tuple, from, Min(natts, HeapTupleHeaderGetNatts(tuple->t_data)));
	slot->tts_nvalid = natts;
}

static Datum
slot_getsysattr_carried(TupleTableSlot *slot, int attnum, bool *isnull)
{
	ProximadbSlot *pslot = (ProximadbSlot *) slot;

	if (!is_carried(pslot) && keeps_unread(pslot) && pslot->system != NULL)
		return heap_getsysattr(pslot->system, attnum, slot->tts_tupleDescriptor, isnull);
	if (!is_carried(pslot))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot retrieve a system column in this context")));
	return heap_getsysattr(carried_tuple(pslot), attnum, slot->tts_tupleDescriptor, isnull);
}

/* Gives tuple the MVCC state of source: transaction ids, ctid and the infomask bits that belong to them. */
static void
copy_mvcc_header(HeapTuple tuple, HeapTuple source)
{
	HeapTupleHeader to = tuple->t_data;
	HeapTupleHeader from = source->t_data;

	to->t_choice.t_heap = from->t_choice.t_heap;
	to->t_ctid = from->t_ctid;
	to->t_infomask = (to->t_infomask & ~HEAP_XACT_MASK) | (from->t_infomask & HEAP_XACT_MASK);
	to->t_infomask2 = (to->t_infomask2 & ~HEAP2_XACT_MASK) | (from->t_infomask2 & HEAP2_XACT_MASK);
	tuple->t_self = source->t_self;
	tuple->t_tableOid = source->t_tableOid;
}

/* Forms a plain tuple of the slot's row in the current context; a carried tuple's MVCC header is kept. */
HeapTuple
pxd_slot_form_tuple(TupleTableSlot *slot)
{
	ProximadbSlot *pslot = (ProximadbSlot *) slot;
	const Bitmapset *wanted = pslot->wanted;
	bool		leave_unread = pslot->leave_unread;
	HeapTuple	source,
				tuple;

	Assert(TTS_IS_PROXIMADB(slot) && !TTS_EMPTY(slot));

	if (!is_carried(pslot))
	{
		tuple = heap_form_tuple(slot->tts_tupleDescriptor, slot->tts_values, slot->tts_isnull);
		tuple->t_self = slot->tts_tid;
		tuple->t_tableOid = slot->tts_tableOid;
		if (keeps_unread(pslot) && pslot->system != NULL)
			copy_mvcc_header(tuple, pslot->system);
		return tuple;
	}

	source = carried_tuple(pslot);
	if (!tuple_is_stub(source->t_data))
		return heap_copytuple(source);

	/* A whole row is asked for, whatever the plan's projection was, and all of it is going to be read. */
	if (wanted != NULL || leave_unread)
	{
		pslot->wanted = NULL;
		pslot->leave_unread = false;
		slot->tts_nvalid = 0;
	}
	slot_getallattrs(slot);
	pslot->wanted = wanted;
	pslot->leave_unread = leave_unread;

	tuple = heap_form_tuple(slot->tts_tupleDescriptor, slot->tts_values, slot->tts_isnull);
	copy_mvcc_header(tuple, source);
	return tuple;
}

/* Makes a private tuple, allocated in the slot's context, the carried one. */
static void
carry_private(ProximadbSlot *pslot, HeapTuple tuple)
{
	TupleTableSlot *slot = &pslot->base;
	TupleTableSlot *carrier = current_carrier(pslot);
	HeapTupleTableSlot *hslot = (HeapTupleTableSlot *) carrier;

	Assert(!tuple_is_stub(tuple->t_data));

	ExecClearTuple(carrier);
	if (keeps_unread(pslot))
		pxd_unread_drop(pslot);
	pxd_access_unpin(&pslot->access);
	hslot->tuple = tuple;
	hslot->off = 0;
	carrier->tts_nvalid = 0;
	carrier->tts_tid = tuple->t_self;
	carrier->tts_tableOid = tuple->t_tableOid;
	carrier->tts_flags &= ~TTS_FLAG_EMPTY;
	carrier->tts_flags |= TTS_FLAG_SHOULDFREE;

	slot->tts_nvalid = 0;
	slot->tts_flags &= ~TTS_FLAG_EMPTY;
	slot->tts_tid = tuple->t_self;
}

/* Makes the slot's whole row a private tuple of its own, if it is not yet. */
static void
make_private(ProximadbSlot *pslot)
{
	MemoryContext oldcontext;
	HeapTuple	tuple;

	if (is_carried(pslot) && TTS_SHOULDFREE(pslot->carrier))
		return;

	oldcontext = MemoryContextSwitchTo(pslot->base.tts_mcxt);
	tuple = pxd_slot_form_tuple(&pslot->base);
	MemoryContextSwitchTo(oldcontext);
	carry_private(pslot, tuple);
}

static void
slot_materialize(TupleTableSlot *slot)
{
	ProximadbSlot *pslot = (ProximadbSlot *) slot;

	Assert(!TTS_EMPTY(slot));
	if (!is_carried(pslot) && (keeps_unread(pslot) || pxd_unread_keep(pslot)))
		return;
	make_private(pslot);
}

HeapTuple
pxd_slot_own_tuple(TupleTableSlot *slot, bool *should_free)
{
	if (!TTS_IS_PROXIMADB(slot))
		return ExecFetchSlotHeapTuple(slot, true, should_free);

	*should_free = false;
	make_private((ProximadbSlot *) slot);
	return carried_tuple((ProximadbSlot *) slot);
}

void
pxd_slot_inserted(TupleTableSlot *slot, HeapTuple stub)
{
	if (TTS_IS_PROXIMADB(slot))
	{
		ProximadbSlot *pslot = (ProximadbSlot *) slot;

		slot_materialize(slot);
		if (keeps_unread(pslot))
		{
			MemoryContext oldcontext = MemoryContextSwitchTo(pslot->copies);

			pslot->system = heap_copytuple(stub);
			MemoryContextSwitchTo(oldcontext);
		}
		else
			copy_mvcc_header(carried_tuple(pslot), stub);
	}
	slot->tts_tid = stub->t_self;
	slot->tts_tableOid = stub->t_tableOid;
}

static void
slot_copyslot(TupleTableSlot *dst, TupleTableSlot *src)
{
	MemoryContext oldcontext;
	HeapTuple	tuple;

	oldcontext = MemoryContextSwitchTo(dst->tts_mcxt);
	tuple = ExecCopySlotHeapTuple(src);
	MemoryContextSwitchTo(oldcontext);

	ExecClearTuple(dst);
	carry_private((ProximadbSlot *) dst, tuple);
}

static MinimalTuple
slot_copy_minimal_tuple(TupleTableSlot *slot)
{
	slot_getallattrs(slot);
	return heap_form_minimal_tuple(slot->tts_tupleDescriptor, slot->tts_values, slot->tts_isnull);
}

TupleTableSlot *
pxd_slot_carrier(TupleTableSlot *slot)
{
	ProximadbSlot *pslot = (ProximadbSlot *) slot;

	Assert(TTS_IS_PROXIMADB(slot));

	if (unlikely(keeps_unread(pslot)))
		pxd_unread_drop(pslot);

	/* The carrier keeps its tuple and pin for now: core's store functions save work on the same page. */
	slot->tts_nvalid = 0;
	slot->tts_flags |= TTS_FLAG_EMPTY;
	return current_carrier(pslot);
}

TupleTableSlot *
pxd_slot_peek_carrier(TupleTableSlot *slot)
{
	Assert(TTS_IS_PROXIMADB(slot) && is_carried((ProximadbSlot *) slot));
	return ((ProximadbSlot *) slot)->carrier;
}

bool
pxd_slot_adopt(TupleTableSlot *slot, Relation table)
{
	ProximadbSlot *pslot = (ProximadbSlot *) slot;

	Assert(TTS_IS_PROXIMADB(slot) && is_carried(pslot));

	pslot->table = table;
	pslot->leave_unread = false;
	slot->tts_nvalid = 0;
	slot->tts_flags &= ~TTS_FLAG_EMPTY;
	slot->tts_tid = pslot->carrier->tts_tid;
	slot->tts_tableOid = RelationGetRelid(table);
	return true;
}

void
pxd_slot_show(TupleTableSlot *slot, Relation table, HeapTuple tuple)
{
	ProximadbSlot *pslot = (ProximadbSlot *) slot;
	HeapTupleTableSlot *hslot;

	ExecClearTuple(slot);
	hslot = (HeapTupleTableSlot *) current_carrier(pslot);
	hslot->tuple = tuple;
	hslot->off = 0;
	hslot->base.tts_nvalid = 0;
	hslot->base.tts_tid = tuple->t_self;
	hslot->base.tts_tableOid = RelationGetRelid(table);
	hslot->base.tts_flags &= ~TTS_FLAG_EMPTY;
	pxd_slot_adopt(slot, table);
}

void
pxd_slot_leave_unread(TupleTableSlot *slot)
{
	Assert(TTS_IS_PROXIMADB(slot) && slot->tts_nvalid == 0);
	((ProximadbSlot *) slot)->leave_unread = true;
}

void
pxd_slot_project(TupleTableSlot *slot, const Bitmapset *attrs)
{
	Assert(TTS_IS_PROXIMADB(slot));
	((ProximadbSlot *) slot)->wanted = attrs;
}

const TupleTableSlotOps TTSOpsProximadb = {
	.base_slot_size = sizeof(ProximadbSlot),
	.init = slot_init,
	.release = slot_release,
	.clear = slot_clear,
	.getsomeattrs = slot_getsomeattrs_carried,
	.getsysattr = slot_getsysattr_carried,
	.materialize = slot_materialize,
	.copyslot = slot_copyslot,
	.get_heap_tuple = NULL,
	.get_minimal_tuple = NULL,
	.copy_heap_tuple = pxd_slot_form_tuple,
	.copy_minimal_tuple = slot_copy_minimal_tuple,
};
