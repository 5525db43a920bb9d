/*
 * stub.c: forming stubs, and deciding which columns they hold.
 *
 * The on-page form is described in stub.h. Nothing here takes locks beyond AccessShare on indexes.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "fmgr.h"
#include "nodes/execnodes.h"
#include "optimizer/optimizer.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "stub.h"

/* Room in a stub for narrow columns that no index uses. */
#define STUB_NARROW_BYTES		64

StaticAssertDecl(LOCATOR_SIZE == MAXIMUM_ALIGNOF, "the locator gap must keep user data aligned");

/*
 * Forms a tuple with a gap of gap_size bytes that starts with locator, with the attributes in attrs and all others NULL. Returns NULL if the
 * values need more than max_data bytes.
 */
static HeapTuple
form_with_gap(TupleDesc tupdesc, const Datum *values, const bool *isnull, const Bitmapset *attrs,
			  int gap_size, Locator locator, Size max_data)
{
	int			natts = tupdesc->natts;
	Datum	   *held_values = palloc(natts * sizeof(Datum));
	bool	   *held_isnull = palloc(natts * sizeof(bool));
	bool		hasnull = false;
	HeapTuple	tuple = NULL;
	Size		gap_start,
				hoff,
				data_len;

	for (int i = 0; i < natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		held_isnull[i] = isnull[i] || att->attisdropped || !bms_is_member(i + 1, attrs);
		hasnull |= held_isnull[i];
		held_values[i] = (Datum) 0;
		if (held_isnull[i])
			continue;
		/* Nothing in a stub may point into TOAST or be compressed: it is never re-formed (R17). */
		if (att->attlen == -1)
			held_values[i] = PointerGetDatum(PG_DETOAST_DATUM_PACKED(values[i]));
		else
			held_values[i] = values[i];
	}

	data_len = heap_compute_data_size(tupdesc, held_values, held_isnull);
	gap_start = MAXALIGN(SizeofHeapTupleHeader + (hasnull ? BITMAPLEN(natts) : 0));
	hoff = gap_start + gap_size;
	if (data_len <= max_data && hoff <= PG_UINT8_MAX && hoff + data_len <= TOAST_TUPLE_THRESHOLD)
	{
		HeapTupleHeader header;

		tuple = palloc0(HEAPTUPLESIZE + hoff + data_len);
		tuple->t_len = hoff + data_len;
		tuple->t_tableOid = InvalidOid;
		ItemPointerSetInvalid(&tuple->t_self);
		tuple->t_data = header = (HeapTupleHeader) ((char *) tuple + HEAPTUPLESIZE);
		ItemPointerSetInvalid(&header->t_ctid);
		HeapTupleHeaderSetNatts(header, natts);
		header->t_hoff = hoff;
		heap_fill_tuple(tupdesc, held_values, held_isnull, (char *) header + hoff, data_len,
						&header->t_infomask, hasnull ? header->t_bits : NULL);
		memcpy((char *) header + gap_start, &locator, sizeof(locator));

		Assert(tuple_is_stub(header) && !HeapTupleHasExternal(tuple));
		Assert(stub_locator(header) == locator);
	}

	for (int i = 0; i < natts; i++)
		if (!held_isnull[i] && held_values[i] != values[i])
			pfree(DatumGetPointer(held_values[i]));
	pfree(held_values);
	pfree(held_isnull);
	return tuple;
}

HeapTuple
pxd_stub_form(TupleDesc tupdesc, const Datum *values, const bool *isnull,
			  const Bitmapset *stub_attrs, Locator locator)
{
	return form_with_gap(tupdesc, values, isnull, stub_attrs, LOCATOR_SIZE, locator, STUB_MAX_KEY_BYTES);
}

HeapTuple
pxd_overlay_form(TupleDesc tupdesc, const Datum *values, const bool *isnull,
				 const Bitmapset *sealed_attrs, Locator locator)
{
	Bitmapset  *attrs = bms_add_range(NULL, 1, tupdesc->natts);
	HeapTuple	tuple;
	int			attnum = -1;

	attrs = bms_del_members(attrs, sealed_attrs);
	tuple = form_with_gap(tupdesc, values, isnull, attrs, overlay_gap_size(tupdesc->natts), locator,
						  TOAST_TUPLE_THRESHOLD);
	if (tuple != NULL)
	{
		bits8	   *bitmap = (bits8 *) tuple->t_data + tuple_gap_start(tuple->t_data) + LOCATOR_SIZE;

		while ((attnum = bms_next_member(attrs, attnum)) >= 0)
			bitmap[(attnum - 1) / BITS_PER_BYTE] |= 1 << ((attnum - 1) % BITS_PER_BYTE);
	}
	bms_free(attrs);
	return tuple;
}

/* Adds the attributes an index uses: all of an enforcing one's, only narrow fixed-width keys of another's. */
static Bitmapset *
add_index_attrs(Bitmapset *attrs, Relation table, Relation index)
{
	Form_pg_index form = index->rd_index;
	bool		enforces = form->indisunique || form->indisexclusion || form->indisreplident;
	TupleDesc	tupdesc = RelationGetDescr(table);

	for (int i = 0; i < form->indnatts; i++)
	{
		AttrNumber	attnum = form->indkey.values[i];

		if (attnum <= 0)
			continue;			/* an expression */
		if (enforces ||
			(TupleDescAttr(tupdesc, attnum - 1)->attlen > 0 &&
			 TupleDescAttr(tupdesc, attnum - 1)->attlen <= STUB_NARROW_WIDTH))
			attrs = bms_add_member(attrs, attnum);
	}

	/* Uniqueness and exclusion checks evaluate expressions and predicates on rows of other sessions (R14). */
	if (enforces)
	{
		Bitmapset  *used = NULL;
		int			bit = -1;

		pull_varattnos((Node *) RelationGetIndexExpressions(index), 1, &used);
		pull_varattnos((Node *) RelationGetIndexPredicate(index), 1, &used);
		while ((bit = bms_next_member(used, bit)) >= 0)
		{
			AttrNumber	attnum = bit + FirstLowInvalidHeapAttributeNumber;

			if (attnum > 0)
				attrs = bms_add_member(attrs, attnum);
			else if (attnum == InvalidAttrNumber)	/* the whole row */
				attrs = bms_add_range(attrs, 1, tupdesc->natts);
		}
	}
	return attrs;
}

/*
 * Adds narrow columns that no index uses, from the left, as long as they are few: a flag, a counter or a foreign key is then read and
 * filtered on without opening a segment, where finding one row's value means decoding a block.
 */
static Bitmapset *
add_narrow_attrs(Bitmapset *attrs, TupleDesc tupdesc)
{
	int			room = STUB_NARROW_BYTES;

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (att->attisdropped || att->attlen <= 0 || att->attlen > sizeof(Datum) || att->attlen > room)
			continue;
		attrs = bms_add_member(attrs, i + 1);
		room -= att->attlen;
	}
	return attrs;
}

Bitmapset *
pxd_stub_attrs(Relation table)
{
	List	   *indexes = RelationGetIndexList(table);
	Bitmapset  *attrs = NULL;
	ListCell   *lc;

	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		attrs = add_index_attrs(attrs, table, index);
		index_close(index, NoLock);
	}
	list_free(indexes);
	return add_narrow_attrs(attrs, RelationGetDescr(table));
}
