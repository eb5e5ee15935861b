#!/usr/bin/env bash
# libfaketime 0.9.10, even when it changes nothing ('+0'): CLOCK_MONOTONIC shows the time of day, but an
# absolute timerfd on that clock is handed to the kernel as it is. It is armed for decades ahead and never
# fires. A relative one is fine, and DONT_FAKE_MONOTONIC=1 mends both.
# Versions: libfaketime 0.9.10-2.1 (Debian 12).
# Why it hurts: some event loops arm their retransmission timers as absolute monotonic timerfds. Under
# faketime such a program never sends again, which looks like a protocol bug.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
deb libfaketime=0.9.10-2.1
cat >"$tmp/timer.py" <<'PY'
import ctypes, select, sys, time
libc = ctypes.CDLL(None, use_errno=True)
absolute = sys.argv[1] == "absolute"
fd = libc.timerfd_create(time.CLOCK_MONOTONIC, 0)
when = 1 + (int(time.clock_gettime(time.CLOCK_MONOTONIC)) if absolute else 0)
spec = (ctypes.c_long * 4)(0, 0, when, 0)
assert libc.timerfd_settime(fd, 1 if absolute else 0, ctypes.byref(spec), None) == 0
poll = select.poll()
poll.register(fd, select.POLLIN)
print("fires" if poll.poll(10000) else "never fires")
PY
run() {
  LD_PRELOAD=$(find "$tmp/root" /usr/lib -name libfaketime.so.1 2>/dev/null | head -1) FAKETIME='+0' \
    timeout 30 env "${@:2}" python3 "$tmp/timer.py" "$1" 2>"$tmp/err"
}
verdict "relative: fires, absolute: fires, absolute with the real monotonic clock: fires" \
  "relative: $(run relative), absolute: $(run absolute), absolute with the real monotonic clock: $(
    run absolute DONT_FAKE_MONOTONIC=1)" \
  "relative: fires, absolute: never fires, absolute with the real monotonic clock: fires"
