--
-- PostgreSQL database dump
--

-- Written by hand, in the shape in which pg_dump writes a database that uses pgvector 0.8: every type, operator class, access method and option.
-- For 135_compat_vector.pl.

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;
COMMENT ON EXTENSION vector IS 'vector data type and ivfflat and hnsw access methods';

CREATE DOMAIN public.unit AS public.vector(3)
	CONSTRAINT unit_check CHECK (((public.vector_norm(VALUE) >= (0.99)::double precision) AND (public.vector_norm(VALUE) <= (1.01)::double precision)));

CREATE TYPE public.pair AS (
	a public.vector(2),
	b public.sparsevec
);

CREATE FUNCTION public.nearest(q public.vector, k integer) RETURNS SETOF bigint
    LANGUAGE sql STABLE
    SET "hnsw.ef_search" TO '200'
    SET "hnsw.iterative_scan" TO 'strict_order'
    SET "ivfflat.probes" TO '10'
    AS $$ SELECT id FROM public.items ORDER BY e OPERATOR(public.<->) q LIMIT k $$;

SET default_tablespace = '';
SET default_table_access_method = heap;

CREATE TABLE public.items (
    id bigint NOT NULL,
    kind text NOT NULL,
    e public.vector(3) NOT NULL,
    h public.halfvec(3),
    s public.sparsevec(10),
    b bit(8),
    loose public.vector,
    many public.vector(2)[],
    norm double precision GENERATED ALWAYS AS (public.vector_norm(e)) STORED,
    u public.unit DEFAULT '[1,0,0]'::public.vector,
    p public.pair,
    CONSTRAINT items_e_check CHECK ((public.vector_dims(e) = 3))
);
ALTER TABLE ONLY public.items ALTER COLUMN e SET STORAGE PLAIN;

CREATE SEQUENCE public.items_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.items_id_seq OWNED BY public.items.id;

CREATE TABLE public.part (
    id integer,
    e public.vector(2)
)
PARTITION BY HASH (id);
CREATE TABLE public.part0 (
    id integer,
    e public.vector(2)
);
CREATE TABLE public.part1 (
    id integer,
    e public.vector(2)
);

CREATE MATERIALIZED VIEW public.means AS
 SELECT items.kind,
    public.avg(items.e) AS mean,
    public.sum(items.h) AS total
   FROM public.items
  GROUP BY items.kind
  WITH NO DATA;

CREATE VIEW public.near AS
 SELECT items.id,
    (items.e OPERATOR(public.<=>) '[1,2,3]'::public.vector) AS distance
   FROM public.items
  ORDER BY (items.e OPERATOR(public.<->) '[1,2,3]'::public.vector)
 LIMIT 3;

ALTER TABLE ONLY public.part ATTACH PARTITION public.part0 FOR VALUES WITH (modulus 2, remainder 0);
ALTER TABLE ONLY public.part ATTACH PARTITION public.part1 FOR VALUES WITH (modulus 2, remainder 1);
ALTER TABLE ONLY public.items ALTER COLUMN id SET DEFAULT nextval('public.items_id_seq'::regclass);

