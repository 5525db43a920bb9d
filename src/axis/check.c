/*
 * check.c: proximadb.axis_check: whether an index is what it should be, in itself and against its table.
 *
 * In itself: metapage and directory, chains of lists (heads, list ids, no page twice, counts of rows), ranges of filter columns.
 * Against the table: each row the statement's snapshot sees is indexed once, with its filter values, in a list or among
 * the rows without a vector; and codes stand for the vectors of their rows, to within the error they claim.
 *
 * Locks: AccessShare on table and index, and the structure lock, so that no list is replaced and no row removed in the meantime; share locks on
 * one page at a time. Inserts go on: of a chain only the head changes, so that a list is read as it was when its head was copied,
 * and what the snapshot sees was in the index before. Nothing is written.
 */
#include "postgres.h"

#include <math.h>

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "catalog/index.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type_d.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"

#include "axis_inspect.h"
#include "axis_rewrite.h"
#include "kernels.h"

PG_FUNCTION_INFO_V1(pxd_sql_axis_check);

/* What codes may be off beyond their error, of the lengths involved: kernels of other processors round otherwise. */
#define TOLERANCE 1e-3

typedef struct Check
{
	ReturnSetInfo *result;
	Relation	table;
	Relation	index;
	AxisDirectory *directory;
	const AxisLayout *layout;
	BlockNumber blocks;			/* of the index, when the check began */
	bool	   *seen;			/* per block: met already */
	RowVectors *vectors;
	Tuplesortstate *indexed;	/* row keys of the index */
	Tuplesortstate *visible;	/* and of the table */
	float	   *centroid;
	float	   *x;
	float	   *scratch;
	AxisRow    *row;
	AxisRow    *expected;
} Check;

/* Adds a row to the result; block or tid may be missing. */
static void
report(Check *check, const char *fault, BlockNumber block, const ItemPointerData *tid)
{
	ItemPointerData at;
	Datum		values[3] = {CStringGetTextDatum(fault), Int64GetDatum(block), PointerGetDatum(&at)};
	bool		nulls[3] = {false, block == InvalidBlockNumber, tid == NULL};

	if (tid != NULL)
		at = *tid;
	tuplestore_putvalues(check->result->setResult, check->result->setDesc, values, nulls);
}

/* --- pages --- */

/*
 * Copies a page that should be of this kind and list. Returns false, having reported it, if it is not, or has been met before.
 */
static bool
copy_page(Check *check, BlockNumber block, int kind, uint32 list_id, char *out)
{
	Buffer		buffer;
	Page		page;
	const AxisTail *tail;
	const char *fault = NULL;

	if (block >= check->blocks)
	{
		/* the index may have grown */
		BlockNumber now = RelationGetNumberOfBlocks(check->index);

		if (block >= now)
		{
			report(check, "there is a pointer to a block behind the end of the index", block, NULL);
			return false;
		}
		check->seen = repalloc_huge(check->seen, now);
		memset(check->seen + check->blocks, 0, now - check->blocks);
		check->blocks = now;
	}
	buffer = ReadBuffer(check->index, block);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	tail = AxisPageTail(page);
	if (PageIsNew(page) || PageGetSpecialSize(page) != check->layout->tail_size || tail->magic != (AXIS_MAGIC & 0xffff))
		fault = "page is not one of an axis index";
	else if (tail->kind != kind)
		fault = "page is of a wrong kind";
	else if (kind == AXIS_PAGE_CODES && tail->list_id != list_id)
		fault = "page belongs to another list";
	else if (tail->rows > (kind == AXIS_PAGE_CODES ? check->layout->rows_per_page : check->layout->entries_per_page))
		fault = "page has too many rows";
	else if (check->seen[block])
		fault = "page is used twice";
	else
		memcpy(out, page, BLCKSZ);
	check->seen[block] = true;
	UnlockReleaseBuffer(buffer);
	if (fault != NULL)
		report(check, fault, block, NULL);
	return fault == NULL;
}

