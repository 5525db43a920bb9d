/*
 * slot_internal.h: the inside of our slot, for slot.c and unread.c.
 */
#ifndef PXD_SLOT_INTERNAL_H
#define PXD_SLOT_INTERNAL_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "storage/bufmgr.h"
#include "utils/expandeddatum.h"

#include "engine.h"
#include "slot.h"
#include "store.h"

struct ProximadbSlot;

/* A sealed value that a slot shows without having read it: a read-only expanded object (unread.c). */
typedef struct UnreadValue
{
	ExpandedObjectHeader header;	/* must be first */
	struct ProximadbSlot *slot; /* whose sealed row it belongs to */
	AttrNumber	attnum;			/* in that row's table */
	int			index;			/* of the slot's buffer it is read into */
	bool		read;
	Datum		flat;			/* once it is read */
} UnreadValue;

typedef struct ProximadbSlot
{
	TupleTableSlot base;
	TupleTableSlot *carrier;	/* NULL until the descriptor is known */
	Relation	table;			/* of the carried tuple, or of origin; open as long as the tuple is in use */
	const Bitmapset *wanted;	/* attributes to read from segments, or NULL for all */
	ValueBuffer *buffers;		/* [natts], allocated at the first sealed value */
	int			nbuffers;
	SegmentAccess access;

	bool		leave_unread;	/* the carried row's sealed values may be shown unread */
	UnreadValue *unread;		/* [natts], allocated at the first unread value */

	/* Of a virtual slot that was materialised with unread values in it. */
	Buffer		origin_buffer;	/* pinned; InvalidBuffer: none of this is in use */
	HeapTupleData origin;		/* the stub on that page that the unread values belong to */
	MemoryContext copies;		/* of its other values, and of system */
	HeapTuple	system;			/* tuple that was inserted for the row, for system columns; NULL before */
} ProximadbSlot;

static inline HeapTuple
carried_tuple(const ProximadbSlot *pslot)
{
	return ((HeapTupleTableSlot *) pslot->carrier)->tuple;
}

static inline bool
is_carried(const ProximadbSlot *pslot)
{
	return pslot->carrier != NULL && !TTS_EMPTY(pslot->carrier);
}

static inline bool
keeps_unread(const ProximadbSlot *pslot)
{
	return BufferIsValid(pslot->origin_buffer);
}

/* --- slot.c --- */

/* Returns the buffer of attribute index, which values of sealed rows are read into. */
extern ValueBuffer *pxd_slot_buffer(ProximadbSlot *pslot, int index);

/* --- unread.c --- */

/* Whether values of att may be shown unread: only types whose functions take any varlena, whatever its form. */
extern bool pxd_unread_allowed(const FormData_pg_attribute *att);

/* Shows attribute attnum of the slot's sealed row unread, as the value of attribute index. */
extern Datum pxd_unread_show(ProximadbSlot *pslot, int index, AttrNumber attnum);

/*
 * Materialises a virtual slot that holds unread values of another one: pins the stub they belong to, makes them its own, and copies all other values.
 * Returns false, and does nothing, if it holds none.
 */
extern bool pxd_unread_keep(ProximadbSlot *pslot);

/* Lets go of what pxd_unread_keep made; the slot's values are invalid afterwards. Only if keeps_unread. */
extern void pxd_unread_drop(ProximadbSlot *pslot);

#endif
