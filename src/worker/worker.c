/*
 * worker.c: the background worker: flushes and compacts tables of our access methods when it is due
 * (due.c).
 *
 * Two kinds of processes. The launcher lives as long as the server; it is connected to no database and
 * reads only the shared catalogs. Each nap it starts a worker for one database after the other. A worker
 * does one round over the tables of its database and exits, so it does not stand in the way of DROP
 * DATABASE or CREATE DATABASE ... TEMPLATE.
 *
 * Locks: AccessShare to look at a table, ShareUpdateExclusive to work on it, both taken only if they can
 * be had at once. A worker is marked as autovacuum's workers are: who waits for its lock cancels it, and
 * DROP DATABASE terminates it.
 *
 * Work is done in ordinary transactions (R2), each over a bounded part of the table: a running transaction
 * keeps vacuum from removing dead rows everywhere in the database.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "commands/extension.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/autovacuum.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "flush.h"
#include "proximadb.h"
#include "tableam.h"
#include "worker.h"
#include "worker_internal.h"

bool		pxd_worker_enabled = true;
int			pxd_worker_naptime_s = 60;

/* Hot bytes a backend writes before it tells the others. */
#define HOT_BYTES_STEP	(256 * 1024)

/* A launcher that failed or was terminated is started again after this time. */
#define LAUNCHER_RESTART_S	10

/* A database without the extension is looked at again after 2, 4, 8... naps, but at least so often. */
#define IDLE_DATABASE_MAX_S	600

/* Pages of a table flushed in one transaction. */
#define BLOCKS_PER_TRANSACTION	((BlockNumber) (1024 * 1024 * 1024 / BLCKSZ))

extern void pxd_bgw_launcher(Datum arg);
extern void pxd_bgw_worker(Datum arg);

/* --- both --- */

static void
set_up_signals(void)
{
	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
}

/* Settings of users and databases must not get at maintenance. */
static void
override_settings(void)
{
	static const char *const settings[][2] = {
		{"search_path", ""},
		{"zero_damaged_pages", "false"},
		{"statement_timeout", "0"},
		{"lock_timeout", "0"},
		{"idle_in_transaction_session_timeout", "0"},
		{"default_transaction_isolation", "read committed"},
		{"default_transaction_read_only", "false"},
		{"proximadb.debug_direct", "false"},
		{"proximadb.debug_flush", "false"},
	};

	for (int i = 0; i < lengthof(settings); i++)
		SetConfigOption(settings[i][0], settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
	if (synchronous_commit > SYNCHRONOUS_COMMIT_LOCAL_FLUSH)
		SetConfigOption("synchronous_commit", "local", PGC_SUSET, PGC_S_OVERRIDE);
}

static void
reload_settings(void)
{
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

static void
fill_worker(BackgroundWorker *worker, const char *name, const char *function)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	strlcpy(worker->bgw_library_name, "proximadb", sizeof(worker->bgw_library_name));
	strlcpy(worker->bgw_function_name, function, sizeof(worker->bgw_function_name));
	strlcpy(worker->bgw_name, name, sizeof(worker->bgw_name));
	strlcpy(worker->bgw_type, name, sizeof(worker->bgw_type));
}

/* --- launcher --- */

/* What the launcher knows of a database. */
typedef struct DatabaseState
{
	Oid			database;
	bool		exists;			/* in this round */
	int			naps;			/* to wait between workers, more than 1 if there is nothing to do */
	TimestampTz due;
} DatabaseState;

/*
 * Handles what signals asked for. When asked to end it does so at once and without the usual FATAL
 * message, which would stand in the log of each shutdown; with status 1, so that it is started again if
 * the server goes on.
 */
static void
handle_interrupts(void)
{
	if (ProcDiePending)
		proc_exit(1);
	CHECK_FOR_INTERRUPTS();
	reload_settings();
}

static void
nap(long milliseconds, uint32 wait_event)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds, wait_event);
	ResetLatch(MyLatch);
	handle_interrupts();
}

