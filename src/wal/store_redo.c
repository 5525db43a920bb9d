/*
 * store_redo.c: replay of the segment store's records.
 *
 * Locks: a record's pages are locked together, as on the primary, and let go at the end; readers on a
 * standby hold at most one of them at a time. Contents of segments are core's full-page images and not
 * replayed here.
 */
#include "postgres.h"

#include "access/xloginsert.h"
#include "access/xlogutils.h"
#include "storage/bufmgr.h"

#include "rmgr.h"
#include "store.h"

/* Puts the entries that came with block into its directory page. */
static void
apply_entries(XLogReaderState *record, uint8 block_id, Page page)
{
	DirectoryPageData *directory = (DirectoryPageData *) StorePageData(page);
	Size		len;
	char	   *data = XLogRecGetBlockData(record, block_id, &len);

	if (data == NULL || len % sizeof(EntryImage) != 0)
		elog(PANIC, "malformed proximadb directory record");
	for (; len > 0; len -= sizeof(EntryImage), data += sizeof(EntryImage))
	{
		EntryImage	image;

		/* block data in a record are not aligned */
		memcpy(&image, data, sizeof(image));
		if (image.index >= DIRECTORY_ENTRIES)
			elog(PANIC, "malformed proximadb directory record");
		directory->entries[image.index] = image.entry;
	}
}

/*
 * On a standby, waits until nobody holds the extent that becomes free (pxd_store_hold): its first page is locked for cleanup, as on the primary, before
 * anything else (R11). Returns InvalidBuffer where there is nothing to wait for.
 */
static Buffer
lock_freed_extent(XLogReaderState *record)
{
	xl_pxd_entry main_data;
	RelFileNode rnode;
	Buffer		buffer;

	if (!InHotStandby || (XLogRecGetInfo(record) & XLOG_PXD_OPMASK) != XLOG_PXD_ENTRY)
		return InvalidBuffer;
	if (XLogRecGetDataLen(record) < sizeof(main_data))
		elog(PANIC, "malformed proximadb directory record");
	memcpy(&main_data, XLogRecGetData(record), sizeof(main_data));
	if (main_data.state != SEGMENT_FREE)
		return InvalidBuffer;
	XLogRecGetBlockTag(record, 0, &rnode, NULL, NULL);
	buffer = XLogReadBufferExtended(rnode, MAIN_FORKNUM, main_data.first_block, RBM_NORMAL_NO_LOG, InvalidBuffer);
	if (BufferIsValid(buffer))
		LockBufferForCleanup(buffer);
	return buffer;
}

/* RESERVE and ENTRY. */
void
pxd_wal_redo_counters(XLogReaderState *record)
{
	Buffer		freed = lock_freed_extent(record);
	XLogRecPtr	lsn = record->EndRecPtr;
	Buffer		meta;
	Buffer		directory[XLR_NORMAL_MAX_BLOCK_ID + 1];
	int			max_block = XLogRecMaxBlockId(record);

	if (max_block > XLR_NORMAL_MAX_BLOCK_ID)
		elog(PANIC, "malformed proximadb directory record");

	if (XLogReadBufferForRedo(record, 0, &meta) == BLK_NEEDS_REDO)
	{
		Page		page = BufferGetPage(meta);
		Size		len;
		char	   *data = XLogRecGetBlockData(record, 0, &len);

		if (data == NULL || len != sizeof(StoreCounters))
			elog(PANIC, "malformed proximadb metapage record");
		memcpy(&((MetaPageData *) StorePageData(page))->counters, data, sizeof(StoreCounters));
		store_page_set_crc(page);
		PageSetLSN(page, lsn);
		MarkBufferDirty(meta);
	}
	for (int i = 1; i <= max_block; i++)
	{
		if (XLogReadBufferForRedo(record, i, &directory[i]) == BLK_NEEDS_REDO)
		{
			Page		page = BufferGetPage(directory[i]);

			apply_entries(record, i, page);
			store_page_set_crc(page);
			PageSetLSN(page, lsn);
			MarkBufferDirty(directory[i]);
		}
	}
	for (int i = 1; i <= max_block; i++)
		if (BufferIsValid(directory[i]))
			UnlockReleaseBuffer(directory[i]);
	if (BufferIsValid(meta))
		UnlockReleaseBuffer(meta);
	if (BufferIsValid(freed))
		UnlockReleaseBuffer(freed);
}

