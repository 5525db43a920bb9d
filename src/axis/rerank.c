/*
 * rerank.c: exact distances of rows, by TID, as the ordering operator computes them.
 *
 * Vectors of plain columns laid out as type vector is are read where they lie (vector_fetch.h); other types and expressions by way of a slot.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "utils/memutils.h"

#include "axis_scan.h"
#include "vector_fetch.h"

struct AxisRerank
{
	const AxisOpclass *opclass;
	const struct varlena *query;
	int			dim;
	float	   *query_floats;	/* for opclass->float_distance */

	VectorFetch *fetch;			/* or what follows */
	Snapshot	snapshot;
	IndexFetchTableData *table_fetch;
	TupleTableSlot *slot;
	IndexInfo  *index_info;
	EState	   *estate;
};

AxisRerank *
pxd_axis_rerank_begin(Relation index, Relation table, int dim, Snapshot snapshot)
{
	AxisRerank *rerank = palloc0(sizeof(AxisRerank));
	AttrNumber	column = index->rd_index->indkey.values[0];

	rerank->opclass = pxd_axis_opclass(index);
	rerank->dim = dim;
	if (rerank->opclass->float_distance != NULL)
		rerank->query_floats = palloc(sizeof(float) * rerank->dim);
	if (rerank->opclass->float_distance != NULL && column > 0)
		rerank->fetch = pxd_vector_fetch_begin(table, column, snapshot, false);
	else
	{
		rerank->snapshot = snapshot;
		rerank->table_fetch = table_index_fetch_begin(table);
		rerank->slot = table_slot_create(table, NULL);
		rerank->index_info = BuildIndexInfo(index);
		rerank->estate = CreateExecutorState();
		GetPerTupleExprContext(rerank->estate)->ecxt_scantuple = rerank->slot;
	}
	return rerank;
}

void
pxd_axis_rerank_query(AxisRerank *rerank, const struct varlena *query)
{
	rerank->query = query;
	if (rerank->query_floats != NULL)
		rerank->opclass->to_float(query, rerank->query_floats);
}

/* The slow way, for expressions and other types. */
static bool
rerank_by_slot(AxisRerank *rerank, ItemPointer tid, double *distance)
{
	ExprContext *context = GetPerTupleExprContext(rerank->estate);
	MemoryContext old_context;
	ItemPointerData at = *tid;
	bool		again = false;
	bool		all_dead = false;
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];

	if (!table_index_fetch_tuple(rerank->table_fetch, &at, rerank->snapshot, rerank->slot, &again, &all_dead))
		return false;
	old_context = MemoryContextSwitchTo(context->ecxt_per_tuple_memory);
	FormIndexDatum(rerank->index_info, rerank->slot, rerank->estate, values, isnull);
	if (!isnull[0])
	{
		const struct varlena *value = PG_DETOAST_DATUM(values[0]);

		if (rerank->opclass->float_distance != NULL)
		{
			float	   *x = palloc(sizeof(float) * rerank->dim);

			rerank->opclass->to_float(value, x);
			*distance = rerank->opclass->float_distance(rerank->dim, x, rerank->query_floats);
		}
		else
			*distance = rerank->opclass->distance(value, rerank->query);
	}
	MemoryContextSwitchTo(old_context);
	ResetExprContext(context);
	ExecClearTuple(rerank->slot);
	return !isnull[0];
}

void
pxd_axis_rerank_ahead(AxisRerank *rerank, const ItemPointerData *tids, int ntids)
{
	if (rerank->fetch != NULL)
		pxd_vector_fetch_prefetch(rerank->fetch, tids, ntids);
}

bool
pxd_axis_rerank(AxisRerank *rerank, ItemPointer tid, double *distance)
{
	FetchedVector vector;

	if (rerank->fetch == NULL)
		return rerank_by_slot(rerank, tid, distance);
	if (pxd_vector_fetch(rerank->fetch, tid, &vector) != VECTOR_FETCH_FOUND)
		return false;
	Assert(vector.dim == rerank->dim);
	*distance = rerank->opclass->float_distance(vector.dim, vector.x, rerank->query_floats);
	return true;
}

void
pxd_axis_rerank_end(AxisRerank *rerank)
{
	if (rerank->fetch != NULL)
	{
		pxd_vector_fetch_end(rerank->fetch);
		return;
	}
	table_index_fetch_end(rerank->table_fetch);
	ExecDropSingleTupleTableSlot(rerank->slot);
	FreeExecutorState(rerank->estate);
}
