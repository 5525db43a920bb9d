/*
 * split.c: splits a list that has grown too large in two, and those again until they are small enough.
 *
 * The list's vectors are read from the table and divided by 2-means; both halves are written as new lists, and replace the old
 * one in the directory (axis_rewrite.h). The split of an index's only list also moves the origin to the mean
 * of its rows, as building does. A list whose rows are all equal stays as it is.
 *
 * Runs in the backend whose insert made the list too large, under the structure lock, which is not waited for.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "axis_rewrite.h"
#include "kernels.h"

/* Vectors of a list up to this size are kept in memory; of a larger list some are taken to find the centroids. */
#define SPLIT_MEMORY	(32 * 1024 * 1024)

#define SPLIT_ROUNDS	8

/* Neither half is smaller than this part of the list, as far as its rows differ. */
#define SMALLEST_PART	8

/* A half below this part has got nearly nothing: the rest is not tried again before it has grown. */
#define USELESS_PART	32

typedef struct Split
{
	Relation	index;
	Relation	table;
	AxisDirectory *directory;
	const AxisLayout *layout;
	uint32		list_id;
	BlockNumber head;
	uint32		number;			/* of its entry */
	uint32		rows;			/* as counted on its head */
	float	   *old_centroid;
	float	   *shift;			/* of the origin, NULL if it does not move */
	float	   *moved_centroid;	/* old_centroid as seen from the new origin */
	AxisEntry  *origin;			/* the moved one */
	RowVectors *vectors;

	/* vectors in memory: all rows in order, or every step-th */
	bool		all;
	uint32		step;
	int			capacity;
	int			count;
	float	   *x;
	bool	   *exact;
	float	   *lean;			/* squared distance to the first centroid minus that to the second */
	bool	   *second;			/* belongs to the second half */

	float	   *centroid[2];
	AxisEntry  *entry[2];
	ChainWriter *chain[2];
	float	   *residual;		/* scratch */
	AxisRow    *row;			/* scratch */
} Split;

static inline float *
split_vector(const Split *split, int i)
{
	return split->x + (Size) split->layout->dim * i;
}

/* Reads the list's vectors into memory, as many as there is room for. */
static void
read_vectors(Split *split)
{
	Size		size = sizeof(float) * split->layout->dim;
	ListWalk   *walk = palloc(sizeof(ListWalk));
	uint32		seen = 0;

	/* a few more than the head says, should that be wrong */
	split->capacity = (int) Min(SPLIT_MEMORY / size, (Size) split->rows + split->layout->rows_per_page);
	split->step = 1 + split->rows / split->capacity;
	split->x = palloc_extended(mul_size(size, split->capacity), MCXT_ALLOC_HUGE);
	split->exact = palloc(sizeof(bool) * split->capacity);
	split->lean = palloc(sizeof(float) * split->capacity);
	split->second = palloc(sizeof(bool) * split->capacity);

	pxd_axis_walk_begin(walk, split->index, split->layout, split->head, split->list_id);
	for (; pxd_axis_walk_next(walk, split->row); seen++)
	{
		if (seen % split->step != 0 || split->count == split->capacity)
			continue;
		split->exact[split->count] = pxd_axis_vectors_get(split->vectors, split->row, split->old_centroid,
														  split_vector(split, split->count));
		split->count++;
	}
	split->all = split->count == seen;
	pfree(walk);
}

/* Mean of the vectors of one half, or of all. Returns false if there is none, or it cannot be held in floats. */
static bool
mean_of(const Split *split, bool half, bool second, float *out)
{
	int			dim = split->layout->dim;
	double	   *sum = palloc0(sizeof(double) * dim);
	int			n = 0;
	bool		finite = true;

	for (int i = 0; i < split->count; i++)
	{
		const float *x = split_vector(split, i);

		if (half && split->second[i] != second)
			continue;
		n++;
		for (int d = 0; d < dim; d++)
			sum[d] += x[d];
	}
	for (int d = 0; d < dim; d++)
	{
		out[d] = (float) (sum[d] / Max(n, 1));
		finite &= fabsf(out[d]) < FLT_MAX / 4;
	}
	pfree(sum);
	return n > 0 && finite;
}

/* Number of the vector farthest from a point; its squared distance in *distance. */
static int
farthest_from(const Split *split, const float *point, float *distance)
{
	int			farthest = 0;

	*distance = -1;
	for (int i = 0; i < split->count; i++)
	{
		float		d = pxd_kernel_l2_squared(split->layout->dim, split_vector(split, i), point);

		if (d > *distance)
		{
			*distance = d;
			farthest = i;
		}
	}
	return farthest;
}

/* Divides the vectors by how they lean. Returns how many belong to the second half. */
static int
divide(Split *split, float threshold)
{
	int			n = 0;

	for (int i = 0; i < split->count; i++)
	{
		split->second[i] = split->lean[i] > threshold;
		n += split->second[i];
	}
	return n;
}

static int
compare_floats(const void *a, const void *b)
{
	float		x = *(const float *) a;
	float		y = *(const float *) b;

	return x < y ? -1 : x > y;
}

