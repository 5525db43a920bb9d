/*
 * merge.c: merges lists that have lost most of their rows with the list nearest to them.
 *
 * Both are replaced by one list, around the mean of their centroids (axis_rewrite.h). An empty list only leaves the
 * directory. Runs in VACUUM, under the structure lock, which is taken for each pair anew: inserts that meet a frozen list wait
 * for it.
 */
#include "postgres.h"

#include <math.h>

#include "commands/vacuum.h"
#include "utils/memutils.h"

#include "axis_rewrite.h"

/* A list is small when it has fewer rows than this part of what it should have. */
#define SMALL_PART 4

/* How many of the nearest lists are asked whether they have room for a small one. */
#define NEIGHBOURS 3

static uint32
rows_on_head(Relation index, const AxisDirectory *directory, int list)
{
	Buffer		buffer = pxd_axis_read(index, directory->head[list], BUFFER_LOCK_SHARE, AXIS_PAGE_CODES,
									   directory->list_id[list]);
	uint32		rows = AxisPageTail(BufferGetPage(buffer))->list_rows;

	UnlockReleaseBuffer(buffer);
	return rows;
}

static bool
is_small(const AxisDirectory *directory, uint32 rows)
{
	return rows < (uint32) pxd_axis_target_rows(&directory->layout, directory->lists) / SMALL_PART;
}

/* Ids of the lists that are small. */
static List *
find_small(Relation index, const AxisDirectory *directory)
{
	List	   *small = NIL;

	for (int i = 0; directory->lists > 1 && i < directory->lists; i++)
	{
		vacuum_delay_point();
		if (is_small(directory, rows_on_head(index, directory, i)))
			small = lappend_oid(small, directory->list_id[i]);
	}
	return small;
}

/* The nearest list that has room for the rows of `list`; -1 if none of the NEIGHBOURS nearest has. */
static int
find_partner(Relation index, const AxisDirectory *directory, int list, uint32 rows)
{
	uint32		target = pxd_axis_target_rows(&directory->layout, directory->lists);
	float	   *centroid = palloc(sizeof(float) * directory->layout.dim);
	float	   *distances = palloc(sizeof(float) * directory->lists);

	pxd_axis_centroid(directory, list, centroid);
	pxd_axis_centroid_distances(directory, centroid, AXIS_L2, distances);
	distances[list] = INFINITY;
	for (int i = 0; i < NEIGHBOURS; i++)
	{
		int			nearest = 0;

		for (int other = 1; other < directory->lists; other++)
			if (distances[other] < distances[nearest])
				nearest = other;
		if (nearest == list || isinf(distances[nearest]))
			break;
		if (rows + rows_on_head(index, directory, nearest) <= target + target / 2)
			return nearest;
		distances[nearest] = INFINITY;
	}
	return -1;
}

/* Writes the rows of a list, encoded for another centroid, to chain. */
static void
copy_rows(Relation index, const AxisDirectory *directory, int list, RowVectors *vectors, const float *centroid,
		  ChainWriter *chain)
{
	const AxisLayout *layout = &directory->layout;
	Size		size = sizeof(float) * layout->dim;
	float	   *old_centroid = palloc(size);
	float	   *x = palloc(size);
	float	   *residual = palloc(size);
	AxisRow    *row = palloc(layout->row_size);
	ListWalk   *walk = palloc(sizeof(ListWalk));

	pxd_axis_centroid(directory, list, old_centroid);
	pxd_axis_walk_begin(walk, index, layout, directory->head[list], directory->list_id[list]);
	while (pxd_axis_walk_next(walk, row))
	{
		bool		exact = pxd_axis_vectors_get(vectors, row, old_centroid, x);

		pxd_axis_encode_again(layout, x, exact, old_centroid, centroid, residual, row);
		pxd_axis_chain_row(chain, row);
	}
}

