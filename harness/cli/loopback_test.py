"""What `lossy loopback` promises, checked on the command itself: python3 loopback_test.py LOSSY CAPTURES_FOLDER [SUITE]"""

import json
import pathlib
import re
import signal
import struct
import subprocess
import sys
import tempfile
import unittest

LOSSY = sys.argv[1]
CAPTURES = pathlib.Path(sys.argv[2])
# Whatever goes wrong, nothing is left running.
BOUNDED = ["timeout", "--foreground", "--kill-after=5", "150"]

# Goldens whose order of events a real machine does not keep, and why.
TIMED = {
    "gemodel": "greetings every 5 ms, with jitter, cross each other",
    "outage": "greetings and retransmissions are due at the same instant, every 100 ms",
    "weather": "greetings every 5 ms, with jitter and a queue, cross each other",
}

CHANCES = 100  # For a run that the machine disturbed, which can be seen of it.
LATE_MS = 1  # What is 2 ms apart changes places when the machine stands still for longer.

# In a network of its own: cuts this off from itself when the command has printed so many lines to standard error.
CUT_OFF = """
import fcntl, socket, struct, subprocess, sys
def loopback(flags):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", flags))
loopback(1)
run = subprocess.Popen(sys.argv[2:], stderr=subprocess.PIPE)
for _ in range(int(sys.argv[1])):
    run.stderr.readline()
loopback(0)
sys.stderr.buffer.write(run.stderr.read())
sys.exit(run.wait())
"""


def times_ms(path):
    """When the records of a recording of ours were made."""
    data, at, times = path.read_bytes(), 24, []
    while at < len(data):
        seconds, nanoseconds, size = struct.unpack_from("<III", data, at)
        times.append(seconds * 1e3 + nanoseconds / 1e6)
        at += 16 + size
    return times


