/*
 * worker.h: the background worker.
 */
#ifndef PXD_WORKER_H
#define PXD_WORKER_H

/*
 * Defines the worker's settings and, when preloaded, asks for its shared memory and registers the
 * launcher. From _PG_init, before the prefix proximadb is reserved.
 */
extern void pxd_worker_init(void);

/*
 * Counts bytes written hot by this backend. When all backends together have written proximadb.flush_threshold, the launcher is woken to send a
 * worker to this database, before its nap is over. Raises no error, takes no lock.
 */
extern void pxd_worker_note_hot(Size bytes);

#endif
