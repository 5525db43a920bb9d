/*
 * build.c: CREATE INDEX: sample, centroids, directory, then all rows in order of their lists, then calibration.
 *
 * The index is written through shared buffers without WAL; at the end all its pages are logged at once, if the relation needs WAL at all. Nobody
 * else can see the index until the build commits. Memory: sample and k-means share maintenance_work_mem and are
 * gone before the sorts take it over.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/genam.h"
#include "access/tableam.h"
#include "access/xloginsert.h"
#include "catalog/index.h"
#include "commands/progress.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "optimizer/plancat.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/smgr.h"
#include "utils/memutils.h"
#include "utils/sampling.h"

#include "axis_build.h"
#include "axis_sample.h"

/* Vectors of the sample for each centroid, if memory allows. */
#define SAMPLE_PER_LIST 64
/* Vectors from which the origin is taken. */
#define ORIGIN_SAMPLE 512
#define CALIBRATION_QUERIES 300
/* Stored in the metapage; any other would do. */
#define ROTATION_SEED UINT64CONST(0x70726F78696D6164)

/* --- writing metapage and directory --- */

/* Adds a formatted page at the end of a fork; the caller fills, and releases it with finish_page. */
static Buffer
add_page(Relation index, ForkNumber fork, const AxisLayout *layout, int kind)
{
	Buffer		buffer = ReadBufferExtended(index, fork, P_NEW, RBM_NORMAL, NULL);

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	pxd_axis_page_init(layout, BufferGetPage(buffer), kind);
	return buffer;
}

/* Pages of an init fork are logged here; those of the main fork when the build is complete. */
static void
finish_page(ForkNumber fork, Buffer buffer)
{
	START_CRIT_SECTION();
	MarkBufferDirty(buffer);
	if (fork == INIT_FORKNUM)
		log_newpage_buffer(buffer, true);
	END_CRIT_SECTION();
	UnlockReleaseBuffer(buffer);
}

/* Directory of a new index: its centroids are `lists` rows of dim floats; heads are not known yet. */
static void
write_directory(Relation index, ForkNumber fork, const AxisLayout *layout, const float *origin, const float *centroids,
				int lists)
{
	uint32		entries = AXIS_FIRST_LIST_NUMBER + lists;
	uint32		pages = (entries + layout->entries_per_page - 1) / layout->entries_per_page;
	uint32		number = 0;

	for (uint32 p = 0; p < pages; p++)
	{
		Buffer		buffer = add_page(index, fork, layout, AXIS_PAGE_DIRECTORY);
		Page		page = BufferGetPage(buffer);
		AxisTail   *tail = AxisPageTail(page);

		Assert(BufferGetBlockNumber(buffer) == AXIS_DIRECTORY_BLOCK + p);
		for (; tail->rows < layout->entries_per_page && number < entries; number++)
		{
			AxisEntry  *entry = pxd_axis_page_entry(layout, page, tail->rows++);

			memset(entry, 0, layout->entry_size);
			entry->list_id = number;
			entry->head = InvalidBlockNumber;
			entry->kind = number == AXIS_ORIGIN_NUMBER ? AXIS_ENTRY_ORIGIN :
				number == AXIS_NULLS_NUMBER ? AXIS_ENTRY_NULLS : AXIS_ENTRY_LIST;
			if (entry->kind == AXIS_ENTRY_ORIGIN)
				pxd_axis_entry_fill(layout, entry, origin);
			else if (entry->kind == AXIS_ENTRY_LIST)
				pxd_axis_entry_fill(layout, entry, centroids + (Size) layout->dim * (number - AXIS_FIRST_LIST_NUMBER));
		}
		if (p + 1 < pages)
			tail->next = AXIS_DIRECTORY_BLOCK + p + 1;
		finish_page(fork, buffer);
	}
}

