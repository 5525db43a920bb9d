/*
 * page.c: pages of an axis index: formatting, reading with checks, allocation, and the rows of code pages.
 *
 * Owns the format of code pages. Locks: functions that take a Page expect the caller to hold the lock that the change
 * needs, and to work on a page registered with generic WAL.
 */
#include "postgres.h"

#include "access/nbtxlog.h"
#include "access/xloginsert.h"
#include "storage/bufmgr.h"
#include "storage/freespace.h"
#include "storage/lmgr.h"

#include "axis.h"

void
pxd_axis_page_init(const AxisLayout *layout, Page page, int kind)
{
	AxisTail   *tail;

	PageInit(page, BLCKSZ, layout->tail_size);
	/* content lies outside of what generic WAL takes for the hole */
	((PageHeader) page)->pd_lower = ((PageHeader) page)->pd_upper;
	tail = AxisPageTail(page);
	tail->next = InvalidBlockNumber;
	tail->kind = kind;
	tail->magic = AXIS_MAGIC & 0xffff;
	for (int i = 0; i < layout->filters; i++)
	{
		/* an empty range, or an empty set of hashes */
		tail->ranges[i].low = layout->filter[i].hashed ? 0 : (uint64) PG_INT64_MAX;
		tail->ranges[i].high = layout->filter[i].hashed ? 0 : (uint64) PG_INT64_MIN;
	}
}

/* Array of a page, by its offset. */
#define PAGE_ARRAY(page, offset, type) ((type *) ((page) + (offset)))

void
pxd_axis_page_add(const AxisLayout *layout, Page page, const AxisRow *row)
{
	AxisTail   *tail = AxisPageTail(page);
	int			i = tail->rows;

	Assert(tail->kind == AXIS_PAGE_CODES && i < layout->rows_per_page);
	PAGE_ARRAY(page, layout->add, float4)[i] = row->add;
	PAGE_ARRAY(page, layout->scale, float4)[i] = row->scale;
	PAGE_ARRAY(page, layout->err, uint16)[i] = row->err;
	PAGE_ARRAY(page, layout->tids, ItemPointerData)[i] = row->tid;
	if (layout->filters > 0)
		PAGE_ARRAY(page, layout->nulls, uint32)[i] = row->nulls;
	for (int f = 0; f < layout->filters; f++)
	{
		if (layout->filter[f].width == 4)
			PAGE_ARRAY(page, layout->filter[f].offset, int32)[i] = (int32) row->values[f];
		else
			PAGE_ARRAY(page, layout->filter[f].offset, int64)[i] = row->values[f];
	}
	memcpy(page + layout->codes + layout->code_bytes * i, pxd_axis_row_code(layout, row), layout->code_bytes);
	tail->rows++;
}

void
pxd_axis_page_get(const AxisLayout *layout, Page page, int i, AxisRow *row)
{
	Assert(i < AxisPageTail(page)->rows);
	row->add = PAGE_ARRAY(page, layout->add, float4)[i];
	row->scale = PAGE_ARRAY(page, layout->scale, float4)[i];
	row->err = PAGE_ARRAY(page, layout->err, uint16)[i];
	row->tid = PAGE_ARRAY(page, layout->tids, ItemPointerData)[i];
	row->nulls = layout->filters > 0 ? PAGE_ARRAY(page, layout->nulls, uint32)[i] : 0;
	row->length = 0;
	for (int f = 0; f < layout->filters; f++)
	{
		if (layout->filter[f].width == 4)
			row->values[f] = PAGE_ARRAY(page, layout->filter[f].offset, int32)[i];
		else
			row->values[f] = PAGE_ARRAY(page, layout->filter[f].offset, int64)[i];
	}
	memcpy(pxd_axis_row_code(layout, row), page + layout->codes + layout->code_bytes * i, layout->code_bytes);
}

/* Copies element from of an array over element to. */
static inline void
copy_element(Page page, Size offset, Size width, int to, int from)
{
	memcpy(page + offset + width * to, page + offset + width * from, width);
}

