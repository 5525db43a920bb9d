/*
 * engine.h: the one interface behind which the storage engines stand.
 *
 * An engine turns a RowBatch into a SegmentImage, and reads values back from a written segment. It
 * knows nothing of stubs, snapshots, heap pages or extents. Engines are the only users of the
 * column codecs; the table AM and the store are the only callers of engines.
 */
#ifndef PXD_ENGINE_H
#define PXD_ENGINE_H

#include "postgres.h"

#include "key_search.h"
#include "row_batch.h"
#include "store.h"

/* A by-reference value being built; its memory is reused from value to value. */
typedef struct ValueBuffer
{
	MemoryContext context;		/* where data is allocated */
	char	   *data;
	Size		capacity;
} ValueBuffer;

/* Gives the buffer room for at least size bytes; for pxd_value_reserve only. */
extern void pxd_value_grow(ValueBuffer *buffer, Size size);

/*
 * Returns buffer->data with room for at least size bytes; old contents are lost. A buffer begins with data
 * NULL, capacity 0.
 */
static inline char *
pxd_value_reserve(ValueBuffer *buffer, Size size)
{
	if (unlikely(size > buffer->capacity))
		pxd_value_grow(buffer, size);
	return buffer->data;
}

/*
 * Makes the Datum of a value from its flat bytes as a RowBatch holds them. element_size > 0: bytes are the elements
 * of a vector or halfvec, of that size each. By-reference values are built in buffer, which bytes must not point into.
 */
extern Datum pxd_value_build(ValueBuffer *buffer, int16 attlen, bool attbyval, uint8 element_size,
							 const char *bytes, Size len);

/* A live segment that compaction may move, and what the engine decides about it. */
typedef struct PlannedSegment
{
	SegmentNumber segno;
	uint32		pages;
	uint32		rows;
	uint32		live_rows;		/* that still have a stub */
	uint8		level;			/* of a segment that is not merged the engine may change it */
	bool		small;			/* pxd_segment_is_small */
	int			merge;			/* number of the merge to which its rows go, or NO_MERGE; set by the engine */
} PlannedSegment;

#define NO_MERGE	(-1)

/*
 * What a compaction is to do. The rows of a merge's inputs are written to new segments of its level; engines that sort get them in the order of the
 * sort key, others only ever have merge 0.
 */
typedef struct CompactionPlan
{
	int			nsegments;
	PlannedSegment *segments;	/* in ascending order of numbers */
	int			nmerges;
	uint8	   *levels;			/* [nsegments], used up to nmerges: level of each merge */
} CompactionPlan;

/* Segments below this size are small unless they are full, so that a merge makes no larger ones of their rows; COMPACT_SMALL_COUNT small ones are merged. */
#define COMPACT_SMALL_PAGES		256
#define COMPACT_SMALL_COUNT		4

static inline bool
pxd_segment_is_small(const SegmentEntry *entry)
{
	return entry->pages < COMPACT_SMALL_PAGES && !entry->full;
}

/* The smallest free extent of a store of nblocks pages worth moving a piece of a segment to: less than a small segment only where the store has few pages. */
static inline uint32
pxd_smallest_piece(BlockNumber nblocks)
{
	return Min(COMPACT_SMALL_PAGES, nblocks / 16);
}

/* A segment is worn when more than this part of its rows is dead. */
#define WORN_DEAD_FRACTION		0.1

/* Whether so many of the segment's rows are dead that it is worth writing anew. */
extern bool pxd_segment_is_worn(const PlannedSegment *segment);

/*
 * The rule of engines, or segments, that know no order: all worn segments, and the small ones if there are several, go to one merge for level 0. included
 * tells which segments to look at, NULL: all.
 */
extern void pxd_plan_unordered(CompactionPlan *plan, const bool *included);

