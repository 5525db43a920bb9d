/*
 * segment_header.c: segment headers to and from Avro bytes of src/schema/segment_header.avsc.
 *
 * The reader is written by hand for the one schema it knows, because headers of a thousand blocks are parsed
 * where a query waits. It accepts only what the writer writes: every array in one array block. A segment of
 * another format version is refused with a message of its own.
 *
 * No state, no locks, no WAL.
 */
#include "postgres.h"

#include "access/htup_details.h"

#include "codec.h"

/* Union branches, as Avro longs. */
#define BRANCH_NULL		0
#define BRANCH_VALUE	1

/* Sanity limits of hostile headers; what the writer makes is far below. */
#define MAX_OFFSET		((INT64CONST(1) << 48) - 1)
#define MAX_ROWS		(1 << 24)	/* what a locator can name */
#define MAX_ATTRIBUTES	MaxHeapAttributeNumber

/*
 * zstd stores at best 128 kB in four bytes; a block that claims more than twice that ratio is damaged.
 */
#define MAX_ZSTD_RATIO	65536

/* --- writing --- */

static void
put_array_start(StringInfo buf, int64 count)
{
	/* The end of an array is a zero, and an empty one is nothing else. */
	if (count > 0)
		pxd_avro_put_long(buf, count);
}

static void
put_array_end(StringInfo buf)
{
	pxd_avro_put_long(buf, 0);
}

static void
put_optional_long(StringInfo buf, bool present, uint64 value)
{
	pxd_avro_put_long(buf, present ? BRANCH_VALUE : BRANCH_NULL);
	if (present)
		pxd_avro_put_long(buf, (int64) value);
}

static void
put_column(StringInfo buf, const HeaderColumn *column)
{
	const ItemFormat *format = &column->format;
	char		by_value = format->attbyval ? 1 : 0;
	bool		fixed = column->layout == LAYOUT_FIXED;

	pxd_avro_put_long(buf, column->attnum);
	pxd_avro_put_long(buf, column->typid);
	pxd_avro_put_long(buf, format->attlen);
	pxd_avro_put_raw(buf, &by_value, 1);
	pxd_avro_put_long(buf, column->layout);
	pxd_avro_put_long(buf, format->encoding);
	pxd_avro_put_long(buf, format->item_size);
	pxd_avro_put_long(buf, column->null_count);
	put_optional_long(buf, fixed && column->null_count > 0, column->nulls_offset);
	put_optional_long(buf, fixed, column->data_offset);
	put_array_start(buf, column->nblocks);
	for (uint32 i = 0; i < column->nblocks; i++)
	{
		const HeaderBlock *block = &column->blocks[i];

		pxd_avro_put_long(buf, block->first_row);
		pxd_avro_put_long(buf, block->rows);
		pxd_avro_put_long(buf, (int64) block->offset);
		pxd_avro_put_long(buf, block->stored_len);
		pxd_avro_put_long(buf, block->raw_len);
		pxd_avro_put_long(buf, block->codec);
	}
	put_array_end(buf);
}

void
pxd_header_encode(StringInfo buf, const SegmentHeader *header)
{
	pxd_avro_put_long(buf, SEGMENT_FORMAT_VERSION);
	pxd_avro_put_bytes(buf, header->engine, strlen(header->engine));
	pxd_avro_put_long(buf, header->rows);
	pxd_avro_put_long(buf, header->natts);
	pxd_avro_put_bytes(buf, header->schema, header->schema_len);
	put_array_start(buf, header->nstub_attrs);
	for (int i = 0; i < header->nstub_attrs; i++)
		pxd_avro_put_long(buf, header->stub_attrs[i]);
	put_array_end(buf);
	pxd_avro_put_long(buf, (int64) header->tids_offset);
	put_array_start(buf, header->ncolumns);
	for (int i = 0; i < header->ncolumns; i++)
		put_column(buf, &header->columns[i]);
	put_array_end(buf);
}

/* --- reading --- */

static bool
get_uint32(AvroCursor *cursor, uint32 max, uint32 *result)
{
	int64		value;

	if (!pxd_avro_get_range(cursor, 0, max, &value))
		return false;
	*result = (uint32) value;
	return true;
}

static bool
get_offset(AvroCursor *cursor, uint64 *result)
{
	int64		value;

	if (!pxd_avro_get_range(cursor, 0, MAX_OFFSET, &value))
		return false;
	*result = (uint64) value;
	return true;
}

/* An optional offset that must be there, or must not. */
static bool
get_optional_offset(AvroCursor *cursor, bool present, uint64 *result)
{
	int64		branch = present ? BRANCH_VALUE : BRANCH_NULL;

	*result = 0;
	return pxd_avro_get_range(cursor, branch, branch, &branch) && (!present || get_offset(cursor, result));
}

/*
 * The item count of an array, whose items take at least item_min_bytes: no count is believed that the
 * remaining bytes cannot hold. A count of zero is already the array's end.
 */
static bool
get_array_start(AvroCursor *cursor, uint32 item_min_bytes, uint32 *count)
{
	Size		left = cursor->end - cursor->ptr;

	return get_uint32(cursor, (uint32) Min(left / item_min_bytes, PG_INT32_MAX), count);
}

