/*
 * halfvec_io.c: the halfvec type's text and binary forms.
 *
 * Text is "[1,2,3]", each number rounded to float4 and then to float16, as pgvector does; what is printed is the
 * shortest text of the float4 of the same value. Binary is uint16 dimensions, uint16 zero, then the elements as
 * big-endian float16. No state, no locks; everything is allocated in the caller's memory context.
 */
#include "postgres.h"

#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
#include "port/pg_bswap.h"

#include "half.h"
#include "halfvec.h"
#include "types_internal.h"

PG_FUNCTION_INFO_V1(pxd_sql_halfvec_in);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_out);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_typmod_in);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_recv);
PG_FUNCTION_INFO_V1(pxd_sql_halfvec_send);

HalfVector *
pxd_halfvec_alloc(int dim)
{
	HalfVector *halfvec;

	Assert(dim >= 1 && dim <= HALFVEC_MAX_DIM);
	halfvec = palloc(HALFVEC_SIZE(dim));
	SET_VARSIZE(halfvec, HALFVEC_SIZE(dim));
	halfvec->dim = (int16) dim;
	halfvec->unused = 0;
	return halfvec;
}

HalfVector *
pxd_halfvec_from_floats(const float4 *x, int dim)
{
	HalfVector *halfvec;
	bool		overflow = false;

	pxd_types_check_finite("halfvec", x, dim);
	halfvec = pxd_halfvec_alloc(dim);
	for (int i = 0; i < dim; i++)
	{
		halfvec->x[i] = pxd_float_to_half(x[i]);
		overflow |= pxd_half_is_special(halfvec->x[i]);
	}
	for (int i = 0; unlikely(overflow) && i < dim; i++)
	{
		char		number[FLOAT_SHORTEST_DECIMAL_LEN];
		int			len = float_to_shortest_decimal_bufn(x[i], number);

		if (pxd_half_is_special(halfvec->x[i]))
			pxd_types_out_of_range("halfvec", number, number + len);
	}
	return halfvec;
}

void
pxd_halfvec_to_floats(const HalfVector *halfvec, float4 *x)
{
	for (int i = 0; i < halfvec->dim; i++)
		x[i] = pxd_half_to_float(halfvec->x[i]);
}

/* halfvec_in(cstring, oid, integer): text to halfvec. */
Datum
pxd_sql_halfvec_in(PG_FUNCTION_ARGS)
{
	char	   *literal = PG_GETARG_CSTRING(0);
	int32		typmod = PG_GETARG_INT32(2);
	float4		x[HALFVEC_MAX_DIM];
	int			dim = pxd_types_parse("halfvec", literal, x, HALFVEC_MAX_DIM);
	HalfVector *result = pxd_halfvec_from_floats(x, dim);

	pxd_types_check_typmod("halfvec", typmod, dim);
	PG_RETURN_HALFVEC_P(result);
}

/* halfvec_out(halfvec): a text that reads back as the same halfvec. */
Datum
pxd_sql_halfvec_out(PG_FUNCTION_ARGS)
{
	HalfVector *halfvec = PG_GETARG_HALFVEC_P(0);
	char	   *text = palloc(halfvec->dim * FLOAT_SHORTEST_DECIMAL_LEN + 3);
	char	   *p = text;

	*p++ = '[';
	for (int i = 0; i < halfvec->dim; i++)
	{
		if (i > 0)
			*p++ = ',';
		p += float_to_shortest_decimal_bufn(pxd_half_to_float(halfvec->x[i]), p);
	}
	*p++ = ']';
	*p = '\0';

	PG_FREE_IF_COPY(halfvec, 0);
	PG_RETURN_CSTRING(text);
}

/* halfvec_typmod_in(cstring[]): the number of dimensions of halfvec(n). */
Datum
pxd_sql_halfvec_typmod_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(pxd_types_typmod_in("halfvec", PG_GETARG_ARRAYTYPE_P(0), HALFVEC_MAX_DIM));
}

/* halfvec_recv(internal, oid, integer): binary form to halfvec. */
Datum
pxd_sql_halfvec_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int32		typmod = PG_GETARG_INT32(2);
	int			dim = (int) pq_getmsgint(message, sizeof(uint16));
	int			unused = (int) pq_getmsgint(message, sizeof(uint16));
	const char *elements;
	HalfVector *result;

	pxd_types_check_dim("halfvec", dim, HALFVEC_MAX_DIM);
	pxd_types_check_typmod("halfvec", typmod, dim);
	pxd_types_check_unused("halfvec", unused);

	elements = pq_getmsgbytes(message, dim * sizeof(uint16));
	result = pxd_halfvec_alloc(dim);
	for (int i = 0; i < dim; i++)
	{
		uint16		bits;
		float4		value;

		memcpy(&bits, elements + i * sizeof(bits), sizeof(bits));
		result->x[i] = pg_ntoh16(bits);
		if (unlikely(pxd_half_is_special(result->x[i])))
		{
			value = pxd_half_to_float(result->x[i]);
			pxd_types_check_finite("halfvec", &value, 1);
		}
	}
	PG_RETURN_HALFVEC_P(result);
}

/* halfvec_send(halfvec): halfvec to binary form. */
Datum
pxd_sql_halfvec_send(PG_FUNCTION_ARGS)
{
	HalfVector *halfvec = PG_GETARG_HALFVEC_P(0);
	StringInfoData message;

	pq_begintypsend(&message);
	enlargeStringInfo(&message, (2 + halfvec->dim) * sizeof(uint16));
	pq_writeint16(&message, (uint16) halfvec->dim);
	pq_writeint16(&message, (uint16) halfvec->unused);
	for (int i = 0; i < halfvec->dim; i++)
		pq_writeint16(&message, halfvec->x[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}
