/*
 * build_scan.c: the scan of a build: every row of the table is given a list and a code, and sorted by list.
 *
 * Leader and workers do the same: each takes blocks of the table, reads the directory from the index, and feeds a sort of its own; the leader
 * merges the sorted runs.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "commands/progress.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "pgstat.h"
#include "storage/condition_variable.h"
#include "storage/spin.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "axis_build.h"

#define KEY_SHARED UINT64CONST(0xA715000000000001)
#define KEY_SORT UINT64CONST(0xA715000000000002)
#define KEY_QUERY UINT64CONST(0xA715000000000003)

/* What leader and workers share; the table scan's shared state follows. */
typedef struct BuildShared
{
	Oid			table;
	Oid			index;
	bool		concurrent;
	int			participants;	/* that sort */
	ConditionVariable done;
	slock_t		mutex;			/* protects what follows */
	int			finished;
	double		table_rows;
	double		index_rows;
} BuildShared;

#define SharedTableScan(shared) \
	((ParallelTableScanDesc) ((char *) (shared) + BUFFERALIGN(sizeof(BuildShared))))

/* State of one participant's scan. */
typedef struct BuildState
{
	const AxisOpclass *opclass;
	AxisDirectory *directory;
	Tuplesortstate *sort;
	TupleTableSlot *slot;		/* virtual: (list, row) */
	AxisRow    *row;
	bytea	   *sort_value;		/* its bytes */
	float	   *x;
	float	   *centroid;
	float	   *residual;
	float	   *distances;
	MemoryContext context;		/* of one row */
	double		index_rows;
} BuildState;

static TupleDesc
sort_tuple_desc(void)
{
	TupleDesc	desc = CreateTemplateTupleDesc(2);

	TupleDescInitEntry(desc, 1, "list", INT4OID, -1, 0);
	TupleDescInitEntry(desc, 2, "row", BYTEAOID, -1, 0);
	return desc;
}

static Tuplesortstate *
begin_sort(int memory_kb, SortCoordinate coordinate)
{
	AttrNumber	column = 1;
	Oid			less = Int4LessOperator;
	Oid			collation = InvalidOid;
	bool		nulls_first = false;

	return tuplesort_begin_heap(sort_tuple_desc(), 1, &column, &less, &collation, &nulls_first, memory_kb,
								coordinate, TUPLESORT_NONE);
}

/* Callback of the table scan: one row for the index. */
static void
add_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *arg)
{
	BuildState *state = arg;
	const AxisLayout *layout = &state->directory->layout;
	MemoryContext old_context = MemoryContextSwitchTo(state->context);
	AxisRow    *row = state->row;
	int			list = -1;

	memset(row, 0, layout->row_size);
	if (!isnull[0])
	{
		const struct varlena *value = PG_DETOAST_DATUM(values[0]);

		pxd_axis_rotated(state->directory, state->opclass, value, state->x);
		list = pxd_axis_nearest_list(state->directory, state->x, state->distances);
		pxd_axis_centroid(state->directory, list, state->centroid);
		pxd_axis_encode(layout, state->x, state->centroid, state->residual, row);
	}
	row->tid = *tid;
	pxd_axis_row_filters(layout, values, isnull, row);

	memcpy(VARDATA(state->sort_value), row, layout->row_size);
	ExecClearTuple(state->slot);
	state->slot->tts_values[0] = Int32GetDatum(list);
	state->slot->tts_values[1] = PointerGetDatum(state->sort_value);
	state->slot->tts_isnull[0] = state->slot->tts_isnull[1] = false;
	ExecStoreVirtualTuple(state->slot);
	tuplesort_puttupleslot(state->sort, state->slot);
	state->index_rows++;

	MemoryContextSwitchTo(old_context);
	MemoryContextReset(state->context);
}

/* One participant's part: scans, sorts. Returns the rows seen in the table; *index_rows those given to the sort. */
static double
scan_table(Relation table, Relation index, IndexInfo *index_info, TableScanDesc scan, Tuplesortstate *sort,
		   bool progress, double *index_rows)
{
	BuildState	state = {0};
	double		table_rows;
	int			dim;

	state.opclass = pxd_axis_opclass(index);
	state.directory = pxd_axis_directory_open(index);
	state.sort = sort;
	state.slot = MakeSingleTupleTableSlot(sort_tuple_desc(), &TTSOpsVirtual);
	dim = state.directory->layout.dim;
	state.row = palloc0(state.directory->layout.row_size);
	state.sort_value = palloc0(VARHDRSZ + state.directory->layout.row_size);
	SET_VARSIZE(state.sort_value, VARHDRSZ + state.directory->layout.row_size);
	state.x = palloc(sizeof(float) * dim);
	state.centroid = palloc(sizeof(float) * dim);
	state.residual = palloc(sizeof(float) * dim);
	state.distances = palloc(sizeof(float) * state.directory->lists);
	state.context = AllocSetContextCreate(CurrentMemoryContext, "axis build row", ALLOCSET_DEFAULT_SIZES);

	table_rows = table_index_build_scan(table, index, index_info, true, progress, add_row, &state, scan);
	tuplesort_performsort(sort);
	ExecDropSingleTupleTableSlot(state.slot);
	MemoryContextDelete(state.context);
	*index_rows = state.index_rows;
	return table_rows;
}

