#!/usr/bin/env python3
"""What `lossy proxy` does when the programs around it, or the disk, fail.

usage: misfortune_test.py LOSSY [TEST...]
"""

import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import threading

import proxied
from proxied import free_port, own_network, udp_socket

# Of each size once a round: empty, short, as on the internet, and the largest that IPv4 can carry.
SIZES = (0, 1, 20, 1200, 65507)


class Peers(proxied.ProxiedTest):
    def ask(self, client, listen, name):
        client.sendto(name, ("127.0.0.1", listen))
        return client.recv(2048)

    # A server that is killed and comes back goes on with the clients it had, through the flow that
    # they had.
    def test_server_is_killed_and_comes_back(self):
        port = free_port()
        server = self.start_tutorial_server(port)
        proxy, listen = self.start_proxy(port, "--stats=20ms")
        with udp_socket() as client:
            self.assertEqual(self.ask(client, listen, b"before"), b"Hello, before!")
            self.assertEqual(server.end(signal.SIGKILL), -signal.SIGKILL)
            client.sendto(b"into the void", ("127.0.0.1", listen))
            self.wait_for(proxy, r'"icmp":{[^}]*"refused":1[,}]')
            self.start_tutorial_server(port)
            self.assertEqual(self.ask(client, listen, b"after"), b"Hello, after!")
        self.assertEqual(proxy.end(), 0)
        self.assertRegex(proxy.text, r"\n  flows +1 opened, 1 open\n")

    # An answer to a client that is gone disturbs nobody, and its flow ends when it is idle.
    def test_client_vanishes(self):
        with udp_socket() as server, udp_socket() as second:
            proxy, listen = self.start_proxy(server.getsockname()[1], "--idle=50ms",
                                             "--stats=20ms")
            with udp_socket() as first:
                first.sendto(b"first", ("127.0.0.1", listen))
                inside = server.recvfrom(10)[1]
            for _ in range(3):
                server.sendto(b"too late", inside)
            second.sendto(b"second", ("127.0.0.1", listen))
            data, inside = server.recvfrom(10)
            self.assertEqual(data, b"second")
            server.sendto(b"in time", inside)
            self.assertEqual(second.recv(10), b"in time")
            self.wait_for(proxy, r'"flows":{"opened":2,"open":0,"idle":2,')
        self.assertEqual(proxy.end(), 0, proxy.text)


