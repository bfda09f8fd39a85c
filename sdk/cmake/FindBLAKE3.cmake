# BLAKE3::BLAKE3: the BLAKE3 of LLVM's support library (llvm-15-dev), for Debian has no C library of
# its own. Static, and nothing else of LLVM comes with it.
find_path(BLAKE3_INCLUDE_DIR llvm-c/blake3.h PATHS /usr/lib/llvm-15/include)
find_library(BLAKE3_LIBRARY libLLVMSupport.a PATHS /usr/lib/llvm-15/lib)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(BLAKE3
  REQUIRED_VARS BLAKE3_LIBRARY BLAKE3_INCLUDE_DIR REASON_FAILURE_MESSAGE "install llvm-15-dev")

if(BLAKE3_FOUND AND NOT TARGET BLAKE3::BLAKE3)
  add_library(BLAKE3::BLAKE3 STATIC IMPORTED)
  set_target_properties(BLAKE3::BLAKE3 PROPERTIES
    IMPORTED_LOCATION ${BLAKE3_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${BLAKE3_INCLUDE_DIR})
endif()
