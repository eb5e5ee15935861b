"""What `lossy inspect --fit` promises, on the command itself: python3 fit_test.py LOSSY CAPTURES_FOLDER [TEST...]

That parameters come back is held by the tests beside harness/fit; here whole runs go round."""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import tomllib
import unittest

LOSSY = sys.argv[1]
CAPTURES = pathlib.Path(sys.argv[2])

RUN = ("--count=5000", "--interval=2ms")


class Fit(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_lossy(self, *arguments, code=0, cwd=None):
        run = subprocess.run([LOSSY, *map(str, arguments)], capture_output=True, timeout=100, cwd=cwd or self.folder)
        self.assertEqual(run.returncode, code, run.stdout[-2000:] + run.stderr[-2000:])
        return run.stdout.decode(), run.stderr.decode()

    def record(self, name, *options):
        self.run_lossy("simulate", *RUN, f"--record={name}", *options)
        return name

    def fit(self, *arguments):
        """What is said of each path, as JSON."""
        return json.loads(self.run_lossy("inspect", "--fit", "--json", *arguments)[0])["fits"]

    def assert_found(self, estimate, value):
        self.assertGreater(estimate["error"], 0)
        self.assertLess(abs(estimate["value"] - value), 4 * estimate["error"], (estimate, value))

    def ends(self, recording, ahead_ns=0, link_type=101):
        """The two halves of a recording, as captures of raw IP that two hosts took."""
        data = (self.folder / recording).read_bytes()
        halves, at = {1: [], 2: []}, 24
        while at < len(data):
            seconds, nanoseconds, size, _ = struct.unpack_from("<IIII", data, at)
            frame = data[at + 16:at + 16 + size]
            at += 16 + size
            host = 1 if struct.unpack_from(">I", frame, 4)[0] % 2 else 2
            halves[host].append((10 ** 18 + seconds * 10 ** 9 + nanoseconds + (ahead_ns if host == 2 else 0), frame[20:]))
        for host, name in ((1, "client.pcap"), (2, "server.pcap")):
            with open(self.folder / name, "wb") as file:
                file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link_type))
                for time, packet in halves[host]:
                    file.write(struct.pack("<IIII", *divmod(time, 10 ** 9), len(packet), len(packet)) + packet)
        return "client.pcap", "server.pcap"

    def test_a_run_goes_round(self):
        """What is fitted to a run makes another run that is like it."""
        self.record("one.pcap", "--uplink=delay 20ms 3ms distribution normal loss gemodel 1% 15% 70% 1%",
                    "--downlink=delay 10ms loss 5% duplicate 2% flip 1%")
        text, _ = self.run_lossy("inspect", "--fit=like", "one.pcap")
        for file in ("like.toml", "like-uplink.dist"):
            self.assertIn(f"written: {file}\n", text)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()),
                         ["like-uplink.dist", "like.toml", "one.pcap"])
        scenario = tomllib.loads((self.folder / "like.toml").read_text())["simulate"]
        self.assertEqual(list(scenario), ["uplink", "downlink"])
        self.assertIn(f"--uplink='{scenario['uplink']}'", text)
        self.assertEqual(len((self.folder / "like-uplink.dist").read_text().split("\n", 2)[2].split()), 4096)
        # Its table lies beside it, wherever it is read from.
        two = self.folder / "two.pcap"
        self.run_lossy(f"--config={self.folder / 'like.toml'}", "simulate", *RUN, f"--record={two}", "--seed=5", cwd="/")
        (one,), (other,) = self.fit("one.pcap"), self.fit("two.pcap")
        self.assertEqual(other["uplink"]["loss"]["model"], "gilbert_elliott_full")
        self.assertEqual(other["downlink"]["loss"]["model"], "independent")
        for fit in (one, other):
            self.assert_found(fit["uplink"]["delay"]["mean_ms"], 20)
            self.assert_found(fit["uplink"]["delay"]["deviation_ms"], 3)
            self.assertEqual(fit["uplink"]["delay"]["nearest"]["distribution"], "normal")
            self.assertEqual(fit["downlink"]["delay"]["mean_ms"]["value"], 10)
            self.assertFalse(fit["downlink"]["delay"]["varies"])
        self.assert_found(one["uplink"]["loss"]["to_bad"], 0.01)
        self.assert_found(one["uplink"]["loss"]["to_good"], 0.15)
        self.assert_found(one["downlink"]["loss"]["rate"], 0.05)
        self.assert_found(one["downlink"]["duplicated"], 0.02)
        self.assert_found(one["downlink"]["corrupted"], 0.01)

    def test_two_ends_are_one_path(self):
        """Two captures tell what a recording of both sides tells, but for the clocks."""
        self.record("run.pcap", "--delay=20ms", "--jitter=4ms", "--drop=5%", "--burst=3")
        (whole,) = self.fit("run.pcap")
        (fit,) = self.fit(*self.ends("run.pcap", ahead_ns=3_600_000_000_000))
        self.assertEqual(fit["captures"], ["client.pcap", "server.pcap"])
        self.assertAlmostEqual(fit["ends"]["server_ahead_ms"], 3_600_000, delta=1)
        for way in ("uplink", "downlink"):
            self.assertEqual(fit[way]["loss"]["model"], "gilbert")
            self.assertEqual(fit[way]["loss"]["lost"] + fit[way]["not_counted"],
                             whole[way]["loss"]["lost"] + whole[way]["not_counted"])
            self.assertAlmostEqual(fit[way]["delay"]["mean_ms"]["value"], 20, delta=1)
            self.assert_found(fit[way]["delay"]["deviation_ms"], 4 / 3 ** 0.5)
        text, _ = self.run_lossy("inspect", "--fit", "client.pcap", "server.pcap")
        self.assertIn("the server's clock is 36", text)
        self.assertIn("the first capture is the client's end\n", text)

    def test_what_one_host_saw_is_refused(self):
        lo = CAPTURES / "recorded" / "dns-lo.pcap"
        text, error = self.run_lossy("inspect", "--fit", lo, code=2)
        self.assertEqual(error.count("\n"), 1)
        self.assertIn("dns-lo.pcap: --fit: it shows what one host saw", error)
        self.assertNotIn("the path that would", text)
        other = CAPTURES / "recorded" / "iperf3-lo.pcap"
        _, error = self.run_lossy("inspect", "--fit", lo, other, code=2)
        self.assertIn("no flow in common", error)
        _, error = self.run_lossy("inspect", "--fit", lo, other, "--flow=1", code=2)
        self.assertIn("--filter chooses of both", error)
        _, error = self.run_lossy("inspect", "--fit=x", lo, CAPTURES / "drop.pcap", code=2)
        self.assertIn("drop.pcap: --fit: it is a path of its own", error)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_too_little_says_so(self):
        text, _ = self.run_lossy("inspect", "--fit", CAPTURES / "clean.pcap")
        self.assertIn("loss          none in 3: at most 100%\n", text)
        self.assertIn("rate          no bottleneck seen\n", text)
        text, _ = self.run_lossy("inspect", "--fit", CAPTURES / "drop.pcap")
        self.assertIn("too few losses to tell", text)

    def test_every_recording_is_a_path(self):
        fits = self.fit(*sorted(CAPTURES.glob("*.pcap")))
        self.assertEqual(len(fits), len(list(CAPTURES.glob("*.pcap"))))

    def test_names_are_checked(self):
        self.record("run.pcap")
        for name in ("a b", "a;b", "", ".toml"):
            _, error = self.run_lossy("inspect", f"--fit={name}", "run.pcap", code=2)
            self.assertIn("--fit", error)
        (self.folder / "run.toml").symlink_to("run.pcap")
        _, error = self.run_lossy("inspect", "--fit=run", "run.pcap", code=2)
        self.assertIn("overwrite", error)
        _, error = self.run_lossy("inspect", "--fit=x", "run.pcap", "run.pcap", "run.pcap", code=2)
        self.assertIn("make one path", error)
        self.run_lossy("inspect", "--fit=no/such/folder", "run.pcap", code=2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
