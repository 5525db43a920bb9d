/*
 * extent.c: finding room for a segment and writing it.
 *
 * Life of an extent: BUILDING (entry logged, pages formatted) -> pages filled and logged as full images ->
 * LIVE. Pages of ours are never seen blank by core's inserts: they are formatted as full while the relation
 * extension lock is held (R4). Formatting is not logged, the BUILDING entry is: what a crash or an ERROR
 * leaves of the extent is found and freed through that entry (free.c).
 *
 * Locks: the extension lock while an extent is added; page locks for a batch of consecutive pages,
 * ascending, while they are filled and logged. Nobody else waits for a second page lock while holding one
 * of these.
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "access/transam.h"
#include "access/visibilitymap.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xloginsert.h"
#include "catalog/pg_control.h"
#include "common/relpath.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/lmgr.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"

#include "proximadb.h"
#include "store_internal.h"

/* Pages locked and logged together: as many as one record can hold. */
#define WRITE_BATCH		XLR_MAX_BLOCK_ID

/* --- choosing an extent --- */

/*
 * Takes the first pages of free extent free_segno for segno, if it is still there and large enough. *entry is
 * segno's new entry; its first_block is set.
 */
static bool
take_free_extent(Relation store, SegmentNumber free_segno, SegmentNumber segno, DirectoryEntry *entry)
{
	DirectoryUpdate update;
	DirectoryEntry donor;

	pxd_directory_begin(&update, store);
	pxd_directory_read(&update, free_segno, &donor);
	if (donor.state != SEGMENT_FREE || donor.pages < entry->pages)
	{
		pxd_directory_cancel(&update);
		return false;
	}
	entry->first_block = donor.first_block;
	entry->flags |= ENTRY_REUSED;
	donor.first_block += entry->pages;
	donor.pages -= entry->pages;
	if (donor.pages == 0)
		memset(&donor, 0, sizeof(donor));

	pxd_directory_set(&update, segno, entry);
	pxd_directory_set(&update, free_segno, &donor);
	(void) pxd_directory_commit(&update);
	return true;
}

/*
 * Finds the free extent nearest to the start of the file that has pages, and returns its number, or InvalidSegmentNumber: what lies at the end of the
 * file can then be cut off.
 */
static SegmentNumber
find_free_extent(Relation store, uint32 pages)
{
	StoreMeta	meta;
	BlockNumber nblocks;
	BlockNumber lowest = InvalidBlockNumber;
	SegmentNumber found = InvalidSegmentNumber;
	DirectoryEntry entries[DIRECTORY_ENTRIES];

	if (!pxd_meta_read(store, &meta) || meta.counters.free_pages < pages)
		return InvalidSegmentNumber;

	nblocks = RelationGetNumberOfBlocks(store);
	for (uint64 dirno = directory_page_of(meta.counters.first_used);
		 dirno <= directory_page_of(meta.counters.next_segno - 1);
		 dirno++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!pxd_directory_copy(store, dirno, entries))
			break;
		for (int i = 0; i < DIRECTORY_ENTRIES; i++)
		{
			if (entries[i].state != SEGMENT_FREE || entries[i].pages < pages || entries[i].first_block >= lowest)
				continue;
			/* never write where the file does not reach: those blocks could be handed out again */
			if ((uint64) entries[i].first_block + entries[i].pages > nblocks)
				continue;
			lowest = entries[i].first_block;
			found = dirno * DIRECTORY_ENTRIES + i;
		}
	}
	return found;
}

/* Marks segno BUILDING in a free extent, if there is one; others may be faster with the one that was found. */
static bool
reuse_free_extent(Relation store, SegmentNumber segno, DirectoryEntry *entry)
{
	SegmentNumber found;

	while ((found = find_free_extent(store, entry->pages)) != InvalidSegmentNumber)
	{
		CHECK_FOR_INTERRUPTS();
		if (take_free_extent(store, found, segno, entry))
			return true;
	}
	return false;
}

/*
 * Returns the first of the new pages at the end of the file, at most max_pages of them: a crash leaves such
 * pages, and core when it extends in bulk. The extension lock is held.
 */
static BlockNumber
skip_back_new_pages(Relation store, BlockNumber nblocks, uint32 max_pages)
{
	BlockNumber first = nblocks;

	while (first > STORE_METAPAGE_BLOCK + 1 && nblocks - first < max_pages)
	{
		Buffer		buffer = ReadBuffer(store, first - 1);
		bool		is_new;

		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		is_new = PageIsNew(BufferGetPage(buffer));
		UnlockReleaseBuffer(buffer);
		if (!is_new)
			break;
		first--;
	}
	return first;
}

