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

#include "../segment_write.h"
#include "codec.h"
#include "viper.h"

/* A dictionary is tried for columns of at least so many bytes, */
#define DICTIONARY_WORTH_BYTES	(512 * 1024)
/* is this long, */
#define DICTIONARY_BYTES		(16 * 1024)
/* is trained from so many bytes of values taken evenly, */
#define DICTIONARY_SAMPLE_BYTES	(24 * DICTIONARY_BYTES)
/* is tried on so many pieces of a block's size, */
#define DICTIONARY_TRIALS		8
/* and is kept if it saves one byte in so many, its own length included. */
#define DICTIONARY_MIN_SAVING	20

/* Beside the level that is set, this one is tried: on hexadecimal digits it is better than those above it. */
#define ALTERNATIVE_LEVEL		1

/* How a column's blocks are compressed. */
typedef struct BlockCompression
{
	int			level;
	char	   *dictionary_bytes;	/* NULL: none */
	Size		dictionary_len;
	ZstdDictionary *dictionary;
} BlockCompression;

/* Trains a dictionary from values taken evenly from the column. Returns NULL if they do not yield one. */
static char *
train_dictionary(const RowBatch *batch, const BatchColumn *source, Size *len)
{
	uint32		step = Max(2, source->data_len / DICTIONARY_SAMPLE_BYTES);
	char	   *samples = palloc(source->data_len);
	size_t	   *lens = palloc(sizeof(size_t) * (batch->nrows / step + 1));
	Size		used = 0;
	int			n = 0;
	char	   *dictionary;

	for (uint32 row = 0; row < batch->nrows; row += step)
	{
		Size		item_len = source->offsets[row + 1] - source->offsets[row];

		/* One long value must not make up the sample. */
		item_len = Min(item_len, BLOCK_TARGET_BYTES);
		memcpy(samples + used, source->data + source->offsets[row], item_len);
		used += item_len;
		lens[n++] = item_len;
	}
	dictionary = pxd_zstd_train(samples, lens, n, batch->settings.compression_level, DICTIONARY_BYTES, len);
	pfree(samples);
	pfree(lens);
	return dictionary;
}

/* Bytes that pieces of the column, taken evenly, take compressed. */
static Size
compressed_trials(const BatchColumn *source, int level, const ZstdDictionary *dictionary)
{
	Size		total = 0;

	for (int i = 0; i < DICTIONARY_TRIALS; i++)
	{
		Size		start = (source->data_len - BLOCK_TARGET_BYTES) / DICTIONARY_TRIALS * i;
		Size		len = BLOCK_TARGET_BYTES;
		const char *piece = source->data + start;
		char	   *packed = dictionary != NULL ?
			pxd_zstd_compress_with(dictionary, piece, BLOCK_TARGET_BYTES, BLOCK_TARGET_BYTES, &len) :
			pxd_zstd_compress(piece, BLOCK_TARGET_BYTES, level, BLOCK_TARGET_BYTES, &len);

		CHECK_FOR_INTERRUPTS();
		if (packed != NULL)
			pfree(packed);
		total += packed != NULL ? len : BLOCK_TARGET_BYTES;
	}
	return total;
}

/*
 * Chooses how to compress a column, by trials: with a dictionary if that pays (blocks are small, so that fetching one value decodes little, and values of one column
 * are much alike beyond the end of a block), else at the better of two levels. A dictionary's memory is the image's.
 */
static void
choose_compression(const RowBatch *batch, const BatchColumn *source, BlockCompression *compression)
{
	double		pieces = (double) source->data_len / (DICTIONARY_TRIALS * BLOCK_TARGET_BYTES);
	Size		plain;
	Size		alternative;
	Size		len;
	char	   *bytes;

	memset(compression, 0, sizeof(*compression));
	compression->level = batch->settings.compression_level;
	if (source->item_size > 0 || source->data_len < DICTIONARY_WORTH_BYTES || batch->settings.compression_level <= ALTERNATIVE_LEVEL)
		return;
	plain = compressed_trials(source, batch->settings.compression_level, NULL);
	alternative = compressed_trials(source, ALTERNATIVE_LEVEL, NULL);
	if (alternative < plain)
	{
		plain = alternative;
		compression->level = ALTERNATIVE_LEVEL;
	}

	bytes = train_dictionary(batch, source, &len);
	if (bytes != NULL)
	{
		ZstdDictionary *dictionary = pxd_zstd_compress_dictionary(CurrentMemoryContext, bytes, len,
																		 batch->settings.compression_level);
		Size		with = compressed_trials(source, batch->settings.compression_level, dictionary);

		if (with * pieces + len < plain * pieces * (1 - 1.0 / DICTIONARY_MIN_SAVING))
		{
			compression->dictionary_bytes = bytes;
			compression->dictionary_len = len;
			compression->dictionary = dictionary;
		}
	}
}

/* Adds the finished block to the image and describes it. */
static void
add_block(BlockWriter *writer, const BlockCompression *compression, SegmentImage *image, uint32 end_row, HeaderBlock *block)
{
	uint32		rows = writer->rows;
	Size		raw_len;
	const char *raw = pxd_block_finish(writer, &raw_len);

	pxd_segment_add_block(image, raw, raw_len, compression->level, compression->dictionary, block);
	block->rows = rows;
	block->first_row = end_row - rows;
}

static void
encode_blocks(const RowBatch *batch, const BatchColumn *source, HeaderColumn *column, SegmentImage *image)
{
	BlockWriter writer;
	uint32		max_blocks = 16;
	BlockCompression compression;

	choose_compression(batch, source, &compression);
	if (compression.dictionary != NULL)
	{
		column->dictionary.len = compression.dictionary_len;
		column->dictionary.offset = pxd_image_add(image, compression.dictionary_bytes, compression.dictionary_len, false);
	}
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
			add_block(&writer, &compression, image, row, &column->blocks[column->nblocks++]);
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
