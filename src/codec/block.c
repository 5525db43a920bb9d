/*
 * block.c: column blocks, Avro arrays of the items of one column.
 *
 * A block is one Avro array in one array block: the item count, the items, a zero. Items of a column that has
 * NULLs in its segment are unions [null, T]. The writer takes flat bytes, as a RowBatch holds them, and the
 * reader gives the same bytes back. The reader only reads what the writer writes: an array split into several
 * array blocks, which Avro allows, is taken for damage.
 *
 * The reader works in two steps. pxd_block_index walks the array once, checks every item and notes where it
 * starts; from then on pxd_block_item needs no checks.
 *
 * No state, no locks, no WAL.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"

#include "codec.h"
#include "vector.h"

/* Room in front of the items, for the item count. */
#define COUNT_GAP	AVRO_LONG_MAX_BYTES

/* Union branches, as Avro longs. */
#define BRANCH_NULL		0
#define BRANCH_VALUE	1

#ifdef WORDS_BIGENDIAN
#error "segments hold little-endian items"
#endif

ItemEncoding
pxd_item_encoding(Oid typid, int16 attlen, bool attbyval, uint8 element_size)
{
	if (typid == BOOLOID)
		return ITEM_BOOLEAN;
	if (typid == FLOAT4OID)
		return ITEM_FLOAT;
	if (typid == FLOAT8OID)
		return ITEM_DOUBLE;
	if (attbyval)
		return attlen == sizeof(int64) ? ITEM_LONG : ITEM_INT;
	if (attlen > 0)
		return ITEM_FIXED;
	if (element_size > 0)
		return element_size == sizeof(float4) ? ITEM_VECTOR : ITEM_HALFVEC;
	if (GetDatabaseEncoding() == PG_UTF8 &&
		(typid == TEXTOID || typid == VARCHAROID || typid == BPCHAROID ||
		 typid == JSONOID || typid == XMLOID))
		return ITEM_STRING;
	return ITEM_BYTES;
}

bool
pxd_item_format_valid(const ItemFormat *format)
{
	int			len = format->attlen;
	bool		sized = format->attbyval && format->item_size == len;

	switch (format->encoding)
	{
		case ITEM_BOOLEAN:
			return sized && len == 1;
		case ITEM_INT:
			return sized && (len == 1 || len == 2 || len == 4);
		case ITEM_FLOAT:
			return sized && len == 4;
		case ITEM_LONG:
		case ITEM_DOUBLE:
			return sized && len == 8;
		case ITEM_FIXED:
			return !format->attbyval && len > 0 && format->item_size == len;
		case ITEM_VECTOR:
		case ITEM_HALFVEC:
			return !format->attbyval && len == -1 && format->item_size > 0 &&
				format->item_size % pxd_item_element_size(format->encoding) == 0 &&
				format->item_size / pxd_item_element_size(format->encoding) <= VECTOR_MAX_DIM;
		case ITEM_STRING:
			return !format->attbyval && len == -1 && format->item_size == 0;
		case ITEM_BYTES:
			return !format->attbyval && (len == -1 || len == -2) && format->item_size == 0;
	}
	return false;
}

/* --- writing --- */

void
pxd_block_begin(BlockWriter *writer, const ItemFormat *format)
{
	Assert(pxd_item_format_valid(format));
	writer->format = *format;
	writer->context = CurrentMemoryContext;
	writer->capacity = BLOCK_TARGET_BYTES + BLOCK_TARGET_BYTES / 2;
	writer->buf = palloc(writer->capacity);
	writer->len = COUNT_GAP;
	writer->rows = 0;
}

bool
pxd_block_full(const BlockWriter *writer, Size len)
{
	if (writer->rows == 0)
		return false;
	return writer->rows >= BLOCK_MAX_ROWS || writer->len - COUNT_GAP + len > BLOCK_TARGET_BYTES;
}

/* Returns where to write, with room for len bytes and what Avro may add to them, the array's end included. */
static char *
reserve(BlockWriter *writer, Size len)
{
	Size		need = writer->len + len + 2 + AVRO_LONG_MAX_BYTES;

	if (unlikely(need > writer->capacity))
	{
		/* One large item must not be copied twice over by doubling. */
		writer->capacity = Max(need, 2 * writer->capacity);
		if (need > BLOCK_TARGET_BYTES * 8)
			writer->capacity = need;
		writer->buf = repalloc_huge(writer->buf, writer->capacity);
	}
	return writer->buf + writer->len;
}

void
pxd_block_put_null(BlockWriter *writer)
{
	char	   *dst = pxd_item_write_null(reserve(writer, 0), &writer->format);

	writer->len = dst - writer->buf;
	writer->rows++;
}

/* The value of a pass-by-value integer of len bytes, from its flat bytes. */
static int64
read_int(const char *item, int len)
{
	int16		two;
	int32		four;
	int64		eight;

	switch (len)
	{
		case 1:
			return (int8) *item;
		case 2:
			memcpy(&two, item, sizeof(two));
			return two;
		case 4:
			memcpy(&four, item, sizeof(four));
			return four;
		default:
			memcpy(&eight, item, sizeof(eight));
			return eight;
	}
}

