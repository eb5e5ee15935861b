#!/usr/bin/env python3
"""lossy explore: every set of faults, and the least one that breaks a property.

usage: explore_test.py LOSSY
"""

import json
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

LOSSY = None
TFTP = ("explore", "--protocol=tftp", "--get=readme")


def lossy(*arguments, code=0):
    done = subprocess.run([LOSSY, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


class Explore(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    # Nine datagrams, each lost once, and none of them.
    def test_it_says_how_many_there_were(self):
        out, error = lossy(*TFTP, "--kinds=drop")
        self.assertRegex(out, r"\Aall 10 sets of up to 1 fault among 9 datagrams: 10 runs, \d+ distinct ends, 0 violations, [\d.]+ s\n\Z")
        self.assertEqual(error, "")
        found = json.loads(lossy(*TFTP, "--json", "--faults-max=0")[0])
        self.assertEqual((found["runs"], found["complete"], found["never_reached"]), (1, True, ["acked-again"]))
        # The same whatever is run again, but for what a clock measured.
        again = [json.loads(lossy(*TFTP, "--json", "--faults-max=2")[0]) for _ in range(2)]
        for one in again:
            del one["timing"]
        self.assertEqual(*again)

    def test_a_budget(self):
        out, _ = lossy(*TFTP, "--runs=5")
        self.assertTrue(out.startswith("the first 5 sets of up to 1 fault"))
        self.assertIn("a larger --runs goes on", out)
        self.assertFalse(json.loads(lossy(*TFTP, "--runs=5", "--json")[0])["complete"])
        self.assertTrue(json.loads(lossy(*TFTP, "--kinds=drop", "--runs=10", "--json")[0])["complete"])

    # What was done until then is told.
    def test_interrupted(self):
        search = subprocess.Popen([LOSSY, *TFTP, "--faults-max=9"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(search.kill)
        while "SigCgt" not in (status := pathlib.Path(f"/proc/{search.pid}/status").read_text()) or \
                not int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16) & 2:
            pass  # It does not hear SIGINT yet.
        search.send_signal(signal.SIGINT)
        out, error = search.communicate(timeout=60)
        self.assertEqual((search.returncode, error), (130, "lossy: interrupted\n"))
        self.assertRegex(out, r"\Athe first \d+ sets? of up to 9 faults")

    def test_a_violation(self):
        out, error = lossy(*TFTP, "--sorcerers-apprentice", code=1)
        least = re.search(r"(?m)^the least of them: (\S+)$", out)[1]
        self.assertEqual(least.count(":"), 1)
        self.assertIn("DATA", out)  # The ladder.
        first, last = error.splitlines()
        self.assertTrue(first.startswith("lossy: a property does not hold: once-a-timeout: "))
        again = subprocess.run(shlex.split(last.split("the same run again: ")[1]), capture_output=True, text=True,
                               timeout=60, check=False)
        self.assertEqual((again.returncode, again.stderr), (1, error))
        self.assertIn(again.stdout, out)

    # What is kept is a scenario as any other.
    def test_it_is_kept(self):
        folder = self.folder / "found"
        _, error = lossy(*TFTP, "--sorcerers-apprentice", f"--keep={folder}", code=1)
        again = shlex.split(error.splitlines()[-1].split("the same run again: ")[1])
        done = subprocess.run(again, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("once-a-timeout", done.stderr)
        self.assertIn("set sorcerers-apprentice on", (folder / "run.script").read_text())
        lossy(f"--config={folder / 'run.toml'}", "simulate", f"--record={folder / 'run.pcap'}", code=1)
        lossy("replay", folder / "run.pcap", code=1)

    def test_one_run_alone(self):
        out, _ = lossy(*TFTP, "--only=uplink.2:drop,downlink.1:late")
        self.assertRegex(out, r"uplink.2 +RRQ \"readme\"  lost: dropped")
        self.assertIn("no such datagram is sent", lossy(*TFTP, "--only=uplink.90:drop", code=2)[1])

    def test_peers(self):
        found = json.loads(lossy("explore", "--protocol=membership", "--nodes=3", "--run-for=30s", "--kinds=drop", "--json")[0])
        self.assertEqual((found["violations"], found["runs"]), (0, found["datagrams"] + 1))

    def test_what_cannot_be_asked(self):
        for option, says in (("--kinds=drop,lose", '"lose" is no kind of fault'), ("--kinds=", "--kinds"), ("--kinds=drop,drop", "there twice"),
                             ("--kinds=corrupt", "does not promise to survive"), ("--only=uplink.1", "is no fault"),
                             ("--only=downlink.1:corrupt", "--only: tftp does not promise to survive"),
                             ("--faults-max=x", "--faults-max"), ("--runs=0", "--runs")):
            error = lossy(*TFTP, option, code=2)[1]
            self.assertIn(says, error)
            self.assertEqual(error.count("\n"), 1)

    # What is no verdict on the protocol says so, and what shows it again is a command.
    def test_too_long(self):
        arguments = ("explore", "--protocol=membership", "--nodes=2", "--run-for=200000s", "--faults-max=0", "--json")
        out, error = lossy(*arguments, code=1)
        self.assertEqual(json.loads(out)["least"]["does_not_hold"]["name"], "comes-to-rest")
        self.assertIn("is too long to be explored", error)
        self.assertIn("--faults-max=0", error.splitlines()[-1])

    def test_what_cannot_be_kept(self):
        (self.folder / "file").write_text("")
        error = lossy(*TFTP, f"--keep={self.folder / 'file'}", code=2)[1]
        self.assertRegex(error, r"\Alossy: --keep: cannot make the folder '.*file': [^\n]+\n\Z")

    def test_sometimes(self):
        error = lossy(*TFTP, "--faults-max=0", "--require-sometimes", code=1)[1]
        self.assertIn("acked-again was reached in no run", error)
        lossy(*TFTP, "--require-sometimes")


if __name__ == "__main__":
    LOSSY = sys.argv.pop(1)
    unittest.main()
