/*
 * fuzz_avro.c: target of libFuzzer, and of replays under valgrind: what import_avro_bytes does with bytes of others, up to the rows.
 *
 * The first byte says what the others are: an object container file, or one record of schema VectorRecord. It runs without
 * a database: the decoder needs memory contexts, errors and the input functions of jsonb and numeric, no catalogs. Whatever is read of a record is
 * written again; a result that cannot be read is a crash here.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "avro_file.h"
#include "vector.h"

/* of the server's main(), which is not linked */
const char *progname = "fuzz_avro";

extern int	LLVMFuzzerInitialize(int *argc, char ***argv);
extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static MemoryContext scratch;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	MemoryContextInit();
	SetDatabaseEncoding(PG_UTF8);
	(void) set_stack_base();
	scratch = AllocSetContextCreate(TopMemoryContext, "input", ALLOCSET_DEFAULT_SIZES);
	return 0;
}

static void
use_record(RecordReader *reader, AvroCursor *cursor)
{
	Datum		values[RECORD_FIELDS];
	bool		nulls[RECORD_FIELDS];
	StringInfoData again;

	pxd_record_decode(reader, cursor, values, nulls);
	initStringInfo(&again);
	if (!nulls[RECORD_METADATA])
		(void) JsonbToCString(&again, &DatumGetJsonbP(values[RECORD_METADATA])->root, -1);
	resetStringInfo(&again);
	pxd_record_encode(&again, values, nulls);
}

static void
read_container(const char *data, size_t size)
{
	ContainerReader *container = pxd_container_open(NULL, data, size);
	Size		schema_len;
	const char *schema = pxd_container_schema(container, &schema_len);
	RecordReader *reader = pxd_record_reader(pxd_wire_parse(schema, schema_len));
	MemoryContext record = AllocSetContextCreate(CurrentMemoryContext, "record", ALLOCSET_DEFAULT_SIZES);
	AvroCursor	block;
	int64		records;

	while (pxd_container_next_block(container, &block, &records))
	{
		while (records-- > 0)
		{
			MemoryContext caller = MemoryContextSwitchTo(record);

			use_record(reader, &block);
			MemoryContextSwitchTo(caller);
			MemoryContextReset(record);
		}
	}
}

static void
read_record(const char *data, size_t size)
{
	const char *json = pxd_schema_json("VectorRecord");
	AvroCursor	cursor = {data, data + size};

	use_record(pxd_record_reader(pxd_wire_parse(json, strlen(json))), &cursor);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	MemoryContextSwitchTo(scratch);
	PG_TRY();
	{
		if (data[0] % 2 == 0)
			read_container((const char *) data + 1, size - 1);
		else
			read_record((const char *) data + 1, size - 1);
	}
	PG_CATCH();
	{
		FlushErrorState();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextReset(scratch);
	return 0;
}

#ifdef REPLAY
/* Each argument is a file with an input. */
int
main(int argc, char **argv)
{
	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
	{
		FILE	   *file = fopen(argv[i], "rb");
		uint8_t    *data;
		long		size;

		if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0)
			return 1;
		rewind(file);
		data = malloc(size > 0 ? size : 1);
		if (fread(data, 1, size, file) != (size_t) size)
			return 1;
		fclose(file);
		LLVMFuzzerTestOneInput(data, size);
		free(data);
	}
	printf("%d inputs\n", argc - 1);
	return 0;
}
#endif