/* The directory's pages and entries. */
static void
check_directory(Check *check)
{
	const AxisMeta *meta = &check->directory->meta;
	PGAlignedBlock page;
	BlockNumber block = AXIS_DIRECTORY_BLOCK;
	uint32		number = 0;

	check->seen[AXIS_META_BLOCK] = true;
	while (block != InvalidBlockNumber)
	{
		const AxisTail *tail;

		CHECK_FOR_INTERRUPTS();
		if (!copy_page(check, block, AXIS_PAGE_DIRECTORY, 0, page.data))
			return;
		tail = AxisPageTail(page.data);
		for (int i = 0; i < tail->rows && number < meta->entries; i++, number++)
		{
			const AxisEntry *entry = pxd_axis_page_entry(check->layout, page.data, i);
			int			kind = number == AXIS_ORIGIN_NUMBER ? AXIS_ENTRY_ORIGIN :
				number == AXIS_NULLS_NUMBER ? AXIS_ENTRY_NULLS : AXIS_ENTRY_LIST;

			if (entry->kind != kind && !(kind == AXIS_ENTRY_LIST && entry->kind == AXIS_ENTRY_FREE))
				report(check, psprintf("entry %u of the directory is of a wrong kind", number), block, NULL);
			else if (entry->list_id >= meta->next_list_id)
				report(check, psprintf("entry %u of the directory has a list id not given yet", number), block, NULL);
			if (!isfinite(entry->scale) || !isfinite(entry->offset))
				report(check, psprintf("entry %u of the directory has no finite centroid", number), block, NULL);
		}
		if (tail->next == InvalidBlockNumber && block != meta->directory_tail)
			report(check, "metapage names another last page of the directory", block, NULL);
		block = tail->next;
	}
	if (number != meta->entries)
		report(check, psprintf("directory has %u entries, metapage says %u", number, meta->entries), InvalidBlockNumber, NULL);
}

/* --- rows --- */

/*
 * A row's TID, whether it has a vector, and a hash of its filter values as a number that sorts by TID (of blocks from 2^31 on before the
 * others, in both sorts).
 */
static int64
row_key(const AxisLayout *layout, const AxisRow *row, bool no_vector)
{
	uint32		hash = hash_bytes((const unsigned char *) row->values, sizeof(int64) * layout->filters) ^ hash_uint32(row->nulls);
	uint64		key = (uint64) ItemPointerGetBlockNumberNoCheck(&row->tid) << 32 |
		(uint64) ItemPointerGetOffsetNumberNoCheck(&row->tid) << 16 | (uint64) no_vector << 15 | (hash & 0x7fff);

	return (int64) key;
}

#define KEY_TID(key) ((uint64) (key) >> 16)
#define KEY_NO_VECTOR 0x8000

static ItemPointerData
key_tid(int64 key)
{
	ItemPointerData tid;

	ItemPointerSet(&tid, (BlockNumber) ((uint64) key >> 32), (OffsetNumber) ((uint64) key >> 16 & 0xffff));
	return tid;
}

/* Whether a row's filter values are within what its list's head says. */
static bool
within_ranges(const AxisLayout *layout, const AxisTail *head, const AxisRow *row)
{
	char		room[offsetof(AxisTail, ranges) + sizeof(AxisRange) * AXIS_MAX_FILTERS] pg_attribute_aligned(8);
	AxisTail   *widened = (AxisTail *) room;

	memcpy(widened, head, layout->tail_size);
	pxd_axis_page_widen(layout, widened, row);
	return memcmp(widened, head, layout->tail_size) == 0;
}

/*
 * Whether a code stands for a vector: its error is a bound of how far it lies from it, sqrt(dim - 1) times (encode.c), also
 * for rows that have been encoded anew from what their old codes stood for. expected: the row as it would be encoded from the vector.
 */
static bool
code_fits(Check *check, const AxisRow *row, const AxisRow *expected)
{
	const AxisLayout *layout = check->layout;
	double		times = layout->metric == AXIS_IP ? 1 : 2;
	double		err = pxd_axis_bf16(row->err);
	double		size = 0;
	double		distance;

	if (!isfinite(err))
		return true;			/* promises nothing */
	for (int i = 0; i < layout->dim; i++)
		size += fabs(check->x[i]) + fabs(check->centroid[i]);
	if (!isfinite(pxd_axis_bf16(expected->err)))
		return false;
	pxd_axis_decode(layout, row, check->centroid, check->scratch);
	distance = sqrt(pxd_kernel_l2_squared(layout->dim, check->scratch, check->x));
	if (distance > err / times * sqrt(layout->dim - 1) * (1 + TOLERANCE) + TOLERANCE * size / sqrt(layout->dim))
		return false;
	/* encoded from the vector itself: then what is known exactly agrees too */
	if (row->err <= expected->err + 1)
		return fabs(row->add - expected->add) <= TOLERANCE * (fabs(expected->add) + size * size / layout->dim) &&
			fabs(row->scale - expected->scale) <= 10 * TOLERANCE * fabs(expected->scale) + 1e-30;
	return true;
}

