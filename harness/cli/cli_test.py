"""What the command promises, checked on the command itself: python3 cli_test.py LOSSY CAPTURES_FOLDER [TEST...]"""

import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

LOSSY = sys.argv[1]
CAPTURES = pathlib.Path(sys.argv[2])


def lossy(*arguments, code=0, **keywords):
    """Runs the command, checks its exit code, and gives (standard output, standard error)."""
    keywords.setdefault("timeout", 200)
    done = subprocess.run([LOSSY, *arguments], capture_output=True, **keywords)
    if done.returncode != code:
        raise AssertionError(f"exit code {done.returncode} instead of {code}: lossy {arguments}\n"
                             f"{done.stdout[-2000:]!r}\n{done.stderr[-2000:]!r}")
    return done.stdout.decode(), done.stderr.decode()


def simulate(*arguments):
    return json.loads(lossy("simulate", "--json", *arguments)[0])


class InScratchFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def path(self, name):
        return str(self.folder / name)

    def files(self):
        return sorted(os.listdir(self.folder))


class Rates(unittest.TestCase):
    """The rate that is asked for is the rate that happens, and nothing else happens."""

    COUNT = 100_000
    PACED = (f"--count={COUNT}", "--interval=10us", "--attempts=1", "--delay=2ms", "--seed=1")
    QUIET = {"lost": 0, "duplicated": 0, "held_back": 0, "reordered": 0, "corrupted": 0}

    def check_rate(self, happened, tries, probability):
        deviation = math.sqrt(tries * probability * (1 - probability))
        self.assertLessEqual(abs(happened - tries * probability), 4 * deviation)

    def check_alone(self, option, counter, probability):
        run = simulate(*self.PACED, f"--{option}={probability:.0%}")
        for way in ("uplink", "downlink"):
            link = run[way]
            self.check_rate(link[counter], link["delivered"] if counter != "lost" else link["offered"],
                            probability)
            self.assertEqual(link["offered"], link["delivered"] + link["lost"])
            others = {key: link[key] for key in self.QUIET if key != counter}
            if option == "reorder":
                self.assertEqual(others.pop("reordered"), link["held_back"])
            self.assertEqual(others, {key: 0 for key in others}, way)

    def test_drop(self):
        self.check_alone("drop", "lost", 0.1)

    def test_duplicate(self):
        self.check_alone("duplicate", "duplicated", 0.05)

    def test_reorder(self):
        self.check_alone("reorder", "held_back", 0.05)

    def test_corrupt(self):
        self.check_alone("corrupt", "corrupted", 0.05)

    def test_none_and_all(self):
        none = simulate(*self.PACED, "--drop=0%")
        self.assertEqual((none["uplink"]["lost"], none["greeted"]), (0, self.COUNT))
        everything = simulate(*self.PACED, "--drop=100%")
        self.assertEqual(everything["uplink"]["lost"], self.COUNT)
        self.assertEqual((everything["greeted"], everything["gave_up"]), (0, self.COUNT))

    def test_one_direction(self):
        run = simulate(*self.PACED, "--drop=10%", "--uplink-drop=0%")
        self.assertEqual(run["uplink"]["lost"], 0)
        self.check_rate(run["downlink"]["lost"], self.COUNT, 0.1)


