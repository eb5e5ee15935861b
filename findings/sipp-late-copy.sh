#!/usr/bin/env bash
# To know a repeated message sipp remembers the last that its scenario had to have, and none before. A copy
# that comes late, with another message in between, ends the call as failed: a copy of the 180 after the
# 200 at the caller (-sn uac), a copy of the INVITE after the ACK at the callee (-sn uas). A copy that comes at
# once harms neither. RFC 3261 (18.1.2) has a user agent discard stray responses, and RFC 6026 has a server
# absorb copies of an INVITE that it has accepted.
# Versions: sip-tester 3.6.1 (Debian 12).
# Why it hurts: sipp is what SIP servers are tested with. On a network that duplicates and reorders, its
# "failed calls" are its own, while the server under test did all it had to.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
deb sip-tester=1:3.6.1-1+b2
cat >"$tmp/peer.py" <<'PY'
import re, socket, sys, time
role, port, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
def callee():
    s.bind(("127.0.0.1", port))
    codes = {"none": [100, 180, 200], "at-once": [100, 180, 180, 200], "late": [100, 180, 200, 180]}[mode]
    while True:
        text, client = s.recvfrom(4000)
        lines = text.decode().split("\r\n")
        method = lines[0].split()[0]
        for code in codes if method == "INVITE" else [200] if method == "BYE" else []:
            answer = [f"SIP/2.0 {code} " + {100: "Trying", 180: "Ringing", 200: "OK"}[code]]
            answer += [line for line in lines if re.match("(Via|From|Call-ID|CSeq):", line)]
            answer += [re.sub("(;tag=.*)?$", ";tag=9", line) for line in lines if line.startswith("To:")]
            answer += [f"Contact: <sip:b@127.0.0.1:{port}>", "Content-Length: 0", "", ""]
            s.sendto("\r\n".join(answer).encode(), client)
            time.sleep(0.02)
def request(method, number, branch, tag=""):
    here, there = (f"127.0.0.1:{p}" for p in (s.getsockname()[1], port))
    return "\r\n".join([f"{method} sip:b@{there} SIP/2.0", f"Via: SIP/2.0/UDP {here};branch=z9hG4bK-{branch}",
        "Max-Forwards: 70", f"From: <sip:a@{here}>;tag=1", f"To: <sip:b@{there}>{tag}", f"Call-ID: 1@{here}",
        f"CSeq: {number} {method}", f"Contact: <sip:a@{here}>", "Content-Length: 0", "", ""]).encode()
def ok():
    while True:
        text = s.recv(4000).decode()
        if text.startswith("SIP/2.0 200"):
            return re.search(r"\r\nTo:.*?(;tag=[^\r;]*)", text).group(1)
def caller():
    s.connect(("127.0.0.1", port))
    for _ in range(2 if mode == "at-once" else 1):
        s.send(request("INVITE", 1, "invite"))
    tag = ok()
    s.send(request("ACK", 1, "ack", tag))
    time.sleep(0.1)
    if mode == "late":
        s.send(request("INVITE", 1, "invite"))
        time.sleep(0.1)
    s.send(request("BYE", 2, "bye", tag))
    ok()
callee() if role == "callee" else caller()
PY
count=0
# result OUTPUT: what sipp says of its one call.
result() {
  [[ $(grep 'Successful call' "$1" | tail -1) =~ 1\ *$ ]] && echo ok && return
  [[ $(grep 'Failed call' "$1" | tail -1) =~ 1\ *$ ]] && echo failed || echo unclear
}
sipp_() { (cd "$tmp" && timeout 20 sipp -m 1 -i 127.0.0.1 -nostdin "$@" >"$tmp/out.$count" 2>&1) || :; }
# uac MODE: sipp calls, and our callee sends its 180 once more.
uac() {
  port=$((47310 + 4 * ++count))
  start timeout 30 python3 "$tmp/peer.py" callee $port "$1" 2>"$tmp/peer.log"
  bound $port
  sipp_ -sn uac -d 200 -p $((port + 1)) 127.0.0.1:$port
  uac[count]=$(result "$tmp/out.$count")
}
# uas MODE: sipp is called, and our caller sends its INVITE once more.
uas() {
  port=$((47310 + 4 * ++count))
  sipp_ -sn uas -p $port &
  pid=$!
  pids+=("$pid")
  bound $port
  timeout 15 python3 "$tmp/peer.py" caller $port "$1" 2>"$tmp/peer.log" || :
  wait $pid || :
  uas[count]=$(result "$tmp/out.$count")
}
declare -a uac uas
for mode in none at-once late; do uac $mode; done
for mode in none at-once late; do uas $mode; done
verdict "no copy, copy at once, late copy: uac ok ok ok, uas ok ok ok" \
  "no copy, copy at once, late copy: uac ${uac[*]}, uas ${uas[*]}" \
  "no copy, copy at once, late copy: uac ok ok failed, uas ok ok failed"
