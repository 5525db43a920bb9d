/*
 * bench_types.c: nanoseconds per distance of vector, halfvec, bit and sparsevec: the set this machine uses, the scalar
 * one, and pgvector's function where it was built in (make run-types PGVECTOR=dir).
 *
 * A program of its own, linked with the kernels and nothing of the server. Usage: bench_types [type]
 */
#include "postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bit_kernels.h"
#include "half.h"
#include "kernel_sets.h"
#include "sparse_kernels.h"
#include "sparsevec.h"

/* The server's printf is not there. */
#undef printf
#undef snprintf

/* Pairs in a round: few enough to stay in the second-level cache at usual dimensions, as a page just read does. */
#define ROWS 64
/* More of sparse vectors: branches on the indices of a few would be predicted by heart. */
#define SPARSE_ROWS 1024
/* Each figure is the best of many short rounds, taken in turns: other load disturbs most of them, not all. */
#define ROUNDS 60
#define ROUND_NS 400000.0
#define MAX_CONTENDERS 3

/* Who computes a distance; shown in this order. */
typedef enum Contender
{
	OURS,
	SCALAR,
	PGVECTOR
} Contender;

static const KernelSet *scalar_set;
static const BitKernelSet *scalar_bits;

#ifdef WITH_PGVECTOR
extern void pgvector_init(void);
extern double pgvector_vector(int metric, int dim, const void *a, const void *b);
extern double pgvector_halfvec(int metric, int dim, const void *a, const void *b);
extern double pgvector_bit(int metric, int dim, const void *a, const void *b);
extern double pgvector_sparsevec(int metric, const void *a, const void *b);
uint8		pg_number_of_ones[256];
#define CONTENDERS 3
#else
#define CONTENDERS 2
#define pgvector_vector(metric, dim, a, b) 0.0
#define pgvector_halfvec(metric, dim, a, b) 0.0
#define pgvector_bit(metric, dim, a, b) 0.0
#define pgvector_sparsevec(metric, a, b) 0.0
#endif

typedef double (*Distance) (Contender contender, int metric, int dim, const void *a, const void *b);

static double
vector_distance(Contender contender, int metric, int dim, const void *a, const void *b)
{
	const KernelSet *set = contender == SCALAR ? scalar_set : &pxd_kernels;
	CosineSums	sums;

	if (contender == PGVECTOR)
		return pgvector_vector(metric, dim, a, b);
	switch (metric)
	{
		case 0:
			return set->l2_squared(dim, a, b);
		case 1:
			return set->inner_product(dim, a, b);
		case 2:
			set->cosine_sums(dim, a, b, &sums);
			return pxd_cosine_similarity(&sums);
		default:
			return set->l1(dim, a, b);
	}
}

static double
halfvec_distance(Contender contender, int metric, int dim, const void *a, const void *b)
{
	const KernelSet *set = contender == SCALAR ? scalar_set : &pxd_kernels;
	CosineSums	sums;

	if (contender == PGVECTOR)
		return pgvector_halfvec(metric, dim, a, b);
	switch (metric)
	{
		case 0:
			return set->half_l2_squared(dim, a, b);
		case 1:
			return set->half_inner_product(dim, a, b);
		case 2:
			set->half_cosine_sums(dim, a, b, &sums);
			return pxd_cosine_similarity(&sums);
		default:
			return set->half_l1(dim, a, b);
	}
}

static double
bit_distance(Contender contender, int metric, int dim, const void *a, const void *b)
{
	const BitKernelSet *set = contender == SCALAR ? scalar_bits : &pxd_bit_kernels;
	BitCounts	counts;

	if (contender == PGVECTOR)
		return pgvector_bit(metric, dim, a, b);
	if (metric == 0)
		return set->differing(dim / 8, a, b);
	set->counts(dim / 8, a, b, &counts);
	return counts.both == 0 ? 1.0 : 1.0 - (double) counts.both / counts.either;
}

static double
sparsevec_distance(Contender contender, int metric, int dim, const void *a, const void *b)
{
	SparseVector *x = (SparseVector *) a;
	SparseVector *y = (SparseVector *) b;
	SparseElements list_a = {x->nnz, x->indices, sparsevec_values(x)};
	SparseElements list_b = {y->nnz, y->indices, sparsevec_values(y)};

	if (contender == PGVECTOR)
		return pgvector_sparsevec(metric, a, b);
	switch (metric)
	{
		case 0:
			return pxd_sparse_l2_squared(&list_a, &list_b);
		case 1:
			return pxd_sparse_inner_product(&list_a, &list_b);
		case 2:
			return pxd_sparse_distance_cosine(&list_a, &list_b);
		default:
			return pxd_sparse_l1(&list_a, &list_b);
	}
}

static double
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

/* Time of one call in a round over all rows against the first, in nanoseconds. */
static double
one_round(Distance distance, Contender contender, int metric, int dim, const char *data, size_t stride, int rows)
{
	static volatile double sink;
	double		start = now_ns();
	double		elapsed;
	long		calls = 0;
	double		sum = 0.0;

	do
	{
		for (int row = 1; row < rows; row++)
			sum += distance(contender, metric, dim, data, data + row * stride);
		calls += rows - 1;
		elapsed = now_ns() - start;
	} while (elapsed < ROUND_NS);
	sink = sum;
	(void) sink;
	return elapsed / calls;
}