/* Metapage and directory of a new index; lists 0 for an empty one, whose single list has the origin as its centroid. */
static void
write_frame(Relation index, ForkNumber fork, const AxisLayout *layout, const float *origin, const float *centroids,
			int lists)
{
	Buffer		buffer = add_page(index, fork, layout, AXIS_PAGE_META);
	AxisMeta   *meta = AxisPageMeta(BufferGetPage(buffer));

	Assert(BufferGetBlockNumber(buffer) == AXIS_META_BLOCK);
	memset(meta, 0, sizeof(*meta));
	meta->magic = AXIS_MAGIC;
	meta->version = AXIS_VERSION;
	meta->metric = layout->metric;
	meta->code_bits = layout->code_bits;
	meta->dim = layout->dim_in;
	meta->filters = layout->filters;
	meta->seed = ROTATION_SEED;
	meta->index_id = pg_prng_uint64(&pg_global_prng_state);
	meta->directory_version = 1;
	meta->entries = AXIS_FIRST_LIST_NUMBER + lists;
	meta->next_list_id = meta->entries;
	meta->directory_tail = AXIS_DIRECTORY_BLOCK +
		(meta->entries + layout->entries_per_page - 1) / layout->entries_per_page - 1;
	finish_page(fork, buffer);
	write_directory(index, fork, layout, origin, centroids, lists);
}

/* Writes the head of a list, or its absence, into the directory of an index that is being built. */
static void
set_head(Relation index, const AxisLayout *layout, uint32 number, BlockNumber head, uint32 rows, uint16 radius)
{
	BlockNumber block = AXIS_DIRECTORY_BLOCK + number / layout->entries_per_page;
	Buffer		buffer = pxd_axis_read(index, block, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_DIRECTORY, 0);
	AxisEntry  *entry = pxd_axis_page_entry(layout, BufferGetPage(buffer), number % layout->entries_per_page);

	entry->head = head;
	entry->rows = rows;
	entry->radius = radius;
	if (head == InvalidBlockNumber)
		entry->kind = AXIS_ENTRY_FREE;
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

void
pxd_axis_create(Relation index, ForkNumber fork, const AxisLayout *layout)
{
	float	   *zero = palloc0(sizeof(float) * layout->dim);
	uint32		heads[] = {AXIS_NULLS_NUMBER, AXIS_FIRST_LIST_NUMBER};
	BlockNumber head = InvalidBlockNumber;

	write_frame(index, fork, layout, zero, zero, 1);
	for (int i = 0; i < lengthof(heads); i++)
	{
		Buffer		buffer = add_page(index, fork, layout, AXIS_PAGE_CODES);
		AxisTail   *tail = AxisPageTail(BufferGetPage(buffer));
		BlockNumber page = AXIS_DIRECTORY_BLOCK + heads[i] / layout->entries_per_page;
		Buffer		directory;

		tail->list_id = heads[i];
		tail->flags = AXIS_HEAD;
		head = BufferGetBlockNumber(buffer);
		finish_page(fork, buffer);

		directory = ReadBufferExtended(index, fork, page, RBM_NORMAL, NULL);
		LockBuffer(directory, BUFFER_LOCK_EXCLUSIVE);
		pxd_axis_page_entry(layout, BufferGetPage(directory), heads[i] % layout->entries_per_page)->head = head;
		finish_page(fork, directory);
	}
	pfree(zero);
}

/* Dimensions that the index's options and column type ask for; with sample_dim where the type does not say. */
static void
index_layout(Relation index, AxisLayout *layout)
{
	int			dim;
	AxisOptions *options = (AxisOptions *) index->rd_options;

	if (!OidIsValid(index_getprocid(index, 1, AXIS_SUPPORT_PROC)))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the first column of an axis index must be one of vectors"),
				 errdetail("Column \"%s\" can only follow it, as a filter column.",
						   NameStr(TupleDescAttr(RelationGetDescr(index), 0)->attname))));
	dim = pxd_axis_declared_dim(index);
	if (dim == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("column \"%s\" does not have dimensions",
						NameStr(TupleDescAttr(RelationGetDescr(index), 0)->attname)),
				 errhint("Declare them: vector(n), or index an expression: (column::vector(n)).")));
	pxd_axis_layout(index, dim, options ? options->code_bits : 0, layout);
}

