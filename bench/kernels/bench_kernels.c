/*
 * bench_kernels.c: nanoseconds per distance of each kernel set, and how much faster than the scalar set.
 *
 * A program of its own, linked with the kernels and nothing of the server. Usage: bench_kernels [dim ...]
 */
#include "postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernel_sets.h"

/* The server's printf is not there. */
#undef printf

#define MAX_DIM 16000
/* Pairs in a round: few enough to stay in the second-level cache at usual dimensions, as a page just read does. */
#define ROWS 64
/* Each figure is the best of many short rounds: other load disturbs most of them, not all. */
#define ROUNDS 40
#define ROUND_NS 1000000.0

typedef double (*Measured) (const KernelSet *set, int dim, const float *query, const float *row);

static double
run_l2(const KernelSet *set, int dim, const float *query, const float *row)
{
	return set->l2_squared(dim, query, row);
}

static double
run_ip(const KernelSet *set, int dim, const float *query, const float *row)
{
	return set->inner_product(dim, query, row);
}

static double
run_l1(const KernelSet *set, int dim, const float *query, const float *row)
{
	return set->l1(dim, query, row);
}

static double
run_cosine(const KernelSet *set, int dim, const float *query, const float *row)
{
	CosineSums	sums;

	set->cosine_sums(dim, query, row, &sums);
	return pxd_cosine_similarity(&sums);
}

static const struct
{
	const char *name;
	Measured	run;
}			measured[] =
{
	{"l2", run_l2}, {"inner product", run_ip}, {"cosine", run_cosine}, {"l1", run_l1}
};

static double
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

/* Best time of one call, in nanoseconds. */
static double
measure(Measured run, const KernelSet *set, int dim, const float *data)
{
	static volatile double sink;
	double		best_ns = 1e18;

	for (int round = 0; round < ROUNDS; round++)
	{
		double		start = now_ns();
		double		elapsed;
		long		calls = 0;
		double		sum = 0.0;

		do
		{
			for (int row = 1; row < ROWS; row++)
				sum += run(set, dim, data, data + (size_t) row * dim);
			calls += ROWS - 1;
			elapsed = now_ns() - start;
		} while (elapsed < ROUND_NS);
		sink = sum;
		best_ns = Min(best_ns, elapsed / calls);
	}
	(void) sink;
	return best_ns;
}

static void
bench_dim(int dim)
{
	const KernelSet *sets[MAX_KERNEL_SETS];
	int			nsets = pxd_kernels_usable(sets);
	float	   *data = malloc(sizeof(float) * ROWS * dim);

	for (size_t i = 0; i < (size_t) ROWS * dim; i++)
		data[i] = (float) (rand() / (RAND_MAX / 2.0) - 1.0);

	for (int m = 0; m < lengthof(measured); m++)
	{
		double		scalar_ns = measure(measured[m].run, &pxd_kernels_scalar, dim, data);

		for (int i = 0; i < nsets; i++)
		{
			double		ns = measure(measured[m].run, sets[i], dim, data);

			printf("%6d  %-14s %-12s %9.1f ns  %5.1f x\n", dim, measured[m].name, sets[i]->isa, ns, scalar_ns / ns);
		}
	}
	free(data);
}

int
main(int argc, char **argv)
{
	if (argc == 1)
	{
		bench_dim(128);
		bench_dim(768);
		bench_dim(1536);
	}
	for (int i = 1; i < argc; i++)
	{
		int			dim = atoi(argv[i]);

		if (dim < 1 || dim > MAX_DIM)
		{
			printf("dimensions range from 1 to %d\n", MAX_DIM);
			return 1;
		}
		bench_dim(dim);
	}
	return 0;
}
