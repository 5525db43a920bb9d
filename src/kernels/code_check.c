/*
 * code_check.c: the part of proximadb.kernel_check() that checks the kernels over codes and the rotation.
 *
 * Dot products must be exact in every set. The float kernels of the scalar set are compared with definitions
 * in double precision, every other set with the scalar one, to the last bit. No locks; memory is the query's.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/tuplestore.h"

#include "code_kernels.h"
#include "kernel_check.h"

/* Codes in a check; more than two groups of the widest kernel, and a rest. */
#define CHECK_ROWS 21
/* Largest distance of codes beyond their length. */
#define CHECK_GAP 13
#define GUARD_BYTE 0xA5
#define GUARD_BYTES 64

/* Results of float kernels may differ from double precision by this share of their scale. */
#define FLOAT_TOLERANCE 2e-6
/* Rotations add up rounding errors of some sixty steps. */
#define ROTATE_TOLERANCE 1e-5

static const int code_dims[] = {
	64, 128, 192, 256, 320, 384, 448, 512, 576, 640, 704, 768, 832, 960, 1024, 1088, 1536, 2048, 3072, 8192,
	16000, CODE_MAX_DIM
};

/* Lengths of the kernels that take any. */
static const int odd_dims[] = {2, 3, 5, 7, 9, 15, 17, 31, 33, 63, 65, 100, 127, 16000 - 1};

static const int row_counts[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, CHECK_ROWS};

/* Contents of codes and query: random, and the extremes that could overflow a lane. */
typedef enum CodeFill
{
	FILL_RANDOM,
	FILL_HIGHEST,
	FILL_LOWEST,
	FILL_ALTERNATING
} CodeFill;

typedef enum VectorKernel
{
	CHECK_QUANTISE_QUERY,
	CHECK_QUANTISE_RESIDUAL,
	CHECK_QUANTISE_U8,
	CHECK_DEQUANTISE_U8,
	CHECK_ENCODE_1,
	CHECK_ENCODE_2,
	CHECK_ENCODE_4,
	CHECK_ENCODE_8,
	CHECK_DECODE,
	CHECK_ADD_INTO,
	CHECK_ROTATE
} VectorKernel;

#define VECTOR_KERNELS (CHECK_ROTATE + 1)

static const char *const vector_kernel_names[VECTOR_KERNELS] = {
	"quantise_query", "quantise_residual", "quantise_u8", "dequantise_u8", "encode_1", "encode_2", "encode_4",
	"encode_8", "decode", "add_into", "rotate"
};

/* What one call of a float kernel returns: whichever of the parts it has, zeros elsewhere. */
typedef struct VectorResult
{
	float		numbers[4];
	int32		sum;
	uint8		bytes[CODE_MAX_DIM];
	float		floats[CODE_MAX_DIM];
} VectorResult;

/* Inputs of all checks. */
typedef struct CodeInput
{
	uint8	   *codes;			/* CHECK_ROWS codes, their gaps and a shift */
	int8	   *query;
	int32	   *expected;
	int32	   *found;
	float	   *a;
	float	   *b;
	VectorResult *reference;
	VectorResult *result;
} CodeInput;

static void
fill_bytes(uint8 *bytes, size_t count, uint32 seed)
{
	for (size_t i = 0; i < count; i++)
	{
		seed = seed * 1664525 + 1013904223;
		bytes[i] = (uint8) (seed >> 24);
	}
}

static void
fill_codes(CodeInput *input, CodeFill fill, int dim, size_t codes_size)
{
	if (fill == FILL_RANDOM)
	{
		fill_bytes(input->codes, codes_size, dim);
		fill_bytes((uint8 *) input->query, dim, dim + 1);
		for (int d = 0; d < dim; d++)
			input->query[d] = Max(input->query[d], -127);
		return;
	}
	memset(input->codes, 0xFF, codes_size);
	for (int d = 0; d < dim; d++)
		input->query[d] = fill == FILL_HIGHEST || (fill == FILL_ALTERNATING && d % 2 == 0) ? 127 : -127;
}

