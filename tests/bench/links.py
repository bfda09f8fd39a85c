#!/usr/bin/env python3
"""Reading over links that are slow or long, in network namespaces of its own (as root): holders whose
links are capped by tc, and one that is 80 ms away. Prints measured, limit, PASS or FAIL; fails if a
figure does.
usage: links.py [MIB]   (./dev bench links builds first)"""
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from processes import Node, Report, die_with_us, need

RUNS = 3
ROUND_TRIP_MS = 80
NGINX = """daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
user root;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 10.98.0.2:8080; root {folder}; }}
}}
"""


def ip(command):
    subprocess.run(["ip", *command.split()], check=True)


class Bench:
    def __init__(self, folder, mib):
        self.folder, self.mib = folder, mib
        self.report = Report()
        self.namespaces, self.nodes, self.others = [], [], []
        self.file, self.got = self.random_file("file"), folder + "/got"

    def random_file(self, name):
        path = f"{self.folder}/{name}"
        subprocess.run(["bash", "-c", f"head -c {self.mib}M /dev/urandom > {path}"], check=True)
        return path

    def namespace(self):
        name = f"l2p-{os.getpid()}-{len(self.namespaces)}"
        ip(f"netns add {name}")
        self.namespaces.append(name)
        ip(f"-n {name} link set lo up")
        return name

    def node(self, name, address, namespace=None, bootstrap=""):
        inside = ["ip", "netns", "exec", namespace] if namespace else []
        node = Node(f"{self.folder}/{name}",
                    [f"transport.tcp.listen=/ip4/{address}/tcp/0", "admin.listen=127.0.0.1:0",
                     "storage.quota=100GiB", "network.bootstrap=" + bootstrap], prefix=inside)
        self.nodes.append(node)
        return node

    def rate(self, timed, expected=None):
        """MB/s, the median of a few runs; what they write goes to self.got and is compared."""
        took = []
        for _ in range(RUNS):
            os.sync()
            begun = time.monotonic()
            timed()
            took.append(time.monotonic() - begun)
            subprocess.run(["cmp", expected or self.file, self.got], check=True)
            os.unlink(self.got)
        return self.mib * 1.048576 / statistics.median(took)

    def get(self, holders, content, address):
        """What reads through a node that is new to these holders."""
        reader = self.node(f"reader{len(self.nodes)}", address,
                           bootstrap=",".join(holder.address for holder in holders))
        return lambda: reader.run("get", content, "-o", self.got)

    def capped(self):
        ip("link add l2p-hub type bridge")
        ip("addr add 10.99.0.1/24 dev l2p-hub")
        ip("link set l2p-hub up")
        links = []
        for i in range(4):
            name = self.namespace()
            ip(f"link add l2p-v{i} type veth peer name l2p-v netns {name}")
            ip(f"link set l2p-v{i} master l2p-hub up")
            ip(f"-n {name} addr add 10.99.0.{i + 2}/24 dev l2p-v")
            ip(f"-n {name} link set l2p-v up")
            tc = ["ip", "netns", "exec", name, "tc"]
            subprocess.run([*tc, *"qdisc add dev l2p-v root handle 1: htb default 1 r2q 1000".split()],
                           check=True)
            links.append(tc)
        holders = [self.node(f"holder{i}", f"10.99.0.{i + 2}", name)
                   for i, name in enumerate(self.namespaces)]
        content = {holder.run("put", "--local", self.file) for holder in holders}.pop()

        def cap(mb_per_second):
            rule = f"class replace dev l2p-v parent 1: classid 1:1 htb rate {mb_per_second * 8}mbit"
            for tc in links:
                subprocess.run([*tc, *rule.split(), "burst", "256k"], check=True)
        cap(20)
        three = self.rate(self.get(holders[:3], content, "10.99.0.1"))
        self.report.at_least("three holders capped at 20 MB/s each", three, 54, "MB/s")
        cap(25)
        only_one_has = self.random_file("other")
        other = holders[0].run("put", "--local", only_one_has)
        one = self.rate(self.get(holders[:1], other, "10.99.0.1"), only_one_has)
        four = self.rate(self.get(holders, content, "10.99.0.1"))
        self.report.at_least(f"four at 25 MB/s ({four:.1f} MB/s) of one ({one:.1f} MB/s)",
                             four / one, 3.8, "times")

    def distant(self):
        link = self.namespace()
        command = ["/usr/bin/python3", os.path.dirname(os.path.realpath(__file__)) +
                   "/delayed_link.py", link, "10.98.0.1", "10.98.0.2", str(ROUND_TRIP_MS / 2)]
        emulator = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=die_with_us)
        self.others.append(emulator)
        if emulator.stdout.readline() != b"up\n":
            sys.exit("bench: the emulated link did not come up")
        with open(self.folder + "/nginx.conf", "w", encoding="ascii") as conf:
            conf.write(NGINX.format(folder=self.folder))
        self.others.append(subprocess.Popen(
            ["ip", "netns", "exec", link, "nginx", "-c", self.folder + "/nginx.conf"],
            stderr=subprocess.DEVNULL, preexec_fn=die_with_us))
        holder = self.node("far", "10.98.0.2", link)
        content = holder.run("put", "--local", self.file)
        plain = self.rate(lambda: subprocess.run(
            ["bash", "-c", "curl -sf --retry 5 --retry-connrefused http://10.98.0.2:8080/file "
             f"-o {self.got} && sync {self.got}"], check=True))
        ours = self.rate(self.get([holder], content, "10.98.0.1"))
        self.report.at_least(
            f"one stream at {ROUND_TRIP_MS} ms ({ours:.1f} MB/s) of plain TCP ({plain:.1f} MB/s)",
            ours / plain, 0.8, "rate")

    def stop(self):
        for node in self.nodes:
            node.kill()
        for other in self.others:
            other.kill()
        for name in self.namespaces:
            ip(f"netns del {name}")


def main():
    if "L2P_BENCH_NAMESPACE" not in os.environ:
        os.environ["L2P_BENCH_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "--net", *sys.orig_argv])
    mib = int(sys.argv[1]) if len(sys.argv) > 1 else 128
    need({"nginx": "nginx-light", "curl": "curl", "tc": "iproute2"})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    ip("link set lo up")
    folder = tempfile.mkdtemp(prefix="l2p-bench.")
    bench = Bench(folder, mib)
    print(f"bench: {mib} MiB, medians of {RUNS} runs, settings as shipped", flush=True)
    try:
        bench.capped()
        bench.distant()
    finally:
        bench.stop()
        shutil.rmtree(folder)
    sys.exit(0 if bench.report.good else 1)


if __name__ == "__main__":
    main()
