#!/usr/bin/env bash
# NTP's seconds begin again at 0 on 7 February 2036. To a server whose clock says 2040, ntpdig and three clients of
# npm answer 1904: they subtract 2,208,988,800 from whatever comes, and none reports an error. RFC 4330 (section 3)
# says how to tell: seconds whose highest bit is not set are counted from 2036. chronyd answers 2040.
# Versions: ntpsec-ntpdig 1.2.2, chrony 4.3 (Debian 12), ntp-client 0.5.3, ntp-time 2.1.1, @hapi/sntp 4.0.0 (npm).
# Why it hurts: a test of the wrap, with the server's clock set ahead, fails in its own measuring client. What is
# worse, a client that only looks for an answer passes, and the day is less than ten years away.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
need unshare ip
npm_package ntp-client@0.5.3 ntp-time@2.1.1 @hapi/sntp@4.0.0
deb ntpsec-ntpdig=1.2.2+dfsg1-1+deb12u1 python3-ntp=1.2.2+dfsg1-1+deb12u1 chrony=4.3-2+deb12u3
cat >"$tmp/server.py" <<'PY'
import calendar, socket, struct, sys, time
ahead = calendar.timegm((int(sys.argv[1]), 7, 1, 0, 0, 0)) - time.time()
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 123))
def stamp(t):
    return struct.pack(">Q", int((t + 2208988800) * 2**32) % 2**64)
while True:
    query, client = s.recvfrom(1000)
    now = time.time() + ahead
    head = struct.pack(">BBbbIII", 0x24, 1, 6, -20, 0, 0, 0x47505300)  # Version 4, a server, stratum 1, GPS.
    s.sendto(head + stamp(now - 1) + query[40:48] + stamp(now) + stamp(now), client)
PY
cat >"$tmp/ask.js" <<'JS'
const client = process.argv[2], host = "127.0.0.1", port = 123;
const say = time => console.log(new Date(time).getUTCFullYear());
if (client === "ntp-client")
  require("ntp-client").getNetworkTime(host, port, (error, date) => error ? console.log(error) : say(date));
if (client === "ntp-time")
  new (require("ntp-time").Client)(host, port).syncTime().then(answer => say(answer.time), console.log);
if (client === "@hapi/sntp")
  require("@hapi/sntp").time({host, port}).then(answer => say(Date.now() + answer.t), console.log);
JS
cat >"$tmp/all.sh" <<'SH2'
tmp=$1
ip link set lo up || exit
python3 "$tmp/server.py" "$2" & server=$!
for _ in {1..100}; do ! grep -q ':007B ' /proc/net/udp || break; sleep 0.1; done
for client in ntp-client ntp-time @hapi/sntp; do
  echo "$client $(cd "$tmp" && timeout 20 node ask.js $client 2>&1 | tail -1)"
done
export PYTHONPATH=$tmp/root/usr/lib/python3/dist-packages
echo "ntpdig $(LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$LD_LIBRARY_PATH/ntp \
  timeout 20 python3 "$tmp/root/usr/bin/ntpdig" 127.0.0.1 2>&1 | tail -1 | cut -d- -f1)"
wrong=$(timeout 20 chronyd -u "$(id -un)" -Q -t 10 -f /dev/null 'server 127.0.0.1 iburst maxsamples 1' 2>&1 |
  sed -n 's/.*wrong by \(-*[0-9]*\).*/\1/p')
echo "chronyd $([[ ! $wrong ]] || date -u -d "@$(($(date +%s) + wrong))" +%Y)"
kill $server
SH2
ask() { timeout 120 unshare -Urn bash "$tmp/all.sh" "$tmp" "$1" 2>"$tmp/err" | paste -sd, | sed 's/,/, /g'; }
each="ntp-client 2035, ntp-time 2035, @hapi/sntp 2035, ntpdig 2035, chronyd 2035"
after=$(ask 2040) before=$(ask 2035)
[[ $before == "$each" ]] && before="each 2035"
verdict "ntp-client 2040, ntp-time 2040, @hapi/sntp 2040, ntpdig 2040, chronyd 2040; in 2035 each 2035" \
  "$after; in 2035 $before" \
  "ntp-client 1904, ntp-time 1904, @hapi/sntp 1904, ntpdig 1904, chronyd 2040; in 2035 each 2035"
