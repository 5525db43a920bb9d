/*
 * sparsevec_io.c: the sparsevec type's text and binary forms, and its checks.
 *
 * Text is "{1:1.5,3:2}/5": indices from 1, in any order, zeros allowed and left out, then the number of dimensions.
 * Binary is int32 dimensions, int32 elements, int32 zero, the indices from 0 in ascending order, the values as big-endian
 * float4. No state, no locks; everything is allocated in the caller's memory context.
 */
#include "postgres.h"

#include <errno.h>
#include <math.h>

#include "common/shortest_dec.h"
#include "libpq/pqformat.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"

#include "sparsevec.h"
#include "types_internal.h"
#include "vector.h"

PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_in);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_out);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_typmod_in);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_recv);
PG_FUNCTION_INFO_V1(pxd_sql_sparsevec_send);

/* Characters of an index or a number of dimensions at most. */
#define INDEX_MAX_CHARS 11

/* An element of a literal: index from 0, or anything that is no index. */
typedef struct Element
{
	int32		index;
	float4		value;
} Element;

/* A literal while it is read. */
typedef struct Literal
{
	const char *text;
	const char *end;
	const char *p;				/* what comes next */
} Literal;

SparseVector *
pxd_sparsevec_alloc(int dim, int nnz)
{
	SparseVector *sparsevec;

	Assert(dim >= 1 && dim <= SPARSEVEC_MAX_DIM);
	Assert(nnz >= 0 && nnz <= SPARSEVEC_MAX_NNZ && nnz <= dim);
	sparsevec = palloc(SPARSEVEC_SIZE(nnz));
	SET_VARSIZE(sparsevec, SPARSEVEC_SIZE(nnz));
	sparsevec->dim = dim;
	sparsevec->nnz = nnz;
	sparsevec->unused = 0;
	return sparsevec;
}

void
pxd_sparsevec_check_dim(int dim)
{
	pxd_types_check_dim("sparsevec", dim, SPARSEVEC_MAX_DIM);
}

static void pg_attribute_noreturn()
too_many_elements(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("sparsevec cannot have more than %d non-zero elements", SPARSEVEC_MAX_NNZ)));
}

void
pxd_sparsevec_check_nnz(int nnz, int dim)
{
	if (nnz < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("sparsevec cannot have %d elements", nnz)));
	if (nnz > SPARSEVEC_MAX_NNZ)
		too_many_elements();
	if (nnz > dim)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("sparsevec cannot have more elements than dimensions")));
}

/* Raises an ERROR unless indices[i] lies in dim dimensions and behind the one before. Messages count from 1, as text does. */
static inline void
check_index(const int32 *indices, int i, int dim)
{
	int64		shown = (int64) indices[i] + 1;

	if (unlikely(indices[i] < 0 || indices[i] >= dim))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("index %lld of a sparsevec is out of bounds", (long long) shown),
				 errdetail("Indices of %d dimensions range from 1 to %d.", dim, dim)));
	if (unlikely(i > 0 && indices[i] <= indices[i - 1]))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 indices[i] == indices[i - 1] ?
				 errmsg("sparsevec has more than one element at index %lld", (long long) shown) :
				 errmsg("indices of a binary sparsevec must ascend")));
}

/* Raises an ERROR if the value at index (from 0) is NaN or infinite. */
static inline void
check_value(float4 value, int32 index)
{
	if (unlikely(!isfinite(value)))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 isnan(value) ? errmsg("sparsevec cannot contain NaN") : errmsg("sparsevec cannot contain infinity"),
				 errdetail("The value at index %lld is not finite.", (long long) index + 1)));
}

/* Raises the error for a literal that is malformed where we are. */
static void pg_attribute_noreturn()
malformed(const Literal *literal, const char *detail)
{
	pxd_types_malformed("sparsevec", literal->text, detail);
}

/*
 * Reads a decimal integer with white space before and after it; what int32 cannot hold becomes its nearest value.
 */