/* The product by definition. */
static int32
expected_dot(int bits, int dim, const int8 *query, const uint8 *code)
{
	int			bytes = dim * bits / 8;
	int64		sum = 0;

	for (int d = 0; d < dim; d++)
		sum += ((code[d % bytes] >> (d / bytes * bits)) & ((1 << bits) - 1)) * query[d];
	return (int32) sum;
}

/* Largest difference from what is expected; infinite if a result beyond the n-th was written. */
static double
dot_error(const CodeInput *input, int n, const uint16 *numbers)
{
	double		worst = 0.0;

	for (int j = 0; j < n; j++)
	{
		int32		expected = input->expected[numbers == NULL ? j : numbers[j]];

		worst = Max(worst, fabs((double) input->found[j] - expected));
	}
	for (int j = n; j <= CHECK_ROWS; j++)
	{
		if (input->found[j] != PG_INT32_MAX)
			return get_float8_infinity();
	}
	return worst;
}

/* Checks dot, or dot_select with rows in another order, of one set with codes stride apart, for all row counts. */
static double
check_rows(const CodeKernelSet *set, int width, bool select, int dim, const uint8 *codes, size_t stride,
		   CodeInput *input)
{
	uint16		numbers[CHECK_ROWS];
	double		worst = 0.0;

	for (int j = 0; j < CHECK_ROWS; j++)
	{
		numbers[j] = (j * 8 + 3) % CHECK_ROWS;
		input->expected[j] = expected_dot(1 << width, dim, input->query, codes + j * stride);
	}
	for (int i = 0; i < lengthof(row_counts); i++)
	{
		int			n = row_counts[i];

		for (int j = 0; j <= CHECK_ROWS; j++)
			input->found[j] = PG_INT32_MAX;
		if (select)
			set->dot_select[width] (dim, input->query, codes, stride, numbers, n, input->found);
		else
			set->dot[width] (dim, input->query, codes, stride, n, input->found);
		worst = Max(worst, dot_error(input, n, select ? numbers : NULL));
	}
	return worst;
}

static void
check_dots(Tuplestorestate *store, TupleDesc desc, const CodeKernelSet *set, int dim, CodeInput *input)
{
	for (int width = 0; width < 4; width++)
	{
		size_t		bytes = pxd_code_bytes(1 << width, dim);
		double		worst = 0.0;
		double		worst_select = 0.0;

		for (CodeFill fill = FILL_RANDOM; fill <= FILL_ALTERNATING; fill++)
		{
			/* with extremes, it is the sums that matter, not where the codes stand */
			int			gap = fill == FILL_RANDOM ? dim / 64 % (CHECK_GAP + 1) : 0;
			int			shift = dim / 64 % 7;

			CHECK_FOR_INTERRUPTS();
			fill_codes(input, fill, dim, CHECK_ROWS * (bytes + gap) + shift);
			worst = Max(worst, check_rows(set, width, false, dim, input->codes + shift, bytes + gap, input));
			worst_select = Max(worst_select,
							   check_rows(set, width, true, dim, input->codes + shift, bytes + gap, input));
		}
		pxd_kernel_check_row(store, desc, psprintf("dot_%d", 1 << width), set->isa, dim, worst, 0.0);
		pxd_kernel_check_row(store, desc, psprintf("dot_select_%d", 1 << width), set->isa, dim, worst_select, 0.0);
	}
}

static bool
takes_any_dim(VectorKernel kernel)
{
	return kernel == CHECK_QUANTISE_U8 || kernel == CHECK_DEQUANTISE_U8 || kernel == CHECK_ADD_INTO;
}

