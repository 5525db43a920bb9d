/*
 * store.h: the segment store: extents, the directory, and access to the bytes of segments.
 *
 * The store is the table's TOAST relation under the access method segment_store. All functions take
 * that relation, opened by the caller with at least the lock stated. See src/store/README.md.
 *
 * Lock order: table, TOAST relation, heap page, relation extension lock, metapage / map / directory page.
 */
#ifndef PXD_STORE_H
#define PXD_STORE_H

#include "postgres.h"

#include "access/transam.h"
#include "storage/block.h"
#include "storage/buf.h"
#include "storage/relfilenode.h"
#include "utils/rel.h"

typedef uint64 SegmentNumber;	/* 1 .. 2^40 - 1; 0 is none */
#define InvalidSegmentNumber	((SegmentNumber) 0)

typedef enum SegmentState
{
	SEGMENT_UNUSED = 0,			/* number not reserved, or given back: nothing behind it */
	SEGMENT_BUILDING = 1,		/* extent taken by transaction fxid, not yet readable */
	SEGMENT_LIVE = 2,			/* completely written and WAL-logged */
	SEGMENT_FREE = 3			/* extent may be reused; pages stay formatted */
} SegmentState;

/* What the directory knows of one segment number (in memory; the page form is in store_page.h). */
typedef struct SegmentEntry
{
	SegmentState state;
	uint8		engine;
	uint8		level;
	BlockNumber first_block;
	uint32		pages;
	uint32		rows;
	FullTransactionId fxid;		/* top-level transaction that built it; invalid if it had no id (vacuum) */
	bool		chunks;			/* live: TOAST chunks of its rows may stand, if (sub)transaction fxid has failed */
	bool		full;			/* live: a merge would have made no larger one when it was written (ENTRY_FULL) */
} SegmentEntry;

/*
 * The bytes of a segment about to be written: the header datum (parsed by the engine on open) and pieces.
 * Piece offsets are relative to the data start (the first page boundary after the header), so an engine can
 * put them into the header before the header's length is known. page_aligned pieces start on a page
 * boundary.
 */
typedef struct SegmentPiece
{
	const char *data;
	Size		len;
	uint64		offset;			/* from the data start, set by pxd_image_add */
} SegmentPiece;

typedef struct SegmentImage
{
	MemoryContext context;
	uint8		engine;
	uint8		level;
	uint32		rows;
	bool		chunks;			/* this transaction is to delete TOAST chunks of its rows */
	bool		moved;			/* its rows come from other segments */
	bool		full;			/* a merge would make no larger one of its rows */
	const char *header;
	Size		header_len;
	int			npieces;
	int			max_pieces;
	SegmentPiece *pieces;
	uint64		data_len;		/* bytes from the data start to the end of the last piece */
} SegmentImage;

/* --- images (store/image.c) --- */

extern void pxd_image_init(SegmentImage *image, uint8 engine, uint32 rows);

/*
 * Adds a piece (not copied) and returns its offset from the data start; 8-byte aligned, or page-aligned on
 * request.
 */
extern uint64 pxd_image_add(SegmentImage *image, const char *data, Size len, bool page_aligned);

/* Pages the image will take in the store. */
extern uint32 pxd_image_pages(const SegmentImage *image);

/* --- life of the store (store/metapage.c) --- */

/*
 * Writes the metapage of a new, empty file with a new random store id; see R7 for when it is logged. The
 * file exists and belongs to this backend alone.
 */
extern void pxd_store_create(RelFileNode rnode, ForkNumber fork, char persistence);

/*
 * After an in-place truncation to zero blocks: writes a new metapage through shared buffers. Lock:
 * AccessExclusive.
 */
extern void pxd_store_recreate(Relation store);

/* The table to which a store belongs, by the number in the store's name; InvalidOid if it cannot be found. Looks at the system catalogs. */
extern Oid	pxd_store_table(Relation store);

