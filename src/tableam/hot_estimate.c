/*
 * hot_estimate.c: how much a flush of a table would seal, estimated from a sample of its pages.
 *
 * Page counts alone do not say: a flush leaves its pages as they are, not all-visible and mostly free, and
 * new hot rows fill them without adding pages. So pages are sampled once their number says that there may
 * be enough.
 *
 * Lock: AccessShare on the table. Writes nothing.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/visibilitymap.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "flush.h"
#include "store.h"
#include "stub.h"

/* Pages read for one estimate of the worker, which decides by bytes, and of VACUUM, which decides by a share. */
#define SAMPLE_PAGES			128
#define SAMPLE_PAGES_VACUUM		32

/* VACUUM looks at all-visible pages, too, when this part of them, or more, is hot rows that it can seal. */
#define VISIBLE_HOT_FRACTION	(1.0 / 32)

/* A sample of a table's pages. */
typedef struct HotSample
{
	Relation	table;
	TransactionId oldest_xmin;
	Bitmapset  *stub_attrs;
	bool		external;		/* rows with external values count */
	Datum	   *values;
	bool	   *isnull;
} HotSample;

/* Bytes of the external values of the tuple that was deformed last. */
static uint64
external_bytes(HotSample *sample)
{
	TupleDesc	tupdesc = RelationGetDescr(sample->table);
	uint64		bytes = 0;

	for (int i = 0; i < tupdesc->natts; i++)
	{
		struct varatt_external pointer;

		if (sample->isnull[i] || TupleDescAttr(tupdesc, i)->attlen != -1 ||
			!VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(sample->values[i])))
			continue;
		VARATT_EXTERNAL_GET_POINTER(pointer, DatumGetPointer(sample->values[i]));
		bytes += VARATT_EXTERNAL_GET_EXTSIZE(pointer);
	}
	return bytes;
}

/*
 * Whether a flush would seal a tuple without external values: its stub exists and is no longer than itself. What stays hot whatever is
 * done must not count, or it would be tried again and again.
 */
static bool
has_shorter_stub(HotSample *sample, HeapTuple tuple)
{
	HeapTuple	stub = pxd_stub_form(RelationGetDescr(sample->table), sample->values, sample->isnull, sample->stub_attrs, 0);
	bool		shorter = stub != NULL && stub->t_len <= tuple->t_len;

	if (stub != NULL)
		heap_freetuple(stub);
	return shorter;
}

/* Bytes of the page's settled hot rows that can be sealed. */
static uint64
page_hot_bytes(HotSample *sample, BlockNumber block)
{
	Relation	table = sample->table;
	Buffer		buffer = ReadBuffer(table, block);
	Page		page = BufferGetPage(buffer);
	OffsetNumber max_offset;
	uint64		bytes = 0;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	max_offset = PageIsNew(page) ? 0 : PageGetMaxOffsetNumber(page);
	for (OffsetNumber offset = FirstOffsetNumber; offset <= max_offset; offset++)
	{
		HeapTupleData tuple;

		if (!page_tuple(table, block, page, offset, &tuple))
			continue;
		if ((tuple_is_stub(tuple.t_data) && !tuple_is_wide_overlay(tuple.t_data, tuple.t_len)) ||
			HeapTupleSatisfiesVacuum(&tuple, sample->oldest_xmin, buffer) != HEAPTUPLE_LIVE)
			continue;
		if (HeapTupleHasExternal(&tuple) && !sample->external)
			continue;
		heap_deform_tuple(&tuple, RelationGetDescr(table), sample->values, sample->isnull);
		if (HeapTupleHasExternal(&tuple))
			bytes += tuple.t_len + external_bytes(sample);
		else if (has_shorter_stub(sample, &tuple))
			bytes += tuple.t_len;
	}
	UnlockReleaseBuffer(buffer);
	return bytes;
}

/* Which pages to sample. */
typedef enum PagesSampled
{
	PAGES_ALL,
	PAGES_VISIBLE,				/* all-visible by the visibility map */
	PAGES_NOT_VISIBLE
} PagesSampled;

