/*
 * code_dot_template.h: the loops around the dot products of codes, written once for every instruction set.
 *
 * A file of one instruction set defines KERNEL_TARGET (function attribute), GROUP_1, GROUP_2, GROUP_4 and
 * GROUP_8 (rows taken at once for each code width) and
 *
 *   dot_rows(bits, nrows, dim, query, rows, out)
 *
 * an always inlined function of constant bits and nrows (the group, or 1) that computes the products of the
 * codes at rows[0] .. rows[nrows - 1]; then it includes this header, which defines dot_BITS and
 * dot_select_BITS. Taking rows in groups loads each part of the query once for all of them, keeps the
 * multipliers busy across rows too short to do so alone, and adds up the lanes of all rows together.
 */

/* The code bytes of a group of rows ahead are asked for while the present group is being computed. */
static inline void
prefetch_row(const uint8 *row, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += 64)
		__builtin_prefetch(row + at);
}

#define DEFINE_CODE_DOT(BITS, GROUP) \
KERNEL_TARGET static pg_noinline void \
dot_group_##BITS(int dim, const int8 *query, const uint8 *const *rows, int32 *out) \
{ \
	dot_rows(BITS, GROUP, dim, query, rows, out); \
} \
\
KERNEL_TARGET static pg_noinline void \
dot_one_##BITS(int dim, const int8 *query, const uint8 *row, int32 *out) \
{ \
	dot_rows(BITS, 1, dim, query, &row, out); \
} \
\
static void \
dot_##BITS(int dim, const int8 *query, const uint8 *codes, size_t stride, int n, int32 *out) \
{ \
	const uint8 *rows[GROUP]; \
	const uint8 *row = codes; \
	size_t		bytes = (size_t) dim * BITS / 8; \
	int			j = 0; \
\
	for (; j + GROUP <= n; j += GROUP) \
	{ \
		for (int r = 0; r < GROUP; r++, row += stride) \
		{ \
			rows[r] = row; \
			if (j + 2 * GROUP <= n) \
				prefetch_row(row + GROUP * stride, bytes); \
		} \
		dot_group_##BITS(dim, query, rows, out + j); \
	} \
	for (; j < n; j++, row += stride) \
		dot_one_##BITS(dim, query, row, out + j); \
} \
\
static void \
dot_select_##BITS(int dim, const int8 *query, const uint8 *codes, size_t stride, \
				  const uint16 *numbers, int n, int32 *out) \
{ \
	const uint8 *rows[GROUP]; \
	size_t		bytes = (size_t) dim * BITS / 8; \
	int			j = 0; \
\
	for (; j + GROUP <= n; j += GROUP) \
	{ \
		for (int r = 0; r < GROUP; r++) \
		{ \
			rows[r] = codes + numbers[j + r] * stride; \
			if (j + 2 * GROUP <= n) \
				prefetch_row(codes + numbers[j + GROUP + r] * stride, bytes); \
		} \
		dot_group_##BITS(dim, query, rows, out + j); \
	} \
	for (; j < n; j++) \
		dot_one_##BITS(dim, query, codes + numbers[j] * stride, out + j); \
}

DEFINE_CODE_DOT(1, GROUP_1)
DEFINE_CODE_DOT(2, GROUP_2)
DEFINE_CODE_DOT(4, GROUP_4)
DEFINE_CODE_DOT(8, GROUP_8)
