/*
 * hnswlib_search.cc: hnswlib's graph (M = 16, ef_construction = 64, as pgvector's here) on the benchmark's data, searched by one thread.
 *
 * usage: hnswlib_search BASE QUERIES METRIC TRUTH KEPT
 *
 * Prints "hnswlib build SECONDS" (all processors) and, for each ef, "hnswlib EF RECALL QUERIES-PER-SECOND". Vectors are used as they are for l2
 * and must be normalised for cosine. The graph is kept in file KEPT, and the seconds that its building took in KEPT.seconds.
 */
#include <hnswlib/hnswlib.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

extern "C"
{
#include "vectors.h"
}

static double
seconds()
{
	return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

static void
build(hnswlib::HierarchicalNSW<float> &index, const Vectors &base)
{
	std::atomic<size_t> next{1};
	std::vector<std::thread> threads;

	index.addPoint(base.values, 0);
	for (unsigned t = 0; t < std::thread::hardware_concurrency(); t++)
		threads.emplace_back([&] {
			for (size_t i; (i = next++) < base.count;)
				index.addPoint(base.values + i * base.dimensions, i);
		});
	for (auto &thread : threads)
		thread.join();
}

int
main(int argc, char **argv)
{
	if (argc != 6)
	{
		fprintf(stderr, "usage: hnswlib_search BASE QUERIES METRIC TRUTH KEPT\n");
		return 2;
	}

	Vectors		base = read_vectors(argv[1], 0);
	Vectors		queries = read_vectors(argv[2], 0);
	Metric		metric = parse_metric(argv[3]);
	TruthEntry *truth = read_truth(argv[4], queries.count);
	std::unique_ptr<hnswlib::SpaceInterface<float>> space;

	if (metric == METRIC_L2)
		space.reset(new hnswlib::L2Space(base.dimensions));
	else
		space.reset(new hnswlib::InnerProductSpace(base.dimensions));

	std::string kept(argv[5]);
	std::string took;

	if (!std::ifstream(kept).good())
	{
		hnswlib::HierarchicalNSW<float> fresh(space.get(), base.count, 16, 64);
		double		begin = seconds();

		build(fresh, base);
		std::ofstream(kept + ".seconds") << seconds() - begin;
		fresh.saveIndex(kept);
	}
	std::ifstream(kept + ".seconds") >> took;
	printf("hnswlib build %s\n", took.c_str());

	hnswlib::HierarchicalNSW<float> index(space.get(), kept);

	for (size_t ef : {10, 20, 40, 60, 80, 120, 160, 240, 400, 700})
	{
		size_t		hits = 0;
		double		best = 0;

		index.setEf(ef);
		for (int round = 0; round < 3; round++)
		{
			hits = 0;
			double		begin = seconds();

			for (size_t q = 0; q < queries.count; q++)
			{
				auto		found = index.searchKnn(queries.values + q * base.dimensions, 10);

				for (; !found.empty(); found.pop())
					for (int k = 0; k < 10; k++)
						hits += (size_t) truth[q].id[k] == found.top().second;
			}
			best = std::max(best, queries.count / (seconds() - begin));
		}
		printf("hnswlib %zu %.4f %.1f\n", ef, (double) hits / (10.0 * queries.count), best);
	}
	return 0;
}
