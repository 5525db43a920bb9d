/*
 * row_batch.c: rows in memory, column by column, on their way into a segment.
 *
 * A row of one wide vector is appended with one memcpy, and the array of vectors is later written as it
 * stands. All arrays grow by doubling. The row count is the commit point of an append: whatever an append
 * wrote before it failed lies beyond the last row and is overwritten by the next one.
 *
 * Owns memory only. No locks, no WAL.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/tupmacs.h"
#include "utils/memutils.h"

#include "engine.h"
#include "row_batch.h"
#include "vector.h"

#define INITIAL_ROWS	64
#define INITIAL_BYTES	8192

/* A full batch may exceed its settings' max_bytes by its last row; do not double the array for that. */
#define LAST_ROW_BYTES	(128 * 1024)

static void
init_column(BatchColumn *column, Form_pg_attribute att)
{
	memcpy(&column->att, att, ATTRIBUTE_FIXED_PART_SIZE);
	if (att->attlen > 0)
		column->item_size = att->attlen;
	else
	{
		column->element_size = pxd_vector_element_size(att->atttypid, att->atttypmod);
		if (column->element_size > 0)
			column->item_size = column->element_size * att->atttypmod;
	}
}

/* Makes room for rows rows in all arrays but the data. */
static void
grow_rows(RowBatch *batch, uint32 rows)
{
	for (int i = 0; i < batch->ncolumns; i++)
	{
		BatchColumn *column = &batch->columns[i];

		column->nulls = repalloc(column->nulls, rows / BITS_PER_BYTE);
		if (column->item_size == 0)
			column->offsets = repalloc(column->offsets, sizeof(uint32) * (rows + 1));
	}
	batch->tids = repalloc(batch->tids, sizeof(ItemPointerData) * rows);
	batch->capacity = rows;
}

/* Whether the batch is to hold attnum although stubs do. */
static bool
is_sort_column(const SegmentSettings *settings, AttrNumber attnum)
{
	for (int i = 0; i < settings->key.ncolumns; i++)
		if (settings->key.columns[i].attnum == attnum)
			return true;
	return false;
}

RowBatch *
pxd_batch_create(MemoryContext parent, TupleDesc tupdesc, const Bitmapset *stub_attrs,
				 const SegmentSettings *settings)
{
	MemoryContext context = AllocSetContextCreate(parent, "proximadb row batch", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	RowBatch   *batch = palloc0(sizeof(RowBatch));

	StaticAssertStmt(INITIAL_ROWS % BITS_PER_BYTE == 0, "null bitmaps have whole bytes");
	StaticAssertStmt(BATCH_MAX_ROWS % INITIAL_ROWS == 0, "capacity never passes the limit of rows");

	batch->context = context;
	batch->tupdesc = CreateTupleDescCopy(tupdesc);
	batch->stub_attrs = bms_copy(stub_attrs);
	batch->settings = *settings;
	batch->columns = palloc0(sizeof(BatchColumn) * Max(tupdesc->natts, 1));
	batch->column_of = palloc(sizeof(int) * Max(tupdesc->natts, 1));
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		batch->column_of[i] = -1;
		if (att->attisdropped ||
			(bms_is_member(i + 1, stub_attrs) && !is_sort_column(settings, i + 1)))
			continue;
		batch->column_of[i] = batch->ncolumns;
		init_column(&batch->columns[batch->ncolumns++], att);
	}

	/* One byte each, so that growing is always a repalloc. */
	for (int i = 0; i < batch->ncolumns; i++)
	{
		batch->columns[i].nulls = palloc(1);
		if (batch->columns[i].item_size == 0)
			batch->columns[i].offsets = palloc0(sizeof(uint32));
	}
	batch->tids = palloc(sizeof(ItemPointerData));
	grow_rows(batch, INITIAL_ROWS);

	MemoryContextSwitchTo(old);
	return batch;
}

