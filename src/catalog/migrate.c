/*
 * migrate.c: CALL proximadb.axis_migrate(), which rebuilds a collection's index with another strategy beside reads and writes.
 *
 * The rebuild is a REINDEX (or CREATE INDEX) CONCURRENTLY of Postgres, which commits several times on its way. So this is a
 * procedure, called by itself like that command, and runs it where it runs itself: at top level, with no SPI connection open. Progress,
 * cancel and errors are the command's own.
 *
 * What is wanted is an option of the index, which takes effect when the index is built: it is set in the transaction that
 * begins the rebuild. When the rebuild fails, the old index gets its option back and the unfinished one is dropped; a server that dies
 * in between leaves both to the next call, which drops what is not valid whether it fails or not.
 *
 * Locks: ShareUpdateExclusive on the table for the session, which keeps other builds away from beginning to end; the others are
 * those of the commands. No WAL of our own.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parser.h"
#include "storage/lmgr.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

#include "collection.h"

PG_FUNCTION_INFO_V1(pxd_sql_axis_migrate);

/* What proximadb.axis_migration() has found out; strings in the portal's memory, which outlives transactions. */
typedef struct Migration
{
	Oid			relid;
	char	   *set_option;		/* statement; NULL if there is no index yet */
	char	   *build;			/* statement */
	char	   *undo;			/* statement that gives an index that is still valid its option back; NULL if there is none */
	Oid			index;			/* which undo is about */
} Migration;

/* The conditions of REINDEX CONCURRENTLY, checked before anything is done. */
static void
check_call(FunctionCallInfo fcinfo)
{
	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext))
		elog(ERROR, "axis_migrate was not called as a procedure");
	if (((CallContext *) fcinfo->context)->atomic || SPI_inside_nonatomic_context())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("axis_migrate cannot run inside a transaction block, function or procedure"),
				 errdetail("It builds an index CONCURRENTLY, in several transactions.")));
	for (int i = 0; i < 2; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s cannot be null", i == 0 ? "collection" : "strategy")));
}

/* Column of the one row SPI returned, in context; NULL if it is NULL. */
static char *
keep_string(MemoryContext context, int column)
{
	char	   *value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);

	return value == NULL ? NULL : MemoryContextStrdup(context, value);
}

/* Checks the arguments and the rights of the caller. */
static Migration
plan_migration(FunctionCallInfo fcinfo)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[2] = {TEXTOID, TEXTOID};
	Datum		values[2] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};
	Migration	migration;
	char	   *index;

	EnsurePortalSnapshotExists();
	SPI_connect();
	if (SPI_execute_with_args("SELECT tbl, set_option, build, undo, index_oid"
							  " FROM proximadb.axis_migration($1, $2)", 2, types, values, NULL, false, 0) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not plan the migration");
	migration.relid = atooid(keep_string(context, 1));
	migration.set_option = keep_string(context, 2);
	migration.build = keep_string(context, 3);
	migration.undo = keep_string(context, 4);
	index = keep_string(context, 5);
	migration.index = index == NULL ? InvalidOid : atooid(index);
	SPI_finish();
	return migration;
}

/* Runs a utility statement as if the client had sent it; it may commit. Returns in the caller's memory context. */
static void
run_utility(const char *sql)
{
	MemoryContext context = CurrentMemoryContext;
	PlannedStmt *statement = makeNode(PlannedStmt);

	statement->commandType = CMD_UTILITY;
	statement->utilityStmt = linitial_node(RawStmt, raw_parser(sql, RAW_PARSE_DEFAULT))->stmt;
	EnsurePortalSnapshotExists();
	ProcessUtility(statement, sql, false, PROCESS_UTILITY_TOPLEVEL, NULL, NULL, None_Receiver, NULL);
	CommandCounterIncrement();
	MemoryContextSwitchTo(context);
}

/* Ends the transaction of what was done since the last one, as procedures may. */
static void
commit_and_go_on(void)
{
	MemoryContext context = CurrentMemoryContext;

	ForgetPortalSnapshots();
	CommitTransactionCommand();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
}

/* Runs a query with one parameter; the only column of its rows, as strings of the current context. */
static List *
run_query(const char *sql, Oid parameter)
{
	MemoryContext context = CurrentMemoryContext;
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(parameter)};
	List	   *rows = NIL;

	EnsurePortalSnapshotExists();
	SPI_connect();
	if (SPI_execute_with_args(sql, 1, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the indexes of a collection");
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		char	   *value = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1);
		MemoryContext spi = MemoryContextSwitchTo(context);

		rows = lappend(rows, pstrdup(value));
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	return rows;
}

