/*
 * header_internal.h: what the files that read and write segment headers share.
 */
#ifndef PXD_HEADER_INTERNAL_H
#define PXD_HEADER_INTERNAL_H

#include "postgres.h"

#include "codec.h"

/* Union branches, as Avro longs. */
#define BRANCH_NULL		0
#define BRANCH_VALUE	1

/* Sanity limits of hostile headers; what the writer makes is far below. */
#define MAX_OFFSET		((INT64CONST(1) << 48) - 1)
#define MAX_ROWS		(1 << 24)	/* what a locator can name */
#define MAX_ATTRIBUTES	MaxHeapAttributeNumber

/*
 * zstd stores at best 128 kB in four bytes; a block that claims more than twice that ratio is damaged.
 */
#define MAX_ZSTD_RATIO	65536

/* --- writing --- */

static inline void
put_array_start(StringInfo buf, int64 count)
{
	/* The end of an array is a zero, and an empty one is nothing else. */
	if (count > 0)
		pxd_avro_put_long(buf, count);
}

static inline void
put_array_end(StringInfo buf)
{
	pxd_avro_put_long(buf, 0);
}

static inline void
put_optional_long(StringInfo buf, bool present, uint64 value)
{
	pxd_avro_put_long(buf, present ? BRANCH_VALUE : BRANCH_NULL);
	if (present)
		pxd_avro_put_long(buf, (int64) value);
}

/* --- reading --- */

static inline bool
get_uint32(AvroCursor *cursor, uint32 max, uint32 *result)
{
	int64		value;

	if (!pxd_avro_get_range(cursor, 0, max, &value))
		return false;
	*result = (uint32) value;
	return true;
}

static inline bool
get_offset(AvroCursor *cursor, uint64 *result)
{
	int64		value;

	if (!pxd_avro_get_range(cursor, 0, MAX_OFFSET, &value))
		return false;
	*result = (uint64) value;
	return true;
}

/* An optional offset that must be there, or must not. */
static inline bool
get_optional_offset(AvroCursor *cursor, bool present, uint64 *result)
{
	int64		branch = present ? BRANCH_VALUE : BRANCH_NULL;

	*result = 0;
	return pxd_avro_get_range(cursor, branch, branch, &branch) && (!present || get_offset(cursor, result));
}

/*
 * The item count of an array, whose items take at least item_min_bytes: no count is believed that the
 * remaining bytes cannot hold. A count of zero is already the array's end.
 */
static inline bool
get_array_start(AvroCursor *cursor, uint32 item_min_bytes, uint32 *count)
{
	Size		left = cursor->end - cursor->ptr;

	return get_uint32(cursor, (uint32) Min(left / item_min_bytes, PG_INT32_MAX), count);
}

static inline bool
get_array_end(AvroCursor *cursor, uint32 count)
{
	int64		zero;

	return count == 0 || pxd_avro_get_range(cursor, 0, 0, &zero);
}

/* An array of blocks; reading, one that covers rows rows exactly. Returns what is wrong, or NULL. */
extern void pxd_header_put_blocks(StringInfo buf, uint32 nblocks, const HeaderBlock *blocks);
extern const char *pxd_header_get_blocks(AvroCursor *cursor, uint32 rows, uint32 *nblocks, HeaderBlock **blocks);

/* The run, without its union branch; reading, with it, checked against the columns, which have been read. Sets header->run. */
extern void pxd_header_put_run(StringInfo buf, const HeaderRun *run);
extern const char *pxd_header_get_run(AvroCursor *cursor, SegmentHeader *header);

/* Whether attnum is in the sort key of run, which may be NULL. */
extern bool pxd_header_is_key(const HeaderRun *run, AttrNumber attnum);

#endif
