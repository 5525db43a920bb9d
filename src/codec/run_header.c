/*
 * run_header.c: the part of segment headers that describes sorted rows, and lists of blocks.
 *
 * Written and read under the same rules as the rest of the header (segment_header.c). Fences are walked here once, field by field, so that
 * whoever compares them later finds items without further checks.
 *
 * No state, no locks, no WAL.
 */
#include "postgres.h"

#include "access/htup_details.h"

#include "header_internal.h"

/* --- blocks --- */

void
pxd_header_put_blocks(StringInfo buf, uint32 nblocks, const HeaderBlock *blocks)
{
	put_array_start(buf, nblocks);
	for (uint32 i = 0; i < nblocks; i++)
	{
		const HeaderBlock *block = &blocks[i];

		pxd_avro_put_long(buf, block->first_row);
		pxd_avro_put_long(buf, block->rows);
		pxd_avro_put_long(buf, (int64) block->offset);
		pxd_avro_put_long(buf, block->stored_len);
		pxd_avro_put_long(buf, block->raw_len);
		pxd_avro_put_long(buf, block->codec);
	}
	put_array_end(buf);
}

static bool
get_block(AvroCursor *cursor, uint32 first_row, uint32 rows_left, HeaderBlock *block)
{
	int64		value;
	uint32		codec;

	if (!pxd_avro_get_range(cursor, first_row, first_row, &value) ||
		!get_uint32(cursor, Min(rows_left, BLOCK_MAX_ROWS), &block->rows) ||
		!get_offset(cursor, &block->offset) ||
		!get_uint32(cursor, BLOCK_MAX_BYTES, &block->stored_len) ||
		!get_uint32(cursor, BLOCK_MAX_BYTES, &block->raw_len) ||
		!get_uint32(cursor, CODEC_ZSTANDARD, &codec))
		return false;

	block->first_row = first_row;
	block->codec = (BlockCodec) codec;
	/* An item takes at least a byte, and so does the array's end. */
	if (block->rows == 0 || block->stored_len == 0 || block->raw_len <= block->rows)
		return false;
	if (block->codec == CODEC_NULL)
		return block->stored_len == block->raw_len;
	return block->raw_len / MAX_ZSTD_RATIO <= block->stored_len;
}

const char *
pxd_header_get_blocks(AvroCursor *cursor, uint32 rows, uint32 *nblocks, HeaderBlock **blocks)
{
	uint32		next_row = 0;

	if (!get_array_start(cursor, 6, nblocks))
		return "malformed block list in the header";
	if (rows == 0)
		return *nblocks == 0 ? NULL : "blocks in a column of another layout";

	*blocks = palloc_extended(mul_size(sizeof(HeaderBlock), Max(*nblocks, 1)), MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < *nblocks; i++)
	{
		if (!get_block(cursor, next_row, rows - next_row, &(*blocks)[i]))
			return "malformed block in the header";
		next_row += (*blocks)[i].rows;
	}
	if (!get_array_end(cursor, *nblocks) || next_row != rows)
		return "blocks do not cover the rows of the segment";
	return NULL;
}

/* --- writing --- */

static void
put_piece(StringInfo buf, const HeaderPiece *piece)
{
	pxd_avro_put_long(buf, (int64) piece->offset);
	pxd_avro_put_long(buf, piece->len);
}

static void
put_branch(StringInfo buf, bool present)
{
	pxd_avro_put_long(buf, present ? BRANCH_VALUE : BRANCH_NULL);
}

void
pxd_header_put_run(StringInfo buf, const HeaderRun *run)
{
	put_array_start(buf, run->nkeys);
	for (int i = 0; i < run->nkeys; i++)
	{
		pxd_avro_put_long(buf, run->keys[i].attnum);
		pxd_avro_put_long(buf, run->keys[i].opfamily);
		pxd_avro_put_long(buf, run->keys[i].collation);
	}
	put_array_end(buf);
	put_optional_long(buf, run->has_ranks, run->ranks_offset);
	put_branch(buf, run->dictionary.len > 0);
	if (run->dictionary.len > 0)
		put_piece(buf, &run->dictionary);
	put_branch(buf, run->filter.len > 0);
	if (run->filter.len > 0)
	{
		pxd_avro_put_long(buf, run->filter_hashes);
		put_piece(buf, &run->filter);
	}
	pxd_header_put_blocks(buf, run->nblocks, run->blocks);
	put_array_start(buf, run->nfences);
	for (uint32 i = 0; i < run->nfences; i++)
		pxd_avro_put_bytes(buf, run->fences[i].key, run->fences[i].len);
	put_array_end(buf);
}

/* --- reading --- */

bool
pxd_header_is_key(const HeaderRun *run, AttrNumber attnum)
{
	for (int i = 0; run != NULL && i < run->nkeys; i++)
		if (run->keys[i].attnum == attnum)
			return true;
	return false;
}