/* Moves the border between the halves if one of them is too small. Returns the size of the second. */
static int
balance(Split *split, int second)
{
	int			least = split->count / SMALLEST_PART;
	float	   *sorted;
	int			balanced;

	if (Min(second, split->count - second) >= least)
		return second;
	sorted = palloc(sizeof(float) * split->count);
	memcpy(sorted, split->lean, sizeof(float) * split->count);
	qsort(sorted, split->count, sizeof(float), compare_floats);
	balanced = divide(split, second < least ? sorted[split->count - least - 1] : sorted[least - 1]);
	pfree(sorted);
	/* rows that are equal cannot be divided: then the border stays where it was */
	if (balanced == 0 || balanced == split->count)
		return divide(split, 0);
	return balanced;
}

/*
 * Divides the vectors in two by 2-means, beginning with the vector farthest from the mean and the one farthest from that. Fills
 * centroid and second. Returns the size of the smaller half, 0 if the vectors cannot be told apart.
 */
static int
find_halves(Split *split)
{
	int			dim = split->layout->dim;
	float		distance;
	int			second = 0;

	if (split->count < 2 || !mean_of(split, false, false, split->centroid[0]))
		return 0;
	for (int half = 0; half < 2; half++)
	{
		int			i = farthest_from(split, split->centroid[0], &distance);

		if (!(distance > 0 && isfinite(distance)))
			return 0;
		memcpy(split->centroid[half], split_vector(split, i), sizeof(float) * dim);
	}

	for (int round = 0; round < SPLIT_ROUNDS; round++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < split->count; i++)
			split->lean[i] = pxd_kernel_l2_squared(dim, split_vector(split, i), split->centroid[0]) -
				pxd_kernel_l2_squared(dim, split_vector(split, i), split->centroid[1]);
		second = divide(split, 0);
		if (round == SPLIT_ROUNDS - 1)
			second = balance(split, second);
		if (!mean_of(split, true, false, split->centroid[0]) || !mean_of(split, true, true, split->centroid[1]))
			return 0;
	}
	return Min(second, split->count - second);
}

/* Takes the vectors relative to their mean from now on, as the new origin of the index. */
static void
move_origin(Split *split)
{
	const AxisDirectory *directory = split->directory;
	int			dim = split->layout->dim;
	float	   *shift = palloc(sizeof(float) * dim);

	if (!mean_of(split, false, false, shift))
		return;
	for (int d = 0; d < dim; d++)
		shift[d] += directory->origin[d];
	split->origin = pxd_axis_entry_make(split->layout, AXIS_ENTRY_ORIGIN, shift);
	/* what it has become on its page */
	pxd_axis_entry_centroid(split->layout, split->origin, shift);
	for (int d = 0; d < dim; d++)
	{
		shift[d] -= directory->origin[d];
		split->moved_centroid[d] -= shift[d];
	}
	for (int i = 0; i < split->count; i++)
		for (int d = 0; d < dim; d++)
			split_vector(split, i)[d] -= shift[d];
	split->shift = shift;
}

/* The vector of row number i of the list, and the half it belongs to. scratch: room for a vector. */
static const float *
place_row(Split *split, int i, float *scratch, bool *exact, int *half)
{
	int			dim = split->layout->dim;

	if (split->all)
	{
		*exact = split->exact[i];
		*half = split->second[i];
		return split_vector(split, i);
	}
	*exact = pxd_axis_vectors_get(split->vectors, split->row, split->old_centroid, scratch);
	if (split->shift != NULL)
		for (int d = 0; d < dim; d++)
			scratch[d] -= split->shift[d];
	*half = pxd_kernel_l2_squared(dim, scratch, split->centroid[1]) <
		pxd_kernel_l2_squared(dim, scratch, split->centroid[0]);
	return scratch;
}

/* Writes the rows of the list to the chains of the new ones. */
static void
write_halves(Split *split)
{
	Size		size = sizeof(float) * split->layout->dim;
	ListWalk   *walk = palloc(sizeof(ListWalk));
	float	   *scratch = palloc(size);

	for (int half = 0; half < 2; half++)
	{
		split->entry[half] = pxd_axis_entry_make(split->layout, AXIS_ENTRY_LIST, split->centroid[half]);
		split->entry[half]->list_id = split->directory->meta.next_list_id + half;
		pxd_axis_entry_centroid(split->layout, split->entry[half], split->centroid[half]);
		split->chain[half] = pxd_axis_chain_begin(split->index, split->layout, split->entry[half]->list_id);
	}
	pxd_axis_walk_begin(walk, split->index, split->layout, split->head, split->list_id);
	for (int i = 0; pxd_axis_walk_next(walk, split->row); i++)
	{
		bool		exact;
		int			half;
		const float *x = place_row(split, i, scratch, &exact, &half);

		pxd_axis_encode_again(split->layout, x, exact, split->moved_centroid, split->centroid[half], split->residual,
							  split->row);
		pxd_axis_chain_row(split->chain[half], split->row);
	}
	pfree(walk);
	pfree(scratch);
}