/* Measures all contenders in turns and prints a line; a star where pgvector or scalar is faster. */
static void
measure(const char *type, const char *metric_name, const char *size, Distance distance, int contenders, int metric,
		int dim, const char *data, size_t stride, int rows)
{
	double		best[MAX_CONTENDERS] = {1e18, 1e18, 1e18};

	for (int round = 0; round < ROUNDS; round++)
		for (int contender = 0; contender < CONTENDERS; contender++)
			if (contenders & (1 << contender))
				best[contender] = Min(best[contender], one_round(distance, contender, metric, dim, data, stride, rows));

	printf("%-9s %-14s %14s %9.1f ns", type, metric_name, size, best[OURS]);
	for (int contender = SCALAR; contender < CONTENDERS; contender++)
	{
		if (!(contenders & (1 << contender)))
			printf("%24s", "");
		else
			printf("  %9.1f ns %5.2f x%s", best[contender], best[contender] / best[OURS],
				   best[contender] < best[OURS] ? " *" : "  ");
	}
	printf("\n");
	fflush(stdout);
}

static float
random_value(void)
{
	return (float) (rand() / (RAND_MAX / 2.0) - 1.0);
}

static const char *const metrics[] = {"l2", "inner product", "cosine", "l1"};

static void
bench_dense(int dim, const char *type)
{
	float	   *floats = malloc(sizeof(float) * ROWS * dim);
	uint16	   *halfs = malloc(sizeof(uint16) * ROWS * dim);
	char		size[32];

	for (size_t i = 0; i < (size_t) ROWS * dim; i++)
	{
		floats[i] = random_value();
		halfs[i] = pxd_float_to_half(floats[i]);
	}
	snprintf(size, sizeof(size), "%d", dim);
	for (int metric = 0; metric < lengthof(metrics) && (type == NULL || strcmp(type, "vector") == 0); metric++)
		measure("vector", metrics[metric], size, vector_distance, 7, metric, dim, (char *) floats, sizeof(float) * dim, ROWS);
	for (int metric = 0; metric < lengthof(metrics) && (type == NULL || strcmp(type, "halfvec") == 0); metric++)
		measure("halfvec", metrics[metric], size, halfvec_distance, 7, metric, dim, (char *) halfs, sizeof(uint16) * dim, ROWS);
	free(floats);
	free(halfs);
}

static void
bench_bits(int dim)
{
	static const char *const bit_metrics[] = {"hamming", "jaccard"};
	char	   *data = malloc(ROWS * dim / 8);
	char		size[32];

	for (int i = 0; i < ROWS * dim / 8; i++)
		data[i] = (char) rand();
	snprintf(size, sizeof(size), "%d", dim);
	for (int metric = 0; metric < lengthof(bit_metrics); metric++)
		measure("bit", bit_metrics[metric], size, bit_distance, 7, metric, dim, data, dim / 8, ROWS);
	free(data);
}

/* Fills a sparsevec with count elements at random among range indices. */
static void
fill_sparse(SparseVector *sparsevec, int count, int range)
{
	int			n = 0;

	SET_VARSIZE(sparsevec, SPARSEVEC_SIZE(count));
	sparsevec->dim = range;
	sparsevec->nnz = count;
	sparsevec->unused = 0;
	for (int i = 0; i < range && n < count; i++)
		if (rand() % (range - i) < count - n)
		{
			sparsevec->indices[n] = i;
			sparsevec_values(sparsevec)[n++] = random_value();
		}
}

static void
bench_sparse(int query_count, int count, int range)
{
	size_t		stride = MAXALIGN(SPARSEVEC_SIZE(Max(count, query_count)));
	char	   *data = malloc(SPARSE_ROWS * stride);
	char		size[32];

	for (int row = 0; row < SPARSE_ROWS; row++)
		fill_sparse((SparseVector *) (data + row * stride), row == 0 ? query_count : count, range);
	snprintf(size, sizeof(size), "%d,%d/%d", query_count, count, range);
	for (int metric = 0; metric < lengthof(metrics); metric++)
		measure("sparsevec", metrics[metric], size, sparsevec_distance, 5, metric, 0, data, stride, SPARSE_ROWS);
	free(data);
}

int
main(int argc, char **argv)
{
	const char *type = argc > 1 ? argv[1] : NULL;
	static const int dims[] = {3, 16, 50, 100, 128, 200, 300, 384, 512, 768, 1000, 1024, 1536, 2000, 3072};
	static const int bit_dims[] = {64, 128, 256, 384, 768, 1024, 1536, 3072, 16384};
	const BitKernelSet *bit_sets[MAX_BIT_KERNEL_SETS];

	pxd_kernels_init();
	scalar_set = &pxd_kernels_scalar;
	(void) pxd_bit_kernels_usable(bit_sets);
	scalar_bits = bit_sets[0];
#ifdef WITH_PGVECTOR
	for (int i = 0; i < 256; i++)
		for (int bit = i; bit != 0; bit >>= 1)
			pg_number_of_ones[i] += bit & 1;
	pgvector_init();
#endif

	printf("%-9s %-14s %14s %12s  %21s", "type", "distance", "size", pxd_kernels.isa, "scalar");
	printf("%s\n", CONTENDERS > PGVECTOR ? "                pgvector" : "");
	for (int i = 0; i < lengthof(dims); i++)
		bench_dense(dims[i], type);
	for (int i = 0; i < lengthof(bit_dims) && (type == NULL || strcmp(type, "bit") == 0); i++)
		bench_bits(bit_dims[i]);
	if (type != NULL && strcmp(type, "sparsevec") != 0)
		return 0;
	/* alike and different lengths, few and many common indices */
	bench_sparse(10, 10, 30000);
	bench_sparse(30, 120, 30000);
	bench_sparse(120, 120, 30000);
	bench_sparse(120, 120, 400);
	bench_sparse(120, 120, 120);
	bench_sparse(1000, 1000, 100000);
	bench_sparse(1000, 1000, 2500);
	bench_sparse(5, 1000, 100000);
	bench_sparse(1000, 5, 100000);
	bench_sparse(50, 1000, 2000);
	return 0;
}
