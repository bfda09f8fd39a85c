# BLAKE2::BLAKE2: libb2 (libb2-dev), the reference implementation with a choice of instruction sets
# at run time. The static library: its shared one brings OpenMP into every node.
find_path(BLAKE2_INCLUDE_DIR blake2.h)
find_library(BLAKE2_LIBRARY libb2.a)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(BLAKE2
  REQUIRED_VARS BLAKE2_LIBRARY BLAKE2_INCLUDE_DIR REASON_FAILURE_MESSAGE "install libb2-dev")

if(BLAKE2_FOUND AND NOT TARGET BLAKE2::BLAKE2)
  add_library(BLAKE2::BLAKE2 STATIC IMPORTED)
  set_target_properties(BLAKE2::BLAKE2 PROPERTIES
    IMPORTED_LOCATION ${BLAKE2_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${BLAKE2_INCLUDE_DIR})
endif()
