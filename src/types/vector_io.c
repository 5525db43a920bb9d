/*
 * vector_io.c: the vector type's text and binary forms, and the checks every other source of vectors shares.
 *
 * Text is "[1,2,3]"; binary is uint16 dimensions, uint16 zero, then the elements as big-endian float4. No
 * state, no locks; everything is allocated in the caller's memory context.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "vector.h"

/* How much of a bad literal an error message repeats. */
#define LITERAL_SHOWN_BYTES 60

/* Exponent bits of a float4; all set in NaN and infinity only. */
#define FLOAT4_EXPONENT 0x7F800000

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

static void pg_attribute_noreturn()
too_many_dimensions(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("vector cannot have more than %d dimensions", VECTOR_MAX_DIM)));
}

void
pxd_vector_check_dim(int dim)
{
	if (dim < 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("vector must have at least one dimension")));
	if (dim > VECTOR_MAX_DIM)
		too_many_dimensions();
}

void
pxd_vector_check_typmod(int32 typmod, int dim)
{
	if (typmod != -1 && typmod != dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("vector must have %d dimensions, not %d", typmod, dim)));
}

void
pxd_vector_check_finite(const float4 *x, int count)
{
	bool		suspect = false;

	/* no early exit, so that the usual case is a loop without branches */
	for (int i = 0; i < count; i++)
	{
		uint32		bits;

		memcpy(&bits, &x[i], sizeof(bits));
		suspect |= (bits & FLOAT4_EXPONENT) == FLOAT4_EXPONENT;
	}
	if (likely(!suspect))
		return;

	for (int i = 0; i < count; i++)
	{
		if (isnan(x[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("vector cannot contain NaN"),
					 errdetail("Element %d is NaN.", i + 1)));
		if (isinf(x[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("vector cannot contain infinity"),
					 errdetail("Element %d is infinite.", i + 1)));
	}
}

/* The white space that array literals know, whatever the locale. */
static inline bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline const char *
skip_space(const char *p)
{
	while (is_space(*p))
		p++;
	return p;
}

/* The beginning of literal, for an error message. */
static char *
shown(const char *literal)
{
	int			len = strlen(literal);

	if (len <= LITERAL_SHOWN_BYTES)
		return pstrdup(literal);
	return psprintf("%.*s...", pg_mbcliplen(literal, len, LITERAL_SHOWN_BYTES), literal);
}

/* detail is a whole sentence. */
static void pg_attribute_noreturn()
malformed(const char *literal, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s: \"%s\"", "vector", shown(literal)),
			 errdetail_internal("%s", detail)));
}

static void pg_attribute_noreturn()
malformed_element(const char *literal, int element)
{
	malformed(literal, psprintf("Element %d is not a number.", element));
}

/* Raises the error for a number strtof calls too large, at text up to stop. */
static void pg_attribute_noreturn()
element_out_of_range(const char *text, const char *stop)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("\"%s\" is out of range for type vector", shown(pnstrdup(text, stop - text)))));
}

/*
 * Reads a literal into x, which has room for VECTOR_MAX_DIM elements; returns how many there are. Values
 * may be NaN or infinite: the caller checks.
 */
static int
parse_literal(const char *literal, float4 *x)
{
	const char *end = literal + strlen(literal);
	const char *p = skip_space(literal);
	int			dim = 0;

	if (*p != '[')
		malformed(literal, "A vector begins with \"[\".");
	p = skip_space(p + 1);
	if (*p == ']' && *skip_space(p + 1) == '\0')
		pxd_vector_check_dim(0);

	for (;;)
	{
		const char *stop;
		bool		overflow = false;

		if (dim == VECTOR_MAX_DIM)
			too_many_dimensions();
		p = skip_space(p);
		stop = pxd_float_parse(p, end, &x[dim], &overflow);
		if (stop == p)
			malformed_element(literal, dim + 1);
		if (unlikely(overflow))
			element_out_of_range(p, stop);
		dim++;

		p = stop;
		if (unlikely(*p != ','))
			p = skip_space(p);
		if (*p == ']')
			break;
		if (*p != ',')
			malformed(literal, psprintf("Element %d is not followed by \",\" or \"]\".", dim));
		p++;
	}
	if (*skip_space(p + 1) != '\0')
		malformed(literal, "Nothing may follow \"]\".");
	return dim;
}

/* vector_in(cstring, oid, integer): text to vector. */
Datum
pxd_sql_vector_in(PG_FUNCTION_ARGS)
{
	char	   *literal = PG_GETARG_CSTRING(0);
	int32		typmod = PG_GETARG_INT32(2);
	float4		x[VECTOR_MAX_DIM];
	int			dim = parse_literal(literal, x);
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
	ArrayType  *modifiers = PG_GETARG_ARRAYTYPE_P(0);
	int			count;
	int32	   *values = ArrayGetIntegerTypmods(modifiers, &count);

	if (count != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("type vector takes one modifier, its number of dimensions")));
	if (values[0] < 1 || values[0] > VECTOR_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("type vector cannot have %d dimensions", values[0]),
				 errdetail("Dimensions range from 1 to %d.", VECTOR_MAX_DIM)));
	PG_RETURN_INT32(values[0]);
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
	if (unused != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("unused field of a binary vector must be 0, not %d", unused)));

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
