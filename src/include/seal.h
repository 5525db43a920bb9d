/*
 * seal.h: replacing tuples on heap pages by stubs, after the segment that holds their columns has been written.
 *
 * Flush seals hot rows, compaction repoints stubs: to the page both are the same, a tuple replaced by a shorter or equally long
 * stub with the same MVCC header.
 */
#ifndef PXD_SEAL_H
#define PXD_SEAL_H

#include "postgres.h"

#include "access/htup.h"
#include "port/pg_crc32c.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

/* A tuple as it was when its columns were read, and the stub to replace it with. */
typedef struct SealItem
{
	ItemPointerData tid;
	TransactionId xmin;			/* raw */
	uint32		len;
	pg_crc32c	crc;			/* of everything behind the fixed header */
	HeapTuple	stub;
	HeapTuple	toasted;		/* the tuple, if it has external values; their chunks are deleted afterwards */
} SealItem;

typedef struct SealList
{
	MemoryContext context;		/* holds items, stubs and tuples; reset with the list */
	int			nitems;
	int			capacity;
	SealItem   *items;
} SealList;

extern void pxd_seal_list_init(SealList *list, MemoryContext parent);

/*
 * Adds tuple, a copy of what stands at its t_self, and its stub, which is no longer. Both are copied into the list's context if they have to
 * be kept. Each TID is added once.
 */
extern void pxd_seal_list_add(SealList *list, HeapTuple tuple, HeapTuple stub);

/*
 * Replaces the list's tuples that still stand as they were, page by page under cleanup locks taken conditionally, and logs
 * each page (R11). The segment they name is LIVE. Pages that are pinned by others are left. Empties the list. *sealed counts rows
 * replaced. Lock: ShareUpdateExclusive on the table. oldest_xmin is the table's removal horizon. Rows with external values have
 * their chunks deleted in the caller's transaction.
 */
extern void pxd_seal_apply(Relation table, SealList *list, TransactionId oldest_xmin,
						   BufferAccessStrategy strategy, uint64 *sealed);

#endif