void
pxd_axis_build_empty(Relation index)
{
	AxisLayout	layout;

	index_layout(index, &layout);
	pxd_axis_create(index, INIT_FORKNUM, &layout);
}

/* --- the sample --- */

typedef struct SampleState
{
	const AxisOpclass *opclass;
	AxisDirectory frame;		/* layout, rotation and origin, for pxd_axis_rotated */
	MemoryContext row_context;
	float	   *x;
	double	   *origin_sum;		/* while the origin is sought */
	int			origin_rows;
	AxisSample *sample;			/* afterwards */
	double		seen;			/* vectors met */
	ReservoirStateData reservoir;
} SampleState;

/* Whether a vector is one that pxd_axis_encode can encode: others would leave nothing of the centroids they take part in. */
static bool
is_moderate(const float *x, int dim)
{
	double		norm2 = 0;

	for (int i = 0; i < dim; i++)
		norm2 += (double) x[i] * x[i];
	return norm2 < FLT_MAX / 16;
}

/* Callback of the table scan, both while the origin is sought and while the sample is taken. */
static void
sample_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *arg)
{
	SampleState *state = arg;
	MemoryContext old_context;

	if (isnull[0])
		return;
	old_context = MemoryContextSwitchTo(state->row_context);
	if (pxd_axis_rotated(&state->frame, state->opclass, PG_DETOAST_DATUM(values[0]), state->x) &&
		is_moderate(state->x, state->frame.layout.dim))
	{
		AxisSample *sample = state->sample;

		state->seen++;
		if (sample == NULL)
		{
			for (int i = 0; i < state->frame.layout.dim; i++)
				state->origin_sum[i] += state->x[i];
			state->origin_rows++;
		}
		else if (sample->count < sample->capacity)
			pxd_axis_sample_set(sample, sample->count, state->x);
		else if (sampler_random_fract(&state->reservoir.randstate) * state->seen < sample->capacity)
			pxd_axis_sample_set(sample, (int) (sampler_random_fract(&state->reservoir.randstate) * sample->capacity),
								state->x);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(state->row_context);
}

/* Hands the rows of up to blocks random blocks to sample_row. */
static void
sample_blocks(Relation table, Relation index, IndexInfo *index_info, BlockNumber blocks, SampleState *state)
{
	BlockNumber total = RelationGetNumberOfBlocks(table);
	BlockSamplerData sampler;

	BlockSampler_Init(&sampler, total, blocks, pg_prng_uint32(&pg_global_prng_state));
	while (BlockSampler_HasMore(&sampler))
	{
		CHECK_FOR_INTERRUPTS();
		/* rows in progress, too, except for a concurrent build, which sees what its snapshot sees */
		table_index_build_range_scan(table, index, index_info, false, !index_info->ii_Concurrent, false, BlockSampler_Next(&sampler), 1,
									 sample_row, state, NULL);
	}
}

/* Blocks that hold about rows vectors, with some to spare. */
static BlockNumber
blocks_for(double rows, double table_rows, BlockNumber table_blocks)
{
	double		per_block = Max(table_rows / Max(table_blocks, 1), 0.01);

	return (BlockNumber) Min(ceil(rows * 1.2 / per_block) + 8, (double) table_blocks);
}

/*
 * Takes a sample for about *lists lists and finds the origin; lowers *lists to what memory and rows allow. Returns NULL if there is no
 * vector in the table.
 */
static AxisSample *
take_sample(Relation table, Relation index, IndexInfo *index_info, SampleState *state, double table_rows, int *lists)
{
	const AxisLayout *layout = &state->frame.layout;
	BlockNumber table_blocks = RelationGetNumberOfBlocks(table);
	Size		memory = (Size) maintenance_work_mem * 1024;
	Size		per_list = pxd_axis_kmeans_bytes(layout->dim, 1) + 16 * pxd_axis_sample_bytes(layout->dim, 1);
	Size		capacity;

	/* at least 16 vectors for each centroid have to fit beside k-means */
	*lists = (int) Max(Min((Size) *lists, memory / per_list), 1);
	capacity = (memory - pxd_axis_kmeans_bytes(layout->dim, *lists)) / pxd_axis_sample_bytes(layout->dim, 1);
	capacity = Min(capacity, (Size) *lists * SAMPLE_PER_LIST);
	capacity = Max(Min(capacity, INT_MAX / 2), 1000);

	if (layout->metric != AXIS_IP)
	{
		float	   *origin = palloc0(sizeof(float) * layout->dim);

		sample_blocks(table, index, index_info, blocks_for(ORIGIN_SAMPLE, table_rows, table_blocks), state);
		if (state->origin_rows > 0)
		{
			AxisEntry  *entry = palloc0(layout->entry_size);

			for (int i = 0; i < layout->dim; i++)
				origin[i] = (float) (state->origin_sum[i] / state->origin_rows);
			/* everybody takes vectors relative to what the directory will say */
			pxd_axis_entry_fill(layout, entry, origin);
			pxd_axis_entry_centroid(layout, entry, state->frame.origin);
			pfree(entry);
		}
		pfree(origin);
	}
	state->seen = 0;
	state->sample = pxd_axis_sample_create(layout->dim, (int) capacity);
	sample_blocks(table, index, index_info, blocks_for((double) capacity, table_rows, table_blocks), state);
	return state->sample->count > 0 ? state->sample : NULL;
}

/* --- the build --- */

/* Writes all lists from the sorted rows, and their heads into the directory. Returns the rows written. */
static double
write_lists(Relation index, const AxisDirectory *directory, AxisBuildScan *scan)
{
	const AxisLayout *layout = &directory->layout;
	ListWriter *writer = pxd_axis_writer_begin(index, layout);
	const AxisRow *row;
	int			row_list;
	double		written = 0;
	bool		any_list = false;

	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, (int64) scan->index_rows);
	row = pxd_axis_scan_next(scan, &row_list);
	for (int list = -1; list < directory->lists; list++)
	{
		uint32		number = list < 0 ? AXIS_NULLS_NUMBER : directory->number[list];
		uint32		rows = 0;
		uint16		radius = 0;
		BlockNumber head = InvalidBlockNumber;
		bool		last_resort = list == directory->lists - 1 && !any_list;

		CHECK_FOR_INTERRUPTS();
		/* lists that got no rows are given up, but for one; the nulls' list always exists */
		if (list < 0 || (row != NULL && row_list == list) || last_resort)
		{
			pxd_axis_writer_list(writer, list < 0 ? directory->nulls_id : directory->list_id[list]);
			for (; row != NULL && row_list == list; row = pxd_axis_scan_next(scan, &row_list))
				pxd_axis_writer_row(writer, row);
			head = pxd_axis_writer_end_list(writer, &rows, &radius);
			any_list = any_list || list >= 0;
		}
		set_head(index, layout, number, head, rows, radius);
		written += rows;
		pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, (int64) written);
	}
	Assert(row == NULL);
	return written;
}

