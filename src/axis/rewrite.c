/*
 * rewrite.c: replaces lists of a living index by others: freezing, new chains, the change of the directory, deletion.
 *
 * All functions expect the structure lock to be held (but for writing chains, which nobody sees yet), and hold
 * locks of one page at a time; the change of the directory locks its pages and then the metapage. Everything is logged with
 * generic WAL. axis_rewrite.h says what is left over where when a rewrite ends early.
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "access/transam.h"
#include "miscadmin.h"
#include "storage/freespace.h"

#include "axis_rewrite.h"

/* --- frozen lists --- */

uint32
pxd_axis_freeze(Relation index, BlockNumber head, uint32 list_id)
{
	Buffer		buffer = pxd_axis_read(index, head, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_CODES, list_id);
	GenericXLogState *state = GenericXLogStart(index);
	AxisTail   *tail = AxisPageTail(GenericXLogRegisterBuffer(state, buffer, 0));
	uint32		rows = tail->list_rows;

	Assert(tail->kind == AXIS_PAGE_CODES && (tail->flags & AXIS_HEAD));
	tail->flags |= AXIS_FROZEN;
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
	return rows;
}

void
pxd_axis_thaw(Relation index, BlockNumber head, uint32 list_id, uint32 unsplit_rows)
{
	Buffer		buffer = pxd_axis_read(index, head, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_CODES, list_id);

	if (AxisPageTail(BufferGetPage(buffer))->flags & AXIS_FROZEN)
	{
		GenericXLogState *state = GenericXLogStart(index);
		AxisTail   *tail = AxisPageTail(GenericXLogRegisterBuffer(state, buffer, 0));

		tail->flags &= ~AXIS_FROZEN;
		if (unsplit_rows != 0)
			tail->unsplit_rows = unsplit_rows;
		GenericXLogFinish(state);
	}
	UnlockReleaseBuffer(buffer);
}

/* --- new chains --- */

struct ChainWriter
{
	Relation	index;
	const AxisLayout *layout;
	uint32		list_id;
	uint32		rows;
	double		squares;		/* sum of the rows' squared distances from the centroid */
	BlockNumber last;			/* page written last, the next of the one to come */
	AxisTail   *summary;		/* ranges of the list so far */
	PGAlignedBlock page;		/* rows that have not been written */
};

ChainWriter *
pxd_axis_chain_begin(Relation index, const AxisLayout *layout, uint32 list_id)
{
	ChainWriter *chain = palloc0(sizeof(ChainWriter));

	chain->index = index;
	chain->layout = layout;
	chain->list_id = list_id;
	chain->last = InvalidBlockNumber;
	chain->summary = palloc(layout->tail_size);
	pxd_axis_page_init(layout, chain->page.data, AXIS_PAGE_CODES);
	memcpy(chain->summary, AxisPageTail(chain->page.data), layout->tail_size);
	return chain;
}

/* Writes the collected rows as a page that stands before all others of the chain. */
static void
write_page(ChainWriter *chain)
{
	AxisTail   *tail = AxisPageTail(chain->page.data);
	Buffer		buffer;
	GenericXLogState *state;
	Page		page;

	CHECK_FOR_INTERRUPTS();
	tail->list_id = chain->list_id;
	tail->next = chain->last;
	buffer = pxd_axis_new_buffer(chain->index);
	state = GenericXLogStart(chain->index);
	page = GenericXLogRegisterBuffer(state, buffer, GENERIC_XLOG_FULL_IMAGE);
	memcpy(page, chain->page.data, BLCKSZ);
	GenericXLogFinish(state);
	chain->last = BufferGetBlockNumber(buffer);
	UnlockReleaseBuffer(buffer);
	pxd_axis_page_init(chain->layout, chain->page.data, AXIS_PAGE_CODES);
}

void
pxd_axis_chain_row(ChainWriter *chain, const AxisRow *row)
{
	if (AxisPageTail(chain->page.data)->rows == chain->layout->rows_per_page)
		write_page(chain);
	pxd_axis_page_add(chain->layout, chain->page.data, row);
	pxd_axis_page_widen(chain->layout, chain->summary, row);
	chain->rows++;
	chain->squares += (double) row->length * row->length;
}

uint32
pxd_axis_chain_rows(const ChainWriter *chain)
{
	return chain->rows;
}

void
pxd_axis_chain_end(ChainWriter *chain, uint32 unsplit_rows, AxisEntry *entry)
{
	AxisTail   *tail = AxisPageTail(chain->page.data);

	memcpy(tail->ranges, chain->summary->ranges, sizeof(AxisRange) * chain->layout->filters);
	tail->has_nulls = chain->summary->has_nulls;
	tail->flags = AXIS_HEAD;
	tail->list_rows = chain->rows;
	tail->unsplit_rows = unsplit_rows;
	write_page(chain);
	entry->head = chain->last;
	entry->rows = chain->rows;
	entry->radius = pxd_axis_radius(chain->squares, chain->rows);
	pfree(chain->summary);
	pfree(chain);
}

/* --- the directory --- */

AxisEntry *
pxd_axis_entry_make(const AxisLayout *layout, int kind, const float *centroid)
{
	AxisEntry  *entry = palloc0(layout->entry_size);

	entry->kind = kind;
	entry->head = InvalidBlockNumber;
	pxd_axis_entry_fill(layout, entry, centroid);
	return entry;
}

