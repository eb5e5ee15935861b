#!/usr/bin/env bash
# libfaketime 0.9.10, time sped up: alarm() divides its seconds by the speed as a whole number. At
# "x10" alarm(2) becomes alarm(0), which cancels the alarm: it never comes. alarm(25) becomes 2 seconds.
# Versions: libfaketime 0.9.10-2.1 (Debian 12).
# Why it hurts: old UDP programs guard a blocking recv by alarm(). To run one ten times as fast is to
# take its timeout away: the first lost datagram then stops it for good, as if the program were wrong.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
deb libfaketime=0.9.10-2.1
cat >"$tmp/wait.py" <<'PY'
import signal, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
signal.signal(signal.SIGALRM, lambda *_: sys.exit(0))
signal.alarm(int(sys.argv[1]))
s.recv(1)
PY
# fires SECONDS: 8 real seconds are 80 faked ones.
fires() {
  LD_PRELOAD=$(find "$tmp/root" /usr/lib -name libfaketime.so.1 2>/dev/null | head -1) FAKETIME='+0 x10' \
    timeout -s KILL 8 python3 "$tmp/wait.py" "$1" 2>"$tmp/err" && echo fires || echo "never comes"
}
verdict "alarm(25) fires, alarm(2) fires" "alarm(25) $(fires 25), alarm(2) $(fires 2)" \
  "alarm(25) fires, alarm(2) never comes"
