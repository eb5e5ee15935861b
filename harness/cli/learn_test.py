"""What lossy learn promises: python3 learn_test.py LOSSY [TEST...]"""

import json
import os
import pathlib
import pty
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
import unittest

LOSSY = sys.argv[1]
LESSONS = ["vanish", "twice", "order", "nobody", "cut", "ports", "full", "bursts", "again", "queue", "forged",
           "weapon", "checksum"]


def lossy(*arguments, code=0, **keywords):
    """Runs the command, checks its exit code, and gives (standard output, standard error)."""
    done = subprocess.run([LOSSY, *arguments], capture_output=True, timeout=200, stdin=subprocess.DEVNULL, **keywords)
    if done.returncode != code:
        raise AssertionError(f"exit code {done.returncode} instead of {code}: lossy {arguments}\n"
                             f"{done.stdout[-2000:]!r}\n{done.stderr[-2000:]!r}")
    return done.stdout.decode(), done.stderr.decode()


def learn(lesson, *arguments):
    return json.loads(lossy("learn", lesson, "--json", *arguments)[0])


class Listing(unittest.TestCase):
    def test_all_are_there_by_number_and_name(self):
        listed = json.loads(lossy("learn", "--json")[0])["lessons"]
        self.assertEqual([(one["lesson"], one["name"]) for one in listed], list(enumerate(LESSONS, 1)))
        text = lossy("learn")[0]
        for number, name in enumerate(LESSONS, 1):
            self.assertRegex(text, rf"(?m)^ +{number}  {name} +\w")
        self.assertEqual(learn("12"), learn("weapon"))

    def test_no_such_lesson(self):
        for word in ("14", "0", "vanis", "1\x1b[31m"):
            errors = lossy("learn", word, code=2)[1]
            self.assertIn("there is no lesson", errors)
            self.assertNotIn("\x1b", errors)


class Parameters(unittest.TestCase):
    def test_all_of_them_are_one_object(self):
        report = json.loads(lossy("learn", "--check", "--json")[0])
        self.assertEqual([lesson["name"] for lesson in report["lessons"]], LESSONS)
        self.assertTrue(report["holds"] and all(lesson["holds"] for lesson in report["lessons"]))

    # Whoever asks for what changes nothing is told so, and what would.
    def test_no_use(self):
        errors = lossy("learn", "cut", "--drop=10%", code=2)[1]
        self.assertRegex(errors, r"^lossy: --drop: lesson 5 \(cut\) has no use for it: .*; it takes --bytes, --buffer\n$")
        for name in ("nobody", "cut", "ports", "full", "again", "queue", "weapon"):
            self.assertIn("has no use for it", lossy("learn", name, "--seed=1", code=2)[1])
        self.assertIn("it is for one lesson", lossy("learn", "--drop=10%", "--check", code=2)[1])

    def test_out_of_bounds(self):
        for lesson, option in (("vanish", "--drop=10"), ("vanish", "--attempts=0"), ("order", "--reorder-delay=51ms"),
                               ("queue", "--rate=0bit"), ("bursts", "--burst=0"), ("cut", "--bytes=65508"),
                               ("ports", "--port=65536"), ("again", "--delay=1s")):
            errors = lossy("learn", lesson, option, code=2)[1]
            self.assertIn(option.split("=")[0], errors)
            self.assertEqual(errors.count("\n"), 1)
        self.assertIn("a loss of 99% needs a mean burst", lossy("learn", "bursts", "--drop=99%", code=2)[1])

    # Theory is that of what was asked for, and no number of the lesson's own settings is left.
    def test_theory_moves_with_the_settings(self):
        figures = {one["name"]: one for one in learn("vanish", "--drop=30%", "--attempts=3")["figures"]}
        self.assertAlmostEqual(figures["failed_round_trips"]["theory"], 0.51)
        self.assertAlmostEqual(figures["given_up"]["theory"], 0.51 ** 3)
        text = lossy("learn", "vanish", "--drop=30%", "--attempts=3")[0]
        for stale in ("10%", "19%", "0.0248%", "81%", "five", "seed=4 --drop=10%"):
            self.assertNotIn(stale, text)
        self.assertIn("70% x 70% = 49%", text)

    def test_issue_in_numbers(self):
        figures = {one["name"]: one["theory"] for one in learn("vanish")["figures"]}
        self.assertAlmostEqual(figures["failed_round_trips"], 0.19)
        self.assertAlmostEqual(figures["given_up"], 0.000248, delta=1e-6)

    def test_own_seed(self):
        self.assertNotEqual(learn("twice", "--seed=1")["figures"], learn("twice", "--seed=2")["figures"])