/* Brings the launcher's list up to date with the databases one can connect to. */
static void
list_databases(HTAB *states)
{
	HASH_SEQ_STATUS seq;
	DatabaseState *state;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;

	hash_seq_init(&seq, states);
	while ((state = hash_seq_search(&seq)) != NULL)
		state->exists = false;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		bool		found;

		if (!form->datallowconn || form->datconnlimit == DATCONNLIMIT_INVALID_DB)
			continue;
		state = hash_search(states, &form->oid, HASH_ENTER, &found);
		state->exists = true;
		if (!found)
		{
			state->naps = 1;
			state->due = 0;
		}
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	pgstat_report_stat(true);

	hash_seq_init(&seq, states);
	while ((state = hash_seq_search(&seq)) != NULL)
		if (!state->exists)
			hash_search(states, &state->database, HASH_REMOVE, NULL);
}

/* Runs a worker and waits for its end. Returns false if none can be started now. */
static bool
run_worker(Oid database)
{
	static bool complained = false;
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	pid_t		pid;

	fill_worker(&worker, "proximadb worker", "pxd_bgw_worker");
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	worker.bgw_notify_pid = MyProcPid;

	pg_atomic_write_u32(&pxd_worker_shared->unneeded, InvalidOid);
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
	{
		if (!complained)
			ereport(LOG,
					(errmsg("could not start a proximadb worker: all background worker slots are taken"),
					 errdetail("It is tried again every %d seconds.", pxd_worker_naptime_s),
					 errhint("Consider raising max_worker_processes.")));
		complained = true;
		return false;
	}
	complained = false;

	/*
	 * The server tells by a signal when the worker starts and when it ends; the time limit is for a signal
	 * that got lost.
	 */
	while (GetBackgroundWorkerPid(handle, &pid) != BGWH_STOPPED)
		nap(10000, WAIT_EVENT_BGWORKER_SHUTDOWN);
	pfree(handle);
	return true;
}

static void
plan_next_visit(DatabaseState *state)
{
	int64		wait_s = pxd_worker_naptime_s;

	if (pg_atomic_read_u32(&pxd_worker_shared->unneeded) == state->database)
	{
		state->naps = Min(state->naps * 2, IDLE_DATABASE_MAX_S);
		wait_s = Max(wait_s, Min(wait_s * state->naps, IDLE_DATABASE_MAX_S));
	}
	else
		state->naps = 1;

	/* Half a nap earlier, so that rounds that begin a little late do not leave a database out. */
	state->due = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
											 wait_s * 1000 - pxd_worker_naptime_s * INT64CONST(500));
}

/* Has each database that is due visited by a worker. */
static void
launch_workers(HTAB *states)
{
	HASH_SEQ_STATUS seq;
	DatabaseState *state;
	List	   *due = NIL;
	ListCell   *cell;

	list_databases(states);
	hash_seq_init(&seq, states);
	while ((state = hash_seq_search(&seq)) != NULL)
		if (state->due <= GetCurrentTimestamp())
			due = lappend(due, state);

	foreach(cell, due)
	{
		state = lfirst(cell);
		if (!pxd_worker_enabled || !run_worker(state->database))
			break;
		plan_next_visit(state);
	}
	list_free(due);
}

/* Takes the launcher's latch out of reach of those who would call it. */
static void
launcher_gone(int code, Datum arg)
{
	pxd_worker_shared->launcher = NULL;
}

/* Sends a worker where backends have called for one: hot rows come faster than naps go by. */
static void
answer_call(HTAB *states)
{
	Oid			database = pg_atomic_exchange_u32(&pxd_worker_shared->wanted, InvalidOid);
	DatabaseState *state;

	if (!OidIsValid(database) || !pxd_worker_enabled)
		return;
	state = hash_search(states, &database, HASH_FIND, NULL);
	if (run_worker(database) && state != NULL)
		plan_next_visit(state);
}

