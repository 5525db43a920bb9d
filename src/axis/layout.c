/*
 * layout.c: sizes and places that follow from an index's dimensions, code width and filter columns.
 *
 * Nothing here is stored: the same metapage and column types give the same layout everywhere, so this file is part of the
 * on-disk format.
 */
#include "postgres.h"

#include <math.h>

#include "access/itup.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "axis.h"
#include "vector.h"

#define CACHE_LINE 64

/*
 * Bits of a code for each dimension. The error of an estimate is c(bits) / sqrt(dim - 1) of the residual's length, with
 * c = 0.75, 0.37, 0.11 for 1, 2, 4 bits (extended RaBitQ, section 3): these widths keep it near 0.01 for all dimensions, at
 * which 10 nearest rows take some 15 to 25 exact distances. src/axis/README.md has the measurements.
 */
static int
suitable_code_bits(int dim)
{
	if (dim <= 384)
		return 4;
	return dim <= 2048 ? 2 : 1;
}

/* How the values of a filter column are stored. */
static void
filter_type(Relation index, int column, AxisFilter *filter)
{
	filter->type = index->rd_opcintype[column];
	filter->hashed = false;
	switch (filter->type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case DATEOID:
			filter->width = 4;
			break;
		case INT8OID:
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
			filter->width = 8;
			break;
		case TEXTOID:
		case UUIDOID:
			filter->width = 8;
			filter->hashed = true;
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("type %s cannot be a filter column of an axis index", format_type_be(filter->type)),
					 errhint("Filter columns may be boolean, smallint, integer, bigint, date, timestamp, timestamptz, uuid or text.")));
	}
	if (filter->type == TEXTOID && OidIsValid(index->rd_indcollation[column]) &&
		!get_collation_isdeterministic(index->rd_indcollation[column]))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("nondeterministic collations are not supported for filter columns of an axis index")));
}

int
pxd_axis_declared_dim(Relation index)
{
	int32		typmod = TupleDescAttr(RelationGetDescr(index), 0)->atttypmod;

	return Max(typmod, 0);
}

/* Places of the arrays of a code page with room for rows rows; returns where the page's content would end. */
static Size
place_arrays(AxisLayout *layout, int rows)
{
	Size		at = MAXALIGN(SizeOfPageHeaderData);

	layout->add = at;
	at += sizeof(float4) * rows;
	layout->scale = at;
	at += sizeof(float4) * rows;
	layout->nulls = at;
	if (layout->filters > 0)
		at += sizeof(uint32) * rows;
	at = MAXALIGN(at);
	for (int i = 0; i < layout->filters; i++)
	{
		layout->filter[i].offset = at;
		at = MAXALIGN(at + layout->filter[i].width * rows);
	}
	layout->tids = at;
	at += sizeof(ItemPointerData) * rows;
	layout->err = at;
	at += sizeof(uint16) * rows;
	at = TYPEALIGN(CACHE_LINE, at);
	layout->codes = at;
	return at + layout->code_bytes * rows;
}

void
pxd_axis_layout(Relation index, int dim_in, int code_bits, AxisLayout *layout)
{
	const AxisOpclass *opclass = pxd_axis_opclass(index);
	int			room;

	if (dim_in < 1 || dim_in > opclass->max_dim)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("column \"%s\" must have between 1 and %d dimensions for an axis index",
						NameStr(TupleDescAttr(RelationGetDescr(index), 0)->attname), opclass->max_dim)));

	MemSet(layout, 0, sizeof(*layout));
	layout->metric = opclass->metric;
	layout->dim_in = dim_in;
	if (!opclass->without_codes)
	{
		layout->dim = pxd_rotation_dim(dim_in);
		layout->code_bits = code_bits > 0 ? code_bits : suitable_code_bits(layout->dim);
		layout->code_bytes = pxd_code_bytes(layout->code_bits, layout->dim);
	}
	layout->filters = RelationGetNumberOfAttributes(index) - 1;
	for (int i = 0; i < layout->filters; i++)
		filter_type(index, i + 1, &layout->filter[i]);
	layout->tail_size = MAXALIGN(offsetof(AxisTail, ranges) + sizeof(AxisRange) * layout->filters);
	room = BLCKSZ - (int) layout->tail_size;

	layout->row_size = MAXALIGN(offsetof(AxisRow, values) + sizeof(int64) * layout->filters + layout->code_bytes);
	layout->rows_per_page = room / (int) (layout->code_bytes + sizeof(ItemPointerData));
	while (place_arrays(layout, layout->rows_per_page) > (Size) room)
		layout->rows_per_page--;
	if (layout->rows_per_page < 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("rows of index \"%s\" would be too large", RelationGetRelationName(index)),
				 errhint("Use fewer bits a dimension (index option code_bits) or fewer filter columns.")));

	layout->centroid_bits = 8;
	layout->entry_size = MAXALIGN(sizeof(AxisEntry) + pxd_code_bytes(8, layout->dim));
	room -= MAXALIGN(SizeOfPageHeaderData);
	if (layout->entry_size > (Size) room)
	{
		layout->centroid_bits = 4;
		layout->entry_size = MAXALIGN(sizeof(AxisEntry) + pxd_code_bytes(4, layout->dim));
	}
	layout->entries_per_page = room / (int) layout->entry_size;
	Assert(layout->entries_per_page >= 1);
}

/*
 * A query costs the distances of all centroids and the codes of some lists, which is least when the number of lists is about
 * proportional to the square root of the rows: rows = lists * lists / LISTS_PER_ROW. Lists of fewer than four pages would waste
 * much of their last page.
 */
#define LISTS_PER_ROW 4

int
pxd_axis_target_rows(const AxisLayout *layout, uint64 lists)
{
	uint64		rows = Max(lists / LISTS_PER_ROW, 4 * (uint64) layout->rows_per_page);

	return (int) Max(Min(rows, 65536), 64);
}

int
pxd_axis_list_count(const AxisLayout *layout, double rows)
{
	int			least = pxd_axis_target_rows(layout, 1);
	double		lists = Min(sqrt(rows * LISTS_PER_ROW), rows / least);

	return (int) Max(Min(lists, 1000000.0), 1.0);
}
