/*
 * rows.c: writes N rows (id bigint, embedding vector(DIMENSIONS)) as a binary COPY file to stdout, the same for every run.
 *
 * Elements are uniform in [-1, 1) from splitmix64: they do not compress, like real embeddings.
 *
 * usage: rows N DIMENSIONS >file
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char *
put(unsigned char *out, uint64_t value, int bytes)
{
	while (bytes-- > 0)
		*out++ = (unsigned char) (value >> (bytes * 8));
	return out;
}

static float
next_element(uint64_t *state)
{
	uint64_t	x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	x ^= x >> 31;
	return (float) (x >> 40) / (float) (1 << 23) - 1.0f;
}

int
main(int argc, char **argv)
{
	uint64_t	rows = argc == 3 ? strtoull(argv[1], NULL, 10) : 0;
	uint64_t	dimensions = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
	uint64_t	state = 42;
	unsigned char *row;

	if (rows == 0 || dimensions == 0 || dimensions > 16000 || (row = malloc(dimensions * 4 + 32)) == NULL)
	{
		fprintf(stderr, "usage: rows N DIMENSIONS >file\n");
		return 2;
	}
	fwrite("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 1, 19, stdout);
	for (uint64_t id = 1; id <= rows; id++)
	{
		unsigned char *end = put(row, 2, 2);

		end = put(end, 8, 4);
		end = put(end, id, 8);
		end = put(end, 4 + dimensions * 4, 4);
		end = put(end, dimensions, 2);
		end = put(end, 0, 2);
		for (uint64_t d = 0; d < dimensions; d++)
		{
			float		element = next_element(&state);
			uint32_t	bits;

			memcpy(&bits, &element, sizeof(bits));
			end = put(end, bits, 4);
		}
		fwrite(row, 1, (size_t) (end - row), stdout);
	}
	fwrite("\377\377", 1, 2, stdout);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
