/*
 * bench_codes.c: nanoseconds per row of the code kernels, and per vector of those around them, for each set.
 *
 * A program of its own, linked with the kernels and nothing of the server. Usage: bench_codes [dim ...]; dims
 * are padded to a multiple of 64.
 */
#include "postgres.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "code_kernels.h"
#include "kernels.h"

/* The server's printf and palloc are not there. */
#undef printf

/* As many rows as fill CACHED_BYTES: what a page or two of an index hold, or, from memory, a large index. */
#define CACHED_BYTES 16384
#define MEMORY_BYTES (256 * 1024 * 1024)
#define MAX_ROWS 60000
/* Each figure is the best of many short rounds: other load disturbs most of them, not all. */
#define ROUNDS 30
#define ROUND_NS 500000.0

void *
palloc(Size size)
{
	return malloc(size);
}

/* What a measured function works on. */
typedef struct Work
{
	const CodeKernelSet *set;
	int			bits;
	int			dim;
	int			rows;
	const uint8 *codes;
	const uint16 *numbers;
	const float *v;
	float	   *r;
	int8	   *query;
	uint8	   *code;
	float	   *floats;
	int32	   *out;
	const Rotation *rotation;
} Work;

static double
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static void
run_dot(Work *work)
{
	size_t		bytes = pxd_code_bytes(work->bits, work->dim);

	pxd_code_dot(work->bits, work->dim, work->query, work->codes, bytes, work->rows, work->out);
}

static void
run_select(Work *work)
{
	size_t		bytes = pxd_code_bytes(work->bits, work->dim);

	pxd_code_dot_select(work->bits, work->dim, work->query, work->codes, bytes, work->numbers, work->rows, work->out);
}

static void
run_quantise(Work *work)
{
	pxd_quantise_query(work->dim, work->v, work->query);
}

static void
run_residual(Work *work)
{
	float		norm2;
	int32		sum;

	pxd_quantise_residual(work->dim, work->v, work->v + work->dim, work->r, work->query, &norm2, &sum);
}

static void
run_quantise_u8(Work *work)
{
	float		scale;
	float		offset;

	pxd_quantise_u8(work->dim, work->v, &scale, &offset, work->code);
}

static void
run_dequantise_u8(Work *work)
{
	pxd_dequantise_u8(work->dim, work->code, 0.5f, -1.0f, work->floats);
}

static void
run_encode(Work *work)
{
	float		dot;
	float		norm2;

	pxd_encode_residual(work->bits, work->dim, work->v, sqrtf(work->dim / 3.0f), pxd_encode_t(work->bits),
						work->code, &dot, &norm2);
}

static void
run_decode(Work *work)
{
	pxd_decode_residual(work->bits, work->dim, work->code, 0.5f, work->floats);
}

static void
run_rotate(Work *work)
{
	pxd_rotate(work->rotation, work->v, work->floats);
}

static void
run_add_into(Work *work)
{
	pxd_add_into(work->dim, work->floats, work->v);
}

/* Best time of one call, in nanoseconds. */
static double
measure(void (*run) (Work *), Work *work)
{
	double		best_ns = 1e18;

	for (int round = 0; round < ROUNDS; round++)
	{
		double		start = now_ns();
		double		elapsed;
		long		calls = 0;

		do
		{
			for (int i = 0; i < 8; i++)
				run(work);
			calls += 8;
			elapsed = now_ns() - start;
		} while (elapsed < ROUND_NS);
		best_ns = Min(best_ns, elapsed / calls);
	}
	return best_ns;
}

/* Nanoseconds per row over more rows than any cache holds, in calls of one page's rows. */
static double
measure_memory(Work *work)
{
	size_t		bytes = pxd_code_bytes(work->bits, work->dim);
	int			rows = Max(1, 8192 / bytes);
	size_t		calls = MEMORY_BYTES / bytes / rows;
	double		best_ns = 1e18;

	for (int round = 0; round < 3; round++)
	{
		double		start = now_ns();

		for (size_t i = 0; i < calls; i++)
			pxd_code_dot(work->bits, work->dim, work->query, work->codes + i * rows * bytes, bytes, rows, work->out);
		best_ns = Min(best_ns, (now_ns() - start) / (calls * rows));
	}
	return best_ns;
}

