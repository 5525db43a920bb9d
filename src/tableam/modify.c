/*
 * modify.c: UPDATE and DELETE of hot and sealed rows.
 *
 * Both are core's heap functions on the tuple that stands on the page. The new version of a sealed row is an overlay where
 * columns stay as they are in the segment, so that changing a counter copies no vector, else a whole hot row.
 *
 * What is ours besides is to look at the old tuple first where core would misjudge a stub: it holds NULL for columns that are
 * really in the segment. The page stays pinned from that look until core is done, so that no flush can turn a hot
 * row into a stub in between (that takes a cleanup lock; I3, R3).
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/sysattr.h"
#include "access/tableam.h"
#include "access/xlog.h"
#include "catalog/catalog.h"
#include "storage/bufmgr.h"
#include "utils/datum.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "builder.h"
#include "cover.h"
#include "proximadb.h"
#include "sealed.h"
#include "slot.h"
#include "stub.h"
#include "tableam.h"

/* The member of index attribute sets that stands for the whole row; core takes it for always modified. */
#define WHOLE_ROW_MEMBER	(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber)

/*
 * Reads the tuple at tid into *tuple if it is a stub, and returns the pinned, unlocked buffer of its page. Header and
 * bitmap of a stub do not change while the page is pinned, except for MVCC fields. tuple->t_data is NULL for
 * anything else.
 */
static Buffer
look_for_stub(Relation table, ItemPointer tid, HeapTuple tuple)
{
	Buffer		buffer = ReadBuffer(table, ItemPointerGetBlockNumber(tid));
	Page		page = BufferGetPage(buffer);

	tuple->t_data = NULL;
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (ItemPointerGetOffsetNumber(tid) <= PageGetMaxOffsetNumber(page) &&
		page_tuple(table, ItemPointerGetBlockNumber(tid), page, ItemPointerGetOffsetNumber(tid), tuple) &&
		!tuple_is_stub(tuple->t_data))
		tuple->t_data = NULL;
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	return buffer;
}

/* Whether the stub has a NULL, real or not, in attnum. */
static bool
stub_lacks(HeapTuple stub, AttrNumber attnum)
{
	return attnum <= HeapTupleHeaderGetNatts(stub->t_data) &&
		HeapTupleHasNulls(stub) && att_isnull(attnum - 1, stub->t_data->t_bits);
}

/*
 * Logical decoding writes the old row's replica identity from the tuple, so a stub must hold all of it. Identity columns
 * of an index are NOT NULL: a NULL there means that the identity was chosen after the row was sealed.
 */
static void
check_replica_identity(Relation table, HeapTuple stub)
{
	Bitmapset  *identity;
	bool		held;
	int			member = -1;

	identity = RelationGetIndexAttrBitmap(table, INDEX_ATTR_BITMAP_IDENTITY_KEY);
	held = (table->rd_rel->relreplident != REPLICA_IDENTITY_FULL);
	while ((member = bms_next_member(identity, member)) >= 0)
		held &= !stub_lacks(stub, member + FirstLowInvalidHeapAttributeNumber);
	bms_free(identity);

	if (!held)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot change sealed row (%u,%u) of table \"%s\" while its changes are decoded logically",
						ItemPointerGetBlockNumber(&stub->t_self),
						ItemPointerGetOffsetNumber(&stub->t_self),
						RelationGetRelationName(table)),
				 errdetail("The row was sealed before its replica identity was chosen."),
				 errhint("Rewrite the table with VACUUM FULL, with a primary key or index as its replica identity.")));
}

TM_Result
pxd_tuple_delete(Relation table, ItemPointer tid, CommandId cid, Snapshot snapshot, Snapshot crosscheck,
				 bool wait, TM_FailureData *tmfd, bool changing_partition)
{
	Buffer		buffer = InvalidBuffer;
	TM_Result	result;

	pxd_require_preload(table);
	if (RelationIsLogicallyLogged(table))
	{
		HeapTupleData stub;

		buffer = look_for_stub(table, tid, &stub);
		if (stub.t_data != NULL)
			check_replica_identity(table, &stub);
	}

	result = heap_delete(table, tid, cid, crosscheck, wait, tmfd, changing_partition);
	if (BufferIsValid(buffer))
		ReleaseBuffer(buffer);
	return result;
}

/* The new row's NULLs among the indexed columns, as a set offset like the index attribute sets. */
static Bitmapset *
indexed_nulls(Relation table, TupleTableSlot *slot)
{
	TupleDesc	tupdesc = RelationGetDescr(table);
	Bitmapset  *nulls = NULL;
	Bitmapset  *indexed;

	if (!table->rd_rel->relhasindex)
		return NULL;
	slot_getallattrs(slot);
	for (int i = 0; i < tupdesc->natts; i++)
		if (slot->tts_isnull[i] && !TupleDescAttr(tupdesc, i)->attisdropped)
			nulls = bms_add_member(nulls, i + 1 - FirstLowInvalidHeapAttributeNumber);
	if (nulls == NULL)
		return NULL;
	indexed = RelationGetIndexAttrBitmap(table, INDEX_ATTR_BITMAP_ALL);
	nulls = bms_int_members(nulls, indexed);
	bms_free(indexed);
	return nulls;
}

