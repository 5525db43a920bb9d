/*
 * codec_check.c: proximadb.codec_check(), the codecs checked against avro-c and against damage.
 *
 * Our own reader and writer of Avro bytes are right if avro-c makes the same bytes of the same data. Every
 * damaged input must either be refused or read as the same data by avro-c; crashes and overruns (run it under
 * valgrind) are the failures looked for besides. Each check returns false rather than raising an error, so
 * that all of them are reported.
 *
 * No locks, no WAL.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "codec.h"
#include "codec_check.h"
#include "vector.h"

/* Items of a checked block. */
#define BLOCK_ITEMS			12

/* Larger than any chunk that shares its block with others. */
#define ALLOC_BLOCK_BYTES	16384

PG_FUNCTION_INFO_V1(pxd_sql_codec_check);

/* What a check over damaged bytes saw. */
typedef struct Damage
{
	int64		refused;
	int64		accepted;		/* and read as by avro-c */
	int64		wrong;
} Damage;

/* For one damaged input at a time; a child of the call's context. */
static MemoryContext scratch;

/* Reads data of the kind under check; NULL if it is refused, else its encoding anew by our own writer. */
typedef char *(*Recoder) (const void *arg, const char *data, Size len, Size *out_len);

static bool
same_bytes(const char *a, Size a_len, const char *b, Size b_len)
{
	return a != NULL && b != NULL && a_len == b_len && memcmp(a, b, a_len) == 0;
}

static AvroSchema *
parse_schema(const char *json)
{
	return pxd_avro_schema_parse(CurrentMemoryContext, json, strlen(json));
}

/* True if our reader takes data, and our encoding of it, avro-c's and data itself are the same bytes. */
static bool
undamaged(Recoder recode, const void *arg, const AvroSchema *schema, const char *data, Size len)
{
	Size		ours_len = 0;
	Size		theirs_len = 0;
	char	   *ours = recode(arg, data, len, &ours_len);
	char	   *theirs = pxd_avro_schema_recode(schema, data, len, &theirs_len);

	return same_bytes(ours, ours_len, data, len) && same_bytes(theirs, theirs_len, data, len);
}

