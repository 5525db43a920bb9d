/*
 * axis_alias.h: what proximadb offers to libraries that give axis another name (compat/vector has two: hnsw and ivfflat).
 *
 * An alias is an access method whose handler returns axis's routine with some members of its own: name for name, what is stored and how it
 * is searched stay those of axis. Its library finds these functions through the only symbol proximadb exports for others:
 *
 *     const AxisApi *(*find) (int) = load_external_function("$libdir/proximadb", "pxd_api_axis", true, NULL);
 *     const AxisApi *api = find(AXIS_API_VERSION);
 */
#ifndef PXD_AXIS_ALIAS_H
#define PXD_AXIS_ALIAS_H

#include "postgres.h"

#include "access/amapi.h"
#include "access/reloptions.h"

/* Grows with every change of the structs below. */
#define AXIS_API_VERSION 1

/* Options of an index of axis; those of an alias begin with them. */
typedef struct AxisOptions
{
	int32		vl_len_;
	double		target_recall;	/* 0: not given */
	int			code_bits;		/* 0: by dimensions */
	int			strategy;		/* AxisStrategy */
} AxisOptions;

/* How a scan is to search. */
typedef struct AxisEffort
{
	double		target_recall;	/* 1: look at all lists */
	bool		strict_order;	/* leave out rows that are nearer than one already returned */
} AxisEffort;

typedef struct AxisAlias
{
	/* Parses an index's options: with AxisApi's parse_options. Tells this alias's indexes from others. */
	amoptions_function options;

	/* Changes what axis would do for an index with these options (NULL: none given) to what the alias's settings ask for. Raises no errors. */
	void		(*effort) (const AxisOptions *options, AxisEffort *effort);
} AxisAlias;

typedef struct AxisApi
{
	/* What the handler of an alias returns, palloc'd. The alias is remembered as long as the backend lives. */
	IndexAmRoutine *(*routine) (const AxisAlias *alias);

	/* Registers axis's options for a kind of the alias's own; once in a backend. */
	void		(*add_options) (relopt_kind kind);

	/* As build_reloptions(): elements are those beside axis's, size that of a struct beginning with AxisOptions. NULL if none are given. */
	bytea	   *(*parse_options) (Datum reloptions, bool validate, relopt_kind kind, Size size,
								  const relopt_parse_elt *elements, int count);
} AxisApi;

typedef const AxisApi *(*AxisApiFunction) (int version);

#endif
