#!/usr/bin/env bash
# irtt 0.9.0 subtracts without a sign: when duplicates arrive, so that more came than was sent, the loss
# that it reports for that direction is 18446744073709551616.00% or of that size.
# Versions: irtt 0.9.0-2+b24 (Debian 12).
# Why it hurts: one duplicate more than there were losses turns the very figure into nonsense, and a plot
# or a check of it (loss below 5 %?) fails on a network that lost nothing.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
deb irtt=0.9.0-2+b24
# A relay that sends each reply from the third on twice, or each request, as told.
cat >"$tmp/relay.py" <<'PY'
import select, socket, sys
port, server = map(int, sys.argv[1:3])
outside, inside = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
outside.bind(("127.0.0.1", port))
inside.connect(("127.0.0.1", server))
client, seen = None, {"up": 0, "down": 0}
while True:
    for s in select.select([outside, inside], [], [])[0]:
        way = "up" if s is outside else "down"
        data, sender = s.recvfrom(2000)
        client = sender if s is outside else client
        seen[way] += 1
        for _ in range(2 if sys.argv[3] == way and seen[way] > 2 else 1):
            inside.send(data) if s is outside else outside.sendto(data, client)
PY
start irtt server -b 127.0.0.1:47171 >"$tmp/server.log" 2>&1
bound 47171
# run PORT DIRECTION
run() {
  start timeout 60 python3 "$tmp/relay.py" "$1" 47171 "$2" 2>"$tmp/relay.log"
  bound "$1"
  timeout 30 irtt client -q -i 20ms -d 2s "127.0.0.1:$1" >"$tmp/out" 2>&1 || :
  line=$(grep 'server packets received' "$tmp/out" || :)
  echo "$2: ${line## }"
  [[ $line =~ [0-9]{15,}\.[0-9]*% ]] && loss=absurd || loss=sane
}
run 47172 none
none=$loss
run 47173 up
up=$loss
run 47174 down
verdict "loss without duplicates sane, with them upwards sane, downwards sane" \
  "loss without duplicates $none, with them upwards $up, downwards $loss" \
  "loss without duplicates sane, with them upwards absurd, downwards absurd"
