/*
 * verify_rows.c: proximadb.verify's part for rows: tuples, stubs, and segments as their engine reads them.
 *
 * Works beside writers, flush, compaction and vacuum. A heap page stays pinned while its stubs are followed, so they
 * stay and keep the segments they name (I2, I3). So a segment is decoded when the first of its stubs is met: nobody can free it
 * and write something else under the decoder's hands. A segment that no stub names is garbage that vacuum will free; its
 * pages have been checked, its columns nobody reads.
 *
 * Tuples are checked by their form before anything in them is believed. Stubs of rows that are dead to everybody are not
 * followed: their segment may never have been written.
 *
 * Locks: content lock of one heap page, shared, never while a segment is read. No WAL (hint bits apart).
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/procarray.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "cover.h"
#include "engine.h"
#include "stub.h"
#include "tableam.h"
#include "verify.h"

/* What is known of a segment that a stub names. */
typedef struct KnownSegment
{
	SegmentNumber segno;
	bool		good;			/* live, and its back-pointers readable; false: a fault has been reported */
} KnownSegment;

typedef struct RowWalk
{
	Relation	table;
	Relation	store;			/* NULL if the table has none */
	FaultReport *report;
	StoreSurvey *survey;
	BufferAccessStrategy strategy;
	TransactionId horizon;
	HTAB	   *known;
	MemoryContext page_context; /* reset for each heap page */
	MemoryContext column_context;	/* reset for each column decoded */

	/* the heap page being walked */
	BlockNumber nblocks;
	BlockNumber block;
	OffsetNumber next_offset;	/* its stubs from here on are still to be followed */
	bool		forms_checked;	/* its tuples' forms have been reported */
	OffsetNumber hot;			/* a hot row on it that is not void, or InvalidOffsetNumber */
	SegmentNumber following;	/* segment of the stub being followed, or InvalidSegmentNumber */
	ItemPointerData tid;		/* of that stub */
	AttrNumber	attnum;			/* column of that segment being decoded; 0: header and back-pointers */
} RowWalk;

/* A stub found on a page that is still pinned. */
typedef struct FoundStub
{
	OffsetNumber offset;
	bool		inserting;		/* its inserter is another transaction, still running */
	bool		is_overlay;
	int			natts;
	Bitmapset  *inline_attrs;	/* of an overlay, in page_context */
	Locator		locator;
} FoundStub;

static KnownSegment *
known_segment(RowWalk *walk, SegmentNumber segno, bool *found)
{
	return hash_search(walk->known, &segno, HASH_ENTER, found);
}

/* --- segments --- */

/* Back-pointers are no TIDs, if they are not dead, that no page can have. */
static void
check_back_pointers(RowWalk *walk, SegmentAccess *access)
{
	uint32		rows = pxd_access_rows(access);

	for (uint32 position = 0; position < rows; position++)
	{
		ItemPointerData tid;

		CHECK_FOR_INTERRUPTS();
		pxd_access_engine(access)->back_pointer(access, pxd_access_state(access), position, &tid);
		if (ItemPointerIsValid(&tid) && ItemPointerGetOffsetNumber(&tid) > MaxHeapTuplesPerPage)
			pxd_fault_add(walk->report, FAULT_SEGMENT, walk->following, InvalidBlockNumber, &tid,
						  psprintf("the back-pointer of position %u is no row's", position));
	}
}

/* Reads every value of the column at the cursor, if the segment has it. */
static void
decode_column(RowWalk *walk, SegmentAccess *access)
{
	const FormData_pg_attribute *att = TupleDescAttr(RelationGetDescr(walk->table), walk->attnum - 1);
	uint32		rows = pxd_access_rows(access);
	MemoryContext oldcontext;
	ValueBuffer buffer = {.context = walk->column_context};

	if (att->attisdropped || pxd_access_engine(access)->in_stub(pxd_access_state(access), walk->attnum))
		return;

	MemoryContextReset(walk->column_context);
	oldcontext = MemoryContextSwitchTo(walk->column_context);
	for (uint32 position = 0; position < rows; position++)
	{
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		(void) pxd_access_engine(access)->fetch(access, pxd_access_state(access), position, att, &buffer, &isnull);
	}
	MemoryContextSwitchTo(oldcontext);
}