static void
bench_dots(Work *work)
{
	for (int width = 0; width < 4; width++)
	{
		double		dot_ns;
		double		select_ns;
		double		few_ns;

		work->bits = 1 << width;
		work->rows = Min(MAX_ROWS, Max(32, CACHED_BYTES / pxd_code_bytes(work->bits, work->dim)));
		dot_ns = measure(run_dot, work) / work->rows;
		select_ns = measure(run_select, work) / work->rows;
		work->rows = 3;
		few_ns = measure(run_dot, work) / 3;
		printf("%6d  %-10s  dot, %d bits      %8.2f ns a row, %8.2f selected, %8.2f three rows, %8.2f from memory\n",
			   work->dim, work->set->isa, work->bits, dot_ns, select_ns, few_ns, measure_memory(work));
	}
}

static void
bench_dim(Work *work)
{
	static const struct
	{
		const char *name;
		void		(*run) (Work *);
	}			measured[] =
	{
		{"quantise query", run_quantise}, {"quantise residual", run_residual}, {"quantise u8", run_quantise_u8},
		{"dequantise u8", run_dequantise_u8}, {"rotate", run_rotate}, {"add into", run_add_into}
	};

	bench_dots(work);
	for (int i = 0; i < lengthof(measured); i++)
		printf("%6d  %-10s  %-16s %8.1f ns\n", work->dim, work->set->isa, measured[i].name,
			   measure(measured[i].run, work));
	for (int width = 0; width < 4; width++)
	{
		work->bits = 1 << width;
		printf("%6d  %-10s  encode, %d bits   %8.1f ns, decode %8.1f ns\n", work->dim, work->set->isa, work->bits,
			   measure(run_encode, work), measure(run_decode, work));
	}
}

int
main(int argc, char **argv)
{
	static const int usual_dims[] = {128, 768, 1536};
	const CodeKernelSet *sets[MAX_CODE_KERNEL_SETS];
	int			nsets = pxd_code_kernels_usable(sets);
	int			ndims = argc > 1 ? argc - 1 : lengthof(usual_dims);
	uint8	   *codes = aligned_alloc(64, MEMORY_BYTES);
	uint16	   *numbers = malloc(MAX_ROWS * sizeof(uint16));
	float	   *v = malloc(2 * CODE_MAX_DIM * sizeof(float));
	Work		work;

	for (size_t i = 0; i < MEMORY_BYTES; i++)
		codes[i] = (uint8) (i * 2654435761u >> 13);
	for (int i = 0; i < MAX_ROWS; i++)
		numbers[i] = i;
	for (int i = 0; i < 2 * CODE_MAX_DIM; i++)
		v[i] = (float) (rand() / (RAND_MAX / 2.0) - 1.0);
	work.codes = codes;
	work.numbers = numbers;
	work.v = v;
	work.r = malloc(CODE_MAX_DIM * sizeof(float));
	work.floats = calloc(CODE_MAX_DIM, sizeof(float));
	work.query = calloc(CODE_MAX_DIM, 1);
	work.code = calloc(CODE_MAX_DIM, 1);
	work.out = malloc(MAX_ROWS * sizeof(int32));
	for (int i = 0; i < ndims; i++)
	{
		int			dim = argc > 1 ? atoi(argv[i + 1]) : usual_dims[i];

		if (dim < 1 || dim > CODE_MAX_DIM)
		{
			printf("dimensions range from 1 to %d\n", CODE_MAX_DIM);
			return 1;
		}
		work.dim = pxd_rotation_dim(dim);
		work.rotation = pxd_rotation_create(work.dim, 42);
		for (int s = 0; s < nsets; s++)
		{
			work.set = sets[s];
			pxd_code_kernels = *sets[s];
			bench_dim(&work);
		}
	}
	return 0;
}