/* Judges one damaged input, in scratch memory. avro-c sees only what our reader has accepted. */
static void
judge(Recoder recode, const void *arg, const AvroSchema *schema, const char *data, Size len, Damage *damage)
{
	MemoryContext old;
	Size		ours_len = 0;
	Size		theirs_len = 0;
	char	   *ours;
	char	   *theirs;

	CHECK_FOR_INTERRUPTS();
	old = MemoryContextSwitchTo(scratch);
	ours = recode(arg, data, len, &ours_len);
	if (ours == NULL)
		damage->refused++;
	else
	{
		theirs = pxd_avro_schema_recode(schema, data, len, &theirs_len);
		if (same_bytes(ours, ours_len, theirs, theirs_len))
			damage->accepted++;
		else
			damage->wrong++;
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(scratch);
}

/*
 * A copy of data that ends where its malloc block ends, so that valgrind sees any read beyond it: a chunk
 * this large has a block of its own.
 */
static char *
copy_to_edge(const char *data, Size len, void **chunk)
{
	Size		size = MAXALIGN(ALLOC_BLOCK_BYTES + len);
	char	   *copy;

	*chunk = palloc(size);
	copy = (char *) *chunk + size - len;
	memcpy(copy, data, len);
	return copy;
}

/* Every truncation must be refused, and so must a byte too many. */
static bool
truncations_refused(Recoder recode, const void *arg, const AvroSchema *schema, const char *data, Size len)
{
	Damage		damage = {0};
	char	   *copy;
	void	   *chunk;

	for (Size cut = 0; cut < len; cut++)
	{
		copy = copy_to_edge(data, cut, &chunk);
		judge(recode, arg, schema, copy, cut, &damage);
		pfree(chunk);
	}

	copy = palloc0(len + 1);
	memcpy(copy, data, len);
	judge(recode, arg, schema, copy, len + 1, &damage);
	pfree(copy);
	return damage.refused == len + 1;
}

/* Every value of every byte: refused, or read as avro-c reads it. */
static bool
mutations_harmless(Recoder recode, const void *arg, const AvroSchema *schema, const char *data, Size len)
{
	Damage		damage = {0};
	void	   *chunk;
	char	   *copy = copy_to_edge(data, len, &chunk);

	for (Size i = 0; i < len; i++)
	{
		for (int flip = 1; flip < 256; flip++)
		{
			copy[i] = (char) (data[i] ^ flip);
			judge(recode, arg, schema, copy, len, &damage);
		}
		copy[i] = data[i];
	}
	pfree(chunk);
	return damage.wrong == 0 && damage.refused > 0 && damage.accepted > 0;
}

/* --- primitives --- */

static char *
recode_long(const void *arg, const char *data, Size len, Size *out_len)
{
	AvroCursor	cursor = {data, data + len};
	StringInfoData buf;
	int64		value;

	if (!pxd_avro_get_long(&cursor, &value) || cursor.ptr != cursor.end)
		return NULL;
	initStringInfo(&buf);
	pxd_avro_put_long(&buf, value);
	*out_len = buf.len;
	return buf.data;
}

static char *
recode_bytes(const void *arg, const char *data, Size len, Size *out_len)
{
	AvroCursor	cursor = {data, data + len};
	StringInfoData buf;
	const char *bytes;
	Size		bytes_len;

	if (!pxd_avro_get_bytes(&cursor, &bytes, &bytes_len) || cursor.ptr != cursor.end)
		return NULL;
	initStringInfo(&buf);
	pxd_avro_put_bytes(&buf, bytes, bytes_len);
	*out_len = buf.len;
	return buf.data;
}

static bool
check_longs(void)
{
	AvroSchema *schema = parse_schema("\"long\"");
	bool		ok = true;

	/* All lengths of the encoding, around each step, and both ends of the range. */
	for (int shift = 0; shift < 64; shift++)
	{
		for (int delta = -1; delta <= 1; delta++)
		{
			int64		values[2];

			values[0] = (int64) ((UINT64CONST(1) << shift) + delta);
			values[1] = (int64) (0 - (uint64) values[0]);
			for (int i = 0; i < 2; i++)
			{
				StringInfoData buf;
				AvroCursor	cursor;
				int64		value;

				initStringInfo(&buf);
				pxd_avro_put_long(&buf, values[i]);
				cursor.ptr = buf.data;
				cursor.end = buf.data + buf.len;
				ok = ok && pxd_avro_get_long(&cursor, &value) && value == values[i] &&
					undamaged(recode_long, NULL, schema, buf.data, buf.len) &&
					truncations_refused(recode_long, NULL, schema, buf.data, buf.len);
			}
		}
	}
	return ok;
}

static bool
check_long_overflow(void)
{
	static const char eleven_bytes[] = "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01";
	static const char bit_65[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02";
	static const char padded[] = "\x84\x80\x00";
	AvroCursor	eleven = {eleven_bytes, eleven_bytes + sizeof(eleven_bytes) - 1};
	AvroCursor	overflow = {bit_65, bit_65 + sizeof(bit_65) - 1};
	AvroCursor	longer = {padded, padded + sizeof(padded) - 1};
	int64		value;

	return !pxd_avro_get_long(&eleven, &value) && eleven.ptr == eleven_bytes &&
		!pxd_avro_get_long(&overflow, &value) && overflow.ptr == bit_65 &&
		pxd_avro_get_long(&longer, &value) && value == 2 && longer.ptr == longer.end;
}

static bool
check_bytes(void)
{
	static const Size lengths[] = {0, 1, 63, 64, 8191, 8192};
	AvroSchema *bytes = parse_schema("\"bytes\"");
	AvroSchema *string = parse_schema("\"string\"");
	bool		ok = true;

	for (int i = 0; i < lengthof(lengths); i++)
	{
		StringInfoData buf;
		char	   *data = palloc(lengths[i] + 1);

		memset(data, 'x', lengths[i]);
		initStringInfo(&buf);
		pxd_avro_put_bytes(&buf, data, lengths[i]);
		ok = ok && undamaged(recode_bytes, NULL, bytes, buf.data, buf.len) &&
			undamaged(recode_bytes, NULL, string, buf.data, buf.len) &&
			truncations_refused(recode_bytes, NULL, bytes, buf.data, buf.len);
	}
	return ok;
}

/* --- headers --- */

static char *
recode_header(const void *arg, const char *data, Size len, Size *out_len)
{
	StringInfoData buf;
	SegmentHeader header;

	if (pxd_header_decode(data, len, &header) != NULL)
		return NULL;
	initStringInfo(&buf);
	pxd_header_encode(&buf, &header);
	*out_len = buf.len;
	return buf.data;
}

static void
set_block(HeaderBlock *block, uint32 first_row, uint32 rows, uint64 offset, uint32 stored_len, uint32 raw_len)
{
	block->first_row = first_row;
	block->rows = rows;
	block->offset = offset;
	block->stored_len = stored_len;
	block->raw_len = raw_len;
	block->codec = stored_len < raw_len ? CODEC_ZSTANDARD : CODEC_NULL;
}

/*
 * A header with both layouts, both codecs, NULLs, stub attributes, and column_blocks blocks in its second
 * column.
 */
static StringInfo
make_header(uint32 column_blocks)
{
	StringInfo	buf = makeStringInfo();
	SegmentHeader header = {.engine = "viper", .natts = 4, .ncolumns = 3};
	HeaderColumn columns[3] = {
		{.attnum = 2, .typid = 70000, .layout = LAYOUT_FIXED, .null_count = 3, .nulls_offset = 8152},
		{.attnum = 3, .typid = TEXTOID, .layout = LAYOUT_BLOCKS, .null_count = 1,
		.dictionary = {4096, 16384}},
		{.attnum = 4, .typid = INT4OID, .layout = LAYOUT_BLOCKS},
	};
	HeaderBlock *text_blocks = palloc0(sizeof(HeaderBlock) * column_blocks);
	HeaderBlock *int_blocks = palloc0(sizeof(HeaderBlock) * column_blocks);
	AttrNumber	stub_attrs[1] = {1};

	header.rows = 20 * column_blocks;
	header.schema = "\"null\"";
	header.schema_len = strlen(header.schema);
	header.tids_offset = UINT64CONST(0x123456789a);
	header.nstub_attrs = 1;
	header.stub_attrs = stub_attrs;
	header.columns = columns;
	columns[0].format = (ItemFormat) {ITEM_VECTOR, -1, false, false, 12};
	columns[1].format = (ItemFormat) {ITEM_STRING, -1, false, true, 0};
	columns[2].format = (ItemFormat) {ITEM_INT, 4, true, false, 4};
	columns[1].blocks = text_blocks;
	columns[2].blocks = int_blocks;
	columns[1].nblocks = columns[2].nblocks = column_blocks;
	for (uint32 i = 0; i < column_blocks; i++)
	{
		set_block(&text_blocks[i], i * 20, 20, 16384 + i * 100, 77, 16000);
		set_block(&int_blocks[i], i * 20, 20, i * 32, 22, 22);
	}
	pxd_header_encode(buf, &header);
	return buf;
}

/* The header of a run of nblocks blocks, sorted by two columns, one of them NULL in places and held by the stubs, too. */
static StringInfo
make_run_header(uint32 nblocks)
{
	StringInfo	buf = makeStringInfo();
	SegmentHeader header = {.engine = "lsm",.natts = 3,.ncolumns = 3};
	HeaderColumn columns[3] = {
		{.attnum = 1,.typid = INT4OID,.layout = LAYOUT_RECORDS,.null_count = 1},
		{.attnum = 2,.typid = 70000,.layout = LAYOUT_FIXED},
		{.attnum = 3,.typid = TEXTOID,.layout = LAYOUT_RECORDS},
	};
	AttrNumber	stub_attrs[1] = {1};
	HeaderKey	keys[2] = {{3, 1994, 100}, {1, 1976, 0}};
	HeaderRun	run = {.nkeys = 2,.keys = keys,.nblocks = nblocks,.nfences = nblocks + 1};

	columns[0].format = (ItemFormat) {ITEM_INT, 4, true, true, 4};
	columns[1].format = (ItemFormat) {ITEM_VECTOR, -1, false, false, 12};
	columns[2].format = (ItemFormat) {ITEM_STRING, -1, false, false, 0};
	header.rows = 20 * nblocks;
	header.schema = "\"null\"";
	header.schema_len = strlen(header.schema);
	header.nstub_attrs = 1;
	header.stub_attrs = stub_attrs;
	header.columns = columns;
	header.run = &run;
	run.has_ranks = true;
	run.ranks_offset = 8152;
	run.dictionary = (HeaderPiece) {300000, 5000};
	run.filter = (HeaderPiece) {200000, 25};
	run.filter_hashes = 7;
	run.blocks = palloc0(sizeof(HeaderBlock) * nblocks);
	run.fences = palloc0(sizeof(*run.fences) * (nblocks + 1));
	for (uint32 i = 0; i <= nblocks; i++)
	{
		char		text[16];
		char	   *dst = palloc(4 * ITEM_OVERHEAD);

		if (i < nblocks)
			set_block(&run.blocks[i], i * 20, 20, 16384 + i * 100, 77, 16000);
		snprintf(text, sizeof(text), "key %06u", i);
		run.fences[i].key = dst;
		dst = pxd_item_write(dst, &columns[2].format, text, strlen(text));
		if (i == 0)
			dst = pxd_item_write_null(dst, &columns[0].format);
		else
			dst = pxd_item_write(dst, &columns[0].format, (char *) &i, sizeof(i));
		run.fences[i].len = dst - run.fences[i].key;
	}
	pxd_header_encode(buf, &header);
	return buf;
}

static bool
header_undamaged(StringInfo small, StringInfo large)
{
	return undamaged(recode_header, NULL, pxd_avro_header_schema(), small->data, small->len) &&
		undamaged(recode_header, NULL, pxd_avro_header_schema(), large->data, large->len);
}

static bool
check_header(void)
{
	return header_undamaged(make_header(2), make_header(1000));
}

static bool
check_run_header(void)
{
	return header_undamaged(make_run_header(2), make_run_header(1000));
}

static bool
check_header_truncations(void)
{
	StringInfo	header = make_header(2);
	StringInfo	run = make_run_header(2);

	return truncations_refused(recode_header, NULL, pxd_avro_header_schema(), header->data, header->len) &&
		truncations_refused(recode_header, NULL, pxd_avro_header_schema(), run->data, run->len);
}

static bool
check_header_mutations(void)
{
	StringInfo	header = make_header(2);
	StringInfo	run = make_run_header(2);

	return mutations_harmless(recode_header, NULL, pxd_avro_header_schema(), header->data, header->len) &&
		mutations_harmless(recode_header, NULL, pxd_avro_header_schema(), run->data, run->len);
}

/* --- blocks --- */

typedef struct TestItem
{
	char		bytes[64];
	Size		len;
	bool		isnull;
} TestItem;

static int64
test_integer(int i, int attlen)
{
	int64		max = attlen == 8 ? PG_INT64_MAX : (INT64CONST(1) << (attlen * 8 - 1)) - 1;

	switch (i % 6)
	{
		case 0:
			return 0;
		case 1:
			return -1;
		case 2:
			return max;
		case 3:
			return -max - 1;
		default:
			return max / (i + 1);
	}
}

static void
make_items(const ItemFormat *format, TestItem *items)
{
	static const Size lengths[] = {0, 1, 63, 64, 5};

	for (int i = 0; i < BLOCK_ITEMS; i++)
	{
		TestItem   *item = &items[i];
		int64		value = test_integer(i, format->attlen);

		memset(item, 0, sizeof(*item));
		item->isnull = format->nullable && i % 3 == 1;
		if (item->isnull)
			continue;
		item->len = format->item_size > 0 ? format->item_size : lengths[i % lengthof(lengths)];
		if (format->encoding == ITEM_BOOLEAN)
			item->bytes[0] = i % 2;
		else if (format->attbyval)
			memcpy(item->bytes, &value, item->len);
		else
			memset(item->bytes, 'a' + i, item->len);
	}
}

static char *
encode_items(const ItemFormat *format, const TestItem *items, Size *len)
{
	BlockWriter writer;
	const char *raw;
	char	   *copy;

	pxd_block_begin(&writer, format);
	for (int i = 0; i < BLOCK_ITEMS; i++)
	{
		if (items[i].isnull)
			pxd_block_put_null(&writer);
		else
			pxd_block_put(&writer, items[i].bytes, items[i].len);
	}
	raw = pxd_block_finish(&writer, len);
	copy = palloc(*len);
	memcpy(copy, raw, *len);
	pxd_block_end(&writer);
	return copy;
}

/* Reads the items of a block, or returns false. */
static bool
decode_items(const ItemFormat *format, const char *raw, Size len, TestItem *items)
{
	uint32		starts[BLOCK_ITEMS];

	if (!pxd_block_index(format, raw, len, BLOCK_ITEMS, starts))
		return false;
	for (int i = 0; i < BLOCK_ITEMS; i++)
	{
		TestItem   *item = &items[i];
		char		scratch[sizeof(int64)];
		const char *bytes;

		memset(item, 0, sizeof(*item));
		item->isnull = starts[i] == BLOCK_NULL;
		if (item->isnull)
			continue;
		bytes = pxd_block_item(format, raw, len, starts[i], scratch, &item->len);
		/* A mutated length may be longer than any we made, but not than the block. */
		if (item->len > sizeof(item->bytes))
			return false;
		memcpy(item->bytes, bytes, item->len);
	}
	return true;
}

static char *
recode_block(const void *arg, const char *data, Size len, Size *out_len)
{
	TestItem	items[BLOCK_ITEMS];

	if (!decode_items(arg, data, len, items))
		return NULL;
	return encode_items(arg, items, out_len);
}

static AvroSchema *
block_schema(const ItemFormat *format)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"type\":\"array\",\"items\":");
	pxd_avro_put_item_type(&json, format, "Item");
	appendStringInfoChar(&json, '}');
	return pxd_avro_schema_parse(CurrentMemoryContext, json.data, json.len);
}

