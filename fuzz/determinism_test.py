#!/usr/bin/env python3
"""Runs the files of a corpus in one process in either order, each twice in a row in one of them, and some in processes
of their own: what the target saw must be the same every time. Else a finding could not be had again from its input.

usage: determinism_test.py TARGET CORPUS        the target built to replay
"""

import pathlib
import subprocess
import sys


ALONE_EVERY = 8  # A process takes longer than most files, with sanitizers by far.


def digests(target, how, files):
    """What the target saw of each file, in turn: {file: [digest, ...]}."""
    done = subprocess.run([target, how, *map(str, files)], capture_output=True, timeout=600)
    if done.returncode != 0:
        sys.exit(done.stderr.decode(errors="replace") + f"{target} {how}: exit code {done.returncode}")
    seen = {}
    for line in done.stdout.decode().splitlines():
        digest, file = line.split(" ", 1)
        seen.setdefault(pathlib.Path(file), []).append(digest)
    assert sorted(seen) == sorted(set(files)), "each file has a line"
    return seen


def main(target, corpus):
    files = sorted(pathlib.Path(corpus).iterdir())
    twice = digests(target, "--digests", [file for file in files for _ in range(2)])
    backwards = digests(target, "--digests", files[::-1])
    alone = digests(target, "--digests-apart", files[::ALONE_EVERY])
    wrong = [file for file in files if len({*twice[file], *backwards[file], *alone.get(file, twice[file])}) > 1]
    for file in wrong:
        print(f"{file}: the target saw different things from run to run")
    together = [digest for [digest, *_] in twice.values()]
    if len(set(together)) < min(len(files), 2):
        sys.exit(f"{target} saw the same of every file: it keeps no trace")
    print(f"{len(files)} files, {len(wrong)} of which are not the same each time")
    sys.exit(1 if wrong or not files else 0)


main(*sys.argv[1:])
