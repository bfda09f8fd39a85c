#include "l2p/testkit/chunker_conformance.h"

#include <algorithm>
#include <thread>

#include "expect.h"

namespace l2p::testkit {
namespace {

using Ends = std::vector<size_t>;

// The cuts of a whole file in one window; `room` ends are offered in each call.
absl::StatusOr<Ends> CutWhole(const Chunker& chunker, ByteView file, size_t room = 64) {
  Ends cuts;
  std::vector<size_t> ends(room);
  for (size_t start = 0; start < file.size();) {
    const size_t count = chunker.Cut(file.subspan(start), true, ends);
    L2P_EXPECT(count > 0 && count <= room, "Cut of ", file.size() - start,
               " bytes at the end of the file, with room for ", room, " ends, returned ", count);
    size_t before = 0;
    for (size_t i = 0; i < count; ++i) {
      L2P_EXPECT(ends[i] > before && ends[i] <= file.size() - start, "end ", i, " is ", ends[i],
                 " after ", before, " in a window of ", file.size() - start);
      L2P_EXPECT(ends[i] - before <= chunker.max_chunk(), "a chunk of ", ends[i] - before,
                 " bytes, over max_chunk() = ", chunker.max_chunk());
      cuts.push_back(start + ends[i]);
      before = ends[i];
    }
    start += before;
  }
  return cuts;
}

// Files that make chunkers find cuts by content, by their maximum, and at odd ends.
std::vector<std::string> Files(const Chunker& chunker) {
  const size_t max = chunker.max_chunk();
  std::string text;
  while (text.size() < max + 12345) text += "the same line again and again, 0123456789\n";
  return {TestBytes(1, 5 * max + 4321), std::string(3 * max, '\0'), text, TestBytes(2, max),
          TestBytes(3, max + 1),        TestBytes(4, max - 1),      "x",  TestBytes(5, 1000)};
}

absl::Status SaysItsLargestChunk(Chunker& chunker) {
  const size_t max = chunker.max_chunk();
  L2P_EXPECT(max >= 1 && max <= Chunker::kMaxChunk, "max_chunk() is ", max, ", not 1 to ",
             Chunker::kMaxChunk);
  L2P_EXPECT(!chunker.Parameters().empty(), "Parameters() is empty");
  L2P_EXPECT(chunker.Parameters() == chunker.Parameters(), "Parameters() changes between calls");
  return absl::OkStatus();
}

absl::Status CoversTheFileInAscendingChunks(Chunker& chunker) {
  for (const std::string& file : Files(chunker)) {
    L2P_ASSIGN_OR_RETURN(const Ends cuts, CutWhole(chunker, AsBytes(file)));
    L2P_EXPECT(!cuts.empty() && cuts.back() == file.size(), "a file of ", file.size(),
               " bytes ends at ", cuts.empty() ? 0 : cuts.back());
  }
  return absl::OkStatus();
}

absl::Status HasNoChunksInAnEmptyWindow(Chunker& chunker) {
  std::vector<size_t> ends(4, 77);
  for (const bool at_end : {false, true}) {
    const size_t count = chunker.Cut({}, at_end, ends);
    L2P_EXPECT(count == 0, "an empty window, at_end ", at_end, ", has ", count, " chunks");
  }
  return absl::OkStatus();
}

absl::Status StopsWhenEndsAreFull(Chunker& chunker) {
  const std::string file = TestBytes(1, 5 * chunker.max_chunk() + 4321);
  L2P_ASSIGN_OR_RETURN(const Ends wanted, CutWhole(chunker, AsBytes(file), 4096));
  for (const size_t room : {1u, 2u, 3u}) {
    std::vector<size_t> ends(room + 2, ~size_t{0});
    const size_t count = chunker.Cut(AsBytes(file), true, std::span(ends).first(room));
    L2P_EXPECT(count == std::min(room, wanted.size()), "with room for ", room,
               " ends Cut returned ", count);
    L2P_EXPECT(ends[room] == ~size_t{0} && ends[room + 1] == ~size_t{0},
               "Cut wrote past the span of ends");
    L2P_ASSIGN_OR_RETURN(const Ends found, CutWhole(chunker, AsBytes(file), room));
    L2P_EXPECT(found == wanted, "with room for ", room, " ends a call the cuts differ");
  }
  L2P_EXPECT(chunker.Cut(AsBytes(file), true, {}) == 0, "Cut with no room for ends found some");
  return absl::OkStatus();
}

// Feeds `file` as an importer does, in windows of random size from the seed, and returns the cuts.
absl::StatusOr<Ends> CutStreaming(const Chunker& chunker, ByteView file, uint64_t seed) {
  const std::string chance = TestBytes(seed, 8 * 4096);
  size_t drawn = 0;
  const auto draw = [&](size_t bound) {
    uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | uint8_t(chance[drawn++ % chance.size()]);
    return static_cast<size_t>(value % bound);
  };
  const size_t max = chunker.max_chunk();
  Ends cuts;
  Ends ends(8);
  for (size_t start = 0, have = 0; start < file.size();) {
    have = std::min(file.size() - start, have + 1 + draw(max));
    const bool at_end = start + have == file.size();
    const size_t room = 1 + draw(ends.size());
    const size_t count =
        chunker.Cut(file.subspan(start, have), at_end, std::span(ends).first(room));
    L2P_EXPECT(count <= room, "Cut returned ", count, " of at most ", room);
    L2P_EXPECT(count > 0 || (!at_end && have < max), "no chunk in a window of ", have,
               " bytes although max_chunk() is ", max, ", at_end ", at_end);
    for (size_t i = 0; i < count; ++i) {
      L2P_EXPECT(ends[i] <= have && ends[i] > (i == 0 ? 0 : ends[i - 1]), "end ", ends[i],
                 " in a window of ", have);
      cuts.push_back(start + ends[i]);
    }
    if (count > 0) {
      start += ends[count - 1];
      have -= ends[count - 1];
    }
  }
  return cuts;
}

absl::Status CutsTheSameInAnyWindows(Chunker& chunker) {
  for (const std::string& file : Files(chunker)) {
    L2P_ASSIGN_OR_RETURN(const Ends wanted, CutWhole(chunker, AsBytes(file)));
    for (uint64_t seed = 0; seed < 4; ++seed) {
      L2P_ASSIGN_OR_RETURN(const Ends found, CutStreaming(chunker, AsBytes(file), seed));
      L2P_EXPECT(found == wanted, "a file of ", file.size(), " bytes is cut otherwise in windows ",
                 "of random size (seed ", seed, ")");
    }
  }
  return absl::OkStatus();
}

absl::Status DecidesAChunkInAFullWindow(Chunker& chunker) {
  const size_t max = chunker.max_chunk();
  std::vector<size_t> ends(4);
  for (const std::string& file : {TestBytes(6, max), std::string(max, 'a')}) {
    L2P_EXPECT(chunker.Cut(AsBytes(file), false, ends) > 0,
               "a window of max_chunk() bytes decides no chunk");
  }
  return absl::OkStatus();
}

absl::Status DependsOnNothingPastTheCut(Chunker& chunker) {
  const size_t max = chunker.max_chunk();
  const std::string file = TestBytes(7, 12 * max);
  L2P_ASSIGN_OR_RETURN(const Ends cuts, CutWhole(chunker, AsBytes(file)));
  std::vector<size_t> ends(1);
  // The last cut is the end of the file and depends on it.
  for (size_t i = 0, start = 0; i + 1 < cuts.size() && i < 16; start = cuts[i++]) {
    const std::string chunk = file.substr(start, cuts[i] - start);
    // The chunk followed by other bytes, by zeros, and by the end of the file.
    for (const std::string& after : {TestBytes(100 + i, max), std::string(max, '\0'),
                                     std::string(1, char(~file[cuts[i] % file.size()]))}) {
      const std::string changed = chunk + after;
      const size_t count = chunker.Cut(AsBytes(changed), true, ends);
      L2P_EXPECT(count == 1 && ends[0] == chunk.size(), "a chunk of ", chunk.size(),
                 " bytes ends at ", count == 0 ? 0 : ends[0], " when other bytes follow it");
    }
    L2P_EXPECT(chunker.Cut(AsBytes(chunk), true, ends) == 1 && ends[0] == chunk.size(),
               "a chunk of ", chunk.size(), " bytes is cut again when the file ends with it");
  }
  return absl::OkStatus();
}

absl::Status ForgetsBetweenCalls(Chunker& chunker) {
  const std::string one = TestBytes(8, 2 * chunker.max_chunk());
  const std::string other = TestBytes(9, chunker.max_chunk() + 777);
  L2P_ASSIGN_OR_RETURN(const Ends wanted, CutWhole(chunker, AsBytes(one)));
  L2P_RETURN_IF_ERROR(CutWhole(chunker, AsBytes(other)).status());
  L2P_ASSIGN_OR_RETURN(const Ends found, CutWhole(chunker, AsBytes(one)));
  L2P_EXPECT(found == wanted, "a file is cut otherwise after another was cut");
  // Elsewhere in memory, at an odd address.
  const std::string moved = "x" + one;
  L2P_ASSIGN_OR_RETURN(const Ends again, CutWhole(chunker, AsBytes(moved).subspan(1)));
  L2P_EXPECT(again == wanted, "the cuts depend on where the bytes lie");
  return absl::OkStatus();
}

absl::Status LetsCallsOverlap(Chunker& chunker) {
  const std::string file = TestBytes(10, 2 * chunker.max_chunk());
  L2P_ASSIGN_OR_RETURN(const Ends wanted, CutWhole(chunker, AsBytes(file)));
  size_t wrong[3] = {};
  {
    std::vector<std::jthread> threads;
    for (size_t& mine : wrong) {
      threads.emplace_back([&] {
        for (int round = 0; round < 8; ++round) {
          const absl::StatusOr<Ends> found = CutWhole(chunker, AsBytes(file));
          mine += !found.ok() || *found != wanted;
        }
      });
    }
  }
  L2P_EXPECT(wrong[0] + wrong[1] + wrong[2] == 0, "cuts were wrong while other threads cut");
  return absl::OkStatus();
}

ConformanceCase AgreesWithAnotherInstance(const Factory<Chunker>& factory,
                                          const WorldFactory& world) {
  return {"AgreesWithAnotherInstance", [factory, world]() -> absl::Status {
            const std::unique_ptr<World> place = world();
            return place->Run([&]() -> absl::Status {
              L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Chunker> one, factory(place->host(0)));
              L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Chunker> other, factory(place->host(1)));
              L2P_EXPECT(one->Parameters() == other->Parameters(),
                         "Parameters() differ: ", one->Parameters(), " and ", other->Parameters());
              const std::string file = TestBytes(11, 3 * one->max_chunk());
              L2P_ASSIGN_OR_RETURN(const Ends cuts, CutWhole(*one, AsBytes(file)));
              L2P_ASSIGN_OR_RETURN(const Ends others, CutWhole(*other, AsBytes(file)));
              L2P_EXPECT(cuts == others, "two instances cut one file in two ways");
              return absl::OkStatus();
            });
          }};
}

}  // namespace

std::vector<ConformanceCase> ChunkerConformance(Factory<Chunker> factory, WorldFactory world) {
  const auto one = [&](const char* name, absl::Status (*check)(Chunker&)) {
    return CaseOf<Chunker>(name, factory, world, check);
  };
  return {
      one("SaysItsLargestChunk", SaysItsLargestChunk),
      one("CoversTheFileInAscendingChunks", CoversTheFileInAscendingChunks),
      one("HasNoChunksInAnEmptyWindow", HasNoChunksInAnEmptyWindow),
      one("StopsWhenEndsAreFull", StopsWhenEndsAreFull),
      one("CutsTheSameInAnyWindows", CutsTheSameInAnyWindows),
      one("DecidesAChunkInAFullWindow", DecidesAChunkInAFullWindow),
      one("DependsOnNothingPastTheCut", DependsOnNothingPastTheCut),
      one("ForgetsBetweenCalls", ForgetsBetweenCalls),
      one("LetsCallsOverlap", LetsCallsOverlap),
      AgreesWithAnotherInstance(factory, world),
  };
}

}  // namespace l2p::testkit
