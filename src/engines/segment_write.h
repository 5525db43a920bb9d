/*
 * segment_write.h: what the engines' writers share.
 *
 * A writer calls begin, then adds its pieces in any order, then calls finish. Everything is allocated in the current context, which is the
 * image's.
 */
#ifndef PXD_SEGMENT_WRITE_H
#define PXD_SEGMENT_WRITE_H

#include "postgres.h"

#include "codec.h"
#include "engine.h"

/*
 * Starts the header of a segment that holds batch. Vector columns of fixed dimension that are seldom NULL get layout FIXED, unless they are in
 * the sort key; all other columns get layout other.
 */
extern void pxd_segment_begin(const RowBatch *batch, const char *engine, ColumnLayout other, SegmentHeader *header);

/* Adds the columns of layout FIXED, their null bitmaps and the back-pointers, all in the order of positions, from the batch's memory. */
extern void pxd_segment_add_fixed(const RowBatch *batch, SegmentHeader *header, SegmentImage *image);

/*
 * Adds a copy of raw, compressed if that pays, and fills in what block says of its bytes. With a dictionary level is the dictionary's own.
 */
extern void pxd_segment_add_block(SegmentImage *image, const char *raw, Size raw_len, int level,
								  const ZstdDictionary *dictionary, HeaderBlock *block);

/* Adds the writer schema and encodes the header, which avro-c reads before it is let out. */
extern void pxd_segment_finish(const RowBatch *batch, SegmentHeader *header, SegmentImage *image);

#endif
