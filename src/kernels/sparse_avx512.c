/*
 * sparse_avx512.c: distance kernels over sparse vectors for x86-64 processors with AVX-512F.
 *
 * Sixteen elements of one list are compared with sixteen of the other, all with all; then those that end first make room for the next ones.
 * How far each list goes on is random, and no branch depends on it. Only the functions are compiled for AVX-512, not the file. No state, no locks.
 */
#include "postgres.h"

#include "sparse_sets.h"

#ifdef HAVE_X86_KERNELS

#include <immintrin.h>

#define AVX512_TARGET __attribute__((target("avx512f")))
#define BLOCK 16

/* Up to so many elements of a block are looked up one by one. */
#define CANDIDATES_FEW 3

StaticAssertDecl(SPARSE_LANES == 8, "sparse: a block is added to the lanes in two halves");

/* The first n of sixteen, n up to 16. */
#define FIRST(n) ((__mmask16) ((1u << (n)) - 1))

/*
 * Which of sixteen indices x are among the sixteen y: y is turned through all positions. Where two are the same their difference is 0, and
 * the least one stays 0; masks would have to be moved out of their registers one by one.
 */
#define MATCH(n, k)	least##n = _mm512_min_epu32(least##n, _mm512_xor_si512(x, _mm512_alignr_epi32(y, y, k)));

AVX512_TARGET static inline __mmask16
members(__m512i x, __m512i y)
{
	__m512i		least0 = _mm512_xor_si512(x, y);
	__m512i		least1 = _mm512_xor_si512(x, _mm512_alignr_epi32(y, y, 1));

	MATCH(0, 2) MATCH(1, 3) MATCH(0, 4) MATCH(1, 5) MATCH(0, 6) MATCH(1, 7) MATCH(0, 8) MATCH(1, 9)
	MATCH(0, 10) MATCH(1, 11) MATCH(0, 12) MATCH(1, 13) MATCH(0, 14) MATCH(1, 15)
	least0 = _mm512_min_epu32(least0, least1);
	return _mm512_testn_epi32_mask(least0, least0);
}

/* Adds sixteen terms, the first eight first; rounded, lest the compiler fuse products with additions. */
AVX512_TARGET static inline __m256
add_block(__m256 lanes, __m512 terms)
{
	__asm__("":"+v"(terms));
	lanes = _mm256_add_ps(lanes, _mm512_castps512_ps256(terms));
	return _mm256_add_ps(lanes, _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(terms), 1)));
}

/* The term of a value and another, or zero. */
AVX512_TARGET static pg_attribute_always_inline __m512
term_of(SparseTerm term, __m512 x, __m512 y)
{
	__m512		difference;

	if (term == SPARSE_PRODUCT)
		return _mm512_mul_ps(x, y);
	difference = _mm512_sub_ps(x, y);
	return term == SPARSE_SQUARED_DIFFERENCE ? _mm512_mul_ps(difference, difference) : _mm512_abs_ps(difference);
}

/* Adds the terms of those of sixteen values whose bit is set, against zeros. */
AVX512_TARGET static pg_attribute_always_inline __m256
add_alone(__m256 lanes, const float *values, __mmask16 mask, SparseTerm term)
{
	return add_block(lanes, term_of(term, _mm512_maskz_loadu_ps(mask, values), _mm512_setzero_ps()));
}