static void
run_vector_kernel(const CodeKernelSet *set, VectorKernel kernel, int dim, const float *a, const float *b,
				  const uint8 *codes, const Rotation *rotation, VectorResult *result)
{
	memset(result, 0, sizeof(*result));
	memset(result->bytes, GUARD_BYTE, sizeof(result->bytes));
	switch (kernel)
	{
		case CHECK_QUANTISE_QUERY:
			result->numbers[0] = set->quantise_query(dim, a, (int8 *) result->bytes);
			break;
		case CHECK_QUANTISE_RESIDUAL:
			result->numbers[0] = set->quantise_residual(dim, a, b, result->floats, (int8 *) result->bytes,
														&result->numbers[1], &result->sum);
			break;
		case CHECK_QUANTISE_U8:
			set->range(dim, a, &result->numbers[0], &result->numbers[1]);
			set->quantise_u8(dim, a, 255.0f / (result->numbers[1] - result->numbers[0]), result->numbers[0],
							 result->bytes);
			break;
		case CHECK_DEQUANTISE_U8:
			set->dequantise_u8(dim, codes, 0.37f, -1.21f, result->floats);
			break;
		case CHECK_ENCODE_1:
		case CHECK_ENCODE_2:
		case CHECK_ENCODE_4:
		case CHECK_ENCODE_8:
			/* a factor that sends some of the values beyond the highest level */
			set->encode_levels(1 << (kernel - CHECK_ENCODE_1), dim, a, 1.3f * (1 << ((1 << (kernel - CHECK_ENCODE_1)) - 1)),
							   result->bytes, &result->numbers[0], &result->sum);
			break;
		case CHECK_DECODE:
			set->decode_levels(dim, codes, 127.5f, 0.37f, result->floats);
			break;
		case CHECK_ADD_INTO:
			memcpy(result->floats, b, dim * sizeof(float));
			set->add_into(dim, result->floats, a);
			break;
		case CHECK_ROTATE:
			set->rotate(rotation, a, result->floats);
			break;
	}
}

/* How far an integer is from a value it was rounded from, beyond a half and the float's own rounding. */
static double
rounding_error(int rounded, double value)
{
	return Max(0.0, fabs(rounded - value) - 0.5 - 255.0 * FLOAT_TOLERANCE);
}

static double
exact_quantise_error(VectorKernel kernel, int dim, const float *a, const float *b, const VectorResult *result)
{
	double		worst = 0.0;
	double		largest = 0.0;
	double		norm2 = 0.0;
	int64		sum = 0;

	for (int i = 0; i < dim; i++)
	{
		float		x = kernel == CHECK_QUANTISE_RESIDUAL ? a[i] - b[i] : a[i];

		if (kernel == CHECK_QUANTISE_RESIDUAL)
			worst = Max(worst, fabs(result->floats[i] - x));
		worst = Max(worst, rounding_error((int8) result->bytes[i], x / (double) result->numbers[0]));
		largest = Max(largest, fabs(x));
		norm2 += (double) x * x;
		sum += (int8) result->bytes[i];
	}
	worst = Max(worst, fabs(result->numbers[0] * 127.0 / largest - 1.0));
	if (kernel == CHECK_QUANTISE_RESIDUAL)
		worst = Max(worst, Max(fabs(result->numbers[1] / norm2 - 1.0), fabs((double) result->sum - sum)));
	return worst;
}

static double
exact_quantise_u8_error(int dim, const float *a, const VectorResult *result)
{
	double		worst = 0.0;
	float		min = a[0];
	float		max = a[0];

	for (int i = 0; i < dim; i++)
	{
		min = Min(min, a[i]);
		max = Max(max, a[i]);
	}
	for (int i = 0; i < dim; i++)
		worst = Max(worst, rounding_error(result->bytes[i], (a[i] - (double) min) * 255.0 / (max - (double) min)));
	return worst + fabs(result->numbers[0] - min) + fabs(result->numbers[1] - max);
}

static double
exact_encode_error(int bits, int dim, const float *a, const VectorResult *result)
{
	double		worst = 0.0;
	double		dot = 0.0;
	double		norm2 = 0.0;
	double		factor = 1.3f * (1 << (bits - 1));

	for (int i = 0; i < dim; i++)
	{
		double		y = result->bytes[i] - ((1 << bits) - 1) * 0.5;
		double		scaled = fabs(a[i]) * factor;

		/* the right sign, and the right step: the last one has no end */
		if ((y < 0) != (a[i] < 0) || fabs(y) > (1 << (bits - 1)) - 0.5)
			return get_float8_infinity();
		worst = Max(worst, fabs(y) - 0.5 - scaled - 255.0 * FLOAT_TOLERANCE);
		if (fabs(y) < (1 << (bits - 1)) - 0.5)
			worst = Max(worst, scaled - fabs(y) - 0.5 - 255.0 * FLOAT_TOLERANCE);
		dot += y * a[i];
		norm2 += y * y;
	}
	return Max(worst, Max(fabs(result->numbers[0] / dot - 1.0), fabs(result->sum + dim * 0.25 - norm2)));
}

