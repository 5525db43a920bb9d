/*
 * lsm.h: what the files of the lsm engine share.
 */
#ifndef PXD_LSM_H
#define PXD_LSM_H

#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"

#include "../block_cache.h"
#include "../fixed_column.h"
#include "codec.h"
#include "engine.h"

#define LSM_ENGINE_NAME		"lsm"
#define LSM_ENGINE_ID		2

/* A record takes less than this, so that a block of one, and what Avro adds, is below BLOCK_MAX_BYTES. */
#define LSM_MAX_ROW_BYTES	((Size) 512 * 1024 * 1024)

/* lsm_write.c; contract: StorageEngine.encode. */
extern void pxd_lsm_encode(const RowBatch *batch, SegmentImage *image);

/* --- lsm_order.c --- */

/*
 * The positions of batch in the order of its sort key, rows of equal keys in the order of their positions; NULL if that is the order they stand
 * in (or there is no sort key). In the current context. Calls comparison functions.
 */
extern uint32 *pxd_lsm_order(const RowBatch *batch);

/* --- lsm_filter.c --- */

/*
 * The bloom filter over the keys of all rows of batch, of *len bytes and *hashes hash functions; NULL if the settings want none or a type
 * cannot be hashed. In the current context. Calls hash functions.
 */
extern char *pxd_lsm_filter(const RowBatch *batch, uint32 *len, uint32 *hashes);

/* Adds a key column's hash to that of the columns before it, 0 for the first. */
static inline uint64
lsm_add_hash(uint64 hash, FmgrInfo *function, Oid collation, Datum value, bool isnull)
{
	return hash_combine64(hash, isnull ? 0 :
						  DatumGetUInt64(FunctionCall2Coll(function, collation, value, UInt64GetDatum(0))));
}

/* Whether a filter may hold a key of this hash; if not, it certainly does not. */
extern bool pxd_lsm_filter_test(const char *filter, uint32 len, uint32 hashes, uint64 hash);

/* --- an open run (lsm_read.c) --- */

typedef struct LsmColumn
{
	FixedColumn fixed;			/* layout FIXED; format of any */
	Oid			typid;
	int			field;			/* index of the records' field, or -1: layout FIXED */
} LsmColumn;

typedef struct LsmState
{
	MemoryContext context;
	uint32		rows;
	int			natts;
	int16	   *column_of;		/* [natts] index into columns, or -1 */
	bool	   *held_by_stub;	/* [natts] */
	LsmColumn  *columns;
	uint64		tids_offset;

	/* The rest is there if there are records. */
	HeaderRun  *run;
	int			nfields;
	ItemFormat *formats;		/* [nfields] */
	uint32	   *ranks;			/* read at first use, if the run has them */
	ZstdDictionary *dictionary; /* read at first use, if the run has one */
	DecodedBlock **decoded;		/* [run->nblocks], NULL if not in the cache */
	uint32		current;		/* the block used last */
	uint32		record;			/* whose fields are at field_starts, or NO_RECORD */
	uint32	   *field_starts;	/* [nfields] offsets in its block, or BLOCK_NULL */
	MemoryContextCallback release;
} LsmState;

/* The field of record in column, which is of layout RECORDS. Contract: StorageEngine.fetch. */
extern Datum pxd_lsm_record_field(SegmentAccess *access, LsmState *state, const LsmColumn *column, uint32 record,
								  ValueBuffer *buffer, bool *isnull);

/*
 * Reads the run's ranks, which it has, if that has not been done: ranks[position] is the position's record.
 */
extern const uint32 *pxd_lsm_ranks(SegmentAccess *access, LsmState *state);

/* --- lsm_levels.c; contracts: StorageEngine --- */

extern bool pxd_lsm_unsettled(const SegmentEntry *entry);
extern void pxd_lsm_pick_inputs(SegmentAccess *access, const SegmentSettings *settings, CompactionPlan *plan);

/* --- lsm_keys.c --- */

/* A key as values. */
typedef struct KeyValues
{
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];
} KeyValues;

/*
 * Reads the lowest and the highest key of an open run into values of the current context. False if its rows are not in the order of key, or its keys are too
 * long for fences.
 */
extern bool pxd_lsm_key_range(const LsmState *state, const SortKey *key, KeyValues *low, KeyValues *high);
/* Column i of the run's sort key. */
static inline const LsmColumn *
pxd_lsm_key_column(const LsmState *state, int i)
{
	return &state->columns[state->column_of[state->run->keys[i].attnum - 1]];
}

/* The first n columns, given, of the key of a record or a fence, in the current context. */
extern void pxd_lsm_read_key(SegmentAccess *access, LsmState *state, const LsmColumn *const *columns, int n, uint32 record,
							 KeyValues *result);
extern void pxd_lsm_read_fence(const struct HeaderFence *fence, const LsmColumn *const *columns, int n, KeyValues *result);

/* Contract: StorageEngine.key_columns. */
extern int	pxd_lsm_key_columns(void *state, AttrNumber *attnums);

/* Contract: StorageEngine.check. */
extern void pxd_lsm_check(SegmentAccess *access, void *state);

/* The value of a key column, in the current context. */
extern Datum pxd_lsm_key_datum(const BatchColumn *column, uint32 position, bool *isnull);

/* lsm_search.c; contract: StorageEngine.search. */
extern KeySearchResult pxd_lsm_search(SegmentAccess *access, void *state, const KeySearch *search,
									  void (*match) (void *arg, uint32 position), void *arg, uint64 *blocks);

#endif