COPY public.items (id, kind, e, h, s, b, loose, many, u, p) FROM stdin;
1	b	[9.75,-2,1.25]	[-5,-7.75,-5.75]	{1:-1,8:-2,9:8}/10	01000011	[-4.25,2.25]	{"[9.75,9.75]","[4,-6]"}	[0,1,0]	\N
2	c	[-6,-10,-10]	[0.5,-0.5,9.25]	{3:-5,4:3.5,10:-3}/10	01101100	[-1.75,-8]	{"[8.75,-10]","[9,0.75]"}	[0,0.6,0.8]	\N
3	a	[-8,-0.25,1.25]	[-4.25,9.75,-3.75]	{5:-8,6:3,8:-4.5}/10	01101110	[4.25,-8.75]	{"[-6.25,-2.25]","[4.75,1]"}	[1,0,0]	\N
4	b	[6.25,1.25,6.75]	[-7.5,10,-5.25]	{2:5,5:-7,8:-3.5}/10	11011011	[-0.25,-4.5]	{"[-0.25,5.25]","[-5,-8.5]"}	[0,1,0]	\N
5	c	[-7.5,9,7]	[-8.25,3.25,-0.75]	{1:4.5,4:7,7:-1}/10	01100010	[-4.75,3.75,1.75,-5.25]	{"[-5.5,4.5]","[9.75,-4.75]"}	[0,0.6,0.8]	\N
6	a	[6.5,4.5,5.5]	[8.75,-9,-0.25]	{5:8,6:2.5,8:-6.5}/10	01100111	[-8,1.25]	{"[1.5,7.75]","[-1.25,5.5]"}	[1,0,0]	\N
7	b	[-1.75,-0.75,0.75]	[6.5,-5.5,6.75]	{1:5.5,3:7.5,8:8.5}/10	11111101	[1.5,0.5]	{"[-4.75,-3.75]","[1.5,5.25]"}	[0,1,0]	("[1,2]",{1:3}/4)
8	c	[-1,-7.5,3.25]	[-6.5,0,-4.25]	{3:10,7:0.5,9:-3}/10	10000100	[-8.5,-5.75]	{"[5.25,-4]","[7.5,-9]"}	[0,0.6,0.8]	\N
9	a	[3.25,4.75,1]	[1.25,-6,3.25]	{2:-6,4:-6,7:4.5}/10	10101011	[8.5,-0.75]	{"[3,8]","[7,1.75]"}	[1,0,0]	\N
10	b	[4.75,-5.5,-5]	[2.25,-5,9]	{7:-2.5,8:-6,10:-6.5}/10	01011110	[5.75,-0.75,5.25,2]	{"[9,-1.75]","[-0.5,5.75]"}	[0,1,0]	\N
11	c	[-2,3.25,-9.5]	[-1.25,-2.25,5]	{5:2.5,6:0.5,8:-10}/10	10100101	[7,7.75]	{"[-9,-2.25]","[5.5,-1.5]"}	[0,0.6,0.8]	\N
12	a	[-5.25,-1,-0.75]	[4.5,-6.75,7.25]	{2:-2.5,8:5,10:10}/10	10111000	[-2,7.5]	{"[-4,-9.75]","[3.5,3.5]"}	[1,0,0]	\N
13	b	[9,8.25,10]	[0.5,7,-5.25]	{7:3.5,8:7.5,10:-5}/10	01111001	[7.5,5.75]	{"[3.5,8.5]","[7.25,-8.5]"}	[0,1,0]	\N
14	c	[-8,-2.75,-1.5]	[-4.25,3,-5]	{1:7,2:-6.5,10:1}/10	00000110	[-4.25,9.5]	{"[-8,9.75]","[-3.25,-8.75]"}	[0,0.6,0.8]	("[1,2]",{1:3}/4)
15	a	[7.75,-6.75,2]	[-0.75,7.75,7.5]	{1:-6.5,2:-0.5,5:1.5}/10	11111001	[-5.25,8,10,6]	{"[9.75,-3]","[-1.75,-8]"}	[1,0,0]	\N
16	b	[7.5,-2.5,-2]	[5.25,0.25,-6.75]	{3:-6,5:6.5,9:-2.5}/10	01000010	[2.25,4.75]	{"[6.75,-9.25]","[7.25,2.25]"}	[0,1,0]	\N
17	c	[-8.5,-5.25,3.5]	\N	{2:3.5,4:-10,9:6}/10	01111101	[-0.75,10]	{"[3.75,1.5]","[6.5,-9]"}	[0,0.6,0.8]	\N
18	a	[8.75,8.25,-3.25]	[0.25,4.75,4.75]	{2:-1,3:-3,7:-3.5}/10	01110111	[9.75,3.5]	{"[-7,-4]","[-5.25,-5]"}	[1,0,0]	\N
19	b	[-7.75,1.75,2.25]	[-6.25,0.25,-0.75]	{3:-4.5,5:-5,8:-1}/10	10111001	[5,-5.25]	{"[4.5,-2.5]","[-5,-9]"}	[0,1,0]	\N
20	c	[-3.75,-9.25,8.25]	[4.25,3,-4.75]	{2:5,4:-7.5,7:5}/10	01000001	[-1.5,-10,4.75,-8.25]	{"[-8.75,-9]","[7.5,6.5]"}	[0,0.6,0.8]	\N
21	a	[8,1,-7]	[-4.5,6.25,2.75]	{2:-8,4:-4,8:-8}/10	10011110	[-9,-4]	{"[-4,7]","[-2.75,-7.5]"}	[1,0,0]	("[1,2]",{1:3}/4)
22	b	[0,-6.75,-7.25]	[5.25,-7.25,-1.75]	{2:-10,3:-7.5,9:8}/10	11001100	[-5.75,-0.25]	{"[2.75,0]","[-6,-6]"}	[0,1,0]	\N
23	c	[7,-7.5,5]	[-1,-6,8.25]	\N	01100111	[7.75,-10]	{"[-9.25,4]","[-5.5,-9.5]"}	[0,0.6,0.8]	\N
24	a	[-8.5,3.5,-1.5]	[1.25,3.75,-1.75]	{2:1.5,3:3,7:-4.5}/10	11100000	[-8.5,-6]	{"[9.5,-9.5]","[-2.75,6.75]"}	[1,0,0]	\N
25	b	[3.5,-6,1.5]	[3.75,-4.75,4]	{4:-3,6:-2,9:8.5}/10	00111011	[4.25,-2.75,4.75,9]	{"[-8.5,-5]","[7,5]"}	[0,1,0]	\N
26	c	[5.5,9,-10]	[1.25,-2.5,1.5]	{2:-3.5,3:-1,7:-8}/10	11100101	[7.75,6.5]	{"[1.25,-2.25]","[-8.25,9.75]"}	[0,0.6,0.8]	\N
27	a	[5.75,2.75,1]	[-6.75,6.25,9.25]	{3:6.5,4:-2,10:-6.5}/10	01011100	[2,-9.75]	{"[8.75,9.75]","[-4.25,2.25]"}	[1,0,0]	\N
28	b	[-9.5,0,-9.25]	[1.25,9.5,8.5]	{5:9,7:7.5,10:-9}/10	01100110	[-9.25,-7.25]	{"[3,-0.25]","[-9.75,-1.25]"}	[0,1,0]	("[1,2]",{1:3}/4)
29	c	[-2.5,-7.75,-9]	[-6.75,7.5,1.75]	{2:-8,5:-2,6:-5.5}/10	11011001	[2.25,0.25]	{"[-2.25,-7]","[-3.25,-0.75]"}	[0,0.6,0.8]	\N
30	a	[-0.25,-1.5,9.75]	[-9.25,-5.25,-6.5]	{2:3,3:-1.5,10:7}/10	01101110	[9.25,0.5,-4.25,3.25]	{"[-0.75,8]","[7.75,9.25]"}	[1,0,0]	\N
31	b	[8,-4.25,3.75]	[-5,-6.5,-7.25]	{2:1.5,4:-8,6:-8.5}/10	01011010	[-10,-4]	{"[0.5,-5.25]","[1.75,9.5]"}	[0,1,0]	\N
32	c	[-6.75,8.25,4]	[9,1.75,-6]	{2:2,3:-3.5,6:-5.5}/10	10100111	[-10,-6.25]	{"[-10,5.75]","[2,0.75]"}	[0,0.6,0.8]	\N
33	a	[-7.75,5.5,-0.75]	[3.25,-2.5,-1.5]	{1:3.5,2:6.5,8:-5}/10	10011101	[-8.5,-3]	{"[-7.75,-5.5]","[-1.5,-7]"}	[1,0,0]	\N
34	b	[7.5,5.25,3.75]	[-8.5,-3.25,-4]	{3:-1.5,7:6,9:-1.5}/10	00100111	[6.5,-7.5]	{"[4,-9.75]","[5,6.5]"}	[0,1,0]	\N
35	c	[-7.5,-1.25,9]	[-4,3.5,-7.75]	{1:-3,8:8.5,9:9.5}/10	00011110	[-4.75,0.75,-5.5,-0.5]	{"[1.75,-3.25]","[2.5,3.25]"}	[0,0.6,0.8]	("[1,2]",{1:3}/4)
36	a	[-4,-1.5,-5.75]	[-5.75,4.75,-2.5]	{5:-2,6:-7.5,8:-1.5}/10	10100011	[9,4.5]	{"[-7.75,1.5]","[9.75,-9.25]"}	[1,0,0]	\N
37	b	[-9.75,-4.25,3.5]	[8.5,4,-2.5]	{2:5.5,3:-2.5,5:8.5}/10	01001111	[5.25,7.5]	{"[8,-5.75]","[-1.75,-9.5]"}	[0,1,0]	\N
38	c	[7.25,-9.75,2.25]	[4,4.25,-6.75]	{3:-0.5,4:-3.5,8:4}/10	01000110	[7.75,-0.5]	{"[-6.25,1.75]","[8,6.75]"}	[0,0.6,0.8]	\N
39	a	[-1.25,8.5,9]	[-10,8,8]	{5:-9.5,7:-7.5,10:-3.5}/10	10111011	[-8,5.75]	{"[-3.5,8]","[4.5,-8.75]"}	[1,0,0]	\N
40	b	[-8.25,-7.25,-6.5]	[-5.75,8,-8.5]	{3:4.5,6:8,10:-2}/10	11011001	[8.75,4,-4.5,9]	{"[1.25,7.75]","[-6.25,-9.75]"}	[0,1,0]	\N
41	c	[4.5,-8.75,9.5]	[-8,-1.5,-6.25]	{1:2,8:8.5,9:10}/10	00000011	[6.75,7.25]	{"[2.75,-0.25]","[-1.75,4.5]"}	[0,0.6,0.8]	\N
42	a	[-0.5,-0.5,-10]	[2.5,-4.5,-3.75]	{6:6.5,8:-3.5,9:5.5}/10	01001011	[9.75,6.5]	{"[-5.75,5.5]","[-4.75,6]"}	[1,0,0]	("[1,2]",{1:3}/4)
43	b	[4.25,8.25,1]	[1.25,6.5,-1.75]	{1:9.5,3:8.5,7:-9}/10	00111100	[-1.75,3.5]	{"[5.5,10]","[-7.25,-6.5]"}	[0,1,0]	\N
44	c	[-6.5,0.75,-7]	[-8,-8,-0.5]	{2:-9,3:3,5:4.5}/10	01101011	[3,3]	{"[-8,-4.25]","[-8.75,-7]"}	[0,0.6,0.8]	\N
45	a	[6,3,-6.75]	[-7.5,7.25,2]	{2:-7,7:-9.5,8:2}/10	11011000	[-6.5,9.5,7,-7]	{"[3.75,-6.5]","[-1.5,-0.25]"}	[1,0,0]	\N
46	b	[7.5,4.5,3.5]	[4.5,5,2.75]	{1:3,3:-5.5,4:-2.5}/10	10111110	[10,-2]	{"[9.25,-7]","[-5.75,9]"}	[0,1,0]	\N
47	c	[-3.75,4.5,-6.75]	[-6.25,-3.5,-9.25]	{3:-3,4:-7.5,8:10}/10	10101110	[7.25,7.75]	{"[0.75,8.25]","[8.75,5.25]"}	[0,0.6,0.8]	\N
48	a	[5.5,6.5,9.25]	[3.25,8.75,4.75]	{1:2.5,5:5,6:6}/10	01000101	[3.25,-1]	{"[0.75,6.75]","[6,0.25]"}	[1,0,0]	\N
49	b	[9.5,-9.75,-5]	[3.25,-2.75,-1.25]	{1:7.5,8:1,10:-9}/10	01000001	[-6.75,2.25]	{"[-9.75,-3.5]","[-2.5,8.5]"}	[0,1,0]	("[1,2]",{1:3}/4)
50	c	[-8,6,1.75]	[5,5.25,-0.75]	{4:-6,5:1,7:8.5}/10	00101000	[-6.75,-4.5,4.5,4]	{"[6.5,-7.75]","[-9.25,9.5]"}	[0,0.6,0.8]	\N
51	a	[9.75,4.75,9.75]	[-0.5,-4,2.25]	{1:8.5,4:-1.5,10:3.5}/10	01000100	[3.5,-8.25]	{"[2.5,-4.75]","[-6.5,2.25]"}	[1,0,0]	\N
52	b	[-4,-3.25,-6]	[-8.75,-4,7]	{3:0.5,7:7.5,8:-4.5}/10	00111001	[8.5,-2]	{"[-5,1.5]","[-7,9.25]"}	[0,1,0]	\N
53	c	[3.75,1.5,-5.5]	[4.25,0.5,9.25]	{1:-7,3:-0.5,5:5.5}/10	01010011	[-1.75,8.25]	{"[7,3]","[-4.75,2.5]"}	[0,0.6,0.8]	\N
54	a	[3.5,7.75,4]	[-0.25,10,-6.25]	{1:2,4:-9,8:4}/10	01001101	[1,-8.75]	{"[6.5,-7.5]","[-7.5,-8.75]"}	[1,0,0]	\N
55	b	[5.5,6.25,5]	[10,3.5,-7.25]	{4:-7,5:10,8:9.5}/10	00101011	[3,-7,-5,1]	{"[0.75,-3.5]","[1.25,-6.75]"}	[0,1,0]	\N
56	c	[4.75,0.25,-7]	[-8,4,0.25]	{1:1,6:-5,8:4.5}/10	11011011	[-6.25,-6]	{"[-9,-0.25]","[1.5,3.25]"}	[0,0.6,0.8]	("[1,2]",{1:3}/4)
57	a	[9.25,8.75,-6.75]	[4.5,-0.75,-5]	{1:-5,3:-9.5,8:-9.5}/10	00011110	[-9,3.75]	{"[0.5,6.75]","[6.25,8]"}	[1,0,0]	\N
58	b	[2.5,4.75,9.75]	[-5.5,7.25,4.5]	{1:8,3:10,8:-2}/10	11110111	[-1.75,-6]	{"[1.25,-1.25]","[-4.25,-4.5]"}	[0,1,0]	\N
59	c	[3,-9.75,2.75]	[-7,0.75,0.75]	{4:-7,5:2,6:6.5}/10	00010100	[7.5,-0.25]	{"[9.5,1]","[-5,-9.75]"}	[0,0.6,0.8]	\N
60	a	[-8.75,-3.75,5.75]	[8.5,1,0.75]	{1:-1,5:-5.5,8:4}/10	11000001	[-6.25,-2.25,-8,-6.5]	{"[-2,3]","[-4.75,-1.5]"}	[1,0,0]	\N
\.

