/*
 * lsm_search.c: finding rows of a run by their keys.
 *
 * The fences tell which blocks can hold keys of an interval; the filter, whether the run has a whole key at all. Blocks at the ends of an interval are
 * decoded, those between two fences that are in it are not: all their rows match. What the search speaks of is the run's order only if column, operator
 * family and collation are the same; a search may have more or fewer columns than the run's key.
 *
 * No locks, no WAL. Calls comparison and hash functions.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "lsm.h"

typedef struct RunSearch
{
	SegmentAccess *access;
	LsmState   *state;
	int			ncolumns;		/* that search and run have in common, from the first */
	const LsmColumn *columns[INDEX_MAX_KEYS];
	Oid			collations[INDEX_MAX_KEYS];
	uint32	   *positions;		/* [rows] of records, made at the first match if the run has ranks */
	MemoryContext scratch;		/* reset for each key */
	void		(*match) (void *arg, uint32 position);
	void	   *arg;
	uint64	   *blocks;
} RunSearch;

/* How many columns search and run have in common. */
static void
match_columns(RunSearch *run, const KeySearch *search)
{
	const HeaderRun *header = run->state->run;

	while (run->ncolumns < Min(search->ncolumns, header->nkeys))
	{
		const KeySearchColumn *wanted = &search->columns[run->ncolumns];
		const HeaderKey *key = &header->keys[run->ncolumns];

		if (wanted->attnum != key->attnum || wanted->opfamily != key->opfamily || wanted->collation != key->collation)
			break;
		run->columns[run->ncolumns] = pxd_lsm_key_column(run->state, run->ncolumns);
		run->collations[run->ncolumns] = key->collation;
		run->ncolumns++;
	}
}

/* Order of a key and a bound, by the columns that all have. A NULL is greater than anything. 0 also where the bound has more columns than the run's key. */
static int
compare_bound(const RunSearch *run, const KeyValues *key, const KeyBound *bound)
{
	int			order = 0;

	for (int i = 0; i < Min(bound->ncolumns, run->ncolumns) && order == 0; i++)
		order = key->isnull[i] ? 1 :
			DatumGetInt32(FunctionCall2Coll(bound->values[i].compare, run->collations[i], key->values[i],
											bound->values[i].value));
	return order;
}

/* Whether a bound that equals a key lets it in. A bound cut short by the run's key may. */
static inline bool
lets_in(const RunSearch *run, const KeyBound *bound)
{
	return bound->inclusive || bound->ncolumns > run->ncolumns;
}

static bool
is_below(const RunSearch *run, const KeyValues *key, const KeyInterval *interval)
{
	int			order;

	if (interval->lower.ncolumns == 0)
		return false;
	order = compare_bound(run, key, &interval->lower);
	return order < 0 || (order == 0 && !lets_in(run, &interval->lower));
}

static bool
is_above(const RunSearch *run, const KeyValues *key, const KeyInterval *interval)
{
	int			order;

	if (interval->upper.ncolumns == 0)
		return false;
	order = compare_bound(run, key, &interval->upper);
	return order > 0 || (order == 0 && !lets_in(run, &interval->upper));
}

typedef bool (*BoundTest) (const RunSearch *run, const KeyValues *key, const KeyInterval *interval);

static bool
test_fence(const RunSearch *run, uint32 index, const KeyInterval *interval, BoundTest test)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(run->scratch);
	KeyValues	key;
	bool		result;

	pxd_lsm_read_fence(&run->state->run->fences[index], run->columns, run->ncolumns, &key);
	result = test(run, &key, interval);
	MemoryContextSwitchTo(oldcontext);
	MemoryContextReset(run->scratch);
	return result;
}

