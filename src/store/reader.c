/*
 * reader.c: access to the bytes of segments.
 *
 * Owns the backend's cache of opened segments: bounded, least recently used goes first. A cached segment is
 * identified by relfilenode, store id and segment number. The store id is read anew whenever a relation is
 * opened, and numbers are never reused, so an entry found is valid as long as a stub points to its segment.
 * Each page's tag is checked whenever it is pinned, its CRC the first time.
 *
 * Locks: none on segment pages, which do not change while their segment is live (I2); a pin is enough. The
 * cache survives an ERROR at any point: an entry is added when it is complete, and what it was made of is
 * freed if it never is.
 */
#include "postgres.h"

#include "access/table.h"
#include "lib/ilist.h"
#include "pgstat.h"
#include "storage/buf_internals.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "engine.h"
#include "store_internal.h"

/* Bound on the memory of cached readers, besides the one in use. */
#define READER_CACHE_BYTES	((Size) 64 * 1024 * 1024)

/* How much of the next page is fetched ahead. */
#define PREFETCH_BYTES		2048

typedef struct ReaderKey
{
	uint64		store_id;
	SegmentNumber segno;
	RelFileNode rnode;
	uint32		zero;			/* no padding in a hash key */
} ReaderKey;

typedef struct CachedReader
{
	SegmentReader pub;			/* must be first */
	ReaderKey	key;
	dlist_node	lru;
	MemoryContext context;		/* holds this struct, the header and the engine's state */
	Size		bytes;			/* of context, as last counted */
	bool		stale;			/* found not to match its pages: open anew at the next seek */
} CachedReader;

typedef struct ReaderSlot
{
	ReaderKey	key;
	CachedReader *reader;
} ReaderSlot;

/* 0 is no valid epoch, so that a SegmentAccess just initialised never matches. */
uint64		pxd_access_epoch = 1;

/*
 * The readers found last, by segment number: a fetch of rows in no order goes from segment to segment, and a look here is cheaper than one into the
 * table. Emptied whenever a reader goes.
 */
#define RECENT_READERS		256
static CachedReader *recent_readers[RECENT_READERS];

/* The store whose id was read last; see read_store_id. */
static struct
{
	uint64		epoch;			/* 0: none */
	Oid			relid;
	RelFileNode rnode;
	uint64		store_id;
}			known_store;

static HTAB *reader_table = NULL;
static MemoryContext reader_context = NULL;
static dlist_head reader_lru = DLIST_STATIC_INIT(reader_lru);
static Size reader_bytes = 0;

/* --- errors --- */

static void corrupt_at(const SegmentAccess *access, SegmentNumber segno, BlockNumber block,
					   const char *detail) pg_attribute_noreturn();

static void
corrupt_at(const SegmentAccess *access, SegmentNumber segno, BlockNumber block, const char *detail)
{
	const char *table = get_rel_name(access->table_oid);

	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("segment " UINT64_FORMAT " of table \"%s\" is corrupt at block %u: %s", segno,
					table != NULL ? table : RelationGetRelationName(access->store), block, detail),
			 errhint("Restore the table from a backup.")));
}

void
pxd_segment_corrupt(const SegmentAccess *access, uint64 offset, const char *detail)
{
	const SegmentReader *reader = access->reader;
	uint64		page = Min(reader->data_page + offset / STORE_DATA_SIZE, reader->pages - 1);

	corrupt_at(access, access->segno, reader->first_block + (BlockNumber) page, detail);
}

/* --- the cache --- */

/* The relation of an open access may have got another file: have every access look up its segment again. */
static void
relcache_callback(Datum arg, Oid relid)
{
	pxd_access_epoch++;
}

void
pxd_reader_reset(void)
{
	pxd_access_epoch++;
}