/* Adds an empty page to the directory's chain, which is harmless until there are entries on it. */
static void
link_directory_page(Relation index, const AxisLayout *layout, BlockNumber last)
{
	Buffer		buffers[3];
	GenericXLogState *state;
	BlockNumber block;

	buffers[0] = pxd_axis_read(index, last, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_DIRECTORY, 0);
	buffers[1] = pxd_axis_new_buffer(index);
	buffers[2] = pxd_axis_read(index, AXIS_META_BLOCK, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_META, 0);
	block = BufferGetBlockNumber(buffers[1]);

	state = GenericXLogStart(index);
	AxisPageTail(GenericXLogRegisterBuffer(state, buffers[0], 0))->next = block;
	pxd_axis_page_init(layout, GenericXLogRegisterBuffer(state, buffers[1], GENERIC_XLOG_FULL_IMAGE),
					   AXIS_PAGE_DIRECTORY);
	AxisPageMeta(GenericXLogRegisterBuffer(state, buffers[2], 0))->directory_tail = block;
	GenericXLogFinish(state);
	for (int i = 0; i < lengthof(buffers); i++)
		UnlockReleaseBuffer(buffers[i]);
}

uint32
pxd_axis_free_entry(Relation index, const AxisDirectory *directory)
{
	uint32		entries = directory->meta.entries;
	uint32		per_page = directory->layout.entries_per_page;
	BlockNumber last = directory->page[directory->pages - 1];

	/* a number that no list has is free */
	if (directory->lists + AXIS_FIRST_LIST_NUMBER < entries)
	{
		bool	   *taken = palloc0(entries);
		uint32		number = AXIS_FIRST_LIST_NUMBER;

		for (int i = 0; i < directory->lists; i++)
			taken[directory->number[i]] = true;
		while (taken[number])
			number++;
		Assert(number < entries);
		pfree(taken);
		return number;
	}

	/* the page for the next one may be there already, linked by a split that went no further */
	if (entries / per_page >= directory->pages)
	{
		AxisMeta	meta;

		pxd_axis_read_meta(index, &meta);
		if (meta.directory_tail == last)
			link_directory_page(index, &directory->layout, last);
	}
	return entries;
}

void
pxd_axis_change_directory(Relation index, const AxisDirectory *directory, const EntryChange *changes, int count,
						  uint32 new_lists)
{
	const AxisLayout *layout = &directory->layout;
	GenericXLogState *state;
	Buffer		buffers[MAX_ENTRY_CHANGES + 1];
	Page		pages[MAX_ENTRY_CHANGES + 1];
	BlockNumber blocks[MAX_ENTRY_CHANGES + 1];
	int			used = 0;
	AxisMeta	meta;
	AxisMeta   *new_meta;

	pxd_axis_read_meta(index, &meta);
	Assert(meta.directory_version == directory->meta.directory_version);

	state = GenericXLogStart(index);
	for (int i = 0; i < count; i++)
	{
		uint32		number = changes[i].number;
		int			page_number = number / layout->entries_per_page;
		BlockNumber block = page_number < directory->pages ? directory->page[page_number] : meta.directory_tail;
		int			slot = number % layout->entries_per_page;
		int			p = 0;

		while (p < used && blocks[p] != block)
			p++;
		if (p == used)
		{
			if (used == MAX_ENTRY_CHANGES)
				elog(ERROR, "too many pages for one change of an axis directory");
			blocks[p] = block;
			buffers[p] = pxd_axis_read(index, block, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_DIRECTORY, 0);
			pages[p] = GenericXLogRegisterBuffer(state, buffers[p], 0);
			used++;
		}
		memcpy(pxd_axis_page_entry(layout, pages[p], slot), changes[i].entry, layout->entry_size);
		if (slot >= AxisPageTail(pages[p])->rows)
		{
			Assert(number == meta.entries && slot == AxisPageTail(pages[p])->rows);
			AxisPageTail(pages[p])->rows = slot + 1;
			meta.entries++;
		}
	}
	buffers[used] = pxd_axis_read(index, AXIS_META_BLOCK, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_META, 0);
	new_meta = AxisPageMeta(GenericXLogRegisterBuffer(state, buffers[used], 0));
	new_meta->entries = meta.entries;
	new_meta->next_list_id += new_lists;
	new_meta->directory_version++;
	GenericXLogFinish(state);
	for (int i = 0; i <= used; i++)
		UnlockReleaseBuffer(buffers[i]);
}

/* --- deletion --- */

uint64
pxd_axis_deletion_xid(void)
{
	return U64FromFullTransactionId(ReadNextFullTransactionId());
}

void
pxd_axis_delete_chain(Relation index, BlockNumber head, uint32 list_id)
{
	uint64		deleted_xid = pxd_axis_deletion_xid();
	BlockNumber block = head;
	BlockNumber lowest = head;
	BlockNumber highest = head;

	while (block != InvalidBlockNumber)
	{
		Buffer		buffer = pxd_axis_read(index, block, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_CODES, list_id);
		GenericXLogState *state = GenericXLogStart(index);
		AxisTail   *tail = AxisPageTail(GenericXLogRegisterBuffer(state, buffer, 0));
		BlockNumber next = tail->next;

		tail->kind = AXIS_PAGE_DELETED;
		tail->deleted_xid = deleted_xid;
		GenericXLogFinish(state);
		UnlockReleaseBuffer(buffer);
		pxd_axis_offer_page(index, block, false);
		lowest = Min(lowest, block);
		highest = Max(highest, block);
		block = next;
		CHECK_FOR_INTERRUPTS();
	}
	FreeSpaceMapVacuumRange(index, lowest, highest + 1);
}
