/*
 * collection.h: collections as C code sees them, filters, and the statements made of both.
 */
#ifndef PXD_COLLECTION_H
#define PXD_COLLECTION_H

#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/jsonb.h"

/* Names in proximadb.collections.metric, in this order. */
typedef enum CollectionMetric
{
	METRIC_COSINE,
	METRIC_EUCLIDEAN,
	METRIC_DOT_PRODUCT,
	METRIC_MANHATTAN,
	METRIC_HAMMING
} CollectionMetric;

/* A row of proximadb.collections with what the system catalogs say about its table. Names are not quoted. */
typedef struct Collection
{
	char	   *name;
	Oid			relid;
	char	   *qualified;		/* the table, quoted, with its schema */
	CollectionMetric metric;
	char	   *id_column;
	char	   *vector_column;
	char	   *metadata_column;	/* NULL if it has none */
	char	   *id_type;		/* qualified */
	bool		has_created_at;
	bool		has_updated_at;
	bool		has_expires_at;
	bool		has_version;
	int			dimension;		/* 0 if not fixed */
	struct CollectionEntry *entry;	/* of the cache */
} Collection;

/*
 * The collection of this name; an error if there is none. Valid until pxd_collection_release, which must follow except
 * after errors. Reads catalogs; takes no lock on the table. SPI must be connected.
 */
extern const Collection *pxd_collection_get(const char *name);
extern void pxd_collection_release(const Collection *collection);

/*
 * Plans of statements about a collection, kept with it under keys of the caller's: finding one needs no making of its SQL.
 * find gives NULL if there is none, save makes one. They are owned by the cache.
 */
extern SPIPlanPtr pxd_collection_find_plan(const Collection *collection, const char *key);
extern SPIPlanPtr pxd_collection_save_plan(const Collection *collection, const char *key, const char *sql, int nparams,
										   const Oid *types);

/* A text argument of a function as a C string; error "what is null" if it is NULL. */
extern char *pxd_collection_text_arg(FunctionCallInfo fcinfo, int number, const char *what);

/* --- statements (catalog/filter.c) --- */

/* SQL under construction: values are parameters $1 .. $nparams, or literals to be shown to people. */
typedef struct Statement
{
	StringInfoData sql;
	bool		literals;
	int			depth;			/* of nested filters */
	int			nparams;
	int			capacity;
	Oid		   *types;
	Datum	   *values;
} Statement;

extern void pxd_statement_init(Statement *statement, bool literals);

/* Appends a value. */
extern void pxd_statement_put(Statement *statement, Oid type, Datum value);

/*
 * Appends filter as a condition on the columns of the table called t. Errors name the field and what is wrong with the
 * condition.
 */
extern void pxd_filter_put(Statement *statement, const Collection *collection, Jsonb *filter);

#endif
