#!/usr/bin/env python3
"""Puts programs that know nothing of lossy behind `lossy proxy`: what they say of the network must
be what the proxy says that it did to it.

usage: foreign_test.py LOSSY [TEST...]

LOSSY is the path of the built command. The exit code is 77 when the programs are not installed.
"""

import json
import math
import select
import socket
import sys
import threading

import proxied
from proxied import PATIENCE_SECONDS, RECORDED, free_port


def report_of(program):
    """The totals, which --json prints last."""
    return json.loads(program.text.splitlines()[-1])


class Dns(proxied.ProxiedTest):
    NEEDS = ("dig", "dnsmasq")
    SEEDS = (1, 2, 3, 4)

    # Whoever asks again gets an answer through any loss, and all agree on how many datagrams there
    # were: the proxy's counters, its recording, and the server's log.
    def test_lookups_through_heavy_loss(self):
        port = free_port()
        names = {seed: [f"host{i}.seed{seed}.test" for i in range(1, 6)] for seed in self.SEEDS}
        records = [f"--host-record={name},192.0.2.{seed}{i}"
                   for seed in self.SEEDS for i, name in enumerate(names[seed], 1)]
        server = self.start("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv",
                            "--no-hosts", "--log-queries", "--log-facility=-", f"--port={port}",
                            "--listen-address=127.0.0.1", "--bind-interfaces", *records)
        self.wait_for(server, "started, version")
        runs = {}
        for seed in self.SEEDS:
            runs[seed] = self.start(
                self.LOSSY, "proxy", f"--to=127.0.0.1:{port}", "--drop=30%", f"--seed={seed}",
                f"--record={self.folder}/{seed}.pcap", "--json", "--",
                "dig", "@{host}", "-p", "{port}", "+tries=15", "+time=1", "+short", *names[seed])
        delivered, lost = {}, 0
        for seed, run in runs.items():
            self.assertEqual(run.end(number=None), 0, run.text)
            answers = [line for line in run.text.splitlines() if line.startswith("192.0.2.")]
            self.assertEqual(answers, [f"192.0.2.{seed}{i}" for i in range(1, 6)], run.text)
            up, down = report_of(run)["uplink"], report_of(run)["downlink"]
            counts = proxied.record_counts(self.folder / f"{seed}.pcap")
            self.assertEqual(counts, {(1, True): up["offered"], (2, False): up["delivered"],
                                      (2, True): down["offered"], (1, False): down["delivered"]})
            delivered[seed] = up["delivered"]
            lost += up["lost"] + down["lost"]
        self.assertGreater(lost, 0)
        self.wait_for(server, r"query\[A\]", times=sum(delivered.values()))
        server.end()
        self.assertEqual({seed: server.text.count(f"seed{seed}.test from") for seed in self.SEEDS},
                         delivered)


def relay_tcp(listener, port):
    """Relays one TCP connection to a port, until either side ends it."""
    near, _ = listener.accept()
    with near, socket.create_connection(("127.0.0.1", port)) as far:
        other = {near: far, far: near}
        while ready := select.select(list(other), [], [], PATIENCE_SECONDS)[0]:
            for one in ready:
                data = one.recv(1 << 16)
                if not data:
                    return
                other[one].sendall(data)


def kernel_drops():
    """What the kernel dropped for want of room in any socket of this network."""
    with open("/proc/self/net/snmp", encoding="ascii") as file:
        names, values = [line.split() for line in file if line.startswith("Udp:")]
    return int(values[names.index("RcvbufErrors")])


class Iperf(proxied.ProxiedTest):
    NEEDS = ("iperf3",)
    DATAGRAMS = 6000

    def measure(self, *options):
        """Sends datagrams through the proxy: gives its report, and of the server's the datagrams
        lost, those it knows of, those out of order, and what the kernel dropped besides."""
        port, listen = free_port(), free_port()
        server = self.start("iperf3", "--server", "--one-off", "--port", port, "--bind",
                            "127.0.0.1", "--forceflush")
        self.wait_for(server, "^Server listening")
        # iperf3 agrees on a test by TCP, on the port to which it then sends datagrams.
        with socket.create_server(("127.0.0.1", listen)) as listener:
            listener.settimeout(PATIENCE_SECONDS)
            relay = threading.Thread(target=relay_tcp, args=(listener, port), daemon=True)
            relay.start()
            proxy, _ = self.start_proxy(port, "--seed=1", "--json", *options, listen=listen)
            drops_before = kernel_drops()
            client = self.start("iperf3", "--client", "127.0.0.1", "--port", listen, "--udp",
                                "--length", 250, "--bitrate", "4M", "--blockcount", self.DATAGRAMS)
            self.assertEqual(client.end(number=None), 0, client.text)
            lost, known = self.wait_for(server, r" (-?\d+)/(\d+) \(\S+%\) +receiver").groups()
            dropped = kernel_drops() - drops_before
            self.assertEqual(proxy.end(), 0, proxy.text)
            relay.join(PATIENCE_SECONDS)
        out_of_order = [int(line.split(" sec ")[1].split()[0]) for line in server.text.splitlines()
                        if "received out-of-order" in line]
        return report_of(proxy), int(lost), int(known), sum(out_of_order), dropped

    # The loss that iperf3 measures is the one asked for, and no other than the proxy counted. What
    # the kernel drops when the machine is busy is not the proxy's doing, and known.
    def test_loss(self):
        report, lost, known, _, dropped = self.measure("--uplink-drop=5%")
        up = report["uplink"]
        self.assertLessEqual(lost, up["lost"] + dropped)
        self.assertLessEqual(known - lost, up["delivered"] - 1)  # The first opens the connection.
        expected, deviation = known * 0.05, math.sqrt(known * 0.05 * 0.95)
        self.assertLessEqual(abs(lost - dropped - expected), 4 * deviation)
        self.assertGreater(known, self.DATAGRAMS / 2)
        self.assertEqual(report["notes"], [])

    # Second copies are late datagrams to iperf3: its loss hides behind them, and the proxy says so.
    def test_loss_behind_duplicates(self):
        report, lost, _, _, dropped = self.measure("--uplink-drop=8%", "--uplink-duplicate=20%")
        up = report["uplink"]
        self.assertGreater(up["lost"], self.DATAGRAMS * 0.06)
        self.assertLess(lost - dropped, up["lost"] / 4)
        note, = report["notes"]
        self.assertIn(f"of the {up['lost']} lost it may report {up['lost']} too few", note)

    # iperf3 sees out of order what the proxy says was overtaken, and nothing lost.
    def test_reordering(self):
        report, lost, known, out_of_order, dropped = self.measure("--uplink-reorder=5%",
                                                                  "--uplink-reorder-delay=5ms")
        up = report["uplink"]
        self.assertEqual(up["lost"], 0)
        self.assertGreater(out_of_order, 0)
        self.assertLessEqual(out_of_order, up["held_back"])
        # At its end the server may leave some unread; what was to overtake another is among them.
        unread = up["delivered"] - 1 - (known - lost)
        self.assertGreaterEqual(unread, 0)
        self.assertLessEqual(abs(up["reordered"] - out_of_order), 20 * unread)
        self.assertLessEqual(lost, unread + dropped)


