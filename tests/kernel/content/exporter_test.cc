#include "kernel/content/exporter.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "l2p/hamt.h"
#include "tests/kernel/content/content_world.h"

namespace l2p {
namespace {

using Type = Input::Entry::Type;
constexpr Time kNever = absl::InfiniteFuture();

// Puts made-up nodes.
class NodeMaker {
 public:
  explicit NodeMaker(ContentWorld& world) : world_(world), operation_(world.blocks) {}

  Cid Raw(std::string content) {
    const Multihash id = HashOf(*world_.hasher, AsBytes(content));
    return Put(Cid(Codec::kRaw, id), std::move(content));
  }
  Cid Node(UnixFs::Type type, std::vector<DagLink> links, std::vector<uint64_t> sizes = {},
           std::optional<uint64_t> file_size = std::nullopt) {
    UnixFs message;
    message.type = type;
    message.block_sizes = std::move(sizes);
    message.file_size = file_size;
    if (type == UnixFs::Type::kSymlink) message.data = "target";
    return Node(message, std::move(links));
  }
  Cid Node(const UnixFs& message, std::vector<DagLink> links) {
    DagNode node{std::move(links), EncodeUnixFs(message)};
    std::string block = EncodeDagPb(node);
    const Multihash id = HashOf(*world_.hasher, AsBytes(block));
    return Put(Cid(Codec::kDagPb, id), std::move(block));
  }
  Cid File(std::vector<std::pair<Cid, uint64_t>> parts) {
    std::vector<DagLink> links;
    std::vector<uint64_t> sizes;
    uint64_t sum = 0;
    for (const auto& [cid, size] : parts) {
      links.push_back({cid, "", size});
      sizes.push_back(size);
      sum += size;
    }
    return Node(UnixFs::Type::kFile, std::move(links), std::move(sizes), sum);
  }
  Cid Folder(std::vector<DagLink> links) {
    return Node(UnixFs::Type::kDirectory, std::move(links));
  }
  Cid Shard(std::vector<DagLink> links, std::string bitmap) {
    UnixFs message;
    message.type = UnixFs::Type::kHamtShard;
    message.data = std::move(bitmap);
    message.hash_type = kHamtHashType;
    message.fanout = kHamtFanout;
    return Node(message, std::move(links));
  }

 private:
  Cid Put(Cid cid, std::string content) {
    const Block block{cid.hash(), Bytes::Of(std::move(content))};
    EXPECT_TRUE(operation_.Put({&block, 1}).ok());
    return cid;
  }