char *
pxd_item_write(char *dst, const ItemFormat *format, const char *item, Size len)
{
	Assert(format->item_size == 0 || format->item_size == len);
	if (format->nullable)
		dst = pxd_avro_write_long(dst, BRANCH_VALUE);
	switch (format->encoding)
	{
		case ITEM_BOOLEAN:
			*dst++ = (*item != 0);
			break;
		case ITEM_INT:
		case ITEM_LONG:
			dst = pxd_avro_write_long(dst, read_int(item, (int) len));
			break;
		case ITEM_STRING:
		case ITEM_BYTES:
			dst = pxd_avro_write_long(dst, (int64) len);
			/* FALLTHROUGH */
		case ITEM_FLOAT:
		case ITEM_DOUBLE:
		case ITEM_FIXED:
		case ITEM_VECTOR:
		case ITEM_HALFVEC:
			memcpy(dst, item, len);
			dst += len;
			break;
	}
	return dst;
}

char *
pxd_item_write_null(char *dst, const ItemFormat *format)
{
	Assert(format->nullable);
	return pxd_avro_write_long(dst, BRANCH_NULL);
}

void
pxd_block_put(BlockWriter *writer, const char *item, Size len)
{
	char	   *dst = pxd_item_write(reserve(writer, len), &writer->format, item, len);

	writer->len = dst - writer->buf;
	writer->rows++;
}

const char *
pxd_block_finish(BlockWriter *writer, Size *len)
{
	char		count[AVRO_LONG_MAX_BYTES];
	Size		count_len = pxd_avro_write_long(count, writer->rows) - count;
	char	   *start = writer->buf + COUNT_GAP - count_len;

	Assert(writer->rows > 0);
	memcpy(start, count, count_len);
	writer->buf[writer->len++] = 0; /* reserve() left room for it */
	*len = writer->buf + writer->len - start;

	writer->len = COUNT_GAP;
	writer->rows = 0;
	return start;
}

void
pxd_block_end(BlockWriter *writer)
{
	pfree(writer->buf);
	writer->buf = NULL;
}

/* --- reading --- */

/* Steps over one value of format; false if it is malformed. */
static inline bool
skip_value(const ItemFormat *format, AvroCursor *cursor, int64 int_min, int64 int_max)
{
	const char *data;
	int64		value;
	Size		len;

	switch (format->encoding)
	{
		case ITEM_BOOLEAN:
			return pxd_avro_get_raw(cursor, 1, &data) && (*data == 0 || *data == 1);
		case ITEM_INT:
			return pxd_avro_get_range(cursor, int_min, int_max, &value);
		case ITEM_LONG:
			return pxd_avro_get_long(cursor, &value);
		case ITEM_STRING:
		case ITEM_BYTES:
			return pxd_avro_get_bytes(cursor, &data, &len);
		default:
			return pxd_avro_get_raw(cursor, format->item_size, &data);
	}
}

/* Largest value of an item of encoding INT, and of any other without meaning. */
static inline int64
format_int_max(const ItemFormat *format)
{
	if (format->encoding != ITEM_INT)
		return PG_INT64_MAX;
	return (INT64CONST(1) << (format->attlen * 8 - 1)) - 1;
}

/*
 * Steps over one item, whose values are at most int_max. *start is where its value begins, or BLOCK_NULL. False if it is malformed.
 */
static inline bool
skip_item(const ItemFormat *format, AvroCursor *cursor, const char *raw, int64 int_max, uint32 *start)
{
	int64		value;

	if (format->nullable)
	{
		if (!pxd_avro_get_range(cursor, BRANCH_NULL, BRANCH_VALUE, &value))
			return false;
		if (value == BRANCH_NULL)
		{
			*start = BLOCK_NULL;
			return true;
		}
	}
	*start = (uint32) (cursor->ptr - raw);
	return skip_value(format, cursor, -int_max - 1, int_max);
}

bool
pxd_item_skip(const ItemFormat *format, AvroCursor *cursor, const char *raw, uint32 *start)
{
	return skip_item(format, cursor, raw, format_int_max(format), start);
}

bool
pxd_block_index(const ItemFormat *format, const char *raw, Size raw_len, uint32 rows, uint32 *starts)
{
	AvroCursor	cursor = {raw, raw + raw_len};
	int64		int_max = format_int_max(format);
	int64		value;

	Assert(pxd_item_format_valid(format));
	Assert(raw_len <= BLOCK_MAX_BYTES);

	if (rows == 0 || !pxd_avro_get_range(&cursor, rows, rows, &value))
		return false;
	for (uint32 i = 0; i < rows; i++)
		if (!skip_item(format, &cursor, raw, int_max, &starts[i]))
			return false;
	return pxd_avro_get_range(&cursor, 0, 0, &value) && cursor.ptr == cursor.end;
}

const char *
pxd_block_item(const ItemFormat *format, const char *raw, Size raw_len, uint32 start,
			   char *scratch, Size *len)
{
	AvroCursor	cursor = {raw + start, raw + raw_len};
	const char *data;
	int64		value;
	bool		ok PG_USED_FOR_ASSERTS_ONLY;

	switch (format->encoding)
	{
		case ITEM_INT:
		case ITEM_LONG:
			ok = pxd_avro_get_long(&cursor, &value);
			Assert(ok);
			memcpy(scratch, &value, sizeof(value));
			*len = format->item_size;
			return scratch;
		case ITEM_STRING:
		case ITEM_BYTES:
			ok = pxd_avro_get_bytes(&cursor, &data, len);
			Assert(ok);
			return data;
		default:
			*len = format->item_size;
			return raw + start;
	}
}