static bool
check_block(const ItemFormat *format)
{
	AvroSchema *schema = block_schema(format);
	TestItem	items[BLOCK_ITEMS];
	TestItem	decoded[BLOCK_ITEMS];
	char	   *raw;
	Size		len;

	make_items(format, items);
	raw = encode_items(format, items, &len);
	return pxd_item_format_valid(format) &&
		decode_items(format, raw, len, decoded) && memcmp(items, decoded, sizeof(items)) == 0 &&
		undamaged(recode_block, format, schema, raw, len) &&
		truncations_refused(recode_block, format, schema, raw, len) &&
		mutations_harmless(recode_block, format, schema, raw, len);
}

/* --- zstd --- */

#define ZSTD_RAW_BYTES	1500

static bool
check_zstd(void)
{
	char		raw[ZSTD_RAW_BYTES];
	char		back[ZSTD_RAW_BYTES + 8];
	char	   *packed;
	Size		len;

	for (int i = 0; i < ZSTD_RAW_BYTES; i++)
		raw[i] = (char) ('a' + (i * i) % 17);
	packed = pxd_zstd_compress(raw, sizeof(raw), 3, sizeof(raw), &len);
	if (packed == NULL || !pxd_zstd_decompress(packed, len, back, sizeof(raw)) ||
		memcmp(raw, back, sizeof(raw)) != 0)
		return false;

	/* Another length than the true one, and a bound that compression cannot meet. */
	return !pxd_zstd_decompress(packed, len, back, sizeof(raw) - 1) &&
		!pxd_zstd_decompress(packed, len, back, sizeof(raw) + 1) &&
		pxd_zstd_compress(raw, sizeof(raw), 3, len, &len) == NULL;
}