static int32
read_integer(Literal *literal, const char *what)
{
	const char *p = pxd_types_skip_space(literal->p);
	bool		negative = *p == '-';
	int64		value = 0;
	const char *digits;

	if (*p == '-' || *p == '+')
		p++;
	for (digits = p; *p >= '0' && *p <= '9'; p++)
		value = Min(value * 10 + (*p - '0'), (int64) PG_INT32_MAX + 1);
	if (p == digits)
		malformed(literal, psprintf("%s is not an integer.", what));
	literal->p = pxd_types_skip_space(p);
	return (int32) (negative ? Max(-value, (int64) PG_INT32_MIN) : Min(value, (int64) PG_INT32_MAX));
}

/* Reads a value, which may be zero, NaN or infinite; others too small for float4 are errors, as those too large are. */
static float4
read_value(Literal *literal)
{
	const char *p = pxd_types_skip_space(literal->p);
	bool		out_of_range = false;
	float4		value;
	const char *stop = pxd_float_parse(p, literal->end, &value, &out_of_range);

	if (stop == p)
		malformed(literal, "An element's value is not a number.");
	if (unlikely(value == 0.0f))
	{
		errno = 0;
		(void) strtof(p, NULL);
		out_of_range = errno == ERANGE;
	}
	if (unlikely(out_of_range))
		pxd_types_out_of_range("sparsevec", p, stop);
	literal->p = pxd_types_skip_space(stop);
	return value;
}

/* Reads "{1:2,...}" into elements, which has room for as many as there are commas and one more; zeros are left out. */
static int
read_elements(Literal *literal, Element *elements)
{
	int			count = 0;

	literal->p = pxd_types_skip_space(literal->p);
	if (*literal->p != '{')
		malformed(literal, "A sparsevec begins with \"{\".");
	literal->p = pxd_types_skip_space(literal->p + 1);
	if (*literal->p == '}')
	{
		literal->p++;
		return 0;
	}
	for (;;)
	{
		int32		index = read_integer(literal, "An element's index");
		float4		value;

		if (*literal->p != ':')
			malformed(literal, "An index is not followed by \":\".");
		literal->p++;
		/* text counts from 1; the lowest number is no index either way */
		index = Max(index, PG_INT32_MIN + 1) - 1;
		value = read_value(literal);
		check_value(value, index);
		if (value != 0.0f)
			elements[count++] = (Element) {index, value};

		if (*literal->p == '}')
			break;
		if (*literal->p != ',')
			malformed(literal, "An element is not followed by \",\" or \"}\".");
		literal->p++;
	}
	literal->p++;
	return count;
}

static int
compare_elements(const void *a, const void *b)
{
	int32		index_a = ((const Element *) a)->index;
	int32		index_b = ((const Element *) b)->index;

	return (index_a > index_b) - (index_a < index_b);
}

/* sparsevec_in(cstring, oid, integer): text to sparsevec. */
Datum
pxd_sql_sparsevec_in(PG_FUNCTION_ARGS)
{
	Literal		literal = {.text = PG_GETARG_CSTRING(0)};
	int32		typmod = PG_GETARG_INT32(2);
	int			max_count = 1;
	Element    *elements;
	int			count;
	int			dim;
	SparseVector *result;

	literal.p = literal.text;
	for (const char *p = literal.text; *p != '\0'; p++)
		max_count += *p == ',';
	if (max_count > SPARSEVEC_MAX_NNZ)
		too_many_elements();
	literal.end = literal.text + strlen(literal.text);
	elements = palloc(max_count * sizeof(Element));
	count = read_elements(&literal, elements);
	literal.p = pxd_types_skip_space(literal.p);
	if (*literal.p != '/')
		malformed(&literal, "Elements are not followed by \"/\" and the number of dimensions.");
	literal.p++;
	dim = read_integer(&literal, "The number of dimensions");
	if (*literal.p != '\0')
		malformed(&literal, "Nothing may follow the number of dimensions.");
	pxd_sparsevec_check_dim(dim);
	pxd_types_check_typmod("sparsevec", typmod, dim);

	qsort(elements, count, sizeof(Element), compare_elements);
	/* count may exceed dim: then an index is out of bounds, or there twice */
	result = pxd_sparsevec_alloc(Max(dim, count), count);
	result->dim = dim;
	for (int i = 0; i < count; i++)
	{
		result->indices[i] = elements[i].index;
		sparsevec_values(result)[i] = elements[i].value;
		check_index(result->indices, i, dim);
	}
	PG_RETURN_SPARSEVEC_P(result);
}