class Echo:
    """A client that sends all the time, and a server that sends everything back."""

    def __init__(self):
        self.server, self.client = udp_socket(), udp_socket()
        self.port = self.server.getsockname()[1]
        self._ending = threading.Event()
        self._threads = []

    def begin(self, listen):
        for work in (self._answer, lambda: self._ask(listen)):
            thread = threading.Thread(target=work, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _answer(self):
        while True:
            data, source = self.server.recvfrom(1 << 16)
            if self._ending.is_set():
                return
            self.server.sendto(data, source)

    def _ask(self, listen):
        number = 0
        while not self._ending.is_set():
            self.client.sendto(b"x" * SIZES[number % len(SIZES)], ("127.0.0.1", listen))
            self._ending.wait(0.0005)  # Neither a burst nor a full core.
            number += 1

    def end(self):
        self._ending.set()
        self.client.sendto(b"", ("127.0.0.1", self.port))  # Wakes the server.
        for thread in self._threads:
            thread.join()
        self.client.close()
        self.server.close()


class Recording(proxied.ProxiedTest):
    def start_echo(self):
        echo = Echo()
        self.addCleanup(echo.end)
        return echo

    # However it is asked to end, in the midst of everything, the recording is whole and holds all
    # that was counted.
    def test_ends_whole_in_the_middle(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number.name):
                echo = self.start_echo()
                path = self.folder / f"{number.name}.pcap"
                proxy, listen = self.start_proxy(echo.port, "--drop=10%", "--duplicate=10%",
                                                 "--delay=20ms", "--jitter=20ms", "--seed=1",
                                                 "--stats=20ms", f"--record={path}")
                echo.begin(listen)
                self.wait_for(proxy, r'"downlink":{"offered":[1-9]\d{2}')
                self.assertEqual(proxy.end(number), 0, proxy.text)
                inspected = subprocess.run([self.LOSSY, "inspect", path, "--json"],
                                           capture_output=True, text=True, check=False)
                self.assertEqual((inspected.returncode, inspected.stderr), (0, ""))
                counts = proxied.record_counts(path)
                offered = re.search(r"\n  offered +(\d+) +(\d+)\n", proxy.text)
                self.assertEqual([counts[1, True], counts[2, True]],
                                 [int(count) for count in offered.groups()])
                in_flight = re.search(r"\n  in flight +(\d+)\n", proxy.text)
                # A note is of a datagram, and not of each of its copies.
                self.assertLessEqual(counts["in flight"], int(in_flight[1]) if in_flight else 0)
                self.assertIn(f'"records":{sum(counts.values())},', inspected.stdout)

    # A disk that fills up ends the recording, in one line and in the exit code; datagrams are
    # forwarded as before, and what fitted is kept, in whole records.
    def test_disk_fills_up(self):
        small = self.folder / "small"
        small.mkdir()
        inside = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "-Urm"]
        mount = ["sh", "-c", 'mount -t tmpfs -o size=1m none "$1" && shift && exec "$@"', "sh",
                 str(small)]
        if subprocess.run([*inside, *mount, "true"], capture_output=True, check=False).returncode:
            self.skipTest("no file system of one's own is permitted here")
        with udp_socket() as server, udp_socket() as client:
            proxy = self.start(*inside, *mount, self.LOSSY, "proxy", "--listen=127.0.0.1:0",
                               "--to=127.0.0.1:{}".format(server.getsockname()[1]),
                               f"--record={small}/x.pcap")
            listen = int(self.wait_for(proxy, r"^lossy: proxy on \S+:(\d+) to ")[1])
            for _ in range(40):  # Each is recorded four times: ten times what there is room for.
                client.sendto(b"x" * 65507, ("127.0.0.1", listen))
                data, source = server.recvfrom(1 << 16)
                server.sendto(data, source)
                self.assertEqual(len(client.recv(1 << 16)), 65507)
            disk = os.open(f"/proc/{proxy.process.pid}/root{small}", os.O_RDONLY)
            self.addCleanup(os.close, disk)
            self.assertEqual(proxy.end(signal.SIGINT), 1, proxy.text)
            self.assertEqual(os.listdir(disk), ["x.pcap"])
            with os.fdopen(os.open("x.pcap", os.O_RDONLY, dir_fd=disk), "rb") as kept:
                (self.folder / "kept.pcap").write_bytes(kept.read())
        self.assertGreater(sum(proxied.record_counts(self.folder / "kept.pcap").values()), 4)
        inspected = subprocess.run([self.LOSSY, "inspect", self.folder / "kept.pcap"], capture_output=True, text=True,
                                   check=False)
        self.assertEqual((inspected.returncode, inspected.stderr), (0, ""))
        self.assertEqual(proxy.text.count("No space left on device; what fitted is kept, and forwarding"), 1)
        self.assertRegex(proxy.text, r"\n  offered +40 +40\n")


IP_PKTINFO = 8
SOL_UDP, UDP_SEGMENT = 17, 103
SOURCES, EACH, AT_A_TIME = 100_000, 10, 2_000


