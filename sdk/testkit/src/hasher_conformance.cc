#include "l2p/testkit/hasher_conformance.h"

#include <algorithm>
#include <array>
#include <thread>

#include "expect.h"

namespace l2p::testkit {
namespace {

// Lengths about the block and chunk borders of the usual functions (64, 128, 1024).
constexpr size_t kLengths[] = {0,    1,    3,    55,   56,   63,   64,    65,    111,     112, 127,
                               128,  129,  1023, 1024, 1025, 2048, 4097,  16384, 262144,  31,  33,
                               1000, 8191, 8192, 8193, 3072, 5000, 65536, 65537, 1048577, 2};

// Published digests of "", "abc" and of `pattern` bytes 0, 1, .. 250, 0, 1, ..
struct Vectors {
  HashCode code;
  const char* of_nothing;
  const char* of_abc;
  size_t pattern;
  const char* of_pattern;
};
constexpr Vectors kVectors[] = {
    {HashCode::kSha1, "da39a3ee5e6b4b0d3255bfef95601890afd80709",
     "a9993e364706816aba3e25717850c26c9cd0d89d", 1 << 20,
     "c2fc4cb20f1301a6b0dd211c19e69a13925dbe40"},
    {HashCode::kSha2_256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 1 << 20,
     "631b84027d6b9e52b539c4e8373622d23032dfadc64d60af87339c9037e4f769"},
    {HashCode::kSha2_512,
     "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877ee"
     "c2f63b931bd47417a81a538327af927da3e",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3fee"
     "bbd454d4423643ce80e2a9ac94fa54ca49f",
     1 << 20,
     "67dad569eefc986a3b2424f5516d5a0284bb53d7b52d75f5ed881a6830a95765ccc82bc48752fb693422579f11dc9"
     "a400561ec1885af9eeef703dbbd312d4fd0"},
    {HashCode::kSha3_256, "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a",
     "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532", 1 << 20,
     "eec77e4d80484c04a505e6203c3822c67e13ce186fec1ea01e56961dcd7261ca"},
    {HashCode::kBlake3, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
     "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85", 102400,
     "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"},
    {HashCode::kBlake2b256, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8",
     "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319", 1 << 20,
     "8a5a7a9dc3cf203ed374b0a1eea930601ad2acbfe2b4bc62cf83de4ee536528b"},
};

std::string Digest(const Hasher& hasher, ByteView input) {
  std::string digest(hasher.digest_size(), '\0');
  hasher.Hash({&input, 1}, {reinterpret_cast<uint8_t*>(digest.data()), digest.size()});
  return digest;
}

std::string Pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i % 251);
  return bytes;
}

absl::Status SaysWhatItMakes(Hasher& hasher) {
  const size_t size = hasher.digest_size();
  L2P_EXPECT(size >= 20 && size <= 64, "digest_size() is ", size, ", not 20 to 64");
  const absl::StatusOr<Multihash> id =
      Multihash::FromDigest(hasher.code(), AsBytes(Digest(hasher, AsBytes("abc"))));
  L2P_EXPECT(id.ok(), "code() and digest_size() make no multihash: ", Shown(id.status()));
  return absl::OkStatus();
}

absl::Status ComputesPublishedDigests(Hasher& hasher) {
  for (const Vectors& vectors : kVectors) {
    if (vectors.code != hasher.code()) continue;
    const auto check = [&](const char* what, ByteView input, const char* wanted) -> absl::Status {
      const std::string found = ToHex(AsBytes(Digest(hasher, input)));
      L2P_EXPECT(found == wanted, "digest of ", what, ": wanted ", wanted, ", found ", found);
      return absl::OkStatus();
    };
    L2P_RETURN_IF_ERROR(check("nothing", {}, vectors.of_nothing));
    L2P_RETURN_IF_ERROR(check("\"abc\"", AsBytes("abc"), vectors.of_abc));
    const std::string pattern = Pattern(vectors.pattern);
    return check("the pattern", AsBytes(pattern), vectors.of_pattern);
  }
  return absl::OkStatus();
}

absl::Status HashesBatchesLikeSingles(Hasher& hasher) {
  const std::string bytes = TestBytes(1, 1 << 21);
  size_t next = 0;
  for (size_t batch = 1; batch <= Hasher::kMaxBatch; ++batch) {
    std::vector<ByteView> inputs;
    for (size_t i = 0; i < batch; ++i) {
      const size_t length = kLengths[next++ % std::size(kLengths)];
      inputs.push_back(AsBytes(bytes).subspan(next * 17, length));
    }
    std::vector<uint8_t> digests(batch * hasher.digest_size());
    hasher.Hash(inputs, digests);
    for (size_t i = 0; i < batch; ++i) {
      const std::string single = Digest(hasher, inputs[i]);
      const ByteView found =
          ByteView(digests).subspan(i * hasher.digest_size(), hasher.digest_size());
      L2P_EXPECT(Equal(found, AsBytes(single)), "input ", i, " of a batch of ", batch, " (",
                 inputs[i].size(), " bytes): ", ToHex(found), ", alone ", ToHex(AsBytes(single)));
    }
  }
  return absl::OkStatus();
}

