/*
 * kernel_check.c: proximadb.kernel_check(), a diagnostic that compares the kernel sets of this machine.
 *
 * The kernels in plain C are compared with plain sums in double precision, every other usable set with those it has to
 * equal to the last bit, at lengths around each set's step and at every alignment. The float16 kernels
 * of all sets are compared with those in plain C for floats. Conversions of float16, the kernels that
 * count bits, those over sparse vectors and those over codes follow in half_check.c, bit_check.c, sparse_check.c and
 * code_check.c. No locks; memory is the query's.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/tuplestore.h"

#include "half.h"
#include "kernel_check.h"
#include "kernels.h"

PG_FUNCTION_INFO_V1(pxd_sql_kernel_check);

#define CHECK_MAX_DIM 16000
/* Bytes by which inputs are moved off their natural alignment. */
#define CHECK_SHIFTS 8
#define CHECK_COLUMNS 5

/* The kernels in plain C may differ from double precision by this share of the sum of absolute terms. */
#define SCALAR_TOLERANCE 1e-5

/* Lengths: each up to twice the 32 lanes, then usual ones and their odd neighbours. */
#define CHECK_SMALL_DIMS 67
static const int large_dims[] = {
	95, 96, 97, 127, 128, 129, 255, 384, 767, 768, 769, 1023, 1536, 2039, CHECK_MAX_DIM
};

typedef enum CheckedKernel
{
	CHECK_L2_SQUARED,
	CHECK_INNER_PRODUCT,
	CHECK_L1,
	CHECK_COSINE,
	CHECK_HALF_L2_SQUARED,
	CHECK_HALF_INNER_PRODUCT,
	CHECK_HALF_L1,
	CHECK_HALF_COSINE
} CheckedKernel;

#define CHECKED_KERNELS (CHECK_HALF_COSINE + 1)
#define FIRST_HALF_KERNEL CHECK_HALF_L2_SQUARED

static const char *const kernel_names[CHECKED_KERNELS] = {
	"l2_squared", "inner_product", "l1", "cosine",
	"half_l2_squared", "half_inner_product", "half_l1", "half_cosine"
};

/* a and b are floats, or float16 elements for the kernels that take them. */
static double
run_kernel(const KernelSet *set, CheckedKernel kernel, int dim, const void *a, const void *b)
{
	switch (kernel)
	{
		case CHECK_L2_SQUARED:
			return set->l2_squared(dim, a, b);
		case CHECK_INNER_PRODUCT:
			return set->inner_product(dim, a, b);
		case CHECK_L1:
			return set->l1(dim, a, b);
		case CHECK_COSINE:
			return set->cosine(dim, a, b);
		case CHECK_HALF_L2_SQUARED:
			return set->half_l2_squared(dim, a, b);
		case CHECK_HALF_INNER_PRODUCT:
			return set->half_inner_product(dim, a, b);
		case CHECK_HALF_L1:
			return set->half_l1(dim, a, b);
		case CHECK_HALF_COSINE:
			return set->half_cosine(dim, a, b);
	}
	pg_unreachable();
}

/* The same in double precision, element by element; *scale gets the result of absolute terms. */
static double
run_exact(CheckedKernel kernel, int dim, const float *a, const float *b, double *scale)
{
	double		sum = 0.0;
	double		norm_a = 0.0;
	double		norm_b = 0.0;

	*scale = 0.0;
	for (int i = 0; i < dim; i++)
	{
		double		x = a[i];
		double		y = b[i];
		double		term = kernel == CHECK_L2_SQUARED ? (x - y) * (x - y) : kernel == CHECK_L1 ? fabs(x - y) : x * y;

		sum += term;
		*scale += fabs(term);
		norm_a += x * x;
		norm_b += y * y;
	}
	if (kernel != CHECK_COSINE)
		return sum;
	*scale /= sqrt(norm_a * norm_b);
	return sum / sqrt(norm_a * norm_b);
}

/* Difference of two results, relative to scale; none if neither is a number, as the cosine of no elements. */
static double
relative_error(double found, double expected, double scale)
{
	double		difference = fabs(found - expected);

	if (difference == 0.0 || (isnan(found) && isnan(expected)))
		return 0.0;
	/* not a number must not pass for no error */
	if (!(scale > 0.0 && difference < scale))
		return get_float8_infinity();
	return difference / scale;
}

void
pxd_kernel_check_fill(float *x, int count, uint32 seed)
{
	for (int i = 0; i < count; i++)
	{
		seed = seed * 1664525 + 1013904223;
		x[i] = (float) ((int32) seed / 2147483648.0);
	}
}

/*
 * Fills count float16 elements with small values, some of them below the normal numbers, and their floats into
 * x.
 */
static void
fill_halfs(uint16 *halfs, float *x, int count, uint32 seed)
{
	pxd_kernel_check_fill(x, count, seed);
	for (int i = 0; i < count; i++)
	{
		halfs[i] = pxd_float_to_half(i % 5 == 0 ? x[i] / 30000 : x[i]);
		x[i] = pxd_half_to_float(halfs[i]);
	}
}

/* Inputs and room for shifted copies of them. */
typedef struct CheckInput
{
	float	   *a;
	float	   *b;
	uint16	   *half_a;
	uint16	   *half_b;
	float	   *half_values_a;	/* half_a as floats */
	float	   *half_values_b;
	char	   *shifted_a;
	char	   *shifted_b;
} CheckInput;

