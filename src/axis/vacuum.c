/*
 * vacuum.c: VACUUM of an axis index: takes dead rows out of the lists, and keeps lists and pages from wasting room.
 *
 * Bulk deletion walks every list under the structure lock, each page exclusively locked for itself. Rows leave a page by
 * moving the last one into their place. Where two neighbours fit on one page, the rows of the right one are added to the left one,
 * and the right one is taken out of the chain but keeps its rows and its next pointer: a scan that has read the left page before
 * goes on to it and sees them once; one that comes later never gets there. Rows never move otherwise but by inserts, from the head
 * to a page behind it (insert.c), and the head is never merged, so no scan misses rows or sees them twice.
 *
 * Cleanup merges small lists, brings the directory's row counts up to date, looks for free pages (sweep.c), and has the reach
 * measured again if the number of rows has changed by a fifth.
 */
#include "postgres.h"

#include <math.h>

#include "access/generic_xlog.h"
#include "access/table.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "axis_rewrite.h"

typedef struct ListVacuum
{
	Relation	index;
	const AxisLayout *layout;
	IndexBulkDeleteResult *stats;
	IndexBulkDeleteCallback callback;
	void	   *callback_state;
	uint16	   *dead;			/* numbers of dead rows on a page */
	AxisRow    *row;			/* scratch */
	PGAlignedBlock summary;		/* a page whose tail has the ranges of the rows that were kept */

	/* of the list */
	BlockNumber head;
	uint32		list_id;
	BlockNumber behind;			/* what follows the head */
	uint32		kept;			/* on pages behind the head */
	uint32		removed;		/* from them */
} ListVacuum;

/* Widens the summary by the rows of a page. */
static void
summarise(ListVacuum *vacuum, Page page)
{
	if (vacuum->layout->filters == 0)
		return;
	for (int i = 0; i < AxisPageTail(page)->rows; i++)
	{
		pxd_axis_page_get(vacuum->layout, page, i, vacuum->row);
		pxd_axis_page_widen(vacuum->layout, AxisPageTail(vacuum->summary.data), vacuum->row);
	}
}

/* Takes the dead rows out of a page, locked in buffer. Returns how many there were. */
static int
clean_page(ListVacuum *vacuum, Buffer buffer, bool is_head)
{
	Page		page = BufferGetPage(buffer);
	ItemPointer tids = (ItemPointer) (page + vacuum->layout->tids);
	AxisTail   *tail = AxisPageTail(page);
	bool		frozen = (tail->flags & AXIS_FROZEN) != 0;
	GenericXLogState *state;
	int			count = 0;

	for (int i = 0; i < tail->rows; i++)
		if (vacuum->callback(&tids[i], vacuum->callback_state))
			vacuum->dead[count++] = i;
	if (count == 0 && !frozen)
		return 0;

	state = GenericXLogStart(vacuum->index);
	page = GenericXLogRegisterBuffer(state, buffer, 0);
	/* from the end, so that the row that moves is one to be kept */
	for (int i = count - 1; i >= 0; i--)
		pxd_axis_page_remove(vacuum->layout, page, vacuum->dead[i]);
	tail = AxisPageTail(page);
	if (is_head)
		tail->list_rows -= Min(tail->list_rows, (uint32) count);
	/* we hold the structure lock, so whoever froze the list has failed */
	tail->flags &= ~AXIS_FROZEN;
	GenericXLogFinish(state);
	vacuum->stats->tuples_removed += count;
	return count;
}

