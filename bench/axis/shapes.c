/*
 * shapes.c: vectors of many kinds, to find out where the index does not find what it should.
 *
 * usage: shapes KIND ROWS DIMENSIONS STREAM [QUERIES] >file.fvecs
 *
 * STREAM: 0 rows, 1 queries. Queries are further draws of the same kind unless QUERIES says how they differ:
 *
 *   between     in the middle between two rows that have nothing to do with each other
 *   noisy       a draw and as long a vector of noise
 *   shifted     a draw and, for all queries the same, a vector as long as a draw (as of another encoder)
 *   elsewhere   noise in all dimensions, as long as a draw
 *   far         the same, ten times as long
 *
 * Vector i is a function of the arguments and i alone.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

#define MAX_DIMENSIONS 16000

static size_t dimensions;

/* --- random numbers --- */

static double
uniform(uint64_t *state)
{
	return (double) (mix64(++*state) >> 11) / (double) (1ull << 53);
}

static double
normal(uint64_t *state)
{
	double		u = 1 - uniform(state);

	return sqrt(-2 * log(u)) * cos(6.283185307179586 * uniform(state));
}

static void
noise(uint64_t *state, double deviation, float *out)
{
	for (size_t d = 0; d < dimensions; d++)
		out[d] = (float) (deviation * normal(state));
}

static double
length(const float *x)
{
	double		squares = 0;

	for (size_t d = 0; d < dimensions; d++)
		squares += (double) x[d] * x[d];
	return sqrt(squares);
}

/* A state that depends on a purpose and a number only. */
static uint64_t
state_of(uint64_t purpose, uint64_t number)
{
	return mix64(mix64(purpose) ^ mix64(number) << 1);
}

enum
{
	PURPOSE_ROWS,
	PURPOSE_QUERIES,
	PURPOSE_CENTERS,
	PURPOSE_SHIFT,
	PURPOSE_BASIS
};

/* --- kinds --- */

static void
uniform_vector(uint64_t *state, float *out)
{
	for (size_t d = 0; d < dimensions; d++)
		out[d] = (float) uniform(state);
}

static void
gaussian(uint64_t *state, float *out)
{
	noise(state, 1, out);
}

/* 500 clusters, with as much of the distance between rows inside them as `spread` says. */
static void
clustered(uint64_t *state, double spread, float *out)
{
	uint64_t	center = state_of(PURPOSE_CENTERS, (uint64_t) (uniform(state) * 500));

	for (size_t d = 0; d < dimensions; d++)
		out[d] = (float) (normal(&center) + spread * normal(state));
}

static void
clusters(uint64_t *state, float *out)
{
	clustered(state, 0.5, out);
}

static void
tight_clusters(uint64_t *state, float *out)
{
	clustered(state, 0.001, out);
}

/* Clusters, but lengths are log-normal: for inner products a few rows are near everything. */
static void
heavy(uint64_t *state, float *out)
{
	double		factor;

	clustered(state, 0.7, out);
	factor = exp(normal(state));
	for (size_t d = 0; d < dimensions; d++)
		out[d] = (float) (out[d] * factor);
}

/* Nine rows in ten are one of 20 vectors. */
static void
duplicates(uint64_t *state, float *out)
{
	uint64_t	same = state_of(PURPOSE_CENTERS, (uint64_t) (uniform(state) * 20));

	gaussian(uniform(state) < 0.9 ? &same : state, out);
}

/* Nine rows in ten are the same. */
static void
one_duplicate(uint64_t *state, float *out)
{
	uint64_t	same = state_of(PURPOSE_CENTERS, 1);

	gaussian(uniform(state) < 0.9 ? &same : state, out);
}

static void
integers(uint64_t *state, float *out)
{
	for (size_t d = 0; d < dimensions; d++)
		out[d] = (float) floor(4 * uniform(state));
}

static void
binary(uint64_t *state, float *out)
{
	for (size_t d = 0; d < dimensions; d++)
		out[d] = (float) (uniform(state) < 0.3);
}

/* Most elements are zero, as of counts or of what a rectifier leaves. */
static void
sparse(uint64_t *state, float *out)
{
	uint64_t	topic = state_of(PURPOSE_CENTERS, (uint64_t) (uniform(state) * 100));

	for (size_t d = 0; d < dimensions; d++)
		out[d] = (float) fmax(normal(&topic) + normal(state) - 2, 0);
}

