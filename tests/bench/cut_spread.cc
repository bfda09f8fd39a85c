// cut_spread OLD NEW: how fastcdc and nibblecdc cut two versions of a file with the settings of the
// latter, and each with 31 other tables ("fastcdc*", "nibblecdc*"), as much of a difference is a
// table's chance. A line for each: name, chunks of OLD, their mean, their standard deviation over
// the mean, and the share of NEW's bytes in chunks that OLD does not have.
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "boringssl_crypto.h"
#include "plugins/chunking/fastcdc/fastcdc_chunker.h"
#include "plugins/chunking/nibblecdc/nibble_cdc_chunker.h"

namespace l2p {
namespace {

// With it a chunker derives another table.
class Salted : public BoringsslCrypto {
 public:
  explicit Salted(uint8_t salt) : salt_(salt) {}
  Sha256Digest Sha256(std::span<const ByteView> parts) const override {
    std::vector<ByteView> salted(parts.begin(), parts.end());
    salted.emplace_back(&salt_, 1);
    return BoringsslCrypto::Sha256(salted);
  }

 private:
  const uint8_t salt_;
};

std::string Read(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<ByteView> Cut(const Chunker& chunker, const std::string& text) {
  std::vector<size_t> ends(text.size() / 1024 + 1);
  ends.resize(chunker.Cut(AsBytes(text), true, ends));
  std::vector<ByteView> chunks;
  size_t begin = 0;
  for (const size_t end : ends) {
    chunks.push_back(AsBytes(text).subspan(begin, end - begin));
    begin = end;
  }
  return chunks;
}

void Report(const char* name, const Chunker& chunker, const std::string& before,
            const std::string& after) {
  std::set<std::string_view> known;
  double squares = 0;
  const std::vector<ByteView> old = Cut(chunker, before);
  const double mean = static_cast<double>(before.size()) / static_cast<double>(old.size());
  for (const ByteView chunk : old) {
    known.insert(AsText(chunk));
    const double apart = static_cast<double>(chunk.size()) - mean;
    squares += apart * apart;
  }
  size_t again = 0;
  for (const ByteView chunk : Cut(chunker, after)) {
    if (!known.contains(AsText(chunk))) again += chunk.size();
  }
  std::printf("%s %zu %.0f %.4f %.6f\n", name, old.size(), mean,
              std::sqrt(squares / static_cast<double>(old.size())) / mean,
              static_cast<double>(again) / static_cast<double>(after.size()));
}

}  // namespace
}  // namespace l2p

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: cut_spread OLD NEW\n");
    return 2;
  }
  const std::string before = l2p::Read(argv[1]);
  const std::string after = l2p::Read(argv[2]);
  const l2p::BoringsslCrypto crypto;
  constexpr size_t kMin = 128 << 10, kAverage = 256 << 10, kMax = 1 << 20;
  l2p::Report("fastcdc", l2p::FastCdcChunker(crypto, kMin, kAverage, kMax), before, after);
  l2p::Report("nibblecdc", l2p::NibbleCdcChunker(crypto, kMin, kAverage, kMax), before, after);
  for (uint8_t salt = 1; salt <= 31; ++salt) {
    const l2p::Salted salted(salt);
    l2p::Report("fastcdc*", l2p::FastCdcChunker(salted, kMin, kAverage, kMax), before, after);
    l2p::Report("nibblecdc*", l2p::NibbleCdcChunker(salted, kMin, kAverage, kMax), before, after);
  }
}