/* Scan and sort of one participant among several. */
static void
scan_shared(Relation table, Relation index, BuildShared *shared, Sharedsort *sharedsort, int memory_kb, bool progress)
{
	SortCoordinate coordinate = palloc0(sizeof(SortCoordinateData));
	IndexInfo  *index_info = BuildIndexInfo(index);
	Tuplesortstate *sort;
	double		table_rows;
	double		index_rows;

	index_info->ii_Concurrent = shared->concurrent;
	coordinate->isWorker = true;
	coordinate->nParticipants = -1;
	coordinate->sharedsort = sharedsort;
	sort = begin_sort(memory_kb, coordinate);
	table_rows = scan_table(table, index, index_info, table_beginscan_parallel(table, SharedTableScan(shared)), sort,
							progress, &index_rows);
	SpinLockAcquire(&shared->mutex);
	shared->finished++;
	shared->table_rows += table_rows;
	shared->index_rows += index_rows;
	SpinLockRelease(&shared->mutex);
	ConditionVariableSignal(&shared->done);
	tuplesort_end(sort);
}

/* Entry of parallel workers. */
PGDLLEXPORT void pxd_bgw_axis_build(dsm_segment *segment, shm_toc *toc);

void
pxd_bgw_axis_build(dsm_segment *segment, shm_toc *toc)
{
	BuildShared *shared = shm_toc_lookup(toc, KEY_SHARED, false);
	Sharedsort *sharedsort = shm_toc_lookup(toc, KEY_SORT, false);
	LOCKMODE	table_lock = shared->concurrent ? ShareUpdateExclusiveLock : ShareLock;
	LOCKMODE	index_lock = shared->concurrent ? RowExclusiveLock : AccessExclusiveLock;
	Relation	table;
	Relation	index;

	debug_query_string = shm_toc_lookup(toc, KEY_QUERY, true);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
	table = table_open(shared->table, table_lock);
	index = index_open(shared->index, index_lock);
	tuplesort_attach_shared(sharedsort, segment);
	scan_shared(table, index, shared, sharedsort, maintenance_work_mem / shared->participants, false);
	index_close(index, index_lock);
	table_close(table, table_lock);
}

/* Shared memory for shared state, sort and query; begins parallel mode. Returns NULL if there is none to be had. */
static ParallelContext *
create_parallel(Relation table, Relation index, IndexInfo *index_info, Snapshot snapshot, BuildShared **shared_out,
				Sharedsort **sort_out)
{
	int			workers = index_info->ii_ParallelWorkers;
	Size		shared_size = add_size(BUFFERALIGN(sizeof(BuildShared)), table_parallelscan_estimate(table, snapshot));
	Size		sort_size = tuplesort_estimate_shared(workers + 1);
	Size		query_size = debug_query_string ? strlen(debug_query_string) + 1 : 0;
	ParallelContext *parallel;
	BuildShared *shared;
	Sharedsort *sharedsort;

	EnterParallelMode();
	parallel = CreateParallelContext("proximadb", "pxd_bgw_axis_build", workers);
	shm_toc_estimate_chunk(&parallel->estimator, shared_size);
	shm_toc_estimate_chunk(&parallel->estimator, sort_size);
	shm_toc_estimate_chunk(&parallel->estimator, query_size);
	shm_toc_estimate_keys(&parallel->estimator, 3);
	InitializeParallelDSM(parallel);
	if (parallel->seg == NULL)
	{
		DestroyParallelContext(parallel);
		ExitParallelMode();
		return NULL;
	}

	shared = shm_toc_allocate(parallel->toc, shared_size);
	memset(shared, 0, sizeof(BuildShared));
	shared->table = RelationGetRelid(table);
	shared->index = RelationGetRelid(index);
	shared->concurrent = index_info->ii_Concurrent;
	shared->participants = workers + 1;
	ConditionVariableInit(&shared->done);
	SpinLockInit(&shared->mutex);
	table_parallelscan_initialize(table, SharedTableScan(shared), snapshot);
	sharedsort = shm_toc_allocate(parallel->toc, sort_size);
	tuplesort_initialize_shared(sharedsort, workers + 1, parallel->seg);
	shm_toc_insert(parallel->toc, KEY_SHARED, shared);
	shm_toc_insert(parallel->toc, KEY_SORT, sharedsort);
	if (query_size > 0)
	{
		char	   *query = shm_toc_allocate(parallel->toc, query_size);

		memcpy(query, debug_query_string, query_size);
		shm_toc_insert(parallel->toc, KEY_QUERY, query);
	}
	*shared_out = shared;
	*sort_out = sharedsort;
	return parallel;
}