/*
 * Estimates the hot bytes of some of the table's pages; npages is about their number. Every n-th page is read, from a random
 * start.
 */
static uint64
sample_hot_bytes(Relation table, BlockNumber npages, PagesSampled which, bool external, int sample_pages)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(table);
	BlockNumber step = Max(1, npages / sample_pages);
	BlockNumber next = pg_prng_uint64_range(&pg_global_prng_state, 0, step - 1);
	BlockNumber nseen = 0;
	BlockNumber nsampled = 0;
	int			natts = RelationGetDescr(table)->natts;
	HotSample	sample = {
		.table = table,
		.oldest_xmin = GetOldestNonRemovableTransactionId(table),
		.stub_attrs = pxd_stub_attrs(table),
		.external = external,
		.values = palloc(natts * sizeof(Datum)),
		.isnull = palloc(natts * sizeof(bool))
	};
	Buffer		vmbuffer = InvalidBuffer;
	uint64		bytes = 0;

	for (BlockNumber block = 0; block < nblocks; block++)
	{
		CHECK_FOR_INTERRUPTS();
		if (which != PAGES_ALL && VM_ALL_VISIBLE(table, block, &vmbuffer) != (which == PAGES_VISIBLE))
			continue;
		if (nseen++ != next)
			continue;
		next += step;
		nsampled++;
		bytes += page_hot_bytes(&sample, block);
	}
	if (BufferIsValid(vmbuffer))
		ReleaseBuffer(vmbuffer);
	bms_free(sample.stub_attrs);
	pfree(sample.values);
	pfree(sample.isnull);
	return nsampled == 0 ? 0 : (uint64) ((double) bytes / nsampled * nseen);
}

/*
 * An upper bound on the bytes of external values: pages of the store that belong to no segment and no free
 * extent.
 */
static uint64
chunk_bytes(Relation table)
{
	Relation	store = table_open(table->rd_rel->reltoastrelid, AccessShareLock);
	uint64		nblocks = RelationGetNumberOfBlocks(store);
	uint64		free_pages = pxd_store_free_pages(store);
	uint64		live_segments,
				live_rows,
				live_pages;

	pxd_store_totals(store, &live_segments, &live_rows, &live_pages);
	table_close(store, AccessShareLock);
	return nblocks > live_pages + free_pages ? (nblocks - live_pages - free_pages) * BLCKSZ : 0;
}

uint64
pxd_hot_bytes(Relation table, uint64 enough, bool *whole_table)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(table);
	BlockNumber nvisible;
	uint64		pages_bound;
	uint64		chunks_bound;
	uint64		bytes = 0;

	*whole_table = false;
	if (!pxd_flush_possible(table) || nblocks == 0)
		return 0;

	visibilitymap_count(table, &nvisible, NULL);
	nvisible = Min(nvisible, nblocks);
	pages_bound = (uint64) (nblocks - nvisible) * BLCKSZ;
	chunks_bound = chunk_bytes(table);
	if (pages_bound + chunks_bound < enough)
		return pages_bound + chunks_bound;

	if (nvisible < nblocks)
		bytes = sample_hot_bytes(table, nblocks - nvisible, PAGES_NOT_VISIBLE, true, SAMPLE_PAGES);
	if (bytes >= enough || chunks_bound < enough || nvisible == 0)
		return bytes;

	/* VACUUM leaves rows with external values hot (R2), and makes their pages all-visible. */
	*whole_table = true;
	return sample_hot_bytes(table, nblocks, PAGES_ALL, true, SAMPLE_PAGES);
}

bool
pxd_visible_pages_are_hot(Relation table)
{
	BlockNumber nvisible;

	visibilitymap_count(table, &nvisible, NULL);
	return nvisible > 0 && pxd_flush_possible(table) &&
		sample_hot_bytes(table, nvisible, PAGES_VISIBLE, false, SAMPLE_PAGES_VACUUM) >
		VISIBLE_HOT_FRACTION * nvisible * BLCKSZ;
}
