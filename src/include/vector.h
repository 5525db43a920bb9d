/*
 * vector.h: the vector type as it lies in memory and on disk, and its helpers for C code.
 *
 * The layout is pgvector's, byte for byte, so that the two types are binary-coercible.
 */
#ifndef PXD_VECTOR_H
#define PXD_VECTOR_H

#include "postgres.h"

#include "fmgr.h"

#include "detoast.h"

#define VECTOR_MAX_DIM 16000

typedef struct Vector
{
	int32		vl_len_;		/* varlena header: SET_VARSIZE and VARSIZE only */
	int16		dim;			/* 1 .. VECTOR_MAX_DIM */
	int16		unused;			/* always 0 */
	float4		x[FLEXIBLE_ARRAY_MEMBER];	/* finite, never NaN */
} Vector;

StaticAssertDecl(offsetof(Vector, dim) == 4, "vector: dim follows the varlena header");
StaticAssertDecl(offsetof(Vector, x) == 8, "vector: elements start at byte 8");
StaticAssertDecl(VECTOR_MAX_DIM <= PG_INT16_MAX, "vector: dim is an int16");

/* Bytes of a vector with dim elements, header included. dim <= VECTOR_MAX_DIM, so this cannot overflow. */
#define VECTOR_SIZE(dim_) (offsetof(Vector, x) + sizeof(float4) * (Size) (dim_))

/* Detoasted; may point into the tuple or be a palloc'd copy in the current context. */
#define DatumGetVectorP(d) ((Vector *) pxd_detoast(d))
#define PG_GETARG_VECTOR_P(n) DatumGetVectorP(PG_GETARG_DATUM(n))
#define PG_RETURN_VECTOR_P(v) PG_RETURN_POINTER(v)

/* A new vector in the current context, its elements not yet set. dim has been checked. */
extern Vector *pxd_vector_alloc(int dim);

/* Raises an ERROR unless 1 <= dim <= VECTOR_MAX_DIM. */
extern void pxd_vector_check_dim(int dim);

/* Raises an ERROR if typmod fixes another number of dimensions (-1: any). */
extern void pxd_vector_check_typmod(int32 typmod, int dim);

/* Raises an ERROR if any of the count values is NaN or infinite. */
extern void pxd_vector_check_finite(const float4 *x, int count);

/* Order of the comparison operators: elements first, then length, as arrays do. <0, 0 or >0. */
extern int	pxd_vector_compare(const Vector *a, const Vector *b);

/*
 * Oid of proximadb's vector type in this database, InvalidOid if the extension is not there. Cached until
 * pg_type changes; a miss reads catalogs, so the caller must be in a transaction. A type named vector of
 * another extension is never returned.
 */
extern Oid	pxd_vector_type_oid(void);

/*
 * Bytes of an element of vector(n) or halfvec(n), whose typmod is n; 0 for other types and for vectors of any number
 * of dimensions. As pxd_vector_type_oid. Both types are headers of the same form and n elements behind them.
 */
extern uint8 pxd_vector_element_size(Oid typid, int32 typmod);

/*
 * Reads one number of a vector literal at text, which ends before end (*end must be readable and no part of
 * a number, such as the terminating zero). Returns the end of what was read, or text itself if there is no
 * number; *value is exactly what strtof gives. Sets *overflow if the number is too large for float4.
 */
extern const char *pxd_float_parse(const char *text, const char *end, float4 *value, bool *overflow);

#endif