absl::Status TreatsEqualLengthsInABatchApart(Hasher& hasher) {
  const std::string bytes = TestBytes(2, Hasher::kMaxBatch * 4096);
  std::vector<ByteView> inputs;
  for (size_t i = 0; i < Hasher::kMaxBatch; ++i) {
    inputs.push_back(AsBytes(bytes).subspan(i * 4096, 4096));
  }
  std::vector<uint8_t> digests(inputs.size() * hasher.digest_size());
  hasher.Hash(inputs, digests);
  for (size_t i = 0; i < inputs.size(); ++i) {
    L2P_EXPECT(Equal(ByteView(digests).subspan(i * hasher.digest_size(), hasher.digest_size()),
                     AsBytes(Digest(hasher, inputs[i]))),
               "input ", i, " of 16 equally long ones has another digest than alone");
  }
  return absl::OkStatus();
}

absl::Status WritesNothingButTheDigests(Hasher& hasher) {
  const size_t size = hasher.digest_size();
  for (const uint8_t filler : {0x00, 0xa5}) {
    std::vector<uint8_t> out(64 + 3 * size + 64, filler);
    const ByteView inputs[] = {AsBytes("a"), AsBytes(""), AsBytes("abc")};
    hasher.Hash(inputs, MutableByteView(out).subspan(64, 3 * size));
    for (size_t i = 0; i < 64; ++i) {
      L2P_EXPECT(out[i] == filler && out[64 + 3 * size + i] == filler,
                 "bytes beside the digests were written");
    }
  }
  std::array<uint8_t, 64> untouched;
  untouched.fill(0x5a);
  hasher.Hash({}, MutableByteView(untouched).first(0));
  for (const uint8_t byte : untouched) L2P_EXPECT(byte == 0x5a, "an empty batch wrote bytes");
  return absl::OkStatus();
}

absl::Status DependsOnEveryByte(Hasher& hasher) {
  for (const size_t length : {1u, 64u, 65u, 1024u, 5000u, 262144u}) {
    std::string bytes = TestBytes(3, length);
    const std::string before = Digest(hasher, AsBytes(bytes));
    for (const size_t at : {size_t{0}, length / 2, length - 1}) {
      bytes[at] ^= 1;
      L2P_EXPECT(Digest(hasher, AsBytes(bytes)) != before, "byte ", at, " of ", length,
                 " does not change the digest");
      bytes[at] ^= 1;
    }
  }
  return absl::OkStatus();
}

absl::Status GivesTheSameDigestAgain(Hasher& hasher) {
  const std::string bytes = TestBytes(4, 1 << 17);
  std::vector<std::string> first;
  for (const size_t length : kLengths) {
    first.push_back(Digest(hasher, AsBytes(bytes).first(std::min(length, bytes.size()))));
  }
  for (size_t i = std::size(kLengths); i-- > 0;) {
    const size_t length = std::min(kLengths[i], bytes.size());
    L2P_EXPECT(Digest(hasher, AsBytes(bytes).first(length)) == first[i], "the digest of ", length,
               " bytes changed after other calls");
    // The same bytes elsewhere in memory, at an odd address.
    const std::string moved = absl::StrCat("x", absl::string_view(bytes.data(), length));
    L2P_EXPECT(Digest(hasher, AsBytes(moved).subspan(1)) == first[i], "the digest of ", length,
               " bytes depends on where they lie");
  }
  return absl::OkStatus();
}

absl::Status LetsCallsOverlap(Hasher& hasher) {
  constexpr size_t kThreads = 4;
  std::vector<std::string> inputs;
  std::vector<std::string> wanted;
  for (size_t i = 0; i < kThreads; ++i) {
    inputs.push_back(TestBytes(10 + i, 3000 + 1000 * i));
    wanted.push_back(Digest(hasher, AsBytes(inputs[i])));
  }
  std::array<size_t, kThreads> wrong = {};
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        for (int round = 0; round < 2000; ++round) {
          wrong[i] += Digest(hasher, AsBytes(inputs[i])) != wanted[i];
        }
      });
    }
  }
  for (size_t i = 0; i < kThreads; ++i) {
    L2P_EXPECT(wrong[i] == 0, wrong[i], " of 2000 digests were wrong while other threads hashed");
  }
  return absl::OkStatus();
}

ConformanceCase AgreesWithAnotherInstance(const Factory<Hasher>& factory,
                                          const WorldFactory& world) {
  return {"AgreesWithAnotherInstance", [factory, world]() -> absl::Status {
            const std::unique_ptr<World> place = world();
            return place->Run([&]() -> absl::Status {
              L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Hasher> one, factory(place->host(0)));
              L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Hasher> other, factory(place->host(1)));
              const std::string bytes = TestBytes(5, 100000);
              L2P_EXPECT(Digest(*one, AsBytes(bytes)) == Digest(*other, AsBytes(bytes)),
                         "two instances give one input two digests");
              return absl::OkStatus();
            });
          }};
}

}  // namespace

std::vector<ConformanceCase> HasherConformance(Factory<Hasher> factory, WorldFactory world) {
  const auto one = [&](const char* name, absl::Status (*check)(Hasher&)) {
    return CaseOf<Hasher>(name, factory, world, check);
  };
  return {
      one("SaysWhatItMakes", SaysWhatItMakes),
      one("ComputesPublishedDigests", ComputesPublishedDigests),
      one("HashesBatchesLikeSingles", HashesBatchesLikeSingles),
      one("TreatsEqualLengthsInABatchApart", TreatsEqualLengthsInABatchApart),
      one("WritesNothingButTheDigests", WritesNothingButTheDigests),
      one("DependsOnEveryByte", DependsOnEveryByte),
      one("GivesTheSameDigestAgain", GivesTheSameDigestAgain),
      one("LetsCallsOverlap", LetsCallsOverlap),
      AgreesWithAnotherInstance(factory, world),
  };
}

}  // namespace l2p::testkit
