/*
 * vector_ops.c: the functions of dense_ops_template.h for vector.
 */
#include "postgres.h"

#include "vector.h"

#define TYPE_NAME		"vector"
#define VECTOR			Vector
#define ELEMENT			float4
#define SQL(name)		pxd_sql_vector_##name
#define GETARG(n)		PG_GETARG_VECTOR_P(n)
#define ALLOC(dim)		pxd_vector_alloc(dim)
#define DISTANCE(name)	pxd_distance_##name
#define KERNEL(name)	pxd_kernels.name
#define TO_FLOAT(x)		(x)
#define FROM_FLOAT(x)	(x)
#define IS_INFINITE(x)	(isinf(x) != 0)
#define IS_ZERO(x)		((x) == 0.0f)
#define IS_POSITIVE(x)	((x) > 0.0f)

#include "dense_ops_template.h"
