"""What the command tells shells and man(1) of itself: python3 shell_test.py LOSSY [TEST...]"""

import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from process_state import processor_seconds, wait_until

LOSSY = sys.argv[1]
CAPTURES = pathlib.Path(__file__).resolve().parents[2] / "captures"


def lossy(*arguments, code=0):
    done = subprocess.run([LOSSY, *arguments], capture_output=True, timeout=60)
    if done.returncode != code:
        raise AssertionError(f"exit code {done.returncode} instead of {code}: {done.stderr}")
    return done.stdout.decode()


def commands():
    return re.findall(r"(?m)^  ([a-z]+) {2,}\w", lossy("--help").split("See what a bad network does:")[1])


def options(command):
    return set(re.findall(r"(?m)^  (?:-\w,)?(--[a-z0-9-]+)", lossy(command, "--help")))


class Output(unittest.TestCase):
    # What cannot be printed is an error, whatever prints it, and says where it should have gone.
    def test_full_or_closed(self):
        for arguments in (["--help"], ["--version"], ["learn", "--help"], ["man"], ["completion", "zsh"], ["profiles"]):
            for target, why in (("/dev/full", "No space left on device"), ("&-", "Bad file descriptor")):
                done = subprocess.run(["sh", "-c", f'exec "$0" "$@" >{target}', LOSSY, *arguments], capture_output=True,
                                      timeout=60)
                self.assertEqual((done.returncode, done.stderr.decode()),
                                 (2, f"lossy: cannot write to standard output: {why}\n"), arguments)


class InScratchFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def script(self, shell):
        path = self.folder / f"_lossy.{shell}"
        path.write_text(lossy("completion", shell))
        return str(path)


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, test, command, **environment):
        self.ours, theirs = pty.openpty()
        test.addCleanup(os.close, self.ours)
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                                        env={**os.environ, "COLUMNS": "100", "TERM": "dumb", **environment})
        os.close(theirs)
        test.addCleanup(self.process.wait)
        test.addCleanup(self.process.kill)
        self.shown = ""

    def wait_for(self, pattern):
        deadline = time.monotonic() + 100
        while not re.search(pattern, self.shown):
            if time.monotonic() > deadline:
                raise AssertionError(f"{pattern} did not come in {self.shown!r}")
            if select.select([self.ours], [], [], 1)[0]:
                try:
                    self.shown += os.read(self.ours, 65536).decode()
                except OSError:
                    raise AssertionError(f"it ended before {pattern} came in {self.shown!r}")
        return re.search(pattern, self.shown)

    def type(self, text):
        self.shown = ""
        os.write(self.ours, text.encode())


class Help(unittest.TestCase):
    # Every command stands in a group that says what it is for.
    def test_groups(self):
        text = lossy("--help")
        headings = re.findall(r"(?m)^([A-Z].*):$", text)
        self.assertEqual(headings[-5:], ["See what a bad network does", "Put programs on a bad network",
                                         "Capture, and look at captures", "Make captures regression tests",
                                         "Feed a fuzzer"])
        self.assertNotIn("Subcommands:", text)
        self.assertGreaterEqual(len(commands()), 15)
        for hidden in ("completion", "man"):
            self.assertNotIn(hidden, commands())

    def test_missing(self):
        done = subprocess.run([LOSSY], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.decode(), "lossy: the command is missing: there are " + ", ".join(commands()) +
                         f"; see {LOSSY} --help\n")

    def test_misspelt(self):
        done = subprocess.run([LOSSY, "simulat"], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.decode(), "lossy: there is no command 'simulat'; there are " + ", ".join(commands()) + "\n")


