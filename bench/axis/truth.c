/*
 * truth.c: the exact nearest neighbours of each query among the rows of several subsets, by brute force.
 *
 * usage: truth BASE QUERIES METRIC PREFIX [SUBSET...]        writes PREFIX.SUBSET for each subset (see row_in)
 *
 * Distances are first computed in float, a block of rows against a block of queries; what may be among the nearest is
 * computed again in double, so that the order is exact and ties are seen as ties.
 */
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vectors.h"

/* Candidates kept by the float pass beyond what is asked: many more than float's rounding can misplace. */
#define KEPT (TRUTH_K + 60)
#define ROW_BLOCK 64
#define MAX_SUBSETS 8
#define MAX_THREADS 64

typedef struct Candidate
{
	double		distance;
	int32_t		id;
} Candidate;

/* A max-heap of the nearest rows so far. */
typedef struct Heap
{
	int			count;
	Candidate	items[KEPT];
} Heap;

typedef struct Work
{
	const Vectors *base;
	const Vectors *queries;
	const float *row_squares;
	Metric		metric;
	int			subsets;
	const uint8_t *membership;	/* bit s of byte i: row i is in subset s */
	size_t		first;
	size_t		last;
	TruthEntry *truth[MAX_SUBSETS];
} Work;

static void
sift_down(Heap *heap, int at)
{
	for (;;)
	{
		int			child = 2 * at + 1;
		Candidate	swap = heap->items[at];

		if (child >= heap->count)
			return;
		if (child + 1 < heap->count && heap->items[child + 1].distance > heap->items[child].distance)
			child++;
		if (heap->items[child].distance <= swap.distance)
			return;
		heap->items[at] = heap->items[child];
		heap->items[child] = swap;
		at = child;
	}
}

static inline void
offer(Heap *heap, int32_t id, double distance)
{
	if (heap->count < KEPT)
	{
		heap->items[heap->count++] = (Candidate) {distance, id};
		if (heap->count == KEPT)
			for (int at = KEPT / 2; at >= 0; at--)
				sift_down(heap, at);
	}
	else if (distance < heap->items[0].distance)
	{
		heap->items[0] = (Candidate) {distance, id};
		sift_down(heap, 0);
	}
}

