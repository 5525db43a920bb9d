/*
 * vector_template.h: the float kernels around codes, written once for every width of vectors.
 *
 * A file of one instruction set defines the following, defines dot_BITS and dot_select_BITS (by
 * code_dot_template.h) and then includes this header, which ends with the CodeKernelSet called KERNEL_SET:
 *
 *   KERNEL_TARGET, KERNEL_ISA   function attribute that switches the instruction set on, and its name
 *   WIDTH                       floats in a vector: 4, 8 or 16
 *   REGISTER                    asm constraint of a vector register
 *   vec_max, vec_min            optional: instructions for these
 *   load_bytes, store_bytes     optional: from bytes to a vector of integers, and back (the low bytes)
 *
 * Vectors are the compilers' own (vector_size), so nothing else differs between instruction sets. The results
 * are the same bits for all: most kernels treat each element by itself, with every product rounded before it
 * is used; sums add element i to lane i % LANES in the order of i, and then halve the lanes down to one, as
 * in kernels_template.h; in the Hadamard transform every element is a fixed tree of additions.
 */
#include <math.h>

#define LANES 32
#define ACCUMULATORS (LANES / WIDTH)

typedef float Vec __attribute__((vector_size(WIDTH * 4)));
typedef int32 VecInt __attribute__((vector_size(WIDTH * 4)));
typedef uint8 VecByte __attribute__((vector_size(WIDTH)));

#if WIDTH == 4
#define PER_LANE(f)		{f(0), f(1), f(2), f(3)}
#define SWAP_LANES(x, h) __builtin_shufflevector(x, x, 0 ^ h, 1 ^ h, 2 ^ h, 3 ^ h)
#elif WIDTH == 8
#define PER_LANE(f)		{f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7)}
#define SWAP_LANES(x, h) \
	__builtin_shufflevector(x, x, 0 ^ h, 1 ^ h, 2 ^ h, 3 ^ h, 4 ^ h, 5 ^ h, 6 ^ h, 7 ^ h)
#else
#define PER_LANE(f) \
	{f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7), f(8), f(9), f(10), f(11), f(12), f(13), f(14), f(15)}
#define SWAP_LANES(x, h) \
	__builtin_shufflevector(x, x, 0 ^ h, 1 ^ h, 2 ^ h, 3 ^ h, 4 ^ h, 5 ^ h, 6 ^ h, 7 ^ h, \
							8 ^ h, 9 ^ h, 10 ^ h, 11 ^ h, 12 ^ h, 13 ^ h, 14 ^ h, 15 ^ h)
#endif

#define VEC_INLINE		KERNEL_TARGET static pg_attribute_always_inline

/* Adding 1.5 * 2^23 leaves a float, rounded to an integer (half to even), in the low bits. */
#define ROUND_FLOAT		12582912.0f
#define ROUND_BITS		0x4B400000
#define SIGN_BIT		((int32) 0x80000000)

/* Ranges below this have no inverse that is sure to be finite. */
#define TINY_RANGE		1e-35f

VEC_INLINE Vec
vec_load(const float *p)
{
	Vec			x;

	memcpy(&x, p, sizeof(x));
	return x;
}

VEC_INLINE void
vec_store(float *p, Vec x)
{
	memcpy(p, &x, sizeof(x));
}

/* The first n floats at p, zeros after them. */
VEC_INLINE Vec
vec_load_part(const float *p, int n)
{
	Vec			x = {0};

	memcpy(&x, p, n * sizeof(float));
	return x;
}

VEC_INLINE Vec
vec_fill(float value)
{
	return (Vec) {0} + value;
}

/* The empty asm hides where the product came from, so that the compiler does not fuse it with an addition. */
VEC_INLINE Vec
vec_product(Vec x, Vec y)
{
	Vec			product = x * y;

	__asm__("":"+" REGISTER(product));
	return product;
}

VEC_INLINE Vec
vec_abs(Vec x)
{
	return (Vec) ((VecInt) x & ~SIGN_BIT);
}

#ifndef vec_max
VEC_INLINE Vec
vec_max(Vec x, Vec y)
{
	VecInt		larger = x > y;

	return (Vec) (((VecInt) x & larger) | ((VecInt) y & ~larger));
}

VEC_INLINE Vec
vec_min(Vec x, Vec y)
{
	VecInt		smaller = x < y;

	return (Vec) (((VecInt) x & smaller) | ((VecInt) y & ~smaller));
}
#endif

