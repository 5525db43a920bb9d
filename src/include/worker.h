/*
 * worker.h: the background worker.
 */
#ifndef PXD_WORKER_H
#define PXD_WORKER_H

#include "postgres.h"

#include "utils/rel.h"

/*
 * Defines the worker's settings and, when preloaded, asks for its shared memory and registers the
 * launcher. From _PG_init, before the prefix proximadb is reserved.
 */
extern void pxd_worker_init(void);

/*
 * Counts bytes written hot to table by this backend. When all backends together have written as much as the worker's last look at
 * the table left room for, the launcher is woken to send a worker to this database, before its nap is over. Raises no error; takes
 * a lock of its own, shortly, once in HOT_BYTES_STEP bytes.
 */
extern void pxd_worker_note_hot(Relation table, Size bytes);

#endif
