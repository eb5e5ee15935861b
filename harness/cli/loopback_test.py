"""What `lossy loopback` promises, checked on the command itself: python3 loopback_test.py LOSSY CAPTURES_FOLDER"""

import json
import pathlib
import signal
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


def start(*arguments):
    return subprocess.Popen([*BOUNDED, LOSSY, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Loopback(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_lossy(self, *arguments, code=0):
        run = start(*arguments)
        output, error = run.communicate()
        self.assertEqual(run.returncode, code, (arguments, output, error))
        return output, error

    def faults(self, name):
        return [line for line in (self.folder / name).read_text().splitlines() if not line.startswith("#")]

    # The simulator's goldens hold over real sockets, in content and order; and replay holds, client and all, of what
    # was recorded here.
    def test_goldens(self):
        scenarios = {path.stem: path for path in CAPTURES.glob("*.toml")}
        self.assertLessEqual(TIMED.keys(), scenarios.keys())
        # All at once: they wait most of the time. A machine that is late keeps the order as long as nobody sends
        # again because of it.
        runs = {name: start("loopback", f"--config={path}", f"--golden={path.with_suffix('.pcap')}",
                            "--initial-rto=1s", f"--record={self.folder / (name + '.pcap')}")
                for name, path in scenarios.items() if name not in TIMED}
        for name, run in runs.items():
            output, error = run.communicate()
            with self.subTest(name):
                self.assertEqual(run.returncode, 0, error)
                self.assertIn("The same as ", output)

    # The very same faults as in the simulator, when one greeting is asked for at a time.
    def test_faults_of_the_simulator(self):
        options = ["--count=15", "--drop=15%", "--duplicate=20%", "--corrupt=10%", "--truncate=5%", "--delay=3ms",
                   "--initial-rto=200ms", "--attempts=20", "--seed=11"]
        for command in ("simulate", "loopback"):
            self.run_lossy(command, *options, f"--save-faults={self.folder / command}")
        self.assertGreater(len(self.faults("simulate")), 10)
        self.assertEqual(self.faults("simulate"), self.faults("loopback"))
        # And from the list the same again.
        self.run_lossy("loopback", "--count=15", "--delay=3ms", "--attempts=20", "--initial-rto=200ms",
                       f"--faults=@{self.folder / 'loopback'}", f"--save-faults={self.folder / 'again'}")
        self.assertEqual(self.faults("again"), self.faults("loopback"))

    # A golden may be made by either command, and a difference is exit code 1.
    def test_golden_of_its_own(self):
        golden = f"--golden={self.folder / 'a.pcap'}"
        self.run_lossy("loopback", "--delay=1ms", f"--record={self.folder / 'a.pcap'}")
        self.run_lossy("loopback", "--delay=2ms", golden)
        _, error = self.run_lossy("loopback", "--delay=2ms", golden, "--", "Michael", "Tracy", "Zoe", code=1)
        self.assertRegex(error.splitlines()[-1], r"^The same run again: .* loopback --seed=4 --delay=2ms ")

    def test_json_and_explain(self):
        report = json.loads(self.run_lossy("loopback", "--delay=5ms", "--json", "--drop=0%")[0])
        self.assertEqual((report["command"], report["greeted"], report["lost_by_system"]), ("loopback", 3, 0))
        self.assertGreaterEqual(report["rtt_ms"]["min"], 10)
        self.assertNotIn("virtual_seconds", report)
        output = self.run_lossy("loopback", "--delay=5ms", "--explain", "--json")[0]
        self.assertEqual(json.loads(output)["command"], "loopback")

    # Interrupted, it finishes what it writes, and says so as a shell does.
    def test_signals(self):
        for ending in (signal.SIGINT, signal.SIGTERM):
            path = self.folder / f"{ending}.pcap"
            run = start("loopback", "--count=1000000", "--interval=1ms", "--trace", f"--record={path}")
            for _ in range(50):
                self.assertTrue(run.stdout.readline())
            run.send_signal(ending)
            output, error = run.communicate()
            self.assertEqual(run.returncode, 128 + ending)
            self.assertIn("Interrupted", output)
            self.assertIn("holds what happened until then", error)
            self.run_lossy("inspect", str(path))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
