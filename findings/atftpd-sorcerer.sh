#!/usr/bin/env bash
# atftpd 0.8.0 answers a duplicated ACK by sending the next block again. A client that acknowledges each
# DATA it gets then sees every block twice until the end of the file: the Sorcerer's Apprentice, which
# RFC 1123 (4.2.3.1) forbade in 1989. The manual promises that --prevent-sas cures it; it changes nothing.
# Versions: atftpd 0.8.0-3 (Debian 12).
# Why it hurts: one datagram duplicated by the network doubles all later traffic, so that counts of
# datagrams say nothing about the duplication that a test asked for.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
deb atftpd=0.8.0-3
mkdir "$tmp/files"
head -c 20000 /dev/zero >"$tmp/files/zeros"
chmod -R a+rX "$tmp"
cat >"$tmp/client.py" <<'PY'
import collections, socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(3)
s.sendto(b"\0\1zeros\0octet\0", ("127.0.0.1", int(sys.argv[1])))
times = collections.Counter()
try:
    while sum(times.values()) < 1000:
        data, server = s.recvfrom(600)
        code, block = struct.unpack(">HH", data[:4])
        assert code == 3, data
        times[block] += 1
        for _ in range(2 if block == 2 and times[2] == 1 else 1):  # The network doubles one ACK.
            s.sendto(struct.pack(">HH", 4, block), server)
except TimeoutError:
    pass
print("block 1", times[1], "block 3", times[3], "block 40", times[40])
PY
# serve PORT [OPTION]
serve() {
  start timeout 60 atftpd --daemon --no-fork --port "$1" --bind-address 127.0.0.1 --user "$(id -un)" \
    --group "$(id -gn)" --logfile /dev/null "${@:2}" "$tmp/files" 2>"$tmp/atftpd.log"
  bound "$1"
}
serve 47101
serve 47102 --prevent-sas
verdict "block 1 1 block 3 1 block 40 1, with --prevent-sas the same" \
  "$(python3 "$tmp/client.py" 47101), with --prevent-sas $(python3 "$tmp/client.py" 47102)" \
  "block 1 1 block 3 2 block 40 2, with --prevent-sas block 1 1 block 3 2 block 40 2"
