/*
 * zstd.c: compression of single buffers, and dictionaries for them.
 *
 * Owns one compression and one decompression context per backend, made at first use and kept: making them for
 * every 16 KB block would cost more than the compression. A dictionary belongs to a memory context whose reset releases what zstd made of
 * it. No locks, no WAL.
 */
#include "postgres.h"

/* For training with given parameters: finding the best ones, as the stable function does, takes ten times as long. */
#define ZDICT_STATIC_LINKING_ONLY
#define ZSTD_STATIC_LINKING_ONLY
#include <zdict.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "utils/memutils.h"

#include "codec.h"

struct ZstdDictionary
{
	MemoryContextCallback callback;
	ZSTD_CDict *compress;		/* one of the two is set */
	ZSTD_DDict *decompress;
};

/*
 * Shortest repetition to look for without a dictionary. By itself zstd looks for four or five bytes at the lower levels, finds them by chance in
 * hexadecimal digits and base64, and pays more for naming them than for the bytes: with six, level 3 makes JSON full of hashes 1.19 x
 * smaller, other JSON 1.02 x, and is faster. With a dictionary, which is for data whose pieces are alike, short words count: six would make texts
 * 1.03 x larger at level 3 and 1.05 x at 7. Hashes do without one, since then it does not pay.
 */
#define MIN_MATCH	6

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

/* pxd_zstd_compress, with the dictionary's level if there is one. */
static char *
compress_buffer(const char *src, Size len, int level, const ZstdDictionary *dictionary, Size max_len,
				Size *out_len)
{
	char	   *dst;
	size_t		result;

	if (max_len <= 1)
		return NULL;
	if (compressor == NULL)
	{
		if ((compressor = ZSTD_createCCtx()) == NULL)
			out_of_memory();
		(void) ZSTD_CCtx_setParameter(compressor, ZSTD_c_minMatch, MIN_MATCH);
	}
	(void) ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, level);

	/* A buffer one byte short of max_len makes zstd itself give up when compression does not pay. */
	dst = palloc_extended(max_len - 1, MCXT_ALLOC_HUGE);
	if (dictionary != NULL)
		result = ZSTD_compress_usingCDict(compressor, dst, max_len - 1, src, len, dictionary->compress);
	else
		result = ZSTD_compress2(compressor, dst, max_len - 1, src, len);
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

char *
pxd_zstd_compress(const char *src, Size len, int level, Size max_len, Size *out_len)
{
	return compress_buffer(src, len, level, NULL, max_len, out_len);
}

char *
pxd_zstd_compress_with(const ZstdDictionary *dictionary, const char *src, Size len, Size max_len, Size *out_len)
{
	Assert(dictionary->compress != NULL);
	return compress_buffer(src, len, 0, dictionary, max_len, out_len);
}

static ZSTD_DCtx *
get_decompressor(void)
{
	if (decompressor == NULL && (decompressor = ZSTD_createDCtx()) == NULL)
		out_of_memory();
	return decompressor;
}

bool
pxd_zstd_decompress(const char *src, Size len, char *dst, Size raw_len)
{
	size_t		result = ZSTD_decompressDCtx(get_decompressor(), dst, raw_len, src, len);

	return !ZSTD_isError(result) && result == raw_len;
}

bool
pxd_zstd_decompress_with(const ZstdDictionary *dictionary, const char *src, Size len, char *dst, Size raw_len)
{
	size_t		result;

	Assert(dictionary->decompress != NULL);
	result = ZSTD_decompress_usingDDict(get_decompressor(), dst, raw_len, src, len, dictionary->decompress);
	return !ZSTD_isError(result) && result == raw_len;
}

/* --- dictionaries --- */

char *
pxd_zstd_train(const char *samples, const size_t *sizes, uint32 nsamples, int level, Size max_len, Size *out_len)
{
	/* Pieces of 400 bytes by the hashes of 6, looked at in a quarter of the places: 20 ms for a megabyte of samples. */
	ZDICT_fastCover_params_t params = {.k = 400,.d = 6,.f = 18,.steps = 1,.accel = 4,.zParams.compressionLevel = level};
	char	   *dictionary = palloc(max_len);
	size_t		result = ZDICT_trainFromBuffer_fastCover(dictionary, max_len, samples, sizes, nsamples, params);

	/* Too few samples, or none alike: then there is no dictionary to be had. */
	if (ZDICT_isError(result))
	{
		pfree(dictionary);
		return NULL;
	}
	*out_len = result;
	return dictionary;
}

static void
release_dictionary(void *arg)
{
	ZstdDictionary *dictionary = arg;

	ZSTD_freeCDict(dictionary->compress);
	ZSTD_freeDDict(dictionary->decompress);
}

static ZstdDictionary *
make_dictionary(MemoryContext context)
{
	ZstdDictionary *dictionary = MemoryContextAllocZero(context, sizeof(ZstdDictionary));

	dictionary->callback.func = release_dictionary;
	dictionary->callback.arg = dictionary;
	MemoryContextRegisterResetCallback(context, &dictionary->callback);
	return dictionary;
}

ZstdDictionary *
pxd_zstd_compress_dictionary(MemoryContext context, const char *data, Size len, int level)
{
	ZSTD_compressionParameters params = ZSTD_getCParams(level, BLOCK_TARGET_BYTES, len);
	ZstdDictionary *dictionary = make_dictionary(context);

	dictionary->compress = ZSTD_createCDict_advanced(data, len, ZSTD_dlm_byCopy, ZSTD_dct_auto, params, ZSTD_defaultCMem);
	if (dictionary->compress == NULL)
		out_of_memory();
	return dictionary;
}

ZstdDictionary *
pxd_zstd_decompress_dictionary(MemoryContext context, const char *data, Size len)
{
	ZstdDictionary *dictionary = make_dictionary(context);

	dictionary->decompress = ZSTD_createDDict(data, len);
	if (dictionary->decompress == NULL)
		out_of_memory();
	return dictionary;
}
