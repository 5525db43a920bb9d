/*
 * row_batch.h: rows on their way into a segment, held in memory column by column.
 *
 * A batch holds the sealed columns, those that are neither dropped nor held in the stubs, and the columns of the sort key.
 * Values are flat: detoasted, decompressed, without varlena headers. Positions are 0-based and
 * dense; a position whose TID is invalid is dead (its stub was never inserted).
 */
#ifndef PXD_ROW_BATCH_H
#define PXD_ROW_BATCH_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "nodes/bitmapset.h"
#include "storage/itemptr.h"

/* A segment is closed, at the writer's next opportunity, when it has so many rows or SegmentSettings.max_bytes. */
#define SEGMENT_MAX_ROWS	65536

/* Positions a locator can name; a batch takes no more rows than that. */
#define BATCH_MAX_ROWS		(1 << 24)

/* A column of a table's sort key: ascending by the default btree operator class of its type, NULLs last. */
typedef struct SortColumn
{
	AttrNumber	attnum;
	Oid			opfamily;		/* btree */
	Oid			operator;		/* "less than" of its type */
	Oid			collation;
	Oid			hash_function;	/* extended hash support function, or InvalidOid */
} SortColumn;

typedef struct SortKey
{
	int			ncolumns;		/* 0: none, rows stay as they come */
	SortColumn	columns[INDEX_MAX_KEYS];
} SortKey;

/* How segments of a table are written. */
typedef struct SegmentSettings
{
	SortKey		key;			/* empty unless the engine sorts */
	int			compression_level;	/* zstd's; the engine's own where none is set */
	uint32		block_bytes;	/* of records, before compression */
	double		bloom_fpr;		/* false positives of filters on the key, as a fraction; 0: no filters */
	Size		max_bytes;		/* payload at which a segment is closed */
	int			merge_runs;		/* overlapping runs at level 0 that are merged */
	int			levels;			/* below level 0 */
} SegmentSettings;

typedef struct BatchColumn
{
	FormData_pg_attribute att;	/* the table's attribute when the batch was made (fixed part) */

	/*
	 * > 0: every item takes item_size bytes at data + position * item_size (zeros for NULL): attlen
	 * for fixed-width types, all elements for vector(n) and halfvec(n). 0: item i is data[offsets[i] .. offsets[i + 1]).
	 */
	uint32		item_size;
	uint8		element_size;	/* > 0: vector(n) or halfvec(n), item is its elements of so many bytes, no header */
	uint32		null_count;
	uint8	   *nulls;			/* bit (position % 8) of byte position / 8 is 1 for NULL */
	char	   *data;
	Size		data_len;
	Size		data_cap;
	uint32	   *offsets;		/* capacity + 1 entries, only if item_size == 0 */
} BatchColumn;

typedef struct RowBatch
{
	MemoryContext context;		/* owns everything below; delete it to free the batch */
	TupleDesc	tupdesc;		/* private copy of the table's descriptor */
	Bitmapset  *stub_attrs;		/* attribute numbers (1-based) that stubs hold */
	SegmentSettings settings;
	int			ncolumns;
	BatchColumn *columns;
	int		   *column_of;		/* [natts] index into columns, or -1 */
	uint32		nrows;
	uint32		capacity;		/* rows for which arrays have room */
	Size		bytes;			/* payload bytes so far, an estimate of the segment's size */
	ItemPointerData *tids;		/* back-pointers */
} RowBatch;

/*
 * pxd_batch_create makes an empty batch in a new child context of parent. settings are copied. Looks types up: call it in a transaction.
 */
extern RowBatch *pxd_batch_create(MemoryContext parent, TupleDesc tupdesc, const Bitmapset *stub_attrs,
								  const SegmentSettings *settings);

/*
 * pxd_batch_append adds one row (values/isnull of all natts attributes; external, compressed and expanded
 * values are flattened) and returns its position, with an invalid TID. On error the batch is as before.
 * Scratch memory comes from the current context. A batch may be appended to when it is full already, up to
 * BATCH_MAX_ROWS.
 */
extern uint32 pxd_batch_append(RowBatch *batch, const Datum *values, const bool *isnull);

/* pxd_batch_reset empties the batch and keeps its memory for the next segment's rows. */
extern void pxd_batch_reset(RowBatch *batch);

/* pxd_batch_full tells whether the batch has reached the limits of a segment. */
extern bool pxd_batch_full(const RowBatch *batch);

/*
 * The flat bytes of an item, in the batch's memory; NULL for NULL.
 */
static inline const char *
batch_item(const BatchColumn *column, uint32 position, Size *len)
{
	*len = 0;
	if ((column->nulls[position / BITS_PER_BYTE] >> (position % BITS_PER_BYTE)) & 1)
		return NULL;
	if (column->item_size > 0)
	{
		*len = column->item_size;
		return column->data + (Size) position * column->item_size;
	}
	*len = column->offsets[position + 1] - column->offsets[position];
	return *len > 0 ? column->data + column->offsets[position] : "";
}

/*
 * pxd_batch_fetch reads one value back; *isnull tells NULL. By-reference values are built (with a varlena header where the type has one) in
 * buffer. attnum must be a column of the batch.
 */
struct ValueBuffer;
extern Datum pxd_batch_fetch(const RowBatch *batch, uint32 position, AttrNumber attnum,
							 struct ValueBuffer *buffer, bool *isnull);

/*
 * The elements of a vector column's value, or NULL for a null; *dim is set to their number. In the batch until it is appended to, or in buffer.
 */
extern const float4 *pxd_batch_fetch_vector(const RowBatch *batch, uint32 position, AttrNumber attnum,
											struct ValueBuffer *buffer, int *dim);

#endif
