/*
 * segment_read.h: what the engines' readers share.
 */
#ifndef PXD_SEGMENT_READ_H
#define PXD_SEGMENT_READ_H

#include "postgres.h"

#include "codec.h"
#include "engine.h"

/* Errors unless the block's bytes are inside the segment: call it before believing block->raw_len. */
extern void pxd_segment_check_block(SegmentAccess *access, const HeaderBlock *block);

/*
 * Reads a block, which has been checked, into raw, which has room for block->raw_len bytes. dictionary is the one it was compressed
 * with, or NULL. Errors if it cannot be decompressed.
 */
extern void pxd_segment_read_block(SegmentAccess *access, const HeaderBlock *block, const ZstdDictionary *dictionary,
								   char *raw);

/* Errors, for a hostile locator, unless position is one of the segment's rows. */
static inline void
pxd_segment_check_position(SegmentAccess *access, uint32 rows, uint32 position)
{
	if (unlikely(position >= rows))
		pxd_segment_corrupt(access, 0, psprintf("a locator names position %u of %u rows", position, rows));
}

/* The block that holds row; blocks are dense from row 0 to the last, so there is exactly one. */
static inline uint32
pxd_segment_find_block(const HeaderBlock *blocks, uint32 nblocks, uint32 row)
{
	uint32		low = 0;
	uint32		high = nblocks - 1;

	while (low < high)
	{
		uint32		middle = low + (high - low + 1) / 2;

		if (blocks[middle].first_row <= row)
			low = middle;
		else
			high = middle - 1;
	}
	Assert(row - blocks[low].first_row < blocks[low].rows);
	return low;
}

#endif