/* Reads everything in the segment being followed, from the column at the cursor on. */
static void
decode_segment(void *arg)
{
	RowWalk    *walk = arg;
	SegmentAccess access;

	pxd_access_init(&access);
	pxd_access_open(&access, walk->table);
	if (walk->attnum == 0)
		pxd_access_forget(&access, walk->following);
	if (pxd_access_seek(&access, walk->following))
	{
		if (walk->attnum == 0)
		{
			check_back_pointers(walk, &access);
			if (pxd_access_engine(&access)->check != NULL)
				pxd_access_engine(&access)->check(&access, pxd_access_state(&access));
		}
		for (walk->attnum = Max(walk->attnum, 1);
			 walk->attnum <= RelationGetNumberOfAttributes(walk->table); walk->attnum++)
			decode_column(walk, &access);
	}
	pxd_access_close(&access);
}

/*
 * Checks the segment being followed, which is live. After damage in one column the next one is read. Returns false if not
 * even its header and back-pointers can be read; that has been reported.
 */
static bool
check_segment(RowWalk *walk)
{
	char	   *damage;

	walk->attnum = 0;
	while ((damage = pxd_verify_guard(decode_segment, walk)) != NULL)
	{
		if (walk->attnum > 0)
			damage = psprintf("column \"%s\": %s",
							  NameStr(TupleDescAttr(RelationGetDescr(walk->table), walk->attnum - 1)->attname),
							  damage);
		pxd_fault_add(walk->report, FAULT_SEGMENT, walk->following, InvalidBlockNumber, NULL, damage);
		if (walk->attnum == 0)
			return false;
		walk->attnum++;
	}
	return true;
}

/* --- tuples --- */

/* What is wrong with the value of variable length at data, where room bytes are left, or NULL. *len gets its length. */
static const char *
varlena_problem(const char *data, Size room, bool in_stub, Size *len)
{
	*len = 0;
	if (VARATT_IS_1B_E(data))
	{
		if (in_stub)
			return "a stub points into TOAST";
		if (room < TOAST_POINTER_SIZE || VARTAG_1B_E(data) != VARTAG_ONDISK)
			return "a TOAST pointer is malformed";
		*len = TOAST_POINTER_SIZE;
	}
	else if (VARATT_IS_1B(data))
		*len = VARSIZE_1B(data);
	else
	{
		if (room < VARHDRSZ)
			return "a value does not fit into its tuple";
		*len = VARSIZE_4B(data);
		if (*len < VARHDRSZ)
			return "a value has no valid length";
		if (in_stub && VARATT_IS_4B_C(data))
			return "a stub holds a compressed value";
	}
	return NULL;
}

/* What is wrong with the values of a tuple whose header is sound, or NULL. A stub's fill it exactly. */
static const char *
values_problem(TupleDesc tupdesc, HeapTupleHeader tuple, Size tuple_len, bool is_stub)
{
	const char *data = (const char *) tuple + tuple->t_hoff;
	Size		size = tuple_len - tuple->t_hoff;
	Size		off = 0;

	for (int i = 0; i < HeapTupleHeaderGetNatts(tuple); i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);
		const char *problem = NULL;
		Size		len = att->attlen;

		if ((tuple->t_infomask & HEAP_HASNULL) && att_isnull(i, tuple->t_bits))
			continue;
		/* the first byte of a varlena, if it is there, tells how it is aligned */
		if (att->attlen == -1 && off < size)
			off = att_align_pointer(off, att->attalign, -1, data + off);
		else
			off = att_align_nominal(off, att->attalign);
		if (off >= size)
			return psprintf("column %d lies beyond the end of its tuple", i + 1);
		if (att->attlen == -1)
			problem = varlena_problem(data + off, size - off, is_stub, &len);
		else if (att->attlen == -2)
			len = strnlen(data + off, size - off) + 1;
		if (problem == NULL && len > size - off)
			problem = "a value does not fit into its tuple";
		if (problem != NULL)
			return psprintf("column %d: %s", i + 1, problem);
		off += len;
	}
	if (is_stub && off != size)
		return psprintf("a stub has " UINT64_FORMAT " bytes beyond its columns", (uint64) (size - off));
	return NULL;
}