/* The product of x and y rounded to the nearest integers. */
VEC_INLINE VecInt
vec_round_product(Vec x, Vec y)
{
	return (VecInt) (vec_product(x, y) + ROUND_FLOAT) - ROUND_BITS;
}

#ifndef store_bytes
VEC_INLINE void
store_bytes(uint8 *p, VecInt x)
{
	VecByte		bytes = __builtin_convertvector(x, VecByte);

	memcpy(p, &bytes, sizeof(bytes));
}
#endif

#ifndef load_bytes
VEC_INLINE VecInt
load_bytes(const uint8 *p)
{
	VecByte		bytes;

	memcpy(&bytes, p, sizeof(bytes));
	return __builtin_convertvector(bytes, VecInt);
}
#endif

VEC_INLINE float
vec_largest(Vec x)
{
	float		lane[WIDTH];
	float		largest;

	memcpy(lane, &x, sizeof(lane));
	largest = lane[0];
	for (int i = 1; i < WIDTH; i++)
		largest = Max(largest, lane[i]);
	return largest;
}

VEC_INLINE int32
vec_int_sum(VecInt x)
{
	int32		lane[WIDTH];
	int32		sum = 0;

	memcpy(lane, &x, sizeof(lane));
	for (int i = 0; i < WIDTH; i++)
		sum += lane[i];
	return sum;
}

/* The sum of LANES lanes, by halving. */
VEC_INLINE float
reduce_lanes(const Vec *acc)
{
	float		lane[LANES];

	memcpy(lane, acc, sizeof(lane));
	for (int half = LANES / 2; half > 0; half /= 2)
	{
		for (int i = 0; i < half; i++)
			lane[i] += lane[i + half];
	}
	return lane[0];
}

KERNEL_TARGET static float
quantise_query(int dim, const float *v, int8 *out)
{
	Vec			largest = {0};
	float		scale;
	Vec			inverse;

	for (int i = 0; i < dim; i += WIDTH)
		largest = vec_max(vec_abs(vec_load(v + i)), largest);
	scale = vec_largest(largest) / 127.0f;
	if (scale < TINY_RANGE / 127.0f)
	{
		memset(out, 0, dim);
		return 0.0f;
	}
	inverse = vec_fill(1.0f / scale);
	for (int i = 0; i < dim; i += WIDTH)
		store_bytes((uint8 *) out + i, vec_round_product(vec_load(v + i), inverse));
	return scale;
}

KERNEL_TARGET static float
quantise_residual(int dim, const float *q, const float *c, float *residual, int8 *out, float *norm2, int32 *sum)
{
	Vec			acc[ACCUMULATORS] = {{0}};
	Vec			largest = {0};
	VecInt		total = {0};
	float		scale;
	Vec			inverse;

	for (int i = 0; i < dim; i += LANES)
	{
#pragma GCC unroll 8
		for (int k = 0; k < ACCUMULATORS; k++)
		{
			int			at = i + k * WIDTH;
			Vec			r = vec_load(q + at) - vec_load(c + at);

			acc[k] += vec_product(r, r);
			largest = vec_max(vec_abs(r), largest);
			if (residual != NULL)
				vec_store(residual + at, r);
		}
	}
	*norm2 = reduce_lanes(acc);
	*sum = 0;
	scale = vec_largest(largest) / 127.0f;
	if (scale < TINY_RANGE / 127.0f)
	{
		memset(out, 0, dim);
		return 0.0f;
	}
	inverse = vec_fill(1.0f / scale);
	for (int i = 0; i < dim; i += WIDTH)
	{
		VecInt		level = vec_round_product(vec_load(q + i) - vec_load(c + i), inverse);

		total += level;
		store_bytes((uint8 *) out + i, level);
	}
	*sum = vec_int_sum(total);
	return scale;
}

/* Smallest and largest of dim > 0 elements. */
KERNEL_TARGET static void
range(int dim, const float *v, float *min, float *max)
{
	Vec			smallest = vec_fill(v[0]);
	Vec			largest = smallest;
	int			i = 0;

	for (; i + WIDTH <= dim; i += WIDTH)
	{
		Vec			x = vec_load(v + i);

		smallest = vec_min(x, smallest);
		largest = vec_max(x, largest);
	}
	*max = vec_largest(largest);
	*min = -vec_largest(-smallest);
	for (; i < dim; i++)
	{
		*max = Max(*max, v[i]);
		*min = Min(*min, v[i]);
	}
}

