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

/* Pages read for one estimate. */
#define SAMPLE_PAGES	128

/* Bytes of a tuple's external values. */
static uint64
external_bytes(Relation table, HeapTuple tuple, Datum *values, bool *isnull)
{
	TupleDesc	tupdesc = RelationGetDescr(table);
	uint64		bytes = 0;

	heap_deform_tuple(tuple, tupdesc, values, isnull);
	for (int i = 0; i < tupdesc->natts; i++)
	{
		struct varatt_external pointer;

		if (isnull[i] || TupleDescAttr(tupdesc, i)->attlen != -1 ||
			!VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(values[i])))
			continue;
		VARATT_EXTERNAL_GET_POINTER(pointer, DatumGetPointer(values[i]));
		bytes += VARATT_EXTERNAL_GET_EXTSIZE(pointer);
	}
	return bytes;
}

/* Bytes of the page's settled hot rows. */
static uint64
page_hot_bytes(Relation table, BlockNumber block, TransactionId oldest_xmin, Datum *values, bool *isnull)
{
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
		if (tuple_is_stub(tuple.t_data) ||
			HeapTupleSatisfiesVacuum(&tuple, oldest_xmin, buffer) != HEAPTUPLE_LIVE)
			continue;
		bytes += tuple.t_len;
		if (HeapTupleHasExternal(&tuple))
			bytes += external_bytes(table, &tuple, values, isnull);
	}
	UnlockReleaseBuffer(buffer);
	return bytes;
}

/*
 * Estimates the hot bytes of the table's pages, or of those that are not all-visible; npages is the number
 * of these. Every n-th page is read, from a random start.
 */
static uint64
sample_hot_bytes(Relation table, BlockNumber npages, bool skip_visible)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(table);
	BlockNumber step = Max(1, npages / SAMPLE_PAGES);
	BlockNumber next = pg_prng_uint64_range(&pg_global_prng_state, 0, step - 1);
	BlockNumber nseen = 0;
	BlockNumber nsampled = 0;
	TransactionId oldest_xmin = GetOldestNonRemovableTransactionId(table);
	int			natts = RelationGetDescr(table)->natts;
	Datum	   *values = palloc(natts * sizeof(Datum));
	bool	   *isnull = palloc(natts * sizeof(bool));
	Buffer		vmbuffer = InvalidBuffer;
	uint64		bytes = 0;

	for (BlockNumber block = 0; block < nblocks; block++)
	{
		CHECK_FOR_INTERRUPTS();
		if (skip_visible && VM_ALL_VISIBLE(table, block, &vmbuffer))
			continue;
		if (nseen++ != next)
			continue;
		next += step;
		nsampled++;
		bytes += page_hot_bytes(table, block, oldest_xmin, values, isnull);
	}
	if (BufferIsValid(vmbuffer))
		ReleaseBuffer(vmbuffer);
	pfree(values);
	pfree(isnull);
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
		bytes = sample_hot_bytes(table, nblocks - nvisible, true);
	if (bytes >= enough || chunks_bound < enough || nvisible == 0)
		return bytes;

	/* VACUUM leaves rows with external values hot (R2), and makes their pages all-visible. */
	*whole_table = true;
	return sample_hot_bytes(table, nblocks, false);
}
