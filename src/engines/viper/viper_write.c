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

#include "../segment_write.h"
#include "codec.h"
#include "viper.h"

/* Adds the finished block to the image and describes it. */
static void
add_block(BlockWriter *writer, const RowBatch *batch, SegmentImage *image, uint32 end_row, HeaderBlock *block)
{
	uint32		rows = writer->rows;
	Size		raw_len;
	const char *raw = pxd_block_finish(writer, &raw_len);

	pxd_segment_add_block(image, raw, raw_len, batch->settings.compression_level, NULL, block);
	block->rows = rows;
	block->first_row = end_row - rows;
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
		Size		len = 0;
		const char *item = last ? NULL : batch_item(source, row, &len);

		if (last || pxd_block_full(&writer, len))
		{
			if (column->nblocks == max_blocks)
			{
				max_blocks *= 2;
				column->blocks = repalloc(column->blocks, sizeof(HeaderBlock) * max_blocks);
			}
			add_block(&writer, batch, image, row, &column->blocks[column->nblocks++]);
		}
		if (last)
			break;
		if (item == NULL)
			pxd_block_put_null(&writer);
		else
			pxd_block_put(&writer, item, len);
	}
	pxd_block_end(&writer);
}

void
pxd_viper_encode(const RowBatch *batch, SegmentImage *image)
{
	SegmentHeader header;

	pxd_image_init(image, VIPER_ENGINE_ID, batch->nrows);
	pxd_segment_begin(batch, VIPER_ENGINE_NAME, LAYOUT_BLOCKS, &header);
	pxd_segment_add_fixed(batch, &header, image);
	for (int i = 0; i < batch->ncolumns; i++)
		if (header.columns[i].layout == LAYOUT_BLOCKS)
			encode_blocks(batch, &batch->columns[i], &header.columns[i], image);
	pxd_segment_finish(batch, &header, image);
}
