/*
 * relation_info.c: what the planner is told of our tables.
 *
 * Core's cost functions know a table by its pages and rows. The pages of our main fork say little of what a scan reads: a sealed
 * row is a stub there, its columns are elsewhere and have to be decoded. So plans are made with the pages that the columns
 * the query uses would fill in a heap table, which is also close to what reading them costs; wide columns the query does
 * not use, vectors above all, are not read and do not count. Sizes reported anywhere else are the real ones (R20).
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/plancat.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "hooks.h"
#include "tableam.h"
#include "vector.h"

/* Columns up to this average width count whether they are used or not: reading their neighbours costs as much. */
#define NARROW_COLUMN_BYTES		128

static get_relation_info_hook_type prev_get_relation_info = NULL;

/* Attributes of relation rti that the query uses, offset as in pull_varattnos. */
static Bitmapset *
query_attrs(PlannerInfo *root, Index rti)
{
	Query	   *parse = root->parse;
	Bitmapset  *attrs = NULL;

	pull_varattnos((Node *) root->processed_tlist, rti, &attrs);
	pull_varattnos((Node *) parse->targetList, rti, &attrs);
	pull_varattnos((Node *) parse->returningList, rti, &attrs);
	pull_varattnos((Node *) parse->jointree, rti, &attrs);
	pull_varattnos(parse->havingQual, rti, &attrs);
	return attrs;
}

static int32
column_width(Relation table, Form_pg_attribute att)
{
	int32		width = get_attavgwidth(RelationGetRelid(table), att->attnum);
	uint8		element_size;

	if (width > 0)
		return width;
	element_size = pxd_vector_element_size(att->atttypid, att->atttypmod);
	if (element_size > 0)
		return offsetof(Vector, x) + element_size * att->atttypmod;
	return get_typavgwidth(att->atttypid, att->atttypmod);
}

/* Pages that tuples rows with the columns in attrs, and the narrow ones, would fill in a heap table, one page a row at most. */
static double
heap_pages(Relation table, const Bitmapset *attrs, double tuples)
{
	TupleDesc	tupdesc = RelationGetDescr(table);
	bool		all = bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber, attrs);
	double		width = 0;
	double		tuples_per_page;

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);
		int32		column;

		if (att->attisdropped)
			continue;
		column = column_width(table, att);
		if (all || column <= NARROW_COLUMN_BYTES ||
			bms_is_member(att->attnum - FirstLowInvalidHeapAttributeNumber, attrs))
			width += column;
	}
	width = MAXALIGN((int64) width) + MAXALIGN(SizeofHeapTupleHeader) + sizeof(ItemIdData);

	/*
	 * A row counts as no more than a page, however wide: core would add to the cost of an index scan in physical order for the pages between those of its rows, and take a
	 * bitmap scan for a single row.
	 */
	tuples_per_page = Max(floor((BLCKSZ - SizeOfPageHeaderData) / width), 1);
	return ceil(tuples / tuples_per_page);
}

static void
estimate_pages(PlannerInfo *root, Oid relid, bool inhparent, RelOptInfo *rel)
{
	if (!inhparent && rel->rtekind == RTE_RELATION && rel->pages > 0)
	{
		Relation	table = table_open(relid, NoLock);

		if (pxd_table_engine(table) != NULL && pxd_table_has_segments(table))
		{
			double		pages = heap_pages(table, query_attrs(root, rel->relid), rel->tuples);

			if (pages > rel->pages)
				rel->pages = (BlockNumber) Min(pages, MaxBlockNumber);
		}
		table_close(table, NoLock);
	}

	if (prev_get_relation_info)
		prev_get_relation_info(root, relid, inhparent, rel);
}

void
pxd_relation_info_hook_install(void)
{
	prev_get_relation_info = get_relation_info_hook;
	get_relation_info_hook = estimate_pages;
}