/* --- segment numbers (store/directory.c) --- */

/* Reserves a number nobody had before; WAL-logged before it returns. Lock: RowExclusive. */
extern SegmentNumber pxd_store_reserve(Relation store);

/* Looks segno up. Returns false for a number never reserved (entry zeroed then). Lock: AccessShare. */
extern bool pxd_store_lookup(Relation store, SegmentNumber segno, SegmentEntry *entry);

/* Finds the first number > *segno whose state is not UNUSED. Returns false at the end. Lock: AccessShare. */
extern bool pxd_store_next(Relation store, SegmentNumber *segno, SegmentEntry *entry);

/* Sums over live segments, for estimates. Reads one page. Lock: AccessShare. */
extern void pxd_store_totals(Relation store, uint64 *live_segments, uint64 *live_rows, uint64 *live_pages);

/* Pages of all segments written since the store began, apart for rows that were new to it and rows moved. Reads one page. Lock: AccessShare. */
extern void pxd_store_written(Relation store, uint64 *flushed_pages, uint64 *moved_pages);

/* Pages in free extents. Reads one page. Lock: AccessShare. */
extern uint64 pxd_store_free_pages(Relation store);

/* Pages of the largest free extent. Reads the directory. Lock: AccessShare. */
extern uint32 pxd_store_largest_free(Relation store);

/* --- extents (store/extent.c, store/free.c) --- */

/*
 * Writes image as segment segno (reserved, not yet written): takes an extent (a free one, or extends),
 * marks it BUILDING, writes and logs the pages, sets their visibility-map bits, marks it LIVE. May be
 * called again for the same number after an ERROR. Inside vacuum no transaction id is assigned; elsewhere
 * the entry carries the transaction's. Lock: RowExclusive (in vacuum: ShareUpdateExclusive on the table
 * besides). Holds no page lock on return.
 */
extern void pxd_store_write(Relation store, SegmentNumber segno, const SegmentImage *image);

/*
 * True if the transaction that was building entry is over (or had no id and so held the table's
 * ShareUpdateExclusive lock, which the caller holds now): a BUILDING entry is garbage then.
 */
extern bool pxd_store_builder_gone(const SegmentEntry *entry);

/*
 * Frees the extent of a segment to which no stub points any more (I2: the caller has made sure), or of a
 * BUILDING one whose transaction is over. Does nothing if it is free already. Returns false if somebody holds the segment (pxd_store_hold): it
 * stays as it is. Lock: ShareUpdateExclusive on the table, RowExclusive or more on the store.
 */
extern bool pxd_store_free(Relation store, SegmentNumber segno);

/*
 * For readers who have not come by a stub: keeps a segment from being freed by a pin on its first page, until that is released. Returns
 * InvalidBuffer if the segment is not LIVE. Hold segments for as long as reading them takes, never while waiting for anything: replay on a standby waits
 * for the pin. Lock: AccessShare; no content lock is held.
 */
extern Buffer pxd_store_hold(Relation store, SegmentNumber segno);

/* --- covered pages (store/covered.c) --- */

/*
 * A page of the table's main fork is *covered* if segments lead to all its rows: every tuple on it that is not dead to everybody is a stub or overlay, its segment's back-pointer leads to
 * this page, and the sort key in the segment is the row's. Who inserts a tuple otherwise clears the page's bit before its transaction commits.
 *
 * pxd_covered_read returns the bits of pages 0 .. nblocks - 1, 64 to a word from the lowest bit up, in the current context. Lock: AccessShare.
 */
extern uint64 *pxd_covered_read(Relation store, BlockNumber nblocks);

/* How many of these bits are set. */
extern BlockNumber pxd_covered_count(Relation store, BlockNumber nblocks);

/* Whether the page's bit is set; a hint unless the caller has the heap page locked, or what it asks about is over. */
extern bool pxd_covered_test(Relation store, BlockNumber block);

