/*
 * vectors.c: reading vector files, exact distances, and the rows' categories and subsets.
 *
 * TEXMEX formats, little-endian: per vector an int32 dimension, then that many float (.fvecs) or uint8 (.bvecs).
 */
#include "vectors.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void
die(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void *
allocate(size_t count, size_t size)
{
	void	   *memory = calloc(count ? count : 1, size);

	if (memory == NULL)
		die("out of memory for %zu x %zu bytes", count, size);
	return memory;
}

uint64_t
mix64(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

int
row_category(int64_t id)
{
	return (int) (mix64((uint64_t) id) % 100);
}

bool
row_in(const char *subset, int64_t id)
{
	if (strcmp(subset, "all") == 0)
		return true;
	if (strcmp(subset, "alive") == 0)
		return id % 5 != 0;
	if (strncmp(subset, "below-", 6) == 0)
		return row_category(id) < atoi(subset + 6);
	if (strncmp(subset, "first-", 6) == 0)
		return id < atoll(subset + 6);
	die("no such subset: %s", subset);
}

Metric
parse_metric(const char *name)
{
	if (strcmp(name, "l2") == 0)
		return METRIC_L2;
	if (strcmp(name, "cosine") == 0)
		return METRIC_COSINE;
	die("no such metric: %s", name);
}

double
exact_distance(Metric metric, size_t dimensions, const float *a, const float *b)
{
	double		squares = 0;
	double		dot = 0;
	double		norm_a = 0;
	double		norm_b = 0;

	if (metric == METRIC_L2)
	{
		for (size_t d = 0; d < dimensions; d++)
			squares += ((double) a[d] - b[d]) * ((double) a[d] - b[d]);
		return sqrt(squares);
	}
	for (size_t d = 0; d < dimensions; d++)
	{
		dot += (double) a[d] * b[d];
		norm_a += (double) a[d] * a[d];
		norm_b += (double) b[d] * b[d];
	}
	return norm_a == 0 || norm_b == 0 ? 1 : 1 - dot / sqrt(norm_a * norm_b);
}

Vectors
read_vectors(const char *path, size_t limit)
{
	FILE	   *file = fopen(path, "rb");
	bool		bytes = strlen(path) > 6 && strcmp(path + strlen(path) - 6, ".bvecs") == 0;
	size_t		element = bytes ? 1 : sizeof(float);
	Vectors		result = {0};
	struct stat status;
	int32_t		dimensions;
	uint8_t    *buffer;

	if (file == NULL || fstat(fileno(file), &status) != 0)
		die("could not open %s", path);
	if (fread(&dimensions, sizeof(dimensions), 1, file) != 1 || dimensions <= 0 || dimensions > 16000)
		die("%s is not a file of vectors", path);
	rewind(file);
	result.dimensions = (size_t) dimensions;
	result.count = (size_t) status.st_size / (sizeof(int32_t) + result.dimensions * element);
	if (limit != 0 && result.count > limit)
		result.count = limit;
	result.values = allocate(result.count, result.dimensions * sizeof(float));
	buffer = allocate(result.dimensions, element);
	for (size_t i = 0; i < result.count; i++)
	{
		float	   *out = result.values + i * result.dimensions;

		if (fread(&dimensions, sizeof(dimensions), 1, file) != 1 || (size_t) dimensions != result.dimensions ||
			fread(bytes ? (void *) buffer : (void *) out, element, result.dimensions, file) != result.dimensions)
			die("%s: vector %zu cannot be read", path, i);
		for (size_t d = 0; bytes && d < result.dimensions; d++)
			out[d] = buffer[d];
	}
	free(buffer);
	fclose(file);
	return result;
}

TruthEntry *
read_truth(const char *path, size_t queries)
{
	FILE	   *file = fopen(path, "rb");
	TruthEntry *truth = allocate(queries, sizeof(TruthEntry));

	if (file == NULL || fread(truth, sizeof(TruthEntry), queries, file) != queries)
		die("%s does not hold the neighbours of %zu queries", path, queries);
	fclose(file);
	return truth;
}