class Bash(InScratchFolder):
    def complete(self, *words):
        """What bash offers for the last word, the others being as Readline cuts them."""
        script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _lossy; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "--norc", "-c", script, "bash", self.script("bash"), "lossy", *words],
                              capture_output=True, timeout=60, cwd=self.folder)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout.decode().split()

    def test_commands(self):
        self.assertEqual(self.complete("sim"), ["simulate"])
        self.assertEqual([word for word in self.complete("") if not word.startswith("-")], commands())

    # Every option of every command, and no other.
    def test_options(self):
        for command in commands():
            offered = {word.rstrip("=") for word in self.complete(command, "--")}
            self.assertEqual(offered, options(command) - {"--config"}, command)
        self.assertEqual(self.complete("simulate", "--uplink-q"), ["--uplink-queue=", "--uplink-queue-bytes="])

    def test_values(self):
        self.assertEqual(self.complete("simulate", "--profile", "=", "satellite-"), ["satellite-geo", "satellite-leo"])
        self.assertIn("wifi", self.complete("simulate", "--drop", "=", "1%", "--profile", "="))
        self.assertEqual(self.complete("simulate", "--protocol", "=", "t"), ["tftp"])
        self.assertEqual(self.complete("protocols", "m"), ["membership"])
        self.assertEqual(self.complete("loopback", "--scr"), [])  # It is refused there.
        self.assertEqual(self.complete("learn", "van"), ["vanish"])
        self.assertEqual(self.complete("simulate", "--drop", "=", ""), [])

    def test_files(self):
        (self.folder / "run 1.pcap").write_text("")
        self.assertIn("run", self.complete("replay", "run"))
        self.assertIn("run", self.complete("simulate", "--golden", "=", "ru"))
        self.assertEqual(self.complete("learn", "run"), [])

    # In a shell that a person uses: what is typed is completed where it stands.
    def test_interactive(self):
        script = self.script("bash")
        terminal = Terminal(self, ["bash", "--norc", "-i"], PS1="ready> ", INPUTRC="/dev/null")
        terminal.wait_for("ready> ")
        terminal.type(f"source {script}\n")
        terminal.wait_for("ready> ")
        terminal.type("lossy simulate --profile=satellite-g\t")
        terminal.wait_for("satellite-geo")
        terminal.type("\x15lossy sim\t--gol\t")
        terminal.wait_for(r"simulate --golden=$")


@unittest.skipUnless(shutil.which("zsh"), "zsh is not here")
class Zsh(InScratchFolder):
    def test_interactive(self):
        script = self.script("zsh")
        (self.folder / "taken.pcap").write_text("")
        terminal = Terminal(self, ["zsh", "-f", "-i"], PS1="ready> ", ZDOTDIR=str(self.folder), HOME=str(self.folder))
        terminal.wait_for("ready> ")
        terminal.type("unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -D; "
                      f"source {script}; cd {self.folder}; echo so''urced\n")
        terminal.wait_for("sourced\r\n")
        for typed, completed in (("lossy sim\t", "simulate "), ("lossy learn --che\t", "--check "),
                                 ("lossy simulate --profile=satellite-g\t", "satellite-geo"),
                                 ("lossy learn van\t", "vanish"), ("lossy replay tak\t", r"taken\.pcap")):
            terminal.type("\x15" + typed)
            terminal.wait_for(completed)

    # Every command has its options, with what they do, and zsh can read all of it.
    def test_syntax(self):
        done = subprocess.run(["zsh", "-f", "-n", self.script("zsh")], capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, b""))


@unittest.skipUnless(shutil.which("fish"), "fish is not here")
class Fish(InScratchFolder):
    def complete(self, line):
        done = subprocess.run(["fish", "--no-config", "-c", f"source {self.script('fish')}; complete -C '{line}'"],
                              capture_output=True, timeout=60, cwd=self.folder,
                              env={**os.environ, "HOME": str(self.folder)})
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return [line.split("\t")[0] for line in done.stdout.decode().splitlines()]

    def test_completes(self):
        (self.folder / "taken.pcap").write_text("")
        self.assertEqual(self.complete("lossy sim"), ["simulate"])
        self.assertEqual(sorted(self.complete("lossy ")), sorted(commands()))
        self.assertEqual(self.complete("lossy learn van"), ["vanish"])
        self.assertEqual(self.complete("lossy learn --che"), ["--check"])
        self.assertEqual(self.complete("lossy simulate --profile=satellite-"),
                         ["--profile=satellite-geo", "--profile=satellite-leo"])
        self.assertIn("taken.pcap", self.complete("lossy replay tak"))
        self.assertEqual(self.complete("lossy learn tak"), [])

    def test_options(self):
        for command in ("simulate", "proxy", "learn"):
            offered = {word.rstrip("=") for word in self.complete(f"lossy {command} --")}
            self.assertEqual(offered, options(command) - {"--config"}, command)