/* Scans with workers; false if none could be had. */
static bool
scan_parallel(Relation table, Relation index, IndexInfo *index_info, AxisBuildScan *scan)
{
	bool		own_snapshot = index_info->ii_Concurrent;
	Snapshot	snapshot = own_snapshot ? RegisterSnapshot(GetTransactionSnapshot()) : SnapshotAny;
	SortCoordinate coordinate;
	ParallelContext *parallel;
	BuildShared *shared;
	Sharedsort *sharedsort;

	parallel = create_parallel(table, index, index_info, snapshot, &shared, &sharedsort);
	if (parallel != NULL)
	{
		LaunchParallelWorkers(parallel);
		if (parallel->nworkers_launched == 0)
		{
			WaitForParallelWorkersToFinish(parallel);
			DestroyParallelContext(parallel);
			ExitParallelMode();
			parallel = NULL;
		}
	}
	if (parallel == NULL)
	{
		if (own_snapshot)
			UnregisterSnapshot(snapshot);
		return false;
	}

	scan_shared(table, index, shared, sharedsort, maintenance_work_mem / shared->participants, true);
	WaitForParallelWorkersToAttach(parallel);
	for (;;)
	{
		int			finished;

		SpinLockAcquire(&shared->mutex);
		finished = shared->finished;
		SpinLockRelease(&shared->mutex);
		if (finished == parallel->nworkers_launched + 1)
			break;
		ConditionVariableSleep(&shared->done, WAIT_EVENT_PARALLEL_CREATE_INDEX_SCAN);
	}
	ConditionVariableCancelSleep();
	if (own_snapshot)
		UnregisterSnapshot(snapshot);

	coordinate = palloc0(sizeof(SortCoordinateData));
	coordinate->nParticipants = parallel->nworkers_launched + 1;
	coordinate->sharedsort = sharedsort;
	scan->sort = begin_sort(maintenance_work_mem, coordinate);
	tuplesort_performsort(scan->sort);
	scan->table_rows = shared->table_rows;
	scan->index_rows = shared->index_rows;
	scan->parallel = parallel;
	return true;
}

void
pxd_axis_scan_begin(Relation table, Relation index, IndexInfo *index_info, AxisBuildScan *scan)
{
	MemSet(scan, 0, sizeof(*scan));
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, AXIS_PHASE_SCAN);
	if (index_info->ii_ParallelWorkers > 0 && scan_parallel(table, index, index_info, scan))
		return;
	scan->sort = begin_sort(maintenance_work_mem, NULL);
	scan->table_rows = scan_table(table, index, index_info, NULL, scan->sort, true, &scan->index_rows);
}

const AxisRow *
pxd_axis_scan_next(AxisBuildScan *scan, int *list)
{
	bytea	   *value;
	bool		isnull;

	if (scan->slot == NULL)
		scan->slot = MakeSingleTupleTableSlot(sort_tuple_desc(), &TTSOpsMinimalTuple);
	if (!tuplesort_gettupleslot(scan->sort, true, false, scan->slot, NULL))
		return NULL;
	*list = DatumGetInt32(slot_getattr(scan->slot, 1, &isnull));
	value = DatumGetByteaPP(slot_getattr(scan->slot, 2, &isnull));
	if (scan->row == NULL)
		scan->row = palloc(VARSIZE_ANY_EXHDR(value));
	/* the sort may have given it a short header, and with it an odd address */
	memcpy(scan->row, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	return scan->row;
}

void
pxd_axis_scan_end(AxisBuildScan *scan)
{
	if (scan->slot != NULL)
		ExecDropSingleTupleTableSlot(scan->slot);
	tuplesort_end(scan->sort);
	if (scan->parallel != NULL)
	{
		WaitForParallelWorkersToFinish(scan->parallel);
		DestroyParallelContext(scan->parallel);
		ExitParallelMode();
	}
}