static bool
tuple_is_overlay(HeapTupleHeader stub)
{
	return stub->t_hoff - tuple_gap_start(stub) != LOCATOR_SIZE;
}

/* What is wrong with an overlay's bitmap, or NULL: it has every column that has a value. */
static const char *
inline_problem(HeapTupleHeader overlay)
{
	for (AttrNumber attnum = 1; attnum <= HeapTupleHeaderGetNatts(overlay); attnum++)
		if (!overlay_has_inline(overlay, attnum) &&
			!((overlay->t_infomask & HEAP_HASNULL) && att_isnull(attnum - 1, overlay->t_bits)))
			return psprintf("column %d has a value that the overlay's bitmap does not know of", attnum);
	return NULL;
}

/* Whether a tuple's inserter, or the part of it that inserted it, was rolled back: nobody will ever read its columns. */
static bool
inserter_aborted(HeapTupleHeader tuple)
{
	TransactionId xmin = HeapTupleHeaderGetRawXmin(tuple);

	if (HeapTupleHeaderXminCommitted(tuple))
		return false;
	return HeapTupleHeaderXminInvalid(tuple) || !(TransactionIdIsInProgress(xmin) || TransactionIdDidCommit(xmin));
}

/* What is wrong with a tuple, or NULL. */
static const char *
tuple_problem(TupleDesc tupdesc, HeapTupleHeader tuple, Size len)
{
	const char *problem = NULL;
	bool		is_stub;

	if (len < SizeofHeapTupleHeader || tuple->t_hoff > len || tuple_gap_start(tuple) > len)
		return "a tuple is shorter than its header";
	/* An ADD COLUMN that was rolled back leaves dead rows with the column. Nobody adds one now: the table is locked. */
	if (HeapTupleHeaderGetNatts(tuple) > tupdesc->natts && inserter_aborted(tuple))
		return NULL;
	if (HeapTupleHeaderGetNatts(tuple) > tupdesc->natts)
		return psprintf("a tuple has %d columns, its table %d", HeapTupleHeaderGetNatts(tuple), tupdesc->natts);
	is_stub = tuple_is_stub(tuple);
	if (!is_stub && tuple->t_hoff != tuple_gap_start(tuple))
		return psprintf("a tuple's values begin at byte %u instead of %d", tuple->t_hoff, tuple_gap_start(tuple));
	if (is_stub && len > TOAST_TUPLE_THRESHOLD)
		return "a stub is too long";
	if (is_stub && (tuple->t_infomask & HEAP_HASEXTERNAL))
		return "a stub has the flag of values in TOAST";
	if (is_stub && tuple_is_overlay(tuple))
		problem = inline_problem(tuple);
	if (problem == NULL)
		problem = values_problem(tupdesc, tuple, len, is_stub);
	/* Another column may have come after it, of another type under the same number. */
	return problem != NULL && inserter_aborted(tuple) ? NULL : problem;
}

/* What is wrong with a line pointer, or NULL. */
static const char *
item_problem(Page page, ItemId item)
{
	PageHeader	header = (PageHeader) page;
	OffsetNumber target;

	if (ItemIdIsRedirected(item))
	{
		target = ItemIdGetRedirect(item);
		if (target < FirstOffsetNumber || target > PageGetMaxOffsetNumber(page) ||
			!ItemIdIsNormal(PageGetItemId(page, target)))
			return psprintf("the line pointer leads to %u, where no tuple is", target);
	}
	else if (ItemIdIsNormal(item) &&
			 (ItemIdGetOffset(item) < header->pd_upper ||
			  ItemIdGetOffset(item) != MAXALIGN(ItemIdGetOffset(item)) ||
			  ItemIdGetOffset(item) + ItemIdGetLength(item) > header->pd_special))
		return "the line pointer leads outside of the page's tuples";
	return NULL;
}

