/*
 * history.c: what flush and compaction did, table by table, for the view proximadb.stat_maintenance and
 * for the worker's decisions.
 *
 * A shared hash table with room for HISTORY_ENTRIES tables. When it is full, the table heard of least
 * recently makes room. One lock guards all of it: entries change once a flush, not once a row. Nothing is
 * saved over a restart; the worker's decisions need no history, they only become better with it.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "worker_internal.h"

PG_FUNCTION_INFO_V1(pxd_sql_maintenance);

#define HISTORY_ENTRIES		1024

/* Longest time until the worker tries a table again, in seconds. */
#define RETRY_MAX_S			3600

typedef struct HistoryKey
{
	Oid			database;
	Oid			relid;
} HistoryKey;

typedef struct HistoryEntry
{
	HistoryKey	key;
	TimestampTz heard_of;		/* last change */
	TimestampTz last_flush;		/* 0: never */
	TimestampTz last_compaction;	/* 0: never */
	int64		flushes;
	FlushResult flushed;		/* sums */
	int64		compactions;
	CompactResult compacted;	/* sums */
	int			failures;		/* of the worker, in a row */
	TableMemory memory;
} HistoryEntry;

static HTAB *history = NULL;
static LWLock *history_lock = NULL;

Size
pxd_history_shmem_size(void)
{
	return hash_estimate_size(HISTORY_ENTRIES, sizeof(HistoryEntry));
}

void
pxd_history_shmem_init(LWLock *lock)
{
	HASHCTL		ctl = {.keysize = sizeof(HistoryKey),.entrysize = sizeof(HistoryEntry)};

	history = ShmemInitHash("proximadb history", HISTORY_ENTRIES, HISTORY_ENTRIES,
							&ctl, HASH_ELEM | HASH_BLOBS);
	history_lock = lock;
}

static void
forget_oldest(void)
{
	HASH_SEQ_STATUS seq;
	HistoryEntry *entry;
	HistoryKey	oldest = {0};
	TimestampTz oldest_time = DT_NOEND;

	hash_seq_init(&seq, history);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		if (entry->heard_of < oldest_time)
		{
			oldest_time = entry->heard_of;
			oldest = entry->key;
		}
	}
	hash_search(history, &oldest, HASH_REMOVE, NULL);
}

/* The entry of a table, made if need be. The lock is held exclusively. */
static HistoryEntry *
enter(Oid relid)
{
	HistoryKey	key = {MyDatabaseId, relid};
	HistoryEntry *entry = hash_search(history, &key, HASH_FIND, NULL);

	if (entry == NULL)
	{
		if (hash_get_num_entries(history) >= HISTORY_ENTRIES)
			forget_oldest();
		entry = hash_search(history, &key, HASH_ENTER, NULL);
		memset((char *) entry + sizeof(HistoryKey), 0, sizeof(HistoryEntry) - sizeof(HistoryKey));
	}
	entry->heard_of = GetCurrentTimestamp();
	return entry;
}

/* Takes the lock and finds the table's entry; NULL, without the lock, if there is no shared memory. */
static HistoryEntry *
begin_change(Oid relid)
{
	if (history == NULL)
		return NULL;
	LWLockAcquire(history_lock, LW_EXCLUSIVE);
	return enter(relid);
}

static void
end_change(void)
{
	LWLockRelease(history_lock);
}

static void
add_flush(FlushResult *sum, const FlushResult *done)
{
	sum->rows += done->rows;
	sum->segments += done->segments;
	sum->bytes += done->bytes;
}

void
pxd_maintenance_flushed(Relation table, const FlushResult *done)
{
	HistoryEntry *entry = begin_change(RelationGetRelid(table));

	if (entry == NULL)
		return;
	entry->last_flush = entry->heard_of;
	entry->flushes++;
	add_flush(&entry->flushed, done);
	end_change();
}

void
pxd_maintenance_compacted(Relation table, const CompactResult *done)
{
	HistoryEntry *entry = begin_change(RelationGetRelid(table));

	if (entry == NULL)
		return;
	entry->last_compaction = entry->heard_of;
	entry->compactions++;
	add_flush(&entry->compacted.flush, &done->flush);
	entry->compacted.segments_in += done->segments_in;
	entry->compacted.segments_freed += done->segments_freed;
	entry->memory.compacted = true;
	entry->memory.counted = false;
	end_change();
}

