/*
 * libpq.c: a program in C on libpq: parameters and results in binary form, binary COPY in and out, prepared statements, pipelines.
 *
 * The server is the one libpq's environment names. Prints `ok NAME` or `FAILED NAME` for each test.
 */
#include <arpa/inet.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#define DIMENSIONS 48
#define ROWS 2000
#define QUERIES 20
#define NEAREST 10
#define RECALL_FLOOR 0.9
#define VECTOR_BYTES (4 + 4 * DIMENSIONS)

static PGconn *connection;
static Oid	vector_oid;
static float rows[ROWS][DIMENSIONS];
static bool all_passed = true;

/* Ends the program: nothing after it would mean anything. */
static void
die(const char *what)
{
	printf("FAILED %s: %s\n", what, PQerrorMessage(connection));
	exit(1);
}

static void
report(bool passed, const char *name)
{
	printf("%s %s\n", passed ? "ok" : "FAILED", name);
	fflush(stdout);
	all_passed &= passed;
}

static void
run_sql(const char *sql)
{
	PGresult   *result = PQexec(connection, sql);

	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
		die(sql);
	PQclear(result);
}

static void
put_float(char *to, float value)
{
	uint32_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	bits = htonl(bits);
	memcpy(to, &bits, sizeof(bits));
}

