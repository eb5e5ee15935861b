#!/usr/bin/env bash
# One datagram in 65,536 has a checksum that comes to 0. RFC 768 has it sent as 0xFFFF, as 0 says "no checksum".
# Seven programs that compute checksums write 0: tcprewrite -C (reported in appneta/tcpreplay#814, closed as invalid),
# bittwiste, trafgen, mausezahn, hping3, sendip and npm's udp-packet. scapy writes 0xFFFF. Over IPv6, where 0 is not
# allowed, Linux throws such a datagram of sendip's away.
# Versions: tcpreplay 4.4.3, bittwist 2.0, netsniff-ng 0.6.8, hping3 3.a2, sendip 2.6, scapy 2.5.0 (Debian 12),
# udp-packet 2.0.0 (npm).
# Why it hurts: a long run over IPv6 with changing payloads loses one in 65,536, the same ones each time, and the
# network is innocent. Over IPv4 damage to those goes unnoticed, and "fixed" captures hold datagrams without a checksum.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
need unshare ip
npm_package udp-packet@2.0.0
deb tcpreplay=4.4.3-1 bittwist=2.0-15 netsniff-ng=0.6.8-3 hping3=3.a2.ds2-10 sendip=2.6-1 python3-scapy=2.5.0+dfsg-2
# From port 4000 to port 4001 of 127.0.0.1 the payload E2 96 makes the sum 0, and E2 95 makes it 1. For ::1 E0 97 and
# E0 96 do.
cat >"$tmp/write.py" <<'PY'
import struct, sys
for last in (0x95, 0x96):
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 30, 1, 0, 64, 17, 0x7CCC) + bytes([127, 0, 0, 1] * 2)
    udp = struct.pack(">HHHHBB", 4000, 4001, 10, 0x1234, 0xE2, last)
    frame = bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]) + ip + udp
    with open("%s/%02x.pcap" % (sys.argv[1], last), "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        file.write(struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame)
    with open("%s/%02x.payload" % (sys.argv[1], last), "wb") as file:
        file.write(bytes([0xE2, last]))
PY
cat >"$tmp/capture.py" <<'PY'
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
s.settimeout(10)
print("ready", flush=True)
while True:
    data, (_, _, kind, _, _) = s.recvfrom(2000)
    if kind != 4 and data[9] == 17 and data[20:24] == bytes([0x0F, 0xA0, 0x0F, 0xA1]):
        print(data[26:28].hex(), flush=True)
        break
PY
cat >"$tmp/udp6.py" <<'PY'
import socket, subprocess, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::1", 4001))
s.settimeout(2)
modules, seen = sys.argv[1], []
for payload in ("0xe097", "0xe096"):
    ip, udp = ["-p", modules + "/ipv6.so", "-6s", "::1", "-6d", "::1"], ["-p", modules + "/udp.so", "-us", "4000"]
    subprocess.run(["timeout", "10", "sendip", *ip, *udp, "-ud", "4001", "-d", payload, "::1"],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert s.recv(100) == bytes.fromhex(payload[2:])
        seen.append("arrived")
    except TimeoutError:
        seen.append("lost")
print(*seen)
PY
cat >"$tmp/encode.js" <<'JS'
const packet = {sourcePort: 4000, destinationPort: 4001, sourceIp: "127.0.0.1", destinationIp: "127.0.0.1"};
packet.data = Buffer.from(process.argv[2], "hex");
console.log(require("udp-packet").encode(packet).toString("hex", 6, 8));
JS
cat >"$tmp/build.py" <<'PY'
import sys
from scapy.all import IP, UDP
packet = IP(src="127.0.0.1", dst="127.0.0.1") / UDP(sport=4000, dport=4001) / bytes.fromhex(sys.argv[1])
print(packet.build()[26:28].hex())
PY
cat >"$tmp/all.sh" <<'SH2'
tmp=$1
ip link set lo up || exit
packages=$tmp/root/usr/lib/python3/dist-packages
modules=$(dirname "$(find "$tmp/root" -name udp.so -path '*sendip*')")
# sent NAME COMMAND...: what the command puts on the wire.
sent() {
  name=$1 && shift
  rm -f "$tmp/seen"
  python3 "$tmp/capture.py" >"$tmp/seen" 2>"$tmp/capture.log" & capture=$!
  for _ in {1..100}; do ! grep -qs ready "$tmp/seen" || break; sleep 0.1; done
  timeout 10 "$@" >"$tmp/log" 2>&1
  wait $capture
  echo "$name $(sed -n 2p "$tmp/seen")"
}
# written NAME FILE: what is in the file, of which there is one packet.
written() { echo "$1 $(tail -c 4 "$2" | head -c 2 | od -An -tx1 | tr -d ' ')"; }
for last in 95 96; do
  timeout 10 tcprewrite -C -i "$tmp/$last.pcap" -o "$tmp/out" >"$tmp/log" 2>&1
  written tcprewrite "$tmp/out"
  timeout 10 bittwiste -I "$tmp/$last.pcap" -O "$tmp/out2" -T udp >"$tmp/log" 2>&1
  written bittwiste "$tmp/out2"
  echo "{ ipv4(sa=127.0.0.1, da=127.0.0.1), udp(sp=4000, dp=4001), 0xe2, 0x$last }" >"$tmp/trafgen.cfg"
  sent trafgen trafgen --dev lo --conf "$tmp/trafgen.cfg" --num 1 --cpus 1
  sent mausezahn mausezahn lo -c 1 -A 127.0.0.1 -B 127.0.0.1 -t udp "sp=4000,dp=4001,p=e2:$last"
  sent hping3 hping3 -2 -c 1 -s 4000 -k -p 4001 -d 2 -E "$tmp/$last.payload" 127.0.0.1
  sent sendip sendip -p "$modules/ipv4.so" -is 127.0.0.1 -id 127.0.0.1 \
    -p "$modules/udp.so" -us 4000 -ud 4001 -d "0xe2$last" 127.0.0.1
  echo "udp-packet $(cd "$tmp" && node encode.js "e2$last")"
  echo "scapy $(HOME=$tmp PYTHONPATH=$packages python3 "$tmp/build.py" "e2$last" 2>"$tmp/log")"
  [[ $last == 96 ]] || echo then
done
echo "over IPv6 $(python3 "$tmp/udp6.py" "$modules")"
SH2
python3 "$tmp/write.py" "$tmp"
seen=$(timeout 300 unshare -Urn bash "$tmp/all.sh" "$tmp" 2>"$tmp/err" | paste -sd' ') || skip "no network of our own"
names="tcprewrite bittwiste trafgen mausezahn hping3 sendip udp-packet scapy"
one=$(for name in $names; do echo "$name 0001"; done | paste -sd' ')
[[ $seen == "$one then "* ]] || skip "the sum of 1 does not come out as 1: $seen"
zero=${one//0001/0000} all_ones=${one//0001/ffff}
verdict "$all_ones over IPv6 arrived arrived" "${seen#"$one then "}" \
  "${zero/scapy 0000/scapy ffff} over IPv6 lost arrived"