/* Records alike, compressed with a dictionary trained on them: round trip, and no reading without it. */
static bool
check_zstd_dictionary(void)
{
	StringInfoData samples;
	size_t		sizes[500];
	ZstdDictionary *writer;
	ZstdDictionary *reader;
	char		back[1000];
	char	   *data;
	char	   *plain;
	char	   *packed;
	Size		data_len;
	Size		plain_len;
	Size		packed_len;

	initStringInfo(&samples);
	for (int i = 0; i < lengthof(sizes); i++)
	{
		int			start = samples.len;

		appendStringInfo(&samples, "{\"name\": \"user %d\", \"address\": {\"street\": \"%d Long Street\"}, \"n\": %d}",
						 i * 7919 % 1000, i * 31 % 500, i);
		sizes[i] = samples.len - start;
	}
	data = pxd_zstd_train(samples.data, sizes, lengthof(sizes), 3, 2048, &data_len);
	if (data == NULL)
		return false;
	writer = pxd_zstd_compress_dictionary(CurrentMemoryContext, data, data_len, 3);
	reader = pxd_zstd_decompress_dictionary(CurrentMemoryContext, data, data_len);
	plain = pxd_zstd_compress(samples.data, sizeof(back), 3, sizeof(back), &plain_len);
	packed = pxd_zstd_compress_with(writer, samples.data, sizeof(back), sizeof(back), &packed_len);
	return plain != NULL && packed != NULL && packed_len < plain_len &&
		pxd_zstd_decompress_with(reader, packed, packed_len, back, sizeof(back)) &&
		memcmp(samples.data, back, sizeof(back)) == 0 &&
		!pxd_zstd_decompress_with(reader, packed, packed_len - 1, back, sizeof(back)) &&
		!pxd_zstd_decompress(packed, packed_len, back, sizeof(back)) &&
		pxd_zstd_train(samples.data, sizes, 1, 3, 2048, &data_len) == NULL;
}