/* Formats the page in buffer, locked exclusively. lsn is that of the record that claims it. */
static void
format_claimed_page(Buffer buffer, uint64 address, uint32 store_bits, XLogRecPtr lsn)
{
	Page		page = BufferGetPage(buffer);

	store_page_set_header(page, address, store_bits);
	/* The page must not get to disk before the claim on it. */
	if (!XLogRecPtrIsInvalid(lsn))
		PageSetLSN(page, lsn);
	MarkBufferDirty(buffer);
}

/*
 * Formats the new pages [first, end) of the file, from the last to the first. If one is not new any more
 * (core's insert takes new pages at the end without the extension lock), the rest is left alone. Returns
 * the first page formatted.
 */
static BlockNumber
claim_new_pages(Relation store, BlockNumber first, BlockNumber end, SegmentNumber segno, uint32 store_bits,
				XLogRecPtr lsn)
{
	BlockNumber block = end;

	while (block > first)
	{
		Buffer		buffer = ReadBuffer(store, block - 1);

		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		if (!PageIsNew(BufferGetPage(buffer)))
		{
			UnlockReleaseBuffer(buffer);
			break;
		}
		block--;
		format_claimed_page(buffer, store_address(segno, block - first), store_bits, lsn);
		UnlockReleaseBuffer(buffer);
	}
	return block;
}

/* Sets segno's entry, alone. */
static XLogRecPtr
set_entry(Relation store, SegmentNumber segno, const DirectoryEntry *entry, uint32 *store_bits)
{
	DirectoryUpdate update;

	pxd_directory_begin(&update, store);
	if (store_bits != NULL)
		*store_bits = (uint32) update.before.store_id;
	pxd_directory_set(&update, segno, entry);
	return pxd_directory_commit(&update);
}

/*
 * Has the file system reserve blocks [first, end) at the end of the file in one call, where core would write each once with zeros; a full disk
 * shows now, not at a checkpoint. Returns false, with the file as it was, if they do not lie in one existing segment file or the file system
 * cannot do it. The extension lock is held.
 */
static bool
reserve_blocks(Relation store, BlockNumber first, BlockNumber end)
{
	BlockNumber file = first / RELSEG_SIZE;
	char	   *path;
	int			fd;
	int			result;

	if (first % RELSEG_SIZE == 0 || (end - 1) / RELSEG_SIZE != file)
		return false;

	path = relpathbackend(store->rd_node, store->rd_backend, MAIN_FORKNUM);
	if (file > 0)
		path = psprintf("%s.%u", path, file);
	fd = OpenTransientFile(path, O_RDWR | PG_BINARY);
	if (fd < 0)
		return false;
	result = posix_fallocate(fd, (off_t) (first % RELSEG_SIZE) * BLCKSZ, (off_t) (end - first) * BLCKSZ);
	CloseTransientFile(fd);
	if (result == ENOSPC)
	{
		errno = result;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not extend file \"%s\": %m", path),
				 errhint("Check free disk space.")));
	}
	return result == 0;
}

/*
 * Adds the blocks [first, end) to the end of the file, formatted for segno, whose pages begin at extent_first. Returns false if core, which
 * takes a new page at the end without the extension lock, was faster with the last one: the blocks are left as new ones then.
 */
static bool
add_blocks(Relation store, BlockNumber first, BlockNumber end, SegmentNumber segno, BlockNumber extent_first,
		   uint32 store_bits, XLogRecPtr lsn)
{
	bool		reserved = first < end && reserve_blocks(store, first, end);

	/* The last page first: once that looks full, core has nothing to take. */
	if (reserved && claim_new_pages(store, end - 1, end, segno, store_bits, lsn) != end - 1)
		return false;

	for (BlockNumber block = first; block < end; block++)
	{
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();
		buffer = ReadBufferExtended(store, MAIN_FORKNUM, reserved ? block : P_NEW, RBM_ZERO_AND_LOCK, NULL);
		if (BufferGetBlockNumber(buffer) != block)
			elog(ERROR, "unexpected block %u at the end of segment store \"%s\", expected %u",
				 BufferGetBlockNumber(buffer), RelationGetRelationName(store), block);
		format_claimed_page(buffer, store_address(segno, block - extent_first), store_bits, lsn);
		UnlockReleaseBuffer(buffer);
	}
	return true;
}

