/*
 * codec.h: Avro and zstd behind functions that raise ordinary errors and leak nothing.
 *
 * Only src/codec includes avro.h and zstd.h. Both libraries allocate with malloc: a handle that outlives one
 * function is tied to a memory-context reset callback, and no ereport is raised from inside a library frame.
 *
 * Readers of stored bytes take them for hostile: they check every length and count before they use it, never
 * allocate by an unchecked one, and tell the caller what is wrong instead of raising an error, because only
 * the caller knows which relation, segment and block to name.
 */
#ifndef PXD_CODEC_H
#define PXD_CODEC_H

#include "postgres.h"

#include "access/attnum.h"
#include "catalog/pg_attribute.h"
#include "lib/stringinfo.h"

/* --- zstd (codec/zstd.c) --- */

/*
 * Compresses src into a palloc'd buffer in the current context; NULL if the result would not be smaller than
 * max_len bytes. level as zstd's. The compression context is cached per backend.
 */
extern char *pxd_zstd_compress(const char *src, Size len, int level, Size max_len, Size *out_len);

/* Decompresses exactly raw_len bytes into dst. Returns false if src is malformed or of another length. */
extern bool pxd_zstd_decompress(const char *src, Size len, char *dst, Size raw_len);

/*
 * A dictionary is bytes that blocks resemble: small blocks then compress about as well as large ones. pxd_zstd_train makes one of at most
 * max_len bytes from samples that lie one after the other, palloc'd, for blocks compressed at level (it holds statistics of what that makes); NULL if they give none. What zstd makes of a dictionary lives until
 * context is reset; data need not. A compression dictionary knows its level. Contracts of the functions as above; what was
 * compressed with a dictionary is malformed without it.
 */
typedef struct ZstdDictionary ZstdDictionary;

extern char *pxd_zstd_train(const char *samples, const size_t *sizes, uint32 nsamples, int level, Size max_len, Size *out_len);
extern ZstdDictionary *pxd_zstd_compress_dictionary(MemoryContext context, const char *data, Size len, int level);
extern ZstdDictionary *pxd_zstd_decompress_dictionary(MemoryContext context, const char *data, Size len);
extern char *pxd_zstd_compress_with(const ZstdDictionary *dictionary, const char *src, Size len, Size max_len,
									Size *out_len);
extern bool pxd_zstd_decompress_with(const ZstdDictionary *dictionary, const char *src, Size len, char *dst,
									 Size raw_len);

/* --- Avro binary encoding of primitives, our own fast writer and reader (codec/avro_binary.c) --- */

extern void pxd_avro_put_long(StringInfo buf, int64 value);	/* zigzag varint: int and long */
extern void pxd_avro_put_bytes(StringInfo buf, const char *data, Size len);	/* bytes and string */
extern void pxd_avro_put_raw(StringInfo buf, const char *data, Size len);	/* fixed, float, double */

/* A bounded reader: every getter returns false, without moving, when the bytes are malformed or run out. */
typedef struct AvroCursor
{
	const char *ptr;
	const char *end;
} AvroCursor;

extern bool pxd_avro_get_long(AvroCursor *cursor, int64 *value);
extern bool pxd_avro_get_bytes(AvroCursor *cursor, const char **data, Size *len);
extern bool pxd_avro_get_raw(AvroCursor *cursor, Size len, const char **data);

/* pxd_avro_get_long, and the value must lie in [min, max]. */
extern bool pxd_avro_get_range(AvroCursor *cursor, int64 min, int64 max, int64 *value);

/* Bytes a zigzag varint takes at most. */
#define AVRO_LONG_MAX_BYTES	10

/* Writes value as zigzag varint at dst, which has AVRO_LONG_MAX_BYTES of room, and returns the end. */
static inline char *
pxd_avro_write_long(char *dst, int64 value)
{
	uint64		zigzag = ((uint64) value << 1) ^ (uint64) (value >> 63);

	while (zigzag >= 0x80)
	{
		*dst++ = (char) (zigzag | 0x80);
		zigzag >>= 7;
	}
	*dst++ = (char) zigzag;
	return dst;
}

/* --- schemas, by avro-c (codec/avro_schema.c) --- */

typedef struct AvroSchema AvroSchema;

/*
 * Parses schema JSON (UTF-8). The handle lives in context and is released when that is reset. A schema avro-c
 * rejects is an internal error, because schemas come from our own code.
 */
extern AvroSchema *pxd_avro_schema_parse(MemoryContext context, const char *json, Size len);

/* True if avro-c reads data as exactly one datum of schema. data is trusted not to hold absurd lengths. */
extern bool pxd_avro_schema_accepts(const AvroSchema *schema, const char *data, Size len);

/*
 * Reads one datum and encodes it anew, both with avro-c, into a palloc'd buffer; NULL if it is not accepted.
 * For checks: equal results mean equal data, and avro-c's result is the canonical encoding.
 */
extern char *pxd_avro_schema_recode(const AvroSchema *schema, const char *data, Size len, Size *out_len);

