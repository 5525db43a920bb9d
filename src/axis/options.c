/*
 * options.c: settings and index options of axis.
 */
#include "postgres.h"

#include "access/reloptions.h"
#include "utils/guc.h"

#include "axis.h"

#define DEFAULT_TARGET_RECALL 0.95

double		pxd_axis_target_recall_setting = 0;
int			pxd_axis_nprobe = 0;
double		pxd_axis_error_bound = 3;

static relopt_kind axis_options;

static relopt_enum_elt_def strategies[] = {
	{"auto", AXIS_STRATEGY_AUTO},
	{"flat", AXIS_STRATEGY_FLAT},
	{"ivf", AXIS_STRATEGY_IVF},
	{NULL}
};

static const relopt_parse_elt axis_elements[] = {
	{"target_recall", RELOPT_TYPE_REAL, offsetof(AxisOptions, target_recall)},
	{"code_bits", RELOPT_TYPE_INT, offsetof(AxisOptions, code_bits)},
	{"strategy", RELOPT_TYPE_ENUM, offsetof(AxisOptions, strategy)},
};

static void
validate_code_bits(int value)
{
	if (value != 0 && value != 1 && value != 2 && value != 4)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("code_bits must be 0, 1, 2 or 4, not %d", value),
				 errhint("0 chooses by the number of dimensions.")));
}

void
pxd_axis_options_add(relopt_kind kind)
{
	/* each is read at the beginning of a scan or a build: changing one disturbs nobody */
	add_real_reloption(kind, "target_recall", "Share of the nearest rows that a search should find.",
					   0, 0, 0.999, ShareUpdateExclusiveLock);
	add_int_reloption(kind, "code_bits", "Bits of a row's code for each dimension: 1, 2 or 4; 0 chooses.",
					  0, 0, 4, ShareUpdateExclusiveLock);
	add_enum_reloption(kind, "strategy", "auto, flat (all rows are looked at) or ivf (inverted lists).",
					   strategies, AXIS_STRATEGY_AUTO, "Valid values are \"auto\", \"flat\" and \"ivf\".",
					   ShareUpdateExclusiveLock);
}

/* Registers settings and options; once, when the library is loaded. */
void
pxd_axis_options_init(void)
{
	axis_options = add_reloption_kind();
	pxd_axis_options_add(axis_options);

	DefineCustomRealVariable("proximadb.target_recall",
							 "Share of the nearest rows that searches through axis indexes should find.",
							 "0 leaves it to the index: its option target_recall, else 0.95.",
							 &pxd_axis_target_recall_setting,
							 0, 0, 0.999,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("proximadb.nprobe",
							"Lists of an axis index that a search begins with, instead of what the target recall asks for.",
							"0 follows the target recall.",
							&pxd_axis_nprobe,
							0, 0, INT_MAX,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomRealVariable("proximadb.error_bound",
							 "Standard deviations by which estimated distances may be wrong before an exact one is computed.",
							 "Smaller values are faster and may miss rows.",
							 &pxd_axis_error_bound,
							 3, 0, 10,
							 PGC_USERSET, 0, NULL, NULL, NULL);
}

bytea *
pxd_axis_options_parse(Datum reloptions, bool validate, relopt_kind kind, Size size, const relopt_parse_elt *elements,
					   int count)
{
	relopt_parse_elt *all = palloc(sizeof(axis_elements) + sizeof(relopt_parse_elt) * count);
	AxisOptions *options;

	Assert(size >= sizeof(AxisOptions));
	memcpy(all, axis_elements, sizeof(axis_elements));
	if (count > 0)
		memcpy(all + lengthof(axis_elements), elements, sizeof(relopt_parse_elt) * count);
	options = build_reloptions(reloptions, validate, kind, size, all, lengthof(axis_elements) + count);
	if (options != NULL && validate)
		validate_code_bits(options->code_bits);
	pfree(all);
	return (bytea *) options;
}

bytea *
pxd_axis_options(Datum reloptions, bool validate)
{
	return pxd_axis_options_parse(reloptions, validate, axis_options, sizeof(AxisOptions), NULL, 0);
}

void
pxd_axis_effort(Relation index, AxisEffort *effort)
{
	const AxisOptions *options = (const AxisOptions *) index->rd_options;
	const AxisAlias *alias = pxd_axis_alias(index);

	effort->strict_order = false;
	if (pxd_axis_target_recall_setting > 0)
		effort->target_recall = pxd_axis_target_recall_setting;
	else if (options != NULL && options->target_recall > 0)
		effort->target_recall = options->target_recall;
	else
		effort->target_recall = DEFAULT_TARGET_RECALL;
	if (alias != NULL)
		alias->effort(options, effort);
	Assert(effort->target_recall >= 0 && effort->target_recall <= 1);
}
