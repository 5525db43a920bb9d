/*
 * verify_store.c: proximadb.verify's part for the store: metapage, directory, extents, pages.
 *
 * Works beside writers, vacuum and truncation with AccessShare alone, so what it sees changes under it. Three rules keep it from
 * false alarms. The directory is copied in one piece, under the metapage's shared lock, which holds off all its writers
 * (they hold it exclusively). A page that does not fit its extent is a fault only if the directory, looked at
 * again afterwards, still has that extent: entries change before pages are overwritten. And the file cannot get
 * shorter, because truncating takes AccessExclusive on the store.
 *
 * Locks: metapage shared while the directory pages are copied (they have been read once before, so this is a copy
 * in memory); else one page at a time, shared. No WAL.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "storage/lock.h"

#include "engine.h"
#include "stub.h"
#include "store_internal.h"
#include "verify.h"

typedef struct StoreExtent
{
	SegmentNumber segno;
	DirectoryEntry entry;
	bool		sane;			/* its range may be used */
	bool		damaged;
} StoreExtent;

/* The directory at one moment. */
typedef struct DirectoryImage
{
	StoreCounters counters;
	bool		complete;		/* false: some pages could not be read */
	int			count;
	int			capacity;
	StoreExtent *extents;		/* all entries that are not UNUSED; by number, later by block */
	int			nown;
	int			own_capacity;
	BlockNumber *own;			/* map, directory and cover pages */
} DirectoryImage;

/* The whole check; step functions go on from the cursors when an earlier step has failed. */
typedef struct StoreWalk
{
	Relation	table;
	Relation	store;
	FaultReport *report;
	BufferAccessStrategy strategy;
	StoreMeta	meta;
	BlockNumber nblocks;
	DirectoryImage *image;
	Bitmapset  *bad_pages;		/* directory pages found unreadable */
	uint64		missing_from;	/* the first one found missing */
	uint64		dirno;			/* cursor of read_directory */
	int			extent;			/* cursors of check_extent_pages */
	uint32		page;
	BlockNumber block;			/* cursor of look_for_orphans */
	int			norphans;
	int			orphan_capacity;
	BlockNumber *orphans;
} StoreWalk;

/* --- the directory --- */

static void
read_meta(void *arg)
{
	StoreWalk  *walk = arg;

	(void) pxd_meta_read(walk->store, &walk->meta);
}

/* Number of directory pages that must be there, up to the first one that is not. */
static uint64
directory_pages(const StoreWalk *walk, const StoreCounters *counters)
{
	return counters->next_segno > 1 ?
		Min(directory_page_of(counters->next_segno - 1) + 1, walk->missing_from) : 0;
}

/* The directory page at the cursor cannot be read. */
static void
bad_directory_page(StoreWalk *walk, const char *detail)
{
	pxd_fault_add(walk->report, FAULT_DIRECTORY, InvalidSegmentNumber, InvalidBlockNumber, NULL,
				  psprintf("entries of segments " UINT64_FORMAT " to " UINT64_FORMAT ": %s",
						   walk->dirno * DIRECTORY_ENTRIES, (walk->dirno + 1) * DIRECTORY_ENTRIES - 1, detail));
	walk->bad_pages = bms_add_member(walk->bad_pages, (int) walk->dirno);
}

/*
 * Reads every directory page once: finds those that cannot be read, and brings the others into memory. They are made one
 * after the other, so none comes after one that is missing; rather is the number of segments wrong.
 */
static void
read_directory(void *arg)
{
	StoreWalk  *walk = arg;
	DirectoryEntry entries[DIRECTORY_ENTRIES];

	for (; walk->dirno < directory_pages(walk, &walk->meta.counters); walk->dirno++)
	{
		CHECK_FOR_INTERRUPTS();
		if (pxd_directory_copy(walk->store, walk->dirno, entries))
			continue;
		walk->missing_from = walk->dirno;
		pxd_fault_add(walk->report, FAULT_DIRECTORY, InvalidSegmentNumber, InvalidBlockNumber, NULL,
					  psprintf("there are no entries of segments from " UINT64_FORMAT " on, but numbers up to " UINT64_FORMAT " are reserved",
							   walk->dirno * DIRECTORY_ENTRIES, walk->meta.counters.next_segno - 1));
	}
}

