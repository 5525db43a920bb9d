/*
 * insert.c: adds rows to an axis index.
 *
 * A row goes to the list with the nearest centroid, or to the list of rows without a vector. It is always the list's first page,
 * the head, that takes it: when that is full its content moves to a fresh page linked right behind it. A scan that has read the head
 * goes on behind that page, one that has not finds the rows there, so each sees them once.
 *
 * Locks: the head exclusively, one WAL record, nothing else held meanwhile but the new page. A head that is frozen
 * belongs to a list being replaced: the insert waits for the structure lock, without any page locked, and looks again.
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"

#include "axis_rewrite.h"

bool
pxd_axis_lock_structure(Relation index, bool wait)
{
	if (!wait)
		return ConditionalLockPage(index, AXIS_META_BLOCK, ExclusiveLock);
	LockPage(index, AXIS_META_BLOCK, ExclusiveLock);
	return true;
}

void
pxd_axis_unlock_structure(Relation index)
{
	UnlockPage(index, AXIS_META_BLOCK, ExclusiveLock);
}

/* Where a row is to go. */
typedef struct Target
{
	BlockNumber head;
	uint32		list_id;
} Target;

/*
 * Waits until nobody rewrites lists. If the list is frozen still, whoever froze it has failed: undoes that, unless the list has
 * been replaced, when a page left over may keep its flag.
 */
static void
wait_for_rewrite(Relation index, const Target *target)
{
	AxisDirectory *directory;

	pxd_axis_lock_structure(index, true);
	directory = pxd_axis_directory_open(index);
	for (int i = 0; i < directory->lists; i++)
		if (directory->list_id[i] == target->list_id)
			pxd_axis_thaw(index, target->head, target->list_id, 0);
	pxd_axis_unlock_structure(index);
}

/* Moves the rows of a full head, locked in buffer, to a fresh page behind it, and adds the row to the empty head. */
static void
add_to_full_head(Relation index, const AxisLayout *layout, Buffer buffer, const AxisRow *row)
{
	Buffer		new_buffer = pxd_axis_new_buffer(index);
	GenericXLogState *state = GenericXLogStart(index);
	Page		page = GenericXLogRegisterBuffer(state, buffer, 0);
	Page		new_page = GenericXLogRegisterBuffer(state, new_buffer, GENERIC_XLOG_FULL_IMAGE);
	AxisTail   *tail = AxisPageTail(page);
	AxisTail   *new_tail;

	memcpy(new_page, page, BLCKSZ);
	new_tail = AxisPageTail(new_page);
	new_tail->flags = 0;
	new_tail->list_rows = 0;
	new_tail->unsplit_rows = 0;

	tail->next = BufferGetBlockNumber(new_buffer);
	tail->rows = 0;
	pxd_axis_page_add(layout, page, row);
	pxd_axis_page_widen(layout, tail, row);
	tail->list_rows++;
	GenericXLogFinish(state);
	UnlockReleaseBuffer(new_buffer);
}

/*
 * Adds a row to a list. Returns false, and does nothing, if the list is being replaced (*frozen) or has been. *rows and *unsplit_rows
 * are as on the head then.
 */
static bool
add_row(Relation index, const AxisLayout *layout, const Target *target, const AxisRow *row, bool *frozen,
		uint32 *rows, uint32 *unsplit_rows)
{
	Buffer		buffer = pxd_axis_read(index, target->head, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_CODES, target->list_id);
	AxisTail   *tail = AxisPageTail(BufferGetPage(buffer));

	*frozen = (tail->flags & AXIS_FROZEN) != 0;
	if (tail->kind == AXIS_PAGE_DELETED || *frozen)
	{
		*frozen &= tail->kind != AXIS_PAGE_DELETED;
		UnlockReleaseBuffer(buffer);
		return false;
	}
	Assert(tail->flags & AXIS_HEAD);

	if (tail->rows == layout->rows_per_page)
		add_to_full_head(index, layout, buffer, row);
	else
	{
		GenericXLogState *state = GenericXLogStart(index);
		Page		page = GenericXLogRegisterBuffer(state, buffer, 0);

		pxd_axis_page_add(layout, page, row);
		pxd_axis_page_widen(layout, AxisPageTail(page), row);
		AxisPageTail(page)->list_rows++;
		GenericXLogFinish(state);
	}
	*rows = tail->list_rows;
	*unsplit_rows = tail->unsplit_rows;
	UnlockReleaseBuffer(buffer);
	return true;
}

/* Finds the list for a vector and encodes it for that list. */
static void
encode_for_nearest(AxisDirectory *directory, const AxisOpclass *opclass, const struct varlena *value, AxisRow *row,
				   Target *target)
{
	int			dim = directory->layout.dim;
	float	   *x = palloc(sizeof(float) * dim);
	float	   *centroid = palloc(sizeof(float) * dim);
	float	   *residual = palloc(sizeof(float) * dim);
	float	   *distances = palloc(sizeof(float) * directory->lists);
	int			list;

	pxd_axis_rotated(directory, opclass, value, x);
	list = pxd_axis_nearest_list(directory, x, distances);
	pxd_axis_centroid(directory, list, centroid);
	pxd_axis_encode(&directory->layout, x, centroid, residual, row);
	target->head = directory->head[list];
	target->list_id = directory->list_id[list];
}

/* Whether lists of the index are split at all. */
static bool
splits_lists(Relation index, const AxisLayout *layout)
{
	AxisOptions *options = (AxisOptions *) index->rd_options;

	return layout->dim > 0 && (options == NULL || options->strategy != AXIS_STRATEGY_FLAT);
}

bool
pxd_axis_insert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation table,
				IndexUniqueCheck check_unique, bool index_unchanged, IndexInfo *index_info)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "axis insert", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	struct varlena *value = isnull[0] ? NULL : PG_DETOAST_DATUM(values[0]);
	AxisDirectory *directory;
	Target		target;
	bool		split;

	for (;;)
	{
		const AxisLayout *layout;
		AxisRow    *row;
		bool		frozen;
		uint32		rows;
		uint32		unsplit_rows;

		CHECK_FOR_INTERRUPTS();
		directory = pxd_axis_directory_open(index);
		layout = &directory->layout;
		row = palloc0(layout->row_size);
		row->tid = *tid;
		pxd_axis_row_filters(layout, values, isnull, row);
		if (value != NULL)
			encode_for_nearest(directory, pxd_axis_opclass(index), value, row, &target);
		else
		{
			target.head = directory->nulls_head;
			target.list_id = directory->nulls_id;
		}
		if (add_row(index, layout, &target, row, &frozen, &rows, &unsplit_rows))
		{
			split = value != NULL && pxd_axis_too_large(directory, rows, unsplit_rows) && splits_lists(index, layout);
			break;
		}
		if (frozen)
			wait_for_rewrite(index, &target);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);

	if (split)
		pxd_axis_split(index, table, target.list_id);
	return false;
}
