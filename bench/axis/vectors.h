/*
 * vectors.h: files of vectors, and the few facts about rows that all programs of this benchmark must agree on.
 */
#ifndef BENCH_VECTORS_H
#define BENCH_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All vectors of an .fvecs or .bvecs file as float; vector i begins at values + i * dimensions. */
typedef struct Vectors
{
	size_t		count;
	size_t		dimensions;
	float	   *values;
} Vectors;

typedef enum Metric
{
	METRIC_L2,
	METRIC_COSINE
} Metric;

/* Nearest neighbours kept for each query: recall is of the first 10, the rest shows ties and serves other k. */
#define TRUTH_K 100

/*
 * A truth file: for each query TRUTH_K row numbers (int32, -1 where fewer rows match), nearest first, and as many distances
 * (double). Everything in the machine's byte order: the file is a cache, not for exchange.
 */
typedef struct TruthEntry
{
	int32_t		id[TRUTH_K];
	double		distance[TRUTH_K];
} TruthEntry;

/* Reads a whole file; ends the program with a message if that fails. At most `limit` vectors if that is not 0. */
extern Vectors read_vectors(const char *path, size_t limit);

/* Reads the first `queries` entries of a truth file; ends the program if it holds fewer. */
extern TruthEntry *read_truth(const char *path, size_t queries);

extern Metric parse_metric(const char *name);

/* Exact distance in double: Euclidean, or 1 - cosine (1 if a norm is 0). */
extern double exact_distance(Metric metric, size_t dimensions, const float *a, const float *b);

/* The row's value of the column to filter by: 0 to 99, spread evenly and independent of the vector. */
extern int	row_category(int64_t id);

/*
 * Whether a row is in a named subset: "all", "below-P" (category < P: P percent of the rows), "alive" (what DELETE ... WHERE id % 5 = 0
 * leaves), "first-N".
 */
extern bool row_in(const char *subset, int64_t id);

extern uint64_t mix64(uint64_t x);

extern void die(const char *format,...) __attribute__((format(printf, 1, 2), noreturn));
extern void *allocate(size_t count, size_t size);

#endif