static bool
get_array_end(AvroCursor *cursor, uint32 count)
{
	int64		zero;

	return count == 0 || pxd_avro_get_range(cursor, 0, 0, &zero);
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

static const char *
get_blocks(AvroCursor *cursor, uint32 rows, HeaderColumn *column)
{
	uint32		next_row = 0;

	if (!get_array_start(cursor, 6, &column->nblocks))
		return "malformed block list in the header";
	if (column->layout == LAYOUT_FIXED)
		return column->nblocks == 0 ? NULL : "blocks in a column of fixed layout";

	column->blocks = palloc(sizeof(HeaderBlock) * Max(column->nblocks, 1));
	for (uint32 i = 0; i < column->nblocks; i++)
	{
		if (!get_block(cursor, next_row, rows - next_row, &column->blocks[i]))
			return "malformed block in the header";
		next_row += column->blocks[i].rows;
	}
	if (!get_array_end(cursor, column->nblocks) || next_row != rows)
		return "blocks do not cover the rows of the segment";
	return NULL;
}

static const char *
get_column(AvroCursor *cursor, const SegmentHeader *header, HeaderColumn *column)
{
	ItemFormat *format = &column->format;
	const char *by_value;
	int64		attnum;
	int64		attlen;
	uint32		layout;
	uint32		encoding;
	bool		fixed;

	memset(column, 0, sizeof(*column));
	if (!pxd_avro_get_range(cursor, 1, header->natts, &attnum) ||
		!get_uint32(cursor, PG_UINT32_MAX, &column->typid) ||
		!pxd_avro_get_range(cursor, -2, PG_INT16_MAX, &attlen) ||
		!pxd_avro_get_raw(cursor, 1, &by_value) ||
		!get_uint32(cursor, LAYOUT_BLOCKS, &layout) ||
		!get_uint32(cursor, ITEM_ENCODINGS - 1, &encoding) ||
		!get_uint32(cursor, PG_INT32_MAX, &format->item_size) ||
		!get_uint32(cursor, header->rows, &column->null_count))
		return "malformed column in the header";

	column->attnum = (AttrNumber) attnum;
	column->layout = (ColumnLayout) layout;
	fixed = column->layout == LAYOUT_FIXED;
	format->encoding = (ItemEncoding) encoding;
	format->attlen = (int16) attlen;
	format->attbyval = *by_value != 0;
	format->nullable = !fixed && column->null_count > 0;
	if ((*by_value & ~1) != 0 || !pxd_item_format_valid(format) || (fixed && format->item_size == 0))
		return "inconsistent column in the header";

	if (!get_optional_offset(cursor, fixed && column->null_count > 0, &column->nulls_offset) ||
		!get_optional_offset(cursor, fixed, &column->data_offset))
		return "malformed column offsets in the header";
	return get_blocks(cursor, header->rows, column);
}

/* Every attribute must be either a stub attribute or a column, both lists in ascending order. */
static bool
attributes_complete(const SegmentHeader *header)
{
	int			stub = 0;
	int			column = 0;

	for (AttrNumber attnum = 1; attnum <= header->natts; attnum++)
	{
		if (stub < header->nstub_attrs && header->stub_attrs[stub] == attnum)
			stub++;
		else if (column < header->ncolumns && header->columns[column].attnum == attnum)
			column++;
		else
			return false;
	}
	return stub == header->nstub_attrs && column == header->ncolumns;
}

/* All but the columns. */
static const char *
get_preamble(AvroCursor *cursor, SegmentHeader *header)
{
	const char *engine;
	Size		engine_len;
	uint32		natts;
	uint32		count;
	int64		value;

	if (!pxd_avro_get_long(cursor, &value))
		return "malformed header";
	if (value != SEGMENT_FORMAT_VERSION)
		return "the header has a format version that this version of proximadb does not know";
	if (!pxd_avro_get_bytes(cursor, &engine, &engine_len) || engine_len >= NAMEDATALEN ||
		memchr(engine, '\0', engine_len) != NULL ||
		!get_uint32(cursor, MAX_ROWS, &header->rows) ||
		!get_uint32(cursor, MAX_ATTRIBUTES, &natts) ||
		!pxd_avro_get_bytes(cursor, &header->schema, &header->schema_len) ||
		!get_array_start(cursor, 1, &count) || count > natts)
		return "malformed header";

	header->engine = pnstrdup(engine, engine_len);
	header->natts = (int) natts;
	header->nstub_attrs = (int) count;
	header->stub_attrs = palloc(sizeof(AttrNumber) * Max(count, 1));
	for (uint32 i = 0; i < count; i++)
	{
		if (!pxd_avro_get_range(cursor, 1, natts, &value))
			return "malformed list of stub attributes in the header";
		header->stub_attrs[i] = (AttrNumber) value;
	}
	if (!get_array_end(cursor, count) || !get_offset(cursor, &header->tids_offset))
		return "malformed header";
	return NULL;
}

const char *
pxd_header_decode(const char *data, Size len, SegmentHeader *header)
{
	AvroCursor	cursor = {data, data + len};
	const char *problem;
	uint32		count;

	memset(header, 0, sizeof(*header));
	problem = get_preamble(&cursor, header);
	if (problem != NULL)
		return problem;

	/* Eleven members of at least a byte each. */
	if (!get_array_start(&cursor, 11, &count) || count > header->natts)
		return "malformed list of columns in the header";
	header->ncolumns = (int) count;
	header->columns = palloc(sizeof(HeaderColumn) * Max(count, 1));
	for (uint32 i = 0; i < count; i++)
	{
		problem = get_column(&cursor, header, &header->columns[i]);
		if (problem != NULL)
			return problem;
	}
	if (!get_array_end(&cursor, count) || cursor.ptr != cursor.end)
		return "malformed end of the header";
	if (!attributes_complete(header))
		return "the header does not list every attribute once";
	return NULL;
}
