/*
 * maintenance.h: what is known of flush and compaction, whoever runs them: their progress, and what they
 * did.
 *
 * All of it is in shared memory, gone with a restart, and never needed for correctness. Without preloading
 * there is no such memory, and these functions do nothing.
 */
#ifndef PXD_MAINTENANCE_H
#define PXD_MAINTENANCE_H

#include "postgres.h"

#include "utils/rel.h"

#include "flush.h"

/* --- progress (worker/progress.c): proximadb.stat_progress --- */

typedef enum MaintenancePhase
{
	PHASE_NONE,
	PHASE_SEALING,
	PHASE_COUNTING,
	PHASE_MOVING,
	PHASE_FREEING
} MaintenancePhase;

/*
 * Shows this backend as busy with a phase of table; replaces what it showed before. What it shows ends
 * with pxd_progress_end, or when the transaction, or a subtransaction, aborts.
 */
extern void pxd_progress_start(Relation table, MaintenancePhase phase, BlockNumber blocks_total);

/* Sets the counters of the phase. Cheap enough for once a page. */
extern void pxd_progress_update(BlockNumber blocks_done, uint64 rows, uint64 segments);

extern void pxd_progress_end(void);

/* --- history (worker/history.c): proximadb.stat_maintenance --- */

/* Tells of a flush of table that has ended; *done is what this one did. */
extern void pxd_maintenance_flushed(Relation table, const FlushResult *done);

/* Tells of a compaction of table that has ended. */
extern void pxd_maintenance_compacted(Relation table, const CompactResult *done);

#endif
