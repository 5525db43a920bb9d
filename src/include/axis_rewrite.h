/*
 * axis_rewrite.h: what splitting, merging and vacuuming share: lists of a living index that are read whole, written anew and replaced.
 *
 * A rewrite goes through these steps, all of them under the structure lock:
 *
 *   1. freeze the heads of the lists: no row is added or removed from here on, scans are not disturbed;
 *   2. read their rows, and write the chains of the new lists;
 *   3. change the directory, in one WAL record;
 *   4. mark the pages of the old lists deleted.
 *
 * If it ends before 3, a head stays frozen, which the next insert or vacuum finds and undoes, and pages of the new chains are
 * left over; if it ends before 4, those of the old ones are. VACUUM finds pages that are left over.
 */
#ifndef PXD_AXIS_REWRITE_H
#define PXD_AXIS_REWRITE_H

#include "axis.h"

/*
 * Whether a list should be split that has these figures on its head. One whose rows could not be told apart is tried again when it
 * has half as many more.
 */
static inline bool
pxd_axis_too_large(const AxisDirectory *directory, uint32 rows, uint32 unsplit_rows)
{
	return rows > 2 * (uint32) pxd_axis_target_rows(&directory->layout, directory->lists) &&
		rows > unsplit_rows + unsplit_rows / 2;
}

/* --- rewrite.c --- */

/* Freezes a list. Returns its rows. */
extern uint32 pxd_axis_freeze(Relation index, BlockNumber head, uint32 list_id);

/* Undoes that if the list is frozen; unsplit_rows then goes to its head unless it is 0. */
extern void pxd_axis_thaw(Relation index, BlockNumber head, uint32 list_id, uint32 unsplit_rows);

/* Writes the chain of a new list, page by page. */
typedef struct ChainWriter ChainWriter;

extern ChainWriter *pxd_axis_chain_begin(Relation index, const AxisLayout *layout, uint32 list_id);
extern void pxd_axis_chain_row(ChainWriter *chain, const AxisRow *row);
extern uint32 pxd_axis_chain_rows(const ChainWriter *chain);

/* Writes the last page, which becomes the head, and frees the writer. Sets head, rows and radius of the list's entry. */
extern void pxd_axis_chain_end(ChainWriter *chain, uint32 unsplit_rows, AxisEntry *entry);

/* A zeroed entry of the directory with this centroid, in the current memory context. */
extern AxisEntry *pxd_axis_entry_make(const AxisLayout *layout, int kind, const float *centroid);

/* Number of an entry that a new list may take: a free one, or the one behind the last, for which there is a page then. */
extern uint32 pxd_axis_free_entry(Relation index, const AxisDirectory *directory);

/* New content of one entry of the directory. */
typedef struct EntryChange
{
	uint32		number;
	const AxisEntry *entry;
} EntryChange;

/* Most entries that can be changed at once: a generic WAL record holds four pages, one of them the metapage. */
#define MAX_ENTRY_CHANGES 3

/*
 * Changes entries of the directory and its version, in one WAL record, and counts new_lists list ids as used. No two
 * changes may concern the same entry; they lie on at most MAX_ENTRY_CHANGES pages. directory is the current one.
 */
extern void pxd_axis_change_directory(Relation index, const AxisDirectory *directory, const EntryChange *changes,
									  int count, uint32 new_lists);

/* Marks the pages of a list deleted that the directory knows no more, and offers them for reuse. */
extern void pxd_axis_delete_chain(Relation index, BlockNumber head, uint32 list_id);

/* What a page's deleted_xid is set to when it is deleted now. */
extern uint64 pxd_axis_deletion_xid(void);

/* --- sweep.c --- */

/* What a sweep has found. */
typedef struct SweepResult
{
	BlockNumber pages;			/* of the index */
	BlockNumber deleted;		/* of them, deleted or never used */
	BlockNumber free;			/* of those, offered for reuse */
} SweepResult;

/*
 * Offers deleted pages for reuse that no scan can be on its way to any more, and deletes pages that have been left over by
 * crashes and errors. Reads the whole index; waits as VACUUM does. Caller holds the structure lock; directory is current.
 */
extern void pxd_axis_sweep(Relation index, const AxisDirectory *directory, SweepResult *result);

/* --- row_vectors.c --- */

/* Reads the rows of a frozen list, or of pages that nobody changes. Holds no locks or pins between calls. */
typedef struct ListWalk
{
	Relation	index;
	const AxisLayout *layout;
	uint32		list_id;
	BlockNumber next;
	int			i;				/* row of page to be read next */
	int			rows;			/* of page */
	PGAlignedBlock page;
} ListWalk;

extern void pxd_axis_walk_begin(ListWalk *walk, Relation index, const AxisLayout *layout, BlockNumber head,
								uint32 list_id);

/* Copies the next row; false at the list's end. Checks for interrupts. */
extern bool pxd_axis_walk_next(ListWalk *walk, AxisRow *row);

/* Vectors of rows, from the table where that can be done without waiting. */
typedef struct RowVectors RowVectors;

/* vacuum: neither run expressions nor take snapshots. The table is locked AccessShare or more, and a snapshot is active. */
extern RowVectors *pxd_axis_vectors_begin(Relation index, Relation table, const AxisDirectory *directory,
										  bool vacuum);

/*
 * The rotated vector of a row of a list with this centroid, to out (layout->dim floats). Returns false if it is not the vector itself
 * but what the row's code stands for: an encoding of it must allow for the error of the row too.
 */
extern bool pxd_axis_vectors_get(RowVectors *vectors, const AxisRow *row, const float *centroid, float *out);
extern void pxd_axis_vectors_end(RowVectors *vectors);

/*
 * Encodes a vector from pxd_axis_vectors_get, relative to centroid, into row, which still is as it was read from the list with
 * old_centroid.
 */
extern void pxd_axis_encode_again(const AxisLayout *layout, const float *x, bool exact, const float *old_centroid,
								  const float *centroid, float *residual, AxisRow *row);

#endif
