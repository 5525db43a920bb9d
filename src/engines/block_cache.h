/*
 * block_cache.h: decoded blocks of columns or records, kept for the next row that is looked for in them.
 */
#ifndef PXD_BLOCK_CACHE_H
#define PXD_BLOCK_CACHE_H

#include "postgres.h"

#include "lib/ilist.h"

/* A block of a column or of records: rows first_row .. first_row + rows - 1. */
typedef struct DecodedBlock
{
	dlist_node	lru;
	struct DecodedBlock **place;	/* where the owner points to this block, or NULL */
	Size		bytes;			/* of this struct with all behind it */
	uint32		first_row;
	uint32		rows;
	Size		raw_len;
	char	   *raw;			/* [raw_len] */
	uint32		starts[FLEXIBLE_ARRAY_MEMBER];	/* [rows] of items or records */
} DecodedBlock;

/*
 * Makes a block to be filled in, at the expense of those used longest ago. It has no place yet: if filling it fails, it is forgotten and goes first.
 */
extern DecodedBlock *pxd_decoded_block_create(uint32 first_row, uint32 rows, Size raw_len);

/* A block that was filled in gets its place, which is set to NULL when the block goes: at the next create, say. */
extern void pxd_decoded_block_place(DecodedBlock *block, DecodedBlock **place);

/* Makes a block the one used last. */
extern void pxd_decoded_block_touch(DecodedBlock *block);

/* Frees the block at place, if there is one. */
extern void pxd_decoded_block_drop(DecodedBlock **place);

#endif
