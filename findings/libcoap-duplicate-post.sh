#!/usr/bin/env bash
# libcoap's server carries out a confirmable request as often as it arrives. RFC 7252 section 4.5 says that
# a recipient should acknowledge each copy and process the request once; it relaxes that for requests that
# are idempotent, which POST is not. The resource directory that comes with libcoap makes three entries
# of one POST whose datagram arrives three times, each with another location. (npm's coap 1.4.1 calls its
# server once.)
# Versions: libcoap 4.3.1-1 (Debian 12).
# Why it hurts: a lost ACK is enough. The client repeats the request as it must, and the server's state
# is wrong though every message was answered: a test that counts answers sees nothing.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
deb libcoap3-bin=4.3.1-1
start timeout 60 coap-rd-notls -A 127.0.0.1 -p 47122 >"$tmp/rd.log" 2>&1
bound 47122
cat >"$tmp/client.py" <<'PY'
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect(("127.0.0.1", 47122))
# Confirmable POST, message 1000, token T, Uri-Path rd, Uri-Query ep=node, payload </a>.
post = b"\x41\x02\x03\xe8T\xb2rd\x47ep=node\xff</a>"
answers = []
for _ in range(3):
    s.send(post)
    answers.append(s.recv(1500))
    time.sleep(0.2)  # Else two entries may get the same location.
assert all(answer[1] == 0x41 and answer[2:4] == post[2:4] for answer in answers), answers
print(len(set(answers)), "locations")
PY
verdict "1 locations" "$(python3 "$tmp/client.py")" "3 locations"
