"""faiss_search.py: faiss on the benchmark's data: IVFPQFastScan with refinement and HNSWFlat, searched by one thread, one query at a time.

usage: faiss_search.py BASE QUERIES METRIC TRUTH KEPT

Prints "NAME build SECONDS" and "NAME SETTING RECALL QUERIES-PER-SECOND" for each setting. Cosine data must be normalised; it is searched by L2,
which orders normalised vectors alike. Training uses a small sample: Debian's faiss is built for any x86-64
and is slow at it, and building times and the graph's speed are to be read with that in mind. Indexes are kept in files KEPT.NAME, with the seconds that their
building took, and read from there the next time.
"""
import os
import sys
import time

import faiss
import numpy

K = 10
TRUTH = numpy.dtype([("id", "<i4", 100), ("distance", "<f8", 100)])


def read_vectors(path):
    if path.endswith(".bvecs"):
        raw = numpy.fromfile(path, dtype=numpy.uint8)
        dimensions = int(raw[:4].view(numpy.int32)[0])
        return raw.reshape(-1, dimensions + 4)[:, 4:].astype(numpy.float32)
    raw = numpy.fromfile(path, dtype=numpy.int32)
    return numpy.ascontiguousarray(raw.reshape(-1, raw[0] + 1)[:, 1:]).view(numpy.float32)


def measure(name, setting, search, queries, truth):
    """Recall and the best of three rounds; several rows at the same distance are not told apart here."""
    best = 0
    for _ in range(3):
        begin = time.perf_counter()
        found = [search(queries[i:i + 1])[1][0] for i in range(len(queries))]
        best = max(best, len(queries) / (time.perf_counter() - begin))
        hits = sum(len(numpy.intersect1d(found[i], truth[i])) for i in range(len(queries)))
    print(name, setting, "%.4f" % (hits / (K * len(queries))), "%.1f" % best, flush=True)


def build(name, index, base, sample):
    """The index with the rows of base in it: the one that was kept, if there is one."""
    path = sys.argv[5] + "." + name
    if not os.path.exists(path):
        faiss.omp_set_num_threads(os.cpu_count())
        begin = time.perf_counter()
        if not index.is_trained:
            index.train(sample)
        index.add(base)
        with open(path + ".seconds", "w") as file:
            file.write("%.1f" % (time.perf_counter() - begin))
        faiss.write_index(index, path)
    faiss.omp_set_num_threads(1)
    with open(path + ".seconds") as file:
        print(name, "build", file.read(), flush=True)
    return faiss.read_index(path)


def main():
    base, queries = read_vectors(sys.argv[1]), read_vectors(sys.argv[2])
    truth = numpy.fromfile(sys.argv[4], dtype=TRUTH)["id"][:, :K]
    dimensions = base.shape[1]
    lists = max(16, int(2 * len(base) ** 0.5))
    sample = base[numpy.random.RandomState(1).permutation(len(base))[:20 * lists]]

    graph = faiss.IndexHNSWFlat(dimensions, 16)
    graph.hnsw.efConstruction = 64
    graph = build("faiss-hnsw", graph, base, sample)
    for ef in (10, 20, 40, 80, 120, 240, 400, 700):
        graph.hnsw.efSearch = ef
        measure("faiss-hnsw", ef, lambda q: graph.search(q, K), queries, truth)
    del graph

    coarse = faiss.IndexFlatL2(dimensions)
    codes = faiss.IndexIVFPQFastScan(coarse, dimensions, lists, dimensions // 2, 4)
    codes.cp.niter = 6
    codes = build("faiss-fastscan", codes, base, sample)
    refined = faiss.IndexRefineFlat(codes, faiss.swig_ptr(base))
    refined.own_fields = False
    for probes, factor in ((4, 4), (8, 4), (16, 4), (24, 4), (32, 4), (48, 10), (64, 10), (96, 10), (160, 20)):
        codes.nprobe, refined.k_factor = probes, factor
        measure("faiss-fastscan", "%d,%d" % (probes, factor), lambda q: refined.search(q, K), queries, truth)


if __name__ == "__main__":
    main()