static void
remember_own(DirectoryImage *image, BlockNumber block)
{
	if (image->nown == image->own_capacity)
	{
		image->own_capacity = Max(64, image->own_capacity * 2);
		image->own = image->own == NULL ? palloc(image->own_capacity * sizeof(BlockNumber)) :
			repalloc_huge(image->own, image->own_capacity * sizeof(BlockNumber));
	}
	image->own[image->nown++] = block;
}

/* Notes the blocks of map, directory and cover pages. The metapage is locked shared. */
static void
copy_own_blocks(StoreWalk *walk, Buffer meta)
{
	DirectoryImage *image = walk->image;
	const MetaPageData *metadata = meta_page_data(meta);
	BlockNumber *cover = palloc(sizeof(BlockNumber) * (COVER_PAGES + 1));
	int			ncover = pxd_covered_blocks(walk->store, meta, cover);

	remember_own(image, STORE_METAPAGE_BLOCK);
	for (uint32 mapno = 0; mapno < Min(metadata->nmaps, METAPAGE_MAPS); mapno++)
	{
		Buffer		buffer;
		MapPageData *map;

		if (metadata->maps[mapno] == 0)
			continue;
		remember_own(image, metadata->maps[mapno]);
		buffer = ReadBuffer(walk->store, metadata->maps[mapno]);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		map = (MapPageData *) StorePageData(BufferGetPage(buffer));
		for (int i = 0; i < MAP_ENTRIES; i++)
			if (map->blocks[i] != 0)
				remember_own(image, map->blocks[i]);
		UnlockReleaseBuffer(buffer);
	}
	for (int i = 0; i < ncover; i++)
		remember_own(image, cover[i]);
	pfree(cover);
}

/* Adds the entries of one directory page that are in use, also those beyond the numbers reserved. */
static void
copy_entries(DirectoryImage *image, uint64 dirno, const DirectoryEntry *entries)
{
	for (int i = 0; i < DIRECTORY_ENTRIES; i++)
	{
		StoreExtent *extent;

		if (entries[i].state == SEGMENT_UNUSED)
			continue;
		if (image->count == image->capacity)
		{
			image->capacity = Max(64, image->capacity * 2);
			image->extents = image->extents == NULL ? palloc(image->capacity * sizeof(StoreExtent)) :
				repalloc_huge(image->extents, image->capacity * sizeof(StoreExtent));
		}
		extent = &image->extents[image->count++];
		memset(extent, 0, sizeof(*extent));
		extent->segno = dirno * DIRECTORY_ENTRIES + i;
		extent->entry = entries[i];
	}
}

/* Copies the directory as it is at one moment. */
static void
copy_directory(void *arg)
{
	StoreWalk  *walk = arg;
	DirectoryImage *image = walk->image;
	Buffer		meta = pxd_meta_pin(walk->store);
	uint64		npages;

	if (!BufferIsValid(meta))
		return;
	LockBuffer(meta, BUFFER_LOCK_SHARE);
	image->counters = meta_page_data(meta)->counters;
	npages = directory_pages(walk, &image->counters);
	image->complete = walk->missing_from == PG_UINT64_MAX;
	copy_own_blocks(walk, meta);
	for (uint64 dirno = 0; dirno < npages; dirno++)
	{
		DirectoryEntry entries[DIRECTORY_ENTRIES];

		if (!bms_is_member((int) dirno, walk->bad_pages) && pxd_directory_copy(walk->store, dirno, entries))
			copy_entries(image, dirno, entries);
		else
			image->complete = false;
	}
	UnlockReleaseBuffer(meta);
}

static DirectoryImage *
take_directory(StoreWalk *walk)
{
	DirectoryImage *image = palloc0(sizeof(DirectoryImage));
	char	   *damage;

	image->complete = true;
	walk->image = image;
	damage = pxd_verify_guard(copy_directory, walk);
	if (damage != NULL)
	{
		pxd_fault_add(walk->report, FAULT_DIRECTORY, InvalidSegmentNumber, InvalidBlockNumber, NULL, damage);
		image->complete = false;
	}
	return image;
}

/* --- entries, counters, extents --- */

