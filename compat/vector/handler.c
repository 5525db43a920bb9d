/*
 * handler.c: start of the library, and the access methods hnsw and ivfflat: axis with the options and settings of settings.c.
 *
 * All work is proximadb's own, whose library this one loads. Neither library defines what pgvector's own would: pgvector's settings are
 * defined here, so this library and pgvector's cannot be loaded in one session.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "settings.h"

PG_MODULE_MAGIC;

static const AxisApi *axis;

void		_PG_init(void);

void
_PG_init(void)
{
	const char *theirs = GetConfigOption("hnsw.ef_search", true, false);
	AxisApiFunction find;

	if (theirs != NULL && (GetConfigOptionFlags("hnsw.ef_search", true) & GUC_CUSTOM_PLACEHOLDER) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pgvector's own library is loaded in this session"),
				 errhint("Take vector out of shared_preload_libraries and the like.")));
	find = (AxisApiFunction) load_external_function("$libdir/proximadb", "pxd_api_axis", true, NULL);
	axis = find(AXIS_API_VERSION);
	pxd_vector_settings_init(axis);
}

/* What both have of axis. Neither has filter columns: pgvector's have none, and no operator classes for them. */
static IndexAmRoutine *
alias_routine(const AxisAlias *alias)
{
	IndexAmRoutine *am = axis->routine(alias);

	am->amcanmulticol = false;
	return am;
}

PG_FUNCTION_INFO_V1(pxd_sql_hnsw_handler);
PG_FUNCTION_INFO_V1(pxd_sql_ivfflat_handler);

Datum
pxd_sql_hnsw_handler(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(alias_routine(&pxd_vector_hnsw));
}

Datum
pxd_sql_ivfflat_handler(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(alias_routine(&pxd_vector_ivfflat));
}
