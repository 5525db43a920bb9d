/*
 * client.h: connections whose server process runs on the client's processor, and vectors as binary parameters.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <libpq-fe.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

typedef struct Client
{
	PGconn	   *connection;
	Oid			vector_type;	/* InvalidOid if the database has none */
	int			backend;		/* process id */
} Client;

/* Connects, runs `setup` (may be empty) and pins the server process to `processor` unless that is negative. */
extern Client connect_client(const char *conninfo, const char *setup, int processor);

extern void pin_self(int processor);

/* Runs a command that must succeed; the result, to be cleared, or the end of the program. */
extern PGresult *run(const Client *client, const char *command);

/* Whether the result is of the expected status; if not, ends the program with the server's message. */
extern void expect(const Client *client, const PGresult *result, ExecStatusType status, const char *what);

/* pgvector's binary form of a vector: 2-byte dimensions, 2 bytes of zero, big-endian float4; returns its length. */
#define VECTOR_BYTES(dimensions) (4 + 4 * (dimensions))
extern size_t encode_vector(const float *values, size_t dimensions, unsigned char *out);

extern unsigned char *put_big_endian(unsigned char *out, uint64_t value, int bytes);
extern int64_t get_big_endian(const char *bytes, int length);

extern double now(void);

/* Seconds that a process has spent on a processor so far, from /proc/PID/schedstat; 0 if not known. */
extern double processor_seconds(int pid);

#endif