/* What is wrong with an entry by itself, or NULL. */
static const char *
entry_problem(const StoreExtent *extent, const StoreCounters *counters)
{
	const DirectoryEntry *entry = &extent->entry;

	if (extent->segno == InvalidSegmentNumber || extent->segno >= counters->next_segno)
		return "a number never reserved is in use";
	if (extent->segno < counters->first_used)
		return "a number below the first one used is in use";
	if (entry->state > SEGMENT_FREE)
		return psprintf("state %u is none", entry->state);
	if (entry->pages == 0 || entry->first_block == STORE_METAPAGE_BLOCK)
		return "the entry has no extent";
	if (entry->state == SEGMENT_FREE)
		return NULL;
	if (entry->pages > SEGMENT_MAX_PAGES)
		return psprintf("%u pages are more than a segment can have", entry->pages);
	if (entry->rows == 0 || entry->rows > LOCATOR_POSITION_MAX + 1)
		return psprintf("%u is no possible number of rows", entry->rows);
	if (pxd_engine_by_id(entry->engine) == NULL)
		return psprintf("storage engine %u is unknown", entry->engine);
	return NULL;
}

/*
 * Live and free extents are in the file. One being built need not be (it is claimed before the file is extended, and a crash
 * leaves the claim), unless it was made of free space.
 */
static bool
must_be_there(const DirectoryEntry *entry)
{
	return entry->state == SEGMENT_LIVE || entry->state == SEGMENT_FREE ||
		(entry->state == SEGMENT_BUILDING && (entry->flags & ENTRY_REUSED) != 0);
}

static void
check_entries(StoreWalk *walk)
{
	DirectoryImage *image = walk->image;

	for (int i = 0; i < image->count; i++)
	{
		StoreExtent *extent = &image->extents[i];
		const DirectoryEntry *entry = &extent->entry;
		const char *problem = entry_problem(extent, &image->counters);

		if (problem != NULL)
			pxd_fault_add(walk->report, FAULT_DIRECTORY, extent->segno, InvalidBlockNumber, NULL, problem);
		else if (must_be_there(entry) && (uint64) entry->first_block + entry->pages > walk->nblocks)
			pxd_fault_add(walk->report, FAULT_EXTENT, extent->segno, entry->first_block, NULL,
						  psprintf("%u pages from block %u on lie beyond the end of the file at block %u",
								   entry->pages, entry->first_block, walk->nblocks));
		else
			extent->sane = true;
		if (!extent->sane)
			extent->damaged = true;
	}
}

static void
check_counter(StoreWalk *walk, const char *name, uint64 stored, uint64 counted)
{
	if (stored != counted)
		pxd_fault_add(walk->report, FAULT_METAPAGE, InvalidSegmentNumber, STORE_METAPAGE_BLOCK, NULL,
					  psprintf("the metapage counts " UINT64_FORMAT " %s, the directory has " UINT64_FORMAT,
							   stored, name, counted));
}

static void
check_counters(StoreWalk *walk)
{
	const DirectoryImage *image = walk->image;
	uint64		segments = 0,
				rows = 0,
				pages = 0,
				free_pages = 0;

	for (int i = 0; i < image->count; i++)
	{
		const DirectoryEntry *entry = &image->extents[i].entry;

		if (entry->state == SEGMENT_FREE)
			free_pages += entry->pages;
		else if (entry->state == SEGMENT_LIVE)
		{
			segments++;
			rows += entry->rows;
			pages += entry->pages;
		}
	}
	check_counter(walk, "live segments", image->counters.live_segments, segments);
	check_counter(walk, "rows of live segments", image->counters.live_rows, rows);
	check_counter(walk, "pages of live segments", image->counters.live_pages, pages);
	check_counter(walk, "free pages", image->counters.free_pages, free_pages);
}

static int
compare_extents(const void *a, const void *b)
{
	const StoreExtent *left = a;
	const StoreExtent *right = b;

	if (left->entry.first_block != right->entry.first_block)
		return left->entry.first_block < right->entry.first_block ? -1 : 1;
	return left->segno < right->segno ? -1 : 1;
}

