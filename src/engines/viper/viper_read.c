/*
 * viper_read.c: values back from viper segments.
 *
 * Layout FIXED is read by fixed_column.h. Of columns in blocks the decoded blocks used last are kept (block_cache.c), so that a scan decodes
 * each once; an open segment has its parsed header and a null bitmap per column besides.
 *
 * Everything read is hostile until checked; see codec.h for what pxd_header_decode and pxd_block_index
 * promise.
 *
 * Owns the state of an open segment. Pages, pins and their checks are the store's. No locks, no WAL.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "../block_cache.h"
#include "../fixed_column.h"
#include "../segment_read.h"
#include "codec.h"
#include "viper.h"

typedef struct ViperColumn
{
	ColumnLayout layout;
	FixedColumn fixed;			/* layout FIXED; format of any */

	AttrNumber	attnum;
	HeaderPiece dictionary_piece;
	ZstdDictionary *dictionary; /* read at first use */
	uint32		nblocks;
	HeaderBlock *blocks;

	DecodedBlock **decoded;		/* [nblocks], NULL where a block is not in the cache */
	uint32		current;		/* the block used last */
} ViperColumn;

typedef struct ViperState
{
	MemoryContext context;
	uint32		rows;
	int			natts;
	int16	   *column_of;		/* [natts] index into columns, or -1: stub attribute */
	int			ncolumns;
	ViperColumn *columns;
	uint64		tids_offset;
	MemoryContextCallback on_close;
} ViperState;

/* The blocks of a segment that is closed are of no use to anybody. */
static void
drop_blocks(void *arg)
{
	ViperState *state = arg;

	for (int i = 0; i < state->ncolumns; i++)
		for (uint32 block = 0; block < state->columns[i].nblocks; block++)
			pxd_decoded_block_drop(&state->columns[i].decoded[block]);
}

