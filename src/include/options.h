/*
 * options.h: options of tables, kept in proximadb.table_options, with settings as their defaults.
 */
#ifndef PXD_OPTIONS_H
#define PXD_OPTIONS_H

#include "postgres.h"

#include "utils/rel.h"

/* Options that are numbers, in the order of their columns in the catalog. */
typedef enum OptionId
{
	OPTION_BLOCK_SIZE,			/* kB of records before compression */
	OPTION_BLOOM_FPR,			/* false positives of key filters, 0: no filters */
	OPTION_COMPRESSION_LEVEL,	/* 0: the engine's own */
	OPTION_SEGMENT_SIZE,		/* kB at which a segment is closed */
	OPTION_FLUSH_THRESHOLD,		/* kB */
	OPTION_COMPACTION_THRESHOLD,	/* runs of level 0 that are merged */
	OPTION_LEVEL_COUNT
} OptionId;

#define OPTION_COUNT	(OPTION_LEVEL_COUNT + 1)

typedef enum OptionKind
{
	OPTION_INTEGER,
	OPTION_REAL,
	OPTION_SIZE					/* integer, kB */
} OptionKind;

typedef struct OptionInfo
{
	const char *name;			/* of the option, and of its setting behind "proximadb." */
	const char *column;			/* of proximadb.table_options */
	OptionKind	kind;
	bool		sorted_only;	/* of use to engines that sort only */
	double		min;
	double		max;
	double		min_positive;	/* what is not 0 is at least this; 0: no such rule */
	void	   *setting;		/* int * or double *: the default */
} OptionInfo;

extern const OptionInfo pxd_option_info[OPTION_COUNT];

/* The one option that is no number: columns of the sort key. */
#define OPTION_SORT_BY			"sort_by"

/* Columns of proximadb.table_options; those of pxd_option_info follow in its order. */
#define TABLE_OPTIONS_TBL			1
#define TABLE_OPTIONS_SORT_BY		2
#define TABLE_OPTIONS_SORT_ATTNUMS	3
#define TABLE_OPTIONS_FIRST			4
#define TABLE_OPTIONS_NATTS			(TABLE_OPTIONS_FIRST + OPTION_COUNT - 1)

/* What the catalog says of a table. */
typedef struct TableOptions
{
	int			nsort;			/* 0: not set */
	AttrNumber	sort[INDEX_MAX_KEYS];
	bool		isset[OPTION_COUNT];
	double		value[OPTION_COUNT];
} TableOptions;

/*
 * The options set for table, or for the table that it is to replace in a rewrite; none if the catalog is not there. Kept with the relcache entry, which
 * every change of the options invalidates. May be called inside VACUUM: reads with a fresh catalog snapshot, without SQL.
 */
extern void pxd_table_options(Relation table, TableOptions *options);

/* The value in force: the option's or else the setting's. Sizes are in kB. */
extern double pxd_option_value(const TableOptions *options, OptionId id);
extern int	pxd_option_int(const TableOptions *options, OptionId id);

/* Whether value is one the option may have. */
extern bool pxd_option_valid(OptionId id, double value);

/* Defines the settings. From _PG_init. */
extern void pxd_options_init(void);

#endif
