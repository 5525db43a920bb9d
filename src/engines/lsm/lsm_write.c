/*
 * lsm_write.c: a row batch becomes a sorted run.
 *
 * Columns of layout FIXED (vectors), their null bitmaps and the back-pointers are written in the order of positions, straight from the batch's
 * memory. All other columns become Avro records, in the order of the sort key, in compressed blocks. Stubs that name positions
 * exist before the rows are sorted, so where the orders differ an array of ranks leads from one to the other.
 *
 * All records are encoded before the first block is compressed, because the dictionary is trained on them.
 *
 * Memory only: the store writes and logs the image. No locks.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "../segment_write.h"
#include "lsm.h"

/* Room in front of a block's records for their count. */
#define COUNT_GAP		AVRO_LONG_MAX_BYTES

/*
 * A dictionary is a 24th of the records, within these bounds, and tried if there are so many of them: it has a place in the run and is read with it. A large one makes up for
 * small blocks.
 */
#define DICTIONARY_SMALLEST		(16 * 1024)
#define DICTIONARY_LARGEST		(64 * 1024)
#define DICTIONARY_FACTOR		24
/* What it is trained on; more takes longer and gains little. */
#define DICTIONARY_SAMPLE_BYTES	(1024 * 1024)
/* It is kept if the blocks tried are at least so much smaller with it. */
#define DICTIONARY_MIN_SAVING	0.05
#define DICTIONARY_TRIALS		8

/* A block of encoded records, in writer.raw. */
typedef struct RawBlock
{
	uint32		first;			/* its first record */
	uint32		rows;
	Size		start;
	Size		len;
} RawBlock;

typedef struct RunWriter
{
	const RowBatch *batch;
	const SegmentHeader *header;
	const uint32 *order;		/* position of each record; NULL: the same */
	int			nfields;
	int		   *fields;			/* indexes into batch->columns, in the records' order */
	char	   *raw;
	Size		raw_len;
	Size		raw_cap;
	uint32		nblocks;
	uint32		max_blocks;
	RawBlock   *blocks;
	Size	   *starts;			/* [rows + 1] of each record; the next one's is its end or behind it */
	Size	   *ends;
} RunWriter;

static inline uint32
record_position(const RunWriter *writer, uint32 record)
{
	return writer->order != NULL ? writer->order[record] : record;
}

static char *
reserve(RunWriter *writer, Size len)
{
	Size		need = writer->raw_len + len;

	if (unlikely(need > writer->raw_cap))
	{
		writer->raw_cap = Max(need, writer->raw_cap + writer->raw_cap / 2);
		writer->raw = repalloc_huge(writer->raw, writer->raw_cap);
	}
	return writer->raw + writer->raw_len;
}

/* --- records --- */

/* Writes the count of the open block in front of its records and the array's end behind. */
static void
close_block(RunWriter *writer, uint32 end_record)
{
	RawBlock   *block = &writer->blocks[writer->nblocks++];
	char		count[AVRO_LONG_MAX_BYTES];
	Size		count_len;

	block->rows = end_record - block->first;
	count_len = pxd_avro_write_long(count, block->rows) - count;
	block->start += COUNT_GAP - count_len;
	memcpy(writer->raw + block->start, count, count_len);
	*reserve(writer, 1) = 0;
	writer->raw_len++;
	block->len = writer->raw_len - block->start;
}

static void
open_block(RunWriter *writer, uint32 record)
{
	if (writer->nblocks == writer->max_blocks)
	{
		writer->max_blocks *= 2;
		writer->blocks = repalloc_huge(writer->blocks, writer->max_blocks * sizeof(RawBlock));
	}
	writer->blocks[writer->nblocks].first = record;
	writer->blocks[writer->nblocks].start = writer->raw_len;
	(void) reserve(writer, COUNT_GAP);
	writer->raw_len += COUNT_GAP;
}

/* The bytes a record takes at most. */
static Size
record_bound(const RunWriter *writer, uint32 position)
{
	Size		bound = 0;

	for (int i = 0; i < writer->nfields; i++)
	{
		Size		len;

		(void) batch_item(&writer->batch->columns[writer->fields[i]], position, &len);
		bound += len + ITEM_OVERHEAD;
	}
	return bound;
}

static void
put_record(RunWriter *writer, uint32 record, Size bound)
{
	uint32		position = record_position(writer, record);
	char	   *dst = reserve(writer, bound);

	writer->starts[record] = writer->raw_len;
	for (int i = 0; i < writer->nfields; i++)
	{
		int			field = writer->fields[i];
		const ItemFormat *format = &writer->header->columns[field].format;
		Size		len;
		const char *item = batch_item(&writer->batch->columns[field], position, &len);

		if (item == NULL)
			dst = pxd_item_write_null(dst, format);
		else
			dst = pxd_item_write(dst, format, item, len);
	}
	writer->raw_len = dst - writer->raw;
	writer->ends[record] = writer->raw_len;
}

