#!/usr/bin/env bash
# irtt 0.9.0, which measures delay, loss and duplicates by UDP, ends when the reply to its handshake comes
# twice: "unexpected open flag set". Later duplicates do not end it.
# Versions: irtt 0.9.0-2+b24 (Debian 12).
# Why it hurts: on a network that duplicates 10 % one run in ten measures nothing, and its figures are
# those of no packet, or of one that was not lost.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
deb irtt=0.9.0-2+b24
# A relay that sends the replies numbered FROM to TO twice.
cat >"$tmp/relay.py" <<'PY'
import select, socket, sys
port, server, first, last = map(int, sys.argv[1:])
outside, inside = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
outside.bind(("127.0.0.1", port))
inside.connect(("127.0.0.1", server))
client, replies = None, 0
while True:
    for s in select.select([outside, inside], [], [])[0]:
        if s is outside:
            data, client = s.recvfrom(2000)
            inside.send(data)
        else:
            data = s.recv(2000)
            replies += 1
            for _ in range(2 if first <= replies <= last else 1):
                outside.sendto(data, client)
PY
start irtt server -b 127.0.0.1:47161 >"$tmp/server.log" 2>&1
bound 47161
# run PORT FIRST LAST
run() {
  start timeout 60 python3 "$tmp/relay.py" "$1" 47161 "$2" "$3" 2>"$tmp/relay.log"
  bound "$1"
  timeout 30 irtt client -q -i 20ms -d 2s "127.0.0.1:$1" >"$tmp/out" 2>&1 || :
  grep -E 'packets sent|Terminated' "$tmp/out" || :
  grep -q 'unexpected open flag' "$tmp/out" && said="ends at once" || said="measures"
}
run 47162 5 5
later=$said
run 47163 1 1
verdict "a later reply twice: measures, the first reply twice: measures" \
  "a later reply twice: $later, the first reply twice: $said" \
  "a later reply twice: measures, the first reply twice: ends at once"
