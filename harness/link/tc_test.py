#!/usr/bin/env python3
"""Holds lossy's reading of netem's words against that of tc itself, of iproute2 6.1.

Thousands of lines, good and broken, are given to both. Both must accept and refuse the same lines,
but for the exceptions that netem.hpp states; and where both accept, the line that lossy prints must
make tc tell the kernel the same as the line that was given.

tc is run with a library that shows what it would tell the kernel and keeps it from it, so that
nothing is changed and nobody needs to be root. Exit code 77 when there is no such tc.

usage: tc_test.py NETEM_LINES TC_SPY BROKEN_LINES
"""

import collections
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys

LINES = 20_000
SEED = 1
SKIPPED = 77


class Tc:
    """What tc makes of lines: for each an error message, or what it tells the kernel."""

    MARK = re.compile(r"^Command failed -:(\d+)$")

    BATCH = 250  # tc ends when a line's last word is missing, and leaves the others of its batch.

    def __init__(self, program, spy):
        self.command = [program, "-force", "-batch", "-"]
        self.environment = {**os.environ, "LD_PRELOAD": spy}

    def judge(self, lines):
        results = []
        while len(results) < len(lines):
            batch = "".join(f"qdisc add dev lo root netem {line}\n"
                            for line in lines[len(results):len(results) + self.BATCH])
            run = subprocess.run(self.command, input=batch, env=self.environment, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            said = []
            for line in run.stdout.splitlines():
                if not self.MARK.match(line):
                    said.append(line)
                    continue
                results.append(self.result(said))
                said = []
            if said:
                results.append(self.result(said))
        return results

    @staticmethod
    def result(said):
        sent = [line for line in said if line.startswith("sent ")]
        return Told(bytes.fromhex(sent[0][len("sent "):])) if sent else " ".join(said)[:200]


class Told:
    """What tc tells the kernel (include/uapi/linux/pkt_sched.h), with 0 for what is not said."""

    CORRELATION, TABLE, REORDER, CORRUPT, LOSS, RATE, RATE64, SLOT, SLOT_TABLE = (
        1, 2, 3, 4, 5, 6, 8, 12, 13)
    OPTIONS = 2
    # How far two readings of the same number may lie apart: tc's floating point cuts what comes out
    # a little too small, and a microsecond is 15 or 16 ticks.
    SLACK = {"time": 16, "slot": 1, "percent": 1, "rate": 1, "exact": 0}

    def __init__(self, message):
        options = self.attributes(message, 16 + 20)[self.OPTIONS]
        latency, limit, loss, gap, duplicate, jitter = struct.unpack_from("<6I", options)
        more = self.attributes(options, 24)

        def numbers(kind, form):
            return struct.unpack(form, more.get(kind, bytes(struct.calcsize(form))))

        correlations = list(numbers(self.CORRELATION, "<3I"))  # Of delay, loss, duplicates.
        correlations[2] = 0  # tc only tells it with another one: an exception.
        if self.LOSS in more:
            correlations[1] = 0  # Of random losses only.
        rate, overhead, cell, cell_overhead = numbers(self.RATE, "<IiIi")
        rate64 = numbers(self.RATE64, "<Q")[0]
        least, most, packets, size, delay, spread = numbers(self.SLOT, "<qqiiqq")
        if self.SLOT_TABLE in more:
            least = most = 0
        elif most == 0:
            packets = size = delay = spread = 0  # netem has no slots then.
        else:
            delay = spread = 0
        self.values = {
            "time": [latency, jitter],
            "slot": [least, most, delay, spread],
            "percent": [loss, duplicate, *correlations, *numbers(self.REORDER, "<2I"),
                        *numbers(self.CORRUPT, "<2I"), *self.model(more.get(self.LOSS))],
            "rate": [rate64 or rate],
            "exact": [limit, gap, overhead, cell, cell_overhead, packets, size,
                      more.get(self.TABLE), more.get(self.SLOT_TABLE)],
        }

    def __repr__(self):
        return f"Told({self.values})"

    @staticmethod
    def attributes(data, start):
        found = {}
        while start + 4 <= len(data):
            size, kind = struct.unpack_from("<HH", data, start)
            found[kind & 0x3FFF] = data[start + 4:start + size]
            start += (size + 3) & ~3
        return found

    @classmethod
    def model(cls, loss):
        if loss is None:
            return []
        (kind, numbers), = cls.attributes(loss, 0).items()
        return [kind, *struct.unpack(f"<{len(numbers) // 4}I", numbers)]

    def is_like(self, other):
        for kind, slack in self.SLACK.items():
            ours, theirs = self.values[kind], other.values[kind]
            if len(ours) != len(theirs):
                return False
            for a, b in zip(ours, theirs):
                if a != b and not (slack and abs(a - b) <= slack):
                    return False
        return True


class Generator:
    """Lines of netem's words: most are good, many are broken in one place."""

    WORDS = ["limit", "latency", "delay", "loss", "drop", "reorder", "corrupt", "gap", "duplicate",
             "distribution", "rate", "slot"]

    def __init__(self, seed):
        self.random = random.Random(seed)

    def often(self, probability):
        return self.random.random() < probability

    def one_of(self, *choices):
        return self.random.choice(choices)

    def number(self, most, decimals=3):
        value = self.random.uniform(0, most)
        text = self.one_of(f"{value:.0f}", f"{value:.{decimals}f}", f"{int(value)}", "0", "1")
        if self.often(0.03):
            text = self.one_of("00", "1.", "1e1", "2E0", "1.5e-1", "0e5", "08", "007", "1e",
                               "0.00000000000000000000001", "12345678901234567890123", "1..2")
        return text

    def cased(self, text):
        return text if self.often(0.8) else self.one_of(text.upper(), text.capitalize())

    def percent(self):
        if self.often(0.03):
            return self.one_of("100", "100%", "100.0001%", "101", "1%%", "%5", "5 %", "x", "5x")
        return self.number(100) + self.one_of("%", "%", "")

    def time(self, also=()):
        unit = self.one_of("ms", "ms", "us", "", "s", "msec", "msecs", "usec", "usecs", "sec",
                           "secs", *also, *(["m", "ns", "q"] if self.often(0.1) else []))
        most = 200 if unit.startswith("s") else 5000
        return self.number(most) + self.cased(unit)

    def slot_time(self):
        return self.time(also=("ns", "nsec", "nsecs"))

    def rate(self):
        unit = self.one_of("bit", "kbit", "mbit", "gbit", "tbit", "bps", "kbps", "mbps", "gbps",
                           "kibit", "mibit", "gibit", "tibit", "kibps", "mibps", "gibps", "",
                           *(["kb", "mb", "kbits", "k"] if self.often(0.1) else []))
        return self.number(900 if unit.startswith(("t", "g")) else 9000) + self.cased(unit)

    def size(self):
        unit = self.one_of("", "", "b", "k", "kb", "kbit", "m", "mb", "mbit", "g", "gb", "gbit",
                           *(["kbps", "t"] if self.often(0.1) else []))
        return self.number(5 if unit.startswith("g") else 3000) + self.cased(unit)

    def whole(self, sign=""):
        return self.one_of("", "", sign) + self.one_of(
            *(str(self.random.randrange(most)) for most in (2, 100, 10_000)),
            "0x1f", "0X20", "017", *(["018", "0x", "4294967296", "1.5"] if self.often(0.1) else []))

    def chain(self, first, *others):
        """The first, and as many of the others as come up."""
        words = [first]
        for other in others:
            if self.often(0.4):
                break
            words.append(other())
        return words

    def table(self):
        return self.one_of("normal", "pareto", "paretonormal", "normal", "pareto",
                           *(["norma", "gauss"] if self.often(0.2) else []))

    def values_of(self, word):
        if word == "limit":
            return [self.size()]
        if word in ("latency", "delay"):
            return self.chain(self.time(), self.time, self.percent)
        if word in ("loss", "drop"):
            kind = self.one_of("", "", "random", "state", "gemodel")
            words = self.chain(self.percent(), self.percent, *(
                [self.percent] * {"state": 3, "gemodel": 2}.get(kind, 0)))
            return [kind, *words] if kind else words
        if word in ("reorder", "corrupt", "duplicate"):
            return self.chain(self.percent(), self.percent)
        if word == "ecn":
            return []
        if word == "gap":
            return [self.whole()]
        if word == "distribution":
            return [self.table()]
        if word == "rate":
            return self.chain(self.rate(), lambda: self.whole("-"), self.whole,
                              lambda: self.whole("-"))
        return self.slot()

    def slot(self):
        if self.often(0.5):
            times = sorted(self.random.sample(range(1, 1000), 2))
            unit = self.one_of("ms", "us", "ns", "")
            words = self.chain(f"{times[0]}{unit}", lambda: f"{times[1]}{unit}")
            if self.often(0.1):
                words = self.chain(self.slot_time(), self.slot_time)
        else:
            words = ["distribution", self.table(), self.slot_time(), self.slot_time()]
        if self.often(0.4):
            words += [self.shortened("packets"), self.whole()]
        if self.often(0.4):
            words += [self.shortened("bytes"), self.size()]
        if self.often(0.05):  # Out of order, or twice.
            words += [self.shortened("packets"), self.whole()]
        return words

    def shortened(self, word):
        return word[:self.random.randint(1, len(word))] if self.often(0.3) else word

    def words(self):
        chosen = self.random.sample(self.WORDS, self.random.choice((1, 1, 2, 2, 3, 4, 6)))
        if "reorder" in chosen or "distribution" in chosen:
            if self.often(0.8) and "delay" not in chosen:
                chosen.append("delay")
        if "gap" in chosen and self.often(0.8):
            chosen = ["delay", "reorder"] + [w for w in chosen if w not in ("delay", "reorder")]
        if self.often(0.1):
            chosen.append(self.one_of(*chosen))
        if self.often(0.1 if "loss" in chosen else 0.01):
            chosen.append("ecn")
        self.random.shuffle(chosen)
        return [part for word in chosen for part in [self.shortened(word), *self.values_of(word)]]

    def broken(self, words):
        """One thing is changed, which need not break the line."""
        at = self.random.randrange(len(words))
        word = words[at]
        what = self.random.randrange(6)
        if what == 0:
            del words[at]
        elif what == 1:
            words.insert(at, self.one_of(*words))
        elif what == 2:
            words[at] = words[-1]
        elif what == 3:
            words[at] = word[:-1] or "x"
        elif what == 4:
            words[at] = word + self.one_of("s", "%", "0", "x", ".")
        else:
            words.insert(at, self.one_of("5", "10ms", "5%", "loss", "delay", "random", "foo", "-"))
        return words

    def line(self):
        words = self.words()
        return " ".join(self.broken(words) if self.often(0.35) else words)


class Ours:
    """What lossy makes of lines: a canonical line, or an error with its place."""

    def __init__(self, program):
        self.program = program

    def judge(self, lines):
        run = subprocess.run([self.program], input="".join(line + "\n" for line in lines),
                             text=True, stdout=subprocess.PIPE, check=True)
        return [self.result(line) for line in run.stdout.split("\n")[:-1]]

    @staticmethod
    def result(answer):
        kind, _, rest = answer.partition(" ")
        if kind == "ok":
            return Canonical(rest)
        offset, size, reason = rest.split(" ", 2)
        return Refused(int(offset), int(size), reason)


Canonical = collections.namedtuple("Canonical", "line")
Refused = collections.namedtuple("Refused", "offset size reason")

TICK_MAX_S = 2**32 / 15.625e6
TIME = re.compile(r"\b([\d.]+)(s|ms|us)\b")
UNIT_S = {"s": 1, "ms": 1e-3, "us": 1e-6}


def is_long(line):
    """Whether a canonical line has a time that tc's 32 bits do not hold."""
    return any(float(number) * UNIT_S[unit] >= TICK_MAX_S for number, unit in TIME.findall(line))


def is_short(line):
    """Whether a canonical line has a time that tc cuts to 0."""
    return any(0 < float(number) * UNIT_S[unit] < 1e-6 for number, unit in TIME.findall(line))


def is_exception(line, ours, theirs):
    """Whether netem.hpp says that tc and lossy differ here; the number of the exception."""
    if isinstance(ours, Refused):
        word = line[ours.offset:ours.offset + ours.size]
        if isinstance(theirs, str):
            return 0
        if word and "ecn".startswith(word):
            return 1
        if re.search("is not a (time|rate): it must be at (least|most)", ours.reason):
            return 2
        odd = re.fullmatch(r"-.*|[+-]?(%|inf.*|nan.*|0x.*)", word, re.IGNORECASE)
        return 2 if odd and re.search("is not a (percentage|time|rate|size|whole number)",
                                      ours.reason) else 0
    if isinstance(theirs, str):
        if "too large" in theirs and is_long(ours.line):
            return 3
        if ("reordering not possible" in theirs or "no latency" in theirs) and is_short(ours.line):
            return 3
        return 0
    return 3 if is_long(ours.line) else 0


def main(netem_lines, spy, broken_file):
    program = shutil.which("tc") or shutil.which("tc", path="/usr/sbin:/sbin")
    if not program:
        return skip("there is no tc here; scripts/setup test installs it (iproute2)")
    version = subprocess.run([program, "-V"], text=True, capture_output=True, check=False).stdout
    if not re.search(r"iproute2-6\.1(\.|,|\s)", version):
        return skip(f"this is not tc of iproute2 6.1, but {version.strip()!r}")
    tc = Tc(program, spy)
    if not isinstance(tc.judge(["loss 1%"])[0], Told):
        return skip(f"{program} cannot be listened to: {tc.judge(['loss 1%'])[0]}")

    ours = Ours(netem_lines)
    broken = [re.sub(r"[\[\]]", "", line)
              for line in pathlib.Path(broken_file).read_text().splitlines()
              if not line.startswith("#")]
    failures = [f"{line!r}: tc accepts it"
                for line, judged in zip(broken, tc.judge(broken), strict=True)
                if isinstance(judged, Told)]

    generator = Generator(SEED)
    lines = [generator.line() for _ in range(LINES)]
    pairs = list(zip(lines, ours.judge(lines), tc.judge(lines), strict=True))
    counts = collections.Counter()
    both = []
    for line, mine, theirs in pairs:
        exception = is_exception(line, mine, theirs)
        if exception:
            counts[f"exception {exception}"] += 1
        elif isinstance(mine, Canonical) != isinstance(theirs, Told):
            failures.append(f"{line!r}: lossy says {mine}, tc says {theirs}")
        elif isinstance(theirs, Told):
            counts["accepted"] += 1
            both.append((line, mine.line, theirs))
        else:
            counts["refused"] += 1

    for (line, canonical, told), again in zip(both, tc.judge([line for _, line, _ in both])):
        if not isinstance(again, Told):
            failures.append(f"{line!r}: lossy prints {canonical!r}, tc says {again}")
        elif not told.is_like(again):
            failures.append(f"{line!r}: lossy prints {canonical!r}, which is {again} to tc, "
                            f"and the line was {told}")

    print("\n".join(failures[:20]))
    print(f"{len(broken)} broken lines, {len(lines)} lines: {dict(counts)}, {len(failures)} failed")
    if min(counts["accepted"], counts["refused"]) < LINES // 4:
        print("too few lines are accepted, or refused, for this to be a test")
        return 1
    unmet = [f"exception {number}" for number in (1, 2, 3) if not counts[f"exception {number}"]]
    if unmet:
        print(f"no line is for {' and '.join(unmet)}")
        return 1
    return 1 if failures else 0


def skip(reason):
    print(f"skipped: {reason}")
    return SKIPPED


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
