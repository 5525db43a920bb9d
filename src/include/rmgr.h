/*
 * rmgr.h: the resource manager: its id, its records, and the functions behind it.
 *
 * Layout of the records is described in src/wal/README.md. Records are written where the change is made and
 * replayed in src/wal.
 */
#ifndef PXD_RMGR_H
#define PXD_RMGR_H

#include "postgres.h"

#include "access/xlog_internal.h"

#include "store_page.h"

/* One id for all servers of the world: changing it makes existing WAL unreadable. */
#define PXD_RMGR_ID				157
#define PXD_RMGR_NAME			"proximadb"

/* Kinds of records: the high four bits of xl_info. Those of the store come first. */
#define XLOG_PXD_RESERVE		0x00	/* metapage: next segment number */
#define XLOG_PXD_GROW			0x10	/* new directory page, and new map page if need be */
#define XLOG_PXD_ENTRY			0x20	/* directory entries and metapage counters */
#define XLOG_PXD_FORMAT			0x30	/* blank pages become pages of the store */
#define XLOG_PXD_SEAL			0x40	/* tuples of a heap page become stubs, or stubs others */
#define XLOG_PXD_LINK			0x50	/* a map or directory page has moved */
#define XLOG_PXD_OPMASK			0xF0

/*
 * RESERVE and ENTRY. Block 0: metapage, with StoreCounters as data. Blocks 1 ..: directory pages (ENTRY
 * only), each with an array of EntryImage. The main data are for describing, and tell replay on a standby of an extent that becomes free.
 */
typedef struct xl_pxd_entry
{
	uint64		segno;			/* number reserved, or of the first entry changed */
	uint32		first_block;
	uint32		pages;
	uint8		state;
	uint8		nentries;
	uint16		unused;
} xl_pxd_entry;

#define SizeOfPxdEntry			(offsetof(xl_pxd_entry, unused) + sizeof(uint16))

typedef struct EntryImage
{
	uint32		index;			/* in its directory page */
	uint32		unused;
	DirectoryEntry entry;
} EntryImage;

/*
 * GROW. Block 0: map page. Block 1: new directory page. Block 2: metapage, only if the map page is new,
 * too.
 */
typedef struct xl_pxd_grow
{
	uint64		dirno;			/* which directory page */
	uint32		map_block;
	uint32		dir_block;
	uint32		store_bits;
	uint32		new_map;		/* 1: the map page is new */
} xl_pxd_grow;

/* FORMAT. Blocks 0 ..: consecutive pages to be initialised, with consecutive addresses from address on. */
typedef struct xl_pxd_format
{
	uint64		address;
	uint32		store_bits;
	uint32		nblocks;
} xl_pxd_format;

/* LINK. Block 0: what leads to the page: the metapage to a map page, a map page to a directory page. */
typedef struct xl_pxd_link
{
	uint64		number;			/* which map or directory page */
	uint32		block;			/* where it is now */
	uint32		is_map;			/* 1: a map page */
} xl_pxd_link;

/* SEAL. Block 0: heap page, with SealedTuples as data, each followed by its len bytes: the whole new tuple. */
typedef struct SealedTuple
{
	uint16		offset;			/* line pointer */
	uint16		len;
} SealedTuple;

StaticAssertDecl(sizeof(SealedTuple) == 4, "sealed tuple is padded");
StaticAssertDecl(sizeof(xl_pxd_entry) == 24, "entry record is padded");
StaticAssertDecl(sizeof(EntryImage) == 40, "entry image is padded");
StaticAssertDecl(sizeof(xl_pxd_grow) == 24, "grow record is padded");
StaticAssertDecl(sizeof(xl_pxd_format) == 16, "format record is padded");
StaticAssertDecl(sizeof(xl_pxd_link) == 16, "link record is padded");

/* Registers the resource manager. Only while shared_preload_libraries are loaded. */
extern void pxd_wal_register(void);

/* Replay and description of the store's records (wal/store_redo.c, wal/store_desc.c). */
extern void pxd_wal_redo_counters(XLogReaderState *record);
extern void pxd_wal_redo_grow(XLogReaderState *record);
extern void pxd_wal_redo_format(XLogReaderState *record);
extern void pxd_wal_redo_link(XLogReaderState *record);
extern void pxd_wal_desc_entry(StringInfo buf, XLogReaderState *record);
extern void pxd_wal_desc_grow(StringInfo buf, XLogReaderState *record);
extern void pxd_wal_desc_format(StringInfo buf, XLogReaderState *record);
extern void pxd_wal_desc_link(StringInfo buf, XLogReaderState *record);

/*
 * Replaces tuples of a heap page by those in data (len bytes of SealedTuples), and compacts the page. The caller holds a
 * cleanup lock, is in a critical section, and logs.
 */
extern void pxd_seal_replace(Page page, const char *data, Size len);
extern void pxd_wal_redo_seal(XLogReaderState *record);
extern void pxd_wal_desc_seal(StringInfo buf, XLogReaderState *record);

#endif
