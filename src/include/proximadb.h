/*
 * proximadb.h: what every area shares.
 *
 * Areas and their direction of knowledge (an arrow is "may include"):
 *   tableam, planner -> engines -> store -> codec, wal
 * Nothing outside tableam and store knows what a stub is (invariant I5).
 *
 * Naming: SQL-callable C functions are called pxd_sql_*, and are the only symbols besides
 * _PG_init and Pg_magic_func that the version script (src/proximadb.map) leaves visible.
 */
#ifndef PXD_PROXIMADB_H
#define PXD_PROXIMADB_H

#include "postgres.h"

#include "utils/rel.h"

/* Set by _PG_init: true when the library was loaded by shared_preload_libraries. */
extern bool pxd_preloaded;

/* Settings (GUCs), defined in proximadb.c. */
extern bool pxd_debug_direct;		/* proximadb.debug_direct: direct path from the first row */
extern bool pxd_debug_flush;		/* proximadb.debug_flush: hot rows are sealed when their command ends */
extern bool pxd_enable_key_scan;	/* proximadb.enable_key_scan: plans may find rows by sort key without an index */
extern int	pxd_build_mem_kb;		/* proximadb.build_mem: bound on a backend's builders, kB */

/*
 * Raises ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE with a hint unless the library is preloaded.
 * Called by everything that reads or writes a table of our access methods.
 */
extern void pxd_require_preload(Relation rel);

#endif