static void
bad_tuple(RowWalk *walk, OffsetNumber offset, const char *problem)
{
	ItemPointerData tid;

	ItemPointerSet(&tid, walk->block, offset);
	pxd_fault_add(walk->report, FAULT_HEAP, InvalidSegmentNumber, walk->block, &tid, problem);
}

/*
 * Whether the stub has to be followed: not when it is dead to everybody. The page is locked shared. *inserting is set
 * if another transaction that is still running has inserted it.
 */
static bool
is_worth_following(RowWalk *walk, HeapTuple stub, Buffer buffer, bool *inserting)
{
	HTSV_Result status = HeapTupleSatisfiesVacuum(stub, walk->horizon, buffer);

	*inserting = status == HEAPTUPLE_INSERT_IN_PROGRESS &&
		!TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(stub->t_data));
	return status != HEAPTUPLE_DEAD;
}

/* Copies what is to be known of a stub once the page's lock is gone. */
static void
describe_stub(HeapTupleHeader tuple, OffsetNumber offset, FoundStub *stub)
{
	stub->offset = offset;
	stub->locator = stub_locator(tuple);
	stub->natts = HeapTupleHeaderGetNatts(tuple);
	stub->is_overlay = tuple_is_overlay(tuple);
	stub->inline_attrs = NULL;
	for (AttrNumber attnum = 1; stub->is_overlay && attnum <= stub->natts; attnum++)
		if (overlay_has_inline(tuple, attnum))
			stub->inline_attrs = bms_add_member(stub->inline_attrs, attnum);
}

/*
 * Checks the form of all tuples on the page, locked shared, and returns the stubs to follow from the cursor on. Forms are
 * reported once, also when the page is read again after a stub's fault.
 */
static int
look_at_page(RowWalk *walk, Buffer buffer, FoundStub *stubs)
{
	Page		page = BufferGetPage(buffer);
	PageHeader	header = (PageHeader) page;
	int			nstubs = 0;
	bool		report = !walk->forms_checked;

	/* before any return: check_cover takes it for this page's */
	walk->hot = InvalidOffsetNumber;
	if (PageIsNew(page))
		return 0;
	if (header->pd_lower < SizeOfPageHeaderData || header->pd_lower > header->pd_upper ||
		header->pd_upper > header->pd_special || header->pd_special != BLCKSZ)
	{
		pxd_fault_add(walk->report, FAULT_HEAP, InvalidSegmentNumber, walk->block, NULL, "the page header is malformed");
		return 0;
	}

	for (OffsetNumber offset = FirstOffsetNumber; offset <= PageGetMaxOffsetNumber(page); offset++)
	{
		ItemId		item = PageGetItemId(page, offset);
		HeapTupleData tuple;
		const char *problem = item_problem(page, item);
		bool		inserting;

		if (problem == NULL && !ItemIdIsNormal(item))
			continue;
		if (problem == NULL)
		{
			tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
			tuple.t_len = ItemIdGetLength(item);
			tuple.t_tableOid = RelationGetRelid(walk->table);
			ItemPointerSet(&tuple.t_self, walk->block, offset);
			problem = tuple_problem(RelationGetDescr(walk->table), tuple.t_data, tuple.t_len);
		}
		if (problem != NULL)
		{
			if (report)
				bad_tuple(walk, offset, problem);
			continue;
		}
		if (!tuple_is_stub(tuple.t_data) && is_worth_following(walk, &tuple, buffer, &inserting) && !inserting)
			walk->hot = offset;
		if (offset < walk->next_offset || !tuple_is_stub(tuple.t_data) || nstubs == MaxHeapTuplesPerPage ||
			!is_worth_following(walk, &tuple, buffer, &stubs[nstubs].inserting))
			continue;
		describe_stub(tuple.t_data, offset, &stubs[nstubs++]);
	}
	walk->forms_checked = true;
	return nstubs;
}

/* --- stubs --- */

/* Reports the stub being followed. */
static void
bad_stub(RowWalk *walk, const char *problem)
{
	pxd_fault_add(walk->report, FAULT_STUB, walk->following, InvalidBlockNumber, &walk->tid, problem);
}

