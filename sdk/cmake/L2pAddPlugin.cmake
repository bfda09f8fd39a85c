# l2p_add_plugin(<kind> <name> SOURCES <file>... [LIBRARIES <target>...])
#
# Builds <kind>/<name>.so below L2P_PLUGIN_DIR (default: <build>/plugins), linked to the SDK and
# exporting nothing but the descriptor `l2p_plugin`. The target is called plugin-<kind>-<name>.
# With L2P_PLUGIN_INSTALL_DIR set it is installed below that folder.
set(L2P_PLUGIN_MAP ${CMAKE_CURRENT_LIST_DIR}/plugin.map)

function(l2p_add_plugin kind name)
  cmake_parse_arguments(PARSE_ARGV 2 plugin "" "" "SOURCES;LIBRARIES")
  if(NOT plugin_SOURCES)
    message(FATAL_ERROR "l2p_add_plugin(${kind} ${name}): no SOURCES")
  endif()
  if(NOT DEFINED L2P_PLUGIN_DIR)
    set(L2P_PLUGIN_DIR ${CMAKE_BINARY_DIR}/plugins)
  endif()
  set(target plugin-${kind}-${name})
  add_library(${target} MODULE ${plugin_SOURCES})
  target_link_libraries(${target} PRIVATE l2p::sdk ${plugin_LIBRARIES})
  target_compile_options(${target} PRIVATE -fvisibility=hidden -fvisibility-inlines-hidden
    $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
  # Compressed, for a node copies the plugins that it loads, and most of a plugin is debug
  # information.
  target_link_options(${target} PRIVATE -Wl,--version-script=${L2P_PLUGIN_MAP}
    -Wl,--compress-debug-sections=zlib)
  if(NOT (CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND L2P_SANITIZE))
    target_link_options(${target} PRIVATE -Wl,-z,defs)
  endif()
  set_target_properties(${target} PROPERTIES
    PREFIX "" OUTPUT_NAME ${name} SUFFIX ".so"
    LINK_DEPENDS ${L2P_PLUGIN_MAP}
    LIBRARY_OUTPUT_DIRECTORY ${L2P_PLUGIN_DIR}/${kind})
  if(DEFINED L2P_PLUGIN_INSTALL_DIR)
    # <lib>/l2p/plugins/<kind> lies three folders below the SDK's library.
    set_target_properties(${target} PROPERTIES
      INSTALL_RPATH $ORIGIN/../../.. INSTALL_RPATH_USE_LINK_PATH ON)
    install(TARGETS ${target} LIBRARY DESTINATION ${L2P_PLUGIN_INSTALL_DIR}/${kind})
  endif()
endfunction()
