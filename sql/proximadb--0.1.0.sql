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
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.l2_distance(@extschema@.vector, @extschema@.vector) IS 'Euclidean distance';

CREATE FUNCTION @extschema@.inner_product(@extschema@.vector, @extschema@.vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.inner_product(@extschema@.vector, @extschema@.vector) IS 'inner product';

CREATE FUNCTION @extschema@.cosine_distance(@extschema@.vector, @extschema@.vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.cosine_distance(@extschema@.vector, @extschema@.vector)
	IS 'cosine distance: 1 minus the cosine of the angle, NaN for zero vectors';

CREATE FUNCTION @extschema@.l1_distance(@extschema@.vector, @extschema@.vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
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
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION @extschema@.l2_normalize(@extschema@.vector)
	IS 'vector of the same direction with norm 1';

CREATE FUNCTION @extschema@.binary_quantize(@extschema@.vector) RETURNS bit
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_binary_quantize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION @extschema@.binary_quantize(@extschema@.vector)
	IS 'one bit for each element, set where it is positive';

CREATE FUNCTION @extschema@.subvector(@extschema@.vector, integer, integer) RETURNS @extschema@.vector
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_subvector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
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
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
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

-- The type sparsevec is pgvector's, too: the elements that are not zero, of up to a billion dimensions.

CREATE TYPE @extschema@.sparsevec;

CREATE FUNCTION @extschema@.sparsevec_in(cstring, oid, integer) RETURNS @extschema@.sparsevec
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION @extschema@.sparsevec_in(cstring, oid, integer) IS 'I/O';

CREATE FUNCTION @extschema@.sparsevec_out(@extschema@.sparsevec) RETURNS cstring
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION @extschema@.sparsevec_out(@extschema@.sparsevec) IS 'I/O';

CREATE FUNCTION @extschema@.sparsevec_typmod_in(cstring[]) RETURNS integer
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_typmod_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.sparsevec_typmod_in(cstring[]) IS 'I/O typmod';

CREATE FUNCTION @extschema@.sparsevec_recv(internal, oid, integer) RETURNS @extschema@.sparsevec
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION @extschema@.sparsevec_recv(internal, oid, integer) IS 'I/O';

CREATE FUNCTION @extschema@.sparsevec_send(@extschema@.sparsevec) RETURNS bytea
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION @extschema@.sparsevec_send(@extschema@.sparsevec) IS 'I/O';

CREATE TYPE @extschema@.sparsevec (
	INPUT = @extschema@.sparsevec_in,
	OUTPUT = @extschema@.sparsevec_out,
	TYPMOD_IN = @extschema@.sparsevec_typmod_in,
	RECEIVE = @extschema@.sparsevec_recv,
	SEND = @extschema@.sparsevec_send,
	STORAGE = main
);
COMMENT ON TYPE @extschema@.sparsevec
	IS 'vector of float4 elements that are mostly zero, "{1:1.5,3:2}/5"; sparsevec(n) has n dimensions';

-- sparsevec: distances

CREATE FUNCTION @extschema@.l2_distance(@extschema@.sparsevec, @extschema@.sparsevec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_l2_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.l2_distance(@extschema@.sparsevec, @extschema@.sparsevec) IS 'Euclidean distance';

CREATE FUNCTION @extschema@.inner_product(@extschema@.sparsevec, @extschema@.sparsevec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.inner_product(@extschema@.sparsevec, @extschema@.sparsevec) IS 'inner product';

CREATE FUNCTION @extschema@.cosine_distance(@extschema@.sparsevec, @extschema@.sparsevec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.cosine_distance(@extschema@.sparsevec, @extschema@.sparsevec)
	IS 'cosine distance: 1 minus the cosine of the angle, NaN for zero vectors';

CREATE FUNCTION @extschema@.l1_distance(@extschema@.sparsevec, @extschema@.sparsevec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.l1_distance(@extschema@.sparsevec, @extschema@.sparsevec) IS 'taxicab distance';

CREATE FUNCTION @extschema@.sparsevec_l2_squared_distance(@extschema@.sparsevec, @extschema@.sparsevec)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_l2_squared_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.sparsevec_l2_squared_distance(@extschema@.sparsevec, @extschema@.sparsevec)
	IS 'squared Euclidean distance';

CREATE FUNCTION @extschema@.sparsevec_negative_inner_product(@extschema@.sparsevec, @extschema@.sparsevec)
	RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.sparsevec_negative_inner_product(@extschema@.sparsevec, @extschema@.sparsevec)
	IS 'negative inner product, which sorts like a distance';

-- sparsevec: functions

CREATE FUNCTION @extschema@.l2_norm(@extschema@.sparsevec) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_l2_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.l2_norm(@extschema@.sparsevec) IS 'Euclidean norm';

CREATE FUNCTION @extschema@.l2_normalize(@extschema@.sparsevec) RETURNS @extschema@.sparsevec
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION @extschema@.l2_normalize(@extschema@.sparsevec) IS 'sparsevec of the same direction with norm 1';

CREATE FUNCTION @extschema@.sparsevec_lt(@extschema@.sparsevec, @extschema@.sparsevec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.sparsevec_lt(@extschema@.sparsevec, @extschema@.sparsevec)
	IS 'implementation of < operator';

CREATE FUNCTION @extschema@.sparsevec_le(@extschema@.sparsevec, @extschema@.sparsevec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.sparsevec_le(@extschema@.sparsevec, @extschema@.sparsevec)
	IS 'implementation of <= operator';

CREATE FUNCTION @extschema@.sparsevec_eq(@extschema@.sparsevec, @extschema@.sparsevec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.sparsevec_eq(@extschema@.sparsevec, @extschema@.sparsevec)
	IS 'implementation of = operator';

CREATE FUNCTION @extschema@.sparsevec_ne(@extschema@.sparsevec, @extschema@.sparsevec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.sparsevec_ne(@extschema@.sparsevec, @extschema@.sparsevec)
	IS 'implementation of <> operator';

CREATE FUNCTION @extschema@.sparsevec_ge(@extschema@.sparsevec, @extschema@.sparsevec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.sparsevec_ge(@extschema@.sparsevec, @extschema@.sparsevec)
	IS 'implementation of >= operator';

CREATE FUNCTION @extschema@.sparsevec_gt(@extschema@.sparsevec, @extschema@.sparsevec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.sparsevec_gt(@extschema@.sparsevec, @extschema@.sparsevec)
	IS 'implementation of > operator';

CREATE FUNCTION @extschema@.sparsevec_cmp(@extschema@.sparsevec, @extschema@.sparsevec) RETURNS integer
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION @extschema@.sparsevec_cmp(@extschema@.sparsevec, @extschema@.sparsevec) IS 'less-equal-greater';

CREATE FUNCTION @extschema@.sparsevec_hash(@extschema@.sparsevec) RETURNS integer
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.sparsevec_hash(@extschema@.sparsevec) IS 'hash';

CREATE FUNCTION @extschema@.sparsevec_hash_extended(@extschema@.sparsevec, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.sparsevec_hash_extended(@extschema@.sparsevec, bigint) IS 'hash with a seed';

-- sparsevec: operators

CREATE OPERATOR @extschema@.<-> (
	LEFTARG = @extschema@.sparsevec, RIGHTARG = @extschema@.sparsevec, FUNCTION = @extschema@.l2_distance,
	COMMUTATOR = OPERATOR(@extschema@.<->)
);
COMMENT ON OPERATOR @extschema@.<-> (@extschema@.sparsevec, @extschema@.sparsevec) IS 'Euclidean distance';

CREATE OPERATOR @extschema@.<#> (
	LEFTARG = @extschema@.sparsevec, RIGHTARG = @extschema@.sparsevec, FUNCTION = @extschema@.sparsevec_negative_inner_product,
	COMMUTATOR = OPERATOR(@extschema@.<#>)
);
COMMENT ON OPERATOR @extschema@.<#> (@extschema@.sparsevec, @extschema@.sparsevec) IS 'negative inner product';

CREATE OPERATOR @extschema@.<=> (
	LEFTARG = @extschema@.sparsevec, RIGHTARG = @extschema@.sparsevec, FUNCTION = @extschema@.cosine_distance,
	COMMUTATOR = OPERATOR(@extschema@.<=>)
);
COMMENT ON OPERATOR @extschema@.<=> (@extschema@.sparsevec, @extschema@.sparsevec) IS 'cosine distance';

CREATE OPERATOR @extschema@.<+> (
	LEFTARG = @extschema@.sparsevec, RIGHTARG = @extschema@.sparsevec, FUNCTION = @extschema@.l1_distance,
	COMMUTATOR = OPERATOR(@extschema@.<+>)
);
COMMENT ON OPERATOR @extschema@.<+> (@extschema@.sparsevec, @extschema@.sparsevec) IS 'taxicab distance';

CREATE OPERATOR @extschema@.< (
	LEFTARG = @extschema@.sparsevec, RIGHTARG = @extschema@.sparsevec, FUNCTION = @extschema@.sparsevec_lt,
	COMMUTATOR = OPERATOR(@extschema@.>), NEGATOR = OPERATOR(@extschema@.>=),
	RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
COMMENT ON OPERATOR @extschema@.< (@extschema@.sparsevec, @extschema@.sparsevec) IS 'less than';

CREATE OPERATOR @extschema@.<= (
	LEFTARG = @extschema@.sparsevec, RIGHTARG = @extschema@.sparsevec, FUNCTION = @extschema@.sparsevec_le,
	COMMUTATOR = OPERATOR(@extschema@.>=), NEGATOR = OPERATOR(@extschema@.>),
	RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
COMMENT ON OPERATOR @extschema@.<= (@extschema@.sparsevec, @extschema@.sparsevec) IS 'less than or equal';

CREATE OPERATOR @extschema@.= (
	LEFTARG = @extschema@.sparsevec, RIGHTARG = @extschema@.sparsevec, FUNCTION = @extschema@.sparsevec_eq,
	COMMUTATOR = OPERATOR(@extschema@.=), NEGATOR = OPERATOR(@extschema@.<>),
	RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
	HASHES, MERGES
);
COMMENT ON OPERATOR @extschema@.= (@extschema@.sparsevec, @extschema@.sparsevec) IS 'equal';

CREATE OPERATOR @extschema@.<> (
	LEFTARG = @extschema@.sparsevec, RIGHTARG = @extschema@.sparsevec, FUNCTION = @extschema@.sparsevec_ne,
	COMMUTATOR = OPERATOR(@extschema@.<>), NEGATOR = OPERATOR(@extschema@.=),
	RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR @extschema@.<> (@extschema@.sparsevec, @extschema@.sparsevec) IS 'not equal';

CREATE OPERATOR @extschema@.>= (
	LEFTARG = @extschema@.sparsevec, RIGHTARG = @extschema@.sparsevec, FUNCTION = @extschema@.sparsevec_ge,
	COMMUTATOR = OPERATOR(@extschema@.<=), NEGATOR = OPERATOR(@extschema@.<),
	RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR @extschema@.>= (@extschema@.sparsevec, @extschema@.sparsevec) IS 'greater than or equal';

CREATE OPERATOR @extschema@.> (
	LEFTARG = @extschema@.sparsevec, RIGHTARG = @extschema@.sparsevec, FUNCTION = @extschema@.sparsevec_gt,
	COMMUTATOR = OPERATOR(@extschema@.<), NEGATOR = OPERATOR(@extschema@.<=),
	RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
COMMENT ON OPERATOR @extschema@.> (@extschema@.sparsevec, @extschema@.sparsevec) IS 'greater than';

-- sparsevec: operator classes for sorting and hashing

CREATE OPERATOR CLASS @extschema@.sparsevec_ops DEFAULT FOR TYPE @extschema@.sparsevec USING btree AS
	OPERATOR 1 @extschema@.<,
	OPERATOR 2 @extschema@.<=,
	OPERATOR 3 @extschema@.=,
	OPERATOR 4 @extschema@.>=,
	OPERATOR 5 @extschema@.>,
	FUNCTION 1 @extschema@.sparsevec_cmp(@extschema@.sparsevec, @extschema@.sparsevec);
COMMENT ON OPERATOR CLASS @extschema@.sparsevec_ops USING btree
	IS 'order by elements, then by number of dimensions';

CREATE OPERATOR CLASS @extschema@.sparsevec_ops DEFAULT FOR TYPE @extschema@.sparsevec USING hash AS
	OPERATOR 1 @extschema@.=,
	FUNCTION 1 @extschema@.sparsevec_hash(@extschema@.sparsevec),
	FUNCTION 2 @extschema@.sparsevec_hash_extended(@extschema@.sparsevec, bigint);
COMMENT ON OPERATOR CLASS @extschema@.sparsevec_ops USING hash IS 'equality of sparsevecs';

-- sparsevec: casts

CREATE FUNCTION @extschema@.sparsevec(@extschema@.sparsevec, integer, boolean) RETURNS @extschema@.sparsevec
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1;
COMMENT ON FUNCTION @extschema@.sparsevec(@extschema@.sparsevec, integer, boolean)
	IS 'check a sparsevec against sparsevec(n)';

CREATE FUNCTION @extschema@.vector_to_sparsevec(@extschema@.vector, integer, boolean) RETURNS @extschema@.sparsevec
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.vector_to_sparsevec(@extschema@.vector, integer, boolean)
	IS 'make a sparsevec of a vector';

CREATE FUNCTION @extschema@.sparsevec_to_vector(@extschema@.sparsevec, integer, boolean) RETURNS @extschema@.vector
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_to_vector' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.sparsevec_to_vector(@extschema@.sparsevec, integer, boolean)
	IS 'make a vector of a sparsevec';

CREATE FUNCTION @extschema@.halfvec_to_sparsevec(@extschema@.halfvec, integer, boolean) RETURNS @extschema@.sparsevec
	AS 'MODULE_PATHNAME', 'pxd_sql_halfvec_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.halfvec_to_sparsevec(@extschema@.halfvec, integer, boolean)
	IS 'make a sparsevec of a halfvec';

CREATE FUNCTION @extschema@.sparsevec_to_halfvec(@extschema@.sparsevec, integer, boolean) RETURNS @extschema@.halfvec
	AS 'MODULE_PATHNAME', 'pxd_sql_sparsevec_to_halfvec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.sparsevec_to_halfvec(@extschema@.sparsevec, integer, boolean)
	IS 'make a halfvec of a sparsevec';

CREATE FUNCTION @extschema@.array_to_sparsevec(integer[], integer, boolean) RETURNS @extschema@.sparsevec
	AS 'MODULE_PATHNAME', 'pxd_sql_array_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.array_to_sparsevec(integer[], integer, boolean) IS 'make a sparsevec of integer[]';

CREATE FUNCTION @extschema@.array_to_sparsevec(real[], integer, boolean) RETURNS @extschema@.sparsevec
	AS 'MODULE_PATHNAME', 'pxd_sql_array_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.array_to_sparsevec(real[], integer, boolean) IS 'make a sparsevec of real[]';

CREATE FUNCTION @extschema@.array_to_sparsevec(double precision[], integer, boolean) RETURNS @extschema@.sparsevec
	AS 'MODULE_PATHNAME', 'pxd_sql_array_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION @extschema@.array_to_sparsevec(double precision[], integer, boolean)
	IS 'make a sparsevec of double precision[]';

CREATE FUNCTION @extschema@.array_to_sparsevec(numeric[], integer, boolean) RETURNS @extschema@.sparsevec
	AS 'MODULE_PATHNAME', 'pxd_sql_array_to_sparsevec' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION @extschema@.array_to_sparsevec(numeric[], integer, boolean) IS 'make a sparsevec of numeric[]';

CREATE CAST (@extschema@.sparsevec AS @extschema@.sparsevec)
	WITH FUNCTION @extschema@.sparsevec(@extschema@.sparsevec, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (@extschema@.sparsevec AS @extschema@.sparsevec) IS 'number of dimensions';

CREATE CAST (@extschema@.sparsevec AS @extschema@.vector)
	WITH FUNCTION @extschema@.sparsevec_to_vector(@extschema@.sparsevec, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (@extschema@.sparsevec AS @extschema@.vector) IS 'all elements, zeros too';

CREATE CAST (@extschema@.vector AS @extschema@.sparsevec)
	WITH FUNCTION @extschema@.vector_to_sparsevec(@extschema@.vector, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (@extschema@.vector AS @extschema@.sparsevec) IS 'the elements that are not zero';

CREATE CAST (@extschema@.sparsevec AS @extschema@.halfvec)
	WITH FUNCTION @extschema@.sparsevec_to_halfvec(@extschema@.sparsevec, integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (@extschema@.sparsevec AS @extschema@.halfvec) IS 'all elements, zeros too, as float16';

CREATE CAST (@extschema@.halfvec AS @extschema@.sparsevec)
	WITH FUNCTION @extschema@.halfvec_to_sparsevec(@extschema@.halfvec, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (@extschema@.halfvec AS @extschema@.sparsevec) IS 'the elements that are not zero';

CREATE CAST (integer[] AS @extschema@.sparsevec)
	WITH FUNCTION @extschema@.array_to_sparsevec(integer[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (integer[] AS @extschema@.sparsevec) IS 'array as a sparsevec';

CREATE CAST (real[] AS @extschema@.sparsevec)
	WITH FUNCTION @extschema@.array_to_sparsevec(real[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS @extschema@.sparsevec) IS 'array as a sparsevec';

CREATE CAST (double precision[] AS @extschema@.sparsevec)
	WITH FUNCTION @extschema@.array_to_sparsevec(double precision[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS @extschema@.sparsevec) IS 'array as a sparsevec';

CREATE CAST (numeric[] AS @extschema@.sparsevec)
	WITH FUNCTION @extschema@.array_to_sparsevec(numeric[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (numeric[] AS @extschema@.sparsevec) IS 'array as a sparsevec';

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

CREATE FUNCTION proximadb.lsm_handler(internal) RETURNS table_am_handler
	AS 'MODULE_PATHNAME', 'pxd_sql_lsm_handler' LANGUAGE C STRICT;
COMMENT ON FUNCTION proximadb.lsm_handler(internal) IS 'handler of table access method lsm';

CREATE ACCESS METHOD lsm TYPE TABLE HANDLER proximadb.lsm_handler;
COMMENT ON ACCESS METHOD lsm IS 'tables for documents read as whole rows: hot rows in heap pages, sealed rows in sorted runs';

CREATE FUNCTION proximadb.segment_store_handler(internal) RETURNS table_am_handler
	AS 'MODULE_PATHNAME', 'pxd_sql_segment_store_handler' LANGUAGE C STRICT;
COMMENT ON FUNCTION proximadb.segment_store_handler(internal) IS 'handler of table access method segment_store';

CREATE ACCESS METHOD segment_store TYPE TABLE HANDLER proximadb.segment_store_handler;
COMMENT ON ACCESS METHOD segment_store IS 'internal: TOAST relations of proximadb tables, which hold their segments';

-- A store must not outlive its access method when the extension is dropped with its tables. Core allows a TOAST relation no
-- dependency but that on its table, so let viper and lsm, which tables depend on, depend on segment_store.
INSERT INTO pg_catalog.pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
	SELECT 'pg_catalog.pg_am'::pg_catalog.regclass, engine.oid, 0,
		'pg_catalog.pg_am'::pg_catalog.regclass, store.oid, 0, 'n'
	FROM pg_catalog.pg_am engine, pg_catalog.pg_am store
	WHERE engine.amname OPERATOR(pg_catalog.=) ANY ('{viper,lsm}'::pg_catalog.name[])
		AND store.amname OPERATOR(pg_catalog.=) 'segment_store';

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
		OUT free_bytes bigint, OUT flushed_bytes bigint, OUT moved_bytes bigint) RETURNS record
	AS 'MODULE_PATHNAME', 'pxd_sql_table_stats' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10;
COMMENT ON FUNCTION proximadb.table_stats(regclass) IS
	'what the segment store of a table counts: live segments, their rows and bytes, free bytes, bytes ever written; NULL if it cannot be read';

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
		s.sealed_bytes, s.free_bytes, s.flushed_bytes, s.moved_bytes,
		pg_catalog.round((s.flushed_bytes OPERATOR(pg_catalog.+) s.moved_bytes)::numeric OPERATOR(pg_catalog./) NULLIF(s.flushed_bytes, 0), 2) AS write_amplification
	FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_am a ON a.oid OPERATOR(pg_catalog.=) c.relam
		JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
		CROSS JOIN LATERAL proximadb.table_stats(c.oid) s
	WHERE a.amname OPERATOR(pg_catalog.=) ANY ('{viper,lsm}'::pg_catalog.name[]) AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,m}'::"char"[]);
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
COMMENT ON COLUMN proximadb.stat_table.flushed_bytes IS 'bytes of all segments written for new rows since the table was made or last rewritten';
COMMENT ON COLUMN proximadb.stat_table.moved_bytes IS 'bytes of all segments written for rows that compaction moved since then';
COMMENT ON COLUMN proximadb.stat_table.write_amplification IS 'bytes written for each byte flushed: (flushed_bytes + moved_bytes) / flushed_bytes';
GRANT SELECT ON proximadb.stat_table TO PUBLIC;

-- ---------------------------------------------------------------------------------------------
-- Options of tables (src/catalog/table_options.c). Event triggers see to renamed columns and dropped tables.
-- ---------------------------------------------------------------------------------------------

CREATE TABLE proximadb.table_options (
	tbl regclass PRIMARY KEY,
	sort_by name[],
	sort_attnums int2[],
	block_size_kb integer,
	bloom_fpr double precision,
	compression_level integer,
	segment_size_kb integer,
	flush_threshold_kb integer,
	compaction_threshold integer,
	level_count integer
) USING heap;
COMMENT ON TABLE proximadb.table_options IS 'options of tables, where they are not the defaults; changed by proximadb.set_options';
COMMENT ON COLUMN proximadb.table_options.sort_by IS 'columns of the sort key';
COMMENT ON COLUMN proximadb.table_options.sort_attnums IS 'their numbers, by which they are followed when columns are renamed';
COMMENT ON COLUMN proximadb.table_options.block_size_kb IS 'bytes of records in a block of a sorted run, in kB';
COMMENT ON COLUMN proximadb.table_options.bloom_fpr IS 'false positives of the filters on keys; 0 for no filters';
COMMENT ON COLUMN proximadb.table_options.compression_level IS 'zstd level';
COMMENT ON COLUMN proximadb.table_options.segment_size_kb IS 'bytes of rows at which a segment is closed, in kB';
COMMENT ON COLUMN proximadb.table_options.flush_threshold_kb IS 'bytes of hot rows at which the background worker seals them, in kB';
COMMENT ON COLUMN proximadb.table_options.compaction_threshold IS 'overlapping runs of level 0 that are merged';
COMMENT ON COLUMN proximadb.table_options.level_count IS 'levels below level 0';
GRANT SELECT ON proximadb.table_options TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('proximadb.table_options', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = tbl)');

CREATE FUNCTION proximadb.check_options() RETURNS trigger
	AS 'MODULE_PATHNAME', 'pxd_sql_check_options' LANGUAGE C;
COMMENT ON FUNCTION proximadb.check_options() IS 'internal: trigger of proximadb.table_options';
CREATE TRIGGER check_options BEFORE INSERT OR UPDATE ON proximadb.table_options
	FOR EACH ROW EXECUTE FUNCTION proximadb.check_options();

CREATE FUNCTION proximadb.options_changed() RETURNS trigger
	AS 'MODULE_PATHNAME', 'pxd_sql_options_changed' LANGUAGE C;
COMMENT ON FUNCTION proximadb.options_changed() IS 'internal: trigger of proximadb.table_options';
CREATE TRIGGER options_changed AFTER INSERT OR UPDATE OR DELETE ON proximadb.table_options
	FOR EACH ROW EXECUTE FUNCTION proximadb.options_changed();
CREATE TRIGGER options_truncated AFTER TRUNCATE ON proximadb.table_options
	FOR EACH STATEMENT EXECUTE FUNCTION proximadb.options_changed();

CREATE FUNCTION proximadb.set_options(tbl regclass, options jsonb DEFAULT NULL, sort_by text DEFAULT NULL, block_size text DEFAULT NULL,
		bloom_fpr double precision DEFAULT NULL, compression_level integer DEFAULT NULL, segment_size text DEFAULT NULL,
		flush_threshold text DEFAULT NULL, compaction_threshold integer DEFAULT NULL, level_count integer DEFAULT NULL) RETURNS void
	AS 'MODULE_PATHNAME', 'pxd_sql_set_options' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION proximadb.set_options(regclass, jsonb, text, text, double precision, integer, text, text, integer, integer) IS
	'sets options of a table, by named arguments or as a JSON object, whose nulls reset; they apply to the segments written from then on';

CREATE FUNCTION proximadb.reset_options(tbl regclass, VARIADIC names text[] DEFAULT '{}') RETURNS void
	AS 'MODULE_PATHNAME', 'pxd_sql_reset_options' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION proximadb.reset_options(regclass, text[]) IS 'gives options of a table, or all of them, back to their defaults';

CREATE FUNCTION proximadb.options(tbl regclass, OUT name text, OUT value text, OUT source text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pxd_sql_options' LANGUAGE C VOLATILE STRICT ROWS 8;
COMMENT ON FUNCTION proximadb.options(regclass) IS
	'options of a table as they are in force; source tells whether they are set for the table or defaults';

CREATE FUNCTION proximadb.sync_options() RETURNS void
	AS 'MODULE_PATHNAME', 'pxd_sql_sync_options' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION proximadb.sync_options() IS 'internal: has proximadb.table_options follow tables that are dropped, and columns';

CREATE FUNCTION proximadb.follow_options() RETURNS event_trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF EXISTS (SELECT FROM proximadb.table_options) THEN
		PERFORM proximadb.sync_options();
	END IF;
END $$;
COMMENT ON FUNCTION proximadb.follow_options() IS 'internal: keeps options of tables in step with them';

-- They come with the first row, as those of collections do.
CREATE FUNCTION proximadb.follow_tables_of_options() RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	CREATE EVENT TRIGGER proximadb_options_drop ON sql_drop EXECUTE FUNCTION proximadb.follow_options();
	COMMENT ON EVENT TRIGGER proximadb_options_drop IS 'removes options of tables and columns that are dropped';
	ALTER EXTENSION proximadb ADD EVENT TRIGGER proximadb_options_drop;
	CREATE EVENT TRIGGER proximadb_options_rename ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'ALTER MATERIALIZED VIEW')
		EXECUTE FUNCTION proximadb.follow_options();
	COMMENT ON EVENT TRIGGER proximadb_options_rename IS 'follows columns that are renamed';
	ALTER EXTENSION proximadb ADD EVENT TRIGGER proximadb_options_rename;
END $$;
COMMENT ON FUNCTION proximadb.follow_tables_of_options() IS 'internal: makes the event triggers by which options follow their tables';

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
-- Collections (src/catalog)
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION proximadb.hamming_distance(@extschema@.vector, @extschema@.vector) RETURNS double precision
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_hamming_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION proximadb.hamming_distance(@extschema@.vector, @extschema@.vector) IS 'number of elements that differ';

-- Conversions that generated columns may use: immutable, and NULL for JSON null

CREATE FUNCTION proximadb.json_timestamp(value text) RETURNS timestamp with time zone
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	-- no "now", "today" and the like, which would change from day to day
	IF value !~ '^\d{4,}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s*(Z|[+-]\d\d(:?\d\d)?)?)?$' THEN
		RAISE EXCEPTION 'invalid time "%" in metadata', value
			USING ERRCODE = 'invalid_datetime_format', HINT = 'Write it as "2026-01-31", "2026-01-31T12:00:00Z" or "2026-01-31 12:00:00+02".';
	END IF;
	RETURN value::timestamp with time zone;
END $$;
COMMENT ON FUNCTION proximadb.json_timestamp(text) IS 'time in ISO 8601, UTC unless it says otherwise; for generated columns';

CREATE FUNCTION proximadb.json_text_array(value jsonb) RETURNS text[]
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF jsonb_typeof(value) = 'null' THEN
		RETURN NULL;
	ELSIF jsonb_typeof(value) <> 'array' THEN
		RAISE EXCEPTION 'a list was expected in metadata, not %', value USING ERRCODE = 'invalid_text_representation';
	END IF;
	RETURN ARRAY(SELECT e.item FROM jsonb_array_elements_text(value) WITH ORDINALITY e(item, n) ORDER BY e.n);
END $$;
COMMENT ON FUNCTION proximadb.json_text_array(jsonb) IS 'elements of a list as texts; for generated columns';

-- The catalog. A row follows its table: its key is the OID, and event triggers see to names and DROP. Written by
-- save_collection and forget_collection only, and by restores.

CREATE TABLE proximadb.collections (
	tbl regclass PRIMARY KEY,
	name text COLLATE "C" NOT NULL UNIQUE,
	table_name name NOT NULL,
	metric text NOT NULL,
	id_column name NOT NULL,
	vector_column name NOT NULL,
	metadata_column name,
	filterable_columns jsonb NOT NULL DEFAULT '[]',
	index_options jsonb NOT NULL DEFAULT '{}',
	description text,
	tags text[] NOT NULL DEFAULT '{}',
	created_at timestamp with time zone NOT NULL DEFAULT pg_catalog.now(),
	updated_at timestamp with time zone NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE proximadb.collections IS 'collections: tables with an id and a vector, and what searches need to know of them';
COMMENT ON COLUMN proximadb.collections.table_name IS 'name of the table, by which a change of it is noticed';
COMMENT ON COLUMN proximadb.collections.filterable_columns IS 'columns generated from metadata, as create_collection was told';
COMMENT ON COLUMN proximadb.collections.index_options IS 'options of the axis index, as create_collection was told';
GRANT SELECT ON proximadb.collections TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('proximadb.collections', '');

CREATE FUNCTION proximadb.save_collection(tbl regclass, fields jsonb) RETURNS void
	AS 'MODULE_PATHNAME', 'pxd_sql_save_collection' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION proximadb.save_collection(regclass, jsonb) IS 'internal: writes the catalog row of a table that the caller owns';

CREATE FUNCTION proximadb.forget_collection(tbl oid) RETURNS void
	AS 'MODULE_PATHNAME', 'pxd_sql_forget_collection' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION proximadb.forget_collection(oid) IS
	'removes a table, which the caller owns or which is gone, from the catalog of collections; the table stays';

CREATE FUNCTION proximadb.check_collection() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	rel pg_class;
	column_type oid;
BEGIN
	IF NEW.name !~ '^[A-Za-z0-9_.-]{1,255}$' THEN
		RAISE EXCEPTION 'invalid name of a collection: "%"', NEW.name
			USING ERRCODE = 'invalid_name', HINT = 'Names have 1 to 255 letters, digits and the characters "_", "-" and ".".';
	END IF;
	IF NEW.metric IS NULL OR NEW.metric NOT IN ('cosine', 'euclidean', 'dot_product', 'manhattan', 'hamming') THEN
		RAISE EXCEPTION 'metric "%" is unknown', NEW.metric
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Metrics are cosine, euclidean, dot_product, manhattan and hamming.';
	END IF;
	SELECT * INTO STRICT rel FROM pg_class WHERE oid = NEW.tbl;
	IF rel.relkind NOT IN ('r', 'p') OR rel.relpersistence = 't' THEN
		RAISE EXCEPTION '% cannot be a collection', NEW.tbl
			USING ERRCODE = 'wrong_object_type', HINT = 'Collections are tables that are not temporary.';
	END IF;
	SELECT atttypid INTO column_type FROM pg_attribute WHERE attrelid = NEW.tbl AND attname = NEW.vector_column AND NOT attisdropped;
	IF column_type IS DISTINCT FROM '@extschema@.vector'::regtype::oid THEN
		RAISE EXCEPTION 'table % has no column "%" of type vector', NEW.tbl, NEW.vector_column USING ERRCODE = 'undefined_column';
	END IF;
	PERFORM FROM pg_attribute WHERE attrelid = NEW.tbl AND attname = NEW.id_column AND attnum > 0 AND NOT attisdropped;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'table % has no column "%"', NEW.tbl, NEW.id_column USING ERRCODE = 'undefined_column';
	END IF;
	SELECT atttypid INTO column_type FROM pg_attribute WHERE attrelid = NEW.tbl AND attname = NEW.metadata_column AND NOT attisdropped;
	IF NEW.metadata_column IS NOT NULL AND column_type IS DISTINCT FROM 'jsonb'::regtype::oid THEN
		RAISE EXCEPTION 'table % has no column "%" of type jsonb', NEW.tbl, NEW.metadata_column USING ERRCODE = 'undefined_column';
	END IF;
	PERFORM FROM proximadb.collections c WHERE c.name = NEW.name AND c.tbl <> NEW.tbl;
	IF FOUND THEN
		RAISE EXCEPTION 'collection "%" already exists', NEW.name USING ERRCODE = 'duplicate_object';
	END IF;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION proximadb.check_collection() IS 'internal: trigger of proximadb.collections';
CREATE TRIGGER check_collection BEFORE INSERT OR UPDATE ON proximadb.collections
	FOR EACH ROW EXECUTE FUNCTION proximadb.check_collection();

CREATE FUNCTION proximadb.collections_changed() RETURNS trigger
	AS 'MODULE_PATHNAME', 'pxd_sql_collections_changed' LANGUAGE C;
COMMENT ON FUNCTION proximadb.collections_changed() IS 'internal: trigger of proximadb.collections';
CREATE TRIGGER collections_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON proximadb.collections
	FOR EACH STATEMENT EXECUTE FUNCTION proximadb.collections_changed();

CREATE FUNCTION proximadb.follow_drop() RETURNS event_trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	dropped oid;
BEGIN
	FOR dropped IN SELECT d.objid FROM pg_event_trigger_dropped_objects() d JOIN proximadb.collections c ON c.tbl = d.objid
			WHERE d.classid = 'pg_class'::regclass AND d.objsubid = 0 LOOP
		PERFORM proximadb.forget_collection(dropped);
	END LOOP;
END $$;
COMMENT ON FUNCTION proximadb.follow_drop() IS 'internal: removes collections whose tables are dropped';

CREATE FUNCTION proximadb.follow_rename() RETURNS event_trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	c record;
BEGIN
	FOR c IN SELECT DISTINCT r.oid, r.relname, to_jsonb(k) AS fields FROM pg_event_trigger_ddl_commands() d
			JOIN proximadb.collections k ON k.tbl = d.objid JOIN pg_class r ON r.oid = d.objid
			WHERE d.classid = 'pg_class'::regclass AND r.relname <> k.table_name LOOP
		PERFORM proximadb.save_collection(c.oid, c.fields || jsonb_build_object('name', c.relname, 'table_name', c.relname));
	END LOOP;
END $$;
COMMENT ON FUNCTION proximadb.follow_rename() IS 'internal: renames collections whose tables are renamed';

-- The event triggers come with the first collection: where there is none, DDL has nothing to run.
CREATE FUNCTION proximadb.follow_tables() RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	CREATE EVENT TRIGGER proximadb_follow_drop ON sql_drop EXECUTE FUNCTION proximadb.follow_drop();
	COMMENT ON EVENT TRIGGER proximadb_follow_drop IS 'removes collections whose tables are dropped';
	ALTER EXTENSION proximadb ADD EVENT TRIGGER proximadb_follow_drop;
	CREATE EVENT TRIGGER proximadb_follow_rename ON ddl_command_end WHEN TAG IN ('ALTER TABLE')
		EXECUTE FUNCTION proximadb.follow_rename();
	COMMENT ON EVENT TRIGGER proximadb_follow_rename IS 'renames collections whose tables are renamed';
	ALTER EXTENSION proximadb ADD EVENT TRIGGER proximadb_follow_rename;
END $$;
COMMENT ON FUNCTION proximadb.follow_tables() IS 'internal: makes the event triggers by which collections follow their tables';

-- Making, changing and removing collections

CREATE FUNCTION proximadb.get_collection_row(name text) RETURNS proximadb.collections
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found_row proximadb.collections;
BEGIN
	SELECT * INTO found_row FROM proximadb.collections c WHERE c.name = get_collection_row.name;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'collection "%" does not exist', name USING ERRCODE = 'undefined_object';
	END IF;
	RETURN found_row;
END $$;
COMMENT ON FUNCTION proximadb.get_collection_row(text) IS 'internal: the catalog row of a collection, or an error';

CREATE FUNCTION proximadb.register_collection(tbl regclass, name text DEFAULT NULL, metric text DEFAULT NULL,
		id_column name DEFAULT 'id', vector_column name DEFAULT 'vector', metadata_column name DEFAULT 'metadata',
		description text DEFAULT NULL, tags text[] DEFAULT NULL) RETURNS regclass
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	table_name name := (SELECT relname FROM pg_class WHERE oid = tbl);
	-- what was said before stands unless something else is said now
	known jsonb := (SELECT to_jsonb(c) FROM proximadb.collections c WHERE c.tbl = register_collection.tbl);
BEGIN
	IF table_name IS NULL THEN
		RAISE EXCEPTION 'table cannot be null or gone' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	PERFORM FROM pg_attribute a WHERE a.attrelid = tbl AND a.attname = metadata_column AND NOT a.attisdropped;
	IF NOT FOUND AND metadata_column = 'metadata' THEN
		metadata_column := NULL;
	END IF;
	PERFORM FROM pg_index i JOIN pg_attribute a ON a.attrelid = tbl AND a.attname = id_column
		WHERE i.indrelid = tbl AND i.indisunique AND i.indpred IS NULL AND i.indisvalid AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'table % has no primary key or unique index on column "%" alone', tbl, id_column
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	PERFORM proximadb.save_collection(tbl, jsonb_build_object('metric', 'cosine', 'name', table_name, 'filterable_columns', jsonb '[]',
		'index_options', jsonb '{}', 'tags', jsonb '[]', 'created_at', now()) || coalesce(known, '{}') || jsonb_strip_nulls(jsonb_build_object(
		'name', name, 'metric', metric, 'description', description, 'tags', tags)) || jsonb_build_object('table_name', table_name,
		'id_column', id_column, 'vector_column', vector_column, 'metadata_column', metadata_column, 'updated_at', now()));
	RETURN tbl;
END $$;
COMMENT ON FUNCTION proximadb.register_collection(regclass, text, text, name, name, name, text, text[]) IS
	'makes a collection of a table that exists, or tells one of changed columns; by default by its own name, with metric cosine';

CREATE FUNCTION proximadb.check_index_options(options jsonb) RETURNS void
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	item record;
BEGIN
	IF options IS NULL OR jsonb_typeof(options) <> 'object' THEN
		RAISE EXCEPTION 'index_options are not a JSON object' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	FOR item IN SELECT key, value, jsonb_typeof(value) AS type FROM jsonb_each(options) LOOP
		CASE item.key
		WHEN 'strategy' THEN
			IF item.value IN ('"hnsw"', '"pq"') THEN
				RAISE EXCEPTION 'index strategy % is not built', item.value
					USING ERRCODE = 'feature_not_supported', HINT = 'Strategies are auto, flat and ivf.';
			ELSIF item.value NOT IN ('"auto"', '"flat"', '"ivf"') THEN
				RAISE EXCEPTION 'index strategy % is unknown', item.value
					USING ERRCODE = 'invalid_parameter_value', HINT = 'Strategies are auto, flat and ivf.';
			END IF;
		WHEN 'target_recall' THEN
			IF item.type <> 'number' OR item.value <= '0' OR item.value > '0.999' THEN
				RAISE EXCEPTION 'target_recall is a number above 0 and up to 0.999, not %', item.value
					USING ERRCODE = 'invalid_parameter_value';
			END IF;
		WHEN 'code_bits' THEN
			IF item.value NOT IN ('0', '1', '2', '4') THEN
				RAISE EXCEPTION 'code_bits is 0, 1, 2 or 4, not %', item.value USING ERRCODE = 'invalid_parameter_value';
			END IF;
		ELSE
			RAISE EXCEPTION 'index option "%" is unknown', item.key
				USING ERRCODE = 'invalid_parameter_value', HINT = 'Options are strategy, target_recall and code_bits.';
		END CASE;
	END LOOP;
END $$;
COMMENT ON FUNCTION proximadb.check_index_options(jsonb) IS 'internal: an error unless these are options of an axis index';

CREATE FUNCTION proximadb.index_statement(collection proximadb.collections, options jsonb, online boolean) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	operator_class text := CASE collection.metric WHEN 'cosine' THEN 'vector_cosine_ops' WHEN 'euclidean' THEN 'vector_l2_ops'
		WHEN 'dot_product' THEN 'vector_ip_ops' END;
	keys text;
	settings text;
BEGIN
	IF operator_class IS NULL THEN
		RETURN NULL;
	END IF;
	-- filter columns of types that axis can compare
	SELECT string_agg(format(', %I', f.item ->> 'name'), '' ORDER BY f.n) INTO keys
		FROM jsonb_array_elements(collection.filterable_columns) WITH ORDINALITY f(item, n)
			JOIN pg_attribute a ON a.attrelid = collection.tbl AND a.attname = f.item ->> 'name'
			JOIN pg_opclass o ON o.opcintype = a.atttypid AND o.opcdefault
			JOIN pg_am m ON m.oid = o.opcmethod AND m.amname = 'axis'
		WHERE (f.item ->> 'indexed')::boolean;
	SELECT format(' WITH (%s)', string_agg(format('%I = %L', key, value), ', ' ORDER BY key)) INTO settings
		FROM jsonb_each_text(options) HAVING count(*) > 0;
	RETURN format('CREATE INDEX %sON %s USING axis (%I @extschema@.%s%s)%s', CASE WHEN online THEN 'CONCURRENTLY ' ELSE '' END,
		collection.tbl, collection.vector_column, operator_class, keys, settings);
END $$;
COMMENT ON FUNCTION proximadb.index_statement(proximadb.collections, jsonb, boolean) IS
	'internal: the statement that makes the axis index of a collection; NULL for metrics without one';

CREATE FUNCTION proximadb.filterable_column(item jsonb) RETURNS jsonb
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	spec jsonb := CASE WHEN jsonb_typeof(item) = 'string' THEN jsonb_build_object('name', item) ELSE item END;
	unknown text;
	data_type text;
BEGIN
	IF jsonb_typeof(spec) <> 'object' OR jsonb_typeof(spec -> 'name') IS DISTINCT FROM 'string' THEN
		RAISE EXCEPTION 'filterable column % is neither a name nor an object with a name', item USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT key INTO unknown FROM jsonb_object_keys(spec) key WHERE key NOT IN ('name', 'data_type', 'indexed') ORDER BY key LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'filterable column "%" has an unknown member "%"', spec ->> 'name', unknown
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Members are name, data_type and indexed.';
	END IF;
	IF length(spec ->> 'name') = 0 OR octet_length(spec ->> 'name') > 63 THEN
		RAISE EXCEPTION 'name of filterable column "%" has not 1 to 63 bytes', spec ->> 'name' USING ERRCODE = 'invalid_name';
	END IF;
	IF spec ->> 'name' IN ('id', 'vector', 'metadata', 'created_at', 'updated_at', 'expires_at', 'version', 'and', 'or', 'not') THEN
		RAISE EXCEPTION 'filterable column cannot be called "%"', spec ->> 'name' USING ERRCODE = 'reserved_name';
	END IF;
	data_type := lower(coalesce(spec ->> 'data_type', 'string'));
	IF data_type NOT IN ('string', 'integer', 'float', 'boolean', 'datetime', 'array_string', 'array_integer', 'array_float') THEN
		RAISE EXCEPTION 'data_type "%" of filterable column "%" is unknown', spec ->> 'data_type', spec ->> 'name'
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'Types are string, integer, float, boolean, datetime, array_string, array_integer and array_float.';
	END IF;
	IF jsonb_typeof(spec -> 'indexed') NOT IN ('boolean') THEN
		RAISE EXCEPTION 'member "indexed" of filterable column "%" is not true or false', spec ->> 'name'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN jsonb_build_object('name', spec -> 'name', 'data_type', data_type, 'indexed', coalesce(spec -> 'indexed', 'true'));
END $$;
COMMENT ON FUNCTION proximadb.filterable_column(jsonb) IS 'internal: the complete description of a filterable column, or an error';

CREATE FUNCTION proximadb.create_collection(name text, dimension integer, metric text DEFAULT 'cosine', engine text DEFAULT 'viper',
		filterable_columns jsonb DEFAULT '[]', index_options jsonb DEFAULT '{}', description text DEFAULT NULL,
		tags text[] DEFAULT '{}', id_type regtype DEFAULT 'text', schema text DEFAULT current_schema()) RETURNS regclass
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	-- a longer name than a table can have becomes one that ends in a hash
	table_name name := CASE WHEN octet_length(name) <= 63 THEN name ELSE left(name, 54) || '_' || left(md5(name), 8) END;
	columns jsonb := '[]';
	generated text := '';
	collection proximadb.collections;
	item jsonb;
	statement text;
BEGIN
	IF name IS NULL THEN
		RAISE EXCEPTION 'name of a collection cannot be null' USING ERRCODE = 'null_value_not_allowed';
	ELSIF name !~ '^[A-Za-z0-9_.-]{1,255}$' THEN
		RAISE EXCEPTION 'invalid name of a collection: "%"', name
			USING ERRCODE = 'invalid_name', HINT = 'Names have 1 to 255 letters, digits and the characters "_", "-" and ".".';
	ELSIF dimension IS NULL OR dimension < 1 OR dimension > 16000 THEN
		RAISE EXCEPTION 'dimension of a collection is 1 to 16000, not %', coalesce(dimension::text, 'null')
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF metric IS NULL OR metric NOT IN ('cosine', 'euclidean', 'dot_product', 'manhattan', 'hamming') THEN
		RAISE EXCEPTION 'metric "%" is unknown', coalesce(metric, 'null')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Metrics are cosine, euclidean, dot_product, manhattan and hamming.';
	ELSIF engine IS NULL OR engine NOT IN ('viper', 'lsm', 'heap') THEN
		RAISE EXCEPTION 'engine "%" is unknown', coalesce(engine, 'null')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Engines are viper, lsm and heap.';
	ELSIF id_type IS NULL OR id_type NOT IN ('text', 'varchar', 'bigint', 'integer', 'uuid') THEN
		RAISE EXCEPTION 'id_type % cannot be that of ids', coalesce(id_type::text, 'null')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Types of ids are text, varchar, bigint, integer and uuid.';
	ELSIF schema IS NULL THEN
		RAISE EXCEPTION 'no schema to create collection "%" in', name
			USING ERRCODE = 'invalid_schema_name', HINT = 'Name one, or set search_path.';
	ELSIF filterable_columns IS NULL OR jsonb_typeof(filterable_columns) <> 'array' THEN
		RAISE EXCEPTION 'filterable_columns are not a JSON array' USING ERRCODE = 'invalid_parameter_value';
	ELSIF jsonb_array_length(filterable_columns) > 16 THEN
		RAISE EXCEPTION 'a collection has up to 16 filterable columns, not %', jsonb_array_length(filterable_columns)
			USING ERRCODE = 'program_limit_exceeded';
	ELSIF tags IS NULL OR array_position(tags, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'tags of a collection cannot be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	PERFORM proximadb.check_index_options(index_options);
	FOR item IN SELECT proximadb.filterable_column(f.item) FROM jsonb_array_elements(filterable_columns) WITH ORDINALITY f(item, n) ORDER BY f.n LOOP
		IF columns @> jsonb_build_array(jsonb_build_object('name', item -> 'name')) THEN
			RAISE EXCEPTION 'filterable column "%" is named twice', item ->> 'name' USING ERRCODE = 'duplicate_column';
		END IF;
		columns := columns || item;
		generated := generated || format(', %I ', item ->> 'name') || format(CASE item ->> 'data_type'
			WHEN 'string' THEN 'text GENERATED ALWAYS AS (metadata ->> %L) STORED'
			WHEN 'integer' THEN 'bigint GENERATED ALWAYS AS ((metadata ->> %L)::bigint) STORED'
			WHEN 'float' THEN 'double precision GENERATED ALWAYS AS ((metadata ->> %L)::double precision) STORED'
			WHEN 'boolean' THEN 'boolean GENERATED ALWAYS AS ((metadata ->> %L)::boolean) STORED'
			WHEN 'datetime' THEN 'timestamp with time zone GENERATED ALWAYS AS (proximadb.json_timestamp(metadata ->> %L)) STORED'
			WHEN 'array_string' THEN 'text[] GENERATED ALWAYS AS (proximadb.json_text_array(metadata -> %L)) STORED'
			WHEN 'array_integer' THEN 'bigint[] GENERATED ALWAYS AS (proximadb.json_text_array(metadata -> %L)::bigint[]) STORED'
			WHEN 'array_float' THEN 'double precision[] GENERATED ALWAYS AS (proximadb.json_text_array(metadata -> %L)::double precision[]) STORED'
			END, item ->> 'name');
	END LOOP;
	PERFORM FROM proximadb.collections c WHERE c.name = create_collection.name;
	IF FOUND THEN
		RAISE EXCEPTION 'collection "%" already exists', name USING ERRCODE = 'duplicate_object';
	END IF;

	EXECUTE format('CREATE TABLE %I.%I (id %s PRIMARY KEY, vector @extschema@.vector(%s) NOT NULL,'
		' metadata jsonb NOT NULL DEFAULT ''{}'' CHECK (jsonb_typeof(metadata) = ''object''),'
		' created_at timestamp with time zone NOT NULL DEFAULT now(), updated_at timestamp with time zone NOT NULL DEFAULT now(),'
		' expires_at timestamp with time zone, version bigint NOT NULL DEFAULT 1%s) USING %I',
		schema, table_name, id_type, dimension, generated, engine);
	PERFORM proximadb.save_collection(format('%I.%I', schema, table_name)::regclass, jsonb_build_object('name', name,
		'table_name', table_name, 'metric', metric, 'id_column', 'id', 'vector_column', 'vector', 'metadata_column', 'metadata',
		'filterable_columns', columns, 'index_options', index_options, 'description', description, 'tags', tags,
		'created_at', now(), 'updated_at', now()));
	collection := proximadb.get_collection_row(name);
	statement := proximadb.index_statement(collection, index_options, false);
	IF statement IS NOT NULL THEN
		EXECUTE statement;
	ELSIF index_options <> '{}' THEN
		RAISE EXCEPTION 'metric "%" has no index that takes options', metric USING ERRCODE = 'invalid_parameter_value';
	END IF;
	-- lists are searched with an index of their own
	FOR item IN SELECT c FROM jsonb_array_elements(columns) c WHERE c ->> 'data_type' LIKE 'array%' AND (c ->> 'indexed')::boolean LOOP
		EXECUTE format('CREATE INDEX ON %s USING gin (%I)', collection.tbl, item ->> 'name');
	END LOOP;
	RETURN collection.tbl;
END $$;
COMMENT ON FUNCTION proximadb.create_collection(text, integer, text, text, jsonb, jsonb, text, text[], regtype, text) IS
	'creates a table for vectors with metadata, its index, and a collection of the same name';

CREATE FUNCTION proximadb.update_collection(name text, changes jsonb) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	collection proximadb.collections := proximadb.get_collection_row(name);
	fields jsonb := to_jsonb(collection);
	item record;
	index_name regclass;
BEGIN
	IF changes IS NULL OR jsonb_typeof(changes) <> 'object' OR changes = '{}' THEN
		RAISE EXCEPTION 'changes are not a JSON object with at least one field' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	FOR item IN SELECT key, value FROM jsonb_each(changes) LOOP
		CASE
		WHEN item.key = 'description' THEN
			IF jsonb_typeof(item.value) NOT IN ('string', 'null') THEN
				RAISE EXCEPTION 'description is not a string' USING ERRCODE = 'invalid_parameter_value';
			END IF;
		WHEN item.key = 'tags' THEN
			IF jsonb_typeof(item.value) <> 'array' OR item.value @? '$[*] ? (@.type() <> "string")' THEN
				RAISE EXCEPTION 'tags are not a JSON array of strings' USING ERRCODE = 'invalid_parameter_value';
			END IF;
		WHEN item.key = 'target_recall' THEN
			PERFORM proximadb.check_index_options(jsonb_build_object('target_recall', item.value));
			SELECT i.indexrelid INTO index_name FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
				WHERE i.indrelid = collection.tbl AND m.amname = 'axis' LIMIT 1;
			IF NOT FOUND THEN
				RAISE EXCEPTION 'collection "%" has no axis index', name USING ERRCODE = 'undefined_object';
			END IF;
			EXECUTE format('ALTER INDEX %s SET (target_recall = %s)', index_name, item.value);
			fields := jsonb_set(fields, '{index_options,target_recall}', item.value);
			CONTINUE;
		WHEN item.key = 'name' THEN
			RAISE EXCEPTION 'field "name" of a collection cannot be changed here'
				USING ERRCODE = 'feature_not_supported', HINT = 'ALTER TABLE ... RENAME TO renames table and collection.';
		WHEN item.key IN ('dimension', 'metric', 'engine', 'filterable_columns', 'index_options', 'id_type', 'schema', 'created_at') THEN
			RAISE EXCEPTION 'field "%" of a collection cannot be changed', item.key USING ERRCODE = 'feature_not_supported',
				HINT = 'Create another collection and copy the records, or use ALTER TABLE and register_collection().';
		ELSE
			RAISE EXCEPTION 'collections have no field "%"', item.key
				USING ERRCODE = 'invalid_parameter_value', HINT = 'Fields that can be changed are description, tags and target_recall.';
		END CASE;
		fields := fields || jsonb_build_object(item.key, item.value);
	END LOOP;
	PERFORM proximadb.save_collection(collection.tbl, fields);
END $$;
COMMENT ON FUNCTION proximadb.update_collection(text, jsonb) IS 'changes description, tags or target_recall of a collection';

CREATE FUNCTION proximadb.delete_collection(name text, if_exists boolean DEFAULT false) RETURNS boolean
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM FROM proximadb.collections c WHERE c.name = delete_collection.name;
	IF NOT FOUND AND if_exists THEN
		RETURN false;
	END IF;
	EXECUTE format('DROP TABLE %s', (proximadb.get_collection_row(name)).tbl);
	RETURN true;
END $$;
COMMENT ON FUNCTION proximadb.delete_collection(text, boolean) IS 'drops the table of a collection, and so the collection';

CREATE FUNCTION proximadb.list_collections(OUT name text, OUT tbl regclass, OUT owner name, OUT dimension integer, OUT metric text,
		OUT engine name, OUT index_strategy text, OUT estimated_rows bigint, OUT total_bytes bigint, OUT filterable_columns jsonb,
		OUT index_options jsonb, OUT description text, OUT tags text[], OUT created_at timestamp with time zone,
		OUT updated_at timestamp with time zone) RETURNS SETOF record
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT c.name, c.tbl, pg_get_userbyid(r.relowner), nullif(a.atttypmod, -1), c.metric, m.amname,
		(SELECT coalesce((SELECT o.option_value FROM pg_options_to_table(x.reloptions) o WHERE o.option_name = 'strategy'), 'auto')
			FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am k ON k.oid = x.relam
			WHERE i.indrelid = c.tbl AND k.amname = 'axis' AND i.indisvalid ORDER BY i.indexrelid LIMIT 1),
		CASE WHEN r.reltuples >= 0 THEN r.reltuples::bigint END, pg_total_relation_size(c.tbl), c.filterable_columns, c.index_options,
		c.description, c.tags, c.created_at, c.updated_at
	FROM proximadb.collections c JOIN pg_class r ON r.oid = c.tbl
		LEFT JOIN pg_am m ON m.oid = r.relam
		LEFT JOIN pg_attribute a ON a.attrelid = c.tbl AND a.attname = c.vector_column AND NOT a.attisdropped
	ORDER BY c.name
$$;
COMMENT ON FUNCTION proximadb.list_collections() IS
	'all collections; estimated_rows is what the planner believes, NULL before the first ANALYZE or VACUUM';

CREATE FUNCTION proximadb.get_collection(name text, OUT tbl regclass, OUT owner name, OUT dimension integer, OUT metric text,
		OUT engine name, OUT index_strategy text, OUT estimated_rows bigint, OUT total_bytes bigint, OUT filterable_columns jsonb,
		OUT index_options jsonb, OUT description text, OUT tags text[], OUT created_at timestamp with time zone,
		OUT updated_at timestamp with time zone) RETURNS record
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM proximadb.get_collection_row(name);
	SELECT l.tbl, l.owner, l.dimension, l.metric, l.engine, l.index_strategy, l.estimated_rows, l.total_bytes, l.filterable_columns,
			l.index_options, l.description, l.tags, l.created_at, l.updated_at
		INTO STRICT tbl, owner, dimension, metric, engine, index_strategy, estimated_rows, total_bytes, filterable_columns,
			index_options, description, tags, created_at, updated_at
		FROM proximadb.list_collections() l WHERE l.name = get_collection.name;
END $$;
COMMENT ON FUNCTION proximadb.get_collection(text) IS 'one collection, as list_collections() shows it; an error if there is none';

CREATE FUNCTION proximadb.health(OUT object text, OUT ok boolean, OUT detail text) RETURNS SETOF record
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT 'library', p.loaded, CASE WHEN p.loaded THEN 'in shared_preload_libraries' ELSE 'not in shared_preload_libraries: viper and lsm tables cannot be used' END
		FROM (SELECT current_setting('shared_preload_libraries') ~ '(^|[,/ ])proximadb($|[, .])' AS loaded) p
	UNION ALL
	SELECT 'extension', e.extversion = v.default_version, 'version ' || e.extversion || CASE WHEN e.extversion <> v.default_version
			THEN ', ' || v.default_version || ' is installed: ALTER EXTENSION proximadb UPDATE' ELSE '' END
		FROM pg_extension e JOIN pg_available_extensions v ON v.name = e.extname WHERE e.extname = 'proximadb'
	UNION ALL
	SELECT * FROM (
		SELECT 'collection ' || c.name, problem IS NULL, coalesce(problem, 'table and columns are there, indexes are valid')
		FROM proximadb.collections c, LATERAL (SELECT coalesce(
			CASE WHEN NOT EXISTS (SELECT FROM pg_class WHERE oid = c.tbl) THEN 'its table does not exist' END,
			(SELECT format('its table has no column "%s"', n.column_name) FROM unnest(ARRAY[c.id_column, c.vector_column, c.metadata_column]) n(column_name)
				WHERE n.column_name IS NOT NULL AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.tbl AND a.attname = n.column_name AND NOT a.attisdropped) LIMIT 1),
			(SELECT format('index %s is not valid', i.indexrelid::regclass) FROM pg_index i WHERE i.indrelid = c.tbl AND NOT i.indisvalid LIMIT 1)) AS problem) p
		ORDER BY c.name) k
$$;
COMMENT ON FUNCTION proximadb.health() IS 'whether the library, the extension and each collection are as they should be';

CREATE FUNCTION proximadb.get_metrics(collection text, OUT live_rows bigint, OUT dead_rows bigint, OUT hot_rows bigint,
		OUT sealed_rows bigint, OUT segments bigint, OUT main_bytes bigint, OUT store_bytes bigint, OUT free_bytes bigint,
		OUT index_bytes bigint, OUT total_bytes bigint, OUT seq_scans bigint, OUT index_scans bigint, OUT rows_inserted bigint,
		OUT rows_updated bigint, OUT rows_deleted bigint, OUT last_flush timestamp with time zone,
		OUT last_compaction timestamp with time zone) RETURNS record
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	target regclass := (proximadb.get_collection_row(collection)).tbl;
BEGIN
	SELECT u.n_live_tup, u.n_dead_tup, t.hot_rows, t.sealed_rows, t.segments, pg_relation_size(target),
			coalesce(pg_relation_size(nullif(r.reltoastrelid, 0)), 0), t.free_bytes, pg_indexes_size(target), pg_total_relation_size(target),
			u.seq_scan, u.idx_scan, u.n_tup_ins, u.n_tup_upd, u.n_tup_del, m.last_flush, m.last_compaction
		INTO live_rows, dead_rows, hot_rows, sealed_rows, segments, main_bytes, store_bytes, free_bytes, index_bytes, total_bytes,
			seq_scans, index_scans, rows_inserted, rows_updated, rows_deleted, last_flush, last_compaction
		FROM pg_class r LEFT JOIN pg_stat_all_tables u ON u.relid = r.oid
			LEFT JOIN proximadb.stat_table t ON t.relid = r.oid
			LEFT JOIN proximadb.stat_maintenance m ON m.relid = r.oid
		WHERE r.oid = target;
END $$;
COMMENT ON FUNCTION proximadb.get_metrics(text) IS
	'rows and scans as the statistics system counts them, segments, bytes; NULL where nothing is counted, as for the segments of a heap table';

-- What the index should be, and making it so

CREATE FUNCTION proximadb.axis_analyze(collection text, OUT strategy text, OUT engine name, OUT current_strategy text,
		OUT current_engine name, OUT reasons text[], OUT figures jsonb) RETURNS record
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	c proximadb.collections := proximadb.get_collection_row(collection);
	-- below this many bytes of vectors, looking at all of them takes a few milliseconds
	small constant bigint := 16 * 1024 * 1024;
	index_oid oid;
	row_count real;
	dimension integer;
	vector_bytes bigint;
	document_bytes bigint;
	inserted bigint;
	changed bigint;
	scans bigint;
	missing text;
BEGIN
	SELECT m.amname, r.reltuples, nullif(a.atttypmod, -1), u.n_tup_ins, u.n_tup_upd + u.n_tup_del, u.seq_scan + coalesce(u.idx_scan, 0)
		INTO STRICT current_engine, row_count, dimension, inserted, changed, scans
		FROM pg_class r LEFT JOIN pg_am m ON m.oid = r.relam LEFT JOIN pg_stat_all_tables u ON u.relid = r.oid
			JOIN pg_attribute a ON a.attrelid = r.oid AND a.attname = c.vector_column AND NOT a.attisdropped
		WHERE r.oid = c.tbl;
	SELECT i.indexrelid, coalesce((SELECT o.option_value FROM pg_options_to_table(x.reloptions) o WHERE o.option_name = 'strategy'), 'auto')
		INTO index_oid, current_strategy
		FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am k ON k.oid = x.relam
		WHERE i.indrelid = c.tbl AND k.amname = 'axis' AND i.indisvalid ORDER BY i.indexrelid LIMIT 1;
	SELECT sum(s.avg_width) FILTER (WHERE s.attname <> c.vector_column) INTO document_bytes
		FROM pg_stats s JOIN pg_class r ON r.relname = s.tablename JOIN pg_namespace n ON n.oid = r.relnamespace AND n.nspname = s.schemaname
		WHERE r.oid = c.tbl;
	vector_bytes := 4 * dimension * greatest(row_count, 0);
	reasons := '{}';

	IF c.metric IN ('manhattan', 'hamming') THEN
		reasons := reasons || format('metric %s has no index: searches read all vectors', c.metric);
	ELSIF row_count < 0 THEN
		strategy := coalesce(current_strategy, 'auto');
		reasons := reasons || 'the number of rows is not known: ANALYZE the table'::text;
	ELSIF vector_bytes < small THEN
		strategy := coalesce(current_strategy, 'auto');
		reasons := reasons || format('%s of vectors are little: any strategy is fast', pg_size_pretty(vector_bytes));
	ELSE
		strategy := CASE WHEN current_strategy = 'ivf' THEN 'ivf' ELSE 'auto' END;
		reasons := reasons || CASE WHEN current_strategy = 'flat'
			THEN format('%s of vectors are much for looking at all codes: inverted lists look at some', pg_size_pretty(vector_bytes))
			ELSE format('%s of vectors want inverted lists, which auto makes as the table grows', coalesce(pg_size_pretty(vector_bytes), 'many')) END;
	END IF;
	IF index_oid IS NULL AND c.metric NOT IN ('manhattan', 'hamming') THEN
		reasons := reasons || 'there is no valid axis index: searches read all vectors'::text;
	END IF;
	SELECT string_agg(f.item ->> 'name', ', ' ORDER BY f.n) INTO missing
		FROM jsonb_array_elements(c.filterable_columns) WITH ORDINALITY f(item, n)
			JOIN pg_attribute a ON a.attrelid = c.tbl AND a.attname = f.item ->> 'name'
			JOIN pg_opclass o ON o.opcintype = a.atttypid AND o.opcdefault
			JOIN pg_am m ON m.oid = o.opcmethod AND m.amname = 'axis'
		WHERE index_oid IS NOT NULL AND (f.item ->> 'indexed')::boolean
			AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = index_oid AND a.attnum = ANY (i.indkey));
	IF missing IS NOT NULL THEN
		reasons := reasons || format('filterable columns that the index lacks: %s', missing);
	END IF;

	engine := coalesce(current_engine, 'viper');
	IF coalesce(inserted, 0) + coalesce(changed, 0) = 0 OR document_bytes IS NULL THEN
		reasons := reasons || format('engine %s: too little is known of writes and widths to say more', engine);
	ELSIF document_bytes > 4 * dimension AND scans > 0 AND changed > inserted THEN
		engine := 'lsm';
		reasons := reasons || format('engine lsm: %s bytes of a row beside %s of its vector, and %s rows changed for %s inserted', document_bytes,
			4 * dimension, changed, inserted);
	ELSE
		engine := 'viper';
		reasons := reasons || format('engine viper: %s bytes of a row beside %s of its vector, and %s rows changed for %s inserted', document_bytes,
			coalesce((4 * dimension)::text, 'a varying number'), changed, inserted);
	END IF;
	figures := jsonb_build_object('estimated_rows', CASE WHEN row_count >= 0 THEN row_count::bigint END, 'dimension', dimension,
		'vector_bytes', CASE WHEN row_count >= 0 THEN vector_bytes END, 'other_bytes_per_row', document_bytes,
		'index_bytes', pg_relation_size(index_oid), 'rows_inserted', inserted, 'rows_changed', changed, 'scans', scans);
END $$;
COMMENT ON FUNCTION proximadb.axis_analyze(text) IS
	'the index strategy and engine that the data and the statistics of a collection ask for, with reasons and figures';

CREATE FUNCTION proximadb.axis_migrate(collection text, strategy text) RETURNS text
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	c proximadb.collections := proximadb.get_collection_row(collection);
	options jsonb := c.index_options || jsonb_build_object('strategy', strategy);
	index_name regclass;
BEGIN
	PERFORM proximadb.check_index_options(options);
	SELECT i.indexrelid INTO index_name FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
		WHERE i.indrelid = c.tbl AND m.amname = 'axis' ORDER BY i.indisvalid DESC, i.indexrelid LIMIT 1;
	IF proximadb.index_statement(c, options, true) IS NULL THEN
		RAISE EXCEPTION 'metric "%" has no index', c.metric USING ERRCODE = 'feature_not_supported';
	END IF;
	PERFORM proximadb.save_collection(c.tbl, to_jsonb(c) || jsonb_build_object('index_options', options));
	IF index_name IS NULL THEN
		RETURN proximadb.index_statement(c, options, true);
	END IF;
	EXECUTE format('ALTER INDEX %s SET (strategy = %L)', index_name, strategy);
	RETURN format('REINDEX INDEX CONCURRENTLY %s', index_name);
END $$;
COMMENT ON FUNCTION proximadb.axis_migrate(text, text) IS
	'sets the index strategy of a collection and returns the statement, to be run by itself, that rebuilds the index beside reads and writes and drops the old one last';

-- Records

CREATE FUNCTION proximadb.insert_vectors(collection text, records jsonb) RETURNS bigint
	AS 'MODULE_PATHNAME', 'pxd_sql_insert_records' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION proximadb.insert_vectors(text, jsonb) IS
	'inserts a JSON array of records {"id", "vector", "metadata", "expires_at"}; an error if an id exists';

CREATE FUNCTION proximadb.insert_vectors(collection text, ids text[], vectors @extschema@.vector[], metadata jsonb[] DEFAULT NULL,
		expires_at timestamp with time zone[] DEFAULT NULL) RETURNS bigint
	AS 'MODULE_PATHNAME', 'pxd_sql_insert_arrays' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION proximadb.insert_vectors(text, text[], @extschema@.vector[], jsonb[], timestamp with time zone[]) IS
	'inserts records given as arrays; an error if an id exists';

CREATE FUNCTION proximadb.upsert_vectors(collection text, records jsonb) RETURNS bigint
	AS 'MODULE_PATHNAME', 'pxd_sql_upsert_records' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION proximadb.upsert_vectors(text, jsonb) IS
	'inserts or replaces a JSON array of records {"id", "vector", "metadata", "expires_at", "version"}; one with a version only replaces that version';

CREATE FUNCTION proximadb.upsert_vectors(collection text, ids text[], vectors @extschema@.vector[], metadata jsonb[] DEFAULT NULL,
		expires_at timestamp with time zone[] DEFAULT NULL) RETURNS bigint
	AS 'MODULE_PATHNAME', 'pxd_sql_upsert_arrays' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION proximadb.upsert_vectors(text, text[], @extschema@.vector[], jsonb[], timestamp with time zone[]) IS
	'inserts or replaces records given as arrays';

CREATE FUNCTION proximadb.get_vector(collection text, id text, OUT id text, OUT vector @extschema@.vector, OUT metadata jsonb,
		OUT created_at timestamp with time zone, OUT updated_at timestamp with time zone, OUT expires_at timestamp with time zone,
		OUT version bigint) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pxd_sql_get_vector' LANGUAGE C STABLE ROWS 1;
COMMENT ON FUNCTION proximadb.get_vector(text, text) IS 'a record, unless it does not exist or has expired';

CREATE FUNCTION proximadb.delete_vectors(collection text, ids text[]) RETURNS bigint
	AS 'MODULE_PATHNAME', 'pxd_sql_delete_vectors' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION proximadb.delete_vectors(text, text[]) IS 'deletes records and returns how many there were';

CREATE FUNCTION proximadb.delete_vectors_by_filter(collection text, filter jsonb) RETURNS bigint
	AS 'MODULE_PATHNAME', 'pxd_sql_delete_vectors_by_filter' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION proximadb.delete_vectors_by_filter(text, jsonb) IS 'deletes the records that match a filter and returns how many there were';

CREATE FUNCTION proximadb.purge_expired(collection text) RETURNS bigint
	AS 'MODULE_PATHNAME', 'pxd_sql_purge_expired' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION proximadb.purge_expired(text) IS 'deletes the records whose expires_at has passed and returns how many there were';

-- Search

CREATE FUNCTION proximadb.search(collection text, query @extschema@.vector, k integer DEFAULT 10, filter jsonb DEFAULT NULL,
		include_vector boolean DEFAULT false, include_metadata boolean DEFAULT true, target_recall double precision DEFAULT NULL, OUT id text, OUT score double precision,
		OUT distance double precision, OUT rank integer, OUT metadata jsonb, OUT vector @extschema@.vector) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pxd_sql_search' LANGUAGE C STABLE COST 1000 ROWS 10;
COMMENT ON FUNCTION proximadb.search(text, @extschema@.vector, integer, jsonb, boolean, boolean, double precision) IS
	'the k records nearest to a vector that match a filter, best first';

CREATE FUNCTION proximadb.search_batch(collection text, queries @extschema@.vector[], k integer DEFAULT 10, filter jsonb DEFAULT NULL,
		include_vector boolean DEFAULT false, include_metadata boolean DEFAULT true, target_recall double precision DEFAULT NULL, OUT query integer, OUT id text,
		OUT score double precision, OUT distance double precision, OUT rank integer, OUT metadata jsonb,
		OUT vector @extschema@.vector) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pxd_sql_search_batch' LANGUAGE C STABLE COST 10000 ROWS 100;
COMMENT ON FUNCTION proximadb.search_batch(text, @extschema@.vector[], integer, jsonb, boolean, boolean, double precision) IS
	'search for each of several vectors; query is the number of the vector, from 1';

CREATE FUNCTION proximadb.search_sql(collection text, query @extschema@.vector, k integer DEFAULT 10, filter jsonb DEFAULT NULL,
		include_vector boolean DEFAULT false, include_metadata boolean DEFAULT true) RETURNS text
	AS 'MODULE_PATHNAME', 'pxd_sql_search_sql' LANGUAGE C STABLE;
COMMENT ON FUNCTION proximadb.search_sql(text, @extschema@.vector, integer, jsonb, boolean, boolean) IS
	'the SQL that search() runs with these arguments, to be explained or changed';

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
	'writes a collection, a table or the rows of a query as an Avro object container file of the server and returns the number of records; codec null or deflate; for roles with pg_write_server_files';

CREATE FUNCTION proximadb.export_avro_bytes(source text, codec text DEFAULT 'null') RETURNS bytea
	AS 'MODULE_PATHNAME', 'pxd_sql_export_avro_bytes' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION proximadb.export_avro_bytes(text, text) IS
	'a collection, a table or the rows of a query as the bytes of an Avro object container file; codec null or deflate';

CREATE FUNCTION proximadb.import_avro(target text, file text, on_conflict text DEFAULT 'error') RETURNS bigint
	AS 'MODULE_PATHNAME', 'pxd_sql_import_avro' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION proximadb.import_avro(text, text, text) IS
	'inserts the records of an Avro object container file of the server into a collection or table; on_conflict error, skip or replace; returns the number of rows written';

CREATE FUNCTION proximadb.import_avro_bytes(target text, data bytea, on_conflict text DEFAULT 'error') RETURNS bigint
	AS 'MODULE_PATHNAME', 'pxd_sql_import_avro_bytes' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION proximadb.import_avro_bytes(text, bytea, text) IS
	'inserts the records of an Avro object container file, given as its bytes, into a collection or table';

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

CREATE FUNCTION proximadb.axis_halfvec_l2(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_halfvec_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION proximadb.axis_halfvec_l2(internal) IS 'support function of axis for halfvec, Euclidean distance';

CREATE OPERATOR CLASS @extschema@.halfvec_l2_ops DEFAULT FOR TYPE @extschema@.halfvec USING axis AS
	OPERATOR 1 @extschema@.<->(@extschema@.halfvec, @extschema@.halfvec) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 proximadb.axis_halfvec_l2(internal);
COMMENT ON OPERATOR CLASS @extschema@.halfvec_l2_ops USING axis IS 'ORDER BY halfvec <-> query: Euclidean distance';

CREATE FUNCTION proximadb.axis_halfvec_ip(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_halfvec_ip' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION proximadb.axis_halfvec_ip(internal) IS 'support function of axis for halfvec, negative inner product';

CREATE OPERATOR CLASS @extschema@.halfvec_ip_ops FOR TYPE @extschema@.halfvec USING axis AS
	OPERATOR 1 @extschema@.<#>(@extschema@.halfvec, @extschema@.halfvec) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 proximadb.axis_halfvec_ip(internal);
COMMENT ON OPERATOR CLASS @extschema@.halfvec_ip_ops USING axis IS 'ORDER BY halfvec <#> query: negative inner product';

CREATE FUNCTION proximadb.axis_halfvec_cosine(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_halfvec_cosine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION proximadb.axis_halfvec_cosine(internal) IS 'support function of axis for halfvec, cosine distance';

CREATE OPERATOR CLASS @extschema@.halfvec_cosine_ops FOR TYPE @extschema@.halfvec USING axis AS
	OPERATOR 1 @extschema@.<=>(@extschema@.halfvec, @extschema@.halfvec) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 proximadb.axis_halfvec_cosine(internal);
COMMENT ON OPERATOR CLASS @extschema@.halfvec_cosine_ops USING axis IS 'ORDER BY halfvec <=> query: cosine distance';

CREATE FUNCTION proximadb.axis_bit_hamming(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_bit_hamming' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION proximadb.axis_bit_hamming(internal) IS 'support function of axis for bit, Hamming distance';

CREATE OPERATOR CLASS @extschema@.bit_hamming_ops DEFAULT FOR TYPE pg_catalog.bit USING axis AS
	OPERATOR 1 @extschema@.<~>(pg_catalog.bit, pg_catalog.bit) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 proximadb.axis_bit_hamming(internal);
COMMENT ON OPERATOR CLASS @extschema@.bit_hamming_ops USING axis IS 'ORDER BY bits <~> query: Hamming distance';

-- axis without codes: classes of distances that codes do not estimate

CREATE FUNCTION proximadb.axis_vector_l1(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_vector_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION proximadb.axis_vector_l1(internal) IS 'support function of axis for vector, taxicab distance';

CREATE OPERATOR CLASS @extschema@.vector_l1_ops FOR TYPE @extschema@.vector USING axis AS
	OPERATOR 1 @extschema@.<+>(@extschema@.vector, @extschema@.vector) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 proximadb.axis_vector_l1(internal);
COMMENT ON OPERATOR CLASS @extschema@.vector_l1_ops USING axis IS 'ORDER BY vector <+> query: taxicab distance, by looking at all rows of the index';

CREATE FUNCTION proximadb.axis_halfvec_l1(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_halfvec_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION proximadb.axis_halfvec_l1(internal) IS 'support function of axis for halfvec, taxicab distance';

CREATE OPERATOR CLASS @extschema@.halfvec_l1_ops FOR TYPE @extschema@.halfvec USING axis AS
	OPERATOR 1 @extschema@.<+>(@extschema@.halfvec, @extschema@.halfvec) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 proximadb.axis_halfvec_l1(internal);
COMMENT ON OPERATOR CLASS @extschema@.halfvec_l1_ops USING axis IS 'ORDER BY halfvec <+> query: taxicab distance, by looking at all rows of the index';

CREATE FUNCTION proximadb.axis_bit_jaccard(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_bit_jaccard' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION proximadb.axis_bit_jaccard(internal) IS 'support function of axis for bit, Jaccard distance';

CREATE OPERATOR CLASS @extschema@.bit_jaccard_ops FOR TYPE pg_catalog.bit USING axis AS
	OPERATOR 1 @extschema@.<%>(pg_catalog.bit, pg_catalog.bit) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 proximadb.axis_bit_jaccard(internal);
COMMENT ON OPERATOR CLASS @extschema@.bit_jaccard_ops USING axis IS 'ORDER BY bits <%> query: Jaccard distance, by looking at all rows of the index';

CREATE FUNCTION proximadb.axis_sparsevec_l2(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_sparsevec_l2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION proximadb.axis_sparsevec_l2(internal) IS 'support function of axis for sparsevec, Euclidean distance';

CREATE OPERATOR CLASS @extschema@.sparsevec_l2_ops DEFAULT FOR TYPE @extschema@.sparsevec USING axis AS
	OPERATOR 1 @extschema@.<->(@extschema@.sparsevec, @extschema@.sparsevec) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 proximadb.axis_sparsevec_l2(internal);
COMMENT ON OPERATOR CLASS @extschema@.sparsevec_l2_ops USING axis IS 'ORDER BY sparsevec <-> query: Euclidean distance, by looking at all rows of the index';

CREATE FUNCTION proximadb.axis_sparsevec_ip(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_sparsevec_ip' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION proximadb.axis_sparsevec_ip(internal) IS 'support function of axis for sparsevec, negative inner product';

CREATE OPERATOR CLASS @extschema@.sparsevec_ip_ops FOR TYPE @extschema@.sparsevec USING axis AS
	OPERATOR 1 @extschema@.<#>(@extschema@.sparsevec, @extschema@.sparsevec) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 proximadb.axis_sparsevec_ip(internal);
COMMENT ON OPERATOR CLASS @extschema@.sparsevec_ip_ops USING axis IS 'ORDER BY sparsevec <#> query: negative inner product, by looking at all rows of the index';

CREATE FUNCTION proximadb.axis_sparsevec_cosine(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_sparsevec_cosine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION proximadb.axis_sparsevec_cosine(internal) IS 'support function of axis for sparsevec, cosine distance';

CREATE OPERATOR CLASS @extschema@.sparsevec_cosine_ops FOR TYPE @extschema@.sparsevec USING axis AS
	OPERATOR 1 @extschema@.<=>(@extschema@.sparsevec, @extschema@.sparsevec) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 proximadb.axis_sparsevec_cosine(internal);
COMMENT ON OPERATOR CLASS @extschema@.sparsevec_cosine_ops USING axis IS 'ORDER BY sparsevec <=> query: cosine distance, by looking at all rows of the index';

CREATE FUNCTION proximadb.axis_sparsevec_l1(internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_sparsevec_l1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION proximadb.axis_sparsevec_l1(internal) IS 'support function of axis for sparsevec, taxicab distance';

CREATE OPERATOR CLASS @extschema@.sparsevec_l1_ops FOR TYPE @extschema@.sparsevec USING axis AS
	OPERATOR 1 @extschema@.<+>(@extschema@.sparsevec, @extschema@.sparsevec) FOR ORDER BY pg_catalog.float_ops,
	FUNCTION 1 proximadb.axis_sparsevec_l1(internal);
COMMENT ON OPERATOR CLASS @extschema@.sparsevec_l1_ops USING axis IS 'ORDER BY sparsevec <+> query: taxicab distance, by looking at all rows of the index';

-- filter columns: comparisons; those of hashed types only equality

CREATE OPERATOR CLASS @extschema@.bool_filter_ops DEFAULT FOR TYPE pg_catalog.bool USING axis AS
	OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>;
COMMENT ON OPERATOR CLASS @extschema@.bool_filter_ops USING axis IS 'filter column of an axis index: comparisons';

-- integers of all widths may be compared with each other: constants are integer, whatever the column is
CREATE OPERATOR FAMILY @extschema@.integer_filter_ops USING axis;
COMMENT ON OPERATOR FAMILY @extschema@.integer_filter_ops USING axis IS 'filter columns of an axis index: comparisons of integers';

CREATE OPERATOR CLASS @extschema@.int2_filter_ops DEFAULT FOR TYPE pg_catalog.int2 USING axis FAMILY @extschema@.integer_filter_ops AS
	OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>;
COMMENT ON OPERATOR CLASS @extschema@.int2_filter_ops USING axis IS 'filter column of an axis index: comparisons';

CREATE OPERATOR CLASS @extschema@.int4_filter_ops DEFAULT FOR TYPE pg_catalog.int4 USING axis FAMILY @extschema@.integer_filter_ops AS
	OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>;
COMMENT ON OPERATOR CLASS @extschema@.int4_filter_ops USING axis IS 'filter column of an axis index: comparisons';

CREATE OPERATOR CLASS @extschema@.int8_filter_ops DEFAULT FOR TYPE pg_catalog.int8 USING axis FAMILY @extschema@.integer_filter_ops AS
	OPERATOR 1 pg_catalog.<, OPERATOR 2 pg_catalog.<=, OPERATOR 3 pg_catalog.=, OPERATOR 4 pg_catalog.>=, OPERATOR 5 pg_catalog.>;
COMMENT ON OPERATOR CLASS @extschema@.int8_filter_ops USING axis IS 'filter column of an axis index: comparisons';

ALTER OPERATOR FAMILY @extschema@.integer_filter_ops USING axis ADD
	OPERATOR 1 pg_catalog.< (pg_catalog.int2, pg_catalog.int4), OPERATOR 2 pg_catalog.<= (pg_catalog.int2, pg_catalog.int4), OPERATOR 3 pg_catalog.= (pg_catalog.int2, pg_catalog.int4), OPERATOR 4 pg_catalog.>= (pg_catalog.int2, pg_catalog.int4), OPERATOR 5 pg_catalog.> (pg_catalog.int2, pg_catalog.int4),
	OPERATOR 1 pg_catalog.< (pg_catalog.int2, pg_catalog.int8), OPERATOR 2 pg_catalog.<= (pg_catalog.int2, pg_catalog.int8), OPERATOR 3 pg_catalog.= (pg_catalog.int2, pg_catalog.int8), OPERATOR 4 pg_catalog.>= (pg_catalog.int2, pg_catalog.int8), OPERATOR 5 pg_catalog.> (pg_catalog.int2, pg_catalog.int8),
	OPERATOR 1 pg_catalog.< (pg_catalog.int4, pg_catalog.int2), OPERATOR 2 pg_catalog.<= (pg_catalog.int4, pg_catalog.int2), OPERATOR 3 pg_catalog.= (pg_catalog.int4, pg_catalog.int2), OPERATOR 4 pg_catalog.>= (pg_catalog.int4, pg_catalog.int2), OPERATOR 5 pg_catalog.> (pg_catalog.int4, pg_catalog.int2),
	OPERATOR 1 pg_catalog.< (pg_catalog.int4, pg_catalog.int8), OPERATOR 2 pg_catalog.<= (pg_catalog.int4, pg_catalog.int8), OPERATOR 3 pg_catalog.= (pg_catalog.int4, pg_catalog.int8), OPERATOR 4 pg_catalog.>= (pg_catalog.int4, pg_catalog.int8), OPERATOR 5 pg_catalog.> (pg_catalog.int4, pg_catalog.int8),
	OPERATOR 1 pg_catalog.< (pg_catalog.int8, pg_catalog.int2), OPERATOR 2 pg_catalog.<= (pg_catalog.int8, pg_catalog.int2), OPERATOR 3 pg_catalog.= (pg_catalog.int8, pg_catalog.int2), OPERATOR 4 pg_catalog.>= (pg_catalog.int8, pg_catalog.int2), OPERATOR 5 pg_catalog.> (pg_catalog.int8, pg_catalog.int2),
	OPERATOR 1 pg_catalog.< (pg_catalog.int8, pg_catalog.int4), OPERATOR 2 pg_catalog.<= (pg_catalog.int8, pg_catalog.int4), OPERATOR 3 pg_catalog.= (pg_catalog.int8, pg_catalog.int4), OPERATOR 4 pg_catalog.>= (pg_catalog.int8, pg_catalog.int4), OPERATOR 5 pg_catalog.> (pg_catalog.int8, pg_catalog.int4);

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

-- axis: looking inside

CREATE FUNCTION proximadb.axis_stat(index regclass, OUT strategy text, OUT metric text, OUT dimensions integer, OUT code_bits integer,
		OUT rows bigint, OUT lists integer, OUT list_rows_min bigint, OUT list_rows_median bigint, OUT list_rows_p95 bigint,
		OUT list_rows_max bigint, OUT bytes bigint, OUT bytes_per_row double precision, OUT target_recall double precision,
		OUT calibrated_rows bigint, OUT calibration jsonb, OUT scans bigint, OUT lists_probed bigint, OUT lists_skipped bigint,
		OUT codes_scanned bigint, OUT reranks bigint, OUT rows_returned bigint)
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_stat' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION proximadb.axis_stat(regclass) IS 'an axis index: its lists, calibration and counts; see view proximadb.stat_index';

CREATE FUNCTION proximadb.axis_stat_reset(index regclass) RETURNS void
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_stat_reset' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION proximadb.axis_stat_reset(regclass) IS 'sets the counts of an axis index to zero';

CREATE VIEW proximadb.stat_index AS
	SELECT i.indexrelid::pg_catalog.regclass AS index, i.indrelid::pg_catalog.regclass AS "table", s.*
	FROM pg_catalog.pg_index i
		-- nothing but indexes that can be read may reach the function, whatever the order of joins; axis has other names in compat/vector
		CROSS JOIN LATERAL proximadb.axis_stat(
			(SELECT c.oid
			FROM pg_catalog.pg_class c
				JOIN pg_catalog.pg_am a ON a.oid OPERATOR(pg_catalog.=) c.relam
				JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) a.amhandler
			WHERE c.oid OPERATOR(pg_catalog.=) i.indexrelid AND p.probin OPERATOR(pg_catalog.~) '^\$libdir/proximadb'
				AND c.relkind OPERATOR(pg_catalog.=) 'i' AND i.indisvalid
				AND NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace)
				AND NOT (c.relpersistence OPERATOR(pg_catalog.=) 'u' AND pg_catalog.pg_is_in_recovery())
				AND (pg_catalog.has_table_privilege(i.indrelid, 'SELECT') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE')))) s
	WHERE s.metric IS NOT NULL;
COMMENT ON VIEW proximadb.stat_index IS 'axis indexes of tables the user may read';
COMMENT ON COLUMN proximadb.stat_index.rows IS 'rows in the index, those without a vector and dead ones included';
COMMENT ON COLUMN proximadb.stat_index.lists IS 'inverted lists; the rows of each follow: least, median, 95th percentile, most';
COMMENT ON COLUMN proximadb.stat_index.target_recall IS 'share of the nearest rows that searches aim at, with the settings of this session';
COMMENT ON COLUMN proximadb.stat_index.calibrated_rows IS 'rows of the index when its reach was last measured; 0: never';
COMMENT ON COLUMN proximadb.stat_index.calibration IS
	'what was measured: for a rank and a recall, lists to be probed and how much farther than the nearest a list may be';
COMMENT ON COLUMN proximadb.stat_index.scans IS 'scans since the counts were reset, with the library preloaded of all sessions, else of this one';
COMMENT ON COLUMN proximadb.stat_index.lists_skipped IS 'lists passed over since no row of theirs could meet the filter';
COMMENT ON COLUMN proximadb.stat_index.codes_scanned IS 'rows whose distance was estimated';
COMMENT ON COLUMN proximadb.stat_index.reranks IS 'rows whose distance was computed from the table';
GRANT SELECT ON proximadb.stat_index TO PUBLIC;

CREATE FUNCTION proximadb.axis_check(index regclass, OUT fault text, OUT block bigint, OUT tid tid) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_check' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION proximadb.axis_check(regclass) IS
	'faults of an axis index: its structure, its codes, and whether each row the snapshot sees is indexed once';

CREATE FUNCTION proximadb.axis_recall(index regclass, sample integer DEFAULT 100, k integer DEFAULT 10,
		queries @extschema@.vector[] DEFAULT NULL, OUT tested integer, OUT recall double precision, OUT codes double precision,
		OUT reranks double precision, OUT index_ms double precision, OUT exact_ms double precision)
	AS 'MODULE_PATHNAME', 'pxd_sql_axis_recall' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION proximadb.axis_recall(regclass, integer, integer, @extschema@.vector[]) IS
	'share of the k nearest rows an axis index finds, for rows of its table or given queries, against exact search';
