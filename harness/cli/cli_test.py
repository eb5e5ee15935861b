"""What the command promises, checked on the command itself: python3 cli_test.py LOSSY CAPTURES_FOLDER [TEST...]"""

import json
import math
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import process_state
from full_pipe import full_pipe

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
        # Some editors put a mark in front of what they save.
        (self.folder / "f").write_bytes(b"\xef\xbb\xbf" + self.read("f"))
        lossy("simulate", "--faults=@" + self.path("f"), "--golden=" + self.path("a.pcap"))

    def test_another_seed_differs(self):
        lossy("simulate", *self.WILD, "--record=" + self.path("a.pcap"))
        _, error = lossy("simulate", *self.WILD[:-1], "--seed=6", "--golden=" + self.path("a.pcap"), code=1)
        self.assertIn("--seed=6", error.splitlines()[-1])

    def test_a_golden_in_json(self):
        golden = self.path("a.pcap")
        lossy("simulate", "--count=3", "--record=" + golden)
        same, _ = lossy("simulate", "--count=3", "--json", "--golden=" + golden)
        self.assertEqual(json.loads(same)["golden"], {"file": golden, "same": True, "records": 12})
        other, _ = lossy("simulate", "--count=2", "--json", "--golden=" + golden, code=1)
        found = json.loads(other)["golden"]
        self.assertEqual((found["same"], found["records"]), (False, 8))
        self.assertIn("record 9", found["difference"])

    def test_saved_faults_are_the_same_run(self):
        lossy("simulate", *self.WILD, "--record=" + self.path("a.pcap"), "--save-faults=" + self.path("f"))
        lossy("simulate", *self.WILD[:3], "--faults=@" + self.path("f"), "--record=" + self.path("b.pcap"),
              "--save-faults=" + self.path("g"))
        self.assertEqual(self.read("a.pcap"), self.read("b.pcap"))
        faults = lambda name: [line for line in self.read(name).splitlines() if not line.startswith(b"#")]
        self.assertEqual(faults("f"), faults("g"))

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

    def test_the_printed_command_has_nothing_for_a_shell_to_expand(self):
        text, _ = lossy("simulate", "--drop=0%", "a[1]", "a^b", "c*", "~d", "{e,f}", "g!")
        self.assertTrue(text.splitlines()[-1].endswith(" 'a[1]' 'a^b' 'c*' '~d' '{e,f}' 'g!'"), text)

    def test_interrupted_recording_is_whole(self):
        for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
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

    # What came of a run is told even where its page cannot be written.
    def test_summary_without_its_page(self):
        output, errors = lossy("simulate", "--report=/dev/full", code=2)
        self.assertIn("  greeted        3 of 3\n", output)
        self.assertIn("lossy: cannot write '/dev/full'", errors)

    def start_stuck(self):
        """A run that waits for a reader, behind the signals that it takes; and what to read from."""
        reader, writer = full_pipe()
        run = subprocess.Popen([LOSSY, "simulate", "--count=1000000000", "--trace"], stdout=writer, stderr=subprocess.PIPE)
        self.addCleanup(run.kill)
        os.close(writer)
        process_state.wait_until_it_catches(run, signal.SIGTERM)
        return run, open(reader, "rb")

    # timeout(1) sends its signal twice, one right behind the other: that is one request, and not a second one, which
    # would end it at once.
    def test_interrupted_by_timeout(self):
        def is_whole():
            run, reader = self.start_stuck()
            process_state.send_twice(run, signal.SIGTERM)
            output = reader.read()
            reader.close()
            run.communicate(timeout=60)
            return run.returncode == 128 + signal.SIGTERM and b"gave up" in output
        # The first time, unless this machine stands still in the very moment between the two.
        self.assertTrue(any(is_whole() for _ in range(10)))

    def test_another_signal_ends_it_at_once(self):
        for first, second in ((signal.SIGTERM, signal.SIGINT), (signal.SIGHUP, signal.SIGHUP)):
            ended = 128 + signal.SIGPIPE
            for _ in range(10):
                run, reader = self.start_stuck()
                run.send_signal(first)
                process_state.wait_until(run, lambda: not process_state.has_signal(run, "ShdPnd", first))
                time.sleep(0.1)  # At least: sooner it would be the same request.
                run.send_signal(second)
                run.communicate(timeout=60)
                reader.close()
                ended = run.returncode
                # It ends by itself a second after the first: the second came too late if this machine stood still.
                if ended != 128 + signal.SIGPIPE:
                    break
            self.assertEqual(ended, -second)