static void
check_code(Check *check, BlockNumber block)
{
	/* rows that nobody sees have no vector to compare with */
	if (!pxd_axis_vectors_get(check->vectors, check->row, check->centroid, check->x))
		return;
	memcpy(check->expected, check->row, offsetof(AxisRow, values));
	pxd_axis_encode(check->layout, check->x, check->centroid, check->scratch, check->expected);
	if (!code_fits(check, check->row, check->expected))
		report(check, "code is not that of the row's vector", block, &check->row->tid);
}

/* The head as it is now: inserts may have widened its ranges. */
static void
read_head(Check *check, BlockNumber block, AxisTail *out)
{
	Buffer		buffer = ReadBuffer(check->index, block);

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	memcpy(out, AxisPageTail(BufferGetPage(buffer)), check->layout->tail_size);
	UnlockReleaseBuffer(buffer);
}

/* A list and its rows; list -1: that of the rows without a vector. */
static void
check_list(Check *check, int list)
{
	const AxisLayout *layout = check->layout;
	BlockNumber head_block = list < 0 ? check->directory->nulls_head : check->directory->head[list];
	uint32		list_id = list < 0 ? check->directory->nulls_id : check->directory->list_id[list];
	AxisTail   *head = palloc(layout->tail_size);
	uint64		rows = 0;
	PGAlignedBlock page;

	if (list >= 0)
		pxd_axis_centroid(check->directory, list, check->centroid);
	for (BlockNumber block = head_block; block != InvalidBlockNumber; block = AxisPageTail(page.data)->next)
	{
		const AxisTail *tail;

		CHECK_FOR_INTERRUPTS();
		if (!copy_page(check, block, AXIS_PAGE_CODES, list_id, page.data))
			return;
		tail = AxisPageTail(page.data);
		if (((tail->flags & AXIS_HEAD) != 0) != (block == head_block))
			report(check, "flags of the page do not fit its place in the list", block, NULL);
		if (block == head_block)
			memcpy(head, tail, layout->tail_size);
		rows += tail->rows;
		for (int i = 0; i < tail->rows; i++)
		{
			AxisRow    *row = check->row;

			pxd_axis_page_get(layout, page.data, i, row);
			if (!ItemPointerIsValid(&row->tid))
			{
				report(check, psprintf("row %d of the page has no TID", i), block, NULL);
				continue;
			}
			if (!within_ranges(layout, head, row))
			{
				read_head(check, head_block, head);
				if (!within_ranges(layout, head, row))
					report(check, "filter values are not within the ranges of the list", block, &row->tid);
			}
			if (list >= 0 && layout->dim > 0)
				check_code(check, block);
			tuplesort_putdatum(check->indexed, Int64GetDatum(row_key(layout, row, list < 0)), false);
		}
	}
	/* a VACUUM that ended early has not set it yet */
	if (head->list_rows < rows)
		report(check, psprintf("list has " UINT64_FORMAT " rows, its head says %u", rows, head->list_rows), head_block, NULL);
	pfree(head);
}

/* --- against the table --- */

/* Callback of the table scan. */
static void
take_row(Relation index, ItemPointer tid, Datum *values, bool *isnull, bool alive, void *arg)
{
	Check	   *check = arg;

	check->row->tid = *tid;
	pxd_axis_row_filters(check->layout, values, isnull, check->row);
	tuplesort_putdatum(check->visible, Int64GetDatum(row_key(check->layout, check->row, isnull[0])), false);
}

/* Scans what snapshot sees of the table, by the TIDs that an index knows. */
static void
scan_table(Check *check, Snapshot snapshot)
{
	IndexInfo  *info = BuildIndexInfo(check->index);
	TableScanDesc scan = table_beginscan_strat(check->table, snapshot, 0, NULL, true, true);

	/* rows are to be judged by the scan's snapshot, as a concurrent build does */
	info->ii_Concurrent = true;
	info->ii_Unique = false;
	info->ii_ExclusionOps = NULL;
	table_index_build_scan(check->table, check->index, info, true, false, take_row, check, scan);
}

/* The next key of a sort; false at its end. */
static bool
next_key(Tuplesortstate *sort, int64 *key)
{
	Datum		value;
	bool		isnull;

	if (!tuplesort_getdatum(sort, true, &value, &isnull, NULL))
		return false;
	*key = DatumGetInt64(value);
	return true;
}