/* Returns where len bytes at offset of the column's data go. */
static inline char *
reserve(RowBatch *batch, BatchColumn *column, Size offset, Size len)
{
	Size		need = offset + len;

	if (unlikely(need > column->data_cap))
	{
		Size		cap = Max(Max(need, 2 * column->data_cap), INITIAL_BYTES);

		if (cap > batch->settings.max_bytes + LAST_ROW_BYTES)
			cap = Max(need, batch->settings.max_bytes + LAST_ROW_BYTES);
		if (column->data == NULL)
			column->data = MemoryContextAllocHuge(batch->context, cap);
		else
			column->data = repalloc_huge(column->data, cap);
		column->data_cap = cap;
	}
	return column->data + offset;
}

/* A vector or a halfvec: their headers are alike. */
static void
put_vector(const BatchColumn *column, char *dst, Datum value)
{
	struct varlena *flat = pg_detoast_datum_packed((struct varlena *) DatumGetPointer(value));
	const char *payload = VARDATA_ANY(flat);
	Size		prefix = offsetof(Vector, x) - VARHDRSZ;
	int16		head[2];

	StaticAssertStmt(offsetof(Vector, unused) == offsetof(Vector, dim) + sizeof(int16) &&
					 offsetof(Vector, x) == offsetof(Vector, dim) + sizeof(head), "head is dim and unused");

	/* A packed header leaves the payload unaligned. */
	if (VARSIZE_ANY_EXHDR(flat) != prefix + column->item_size)
		elog(ERROR, "vector of column \"%s\" has %zu bytes where typmod says %zu",
			 NameStr(column->att.attname), (Size) VARSIZE_ANY_EXHDR(flat), prefix + column->item_size);
	memcpy(head, payload, sizeof(head));
	if (head[0] != column->att.atttypmod || head[1] != 0)
		elog(ERROR, "vector of column \"%s\" has %d dimensions where typmod says %d",
			 NameStr(column->att.attname), head[0], column->att.atttypmod);
	memcpy(dst, payload + prefix, column->item_size);
	if ((Pointer) flat != DatumGetPointer(value))
		pfree(flat);
}

static void
put_sized(RowBatch *batch, BatchColumn *column, Datum value, bool isnull)
{
	char	   *dst = reserve(batch, column, (Size) batch->nrows * column->item_size, column->item_size);

	if (isnull)
		memset(dst, 0, column->item_size);
	else if (column->element_size > 0)
		put_vector(column, dst, value);
	else if (column->att.attbyval)
		store_att_byval(dst, value, column->att.attlen);
	else
		memcpy(dst, DatumGetPointer(value), column->item_size);
}

static void
put_variable(RowBatch *batch, BatchColumn *column, Datum value, bool isnull)
{
	Size		offset = column->offsets[batch->nrows];
	struct varlena *flat = NULL;
	const char *bytes = NULL;
	Size		len = 0;

	if (isnull)
		 /* an empty item */ ;
	else if (column->att.attlen == -1)
	{
		flat = pg_detoast_datum_packed((struct varlena *) DatumGetPointer(value));
		bytes = VARDATA_ANY(flat);
		len = VARSIZE_ANY_EXHDR(flat);
	}
	else
	{
		bytes = DatumGetCString(value);
		len = strlen(bytes);
	}

	/* Cannot happen while the caller closes full batches: one value is less than 1 GB. */
	if (offset + len > PG_UINT32_MAX)
		elog(ERROR, "column \"%s\" of a row batch would exceed 4 GB", NameStr(column->att.attname));
	if (len > 0)
		memcpy(reserve(batch, column, offset, len), bytes, len);
	column->offsets[batch->nrows + 1] = (uint32) (offset + len);
	if (flat != NULL && (Pointer) flat != DatumGetPointer(value))
		pfree(flat);
}

