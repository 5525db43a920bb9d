/*
 * filter.c: filter columns of an axis index: how their values are stored, and conditions on them.
 *
 * A value is an int64 that keeps the type's order, or a hash of the value (uuid, text): then rows that pass are
 * rechecked by the executor. Conditions are tested on a page's arrays before any distance is computed, and on a list's ranges
 * before its pages are read.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "axis.h"

static int64
value_of_type(Oid type, Datum value)
{
	switch (type)
	{
		case BOOLOID:
			return DatumGetBool(value);
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
		case DATEOID:
			return DatumGetInt32(value);
		case INT8OID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return DatumGetInt64(value);
		case UUIDOID:
			return (int64) hash_bytes_extended(DatumGetUUIDP(value)->data, UUID_LEN, 0);
		case TEXTOID:
			{
				/* equal texts have equal bytes under deterministic collations; the operator class admits no others */
				text	   *t = DatumGetTextPP(value);
				int64		hash = (int64) hash_bytes_extended((unsigned char *) VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t), 0);

				if ((Pointer) t != DatumGetPointer(value))
					pfree(t);
				return hash;
			}
		default:
			elog(ERROR, "unexpected type %u of an axis filter column", type);
			return 0;
	}
}

void
pxd_axis_row_filters(const AxisLayout *layout, const Datum *values, const bool *isnull, AxisRow *row)
{
	row->nulls = 0;
	for (int i = 0; i < layout->filters; i++)
	{
		if (isnull[i + 1])
		{
			row->nulls |= (uint32) 1 << i;
			row->values[i] = 0;
		}
		else
			row->values[i] = value_of_type(layout->filter[i].type, values[i + 1]);
	}
}

/* One condition on one column: low <= value <= high, or value among a set, or null or not. */
typedef enum TestKind
{
	TEST_RANGE,
	TEST_SET,
	TEST_NULL,
	TEST_NOT_NULL
} TestKind;

typedef struct Test
{
	TestKind	kind;
	int			column;			/* of the layout's filters */
	int64		low;
	int64		high;
	int			count;			/* of the set */
	int64	   *set;			/* ascending, each once */
	uint64		bits[2];		/* of the set's hashes */
} Test;

struct AxisCondition
{
	const AxisLayout *layout;
	int			count;
	Test		tests[FLEXIBLE_ARRAY_MEMBER];
};

static int
compare_int64(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/*
 * Type of what a condition compares a column with: integers of all widths may be compared, other values are of the column's type (or
 * one that looks the same, like varchar).
 */
static Oid
argument_type(Oid type, Oid subtype)
{
	switch (subtype)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return subtype;
		default:
			return type;
	}
}

/* The values of an = ANY condition. Returns false if there are none. */
static bool
compile_array(Test *test, Oid type, Datum argument)
{
	ArrayType  *array = DatumGetArrayTypeP(argument);
	Oid			element = ARR_ELEMTYPE(array);
	int16		length;
	bool		by_value;
	char		alignment;
	Datum	   *values;
	bool	   *nulls;
	int			n;
	int			kept = 0;

	get_typlenbyvalalign(element, &length, &by_value, &alignment);
	deconstruct_array(array, element, length, by_value, alignment, &values, &nulls, &n);
	test->kind = TEST_SET;
	test->set = palloc(sizeof(int64) * Max(n, 1));
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			test->set[kept++] = value_of_type(type, values[i]);
	qsort(test->set, kept, sizeof(int64), compare_int64);
	for (int i = 0; i < kept; i++)
		if (test->count == 0 || test->set[i] != test->set[test->count - 1])
			test->set[test->count++] = test->set[i];
	for (int i = 0; i < test->count; i++)
		test->bits[AXIS_HASH_BIT(test->set[i]) / 64] |= UINT64CONST(1) << (AXIS_HASH_BIT(test->set[i]) % 64);
	return test->count > 0;
}

/* A comparison with one value. Returns false if no row can pass. */
static bool
compile_comparison(Test *test, StrategyNumber strategy, int64 value)
{
	test->kind = TEST_RANGE;
	test->low = PG_INT64_MIN;
	test->high = PG_INT64_MAX;
	switch (strategy)
	{
		case BTLessStrategyNumber:
			if (value == PG_INT64_MIN)
				return false;
			test->high = value - 1;
			break;
		case BTLessEqualStrategyNumber:
			test->high = value;
			break;
		case BTEqualStrategyNumber:
			test->low = test->high = value;
			break;
		case BTGreaterEqualStrategyNumber:
			test->low = value;
			break;
		case BTGreaterStrategyNumber:
			if (value == PG_INT64_MAX)
				return false;
			test->low = value + 1;
			break;
		default:
			elog(ERROR, "unexpected strategy %d of an axis filter column", strategy);
	}
	test->bits[AXIS_HASH_BIT(value) / 64] = UINT64CONST(1) << (AXIS_HASH_BIT(value) % 64);
	return true;
}

