/*
 * knn.c: nearest-neighbour queries over libpq: queries per second, latency, recall, of several settings side by side.
 *
 * usage: knn [-r ROUNDS] [-s SECONDS] [-p PROCESSOR] [-k LIMIT] [-q QUERIES] [-n] BASE QUERIES METRIC ARM...
 *
 * An arm is five fields separated by '|':  NAME | CONNINFO | SETUP | TRUTH:SUBSET | STATEMENT
 * SETUP is SQL run once after connecting (settings; may be empty). TRUTH is a file of truth.c, SUBSET what it was made for. STATEMENT
 * has the query vector as $1 and returns ids (bigint) in its first column; it is prepared once and run with binary parameters and results.
 *
 * Client and server processes are all pinned to one processor, where a round trip is cheapest and nothing migrates. Each arm has its own
 * connection. One round is: every arm answers every query; rounds of all arms are interleaved, so that what disturbs one
 * disturbs all. A warm-up round, which also measures recall, comes first. With -s an arm's turn ends after so many seconds: slow arms
 * then answer the first of the queries only.
 *
 * One line an arm, tab-separated: name, queries per second (median of rounds), the same of the best round, median and 99th percentile of
 * latency in microseconds, microseconds of processor time per query (server and client; other load on the machine hardly disturbs
 * that), recall, fewest rows of an answer, 1 if the plan begins its search with an index scan and 0 if not.
 *
 * Recall counts a row if its exact distance is not beyond that of the LIMIT-th nearest: which of several rows at the same
 * distance is returned does not matter. A row returned twice counts once, and a row outside the subset ends the program. With -n recall is not
 * measured: for tables that no longer hold exactly the rows of BASE.
 */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "vectors.h"

/* Distances equal up to the rounding of float arithmetic are ties. */
#define TIE_TOLERANCE 1e-6
#define MAX_ROUNDS 100

typedef struct Arm
{
	char	   *name;
	char	   *conninfo;
	char	   *setup;
	char	   *subset;
	char	   *statement;
	TruthEntry *truth;
	Client		client;
	double		query_seconds[MAX_ROUNDS];	/* of a round, on average */
	size_t		asked;			/* in all rounds */
	double		processor;		/* seconds of the server process in all rounds */
	double		own_processor;	/* seconds of this program meanwhile */
	double	   *latency;		/* seconds, of all rounds */
	double		recall;
	int			fewest_rows;
	bool		index_scan;
} Arm;

typedef struct Workload
{
	Vectors		base;
	Vectors		queries;
	Metric		metric;
	unsigned char *parameters;	/* the queries as binary vectors */
	int			limit;
	int			rounds;
	double		seconds;		/* of a turn at most; 0: as long as it takes */
	int			processor;
	bool		no_recall;
} Workload;

static char *
next_field(char **rest)
{
	char	   *field = strsep(rest, "|");
	char	   *end;

	if (field == NULL)
		die("an arm has too few fields");
	field += strspn(field, " \t");
	for (end = field + strlen(field); end > field && (end[-1] == ' ' || end[-1] == '\t'); end--)
		end[-1] = '\0';
	return field;
}

/* Whether the server searches by index: the plan it makes for the first query. */
static bool
plan_has_index_scan(const Arm *arm, const Workload *work)
{
	char		explain[4096];
	int			length = (int) VECTOR_BYTES(work->queries.dimensions);
	int			format = 1;
	const char *value = (const char *) work->parameters;
	bool		found = false;
	PGresult   *result;

	snprintf(explain, sizeof(explain), "EXPLAIN (COSTS OFF) %s", arm->statement);
	result = PQexecParams(arm->client.connection, explain, 1, &arm->client.vector_type, &value, &length, &format, 0);
	expect(&arm->client, result, PGRES_TUPLES_OK, explain);
	for (int row = 0; row < PQntuples(result); row++)
		found |= strstr(PQgetvalue(result, row, 0), "Index Scan using") != NULL;
	PQclear(result);
	return found;
}

static void
open_arm(Arm *arm, char *text, const Workload *work)
{
	char	   *truth_path;
	Oid			type;
	PGresult   *result;

	arm->name = next_field(&text);
	arm->conninfo = next_field(&text);
	arm->setup = next_field(&text);
	truth_path = next_field(&text);
	arm->statement = text;
	arm->subset = strrchr(truth_path, ':');
	if (arm->subset == NULL || arm->statement == NULL)
		die("arm \"%s\": a field is missing", arm->name);
	*arm->subset++ = '\0';
	arm->truth = read_truth(truth_path, work->queries.count);
	arm->latency = allocate(work->queries.count * (size_t) work->rounds, sizeof(double));
	arm->client = connect_client(arm->conninfo, arm->setup, work->processor);
	type = arm->client.vector_type;
	result = PQprepare(arm->client.connection, "q", arm->statement, 1, &type);
	expect(&arm->client, result, PGRES_COMMAND_OK, arm->name);
	PQclear(result);
	arm->index_scan = plan_has_index_scan(arm, work);
}

static PGresult *
ask(const Arm *arm, const Workload *work, size_t query)
{
	int			length = (int) VECTOR_BYTES(work->queries.dimensions);
	int			format = 1;
	const char *value = (const char *) work->parameters + query * (size_t) length;
	PGresult   *result = PQexecPrepared(arm->client.connection, "q", 1, &value, &length, &format, 1);

	expect(&arm->client, result, PGRES_TUPLES_OK, arm->name);
	return result;
}