def start(*arguments):
    return subprocess.Popen([*BOUNDED, LOSSY, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class LoopbackTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def finish(self, run, code=0):
        output, error = run.communicate()
        self.assertEqual(run.returncode, code, (run.args, output, error))
        return output, error

    def run_lossy(self, *arguments, code=0):
        return self.finish(start(*arguments), code)


class Goldens(LoopbackTest):
    def scenario(self, name):
        """The scenario of a golden, with a patience that lets a machine be late: the order is the golden's as long as
        nobody sends again because of it."""
        text = (CAPTURES / f"{name}.toml").read_text()
        text = re.sub(r"(?m)^initial-rto = .*\n", "", text)
        path = self.folder / f"{name}.toml"
        path.write_text(text.replace("[simulate]\n", '[simulate]\ninitial-rto = "300ms"\n'))
        self.assertIn("300ms", path.read_text())
        return path

    # The simulator's goldens hold over real sockets, in content and order, and what is recorded of them replays: the
    # client, too, however late its timeouts were. What depends on time replays as well.
    def test_goldens(self):
        # A script says when time passes, and real time does not wait for it.
        names = [path.stem for path in CAPTURES.glob("*.toml") if "\nscript = " not in path.read_text()]
        self.assertLessEqual(TIMED.keys(), set(names))

        def begin(name):
            golden = [] if name in TIMED else [f"--golden={CAPTURES / name}.pcap"]
            return start("loopback", f"--config={self.scenario(name)}", *golden, f"--record={self.folder / name}.pcap")
        runs = {name: begin(name) for name in names}  # All at once: they wait most of the time.
        for name, run in runs.items():
            output, error = run.communicate()
            virtual = self.folder / f"{name}.virtual.pcap"
            self.run_lossy("simulate", f"--config={self.scenario(name)}", f"--record={virtual}")
            for _ in range(CHANCES):
                late_ms = max(real - wanted for real, wanted in zip(times_ms(self.folder / f"{name}.pcap"), times_ms(virtual)))
                if run.returncode != 1 or late_ms < LATE_MS:
                    break
                run = begin(name)
                output, error = run.communicate()
            with self.subTest(name):
                self.assertEqual(run.returncode, 0, error)
                if name not in TIMED:
                    self.assertIn("The same as ", output)
                replayed, _ = self.run_lossy("replay", f"{self.folder / name}.pcap")
                self.assertRegex(replayed, r": holds: client and server received \d+ datagrams ")
                self.assertIn("its times are real", replayed)

    # A golden may be made by either command, and a difference is exit code 1.
    def test_golden_of_its_own(self):
        golden = f"--golden={self.folder / 'a.pcap'}"
        self.run_lossy("loopback", "--delay=1ms", f"--record={self.folder / 'a.pcap'}")
        self.run_lossy("loopback", "--delay=2ms", golden)
        _, error = self.run_lossy("loopback", "--delay=2ms", golden, "--", "Michael", "Tracy", "Zoe", code=1)
        self.assertRegex(error.splitlines()[-1], r"^The same run again: .* loopback --seed=4 --delay=2ms ")
        # The simulator takes virtual times only.
        self.run_lossy("simulate", "--delay=1ms", golden, code=1)

    # What was recorded is compared when it is replayed: a byte that was changed is found, at whichever host.
    def test_changed_recording(self):
        (self.folder / "a.toml").write_text('[simulate]\ndelay = "2ms"\nfaults = "uplink.1:drop"\ninitial-rto = "50ms"\n')
        path = self.folder / "a.pcap"
        self.run_lossy("loopback", f"--config={self.folder / 'a.toml'}", f"--record={path}")
        self.run_lossy("replay", str(path))
        whole = path.read_bytes()
        for changed in (whole.index(b"Tracy"), whole.rindex(b"Sarah")):
            path.write_bytes(whole[:changed] + b"X" + whole[changed + 1:])
            output, _ = self.run_lossy("replay", str(path), code=1)
            self.assertIn("expected", output)
        # Another scenario is noticed, too; the server alone needs none.
        path.write_bytes(whole)
        (self.folder / "a.toml").write_text('[simulate]\nnames = ["Zoe"]\n')
        self.run_lossy("replay", str(path), code=1)
        (self.folder / "a.toml").unlink()
        self.assertIn("only the server was checked", self.run_lossy("replay", str(path))[0])


class Faults(LoopbackTest):
    def faults(self, name):
        return [line for line in (self.folder / name).read_text().splitlines() if not line.startswith("#")]

    # The very same faults as in the simulator, byte by byte, when one greeting is asked for at a time; and from their
    # list again.
    def test_faults_of_the_simulator(self):
        patience = ["--count=10", "--delay=3ms", "--initial-rto=200ms", "--attempts=20", "--json"]
        options = [*patience, "--drop=10%", "--duplicate=20%", "--corrupt=10%", "--truncate=5%", "--seed=11"]
        simulated, _ = self.run_lossy("simulate", *options, f"--save-faults={self.folder / 'simulate'}")
        expected = self.faults("simulate")
        for kind in ("drop", "deliver/deliver", "deliver^"):
            self.assertIn(kind, "".join(expected))

        # A run in which somebody was sent again because this machine stood still is another one.
        def is_the_same(*options):
            report, _ = self.run_lossy("loopback", *options)
            return json.loads(report)["attempts"] == json.loads(simulated)["attempts"]
        for options in ([*options, f"--save-faults={self.folder / 'loopback'}"],
                        [*patience, f"--faults=@{self.folder / 'simulate'}", f"--save-faults={self.folder / 'again'}"]):
            self.assertTrue(any(is_the_same(*options) for _ in range(CHANCES)))
        self.assertEqual((self.folder / "loopback").read_bytes(), (self.folder / "simulate").read_bytes())
        self.assertEqual(self.faults("again"), expected)


class Running(LoopbackTest):
    def test_json_and_explain(self):
        report = json.loads(self.run_lossy("loopback", "--delay=5ms", "--json", "--drop=0%")[0])
        self.assertEqual((report["command"], report["greeted"], report["lost_by_system"]), ("loopback", 3, 0))
        self.assertGreaterEqual(report["timing"]["rtt_ms"]["min"], 10)
        self.assertNotIn("virtual_seconds", report)
        output = self.run_lossy("loopback", "--delay=5ms", "--explain", "--json")[0]
        self.assertEqual(json.loads(output)["command"], "loopback")

    # What the system loses is counted as that, and is no loss of a link.
    def test_lost_by_system(self):
        own_network = next((["unshare", *options] for options in (["-n"], ["-Urn"])
                            if subprocess.run(["unshare", *options, "true"], capture_output=True,
                                              check=False).returncode == 0), None)
        if own_network is None:
            self.skipTest("no network of one's own is permitted here")
        run = subprocess.run([*BOUNDED, *own_network, sys.executable, "-c", CUT_OFF, "20", LOSSY, "loopback", "--json",
                              "--trace", "--count=8", "--interval=20ms", "--attempts=1", "--initial-rto=10ms"],
                             capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        report = json.loads(run.stdout)
        self.assertGreater(report["greeted"], 0)
        self.assertGreater(report["lost_by_system"], 0)
        self.assertEqual(report["greeted"] + report["gave_up"], 8)
        self.assertEqual((report["uplink"]["lost"], report["downlink"]["lost"]), (0, 0))

    # A disk that fills up ends the recording and not the run; what fitted is kept, unless it would replace what was
    # there before.
    def test_file_size_limit(self):
        path = self.folder / "a.pcap"
        options = ["--count=200", "--window=10", f"--record={path}", "--json"]
        for command in ("loopback", "simulate"):
            run = subprocess.run(["prlimit", "--fsize=10000", LOSSY, command, *options], capture_output=True, text=True,
                                 check=False)
            self.assertEqual(run.returncode, 1, run.stderr)
            self.assertEqual(run.stderr, f"lossy: cannot write '{path}': File too large; what fitted is kept, and the run "
                                         "goes on\n")
            report = json.loads(run.stdout)
            self.assertEqual(report["greeted"], 200)
            self.assertIn(f"cannot write '{path}': File too large; what fitted is kept.", report["notes"])
            before = path.read_bytes()
            self.assertLessEqual(len(before), 10000)
            self.run_lossy("inspect", str(path))
            run = subprocess.run(["prlimit", "--fsize=5000", LOSSY, command, *options], capture_output=True, text=True,
                                 check=False)
            self.assertEqual(run.returncode, 1, run.stderr)
            self.assertIn("; the file is left as it was, and the run goes on", run.stderr)
            self.assertEqual(path.read_bytes(), before)
            path.unlink()

    # A reader who has enough of the ladder ends the run, and what was recorded until then is whole.
    def test_reader_goes(self):
        path = self.folder / "a.pcap"
        run = start("loopback", "--count=1000000", "--window=10", "--trace", f"--record={path}")
        for _ in range(50):
            self.assertTrue(run.stdout.readline())
        run.stdout.close()
        self.assertEqual(run.wait(60), 128 + signal.SIGPIPE)
        self.assertEqual(run.stderr.read(), f"lossy: interrupted; {path} holds what happened until then\n")
        run.stderr.close()
        self.run_lossy("inspect", str(path))

    # Interrupted, it finishes what it writes, and says so as a shell does.
    def test_signals(self):
        for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            path = self.folder / f"{ending}.pcap"
            run = start("loopback", "--count=1000000", "--interval=1ms", "--trace", f"--record={path}")
            for _ in range(50):
                self.assertTrue(run.stdout.readline())
            run.send_signal(ending)
            output, error = run.communicate()
            self.assertEqual(run.returncode, 128 + ending)
            self.assertIn(f"Interrupted by {ending.name}:", output)
            self.assertIn("holds what happened until then", error)
            self.run_lossy("inspect", str(path))

    # What is in flight when it is interrupted was not lost.
    def test_interrupted_in_mid_flight(self):
        path = self.folder / "flight.pcap"
        run = start("loopback", "--window=3", "--delay=3600s", "--trace", f"--record={path}")
        for _ in range(3):
            self.assertTrue(run.stdout.readline())
        run.send_signal(signal.SIGINT)
        run.communicate()
        found = json.loads(self.run_lossy("inspect", "--json", str(path))[0])["files"][0]
        self.assertGreaterEqual(found["uplink"]["in_flight"], 3)
        self.assertEqual([found["uplink"][name] for name in ("sent", "lost")], [found["uplink"]["in_flight"], 0])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
