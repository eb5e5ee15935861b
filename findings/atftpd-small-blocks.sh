#!/usr/bin/env bash
# atftpd 0.8.0 refuses a whole request (error 8) when its OACK would not fit in one block of the size
# asked for: "blksize 8" alone is accepted, "blksize 8" beside "tsize 0" is not, although RFC 2348 allows
# 8 and the OACK is no DATA. curl sends tsize and timeout always, and so it cannot use small blocks here.
# Versions: atftpd 0.8.0-3 (Debian 12).
# Why it hurts: small blocks are how one gets many datagrams, or a block number that wraps, from a
# small file. The transfer fails at once and looks like a client's bug.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
deb atftpd=0.8.0-3
mkdir "$tmp/files"
head -c 4000 /dev/zero >"$tmp/files/zeros"
chmod -R a+rX "$tmp"
start timeout 60 atftpd --daemon --no-fork --port 47111 --bind-address 127.0.0.1 --user "$(id -un)" \
  --group "$(id -gn)" --logfile /dev/null "$tmp/files" 2>"$tmp/atftpd.log"
bound 47111
cat >"$tmp/client.py" <<'PY'
import socket
def ask(*options):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.sendto(b"\0\1zeros\0octet\0" + b"".join(o.encode() + b"\0" for o in options), ("127.0.0.1", 47111))
    data, server = s.recvfrom(600)
    s.sendto(b"\0\5\0\0enough\0", server)
    return {6: "accepted", 5: "refused"}.get(data[1])
size = next(n for n in range(8, 600) if ask("tsize", "0", "blksize", str(n)) == "accepted")
print("8 alone", ask("blksize", "8") + ",", "with tsize the least is", size)
PY
verdict "8 alone accepted, with tsize the least is 8" "$(python3 "$tmp/client.py")" \
  "8 alone accepted, with tsize the least is 22"