/* Lengths and angles are kept: with b rotated as well, |a|, |b| and <a, b>. */
static double
exact_rotate_error(int dim, const float *a, const float *b, const Rotation *rotation, const VectorResult *result)
{
	float	   *rotated_b = palloc(dim * sizeof(float));
	double		before[3] = {0.0, 0.0, 0.0};
	double		after[3] = {0.0, 0.0, 0.0};

	pxd_rotate(rotation, b, rotated_b);
	for (int i = 0; i < dim; i++)
	{
		before[0] += (double) a[i] * a[i];
		before[1] += (double) b[i] * b[i];
		before[2] += (double) a[i] * b[i];
		after[0] += (double) result->floats[i] * result->floats[i];
		after[1] += (double) rotated_b[i] * rotated_b[i];
		after[2] += (double) result->floats[i] * rotated_b[i];
	}
	pfree(rotated_b);
	return Max(fabs(after[2] - before[2]) / sqrt(before[0] * before[1]),
			   Max(fabs(after[0] / before[0] - 1.0), fabs(after[1] / before[1] - 1.0)));
}

/* Worst error of the scalar set's result against the definition. */
static double
exact_error(VectorKernel kernel, int dim, const float *a, const float *b, const uint8 *codes,
			const Rotation *rotation, const VectorResult *result)
{
	double		worst = 0.0;

	switch (kernel)
	{
		case CHECK_QUANTISE_QUERY:
		case CHECK_QUANTISE_RESIDUAL:
			return exact_quantise_error(kernel, dim, a, b, result);
		case CHECK_QUANTISE_U8:
			return exact_quantise_u8_error(dim, a, result);
		case CHECK_ENCODE_1:
		case CHECK_ENCODE_2:
		case CHECK_ENCODE_4:
		case CHECK_ENCODE_8:
			return exact_encode_error(1 << (kernel - CHECK_ENCODE_1), dim, a, result);
		case CHECK_ROTATE:
			return exact_rotate_error(dim, a, b, rotation, result);
		case CHECK_DEQUANTISE_U8:
			for (int i = 0; i < dim; i++)
				worst = Max(worst, fabs(result->floats[i] - (codes[i] * (double) 0.37f + (double) -1.21f)) / 100.0);
			break;
		case CHECK_DECODE:
			for (int i = 0; i < dim; i++)
				worst = Max(worst, fabs(result->floats[i] - (codes[i] - 127.5) * (double) 0.37f) / 50.0);
			break;
		case CHECK_ADD_INTO:
			for (int i = 0; i < dim; i++)
				worst = Max(worst, fabs(result->floats[i] - ((double) a[i] + b[i])));
			break;
	}
	return worst;
}

/* True if a kernel wrote beyond dim elements. */
static bool
wrote_too_far(int dim, const VectorResult *result)
{
	for (int i = dim; i < Min(dim + GUARD_BYTES, CODE_MAX_DIM); i++)
	{
		if (result->bytes[i] != GUARD_BYTE || result->floats[i] != 0.0f)
			return true;
	}
	return false;
}

