/*
 * store_internal.h: what the files of src/store offer each other.
 *
 * Lock order inside the store: relation extension lock, metapage, map page, directory page. All changes of
 * the directory are made under the metapage's exclusive lock, so whoever holds it may trust any entry.
 */
#ifndef PXD_STORE_INTERNAL_H
#define PXD_STORE_INTERNAL_H

#include "postgres.h"

#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "store.h"
#include "store_page.h"

/* What a metapage says, but for the map. */
typedef struct StoreMeta
{
	uint64		store_id;
	StoreCounters counters;
} StoreMeta;

/* --- metapage.c --- */

/*
 * Pins and checks the metapage. Returns InvalidBuffer if the store has no blocks, which only an ERROR in
 * the middle of an in-place truncation leaves behind.
 */
extern Buffer pxd_meta_pin(Relation store);

/* Reads the metapage. Returns false, with meta zeroed, if there is none. No locks held on return. */
extern bool pxd_meta_read(Relation store, StoreMeta *meta);

static inline MetaPageData *
meta_page_data(Buffer buffer)
{
	return (MetaPageData *) StorePageData(BufferGetPage(buffer));
}

/*
 * Raises ERRCODE_DATA_CORRUPTED unless the page in buffer has the given address and store bits. The page is
 * locked, or can't change.
 */
extern void pxd_page_check(Relation store, Buffer buffer, uint64 address, uint32 store_bits);

/*
 * Raises ERRCODE_DATA_CORRUPTED, naming table and block, if the checksum of a metapage, map or directory page does not match. The page is locked, or the
 * metapage is, which keeps all writers away. Who changes such a page has checked it before, and calls store_page_set_crc after.
 */
extern void pxd_page_check_crc(Relation store, Buffer buffer);

/* Raises ERRCODE_DATA_CORRUPTED for a page of the store's own bookkeeping. detail is a sentence. */
extern void pxd_store_corrupt(Relation store, BlockNumber block, const char *detail) pg_attribute_noreturn();

/*
 * Sets a page's visibility-map bits. The page is locked exclusively and has been logged; *vmbuffer is
 * pinned for it (visibilitymap_pin, before the page was locked).
 */
extern void pxd_page_set_visible(Relation store, Buffer buffer, Buffer vmbuffer);

/* --- directory.c --- */

/* Copies the entries of directory page dirno. Returns false if that page does not exist. */
extern bool pxd_directory_copy(Relation store, uint64 dirno, DirectoryEntry *entries);

/* Reads one entry; false if its number was never reserved (entry zeroed then). */
extern bool pxd_directory_get(Relation store, SegmentNumber segno, DirectoryEntry *entry);

/* Whether block is a map or directory page in use; one that has moved leaves a page of its form behind. */
extern bool pxd_directory_owns(Relation store, BlockNumber block);

/*
 * Moves the map or directory page at block `from` to block `to`, a formatted page that belongs to no entry. After an ERROR or crash it is either here or there, and the
 * other page is garbage. Lock: AccessExclusive on the store.
 */
extern void pxd_directory_move(Relation store, BlockNumber from, BlockNumber to);

static inline uint64
directory_page_of(SegmentNumber segno)
{
	return segno / DIRECTORY_ENTRIES;
}

/*
 * A change of one or more entries, atomic in WAL. Between begin and commit the metapage is locked
 * exclusively: keep it short; an ERROR in between changes nothing.
 */
#define DIRECTORY_MAX_CHANGES	4

typedef struct DirectoryChange
{
	SegmentNumber segno;
	DirectoryEntry old;
	DirectoryEntry new;
} DirectoryChange;

typedef struct DirectoryUpdate
{
	Relation	store;
	Buffer		meta;
	StoreMeta	before;			/* as found */
	uint64		flushed_pages;	/* to be added to the counters */
	uint64		moved_pages;
	int			nchanges;
	DirectoryChange changes[DIRECTORY_MAX_CHANGES];
} DirectoryUpdate;

/* Locks the metapage. */
extern void pxd_directory_begin(DirectoryUpdate *update, Relation store);

/* Reads a reserved number's entry as it stands (changes of this update do not show). */
extern void pxd_directory_read(DirectoryUpdate *update, SegmentNumber segno, DirectoryEntry *entry);

/* Queues a new value of a reserved number's entry; at most one per number. */
extern void pxd_directory_set(DirectoryUpdate *update, SegmentNumber segno, const DirectoryEntry *entry);

/*
 * Applies and logs the changes, unlocks. Returns the record's LSN, or InvalidXLogRecPtr if the store is not
 * logged.
 */
extern XLogRecPtr pxd_directory_commit(DirectoryUpdate *update);

/* Unlocks without changing anything. */
extern void pxd_directory_cancel(DirectoryUpdate *update);

/* Sets the visibility-map bits of pages just made, one after the other. No content lock is held. */
extern void pxd_pages_set_visible(Relation store, const BlockNumber *blocks, int nblocks);

/* --- covered.c --- */

/* Copies the blocks of the cover root and the cover pages to blocks, which has room for COVER_PAGES + 1. Returns how many. meta is pinned. */
extern int	pxd_covered_blocks(Relation store, Buffer meta, BlockNumber *blocks);

/*
 * Takes the cover pages from block end on out of use, before the file is cut there: their heap pages are not covered any more. Logged. Lock:
 * AccessExclusive.
 */
extern void pxd_covered_drop(Relation store, BlockNumber end);

/* --- image.c --- */

/*
 * Where pxd_image_fill stands in the image; zero it before the first page. Pages are filled in ascending
 * order.
 */
typedef struct ImageCursor
{
	int			piece;
} ImageCursor;

/*
 * Fills a page's data with the bytes of the image's page_index-th page, and completes the tag with the CRC.
 */
extern void pxd_image_fill(const SegmentImage *image, ImageCursor *cursor, uint32 page_index, Page page);

/* --- free.c --- */

/*
 * Makes the pages of segno's extent (entry is its entry) FREE, under numbers of their own except that, with
 * keep_number, the last or only run of pages stays under segno. Otherwise segno is UNUSED afterwards.
 * Nobody else changes the entry.
 */
extern void pxd_extent_release(Relation store, SegmentNumber segno, const DirectoryEntry *entry,
							   bool keep_number);

/* --- reader.c --- */

/*
 * Makes every SegmentAccess of this backend look again: the store of an open relation has become another
 * one.
 */
extern void pxd_reader_reset(void);

#endif
