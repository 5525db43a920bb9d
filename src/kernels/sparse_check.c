/*
 * sparse_check.c: checks the kernels over sparse vectors, for proximadb.kernel_check().
 *
 * Each must return, to the last bit, what the definition gives for the same vectors with their zeros written out: for lists of
 * all lengths, alike and very unlike, with few, some and only common indices, and whichever set computes it. The error is
 * relative to that result, or infinite.
 * No state, no locks; memory is the query's.
 */
#include "postgres.h"

#include "utils/float.h"

#include "kernel_check.h"
#include "kernels.h"
#include "sparse_kernels.h"

#define CHECK_DIM 4000

enum
{
	CHECK_L2_SQUARED,
	CHECK_INNER_PRODUCT,
	CHECK_L1,
	CHECK_COSINE,
	CHECK_KERNELS
};

static const int check_counts[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 255, 1000, CHECK_DIM};

static const char *const kernel_names[CHECK_KERNELS] = {
	"sparse_l2_squared", "sparse_inner_product", "sparse_l1", "sparse_cosine"
};

/* A list and the same vector with its zeros. */
typedef struct CheckList
{
	int32		indices[CHECK_DIM];
	float		values[CHECK_DIM];
	float		whole[CHECK_DIM];
	SparseElements elements;
} CheckList;

/* Fills list with count elements among the first range dimensions. */
static void
fill_list(CheckList *list, int count, int range, uint32 seed)
{
	int			n = 0;

	pxd_kernel_check_fill(list->values, count, seed);
	memset(list->whole, 0, sizeof(list->whole));
	for (int i = 0; i < range && n < count; i++)
	{
		seed = seed * 1664525 + 1013904223;
		/* with the right odds for count of range */
		if ((uint64) (seed >> 8) * (range - i) >> 24 >= count - n)
			continue;
		list->indices[n] = i;
		list->whole[i] = list->values[n++];
	}
	list->elements = (SparseElements) {n, list->indices, list->values};
}

/* Raises the greatest error so far to that of one result. */
static void
raise_error(double *greatest, double found, double expected)
{
	if (found != expected && !(isnan(found) && isnan(expected)))
		*greatest = Max(*greatest, expected != 0.0 ? fabs((found - expected) / expected) : get_float8_infinity());
}

static float
term(int kernel, float x, float y)
{
	if (kernel == CHECK_INNER_PRODUCT)
		return x * y;
	return kernel == CHECK_L1 ? fabsf(x - y) : (x - y) * (x - y);
}

/* The definition. */
static float
defined_result(int kernel, const float *a, const float *b)
{
	/* volatile: each sum and each term is rounded by itself */
	volatile float common[8] = {0};
	volatile float alone_a[8] = {0};
	volatile float alone_b[8] = {0};
	int			n = 0;
	int			n_a = 0;
	int			n_b = 0;

	for (int i = 0; i < CHECK_DIM; i++)
	{
		volatile float rounded = term(kernel, a[i], b[i]);
		bool		in_a = a[i] != 0.0f;
		bool		in_b = b[i] != 0.0f;

		if (in_a && in_b)
			common[n++ % 8] += rounded;
		else if (in_a && kernel != CHECK_INNER_PRODUCT)
			alone_a[n_a % 8] += rounded;
		else if (in_b && kernel != CHECK_INNER_PRODUCT)
			alone_b[n_b % 8] += rounded;
		n_a += in_a;
		n_b += in_b;
	}
	for (int lane = 0; lane < 8; lane++)
	{
		alone_a[lane] += alone_b[lane];
		common[lane] += alone_a[lane];
	}
	for (int half = 4; half > 0; half /= 2)
		for (int lane = 0; lane < half; lane++)
			common[lane] += common[lane + half];
	return common[0];
}

/* Raises each kernel's error to that of one pair, both ways round. */
static void
check_pair(const CheckList *a, const CheckList *b, double *errors)
{
	const SparseElements *x = &a->elements;
	const SparseElements *y = &b->elements;
	const SparseKernelSet *sets[MAX_SPARSE_KERNEL_SETS];
	const KernelSet *dense = pxd_kernels_reference(&pxd_kernels);
	float		dot = defined_result(CHECK_INNER_PRODUCT, a->whole, b->whole);
	float		l2_squared = defined_result(CHECK_L2_SQUARED, a->whole, b->whole);
	float		l1 = defined_result(CHECK_L1, a->whole, b->whole);

	for (int i = 0; i < pxd_sparse_kernels_usable(sets); i++)
	{
		raise_error(&errors[CHECK_INNER_PRODUCT], sets[i]->inner_product(x, y), dot);
		raise_error(&errors[CHECK_L2_SQUARED], sets[i]->l2_squared(x, y), l2_squared);
		raise_error(&errors[CHECK_L1], sets[i]->l1(x, y), l1);
	}
	raise_error(&errors[CHECK_INNER_PRODUCT], pxd_sparse_inner_product(x, y), dot);
	raise_error(&errors[CHECK_COSINE], pxd_sparse_cosine(x, y),
				pxd_cosine_of_sums(dot, dense->inner_product(x->count, x->values, x->values),
								   dense->inner_product(y->count, y->values, y->values)));
}

void
pxd_sparse_kernels_check(Tuplestorestate *store, TupleDesc desc)
{
	CheckList  *a = palloc(sizeof(CheckList));
	CheckList  *b = palloc(sizeof(CheckList));

	for (int i = 0; i < lengthof(check_counts); i++)
	{
		double		errors[CHECK_KERNELS] = {0};

		for (int j = 0; j < lengthof(check_counts); j++)
		{
			int			most = Max(check_counts[i], check_counts[j]);

			/* in as few dimensions as there can be, in some more, and in all */
			for (int spread = 0; spread < 3; spread++)
			{
				int			range = spread == 0 ? most : spread == 1 ? Min(most * 2, CHECK_DIM) : CHECK_DIM;

				fill_list(a, check_counts[i], range, i * 64 + spread);
				fill_list(b, check_counts[j], range, j * 64 + spread + 9999);
				check_pair(a, b, errors);
				check_pair(b, a, errors);
			}
		}
		for (int kernel = 0; kernel < CHECK_KERNELS; kernel++)
			pxd_kernel_check_row(store, desc, kernel_names[kernel], "all", check_counts[i], errors[kernel], 0.0);
	}
	pfree(a);
	pfree(b);
}
