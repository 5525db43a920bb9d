/*
 * axis_page.h: what an axis index looks like on disk. src/axis/README.md tells how the pages work together.
 *
 * Block 0 is the metapage. Block 1 begins the chain of directory pages: fixed-size entries, one for the origin, one for the rows without
 * a vector, one a list. Each list is a chain of code pages; a list's first page (its head) stays the same as
 * long as the list lives. All pages have a standard header and an AxisTail as special space.
 */
#ifndef PXD_AXIS_PAGE_H
#define PXD_AXIS_PAGE_H

#include "postgres.h"

#include "access/transam.h"
#include "storage/block.h"
#include "storage/bufpage.h"
#include "storage/itemptr.h"

#define AXIS_MAGIC 0x53495841	/* "AXIS" */
#define AXIS_VERSION 1

#define AXIS_META_BLOCK 0
#define AXIS_DIRECTORY_BLOCK 1

/* AxisTail.kind */
#define AXIS_PAGE_META 1
#define AXIS_PAGE_DIRECTORY 2
#define AXIS_PAGE_CODES 3
#define AXIS_PAGE_DELETED 4

/* AxisTail.flags, of a list's head */
#define AXIS_HEAD 0x0001
#define AXIS_FROZEN 0x0002		/* being split or merged: inserts wait for the structure lock */

/* Smallest and largest value of a filter column in a list; a bitmap of hashes for columns that are hashed. */
typedef struct AxisRange
{
	uint64		low;			/* int64, or the lower half of the bitmap */
	uint64		high;
} AxisRange;

/* A hashed value's bit in that bitmap: 0 .. 63 stand in low. */
#define AXIS_HASH_BIT(value) ((uint64) (value) & 127)

/*
 * End of every page. Deleted code pages keep their rows and their next pointer, for scans that were on their way
 * to them, until nobody can be any more (deleted_xid). Ranges stand on code pages of indexes with filter
 * columns and hold for the whole list on its head; elsewhere they are unused.
 */
typedef struct AxisTail
{
	BlockNumber next;			/* of the chain, InvalidBlockNumber at its end */
	uint32		list_id;		/* code pages: the list's number, never reused */
	uint32		list_rows;		/* head: rows of the whole list */
	uint16		rows;			/* entries or rows on this page */
	uint8		kind;
	uint8		has_nulls;		/* head: some filter column is null in some row */
	uint16		flags;
	uint16		magic;			/* low half of AXIS_MAGIC */
	uint32		unsplit_rows;	/* head: rows of the list when it last could not be split, 0: never tried in vain */
	uint64		deleted_xid;	/* deleted pages: next transaction ID when it was deleted */
	AxisRange	ranges[FLEXIBLE_ARRAY_MEMBER];
} AxisTail;

StaticAssertDecl(offsetof(AxisTail, deleted_xid) == 24, "AxisTail: layout is on disk");
StaticAssertDecl(sizeof(AxisTail) == 32, "AxisTail: size is on disk");
StaticAssertDecl(sizeof(AxisRange) == 16, "AxisRange: size is on disk");

/* AxisEntry.kind */
#define AXIS_ENTRY_FREE 0		/* of a list that was merged: reused by the next split */
#define AXIS_ENTRY_ORIGIN 1		/* entry 0: the point all vectors are taken relative to; no list */
#define AXIS_ENTRY_NULLS 2		/* entry 1: the rows whose vector is null; no centroid */
#define AXIS_ENTRY_LIST 3

#define AXIS_ORIGIN_NUMBER 0
#define AXIS_NULLS_NUMBER 1
#define AXIS_FIRST_LIST_NUMBER 2

/*
 * An entry of the directory; the centroid follows: centroid_bits for each dimension of the rotated space, element i being
 * offset + scale * code[i], in the plane layout of code_kernels.h.
 */
typedef struct AxisEntry
{
	uint32		list_id;
	BlockNumber head;
	uint32		rows;			/* when the list was made or last vacuumed */
	uint16		kind;
	uint16		radius;			/* bfloat16: how far its rows were from the centroid then, root mean square; 0: not known */
	float4		scale;
	float4		offset;
} AxisEntry;

StaticAssertDecl(sizeof(AxisEntry) == 24, "AxisEntry: size is on disk");

/*
 * How far to go for a recall, measured: the lists that hold the nearest rows up to rank_of(i) of a query are among the first nprobe, and
 * promise rows within ratio times the distance that the first one does, often enough for recall_of(j).
 */
#define AXIS_RANKS 4
#define AXIS_RECALLS 8

typedef struct AxisReach
{
	float4		nprobe;
	float4		ratio;			/* of distances, not squared; 0: never stop by ratio */
} AxisReach;

typedef struct AxisMeta
{
	uint32		magic;
	uint16		version;
	uint8		metric;			/* AxisMetric */
	uint8		code_bits;		/* 1, 2 or 4 */
	uint32		dim;			/* of the column */
	uint32		filters;		/* columns beside the vector */
	uint64		seed;			/* of the rotation */
	uint64		index_id;		/* random: a rebuilt index is another one */
	uint64		directory_version;	/* grows with every change of the directory */
	uint32		entries;		/* of the directory, those of all kinds */
	uint32		next_list_id;
	BlockNumber directory_tail; /* its last page */
	float4		toward;			/* cosine, at their centroids, between the nearest rows of a query and the query; 0: not measured */
	uint64		calibrated_rows;	/* rows of the index when reach was measured, 0: never */
	uint64		calibrated_lists;
	uint64		swept_version;	/* directory_version when VACUUM last left no page to be freed later */
	AxisReach	reach[AXIS_RANKS][AXIS_RECALLS];
	float4		spread;			/* standard deviation of that cosine for any row; 0: not measured */
	float4		unused;
} AxisMeta;

StaticAssertDecl(offsetof(AxisMeta, seed) == 16, "AxisMeta: layout is on disk");
StaticAssertDecl(offsetof(AxisMeta, calibrated_rows) == 56, "AxisMeta: layout is on disk");
StaticAssertDecl(sizeof(AxisMeta) == 88 + AXIS_RANKS * AXIS_RECALLS * 8, "AxisMeta: size is on disk");

#define AxisPageTail(page) ((AxisTail *) PageGetSpecialPointer(page))
#define AxisPageMeta(page) ((AxisMeta *) PageGetContents(page))

#endif
