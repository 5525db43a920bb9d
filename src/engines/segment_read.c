/*
 * segment_read.c: blocks from the pages of a segment.
 *
 * No state, no locks, no WAL.
 */
#include "postgres.h"

#include "segment_read.h"

void
pxd_segment_check_block(SegmentAccess *access, const HeaderBlock *block)
{
	Size		avail;

	/* A length is not believed before the block's last byte is seen to be inside the segment. */
	(void) pxd_access_span(access, block->offset + block->stored_len - 1, 1, &avail);
}

static bool
decompress(const ZstdDictionary *dictionary, const HeaderBlock *block, const char *stored, char *raw)
{
	if (dictionary != NULL)
		return pxd_zstd_decompress_with(dictionary, stored, block->stored_len, raw, block->raw_len);
	return pxd_zstd_decompress(stored, block->stored_len, raw, block->raw_len);
}

void
pxd_segment_read_block(SegmentAccess *access, const HeaderBlock *block, const ZstdDictionary *dictionary, char *raw)
{
	const char *span;
	Size		avail;
	bool		ok;

	if (block->codec == CODEC_NULL)
	{
		pxd_access_read(access, block->offset, block->raw_len, raw);
		return;
	}

	span = pxd_access_span(access, block->offset, block->stored_len, &avail);
	if (avail == block->stored_len)
		ok = decompress(dictionary, block, span, raw);
	else
	{
		char	   *stored = palloc_extended(block->stored_len, MCXT_ALLOC_HUGE);

		pxd_access_read(access, block->offset, block->stored_len, stored);
		ok = decompress(dictionary, block, stored, raw);
		pfree(stored);
	}
	if (!ok)
		pxd_segment_corrupt(access, block->offset, "a block could not be decompressed");
}
