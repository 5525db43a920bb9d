/*
 * halfvec.h: the halfvec type as it lies in memory and on disk, and its helpers for C code.
 *
 * The layout is pgvector's, byte for byte, so that the two types are binary-coercible. It begins as a Vector
 * does: only the elements are narrower.
 */
#ifndef PXD_HALFVEC_H
#define PXD_HALFVEC_H

#include "postgres.h"

#include "fmgr.h"
#include "detoast.h"
#include "vector.h"

#define HALFVEC_MAX_DIM 16000

typedef struct HalfVector
{
	int32		vl_len_;		/* varlena header: SET_VARSIZE and VARSIZE only */
	int16		dim;			/* 1 .. HALFVEC_MAX_DIM */
	int16		unused;			/* always 0 */
	uint16		x[FLEXIBLE_ARRAY_MEMBER];	/* float16 (half.h): finite, never NaN */
} HalfVector;

StaticAssertDecl(offsetof(HalfVector, dim) == offsetof(Vector, dim) &&
				 offsetof(HalfVector, unused) == offsetof(Vector, unused) &&
				 offsetof(HalfVector, x) == offsetof(Vector, x), "halfvec: begins as a vector");
StaticAssertDecl(HALFVEC_MAX_DIM == VECTOR_MAX_DIM, "halfvec: shares vector's limits");

/* Bytes of a halfvec with dim elements, header included. dim <= HALFVEC_MAX_DIM, so this cannot overflow. */
#define HALFVEC_SIZE(dim_) (offsetof(HalfVector, x) + sizeof(uint16) * (Size) (dim_))

/* Detoasted; may point into the tuple or be a palloc'd copy in the current context. */
#define DatumGetHalfVectorP(d) ((HalfVector *) pxd_detoast(d))
#define PG_GETARG_HALFVEC_P(n) DatumGetHalfVectorP(PG_GETARG_DATUM(n))
#define PG_RETURN_HALFVEC_P(v) PG_RETURN_POINTER(v)

/* A new halfvec in the current context, its elements not yet set. dim has been checked. */
extern HalfVector *pxd_halfvec_alloc(int dim);

/*
 * A new halfvec of dim float4 values, each rounded to the nearest float16, in the current context. Raises an ERROR if
 * a value is NaN, infinite, or too large. dim has been checked.
 */
extern HalfVector *pxd_halfvec_from_floats(const float4 *x, int dim);

/* The elements as float4, into x, which has room for them. */
extern void pxd_halfvec_to_floats(const HalfVector *halfvec, float4 *x);

/*
 * Oid of proximadb's halfvec type in this database, InvalidOid if the extension is not there; as
 * pxd_vector_type_oid.
 */
extern Oid	pxd_halfvec_type_oid(void);

#endif
