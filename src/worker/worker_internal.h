/*
 * worker_internal.h: what the files of src/worker share.
 */
#ifndef PXD_WORKER_INTERNAL_H
#define PXD_WORKER_INTERNAL_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/latch.h"
#include "storage/lwlock.h"

#include "maintenance.h"

/* Settings, defined in worker.c. */
extern bool pxd_worker_enabled;			/* proximadb.worker */
extern int	pxd_worker_naptime_s;		/* proximadb.worker_naptime */

/* --- shared memory (progress.c, history.c, put together in shmem.c) --- */

extern Size pxd_progress_shmem_size(void);
extern void pxd_progress_shmem_init(void);
extern Size pxd_history_shmem_size(void);
extern void pxd_history_shmem_init(LWLock *lock);

/* Installs the hooks that ask for the memory and initialise it. From _PG_init, when preloaded. */
extern void pxd_worker_shmem_install(void);

/* Of launcher and worker. NULL without shared memory. */
typedef struct WorkerShared
{
	pg_atomic_uint32 unneeded;	/* the database in which a worker found no extension; set by it */
	pg_atomic_uint32 wanted;	/* the database whose backends have called for a worker, or InvalidOid */
	Latch	   *volatile launcher;	/* NULL while there is none */
} WorkerShared;

extern WorkerShared *pxd_worker_shared;

/*
 * Installs the callbacks that end what this backend shows as progress when it fails. From _PG_init, when
 * preloaded.
 */
extern void pxd_progress_init(void);

/* --- history.c: what the worker remembers of a table of this database --- */

typedef struct TableMemory
{
	TimestampTz retry_at;		/* not before, after failures */
	uint64		hot_left;		/* hot bytes that the worker's last flush could not seal */
	uint64		hot_room;		/* bytes that may be written hot until the worker looks again; 0: not known */
	uint64		hot_noted;		/* written hot since then */
	bool		compacted;		/* there was a compaction */
	bool		counted;		/* the rest is known: how things stood after it, or at first */
	int64		rows_removed;	/* dead rows that vacuums had removed */
	int			unsettled;		/* segments that it left (StorageEngine.unsettled) */
} TableMemory;

/* Copies what is known of the table; zero if nothing is. */
extern void pxd_history_recall(Oid relid, TableMemory *memory);

/* Hot bytes there are after a flush; what has been written since the last pxd_history_set_hot_room, before it, does not count as left. */
extern void pxd_history_set_hot_left(Oid relid, uint64 hot);

/* Sets single facts. */
extern void pxd_history_set_hot_room(Oid relid, uint64 hot_room);

/*
 * Adds to the bytes written hot. Returns true, once, when there is no room any more, or, for a table the worker has not looked at, when more
 * than FLUSH_MIN_BYTES have been written. Raises no error.
 */
extern bool pxd_history_note_hot(Oid relid, uint64 bytes);

/* Hot bytes from which on even a small table is flushed, unless flush_threshold is less. */
#define FLUSH_MIN_BYTES		(UINT64CONST(1024) * 1024)
extern void pxd_history_set_counts(Oid relid, int64 rows_removed, int unsettled);

/*
 * The worker failed with the table, or no longer does: after n failures in a row it waits 2^n naps, at
 * most an hour.
 */
extern void pxd_history_failed(Oid relid);
extern void pxd_history_succeeded(Oid relid);

/* --- due.c --- */

typedef struct DueWork
{
	bool		flush;
	bool		whole_table;	/* flush all-visible pages, too */
	bool		compact;
} DueWork;

/*
 * Hot bytes from which on table is flushed: 1/32 of its size, lest hot rows leave the main fork much larger than its stubs
 * need; at least FLUSH_MIN_BYTES, at most its flush_threshold. Lock: AccessShare.
 */
extern uint64 pxd_flush_due_bytes(Relation table);

/*
 * Decides what is to be done for table. Reads at most some hundred pages of it, and sets hot_room in its history. Lock:
 * AccessShare; in a transaction.
 */
extern void pxd_due_work(Relation table, DueWork *due);

#endif