static const HeaderColumn *
find_record_column(const SegmentHeader *header, AttrNumber attnum)
{
	for (int i = 0; i < header->ncolumns; i++)
		if (header->columns[i].attnum == attnum && header->columns[i].layout == LAYOUT_RECORDS)
			return &header->columns[i];
	return NULL;
}

static bool
get_keys(AvroCursor *cursor, const SegmentHeader *header, HeaderRun *run)
{
	uint32		count;

	if (!get_array_start(cursor, 3, &count) || count > header->ncolumns)
		return false;
	run->nkeys = (int) count;
	run->keys = palloc(sizeof(HeaderKey) * Max(count, 1));
	for (uint32 i = 0; i < count; i++)
	{
		HeaderKey  *key = &run->keys[i];
		int64		attnum;

		if (!pxd_avro_get_range(cursor, 1, header->natts, &attnum) ||
			!get_uint32(cursor, PG_UINT32_MAX, &key->opfamily) ||
			!get_uint32(cursor, PG_UINT32_MAX, &key->collation) ||
			find_record_column(header, (AttrNumber) attnum) == NULL)
			return false;
		key->attnum = (AttrNumber) attnum;
	}
	return get_array_end(cursor, count);
}

/* The union branch of an optional member. */
static bool
get_branch(AvroCursor *cursor, bool *present)
{
	int64		branch;

	if (!pxd_avro_get_range(cursor, BRANCH_NULL, BRANCH_VALUE, &branch))
		return false;
	*present = branch == BRANCH_VALUE;
	return true;
}

static bool
get_piece(AvroCursor *cursor, uint32 max_len, HeaderPiece *piece)
{
	return get_offset(cursor, &piece->offset) && get_uint32(cursor, max_len, &piece->len) && piece->len > 0;
}

/* Whether data is one item of each key column. */
static bool
fence_valid(const SegmentHeader *header, const HeaderRun *run, const char *data, Size len)
{
	AvroCursor	cursor = {data, data + len};
	uint32		start;

	for (int i = 0; i < run->nkeys; i++)
		if (!pxd_item_skip(&find_record_column(header, run->keys[i].attnum)->format, &cursor, data, &start))
			return false;
	return cursor.ptr == cursor.end;
}

static bool
get_fences(AvroCursor *cursor, const SegmentHeader *header, HeaderRun *run)
{
	if (!get_array_start(cursor, 1, &run->nfences) ||
		(run->nfences != 0 && (run->nkeys == 0 || run->nfences != run->nblocks + 1)))
		return false;
	run->fences = palloc_extended(mul_size(sizeof(*run->fences), Max(run->nfences, 1)), MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < run->nfences; i++)
		if (!pxd_avro_get_bytes(cursor, &run->fences[i].key, &run->fences[i].len) ||
			run->fences[i].len > FENCE_MAX_BYTES ||
			!fence_valid(header, run, run->fences[i].key, run->fences[i].len))
			return false;
	return get_array_end(cursor, run->nfences);
}

/* The members before the blocks. */
static bool
get_pieces(AvroCursor *cursor, HeaderRun *run)
{
	bool		has_dictionary;
	bool		has_filter;

	if (!get_branch(cursor, &run->has_ranks) || (run->has_ranks && !get_offset(cursor, &run->ranks_offset)))
		return false;
	if (!get_branch(cursor, &has_dictionary) ||
		(has_dictionary && !get_piece(cursor, DICTIONARY_MAX_BYTES, &run->dictionary)))
		return false;
	return get_branch(cursor, &has_filter) &&
		(!has_filter ||
		 (get_uint32(cursor, FILTER_MAX_HASHES, &run->filter_hashes) && run->filter_hashes > 0 &&
		  get_piece(cursor, PG_INT32_MAX / BITS_PER_BYTE, &run->filter)));
}

const char *
pxd_header_get_run(AvroCursor *cursor, SegmentHeader *header)
{
	HeaderRun  *run;
	const char *problem;
	bool		present;
	int			nrecords = 0;

	for (int i = 0; i < header->ncolumns; i++)
		nrecords += header->columns[i].layout == LAYOUT_RECORDS;
	if (!get_branch(cursor, &present) || present != (nrecords > 0))
		return "the header describes no run of its records";
	if (!present)
		return NULL;

	header->run = run = palloc0(sizeof(HeaderRun));
	if (!get_keys(cursor, header, run))
		return "malformed sort key in the header";
	if (!get_pieces(cursor, run))
		return "malformed run in the header";
	problem = pxd_header_get_blocks(cursor, header->rows, &run->nblocks, &run->blocks);
	if (problem != NULL)
		return problem;
	if (!get_fences(cursor, header, run))
		return "malformed fences in the header";
	return NULL;
}
