/*
 * axis_counts.h: counts of what searches through axis indexes have done.
 */
#ifndef PXD_AXIS_COUNTS_H
#define PXD_AXIS_COUNTS_H

#include "postgres.h"

typedef enum AxisCount
{
	AXIS_COUNT_SCANS,
	AXIS_COUNT_LISTS_PROBED,
	AXIS_COUNT_LISTS_SKIPPED,	/* by their ranges */
	AXIS_COUNT_CODES,			/* whose distance was estimated */
	AXIS_COUNT_RERANKS,			/* exact distances */
	AXIS_COUNT_ROWS,			/* returned */
	AXIS_COUNTS
} AxisCount;

/* Of all indexes, of this backend's scans alone, never reset. */
extern uint64 pxd_axis_counts_mine[AXIS_COUNTS];

/* Asks for shared memory; once, when the library is loaded. */
extern void pxd_axis_counts_init(void);

/* Adds to the counts of an index of this database. In a transaction; holds no lock on return. */
extern void pxd_axis_counts_add(Oid index, const uint64 counts[AXIS_COUNTS]);

/* Reads them; zeros if there are none. */
extern void pxd_axis_counts_get(Oid index, uint64 counts[AXIS_COUNTS]);

/* Sets them to zero. */
extern void pxd_axis_counts_reset(Oid index);

#endif
