/*
 * directory.c: which segment numbers are taken and where their extents are.
 *
 * Owns the map and directory pages and the counters on the metapage. Every change is made under the
 * metapage's exclusive lock and logged in one record with after-images of the entries and of the counters
 * (RESERVE, GROW, ENTRY). Readers lock one page at a time, shared. Pages, once linked, stay where they are
 * as long as anybody may look (AccessShare on the store); truncation moves them from the end of the file (LINK).
 */
#include "postgres.h"

#include "access/visibilitymap.h"
#include "access/xlog.h"
#include "access/xloginsert.h"
#include "miscadmin.h"
#include "storage/lmgr.h"

#include "proximadb.h"
#include "rmgr.h"
#include "store_internal.h"

static inline DirectoryPageData *
directory_page_data(Buffer buffer)
{
	return (DirectoryPageData *) StorePageData(BufferGetPage(buffer));
}

/*
 * Pins directory page dirno and checks it. meta is the pinned metapage, on which the caller may hold a lock
 * or not. Returns InvalidBuffer if the page does not exist yet.
 */
static Buffer
pin_directory_page(Relation store, Buffer meta, uint64 dirno)
{
	const MetaPageData *metadata = meta_page_data(meta);
	uint32		store_bits = (uint32) metadata->store_id;
	uint64		mapno = dirno / MAP_ENTRIES;
	BlockNumber block;
	Buffer		buffer;

	if (mapno >= METAPAGE_MAPS)
		return InvalidBuffer;

	/* A link goes from 0 to a block in one aligned store, and changes only under AccessExclusive: no lock is needed to follow it. */
	block = ((const volatile MetaPageData *) metadata)->maps[mapno];
	if (block == 0)
		return InvalidBuffer;
	buffer = ReadBuffer(store, block);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	pxd_page_check(store, buffer, store_address(mapno, PAGE_KIND_MAP), store_bits);
	pxd_page_check_crc(store, buffer);
	block = ((MapPageData *) StorePageData(BufferGetPage(buffer)))->blocks[dirno % MAP_ENTRIES];
	UnlockReleaseBuffer(buffer);
	if (block == 0)
		return InvalidBuffer;

	buffer = ReadBuffer(store, block);
	pxd_page_check(store, buffer, store_address(dirno, PAGE_KIND_DIRECTORY), store_bits);
	return buffer;
}

/* A number that has been reserved has no directory page. Names the block that should lead there. */
static void
report_missing(Relation store, SegmentNumber segno)
{
	Buffer		meta = pxd_meta_pin(store);
	uint64		mapno = directory_page_of(segno) / MAP_ENTRIES;
	BlockNumber block = mapno < METAPAGE_MAPS ? meta_page_data(meta)->maps[mapno] : 0;

	ReleaseBuffer(meta);
	pxd_store_corrupt(store, block, psprintf("The map has no directory page for segment " UINT64_FORMAT ".", segno));
}

/* --- reading --- */

bool
pxd_directory_copy(Relation store, uint64 dirno, DirectoryEntry *entries)
{
	Buffer		meta = pxd_meta_pin(store);
	Buffer		buffer;

	if (!BufferIsValid(meta))
		return false;
	buffer = pin_directory_page(store, meta, dirno);
	ReleaseBuffer(meta);
	if (!BufferIsValid(buffer))
		return false;
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	pxd_page_check_crc(store, buffer);
	memcpy(entries, directory_page_data(buffer)->entries, sizeof(DirectoryEntry) * DIRECTORY_ENTRIES);
	UnlockReleaseBuffer(buffer);
	return true;
}

