/*
 * vector_io.c: the vector type's text and binary forms.
 *
 * Text is "[1,2,3]"; binary is uint16 dimensions, uint16 zero, then the elements as big-endian float4. No
 * state, no locks; everything is allocated in the caller's memory context.
 */
#include "postgres.h"

#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
#include "port/pg_bswap.h"

#include "types_internal.h"
#include "vector.h"

PG_FUNCTION_INFO_V1(pxd_sql_vector_in);
PG_FUNCTION_INFO_V1(pxd_sql_vector_out);
PG_FUNCTION_INFO_V1(pxd_sql_vector_typmod_in);
PG_FUNCTION_INFO_V1(pxd_sql_vector_recv);
PG_FUNCTION_INFO_V1(pxd_sql_vector_send);

Vector *
pxd_vector_alloc(int dim)
{
	Vector	   *vector;

	Assert(dim >= 1 && dim <= VECTOR_MAX_DIM);
	vector = palloc(VECTOR_SIZE(dim));
	SET_VARSIZE(vector, VECTOR_SIZE(dim));
	vector->dim = (int16) dim;
	vector->unused = 0;
	return vector;
}

void
pxd_vector_check_dim(int dim)
{
	pxd_types_check_dim("vector", dim, VECTOR_MAX_DIM);
}

void
pxd_vector_check_typmod(int32 typmod, int dim)
{
	pxd_types_check_typmod("vector", typmod, dim);
}

void
pxd_vector_check_finite(const float4 *x, int count)
{
	pxd_types_check_finite("vector", x, count);
}

/* vector_in(cstring, oid, integer): text to vector. */
Datum
pxd_sql_vector_in(PG_FUNCTION_ARGS)
{
	char	   *literal = PG_GETARG_CSTRING(0);
	int32		typmod = PG_GETARG_INT32(2);
	float4		x[VECTOR_MAX_DIM];
	int			dim = pxd_types_parse("vector", literal, x, VECTOR_MAX_DIM);
	Vector	   *result;

	pxd_vector_check_finite(x, dim);
	pxd_vector_check_typmod(typmod, dim);
	result = pxd_vector_alloc(dim);
	memcpy(result->x, x, dim * sizeof(float4));
	PG_RETURN_VECTOR_P(result);
}

/* vector_out(vector): the shortest text that reads back as the same vector. */
Datum
pxd_sql_vector_out(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);
	char	   *text = palloc(vector->dim * FLOAT_SHORTEST_DECIMAL_LEN + 3);
	char	   *p = text;

	*p++ = '[';
	for (int i = 0; i < vector->dim; i++)
	{
		if (i > 0)
			*p++ = ',';
		p += float_to_shortest_decimal_bufn(vector->x[i], p);
	}
	*p++ = ']';
	*p = '\0';

	PG_FREE_IF_COPY(vector, 0);
	PG_RETURN_CSTRING(text);
}

/* vector_typmod_in(cstring[]): the number of dimensions of vector(n). */
Datum
pxd_sql_vector_typmod_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(pxd_types_typmod_in("vector", PG_GETARG_ARRAYTYPE_P(0), VECTOR_MAX_DIM));
}

/* vector_recv(internal, oid, integer): binary form to vector. */
Datum
pxd_sql_vector_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int32		typmod = PG_GETARG_INT32(2);
	int			dim = (int) pq_getmsgint(message, sizeof(uint16));
	int			unused = (int) pq_getmsgint(message, sizeof(uint16));
	const char *elements;
	Vector	   *result;

	pxd_vector_check_dim(dim);
	pxd_vector_check_typmod(typmod, dim);
	pxd_types_check_unused("vector", unused);

	elements = pq_getmsgbytes(message, dim * sizeof(float4));
	result = pxd_vector_alloc(dim);
	for (int i = 0; i < dim; i++)
	{
		uint32		bits;

		memcpy(&bits, elements + i * sizeof(bits), sizeof(bits));
		bits = pg_ntoh32(bits);
		memcpy(&result->x[i], &bits, sizeof(bits));
	}
	pxd_vector_check_finite(result->x, dim);
	PG_RETURN_VECTOR_P(result);
}

/* vector_send(vector): vector to binary form. */
Datum
pxd_sql_vector_send(PG_FUNCTION_ARGS)
{
	Vector	   *vector = PG_GETARG_VECTOR_P(0);
	StringInfoData message;

	pq_begintypsend(&message);
	enlargeStringInfo(&message, 2 * sizeof(uint16) + vector->dim * sizeof(float4));
	pq_writeint16(&message, (uint16) vector->dim);
	pq_writeint16(&message, (uint16) vector->unused);
	for (int i = 0; i < vector->dim; i++)
	{
		uint32		bits;

		memcpy(&bits, &vector->x[i], sizeof(bits));
		pq_writeint32(&message, bits);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}