/* Clears the page's bit; returns false if it was not set. No content lock is held. Lock: RowExclusive. */
extern bool pxd_covered_clear(Relation store, BlockNumber block);

/* Makes sure that pages 0 .. nblocks - 1 have bits, as far as there can be any. Lock: RowExclusive. */
extern void pxd_covered_prepare(Relation store, BlockNumber nblocks);

/* Sets the page's bit, if it has one. The heap page is share-locked. Lock: ShareUpdateExclusive on the table, RowExclusive. */
extern void pxd_covered_set(Relation store, BlockNumber block);

/* What became of the TOAST chunks of a segment's rows. */
typedef enum ChunksPending
{
	CHUNKS_NONE,				/* there were none, or it is settled */
	CHUNKS_DELETED,				/* the transaction that was to delete them has committed */
	CHUNKS_UNDECIDED,			/* it is running, perhaps here */
	CHUNKS_LEFT					/* it has failed, or it is not known any more whether it has */
} ChunksPending;

extern ChunksPending pxd_store_chunks_pending(const SegmentEntry *entry);

/* Whether the segment's entry is, or may come to be, needed to know of chunks left behind: then it is neither compacted nor freed. */
static inline bool
pxd_store_chunks_matter(const SegmentEntry *entry)
{
	return pxd_store_chunks_pending(entry) >= CHUNKS_UNDECIDED;
}

/* Changes the level of a live segment. Lock: as for pxd_store_free. */
extern void pxd_store_set_level(Relation store, SegmentNumber segno, uint8 level);

/* Notes that no chunks of the segment's rows are left, or that the transaction that deleted them has committed. Lock: as for pxd_store_free. */
extern void pxd_store_settle_chunks(Relation store, SegmentNumber segno);

/* Notes that this (sub)transaction has deleted the chunks that were left of the segment's rows: whether they are is known when it ends. Lock: as for pxd_store_free. */
extern void pxd_store_claim_chunks(Relation store, SegmentNumber segno);

/*
 * Makes heap pages whose chunks have all gone free extents, if there are many of them. Takes the relation extension lock meanwhile. Lock: as for
 * pxd_store_free.
 */
extern void pxd_store_reclaim_chunk_pages(Relation store);

/*
 * Joins adjacent free extents, and gives trailing free extents and trailing new pages back to the file
 * system, if an AccessExclusive lock on the store can be had at once (taking it assigns a transaction id,
 * as in core's vacuum). Returns the number of pages given back. Lock: as for pxd_store_free; no
 * SegmentAccess of this backend may have a page pinned.
 */
extern BlockNumber pxd_store_truncate_tail(Relation store);

/* --- reading (store/reader.c) --- */

/* Step of software prefetching. */
#define CACHE_LINE_BYTES		64

struct StorageEngine;

/*
 * A segment opened by this backend: cached across statements, bounded, identified by relfilenode, store id
 * and number. Others than store/reader.c use the functions below only.
 */
typedef struct SegmentReader
{
	const struct StorageEngine *engine;
	void	   *state;			/* of the engine */
	uint32		rows;
	uint64		data_len;		/* bytes from the data start */
	BlockNumber first_block;
	uint32		pages;
	uint32		data_page;		/* index of the page at which the data start */
	Buffer	   *verified;		/* [pages] buffer in which the page was when its CRC was checked, or InvalidBuffer */
} SegmentReader;

/*
 * One user's way into the store: an open relation (AccessShare held), the reader used last, and the page
 * pinned last. Embedded in slots and scans. Pins and the relation reference belong to the resource owner
 * current at the time.
 */
