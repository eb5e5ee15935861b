#!/usr/bin/env bash
# In tshark 4.0.17 no fragment grows old. One whose other half was lost waits on; when its IP id comes
# again, ten minutes later here, it is joined to a half of the new datagram. If the old one was the second
# half, nothing marks the mixture: no overlap, no conflict. Hosts forget after half a minute or so.
# Versions: tshark 4.0.17-0+deb12u3 (Debian 12).
# Why it hurts: ids come again after 65,536 datagrams. In a long capture with loss the payloads that
# tshark prints for large datagrams were sent by nobody, and no host ever saw them.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
deb tshark=4.0.17-0+deb12u3
cat >"$tmp/write.py" <<'PY'
import struct, sys
def fragment(datagram, offset, size, more):
    body = datagram[offset : offset + size]
    addresses = bytes([10, 0, 0, 1, 10, 0, 0, 2])
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 5, offset // 8 | more << 13, 64, 17, 0) + addresses + body
old, new = (struct.pack(">HHHH", 4000, 4001, 1208, 0) + letter * 1200 for letter in (b"O", b"N"))
def write(name, lost):
    packets = [(time, which, fragment(datagram, 0, 600, 1), fragment(datagram, 600, 608, 0))
               for time, which, datagram in ((0, "old", old), (600, "new", new))]
    with open(sys.argv[1] + "/" + name, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for time, which, *halves in packets:
            for half, packet in enumerate(halves):
                if (which, half) != lost:
                    file.write(struct.pack("<IIII", 1700000000 + time, 0, len(packet), len(packet)) + packet)
write("whole", None)
write("first-lost", ("old", 0))
PY
python3 "$tmp/write.py" "$tmp"
# The letters of each datagram that tshark puts together, and whether it sees anything odd.
payloads() {
  timeout 60 tshark -r "$tmp/$1" -Y udp -T fields -e udp.payload -e ip.fragment.overlap \
    -e ip.fragment.overlap.conflict 2>"$tmp/err" | sed -E 's/(4f)+/O/g; s/(4e)+/N/g; s/\t+$//' | paste -sd ' '
}
verdict "nothing lost: O N; the old one's first half lost: N" \
  "nothing lost: $(payloads whole); the old one's first half lost: $(payloads first-lost)" \
  "nothing lost: O N; the old one's first half lost: NO"
