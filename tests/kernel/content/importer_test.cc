#include "kernel/content/importer.h"

#include <gmock/gmock.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "tests/kernel/content/content_world.h"

namespace l2p {
namespace {

using Type = Input::Entry::Type;

std::string RootOf(ContentWorld& world, std::string_view profile, ListedInput input,
                   bool only_hash = false) {
  ImportOptions options = OptionsFor(world, ProfileOf(profile));
  options.only_hash = only_hash;
  absl::StatusOr<ImportResult> result = ImportAll(world, options, input);
  return result.ok() ? result->root.ToString() : std::string(result.status().message());
}

struct Vector {
  const char* name;
  size_t size;
  uint32_t seed;
  const char* id_2025;
  const char* id_256k;
};

TEST(Importer, MakesTheIdsOfTheProfiles) {
  const Vector vectors[] = {
      {"256 KiB + 1", 262145, 0x6c327005, nullptr,
       "bafybeiha45vtp4obft36jxxpri2vljdayh7mixq7p7lkb2hj4fdwbxrfwa"},
      {"1 MiB", 1 << 20, 0x6c327006, "bafkreidzdlmtnrxgjglmembqfgyod2utuork6q2wmbhw4htqi6ti5plt7i",
       "bafybeigqbcxmcjhbgwcrtgm54f54vrnx4e6ugwlfo5f63t5her6dho3gwe"},
      {"1 MiB + 1", (1 << 20) + 1, 0x6c327007,
       "bafybeidl3yzyo7z3c2muyjgyai6bh3vqtiovgw6tjrn4pazzvbqsfzrxxu",
       "bafybeieonyv4sgo4qkmz2vb3tuqm5ogygvme2axtkcr2vp5zkgnuh26pz4"},
      {"174 x 256 KiB + 1", 174 * 262144 + 1, 0x6c32700a,
       "bafybeih722bwf2l3mki5ubatxyqdtj5w3tz7i2h5jddwk5pugx4fcge25q",
       "bafybeihdkhcovs4v6cry26bctrfjdhrqa7n6sbbjf3d7sqiqbfkdf2t4vi"},
  };
  InWorld([&](Runtime& runtime) {
    for (const Vector& vector : vectors) {
      SCOPED_TRACE(vector.name);
      ContentWorld world(runtime);
      const std::string content = TestStream(vector.seed, vector.size);
      if (vector.id_2025) {
        EXPECT_EQ(RootOf(world, kProfile2025, ListedInput(content)), vector.id_2025);
      }
      EXPECT_EQ(RootOf(world, kProfile256k, ListedInput(content)), vector.id_256k);
    }
  });
}

TEST(Importer, MakesTheIdsOfSmallFilesAndOfAnEmptyFolder) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    EXPECT_EQ(RootOf(world, kProfile2025, ListedInput(std::string())),
              "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku");
    EXPECT_EQ(RootOf(world, kProfile2025, ListedInput(std::string("hello world"))),
              "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
    EXPECT_EQ(RootOf(world, kProfile2025, ListedInput(std::string("hello world\n"))),
              "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4");
    EXPECT_EQ(RootOf(world, kProfile2025, ListedInput({{Type::kFolder, "", ""}})),
              "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354");
  });
}

TEST(Importer, ShardsAFolderAsEverybodyDoes) {
  const char forced[] = "size=1MiB hamt=0";
  InWorld([&](Runtime& runtime) {
    ContentWorld world(runtime);
    std::vector<ListedInput::Item> items;
    for (int i = 0; i < 5; ++i) {
      const std::string name = absl::StrCat("file-0000", i, ".txt");
      items.push_back({Type::kFile, name, name + "\n"});
    }
    EXPECT_EQ(RootOf(world, forced, ListedInput(items)),
              "bafybeicotgzls4e4y6ofrsqapnwkq2ndv3yo7asfj56zvxambtqtfakpoy");
    EXPECT_EQ(RootOf(world, forced,
                     ListedInput({{Type::kFile, "470.txt", "470.txt\n"},
                                  {Type::kFile, "742.txt", "742.txt\n"}})),
              "bafybeig4umo4xcxzpktvj3pvs56itmn5l3skgjenkodq3iwd6wzjva7zqq");
  });
}

