/*
 * unread.c: sealed values that are shown without being read.
 *
 * An UPDATE has the executor fetch the old row and copy, value by value, what the command does not set. Reading a vector and decoding a block of texts only to find
 * that they stay as they are would be most of such an update's cost. So the old row's slot shows its sealed values as read-only
 * expanded objects: pointers that say where the value is. Whoever looks at one gets it read then, by detoasting, as with any external value; the
 * new row's slot keeps them when it is materialised, and tuple_update sees at a glance which columns are what they were.
 *
 * An unread value belongs to a stub, and the slot that shows it holds a pin on the stub's page (I3): the carrier's, or one of its own in a materialised slot.
 * No other locks. A value may be read under another resource owner than the slot's, in a subtransaction of a function that got it, which may
 * fail. So reading goes its own way into the store, leaves nothing pinned or open behind, and touches no pin of the slot's.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "storage/bufmgr.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "halfvec.h"
#include "sealed.h"
#include "slot_internal.h"
#include "stub.h"
#include "vector.h"

bool
pxd_unread_allowed(const FormData_pg_attribute *att)
{
	if (att->attlen != -1)
		return false;
	switch (att->atttypid)
	{
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case BYTEAOID:
		case JSONOID:
		case JSONBOID:
		case NUMERICOID:
			return true;
		default:
			/* Arrays and composite types have expanded forms of their own, and their functions would take ours for those. */
			return att->atttypid == pxd_vector_type_oid() || att->atttypid == pxd_halfvec_type_oid();
	}
}

/* The stub that the slot's unread values belong to. */
static HeapTuple
unread_stub(ProximadbSlot *pslot)
{
	HeapTuple	stub = keeps_unread(pslot) ? &pslot->origin : carried_tuple(pslot);

	if (!tuple_is_stub(stub->t_data))
		elog(ERROR, "unread value has outlived its row");
	return stub;
}

static struct varlena *
read_value(UnreadValue *value)
{
	ProximadbSlot *pslot = value->slot;

	if (!value->read)
	{
		SegmentAccess access;
		SealedRow	row;
		bool		isnull;

		pxd_access_init(&access);
		(void) pxd_sealed_locate(&access, pslot->table, unread_stub(pslot), true, &row);
		if (row.engine == NULL)
			elog(ERROR, "segment of an unread value has gone");
		value->flat = row.engine->fetch(&access, row.state, row.position,
										TupleDescAttr(RelationGetDescr(pslot->table), value->attnum - 1),
										pxd_slot_buffer(pslot, value->index), &isnull);
		if (isnull)
			elog(ERROR, "unread value is null");
		pxd_access_close(&access);
		value->read = true;
	}
	return (struct varlena *) DatumGetPointer(value->flat);
}

static Size
get_flat_size(ExpandedObjectHeader *header)
{
	return VARSIZE_ANY(read_value((UnreadValue *) header));
}

static void
flatten_into(ExpandedObjectHeader *header, void *result, Size allocated_size)
{
	struct varlena *flat = read_value((UnreadValue *) header);

	Assert(allocated_size == VARSIZE_ANY(flat));
	memcpy(result, flat, allocated_size);
}

static const ExpandedObjectMethods unread_methods = {
	.get_flat_size = get_flat_size,
	.flatten_into = flatten_into,
};

Datum
pxd_unread_show(ProximadbSlot *pslot, int index, AttrNumber attnum)
{
	UnreadValue *value;

	if (pslot->unread == NULL)
		pslot->unread = MemoryContextAllocZero(pslot->base.tts_mcxt,
											   pslot->base.tts_tupleDescriptor->natts * sizeof(UnreadValue));
	value = &pslot->unread[index];
	if (value->slot == NULL)
	{
		EOH_init_header(&value->header, &unread_methods, pslot->base.tts_mcxt);
		value->slot = pslot;
		value->index = index;
	}
	value->attnum = attnum;
	value->read = false;
	return EOHPGetRODatum(&value->header);
}

