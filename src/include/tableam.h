/*
 * tableam.h: what the files of src/tableam offer each other: callbacks of the table AM routines.
 *
 * The routines of viper, lsm and segment_store are put together in handler.c from these functions and
 * from core's own. Each function has the signature, and the locks, of its TableAmRoutine member.
 */
#ifndef PXD_TABLEAM_H
#define PXD_TABLEAM_H

#include "postgres.h"

#include "access/tableam.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"

struct StorageEngine;

/* --- handler.c --- */

/* The engine of a table of ours; NULL for any other relation. */
extern const struct StorageEngine *pxd_table_engine(Relation table);

/* Whether a table of ours has segments. Opens its store for a moment (AccessShare). */
extern bool pxd_table_has_segments(Relation table);

/* --- settings.c --- */

struct SegmentSettings;

struct SortColumn;

/* Fills in a column of a sort key. False if its type has no order to sort by; arrays and the like have whatever their elements have. */
extern bool pxd_sort_column(Form_pg_attribute att, struct SortColumn *column);

/* How engine is to write segments of table; its sort key only if the engine sorts. Reads the system catalogs and the table's options. */
extern void pxd_table_settings(Relation table, const struct StorageEngine *engine, struct SegmentSettings *settings);

/* --- write.c: the hot and the direct path --- */

extern void pxd_tuple_insert(Relation table, TupleTableSlot *slot, CommandId cid, int options,
							 struct BulkInsertStateData *bistate);
extern void pxd_tuple_insert_speculative(Relation table, TupleTableSlot *slot, CommandId cid, int options,
										 struct BulkInsertStateData *bistate, uint32 spec_token);
extern void pxd_multi_insert(Relation table, TupleTableSlot **slots, int nslots, CommandId cid, int options,
							 struct BulkInsertStateData *bistate);
extern void pxd_finish_bulk_insert(Relation table, int options);

/* Gives a table's cached storage options our defaults; called before heap functions that may TOAST or look at fillfactor. */
extern void pxd_apply_default_options(Relation table);

/*
 * Writes the segments of builders opened at a deeper command nesting than level (or at any, if level is 0). Called where others than
 * this backend, or this backend by other ways than our slots, may come to read the rows (R13).
 */
extern void pxd_write_flush(int level);

/* Tells that a command has written a hot row of len bytes otherwise than by inserting. */
extern void pxd_write_note_hot(Relation table, CommandId cid, Size len);

/*
 * Gives the slot's row to this backend's builder if the command has written so much to table that it goes direct. Returns the stub, in the current
 * context, or NULL: the row is to be written hot. Once the stub has its place, or got none, the caller tells *builder of position.
 */
struct SegmentBuilder;
extern HeapTuple pxd_write_direct(Relation table, TupleTableSlot *slot, CommandId cid, struct SegmentBuilder **builder,
								  uint32 *position);

/* With proximadb.debug_flush: seals what commands deeper than level (or any, if it is 0) have written hot. */
extern void pxd_write_debug_flush(int level);

/* Command nesting, kept by the executor hooks: rows inserted now belong to a command at this level. */
extern int	pxd_command_level;

/* Installs the transaction callbacks. */
extern void pxd_write_init(void);

/* --- modify.c --- */

extern TM_Result pxd_tuple_delete(Relation table, ItemPointer tid, CommandId cid, Snapshot snapshot,
								  Snapshot crosscheck, bool wait, TM_FailureData *tmfd, bool changing_partition);
extern TM_Result pxd_tuple_update(Relation table, ItemPointer otid, TupleTableSlot *slot, CommandId cid,
								  Snapshot snapshot, Snapshot crosscheck, bool wait, TM_FailureData *tmfd,
								  LockTupleMode *lockmode, bool *update_indexes);

/* --- flush.c --- */

/*
 * Opens a table of ours with a ShareUpdateExclusive lock, kept until the end of the transaction, for a function that
 * maintains it. Errors unless the user owns it. This backend's collected rows have been written.
 */
extern Relation pxd_open_for_maintenance(Oid relid);

/*
 * The tables that a function maintaining relid is to work on: relid itself, or those of a partitioned table's partitions that are
 * ours, which are then locked AccessShare. Errors if none of them is, or the user does not own relid. In the current context.
 */
extern List *pxd_maintenance_targets(Oid relid);

/* --- vacuum.c --- */

extern void pxd_relation_vacuum(Relation table, struct VacuumParams *params, BufferAccessStrategy bstrategy);

/*
 * After the vacuum of a segment store's own heap pages: makes use of the room of chunks that have gone, and shortens the file. Does nothing if the table's
 * ShareUpdateExclusive lock is not to be had at once. Lock: that of VACUUM on the store.
 */
extern void pxd_store_vacuumed(Relation store, struct VacuumParams *params, BufferAccessStrategy bstrategy);

/* --- index_build.c --- */

/*
 * Scans table, or a range of its blocks, and hands every row that index must hold to callback, under the TID
 * of its HOT chain's root. Serves tables of our AMs and the segment store. Ends scan if one is given. Returns
 * the live rows.
 */
extern double pxd_index_build_range_scan(Relation table, Relation index, IndexInfo *index_info,
										 bool allow_sync, bool anyvisible, bool progress,
										 BlockNumber start_block, BlockNumber num_blocks,
										 IndexBuildCallback callback, void *callback_state,
										 TableScanDesc scan);

/* Second pass of a concurrent build: inserts the rows snapshot sees whose TIDs state->tuplesort lacks. */
extern void pxd_index_validate_scan(Relation table, Relation index, IndexInfo *index_info,
									Snapshot snapshot, struct ValidateIndexState *state);

/* --- copy_for_cluster.c --- */

/*
 * Copies all row versions somebody may still need from old_table to new_table, for VACUUM FULL and CLUSTER,
 * and seals what can be sealed. Both relations are locked AccessExclusive.
 */
extern void pxd_relation_copy_for_cluster(Relation old_table, Relation new_table, Relation old_index,
										  bool use_sort, TransactionId oldest_xmin,
										  TransactionId *xid_cutoff, MultiXactId *multi_cutoff,
										  double *num_tuples, double *tups_vacuumed,
										  double *tups_recently_dead);

#endif
