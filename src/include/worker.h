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

#endif