/* sparsevec_out(sparsevec): a text that reads back as the same sparsevec. */
Datum
pxd_sql_sparsevec_out(PG_FUNCTION_ARGS)
{
	SparseVector *sparsevec = PG_GETARG_SPARSEVEC_P(0);
	const float4 *values = sparsevec_values(sparsevec);
	/* of each element index, colon, value and comma; braces, slash, dimensions and the terminating zero */
	char	   *text = palloc(sparsevec->nnz * (INDEX_MAX_CHARS + FLOAT_SHORTEST_DECIMAL_LEN + 2) + INDEX_MAX_CHARS + 4);
	char	   *p = text;

	*p++ = '{';
	for (int i = 0; i < sparsevec->nnz; i++)
	{
		if (i > 0)
			*p++ = ',';
		p += pg_ltoa(sparsevec->indices[i] + 1, p);
		*p++ = ':';
		p += float_to_shortest_decimal_bufn(values[i], p);
	}
	*p++ = '}';
	*p++ = '/';
	p += pg_ltoa(sparsevec->dim, p);
	*p = '\0';

	PG_FREE_IF_COPY(sparsevec, 0);
	PG_RETURN_CSTRING(text);
}

/* sparsevec_typmod_in(cstring[]): the number of dimensions of sparsevec(n). */
Datum
pxd_sql_sparsevec_typmod_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(pxd_types_typmod_in("sparsevec", PG_GETARG_ARRAYTYPE_P(0), SPARSEVEC_MAX_DIM));
}

/* sparsevec_recv(internal, oid, integer): binary form to sparsevec. */
Datum
pxd_sql_sparsevec_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int32		typmod = PG_GETARG_INT32(2);
	int32		dim = (int32) pq_getmsgint(message, sizeof(int32));
	int32		nnz = (int32) pq_getmsgint(message, sizeof(int32));
	int32		unused = (int32) pq_getmsgint(message, sizeof(int32));
	SparseVector *result;
	float4	   *values;

	pxd_sparsevec_check_dim(dim);
	pxd_sparsevec_check_nnz(nnz, dim);
	pxd_types_check_typmod("sparsevec", typmod, dim);
	pxd_types_check_unused("sparsevec", unused);

	result = pxd_sparsevec_alloc(dim, nnz);
	values = sparsevec_values(result);
	for (int i = 0; i < nnz; i++)
	{
		result->indices[i] = (int32) pq_getmsgint(message, sizeof(int32));
		check_index(result->indices, i, dim);
	}
	for (int i = 0; i < nnz; i++)
	{
		values[i] = pq_getmsgfloat4(message);
		if (unlikely(values[i] == 0.0f))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("binary sparsevec cannot contain zeros"),
					 errdetail("The value at index %d is zero.", result->indices[i] + 1)));
		check_value(values[i], result->indices[i]);
	}
	PG_RETURN_SPARSEVEC_P(result);
}

/* sparsevec_send(sparsevec): sparsevec to binary form. */
Datum
pxd_sql_sparsevec_send(PG_FUNCTION_ARGS)
{
	SparseVector *sparsevec = PG_GETARG_SPARSEVEC_P(0);
	const float4 *values = sparsevec_values(sparsevec);
	StringInfoData message;

	pq_begintypsend(&message);
	enlargeStringInfo(&message, (3 + 2 * sparsevec->nnz) * sizeof(int32));
	pq_writeint32(&message, (uint32) sparsevec->dim);
	pq_writeint32(&message, (uint32) sparsevec->nnz);
	pq_writeint32(&message, (uint32) sparsevec->unused);
	for (int i = 0; i < sparsevec->nnz; i++)
		pq_writeint32(&message, (uint32) sparsevec->indices[i]);
	for (int i = 0; i < sparsevec->nnz; i++)
	{
		uint32		bits;

		memcpy(&bits, &values[i], sizeof(bits));
		pq_writeint32(&message, bits);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}
