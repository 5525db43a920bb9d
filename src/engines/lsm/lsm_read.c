/*
 * lsm_read.c: values back from sorted runs.
 *
 * A position's record is found by its rank (the position itself, if rows came in order), the record's block by a search in the header. Decoded
 * blocks are kept (block_cache.c): rows read in the order of their TIDs come from all over a run. Within a block each record's place is known; of the record read last each field's.
 *
 * Everything read is hostile until checked: a block is walked once, field by field, before the first value is taken from it.
 *
 * Owns the state of an open segment. Pages, pins and their checks are the store's. No locks, no WAL.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "../segment_read.h"
#include "lsm.h"

#define NO_RECORD		PG_UINT32_MAX

/* The blocks of a run that is closed are of no use to anybody. */
static void
release_blocks(void *arg)
{
	LsmState   *state = arg;

	for (uint32 i = 0; i < state->run->nblocks; i++)
		pxd_decoded_block_drop(&state->decoded[i]);
}

/* --- opening --- */

static void
prepare_records(LsmState *state, const SegmentHeader *header)
{
	state->run = header->run;
	state->formats = palloc(sizeof(ItemFormat) * header->ncolumns);
	for (int i = 0; i < header->ncolumns; i++)
		if (header->columns[i].layout == LAYOUT_RECORDS)
		{
			state->columns[i].field = state->nfields;
			state->formats[state->nfields++] = header->columns[i].format;
		}
	state->field_starts = palloc(sizeof(uint32) * state->nfields);
	state->decoded = MemoryContextAllocExtended(state->context, mul_size(sizeof(DecodedBlock *), state->run->nblocks),
												MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	state->record = NO_RECORD;
	state->release.func = release_blocks;
	state->release.arg = state;
	MemoryContextRegisterResetCallback(state->context, &state->release);
}

static void *
lsm_open(SegmentAccess *access, const char *data, Size len, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	LsmState   *state = palloc0(sizeof(LsmState));
	SegmentHeader header;
	const char *problem = pxd_header_decode(data, len, &header);

	if (problem == NULL && strcmp(header.engine, LSM_ENGINE_NAME) != 0)
		problem = "the header names another engine";
	if (problem != NULL)
		pxd_segment_corrupt(access, 0, problem);

	state->context = context;
	state->rows = header.rows;
	state->natts = header.natts;
	state->tids_offset = header.tids_offset;
	state->held_by_stub = palloc0(sizeof(bool) * Max(header.natts, 1));
	for (int i = 0; i < header.nstub_attrs; i++)
		state->held_by_stub[header.stub_attrs[i] - 1] = true;
	state->column_of = palloc(sizeof(int16) * Max(header.natts, 1));
	for (int i = 0; i < header.natts; i++)
		state->column_of[i] = -1;
	state->columns = palloc0(sizeof(LsmColumn) * Max(header.ncolumns, 1));
	for (int i = 0; i < header.ncolumns; i++)
	{
		if (header.columns[i].layout == LAYOUT_BLOCKS)
			pxd_segment_corrupt(access, 0, "a column has a layout of another engine");
		state->column_of[header.columns[i].attnum - 1] = (int16) i;
		state->columns[i].typid = header.columns[i].typid;
		state->columns[i].field = -1;
		fixed_column_init(&state->columns[i].fixed, &header.columns[i]);
	}
	if (header.run != NULL)
		prepare_records(state, &header);
	pfree(header.columns);
	pfree(header.stub_attrs);
	MemoryContextSwitchTo(old);
	return state;
}

static bool
lsm_in_stub(void *opaque, AttrNumber attnum)
{
	LsmState   *state = opaque;

	Assert(attnum >= 1);
	return attnum > state->natts || state->held_by_stub[attnum - 1];
}

static bool
lsm_never_null(void *opaque, AttrNumber attnum)
{
	LsmState   *state = opaque;

	Assert(!lsm_in_stub(opaque, attnum));
	return state->columns[state->column_of[attnum - 1]].fixed.null_count == 0;
}

/* --- records --- */

static pg_noinline void
load_ranks(SegmentAccess *access, LsmState *state)
{
	Size		len = mul_size(sizeof(uint32), state->rows);
	uint32	   *ranks = palloc_extended(len, MCXT_ALLOC_HUGE);

	pxd_access_read(access, state->run->ranks_offset, len, (char *) ranks);
	for (uint32 i = 0; i < state->rows; i++)
		if (ranks[i] >= state->rows)
			pxd_segment_corrupt(access, state->run->ranks_offset, "a rank is beyond the last record");
	state->ranks = MemoryContextAllocHuge(state->context, len);
	memcpy(state->ranks, ranks, len);
	pfree(ranks);
}

const uint32 *
pxd_lsm_ranks(SegmentAccess *access, LsmState *state)
{
	if (unlikely(state->ranks == NULL))
		load_ranks(access, state);
	return state->ranks;
}

static pg_noinline void
load_dictionary(SegmentAccess *access, LsmState *state)
{
	const HeaderPiece *piece = &state->run->dictionary;
	char	   *data = palloc(piece->len);

	pxd_access_read(access, piece->offset, piece->len, data);
	state->dictionary = pxd_zstd_decompress_dictionary(state->context, data, piece->len);
	pfree(data);
}

/* Finds every record of the block's Avro array. False if it is anything else. */
static bool
index_records(const LsmState *state, DecodedBlock *block)
{
	AvroCursor	cursor = {block->raw, block->raw + block->raw_len};
	int64		value;
	uint32		start;

	if (!pxd_avro_get_range(&cursor, block->rows, block->rows, &value))
		return false;
	for (uint32 i = 0; i < block->rows; i++)
	{
		block->starts[i] = (uint32) (cursor.ptr - block->raw);
		for (int field = 0; field < state->nfields; field++)
			if (!pxd_item_skip(&state->formats[field], &cursor, block->raw, &start))
				return false;
	}
	return pxd_avro_get_range(&cursor, 0, 0, &value) && cursor.ptr == cursor.end;
}

/* Reads a block into the cache. */
static DecodedBlock *
decode_block(SegmentAccess *access, LsmState *state, const HeaderBlock *block)
{
	DecodedBlock *decoded;

	pxd_segment_check_block(access, block);
	if (state->run->dictionary.len > 0 && state->dictionary == NULL)
		load_dictionary(access, state);
	decoded = pxd_decoded_block_create(block->first_row, block->rows, block->raw_len);
	pxd_segment_read_block(access, block, state->dictionary, decoded->raw);
	if (!index_records(state, decoded))
		pxd_segment_corrupt(access, block->offset, "a block of records is malformed");
	return decoded;
}

/* Makes the block that holds record the current one. */
static pg_noinline DecodedBlock *
load_block(SegmentAccess *access, LsmState *state, uint32 record)
{
	uint32		index = pxd_segment_find_block(state->run->blocks, state->run->nblocks, record);

	if (state->decoded[index] == NULL)
		pxd_decoded_block_place(decode_block(access, state, &state->run->blocks[index]), &state->decoded[index]);
	else
		pxd_decoded_block_touch(state->decoded[index]);
	state->current = index;
	return state->decoded[index];
}

/* Makes record the one whose fields are known, and returns its block. */
static inline const DecodedBlock *
seek_record(SegmentAccess *access, LsmState *state, uint32 record)
{
	const DecodedBlock *block = state->decoded[state->current];
	AvroCursor	cursor;
	bool		ok PG_USED_FOR_ASSERTS_ONLY;

	/* Unsigned, so this also holds for records before the block. */
	if (block == NULL || record - block->first_row >= block->rows)
		block = load_block(access, state, record);
	if (record == state->record)
		return block;

	cursor.ptr = block->raw + block->starts[record - block->first_row];
	cursor.end = block->raw + block->raw_len;
	for (int field = 0; field < state->nfields; field++)
	{
		ok = pxd_item_skip(&state->formats[field], &cursor, block->raw, &state->field_starts[field]);
		Assert(ok);
	}
	state->record = record;
	return block;
}

Datum
pxd_lsm_record_field(SegmentAccess *access, LsmState *state, const LsmColumn *column, uint32 record,
					 ValueBuffer *buffer, bool *isnull)
{
	const ItemFormat *format = &column->fixed.format;
	const DecodedBlock *block;
	char		scratch[sizeof(int64)];
	const char *bytes;
	Size		len;

	Assert(record < state->rows && column->field >= 0);
	block = seek_record(access, state, record);
	*isnull = state->field_starts[column->field] == BLOCK_NULL;
	if (*isnull)
		return (Datum) 0;
	bytes = pxd_block_item(format, block->raw, block->raw_len, state->field_starts[column->field], scratch, &len);
	return pxd_value_build(buffer, format->attlen, format->attbyval, pxd_item_element_size(format->encoding), bytes, len);
}

static Datum
fetch_field(SegmentAccess *access, LsmState *state, const LsmColumn *column, uint32 position, ValueBuffer *buffer,
			bool *isnull)
{
	uint32		record = position;

	if (state->run->has_ranks)
	{
		record = pxd_lsm_ranks(access, state)[position];
	}
	return pxd_lsm_record_field(access, state, column, record, buffer, isnull);
}

/* The column that holds att, after all checks of a locator and of the column's form. */
static inline LsmColumn *
checked_column(SegmentAccess *access, LsmState *state, uint32 position, const FormData_pg_attribute *att)
{
	LsmColumn  *column;

	pxd_segment_check_position(access, state->rows, position);
	if (unlikely(att->attnum > state->natts || state->column_of[att->attnum - 1] < 0))
		elog(ERROR, "attribute %d is not in the segment", att->attnum);
	column = &state->columns[state->column_of[att->attnum - 1]];
	if (unlikely(column->fixed.format.attlen != att->attlen || column->fixed.format.attbyval != att->attbyval))
		pxd_segment_corrupt(access, 0, "a column's values are not of its type");
	return column;
}

static Datum
lsm_fetch(SegmentAccess *access, void *opaque, uint32 position, const FormData_pg_attribute *att,
		  ValueBuffer *buffer, bool *isnull)
{
	LsmState   *state = opaque;
	LsmColumn  *column = checked_column(access, state, position, att);

	if (column->field < 0)
		return fixed_fetch(access, state->rows, &column->fixed, state->context, position, buffer, isnull);
	return fetch_field(access, state, column, position, buffer, isnull);
}

static const float4 *
lsm_fetch_vector(SegmentAccess *access, void *opaque, uint32 position, const FormData_pg_attribute *att,
				 ValueBuffer *buffer, int *dim)
{
	LsmState   *state = opaque;
	LsmColumn  *column = checked_column(access, state, position, att);
	bool		isnull;
	Vector	   *vector;

	if (likely(column->field < 0))
		return fixed_fetch_vector(access, state->rows, &column->fixed, state->context, position, buffer, dim);

	/* Vectors of any dimensions, and those that are mostly NULL, stand in the records. */
	vector = (Vector *) DatumGetPointer(fetch_field(access, state, column, position, buffer, &isnull));
	*dim = isnull ? 0 : vector->dim;
	return isnull ? NULL : vector->x;
}

static void
lsm_prefetch_vector(SegmentAccess *access, void *opaque, uint32 position, AttrNumber attnum)
{
	LsmState   *state = opaque;

	if (position >= state->rows || attnum > state->natts || state->column_of[attnum - 1] < 0)
		return;
	if (state->columns[state->column_of[attnum - 1]].field < 0)
		fixed_prefetch(access, &state->columns[state->column_of[attnum - 1]].fixed, position);
}

static void
lsm_back_pointer(SegmentAccess *access, void *opaque, uint32 position, ItemPointer tid)
{
	LsmState   *state = opaque;

	pxd_segment_check_position(access, state->rows, position);
	segment_copy(access, state->tids_offset + (uint64) position * sizeof(ItemPointerData),
				 sizeof(ItemPointerData), (char *) tid);
}

const StorageEngine pxd_engine_lsm = {
	.name = LSM_ENGINE_NAME,
	.id = LSM_ENGINE_ID,
	.sorted = true,
	.free_fraction = 0.5,		/* a merge of all levels leaves as much, */
	.free_kept = 0.5,			/* and the next one needs it */
	.max_row_bytes = LSM_MAX_ROW_BYTES,
	.compression_level = 7,		/* records are written together and compressed with a dictionary: see README */
	.encode = pxd_lsm_encode,
	.open = lsm_open,
	.in_stub = lsm_in_stub,
	.never_null = lsm_never_null,
	.fetch = lsm_fetch,
	.fetch_vector = lsm_fetch_vector,
	.prefetch_vector = lsm_prefetch_vector,
	.back_pointer = lsm_back_pointer,
	.unsettled = pxd_lsm_unsettled,
	.pick_inputs = pxd_lsm_pick_inputs,
	.key_columns = pxd_lsm_key_columns,
	.search = pxd_lsm_search,
	.check = pxd_lsm_check,
};
