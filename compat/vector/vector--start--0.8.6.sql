/* vector: access methods hnsw and ivfflat on top of proximadb, with the operator classes of pgvector 0.8.6. See compat/vector/README.md. */
\echo Use "CREATE EXTENSION vector" to load this file. \quit

-- Types, operators and support functions are proximadb's: the schema they are in stands in search_path behind the schema of this extension.

CREATE FUNCTION ivfflathandler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME', 'pxd_sql_ivfflat_handler' LANGUAGE C STRICT;
COMMENT ON FUNCTION ivfflathandler(internal) IS 'index access method ivfflat';
CREATE ACCESS METHOD ivfflat TYPE INDEX HANDLER ivfflathandler;
COMMENT ON ACCESS METHOD ivfflat IS 'axis of proximadb, by the name of an access method of pgvector';

CREATE FUNCTION hnswhandler(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME', 'pxd_sql_hnsw_handler' LANGUAGE C STRICT;
COMMENT ON FUNCTION hnswhandler(internal) IS 'index access method hnsw';
CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER hnswhandler;
COMMENT ON ACCESS METHOD hnsw IS 'axis of proximadb, by the name of an access method of pgvector';

-- operator classes of ivfflat

CREATE OPERATOR CLASS vector_l2_ops DEFAULT FOR TYPE vector USING ivfflat AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_vector_l2(internal);
COMMENT ON OPERATOR CLASS vector_l2_ops USING ivfflat IS 'ORDER BY vector <-> query: Euclidean distance';

CREATE OPERATOR CLASS vector_ip_ops FOR TYPE vector USING ivfflat AS
	OPERATOR 1 <#> (vector, vector) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_vector_ip(internal);
COMMENT ON OPERATOR CLASS vector_ip_ops USING ivfflat IS 'ORDER BY vector <#> query: negative inner product';

CREATE OPERATOR CLASS vector_cosine_ops FOR TYPE vector USING ivfflat AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_vector_cosine(internal);
COMMENT ON OPERATOR CLASS vector_cosine_ops USING ivfflat IS 'ORDER BY vector <=> query: cosine distance';

CREATE OPERATOR CLASS halfvec_l2_ops FOR TYPE halfvec USING ivfflat AS
	OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_halfvec_l2(internal);
COMMENT ON OPERATOR CLASS halfvec_l2_ops USING ivfflat IS 'ORDER BY halfvec <-> query: Euclidean distance';

CREATE OPERATOR CLASS halfvec_ip_ops FOR TYPE halfvec USING ivfflat AS
	OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_halfvec_ip(internal);
COMMENT ON OPERATOR CLASS halfvec_ip_ops USING ivfflat IS 'ORDER BY halfvec <#> query: negative inner product';

CREATE OPERATOR CLASS halfvec_cosine_ops FOR TYPE halfvec USING ivfflat AS
	OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_halfvec_cosine(internal);
COMMENT ON OPERATOR CLASS halfvec_cosine_ops USING ivfflat IS 'ORDER BY halfvec <=> query: cosine distance';

CREATE OPERATOR CLASS bit_hamming_ops FOR TYPE bit USING ivfflat AS
	OPERATOR 1 <~> (bit, bit) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_bit_hamming(internal);
COMMENT ON OPERATOR CLASS bit_hamming_ops USING ivfflat IS 'ORDER BY bit <~> query: Hamming distance';

-- operator classes of hnsw

CREATE OPERATOR CLASS vector_l2_ops FOR TYPE vector USING hnsw AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_vector_l2(internal);
COMMENT ON OPERATOR CLASS vector_l2_ops USING hnsw IS 'ORDER BY vector <-> query: Euclidean distance';

CREATE OPERATOR CLASS vector_ip_ops FOR TYPE vector USING hnsw AS
	OPERATOR 1 <#> (vector, vector) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_vector_ip(internal);
COMMENT ON OPERATOR CLASS vector_ip_ops USING hnsw IS 'ORDER BY vector <#> query: negative inner product';

CREATE OPERATOR CLASS vector_cosine_ops FOR TYPE vector USING hnsw AS
	OPERATOR 1 <=> (vector, vector) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_vector_cosine(internal);
COMMENT ON OPERATOR CLASS vector_cosine_ops USING hnsw IS 'ORDER BY vector <=> query: cosine distance';

CREATE OPERATOR CLASS halfvec_l2_ops FOR TYPE halfvec USING hnsw AS
	OPERATOR 1 <-> (halfvec, halfvec) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_halfvec_l2(internal);
COMMENT ON OPERATOR CLASS halfvec_l2_ops USING hnsw IS 'ORDER BY halfvec <-> query: Euclidean distance';

CREATE OPERATOR CLASS halfvec_ip_ops FOR TYPE halfvec USING hnsw AS
	OPERATOR 1 <#> (halfvec, halfvec) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_halfvec_ip(internal);
COMMENT ON OPERATOR CLASS halfvec_ip_ops USING hnsw IS 'ORDER BY halfvec <#> query: negative inner product';

CREATE OPERATOR CLASS halfvec_cosine_ops FOR TYPE halfvec USING hnsw AS
	OPERATOR 1 <=> (halfvec, halfvec) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_halfvec_cosine(internal);
COMMENT ON OPERATOR CLASS halfvec_cosine_ops USING hnsw IS 'ORDER BY halfvec <=> query: cosine distance';

CREATE OPERATOR CLASS bit_hamming_ops FOR TYPE bit USING hnsw AS
	OPERATOR 1 <~> (bit, bit) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_bit_hamming(internal);
COMMENT ON OPERATOR CLASS bit_hamming_ops USING hnsw IS 'ORDER BY bit <~> query: Hamming distance';

CREATE OPERATOR CLASS vector_l1_ops FOR TYPE vector USING hnsw AS
	OPERATOR 1 <+> (vector, vector) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_vector_l1(internal);
COMMENT ON OPERATOR CLASS vector_l1_ops USING hnsw IS 'ORDER BY vector <+> query: taxicab distance, by looking at all rows of the index';

CREATE OPERATOR CLASS halfvec_l1_ops FOR TYPE halfvec USING hnsw AS
	OPERATOR 1 <+> (halfvec, halfvec) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_halfvec_l1(internal);
COMMENT ON OPERATOR CLASS halfvec_l1_ops USING hnsw IS 'ORDER BY halfvec <+> query: taxicab distance, by looking at all rows of the index';

CREATE OPERATOR CLASS bit_jaccard_ops FOR TYPE bit USING hnsw AS
	OPERATOR 1 <%> (bit, bit) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_bit_jaccard(internal);
COMMENT ON OPERATOR CLASS bit_jaccard_ops USING hnsw IS 'ORDER BY bit <%> query: Jaccard distance, by looking at all rows of the index';

CREATE OPERATOR CLASS sparsevec_l2_ops FOR TYPE sparsevec USING hnsw AS
	OPERATOR 1 <-> (sparsevec, sparsevec) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_sparsevec_l2(internal);
COMMENT ON OPERATOR CLASS sparsevec_l2_ops USING hnsw IS 'ORDER BY sparsevec <-> query: Euclidean distance, by looking at all rows of the index';

CREATE OPERATOR CLASS sparsevec_ip_ops FOR TYPE sparsevec USING hnsw AS
	OPERATOR 1 <#> (sparsevec, sparsevec) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_sparsevec_ip(internal);
COMMENT ON OPERATOR CLASS sparsevec_ip_ops USING hnsw IS 'ORDER BY sparsevec <#> query: negative inner product, by looking at all rows of the index';

CREATE OPERATOR CLASS sparsevec_cosine_ops FOR TYPE sparsevec USING hnsw AS
	OPERATOR 1 <=> (sparsevec, sparsevec) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_sparsevec_cosine(internal);
COMMENT ON OPERATOR CLASS sparsevec_cosine_ops USING hnsw IS 'ORDER BY sparsevec <=> query: cosine distance, by looking at all rows of the index';

CREATE OPERATOR CLASS sparsevec_l1_ops FOR TYPE sparsevec USING hnsw AS
	OPERATOR 1 <+> (sparsevec, sparsevec) FOR ORDER BY pg_catalog.float_ops, FUNCTION 1 proximadb.axis_sparsevec_l1(internal);
COMMENT ON OPERATOR CLASS sparsevec_l1_ops USING hnsw IS 'ORDER BY sparsevec <+> query: taxicab distance, by looking at all rows of the index';
