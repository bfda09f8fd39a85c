#!/usr/bin/env python3
"""What an idle node costs: sixty l2pkernel processes on loopback, empty, settings as shipped.
Prints measured, limit, PASS or FAIL; fails if a figure does. The swarm settles first; then CPU time
(of the process, dead threads counted) is measured over a window.
usage: swarm.py [SETTLE_SECONDS] [WINDOW_SECONDS]   (./dev bench swarm builds first)"""
import shutil
import signal
import statistics
import sys
import tempfile
import time

from processes import ROOT, Node, Report

NODES, ENTRIES, STARTS = 60, 5, 20
MOST_CPU_PERCENT, MOST_RSS_MIB = 0.1, 25
MOST_EMPTY_RSS_MIB, MOST_READY_MS = 20, 60
SWARM = ROOT + "/config/swarm/node.properties"


def measure_empty(folder, report):
    """Medians of single nodes, each new and alone."""
    ready, rss = [], []
    for i in range(STARTS):
        node = Node(f"{folder}/empty{i}", ["network.bootstrap="], [SWARM])
        ready.append(node.ready_ms)
        rss.append(node.memory_mib("VmRSS"))
        node.kill()
    report.at_most("one new empty node: exec to ready, median", statistics.median(ready),
                   MOST_READY_MS, "ms")
    report.at_most("one new empty node: RSS, median", statistics.median(rss),
                   MOST_EMPTY_RSS_MIB, "MiB")


def measure_swarm(folder, nodes, settle, window, report):
    begun = time.monotonic()
    for i in range(NODES):
        entries = ",".join(node.address for node in nodes[:ENTRIES])
        nodes.append(Node(f"{folder}/{i}", ["network.bootstrap=" + entries], [SWARM]))
    print(f"bench: {NODES} nodes, one after the other, in {time.monotonic() - begun:.1f} s; "
          f"{settle} s to settle, {window} s measured")
    time.sleep(settle)
    before = [node.cpu_seconds() for node in nodes]
    since = time.monotonic()
    time.sleep(window)
    passed = time.monotonic() - since
    cpu = [(node.cpu_seconds() - then) / passed * 100 for node, then in zip(nodes, before)]
    print(f"bench: idle CPU median {statistics.median(cpu):.3f} %, most {max(cpu):.3f} %; "
          f"threads at most {max(node.threads() for node in nodes)}")
    report.at_most("idle CPU of a node, mean of the swarm", statistics.mean(cpu),
                   MOST_CPU_PERCENT, "%")
    report.at_most("RSS of an idle node, the largest",
                   max(node.memory_mib("VmRSS") for node in nodes), MOST_RSS_MIB, "MiB")


def main():
    settle = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    window = int(sys.argv[2]) if len(sys.argv) > 2 else 120
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = tempfile.mkdtemp(prefix="l2p-bench.")
    nodes, report = [], Report()
    try:
        measure_empty(folder, report)
        measure_swarm(folder, nodes, settle, window, report)
    finally:
        for node in nodes:
            node.kill()
        shutil.rmtree(folder)
    sys.exit(0 if report.good else 1)


if __name__ == "__main__":
    main()