/* Copies size bytes to buffer + shift; what follows is NaN, which would show in any sum that reads too far. */
static const void *
shifted_copy(char *buffer, int shift, const void *x, Size size)
{
	memset(buffer, 0xFF, CHECK_SHIFTS + size + CHECK_SMALL_DIMS * sizeof(float));
	memcpy(buffer + shift, x, size);
	return buffer + shift;
}

/* Worst error of one kernel of one set at dim, over the alignments. */
static double
check_alignments(const KernelSet *set, CheckedKernel kernel, int dim, CheckInput *input,
				 double expected, double scale)
{
	bool		half = kernel >= FIRST_HALF_KERNEL;
	Size		size = dim * (half ? sizeof(uint16) : sizeof(float));
	double		worst = 0.0;

	for (int shift = 0; shift < CHECK_SHIFTS; shift++)
	{
		const void *a = shifted_copy(input->shifted_a, shift,
									 half ? (void *) input->half_a : (void *) input->a, size);
		const void *b = shifted_copy(input->shifted_b, CHECK_SHIFTS - 1 - shift,
									 half ? (void *) input->half_b : (void *) input->b, size);

		worst = Max(worst, relative_error(run_kernel(set, kernel, dim, a, b), expected, scale));
	}
	return worst;
}

/*
 * The same against the reference: for floats its results, or exact ones if set is the reference; for float16 the reference's
 * kernel for floats.
 */
static double
check_kernel(const KernelSet *set, CheckedKernel kernel, int dim, CheckInput *input)
{
	const KernelSet *reference = pxd_kernels_reference(set);
	double		scale;
	double		expected;

	if (kernel >= FIRST_HALF_KERNEL)
	{
		CheckedKernel same = kernel - FIRST_HALF_KERNEL;

		(void) run_exact(same, dim, input->half_values_a, input->half_values_b, &scale);
		expected = run_kernel(reference, same, dim, input->half_values_a, input->half_values_b);
	}
	else
	{
		expected = run_exact(kernel, dim, input->a, input->b, &scale);
		if (set != reference)
			expected = run_kernel(reference, kernel, dim, input->a, input->b);
	}
	return check_alignments(set, kernel, dim, input, expected, scale);
}

void
pxd_kernel_check_row(Tuplestorestate *store, TupleDesc desc, const char *kernel, const char *isa, int dim,
					 double error, double tolerance)
{
	Datum		values[CHECK_COLUMNS];
	bool		nulls[CHECK_COLUMNS] = {false};

	values[0] = CStringGetTextDatum(kernel);
	values[1] = CStringGetTextDatum(isa);
	values[2] = Int32GetDatum(dim);
	values[3] = Float8GetDatum(error);
	/* false for what is not a number, too */
	values[4] = BoolGetDatum(fabs(error) <= tolerance);
	tuplestore_putvalues(store, desc, values, nulls);
}

/* Adds the rows of one kernel set at one length. */
static void
check_set(ReturnSetInfo *rsinfo, const KernelSet *set, int dim, CheckInput *input)
{
	bool		in_plain_c = set == pxd_kernels_reference(set);

	for (int kernel = 0; kernel < CHECKED_KERNELS; kernel++)
	{
		double		error = check_kernel(set, (CheckedKernel) kernel, dim, input);
		double		tolerance = in_plain_c && kernel < FIRST_HALF_KERNEL ? SCALAR_TOLERANCE : 0.0;

		pxd_kernel_check_row(rsinfo->setResult, rsinfo->setDesc, kernel_names[kernel], set->isa, dim, error,
							 tolerance);
	}
}

/* proximadb.kernel_check() */
Datum
pxd_sql_kernel_check(PG_FUNCTION_ARGS)
{
	const KernelSet *sets[MAX_KERNEL_SETS];
	int			nsets = pxd_kernels_usable(sets);
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CheckInput	input;
	Size		buffer_size = CHECK_SHIFTS + (CHECK_MAX_DIM + CHECK_SMALL_DIMS) * sizeof(float);

	InitMaterializedSRF(fcinfo, 0);
	input.a = palloc(CHECK_MAX_DIM * sizeof(float));
	input.b = palloc(CHECK_MAX_DIM * sizeof(float));
	input.half_a = palloc(CHECK_MAX_DIM * sizeof(uint16));
	input.half_b = palloc(CHECK_MAX_DIM * sizeof(uint16));
	input.half_values_a = palloc(CHECK_MAX_DIM * sizeof(float));
	input.half_values_b = palloc(CHECK_MAX_DIM * sizeof(float));
	input.shifted_a = palloc(buffer_size);
	input.shifted_b = palloc(buffer_size);
	pxd_kernel_check_fill(input.a, CHECK_MAX_DIM, 1);
	pxd_kernel_check_fill(input.b, CHECK_MAX_DIM, 2);
	fill_halfs(input.half_a, input.half_values_a, CHECK_MAX_DIM, 3);
	fill_halfs(input.half_b, input.half_values_b, CHECK_MAX_DIM, 4);

	for (int i = 0; i < nsets; i++)
	{
		for (int dim = 0; dim <= CHECK_SMALL_DIMS; dim++)
			check_set(rsinfo, sets[i], dim, &input);
		for (int j = 0; j < lengthof(large_dims); j++)
		{
			CHECK_FOR_INTERRUPTS();
			check_set(rsinfo, sets[i], large_dims[j], &input);
		}
	}
	pxd_half_conversions_check(rsinfo->setResult, rsinfo->setDesc);
	pxd_bit_kernels_check(rsinfo->setResult, rsinfo->setDesc);
	pxd_sparse_kernels_check(rsinfo->setResult, rsinfo->setDesc);
	pxd_code_kernels_check(rsinfo->setResult, rsinfo->setDesc);
	return (Datum) 0;
}
