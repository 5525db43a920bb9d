/*
 * kmeans.c: the sample of a build, and centroids for it.
 *
 * Distances are computed between the sample's 8-bit vectors and centroids quantised to 8 bits, the very kernel and
 * precision with which rows will be assigned to lists.
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "axis_sample.h"
#include "code_kernels.h"

#define COARSE_ROUNDS 6
#define FINE_ROUNDS 6
#define FLAT_ROUNDS 2
/* Vectors of the sample that a centroid shall have on average; of equal ones no more count. */
#define LEAST_PER_CENTROID 16

/* A vector that a centroid may begin at. */
typedef struct Start
{
	float		key;			/* the smallest keys are taken */
	int			row;
} Start;

#define ST_SORT sort_starts
#define ST_ELEMENT_TYPE Start
#define ST_COMPARE(a, b) ((a)->key < (b)->key ? -1 : (a)->key > (b)->key)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

Size
pxd_axis_sample_bytes(int dim, int capacity)
{
	return mul_size(capacity, dim + 2 * sizeof(float) + sizeof(int) + 4 * sizeof(int) + sizeof(Start));
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
	sample->copies = alloc_large(mul_size(capacity, sizeof(int)));
	return sample;
}

void
pxd_axis_sample_free(AxisSample *sample)
{
	pfree(sample->codes);
	pfree(sample->scale);
	pfree(sample->total);
	pfree(sample->copies);
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
	sample->copies[i] = 1;
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

/* A vector's scale without the last bits, in which vectors of one direction differ when they have been scaled to length 1. */
static uint32
rounded_scale(const AxisSample *sample, int i)
{
	uint32		bits;

	memcpy(&bits, &sample->scale[i], sizeof(bits));
	return (bits + 32) >> 6;
}

static bool
same_vector(const AxisSample *sample, int a, int b)
{
	return rounded_scale(sample, a) == rounded_scale(sample, b) &&
		memcmp(sample->codes + (Size) sample->dim * a, sample->codes + (Size) sample->dim * b, sample->dim) == 0;
}

void
pxd_axis_sample_merge(AxisSample *sample)
{
	int			dim = sample->dim;
	uint32		slots = pg_nextpower2_32((uint32) sample->count + (uint32) sample->count / 2 + 1);
	int		   *table = alloc_large(mul_size(slots, sizeof(int)));	/* hash table of vectors that stay, -1: none */
	int			kept = 0;

	memset(table, -1, mul_size(slots, sizeof(int)));
	for (int i = 0; i < sample->count; i++)
	{
		const int8 *codes = sample->codes + (Size) dim * i;
		uint32		slot = hash_combine(hash_bytes((const unsigned char *) codes, dim),
										hash_bytes_uint32(rounded_scale(sample, i))) & (slots - 1);

		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		while (table[slot] >= 0 && !same_vector(sample, table[slot], i))
			slot = (slot + 1) & (slots - 1);
		if (table[slot] >= 0)
		{
			sample->copies[table[slot]] += sample->copies[i];
			continue;
		}
		table[slot] = kept;
		if (kept < i)
		{
			memcpy(sample->codes + (Size) dim * kept, codes, dim);
			sample->scale[kept] = sample->scale[i];
			sample->total[kept] = sample->total[i];
			sample->copies[kept] = sample->copies[i];
		}
		kept++;
	}
	sample->count = kept;
	pfree(table);
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
	float		scale = sample->scale[i] * sample->copies[i];

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
			counts[assigned[i]] += sample->copies[rows[i]];
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

/*
 * Starts centroids at different random vectors among rows, each the more likely the more rows it stands for: what many rows are equal to
 * shall have a list of its own. count <= nrows.
 */
static void
pick_centroids(const AxisSample *sample, const int *rows, int nrows, Centroids *centroids)
{
	Start	   *starts = alloc_large(mul_size(nrows, sizeof(Start)));

	Assert(centroids->count <= nrows);
	/* the smallest of exponential variables with these rates: draws without replacement, weighted */
	for (int i = 0; i < nrows; i++)
	{
		starts[i].key = (float) (-log1p(-pg_prng_double(&pg_global_prng_state)) / sample->copies[rows[i]]);
		starts[i].row = rows[i];
	}
	sort_starts(starts, nrows);
	for (int c = 0; c < centroids->count; c++)
		pxd_axis_sample_get(sample, starts[c].row, centroids->x + (Size) sample->dim * c);
	pfree(starts);
}

/* Finds count centroids of the vectors rows, to x; leaves each vector's in assigned. */
static void
cluster(const AxisSample *sample, const int *rows, int nrows, int count, int rounds, float *x, int *assigned)
{
	Centroids	centroids;

	centroids_init(&centroids, sample->dim, count, x);
	pick_centroids(sample, rows, nrows, &centroids);
	lloyd(sample, rows, nrows, &centroids, rounds, assigned);
	centroids_free(&centroids);
}

/*
 * What vectors of the sample count when centroids are handed out: from fewer than LEAST_PER_CENTROID vectors each, centroids would suit these only,
 * but a vector of as many copies can do with itself.
 */
static int64
claim_of(const AxisSample *sample, const int *rows, int nrows)
{
	int64		claim = 0;

	for (int i = 0; i < nrows; i++)
		claim += Min(sample->copies[rows[i]], LEAST_PER_CENTROID);
	return claim;
}

/* Centroids within each of the groups that assigned tells; returns how many. */
static int
cluster_groups(const AxisSample *sample, const int *rows, const int *assigned, int groups, int k, float *out)
{
	int			n = sample->count;
	int		   *members = alloc_large(mul_size(n, sizeof(int)));
	int		   *scratch = alloc_large(mul_size(n, sizeof(int)));
	double		claims = (double) claim_of(sample, rows, n);
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
		share = (int) rint(k * (claim_of(sample, members, size) / claims));
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
	for (int i = 0; i < n; i++)
		rows[i] = i;
	k = (int) Min(Min(k, n), (claim_of(sample, rows, n) + LEAST_PER_CENTROID - 1) / LEAST_PER_CENTROID);

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