/* The schema of segment headers, src/schema/segment_header.avsc; parsed once per backend. */
extern const AvroSchema *pxd_avro_header_schema(void);

/* --- column blocks (codec/block.c) --- */

/* How one item of a column is written; the symbols of enum Encoding in segment_header.avsc, in order. */
typedef enum ItemEncoding
{
	ITEM_BOOLEAN = 0,			/* Avro boolean: bool */
	ITEM_INT,					/* Avro int: pass-by-value types of 1, 2 and 4 bytes */
	ITEM_LONG,					/* Avro long: pass-by-value types of 8 bytes */
	ITEM_FLOAT,					/* Avro float: float4 */
	ITEM_DOUBLE,				/* Avro double: float8 */
	ITEM_FIXED,					/* Avro fixed: fixed-length types passed by reference */
	ITEM_VECTOR,				/* Avro fixed: float4 array of a vector(n), without header */
	ITEM_STRING,				/* Avro string: text types in a UTF-8 database */
	ITEM_BYTES,					/* Avro bytes: everything else of variable length */
	ITEM_HALFVEC				/* Avro fixed: float16 array of a halfvec(n), without header */
} ItemEncoding;

#define ITEM_ENCODINGS	(ITEM_HALFVEC + 1)

typedef struct ItemFormat
{
	ItemEncoding encoding;
	int16		attlen;			/* as in pg_attribute */
	bool		attbyval;
	bool		nullable;		/* items are union [null, T] */
	uint32		item_size;		/* flat bytes of one item; 0 if variable */
} ItemFormat;

/* The encoding of a column of this type; element_size as a BatchColumn's. */
extern ItemEncoding pxd_item_encoding(Oid typid, int16 attlen, bool attbyval, uint8 element_size);

/* Bytes of an element of a vector(n) or halfvec(n) column, 0 of others. */
static inline uint8
pxd_item_element_size(ItemEncoding encoding)
{
	if (encoding == ITEM_VECTOR)
		return sizeof(float4);
	return encoding == ITEM_HALFVEC ? sizeof(uint16) : 0;
}

/* True if the members of format agree with each other, as those of a format read from disk must. */
extern bool pxd_item_format_valid(const ItemFormat *format);

/* Bytes that Avro adds to an item's own at most: the union branch and a length. */
#define ITEM_OVERHEAD	(2 * AVRO_LONG_MAX_BYTES)

/*
 * Writes an item, its union branch included, at dst, which has room for len + ITEM_OVERHEAD bytes (never less than 2 * ITEM_OVERHEAD), and
 * returns the end.
 */
extern char *pxd_item_write(char *dst, const ItemFormat *format, const char *item, Size len);
extern char *pxd_item_write_null(char *dst, const ItemFormat *format);

/*
 * Collects items into one Avro array. Items are flat bytes as in a RowBatch. Close blocks at about
 * BLOCK_TARGET_BYTES or BLOCK_MAX_ROWS, whichever is first; one item may be larger.
 */
#define BLOCK_TARGET_BYTES	(16 * 1024)
#define BLOCK_MAX_ROWS		1024
/* A varlena value is less than 1 GB; this leaves room for what Avro adds to one. */
#define BLOCK_MAX_BYTES		((1U << 30) + 64)

typedef struct BlockWriter
{
	ItemFormat	format;
	MemoryContext context;		/* where buf lives */
	char	   *buf;
	Size		capacity;
	Size		len;			/* bytes used, a gap for the item count included */
	uint32		rows;
} BlockWriter;

extern void pxd_block_begin(BlockWriter *writer, const ItemFormat *format);

/* True if an item of len bytes should rather go into the next block. */
extern bool pxd_block_full(const BlockWriter *writer, Size len);
extern void pxd_block_put(BlockWriter *writer, const char *item, Size len);
extern void pxd_block_put_null(BlockWriter *writer);

/* Returns the finished array, valid until the next put, which starts a new block. */
extern const char *pxd_block_finish(BlockWriter *writer, Size *len);
extern void pxd_block_end(BlockWriter *writer);

/*
 * Finds the items of an encoded block of exactly rows items: starts[i] is the offset of item i behind its
 * union branch, or BLOCK_NULL. Returns false if the bytes are anything but such an array, from the first byte
 * to the last.
 */
#define BLOCK_NULL	PG_UINT32_MAX

extern bool pxd_block_index(const ItemFormat *format, const char *raw, Size raw_len, uint32 rows,
							uint32 *starts);

/*
 * Steps the cursor, which is inside raw, over one item. *start as above. Returns false if the item is malformed; the cursor's place is undefined then.
 */
extern bool pxd_item_skip(const ItemFormat *format, AvroCursor *cursor, const char *raw, uint32 *start);

/*
 * The flat bytes of the item at start, an offset found by pxd_block_index or pxd_item_skip over the same bytes. Either points
 * into raw or to scratch, which has 8 bytes.
 */
extern const char *pxd_block_item(const ItemFormat *format, const char *raw, Size raw_len, uint32 start,
								  char *scratch, Size *len);

