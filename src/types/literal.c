/*
 * literal.c: reads the text form of vectors, and says what is wrong with it.
 *
 * No state, no locks; memory is the caller's.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "types_internal.h"
#include "vector.h"

/* How much of a bad literal an error message repeats. */
#define LITERAL_SHOWN_BYTES 60

/* The beginning of literal, for an error message. */
static char *
shown(const char *literal)
{
	int			len = strlen(literal);

	if (len <= LITERAL_SHOWN_BYTES)
		return pstrdup(literal);
	return psprintf("%.*s...", pg_mbcliplen(literal, len, LITERAL_SHOWN_BYTES), literal);
}

void
pxd_types_malformed(const char *type, const char *literal, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s: \"%s\"", type, shown(literal)),
			 errdetail_internal("%s", detail)));
}

void
pxd_types_out_of_range(const char *type, const char *text, const char *stop)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("\"%s\" is out of range for type %s", shown(pnstrdup(text, stop - text)), type)));
}

int
pxd_types_parse(const char *type, const char *literal, float4 *x, int max_dim)
{
	const char *end = literal + strlen(literal);
	const char *p = pxd_types_skip_space(literal);
	int			dim = 0;

	if (*p != '[')
		pxd_types_malformed(type, literal, psprintf("A %s begins with \"[\".", type));
	p = pxd_types_skip_space(p + 1);
	if (*p == ']' && *pxd_types_skip_space(p + 1) == '\0')
		pxd_types_check_dim(type, 0, max_dim);

	for (;;)
	{
		const char *stop;
		bool		overflow = false;

		if (dim == max_dim)
			pxd_types_too_many_dimensions(type, max_dim);
		p = pxd_types_skip_space(p);
		stop = pxd_float_parse(p, end, &x[dim], &overflow);
		if (stop == p)
			pxd_types_malformed(type, literal, psprintf("Element %d is not a number.", dim + 1));
		if (unlikely(overflow))
			pxd_types_out_of_range(type, p, stop);
		dim++;

		p = stop;
		if (unlikely(*p != ','))
			p = pxd_types_skip_space(p);
		if (*p == ']')
			break;
		if (*p != ',')
			pxd_types_malformed(type, literal, psprintf("Element %d is not followed by \",\" or \"]\".", dim));
		p++;
	}
	if (*pxd_types_skip_space(p + 1) != '\0')
		pxd_types_malformed(type, literal, "Nothing may follow \"]\".");
	return dim;
}
