/*
 * watch.c: runs one SQL statement and watches the memory of its server process and parallel workers meanwhile.
 *
 * usage: watch [-t SECONDS] CONNINFO SETUP STATEMENT
 *
 * Prints, tab-separated: seconds, kB of memory at the peak, kB of VmHWM of the server process. With -t the statement is cancelled
 * after SECONDS, and "cancelled" is printed behind that.
 *
 * Memory is what the statement itself holds: anonymous memory (RssAnon) of the server process, beyond what it had before, and of its
 * parallel workers, plus the dynamic shared memory segments mapped by the server process. VmHWM counts every page of
 * shared_buffers that was touched and is therefore no measure against maintenance_work_mem; it is printed to be seen.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "vectors.h"

#define SAMPLE_MICROSECONDS 25000

static atomic_bool finished;

/* A "Name:   123 kB" line of /proc/PID/status; 0 if the process or the line is gone. */
static long
status_kb(int pid, const char *name)
{
	char		path[64];
	char		line[256];
	long		value = 0;
	FILE	   *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			value = atol(line + strlen(name) + 1);
	fclose(file);
	return value;
}

static bool
is_worker_of(int pid, int leader)
{
	char		path[64];
	char		title[256] = "";
	char		wanted[64];
	FILE	   *file;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	file = fopen(path, "r");
	if (file == NULL)
		return false;
	title[fread(title, 1, sizeof(title) - 1, file)] = '\0';
	fclose(file);
	snprintf(wanted, sizeof(wanted), "parallel worker for PID %d ", leader);
	return strstr(title, wanted) != NULL;
}

static long
workers_kb(int leader)
{
	int			postmaster = (int) status_kb(leader, "PPid");
	char		path[64];
	FILE	   *file;
	int			pid;
	long		total = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", postmaster, postmaster);
	file = fopen(path, "r");
	if (file == NULL)
		die("could not read %s", path);
	while (fscanf(file, "%d", &pid) == 1)
		if (is_worker_of(pid, leader))
			total += status_kb(pid, "RssAnon");
	fclose(file);
	return total;
}

static long
shared_segments_kb(int pid)
{
	char		path[64];
	char		line[4352];
	char		last[4352] = "";
	long		total = 0;
	FILE	   *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "r");
	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL)
	{
		char	   *name = strstr(line, "/dev/shm/PostgreSQL.");
		struct stat status;

		if (name == NULL)
			continue;
		name[strcspn(name, " \n")] = '\0';
		if (strcmp(name, last) != 0 && stat(name, &status) == 0)
			total += (long) (status.st_blocks / 2);
		strcpy(last, name);
	}
	fclose(file);
	return total;
}

typedef struct Sampler
{
	int			pid;
	long		before_kb;
	long		peak_kb;
} Sampler;

static void *
sample(void *argument)
{
	Sampler    *sampler = argument;

	while (!finished)
	{
		long		held = status_kb(sampler->pid, "RssAnon") + workers_kb(sampler->pid) + shared_segments_kb(sampler->pid) -
			sampler->before_kb;

		if (held > sampler->peak_kb)
			sampler->peak_kb = held;
		usleep(SAMPLE_MICROSECONDS);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	Client		client;
	Sampler		sampler = {0};
	pthread_t	thread;
	double		begin;
	double		seconds;
	PGresult   *result;
	const char *sqlstate;
	bool		cancelled;
	int			first = 1;

	if (argc == 6 && strcmp(argv[1], "-t") == 0)
		first = 3;
	if (argc != first + 3)
	{
		fprintf(stderr, "usage: watch [-t SECONDS] CONNINFO SETUP STATEMENT\n");
		return 2;
	}
	client = connect_client(argv[first], argv[first + 1], -1);
	if (first > 1)
	{
		char		limit[64];

		snprintf(limit, sizeof(limit), "SET statement_timeout = '%ds'", atoi(argv[2]));
		PQclear(run(&client, limit));
	}
	sampler.pid = client.backend;
	sampler.before_kb = status_kb(sampler.pid, "RssAnon") + shared_segments_kb(sampler.pid);
	if (pthread_create(&thread, NULL, sample, &sampler) != 0)
		die("could not start a thread");
	begin = now();
	result = PQexec(client.connection, argv[first + 2]);
	sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	cancelled = sqlstate != NULL && strcmp(sqlstate, "57014") == 0;
	if (!cancelled)
		expect(&client, result, PGRES_COMMAND_OK, argv[first + 2]);
	PQclear(result);
	seconds = now() - begin;
	finished = true;
	pthread_join(thread, NULL);
	printf("%.3f\t%ld\t%ld%s\n", seconds, sampler.peak_kb, status_kb(client.backend, "VmHWM"), cancelled ? "\tcancelled" : "");
	PQfinish(client.connection);
	return 0;
}
