#!/usr/bin/env bash
# Linux counts a send with UDP_SEGMENT as one datagram sent, however many leave, and counts what arrives by
# what the receiver asked for: each datagram, or with UDP_GRO each batch. RFC 4113 has both count datagrams.
# Versions: Linux 6.18.44; nothing but Python is needed.
# Why it hurts: losses worked out from UdpOutDatagrams and UdpInDatagrams (nstat, netstat -su, node_exporter) are
# nonsense as soon as one side batches, as QUIC stacks do: 50 times more arrives than was sent, or 2 % of it.
# My guess: both counters are 1,000 for 1,000 datagrams, with batches or without.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
need python3 unshare ip
cat >"$tmp/count.py" <<'PY'
import socket, sys
SOL_UDP, UDP_SEGMENT, UDP_GRO = 17, 103, 104
def counters():
    names, values = (line.split()[1:] for line in open("/proc/net/snmp") if line.startswith("Udp:"))
    return dict(zip(names, map(int, values)))
send_batches, receive_batches = sys.argv[1] == "yes", sys.argv[2] == "yes"
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
receiver.bind(("127.0.0.1", 0))
receiver.settimeout(10)
if receive_batches:
    receiver.setsockopt(SOL_UDP, UDP_GRO, 1)
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.connect(receiver.getsockname())
before = counters()
if send_batches:
    sender.setsockopt(SOL_UDP, UDP_SEGMENT, 100)
arrived = 0
for batch in range(1, 21):
    for _ in range(1 if send_batches else 50):
        sender.send(bytes(100 * 50 if send_batches else 100))
    while arrived < batch * 5000:
        arrived += len(receiver.recv(65536))
after = counters()
print(f"{after['OutDatagrams'] - before['OutDatagrams']} out, {after['InDatagrams'] - before['InDatagrams']} in")
PY
# count SENDER_BATCHES RECEIVER_BATCHES: in a network of its own, whose counters nobody else moves.
count() { timeout 60 unshare -Urn bash -c 'ip link set lo up && exec python3 "$@"' - "$tmp/count.py" "$@" 2>&1; }
echo "versions: Linux $(uname -r)"
plain=$(count no no) && sent=$(count yes no) && both=$(count yes yes) || skip "${both-${sent-$plain}}"
verdict "1000 out, 1000 in; sent in batches 1000 out, 1000 in; received so, too, 1000 out, 1000 in" \
  "$plain; sent in batches $sent; received so, too, $both" \
  "1000 out, 1000 in; sent in batches 20 out, 1000 in; received so, too, 20 out, 20 in"