class Broken(unittest.TestCase):
    """In a world where what a lesson teaches is not so, --check says so."""

    def test_is_noticed(self):
        for lesson, *settings in (("vanish", "--drop=0%"), ("vanish", "--attempts=1"), ("vanish", "--drop=100%"),
                                  ("twice", "--duplicate=0%"), ("order", "--reorder=0%"),
                                  ("order", "--reorder-delay=1ms"), ("cut", "--bytes=100"), ("full", "--count=2"),
                                  ("bursts", "--burst=1"), ("bursts", "--drop=0%"),
                                  ("again", "--delay-after=20ms"), ("queue", "--rate=1mbit"),
                                  ("checksum", "--corrupt=0%", "--count=1000"), ("forged", "--guesses=1", "--count=2")):
            output, errors = lossy("learn", lesson, *settings, "--check", code=1)
            self.assertEqual(output, "")
            self.assertIn("not what it teaches", errors)
            self.assertIn(f"lossy: see it with: lossy learn {lesson} ", errors)
            # Without --check that is a result as any other, and is said.
            self.assertIn("not what the lesson teaches", lossy("learn", lesson, *settings)[0])

    # A kernel without the ports says so, and is no success.
    def test_what_cannot_be_tried(self):
        if b"__ubsan_" in pathlib.Path(LOSSY).read_bytes():
            self.skipTest("the sanitizer opens pipes to look at memory, and takes their want for a mistake")
        limited = ["sh", "-c", 'ulimit -n 4; exec "$0" learn ports --check', LOSSY]
        done = subprocess.run(limited, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(b"lossy: cannot", done.stderr)


class Words(unittest.TestCase):
    # Whatever is asked for, what is said of it is true, and English.
    def test_with_few(self):
        for lesson, *settings in (("vanish", "--drop=0.001%"), ("vanish", "--attempts=1"), ("vanish", "--count=2"),
                                  ("twice", "--count=2"), ("order", "--count=3"), ("cut", "--bytes=1"),
                                  ("cut", "--buffer=1"), ("cut", "--bytes=1025"), ("full", "--bytes=1", "--count=2"),
                                  ("bursts", "--seed=18446744073709551615"), ("again", "--delay-after=1ms"),
                                  ("again", "--timer=1s"), ("queue", "--bytes=1"), ("forged", "--guesses=1"),
                                  ("weapon", "--count=2")):
            text = lossy("learn", lesson, *settings)[0]
            for line in text.splitlines():
                if " ms  " not in line:
                    self.assertNotRegex(line, r"\b1 (times|datagrams|names|bytes|guesses|answers|copies)\b", (lesson, settings))

    def test_vanish_names_its_own_factor(self):
        why = " ".join(learn("vanish", "--drop=50%")["why"])
        self.assertIn("and 75% fail, 1.5 times the loss of one way", why)
        self.assertNotIn("the loss of one way", " ".join(learn("vanish", "--drop=0%")["why"]))

    # A timer that is long enough takes nothing for lost.
    def test_again_with_a_long_timer(self):
        why = " ".join(learn("again", "--timer=1s")["why"])
        self.assertIn("A timer fixed at 1s waits long enough for that.", why)
        self.assertIn("takes every answer for lost and sends 3 copies", " ".join(learn("again")["why"]))

    # However much too much it is, some of it is carried, and as late as theory says.
    def test_queue_far_beyond_its_rate(self):
        self.assertIn("87500% of it", json.dumps(learn("queue", "--interval=5us")))
        lossy("learn", "queue", "--interval=5us", "--check")
        errors = lossy("learn", "queue", "--interval=1us", code=2)[1]
        self.assertRegex(errors, r"^lossy: --interval: .*4375 times what the link carries; .*1000 times at most\n$")

    # A long name is typed by the shell.
    def test_weapon_with_a_long_name(self):
        self.assertIn("head -c 1016", learn("weapon", "--bytes=1016")["play"])


class Ports(unittest.TestCase):
    # Where the port is taken, another one does, and the lesson says so.
    def test_taken(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            lesson = learn("ports", f"--port={port}")
        self.assertTrue(lesson["holds"])
        self.assertIn(f"({port} is taken on this machine)", lesson["experiment"])


class Play(unittest.TestCase):
    """The command to play on with shows the same."""

    def run_in_shell(self, command, code=0):
        function = f'lossy() {{ {shlex.quote(LOSSY)} "$@"; }}\n'
        done = subprocess.run(["bash", "-c", function + command], capture_output=True, timeout=200)
        self.assertEqual(done.returncode, code, f"{command}\n{done.stderr.decode()}")
        return done.stdout.decode()

    # The ladder is that of the command, though a lesson may show one direction of it alone.
    def check_ladder(self, lesson, *settings):
        report = learn(lesson, *settings)
        ladder = iter(self.run_in_shell(report["play"]).splitlines())
        self.assertGreaterEqual(len(report["ladder"]), 5)
        for line in report["ladder"]:
            self.assertIn(line, ladder)  # Behind the one before.

    def test_ladders(self):
        for lesson in ("vanish", "twice", "order", "bursts", "again", "queue", "forged", "weapon", "checksum"):
            with self.subTest(lesson):
                self.check_ladder(lesson)
        for lesson, *settings in (("vanish", "--drop=40%", "--seed=9", "--attempts=2"), ("bursts", "--burst=3"),
                                  ("order", "--interval=500us", "--reorder=50%"), ("weapon", "--bytes=40"), ("weapon", "--bytes=41"),
                                  ("queue", "--rate=20kbit"), ("again", "--delay=5ms")):
            with self.subTest(lesson):
                self.check_ladder(lesson, *settings)

    # Where there is something to see in the ladder, it is seen.
    def test_ladders_show_it(self):
        for lesson, sign in (("vanish", "lost"), ("twice", "2 copies"), ("order", "reordered"), ("bursts", "lost"),
                             ("queue", "lost: queue"), ("checksum", "corrupted")):
            self.assertIn(sign, "\n".join(learn(lesson)["ladder"]))

    def test_nobody(self):
        self.run_in_shell(learn("nobody")["play"] + " 2>&1 | grep 'nobody is listening'")

    def test_cut(self):
        self.assertIn("truncated", self.run_in_shell(learn("cut")["play"]))

    def test_full(self):
        self.assertIn("lost without any network", self.run_in_shell(learn("full")["play"]))

    def test_ports(self):
        command = learn("ports")["play"]
        server = subprocess.Popen([LOSSY, *shlex.split(command)[1:]], stdout=subprocess.PIPE)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.addCleanup(server.stdout.close)
        self.assertIn(b"Bind UDP on", server.stdout.readline())
        with socket.socket() as tcp:
            tcp.bind(("127.0.0.1", int(command.rsplit(":")[-1])))
        server.send_signal(signal.SIGINT)


class OnATerminal(unittest.TestCase):
    def start(self, *arguments, columns="200", **environment):
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        process = subprocess.Popen([LOSSY, *arguments], stdin=theirs, stdout=theirs, stderr=theirs,
                                   env={**os.environ, "COLUMNS": columns, **environment})
        os.close(theirs)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return ours

    def read(self, terminal, until=None):
        """What is shown until the program ends, or what is waited for is there."""
        shown = b""
        deadline = time.monotonic() + 60
        while (until is None or until not in shown) and time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                shown += os.read(terminal, 4096)
            except OSError:  # It has ended.
                return shown.decode()
        return shown.decode()

    def test_waits_for_enter(self):
        terminal = self.start("learn", "weapon")
        before = self.read(terminal, until=b"runs the experiment]")
        self.assertIn("First guess", before)
        self.assertNotIn("What happened", before)
        os.write(terminal, b"\n")
        self.assertIn("What happened", self.read(terminal))

    def test_does_not_wait_when_asked(self):
        self.assertIn("What happened", self.read(self.start("learn", "weapon", "--no-wait")))

    # In a pipe nobody could press anything.
    def test_does_not_wait_in_a_pipe(self):
        self.assertNotIn("Enter", lossy("learn", "weapon")[0])

    def test_fits_the_window(self):
        for columns in (40, 60):
            shown = self.read(self.start("learn", "vanish", "--no-wait", columns=str(columns)))
            ladder = [line for line in shown.split("\r\n") if " ms  " in line and "|" in line]
            self.assertTrue(ladder)
            for line in ladder:
                self.assertLessEqual(len(line), columns)

    # So do the numbers, in two lines each where one has no room; and the list of lessons.
    def test_numbers_fit_the_window(self):
        for columns in (40, 60, 80, 100):
            for arguments in (("learn", "checksum", "--no-wait"), ("learn",)):
                shown = self.read(self.start(*arguments, columns=str(columns)))
                lines = shown.replace("\r", "").split("Play on")[0].splitlines()
                self.assertEqual([line for line in lines if len(line) > columns], [])
            wide = self.read(self.start("learn", "checksum", "--no-wait", columns=str(columns)))
            self.assertEqual(bool(re.search(r"(?m)measured +theory\r$", wide)), columns > 82)
        self.assertRegex(lossy("learn")[0], r"(?m)  checksum  .* greeting$")

    # The ladder of a run on a terminal fits it, whatever was asked; a pipe gets all of it.
    def test_ladder_fits_the_window(self):
        names = ["Michael", "名" * 60, "Zoë"]
        shown = self.read(self.start("simulate", "--trace", "--drop=30%", *names, columns="60", NO_COLOR="1"))
        lines = [line for line in shown.split("\r\n") if " ms  " in line]
        self.assertTrue(any(line.endswith("…") for line in lines))
        for line in lines:
            self.assertLessEqual(sum(2 if ord(c) > 0x3000 else 1 for c in line), 60)
        self.assertNotIn("\x1b", shown)
        self.assertIn("名" * 26, lossy("simulate", "--trace", *names)[0])

    # Without its colours the ladder on a terminal says the same.
    def test_colour_repeats_what_signs_say(self):
        arguments = ("simulate", "--trace", "--drop=30%", "--duplicate=30%")
        colourful = self.read(self.start(*arguments, TERM="xterm", NO_COLOR=""))
        self.assertRegex(colourful, r"\x1b\[31m[^\x1b]*lost: drop\x1b\[0m")
        plain = [re.sub(r"\x1b\[\d*m", "", line) for line in colourful.split("\r\n") if " ms  " in line]
        self.assertEqual(plain, [line for line in lossy(*arguments)[0].splitlines() if " ms  |" in line or " ms  *" in line])
        for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb", "NO_COLOR": ""}):
            self.assertNotIn("\x1b", self.read(self.start(*arguments, **environment)))


class StrangeNames(unittest.TestCase):
    """No name drives a terminal, or turns what is written around it."""

    NAMES = ["<script>alert(1)</script>", "\x1b[2J\x1b]0;owned\x07", "\u202egpj.exe", "\u2067שלום\u2069 abc", "a\nb",
             "مرحبا", "\u0085\u009b31m"]

    def check(self, text):
        for character in text:
            self.assertTrue(character == "\n" or character >= " ", repr(character))
            self.assertNotIn(character, "\x7f\u0085\u009b\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

    def test_in_ladder_and_json(self):
        for arguments in (("--trace",), ("--json",), ("--trace", "--json")):
            for part in lossy("simulate", *arguments, *self.NAMES):
                self.check(part)
        ladder = lossy("simulate", "--trace", *self.NAMES)[0]
        for shown in ('"<script>alert(1)</script>"', r'"\x1b[2J\x1b]0;owned\x07"', r'"\xe2\x80\xaegpj.exe"', "مرحبا", r"a\nb"):
            self.assertIn(shown, ladder)
        json.loads(lossy("simulate", "--json", *self.NAMES)[0])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