void
pxd_axis_page_remove(const AxisLayout *layout, Page page, int i)
{
	AxisTail   *tail = AxisPageTail(page);
	int			last = tail->rows - 1;

	Assert(i <= last);
	if (i != last)
	{
		copy_element(page, layout->add, sizeof(float4), i, last);
		copy_element(page, layout->scale, sizeof(float4), i, last);
		copy_element(page, layout->err, sizeof(uint16), i, last);
		copy_element(page, layout->tids, sizeof(ItemPointerData), i, last);
		if (layout->filters > 0)
			copy_element(page, layout->nulls, sizeof(uint32), i, last);
		for (int f = 0; f < layout->filters; f++)
			copy_element(page, layout->filter[f].offset, layout->filter[f].width, i, last);
		copy_element(page, layout->codes, layout->code_bytes, i, last);
	}
	tail->rows--;
}

void
pxd_axis_page_widen(const AxisLayout *layout, AxisTail *tail, const AxisRow *row)
{
	if (row->nulls != 0)
		tail->has_nulls = 1;
	for (int i = 0; i < layout->filters; i++)
	{
		AxisRange  *range = &tail->ranges[i];

		if (row->nulls & ((uint32) 1 << i))
			continue;
		if (layout->filter[i].hashed)
		{
			int			bit = AXIS_HASH_BIT(row->values[i]);

			if (bit < 64)
				range->low |= UINT64CONST(1) << bit;
			else
				range->high |= UINT64CONST(1) << (bit - 64);
		}
		else
		{
			range->low = (uint64) Min((int64) range->low, row->values[i]);
			range->high = (uint64) Max((int64) range->high, row->values[i]);
		}
	}
}

/* Raises the ERROR for a page that is not what its reader was promised. */
static void
wrong_page(Relation index, BlockNumber block, bool other_list)
{
	if (other_list && RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("canceling statement due to conflict with recovery"),
				 errdetail("Block %u of index \"%s\" has been reused while the statement was on its way to it.",
						   block, RelationGetRelationName(index)),
				 errhint("Retry the statement.")));
	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("block %u of index \"%s\" is not the page it should be", block, RelationGetRelationName(index)),
			 errhint("REINDEX the index.")));
}

/* What every page of an index has in common, kept in the relcache. */
typedef struct PageShape
{
	uint16		special;		/* pd_special */
	uint16		rows;			/* of a code page, at most */
} PageShape;

void
pxd_axis_page_shape(Relation index, const AxisLayout *layout)
{
	PageShape  *shape;

	if (index->rd_amcache != NULL)
		return;
	shape = MemoryContextAlloc(index->rd_indexcxt, sizeof(PageShape));
	shape->special = BLCKSZ - layout->tail_size;
	shape->rows = layout->rows_per_page;
	index->rd_amcache = shape;
}

/* Whether a page has a tail, and no more rows than it has room for. */
static inline bool
has_shape(Relation index, Page page)
{
	const PageShape *shape = index->rd_amcache;
	uint16		special = ((PageHeader) page)->pd_special;

	if (shape == NULL)
		return special <= BLCKSZ - sizeof(AxisTail) && special >= SizeOfPageHeaderData;
	return special == shape->special &&
		(AxisPageTail(page)->kind != AXIS_PAGE_CODES || AxisPageTail(page)->rows <= shape->rows);
}

Buffer
pxd_axis_read(Relation index, BlockNumber block, int lock, int kind, uint32 list_id)
{
	Buffer		recent = InvalidBuffer;

	return pxd_axis_read_recent(index, block, lock, kind, list_id, &recent);
}

Buffer
pxd_axis_read_recent(Relation index, BlockNumber block, int lock, int kind, uint32 list_id, Buffer *recent)
{
	Buffer		buffer = *recent;
	Page		page;
	AxisTail   *tail;

	if (!BufferIsValid(buffer) || !ReadRecentBuffer(index->rd_node, MAIN_FORKNUM, block, buffer))
		*recent = buffer = ReadBuffer(index, block);
	page = BufferGetPage(buffer);
	LockBuffer(buffer, lock);
	if (unlikely(PageIsNew(page) || !has_shape(index, page)))
		wrong_page(index, block, false);
	tail = AxisPageTail(page);
	if (unlikely(tail->magic != (AXIS_MAGIC & 0xffff)))
		wrong_page(index, block, false);
	if (unlikely(tail->kind != kind && !(kind == AXIS_PAGE_CODES && tail->kind == AXIS_PAGE_DELETED)))
		wrong_page(index, block, kind == AXIS_PAGE_CODES);
	if (unlikely(list_id != 0 && tail->list_id != list_id))
		wrong_page(index, block, true);
	return buffer;
}