static void
check_vector_kernels(Tuplestorestate *store, TupleDesc desc, const CodeKernelSet *set, const CodeKernelSet *scalar,
					 int dim, CodeInput *input)
{
	/* off any alignment */
	const float *a = (const float *) ((const char *) input->a + dim / 64 % 4);
	const float *b = (const float *) ((const char *) input->b + dim / 64 % 3);
	Rotation   *rotation = pxd_rotation_create(dim, 42);

	pxd_kernel_check_fill(input->a, CODE_MAX_DIM, dim);
	pxd_kernel_check_fill(input->b, CODE_MAX_DIM, dim + 1);
	memmove(unconstify(float *, a), input->a, dim * sizeof(float));
	memmove(unconstify(float *, b), input->b, dim * sizeof(float));
	fill_bytes(input->codes, dim, dim);
	for (VectorKernel kernel = 0; kernel < VECTOR_KERNELS; kernel++)
	{
		double		error;
		double		tolerance = 0.0;

		if (dim % CODE_DIM_STEP != 0 && !takes_any_dim(kernel))
			continue;
		run_vector_kernel(scalar, kernel, dim, a, b, input->codes, rotation, input->reference);
		run_vector_kernel(set, kernel, dim, a, b, input->codes, rotation, input->result);
		if (set == scalar)
		{
			error = exact_error(kernel, dim, a, b, input->codes, rotation, input->result);
			tolerance = kernel == CHECK_ROTATE ? ROTATE_TOLERANCE : FLOAT_TOLERANCE;
		}
		else
			error = memcmp(input->reference, input->result, sizeof(VectorResult)) == 0 ? 0.0 : 1.0;
		if (wrote_too_far(dim, input->result))
			error = get_float8_infinity();
		pxd_kernel_check_row(store, desc, vector_kernel_names[kernel], set->isa, dim, error, tolerance);
	}
	pfree(rotation);
}

/*
 * Halves are rounded to even, extremes are met, and what has no range gives zeros: zero and tiny vectors as
 * queries and residuals, constant ones as bytes.
 */
static void
check_edges(Tuplestorestate *store, TupleDesc desc, const CodeKernelSet *set)
{
	static const struct
	{
		float		value;
		int8		expected;
	}			known[] =
	{
		{127.0f, 127}, {-127.0f, -127}, {0.5f, 0}, {1.5f, 2}, {2.5f, 2}, {-0.5f, 0}, {-1.5f, -2}, {-2.5f, -2},
		{126.5f, 126}, {-126.5f, -126}, {0.0f, 0}, {-0.0f, 0}, {3.4999f, 3}, {3.5001f, 4}
	};
	float		v[CODE_DIM_STEP] = {0};
	float		zero[CODE_DIM_STEP] = {0};
	int8		out[CODE_DIM_STEP];
	float		norm2;
	int32		sum;
	int			wrong = 0;

	for (int i = 0; i < lengthof(known); i++)
		v[i] = known[i].value;
	wrong += set->quantise_query(CODE_DIM_STEP, v, out) != 1.0f;
	for (int i = 0; i < CODE_DIM_STEP; i++)
		wrong += out[i] != (i < lengthof(known) ? known[i].expected : 0);
	for (int i = 0; i < CODE_DIM_STEP; i++)
		v[i] = i % 2 == 0 ? 1e-38f : -1e-37f;
	for (int run = 0; run < 2; run++)
	{
		const float *q = run == 0 ? zero : v;

		memset(out, 1, sizeof(out));
		wrong += set->quantise_query(CODE_DIM_STEP, q, out) != 0.0f;
		for (int i = 0; i < CODE_DIM_STEP; i++)
			wrong += out[i] != 0;
		memset(out, 1, sizeof(out));
		wrong += set->quantise_residual(CODE_DIM_STEP, q, zero, NULL, out, &norm2, &sum) != 0.0f;
		wrong += sum != 0 || norm2 != 0.0f;
		for (int i = 0; i < CODE_DIM_STEP; i++)
			wrong += out[i] != 0;
	}
	pxd_kernel_check_row(store, desc, "edges", set->isa, CODE_DIM_STEP, wrong, 0.0);
}