static int
compare_blocks(const void *a, const void *b)
{
	BlockNumber left = *(const BlockNumber *) a;
	BlockNumber right = *(const BlockNumber *) b;

	return left < right ? -1 : left > right;
}

/* No two extents share a block, none holds a map or directory page. Extents and own blocks are sorted by block. */
static void
check_overlaps(StoreWalk *walk)
{
	DirectoryImage *image = walk->image;
	const StoreExtent *highest = NULL;	/* the one that reaches furthest so far */
	uint64		end = 0;
	int			own = 0;

	for (int i = 0; i < image->count; i++)
	{
		StoreExtent *extent = &image->extents[i];
		uint64		first = extent->entry.first_block;
		uint64		after = first + extent->entry.pages;

		if (!extent->sane || !must_be_there(&extent->entry))
			continue;
		if (first < end)
			pxd_fault_add(walk->report, FAULT_EXTENT, extent->segno, (BlockNumber) first, NULL,
						  psprintf("the extent overlaps that of segment " UINT64_FORMAT, highest->segno));
		while (own < image->nown && image->own[own] < first)
			own++;
		if (own < image->nown && image->own[own] < after)
			pxd_fault_add(walk->report, FAULT_EXTENT, extent->segno, image->own[own], NULL,
						  "the extent overlaps a page of the directory");
		if (after > end)
		{
			end = after;
			highest = extent;
		}
	}
}

/* --- pages --- */

/*
 * What is wrong with the page at index of an extent, or NULL. A live segment's page has its tag and CRC; free pages may carry
 * the tag of any segment of this store.
 */
static const char *
page_problem(StoreWalk *walk, const StoreExtent *extent, uint32 index)
{
	Buffer		buffer = ReadBufferExtended(walk->store, MAIN_FORKNUM, extent->entry.first_block + index,
											RBM_NORMAL, walk->strategy);
	Page		page = BufferGetPage(buffer);
	const PageTag *tag = StorePageTag(page);
	const char *problem = NULL;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	if (PageIsNew(page))
		problem = "page is blank";
	else if (!store_page_has_form((PageHeader) page))
		problem = "page is not one of the segment store";
	else if (tag->store_bits != (uint32) walk->meta.store_id)
		problem = "page belongs to another store";
	else if (extent->entry.state == SEGMENT_LIVE && tag->address != store_address(extent->segno, index))
		problem = psprintf("page says it is page %u of segment " UINT64_FORMAT,
						   (uint32) (tag->address & PAGE_INDEX_MASK), tag->address >> PAGE_INDEX_BITS);
	else if (extent->entry.state == SEGMENT_LIVE && tag->crc != store_page_crc(page))
		problem = "checksum does not match";
	else if (extent->entry.state == SEGMENT_FREE && (tag->address & PAGE_INDEX_MASK) >= SEGMENT_MAX_PAGES)
		problem = "free page is a page of the directory";
	UnlockReleaseBuffer(buffer);
	return problem;
}

/* True if the directory still has this extent as it was. Raises on damage, like all its readers. */
static bool
extent_unchanged(StoreWalk *walk, const StoreExtent *extent)
{
	DirectoryEntry now;

	return pxd_directory_get(walk->store, extent->segno, &now) &&
		now.state == extent->entry.state && now.first_block == extent->entry.first_block &&
		now.pages == extent->entry.pages;
}

/* Reports a page of the extent at the cursor, unless the extent has changed, and moves on. */
static void
bad_page(StoreWalk *walk, const char *problem)
{
	StoreExtent *extent = &walk->image->extents[walk->extent];

	if (!extent_unchanged(walk, extent))
	{
		walk->extent++;
		walk->page = 0;
		return;
	}
	extent->damaged = true;
	pxd_fault_add(walk->report, FAULT_PAGE, extent->segno, extent->entry.first_block + walk->page, NULL, problem);
	walk->page++;
}

static void
check_extent_pages(void *arg)
{
	StoreWalk  *walk = arg;

	while (walk->extent < walk->image->count)
	{
		const StoreExtent *extent = &walk->image->extents[walk->extent];
		const char *problem;

		CHECK_FOR_INTERRUPTS();
		if (!extent->sane || extent->entry.state == SEGMENT_BUILDING || walk->page >= extent->entry.pages)
		{
			walk->extent++;
			walk->page = 0;
			continue;
		}
		problem = page_problem(walk, extent, walk->page);
		if (problem != NULL)
			bad_page(walk, problem);
		else
			walk->page++;
	}
}

