/*
 * sealed.h: from a stub to the columns it stands for.
 *
 * Shared by the slot, which hands out Datums, and by the fetching of vectors, which hands out memory of the store.
 */
#ifndef PXD_SEALED_H
#define PXD_SEALED_H

#include "postgres.h"

#include "access/htup.h"
#include "utils/rel.h"

#include "engine.h"
#include "row_batch.h"
#include "store.h"

/* Where the columns of a sealed row are: true as long as the stub's page stays pinned and no other segment is opened. */
typedef struct SealedRow
{
	uint32		position;
	const RowBatch *batch;		/* in this backend's memory, not written yet */
	const StorageEngine *engine;	/* or in the current segment of the access; NULL with batch or if the row is void */
	void	   *state;			/* of the engine */
} SealedRow;

/*
 * Finds the columns of a sealed row of table. The caller has the stub's page pinned, but not locked. The access may be new.
 *
 * The segment may be one that another running transaction has not written yet; only readers with other than MVCC snapshots meet
 * such a row. With wait they wait for that transaction, else the result is false. If that transaction failed the row is void: it has neither batch nor
 * engine. Raises ERRCODE_DATA_CORRUPTED if the segment of a committed row is missing.
 */
extern bool pxd_sealed_locate(SegmentAccess *access, Relation table, HeapTuple stub, bool wait, SealedRow *row);

/* Whether attnum stands in the segment or batch, rather than in the stub or nowhere. */
static inline bool
sealed_row_has(const SealedRow *row, AttrNumber attnum)
{
	if (row->engine != NULL)
		return !row->engine->in_stub(row->state, attnum);
	return row->batch != NULL && !bms_is_member(attnum, row->batch->stub_attrs);
}

#endif
