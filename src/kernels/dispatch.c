/*
 * dispatch.c: chooses the kernel sets of this process.
 *
 * Owns pxd_kernels, pxd_code_kernels and pxd_bit_kernels, and fills pxd_sparse_kernels. They are written once at load, before any other code of the library
 * runs, and read without locks ever after.
 */
#include "postgres.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "bit_kernels.h"
#include "code_sets.h"
#include "kernel_sets.h"
#include "sparse_kernels.h"

KernelSet	pxd_kernels;
CodeKernelSet pxd_code_kernels;
BitKernelSet pxd_bit_kernels;

#ifdef HAVE_X86_KERNELS
/* Conversion of float16; its registers are AVX's. The compilers' own test does not know it everywhere. */
static bool
cpu_has_f16c(void)
{
	unsigned int eax;
	unsigned int ebx;
	unsigned int ecx;
	unsigned int edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C) != 0;
}
#endif

int
pxd_kernels_usable(const KernelSet **sets)
{
	int			count = 0;

	sets[count++] = &pxd_kernels_scalar_fused;
	sets[count++] = &pxd_kernels_scalar;
#ifdef HAVE_X86_KERNELS
	sets[count++] = &pxd_kernels_sse2;
	/* these look at what the operating system saves on a context switch, too */
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && cpu_has_f16c())
		sets[count++] = &pxd_kernels_avx2;
	/* processors with AVX-512F alone, of one line long out of production, use AVX2 */
	if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi2"))
		sets[count++] = &pxd_kernels_avx512;
#endif
#ifdef HAVE_NEON_KERNELS
	sets[count++] = &pxd_kernels_neon;
#endif
	Assert(count <= MAX_KERNEL_SETS);
	return count;
}

const KernelSet *
pxd_kernels_reference(const KernelSet *set)
{
	return set->fused ? &pxd_kernels_scalar_fused : &pxd_kernels_scalar;
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
	const BitKernelSet *bit_sets[MAX_BIT_KERNEL_SETS];
	const SparseKernelSet *sparse_sets[MAX_SPARSE_KERNEL_SETS];

	pxd_kernels = *sets[pxd_kernels_usable(sets) - 1];
	pxd_code_kernels = *code_sets[pxd_code_kernels_usable(code_sets) - 1];
	pxd_bit_kernels = *bit_sets[pxd_bit_kernels_usable(bit_sets) - 1];
	pxd_sparse_kernels = *sparse_sets[pxd_sparse_kernels_usable(sparse_sets) - 1];
}