bool
pxd_directory_get(Relation store, SegmentNumber segno, DirectoryEntry *entry)
{
	Buffer		meta = pxd_meta_pin(store);
	Buffer		buffer;
	uint64		next_segno;

	memset(entry, 0, sizeof(*entry));
	if (!BufferIsValid(meta))
		return false;
	LockBuffer(meta, BUFFER_LOCK_SHARE);
	next_segno = meta_page_data(meta)->counters.next_segno;
	LockBuffer(meta, BUFFER_LOCK_UNLOCK);
	if (segno == InvalidSegmentNumber || segno >= next_segno)
	{
		ReleaseBuffer(meta);
		return false;
	}
	buffer = pin_directory_page(store, meta, directory_page_of(segno));
	ReleaseBuffer(meta);
	if (!BufferIsValid(buffer))
		report_missing(store, segno);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	pxd_page_check_crc(store, buffer);
	*entry = directory_page_data(buffer)->entries[segno % DIRECTORY_ENTRIES];
	UnlockReleaseBuffer(buffer);
	return true;
}

static void
entry_from_page(const DirectoryEntry *page_form, SegmentEntry *entry)
{
	entry->state = (SegmentState) page_form->state;
	entry->engine = page_form->engine;
	entry->level = page_form->level;
	entry->first_block = page_form->first_block;
	entry->pages = page_form->pages;
	entry->rows = page_form->rows;
	entry->fxid = FullTransactionIdFromU64(page_form->fxid);
	entry->chunks = (page_form->flags & ENTRY_CHUNKS) != 0;
	entry->full = (page_form->flags & ENTRY_FULL) != 0;
}

bool
pxd_store_lookup(Relation store, SegmentNumber segno, SegmentEntry *entry)
{
	DirectoryEntry page_form;
	bool		reserved = pxd_directory_get(store, segno, &page_form);

	entry_from_page(&page_form, entry);
	return reserved;
}

bool
pxd_store_next(Relation store, SegmentNumber *segno, SegmentEntry *entry)
{
	StoreMeta	meta;
	SegmentNumber next;
	DirectoryEntry entries[DIRECTORY_ENTRIES];

	if (!pxd_meta_read(store, &meta))
		return false;

	next = Max(*segno + 1, meta.counters.first_used);
	while (next < meta.counters.next_segno)
	{
		uint64		dirno = directory_page_of(next);

		CHECK_FOR_INTERRUPTS();
		if (!pxd_directory_copy(store, dirno, entries))
			return false;
		for (; next < meta.counters.next_segno && directory_page_of(next) == dirno; next++)
		{
			const DirectoryEntry *found = &entries[next % DIRECTORY_ENTRIES];

			if (found->state != SEGMENT_UNUSED)
			{
				*segno = next;
				entry_from_page(found, entry);
				return true;
			}
		}
	}
	return false;
}

uint32
pxd_store_largest_free(Relation store)
{
	SegmentNumber segno = InvalidSegmentNumber;
	SegmentEntry entry;
	uint32		largest = 0;

	if (pxd_store_free_pages(store) == 0)
		return 0;
	while (pxd_store_next(store, &segno, &entry))
	{
		CHECK_FOR_INTERRUPTS();
		if (entry.state == SEGMENT_FREE)
			largest = Max(largest, entry.pages);
	}
	return largest;
}

/* --- growing --- */

void
pxd_pages_set_visible(Relation store, const BlockNumber *blocks, int nblocks)
{
	Buffer		vmbuffer = InvalidBuffer;

	for (int i = 0; i < nblocks; i++)
	{
		Buffer		buffer;

		visibilitymap_pin(store, blocks[i], &vmbuffer);
		buffer = ReadBuffer(store, blocks[i]);
		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		pxd_page_set_visible(store, buffer, vmbuffer);
		UnlockReleaseBuffer(buffer);
	}
	if (BufferIsValid(vmbuffer))
		ReleaseBuffer(vmbuffer);
}

