/*
 * settings.h: settings and index options of hnsw and ivfflat.
 */
#ifndef PXD_VECTOR_SETTINGS_H
#define PXD_VECTOR_SETTINGS_H

#include "postgres.h"

#include "axis_alias.h"

/* What axis does for indexes of the two names. */
extern const AxisAlias pxd_vector_hnsw;
extern const AxisAlias pxd_vector_ivfflat;

/* Registers settings and options; once in a backend. */
extern void pxd_vector_settings_init(const AxisApi *api);

#endif
