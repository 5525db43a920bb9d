/*
 * inspect.c: what proximadb.stat_index shows of an axis index, and the counts of its scans.
 *
 * Locks: AccessShare on the index, share locks on one page at a time: lists are counted while others insert and split.
 */
#include "postgres.h"

#include <math.h>

#include "access/relation.h"
#include "catalog/index.h"
#include "catalog/pg_authid.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

#include "axis_counts.h"
#include "axis_inspect.h"
#include "axis_scan.h"

PG_FUNCTION_INFO_V1(pxd_sql_axis_stat);
PG_FUNCTION_INFO_V1(pxd_sql_axis_stat_reset);

void
pxd_axis_count_scan(Oid index, const AxisProbeCounts *counts, uint64 reranks, uint64 returned)
{
	uint64		add[AXIS_COUNTS] = {
		[AXIS_COUNT_SCANS] = 1,
		[AXIS_COUNT_LISTS_PROBED] = counts ? counts->lists : 0,
		[AXIS_COUNT_LISTS_SKIPPED] = counts ? counts->skipped : 0,
		[AXIS_COUNT_CODES] = counts ? counts->codes : 0,
		[AXIS_COUNT_RERANKS] = reranks,
		[AXIS_COUNT_ROWS] = returned
	};

	pxd_axis_counts_add(index, add);
}

Relation
pxd_axis_open_index(Oid relid)
{
	Relation	index = relation_open(relid, AccessShareLock);

	if (index->rd_rel->relkind != RELKIND_INDEX || index->rd_indam->ambuild != pxd_axis_build)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not an axis index", RelationGetRelationName(index))));
	if (RELATION_IS_OTHER_TEMP(index))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot access temporary tables of other sessions")));
	if (!index->rd_index->indisvalid)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" is not valid", RelationGetRelationName(index)),
				 errhint("REINDEX or drop it.")));
	return index;
}

/* Rows that a list's head says it has; 0 if the list has been replaced in the meantime and its page used again. */
static uint32
rows_of_list(Relation index, BlockNumber head, uint32 list_id)
{
	Buffer		buffer = ReadBuffer(index, head);
	const AxisTail *tail;
	uint32		rows = 0;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	tail = AxisPageTail(BufferGetPage(buffer));
	if (tail->magic == (AXIS_MAGIC & 0xffff) && tail->list_id == list_id && (tail->flags & AXIS_HEAD))
		rows = tail->list_rows;
	UnlockReleaseBuffer(buffer);
	return rows;
}

static int
compare_uint32(const void *a, const void *b)
{
	uint32		x = *(const uint32 *) a;
	uint32		y = *(const uint32 *) b;

	return x < y ? -1 : x > y;
}

static const char *
metric_name(AxisMetric metric)
{
	switch (metric)
	{
		case AXIS_L2:
			return "l2";
		case AXIS_IP:
			return "inner product";
		case AXIS_COSINE:
			return "cosine";
		case AXIS_L1:
			return "l1";
		case AXIS_JACCARD:
			return "jaccard";
	}
	return NULL;
}

