#!/usr/bin/env bash
# When a TFTP server's OACK comes a second time during an upload, curl numbers from 1 again but reads on in
# the file: DATA 1 now holds the second 512 bytes. If the first DATA 1 was lost, which is why servers repeat
# an OACK, the file arrives without its beginning. If the network doubled the OACK, the second block is gone.
# The server sees a proper end both times, and curl says nothing and exits with 0.
# Versions: curl 7.88.1-10+deb12u15 (Debian 12); 8.14.1-2+deb13u2~bpo13+1 (backports) did the same by hand.
# Why it hurts: a test that loses datagrams and asks for curl's exit code passes with a damaged file, and one
# that compares the file blames the server, or the program that lost the datagram.
# My guess: curl sends the same DATA 1 again, as it does when its own timer runs out.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
deb curl=7.88.1-10+deb12u15
# Six blocks, each of one letter, and the last one short.
for letter in A B C D E; do head -c 512 /dev/zero | tr '\0' $letter; done >"$tmp/file"
head -c 440 /dev/zero | tr '\0' F >>"$tmp/file"
cat >"$tmp/server.py" <<'PY'
import socket, struct, sys, time
port, way = int(sys.argv[1]), sys.argv[2]
listener, s = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
listener.bind(("127.0.0.1", port))
listener.settimeout(20)
request, client = listener.recvfrom(600)
assert request[:2] == b"\0\2" and b"blksize" in request, request
s.bind(("127.0.0.1", 0))
s.settimeout(10)
oack = b"\0\6" + b"blksize\0" + b"512\0"
s.sendto(oack, client)
if way == "doubled":  # The network doubles the OACK.
    s.sendto(oack, client)
if way == "lost":  # The network loses DATA 1, and the server's timer runs out.
    assert s.recv(600)[:4] == b"\0\3\0\1"
    time.sleep(1)
    s.sendto(oack, client)
blocks = []
for _ in range(100):
    code, block = struct.unpack(">HH", (data := s.recv(600))[:4])
    assert code == 3, data
    if block == len(blocks) + 1:
        blocks.append(data[4:])
    if block <= len(blocks):  # One that came before is acknowledged again and not kept.
        s.sendto(struct.pack(">HH", 4, block), client)
    if len(blocks[-1]) < 512:
        break
print("".join(block.decode()[:1] for block in blocks))
PY
# run PORT WAY: what the server has in the end, a letter for each block, and what curl makes of it.
run() {
  start timeout 40 python3 "$tmp/server.py" "$1" "$2" >"$tmp/got"
  local server=${pids[-1]} code=0
  bound "$1"
  timeout 30 curl -s -S -T "$tmp/file" "tftp://127.0.0.1:$1/file" >"$tmp/curl.log" 2>&1 || code=$?
  wait "$server" || :
  said="$(cat "$tmp/got" "$tmp/curl.log") exit $code"
}
run 47181 once && once=$said
run 47182 lost && lost=$said
run 47183 doubled && doubled=$said
verdict "one OACK: ABCDEF exit 0; repeated as DATA 1 was lost: ABCDEF exit 0; doubled: ABCDEF exit 0" \
  "one OACK: $once; repeated as DATA 1 was lost: $lost; doubled: $doubled" \
  "one OACK: ABCDEF exit 0; repeated as DATA 1 was lost: BCDEF exit 0; doubled: ACDEF exit 0"