/* Links the new map page into the metapage. */
static void
link_map(XLogReaderState *record, uint64 mapno, BlockNumber map_block)
{
	Buffer		meta;

	if (XLogReadBufferForRedo(record, 2, &meta) == BLK_NEEDS_REDO)
	{
		Page		page = BufferGetPage(meta);
		MetaPageData *data = (MetaPageData *) StorePageData(page);

		if (mapno >= METAPAGE_MAPS)
			elog(PANIC, "malformed proximadb grow record");
		data->maps[mapno] = map_block;
		data->nmaps = mapno + 1;
		store_page_set_crc(page);
		PageSetLSN(page, record->EndRecPtr);
		MarkBufferDirty(meta);
	}
	if (BufferIsValid(meta))
		UnlockReleaseBuffer(meta);
}

void
pxd_wal_redo_grow(XLogReaderState *record)
{
	XLogRecPtr	lsn = record->EndRecPtr;
	xl_pxd_grow grow;
	uint64		mapno;
	Buffer		map;
	Buffer		directory;
	bool		map_needs_redo;

	memcpy(&grow, XLogRecGetData(record), sizeof(grow));
	mapno = grow.dirno / MAP_ENTRIES;

	/* The new page first, then what leads to it: a reader on a standby never follows a link into the void. */
	directory = XLogInitBufferForRedo(record, 1);
	store_page_init(BufferGetPage(directory), store_address(grow.dirno, PAGE_KIND_DIRECTORY),
					grow.store_bits);
	store_page_set_crc(BufferGetPage(directory));
	PageSetLSN(BufferGetPage(directory), lsn);
	MarkBufferDirty(directory);
	UnlockReleaseBuffer(directory);

	if (grow.new_map)
	{
		map = XLogInitBufferForRedo(record, 0);
		store_page_init(BufferGetPage(map), store_address(mapno, PAGE_KIND_MAP), grow.store_bits);
		map_needs_redo = true;
	}
	else
		map_needs_redo = XLogReadBufferForRedo(record, 0, &map) == BLK_NEEDS_REDO;
	if (map_needs_redo)
	{
		Page		page = BufferGetPage(map);

		((MapPageData *) StorePageData(page))->blocks[grow.dirno % MAP_ENTRIES] = grow.dir_block;
		store_page_set_crc(page);
		PageSetLSN(page, lsn);
		MarkBufferDirty(map);
	}
	if (BufferIsValid(map))
		UnlockReleaseBuffer(map);

	if (grow.new_map)
		link_map(record, mapno, grow.map_block);
}

/* The page has been logged in its new place before. */
void
pxd_wal_redo_link(XLogReaderState *record)
{
	xl_pxd_link link;
	Buffer		buffer;

	memcpy(&link, XLogRecGetData(record), sizeof(link));
	if (XLogReadBufferForRedo(record, 0, &buffer) == BLK_NEEDS_REDO)
	{
		Page		page = BufferGetPage(buffer);

		if (link.is_map && link.number >= METAPAGE_MAPS)
			elog(PANIC, "malformed proximadb link record");
		if (link.is_map)
			((MetaPageData *) StorePageData(page))->maps[link.number] = link.block;
		else
			((MapPageData *) StorePageData(page))->blocks[link.number % MAP_ENTRIES] = link.block;
		store_page_set_crc(page);
		PageSetLSN(page, record->EndRecPtr);
		MarkBufferDirty(buffer);
	}
	if (BufferIsValid(buffer))
		UnlockReleaseBuffer(buffer);
}

void
pxd_wal_redo_format(XLogReaderState *record)
{
	xl_pxd_format format;

	memcpy(&format, XLogRecGetData(record), sizeof(format));
	for (uint32 i = 0; i < format.nblocks; i++)
	{
		Buffer		buffer = XLogInitBufferForRedo(record, i);
		Page		page = BufferGetPage(buffer);

		store_page_init(page, format.address + i, format.store_bits);
		PageSetLSN(page, record->EndRecPtr);
		MarkBufferDirty(buffer);
		UnlockReleaseBuffer(buffer);
	}
}
