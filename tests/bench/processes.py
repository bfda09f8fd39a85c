"""Nodes as processes, and figures beside their limits, for the benchmarks that are scripts."""
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
BIN = ROOT + "/build/release/bin/"
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def die_with_us():
    """For preexec_fn: no process outlives the benchmark, however that ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Node:
    """One l2pkernel, ready; `ready_ms` after its exec."""

    def __init__(self, folder, settings, files=(), prefix=()):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        command = [*prefix, BIN + "l2pkernel"]
        for file in files:
            command += ["-c", file]
        with open(folder + ".log", "wb") as log:
            begun = time.monotonic()
            self.process = subprocess.Popen(
                command + ["data.dir=" + folder, *settings],
                stdout=subprocess.PIPE, stderr=log, preexec_fn=die_with_us)
        if not select.select([self.process.stdout], [], [], 20)[0]:
            sys.exit(f"bench: the node in {folder} did not start")
        line = self.process.stdout.readline().decode()
        self.ready_ms = (time.monotonic() - begun) * 1000
        if not line.startswith("ready "):
            with open(folder + ".log", encoding="utf8") as log:
                sys.exit("bench: a node did not start: " + log.read())
        fields = dict(field.split("=", 1) for field in line.split()[1:])
        self.address = fields["listen"].split(",")[0]
        self.admin, self.socket = fields["admin"], fields["socket"]

    def cpu_seconds(self):
        # The kernel's clock of another process: MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED).
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def memory_mib(self, *fields):
        """The sum of these fields of /proc/PID/status, as VmRSS or RssAnon."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return sum(int(line.split()[1]) for line in status
                       if line.split(":")[0] in fields) / 1024

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def command(self, *words):
        """The words of an `l2p` call to this node."""
        return [BIN + "l2p", "--api", self.socket, *words]

    def run(self, *words):
        """What `l2p WORDS` prints on stdout; its failure ends the benchmark."""
        done = subprocess.run(self.command(*words), capture_output=True, check=False)
        if done.returncode != 0:
            sys.exit(f"bench: l2p {' '.join(words)}: {done.stderr.decode()}")
        return done.stdout.decode().strip()

    def token(self):
        with open(self.folder + "/admin.token", encoding="ascii") as file:
            return file.read().strip()

    def kill(self):
        self.process.kill()
        self.process.wait()


class Report:
    """Prints each figure beside its limit, and remembers whether all held."""

    def __init__(self):
        self.good = True

    def at_most(self, what, measured, limit, unit):
        self._line(what, measured, "<=", limit, unit, measured <= limit)

    def at_least(self, what, measured, limit, unit):
        self._line(what, measured, ">=", limit, unit, measured >= limit)

    def _line(self, what, measured, sign, limit, unit, good):
        self.good &= good
        print(f"{what:62} {measured:8.3f} {unit:8} limit {sign} {limit:g}  "
              f"{'PASS' if good else 'FAIL'}", flush=True)


def install(packages):
    subprocess.run(["apt-get", "-o", "DPkg::Lock::Timeout=120", "install", "-y", "-qq",
                    "--no-install-recommends", *packages], stdout=subprocess.DEVNULL, check=True)


def need(packages):
    """Installs the Debian packages whose command is missing: {command: package}."""
    missing = [package for command, package in packages.items() if shutil.which(command) is None]
    if missing:
        install(missing)