  ContentWorld& world_;
  BlockService::Operation operation_;
};

absl::Status ExportTo(ContentWorld& world, const Cid& id, MemoryOutput& output,
                      const ExportLimits& limits = {}) {
  LocalSource source(world.blocks);
  return Export(source, id, output, limits, kNever);
}

TEST(Exporter, WritesWhatWasImported) {
  InWorld([](Runtime& runtime) {
    for (const char* line : {"size=1000 links=3", "size=1000 links=7 hamt=0"}) {
      ContentWorld world(runtime);
      std::map<std::string, std::string> files;
      std::vector<ListedInput::Item> items;
      for (uint32_t i = 0; i < 400; ++i) {
        const std::string path = absl::StrCat("d", i % 5, "/e", i % 2, "/file", i);
        items.push_back({Type::kFile, path, files[path] = TestStream(i + 1, i * 97 % 20'000)});
      }
      items.push_back({Type::kLink, "d0/link", "../elsewhere"});
      items.push_back({Type::kFolder, "empty", ""});
      ListedInput input(items);
      absl::StatusOr<ImportResult> put =
          ImportAll(world, OptionsFor(world, ProfileOf(line)), input);
      ASSERT_TRUE(put.ok()) << put.status();
      MemoryOutput output;
      ASSERT_TRUE(ExportTo(world, put->root, output).ok());
      EXPECT_EQ(output.files, files);
      EXPECT_THAT(output.links, testing::ElementsAre(testing::Pair("d0/link", "../elsewhere")));
      EXPECT_EQ(output.folders.size(), 1u + 5 + 10 + 1);
      EXPECT_EQ(output.folders[0], "");
    }
  });
}

TEST(Exporter, KeepsManyBlocksWantedAndWritesThemInAnyOrder) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    const std::string content = TestStream(4, 1'000'000);
    ListedInput input(content);
    const Cid root =
        ImportAll(world, OptionsFor(world, ProfileOf("size=1000 links=1000")), input)->root;
    LocalSource source(world.blocks);
    MemoryOutput output;
    ASSERT_TRUE(Export(source, root, output, {}, kNever).ok());
    EXPECT_EQ(output.files[""], content);
    EXPECT_GE(source.most_wanted, 1000u);
    EXPECT_LE(source.most_wanted, BlockSource::kMaxWanted);
  });
}

TEST(Exporter, ReadsAheadOverTheBoundsOfFolders) {
  InWorld([](Runtime& runtime) {
    for (const char* line : {"size=1000", "size=1000 hamt=0"}) {
      ContentWorld world(runtime);
      std::vector<ListedInput::Item> items;
      for (uint32_t i = 0; i < 400; ++i) {
        items.push_back({Type::kFile, absl::StrCat("d", i / 10, "/f", i), TestStream(i + 1, 100)});
      }
      ListedInput input(items);
      const Cid root = ImportAll(world, OptionsFor(world, ProfileOf(line)), input)->root;
      LocalSource source(world.blocks);
      MemoryOutput output;
      ASSERT_TRUE(Export(source, root, output, {}, kNever).ok());
      EXPECT_EQ(output.files.size(), 400u);
      EXPECT_GE(source.most_wanted, 300u);
      EXPECT_LE(source.most_wanted, BlockSource::kMaxWanted);
    }
  });
}

TEST(Exporter, WritesWhatComesBeforeAFolderThatIsMissing) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    NodeMaker make(world);
    const Cid first = make.Folder({{make.Raw("one"), "file", 3}});
    const Cid gone(Codec::kDagPb, HashOf(*world.hasher, AsBytes("gone")));
    MemoryOutput output;
    const absl::Status status =
        ExportTo(world, make.Folder({{first, "a", 3}, {gone, "b", 3}}), output);
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(std::string(status.message()), testing::StartsWith("b: "));
    EXPECT_EQ(output.files["a/file"], "one");
  });
}

TEST(Exporter, FetchesOnlyWhatIsNotThereYet) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    const std::string content = TestStream(4, 100'000);
    ListedInput input(content);
    const Cid root =
        ImportAll(world, OptionsFor(world, ProfileOf("size=1000 links=200")), input)->root;
    LocalSource source(world.blocks);
    MemoryOutput output;
    output.present = content.substr(0, 40'500);
    output.present[10'000] ^= 1;
    ASSERT_TRUE(Export(source, root, output, {}, kNever, &world.hashers).ok());
    EXPECT_EQ(output.files[""], content);
    EXPECT_EQ(source.answered, 1u + 60 + 1);  // The root, what is missing, what is damaged.
  });
}

TEST(Exporter, ReadsAnyRangeInOrder) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    const std::string content = TestStream(4, 50'000);
    ListedInput input(content);
    const Cid root =
        ImportAll(world, OptionsFor(world, ProfileOf("size=700 links=4")), input)->root;
    const uint64_t ranges[][2] = {{0, 49'999},      {0, 0},      {699, 700},
                                  {49'999, 49'999}, {123, 4567}, {7000, ~uint64_t{0}},
                                  {20'000, 60'000}};
    for (const auto& [first, last] : ranges) {
      LocalSource source(world.blocks);
      std::string got;
      absl::Status status = ReadRange(
          source, root, first, last,
          [&](const Bytes& data) {
            got += data.text();
            return absl::OkStatus();
          },
          kNever);
      EXPECT_TRUE(status.ok()) << status;
      EXPECT_EQ(got, content.substr(first, last == ~uint64_t{0} ? last : last - first + 1));
    }
    LocalSource source(world.blocks);
    EXPECT_EQ(ReadRange(source, root, 50'000, 50'001, nullptr, kNever).code(),
              absl::StatusCode::kInvalidArgument);
  });
}