/* Replaces two frozen lists by one. Returns its id. */
static uint32
merge_lists(Relation index, Relation table, const AxisDirectory *directory, const int lists[2], const uint32 rows[2])
{
	const AxisLayout *layout = &directory->layout;
	float	   *centroid = palloc0(sizeof(float) * layout->dim);
	float	   *part = palloc(sizeof(float) * layout->dim);
	RowVectors *vectors = pxd_axis_vectors_begin(index, table, directory, true);
	AxisEntry  *merged;
	AxisEntry  *none = palloc0(layout->entry_size);
	EntryChange changes[2];
	ChainWriter *chain;

	for (int i = 0; i < 2; i++)
	{
		float		weight = (float) rows[i] / ((float) rows[0] + (float) rows[1]);

		pxd_axis_centroid(directory, lists[i], part);
		for (int d = 0; d < layout->dim; d++)
			centroid[d] += weight * part[d];
	}
	merged = pxd_axis_entry_make(layout, AXIS_ENTRY_LIST, centroid);
	merged->list_id = directory->meta.next_list_id;
	pxd_axis_entry_centroid(layout, merged, centroid);

	chain = pxd_axis_chain_begin(index, layout, merged->list_id);
	for (int i = 0; i < 2; i++)
		copy_rows(index, directory, lists[i], vectors, centroid, chain);
	pxd_axis_vectors_end(vectors);
	pxd_axis_chain_end(chain, 0, merged);

	none->kind = AXIS_ENTRY_FREE;
	none->head = InvalidBlockNumber;
	changes[0].number = directory->number[lists[0]];
	changes[0].entry = none;
	changes[1].number = directory->number[lists[1]];
	changes[1].entry = merged;
	pxd_axis_change_directory(index, directory, changes, 2, 1);
	for (int i = 0; i < 2; i++)
		pxd_axis_delete_chain(index, directory->head[lists[i]], directory->list_id[lists[i]]);
	return merged->list_id;
}

/* Takes an empty, frozen list out of the directory. */
static void
drop_list(Relation index, const AxisDirectory *directory, int list)
{
	AxisEntry  *none = palloc0(directory->layout.entry_size);
	EntryChange change = {.number = directory->number[list],.entry = none};

	none->kind = AXIS_ENTRY_FREE;
	none->head = InvalidBlockNumber;
	pxd_axis_change_directory(index, directory, &change, 1, 0);
	pxd_axis_delete_chain(index, directory->head[list], directory->list_id[list]);
}

/*
 * Merges a list if it is small still. Returns the id of the list it has become part of, 0 if none. Caller holds the structure
 * lock, and resets the current context.
 */
static uint32
merge_list(Relation index, Relation table, uint32 list_id)
{
	const AxisDirectory *directory = pxd_axis_directory_open(index);
	int			lists[2] = {0, -1};
	uint32		rows[2];

	while (lists[0] < directory->lists && directory->list_id[lists[0]] != list_id)
		lists[0]++;
	if (lists[0] == directory->lists || directory->lists < 2)
		return 0;
	rows[0] = rows_on_head(index, directory, lists[0]);
	if (!is_small(directory, rows[0]))
		return 0;
	if (rows[0] > 0)
	{
		lists[1] = find_partner(index, directory, lists[0], rows[0]);
		if (lists[1] < 0)
			return 0;
	}

	rows[0] = pxd_axis_freeze(index, directory->head[lists[0]], list_id);
	if (rows[0] == 0)
	{
		drop_list(index, directory, lists[0]);
		return 0;
	}
	if (lists[1] < 0)
	{
		/* rows have come in the meantime */
		pxd_axis_thaw(index, directory->head[lists[0]], list_id, 0);
		return 0;
	}
	rows[1] = pxd_axis_freeze(index, directory->head[lists[1]], directory->list_id[lists[1]]);
	return merge_lists(index, table, directory, lists, rows);
}

void
pxd_axis_merge_small(Relation index, Relation table)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "axis merge", ALLOCSET_DEFAULT_SIZES);
	List	   *small = find_small(index, pxd_axis_directory_open(index));

	while (small != NIL)
	{
		uint32		list_id = linitial_oid(small);
		MemoryContext old_context;

		vacuum_delay_point();
		small = list_delete_first(small);
		old_context = MemoryContextSwitchTo(context);
		pxd_axis_lock_structure(index, true);
		list_id = merge_list(index, table, list_id);
		pxd_axis_unlock_structure(index);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(context);
		/* it may be small still */
		if (list_id != 0)
			small = lappend_oid(small, list_id);
	}
	MemoryContextDelete(context);
}
