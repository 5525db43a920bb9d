/*
 * flush.h: sealing hot rows.
 */
#ifndef PXD_FLUSH_H
#define PXD_FLUSH_H

#include "postgres.h"

#include "storage/bufmgr.h"
#include "utils/rel.h"

typedef enum FlushMode
{
	FLUSH_VACUUM,				/* inside VACUUM: no transaction id, so rows with external values stay (R2) */
	FLUSH_COMMAND,				/* in an ordinary transaction: everything that is settled */
	FLUSH_DEBUG					/* rows of this running transaction, too */
} FlushMode;

typedef struct FlushResult
{
	uint64		rows;			/* sealed */
	uint64		segments;		/* written */
	uint64		bytes;			/* that the segments take in the store */
} FlushResult;

/*
 * Seals the hot rows of table that are settled (live, not being changed): all pages in command mode, those not all-visible
 * in vacuum mode. Rows whose stubs would not be smaller, or whose pages others have pinned, stay hot. Lock:
 * ShareUpdateExclusive on table. May be cancelled at any point. Adds to *result.
 */
extern void pxd_flush_table(Relation table, FlushMode mode, BufferAccessStrategy strategy, FlushResult *result);

#endif