COPY public.part (id, e) FROM stdin;
1	[1,1]
2	[2,5]
3	[3,1]
4	[0,-1]
\.

SELECT pg_catalog.setval('public.items_id_seq', 60, true);

ALTER TABLE ONLY public.items
    ADD CONSTRAINT items_pkey PRIMARY KEY (id);

CREATE INDEX btree_e ON public.items USING btree (e);
CREATE INDEX expression_bits ON public.items USING hnsw (((public.binary_quantize(e))::bit(3)) public.bit_hamming_ops);
CREATE INDEX expression_half ON public.items USING hnsw (((e)::public.halfvec(3)) public.halfvec_cosine_ops);
CREATE INDEX expression_loose ON public.items USING hnsw (((loose)::public.vector(2)) public.vector_l2_ops) WHERE (public.vector_dims(loose) = 2);
CREATE INDEX hnsw_bit_hamming ON public.items USING hnsw (b public.bit_hamming_ops);
CREATE INDEX hnsw_bit_jaccard ON public.items USING hnsw (b public.bit_jaccard_ops);
CREATE INDEX hnsw_halfvec_cosine ON public.items USING hnsw (h public.halfvec_cosine_ops);
CREATE INDEX hnsw_halfvec_ip ON public.items USING hnsw (h public.halfvec_ip_ops) WITH (m='8', ef_construction='32');
CREATE INDEX hnsw_halfvec_l1 ON public.items USING hnsw (h public.halfvec_l1_ops);
CREATE INDEX hnsw_halfvec_l2 ON public.items USING hnsw (h public.halfvec_l2_ops);
CREATE INDEX hnsw_sparsevec_cosine ON public.items USING hnsw (s public.sparsevec_cosine_ops);
CREATE INDEX hnsw_sparsevec_ip ON public.items USING hnsw (s public.sparsevec_ip_ops);
CREATE INDEX hnsw_sparsevec_l1 ON public.items USING hnsw (s public.sparsevec_l1_ops);
CREATE INDEX hnsw_sparsevec_l2 ON public.items USING hnsw (s public.sparsevec_l2_ops);
CREATE INDEX hnsw_vector_cosine ON public.items USING hnsw (e public.vector_cosine_ops);
CREATE INDEX hnsw_vector_ip ON public.items USING hnsw (e public.vector_ip_ops) WITH (m='8', ef_construction='32');
CREATE INDEX hnsw_vector_l1 ON public.items USING hnsw (e public.vector_l1_ops);
CREATE INDEX hnsw_vector_l2 ON public.items USING hnsw (e public.vector_l2_ops);
CREATE INDEX ivfflat_bit_hamming ON public.items USING ivfflat (b public.bit_hamming_ops) WITH (lists='2');
CREATE INDEX ivfflat_halfvec_cosine ON public.items USING ivfflat (h public.halfvec_cosine_ops) WITH (lists='5');
CREATE INDEX ivfflat_halfvec_ip ON public.items USING ivfflat (h public.halfvec_ip_ops);
CREATE INDEX ivfflat_halfvec_l2 ON public.items USING ivfflat (h public.halfvec_l2_ops) WITH (lists='5');
CREATE INDEX ivfflat_vector_cosine ON public.items USING ivfflat (e public.vector_cosine_ops) WITH (lists='5');
CREATE INDEX ivfflat_vector_ip ON public.items USING ivfflat (e public.vector_ip_ops);
CREATE INDEX ivfflat_vector_l2 ON public.items USING ivfflat (e) WITH (lists='5');
CREATE INDEX partial ON public.items USING ivfflat (e) WITH (lists='1') WHERE (kind = 'a'::text);
CREATE INDEX part_e ON ONLY public.part USING hnsw (e public.vector_l2_ops);
CREATE INDEX part0_e ON public.part0 USING hnsw (e public.vector_l2_ops);
CREATE INDEX part1_e ON public.part1 USING hnsw (e public.vector_l2_ops);
ALTER INDEX public.part_e ATTACH PARTITION public.part0_e;
ALTER INDEX public.part_e ATTACH PARTITION public.part1_e;

COMMENT ON INDEX public.hnsw_vector_l2 IS 'the nearest';

REFRESH MATERIALIZED VIEW public.means;

--
-- PostgreSQL database dump complete
--
