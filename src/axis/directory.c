/*
 * directory.c: the directory of an axis index: centroids and heads of all lists.
 *
 * Owns the format of directory entries and this backend's copies of directories. A copy is consistent: the
 * version on the metapage was the same before and after its pages were read, and every change of the directory is one WAL record that
 * changes the version too. Whoever uses a copy keeps it as it was; lists replaced in the meantime stay readable
 * for as long as the user's snapshot is held (README, "Replaced lists").
 *
 * Locks: share locks on one page at a time, none on return.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/memutils.h"

#include "axis.h"

/* One cached directory of an index. */
typedef struct CachedDirectory
{
	Oid			index;			/* hash key */
	AxisDirectory *directory;	/* the newest this backend has read */
} CachedDirectory;

static HTAB *cache = NULL;

/* --- entries --- */

void
pxd_axis_entry_fill(const AxisLayout *layout, AxisEntry *entry, const float *x)
{
	int			dim = layout->dim;
	uint8	   *code = (uint8 *) (entry + 1);
	uint8	   *fine;

	if (dim == 0)
		return;
	if (layout->centroid_bits == 8)
	{
		pxd_quantise_u8(dim, x, &entry->scale, &entry->offset, code);
		return;
	}
	/* 4 bits: the upper half of each of the eight */
	Assert(layout->centroid_bits == 4);
	fine = palloc(dim);
	pxd_quantise_u8(dim, x, &entry->scale, &entry->offset, fine);
	entry->scale *= 17.0f;
	for (int i = 0; i < dim / 2; i++)
		code[i] = (uint8) ((fine[i] + 8) / 17 | ((fine[i + dim / 2] + 8) / 17) << 4);
	pfree(fine);
}

/* Codes of an entry's centroid, one to a byte whatever their width on the page. */
static void
entry_codes(const AxisLayout *layout, const AxisEntry *entry, uint8 *out)
{
	int			dim = layout->dim;
	const uint8 *code = (const uint8 *) (entry + 1);

	if (layout->centroid_bits == 8)
	{
		memcpy(out, code, dim);
		return;
	}
	for (int i = 0; i < dim / 2; i++)
	{
		out[i] = code[i] & 15;
		out[i + dim / 2] = code[i] >> 4;
	}
}

void
pxd_axis_entry_centroid(const AxisLayout *layout, const AxisEntry *entry, float *out)
{
	uint8	   *codes = palloc(layout->dim);

	entry_codes(layout, entry, codes);
	pxd_dequantise_u8(layout->dim, codes, entry->scale, entry->offset, out);
	pfree(codes);
}

/* --- reading --- */

/* Takes over list number `list` from its entry. */
static void
load_list(AxisDirectory *directory, int list, uint32 number, const AxisEntry *entry)
{
	int			dim = directory->layout.dim;
	uint8	   *codes = directory->centroids + (Size) dim * list;
	int64		sum = 0;
	int64		squares = 0;
	double		scale = entry->scale;
	double		offset = entry->offset;

	entry_codes(&directory->layout, entry, codes);
	for (int i = 0; i < dim; i++)
	{
		sum += codes[i];
		squares += (int) codes[i] * codes[i];
	}
	directory->scale[list] = entry->scale;
	directory->offset[list] = entry->offset;
	directory->norm2[list] = (float) (dim * offset * offset + 2 * offset * scale * sum + scale * scale * squares);
	directory->radius[list] = pxd_axis_bf16(entry->radius);
	directory->head[list] = entry->head;
	directory->list_id[list] = entry->list_id;
	directory->rows[list] = entry->rows;
	directory->number[list] = number;
}

/* Allocates the arrays for as many lists as the directory has entries. */
static void
allocate_lists(AxisDirectory *directory)
{
	Size		n = directory->meta.entries;
	int			dim = directory->layout.dim;

	directory->origin = palloc0(sizeof(float) * dim);
	/* kernels read no more than the codes, but whole cache lines are read faster from their start */
	directory->centroids = (uint8 *) TYPEALIGN(64, palloc_extended(mul_size(n, dim) + 64, MCXT_ALLOC_HUGE));
	directory->scale = palloc(sizeof(float) * n);
	directory->offset = palloc(sizeof(float) * n);
	directory->norm2 = palloc(sizeof(float) * n);
	directory->radius = palloc(sizeof(float) * n);
	directory->head = palloc(sizeof(BlockNumber) * n);
	directory->list_id = palloc(sizeof(uint32) * n);
	directory->rows = palloc(sizeof(uint32) * n);
	directory->number = palloc(sizeof(uint32) * n);
	directory->page = palloc(sizeof(BlockNumber) * (n / directory->layout.entries_per_page + 2));
}

