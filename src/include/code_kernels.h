/*
 * code_kernels.h: kernels over quantised vectors (codes), and the rotation that comes before quantising.
 *
 * A code of B bits (1, 2, 4 or 8) holds dim values of 0 .. 2^B - 1 in dim * B / 8 bytes, in planes: with
 * bytes = dim * B / 8, the bits p * B and up of byte i hold dimension p * bytes + i. Low nibbles are thus the
 * first half of the dimensions, high nibbles the second: a vector of bytes masked with one constant lines up
 * with successive dimensions of a query, without shuffles. The layout is on disk: it may not change.
 *
 * As with the distance kernels (kernels.h), one set is chosen per process, all sets return the same bits, and
 * the order of float additions is part of the contract. dim is a multiple of 64 from 64 to CODE_MAX_DIM where
 * not stated otherwise; pointers may have any alignment; nothing but the named elements is read or written,
 * and outputs overlap no inputs. Floats must be finite: others give arbitrary results, but touch no other
 * memory. Kernels take no locks, allocate nothing, raise no errors and do not check for interrupts.
 */
#ifndef PXD_CODE_KERNELS_H
#define PXD_CODE_KERNELS_H

#include "postgres.h"

/* Codes' dimensions come in whole cache lines of bytes. */
#define CODE_DIM_STEP 64
#define CODE_MAX_DIM 16064

/* A rotation; see pxd_rotation_create. Read only once made. */
typedef struct Rotation
{
	int			dim_in;			/* dimensions of vectors to rotate */
	int			dim;			/* of rotated ones: dim_in padded to a multiple of 64 */
	int			hadamard;		/* largest power of two <= dim */
	float		round_scale;	/* factor of the Hadamard transform of each round */
	float		final_scale;	/* factor left over at the end */
	uint8		signs[FLEXIBLE_ARRAY_MEMBER];	/* four rounds of dim bytes: 0x80 flips the sign */
} Rotation;

typedef void (*CodeDotKernel) (int dim, const int8 *query, const uint8 *codes, size_t stride, int n, int32 *out);
typedef void (*CodeSelectKernel) (int dim, const int8 *query, const uint8 *codes, size_t stride,
								  const uint16 *rows, int n, int32 *out);

/* The kernels of one instruction set; what they do is said at the functions below that call them. */
typedef struct CodeKernelSet
{
	const char *isa;			/* "scalar", "avx2", "avx512vnni", "neon" */
	CodeDotKernel dot[4];		/* for 1, 2, 4, 8 bits */
	CodeSelectKernel dot_select[4];
	float		(*quantise_query) (int dim, const float *v, int8 *out);
	float		(*quantise_residual) (int dim, const float *q, const float *c, float *residual, int8 *out,
									  float *norm2, int32 *sum);
	void		(*range) (int dim, const float *v, float *min, float *max);
	void		(*quantise_u8) (int dim, const float *v, float inverse, float offset, uint8 *out);
	void		(*dequantise_u8) (int dim, const uint8 *code, float scale, float offset, float *out);
	void		(*encode_levels) (int bits, int dim, const float *r, float factor, uint8 *levels,
								  float *dot, int32 *squares);
	void		(*decode_levels) (int dim, const uint8 *levels, float centre, float factor, float *out);
	void		(*add_into) (int dim, float *acc, const float *v);
	void		(*rotate) (const Rotation *rotation, const float *in, float *out);
} CodeKernelSet;

#define MAX_CODE_KERNEL_SETS 3

/* The chosen set; empty until pxd_kernels_init has run, read only afterwards. */
extern CodeKernelSet pxd_code_kernels;

/* Fills sets (room for MAX_CODE_KERNEL_SETS) with those usable here, best last, scalar first; returns how many. */
extern int	pxd_code_kernels_usable(const CodeKernelSet **sets);

/* Index of a code width in the arrays of CodeKernelSet. */
static inline int
pxd_code_width_index(int bits)
{
	Assert(bits == 1 || bits == 2 || bits == 4 || bits == 8);
	return bits == 8 ? 3 : bits / 2;
}

/* Bytes of a code. */
static inline size_t
pxd_code_bytes(int bits, int dim)
{
	Assert(dim % CODE_DIM_STEP == 0);
	return (size_t) dim * bits / 8;
}

/*
 * out[j] = sum over dimensions of code j times query, exactly, for the n codes that stand stride bytes apart;
 * -127 <= query <= 127. n may be 0. Fastest for many rows in a call.
 */
