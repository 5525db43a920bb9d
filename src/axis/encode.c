/*
 * encode.c: from a vector to a row of the index, and back.
 *
 * A vector is scaled to length 1 (cosine only), rotated, and taken relative to the origin; its code is that of the residual to its
 * list's centroid. With r the residual, n its length, y the code's vector (code_kernels.h), a = <y, r>, the inner product of r with any vector v is
 * estimated as n^2 / a * <y, v>; the estimate is unbiased, and its standard deviation at most
 *
 *     |v| n sqrt((n^2 |y|^2 / a^2 - 1) / (dim - 1))
 *
 * (RaBitQ, SIGMOD 2024, theorem 3.2; the extended codes, SIGMOD 2025, section 3). Queries use it with v = q - centroid:
 *
 *     |q - o|^2 = |v|^2 + n^2 - 2 <r, v>               add = n^2             scale = -2 n^2 / a
 *     -<q, o>   = -<q, centroid> - <r, centroid> - <r, v>    add = -<r, centroid>    scale = -n^2 / a
 *
 * so that a distance is: what the list gives + add + scale * <y, v>, to within err * |v| * (standard deviations). Inner product keeps the
 * origin at zero, as the second line demands.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "axis.h"

bool
pxd_axis_rotated(const AxisDirectory *directory, const AxisOpclass *opclass, const struct varlena *value, float *out)
{
	const AxisLayout *layout = &directory->layout;
	int			dim = opclass->dim(value);
	float	   *x;
	bool		has_direction = true;

	if (dim != layout->dim_in)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("vector must have %d dimensions, not %d", layout->dim_in, dim)));

	if (layout->dim == 0)
		return true;
	x = palloc(sizeof(float) * dim);
	opclass->to_float(value, x);
	if (layout->metric == AXIS_COSINE)
	{
		double		norm2 = 0;

		for (int i = 0; i < dim; i++)
			norm2 += (double) x[i] * x[i];
		has_direction = norm2 > 0;
		if (has_direction)
		{
			double		inverse = 1 / sqrt(norm2);

			for (int i = 0; i < dim; i++)
				x[i] = (float) (x[i] * inverse);
		}
	}
	pxd_rotate(directory->rotation, x, out);
	for (int i = 0; i < layout->dim; i++)
		out[i] -= directory->origin[i];
	pfree(x);
	return has_direction;
}

/* Factors that make no promise: the row's distance is always computed exactly. For vectors that overflow float4, and without codes. */
static void
set_unknown(AxisRow *row)
{
	row->add = 0;
	row->scale = 0;
	row->length = 0;
	row->err = pxd_axis_bf16_up(INFINITY);
}

void
pxd_axis_encode(const AxisLayout *layout, const float *x, const float *centroid, float *residual, AxisRow *row)
{
	int			dim = layout->dim;
	double		norm2 = 0;
	double		against_centroid = 0;
	double		norm;
	double		factor = 0;
	double		deviation = 0;
	double		times = layout->metric == AXIS_IP ? 1 : 2;
	float		dot = 0;
	float		norm_y2 = 0;

	for (int i = 0; i < dim; i++)
	{
		residual[i] = x[i] - centroid[i];
		norm2 += (double) residual[i] * residual[i];
	}
	if (layout->metric == AXIS_IP)
		for (int i = 0; i < dim; i++)
			against_centroid += (double) residual[i] * centroid[i];
	norm = sqrt(norm2);
	row->length = (float) norm;
	if (!(norm2 < FLT_MAX / 16) || dim == 0)
	{
		memset(pxd_axis_row_code(layout, row), 0, layout->code_bytes);
		set_unknown(row);
		return;
	}

	pxd_encode_residual(layout->code_bits, dim, residual, (float) norm, pxd_encode_t(layout->code_bits),
						pxd_axis_row_code(layout, row), &dot, &norm_y2);
	if (dot > 0)
	{
		factor = norm2 / dot;
		deviation = norm * sqrt(Max(norm2 * norm_y2 / ((double) dot * dot) - 1, 0) / (dim - 1));
	}
	row->add = (float) (layout->metric == AXIS_IP ? -against_centroid : norm2);
	row->scale = (float) (-times * factor);
	row->err = pxd_axis_bf16_up((float) (times * deviation));
	if (!isfinite(row->add) || !isfinite(row->scale))
		set_unknown(row);
}

void
pxd_axis_decode(const AxisLayout *layout, const AxisRow *row, const float *centroid, float *out)
{
	float		factor = row->scale / (layout->metric == AXIS_IP ? -1.0f : -2.0f);

	pxd_decode_residual(layout->code_bits, layout->dim, pxd_axis_row_code(layout, row), factor, out);
	for (int i = 0; i < layout->dim; i++)
		out[i] += centroid[i];
}
