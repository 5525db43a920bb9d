/*
 * halfvec_ops.c: the functions of dense_ops_template.h for halfvec.
 */
#include "postgres.h"

#include "half.h"
#include "halfvec.h"

#define TYPE_NAME		"halfvec"
#define VECTOR			HalfVector
#define ELEMENT			uint16
#define SQL(name)		pxd_sql_halfvec_##name
#define GETARG(n)		PG_GETARG_HALFVEC_P(n)
#define ALLOC(dim)		pxd_halfvec_alloc(dim)
#define DISTANCE(name)	pxd_half_distance_##name
#define KERNEL(name)	pxd_kernels.half_##name
#define TO_FLOAT(x)		pxd_half_to_float(x)
#define FROM_FLOAT(x)	pxd_float_to_half(x)
#define IS_INFINITE(x)	pxd_half_is_special(x)
#define IS_ZERO(x)		(((x) & HALF_MAGNITUDE) == 0)
/* as signed integers, positive numbers are the positive ones */
#define IS_POSITIVE(x)	((int16) (x) > 0)

#include "dense_ops_template.h"
