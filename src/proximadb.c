/*
 * proximadb.c: module magic, settings, start-up.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "axis.h"
#include "axis_counts.h"
#include "hooks.h"
#include "kernels.h"
#include "options.h"
#include "proximadb.h"
#include "rmgr.h"
#include "tableam.h"
#include "worker.h"

PG_MODULE_MAGIC;

bool		pxd_preloaded = false;
bool		pxd_debug_direct = false;
bool		pxd_debug_flush = false;
bool		pxd_enable_key_scan = true;
int			pxd_build_mem_kb = 64 * 1024;

void		_PG_init(void);

void
pxd_require_preload(Relation rel)
{
	if (likely(pxd_preloaded))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s\" cannot be used because proximadb was not loaded at server start",
					RelationGetRelationName(rel)),
			 errhint("Add proximadb to shared_preload_libraries and restart the server.")));
}

void
_PG_init(void)
{
	pxd_preloaded = process_shared_preload_libraries_in_progress;
	pxd_kernels_init();

	DefineCustomIntVariable("proximadb.build_mem",
							"Memory for rows that bulk loads collect before they are written as a segment.",
							NULL,
							&pxd_build_mem_kb,
							64 * 1024, 1024, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomBoolVariable("proximadb.debug_direct",
							 "Seals every inserted row at once, for tests.",
							 NULL,
							 &pxd_debug_direct,
							 false,
							 PGC_USERSET, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomBoolVariable("proximadb.debug_flush",
							 "Seals the rows of every command before the next one, for tests.",
							 NULL,
							 &pxd_debug_flush,
							 false,
							 PGC_USERSET, GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomBoolVariable("proximadb.enable_key_scan",
							 "Enables the planner's use of scans by the sort key of a table.",
							 "VACUUM notes which pages such scans can leave out while this is on.",
							 &pxd_enable_key_scan,
							 true,
							 PGC_USERSET, GUC_EXPLAIN, NULL, NULL, NULL);
	pxd_options_init();
	pxd_axis_options_init();
	pxd_axis_counts_init();
	pxd_axis_paths_init();
	pxd_axis_wanted_init();
	pxd_worker_init();
	MarkGUCPrefixReserved("proximadb");

	if (pxd_preloaded)
	{
		pxd_wal_register();
		pxd_write_init();
		pxd_hooks_install();
	}
}