/* Bytes of a vector lead back to it within half a step; a constant vector, even an extreme one, exactly. */
static void
check_bytes(Tuplestorestate *store, TupleDesc desc, int dim, CodeInput *input)
{
	static const float constants[] = {0.0f, -0.0f, 0.1f, -3e38f};
	double		error = 0.0;
	float		scale;
	float		offset;

	pxd_kernel_check_fill(input->a, dim, dim);
	pxd_quantise_u8(dim, input->a, &scale, &offset, input->codes);
	pxd_dequantise_u8(dim, input->codes, scale, offset, input->b);
	for (int i = 0; i < dim; i++)
		error = Max(error, fabs(input->a[i] - input->b[i]) - scale * 0.5);
	for (int c = 0; c < lengthof(constants); c++)
	{
		for (int i = 0; i < dim; i++)
			input->a[i] = constants[c];
		pxd_quantise_u8(dim, input->a, &scale, &offset, input->codes);
		pxd_dequantise_u8(dim, input->codes, scale, offset, input->b);
		for (int i = 0; i < dim; i++)
			error = Max(error, fabs(input->b[i] - constants[c]));
	}
	pxd_kernel_check_row(store, desc, "bytes", pxd_code_kernels.isa, dim, error, FLOAT_TOLERANCE);
}

/*
 * A code as stored: decoded, it must be what dot products with it say; its dot_yr and norm_y2 must be its own;
 * a zero residual's code must be all 1/2. Checks the chosen set.
 */
static void
check_code_format(Tuplestorestate *store, TupleDesc desc, int bits, int dim, CodeInput *input)
{
	float		norm = 0.0f;
	float		dot_yr;
	float		norm_y2;
	double		error = 0.0;
	double		sums[3] = {0.0, 0.0, 0.0};
	float	   *y = input->result->floats;
	int32		dot;

	pxd_kernel_check_fill(input->a, dim, dim);
	for (int i = 0; i < dim; i++)
		norm += input->a[i] * input->a[i];
	norm = sqrtf(norm);
	fill_codes(input, FILL_RANDOM, dim, dim);
	pxd_encode_residual(bits, dim, input->a, norm, pxd_encode_t(bits), input->codes, &dot_yr, &norm_y2);
	pxd_decode_residual(bits, dim, input->codes, 1.0f, y);
	pxd_code_dot(bits, dim, input->query, input->codes, 0, 1, &dot);
	for (int i = 0; i < dim; i++)
	{
		sums[0] += (double) y[i] * input->a[i];
		sums[1] += (double) y[i] * y[i];
		sums[2] += (y[i] + ((1 << bits) - 1) * 0.5) * input->query[i];
	}
	error = Max(fabs(sums[0] / dot_yr - 1.0), fabs(sums[1] / norm_y2 - 1.0));
	error = Max(error, fabs(sums[2] - dot));

	/* the best t gives no worse a code; of uniform values, as here, a better one if there is a t */
	pxd_encode_residual(bits, dim, input->a, norm, pxd_encode_best_t(bits, dim, input->a, norm), input->codes,
						&dot_yr, &norm_y2);
	if (dot_yr / sqrt(norm_y2) < sums[0] / sqrt(sums[1]) * (bits == 1 ? 1.0 - FLOAT_TOLERANCE : 1.0 + FLOAT_TOLERANCE))
		error = get_float8_infinity();

	memset(input->a, 0, dim * sizeof(float));
	pxd_encode_residual(bits, dim, input->a, 0.0f, pxd_encode_t(bits), input->codes, &dot_yr, &norm_y2);
	pxd_decode_residual(bits, dim, input->codes, 2.0f, y);
	for (int i = 0; i < dim; i++)
		error = Max(error, fabs(y[i] - 1.0));
	error = Max(error, fabs(dot_yr) + fabs(norm_y2 - dim * 0.25));
	pxd_kernel_check_row(store, desc, psprintf("code_format_%d", bits), pxd_code_kernels.isa, dim, error,
						 FLOAT_TOLERANCE);
}

/*
 * Rotations are on disk in all but name, so what they give is fixed for good: hashes of the bits of a rotated
 * vector of small integers.
 */
