/*
 * sparse.c: distance kernels over sparse vectors: the plain ones, and the choice between kernels for lists of like and of unlike length.
 *
 * Two sorted lists of indices are merged. Which of the two goes on is random, so a branch on it would be predicted wrong half of the
 * time: at each step the elements of both lists are written down, and only those that the step consumes stay. What was written is added up in
 * lanes, many elements at a time. For inner products only common indices matter: the elements of a list much shorter than the other are searched for.
 *
 * Owns pxd_sparse_kernels, written once at load. No locks.
 */
#include "postgres.h"

#include "sparse_sets.h"

/* From this ratio of their lengths on, one list is passed over in search of each element of the other. */
#define SKIP_RATIO 64

/* Steps of a merge between looks at how much has been written, and what may be written until it is added up. */
#define STEPS 8
#define PENDING_MAX (64 + STEPS)

/* Numbers to be added up, in order: number n to lane n % SPARSE_LANES. What was added makes room. */
typedef struct Pending
{
	float		lanes[SPARSE_LANES];
	int			count;			/* numbers that wait */
	float		values[PENDING_MAX + SPARSE_LANES];
} Pending;

/* Rounded to float, whatever comes next: lest the compiler fuse a product with an addition. */
static pg_attribute_always_inline float
rounded(float x)
{
#if defined(__x86_64__)
	__asm__("":"+x"(x));
#elif defined(__aarch64__)
	__asm__("":"+w"(x));
#else
	__asm__("":"+m"(x));
#endif
	return x;
}

/* What two values add to a sum, or one against 0. */
static pg_attribute_always_inline float
term_of(SparseTerm term, float x, float y)
{
	if (term == SPARSE_PRODUCT)
		return rounded(x * y);
	return term == SPARSE_SQUARED_DIFFERENCE ? rounded((x - y) * (x - y)) : fabsf(x - y);
}

static void
begin_pending(Pending *pending)
{
	memset(pending->lanes, 0, sizeof(pending->lanes));
	pending->count = 0;
}

/* Adds what waits, whole turns of the lanes only, so that number n keeps its lane. */
static pg_attribute_always_inline void
add_turns(Pending *pending)
{
	int			whole = pending->count - pending->count % SPARSE_LANES;

	for (int n = 0; n < whole; n += SPARSE_LANES)
		for (int lane = 0; lane < SPARSE_LANES; lane++)
			pending->lanes[lane] += pending->values[n + lane];
	memmove(pending->values, pending->values + whole, sizeof(float) * SPARSE_LANES);
	pending->count -= whole;
}

static pg_attribute_always_inline void
add_rest(Pending *pending)
{
	add_turns(pending);
	for (int lane = 0; lane < pending->count; lane++)
		pending->lanes[lane] += pending->values[lane];
	pending->count = 0;
}

