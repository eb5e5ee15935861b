#!/usr/bin/env bash
# pcapng times finer than nanoseconds: Wireshark 4.0.17 shows 2.5 s in picoseconds (10^-12) as 2.001937910,
# and libpcap 1.10.3 shows it right. In ticks of 2^-40 s both show the same wrong 2.013460736. The
# fraction times 10^9 no longer fits in 64 bits, and what overflows is lost.
# Versions: tshark 4.0.17-0+deb12u3, tcpdump 4.99.3-1 with libpcap 1.10.3-1 (Debian 12).
# Why it hurts: a writer that keeps all of its clock's digits makes such files. Seconds stay right, so the
# delays look like jitter; and for 2^-40 a second tool "confirms" them.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
deb tshark=4.0.17-0+deb12u3 tcpdump=4.99.3-1 libpcap0.8=1.10.3-1
cat >"$tmp/write.py" <<'PY'
import struct, sys
def block(kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size
def write(name, resolution, ticks):
    packet = bytes.fromhex("4500001e000100004011" "0000" "7f0000017f000001" "03e807d0000a0000" "6869")
    options = struct.pack("<HHB3xHH", 9, 1, resolution, 0, 0)
    with open(sys.argv[1] + "/" + name, "wb") as file:
        file.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        file.write(block(1, struct.pack("<HHI", 101, 0, 0) + options))
        file.write(block(6, struct.pack("<IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, 30, 30) + packet))
write("nano", 9, 5 * 10**9 // 2)
write("pico", 12, 5 * 10**12 // 2)
write("binary", 0x80 | 40, 5 * 2**40 // 2)
PY
python3 "$tmp/write.py" "$tmp"
# times FILE: by tcpdump and by tshark
times() {
  local dump shark
  dump=$(timeout 60 tcpdump -ttn --nano -r "$tmp/$1" 2>"$tmp/err" | cut -d ' ' -f 1)
  shark=$(timeout 60 tshark -r "$tmp/$1" -T fields -e frame.time_epoch 2>"$tmp/err")
  echo "$dump $shark"
}
right=2.500000000
verdict "nano $right $right, pico $right $right, binary $right $right" \
  "nano $(times nano), pico $(times pico), binary $(times binary)" \
  "nano $right $right, pico $right 2.001937910, binary 2.013460736 2.013460736"
