/*
 * viper_read.c: values back from viper segments.
 *
 * Layout FIXED is the hot path of exact search: address arithmetic and one copy from the pinned page. Of
 * columns in blocks the decoded blocks used last are kept (block_cache.c), so that a scan decodes each once; an
 * open segment has its parsed header and a null bitmap per column besides.
 *
 * Everything read is hostile until checked; see codec.h for what pxd_header_decode and pxd_block_index
 * promise.
 *
 * Owns the state of an open segment. Pages, pins and their checks are the store's. No locks, no WAL.
 */
#include "postgres.h"

#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "block_cache.h"
#include "codec.h"
#include "vector.h"
#include "viper.h"

typedef struct ViperColumn
{
	/* What layout FIXED needs first. */
	ColumnLayout layout;
	uint32		null_count;
	uint8	   *nulls;			/* layout FIXED: read at first use */
	uint64		data_offset;
	ItemFormat	format;
	uint64		nulls_offset;

	AttrNumber	attnum;
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
		column->null_count = source->null_count;
		column->nulls_offset = source->nulls_offset;
		column->data_offset = source->data_offset;
		column->format = source->format;
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
	return state->columns[state->column_of[attnum - 1]].null_count == 0;
}

/* Reads the null bitmap of a column of layout FIXED. */
static void
load_nulls(SegmentAccess *access, ViperState *state, ViperColumn *column)
{
	Size		len = (state->rows + BITS_PER_BYTE - 1) / BITS_PER_BYTE;
	uint8	   *nulls = palloc(len);

	pxd_access_read(access, column->nulls_offset, len, (char *) nulls);
	if (pg_popcount((const char *) nulls, (int) len) != column->null_count)
		pxd_segment_corrupt(access, column->nulls_offset, "the null bitmap does not match the header");
	column->nulls = MemoryContextAlloc(state->context, len);
	memcpy(column->nulls, nulls, len);
	pfree(nulls);
}

static inline bool
fixed_is_null(SegmentAccess *access, ViperState *state, ViperColumn *column, uint32 position)
{
	if (likely(column->null_count == 0))
		return false;
	if (unlikely(column->nulls == NULL))
		load_nulls(access, state, column);
	return (column->nulls[position / BITS_PER_BYTE] >> (position % BITS_PER_BYTE)) & 1;
}

/* Copies len bytes at offset to dst: one copy if they lie in one page. */
static inline void
copy_span(SegmentAccess *access, uint64 offset, Size len, char *dst)
{
	for (;;)
	{
		Size		avail;
		const char *span = pxd_access_span(access, offset, len, &avail);

		memcpy(dst, span, avail);
		if (likely(avail == len))
			return;
		dst += avail;
		offset += avail;
		len -= avail;
	}
}

/*
 * Asks for what the pinned page has of the len bytes at offset. A scan reads items one after the other and computes in between; the
 * hardware's own prefetching stops at every 4 kB of address space.
 */
static inline void
prefetch_span(SegmentAccess *access, uint64 offset, Size len)
{
	uint64		skip = offset - access->span_offset;

	if (skip >= access->span_len)
		return;
	len = Min(len, access->span_len - skip);
	for (Size i = 0; i < len; i += CACHE_LINE_BYTES)
		__builtin_prefetch(access->span + skip + i);
}

/* Reads and decompresses a block into raw; false if it is malformed. */
static bool
decompress_block(SegmentAccess *access, const HeaderBlock *block, char *raw)
{
	Size		avail;
	const char *span = pxd_access_span(access, block->offset, block->stored_len, &avail);
	char	   *stored;
	bool		ok;

	if (avail == block->stored_len)
		return pxd_zstd_decompress(span, avail, raw, block->raw_len);

	stored = palloc_extended(block->stored_len, MCXT_ALLOC_HUGE);
	pxd_access_read(access, block->offset, block->stored_len, stored);
	ok = pxd_zstd_decompress(stored, block->stored_len, raw, block->raw_len);
	pfree(stored);
	return ok;
}

/* Reads a block into the cache. */
static DecodedBlock *
decode_block(SegmentAccess *access, const ViperColumn *column, const HeaderBlock *block)
{
	DecodedBlock *decoded;
	Size		avail;

	/* A length is not believed before the block's last byte is seen to be inside the segment. */
	(void) pxd_access_span(access, block->offset + block->stored_len - 1, 1, &avail);

	decoded = pxd_decoded_block_create(block->first_row, block->rows, block->raw_len);
	if (block->codec == CODEC_NULL)
		pxd_access_read(access, block->offset, block->raw_len, decoded->raw);
	else if (!decompress_block(access, block, decoded->raw))
		pxd_segment_corrupt(access, block->offset, "a column block could not be decompressed");
	if (!pxd_block_index(&column->format, decoded->raw, block->raw_len, block->rows, decoded->starts))
		pxd_segment_corrupt(access, block->offset, "a column block is malformed");
	return decoded;
}