/* Measures how far to go for which recall, on vectors of the sample, and stores it. */
static void
calibrate(Relation index, const float *queries, int count, double rows)
{
	AxisDirectory *directory = pxd_axis_directory_open(index);
	AxisMeta	meta = directory->meta;
	Buffer		buffer;

	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, AXIS_PHASE_CALIBRATE);
	pxd_axis_calibrate(index, directory, queries, count, &meta);
	meta.calibrated_rows = (uint64) rows;
	meta.calibrated_lists = directory->lists;
	buffer = pxd_axis_read(index, AXIS_META_BLOCK, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_META, 0);
	memcpy(AxisPageMeta(BufferGetPage(buffer)), &meta, sizeof(meta));
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

/* Gives the directory a version that no copy made while the build went on has. */
static void
publish_directory(Relation index)
{
	Buffer		buffer = pxd_axis_read(index, AXIS_META_BLOCK, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_META, 0);

	AxisPageMeta(BufferGetPage(buffer))->directory_version++;
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
}

/*
 * Sample and centroids of a table that has vectors; writes metapage and directory. *queries: vectors to calibrate with, in the current
 * context. False if there are no vectors.
 */
static bool
write_centroids(Relation table, Relation index, IndexInfo *index_info, const AxisLayout *layout, float **queries,
				int *nqueries)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "axis build sample", ALLOCSET_DEFAULT_SIZES);
	AxisOptions *options = (AxisOptions *) index->rd_options;
	SampleState state = {0};
	AxisSample *sample;
	BlockNumber pages;
	double		rows;
	double		all_visible;
	int			lists = 1;
	float	   *centroids;

	if (layout->dim == 0)
		return false;
	estimate_rel_size(table, NULL, &pages, &rows, &all_visible);
	if (options == NULL || options->strategy != AXIS_STRATEGY_FLAT)
		lists = pxd_axis_list_count(layout, rows);

	MemoryContextSwitchTo(context);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, AXIS_PHASE_SAMPLE);
	state.opclass = pxd_axis_opclass(index);
	state.frame.layout = *layout;
	state.frame.rotation = pxd_rotation_create(layout->dim_in, ROTATION_SEED);
	state.frame.origin = palloc0(sizeof(float) * layout->dim);
	state.row_context = AllocSetContextCreate(context, "axis sample row", ALLOCSET_DEFAULT_SIZES);
	state.x = palloc(sizeof(float) * layout->dim);
	state.origin_sum = palloc0(sizeof(double) * layout->dim);
	reservoir_init_selection_state(&state.reservoir, 1);
	sample = take_sample(table, index, index_info, &state, rows, &lists);
	if (sample != NULL)
	{
		pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, AXIS_PHASE_KMEANS);
		lists = Min(lists, pxd_axis_list_count(layout, sample->count < sample->capacity ? state.seen : Max(rows, state.seen)));
		pxd_axis_sample_merge(sample);
		centroids = MemoryContextAllocHuge(context, mul_size(lists, sizeof(float) * layout->dim));
		lists = pxd_axis_kmeans(sample, lists, centroids);
		write_frame(index, MAIN_FORKNUM, layout, state.frame.origin, centroids, lists);

		*nqueries = Min(sample->count, CALIBRATION_QUERIES);
		*queries = MemoryContextAllocHuge(caller, mul_size(*nqueries, sizeof(float) * layout->dim));
		for (int i = 0; i < *nqueries; i++)
			pxd_axis_sample_get(sample, (int) ((int64) sample->count * i / *nqueries),
								*queries + (Size) layout->dim * i);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return sample != NULL;
}

