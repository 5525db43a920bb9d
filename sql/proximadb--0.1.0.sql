/* proximadb 0.1.0 */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION proximadb" to load this file. \quit

-- ---------------------------------------------------------------------------------------------
-- Schema of proximadb's own functions and catalogs. Types and operators go to the target schema.
-- ---------------------------------------------------------------------------------------------

CREATE SCHEMA proximadb;
COMMENT ON SCHEMA proximadb IS 'proximadb: functions, statistics and catalogs';
GRANT USAGE ON SCHEMA proximadb TO PUBLIC;

-- ---------------------------------------------------------------------------------------------
-- Types (src/types)
-- ---------------------------------------------------------------------------------------------

-- The type vector is pgvector's in text, bytes and names. Storage is main, so that embeddings stay in the page
-- while they fit.

CREATE TYPE @extschema@.vector;

CREATE FUNCTION @extschema@.vector_in(cstring, oid, integer) RETURNS @extschema@.vector
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION @extschema@.vector_in(cstring, oid, integer) IS 'I/O';

CREATE FUNCTION @extschema@.vector_out(@extschema@.vector) RETURNS cstring
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION @extschema@.vector_out(@extschema@.vector) IS 'I/O';

CREATE FUNCTION @extschema@.vector_typmod_in(cstring[]) RETURNS integer
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.vector_typmod_in(cstring[]) IS 'I/O typmod';

CREATE FUNCTION @extschema@.vector_recv(internal, oid, integer) RETURNS @extschema@.vector
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION @extschema@.vector_recv(internal, oid, integer) IS 'I/O';

CREATE FUNCTION @extschema@.vector_send(@extschema@.vector) RETURNS bytea
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION @extschema@.vector_send(@extschema@.vector) IS 'I/O';

CREATE TYPE @extschema@.vector (
	INPUT = @extschema@.vector_in,
	OUTPUT = @extschema@.vector_out,
	TYPMOD_IN = @extschema@.vector_typmod_in,
	RECEIVE = @extschema@.vector_recv,
	SEND = @extschema@.vector_send,
	STORAGE = main
);
COMMENT ON TYPE @extschema@.vector IS 'vector of float4 elements, "[1,2,3]"; vector(n) has n dimensions';

-- distances

