/*
 * code_sets.h: the code kernel sets that this build contains, one for each code_*.c of an instruction set.
 */
#ifndef PXD_CODE_SETS_H
#define PXD_CODE_SETS_H

#include "code_kernels.h"
#include "kernel_sets.h"

extern const CodeKernelSet pxd_code_kernels_scalar;
#ifdef HAVE_X86_KERNELS
extern const CodeKernelSet pxd_code_kernels_avx2;
extern const CodeKernelSet pxd_code_kernels_avx512;
#endif
#ifdef HAVE_NEON_KERNELS
extern const CodeKernelSet pxd_code_kernels_neon;
#endif

#endif
