/*
 * sparse_check.c: checks the kernels over sparse vectors, for proximadb.kernel_check().
 *
 * Each must return, to the last bit, what the scalar kernel for whole vectors returns when the zeros are written out: for lists of
 * all lengths, alike and very unlike, with few, some and only common indices. The error is relative to that result, or infinite.
 * No state, no locks; memory is the query's.
 */
#include "postgres.h"

#include "utils/float.h"

#include "kernel_check.h"
#include "kernels.h"
#include "sparse_kernels.h"

#define CHECK_DIM 4000
#define CHECK_KERNELS 4

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

/* Raises each kernel's error to that of one pair, both ways round. */
static void
check_pair(const KernelSet *scalar, const CheckList *a, const CheckList *b, double *errors)
{
	const SparseElements *x = &a->elements;
	const SparseElements *y = &b->elements;
	CosineSums	found;
	CosineSums	expected;

	errors[0] = Max(errors[0], relative_error(pxd_sparse_l2_squared(x, y),
											  scalar->l2_squared(CHECK_DIM, a->whole, b->whole)));
	errors[1] = Max(errors[1], relative_error(pxd_sparse_inner_product(x, y),
											  scalar->inner_product(CHECK_DIM, a->whole, b->whole)));
	errors[2] = Max(errors[2], relative_error(pxd_sparse_l1(x, y), scalar->l1(CHECK_DIM, a->whole, b->whole)));
	pxd_sparse_cosine_sums(x, y, &found);
	scalar->cosine_sums(CHECK_DIM, a->whole, b->whole, &expected);
	errors[3] = Max(errors[3], relative_error(found.dot, expected.dot));
	errors[3] = Max(errors[3], relative_error(found.norm_a, expected.norm_a));
	errors[3] = Max(errors[3], relative_error(found.norm_b, expected.norm_b));
}

void
pxd_sparse_kernels_check(Tuplestorestate *store, TupleDesc desc)
{
	const KernelSet *sets[MAX_KERNEL_SETS];
	CheckList  *a = palloc(sizeof(CheckList));
	CheckList  *b = palloc(sizeof(CheckList));

	(void) pxd_kernels_usable(sets);
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
				check_pair(sets[0], a, b, errors);
				check_pair(sets[0], b, a, errors);
			}
		}
		for (int kernel = 0; kernel < CHECK_KERNELS; kernel++)
			pxd_kernel_check_row(store, desc, kernel_names[kernel], "scalar", check_counts[i], errors[kernel], 0.0);
	}
	pfree(a);
	pfree(b);
}
