#!/usr/bin/env bash
# scapy 2.5.0 keeps the first interface table of a pcapng file for the whole file. In a second section, as
# "cat a.pcapng b.pcapng" makes and the format allows, interface 0 is still the first section's: another
# resolution puts the times ages off, another link type makes garbage of the packets. No word of it.
# Versions: scapy 2.5.0+dfsg-2 (Debian 12). tshark and tcpdump are right about the times.
# Why it hurts: captures of two ends, or of two runs, are joined like that. The delays between them come
# out as 50,000 years, and a UDP packet as an Ethernet frame of an unknown type.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
deb python3-scapy=2.5.0+dfsg-2
cat >"$tmp/write.py" <<'PY'
import struct, sys
def block(kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size
def section(link, exponent, ticks, packet):
    options = struct.pack("<HHB3xHH", 9, 1, exponent, 0, 0)
    return (block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
            + block(1, struct.pack("<HHI", link, 0, 0) + options)
            + block(6, struct.pack("<IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(packet), len(packet)) + packet))
udp = bytes.fromhex("4500001e000100004011" "0000" "7f0000017f000001" "03e807d0000a0000" "6869")
ethernet = bytes.fromhex("020202020202" "040404040404" "0800") + udp
first = section(1, 6, 1700000000 * 10**6, ethernet)
open(sys.argv[1] + "/resolution.pcapng", "wb").write(first + section(1, 9, 1700000001 * 10**9, ethernet))
open(sys.argv[1] + "/link.pcapng", "wb").write(first + section(101, 6, 1700000001 * 10**6, udp))
PY
cat >"$tmp/read.py" <<'PY'
import sys
from scapy.utils import rdpcap
from scapy.layers import l2, inet
packets = rdpcap(sys.argv[1])
print(int(packets[1].time - packets[0].time), "s later", packets[1].haslayer("UDP") and "UDP" or "no UDP")
PY
python3 "$tmp/write.py" "$tmp"
read_one() {
  PYTHONPATH=$tmp/root/usr/lib/python3/dist-packages timeout 60 python3 "$tmp/read.py" "$tmp/$1" 2>"$tmp/err"
}
verdict "resolution: 1 s later UDP; link type: 1 s later UDP" \
  "resolution: $(read_one resolution.pcapng); link type: $(read_one link.pcapng)" \
  "resolution: 1698300001000 s later UDP; link type: 1 s later no UDP"
