/*
 * kernel_check.h: what the parts of proximadb.kernel_check() share.
 */
#ifndef PXD_KERNEL_CHECK_H
#define PXD_KERNEL_CHECK_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "utils/tuplestore.h"

/* Adds a row of the result: passed if error is at most tolerance. */
extern void pxd_kernel_check_row(Tuplestorestate *store, TupleDesc desc, const char *kernel, const char *isa, int dim,
								 double error, double tolerance);

/* Fills count floats with values in (-1, 1) of a fixed sequence. */
extern void pxd_kernel_check_fill(float *x, int count, uint32 seed);

/* Adds the rows of the conversions from and to float16 (half_check.c). */
extern void pxd_half_conversions_check(Tuplestorestate *store, TupleDesc desc);

/* Adds the rows of the kernels that count bits (bit_check.c). */
extern void pxd_bit_kernels_check(Tuplestorestate *store, TupleDesc desc);

/* Adds the rows of the kernels over sparse vectors (sparse_check.c). */
extern void pxd_sparse_kernels_check(Tuplestorestate *store, TupleDesc desc);

/* Adds the rows of the kernels over codes (code_check.c). */
extern void pxd_code_kernels_check(Tuplestorestate *store, TupleDesc desc);

#endif
