/*
 * engine.c: the registry of storage engines, and what all of them need to hand out values.
 *
 * No state, no locks, no WAL.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "engine.h"
#include "vector.h"

#define VALUE_MIN_BYTES	256
/* Beyond this a value buffer grows to what is asked only. */
#define VALUE_DOUBLE_MAX	(1024 * 1024)

const StorageEngine *
pxd_engine_by_id(uint8 id)
{
	static const StorageEngine *const engines[] = {&pxd_engine_viper, &pxd_engine_lsm};

	for (int i = 0; i < lengthof(engines); i++)
		if (engines[i]->id == id)
			return engines[i];
	return NULL;
}

void
pxd_value_grow(ValueBuffer *buffer, Size size)
{
	Size		capacity = Max(size, VALUE_MIN_BYTES);

	if (capacity < VALUE_DOUBLE_MAX)
		capacity = Max(capacity, 2 * buffer->capacity);

	/* Contents need not survive; forget the old memory before anything can fail. */
	if (buffer->data != NULL)
		pfree(buffer->data);
	buffer->data = NULL;
	buffer->capacity = 0;
	buffer->data = MemoryContextAllocHuge(buffer->context, capacity);
	buffer->capacity = capacity;
}

/* As fetch_att, from unaligned bytes. */
static Datum
build_by_value(int16 attlen, const char *bytes)
{
	int16		two;
	int32		four;
	Datum		eight;

	switch (attlen)
	{
		case 1:
			return CharGetDatum(*bytes);
		case 2:
			memcpy(&two, bytes, sizeof(two));
			return Int16GetDatum(two);
		case 4:
			memcpy(&four, bytes, sizeof(four));
			return Int32GetDatum(four);
		case 8:
			memcpy(&eight, bytes, sizeof(eight));
			return eight;
		default:
			elog(ERROR, "unsupported byval length: %d", attlen);
	}
}

Datum
pxd_value_build(ValueBuffer *buffer, int16 attlen, bool attbyval, uint8 element_size, const char *bytes, Size len)
{
	char	   *dst;

	if (attbyval)
	{
		Assert(len == attlen);
		return build_by_value(attlen, bytes);
	}

	if (element_size > 0)
	{
		Vector	   *vector = (Vector *) pxd_value_reserve(buffer, offsetof(Vector, x) + len);

		SET_VARSIZE(vector, offsetof(Vector, x) + len);
		vector->dim = (int16) (len / element_size);
		vector->unused = 0;
		memcpy(vector->x, bytes, len);
		return PointerGetDatum(vector);
	}

	/* A varlena header in front, or room for a cstring's terminator behind. */
	dst = pxd_value_reserve(buffer, VARHDRSZ + len);
	if (attlen == -1)
	{
		SET_VARSIZE(dst, VARHDRSZ + len);
		if (len > 0)
			memcpy(VARDATA(dst), bytes, len);
	}
	else
	{
		if (len > 0)
			memcpy(dst, bytes, len);
		if (attlen == -2)
			dst[len] = '\0';
	}
	return PointerGetDatum(dst);
}
