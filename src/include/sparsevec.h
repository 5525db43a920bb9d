/*
 * sparsevec.h: the sparsevec type as it lies in memory and on disk, and its helpers for C code.
 *
 * The layout is pgvector's, byte for byte, so that the two types are binary-coercible.
 */
#ifndef PXD_SPARSEVEC_H
#define PXD_SPARSEVEC_H

#include "postgres.h"

#include "fmgr.h"

#include "detoast.h"

#define SPARSEVEC_MAX_DIM 1000000000
#define SPARSEVEC_MAX_NNZ 16000

typedef struct SparseVector
{
	int32		vl_len_;		/* varlena header: SET_VARSIZE and VARSIZE only */
	int32		dim;			/* 1 .. SPARSEVEC_MAX_DIM */
	int32		nnz;			/* 0 .. SPARSEVEC_MAX_NNZ, at most dim: number of elements that are not zero */
	int32		unused;			/* always 0 */
	int32		indices[FLEXIBLE_ARRAY_MEMBER]; /* nnz of them, from 0, ascending; nnz float4 values follow */
} SparseVector;

StaticAssertDecl(offsetof(SparseVector, dim) == 4, "sparsevec: dim follows the varlena header");
StaticAssertDecl(offsetof(SparseVector, nnz) == 8, "sparsevec: nnz follows dim");
StaticAssertDecl(offsetof(SparseVector, indices) == 16, "sparsevec: indices start at byte 16");

/* Bytes of a sparsevec with nnz elements, header included. nnz <= SPARSEVEC_MAX_NNZ, so this cannot overflow. */
#define SPARSEVEC_SIZE(nnz_) (offsetof(SparseVector, indices) + (sizeof(int32) + sizeof(float4)) * (Size) (nnz_))

/* The values: finite, never NaN, never zero, in the order of the indices. */
static inline float4 *
sparsevec_values(SparseVector *sparsevec)
{
	return (float4 *) (sparsevec->indices + sparsevec->nnz);
}

/* Detoasted; may point into the tuple or be a palloc'd copy in the current context. */
#define DatumGetSparseVectorP(d) ((SparseVector *) pxd_detoast(d))
#define PG_GETARG_SPARSEVEC_P(n) DatumGetSparseVectorP(PG_GETARG_DATUM(n))
#define PG_RETURN_SPARSEVEC_P(v) PG_RETURN_POINTER(v)

/* A new sparsevec in the current context, its indices and values not yet set. dim and nnz have been checked. */
extern SparseVector *pxd_sparsevec_alloc(int dim, int nnz);

/* Raises an ERROR unless 1 <= dim <= SPARSEVEC_MAX_DIM. */
extern void pxd_sparsevec_check_dim(int dim);

/* Raises an ERROR unless nnz elements are no more than a sparsevec, and one of dim dimensions, can have. */
extern void pxd_sparsevec_check_nnz(int nnz, int dim);

/*
 * A new sparsevec of the values among dim that are not zero, in the current context. Raises an ERROR if a value is
 * NaN or infinite, or too many are not zero. dim has been checked.
 */
extern SparseVector *pxd_sparsevec_from_floats(const float4 *x, int dim);

/* All dim elements, zeros too, into x, which has room for them. Raises an ERROR if an index is damaged. */
extern void pxd_sparsevec_to_floats(SparseVector *sparsevec, float4 *x);

#endif
