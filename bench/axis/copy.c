/*
 * copy.c: rows (id bigint, category int, embedding vector) of a vector file as a binary COPY file on stdout.
 *
 * usage: copy FILE [FIRST LAST] >rows.bin        ids are the vectors' numbers, from 0; rows FIRST to LAST - 1
 */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"
#include "vectors.h"

int
main(int argc, char **argv)
{
	Vectors		vectors;
	size_t		first = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
	size_t		last = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
	unsigned char *row;

	if (argc != 2 && argc != 4)
	{
		fprintf(stderr, "usage: copy FILE [FIRST LAST] >rows.bin\n");
		return 2;
	}
	vectors = read_vectors(argv[1], last);
	row = allocate(VECTOR_BYTES(vectors.dimensions) + 64, 1);
	fwrite("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 1, 19, stdout);
	for (size_t id = first; id < vectors.count; id++)
	{
		unsigned char *end = put_big_endian(row, 3, 2);

		end = put_big_endian(put_big_endian(end, 8, 4), id, 8);
		end = put_big_endian(put_big_endian(end, 4, 4), (uint64_t) row_category((int64_t) id), 4);
		end = put_big_endian(end, VECTOR_BYTES(vectors.dimensions), 4);
		end += encode_vector(vectors.values + id * vectors.dimensions, vectors.dimensions, end);
		fwrite(row, 1, (size_t) (end - row), stdout);
	}
	fwrite("\377\377", 1, 2, stdout);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