/*
 * heap_update that cannot be HOT: with the whole row among the indexed attributes, core finds every update to
 * change an index. The set is the relation cache's own, so it is put back whatever happens.
 */
static TM_Result
update_not_hot(Relation table, ItemPointer otid, HeapTuple tuple, CommandId cid, Snapshot crosscheck,
			   bool wait, TM_FailureData *tmfd, LockTupleMode *lockmode)
{
	volatile TM_Result result = TM_Ok;

	/*
	 * The set may have been invalidated since it was looked at. Adding a member to none would make a new set, in this command's
	 * memory, which the cache would go on to use. So have core make it, and accept no invalidations from here on.
	 */
	bms_free(RelationGetIndexAttrBitmap(table, INDEX_ATTR_BITMAP_ALL));
	if (table->rd_indexattr == NULL)
		return heap_update(table, otid, tuple, cid, crosscheck, wait, tmfd, lockmode);	/* no index any more */

	PG_TRY();
	{
		/* The set has a word already, so it is changed in place. */
		table->rd_indexattr = bms_add_member(table->rd_indexattr, WHOLE_ROW_MEMBER);
		result = heap_update(table, otid, tuple, cid, crosscheck, wait, tmfd, lockmode);
	}
	PG_FINALLY();
	{
		/* An invalidation meanwhile has made a new set, or none. */
		table->rd_indexattr = bms_del_member(table->rd_indexattr, WHOLE_ROW_MEMBER);
	}
	PG_END_TRY();
	return result;
}

/* What an UPDATE of a sealed row needs to know of it, and what it writes. */
typedef struct SealedUpdate
{
	HeapTuple	overlay;		/* the new version, or NULL if it must be a whole row */
	HeapTuple	direct;			/* the stub that is the new version instead, or NULL; its row is in builder */
	SegmentBuilder *builder;
	uint32		position;
	bool		false_hot;		/* core would take a column for unchanged that is not (R3) */
} SealedUpdate;

/* The old row's sealed columns, opened only if a value must be read. */
typedef struct OldRow
{
	Relation	table;
	HeapTuple	stub;
	bool		located;
	SealedRow	row;
	SegmentAccess access;
	ValueBuffer value;
} OldRow;

/* Reads attribute att from the old row's segment, if it stands there at all: false if not. */
static bool
read_old(OldRow *old, Form_pg_attribute att, Datum *value, bool *isnull)
{
	if (!old->located)
		(void) pxd_sealed_locate(&old->access, old->table, old->stub, true, &old->row);
	old->located = true;
	if (!sealed_row_has(&old->row, att->attnum))
		return false;
	if (old->row.engine != NULL)
		*value = old->row.engine->fetch(&old->access, old->row.state, old->row.position, att, &old->value, isnull);
	else
		*value = pxd_batch_fetch(old->row.batch, old->row.position, att->attnum, &old->value, isnull);
	return true;
}

/*
 * Compares the new version in slot with the stub: returns the attributes (numbers from 1) that stand in the old row's segment only and stay as they are. *false_hot is
 * set if one of nulls, the indexed columns that the new version has NULL in, is not null in the segment: core would find it unchanged, beside a stub that does
 * not hold it either (R3).
 */
static Bitmapset *
find_unchanged(OldRow *old, TupleTableSlot *slot, bool is_origin, const Bitmapset *nulls, bool *false_hot)
{
	TupleDesc	tupdesc = RelationGetDescr(old->table);
	HeapTuple	stub = old->stub;
	Bitmapset  *unchanged = NULL;

	slot_getallattrs(slot);
	for (int i = 0; i < HeapTupleHeaderGetNatts(stub->t_data); i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);
		bool		same;
		bool		isnull;
		Datum		value;

		if (!stub_lacks(stub, i + 1) || att->attisdropped || overlay_has_inline(stub->t_data, i + 1))
			continue;
		if (is_origin && pxd_slot_is_unread(slot, i + 1))
			same = true;
		else if (!read_old(old, att, &value, &isnull))
			continue;
		else if (isnull || slot->tts_isnull[i])
		{
			same = isnull && slot->tts_isnull[i];
			*false_hot |= !isnull && bms_is_member(i + 1 - FirstLowInvalidHeapAttributeNumber, nulls);
		}
		else
			same = datum_image_eq(value, slot->tts_values[i], att->attbyval, att->attlen);
		if (same)
			unchanged = bms_add_member(unchanged, i + 1);
	}
	return unchanged;
}

