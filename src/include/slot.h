/*
 * slot.h: the tuple table slot of our table AMs.
 *
 * A slot is a façade over a core buffer-heap slot, the carrier, which holds the heap tuple (hot row or stub) and its
 * pin. Attributes of sealed rows are read from the segment when asked for. The carrier is never evaluated (R17).
 */
#ifndef PXD_SLOT_H
#define PXD_SLOT_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "storage/buf.h"
#include "utils/rel.h"

extern const TupleTableSlotOps TTSOpsProximadb;

#define TTS_IS_PROXIMADB(slot)	((slot)->tts_ops == &TTSOpsProximadb)

/* The carrier, to hand to core's heap functions that want a buffer-heap slot; the slot's old contents are dropped. */
extern TupleTableSlot *pxd_slot_carrier(TupleTableSlot *slot);

/* The carrier as it is, for functions that look at its tuple. */
extern TupleTableSlot *pxd_slot_peek_carrier(TupleTableSlot *slot);

/* After such a function has stored a tuple of table in the carrier: makes it the slot's tuple. Returns true. */
extern bool pxd_slot_adopt(TupleTableSlot *slot, Relation table);

/*
 * Shows tuple, a hot row or stub of table in the caller's memory. The caller sees to it that a stub's locator stays true while
 * the slot is used, by a pin on its page or by a lock that keeps flush and compaction away.
 */
extern void pxd_slot_show(TupleTableSlot *slot, Relation table, HeapTuple tuple);

/*
 * After pxd_slot_adopt: the row is fetched for an UPDATE, say, that looks at few of its columns and hands the others on. Sealed values may then be shown unread, as
 * read-only expanded objects that are read when somebody detoasts them.
 */
extern void pxd_slot_leave_unread(TupleTableSlot *slot);

/*
 * The stub at tid of table if slot, of any kind, is a new version of it that was materialised with values of the stub in it that nobody has had to read; NULL otherwise. The
 * slot has its page pinned.
 */
extern HeapTuple pxd_slot_origin(TupleTableSlot *slot, Relation table, ItemPointer tid);

/* Another pin on the page of such a slot's stub. */
extern Buffer pxd_slot_pin_origin(TupleTableSlot *slot);

/* Whether attnum of such a slot is that very attribute of the stub: unchanged without a look at it. */
extern bool pxd_slot_is_unread(TupleTableSlot *slot, AttrNumber attnum);

/*
 * Restricts which attributes slot_getsomeattrs reads from segments (attribute numbers, 1-based, offset by
 * FirstLowInvalidHeapAttributeNumber as in pull_varattnos; NULL: all). Others come back as NULL and must not be used. The set is not copied.
 */
extern void pxd_slot_project(TupleTableSlot *slot, const Bitmapset *attrs);

/*
 * The slot's whole row as a heap tuple in the current context, with the row's own MVCC header, t_self and t_tableOid
 * (a stub's locator gap is gone: it is a plain tuple).
 */
extern HeapTuple pxd_slot_form_tuple(TupleTableSlot *slot);

/*
 * Materialises a slot of any kind and returns its tuple, for heap functions that insert it and fill in its header: with our slots
 * it is the slot's own, so that system columns can be read afterwards. *should_free as with ExecFetchSlotHeapTuple.
 */
extern HeapTuple pxd_slot_own_tuple(TupleTableSlot *slot, bool *should_free);

/* After a stub was inserted for the row of a slot of any kind: the slot shows its TID and table, ours system columns too. */
extern void pxd_slot_inserted(TupleTableSlot *slot, HeapTuple stub);

#endif
