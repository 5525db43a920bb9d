/*
 * container.c: Avro object container files, written and read a block at a time.
 *
 * A container is: "Obj" 1, a map of bytes with the writer's schema and codec, 16 random bytes (the sync marker); then
 * blocks of: number of records, bytes, that many bytes, the sync marker. Files are the caller's, open and at their start.
 *
 * The reader believes no length that the file does not have. Codecs: null, deflate. No locks, no WAL.
 */
#include "postgres.h"

#include <unistd.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "avro_file.h"

#define MAGIC			"Obj\001"
#define MAGIC_BYTES		4
#define SYNC_BYTES		16

/* Bytes of records before compression at which a block is closed: some 80 vectors of 768 dimensions. */
#define BLOCK_BYTES		(256 * 1024)

struct ContainerWriter
{
	FILE	   *file;			/* NULL: in memory */
	bool		deflate;
	char		sync[SYNC_BYTES];
	int64		records;		/* in block */
	StringInfoData block;
	StringInfoData packed;		/* the block, compressed */
	StringInfoData out;			/* not yet written to file; with a varlena header and everything if in memory */
};

struct ContainerReader
{
	FILE	   *file;			/* NULL: in memory */
	const char *ptr;			/* what comes next, in memory */
	int64		left;			/* bytes to come */
	bool		deflate;
	char		sync[SYNC_BYTES];
	char	   *schema;			/* NULL until read */
	Size		schema_len;
	int64		blocks;			/* read so far */
	int64		records;		/* claimed by them */
	StringInfoData stored;		/* a block read from file */
	StringInfoData raw;			/* a block, decompressed */
};

/* --- writing --- */

static void
write_out(ContainerWriter *writer)
{
	if (writer->file == NULL)
		return;
	errno = 0;
	if (fwrite(writer->out.data, 1, writer->out.len, writer->file) != (size_t) writer->out.len)
	{
		if (errno == 0)
			errno = ENOSPC;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write Avro file: %m")));
	}
	resetStringInfo(&writer->out);
}

static void
put_entry(StringInfo out, const char *key, const char *value)
{
	pxd_avro_put_bytes(out, key, strlen(key));
	pxd_avro_put_bytes(out, value, strlen(value));
}

ContainerWriter *
pxd_container_begin(FILE *file, const char *codec, const char *schema)
{
	ContainerWriter *writer = palloc0(sizeof(ContainerWriter));

	writer->file = file;
	writer->deflate = strcmp(codec, "deflate") == 0;
	if (!writer->deflate && strcmp(codec, "null") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("codec \"%s\" is unknown", codec),
				 errhint("Codecs are \"null\" and \"deflate\".")));
	if (!pg_strong_random(writer->sync, SYNC_BYTES))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random sync marker")));
	initStringInfo(&writer->block);
	initStringInfo(&writer->packed);
	initStringInfo(&writer->out);
	if (file == NULL)
		appendStringInfoSpaces(&writer->out, VARHDRSZ);

	pxd_avro_put_raw(&writer->out, MAGIC, MAGIC_BYTES);
	pxd_avro_put_long(&writer->out, 2);
	put_entry(&writer->out, "avro.schema", schema);
	put_entry(&writer->out, "avro.codec", codec);
	pxd_avro_put_long(&writer->out, 0);
	pxd_avro_put_raw(&writer->out, writer->sync, SYNC_BYTES);
	write_out(writer);
	return writer;
}

StringInfo
pxd_container_buffer(ContainerWriter *writer)
{
	return &writer->block;
}

static void
close_block(ContainerWriter *writer)
{
	StringInfo	block = &writer->block;

	if (writer->records == 0)
		return;
	if (writer->deflate)
	{
		pxd_deflate(&writer->packed, block->data, block->len);
		block = &writer->packed;
	}
	pxd_avro_put_long(&writer->out, writer->records);
	pxd_avro_put_bytes(&writer->out, block->data, block->len);
	pxd_avro_put_raw(&writer->out, writer->sync, SYNC_BYTES);
	write_out(writer);
	resetStringInfo(&writer->block);
	writer->records = 0;
}

void
pxd_container_put(ContainerWriter *writer)
{
	writer->records++;
	if (writer->block.len >= BLOCK_BYTES)
		close_block(writer);
}

bytea *
pxd_container_finish(ContainerWriter *writer)
{
	close_block(writer);
	if (writer->file != NULL)
		return NULL;
	SET_VARSIZE(writer->out.data, writer->out.len);
	return (bytea *) writer->out.data;
}

/* --- reading --- */

static void pg_attribute_noreturn()
bad_container(const ContainerReader *reader, const char *detail)
{
	if (reader->schema == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("header of the Avro object container file is malformed"),
				 errdetail_internal("%s", detail)));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("Avro object container file is malformed after record %lld", (long long) reader->records),
			 errdetail("Block %lld: %s", (long long) reader->blocks + 1, detail)));
}

/* Reads len bytes into buf, or raises an error. */
static void
read_bytes(ContainerReader *reader, void *buf, Size len, const char *what)
{
	if ((int64) len > reader->left)
		bad_container(reader, what);
	reader->left -= len;
	if (reader->file == NULL)
	{
		memcpy(buf, reader->ptr, len);
		reader->ptr += len;
	}
	else if (fread(buf, 1, len, reader->file) != len)
	{
		if (ferror(reader->file))
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read Avro file: %m")));
		bad_container(reader, what);
	}
}