/* Damaged input gives an error or other bytes, but never one byte more than asked. */
static bool
check_zstd_damage(void)
{
	char		raw[ZSTD_RAW_BYTES];
	char		back[ZSTD_RAW_BYTES + 64];
	char	   *packed;
	Size		len;
	int			refused = 0;
	bool		ok = true;

	for (int i = 0; i < ZSTD_RAW_BYTES; i++)
		raw[i] = (char) ('a' + (i * i) % 17);
	packed = pxd_zstd_compress(raw, sizeof(raw), 3, sizeof(raw), &len);
	if (packed == NULL)
		return false;
	for (Size i = 0; i < len; i++)
	{
		ok = ok && !pxd_zstd_decompress(packed, i, back, sizeof(raw));
		for (int bit = 0; bit < BITS_PER_BYTE; bit++)
		{
			CHECK_FOR_INTERRUPTS();
			memset(back, 0x5A, sizeof(back));
			packed[i] ^= (char) (1 << bit);
			if (!pxd_zstd_decompress(packed, len, back, sizeof(raw)))
				refused++;
			packed[i] ^= (char) (1 << bit);
			for (Size guard = sizeof(raw); guard < sizeof(back); guard++)
				ok = ok && back[guard] == 0x5A;
		}
	}
	return ok && refused > 0;
}