static void
damaged_directory(Relation index)
{
	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("directory of index \"%s\" is damaged", RelationGetRelationName(index)),
			 errhint("REINDEX the index.")));
}

/* Reads all directory pages. Returns false if they do not hold what directory->meta says. */
static bool
load_pages(Relation index, AxisDirectory *directory)
{
	const AxisLayout *layout = &directory->layout;
	BlockNumber block = AXIS_DIRECTORY_BLOCK;
	uint32		number = 0;

	while (number < directory->meta.entries)
	{
		Buffer		buffer;
		Page		page;
		AxisTail   *tail;

		CHECK_FOR_INTERRUPTS();
		if (block == InvalidBlockNumber)
			return false;
		buffer = pxd_axis_read(index, block, BUFFER_LOCK_SHARE, AXIS_PAGE_DIRECTORY, 0);
		page = BufferGetPage(buffer);
		tail = AxisPageTail(page);
		if (tail->rows > layout->entries_per_page)
			damaged_directory(index);
		directory->page[directory->pages++] = block;
		for (int i = 0; i < tail->rows && number < directory->meta.entries; i++, number++)
		{
			AxisEntry  *entry = pxd_axis_page_entry(layout, page, i);

			if (entry->kind == AXIS_ENTRY_LIST)
				load_list(directory, directory->lists++, number, entry);
			else if (entry->kind == AXIS_ENTRY_ORIGIN)
				pxd_axis_entry_centroid(layout, entry, directory->origin);
			else if (entry->kind == AXIS_ENTRY_NULLS)
			{
				directory->nulls_id = entry->list_id;
				directory->nulls_head = entry->head;
			}
		}
		/* pages behind the last entry may be there already; only full ones are followed by entries */
		if (tail->rows < layout->entries_per_page && number < directory->meta.entries)
		{
			UnlockReleaseBuffer(buffer);
			return false;
		}
		block = tail->next;
		UnlockReleaseBuffer(buffer);
	}
	return true;
}