typedef struct StorageEngine
{
	const char *name;			/* "viper" */
	uint8		id;				/* as stored in directories and headers; never reused */
	bool		sorted;			/* batches carry the sort key, flush and compaction bring rows in its order */
	double		free_fraction;	/* of the store that may be free: room for the segments that compactions to come will write */
	double		free_kept;		/* when more is, rows move until no more than this part is free; at most free_fraction */
	Size		max_row_bytes;	/* rows with more bytes to seal stay hot; 0: no bound */
	int			compression_level;	/* zstd's, where none is set */

	/*
	 * Initialises image (image->context is the current context) as that of a segment that holds batch, which
	 * is not empty; pieces may point into the batch. Raises ERROR on out of memory or cancel only.
	 */
	void		(*encode) (const RowBatch *batch, SegmentImage *image);

	/*
	 * Called once when a segment is opened: parses the header bytes and returns the engine's state, allocated
	 * in context. Raises ERRCODE_DATA_CORRUPTED (through pxd_segment_corrupt) on anything malformed.
	 */
	void	   *(*open) (SegmentAccess *access, const char *header, Size header_len,
						 MemoryContext context);

	/*
	 * True if the segment's stubs hold attnum (so that a NULL in the stub is a real one), or the segment was
	 * written before attnum existed.
	 */
	bool		(*in_stub) (void *state, AttrNumber attnum);

	/* True if no value of attnum is null, for a column that the segment has. */
	bool		(*never_null) (void *state, AttrNumber attnum);

	/*
	 * Reads attribute att->attnum of the row at position. The engine checks position against hostile locators, and
	 * the column's physical form against att, lest an integer pass for a pointer. By-reference results
	 * live in buffer. An attribute the segment does not have is an internal error: callers ask in_stub first.
	 */
	Datum		(*fetch) (SegmentAccess *access, void *state, uint32 position,
						  const FormData_pg_attribute *att, ValueBuffer *buffer, bool *isnull);

	/*
	 * The elements of attribute att->attnum, a column of our type vector (or halfvec, whose elements are uint16), of the row at position, or NULL for a null; *dim is set to their number. They
	 * stay where they are if they are contiguous there, until the next call on the access, and are else in buffer. Otherwise as fetch.
	 */
	const float4 *(*fetch_vector) (SegmentAccess *access, void *state, uint32 position,
								   const FormData_pg_attribute *att, ValueBuffer *buffer, int *dim);

	/*
	 * Begins to bring the bytes that fetch_vector will need where they can be had fast (pxd_access_prefetch). A hint: position and att may be
	 * nonsense, and nothing is done then.
	 */
	void		(*prefetch_vector) (SegmentAccess *access, void *state, uint32 position, AttrNumber attnum);

	/* Back-pointer: the TID of the stub of position (invalid for a dead position). */
	void		(*back_pointer) (SegmentAccess *access, void *state, uint32 position,
								 ItemPointer tid);

	/* Whether a live segment is of those of which compaction will want some when more have come. */
	bool		(*unsettled) (const SegmentEntry *entry);

	/*
	 * Decides what to compact: sets merge of each segment, which is NO_MERGE before, and the levels. Segments may be opened through access, whose current
	 * segment is lost; they are not freed meanwhile. Allocates in the current context.
	 */
	void		(*pick_inputs) (SegmentAccess *access, const SegmentSettings *settings, CompactionPlan *plan);
	/*
	 * The columns that the segment's rows are sorted by, into attnums, which has room for INDEX_MAX_KEYS; returns how many. With search: NULL if the engine
	 * sorts nothing.
	 */
	int			(*key_columns) (void *state, AttrNumber *attnums);

	/*
	 * Finds the rows whose keys may be in one of the intervals of search, and tells match(arg, position) of each, of some perhaps more than once; match may use the
	 * access. Adds to *blocks the blocks read for it. NULL: segments of this engine cannot be searched.
	 */
	KeySearchResult (*search) (SegmentAccess *access, void *state, const KeySearch *search, void (*match) (void *arg, uint32 position),
							   void *arg, uint64 *blocks);

	/* Raises ERRCODE_DATA_CORRUPTED if anything is wrong with what fetch does not read, such as an order among the rows. NULL: nothing. */
	void		(*check) (SegmentAccess *access, void *state);
} StorageEngine;

extern const StorageEngine pxd_engine_viper;
extern const StorageEngine pxd_engine_lsm;

/* Engine by stored id, or NULL. */
extern const StorageEngine *pxd_engine_by_id(uint8 id);

#endif
