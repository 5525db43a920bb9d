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
	CHECK_COSINE_SUMS,
	CHECK_KERNELS
};

static const int check_counts[] = {0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 255, 1000, CHECK_DIM};

static const char *const kernel_names[CHECK_KERNELS] = {
	"sparse_l2_squared", "sparse_inner_product", "sparse_l1", "sparse_cosine_sums"
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

static double
relative_error(double found, double expected)
{
	if (found == expected)
		return 0.0;
	return expected != 0.0 ? fabs((found - expected) / expected) : get_float8_infinity();
}

/* What adds a term in the kernel under check: an index of either list, or of both. */
static bool
counts(int kernel, float x, float y)
{
	return kernel == CHECK_INNER_PRODUCT ? x != 0.0f && y != 0.0f : x != 0.0f || y != 0.0f;
}

static float
term(int kernel, float x, float y)
{
	if (kernel == CHECK_INNER_PRODUCT)
		return x * y;
	return kernel == CHECK_L1 ? fabsf(x - y) : (x - y) * (x - y);
}

/* The definition, from the last index to the first to number the sums, and forward to add. */
static float
defined_result(int kernel, const float *a, const float *b)
{
	/* volatile: each sum and each term is rounded by itself */
	volatile float sums[4] = {0};
	int			ahead = 0;

	for (int i = 0; i < CHECK_DIM; i++)
		ahead += counts(kernel, a[i], b[i]);
	for (int i = 0; i < CHECK_DIM; i++)
	{
		volatile float rounded = term(kernel, a[i], b[i]);

		if (!counts(kernel, a[i], b[i]))
			continue;
		ahead--;
		sums[3 - ahead % 4] += rounded;
	}
	sums[0] += sums[2];
	sums[1] += sums[3];
	return sums[0] + sums[1];
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
	CosineSums	found;

	errors[CHECK_L2_SQUARED] = Max(errors[CHECK_L2_SQUARED], relative_error(pxd_sparse_l2_squared(x, y),
																		defined_result(CHECK_L2_SQUARED, a->whole, b->whole)));
	errors[CHECK_L1] = Max(errors[CHECK_L1], relative_error(pxd_sparse_l1(x, y),
														defined_result(CHECK_L1, a->whole, b->whole)));
	errors[CHECK_INNER_PRODUCT] = Max(errors[CHECK_INNER_PRODUCT], relative_error(pxd_sparse_inner_product(x, y), dot));
	for (int i = 0; i < pxd_sparse_kernels_usable(sets); i++)
		errors[CHECK_INNER_PRODUCT] = Max(errors[CHECK_INNER_PRODUCT], relative_error(sets[i]->inner_product(x, y), dot));
	pxd_sparse_cosine_sums(x, y, &found);
	errors[CHECK_COSINE_SUMS] = Max(errors[CHECK_COSINE_SUMS], relative_error(found.dot, dot));
	errors[CHECK_COSINE_SUMS] = Max(errors[CHECK_COSINE_SUMS], relative_error(found.norm_a,
																		 dense->inner_product(x->count, x->values, x->values)));
	errors[CHECK_COSINE_SUMS] = Max(errors[CHECK_COSINE_SUMS], relative_error(found.norm_b,
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