static float
sum_lanes(const float *lanes)
{
	float		four[4];

	for (int lane = 0; lane < 4; lane++)
		four[lane] = lanes[lane] + lanes[lane + 4];
	return (four[0] + four[2]) + (four[1] + four[3]);
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

/* Adds the terms of elements from .. count - 1 of a list, against zeros. */
static pg_attribute_always_inline void
add_alone(Pending *pending, const SparseElements *list, int from, SparseTerm term)
{
	while (from < list->count)
	{
		int			count = Min(list->count - from, PENDING_MAX - STEPS);

		for (int i = 0; i < count; i++)
			pending->values[pending->count + i] = term_of(term, list->values[from + i], 0.0f);
		pending->count += count;
		from += count;
		add_turns(pending);
	}
}

static pg_attribute_always_inline float
sum_terms(const SparseElements *a, const SparseElements *b, SparseTerm term)
{
	Pending		common;
	Pending		alone_a;
	Pending		alone_b;
	int			i = 0;
	int			j = 0;

	begin_pending(&common);
	begin_pending(&alone_a);
	begin_pending(&alone_b);
	while (i < a->count && j < b->count)
	{
		/* until one list may have no next index to load */
		int			steps = i + STEPS < a->count && j + STEPS < b->count ? STEPS : 1;
		int32		index_a = a->indices[i];
		int32		index_b = b->indices[j];

		for (int step = 0; step < steps; step++)
		{
			float		x = a->values[i];
			float		y = b->values[j];
			uint32		take_a = mask_if(index_a <= index_b);
			uint32		take_b = mask_if(index_b <= index_a);

			common.values[common.count] = term_of(term, x, y);
			common.count += take_a & take_b & 1;
			if (term != SPARSE_PRODUCT)
			{
				alone_a.values[alone_a.count] = term_of(term, value_if(~take_b, x), 0.0f);
				alone_b.values[alone_b.count] = term_of(term, value_if(~take_a, y), 0.0f);
				alone_a.count += take_a & 1;
				alone_b.count += take_b & 1;
			}
			i += take_a & 1;
			j += take_b & 1;
			if (steps > 1)
			{
				index_a = choose(take_a, a->indices[i], index_a);
				index_b = choose(take_b, b->indices[j], index_b);
			}
		}
		if (common.count > PENDING_MAX - STEPS)
			add_turns(&common);
		if (alone_a.count > PENDING_MAX - STEPS)
			add_turns(&alone_a);
		if (alone_b.count > PENDING_MAX - STEPS)
			add_turns(&alone_b);
	}
	add_rest(&common);
	if (term == SPARSE_PRODUCT)
		return sum_lanes(common.lanes);
	add_turns(&alone_a);
	add_alone(&alone_a, a, i, term);
	add_rest(&alone_a);
	add_turns(&alone_b);
	add_alone(&alone_b, b, j, term);
	add_rest(&alone_b);
	for (int lane = 0; lane < SPARSE_LANES; lane++)
		common.lanes[lane] += alone_a.lanes[lane] + alone_b.lanes[lane];
	return sum_lanes(common.lanes);
}

static float
scalar_inner_product(const SparseElements *a, const SparseElements *b)
{
	return sum_terms(a, b, SPARSE_PRODUCT);
}

static float
scalar_l2_squared(const SparseElements *a, const SparseElements *b)
{
	return sum_terms(a, b, SPARSE_SQUARED_DIFFERENCE);
}

static float
scalar_l1(const SparseElements *a, const SparseElements *b)
{
	return sum_terms(a, b, SPARSE_ABSOLUTE_DIFFERENCE);
}

const SparseKernelSet pxd_sparse_kernels_scalar = {
	.isa = "scalar",
	.inner_product = scalar_inner_product,
	.l2_squared = scalar_l2_squared,
	.l1 = scalar_l1
};

SparseKernelSet pxd_sparse_kernels;

int
pxd_sparse_kernels_usable(const SparseKernelSet **sets)
{
	int			count = 0;

	sets[count++] = &pxd_sparse_kernels_scalar;
#ifdef HAVE_X86_KERNELS
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512f"))
		sets[count++] = &pxd_sparse_kernels_avx512;
#endif
	Assert(count <= MAX_SPARSE_KERNEL_SETS);
	return count;
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

/* The inner product of a short list and a long one. */
static float
inner_product_skewed(const SparseElements *few, const SparseElements *many)
{
	Pending		common;
	int			j = 0;

	begin_pending(&common);
	for (int i = 0; i < few->count; i++)
	{
		j = search_forward(many, j, few->indices[i]);
		if (j == many->count)
			break;
		if (many->indices[j] == few->indices[i])
			common.values[common.count++] = term_of(SPARSE_PRODUCT, few->values[i], many->values[j]);
		if (common.count == PENDING_MAX)
			add_turns(&common);
	}
	add_rest(&common);
	return sum_lanes(common.lanes);
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

float
pxd_sparse_l2_squared(const SparseElements *a, const SparseElements *b)
{
	return pxd_sparse_kernels.l2_squared(a, b);
}

float
pxd_sparse_l1(const SparseElements *a, const SparseElements *b)
{
	return pxd_sparse_kernels.l1(a, b);
}

double
pxd_sparse_cosine(const SparseElements *a, const SparseElements *b)
{
	return pxd_cosine_of_sums(pxd_sparse_inner_product(a, b), pxd_kernel_inner_product(a->count, a->values, a->values),
							  pxd_kernel_inner_product(b->count, b->values, b->values));
}
