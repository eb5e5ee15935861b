"""What is typed, however it is typed, means what everybody takes it for: python3 typed_test.py LOSSY [TEST...]"""

import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

LOSSY = sys.argv[1]


def run(*arguments, **keywords):
    keywords.setdefault("timeout", 100)
    return subprocess.run([LOSSY, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, **keywords)


def options_with_values():
    """(command, option) of every option that takes a value; those of lossy itself have the command ""."""
    script = run("completion", "bash").stdout
    cases = re.findall(r"(?m)^    '([a-z]*) '\)\n      words='([^']*)'", script)
    return [(command, word[:-1]) for command, words in cases for word in words.split() if word.endswith("=")]


class MissingValues(unittest.TestCase):
    """An option without its value is refused, in one line that names it: the word behind it is not its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def check(self, option, *arguments):
        done = run(*arguments, cwd=self.folder)
        self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertTrue(done.stderr.startswith(f"lossy: {option}: its value is missing"), (arguments, done.stderr))

    def check_all(self, option, *before):
        for words in ([f"{option}="], [f"{option}=", "--drop=50%"], [f"{option}=", "word"], [option, ""],
                      [option, "--help"]):
            self.check(option, *before, *words)

    def test_every_option_of_every_command(self):
        options = options_with_values()
        self.assertGreater(len({command for command, _ in options}), 10)
        self.assertIn(("", "--config"), options)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            checks = [pool.submit(self.check_all, option, *([command] if command else [])) for command, option in options]
            checks += [pool.submit(self.check_all, "--config", command) for command in ("simulate", "loopback")]
            for check in checks:
                check.result()
        self.assertEqual(os.listdir(self.folder), [])

    def test_short_options(self):
        for option in ("-i", "-w", "-c"):
            self.check(option, "record", option, "")
            self.check(option, "record", option, "--help")
            self.check(option, "record", option, "-p")
            for value in ("=", "=lo"):
                done = run("record", option + value, cwd=self.folder)
                self.assertEqual((done.returncode, done.stderr),
                                 (2, f"lossy: {option}: its value stands behind a space, without a =\n"))

    def test_flags(self):
        for command, flag in (("simulate", "--trace"), ("record", "--no-promiscuous-mode"), ("learn", "--check")):
            self.check(flag, command, flag + "=")

    # What begins as an option does can still be a value, and what stands behind -- is no option.
    def test_values_like_options(self):
        done = run("simulate", "--drop=0%", "--record=--drop=50%", "--save-faults", "./--trace", "--", "--drop=", "--trace",
                   cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("greeted        2 of 2", done.stdout)
        self.assertEqual(sorted(os.listdir(self.folder)), ["--drop=50%", "--trace"])


class Numbers(unittest.TestCase):
    """Whoever reads JSON with doubles, as jq 1.6 and JavaScript do, has the number that was meant."""

    LARGE = 2**64 - 1

    def json(self, *arguments):
        done = run(*arguments, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)

        def exact(text):
            self.assertLess(abs(int(text)), 2**53, arguments)
            return int(text)
        return json.loads(done.stdout, parse_int=exact)

    def test_seeds(self):
        self.assertEqual(self.json("simulate", "--drop=10%", f"--seed={2**53 - 1}")["seed"], 2**53 - 1)
        self.assertEqual(self.json("simulate", "--drop=10%", f"--seed={2**53}")["seed"], str(2**53))
        self.assertEqual(self.json("simulate", "--uplink=loss 10% seed 5", f"--downlink=loss 10% seed {self.LARGE}")["seeds"],
                         {"uplink": 5, "downlink": str(self.LARGE)})
        self.assertEqual(self.json("learn", "vanish", f"--seed={self.LARGE}")["settings"]["seed"], str(self.LARGE))

    def test_a_drawn_seed(self):
        drawn = [self.json("simulate", "--drop=10%", "--seed=random")["seed"] for _ in range(20)]
        self.assertTrue(all(isinstance(seed, int) for seed in drawn), drawn)
        self.assertGreater(max(drawn), 2**40)

    def test_of_a_proxy(self):
        with tempfile.TemporaryDirectory() as folder:
            done = run("proxy", "--to=127.0.0.1:9", "--drop=10%", f"--seed={self.LARGE}", "--json", "--", "true", cwd=folder)
        self.assertIn(f'"seed":"{self.LARGE}"', done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
