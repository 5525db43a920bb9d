/*
 * lsm_keys.c: the keys of a written run: their order, its fences, its filter.
 *
 * The header says by which operator families and collations a run was sorted. They are those of the columns' types unless an operator class has
 * been replaced since; then nothing can be said of the order.
 *
 * No locks, no WAL. Reads the system catalogs.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/sortsupport.h"
#include "utils/typcache.h"

#include "lsm.h"

typedef struct RunKeys
{
	int			nkeys;
	const LsmColumn *columns[INDEX_MAX_KEYS];
	SortSupportData sort[INDEX_MAX_KEYS];
	FmgrInfo	hash[INDEX_MAX_KEYS];	/* if the run has a filter */
} RunKeys;

/* Prepares comparison and hashing of the run's keys, in the current context. False if its order is not that of the types any more. */
static bool
open_keys(LsmState *state, RunKeys *keys)
{
	keys->nkeys = state->run->nkeys;
	if (keys->nkeys > INDEX_MAX_KEYS)
		return false;
	for (int i = 0; i < keys->nkeys; i++)
	{
		const HeaderKey *source = &state->run->keys[i];
		SortSupport sort = &keys->sort[i];
		TypeCacheEntry *type;

		keys->columns[i] = pxd_lsm_key_column(state, i);
		type = lookup_type_cache(keys->columns[i]->typid, TYPECACHE_LT_OPR | TYPECACHE_BTREE_OPFAMILY |
								 TYPECACHE_HASH_EXTENDED_PROC);
		if (type->btree_opf != source->opfamily || !OidIsValid(type->lt_opr))
			return false;
		memset(sort, 0, sizeof(*sort));
		sort->ssup_cxt = CurrentMemoryContext;
		sort->ssup_collation = source->collation;
		PrepareSortSupportFromOrderingOp(type->lt_opr, sort);
		if (state->run->filter.len > 0)
		{
			if (!OidIsValid(type->hash_extended_proc))
				return false;
			fmgr_info(type->hash_extended_proc, &keys->hash[i]);
		}
	}
	return true;
}

void
pxd_lsm_read_key(SegmentAccess *access, LsmState *state, const LsmColumn *const *columns, int n, uint32 record,
				 KeyValues *result)
{
	for (int i = 0; i < n; i++)
	{
		ValueBuffer buffer = {.context = CurrentMemoryContext};

		result->values[i] = pxd_lsm_record_field(access, state, columns[i], record, &buffer, &result->isnull[i]);
	}
}

/* The header's reader has walked the fence, so it is well-formed. */
void
pxd_lsm_read_fence(const struct HeaderFence *fence, const LsmColumn *const *columns, int n, KeyValues *result)
{
	AvroCursor	cursor = {fence->key, fence->key + fence->len};

	for (int i = 0; i < n; i++)
	{
		const ItemFormat *format = &columns[i]->fixed.format;
		ValueBuffer buffer = {.context = CurrentMemoryContext};
		char		scratch[sizeof(int64)];
		const char *bytes;
		Size		len;
		uint32		start;

		(void) pxd_item_skip(format, &cursor, fence->key, &start);
		result->isnull[i] = start == BLOCK_NULL;
		if (result->isnull[i])
			continue;
		bytes = pxd_block_item(format, fence->key, fence->len, start, scratch, &len);
		result->values[i] = pxd_value_build(&buffer, format->attlen, format->attbyval,
											pxd_item_element_size(format->encoding), bytes, len);
	}
}

/* Reads a fence's whole key. */
static void
read_whole_fence(const LsmState *state, uint32 index, KeyValues *result)
{
	const LsmColumn *columns[INDEX_MAX_KEYS];

	for (int i = 0; i < state->run->nkeys; i++)
		columns[i] = pxd_lsm_key_column(state, i);
	pxd_lsm_read_fence(&state->run->fences[index], columns, state->run->nkeys, result);
}

bool
pxd_lsm_key_range(const LsmState *state, const SortKey *key, KeyValues *low, KeyValues *high)
{
	const HeaderRun *run = state->run;

	if (run == NULL || run->nkeys != key->ncolumns || run->nkeys == 0 || run->nfences == 0)
		return false;
	for (int i = 0; i < run->nkeys; i++)
		if (run->keys[i].attnum != key->columns[i].attnum || run->keys[i].opfamily != key->columns[i].opfamily ||
			run->keys[i].collation != key->columns[i].collation)
			return false;
	read_whole_fence(state, 0, low);
	read_whole_fence(state, run->nfences - 1, high);
	return true;
}

int
pxd_lsm_key_columns(void *opaque, AttrNumber *attnums)
{
	LsmState   *state = opaque;
	int			n = state->run != NULL ? Min(state->run->nkeys, INDEX_MAX_KEYS) : 0;

	for (int i = 0; i < n; i++)
		attnums[i] = state->run->keys[i].attnum;
	return n;
}

