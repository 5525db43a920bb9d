/*
 * detoast.h: arguments that are hardly ever toasted.
 */
#ifndef PXD_DETOAST_H
#define PXD_DETOAST_H

#include "postgres.h"

#include "fmgr.h"

/* PG_DETOAST_DATUM without a call for values that lie there as they are: a call costs as much as a short distance. */
static inline struct varlena *
pxd_detoast(Datum datum)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);

	return unlikely(VARATT_IS_EXTENDED(value)) ? pg_detoast_datum(value) : value;
}

#endif
