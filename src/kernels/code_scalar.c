/*
 * code_scalar.c: code kernels in plain C: the reference of the others, and what runs where there is no set of
 * their own. Its float kernels are those of vector_template.h in vectors of four, which any compiler turns
 * into what the processor has. No state, no locks.
 */
#include "postgres.h"

#include "code_sets.h"

#define KERNEL_TARGET
#define KERNEL_SET		pxd_code_kernels_scalar
#define KERNEL_ISA		"scalar"
#define WIDTH			4
#if defined(__x86_64__)
#define REGISTER		"x"
#elif defined(__aarch64__)
#define REGISTER		"w"
#else
#define REGISTER		"m"
#endif

#define GROUP_1			1
#define GROUP_2			1
#define GROUP_4			1
#define GROUP_8			1

static pg_attribute_always_inline void
dot_rows(const int bits, const int nrows, int dim, const int8 *query, const uint8 *const *rows, int32 *out)
{
	int			bytes = dim * bits / 8;

	for (int r = 0; r < nrows; r++)
	{
		int32		sum = 0;

		for (int p = 0; p < 8 / bits; p++)
		{
			const int8 *plane = query + (size_t) p * bytes;

			for (int i = 0; i < bytes; i++)
				sum += ((rows[r][i] >> (p * bits)) & ((1 << bits) - 1)) * plane[i];
		}
		out[r] = sum;
	}
}

#include "code_dot_template.h"
#include "vector_template.h"