/* Ends the chains and puts the new lists in the place of the old one. Returns whether it is worth looking at them again. */
static bool
replace_list(Split *split)
{
	EntryChange changes[MAX_ENTRY_CHANGES];
	uint32		rows[2] = {pxd_axis_chain_rows(split->chain[0]), pxd_axis_chain_rows(split->chain[1])};
	bool		useless = Min(rows[0], rows[1]) < (rows[0] + rows[1]) / USELESS_PART;
	int			count = 2;

	for (int half = 0; half < 2; half++)
	{
		pxd_axis_chain_end(split->chain[half], useless ? rows[half] : 0, split->entry[half]);
		changes[half].entry = split->entry[half];
	}
	changes[0].number = split->number;
	changes[1].number = pxd_axis_free_entry(split->index, split->directory);
	if (split->origin != NULL)
	{
		changes[count].number = AXIS_ORIGIN_NUMBER;
		changes[count++].entry = split->origin;
	}
	pxd_axis_change_directory(split->index, split->directory, changes, count, 2);
	pxd_axis_delete_chain(split->index, split->head, split->list_id);
	return !useless;
}

/* Number of list list_id in the directory, -1 if it is no more. */
static int
find_list(const AxisDirectory *directory, uint32 list_id)
{
	for (int i = 0; i < directory->lists; i++)
		if (directory->list_id[i] == list_id)
			return i;
	return -1;
}

static bool
is_too_large(Relation index, const AxisDirectory *directory, int list)
{
	Buffer		buffer = pxd_axis_read(index, directory->head[list], BUFFER_LOCK_SHARE, AXIS_PAGE_CODES,
									   directory->list_id[list]);
	AxisTail   *tail = AxisPageTail(BufferGetPage(buffer));
	bool		result = pxd_axis_too_large(directory, tail->list_rows, tail->unsplit_rows);

	UnlockReleaseBuffer(buffer);
	return result;
}

/*
 * Splits a list that is too large. Returns whether the new ones, whose ids go to ids, may have to be split too. Allocates in the
 * current context, which the caller resets.
 */
static bool
split_list(Relation index, Relation table, uint32 list_id, uint32 ids[2])
{
	Split	   *split = palloc0(sizeof(Split));
	AxisDirectory *directory = pxd_axis_directory_open(index);
	int			list = find_list(directory, list_id);
	Size		size = sizeof(float) * directory->layout.dim;
	bool		again = false;

	if (list < 0 || !is_too_large(index, directory, list))
		return false;
	split->index = index;
	split->table = table;
	split->directory = directory;
	split->layout = &directory->layout;
	split->list_id = list_id;
	split->head = directory->head[list];
	split->number = directory->number[list];
	split->old_centroid = palloc(size);
	split->moved_centroid = palloc(size);
	split->centroid[0] = palloc(size);
	split->centroid[1] = palloc(size);
	split->residual = palloc(size);
	split->row = palloc(directory->layout.row_size);
	split->vectors = pxd_axis_vectors_begin(index, table, directory, false);
	pxd_axis_centroid(directory, list, split->old_centroid);
	memcpy(split->moved_centroid, split->old_centroid, size);

	split->rows = pxd_axis_freeze(index, split->head, list_id);
	read_vectors(split);
	if (directory->lists == 1 && directory->layout.metric != AXIS_IP)
		move_origin(split);
	if (find_halves(split) > 0)
	{
		write_halves(split);
		ids[0] = split->entry[0]->list_id;
		ids[1] = split->entry[1]->list_id;
		again = replace_list(split);
	}
	else
		pxd_axis_thaw(index, split->head, list_id, split->rows);
	pxd_axis_vectors_end(split->vectors);
	return again;
}

/* Measures again how far scans have to go when the index has twice as many rows as the last time. */
static void
recalibrate_if_doubled(Relation index)
{
	AxisDirectory *directory = pxd_axis_directory_open(index);
	uint64		rows = 0;

	for (int i = 0; i < directory->lists; i++)
		rows += directory->rows[i];
	if (rows >= 2 * directory->meta.calibrated_rows)
		pxd_axis_recalibrate(index);
}

void
pxd_axis_split(Relation index, Relation table, uint32 list_id)
{
	MemoryContext context;
	MemoryContext list_context;
	MemoryContext old_context;
	List	   *pending;

	if (!pxd_axis_lock_structure(index, false))
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "axis split", ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(context);
	list_context = AllocSetContextCreate(context, "axis split of a list", ALLOCSET_DEFAULT_SIZES);
	pending = list_make1_oid(list_id);
	while (pending != NIL)
	{
		uint32		next = llast_oid(pending);
		uint32		ids[2];
		bool		again;

		pending = list_delete_last(pending);
		MemoryContextSwitchTo(list_context);
		again = split_list(index, table, next, ids);
		MemoryContextSwitchTo(context);
		MemoryContextReset(list_context);
		if (again)
			pending = lappend_oid(lappend_oid(pending, ids[0]), ids[1]);
	}
	recalibrate_if_doubled(index);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	pxd_axis_unlock_structure(index);
}
