# The simulated network, the conformance suites, l2p-check-plugin and l2p-simulate, on top of
# l2p-testkit.
target_sources(l2p-testkit PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/src/block_store_conformance.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/block_store_durability.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/chunker_conformance.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/crypto_conformance.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/hasher_conformance.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/router_conformance.cc
  ${CMAKE_CURRENT_LIST_DIR}/src/routing_world.cc
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
  ${CMAKE_CURRENT_LIST_DIR}/check_plugin.cc ${CMAKE_CURRENT_LIST_DIR}/bare_host.cc)
target_link_libraries(l2p-check-plugin PRIVATE l2p-testkit l2p-runtime)
install(TARGETS l2p-check-plugin DESTINATION ${CMAKE_INSTALL_BINDIR})

# Scenarios lie beside the programs, in a build as in an installation.
set(simulate ${CMAKE_CURRENT_LIST_DIR}/simulate)
add_executable(l2p-simulate
  ${simulate}/experiment.cc
  ${simulate}/kad_wire.cc
  ${simulate}/latency_svg.cc
  ${simulate}/lookup_watch.cc
  ${simulate}/population.cc
  ${simulate}/report.cc
  ${simulate}/scenario.cc
  ${simulate}/simulate.cc
  ${CMAKE_CURRENT_LIST_DIR}/bare_host.cc
  ${CMAKE_SOURCE_DIR}/kernel/nearest_name.cc
  ${CMAKE_SOURCE_DIR}/kernel/properties.cc
)
target_include_directories(l2p-simulate PRIVATE
  ${simulate} ${CMAKE_CURRENT_LIST_DIR} ${CMAKE_SOURCE_DIR})
target_link_libraries(l2p-simulate PRIVATE l2p-testkit)
install(TARGETS l2p-simulate DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${CMAKE_CURRENT_LIST_DIR}/scenarios DESTINATION ${CMAKE_INSTALL_DATADIR}/l2p)
file(CREATE_LINK ${CMAKE_CURRENT_LIST_DIR}/scenarios ${CMAKE_BINARY_DIR}/scenarios SYMBOLIC)
