/*
 * dispatch.c: chooses the kernel sets of this process.
 *
 * Owns pxd_kernels and pxd_code_kernels, which are written once at load, before any other code of the library
 * runs, and read without locks ever after.
 */
#include "postgres.h"

#include "code_sets.h"
#include "kernel_sets.h"

KernelSet	pxd_kernels;
CodeKernelSet pxd_code_kernels;

int
pxd_kernels_usable(const KernelSet **sets)
{
	int			count = 0;

	sets[count++] = &pxd_kernels_scalar;
#ifdef HAVE_X86_KERNELS
	sets[count++] = &pxd_kernels_sse2;
	/* these look at what the operating system saves on a context switch, too */
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		sets[count++] = &pxd_kernels_avx2;
	if (__builtin_cpu_supports("avx512f"))
		sets[count++] = &pxd_kernels_avx512;
#endif
#ifdef HAVE_NEON_KERNELS
	sets[count++] = &pxd_kernels_neon;
#endif
	Assert(count <= MAX_KERNEL_SETS);
	return count;
}

int
pxd_code_kernels_usable(const CodeKernelSet **sets)
{
	int			count = 0;

	sets[count++] = &pxd_code_kernels_scalar;
#ifdef HAVE_X86_KERNELS
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2"))
		sets[count++] = &pxd_code_kernels_avx2;
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
		__builtin_cpu_supports("avx512vnni"))
		sets[count++] = &pxd_code_kernels_avx512;
#endif
#ifdef HAVE_NEON_KERNELS
	sets[count++] = &pxd_code_kernels_neon;
#endif
	Assert(count <= MAX_CODE_KERNEL_SETS);
	return count;
}

void
pxd_kernels_init(void)
{
	const KernelSet *sets[MAX_KERNEL_SETS];
	const CodeKernelSet *code_sets[MAX_CODE_KERNEL_SETS];

	pxd_kernels = *sets[pxd_kernels_usable(sets) - 1];
	pxd_code_kernels = *code_sets[pxd_code_kernels_usable(code_sets) - 1];
}
