"""What `lossy seeds` promises, checked on the command: python3 seeds_test.py LOSSY CAPTURES_FOLDER [TEST...]"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

LOSSY = sys.argv[1]
CAPTURES = pathlib.Path(sys.argv[2])


class Seeds(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.corpus = self.folder / "new" / "corpus"

    def seeds(self, *arguments, code=0, to=None):
        """Standard output and standard error."""
        run = subprocess.run([LOSSY, "seeds", *map(str, arguments), f"--to={to or self.corpus}"], capture_output=True,
                             timeout=60)
        self.assertEqual(run.returncode, code, run.stdout[-2000:] + run.stderr[-2000:])
        return run.stdout.decode(), run.stderr.decode()

    def made(self):
        contents = set()
        for file in self.corpus.iterdir():
            contents.add(file.read_bytes())
            self.assertEqual(file.name, hashlib.sha1(file.read_bytes()).hexdigest())
        return contents

    GREETINGS = {b"Michael", b"Tracy", b"Sarah", b"Hello, Michael!", b"Hello, Tracy!", b"Hello, Sarah!"}

    def test_datagrams(self):
        captures = [CAPTURES / "recorded/tutorial-lo.pcap", CAPTURES / "drop.pcap"]
        output, _ = self.seeds(*captures)
        self.assertEqual(self.made(), self.GREETINGS)
        self.assertIn(f"{captures[0]}: 6 new, 0 the same as another\n", output)
        self.assertIn(f"{self.corpus}: 6 new, ", output)
        # Again: nothing is new, and nothing is touched.
        before = {file.name: file.stat().st_mtime_ns for file in self.corpus.iterdir()}
        report = json.loads(self.seeds("--json", *captures)[0])
        self.assertEqual((report["command"], report["to"], report["written"]), ("seeds", str(self.corpus), 0))
        self.assertGreater(report["same"], 12)
        self.assertEqual({file.name: file.stat().st_mtime_ns for file in self.corpus.iterdir()}, before)

    def test_direction_and_filter(self):
        self.seeds(CAPTURES / "recorded/tutorial-lo.pcap", "--direction=uplink")
        self.assertEqual(self.made(), {b"Michael", b"Tracy", b"Sarah"})
        self.seeds(CAPTURES / "recorded/tutorial-lo.pcap", "--filter=src port 9999", "--max-bytes=13")
        self.assertEqual(self.made(), {b"Michael", b"Tracy", b"Sarah", b"Hello, Tracy!", b"Hello, Sarah!"})

    # Who is the client is told by the server's port, where the capture begins with an answer.
    def test_port(self):
        answered = [CAPTURES / "recorded/tutorial-lo.pcap", "--direction=uplink", "--filter=src port 9999"]
        self.seeds(*answered, "--port=9999", code=2)
        self.seeds(*answered)
        self.assertEqual(self.made(), {b"Hello, Michael!", b"Hello, Tracy!", b"Hello, Sarah!"})

    def test_conversations(self):
        self.seeds(CAPTURES / "ipv6.pcap", CAPTURES / "clean.pcap", "--as=conversations")
        for seed in self.made():
            said = []
            while seed:
                size = int.from_bytes(seed[1:3], "big")
                said.append((seed[0], seed[3:3 + size]))
                seed = seed[3 + size:]
            self.assertEqual({payload for _, payload in said}, self.GREETINGS)
            self.assertTrue(all(payload.startswith(b"Hello, ") == way for way, payload in said))
        self.assertEqual(len(self.made()), 1)  # What one of them lost, it sent again.

    def test_frames(self):
        self.seeds(CAPTURES / "recorded/tutorial-any.pcap", "--as=frames", "--max-files=3")
        self.assertEqual(len(self.made()), 3)
        for seed in self.made():
            self.assertEqual(len(seed), 4 + int.from_bytes(seed[2:4], "little"))

    def test_what_is_left_out_is_said(self):
        output, _ = self.seeds(CAPTURES / "recorded/tutorial-lo.pcap", "--max-files=1", "--max-bytes=14")
        self.assertIn("1 new, 0 the same as another; left out: too_large 1, beyond_max_files 4\n", output)

    def test_what_cannot_be_done_is_said(self):
        whole = (CAPTURES / "clean.pcap").read_bytes()
        cut = self.folder / "cut.pcap"
        cut.write_bytes(whole[:-1])
        _, error = self.seeds(cut, code=2)
        self.assertIn("is damaged behind record", error)
        self.assertGreater(len(self.made()), 3)  # What came before.
        for arguments, says in ((["/nonexistent"], "No such file"), (["--as=words", cut], "datagrams, conversations, "),
                                (["--direction=left", cut], "both, uplink"), (["--max-bytes=0", cut], "--max-bytes"),
                                (["--as=frames", "--direction=uplink", cut], "--filter"),
                                (["--filter=udp prot 1", cut], "--filter: "), ([], "files"),
                                ([CAPTURES / "clean.pcap", "--filter=port 7"], "nothing in these captures makes a seed ("
                                 f"{CAPTURES / 'clean.pcap'}: --filter: port 7 matches none of 12 records)")):
            with self.subTest(says):
                _, error = self.seeds(*arguments, code=2, to=self.folder / "none")
                self.assertIn(says, error)
                self.assertEqual(error.count("\n"), 1, error)
        self.assertFalse((self.folder / "none").exists())
        self.assertIn("Not a directory", self.seeds(CAPTURES / "clean.pcap", to=f"{cut}/below", code=2)[1])
        self.assertEqual(sorted(os.listdir(self.folder)), ["cut.pcap", "new"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
