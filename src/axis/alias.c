/*
 * alias.c: other names of axis, which other libraries give it (axis_alias.h).
 *
 * An index of an alias is one of axis in all that is stored. What differs is the options it takes and what its settings say about a search.
 */
#include "postgres.h"

#include "fmgr.h"

#include "axis.h"

#define MAX_ALIASES 8

static const AxisAlias *aliases[MAX_ALIASES];
static int	alias_count;

const AxisAlias *
pxd_axis_alias(Relation index)
{
	for (int i = 0; i < alias_count; i++)
		if (index->rd_indam->amoptions == aliases[i]->options)
			return aliases[i];
	return NULL;
}

static IndexAmRoutine *
alias_routine(const AxisAlias *alias)
{
	IndexAmRoutine *am = pxd_axis_routine();
	int			i = 0;

	while (i < alias_count && aliases[i] != alias)
		i++;
	if (i == alias_count)
	{
		if (i == MAX_ALIASES)
			elog(ERROR, "axis has too many other names");
		aliases[alias_count++] = alias;
	}
	am->amoptions = alias->options;
	return am;
}

static const AxisApi api = {
	.routine = alias_routine,
	.add_options = pxd_axis_options_add,
	.parse_options = pxd_axis_options_parse
};

PGDLLEXPORT const AxisApi *pxd_api_axis(int version);

/* What other libraries may call; an ERROR if they have been built for another version. */
const AxisApi *
pxd_api_axis(int version)
{
	if (version != AXIS_API_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("library asks for version %d of the interface of proximadb's axis, which has version %d",
						version, AXIS_API_VERSION),
				 errhint("Install both of the same release, and restart the server.")));
	return &api;
}
