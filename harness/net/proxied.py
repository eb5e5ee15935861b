"""What tests of whole programs behind `lossy proxy` share: programs that end with the test, waiting
for what they print, and, when a test fails, every command that it ran."""

import collections
import pathlib
import queue
import random
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.dont_write_bytecode = True
RECORDED = pathlib.Path(__file__).resolve().parents[2] / "captures" / "recorded"
sys.path.insert(0, str(RECORDED))
import own_network

SKIPPED = 77
PATIENCE_SECONDS = 90  # Only ends a broken test: all that works is waited for by what it prints.


def find(program):
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")


_given_ports = set()


def free_port():
    """A port that is free for UDP and TCP, that the kernel gives to nobody who asks for any, and that nobody here got
    before."""
    while True:
        port = random.randrange(20000, 32000)
        if port in _given_ports:
            continue
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
                udp.bind(("127.0.0.1", port))
                tcp.bind(("127.0.0.1", port))
            _given_ports.add(port)
            return port
        except OSError:
            pass


def udp_socket():
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("127.0.0.1", 0))
    one.settimeout(PATIENCE_SECONDS)
    return one


class Program:
    """A program that runs beside the test. The kernel kills it when the test dies. What it prints,
    on either stream, is read all the time, so that it never waits for a reader."""

    def __init__(self, *command):
        self.command = shlex.join(command)
        self.process = subprocess.Popen(["setpriv", "--pdeathsig=KILL", *command],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace")
        self.text = ""
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _take(self, seconds):
        """Takes the next line; None when there is no other."""
        line = self._lines.get(timeout=seconds)
        if line is None:
            self._lines.put(None)
        else:
            self.text += line
        return line

    def wait_for(self, pattern, seconds=PATIENCE_SECONDS, times=1):
        """Reads on until so many lines matched, and gives the last match; None after `seconds`."""
        until = time.monotonic() + seconds
        while True:
            try:
                line = self._take(max(0, until - time.monotonic()))
            except queue.Empty:
                return None
            if line is None:
                raise AssertionError(f"it ended without '{pattern}': {self.command}\n{self.text}")
            if found := re.search(pattern, line):
                times -= 1
                if times == 0:
                    return found

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self, number=signal.SIGTERM):
        """Ends it, unless it has ended: gives its exit code. `text` then holds all it printed."""
        if number and self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        while self._take(PATIENCE_SECONDS) is not None:
            pass
        return code

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass


def record_counts(path):
    """How many records a recording holds, by host (1 is the client's) and whether they leave it. (Flow N's hosts are
    2N - 1 and 2N.) Notes of what was in flight when it ended are counted for themselves."""
    data = pathlib.Path(path).read_bytes()
    assert struct.unpack_from("<I", data)[0] == 0xA1B23C4D  # Classic, in nanoseconds.
    assert struct.unpack_from("<I", data, 20)[0] == 276  # LINUX_SLL2.
    at, counts = 24, collections.Counter()
    while at < len(data):
        size, = struct.unpack_from("<I", data, at + 8)
        frame = data[at + 16:at + 16 + size]
        assert len(frame) == size, "the capture is cut off"
        host = (struct.unpack_from(">I", frame, 4)[0] - 1) % 2 + 1
        is_note = struct.unpack_from(">H", frame)[0] == 0x88B5
        counts["in flight" if is_note else (host, frame[10] == 4)] += 1
        at += 16 + size
    return counts


class ProxiedTest(unittest.TestCase):
    NEEDS = ()  # Programs without which there is nothing to test.
    LOSSY = None

    @classmethod
    def setUpClass(cls):
        missing = [program for program in cls.NEEDS if not find(program)]
        if missing:
            raise unittest.SkipTest(f"needs {', '.join(missing)}: scripts/setup test installs it")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.ran = []

    def start(self, program, *arguments):
        one = Program(find(program) or program, *map(str, arguments))
        self.ran.append(one.command)
        self.addCleanup(one.close)
        return one

    def wait_for(self, program, pattern, **keywords):
        found = program.wait_for(pattern, **keywords)
        self.assertTrue(found, f"waited in vain for '{pattern}': {program.command}\n{program.text}")
        return found

    def start_tutorial_server(self, port):
        server = self.start(sys.executable, RECORDED / "tutorial_server.py", port)
        self.wait_for(server, "^Bind UDP on")
        return server

    def start_proxy(self, port, *options, listen=0):
        """Starts a proxy in front of a port, and gives it with its own."""
        proxy = self.start(self.LOSSY, "proxy", f"--listen=127.0.0.1:{listen}",
                           f"--to=127.0.0.1:{port}", *options)
        return proxy, int(self.wait_for(proxy, r"^lossy: proxy on 127\.0\.0\.1:(\d+) to ")[1])


def main():
    """Runs the tests named on the command line behind the path of the command, or all of them."""
    own_network.enter()  # Without one the ports are shared with others, and the tests still hold.
    ProxiedTest.LOSSY, *names = sys.argv[1:]
    result = unittest.main(module="__main__", argv=[sys.argv[0], *names], verbosity=2,
                           exit=False).result
    for test, _ in result.failures + result.errors:
        test = getattr(test, "test_case", test)
        print(f"\n{test.id()} ran, one beside the other:", file=sys.stderr)
        for command in getattr(test, "ran", []):
            print("  " + command, file=sys.stderr)
        name = test.id().removeprefix("__main__.")
        print("and this runs it again:\n  "
              + shlex.join([sys.executable, sys.argv[0], ProxiedTest.LOSSY, name]), file=sys.stderr)
    if result.skipped and result.testsRun == 0:
        sys.exit(SKIPPED)
    sys.exit(0 if result.wasSuccessful() else 1)
