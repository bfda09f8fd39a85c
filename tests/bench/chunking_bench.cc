// Chunkers on one core with nibblecdc's sizes, over content that does not fit the caches nearby.
#include <benchmark/benchmark.h>

#include <vector>

#include "boringssl_crypto.h"
#include "l2p/testkit/conformance.h"
#include "plugins/chunking/fastcdc/fastcdc_chunker.h"
#include "plugins/chunking/nibblecdc/nibble_cdc_chunker.h"

namespace l2p {
namespace {

constexpr size_t kBytes = 256 << 20;
constexpr size_t kMin = 128 << 10;
constexpr size_t kAverage = 256 << 10;
constexpr size_t kMax = 1 << 20;

const std::string& Content() {
  static const std::string content = testkit::TestBytes(1, kBytes);
  return content;
}

void Measure(benchmark::State& state, const Chunker& chunker) {
  const ByteView content = AsBytes(Content());
  std::vector<size_t> ends(kBytes / kMin);
  for (auto _ : state) benchmark::DoNotOptimize(chunker.Cut(content, true, ends));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kBytes));
}

void FastCdc(benchmark::State& state) {
  Measure(state, FastCdcChunker(BoringsslCrypto(), kMin, kAverage, kMax));
}
BENCHMARK(FastCdc)->Unit(benchmark::kMillisecond);

void NibbleCdc(benchmark::State& state) {
  Measure(state, NibbleCdcChunker(BoringsslCrypto(), kMin, kAverage, kMax));
}
BENCHMARK(NibbleCdc)->Unit(benchmark::kMillisecond);

void NibbleCdcByOne(benchmark::State& state) {
  Measure(state,
          NibbleCdcChunker(BoringsslCrypto(), kMin, kAverage, kMax, NibbleGear::Lanes::kOne));
}
BENCHMARK(NibbleCdcByOne)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace l2p

BENCHMARK_MAIN();
