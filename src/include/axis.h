/*
 * axis.h: what the files of src/axis offer each other. src/axis/README.md is the overview.
 *
 * Words: a *list* is a set of rows near a *centroid*; a row of the index (AxisRow) is the TID of a table row, its *code* (the
 * quantised residual: rotated vector minus centroid), two factors, and its filter values. The *directory* holds
 * centroids and heads of all lists. "Rotated" vectors are padded to layout->dim, rotated, and relative to
 * the origin; for cosine they are scaled to length 1 before.
 */
#ifndef PXD_AXIS_H
#define PXD_AXIS_H

#include "postgres.h"

#include <math.h>

#include "access/amapi.h"
#include "access/genam.h"
#include "nodes/execnodes.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

#include "axis_alias.h"
#include "axis_page.h"
#include "code_kernels.h"

/* --- metrics and operator classes (opclass.c) --- */

typedef enum AxisMetric
{
	AXIS_L2 = 1,
	AXIS_IP = 2,				/* negative inner product */
	AXIS_COSINE = 3,
	AXIS_L1 = 4,
	AXIS_JACCARD = 5
} AxisMetric;

/*
 * What an operator class for vectors says (its support function 1 returns a pointer to one, static). Functions take detoasted
 * values of the class's type and raise no errors. Exact distances are what the ordering operator returns: of the elements if values are
 * laid out as struct Vector (float_distance), else of the values (distance). This is all that axis knows of a type: a class may be of any type of such a
 * layout, pgvector's too.
 */
typedef struct AxisOpclass
{
	AxisMetric	metric;
	int			max_dim;
	int			(*dim) (const struct varlena *value);
	void		(*to_float) (const struct varlena *value, float *out);
	double		(*float_distance) (int dim, const float *a, const float *b);
	double		(*distance) (const struct varlena *a, const struct varlena *b);
	double		(*rank) (double distance);	/* as estimates are: squared L2 distance, or negative inner product */

	/*
	 * Codes tell nothing about distances: the index has none, and no lists, and a search computes the distances of all rows. to_float is
	 * only needed for float_distance, rank not at all.
	 */
	bool		without_codes;
} AxisOpclass;

#define AXIS_SUPPORT_PROC 1
#define AXIS_SUPPORT_PROCS 1
#define AXIS_STRATEGY_DISTANCE 1	/* ordering operator of the vector column */
/* strategies of filter columns are btree's: < 1, <= 2, = 3, >= 4, > 5 */

extern const AxisOpclass *pxd_axis_opclass(Relation index);

/* --- layout.c: sizes and places that follow from the shape of an index --- */

typedef struct AxisFilter
{
	Oid			type;			/* of the operator class */
	bool		hashed;			/* values are hashes: equality only, and to be rechecked */
	uint8		width;			/* bytes of a value on a page: 4 or 8 */
	uint16		offset;			/* of its array on a code page */
} AxisFilter;

#define AXIS_MAX_FILTERS (INDEX_MAX_KEYS - 1)

typedef struct AxisLayout
{
	AxisMetric	metric;
	int			dim_in;			/* of the column */
	int			dim;			/* of rotated vectors; 0 in an index without codes, as are code_bits and code_bytes */
	int			code_bits;
	Size		code_bytes;
	int			centroid_bits;	/* 8, or 4 where a page would not hold 8 */
	Size		entry_size;		/* of a directory entry with its centroid */
	int			entries_per_page;
	int			rows_per_page;
	Size		tail_size;
	/* arrays on a code page, by offset from the page's start; codes begin on a cache line */
	uint16		tids;			/* ItemPointerData */
	uint16		add;			/* float4 */
	uint16		scale;			/* float4 */
	uint16		err;			/* bfloat16, rounded up */
	uint16		nulls;			/* uint32 mask of null filter columns; only if there are any */
	uint16		codes;
	int			filters;
	AxisFilter	filter[AXIS_MAX_FILTERS];
	Size		row_size;		/* of an AxisRow */
} AxisLayout;

/*
 * Fills layout for an index. code_bits 0: as many as suit the dimensions. Raises an ERROR if the column's dimensions
 * or filter types cannot be indexed.
 */
extern void pxd_axis_layout(Relation index, int dim_in, int code_bits, AxisLayout *layout);

/* Dimensions of the index's vector column by its type modifier, 0 if it has none. */
extern int	pxd_axis_declared_dim(Relation index);