static void
init_cache(void)
{
	HASHCTL		ctl = {0};

	if (reader_context == NULL)
		reader_context = AllocSetContextCreate(TopMemoryContext, "proximadb segment readers",
											   ALLOCSET_DEFAULT_SIZES);
	ctl.keysize = sizeof(ReaderKey);
	ctl.entrysize = sizeof(ReaderSlot);
	ctl.hcxt = reader_context;
	reader_table = hash_create("proximadb segment readers", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(relcache_callback, (Datum) 0);
}

static void
drop_reader(CachedReader *reader)
{
	memset(recent_readers, 0, sizeof(recent_readers));
	hash_search(reader_table, &reader->key, HASH_REMOVE, NULL);
	dlist_delete(&reader->lru);
	reader_bytes -= reader->bytes;
	MemoryContextDelete(reader->context);
	pxd_access_epoch++;
}

/* Counts all readers' memory anew, as engines add to it. */
static void
count_bytes(void)
{
	dlist_iter	iter;

	reader_bytes = 0;
	dlist_foreach(iter, &reader_lru)
	{
		CachedReader *reader = dlist_container(CachedReader, lru, iter.cur);

		reader->bytes = MemoryContextMemAllocated(reader->context, true);
		reader_bytes += reader->bytes;
	}
}

/* Drops the readers used longest ago until the bound is kept; never the one used last. */
static void
shrink_cache(void)
{
	count_bytes();
	while (reader_bytes > READER_CACHE_BYTES && dlist_has_next(&reader_lru, dlist_head_node(&reader_lru)))
		drop_reader(dlist_tail_element(CachedReader, lru, &reader_lru));
}

static void
make_key(ReaderKey *key, const SegmentAccess *access, SegmentNumber segno)
{
	memset(key, 0, sizeof(*key));
	key->store_id = access->store_id;
	key->segno = segno;
	key->rnode = access->store->rd_node;
}

/* --- pages --- */

/* Checks the tag and, the first time, the CRC of the page just pinned. */
static void
verify_page(SegmentAccess *access, uint32 page_index, Buffer buffer)
{
	SegmentReader *reader = access->reader;
	Page		page = BufferGetPage(buffer);
	const PageTag *tag = StorePageTag(page);
	BlockNumber block = reader->first_block + page_index;

	if (unlikely(tag->address != store_address(access->segno, page_index) ||
				 tag->store_bits != (uint32) access->store_id ||
				 !store_page_has_form((PageHeader) page)))
	{
		/*
		 * Never believe this header again; the engine may still hold on to it, so it is freed at the next
		 * seek.
		 */
		((CachedReader *) reader)->stale = true;
		pxd_access_epoch++;
		corrupt_at(access, access->segno, block,
				   PageIsNew(page) ? "page is blank" : "page belongs to something else");
	}
	if (reader->verified[page_index] == buffer)
		return;
	if (unlikely(tag->crc != store_page_crc(page)))
		corrupt_at(access, access->segno, block, "checksum does not match");
	reader->verified[page_index] = buffer;
}

/*
 * Pins a page of the current segment. Most often it is where it was the last time, which a look at the buffer's header tells: that spares the
 * buffer table, whose entries are seldom in the processor's cache.
 */
static Buffer
read_page(SegmentAccess *access, uint32 page_index)
{
	BlockNumber block = access->reader->first_block + page_index;
	Buffer		recent = access->reader->verified[page_index];

	if (BufferIsValid(recent) && ReadRecentBuffer(access->store->rd_node, MAIN_FORKNUM, block, recent))
	{
		pgstat_count_buffer_read(access->store);
		pgstat_count_buffer_hit(access->store);
		return recent;
	}
	return ReadBuffer(access->store, block);
}

/* Pins page page_index of the current segment, in place of the one pinned before, and returns its data. */
static const char *
pin_page(SegmentAccess *access, uint32 page_index)
{
	SegmentReader *reader = access->reader;
	bool		in_order = false;
	Buffer		buffer;

	if (BufferIsValid(access->buffer) && access->buffer_segno == access->segno)
	{
		if (access->page == page_index)
			return StorePageData(BufferGetPage(access->buffer));
		in_order = access->page + 1 == page_index;
	}

	pxd_access_unpin(access);
	buffer = read_page(access, page_index);
	access->buffer = buffer;
	access->page = page_index;
	access->buffer_segno = InvalidSegmentNumber;
	verify_page(access, page_index, buffer);
	access->buffer_segno = access->segno;

	/* Scans go on with the next page: have its beginning at hand. If it is elsewhere by now, a few cache lines are wasted. */
	if (in_order && page_index + 1 < reader->pages && reader->verified[page_index + 1] > 0)
	{
		const char *next = StorePageData(BufferGetPage(reader->verified[page_index + 1]));

		for (int i = 0; i < PREFETCH_BYTES; i += CACHE_LINE_BYTES)
			__builtin_prefetch(next + i);
	}
	return StorePageData(BufferGetPage(buffer));
}

/* --- opening a segment --- */

/* Reads and checks the prefix, and completes the reader with what it says. */
static void
read_prefix(SegmentAccess *access, const DirectoryEntry *entry, SegmentPrefix *prefix)
{
	SegmentReader *reader = access->reader;
	uint64		capacity = (uint64) entry->pages * STORE_DATA_SIZE;

	memcpy(prefix, pin_page(access, 0), sizeof(*prefix));
	if (prefix->magic != SEGMENT_MAGIC)
		corrupt_at(access, access->segno, entry->first_block, "segment has no valid start");
	if (prefix->version != SEGMENT_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("segment " UINT64_FORMAT " of segment store \"%s\" has format version %u, but this version of proximadb reads version %u",
						access->segno, RelationGetRelationName(access->store), prefix->version,
						SEGMENT_VERSION)));
	if (prefix->engine != entry->engine || prefix->rows != entry->rows ||
		prefix->header_len > capacity || prefix->data_len > capacity ||
		prefix->data_page != (sizeof(*prefix) + prefix->header_len + STORE_DATA_SIZE - 1) / STORE_DATA_SIZE ||
		prefix->data_page + (prefix->data_len + STORE_DATA_SIZE - 1) / STORE_DATA_SIZE != entry->pages)
		corrupt_at(access, access->segno, entry->first_block,
				   "start of segment does not match the directory");

	reader->rows = prefix->rows;
	reader->data_page = prefix->data_page;
	reader->data_len = prefix->data_len;
}

