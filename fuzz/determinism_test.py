#!/usr/bin/env python3
"""Runs each file of a corpus twice in a process of its own, and all of them in one process in either order: what the
target saw must be the same every time. Else a finding could not be had again from its input.

usage: determinism_test.py TARGET CORPUS        the target built to replay
"""

import pathlib
import subprocess
import sys


def digests(target, how, files, times=1):
    """What the target saw of each file, in turn, each run so often."""
    done = subprocess.run([target, how, *map(str, files)], capture_output=True, timeout=600)
    if done.returncode != 0:
        sys.exit(done.stderr.decode(errors="replace") + f"{target} {how}: exit code {done.returncode}")
    lines = [line.split(" ", 1) for line in done.stdout.decode().splitlines()]
    assert [line[1] for line in lines] == [str(file) for file in files for _ in range(times)], "each run has a line"
    return [line[0] for line in lines]


def main(target, corpus):
    files = sorted(pathlib.Path(corpus).iterdir())
    together = digests(target, "--digests", files)
    backwards = digests(target, "--digests", files[::-1])[::-1]
    alone = digests(target, "--digests-apart", files, times=2)
    seen = [{*runs} for runs in zip(together, backwards, alone[::2], alone[1::2])]
    wrong = [file for file, runs in zip(files, seen) if len(runs) > 1]
    for file in wrong:
        print(f"{file}: the target saw different things from run to run")
    if len(set(together)) < min(len(files), 2):
        sys.exit(f"{target} saw the same of every file: it keeps no trace")
    print(f"{len(files)} files, {len(wrong)} of which are not the same each time")
    sys.exit(1 if wrong or not files else 0)


main(*sys.argv[1:])