void
pxd_worker_note_hot(Relation table, Size bytes)
{
	static Oid	relid = InvalidOid;
	static Size pending = 0;
	Latch	   *launcher;

	/* Shared memory is touched once in a while only; a backend that writes to many tables by turns is counted too low. */
	if (relid != RelationGetRelid(table))
		pending = 0;
	relid = RelationGetRelid(table);
	pending += bytes;
	if (pending < HOT_BYTES_STEP || pxd_worker_shared == NULL || RelationUsesLocalBuffers(table))
		return;
	bytes = pending;
	pending = 0;
	if (!pxd_history_note_hot(relid, bytes))
		return;

	pg_atomic_write_u32(&pxd_worker_shared->wanted, MyDatabaseId);
	launcher = pxd_worker_shared->launcher;
	if (launcher != NULL)
		SetLatch(launcher);
}

void
pxd_bgw_launcher(Datum arg)
{
	HASHCTL		ctl = {.keysize = sizeof(Oid),.entrysize = sizeof(DatabaseState)};
	MemoryContext context;
	HTAB	   *states;
	TimestampTz round_start = 0;

	set_up_signals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	override_settings();

	context = AllocSetContextCreate(TopMemoryContext, "proximadb launcher", ALLOCSET_DEFAULT_SIZES);
	ctl.hcxt = context;
	states = hash_create("proximadb databases", 16, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	pxd_worker_shared->launcher = MyLatch;
	on_shmem_exit(launcher_gone, (Datum) 0);

	for (;;)
	{
		TimestampTz next_round;
		long		wait_ms;

		handle_interrupts();
		answer_call(states);
		next_round = TimestampTzPlusMilliseconds(round_start, pxd_worker_naptime_s * INT64CONST(1000));
		wait_ms = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next_round);
		if (wait_ms <= 0)
		{
			round_start = GetCurrentTimestamp();
			MemoryContextSwitchTo(context);
			if (pxd_worker_enabled)
				launch_workers(states);
			continue;
		}
		nap(wait_ms, PG_WAIT_EXTENSION);
	}
}

/* --- worker --- */

/* The table being maintained, for messages. */
static char current_table[2 * NAMEDATALEN + 2];

/* Marks this process for others, by some of proc.h's PROC_ flags. */
static void
mark_process(uint8 flags)
{
	LWLockAcquire(ProcArrayLock, LW_EXCLUSIVE);
	MyProc->statusFlags |= flags;
	ProcGlobal->statusFlags[MyProc->pgxactoff] = MyProc->statusFlags;
	LWLockRelease(ProcArrayLock);
}

/* Autovacuum's cost settings are this worker's, too. */
static void
set_vacuum_costs(void)
{
	if (autovacuum_vac_cost_delay >= 0)
		VacuumCostDelay = autovacuum_vac_cost_delay;
	if (autovacuum_vac_cost_limit > 0)
		VacuumCostLimit = autovacuum_vac_cost_limit;
	VacuumCostActive = VacuumCostDelay > 0;
	VacuumCostBalance = 0;
}

/*
 * Marks are the transaction's: 0, or PROC_IN_VACUUM for what VACUUM does as well, which writes no rows and reads none by a snapshot (R2). As in lazy vacuum the
 * transaction then keeps no vacuum of another table from removing what has died meanwhile, however long it takes. Its end takes the mark away.
 */
