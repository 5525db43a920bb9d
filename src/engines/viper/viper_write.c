/*
 * viper_write.c: a row batch becomes a columnar segment.
 *
 * Order of the pieces: columns of layout FIXED, each from a page boundary and straight from the batch's
 * memory; their null bitmaps; the back-pointers; the blocks of all other columns, column by column. The
 * header describes them and is read by avro-c before it is let out, so that no segment is written that Avro
 * could not read.
 *
 * Memory only: the store writes and logs the image. No locks.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "codec.h"
#include "proximadb.h"
#include "viper.h"

/* A block is kept compressed if that saves at least one byte in this many. */
#define COMPRESSION_MIN_SAVING	8

/*
 * A vector column goes into blocks if more than one row in this many is NULL: layout FIXED stores zeros for
 * NULLs.
 */
#define FIXED_NULL_FRACTION		4

static void
describe_column(const RowBatch *batch, const BatchColumn *source, HeaderColumn *column)
{
	Form_pg_attribute att = (Form_pg_attribute) &source->att;

	column->attnum = att->attnum;
	column->typid = att->atttypid;
	column->null_count = source->null_count;
	column->layout = LAYOUT_BLOCKS;
	if (source->element_size > 0 && source->null_count <= batch->nrows / FIXED_NULL_FRACTION)
		column->layout = LAYOUT_FIXED;
	column->format.encoding = pxd_item_encoding(att->atttypid, att->attlen, att->attbyval, source->element_size);
	column->format.attlen = att->attlen;
	column->format.attbyval = att->attbyval;
	column->format.item_size = source->item_size;
	column->format.nullable = column->layout == LAYOUT_BLOCKS && source->null_count > 0;
}

/* Adds the finished block to the image, compressed if that pays, and describes it. */
static void
add_block(BlockWriter *writer, SegmentImage *image, uint32 end_row, HeaderBlock *block)
{
	Size		raw_len;
	Size		stored_len;
	char	   *stored;
	const char *raw;

	CHECK_FOR_INTERRUPTS();

	block->rows = writer->rows;
	block->first_row = end_row - writer->rows;
	raw = pxd_block_finish(writer, &raw_len);
	Assert(raw_len <= BLOCK_MAX_BYTES);

	block->codec = CODEC_ZSTANDARD;
	stored = pxd_zstd_compress(raw, raw_len, pxd_compression_level,
							   raw_len - raw_len / COMPRESSION_MIN_SAVING, &stored_len);
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

static void
encode_blocks(const RowBatch *batch, const BatchColumn *source, HeaderColumn *column, SegmentImage *image)
{
	BlockWriter writer;
	uint32		max_blocks = 16;

	column->blocks = palloc(sizeof(HeaderBlock) * max_blocks);
	pxd_block_begin(&writer, &column->format);
	for (uint32 row = 0; row <= batch->nrows; row++)
	{
		bool		last = row == batch->nrows;
		bool		isnull = !last && ((source->nulls[row / BITS_PER_BYTE] >> (row % BITS_PER_BYTE)) & 1);
		Size		offset = 0;
		Size		len = 0;

		if (source->item_size > 0)
		{
			offset = (Size) row * source->item_size;
			len = isnull ? 0 : source->item_size;
		}
		else if (!last)
		{
			offset = source->offsets[row];
			len = source->offsets[row + 1] - offset;
		}

		if (last || pxd_block_full(&writer, len))
		{
			if (column->nblocks == max_blocks)
			{
				max_blocks *= 2;
				column->blocks = repalloc(column->blocks, sizeof(HeaderBlock) * max_blocks);
			}
			add_block(&writer, image, row, &column->blocks[column->nblocks++]);
		}
		if (last)
			break;
		if (isnull)
			pxd_block_put_null(&writer);
		else
			pxd_block_put(&writer, len > 0 ? source->data + offset : "", len);
	}
	pxd_block_end(&writer);
}

/* Describes every column and adds all pieces to the image. */
static void
encode_columns(const RowBatch *batch, SegmentHeader *header, SegmentImage *image)
{
	for (int i = 0; i < batch->ncolumns; i++)
	{
		const BatchColumn *source = &batch->columns[i];
		HeaderColumn *column = &header->columns[i];

		describe_column(batch, source, column);
		if (column->layout == LAYOUT_FIXED)
			column->data_offset = pxd_image_add(image, source->data, source->data_len, true);
	}
	for (int i = 0; i < batch->ncolumns; i++)
	{
		HeaderColumn *column = &header->columns[i];

		if (column->layout == LAYOUT_FIXED && column->null_count > 0)
			column->nulls_offset = pxd_image_add(image, (const char *) batch->columns[i].nulls,
												 (batch->nrows + BITS_PER_BYTE - 1) / BITS_PER_BYTE, false);
	}
	header->tids_offset = pxd_image_add(image, (const char *) batch->tids,
										sizeof(ItemPointerData) * (Size) batch->nrows, false);
	for (int i = 0; i < batch->ncolumns; i++)
		if (header->columns[i].layout == LAYOUT_BLOCKS)
			encode_blocks(batch, &batch->columns[i], &header->columns[i], image);
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
pxd_viper_encode(const RowBatch *batch, SegmentImage *image)
{
	SegmentHeader header = {0};
	StringInfoData encoded;

	Assert(batch->nrows > 0);
	pxd_image_init(image, VIPER_ENGINE_ID, batch->nrows);

	header.engine = VIPER_ENGINE_NAME;
	header.rows = batch->nrows;
	header.natts = batch->tupdesc->natts;
	header.stub_attrs = palloc(sizeof(AttrNumber) * Max(header.natts, 1));
	for (int i = 0; i < header.natts; i++)
		if (batch->column_of[i] < 0)
			header.stub_attrs[header.nstub_attrs++] = (AttrNumber) (i + 1);
	header.ncolumns = batch->ncolumns;
	header.columns = palloc0(sizeof(HeaderColumn) * Max(batch->ncolumns, 1));
	encode_columns(batch, &header, image);
	add_writer_schema(batch, &header);

	initStringInfo(&encoded);
	pxd_header_encode(&encoded, &header);
	if (!pxd_avro_schema_accepts(pxd_avro_header_schema(), encoded.data, encoded.len))
		elog(ERROR, "encoded segment header does not match its schema");
	image->header = encoded.data;
	image->header_len = encoded.len;
}
