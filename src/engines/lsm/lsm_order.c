/*
 * lsm_order.c: the order of a batch's rows by the sort key.
 *
 * Rows that flush and compaction bring are in order already, which one pass of comparisons finds out; bulk loads are sorted here.
 *
 * Memory only. Comparison functions are those of the types' default btree operator classes.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/sortsupport.h"

#include "lsm.h"

typedef struct KeyColumn
{
	SortSupportData sort;
	Datum	   *values;			/* by position */
	bool	   *isnull;
} KeyColumn;

typedef struct Keys
{
	int			ncolumns;
	KeyColumn	columns[INDEX_MAX_KEYS];
} Keys;

Datum
pxd_lsm_key_datum(const BatchColumn *column, uint32 position, bool *isnull)
{
	ValueBuffer buffer = {.context = CurrentMemoryContext};
	Size		len;
	const char *bytes = batch_item(column, position, &len);
	char	   *copy;

	*isnull = bytes == NULL;
	if (*isnull)
		return (Datum) 0;
	if (column->att.attbyval || column->element_size > 0)
		return pxd_value_build(&buffer, column->att.attlen, column->att.attbyval, column->element_size, bytes, len);

	/* A value buffer of its own for each value would waste most of it. */
	copy = palloc(VARHDRSZ + len);
	if (column->att.attlen == -1)
	{
		SET_VARSIZE(copy, VARHDRSZ + len);
		memcpy(VARDATA(copy), bytes, len);
	}
	else
	{
		memcpy(copy, bytes, len);
		if (column->att.attlen == -2)
			copy[len] = '\0';
	}
	return PointerGetDatum(copy);
}

static void
load_keys(const RowBatch *batch, Keys *keys)
{
	keys->ncolumns = batch->settings.key.ncolumns;
	for (int i = 0; i < keys->ncolumns; i++)
	{
		const SortColumn *source = &batch->settings.key.columns[i];
		const BatchColumn *data = &batch->columns[batch->column_of[source->attnum - 1]];
		KeyColumn  *column = &keys->columns[i];

		memset(&column->sort, 0, sizeof(column->sort));
		column->sort.ssup_cxt = CurrentMemoryContext;
		column->sort.ssup_collation = source->collation;
		column->sort.ssup_nulls_first = false;
		column->sort.ssup_attno = source->attnum;
		PrepareSortSupportFromOrderingOp(source->operator, &column->sort);

		column->values = palloc(sizeof(Datum) * batch->nrows);
		column->isnull = palloc(sizeof(bool) * batch->nrows);
		for (uint32 row = 0; row < batch->nrows; row++)
			column->values[row] = pxd_lsm_key_datum(data, row, &column->isnull[row]);
	}
}

static int
compare_rows(const void *a, const void *b, void *arg)
{
	uint32		left = *(const uint32 *) a;
	uint32		right = *(const uint32 *) b;
	Keys	   *keys = arg;

	for (int i = 0; i < keys->ncolumns; i++)
	{
		KeyColumn  *column = &keys->columns[i];
		int			order = ApplySortComparator(column->values[left], column->isnull[left],
												column->values[right], column->isnull[right], &column->sort);

		if (order != 0)
			return order;
	}
	return left < right ? -1 : left > right;
}

uint32 *
pxd_lsm_order(const RowBatch *batch)
{
	MemoryContext context;
	MemoryContext oldcontext;
	Keys		keys;
	uint32	   *order;
	bool		in_order = true;

	if (batch->settings.key.ncolumns == 0)
		return NULL;

	order = palloc(sizeof(uint32) * batch->nrows);
	context = AllocSetContextCreate(CurrentMemoryContext, "proximadb run order", ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(context);
	load_keys(batch, &keys);
	for (uint32 row = 0; row < batch->nrows; row++)
	{
		order[row] = row;
		in_order = in_order && (row == 0 || compare_rows(&order[row - 1], &order[row], &keys) < 0);
	}
	if (!in_order)
		qsort_arg(order, batch->nrows, sizeof(uint32), compare_rows, &keys);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);

	CHECK_FOR_INTERRUPTS();
	if (!in_order)
		return order;
	pfree(order);
	return NULL;
}
