// Each hasher as the put's pipeline has it (an OrderedStage of windows of 4 chunks of 1 MiB, which
// one task and whoever takes them out hash) beside its library alone, one call for each chunk, on
// all cores.
#include <benchmark/benchmark.h>

#include <atomic>
#include <thread>
#include <vector>

#include "kernel/content/chunk_pipeline.h"
#include "kernel/content/hashers.h"
#include "kernel/content/ordered_stage.h"
#include "kernel/runtime/clock.h"
#include "kernel/runtime/worker_tasks.h"
#include "l2p/testkit/conformance.h"
#include "plugins/hashing/blake2b/blake2b_hasher.h"
#include "plugins/hashing/blake3/blake3_hasher.h"
#include "plugins/hashing/sha256/sha256_hasher.h"

namespace l2p {
namespace {

constexpr size_t kChunk = 1 << 20;
constexpr size_t kChunks = 512;
constexpr size_t kWindow = 4;  // Chunks that are hashed together.

std::vector<ByteView> Chunks() {
  static const std::string content = testkit::TestBytes(1, kChunk * kChunks);
  std::vector<ByteView> chunks;
  for (size_t i = 0; i < kChunks; ++i) {
    chunks.push_back(AsBytes(content).subspan(i * kChunk, kChunk));
  }
  return chunks;
}

void Count(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kChunk * kChunks));
}

template <typename H>
void InThePipeline(benchmark::State& state) {
  const H hasher;
  const Clock clock;
  WorkerTasks tasks(clock, 16);
  const std::vector<ByteView> chunks = Chunks();
  using Window = std::span<const ByteView>;
  for (auto _ : state) {
    OrderedStage<Window> stage(
        [&] { return NewThreadEvent(clock); }, ChunkPipeline::kHashing,
        [&](Window& window) { benchmark::DoNotOptimize(Hashers::HashAll(hasher, window)); });
    TaskGroup group(tasks, NewThreadEvent(clock));
    const absl::Status hashing = group.Start("hash", [&] { stage.Work(); });
    const absl::Status pushing = group.Start("push", [&] {
      for (size_t i = 0; i < kChunks; i += kWindow) {
        stage.Push(std::span(chunks).subspan(i, kWindow));
      }
      stage.End();
    });
    if (!hashing.ok() || !pushing.ok()) return state.SkipWithError("no task");
    while (stage.Pop(absl::InfiniteFuture())) {
    }
  }
  Count(state);
}

template <typename H>
void Alone(benchmark::State& state) {
  const H hasher;
  const std::vector<ByteView> chunks = Chunks();
  for (auto _ : state) {
    std::atomic<size_t> next = 0;
    const auto work = [&] {
      std::vector<uint8_t> digest(hasher.digest_size());
      for (size_t i; (i = next++) < kChunks;) hasher.Hash({&chunks[i], 1}, digest);
    };
    std::vector<std::jthread> threads;
    for (size_t i = 1; i < std::thread::hardware_concurrency(); ++i) threads.emplace_back(work);
    work();
  }
  Count(state);
}

BENCHMARK(InThePipeline<Sha256Hasher>)->Name("sha256/pipeline")->UseRealTime();
BENCHMARK(Alone<Sha256Hasher>)->Name("sha256/alone")->UseRealTime();
BENCHMARK(InThePipeline<Blake3Hasher>)->Name("blake3/pipeline")->UseRealTime();
BENCHMARK(Alone<Blake3Hasher>)->Name("blake3/alone")->UseRealTime();
BENCHMARK(InThePipeline<Blake2bHasher>)->Name("blake2b/pipeline")->UseRealTime();
BENCHMARK(Alone<Blake2bHasher>)->Name("blake2b/alone")->UseRealTime();

}  // namespace
}  // namespace l2p

BENCHMARK_MAIN();
