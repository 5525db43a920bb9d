/*
 * hooks.h: executor and planner hooks.
 */
#ifndef PXD_HOOKS_H
#define PXD_HOOKS_H

/* Installs our hooks, keeping those installed before. From _PG_init, when preloaded. */
extern void pxd_hooks_install(void);

/* The planner's part of it (planner/relation_info.c). */
extern void pxd_relation_info_hook_install(void);

/* Paths by sort key (planner/key_paths.c). */
extern void pxd_key_paths_hook_install(void);

#endif
