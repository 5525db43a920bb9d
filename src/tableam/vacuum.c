/*
 * vacuum.c: VACUUM of our tables: flush, core's part on the main fork, compaction and garbage.
 *
 * The main fork is pure heap, so core vacuums it as it is: pruning, index cleanup, freezing. Hot rows are sealed before, so that
 * core's pass sees the stubs. Afterwards segments that have become mostly dead are compacted, and what no stub points to
 * is freed. At last, pages that segments lead to all rows of are noted as such (cover.c).
 *
 * The table's ShareUpdateExclusive lock is held throughout. The backend is PROC_IN_VACUUM: no transaction id may be taken and no
 * catalog changed (R2).
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "commands/vacuum.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "utils/rel.h"

#include "cover.h"
#include "engine.h"
#include "flush.h"
#include "proximadb.h"
#include "store.h"
#include "tableam.h"

/* Compaction counts rows only when at least this part of the table's rows has died since the last vacuum. */
#define COMPACT_WORTH_LOOKING	0.05

/* Whether statistics say that so many rows have died that segments may be worth compacting. */
static bool
many_rows_died(Relation table)
{
	PgStat_StatTabEntry *stats = pgstat_fetch_stat_tabentry(RelationGetRelid(table));

	return stats != NULL &&
		stats->n_dead_tuples > COMPACT_WORTH_LOOKING * (stats->n_live_tuples + stats->n_dead_tuples);
}

/*
 * Whether segments have many more rows than the table, as core's vacuum has just counted it: so many positions are dead, whatever statistics have heard of.
 */
static bool
many_positions_dead(Relation table)
{
	Relation	store = table_open(table->rd_rel->reltoastrelid, AccessShareLock);
	PgStat_StatTabEntry *stats;
	uint64		segments,
				rows,
				pages;

	pxd_store_totals(store, &segments, &rows, &pages);
	table_close(store, AccessShareLock);
	pgstat_clear_snapshot();
	stats = pgstat_fetch_stat_tabentry(RelationGetRelid(table));
	return stats != NULL && stats->n_live_tuples < (1 - WORN_DEAD_FRACTION) * rows;
}

void
pxd_relation_vacuum(Relation table, VacuumParams *params, BufferAccessStrategy bstrategy)
{
	bool		may_write = pxd_preloaded && OidIsValid(table->rd_rel->reltoastrelid);
	bool		look = may_write && many_rows_died(table);
	bool		any;

	/* Freezing must go on when nothing else can (R10): not before an overdue vacuum, nor without our resource manager. */
	if (may_write && !params->is_wraparound)
	{
		FlushOptions options = {.mode = FLUSH_VACUUM,.hot = true,.strategy = bstrategy};
		FlushResult result = {0};

		options.skip_visible = !pxd_visible_pages_are_hot(table);
		pxd_flush_table(table, &options, &result);
		look |= result.segments > 0;
	}

	heap_vacuum_rel(table, params, bstrategy);

	if (may_write && !params->is_wraparound)
		look |= many_positions_dead(table) || pxd_unsettled_segments(table, &any) >= COMPACT_SMALL_COUNT;
	if (look)
	{
		CompactResult result = {0};

		pxd_compact_table(table, false, bstrategy, &result);
	}
	else if (may_write)
	{
		pxd_collect_garbage(table);
		if (!params->is_wraparound)
			pxd_shorten_store(table, bstrategy);
	}
	if (may_write && !params->is_wraparound && pxd_enable_key_scan)
		pxd_cover_pages(table, bstrategy);
}

/*
 * The table of a segment store, opened and locked ShareUpdateExclusive; NULL if the lock is not to be had at once, since the store has been locked before the table.
 */
static Relation
open_table_of_store(Relation store)
{
	Oid			table_oid = pxd_store_table(store);
	Relation	table;

	if (!OidIsValid(table_oid) || !ConditionalLockRelationOid(table_oid, ShareUpdateExclusiveLock))
		return NULL;
	table = try_relation_open(table_oid, NoLock);
	if (table == NULL || table->rd_rel->reltoastrelid != RelationGetRelid(store) || pxd_table_engine(table) == NULL)
	{
		if (table != NULL)
			relation_close(table, NoLock);
		UnlockRelationOid(table_oid, ShareUpdateExclusiveLock);
		return NULL;
	}
	return table;
}

void
pxd_store_vacuumed(Relation store, VacuumParams *params, BufferAccessStrategy bstrategy)
{
	Relation	table;

	if (!pxd_preloaded || params->is_wraparound)
		return;
	table = open_table_of_store(store);
	if (table == NULL)
		return;
	pxd_give_back_space(store);
	pxd_shorten_store(table, bstrategy);
	table_close(table, ShareUpdateExclusiveLock);
}
