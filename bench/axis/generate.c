/*
 * generate.c: clustered vectors of low intrinsic dimension, normalised: a stand-in for text embeddings.
 *
 * usage: generate ROWS DIMENSIONS STREAM >file.fvecs        STREAM: 0 rows to search in, 1 queries, 2 rows to insert
 *
 * A row is drawn in LATENT dimensions from a Gaussian mixture of two levels (TOPICS topics of unequal size, SUBTOPICS in each), mapped into
 * DIMENSIONS by a fixed random matrix whose columns shrink, shifted by a common mean (embeddings do not surround the origin),
 * covered with a little noise in all dimensions, and normalised. All streams are draws from the same distribution.
 *
 * Row i is a function of (stream, i, DIMENSIONS) alone: fewer rows are a prefix of more. Normal variates are sums of uniform
 * integers and there is no libm but sqrt, so that the bytes are the same on every machine (build with -ffp-contract=off).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

#define LATENT 48
#define TOPICS 64
#define SUBTOPICS 24

/* Standard deviations, per latent dimension, of: topics, subtopics around their topic, rows around their subtopic. */
#define TOPIC_SPREAD 1.0f
#define SUBTOPIC_SPREAD 0.5f
#define ROW_SPREAD 1.2f

/* Length of the first column; with the spreads above a row's own part gets a length of about 1. */
#define FIRST_COLUMN 0.15f

/* Length of the common mean, and of the noise in all dimensions, beside that. */
#define MEAN_LENGTH 0.6f
#define NOISE_LENGTH 0.1f

typedef struct Mixture
{
	size_t		dimensions;
	float	   *columns;		/* LATENT vectors of `dimensions` */
	float	   *mean;
	float		topic[TOPICS][LATENT];
	float		subtopic[TOPICS * SUBTOPICS][LATENT];
} Mixture;

/* About normal, mean 0, standard deviation 1: the sum of eight uniform 16-bit numbers. */
static float
normal(uint64_t *state)
{
	int64_t		sum = 0;

	for (int word = 0; word < 2; word++)
	{
		uint64_t	x = mix64(++*state);

		for (int part = 0; part < 4; part++)
			sum += (int64_t) (x >> (16 * part) & 0xffff);
	}
	return (float) (sum - 8 * 32767) / 53509.2f;
}

static float
uniform(uint64_t *state)
{
	return (float) (mix64(++*state) >> 40) / (float) (1 << 24);
}

static void
scale_to(float *vector, size_t dimensions, float length)
{
	double		squares = 0;

	for (size_t d = 0; d < dimensions; d++)
		squares += (double) vector[d] * vector[d];
	for (size_t d = 0; d < dimensions; d++)
		vector[d] = (float) (vector[d] * (length / sqrt(squares)));
}

static Mixture *
make_mixture(size_t dimensions)
{
	Mixture    *mixture = allocate(1, sizeof(Mixture));
	uint64_t	state = mix64(dimensions);

	mixture->dimensions = dimensions;
	mixture->columns = allocate(LATENT * dimensions, sizeof(float));
	mixture->mean = allocate(dimensions, sizeof(float));
	for (int l = 0; l < LATENT; l++)
	{
		for (size_t d = 0; d < dimensions; d++)
			mixture->columns[l * dimensions + d] = normal(&state);
		scale_to(mixture->columns + l * dimensions, dimensions, FIRST_COLUMN / sqrtf(1.0f + (float) l / 8));
	}
	for (size_t d = 0; d < dimensions; d++)
		mixture->mean[d] = normal(&state);
	scale_to(mixture->mean, dimensions, MEAN_LENGTH);
	for (int t = 0; t < TOPICS; t++)
		for (int l = 0; l < LATENT; l++)
			mixture->topic[t][l] = TOPIC_SPREAD * normal(&state);
	for (int s = 0; s < TOPICS * SUBTOPICS; s++)
		for (int l = 0; l < LATENT; l++)
			mixture->subtopic[s][l] = mixture->topic[s / SUBTOPICS][l] + SUBTOPIC_SPREAD * normal(&state);
	return mixture;
}

/* Topics are of unequal size: the square of a uniform number favours the first ones. */
static int
draw_subtopic(uint64_t *state)
{
	float		u = uniform(state);

	return (int) (u * u * TOPICS) * SUBTOPICS + (int) (uniform(state) * SUBTOPICS);
}

static void
make_row(const Mixture *mixture, uint64_t stream, uint64_t row, float *out)
{
	uint64_t	state = mix64(mix64(stream + 1) ^ row << 16);
	const float *center = mixture->subtopic[draw_subtopic(&state)];
	float		noise = NOISE_LENGTH / sqrtf((float) mixture->dimensions);

	memcpy(out, mixture->mean, mixture->dimensions * sizeof(float));
	for (int l = 0; l < LATENT; l++)
	{
		const float *column = mixture->columns + l * mixture->dimensions;
		float		weight = center[l] + ROW_SPREAD * normal(&state);

		for (size_t d = 0; d < mixture->dimensions; d++)
			out[d] += weight * column[d];
	}
	for (size_t d = 0; d < mixture->dimensions; d++)
		out[d] += noise * normal(&state);
	scale_to(out, mixture->dimensions, 1);
}

int
main(int argc, char **argv)
{
	uint64_t	rows = argc == 4 ? strtoull(argv[1], NULL, 10) : 0;
	size_t		dimensions = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
	uint64_t	stream = argc == 4 ? strtoull(argv[3], NULL, 10) : 3;
	int32_t		header = (int32_t) dimensions;
	Mixture    *mixture;
	float	   *row;

	if (rows == 0 || dimensions == 0 || dimensions > 16000 || stream > 2)
	{
		fprintf(stderr, "usage: generate ROWS DIMENSIONS STREAM >file.fvecs\n");
		return 2;
	}
	mixture = make_mixture(dimensions);
	row = allocate(dimensions, sizeof(float));
	for (uint64_t i = 0; i < rows; i++)
	{
		make_row(mixture, stream, i, row);
		fwrite(&header, sizeof(header), 1, stdout);
		fwrite(row, sizeof(float), dimensions, stdout);
	}
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
