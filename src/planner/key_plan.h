/*
 * key_plan.h: between the paths of key scans and their execution.
 */
#ifndef PXD_KEY_PLAN_H
#define PXD_KEY_PLAN_H

#include "postgres.h"

#include "nodes/extensible.h"
#include "nodes/pathnodes.h"

#include "row_batch.h"

/*
 * A condition on a column of the sort key that a key scan uses: `column operator value`, or `column = ANY (values)`. In a path it is a RestrictInfo's clause, turned around
 * if the column stood on the right; in a plan it is in custom_exprs, and custom_private says for each which column of the key it is about.
 */
typedef struct KeyCondition
{
	RestrictInfo *rinfo;
	Expr	   *clause;
	int			strategy;		/* btree's */
} KeyCondition;

/* What bounds a column. */
typedef struct KeyColumnConditions
{
	KeyCondition *equal;		/* = or = ANY; NULL: none. Then the others are not used */
	KeyCondition *lower;		/* > or >= */
	KeyCondition *upper;		/* < or <= */
} KeyColumnConditions;

/* What a plan says of each condition, as a list of integers in custom_private. */
typedef enum KeyPrivate
{
	KEY_PRIVATE_COLUMN,			/* of the key, from 0 */
	KEY_PRIVATE_ATTNUM,
	KEY_PRIVATE_OPFAMILY,
	KEY_PRIVATE_COLLATION
} KeyPrivate;

extern const CustomScanMethods pxd_key_scan_methods;

#endif