/* AxisMeta.reach as an array of objects. */
static Datum
calibration(const AxisMeta *meta)
{
	StringInfoData json;

	initStringInfo(&json);
	for (int i = 0; i < AXIS_RANKS; i++)
		for (int j = 0; j < AXIS_RECALLS; j++)
			appendStringInfo(&json, "%s{\"rank\": %g, \"recall\": %g, \"nprobe\": %g, \"ratio\": %g}",
							 json.len > 0 ? ", " : "[", pxd_axis_rank_of(i), pxd_axis_recall_of(j),
							 isfinite(meta->reach[i][j].nprobe) ? meta->reach[i][j].nprobe : -1,
							 isfinite(meta->reach[i][j].ratio) ? meta->reach[i][j].ratio : 0);
	appendStringInfoChar(&json, ']');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

typedef enum StatColumn
{
	STAT_STRATEGY,
	STAT_METRIC,
	STAT_DIMENSIONS,
	STAT_CODE_BITS,
	STAT_ROWS,
	STAT_LISTS,
	STAT_ROWS_MIN,
	STAT_ROWS_MEDIAN,
	STAT_ROWS_P95,
	STAT_ROWS_MAX,
	STAT_BYTES,
	STAT_BYTES_PER_ROW,
	STAT_TARGET_RECALL,
	STAT_CALIBRATED_ROWS,
	STAT_CALIBRATION,
	STAT_SCANS,
	STAT_COLUMNS = STAT_SCANS + AXIS_COUNTS
} StatColumn;

/* Columns about lists. */
static void
fill_lists(Relation index, AxisDirectory *directory, Datum *values, bool *nulls)
{
	uint32	   *rows = palloc(sizeof(uint32) * directory->lists);
	uint64		total = rows_of_list(index, directory->nulls_head, directory->nulls_id);
	uint64		bytes = (uint64) RelationGetNumberOfBlocks(index) * BLCKSZ;
	int			n = directory->lists;

	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		rows[i] = rows_of_list(index, directory->head[i], directory->list_id[i]);
		total += rows[i];
	}
	qsort(rows, n, sizeof(uint32), compare_uint32);
	values[STAT_ROWS] = Int64GetDatum(total);
	values[STAT_LISTS] = Int32GetDatum(n);
	values[STAT_ROWS_MIN] = Int64GetDatum(n > 0 ? rows[0] : 0);
	values[STAT_ROWS_MEDIAN] = Int64GetDatum(n > 0 ? rows[(n - 1) / 2] : 0);
	values[STAT_ROWS_P95] = Int64GetDatum(n > 0 ? rows[(int) ((n - 1) * 0.95)] : 0);
	values[STAT_ROWS_MAX] = Int64GetDatum(n > 0 ? rows[n - 1] : 0);
	values[STAT_BYTES] = Int64GetDatum(bytes);
	values[STAT_BYTES_PER_ROW] = Float8GetDatum(total > 0 ? (double) bytes / total : 0);
	nulls[STAT_BYTES_PER_ROW] = total == 0;
	pfree(rows);
}

/* axis_stat(index regclass): one row. For who may read the table, and for monitoring. */
Datum
pxd_sql_axis_stat(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	Relation	index = pxd_axis_open_index(relid);
	AxisOptions *options = (AxisOptions *) index->rd_options;
	AxisDirectory *directory;
	AxisEffort	effort;
	uint64		counts[AXIS_COUNTS];
	Datum		values[STAT_COLUMNS];
	bool		nulls[STAT_COLUMNS] = {false};
	TupleDesc	desc;
	bool		flat;

	if (pg_class_aclcheck(index->rd_index->indrelid, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		!has_privs_of_role(GetUserId(), ROLE_PG_MONITOR))
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(index->rd_index->indrelid));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE || desc->natts != STAT_COLUMNS)
		elog(ERROR, "return type of axis_stat is not the one expected");

	directory = pxd_axis_directory_open(index);
	flat = options != NULL && options->strategy != AXIS_STRATEGY_AUTO ? options->strategy == AXIS_STRATEGY_FLAT :
		directory->lists <= 1;
	values[STAT_STRATEGY] = CStringGetTextDatum(flat ? "flat" : "ivf");
	values[STAT_METRIC] = CStringGetTextDatum(metric_name(directory->layout.metric));
	values[STAT_DIMENSIONS] = Int32GetDatum(directory->layout.dim_in);
	values[STAT_CODE_BITS] = Int32GetDatum(directory->layout.code_bits);
	fill_lists(index, directory, values, nulls);
	pxd_axis_effort(index, &effort);
	values[STAT_TARGET_RECALL] = Float8GetDatum(effort.target_recall);
	values[STAT_CALIBRATED_ROWS] = Int64GetDatum(directory->meta.calibrated_rows);
	nulls[STAT_CALIBRATION] = directory->meta.calibrated_rows == 0;
	values[STAT_CALIBRATION] = nulls[STAT_CALIBRATION] ? (Datum) 0 : calibration(&directory->meta);
	pxd_axis_counts_get(relid, counts);
	for (int i = 0; i < AXIS_COUNTS; i++)
		values[STAT_SCANS + i] = Int64GetDatum(counts[i]);
	relation_close(index, AccessShareLock);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* axis_stat_reset(index regclass). For the owner, and for superusers. */
Datum
pxd_sql_axis_stat_reset(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	Relation	index = pxd_axis_open_index(relid);

	if (!pg_class_ownercheck(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX, RelationGetRelationName(index));
	pxd_axis_counts_reset(relid);
	relation_close(index, AccessShareLock);
	PG_RETURN_VOID();
}
