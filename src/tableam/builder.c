/*
 * builder.c: collects bulk-loaded rows and writes them as segments.
 *
 * Owns the list of this backend's open builders and, through it, the only way to read rows whose segment is not
 * written yet (the exception of I1): they are served from the batch in memory, to this backend alone.
 * A segment's number is reserved, and that logged, before the first stub naming it exists (R6).
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "lib/ilist.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "builder.h"
#include "proximadb.h"
#include "tableam.h"
#include "vector.h"

struct SegmentBuilder
{
	dlist_node	link;			/* in open_builders */
	MemoryContext context;		/* owns the builder */
	MemoryContext scratch;		/* reset for each row */
	RelFileNode node;			/* the table's file */
	const StorageEngine *engine;
	SegmentSettings settings;
	TupleDesc	tupdesc;
	Bitmapset  *stub_attrs;
	RowBatch   *batch;			/* NULL while empty */
	RowBatch   *spare;			/* an empty batch to be used again, or NULL */
	SegmentNumber segno;		/* of batch */
	uint32		unplaced;		/* rows of batch whose TID is still to come */
	bool		chunks;			/* chunks of rows of batch are to be deleted */
	bool		moved;			/* rows come from other segments */
	uint8		level;			/* of the segments to be written */
	Size		fit_bytes;		/* bytes a segment should take in the store, or 0 */
	double		written_part;	/* of a batch's bytes, what its segment took in the store; at most 1 */
	MemoryContextCallback unlink;	/* takes the builder off the list, however its memory goes */
};

static dlist_head open_builders = DLIST_STATIC_INIT(open_builders);

static void
unlink_builder(void *arg)
{
	dlist_delete(&((SegmentBuilder *) arg)->link);
}

