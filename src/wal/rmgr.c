/*
 * rmgr.c: the resource manager's registration and dispatch.
 *
 * One table lists all kinds of records; the server's callbacks look up the kind and pass the record on.
 */
#include "postgres.h"

#include "access/heapam_xlog.h"
#include "access/xlog_internal.h"

#include "rmgr.h"

typedef struct RecordKind
{
	const char *name;
	void		(*redo) (XLogReaderState *record);
	void		(*desc) (StringInfo buf, XLogReaderState *record);
} RecordKind;

/* Indexed by the high four bits of xl_info. */
static const RecordKind record_kinds[16] = {
	[XLOG_PXD_RESERVE >> 4] = {"RESERVE", pxd_wal_redo_counters, pxd_wal_desc_entry},
	[XLOG_PXD_GROW >> 4] = {"GROW", pxd_wal_redo_grow, pxd_wal_desc_grow},
	[XLOG_PXD_ENTRY >> 4] = {"ENTRY", pxd_wal_redo_counters, pxd_wal_desc_entry},
	[XLOG_PXD_FORMAT >> 4] = {"FORMAT", pxd_wal_redo_format, pxd_wal_desc_format},
	[XLOG_PXD_SEAL >> 4] = {"SEAL", pxd_wal_redo_seal, pxd_wal_desc_seal},
	[XLOG_PXD_LINK >> 4] = {"LINK", pxd_wal_redo_link, pxd_wal_desc_link},
};

static const RecordKind *
record_kind(uint8 info)
{
	return &record_kinds[(info & XLOG_PXD_OPMASK) >> 4];
}

static void
rmgr_redo(XLogReaderState *record)
{
	uint8		info = XLogRecGetInfo(record);
	const RecordKind *kind = record_kind(info);

	if (kind->redo == NULL)
		elog(PANIC, "unknown proximadb record kind 0x%02X", info & XLOG_PXD_OPMASK);
	kind->redo(record);
}

static void
rmgr_desc(StringInfo buf, XLogReaderState *record)
{
	const RecordKind *kind = record_kind(XLogRecGetInfo(record));

	if (kind->desc != NULL)
		kind->desc(buf, record);
}

static const char *
rmgr_identify(uint8 info)
{
	return record_kind(info)->name;
}

/*
 * Hides what may differ between primary and standby from wal_consistency_checking. heap_mask does for all
 * our pages: those of the store have no line pointers and no hole, the others are heap pages.
 */
static void
rmgr_mask(char *page, BlockNumber block)
{
	heap_mask(page, block);
}

void
pxd_wal_register(void)
{
	static RmgrData methods = {
		.rm_name = PXD_RMGR_NAME,
		.rm_redo = rmgr_redo,
		.rm_desc = rmgr_desc,
		.rm_identify = rmgr_identify,
		.rm_mask = rmgr_mask
	};

	RegisterCustomRmgr(PXD_RMGR_ID, &methods);
}