static void
check_rotation_hash(Tuplestorestate *store, TupleDesc desc, const CodeKernelSet *set)
{
	static const struct
	{
		int			dim_in;
		uint32		hash;
	}			known[] =
	{
		{3, 2981270213u}, {64, 1752569029u}, {100, 3015274437u}, {768, 1727504542u}, {1536, 3434630343u}
	};

	for (int i = 0; i < lengthof(known); i++)
	{
		Rotation   *rotation = pxd_rotation_create(known[i].dim_in, UINT64CONST(0x123456789ABCDEF0));
		float	   *x = palloc(rotation->dim_in * sizeof(float));
		float	   *rotated = palloc(rotation->dim * sizeof(float));
		uint32		hash = 2166136261u;

		for (int d = 0; d < known[i].dim_in; d++)
			x[d] = (float) (d * 37 % 101 - 50);
		set->rotate(rotation, x, rotated);
		for (int d = 0; d < rotation->dim; d++)
		{
			uint32		bits;

			memcpy(&bits, &rotated[d], sizeof(bits));
			hash = (hash ^ bits) * 16777619u;
		}
		pxd_kernel_check_row(store, desc, "rotate_hash", set->isa, known[i].dim_in,
							 (double) hash - known[i].hash, 0.0);
		pfree(x);
		pfree(rotated);
		pfree(rotation);
	}
}

/* A rotation's matrix times its transpose is the unit matrix. */
static void
check_orthogonality(Tuplestorestate *store, TupleDesc desc, int dim)
{
	Rotation   *rotation = pxd_rotation_create(dim, 7);
	int			padded = pxd_rotation_dim(dim);
	float	   *matrix = palloc(sizeof(float) * padded * dim);
	float	   *unit = palloc0(sizeof(float) * dim);
	double		worst = 0.0;

	for (int i = 0; i < dim; i++)
	{
		unit[i] = 1.0f;
		pxd_rotate(rotation, unit, matrix + i * padded);
		unit[i] = 0.0f;
		for (int j = 0; j <= i; j++)
		{
			double		dot = 0.0;

			for (int d = 0; d < padded; d++)
				dot += (double) matrix[i * padded + d] * matrix[j * padded + d];
			worst = Max(worst, fabs(dot - (i == j ? 1.0 : 0.0)));
		}
	}
	pxd_kernel_check_row(store, desc, "rotate_orthogonal", pxd_code_kernels.isa, dim, worst, ROTATE_TOLERANCE);
	pfree(matrix);
	pfree(unit);
	pfree(rotation);
}

void
pxd_code_kernels_check(Tuplestorestate *store, TupleDesc desc)
{
	const CodeKernelSet *sets[MAX_CODE_KERNEL_SETS];
	int			nsets = pxd_code_kernels_usable(sets);
	CodeInput	input;

	input.codes = palloc(CHECK_ROWS * (CODE_MAX_DIM + CHECK_GAP) + GUARD_BYTES);
	input.query = palloc(CODE_MAX_DIM);
	input.expected = palloc(CHECK_ROWS * sizeof(int32));
	input.found = palloc((CHECK_ROWS + 1) * sizeof(int32));
	input.a = palloc((CODE_MAX_DIM + 1) * sizeof(float));
	input.b = palloc((CODE_MAX_DIM + 1) * sizeof(float));
	input.reference = palloc(sizeof(VectorResult));
	input.result = palloc(sizeof(VectorResult));
	for (int i = 0; i < nsets; i++)
	{
		for (int j = 0; j < lengthof(code_dims); j++)
		{
			check_dots(store, desc, sets[i], code_dims[j], &input);
			check_vector_kernels(store, desc, sets[i], sets[0], code_dims[j], &input);
		}
		for (int j = 0; j < lengthof(odd_dims); j++)
			check_vector_kernels(store, desc, sets[i], sets[0], odd_dims[j], &input);
		check_edges(store, desc, sets[i]);
		check_rotation_hash(store, desc, sets[i]);
	}
	for (int bits = 1; bits <= 8; bits *= 2)
	{
		check_code_format(store, desc, bits, 64, &input);
		check_code_format(store, desc, bits, 768, &input);
	}
	check_bytes(store, desc, 1, &input);
	check_bytes(store, desc, 100, &input);
	check_bytes(store, desc, 768, &input);
	check_orthogonality(store, desc, 3);
	check_orthogonality(store, desc, 64);
	check_orthogonality(store, desc, 200);
}