SegmentBuilder *
pxd_builder_create(MemoryContext parent, Relation table, Relation keys_of)
{
	MemoryContext context = AllocSetContextCreate(parent, "segment builder", ALLOCSET_SMALL_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(context);
	SegmentBuilder *builder = palloc0(sizeof(SegmentBuilder));

	builder->context = context;
	builder->scratch = AllocSetContextCreate(context, "segment builder row", ALLOCSET_DEFAULT_SIZES);
	builder->node = table->rd_node;
	builder->engine = pxd_table_engine(table);
	pxd_table_settings(keys_of, builder->engine, &builder->settings);
	builder->tupdesc = CreateTupleDescCopy(RelationGetDescr(table));
	builder->stub_attrs = pxd_stub_attrs(keys_of);
	builder->written_part = 1;
	MemoryContextSwitchTo(oldcontext);

	dlist_push_head(&open_builders, &builder->link);
	builder->unlink.func = unlink_builder;
	builder->unlink.arg = builder;
	MemoryContextRegisterResetCallback(context, &builder->unlink);
	return builder;
}

bool
pxd_builder_seals(const SegmentBuilder *builder)
{
	for (int i = 0; i < builder->tupdesc->natts; i++)
		if (!TupleDescAttr(builder->tupdesc, i)->attisdropped &&
			!bms_is_member(i + 1, builder->stub_attrs))
			return true;
	return false;
}

SegmentNumber
pxd_builder_segment(const SegmentBuilder *builder)
{
	return builder->batch != NULL ? builder->segno : InvalidSegmentNumber;
}

const SortKey *
pxd_builder_key(const SegmentBuilder *builder)
{
	return &builder->settings.key;
}

/* Bytes collected by all builders of this backend. */
static Size
collected_bytes(void)
{
	dlist_iter	iter;
	Size		total = 0;

	dlist_foreach(iter, &open_builders)
	{
		SegmentBuilder *builder = dlist_container(SegmentBuilder, link, iter.cur);

		if (builder->batch != NULL)
			total += builder->batch->bytes;
	}
	return total;
}

static void
start_batch(SegmentBuilder *builder, Relation table)
{
	Relation	store = table_open(table->rd_rel->reltoastrelid, RowExclusiveLock);

	Assert(builder->batch == NULL);
	builder->segno = pxd_store_reserve(store);

	/* Near the start of the file, where they do not keep it from getting shorter, nor part what could be one free extent. */
	if (builder->engine->search != NULL)
		pxd_covered_prepare(store, 1);
	table_close(store, NoLock);
	builder->batch = builder->spare != NULL ? builder->spare :
		pxd_batch_create(builder->context, builder->tupdesc, builder->stub_attrs, &builder->settings);
	builder->spare = NULL;
	builder->unplaced = 0;
	builder->chunks = false;
}

void
pxd_builder_fit(SegmentBuilder *builder, uint32 pages)
{
	/* Room for the header and for what columns begin on pages of their own; a thirty-second for back-pointers and the estimate's error. */
	uint32		overhead = 4 + builder->tupdesc->natts;

	builder->fit_bytes = pages == 0 ? 0 : (Size) (Max(pages, overhead + 1) - overhead) * BLCKSZ / 33 * 32;
}

void
pxd_builder_set_origin(SegmentBuilder *builder, bool moved, uint8 level)
{
	Assert(builder->batch == NULL);
	builder->moved = moved;
	builder->level = level;
}

static bool
reached_fit(const SegmentBuilder *builder)
{
	return builder->fit_bytes > 0 && builder->batch->bytes * builder->written_part >= builder->fit_bytes;
}

static bool
used_up_memory(Size bytes)
{
	return bytes >= (Size) pxd_build_mem_kb * 1024;
}

bool
pxd_builder_full(const SegmentBuilder *builder)
{
	return builder->batch != NULL &&
		(pxd_batch_full(builder->batch) || reached_fit(builder) || used_up_memory(collected_bytes()));
}

/*
 * Whether a segment of so many pages that is made of the batch counts as full: a merge of its rows with others would make no larger one. So it is also
 *
 * - where rows were moved until memory was used up: under a build_mem below the segment size VACUUM would merge them into the same segments each time. What a load has
 *   written with little memory may be merged by somebody with more.
 * - where rows without an order were cut into a piece that fits a free extent, and the piece has become as large as pieces should be: merged, they would take
 *   room at the end of the store again, and be cut again. Of sorted rows the engine's levels decide.
 */
static bool
is_full_segment(const SegmentBuilder *builder, Relation store, uint32 pages)
{
	if (pxd_batch_full(builder->batch))
		return true;
	if (!builder->moved)
		return false;
	return used_up_memory(builder->batch->bytes) ||
		(reached_fit(builder) && builder->settings.key.ncolumns == 0 && pages >= pxd_smallest_piece(RelationGetNumberOfBlocks(store)));
}

/* Whether the row has more bytes to seal than the engine takes. */
static bool
is_oversize(const SegmentBuilder *builder, const Datum *values, const bool *isnull)
{
	Size		bytes = 0;

	if (builder->engine->max_row_bytes == 0)
		return false;
	for (int i = 0; i < builder->tupdesc->natts; i++)
		if (!isnull[i] && TupleDescAttr(builder->tupdesc, i)->attlen == -1)
			bytes += toast_raw_datum_size(values[i]);
	return bytes > builder->engine->max_row_bytes;
}

HeapTuple
pxd_builder_add(SegmentBuilder *builder, Relation table, const Datum *values, const bool *isnull,
				Size max_len, uint32 *position)
{
	MemoryContext caller;
	HeapTuple	stub;

	Assert(RelFileNodeEquals(builder->node, table->rd_node));

	if (is_oversize(builder, values, isnull))
		return NULL;

	/* A segment is closed between rows only: its back-pointers must be complete. */
	if (builder->unplaced == 0 && pxd_builder_full(builder))
		pxd_builder_flush(builder, table);
	if (builder->batch == NULL)
		start_batch(builder, table);

	stub = pxd_stub_form(builder->tupdesc, values, isnull, builder->stub_attrs,
						 locator_make(builder->segno, builder->batch->nrows));
	if (stub == NULL)
		return NULL;
	if (stub->t_len > max_len)
	{
		pfree(stub);
		return NULL;
	}

	caller = MemoryContextSwitchTo(builder->scratch);
	*position = pxd_batch_append(builder->batch, values, isnull);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(builder->scratch);
	builder->unplaced++;

	Assert(locator_position(stub_locator(stub->t_data)) == *position);
	return stub;
}

void
pxd_builder_set_tid(SegmentBuilder *builder, uint32 position, ItemPointer tid)
{
	Assert(builder->batch != NULL && position < builder->batch->nrows);
	Assert(!ItemPointerIsValid(&builder->batch->tids[position]) && builder->unplaced > 0);

	builder->batch->tids[position] = *tid;
	builder->unplaced--;
}

void
pxd_builder_forget(SegmentBuilder *builder, uint32 position)
{
	Assert(builder->batch != NULL && position < builder->batch->nrows);
	Assert(!ItemPointerIsValid(&builder->batch->tids[position]) && builder->unplaced > 0);

	builder->unplaced--;
}

bool
pxd_builder_hides_indexed(const SegmentBuilder *builder, Relation table)
{
	Bitmapset  *indexed = RelationGetIndexAttrBitmap(table, INDEX_ATTR_BITMAP_ALL);
	int			member = -1;
	bool		hides = false;

	while (!hides && (member = bms_next_member(indexed, member)) >= 0)
		hides = !bms_is_member(member + FirstLowInvalidHeapAttributeNumber, builder->stub_attrs);
	bms_free(indexed);
	return hides;
}

void
pxd_builder_note_chunks(SegmentBuilder *builder)
{
	builder->chunks = true;
}

/*
 * The batch goes only when its segment is live: after an error caught by the user's code this transaction may
 * still see the stubs, reads their rows from the batch, and writes it again later.
 */
uint64
pxd_builder_flush(SegmentBuilder *builder, Relation table)
{
	uint64		bytes = 0;

	if (builder->batch == NULL)
		return 0;

	Assert(RelFileNodeEquals(builder->node, table->rd_node));

	if (builder->batch->nrows > 0)
	{
		MemoryContext context = AllocSetContextCreate(builder->context, "segment image", ALLOCSET_DEFAULT_SIZES);
		MemoryContext oldcontext = MemoryContextSwitchTo(context);
		Relation	store = table_open(table->rd_rel->reltoastrelid, RowExclusiveLock);
		SegmentImage image;
		uint32		pages;

		builder->engine->encode(builder->batch, &image);
		image.chunks = builder->chunks;
		image.moved = builder->moved;
		pages = pxd_image_pages(&image);
		image.full = is_full_segment(builder, store, pages);
		image.level = builder->level;
		pxd_store_write(store, builder->segno, &image);
		bytes = (uint64) pages * BLCKSZ;
		builder->written_part = Min((double) bytes / Max(builder->batch->bytes, 1), 1);
		table_close(store, NoLock);
		MemoryContextSwitchTo(oldcontext);
		MemoryContextDelete(context);
	}

	/* Keep the memory if it is not outsize and no other builder may want it: giving it back and faulting it in again costs as much as filling it. */
	Assert(builder->spare == NULL);
	if (dlist_has_next(&open_builders, dlist_head_node(&open_builders)) ||
		MemoryContextMemAllocated(builder->batch->context, true) > 4 * builder->settings.max_bytes)
		MemoryContextDelete(builder->batch->context);
	else
	{
		builder->spare = builder->batch;
		pxd_batch_reset(builder->spare);
	}
	builder->batch = NULL;
	builder->segno = InvalidSegmentNumber;
	return bytes;
}

void
pxd_builder_destroy(SegmentBuilder *builder)
{
	MemoryContextDelete(builder->context);
}

const RowBatch *
pxd_builder_find(RelFileNode node, SegmentNumber segno)
{
	dlist_iter	iter;

	dlist_foreach(iter, &open_builders)
	{
		SegmentBuilder *builder = dlist_container(SegmentBuilder, link, iter.cur);

		if (builder->batch != NULL && builder->segno == segno &&
			RelFileNodeEquals(builder->node, node))
			return builder->batch;
	}
	return NULL;
}

void
pxd_builder_subxact_abort(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &open_builders)
		dlist_container(SegmentBuilder, link, iter.cur)->unplaced = 0;
}