static void
prepare_sealed_update(Relation table, HeapTuple stub, TupleTableSlot *slot, bool is_origin, SealedUpdate *update)
{
	OldRow		old = {.table = table,.stub = stub,.value.context = CurrentMemoryContext};
	Bitmapset  *nulls = indexed_nulls(table, slot);
	Bitmapset  *unchanged;

	pxd_access_init(&old.access);
	unchanged = find_unchanged(&old, slot, is_origin, nulls, &update->false_hot);
	pxd_access_close(&old.access);

	/* Decoding reads whole tuples. */
	if (unchanged != NULL && !RelationIsLogicallyLogged(table))
		update->overlay = pxd_overlay_form(RelationGetDescr(table), slot->tts_values, slot->tts_isnull,
										   unchanged, stub_locator(stub->t_data));

	bms_free(unchanged);
	bms_free(nulls);
	if (old.value.data != NULL)
		pfree(old.value.data);
}

/*
 * Whether core would re-form the new version because the old one has external values: no stub may get there (R17). The old tuple's page is
 * pinned.
 */
static bool
old_has_external(Relation table, Buffer buffer, ItemPointer otid)
{
	HeapTupleData old;
	bool		external;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	external = ItemPointerGetOffsetNumber(otid) <= PageGetMaxOffsetNumber(BufferGetPage(buffer)) &&
		page_tuple(table, ItemPointerGetBlockNumber(otid), BufferGetPage(buffer), ItemPointerGetOffsetNumber(otid), &old) &&
		HeapTupleHasExternal(&old);
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	return external;
}

/*
 * Makes the new version a stub if the command goes direct and much of the row changes. Core cannot tell whether a column has changed that the stub does not hold: if
 * an index uses one, the update is not HOT (R3).
 */
static void
try_direct_update(Relation table, Buffer buffer, ItemPointer otid, TupleTableSlot *slot, CommandId cid, SealedUpdate *update)
{
	if (update->overlay != NULL && !tuple_is_wide_overlay(update->overlay->t_data, update->overlay->t_len))
		return;
	if (old_has_external(table, buffer, otid))
		return;
	update->direct = pxd_write_direct(table, slot, cid, &update->builder, &update->position);
	if (update->direct != NULL)
		update->false_hot |= pxd_builder_hides_indexed(update->builder, table);
}

TM_Result
pxd_tuple_update(Relation table, ItemPointer otid, TupleTableSlot *slot, CommandId cid, Snapshot snapshot,
				 Snapshot crosscheck, bool wait, TM_FailureData *tmfd,
				 LockTupleMode *lockmode, bool *update_indexes)
{
	HeapTupleData found;
	HeapTuple	stub;
	Buffer		buffer = InvalidBuffer;
	SealedUpdate update = {0};
	bool		should_free = true;
	HeapTuple	tuple;
	TM_Result	result;

	pxd_require_preload(table);
	pxd_apply_default_options(table);

	stub = pxd_slot_origin(slot, table, otid);
	if (stub != NULL)
	{
		found = *stub;
		buffer = pxd_slot_pin_origin(slot);
	}
	else
		buffer = look_for_stub(table, otid, &found);
	if (found.t_data != NULL)
	{
		if (RelationIsLogicallyLogged(table))
			check_replica_identity(table, &found);
		prepare_sealed_update(table, &found, slot, stub != NULL, &update);
	}

	try_direct_update(table, buffer, otid, slot, cid, &update);
	if (update.direct != NULL)
		tuple = update.direct;
	else
		tuple = update.overlay != NULL ? update.overlay : pxd_slot_own_tuple(slot, &should_free);
	slot->tts_tableOid = RelationGetRelid(table);
	tuple->t_tableOid = slot->tts_tableOid;

	if (update.false_hot)
		result = update_not_hot(table, otid, tuple, cid, crosscheck, wait, tmfd, lockmode);
	else
		result = heap_update(table, otid, tuple, cid, crosscheck, wait, tmfd, lockmode);
	ReleaseBuffer(buffer);

	*update_indexes = (result == TM_Ok && !HeapTupleIsHeapOnly(tuple));
	if (update.direct != NULL && result == TM_Ok)
		pxd_builder_set_tid(update.builder, update.position, &tuple->t_self);
	else if (update.direct != NULL)
		pxd_builder_forget(update.builder, update.position);
	if (result == TM_Ok)
		pxd_cover_note_tuple(table, &tuple->t_self, true);
	if (result == TM_Ok && (update.direct != NULL || update.overlay != NULL))
		pxd_slot_inserted(slot, tuple);
	else
		slot->tts_tid = tuple->t_self;
	if (result == TM_Ok && update.direct == NULL && (update.overlay == NULL || tuple_is_wide_overlay(tuple->t_data, tuple->t_len)))
		pxd_write_note_hot(table, cid, tuple->t_len);
	if (should_free)
		pfree(tuple);
	return result;
}
