/*
 * outlook.c: what can be expected of a list before its rows are looked at.
 *
 * A row of a list lies at about the list's radius n from the centroid, in a direction that has some cosine t with the direction from the centroid to the
 * query (for inner products: with the query itself). With D the centroid's distance from the query,
 *
 *     squared distance of the row = D^2 + n^2 - 2 t D n          negative inner product = -<q, centroid> - t |q| n
 *
 * In many dimensions cosines of most rows are near 0, about normal; calibration measures how widely they spread (meta->spread) and what
 * they are for the rows that searches find (meta->toward). The former tells how many rows of a list are within a distance, the latter which lists to
 * look through first. Both are measured on rows as queries, but ask only where the query is: they hold for queries unlike all rows, too.
 */
#include "postgres.h"

#include <math.h>

#include "axis_scan.h"

void
pxd_axis_list_keys(const AxisDirectory *directory, const AxisMeta *meta, const float *distances, float length,
				   float *out)
{
	const float *radius = directory->radius;
	float		toward = meta->toward;

	for (int i = 0; i < directory->lists; i++)
	{
		float		distance = distances[i];

		if (toward <= 0)
			out[i] = distance;
		else if (directory->layout.metric == AXIS_IP)
			out[i] = distance - toward * length * radius[i];
		else
			out[i] = Max(distance, 0) + radius[i] * (radius[i] - 2 * toward * sqrtf(Max(distance, 0)));
	}
}

float
pxd_axis_cosine(const AxisDirectory *directory, int list, float distance, float length, float limit)
{
	float		radius = directory->radius[list];
	float		missing = distance - limit;
	float		reach = length * radius;

	if (directory->layout.metric != AXIS_IP)
	{
		missing += radius * radius;
		reach = 2 * sqrtf(Max(distance, 0)) * radius;
	}
	if (reach > 0)
		return missing / reach;
	return missing > 0 ? INFINITY : -1;
}

double
pxd_axis_share(float cosine, float spread)
{
	return erfc(cosine / spread * M_SQRT1_2) / 2;
}