/* --- Avro schemas of rows (codec/row_schema.c) --- */

/* Appends the Avro type of one item, named name where the type needs a name. */
extern void pxd_avro_put_item_type(StringInfo json, const ItemFormat *format, const char *name);

/*
 * The writer schema of a segment: a record of the sealed columns, with the properties column, attnum,
 * pg_type, pg_oid and pg_typmod on every field. In the current context, UTF-8. Reads the system catalogs.
 */
extern char *pxd_avro_row_schema(int nfields, const FormData_pg_attribute *const *attributes,
								 const ItemFormat *formats, Size *len);

/* --- segment headers (codec/segment_header.c) --- */

#define SEGMENT_FORMAT_VERSION	1

/* Symbols of enum Layout in segment_header.avsc, in order. */
typedef enum ColumnLayout
{
	LAYOUT_FIXED = 0,			/* flat items at fixed stride, NULLs in a bitmap */
	LAYOUT_BLOCKS,				/* blocks of Avro items */
	LAYOUT_RECORDS				/* a field of the records of the segment's run */
} ColumnLayout;

/* Symbols of enum Codec in segment_header.avsc, in order; the names are those of Avro files. */
typedef enum BlockCodec
{
	CODEC_NULL = 0,
	CODEC_ZSTANDARD
} BlockCodec;

/* Offsets are bytes from the segment's data start. */
typedef struct HeaderBlock
{
	uint64		offset;
	uint32		first_row;
	uint32		rows;
	uint32		stored_len;
	uint32		raw_len;
	BlockCodec	codec;
} HeaderBlock;

typedef struct HeaderPiece
{
	uint64		offset;
	uint32		len;			/* 0: there is none */
} HeaderPiece;

typedef struct HeaderColumn
{
	AttrNumber	attnum;
	Oid			typid;
	ColumnLayout layout;
	ItemFormat	format;			/* nullable only with null_count > 0, and not with LAYOUT_FIXED */
	uint32		null_count;
	uint64		nulls_offset;	/* LAYOUT_FIXED with null_count > 0 */
	uint64		data_offset;	/* LAYOUT_FIXED */
	HeaderPiece dictionary;		/* LAYOUT_BLOCKS: of all compressed blocks */
	uint32		nblocks;		/* LAYOUT_BLOCKS */
	HeaderBlock *blocks;		/* dense, in order of rows */
} HeaderColumn;

/* A column of a run's sort key. */
typedef struct HeaderKey
{
	AttrNumber	attnum;			/* of a column of LAYOUT_RECORDS */
	Oid			opfamily;		/* btree order, ascending, NULLs last */
	Oid			collation;
} HeaderKey;

/* Columns of LAYOUT_RECORDS: rows in the order of the sort key, as Avro records in blocks. */
typedef struct HeaderRun
{
	int			nkeys;			/* 0: rows stand as they came */
	HeaderKey  *keys;
	bool		has_ranks;		/* uint32[rows] at ranks_offset: the record of each position */
	uint64		ranks_offset;
	HeaderPiece dictionary;
	HeaderPiece filter;			/* bloom filter on the whole key */
	uint32		filter_hashes;
	uint32		nblocks;
	HeaderBlock *blocks;		/* dense, in order of records */
	uint32		nfences;		/* nblocks + 1, or 0 */
	struct HeaderFence
	{
		const char *key;		/* Avro items of the key columns, in their own order and formats */
		Size		len;
	}		   *fences;			/* of each block's first record, and of the last record */
} HeaderRun;

/* Blocks' fences are left out if one is longer than this. */
#define FENCE_MAX_BYTES		1024
#define FILTER_MAX_HASHES	32
#define DICTIONARY_MAX_BYTES (128 * 1024)

typedef struct SegmentHeader
{
	const char *engine;			/* its name */
	uint32		rows;
	int			natts;			/* attributes the table had */
	const char *schema;			/* writer schema, JSON, not terminated */
	Size		schema_len;
	int			nstub_attrs;
	AttrNumber *stub_attrs;		/* ascending: attributes not in the segment, dropped ones included */
	uint64		tids_offset;	/* back-pointers: rows * 6 bytes */
	int			ncolumns;
	HeaderColumn *columns;		/* ascending by attnum */
	HeaderRun  *run;			/* if there are columns of LAYOUT_RECORDS; else NULL */
} SegmentHeader;

/* Appends header as an Avro datum of segment_header.avsc. */
extern void pxd_header_encode(StringInfo buf, const SegmentHeader *header);

/*
 * Parses data into *header; arrays are allocated in the current context, strings point into data. Returns
 * NULL if all is well, else what is wrong (static text). All members are then consistent: every attribute 1
 * .. natts is in exactly one of stub_attrs and columns (those of a run's sort key may be in both), blocks cover all rows, fences are
 * well-formed keys, lengths are within limits.
 * Offsets are less than 2^48 but otherwise unchecked: only the store knows where the segment ends.
 */
extern const char *pxd_header_decode(const char *data, Size len, SegmentHeader *header);

#endif
