/*
 * due.c: what is due for a table.
 *
 * Flush: when a certain part of the table, or its flush_threshold, is hot and can be sealed, more than were left
 * over by the worker's last flush (rows whose keys are too wide, pages that somebody had pinned), so that what cannot
 * be sealed is not tried again and again. Rows keep their TIDs, so the main fork stays as large as its hot rows once made
 * it, but for reuse: the bound on hot bytes bounds the free space in it.
 *
 * Compaction: VACUUM compacts what it kills, so there is little to do. It is due when vacuums have removed
 * many rows since the last one nevertheless, or when small segments, or those of level 0, have come together. Rows that are dead
 * but not vacuumed yet do not count: their stubs stand, and keep their places in segments.
 */
#include "postgres.h"

#include "access/table.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "engine.h"
#include "options.h"
#include "store.h"
#include "worker_internal.h"

/* A table is flushed when this part of its size is hot, or before. */
#define FLUSH_TABLE_PARTS			32

/* Compaction is due when vacuums have removed this part of the table's rows, */
#define COMPACT_REMOVED_FRACTION	0.2
/* and at least so many. */
#define COMPACT_REMOVED_MIN			1000

uint64
pxd_flush_due_bytes(Relation table)
{
	uint64		pages = RelationGetNumberOfBlocks(table);
	uint64		bytes;
	TableOptions options;

	pxd_table_options(table, &options);
	if (OidIsValid(table->rd_rel->reltoastrelid))
	{
		Relation	store = table_open(table->rd_rel->reltoastrelid, AccessShareLock);

		pages += RelationGetNumberOfBlocks(store);
		table_close(store, AccessShareLock);
	}
	bytes = Max(pages * BLCKSZ / FLUSH_TABLE_PARTS, FLUSH_MIN_BYTES);
	return Min(bytes, (uint64) pxd_option_int(&options, OPTION_FLUSH_THRESHOLD) * 1024);
}

static bool
flush_is_due(Relation table, const TableMemory *memory, bool *whole_table)
{
	uint64		threshold = pxd_flush_due_bytes(table);

	/* The quarter is for the sample's error. */
	uint64		enough = threshold + memory->hot_left + memory->hot_left / 4;
	uint64		hot = pxd_hot_bytes(table, enough, whole_table);

	/* What is known of the hot bytes may be no more than a bound: so do not look again too soon. */
	pxd_history_set_hot_room(RelationGetRelid(table), hot >= enough ? threshold : Max(enough - hot, threshold / 4));
	return hot >= enough;
}

/* Rows that died and are gone from the pages, over the table's life in the statistics. */
static int64
count_removed_rows(Relation table, int64 *live)
{
	PgStat_StatTabEntry *stats = pgstat_fetch_stat_tabentry(RelationGetRelid(table));

	*live = stats == NULL ? 0 : stats->n_live_tuples;
	return stats == NULL ? 0 : Max(stats->tuples_updated + stats->tuples_deleted - stats->n_dead_tuples, 0);
}

static bool
compaction_is_due(Relation table, const TableMemory *memory)
{
	bool		any;
	int			unsettled = pxd_unsettled_segments(table, &any);
	int64		live;
	int64		removed = count_removed_rows(table, &live);

	if (!any)
		return false;
	/*
	 * Count from here on, also when statistics were reset. Such segments that are left after a compaction
	 * are not its concern.
	 */
	if (!memory->counted || removed < memory->rows_removed)
	{
		pxd_history_set_counts(RelationGetRelid(table), removed, memory->compacted ? unsettled : 0);
		return !memory->compacted && unsettled >= COMPACT_SMALL_COUNT;
	}
	return unsettled >= memory->unsettled + COMPACT_SMALL_COUNT ||
		removed - memory->rows_removed > Max(COMPACT_REMOVED_FRACTION * live, COMPACT_REMOVED_MIN);
}

void
pxd_due_work(Relation table, DueWork *due)
{
	TableMemory memory;

	memset(due, 0, sizeof(*due));
	pxd_history_recall(RelationGetRelid(table), &memory);
	if (!pxd_flush_possible(table) || memory.retry_at > GetCurrentTimestamp())
		return;

	due->flush = flush_is_due(table, &memory, &due->whole_table) || pxd_orphans_possible(table);
	due->compact = compaction_is_due(table, &memory);
}
