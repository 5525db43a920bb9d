/*
 * fixed_column.h: reading columns of layout FIXED: address arithmetic and one copy from the pinned page.
 *
 * Inline, because it is the hot path of exact search. A null bitmap is read at first use and kept in the segment's context. Contracts of
 * the store's spans apply: position has been checked by the caller.
 */
#ifndef PXD_FIXED_COLUMN_H
#define PXD_FIXED_COLUMN_H

#include "postgres.h"

#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "codec.h"
#include "engine.h"
#include "vector.h"

/* A column of layout FIXED in an open segment. */
typedef struct FixedColumn
{
	uint32		null_count;
	uint8	   *nulls;			/* read at first use */
	uint64		data_offset;
	uint64		nulls_offset;
	ItemFormat	format;
} FixedColumn;

static inline void
fixed_column_init(FixedColumn *column, const HeaderColumn *source)
{
	column->null_count = source->null_count;
	column->nulls = NULL;
	column->data_offset = source->data_offset;
	column->nulls_offset = source->nulls_offset;
	column->format = source->format;
}

/* Reads the null bitmap of a column of layout FIXED. */
static pg_noinline void
fixed_load_nulls(SegmentAccess *access, uint32 rows, FixedColumn *column, MemoryContext context)
{
	Size		len = (rows + BITS_PER_BYTE - 1) / BITS_PER_BYTE;
	uint8	   *nulls = palloc(len);

	pxd_access_read(access, column->nulls_offset, len, (char *) nulls);
	if (pg_popcount((const char *) nulls, (int) len) != column->null_count)
		pxd_segment_corrupt(access, column->nulls_offset, "the null bitmap does not match the header");
	column->nulls = MemoryContextAlloc(context, len);
	memcpy(column->nulls, nulls, len);
	pfree(nulls);
}

static inline bool
fixed_is_null(SegmentAccess *access, uint32 rows, FixedColumn *column, MemoryContext context,
			  uint32 position)
{
	if (likely(column->null_count == 0))
		return false;
	if (unlikely(column->nulls == NULL))
		fixed_load_nulls(access, rows, column, context);
	return (column->nulls[position / BITS_PER_BYTE] >> (position % BITS_PER_BYTE)) & 1;
}

/* Copies len bytes at offset to dst: one copy if they lie in one page. */
static inline void
segment_copy(SegmentAccess *access, uint64 offset, Size len, char *dst)
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
segment_prefetch(SegmentAccess *access, uint64 offset, Size len)
{
	uint64		skip = offset - access->span_offset;

	if (skip >= access->span_len)
		return;
	len = Min(len, access->span_len - skip);
	for (Size i = 0; i < len; i += CACHE_LINE_BYTES)
		__builtin_prefetch(access->span + skip + i);
}

/*
 * An item of layout FIXED of a segment of rows rows. Written out for vectors and halfvecs, the hot path: header, then the elements from the page
 * into place.
 */
static inline Datum
fixed_fetch(SegmentAccess *access, uint32 rows, FixedColumn *column, MemoryContext context, uint32 position,
			ValueBuffer *buffer, bool *isnull)
{
	const ItemFormat *format = &column->format;
	uint8		element_size = pxd_item_element_size(format->encoding);
	Size		len = format->item_size;
	uint64		offset = column->data_offset + (uint64) position * len;

	*isnull = fixed_is_null(access, rows, column, context, position);
	if (*isnull)
		return (Datum) 0;

	if (likely(element_size > 0))
	{
		Vector	   *vector = (Vector *) pxd_value_reserve(buffer, offsetof(Vector, x) + len);

		SET_VARSIZE(vector, offsetof(Vector, x) + len);
		vector->dim = (int16) (len / element_size);
		vector->unused = 0;
		segment_copy(access, offset, len, (char *) vector->x);
		segment_prefetch(access, offset + len, len);
		return PointerGetDatum(vector);
	}

	if (format->attbyval)
	{
		char		item[sizeof(Datum)];

		segment_copy(access, offset, len, item);
		return pxd_value_build(buffer, format->attlen, true, 0, item, len);
	}
	segment_copy(access, offset, len, pxd_value_reserve(buffer, len));
	return PointerGetDatum(buffer->data);
}

/* The elements of a vector where they lie, or in buffer if they straddle pages. Contract: StorageEngine.fetch_vector. */
static inline const float4 *
fixed_fetch_vector(SegmentAccess *access, uint32 rows, FixedColumn *column, MemoryContext context, uint32 position,
				   ValueBuffer *buffer, int *dim)
{
	Size		len = column->format.item_size;
	uint64		offset = column->data_offset + (uint64) position * len;
	Size		avail;
	const char *span;
	char	   *copy;

	Assert(pxd_item_element_size(column->format.encoding) > 0);
	*dim = (int) (len / pxd_item_element_size(column->format.encoding));
	if (fixed_is_null(access, rows, column, context, position))
		return NULL;
	span = pxd_access_span(access, offset, len, &avail);
	if (avail == len)
		return (const float4 *) span;
	copy = pxd_value_reserve(buffer, len);
	segment_copy(access, offset, len, copy);
	return (const float4 *) copy;
}

static inline void
fixed_prefetch(SegmentAccess *access, const FixedColumn *column, uint32 position)
{
	pxd_access_prefetch(access, column->data_offset + (uint64) position * column->format.item_size,
						column->format.item_size);
}

#endif