/* Adds the rows of a page to those of its left neighbour, which is not the list's head, and takes it out of the chain. */
static void
merge_pages(ListVacuum *vacuum, BlockNumber left, BlockNumber right)
{
	Buffer		left_buffer = pxd_axis_read(vacuum->index, left, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_CODES,
											vacuum->list_id);
	Buffer		right_buffer = pxd_axis_read(vacuum->index, right, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_CODES,
											 vacuum->list_id);
	GenericXLogState *state = GenericXLogStart(vacuum->index);
	Page		left_page = GenericXLogRegisterBuffer(state, left_buffer, 0);
	Page		right_page = GenericXLogRegisterBuffer(state, right_buffer, 0);
	AxisTail   *tail = AxisPageTail(right_page);

	Assert(AxisPageTail(left_page)->next == right && !(AxisPageTail(left_page)->flags & AXIS_HEAD));
	for (int i = 0; i < tail->rows; i++)
	{
		pxd_axis_page_get(vacuum->layout, right_page, i, vacuum->row);
		pxd_axis_page_add(vacuum->layout, left_page, vacuum->row);
	}
	AxisPageTail(left_page)->next = tail->next;
	tail->kind = AXIS_PAGE_DELETED;
	tail->deleted_xid = pxd_axis_deletion_xid();
	GenericXLogFinish(state);
	UnlockReleaseBuffer(right_buffer);
	UnlockReleaseBuffer(left_buffer);
	vacuum->stats->pages_newly_deleted++;
}

/* Cleans the pages behind the head and merges neighbours that fit on one page. */
static void
clean_chain(ListVacuum *vacuum)
{
	BlockNumber block = vacuum->behind;
	BlockNumber left = InvalidBlockNumber;
	int			left_rows = 0;

	while (block != InvalidBlockNumber)
	{
		Buffer		buffer;
		AxisTail   *tail;
		BlockNumber next;
		int			rows;

		vacuum_delay_point();
		buffer = pxd_axis_read(vacuum->index, block, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_CODES, vacuum->list_id);
		tail = AxisPageTail(BufferGetPage(buffer));
		vacuum->removed += clean_page(vacuum, buffer, false);
		summarise(vacuum, BufferGetPage(buffer));
		rows = tail->rows;
		next = tail->next;
		UnlockReleaseBuffer(buffer);

		vacuum->kept += rows;
		if (left != InvalidBlockNumber && left_rows + rows <= vacuum->layout->rows_per_page)
		{
			merge_pages(vacuum, left, block);
			left_rows += rows;
		}
		else
		{
			left = block;
			left_rows = rows;
		}
		block = next;
	}
}

/* Takes the page behind the head out of the chain, if it is empty and the last one. The head is locked. */
static bool
unlink_empty(ListVacuum *vacuum, Buffer head)
{
	Buffer		buffer = pxd_axis_read(vacuum->index, vacuum->behind, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_CODES,
									   vacuum->list_id);
	AxisTail   *tail = AxisPageTail(BufferGetPage(buffer));
	bool		empty = tail->rows == 0 && tail->next == InvalidBlockNumber;

	if (empty)
	{
		GenericXLogState *state = GenericXLogStart(vacuum->index);

		AxisPageTail(GenericXLogRegisterBuffer(state, head, 0))->next = InvalidBlockNumber;
		tail = AxisPageTail(GenericXLogRegisterBuffer(state, buffer, 0));
		tail->kind = AXIS_PAGE_DELETED;
		tail->deleted_xid = pxd_axis_deletion_xid();
		GenericXLogFinish(state);
		vacuum->stats->pages_newly_deleted++;
	}
	UnlockReleaseBuffer(buffer);
	return empty;
}

/*
 * Brings the list's row count and ranges on its head up to date. They are exact if no page has been put behind the head since it
 * was cleaned; else rows counted are subtracted, and ranges stay as wide as they are.
 */
static void
finish_list(ListVacuum *vacuum)
{
	Buffer		buffer = pxd_axis_read(vacuum->index, vacuum->head, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_CODES,
									   vacuum->list_id);
	Page		page = BufferGetPage(buffer);
	AxisTail   *tail = AxisPageTail(page);
	AxisTail   *summary = AxisPageTail(vacuum->summary.data);
	Size		ranges = sizeof(AxisRange) * vacuum->layout->filters;
	bool		exact = tail->next == vacuum->behind;
	uint32		rows = exact ? tail->rows + vacuum->kept : tail->list_rows - Min(tail->list_rows, vacuum->removed);

	summarise(vacuum, page);
	if (rows != tail->list_rows ||
		(exact && (summary->has_nulls != tail->has_nulls || memcmp(summary->ranges, tail->ranges, ranges) != 0)))
	{
		GenericXLogState *state = GenericXLogStart(vacuum->index);

		tail = AxisPageTail(GenericXLogRegisterBuffer(state, buffer, 0));
		tail->list_rows = rows;
		if (exact)
		{
			memcpy(tail->ranges, summary->ranges, ranges);
			tail->has_nulls = summary->has_nulls;
		}
		GenericXLogFinish(state);
	}
	if (exact && vacuum->behind != InvalidBlockNumber)
		unlink_empty(vacuum, buffer);
	UnlockReleaseBuffer(buffer);
	vacuum->stats->num_index_tuples += rows;
}