static inline void
pxd_code_dot(int bits, int dim, const int8 *query, const uint8 *codes, size_t stride, int n, int32 *out)
{
	pxd_code_kernels.dot[pxd_code_width_index(bits)] (dim, query, codes, stride, n, out);
}

/* The same for the codes numbered rows[0] .. rows[n - 1], in any order: out[j] belongs to code rows[j]. */
static inline void
pxd_code_dot_select(int bits, int dim, const int8 *query, const uint8 *codes, size_t stride,
					const uint16 *rows, int n, int32 *out)
{
	pxd_code_kernels.dot_select[pxd_code_width_index(bits)] (dim, query, codes, stride, rows, n, out);
}

/*
 * Quantises a query symmetrically: scale = max |v| / 127, out = v / scale rounded to the nearest, to even if
 * halfway. Returns scale; 0, and out all 0, if max |v| is below 1e-35.
 */
static inline float
pxd_quantise_query(int dim, const float *v, int8 *out)
{
	return pxd_code_kernels.quantise_query(dim, v, out);
}

/*
 * r = q - c, quantised like a query. *norm2 = |r|^2, *sum = sum of out; r itself goes to residual unless that
 * is NULL. Returns scale.
 */
static inline float
pxd_quantise_residual(int dim, const float *q, const float *c, float *residual, int8 *out, float *norm2, int32 *sum)
{
	return pxd_code_kernels.quantise_residual(dim, q, c, residual, out, norm2, sum);
}

/* out = offset + scale * code. Any dim. */
static inline void
pxd_dequantise_u8(int dim, const uint8 *code, float scale, float offset, float *out)
{
	pxd_code_kernels.dequantise_u8(dim, code, scale, offset, out);
}

/* acc += v. Any dim. */
static inline void
pxd_add_into(int dim, float *acc, const float *v)
{
	pxd_code_kernels.add_into(dim, acc, v);
}

/*
 * Quantises v to its own range: offset = min, scale = (max - min) / 255, out = (v - offset) / scale rounded.
 * If the range is below 1e-35, scale and out are 0. Any dim > 0; max - min must be finite.
 */
extern void pxd_quantise_u8(int dim, const float *v, float *scale, float *offset, uint8 *out);

/*
 * Code of a rotated residual r of length norm (RaBitQ, extended to several bits):
 *
 *   y[i] = sign(r[i]) * (min(floor(t * sqrt(dim) * |r[i]| / norm), 2^(bits - 1) - 1) + 1/2)
 *
 * stored as y + (2^bits - 1) / 2. *dot_yr = <y, r>, *norm_y2 = |y|^2. t: pxd_encode_t, or pxd_encode_best_t.
 * norm 0 gives the code of all y = 1/2 and dot_yr 0.
 */
extern void pxd_encode_residual(int bits, int dim, const float *r, float norm, float t, uint8 *code,
								float *dot_yr, float *norm_y2);

/* The t that brings y closest to the direction of Gaussian residuals, on average; has no effect if bits is 1. */
extern float pxd_encode_t(int bits);

/*
 * The best of eleven t, pxd_encode_t among them, for this residual: of the codes they give, the one closest to
 * the direction of r. Costs about ten times pxd_encode_residual and pays the more the more bits and the fewer
 * dimensions there are; see src/kernels/README.md.
 */
extern float pxd_encode_best_t(int bits, int dim, const float *r, float norm);

/* out = factor * y of a code. */
extern void pxd_decode_residual(int bits, int dim, const uint8 *code, float factor, float *out);

/* Dimensions of a rotated vector: dim_in padded to a multiple of CODE_DIM_STEP. */
static inline int
pxd_rotation_dim(int dim_in)
{
	return (dim_in + CODE_DIM_STEP - 1) / CODE_DIM_STEP * CODE_DIM_STEP;
}

/*
 * Makes a rotation for vectors of dim_in (1 .. CODE_MAX_DIM) dimensions, allocated in the current memory
 * context (pfree it). The same dim_in and seed give the same rotation on every machine.
 */
extern Rotation *pxd_rotation_create(int dim_in, uint64 seed);

/*
 * Rotates in (dim_in floats) to out (dim floats): lengths and angles are kept, up to rounding (1e-6 of the
 * length), and each coordinate of the result depends on all of the input.
 */
static inline void
pxd_rotate(const Rotation *rotation, const float *in, float *out)
{
	pxd_code_kernels.rotate(rotation, in, out);
}

#endif
