/*
 * kernel_sets.h: the kernel sets that this build contains, one for each file of src/kernels.
 */
#ifndef PXD_KERNEL_SETS_H
#define PXD_KERNEL_SETS_H

#include "kernels.h"

#if defined(__x86_64__)
#define HAVE_X86_KERNELS 1
#endif
#if defined(__aarch64__)
#define HAVE_NEON_KERNELS 1
#endif

extern const KernelSet pxd_kernels_scalar_fused;
extern const KernelSet pxd_kernels_scalar;
#ifdef HAVE_X86_KERNELS
extern const KernelSet pxd_kernels_sse2;
extern const KernelSet pxd_kernels_avx2;
extern const KernelSet pxd_kernels_avx512;
#endif
#ifdef HAVE_NEON_KERNELS
extern const KernelSet pxd_kernels_neon;
#endif

/* Defines the set of one file, whose kernels have the names below. */
#define DEFINE_KERNEL_SET(set_, isa_, fused_) \
	const KernelSet set_ = { \
		.isa = (isa_), \
		.fused = (fused_), \
		.l2_squared = l2_squared, \
		.inner_product = inner_product, \
		.l1 = l1, \
		.cosine = cosine, \
		.half_l2_squared = half_l2_squared, \
		.half_inner_product = half_inner_product, \
		.half_l1 = half_l1, \
		.half_cosine = half_cosine, \
	}

#endif
