/*
 * counts.c: what searches through each axis index have done since the counts were last reset.
 *
 * With the library preloaded the counts are in shared memory, in a hash table of MAX_INDEXES entries under one lightweight lock: shared to add to
 * counts, which are atomic; exclusive to make and to remove entries. Entries of indexes that are gone are removed when there is no
 * room for another. Without preloading each backend counts for itself.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "axis_counts.h"

#define MAX_INDEXES 1024
#define TRANCHE_NAME "proximadb axis"
/* When the table was full of indexes that exist, it is looked through again only after so long. */
#define RETRY_MS 60000

typedef struct CountKey
{
	Oid			database;
	Oid			index;
} CountKey;

typedef struct CountEntry
{
	CountKey	key;
	pg_atomic_uint64 counts[AXIS_COUNTS];
} CountEntry;

uint64		pxd_axis_counts_mine[AXIS_COUNTS];

static HTAB *entries = NULL;	/* shared, or of this backend */
static LWLock *lock = NULL;		/* NULL: of this backend */
static TimestampTz full_since = 0;
static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

static void
shmem_request(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	RequestAddinShmemSpace(hash_estimate_size(MAX_INDEXES, sizeof(CountEntry)));
	RequestNamedLWLockTranche(TRANCHE_NAME, 1);
}

static void
shmem_startup(void)
{
	HASHCTL		ctl = {.keysize = sizeof(CountKey), .entrysize = sizeof(CountEntry)};

	if (prev_shmem_startup)
		prev_shmem_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	entries = ShmemInitHash("proximadb axis counts", MAX_INDEXES, MAX_INDEXES, &ctl, HASH_ELEM | HASH_BLOBS);
	lock = &GetNamedLWLockTranche(TRANCHE_NAME)->lock;
	LWLockRelease(AddinShmemInitLock);
}

void
pxd_axis_counts_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = shmem_request;
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
}

static void
lock_entries(LWLockMode mode)
{
	if (lock != NULL)
		LWLockAcquire(lock, mode);
}

static void
unlock_entries(void)
{
	if (lock != NULL)
		LWLockRelease(lock);
}

static HTAB *
own_entries(void)
{
	if (entries == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(CountKey), .entrysize = sizeof(CountEntry)};

		entries = hash_create("axis counts", 16, &ctl, HASH_ELEM | HASH_BLOBS);
	}
	return entries;
}

/* Removes entries of indexes and databases that are gone; other databases' indexes cannot be looked at. Called without the lock. */
static void
remove_stale(void)
{
	CountKey   *keys = palloc(sizeof(CountKey) * MAX_INDEXES);
	HASH_SEQ_STATUS status;
	CountEntry *entry;
	int			n = 0;

	lock_entries(LW_SHARED);
	hash_seq_init(&status, entries);
	while ((entry = hash_seq_search(&status)) != NULL)
		keys[n++] = entry->key;
	unlock_entries();
	for (int i = 0; i < n; i++)
	{
		if (keys[i].database == MyDatabaseId ? SearchSysCacheExists1(RELOID, ObjectIdGetDatum(keys[i].index)) :
			SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(keys[i].database)))
			continue;
		lock_entries(LW_EXCLUSIVE);
		hash_search(entries, &keys[i], HASH_REMOVE, NULL);
		unlock_entries();
	}
	pfree(keys);
}

/* Makes an entry with counts of zero unless it is there. Returns false if there is no room. */
static bool
make_entry(const CountKey *key)
{
	CountEntry *entry;
	bool		found;

	lock_entries(LW_EXCLUSIVE);
	if (lock == NULL)
		entry = hash_search(entries, key, HASH_ENTER, &found);
	else if (hash_get_num_entries(entries) < MAX_INDEXES)
		entry = hash_search(entries, key, HASH_ENTER_NULL, &found);
	else
		entry = NULL;			/* it would grow into memory that is not its own */
	if (entry != NULL && !found)
		for (int i = 0; i < AXIS_COUNTS; i++)
			pg_atomic_init_u64(&entry->counts[i], 0);
	unlock_entries();
	return entry != NULL;
}

void
pxd_axis_counts_add(Oid index, const uint64 counts[AXIS_COUNTS])
{
	CountKey	key = {.database = MyDatabaseId, .index = index};

	for (int i = 0; i < AXIS_COUNTS; i++)
		pxd_axis_counts_mine[i] += counts[i];
	if (full_since != 0 && !TimestampDifferenceExceeds(full_since, GetCurrentStatementStartTimestamp(), RETRY_MS))
		return;
	own_entries();
	for (int tries = 0; tries < 2; tries++)
	{
		CountEntry *entry;

		lock_entries(LW_SHARED);
		entry = hash_search(entries, &key, HASH_FIND, NULL);
		if (entry != NULL)
			for (int i = 0; i < AXIS_COUNTS; i++)
				if (counts[i] > 0)
					pg_atomic_fetch_add_u64(&entry->counts[i], counts[i]);
		unlock_entries();
		if (entry != NULL)
			return;
		if (!make_entry(&key))
		{
			remove_stale();
			if (!make_entry(&key))
			{
				full_since = GetCurrentStatementStartTimestamp();
				return;
			}
		}
	}
}

void
pxd_axis_counts_get(Oid index, uint64 counts[AXIS_COUNTS])
{
	CountKey	key = {.database = MyDatabaseId, .index = index};
	CountEntry *entry;

	own_entries();
	lock_entries(LW_SHARED);
	entry = hash_search(entries, &key, HASH_FIND, NULL);
	for (int i = 0; i < AXIS_COUNTS; i++)
		counts[i] = entry != NULL ? pg_atomic_read_u64(&entry->counts[i]) : 0;
	unlock_entries();
}

void
pxd_axis_counts_reset(Oid index)
{
	CountKey	key = {.database = MyDatabaseId, .index = index};

	own_entries();
	lock_entries(LW_EXCLUSIVE);
	hash_search(entries, &key, HASH_REMOVE, NULL);
	unlock_entries();
}