/* --- row schemas --- */

/*
 * Column names that neither Avro nor JSON takes as they are, one of which is what the first would be renamed
 * to.
 */
static bool
check_row_schema(void)
{
	static const char *const names[] = {"1 \"quoted\" \\ name", "column_1", "plain", "tab\there", ""};
	FormData_pg_attribute attributes[lengthof(names)];
	const FormData_pg_attribute *pointers[lengthof(names)];
	ItemFormat	formats[lengthof(names)];
	AvroSchema *schema;
	char	   *json;
	Size		len;

	memset(attributes, 0, sizeof(attributes));
	for (int i = 0; i < lengthof(names); i++)
	{
		pointers[i] = &attributes[i];
		namestrcpy(&attributes[i].attname, names[i]);
		attributes[i].attnum = i + 1;
		attributes[i].atttypid = UUIDOID;
		attributes[i].atttypmod = -1;
		formats[i] = (ItemFormat) {ITEM_FIXED, 16, false, i % 2 == 1, 16};
	}
	json = pxd_avro_row_schema(lengthof(names), pointers, formats, &len);
	schema = pxd_avro_schema_parse(CurrentMemoryContext, json, len);

	/* Three fixed values and two NULLs. */
	{
		char		row[3 * 16 + 2] = {0};

		return pxd_avro_schema_accepts(schema, row, sizeof(row)) &&
			!pxd_avro_schema_accepts(schema, row, sizeof(row) - 1);
	}
}