class Dtls(proxied.ProxiedTest):
    NEEDS = ("openssl",)
    SEEDS = (8, 14, 16, 21, 22)
    PATH = ("--drop=20%", "--duplicate=20%", "--reorder=20%", "--reorder-delay=20ms", "--json")

    # A handshake of many datagrams completes, and data gets through, on a path that loses,
    # duplicates and reorders, because DTLS sends its flights again.
    def test_handshakes(self):
        key, certificate = self.folder / "key.pem", self.folder / "certificate.pem"
        made = self.start("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                          "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
                          "-days", 2, "-keyout", key, "-out", certificate)
        self.assertEqual(made.end(number=None), 0, made.text)
        runs = []
        for seed in self.SEEDS:
            port = free_port()
            server = self.start("openssl", "s_server", "-dtls", "-accept", f"127.0.0.1:{port}",
                                "-cert", certificate, "-key", key, "-nbio")
            self.wait_for(server, "^ACCEPT")
            proxy, listen = self.start_proxy(port, f"--seed={seed}", *self.PATH)
            # Unless told -nbio, it waits for data once a duplicate proves to be none, and is deaf.
            client = self.start("openssl", "s_client", "-dtls", "-connect", f"127.0.0.1:{listen}",
                                "-CAfile", certificate, "-verify_return_error", "-nbio")
            runs.append((server, proxy, client))
        seen = dict.fromkeys(("lost", "duplicated", "held_back"), 0)
        for server, proxy, client in runs:
            self.wait_for(client, r"^New, TLSv1\.2, Cipher is ")
            self.wait_for(client, r"Verify return code: 0 \(ok\)")
            # DTLS does not repeat data: the application has to.
            for _ in range(100):
                client.say("greetings")
                if server.wait_for("^greetings$", seconds=0.3):
                    break
            else:
                self.fail("nothing got through: " + server.text)
            client.end()
            server.end()
            self.assertEqual(proxy.end(), 0, proxy.text)
            for way in ("uplink", "downlink"):
                for what in seen:
                    seen[what] += report_of(proxy)[way][what]
        self.assertTrue(all(seen.values()), seen)


class Tutorial(proxied.ProxiedTest):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.server = self.start_tutorial_server(self.port)

    def start_client(self, port):
        return self.start(sys.executable, RECORDED / "tutorial_client.py", port)

    # Delay alone takes nothing away.
    def test_long_path(self):
        run = self.start(self.LOSSY, "proxy", f"--to=127.0.0.1:{self.port}", "--delay=20ms",
                         "--jitter=10ms", "--", sys.executable, RECORDED / "tutorial_client.py",
                         "{port}")
        self.assertEqual(run.end(number=None), 0, run.text)
        greetings = [line for line in run.text.splitlines() if line.startswith("Hello")]
        self.assertEqual(greetings, ["Hello, Michael!", "Hello, Tracy!", "Hello, Sarah!"])
        self.server.end()
        self.assertEqual(self.server.text.count("Received from 127.0.0.1:"), 3)

    # One datagram lost, and a client that never asks again waits for ever.
    def test_one_loss_stalls_it(self):
        proxy, listen = self.start_proxy(self.port, "--faults=uplink.2:drop", "--stats=20ms")
        client = self.start_client(listen)
        self.wait_for(proxy, r'"uplink":{"offered":2,"delivered":1,"lost":1,')
        self.wait_for(client, "Hello, Michael!")
        self.assertIsNone(client.process.poll())
        client.end()
        self.assertNotIn("Tracy", client.text)

    # A client that does not look whom an answer greets takes a duplicate for the next answer.
    def test_one_duplicate_confuses_it(self):
        _, listen = self.start_proxy(self.port, "--faults=downlink.1:duplicate")
        client = self.start_client(listen)
        self.assertEqual(client.end(number=None), 0)
        self.assertEqual(client.text, "Hello, Michael!\nHello, Michael!\nHello, Tracy!\n")


if __name__ == "__main__":
    proxied.main()
