/*
 * lsm_filter.c: bloom filters on the keys of runs.
 *
 * A filter is an array of bits. A key sets one bit for each of a number of hash functions, which are made of one 64-bit hash by double
 * hashing. PostgreSQL's lib/bloomfilter.h is not used: its filters have a megabyte at least and no form to store. The hash of a key is made by
 * the types' extended hash functions, which are the same on all platforms because hash partitions depend on them.
 *
 * Memory only.
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "lsm.h"

/* Sizes for n keys and a rate p of false positives: -n ln p / (ln 2)^2 bits, -log2 p functions (Bloom 1970). */
static void
choose_size(uint32 rows, double fpr, uint32 *len, uint32 *hashes)
{
	double		bits = -(double) rows * log(fpr) / (M_LN2 * M_LN2);

	*len = (uint32) Max(bits / BITS_PER_BYTE + 1, 8);
	*hashes = (uint32) Min(Max(rint(-log2(fpr)), 1), FILTER_MAX_HASHES);
}

/* Bit i of a hash. */
static inline uint64
filter_bit(uint64 nbits, uint64 hash, uint32 i)
{
	return (hash + i * ((hash >> 32) | 1)) % nbits;
}

static void
set_bits(char *filter, uint32 len, uint32 hashes, uint64 hash)
{
	for (uint32 i = 0; i < hashes; i++)
	{
		uint64		bit = filter_bit((uint64) len * BITS_PER_BYTE, hash, i);

		filter[bit / BITS_PER_BYTE] |= 1 << (bit % BITS_PER_BYTE);
	}
}

bool
pxd_lsm_filter_test(const char *filter, uint32 len, uint32 hashes, uint64 hash)
{
	for (uint32 i = 0; i < hashes; i++)
	{
		uint64		bit = filter_bit((uint64) len * BITS_PER_BYTE, hash, i);

		if (((uint8) filter[bit / BITS_PER_BYTE] & (1 << (bit % BITS_PER_BYTE))) == 0)
			return false;
	}
	return true;
}

char *
pxd_lsm_filter(const RowBatch *batch, uint32 *len, uint32 *hashes)
{
	const SortKey *key = &batch->settings.key;
	FmgrInfo	functions[INDEX_MAX_KEYS];
	MemoryContext context;
	MemoryContext oldcontext;
	char	   *filter;

	if (key->ncolumns == 0 || batch->settings.bloom_fpr <= 0)
		return NULL;
	for (int i = 0; i < key->ncolumns; i++)
	{
		if (!OidIsValid(key->columns[i].hash_function))
			return NULL;
		fmgr_info(key->columns[i].hash_function, &functions[i]);
	}

	choose_size(batch->nrows, batch->settings.bloom_fpr, len, hashes);
	filter = palloc0(*len);
	context = AllocSetContextCreate(CurrentMemoryContext, "proximadb key filter", ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(context);
	for (uint32 row = 0; row < batch->nrows; row++)
	{
		uint64		hash = 0;

		for (int i = 0; i < key->ncolumns; i++)
		{
			const SortColumn *column = &key->columns[i];
			bool		isnull;
			Datum		value = pxd_lsm_key_datum(&batch->columns[batch->column_of[column->attnum - 1]], row, &isnull);

			hash = lsm_add_hash(hash, &functions[i], column->collation, value, isnull);
		}
		set_bits(filter, *len, *hashes, hash);
		if (row % 1024 == 1023)
			MemoryContextReset(context);
	}
	MemoryContextSwitchTo(oldcontext);
	MemoryContextDelete(context);
	return filter;
}
