"""What is typed, however it is typed, means what everybody takes it for: python3 typed_test.py LOSSY [TEST...]"""

import concurrent.futures
import json
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import tempfile
import unittest

LOSSY = os.path.abspath(sys.argv[1])
CAPTURES = pathlib.Path(__file__).resolve().parents[2] / "captures"


def run(*arguments, **keywords):
    keywords.setdefault("timeout", 100)
    return subprocess.run([LOSSY, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, **keywords)


def options_with_values():
    """(command, option, whether it needs one) of every option that takes a value; those of lossy itself have the
    command ""."""
    script = run("completion", "bash").stdout
    cases = re.findall(r"(?m)^    '([a-z]*) '\)\n      words='([^']*)'", script)
    return [(command, word[:-1], word[:-1] not in words.split())
            for command, words in cases for word in words.split() if word.endswith("=")]


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

    def check_swallowing(self, option, *before):
        self.check(option, *before, f"{option}=", "--drop=50%")

    def check_apart(self, option, *before):
        for words in ([f"{option}="], [option, ""], [option, "--help"]):
            self.check(option, *before, *words)

    def test_every_option_of_every_command(self):
        options = options_with_values()
        self.assertGreater(len({command for command, *_ in options}), 10)
        self.assertIn(("", "--config", True), options)
        self.assertIn(("golden", "--accept", False), options)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            words = lambda command: [command] if command else []
            checks = [pool.submit(self.check_swallowing, option, *words(command)) for command, option, _ in options]
            once = {option: command for command, option, needed in options if needed}
            checks += [pool.submit(self.check_apart, option, *words(command)) for option, command in once.items()]
            checks += [pool.submit(self.check_swallowing, "--config", command) for command in ("simulate", "loopback")]
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


def without_timing(json_):
    """What a clock measured stands under this key alone, wherever it is."""
    if isinstance(json_, dict):
        return {key: without_timing(value) for key, value in json_.items() if key != "timing"}
    return [without_timing(value) for value in json_] if isinstance(json_, list) else json_


class Json(unittest.TestCase):
    """--json and --json=FILE of every command: the same again when what happened is, and never lost."""

    # Each ends by itself, but for serve and answer; what it prints of `{folder}` is made anew.
    COMMANDS = {
        "simulate": ["--drop=10%", "--duplicate=10%", "--jitter=1ms", "--delay=2ms", "--count=50", "--seed=7"],
        "loopback": ["--faults=uplink.2:drop", "--initial-rto=20ms"],
        "explore": ["--kinds=drop,swap"],
        "profiles": ["wifi"],
        "protocols": ["tftp"],
        "learn": ["vanish", "--count=200"],
        "proxy": ["--to=127.0.0.1:9", "--listen=127.0.0.1:0", "--drop=10%", "--", "true"],
        "serve": ["--listen=127.0.0.1:0"],
        "greet": ["--to={server}", "--count=3"],
        "ask": ["--to={server}", "Zoë"],
        "interfaces": [],
        "inspect": [str(CAPTURES / "weather.pcap")],
        "replay": [str(CAPTURES / "drop.pcap"), str(CAPTURES / "clean.pcap")],
        "answer": [str(CAPTURES / "clean.pcap"), "--listen=127.0.0.1:0"],
        "golden": [str(CAPTURES)],
        "seeds": [str(CAPTURES / "clean.pcap"), "--to={folder}"],
    }
    ENDED_BY_SIGNAL = ("serve", "answer")
    CODES = {"answer": 2}  # Nobody asks.

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(self.folder, "result.json")
        self.server = None

    def start_server(self):
        self.server = subprocess.Popen([LOSSY, "serve", "--listen=127.0.0.1:0", "--quiet"], stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.server.stderr.close)
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.kill)
        return re.search(r"listening on (\S+)", self.server.stderr.readline())[1]

    def run_one(self, command, option, code=None):
        """(standard output, standard error)"""
        if "{server}" in " ".join(self.COMMANDS[command]) and self.server is None:
            self.address = self.start_server()
        with tempfile.TemporaryDirectory() as folder:
            fill = lambda text: text.replace("{folder}", folder).replace("{server}", getattr(self, "address", ""))
            words = [LOSSY, command, *([option] if option else []), *map(fill, self.COMMANDS[command])]
            process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
            if command in self.ENDED_BY_SIGNAL:
                select.select([process.stdout, process.stderr], [], [])  # It has said that it listens.
                process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=100)
        self.assertEqual(process.returncode, self.CODES.get(command, 0) if code is None else code, (words, output, errors))
        return output.replace(folder, "FOLDER"), errors

    def same(self, texts):
        """The JSON of several runs, but for what a clock measured and what the system chose."""
        free = lambda text: re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", re.sub(r"/tmp/tmp\w+", "FOLDER", text))
        first, *others = [without_timing(json.loads(free(text))) for text in texts]
        for other in others:
            self.assertEqual(first, other)

    def test_every_command_has_it(self):
        having = {command for command, option, _ in options_with_values() if option == "--json"}
        self.assertEqual(having, {*self.COMMANDS, "record"})
        for command in having:
            self.assertIn((command, "--json", False), options_with_values())

    def test_the_same_again(self):
        for command in self.COMMANDS:
            with self.subTest(command):
                there = 1 if command == "proxy" else 0  # With a COMMAND it stands on standard error.
                lines = lambda text: [line for line in text.splitlines() if line.startswith("{")]
                texts = [lines(self.run_one(command, "--json")[there]) for _ in range(2)]
                self.assertEqual([len(text) for text in texts], [1, 1])
                self.same([text[0] for text in texts])

    # On a line of its own nothing but the time is another: what jq takes away, too.
    def test_jq(self):
        path = os.path.join(self.folder, "a.json")
        for command in ("simulate", "loopback"):
            texts = []
            for _ in range(2):
                self.run_one(command, f"--json={path}")
                done = subprocess.run(["jq", "-c", "del(..|.timing?)", path], capture_output=True, text=True, timeout=60, check=True)
                texts.append(re.sub(r"--json=\S+", "", done.stdout))
            self.assertEqual(*texts)

    # A file stands beside the text, which is what it is without.
    def test_a_file(self):
        for command in self.COMMANDS:
            with self.subTest(command):
                words = lambda text: re.sub(r"[\d.]+( us| ms| s)?|-?-json=\S+ ?|FOLDER|/tmp/tmp\w+", "", text).split()
                plain = self.run_one(command, None)
                output, errors = self.run_one(command, f"--json={self.path}")
                self.assertEqual(words(output), words(plain[0]))
                self.assertEqual(words(errors), words(plain[1]))
                there = pathlib.Path(self.path).read_text()
                self.assertEqual(there.count("\n"), 1)
                printed = "".join(self.run_one(command, "--json=-"))
                [printed] = [line for line in printed.splitlines() if line.startswith("{")]
                reproduce = lambda text: re.sub(r" ?--json(=[^ \"]*)?", "", text)
                self.same([reproduce(there), reproduce(printed)])
                os.remove(self.path)

    def test_standard_output_by_name(self):
        for option in ("--json=-", "--json=/dev/stdout"):
            output, errors = self.run_one("proxy", option)
            self.assertEqual(json.loads(output)["command"], "proxy")
            self.assertNotIn('{"', errors)

    # What cannot be made is refused before anything is done; what cannot be written, in the end.
    def test_files_that_cannot_be_written(self):
        for command in self.COMMANDS:
            with self.subTest(command):
                for path, why in ((f"{self.folder}/none/a.json", "No such file or directory"), (self.folder, "Is a directory")):
                    fill = {"{server}": "127.0.0.1:9", "{folder}": f"{self.folder}/corpus"}
                    done = run(command, f"--json={path}", *[fill.get(w.split("=")[-1], w) if w[:1] == "{" else
                                                             w.replace("{server}", "127.0.0.1:9").replace("{folder}", f"{self.folder}/corpus")
                                                             for w in self.COMMANDS[command]])
                    self.assertEqual((done.returncode, done.stdout, done.stderr),
                                     (2, "", f"lossy: cannot create '{path}': {why}\n"))
                self.assertEqual(os.listdir(self.folder), [])
                # A proxy whose files could not be written to their end has done its work all the same.
                output, errors = self.run_one(command, "--json=/dev/full", code=1 if command == "proxy" else 2)
                self.assertIn("lossy: cannot write '/dev/full': No space left on device\n", errors)

    def test_files_of_others(self):
        capture = os.path.join(self.folder, "a.pcap")
        pathlib.Path(capture).write_bytes((CAPTURES / "clean.pcap").read_bytes())
        for words in (["simulate", f"--golden={capture}"], ["simulate", f"--record={capture}"], ["inspect", capture],
                      ["replay", capture], ["answer", capture], ["seeds", capture, f"--to={self.folder}/corpus"],
                      ["record", "-i", "lo", "-w", capture]):
            done = run(*words, f"--json={capture}")
            self.assertEqual(done.returncode, 2, words)
            self.assertRegex(done.stderr, "^lossy: --json: it would overwrite the file of .*; choose another\n$")

    # With a COMMAND nothing of it stands between the command's lines.
    def test_beside_a_command(self):
        done = run("proxy", "--to=127.0.0.1:9", f"--json={self.path}", "--stats=1ms", "--drop=10%", "--",
                   "sh", "-c", "echo out; echo err >&2")
        self.assertEqual((done.returncode, done.stdout), (0, "out\n"))
        self.assertNotIn('{"', done.stderr)
        self.assertIn("err\n", done.stderr)
        self.assertIn("\nThe same path again: ", done.stderr)
        *so_far, last = [json.loads(line) for line in pathlib.Path(self.path).read_text().splitlines()]
        self.assertEqual([one["final"] for one in so_far], [False] * len(so_far))
        self.assertTrue(last["final"])

    # A ladder stands on standard output where the text does.
    def test_ladders(self):
        done = run("simulate", "--trace", f"--json={self.path}")
        self.assertIn("uplink.1", done.stdout)
        self.assertEqual(done.stderr, "")
        done = run("inspect", "--trace", f"--json={self.path}", str(CAPTURES / "clean.pcap"))
        self.assertIn("uplink.1", done.stdout)
        self.assertEqual(json.loads(pathlib.Path(self.path).read_text())["command"], "inspect")

    def test_in_a_pipe(self):
        os.mkfifo(self.path)
        reader = subprocess.Popen(["cat", self.path], stdout=subprocess.PIPE, text=True)
        self.assertEqual(run("simulate", f"--json={self.path}").returncode, 0)
        self.assertEqual(json.loads(reader.communicate(timeout=60)[0])["greeted"], 3)

    # What is interrupted says so, and is written.
    def test_interrupted(self):
        process = subprocess.Popen([LOSSY, "simulate", "--count=1000000000", "--trace", f"--json={self.path}"],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for _ in range(1000):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(json.loads(pathlib.Path(self.path).read_text())["stopped_by"], "SIGINT")


class Scenarios(unittest.TestCase):
    """Every error in a scenario says in which file and line it is."""

    BROKEN = (
        ('[simulate]\ndrop = "10%"\ndorp = "1%"\n', 3, "there is no option 'dorp'"),
        ('[simulate]\n\n# a comment\ndrop = 10\n', 4, '--drop: "10" is not a probability'),
        ('[simulate]\ndrop = 10%\n', 2, "it is not TOML: "),
        ('[simulate]\ndrop = "10%\n', 2, "it is not TOML: "),
        ('[simulate]\ndrop\n', 2, "it is not TOML: "),
        ('[simulate\n', 1, "it is not TOML: "),
        ('[simulate]\ndrop = "1%"\ndrop = "2%"\n', 3, "it is not TOML: "),
        ('[simulate]\nseed = 18446744073709551615\n', 2, "it is not TOML: "),
        ('[simulate]\nnames = ' + "[" * 1000 + '\n', 2, "it is not TOML: "),
        ('[simualte]\ndrop = "10%"\n', 1, "a scenario has [simulate], and not [simualte]"),
        ('drop = "10%"\n', 1, "'drop' does not stand in [simulate]"),
        ('[simulate]\nnames = ["[a,b]", "c"]\n', 2, "a name must not be in brackets"),
        ('[simulate]\nnames = [""]\n', 2, "NAMES: '' is not a name: it is empty"),
        ('[simulate]\nnames = []\n', 2, "names: its values are texts or numbers, one at least"),
        ('[simulate]\nnames = [["a"]]\n', 2, "names: its values are texts or numbers, one at least"),
        ('[simulate]\nrecord = ""\n', 2, "record: its value is missing"),
        ('[simulate]\nrecord = true\n', 2, "record: its value is a text or a number"),
        ('[simulate]\ntrace = "yes"\n', 2, "trace: it is true or false"),
        ('[simulate]\ndrop = ["1%", "2%"]\n', 2, "drop: it has one value, and no list of them"),
        ('[simulate]\ndelay = 1979-05-27\n', 2, "delay: its value is a text or a number"),
        ('[simulate.drop]\nx = 1\n', 1, "drop: its value is a text or a number"),
        ('[simulate]\nhelp = true\n', 2, "there is no option 'help'"),
        # What only shows when all of it is put together.
        ('[simulate]\ndrop = "1%"\njitter = "5ms"\n', 3, "--jitter: 5ms is above the uplink's delay of 0s"),
        ('[simulate]\ncount = 3\nnames = ["a"]\n', 2, "--count: makes up the names"),
        ('[simulate]\nseed = 3\nscript = "none.script"\n', 2, "--seed: the script says all"),
        ('[simulate]\nscript = "none.script"\n', 2, "--script: cannot read '"),
        ('[simulate]\nfaults = "@none"\n', 2, "--faults: cannot read '"),
        ('[simulate]\nfaults = "uplink.0:drop"\n', 2, "--faults: "),
        ('[simulate]\ndelay = "9ms"\njitter = "1ms"\ndistribution = "none"\n', 4, "--distribution: cannot read '"),
    )

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(self.folder, "a.toml")

    # Fractions have the point that they were written with, however small.
    def test_numbers(self):
        for written, typed in (("1.0", "100%"), ("0.00001", "0.001%"), ("1e-5", "0.001%"), ("0.5", "50%"), ("0.0", "0%")):
            self.write(f"[simulate]\ndrop = {written}\nseed = 1\n")
            explained = [run("simulate", *words, "--explain").stdout for words in ([f"--config={self.path}"], [f"--drop={typed}"])]
            self.assertEqual(explained[0], explained[1])
            self.assertIn("loses", explained[0] + "loses" * (typed == "0%"))

    def write(self, text):
        pathlib.Path(self.path).write_text(text)

    def test_line_by_line(self):
        capture = os.path.join(self.folder, "a.pcap")
        pathlib.Path(capture).write_bytes((CAPTURES / "clean.pcap").read_bytes())
        for text, line, why in self.BROKEN:
            self.write(text)
            begins = f"lossy: {self.path}:{line}: {why}"
            for words in (["simulate", f"--config={self.path}"], ["loopback", f"--config={self.path}"],
                          [f"--config={self.path}", "simulate"], ["replay", capture], ["golden", self.folder]):
                if words[0] == "loopback" and "script" in text:
                    continue
                done = run(*words)
                self.assertEqual(done.returncode, 2, (text, words, done))
                error = done.stderr.splitlines()[0]
                self.assertTrue(error.startswith(begins), (text, words, error))
                self.assertNotIn("INI", done.stderr)

    # A typed option takes the place of the file's, and is not the file's mistake.
    def test_what_is_typed_counts(self):
        self.write('[simulate]\ndrop = "0%"\n')
        self.assertTrue(run("simulate", f"--config={self.path}", "--drop=10").stderr.startswith("lossy: --drop: "))
        self.write('[simulate]\ncount = "x"\n')
        self.assertIn("greeted        2 of 2", run("simulate", f"--config={self.path}", "--count=2").stdout)

    # All of TOML may be used.
    def test_toml(self):
        self.write("""# A comment with "quotes" and [brackets]
simulate.drop = 0.0  # A number, with a point
simulate.names = [
  'a#b', "\\u00e9\\n",
  \"\"\"
three\"\"\", # The last one.
]
simulate.ipv6 = false
simulate.window = 0x3
""")
        done = run("simulate", f"--config={self.path}", "--trace")
        self.assertEqual(done.returncode, 0, done.stderr)
        for shown in ('"a#b"', '"\u00e9\\n"', '"three"', "greeted        3 of 3"):
            self.assertIn(shown, done.stdout)


class Words(unittest.TestCase):
    """Numbers and their words are those that a person would use."""

    def test_no_exponents(self):
        for options in (["--delay=50s"], ["--delay=1000000s"], ["--delay=100ns"], ["--rate=1000tbit"], ["--rate=1bit"],
                        ["--drop=0.00000001%"], ["--netem=loss gemodel 0.0001% 0.0000001%"], ["--netem=slot 1us packets 1"],
                        ["--netem=delay 200s 50s distribution pareto"]):
            done = run("simulate", *options, "--explain")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertNotRegex(done.stdout, r"\d[eE][-+]?\d", options)
        self.assertIn("mean delay           50 s\n", run("simulate", "--delay=50s", "--explain").stdout)

    def test_one_and_many(self):
        said = run("simulate", "--faults=uplink.1:hold+1ms,uplink.9:drop", "Michael").stdout
        self.assertIn("Note: uplink: 1 was held back, but nothing came to pass it; ", said)
        self.assertIn("Note: uplink: 1 of the faults was for a datagram that was never sent.", said)
        said = run("simulate", "--rate=1mbit", "--queue=1", "--explain").stdout
        self.assertIn("keeps 1 datagram waiting", said)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
