/*
 * sealed.c: from a stub to its segment, or to this backend's memory while that is not written.
 *
 * Takes no content locks and holds none while it waits; what is found is kept true by the caller's pin on the stub's page (I3).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"

#include "builder.h"
#include "sealed.h"
#include "stub.h"

static void missing_segment(Relation table, HeapTuple stub, SegmentNumber segno) pg_attribute_noreturn();

static void
missing_segment(Relation table, HeapTuple stub, SegmentNumber segno)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("segment " UINT64_FORMAT " of table \"%s\" is missing",
					segno, RelationGetRelationName(table)),
			 errdetail("Row (%u,%u) is sealed in it.",
					   ItemPointerGetBlockNumberNoCheck(&stub->t_self),
					   ItemPointerGetOffsetNumberNoCheck(&stub->t_self))));
}

/*
 * A segment that is not live belongs to a row some other running transaction bulk-loads (R14), or to a row that is void because
 * its inserter failed. Returns false for the former if the caller does not wait.
 */
static bool
locate_unwritten(SegmentAccess *access, Relation table, HeapTuple stub, bool wait, SealedRow *row)
{
	TransactionId xmin = HeapTupleHeaderGetXmin(stub->t_data);
	SegmentNumber segno = locator_segment(stub_locator(stub->t_data));
	bool		own = TransactionIdIsCurrentTransactionId(xmin);

	if (TransactionIdIsNormal(xmin) && !own && TransactionIdIsInProgress(xmin))
	{
		if (!wait)
			return false;
		XactLockTableWait(xmin, table, &stub->t_self, XLTW_None);
	}
	if (pxd_access_seek(access, segno))
	{
		row->engine = pxd_access_engine(access);
		row->state = pxd_access_state(access);
	}
	else if (!TransactionIdIsNormal(xmin) || own || TransactionIdDidCommit(xmin))
		missing_segment(table, stub, segno);
	return true;
}

bool
pxd_sealed_locate(SegmentAccess *access, Relation table, HeapTuple stub, bool wait, SealedRow *row)
{
	Locator		locator = stub_locator(stub->t_data);
	SegmentNumber segno = locator_segment(locator);

	row->position = locator_position(locator);
	row->engine = NULL;
	row->batch = pxd_builder_find(table->rd_node, segno);
	if (row->batch != NULL)
		return true;

	pxd_access_open(access, table);
	if (unlikely(!pxd_access_seek(access, segno)))
		return locate_unwritten(access, table, stub, wait, row);
	row->engine = pxd_access_engine(access);
	row->state = pxd_access_state(access);
	return true;
}
