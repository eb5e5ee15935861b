#!/usr/bin/env bash
# In a network namespace that has nothing but lo, in.tftpd with --address 127.0.0.1:PORT ends at once with code 66
# and an empty stderr; the reason goes to syslog alone. It hands the numeric address to getaddrinfo(AI_ADDRCONFIG)
# with the family IPv4, and glibc does not count 127.0.0.1 as having IPv4, as its manual page says. So 0.0.0.0:PORT
# ends the same way. With a further address on lo it starts, and so it does with ":PORT".
# Versions: tftpd-hpa 5.2+20150808-1.4 (Debian 12), glibc 2.36; root, unshare and ip are needed.
# Why it hurts: such a namespace, or a container without network, is where one tests UDP undisturbed. There the
# server vanishes without a word, on the same command line that serves outside.
# My guess: a numeric address that lo has can always be served.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
need unshare ip
[[ $(id -u) == 0 ]] && unshare -n true 2>/dev/null || skip "a new network namespace needs root"
deb tftpd-hpa=5.2+20150808-1.4
mkdir "$tmp/files"
# What getaddrinfo says of 127.0.0.1 without and with the flag.
cat >"$tmp/lookup.py" <<'PY'
import socket
def ask(flags):
    try:
        socket.getaddrinfo("127.0.0.1", None, socket.AF_INET, socket.SOCK_DGRAM, 0, flags)
        return "yes"
    except socket.gaierror:
        return "no"
print("getaddrinfo", ask(0) + ", with AI_ADDRCONFIG", ask(socket.AI_ADDRCONFIG))
PY
cat >"$tmp/inside.sh" <<'SH'
set -euo pipefail
cd "$1"
ip link set lo up
# try ADDRESS: whether the server binds the port, or how it ends.
try() {
  timeout 20 in.tftpd --foreground --address "$1:47211" "$PWD/files" >said 2>&1 & pid=$!
  for _ in {1..50}; do
    if grep -q ":$(printf %04X 47211) " /proc/net/udp; then
      echo serves
      kill "$pid"
      wait "$pid" || :
      return
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  wait "$pid" && code=0 || code=$?
  echo "exit $code with $(wc -c <said) bytes said"
}
state() { echo "127.0.0.1 $(try 127.0.0.1), 0.0.0.0 $(try 0.0.0.0), none $(try ""), $(python3 lookup.py)"; }
alone=$(state)
ip address add 192.0.2.9/32 dev lo
echo "lo alone: $alone; 192.0.2.9 on it, too: $(state)"
SH
good="127.0.0.1 serves, 0.0.0.0 serves, none serves, getaddrinfo yes, with AI_ADDRCONFIG yes"
bad="127.0.0.1 exit 66 with 0 bytes said, 0.0.0.0 exit 66 with 0 bytes said, none serves"
verdict "lo alone: $good; 192.0.2.9 on it, too: $good" "$(timeout 60 unshare -n bash "$tmp/inside.sh" "$tmp" 2>&1)" \
  "lo alone: $bad, getaddrinfo yes, with AI_ADDRCONFIG no; 192.0.2.9 on it, too: $good"
