/*
 * sparse.c: distance kernels over sparse vectors.
 *
 * Two sorted lists of indices are merged. Which of the two goes on is random, so a branch on it would be predicted
 * wrong half of the time: both steps are computed, and the next index of each list is loaded before it is known whether
 * it is needed. Where one list is much longer, most of it is passed over in a loop that is predicted well. For inner
 * products only common indices matter; AVX-512 finds those of sixteen elements at once.
 *
 * What sets the order of additions is the order of indices alone (sparse_kernels.h). Owns pxd_sparse_kernels, written once
 * at load. No locks.
 */
#include "postgres.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "kernel_sets.h"
#include "sparse_kernels.h"

/* From this ratio of their lengths on, one list is passed over in search of each element of the other. */
#define SKIP_RATIO 8

/* Four sums that take turns: the next term is for the first one. They stay in registers, and no addition waits for the last. */
typedef struct Sums
{
	float		first;
	float		second;
	float		third;
	float		fourth;
} Sums;

/* Adds a term; products go through a register the compiler knows nothing of, lest it fuse them with the addition. */
static pg_attribute_always_inline void
add_term(Sums *sums, float term)
{
	float		sum;

#if defined(__x86_64__)
	__asm__("":"+x"(term));
#elif defined(__aarch64__)
	__asm__("":"+w"(term));
#else
	__asm__("":"+m"(term));
#endif
	sum = sums->first + term;
	sums->first = sums->second;
	sums->second = sums->third;
	sums->third = sums->fourth;
	sums->fourth = sum;
}