/*
 * Drops the axis indexes of the table that are not valid: only builds that failed leave such. The session's lock on the table
 * says that none of them is being built.
 */
static void
drop_invalid_indexes(Oid relid)
{
	ListCell   *cell;
	List	   *names = run_query("SELECT pg_catalog.format('%I.%I', n.nspname, x.relname)"
								 " FROM pg_catalog.pg_index i"
								 " JOIN pg_catalog.pg_class x ON x.oid OPERATOR(pg_catalog.=) i.indexrelid"
								 " JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) x.relnamespace"
								 " JOIN pg_catalog.pg_am m ON m.oid OPERATOR(pg_catalog.=) x.relam"
								 " WHERE i.indrelid OPERATOR(pg_catalog.=) $1 AND NOT i.indisvalid"
								 " AND m.amname OPERATOR(pg_catalog.=) 'axis'", relid);

	foreach(cell, names)
	{
		/* before the wait, not after it */
		ereport(NOTICE,
				(errmsg("dropping index %s, which is not valid", (char *) lfirst(cell))));
		commit_and_go_on();		/* DROP INDEX CONCURRENTLY must be the first action of its transaction */
		run_utility(psprintf("DROP INDEX CONCURRENTLY IF EXISTS %s", (char *) lfirst(cell)));
	}
}

/* Notes the strategy in the catalog, which may have changed otherwise meanwhile. */
static void
save_strategy(Oid relid, const char *strategy)
{
	(void) run_query(psprintf("SELECT proximadb.save_collection(c.tbl, pg_catalog.to_jsonb(c) OPERATOR(pg_catalog.||)"
							  " pg_catalog.jsonb_build_object('index_options', c.index_options OPERATOR(pg_catalog.||)"
							  " pg_catalog.jsonb_build_object('strategy', %s::pg_catalog.text)))"
							  " FROM proximadb.collections c WHERE c.tbl OPERATOR(pg_catalog.=) $1",
							  quote_literal_cstr(strategy)), relid);
}

static void
lock_for_session(Oid relid)
{
	LockRelId	id = {relid, MyDatabaseId};

	LockRelationIdForSession(&id, ShareUpdateExclusiveLock);
}

/*
 * After an error in the rebuild: ends its transaction and makes things as they were. If this fails, too, then with a warning:
 * the error to be reported is the first.
 */
static void
clean_up(const Migration *migration)
{
	MemoryContext context = CurrentMemoryContext;

	/* as SPI_rollback() does for procedures; snapshots went with the error */
	ActivePortal->portalSnapshot = NULL;
	AbortCurrentTransaction();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);

	PG_TRY();
	{
		lock_for_session(migration->relid);
		if (migration->undo != NULL &&
			run_query("SELECT 1 FROM pg_catalog.pg_index i WHERE i.indexrelid OPERATOR(pg_catalog.=) $1 AND i.indisvalid",
					  migration->index) != NIL)
			run_utility(migration->undo);
		drop_invalid_indexes(migration->relid);
		commit_and_go_on();		/* the error to come ends a transaction of its own */
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		ActivePortal->portalSnapshot = NULL;
		AbortCurrentTransaction();
		StartTransactionCommand();
		MemoryContextSwitchTo(context);
		ereport(WARNING,
				(errmsg("could not undo an unfinished axis_migrate: %s", error->message),
				 errhint("Call axis_migrate again, or drop the indexes that are not valid.")));
	}
	PG_END_TRY();
}

/*
 * CALL proximadb.axis_migrate(collection text, strategy text)
 */
Datum
pxd_sql_axis_migrate(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	Migration	migration;
	LockRelId	id;

	check_call(fcinfo);
	migration = plan_migration(fcinfo);
	lock_for_session(migration.relid);
	PG_TRY();
	{
		if (migration.set_option != NULL)
			run_utility(migration.set_option);
		run_utility(migration.build);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		clean_up(&migration);
		ReThrowError(error);
	}
	PG_END_TRY();

	save_strategy(migration.relid, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	drop_invalid_indexes(migration.relid);
	id.relId = migration.relid;
	id.dbId = MyDatabaseId;
	UnlockRelationIdForSession(&id, ShareUpdateExclusiveLock);
	PG_RETURN_VOID();
}
