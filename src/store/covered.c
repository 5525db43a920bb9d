/*
 * covered.c: which pages of the table's main fork can be left out when rows are looked for in segments.
 *
 * One bit for each heap page, in cover pages; the metapage leads to the cover root, that to the cover pages. VACUUM sets the bit of a page once it has seen that segments lead
 * to every row on it (src/tableam/cover.c), and whoever inserts a tuple clears it. Both look at or change the heap page under its
 * lock first, then the bit: so a bit that is set after a tuple came to its page is cleared by that tuple's inserter.
 *
 * What makes it safe to believe a bit: it is cleared, and that is logged, before the inserter's transaction commits. So a snapshot that sees the
 * tuple was taken after the bit was cleared, on a standby too, and after a crash the tuple is one nobody sees.
 *
 * WAL: core's generic records. Pages have the store's CRC, which is checked where all bits are read and before a change.
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/lmgr.h"

#include "store_internal.h"

static inline CoverPageData *
cover_page_data(Page page)
{
	return (CoverPageData *) StorePageData(page);
}

static inline uint32
store_bits_of(Buffer meta)
{
	return (uint32) meta_page_data(meta)->store_id;
}

/* Pins the cover page with the bit of a heap page; InvalidBuffer if there is none. Links go from 0 to a block once and for all, as those of map pages. */
static Buffer
pin_cover_page(Relation store, Buffer meta, uint32 index)
{
	BlockNumber block = ((const volatile MetaPageData *) meta_page_data(meta))->cover_root;
	Buffer		buffer;

	if (block == 0 || index >= COVER_PAGES)
		return InvalidBuffer;
	buffer = ReadBuffer(store, block);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	pxd_page_check(store, buffer, store_address(0, PAGE_KIND_COVER_ROOT), store_bits_of(meta));
	block = ((MapPageData *) StorePageData(BufferGetPage(buffer)))->blocks[index];
	UnlockReleaseBuffer(buffer);
	if (block == 0)
		return InvalidBuffer;

	buffer = ReadBuffer(store, block);
	pxd_page_check(store, buffer, store_address(index, PAGE_KIND_COVER), store_bits_of(meta));
	return buffer;
}

/* Pins the cover page of a heap page, or returns InvalidBuffer. */
static Buffer
find_cover_page(Relation store, BlockNumber block)
{
	Buffer		meta = pxd_meta_pin(store);
	Buffer		buffer;

	if (!BufferIsValid(meta))
		return InvalidBuffer;
	buffer = pin_cover_page(store, meta, block / COVER_BITS);
	ReleaseBuffer(meta);
	return buffer;
}

static inline uint64
bit_of(BlockNumber block, uint32 *word)
{
	uint32		bit = block % COVER_BITS;

	*word = bit / COVER_WORD_BITS;
	return UINT64CONST(1) << (bit % COVER_WORD_BITS);
}

/* --- reading --- */