IndexBuildResult *
pxd_axis_build(Relation table, Relation index, IndexInfo *index_info)
{
	IndexBuildResult *result = palloc0(sizeof(IndexBuildResult));
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "axis build", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	AxisLayout	layout;
	AxisBuildScan scan;
	float	   *queries = NULL;
	int			nqueries = 0;

	if (RelationGetNumberOfBlocks(index) != 0)
		elog(ERROR, "index \"%s\" already contains data", RelationGetRelationName(index));
	index_layout(index, &layout);
	if (layout.dim == 0)
		ereport(NOTICE,
				(errmsg("searches through index \"%s\" will compute the distances of all its rows", RelationGetRelationName(index)),
				 errdetail("There are codes for L2, cosine and inner product of vector and halfvec, and for Hamming distance only.")));
	if (!write_centroids(table, index, index_info, &layout, &queries, &nqueries))
	{
		float	   *zero = palloc0(sizeof(float) * layout.dim);

		write_frame(index, MAIN_FORKNUM, &layout, zero, zero, 1);
	}

	pxd_axis_scan_begin(table, index, index_info, &scan);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, AXIS_PHASE_WRITE);
	write_lists(index, pxd_axis_directory_open(index), &scan);
	publish_directory(index);
	result->heap_tuples = scan.table_rows;
	result->index_tuples = scan.index_rows;
	pxd_axis_scan_end(&scan);
	if (nqueries > 0)
		calibrate(index, queries, nqueries, result->index_tuples);
	if (RelationNeedsWAL(index))
		log_newpage_range(index, MAIN_FORKNUM, 0, RelationGetNumberOfBlocks(index), true);

	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	return result;
}
