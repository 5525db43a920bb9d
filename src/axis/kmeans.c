/*
 * kmeans.c: the sample of a build, and centroids for it.
 *
 * Distances are computed between the sample's 8-bit vectors and centroids quantised to 8 bits, the very kernel and
 * precision with which rows will be assigned to lists.
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "axis_sample.h"
#include "code_kernels.h"

#define COARSE_ROUNDS 6
#define FINE_ROUNDS 6
#define FLAT_ROUNDS 2

Size
pxd_axis_sample_bytes(int dim, int capacity)
{
	return mul_size(capacity, dim + 2 * sizeof(float) + 4 * sizeof(int));
}

Size
pxd_axis_kmeans_bytes(int dim, int centroids)
{
	return mul_size(centroids, dim * (2 * sizeof(float) + 1) + 8 * sizeof(float));
}

static void *
alloc_large(Size size)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, Max(size, 1));
}

AxisSample *
pxd_axis_sample_create(int dim, int capacity)
{
	AxisSample *sample = palloc0(sizeof(AxisSample));

	sample->dim = dim;
	sample->capacity = capacity;
	sample->codes = alloc_large(mul_size(capacity, dim));
	sample->scale = alloc_large(mul_size(capacity, sizeof(float)));
	sample->total = alloc_large(mul_size(capacity, sizeof(float)));
	return sample;
}

void
pxd_axis_sample_free(AxisSample *sample)
{
	pfree(sample->codes);
	pfree(sample->scale);
	pfree(sample->total);
	pfree(sample);
}

void
pxd_axis_sample_set(AxisSample *sample, int i, const float *x)
{
	int8	   *codes = sample->codes + (Size) sample->dim * i;
	int32		sum = 0;

	Assert(i <= sample->count && i < sample->capacity);
	sample->scale[i] = pxd_quantise_query(sample->dim, x, codes);
	for (int d = 0; d < sample->dim; d++)
		sum += codes[d];
	sample->total[i] = sample->scale[i] * sum;
	if (i == sample->count)
		sample->count++;
}

void
pxd_axis_sample_get(const AxisSample *sample, int i, float *out)
{
	const int8 *codes = sample->codes + (Size) sample->dim * i;

	for (int d = 0; d < sample->dim; d++)
		out[d] = sample->scale[i] * codes[d];
}

/* Centroids being found: as floats, and quantised. */
typedef struct Centroids
{
	int			count;
	float	   *x;				/* count x dim */
	uint8	   *codes;
	float	   *scale;
	float	   *offset;
	float	   *norm2;
	int32	   *dots;
} Centroids;

static void
centroids_init(Centroids *centroids, int dim, int count, float *x)
{
	centroids->count = count;
	centroids->x = x;
	centroids->codes = alloc_large(mul_size(count, dim));
	centroids->scale = palloc(sizeof(float) * count);
	centroids->offset = palloc(sizeof(float) * count);
	centroids->norm2 = palloc(sizeof(float) * count);
	centroids->dots = palloc(sizeof(int32) * count);
}

static void
centroids_free(Centroids *centroids)
{
	pfree(centroids->codes);
	pfree(centroids->scale);
	pfree(centroids->offset);
	pfree(centroids->norm2);
	pfree(centroids->dots);
}

static void
centroids_quantise(Centroids *centroids, int dim)
{
	for (int c = 0; c < centroids->count; c++)
	{
		const float *x = centroids->x + (Size) dim * c;
		double		norm2 = 0;

		pxd_quantise_u8(dim, x, &centroids->scale[c], &centroids->offset[c], centroids->codes + (Size) dim * c);
		for (int d = 0; d < dim; d++)
			norm2 += (double) x[d] * x[d];
		centroids->norm2[c] = (float) norm2;
	}
}

/* The centroid nearest to vector i of the sample. */
static int
nearest_centroid(const AxisSample *sample, int i, const Centroids *centroids)
{
	int			dim = sample->dim;
	int			best = 0;
	float		best_distance = INFINITY;

	pxd_code_dot(8, dim, sample->codes + (Size) dim * i, centroids->codes, dim, centroids->count, centroids->dots);
	for (int c = 0; c < centroids->count; c++)
	{
		float		product = centroids->offset[c] * sample->total[i] +
			centroids->scale[c] * sample->scale[i] * centroids->dots[c];
		float		distance = centroids->norm2[c] - 2 * product;

		if (distance < best_distance)
		{
			best_distance = distance;
			best = c;
		}
	}
	return best;
}

static void
add_vector(const AxisSample *sample, int i, float *sum)
{
	const int8 *codes = sample->codes + (Size) sample->dim * i;
	float		scale = sample->scale[i];

	for (int d = 0; d < sample->dim; d++)
		sum[d] += scale * codes[d];
}

