/*
 * key_search.h: what is looked for when rows are found by their sort key.
 *
 * A search is a set of intervals of keys. Bounds are keys' leading columns: with all of them fixed but the last, an interval is a range of the
 * lexicographic order. NULL keys are in none. Types of bounds may differ from those of the columns, as long as the operator family compares them.
 */
#ifndef PXD_KEY_SEARCH_H
#define PXD_KEY_SEARCH_H

#include "postgres.h"

#include "access/attnum.h"
#include "fmgr.h"

/* A column of the key, and how values of it compare with the bounds. */
typedef struct KeySearchColumn
{
	AttrNumber	attnum;
	Oid			opfamily;		/* btree */
	Oid			collation;
} KeySearchColumn;

/* A bound's value for one column. */
typedef struct KeyBoundValue
{
	Datum		value;			/* never null */
	FmgrInfo   *compare;		/* order of (value of the column, this value) */
	FmgrInfo   *hash;			/* extended hash function, equal for equal values of the column's type; NULL: none */
} KeyBoundValue;

typedef struct KeyBound
{
	int			ncolumns;		/* 0: none */
	bool		inclusive;
	KeyBoundValue values[INDEX_MAX_KEYS];
} KeyBound;

typedef struct KeyInterval
{
	KeyBound	lower;
	KeyBound	upper;
	bool		is_point;		/* both are the same values, inclusive */
} KeyInterval;

typedef struct KeySearch
{
	int			ncolumns;		/* leading columns of the key that bounds speak of */
	KeySearchColumn columns[INDEX_MAX_KEYS];
	int			nintervals;
	KeyInterval *intervals;
} KeySearch;

typedef enum KeySearchResult
{
	KEY_SEARCH_UNSORTED,		/* the segment is not in this order: any row may match, none has been told */
	KEY_SEARCH_SEARCHED,
	KEY_SEARCH_NO_RANGE,		/* skipped: no interval has to do with its range of keys */
	KEY_SEARCH_NO_KEY			/* skipped: its filter has none of the keys */
} KeySearchResult;

#endif
