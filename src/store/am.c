/*
 * am.c: the access method segment_store, under which the TOAST relations of our tables stand.
 *
 * Core inserts, reads and deletes TOAST chunks in them with its heap functions, which do not ask for an
 * access method. What does go through it is the life of the file (the metapage must be there from the
 * start), vacuum (which must not truncate: it takes our pages for empty ones), rewriting (which would lose
 * the segments) and the builds of the TOAST index.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "commands/vacuum.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "store.h"
#include "tableam.h"

PG_FUNCTION_INFO_V1(pxd_sql_segment_store_handler);

static TableAmRoutine segment_store_methods;

static void
store_set_new_filenode(Relation rel, const RelFileNode *newrnode, char persistence,
					   TransactionId *freeze_xid, MultiXactId *min_multi)
{
	/* VACUUM FULL and CLUSTER of a TOAST relation come by here too, for a transient table. */
	if (rel->rd_rel->relkind != RELKIND_TOASTVALUE)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("access method \"segment_store\" is only for the TOAST relations of proximadb's tables"),
				 errhint("To rewrite a table together with its TOAST relation, use VACUUM FULL or CLUSTER on the table.")));

	GetHeapamTableAmRoutine()->relation_set_new_filenode(rel, newrnode, persistence, freeze_xid, min_multi);
	pxd_store_create(*newrnode, MAIN_FORKNUM, persistence);
	if (persistence == RELPERSISTENCE_UNLOGGED)
		pxd_store_create(*newrnode, INIT_FORKNUM, persistence);
}

static void
store_nontransactional_truncate(Relation rel)
{
	GetHeapamTableAmRoutine()->relation_nontransactional_truncate(rel);
	pxd_store_recreate(rel);
}

/* Heap's copy would keep the chunks and lose the segments. */
static void
store_copy_for_cluster(Relation old_table, Relation new_table, Relation old_index, bool use_sort,
					   TransactionId oldest_xmin, TransactionId *xid_cutoff, MultiXactId *multi_cutoff,
					   double *num_tuples, double *tups_vacuumed, double *tups_recently_dead)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot rewrite segment store \"%s\" on its own", RelationGetRelationName(old_table)),
			 errhint("Use VACUUM FULL or CLUSTER on the table it belongs to.")));
}

/*
 * Heap's vacuum must not truncate: it would cut off segments. Nor may it leave dead line pointers because they are on few of all pages: most are pages of segments, and
 * a page with one is kept. What it has freed is given back afterwards, if the table can be locked.
 */
static void
store_vacuum(Relation rel, struct VacuumParams *params, BufferAccessStrategy bstrategy)
{
	VacuumParams heap_params = *params;

	heap_params.truncate = VACOPTVALUE_DISABLED;
	if (heap_params.index_cleanup == VACOPTVALUE_AUTO)
		heap_params.index_cleanup = VACOPTVALUE_ENABLED;
	GetHeapamTableAmRoutine()->relation_vacuum(rel, &heap_params, bstrategy);
	pxd_store_vacuumed(rel, params, bstrategy);
}

Datum
pxd_sql_segment_store_handler(PG_FUNCTION_ARGS)
{
	if (segment_store_methods.type != T_TableAmRoutine)
	{
		TableAmRoutine methods = *GetHeapamTableAmRoutine();

		methods.relation_set_new_filenode = store_set_new_filenode;
		methods.relation_nontransactional_truncate = store_nontransactional_truncate;
		methods.relation_copy_for_cluster = store_copy_for_cluster;
		methods.relation_vacuum = store_vacuum;
		methods.index_build_range_scan = pxd_index_build_range_scan;
		methods.index_validate_scan = pxd_index_validate_scan;
		segment_store_methods = methods;
	}
	PG_RETURN_POINTER(&segment_store_methods);
}
