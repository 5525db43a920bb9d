/*
 * store_page.h: the pages of the segment store as they stand on disk.
 *
 * Every page of ours is a valid PostgreSQL page without line pointers and without free space (pd_lower =
 * pd_upper = pd_special = 24, PD_ALL_VISIBLE), so that heap code takes it for a full, empty page. A 16-byte
 * tag follows the page header, then 8,152 bytes of data:
 *
 *   0        24         40                                                    8192
 *   | header | PageTag  | data ..............................................|
 *
 * Kinds of pages, told apart by the page index in the tag's address: the metapage (block 0), map pages,
 * directory pages, cover pages and their root, and pages of segments. The directory is a radix: entry of segment n is found by
 * arithmetic, metapage.maps[] -> map page -> directory page -> entries[n % DIRECTORY_ENTRIES].
 */
#ifndef PXD_STORE_PAGE_H
#define PXD_STORE_PAGE_H

#include "postgres.h"

#include "port/pg_crc32c.h"
#include "storage/bufpage.h"

/* --- the tag --- */

/* Page indexes from here up are no pages of a segment but name the kind of a page of the store itself. */
#define PAGE_INDEX_BITS			24
#define PAGE_INDEX_MASK			((UINT64CONST(1) << PAGE_INDEX_BITS) - 1)
#define PAGE_KIND_META			0xFFFFFF
#define PAGE_KIND_MAP			0xFFFFFE	/* segment number: which map page */
#define PAGE_KIND_DIRECTORY		0xFFFFFD	/* segment number: which directory page */
#define PAGE_KIND_COVER_ROOT	0xFFFFFC
#define PAGE_KIND_COVER			0xFFFFFB	/* segment number: which cover page */
#define SEGMENT_MAX_PAGES		0xFFFFF0

#define SEGMENT_NUMBER_MAX		((UINT64CONST(1) << 40) - 1)

typedef struct PageTag
{
	uint64		address;		/* segment number << 24 | page index */
	uint32		store_bits;		/* low half of the store id */
	uint32		crc;			/* CRC-32C of the fields above and the data; 0 on pages of free extents */
} PageTag;

#define STORE_TAG_OFFSET		SizeOfPageHeaderData
#define STORE_DATA_OFFSET		(STORE_TAG_OFFSET + sizeof(PageTag))
#define STORE_DATA_SIZE			(BLCKSZ - STORE_DATA_OFFSET)

StaticAssertDecl(SizeOfPageHeaderData == 24, "page header is not 24 bytes");
StaticAssertDecl(sizeof(PageTag) == 16, "page tag is not 16 bytes");
StaticAssertDecl(offsetof(PageTag, crc) == 12, "page tag is padded");
StaticAssertDecl(STORE_DATA_SIZE == 8152, "pages are not of 8 kB");
StaticAssertDecl(STORE_DATA_SIZE % 8 == 0, "page data is not a multiple of 8 bytes");

#define StorePageTag(page)		((PageTag *) ((char *) (page) + STORE_TAG_OFFSET))
#define StorePageData(page)		((char *) (page) + STORE_DATA_OFFSET)

static inline uint64
store_address(uint64 segno, uint32 page_index)
{
	return (segno << PAGE_INDEX_BITS) | page_index;
}

/*
 * True if page has the form of the store's pages at all (a heap page, a new one and a garbled one have
 * not).
 */
static inline bool
store_page_has_form(const PageHeaderData *page)
{
	return page->pd_lower == STORE_TAG_OFFSET &&
		page->pd_upper == STORE_TAG_OFFSET &&
		page->pd_special == STORE_TAG_OFFSET;
}

/* Writes header and tag, leaving LSN and data as they are. */
static inline void
store_page_set_header(Page page, uint64 address, uint32 store_bits)
{
	PageHeader	header = (PageHeader) page;
	PageTag    *tag = StorePageTag(page);

	memset((char *) page + sizeof(header->pd_lsn), 0, SizeOfPageHeaderData - sizeof(header->pd_lsn));
	header->pd_flags = PD_ALL_VISIBLE;
	header->pd_lower = STORE_TAG_OFFSET;
	header->pd_upper = STORE_TAG_OFFSET;
	header->pd_special = STORE_TAG_OFFSET;
	PageSetPageSizeAndVersion(page, BLCKSZ, PG_PAGE_LAYOUT_VERSION);
	tag->address = address;
	tag->store_bits = store_bits;
	tag->crc = 0;
}

/* A page with tag and zeroed data. The LSN is 0: the caller sets it. */
static inline void
store_page_init(Page page, uint64 address, uint32 store_bits)
{
	memset(page, 0, BLCKSZ);
	store_page_set_header(page, address, store_bits);
}

static inline uint32
store_page_crc(const char *page)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, page + STORE_TAG_OFFSET, offsetof(PageTag, crc));
	COMP_CRC32C(crc, page + STORE_DATA_OFFSET, STORE_DATA_SIZE);
	FIN_CRC32C(crc);
	return crc;
}

/* Completes a page whose data are changed in place: metapage, map and directory pages. */
static inline void
store_page_set_crc(Page page)
{
	StorePageTag(page)->crc = store_page_crc(page);
}

