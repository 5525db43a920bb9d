/*
 * image.c: a segment as a stream of bytes, and its pages.
 *
 * The stream is: SegmentPrefix, the engine's header, zeros up to the next page boundary (the data start),
 * the pieces with zeros between them. It runs over the pages' data areas of 8,152 bytes. Nothing here
 * touches a relation.
 */
#include "postgres.h"

#include "store_internal.h"

#define IMAGE_MAX_BYTES		((uint64) SEGMENT_MAX_PAGES * STORE_DATA_SIZE)

void
pxd_image_init(SegmentImage *image, uint8 engine, uint32 rows)
{
	memset(image, 0, sizeof(*image));
	image->context = CurrentMemoryContext;
	image->engine = engine;
	image->rows = rows;
	image->max_pieces = 16;
	image->pieces = palloc(image->max_pieces * sizeof(SegmentPiece));
}

uint64
pxd_image_add(SegmentImage *image, const char *data, Size len, bool page_aligned)
{
	uint64		alignment = page_aligned ? STORE_DATA_SIZE : 8;
	uint64		offset = (image->data_len + alignment - 1) / alignment * alignment;
	SegmentPiece *piece;

	if (len > IMAGE_MAX_BYTES || offset + len > IMAGE_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("segment would exceed %u pages", SEGMENT_MAX_PAGES)));
	if (image->npieces == image->max_pieces)
	{
		image->max_pieces *= 2;
		image->pieces = repalloc_huge(image->pieces, image->max_pieces * sizeof(SegmentPiece));
	}
	piece = &image->pieces[image->npieces++];
	piece->data = data;
	piece->len = len;
	piece->offset = offset;
	image->data_len = offset + len;
	return offset;
}

static uint32
data_page(const SegmentImage *image)
{
	return (sizeof(SegmentPrefix) + image->header_len + STORE_DATA_SIZE - 1) / STORE_DATA_SIZE;
}

uint32
pxd_image_pages(const SegmentImage *image)
{
	uint64		pages;

	if (image->header_len > IMAGE_MAX_BYTES / 2)
		pages = SEGMENT_MAX_PAGES + 1;
	else
		pages = data_page(image) + (image->data_len + STORE_DATA_SIZE - 1) / STORE_DATA_SIZE;
	if (pages > SEGMENT_MAX_PAGES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("segment would exceed %u pages", SEGMENT_MAX_PAGES)));
	return pages;
}

/*
 * Copies what lies between start and start + STORE_DATA_SIZE of a run of bytes at offset. dst is where
 * start goes.
 */
static void
copy_overlap(char *dst, uint64 start, const char *data, uint64 offset, uint64 len)
{
	uint64		from = Max(start, offset);
	uint64		to = Min(start + STORE_DATA_SIZE, offset + len);

	if (from < to)
		memcpy(dst + (from - start), data + (from - offset), to - from);
}

/* True if [offset, offset + len) covers the whole page starting at start: nothing to zero then. */
static bool
covers_page(uint64 start, uint64 offset, uint64 len)
{
	return offset <= start && offset + len >= start + STORE_DATA_SIZE;
}

static void
fill_header_page(const SegmentImage *image, uint32 page_index, char *dst)
{
	SegmentPrefix prefix = {0};
	uint64		start = (uint64) page_index * STORE_DATA_SIZE;

	prefix.magic = SEGMENT_MAGIC;
	prefix.version = SEGMENT_VERSION;
	prefix.engine = image->engine;
	prefix.level = image->level;
	prefix.rows = image->rows;
	prefix.data_page = data_page(image);
	prefix.header_len = image->header_len;
	prefix.data_len = image->data_len;

	memset(dst, 0, STORE_DATA_SIZE);
	copy_overlap(dst, start, (const char *) &prefix, 0, sizeof(prefix));
	copy_overlap(dst, start, image->header, sizeof(prefix), image->header_len);
}

static void
fill_data_page(const SegmentImage *image, ImageCursor *cursor, uint64 start, char *dst)
{
	/* pieces are in ascending order; those that end before this page are of no use to later ones either */
	while (cursor->piece < image->npieces &&
		   image->pieces[cursor->piece].offset + image->pieces[cursor->piece].len <= start)
		cursor->piece++;

	if (cursor->piece == image->npieces ||
		!covers_page(start, image->pieces[cursor->piece].offset, image->pieces[cursor->piece].len))
		memset(dst, 0, STORE_DATA_SIZE);
	for (int i = cursor->piece; i < image->npieces && image->pieces[i].offset < start + STORE_DATA_SIZE; i++)
		copy_overlap(dst, start, image->pieces[i].data, image->pieces[i].offset, image->pieces[i].len);
}

void
pxd_image_fill(const SegmentImage *image, ImageCursor *cursor, uint32 page_index, Page page)
{
	uint32		first_data = data_page(image);

	if (page_index < first_data)
		fill_header_page(image, page_index, StorePageData(page));
	else
		fill_data_page(image, cursor, (uint64) (page_index - first_data) * STORE_DATA_SIZE,
					   StorePageData(page));
	StorePageTag(page)->crc = store_page_crc(page);
}
