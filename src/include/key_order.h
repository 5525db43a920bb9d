/*
 * key_order.h: the rows of a flush or compaction in the order of the sort key.
 */
#ifndef PXD_KEY_ORDER_H
#define PXD_KEY_ORDER_H

#include "postgres.h"

#include "access/htup.h"
#include "executor/tuptable.h"
#include "utils/rel.h"

#include "row_batch.h"

typedef struct KeyOrder KeyOrder;

/* Starts collecting, in the current context. key is not empty and is one of a table with this descriptor. */
extern KeyOrder *pxd_key_order_begin(TupleDesc tupdesc, const SortKey *key);

/*
 * Notes a tuple, hot or sealed, of table, which goes to that merge. slot, of our kind, is used to read it; its contract is pxd_slot_show's. Scratch memory comes from the
 * current context.
 */
extern void pxd_key_order_put(KeyOrder *order, int merge, Relation table, HeapTuple tuple, TupleTableSlot *slot);

/* Ends collecting; pxd_key_order_next then gives the TIDs, by merge and in order, and false at the end. */
extern void pxd_key_order_sort(KeyOrder *order);
extern bool pxd_key_order_next(KeyOrder *order, int *merge, ItemPointer tid);

extern void pxd_key_order_end(KeyOrder *order);

#endif
