/*
 * types_internal.h: what vector, halfvec and sparsevec share: the checks of their dimensions and elements, the
 * reading of literals and arrays, the state of avg. type is the type's name, for messages.
 */
#ifndef PXD_TYPES_INTERNAL_H
#define PXD_TYPES_INTERNAL_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/array.h"

/* --- checks.c --- */

/* Raises an ERROR unless 1 <= dim <= max_dim. */
extern void pxd_types_check_dim(const char *type, int dim, int max_dim);

/* Raises the error of pxd_types_check_dim for dim > max_dim. */
extern void pxd_types_too_many_dimensions(const char *type, int max_dim) pg_attribute_noreturn();

/* Raises an ERROR if typmod fixes another number of dimensions (-1: any). */
extern void pxd_types_check_typmod(const char *type, int32 typmod, int dim);

/* Raises an ERROR if any of the count values is NaN or infinite. */
extern void pxd_types_check_finite(const char *type, const float4 *x, int count);

/* Raises the error for two arguments of an operation with a and b dimensions. */
extern void pxd_types_dims_differ(const char *type, int a, int b) pg_attribute_noreturn();

/* Raises an ERROR unless the unused field of a binary value is 0. */
extern void pxd_types_check_unused(const char *type, int unused);

/* The number of dimensions in the modifiers of type(n); raises an ERROR unless it is one, from 1 to max_dim. */
extern int32 pxd_types_typmod_in(const char *type, ArrayType *modifiers, int max_dim);

/* --- literal.c --- */

/* The white space that array literals know, whatever the locale. */
static inline bool
pxd_types_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline const char *
pxd_types_skip_space(const char *p)
{
	while (pxd_types_is_space(*p))
		p++;
	return p;
}

/* Raises the error for a literal that is none of type; detail is a whole sentence. */
extern void pxd_types_malformed(const char *type, const char *literal, const char *detail) pg_attribute_noreturn();

/* Raises the error for a number, text up to stop, that type's elements cannot hold. */
extern void pxd_types_out_of_range(const char *type, const char *text, const char *stop) pg_attribute_noreturn();

/*
 * Reads a literal "[1,2,3]" into x, which has room for max_dim elements; returns how many there are. Raises an
 * ERROR for anything else, but values may be NaN or infinite.
 */
extern int	pxd_types_parse(const char *type, const char *literal, float4 *x, int max_dim);

/* --- array.c --- */

/*
 * The number of elements of an array that is to become a vector. Raises an ERROR if it has more than one dimension,
 * or NULLs.
 */
extern int	pxd_types_array_dim(const char *type, const ArrayType *array);

/*
 * Writes the count elements of an array without NULLs, of int4, float4, float8 or numeric, to x. Values may be NaN or
 * infinite.
 */
extern void pxd_types_array_elements(const ArrayType *array, int count, float4 *x);

/* A new array real[] of dim elements, in the current context; *elements is where to write them. */
extern ArrayType *pxd_types_make_array(int dim, float4 **elements);

/* --- vector_agg.c --- */

/* The transition function of avg: adds dim elements to the state, argument 0 of the SQL function. */
extern Datum pxd_types_accumulate(FunctionCallInfo fcinfo, const char *type, const float4 *x, int dim);

/*
 * The means of a final state, argument 0 of the SQL function, in the current context; NULL of no vectors. *dim is
 * within type's limits, values may be NaN or infinite.
 */
extern float4 *pxd_types_means(FunctionCallInfo fcinfo, const char *type, int *dim);

#endif
