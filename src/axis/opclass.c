/*
 * opclass.c: what the operator classes of vectors tell the index: metric, dimensions, elements, exact distance.
 *
 * Support function 1 of an operator class takes and returns internal; it is called once per backend and index and
 * returns a static AxisOpclass.
 *
 * Bit strings are vectors of zeros and ones, whose squared L2 distance is their Hamming distance. Codes estimate inner products, so L1 and
 * Jaccard distance do without, and so do sparsevecs, whose dimensions are too many.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/varbit.h"

#include "axis.h"
#include "bit_kernels.h"
#include "half.h"
#include "halfvec.h"
#include "kernels.h"
#include "sparse_kernels.h"
#include "sparsevec.h"
#include "vector.h"

/* Most dimensions of a bit string that codes and directory pages have room for. */
#define BIT_MAX_DIM 16000

/* --- ranks of distances --- */

static double
rank_l2(double distance)
{
	/* no distance is below a negative one */
	return distance < 0 ? -1 : distance * distance;
}

static double
rank_cosine(double distance)
{
	/* |a - b|^2 = 2 (1 - cos) for a and b of length 1 */
	return 2 * distance;
}

static double
rank_same(double distance)
{
	return distance;
}

/* --- vector --- */

#define AS_VECTOR(value) ((const Vector *) (value))

static int
vector_dim(const struct varlena *value)
{
	return AS_VECTOR(value)->dim;
}

static void
vector_to_float(const struct varlena *value, float *out)
{
	memcpy(out, AS_VECTOR(value)->x, sizeof(float) * AS_VECTOR(value)->dim);
}

static double
vector_l2(int dim, const float *a, const float *b)
{
	return pxd_distance_l2(dim, a, b);
}

static double
vector_negative_ip(int dim, const float *a, const float *b)
{
	return pxd_distance_negative_ip(dim, a, b);
}

static double
vector_cosine(int dim, const float *a, const float *b)
{
	return pxd_distance_cosine(dim, a, b);
}

static double
vector_l1(int dim, const float *a, const float *b)
{
	return pxd_distance_l1(dim, a, b);
}

/* --- halfvec --- */

#define AS_HALFVEC(value) ((const HalfVector *) (value))

static int
halfvec_dim(const struct varlena *value)
{
	return AS_HALFVEC(value)->dim;
}

static void
halfvec_to_float(const struct varlena *value, float *out)
{
	pxd_halfvec_to_floats(AS_HALFVEC(value), out);
}

static double
halfvec_l2(const struct varlena *a, const struct varlena *b)
{
	return pxd_half_distance_l2(AS_HALFVEC(a)->dim, AS_HALFVEC(a)->x, AS_HALFVEC(b)->x);
}

static double
halfvec_negative_ip(const struct varlena *a, const struct varlena *b)
{
	return pxd_half_distance_negative_ip(AS_HALFVEC(a)->dim, AS_HALFVEC(a)->x, AS_HALFVEC(b)->x);
}

static double
halfvec_cosine(const struct varlena *a, const struct varlena *b)
{
	return pxd_half_distance_cosine(AS_HALFVEC(a)->dim, AS_HALFVEC(a)->x, AS_HALFVEC(b)->x);
}

static double
halfvec_l1(const struct varlena *a, const struct varlena *b)
{
	return pxd_half_distance_l1(AS_HALFVEC(a)->dim, AS_HALFVEC(a)->x, AS_HALFVEC(b)->x);
}

/* --- bit --- */

#define AS_BIT(value) ((const VarBit *) (value))

static int
bit_dim(const struct varlena *value)
{
	return VARBITLEN(AS_BIT(value));
}

static void
bit_to_float(const struct varlena *value, float *out)
{
	const bits8 *bits = VARBITS(AS_BIT(value));

	for (int i = 0; i < VARBITLEN(AS_BIT(value)); i++)
		out[i] = (bits[i / BITS_PER_BYTE] >> (BITS_PER_BYTE - 1 - i % BITS_PER_BYTE)) & 1;
}

static double
bit_hamming(const struct varlena *a, const struct varlena *b)
{
	return pxd_distance_hamming(VARBITBYTES(AS_BIT(a)), VARBITS(AS_BIT(a)), VARBITS(AS_BIT(b)));
}

static double
bit_jaccard(const struct varlena *a, const struct varlena *b)
{
	return pxd_distance_jaccard(VARBITBYTES(AS_BIT(a)), VARBITS(AS_BIT(a)), VARBITS(AS_BIT(b)));
}

/* --- sparsevec --- */

static int
sparsevec_dim(const struct varlena *value)
{
	return ((const SparseVector *) value)->dim;
}

#define SPARSEVEC_DISTANCE(name, distance) \
	static double \
	name(const struct varlena *a, const struct varlena *b) \
	{ \
		SparseElements elements_a = elements(a); \
		SparseElements elements_b = elements(b); \
		return distance(&elements_a, &elements_b); \
	}