AVX512_TARGET static float
sum_lanes(__m256 eight)
{
	__m128		four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
	__m128		two = _mm_add_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

/* Terms of common indices, until there are sixteen; and the sum of those before them. */
typedef struct Common
{
	__m256		lanes;
	int			count;
	float		terms[2 * BLOCK];
} Common;

/* Puts count terms behind the others. */
AVX512_TARGET static pg_attribute_always_inline void
put_terms(Common *common, __m512 terms, int count)
{
	_mm512_storeu_ps(common->terms + common->count, terms);
	common->count += count;
	if (common->count >= BLOCK)
	{
		common->lanes = add_block(common->lanes, _mm512_loadu_ps(common->terms));
		_mm512_storeu_ps(common->terms, _mm512_loadu_ps(common->terms + BLOCK));
		common->count -= BLOCK;
	}
}

/*
 * Which of the candidates among sixteen indices a are among the sixteen b, and which of b those are. A few candidates, as a list much shorter
 * than the other has, are looked up one by one.
 */
AVX512_TARGET static pg_attribute_always_inline void
find_common(__m512i a, __m512i b, const int32 *indices_a, uint32 candidates, uint32 *common_a, uint32 *common_b)
{
	*common_a = 0;
	*common_b = 0;
	if (__builtin_popcount(candidates) > CANDIDATES_FEW)
	{
		*common_a = members(a, b);
		if (*common_a != 0)
			*common_b = members(b, a);
		return;
	}
	for (; candidates != 0; candidates &= candidates - 1)
	{
		int			i = __builtin_ctz(candidates);
		uint32		found = _mm512_cmpeq_epi32_mask(b, _mm512_set1_epi32(indices_a[i]));

		*common_a |= (uint32) (found != 0) << i;
		*common_b |= found;
	}
}

AVX512_TARGET static pg_attribute_always_inline float
sum_terms(const SparseElements *a, const SparseElements *b, SparseTerm term)
{
	Common		common = {_mm256_setzero_ps()};
	__m256		alone_a = _mm256_setzero_ps();
	__m256		alone_b = _mm256_setzero_ps();
	uint32		found_a = 0;	/* elements of the present blocks that are known to be common */
	uint32		found_b = 0;
	int			i = 0;
	int			j = 0;

	if (a->count > b->count)
	{
		const SparseElements *longer = a;

		a = b;
		b = longer;
	}
	while (i < a->count && j < b->count)
	{
		int			count_a = Min(BLOCK, a->count - i);
		int			count_b = Min(BLOCK, b->count - j);
		int32		end_a = a->indices[i + count_a - 1];
		int32		end_b = b->indices[j + count_b - 1];
		uint32		ends_a = -(uint32) (end_a <= end_b);
		uint32		ends_b = -(uint32) (end_b <= end_a);

		/* places without an element hold what is no index, and not the same in both */
		__m512i		indices_a = _mm512_mask_loadu_epi32(_mm512_set1_epi32(-1), FIRST(count_a), a->indices + i);
		__m512i		indices_b = _mm512_mask_loadu_epi32(_mm512_set1_epi32(-2), FIRST(count_b), b->indices + j);
		uint32		candidates = _mm512_cmple_epi32_mask(indices_a, _mm512_set1_epi32(end_b)) &
			_mm512_cmpge_epi32_mask(indices_a, _mm512_set1_epi32(b->indices[j]));

		/* vectors of one structure */
		if (_mm512_cmpeq_epi32_mask(indices_a, indices_b) == 0xFFFF)
		{
			put_terms(&common, term_of(term, _mm512_loadu_ps(a->values + i), _mm512_loadu_ps(b->values + j)), BLOCK);
			i += BLOCK;
			j += BLOCK;
			continue;
		}
		/* a block of the longer list between two elements of the other */
		if (candidates == 0 && !ends_a)
		{
			if (term != SPARSE_PRODUCT)
				alone_b = add_alone(alone_b, b->values + j, FIRST(count_b) & ~found_b, term);
			found_b = 0;
			j += count_b;
			continue;
		}
		if (candidates != 0)
		{
			uint32		common_a;
			uint32		common_b;

			find_common(indices_a, indices_b, a->indices + i, candidates, &common_a, &common_b);
			if (common_a != 0)
			{
				/* they come in the same order from both lists, so that compressing both brings them together */
				__m512		x = _mm512_maskz_compress_ps(common_a, _mm512_maskz_loadu_ps(common_a, a->values + i));
				__m512		y = _mm512_maskz_compress_ps(common_b, _mm512_maskz_loadu_ps(common_b, b->values + j));

				put_terms(&common, term_of(term, x, y), __builtin_popcount(common_a));
				found_a |= common_a;
				found_b |= common_b;
			}
		}
		if (term != SPARSE_PRODUCT)
		{
			alone_a = add_alone(alone_a, a->values + i, FIRST(count_a) & ~found_a & ends_a, term);
			alone_b = add_alone(alone_b, b->values + j, FIRST(count_b) & ~found_b & ends_b, term);
			found_a &= ~ends_a;
			found_b &= ~ends_b;
		}
		i += count_a & ends_a;
		j += count_b & ends_b;
	}
	common.lanes = add_block(common.lanes, _mm512_maskz_loadu_ps(FIRST(common.count), common.terms));
	if (term == SPARSE_PRODUCT)
		return sum_lanes(common.lanes);
	for (; i < a->count; i += BLOCK, found_a = 0)
		alone_a = add_alone(alone_a, a->values + i, FIRST(Min(BLOCK, a->count - i)) & ~found_a, term);
	for (; j < b->count; j += BLOCK, found_b = 0)
		alone_b = add_alone(alone_b, b->values + j, FIRST(Min(BLOCK, b->count - j)) & ~found_b, term);
	return sum_lanes(_mm256_add_ps(common.lanes, _mm256_add_ps(alone_a, alone_b)));
}

AVX512_TARGET static float
inner_product(const SparseElements *a, const SparseElements *b)
{
	return sum_terms(a, b, SPARSE_PRODUCT);
}

AVX512_TARGET static float
l2_squared(const SparseElements *a, const SparseElements *b)
{
	return sum_terms(a, b, SPARSE_SQUARED_DIFFERENCE);
}

AVX512_TARGET static float
l1(const SparseElements *a, const SparseElements *b)
{
	return sum_terms(a, b, SPARSE_ABSOLUTE_DIFFERENCE);
}

const SparseKernelSet pxd_sparse_kernels_avx512 = {
	.isa = "avx512f",
	.inner_product = inner_product,
	.l2_squared = l2_squared,
	.l1 = l1
};

#endif