/* out = (v - offset) * inverse, rounded */
KERNEL_TARGET static void
quantise_u8(int dim, const float *v, float inverse, float offset, uint8 *out)
{
	int			i = 0;

	for (; i + WIDTH <= dim; i += WIDTH)
		store_bytes(out + i, vec_round_product(vec_load(v + i) - offset, vec_fill(inverse)));
	if (i < dim)
	{
		uint8		part[WIDTH];

		store_bytes(part, vec_round_product(vec_load_part(v + i, dim - i) - offset, vec_fill(inverse)));
		memcpy(out + i, part, dim - i);
	}
}

KERNEL_TARGET static void
dequantise_u8(int dim, const uint8 *code, float scale, float offset, float *out)
{
	int			i = 0;

	for (; i + WIDTH <= dim; i += WIDTH)
		vec_store(out + i, vec_product(__builtin_convertvector(load_bytes(code + i), Vec), vec_fill(scale)) + offset);
	if (i < dim)
	{
		uint8		part[WIDTH] = {0};
		Vec			x;

		memcpy(part, code + i, dim - i);
		x = vec_product(__builtin_convertvector(load_bytes(part), Vec), vec_fill(scale)) + offset;
		memcpy(out + i, &x, (dim - i) * sizeof(float));
	}
}

/*
 * Levels y + (2^bits - 1) / 2 of a residual with factor = t * sqrt(dim) / norm. *dot = <y, r>; *squares = sum
 * of k^2 + k, where |y| = k + 1/2.
 */
KERNEL_TARGET static void
encode_levels(int bits, int dim, const float *r, float factor, uint8 *levels, float *dot, int32 *squares)
{
	Vec			acc[ACCUMULATORS] = {{0}};
	VecInt		total = {0};
	Vec			scale = vec_fill(factor);
	Vec			most = vec_fill((float) ((1 << (bits - 1)) - 1));

	for (int i = 0; i < dim; i += LANES)
	{
#pragma GCC unroll 8
		for (int k = 0; k < ACCUMULATORS; k++)
		{
			int			at = i + k * WIDTH;
			Vec			x = vec_load(r + at);
			Vec			size = vec_abs(x);
			VecInt		level = __builtin_convertvector(vec_min(vec_product(size, scale), most), VecInt);

			acc[k] += vec_product(size, __builtin_convertvector(level, Vec) + 0.5f);
			total += level * level + level;
			/* a negative y has the level of -y, mirrored: ^ -1 is -level - 1 */
			store_bytes(levels + at, (level ^ ((VecInt) x >> 31)) + (1 << (bits - 1)));
		}
	}
	*dot = reduce_lanes(acc);
	*squares = vec_int_sum(total);
}

/* out = factor * (levels - centre) */
KERNEL_TARGET static void
decode_levels(int dim, const uint8 *levels, float centre, float factor, float *out)
{
	for (int i = 0; i < dim; i += WIDTH)
		vec_store(out + i, (__builtin_convertvector(load_bytes(levels + i), Vec) - centre) * factor);
}

KERNEL_TARGET static void
add_into(int dim, float *acc, const float *v)
{
	int			i = 0;

	for (; i + WIDTH <= dim; i += WIDTH)
		vec_store(acc + i, vec_load(acc + i) + vec_load(v + i));
	for (; i < dim; i++)
		acc[i] += v[i];
}