static SparseElements
elements(const struct varlena *value)
{
	SparseVector *sparsevec = (SparseVector *) value;

	return (SparseElements) {sparsevec->nnz, sparsevec->indices, sparsevec_values(sparsevec)};
}

SPARSEVEC_DISTANCE(sparsevec_l2, pxd_sparse_distance_l2)
SPARSEVEC_DISTANCE(sparsevec_negative_ip, pxd_sparse_distance_negative_ip)
SPARSEVEC_DISTANCE(sparsevec_cosine, pxd_sparse_distance_cosine)
SPARSEVEC_DISTANCE(sparsevec_l1, pxd_sparse_distance_l1)

/* --- support functions --- */

#define SUPPORT_FUNCTION(name, ...) \
	PG_FUNCTION_INFO_V1(name); \
	Datum \
	name(PG_FUNCTION_ARGS) \
	{ \
		static const AxisOpclass opclass = {__VA_ARGS__}; \
		PG_RETURN_POINTER(&opclass); \
	} \
	extern Datum name(PG_FUNCTION_ARGS)

SUPPORT_FUNCTION(pxd_sql_axis_vector_l2,
				 AXIS_L2, VECTOR_MAX_DIM, vector_dim, vector_to_float, vector_l2, NULL, rank_l2);
SUPPORT_FUNCTION(pxd_sql_axis_vector_ip,
				 AXIS_IP, VECTOR_MAX_DIM, vector_dim, vector_to_float, vector_negative_ip, NULL, rank_same);
SUPPORT_FUNCTION(pxd_sql_axis_vector_cosine,
				 AXIS_COSINE, VECTOR_MAX_DIM, vector_dim, vector_to_float, vector_cosine, NULL, rank_cosine);
SUPPORT_FUNCTION(pxd_sql_axis_halfvec_l2,
				 AXIS_L2, HALFVEC_MAX_DIM, halfvec_dim, halfvec_to_float, NULL, halfvec_l2, rank_l2);
SUPPORT_FUNCTION(pxd_sql_axis_halfvec_ip,
				 AXIS_IP, HALFVEC_MAX_DIM, halfvec_dim, halfvec_to_float, NULL, halfvec_negative_ip, rank_same);
SUPPORT_FUNCTION(pxd_sql_axis_halfvec_cosine,
				 AXIS_COSINE, HALFVEC_MAX_DIM, halfvec_dim, halfvec_to_float, NULL, halfvec_cosine, rank_cosine);
SUPPORT_FUNCTION(pxd_sql_axis_bit_hamming,
				 AXIS_L2, BIT_MAX_DIM, bit_dim, bit_to_float, NULL, bit_hamming, rank_same);

#define WITHOUT_CODES true

SUPPORT_FUNCTION(pxd_sql_axis_vector_l1,
				 AXIS_L1, VECTOR_MAX_DIM, vector_dim, vector_to_float, vector_l1, NULL, NULL, WITHOUT_CODES);
SUPPORT_FUNCTION(pxd_sql_axis_halfvec_l1,
				 AXIS_L1, HALFVEC_MAX_DIM, halfvec_dim, NULL, NULL, halfvec_l1, NULL, WITHOUT_CODES);
SUPPORT_FUNCTION(pxd_sql_axis_bit_jaccard,
				 AXIS_JACCARD, INT_MAX, bit_dim, NULL, NULL, bit_jaccard, NULL, WITHOUT_CODES);
SUPPORT_FUNCTION(pxd_sql_axis_sparsevec_l2,
				 AXIS_L2, SPARSEVEC_MAX_DIM, sparsevec_dim, NULL, NULL, sparsevec_l2, NULL, WITHOUT_CODES);
SUPPORT_FUNCTION(pxd_sql_axis_sparsevec_ip,
				 AXIS_IP, SPARSEVEC_MAX_DIM, sparsevec_dim, NULL, NULL, sparsevec_negative_ip, NULL, WITHOUT_CODES);
SUPPORT_FUNCTION(pxd_sql_axis_sparsevec_cosine,
				 AXIS_COSINE, SPARSEVEC_MAX_DIM, sparsevec_dim, NULL, NULL, sparsevec_cosine, NULL, WITHOUT_CODES);
SUPPORT_FUNCTION(pxd_sql_axis_sparsevec_l1,
				 AXIS_L1, SPARSEVEC_MAX_DIM, sparsevec_dim, NULL, NULL, sparsevec_l1, NULL, WITHOUT_CODES);

const AxisOpclass *
pxd_axis_opclass(Relation index)
{
	FmgrInfo   *support = index_getprocinfo(index, 1, AXIS_SUPPORT_PROC);

	/* fn_extra of the relcache's copy lives as long as the relcache entry */
	if (support->fn_extra == NULL)
		support->fn_extra = DatumGetPointer(FunctionCall1(support, PointerGetDatum(NULL)));
	return support->fn_extra;
}
