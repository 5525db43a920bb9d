/*
 * zstd.c: compression of single buffers.
 *
 * Owns one compression and one decompression context per backend, made at first use and kept: making them for
 * every 16 KB block would cost more than the compression. No locks, no WAL.
 */
#include "postgres.h"

#include <zstd.h>
#include <zstd_errors.h>

#include "codec.h"

static ZSTD_CCtx *compressor = NULL;
static ZSTD_DCtx *decompressor = NULL;

static void
out_of_memory(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of memory"),
			 errdetail("Could not create a zstd context.")));
}

char *
pxd_zstd_compress(const char *src, Size len, int level, Size max_len, Size *out_len)
{
	char	   *dst;
	size_t		result;

	if (max_len <= 1)
		return NULL;
	if (compressor == NULL && (compressor = ZSTD_createCCtx()) == NULL)
		out_of_memory();

	/* A buffer one byte short of max_len makes zstd itself give up when compression does not pay. */
	dst = palloc_extended(max_len - 1, MCXT_ALLOC_HUGE);
	result = ZSTD_compressCCtx(compressor, dst, max_len - 1, src, len, level);
	if (!ZSTD_isError(result))
	{
		*out_len = result;
		return dst;
	}

	pfree(dst);
	if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation)
		out_of_memory();
	if (ZSTD_getErrorCode(result) != ZSTD_error_dstSize_tooSmall)
		elog(ERROR, "could not compress %zu bytes: %s", len, ZSTD_getErrorName(result));
	return NULL;
}

bool
pxd_zstd_decompress(const char *src, Size len, char *dst, Size raw_len)
{
	size_t		result;

	if (decompressor == NULL && (decompressor = ZSTD_createDCtx()) == NULL)
		out_of_memory();
	result = ZSTD_decompressDCtx(decompressor, dst, raw_len, src, len);
	return !ZSTD_isError(result) && result == raw_len;
}
