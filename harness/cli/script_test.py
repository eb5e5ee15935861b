#!/usr/bin/env python3
"""lossy script, and lossy simulate --script: a script is a scenario like any other.

"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

LOSSY = None

LATE = """\
script 1
window 2
initial-rto 100ms
greet "Zoë"
greet "Alice"
deliver uplink 0
timeout late 3ms
inject uplink other-host bytes "\\xff"
deliver all
"""


def run(*arguments, cwd=None):
    done = subprocess.run([LOSSY, *map(str, arguments)], capture_output=True, timeout=60, cwd=cwd)
    return done.returncode, done.stdout, done.stderr.decode()


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.script = self.folder / "late.script"
        self.script.write_text(LATE)

    def holds(self, *arguments, **options):
        code, output, error = run(*arguments, **options)
        self.assertEqual(code, 0, error)
        self.assertEqual(error, "")
        return output

    def refuses(self, *arguments, says):
        code, output, error = run(*arguments)
        self.assertEqual((code, output), (2, b""), error)
        self.assertEqual(len(error.splitlines()), 1, error)
        for word in [says] if isinstance(says, str) else says:
            self.assertIn(word, error)


class Conversion(Case):
    """Either way nothing is lost."""

    def test_text_to_binary_and_back(self):
        binary = self.folder / "late.bin"
        self.holds("script", self.script, f"--write={binary}")
        self.assertEqual(binary.read_bytes()[0], 1)
        self.assertEqual(self.holds("script", binary).decode(), LATE)
        self.assertEqual(self.holds("script", binary, "--to=binary"), binary.read_bytes())
        self.assertEqual(self.holds("script", self.script, "--to=text").decode(), LATE)

    def test_bytes_to_text_and_back(self):
        for seed in range(40):
            options = bytes([seed % 6, seed % 8, seed % 5, seed % 4, seed % 3, seed % 4, seed % 2])
            operations = b"".join(bytes([(seed + i) % 19, (7 * i * seed) % 256, i, seed]) for i in range(seed))
            (self.folder / "a").write_bytes(b"\1" + options + operations)
            canonical = self.holds("script", self.folder / "a", "--to=binary")
            self.assertEqual(len(canonical), 8 + 4 * seed)
            (self.folder / "b").write_bytes(self.holds("script", self.folder / "a"))
            self.assertEqual(self.holds("script", self.folder / "b"), canonical)

    def test_what_is_no_script_is_refused(self):
        path = self.folder / "bad"
        for content, says in [(b"script 1\n\ntick soon\n", ["line 3", '"soon"', "65535"]),
                              (b"script 1\nfrobnicate\n", ["line 2", '"frobnicate"', "no operation"]),
                              (b"", ["line 1", "begins with its version"]),
                              (b"\2\0\0\0\0\0\0\0", ["version 2"]),
                              (b"\1" + bytes(20000), ["at most 16392 bytes"]),
                              (b"\xff\xfe", ["line 1"])]:
            path.write_bytes(content)
            self.refuses("script", path, says=[str(path), *says])
            self.refuses("simulate", f"--script={path}", says=[str(path), *says])
        path.write_bytes(b"script 1\n" + b"\n" * (1 << 20))
        self.refuses("script", path, says="too large")
        self.refuses("script", self.folder / "none", says="none")
        self.refuses("script", self.folder, says=str(self.folder))
        self.refuses("script", self.script, "--to=json", says="text and binary")
        self.refuses("script", self.script, f"--write={self.script}", says="overwrite")


class Simulation(Case):
    """It is run, shown, recorded and compared as any other scenario."""

    def test_the_ladder_shows_what_it_does(self):
        output = self.holds("simulate", f"--script={self.script}", "--trace").decode()
        self.assertIn("Zoë is greeted: 2 attempts, 103ms", output)
        self.assertIn('"\\xff"', output)
        self.assertIn("greeted        2 of 2", output)
        self.assertIn("server silent  not_utf8 1", output)

    def test_what_found_nothing_to_do_is_said(self):
        self.script.write_text("script 1\ndeliver uplink 0\ndrop downlink 0\n")
        self.assertIn("2 of the script's 2 operations found nothing to do",
                      self.holds("simulate", f"--script={self.script}").decode())

    def test_a_recording_is_the_same_again_and_its_golden(self):
        for name in ("a", "b"):
            self.holds("simulate", f"--script={self.script}", f"--record={self.folder / name}.pcap")
        self.assertEqual((self.folder / "a.pcap").read_bytes(), (self.folder / "b.pcap").read_bytes())
        golden = f"--golden={self.folder / 'a.pcap'}"
        self.assertIn("The same as", self.holds("simulate", f"--script={self.script}", golden).decode())
        self.script.write_text(LATE.replace("3ms", "4ms"))
        code, _, error = run("simulate", f"--script={self.script}", golden)
        self.assertEqual(code, 1)
        self.assertIn("The same run again: ", error.splitlines()[-1])

    def test_what_contradicts_it_is_refused(self):
        for option in ("--drop=10%", "--faults=uplink.1:drop", "--delay=1ms", "--seed=4", "--window=2", "--attempts=3",
                       "--count=5", "--interval=1ms", "--ipv6", "--profile=wifi-crowded", "--netem=delay 1ms"):
            self.refuses("simulate", f"--script={self.script}", option,
                         says=[option.split("=")[0], "the script says all"])
        self.refuses("simulate", f"--script={self.script}", "Bob", says=["NAMES", "the script says all"])
        self.refuses("simulate", f"--script={self.script}", f"--save-faults={self.folder / 'f'}", says="--save-faults")
        self.refuses("simulate", f"--script={self.script}", "--explain", says="--explain")
        self.refuses("simulate", f"--script={self.script}", f"--record={self.script}", says="overwrite")
        self.refuses("simulate", "--script=", says="missing")
        self.script.write_text(GROUP)
        self.refuses("loopback", f"--script={self.script}", says=["--script", "lossy simulate"])


class Golden(Case):
    """With the key script a scenario makes a golden like any other, wherever it is read from."""

    def setUp(self):
        super().setUp()
        self.scenario = self.folder / "late.toml"
        self.scenario.write_text('[simulate]\nscript = "late.script"\n')
        self.golden = self.folder / "late.pcap"
        self.holds("simulate", f"--config={self.scenario}", f"--record={self.golden}", cwd="/")

    def test_it_replays(self):
        self.assertIn("holds", self.holds("replay", self.golden, cwd="/").decode())
        self.assertIn("holds", self.holds("replay", "late.pcap", cwd=self.folder).decode())
        self.assertIn("1 scenario: 1 holds", self.holds("golden", self.folder).decode())
        self.holds("simulate", f"--config={self.scenario}", f"--golden={self.golden}")

    def test_every_payload_byte_counts(self):
        content = bytearray(self.golden.read_bytes())
        for at in (content.index("Zoë".encode()), content.rindex(b"!")):
            changed = bytearray(content)
            changed[at] ^= 1
            self.golden.write_bytes(changed)
            self.assertEqual(run("replay", self.golden)[0], 1)
            self.assertEqual(run("golden", self.folder)[0], 1)
        self.golden.write_bytes(content[:-1])
        self.assertEqual(run("replay", self.golden)[0], 2)

    def test_a_run_that_broke_a_property_is_not_to_be_had_again(self):
        content = self.golden.read_bytes().replace(b"\2lossy", b"\2broke")
        for changed in (content, content.replace(b"Alice", b"Alica")):
            self.golden.write_bytes(changed)
            self.assertIn("holds: a property did not hold in the run that it shows, and all of them do now",
                          self.holds("replay", self.golden).decode())
        self.assertTrue(json.loads(self.holds("replay", self.golden, "--json"))["files"][0]["was_broken"])
        self.assertEqual(run("golden", self.folder)[0], 1)  # And it is no golden.
        self.scenario.unlink()
        self.assertEqual(run("replay", self.golden)[0], 1)  # Without the script, the server's answer to Alica differs.

    def test_another_script_is_another_run(self):
        for change in (("3ms", "4ms"), ("Alice", "Alica"), ("greet \"Zoë\"\n", "")):
            self.script.write_text(LATE.replace(*change))
            code, output, error = run("replay", self.golden)
            self.assertEqual(code, 1, change)
            self.assertIn("to see it again", error)
        self.script.write_text("script 1\nfrobnicate\n")
        code, _, error = run("replay", self.golden)
        self.assertEqual(code, 2)
        self.assertIn("frobnicate", error)
        self.script.unlink()
        self.assertEqual(run("replay", self.golden)[0], 2)

    def test_a_list_of_faults_lies_beside_its_scenario_too(self):
        (self.folder / "list").write_text("uplink.1:drop\n")
        self.scenario.write_text('[simulate]\nfaults = "@list"\n')
        self.assertIn("lost", self.holds("simulate", f"--config={self.scenario}", "--trace", cwd="/").decode())


GROUP = """\
script 2
protocol membership
set nodes 3
set run-for 30s
set suspect-periods 1
deliver first 12
isolate 2 9
swap 0 1
drop 0
"""


class AnyProtocol(Case):
    """A script of version 2 says what the network does to a run of any protocol."""

    def setUp(self):
        super().setUp()
        self.script.write_text(GROUP)

    def test_it_says_its_protocol(self):
        output = self.holds("simulate", f"--script={self.script}", "--trace").decode()
        self.assertNotIn("seed", output)
        self.assertIn("192.0.2.3", output)
        self.assertRegex(output, r"(?m)^  joined +3 of 3")
        self.assertIn("\n  joined", self.holds("simulate", f"--script={self.script}", "--protocol=membership").decode())
        self.refuses("simulate", f"--script={self.script}", "--protocol=tftp",
                     says=["line 2", '"membership"', "and not of tftp"])
        self.refuses("simulate", f"--script={self.script}", "--drop=10%", says=["--drop", "the script says all"])
        self.script.write_text(LATE)
        self.refuses("simulate", f"--script={self.script}", "--protocol=tftp", says=["of greetings", "not of tftp"])

    def test_greetings_have_them_too(self):
        self.script.write_text('script 2\nprotocol greetings\ngreet "Ada"\ndrop 0\ndrop 0\ndeliver 5\n')
        report = json.loads(self.holds("simulate", f"--script={self.script}", "--json"))
        self.assertEqual((report["uplink"]["lost"], report["uplink"]["delivered"]), (1, 1))
        self.assertEqual(report["greeted"], 1)
        self.assertIn("2 of the script's 3 operations found nothing to do", report["notes"])

    def test_text_is_kept_but_for_comments(self):
        self.assertEqual(self.holds("script", self.script).decode(), GROUP)
        self.script.write_text("# Why.\n" + GROUP.replace("\n", "  # So.\n"))
        self.assertEqual(self.holds("script", self.script).decode(), GROUP)
        self.refuses("script", self.script, "--to=binary", says=["--to", "only scripts of greetings"])

    def test_an_input_of_a_fuzzer(self):
        (self.folder / "input").write_bytes(bytes([1, 2, 1, 3, 1, 7, 0x21, 6, 0, 4, 0x10]))
        text = self.holds("script", "--protocol=membership", "--input", self.folder / "input").decode()
        self.assertEqual(text, "script 2\nprotocol membership\nset nodes 2\nset run-for 40s\nset suspect-periods 1\n"
                               "set order 4\nset crash-at 7s\nisolate 2 8\ndrop all\nswap 0 1\n")
        (self.folder / "input").write_bytes(b"")
        self.assertEqual(self.holds("script", "--protocol=membership", "--input", self.folder / "input").decode(),
                         "script 2\nprotocol membership\n")

    def test_recording_golden_and_replay(self):
        (self.folder / "group.toml").write_text('[simulate]\nscript = "late.script"\n')
        capture = self.folder / "group.pcap"
        self.holds("simulate", f"--config={self.folder / 'group.toml'}", f"--record={capture}")
        self.assertIn(b"holds", self.holds("golden", self.folder))
        self.assertIn(b"holds", self.holds("replay", capture))
        self.script.write_text(GROUP.replace("isolate 2 9", "isolate 2 3"))
        for command in (("golden", self.folder), ("replay", capture)):
            code, output, error = run(*command)
            self.assertEqual(code, 1, output + error.encode())

    def test_a_property_that_breaks(self):
        self.script.write_text('script 2\nprotocol tftp\nset sorcerers-apprentice on\nget "readme"\n'
                               "deliver first 2\nduplicate 0\n")
        capture = self.folder / "broken.pcap"
        code, output, error = run("simulate", f"--script={self.script}", f"--record={capture}", "--trace")
        self.assertEqual(code, 1, error)
        self.assertIn("a property does not hold: once-a-timeout", error)
        self.assertIn(f"--script={self.script}", error.splitlines()[-1])
        (self.folder / "broken.toml").write_text('[simulate]\nscript = "late.script"\n')
        code, output, error = run("replay", capture)
        self.assertEqual(code, 1, error)
        self.assertIn(b"once-a-timeout", output)
        # Once the bug is gone the capture shows what does not happen any more.
        self.script.write_text(self.script.read_text().replace("set sorcerers-apprentice on\n", ""))
        self.assertIn(b"all of them do now", self.holds("replay", capture))

    def test_what_is_lost_later_is_said_where_it_set_out(self):
        capture = self.folder / "lost.pcapng"
        self.script.write_text('script 2\nprotocol tftp\nget "readme"\ndrop 0\n')
        self.holds("simulate", f"--script={self.script}", f"--record={capture}")
        self.assertIn(b"lost: dropped", capture.read_bytes())

    def test_from_a_pipe(self):
        for script, says in ((GROUP, b"joined         3 of 3"), (LATE, b"greeted        2 of 2")):
            done = subprocess.run([LOSSY, "simulate", "--script=/dev/stdin"], input=script.encode(), capture_output=True,
                                  timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertIn(says, done.stdout)

    # A script is as long as its protocol may take.
    def test_long_runs(self):
        self.script.write_text('script 2\nprotocol tftp\nset blksize 8\nset file-bytes 1000000\nget "a"\ndrop 0\n')
        self.assertIn(b"done           1 of 1", self.holds("simulate", f"--script={self.script}"))

    def test_what_is_too_large_is_refused(self):
        (self.folder / "large").write_bytes(bytes(70000))
        for protocol, most in (("tftp", 65536), ("greetings", 16392)):
            self.refuses("script", f"--protocol={protocol}", "--input", self.folder / "large", says=["large", f"at most {most} bytes"])
        self.script.write_bytes(b"script 2\n" + b"\n" * (1 << 20))
        self.refuses("script", self.script, says=["more than 1048576 bytes", "too large"])
        # What the largest input says can be read again.
        (self.folder / "large").write_bytes(b"\1\377" * 32768)
        self.holds("script", "--protocol=tftp", "--input", self.folder / "large", f"--write={self.folder / 'text'}")
        self.holds("script", self.folder / "text")

    def test_an_input_is_all_its_bytes(self):
        (self.folder / "input").write_bytes(b"\xef\xbb\xbf\0\0\0")
        text = self.holds("script", "--protocol=membership", "--input", self.folder / "input").decode()
        self.assertNotEqual(text, "script 2\nprotocol membership\n")

    def test_what_cannot_be_read_says_where(self):
        for content, says in [("script 2\n", ["line 1", "protocol tftp"]),
                              ("script 2\nprotocol gossip\n", ["there is no protocol 'gossip'; there are greetings"]),
                              ("script 2\nprotocol membership\nset nodes 1\n", ["line 3", '"1"']),
                              ('script 2\nprotocol greetings\ngreet "a"\nset count 2\n', ["line 4", '"count"', "makes up the names"]),
                              ('script 2\nprotocol tftp\nget "a"\nget ""\n', ["line 4", '"get"', "name is missing"]),
                              ("script 2\nprotocol membership\n\nset crash-at 90s\n", ["line 4", '"crash-at"', "is over before"]),
                              ("script 2\nprotocol membership\nget \"x\"\n", ["line 3", "no such call"])]:
            self.script.write_text(content)
            self.refuses("simulate", f"--script={self.script}", says=[str(self.script), *says])
            self.refuses("script", self.script, says=[str(self.script), *says])
        self.script.write_text(GROUP)
        self.refuses("loopback", f"--script={self.script}", says="real time")


if __name__ == "__main__":
    LOSSY = sys.argv[1]
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
