/*
 * viper.h: what the writer and the reader of viper segments share.
 */
#ifndef PXD_VIPER_H
#define PXD_VIPER_H

#include "postgres.h"

#include "engine.h"

#define VIPER_ENGINE_NAME	"viper"
#define VIPER_ENGINE_ID		1

/* viper_write.c; contract: StorageEngine.encode. */
extern void pxd_viper_encode(const RowBatch *batch, SegmentImage *image);

#endif