uint64 *
pxd_covered_read(Relation store, BlockNumber nblocks)
{
	Size		nwords = ((Size) nblocks + COVER_WORD_BITS - 1) / COVER_WORD_BITS;
	uint64	   *words = palloc_extended(mul_size(Max(nwords, 1), sizeof(uint64)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (Size done = 0; done < nwords; done += COVER_WORDS)
	{
		Buffer		buffer = find_cover_page(store, (BlockNumber) (done * COVER_WORD_BITS));

		CHECK_FOR_INTERRUPTS();
		if (!BufferIsValid(buffer))
			break;				/* they are made in order */
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		pxd_page_check_crc(store, buffer);
		memcpy(words + done, cover_page_data(BufferGetPage(buffer))->words, sizeof(uint64) * Min(COVER_WORDS, nwords - done));
		UnlockReleaseBuffer(buffer);
	}
	/* Pages that have been cut off the end may still have their bits. */
	if (nblocks % COVER_WORD_BITS != 0)
		words[nwords - 1] &= (UINT64CONST(1) << (nblocks % COVER_WORD_BITS)) - 1;
	return words;
}

BlockNumber
pxd_covered_count(Relation store, BlockNumber nblocks)
{
	uint64	   *words = pxd_covered_read(store, nblocks);
	BlockNumber count = (BlockNumber) pg_popcount((const char *) words,
												  (int) (((Size) nblocks + COVER_WORD_BITS - 1) / COVER_WORD_BITS * sizeof(uint64)));

	pfree(words);
	return count;
}

bool
pxd_covered_test(Relation store, BlockNumber block)
{
	Buffer		buffer = find_cover_page(store, block);
	uint32		word;
	uint64		bit = bit_of(block, &word);
	bool		set;

	if (!BufferIsValid(buffer))
		return false;
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	set = (cover_page_data(BufferGetPage(buffer))->words[word] & bit) != 0;
	UnlockReleaseBuffer(buffer);
	return set;
}

int
pxd_covered_blocks(Relation store, Buffer meta, BlockNumber *blocks)
{
	BlockNumber root = ((const volatile MetaPageData *) meta_page_data(meta))->cover_root;
	Buffer		buffer;
	int			n = 0;

	if (root == 0)
		return 0;
	blocks[n++] = root;
	buffer = ReadBuffer(store, root);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	for (int i = 0; i < COVER_PAGES; i++)
	{
		BlockNumber block = ((MapPageData *) StorePageData(BufferGetPage(buffer)))->blocks[i];

		if (block != 0)
			blocks[n++] = block;
	}
	UnlockReleaseBuffer(buffer);
	return n;
}

/* --- changing --- */

/* Gives a bit the value set; returns whether that changed it. */
static bool
change_bit(Relation store, BlockNumber block, bool set)
{
	Buffer		buffer = find_cover_page(store, block);
	uint32		word;
	uint64		bit = bit_of(block, &word);
	GenericXLogState *state;
	Page		page;

	if (!BufferIsValid(buffer))
		return false;
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	if (((cover_page_data(BufferGetPage(buffer))->words[word] & bit) != 0) == set)
	{
		UnlockReleaseBuffer(buffer);
		return false;
	}
	pxd_page_check_crc(store, buffer);
	state = GenericXLogStart(store);
	page = GenericXLogRegisterBuffer(state, buffer, 0);
	cover_page_data(page)->words[word] ^= bit;
	store_page_set_crc(page);
	(void) GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
	return true;
}

bool
pxd_covered_clear(Relation store, BlockNumber block)
{
	return pxd_covered_test(store, block) && change_bit(store, block, false);
}

void
pxd_covered_set(Relation store, BlockNumber block)
{
	(void) change_bit(store, block, true);
}

/*
 * Blocks of root and cover pages ascend, because they are made at the end of the file. So either the root goes, with all of them, or the last of them.
 * With the relation locked nobody follows a link meanwhile.
 */
void
pxd_covered_drop(Relation store, BlockNumber end)
{
	Buffer		meta = pxd_meta_pin(store);
	BlockNumber block = meta_page_data(meta)->cover_root;
	GenericXLogState *state;
	Buffer		buffer;
	Page		page;

	if (block == 0)
	{
		ReleaseBuffer(meta);
		return;
	}
	if (block >= end)
		buffer = meta;
	else
	{
		buffer = ReadBuffer(store, block);
		ReleaseBuffer(meta);
	}
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	pxd_page_check_crc(store, buffer);
	state = GenericXLogStart(store);
	page = GenericXLogRegisterBuffer(state, buffer, 0);
	if (block >= end)
		((MetaPageData *) StorePageData(page))->cover_root = 0;
	else
		for (int i = 0; i < COVER_PAGES; i++)
			if (((MapPageData *) StorePageData(page))->blocks[i] >= end)
				((MapPageData *) StorePageData(page))->blocks[i] = 0;
	store_page_set_crc(page);
	(void) GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
}

/* --- growing --- */

/*
 * Adds cover page index, and the root if there is none. The extension lock is held, and the metapage is locked exclusively. Returns in blocks
 * the pages that became ours, and their number.
 */
static int
add_cover_page(Relation store, Buffer meta, uint32 index, BlockNumber *blocks)
{
	uint32		store_bits = store_bits_of(meta);
	bool		new_root = meta_page_data(meta)->cover_root == 0;
	Buffer		root;
	Buffer		cover;
	GenericXLogState *state;
	Page		page;
	int			n = 0;

	root = ReadBufferExtended(store, MAIN_FORKNUM, new_root ? P_NEW : meta_page_data(meta)->cover_root,
							  new_root ? RBM_ZERO_AND_LOCK : RBM_NORMAL, NULL);
	if (new_root)
		blocks[n++] = BufferGetBlockNumber(root);
	else
		LockBuffer(root, BUFFER_LOCK_EXCLUSIVE);
	cover = ReadBufferExtended(store, MAIN_FORKNUM, P_NEW, RBM_ZERO_AND_LOCK, NULL);
	blocks[n++] = BufferGetBlockNumber(cover);

	state = GenericXLogStart(store);
	page = GenericXLogRegisterBuffer(state, cover, GENERIC_XLOG_FULL_IMAGE);
	store_page_init(page, store_address(index, PAGE_KIND_COVER), store_bits);
	store_page_set_crc(page);
	page = GenericXLogRegisterBuffer(state, root, new_root ? GENERIC_XLOG_FULL_IMAGE : 0);
	if (new_root)
		store_page_init(page, store_address(0, PAGE_KIND_COVER_ROOT), store_bits);
	((MapPageData *) StorePageData(page))->blocks[index] = BufferGetBlockNumber(cover);
	store_page_set_crc(page);
	if (new_root)
	{
		page = GenericXLogRegisterBuffer(state, meta, 0);
		((MetaPageData *) StorePageData(page))->cover_root = BufferGetBlockNumber(root);
		store_page_set_crc(page);
	}
	(void) GenericXLogFinish(state);
	UnlockReleaseBuffer(cover);
	UnlockReleaseBuffer(root);
	return n;
}

/* Makes sure that cover page index exists. No locks held on entry and return. */
static void
make_cover_page(Relation store, uint32 index)
{
	BlockNumber blocks[2];
	int			nblocks = 0;
	Buffer		meta;
	Buffer		existing;

	LockRelationForExtension(store, ExclusiveLock);
	meta = pxd_meta_pin(store);
	LockBuffer(meta, BUFFER_LOCK_EXCLUSIVE);
	pxd_page_check_crc(store, meta);
	existing = pin_cover_page(store, meta, index);
	if (BufferIsValid(existing))
		ReleaseBuffer(existing);
	else
		nblocks = add_cover_page(store, meta, index, blocks);
	UnlockReleaseBuffer(meta);
	UnlockRelationForExtension(store, ExclusiveLock);
	pxd_pages_set_visible(store, blocks, nblocks);
}

void
pxd_covered_prepare(Relation store, BlockNumber nblocks)
{
	/* A store without a metapage has no segments either; see pxd_meta_pin. */
	if (RelationGetNumberOfBlocks(store) == 0)
		return;
	for (uint32 index = 0; index < COVER_PAGES && (uint64) index * COVER_BITS < nblocks; index++)
	{
		Buffer		existing = find_cover_page(store, index * (BlockNumber) COVER_BITS);

		if (BufferIsValid(existing))
			ReleaseBuffer(existing);
		else
			make_cover_page(store, index);
	}
}
