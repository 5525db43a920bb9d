/*
 * sweep.c: finds pages of an axis index that can be used again, and pages that have been left over.
 *
 * A crash or an error leaves pages that nothing points to: of new lists whose directory entry was never written, of old ones that
 * were not marked deleted, blank ones at the end of the file. They are found by marking all that can be reached from the
 * directory, and looking at the rest.
 *
 * Runs under the structure lock, so that chains change only in one way: an insert links a fresh page behind a list's
 * head. Such a page may look as if it was left over; its list is then walked once more. Page locks are shared, one
 * at a time, but for a page that is marked deleted.
 */
#include "postgres.h"

#include "access/generic_xlog.h"
#include "access/transam.h"
#include "commands/vacuum.h"
#include "storage/indexfsm.h"
#include "storage/lmgr.h"

#include "axis_rewrite.h"

typedef struct Sweep
{
	Relation	index;
	const AxisDirectory *directory;
	BlockNumber blocks;			/* of the index when it began */
	uint8	   *marked;			/* a bit for each of them */
	SweepResult *result;
} Sweep;

static inline bool
is_marked(const Sweep *sweep, BlockNumber block)
{
	return (sweep->marked[block / 8] & (1 << block % 8)) != 0;
}

/* Marks the pages of a chain that begins at block. */
static void
mark_chain(Sweep *sweep, BlockNumber block, int kind, uint32 list_id)
{
	while (block != InvalidBlockNumber)
	{
		Buffer		buffer;

		vacuum_delay_point();
		buffer = pxd_axis_read(sweep->index, block, BUFFER_LOCK_SHARE, kind, list_id);
		if (block < sweep->blocks)
			sweep->marked[block / 8] |= 1 << block % 8;
		block = AxisPageTail(BufferGetPage(buffer))->next;
		UnlockReleaseBuffer(buffer);
	}
}

/* Head of a list, InvalidBlockNumber if there is no such list. */
static BlockNumber
head_of(const AxisDirectory *directory, uint32 list_id)
{
	if (list_id == directory->nulls_id)
		return directory->nulls_head;
	for (int i = 0; i < directory->lists; i++)
		if (directory->list_id[i] == list_id)
			return directory->head[i];
	return InvalidBlockNumber;
}

/* Deletes a page of codes unless it belongs to a list by now. Returns whether it did. */
static bool
delete_left_over(Sweep *sweep, BlockNumber block, uint32 list_id)
{
	BlockNumber head = head_of(sweep->directory, list_id);
	GenericXLogState *state;
	AxisTail   *tail;
	Buffer		buffer;

	if (head != InvalidBlockNumber)
	{
		mark_chain(sweep, head, AXIS_PAGE_CODES, list_id);
		if (is_marked(sweep, block))
			return false;
	}
	buffer = pxd_axis_read(sweep->index, block, BUFFER_LOCK_EXCLUSIVE, AXIS_PAGE_CODES, list_id);
	state = GenericXLogStart(sweep->index);
	tail = AxisPageTail(GenericXLogRegisterBuffer(state, buffer, 0));
	tail->kind = AXIS_PAGE_DELETED;
	tail->deleted_xid = pxd_axis_deletion_xid();
	GenericXLogFinish(state);
	UnlockReleaseBuffer(buffer);
	return true;
}

/* Looks at a page that cannot be reached. */
static void
sweep_page(Sweep *sweep, BlockNumber block)
{
	Buffer		buffer = ReadBuffer(sweep->index, block);
	Page		page = BufferGetPage(buffer);
	AxisTail	tail = {0};

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	/* a blank page: whoever extended the file never came to use it */
	if (PageIsNew(page))
		tail.kind = AXIS_PAGE_DELETED;
	else if (PageGetSpecialSize(page) >= sizeof(AxisTail))
		memcpy(&tail, AxisPageTail(page), sizeof(tail));
	UnlockReleaseBuffer(buffer);

	if (tail.kind == AXIS_PAGE_CODES && delete_left_over(sweep, block, tail.list_id))
		sweep->result->deleted++;
	else if (tail.kind == AXIS_PAGE_DELETED)
	{
		bool		free = GlobalVisCheckRemovableFullXid(NULL, FullTransactionIdFromU64(tail.deleted_xid));

		pxd_axis_offer_page(sweep->index, block, free);
		sweep->result->deleted++;
		sweep->result->free += free;
	}
}

void
pxd_axis_sweep(Relation index, const AxisDirectory *directory, SweepResult *result)
{
	Sweep		sweep = {.index = index,.directory = directory,.result = result};

	/* with the lock, a blank page below the end is not just being used (as in nbtree) */
	if (!RELATION_IS_LOCAL(index))
		LockRelationForExtension(index, ExclusiveLock);
	sweep.blocks = RelationGetNumberOfBlocks(index);
	if (!RELATION_IS_LOCAL(index))
		UnlockRelationForExtension(index, ExclusiveLock);

	MemSet(result, 0, sizeof(*result));
	result->pages = sweep.blocks;
	sweep.marked = palloc0(sweep.blocks / 8 + 1);
	mark_chain(&sweep, AXIS_DIRECTORY_BLOCK, AXIS_PAGE_DIRECTORY, 0);
	mark_chain(&sweep, directory->nulls_head, AXIS_PAGE_CODES, directory->nulls_id);
	for (int i = 0; i < directory->lists; i++)
		mark_chain(&sweep, directory->head[i], AXIS_PAGE_CODES, directory->list_id[i]);
	for (BlockNumber block = AXIS_META_BLOCK + 1; block < sweep.blocks; block++)
		if (!is_marked(&sweep, block))
		{
			vacuum_delay_point();
			sweep_page(&sweep, block);
		}
	if (result->deleted > 0)
		IndexFreeSpaceMapVacuum(index);
	pfree(sweep.marked);
}
