/*
 * handler.c: the index access method axis, put together.
 */
#include "postgres.h"

#include "access/amapi.h"
#include "commands/progress.h"
#include "commands/vacuum.h"
#include "fmgr.h"

#include "axis.h"
#include "axis_build.h"

/* Names of a build's phases, for pg_stat_progress_create_index. */
static char *
phase_name(int64 phase)
{
	switch (phase)
	{
		case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
			return "initializing";
		case AXIS_PHASE_SAMPLE:
			return "sampling table";
		case AXIS_PHASE_KMEANS:
			return "finding centroids";
		case AXIS_PHASE_SCAN:
			return "loading tuples";
		case AXIS_PHASE_WRITE:
			return "writing lists";
		case AXIS_PHASE_CALIBRATE:
			return "calibrating";
		default:
			return NULL;
	}
}

/* The access method, palloc'd. */
IndexAmRoutine *
pxd_axis_routine(void)
{
	IndexAmRoutine *am = makeNode(IndexAmRoutine);

	am->amstrategies = 0;		/* operator classes of different kinds: see validate.c */
	am->amsupport = AXIS_SUPPORT_PROCS;
	am->amoptsprocnum = 0;
	am->amcanorder = false;
	am->amcanorderbyop = true;
	am->amcanbackward = false;
	am->amcanunique = false;
	am->amcanmulticol = true;
	am->amoptionalkey = true;
	am->amsearcharray = true;
	am->amsearchnulls = true;
	am->amstorage = false;
	am->amclusterable = false;
	am->ampredlocks = false;
	am->amcanparallel = false;
	am->amcaninclude = false;
	am->amusemaintenanceworkmem = false;
	am->amparallelvacuumoptions = VACUUM_OPTION_PARALLEL_BULKDEL | VACUUM_OPTION_PARALLEL_COND_CLEANUP;
	am->amkeytype = InvalidOid;

	am->ambuild = pxd_axis_build;
	am->ambuildempty = pxd_axis_build_empty;
	am->aminsert = pxd_axis_insert;
	am->ambulkdelete = pxd_axis_bulk_delete;
	am->amvacuumcleanup = pxd_axis_vacuum_cleanup;
	am->amcanreturn = NULL;
	am->amcostestimate = pxd_axis_cost_estimate;
	am->amoptions = pxd_axis_options;
	am->amproperty = NULL;
	am->ambuildphasename = phase_name;
	am->amvalidate = pxd_axis_validate;
	am->amadjustmembers = NULL;
	am->ambeginscan = pxd_axis_begin_scan;
	am->amrescan = pxd_axis_rescan;
	am->amgettuple = pxd_axis_get_tuple;
	am->amgetbitmap = NULL;
	am->amendscan = pxd_axis_end_scan;
	am->ammarkpos = NULL;
	am->amrestrpos = NULL;
	am->amestimateparallelscan = NULL;
	am->aminitparallelscan = NULL;
	am->amparallelrescan = NULL;
	return am;
}

PG_FUNCTION_INFO_V1(pxd_sql_axis_handler);

Datum
pxd_sql_axis_handler(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(pxd_axis_routine());
}