static void
vacuum_list(ListVacuum *vacuum, BlockNumber head, uint32 list_id)
{
	Buffer		buffer;

	vacuum_delay_point();
	vacuum->head = head;
	vacuum->list_id = list_id;
	vacuum->kept = 0;
	vacuum->removed = 0;
	pxd_axis_page_init(vacuum->layout, vacuum->summary.data, AXIS_PAGE_CODES);

	buffer = pxd_axis_read(vacuum->index, head, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_CODES, list_id);
	clean_page(vacuum, buffer, true);
	vacuum->behind = AxisPageTail(BufferGetPage(buffer))->next;
	UnlockReleaseBuffer(buffer);
	clean_chain(vacuum);
	finish_list(vacuum);
}

IndexBulkDeleteResult *
pxd_axis_bulk_delete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats, IndexBulkDeleteCallback callback,
					 void *callback_state)
{
	MemoryContext context;
	MemoryContext old_context;
	AxisDirectory *directory;
	ListVacuum *vacuum;

	if (stats == NULL)
		stats = palloc0(sizeof(IndexBulkDeleteResult));
	stats->num_index_tuples = 0;
	stats->estimated_count = false;

	context = AllocSetContextCreate(CurrentMemoryContext, "axis vacuum", ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(context);
	pxd_axis_lock_structure(info->index, true);
	directory = pxd_axis_directory_open(info->index);
	vacuum = palloc0(sizeof(ListVacuum));
	vacuum->index = info->index;
	vacuum->layout = &directory->layout;
	vacuum->stats = stats;
	vacuum->callback = callback;
	vacuum->callback_state = callback_state;
	vacuum->dead = palloc(sizeof(uint16) * directory->layout.rows_per_page);
	vacuum->row = palloc(directory->layout.row_size);

	vacuum_list(vacuum, directory->nulls_head, directory->nulls_id);
	for (int i = 0; i < directory->lists; i++)
		vacuum_list(vacuum, directory->head[i], directory->list_id[i]);
	pxd_axis_unlock_structure(info->index);

	stats->num_pages = RelationGetNumberOfBlocks(info->index);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	return stats;
}

/* --- cleanup --- */

/* Whether a number of rows is so far from that when the reach was measured that it should be measured again; never without codes. */
static bool
far_from_calibrated(const AxisMeta *meta, double rows)
{
	return meta->code_bits > 0 && fabs(rows - (double) meta->calibrated_rows) > (double) meta->calibrated_rows / 5;
}

/* Sets the row counts of lists first .. end - 1, which stand on one page of the directory. */
static void
write_row_counts(Relation index, const AxisDirectory *directory, int first, int end, const uint32 *rows)
{
	int			per_page = directory->layout.entries_per_page;
	Buffer		buffer = pxd_axis_read(index, directory->page[directory->number[first] / per_page],
									   BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_DIRECTORY, 0);
	GenericXLogState *state = GenericXLogStart(index);
	Page		page = GenericXLogRegisterBuffer(state, buffer, 0);

	for (int i = first; i < end; i++)
		pxd_axis_page_entry(&directory->layout, page, directory->number[i] % per_page)->rows = rows[i];
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
}

static uint32
read_row_count(Relation index, BlockNumber head, uint32 list_id)
{
	Buffer		buffer = pxd_axis_read(index, head, BUFFER_LOCK_SHARE, AXIS_PAGE_CODES, list_id);
	uint32		rows = AxisPageTail(BufferGetPage(buffer))->list_rows;

	UnlockReleaseBuffer(buffer);
	return rows;
}

/*
 * Brings row counts of the directory up to date, on pages where one is off by more than an eighth. Returns the rows of the
 * index.
 */
static double
update_row_counts(Relation index, const AxisDirectory *directory)
{
	uint32	   *rows = palloc(sizeof(uint32) * directory->lists);
	double		total = read_row_count(index, directory->nulls_head, directory->nulls_id);
	bool		any = false;
	int			end;

	/* lists are in the order of their entries */
	for (int first = 0; first < directory->lists; first = end)
	{
		uint32		page_number = directory->number[first] / directory->layout.entries_per_page;
		bool		differ = false;

		for (end = first; end < directory->lists; end++)
		{
			uint32		known = directory->rows[end];

			if (directory->number[end] / directory->layout.entries_per_page != page_number)
				break;
			vacuum_delay_point();
			rows[end] = read_row_count(index, directory->head[end], directory->list_id[end]);
			total += rows[end];
			differ |= Max(rows[end], known) - Min(rows[end], known) > known / 8;
		}
		if (differ)
			write_row_counts(index, directory, first, end, rows);
		any |= differ;
	}
	/* another version of the directory, so that everybody reads it again */
	if (any)
		pxd_axis_change_directory(index, directory, NULL, 0, 0);
	return total;
}

/* Notes on the metapage that nothing is left to be freed, or that there is. */
static void
note_swept(Relation index, bool done)
{
	Buffer		buffer = pxd_axis_read(index, AXIS_META_BLOCK, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_META, 0);
	AxisMeta   *meta = AxisPageMeta(BufferGetPage(buffer));
	uint64		version = done ? meta->directory_version : 0;

	if (meta->swept_version != version)
	{
		GenericXLogState *state = GenericXLogStart(index);

		AxisPageMeta(GenericXLogRegisterBuffer(state, buffer, 0))->swept_version = version;
		GenericXLogFinish(state);
	}
	UnlockReleaseBuffer(buffer);
}

/*
 * Cleans up under the structure lock; looks for free pages only if there may be some that were not known before. Returns
 * the rows of the index.
 */
static double
clean_up(Relation index, bool sweep, IndexBulkDeleteResult *stats)
{
	double		rows = update_row_counts(index, pxd_axis_directory_open(index));
	AxisDirectory *directory = pxd_axis_directory_open(index);
	SweepResult swept = {.pages = RelationGetNumberOfBlocks(index)};

	if (sweep)
		pxd_axis_sweep(index, directory, &swept);
	note_swept(index, swept.free == swept.deleted);
	if (far_from_calibrated(&directory->meta, rows))
		pxd_axis_recalibrate(index);

	stats->num_pages = swept.pages;
	stats->pages_deleted = swept.deleted;
	stats->pages_free = swept.free;
	return rows;
}

IndexBulkDeleteResult *
pxd_axis_vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	Relation	index = info->index;
	MemoryContext context;
	MemoryContext old_context;
	AxisMeta	meta;
	bool		sweep;
	double		rows;

	if (info->analyze_only)
		return stats;
	pxd_axis_read_meta(index, &meta);
	sweep = stats != NULL || meta.swept_version != meta.directory_version;
	if (!sweep && !far_from_calibrated(&meta, info->num_heap_tuples))
		return NULL;
	if (stats == NULL)
		stats = palloc0(sizeof(IndexBulkDeleteResult));

	context = AllocSetContextCreate(CurrentMemoryContext, "axis vacuum", ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(context);
	if (stats->tuples_removed > 0)
	{
		/* locked by VACUUM already */
		Relation	table = table_open(index->rd_index->indrelid, AccessShareLock);

		pxd_axis_merge_small(index, table);
		table_close(table, AccessShareLock);
	}
	pxd_axis_lock_structure(index, true);
	rows = clean_up(index, sweep, stats);
	pxd_axis_unlock_structure(index);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);

	/* rows inserted since the table was looked at count in the index only */
	stats->num_index_tuples = info->estimated_count ? rows : Min(rows, info->num_heap_tuples);
	stats->estimated_count = false;
	return stats;
}