typedef struct SegmentAccess
{
	Oid			table_oid;		/* for error messages */
	Relation	store;			/* NULL until first use */
	uint64		store_id;
	SegmentReader *reader;		/* current segment, valid only while epoch matches */
	uint64		epoch;
	SegmentNumber segno;		/* of reader */
	Buffer		buffer;			/* page pinned last, or InvalidBuffer */
	uint32		page;			/* its index in the segment */
	SegmentNumber buffer_segno;	/* the segment that page belongs to */

	/* The data of the pinned page, if they belong to the current segment; span_len = 0 otherwise. */
	const char *span;
	uint64		span_offset;	/* from the data start */
	uint32		span_len;
} SegmentAccess;

/* Changes whenever cached readers may have gone; see pxd_access_seek. */
extern uint64 pxd_access_epoch;

extern void pxd_access_init(SegmentAccess *access);

/* Opens the store of table if not open yet. */
extern void pxd_access_open(SegmentAccess *access, Relation table);

/* Drops the pin, keeps relation and reader. */
extern void pxd_access_unpin(SegmentAccess *access);

/* Drops everything. Safe to call twice. */
extern void pxd_access_close(SegmentAccess *access);

/*
 * Forgets what this backend has cached of segno, so that the next seek looks into the directory and reads and checks the
 * segment's pages anew. There is no current segment afterwards. The access is open.
 */
extern void pxd_access_forget(SegmentAccess *access, SegmentNumber segno);

/*
 * As pxd_access_seek, but returns false if this backend has not opened the segment yet. Reads no page of the segment, so nothing need protect it from being
 * freed: good for hints.
 */
extern bool pxd_access_seek_cached(SegmentAccess *access, SegmentNumber segno);

extern bool pxd_access_seek_slow(SegmentAccess *access, SegmentNumber segno);
extern const char *pxd_access_span_slow(SegmentAccess *access, uint64 offset, Size len, Size *avail);

/*
 * Makes segno the current segment. Returns false if it is not LIVE (the caller decides what that means;
 * there is no current segment then). Opens and caches its header on first use in this backend. Call it
 * before each use of the access after which another segment may have been opened, through this access or
 * any other: opening one may close others.
 */
static inline bool
pxd_access_seek(SegmentAccess *access, SegmentNumber segno)
{
	if (likely(access->segno == segno && access->epoch == pxd_access_epoch))
		return true;
	return pxd_access_seek_slow(access, segno);
}

/* Of the current segment. */
static inline const struct StorageEngine *
pxd_access_engine(const SegmentAccess *access)
{
	return access->reader->engine;
}

static inline void *
pxd_access_state(const SegmentAccess *access)
{
	return access->reader->state;
}

static inline uint32
pxd_access_rows(const SegmentAccess *access)
{
	return access->reader->rows;
}

/*
 * Bytes of the current segment from the data start. pxd_access_span gives the longest contiguous run at
 * offset (at most len bytes; the run ends at a page's end), valid until the next call on this access;
 * pxd_access_read copies across pages. Page tags and CRCs are checked on a page's first use by this
 * backend. Out of range: ERRCODE_DATA_CORRUPTED.
 */
static inline const char *
pxd_access_span(SegmentAccess *access, uint64 offset, Size len, Size *avail)
{
	uint64		skip = offset - access->span_offset;

	/* unsigned: an offset before the page wraps around to more than any length */
	if (likely(skip < access->span_len))
	{
		*avail = Min(len, access->span_len - skip);
		return access->span + skip;
	}
	return pxd_access_span_slow(access, offset, len, avail);
}

/*
 * A hint that len bytes at offset will be read soon. Pages this backend has read before are asked for at the processor, others at the operating
 * system. Reads nothing and pins nothing.
 */
extern void pxd_access_prefetch(SegmentAccess *access, uint64 offset, Size len);

extern void pxd_access_read(SegmentAccess *access, uint64 offset, Size len, char *dst);

/* Raises ERRCODE_DATA_CORRUPTED: segment %lu of table "%s" is corrupt at block %u: detail. */
extern void pxd_segment_corrupt(const SegmentAccess *access, uint64 offset,
								const char *detail) pg_attribute_noreturn();

#endif