static void
begin_transaction(uint8 marks)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (marks != 0)
		mark_process(marks);
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
end_transaction(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* Opens a table of ours if it exists and can be locked at once; otherwise NULL. */
static Relation
open_table(Oid relid, LOCKMODE lockmode)
{
	Relation	table;

	if (!ConditionalLockRelationOid(relid, lockmode))
		return NULL;
	table = try_relation_open(relid, NoLock);
	if (table != NULL && pxd_table_engine(table) != NULL &&
		table->rd_rel->relpersistence != RELPERSISTENCE_TEMP)
	{
		snprintf(current_table, sizeof(current_table), "%s.%s",
				 get_namespace_name(RelationGetNamespace(table)), RelationGetRelationName(table));
		return table;
	}
	if (table != NULL)
		relation_close(table, NoLock);
	return NULL;
}

/* Shows what is being done with the table opened last. */
static void
report_activity(const char *what)
{
	char		text[sizeof(current_table) + 32];

	snprintf(text, sizeof(text), "proximadb: %s %s", what, current_table);
	pgstat_report_activity(STATE_RUNNING, text);
}

static void
look_at_table(Oid relid, DueWork *due)
{
	Relation	table;

	memset(due, 0, sizeof(*due));
	begin_transaction(PROC_IN_VACUUM);
	table = open_table(relid, AccessShareLock);
	if (table != NULL)
	{
		pxd_due_work(table, due);
		relation_close(table, NoLock);
	}
	end_transaction();
}

typedef enum PartOutcome
{
	PART_LAST,					/* the end of the table is reached */
	PART_MORE,
	PART_BUSY					/* somebody else has the table */
} PartOutcome;

/* Flushes the next part of a table in a transaction of its own. Advances *block. */
static PartOutcome
flush_part(Oid relid, bool whole_table, BlockNumber *block, FlushResult *result)
{
	Relation	table;
	PartOutcome outcome = PART_BUSY;

	begin_transaction(0);
	table = open_table(relid, ShareUpdateExclusiveLock);
	if (table != NULL)
	{
		BlockNumber nblocks = RelationGetNumberOfBlocks(table);
		FlushOptions options = {
			.mode = FLUSH_COMMAND,
			.hot = true,
			.skip_visible = !whole_table,
			.strategy = GetAccessStrategy(BAS_VACUUM),
			.first_block = *block
		};

		outcome = PART_LAST;
		if (*block < nblocks && nblocks - *block > BLOCKS_PER_TRANSACTION)
		{
			outcome = PART_MORE;
			*block += BLOCKS_PER_TRANSACTION;
			options.end_block = *block;
		}

		report_activity("flushing");
		pxd_flush_table(table, &options, result);
		relation_close(table, NoLock);
	}
	end_transaction();
	return outcome;
}

/* Remembers how much the flush that has ended left hot. */
static void
remember_hot_left(Oid relid)
{
	Relation	table;

	begin_transaction(PROC_IN_VACUUM);
	table = open_table(relid, AccessShareLock);
	if (table != NULL)
	{
		bool		whole_table;

		pxd_history_set_hot_left(relid, pxd_hot_bytes(table, 0, &whole_table));
		relation_close(table, NoLock);
	}
	end_transaction();
}

/* Returns false if somebody else has the table. */
static bool
compact_table(Oid relid)
{
	CompactResult result = {0};
	Relation	table;
	bool		done = false;

	begin_transaction(PROC_IN_VACUUM);
	table = open_table(relid, ShareUpdateExclusiveLock);
	if (table != NULL)
	{
		report_activity("compacting");
		pxd_compact_table(table, false, GetAccessStrategy(BAS_VACUUM), &result);
		relation_close(table, NoLock);
		done = true;
	}
	end_transaction();
	return done;
}

/* The setting that says which of autovacuum's work is worth a line in the log says so for this, too. */
static void
log_work(const DueWork *due, const FlushResult *flushed, TimestampTz start)
{
	TimestampTz end = GetCurrentTimestamp();

	if (Log_autovacuum_min_duration < 0 ||
		!TimestampDifferenceExceeds(start, end, Log_autovacuum_min_duration))
		return;
	ereport(LOG,
			(errmsg("proximadb worker: table \"%s\": %llu rows sealed in %llu segments%s, elapsed: %.2f s",
					current_table, (unsigned long long) flushed->rows, (unsigned long long) flushed->segments,
					due->compact ? ", compacted" : "", (end - start) / 1000000.0)));
}

static void
maintain_table(Oid relid)
{
	TimestampTz start = GetCurrentTimestamp();
	FlushResult flushed = {0};
	BlockNumber block = 0;
	DueWork		due;
	TableMemory memory;
	bool		worked = false;

	look_at_table(relid, &due);
	if (due.flush)
	{
		PartOutcome outcome;

		do
			outcome = flush_part(relid, due.whole_table, &block, &flushed);
		while (outcome == PART_MORE);
		if (outcome == PART_LAST)
			remember_hot_left(relid);
		worked = outcome != PART_BUSY;
	}
	if (due.compact)
		worked |= compact_table(relid);
	if (worked)
	{
		log_work(&due, &flushed, start);
		pxd_history_recall(relid, &memory);
		if (memory.retry_at != 0)
			pxd_history_succeeded(relid);
	}
}

/* Maintains a table; what goes wrong with it is logged, and does not keep the worker from the others. */
static void
try_maintain_table(Oid relid, MemoryContext context)
{
	MemoryContextSwitchTo(context);
	snprintf(current_table, sizeof(current_table), "%u", relid);
	PG_TRY();
	{
		pgstat_report_activity(STATE_RUNNING, "proximadb: looking for work");
		/* A cancel meant for the table before. */
		QueryCancelPending = false;
		maintain_table(relid);
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		QueryCancelPending = false;
		errcontext("background maintenance of table \"%s\"", current_table);
		EmitErrorReport();
		AbortOutOfAnyTransaction();
		FlushErrorState();
		pxd_history_failed(relid);
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	MemoryContextReset(context);
	pgstat_report_stat(false);
}

/*
 * Lists the tables under the extension's access methods in *tables, allocated in context. Returns false if
 * the extension is not installed.
 */
static bool
list_tables(MemoryContext context, List **tables)
{
	Oid			extension;
	Oid			last_am = InvalidOid;
	bool		last_ours = false;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;

	begin_transaction(0);
	extension = get_extension_oid("proximadb", true);
	if (!OidIsValid(extension))
	{
		end_transaction();
		return false;
	}

	rel = table_open(RelationRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		if ((form->relkind != RELKIND_RELATION && form->relkind != RELKIND_MATVIEW) ||
			form->relpersistence == RELPERSISTENCE_TEMP ||
			form->relam == HEAP_TABLE_AM_OID)
			continue;
		if (form->relam != last_am)
		{
			last_am = form->relam;
			last_ours = getExtensionOfObject(AccessMethodRelationId, last_am) == extension;
		}
		if (last_ours)
		{
			MemoryContext oldcontext = MemoryContextSwitchTo(context);

			*tables = lappend_oid(*tables, form->oid);
			MemoryContextSwitchTo(oldcontext);
		}
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	end_transaction();
	return true;
}

void
pxd_bgw_worker(Datum arg)
{
	Oid			database = DatumGetObjectId(arg);
	MemoryContext list_context;
	MemoryContext table_context;
	List	   *tables = NIL;
	ListCell   *cell;

	set_up_signals();
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	/* Lock waiters and DROP DATABASE then treat it as autovacuum's workers; that is all the mark is used for. */
	mark_process(PROC_IS_AUTOVACUUM);
	override_settings();
	set_vacuum_costs();

	list_context = AllocSetContextCreate(TopMemoryContext, "proximadb tables", ALLOCSET_DEFAULT_SIZES);
	table_context = AllocSetContextCreate(TopMemoryContext, "proximadb table", ALLOCSET_DEFAULT_SIZES);
	pgstat_report_activity(STATE_RUNNING, "proximadb: looking for work");
	if (!list_tables(list_context, &tables))
	{
		pg_atomic_write_u32(&pxd_worker_shared->unneeded, database);
		proc_exit(0);
	}

	foreach(cell, tables)
	{
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			reload_settings();
			set_vacuum_costs();
		}
		if (!pxd_worker_enabled)
			break;
		try_maintain_table(lfirst_oid(cell), table_context);
	}
	pgstat_report_activity(STATE_IDLE, NULL);
	proc_exit(0);
}

/* --- start-up --- */

void
pxd_worker_init(void)
{
	BackgroundWorker launcher;

	DefineCustomBoolVariable("proximadb.worker",
							 "Starts background workers that flush and compact tables.",
							 NULL,
							 &pxd_worker_enabled,
							 true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("proximadb.worker_naptime",
							"Time between two visits of the background worker to a database.",
							NULL,
							&pxd_worker_naptime_s,
							60, 1, 24 * 3600,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);

	if (!pxd_preloaded || IsBinaryUpgrade)
		return;

	pxd_worker_shmem_install();
	pxd_progress_init();
	fill_worker(&launcher, "proximadb launcher", "pxd_bgw_launcher");
	launcher.bgw_restart_time = LAUNCHER_RESTART_S;
	RegisterBackgroundWorker(&launcher);
}
