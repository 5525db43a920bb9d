/*
 * deflate.c: Avro's codec "deflate", by zlib.
 *
 * zlib's state is allocated from a memory context, so an error or a cancel in the middle leaks nothing.
 *
 * No locks, no WAL.
 */
#include "postgres.h"

#include <zlib.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "avro_file.h"

/* Avro wants RFC 1951 data: no header, no checksum. */
#define RAW_WINDOW_BITS		(-MAX_WBITS)
#define INFLATE_STEP		(64 * 1024)

/* Avro's Python library leaves some bytes of zlib's checksum behind the data. */
#define CHECKSUM_BYTES		4

static voidpf
allocate(voidpf context, uInt items, uInt size)
{
	return MemoryContextAllocExtended(context, mul_size(items, size), MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
}

static void
release(voidpf context, voidpf pointer)
{
	pfree(pointer);
}

static void
start(z_stream *stream, const char *data, Size len)
{
	memset(stream, 0, sizeof(*stream));
	stream->zalloc = allocate;
	stream->zfree = release;
	stream->opaque = CurrentMemoryContext;
	stream->next_in = (Bytef *) unconstify(char *, data);
	stream->avail_in = (uInt) len;
}

void
pxd_deflate(StringInfo out, const char *data, Size len)
{
	z_stream	stream;
	uLong		bound;
	int			status;

	Assert(len <= MaxAllocSize);
	start(&stream, data, len);
	if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, RAW_WINDOW_BITS, MAX_MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		elog(ERROR, "could not start zlib");
	bound = deflateBound(&stream, len);
	if (bound > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("record is too large to be compressed")));
	resetStringInfo(out);
	enlargeStringInfo(out, (int) bound);
	stream.next_out = (Bytef *) out->data;
	stream.avail_out = (uInt) bound;
	status = deflate(&stream, Z_FINISH);
	if (status != Z_STREAM_END)
		elog(ERROR, "could not compress: zlib status %d", status);
	out->len = (int) stream.total_out;
	deflateEnd(&stream);
}

bool
pxd_inflate(StringInfo out, const char *data, Size len)
{
	z_stream	stream;
	int			status = Z_OK;

	if (len > MaxAllocSize)
		return false;
	start(&stream, data, len);
	if (inflateInit2(&stream, RAW_WINDOW_BITS) != Z_OK)
		elog(ERROR, "could not start zlib");
	resetStringInfo(out);
	/* The output grows with what is really there, whatever was claimed. */
	while (status == Z_OK && out->len < MaxAllocSize - 2 * INFLATE_STEP)
	{
		CHECK_FOR_INTERRUPTS();
		enlargeStringInfo(out, INFLATE_STEP);
		stream.next_out = (Bytef *) out->data + out->len;
		stream.avail_out = INFLATE_STEP;
		status = inflate(&stream, Z_NO_FLUSH);
		out->len += INFLATE_STEP - stream.avail_out;
	}
	inflateEnd(&stream);
	return status == Z_STREAM_END && stream.avail_in <= CHECKSUM_BYTES;
}
