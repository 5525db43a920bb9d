/*
 * pgvector_shim.c: pgvector's own distance functions for bench_types, compiled from its source with its flags.
 *
 * Its files are included, because the functions are static. What they need of a server is dropped by the linker, but for
 * what stands below.
 */
#include "vector.c"
#include "halfutils.c"
#include "bitutils.c"

#undef CheckDims
#define CheckDims			sparsevec_CheckDims
#define CheckExpectedDim	sparsevec_CheckExpectedDim
#define CheckDim			sparsevec_CheckDim
#define CheckElement		sparsevec_CheckElement
#include "sparsevec.c"

struct varlena *
pg_detoast_datum(struct varlena *datum)
{
	return datum;
}

/* No argument here is one that an error would be raised for. */
bool
errstart_cold(int elevel, const char *domain)
{
	abort();
}

int
errcode(int sqlerrcode)
{
	abort();
}

int
errmsg(const char *fmt,...)
{
	abort();
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	abort();
}

void
pgvector_init(void)
{
	HalfvecInit();
	BitvecInit();
}

/* Metrics are numbered as in bench_types.c: L2, inner product, cosine, L1. */
double
pgvector_vector(int metric, int dim, const void *a, const void *b)
{
	switch (metric)
	{
		case 0:
			return VectorL2SquaredDistance(dim, (float *) a, (float *) b);
		case 1:
			return VectorInnerProduct(dim, (float *) a, (float *) b);
		case 2:
			return VectorCosineSimilarity(dim, (float *) a, (float *) b);
		default:
			return VectorL1Distance(dim, (float *) a, (float *) b);
	}
}

double
pgvector_halfvec(int metric, int dim, const void *a, const void *b)
{
	switch (metric)
	{
		case 0:
			return HalfvecL2SquaredDistance(dim, (half *) a, (half *) b);
		case 1:
			return HalfvecInnerProduct(dim, (half *) a, (half *) b);
		case 2:
			return HalfvecCosineSimilarity(dim, (half *) a, (half *) b);
		default:
			return HalfvecL1Distance(dim, (half *) a, (half *) b);
	}
}

/* Hamming, Jaccard. */
double
pgvector_bit(int metric, int dim, const void *a, const void *b)
{
	if (metric == 0)
		return BitHammingDistance(dim / 8, (unsigned char *) a, (unsigned char *) b, 0);
	return BitJaccardDistance(dim / 8, (unsigned char *) a, (unsigned char *) b, 0, 0, 0);
}

/* Of SparseVectors. Cosine and L1 exist as SQL functions only. */
double
pgvector_sparsevec(int metric, const void *a, const void *b)
{
	LOCAL_FCINFO(fcinfo, 2);

	fcinfo->args[0].value = PointerGetDatum(a);
	fcinfo->args[1].value = PointerGetDatum(b);
	switch (metric)
	{
		case 0:
			return SparsevecL2SquaredDistance((SparseVector *) a, (SparseVector *) b);
		case 1:
			return SparsevecInnerProduct((SparseVector *) a, (SparseVector *) b);
		case 2:
			return DatumGetFloat8(sparsevec_cosine_distance(fcinfo));
		default:
			return DatumGetFloat8(sparsevec_l1_distance(fcinfo));
	}
}