// The folder's node is exactly at the threshold, then one byte over it.
TEST(Importer, ShardsAFolderOnlyAboveTheThreshold) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    const ListedInput input({{Type::kFile, "one", "1"}, {Type::kFile, "three", "3"}});
    const std::string flat = RootOf(world, "size=1MiB hamt=262144", input);
    const Cid root = *Cid::FromString(flat);
    const size_t bytes = world.blocks.Get(root.hash())->size();
    EXPECT_EQ(RootOf(world, absl::StrCat("size=1MiB hamt=", bytes), input), flat);
    EXPECT_NE(RootOf(world, absl::StrCat("size=1MiB hamt=", bytes - 1), input), flat);
    const size_t link_bytes = 3 + 36 + 5 + 36;
    EXPECT_EQ(RootOf(world, absl::StrCat("size=1MiB rule=links hamt=", link_bytes), input), flat);
    EXPECT_NE(RootOf(world, absl::StrCat("size=1MiB rule=links hamt=", link_bytes - 1), input),
              flat);
  });
}

TEST(Importer, TakesEntriesInAnyOrderAndImpliesFolders) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    const std::string listed = RootOf(world, kProfile2025,
                                      ListedInput({{Type::kFolder, "", ""},
                                                   {Type::kFolder, "a", ""},
                                                   {Type::kFile, "a/x", "1"},
                                                   {Type::kFolder, "a/y", ""},
                                                   {Type::kFile, "a/y/z", "2"},
                                                   {Type::kLink, "b", "a/x"}}));
    EXPECT_TRUE(Cid::FromString(listed).ok()) << listed;
    EXPECT_EQ(listed, RootOf(world, kProfile2025,
                             ListedInput({{Type::kLink, "b", "a/x"},
                                          {Type::kFile, "a/y/z", "2"},
                                          {Type::kFile, "a/x", "1"}})));
  });
}

TEST(Importer, RefusesNamesThatNoFolderMayHold) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    for (const std::string& path :
         {std::string("a//b"), std::string("/a"), std::string("a/"), std::string(".."),
          std::string("a/./b"), std::string("nul\0byte", 8)}) {
      EXPECT_FALSE(
          Cid::FromString(RootOf(world, kProfile2025, ListedInput({{Type::kFile, path, "x"}})))
              .ok())
          << path;
    }
  });
}

TEST(Importer, RefusesAnEntryThatOccursTwiceOrLiesInAFile) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    const std::vector<std::vector<ListedInput::Item>> inputs = {
        {{Type::kFile, "a", "1"}, {Type::kFile, "a", "2"}},
        {{Type::kFile, "a", "1"}, {Type::kFile, "a/b", "2"}},
        {{Type::kFile, "a/b", "1"}, {Type::kFile, "a", "2"}},
        {{Type::kFile, "", "1"}, {Type::kFile, "a", "2"}},
        {{Type::kFile, "a", "1"}, {Type::kFolder, "a", ""}},
    };
    for (const auto& items : inputs) {
      EXPECT_THAT(RootOf(world, kProfile2025, ListedInput(items)),
                  testing::HasSubstr("occurs twice"));
    }
    EXPECT_EQ(RootOf(world, kProfile2025, ListedInput(std::vector<ListedInput::Item>())),
              "there is nothing to put");
  });
}

TEST(Importer, OnlyHashStoresNothing) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    const std::string content = TestStream(1, 3'000'000);
    const std::string id = RootOf(world, kProfile256k, ListedInput(content), true);
    EXPECT_EQ(world.stored_blocks(), 0u);
    EXPECT_EQ(RootOf(world, kProfile256k, ListedInput(content)), id);
    EXPECT_EQ(world.stored_blocks(), 13u);
  });
}

// Cuts after each byte that is divisible by `divisor`, with at least 1 and at most 1000 bytes.
class ByteValueChunker : public Chunker {
 public:
  explicit ByteValueChunker(uint8_t divisor) : divisor_(divisor) {}
  size_t max_chunk() const override { return 1000; }
  size_t Cut(ByteView window, bool at_end, std::span<size_t> ends) const override {
    size_t count = 0;
    size_t begin = 0;
    for (size_t i = 0; i < window.size() && count < ends.size(); ++i) {
      const bool cut = window[i] % divisor_ == 0 || i + 1 - begin == max_chunk() ||
                       (at_end && i + 1 == window.size());
      if (cut) ends[count++] = begin = i + 1;
    }
    return count;
  }
  std::string Parameters() const override { return "byte-value"; }

