#!/usr/bin/env bash
# With UndefinedBehaviorSanitizer a program that has no file descriptor left reports valid objects: "object has
# invalid vptr", "<memory cannot be printed>". To see whether memory can be read, the check of virtual calls writes
# it to a pipe(2) of its own; without one it takes the object for unreadable. A type that passed the check before
# is remembered, and not reported.
# Versions: clang 14.0.6-12, g++ 12.2.0 (Debian 12).
# Why it hurts: what a server does at the limit of its descriptors (EMFILE) cannot be tested with -fsanitize=undefined:
# each new class that is called looks like a use after free, and with -fno-sanitize-recover the server ends there.
# My guess: descriptors are the program's, and the sanitizer needs none.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
deb clang-14=1:14.0.6-12
need clang++-14
cat >"$tmp/calls.cpp" <<'CPP'
#include <fcntl.h>
#include <cstring>
#include <cstdio>
struct Shape {
  virtual int sides() const = 0;
  virtual ~Shape() = default;
};
struct Square : Shape {
  int sides() const override { return 4; }
};
int ask(const Shape& shape) { return shape.sides(); }
int main(int, char** arguments) {
  const Square square;
  if (std::strchr(arguments[1], 'k') != nullptr) ask(square);  // Known by then.
  while (std::strchr(arguments[1], 'n') != nullptr && open("/dev/null", O_RDONLY) >= 0) {
  }
  std::printf("%d\n", ask(square));
}
CPP
clang++-14 -fsanitize=undefined "$tmp/calls.cpp" -o "$tmp/calls"
run() { (ulimit -n 64 && timeout 20 "$tmp/calls" "$1" 2>"$tmp/errors") >"$tmp/out" || :; }
told() { grep -q 'invalid vptr' "$tmp/errors" && echo "reported" || echo "quiet"; }
run d; with=$(told)
run n; without=$(told)
run kn; known=$(told)
verdict "with descriptors quiet, without quiet, without but called before quiet" \
  "with descriptors $with, without $without, without but called before $known" \
  "with descriptors quiet, without reported, without but called before quiet"
