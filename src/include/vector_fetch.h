/*
 * vector_fetch.h: exact-distance access: the vectors of a table's rows by TID, without making Datums.
 *
 * For index access methods: they reach vectors through this header alone and need not know how a table stores them. On viper tables the elements come as they lie in
 * the segment, the heap page or this backend's memory; on heap, and on any other table access method, through the ordinary fetch by TID and a
 * slot. Contract:
 *
 *   - The column's values are laid out as struct Vector: it is of type vector, of a domain over it, or of pgvector's type.
 *   - TIDs are those that indexes hold: of single tuples and roots of HOT chains. As in an index scan, the first member of the chain that the snapshot
 *     sees is the row; with SnapshotAny that is the first that is still there, whatever became of its transaction.
 *   - The snapshot outlives the handle, is an MVCC snapshot, a dirty one or SnapshotAny, and with the latter two some snapshot must be active: a value may be in
 *     TOAST. With SnapshotAny the value of a deleted row may be gone from there, which is an ERROR.
 *   - The table outlives the handle and is locked AccessShare or more.
 *   - Elements that were returned are valid until the next call on the handle, and until this backend writes to the table. They must not be changed.
 *   - Between calls the handle keeps a pin on a page of the table and one of its store, and AccessShare on the store. Pins belong to the resource owner current
 *     when they were taken. No content lock is held. pxd_vector_fetch_unpin lets the pins go; after an ERROR nothing needs to be done.
 *   - Memory is allocated in the context that was current at begin.
 */
#ifndef PXD_VECTOR_FETCH_H
#define PXD_VECTOR_FETCH_H

#include "postgres.h"

#include "storage/itemptr.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

typedef struct VectorFetch VectorFetch;

typedef enum VectorFetchStatus
{
	VECTOR_FETCH_FOUND,
	VECTOR_FETCH_NULL,			/* the row is there, its column is null */
	VECTOR_FETCH_NONE,			/* no version of the row is visible to the snapshot */
	VECTOR_FETCH_UNAVAILABLE	/* without wait only: another transaction has yet to write it */
} VectorFetchStatus;

typedef struct FetchedVector
{
	const float4 *x;			/* NULL unless FOUND; aligned as float4 is */
	int			dim;
	bool		all_dead;		/* with NONE: no version is visible to anybody any more, the TID may be forgotten */
} FetchedVector;

/*
 * Opens a handle. wait: with SnapshotAny or a dirty snapshot, whether a row that another running transaction has loaded in bulk and not written yet is waited for, until the end of
 * that transaction; else such a row is UNAVAILABLE. Callers that hold content locks must not wait. MVCC snapshots never see such a row.
 */
extern VectorFetch *pxd_vector_fetch_begin(Relation table, AttrNumber attnum, Snapshot snapshot, bool wait);

/*
 * Fetches the vector of the row at tid. Raises ERRCODE_DATA_CORRUPTED on damaged segments, and whatever reading blocks raises. The caller checks for
 * interrupts between calls.
 */
extern VectorFetchStatus pxd_vector_fetch(VectorFetch *fetch, const ItemPointerData *tid, FetchedVector *vector);

/*
 * Tells which rows will be fetched next, in the order in which they will be: their pages, tuples and vectors are asked for all at once, at the processor if they are in shared
 * buffers, else at the operating system, instead of being waited for one after the other. At most the first 64 TIDs are looked at. On tables of ours
 * the pages that hold the rows' stubs are read, not only asked for. A hint: skipping it, or fetching other rows, costs time only.
 */
extern void pxd_vector_fetch_prefetch(VectorFetch *fetch, const ItemPointerData *tids, int ntids);

/* Drops the pins, for callers that will not fetch for a while. */
extern void pxd_vector_fetch_unpin(VectorFetch *fetch);

extern void pxd_vector_fetch_end(VectorFetch *fetch);

#endif
