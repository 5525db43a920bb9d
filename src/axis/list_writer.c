/*
 * list_writer.c: writes lists of a new index, one after the other.
 *
 * A list's pages follow each other on disk, its head first: the head takes what does not fill a page, since it is the page that
 * will take inserts. Pages are not logged one by one: the build logs the finished index.
 */
#include "postgres.h"

#include "axis_build.h"

struct ListWriter
{
	Relation	index;
	const AxisLayout *layout;
	uint32		list_id;
	uint32		rows;
	double		squares;		/* sum of the rows' squared distances from the centroid */
	Buffer		head;			/* pinned and locked while a list is written, its page not formatted yet */
	Buffer		last;			/* last full page of the list, waiting for its next pointer */
	BlockNumber first_full;
	AxisTail   *summary;		/* ranges of the list so far */
	PGAlignedBlock page;		/* rows that have not been written */
};

ListWriter *
pxd_axis_writer_begin(Relation index, const AxisLayout *layout)
{
	ListWriter *writer = palloc0(sizeof(ListWriter));

	writer->index = index;
	writer->layout = layout;
	writer->summary = palloc(layout->tail_size);
	return writer;
}

void
pxd_axis_writer_list(ListWriter *writer, uint32 list_id)
{
	writer->list_id = list_id;
	writer->rows = 0;
	writer->squares = 0;
	writer->head = pxd_axis_new_buffer(writer->index);
	writer->last = InvalidBuffer;
	writer->first_full = InvalidBlockNumber;
	pxd_axis_page_init(writer->layout, writer->page.data, AXIS_PAGE_CODES);
	memcpy(writer->summary, AxisPageTail(writer->page.data), writer->layout->tail_size);
}

/* Writes the collected rows as a full page of the list. */
static void
write_full_page(ListWriter *writer)
{
	Buffer		buffer = pxd_axis_new_buffer(writer->index);
	BlockNumber block = BufferGetBlockNumber(buffer);

	AxisPageTail(writer->page.data)->list_id = writer->list_id;
	memcpy(BufferGetPage(buffer), writer->page.data, BLCKSZ);
	MarkBufferDirty(buffer);
	if (BufferIsValid(writer->last))
	{
		AxisPageTail(BufferGetPage(writer->last))->next = block;
		MarkBufferDirty(writer->last);
		UnlockReleaseBuffer(writer->last);
	}
	else
		writer->first_full = block;
	writer->last = buffer;
	pxd_axis_page_init(writer->layout, writer->page.data, AXIS_PAGE_CODES);
}

void
pxd_axis_writer_row(ListWriter *writer, const AxisRow *row)
{
	if (AxisPageTail(writer->page.data)->rows == writer->layout->rows_per_page)
		write_full_page(writer);
	pxd_axis_page_add(writer->layout, writer->page.data, row);
	pxd_axis_page_widen(writer->layout, writer->summary, row);
	writer->rows++;
	writer->squares += (double) row->length * row->length;
}

BlockNumber
pxd_axis_writer_end_list(ListWriter *writer, uint32 *rows, uint16 *radius)
{
	BlockNumber head = BufferGetBlockNumber(writer->head);
	AxisTail   *tail = AxisPageTail(writer->page.data);

	if (BufferIsValid(writer->last))
		UnlockReleaseBuffer(writer->last);
	memcpy(tail->ranges, writer->summary->ranges, sizeof(AxisRange) * writer->layout->filters);
	tail->has_nulls = writer->summary->has_nulls;
	tail->list_id = writer->list_id;
	tail->list_rows = writer->rows;
	tail->flags = AXIS_HEAD;
	tail->next = writer->first_full;
	memcpy(BufferGetPage(writer->head), writer->page.data, BLCKSZ);
	MarkBufferDirty(writer->head);
	UnlockReleaseBuffer(writer->head);
	*rows = writer->rows;
	*radius = pxd_axis_radius(writer->squares, writer->rows);
	return head;
}