static inline float
total(const Sums *sums)
{
	return (sums->first + sums->third) + (sums->second + sums->fourth);
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
add_alone(Sums *sums, const SparseElements *list, int from, int to, Term term)
{
	for (int i = from; i < to; i++)
		add_term(sums, term(list->values[i], 0.0f));
}

/* The value if mask is all ones, zero if it is 0; without a branch. */
static inline float
value_if(uint32 mask, float value)
{
	uint32		bits;

	memcpy(&bits, &value, sizeof(bits));
	bits &= mask;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* All ones or 0, in a way that compilers do not turn into a branch. */
static inline uint32
mask_if(bool condition)
{
	uint32		mask = -(uint32) condition;

	__asm__("":"+r"(mask));
	return mask;
}

/* x if mask is all ones, y if it is 0. */
static inline int32
choose(uint32 mask, int32 x, int32 y)
{
	return (int32) ((uint32) y ^ (((uint32) x ^ (uint32) y) & mask));
}

/* Elements of both lists that are looked at together, in case their indices are the same: vectors of one structure. */
#define RUN 8

static inline bool
same_indices(const int32 *a, const int32 *b)
{
	int32		difference = 0;

	for (int k = 0; k < RUN; k++)
		difference |= a[k] ^ b[k];
	return difference == 0;
}

/* Sums term over all indices that are in a or in b, in their order; term(x, 0) is term(0, x). */
static pg_attribute_always_inline float
sum_union(const SparseElements *a, const SparseElements *b, Term term)
{
	Sums		sums = {0};
	int			i = 0;
	int			j = 0;

	/* until one list may have no next index to load */
	while (i + RUN < a->count && j + RUN < b->count)
	{
		int32		index_a = a->indices[i];
		int32		index_b = b->indices[j];

		if (same_indices(a->indices + i, b->indices + j))
		{
			for (int k = 0; k < RUN; k++)
				add_term(&sums, term(a->values[i + k], b->values[j + k]));
			i += RUN;
			j += RUN;
			continue;
		}
		for (int step = 0; step < RUN; step++)
		{
			uint32		take_a = mask_if(index_a <= index_b);
			uint32		take_b = mask_if(index_b <= index_a);
			int32		next_a = a->indices[i + 1];
			int32		next_b = b->indices[j + 1];

			add_term(&sums, term(value_if(take_a, a->values[i]), value_if(take_b, b->values[j])));
			index_a = choose(take_a, next_a, index_a);
			index_b = choose(take_b, next_b, index_b);
			i -= (int32) take_a;
			j -= (int32) take_b;
		}
	}
	while (i < a->count && j < b->count)
	{
		uint32		take_a = mask_if(a->indices[i] <= b->indices[j]);
		uint32		take_b = mask_if(b->indices[j] <= a->indices[i]);

		add_term(&sums, term(value_if(take_a, a->values[i]), value_if(take_b, b->values[j])));
		i -= (int32) take_a;
		j -= (int32) take_b;
	}
	add_alone(&sums, a, i, a->count, term);
	add_alone(&sums, b, j, b->count, term);
	return total(&sums);
}

/* The same for a short list and a long one. */
static pg_attribute_always_inline float
sum_union_skewed(const SparseElements *few, const SparseElements *many, Term term)
{
	Sums		sums = {0};
	int			j = 0;

	for (int i = 0; i < few->count; i++)
	{
		int32		index = few->indices[i];
		float		other = 0.0f;

		for (; j < many->count && many->indices[j] < index; j++)
			add_term(&sums, term(many->values[j], 0.0f));
		if (j < many->count && many->indices[j] == index)
			other = many->values[j++];
		add_term(&sums, term(few->values[i], other));
	}
	add_alone(&sums, many, j, many->count, term);
	return total(&sums);
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
	Sums		sums = {0};
	int			j = 0;

	for (int i = 0; i < few->count; i++)
	{
		j = search_forward(many, j, few->indices[i]);
		if (j == many->count)
			break;
		if (many->indices[j] == few->indices[i])
			add_term(&sums, few->values[i] * many->values[j]);
	}
	return total(&sums);
}

/* Products of common indices, until they are added. */
#define PENDING_MAX 64

typedef struct Pending
{
	int			count;
	float		products[PENDING_MAX];
} Pending;

static pg_attribute_always_inline void
add_pending(Sums *sums, Pending *pending)
{
	for (int k = 0; k < pending->count; k++)
		add_term(sums, pending->products[k]);
	pending->count = 0;
}

/* Every product is written to pending, but only those of common indices stay there. */
static float
scalar_inner_product(const SparseElements *a, const SparseElements *b)
{
	Sums		sums = {0};
	Pending		pending;
	int			i = 0;
	int			j = 0;

	pending.count = 0;
	while (i < a->count && j < b->count)
	{
		uint32		take_a = mask_if(a->indices[i] <= b->indices[j]);
		uint32		take_b = mask_if(b->indices[j] <= a->indices[i]);

		pending.products[pending.count] = a->values[i] * b->values[j];
		pending.count += take_a & take_b & 1;
		if (unlikely(pending.count == PENDING_MAX))
			add_pending(&sums, &pending);
		i -= (int32) take_a;
		j -= (int32) take_b;
	}
	add_pending(&sums, &pending);
	return total(&sums);
}

static const SparseKernelSet scalar_set = {"scalar", scalar_inner_product};

#ifdef HAVE_X86_KERNELS

#define AVX512_TARGET __attribute__((target("avx512f")))

/* Which of sixteen indices x are among the sixteen y: y is turned through all positions. */
#define MATCH(k)	found |= _mm512_cmpeq_epi32_mask(x, _mm512_alignr_epi32(y, y, k));

AVX512_TARGET static inline __mmask16
members(__m512i x, __m512i y)
{
	__mmask16	found = _mm512_cmpeq_epi32_mask(x, y);

	MATCH(1) MATCH(2) MATCH(3) MATCH(4) MATCH(5) MATCH(6) MATCH(7) MATCH(8)
	MATCH(9) MATCH(10) MATCH(11) MATCH(12) MATCH(13) MATCH(14) MATCH(15)
	return found;
}

/*
 * Sixteen elements of a against sixteen of b; then those that end first make room for the next ones. Common elements come in
 * the same order from both lists, so that compressing both brings them together.
 */
AVX512_TARGET static float
avx512_inner_product(const SparseElements *a, const SparseElements *b)
{
	Sums		sums = {0};
	int			i = 0;
	int			j = 0;

	while (i < a->count && j < b->count)
	{
		int			count_a = Min(16, a->count - i);
		int			count_b = Min(16, b->count - j);
		__mmask16	mask_a = (__mmask16) ((1u << count_a) - 1);
		__mmask16	mask_b = (__mmask16) ((1u << count_b) - 1);

		/* places without an element hold what is no index, and not the same in both */
		__m512i		indices_a = _mm512_mask_loadu_epi32(_mm512_set1_epi32(-1), mask_a, a->indices + i);
		__m512i		indices_b = _mm512_mask_loadu_epi32(_mm512_set1_epi32(-2), mask_b, b->indices + j);
		int32		end_a = a->indices[i + count_a - 1];
		int32		end_b = b->indices[j + count_b - 1];
		__mmask16	same = _mm512_cmpeq_epi32_mask(indices_a, indices_b);
		__mmask16	common = same == 0xFFFF ? same : members(indices_a, indices_b);

		if (common != 0)
		{
			__mmask16	common_b = same == 0xFFFF ? same : members(indices_b, indices_a);
			__m512		values_a = _mm512_maskz_compress_ps(common, _mm512_maskz_loadu_ps(mask_a, a->values + i));
			__m512		values_b = _mm512_maskz_compress_ps(common_b, _mm512_maskz_loadu_ps(mask_b, b->values + j));
			Pending		pending;

			pending.count = __builtin_popcount(common);
			_mm512_storeu_ps(pending.products, _mm512_mul_ps(values_a, values_b));
			add_pending(&sums, &pending);
		}
		i += count_a & mask_if(end_a <= end_b);
		j += count_b & mask_if(end_b <= end_a);
	}
	return total(&sums);
}

static const SparseKernelSet avx512_set = {"avx512f", avx512_inner_product};

#endif

SparseKernelSet pxd_sparse_kernels;

int
pxd_sparse_kernels_usable(const SparseKernelSet **sets)
{
	int			count = 0;

	sets[count++] = &scalar_set;
#ifdef HAVE_X86_KERNELS
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f"))
		sets[count++] = &avx512_set;
#endif
	Assert(count <= MAX_SPARSE_KERNEL_SETS);
	return count;
}

float
pxd_sparse_inner_product(const SparseElements *a, const SparseElements *b)
{
	if (a->count > b->count * SKIP_RATIO)
		return inner_product_skewed(b, a);
	if (b->count > a->count * SKIP_RATIO)
		return inner_product_skewed(a, b);
	return pxd_sparse_kernels.inner_product(a, b);
}

void
pxd_sparse_cosine_sums(const SparseElements *a, const SparseElements *b, CosineSums *sums)
{
	sums->dot = pxd_sparse_inner_product(a, b);
	sums->norm_a = pxd_kernel_inner_product(a->count, a->values, a->values);
	sums->norm_b = pxd_kernel_inner_product(b->count, b->values, b->values);
}
