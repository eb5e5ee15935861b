#!/usr/bin/env bash
# dig sends each try from a new port and listens no more to the old ones. An answer that takes longer than
# one timeout is refused each time: five tries of a second never see an answer that takes two seconds.
# Node's resolver (c-ares), told the same, keeps its socket and its id, and takes the answer to try 1.
# Versions: bind9-dnsutils 9.18.49 (Debian 12), Node.js 20 (c-ares inside it).
# Why it hurts: "more tries" is no cure for delay. A test with 2 s of delay reports "no servers could be
# reached" by dig while the program under test resolves at once: loss and lateness look alike.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
need node
deb bind9-dnsutils=1:9.18.49-1~deb12u3
cat >"$tmp/server.py" <<'PY'
import socket, sys, threading
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", int(sys.argv[1])))
def answer(query):
    end = query.index(b"\0", 12) + 5
    head = query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0"
    return head + query[12:end] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\1\2\3"
while True:
    query, client = s.recvfrom(600)
    threading.Timer(2, s.sendto, (answer(query), client)).start()
PY
cat >"$tmp/resolve.js" <<'JS'
const resolver = new (require("dns").Resolver)({timeout: 1000, tries: 5});
resolver.setServers(["127.0.0.1:" + process.argv[2]]);
resolver.resolve4("late.example", (error, found) => console.log(error ? error.code : found[0]));
JS
for port in 47141 47142; do
  start timeout 60 python3 "$tmp/server.py" $port 2>"$tmp/server.log"
  bound $port
done
dig=$(timeout 30 dig @127.0.0.1 -p 47141 +timeout=1 +tries=5 +short late.example A | tail -1) || :
[[ $dig == 10.1.2.3 ]] || dig="no answer"
verdict "node 10.1.2.3, dig 10.1.2.3" "node $(timeout 30 node "$tmp/resolve.js" 47142), dig $dig" \
  "node 10.1.2.3, dig no answer"