class Goldens(InScratchFolder):
    """Every golden replays, as do the greetings of real programs. That goldens are what their scenarios give is for
    golden_test.py."""

    def test_replayed(self):
        lossy("replay", *map(str, sorted([*CAPTURES.glob("*.pcap"), *CAPTURES.glob("recorded/tutorial-*.pcap")])))

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
        self.refuse("--reorder-delay=10ms", says="add --reorder")
        self.refuse("--record-as=sll", says=["--record-as", "--record=FILE"])
        self.refuse("--record=" + self.path("x.pcap"), "--record-as=SLL", says="one of sll2, sll, ethernet, raw")
        self.refuse("--reorder=5%", "--reorder-delay=0", says=["--reorder-delay", "held back by nothing"])
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
        self.refuse("--record=./new", "--json=new", says="overwrite")  # Neither is there yet.
        self.refuse("--report=new", f"--save-faults={os.getcwd()}/new", says="overwrite")
        self.refuse(f"--config={golden}", f"--record={golden}", says=[])
        self.refuse("--record=/dev/stdout", says="standard output")
        self.assertEqual(golden.read_bytes(), (CAPTURES / "clean.pcap").read_bytes())

    def test_words_that_begin_as_options_do(self):
        for word in ("---x", "-- x", "--!x", "-!", "- ", "-5", "--1"):
            self.refuse(word, says=f"{word}: there is no such option")
        for word in ("-é", "--é", "--dropp=10%"):
            self.refuse(word, says=f"was not expected: {word}")
        lossy("simulate", "--", "-5", "--!x")

    def test_options_in_front_of_a_command(self):
        for word in ("--bogus", "-v", "--bogus=1"):
            output, error = lossy(word, "simulate", code=2)
            self.assertEqual((output, error), ("", f"lossy: {word}: there is no such option in front of a command\n"))
            self.assertIn(f"{word}: there is no such option", lossy(word, code=2)[1])

    def test_a_file_that_is_taken_for_a_name(self):
        self.refuse("--json", "out.json", says="--json: its file stands behind a =, as in --json=out.json")

    def test_words_of_strangers(self):
        for arguments in (["--golden=\x1b[31m\nx"], ["--\x1b[31m"], ["--config=\x1b[31m"], ["--drop=\x1b[31m"]):
            self.refuse(*arguments, says="x1b[31m")

    def test_commands(self):
        self.refuse(command="simulat", says=["'simulat'", "simulate, "])

    def test_the_end_of_virtual_time(self):
        self.refuse("--interval=1000000000s", "--count=100", "--save-faults=" + self.path("f"), says="292 years")
        self.refuse("--interval=1000000s", "--count=9000", "--record=" + self.path("a.pcap"), says="136 years")

    def test_scenarios(self):
        scenario = self.folder / "a.toml"
        self.expected_files = ["a.toml"]
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
        self.assertIn("1 holds, 0 differ, 1 could not be tried", output)
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
                                     "downlink", "rtt_ms", "virtual_seconds", "notes", "reproduce", "timing"])
        link = ["offered", "delivered", "lost", "lost_by", "duplicated", "copies_dropped", "held_back", "early",
                "reordered", "corrupted", "truncated", "flips_missed", "cuts_missed"]
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
        text, _ = lossy("simulate", "--netem=delay 10ms reorder 100%")
        self.assertIn("were sent early, but there was nothing to pass", text)
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
        for command in ("simulate", "replay", "profiles", "serve", "greet"):
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

    # Whatever a recording is written as, what it says reads back: of three forms all of it, and of the last what the
    # server's host sees. Wireshark finds nothing wrong with any.
    def test_record_as(self):
        network = ["--count=300", "--interval=2ms", "--delay=9ms", "--jitter=8ms", "--drop=10%", "--duplicate=20%",
                   "--corrupt=5%", "--reorder=5%", "--seed=3"]
        for family in ([], ["--ipv6"]):
            run = simulate(*network, *family, "--record=" + self.path("sll2.pcap"))
            sent = {way: run[way]["offered"] for way in ("uplink", "downlink")}
            arrived = {way: run[way]["delivered"] + run[way]["duplicated"] for way in ("uplink", "downlink")}
            seen = {}
            for form in ("sll2", "sll", "ethernet", "raw"):
                with self.subTest(form, family=family):
                    recording = self.path(f"{form}.pcap")
                    lossy("simulate", *network, *family, "--record=" + recording, "--record-as=" + form)
                    lossy("simulate", *network, *family, "--golden=" + recording)
                    lossy("replay", recording)
                    found, = json.loads(lossy("inspect", "--json", recording)[0])["files"]
                    for name in ("file", "link_type", "interfaces"):
                        found.pop(name)
                    seen[form] = found
                    rows = subprocess.run(
                        ["tshark", "-r", recording, "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
                         "-T", "fields", "-e", "udp.checksum.status", "-e", "_ws.malformed"],
                        capture_output=True, timeout=200, check=True, text=True).stdout.split("\n")[:-1]
                    self.assertEqual(set(rows), {"1\t"})
                    self.assertEqual(len(rows), arrived["uplink"] + sent["downlink"] if form == "raw" else
                                     sum(sent.values()) + sum(arrived.values()))
            self.assertEqual(seen["sll2"]["uplink"]["lost"], run["uplink"]["lost"])
            self.assertEqual(seen["sll"], seen["sll2"])
            self.assertEqual(seen["ethernet"], seen["sll2"])
            raw = seen["raw"]
            self.assertEqual((raw["two_sided"], raw["unplaced"]), (0, 0))
            self.assertEqual((raw["flows"][0]["repeated"], len(raw["flows"])), (0, 1))
            # Names that became no UTF-8 are the ones without an answer.
            self.assertEqual(raw["exchanges"]["answered"], sent["downlink"])

    def rows(self, recording, *fields, where=""):
        run = subprocess.run(["tshark", "-r", recording, "-T", "fields", *(["-Y", where] if where else []),
                              *(word for field in fields for word in ("-e", field))],
                             capture_output=True, timeout=200, check=True, text=True)
        return [tuple(row.split("\t")) for row in run.stdout.split("\n")[:-1]]

    # Wireshark shows of a pcapng which host saw a packet and which way, which datagram it is of, and what became of
    # that.
    def test_pcapng_says_what_happened(self):
        network = ["--faults=uplink.1:drop,uplink.2:deliver/hold+10ms,downlink.1:hold+30ms,downlink.2:corrupt^3",
                   "--delay=20ms", "--window=3"]
        recording = self.path("run.pcapng")
        lossy("simulate", *network, "--record=" + recording)
        rows = self.rows(recording, "frame.interface_name", "frame.packet_flags_direction", "frame.packet_id",
                         "udp.dstport", "frame.comment")
        out, into, up, down = "0x00000002", "0x00000001", "9999", "50000"
        for row in [("client", out, "1", up, "lost: drop"),
                    ("client", out, "2", up, "2 copies: on time; held back 10 ms"),
                    ("server", into, "2", up, "copy 1"),
                    ("server", into, "2", up, "copy 2, held back 10 ms"),
                    ("server", out, "1", down, "held back 30 ms"),
                    ("client", into, "1", down, "held back 30 ms, reordered: a later one came first"),
                    ("server", out, "2", down, "bit 3 flipped"),
                    ("client", out, "3", up, "")]:
            self.assertIn(row, rows)
        self.assertEqual(len(self.rows(recording, "frame.number", where='frame.comment contains "lost"')), 1)
        said = subprocess.run(["capinfos", recording], capture_output=True, check=True, text=True, timeout=60).stdout
        self.assertIn("Capture comment:     lossy simulate '" + network[0] + "' --delay=20ms --window=3\n", said)
        self.assertRegex(said, r"Number of packets: +%d\n" % len(rows))

    # It is the same recording as a pcap is, however it is called, and what editcap makes of it is, too.
    def test_pcapng_is_the_same_run(self):
        network = ["--count=200", "--interval=2ms", "--delay=9ms", "--jitter=8ms", "--drop=10%", "--duplicate=20%",
                   "--corrupt=5%", "--reorder=5%", "--seed=3"]
        lossy("simulate", *network, "--record=" + self.path("run.pcap"))
        files = [self.path(name) for name in ("run.pcap", "a.pcapng", "b.pcapng", "edited.pcapng")]
        for path in files[1:3]:
            lossy("simulate", *network, "--record=" + path)
        self.assertEqual((self.folder / "a.pcapng").read_bytes(), (self.folder / "b.pcapng").read_bytes())
        subprocess.run(["editcap", files[1], files[3]], check=True, timeout=60)
        found = json.loads(lossy("inspect", "--json", *files)[0])["files"]
        for one in found:
            for name in ("file", "interfaces"):
                one.pop(name)
        for one in found[1:]:
            self.assertEqual(one, found[0])
        for path in files:
            lossy("simulate", *network, "--golden=" + path)
            lossy("replay", path)
        for form in ("sll", "ethernet", "raw"):
            lossy("simulate", *network, "--record=" + files[1], "--record-as=" + form)
            lossy("simulate", *network, "--golden=" + files[1])
            lossy("replay", files[1])

    # What a script loses is lost later, and said where it was sent all the same.
    def test_pcapng_of_a_script(self):
        recording = self.path("run.pcapng")
        script = CAPTURES / "rebind.script"
        lossy("simulate", f"--script={script}", "--record=" + recording)
        self.assertIn(("1", "50000", "lost: nobody has its address"),
                      self.rows(recording, "frame.packet_id", "udp.dstport", "frame.comment"))
        lossy("simulate", f"--script={script}", "--golden=" + recording)