static void
put_records(RunWriter *writer)
{
	uint32		rows = writer->batch->nrows;

	for (uint32 record = 0; record < rows; record++)
	{
		Size		bound = record_bound(writer, record_position(writer, record));

		if (record > 0)
		{
			RawBlock   *block = &writer->blocks[writer->nblocks];
			Size		typical = bound - (ITEM_OVERHEAD - 2) * writer->nfields;

			if (record - block->first >= BLOCK_MAX_ROWS ||
				writer->raw_len - block->start + typical > writer->batch->settings.block_bytes)
			{
				CHECK_FOR_INTERRUPTS();
				close_block(writer, record);
				open_block(writer, record);
			}
		}
		else
			open_block(writer, record);
		put_record(writer, record, bound);
	}
	close_block(writer, rows);
}

/* --- the dictionary --- */

/* Trains a dictionary on records taken evenly from the whole run. */
static char *
train_dictionary(const RunWriter *writer, Size *len)
{
	uint32		rows = writer->batch->nrows;
	uint32		step = (uint32) (writer->raw_len / DICTIONARY_SAMPLE_BYTES) + 1;
	size_t	   *sizes = palloc(sizeof(size_t) * (rows / step + 1));
	StringInfoData samples;
	uint32		n = 0;

	initStringInfo(&samples);
	for (uint32 record = 0; record < rows && samples.len < DICTIONARY_SAMPLE_BYTES; record += step)
	{
		Size		size = Min(writer->ends[record] - writer->starts[record], DICTIONARY_SMALLEST);

		appendBinaryStringInfo(&samples, writer->raw + writer->starts[record], (int) size);
		sizes[n++] = size;
	}
	return pxd_zstd_train(samples.data, sizes, n, writer->batch->settings.compression_level,
						  Min(writer->raw_len / DICTIONARY_FACTOR, DICTIONARY_LARGEST), len);
}

/* Whether blocks tried are so much smaller with the dictionary that it makes up for its own length. */
static bool
dictionary_pays(const RunWriter *writer, const ZstdDictionary *dictionary, Size dictionary_len)
{
	int			level = writer->batch->settings.compression_level;
	uint32		step = (writer->nblocks + DICTIONARY_TRIALS - 1) / DICTIONARY_TRIALS;
	Size		plain = 0;
	Size		with = 0;

	for (uint32 i = 0; i < writer->nblocks; i += step)
	{
		const RawBlock *block = &writer->blocks[i];
		HeaderBlock stored[2];
		SegmentImage trial;

		pxd_image_init(&trial, LSM_ENGINE_ID, 0);
		pxd_segment_add_block(&trial, writer->raw + block->start, block->len, level, NULL, &stored[0]);
		pxd_segment_add_block(&trial, writer->raw + block->start, block->len, 0, dictionary, &stored[1]);
		plain += stored[0].stored_len;
		with += stored[1].stored_len;
	}
	return with + dictionary_len / step < (1 - DICTIONARY_MIN_SAVING) * plain;
}