static int64
read_long(ContainerReader *reader, const char *what)
{
	char		encoded[AVRO_LONG_MAX_BYTES];
	AvroCursor	cursor = {encoded, encoded};
	int64		value;

	do
	{
		if (cursor.end == encoded + sizeof(encoded))
			bad_container(reader, what);
		read_bytes(reader, encoded + (cursor.end - encoded), 1, what);
		cursor.end++;
	} while ((cursor.end[-1] & 0x80) != 0);
	if (!pxd_avro_get_long(&cursor, &value))
		bad_container(reader, what);
	return value;
}

/* Bytes with their length before them, in a palloc'd and zero-terminated buffer. */
static char *
read_sized(ContainerReader *reader, Size *len, const char *what)
{
	int64		wanted = read_long(reader, what);
	char	   *data;

	if (wanted < 0 || wanted > reader->left || wanted >= MaxAllocSize)
		bad_container(reader, what);
	data = palloc(wanted + 1);
	read_bytes(reader, data, wanted, what);
	data[wanted] = '\0';
	*len = wanted;
	return data;
}

/* The map in the header; the schema stays NULL until all of it is read, so that errors are the header's. */
static void
read_header(ContainerReader *reader)
{
	const char *what = "The map of the header is cut off or damaged.";
	char	   *schema = NULL;
	char	   *codec = "null";
	Size		codec_len = strlen(codec);

	for (;;)
	{
		int64		count = read_long(reader, what);

		if (count == 0)
			break;
		if (count < 0)
		{
			(void) read_long(reader, what);	/* bytes of the entries */
			if (count < -reader->left)
				bad_container(reader, what);
			count = -count;
		}
		while (count-- > 0)
		{
			Size		key_len;
			Size		len;
			char	   *key = read_sized(reader, &key_len, what);
			char	   *value = read_sized(reader, &len, what);

			CHECK_FOR_INTERRUPTS();
			if (strcmp(key, "avro.schema") == 0)
			{
				schema = value;
				reader->schema_len = len;
			}
			else if (strcmp(key, "avro.codec") == 0)
			{
				codec = value;
				codec_len = len;
			}
		}
	}
	read_bytes(reader, reader->sync, SYNC_BYTES, "The sync marker is cut off.");
	if (schema == NULL)
		bad_container(reader, "There is no schema in it.");
	reader->deflate = codec_len == strlen("deflate") && memcmp(codec, "deflate", codec_len) == 0;
	if (!reader->deflate && codec_len > 0 && (codec_len != strlen("null") || memcmp(codec, "null", codec_len) != 0))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 pg_verify_mbstr(GetDatabaseEncoding(), codec, codec_len, true) ?
				 errmsg("Avro file is compressed with codec \"%s\"", codec) :
				 errmsg("Avro file is compressed with an unknown codec"),
				 errhint("Files with codec \"null\" or \"deflate\" can be read.")));
	reader->schema = schema;
}

ContainerReader *
pxd_container_open(FILE *file, const char *data, int64 size)
{
	ContainerReader *reader = palloc0(sizeof(ContainerReader));
	char		magic[MAGIC_BYTES];

	reader->file = file;
	reader->ptr = data;
	reader->left = size;
	initStringInfo(&reader->stored);
	initStringInfo(&reader->raw);
	if (size < MAGIC_BYTES)
		bad_container(reader, "It does not begin as such a file does.");
	read_bytes(reader, magic, MAGIC_BYTES, "It is cut off.");
	if (memcmp(magic, MAGIC, MAGIC_BYTES) != 0)
		bad_container(reader, "It does not begin as such a file does.");
	read_header(reader);
	return reader;
}

const char *
pxd_container_schema(const ContainerReader *reader, Size *len)
{
	*len = reader->schema_len;
	return reader->schema;
}

bool
pxd_container_next_block(ContainerReader *reader, AvroCursor *block, int64 *records)
{
	char		sync[SYNC_BYTES];
	int64		size;

	if (reader->left == 0)
		return false;
	*records = read_long(reader, "The number of records is cut off or damaged.");
	size = read_long(reader, "The number of bytes is cut off or damaged.");
	if (*records < 0)
		bad_container(reader, "The number of records is negative.");
	if (size < 0 || size > reader->left || size > MaxAllocSize - 1)
		bad_container(reader, "It claims more bytes than there are, or than a block may have.");

	if (reader->file == NULL)
	{
		block->ptr = reader->ptr;
		reader->ptr += size;
		reader->left -= size;
	}
	else
	{
		resetStringInfo(&reader->stored);
		enlargeStringInfo(&reader->stored, (int) size);
		read_bytes(reader, reader->stored.data, size, "It is cut off.");
		block->ptr = reader->stored.data;
	}
	block->end = block->ptr + size;
	read_bytes(reader, sync, SYNC_BYTES, "The sync marker is cut off.");
	if (memcmp(sync, reader->sync, SYNC_BYTES) != 0)
		bad_container(reader, "The sync marker is not the file's.");
	if (reader->deflate)
	{
		if (!pxd_inflate(&reader->raw, block->ptr, size))
			bad_container(reader, "It cannot be decompressed.");
		block->ptr = reader->raw.data;
		block->end = reader->raw.data + reader->raw.len;
	}
	reader->blocks++;
	reader->records += *records;
	return true;
}
