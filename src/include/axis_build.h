/*
 * axis_build.h: what the files of a build share (build.c, build_scan.c, list_writer.c).
 */
#ifndef PXD_AXIS_BUILD_H
#define PXD_AXIS_BUILD_H

#include "postgres.h"

#include "utils/tuplesort.h"

#include "axis.h"

/* Progress phases (pg_stat_progress_create_index.phase shows those of nbtree only by number). */
#define AXIS_PHASE_SAMPLE 2
#define AXIS_PHASE_KMEANS 3
#define AXIS_PHASE_SCAN 4
#define AXIS_PHASE_WRITE 5
#define AXIS_PHASE_CALIBRATE 6

/* --- list_writer.c: pages of lists whose rows come one list after the other --- */

typedef struct ListWriter ListWriter;

extern ListWriter *pxd_axis_writer_begin(Relation index, const AxisLayout *layout);

/* Begins a list. Its rows follow. */
extern void pxd_axis_writer_list(ListWriter *writer, uint32 list_id);
extern void pxd_axis_writer_row(ListWriter *writer, const AxisRow *row);

/* Ends the list; returns its head. *rows and *radius: as in AxisEntry. */
extern BlockNumber pxd_axis_writer_end_list(ListWriter *writer, uint32 *rows, uint16 *radius);

/* --- build_scan.c: assigning all rows of a table to lists, in parallel --- */

typedef struct AxisBuildScan
{
	double		table_rows;		/* seen in the table */
	double		index_rows;		/* of the index */
	Tuplesortstate *sort;		/* of (list number or -1, AxisRow), to be read in order; ended by pxd_axis_scan_end */
	struct TupleTableSlot *slot;	/* for reading it */
	AxisRow    *row;
	struct ParallelContext *parallel;
} AxisBuildScan;

/*
 * Scans table with the workers that index_info asks for. The directory is on the index's pages. Memory: maintenance_work_mem for
 * all participants together.
 */
extern void pxd_axis_scan_begin(Relation table, Relation index, IndexInfo *index_info, AxisBuildScan *scan);

/* Next row in order of lists, valid until the next call; NULL at the end. *list: place in the directory's copy, -1 for nulls. */
extern const AxisRow *pxd_axis_scan_next(AxisBuildScan *scan, int *list);

extern void pxd_axis_scan_end(AxisBuildScan *scan);

#endif
