/*
 * key_scan.h: rows of a table by its sort key, without an index.
 */
#ifndef PXD_KEY_SCAN_H
#define PXD_KEY_SCAN_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

#include "key_search.h"
#include "row_batch.h"

typedef struct KeyScan KeyScan;

/* What searches have done since the scan began. */
typedef struct KeyScanCounts
{
	uint64		searches;
	uint64		runs;			/* segments met, those skipped included */
	uint64		skipped_by_fences;
	uint64		skipped_by_filter;
	uint64		unsorted;		/* segments all of whose rows had to be looked at */
	uint64		blocks;			/* of records read to find keys */
	uint64		pages;			/* heap pages read, those not covered included */
	uint64		uncovered;		/* heap pages that had to be read because segments do not lead to all their rows */
} KeyScanCounts;

/* Whether rows of table can be found by key at all, and then its sort key as new segments are written with it. Reads the system catalogs. */
extern bool pxd_key_scan_possible(Relation table, SortKey *key);

/*
 * Opens a scan of table with an MVCC snapshot, in the current context. Rows are those the snapshot sees, each once, in no order; those in no interval of the
 * search are left out as far as that saves work, so the caller looks at every row returned. Both outlive the scan. Lock: AccessShare on table.
 */
extern KeyScan *pxd_key_scan_begin(Relation table, Snapshot snapshot);

/* Starts a search; the one before is over. search, and what it points to, lives until the next one or the end. */
extern void pxd_key_scan_search(KeyScan *scan, const KeySearch *search);

/* Stores the next row in slot, of our kind; false at the end. After a search was started. */
extern bool pxd_key_scan_next(KeyScan *scan, TupleTableSlot *slot);

extern const KeyScanCounts *pxd_key_scan_counts(const KeyScan *scan);
extern void pxd_key_scan_end(KeyScan *scan);

#endif
