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

static void
validate_code_bits(int value)
{
	if (value != 0 && value != 1 && value != 2 && value != 4)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("code_bits must be 0, 1, 2 or 4, not %d", value),
				 errhint("0 chooses by the number of dimensions.")));
}

/* Registers settings and options; once, when the library is loaded. */
void
pxd_axis_options_init(void)
{
	axis_options = add_reloption_kind();
	add_real_reloption(axis_options, "target_recall", "Share of the nearest rows that a search should find.",
					   0, 0, 0.999, AccessExclusiveLock);
	add_int_reloption(axis_options, "code_bits", "Bits of a row's code for each dimension: 1, 2 or 4; 0 chooses.",
					  0, 0, 4, AccessExclusiveLock);
	add_enum_reloption(axis_options, "strategy", "auto, flat (all rows are looked at) or ivf (inverted lists).",
					   strategies, AXIS_STRATEGY_AUTO, "Valid values are \"auto\", \"flat\" and \"ivf\".",
					   AccessExclusiveLock);

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
pxd_axis_options(Datum reloptions, bool validate)
{
	static const relopt_parse_elt elements[] = {
		{"target_recall", RELOPT_TYPE_REAL, offsetof(AxisOptions, target_recall)},
		{"code_bits", RELOPT_TYPE_INT, offsetof(AxisOptions, code_bits)},
		{"strategy", RELOPT_TYPE_ENUM, offsetof(AxisOptions, strategy)},
	};
	AxisOptions *options = build_reloptions(reloptions, validate, axis_options, sizeof(AxisOptions), elements,
											lengthof(elements));

	if (options != NULL && validate)
		validate_code_bits(options->code_bits);
	return (bytea *) options;
}

double
pxd_axis_target_recall(Relation index)
{
	AxisOptions *options = (AxisOptions *) index->rd_options;

	if (pxd_axis_target_recall_setting > 0)
		return pxd_axis_target_recall_setting;
	if (options != NULL && options->target_recall > 0)
		return options->target_recall;
	return DEFAULT_TARGET_RECALL;
}