static bool
survey_says_damaged(const StoreSurvey *survey, SegmentNumber segno)
{
	int			low = 0;
	int			high = survey->nsegments;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (survey->segments[middle].segno < segno)
			low = middle + 1;
		else
			high = middle;
	}
	return low < survey->nsegments && survey->segments[low].segno == segno && survey->segments[low].damaged;
}

/*
 * Makes the segment being followed known when a stub names it first, and checks it then. Returns false if its
 * back-pointers cannot be read, which has been reported, or if it need not be there yet.
 */
static bool
meet_segment(RowWalk *walk, const FoundStub *stub)
{
	SegmentNumber segno = walk->following;
	bool		found;
	KnownSegment *known = known_segment(walk, segno, &found);
	SegmentEntry entry;
	bool		reserved;

	if (found)
		return known->good;

	known->good = false;		/* should looking at it fail */
	reserved = pxd_store_lookup(walk->store, segno, &entry);
	if (reserved && entry.state == SEGMENT_LIVE)
		known->good = !survey_says_damaged(walk->survey, segno) && check_segment(walk);
	else if (reserved && stub->inserting && entry.state != SEGMENT_FREE)
	{
		/* Its builder is still collecting; it may be live when the next stub is met. */
		(void) hash_search(walk->known, &segno, HASH_REMOVE, NULL);
		return false;
	}
	else
		bad_stub(walk, reserved ? "the stub names a segment that is missing (other stubs that do are not listed)" :
				 "the stub names a segment that never was (other stubs that do are not listed)");
	return known->good;
}

/*
 * Columns that an overlay does not hold are in the segment, and no others have values. Overlays may have moved to other pages,
 * so the back-pointer need not lead to them.
 */
static void
check_overlay(RowWalk *walk, SegmentAccess *access, const FoundStub *stub)
{
	TupleDesc	tupdesc = RelationGetDescr(walk->table);

	for (AttrNumber attnum = 1; attnum <= stub->natts; attnum++)
	{
		if (TupleDescAttr(tupdesc, attnum - 1)->attisdropped || bms_is_member(attnum, stub->inline_attrs))
			continue;
		if (pxd_access_engine(access)->in_stub(pxd_access_state(access), attnum))
			bad_stub(walk, psprintf("column %d is neither in the overlay nor in its segment", attnum));
	}
}

/* Follows a stub, whose page is pinned but not locked, to its segment and back. */
static void
follow_stub(RowWalk *walk, SegmentAccess *access, const FoundStub *stub)
{
	uint32		position = locator_position(stub->locator);
	ItemPointerData back;

	walk->following = locator_segment(stub->locator);
	ItemPointerSet(&walk->tid, walk->block, stub->offset);
	if (walk->store == NULL)
		bad_stub(walk, "the table has no segment store");
	if (!walk->survey->readable || !meet_segment(walk, stub) || !pxd_access_seek(access, walk->following))
		return;
	if (position >= pxd_access_rows(access))
	{
		bad_stub(walk, psprintf("the stub names position %u of %u rows", position, pxd_access_rows(access)));
		return;
	}
	if (stub->is_overlay)
	{
		check_overlay(walk, access, stub);
		return;
	}
	pxd_access_engine(access)->back_pointer(access, pxd_access_state(access), position, &back);
	if (!ItemPointerEquals(&back, &walk->tid))
		bad_stub(walk, psprintf("the stub names position %u, which points back to (%u,%u)", position,
								ItemPointerGetBlockNumberNoCheck(&back),
								ItemPointerGetOffsetNumberNoCheck(&back)));
}

/*
 * If the page is covered, segments must lead to its rows. Their inserters were done when the page was looked at, so they would have cleared the bit by
 * now. The page is pinned.
 */
