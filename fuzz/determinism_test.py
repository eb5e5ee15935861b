#!/usr/bin/env python3
"""Runs each file of a corpus twice alone, and all of them in one process in either order: what the target saw must be
the same every time. Else a finding could not be had again from its input.

usage: determinism_test.py TARGET CORPUS        the target built to replay
"""

import concurrent.futures
import pathlib
import subprocess
import sys


def digests(target, files):
    """What the target saw of each file, in turn."""
    done = subprocess.run([target, "--digests", *map(str, files)], capture_output=True, check=True, timeout=200)
    lines = [line.split(" ", 1) for line in done.stdout.decode().splitlines()]
    assert [line[1] for line in lines] == [str(file) for file in files], "each file has a line"
    return [line[0] for line in lines]


def main(target, corpus):
    files = sorted(pathlib.Path(corpus).iterdir())
    together = dict(zip(files, digests(target, files)))
    backwards = dict(zip(reversed(files), digests(target, files[::-1])))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        alone = dict(zip(files, pool.map(lambda file: digests(target, [file, file]), files)))
    wrong = [file for file in files if {together[file], backwards[file]} != set(alone[file])]
    for file in wrong:
        print(f"{file}: {together[file]} and {backwards[file]} among others, {alone[file]} alone")
    if len(set(together.values())) < min(len(files), 2):
        sys.exit(f"{target} saw the same of every file: it keeps no trace")
    print(f"{len(files)} files, {len(wrong)} of which are not the same each time")
    sys.exit(1 if wrong or not files else 0)


main(*sys.argv[1:])
