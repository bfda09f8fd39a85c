# Flags that our own tree is built with, and l2p_add_plugin(), which third parties use as well.
include(${CMAKE_CURRENT_LIST_DIR}/L2pAddPlugin.cmake)

# Asserts stay on in every preset: NDEBUG is never defined here.
add_compile_options(-Wall -Wextra -Werror $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  -fvisibility=hidden -fvisibility-inlines-hidden)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Wthread-safety)
endif()
if(L2P_SANITIZE)
  add_compile_options(-fsanitize=${L2P_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${L2P_SANITIZE})
  if(L2P_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
  if(L2P_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)
  endif()
  # g++ 12 then takes what std::regex moves to be uninitialised.
  if(L2P_SANITIZE MATCHES "address" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
endif()

find_program(L2P_LLD ld.lld)
if(L2P_LLD)
  add_link_options(-fuse-ld=lld)
endif()