/*
 * Lloyd's rounds over the vectors `rows` of the sample. Centroids that have lost all their vectors start again at a random one. Leaves
 * each vector's centroid, as of the last round's beginning, in assigned.
 */
static void
lloyd(const AxisSample *sample, const int *rows, int nrows, Centroids *centroids, int rounds, int *assigned)
{
	int			dim = sample->dim;
	int			k = centroids->count;
	float	   *sums = alloc_large(mul_size(k, dim * sizeof(float)));
	int		   *counts = palloc(sizeof(int) * k);

	for (int round = 0; round < rounds; round++)
	{
		centroids_quantise(centroids, dim);
		memset(sums, 0, mul_size(k, dim * sizeof(float)));
		memset(counts, 0, sizeof(int) * k);
		for (int i = 0; i < nrows; i++)
		{
			if (i % 256 == 0)
				CHECK_FOR_INTERRUPTS();
			assigned[i] = nearest_centroid(sample, rows[i], centroids);
			add_vector(sample, rows[i], sums + (Size) dim * assigned[i]);
			counts[assigned[i]]++;
		}
		for (int c = 0; c < k; c++)
		{
			float	   *x = centroids->x + (Size) dim * c;

			if (counts[c] == 0)
				pxd_axis_sample_get(sample, rows[pg_prng_uint64_range(&pg_global_prng_state, 0, nrows - 1)], x);
			else
				for (int d = 0; d < dim; d++)
					x[d] = sums[(Size) dim * c + d] / counts[c];
		}
	}
	pfree(sums);
	pfree(counts);
}

/* Starts centroids at different random vectors among rows, which it shuffles. count <= nrows. */
static void
pick_centroids(const AxisSample *sample, int *rows, int nrows, Centroids *centroids)
{
	Assert(centroids->count <= nrows);
	for (int c = 0; c < centroids->count; c++)
	{
		int			other = (int) pg_prng_uint64_range(&pg_global_prng_state, c, nrows - 1);
		int			row = rows[other];

		rows[other] = rows[c];
		rows[c] = row;
		pxd_axis_sample_get(sample, row, centroids->x + (Size) sample->dim * c);
	}
}

/* Finds count centroids of the vectors rows, to x; leaves each vector's in assigned. */
static void
cluster(const AxisSample *sample, int *rows, int nrows, int count, int rounds, float *x, int *assigned)
{
	Centroids	centroids;

	centroids_init(&centroids, sample->dim, count, x);
	pick_centroids(sample, rows, nrows, &centroids);
	lloyd(sample, rows, nrows, &centroids, rounds, assigned);
	centroids_free(&centroids);
}

/* Centroids within each of the groups that assigned tells; returns how many. */
static int
cluster_groups(const AxisSample *sample, const int *rows, const int *assigned, int groups, int k, float *out)
{
	int			n = sample->count;
	int		   *members = alloc_large(mul_size(n, sizeof(int)));
	int		   *scratch = alloc_large(mul_size(n, sizeof(int)));
	int			found = 0;

	for (int g = 0; g < groups; g++)
	{
		int			size = 0;
		int			share;

		for (int i = 0; i < n; i++)
			if (assigned[i] == g)
				members[size++] = rows[i];
		if (size == 0)
			continue;
		share = (int) rint((double) k * size / n);
		share = Min(Min(Max(share, 1), size), k - found);
		if (share == 0)
			break;
		cluster(sample, members, size, share, FINE_ROUNDS, out + (Size) sample->dim * found, scratch);
		found += share;
	}
	pfree(members);
	pfree(scratch);
	return found;
}

int
pxd_axis_kmeans(const AxisSample *sample, int k, float *out)
{
	int			n = sample->count;
	int		   *rows = alloc_large(mul_size(n, sizeof(int)));
	int		   *assigned = alloc_large(mul_size(n, sizeof(int)));
	int			groups;
	float	   *coarse;
	Centroids	centroids;

	Assert(n > 0 && k > 0);
	k = Min(k, n);
	for (int i = 0; i < n; i++)
		rows[i] = i;

	groups = (int) sqrt(k);
	if (groups >= 4)
	{
		coarse = alloc_large(mul_size(groups, sample->dim * sizeof(float)));
		cluster(sample, rows, n, groups, COARSE_ROUNDS, coarse, assigned);
		pfree(coarse);
		k = cluster_groups(sample, rows, assigned, groups, k, out);
	}
	else
		cluster(sample, rows, n, k, FINE_ROUNDS, out, assigned);

	centroids_init(&centroids, sample->dim, k, out);
	lloyd(sample, rows, n, &centroids, FLAT_ROUNDS, assigned);
	centroids_free(&centroids);
	pfree(rows);
	pfree(assigned);
	return k;
}
