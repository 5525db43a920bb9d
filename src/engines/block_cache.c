/*
 * block_cache.c: decoded blocks of columns or records, kept for the next row that is looked for in them.
 *
 * Rows that are fetched in no order (by an index, by their ids) would have a block decompressed and indexed for each value. One cache for the backend, bounded in bytes;
 * what was used longest ago goes first. A block belongs to the open segment that points to it; when it goes that pointer is set to NULL.
 *
 * Owns memory only. No locks, no WAL.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "block_cache.h"

/* Some hundreds of blocks of usual size. A block that is larger than this alone is kept until the next one comes. */
#define CACHE_BYTES		((Size) 16 * 1024 * 1024)

static MemoryContext cache_context = NULL;
static dlist_head cache_lru = DLIST_STATIC_INIT(cache_lru);
static Size cache_bytes = 0;

static void
free_block(DecodedBlock *block)
{
	if (block->place != NULL)
		*block->place = NULL;
	dlist_delete(&block->lru);
	cache_bytes -= block->bytes;
	pfree(block);
}

DecodedBlock *
pxd_decoded_block_create(uint32 first_row, uint32 rows, Size raw_len)
{
	Size		head = MAXALIGN(offsetof(DecodedBlock, starts) + mul_size(rows, sizeof(uint32)));
	Size		bytes = add_size(head, raw_len);
	DecodedBlock *block;

	if (cache_context == NULL)
		cache_context = AllocSetContextCreate(TopMemoryContext, "proximadb decoded blocks", ALLOCSET_DEFAULT_SIZES);
	while (!dlist_is_empty(&cache_lru) && cache_bytes + bytes > CACHE_BYTES)
		free_block(dlist_tail_element(DecodedBlock, lru, &cache_lru));

	block = MemoryContextAllocHuge(cache_context, bytes);
	block->place = NULL;
	block->bytes = bytes;
	block->first_row = first_row;
	block->rows = rows;
	block->raw_len = raw_len;
	block->raw = (char *) block + head;
	dlist_push_tail(&cache_lru, &block->lru);
	cache_bytes += bytes;
	return block;
}

void
pxd_decoded_block_place(DecodedBlock *block, DecodedBlock **place)
{
	Assert(block->place == NULL && *place == NULL);
	block->place = place;
	*place = block;
	pxd_decoded_block_touch(block);
}

void
pxd_decoded_block_touch(DecodedBlock *block)
{
	dlist_move_head(&cache_lru, &block->lru);
}

void
pxd_decoded_block_drop(DecodedBlock **place)
{
	if (*place != NULL)
		free_block(*place);
}
