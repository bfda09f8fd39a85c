#!/usr/bin/env python3
"""Whole files through whole processes, beside tools that do a part of the work (cp + sync, sha256sum,
nginx + curl), and one that does the same (libtorrent). Warm, interleaved runs; both sides end with a sync of the target; settings as
shipped. Prints medians, limit, PASS or FAIL; fails if a figure does.
usage: files.py [MIB] [RUNS]   (./dev bench builds first)"""
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from processes import Node, Report, die_with_us, install, need

SMALL_FILES, SMALL_BYTES = 10_000, 4096
SETTLE_SECONDS = 1
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
  server {{
    listen 127.0.0.1:{tls} ssl;
    listen 127.0.0.1:{plain};
    ssl_certificate {folder}/cert.pem;
    ssl_certificate_key {folder}/key.pem;
    ssl_protocols TLSv1.3;
    root {folder};
  }}
}}
"""


def shell(script):
    """A side of a comparison that is a line of shell."""
    def run():
        subprocess.run(["bash", "-c", "set -e; " + script], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return run


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def in_balanced_order(sides, round_number):
    """A row of a Latin square in which each comes after each other one once, if they are even."""
    turns = [(i + 1) // 2 * (1 if i % 2 else -1) for i in range(len(sides))]
    return [sides[(round_number + turn) % len(sides)] for turn in turns]


def own_memory(node):
    return node.memory_mib("RssAnon", "RssShmem")


class MemoryPeak:
    """The most anonymous and shared memory of a node while this is open, above `idle`."""

    def __init__(self, node, idle):
        self.node, self.idle = node, idle
        self.above, self.done = 0.0, threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while not self.done.wait(0.02):
            self.above = max(self.above, own_memory(self.node) - self.idle)

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


class Bench:
    def __init__(self, folder, mib, runs):
        self.folder, self.mib, self.runs = folder, mib, runs
        self.report = Report()
        self.nodes = []
        self.seconds = {}
        self.file = folder + "/file"
        subprocess.run(["bash", "-c", f"head -c {mib}M /dev/urandom > {self.file}"], check=True)

    def start(self, name, *settings):
        node = Node(f"{self.folder}/{name}",
                    ["transport.tcp.listen=/ip4/127.0.0.1/tcp/0", "admin.listen=127.0.0.1:0",
                     "storage.quota=100GiB", *settings])
        self.nodes.append(node)
        return node

    def pair(self, name, *settings):
        """A node with the file, and one that knows it; the file's id."""
        source = self.start(name + "-source", *settings)
        reader = self.start(name + "-reader", "network.bootstrap=" + source.address, *settings)
        return source, reader, source.run("put", "--local", self.file)

    def stop_nodes(self):
        for node in self.nodes:
            node.kill()
            shutil.rmtree(node.folder)
        self.nodes = []

    def start_nginx(self):
        self.tls, self.plain = free_port(), free_port()
        shell(f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
              f"-subj /CN=localhost -keyout {self.folder}/key.pem -out {self.folder}/cert.pem")()
        with open(self.folder + "/nginx.conf", "w", encoding="ascii") as conf:
            conf.write(NGINX.format(folder=self.folder, tls=self.tls, plain=self.plain))
        self.nginx = subprocess.Popen(["nginx", "-c", self.folder + "/nginx.conf"],
                                      stderr=subprocess.DEVNULL, preexec_fn=die_with_us)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.plain)) == 0:
                    return
            time.sleep(0.05)
        sys.exit("bench: nginx did not start")

    def start_libtorrent(self):
        """Seeds the file; returns what gets it once more, and what removes it then."""
        peer = ["/usr/bin/python3", os.path.dirname(__file__) + "/libtorrent_peer.py"]
        torrent, folder = self.folder + "/file.torrent", self.folder + "/torrents"
        os.mkdir(folder)
        self.seeder = subprocess.Popen([*peer, "seed", self.file, torrent], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, preexec_fn=die_with_us)
        port = self.seeder.stdout.readline().decode().strip()
        return (lambda: subprocess.run([*peer, "get", torrent, folder, port], check=True),
                self.remove(folder + "/file"))

    def compare(self, sides):
        """Runs all sides in turn; each is (name, what is timed, what cleans up after it). One
        round that does not count warms caches. In each round another side begins, and each comes
        after another one than the round before, rested and synced: what one leaves behind (page
        cache that a virtual machine gives back to its host; what a node unlinks after its answer,
        of which a disk mounted with discard is told in the next sync) hits another next time."""
        for name, _, _ in sides:
            self.seconds[name] = []
        for round_number in range(self.runs + 1):
            for name, timed, after in in_balanced_order(sides, round_number):
                time.sleep(SETTLE_SECONDS)
                os.sync()
                begun = time.monotonic()
                timed()
                took = time.monotonic() - begun
                if round_number:
                    self.seconds[name].append(took)
                after()

    def median(self, name):
        return statistics.median(self.seconds[name])

    def rate(self, name):
        return f"{name} ({self.mib * 1.048576 / self.median(name):.0f} MB/s)"

    def slower(self, name, other, limit):
        """`name` takes at most `limit` times as long as `other`."""
        self.report.at_most(f"{self.rate(name)} of {self.rate(other)}",
                            self.median(name) / self.median(other), limit, "time")

    def as_fast(self, name, other, limit):
        """`name` has at least `limit` of the rate of `other`."""
        self.report.at_least(f"{self.rate(name)} of {self.rate(other)}",
                             self.median(other) / self.median(name), limit, "rate")

    def remove(self, *paths):
        def run():
            for path in paths:
                if os.path.isdir(path):
                    shutil.rmtree(path)
                else:
                    os.unlink(path)
        return run

    def copy_side(self):
        target = self.folder + "/copied"
        return ("cp + sync", shell(f"cp --reflink=never {self.file} {target}; sync {target}"),
                self.remove(target))

    def puts(self):
        half = self.mib // 2
        hashing = shell(f"head -c {half}M {self.file} | sha256sum & "
                        f"tail -c {half}M {self.file} | sha256sum; wait $!")

        def put(node, *options):
            return (lambda: node.run("put", "--local", *options, self.file),
                    lambda: node.run("rm", "file"))
        sha, blake = self.start("put-sha256"), self.start("put-blake3", "hashing.plugin=blake3")
        nibble = self.start("put-nibblecdc", "chunking.plugin=nibblecdc")
        idle, post = own_memory(sha), self.start("post")
        posting = shell(
            f"curl -sf -T {self.file} -X POST -H 'Authorization: Bearer {post.token()}' "
            f"'{post.admin}/api/v1/files?name=file&local=1' | grep -q '\"id\"'")
        self.compare([
            self.copy_side(), ("sha256 on two threads", hashing, lambda: None),
            ("put --local", *put(sha)), ("put --local, blake3", *put(blake)),
            ("put --local, nibblecdc", *put(nibble)),
            ("POST /files", posting, lambda: post.run("rm", "file"))])
        slower = max("cp + sync", "sha256 on two threads", key=self.median)
        self.slower("put --local", slower, 1.3)
        self.slower("put --local, blake3", "cp + sync", 1.2)
        self.slower("put --local, nibblecdc", "put --local", 1.1)
        self.as_fast("POST /files", "put --local", 0.6)
        with MemoryPeak(sha, idle) as peak:
            sha.run("put", "--local", self.file)
        self.report.at_most("memory of the node during the put", peak.above, 96, "MiB")
        self.stop_nodes()

    def gets(self):
        got, fetched = self.folder + "/got", self.folder + "/fetched"
        source, reader, sha = self.pair("sha256")
        blake_source, blake_reader, blake = self.pair("blake3", "hashing.plugin=blake3")

        def curl(url, header=""):
            return (shell(f"curl -skf {header} --tls13-ciphers TLS_AES_128_GCM_SHA256 {url} "
                          f"-o {fetched}; sync {fetched}"), self.remove(fetched))

        def get(node, content):
            def check():
                subprocess.run(["cmp", self.file, got], check=True)
                os.unlink(got)
            return lambda: node.run("get", content, "-o", got), check
        idle, before = own_memory(reader), source.cpu_seconds() + reader.cpu_seconds()
        self.compare([
            ("nginx TLS 1.3 + curl", *curl(f"https://127.0.0.1:{self.tls}/file")),
            ("get from one peer", *get(reader, sha)),
            ("get from one peer, blake3", *get(blake_reader, blake))])
        cpu = source.cpu_seconds() + reader.cpu_seconds() - before
        self.as_fast("get from one peer", "nginx TLS 1.3 + curl", 0.6)
        self.as_fast("get from one peer, blake3", "nginx TLS 1.3 + curl", 0.75)
        self.report.at_most("CPU of both nodes for a GiB got", cpu / (self.runs + 1) * 1024 / self.mib,
                            4.5, "s")
        # In rounds of its own: it is slow enough for a virtual machine to give the page cache that
        # was freed before back to its host, which whoever writes next would pay for.
        self.compare([("libtorrent, one seed", *self.start_libtorrent()),
                      ("get from one peer", *get(reader, sha))])
        self.as_fast("get from one peer", "libtorrent, one seed", 1)
        self.seeder.kill()
        with MemoryPeak(reader, idle) as peak:
            reader.run("get", sha, "-o", got)
        os.unlink(got)
        self.report.at_most("memory of the reader during the get", peak.above, 96, "MiB")
        self.compare([
            ("nginx HTTP + curl", *curl(f"http://127.0.0.1:{self.plain}/file")),
            ("GET /files", *curl(f"{source.admin}/api/v1/files/{sha}",
                                 f"-H 'Authorization: Bearer {source.token()}'"))])
        self.as_fast("GET /files", "nginx HTTP + curl", 0.6)
        self.stop_nodes()

    def placed(self):
        """A put that pushes everything to three holders, beside a get of as much from one."""
        _, reader, content = self.pair("placed")
        putter = self.start("placed-put")
        for i in range(3):
            self.start(f"placed-holder{i}", "network.bootstrap=" + putter.address)
        got = self.folder + "/got"
        self.compare([
            ("put, copies:3", lambda: putter.run("put", "--redundancy", "copies:3", self.file),
             lambda: putter.run("rm", "file")),
            ("get from one peer", lambda: reader.run("get", content, "-o", got),
             self.remove(got))])
        self.slower("put, copies:3", "get from one peer", 4)
        self.stop_nodes()

    def small_files(self):
        tree, copied, got = (self.folder + "/" + name for name in ("tree", "copied", "got"))
        for i in range(SMALL_FILES):
            if i % 100 == 0:
                os.makedirs(f"{tree}/{i // 100}")
            with open(f"{tree}/{i // 100}/{i}", "wb") as file:
                file.write(os.urandom(SMALL_BYTES))
        source = self.start("small-source")
        reader = self.start("small-reader", "network.bootstrap=" + source.address)
        putter = self.start("small-put")
        content = source.run("put", "--local", tree)
        self.mib = SMALL_FILES * SMALL_BYTES / 2**20

        def check():
            subprocess.run(["diff", "-r", tree, got], check=True)
            shutil.rmtree(got)
        self.compare([
            ("cp -r + sync", shell(f"cp -r {tree} {copied}; sync -f {copied}"),
             self.remove(copied)),
            ("put --local of 10,000 files", lambda: putter.run("put", "--local", tree),
             lambda: putter.run("rm", "tree")),
            ("get of 10,000 files", lambda: reader.run("get", content, "-o", got), check)])
        self.slower("put --local of 10,000 files", "cp -r + sync", 1.2)
        self.slower("get of 10,000 files", "cp -r + sync", 1.5)
        self.stop_nodes()


def main():
    mib = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    if subprocess.run(["/usr/bin/python3", "-c", "import libtorrent"], check=False,
                      stderr=subprocess.DEVNULL).returncode:
        install(["python3-libtorrent"])
    need({"nginx": "nginx-light", "openssl": "openssl", "curl": "curl"})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = tempfile.mkdtemp(prefix="l2p-bench.")
    bench = Bench(folder, mib, runs)
    print(f"bench: {mib} MiB, medians of {runs} interleaved runs, settings as shipped", flush=True)
    try:
        bench.start_nginx()
        bench.puts()
        bench.gets()
        bench.placed()
        bench.small_files()
    finally:
        bench.stop_nodes()
        bench.nginx.kill()
        shutil.rmtree(folder)
    sys.exit(0 if bench.report.good else 1)


if __name__ == "__main__":
    main()