static int
compare_keys(RunKeys *keys, const KeyValues *a, const KeyValues *b)
{
	int			order = 0;

	for (int i = 0; i < keys->nkeys && order == 0; i++)
		order = ApplySortComparator(a->values[i], a->isnull[i], b->values[i], b->isnull[i], &keys->sort[i]);
	return order;
}

static uint64
hash_key(RunKeys *keys, const KeyValues *key)
{
	uint64		hash = 0;

	for (int i = 0; i < keys->nkeys; i++)
		hash = lsm_add_hash(hash, &keys->hash[i], keys->sort[i].ssup_collation, key->values[i], key->isnull[i]);
	return hash;
}

/* --- check --- */

/* Checks the records of one block, and the fence after it; key is that of the record before, and of the block's last on return. */
static void
check_block(SegmentAccess *access, LsmState *state, RunKeys *keys, uint32 index, const char *filter, KeyValues *key)
{
	const HeaderRun *run = state->run;
	const HeaderBlock *block = &run->blocks[index];
	KeyValues	fence;
	KeyValues	next;

	for (uint32 record = block->first_row; record < block->first_row + block->rows; record++)
	{
		CHECK_FOR_INTERRUPTS();
		pxd_lsm_read_key(access, state, keys->columns, keys->nkeys, record, &next);
		if (record > 0 && compare_keys(keys, key, &next) > 0)
			pxd_segment_corrupt(access, block->offset, "records are not in the order of their keys");
		if (filter != NULL &&
			!pxd_lsm_filter_test(filter, run->filter.len, run->filter_hashes, hash_key(keys, &next)))
			pxd_segment_corrupt(access, run->filter.offset, "the filter lacks a record's key");
		if (record == block->first_row && run->nfences > 0)
		{
			pxd_lsm_read_fence(&run->fences[index], keys->columns, keys->nkeys, &fence);
			if (compare_keys(keys, &fence, &next) != 0)
				pxd_segment_corrupt(access, block->offset, "a fence is not the first key of its block");
		}
		*key = next;
	}
	if (run->nfences > 0 && index == run->nblocks - 1)
	{
		pxd_lsm_read_fence(&run->fences[run->nblocks], keys->columns, keys->nkeys, &fence);
		if (compare_keys(keys, &fence, key) != 0)
			pxd_segment_corrupt(access, block->offset, "the last fence is not the last key");
	}
}

/* Every rank must be some position's, or records are lost. */
static void
check_ranks(SegmentAccess *access, LsmState *state)
{
	uint8	   *seen = palloc0(state->rows / BITS_PER_BYTE + 1);

	for (uint32 position = 0; position < state->rows; position++)
	{
		uint32		rank;

		pxd_access_read(access, state->run->ranks_offset + (uint64) position * sizeof(rank), sizeof(rank),
						(char *) &rank);
		if (rank >= state->rows || (seen[rank / BITS_PER_BYTE] & (1 << (rank % BITS_PER_BYTE))) != 0)
			pxd_segment_corrupt(access, state->run->ranks_offset, "the ranks of the rows are no order");
		seen[rank / BITS_PER_BYTE] |= 1 << (rank % BITS_PER_BYTE);
	}
	pfree(seen);
}

void
pxd_lsm_check(SegmentAccess *access, void *opaque)
{
	LsmState   *state = opaque;
	MemoryContext contexts[2];
	MemoryContext oldcontext;
	RunKeys		keys;
	KeyValues	key;
	char	   *filter = NULL;

	if (state->run == NULL)
		return;
	if (state->run->has_ranks)
		check_ranks(access, state);
	if (state->run->nkeys == 0 || !open_keys(state, &keys))
		return;
	if (state->run->filter.len > 0)
	{
		filter = palloc(state->run->filter.len);
		pxd_access_read(access, state->run->filter.offset, state->run->filter.len, filter);
	}

	/* A block's last key is compared with the next one's first, so values live for two blocks. */
	for (int i = 0; i < lengthof(contexts); i++)
		contexts[i] = AllocSetContextCreate(CurrentMemoryContext, "proximadb run check", ALLOCSET_DEFAULT_SIZES);
	for (uint32 index = 0; index < state->run->nblocks; index++)
	{
		MemoryContext context = contexts[index % lengthof(contexts)];

		MemoryContextReset(context);
		oldcontext = MemoryContextSwitchTo(context);
		check_block(access, state, &keys, index, filter, &key);
		MemoryContextSwitchTo(oldcontext);
	}
	for (int i = 0; i < lengthof(contexts); i++)
		MemoryContextDelete(contexts[i]);
	if (filter != NULL)
		pfree(filter);
}