CREATE FUNCTION @extschema@.l2_distance(@extschema@.vector, @extschema@.vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.l2_distance(@extschema@.vector, @extschema@.vector) IS 'Euclidean distance';

CREATE FUNCTION @extschema@.inner_product(@extschema@.vector, @extschema@.vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.inner_product(@extschema@.vector, @extschema@.vector) IS 'inner product';

CREATE FUNCTION @extschema@.cosine_distance(@extschema@.vector, @extschema@.vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.cosine_distance(@extschema@.vector, @extschema@.vector)
	IS 'cosine distance: 1 minus the cosine of the angle, NaN for zero vectors';

CREATE FUNCTION @extschema@.l1_distance(@extschema@.vector, @extschema@.vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.l1_distance(@extschema@.vector, @extschema@.vector) IS 'taxicab distance';

CREATE FUNCTION @extschema@.vector_l2_squared_distance(@extschema@.vector, @extschema@.vector)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_l2_squared_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.vector_l2_squared_distance(@extschema@.vector, @extschema@.vector)
	IS 'squared Euclidean distance';

CREATE FUNCTION @extschema@.vector_negative_inner_product(@extschema@.vector, @extschema@.vector)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_negative_inner_product'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.vector_negative_inner_product(@extschema@.vector, @extschema@.vector)
	IS 'negative inner product, which sorts like a distance';

CREATE FUNCTION @extschema@.vector_spherical_distance(@extschema@.vector, @extschema@.vector)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_spherical_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.vector_spherical_distance(@extschema@.vector, @extschema@.vector)
	IS 'angle between unit vectors as a share of half a turn';

-- functions

CREATE FUNCTION @extschema@.vector_dims(@extschema@.vector) RETURNS integer
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.vector_dims(@extschema@.vector) IS 'number of dimensions';

CREATE FUNCTION @extschema@.vector_norm(@extschema@.vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.vector_norm(@extschema@.vector) IS 'Euclidean norm';

CREATE FUNCTION @extschema@.l2_normalize(@extschema@.vector) RETURNS @extschema@.vector
	AS 'MODULE_PATHNAME', 'pxd_sql_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION @extschema@.l2_normalize(@extschema@.vector)
	IS 'vector of the same direction with norm 1';

CREATE FUNCTION @extschema@.binary_quantize(@extschema@.vector) RETURNS bit
	AS 'MODULE_PATHNAME', 'pxd_sql_binary_quantize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION @extschema@.binary_quantize(@extschema@.vector)
	IS 'one bit for each element, set where it is positive';

CREATE FUNCTION @extschema@.subvector(@extschema@.vector, integer, integer) RETURNS @extschema@.vector
	AS 'MODULE_PATHNAME', 'pxd_sql_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.subvector(@extschema@.vector, integer, integer)
	IS 'elements from a 1-based position, at most so many';

CREATE FUNCTION @extschema@.vector_add(@extschema@.vector, @extschema@.vector) RETURNS @extschema@.vector
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.vector_add(@extschema@.vector, @extschema@.vector)
	IS 'implementation of + operator';

CREATE FUNCTION @extschema@.vector_sub(@extschema@.vector, @extschema@.vector) RETURNS @extschema@.vector
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_sub' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.vector_sub(@extschema@.vector, @extschema@.vector)
	IS 'implementation of - operator';

CREATE FUNCTION @extschema@.vector_mul(@extschema@.vector, @extschema@.vector) RETURNS @extschema@.vector
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_mul' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.vector_mul(@extschema@.vector, @extschema@.vector)
	IS 'implementation of * operator';

CREATE FUNCTION @extschema@.vector_concat(@extschema@.vector, @extschema@.vector) RETURNS @extschema@.vector
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_concat' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.vector_concat(@extschema@.vector, @extschema@.vector)
	IS 'implementation of || operator';

CREATE FUNCTION @extschema@.vector_lt(@extschema@.vector, @extschema@.vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.vector_lt(@extschema@.vector, @extschema@.vector)
	IS 'implementation of < operator';

CREATE FUNCTION @extschema@.vector_le(@extschema@.vector, @extschema@.vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.vector_le(@extschema@.vector, @extschema@.vector)
	IS 'implementation of <= operator';

CREATE FUNCTION @extschema@.vector_eq(@extschema@.vector, @extschema@.vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.vector_eq(@extschema@.vector, @extschema@.vector)
	IS 'implementation of = operator';

CREATE FUNCTION @extschema@.vector_ne(@extschema@.vector, @extschema@.vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.vector_ne(@extschema@.vector, @extschema@.vector)
	IS 'implementation of <> operator';

CREATE FUNCTION @extschema@.vector_ge(@extschema@.vector, @extschema@.vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.vector_ge(@extschema@.vector, @extschema@.vector)
	IS 'implementation of >= operator';

CREATE FUNCTION @extschema@.vector_gt(@extschema@.vector, @extschema@.vector) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.vector_gt(@extschema@.vector, @extschema@.vector)
	IS 'implementation of > operator';

CREATE FUNCTION @extschema@.vector_cmp(@extschema@.vector, @extschema@.vector) RETURNS integer
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.vector_cmp(@extschema@.vector, @extschema@.vector) IS 'less-equal-greater';

CREATE FUNCTION @extschema@.vector_hash(@extschema@.vector) RETURNS integer
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.vector_hash(@extschema@.vector) IS 'hash';

CREATE FUNCTION @extschema@.vector_hash_extended(@extschema@.vector, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.vector_hash_extended(@extschema@.vector, bigint) IS 'hash with a seed';

-- operators

CREATE OPERATOR @extschema@.<-> (
	LEFTARG = @extschema@.vector, RIGHTARG = @extschema@.vector, FUNCTION = @extschema@.l2_distance,
	COMMUTATOR = OPERATOR(@extschema@.<->)
);
COMMENT ON OPERATOR @extschema@.<-> (@extschema@.vector, @extschema@.vector) IS 'Euclidean distance';

CREATE OPERATOR @extschema@.<#> (
	LEFTARG = @extschema@.vector, RIGHTARG = @extschema@.vector, FUNCTION = @extschema@.vector_negative_inner_product,
	COMMUTATOR = OPERATOR(@extschema@.<#>)
);
COMMENT ON OPERATOR @extschema@.<#> (@extschema@.vector, @extschema@.vector) IS 'negative inner product';

CREATE OPERATOR @extschema@.<=> (
	LEFTARG = @extschema@.vector, RIGHTARG = @extschema@.vector, FUNCTION = @extschema@.cosine_distance,
	COMMUTATOR = OPERATOR(@extschema@.<=>)
);
COMMENT ON OPERATOR @extschema@.<=> (@extschema@.vector, @extschema@.vector) IS 'cosine distance';

CREATE OPERATOR @extschema@.<+> (
	LEFTARG = @extschema@.vector, RIGHTARG = @extschema@.vector, FUNCTION = @extschema@.l1_distance,
	COMMUTATOR = OPERATOR(@extschema@.<+>)
);
COMMENT ON OPERATOR @extschema@.<+> (@extschema@.vector, @extschema@.vector) IS 'taxicab distance';

CREATE OPERATOR @extschema@.+ (
	LEFTARG = @extschema@.vector, RIGHTARG = @extschema@.vector, FUNCTION = @extschema@.vector_add,
	COMMUTATOR = OPERATOR(@extschema@.+)
);
COMMENT ON OPERATOR @extschema@.+ (@extschema@.vector, @extschema@.vector) IS 'add element by element';

CREATE OPERATOR @extschema@.- (
	LEFTARG = @extschema@.vector, RIGHTARG = @extschema@.vector, FUNCTION = @extschema@.vector_sub
);
COMMENT ON OPERATOR @extschema@.- (@extschema@.vector, @extschema@.vector) IS 'subtract element by element';

CREATE OPERATOR @extschema@.* (
	LEFTARG = @extschema@.vector, RIGHTARG = @extschema@.vector, FUNCTION = @extschema@.vector_mul,
	COMMUTATOR = OPERATOR(@extschema@.*)
);
COMMENT ON OPERATOR @extschema@.* (@extschema@.vector, @extschema@.vector) IS 'multiply element by element';

CREATE OPERATOR @extschema@.|| (
	LEFTARG = @extschema@.vector, RIGHTARG = @extschema@.vector, FUNCTION = @extschema@.vector_concat
);
COMMENT ON OPERATOR @extschema@.|| (@extschema@.vector, @extschema@.vector) IS 'concatenate';

CREATE OPERATOR @extschema@.< (
	LEFTARG = @extschema@.vector, RIGHTARG = @extschema@.vector, FUNCTION = @extschema@.vector_lt,
	COMMUTATOR = OPERATOR(@extschema@.>), NEGATOR = OPERATOR(@extschema@.>=),
	RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
COMMENT ON OPERATOR @extschema@.< (@extschema@.vector, @extschema@.vector) IS 'less than';

CREATE OPERATOR @extschema@.<= (
	LEFTARG = @extschema@.vector, RIGHTARG = @extschema@.vector, FUNCTION = @extschema@.vector_le,
	COMMUTATOR = OPERATOR(@extschema@.>=), NEGATOR = OPERATOR(@extschema@.>),
	RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
COMMENT ON OPERATOR @extschema@.<= (@extschema@.vector, @extschema@.vector) IS 'less than or equal';

CREATE OPERATOR @extschema@.= (
	LEFTARG = @extschema@.vector, RIGHTARG = @extschema@.vector, FUNCTION = @extschema@.vector_eq,
	COMMUTATOR = OPERATOR(@extschema@.=), NEGATOR = OPERATOR(@extschema@.<>),
	RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
	HASHES, MERGES
);
COMMENT ON OPERATOR @extschema@.= (@extschema@.vector, @extschema@.vector) IS 'equal';

CREATE OPERATOR @extschema@.<> (
	LEFTARG = @extschema@.vector, RIGHTARG = @extschema@.vector, FUNCTION = @extschema@.vector_ne,
	COMMUTATOR = OPERATOR(@extschema@.<>), NEGATOR = OPERATOR(@extschema@.=),
	RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR @extschema@.<> (@extschema@.vector, @extschema@.vector) IS 'not equal';

CREATE OPERATOR @extschema@.>= (
	LEFTARG = @extschema@.vector, RIGHTARG = @extschema@.vector, FUNCTION = @extschema@.vector_ge,
	COMMUTATOR = OPERATOR(@extschema@.<=), NEGATOR = OPERATOR(@extschema@.<),
	RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR @extschema@.>= (@extschema@.vector, @extschema@.vector) IS 'greater than or equal';

CREATE OPERATOR @extschema@.> (
	LEFTARG = @extschema@.vector, RIGHTARG = @extschema@.vector, FUNCTION = @extschema@.vector_gt,
	COMMUTATOR = OPERATOR(@extschema@.<), NEGATOR = OPERATOR(@extschema@.<=),
	RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
COMMENT ON OPERATOR @extschema@.> (@extschema@.vector, @extschema@.vector) IS 'greater than';

-- operator classes for sorting and hashing

CREATE OPERATOR CLASS @extschema@.vector_ops DEFAULT FOR TYPE @extschema@.vector USING btree AS
	OPERATOR 1 @extschema@.<,
	OPERATOR 2 @extschema@.<=,
	OPERATOR 3 @extschema@.=,
	OPERATOR 4 @extschema@.>=,
	OPERATOR 5 @extschema@.>,
	FUNCTION 1 @extschema@.vector_cmp(@extschema@.vector, @extschema@.vector);
COMMENT ON OPERATOR CLASS @extschema@.vector_ops USING btree
	IS 'order by elements, then by number of dimensions';

CREATE OPERATOR CLASS @extschema@.vector_ops DEFAULT FOR TYPE @extschema@.vector USING hash AS
	OPERATOR 1 @extschema@.=,
	FUNCTION 1 @extschema@.vector_hash(@extschema@.vector),
	FUNCTION 2 @extschema@.vector_hash_extended(@extschema@.vector, bigint);
COMMENT ON OPERATOR CLASS @extschema@.vector_ops USING hash IS 'equality of vectors';

-- aggregates

CREATE FUNCTION @extschema@.vector_accum(double precision[], @extschema@.vector) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_accum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.vector_accum(double precision[], @extschema@.vector)
	IS 'aggregate transition function';

CREATE FUNCTION @extschema@.vector_combine(double precision[], double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.vector_combine(double precision[], double precision[])
	IS 'aggregate combine function';

CREATE FUNCTION @extschema@.vector_avg(double precision[]) RETURNS @extschema@.vector
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_avg' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.vector_avg(double precision[]) IS 'aggregate final function';

CREATE AGGREGATE @extschema@.avg(@extschema@.vector) (
	SFUNC = @extschema@.vector_accum,
	STYPE = double precision[],
	FINALFUNC = @extschema@.vector_avg,
	COMBINEFUNC = @extschema@.vector_combine,
	INITCOND = '{0}',
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.avg(@extschema@.vector) IS 'average, element by element';

CREATE AGGREGATE @extschema@.sum(@extschema@.vector) (
	SFUNC = @extschema@.vector_add,
	STYPE = @extschema@.vector,
	COMBINEFUNC = @extschema@.vector_add,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.sum(@extschema@.vector) IS 'sum, element by element';

-- casts

CREATE FUNCTION @extschema@.vector(@extschema@.vector, integer, boolean) RETURNS @extschema@.vector
	AS 'MODULE_PATHNAME', 'pxd_sql_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION @extschema@.vector(@extschema@.vector, integer, boolean)
	IS 'check a vector against vector(n)';

CREATE FUNCTION @extschema@.array_to_vector(integer[], integer, boolean) RETURNS @extschema@.vector
	AS 'MODULE_PATHNAME', 'pxd_sql_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.array_to_vector(integer[], integer, boolean) IS 'make a vector of integer[]';

CREATE FUNCTION @extschema@.array_to_vector(real[], integer, boolean) RETURNS @extschema@.vector
	AS 'MODULE_PATHNAME', 'pxd_sql_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.array_to_vector(real[], integer, boolean) IS 'make a vector of real[]';

CREATE FUNCTION @extschema@.array_to_vector(double precision[], integer, boolean) RETURNS @extschema@.vector
	AS 'MODULE_PATHNAME', 'pxd_sql_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.array_to_vector(double precision[], integer, boolean)
	IS 'make a vector of double precision[]';

CREATE FUNCTION @extschema@.array_to_vector(numeric[], integer, boolean) RETURNS @extschema@.vector
	AS 'MODULE_PATHNAME', 'pxd_sql_array_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION @extschema@.array_to_vector(numeric[], integer, boolean) IS 'make a vector of numeric[]';

CREATE FUNCTION @extschema@.vector_to_float4(@extschema@.vector, integer, boolean) RETURNS real[]
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_to_float4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.vector_to_float4(@extschema@.vector, integer, boolean)
	IS 'elements of a vector as real[]';

CREATE CAST (@extschema@.vector AS @extschema@.vector)
	WITH FUNCTION @extschema@.vector(@extschema@.vector, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (@extschema@.vector AS @extschema@.vector) IS 'number of dimensions';

CREATE CAST (@extschema@.vector AS real[])
	WITH FUNCTION @extschema@.vector_to_float4(@extschema@.vector, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (@extschema@.vector AS real[]) IS 'elements as an array';

CREATE CAST (integer[] AS @extschema@.vector)
	WITH FUNCTION @extschema@.array_to_vector(integer[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (integer[] AS @extschema@.vector) IS 'array as a vector';

CREATE CAST (real[] AS @extschema@.vector)
	WITH FUNCTION @extschema@.array_to_vector(real[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS @extschema@.vector) IS 'array as a vector';

CREATE CAST (double precision[] AS @extschema@.vector)
	WITH FUNCTION @extschema@.array_to_vector(double precision[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS @extschema@.vector) IS 'array as a vector';

CREATE CAST (numeric[] AS @extschema@.vector)
	WITH FUNCTION @extschema@.array_to_vector(numeric[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (numeric[] AS @extschema@.vector) IS 'array as a vector';

-- The type halfvec is pgvector's, too: a vector of float16 elements, half the size.

CREATE TYPE @extschema@.halfvec;

CREATE FUNCTION @extschema@.halfvec_in(cstring, oid, integer) RETURNS @extschema@.halfvec
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION @extschema@.halfvec_in(cstring, oid, integer) IS 'I/O';

CREATE FUNCTION @extschema@.halfvec_out(@extschema@.halfvec) RETURNS cstring
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION @extschema@.halfvec_out(@extschema@.halfvec) IS 'I/O';

CREATE FUNCTION @extschema@.halfvec_typmod_in(cstring[]) RETURNS integer
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.halfvec_typmod_in(cstring[]) IS 'I/O typmod';

CREATE FUNCTION @extschema@.halfvec_recv(internal, oid, integer) RETURNS @extschema@.halfvec
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION @extschema@.halfvec_recv(internal, oid, integer) IS 'I/O';

CREATE FUNCTION @extschema@.halfvec_send(@extschema@.halfvec) RETURNS bytea
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION @extschema@.halfvec_send(@extschema@.halfvec) IS 'I/O';

CREATE TYPE @extschema@.halfvec (
	INPUT = @extschema@.halfvec_in,
	OUTPUT = @extschema@.halfvec_out,
	TYPMOD_IN = @extschema@.halfvec_typmod_in,
	RECEIVE = @extschema@.halfvec_recv,
	SEND = @extschema@.halfvec_send,
	STORAGE = main
);
COMMENT ON TYPE @extschema@.halfvec IS 'vector of float16 elements, "[1,2,3]"; halfvec(n) has n dimensions';

-- halfvec: distances

CREATE FUNCTION @extschema@.l2_distance(@extschema@.halfvec, @extschema@.halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.l2_distance(@extschema@.halfvec, @extschema@.halfvec) IS 'Euclidean distance';

CREATE FUNCTION @extschema@.inner_product(@extschema@.halfvec, @extschema@.halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.inner_product(@extschema@.halfvec, @extschema@.halfvec) IS 'inner product';

CREATE FUNCTION @extschema@.cosine_distance(@extschema@.halfvec, @extschema@.halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.cosine_distance(@extschema@.halfvec, @extschema@.halfvec)
	IS 'cosine distance: 1 minus the cosine of the angle, NaN for zero vectors';

CREATE FUNCTION @extschema@.l1_distance(@extschema@.halfvec, @extschema@.halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.l1_distance(@extschema@.halfvec, @extschema@.halfvec) IS 'taxicab distance';

CREATE FUNCTION @extschema@.halfvec_l2_squared_distance(@extschema@.halfvec, @extschema@.halfvec)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_l2_squared_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.halfvec_l2_squared_distance(@extschema@.halfvec, @extschema@.halfvec)
	IS 'squared Euclidean distance';

CREATE FUNCTION @extschema@.halfvec_negative_inner_product(@extschema@.halfvec, @extschema@.halfvec)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_negative_inner_product'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.halfvec_negative_inner_product(@extschema@.halfvec, @extschema@.halfvec)
	IS 'negative inner product, which sorts like a distance';

CREATE FUNCTION @extschema@.halfvec_spherical_distance(@extschema@.halfvec, @extschema@.halfvec)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_spherical_distance'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.halfvec_spherical_distance(@extschema@.halfvec, @extschema@.halfvec)
	IS 'angle between unit halfvecs as a share of half a turn';

-- halfvec: functions

CREATE FUNCTION @extschema@.vector_dims(@extschema@.halfvec) RETURNS integer
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.vector_dims(@extschema@.halfvec) IS 'number of dimensions';

CREATE FUNCTION @extschema@.l2_norm(@extschema@.halfvec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_l2_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.l2_norm(@extschema@.halfvec) IS 'Euclidean norm';

CREATE FUNCTION @extschema@.l2_normalize(@extschema@.halfvec) RETURNS @extschema@.halfvec
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION @extschema@.l2_normalize(@extschema@.halfvec)
	IS 'halfvec of the same direction with norm 1';

CREATE FUNCTION @extschema@.binary_quantize(@extschema@.halfvec) RETURNS bit
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_binary_quantize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION @extschema@.binary_quantize(@extschema@.halfvec)
	IS 'one bit for each element, set where it is positive';

CREATE FUNCTION @extschema@.subvector(@extschema@.halfvec, integer, integer) RETURNS @extschema@.halfvec
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.subvector(@extschema@.halfvec, integer, integer)
	IS 'elements from a 1-based position, at most so many';

CREATE FUNCTION @extschema@.halfvec_add(@extschema@.halfvec, @extschema@.halfvec) RETURNS @extschema@.halfvec
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.halfvec_add(@extschema@.halfvec, @extschema@.halfvec)
	IS 'implementation of + operator';

CREATE FUNCTION @extschema@.halfvec_sub(@extschema@.halfvec, @extschema@.halfvec) RETURNS @extschema@.halfvec
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_sub' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.halfvec_sub(@extschema@.halfvec, @extschema@.halfvec)
	IS 'implementation of - operator';

CREATE FUNCTION @extschema@.halfvec_mul(@extschema@.halfvec, @extschema@.halfvec) RETURNS @extschema@.halfvec
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_mul' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.halfvec_mul(@extschema@.halfvec, @extschema@.halfvec)
	IS 'implementation of * operator';

CREATE FUNCTION @extschema@.halfvec_concat(@extschema@.halfvec, @extschema@.halfvec) RETURNS @extschema@.halfvec
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_concat' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.halfvec_concat(@extschema@.halfvec, @extschema@.halfvec)
	IS 'implementation of || operator';

CREATE FUNCTION @extschema@.halfvec_lt(@extschema@.halfvec, @extschema@.halfvec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.halfvec_lt(@extschema@.halfvec, @extschema@.halfvec)
	IS 'implementation of < operator';

CREATE FUNCTION @extschema@.halfvec_le(@extschema@.halfvec, @extschema@.halfvec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.halfvec_le(@extschema@.halfvec, @extschema@.halfvec)
	IS 'implementation of <= operator';

CREATE FUNCTION @extschema@.halfvec_eq(@extschema@.halfvec, @extschema@.halfvec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.halfvec_eq(@extschema@.halfvec, @extschema@.halfvec)
	IS 'implementation of = operator';

CREATE FUNCTION @extschema@.halfvec_ne(@extschema@.halfvec, @extschema@.halfvec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.halfvec_ne(@extschema@.halfvec, @extschema@.halfvec)
	IS 'implementation of <> operator';

CREATE FUNCTION @extschema@.halfvec_ge(@extschema@.halfvec, @extschema@.halfvec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.halfvec_ge(@extschema@.halfvec, @extschema@.halfvec)
	IS 'implementation of >= operator';

CREATE FUNCTION @extschema@.halfvec_gt(@extschema@.halfvec, @extschema@.halfvec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.halfvec_gt(@extschema@.halfvec, @extschema@.halfvec)
	IS 'implementation of > operator';

CREATE FUNCTION @extschema@.halfvec_cmp(@extschema@.halfvec, @extschema@.halfvec) RETURNS integer
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.halfvec_cmp(@extschema@.halfvec, @extschema@.halfvec) IS 'less-equal-greater';

CREATE FUNCTION @extschema@.halfvec_hash(@extschema@.halfvec) RETURNS integer
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.halfvec_hash(@extschema@.halfvec) IS 'hash';

CREATE FUNCTION @extschema@.halfvec_hash_extended(@extschema@.halfvec, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.halfvec_hash_extended(@extschema@.halfvec, bigint) IS 'hash with a seed';

-- halfvec: operators

CREATE OPERATOR @extschema@.<-> (
	LEFTARG = @extschema@.halfvec, RIGHTARG = @extschema@.halfvec, FUNCTION = @extschema@.l2_distance,
	COMMUTATOR = OPERATOR(@extschema@.<->)
);
COMMENT ON OPERATOR @extschema@.<-> (@extschema@.halfvec, @extschema@.halfvec) IS 'Euclidean distance';

CREATE OPERATOR @extschema@.<#> (
	LEFTARG = @extschema@.halfvec, RIGHTARG = @extschema@.halfvec, FUNCTION = @extschema@.halfvec_negative_inner_product,
	COMMUTATOR = OPERATOR(@extschema@.<#>)
);
COMMENT ON OPERATOR @extschema@.<#> (@extschema@.halfvec, @extschema@.halfvec) IS 'negative inner product';

CREATE OPERATOR @extschema@.<=> (
	LEFTARG = @extschema@.halfvec, RIGHTARG = @extschema@.halfvec, FUNCTION = @extschema@.cosine_distance,
	COMMUTATOR = OPERATOR(@extschema@.<=>)
);
COMMENT ON OPERATOR @extschema@.<=> (@extschema@.halfvec, @extschema@.halfvec) IS 'cosine distance';

CREATE OPERATOR @extschema@.<+> (
	LEFTARG = @extschema@.halfvec, RIGHTARG = @extschema@.halfvec, FUNCTION = @extschema@.l1_distance,
	COMMUTATOR = OPERATOR(@extschema@.<+>)
);
COMMENT ON OPERATOR @extschema@.<+> (@extschema@.halfvec, @extschema@.halfvec) IS 'taxicab distance';

CREATE OPERATOR @extschema@.+ (
	LEFTARG = @extschema@.halfvec, RIGHTARG = @extschema@.halfvec, FUNCTION = @extschema@.halfvec_add,
	COMMUTATOR = OPERATOR(@extschema@.+)
);
COMMENT ON OPERATOR @extschema@.+ (@extschema@.halfvec, @extschema@.halfvec) IS 'add element by element';

CREATE OPERATOR @extschema@.- (
	LEFTARG = @extschema@.halfvec, RIGHTARG = @extschema@.halfvec, FUNCTION = @extschema@.halfvec_sub
);
COMMENT ON OPERATOR @extschema@.- (@extschema@.halfvec, @extschema@.halfvec) IS 'subtract element by element';

CREATE OPERATOR @extschema@.* (
	LEFTARG = @extschema@.halfvec, RIGHTARG = @extschema@.halfvec, FUNCTION = @extschema@.halfvec_mul,
	COMMUTATOR = OPERATOR(@extschema@.*)
);
COMMENT ON OPERATOR @extschema@.* (@extschema@.halfvec, @extschema@.halfvec) IS 'multiply element by element';

CREATE OPERATOR @extschema@.|| (
	LEFTARG = @extschema@.halfvec, RIGHTARG = @extschema@.halfvec, FUNCTION = @extschema@.halfvec_concat
);
COMMENT ON OPERATOR @extschema@.|| (@extschema@.halfvec, @extschema@.halfvec) IS 'concatenate';

CREATE OPERATOR @extschema@.< (
	LEFTARG = @extschema@.halfvec, RIGHTARG = @extschema@.halfvec, FUNCTION = @extschema@.halfvec_lt,
	COMMUTATOR = OPERATOR(@extschema@.>), NEGATOR = OPERATOR(@extschema@.>=),
	RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
COMMENT ON OPERATOR @extschema@.< (@extschema@.halfvec, @extschema@.halfvec) IS 'less than';

CREATE OPERATOR @extschema@.<= (
	LEFTARG = @extschema@.halfvec, RIGHTARG = @extschema@.halfvec, FUNCTION = @extschema@.halfvec_le,
	COMMUTATOR = OPERATOR(@extschema@.>=), NEGATOR = OPERATOR(@extschema@.>),
	RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
COMMENT ON OPERATOR @extschema@.<= (@extschema@.halfvec, @extschema@.halfvec) IS 'less than or equal';

CREATE OPERATOR @extschema@.= (
	LEFTARG = @extschema@.halfvec, RIGHTARG = @extschema@.halfvec, FUNCTION = @extschema@.halfvec_eq,
	COMMUTATOR = OPERATOR(@extschema@.=), NEGATOR = OPERATOR(@extschema@.<>),
	RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
	HASHES, MERGES
);
COMMENT ON OPERATOR @extschema@.= (@extschema@.halfvec, @extschema@.halfvec) IS 'equal';

CREATE OPERATOR @extschema@.<> (
	LEFTARG = @extschema@.halfvec, RIGHTARG = @extschema@.halfvec, FUNCTION = @extschema@.halfvec_ne,
	COMMUTATOR = OPERATOR(@extschema@.<>), NEGATOR = OPERATOR(@extschema@.=),
	RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR @extschema@.<> (@extschema@.halfvec, @extschema@.halfvec) IS 'not equal';

CREATE OPERATOR @extschema@.>= (
	LEFTARG = @extschema@.halfvec, RIGHTARG = @extschema@.halfvec, FUNCTION = @extschema@.halfvec_ge,
	COMMUTATOR = OPERATOR(@extschema@.<=), NEGATOR = OPERATOR(@extschema@.<),
	RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR @extschema@.>= (@extschema@.halfvec, @extschema@.halfvec) IS 'greater than or equal';

CREATE OPERATOR @extschema@.> (
	LEFTARG = @extschema@.halfvec, RIGHTARG = @extschema@.halfvec, FUNCTION = @extschema@.halfvec_gt,
	COMMUTATOR = OPERATOR(@extschema@.<), NEGATOR = OPERATOR(@extschema@.<=),
	RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
COMMENT ON OPERATOR @extschema@.> (@extschema@.halfvec, @extschema@.halfvec) IS 'greater than';

-- halfvec: operator classes for sorting and hashing

CREATE OPERATOR CLASS @extschema@.halfvec_ops DEFAULT FOR TYPE @extschema@.halfvec USING btree AS
	OPERATOR 1 @extschema@.<,
	OPERATOR 2 @extschema@.<=,
	OPERATOR 3 @extschema@.=,
	OPERATOR 4 @extschema@.>=,
	OPERATOR 5 @extschema@.>,
	FUNCTION 1 @extschema@.halfvec_cmp(@extschema@.halfvec, @extschema@.halfvec);
COMMENT ON OPERATOR CLASS @extschema@.halfvec_ops USING btree
	IS 'order by elements, then by number of dimensions';

CREATE OPERATOR CLASS @extschema@.halfvec_ops DEFAULT FOR TYPE @extschema@.halfvec USING hash AS
	OPERATOR 1 @extschema@.=,
	FUNCTION 1 @extschema@.halfvec_hash(@extschema@.halfvec),
	FUNCTION 2 @extschema@.halfvec_hash_extended(@extschema@.halfvec, bigint);
COMMENT ON OPERATOR CLASS @extschema@.halfvec_ops USING hash IS 'equality of halfvecs';

-- halfvec: aggregates

CREATE FUNCTION @extschema@.halfvec_accum(double precision[], @extschema@.halfvec) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_accum' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.halfvec_accum(double precision[], @extschema@.halfvec)
	IS 'aggregate transition function';

CREATE FUNCTION @extschema@.halfvec_combine(double precision[], double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.halfvec_combine(double precision[], double precision[])
	IS 'aggregate combine function';

CREATE FUNCTION @extschema@.halfvec_avg(double precision[]) RETURNS @extschema@.halfvec
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_avg' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.halfvec_avg(double precision[]) IS 'aggregate final function';

CREATE AGGREGATE @extschema@.avg(@extschema@.halfvec) (
	SFUNC = @extschema@.halfvec_accum,
	STYPE = double precision[],
	FINALFUNC = @extschema@.halfvec_avg,
	COMBINEFUNC = @extschema@.halfvec_combine,
	INITCOND = '{0}',
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.avg(@extschema@.halfvec) IS 'average, element by element';

CREATE AGGREGATE @extschema@.sum(@extschema@.halfvec) (
	SFUNC = @extschema@.halfvec_add,
	STYPE = @extschema@.halfvec,
	COMBINEFUNC = @extschema@.halfvec_add,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.sum(@extschema@.halfvec) IS 'sum, element by element';

-- halfvec: casts

CREATE FUNCTION @extschema@.halfvec(@extschema@.halfvec, integer, boolean) RETURNS @extschema@.halfvec
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION @extschema@.halfvec(@extschema@.halfvec, integer, boolean)
	IS 'check a halfvec against halfvec(n)';

CREATE FUNCTION @extschema@.array_to_halfvec(integer[], integer, boolean) RETURNS @extschema@.halfvec
	AS 'MODULE_PATHNAME', 'pxd_sql_array_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.array_to_halfvec(integer[], integer, boolean) IS 'make a halfvec of integer[]';

CREATE FUNCTION @extschema@.array_to_halfvec(real[], integer, boolean) RETURNS @extschema@.halfvec
	AS 'MODULE_PATHNAME', 'pxd_sql_array_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.array_to_halfvec(real[], integer, boolean) IS 'make a halfvec of real[]';

CREATE FUNCTION @extschema@.array_to_halfvec(double precision[], integer, boolean) RETURNS @extschema@.halfvec
	AS 'MODULE_PATHNAME', 'pxd_sql_array_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.array_to_halfvec(double precision[], integer, boolean)
	IS 'make a halfvec of double precision[]';

CREATE FUNCTION @extschema@.array_to_halfvec(numeric[], integer, boolean) RETURNS @extschema@.halfvec
	AS 'MODULE_PATHNAME', 'pxd_sql_array_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION @extschema@.array_to_halfvec(numeric[], integer, boolean) IS 'make a halfvec of numeric[]';

CREATE FUNCTION @extschema@.halfvec_to_float4(@extschema@.halfvec, integer, boolean) RETURNS real[]
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_to_float4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.halfvec_to_float4(@extschema@.halfvec, integer, boolean)
	IS 'elements of a halfvec as real[]';

CREATE CAST (@extschema@.halfvec AS @extschema@.halfvec)
	WITH FUNCTION @extschema@.halfvec(@extschema@.halfvec, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (@extschema@.halfvec AS @extschema@.halfvec) IS 'number of dimensions';

CREATE CAST (@extschema@.halfvec AS real[])
	WITH FUNCTION @extschema@.halfvec_to_float4(@extschema@.halfvec, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (@extschema@.halfvec AS real[]) IS 'elements as an array';

CREATE CAST (integer[] AS @extschema@.halfvec)
	WITH FUNCTION @extschema@.array_to_halfvec(integer[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (integer[] AS @extschema@.halfvec) IS 'array as a halfvec';

CREATE CAST (real[] AS @extschema@.halfvec)
	WITH FUNCTION @extschema@.array_to_halfvec(real[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS @extschema@.halfvec) IS 'array as a halfvec';

CREATE CAST (double precision[] AS @extschema@.halfvec)
	WITH FUNCTION @extschema@.array_to_halfvec(double precision[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS @extschema@.halfvec) IS 'array as a halfvec';

CREATE CAST (numeric[] AS @extschema@.halfvec)
	WITH FUNCTION @extschema@.array_to_halfvec(numeric[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (numeric[] AS @extschema@.halfvec) IS 'array as a halfvec';

CREATE FUNCTION @extschema@.halfvec_to_vector(@extschema@.halfvec, integer, boolean) RETURNS @extschema@.vector
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.halfvec_to_vector(@extschema@.halfvec, integer, boolean) IS 'make a vector of a halfvec';

CREATE FUNCTION @extschema@.vector_to_halfvec(@extschema@.vector, integer, boolean) RETURNS @extschema@.halfvec
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.vector_to_halfvec(@extschema@.vector, integer, boolean) IS 'make a halfvec of a vector';

CREATE CAST (@extschema@.halfvec AS @extschema@.vector)
	WITH FUNCTION @extschema@.halfvec_to_vector(@extschema@.halfvec, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (@extschema@.halfvec AS @extschema@.vector) IS 'the same numbers as float4';

CREATE CAST (@extschema@.vector AS @extschema@.halfvec)
	WITH FUNCTION @extschema@.vector_to_halfvec(@extschema@.vector, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (@extschema@.vector AS @extschema@.halfvec) IS 'the nearest numbers as float16';

-- Distances of bit strings.

CREATE FUNCTION @extschema@.hamming_distance(bit, bit) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_hamming_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.hamming_distance(bit, bit) IS 'Hamming distance: the number of bits that differ';

CREATE FUNCTION @extschema@.jaccard_distance(bit, bit) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_jaccard_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.jaccard_distance(bit, bit)
	IS 'Jaccard distance: of the bits set in one or both, the share that is not set in both';

CREATE OPERATOR @extschema@.<~> (
	LEFTARG = bit, RIGHTARG = bit, FUNCTION = @extschema@.hamming_distance,
	COMMUTATOR = OPERATOR(@extschema@.<~>)
);
COMMENT ON OPERATOR @extschema@.<~> (bit, bit) IS 'Hamming distance';

CREATE OPERATOR @extschema@.<%> (
	LEFTARG = bit, RIGHTARG = bit, FUNCTION = @extschema@.jaccard_distance,
	COMMUTATOR = OPERATOR(@extschema@.<%>)
);
COMMENT ON OPERATOR @extschema@.<%> (bit, bit) IS 'Jaccard distance';

-- diagnostics

CREATE FUNCTION proximadb.kernel_check(OUT kernel text, OUT isa text, OUT dims integer,
		OUT max_rel_error double precision, OUT ok boolean) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pxd_sql_kernel_check'
	LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 100000 ROWS 1000;
COMMENT ON FUNCTION proximadb.kernel_check() IS
	'diagnostic: compares the distance and code kernels this machine can run with the scalar ones, and those with exact sums';

CREATE FUNCTION proximadb.codec_check(OUT name text, OUT ok boolean) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pxd_sql_codec_check' LANGUAGE C VOLATILE STRICT PARALLEL SAFE COST 100000 ROWS 35;
COMMENT ON FUNCTION proximadb.codec_check() IS 'diagnostic: Avro and zstd codecs against avro-c and against damaged bytes';

CREATE FUNCTION proximadb.vector_fetch_check(index regclass, column_name text, OUT rows bigint, OUT nulls bigint,
		OUT differing bigint, OUT unavailable bigint, OUT fetch_ns double precision, OUT slot_ns double precision) RETURNS record
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_fetch_check' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000000;
COMMENT ON FUNCTION proximadb.vector_fetch_check(regclass, text) IS
	'diagnostic: fetches a vector column by all TIDs of an index, as index access methods do and as the executor does; compares, and measures each in random order';

-- ---------------------------------------------------------------------------------------------
-- Table access methods (src/tableam)
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION proximadb.viper_handler(internal) RETURNS table_am_handler
	AS 'MODULE_PATHNAME', 'pxd_sql_viper_handler' LANGUAGE C STRICT;
COMMENT ON FUNCTION proximadb.viper_handler(internal) IS 'handler of table access method viper';

CREATE ACCESS METHOD viper TYPE TABLE HANDLER proximadb.viper_handler;
COMMENT ON ACCESS METHOD viper IS 'columnar tables for vectors: hot rows in heap pages, sealed rows in segments';

CREATE FUNCTION proximadb.segment_store_handler(internal) RETURNS table_am_handler
	AS 'MODULE_PATHNAME', 'pxd_sql_segment_store_handler' LANGUAGE C STRICT;
COMMENT ON FUNCTION proximadb.segment_store_handler(internal) IS 'handler of table access method segment_store';

CREATE ACCESS METHOD segment_store TYPE TABLE HANDLER proximadb.segment_store_handler;
COMMENT ON ACCESS METHOD segment_store IS 'internal: TOAST relations of proximadb tables, which hold their segments';

-- A store must not outlive its access method when the extension is dropped with its tables. Core allows a TOAST relation no
-- dependency but that on its table, so let viper, which the table depends on, depend on segment_store.
INSERT INTO pg_catalog.pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
	SELECT 'pg_catalog.pg_am'::pg_catalog.regclass, viper.oid, 0,
		'pg_catalog.pg_am'::pg_catalog.regclass, store.oid, 0, 'n'
	FROM pg_catalog.pg_am viper, pg_catalog.pg_am store
	WHERE viper.amname OPERATOR(pg_catalog.=) 'viper' AND store.amname OPERATOR(pg_catalog.=) 'segment_store';

-- ---------------------------------------------------------------------------------------------
-- Maintenance (src/tableam)
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION proximadb.flush(tbl regclass, OUT rows bigint, OUT segments bigint, OUT bytes bigint,
		OUT milliseconds double precision) RETURNS record
	AS 'MODULE_PATHNAME', 'pxd_sql_flush' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION proximadb.flush(regclass) IS
	'seals the hot rows of a table, or of a partitioned table''s partitions, now; returns rows sealed, segments written, the bytes they take, and the time';

CREATE FUNCTION proximadb.compact(tbl regclass, OUT rows bigint, OUT segments_in bigint, OUT segments_out bigint,
		OUT segments_freed bigint, OUT bytes bigint, OUT milliseconds double precision) RETURNS record
	AS 'MODULE_PATHNAME', 'pxd_sql_compact' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION proximadb.compact(regclass) IS
	'moves rows out of segments that are mostly dead or small, of a table or of a partitioned table''s partitions, and frees what no row needs; returns rows moved, segments read, written and freed, bytes written, and the time';

-- ---------------------------------------------------------------------------------------------
-- Looking inside (src/tableam/inspect.c)
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION proximadb.verify(tbl regclass, OUT kind text, OUT segment bigint, OUT block bigint, OUT tid tid,
		OUT detail text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pxd_sql_verify' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000000 ROWS 1;
COMMENT ON FUNCTION proximadb.verify(regclass) IS
	'checks stubs, segments and free space of a table; a row for each fault, none if all is well';

CREATE FUNCTION proximadb.segments(tbl regclass, OUT segment bigint, OUT state text, OUT engine text, OUT level integer,
		OUT rows bigint, OUT live_rows bigint, OUT bytes bigint, OUT first_block bigint) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pxd_sql_segments' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000 ROWS 100;
COMMENT ON FUNCTION proximadb.segments(regclass) IS
	'segments of a table and its free extents; live_rows counts the rows that still have their stub';

CREATE FUNCTION proximadb.table_stats(tbl regclass, OUT segments bigint, OUT sealed_rows bigint, OUT sealed_bytes bigint,
		OUT free_bytes bigint) RETURNS record
	AS 'MODULE_PATHNAME', 'pxd_sql_table_stats' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10;
COMMENT ON FUNCTION proximadb.table_stats(regclass) IS
	'what the segment store of a table counts: live segments, their rows and bytes, free bytes; NULL if it cannot be read';

CREATE VIEW proximadb.stat_table AS
	SELECT c.oid AS relid, n.nspname AS schemaname, c.relname, a.amname AS engine,
		pg_catalog.pg_stat_get_live_tuples(c.oid) AS live_rows,
		pg_catalog.pg_stat_get_dead_tuples(c.oid) AS dead_rows,
		CASE WHEN s.sealed_rows IS NOT NULL
			THEN GREATEST(pg_catalog.pg_stat_get_live_tuples(c.oid) OPERATOR(pg_catalog.-) s.sealed_rows, 0)
		END AS hot_rows,
		s.sealed_rows, s.segments,
		pg_catalog.pg_relation_size(c.oid, 'main') AS main_bytes,
		COALESCE(pg_catalog.pg_relation_size(c.reltoastrelid, 'main'), 0) AS store_bytes,
		s.sealed_bytes, s.free_bytes
	FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_am a ON a.oid OPERATOR(pg_catalog.=) c.relam
		JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
		CROSS JOIN LATERAL proximadb.table_stats(c.oid) s
	WHERE a.amname OPERATOR(pg_catalog.=) 'viper' AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,m}'::"char"[]);
COMMENT ON VIEW proximadb.stat_table IS 'proximadb tables: rows by the statistics system and by the segment store, bytes of each';
COMMENT ON COLUMN proximadb.stat_table.live_rows IS 'as in pg_stat_all_tables';
COMMENT ON COLUMN proximadb.stat_table.dead_rows IS 'as in pg_stat_all_tables';
COMMENT ON COLUMN proximadb.stat_table.hot_rows IS
	'estimate of the rows not sealed: live_rows - sealed_rows, too low by as many sealed rows as are dead';
COMMENT ON COLUMN proximadb.stat_table.sealed_rows IS 'rows in live segments, dead ones included';
COMMENT ON COLUMN proximadb.stat_table.segments IS 'live segments';
COMMENT ON COLUMN proximadb.stat_table.main_bytes IS 'bytes of hot rows, stubs and free space between them';
COMMENT ON COLUMN proximadb.stat_table.store_bytes IS 'bytes of the segment store: segments, TOAST values of hot rows, free space';
COMMENT ON COLUMN proximadb.stat_table.sealed_bytes IS 'bytes of live segments';
COMMENT ON COLUMN proximadb.stat_table.free_bytes IS 'bytes the store keeps for the segments to come';
GRANT SELECT ON proximadb.stat_table TO PUBLIC;

-- ---------------------------------------------------------------------------------------------
-- Background worker and progress (src/worker)
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION proximadb.progress(OUT pid integer, OUT datid oid, OUT relid oid, OUT phase text, OUT blocks_total bigint,
		OUT blocks_done bigint, OUT rows bigint, OUT segments bigint) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pxd_sql_progress' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION proximadb.progress() IS 'flushes and compactions that are running now; see view proximadb.stat_progress';

CREATE VIEW proximadb.stat_progress AS
	SELECT p.pid, p.datid, d.datname, p.relid, p.phase, p.blocks_total, p.blocks_done, p.rows, p.segments
	FROM proximadb.progress() p LEFT JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) p.datid;
COMMENT ON VIEW proximadb.stat_progress IS 'flushes and compactions that are running now, in all databases';
COMMENT ON COLUMN proximadb.stat_progress.phase IS
	'scanning and sealing, compacting: counting, compacting: moving, or freeing';
COMMENT ON COLUMN proximadb.stat_progress.blocks_total IS 'pages of the table that this phase goes through; 0 when freeing';
COMMENT ON COLUMN proximadb.stat_progress.rows IS 'rows sealed or moved in this phase';
COMMENT ON COLUMN proximadb.stat_progress.segments IS 'segments written, or freed, in this phase';
GRANT SELECT ON proximadb.stat_progress TO PUBLIC;

CREATE FUNCTION proximadb.maintenance(OUT relid oid, OUT last_flush timestamp with time zone, OUT flushes bigint,
		OUT flushed_rows bigint, OUT flushed_segments bigint, OUT flushed_bytes bigint,
		OUT last_compaction timestamp with time zone, OUT compactions bigint, OUT compacted_rows bigint,
		OUT compacted_segments bigint, OUT freed_segments bigint) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pxd_sql_maintenance' LANGUAGE C VOLATILE STRICT PARALLEL SAFE ROWS 100;
COMMENT ON FUNCTION proximadb.maintenance() IS
	'flushes and compactions of tables of this database since the server started; see view proximadb.stat_maintenance';

CREATE VIEW proximadb.stat_maintenance AS
	SELECT m.relid, n.nspname AS schemaname, c.relname, m.last_flush, m.flushes, m.flushed_rows, m.flushed_segments,
		m.flushed_bytes, m.last_compaction, m.compactions, m.compacted_rows, m.compacted_segments, m.freed_segments
	FROM proximadb.maintenance() m
		JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) m.relid
		JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace;
COMMENT ON VIEW proximadb.stat_maintenance IS
	'flushes and compactions of each table since the server started, by VACUUM, the background worker and commands';
GRANT SELECT ON proximadb.stat_maintenance TO PUBLIC;

-- ---------------------------------------------------------------------------------------------
-- Avro (src/catalog, src/codec)
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION proximadb.avro_schemas(OUT name text, OUT schema json) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pxd_sql_avro_schemas' LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 4;
COMMENT ON FUNCTION proximadb.avro_schemas() IS 'the Avro schemas of proximadb';

CREATE FUNCTION proximadb.avro_schema(tbl regclass) RETURNS json
	AS 'MODULE_PATHNAME', 'pxd_sql_avro_schema' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION proximadb.avro_schema(regclass) IS 'the Avro schema of the rows of a table, with the types segments use';

CREATE FUNCTION proximadb.vector_record_to_avro(id text, vector @extschema@.vector, metadata jsonb DEFAULT '{}',
		collection_id text DEFAULT '', "timestamp" timestamp with time zone DEFAULT NULL,
		created_at timestamp with time zone DEFAULT NULL, updated_at timestamp with time zone DEFAULT NULL,
		expires_at timestamp with time zone DEFAULT NULL, version bigint DEFAULT 1, rank integer DEFAULT NULL,
		score real DEFAULT NULL, distance real DEFAULT NULL) RETURNS bytea
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_record_to_avro' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION proximadb.vector_record_to_avro(text, @extschema@.vector, jsonb, text, timestamp with time zone,
		timestamp with time zone, timestamp with time zone, timestamp with time zone, bigint, integer, real, real) IS
	'one record as an Avro datum of schema VectorRecord; times are cut to milliseconds, and default to now';

CREATE FUNCTION proximadb.vector_record_from_avro(data bytea, OUT id text, OUT collection_id text,
		OUT vector @extschema@.vector, OUT metadata jsonb, OUT "timestamp" timestamp with time zone,
		OUT created_at timestamp with time zone, OUT updated_at timestamp with time zone,
		OUT expires_at timestamp with time zone, OUT version bigint, OUT rank integer, OUT score real,
		OUT distance real) RETURNS record
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_record_from_avro' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION proximadb.vector_record_from_avro(bytea) IS 'the record in an Avro datum of schema VectorRecord';

CREATE FUNCTION proximadb.read_avro(file text, OUT id text, OUT collection_id text,
		OUT vector @extschema@.vector, OUT metadata jsonb, OUT "timestamp" timestamp with time zone,
		OUT created_at timestamp with time zone, OUT updated_at timestamp with time zone,
		OUT expires_at timestamp with time zone, OUT version bigint, OUT rank integer, OUT score real,
		OUT distance real) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pxd_sql_read_avro' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION proximadb.read_avro(text) IS
	'records of an Avro object container file of the server; for roles with pg_read_server_files';

CREATE FUNCTION proximadb.read_avro_bytes(data bytea, OUT id text, OUT collection_id text,
		OUT vector @extschema@.vector, OUT metadata jsonb, OUT "timestamp" timestamp with time zone,
		OUT created_at timestamp with time zone, OUT updated_at timestamp with time zone,
		OUT expires_at timestamp with time zone, OUT version bigint, OUT rank integer, OUT score real,
		OUT distance real) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pxd_sql_read_avro_bytes' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION proximadb.read_avro_bytes(bytea) IS 'records of an Avro object container file given as its bytes';

CREATE FUNCTION proximadb.export_avro(source text, file text, codec text DEFAULT 'null') RETURNS bigint
	AS 'MODULE_PATHNAME', 'pxd_sql_export_avro' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION proximadb.export_avro(text, text, text) IS
	'writes a table or the rows of a query as an Avro object container file of the server and returns the number of records; codec null or deflate; for roles with pg_write_server_files';

CREATE FUNCTION proximadb.export_avro_bytes(source text, codec text DEFAULT 'null') RETURNS bytea
	AS 'MODULE_PATHNAME', 'pxd_sql_export_avro_bytes' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION proximadb.export_avro_bytes(text, text) IS
	'a table or the rows of a query as the bytes of an Avro object container file; codec null or deflate';

CREATE FUNCTION proximadb.import_avro(target text, file text, on_conflict text DEFAULT 'error') RETURNS bigint
	AS 'MODULE_PATHNAME', 'pxd_sql_import_avro' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION proximadb.import_avro(text, text, text) IS
	'inserts the records of an Avro object container file of the server into a table; on_conflict error, skip or replace; returns the number of rows written';

CREATE FUNCTION proximadb.import_avro_bytes(target text, data bytea, on_conflict text DEFAULT 'error') RETURNS bigint
	AS 'MODULE_PATHNAME', 'pxd_sql_import_avro_bytes' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION proximadb.import_avro_bytes(text, bytea, text) IS
	'inserts the records of an Avro object container file, given as its bytes, into a table';

-- ---------------------------------------------------------------------------------------------
-- Access method axis (src/axis)
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION proximadb.axis_handler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_handler' LANGUAGE C;
COMMENT ON FUNCTION proximadb.axis_handler(internal) IS 'index access method axis';

CREATE ACCESS METHOD axis TYPE INDEX HANDLER proximadb.axis_handler;
COMMENT ON ACCESS METHOD axis IS 'approximate nearest rows, with filters, that tunes itself';

CREATE FUNCTION proximadb.axis_vector_l2(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_vector_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION proximadb.axis_vector_l2(internal) IS 'support function of axis for vector, Euclidean distance';

CREATE FUNCTION proximadb.axis_vector_ip(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_vector_ip' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION proximadb.axis_vector_ip(internal) IS 'support function of axis for vector, negative inner product';

CREATE FUNCTION proximadb.axis_vector_cosine(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_vector_cosine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION proximadb.axis_vector_cosine(internal) IS 'support function of axis for vector, cosine distance';

CREATE OPERATOR CLASS @extschema@.vector_l2_ops DEFAULT FOR TYPE @extschema@.vector USING axis AS
	OPERATOR 1 @extschema@.<->(@extschema@.vector, @extschema@.vector) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 proximadb.axis_vector_l2(internal);
COMMENT ON OPERATOR CLASS @extschema@.vector_l2_ops USING axis IS 'ORDER BY vector <-> query: Euclidean distance';

CREATE OPERATOR CLASS @extschema@.vector_ip_ops FOR TYPE @extschema@.vector USING axis AS
	OPERATOR 1 @extschema@.<#>(@extschema@.vector, @extschema@.vector) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 proximadb.axis_vector_ip(internal);
COMMENT ON OPERATOR CLASS @extschema@.vector_ip_ops USING axis IS 'ORDER BY vector <#> query: negative inner product';

CREATE OPERATOR CLASS @extschema@.vector_cosine_ops FOR TYPE @extschema@.vector USING axis AS
	OPERATOR 1 @extschema@.<=>(@extschema@.vector, @extschema@.vector) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 proximadb.axis_vector_cosine(internal);
COMMENT ON OPERATOR CLASS @extschema@.vector_cosine_ops USING axis IS 'ORDER BY vector <=> query: cosine distance';

-- filter columns: comparisons; those of hashed types only equality

CREATE OPERATOR CLASS @extschema@.bool_filter_ops DEFAULT FOR TYPE pg_catalog.bool USING axis AS
	OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>;
COMMENT ON OPERATOR CLASS @extschema@.bool_filter_ops USING axis IS 'filter column of an axis index: comparisons';

CREATE OPERATOR CLASS @extschema@.int2_filter_ops DEFAULT FOR TYPE pg_catalog.int2 USING axis AS
	OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>;
COMMENT ON OPERATOR CLASS @extschema@.int2_filter_ops USING axis IS 'filter column of an axis index: comparisons';

CREATE OPERATOR CLASS @extschema@.int4_filter_ops DEFAULT FOR TYPE pg_catalog.int4 USING axis AS
	OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>;
COMMENT ON OPERATOR CLASS @extschema@.int4_filter_ops USING axis IS 'filter column of an axis index: comparisons';

CREATE OPERATOR CLASS @extschema@.int8_filter_ops DEFAULT FOR TYPE pg_catalog.int8 USING axis AS
	OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>;
COMMENT ON OPERATOR CLASS @extschema@.int8_filter_ops USING axis IS 'filter column of an axis index: comparisons';

CREATE OPERATOR CLASS @extschema@.date_filter_ops DEFAULT FOR TYPE pg_catalog.date USING axis AS
	OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>;
COMMENT ON OPERATOR CLASS @extschema@.date_filter_ops USING axis IS 'filter column of an axis index: comparisons';

CREATE OPERATOR CLASS @extschema@.timestamp_filter_ops DEFAULT FOR TYPE pg_catalog.timestamp USING axis AS
	OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>;
COMMENT ON OPERATOR CLASS @extschema@.timestamp_filter_ops USING axis IS 'filter column of an axis index: comparisons';

CREATE OPERATOR CLASS @extschema@.timestamptz_filter_ops DEFAULT FOR TYPE pg_catalog.timestamptz USING axis AS
	OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>;
COMMENT ON OPERATOR CLASS @extschema@.timestamptz_filter_ops USING axis IS 'filter column of an axis index: comparisons';

CREATE OPERATOR CLASS @extschema@.uuid_filter_ops DEFAULT FOR TYPE pg_catalog.uuid USING axis AS
	OPERATOR 3 pg_catalog.=;
COMMENT ON OPERATOR CLASS @extschema@.uuid_filter_ops USING axis IS 'filter column of an axis index: equality';

CREATE OPERATOR CLASS @extschema@.text_filter_ops DEFAULT FOR TYPE pg_catalog.text USING axis AS
	OPERATOR 3 pg_catalog.=;
COMMENT ON OPERATOR CLASS @extschema@.text_filter_ops USING axis IS 'filter column of an axis index: equality';