TEST(Exporter, FollowsPathsThroughFlatAndShardedFolders) {
  InWorld([](Runtime& runtime) {
    for (const char* line : {"size=1000", "size=1000 hamt=0"}) {
      ContentWorld world(runtime);
      ListedInput input({{Type::kFile, "a/470.txt", "470.txt\n"},
                         {Type::kFile, "a/742.txt", "742.txt\n"},
                         {Type::kLink, "l", "a"}});
      const Cid root = ImportAll(world, OptionsFor(world, ProfileOf(line)), input)->root;
      LocalSource source(world.blocks);
      absl::StatusOr<Cid> file = ResolvePath(source, root, "/a/742.txt", kNever);
      ASSERT_TRUE(file.ok()) << file.status();
      EXPECT_EQ(world.blocks.Get(file->hash())->text(), "742.txt\n");
      EXPECT_EQ(*ResolvePath(source, root, "", kNever), root);
      for (const char* path : {"b", "a/b", "a/742.txt/x", "l/x", "..", "a/../a"}) {
        EXPECT_EQ(ResolvePath(source, root, path, kNever).status().code(),
                  absl::StatusCode::kNotFound)
            << path;
      }
      std::vector<std::string> names;
      ASSERT_TRUE(List(
                      source, *ResolvePath(source, root, "a", kNever),
                      [&](const ListedEntry& entry) {
                        names.push_back(entry.name);
                        return absl::OkStatus();
                      },
                      kNever)
                      .ok());
      EXPECT_THAT(names, testing::UnorderedElementsAre("470.txt", "742.txt"));
      const Stat link = *StatOf(source, *ResolvePath(source, root, "l", kNever), kNever);
      EXPECT_EQ(link.type, Stat::Type::kLink);
      EXPECT_EQ(link.target, "a");
    }
  });
}

TEST(Exporter, RefusesPartsThatAreNotAsLongAsTheirParentSays) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    NodeMaker make(world);
    const Cid five = make.Raw("12345");
    const Cid inner = make.File({{five, 5}});
    const Cid too_large = make.File({{five, 3 << 20}});
    for (const Cid& bad : {make.File({{five, 4}}), make.File({{five, 6}}), make.File({{inner, 4}}),
                           make.File({{inner, 6}}), too_large}) {
      MemoryOutput output;
      EXPECT_EQ(ExportTo(world, bad, output).code(), absl::StatusCode::kDataLoss);
    }
    MemoryOutput output;
    EXPECT_TRUE(ExportTo(world, make.File({{five, 5}, {inner, 5}}), output).ok());
    EXPECT_EQ(output.files[""], "1234512345");
  });
}

TEST(Exporter, SaysWhichBlockIsMissing) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    NodeMaker make(world);
    const Cid gone(Codec::kRaw, HashOf(*world.hasher, AsBytes("gone")));
    MemoryOutput output;
    absl::Status status = ExportTo(world, make.File({{gone, 4}}), output);
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(gone.ToString()));
  });
}

