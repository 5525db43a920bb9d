/*
 * progress.c: what flushes and compactions are doing now, for the view proximadb.stat_progress.
 *
 * Core's progress views know core's commands only, and during VACUUM the backend's entry there is core's.
 * So each backend has an entry of its own here, found by its number. Only its backend writes it; its
 * spinlock makes readers see it whole.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/backendid.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "worker_internal.h"

PG_FUNCTION_INFO_V1(pxd_sql_progress);

typedef struct ProgressEntry
{
	slock_t		mutex;
	MaintenancePhase phase;		/* PHASE_NONE: nothing to show */
	int			pid;
	Oid			database;
	Oid			relid;
	BlockNumber blocks_total;
	BlockNumber blocks_done;
	uint64		rows;
	uint64		segments;
} ProgressEntry;

static const char *const phase_names[] = {
	[PHASE_NONE] = "none",
	[PHASE_SEALING] = "scanning and sealing",
	[PHASE_COUNTING] = "compacting: counting",
	[PHASE_MOVING] = "compacting: moving",
	[PHASE_FREEING] = "freeing",
};

static ProgressEntry *entries = NULL;	/* MaxBackends of them, in shared memory */
static bool showing = false;	/* whether this backend's entry shows something */

Size
pxd_progress_shmem_size(void)
{
	return MAXALIGN(mul_size(MaxBackends, sizeof(ProgressEntry)));
}

void
pxd_progress_shmem_init(void)
{
	bool		found;

	entries = ShmemInitStruct("proximadb progress", pxd_progress_shmem_size(), &found);
	if (found)
		return;
	memset(entries, 0, pxd_progress_shmem_size());
	for (int i = 0; i < MaxBackends; i++)
		SpinLockInit(&entries[i].mutex);
}

void
pxd_progress_start(Relation table, MaintenancePhase phase, BlockNumber blocks_total)
{
	ProgressEntry *entry;

	if (entries == NULL || MyBackendId == InvalidBackendId)
		return;

	Assert(MyBackendId <= MaxBackends);
	entry = &entries[MyBackendId - 1];
	SpinLockAcquire(&entry->mutex);
	entry->phase = phase;
	entry->pid = MyProcPid;
	entry->database = MyDatabaseId;
	entry->relid = RelationGetRelid(table);
	entry->blocks_total = blocks_total;
	entry->blocks_done = 0;
	entry->rows = 0;
	entry->segments = 0;
	SpinLockRelease(&entry->mutex);
	showing = true;
}

void
pxd_progress_update(BlockNumber blocks_done, uint64 rows, uint64 segments)
{
	ProgressEntry *entry;

	if (!showing)
		return;

	entry = &entries[MyBackendId - 1];
	SpinLockAcquire(&entry->mutex);
	entry->blocks_done = blocks_done;
	entry->rows = rows;
	entry->segments = segments;
	SpinLockRelease(&entry->mutex);
}

void
pxd_progress_end(void)
{
	ProgressEntry *entry;

	if (!showing)
		return;

	entry = &entries[MyBackendId - 1];
	SpinLockAcquire(&entry->mutex);
	entry->phase = PHASE_NONE;
	SpinLockRelease(&entry->mutex);
	showing = false;
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PARALLEL_ABORT)
		pxd_progress_end();
}

/*
 * Flush and compaction start no subtransactions: if one aborts they have failed, and their error was
 * caught.
 */
static void
at_subtransaction_end(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		pxd_progress_end();
}

void
pxd_progress_init(void)
{
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
}

/* --- SQL --- */

/* Whether the user may see what a backend does, by the rule of core's progress views. */
static bool
may_see(int pid)
{
	PGPROC	   *proc;

	if (has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS))
		return true;
	proc = BackendPidGetProc(pid);
	return proc != NULL && has_privs_of_role(GetUserId(), proc->roleId);
}

/* proximadb.progress(): what the user may not see is NULL */
Datum
pxd_sql_progress(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; entries != NULL && i < MaxBackends; i++)
	{
		ProgressEntry entry;
		Datum		values[8];
		bool		isnull[8] = {false};

		SpinLockAcquire(&entries[i].mutex);
		entry = entries[i];
		SpinLockRelease(&entries[i].mutex);
		if (entry.phase == PHASE_NONE)
			continue;

		values[0] = Int32GetDatum(entry.pid);
		values[1] = ObjectIdGetDatum(entry.database);
		values[2] = ObjectIdGetDatum(entry.relid);
		values[3] = CStringGetTextDatum(phase_names[entry.phase]);
		values[4] = Int64GetDatum(entry.blocks_total);
		values[5] = Int64GetDatum(entry.blocks_done);
		values[6] = Int64GetDatum(entry.rows);
		values[7] = Int64GetDatum(entry.segments);
		if (!may_see(entry.pid))
			memset(&isnull[2], true, sizeof(isnull) - 2 * sizeof(bool));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, isnull);
	}
	return (Datum) 0;
}
