/*
 * shmem.c: the shared memory of this folder: one area for each file that has one, and a lock.
 *
 * Asked for in the hooks, which call those installed before; sizes depend on max_connections and the like,
 * which are final then.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "worker_internal.h"

#define TRANCHE_NAME	"proximadb maintenance"

WorkerShared *pxd_worker_shared = NULL;

static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

static void
shmem_request(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	RequestAddinShmemSpace(pxd_progress_shmem_size());
	RequestAddinShmemSpace(pxd_history_shmem_size());
	RequestAddinShmemSpace(MAXALIGN(sizeof(WorkerShared)));
	RequestNamedLWLockTranche(TRANCHE_NAME, 1);
}

static void
shmem_startup(void)
{
	bool		found;

	if (prev_shmem_startup)
		prev_shmem_startup();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	pxd_worker_shared = ShmemInitStruct("proximadb worker", sizeof(WorkerShared), &found);
	if (!found)
	{
		pg_atomic_init_u32(&pxd_worker_shared->unneeded, InvalidOid);
		pg_atomic_init_u32(&pxd_worker_shared->wanted, InvalidOid);
		pxd_worker_shared->launcher = NULL;
	}
	pxd_progress_shmem_init();
	pxd_history_shmem_init(&GetNamedLWLockTranche(TRANCHE_NAME)->lock);
	LWLockRelease(AddinShmemInitLock);
}

void
pxd_worker_shmem_install(void)
{
	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = shmem_request;
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
}