 private:
  const uint8_t divisor_;
};

TEST(Importer, CutsAFileAlikeHoweverItArrives) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    ImportOptions options = OptionsFor(world, ProfileOf("links=8"));
    options.chunker = std::make_shared<ByteValueChunker>(200);
    const std::string content = TestStream(5, 9'000'000);

    // The same leaves, cut from the whole content at once.
    std::vector<size_t> ends(content.size());
    const size_t count = options.chunker->Cut(AsBytes(content), true, ends);
    ListedInput input(content);
    std::vector<Group> groups;
    ASSERT_TRUE(ImportAll(world, options, input, &groups).ok());
    std::set<Multihash> leaves;
    for (const Group& group : groups) {
      for (const BlockRef& leaf : group.leaves) leaves.insert(leaf.id);
    }
    std::set<Multihash> expected;
    for (size_t i = 0, begin = 0; i < count; begin = ends[i++]) {
      expected.insert(HashOf(*world.hasher, AsBytes(content).subspan(begin, ends[i] - begin)));
    }
    EXPECT_EQ(leaves, expected);
  });
}

class BrokenChunker : public Chunker {
 public:
  size_t max_chunk() const override { return 100; }
  size_t Cut(ByteView window, bool, std::span<size_t> ends) const override {
    ends[0] = window.size() + 1;
    return 1;
  }
  std::string Parameters() const override { return "broken"; }
};

TEST(Importer, SaysSoWhenAChunkerCutsOutsideItsWindow) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    ImportOptions options = OptionsFor(world, ProfileOf(kProfile2025));
    options.chunker = std::make_shared<BrokenChunker>();
    ListedInput input(std::string(1000, 'x'));
    absl::Status status = ImportAll(world, options, input).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("chunker broken"));
  });
}

TEST(Importer, EndsWithTheErrorOfItsInput) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    ListedInput input(TestStream(1, 10'000'000));
    input.FailAtEnd(absl::UnavailableError("the sender left"));
    EXPECT_EQ(ImportAll(world, OptionsFor(world, ProfileOf(kProfile256k)), input).status(),
              absl::UnavailableError("the sender left"));
    EXPECT_EQ(world.memory.used(), 0u);
  });
}

TEST(Importer, EndsWithTheErrorOfTheGroupSink) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    BlockService::Operation operation(world.blocks);
    ListedInput input(TestStream(1, 20'000'000));
    absl::StatusOr<ImportResult> result = Import(
        world.runtime, world.memory, &operation, OptionsFor(world, ProfileOf("size=4096 links=32")),
        input, [](Group) { return absl::AbortedError("enough"); }, nullptr);
    EXPECT_EQ(result.status(), absl::AbortedError("enough"));
    EXPECT_LT(world.store->Usage().bytes, 15'000'000u);
  });
}

TEST(Importer, StopsAtTheQuota) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime, 5'000'000);
    ListedInput input(TestStream(1, 20'000'000));
    absl::Status status =
        ImportAll(world, OptionsFor(world, ProfileOf(kProfile256k)), input).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr("storage.quota"));
    EXPECT_LE(world.store->Usage().bytes, 5'000'000u);
  });
}

TEST(Importer, NeedsLittleMemoryHoweverLargeTheInput) {
  InWorld([](testkit::SimRuntime& runtime) {
    ContentWorld world(runtime);
    Memory memory(runtime, 2 << 20);
    BlockService::Operation operation(world.blocks);
    ListedInput input(TestStream(1, 30'000'000));
    absl::StatusOr<ImportResult> result =
        Import(runtime, memory, nullptr, OptionsFor(world, ProfileOf("size=256KiB links=174")),
               input, nullptr, nullptr);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->content_bytes, 30'000'000u);
    EXPECT_EQ(memory.used(), 0u);
  });
}

TEST(Profile, SaysWhatIsWrongWithALine) {
  EXPECT_TRUE(ParseProfile("p", "").ok());
  EXPECT_EQ(ParseProfile("p", "links=174")->links, 174u);
  for (const char* line : {"links=1", "links=1025", "size=3MiB", "hamt=2MiB", "rule=both", "x=1",
                           "links", "size=zero"}) {
    absl::Status status = ParseProfile("p", line).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << line;
    EXPECT_THAT(std::string(status.message()), testing::StartsWith("content.profile.p: "));
  }
}

}  // namespace
}  // namespace l2p
