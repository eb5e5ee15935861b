#!/usr/bin/env bash
# scapy 2.5.0, defragment(): fragments are sorted by addresses, protocol and id only, over the whole list. When
# an id comes again, neither of the two datagrams is put together, though all fragments are there and in
# order: their pieces come back as they were, without a word.
# Versions: scapy 2.5.0+dfsg-2 (Debian 12).
# Why it hurts: ids come again after 65,536 datagrams to a peer. In a longer capture of large datagrams
# everything sent twice that far apart counts as incomplete: loss that never was.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
deb python3-scapy=2.5.0+dfsg-2
cat >"$tmp/join.py" <<'PY'
from scapy.layers.inet import IP, UDP, defragment, fragment
def pieces(ids):
    return [p for i in ids for p in fragment(IP(id=i) / UDP(sport=4000, dport=4001) / (b"x" * 1200), 600)]
def whole(ids):
    return sum(p[IP].frag == 0 and not p[IP].flags.MF for p in defragment(pieces(ids)))
print("ids 1 2 3:", whole([1, 2, 3]), "whole, ids 1 2 1:", whole([1, 2, 1]), "whole")
PY
verdict "ids 1 2 3: 3 whole, ids 1 2 1: 3 whole" \
  "$(PYTHONPATH=$tmp/root/usr/lib/python3/dist-packages timeout 60 python3 "$tmp/join.py" 2>"$tmp/err")" \
  "ids 1 2 3: 3 whole, ids 1 2 1: 1 whole"