class Flood(proxied.ProxiedTest):
    """A million datagrams from 100,000 addresses, while one client goes on being served."""

    questions = 0

    def send_from(self, client, number, listen):
        """Ten datagrams from the address 127.x.y.z of this number, together."""
        source = struct.pack("I4s4s", 0, bytes([127, 64 + number // 65536, number // 256 % 256, number % 256]), b"")
        client.sendmsg([b"flood" * EACH], [(socket.IPPROTO_IP, IP_PKTINFO, source),
                                           (SOL_UDP, UDP_SEGMENT, struct.pack("H", len(b"flood")))], 0,
                       ("127.0.0.1", listen))

    def round_trip(self, client, server, listen):
        """Asks until the latest question is answered, behind which nothing is left that was sent before; gives the number of
        questions with the address that the server saw."""
        for asked in range(1, 10_000):
            self.questions += 1
            question = b"Are you there? %d" % self.questions
            client.sendto(question, ("127.0.0.1", listen))
            try:
                while True:
                    data, inside = server.recvfrom(100)
                    if data == question:
                        server.sendto(data, inside)
                        while client.recv(100) != question:
                            pass
                        return asked, inside
            except TimeoutError:  # The flood had left no room in the server's socket.
                pass
        self.fail("the proxy serves nobody any more")

    def test_a_hundred_thousand_sources(self):
        with udp_socket() as server, udp_socket() as client, \
             socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
            flood.bind(("0.0.0.0", 0))
            server.settimeout(0.05)
            proxy, listen = self.start_proxy(server.getsockname()[1], "--json")
            process = pathlib.Path(f"/proc/{proxy.process.pid}")
            asked, served_as = self.round_trip(client, server, listen)
            peaks = []
            for number in range(SOURCES):
                self.send_from(flood, number, listen)
                if (number + 1) % AT_A_TIME == 0:
                    # It is heard between others, so that its flow is never the one that is idle for longest.
                    again, inside = self.round_trip(client, server, listen)
                    asked += again
                    self.assertEqual(inside, served_as)
                    peaks.append(int(re.search(r"VmHWM:\s+(\d+) kB", (process / "status").read_text())[1]))
            descriptors = len(list((process / "fd").iterdir()))
            self.assertEqual(proxy.end(signal.SIGINT), 0, proxy.text)
        report = json.loads(proxy.text.splitlines()[-1])
        print(f"a million datagrams from {SOURCES} addresses: {peaks[-1] // 1024} MiB, {report['timing']['seconds']:.1f} s, "
              f"{report['kernel_dropped']['from_clients']} dropped by the kernel")
        flows = report["flows"]
        # What was sent as one, the kernel drops and counts as one.
        dropped = report["kernel_dropped"]["from_clients"]
        missing = SOURCES * EACH + asked - report["uplink"]["offered"]
        self.assertGreaterEqual(missing, dropped)
        self.assertLessEqual(missing, dropped * EACH)
        self.assertEqual(flows["opened"], flows["open"] + flows["evicted"])
        self.assertEqual((flows["open"], flows["idle"], flows["refused"]), (4096, 0, 0))
        self.assertGreater(flows["opened"], SOURCES // 2)
        self.assertLess(descriptors, 4096 + 32)
        if b"__asan_init" not in pathlib.Path(self.LOSSY).read_bytes():  # Which keeps what was freed for long.
            self.assertLess(peaks[-1], 100 * 1024)
            self.assertLess(peaks[-1], peaks[9] * 1.1)  # After 20,000 sources it has all that it needs.


class Starting(proxied.ProxiedTest):
    """What keeps a proxy from starting is one line that names the address and says what to do."""

    def setUp(self):
        super().setUp()
        if not os.environ.get(own_network.INSIDE):
            self.skipTest("no network of one's own is permitted here")

    def refused(self, *options, limit=()):
        done = subprocess.run([*limit, self.LOSSY, "proxy", *options], capture_output=True, text=True, check=False,
                              timeout=proxied.PATIENCE_SECONDS)
        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        line, = done.stderr.splitlines()
        return line

    def test_no_route(self):
        for to in ("192.0.2.1:9", "[2001:db8::1]:9"):
            line = self.refused("--listen=127.0.0.1:0", "--to=" + to)
            self.assertIn(f"cannot reach {to} (this machine has no route there)", line)

    # A way to the server that is lost for a while costs what is sent meanwhile, counted, and no flow.
    def test_route_goes_and_comes_back(self):
        def change(how):
            address = ["ip", "address", how, "192.0.2.8/32", "dev", "lo"]
            return proxied.find("ip") and subprocess.run(address, capture_output=True, check=False).returncode == 0

        if not change("add"):
            self.skipTest("an interface cannot be given an address here")
        proxy = self.start(self.LOSSY, "proxy", "--listen=127.0.0.1:9998", "--to=192.0.2.8:9999", "--stats=20ms")
        self.wait_for(proxy, "^lossy: proxy on ")
        with udp_socket() as first, udp_socket() as second:
            first.sendto(b"ping", ("127.0.0.1", 9998))
            self.wait_for(proxy, r'"opened":1,')
            change("del")
            for _ in range(5):
                second.sendto(b"lost", ("127.0.0.1", 9998))
            self.wait_for(proxy, r'"to_server":{[^}]*"unreachable":5[,}]')
            change("add")
            second.sendto(b"ping", ("127.0.0.1", 9998))
            self.wait_for(proxy, r'"opened":2,"open":2,"idle":0,"evicted":0,"refused":0')
        self.assertEqual(proxy.end(), 0)

    def test_privileged_port(self):
        line = self.refused("--listen=127.0.0.1:53", "--to=127.0.0.1:9",
                            limit=["setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"])
        self.assertIn("127.0.0.1:53 (ports below 1024 need privileges", line)

    # The address of an interface is this machine as much as loopback's is.
    def test_its_own_server_at_an_interface(self):
        for address in ("192.0.2.7", "2001:db8::7"):
            nodad = ["nodad"] if ":" in address else []  # Nobody else has it, and it can be listened on at once.
            add = ["ip", "address", "add", address, "dev", "lo", *nodad]
            if not proxied.find("ip") or subprocess.run(add, capture_output=True, check=False).returncode != 0:
                self.skipTest("an interface cannot be given an address here")
            everywhere, host = ("[::]", f"[{address}]") if ":" in address else ("0.0.0.0", address)
            for listen in (everywhere, host):
                line = self.refused(f"--listen={listen}:9998", f"--to={host}:9998")
                self.assertIn(f"the proxy would be its own server: --to={host}:9998 is {listen}:9998", line)
            proxy = self.start(self.LOSSY, "proxy", f"--listen={everywhere}:9998", f"--to={host}:9999")
            self.wait_for(proxy, "^lossy: proxy on ")
            self.assertEqual(proxy.end(), 0)


if __name__ == "__main__":
    proxied.main()