/* The number of fences from the first on that are below the interval, or with is_above are not above it: both are so up to a point. */
static uint32
count_fences(const RunSearch *run, const KeyInterval *interval, BoundTest test)
{
	uint32		low = 0;
	uint32		high = run->state->run->nfences;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;

		if (test_fence(run, middle, interval, test) == (test == is_below))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* --- matches --- */

static void
tell_record(RunSearch *run, uint32 record)
{
	uint32		position = record;

	if (run->state->run->has_ranks)
	{
		if (run->positions == NULL)
		{
			const uint32 *ranks = pxd_lsm_ranks(run->access, run->state);

			run->positions = palloc_extended(mul_size(sizeof(uint32), run->state->rows), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
			for (uint32 i = 0; i < run->state->rows; i++)
				run->positions[ranks[i]] = i;
		}
		position = run->positions[record];
	}
	run->match(run->arg, position);
}

/* Tells of the records of a block that is not in the interval as a whole. */
static void
search_block(RunSearch *run, const HeaderBlock *block, const KeyInterval *interval)
{
	++*run->blocks;
	for (uint32 record = block->first_row; record < block->first_row + block->rows; record++)
	{
		MemoryContext oldcontext = MemoryContextSwitchTo(run->scratch);
		KeyValues	key;
		bool		below;
		bool		above;

		pxd_lsm_read_key(run->access, run->state, run->columns, run->ncolumns, record, &key);
		below = is_below(run, &key, interval);
		above = !below && is_above(run, &key, interval);
		MemoryContextSwitchTo(oldcontext);
		MemoryContextReset(run->scratch);
		if (above)
			break;
		if (!below)
			tell_record(run, record);
	}
}

/* Returns false if no block has to do with the interval. */
static bool
search_interval(RunSearch *run, const KeyInterval *interval)
{
	const HeaderRun *header = run->state->run;
	uint32		first = 0;
	uint32		end = header->nblocks;
	uint32		below = 0;
	uint32		not_above = header->nfences;

	if (header->nfences > 0)
	{
		below = count_fences(run, interval, is_below);
		not_above = count_fences(run, interval, is_above);

		/* Fence i is the first key of block i, the last one that of the run's last record. */
		if (below == header->nfences || not_above == 0)
			return false;
		first = below > 0 ? below - 1 : 0;
		end = Min(not_above, header->nblocks);
	}
	for (uint32 index = first; index < end; index++)
	{
		const HeaderBlock *block = &header->blocks[index];

		CHECK_FOR_INTERRUPTS();
		if (header->nfences == 0 || index < below || index + 1 >= not_above)
			search_block(run, block, interval);
		else
			for (uint32 record = block->first_row; record < block->first_row + block->rows; record++)
				tell_record(run, record);
	}
	return first < end;
}

/* --- the filter --- */

/* Whether the filter, read when it is first needed, may have the key of a point; true also if it cannot tell. */
static bool
filter_has(RunSearch *run, const KeyInterval *interval, char **filter)
{
	const HeaderRun *header = run->state->run;
	uint64		hash = 0;

	if (!interval->is_point || header->filter.len == 0 || run->ncolumns != header->nkeys ||
		interval->lower.ncolumns != header->nkeys)
		return true;
	for (int i = 0; i < header->nkeys; i++)
	{
		const KeyBoundValue *bound = &interval->lower.values[i];

		if (bound->hash == NULL)
			return true;
		hash = lsm_add_hash(hash, bound->hash, run->collations[i], bound->value, false);
	}
	if (*filter == NULL)
	{
		*filter = palloc(header->filter.len);
		pxd_access_read(run->access, header->filter.offset, header->filter.len, *filter);
	}
	return pxd_lsm_filter_test(*filter, header->filter.len, header->filter_hashes, hash);
}

/* Whether the run's range of keys has to do with the interval. */
static bool
in_range(const RunSearch *run, const KeyInterval *interval)
{
	uint32		nfences = run->state->run->nfences;

	return nfences == 0 ||
		(!test_fence(run, nfences - 1, interval, is_below) && !test_fence(run, 0, interval, is_above));
}

KeySearchResult
pxd_lsm_search(SegmentAccess *access, void *opaque, const KeySearch *search, void (*match) (void *arg, uint32 position),
			   void *arg, uint64 *blocks)
{
	LsmState   *state = opaque;
	RunSearch	run = {.access = access,.state = state,.match = match,.arg = arg,.blocks = blocks};
	KeySearchResult result = KEY_SEARCH_NO_RANGE;
	char	   *filter = NULL;

	if (state->run != NULL)
		match_columns(&run, search);
	if (run.ncolumns == 0)
		return KEY_SEARCH_UNSORTED;

	run.scratch = AllocSetContextCreate(CurrentMemoryContext, "proximadb key search", ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < search->nintervals; i++)
	{
		const KeyInterval *interval = &search->intervals[i];

		CHECK_FOR_INTERRUPTS();
		if (!in_range(&run, interval))
			continue;
		if (!filter_has(&run, interval, &filter))
		{
			if (result == KEY_SEARCH_NO_RANGE)
				result = KEY_SEARCH_NO_KEY;
		}
		else if (search_interval(&run, interval))
			result = KEY_SEARCH_SEARCHED;
	}
	if (filter != NULL)
		pfree(filter);
	if (run.positions != NULL)
		pfree(run.positions);
	MemoryContextDelete(run.scratch);
	return result;
}