/* --- metapage: block 0 --- */

#define STORE_MAGIC				0x70584453	/* "SDXp" as bytes on disk */
#define STORE_VERSION			3
#define STORE_METAPAGE_BLOCK	0

/* What changes with the directory; logged as a whole with every change of it. */
typedef struct StoreCounters
{
	uint64		next_segno;		/* lowest number never reserved */
	uint64		first_used;		/* no number below it has an entry that is not UNUSED */
	uint64		free_pages;		/* in FREE extents */
	uint64		live_segments;
	uint64		live_rows;
	uint64		live_pages;
	uint64		flushed_pages;	/* written since the store began: of rows that came from no other segment */
	uint64		moved_pages;	/* and of rows that compaction moved */
} StoreCounters;

#define METAPAGE_MAPS			2016

typedef struct MetaPageData
{
	uint32		magic;
	uint32		version;
	uint64		store_id;
	StoreCounters counters;
	uint32		nmaps;			/* map pages so far */
	uint32		cover_root;		/* block of the cover root, 0: no heap page is covered */
	uint32		maps[METAPAGE_MAPS];	/* their blocks */
} MetaPageData;

StaticAssertDecl(sizeof(StoreCounters) == 64, "store counters have another size");
StaticAssertDecl(offsetof(MetaPageData, maps) == 88, "metapage is padded");
StaticAssertDecl(sizeof(MetaPageData) == STORE_DATA_SIZE, "metapage does not fill its page");

/* --- map pages: blocks of directory pages, 0 where there is none yet --- */

#define MAP_ENTRIES				2038

typedef struct MapPageData
{
	uint32		blocks[MAP_ENTRIES];
} MapPageData;

StaticAssertDecl(sizeof(MapPageData) == STORE_DATA_SIZE, "map page does not fill its page");

/* --- cover pages: one bit for each page of the table's main fork (covered.c) --- */

/* The cover root has the form of a map page: blocks of cover pages, 0 where there is none yet. */
#define COVER_PAGES				MAP_ENTRIES
#define COVER_WORDS				(STORE_DATA_SIZE / sizeof(uint64))
#define COVER_WORD_BITS			64
#define COVER_BITS				(COVER_WORDS * COVER_WORD_BITS)

typedef struct CoverPageData
{
	uint64		words[COVER_WORDS];
} CoverPageData;

StaticAssertDecl(sizeof(CoverPageData) == STORE_DATA_SIZE, "cover page does not fill its page");

/* --- directory pages --- */

/*
 * The extent's pages were formatted before it was taken: all of them belong to it, whatever their tags say.
 */
#define ENTRY_REUSED			0x01

/*
 * Built from rows with external values, whose chunks transaction fxid was to delete, and it is not known yet that it has. Only on
 * live segments, whose fxid is that of the subtransaction.
 */
#define ENTRY_CHUNKS			0x02

/*
 * Only on live segments: when it was written a merge would have made no larger one of its rows, however few pages they take: they had reached the limits of a
 * segment, or had to fit a free extent. It stays when the limits are raised. Segments of builds that did not know it have it not: they may be merged once.
 */
#define ENTRY_FULL				0x04

typedef struct DirectoryEntry
{
	uint64		fxid;			/* FullTransactionId of the builder; 0 if it had none (vacuum) */
	uint32		first_block;
	uint32		pages;
	uint32		rows;
	uint8		state;			/* SegmentState */
	uint8		engine;
	uint8		level;
	uint8		flags;			/* ENTRY_* */
	uint64		unused;
} DirectoryEntry;

#define DIRECTORY_ENTRIES		254

typedef struct DirectoryPageData
{
	DirectoryEntry entries[DIRECTORY_ENTRIES];
	uint64		unused[3];
} DirectoryPageData;

StaticAssertDecl(sizeof(DirectoryEntry) == 32, "directory entry is not 32 bytes");
StaticAssertDecl(offsetof(DirectoryEntry, unused) == 24, "directory entry is padded");
StaticAssertDecl(sizeof(DirectoryPageData) == STORE_DATA_SIZE, "directory page does not fill its page");

/* Highest segment number the directory has room for, plus one. */
#define DIRECTORY_CAPACITY		((uint64) METAPAGE_MAPS * MAP_ENTRIES * DIRECTORY_ENTRIES)

StaticAssertDecl(DIRECTORY_CAPACITY < SEGMENT_NUMBER_MAX, "directory holds more numbers than a locator");

/* --- segments --- */

#define SEGMENT_MAGIC			0x70584753	/* "SGXp" */
#define SEGMENT_VERSION			1

/* At the start of a segment's byte stream; the engine's header follows, the data start at page data_page. */
typedef struct SegmentPrefix
{
	uint32		magic;
	uint16		version;
	uint8		engine;
	uint8		level;
	uint32		rows;
	uint32		data_page;
	uint64		header_len;
	uint64		data_len;
} SegmentPrefix;

StaticAssertDecl(sizeof(SegmentPrefix) == 32, "segment prefix is not 32 bytes");

#endif
