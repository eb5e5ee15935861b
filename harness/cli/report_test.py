"""What --report promises on the command line: python3 report_test.py LOSSY CAPTURES_FOLDER [TEST...]

What a browser shows of the page is browser_test's affair."""

import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

import process_state

LOSSY = sys.argv[1]
CAPTURES = pathlib.Path(sys.argv[2])


class Report(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.page = self.folder / "page.html"

    def serve(self):
        """Starts a server; gives its port."""
        server = subprocess.Popen([LOSSY, "serve", "--listen=127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        return re.search(r"on (\d+)\.\.\.", server.stdout.readline())[1]

    def run_lossy(self, *arguments, code=0):
        """Standard output and standard error."""
        run = subprocess.run([LOSSY, *map(str, arguments)], capture_output=True, timeout=60, cwd=self.folder)
        self.assertEqual(run.returncode, code, run.stdout[-2000:] + run.stderr[-2000:])
        return run.stdout.decode(), run.stderr.decode()

    def data(self, command, *arguments, code=0):
        """The data in the page that a command writes."""
        self.run_lossy(command, f"--report={self.page}", *arguments, code=code)
        return self.read()

    def read(self):
        text = self.page.read_text()
        return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])

    @staticmethod
    def row(run, key):
        for table in run["tables"]:
            for row in table["rows"]:
                if row["key"] == key:
                    return row["cells"]
        raise AssertionError(f"there is no {key}")

    def test_a_run_says_how_to_have_it_again(self):
        data = self.data("simulate", "--drop=10%")
        self.assertEqual((data["command"], data["seed"], len(data["runs"])), ("simulate", "4", 1))
        self.assertIn(f"simulate --seed=4 --report={self.page} --drop=10%", data["reproduce"])
        self.assertEqual(self.data("loopback", "--drop=10%")["command"], "loopback")

    def test_a_seed_gives_the_same_page(self):
        options = ["simulate", "--drop=20%", "--delay=20ms", "--jitter=3ms", "--count=500", f"--report={self.page}"]
        self.run_lossy(*options)
        first = self.page.read_bytes()
        self.run_lossy(*options)
        self.assertEqual(self.page.read_bytes(), first)

    def test_counts_are_those_of_json(self):
        options = ["simulate", "--drop=20%", "--duplicate=10%", "--count=500"]
        run = self.data(*options)["runs"][0]
        said = json.loads(self.run_lossy(*options, "--json")[0])
        for key in ["offered", "delivered", "lost", "duplicated"]:
            cells = self.row(run, key)
            self.assertEqual((cells[2], cells[4]), (str(said["uplink"][key]), str(said["downlink"][key])))

    def test_a_script_and_an_empty_capture(self):
        run = self.data("simulate", f"--script={CAPTURES / 'rebind.script'}")["runs"][0]
        self.assertGreater(run["arrows"]["kept"], 5)
        self.assertIn("nobody has its address", run["reasons"])
        self.run_lossy("simulate", "--record=none.pcap")
        (self.folder / "none.pcap").write_bytes((self.folder / "none.pcap").read_bytes()[:24])
        self.assertEqual(self.data("inspect", "none.pcap")["runs"][0]["arrows"]["kept"], 0)

    def test_captures_share_the_bound(self):
        names = ["clean.pcap", "drop.pcap", "recorded/tutorial-lo.pcap"]
        data = self.data("inspect", *(CAPTURES / name for name in names))
        self.assertEqual([run["name"] for run in data["runs"]], [str(CAPTURES / name) for name in names])
        self.assertEqual(self.row(data["runs"][1], "lost")[2], "1")
        self.assertEqual(self.row(data["runs"][2], "requests")[1], "3")

    def test_replay_tells_the_verdict(self):
        changed = self.folder / "changed.pcap"
        changed.write_bytes((CAPTURES / "drop.pcap").read_bytes().replace(b"Hello, Tracy!", b"Hello, Tracx!"))
        data = self.data("replay", changed, CAPTURES / "clean.pcap", "missing.pcap", code=1)
        verdicts = [(run["verdict"]["holds"], run["verdict"]["title"]) for run in data["runs"]]
        self.assertEqual(verdicts, [(False, "differs"), (True, "holds"), (False, "could not be tried")])
        self.assertIn("differs at record", data["runs"][0]["verdict"]["text"])

    def test_replay_against_a_server(self):
        port = self.serve()
        data = self.data("replay", CAPTURES / "recorded/tutorial-lo.pcap", f"--against=127.0.0.1:{port}", "--topspeed")
        self.assertEqual(data["runs"][0]["verdict"]["title"], "1 of 1 flow matched")

    def test_replay_against_shows_what_was_asked_for(self):
        port = self.serve()
        self.run_lossy("proxy", f"--to=127.0.0.1:{port}", "--record=run.pcap", "--", "sh", "-c",
                       '"$0" greet Tracy --to={address} && "$0" greet Sarah --to={address}', LOSSY)
        for part in ("--flow=2", "--filter=udp[8] == 0x53 or udp[15] == 0x53"):  # Their S.
            run = self.data("replay", "run.pcap", part, f"--against=127.0.0.1:{port}", "--topspeed")["runs"][0]
            self.assertEqual(run["verdict"]["title"], "1 of 1 flow matched")
            self.assertEqual(dict(run["facts"])["flows"], "1")

    def test_proxy(self):
        port = self.serve()
        command = ["proxy", f"--to=127.0.0.1:{port}", "--faults=uplink.1:drop"]
        run = self.data(*command, "--", LOSSY, "greet", "--to={address}")["runs"][0]
        self.assertEqual(self.row(run, "lost")[2], "1")
        # What cannot be written is said in the end, and takes nothing from the command.
        output, errors = self.run_lossy(*command, "--report=/dev/full", "--", LOSSY, "greet", "--to={address}", code=1)
        self.assertIn("Hello, Sarah!", output)
        self.assertIn("/dev/full", errors)

    def test_names_of_others_are_no_markup(self):
        name = "</script><script>alert(1)</script>"
        data = self.data("simulate", name, "\x1b[2J", "\u202eabc")
        text = self.page.read_text()
        self.assertNotIn("alert(1)</script>", text)
        self.assertNotIn("\x1b", text)
        self.assertNotIn("\u202e", text)
        self.assertEqual(text.count("<script"), 2)
        self.assertIn("alert(1)", data["reproduce"])

    def test_what_cannot_be_written_is_said(self):
        for path, says in [("/dev/full", "No space left"), ("none/page.html", "No such file"), ("", "missing")]:
            for command in [["simulate"], ["inspect", CAPTURES / "clean.pcap"], ["replay", CAPTURES / "clean.pcap"]]:
                with self.subTest(path=path, command=command):
                    self.assertIn(says, self.run_lossy(*command, f"--report={path}", code=2)[1])
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_no_other_file_is_overwritten(self):
        capture = self.folder / "capture.pcap"
        capture.write_bytes((CAPTURES / "clean.pcap").read_bytes())
        for command in [["simulate", f"--record={self.page}"], ["simulate", f"--save-faults={self.page}"],
                        ["simulate", "--explain"], ["proxy", "--to=127.0.0.1:1", "--explain"],
                        ["proxy", "--to=127.0.0.1:1", "--listen=127.0.0.1:0", f"--record={self.page}"]]:
            self.assertIn("--report", self.run_lossy(*command, f"--report={self.page}", code=2)[1])
        for command in ["inspect", "replay"]:
            self.assertIn("would overwrite", self.run_lossy(command, capture, f"--report={capture}", code=2)[1])
        self.assertIn("standard output", self.run_lossy("simulate", "--report=/dev/stdout", code=2)[1])
        self.assertEqual(capture.read_bytes(), (CAPTURES / "clean.pcap").read_bytes())

    def test_an_interrupted_run_leaves_the_page_that_was_there(self):
        for before in [None, "mine"]:
            if before:
                self.page.write_text(before)
            run = subprocess.Popen([LOSSY, "simulate", "--count=1000000000", f"--report={self.page}"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            process_state.wait_until_it_catches(run, signal.SIGTERM)  # It has hours to go.
            run.send_signal(signal.SIGTERM)
            _, errors = run.communicate(timeout=60)
            self.assertEqual(run.returncode, 143, errors)
            if before:
                self.assertIn(b"is left as it was", errors)
                self.assertEqual(self.page.read_text(), before)
            else:
                note = " ".join(self.read()["runs"][0]["notes"])
                self.assertIn("interrupted", note)
                self.page.unlink()


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