static void
log_grow(Relation store, const xl_pxd_grow *grow, Buffer map, Buffer directory, Buffer meta)
{
	XLogRecPtr	lsn;

	XLogBeginInsert();
	XLogRegisterData((char *) grow, sizeof(*grow));
	XLogRegisterBuffer(0, map, REGBUF_STANDARD | (grow->new_map ? REGBUF_WILL_INIT : 0));
	XLogRegisterBuffer(1, directory, REGBUF_STANDARD | REGBUF_WILL_INIT);
	if (grow->new_map)
		XLogRegisterBuffer(2, meta, REGBUF_STANDARD);
	lsn = XLogInsert(PXD_RMGR_ID, XLOG_PXD_GROW);
	PageSetLSN(BufferGetPage(map), lsn);
	PageSetLSN(BufferGetPage(directory), lsn);
	if (grow->new_map)
		PageSetLSN(BufferGetPage(meta), lsn);
}

/*
 * Adds directory page dirno. Extension lock and the metapage's exclusive lock are held. Returns in blocks
 * the pages that became ours, and their number.
 */
static int
add_directory_page(Relation store, Buffer meta, uint64 dirno, BlockNumber *blocks)
{
	MetaPageData *metadata = meta_page_data(meta);
	uint64		mapno = dirno / MAP_ENTRIES;
	xl_pxd_grow grow = {0};
	Buffer		map;
	Buffer		directory;
	int			nblocks = 0;

	grow.dirno = dirno;
	grow.store_bits = (uint32) metadata->store_id;
	grow.new_map = metadata->maps[mapno] == 0;

	if (grow.new_map)
	{
		map = ReadBufferExtended(store, MAIN_FORKNUM, P_NEW, RBM_ZERO_AND_LOCK, NULL);
		blocks[nblocks++] = BufferGetBlockNumber(map);
	}
	else
	{
		map = ReadBuffer(store, metadata->maps[mapno]);
		LockBuffer(map, BUFFER_LOCK_EXCLUSIVE);
		pxd_page_check(store, map, store_address(mapno, PAGE_KIND_MAP), grow.store_bits);
		pxd_page_check_crc(store, map);
	}
	grow.map_block = BufferGetBlockNumber(map);
	directory = ReadBufferExtended(store, MAIN_FORKNUM, P_NEW, RBM_ZERO_AND_LOCK, NULL);
	grow.dir_block = BufferGetBlockNumber(directory);
	blocks[nblocks++] = grow.dir_block;

	START_CRIT_SECTION();
	store_page_init(BufferGetPage(directory), store_address(dirno, PAGE_KIND_DIRECTORY), grow.store_bits);
	store_page_set_crc(BufferGetPage(directory));
	MarkBufferDirty(directory);
	if (grow.new_map)
		store_page_init(BufferGetPage(map), store_address(mapno, PAGE_KIND_MAP), grow.store_bits);
	((MapPageData *) StorePageData(BufferGetPage(map)))->blocks[dirno % MAP_ENTRIES] = grow.dir_block;
	store_page_set_crc(BufferGetPage(map));
	MarkBufferDirty(map);
	if (grow.new_map)
	{
		metadata->maps[mapno] = grow.map_block;
		metadata->nmaps = mapno + 1;
		store_page_set_crc(BufferGetPage(meta));
		MarkBufferDirty(meta);
	}
	if (RelationNeedsWAL(store))
		log_grow(store, &grow, map, directory, meta);
	END_CRIT_SECTION();

	UnlockReleaseBuffer(directory);
	UnlockReleaseBuffer(map);
	return nblocks;
}

/* Makes sure that directory page dirno exists. No locks held on entry and return. */
static void
grow_directory(Relation store, uint64 dirno)
{
	BlockNumber blocks[3];
	int			nblocks = 0;
	Buffer		meta;
	Buffer		existing;

	LockRelationForExtension(store, ExclusiveLock);
	meta = pxd_meta_pin(store);
	LockBuffer(meta, BUFFER_LOCK_EXCLUSIVE);

	pxd_page_check_crc(store, meta);

	/* somebody else may have been faster */
	existing = pin_directory_page(store, meta, dirno);
	if (BufferIsValid(existing))
		ReleaseBuffer(existing);
	else
	{
		nblocks = add_directory_page(store, meta, dirno, blocks);

		/* The metapage was written when the visibility map could not be: make up for it once. */
		if (dirno == 0)
			blocks[nblocks++] = STORE_METAPAGE_BLOCK;
	}
	UnlockReleaseBuffer(meta);
	UnlockRelationForExtension(store, ExclusiveLock);

	pxd_pages_set_visible(store, blocks, nblocks);
}

