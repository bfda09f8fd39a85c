# The simulated network, the conformance suites and l2p-check-plugin, on top of l2p-testkit.
target_sources(l2p-testkit PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/src/block_store_conformance.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/block_store_durability.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/chunker_conformance.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/crypto_conformance.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/hasher_conformance.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/router_conformance.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/service_conformance.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/sim_calls.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/sim_messenger.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/sim_network.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/sim_network_connection.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/sim_network_stream.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/sim_network_transport.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/test_bytes.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/test_node.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/transport_connections.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/transport_ends.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/transport_streams.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/worlds.cc
)

add_executable(l2p-check-plugin
  ${CMAKE_CURRENT_LIST_DIR}/check_plugin.cc ${CMAKE_CURRENT_LIST_DIR}/check_plugin_host.cc)
target_link_libraries(l2p-check-plugin PRIVATE l2p-testkit l2p-runtime)
install(TARGETS l2p-check-plugin DESTINATION ${CMAKE_INSTALL_BINDIR})
