/*
 * sparse_sets.h: what the files of sparse kernels share: terms, and sums in lanes.
 */
#ifndef PXD_SPARSE_SETS_H
#define PXD_SPARSE_SETS_H

#include "kernel_sets.h"
#include "sparse_kernels.h"

/* Lanes of each of the three sums that a result is made of. */
#define SPARSE_LANES 8

/* What is added up; a constant wherever it is passed on. */
typedef enum SparseTerm
{
	SPARSE_PRODUCT,				/* x y: common indices only */
	SPARSE_SQUARED_DIFFERENCE,	/* (x - y)^2 */
	SPARSE_ABSOLUTE_DIFFERENCE	/* |x - y| */
} SparseTerm;

extern const SparseKernelSet pxd_sparse_kernels_scalar;
#ifdef HAVE_X86_KERNELS
extern const SparseKernelSet pxd_sparse_kernels_avx512;
#endif

#endif