AxisCondition *
pxd_axis_condition(const AxisLayout *layout, Relation index, ScanKey keys, int nkeys, bool *recheck, bool *never)
{
	AxisCondition *condition;

	*recheck = *never = false;
	if (nkeys == 0)
		return NULL;
	condition = palloc0(offsetof(AxisCondition, tests) + sizeof(Test) * nkeys);
	condition->layout = layout;
	for (int i = 0; i < nkeys; i++)
	{
		ScanKey		key = &keys[i];
		int			column = key->sk_attno - 2;
		Test	   *test = &condition->tests[condition->count];

		if (column < 0)
		{
			/* IS [NOT] NULL on the vector itself: the executor decides */
			*recheck = true;
			continue;
		}
		condition->count++;
		test->column = column;
		if (key->sk_flags & SK_SEARCHNULL)
			test->kind = TEST_NULL;
		else if (key->sk_flags & SK_SEARCHNOTNULL)
			test->kind = TEST_NOT_NULL;
		else if (key->sk_flags & SK_ISNULL)
			*never = true;
		else if (key->sk_flags & SK_SEARCHARRAY)
			*never |= !compile_array(test, argument_type(layout->filter[column].type, key->sk_subtype),
									 key->sk_argument);
		else
			*never |= !compile_comparison(test, key->sk_strategy,
										  value_of_type(argument_type(layout->filter[column].type, key->sk_subtype),
														key->sk_argument));
		*recheck |= layout->filter[column].hashed;
	}
	return condition->count > 0 ? condition : NULL;
}

/* Whether any of a sorted set's values lies between low and high. */
static bool
set_meets(const Test *test, int64 low, int64 high)
{
	int			from = 0;
	int			to = test->count;

	while (from < to)
	{
		int			middle = (from + to) / 2;

		if (test->set[middle] < low)
			from = middle + 1;
		else
			to = middle;
	}
	return from < test->count && test->set[from] <= high;
}

bool
pxd_axis_condition_list(const AxisCondition *condition, const AxisTail *tail)
{
	for (int i = 0; i < condition->count; i++)
	{
		const Test *test = &condition->tests[i];
		const AxisRange *range = &tail->ranges[test->column];

		if (test->kind == TEST_NULL)
		{
			if (!tail->has_nulls)
				return false;
		}
		else if (test->kind == TEST_NOT_NULL)
			continue;
		else if (condition->layout->filter[test->column].hashed)
		{
			if ((test->bits[0] & range->low) == 0 && (test->bits[1] & range->high) == 0)
				return false;
		}
		else if (test->kind == TEST_RANGE)
		{
			if (test->low > (int64) range->high || test->high < (int64) range->low)
				return false;
		}
		else if (!set_meets(test, (int64) range->low, (int64) range->high))
			return false;
	}
	return true;
}

static inline bool
passes(const Test *test, int64 value, bool isnull)
{
	switch (test->kind)
	{
		case TEST_RANGE:
			return !isnull && value >= test->low && value <= test->high;
		case TEST_SET:
			return !isnull && set_meets(test, value, value);
		case TEST_NULL:
			return isnull;
		case TEST_NOT_NULL:
			return !isnull;
	}
	return false;
}

int
pxd_axis_condition_rows(const AxisCondition *condition, Page page, uint16 *rows)
{
	const AxisLayout *layout = condition->layout;
	const uint32 *nulls = (const uint32 *) (page + layout->nulls);
	int			n = AxisPageTail(page)->rows;

	for (int i = 0; i < n; i++)
		rows[i] = i;
	for (int t = 0; t < condition->count; t++)
	{
		const Test *test = &condition->tests[t];
		const AxisFilter *filter = &layout->filter[test->column];
		const int32 *narrow = (const int32 *) (page + filter->offset);
		const int64 *wide = (const int64 *) (page + filter->offset);
		int			kept = 0;

		for (int i = 0; i < n; i++)
		{
			int			row = rows[i];
			bool		isnull = (nulls[row] >> test->column) & 1;

			/* no branch: whether a row passes cannot be predicted */
			rows[kept] = row;
			kept += passes(test, filter->width == 4 ? narrow[row] : wide[row], isnull);
		}
		n = kept;
	}
	return n;
}
