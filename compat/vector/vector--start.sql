/* vector: first step of CREATE EXTENSION, which pgvector's users write without CASCADE: installs proximadb if it is not there. */
\echo Use "CREATE EXTENSION vector" to load this file. \quit

CREATE FUNCTION vector_require_proximadb(schema text) RETURNS void
	AS 'MODULE_PATHNAME', 'pxd_sql_vector_require' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
SELECT vector_require_proximadb(pg_catalog.current_schema()::pg_catalog.text);
DROP FUNCTION vector_require_proximadb(text);
