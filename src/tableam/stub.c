/*
 * stub.c: forming stubs, and deciding which columns they hold.
 *
 * The on-page form is described in stub.h. Nothing here takes locks beyond AccessShare on indexes.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "fmgr.h"
#include "nodes/execnodes.h"
#include "optimizer/optimizer.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "stub.h"

/* Columns of an index that enforces nothing are kept in the stub up to this width. */
#define STUB_MAX_INDEXED_WIDTH	16

StaticAssertDecl(LOCATOR_SIZE == MAXIMUM_ALIGNOF, "the locator gap must keep user data aligned");

HeapTuple
pxd_stub_form(TupleDesc tupdesc, const Datum *values, const bool *isnull,
			  const Bitmapset *stub_attrs, Locator locator)
{
	int			natts = tupdesc->natts;
	Datum	   *stub_values = palloc(natts * sizeof(Datum));
	bool	   *stub_isnull = palloc(natts * sizeof(bool));
	bool		hasnull = false;
	HeapTuple	tuple = NULL;
	Size		hoff,
				data_len;

	for (int i = 0; i < natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		stub_isnull[i] = isnull[i] || att->attisdropped || !bms_is_member(i + 1, stub_attrs);
		hasnull |= stub_isnull[i];
		stub_values[i] = (Datum) 0;
		if (stub_isnull[i])
			continue;
		/* Nothing in a stub may point into TOAST or be compressed: it is never re-formed (R17). */
		if (att->attlen == -1)
			stub_values[i] = PointerGetDatum(PG_DETOAST_DATUM_PACKED(values[i]));
		else
			stub_values[i] = values[i];
	}

	data_len = heap_compute_data_size(tupdesc, stub_values, stub_isnull);
	if (data_len <= STUB_MAX_KEY_BYTES)
	{
		HeapTupleHeader header;

		hoff = SizeofHeapTupleHeader + (hasnull ? BITMAPLEN(natts) : 0);
		hoff = MAXALIGN(hoff) + LOCATOR_SIZE;
		tuple = palloc0(HEAPTUPLESIZE + hoff + data_len);
		tuple->t_len = hoff + data_len;
		tuple->t_tableOid = InvalidOid;
		ItemPointerSetInvalid(&tuple->t_self);
		tuple->t_data = header = (HeapTupleHeader) ((char *) tuple + HEAPTUPLESIZE);
		ItemPointerSetInvalid(&header->t_ctid);
		HeapTupleHeaderSetNatts(header, natts);
		header->t_hoff = hoff;
		heap_fill_tuple(tupdesc, stub_values, stub_isnull, (char *) header + hoff, data_len,
						&header->t_infomask, hasnull ? header->t_bits : NULL);
		memcpy((char *) header + hoff - LOCATOR_SIZE, &locator, sizeof(locator));

		Assert(tuple_is_stub(header) && !HeapTupleHasExternal(tuple));
		Assert(stub_locator(header) == locator);
	}

	for (int i = 0; i < natts; i++)
		if (!stub_isnull[i] && stub_values[i] != values[i])
			pfree(DatumGetPointer(stub_values[i]));
	pfree(stub_values);
	pfree(stub_isnull);
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
			 TupleDescAttr(tupdesc, attnum - 1)->attlen <= STUB_MAX_INDEXED_WIDTH))
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
	return attrs;
}
