/*
 * unordered.c: which segments to compact where their order does not matter.
 *
 * No state, no locks, no WAL.
 */
#include "postgres.h"

#include "engine.h"

bool
pxd_segment_is_worn(const PlannedSegment *segment)
{
	return segment->live_rows < (1 - WORN_DEAD_FRACTION) * segment->rows;
}

void
pxd_plan_unordered(CompactionPlan *plan, const bool *included)
{
	int			merge = plan->nmerges;
	int			small = 0;
	bool		any = false;

	for (int i = 0; i < plan->nsegments; i++)
	{
		PlannedSegment *segment = &plan->segments[i];

		/* A small segment counts as such only if nothing else speaks for compacting it. */
		if (included == NULL || included[i])
			small += segment->small && !pxd_segment_is_worn(segment);
	}
	for (int i = 0; i < plan->nsegments; i++)
	{
		PlannedSegment *segment = &plan->segments[i];

		if (included != NULL && !included[i])
			continue;
		if (pxd_segment_is_worn(segment) || (small >= COMPACT_SMALL_COUNT && segment->small))
		{
			segment->merge = merge;
			any = true;
		}
	}
	if (any)
		plan->levels[plan->nmerges++] = 0;
}