/* Makes the block that holds position the current one. */
static pg_noinline DecodedBlock *
load_block(SegmentAccess *access, ViperColumn *column, uint32 position)
{
	uint32		low = 0;
	uint32		high = column->nblocks - 1;

	/* Blocks are dense from row 0 to the last, so there is exactly one. */
	while (low < high)
	{
		uint32		middle = low + (high - low + 1) / 2;

		if (column->blocks[middle].first_row <= position)
			low = middle;
		else
			high = middle - 1;
	}
	Assert(position - column->blocks[low].first_row < column->blocks[low].rows);

	if (column->decoded[low] == NULL)
		pxd_decoded_block_place(decode_block(access, column, &column->blocks[low]), &column->decoded[low]);
	else
		pxd_decoded_block_touch(column->decoded[low]);
	column->current = low;
	return column->decoded[low];
}

static Datum
fetch_from_block(SegmentAccess *access, ViperColumn *column, uint32 position, ValueBuffer *buffer, bool *isnull)
{
	const ItemFormat *format = &column->format;
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

/*
 * An item of layout FIXED. Written out for vectors and halfvecs, the hot path: header, then the elements from the
 * page into place.
 */
static inline Datum
fetch_fixed(SegmentAccess *access, ViperState *state, ViperColumn *column, uint32 position,
			ValueBuffer *buffer, bool *isnull)
{
	const ItemFormat *format = &column->format;
	uint8		element_size = pxd_item_element_size(format->encoding);
	Size		len = format->item_size;
	uint64		offset = column->data_offset + (uint64) position * len;

	*isnull = fixed_is_null(access, state, column, position);
	if (*isnull)
		return (Datum) 0;

	if (likely(element_size > 0))
	{
		Vector	   *vector = (Vector *) pxd_value_reserve(buffer, offsetof(Vector, x) + len);

		SET_VARSIZE(vector, offsetof(Vector, x) + len);
		vector->dim = (int16) (len / element_size);
		vector->unused = 0;
		copy_span(access, offset, len, (char *) vector->x);
		prefetch_span(access, offset + len, len);
		return PointerGetDatum(vector);
	}

	if (format->attbyval)
	{
		char		item[sizeof(Datum)];

		copy_span(access, offset, len, item);
		return pxd_value_build(buffer, format->attlen, true, 0, item, len);
	}
	copy_span(access, offset, len, pxd_value_reserve(buffer, len));
	return PointerGetDatum(buffer->data);
}

static void
check_position(SegmentAccess *access, const ViperState *state, uint32 position)
{
	if (unlikely(position >= state->rows))
		pxd_segment_corrupt(access, 0,
							psprintf("a locator names position %u of %u rows", position, state->rows));
}

/* The column that holds att, after all checks of a locator and of the column's form. */
static inline ViperColumn *
checked_column(SegmentAccess *access, ViperState *state, uint32 position, const FormData_pg_attribute *att)
{
	ViperColumn *column;

	check_position(access, state, position);
	if (unlikely(viper_in_stub(state, att->attnum)))
		elog(ERROR, "attribute %d is not in the segment", att->attnum);
	column = &state->columns[state->column_of[att->attnum - 1]];
	if (unlikely(column->format.attlen != att->attlen || column->format.attbyval != att->attbyval))
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
		return fetch_fixed(access, state, column, position, buffer, isnull);
	return fetch_from_block(access, column, position, buffer, isnull);
}

static const float4 *
viper_fetch_vector(SegmentAccess *access, void *opaque, uint32 position, const FormData_pg_attribute *att,
				   ValueBuffer *buffer, int *dim)
{
	ViperState *state = opaque;
	ViperColumn *column = checked_column(access, state, position, att);
	uint8		element_size = pxd_item_element_size(column->format.encoding);
	bool		isnull;
	Vector	   *vector;

	if (likely(column->layout == LAYOUT_FIXED && element_size > 0))
	{
		Size		len = column->format.item_size;
		uint64		offset = column->data_offset + (uint64) position * len;
		Size		avail;
		const char *span;
		char	   *copy;

		*dim = (int) (len / element_size);
		if (fixed_is_null(access, state, column, position))
			return NULL;
		span = pxd_access_span(access, offset, len, &avail);
		if (avail == len)
			return (const float4 *) span;
		copy = pxd_value_reserve(buffer, len);
		copy_span(access, offset, len, copy);
		return (const float4 *) copy;
	}

	/* Vectors of any dimensions are byte strings in blocks. */
	if (column->layout == LAYOUT_FIXED)
		vector = (Vector *) DatumGetPointer(fetch_fixed(access, state, column, position, buffer, &isnull));
	else
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
		pxd_access_prefetch(access, column->data_offset + (uint64) position * column->format.item_size,
							column->format.item_size);
}

static void
viper_back_pointer(SegmentAccess *access, void *opaque, uint32 position, ItemPointer tid)
{
	ViperState *state = opaque;

	check_position(access, state, position);
	copy_span(access, state->tids_offset + (uint64) position * sizeof(ItemPointerData),
			  sizeof(ItemPointerData), (char *) tid);
}

const StorageEngine pxd_engine_viper = {
	.name = VIPER_ENGINE_NAME,
	.id = VIPER_ENGINE_ID,
	.encode = pxd_viper_encode,
	.open = viper_open,
	.in_stub = viper_in_stub,
	.never_null = viper_never_null,
	.fetch = viper_fetch,
	.fetch_vector = viper_fetch_vector,
	.prefetch_vector = viper_prefetch_vector,
	.back_pointer = viper_back_pointer,
};