/* Rows of a list when lists lists are there (a list may grow to twice that before it is split). */
extern int	pxd_axis_target_rows(const AxisLayout *layout, uint64 lists);

/* Lists for an index of rows rows built at once. */
extern int	pxd_axis_list_count(const AxisLayout *layout, double rows);

/* --- rows and pages (page.c) --- */

/* A row of the index in memory, layout->row_size bytes: the code follows the filter values. */
typedef struct AxisRow
{
	ItemPointerData tid;
	uint16		err;			/* bfloat16 */
	float4		add;
	float4		scale;
	uint32		nulls;
	float4		length;			/* of the residual if it has just been encoded, else 0; not on pages */
	int64		values[FLEXIBLE_ARRAY_MEMBER];	/* of filter columns; 0 where null */
} AxisRow;

static inline uint8 *
pxd_axis_row_code(const AxisLayout *layout, const AxisRow *row)
{
	return (uint8 *) &row->values[layout->filters];
}

/* bfloat16, rounded away from zero so that an error bound stays one. x >= 0. */
static inline uint16
pxd_axis_bf16_up(float x)
{
	union
	{
		float		f;
		uint32		u;
	}			v = {.f = x};

	return (uint16) ((v.u >> 16) + ((v.u & 0xffff) != 0 && v.u < 0x7f800000));
}

static inline float
pxd_axis_bf16(uint16 x)
{
	union
	{
		uint32		u;
		float		f;
	}			v = {.u = (uint32) x << 16};

	return v.f;
}

/* AxisEntry.radius of rows whose squared distances from the centroid have this sum. */
static inline uint16
pxd_axis_radius(double squares, uint32 rows)
{
	return pxd_axis_bf16_up(rows > 0 ? (float) sqrt(squares / rows) : 0);
}

/* Lets pxd_axis_read know what the pages of an open index look like; cheap when it knows. Until then it checks less. */
extern void pxd_axis_page_shape(Relation index, const AxisLayout *layout);

/* Formats an empty page. */
extern void pxd_axis_page_init(const AxisLayout *layout, Page page, int kind);

/* Adds a row to a code page that has room. */
extern void pxd_axis_page_add(const AxisLayout *layout, Page page, const AxisRow *row);

/* Copies row number i of a code page. */
extern void pxd_axis_page_get(const AxisLayout *layout, Page page, int i, AxisRow *row);

/* Moves the last row of a page to place i, and forgets the last place. */
extern void pxd_axis_page_remove(const AxisLayout *layout, Page page, int i);

/* Widens the ranges of a list's head by a row's filter values. */
extern void pxd_axis_page_widen(const AxisLayout *layout, AxisTail *tail, const AxisRow *row);

/*
 * Reads and locks a block, and checks that it is a page of this kind and, for code pages, of list list_id (0: any). A
 * page of another list means that a standby has replayed the page's reuse under a scan: that is an ERROR to retry; anything else is
 * corruption.
 */
extern Buffer pxd_axis_read(Relation index, BlockNumber block, int lock, int kind, uint32 list_id);

/* The same; *recent is the buffer the block was in when last read (InvalidBuffer if unknown), which is tried first and kept up to date. */
extern Buffer pxd_axis_read_recent(Relation index, BlockNumber block, int lock, int kind, uint32 list_id,
								   Buffer *recent);

/*
 * A pinned, exclusively locked buffer for a new page: a recycled block, or a new one. The caller formats it in a generic WAL record with GENERIC_XLOG_FULL_IMAGE.
 */
extern Buffer pxd_axis_new_buffer(Relation index);

/* Puts a deleted page into the free space map; free: nobody can be on the way to it any more. */
extern void pxd_axis_offer_page(Relation index, BlockNumber block, bool free);

/* Copies the metapage; checks magic and version. */
extern void pxd_axis_read_meta(Relation index, AxisMeta *meta);

/* --- directory.c: centroids and heads, cached per backend --- */

/* A consistent copy of the directory, shared by its users and, but for meta.reach and recent, read only. */
typedef struct AxisDirectory
{
	MemoryContext context;
	int			users;
	bool		current;		/* in the cache */
	Oid			index;
	AxisMeta	meta;
	AxisLayout	layout;
	Rotation   *rotation;
	float	   *origin;			/* layout.dim elements, rotated */
	uint32		nulls_id;
	BlockNumber nulls_head;
	int			lists;
	uint8	   *centroids;		/* lists x dim, 8 bits each, whatever they have on disk */
	float	   *scale;			/* per list: element = offset + scale * code */
	float	   *offset;
	float	   *norm2;			/* of the centroid */
	float	   *radius;			/* as in AxisEntry */
	BlockNumber *head;
	uint32	   *list_id;
	uint32	   *rows;			/* as in AxisEntry */
	uint32	   *number;			/* of its entry in the directory */
	int			pages;
	BlockNumber *page;			/* blocks of the directory's pages, in order */

	/* where blocks of the index were last found in shared buffers: finding them there again saves looking them up */
	BlockNumber nrecent;		/* blocks up to here; the index may have grown since */
	Buffer	   *recent;
} AxisDirectory;

