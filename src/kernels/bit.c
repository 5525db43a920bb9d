/*
 * bit.c: kernels that count bits, for all instruction sets.
 *
 * There is none for AVX2: processors that have it count bits of general registers about as fast. The x86-64
 * functions are compiled for their instructions, the file is not: pxd_kernels_init decides. No state, no locks.
 */
#include "postgres.h"

#include "bit_kernels.h"
#include "kernel_sets.h"

#ifdef HAVE_X86_KERNELS
#include <immintrin.h>
#endif
#ifdef HAVE_NEON_KERNELS
#include <arm_neon.h>
#endif

static inline uint64
load_word(const uint8 *p)
{
	uint64		word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* The last bytes of a string, less than eight, with zeros behind them. */
static inline uint64
load_last(const uint8 *p, Size bytes)
{
	uint64		word = 0;

	for (Size i = 0; i < bytes; i++)
		word |= (uint64) p[i] << (i * BITS_PER_BYTE);
	return word;
}

/*
 * The kernels in words of eight bytes, once for each way to count the bits of one. The bytes at the end are
 * loaded in an order of their own, which counting does not notice.
 */
#define DEFINE_WORD_KERNELS(NAME, TARGET, COUNT) \
TARGET static uint64 \
NAME##_differing(Size bytes, const uint8 *a, const uint8 *b) \
{ \
	uint64		sum0 = 0; \
	uint64		sum1 = 0; \
	Size		i = 0; \
\
	for (; i + 16 <= bytes; i += 16) \
	{ \
		sum0 += COUNT(load_word(a + i) ^ load_word(b + i)); \
		sum1 += COUNT(load_word(a + i + 8) ^ load_word(b + i + 8)); \
	} \
	for (; i + 8 <= bytes; i += 8) \
		sum0 += COUNT(load_word(a + i) ^ load_word(b + i)); \
	if (i < bytes) \
		sum1 += COUNT(load_last(a + i, bytes - i) ^ load_last(b + i, bytes - i)); \
	return sum0 + sum1; \
} \
\
TARGET static void \
NAME##_counts(Size bytes, const uint8 *a, const uint8 *b, BitCounts *counts) \
{ \
	uint64		both = 0; \
	uint64		either = 0; \
	Size		i = 0; \
\
	for (; i + 8 <= bytes; i += 8) \
	{ \
		both += COUNT(load_word(a + i) & load_word(b + i)); \
		either += COUNT(load_word(a + i) | load_word(b + i)); \
	} \
	if (i < bytes) \
	{ \
		both += COUNT(load_last(a + i, bytes - i) & load_last(b + i, bytes - i)); \
		either += COUNT(load_last(a + i, bytes - i) | load_last(b + i, bytes - i)); \
	} \
	counts->both = both; \
	counts->either = either; \
}

/* Sums of bits in pairs, in fours, in bytes, and of the bytes in the highest one. */
static inline uint64
count_word(uint64 word)
{
	word -= (word >> 1) & UINT64CONST(0x5555555555555555);
	word = (word & UINT64CONST(0x3333333333333333)) + ((word >> 2) & UINT64CONST(0x3333333333333333));
	word = (word + (word >> 4)) & UINT64CONST(0x0F0F0F0F0F0F0F0F);
	return (word * UINT64CONST(0x0101010101010101)) >> 56;
}

DEFINE_WORD_KERNELS(scalar, , count_word)

static const BitKernelSet scalar_set = {"scalar", scalar_differing, scalar_counts};

#ifdef HAVE_X86_KERNELS

#define POPCNT_TARGET __attribute__((target("popcnt")))
DEFINE_WORD_KERNELS(popcnt, POPCNT_TARGET, __builtin_popcountll)

static const BitKernelSet popcnt_set = {"popcnt", popcnt_differing, popcnt_counts};

#define AVX512_TARGET __attribute__((target("avx512f,avx512bw,avx512vpopcntdq")))

/* Mask of the bytes of a last, incomplete step. */
static inline uint64
last_mask(Size bytes)
{
	Assert(bytes < 64);
	return (UINT64CONST(1) << bytes) - 1;
}

AVX512_TARGET static uint64
avx512_differing(Size bytes, const uint8 *a, const uint8 *b)
{
	__m512i		sum0 = _mm512_setzero_si512();
	__m512i		sum1 = _mm512_setzero_si512();
	Size		i = 0;

	for (; i + 128 <= bytes; i += 128)
	{
		sum0 = _mm512_add_epi64(sum0, _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(a + i),
																		   _mm512_loadu_si512(b + i))));
		sum1 = _mm512_add_epi64(sum1, _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(a + i + 64),
																		   _mm512_loadu_si512(b + i + 64))));
	}
	if (i + 64 <= bytes)
	{
		sum0 = _mm512_add_epi64(sum0, _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_loadu_si512(a + i),
																		   _mm512_loadu_si512(b + i))));
		i += 64;
	}
	if (i < bytes)
	{
		__mmask64	mask = last_mask(bytes - i);

		sum1 = _mm512_add_epi64(sum1, _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, a + i),
																		   _mm512_maskz_loadu_epi8(mask, b + i))));
	}
	return (uint64) _mm512_reduce_add_epi64(_mm512_add_epi64(sum0, sum1));
}

