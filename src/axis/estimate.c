/*
 * estimate.c: bounds of distances from codes' products. Plain loops over a page's arrays, for the compiler to vectorise
 * (the Makefile asks it to); encode.c has the formulas.
 */
#include "postgres.h"

#include <math.h>

#include "axis_scan.h"
#include "kernels.h"

void
pxd_axis_list_query(const AxisDirectory *directory, int list, const float *x, double deviations, float *centroid,
					int8 *code, AxisListQuery *query)
{
	const AxisLayout *layout = &directory->layout;
	float		norm2;
	int32		sum;
	float		scale;

	pxd_axis_centroid(directory, list, centroid);
	scale = pxd_quantise_residual(layout->dim, x, centroid, NULL, code, &norm2, &sum);
	query->unit = scale;
	query->shift = scale * sum * ((1 << layout->code_bits) - 1) / 2.0f;
	query->slack = (float) (deviations * sqrt(norm2));
	query->base = layout->metric == AXIS_IP ? -pxd_kernel_inner_product(layout->dim, x, centroid) : norm2;
}

static void
bounds_of_page(const AxisListQuery *query, const float *restrict add, const float *restrict scale,
			   const uint16 *restrict err, int n, const int32 *restrict dots, float *restrict low,
			   float *restrict high)
{
	float		base = query->base;
	float		unit = query->unit;
	float		shift = query->shift;
	float		slack = query->slack;

	for (int i = 0; i < n; i++)
	{
		union
		{
			uint32		u;
			float		f;
		}			wide = {.u = (uint32) err[i] << 16};
		float		estimate = base + add[i] + scale[i] * (unit * dots[i] - shift);
		float		error = slack * wide.f;

		low[i] = estimate - error;
		high[i] = estimate + error;
	}
}

void
pxd_axis_bounds(const AxisLayout *layout, const AxisListQuery *query, Page page, const uint16 *rows, int n,
				const int32 *dots, float *low, float *high)
{
	const float *add = (const float *) (page + layout->add);
	const float *scale = (const float *) (page + layout->scale);
	const uint16 *err = (const uint16 *) (page + layout->err);

	if (rows == NULL)
	{
		bounds_of_page(query, add, scale, err, n, dots, low, high);
		return;
	}
	for (int i = 0; i < n; i++)
	{
		int			row = rows[i];
		float		estimate = query->base + add[row] + scale[row] * (query->unit * dots[i] - query->shift);
		float		error = query->slack * pxd_axis_bf16(err[row]);

		low[i] = estimate - error;
		high[i] = estimate + error;
	}
}