/*
 * The current directory of an index. It stays as it is, for its user, until the memory context that is current now is reset or deleted.
 * Reads the metapage every time, the directory's pages when they have changed. Holds no locks or pins on return.
 */
extern AxisDirectory *pxd_axis_directory_open(Relation index);

/* Writes centroid list (number in directory) as floats. */
extern void pxd_axis_centroid(const AxisDirectory *directory, int list, float *out);

/* Squared distances (or negative inner products) of all lists' centroids to a rotated vector. */
extern void pxd_axis_centroid_distances(const AxisDirectory *directory, const float *x, AxisMetric metric,
										float *out);

/* The list whose centroid is nearest (squared L2, whatever the metric). scratch: directory->lists floats. */
extern int	pxd_axis_nearest_list(const AxisDirectory *directory, const float *x, float *scratch);

/* Fills an entry with its centroid (quantised from x, layout->dim floats). entry has room for layout->entry_size. */
extern void pxd_axis_entry_fill(const AxisLayout *layout, AxisEntry *entry, const float *x);

/* Elements of an entry's centroid, as everybody will see them. */
extern void pxd_axis_entry_centroid(const AxisLayout *layout, const AxisEntry *entry, float *out);

static inline AxisEntry *
pxd_axis_page_entry(const AxisLayout *layout, Page page, int i)
{
	return (AxisEntry *) (PageGetContents(page) + i * layout->entry_size);
}

/* --- encode.c --- */

/*
 * Rotated form of a vector: out has layout.dim elements. Returns false if the vector has length zero and the metric is cosine (out is
 * then minus the origin: a vector of no direction). Raises an ERROR if the dimensions differ from the index's.
 */
extern bool pxd_axis_rotated(const AxisDirectory *directory, const AxisOpclass *opclass, const struct varlena *value,
							 float *out);

/*
 * Code and factors of rotated vector x relative to centroid; row's TID and filter values are the caller's. residual: scratch of
 * layout->dim floats.
 */
extern void pxd_axis_encode(const AxisLayout *layout, const float *x, const float *centroid, float *residual,
							AxisRow *row);

/* The rotated vector a row's code stands for, to within its error. */
extern void pxd_axis_decode(const AxisLayout *layout, const AxisRow *row, const float *centroid, float *out);

/* --- filter.c --- */

/* Sets row's filter values from the index's columns (values[1..]). */
extern void pxd_axis_row_filters(const AxisLayout *layout, const Datum *values, const bool *isnull, AxisRow *row);

typedef struct AxisCondition AxisCondition;

/*
 * Compiles scan keys on filter columns, in the current context; *recheck is set if rows that pass may still fail. Returns NULL if there are
 * none. Sets *never if no row can pass (comparison with NULL).
 */
extern AxisCondition *pxd_axis_condition(const AxisLayout *layout, Relation index, ScanKey keys, int nkeys,
										 bool *recheck, bool *never);

/* Whether any row of the list whose head has this tail may pass. */
extern bool pxd_axis_condition_list(const AxisCondition *condition, const AxisTail *tail);

/* Numbers of the rows on a page that pass, in order; returns how many. rows has room for all. */
extern int	pxd_axis_condition_rows(const AxisCondition *condition, Page page, uint16 *rows);

/* --- options.c --- */

extern double pxd_axis_target_recall_setting;	/* 0: the index's option */
extern int	pxd_axis_nprobe;	/* 0: by target recall */
extern double pxd_axis_error_bound; /* standard deviations: eps0 */

typedef enum AxisStrategy
{
	AXIS_STRATEGY_AUTO,
	AXIS_STRATEGY_FLAT,
	AXIS_STRATEGY_IVF
} AxisStrategy;

extern bytea *pxd_axis_options(Datum reloptions, bool validate);
extern void pxd_axis_options_init(void);

