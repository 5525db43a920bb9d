/*
 * scalar.c: distance kernels in plain C: the reference of sets that round products before they add them, and what runs on
 * processors that have no set of their own. No state, no locks.
 */
#define FUSED 0

#include "scalar_template.h"

DEFINE_KERNEL_SET(pxd_kernels_scalar, "scalar", false);
