/*
 * stub.h: the form of a stub and its locator.
 *
 * A stub is a heap tuple whose t_hoff is LOCATOR_SIZE larger than bitmap and header need; the locator
 * stands in that gap, right before the user data. Only src/tableam and src/store include this file (I5).
 */
#ifndef PXD_STUB_H
#define PXD_STUB_H

#include "postgres.h"

#include "access/htup_details.h"

#include "store.h"

#define LOCATOR_SIZE			sizeof(uint64)
#define LOCATOR_POSITION_BITS	24
#define LOCATOR_POSITION_MAX	((UINT64CONST(1) << LOCATOR_POSITION_BITS) - 1)

/* A row whose key columns need more than this stays hot. */
#define STUB_MAX_KEY_BYTES		256

/* Page space of a stub with a bigint key, line pointer included, at the default fillfactor; for estimates. */
#define STUB_TYPICAL_BYTES		58

typedef uint64 Locator;

static inline Locator
locator_make(SegmentNumber segno, uint32 position)
{
	return (segno << LOCATOR_POSITION_BITS) | position;
}

static inline SegmentNumber
locator_segment(Locator locator)
{
	return locator >> LOCATOR_POSITION_BITS;
}

static inline uint32
locator_position(Locator locator)
{
	return (uint32) (locator & LOCATOR_POSITION_MAX);
}

static inline bool
tuple_is_stub(const HeapTupleHeaderData *tuple)
{
	int			need = SizeofHeapTupleHeader;

	if (tuple->t_infomask & HEAP_HASNULL)
		need += BITMAPLEN(HeapTupleHeaderGetNatts(tuple));
	return tuple->t_hoff == MAXALIGN(need) + LOCATOR_SIZE;
}

static inline Locator
stub_locator(const HeapTupleHeaderData *stub)
{
	Locator		locator;

	Assert(tuple_is_stub(stub));
	memcpy(&locator, (const char *) stub + stub->t_hoff - LOCATOR_SIZE, sizeof(locator));
	return locator;
}

/*
 * Forms a stub in the current context: values of stub_attrs, all other columns NULL, and the locator. Returns NULL if
 * the key columns need more than STUB_MAX_KEY_BYTES.
 */
extern HeapTuple pxd_stub_form(TupleDesc tupdesc, const Datum *values, const bool *isnull,
							   const Bitmapset *stub_attrs, Locator locator);

/*
 * Attribute numbers a stub of this table holds: all columns used by the replica identity, the primary key and any unique or
 * exclusion index (keys, expressions, predicates), and small fixed-width columns of other indexes. In the current context.
 */
extern Bitmapset *pxd_stub_attrs(Relation table);

#endif
