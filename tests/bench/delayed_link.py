#!/usr/bin/env python3
"""A link between this network namespace and another, with a delay: no netem is needed for it. Two
TUN devices and one thread that holds each packet back. Prints a line when the link is up; ends with
whoever started it.
usage: delayed_link.py NAMESPACE ADDRESS PEER_ADDRESS DELAY_MS     (one way; the round trip is twice)"""
import collections
import ctypes
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h
MTU = 9000  # Fewer packets than Ethernet's 1,500: this thread is not what is measured.
PACKETS_AT_ONCE = 64
LIBC = ctypes.CDLL(None, use_errno=True)


def enter(namespace_file):
    if LIBC.setns(namespace_file.fileno(), CLONE_NEWNET) != 0:
        sys.exit(f"delayed_link: setns: {os.strerror(ctypes.get_errno())}")


def open_tun(address, peer):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"l2p-delay", IFF_TUN | IFF_NO_PI))
    for command in (f"addr add {address} peer {peer} dev l2p-delay",
                    f"link set l2p-delay up mtu {MTU} txqueuelen 5000"):
        subprocess.run(["ip", *command.split()], check=True)
    return device


def carry(devices, delay):
    held = [collections.deque(), collections.deque()]  # (due, packet), by where they came from.
    while True:
        dues = [queue[0][0] for queue in held if queue]
        wait = max(0, min(dues) - time.monotonic()) if dues else None
        for device in select.select(devices, [], [], wait)[0]:
            for _ in range(PACKETS_AT_ONCE):
                try:
                    packet = os.read(device, MTU + 100)
                except BlockingIOError:
                    break
                held[devices.index(device)].append((time.monotonic() + delay, packet))
        now = time.monotonic()
        for queue, target in zip(held, reversed(devices)):
            while queue and queue[0][0] <= now:
                os.write(target, queue.popleft()[1])


def main():
    namespace, address, peer, delay = sys.argv[1:]
    with open("/proc/self/ns/net", "rb") as home, open(f"/run/netns/{namespace}", "rb") as other:
        enter(other)
        far = open_tun(peer, address)
        enter(home)
        near = open_tun(address, peer)
    print("up", flush=True)
    carry([near, far], float(delay) / 1000)


if __name__ == "__main__":
    main()