/*
 * Tells standbys that a page is about to be overwritten, so that scans of theirs are cancelled that may be on their way to it. The record
 * is btree's: it names the relation and a transaction id, nothing of btree, and is known to every server.
 */
static void
log_reuse(Relation index, BlockNumber block, FullTransactionId deleted_xid)
{
	xl_btree_reuse_page record = {
		.node = index->rd_node,
		.block = block,
		.latestRemovedFullXid = deleted_xid
	};

	if (!XLogStandbyInfoActive() || !RelationNeedsWAL(index))
		return;
	XLogBeginInsert();
	XLogRegisterData((char *) &record, SizeOfBtreeReusePage);
	XLogInsert(RM_BTREE_ID, XLOG_BTREE_REUSE_PAGE);
}

/* Whether a page, locked exclusively, may be overwritten; standbys know then. */
static bool
take_page(Relation index, Buffer buffer)
{
	Page		page = BufferGetPage(buffer);
	FullTransactionId deleted_xid;

	if (PageIsNew(page))
		return true;
	deleted_xid = FullTransactionIdFromU64(AxisPageTail(page)->deleted_xid);
	if (AxisPageTail(page)->kind != AXIS_PAGE_DELETED || !GlobalVisCheckRemovableFullXid(NULL, deleted_xid))
		return false;
	log_reuse(index, BufferGetBlockNumber(buffer), deleted_xid);
	return true;
}

/*
 * In the free space map, deleted pages have much free space if nobody can be on the way to them any more, and less while that is not
 * known. One of the latter is looked at when there are none of the former: they come free in batches, as transactions end.
 */
#define SPACE_FREE		(BLCKSZ - 1)
#define SPACE_DELETED	(BLCKSZ / 4)

void
pxd_axis_offer_page(Relation index, BlockNumber block, bool free)
{
	RecordPageWithFreeSpace(index, block, free ? SPACE_FREE : SPACE_DELETED);
}

/* A page with so much space according to the free space map, locked and ready to be overwritten; InvalidBuffer if there is none. */
static Buffer
find_free_page(Relation index, Size space, int tries)
{
	BlockNumber block;

	for (; tries > 0 && (block = GetPageWithFreeSpace(index, space)) != InvalidBlockNumber; tries--)
	{
		Buffer		buffer = ReadBuffer(index, block);
		bool		deleted = false;

		RecordPageWithFreeSpace(index, block, 0);
		/* the map is a hint: whoever holds the page or has taken it makes us look on */
		if (ConditionalLockBuffer(buffer))
		{
			if (take_page(index, buffer))
				return buffer;
			deleted = AxisPageTail(BufferGetPage(buffer))->kind == AXIS_PAGE_DELETED;
			LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		}
		ReleaseBuffer(buffer);
		if (deleted)
			pxd_axis_offer_page(index, block, false);
	}
	return InvalidBuffer;
}

Buffer
pxd_axis_new_buffer(Relation index)
{
	Buffer		buffer = find_free_page(index, SPACE_FREE / 2, INT_MAX);

	if (!BufferIsValid(buffer))
		buffer = find_free_page(index, SPACE_DELETED / 2, 1);
	if (BufferIsValid(buffer))
		return buffer;

	if (!RELATION_IS_LOCAL(index))
		LockRelationForExtension(index, ExclusiveLock);
	buffer = ReadBuffer(index, P_NEW);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	if (!RELATION_IS_LOCAL(index))
		UnlockRelationForExtension(index, ExclusiveLock);
	return buffer;
}

void
pxd_axis_read_meta(Relation index, AxisMeta *meta)
{
	Buffer		buffer = pxd_axis_read(index, AXIS_META_BLOCK, BUFFER_LOCK_SHARE, AXIS_PAGE_META, 0);

	memcpy(meta, AxisPageMeta(BufferGetPage(buffer)), sizeof(*meta));
	UnlockReleaseBuffer(buffer);
	if (meta->magic != AXIS_MAGIC || meta->version != AXIS_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" has version %u of its format, not %d", RelationGetRelationName(index),
						meta->magic == AXIS_MAGIC ? meta->version : 0, AXIS_VERSION),
				 errhint("REINDEX the index.")));
}
