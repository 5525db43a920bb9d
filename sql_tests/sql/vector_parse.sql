--
-- Numbers in vector literals mean exactly what they mean as real.
--

-- A fixed sequence of integers to make digits from.
CREATE FUNCTION vector_parse_random(n int, salt int) RETURNS bigint LANGUAGE sql IMMUTABLE
	AS $$ SELECT hashint8extended(n, salt) & 9223372036854775807 $$;

-- Each text is read as a vector and as real; the list shows what differs, and is empty. The count tells that
-- there was something to compare.
CREATE FUNCTION vector_parse_differences(texts text[], OUT compared bigint, OUT different text[]) LANGUAGE sql
	AS $$
		SELECT count(*), array_agg(t) FILTER (WHERE float4send((('[' || t || ']')::vector::real[])[1]) <> float4send(t::real))
		FROM unnest(texts) t
	$$;

-- all lengths of mantissa, all exponents within the range of real
SELECT * FROM vector_parse_differences(ARRAY(
	SELECT CASE WHEN n % 2 = 0 THEN '-' ELSE '' END
		|| substr(vector_parse_random(n, 1)::text, 1, 1 + n % 19)
		|| 'e' || (n % 56 - 36)
	FROM generate_series(1, 20000) n
	WHERE n % 56 - 36 + n % 19 < 38));

-- the point anywhere
SELECT * FROM vector_parse_differences(ARRAY(
	SELECT substr(vector_parse_random(n, 2)::text, 1, n % 12) || '.' || lpad(vector_parse_random(n, 3)::text, 10 + n % 25, '0')
	FROM generate_series(1, 20000) n));

-- what client libraries send: float4 and float8 printed in full
SELECT * FROM vector_parse_differences(ARRAY(
	SELECT (vector_parse_random(n, 4) / 9223372036854775807.0::float8 - 0.5)::real::text FROM generate_series(1, 10000) n));
SELECT * FROM vector_parse_differences(ARRAY(
	SELECT (vector_parse_random(n, 5) / 9223372036854775807.0::float8 - 0.5)::text FROM generate_series(1, 10000) n));
SELECT * FROM vector_parse_differences(ARRAY(
	SELECT (vector_parse_random(n, 6) / 9223372036854775807.0::float8 - 0.5)::real::float8::text FROM generate_series(1, 10000) n));

-- exactly between two values of real, and a little to either side: 2^24 to 2^25 has a step of two
SELECT * FROM vector_parse_differences(ARRAY(
	SELECT (16777216 + n)::text || tail
	FROM generate_series(1, 2001, 2) n,
		unnest(ARRAY['', '.0', '.00000000000000000000001', 'e0', '0000000000e-10']) tail));
SELECT * FROM vector_parse_differences(ARRAY(
	SELECT (16777215 + n)::text || '.99999999999999999999999' FROM generate_series(1, 2001, 2) n));

-- near the ends of the range (real rejects what rounds to zero, vector takes it as zero)
SELECT * FROM vector_parse_differences(ARRAY[
	'3.4028234e38', '3.4028235e38', '340282346638528859811704183484516925440', '1.1754944e-38', '1.1754943e-38',
	'1.1754942e-38', '2.35e-38', '2.4e-38', '1.4e-45', '1e-45', '0.00000000000000000000000000000000000001175494',
	'0', '-0', '0e99', '0.0e-99', '0000000000000000000000000000000000000000001', '1e0000000000000000000001']);

-- output is the shortest text that reads back
SELECT count(*) FROM (
	SELECT ARRAY[vector_parse_random(n, 7) / 9223372036854775807.0::float8 - 0.5]::vector AS v FROM generate_series(1, 10000) n) s
	WHERE v::text::vector <> v OR v::text <> '[' || (v::real[])[1]::text || ']';

DROP FUNCTION vector_parse_differences(text[]);
DROP FUNCTION vector_parse_random(int, int);
