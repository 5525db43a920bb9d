/*
 * settings.c: settings and index options of hnsw and ivfflat, with pgvector's names, ranges and defaults, and what they mean to axis.
 *
 * hnsw.ef_search and ivfflat.probes say how hard to look: the share of rows that a search may miss shrinks in proportion as they grow, from what
 * the target recall allows at their defaults. hnsw.iterative_scan = strict_order is honoured. The others limit how long a scan goes on;
 * a scan of axis goes on until its LIMIT is met, so they change nothing. m, ef_construction and lists shape what axis does
 * not have, but for lists being the number of probes that looks at everything.
 */
#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"

#include "settings.h"

#define HNSW_EF_SEARCH 40		/* default */
#define HNSW_M 16
#define HNSW_EF_CONSTRUCTION 64
#define IVFFLAT_PROBES 1
#define IVFFLAT_LISTS 100
#define IVFFLAT_MAX_LISTS 32768

/* A search of less effort than the default still looks for these. */
#define LEAST_RECALL 0.5
/* Beyond it axis has measured nothing; see axis's own option. */
#define MOST_RECALL 0.999

enum
{
	ITERATIVE_SCAN_OFF,
	ITERATIVE_SCAN_RELAXED,
	ITERATIVE_SCAN_STRICT
};

static const struct config_enum_entry hnsw_iterative_scans[] = {
	{"off", ITERATIVE_SCAN_OFF, false},
	{"relaxed_order", ITERATIVE_SCAN_RELAXED, false},
	{"strict_order", ITERATIVE_SCAN_STRICT, false},
	{NULL, 0, false}
};

static const struct config_enum_entry ivfflat_iterative_scans[] = {
	{"off", ITERATIVE_SCAN_OFF, false},
	{"relaxed_order", ITERATIVE_SCAN_RELAXED, false},
	{NULL, 0, false}
};

static int	hnsw_ef_search;
static int	hnsw_iterative_scan;
static int	hnsw_max_scan_tuples;
static double hnsw_scan_mem_multiplier;
static int	ivfflat_probes;
static int	ivfflat_iterative_scan;
static int	ivfflat_max_probes;

typedef struct HnswOptions
{
	AxisOptions axis;
	int			m;
	int			ef_construction;
} HnswOptions;

typedef struct IvfflatOptions
{
	AxisOptions axis;
	int			lists;
} IvfflatOptions;

static const AxisApi *axis;
static relopt_kind hnsw_kind;
static relopt_kind ivfflat_kind;

static bytea *
hnsw_options(Datum reloptions, bool validate)
{
	static const relopt_parse_elt elements[] = {
		{"m", RELOPT_TYPE_INT, offsetof(HnswOptions, m)},
		{"ef_construction", RELOPT_TYPE_INT, offsetof(HnswOptions, ef_construction)},
	};

	return axis->parse_options(reloptions, validate, hnsw_kind, sizeof(HnswOptions), elements, lengthof(elements));
}

static bytea *
ivfflat_options(Datum reloptions, bool validate)
{
	static const relopt_parse_elt elements[] = {
		{"lists", RELOPT_TYPE_INT, offsetof(IvfflatOptions, lists)},
	};

	return axis->parse_options(reloptions, validate, ivfflat_kind, sizeof(IvfflatOptions), elements, lengthof(elements));
}

/* The target recall when the effort is times the default one. */
static double
recall_of_effort(double recall, double times)
{
	double		target = 1 - (1 - recall) / times;

	return Max(Min(target, Max(recall, MOST_RECALL)), Min(recall, LEAST_RECALL));
}

static void
hnsw_effort(const AxisOptions *options, AxisEffort *effort)
{
	effort->target_recall = recall_of_effort(effort->target_recall, (double) hnsw_ef_search / HNSW_EF_SEARCH);
	effort->strict_order = hnsw_iterative_scan == ITERATIVE_SCAN_STRICT;
}

static void
ivfflat_effort(const AxisOptions *options, AxisEffort *effort)
{
	int			lists = options != NULL ? ((const IvfflatOptions *) options)->lists : IVFFLAT_LISTS;

	if (ivfflat_probes >= lists && ivfflat_probes > IVFFLAT_PROBES)
		effort->target_recall = 1;
	else
		effort->target_recall = recall_of_effort(effort->target_recall, (double) ivfflat_probes / IVFFLAT_PROBES);
}

const AxisAlias pxd_vector_hnsw = {
	.options = hnsw_options,
	.effort = hnsw_effort
};

const AxisAlias pxd_vector_ivfflat = {
	.options = ivfflat_options,
	.effort = ivfflat_effort
};

static void
init_hnsw(void)
{
	hnsw_kind = add_reloption_kind();
	axis->add_options(hnsw_kind);
	add_int_reloption(hnsw_kind, "m", "Accepted for pgvector's sake: axis has no graph.",
					  HNSW_M, 2, 100, AccessExclusiveLock);
	add_int_reloption(hnsw_kind, "ef_construction", "Accepted for pgvector's sake: axis has no graph.",
					  HNSW_EF_CONSTRUCTION, 4, 1000, AccessExclusiveLock);

	DefineCustomIntVariable("hnsw.ef_search", "How hard searches through hnsw indexes look.",
							"40 aims at the target recall; larger values miss fewer rows, in proportion.",
							&hnsw_ef_search,
							HNSW_EF_SEARCH, 1, 1000,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("hnsw.iterative_scan", "Whether rows of a scan that goes on may come out of order.",
							 "strict_order leaves out those that would; scans go on as long as rows are wanted with all values.",
							 &hnsw_iterative_scan,
							 ITERATIVE_SCAN_OFF, hnsw_iterative_scans,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("hnsw.max_scan_tuples", "Accepted for pgvector's sake: scans go on as long as rows are wanted.",
							NULL,
							&hnsw_max_scan_tuples,
							20000, 1, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("hnsw.scan_mem_multiplier", "Accepted for pgvector's sake: scans remember no rows passed over.",
							 NULL,
							 &hnsw_scan_mem_multiplier,
							 1, 1, 1000,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("hnsw");
}

static void
init_ivfflat(void)
{
	ivfflat_kind = add_reloption_kind();
	axis->add_options(ivfflat_kind);
	add_int_reloption(ivfflat_kind, "lists", "As many ivfflat.probes look at all rows; else axis chooses its lists itself.",
					  IVFFLAT_LISTS, 1, IVFFLAT_MAX_LISTS, AccessExclusiveLock);

	DefineCustomIntVariable("ivfflat.probes", "How hard searches through ivfflat indexes look.",
							"1 aims at the target recall; larger values miss fewer rows, in proportion; as many as the index's lists none.",
							&ivfflat_probes,
							IVFFLAT_PROBES, 1, IVFFLAT_MAX_LISTS,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("ivfflat.iterative_scan", "Accepted for pgvector's sake: scans go on as long as rows are wanted.",
							 NULL,
							 &ivfflat_iterative_scan,
							 ITERATIVE_SCAN_OFF, ivfflat_iterative_scans,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("ivfflat.max_probes", "Accepted for pgvector's sake: scans go on as long as rows are wanted.",
							NULL,
							&ivfflat_max_probes,
							IVFFLAT_MAX_LISTS, 1, IVFFLAT_MAX_LISTS,
							PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("ivfflat");
}

void
pxd_vector_settings_init(const AxisApi *api)
{
	axis = api;
	init_hnsw();
	init_ivfflat();
}
