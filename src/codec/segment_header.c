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

#include "header_internal.h"

/* --- writing --- */

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
	put_optional_long(buf, column->dictionary.len > 0, column->dictionary.offset);
	pxd_avro_put_long(buf, column->dictionary.len);
	pxd_header_put_blocks(buf, column->nblocks, column->blocks);
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
	pxd_avro_put_long(buf, header->run != NULL ? BRANCH_VALUE : BRANCH_NULL);
	if (header->run != NULL)
		pxd_header_put_run(buf, header->run);
}

/* --- reading --- */

/* Where a column's dictionary is, and its length, which is 0 if there is none. */
static bool
get_dictionary(AvroCursor *cursor, HeaderColumn *column)
{
	int64		branch;

	column->dictionary.offset = 0;
	if (!pxd_avro_get_range(cursor, BRANCH_NULL, BRANCH_VALUE, &branch) ||
		(branch == BRANCH_VALUE && !get_offset(cursor, &column->dictionary.offset)) ||
		!get_uint32(cursor, DICTIONARY_MAX_BYTES, &column->dictionary.len))
		return false;
	return (branch == BRANCH_VALUE) == (column->dictionary.len > 0) &&
		(column->dictionary.len == 0 || column->layout == LAYOUT_BLOCKS);
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
		!get_uint32(cursor, LAYOUT_RECORDS, &layout) ||
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
		!get_optional_offset(cursor, fixed, &column->data_offset) ||
		!get_dictionary(cursor, column))
		return "malformed column offsets in the header";
	return pxd_header_get_blocks(cursor, column->layout == LAYOUT_BLOCKS ? header->rows : 0,
								 &column->nblocks, &column->blocks);
}

/*
 * Every attribute must be either a stub attribute or a column, both lists in ascending order. Columns of a run's sort key may be both:
 * the records hold them for their order.
 */
static bool
attributes_complete(const SegmentHeader *header)
{
	int			stub = 0;
	int			column = 0;

	for (AttrNumber attnum = 1; attnum <= header->natts; attnum++)
	{
		bool		in_stub = stub < header->nstub_attrs && header->stub_attrs[stub] == attnum;
		bool		is_column = column < header->ncolumns && header->columns[column].attnum == attnum;

		if (in_stub == is_column && !(in_stub && pxd_header_is_key(header->run, attnum)))
			return false;
		stub += in_stub;
		column += is_column;
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

	/* A column has eleven members of at least a byte each. */
	if (!get_array_start(&cursor, 13, &count) || count > header->natts)
		return "malformed list of columns in the header";
	header->ncolumns = (int) count;
	header->columns = palloc(sizeof(HeaderColumn) * Max(count, 1));
	for (uint32 i = 0; i < count; i++)
	{
		problem = get_column(&cursor, header, &header->columns[i]);
		if (problem != NULL)
			return problem;
	}
	if (!get_array_end(&cursor, count))
		return "malformed list of columns in the header";
	problem = pxd_header_get_run(&cursor, header);
	if (problem != NULL)
		return problem;
	if (cursor.ptr != cursor.end)
		return "malformed end of the header";
	if (!attributes_complete(header))
		return "the header does not list every attribute once";
	return NULL;
}
