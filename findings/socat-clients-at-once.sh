#!/usr/bin/env bash
# socat UDP4-LISTEN,fork: the child of the first client inherits what others had sent by then. Of three
# clients that send while socat is busy the first gets all three echoes, in one datagram, and the others
# get nothing. UDP4-RECVFROM,fork answers each of them.
# Versions: socat 1.7.4.4-2 (Debian 12).
# Why it hurts: it is the usual one-line echo server for UDP. Clients that start together see
# "loss", and one of them strangers' data and merged datagrams, on a network that did nothing.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
deb socat=1.7.4.4-2
cat >"$tmp/clients.py" <<'PY'
import os, signal, socket, sys, time
clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
os.kill(int(sys.argv[2]), signal.SIGSTOP)  # A busy moment of the server's, so that all three come together.
for i, s in enumerate(clients):
    s.setblocking(False)
    s.sendto(b"%d" % i, ("127.0.0.1", int(sys.argv[1])))
os.kill(int(sys.argv[2]), signal.SIGCONT)
time.sleep(5)
def got(s):
    seen = []
    try:
        while True:
            seen.append(s.recv(99).decode())
    except BlockingIOError:
        return "+".join(seen) or "nothing"
print(" ".join(got(s) for s in clients))
PY
# run MODE PORT
run() {
  start setsid socat -T 20 "$1:$2,bind=127.0.0.1,fork" EXEC:/bin/cat 2>"$tmp/socat.log"
  bound "$2"
  answers=$(timeout 60 python3 "$tmp/clients.py" "$2" "${pids[-1]}")
  kill -- "-${pids[-1]}"  # Its children too.
}
run UDP4-RECVFROM 47151
each=$answers
run UDP4-LISTEN 47152
verdict "RECVFROM: 0 1 2, LISTEN: 0 1 2" "RECVFROM: $each, LISTEN: $answers" \
  "RECVFROM: 0 1 2, LISTEN: 012 nothing nothing"