static void
check_cover(RowWalk *walk, SegmentAccess *access, Buffer buffer, const FoundStub *stubs, int nstubs)
{
	if (walk->store == NULL || !walk->survey->readable || !pxd_covered_test(walk->store, walk->block))
		return;
	if (OffsetNumberIsValid(walk->hot))
		bad_tuple(walk, walk->hot, "the row is hot, but its page is marked as covered by segments");
	for (int i = 0; i < nstubs; i++)
	{
		HeapTupleData tuple;
		bool		found;
		SegmentNumber segno = locator_segment(stubs[i].locator);

		if (stubs[i].inserting || !known_segment(walk, segno, &found)->good ||
			!page_tuple(walk->table, walk->block, BufferGetPage(buffer), stubs[i].offset, &tuple) ||
			pxd_cover_has_stub(access, walk->table, &tuple))
			continue;
		bad_tuple(walk, stubs[i].offset, "segments do not lead to the row, but its page is marked as covered by them");
	}
}

/* Walks the main fork from the cursor on. */
static void
walk_heap(void *arg)
{
	RowWalk    *walk = arg;
	MemoryContext oldcontext = MemoryContextSwitchTo(walk->page_context);
	SegmentAccess access;

	pxd_access_init(&access);
	if (walk->survey->readable)
		pxd_access_open(&access, walk->table);
	while (walk->block < walk->nblocks)
	{
		FoundStub	stubs[MaxHeapTuplesPerPage];
		int			nstubs;
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();
		buffer = ReadBufferExtended(walk->table, MAIN_FORKNUM, walk->block, RBM_NORMAL, walk->strategy);
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		nstubs = look_at_page(walk, buffer, stubs);
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		for (int i = 0; i < nstubs; i++)
		{
			follow_stub(walk, &access, &stubs[i]);
			walk->following = InvalidSegmentNumber;
		}
		check_cover(walk, &access, buffer, stubs, nstubs);
		ReleaseBuffer(buffer);

		walk->block++;
		walk->next_offset = FirstOffsetNumber;
		walk->forms_checked = false;
		MemoryContextReset(walk->page_context);
	}
	pxd_access_close(&access);
	MemoryContextSwitchTo(oldcontext);
}

/* Checks all tuples; damage met on the way is one of the stub being followed, else of the page. */
static void
check_heap(RowWalk *walk)
{
	char	   *damage;

	walk->nblocks = RelationGetNumberOfBlocks(walk->table);
	walk->next_offset = FirstOffsetNumber;
	while ((damage = pxd_verify_guard(walk_heap, walk)) != NULL)
	{
		if (walk->following != InvalidSegmentNumber)
		{
			bool		found;

			known_segment(walk, walk->following, &found)->good = false;
			walk->next_offset = ItemPointerGetOffsetNumber(&walk->tid) + 1;
			bad_stub(walk, damage);
			walk->following = InvalidSegmentNumber;
			continue;
		}
		pxd_fault_add(walk->report, FAULT_HEAP, InvalidSegmentNumber, walk->block, NULL, damage);
		walk->block++;
		walk->next_offset = FirstOffsetNumber;
		walk->forms_checked = false;
	}
}

static HTAB *
make_known(void)
{
	HASHCTL		ctl = {0};

	ctl.keysize = sizeof(SegmentNumber);
	ctl.entrysize = sizeof(KnownSegment);
	ctl.hcxt = CurrentMemoryContext;
	return hash_create("proximadb verified segments", 256, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
pxd_rows_verify(Relation table, Relation store, FaultReport *report, StoreSurvey *survey)
{
	RowWalk		walk = {.table = table, .store = store, .report = report, .survey = survey};

	walk.strategy = GetAccessStrategy(BAS_BULKREAD);
	walk.horizon = GetOldestNonRemovableTransactionId(table);
	walk.known = make_known();
	walk.page_context = AllocSetContextCreate(CurrentMemoryContext, "proximadb verify page",
											  ALLOCSET_DEFAULT_SIZES);
	walk.column_context = AllocSetContextCreate(CurrentMemoryContext, "proximadb verify column",
												ALLOCSET_DEFAULT_SIZES);
	check_heap(&walk);
	MemoryContextDelete(walk.page_context);
	MemoryContextDelete(walk.column_context);
	FreeAccessStrategy(walk.strategy);
}
