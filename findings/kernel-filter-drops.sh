#!/usr/bin/env bash
# What a socket's own filter (SO_ATTACH_FILTER) turns away, Linux counts as errors and as drops of that socket:
# InErrors in /proc/net/snmp (nstat's UdpInErrors), the drops in /proc/net/udp and "d" of ss, and the count that
# SO_RXQ_OVFL hands out, whose name speaks of an overflow of the receive queue. No queue was ever full.
# Versions: Linux 6.18.44; nothing but Python is needed.
# Why it hurts: a program that filters as it should (only its own sender, only its own kind of message) looks as
# if it lost datagrams for want of a buffer. A test that reads these counts to tell its own losses
# from those of the network takes every stranger's datagram for a loss.
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/common.sh"
need python3 unshare ip
cat >"$tmp/count.py" <<'PY'
import ctypes, socket, struct
SO_ATTACH_FILTER, SO_RXQ_OVFL = 26, 40
def counters():
    names, values = (line.split()[1:] for line in open("/proc/net/snmp") if line.startswith("Udp:"))
    return dict(zip(names, map(int, values)))
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
receiver.settimeout(10)
receiver.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
# Take what begins with an A: load the byte after the UDP header, compare it, accept or refuse.
steps = [(0x30, 0, 0, 8), (0x15, 0, 1, ord("A")), (0x06, 0, 0, 65535), (0x06, 0, 0, 0)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
receiver.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(steps), ctypes.addressof(code)))
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.connect(receiver.getsockname())
before = counters()
for first in "BBBBBBBBBBA":
    sender.send(first.encode())
data, control, _, _ = receiver.recvmsg(100, 100)
assert data == b"A", data
overflow = sum(struct.unpack("I", value)[0] for _, kind, value in control if kind == SO_RXQ_OVFL)
after = counters()
errors, full = (after[name] - before[name] for name in ("InErrors", "RcvbufErrors"))
place = ":%04X" % receiver.getsockname()[1]
drops = next(line.split()[-1] for line in open("/proc/net/udp") if line.split()[1].endswith(place))
print(f"SO_RXQ_OVFL {overflow}, drops {drops}, InErrors {errors}, RcvbufErrors {full}")
PY
echo "versions: Linux $(uname -r)"
# In a network of its own, whose counters nobody else moves.
seen=$(timeout 60 unshare -Urn bash -c 'ip link set lo up && exec python3 "$@"' - "$tmp/count.py" 2>&1) || skip "$seen"
verdict "of 10 datagrams refused by the filter: SO_RXQ_OVFL 0, drops 0, InErrors 0, RcvbufErrors 0" \
  "of 10 datagrams refused by the filter: $seen" \
  "of 10 datagrams refused by the filter: SO_RXQ_OVFL 10, drops 10, InErrors 10, RcvbufErrors 0"