/* Registers axis's options for a kind, and parses options of such a kind: see AxisApi. */
extern void pxd_axis_options_add(relopt_kind kind);
extern bytea *pxd_axis_options_parse(Datum reloptions, bool validate, relopt_kind kind, Size size,
									 const relopt_parse_elt *elements, int count);

/* How a scan of index is to search now: by the setting target_recall, else the index's option, else 0.95; an alias may change that. */
extern void pxd_axis_effort(Relation index, AxisEffort *effort);

/* --- handler.c --- */

extern IndexAmRoutine *pxd_axis_routine(void);

/* --- alias.c --- */

/* The alias an index belongs to; NULL if it is one of axis itself. */
extern const AxisAlias *pxd_axis_alias(Relation index);

/* --- build.c --- */

extern IndexBuildResult *pxd_axis_build(Relation table, Relation index, IndexInfo *index_info);
extern void pxd_axis_build_empty(Relation index);

/* Writes pages of an index without rows to a fork: metapage, directory, head of the nulls list, one empty list. */
extern void pxd_axis_create(Relation index, ForkNumber fork, const AxisLayout *layout);

/* --- calibrate.c --- */

extern double pxd_axis_recall_of(int i);	/* recalls of AxisMeta.reach, ascending */
extern double pxd_axis_rank_of(int i);

/*
 * Measures reach on queries (rotated, count x layout.dim) and fills meta->reach. The queries may be rows of the index.
 */
extern void pxd_axis_calibrate(Relation index, AxisDirectory *directory, const float *queries, int count,
							   AxisMeta *meta);

/* Calibrates an index on rows taken from its own lists, and stores the result. Caller holds the structure lock. */
extern void pxd_axis_recalibrate(Relation index);

/* How far to go for recall when rank rows (of the unfiltered order) are wanted. */
extern AxisReach pxd_axis_reach(const AxisMeta *meta, double recall, double rank);

/* --- insert.c --- */

extern bool pxd_axis_insert(Relation index, Datum *values, bool *isnull, ItemPointer tid, Relation table,
							IndexUniqueCheck check_unique, bool index_unchanged, IndexInfo *index_info);

/*
 * The structure lock: held by whoever replaces lists, deletes pages or vacuums. A heavyweight lock on the metapage, so that waiting for it can be
 * cancelled and deadlocks are found.
 */
extern bool pxd_axis_lock_structure(Relation index, bool wait);
extern void pxd_axis_unlock_structure(Relation index);

/* --- split.c --- */

/* Splits list list_id, if it is still there and too large, unless somebody else holds the structure lock. */
extern void pxd_axis_split(Relation index, Relation table, uint32 list_id);

/* --- merge.c --- */

/* Merges lists that have become small with their nearest neighbours. Takes the structure lock for each of them. */
extern void pxd_axis_merge_small(Relation index, Relation table);

/* --- vacuum.c --- */

extern IndexBulkDeleteResult *pxd_axis_bulk_delete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
												   IndexBulkDeleteCallback callback, void *callback_state);
extern IndexBulkDeleteResult *pxd_axis_vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats);

/* --- scan.c --- */

/* Rows looked for first when nobody has said how many are wanted. */
#define AXIS_FIRST_ROWS 10

extern IndexScanDesc pxd_axis_begin_scan(Relation index, int nkeys, int norderbys);
extern void pxd_axis_rescan(IndexScanDesc scan, ScanKey keys, int nkeys, ScanKey orderbys, int norderbys);
extern bool pxd_axis_get_tuple(IndexScanDesc scan, ScanDirection direction);
extern void pxd_axis_end_scan(IndexScanDesc scan);

/* --- wanted.c --- */

/*
 * What is known of a scan that the executor runs: the rows its consumer will ask for (0: unknown), and the distance beyond which it will reject
 * all of them (infinity: unknown).
 */
extern void pxd_axis_wanted(IndexScanDesc scan, double *rows, double *distance);

/* Installs the executor hook; once, when the library is loaded. */
extern void pxd_axis_wanted_init(void);

/* --- paths.c --- */

/* Installs the planner hook; once, when the library is loaded. */
extern void pxd_axis_paths_init(void);

/* --- cost.c --- */

extern void pxd_axis_cost_estimate(struct PlannerInfo *root, struct IndexPath *path, double loop_count,
								   Cost *startup_cost, Cost *total_cost, Selectivity *selectivity,
								   double *correlation, double *pages);

/* --- validate.c --- */

extern bool pxd_axis_validate(Oid opclass);

#endif
