/*
 * segment_write.c: what the engines' writers share: the header, columns of layout FIXED, compressed blocks.
 *
 * The header is read by avro-c before it is let out, so that no segment is written that Avro could not read.
 *
 * Memory only: the store writes and logs the image. No locks.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "segment_write.h"

/* A block is kept compressed if that saves at least one byte in this many. */
#define COMPRESSION_MIN_SAVING	8

/*
 * A vector column is not of layout FIXED if more than one row in this many is NULL: layout FIXED stores zeros for
 * NULLs.
 */
#define FIXED_NULL_FRACTION		4

static bool
is_key_column(const RowBatch *batch, AttrNumber attnum)
{
	for (int i = 0; i < batch->settings.key.ncolumns; i++)
		if (batch->settings.key.columns[i].attnum == attnum)
			return true;
	return false;
}

static void
describe_column(const RowBatch *batch, const BatchColumn *source, ColumnLayout other, HeaderColumn *column)
{
	Form_pg_attribute att = (Form_pg_attribute) &source->att;

	column->attnum = att->attnum;
	column->typid = att->atttypid;
	column->null_count = source->null_count;
	column->layout = other;
	if (source->element_size > 0 && source->null_count <= batch->nrows / FIXED_NULL_FRACTION &&
		!is_key_column(batch, att->attnum))
		column->layout = LAYOUT_FIXED;
	column->format.encoding = pxd_item_encoding(att->atttypid, att->attlen, att->attbyval, source->element_size);
	column->format.attlen = att->attlen;
	column->format.attbyval = att->attbyval;
	column->format.item_size = source->item_size;
	column->format.nullable = column->layout != LAYOUT_FIXED && source->null_count > 0;
}

void
pxd_segment_begin(const RowBatch *batch, const char *engine, ColumnLayout other, SegmentHeader *header)
{
	Assert(batch->nrows > 0);

	memset(header, 0, sizeof(*header));
	header->engine = engine;
	header->rows = batch->nrows;
	header->natts = batch->tupdesc->natts;
	header->stub_attrs = palloc(sizeof(AttrNumber) * Max(header->natts, 1));
	for (int i = 0; i < header->natts; i++)
		if (batch->column_of[i] < 0 || bms_is_member(i + 1, batch->stub_attrs))
			header->stub_attrs[header->nstub_attrs++] = (AttrNumber) (i + 1);
	header->ncolumns = batch->ncolumns;
	header->columns = palloc0(sizeof(HeaderColumn) * Max(batch->ncolumns, 1));
	for (int i = 0; i < batch->ncolumns; i++)
		describe_column(batch, &batch->columns[i], other, &header->columns[i]);
}

void
pxd_segment_add_fixed(const RowBatch *batch, SegmentHeader *header, SegmentImage *image)
{
	for (int i = 0; i < batch->ncolumns; i++)
		if (header->columns[i].layout == LAYOUT_FIXED)
			header->columns[i].data_offset = pxd_image_add(image, batch->columns[i].data,
														   batch->columns[i].data_len, true);
	for (int i = 0; i < batch->ncolumns; i++)
	{
		HeaderColumn *column = &header->columns[i];

		if (column->layout == LAYOUT_FIXED && column->null_count > 0)
			column->nulls_offset = pxd_image_add(image, (const char *) batch->columns[i].nulls,
												 (batch->nrows + BITS_PER_BYTE - 1) / BITS_PER_BYTE, false);
	}
	header->tids_offset = pxd_image_add(image, (const char *) batch->tids,
										sizeof(ItemPointerData) * (Size) batch->nrows, false);
}

void
pxd_segment_add_block(SegmentImage *image, const char *raw, Size raw_len, int level,
					  const ZstdDictionary *dictionary, HeaderBlock *block)
{
	Size		max_len = raw_len - raw_len / COMPRESSION_MIN_SAVING;
	Size		stored_len;
	char	   *stored;

	CHECK_FOR_INTERRUPTS();

	Assert(raw_len <= BLOCK_MAX_BYTES);
	block->codec = CODEC_ZSTANDARD;
	if (dictionary != NULL)
		stored = pxd_zstd_compress_with(dictionary, raw, raw_len, max_len, &stored_len);
	else
		stored = pxd_zstd_compress(raw, raw_len, level, max_len, &stored_len);
	if (stored != NULL)
		stored = repalloc_huge(stored, stored_len);
	else
	{
		block->codec = CODEC_NULL;
		stored_len = raw_len;
		stored = palloc_extended(raw_len, MCXT_ALLOC_HUGE);
		memcpy(stored, raw, raw_len);
	}
	block->raw_len = (uint32) raw_len;
	block->stored_len = (uint32) stored_len;
	block->offset = pxd_image_add(image, stored, stored_len, false);
}

/* The writer schema, seen by avro-c. */
static void
add_writer_schema(const RowBatch *batch, SegmentHeader *header)
{
	const FormData_pg_attribute **attributes = palloc(sizeof(*attributes) * Max(batch->ncolumns, 1));
	ItemFormat *formats = palloc(sizeof(ItemFormat) * Max(batch->ncolumns, 1));
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "proximadb writer schema",
												  ALLOCSET_SMALL_SIZES);

	for (int i = 0; i < batch->ncolumns; i++)
	{
		attributes[i] = &batch->columns[i].att;
		formats[i] = header->columns[i].format;
		/* In the row as such a column may be NULL, whether its NULLs are a union branch or a bitmap. */
		formats[i].nullable = header->columns[i].null_count > 0;
	}
	header->schema = pxd_avro_row_schema(batch->ncolumns, attributes, formats, &header->schema_len);
	(void) pxd_avro_schema_parse(scratch, header->schema, header->schema_len);
	MemoryContextDelete(scratch);
}

void
pxd_segment_finish(const RowBatch *batch, SegmentHeader *header, SegmentImage *image)
{
	StringInfoData encoded;

	add_writer_schema(batch, header);
	initStringInfo(&encoded);
	pxd_header_encode(&encoded, header);
	if (!pxd_avro_schema_accepts(pxd_avro_header_schema(), encoded.data, encoded.len))
		elog(ERROR, "encoded segment header does not match its schema");
	image->header = encoded.data;
	image->header_len = encoded.len;
}
