/*
 * builder.h: the segment builder of the direct path.
 *
 * A builder collects the rows one backend bulk-loads into one table and writes them as segments; the caller inserts
 * the stubs. Until a segment is written its rows are readable only by this backend, from the builder's memory.
 */
#ifndef PXD_BUILDER_H
#define PXD_BUILDER_H

#include "postgres.h"

#include "access/htup.h"

#include "engine.h"
#include "stub.h"

typedef struct SegmentBuilder SegmentBuilder;

/*
 * Makes a builder for rows of table, in a child context of parent (whose end is the builder's), and puts it on this backend's list. It keeps no
 * lock and no relation reference. Stubs hold pxd_stub_attrs(keys_of): the table itself, or in a rewrite, where table is a
 * transient relation without indexes, the relation being rewritten.
 */
extern SegmentBuilder *pxd_builder_create(MemoryContext parent, Relation table, Relation keys_of);

/* True if rows of the builder's table have any column to seal. */
extern bool pxd_builder_seals(const SegmentBuilder *builder);

/*
 * Ends the segments to come when they fill so many pages of the store, going by how far the builder's last segment could be compressed; 0: no limit
 * but the usual ones. A hint: a segment may become a little larger.
 */
extern void pxd_builder_fit(SegmentBuilder *builder, uint32 pages);

/* Tells whether the rows to come are moved from other segments, and the level of the segments they make. The builder is empty. Not called: new rows, level 0. */
extern void pxd_builder_set_origin(SegmentBuilder *builder, bool moved, uint8 level);

/* Tells that the row added last has external values whose chunks this transaction is to delete, once all is sealed. */
extern void pxd_builder_note_chunks(SegmentBuilder *builder);

/* The segment being collected, or InvalidSegmentNumber if there is nothing in it yet. */
extern SegmentNumber pxd_builder_segment(const SegmentBuilder *builder);

/* The sort key of the builder's rows, empty if the engine does not sort. */
extern const SortKey *pxd_builder_key(const SegmentBuilder *builder);

/* True if the segment being collected is full, or this backend's builders take more memory than they may. */
extern bool pxd_builder_full(const SegmentBuilder *builder);

/*
 * Takes a row and returns its stub (in the current context), or NULL if this row must stay hot, because its keys are wide, the
 * stub would be longer than max_len, or the row larger than the engine takes. *position goes back into pxd_builder_set_tid once the stub has its place. Writes the previous
 * segment first when that is full and all its stubs have their places. Lock on table: RowExclusive or more.
 */
extern HeapTuple pxd_builder_add(SegmentBuilder *builder, Relation table, const Datum *values, const bool *isnull,
								 Size max_len, uint32 *position);
extern void pxd_builder_set_tid(SegmentBuilder *builder, uint32 position, ItemPointer tid);

/* The row at position got no stub after all: a dead position. */
extern void pxd_builder_forget(SegmentBuilder *builder, uint32 position);

/* Whether an index of table uses a column that the builder's stubs do not hold. */
extern bool pxd_builder_hides_indexed(const SegmentBuilder *builder, Relation table);

/*
 * Writes what is collected, if anything; the builder is empty afterwards and may be used again. Same lock. Returns the bytes the
 * segment takes in the store.
 */
extern uint64 pxd_builder_flush(SegmentBuilder *builder, Relation table);

/* Frees the builder and whatever it has not written. */
extern void pxd_builder_destroy(SegmentBuilder *builder);

/* The batch that segno of the table with this file is being collected in by this backend, or NULL. */
extern const RowBatch *pxd_builder_find(RelFileNode node, SegmentNumber segno);

/* After a subtransaction's abort: rows that never got their stub are dead positions. */
extern void pxd_builder_subxact_abort(void);

#endif
