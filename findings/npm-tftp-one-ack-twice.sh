#!/usr/bin/env bash
# The TFTP server of npm's tftp 0.1.2: after one duplicated ACK it goes back to that block again and again.
# A client that acknowledges each DATA gets a 20,000-byte file in 1,484 datagrams instead of 40, and twice
# the file costs about four times as many: the cost grows with the square of what is left.
# Versions: tftp 0.1.2 (npm), Node.js 20.
# Why it hurts: one duplicate in a test makes a storm. It hides what the network did, and it looks
# as if the network duplicated for ever.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
npm_package tftp@0.1.2
head -c 20000 /dev/zero >"$tmp/short"
head -c 40000 /dev/zero >"$tmp/long"
cat >"$tmp/server.js" <<'JS'
const server = require("tftp").createServer({host: "127.0.0.1", port: 47121, root: __dirname});
server.on("error", error => console.log(error.message));
server.on("request", request => request.on("error", error => console.log(error.message)));
server.listen();
JS
cat >"$tmp/client.py" <<'PY'
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(3)
s.sendto(b"\0\1" + sys.argv[1].encode() + b"\0octet\0", ("127.0.0.1", 47121))
count, doubled = 0, sys.argv[2] != "2"
try:
    while count < 20000:
        data, server = s.recvfrom(600)
        code, block = struct.unpack(">HH", data[:4])
        assert code == 3, data
        count += 1
        for _ in range(2 if block == 2 and not doubled else 1):
            s.sendto(struct.pack(">HH", 4, block), server)
        doubled = doubled or block == 2
except TimeoutError:
    pass
print(count)
PY
start timeout 60 node "$tmp/server.js"
bound 47121
run() { python3 "$tmp/client.py" "$@"; }
quiet=$(run short 1) short=$(run short 2) long=$(run long 2)
echo "datagrams for 40 blocks: $quiet; with one ACK doubled: $short; the same for 79 blocks: $long"
((short > 10 * quiet)) && cost="ten times as many" || cost="few more"
((long > 3 * short)) && growth="more than thrice that" || growth="in proportion"
verdict "40 undisturbed; few more with a doubled ACK; in proportion for twice the file" \
  "$quiet undisturbed; $cost with a doubled ACK; $growth for twice the file" \
  "40 undisturbed; ten times as many with a doubled ACK; more than thrice that for twice the file"
