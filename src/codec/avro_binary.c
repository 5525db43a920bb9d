/*
 * avro_binary.c: Avro's binary encoding of primitives.
 *
 * The same bytes avro-c writes and reads (codec_check.c proves it), without its cost of a call chain and an
 * allocation per value. No state, no locks, no WAL.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "codec.h"

void
pxd_avro_put_long(StringInfo buf, int64 value)
{
	char		encoded[AVRO_LONG_MAX_BYTES];

	appendBinaryStringInfo(buf, encoded, pxd_avro_write_long(encoded, value) - encoded);
}

void
pxd_avro_put_raw(StringInfo buf, const char *data, Size len)
{
	/* StringInfo takes an int; the headers and schemas written here are far smaller. */
	if (len > MaxAllocSize)
		elog(ERROR, "cannot encode %zu bytes as one Avro value", len);
	appendBinaryStringInfo(buf, data, (int) len);
}

void
pxd_avro_put_bytes(StringInfo buf, const char *data, Size len)
{
	pxd_avro_put_long(buf, (int64) len);
	pxd_avro_put_raw(buf, data, len);
}

/*
 * Encodings longer than needed are accepted, as avro-c does, but not ones that hold more than 64 bits.
 */
bool
pxd_avro_get_long(AvroCursor *cursor, int64 *value)
{
	const char *ptr = cursor->ptr;
	uint64		zigzag = 0;
	int			shift = 0;

	for (;;)
	{
		uint8		byte;

		if (ptr >= cursor->end)
			return false;
		byte = (uint8) *ptr++;
		if (shift == 63 && byte > 1)
			return false;
		zigzag |= (uint64) (byte & 0x7F) << shift;
		if ((byte & 0x80) == 0)
			break;
		shift += 7;
	}

	cursor->ptr = ptr;
	*value = (int64) (zigzag >> 1) ^ -(int64) (zigzag & 1);
	return true;
}

bool
pxd_avro_get_range(AvroCursor *cursor, int64 min, int64 max, int64 *value)
{
	const char *start = cursor->ptr;

	if (!pxd_avro_get_long(cursor, value))
		return false;
	if (*value >= min && *value <= max)
		return true;
	cursor->ptr = start;
	return false;
}

bool
pxd_avro_get_raw(AvroCursor *cursor, Size len, const char **data)
{
	if (len > (Size) (cursor->end - cursor->ptr))
		return false;
	*data = cursor->ptr;
	cursor->ptr += len;
	return true;
}

bool
pxd_avro_get_bytes(AvroCursor *cursor, const char **data, Size *len)
{
	const char *start = cursor->ptr;
	int64		wanted;

	/* A negative length is a huge one here, and fails like any other that the bytes do not hold. */
	if (pxd_avro_get_long(cursor, &wanted) && pxd_avro_get_raw(cursor, (Size) wanted, data))
	{
		*len = (Size) wanted;
		return true;
	}
	cursor->ptr = start;
	return false;
}