/* The unread value behind the slot's attribute index, or NULL. */
static UnreadValue *
unread_at(const TupleTableSlot *slot, int index)
{
	Datum		value = slot->tts_values[index];
	ExpandedObjectHeader *header;

	if (slot->tts_isnull[index] || TupleDescAttr(slot->tts_tupleDescriptor, index)->attlen != -1 ||
		!VARATT_IS_EXTERNAL_EXPANDED_RO(DatumGetPointer(value)))
		return NULL;
	header = DatumGetEOHP(value);
	return header->eoh_methods == &unread_methods ? (UnreadValue *) header : NULL;
}

/* The slot whose row's unread values this one holds; the first, should there be several. */
static ProximadbSlot *
find_source(const TupleTableSlot *slot)
{
	for (int i = 0; i < slot->tts_nvalid; i++)
	{
		UnreadValue *value = unread_at(slot, i);

		if (value != NULL)
			return value->slot;
	}
	return NULL;
}

bool
pxd_unread_keep(ProximadbSlot *pslot)
{
	TupleTableSlot *slot = &pslot->base;
	ProximadbSlot *source = find_source(slot);
	MemoryContext oldcontext;

	Assert(!is_carried(pslot) && !keeps_unread(pslot));
	if (source == NULL || source == pslot)
		return false;
	if (pslot->copies == NULL)
		pslot->copies = AllocSetContextCreate(slot->tts_mcxt, "proximadb slot", ALLOCSET_SMALL_SIZES);

	oldcontext = MemoryContextSwitchTo(pslot->copies);
	for (int i = 0; i < slot->tts_nvalid; i++)
	{
		Form_pg_attribute att = TupleDescAttr(slot->tts_tupleDescriptor, i);
		UnreadValue *value = unread_at(slot, i);

		if (!slot->tts_isnull[i] && !att->attbyval && (value == NULL || value->slot != source))
			slot->tts_values[i] = datumCopy(slot->tts_values[i], false, att->attlen);
	}
	MemoryContextSwitchTo(oldcontext);

	pslot->origin = *unread_stub(source);
	pslot->origin_buffer = keeps_unread(source) ? source->origin_buffer :
		((BufferHeapTupleTableSlot *) source->carrier)->buffer;
	IncrBufferRefCount(pslot->origin_buffer);
	pslot->table = source->table;
	pslot->system = NULL;

	for (int i = 0; i < slot->tts_nvalid; i++)
	{
		UnreadValue *value = unread_at(slot, i);

		if (value != NULL)
			slot->tts_values[i] = pxd_unread_show(pslot, i, value->attnum);
	}
	return true;
}

void
pxd_unread_drop(ProximadbSlot *pslot)
{
	Buffer		buffer = pslot->origin_buffer;

	pslot->origin_buffer = InvalidBuffer;
	pslot->system = NULL;
	MemoryContextReset(pslot->copies);
	ReleaseBuffer(buffer);
}

HeapTuple
pxd_slot_origin(TupleTableSlot *slot, Relation table, ItemPointer tid)
{
	ProximadbSlot *pslot = (ProximadbSlot *) slot;

	if (!TTS_IS_PROXIMADB(slot) || !keeps_unread(pslot) || pslot->origin.t_tableOid != RelationGetRelid(table) ||
		!ItemPointerEquals(&pslot->origin.t_self, tid))
		return NULL;
	return &pslot->origin;
}

Buffer
pxd_slot_pin_origin(TupleTableSlot *slot)
{
	Buffer		buffer = ((ProximadbSlot *) slot)->origin_buffer;

	IncrBufferRefCount(buffer);
	return buffer;
}

bool
pxd_slot_is_unread(TupleTableSlot *slot, AttrNumber attnum)
{
	UnreadValue *value;

	Assert(keeps_unread((ProximadbSlot *) slot));
	value = unread_at(slot, attnum - 1);
	return value != NULL && value->slot == (ProximadbSlot *) slot && value->attnum == attnum;
}
