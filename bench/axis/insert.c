/*
 * insert.c: single-row INSERTs over libpq, several tables side by side: rows per second.
 *
 * usage: insert [-s SECONDS] [-r ROUNDS] [-n ROWS] [-f FIRST] [-j SPREAD] [-p PROCESSOR] FILE ARM...
 *
 * An arm is NAME | CONNINFO | SETUP | TABLE; the table has columns (id bigint, category int, embedding vector). Row n of an arm has id
 * FIRST + n and vector n of the file; -j adds uniform noise of +-SPREAD to each element, so that a file of rows already loaded gives new ones, and
 * the file starts again when it is used up. Each row is a transaction of its own: one prepared INSERT with binary parameters.
 *
 * Arms take turns of SECONDS, ROUNDS times; or, with -n, each inserts exactly ROWS rows. Client and server processes are pinned to one processor.
 * One line an arm, tab-separated: name, rows per second (median of rounds), rows inserted.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "vectors.h"

#define MAX_ROUNDS 100

typedef struct Arm
{
	char	   *name;
	Client		client;
	size_t		inserted;
	double		rate[MAX_ROUNDS];
} Arm;

typedef struct Workload
{
	Vectors		vectors;
	uint64_t	first_id;
	double		seconds;
	size_t		rows;
	float		spread;
	unsigned char *image;		/* of one vector, binary */
	float	   *values;
} Workload;

static void
open_arm(Arm *arm, char *text, int processor)
{
	char	   *conninfo;
	char	   *setup;
	char		statement[1024];
	Oid			types[3] = {20, 23, 0};
	PGresult   *result;

	arm->name = strsep(&text, "|");
	conninfo = strsep(&text, "|");
	setup = strsep(&text, "|");
	if (text == NULL)
		die("arm \"%s\" has too few fields", arm->name);
	arm->client = connect_client(conninfo, setup, processor);
	types[2] = arm->client.vector_type;
	snprintf(statement, sizeof(statement), "INSERT INTO %s (id, category, embedding) VALUES ($1, $2, $3)", text);
	result = PQprepare(arm->client.connection, "i", statement, 3, types);
	expect(&arm->client, result, PGRES_COMMAND_OK, arm->name);
	PQclear(result);
}

static void
insert_next(Arm *arm, Workload *work)
{
	size_t		dimensions = work->vectors.dimensions;
	const float *source = work->vectors.values + arm->inserted % work->vectors.count * dimensions;
	uint64_t	id = work->first_id + arm->inserted;
	unsigned char key[8];
	unsigned char category[4];
	const char *values[3] = {(char *) key, (char *) category, (char *) work->image};
	int			lengths[3] = {8, 4, (int) VECTOR_BYTES(dimensions)};
	int			formats[3] = {1, 1, 1};
	PGresult   *result;

	for (size_t d = 0; d < dimensions; d++)
		work->values[d] = source[d] +
			work->spread * ((float) (mix64(id * dimensions + d) >> 40) / (float) (1 << 23) - 1.0f);
	encode_vector(work->values, dimensions, work->image);
	put_big_endian(key, id, 8);
	put_big_endian(category, (uint64_t) row_category((int64_t) id), 4);
	result = PQexecPrepared(arm->client.connection, "i", 3, values, lengths, formats, 0);
	expect(&arm->client, result, PGRES_COMMAND_OK, arm->name);
	PQclear(result);
	arm->inserted++;
}

static void
take_turn(Arm *arm, Workload *work, int round)
{
	double		begin = now();
	size_t		before = arm->inserted;

	if (work->rows > 0)
		while (arm->inserted < work->rows)
			insert_next(arm, work);
	else
		while (now() - begin < work->seconds)
			insert_next(arm, work);
	arm->rate[round] = (double) (arm->inserted - before) / (now() - begin);
}

static int
by_value(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

int
main(int argc, char **argv)
{
	Workload	work = {.seconds = 2};
	int			rounds = 3;
	int			processor = 1;
	int			arm_count;
	int			option;
	Arm		   *arms;

	while ((option = getopt(argc, argv, "s:r:n:f:j:p:")) != -1)
	{
		if (option == 's')
			work.seconds = atof(optarg);
		else if (option == 'r')
			rounds = atoi(optarg);
		else if (option == 'n')
			work.rows = strtoull(optarg, NULL, 10);
		else if (option == 'f')
			work.first_id = strtoull(optarg, NULL, 10);
		else if (option == 'j')
			work.spread = (float) atof(optarg);
		else if (option == 'p')
			processor = atoi(optarg);
		else
			optind = argc;
	}
	arm_count = argc - optind - 1;
	if (work.rows > 0)
		rounds = 1;
	if (arm_count < 1 || rounds < 1 || rounds > MAX_ROUNDS)
	{
		fprintf(stderr, "usage: insert [-s SECONDS] [-r ROUNDS] [-n ROWS] [-f FIRST] [-j SPREAD] [-p PROCESSOR] FILE ARM...\n");
		return 2;
	}
	work.vectors = read_vectors(argv[optind], work.rows);
	work.values = allocate(work.vectors.dimensions, sizeof(float));
	work.image = allocate(VECTOR_BYTES(work.vectors.dimensions), 1);
	if (processor >= sysconf(_SC_NPROCESSORS_ONLN))
		processor = 0;
	pin_self(processor);
	arms = allocate((size_t) arm_count, sizeof(Arm));
	for (int a = 0; a < arm_count; a++)
		open_arm(&arms[a], argv[optind + 1 + a], processor);
	for (int round = 0; round < rounds; round++)
		for (int a = 0; a < arm_count; a++)
			take_turn(&arms[a], &work, round);
	for (int a = 0; a < arm_count; a++)
	{
		qsort(arms[a].rate, (size_t) rounds, sizeof(double), by_value);
		printf("%s\t%.1f\t%zu\n", arms[a].name, arms[a].rate[rounds / 2], arms[a].inserted);
	}
	return 0;
}
