/*
 * plain_ivf.c: how hard a data set is: recall@10 of a plain inverted file with exact distances, by lists probed.
 *
 * usage: plain_ivf BASE QUERIES METRIC TRUTH [ROWS_PER_LIST]
 *
 * Prints one line "lists-probed recall rows-scanned" for each number of lists. Lists come from k-means (8 rounds over at most 64 rows
 * a list) on the vectors, normalised for cosine. Nothing of the extension takes part: the figures are a property of the data.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

#define K 10
#define ROUNDS 8
#define SAMPLE_PER_LIST 64

/* 2 <a, b> - |b|^2 is largest for the nearest b. */
static size_t
nearest(const float *vector, const float *centers, const float *squares, size_t lists, size_t dimensions)
{
	size_t		best = 0;
	float		best_score = -FLT_MAX;

	for (size_t c = 0; c < lists; c++)
	{
		const float *center = centers + c * dimensions;
		float		dot = 0;

		for (size_t d = 0; d < dimensions; d++)
			dot += vector[d] * center[d];
		if (2 * dot - squares[c] > best_score)
		{
			best_score = 2 * dot - squares[c];
			best = c;
		}
	}
	return best;
}

static void
assign(const Vectors *vectors, size_t step, const float *centers, size_t lists, size_t *list)
{
	size_t		dimensions = vectors->dimensions;
	float	   *squares = allocate(lists, sizeof(float));

	for (size_t c = 0; c < lists; c++)
		for (size_t d = 0; d < dimensions; d++)
			squares[c] += centers[c * dimensions + d] * centers[c * dimensions + d];
#pragma omp parallel for schedule(static)
	for (size_t i = 0; i < vectors->count / step; i++)
		list[i] = nearest(vectors->values + i * step * dimensions, centers, squares, lists, dimensions);
	free(squares);
}

static float *
train(const Vectors *base, size_t lists, size_t *list)
{
	size_t		dimensions = base->dimensions;
	size_t		step = base->count / (lists * SAMPLE_PER_LIST) + 1;
	float	   *centers = allocate(lists * dimensions, sizeof(float));

	for (size_t c = 0; c < lists; c++)
		memcpy(centers + c * dimensions, base->values + mix64(c) % base->count * dimensions, dimensions * sizeof(float));
	for (int round = 0; round < ROUNDS; round++)
	{
		size_t	   *members = allocate(lists, sizeof(size_t));

		assign(base, step, centers, lists, list);
		memset(centers, 0, lists * dimensions * sizeof(float));
		for (size_t i = 0; i < base->count / step; i++)
		{
			members[list[i]]++;
			for (size_t d = 0; d < dimensions; d++)
				centers[list[i] * dimensions + d] += base->values[i * step * dimensions + d];
		}
		for (size_t c = 0; c < lists; c++)
			for (size_t d = 0; d < dimensions; d++)
				if (members[c] > 0)
					centers[c * dimensions + d] /= (float) members[c];
				else
					centers[c * dimensions + d] = base->values[mix64(c + lists) % base->count * dimensions + d];
		free(members);
	}
	return centers;
}

static int
by_rank(const void *a, const void *b)
{
	const float *x = a;
	const float *y = b;

	return x[0] < y[0] ? -1 : x[0] > y[0];
}

int
main(int argc, char **argv)
{
	Vectors		base;
	Vectors		queries;
	TruthEntry *truth;
	size_t		lists;
	size_t	   *list;
	size_t	   *members;
	double	   *found;			/* by order of the list in the query's ranking */
	double	   *scanned;
	float	   *centers;
	double		recall = 0;
	double		rows = 0;

	if (argc < 5)
	{
		fprintf(stderr, "usage: plain_ivf BASE QUERIES METRIC TRUTH [ROWS_PER_LIST]\n");
		return 2;
	}
	base = read_vectors(argv[1], 0);
	queries = read_vectors(argv[2], 0);
	truth = read_truth(argv[4], queries.count);
	if (parse_metric(argv[3]) == METRIC_COSINE)
		for (Vectors *set = &base; set != NULL; set = set == &base ? &queries : NULL)
			for (size_t i = 0; i < set->count; i++)
			{
				float	   *v = set->values + i * set->dimensions;
				float		squares = 0;

				for (size_t d = 0; d < set->dimensions; d++)
					squares += v[d] * v[d];
				for (size_t d = 0; d < set->dimensions; d++)
					v[d] *= squares > 0 ? 1 / sqrtf(squares) : 0;
			}
	lists = base.count / (argc > 5 ? strtoull(argv[5], NULL, 10) : 256) + 1;
	list = allocate(base.count, sizeof(size_t));
	centers = train(&base, lists, list);
	assign(&base, 1, centers, lists, list);
	members = allocate(lists, sizeof(size_t));
	for (size_t i = 0; i < base.count; i++)
		members[list[i]]++;
	found = allocate(lists, sizeof(double));
	scanned = allocate(lists, sizeof(double));
	for (size_t q = 0; q < queries.count; q++)
	{
		const float *query = queries.values + q * base.dimensions;
		float	   *ranked = allocate(lists, 2 * sizeof(float));

		for (size_t c = 0; c < lists; c++)
		{
			for (size_t d = 0; d < base.dimensions; d++)
				ranked[2 * c] += (query[d] - centers[c * base.dimensions + d]) * (query[d] - centers[c * base.dimensions + d]);
			ranked[2 * c + 1] = (float) c;
		}
		qsort(ranked, lists, 2 * sizeof(float), by_rank);
		for (size_t c = 0; c < lists; c++)
		{
			scanned[c] += (double) members[(size_t) ranked[2 * c + 1]];
			for (int k = 0; k < K; k++)
				if (truth[q].id[k] >= 0 && list[truth[q].id[k]] == (size_t) ranked[2 * c + 1])
					found[c]++;
		}
		free(ranked);
	}
	for (size_t c = 0, next = 1; c < lists && recall < 0.9995; c++)
	{
		recall += found[c] / (double) (K * queries.count);
		rows += scanned[c] / (double) queries.count;
		if (c + 1 != next)
			continue;
		printf("%zu\t%.4f\t%.0f\n", c + 1, recall, rows);
		next = next < 4 ? next + 1 : next + next / 2;
	}
	return 0;
}
