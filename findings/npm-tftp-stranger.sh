#!/usr/bin/env bash
# The TFTP client of npm's tftp 0.1.2: when a DATA comes from a second port, as it does when the network
# duplicated the request, RFC 1350 wants an error sent to that second port and the transfer undisturbed.
# This client sends the error to its own server, which then gives up. curl in the same place is fine.
# Versions: tftp 0.1.2 (npm), Node.js 20.
# Why it hurts: one duplicated request ends the transfer. The reason is told to the wrong side, so
# a capture shows a client that aborts for no cause.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
npm_package tftp@0.1.2
need curl
cat >"$tmp/client.js" <<'JS'
const client = require("tftp").createClient({host: "127.0.0.1", port: +process.argv[2], retries: 1, timeout: 1000});
client.get("file", __dirname + "/file.npm", error => process.exit(error ? 1 : 0));
JS
# The server answers from two ports, as if the request had come twice, and obeys errors.
cat >"$tmp/server.py" <<'PY'
import select, socket, struct, sys
listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.settimeout(30)
_, client = listener.recvfrom(600)
transfers = {name: socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for name in ("first", "second")}
errors = []
data = bytes(2000)
for s in transfers.values():
    s.bind(("127.0.0.1", 0))
    s.sendto(struct.pack(">HH", 3, 1) + data[:512], client)
while transfers and (ready := select.select(list(transfers.values()), [], [], 3)[0]):
    for name, s in list(transfers.items()):
        if s not in ready:
            continue
        code, block = struct.unpack(">HH", s.recv(600)[:4])
        if code == 5:
            errors.append(name)
            del transfers[name]
        elif block < 4:
            s.sendto(struct.pack(">HH", 3, block + 1) + data[block * 512 : block * 512 + 512], client)
print("error to the", " and the ".join(errors) or "none")
PY
# run PORT CLIENT...
run() {
  start timeout 60 python3 "$tmp/server.py" "$1" >"$tmp/said.$1"
  local server=${pids[-1]}
  bound "$1"
  timeout 40 "${@:2}" >"$tmp/client.log" 2>&1 && got=whole || got="none"
  wait "$server"
  said="$(cat "$tmp/said.$1"), file $got"
}
run 47131 curl -s --tftp-no-options -o "$tmp/file.curl" tftp://127.0.0.1:47131/file
echo "curl: $said"
curl=$got
run 47132 node "$tmp/client.js" 47132
verdict "curl: file whole, npm's tftp: error to the second, file whole" \
  "curl: file $curl, npm's tftp: $said" "curl: file whole, npm's tftp: error to the first, file none"