class Reproducibility(InScratchFolder):
    """A run can be had again: from its seed, and from the faults it wrote down."""

    WILD = ("--count=2000", "--interval=1ms", "--delay=20ms", "--jitter=9ms", "--drop=10%",
            "--duplicate=10%", "--reorder=10%", "--corrupt=10%", "--seed=5")

    def read(self, name):
        return (self.folder / name).read_bytes()

    def test_same_seed_same_bytes(self):
        for name in ("a.pcap", "b.pcap"):
            lossy("simulate", *self.WILD, "--record=" + self.path(name))
        self.assertEqual(self.read("a.pcap"), self.read("b.pcap"))
        self.assertGreater(len(self.read("a.pcap")), 2000 * 80)
        lossy("simulate", *self.WILD, "--golden=" + self.path("a.pcap"))

    def test_a_run_without_faults_is_the_same_run(self):
        lossy("simulate", "--drop=0%", "--record=" + self.path("a.pcap"), "--save-faults=" + self.path("f"))
        lossy("simulate", "--faults=@" + self.path("f"), "--golden=" + self.path("a.pcap"))

    def test_another_seed_differs(self):
        lossy("simulate", *self.WILD, "--record=" + self.path("a.pcap"))
        _, error = lossy("simulate", *self.WILD[:-1], "--seed=6", "--golden=" + self.path("a.pcap"), code=1)
        self.assertIn("--seed=6", error.splitlines()[-1])

    def test_saved_faults_are_the_same_run(self):
        lossy("simulate", *self.WILD, "--record=" + self.path("a.pcap"), "--save-faults=" + self.path("f"))
        lossy("simulate", *self.WILD[:3], "--faults=@" + self.path("f"), "--record=" + self.path("b.pcap"),
              "--save-faults=" + self.path("g"))
        self.assertEqual(self.read("a.pcap"), self.read("b.pcap"))
        self.assertEqual(self.read("f").splitlines()[3:], self.read("g").splitlines()[3:])

    def test_corruption_leaves_the_losses_alone(self):
        # With one attempt and pacing, what is offered uplink does not depend on what happens to it.
        base = ("--count=20000", "--interval=1ms", "--attempts=1", "--drop=10%")
        drops = []
        for extra in ([], ["--corrupt=1%"], ["--duplicate=5%", "--reorder=5%", "--delay=9ms", "--jitter=9ms"]):
            lossy("simulate", *base, *extra, "--save-faults=" + self.path("f"))
            drops.append([line for line in self.read("f").decode().splitlines()
                          if line.startswith("uplink") and line.endswith(":drop")])
        self.assertGreater(len(drops[0]), 1500)
        self.assertEqual(drops[0], drops[1])
        self.assertEqual(drops[0], drops[2])

    def test_the_printed_command_is_the_same_run(self):
        for seed in (["--seed=random"], ["--seed", "random"]):
            arguments = [*seed, "--drop=30%", "--record=" + self.path("a.pcap"), "--", "Zoë", "--x", "\x1b[1m'\n"]
            text, _ = lossy("simulate", *arguments)
            first = self.read("a.pcap")
            again = text.splitlines()[-1].split(": ", 1)[1]
            self.assertNotIn("random", again)
            subprocess.run(["bash", "-c", again], check=True, capture_output=True, timeout=60)
            self.assertEqual(first, self.read("a.pcap"))

    def test_interrupted_recording_is_whole(self):
        for ending in (signal.SIGINT, signal.SIGTERM):
            run = subprocess.Popen([LOSSY, "simulate", "--count=1000000000", "--interval=10us", "--trace",
                                    "--record=" + self.path("a.pcap")],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(1000):  # It runs, as its ladder shows.
                self.assertTrue(run.stdout.readline())
            run.send_signal(ending)
            _, error = run.communicate(timeout=60)
            self.assertEqual(run.returncode, 128 + ending)
            self.assertEqual(self.files(), ["a.pcap"])
            if ending == signal.SIGINT:
                self.assertIn(b"interrupted; " + self.path("a.pcap").encode() + b" holds what happened", error)
                first = self.read("a.pcap")
            else:  # Half a run does not take the place of what was there.
                self.assertIn(b"is left as it was", error)
                self.assertEqual(self.read("a.pcap"), first)
            lossy("replay", self.path("a.pcap"))


class Goldens(InScratchFolder):
    """Every scenario gives its golden byte for byte, and every golden belongs to a scenario."""

    def test_pairs(self):
        scenarios = {path.stem for path in CAPTURES.glob("*.toml")}
        self.assertEqual(scenarios, {path.stem for path in CAPTURES.glob("*.pcap")})
        self.assertGreaterEqual(len(scenarios), 9)

    def test_regenerated(self):
        for scenario in sorted(CAPTURES.glob("*.toml")):
            with self.subTest(scenario.name):
                made = self.path(scenario.stem + ".pcap")
                lossy("simulate", f"--config={scenario}", "--record=" + made)
                self.assertEqual(pathlib.Path(made).read_bytes(), scenario.with_suffix(".pcap").read_bytes())

    def test_replayed(self):
        lossy("replay", *map(str, sorted(CAPTURES.rglob("*.pcap"))))

    def test_every_payload_byte_counts(self):
        for name in ("clean", "ipv6", "utf8"):
            for suffix in (".toml", ".pcap"):
                (self.folder / (name + suffix)).write_bytes((CAPTURES / (name + suffix)).read_bytes())
            capture = self.folder / (name + ".pcap")
            bytes_ = bytearray(capture.read_bytes())
            at = bytes_.rindex(b"!")  # The last answer's end.
            bytes_[at] ^= 1
            capture.write_bytes(bytes_)
            text, error = lossy("replay", str(capture), code=1)
            self.assertIn("21 '!'", text + error)
            self.assertIn("20 ' '", text + error)


class BadInput(InScratchFolder):
    """One clear line, exit code 2, and no file that looks whole."""

    def refuse(self, *arguments, says=(), command="simulate"):
        output, error = lossy(command, *arguments, code=2)
        self.assertEqual(output, "")
        self.assertEqual(len(error.splitlines()), 1, error)
        self.assertTrue(error.startswith("lossy: "), error)
        for word in [says] if isinstance(says, str) else says:
            self.assertIn(word, error)
        self.assertEqual(self.files(), self.expected_files)

    def setUp(self):
        super().setUp()
        self.expected_files = []

    def test_numbers(self):
        self.refuse("--drop=10", says=["--drop", "did you mean 10%?"])
        self.refuse("--drop=110%", says="0% to 100%")
        self.refuse("--drop=-1%", says="negative")
        self.refuse("--drop=", says="--drop")
        self.refuse("--drop=x", says="10%")
        self.refuse("--delay=-1ms", says=["--delay", "negative"])
        self.refuse("--delay=20", says="unit")
        self.refuse("--rate=0", says=["--rate", "nothing would ever arrive"])
        self.refuse("--rate=0mbit", says="nothing would ever arrive")
        self.refuse("--seed=-1", says="--seed")
        self.refuse("--count=0", says="--count")
        self.refuse("--attempts=0", says="--attempts")
        self.refuse("--window=0", says="--window")
        self.refuse("--interval=0", says="--interval")
        self.refuse("--initial-rto=61s", says="at most 60s")
        self.refuse("--no-such-option", says="no-such-option")

    def test_settings_without_effect(self):
        self.refuse("--jitter=2ms", says=["--jitter", "--delay"])
        self.refuse("--delay=2ms", "--jitter=3ms", says="above")
        self.refuse("--queue=10", says="--rate")
        self.refuse("--reorder-delay=10ms", says="--reorder")
        self.refuse("--jitter-keeps-order", says="jitter")
        self.refuse("--uplink-queue=10", "--downlink-rate=1mbit", says="--uplink-rate")
        self.refuse("--faults=uplink.1:drop", "--drop=10%", says="leave one of them out")
        self.refuse("--faults=uplink.1:drop", "--seed=3", says="leave one of them out")
        self.refuse("--faults=uplink.1:delay-1ms", says="raise --delay")
        self.refuse("--count=3", "Michael", says="--count")
        self.refuse("--drop=1%", "--uplink-drop=2%", "--downlink-drop=3%", says="each direction has its own")
        self.refuse("--faults=uplink.1:drop", "--reorder-delay=1ms", says="hold+10ms")

    def test_faults(self):
        for faults in ("uplink.0:drop", "sidelink.1:drop", "uplink.1:explode", "uplink.1", "uplink.1:hold",
                       "uplink.1:drop,uplink.1:drop", "uplink.1:corrupt^99999999999", ","):
            self.refuse("--faults=" + faults, says="--faults")
        self.refuse("--faults=@" + self.path("none"), says="none")
        self.refuse("--faults=@" + str(self.folder), says=str(self.folder))

    def test_names(self):
        self.refuse("x" * 1017, says=["1017", "1016"])
        self.refuse(b"\xff\xfe", says="UTF-8")
        self.refuse("", says="empty")
        self.refuse("[a,b]", "c", says=["'[a,b]'", "brackets"])
        self.assertEqual(simulate("x" * 1016)["greeted"], 1)

    def test_files(self):
        self.refuse("--record=/no/such/folder/a.pcap", says="/no/such/folder/a.pcap")
        self.refuse("--record=" + str(self.folder), says=str(self.folder))
        self.refuse("--record=/dev/full", says="/dev/full")
        self.refuse("--save-faults=/dev/full", "--drop=50%", says="/dev/full")
        self.refuse("--golden=" + self.path("none.pcap"), says="none.pcap")
        self.refuse("--golden=" + str(self.folder), says="directory")
        self.refuse("--config=" + self.path("none.toml"), says="none.toml")
        self.refuse("--config=" + str(self.folder), says=str(self.folder))

    def test_empty_names_of_files(self):
        for option in ("--record", "--golden", "--save-faults", "--faults"):
            self.refuse(option, "", says=[option, "missing"])

    def test_files_that_would_overwrite_each_other(self):
        golden = self.folder / "a.pcap"
        golden.write_bytes((CAPTURES / "clean.pcap").read_bytes())
        self.expected_files = ["a.pcap"]
        self.refuse(f"--golden={golden}", f"--record={self.folder}/./a.pcap", says="overwrite")
        self.refuse(f"--golden={golden}", f"--save-faults={golden}", says="overwrite")
        self.refuse(f"--record={self.folder}/b", f"--save-faults={self.folder}/b", says="overwrite")
        self.refuse(f"--config={golden}", f"--record={golden}", says=[])
        self.refuse("--record=/dev/stdout", says="standard output")
        self.assertEqual(golden.read_bytes(), (CAPTURES / "clean.pcap").read_bytes())

    def test_words_of_strangers(self):
        for arguments in (["--golden=\x1b[31m\nx"], ["--\x1b[31m"], ["--config=\x1b[31m"], ["--drop=\x1b[31m"]):
            self.refuse(*arguments, says="x1b[31m")

    def test_commands(self):
        self.refuse(command="simulat", says=["'simulat'", "simulate, replay"])

    def test_the_end_of_virtual_time(self):
        self.refuse("--interval=1000000000s", "--count=100", "--save-faults=" + self.path("f"), says="292 years")
        self.refuse("--interval=1000000s", "--count=9000", "--record=" + self.path("a.pcap"), says="136 years")

    def test_scenarios(self):
        scenario = self.folder / "a.toml"
        self.expected_files = ["a.toml"]
        for text, says in (("[simulate]\ndrop = \"10%\"\ndorp = \"1%\"\n", "dorp"),
                           ("[simulate]\ndrop = 10\n", "10%"),
                           ("[simualte]\ndrop = \"10%\"\n", "simualte"),
                           ("drop = \"10%\"\n", "drop"),
                           ("[simulate]\nnames = [\"[a,b]\", \"c\"]\n", "brackets"),
                           ("[simulate]\nnames = [\"\"]\n", "")):
            scenario.write_text(text)
            self.refuse(f"--config={scenario}", says=says)
        scenario.write_text("[simulate]\nnames = " + "[" * 70000)
        self.refuse(f"--config={scenario}", says="64 KiB")
        self.refuse("--config=/dev/zero", says="/dev/zero")

    def test_captures(self):
        self.refuse(str(self.folder), says="directory", command="replay")
        self.refuse(self.path("none.pcap"), says="none.pcap", command="replay")
        self.refuse(command="replay")
        whole = (CAPTURES / "clean.pcap").read_bytes()
        (self.folder / "b.pcap").write_bytes(whole)
        (self.folder / "b.toml").write_text('[simulate]\nfaults = "@nofile"\n')
        output, error = lossy("replay", self.path("b.pcap"), str(CAPTURES / "clean.pcap"), code=2)
        self.assertIn("nofile", error)
        self.assertIn("1 hold, 0 differ, 1 could not be tried", output)
        self.expected_files = ["a.pcap"]
        for bytes_, says in ((b"", "empty"), (b"not a capture at all, not even nearly", "a.pcap"),
                             (whole[:24], "a.pcap"), (whole[:-1], "a.pcap")):
            (self.folder / "a.pcap").write_bytes(bytes_)
            output, error = lossy("replay", self.path("a.pcap"), code=2)
            self.assertIn(says, output + error)

    def test_standard_descriptors_that_are_closed(self):
        recording = self.path("a.pcap")
        shell = lambda command: subprocess.run(["bash", "-c", command, LOSSY], capture_output=True, timeout=60).returncode
        self.assertEqual(shell(f'"$0" simulate --trace --json --record={recording} 2>&-'), 2)
        self.assertEqual(shell('"$0" simulate >&-'), 2)
        self.assertEqual(shell('"$0" simulate --drop=banana 2>&-'), 2)
        self.assertEqual(shell('"$0" simulate --drop=banana 2>/dev/full'), 2)
        self.assertEqual(shell('"$0" simulate <&- >&- 2>&-'), 2)
        self.assertEqual(self.files(), [])

    def test_a_reader_that_has_had_enough(self):
        command = f'"$0" simulate --trace --count=100000 --record={self.path("a.pcap")} | head -n 1 >/dev/null'
        done = subprocess.run(["bash", "-c", command + '; exit ${PIPESTATUS[0]}', LOSSY], capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (141, b""))
        self.assertEqual(self.files(), [])

    def test_a_full_standard_output(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([LOSSY, "simulate"], stdout=full, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"standard output", done.stderr)


class Output(InScratchFolder):
    def test_json_has_the_agreed_names(self):
        run = simulate("--drop=10%")
        self.assertEqual(list(run), ["command", "seed", "requests", "greeted", "gave_up", "attempts", "uplink",
                                     "downlink", "rtt_ms", "virtual_seconds", "wall_seconds"])
        link = ["offered", "delivered", "lost", "lost_by", "duplicated", "held_back", "reordered", "corrupted",
                "truncated"]
        lost_by = ["drop", "checksum", "outage", "mtu", "queue", "in_flight"]
        for way in ("uplink", "downlink"):
            self.assertEqual(list(run[way]), link)
            self.assertEqual(list(run[way]["lost_by"]), lost_by)
        self.assertEqual(list(run["rtt_ms"]), ["min", "median", "p99", "max"])
        self.assertEqual(run["command"], "simulate")

    def test_the_trace_leaves_json_alone(self):
        output, error = lossy("simulate", "--json", "--trace")
        self.assertEqual(json.loads(output)["greeted"], 3)
        self.assertIn("uplink.1", error)

    def test_names_are_harmless(self):
        text, _ = lossy("simulate", "--trace", "\x1b[2Jx\u202e")
        self.assertNotIn("\x1b", text)
        self.assertNotIn("\u202e", text)

    def test_what_had_no_effect_is_said(self):
        text, _ = lossy("simulate", "--reorder=100%")
        self.assertIn("nothing came to pass them", text)
        text, _ = lossy("simulate", "--faults=uplink.99:drop")
        self.assertIn("never sent", text)
        text, _ = lossy("simulate", "--faults=uplink.1:corrupt^999")
        self.assertIn("beyond the end", text)

    def test_faults_do_what_they_say_and_nothing_else(self):
        run = simulate("--faults=uplink.3:drop,downlink.1:duplicate+5ms")
        self.assertIsNone(run["seed"])
        self.assertEqual((run["uplink"]["lost"], run["downlink"]["duplicated"]), (1, 1))
        self.assertEqual((run["uplink"]["duplicated"], run["downlink"]["lost"]), (0, 0))
        self.assertEqual((run["attempts"], run["greeted"]), (4, 3))

    def test_every_command_explains_itself(self):
        for command in ("simulate", "replay", "serve", "greet"):
            text, _ = lossy(command, "--help")
            self.assertIn(f"lossy {command}", text)
        self.assertIn("simulate", lossy("--help")[0])
        self.assertTrue(lossy("--version")[0].startswith("lossy "))

    def test_tshark_agrees(self):
        recording = self.path("a.pcap")
        for family in ([], ["--ipv6"]):
            run = simulate("--count=500", "--interval=1ms", "--delay=2ms", "--jitter=2ms", "--drop=10%",
                           "--duplicate=10%", "--corrupt=10%", "--record=" + recording, *family)
            columns = subprocess.run(
                ["tshark", "-r", recording, "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
                 "-T", "fields", "-e", "udp.checksum.status", "-e", "sll.pkttype", "-e", "udp.dstport"],
                capture_output=True, timeout=200, check=True).stdout.decode().split("\n")[:-1]
            rows = [row.split("\t") for row in columns]
            self.assertEqual({row[0] for row in rows}, {"1"}, "a UDP checksum is not good")
            outgoing, incoming = "4", "0"
            for way, port in (("uplink", "9999"), ("downlink", "50000")):
                link = run[way]
                count = lambda type_: sum(row[1:] == [type_, port] for row in rows)
                self.assertEqual(count(outgoing), link["offered"])
                self.assertEqual(count(incoming), link["delivered"] + link["duplicated"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
