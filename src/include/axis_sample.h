/*
 * axis_sample.h: a sample of rotated vectors, and k-means over it. For building only.
 */
#ifndef PXD_AXIS_SAMPLE_H
#define PXD_AXIS_SAMPLE_H

#include "postgres.h"

/* Vectors quantised to 8 bits each: a fourth of their size, and comparing them with centroids is integer work. */
typedef struct AxisSample
{
	int			dim;			/* of rotated vectors */
	int			capacity;
	int			count;
	int8	   *codes;			/* count x dim */
	float	   *scale;			/* element = scale * code */
	float	   *total;			/* sum of the elements */
	int		   *copies;			/* vectors it stands for: see pxd_axis_sample_merge */
} AxisSample;

/* Memory of a sample with room for capacity vectors; and of k-means with that many centroids, beside the sample. */
extern Size pxd_axis_sample_bytes(int dim, int capacity);
extern Size pxd_axis_kmeans_bytes(int dim, int centroids);

/* A sample in the current memory context. */
extern AxisSample *pxd_axis_sample_create(int dim, int capacity);
extern void pxd_axis_sample_free(AxisSample *sample);

/* Puts x at place i <= count, i < capacity. */
extern void pxd_axis_sample_set(AxisSample *sample, int i, const float *x);

/*
 * Makes one of vectors that are equal, as far as the sample can tell; it stands for all of them. However many rows are equal, they are in
 * one list, need one centroid, and ask one question.
 */
extern void pxd_axis_sample_merge(AxisSample *sample);

/* Elements of vector i. */
extern void pxd_axis_sample_get(const AxisSample *sample, int i, float *out);

/*
 * Centroids of a sample that is not empty: at most k, rows of dim floats in out (room for k). Returns how many. Checks for
 * interrupts; allocates from, and frees to, the current context. Hierarchical: sqrt(k) groups, centroids within each, then a few
 * rounds over all of them. Vectors count as often as the rows they stand for, but begin one centroid at most.
 */
extern int	pxd_axis_kmeans(const AxisSample *sample, int k, float *out);

#endif