/* --- moving --- */

/* Checks a page of the directory that is pinned, before a link in it is believed. */
static void
check_linking_page(Relation store, Buffer buffer, uint64 address, uint32 store_bits)
{
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	pxd_page_check(store, buffer, address, store_bits);
	pxd_page_check_crc(store, buffer);
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
}

/*
 * Pins the page that leads to the map or directory page with this address: metapage or map page. Returns where the link stands in it, or NULL, with nothing
 * pinned, if there is no such page.
 */
static uint32 *
pin_link(Relation store, uint64 address, Buffer *parent)
{
	uint64		number = address >> PAGE_INDEX_BITS;
	bool		is_map = (address & PAGE_INDEX_MASK) == PAGE_KIND_MAP;
	uint64		mapno = is_map ? number : number / MAP_ENTRIES;
	Buffer		meta = pxd_meta_pin(store);
	uint32		store_bits;
	uint32	   *link;

	if (!BufferIsValid(meta))
		return NULL;
	store_bits = (uint32) meta_page_data(meta)->store_id;
	check_linking_page(store, meta, store_address(0, PAGE_KIND_META), store_bits);
	link = mapno < METAPAGE_MAPS ? &meta_page_data(meta)->maps[mapno] : NULL;
	if (is_map && link != NULL)
	{
		*parent = meta;
		return link;
	}
	if (link == NULL || *link == 0 || (address & PAGE_INDEX_MASK) != PAGE_KIND_DIRECTORY)
	{
		ReleaseBuffer(meta);
		return NULL;
	}
	*parent = ReadBuffer(store, *link);
	ReleaseBuffer(meta);
	check_linking_page(store, *parent, store_address(mapno, PAGE_KIND_MAP), store_bits);
	return &((MapPageData *) StorePageData(BufferGetPage(*parent)))->blocks[number % MAP_ENTRIES];
}

/* The address in the tag of a page of the store that is no page of a segment, or 0. */
static uint64
bookkeeping_address(Relation store, BlockNumber block)
{
	Buffer		buffer = ReadBuffer(store, block);
	Page		page = BufferGetPage(buffer);
	uint64		address = 0;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (store_page_has_form((PageHeader) page) && (StorePageTag(page)->address & PAGE_INDEX_MASK) >= SEGMENT_MAX_PAGES)
		address = StorePageTag(page)->address;
	UnlockReleaseBuffer(buffer);
	return address;
}

bool
pxd_directory_owns(Relation store, BlockNumber block)
{
	uint64		address = bookkeeping_address(store, block);
	Buffer		parent;
	uint32	   *link = address == 0 ? NULL : pin_link(store, address, &parent);
	bool		owns;

	if (link == NULL)
		return false;
	owns = *(volatile uint32 *) link == block;
	ReleaseBuffer(parent);
	return owns;
}

/* Copies a page of ours and logs the copy. */
static void
copy_page(Relation store, BlockNumber from, BlockNumber to)
{
	PGAlignedBlock block;
	Buffer		buffer = ReadBuffer(store, from);

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	pxd_page_check_crc(store, buffer);
	memcpy(block.data, BufferGetPage(buffer), BLCKSZ);
	UnlockReleaseBuffer(buffer);

	buffer = ReadBuffer(store, to);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	START_CRIT_SECTION();
	memcpy(BufferGetPage(buffer), block.data, BLCKSZ);
	MarkBufferDirty(buffer);
	if (RelationNeedsWAL(store))
		log_newpage_buffer(buffer, true);
	END_CRIT_SECTION();
	UnlockReleaseBuffer(buffer);
}

