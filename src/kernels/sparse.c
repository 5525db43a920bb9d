/*
 * sparse.c: distance kernels over sparse vectors.
 *
 * Two sorted lists of indices are merged. Which of the two goes on is random, so a branch on it would be predicted
 * wrong half of the time: both steps are computed, and the next index of each list is loaded before it is known whether
 * it is needed. Where one list is much longer, most of it is passed over in a loop that is predicted well.
 *
 * An element is added to lane (index % 32), and the lanes are summed by halving, as kernels_template.h has it for whole
 * vectors. No state, no locks.
 */
#include "postgres.h"

#include "sparse_kernels.h"

#define LANES 32

/* From this ratio of their lengths on, one list is passed over in search of each element of the other. */
#define SKIP_RATIO 8

typedef struct Lanes
{
	float		sum[LANES];
} Lanes;

/* Adds a term; products go through a register the compiler knows nothing of, lest it fuse them with the addition. */
static inline void
add_term(Lanes *lanes, int32 index, float term)
{
#if defined(__x86_64__)
	__asm__("":"+x"(term));
#elif defined(__aarch64__)
	__asm__("":"+w"(term));
#else
	__asm__("":"+m"(term));
#endif
	lanes->sum[index & (LANES - 1)] += term;
}

static float
reduce(Lanes *lanes)
{
	for (int half = LANES / 2; half > 0; half /= 2)
	{
		for (int j = 0; j < half; j++)
			lanes->sum[j] += lanes->sum[j + half];
	}
	return lanes->sum[0];
}

/* What an index adds to a sum, given the two elements there, one of which may be zero. */
typedef float (*Term) (float x, float y);

static inline float
squared_difference(float x, float y)
{
	return (x - y) * (x - y);
}

static inline float
absolute_difference(float x, float y)
{
	return fabsf(x - y);
}

/* Adds the terms of elements from .. to - 1 of a list, against zeros. */
static pg_attribute_always_inline void
add_alone(Lanes *lanes, const SparseElements *list, int from, int to, Term term)
{
	for (int i = from; i < to; i++)
		add_term(lanes, list->indices[i], term(list->values[i], 0.0f));
}

/* The value if taken, else zero; without a branch. */
static inline float
value_if(bool taken, float value)
{
	uint32		bits;

	memcpy(&bits, &value, sizeof(bits));
	bits &= -(uint32) taken;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Sums term over all indices that are in a or in b, in their order; term(x, 0) is term(0, x). */
static pg_attribute_always_inline float
sum_union(const SparseElements *a, const SparseElements *b, Term term)
{
	Lanes		lanes = {{0}};
	int			i = 0;
	int			j = 0;

	if (a->count > 0 && b->count > 0)
	{
		int32		index_a = a->indices[0];
		int32		index_b = b->indices[0];

		/* while both lists have a next index to load */
		while (i + 1 < a->count && j + 1 < b->count)
		{
			bool		take_a = index_a <= index_b;
			bool		take_b = index_b <= index_a;
			int32		next_a = a->indices[i + 1];
			int32		next_b = b->indices[j + 1];

			add_term(&lanes, take_a ? index_a : index_b,
					 term(value_if(take_a, a->values[i]), value_if(take_b, b->values[j])));
			index_a = take_a ? next_a : index_a;
			index_b = take_b ? next_b : index_b;
			i += take_a;
			j += take_b;
		}
	}
	while (i < a->count && j < b->count)
	{
		bool		take_a = a->indices[i] <= b->indices[j];
		bool		take_b = b->indices[j] <= a->indices[i];

		add_term(&lanes, take_a ? a->indices[i] : b->indices[j],
				 term(value_if(take_a, a->values[i]), value_if(take_b, b->values[j])));
		i += take_a;
		j += take_b;
	}
	add_alone(&lanes, a, i, a->count, term);
	add_alone(&lanes, b, j, b->count, term);
	return reduce(&lanes);
}

/* The same for a short list and a long one. */
static pg_attribute_always_inline float
sum_union_skewed(const SparseElements *few, const SparseElements *many, Term term)
{
	Lanes		lanes = {{0}};
	int			j = 0;

	for (int i = 0; i < few->count; i++)
	{
		int32		index = few->indices[i];
		float		other = 0.0f;

		for (; j < many->count && many->indices[j] < index; j++)
			add_term(&lanes, many->indices[j], term(many->values[j], 0.0f));
		if (j < many->count && many->indices[j] == index)
			other = many->values[j++];
		add_term(&lanes, index, term(few->values[i], other));
	}
	add_alone(&lanes, many, j, many->count, term);
	return reduce(&lanes);
}

float
pxd_sparse_l2_squared(const SparseElements *a, const SparseElements *b)
{
	if (a->count > b->count * SKIP_RATIO)
		return sum_union_skewed(b, a, squared_difference);
	if (b->count > a->count * SKIP_RATIO)
		return sum_union_skewed(a, b, squared_difference);
	return sum_union(a, b, squared_difference);
}

float
pxd_sparse_l1(const SparseElements *a, const SparseElements *b)
{
	if (a->count > b->count * SKIP_RATIO)
		return sum_union_skewed(b, a, absolute_difference);
	if (b->count > a->count * SKIP_RATIO)
		return sum_union_skewed(a, b, absolute_difference);
	return sum_union(a, b, absolute_difference);
}

/* The first position from start on whose index is not below index: by steps that double, then by halving. */
static inline int
search_forward(const SparseElements *list, int start, int32 index)
{
	int			step = 1;
	int			low = start;
	int			high;

	while (low + step < list->count && list->indices[low + step] < index)
	{
		low += step;
		step *= 2;
	}
	high = Min(low + step, list->count);
	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (list->indices[middle] < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static float
inner_product_skewed(const SparseElements *few, const SparseElements *many)
{
	Lanes		lanes = {{0}};
	int			j = 0;

	for (int i = 0; i < few->count; i++)
	{
		j = search_forward(many, j, few->indices[i]);
		if (j == many->count)
			break;
		if (many->indices[j] == few->indices[i])
			add_term(&lanes, few->indices[i], few->values[i] * many->values[j]);
	}
	return reduce(&lanes);
}

float
pxd_sparse_inner_product(const SparseElements *a, const SparseElements *b)
{
	Lanes		lanes = {{0}};
	int			i = 0;
	int			j = 0;

	if (a->count > b->count * SKIP_RATIO)
		return inner_product_skewed(b, a);
	if (b->count > a->count * SKIP_RATIO)
		return inner_product_skewed(a, b);

	while (i < a->count && j < b->count)
	{
		int32		index_a = a->indices[i];
		int32		index_b = b->indices[j];

		if (index_a == index_b)
			add_term(&lanes, index_a, a->values[i] * b->values[j]);
		i += index_a <= index_b;
		j += index_b <= index_a;
	}
	return reduce(&lanes);
}

static float
norm_squared(const SparseElements *list)
{
	Lanes		lanes = {{0}};

	for (int i = 0; i < list->count; i++)
		add_term(&lanes, list->indices[i], list->values[i] * list->values[i]);
	return reduce(&lanes);
}

void
pxd_sparse_cosine_sums(const SparseElements *a, const SparseElements *b, CosineSums *sums)
{
	sums->dot = pxd_sparse_inner_product(a, b);
	sums->norm_a = norm_squared(a);
	sums->norm_b = norm_squared(b);
}