/* The engine's header, copied to context. */
static char *
read_header(SegmentAccess *access, const SegmentPrefix *prefix, MemoryContext context)
{
	char	   *header = MemoryContextAllocHuge(context, prefix->header_len + 1);
	Size		done = 0;

	while (done < prefix->header_len)
	{
		Size		at = sizeof(*prefix) + done;
		Size		skip = at % STORE_DATA_SIZE;
		Size		chunk = Min(STORE_DATA_SIZE - skip, prefix->header_len - done);

		memcpy(header + done, pin_page(access, at / STORE_DATA_SIZE) + skip, chunk);
		done += chunk;
	}
	header[prefix->header_len] = '\0';
	return header;
}

/* Fills the reader, which is the access's current one already. */
static void
load_reader(SegmentAccess *access, CachedReader *reader, const DirectoryEntry *entry)
{
	SegmentPrefix prefix;
	const char *header;

	if (entry->pages == 0 || entry->pages > SEGMENT_MAX_PAGES ||
		(uint64) entry->first_block + entry->pages > RelationGetNumberOfBlocks(access->store))
		corrupt_at(access, access->segno, entry->first_block, "extent lies beyond the end of the file");

	reader->pub.first_block = entry->first_block;
	reader->pub.pages = entry->pages;
	reader->pub.verified = MemoryContextAllocExtended(reader->context, mul_size(entry->pages, sizeof(Buffer)),
													  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	read_prefix(access, entry, &prefix);
	header = read_header(access, &prefix, reader->context);

	reader->pub.engine = pxd_engine_by_id(entry->engine);
	if (reader->pub.engine == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("segment " UINT64_FORMAT " of segment store \"%s\" was written by storage engine %u, which this version of proximadb does not have",
						access->segno, RelationGetRelationName(access->store), entry->engine)));
	reader->pub.state = reader->pub.engine->open(access, header, prefix.header_len, reader->context);
}

static void
forget_segment(SegmentAccess *access)
{
	access->reader = NULL;
	access->segno = InvalidSegmentNumber;
	access->epoch = 0;
	access->span_len = 0;
}