uint32
pxd_batch_append(RowBatch *batch, const Datum *values, const bool *isnull)
{
	uint32		row = batch->nrows;
	uint8		bit = (uint8) (1 << (row % BITS_PER_BYTE));

	if (unlikely(row >= batch->capacity))
	{
		if (row >= BATCH_MAX_ROWS)
			elog(ERROR, "row batch cannot take more than %d rows", BATCH_MAX_ROWS);
		grow_rows(batch, Min(2 * batch->capacity, BATCH_MAX_ROWS));
	}

	/* All that can fail, beyond the last row. */
	for (int i = 0; i < batch->ncolumns; i++)
	{
		BatchColumn *column = &batch->columns[i];
		int			attr = column->att.attnum - 1;

		if (column->item_size > 0)
			put_sized(batch, column, values[attr], isnull[attr]);
		else
			put_variable(batch, column, values[attr], isnull[attr]);
	}

	/* Nothing from here on can. */
	for (int i = 0; i < batch->ncolumns; i++)
	{
		BatchColumn *column = &batch->columns[i];
		Size		data_len;

		if (column->item_size > 0)
			data_len = ((Size) row + 1) * column->item_size;
		else
			data_len = column->offsets[row + 1];

		/* A byte's first row clears what the memory held. */
		if (bit == 1)
			column->nulls[row / BITS_PER_BYTE] = 0;
		if (isnull[column->att.attnum - 1])
		{
			column->nulls[row / BITS_PER_BYTE] |= bit;
			column->null_count++;
		}
		batch->bytes += data_len - column->data_len;
		column->data_len = data_len;
	}
	ItemPointerSetInvalid(&batch->tids[row]);
	batch->bytes += sizeof(ItemPointerData);
	batch->nrows++;
	return row;
}

void
pxd_batch_reset(RowBatch *batch)
{
	for (int i = 0; i < batch->ncolumns; i++)
	{
		batch->columns[i].null_count = 0;
		batch->columns[i].data_len = 0;
	}
	batch->nrows = 0;
	batch->bytes = 0;
}

bool
pxd_batch_full(const RowBatch *batch)
{
	return batch->nrows >= SEGMENT_MAX_ROWS || batch->bytes >= batch->settings.max_bytes;
}

Datum
pxd_batch_fetch(const RowBatch *batch, uint32 position, AttrNumber attnum,
				struct ValueBuffer *buffer, bool *isnull)
{
	const BatchColumn *column;
	const char *bytes;
	Size		len;

	if (position >= batch->nrows)
		elog(ERROR, "position %u is not among the %u rows of the batch", position, batch->nrows);
	if (attnum < 1 || attnum > batch->tupdesc->natts || batch->column_of[attnum - 1] < 0)
		elog(ERROR, "attribute %d is not in the batch", attnum);
	column = &batch->columns[batch->column_of[attnum - 1]];

	bytes = batch_item(column, position, &len);
	*isnull = bytes == NULL;
	if (*isnull)
		return (Datum) 0;
	return pxd_value_build(buffer, column->att.attlen, column->att.attbyval, column->element_size, bytes, len);
}

const float4 *
pxd_batch_fetch_vector(const RowBatch *batch, uint32 position, AttrNumber attnum, struct ValueBuffer *buffer, int *dim)
{
	const BatchColumn *column;
	Vector	   *vector;
	bool		isnull;

	Assert(attnum >= 1 && attnum <= batch->tupdesc->natts && batch->column_of[attnum - 1] >= 0);
	column = &batch->columns[batch->column_of[attnum - 1]];
	if (column->element_size > 0 && position < batch->nrows)
	{
		*dim = (int) (column->item_size / column->element_size);
		if ((column->nulls[position / BITS_PER_BYTE] >> (position % BITS_PER_BYTE)) & 1)
			return NULL;
		return (const float4 *) (column->data + (Size) position * column->item_size);
	}

	vector = (Vector *) DatumGetPointer(pxd_batch_fetch(batch, position, attnum, buffer, &isnull));
	*dim = isnull ? 0 : vector->dim;
	return isnull ? NULL : vector->x;
}
