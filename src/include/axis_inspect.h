/*
 * axis_inspect.h: what the functions that look inside an axis index share (inspect.c, check.c, recall.c).
 */
#ifndef PXD_AXIS_INSPECT_H
#define PXD_AXIS_INSPECT_H

#include "postgres.h"

#include "utils/rel.h"

#include "axis.h"

/* Opens and locks (AccessShare) a valid axis index; an ERROR if the relation is not one. */
extern Relation pxd_axis_open_index(Oid relid);

#endif