static AxisDirectory *
load_directory(Relation index)
{
	for (;;)
	{
		MemoryContext context = AllocSetContextCreate(TopMemoryContext, "axis directory", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old_context = MemoryContextSwitchTo(context);
		AxisDirectory *directory = palloc0(sizeof(AxisDirectory));
		AxisMeta	meta;
		bool		complete;
		bool		loaded = false;

		PG_TRY();
		{
			directory->context = context;
			directory->index = RelationGetRelid(index);
			pxd_axis_read_meta(index, &directory->meta);
			pxd_axis_layout(index, directory->meta.dim, directory->meta.code_bits, &directory->layout);
			if (directory->layout.dim > 0)
				directory->rotation = pxd_rotation_create(directory->layout.dim_in, directory->meta.seed);
			allocate_lists(directory);
			complete = load_pages(index, directory);
			pxd_axis_read_meta(index, &meta);
			loaded = meta.directory_version == directory->meta.directory_version;
			if (loaded)
			{
				if (!complete || directory->lists == 0 || directory->nulls_id == 0)
					damaged_directory(index);
				directory->nrecent = RelationGetNumberOfBlocks(index);
				directory->recent = palloc_extended(mul_size(directory->nrecent, sizeof(Buffer)),
													MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
			}
		}
		PG_CATCH();
		{
			MemoryContextDelete(context);
			PG_RE_THROW();
		}
		PG_END_TRY();
		MemoryContextSwitchTo(old_context);
		if (loaded)
			return directory;
		MemoryContextDelete(context);
	}
}

/* --- the cache --- */

/* Frees a directory that is neither used nor current. */
static void
release_directory(AxisDirectory *directory)
{
	if (directory->users == 0 && !directory->current)
		MemoryContextDelete(directory->context);
}

static void
forget_directory(CachedDirectory *cached)
{
	AxisDirectory *directory = cached->directory;

	cached->directory = NULL;
	if (directory != NULL)
	{
		directory->current = false;
		release_directory(directory);
	}
}

/* Relcache callback: an index that is gone or has been rebuilt shall not keep memory. */
static void
forget_index(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	CachedDirectory *cached;

	if (OidIsValid(relid))
	{
		cached = hash_search(cache, &relid, HASH_FIND, NULL);
		if (cached != NULL)
			forget_directory(cached);
		return;
	}
	hash_seq_init(&status, cache);
	while ((cached = hash_seq_search(&status)) != NULL)
		forget_directory(cached);
}

static void
create_cache(void)
{
	HASHCTL		ctl = {.keysize = sizeof(Oid), .entrysize = sizeof(CachedDirectory)};

	cache = hash_create("axis directories", 16, &ctl, HASH_ELEM | HASH_BLOBS);
	CacheRegisterRelcacheCallback(forget_index, (Datum) 0);
}

/* Reset callback of a user's memory context. */
static void
stop_using(void *arg)
{
	AxisDirectory *directory = arg;

	directory->users--;
	release_directory(directory);
}

AxisDirectory *
pxd_axis_directory_open(Relation index)
{
	Oid			relid = RelationGetRelid(index);
	MemoryContextCallback *callback;
	CachedDirectory *cached;
	AxisDirectory *directory;
	AxisMeta	meta;
	bool		found;

	if (cache == NULL)
		create_cache();
	pxd_axis_read_meta(index, &meta);
	cached = hash_search(cache, &relid, HASH_ENTER, &found);
	if (!found)
		cached->directory = NULL;
	directory = cached->directory;
	if (directory == NULL || directory->meta.index_id != meta.index_id ||
		directory->meta.directory_version != meta.directory_version)
	{
		AxisDirectory *fresh = load_directory(index);

		/* loading may have processed invalidations */
		cached = hash_search(cache, &relid, HASH_ENTER, &found);
		if (found)
			forget_directory(cached);
		cached->directory = directory = fresh;
		directory->current = true;
	}
	else
		directory->meta = meta; /* what was measured may be newer than the directory */

	pxd_axis_page_shape(index, &directory->layout);
	callback = palloc(sizeof(MemoryContextCallback));
	callback->func = stop_using;
	callback->arg = directory;
	directory->users++;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return directory;
}

/* --- what centroids are asked for --- */

void
pxd_axis_centroid(const AxisDirectory *directory, int list, float *out)
{
	int			dim = directory->layout.dim;

	Assert(list >= 0 && list < directory->lists);
	pxd_dequantise_u8(dim, directory->centroids + (Size) dim * list, directory->scale[list],
					  directory->offset[list], out);
}

/* Centroids whose distances are computed at once: their sums stay in the first-level cache. */
#define DISTANCE_BATCH 256

void
pxd_axis_centroid_distances(const AxisDirectory *directory, const float *x, AxisMetric metric, float *out)
{
	int			dim = directory->layout.dim;
	int8	   *query = palloc(dim);
	float		scale = pxd_quantise_query(dim, x, query);
	float		norm2 = 0;
	float		total = 0;
	int32		dots[DISTANCE_BATCH];

	for (int i = 0; i < dim; i++)
	{
		norm2 += x[i] * x[i];
		total += x[i];
	}
	for (int first = 0; first < directory->lists; first += DISTANCE_BATCH)
	{
		int			n = Min(DISTANCE_BATCH, directory->lists - first);
		const float *list_scale = directory->scale + first;
		const float *list_offset = directory->offset + first;
		const float *list_norm2 = directory->norm2 + first;

		pxd_code_dot(8, dim, query, directory->centroids + (Size) dim * first, dim, n, dots);
		for (int i = 0; i < n; i++)
		{
			float		product = list_offset[i] * total + list_scale[i] * scale * dots[i];

			out[first + i] = metric == AXIS_IP ? -product : norm2 + list_norm2[i] - 2 * product;
		}
	}
	pfree(query);
}

int
pxd_axis_nearest_list(const AxisDirectory *directory, const float *x, float *scratch)
{
	int			best = 0;

	Assert(directory->lists > 0);
	if (directory->lists == 1)
		return 0;
	pxd_axis_centroid_distances(directory, x, AXIS_L2, scratch);
	for (int i = 1; i < directory->lists; i++)
		if (scratch[i] < scratch[best])
			best = i;
	return best;
}
