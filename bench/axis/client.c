/*
 * client.c: see client.h.
 */
#define _GNU_SOURCE
#include "client.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vectors.h"

static void
pin(int pid, int processor)
{
	cpu_set_t	set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	if (sched_setaffinity(pid, sizeof(set), &set) != 0)
		die("could not pin process %d to processor %d (run as root or as the server's user)", pid, processor);
}

void
pin_self(int processor)
{
	if (processor >= 0)
		pin(0, processor);
}

void
expect(const Client *client, const PGresult *result, ExecStatusType status, const char *what)
{
	if (PQresultStatus(result) != status)
		die("%s: %s", what, PQerrorMessage(client->connection));
}

PGresult *
run(const Client *client, const char *command)
{
	PGresult   *result = PQexec(client->connection, command);

	if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
		die("%s: %s", command, PQerrorMessage(client->connection));
	return result;
}

Client
connect_client(const char *conninfo, const char *setup, int processor)
{
	Client		client = {.connection = PQconnectdb(conninfo)};
	PGresult   *result;

	if (PQstatus(client.connection) != CONNECTION_OK)
		die("%s", PQerrorMessage(client.connection));
	client.backend = PQbackendPID(client.connection);
	if (processor >= 0)
		pin(client.backend, processor);
	result = run(&client, "SELECT coalesce(to_regtype('vector')::oid, 0)");
	client.vector_type = (Oid) strtoul(PQgetvalue(result, 0, 0), NULL, 10);
	PQclear(result);
	if (setup[0] != '\0')
		PQclear(run(&client, setup));
	return client;
}

unsigned char *
put_big_endian(unsigned char *out, uint64_t value, int bytes)
{
	while (bytes-- > 0)
		*out++ = (unsigned char) (value >> (bytes * 8));
	return out;
}

int64_t
get_big_endian(const char *bytes, int length)
{
	uint64_t	value = length > 0 && (bytes[0] & 0x80) ? UINT64_MAX : 0;

	for (int i = 0; i < length; i++)
		value = value << 8 | (unsigned char) bytes[i];
	return (int64_t) value;
}

size_t
encode_vector(const float *values, size_t dimensions, unsigned char *out)
{
	unsigned char *end = put_big_endian(put_big_endian(out, dimensions, 2), 0, 2);

	for (size_t d = 0; d < dimensions; d++)
	{
		uint32_t	bits;

		memcpy(&bits, &values[d], sizeof(bits));
		end = put_big_endian(end, bits, 4);
	}
	return (size_t) (end - out);
}

double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

double
processor_seconds(int pid)
{
	char		path[64];
	FILE	   *file;
	unsigned long long nanoseconds = 0;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	file = fopen(path, "r");
	if (file != NULL)
	{
		if (fscanf(file, "%llu", &nanoseconds) != 1)
			nanoseconds = 0;
		fclose(file);
	}
	return (double) nanoseconds / 1e9;
}
