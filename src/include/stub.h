/*
 * stub.h: the form of stubs and overlays, and their locators.
 *
 * A stub is a heap tuple whose t_hoff is larger than header and null bitmap need; the locator stands in that gap. An overlay is a stub with some
 * more columns in it: what an UPDATE writes that leaves columns in the segment. Its gap also holds a bitmap of the columns that are
 * inline, so that a NULL among them is known to be real.
 *
 *   stub       header, null bitmap, padding | locator                  | key columns
 *   overlay    header, null bitmap, padding | locator | inline bitmap  | key columns and others
 *
 * Whatever is said of stubs holds for overlays, too, unless it says otherwise. Only src/tableam and src/store include this file (I5).
 */
#ifndef PXD_STUB_H
#define PXD_STUB_H

#include "postgres.h"

#include "access/htup_details.h"
#include "storage/bufpage.h"
#include "utils/rel.h"

#include "store.h"

#define LOCATOR_SIZE			sizeof(uint64)
#define LOCATOR_POSITION_BITS	24
#define LOCATOR_POSITION_MAX	((UINT64CONST(1) << LOCATOR_POSITION_BITS) - 1)

/* A row whose key columns need more than this stays hot. */
#define STUB_MAX_KEY_BYTES		256

/* Fixed-width columns up to this width are narrow: not worth sealing alone, and kept in stubs when indexed. */
#define STUB_NARROW_WIDTH		16

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

/*
 * Points *tuple at the tuple in line pointer offset of a page of table, which exists. Returns false, with t_data NULL, if the line pointer is not in
 * use. The page is locked or cannot change.
 */
static inline bool
page_tuple(Relation table, BlockNumber block, Page page, OffsetNumber offset, HeapTuple tuple)
{
	ItemId		lp = PageGetItemId(page, offset);

	tuple->t_data = NULL;
	if (!ItemIdIsNormal(lp))
		return false;
	tuple->t_data = (HeapTupleHeader) PageGetItem(page, lp);
	tuple->t_len = ItemIdGetLength(lp);
	tuple->t_tableOid = RelationGetRelid(table);
	ItemPointerSet(&tuple->t_self, block, offset);
	return true;
}

/* Where header, null bitmap and padding end: the gap, if there is one, begins here. */
static inline int
tuple_gap_start(const HeapTupleHeaderData *tuple)
{
	int			need = SizeofHeapTupleHeader;

	if (tuple->t_infomask & HEAP_HASNULL)
		need += BITMAPLEN(HeapTupleHeaderGetNatts(tuple));
	return MAXALIGN(need);
}

static inline int
overlay_gap_size(int natts)
{
	return LOCATOR_SIZE + MAXALIGN(BITMAPLEN(natts));
}

/* True for stubs and overlays. */
static inline bool
tuple_is_stub(const HeapTupleHeaderData *tuple)
{
	int			gap = tuple->t_hoff - tuple_gap_start(tuple);

	return gap == LOCATOR_SIZE || gap == overlay_gap_size(HeapTupleHeaderGetNatts(tuple));
}

static inline Locator
stub_locator(const HeapTupleHeaderData *stub)
{
	Locator		locator;

	Assert(tuple_is_stub(stub));
	memcpy(&locator, (const char *) stub + tuple_gap_start(stub), sizeof(locator));
	return locator;
}

/* Whether an overlay has attnum inline, NULL or not; false for a plain stub, which tells by values that are not NULL only. */
static inline bool
overlay_has_inline(const HeapTupleHeaderData *stub, AttrNumber attnum)
{
	int			start = tuple_gap_start(stub);
	const bits8 *bitmap = (const bits8 *) stub + start + LOCATOR_SIZE;

	if (stub->t_hoff - start == LOCATOR_SIZE)
		return false;
	return (bitmap[(attnum - 1) / BITS_PER_BYTE] >> ((attnum - 1) % BITS_PER_BYTE)) & 1;
}

/*
 * Whether a tuple of this length is an overlay that holds so much inline that it is better sealed anew: like a hot row it fills the main fork, while the
 * segment still holds what it has replaced.
 */
#define OVERLAY_WIDE_BYTES		256

static inline bool
tuple_is_wide_overlay(const HeapTupleHeaderData *tuple, uint32 len)
{
	return len > OVERLAY_WIDE_BYTES && tuple_is_stub(tuple) &&
		tuple->t_hoff - tuple_gap_start(tuple) != LOCATOR_SIZE;
}

/*
 * Forms a stub in the current context: values of stub_attrs, all other columns NULL, and the locator. Returns NULL if
 * the key columns need more than STUB_MAX_KEY_BYTES.
 */
extern HeapTuple pxd_stub_form(TupleDesc tupdesc, const Datum *values, const bool *isnull,
							   const Bitmapset *stub_attrs, Locator locator);

/*
 * Forms an overlay in the current context: all columns but those in sealed_attrs inline. Returns NULL if it would be so
 * long that core would TOAST it, which would re-form it (R17), or the table has too many columns for the gap.
 */
extern HeapTuple pxd_overlay_form(TupleDesc tupdesc, const Datum *values, const bool *isnull,
								  const Bitmapset *sealed_attrs, Locator locator);

/*
 * Attribute numbers a stub of this table holds: all columns used by the replica identity, the primary key and any unique or
 * exclusion index (keys, expressions, predicates), narrow fixed-width columns of other indexes, and a few narrow columns besides. In the
 * current context.
 */
extern Bitmapset *pxd_stub_attrs(Relation table);

#endif
