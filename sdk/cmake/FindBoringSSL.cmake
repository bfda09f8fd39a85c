# Debian's android-libboringssl-dev: BoringSSL::Crypto and BoringSSL::SSL. OpenSSL's libraries of the
# same names are never taken: NO_DEFAULT_PATH.
find_path(BoringSSL_INCLUDE_DIR openssl/is_boringssl.h PATH_SUFFIXES android)
foreach(library crypto ssl)
  find_library(BoringSSL_${library}_LIBRARY ${library}
    PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/android NO_DEFAULT_PATH)
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(BoringSSL
  REQUIRED_VARS BoringSSL_crypto_LIBRARY BoringSSL_ssl_LIBRARY BoringSSL_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "install android-libboringssl-dev")

if(BoringSSL_FOUND AND NOT TARGET BoringSSL::Crypto)
  add_library(BoringSSL::Crypto SHARED IMPORTED)
  set_target_properties(BoringSSL::Crypto PROPERTIES
    IMPORTED_LOCATION ${BoringSSL_crypto_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${BoringSSL_INCLUDE_DIR})
  add_library(BoringSSL::SSL SHARED IMPORTED)
  set_target_properties(BoringSSL::SSL PROPERTIES
    IMPORTED_LOCATION ${BoringSSL_ssl_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${BoringSSL_INCLUDE_DIR}
    INTERFACE_LINK_LIBRARIES BoringSSL::Crypto)
endif()