static int
by_distance(const void *a, const void *b)
{
	const Candidate *x = a;
	const Candidate *y = b;

	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static void
finish_query(const Work *work, Heap *heap, size_t query, TruthEntry *entry)
{
	size_t		dimensions = work->base->dimensions;

	for (int i = 0; i < heap->count; i++)
		heap->items[i].distance = exact_distance(work->metric, dimensions, work->queries->values + query * dimensions,
												 work->base->values + (size_t) heap->items[i].id * dimensions);
	qsort(heap->items, (size_t) heap->count, sizeof(Candidate), by_distance);
	for (int i = 0; i < TRUTH_K; i++)
	{
		entry->id[i] = i < heap->count ? heap->items[i].id : -1;
		entry->distance[i] = i < heap->count ? heap->items[i].distance : DBL_MAX;
	}
}

/* Inner products of one query with a block of rows; the compiler vectorises the inner loop (-ffast-math). */
static void
block_products(const float *query, const float *rows, size_t count, size_t dimensions, float *products)
{
	size_t		r = 0;

	for (; r + 4 <= count; r += 4)
	{
		const float *row = rows + r * dimensions;
		float		sum0 = 0;
		float		sum1 = 0;
		float		sum2 = 0;
		float		sum3 = 0;

		for (size_t d = 0; d < dimensions; d++)
		{
			sum0 += query[d] * row[d];
			sum1 += query[d] * row[dimensions + d];
			sum2 += query[d] * row[2 * dimensions + d];
			sum3 += query[d] * row[3 * dimensions + d];
		}
		products[r] = sum0;
		products[r + 1] = sum1;
		products[r + 2] = sum2;
		products[r + 3] = sum3;
	}
	for (; r < count; r++)
	{
		float		sum = 0;

		for (size_t d = 0; d < dimensions; d++)
			sum += query[d] * rows[r * dimensions + d];
		products[r] = sum;
	}
}

static void *
search(void *argument)
{
	const Work *work = argument;
	size_t		dimensions = work->base->dimensions;
	size_t		span = work->last - work->first;
	Heap	   *heaps = allocate(span * (size_t) work->subsets, sizeof(Heap));

	for (size_t begin = 0; begin < work->base->count; begin += ROW_BLOCK)
	{
		size_t		count = work->base->count - begin < ROW_BLOCK ? work->base->count - begin : ROW_BLOCK;
		float		products[ROW_BLOCK];

		for (size_t q = 0; q < span; q++)
		{
			block_products(work->queries->values + (work->first + q) * dimensions, work->base->values + begin * dimensions,
						   count, dimensions, products);
			for (size_t r = 0; r < count; r++)
			{
				float		squares = work->row_squares[begin + r];
				/* Grows with the distance; the query's own norm is the same for all rows. */
				float		rank = work->metric == METRIC_L2 ? squares - 2 * products[r] :
					squares > 0 ? -products[r] / sqrtf(squares) : 0;

				for (int s = 0; s < work->subsets; s++)
					if (work->membership[begin + r] >> s & 1)
						offer(&heaps[q * (size_t) work->subsets + (size_t) s], (int32_t) (begin + r), rank);
			}
		}
	}
	for (size_t q = 0; q < span; q++)
		for (int s = 0; s < work->subsets; s++)
			finish_query(work, &heaps[q * (size_t) work->subsets + (size_t) s], work->first + q,
						 &work->truth[s][work->first + q]);
	free(heaps);
	return NULL;
}

static void
write_truth(const char *prefix, const char *subset, const TruthEntry *truth, size_t count)
{
	char		path[4096];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s.%s", prefix, subset);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(truth, sizeof(TruthEntry), count, file) != count || fclose(file) != 0)
		die("could not write %s", path);
}

int
main(int argc, char **argv)
{
	Work		work = {0};
	Vectors		base;
	Vectors		queries;
	float	   *row_squares;
	uint8_t    *membership;
	pthread_t	threads[MAX_THREADS];
	Work		parts[MAX_THREADS];
	long		processors = sysconf(_SC_NPROCESSORS_ONLN);
	size_t		thread_count = (size_t) (processors < 1 ? 1 : processors > MAX_THREADS ? MAX_THREADS : processors);

	if (argc < 6 || argc - 5 > MAX_SUBSETS)
	{
		fprintf(stderr, "usage: truth BASE QUERIES METRIC PREFIX SUBSET...\n");
		return 2;
	}
	base = read_vectors(argv[1], 0);
	queries = read_vectors(argv[2], 0);
	if (base.dimensions != queries.dimensions)
		die("rows have %zu dimensions, queries %zu", base.dimensions, queries.dimensions);
	work = (Work) {.base = &base, .queries = &queries, .metric = parse_metric(argv[3]), .subsets = argc - 5};
	work.row_squares = row_squares = allocate(base.count, sizeof(float));
	work.membership = membership = allocate(base.count, 1);
	for (size_t i = 0; i < base.count; i++)
	{
		block_products(base.values + i * base.dimensions, base.values + i * base.dimensions, 1, base.dimensions, row_squares + i);
		for (int s = 0; s < work.subsets; s++)
			membership[i] |= (uint8_t) (row_in(argv[5 + s], (int64_t) i) << s);
	}
	for (int s = 0; s < work.subsets; s++)
		work.truth[s] = allocate(queries.count, sizeof(TruthEntry));
	for (size_t t = 0; t < thread_count; t++)
	{
		parts[t] = work;
		parts[t].first = queries.count * t / thread_count;
		parts[t].last = queries.count * (t + 1) / thread_count;
		if (pthread_create(&threads[t], NULL, search, &parts[t]) != 0)
			die("could not start a thread");
	}
	for (size_t t = 0; t < thread_count; t++)
		pthread_join(threads[t], NULL);
	for (int s = 0; s < work.subsets; s++)
		write_truth(argv[4], argv[5 + s], work.truth[s], queries.count);
	return 0;
}