AVX512_TARGET static void
avx512_counts(Size bytes, const uint8 *a, const uint8 *b, BitCounts *counts)
{
	__m512i		both = _mm512_setzero_si512();
	__m512i		either = _mm512_setzero_si512();
	Size		i = 0;

	for (; i < bytes; i += 64)
	{
		__mmask64	mask = bytes - i >= 64 ? ~UINT64CONST(0) : last_mask(bytes - i);
		__m512i		va = _mm512_maskz_loadu_epi8(mask, a + i);
		__m512i		vb = _mm512_maskz_loadu_epi8(mask, b + i);

		both = _mm512_add_epi64(both, _mm512_popcnt_epi64(_mm512_and_si512(va, vb)));
		either = _mm512_add_epi64(either, _mm512_popcnt_epi64(_mm512_or_si512(va, vb)));
	}
	counts->both = (uint64) _mm512_reduce_add_epi64(both);
	counts->either = (uint64) _mm512_reduce_add_epi64(either);
}

static const BitKernelSet avx512_set = {"avx512vpopcntdq", avx512_differing, avx512_counts};

#endif

#ifdef HAVE_NEON_KERNELS

/* Adds the bits of sixteen bytes to two sums. */
static inline uint64x2_t
add_counts(uint64x2_t sum, uint8x16_t bits)
{
	return vpadalq_u32(sum, vpaddlq_u16(vpaddlq_u8(vcntq_u8(bits))));
}

static uint64
neon_differing(Size bytes, const uint8 *a, const uint8 *b)
{
	uint64x2_t	sum = vdupq_n_u64(0);
	Size		i = 0;

	for (; i + 16 <= bytes; i += 16)
		sum = add_counts(sum, veorq_u8(vld1q_u8(a + i), vld1q_u8(b + i)));
	return vgetq_lane_u64(sum, 0) + vgetq_lane_u64(sum, 1) + scalar_differing(bytes - i, a + i, b + i);
}

static void
neon_counts(Size bytes, const uint8 *a, const uint8 *b, BitCounts *counts)
{
	uint64x2_t	both = vdupq_n_u64(0);
	uint64x2_t	either = vdupq_n_u64(0);
	Size		i = 0;

	for (; i + 16 <= bytes; i += 16)
	{
		uint8x16_t	va = vld1q_u8(a + i);
		uint8x16_t	vb = vld1q_u8(b + i);

		both = add_counts(both, vandq_u8(va, vb));
		either = add_counts(either, vorrq_u8(va, vb));
	}
	scalar_counts(bytes - i, a + i, b + i, counts);
	counts->both += vgetq_lane_u64(both, 0) + vgetq_lane_u64(both, 1);
	counts->either += vgetq_lane_u64(either, 0) + vgetq_lane_u64(either, 1);
}

static const BitKernelSet neon_set = {"neon", neon_differing, neon_counts};

#endif

int
pxd_bit_kernels_usable(const BitKernelSet **sets)
{
	int			count = 0;

	sets[count++] = &scalar_set;
#ifdef HAVE_X86_KERNELS
	__builtin_cpu_init();
	if (__builtin_cpu_supports("popcnt"))
		sets[count++] = &popcnt_set;
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vpopcntdq"))
		sets[count++] = &avx512_set;
#endif
#ifdef HAVE_NEON_KERNELS
	sets[count++] = &neon_set;
#endif
	Assert(count <= MAX_BIT_KERNEL_SETS);
	return count;
}
