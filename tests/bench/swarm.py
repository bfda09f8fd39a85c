#!/usr/bin/env python3
"""What an idle node costs: sixty l2pkernel processes on loopback, empty, settings as shipped.
Prints measured, limit, PASS or FAIL; fails if a figure does. The swarm settles first; then CPU time
(of the process, dead threads counted) is measured over a window.
usage: swarm.py [SETTLE_SECONDS] [WINDOW_SECONDS]   (./dev bench swarm builds first)"""
import ctypes
import os
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

NODES, ENTRIES, STARTS = 60, 5, 20
MOST_CPU_PERCENT, MOST_RSS_MIB = 0.1, 25
MOST_EMPTY_RSS_MIB, MOST_READY_MS = 20, 60
ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def die_with_us():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Node:
    """One l2pkernel, ready; `ready_ms` after its exec."""

    def __init__(self, folder, bootstrap):
        settings = ["data.dir=" + folder, "network.bootstrap=" + ",".join(bootstrap)]
        begun = time.monotonic()
        self.process = subprocess.Popen(
            [ROOT + "/build/release/bin/l2pkernel", "-c", ROOT + "/config/swarm/node.properties"]
            + settings,
            stdout=subprocess.PIPE, preexec_fn=die_with_us)
        if not select.select([self.process.stdout], [], [], 20)[0]:
            sys.exit("bench: a node did not start")
        line = self.process.stdout.readline().decode()
        self.ready_ms = (time.monotonic() - begun) * 1000
        if not line.startswith("ready "):
            sys.exit("bench: a node did not start: " + line)
        fields = dict(field.split("=", 1) for field in line.split()[1:])
        self.address = fields["listen"].split(",")[0]

    def cpu_seconds(self):
        # The kernel's clock of another process: MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED).
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def rss_mib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) / 1024
        return 0

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def kill(self):
        self.process.kill()
        self.process.wait()


def verdict(what, measured, limit, unit):
    good = measured <= limit
    print(f"{what:44} {measured:8.3f} {unit:5} limit {limit:g}  {'PASS' if good else 'FAIL'}")
    return good


def measure_empty(folder):
    """Medians of single nodes, each new and alone."""
    ready, rss = [], []
    for i in range(STARTS):
        node = Node(f"{folder}/empty{i}", [])
        ready.append(node.ready_ms)
        rss.append(node.rss_mib())
        node.kill()
    return [verdict("one new empty node: exec to ready, median", statistics.median(ready),
                    MOST_READY_MS, "ms"),
            verdict("one new empty node: RSS, median", statistics.median(rss),
                    MOST_EMPTY_RSS_MIB, "MiB")]


def measure_swarm(folder, nodes, settle, window):
    begun = time.monotonic()
    for i in range(NODES):
        nodes.append(Node(f"{folder}/{i}", [node.address for node in nodes[:ENTRIES]]))
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
    return [verdict("idle CPU of a node, mean of the swarm", statistics.mean(cpu),
                    MOST_CPU_PERCENT, "%"),
            verdict("RSS of an idle node, the largest", max(node.rss_mib() for node in nodes),
                    MOST_RSS_MIB, "MiB")]


def main():
    settle = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    window = int(sys.argv[2]) if len(sys.argv) > 2 else 120
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = tempfile.mkdtemp(prefix="l2p-bench.")
    nodes = []
    try:
        good = measure_empty(folder) + measure_swarm(folder, nodes, settle, window)
    finally:
        for node in nodes:
            node.kill()
        shutil.rmtree(folder)
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
