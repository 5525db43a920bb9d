/*
 * embed.c: a deterministic text embedding for the demo, without model or network.
 *
 * A text becomes the set of its words and of the character 3- to 5-grams of each word ("_mail_" gives _ma, mai, ail, ...).
 * Each such feature is hashed; its weight is (1 + ln tf) x idf, words counting more than n-grams; its direction is a
 * vector of 384 signs drawn from its hash (a random projection, which keeps cosines up to about 0.05). The sum, scaled to length 1,
 * is the embedding: texts that share rare words or parts of words lie near each other.
 *
 * embed corpus ROWS MODEL    reads `apt-cache dumpavail` from stdin; writes ROWS (binary COPY) and MODEL (idf weights)
 * embed query MODEL TEXT     prints the embedding of TEXT as a vector literal
 *
 * Columns of ROWS: id bigint, package, version, section, summary, tags, homepage text, installed_kb integer,
 * embedding vector(384).
 */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIMENSIONS		384
#define IDF_BUCKETS		(1 << 20)
#define FEATURES_MAX	65536
#define WORD_WEIGHT		3.0f
#define PROGRESS_STEP	10000

/* One package: pointers into the text read from stdin, NULL where the package lacks the field. */
typedef struct Package
{
	char	   *name;
	char	   *version;
	char	   *section;
	char	   *summary;
	char	   *tags;
	char	   *homepage;
	char	   *installed_kb;
} Package;

typedef struct Feature
{
	uint64_t	hash;
	float		weight;
} Feature;

typedef struct Corpus
{
	Package    *packages;
	size_t		count;
	size_t		capacity;
} Corpus;

/* What a query needs to know of the corpus. */
typedef struct Model
{
	uint32_t	texts;
	uint32_t	texts_with[IDF_BUCKETS];	/* per hash bucket: texts that have a feature of it */
} Model;

static void
die(const char *what)
{
	fprintf(stderr, "embed: %s: %s\n", what, errno ? strerror(errno) : "failed");
	exit(1);
}

static void *
checked(void *memory)
{
	if (memory == NULL)
		die("out of memory");
	return memory;
}

/* splitmix64's finaliser: spreads every bit of x over the result */
static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static uint64_t
hash_bytes(const char *bytes, size_t length)
{
	uint64_t	hash = length;

	for (size_t i = 0; i < length; i++)
		hash = mix(hash ^ (unsigned char) bytes[i]);
	return hash;
}

static size_t
add_feature(Feature *features, size_t count, const char *bytes, size_t length, float weight)
{
	if (count < FEATURES_MAX)
		features[count++] = (Feature) {hash_bytes(bytes, length), weight};
	return count;
}

/* Adds the features of one word, which stands in `word` between two underscores. */
static size_t
add_word(Feature *features, size_t count, const char *word, size_t length)
{
	count = add_feature(features, count, word, length, WORD_WEIGHT);
	for (size_t n = 3; n <= 5; n++)
		for (size_t i = 0; i + n <= length; i++)
			count = add_feature(features, count, word + i, n, 1.0f);
	return count;
}

static int
compare_features(const void *a, const void *b)
{
	uint64_t	x = ((const Feature *) a)->hash;
	uint64_t	y = ((const Feature *) b)->hash;

	return (x > y) - (x < y);
}

/* Gives the distinct features of a text, sorted by hash, weight = base weight x (1 + ln tf). */
static size_t
text_features(const char *text, Feature *features)
{
	char		word[130] = "_";
	size_t		length = 1;
	size_t		count = 0;
	size_t		distinct = 0;

	for (const char *p = text;; p++)
	{
		unsigned char c = (unsigned char) *p;

		if (isalnum(c) || c >= 0x80 || c == '+')
		{
			if (length < sizeof(word) - 1)
				word[length++] = (char) tolower(c);
			continue;
		}
		if (length > 1)
		{
			word[length++] = '_';
			count = add_word(features, count, word, length);
			length = 1;
		}
		if (c == '\0')
			break;
	}

	qsort(features, count, sizeof(Feature), compare_features);
	for (size_t i = 0, next; i < count; i = next)
	{
		for (next = i + 1; next < count && features[next].hash == features[i].hash;)
			next++;
		features[distinct] = features[i];
		features[distinct++].weight *= 1.0f + logf((float) (next - i));
	}
	return distinct;
}

