/*
 * verify_guard.c: damage as rows of a result instead of errors.
 *
 * Checks call the same functions as everybody who reads a table, and those raise. So each step of a check runs in an internal
 * subtransaction, as an exception block of PL/pgSQL does: its abort releases pins, content locks and relation references, so
 * readers need no second form that returns messages. It has no transaction id and writes no WAL.
 *
 * Owns nothing on disk; takes no locks.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "verify.h"

#define FAULT_COLUMNS	5

void
pxd_fault_add(FaultReport *report, const char *kind, SegmentNumber segno, BlockNumber block,
			  const ItemPointerData *tid, const char *detail)
{
	MemoryContext oldcontext = MemoryContextSwitchTo(report->scratch);
	Datum		values[FAULT_COLUMNS] = {0};
	bool		nulls[FAULT_COLUMNS] = {0};

	values[0] = CStringGetTextDatum(kind);
	values[1] = Int64GetDatum((int64) segno);
	nulls[1] = segno == InvalidSegmentNumber;
	values[2] = Int64GetDatum((int64) block);
	nulls[2] = block == InvalidBlockNumber;
	values[3] = PointerGetDatum(tid);
	nulls[3] = tid == NULL;
	values[4] = CStringGetTextDatum(detail);
	tuplestore_putvalues(report->rows, report->rowdesc, values, nulls);

	MemoryContextSwitchTo(oldcontext);
	MemoryContextReset(report->scratch);
}

static bool
is_damage(int sqlerrcode)
{
	int			category = ERRCODE_TO_CATEGORY(sqlerrcode);

	return category == ERRCODE_TO_CATEGORY(ERRCODE_DATA_CORRUPTED) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_IO_ERROR) ||
		sqlerrcode == ERRCODE_FEATURE_NOT_SUPPORTED;
}

/* One text of an error's message and detail. */
static char *
error_text(const ErrorData *error)
{
	if (error->detail == NULL)
		return pstrdup(error->message);
	return psprintf("%s: %s", error->message, error->detail);
}

char *
pxd_verify_guard(VerifyStep step, void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char	   *volatile damage = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		step(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (!is_damage(error->sqlerrcode))
			ReThrowError(error);
		damage = error_text(error);
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return damage;
}
