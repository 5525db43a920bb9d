/*
 * flush.h: sealing hot rows, and moving sealed ones to new segments.
 */
#ifndef PXD_FLUSH_H
#define PXD_FLUSH_H

#include "postgres.h"

#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "store.h"

typedef enum FlushMode
{
	FLUSH_VACUUM,				/* inside VACUUM: no transaction id, so rows with external values stay (R2) */
	FLUSH_COMMAND,				/* in an ordinary transaction */
	FLUSH_DEBUG					/* rows of this running transaction are sealed, too */
} FlushMode;

/* A segment whose rows are to move to new segments, which are not shared with rows of other merges. */
typedef struct SegmentMove
{
	SegmentNumber segno;
	int			merge;
} SegmentMove;

typedef struct FlushOptions
{
	FlushMode	mode;			/* of hot rows */
	bool		hot;			/* seal hot rows */
	bool		skip_visible;	/* pass by pages that the visibility map has as all-visible */
	BlockNumber first_block;
	BlockNumber end_block;		/* not included; 0: to the end of the table */
	int			nmoves;			/* segments whose rows are to move, in ascending order */
	const SegmentMove *moves;
	const uint8 *levels;		/* of the moves' merges */
	BufferAccessStrategy strategy;
} FlushOptions;

typedef struct FlushResult
{
	uint64		rows;			/* sealed or moved */
	uint64		segments;		/* written */
	uint64		bytes;			/* that these take in the store */
} FlushResult;

/* Whether rows of table may be sealed at all (design 9: never where logical decoding would miss the old row). */
extern bool pxd_flush_possible(Relation table);

/*
 * Makes one pass over table. Hot rows are sealed when they are settled (live and not being changed), unless their stubs would
 * be longer; rows on pages that others have pinned stay. Lock: ShareUpdateExclusive on table. May be cancelled at any point. Adds to
 * *result.
 */
extern void pxd_flush_table(Relation table, const FlushOptions *options, FlushResult *result);

/*
 * Deletes TOAST chunks that a flush that was rolled back, or lost in a crash, has left behind although it had sealed their rows. Costs a look
 * at the directory if there has been none, else at all rows and chunks. Returns how many values had such chunks. Lock:
 * ShareUpdateExclusive; in a transaction that may write.
 */
extern uint64 pxd_sweep_orphans(Relation table);

/* Whether there may be such chunks. Reads the directory. Lock: AccessShare. */
extern bool pxd_orphans_possible(Relation table);

/*
 * Estimates the bytes of table's hot rows that could be sealed, external values included, from a sample of pages. Below enough, an
 * upper bound may be returned instead. *whole_table: a flush has to look at all-visible pages, too, to find them. Lock: AccessShare.
 */
extern uint64 pxd_hot_bytes(Relation table, uint64 enough, bool *whole_table);

/*
 * Whether so much of table's all-visible pages is hot rows without external values (COPY FREEZE leaves such pages) that a flush in VACUUM should
 * not skip them, from a sample of few pages. Lock: as above.
 */
extern bool pxd_visible_pages_are_hot(Relation table);

typedef struct CompactResult
{
	FlushResult flush;			/* rows moved, segments written */
	uint64		segments_in;	/* whose rows were moved */
	uint64		segments_freed;
} CompactResult;

/*
 * Moves the rows of segments that the table's engine picks (those with many dead rows, small ones, runs of levels that are full) to new ones, and frees
 * segments that no stub points to. Rows at the end of the store then move to free extents, if more is free than the engine wants for later, or tight and more than a little
 * is. Lock, cancel: as above.
 */
extern void pxd_compact_table(Relation table, bool tight, BufferAccessStrategy strategy, CompactResult *result);

/* Live segments that the engine will want to compact when more have come, and whether there are live ones at all. Reads the directory. Lock: AccessShare. */
extern int	pxd_unsettled_segments(Relation table, bool *any);

/*
 * Moves rows from the end of the store to free extents before it, if much of it is free, without looking for segments that are worth compacting: costs a look at the
 * directory if there is nothing to do. In VACUUM. Same lock.
 */
extern void pxd_shorten_store(Relation table, BufferAccessStrategy strategy);

/* Makes free extents of pages whose TOAST chunks have gone, and gives the store's tail back. Same lock; RowExclusive or more on the store. */
extern void pxd_give_back_space(Relation store);

/* Frees segments no stub points to, and gives back space. Returns how many. Same lock. */
extern uint64 pxd_collect_garbage(Relation table);

#endif