void
pxd_directory_move(Relation store, BlockNumber from, BlockNumber to)
{
	uint64		address = bookkeeping_address(store, from);
	Buffer		parent = InvalidBuffer;
	uint32	   *link = pin_link(store, address, &parent);
	xl_pxd_link record = {.number = address >> PAGE_INDEX_BITS,.block = to};

	Assert(CheckRelationLockedByMe(store, AccessExclusiveLock, false));
	if (link == NULL || *link != from)
		elog(ERROR, "block %u of segment store \"%s\" is no page of the directory", from, RelationGetRelationName(store));
	record.is_map = (address & PAGE_INDEX_MASK) == PAGE_KIND_MAP;
	copy_page(store, from, to);

	LockBuffer(parent, BUFFER_LOCK_EXCLUSIVE);
	pxd_page_check_crc(store, parent);
	START_CRIT_SECTION();
	*link = to;
	store_page_set_crc(BufferGetPage(parent));
	MarkBufferDirty(parent);
	if (RelationNeedsWAL(store))
	{
		XLogRecPtr	lsn;

		XLogBeginInsert();
		XLogRegisterData((char *) &record, sizeof(record));
		XLogRegisterBuffer(0, parent, REGBUF_STANDARD);
		lsn = XLogInsert(PXD_RMGR_ID, XLOG_PXD_LINK);
		PageSetLSN(BufferGetPage(parent), lsn);
	}
	END_CRIT_SECTION();
	UnlockReleaseBuffer(parent);
}

SegmentNumber
pxd_store_reserve(Relation store)
{
	pxd_require_preload(store);

	for (;;)
	{
		Buffer		meta = pxd_meta_pin(store);
		Buffer		directory;
		SegmentNumber segno;

		if (!BufferIsValid(meta))
		{
			pxd_store_recreate(store);
			continue;
		}

		LockBuffer(meta, BUFFER_LOCK_EXCLUSIVE);
		pxd_page_check_crc(store, meta);
		segno = meta_page_data(meta)->counters.next_segno;
		if (segno >= DIRECTORY_CAPACITY)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("segment store \"%s\" has run out of segment numbers",
							RelationGetRelationName(store)),
					 errhint("Rewrite the table with VACUUM FULL.")));

		directory = pin_directory_page(store, meta, directory_page_of(segno));
		if (!BufferIsValid(directory))
		{
			UnlockReleaseBuffer(meta);
			grow_directory(store, directory_page_of(segno));
			continue;
		}
		ReleaseBuffer(directory);

		START_CRIT_SECTION();
		meta_page_data(meta)->counters.next_segno = segno + 1;
		store_page_set_crc(BufferGetPage(meta));
		MarkBufferDirty(meta);
		if (RelationNeedsWAL(store))
		{
			xl_pxd_entry record = {.segno = segno};
			XLogRecPtr	lsn;

			XLogBeginInsert();
			XLogRegisterData((char *) &record, sizeof(record));
			XLogRegisterBuffer(0, meta, REGBUF_STANDARD);
			XLogRegisterBufData(0, (char *) &meta_page_data(meta)->counters, sizeof(StoreCounters));
			lsn = XLogInsert(PXD_RMGR_ID, XLOG_PXD_RESERVE);
			PageSetLSN(BufferGetPage(meta), lsn);
		}
		END_CRIT_SECTION();
		UnlockReleaseBuffer(meta);
		return segno;
	}
}

/* --- changing entries --- */

void
pxd_directory_begin(DirectoryUpdate *update, Relation store)
{
	update->store = store;
	update->nchanges = 0;
	update->flushed_pages = 0;
	update->moved_pages = 0;
	update->meta = pxd_meta_pin(store);
	if (!BufferIsValid(update->meta))
		elog(ERROR, "segment store \"%s\" is empty", RelationGetRelationName(store));
	LockBuffer(update->meta, BUFFER_LOCK_EXCLUSIVE);
	pxd_page_check_crc(store, update->meta);
	update->before.store_id = meta_page_data(update->meta)->store_id;
	update->before.counters = meta_page_data(update->meta)->counters;
}

