/*
 * verify.h: what the parts of proximadb.verify offer each other.
 *
 * Faults are rows of a result, never errors. A step that may meet damage runs under pxd_verify_guard, in a
 * subtransaction of its own: whatever the step held when it met the damage (pins, content locks, memory) goes with it.
 */
#ifndef PXD_VERIFY_H
#define PXD_VERIFY_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "storage/bufmgr.h"
#include "storage/itemptr.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "store.h"

/* Classes of faults, as users see them. */
#define FAULT_METAPAGE	"metapage"	/* the store's first page, its counters */
#define FAULT_DIRECTORY	"directory" /* map and directory pages, entries */
#define FAULT_EXTENT	"extent"	/* outside the file, or two in one place */
#define FAULT_PAGE		"page"		/* a page of a segment or of free space: unreadable, wrong tag, wrong CRC */
#define FAULT_SEGMENT	"segment"	/* header or columns do not decode */
#define FAULT_STUB		"stub"		/* form, locator, back-pointer */
#define FAULT_HEAP		"heap"		/* page or tuple of the main fork */
#define FAULT_LEAK		"leak"		/* space that nothing uses: no damage, VACUUM takes most of it back */

/* Where faults go: the result of the SQL function. */
typedef struct FaultReport
{
	Tuplestorestate *rows;
	TupleDesc	rowdesc;
	MemoryContext scratch;		/* reset for each row */
} FaultReport;

/*
 * Adds a row. Unknown or unfitting columns are NULL: InvalidSegmentNumber, InvalidBlockNumber, NULL. block is of the store,
 * with FAULT_HEAP of the table.
 */
extern void pxd_fault_add(FaultReport *report, const char *kind, SegmentNumber segno, BlockNumber block,
						  const ItemPointerData *tid, const char *detail);

/*
 * Runs step(arg) in a subtransaction. Returns NULL if it succeeded, or the message (in the current context) of the error it
 * raised, if that is one of damage: internal and data-corruption errors (class XX), I/O errors (class 58), and formats this
 * version does not know. Any other error, cancel included, goes on. step leaves nothing pinned, locked or open when
 * it returns, and keeps its progress in arg.
 */
typedef void (*VerifyStep) (void *arg);
extern char *pxd_verify_guard(VerifyStep step, void *arg);

/* What the store's part has found out for the table's part. */
typedef struct SurveyedSegment
{
	SegmentNumber segno;
	bool		damaged;		/* a page of it is: reported, do not read it */
} SurveyedSegment;

typedef struct StoreSurvey
{
	bool		readable;		/* false: the metapage is damaged, so no segment can be found */
	int			nsegments;
	SurveyedSegment *segments;	/* those LIVE at one moment, ascending */
} StoreSurvey;

/*
 * Checks metapage, directory, extents and all pages of table's store, and fills *survey (in the current
 * context). Segments freed meanwhile are no faults. Lock: AccessShare on table and store.
 */
extern void pxd_store_verify(Relation table, Relation store, FaultReport *report, StoreSurvey *survey);

/*
 * Checks every tuple of the main fork, every stub's way to its segment and back, and that everything in these
 * segments can be read, but for those that survey has as damaged. store may be NULL: a table of narrow columns only has none. Lock: AccessShare on table and store; this backend has no unwritten rows.
 */
extern void pxd_rows_verify(Relation table, Relation store, FaultReport *report, StoreSurvey *survey);

/* Raises an error unless table is one of ours and the user may look inside; returns it open, locked AccessShare. */
extern Relation pxd_inspect_open(Oid table_oid);

#endif