TEST(Exporter, EndsADagBombAtItsLimits) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    NodeMaker make(world);
    uint64_t size = 1;
    Cid bomb = make.Raw("x");
    for (int depth = 0; depth < 5; ++depth, size *= 1000) {
      bomb = make.File(std::vector<std::pair<Cid, uint64_t>>(1000, {bomb, size}));
    }
    MemoryOutput output;
    EXPECT_EQ(ExportTo(world, bomb, output, {.max_bytes = 1 << 30}).code(),
              absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(output.total_written, 0u);

    Cid nothing = make.File({});
    for (int depth = 0; depth < 20; ++depth) {
      nothing = make.File(std::vector<std::pair<Cid, uint64_t>>(1000, {nothing, 0}));
    }
    EXPECT_TRUE(ExportTo(world, nothing, output).ok());

    Cid folders = make.Folder({});
    for (int depth = 0; depth < 20; ++depth) {
      folders = make.Folder({{folders, "a", 0}, {folders, "b", 0}, {folders, "c", 0}});
    }
    MemoryOutput tree;
    EXPECT_EQ(ExportTo(world, folders, tree, {.max_entries = 10'000}).code(),
              absl::StatusCode::kResourceExhausted);
    EXPECT_LE(tree.folders.size(), 10'000u);
  });
}

TEST(Exporter, LimitsTheDepthOfFilesAndFolders) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    NodeMaker make(world);
    Cid file = make.Raw("x");
    Cid folder = file;
    for (int depth = 0; depth < 64; ++depth) file = make.File({{file, 1}});
    for (int depth = 0; depth < 257; ++depth) folder = make.Folder({{folder, "f", 0}});
    MemoryOutput output;
    EXPECT_TRUE(ExportTo(world, file, output).ok());
    EXPECT_EQ(ExportTo(world, make.File({{file, 1}}), output).code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(ExportTo(world, folder, output).code(), absl::StatusCode::kResourceExhausted);
  });
}

TEST(Exporter, RefusesNamesThatLeadOutOfTheTarget) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    NodeMaker make(world);
    const Cid file = make.Raw("x");
    for (const std::string& name :
         {std::string(), std::string("."), std::string(".."), std::string("a/b"),
          std::string("/etc/passwd"), std::string("a\0b", 3), std::string(256, 'n')}) {
      MemoryOutput output;
      EXPECT_EQ(ExportTo(world, make.Folder({{file, name, 1}}), output).code(),
                absl::StatusCode::kInvalidArgument)
          << name;
      EXPECT_TRUE(output.files.empty());
    }
  });
}

TEST(Exporter, TakesTheFirstOfTwoEntriesWithOneName) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    NodeMaker make(world);
    const Cid folder = make.Folder({{make.Raw("one"), "a", 3}, {make.Raw("two"), "a", 3}});
    MemoryOutput output;
    ASSERT_TRUE(ExportTo(world, folder, output).ok());
    EXPECT_EQ(output.files["a"], "one");
  });
}

TEST(Exporter, RefusesShardsThatNoWriterMakes) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    NodeMaker make(world);
    const Cid file = make.Raw("x");
    // 470.txt belongs to slot 00.
    const Cid good = make.Shard({{file, "00470.txt", 1}}, std::string(1, '\x01'));
    const Cid misplaced = make.Shard({{file, "01470.txt", 1}}, std::string(1, '\x02'));
    const Cid empty = make.Shard({}, "");
    const Cid has_empty = make.Shard({{empty, "00", 1}}, std::string(1, '\x01'));
    const Cid below_itself = make.Shard({{good, "00", 1}}, std::string(1, '\x01'));
    const Cid file_as_shard =
        make.Shard({{make.File({{file, 1}}), "00", 1}}, std::string(1, '\x01'));
    MemoryOutput output;
    EXPECT_TRUE(ExportTo(world, good, output).ok());
    for (const Cid& bad : {misplaced, has_empty, below_itself, file_as_shard}) {
      EXPECT_EQ(ExportTo(world, bad, output).code(), absl::StatusCode::kInvalidArgument);
    }
  });
}

TEST(Exporter, RefusesWhatIsNeitherFileNorFolder) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    NodeMaker make(world);
    const Cid cbor(Codec::kDagCbor, make.Raw("{}").hash());
    const Cid garbage(Codec::kDagPb, make.Raw("not protobuf").hash());
    for (const Cid& id : {cbor, garbage, make.Node(UnixFs::Type::kMetadata, {})}) {
      MemoryOutput output;
      EXPECT_EQ(ExportTo(world, id, output).code(), absl::StatusCode::kInvalidArgument);
    }
  });
}

}  // namespace
}  // namespace l2p
