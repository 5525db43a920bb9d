/*
 * scalar_fused.c: distance kernels in plain C that round once after a multiplication and an addition: the reference of
 * sets with instructions for that, and nothing but that: without them, fmaf is slow. No state, no locks.
 */
#define FUSED 1

#include "scalar_template.h"

DEFINE_KERNEL_SET(pxd_kernels_scalar_fused, "scalar_fused", true);
