// seeded_file BYTES SEED: writes that many bytes to stdout. They do not compress, no two of their
// blocks are equal, and the same seed gives the same bytes on every machine.
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace {

// SplitMix64: the mix is a bijection of the state, so no 8 bytes come twice.
uint64_t Next(uint64_t& state) {
  uint64_t mixed = state += 0x9e3779b97f4a7c15;
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
  return mixed ^ mixed >> 31;
}

bool Parse(std::string_view text, uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t left = 0;
  uint64_t state = 0;
  if (argc != 3 || !Parse(argv[1], left) || !Parse(argv[2], state)) {
    std::fputs("usage: seeded_file BYTES SEED >FILE\n", stderr);
    return 2;
  }
  static std::array<uint64_t, 32 * 1024> words;
  while (left > 0) {
    for (uint64_t& word : words) word = Next(state);
    const size_t size = left < sizeof words ? static_cast<size_t>(left) : sizeof words;
    if (std::fwrite(words.data(), 1, size, stdout) != size) {
      std::perror("seeded_file");
      return 1;
    }
    left -= size;
  }
  return std::fclose(stdout) == 0 ? 0 : 1;
}