static void *
viper_open(SegmentAccess *access, const char *data, Size len, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	ViperState *state = palloc0(sizeof(ViperState));
	SegmentHeader header;
	const char *problem = pxd_header_decode(data, len, &header);

	if (problem == NULL && strcmp(header.engine, VIPER_ENGINE_NAME) != 0)
		problem = "the header names another engine";
	if (problem != NULL)
		pxd_segment_corrupt(access, 0, problem);

	state->context = context;
	state->rows = header.rows;
	state->natts = header.natts;
	state->tids_offset = header.tids_offset;
	state->column_of = palloc(sizeof(int16) * Max(header.natts, 1));
	for (int i = 0; i < header.natts; i++)
		state->column_of[i] = -1;
	state->columns = palloc0(sizeof(ViperColumn) * Max(header.ncolumns, 1));
	for (int i = 0; i < header.ncolumns; i++)
	{
		const HeaderColumn *source = &header.columns[i];
		ViperColumn *column = &state->columns[i];

		state->column_of[source->attnum - 1] = (int16) i;
		column->attnum = source->attnum;
		column->layout = source->layout;
		fixed_column_init(&column->fixed, source);
		column->dictionary_piece = source->dictionary;
		column->nblocks = source->nblocks;
		column->blocks = source->blocks;
		if (column->nblocks > 0)
			column->decoded = palloc_extended(mul_size(column->nblocks, sizeof(DecodedBlock *)),
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	}
	state->ncolumns = header.ncolumns;
	state->on_close.func = drop_blocks;
	state->on_close.arg = state;
	MemoryContextRegisterResetCallback(context, &state->on_close);
	pfree(header.columns);
	pfree(header.stub_attrs);
	MemoryContextSwitchTo(old);
	return state;
}

static bool
viper_in_stub(void *opaque, AttrNumber attnum)
{
	ViperState *state = opaque;

	Assert(attnum >= 1);
	return attnum > state->natts || state->column_of[attnum - 1] < 0;
}

static bool
viper_never_null(void *opaque, AttrNumber attnum)
{
	ViperState *state = opaque;

	Assert(!viper_in_stub(opaque, attnum));
	return state->columns[state->column_of[attnum - 1]].fixed.null_count == 0;
}

/* Reads a column's dictionary, which lives as long as the segment is open. */
static void
load_dictionary(SegmentAccess *access, ViperColumn *column)
{
	char	   *bytes = palloc(column->dictionary_piece.len);

	pxd_access_read(access, column->dictionary_piece.offset, column->dictionary_piece.len, bytes);
	column->dictionary = pxd_zstd_decompress_dictionary(GetMemoryChunkContext(column->blocks), bytes,
														column->dictionary_piece.len);
	pfree(bytes);
}

/* Reads a block into the cache. */
static DecodedBlock *
decode_block(SegmentAccess *access, ViperColumn *column, const HeaderBlock *block)
{
	DecodedBlock *decoded;

	pxd_segment_check_block(access, block);
	if (column->dictionary == NULL && column->dictionary_piece.len > 0 && block->codec == CODEC_ZSTANDARD)
		load_dictionary(access, column);
	decoded = pxd_decoded_block_create(block->first_row, block->rows, block->raw_len);
	pxd_segment_read_block(access, block, column->dictionary, decoded->raw);
	if (!pxd_block_index(&column->fixed.format, decoded->raw, block->raw_len, block->rows, decoded->starts))
		pxd_segment_corrupt(access, block->offset, "a column block is malformed");
	return decoded;
}

/* Makes the block that holds position the current one. */
static pg_noinline DecodedBlock *
load_block(SegmentAccess *access, ViperColumn *column, uint32 position)
{
	uint32		index = pxd_segment_find_block(column->blocks, column->nblocks, position);

	if (column->decoded[index] == NULL)
		pxd_decoded_block_place(decode_block(access, column, &column->blocks[index]), &column->decoded[index]);
	else
		pxd_decoded_block_touch(column->decoded[index]);
	column->current = index;
	return column->decoded[index];
}

static Datum
fetch_from_block(SegmentAccess *access, ViperColumn *column, uint32 position, ValueBuffer *buffer, bool *isnull)
{
	const ItemFormat *format = &column->fixed.format;
	const DecodedBlock *block;
	char		scratch[sizeof(int64)];
	const char *bytes;
	Size		len;
	uint32		start;

	/* Unsigned, so this also holds for positions before the block. */
	block = column->decoded[column->current];
	if (block == NULL || position - block->first_row >= block->rows)
		block = load_block(access, column, position);

	start = block->starts[position - block->first_row];
	*isnull = start == BLOCK_NULL;
	if (*isnull)
		return (Datum) 0;
	bytes = pxd_block_item(format, block->raw, block->raw_len, start, scratch, &len);
	return pxd_value_build(buffer, format->attlen, format->attbyval, pxd_item_element_size(format->encoding),
						   bytes, len);
}

/* The column that holds att, after all checks of a locator and of the column's form. */
static inline ViperColumn *
checked_column(SegmentAccess *access, ViperState *state, uint32 position, const FormData_pg_attribute *att)
{
	ViperColumn *column;

	pxd_segment_check_position(access, state->rows, position);
	if (unlikely(viper_in_stub(state, att->attnum)))
		elog(ERROR, "attribute %d is not in the segment", att->attnum);
	column = &state->columns[state->column_of[att->attnum - 1]];
	if (unlikely(column->fixed.format.attlen != att->attlen || column->fixed.format.attbyval != att->attbyval))
		pxd_segment_corrupt(access, 0, "a column's values are not of its type");
	return column;
}

static Datum
viper_fetch(SegmentAccess *access, void *opaque, uint32 position, const FormData_pg_attribute *att,
			ValueBuffer *buffer, bool *isnull)
{
	ViperState *state = opaque;
	ViperColumn *column = checked_column(access, state, position, att);

	if (column->layout == LAYOUT_FIXED)
		return fixed_fetch(access, state->rows, &column->fixed, state->context, position, buffer, isnull);
	return fetch_from_block(access, column, position, buffer, isnull);
}

static const float4 *
viper_fetch_vector(SegmentAccess *access, void *opaque, uint32 position, const FormData_pg_attribute *att,
				   ValueBuffer *buffer, int *dim)
{
	ViperState *state = opaque;
	ViperColumn *column = checked_column(access, state, position, att);
	bool		isnull;
	Vector	   *vector;

	if (likely(column->layout == LAYOUT_FIXED))
		return fixed_fetch_vector(access, state->rows, &column->fixed, state->context, position, buffer, dim);

	/* Vectors of any dimensions are byte strings in blocks. */
	vector = (Vector *) DatumGetPointer(fetch_from_block(access, column, position, buffer, &isnull));
	*dim = isnull ? 0 : vector->dim;
	return isnull ? NULL : vector->x;
}

static void
viper_prefetch_vector(SegmentAccess *access, void *opaque, uint32 position, AttrNumber attnum)
{
	ViperState *state = opaque;
	const ViperColumn *column;

	if (position >= state->rows || viper_in_stub(state, attnum))
		return;
	column = &state->columns[state->column_of[attnum - 1]];
	if (column->layout == LAYOUT_FIXED)
		fixed_prefetch(access, &column->fixed, position);
}

static void
viper_back_pointer(SegmentAccess *access, void *opaque, uint32 position, ItemPointer tid)
{
	ViperState *state = opaque;

	pxd_segment_check_position(access, state->rows, position);
	segment_copy(access, state->tids_offset + (uint64) position * sizeof(ItemPointerData),
				 sizeof(ItemPointerData), (char *) tid);
}

static bool
viper_unsettled(const SegmentEntry *entry)
{
	return pxd_segment_is_small(entry);
}

/* Rows stand as they came: worn and small segments become one row of new ones. */
static void
viper_pick_inputs(SegmentAccess *access, const SegmentSettings *settings, CompactionPlan *plan)
{
	pxd_plan_unordered(plan, NULL);
}

const StorageEngine pxd_engine_viper = {
	.name = VIPER_ENGINE_NAME,
	.id = VIPER_ENGINE_ID,
	.free_fraction = 0.1,
	.compression_level = 3,
	.encode = pxd_viper_encode,
	.open = viper_open,
	.in_stub = viper_in_stub,
	.never_null = viper_never_null,
	.fetch = viper_fetch,
	.fetch_vector = viper_fetch_vector,
	.prefetch_vector = viper_prefetch_vector,
	.back_pointer = viper_back_pointer,
	.unsettled = viper_unsettled,
	.pick_inputs = viper_pick_inputs,
};
