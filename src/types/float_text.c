/*
 * float_text.c: reads the numbers of vector literals, quickly and exactly.
 *
 * Text is how most clients send embeddings, and strtof takes about as long for one number as a distance
 * takes for a whole vector. So the digits are read as an integer, scaled in double precision, and the
 * result is used only when it provably rounds to the same float4 as the exact value; everything else, about
 * one number in 27,000 and all odd notations, goes to strtof.
 *
 * No state, no locks.
 */
#include "postgres.h"

#include <errno.h>
#include <math.h>

#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"
#include "vector.h"

/*
 * Decimal exponents that the table of powers covers: 18 digits times these is more than float4's normal
 * range.
 */
#define POWER_MIN (-56)
#define POWER_MAX 38

/* A mantissa below this can take eight more digits and stays below 10^18, which is less than 2^63. */
#define MANTISSA_WITH_ROOM INT64CONST(10000000000)

/* From a mantissa that large on, further digits are dropped: less than 1 in 10^12. */
#define MANTISSA_ENOUGH INT64CONST(1000000000000)

/*
 * Distance from the middle of two floats, in units of a double's last place, below which the result is not
 * certain.
 */
#define UNCERTAIN_UNITS 10000

/* Exponents beyond this need no more care: the number is zero, too large, or strtof's business. */
#define EXPONENT_LIMIT 100000

static const double powers_of_ten[POWER_MAX - POWER_MIN + 1] = {
	1e-56, 1e-55, 1e-54, 1e-53, 1e-52, 1e-51, 1e-50, 1e-49, 1e-48, 1e-47, 1e-46, 1e-45, 1e-44, 1e-43, 1e-42,
	1e-41, 1e-40, 1e-39, 1e-38, 1e-37, 1e-36, 1e-35, 1e-34, 1e-33, 1e-32, 1e-31, 1e-30, 1e-29, 1e-28, 1e-27,
	1e-26, 1e-25, 1e-24, 1e-23, 1e-22, 1e-21, 1e-20, 1e-19, 1e-18, 1e-17, 1e-16, 1e-15, 1e-14, 1e-13, 1e-12,
	1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7,
	1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25,
	1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32, 1e33, 1e34, 1e35, 1e36, 1e37, 1e38
};

static const int64 small_powers_of_ten[9] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};

/* A decimal number as read: mantissa * 10^exponent, except for digits dropped behind MANTISSA_ENOUGH. */
typedef struct Decimal
{
	int64		mantissa;
	int64		exponent;
	bool		negative;
} Decimal;

static inline bool
is_digit(char c)
{
	return (unsigned char) (c - '0') < 10;
}

/*
 * What is left before end, less than eight characters, and zeros. Out of line: it happens once in a
 * literal.
 */
static pg_noinline uint64
load_last(const char *text, const char *end)
{
	uint64		chars = 0;

	if (end > text)
		memcpy(&chars, text, end - text);
	return chars;
}

/* Eight characters with the first in the lowest byte; zeros from end on. */
static inline uint64
load_eight(const char *text, const char *end)
{
	uint64		chars;

	if (likely(end - text >= 8))
		memcpy(&chars, text, sizeof(chars));
	else
		chars = load_last(text, end);
#ifdef WORDS_BIGENDIAN
	chars = pg_bswap64(chars);
#endif
	return chars;
}

/*
 * How many of eight characters are digits before the first that is none: a byte above '9' has its top bit in
 * one of the two sums, a byte below '0' in the second. A carry or borrow only disturbs bytes behind such a one.
 */
static inline int
leading_digits(uint64 chars)
{
	uint64		above = chars + UINT64CONST(0x4646464646464646);
	uint64		below = chars - UINT64CONST(0x3030303030303030);
	uint64		others = (above | below) & UINT64CONST(0x8080808080808080);

	return others == 0 ? 8 : pg_rightmost_one_pos64(others) / BITS_PER_BYTE;
}

/* Value of the first count of eight characters, which are digits: joined to pairs, to fours, to the whole. */
static inline int64
digits_value(uint64 chars, int count)
{
	uint64		value;

	if (count == 0)
		return 0;
	/* what moves in at the front counts as leading zeros */
	value = (chars << (8 - count) * BITS_PER_BYTE) & UINT64CONST(0x0F0F0F0F0F0F0F0F);
	value = (value * 10 + (value >> 8)) & UINT64CONST(0x00FF00FF00FF00FF);
	value = (value * 100 + (value >> 16)) & UINT64CONST(0x0000FFFF0000FFFF);
	return (int64) ((value * 10000 + (value >> 32)) & UINT64CONST(0xFFFFFFFF));
}

/* Skips digits; returns the first character that is none. */
static inline const char *
skip_digits(const char *p, const char *end)
{
	int			found;

	do
	{
		found = leading_digits(load_eight(p, end));
		p += found;
	} while (found == 8);
	return p;
}

/*
 * Appends the digits of a fraction at p to the number, as many as matter. Returns the first character that
 * is none. Digits are taken by eights, without a branch on how many there are, which nothing could predict.
 */
