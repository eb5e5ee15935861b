#!/usr/bin/env python3
"""Does what core/README.md says: puts its blocks into a project, builds that, runs its commands, and compares what
they print with what is written there. A line "..." stands for any lines.

usage: page_test.py PAGE PREFIX FOLDER COMPILER [CMAKE OPTION...]     PREFIX is where lossy is installed
"""

import pathlib
import re
import shutil
import subprocess
import sys

FILES = {"cpp": "ping.cpp", "cmake": "CMakeLists.txt", "toml": "goldens/drop.toml"}


def fail(why):
    sys.exit(f"page_test.py: {why}")


def run(*command, **keywords):
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, **keywords)
    if done.returncode != 0:
        fail(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def is_like(text, written):
    """Whether a command printed what is written of it."""
    pattern = "".join("(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in written)
    return re.fullmatch(pattern, text if text.endswith("\n") or not text else text + "\n") is not None


def main(page, prefix, folder, compiler, *options):
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", pathlib.Path(page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    folder = pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    for kind, name in FILES.items():
        content = "".join(text for language, text in blocks if language == kind)
        if not content:
            fail(f"{page} has no block of {kind}")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    (folder / "corpus").mkdir()
    (folder / "corpus/one").write_bytes(bytes(range(40)))
    build = folder / "build"
    run("cmake", "-S", folder, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={compiler}",
        "-DLOSSY_LIBFUZZER=OFF", *options)
    run("cmake", "--build", build, "--parallel", "2")
    run("ctest", "--no-tests=error", "--output-on-failure", cwd=build)
    shutil.move(folder / "goldens", build / "goldens")

    tried = 0
    for command, written in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", "".join(text for language, text in blocks if not language),
                                       re.MULTILINE):
        tried += 1
        text = run("bash", "-c", command, cwd=build)
        if not is_like(text, written.splitlines()):
            fail(f"'{command}' printed\n{text}and not\n{written}")
    if tried == 0:
        fail(f"{page} has no command")


if __name__ == "__main__":
    main(*sys.argv[1:])