static void
embed(const Model *model, const char *text, Feature *features, float *embedding)
{
	size_t		count = text_features(text, features);
	double		square = 0;

	memset(embedding, 0, DIMENSIONS * sizeof(float));
	for (size_t i = 0; i < count; i++)
	{
		uint32_t	with = model->texts_with[features[i].hash % IDF_BUCKETS];
		float		weight = features[i].weight * logf((model->texts + 1.0f) / (with + 1.0f));

		for (int block = 0; block < DIMENSIONS / 64; block++)
		{
			uint64_t	signs = mix(features[i].hash + (uint64_t) block);

			for (int bit = 0; bit < 64; bit++)
				embedding[block * 64 + bit] += (signs >> bit & 1) ? weight : -weight;
		}
	}
	for (int d = 0; d < DIMENSIONS; d++)
		square += (double) embedding[d] * embedding[d];
	for (int d = 0; d < DIMENSIONS && square > 0; d++)
		embedding[d] = (float) (embedding[d] / sqrt(square));
}

/* ---- reading dumpavail ---- */

static char *
read_all(FILE *in)
{
	size_t		size = 0;
	size_t		capacity = 1 << 20;
	char	   *text = checked(malloc(capacity));
	size_t		got;

	while ((got = fread(text + size, 1, capacity - size - 1, in)) > 0)
	{
		size += got;
		if (size == capacity - 1)
			text = checked(realloc(text, capacity *= 2));
	}
	if (ferror(in))
		die("stdin");
	text[size] = '\0';
	return text;
}

/* If the line is "NAME: value", makes it the field's value. */
static void
take_field(char *line, const char *name, char **field)
{
	size_t		length = strlen(name);

	if (*field == NULL && strncmp(line, name, length) == 0 && line[length] == ':')
		*field = line + length + 1 + strspn(line + length + 1, " ");
}

static void
add_package(Corpus *corpus, const Package *package)
{
	if (package->name == NULL || package->summary == NULL)
		return;
	if (corpus->count == corpus->capacity)
	{
		corpus->capacity = corpus->capacity ? corpus->capacity * 2 : 1024;
		corpus->packages = checked(realloc(corpus->packages, corpus->capacity * sizeof(Package)));
	}
	corpus->packages[corpus->count++] = *package;
}

/* Splits the text into packages. A continuation line (tags have them) is joined to its field by turning the newline into a blank. */
static void
parse_packages(Corpus *corpus, char *text)
{
	Package		package = {0};
	char	   *next;

	for (char *p = strchr(text, '\n'); p != NULL; p = strchr(p + 1, '\n'))
		if (p[1] == ' ')
			*p = ' ';
	for (char *line = text; line != NULL; line = next)
	{
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		if (*line == '\0')
		{
			add_package(corpus, &package);
			package = (Package) {0};
			continue;
		}
		take_field(line, "Package", &package.name);
		take_field(line, "Version", &package.version);
		take_field(line, "Section", &package.section);
		take_field(line, "Description", &package.summary);
		take_field(line, "Tag", &package.tags);
		take_field(line, "Homepage", &package.homepage);
		take_field(line, "Installed-Size", &package.installed_kb);
	}
	add_package(corpus, &package);
}

static int
compare_packages(const void *a, const void *b)
{
	const Package *x = a;
	const Package *y = b;
	int			order = strcmp(x->name, y->name);

	return order != 0 ? order : strcmp(x->version ? x->version : "", y->version ? y->version : "");
}

/* Sorts by name and keeps one version of each package: apt may know several. */
static void
keep_one_version(Corpus *corpus)
{
	size_t		kept = 0;

	qsort(corpus->packages, corpus->count, sizeof(Package), compare_packages);
	for (size_t i = 0; i < corpus->count; i++)
		if (i + 1 == corpus->count || strcmp(corpus->packages[i].name, corpus->packages[i + 1].name) != 0)
			corpus->packages[kept++] = corpus->packages[i];
	corpus->count = kept;
}

/* ---- writing binary COPY ---- */