class Path(InScratchFolder):
    """Every option of the path does what it says, and who lies above is believed."""

    COUNT = 20_000
    PACED = (f"--count={COUNT}", "--interval=100us", "--attempts=1", "--seed=1")

    def run_paced(self, *arguments):
        return simulate(*self.PACED, *arguments)

    def way(self, *arguments):
        return self.run_paced(*arguments)["uplink"]

    def check_share(self, happened, tries, share, inflation=1):
        deviation = math.sqrt(inflation * tries * share * (1 - share))
        self.assertLessEqual(abs(happened - tries * share), 4 * deviation)

    def file(self, name, text):
        (self.folder / name).write_text(text)
        return self.path(name)

    def same_run(self, one, other, *also):
        """Both sets of options make the same path, seed and all."""
        for name, arguments in (("a.pcap", one), ("b.pcap", other)):
            lossy("simulate", "--count=300", "--interval=1ms", *also, *arguments, "--record=" + self.path(name))
        self.assertEqual((self.folder / "a.pcap").read_bytes(), (self.folder / "b.pcap").read_bytes())

    def refuse(self, *arguments, says):
        output, error = lossy("simulate", *arguments, code=2)
        self.assertEqual((output, len(error.splitlines())), ("", 1), error)
        for word in [says] if isinstance(says, str) else says:
            self.assertIn(word, error)

    def lost_in_a_row(self, *arguments):
        """The mean run of losses of the uplink."""
        lossy("simulate", *self.PACED, *arguments, "--save-faults=" + self.path("f"))
        numbers = [int(line[len("uplink."):-len(":drop")]) for line in (self.folder / "f").read_text().splitlines()
                   if line.startswith("uplink.") and line.endswith(":drop")]
        runs = sum(1 for i, number in enumerate(numbers) if i == 0 or numbers[i - 1] != number - 1)
        return len(numbers) / runs

    def test_burst(self):
        self.check_share(self.way("--drop=10%", "--burst=4")["lost"], self.COUNT, 0.1, inflation=7)
        self.assertAlmostEqual(self.lost_in_a_row("--drop=10%", "--burst=4"), 4, delta=0.7)
        self.assertAlmostEqual(self.lost_in_a_row("--drop=10%", "--uplink-burst=2.5"), 2.5, delta=0.4)
        self.assertAlmostEqual(self.lost_in_a_row("--drop=10%"), 1 / 0.9, delta=0.05)
        self.refuse("--burst=4", says=["--burst", "add --drop"])
        self.refuse("--burst=4", "--loss=2%", says="add --drop")
        self.refuse("--burst=4", "--drop=0%", says="--drop")
        self.refuse("--burst=2", "--drop=90%", says=["--burst", "mean burst of 9"])
        self.refuse("--burst=2", "--drop=100%", says="100%")
        self.refuse("--burst=0.5", "--drop=1%", says="1 to 1000000000")
        self.refuse("--drop=1%", "--burst=4", "--uplink-burst=3", "--downlink-burst=3", says="each direction")

    def test_loss(self):
        self.assertEqual(self.way("--loss=every 10")["lost"], self.COUNT // 10)
        self.check_share(self.way("--loss=gemodel 1% 10%")["lost"], self.COUNT, 1 / 11, inflation=18)
        self.check_share(self.way("--loss=2")["lost"], self.COUNT, 0.02)  # tc's bare numbers are percentages.
        self.refuse("--loss=gemodel", says=["--loss", "percentage", "at character 8"])
        self.refuse("--loss=1% ecn", says=["--loss", "ecn"])
        self.refuse("--loss=1% delay 10ms", says=["more than a loss"])
        self.refuse("--loss=1%", "--drop=1%", says=["--drop", "--loss"])

    def test_corrupt_bits_and_truncate(self):
        lossy("simulate", "--corrupt=100%", "--corrupt-bits=3", "--attempts=1", "--save-faults=" + self.path("f"), "Zoe")
        self.assertIn("uplink.1:deliver^", (self.folder / "f").read_text())
        self.assertEqual((self.folder / "f").read_text().split("uplink.1:")[1].split("\n")[0].count("^"), 3)
        self.check_share(self.way("--truncate=5%")["truncated"], self.COUNT, 0.05)
        self.refuse("--corrupt-bits=2", says="add --corrupt")
        self.refuse("--corrupt-bits=9", "--corrupt=1%", says="1 to 8")

    def delays(self, *arguments):
        """The uplink's delays in milliseconds, as the recording has them."""
        recording = self.path("a.pcap")
        lossy("simulate", "--count=2000", "--interval=1s", "--attempts=1", *arguments, "--record=" + recording)
        data = (self.folder / "a.pcap").read_bytes()
        sent, delays, at = {}, [], 24
        while at < len(data):
            seconds, nanoseconds, size, _ = (int.from_bytes(data[at + i:at + i + 4], "little") for i in (0, 4, 8, 12))
            frame = data[at + 16:at + 16 + size]
            at += 16 + size
            time = seconds + nanoseconds / 1e9
            if int.from_bytes(frame[42:44], "big") != 9999:  # The uplink is for port 9999.
                continue
            number = int.from_bytes(frame[24:26], "big")
            if frame[10] == 4:
                sent[number] = time
            else:
                delays.append((time - sent[number]) * 1000)
        return delays

    def test_distribution(self):
        mean = lambda values: sum(values) / len(values)
        deviation = lambda values: math.sqrt(mean([(v - mean(values)) ** 2 for v in values]))
        for name in ("normal", "pareto", "paretonormal"):
            delays = self.delays("--delay=200ms", "--jitter=10ms", "--distribution=" + name)
            self.assertAlmostEqual(mean(delays), 200, delta=1)
            self.assertAlmostEqual(deviation(delays), 10, delta=1.5)
        uniform = self.delays("--delay=200ms", "--jitter=10ms", "--distribution=uniform")
        self.assertTrue(190 <= min(uniform) < 191 and 209 < max(uniform) <= 210)
        table = self.file("two.dist", "# two values\n-8192 8192\n")
        two = self.delays("--delay=200ms", "--jitter=10ms", "--distribution=" + table)
        self.assertEqual({round(value, 3) for value in two}, {190.0, 210.0})
        os.environ["TC_LIB_DIR"] = str(self.folder)
        self.addCleanup(os.environ.pop, "TC_LIB_DIR")
        line = f"--netem=delay 200ms 10ms distribution two"
        self.assertEqual({round(value, 3) for value in self.delays(line)}, {190.0, 210.0})
        self.refuse("--delay=20ms", "--jitter=1ms", "--distribution=none", says="none.dist")
        self.refuse("--delay=20ms", "--jitter=1ms", "--distribution=" + self.file("bad.dist", "x"), says="bad.dist")
        self.refuse("--delay=20ms", "--jitter=10ms", "--distribution=normal", says=["--jitter", "raise --delay"])
        self.refuse("--distribution=normal", says="add --jitter")
        self.refuse("--delay=20ms", "--distribution=normal", says="add --jitter")

    def test_jitter_correlation(self):
        delays = self.delays("--delay=200ms", "--jitter=10ms", "--jitter-correlation=60%")
        mean = sum(delays) / len(delays)
        variance = sum((d - mean) ** 2 for d in delays)
        lag_1 = sum((a - mean) * (b - mean) for a, b in zip(delays, delays[1:])) / variance
        self.assertAlmostEqual(lag_1, 0.6, delta=0.1)
        self.refuse("--jitter-correlation=20%", says="add --jitter")
        # A direction that says its own delay says that there is no correlation.
        self.refuse("--uplink=delay 1s 1ms", "--jitter-correlation=20%", says="add --jitter")
        self.refuse("--netem=delay 9ms keep-order", says=["--netem", "delay 20ms 2ms"])
        self.refuse("--netem=hold 5% 0ms", says="--netem")

    def test_jitter_keeps_order(self):
        jitter = ("--delay=20ms", "--jitter=5ms")
        self.assertGreater(self.way(*jitter)["reordered"], self.COUNT / 2)
        self.assertEqual(self.way(*jitter, "--jitter-keeps-order")["reordered"], 0)

    def test_queues(self):
        slow = ("--rate=80kbit", "--queue=1000000")  # A greeting takes 4 ms, and one comes every 100 us.
        self.assertEqual(self.way(*slow)["lost"], 0)
        few = self.way(*slow[:1], "--queue=10")["lost_by"]["queue"]
        self.assertGreater(few, self.COUNT / 2)
        self.assertGreater(self.way(*slow, "--queue-bytes=200")["lost_by"]["queue"], few)
        self.refuse("--queue-bytes=500", says="add --rate")
        self.refuse("--netem=queue 5", says=["--netem", "add one, as in rate 1mbit"])
        self.refuse("--uplink=queue-bytes 5", "--downlink=rate 1mbit", says=["--uplink", "rate 1mbit"])
        self.assertNotIn("queue", explain("--queue=5", "--uplink-rate=1mbit")["downlink"]["phases"][0]["netem"])

    def test_mtu(self):
        run = simulate("--mtu=100", "--attempts=2", "x", "y" * 100)
        self.assertEqual((run["uplink"]["lost_by"]["mtu"], run["greeted"], run["gave_up"]), (2, 1, 1))
        # 72 bytes of payload fit with the 28 of IPv4, and not with the 48 of IPv6.
        self.assertEqual(simulate("--uplink-mtu=100", "y" * 72)["greeted"], 1)
        self.assertEqual(simulate("--uplink-mtu=100", "--attempts=1", "y" * 73)["greeted"], 0)
        self.assertEqual(simulate("--uplink-mtu=100", "--attempts=1", "--ipv6", "y" * 72)["greeted"], 0)
        self.refuse("--mtu=20", says="68")

    def test_outages(self):
        # Names 10 to 19 are sent between 1 s and 2 s, and those after 3 s.
        paced = ("--count=50", "--interval=100ms", "--attempts=1")
        run = simulate(*paced, "--uplink-outage=1s..2s", "--uplink-outage=3s..4s")
        self.assertEqual((run["uplink"]["lost_by"]["outage"], run["downlink"]["lost"], run["greeted"]), (20, 0, 30))
        self.assertEqual(simulate(*paced, "--outage=1s..2s", "--delay=100ms")["downlink"]["lost_by"]["outage"], 1)
        self.assertEqual(simulate(*paced[1:], "--outage=1s..2s", "Michael", "Tracy")["greeted"], 2)
        self.refuse("--outage=2s", says=["--outage", "2s..3s"])
        self.refuse("--outage=3s..2s", says="end")
        self.refuse("--outage=1s..3s", "--outage=2s..4s", says="overlaps another")
        self.assertIn("nothing was sent during an outage", lossy("simulate", "--outage=5s..6s")[0])

    def test_trace(self):
        trace = self.file("one-a-ms", "1\n")
        constant = ("--count=20000", "--interval=10us", "--attempts=1", "--uplink-queue=1000000", "x" * 0 + "--seed=1")
        traced = simulate(*constant, "--uplink-trace=" + trace)
        self.assertEqual(traced["uplink"]["delivered"], 20000)
        # One opportunity a millisecond carries as many small datagrams as fit.
        half = self.file("half", "\n".join(str(2 * i) for i in range(1, 5001)) + "\n")
        self.assertAlmostEqual(simulate(*constant, "--uplink-trace=" + half)["virtual_seconds"] /
                               traced["virtual_seconds"], 2, delta=0.02)
        self.refuse("--uplink-trace=" + trace, "--uplink-rate=1mbit", says=["--uplink-rate", "--uplink-trace"])
        self.refuse("--rate=1mbit", "--uplink-trace=" + trace, "--downlink-trace=" + trace, says="--rate")
        self.refuse("--uplink-trace=" + self.path("none"), says="none")
        self.refuse("--uplink-trace=" + self.file("bad", "3\n2\n"), says=["--uplink-trace"])
        self.refuse("--uplink-trace=" + trace, "--record=" + trace, says="overwrite")
        # In one direction a trace, in the other the rate for both.
        self.assertIn("rate 1mbit", explain("--rate=1mbit", "--uplink-trace=" + trace)["downlink"]["phases"][0]["netem"])
        # The same speed as a rate.
        rated = simulate(*constant, "--uplink-rate=12032kbit")
        self.assertAlmostEqual(traced["virtual_seconds"] / rated["virtual_seconds"], 1, delta=0.02)

    def test_netem_lines(self):
        self.same_run(["--netem=delay 20ms loss 10% duplicate 5%"], ["--delay=20ms", "--drop=10%", "--duplicate=5%"])
        self.same_run(["--uplink=loss 10%", "--downlink=loss 20%"], ["--uplink-drop=10%", "--downlink-drop=20%"])
        self.same_run(["--netem=delay 20ms 5ms 50% distribution normal"],
                      ["--netem=delay 20ms", "--uplink=delay 20ms 5ms 50% distribution normal",
                       "--downlink=delay 20ms 5ms 50% distribution normal"][1:])
        self.same_run(["--netem=flip 5% bits 2 truncate 3% hold 4% 9ms mtu 1000 queue 5 rate 1mbit"],
                      ["--corrupt=5%", "--corrupt-bits=2", "--truncate=3%", "--reorder=4%", "--reorder-delay=9ms",
                       "--mtu=1000", "--queue=5", "--rate=1mbit"])
        self.assertEqual(self.way("--netem=limit 5 delay 100ms")["lost_by"]["in_flight"] > 0, True)
        self.assertGreater(self.way("--netem=corrupt 5%")["lost_by"]["checksum"], 0)
        self.assertGreater(self.way("--netem=delay 20ms reorder 10%")["reordered"], 0)
        self.refuse("--netem=delay 10ms gap 5", says=["--netem", '"gap"', "at character 12"])
        self.refuse("--netem=reorder 10%", says="reorder")
        self.refuse("--uplink=loss 1% ecn", says=["--uplink", "ecn"])
        self.refuse("--netem=delay 10ms\x1b[31m", says="x1b[31m")

    def test_precedence(self):
        def lost(*arguments):
            run = self.run_paced(*arguments)
            return [round(run[way]["lost"] / run[way]["offered"], 1) for way in ("uplink", "downlink")]

        self.assertEqual(lost("--netem=loss 10%", "--uplink=loss 30%"), [0.3, 0.1])
        self.assertEqual(lost("--netem=loss 10%", "--uplink-drop=30%"), [0.3, 0.1])
        self.assertEqual(lost("--drop=10%", "--uplink=loss 30%"), [0.3, 0.1])
        self.assertEqual(lost("--profile=lte", "--drop=20%", "--downlink=loss 40%"), [0.2, 0.4])
        self.assertEqual(lost("--timeline=0s: loss 10%", "--uplink-drop=30%"), [0.3, 0.1])
        self.assertEqual(lost("--timeline=1us: loss 10%", "--uplink-timeline=1us: loss 30%"), [0.3, 0.1])
        # A flag sets one field and leaves the rest of a line below it.
        self.assertIn("delay 50ms 3ms", explain("--netem=delay 100ms 3ms", "--uplink-delay=50ms")["uplink"]["phases"][0]["netem"])
        self.assertIn("keep-order", explain("--profile=lte", "--delay=99ms")["uplink"]["phases"][0]["netem"])

    def test_one_direction_lies_above_the_timeline_of_both(self):
        changing = ("--timeline=1us: loss 0% delay 5ms",)
        run = self.run_paced("--uplink-drop=100%", *changing)
        self.assertEqual((run["uplink"]["lost"], run["downlink"]["offered"]), (self.COUNT, 0))
        run = self.run_paced("--downlink=delay 10ms", *changing)
        self.assertEqual((run["rtt_ms"]["min"], run["rtt_ms"]["max"]), (10, 15))
        self.refuse("--timeline=5s: loss 1%", "--uplink-drop=1%", "--downlink=loss 2%",
                    says=["--timeline", "of its loss each direction"])

    def test_timelines_are_checked_for_effect(self):
        self.refuse("--timeline=5s: keep-order", says=["--timeline", "delay 20ms 2ms"])
        self.refuse("--uplink-timeline=5s: queue 5", "--downlink-rate=1mbit", says=["--uplink-timeline", "rate 1mbit"])
        for option in ("--timeline=5s: ", "--netem="):
            self.refuse(option + "flip 0% bits 4", says=[option.split("=")[0], "flip 5%"])
        simulate("--timeline=5s: keep-order; 6s: delay 9ms 2ms")
        simulate("--netem=delay 90ms keep-order", "--timeline=5s: delay 9ms")
        simulate("--timeline=5s: flip 0%; 6s: flip 1% bits 4", "--netem=hold 0% 10ms")
        simulate("--netem=flip 0% bits 3", "--uplink-corrupt=1%")

    def test_what_needs_a_delay(self):
        positive = self.file("positive.dist", "0 8192\n")
        self.refuse("--netem=delay 10ms 2ms distribution normal", "--uplink-delay=0s", says=["--netem", "the uplink"])
        self.refuse("--jitter=5ms", "--distribution=" + positive, says=["--distribution", "needs a delay"])
        self.refuse("--netem=delay 10ms reorder 25%", "--downlink-delay=0s", says=["--netem", "the downlink"])
        self.refuse("--delay=9ms", "--uplink-timeline=5s: delay 9ms reorder 25%; 6s: delay 0ms", says="--uplink-timeline")
        simulate("--netem=delay 10ms 2ms distribution normal reorder 25%", "--timeline=5s: delay 0ms reorder 0%")

    def test_names_that_no_line_could_say(self):
        for name in ("a b.dist", "a;b.dist", "a\nb.dist"):
            file = self.file(name, "0 8192\n")
            self.refuse("--delay=9ms", "--jitter=2ms", "--distribution=" + file, says=["--distribution", "rename"])
            self.refuse("--uplink-trace=" + file, says=["--uplink-trace", "rename"])
        self.refuse("--netem=delay 9ms 2ms distribution " + self.path("a;b.dist"), says=["--netem", "rename"])

    def test_said_twice(self):
        self.refuse("--netem=loss 1%", "--drop=5%", says=["--drop", "--netem"])
        self.refuse("--netem=loss 1%", "--loss=every 5", says=["--loss", "--netem"])
        self.refuse("--uplink=delay 10ms", "--uplink-jitter=1ms", says=["--uplink-jitter", "--uplink"])
        self.refuse("--timeline=0s: loss 1%", "--drop=5%", says=["--drop", "--timeline"])
        self.refuse("--netem=loss 1%", "--timeline=0s: loss 1%", says=["--netem", "--timeline"])
        self.refuse("--netem=loss 1%", "--uplink=loss 2%", "--downlink-drop=3%", says=["--netem", "each direction"])
        self.refuse("--mtu=99", "--uplink-mtu=98", "--downlink=mtu 97", says=["--mtu", "each direction"])
        self.refuse("--timeline=5s: loss 1%", "--uplink-timeline=5s: loss 1%", "--downlink-timeline=5s: loss 1%",
                    says=["--timeline", "each direction"])
        simulate("--netem=delay 10ms loss 1%", "--uplink-delay=5ms", "--uplink=loss 2%")

    def test_timeline(self):
        paced = ("--count=100", "--interval=100ms", "--attempts=1")
        run = simulate(*paced, "--timeline=0s: loss 0%; 5s: loss 100%; 6s: delay 80ms loss 0%")
        self.assertEqual((run["uplink"]["lost"], run["downlink"]["lost"], run["greeted"]), (10, 0, 90))
        self.assertEqual(run["rtt_ms"]["max"], 160)
        self.assertEqual(run["rtt_ms"]["min"], 0)
        one = simulate(*paced, "--downlink-timeline=5s: loss 100%; 6s: loss 0%")
        self.assertEqual((one["uplink"]["lost"], one["downlink"]["lost"]), (0, 10))
        self.refuse("--timeline=5s: loss", says=["--timeline", "at character"])
        self.refuse("--timeline=5s: loss 1%; 4s: loss 2%", says="--timeline")
        self.refuse("--timeline=5s: seed 4", says=["--timeline", "seed"])
        text, _ = lossy("simulate", "--delay=1ms", "--timeline=60s: loss 100%")
        self.assertIn("the run ended after 6ms, before the timeline came to 60s", text)

    def test_seeds_in_lines(self):
        both = ("--netem=loss 30% seed 9",)
        self.same_run(both, ["--netem=loss 30%", "--seed=9"])
        self.same_run(["--uplink=loss 30% seed 9", "--downlink=loss 30%", "--seed=5"],
                      ["--uplink=loss 30% seed 9", "--downlink=loss 30% seed 5"])
        run = simulate("--uplink=loss 30% seed 9")
        self.assertEqual((run["seed"], run["seeds"]), (None, {"uplink": 9, "downlink": 4}))
        self.assertEqual(simulate(*both)["seed"], 9)
        self.refuse("--netem=loss 30% seed 9", "--seed=5", says=["--seed", "leave it out"])
        # The printed command says the seed that is implied, and only that.
        self.assertIn(" --seed=4 ", lossy("simulate", "--uplink=loss 30% seed 9")[0].splitlines()[-1])
        self.assertNotIn("--seed", lossy("simulate", *both)[0].splitlines()[-1])

    def test_faults_beside_a_path(self):
        faults = "--faults=uplink.1:drop"
        for argument in ("--burst=2", "--loss=1%", "--truncate=1%", "--corrupt-bits=2", "--distribution=normal",
                         "--jitter-correlation=1%", "--netem=loss 1%", "--netem=delay 9ms 1ms", "--uplink=flip 1%",
                         "--downlink=corrupt 1%", "--timeline=5s: duplicate 1%", "--profile=lte"):
            self.refuse(faults, argument, says=[argument.split("=")[0], "leave one of them out"])
        run = simulate(faults, "--netem=delay 20ms rate 1mbit mtu 999 slot 5ms outage 90s..91s", "--timeline=5s: delay 30ms")
        self.assertEqual((run["uplink"]["lost"], run["seed"]), (1, None))
        self.assertEqual(simulate(faults, "--netem=slot 5ms 10ms", "--seed=3")["seed"], 3)
        self.refuse(faults, "--netem=delay 5ms seed 3", says="nothing is random")
        self.refuse("--faults=uplink.1:delay-9ms", "--timeline=0s: delay 8ms", says="raise --delay")

    def test_saved_faults_say_the_path_beside_them(self):
        greetings = ("--count=300", "--interval=1ms")
        path = ("--profile=wifi-crowded", "--downlink=slot 2ms 9ms", "--seed=6", "--timeline=90ms: delay 50ms 60ms",
                "--outage=50ms..60ms")
        lossy("simulate", *greetings, *path, "--save-faults=" + self.path("f"), "--record=" + self.path("a.pcap"))
        header = [line for line in (self.folder / "f").read_text().splitlines() if line.startswith("#")]
        again = header[-1].split("path: ", 1)[1]
        subprocess.run(["bash", "-c", f'"$0" simulate {" ".join(greetings)} --faults=@{self.path("f")} {again} '
                        f'--golden={self.path("a.pcap")}', LOSSY], check=True, capture_output=True, timeout=60)

    def test_scenario_file(self):
        scenario = self.file("a.toml", """[simulate]
count = 300
interval = "1ms"
netem = "delay 20ms 5ms 25% distribution normal  # no comment within quotes"
""")
        self.refuse(f"--config={scenario}", says=["a.toml:4: --netem: ", "#"])
        options = {"netem": "delay 20ms 5ms 25% distribution normal", "uplink": "loss gemodel 1% 10%",
                   "timeline": "100ms: mtu 60; 200ms: mtu 0", "downlink-loss": "every 10", "profile": "lte"}
        outages = ["10ms..20ms", "30ms..40ms"]
        self.file("a.toml", "[simulate]\n" + "".join(f'{name} = "{value}"\n' for name, value in options.items()) +
                  f"outage = {json.dumps(outages)}\n")
        self.same_run([f"--config={scenario}"], [*(f"--{name}={value}" for name, value in options.items()),
                                                 *("--outage=" + outage for outage in outages)])
        text, _ = lossy("simulate", f"--config={scenario}", "--netem=delay 1ms")
        again = text.splitlines()[-1].split(": ", 1)[1]
        done = subprocess.run(["bash", "-c", again], check=True, capture_output=True, timeout=60).stdout.decode()
        strip = lambda text: [line for line in text.splitlines() if "virtual" not in line]
        self.assertEqual(strip(done), strip(text))

    def test_notes(self):
        self.assertIn("no datagram was larger than the MTU", lossy("simulate", "--mtu=1500")[0])
        text, _ = lossy("simulate", "--count=100", "--interval=1ms", "--netem=delay 50ms limit 3")
        self.assertIn("more than the limit were under way", text)


def explain(*arguments):
    return json.loads(lossy("simulate", "--explain", "--json", *arguments)[0])


class Explain(InScratchFolder):
    """What is explained is what happens, and the line that is printed makes the same path."""

    def lines(self, *arguments):
        """The options that say what was explained, and the explanation."""
        explained = explain(*arguments)
        options = []
        for way in ("uplink", "downlink"):
            if explained[way]["phases"][0]["netem"]:
                options.append(f"--{way}={explained[way]['phases'][0]['netem']}")
            if explained[way]["timeline"]:
                options.append(f"--{way}-timeline={explained[way]['timeline']}")
        return options, explained

    def test_round_trip(self):
        for arguments in (["--netem=delay 100ms 10ms 25% distribution normal loss gemodel 1% 10% duplicate 1%"],
                          ["--drop=10%", "--burst=4", "--delay=20ms", "--jitter=5ms", "--jitter-keeps-order"],
                          ["--profile=satellite-leo", "--uplink-corrupt=1%", "--corrupt-bits=3", "--uplink-truncate=2%"],
                          ["--netem=slot 1ms 2ms packets 3 limit 100 rate 1mbit 14 53 -5", "--outage=1s..2s"],
                          ["--profile=lte", "--timeline=100ms: loss 100%; 150ms: loss 0% delay 30ms rate 0"],
                          ["--netem=delay 10ms 2ms distribution normal reorder 25%", "--timeline=150ms: delay 0s reorder 0%"],
                          ["--netem=delay 10ms 2ms 25% flip 0% bits 2", "--uplink-jitter=0s", "--downlink-corrupt=2%"],
                          ["--netem=delay 30ms keep-order", "--timeline=150ms: delay 10ms loss 1%", "--uplink-loss=2%"],
                          ["--uplink-reorder=5%", "--reorder-delay=9ms"],
                          ["--reorder=5%", "--window=5", "--uplink-loss=state 1% 20% 30% 40% 2%"]):
            with self.subTest(arguments):
                path = [a for a in arguments if not a.startswith("--window")]
                options, explained = self.lines(*path)
                again, explained_again = self.lines(*options)
                self.assertEqual(options, again)
                self.assertEqual(explained, explained_again)
                for name, given in (("a.pcap", path), ("b.pcap", options)):
                    lossy("simulate", "--count=300", "--interval=1ms", *given, "--record=" + self.path(name))
                self.assertEqual((self.folder / "a.pcap").read_bytes(), (self.folder / "b.pcap").read_bytes())

    def test_figures_are_what_happens(self):
        count = 100_000
        for arguments in (["--netem=loss gemodel 1% 20% corrupt 2%"], ["--drop=10%", "--burst=3"],
                          ["--netem=loss 10% 25%"]):
            figures = explain(*arguments)["uplink"]["phases"][0]
            run = simulate(f"--count={count}", "--interval=10us", "--attempts=1", *arguments)["uplink"]
            # Losses come in runs, which makes their number vary more.
            deviation = math.sqrt(2 * figures["mean_burst"] * count * figures["loss"])
            self.assertLessEqual(abs(run["lost"] - count * figures["loss"]), 4 * deviation)

    def test_differences_from_netem(self):
        text, _ = lossy("simulate", "--explain", "--netem=loss 10% 25%")
        self.assertIn("average loss         10%", text)
        self.assertIn("netem's correlation would make it about 1.77%", text)
        self.assertIn("none at all", lossy("simulate", "--explain", "--netem=loss 0.3% 25%")[0])

    def test_runs_nothing(self):
        text, _ = lossy("simulate", "--explain", "--count=1000000000000")
        self.assertIn("delivers everything at once", text)
        for option in ("--record=x.pcap", "--golden=x.pcap", "--save-faults=x", "--trace"):
            self.assertIn("nothing runs", lossy("simulate", "--explain", option, code=2)[1])
        self.assertIn("--faults", lossy("simulate", "--explain", "--faults=uplink.1:drop")[0])

    def test_profiles(self):
        profiles = json.loads(lossy("profiles", "--json")[0])["profiles"]
        names = [profile["name"] for profile in profiles]
        self.assertEqual(len(set(names)), len(names))
        for name in ("3g", "lte", "5g", "dsl", "cable", "wifi", "wifi-crowded", "conference-wifi", "satellite-geo",
                     "satellite-leo", "intercontinental"):
            self.assertIn(name, names)
        listing, _ = lossy("profiles")
        for profile in profiles:
            with self.subTest(profile["name"]):
                self.assertIn(profile["name"], listing)
                shown = json.loads(lossy("profiles", profile["name"], "--json")[0])
                for what in ("description", "source"):
                    self.assertIn(profile[what], lossy("profiles", profile["name"])[0])
                    self.assertEqual(profile[what], shown[what])
                self.assertEqual(explain("--profile=" + profile["name"])["uplink"], shown["uplink"])
                for way in ("uplink", "downlink"):
                    # A profile is its line, which is in canonical form, and says nothing strange.
                    figures = shown[way]["phases"][0]
                    options, _ = self.lines(f"--{way}={profile[way]}")
                    self.assertIn(f"--{way}={figures['netem']}", options)
                    self.assertTrue(0 < figures["loss"] < 0.06 and 1 <= figures["mean_burst"] < 6, figures)
                    delay = float(profile[way].split("ms")[0].split()[-1])  # No jitter moves the mean.
                    self.assertAlmostEqual(figures["mean_delay_ms"], delay, delta=0.01)
                    rate = figures["mean_rate_bits_per_second"]
                    self.assertEqual(rate is None, "rate" not in profile[way])
                run = simulate("--profile=" + profile["name"], "--count=2000", "--interval=50ms", "--seed=1")
                self.assertGreater(run["greeted"], 1990)
                rtt = sum(json.loads(json.dumps(shown))[way]["phases"][0]["mean_delay_ms"] for way in ("uplink", "downlink"))
                self.assertAlmostEqual(run["rtt_ms"]["median"] / rtt, 1, delta=0.35)
        self.assertIn("there is no profile", lossy("simulate", "--profile=6g", code=2)[1])
        self.assertIn("there is no profile", lossy("profiles", "6g", code=2)[1])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