/* How many of the rows of one answer are among the nearest `limit`. */
static int
count_hits(const Arm *arm, const Workload *work, size_t query, const PGresult *result)
{
	const TruthEntry *truth = &arm->truth[query];
	size_t		dimensions = work->queries.dimensions;
	double		farthest = truth->distance[work->limit - 1];
	int64_t		seen[TRUTH_K];
	int			hits = 0;

	for (int row = 0; row < PQntuples(result) && row < work->limit; row++)
	{
		int64_t		id = get_big_endian(PQgetvalue(result, row, 0), PQgetlength(result, row, 0));
		double		distance;
		bool		again = false;

		if (id < 0 || (size_t) id >= work->base.count || !row_in(arm->subset, id))
			die("arm \"%s\": row %lld does not belong to the answer of query %zu", arm->name, (long long) id, query);
		for (int i = 0; i < row; i++)
			again |= seen[i] == id;
		seen[row] = id;
		distance = exact_distance(work->metric, dimensions, work->queries.values + query * dimensions,
								  work->base.values + (size_t) id * dimensions);
		hits += !again && distance <= farthest + TIE_TOLERANCE * fmax(1, fabs(farthest));
	}
	return hits;
}

static void
warm_up(Arm *arm, const Workload *work)
{
	long		hits = 0;
	long		wanted = 0;

	arm->fewest_rows = work->limit;
	for (size_t q = 0; q < work->queries.count; q++)
	{
		PGresult   *result = ask(arm, work, q);

		if (!work->no_recall)
			hits += count_hits(arm, work, q, result);
		for (int k = 0; k < work->limit; k++)
			wanted += arm->truth[q].id[k] >= 0;
		if (PQntuples(result) < arm->fewest_rows)
			arm->fewest_rows = PQntuples(result);
		PQclear(result);
	}
	arm->recall = (double) hits / (double) (wanted > 0 ? wanted : 1);
}

static void
time_round(Arm *arm, const Workload *work, int round)
{
	double		processor = processor_seconds(arm->client.backend);
	double		own = processor_seconds(getpid());
	double		begin = now();
	double		last = begin;

	size_t		q;

	for (q = 0; q < work->queries.count && (work->seconds <= 0 || last - begin < work->seconds); q++)
	{
		double		time;

		PQclear(ask(arm, work, q));
		time = now();
		arm->latency[arm->asked++] = time - last;
		last = time;
	}
	arm->query_seconds[round] = (last - begin) / (double) q;
	arm->processor += processor_seconds(arm->client.backend) - processor;
	arm->own_processor += processor_seconds(getpid()) - own;
}

static int
by_value(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

static void
report(Arm *arm, const Workload *work)
{
	size_t		asked = arm->asked;
	int			middle = work->rounds / 2;
	double		median;

	qsort(arm->query_seconds, (size_t) work->rounds, sizeof(double), by_value);
	qsort(arm->latency, asked, sizeof(double), by_value);
	median = work->rounds % 2 ? arm->query_seconds[middle] : (arm->query_seconds[middle - 1] + arm->query_seconds[middle]) / 2;
	printf("%s\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.4f\t%d\t%d\n", arm->name, 1 / median,
		   1 / arm->query_seconds[0], arm->latency[asked / 2] * 1e6, arm->latency[asked * 99 / 100] * 1e6,
		   (arm->processor + arm->own_processor) / (double) asked * 1e6, arm->recall, arm->fewest_rows,
		   arm->index_scan);
}

static void
usage(void)
{
	fprintf(stderr, "usage: knn [-r ROUNDS] [-s SECONDS] [-p PROCESSOR] [-k LIMIT] [-q QUERIES] [-n] BASE QUERIES METRIC ARM...\n");
	exit(2);
}

int
main(int argc, char **argv)
{
	Workload	work = {.limit = 10, .rounds = 3, .processor = 1};
	Arm		   *arms;
	int			arm_count;
	int			option;
	size_t		limit_queries = 0;

	while ((option = getopt(argc, argv, "r:s:p:k:q:n")) != -1)
	{
		if (option == 'r')
			work.rounds = atoi(optarg);
		else if (option == 's')
			work.seconds = atof(optarg);
		else if (option == 'p')
			work.processor = atoi(optarg);
		else if (option == 'k')
			work.limit = atoi(optarg);
		else if (option == 'q')
			limit_queries = strtoull(optarg, NULL, 10);
		else if (option == 'n')
			work.no_recall = true;
		else
			usage();
	}
	arm_count = argc - optind - 3;
	if (arm_count < 1 || work.rounds < 1 || work.rounds > MAX_ROUNDS || work.limit < 1 || work.limit > TRUTH_K)
		usage();
	work.base = read_vectors(argv[optind], 0);
	work.queries = read_vectors(argv[optind + 1], limit_queries);
	work.metric = parse_metric(argv[optind + 2]);
	work.parameters = allocate(work.queries.count, VECTOR_BYTES(work.queries.dimensions));
	for (size_t q = 0; q < work.queries.count; q++)
		encode_vector(work.queries.values + q * work.queries.dimensions, work.queries.dimensions,
					  work.parameters + q * VECTOR_BYTES(work.queries.dimensions));
	if (work.processor >= sysconf(_SC_NPROCESSORS_ONLN))
		work.processor = 0;
	pin_self(work.processor);
	arms = allocate((size_t) arm_count, sizeof(Arm));
	for (int a = 0; a < arm_count; a++)
	{
		open_arm(&arms[a], argv[optind + 3 + a], &work);
		warm_up(&arms[a], &work);
	}
	for (int round = 0; round < work.rounds; round++)
		for (int a = 0; a < arm_count; a++)
			time_round(&arms[a], &work, round);
	for (int a = 0; a < arm_count; a++)
		report(&arms[a], &work);
	return 0;
}