static void
put_number(FILE *out, uint64_t value, int bytes)
{
	while (bytes-- > 0)
		putc((int) (value >> (bytes * 8) & 0xff), out);
}

static void
put_integer(FILE *out, uint64_t value, int bytes)
{
	put_number(out, (uint64_t) bytes, 4);
	put_number(out, value, bytes);
}

static void
put_text(FILE *out, const char *text)
{
	put_number(out, text ? strlen(text) : UINT32_MAX, 4);
	if (text != NULL)
		fputs(text, out);
}

static void
put_vector(FILE *out, const float *embedding)
{
	put_number(out, 4 + DIMENSIONS * 4, 4);
	put_number(out, DIMENSIONS, 2);
	put_number(out, 0, 2);
	for (int d = 0; d < DIMENSIONS; d++)
	{
		uint32_t	bits;

		memcpy(&bits, &embedding[d], sizeof(bits));
		put_number(out, bits, 4);
	}
}

static void
put_row(FILE *out, uint64_t id, const Package *package, const float *embedding)
{
	put_number(out, 9, 2);
	put_integer(out, id, 8);
	put_text(out, package->name);
	put_text(out, package->version);
	put_text(out, package->section);
	put_text(out, package->summary);
	put_text(out, package->tags);
	put_text(out, package->homepage);
	if (package->installed_kb != NULL)
		put_integer(out, strtoul(package->installed_kb, NULL, 10), 4);
	else
		put_text(out, NULL);
	put_vector(out, embedding);
}

/* ---- the two uses ---- */

static void
embed_corpus(const char *rows_path, const char *model_path)
{
	Corpus		corpus = {0};
	Model	   *model = checked(calloc(1, sizeof(Model)));
	Feature    *features = checked(malloc(FEATURES_MAX * sizeof(Feature)));
	FILE	   *rows = fopen(rows_path, "wb");
	FILE	   *model_file = fopen(model_path, "wb");
	float		embedding[DIMENSIONS];

	if (rows == NULL || model_file == NULL)
		die("output file");
	parse_packages(&corpus, read_all(stdin));
	keep_one_version(&corpus);

	model->texts = (uint32_t) corpus.count;
	for (size_t i = 0; i < corpus.count; i++)
		for (size_t f = 0, count = text_features(corpus.packages[i].summary, features); f < count; f++)
			model->texts_with[features[f].hash % IDF_BUCKETS]++;
	if (fwrite(model, sizeof(Model), 1, model_file) != 1 || fclose(model_file) != 0)
		die(model_path);

	fwrite("PGCOPY\n\377\r\n\0", 1, 11, rows);
	put_number(rows, 0, 8);		/* flags, length of the header's extension */
	for (size_t i = 0; i < corpus.count; i++)
	{
		embed(model, corpus.packages[i].summary, features, embedding);
		put_row(rows, i + 1, &corpus.packages[i], embedding);
		if ((i + 1) % PROGRESS_STEP == 0 || i + 1 == corpus.count)
			{
			printf("    %zu of %zu descriptions\n", i + 1, corpus.count);
			fflush(stdout);
		}
	}
	put_number(rows, 0xffff, 2);
	if (fclose(rows) != 0)
		die(rows_path);
}

static void
embed_query(const char *model_path, const char *text)
{
	Model	   *model = checked(malloc(sizeof(Model)));
	Feature    *features = checked(malloc(FEATURES_MAX * sizeof(Feature)));
	FILE	   *model_file = fopen(model_path, "rb");
	float		embedding[DIMENSIONS];

	if (model_file == NULL || fread(model, sizeof(Model), 1, model_file) != 1)
		die(model_path);
	fclose(model_file);
	embed(model, text, features, embedding);
	for (int d = 0; d < DIMENSIONS; d++)
		printf("%c%.8g", d == 0 ? '[' : ',', embedding[d]);
	printf("]\n");
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "corpus") == 0)
		embed_corpus(argv[2], argv[3]);
	else if (argc == 4 && strcmp(argv[1], "query") == 0)
		embed_query(argv[2], argv[3]);
	else
	{
		fprintf(stderr, "usage: embed corpus ROWS MODEL <dumpavail | embed query MODEL TEXT\n");
		return 2;
	}
	return 0;
}