void
pxd_directory_cancel(DirectoryUpdate *update)
{
	UnlockReleaseBuffer(update->meta);
	update->meta = InvalidBuffer;
}

void
pxd_directory_read(DirectoryUpdate *update, SegmentNumber segno, DirectoryEntry *entry)
{
	Buffer		buffer;

	if (segno == InvalidSegmentNumber || segno >= update->before.counters.next_segno)
		elog(ERROR, "segment number " UINT64_FORMAT " is not reserved", segno);
	buffer = pin_directory_page(update->store, update->meta, directory_page_of(segno));
	if (!BufferIsValid(buffer))
		report_missing(update->store, segno);
	/* the metapage's lock keeps all writers away */
	pxd_page_check_crc(update->store, buffer);
	*entry = directory_page_data(buffer)->entries[segno % DIRECTORY_ENTRIES];
	ReleaseBuffer(buffer);
}

void
pxd_directory_set(DirectoryUpdate *update, SegmentNumber segno, const DirectoryEntry *entry)
{
	DirectoryChange *change;

	if (update->nchanges >= DIRECTORY_MAX_CHANGES)
		elog(ERROR, "too many directory changes at once");
	change = &update->changes[update->nchanges];
	change->segno = segno;
	pxd_directory_read(update, segno, &change->old);
	change->new = *entry;
	update->nchanges++;
}

static void
count_entry(StoreCounters *counters, const DirectoryEntry *entry, int sign)
{
	int64		pages = sign * (int64) entry->pages;

	if (entry->state == SEGMENT_FREE)
		counters->free_pages += pages;
	else if (entry->state == SEGMENT_LIVE)
	{
		counters->live_segments += sign;
		counters->live_rows += sign * (int64) entry->rows;
		counters->live_pages += pages;
	}
}

/* The state segno will have after update, given its directory page as it is now. */
static uint8
state_after(const DirectoryUpdate *update, const DirectoryPageData *page, SegmentNumber segno)
{
	for (int i = 0; i < update->nchanges; i++)
		if (update->changes[i].segno == segno)
			return update->changes[i].new.state;
	return page->entries[segno % DIRECTORY_ENTRIES].state;
}

/*
 * Computes the counters after update. The hint moves down with each number that comes into use, and up over
 * unused ones as far as the directory page it is on goes.
 */
static StoreCounters
counters_after(DirectoryUpdate *update)
{
	StoreCounters counters = update->before.counters;
	Buffer		buffer;
	uint64		dirno;

	for (int i = 0; i < update->nchanges; i++)
	{
		count_entry(&counters, &update->changes[i].old, -1);
		count_entry(&counters, &update->changes[i].new, 1);
		if (update->changes[i].new.state != SEGMENT_UNUSED)
			counters.first_used = Min(counters.first_used, update->changes[i].segno);
	}

	counters.flushed_pages += update->flushed_pages;
	counters.moved_pages += update->moved_pages;

	dirno = directory_page_of(counters.first_used);
	buffer = pin_directory_page(update->store, update->meta, dirno);
	if (!BufferIsValid(buffer))
		return counters;
	while (counters.first_used < counters.next_segno && directory_page_of(counters.first_used) == dirno &&
		   state_after(update, directory_page_data(buffer), counters.first_used) == SEGMENT_UNUSED)
		counters.first_used++;
	ReleaseBuffer(buffer);
	return counters;
}

/*
 * Logs an update that has been applied; pages[i] is the directory page of change i, the same buffer for the
 * same page.
 */