/* Makes the dictionary if it pays, adds it to the image and describes it. NULL if it does not. */
static const ZstdDictionary *
add_dictionary(const RunWriter *writer, HeaderRun *run, SegmentImage *image)
{
	MemoryContext trials;
	MemoryContext oldcontext;
	ZstdDictionary *dictionary;
	char	   *data;
	Size		len;
	bool		pays;

	if (writer->raw_len < (Size) DICTIONARY_FACTOR * DICTIONARY_SMALLEST)
		return NULL;

	data = train_dictionary(writer, &len);
	if (data == NULL)
		return NULL;
	dictionary = pxd_zstd_compress_dictionary(CurrentMemoryContext, data, len,
											  writer->batch->settings.compression_level);

	trials = AllocSetContextCreate(CurrentMemoryContext, "proximadb dictionary trial", ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(trials);
	pays = dictionary_pays(writer, dictionary, len);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(trials);
	if (!pays)
		return NULL;

	run->dictionary.offset = pxd_image_add(image, data, len, false);
	run->dictionary.len = (uint32) len;
	return dictionary;
}

/* --- the run --- */

static void
add_blocks(const RunWriter *writer, const ZstdDictionary *dictionary, HeaderRun *run, SegmentImage *image)
{
	run->nblocks = writer->nblocks;
	run->blocks = palloc_extended(mul_size(sizeof(HeaderBlock), writer->nblocks), MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i < writer->nblocks; i++)
	{
		const RawBlock *raw = &writer->blocks[i];

		pxd_segment_add_block(image, writer->raw + raw->start, raw->len,
							  writer->batch->settings.compression_level, dictionary, &run->blocks[i]);
		run->blocks[i].first_row = raw->first;
		run->blocks[i].rows = raw->rows;
	}
}

/* The key of a record as the fields of one. */
static void
make_fence(const RunWriter *writer, uint32 record, struct HeaderFence *fence)
{
	const SortKey *key = &writer->batch->settings.key;
	uint32		position = record_position(writer, record);
	Size		bound = 0;
	char	   *dst;

	for (int i = 0; i < key->ncolumns; i++)
	{
		Size		len;

		(void) batch_item(&writer->batch->columns[writer->batch->column_of[key->columns[i].attnum - 1]], position, &len);
		bound += len + ITEM_OVERHEAD;
	}
	fence->key = dst = palloc_extended(bound, MCXT_ALLOC_HUGE);
	for (int i = 0; i < key->ncolumns; i++)
	{
		int			field = writer->batch->column_of[key->columns[i].attnum - 1];
		const ItemFormat *format = &writer->header->columns[field].format;
		Size		len;
		const char *item = batch_item(&writer->batch->columns[field], position, &len);

		if (item == NULL)
			dst = pxd_item_write_null(dst, format);
		else
			dst = pxd_item_write(dst, format, item, len);
	}
	fence->len = dst - fence->key;
}

static void
add_fences(const RunWriter *writer, HeaderRun *run)
{
	if (run->nkeys == 0)
		return;
	run->fences = palloc_extended(mul_size(sizeof(*run->fences), writer->nblocks + 1), MCXT_ALLOC_HUGE);
	for (uint32 i = 0; i <= writer->nblocks; i++)
	{
		make_fence(writer, i < writer->nblocks ? writer->blocks[i].first : writer->batch->nrows - 1, &run->fences[i]);
		if (run->fences[i].len > FENCE_MAX_BYTES)
			return;
	}
	run->nfences = writer->nblocks + 1;
}

static void
add_ranks(const RunWriter *writer, HeaderRun *run, SegmentImage *image)
{
	uint32		rows = writer->batch->nrows;
	uint32	   *ranks;

	if (writer->order == NULL)
		return;
	ranks = palloc_extended(mul_size(sizeof(uint32), rows), MCXT_ALLOC_HUGE);
	for (uint32 record = 0; record < rows; record++)
		ranks[writer->order[record]] = record;
	run->has_ranks = true;
	run->ranks_offset = pxd_image_add(image, (const char *) ranks, sizeof(uint32) * (Size) rows, false);
}

static void
describe_key(const SortKey *key, HeaderRun *run)
{
	run->nkeys = key->ncolumns;
	run->keys = palloc(sizeof(HeaderKey) * Max(key->ncolumns, 1));
	for (int i = 0; i < key->ncolumns; i++)
	{
		run->keys[i].attnum = key->columns[i].attnum;
		run->keys[i].opfamily = key->columns[i].opfamily;
		run->keys[i].collation = key->columns[i].collation;
	}
}

static HeaderRun *
encode_run(RunWriter *writer, SegmentImage *image)
{
	const RowBatch *batch = writer->batch;
	HeaderRun  *run = palloc0(sizeof(HeaderRun));
	const ZstdDictionary *dictionary;
	char	   *filter;

	writer->order = pxd_lsm_order(batch);
	writer->raw_cap = BLCKSZ;
	for (int i = 0; i < writer->nfields; i++)
		writer->raw_cap += batch->columns[writer->fields[i]].data_len + 2 * (Size) batch->nrows;
	writer->raw = palloc_extended(writer->raw_cap, MCXT_ALLOC_HUGE);
	writer->max_blocks = 64;
	writer->blocks = palloc(sizeof(RawBlock) * writer->max_blocks);
	writer->starts = palloc_extended(mul_size(sizeof(Size), batch->nrows), MCXT_ALLOC_HUGE);
	writer->ends = palloc_extended(mul_size(sizeof(Size), batch->nrows), MCXT_ALLOC_HUGE);
	put_records(writer);

	describe_key(&batch->settings.key, run);
	add_ranks(writer, run, image);
	filter = pxd_lsm_filter(batch, &run->filter.len, &run->filter_hashes);
	if (filter != NULL)
		run->filter.offset = pxd_image_add(image, filter, run->filter.len, false);
	else
		run->filter.len = 0;
	dictionary = add_dictionary(writer, run, image);
	add_blocks(writer, dictionary, run, image);
	add_fences(writer, run);
	return run;
}

void
pxd_lsm_encode(const RowBatch *batch, SegmentImage *image)
{
	SegmentHeader header;
	RunWriter	writer = {.batch = batch,.header = &header};

	pxd_image_init(image, LSM_ENGINE_ID, batch->nrows);
	pxd_segment_begin(batch, LSM_ENGINE_NAME, LAYOUT_RECORDS, &header);
	pxd_segment_add_fixed(batch, &header, image);

	writer.fields = palloc(sizeof(int) * Max(batch->ncolumns, 1));
	for (int i = 0; i < batch->ncolumns; i++)
		if (header.columns[i].layout == LAYOUT_RECORDS)
			writer.fields[writer.nfields++] = i;
	if (writer.nfields > 0)
		header.run = encode_run(&writer, image);
	pxd_segment_finish(batch, &header, image);
}