/* Checks the pages of all extents; one that cannot even be read is a fault, and the next is looked at. */
static void
check_pages(StoreWalk *walk)
{
	char	   *damage;

	while ((damage = pxd_verify_guard(check_extent_pages, walk)) != NULL)
		bad_page(walk, damage);
}

/* --- what nothing uses --- */

/* True if block belongs to an extent of image, or is a map or directory page; both are sorted by block. */
static bool
block_has_owner(const DirectoryImage *image, BlockNumber block)
{
	if (bsearch(&block, image->own, image->nown, sizeof(BlockNumber), compare_blocks) != NULL)
		return true;

	/* extents may overlap when they are damaged or being built: look at all that begin before block */
	for (int i = 0; i < image->count && image->extents[i].entry.first_block <= block; i++)
		if (block - image->extents[i].entry.first_block < image->extents[i].entry.pages)
			return true;
	return false;
}

/* Collects blocks that no extent has but that are formatted as ours: core can't use them either. */
static void
look_for_orphans(void *arg)
{
	StoreWalk  *walk = arg;
	const DirectoryImage *image = walk->image;
	int			next = 0;
	uint64		covered = 0;	/* extents passed so far reach to here */

	for (; walk->block < walk->nblocks; walk->block++)
	{
		Buffer		buffer;
		Page		page;
		bool		orphan;

		CHECK_FOR_INTERRUPTS();
		while (next < image->count && image->extents[next].entry.first_block <= walk->block)
		{
			const DirectoryEntry *entry = &image->extents[next++].entry;

			covered = Max(covered, (uint64) entry->first_block + entry->pages);
		}
		if (walk->block < covered ||
			bsearch(&walk->block, image->own, image->nown, sizeof(BlockNumber), compare_blocks) != NULL)
			continue;

		buffer = ReadBufferExtended(walk->store, MAIN_FORKNUM, walk->block, RBM_NORMAL, walk->strategy);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		page = BufferGetPage(buffer);
		orphan = !PageIsNew(page) && store_page_has_form((PageHeader) page);
		UnlockReleaseBuffer(buffer);
		if (!orphan)
			continue;
		if (walk->norphans == walk->orphan_capacity)
		{
			walk->orphan_capacity = Max(64, walk->orphan_capacity * 2);
			walk->orphans = walk->orphans == NULL ? palloc(walk->orphan_capacity * sizeof(BlockNumber)) :
				repalloc_huge(walk->orphans, walk->orphan_capacity * sizeof(BlockNumber));
		}
		walk->orphans[walk->norphans++] = walk->block;
	}
}

static void
sort_image(DirectoryImage *image)
{
	if (image->count > 0)
		qsort(image->extents, image->count, sizeof(StoreExtent), compare_extents);
	if (image->nown > 0)
		qsort(image->own, image->nown, sizeof(BlockNumber), compare_blocks);
}

/*
 * Reports blocks without owner, run by run. Extents made since the directory was copied may own them by now, so it is
 * copied again; an owner never loses a page of our form while the file cannot be truncated.
 */
static void
check_orphans(StoreWalk *walk)
{
	DirectoryImage *first = walk->image;
	DirectoryImage *second;
	char	   *damage;

	walk->block = STORE_METAPAGE_BLOCK + 1;
	while ((damage = pxd_verify_guard(look_for_orphans, walk)) != NULL)
	{
		pxd_fault_add(walk->report, FAULT_PAGE, InvalidSegmentNumber, walk->block, NULL, damage);
		walk->block++;
	}
	if (walk->norphans == 0 || !first->complete)
		return;

	second = take_directory(walk);
	sort_image(second);
	for (int i = 0; i < walk->norphans && second->complete;)
	{
		int			run = 0;

		while (i + run < walk->norphans && walk->orphans[i + run] == walk->orphans[i] + run &&
			   !block_has_owner(second, walk->orphans[i + run]))
			run++;
		if (run > 0)
			pxd_fault_add(walk->report, FAULT_LEAK, InvalidSegmentNumber, walk->orphans[i], NULL,
						  psprintf("pages from here on that belong to no segment: %d", run));
		i += Max(run, 1);
	}
	walk->image = first;
}