static XLogRecPtr
log_update(DirectoryUpdate *update, const Buffer *pages, StoreCounters *counters, EntryImage *images)
{
	xl_pxd_entry record = {0};
	XLogRecPtr	lsn;
	int			block_id = 0;

	record.segno = update->changes[0].segno;
	record.first_block = update->changes[0].new.first_block;
	record.pages = update->changes[0].new.pages;
	record.state = update->changes[0].new.state;
	record.nentries = update->nchanges;

	XLogBeginInsert();
	XLogRegisterData((char *) &record, sizeof(record));
	XLogRegisterBuffer(0, update->meta, REGBUF_STANDARD);
	XLogRegisterBufData(0, (char *) counters, sizeof(StoreCounters));
	for (int i = 0; i < update->nchanges; i++)
	{
		bool		seen = false;

		for (int j = 0; j < i; j++)
			seen |= pages[j] == pages[i];
		if (seen)
			continue;
		XLogRegisterBuffer(++block_id, pages[i], REGBUF_STANDARD);
		for (int j = i; j < update->nchanges; j++)
			if (pages[j] == pages[i])
				XLogRegisterBufData(block_id, (char *) &images[j], sizeof(EntryImage));
	}
	lsn = XLogInsert(PXD_RMGR_ID, XLOG_PXD_ENTRY);

	PageSetLSN(BufferGetPage(update->meta), lsn);
	for (int i = 0; i < update->nchanges; i++)
		PageSetLSN(BufferGetPage(pages[i]), lsn);
	return lsn;
}

/* Pins and locks the directory pages of all changes; one that occurs twice is pinned and locked once. */
static void
lock_directory_pages(DirectoryUpdate *update, Buffer *pages)
{
	for (int i = 0; i < update->nchanges; i++)
	{
		uint64		dirno = directory_page_of(update->changes[i].segno);

		pages[i] = InvalidBuffer;
		for (int j = 0; j < i; j++)
			if (directory_page_of(update->changes[j].segno) == dirno)
				pages[i] = pages[j];
		if (BufferIsValid(pages[i]))
			continue;
		pages[i] = pin_directory_page(update->store, update->meta, dirno);
		if (!BufferIsValid(pages[i]))
			report_missing(update->store, update->changes[i].segno);
		LockBuffer(pages[i], BUFFER_LOCK_EXCLUSIVE);
	}
}

static void
unlock_directory_pages(const DirectoryUpdate *update, const Buffer *pages)
{
	for (int i = 0; i < update->nchanges; i++)
	{
		bool		seen = false;

		for (int j = 0; j < i; j++)
			seen |= pages[j] == pages[i];
		if (!seen)
			UnlockReleaseBuffer(pages[i]);
	}
}

XLogRecPtr
pxd_directory_commit(DirectoryUpdate *update)
{
	Buffer		pages[DIRECTORY_MAX_CHANGES];
	EntryImage	images[DIRECTORY_MAX_CHANGES] = {0};
	StoreCounters counters;
	XLogRecPtr	lsn = InvalidXLogRecPtr;

	Assert(update->nchanges > 0);
	counters = counters_after(update);
	lock_directory_pages(update, pages);

	START_CRIT_SECTION();
	for (int i = 0; i < update->nchanges; i++)
	{
		images[i].index = update->changes[i].segno % DIRECTORY_ENTRIES;
		images[i].entry = update->changes[i].new;
		directory_page_data(pages[i])->entries[images[i].index] = update->changes[i].new;
		store_page_set_crc(BufferGetPage(pages[i]));
		MarkBufferDirty(pages[i]);
	}
	meta_page_data(update->meta)->counters = counters;
	store_page_set_crc(BufferGetPage(update->meta));
	MarkBufferDirty(update->meta);
	if (RelationNeedsWAL(update->store))
		lsn = log_update(update, pages, &counters, images);
	END_CRIT_SECTION();

	unlock_directory_pages(update, pages);
	UnlockReleaseBuffer(update->meta);
	update->meta = InvalidBuffer;
	return lsn;
}