/* A smooth surface of three dimensions. */
static void
surface(uint64_t *state, float *out)
{
	double		a = 6 * uniform(state);
	double		b = 6 * uniform(state);
	double		c = 6 * uniform(state);
	uint64_t	basis = state_of(PURPOSE_BASIS, 0);

	for (size_t d = 0; d < dimensions; d++)
		out[d] = (float) sin(a * uniform(&basis) + b * uniform(&basis) + c * uniform(&basis) + (double) d);
}

/* A few rows are so far away that the others are one point beside them. */
static void
outliers(uint64_t *state, float *out)
{
	double		factor = uniform(state) < 0.001 ? 1e6 : 1;

	clustered(state, 0.5, out);
	for (size_t d = 0; d < dimensions; d++)
		out[d] = (float) (out[d] * factor);
}

/* Dimensions matter less and less. */
static void
decaying(uint64_t *state, float *out)
{
	for (size_t d = 0; d < dimensions; d++)
		out[d] = (float) (normal(state) / (1 + (double) d / 4));
}

static const struct
{
	const char *name;
	void		(*draw) (uint64_t *state, float *out);
}			kinds[] = {
	{"uniform", uniform_vector},
	{"gaussian", gaussian},
	{"clusters", clusters},
	{"tight", tight_clusters},
	{"heavy", heavy},
	{"duplicates", duplicates},
	{"one-duplicate", one_duplicate},
	{"integers", integers},
	{"binary", binary},
	{"sparse", sparse},
	{"surface", surface},
	{"outliers", outliers},
	{"decaying", decaying},
	{NULL, NULL}
};

/* --- queries unlike rows --- */

static void
differ(const char *how, void (*draw) (uint64_t *, float *), uint64_t *state, float *x, float *y)
{
	double		long_as = length(x);
	double		factor;

	if (strcmp(how, "between") == 0)
	{
		draw(state, y);
		for (size_t d = 0; d < dimensions; d++)
			x[d] = (x[d] + y[d]) / 2;
		return;
	}
	if (strcmp(how, "shifted") == 0)
	{
		uint64_t	shift = state_of(PURPOSE_SHIFT, 0);

		noise(&shift, 1, y);
	}
	else
		noise(state, 1, y);
	factor = long_as / length(y);
	if (strcmp(how, "far") == 0)
		factor *= 10;
	for (size_t d = 0; d < dimensions; d++)
		x[d] = (float) (factor * y[d]) + (how[0] == 'n' || how[0] == 's' ? x[d] : 0);
}

int
main(int argc, char **argv)
{
	static float row[MAX_DIMENSIONS];
	static float scratch[MAX_DIMENSIONS];
	const char *how = argc == 6 ? argv[5] : "";
	uint64_t	rows = argc >= 5 ? strtoull(argv[2], NULL, 10) : 0;
	int			stream = argc >= 5 ? atoi(argv[4]) : 0;
	int			kind = 0;
	int32_t		header;

	dimensions = argc >= 5 ? strtoull(argv[3], NULL, 10) : 0;
	while (argc >= 5 && kinds[kind].name != NULL && strcmp(kinds[kind].name, argv[1]) != 0)
		kind++;
	if (rows == 0 || dimensions == 0 || dimensions > MAX_DIMENSIONS || kinds[kind].name == NULL ||
		(*how && strcmp(how, "between") && strcmp(how, "noisy") && strcmp(how, "shifted") && strcmp(how, "elsewhere") && strcmp(how, "far")))
	{
		fprintf(stderr, "usage: shapes KIND ROWS DIMENSIONS STREAM [between|noisy|shifted|elsewhere|far] >file.fvecs\n");
		return 2;
	}
	header = (int32_t) dimensions;
	for (uint64_t i = 0; i < rows; i++)
	{
		uint64_t	state = state_of(stream == 0 ? PURPOSE_ROWS : PURPOSE_QUERIES, i);

		kinds[kind].draw(&state, row);
		if (*how)
			differ(how, kinds[kind].draw, &state, row, scratch);
		fwrite(&header, sizeof(header), 1, stdout);
		fwrite(row, sizeof(float), dimensions, stdout);
	}
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