/*
 * Opens the segment with this directory entry and adds it to the cache. The access has no current segment
 * on entry.
 */
static CachedReader *
open_reader(SegmentAccess *access, const ReaderKey *key, const DirectoryEntry *entry)
{
	MemoryContext context = AllocSetContextCreate(reader_context, "proximadb segment reader",
												  ALLOCSET_SMALL_SIZES);
	CachedReader *reader = MemoryContextAllocZero(context, sizeof(CachedReader));

	reader->key = *key;
	reader->context = context;

	/* from here on the engine may read through the access */
	access->reader = &reader->pub;
	access->segno = key->segno;
	access->epoch = pxd_access_epoch;

	PG_TRY();
	{
		ReaderSlot *slot;

		load_reader(access, reader, entry);
		slot = hash_search(reader_table, key, HASH_ENTER, NULL);
		slot->reader = reader;
	}
	PG_CATCH();
	{
		forget_segment(access);
		MemoryContextDelete(context);
		PG_RE_THROW();
	}
	PG_END_TRY();

	dlist_push_head(&reader_lru, &reader->lru);
	shrink_cache();
	return reader;
}

/* --- the access --- */

void
pxd_access_init(SegmentAccess *access)
{
	memset(access, 0, sizeof(*access));
	access->buffer = InvalidBuffer;
}

/*
 * The store's id, which may have changed if this backend emptied the store while it had it open. An id once read is good until the epoch changes: the file of a store
 * under a lock changes by this backend's doing only, and else not without an invalidation.
 */
static void
read_store_id(SegmentAccess *access)
{
	StoreMeta	meta;

	if (known_store.epoch != pxd_access_epoch || known_store.relid != RelationGetRelid(access->store) ||
		!RelFileNodeEquals(known_store.rnode, access->store->rd_node))
	{
		(void) pxd_meta_read(access->store, &meta);
		known_store.epoch = meta.store_id != 0 ? pxd_access_epoch : 0;
		known_store.relid = RelationGetRelid(access->store);
		known_store.rnode = access->store->rd_node;
		known_store.store_id = meta.store_id;
	}
	if (known_store.store_id != access->store_id)
		pxd_access_unpin(access);
	access->store_id = known_store.store_id;
}

void
pxd_access_open(SegmentAccess *access, Relation table)
{
	if (access->store != NULL)
	{
		Assert(access->table_oid == RelationGetRelid(table));
		return;
	}
	if (reader_table == NULL)
		init_cache();
	if (!OidIsValid(table->rd_rel->reltoastrelid))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("table \"%s\" has no segment store", RelationGetRelationName(table))));
	access->table_oid = RelationGetRelid(table);
	access->store = table_open(table->rd_rel->reltoastrelid, AccessShareLock);
	access->epoch = 0;			/* the store's id is read at the next seek */
}

void
pxd_access_unpin(SegmentAccess *access)
{
	Buffer		buffer = access->buffer;

	access->buffer = InvalidBuffer;
	access->span_len = 0;
	if (BufferIsValid(buffer))
		ReleaseBuffer(buffer);
}

void
pxd_access_close(SegmentAccess *access)
{
	Relation	store = access->store;

	pxd_access_unpin(access);
	forget_segment(access);
	access->store = NULL;
	access->store_id = 0;
	if (store != NULL)
		table_close(store, AccessShareLock);
}

/* The cached reader of segno, or NULL. */
static CachedReader *
find_reader(const SegmentAccess *access, SegmentNumber segno)
{
	CachedReader **recent = &recent_readers[segno % RECENT_READERS];
	ReaderKey	key;
	ReaderSlot *slot;

	if (*recent != NULL && (*recent)->key.segno == segno && (*recent)->key.store_id == access->store_id &&
		RelFileNodeEquals((*recent)->key.rnode, access->store->rd_node))
		return *recent;

	make_key(&key, access, segno);
	slot = hash_search(reader_table, &key, HASH_FIND, NULL);
	if (slot == NULL)
		return NULL;
	*recent = slot->reader;
	return slot->reader;
}

