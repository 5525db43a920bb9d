/*
 * store_desc.c: the segment store's records in words, for pg_walinspect and error contexts.
 */
#include "postgres.h"

#include "rmgr.h"
#include "store.h"

static const char *
state_name(uint8 state)
{
	switch (state)
	{
		case SEGMENT_UNUSED:
			return "unused";
		case SEGMENT_BUILDING:
			return "building";
		case SEGMENT_LIVE:
			return "live";
		case SEGMENT_FREE:
			return "free";
		default:
			return "invalid";
	}
}

/* RESERVE and ENTRY. */
void
pxd_wal_desc_entry(StringInfo buf, XLogReaderState *record)
{
	xl_pxd_entry entry;

	memcpy(&entry, XLogRecGetData(record), sizeof(entry));
	appendStringInfo(buf, "segment " UINT64_FORMAT, entry.segno);
	if ((XLogRecGetInfo(record) & XLOG_PXD_OPMASK) == XLOG_PXD_RESERVE)
		return;
	appendStringInfo(buf, " %s; first block %u; pages %u", state_name(entry.state), entry.first_block,
					 entry.pages);
	if (entry.nentries > 1)
		appendStringInfo(buf, "; and %d more", entry.nentries - 1);
}

void
pxd_wal_desc_grow(StringInfo buf, XLogReaderState *record)
{
	xl_pxd_grow grow;

	memcpy(&grow, XLogRecGetData(record), sizeof(grow));
	appendStringInfo(buf, "directory page " UINT64_FORMAT " at block %u; map page at block %u%s", grow.dirno,
					 grow.dir_block, grow.map_block, grow.new_map ? " (new)" : "");
}

void
pxd_wal_desc_format(StringInfo buf, XLogReaderState *record)
{
	xl_pxd_format format;

	memcpy(&format, XLogRecGetData(record), sizeof(format));
	appendStringInfo(buf, "segment " UINT64_FORMAT " pages from %u; count %u",
					 (uint64) (format.address >> PAGE_INDEX_BITS),
					 (uint32) (format.address & PAGE_INDEX_MASK), format.nblocks);
}

void
pxd_wal_desc_link(StringInfo buf, XLogReaderState *record)
{
	xl_pxd_link link;

	memcpy(&link, XLogRecGetData(record), sizeof(link));
	appendStringInfo(buf, "%s page " UINT64_FORMAT " now at block %u", link.is_map ? "map" : "directory", link.number, link.block);
}