/* One step of the Hadamard transform between lanes whose numbers differ by h: sums below, differences above. */
#define HADAMARD_SIGN_1(i)	(((i) & 1) ? SIGN_BIT : 0)
#define HADAMARD_SIGN_2(i)	(((i) & 2) ? SIGN_BIT : 0)
#define HADAMARD_SIGN_4(i)	(((i) & 4) ? SIGN_BIT : 0)
#define HADAMARD_SIGN_8(i)	(((i) & 8) ? SIGN_BIT : 0)
#define HADAMARD_STEP(x, h) \
	(SWAP_LANES(x, h) + (Vec) ((VecInt) (x) ^ (VecInt) PER_LANE(HADAMARD_SIGN_##h)))

VEC_INLINE Vec
hadamard_lanes(Vec x)
{
	x = HADAMARD_STEP(x, 1);
	x = HADAMARD_STEP(x, 2);
#if WIDTH > 4
	x = HADAMARD_STEP(x, 4);
#endif
#if WIDTH > 8
	x = HADAMARD_STEP(x, 8);
#endif
	return x;
}

/* Two steps, between elements h and 2 h apart, for a vector of elements at x. */
VEC_INLINE void
hadamard_four(float *x, int h, Vec a, Vec b, Vec c, Vec d)
{
	Vec			sum_ab = a + b;
	Vec			diff_ab = a - b;
	Vec			sum_cd = c + d;
	Vec			diff_cd = c - d;

	vec_store(x, sum_ab + sum_cd);
	vec_store(x + h, diff_ab + diff_cd);
	vec_store(x + 2 * h, sum_ab - sum_cd);
	vec_store(x + 3 * h, diff_ab - diff_cd);
}

/* Sum and difference of n elements at a and at b, in their place. */
VEC_INLINE void
sum_difference(int n, float *a, float *b)
{
	for (int i = 0; i < n; i += WIDTH)
	{
		Vec			x = vec_load(a + i);
		Vec			y = vec_load(b + i);

		vec_store(a + i, x + y);
		vec_store(b + i, x - y);
	}
}

VEC_INLINE Vec
load_signed(const float *x, const uint8 *signs)
{
	return (Vec) ((VecInt) vec_load(x) ^ (load_bytes(signs) << 24));
}

/*
 * Flips the signs of n (a power of two, at least 64) elements and takes their Hadamard transform times scale,
 * not otherwise normalised.
 */
VEC_INLINE void
hadamard(int n, float *x, const uint8 *signs, float factor)
{
	Vec			scale = vec_fill(factor);
	int			h = 4 * WIDTH;

	for (int i = 0; i < n; i += 4 * WIDTH)
	{
		Vec			part[4];

#pragma GCC unroll 4
		for (int k = 0; k < 4; k++)
			part[k] = hadamard_lanes(vec_product(load_signed(x + i + k * WIDTH, signs + i + k * WIDTH), scale));
		hadamard_four(x + i, WIDTH, part[0], part[1], part[2], part[3]);
	}
	for (; 4 * h <= n; h *= 4)
	{
		for (int block = 0; block < n; block += 4 * h)
		{
			for (float *at = x + block; at < x + block + h; at += WIDTH)
				hadamard_four(at, h, vec_load(at), vec_load(at + h), vec_load(at + 2 * h), vec_load(at + 3 * h));
		}
	}
	if (h < n)
		sum_difference(h, x, x + h);
}

/*
 * Four rounds: random signs, a Hadamard transform of the first or the last elements, and where it does not
 * cover all, sums and differences of the two halves.
 */
KERNEL_TARGET static void
rotate(const Rotation *rotation, const float *in, float *out)
{
	/* aligned, which out may not be: vectors that cross cache lines would take half as long again */
	float		x[CODE_MAX_DIM] pg_attribute_aligned(64);
	int			dim = rotation->dim;
	int			n = rotation->hadamard;

	memcpy(x, in, rotation->dim_in * sizeof(float));
	memset(x + rotation->dim_in, 0, (dim - rotation->dim_in) * sizeof(float));
	for (int round = 0; round < 4; round++)
	{
		const uint8 *signs = rotation->signs + (size_t) round * dim;
		int			first = round % 2 == 0 ? 0 : dim - n;
		int			rest = round % 2 == 0 ? n : 0;

		hadamard(n, x + first, signs + first, rotation->round_scale);
		for (int i = rest; i < rest + dim - n; i += WIDTH)
			vec_store(x + i, load_signed(x + i, signs + i));
		if (n < dim)
			sum_difference(dim / 2, x, x + dim / 2);
	}
	for (int i = 0; i < dim; i += WIDTH)
		vec_store(out + i, vec_load(x + i) * rotation->final_scale);
}

const CodeKernelSet KERNEL_SET = {
	.isa = KERNEL_ISA,
	.dot = {dot_1, dot_2, dot_4, dot_8},
	.dot_select = {dot_select_1, dot_select_2, dot_select_4, dot_select_8},
	.quantise_query = quantise_query,
	.quantise_residual = quantise_residual,
	.range = range,
	.quantise_u8 = quantise_u8,
	.dequantise_u8 = dequantise_u8,
	.encode_levels = encode_levels,
	.decode_levels = decode_levels,
	.add_into = add_into,
	.rotate = rotate,
};
