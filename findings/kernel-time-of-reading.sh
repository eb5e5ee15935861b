#!/usr/bin/env bash
# Linux notes when datagrams arrive only while some socket of the machine asks for it. SO_TIMESTAMP, when it is
# set after a datagram came in, gives the time of the reading and calls it the time of arrival: a second late for
# a datagram that waited a second, and two that came together are as far apart as the calls that read them. When
# any other program has asked for times, in another network namespace even, the same code gets true times.
# Versions: Linux 6.18.44; nothing but Python is needed. Skipped when somebody else on the machine asks for times.
# Why it hurts: delays that a test measures so are those of its own reader. With a capture running beside it, to
# see what is wrong, they are right: watching makes the error go away.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
need python3 unshare ip
cat >"$tmp/late.py" <<'PY'
import socket, struct, time
SO_TIMESTAMPNS = 35
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
receiver.settimeout(10)
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.connect(receiver.getsockname())
sent = time.time()
sender.send(b"1")
sender.send(b"2")
late = []
for wait in (1, 0.5):
    time.sleep(wait)
    receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)  # After both came in.
    _, [(_, _, value)], _, _ = receiver.recvmsg(100, 100)
    seconds, nanoseconds = struct.unpack("qq", value)
    late.append(seconds + nanoseconds / 1e9 - sent)
print("+%.1f s and +%.1f s" % tuple(late))
PY
# A socket in a network namespace of its own, which asks for times and never gets a datagram.
cat >"$tmp/bystander.py" <<'PY'
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 29, 1)  # SO_TIMESTAMP
open(sys.argv[1], "w").close()
time.sleep(30)
PY
echo "versions: Linux $(uname -r)"
late() { timeout 60 unshare -Urn bash -c 'ip link set lo up && exec python3 "$@"' - "$tmp/late.py" 2>&1; }
# Alone before and after must be the same, and not right: else somebody else asked for times meanwhile.
for _ in {1..6}; do
  rm -f "$tmp/ready"
  alone=$(late) || skip "$alone"
  timeout 40 unshare -Urn python3 "$tmp/bystander.py" "$tmp/ready" & bystander=$!
  pids+=("$bystander")
  for _ in {1..100}; do [[ ! -e $tmp/ready ]] || break; sleep 0.1; done
  sleep 0.5
  watched=$(late) || skip "$watched"
  kill $bystander
  sleep 0.5
  again=$(late) || skip "$again"
  [[ $alone != "$again" || $alone == *+0.0* ]] || break
  again=
done
[[ $again ]] || skip "the times are right without our asking: somebody else asks, or this kernel always notes them"
verdict "time of arrival: alone +0.0 s and +0.0 s, beside a socket with SO_TIMESTAMP +0.0 s and +0.0 s" \
  "time of arrival: alone $alone, beside a socket with SO_TIMESTAMP $watched" \
  "time of arrival: alone +1.0 s and +1.5 s, beside a socket with SO_TIMESTAMP +0.0 s and +0.0 s"
