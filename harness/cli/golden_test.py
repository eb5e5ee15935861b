"""What `lossy golden` promises, checked on the command: python3 golden_test.py LOSSY CAPTURES_FOLDER [TEST...]"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import process_state

LOSSY = sys.argv[1]
CAPTURES = pathlib.Path(sys.argv[2])


class Golden(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="lossy golden ")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def golden(self, *arguments, code=0, ci=None, folder=None, cwd=None):
        """Standard output and standard error."""
        run = subprocess.run([LOSSY, "golden", str(folder or self.folder), *arguments], capture_output=True, timeout=60,
                             env=os.environ | ({"CI": ci} if ci is not None else {}), cwd=cwd)
        self.assertEqual(run.returncode, code, run.stdout[-2000:] + run.stderr[-2000:])
        return run.stdout.decode(), run.stderr.decode()

    def refuse(self, *arguments, says, **keywords):
        """Refused before anything is tried: one line."""
        output, error = self.golden(*arguments, code=2, **keywords)
        self.assertEqual(output, "")
        self.assertEqual(error.count("\n"), 1, error)
        self.assertIn(says, error)

    def report(self, *arguments, code=0, **keywords):
        return json.loads(self.golden("--json", *arguments, code=code, **keywords)[0])

    def scenario(self, name="a", text='[simulate]\nfaults = "uplink.2:drop"\n'):
        (self.folder / f"{name}.toml").write_text(text)

    def files(self):
        return {name: (self.folder / name).read_bytes() for name in os.listdir(self.folder)}

    def made(self, name="a", code=0):
        """A golden that holds, and then its scenario becomes another."""
        self.scenario(name)
        self.golden("--accept=" + name, code=code)
        self.scenario(name, '[simulate]\nfaults = "downlink.2:drop"\n')
        return (self.folder / f"{name}.pcap").read_bytes()

    def test_what_holds_is_not_touched(self):
        self.scenario("a")
        self.scenario("name with spaces", '[simulate]\nnames = ["Zoë"]\ndrop = "50%"\n')
        output, error = self.golden("--accept")
        self.assertIn("2 scenarios: 0 hold, 2 accepted\n", output)
        self.assertEqual(error, "")
        before = self.files()
        self.assertEqual(len(before), 4)
        for ci in (None, "true"):
            self.assertEqual(self.golden(ci=ci), ("2 scenarios: 2 hold\n", ""))
        self.assertEqual(self.golden("--accept"), ("2 scenarios: 2 hold\n", ""))
        self.assertEqual(self.files(), before)
        for name in ("a", "name with spaces"):
            subprocess.run([LOSSY, "simulate", f"--config={self.folder}/{name}.toml",
                            f"--golden={self.folder}/{name}.pcap"], check=True, capture_output=True, timeout=60)

    def test_what_differs_is_explained_and_left_beside_it(self):
        for ci in (None, "", "false", "true", "1"):
            with self.subTest(ci):
                golden = self.made()
                output, error = self.golden(code=1, ci=ci)
                self.assertIn(f"{self.folder}/a.pcap: differs from this run at record 6: ", output)
                self.assertIn("expected (the golden): ", output)
                self.assertIn(f"what this run gave is in {self.folder}/a.new.pcap\n", output)
                self.assertTrue(output.endswith("1 scenario: 0 hold, 1 differs\n"), output)
                last = error.splitlines()[-1]
                self.assertTrue(last.startswith("lossy: to see it again: "), last)
                again = subprocess.run(["bash", "-c", last.split(": ", 2)[2]], capture_output=True, timeout=60)
                self.assertEqual((again.returncode, again.stdout.decode()), (1, output))
                self.assertEqual("--accept" in error, ci not in ("true", "1"))
                self.assertEqual(self.files()["a.pcap"], golden)
                new = self.files()["a.new.pcap"]
                self.assertNotEqual(new, golden)
                if ci not in ("true", "1"):
                    accept = error.splitlines()[-2].split(": ", 2)[2]
                    subprocess.run(["bash", "-c", accept], check=True, capture_output=True, timeout=60)
                    self.assertEqual(set(self.files()), {"a.toml", "a.pcap"})
                    self.assertEqual(self.files()["a.pcap"], new)
                (self.folder / "a.pcap").unlink()

    def test_what_is_missing_is_a_failure(self):
        self.scenario()
        for ci in (None, "true"):
            output, error = self.golden(code=1, ci=ci)
            self.assertIn(f"{self.folder}/a.pcap: is missing", output)
            self.assertEqual(set(self.files()), {"a.toml", "a.new.pcap"})
        (self.folder / "a.new.pcap").rename(self.folder / "a.pcap")
        self.golden()

    def test_accepts_one(self):
        goldens = {"a": self.made("a"), "b": self.made("b", code=1)}
        output, _ = self.golden("--accept=a", code=1)
        self.assertIn("a.pcap: is now what its scenario gives", output)
        self.assertIn("0 hold, 1 accepted, 1 differs", output)
        self.assertNotEqual(self.files()["a.pcap"], goldens["a"])
        self.assertEqual(self.files()["b.pcap"], goldens["b"])
        self.assertEqual(self.golden("--accept=b"), (f"{self.folder}/b.pcap: is now what its scenario gives\n"
                                                     "2 scenarios: 1 holds, 1 accepted\n", ""))
        self.assertEqual(set(self.files()), {"a.toml", "a.pcap", "b.toml", "b.pcap"})

    def test_accept_is_asked_for_in_earnest(self):
        self.made()
        before = self.files()
        self.refuse("--accept=c", says="there is no scenario")
        self.refuse("--accept=", says="--accept: its value is missing")
        self.refuse("--accept", "", says="--accept: its value is missing")
        self.refuse("--accept", ci="true", says="CI=true")
        self.refuse("--accept=a", ci="true", says="CI=true")
        run = subprocess.run([LOSSY, "golden", "--accept", self.folder], capture_output=True, timeout=60)
        self.assertEqual(run.returncode, 2)
        self.assertIn(b"in front of --accept", run.stderr)
        self.assertEqual(self.files(), before)

    def test_captures_without_a_scenario(self):
        self.scenario()
        self.golden("--accept")
        for name in ("old.pcap", "gone.new.pcap"):
            (self.folder / name).write_bytes(b"")
        (self.folder / "recorded").mkdir()
        (self.folder / "recorded" / "b.pcap").write_bytes(b"")
        before = set(os.listdir(self.folder))
        output, error = self.golden(code=1)
        self.assertEqual(output, f"{self.folder}/gone.new.pcap: belongs to no scenario\n"
                                 f"{self.folder}/old.pcap: belongs to no scenario\n"
                                 "1 scenario: 1 holds; 2 captures of no scenario\n")
        self.assertNotIn("--accept", error)
        self.assertEqual(set(os.listdir(self.folder)), before)

    def test_what_was_left_is_removed_when_the_golden_holds(self):
        self.scenario()
        self.golden("--accept")
        for ci in (None, "true"):
            (self.folder / "a.new.pcap").write_bytes(b"stale")
            self.golden(ci=ci)
            self.assertEqual(set(self.files()), {"a.toml", "a.pcap"})

    def test_links_are_not_written_through(self):
        self.made()
        (self.folder / "precious").write_bytes(b"precious")
        (self.folder / "a.new.pcap").symlink_to(self.folder / "precious")
        self.golden(code=1)
        self.assertEqual(self.files()["precious"], b"precious")
        self.assertFalse((self.folder / "a.new.pcap").is_symlink())

    def test_links_are_read_and_stay(self):
        with tempfile.TemporaryDirectory() as elsewhere:
            self.made()
            for name in ("a.toml", "a.pcap"):
                (self.folder / name).rename(pathlib.Path(elsewhere, name))
                (self.folder / name).symlink_to(pathlib.Path(elsewhere, name))
            self.golden(code=1)
            self.golden("--accept")
            self.golden()
            self.assertTrue((self.folder / "a.pcap").is_symlink())
            self.assertEqual(set(self.files()), {"a.toml", "a.pcap"})

    def test_scenarios_that_cannot_be_tried(self):
        os.mkfifo(self.folder / "fifo.toml")
        (self.folder / "folder.toml").mkdir()
        (self.folder / "dangling.toml").symlink_to(self.folder / "nothing")
        self.scenario("unknown", '[simulate]\ndorp = "10%"\n')
        self.scenario("table", 'title = "of something else"\n')
        self.scenario("random", '[simulate]\ndrop = "10%"\nseed = "random"\n')
        self.scenario("a.new")
        self.scenario("endless", '[simulate]\ncount = 100\ninterval = "1000000000s"\n')
        self.scenario("control\x1b[31m", "dorp = 1\n")
        self.scenario("good")
        output, error = self.golden("--accept", code=2)
        self.assertIn("10 scenarios: 0 hold, 1 accepted, 9 could not be tried", output)
        lines = error.splitlines()
        self.assertEqual(len(lines), 10, error)
        self.assertNotIn("\x1b", error)
        for line, (name, why) in zip(lines, [
                ("a.new", "call it otherwise"), ("control\\x1b[31m", "dorp"), ("dangling", "there is no file"),
                ("endless", "136 years"), ("fifo", "is not a file"), ("folder", "is not a file"), ("random", "random"),
                ("table", "title"), ("unknown", "dorp")]):
            self.assertRegex(line, re.escape(f"lossy: {self.folder}/{name}.toml") + r"(:\d)?: ")
            self.assertIn(why, line)
        self.assertEqual({path.name for path in self.folder.glob("*.pcap")}, {"good.pcap"})
        report = self.report(code=2)
        self.assertEqual((report["holds"], report["not_tried"]), (1, 9))

    def test_goldens_that_cannot_be_read(self):
        self.scenario()
        golden = self.folder / "a.pcap"
        golden.mkdir()
        self.golden("--accept", code=2)
        golden.rmdir()
        os.mkfifo(golden)
        self.golden("--accept", code=2)
        golden.unlink()
        self.golden("--accept")
        whole = golden.read_bytes()
        for content in (b"", b"no capture", whole[:-1]):
            golden.write_bytes(content)
            _, error = self.golden(code=2)
            self.assertIn(f"{golden}: ", error)
            self.assertEqual(self.files()["a.pcap"], content)
            self.golden("--accept")
            self.assertEqual(self.files()["a.pcap"], whole)

    def test_folders_that_cannot_be_tried(self):
        self.refuse(says="has no scenario")
        (self.folder / "a.pcap").write_bytes(b"")
        self.refuse(says="has no scenario")
        self.refuse(folder=self.folder / "a.pcap", says="Not a directory")
        self.refuse(folder="/nonexistent", says="No such file")
        if os.getuid() != 0:  # Whom nothing is kept from.
            self.folder.chmod(0)
            self.refuse(says="Permission denied")
            self.folder.chmod(0o700)

    def test_one_that_fails_does_not_keep_the_next_from_being_checked(self):
        self.scenario("a", "[simulate]\ndrop = 10\n")
        golden = self.made("b", code=2)
        output, error = self.golden(code=1)
        self.assertIn("2 scenarios: 0 hold, 1 differs, 1 could not be tried", output)
        self.assertIn("a.toml:2: --drop: ", error)
        self.assertEqual(self.files()["b.pcap"], golden)

    def test_json(self):
        self.made()
        (self.folder / "old.pcap").write_bytes(b"")
        report = self.report(code=1, ci="true")
        self.assertEqual([report[key] for key in ("command", "folder", "ci")], ["golden", str(self.folder), True])
        counts = {key: report[key] for key in ("holds", "differs", "missing", "accepted", "not_tried")}
        self.assertEqual(counts, {"holds": 0, "differs": 1, "missing": 0, "accepted": 0, "not_tried": 0})
        self.assertEqual(report["without_scenario"], [f"{self.folder}/old.pcap"])
        [one] = report["scenarios"]
        self.assertIn("differs from this run", one.pop("difference"))
        self.assertEqual(one, {"name": "a", "scenario": f"{self.folder}/a.toml", "golden": f"{self.folder}/a.pcap",
                               "status": "differs", "new": f"{self.folder}/a.new.pcap"})

    # The result is never written over what it is about.
    def test_json_beside_the_goldens(self):
        for name in ("a.toml", "a.pcap", "a.new.pcap"):
            shutil.copy(CAPTURES / "clean.toml", self.folder / "a.toml")
            shutil.copy(CAPTURES / "clean.pcap", self.folder / "a.pcap")
            self.refuse(f"--json={self.folder}/{name}", says="overwrite")
            self.golden(f"--json={self.folder}/result.json")

    def test_interrupted(self):
        self.scenario("a", '[simulate]\ncount = 1000000000\ninterval = "1us"\n')
        run = subprocess.Popen([LOSSY, "golden", str(self.folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process_state.wait_until_it_catches(run, signal.SIGINT)  # It is in the run.
        run.send_signal(signal.SIGINT)
        output, error = run.communicate(timeout=60)
        self.assertEqual((run.returncode, output, error), (128 + signal.SIGINT, b"", b"lossy: interrupted\n"))
        self.assertEqual(set(self.files()), {"a.toml"})

    def test_the_goldens_of_this_project_hold(self):
        output, _ = self.golden(folder=CAPTURES, ci="true", cwd=CAPTURES.parent)
        self.assertRegex(output, r"^\d\d+ scenarios: \d+ hold\n$")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