/*
 * True if nobody can be writing the segment. A vacuum has no transaction id, or one that snapshots pass over so that it seems to be
 * over, but it holds ShareUpdateExclusive on the table. A standby cannot see that lock, but all ids.
 */
static bool
builder_is_gone(StoreWalk *walk, const DirectoryEntry *entry)
{
	SegmentEntry form = {.fxid = FullTransactionIdFromU64(entry->fxid)};
	LOCKTAG		tag;
	int			nholders;

	if (!pxd_store_builder_gone(&form))
		return false;
	if (RecoveryInProgress())
		return entry->fxid != 0;
	SET_LOCKTAG_RELATION(tag, walk->table->rd_lockInfo.lockRelId.dbId, walk->table->rd_lockInfo.lockRelId.relId);
	(void) GetLockConflicts(&tag, ShareUpdateExclusiveLock, &nholders);
	return nholders == 0;
}

/* Reports extents whose builder has died. Asked first, looked at again then: it may have finished just before. */
static void
check_builders(void *arg)
{
	StoreWalk  *walk = arg;

	for (; walk->extent < walk->image->count; walk->extent++)
	{
		const StoreExtent *extent = &walk->image->extents[walk->extent];

		if (extent->entry.state == SEGMENT_BUILDING && builder_is_gone(walk, &extent->entry) &&
			extent_unchanged(walk, extent))
			pxd_fault_add(walk->report, FAULT_LEAK, extent->segno, extent->entry.first_block, NULL,
						  psprintf("%u pages were taken for a segment that was never finished",
								   extent->entry.pages));
	}
}

/* --- all of it --- */

static int
compare_surveyed(const void *a, const void *b)
{
	const SurveyedSegment *left = a;
	const SurveyedSegment *right = b;

	return left->segno < right->segno ? -1 : left->segno > right->segno;
}

static void
fill_survey(const DirectoryImage *image, StoreSurvey *survey)
{
	survey->segments = palloc_extended(Max(image->count, 1) * sizeof(SurveyedSegment), MCXT_ALLOC_HUGE);
	for (int i = 0; i < image->count; i++)
	{
		const StoreExtent *extent = &image->extents[i];

		if (extent->entry.state != SEGMENT_LIVE)
			continue;
		survey->segments[survey->nsegments].segno = extent->segno;
		survey->segments[survey->nsegments++].damaged = extent->damaged;
	}
	if (survey->nsegments > 0)
		qsort(survey->segments, survey->nsegments, sizeof(SurveyedSegment), compare_surveyed);
}

void
pxd_store_verify(Relation table, Relation store, FaultReport *report, StoreSurvey *survey)
{
	StoreWalk	walk = {.table = table, .store = store, .report = report, .missing_from = PG_UINT64_MAX};
	DirectoryImage *image;
	char	   *damage;

	memset(survey, 0, sizeof(*survey));
	walk.strategy = GetAccessStrategy(BAS_BULKREAD);
	damage = pxd_verify_guard(read_meta, &walk);
	survey->readable = damage == NULL;
	if (damage != NULL)
	{
		pxd_fault_add(report, FAULT_METAPAGE, InvalidSegmentNumber, STORE_METAPAGE_BLOCK, NULL, damage);
		return;
	}

	while ((damage = pxd_verify_guard(read_directory, &walk)) != NULL)
	{
		bad_directory_page(&walk, damage);
		walk.dirno++;
	}
	image = take_directory(&walk);
	walk.nblocks = RelationGetNumberOfBlocks(store);

	check_entries(&walk);
	if (image->complete)
		check_counters(&walk);
	sort_image(image);
	check_overlaps(&walk);
	check_pages(&walk);
	check_orphans(&walk);
	walk.extent = 0;
	damage = pxd_verify_guard(check_builders, &walk);
	if (damage != NULL)
		pxd_fault_add(report, FAULT_DIRECTORY, InvalidSegmentNumber, InvalidBlockNumber, NULL, damage);
	fill_survey(image, survey);
	FreeAccessStrategy(walk.strategy);
}