/* Makes a cached reader the current one, and the one used last. */
static void
use_reader(SegmentAccess *access, CachedReader *reader)
{
	dlist_move_head(&reader_lru, &reader->lru);
	access->reader = &reader->pub;
	access->segno = reader->key.segno;
	access->epoch = pxd_access_epoch;
}

bool
pxd_access_seek_cached(SegmentAccess *access, SegmentNumber segno)
{
	CachedReader *reader;
	bool		look_anew = access->epoch != pxd_access_epoch;

	if (access->segno == segno && !look_anew)
		return true;
	forget_segment(access);
	if (look_anew || access->store_id == 0)
		read_store_id(access);
	reader = find_reader(access, segno);
	if (reader == NULL || reader->stale)
		return false;
	use_reader(access, reader);
	return true;
}

bool
pxd_access_seek_slow(SegmentAccess *access, SegmentNumber segno)
{
	ReaderKey	key;
	CachedReader *reader;
	DirectoryEntry entry;

	Assert(access->store != NULL);
	if (segno == InvalidSegmentNumber)
	{
		forget_segment(access);
		return false;
	}
	if (pxd_access_seek_cached(access, segno))
		return true;

	reader = find_reader(access, segno);
	if (unlikely(reader != NULL))
		drop_reader(reader);	/* it is stale */
	if (!pxd_directory_get(access->store, segno, &entry) || entry.state != SEGMENT_LIVE)
		return false;
	make_key(&key, access, segno);
	use_reader(access, open_reader(access, &key, &entry));
	return true;
}

void
pxd_access_forget(SegmentAccess *access, SegmentNumber segno)
{
	ReaderKey	key;
	ReaderSlot *slot;

	forget_segment(access);
	known_store.epoch = 0;
	read_store_id(access);
	make_key(&key, access, segno);
	slot = hash_search(reader_table, &key, HASH_FIND, NULL);
	if (slot != NULL)
		drop_reader(slot->reader);
}

void
pxd_access_prefetch(SegmentAccess *access, uint64 offset, Size len)
{
	SegmentReader *reader = access->reader;
	uint64		end = Min(offset + len, reader->data_len);

	while (offset < end)
	{
		uint32		page_index = reader->data_page + (uint32) (offset / STORE_DATA_SIZE);
		Size		skip = offset % STORE_DATA_SIZE;
		Size		chunk = Min(STORE_DATA_SIZE - skip, end - offset);
		Buffer		buffer = reader->verified[page_index];

		if (buffer > 0)
		{
			const char *page = BufferGetPage(buffer);

			__builtin_prefetch(GetBufferDescriptor(buffer - 1));
			__builtin_prefetch(page);
			for (Size i = 0; i < Min(chunk, PREFETCH_BYTES); i += CACHE_LINE_BYTES)
				__builtin_prefetch(page + STORE_DATA_OFFSET + skip + i);
		}
		else if (effective_io_concurrency > 0)
			PrefetchBuffer(access->store, MAIN_FORKNUM, reader->first_block + page_index);
		offset += chunk;
	}
}

const char *
pxd_access_span_slow(SegmentAccess *access, uint64 offset, Size len, Size *avail)
{
	SegmentReader *reader = access->reader;
	uint64		page_start = offset - offset % STORE_DATA_SIZE;

	if (offset >= reader->data_len)
		pxd_segment_corrupt(access, offset, "segment ends before its data");

	access->span_len = 0;
	access->span = pin_page(access, reader->data_page + offset / STORE_DATA_SIZE);
	access->span_offset = page_start;
	access->span_len = Min(STORE_DATA_SIZE, reader->data_len - page_start);

	*avail = Min(len, access->span_len - (offset - page_start));
	return access->span + (offset - page_start);
}

void
pxd_access_read(SegmentAccess *access, uint64 offset, Size len, char *dst)
{
	while (len > 0)
	{
		Size		avail;
		const char *src = pxd_access_span(access, offset, len, &avail);

		memcpy(dst, src, avail);
		dst += avail;
		offset += avail;
		len -= avail;
	}
}