class Man(InScratchFolder):
    def test_holds_everything(self):
        page = lossy("man").replace("\\-", "-")
        for command in commands():
            self.assertIn(f'.SS "lossy {command}"', page)
            for option in options(command):
                self.assertIn(f"\\fB{option}\\fR", page)

    @unittest.skipUnless(shutil.which("man"), "man is not here")
    def test_man_has_nothing_to_complain_of(self):
        path = self.folder / "lossy.1"
        path.write_text(lossy("man"))
        done = subprocess.run(["man", "--warnings=w", "-E", "UTF-8", "-l", str(path)], capture_output=True, timeout=60,
                              env={**os.environ, "MANPAGER": "cat", "MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
        self.assertEqual((done.returncode, done.stderr.decode()), (0, ""))
        text = done.stdout.decode()
        for shown in ("lossy simulate --drop=10% --trace", "--uplink-drop=PERCENT", "Zoë", "'delay 100ms 10ms 25% loss"):
            self.assertIn(shown, text)


class ProgressBar(unittest.TestCase):
    LONG = ("simulate", "--count=1000000000", "--drop=10%")

    # A long run shows how far it is, how fast, and how long it will still take; and takes that away.
    def test_on_a_terminal(self):
        terminal = Terminal(self, [LOSSY, *self.LONG])
        terminal.wait_for(r"\r\x1b\[K\[#*-+\] \d+%  \d+ of 1000000000 greetings  [\d.]+( million)?/s  \d+ (s|min|h) left")
        terminal.process.send_signal(signal.SIGINT)
        terminal.wait_for(r"left\r\x1b\[K  datagrams")

    def test_fits_the_window(self):
        terminal = Terminal(self, [LOSSY, *self.LONG], COLUMNS="30")
        line = terminal.wait_for(r"\r\x1b\[K(\[#*-+\] [^\r]*…)")[1]
        self.assertLess(len(line), 30)

    # So does the reading of a long file, whatever reads it.
    def test_reading(self):
        with tempfile.NamedTemporaryFile(suffix=".pcap") as capture, tempfile.TemporaryDirectory() as folder:
            capture.write((CAPTURES / "clean.pcap").read_bytes())
            capture.truncate(64_000_000_000)  # Of records without a byte, which take no room on the disk.
            capture.flush()
            for command in (["inspect"], ["inspect", "--json"], ["replay"], ["replay", "--against=127.0.0.1:9"],
                            ["seeds", f"--to={folder}"]):
                terminal = Terminal(self, [LOSSY, *command, capture.name])
                terminal.wait_for(r"\r\x1b\[K\[#*-+\] \d+%  \d+ of \d+000 MB  \d+(\.\d)?/s  \d+ (s|min|h) left")
                terminal.process.kill()

    # A capture is played for as long as it took, however few its flows and datagrams.
    def test_replaying_against(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            lossy("simulate", "--count=4", "--interval=100s", f"--record={folder}/slow.pcap")
            terminal = Terminal(self, [LOSSY, "replay", f"{folder}/slow.pcap",
                                       f"--against=127.0.0.1:{server.getsockname()[1]}"])
            terminal.wait_for(r"\r\x1b\[K\[#{5}-+\] 25%  1 of 4 requests  [\d.]+/s  \d+ s left")

    # So does greet, where it prints no greetings on the terminal.
    def test_greeting(self):
        said = tempfile.NamedTemporaryFile(mode="r")
        self.addCleanup(said.close)
        server = subprocess.Popen([LOSSY, "serve", "--listen=127.0.0.1:0"], stdout=said, stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        while not (port := re.match(r"Bind UDP on (\d+)\.\.\.\n", pathlib.Path(said.name).read_text())):
            self.assertIsNone(server.poll())
        bar = r"\r\x1b\[K\[#*-+\] \d+%  \d+ of 1000000000 greetings  [\d.]+( million)?/s  \d+ (s|min|h) left"
        greet = [LOSSY, "greet", "--count=1000000000", f"--to=127.0.0.1:{port[1]}"]
        for command in ([*greet, "--json"], ["sh", "-c", 'exec "$0" "$@" >/dev/null', *greet]):
            terminal = Terminal(self, command)
            terminal.wait_for(bar)
            terminal.process.kill()

    # A ladder has the terminal to itself.
    def test_not_in_a_ladder(self):
        terminal = Terminal(self, [LOSSY, *self.LONG, "--trace"])
        while processor_seconds(terminal.process) < 2:  # After a second it would be there.
            terminal.shown = ""
            terminal.wait_for("Michael|guest")
            self.assertNotIn(" left", terminal.shown)

    def test_not_in_a_pipe(self):
        process = subprocess.Popen([LOSSY, *self.LONG], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until(process, lambda: processor_seconds(process) >= 2)
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=60)[1]
        self.assertEqual(errors, b"lossy: interrupted\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
