/*
 * metapage.c: the store's first block: its birth, its checks, its counters.
 *
 * The metapage is written outside shared buffers only when the file is new (R7); ever after it is changed
 * under its exclusive lock by directory.c, in records of our own.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/visibilitymap.h"
#include "access/xlog.h"
#include "access/xloginsert.h"
#include "catalog/pg_class.h"
#include "catalog/storage.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/smgr.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "store_internal.h"

/* Fills an empty metapage with a store id nobody had before. */
static void
init_metapage(Page page)
{
	MetaPageData *data = (MetaPageData *) StorePageData(page);
	uint64		store_id;

	if (!pg_strong_random(&store_id, sizeof(store_id)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random store id")));

	store_page_init(page, store_address(0, PAGE_KIND_META), (uint32) store_id);
	data->magic = STORE_MAGIC;
	data->version = STORE_VERSION;
	data->store_id = store_id;
	data->counters.next_segno = 1;
	data->counters.first_used = 1;
	store_page_set_crc(page);
}

/*
 * Write first, log then: a checkpoint that starts after the record was made knows of the pending fsync, one
 * that starts before replays the record.
 */
void
pxd_store_create(RelFileNode rnode, ForkNumber fork, char persistence)
{
	PGAlignedBlock block;
	Page		page = (Page) block.data;
	BackendId	backend = persistence == RELPERSISTENCE_TEMP ?
		BackendIdForTempRelations() : InvalidBackendId;
	SMgrRelation reln = smgropen(rnode, backend);

	init_metapage(page);
	PageSetChecksumInplace(page, STORE_METAPAGE_BLOCK);
	smgrextend(reln, fork, STORE_METAPAGE_BLOCK, block.data, false);

	if (fork == INIT_FORKNUM)
	{
		/* always, so that recovery can put it back after replaying the making of a database or tablespace */
		log_newpage(&rnode, fork, STORE_METAPAGE_BLOCK, page, true);
		smgrimmedsync(reln, fork);
	}
	else if (persistence == RELPERSISTENCE_PERMANENT && XLogIsNeeded())
		log_newpage(&rnode, fork, STORE_METAPAGE_BLOCK, page, true);

	smgrclose(reln);
}

void
pxd_store_recreate(Relation store)
{
	PGAlignedBlock block;
	Buffer		buffer;

	init_metapage((Page) block.data);

	/* whatever this backend has cached of the old contents is void, although the file is the same */
	pxd_reader_reset();

	LockRelationForExtension(store, ExclusiveLock);
	buffer = ReadBufferExtended(store, MAIN_FORKNUM, P_NEW, RBM_ZERO_AND_LOCK, NULL);
	UnlockRelationForExtension(store, ExclusiveLock);
	if (BufferGetBlockNumber(buffer) != STORE_METAPAGE_BLOCK)
		elog(ERROR, "segment store \"%s\" is not empty", RelationGetRelationName(store));

	START_CRIT_SECTION();
	memcpy(BufferGetPage(buffer), block.data, BLCKSZ);
	MarkBufferDirty(buffer);
	if (RelationNeedsWAL(store))
		log_newpage_buffer(buffer, true);
	END_CRIT_SECTION();
	UnlockReleaseBuffer(buffer);
}

Oid
pxd_store_table(Relation store)
{
	Oid			table;
	HeapTuple	tuple;
	bool		found;

	if (sscanf(RelationGetRelationName(store), "pg_toast_%u", &table) != 1)
		return InvalidOid;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	found = ((Form_pg_class) GETSTRUCT(tuple))->reltoastrelid == RelationGetRelid(store);
	ReleaseSysCache(tuple);
	return found ? table : InvalidOid;
}

/* What to call the store in messages: "of table ..." where its table can be found. Looks at the system catalogs. */
static const char *
describe_store(Relation store)
{
	Oid			table = pxd_store_table(store);
	char	   *name = OidIsValid(table) ? get_rel_name(table) : NULL;

	return name != NULL ? psprintf("of table \"%s\"", name) : psprintf("\"%s\"", RelationGetRelationName(store));
}

void
pxd_store_corrupt(Relation store, BlockNumber block, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("segment store %s is corrupt at block %u", describe_store(store), block),
			 errdetail("%s", detail),
			 errhint("Restore the table from a backup.")));
}

void
pxd_page_check_crc(Relation store, Buffer buffer)
{
	Page		page = BufferGetPage(buffer);

	if (unlikely(StorePageTag(page)->crc != store_page_crc(page)))
		pxd_store_corrupt(store, BufferGetBlockNumber(buffer), "The checksum of a page of the directory does not match.");
}

void
pxd_page_check(Relation store, Buffer buffer, uint64 address, uint32 store_bits)
{
	Page		page = BufferGetPage(buffer);
	const PageTag *tag = StorePageTag(page);

	if (likely(store_page_has_form((PageHeader) page) &&
			   tag->address == address && tag->store_bits == store_bits))
		return;
	pxd_store_corrupt(store, BufferGetBlockNumber(buffer), "The page is not the directory page that its place calls for.");
}

Buffer
pxd_meta_pin(Relation store)
{
	Buffer		buffer;
	Page		page;
	const MetaPageData *data;

	if (RelationGetNumberOfBlocks(store) == 0)
		return InvalidBuffer;

	buffer = ReadBuffer(store, STORE_METAPAGE_BLOCK);
	page = BufferGetPage(buffer);
	data = meta_page_data(buffer);

	/* These fields never change while the relation is open, so no lock is needed. */
	if (!store_page_has_form((PageHeader) page) || data->magic != STORE_MAGIC)
		pxd_store_corrupt(store, STORE_METAPAGE_BLOCK, "The page is not a metapage.");
	if (data->version != STORE_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("segment store %s has format version %u, but this version of proximadb reads version %u",
						describe_store(store), data->version, STORE_VERSION)));
	pxd_page_check(store, buffer, store_address(0, PAGE_KIND_META), (uint32) data->store_id);
	return buffer;
}

bool
pxd_meta_read(Relation store, StoreMeta *meta)
{
	Buffer		buffer = pxd_meta_pin(store);

	if (!BufferIsValid(buffer))
	{
		memset(meta, 0, sizeof(*meta));
		return false;
	}
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	pxd_page_check_crc(store, buffer);
	meta->store_id = meta_page_data(buffer)->store_id;
	meta->counters = meta_page_data(buffer)->counters;
	UnlockReleaseBuffer(buffer);
	return true;
}

void
pxd_page_set_visible(Relation store, Buffer buffer, Buffer vmbuffer)
{
	visibilitymap_set(store, BufferGetBlockNumber(buffer), buffer, InvalidXLogRecPtr, vmbuffer,
					  InvalidTransactionId, VISIBILITYMAP_ALL_VISIBLE | VISIBILITYMAP_ALL_FROZEN);
}

void
pxd_store_totals(Relation store, uint64 *live_segments, uint64 *live_rows, uint64 *live_pages)
{
	StoreMeta	meta;

	(void) pxd_meta_read(store, &meta);
	*live_segments = meta.counters.live_segments;
	*live_rows = meta.counters.live_rows;
	*live_pages = meta.counters.live_pages;
}

void
pxd_store_written(Relation store, uint64 *flushed_pages, uint64 *moved_pages)
{
	StoreMeta	meta;

	(void) pxd_meta_read(store, &meta);
	*flushed_pages = meta.counters.flushed_pages;
	*moved_pages = meta.counters.moved_pages;
}

uint64
pxd_store_free_pages(Relation store)
{
	StoreMeta	meta;

	(void) pxd_meta_read(store, &meta);
	return meta.counters.free_pages;
}