static double
get_double(const char *from)
{
	uint64_t	bits = 0;
	double		value;

	for (int i = 0; i < 8; i++)
		bits = bits << 8 | (unsigned char) from[i];
	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* A vector in binary form: uint16 dimensions, uint16 zero, floats; VECTOR_BYTES in all. */
static void
encode_vector(char *to, const float *elements)
{
	to[0] = 0;
	to[1] = DIMENSIONS;
	to[2] = to[3] = 0;
	for (int i = 0; i < DIMENSIONS; i++)
		put_float(to + 4 + 4 * i, elements[i]);
}

static bool
is_vector(const char *from, int length, const float *elements)
{
	char		expected[VECTOR_BYTES];

	encode_vector(expected, elements);
	return length == VECTOR_BYTES && memcmp(from, expected, VECTOR_BYTES) == 0;
}

static double
l2_distance(const float *a, const float *b)
{
	double		sum = 0;

	for (int i = 0; i < DIMENSIONS; i++)
		sum += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
	return sqrt(sum);
}

/* Rows around 20 centres, the same in each run. */
static void
make_rows(void)
{
	uint64_t	state = 42;

	for (int row = 0; row < ROWS; row++)
		for (int i = 0; i < DIMENSIONS; i++)
		{
			state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
			rows[row][i] = 3 * sinf((float) ((row % 20 + 1) * (i + 1))) + (float) (state >> 40) / (1 << 24);
		}
}

/* Runs a query whose only parameter is a vector, all in binary form. */
static PGresult *
search(const char *sql, const float *query)
{
	char		encoded[VECTOR_BYTES];
	const char *values[] = {encoded};
	int			lengths[] = {VECTOR_BYTES};
	int			formats[] = {1};
	PGresult   *result;

	encode_vector(encoded, query);
	result = PQexecParams(connection, sql, 1, &vector_oid, values, lengths, formats, 1);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		die(sql);
	return result;
}

static void
test_types(void)
{
	PGresult   *result = PQexec(connection, "SELECT oid, typarray FROM pg_type WHERE oid = to_regtype('vector')");

	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
		die("type vector is found by name");
	vector_oid = (Oid) strtoul(PQgetvalue(result, 0, 0), NULL, 10);
	report(vector_oid != 0 && strcmp(PQgetvalue(result, 0, 1), "0") != 0, "type vector is found by name, with its array type");
	PQclear(result);
}

static void
test_binary_value(void)
{
	PGresult   *result = search("SELECT $1, $1::real[]::vector", rows[0]);

	report(PQftype(result, 0) == vector_oid && PQfformat(result, 0) == 1 &&
		   is_vector(PQgetvalue(result, 0, 0), PQgetlength(result, 0, 0), rows[0]) &&
		   is_vector(PQgetvalue(result, 0, 1), PQgetlength(result, 0, 1), rows[0]),
		   "a parameter and results in binary form");
	PQclear(result);
}

/* Sends rows by binary COPY: signature, then field count, bigint and vector for each row. */
static void
test_copy_in(void)
{
	static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";	/* the literal's own NUL is its last byte */
	static const char trailer[] = {(char) 0xff, (char) 0xff};
	PGresult   *result = PQexec(connection, "COPY items FROM STDIN (FORMAT BINARY)");

	if (PQresultStatus(result) != PGRES_COPY_IN)
		die("COPY FROM");
	PQclear(result);
	PQputCopyData(connection, header, sizeof(header));
	for (int row = 0; row < ROWS; row++)
	{
		char		tuple[18 + VECTOR_BYTES] = {0, 2, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, (char) (row >> 8), (char) row, 0, 0, 0, (char) VECTOR_BYTES};

		encode_vector(tuple + 18, rows[row]);
		if (PQputCopyData(connection, tuple, sizeof(tuple)) != 1)
			die("COPY data");
	}
	PQputCopyData(connection, trailer, sizeof(trailer));
	if (PQputCopyEnd(connection, NULL) != 1)
		die("end of COPY");
	result = PQgetResult(connection);
	report(PQresultStatus(result) == PGRES_COMMAND_OK && atoi(PQcmdTuples(result)) == ROWS, "binary COPY in");
	PQclear(result);
	while ((result = PQgetResult(connection)) != NULL)
		PQclear(result);
}

static void
test_copy_out(void)
{
	PGresult   *result = PQexec(connection, "COPY (SELECT e FROM items ORDER BY id) TO STDOUT (FORMAT BINARY)");
	char	   *data;
	int			length;
	int			count = 0;
	bool		same = true;

	if (PQresultStatus(result) != PGRES_COPY_OUT)
		die("COPY TO");
	PQclear(result);
	while ((length = PQgetCopyData(connection, &data, 0)) > 0)
	{
		char	   *tuple = count == 0 ? data + 19 : data;	/* the first one follows the header */

		if (count < ROWS)		/* the last one is the trailer */
			same &= is_vector(tuple + 6, length - (int) (tuple - data) - 6, rows[count]);
		count++;
		PQfreemem(data);
	}
	report(same && count == ROWS + 1, "binary COPY out gives the same bytes");
	while ((result = PQgetResult(connection)) != NULL)
		PQclear(result);
}

static void
test_exact(void)
{
	PGresult   *result = search("SELECT e <-> $1 FROM items ORDER BY id", rows[7]);
	bool		same = PQntuples(result) == ROWS;

	for (int row = 0; same && row < ROWS; row++)
		same = fabs(get_double(PQgetvalue(result, row, 0)) - l2_distance(rows[row], rows[7])) < 1e-4;
	report(same, "distances in binary form are those computed here");
	PQclear(result);
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* How many of the distances found are among the NEAREST smallest. */
static int
count_nearest(PGresult *result, const float *query)
{
	double		distances[ROWS];
	int			found = 0;

	for (int row = 0; row < ROWS; row++)
		distances[row] = l2_distance(rows[row], query);
	qsort(distances, ROWS, sizeof(double), compare_doubles);
	for (int i = 0; i < PQntuples(result); i++)
		found += get_double(PQgetvalue(result, i, 0)) <= distances[NEAREST - 1] + 1e-4;
	return found;
}

/* create makes index items_e_idx, which is to be used with the setting and to find the nearest. */
static void
test_index(const char *create, const char *setting, const char *name)
{
	const char *nearest = "SELECT e <-> $1 FROM items ORDER BY e <-> $1 LIMIT 10";
	int			found = 0;
	bool		used = false;
	PGresult   *result;

	run_sql(create);
	run_sql("BEGIN; SET LOCAL enable_seqscan = off");
	run_sql(setting);
	result = search("EXPLAIN (COSTS OFF) SELECT id FROM items ORDER BY e <-> $1 LIMIT 10", rows[0]);
	for (int i = 0; i < PQntuples(result); i++)
		used |= strstr(PQgetvalue(result, i, 0), "using items_e_idx") != NULL;
	PQclear(result);
	for (int query = 0; query < QUERIES; query++)
	{
		result = search(nearest, rows[query * 91]);
		found += count_nearest(result, rows[query * 91]);
		PQclear(result);
	}
	run_sql("ROLLBACK");
	run_sql("DROP INDEX items_e_idx");
	report(used && found >= RECALL_FLOOR * QUERIES * NEAREST, name);
}

static void
test_prepared(void)
{
	PGresult   *result = PQprepare(connection, "nearest", "SELECT id, e FROM items ORDER BY e <=> $1 LIMIT 1", 0, NULL);
	bool		typed;

	PQclear(result);
	result = PQdescribePrepared(connection, "nearest");
	typed = PQnparams(result) == 1 && PQparamtype(result, 0) == vector_oid && PQftype(result, 1) == vector_oid;
	PQclear(result);
	report(typed, "a prepared statement's parameter is known to be a vector");
}

static void
test_pipeline(void)
{
	int			answered = 0;

	PQenterPipelineMode(connection);
	for (int i = 0; i < QUERIES; i++)
	{
		char		encoded[VECTOR_BYTES];
		const char *values[] = {encoded};
		int			lengths[] = {VECTOR_BYTES};
		int			formats[] = {1};

		encode_vector(encoded, rows[i]);
		if (PQsendQueryPrepared(connection, "nearest", 1, values, lengths, formats, 1) != 1)
			die("pipeline");
	}
	PQpipelineSync(connection);
	for (int i = 0; i < QUERIES; i++)
	{
		PGresult   *result = PQgetResult(connection);

		answered += PQresultStatus(result) == PGRES_TUPLES_OK && is_vector(PQgetvalue(result, 0, 1), PQgetlength(result, 0, 1), rows[i]);
		PQclear(result);
		PQclear(PQgetResult(connection));	/* the end of this query: NULL */
	}
	PQclear(PQgetResult(connection));	/* the sync */
	report(answered == QUERIES && PQexitPipelineMode(connection) == 1, "searches in a pipeline, all in binary form");
}

/* The server must refuse bytes that are no vector, and go on. */
static void
test_refused(void)
{
	static const struct
	{
		int			length;
		unsigned char bytes[12];
	}			bad[] = {
		{0, {0}},
		{8, {0, 2, 0, 0, 0, 0, 0, 0}},	/* shorter than it says */
		{12, {0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},	/* longer */
		{8, {0, 1, 0, 1, 0, 0, 0, 0}},	/* unused is not zero */
		{4, {0, 0, 0, 0}},		/* no dimensions */
		{8, {0, 1, 0, 0, 0x7f, 0xc0, 0, 0}},	/* NaN */
		{8, {0, 1, 0, 0, 0x7f, 0x80, 0, 0}},	/* infinity */
	};
	size_t		count = sizeof(bad) / sizeof(*bad);
	size_t		refused = 0;

	for (size_t i = 0; i < count; i++)
	{
		const char *values[] = {(const char *) bad[i].bytes};
		int			formats[] = {1};
		PGresult   *result = PQexecParams(connection, "SELECT $1", 1, &vector_oid, values, &bad[i].length, formats, 1);
		const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

		/* data exception, protocol violation or a limit: nothing worse */
		refused += state != NULL && (strncmp(state, "22", 2) == 0 || strncmp(state, "08P01", 5) == 0 || strncmp(state, "54", 2) == 0);
		PQclear(result);
	}
	run_sql("SELECT 1");
	report(refused == count, "malformed binary vectors are refused");
}

int
main(void)
{
	connection = PQconnectdb("");
	if (PQstatus(connection) != CONNECTION_OK)
		die("connect");
	make_rows();
	run_sql("SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS vector");
	run_sql("CREATE TABLE items (id bigint PRIMARY KEY, e vector(48))");
	test_types();
	test_binary_value();
	test_copy_in();
	test_copy_out();
	test_exact();
	test_index("CREATE INDEX items_e_idx ON items USING hnsw (e vector_l2_ops) WITH (m = 16, ef_construction = 64)",
			   "SET LOCAL hnsw.ef_search = 100", "hnsw index: used, recall at least 0.9");
	test_index("CREATE INDEX items_e_idx ON items USING ivfflat (e vector_l2_ops) WITH (lists = 20)",
			   "SET LOCAL ivfflat.probes = 10", "ivfflat index: used, recall at least 0.9");
	test_prepared();
	test_pipeline();
	test_refused();
	run_sql("DROP TABLE items");
	PQfinish(connection);
	return all_passed ? 0 : 1;
}