void
pxd_history_recall(Oid relid, TableMemory *memory)
{
	HistoryKey	key = {MyDatabaseId, relid};
	HistoryEntry *entry;

	memset(memory, 0, sizeof(*memory));
	LWLockAcquire(history_lock, LW_SHARED);
	entry = hash_search(history, &key, HASH_FIND, NULL);
	if (entry != NULL)
		*memory = entry->memory;
	LWLockRelease(history_lock);
}

void
pxd_history_set_hot_left(Oid relid, uint64 hot)
{
	TableMemory *memory = &begin_change(relid)->memory;

	memory->hot_left = hot > memory->hot_noted ? hot - memory->hot_noted : 0;
	end_change();
}

void
pxd_history_set_hot_room(Oid relid, uint64 hot_room)
{
	HistoryEntry *entry = begin_change(relid);

	entry->memory.hot_room = hot_room;
	entry->memory.hot_noted = 0;
	end_change();
}

bool
pxd_history_note_hot(Oid relid, uint64 bytes)
{
	TableMemory *memory = &begin_change(relid)->memory;
	bool		enough;

	memory->hot_noted += bytes;
	enough = memory->hot_noted >= (memory->hot_room > 0 ? memory->hot_room : FLUSH_MIN_BYTES);
	if (enough)
		memory->hot_noted = 0;
	end_change();
	return enough;
}

void
pxd_history_set_counts(Oid relid, int64 rows_removed, int unsettled)
{
	HistoryEntry *entry = begin_change(relid);

	entry->memory.counted = true;
	entry->memory.rows_removed = rows_removed;
	entry->memory.unsettled = unsettled;
	end_change();
}

void
pxd_history_failed(Oid relid)
{
	HistoryEntry *entry = begin_change(relid);
	int64		wait_s;

	entry->failures = Min(entry->failures + 1, 12);
	wait_s = Min((int64) pxd_worker_naptime_s << entry->failures, RETRY_MAX_S);
	entry->memory.retry_at = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), wait_s * 1000);
	end_change();
}

void
pxd_history_succeeded(Oid relid)
{
	HistoryEntry *entry = begin_change(relid);

	entry->failures = 0;
	entry->memory.retry_at = 0;
	end_change();
}

/* --- SQL --- */

static void
put_entry(ReturnSetInfo *rsinfo, const HistoryEntry *entry)
{
	Datum		values[11];
	bool		isnull[11] = {false};

	values[0] = ObjectIdGetDatum(entry->key.relid);
	values[1] = TimestampTzGetDatum(entry->last_flush);
	isnull[1] = entry->last_flush == 0;
	values[2] = Int64GetDatum(entry->flushes);
	values[3] = Int64GetDatum(entry->flushed.rows);
	values[4] = Int64GetDatum(entry->flushed.segments);
	values[5] = Int64GetDatum(entry->flushed.bytes);
	values[6] = TimestampTzGetDatum(entry->last_compaction);
	isnull[6] = entry->last_compaction == 0;
	values[7] = Int64GetDatum(entry->compactions);
	values[8] = Int64GetDatum(entry->compacted.flush.rows);
	values[9] = Int64GetDatum(entry->compacted.segments_in);
	values[10] = Int64GetDatum(entry->compacted.segments_freed);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, isnull);
}

/* proximadb.maintenance(): tables of this database */
Datum
pxd_sql_maintenance(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HASH_SEQ_STATUS seq;
	HistoryEntry *entry;
	HistoryEntry *copies;
	int			n = 0;

	InitMaterializedSRF(fcinfo, 0);
	if (history == NULL)
		return (Datum) 0;

	/* A tuplestore may write a file: copy first, so as not to hold the lock meanwhile. */
	copies = palloc(mul_size(HISTORY_ENTRIES, sizeof(HistoryEntry)));
	LWLockAcquire(history_lock, LW_SHARED);
	hash_seq_init(&seq, history);
	while ((entry = hash_seq_search(&seq)) != NULL)
		if (entry->key.database == MyDatabaseId && entry->flushes + entry->compactions > 0)
			copies[n++] = *entry;
	LWLockRelease(history_lock);

	for (int i = 0; i < n; i++)
		put_entry(rsinfo, &copies[i]);
	return (Datum) 0;
}
