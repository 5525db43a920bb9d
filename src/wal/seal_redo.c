/*
 * seal_redo.c: replacing tuples on a heap page by shorter ones: the SEAL record, applied and replayed.
 *
 * The bytes are opaque here: what makes a tuple a stub is the table AM's knowledge. Replay takes the cleanup lock that the
 * primary held, as its first and only lock (R11).
 */
#include "postgres.h"

#include "access/xlogutils.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/freespace.h"

#include "rmgr.h"

void
pxd_seal_replace(Page page, const char *data, Size len)
{
	const char *end = data + len;

	while (data < end)
	{
		SealedTuple entry;
		ItemId		lp;

		memcpy(&entry, data, sizeof(entry));
		data += sizeof(entry);
		lp = PageGetItemId(page, entry.offset);
		if (data + entry.len > end || !ItemIdIsNormal(lp) || ItemIdGetLength(lp) < entry.len)
			elog(PANIC, "sealed tuple does not fit its place");
		memcpy(PageGetItem(page, lp), data, entry.len);
		ItemIdSetNormal(lp, ItemIdGetOffset(lp), entry.len);
		data += entry.len;
	}
	PageRepairFragmentation(page);
}

void
pxd_wal_redo_seal(XLogReaderState *record)
{
	Buffer		buffer;
	RelFileNode rnode;
	BlockNumber block;
	Size		free_space = 0;
	XLogRedoAction action;

	XLogRecGetBlockTag(record, 0, &rnode, NULL, &block);
	action = XLogReadBufferForRedoExtended(record, 0, RBM_NORMAL, true, &buffer);
	if (action == BLK_NEEDS_REDO)
	{
		Page		page = BufferGetPage(buffer);
		Size		len;
		char	   *data = XLogRecGetBlockData(record, 0, &len);

		pxd_seal_replace(page, data, len);
		PageSetLSN(page, record->EndRecPtr);
		MarkBufferDirty(buffer);
	}
	if (BufferIsValid(buffer))
	{
		free_space = PageGetHeapFreeSpace(BufferGetPage(buffer));
		UnlockReleaseBuffer(buffer);
		XLogRecordPageWithFreeSpace(rnode, block, free_space);
	}
}

void
pxd_wal_desc_seal(StringInfo buf, XLogReaderState *record)
{
	int			tuples = 0;

	Size		len;
	char	   *data = XLogRecGetBlockData(record, 0, &len);	/* NULL if a page image made it superfluous */
	char	   *end = data + (data != NULL ? len : 0);

	while (data + sizeof(SealedTuple) <= end)
	{
		SealedTuple entry;

		memcpy(&entry, data, sizeof(entry));
		data += sizeof(entry) + entry.len;
		tuples++;
	}
	appendStringInfo(buf, "tuples %d", tuples);
}
