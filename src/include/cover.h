/*
 * cover.h: keeping the bits of covered pages true (store.h says what these are).
 */
#ifndef PXD_COVER_H
#define PXD_COVER_H

#include "postgres.h"

#include "access/htup.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "store.h"

/*
 * After a heap function has put a tuple of this transaction at tid: its page is not covered any more. Called before anything else is done with the
 * row; no content lock is held. lasting: the tuple stays until this (sub)transaction is over, unlike a speculative one. May raise a serialization failure.
 */
extern void pxd_cover_note_tuple(Relation table, const ItemPointerData *tid, bool lasting);

/*
 * Sets the bits of all-visible pages that segments cover. Reads all-visible pages that have no bit. In VACUUM. Lock: ShareUpdateExclusive on
 * table.
 */
extern void pxd_cover_pages(Relation table, BufferAccessStrategy strategy);

/*
 * Whether segments lead to a stub or overlay as it must be on a covered page. The page is pinned, not locked. The access is open; its current segment
 * changes.
 */
extern bool pxd_cover_has_stub(SegmentAccess *access, Relation table, HeapTuple stub);

#endif
