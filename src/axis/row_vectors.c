/*
 * row_vectors.c: rows of whole lists and their vectors, for encoding them anew.
 *
 * The vectors are read from the table, by the rows' TIDs, if that can be done at once; else a row's code must do. Rows are
 * looked at with a dirty snapshot: what others are still inserting is there, what has been deleted is not, so that no value
 * is followed into a TOAST table that has been vacuumed.
 *
 * Holds no locks between calls, but pins of the table, and is called without any page locked.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "axis_rewrite.h"
#include "kernels.h"
#include "vector.h"
#include "vector_fetch.h"

/* --- rows of a list --- */

void
pxd_axis_walk_begin(ListWalk *walk, Relation index, const AxisLayout *layout, BlockNumber head, uint32 list_id)
{
	walk->index = index;
	walk->layout = layout;
	walk->list_id = list_id;
	walk->next = head;
	walk->i = 0;
	walk->rows = 0;
}

bool
pxd_axis_walk_next(ListWalk *walk, AxisRow *row)
{
	while (walk->i == walk->rows)
	{
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();
		if (walk->next == InvalidBlockNumber)
			return false;
		buffer = pxd_axis_read(walk->index, walk->next, BUFFER_LOCK_SHARE, AXIS_PAGE_CODES, walk->list_id);
		memcpy(walk->page.data, BufferGetPage(buffer), BLCKSZ);
		UnlockReleaseBuffer(buffer);
		walk->next = AxisPageTail(walk->page.data)->next;
		walk->rows = AxisPageTail(walk->page.data)->rows;
		walk->i = 0;
	}
	pxd_axis_page_get(walk->layout, walk->page.data, walk->i++, row);
	return true;
}

/* --- their vectors --- */

struct RowVectors
{
	Relation	index;
	Relation	table;
	const AxisDirectory *directory;
	const AxisOpclass *opclass;
	MemoryContext context;		/* reset for each row */
	SnapshotData dirty;
	Snapshot	snapshot;

	/* columns laid out as type vector is */
	VectorFetch *fetch;
	Vector	   *value;

	/* other types, and expressions */
	IndexFetchTableData *scan;
	TupleTableSlot *slot;
	IndexInfo  *index_info;
	EState	   *estate;
};

/* Prepares for values that VectorFetch does not know. */
static void
begin_general(RowVectors *vectors)
{
	/* Tables of other access methods may wait for rows seen by a dirty snapshot, and our caller must not wait. */
	if (vectors->table->rd_tableam != GetHeapamTableAmRoutine())
	{
		vectors->snapshot = RegisterSnapshot(GetLatestSnapshot());
		/* a copy of our own now: rows of the running command count too */
		vectors->snapshot->curcid = GetCurrentCommandId(false) + 1;
	}
	vectors->index_info = BuildIndexInfo(vectors->index);
	vectors->estate = CreateExecutorState();
	vectors->slot = table_slot_create(vectors->table, NULL);
	GetPerTupleExprContext(vectors->estate)->ecxt_scantuple = vectors->slot;
	vectors->scan = table_index_fetch_begin(vectors->table);
}

RowVectors *
pxd_axis_vectors_begin(Relation index, Relation table, const AxisDirectory *directory, bool vacuum)
{
	RowVectors *vectors = palloc0(sizeof(RowVectors));
	AttrNumber	attnum = index->rd_index->indkey.values[0];

	vectors->index = index;
	vectors->table = table;
	vectors->directory = directory;
	vectors->opclass = pxd_axis_opclass(index);
	vectors->context = AllocSetContextCreate(CurrentMemoryContext, "axis row vectors", ALLOCSET_DEFAULT_SIZES);
	InitDirtySnapshot(vectors->dirty);
	vectors->snapshot = &vectors->dirty;

	if (vectors->opclass->float_distance != NULL && attnum > 0)
	{
		vectors->fetch = pxd_vector_fetch_begin(table, attnum, vectors->snapshot, false);
		vectors->value = palloc0(VECTOR_SIZE(directory->layout.dim_in));
		SET_VARSIZE(vectors->value, VECTOR_SIZE(directory->layout.dim_in));
		vectors->value->dim = directory->layout.dim_in;
	}
	else if (!vacuum)
		begin_general(vectors);
	return vectors;
}

void
pxd_axis_vectors_end(RowVectors *vectors)
{
	if (vectors->fetch != NULL)
		pxd_vector_fetch_end(vectors->fetch);
	if (vectors->scan != NULL)
	{
		table_index_fetch_end(vectors->scan);
		ExecDropSingleTupleTableSlot(vectors->slot);
		FreeExecutorState(vectors->estate);
		if (vectors->snapshot != &vectors->dirty)
			UnregisterSnapshot(vectors->snapshot);
	}
	MemoryContextDelete(vectors->context);
	pfree(vectors);
}

/* The row's value as the index would get it now; NULL if it is not to be had. */
static const struct varlena *
general_value(RowVectors *vectors, const AxisRow *row)
{
	ItemPointerData tid = row->tid;
	bool		call_again = false;
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];

	ResetPerTupleExprContext(vectors->estate);
	if (!table_index_fetch_tuple(vectors->scan, &tid, vectors->snapshot, vectors->slot, &call_again, NULL))
		return NULL;
	FormIndexDatum(vectors->index_info, vectors->slot, vectors->estate, values, isnull);
	return isnull[0] ? NULL : (struct varlena *) PG_DETOAST_DATUM(values[0]);
}

/* The same for columns of type vector. */
static const struct varlena *
fetched_value(RowVectors *vectors, const AxisRow *row)
{
	FetchedVector found;

	if (pxd_vector_fetch(vectors->fetch, &row->tid, &found) != VECTOR_FETCH_FOUND ||
		found.dim != vectors->directory->layout.dim_in)
		return NULL;
	memcpy(vectors->value->x, found.x, sizeof(float4) * found.dim);
	return (const struct varlena *) vectors->value;
}

bool
pxd_axis_vectors_get(RowVectors *vectors, const AxisRow *row, const float *centroid, float *out)
{
	MemoryContext old_context = MemoryContextSwitchTo(vectors->context);
	const struct varlena *value = NULL;
	bool		exact;

	if (vectors->fetch != NULL)
		value = fetched_value(vectors, row);
	else if (vectors->scan != NULL)
		value = general_value(vectors, row);
	exact = value != NULL && vectors->opclass->dim(value) == vectors->directory->layout.dim_in;
	if (exact)
		pxd_axis_rotated(vectors->directory, vectors->opclass, value, out);
	else
		pxd_axis_decode(&vectors->directory->layout, row, centroid, out);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(vectors->context);
	return exact;
}

void
pxd_axis_encode_again(const AxisLayout *layout, const float *x, bool exact, const float *old_centroid,
					  const float *centroid, float *residual, AxisRow *row)
{
	float		err = pxd_axis_bf16(row->err);
	float		norm2 = row->add;

	pxd_axis_encode(layout, x, centroid, residual, row);
	if (exact)
		return;

	/* Where add is the squared length of the residual, that was known better than from x, which is longer than the vector. */
	if (layout->metric != AXIS_IP)
		row->add = Max(norm2 + pxd_kernel_l2_squared(layout->dim, x, centroid) -
					   pxd_kernel_l2_squared(layout->dim, x, old_centroid), 0);
	row->err = pxd_axis_bf16_up(pxd_axis_bf16(row->err) + err);
}