/* Compares what the table has with what the index has. */
static void
compare_rows(Check *check)
{
	int64		row = 0;
	int64		entry = 0;
	int64		last = 0;
	bool		more_rows;
	bool		more_entries;
	bool		any = false;

	tuplesort_performsort(check->visible);
	tuplesort_performsort(check->indexed);
	more_rows = next_key(check->visible, &row);
	more_entries = next_key(check->indexed, &entry);
	while (more_rows || more_entries)
	{
		ItemPointerData tid;

		CHECK_FOR_INTERRUPTS();
		if (more_entries && (!more_rows || (entry >> 16) <= (row >> 16)))
		{
			bool		same = more_rows && KEY_TID(entry) == KEY_TID(row);

			tid = key_tid(entry);
			if (any && KEY_TID(last) == KEY_TID(entry))
				report(check, "row is in the index more than once", InvalidBlockNumber, &tid);
			else if (same && ((entry ^ row) & KEY_NO_VECTOR))
				report(check, (entry & KEY_NO_VECTOR) ? "row has a vector, but is among those without" :
					   "row has no vector, but is in a list", InvalidBlockNumber, &tid);
			else if (same && entry != row)
				report(check, "filter values are not those of the row", InvalidBlockNumber, &tid);
			last = entry;
			any = true;
			more_entries = next_key(check->indexed, &entry);
			continue;
		}
		tid = key_tid(row);
		if (!any || KEY_TID(last) != KEY_TID(row))
			report(check, "row is not in the index", InvalidBlockNumber, &tid);
		more_rows = next_key(check->visible, &row);
	}
}

/* --- the function --- */

/* Prepares a check of an open index whose structure is locked. */
static void
begin_check(Check *check)
{
	const AxisLayout *layout;

	check->directory = pxd_axis_directory_open(check->index);
	check->layout = layout = &check->directory->layout;
	check->blocks = RelationGetNumberOfBlocks(check->index);
	check->seen = palloc_extended(check->blocks, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	check->centroid = palloc(sizeof(float) * layout->dim);
	check->x = palloc(sizeof(float) * layout->dim);
	check->scratch = palloc(sizeof(float) * layout->dim);
	check->row = palloc0(layout->row_size);
	check->expected = palloc0(layout->row_size);
	check->vectors = pxd_axis_vectors_begin(check->index, check->table, check->directory, false);
	check->indexed = tuplesort_begin_datum(INT8OID, Int8LessOperator, InvalidOid, false, work_mem, NULL, TUPLESORT_NONE);
	check->visible = tuplesort_begin_datum(INT8OID, Int8LessOperator, InvalidOid, false, work_mem, NULL, TUPLESORT_NONE);
}

/* The structure lock does not keep replay from replacing lists: on a standby an index can be checked while nothing is replayed. */
static void
require_standstill(void)
{
	if (RecoveryInProgress() && GetRecoveryPauseState() != RECOVERY_PAUSED)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("axis indexes can be checked during recovery only while replay is paused"),
				 errhint("Call pg_wal_replay_pause() before, and pg_wal_replay_resume() afterwards.")));
}

/*
 * axis_check(index regclass): a row for each fault. Expressions and predicates of the index run as the table's owner would run them
 * in a maintenance command.
 */
Datum
pxd_sql_axis_check(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	Oid			table_oid = IndexGetRelation(relid, true);
	Check		check = {0};
	Snapshot	snapshot;
	Oid			user;
	int			security;

	require_standstill();
	InitMaterializedSRF(fcinfo, 0);
	check.result = (ReturnSetInfo *) fcinfo->resultinfo;
	if (OidIsValid(table_oid))
		check.table = table_open(table_oid, AccessShareLock);
	check.index = pxd_axis_open_index(relid);
	if (!pg_class_ownercheck(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, RelationGetRelationName(check.index));

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(check.table->rd_rel->relowner, security | SECURITY_RESTRICTED_OPERATION);
	/* what it sees is in the index already; taken before the index is read */
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	pxd_axis_lock_structure(check.index, true);
	begin_check(&check);
	check_directory(&check);
	for (int list = -1; list < check.directory->lists; list++)
		check_list(&check, list);
	pxd_axis_unlock_structure(check.index);
	pxd_axis_vectors_end(check.vectors);
	scan_table(&check, snapshot);
	compare_rows(&check);
	tuplesort_end(check.visible);
	tuplesort_end(check.indexed);
	require_standstill();
	UnregisterSnapshot(snapshot);
	SetUserIdAndSecContext(user, security);

	relation_close(check.index, AccessShareLock);
	table_close(check.table, AccessShareLock);
	return (Datum) 0;
}
