// A plugin is a shared object that exports one data symbol, `l2p_plugin`: a PluginDescriptor that
// can be read without running plugin code. The whole of a plugin.cc:
//
//   #include "l2p/plugin.h"
//   #include "sha256_hasher.h"
//   L2P_PLUGIN(l2p::Hasher, "sha256", "1.0.0", kSettings, OpenSha256Hasher);
//
// where kSettings is a `constexpr l2p::SettingSpec[]` or `l2p::kNoSettings` and OpenSha256Hasher is
// `absl::StatusOr<std::unique_ptr<l2p::Hasher>> (l2p::Host&, const l2p::Settings&)`.
//
// The boundary is C++, so a plugin is accepted only if its SDK major is ours, its minor is not
// newer, and its toolchain string is equal. Code is never unloaded. Interfaces gain no virtual
// within a major; a new ability is asked for by string id (Query).
#ifndef L2P_PLUGIN_H_
#define L2P_PLUGIN_H_

#include <cstddef>
#include <memory>
#include <span>

#include "absl/base/config.h"
#include "l2p/host.h"
#include "l2p/settings.h"

#define L2P_TEXT_INNER_(x) #x
#define L2P_TEXT_(x) L2P_TEXT_INNER_(x)

#if defined(__SANITIZE_ADDRESS__)
#define L2P_TOOLCHAIN_SANITIZER_ " asan"
#elif defined(__SANITIZE_THREAD__)
#define L2P_TOOLCHAIN_SANITIZER_ " tsan"
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define L2P_TOOLCHAIN_SANITIZER_ " asan"
#elif __has_feature(thread_sanitizer)
#define L2P_TOOLCHAIN_SANITIZER_ " tsan"
#endif
#endif
#ifndef L2P_TOOLCHAIN_SANITIZER_
#define L2P_TOOLCHAIN_SANITIZER_ ""
#endif
#ifdef _GLIBCXX_DEBUG
#define L2P_TOOLCHAIN_DEBUG_ " glibcxx-debug"
#else
#define L2P_TOOLCHAIN_DEBUG_ ""
#endif

// What decides whether two builds agree on layouts: the C++ library's ABI, Abseil's release and the
// instrumentation. Not the compiler (g++ 12 and clang 14 interoperate), NDEBUG or optimisation.
#define L2P_TOOLCHAIN                                                         \
  "libstdc++ cxx11abi=" L2P_TEXT_(_GLIBCXX_USE_CXX11_ABI) " absl=" L2P_TEXT_( \
      ABSL_LTS_RELEASE_VERSION) L2P_TOOLCHAIN_SANITIZER_ L2P_TOOLCHAIN_DEBUG_

namespace l2p {

inline constexpr uint64_t kPluginMagic = 0x316e6967756c7032;  // "2plugin1"

struct PluginDescriptor {
  uint64_t magic;
  uint32_t size;  // sizeof(PluginDescriptor) as the plugin saw it.
  uint16_t sdk_major;
  uint16_t sdk_minor;
  const char* toolchain;
  const char*
      kind;  // "hashing", "chunking", "storage", "routing", "transport", "service", "crypto"
  const char* name;  // [a-z0-9]+; equal to the file's name without .so.
  const char* version;
  const SettingSpec* settings;
  size_t settings_count;

  // Makes an instance: on success *out is a `std::unique_ptr<Kind>` released to the caller, cast
  // from Kind*. Exceptions are turned into a Status inside.
  absl::Status (*open)(Host& host, const Settings& settings, void** out);
};

inline constexpr std::span<const SettingSpec> kNoSettings{};

// Adapts a typed factory to PluginDescriptor::open; a factory of the wrong type does not compile.
template <typename Kind, absl::StatusOr<std::unique_ptr<Kind>> (*Open)(Host&, const Settings&)>
absl::Status OpenAs(Host& host, const Settings& settings, void** out) {
  try {
    absl::StatusOr<std::unique_ptr<Kind>> instance = Open(host, settings);
    if (!instance.ok()) return instance.status();
    *out = instance->release();
    return absl::OkStatus();
  } catch (const std::exception& error) {
    return absl::InternalError(std::string("the factory threw: ") + error.what());
  } catch (...) {
    return absl::InternalError("the factory threw something that is not a std::exception");
  }
}

}  // namespace l2p

#define L2P_PLUGIN(Kind, plugin_name, plugin_version, settings_span, Open)                        \
  namespace {                                                                                     \
  constexpr std::span<const l2p::SettingSpec> l2p_plugin_settings = settings_span;                \
  }                                                                                               \
  extern "C"                                                                                      \
      __attribute__((visibility("default"))) constinit const l2p::PluginDescriptor l2p_plugin = { \
          l2p::kPluginMagic,                                                                      \
          sizeof(l2p::PluginDescriptor),                                                          \
          l2p::kSdkMajor,                                                                         \
          l2p::kSdkMinor,                                                                         \
          L2P_TOOLCHAIN,                                                                          \
          Kind::kKind,                                                                            \
          plugin_name,                                                                            \
          plugin_version,                                                                         \
          l2p_plugin_settings.data(),                                                             \
          l2p_plugin_settings.size(),                                                             \
          &l2p::OpenAs<Kind, &Open>}

#endif  // L2P_PLUGIN_H_