/* Adds an extent at the end of the file and marks segno BUILDING there. */
static void
add_extent(Relation store, SegmentNumber segno, DirectoryEntry *entry)
{
	BlockNumber nblocks;
	BlockNumber claimed;
	uint32		store_bits;
	XLogRecPtr	lsn;

	LockRelationForExtension(store, ExclusiveLock);
	nblocks = RelationGetNumberOfBlocks(store);
	entry->first_block = skip_back_new_pages(store, nblocks, entry->pages);
	if ((uint64) nblocks + entry->pages > MaxBlockNumber)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("cannot extend segment store \"%s\" beyond %u blocks",
						RelationGetRelationName(store), MaxBlockNumber)));

	lsn = set_entry(store, segno, entry, &store_bits);
	claimed = claim_new_pages(store, entry->first_block, nblocks, segno, store_bits, lsn);
	if (claimed != entry->first_block)
	{
		/* core was faster with one of the new pages: begin behind it */
		entry->first_block = claimed;
		lsn = set_entry(store, segno, entry, &store_bits);
	}

	while (!add_blocks(store, nblocks, entry->first_block + entry->pages, segno, entry->first_block, store_bits, lsn))
	{
		/* begin behind what core has taken; the new pages before it are core's to use */
		nblocks = RelationGetNumberOfBlocks(store);
		entry->first_block = nblocks;
		lsn = set_entry(store, segno, entry, &store_bits);
	}
	UnlockRelationForExtension(store, ExclusiveLock);
}

/* --- writing --- */

/*
 * Fills and logs pages [index, index + count) of segno, and sets their visibility-map bits, for which
 * vmbuffer is pinned. Between the first byte changed and the record nothing can fail.
 */
static void
write_batch(Relation store, SegmentNumber segno, const SegmentImage *image, ImageCursor *cursor,
			BlockNumber first_block, uint32 index, int count, uint32 store_bits, Buffer vmbuffer)
{
	Buffer		buffers[WRITE_BATCH];

	/* one record with many blocks needs more than the usual room */
	if (RelationNeedsWAL(store))
		XLogEnsureRecordSpace(XLR_MAX_BLOCK_ID - 1, 0);

	/*
	 * The pages are overwritten in full, so they need not be read. One that was not in memory is blank now:
	 * give it its header at once, lest core takes it for a new page should reading the next one fail (R4).
	 */
	for (int i = 0; i < count; i++)
	{
		buffers[i] = ReadBufferExtended(store, MAIN_FORKNUM, first_block + index + i, RBM_ZERO_AND_LOCK,
										NULL);
		store_page_set_header(BufferGetPage(buffers[i]), store_address(segno, index + i), store_bits);
	}

	START_CRIT_SECTION();
	for (int i = 0; i < count; i++)
	{
		pxd_image_fill(image, cursor, index + i, BufferGetPage(buffers[i]));
		MarkBufferDirty(buffers[i]);
	}
	if (RelationNeedsWAL(store))
	{
		XLogRecPtr	lsn;

		XLogBeginInsert();
		for (int i = 0; i < count; i++)
			XLogRegisterBuffer(i, buffers[i], REGBUF_FORCE_IMAGE | REGBUF_STANDARD);
		lsn = XLogInsert(RM_XLOG_ID, XLOG_FPI);
		for (int i = 0; i < count; i++)
			PageSetLSN(BufferGetPage(buffers[i]), lsn);
	}
	END_CRIT_SECTION();

	for (int i = 0; i < count; i++)
	{
		pxd_page_set_visible(store, buffers[i], vmbuffer);
		UnlockReleaseBuffer(buffers[i]);
	}
}

static void
write_pages(Relation store, SegmentNumber segno, const SegmentImage *image, const DirectoryEntry *entry)
{
	StoreMeta	meta;
	ImageCursor cursor = {0};
	Buffer		vmbuffer = InvalidBuffer;
	uint32		index = 0;

	(void) pxd_meta_read(store, &meta);
	while (index < entry->pages)
	{
		int			count = 0;

		CHECK_FOR_INTERRUPTS();
		visibilitymap_pin(store, entry->first_block + index, &vmbuffer);
		while (count < WRITE_BATCH && index + count < entry->pages &&
			   visibilitymap_pin_ok(entry->first_block + index + count, vmbuffer))
			count++;
		write_batch(store, segno, image, &cursor, entry->first_block, index, count, (uint32) meta.store_id,
					vmbuffer);
		index += count;
	}
	if (BufferIsValid(vmbuffer))
		ReleaseBuffer(vmbuffer);
}

/*
 * Inside vacuum our id, should it have one (truncation takes one), is invisible to others (R2), so the entry gets none; the
 * table's lock stands in for it.
 */
static uint64
builder_fxid(void)
{
	if (MyProc->statusFlags & PROC_IN_VACUUM)
		return U64FromFullTransactionId(InvalidFullTransactionId);
	return U64FromFullTransactionId(GetTopFullTransactionId());
}