static pg_attribute_always_inline const char *
read_fraction(const char *p, const char *end, Decimal *number)
{
	const char *start = p;

	while (number->mantissa < MANTISSA_WITH_ROOM)
	{
		uint64		chars = load_eight(p, end);
		int			found = leading_digits(chars);

		number->mantissa = number->mantissa * small_powers_of_ten[found] + digits_value(chars, found);
		p += found;
		if (found < 8 || !is_digit(*p))
		{
			number->exponent -= p - start;
			return p;
		}
	}
	while (number->mantissa < MANTISSA_ENOUGH && is_digit(*p))
		number->mantissa = number->mantissa * 10 + (*p++ - '0');
	number->exponent -= p - start;
	return skip_digits(p, end);
}

/* Reads the digits before the point into the number, as many as matter. Most often it is one, or three. */
static inline const char *
read_integer(const char *p, const char *end, Decimal *number)
{
	const char *rest;

	while (number->mantissa < MANTISSA_ENOUGH && is_digit(*p))
		number->mantissa = number->mantissa * 10 + (*p++ - '0');
	if (likely(!is_digit(*p)))
		return p;
	rest = p;
	p = skip_digits(p, end);
	number->exponent += p - rest;
	return p;
}

/* Reads "e", a sign and digits at p into *number; NULL if they are not all there. */
static inline const char *
read_exponent(const char *p, Decimal *number)
{
	bool		negative = false;
	int			value = 0;

	p++;
	if (*p == '-' || *p == '+')
		negative = *p++ == '-';
	if (!is_digit(*p))
		return NULL;
	for (; is_digit(*p); p++)
		value = Min(value * 10 + (*p - '0'), EXPONENT_LIMIT);
	number->exponent += negative ? -value : value;
	return p;
}

/*
 * Reads an ordinary decimal number; returns its end, or NULL for anything else (also what is no number at
 * all).
 */
static inline const char *
read_decimal(const char *p, const char *end, Decimal *number)
{
	const char *start;
	int64		ndigits;

	number->mantissa = 0;
	number->exponent = 0;
	number->negative = *p == '-';
	p += number->negative | (*p == '+');

	start = p;
	p = read_integer(p, end, number);
	ndigits = p - start;
	if (*p == '.')
	{
		start = ++p;
		p = read_fraction(p, end, number);
		ndigits += p - start;
	}
	if (ndigits == 0)
		return NULL;
	if (*p == 'e' || *p == 'E')
		return read_exponent(p, number);
	/* hexadecimal begins like a decimal zero */
	if (*p == 'x' || *p == 'X')
		return NULL;
	return p;
}

/*
 * Converts number to float4; false if it cannot be done with certainty.
 *
 * scaled differs from the exact value by at most three roundings (mantissa to double, power of ten,
 * product), each half a unit in the last place of its operand, and by dropped digits, less than 1 in 10^12:
 * together less than 9,100 units of scaled's last place. Rounding scaled to float4 can therefore only go
 * wrong that close to the middle between two floats, which in a double is a pattern of its 29 lowest bits;
 * UNCERTAIN_UNITS are excluded. Denormal results have their middles elsewhere and are excluded, as are
 * those near overflow.
 */
static inline bool
decimal_to_float(const Decimal *number, float4 *value)
{
	double		scaled;
	float4		magnitude;
	uint32		float_bits;
	uint64		bits;
	int64		low;

	if (number->mantissa == 0)
	{
		*value = number->negative ? -0.0f : 0.0f;
		return true;
	}
	if (number->exponent < POWER_MIN || number->exponent > POWER_MAX)
		return false;
	scaled = (double) number->mantissa * powers_of_ten[number->exponent - POWER_MIN];
	if (!(scaled > 2.4e-38 && scaled < 3.4e38))
		return false;

	memcpy(&bits, &scaled, sizeof(bits));
	low = (int64) (bits & UINT64CONST(0x1FFFFFFF)) - INT64CONST(0x10000000);
	if (low >= -UNCERTAIN_UNITS && low <= UNCERTAIN_UNITS)
		return false;
	/* signs are random: no branch */
	magnitude = (float4) scaled;
	memcpy(&float_bits, &magnitude, sizeof(float_bits));
	float_bits |= (uint32) number->negative << 31;
	memcpy(value, &float_bits, sizeof(float_bits));
	return true;
}

/*
 * The slow way, for all that the fast one does not do. Out of line, so that the fast one saves no registers
 * for it.
 */
static pg_noinline const char *
parse_with_strtof(const char *text, float4 *value, bool *overflow)
{
	char	   *stop;

	errno = 0;
	*value = strtof(text, &stop);
	if (errno == ERANGE && isinf(*value))
		*overflow = true;
	return stop;
}

const char *
pxd_float_parse(const char *text, const char *end, float4 *value, bool *overflow)
{
	Decimal		number;
	const char *stop = read_decimal(text, end, &number);

	if (likely(stop != NULL && decimal_to_float(&number, value)))
		return stop;
	return parse_with_strtof(text, value, overflow);
}