/* --- SQL --- */

static void
report(ReturnSetInfo *result, const char *name, bool ok)
{
	Datum		values[2] = {CStringGetTextDatum(name), BoolGetDatum(ok)};
	bool		nulls[2] = {false, false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * proximadb.codec_check() RETURNS TABLE (name text, ok boolean)
 */
Datum
pxd_sql_codec_check(PG_FUNCTION_ARGS)
{
	static const struct
	{
		const char *name;
		bool		(*check) (void);
	}			checks[] = {
		{"long: same bytes as avro-c", check_longs},
		{"long: overflow refused", check_long_overflow},
		{"bytes: same bytes as avro-c", check_bytes},
		{"segment header: same bytes as avro-c", check_header},
		{"segment header of a run: same bytes as avro-c", check_run_header},
		{"segment header: truncations refused", check_header_truncations},
		{"segment header: mutations harmless", check_header_mutations},
		{"zstd: round trip", check_zstd},
		{"zstd: dictionary", check_zstd_dictionary},
		{"zstd: damage harmless", check_zstd_damage},
		{"row schema: odd column names", check_row_schema},
		{"schemas: parsed by avro-c and by us", pxd_check_schemas},
		{"VectorRecord: same bytes as avro-c", pxd_check_records},
		{"container: damage harmless", pxd_check_container},
		{"container, deflate: damage harmless", pxd_check_deflated_container},
	};
	static const struct
	{
		const char *name;
		ItemFormat	format;
	}			blocks[] = {
		{"boolean", {ITEM_BOOLEAN, 1, true, false, 1}},
		{"int of 1 byte", {ITEM_INT, 1, true, false, 1}},
		{"int of 2 bytes", {ITEM_INT, 2, true, false, 2}},
		{"int of 4 bytes", {ITEM_INT, 4, true, false, 4}},
		{"long", {ITEM_LONG, 8, true, false, 8}},
		{"float", {ITEM_FLOAT, 4, true, false, 4}},
		{"double", {ITEM_DOUBLE, 8, true, false, 8}},
		{"fixed", {ITEM_FIXED, 16, false, false, 16}},
		{"vector", {ITEM_VECTOR, -1, false, false, 12}},
		{"halfvec", {ITEM_HALFVEC, -1, false, false, 6}},
		{"string", {ITEM_STRING, -1, false, false, 0}},
		{"bytes", {ITEM_BYTES, -2, false, false, 0}},
	};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	scratch = AllocSetContextCreate(CurrentMemoryContext, "proximadb codec check", ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < lengthof(checks); i++)
		report(result, checks[i].name, checks[i].check());
	for (int i = 0; i < lengthof(blocks); i++)
	{
		ItemFormat	format = blocks[i].format;

		report(result, psprintf("block of %s", blocks[i].name), check_block(&format));
		format.nullable = true;
		report(result, psprintf("block of %s with NULLs", blocks[i].name), check_block(&format));
	}
	MemoryContextDelete(scratch);
	return (Datum) 0;
}
