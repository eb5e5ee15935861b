#!/usr/bin/env bash
# When its timer runs out in an upload, atftp sends the block after the one that nobody acknowledged, then the
# next, and so on to the last. With a lost ACK this goes well by luck. With a lost DATA the server can use none of
# them, and atftp gives up, unless the server repeats its last ACK: then atftp goes back to the right place. It
# makes no difference whether "timeout" was agreed as an option.
# Versions: atftp 0.8.0-3 (Debian 12); 0.8.0-8 (Debian 13) did the same by hand.
# Why it hurts: whether one lost DATA ends an upload hangs on the server's timer. A loss test of a server that
# leaves the repeating to the sender fails here, for a fault of the client.
# My guess: the block without an ACK is sent again, and one loss costs one timeout.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
deb atftp=0.8.0-3
head -c 3000 /dev/urandom >"$tmp/file"
# A server that loses DATA 3, or its ACK, once. It repeats its last ACK after so many seconds, or with 0 never.
cat >"$tmp/server.py" <<'PY'
import socket, struct, sys
port, lose, repeat, name = int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4]
listener, s = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
listener.bind(("127.0.0.1", port))
listener.settimeout(20)
request, client = listener.recvfrom(600)
assert request[:2] == b"\0\2", request
options = request[2:].split(b"\0")[2:-1]
s.bind(("127.0.0.1", 0))
s.settimeout(repeat or 3)
answer = b"\0\6" + b"".join(option + b"\0" for option in options) if options else b"\0\4\0\0"
s.sendto(answer, client)
seen, blocks, repeats = [], [], 0
while len(seen) < 100 and not (blocks and len(blocks[-1]) < 512):
    try:
        code, block = struct.unpack(">HH", (data := s.recv(600))[:4])
    except TimeoutError:
        if repeats == 5 or not repeat:
            break
        repeats += 1
        s.sendto(answer, client)
        continue
    assert code == 3, data
    seen.append(block)
    if block == 3 and lose == "data":
        lose = ""
        continue
    if block == len(blocks) + 1:
        blocks.append(data[4:])
    if block <= len(blocks):
        answer = struct.pack(">HH", 4, block)
        if block == 3 and lose == "ack":
            lose = ""
        else:
            s.sendto(answer, client)
whole = b"".join(blocks) == open(name, "rb").read()
print("DATA", *seen, "file whole" if whole else "file not whole")
PY
# run PORT LOSE REPEAT [OPTION...]: the blocks that the server saw and how it ended.
run() {
  start timeout 40 python3 "$tmp/server.py" "$1" "$2" "$3" "$tmp/file" >"$tmp/got"
  local server=${pids[-1]} code=0
  bound "$1"
  timeout 30 atftp --tftp-timeout 1 "${@:4}" --put -l "$tmp/file" -r file 127.0.0.1 "$1" \
    >"$tmp/atftp.log" 2>&1 || code=$?
  wait "$server" || :
  said="$(cat "$tmp/got") exit $code"
}
run 47191 none 0 && none=$said
run 47192 ack 0 && ack=$said
run 47193 data 0 && data=$said
run 47194 data 0 --option "timeout 1" && option=$said
run 47195 data 0.3 && asked=$said
good="DATA 1 2 3 4 5 6 file whole exit 0" again="DATA 1 2 3 3 4 5 6 file whole exit 0"
bad="DATA 1 2 3 4 5 6 6 6 file not whole exit 255"
verdict "no loss: $good; ACK 3 lost: $again; DATA 3 lost: $again; the same with \"timeout 1\": $again; \
DATA 3 lost and ACK 2 repeated: $again" \
  "no loss: $none; ACK 3 lost: $ack; DATA 3 lost: $data; the same with \"timeout 1\": $option; \
DATA 3 lost and ACK 2 repeated: $asked" \
  "no loss: $good; ACK 3 lost: $good; DATA 3 lost: $bad; the same with \"timeout 1\": $bad; \
DATA 3 lost and ACK 2 repeated: $again"