void
pxd_store_write(Relation store, SegmentNumber segno, const SegmentImage *image)
{
	DirectoryEntry entry;
	DirectoryUpdate update;

	pxd_require_preload(store);
	if (!pxd_directory_get(store, segno, &entry))
		elog(ERROR, "segment " UINT64_FORMAT " is written but not reserved", segno);

	/*
	 * An earlier attempt ended with an ERROR that somebody caught. What it has taken goes to other numbers
	 * at once: a second claim must not meet pages with tags of the first.
	 */
	if (entry.state == SEGMENT_BUILDING)
		pxd_extent_release(store, segno, &entry, false);
	else if (entry.state != SEGMENT_UNUSED)
		elog(ERROR, "segment " UINT64_FORMAT " is written twice", segno);

	memset(&entry, 0, sizeof(entry));
	entry.state = SEGMENT_BUILDING;
	entry.engine = image->engine;
	entry.level = image->level;
	entry.rows = image->rows;
	entry.pages = pxd_image_pages(image);
	entry.fxid = builder_fxid();

	if (!reuse_free_extent(store, segno, &entry))
		add_extent(store, segno, &entry);
	write_pages(store, segno, image, &entry);

	entry.state = SEGMENT_LIVE;
	if (image->full)
		entry.flags |= ENTRY_FULL;
	if (image->chunks)
	{
		entry.flags |= ENTRY_CHUNKS;
		entry.fxid = U64FromFullTransactionId(GetCurrentFullTransactionId());
	}
	pxd_directory_begin(&update, store);
	pxd_directory_set(&update, segno, &entry);
	update.flushed_pages = image->moved ? 0 : entry.pages;
	update.moved_pages = image->moved ? entry.pages : 0;
	(void) pxd_directory_commit(&update);
}

void
pxd_store_set_level(Relation store, SegmentNumber segno, uint8 level)
{
	DirectoryUpdate update;
	DirectoryEntry entry;

	pxd_require_preload(store);
	pxd_directory_begin(&update, store);
	pxd_directory_read(&update, segno, &entry);
	if (entry.state != SEGMENT_LIVE)
		elog(ERROR, "segment " UINT64_FORMAT " is not live", segno);
	entry.level = level;
	pxd_directory_set(&update, segno, &entry);
	(void) pxd_directory_commit(&update);
}

/*
 * Whether an id cannot be that of a running transaction: it is still to come, so was lost in a crash, or it is as old as this, while
 * its low half may belong to another transaction by now. (The difference is unsigned: it covers both.)
 */
static bool
is_out_of_range(FullTransactionId fxid)
{
	FullTransactionId next = ReadNextFullTransactionId();

	return U64FromFullTransactionId(next) - U64FromFullTransactionId(fxid) - 1 >= (UINT64CONST(1) << 31);
}

bool
pxd_store_builder_gone(const SegmentEntry *entry)
{
	return !FullTransactionIdIsValid(entry->fxid) || is_out_of_range(entry->fxid) ||
		!TransactionIdIsInProgress(XidFromFullTransactionId(entry->fxid));
}

/* --- chunks to be deleted --- */

ChunksPending
pxd_store_chunks_pending(const SegmentEntry *entry)
{
	TransactionId xid = XidFromFullTransactionId(entry->fxid);
	ChunksPending pending = CHUNKS_LEFT;

	if (entry->state != SEGMENT_LIVE || !entry->chunks)
		return CHUNKS_NONE;
	if (is_out_of_range(entry->fxid))
		return CHUNKS_LEFT;
	if (TransactionIdIsInProgress(xid))
		return CHUNKS_UNDECIDED;

	/* The lock keeps the commit log from being truncated between the look and the question. */
	LWLockAcquire(XactTruncationLock, LW_SHARED);
	if (!TransactionIdPrecedes(xid, ShmemVariableCache->oldestClogXid) && TransactionIdDidCommit(xid))
		pending = CHUNKS_DELETED;
	LWLockRelease(XactTruncationLock);
	return pending;
}

static DirectoryEntry
get_live_entry(Relation store, SegmentNumber segno)
{
	DirectoryEntry entry;

	pxd_require_preload(store);
	if (!pxd_directory_get(store, segno, &entry) || entry.state != SEGMENT_LIVE)
		elog(ERROR, "segment " UINT64_FORMAT " is not live", segno);
	return entry;
}

void
pxd_store_settle_chunks(Relation store, SegmentNumber segno)
{
	DirectoryEntry entry = get_live_entry(store, segno);

	entry.flags &= ~ENTRY_CHUNKS;
	(void) set_entry(store, segno, &entry, NULL);
}

void
pxd_store_claim_chunks(Relation store, SegmentNumber segno)
{
	DirectoryEntry entry = get_live_entry(store, segno);

	Assert(entry.flags & ENTRY_CHUNKS);
	entry.fxid = U64FromFullTransactionId(GetCurrentFullTransactionId());
	(void) set_entry(store, segno, &entry, NULL);
}
