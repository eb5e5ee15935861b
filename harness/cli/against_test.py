#!/usr/bin/env python3
"""`lossy replay --against` and `lossy answer`, with servers and clients that know nothing of lossy.

usage: against_test.py LOSSY [TEST...]

LOSSY is the path of the built command. The exit code is 77 when the programs are not installed.
"""

import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "net"))
import proxied
from process_state import unread_bytes, wait_until
from proxied import PATIENCE_SECONDS, RECORDED, ProxiedTest, free_port

CAPTURES = RECORDED.parent
GREETINGS = ("Michael", "Tracy", "Sarah")
RAW = 101  # The link type of bare IP packets.
UP, DOWN = True, False


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packet(up, payload, client_port, identification=1, offset=0, more=False, content=None):
    """An IPv4 packet from or to 192.0.2.1:client_port; the server is 192.0.2.2:9999. Without a UDP checksum."""
    hosts, ports = [bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])], [client_port, 9999]
    if not up:
        hosts.reverse(), ports.reverse()
    if content is None:
        content = struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(content), identification, (0x2000 if more else 0) | offset // 8,
                         64, 17, 0) + hosts[0] + hosts[1]
    return header[:10] + struct.pack(">H", checksum(header)) + header[12:] + content


def write_pcap(path, packets):
    """Pairs of a time in seconds and a packet."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, RAW))
        for at, content in packets:
            file.write(struct.pack("<IIII", 1000 + int(at), round(at % 1 * 1e9), len(content), len(content)) + content)


class Scripted(threading.Thread):
    """A UDP server that does as a function says: it gets a request and gives the answers, each of them bytes, or bytes
    and the socket that sends them."""

    def __init__(self, behave):
        super().__init__(daemon=True)
        self.behave = behave
        self.socket = proxied.udp_socket()
        self.port = self.socket.getsockname()[1]
        self.heard = []
        self.start()

    def run(self):
        while True:
            try:
                request, client = self.socket.recvfrom(65535)
            except OSError:
                return
            if client == self.socket.getsockname():
                return
            self.heard.append((request, client))
            for answer in self.behave(request):
                text, sender = answer if isinstance(answer, tuple) else (answer, self.socket)
                sender.sendto(text, client)

    def close(self):
        self.socket.sendto(b"", ("127.0.0.1", self.port))
        self.join()
        self.socket.close()


class AgainstTest(ProxiedTest):
    def lossy(self, *arguments, code=0):
        """Runs the command to its end: gives what it prints, and the last line on standard error."""
        command = ["timeout", "--kill-after=5", str(PATIENCE_SECONDS), self.LOSSY, *map(str, arguments)]
        self.ran.append(" ".join(command[3:]))
        run = subprocess.run(command, capture_output=True, check=False, timeout=2 * PATIENCE_SECONDS)
        text, error = run.stdout.decode(), run.stderr.decode()
        self.assertEqual(run.returncode, code, f"{self.ran[-1]}\n{text}\n{error}")
        return text, error

    def replay(self, path, port, *options, code=0):
        return self.lossy("replay", path, f"--against=127.0.0.1:{port}", *options, code=code)

    def replay_json(self, path, port, *options, code=0):
        return json.loads(self.replay(path, port, "--json", *options, code=code)[0])["files"][0]

    def in_time(self, attempt):
        """Has attempt(timeout) hold. A short timeout does, unless this machine stands still for as long: then a longer
        one. What is wrong is so with each of them."""
        for timeout in ("200ms", "2s"):
            try:
                return attempt(f"--timeout={timeout}")
            except AssertionError as error:
                print(f"with --timeout={timeout}: {error}", file=sys.stderr)
        return attempt("--timeout=10s")

    def capture(self, *said, name="said.pcap"):
        """A capture of (UP or DOWN, text, seconds=0, client_port=40000)."""
        packets = []
        for up, text, *rest in said:
            at, client_port = (*rest, *(0, 40000)[len(rest):])
            packets.append((at, packet(up, text, client_port, identification=len(packets) + 1)))
        write_pcap(self.folder / name, packets)
        return self.folder / name

    def scripted(self, behave):
        server = Scripted(behave)
        self.addCleanup(server.close)
        return server

    def serve(self, *options):
        """Starts `lossy serve`, and gives its port."""
        server = self.start(self.LOSSY, "serve", "--listen=127.0.0.1:0", "--json", *options)
        return int(self.wait_for(server, r"^lossy: listening on 127\.0\.0\.1:(\d+)")[1])

    def answer(self, path, *options):
        server = self.start(self.LOSSY, "answer", path, "--listen=127.0.0.1:0", *options)
        return server, int(self.wait_for(server, r"^lossy: listening on 127\.0\.0\.1:(\d+)")[1])


class Dns(AgainstTest):
    NEEDS = ("dig", "dnsmasq", "tcpdump")
    HOSTS = {"one.test": "192.0.2.10", "two.test": "192.0.2.20", "three.test": "192.0.2.30"}

    def start_dnsmasq(self, hosts, port):
        server = self.start("dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                            "--log-facility=-", f"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces",
                            *[f"--host-record={name},{address}" for name, address in hosts.items()])
        self.wait_for(server, "started, version")
        return server

    def dig(self, port, *options):
        run = subprocess.run([proxied.find("dig"), "@127.0.0.1", "-p", str(port), "+short", "+tries=1", *options,
                              *self.HOSTS], capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
        return run.stdout.split()

    def record(self, port, *options):
        """What tcpdump sees of dig and dnsmasq, on the loopback interface."""
        path = self.folder / "dns.pcap"
        tcpdump = self.start("tcpdump", "-i", "lo", "--immediate-mode", "-Z", "root", "-c", 2 * len(self.HOSTS),
                             "-w", path, "udp", "port", port)
        try:
            self.wait_for(tcpdump, "listening on")
        except AssertionError:
            self.skipTest("recording is not permitted here")
        server = self.start_dnsmasq(self.HOSTS, port)
        self.assertEqual(self.dig(port, *options), list(self.HOSTS.values()))
        self.assertEqual(tcpdump.end(number=None), 0)
        server.end()
        return path

    # A fresh server that knows the same gives the same, numbers included; one that has another record does not, and
    # the bytes that differ are shown below the question.
    def test_a_fresh_dnsmasq(self):
        port = free_port()
        path = self.record(port)
        server = self.start_dnsmasq(self.HOSTS, port)
        text, _ = self.replay(path, port)
        self.assertIn("3 of 3 answers as recorded", text)
        server.end()
        server = self.start_dnsmasq({**self.HOSTS, "two.test": "192.0.2.21"}, port)
        text, error = self.replay(path, port, code=1)
        self.assertIn(": different: ", text)
        self.assertIn("\\x03two\\x04test", text)
        self.assertRegex(text, r"first difference at offset \d+: expected 14, actual 15\n")
        self.assertRegex(text, r"2 of 3 answers as recorded")
        self.assertIn("lossy: to see it again: ", error.splitlines()[-1])
        # The four bytes of the address alone differ; behind them is what EDNS adds.
        at = int(text.split("first difference at offset ")[1].split(":")[0])
        self.replay(path, port, f"--mask={at}")

    # dig asks the recording, and is content: its numbers are its own.
    def test_dig_asks_a_recording(self):
        port = free_port()
        path = self.record(port, "+noedns")
        server, port = self.answer(path, "--mask=0-1")
        self.assertEqual(self.dig(port, "+noedns"), list(self.HOSTS.values()))
        self.assertEqual(server.end(), 0, server.text)
        self.assertIn("received 3, answered 3, unknown 0", server.text)


class Greeting(AgainstTest):
    # The tutorial's own server answers as it did when it was recorded, on one interface or on all; another one does not.
    def test_the_tutorial_server(self):
        port = free_port()
        server = self.start_tutorial_server(port)
        for name in ("tutorial-lo.pcap", "tutorial-any.pcap"):
            text, _ = self.replay(RECORDED / name, port, "--topspeed")
            self.assertIn("3 of 3 answers as recorded, to 3 requests", text)
        server.end()
        program = (RECORDED / "tutorial_server.py").read_text().replace("Hello, ", "Howdy, ")
        (self.folder / "other_server.py").write_text(program)
        server = self.start(sys.executable, self.folder / "other_server.py", port)
        self.wait_for(server, "^Bind UDP on")
        text, _ = self.replay(RECORDED / "tutorial-lo.pcap", port, "--topspeed", code=1)
        self.assertIn("0 of 3 answers as recorded, to 3 requests, 3 different\n", text)
        self.assertIn('"Howdy, Michael!"', text)

    # Goldens in which nothing stayed unanswered, and nothing came twice or changed, hold against a perfect server: what
    # the client sent again because of a loss is sent once.
    def test_goldens_against_serve(self):
        port = self.serve()
        for name in ("clean", "drop", "utf8", "longest", "ipv6", "reorder", "outage"):
            with self.subTest(name):
                found = self.replay_json(CAPTURES / f"{name}.pcap", port, "--topspeed")
                self.assertEqual(found["matched"], found["expected"])
                self.assertGreater(found["matched"], 0)

    # What a simulated network changed on the way is no server's answer.
    def test_corruption_is_told(self):
        found = self.replay_json(CAPTURES / "corrupt.pcap", self.serve(), "--topspeed", code=1)
        self.assertEqual(found["flows"][0]["result"], "different")

    # Simulate, record, replay; and the same with real sockets.
    def test_round_trips(self):
        port = self.serve()
        for command in ("simulate", "loopback"):
            path = self.folder / f"{command}.pcap"
            self.lossy(command, "--count=200", "--drop=10%", "--initial-rto=20ms", "--window=8", f"--record={path}")
            found = self.replay_json(path, port, "--topspeed")
            self.assertEqual((found["matched"], found["sent"]), (200, 200))


class Matching(AgainstTest):
    ASKED = ((UP, b"Michael"), (DOWN, b"Hello, Michael!"), (UP, b"Tracy"), (DOWN, b"Hello, Tracy!"))

    @staticmethod
    def greet(request):
        return [b"Hello, " + request + b"!"]

    # Each word for what can be wrong, in text, JSON and exit code.
    def test_verdicts(self):
        path = self.capture(*self.ASKED)
        other = proxied.udp_socket()
        self.addCleanup(other.close)
        cases = {
            "matched": self.greet,
            "different": lambda name: [b"Hello, " + name.replace(b"a", b"o") + b"!"],
            "missing": lambda name: [] if name == b"Tracy" else self.greet(name),
            "unexpected": lambda name: self.greet(name) * 2,
        }
        for verdict, behave in cases.items():
            def attempt(timeout, verdict=verdict, behave=behave):
                server = self.scripted(behave)
                code = 0 if verdict == "matched" else 1
                found = self.replay_json(path, server.port, timeout, code=code)
                self.assertEqual(found["flows"][0]["result"], verdict, found)
                self.assertEqual([request for request, _ in server.heard], [b"Michael", b"Tracy"])
            with self.subTest(verdict):
                self.in_time(attempt)

        # From another port it is no answer, whatever it says.
        def from_elsewhere(timeout):
            server = self.scripted(lambda name: [(b"Hello, " + name + b"!", other)])
            text, _ = self.replay(path, server.port, timeout, code=1)
            self.assertIn("2 missing, 2 unexpected", text)
            self.assertIn(f"unexpected: from 127.0.0.1:{other.getsockname()[1]}, ", text)
        self.in_time(from_elsewhere)

    def test_ignore_unexpected(self):
        server = self.scripted(lambda name: self.greet(name) * 2)
        self.replay(self.capture(*self.ASKED), server.port, "--ignore-unexpected")

    # Two servers, compared with each other: what the capture has of answers, if anything, does not count.
    def test_two_servers(self):
        path = self.capture((UP, b"Michael"), (DOWN, b"Hello, Michael!"), (UP, b"Tracy"))
        hi = lambda name: [b"Hi, " + name + b"!"]

        def same(timeout):
            first, second = self.scripted(hi), self.scripted(hi)
            text, _ = self.replay(path, first.port, f"--and=127.0.0.1:{second.port}", timeout)
            self.assertIn("1 of 1 flow matched: 2 of 2 answers as the first server's, to 2 requests, in ", text)
            self.assertEqual(*([request for request, _ in server.heard] for server in (first, second)))
        self.in_time(same)

        def different(timeout):
            first, second = self.scripted(hi), self.scripted(lambda name: hi(name.replace(b"y", b"i")))
            text, error = self.replay(path, first.port, f"--and=127.0.0.1:{second.port}", timeout, code=1)
            self.assertRegex(text, r"answer to record 3: different: .* came something else\n"
                                   r"request: +record 3: 5 bytes \"Tracy\"\n"
                                   r"expected \(first\): +10 bytes \"Hi, Tracy!\"\n"
                                   r"actual \(second\): +10 bytes \"Hi, Traci!\"\n")
            self.assertIn("lossy: to see it again: ", error)
        self.in_time(different)

        # Where the first says nothing nothing can be compared; where the second does, it is another server.
        def silent(timeout):
            mute, other = self.scripted(lambda name: []), self.scripted(hi)
            _, error = self.replay(path, mute.port, f"--and=127.0.0.1:{other.port}", timeout, code=2)
            self.assertRegex(error, rf"127\.0\.0\.1:{mute.port} answers nothing of it in time, so that there is nothing to compare")
            mute, other = self.scripted(lambda name: []), self.scripted(hi)
            report = json.loads(self.replay(path, other.port, f"--and=127.0.0.1:{mute.port}", "--json", timeout,
                                            code=1)[0])
            self.assertEqual((report["against"], report["and"]), (f"127.0.0.1:{other.port}", f"127.0.0.1:{mute.port}"))
            self.assertEqual(report["files"][0]["flows"][0]["missing"], 2)
        self.in_time(silent)

        # The capture does not say how long to wait for the first's answer.
        def late(timeout):
            first, second = self.scripted(lambda name: time.sleep(0.15) or hi(name)), self.scripted(hi)
            text, _ = self.replay(self.capture((UP, b"Michael"), name="asked.pcap"), first.port,
                                  f"--and=127.0.0.1:{second.port}", timeout)
            self.assertIn("1 of 1 flow matched: 1 of 1 answer as the first server's", text)
        self.in_time(late)

    # What a server received is not what its clients sent: copies come twice, and what was lost does not come.
    def test_the_servers_view(self):
        recording = self.folder / "run.pcap"
        self.lossy("simulate", "--count=20", "--uplink-drop=30%", "--uplink-duplicate=50%", "--attempts=9", "--seed=3",
                   f"--record={recording}")
        [found] = json.loads(self.lossy("inspect", "--json", recording)[0])["files"]
        self.assertGreater(found["uplink"]["lost"], 0)
        self.assertGreater(found["uplink"]["duplicated"], 0)
        # What copies were answered does not come when each request is sent once.
        clients = self.replay_json(recording, self.serve(), "--view=client", "--topspeed", "--timeout=20ms", code=1)
        self.assertEqual((clients["sent"], clients["matched"] < clients["expected"]), (20, True))
        received = self.replay_json(recording, self.serve(), "--view=server", "--topspeed")
        self.assertEqual(received["sent"], found["uplink"]["arrived"] + found["uplink"]["duplicated"])
        self.assertEqual(received["matched"], found["downlink"]["sent"])
        # Of a capture of one host, too, where a copy of a packet is no second sight of it.
        path = self.folder / "copies.pcap"
        write_pcap(path, [(0, packet(up, text, 40000, identification=7))
                          for up, text in ((UP, b"Michael"), (UP, b"Michael"), (DOWN, b"Hello, Michael!"),
                                           (DOWN, b"Hello, Michael!"))])
        self.assertEqual(self.replay_json(path, self.serve(), "--view=server")["sent"], 2)
        self.assertEqual(self.replay_json(path, self.serve())["sent"], 1)
        _, error = self.lossy("replay", path, "--against=127.0.0.1:9", "--view=both", code=2)
        self.assertIn("--view: there are client and server", error)

    # What waits for the server's word is answered in full before the next request leaves; --no-wait does not wait.
    def test_waiting(self):
        path = self.capture(*self.ASKED)
        held = []

        def second_first(request):
            held.append(request)
            return [b"Hello, " + name + b"!" for name in reversed(held)] if len(held) == 2 else []
        self.replay(path, self.scripted(second_first).port, "--no-wait")
        held.clear()
        text, _ = self.replay(path, self.scripted(second_first).port, "--no-wait", "--ordered", code=1)
        self.assertIn("it came behind the answer of record 4", text)

        def first_in_vain(timeout):
            held.clear()
            found = self.replay_json(path, self.scripted(second_first).port, timeout, code=1)
            self.assertEqual((found["flows"][0]["late"], found["matched"]), (1, 1))
        self.in_time(first_in_vain)

    # Several datagrams to a request, none, the same one twice, an empty one and the longest there is.
    def test_shapes_of_answers(self):
        longest = bytes(range(256)) * 255 + b"x" * 227
        self.assertEqual(len(longest), 65507)
        script = {b"list": [b"a", b"b", b"b", b""], b"": [b"empty"], b"longest": [longest], b"quiet": []}
        said = []
        for request, answers in script.items():
            said += [(UP, request)] + [(DOWN, answer) for answer in answers]
        path = self.capture(*said)
        found = self.replay_json(path, self.scripted(lambda request: script[request]).port)
        self.assertEqual((found["sent"], found["matched"]), (4, 6))

    # What was captured in fragments is sent as one datagram, and compared as one.
    def test_fragments(self):
        longest = bytes(range(256)) * 200
        packets = []
        for up, payload in ((UP, longest), (DOWN, longest[::-1])):
            ports = (40000, 9999) if up else (9999, 40000)
            whole = struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload
            for at in range(0, len(whole), 1480):
                packets.append((0, packet(up, b"", 40000, identification=7, offset=at, more=at + 1480 < len(whole),
                                          content=whole[at:at + 1480])))
        write_pcap(self.folder / "fragments.pcap", packets)
        server = self.scripted(lambda request: [request[::-1]])
        found = self.replay_json(self.folder / "fragments.pcap", server.port)
        self.assertEqual((found["matched"], server.heard[0][0]), (1, longest))

    # A socket a flow: the server sees as many clients as the capture has.
    def test_a_socket_a_flow(self):
        said = []
        for client in range(40):
            said += [(UP, b"Michael", 0, 40000 + client), (DOWN, b"Hello, Michael!", 0, 40000 + client)]
        server = self.scripted(self.greet)
        found = self.replay_json(self.capture(*said), server.port)
        self.assertEqual((found["flows_matched"], len({client for _, client in server.heard})), (40, 40))
        found = self.replay_json(self.folder / "said.pcap", server.port, "--flow=3")
        self.assertEqual([flow["flow"] for flow in found["flows"]], [3])
        found = self.replay_json(self.folder / "said.pcap", server.port, "--filter=port 40005")
        self.assertEqual(found["matched"], 1)

    # More flows than descriptors: they wait for each other.
    def test_few_descriptors(self):
        said = []
        for client in range(200):
            said += [(UP, b"Michael", 0, 40000 + client), (DOWN, b"Hello, Michael!", 0, 40000 + client)]
        path, server = self.capture(*said), self.scripted(self.greet)
        run = subprocess.run(["bash", "-c", 'ulimit -n 40; exec "$@"', "-", self.LOSSY, "replay", path,
                              f"--against=127.0.0.1:{server.port}", "--topspeed"],
                             capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertIn("200 of 200 answers as recorded", run.stdout)

    def test_masks(self):
        number = iter(range(1000))
        server = self.scripted(lambda name: [b"%04d Hello, %s!" % (next(number), name)])
        path = self.capture((UP, b"Michael"), (DOWN, b"4711 Hello, Michael!"))
        self.replay(path, server.port, "--timeout=50ms", code=1)  # Late or different, it does not hold.
        self.replay(path, server.port, "--mask=0-3")
        self.replay(path, server.port, "--mask=0", "--mask=1,2-3")
        self.replay(path, server.port, "--mask-regex=^[0-9]+")
        self.replay(path, server.port, "--mask-regex=(a+)+$", "--mask-regex=[0-9]{4}")

        def masked_in_part(timeout):
            text, _ = self.replay(path, server.port, "--mask=1-3", timeout, code=1)
            self.assertIn("first difference at offset 0: expected 34 '4', actual 30 '0'", text)
        self.in_time(masked_in_part)

    # A mask that leaves nothing of an answer is said: then any will do. One that leaves nothing of all checks nothing.
    def test_a_mask_of_everything(self):
        path = self.capture((UP, b"a"), (DOWN, b"1"), (UP, b"b"), (DOWN, b"2."))
        server = self.scripted(lambda name: [b"?."[:1 if name == b"a" else 2]])
        _, errors = self.replay(path, server.port, "--mask=0")
        self.assertIn("said.pcap: the mask leaves nothing of 1 of 2 answers: whatever comes is as good\n", errors)
        self.assertEqual(self.replay_json(path, server.port, "--mask=0")["masked_whole"], 1)
        self.assertEqual(self.replay_json(path, server.port, "--mask=2-", "--timeout=50ms", code=1)["masked_whole"], 0)
        heard = len(server.heard)
        text, errors = self.replay(path, server.port, "--mask=0-", "--json", code=2)
        self.assertIn("said.pcap: the mask leaves nothing of 2 of 2 answers: whatever comes is as good", errors)
        self.assertIn("leaves nothing of 2 of 2", json.loads(text)["files"][0]["error"])
        self.assertEqual(len(server.heard), heard)

    # Retransmissions are sent once, and as often as they were with --as-captured.
    def test_retransmissions(self):
        path = self.capture((UP, b"Michael", 0), (UP, b"Michael", 0.01), (DOWN, b"Hello, Michael!", 0.02))
        server = self.scripted(self.greet)
        self.assertEqual(self.replay_json(path, server.port)["flows"][0]["retransmissions_left_out"], 1)
        self.assertEqual(len(server.heard), 1)
        self.assertEqual(self.replay_json(path, server.port, "--as-captured", code=1)["flows"][0]["unexpected"], 1)
        self.assertEqual(len(server.heard), 3)


class Command(AgainstTest):
    # Nobody listens: it is said, and it does not take the timeout.
    def test_nobody_listens(self):
        port = free_port()
        text, _ = self.replay(RECORDED / "tutorial-lo.pcap", port, "--topspeed", "--timeout=10min", code=1)
        self.assertIn(f"3 missing; nobody listens on 127.0.0.1:{port} (ICMP port unreachable)\n", text)

    # The last line is the command that does it again.
    def test_the_last_line_does_it_again(self):
        _, error = self.replay(RECORDED / "tutorial-lo.pcap", free_port(), "--topspeed", code=1)
        again = error.splitlines()[-1].removeprefix("lossy: to see it again: ")
        run = subprocess.run(["bash", "-c", again], capture_output=True, check=False, timeout=PATIENCE_SECONDS)
        self.assertEqual(run.returncode, 1)

    # A file for CI, whole or not at all; what captures hold is escaped in it.
    def test_junit(self):
        path = self.capture((UP, b"<&\"\x00\xff>"), (DOWN, b"]]>\x1b[31m"), (UP, b"a", 0, 40001), (DOWN, b"b", 0, 40001))
        server = Scripted(lambda request: [b"b"])
        self.addCleanup(server.close)
        xml = self.folder / "results.xml"

        def one_fails(timeout):
            self.replay(path, server.port, f"--junit={xml}", timeout, code=1)
            root = ElementTree.parse(xml).getroot()
            self.assertEqual((root.get("tests"), root.get("failures"), root.get("errors")), ("2", "1", "0"))
            return root
        root = self.in_time(one_fails)
        failed, passed = root.iter("testcase")
        self.assertEqual(failed.get("name"), "flow 1: 192.0.2.1:40000 > 192.0.2.2:9999")
        self.assertEqual(failed.find("failure").get("type"), "different")
        self.assertIn('"<&"\\x00\\xff>"', failed.find("failure").text)
        self.assertIsNone(passed.find("failure"))
        # What cannot be tried is an error.
        self.replay(self.folder / "none.pcap", server.port, f"--junit={xml}", code=2)
        self.assertEqual(ElementTree.parse(xml).getroot().get("errors"), "1")
        # And a file that cannot be written is one before anything is sent.
        heard = len(server.heard)
        self.replay(path, server.port, f"--junit={self.folder}/none/results.xml", code=2)
        self.assertEqual(len(server.heard), heard)
        before = path.read_bytes()
        _, error = self.replay(path, server.port, f"--junit={path}", code=2)
        self.assertIn("--junit: it would overwrite", error)
        self.assertEqual(path.read_bytes(), before)

    # What only has a meaning against a server is refused without one; so is what cannot be meant.
    def test_refused_options(self):
        for option in ("--speed=2", "--topspeed", "--pace=5/s", "--no-wait", "--timeout=1s", "--ordered", "--as-captured",
                       "--ignore-unexpected", "--junit=x.xml", "--mask=1", "--mask-regex=a", "--filter=udp", "--flow=1"):
            with self.subTest(option):
                _, error = self.lossy("replay", CAPTURES / "clean.pcap", option, code=2)
                self.assertIn("requires --against", error)
        for options, why in ((["--speed=0"], "no speed"), (["--speed=-1"], "no speed"), (["--speed=1.2345"], "no speed"),
                             (["--speed=1e3"], "no speed"), (["--speed=."], "no speed"), (["--speed=1.0.0"], "no speed"),
                             (["--pace=5"], "not a pace: write so many in a time"), (["--pace=0/s"], "above 0"), (["--timeout=0"], "above 0"),
                             (["--mask=x"], "no range of bytes"), (["--mask="], "missing"),
                             (["--mask-regex=("], "no regular expression"), (["--mask-regex=(a)\\1"], "invalid escape"),
                             (["--speed=2", "--topspeed"], "excludes"), (["--pace=5/s", "--topspeed"], "excludes"),
                             (["--scenario=x.toml"], "excludes"), (["--filter=prot 1"], "--filter: "),
                             (["--junit="], "missing")):
            with self.subTest(options):
                _, error = self.replay(CAPTURES / "clean.pcap", 9, *options, code=2)
                self.assertIn(why, error)
                self.assertEqual(len(error.splitlines()), 1)

    # A capture that begins with an answer, and the port that says so, are the same to every command.
    def test_port(self):
        path = self.capture((DOWN, b"Hello, Sarah!"), *Matching.ASKED)
        for options, client in (([], "192.0.2.2:9999"), (["--port=9999"], "192.0.2.1:40000")):
            report = json.loads(self.lossy("inspect", "--json", *options, path)[0])
            self.assertEqual(report["files"][0]["flows"][0]["client"], client)
        found = self.replay_json(path, self.scripted(Matching.greet).port, "--port=9999")
        self.assertEqual((found["flows"][0]["client"], found["matched"], found["unasked"]), ("192.0.2.1:40000", 2, 1))

    # Nothing to send, or nothing to read.
    def test_nothing_to_try(self):
        path = self.capture((DOWN, b"Hello, Michael!"))
        _, error = self.replay(path, 9, "--port=9999", code=2)
        self.assertIn("no client sends anything in it (of 1 record: 1 answer in front of any request)", error)
        for name, content in (("none.pcap", None), ("empty.pcap", b""), ("text.pcap", b"no capture at all\n" * 9)):
            if content is not None:
                (self.folder / name).write_bytes(content)
            self.replay(self.folder / name, 9, code=2)
        self.lossy("answer", path, "--port=9999", code=2)
        self.lossy("answer", self.folder / "none.pcap", code=2)
        # What left nothing of it is named.
        asked = self.capture(*Matching.ASKED)
        # So is a port that nobody has.
        for command in (("inspect", asked), ("answer", asked), ("replay", asked, "--against=127.0.0.1:9")):
            self.assertRegex(self.lossy(*command, "--port=7", code=2)[1],
                             r"--port=7: no flow in it has that port|of 4 records: 4 of something else")
        for options, why in ((["--filter=port 7"], "--filter: port 7 matches none of 4 records"),
                             (["--flow=7"], "--flow=7: it has 1 flow"),
                             (["--filter=dst port 9999", "--flow=7"], "--flow=7: it has 1 flow"),
                             (["--filter=src port 9999", "--flow=1", "--port=9999"], " with --filter and --flow=1 (")):
            with self.subTest(options):
                _, error = self.replay(asked, 9, *options, code=2)
                self.assertIn(f"{asked}: ", error)
                self.assertIn(why, error)
                _, error = self.lossy("answer", asked, *options, code=2)
                self.assertIn(why, error)

    # What has no answers is as recorded when the server answers nothing, which is no news of one that is not there, nor
    # of one that has said nothing at all: neither is green.
    def test_nothing_to_compare(self):
        quiet = self.capture(*[(UP, b"line %d" % i, 0, 40000 + i) for i in range(3)], name="quiet.pcap")
        xml = self.folder / "results.xml"
        port = free_port()
        silent = self.scripted(lambda _: [])
        for port, result, says in ((port, "refused", f"nobody listens on 127.0.0.1:{port} (ICMP port unreachable)"),
                                   (silent.port, "unchecked", "nothing shows that a server is there")):
            with self.subTest(result):
                text, error = self.replay(quiet, port, f"--junit={xml}", code=2)
                self.assertRegex(text, rf"flow \d, 192\.0\.2\.1:4000\d: {result}: 1 request that the capture has no answer to; "
                                       rf"{re.escape(says)}\n")
                self.assertIn("quiet.pcap: 0 of 3 flows matched: ", text)
                self.assertEqual(error, f"lossy: {quiet}: no request is answered in it (3 records)\n")
                root = ElementTree.parse(xml).getroot()
                self.assertEqual([root.get(name) for name in ("tests", "failures", "errors")], ["3", "0", "3"])
                told = {one.get("type"): one.get("message") for one in root.iter("error")}
                # The kernel refuses so many times a second, to whomever; what it does not refuse is unchecked.
                self.assertLessEqual(set(told), {result, "unchecked"})
                self.assertIn(says, told[result])
                report = json.loads(self.replay(quiet, port, "--json", code=2)[0])
                self.assertFalse(report["holds"])
                [file] = report["files"]
                self.assertEqual((file["flows_matched"], file["flows_not_tried"]), (0, 3))
                self.assertIn("no request is answered in it", file["error"])
                self.assertLessEqual({flow["result"] for flow in file["flows"]}, {result, "unchecked"})
        # What comes all the same differs, unless it does not count.
        talking = self.scripted(Matching.greet)
        self.assertEqual(self.replay_json(quiet, talking.port, code=1)["flows"][0]["result"], "unexpected")
        found = self.replay_json(quiet, talking.port, "--ignore-unexpected", code=2)
        self.assertEqual(found["flows"][0]["result"], "unchecked")
        # A filter may be why, and is named.
        asked = self.capture(*Matching.ASKED)
        _, error = self.replay(asked, silent.port, "--filter=dst port 9999", code=2)
        self.assertIn("no request is answered in it with --filter (2 records)", error)
        # One file of several is enough.
        text, _ = self.lossy("replay", asked, quiet, f"--against=127.0.0.1:{self.scripted(self.greet_tracy).port}",
                             "--json", code=2)
        self.assertEqual([file["flows_matched"] for file in json.loads(text)["files"]], [1, 0])

    @staticmethod
    def greet_tracy(request):
        return [] if request.startswith(b"line") else Matching.greet(request)

    # Beside flows that the server answers silence is as recorded: it is there.
    def test_silence_beside_answers(self):
        path = self.capture(*Matching.ASKED, (UP, b"line", 0, 40001))
        found = self.replay_json(path, self.scripted(self.greet_tracy).port)
        self.assertEqual([flow["result"] for flow in found["flows"]], ["matched", "matched"])

    # A file that breaks off is played as far as it goes, and is an error all the same.
    def test_a_damaged_file(self):
        path = self.capture(*Matching.ASKED)
        path.write_bytes(path.read_bytes()[:-3])
        text, error = self.replay(path, self.serve(), "--ignore-unexpected", code=2)
        self.assertIn("1 of 1 answer as recorded, to 2 requests", text)
        self.assertIn("is damaged behind record 3", error)

    # Expressions say which payloads they are too slow for.
    def test_long_payloads_and_expressions(self):
        path = self.capture((UP, b"a"), (DOWN, b"x" * 4097))
        _, error = self.replay(path, 9, "--mask-regex=x", code=2)
        self.assertIn("at most 4096 bytes, and record 2 of", error)

    # A signal ends it with what is known so far: what was not tried is an error, and so are flows that were not begun, and
    # files that were not opened.
    def test_a_signal(self):
        path = self.capture((UP, b"Michael", 0), (DOWN, b"Hello, Michael!", 0), (UP, b"Tracy", 86400),
                            (UP, b"Sarah", 86400, 40001), (DOWN, b"Hello, Sarah!", 86400, 40001))
        behind = self.capture(*Matching.ASKED, name="behind.pcap")
        xml, page = self.folder / "results.xml", self.folder / "page.html"
        asked = threading.Event()

        def behave(_):
            asked.set()
            return []
        run = self.start(self.LOSSY, "replay", path, behind, f"--against=127.0.0.1:{self.scripted(behave).port}",
                         f"--junit={xml}", f"--json={self.folder / 'results.json'}", f"--report={page}")
        self.wait_for(run, "said.pcap takes 24 h; with --speed=10000 it would take 8.64 s, and with --topspeed as long")
        self.assertTrue(asked.wait(PATIENCE_SECONDS))
        self.assertEqual(run.end(signal.SIGINT), 128 + signal.SIGINT)
        started = "said.pcap: flow 1, 192.0.2.1:40000: interrupted: 0 of 1 answer as recorded, to 1 of 2 requests"
        self.assertIn(started + ", 1 missing so far\n", run.text)
        self.assertIn("flow 2, 192.0.2.1:40001: interrupted: 0 of 0 answers as recorded, to 0 of 1 request\n", run.text)
        self.assertIn(f"lossy: {behind}: not replayed: stopped by SIGINT before\n", run.text)
        root = ElementTree.parse(xml).getroot()
        self.assertEqual([root.get(name) for name in ("tests", "failures", "errors")], ["3", "0", "3"])
        self.assertEqual([one.get("type") for one in root.iter("error")], ["interrupted", "interrupted", "not_tried"])
        self.assertEqual([one.get("name") for one in root.iter("testsuite")], [str(path), str(behind)])
        report = json.loads((self.folder / "results.json").read_text())
        self.assertEqual((report["holds"], report["stopped_by"]), (False, "SIGINT"))
        self.assertEqual(report["files"][0]["flows_not_tried"], 2)
        self.assertIn("stopped by SIGINT before", report["files"][1]["error"])
        self.assertIn("stopped by SIGINT before", page.read_text())

    # What takes long says so, with what makes it short.
    def test_patience(self):
        far = self.capture((UP, b"a", 0), (UP, b"b", 1_300_000_000))
        many = self.capture(*[(UP, b"%d" % i) for i in range(200)], name="many.pcap")
        end = "with --topspeed as long as the answers$"
        for path, options, says in (
                (far, ["--speed=1000"], "said.pcap takes 15.05 days; with --speed=1000000 it would take 21.67 min, and "),
                (far, ["--speed=1000000"], "said.pcap takes 21.67 min; "),
                (many, ["--pace=1/s"], "many.pcap takes 200 s; with --pace=10/s it would take 20 s, and ")):
            run = self.start(self.LOSSY, "replay", path, f"--against=127.0.0.1:{self.scripted(lambda _: []).port}", *options)
            self.wait_for(run, says + end)
            run.end(signal.SIGINT)

    # Between two files, too, when the second one is a pipe that nobody writes to.
    def test_a_signal_while_reading(self):
        pipe = self.folder / "pipe.pcap"
        os.mkfifo(pipe)
        path = self.capture(*Matching.ASKED)
        run = self.start(self.LOSSY, "replay", path, pipe, f"--against=127.0.0.1:{self.scripted(Matching.greet).port}")
        with open(pipe, "wb"):  # Opened: it is being read from now on.
            self.assertIn(run.end(signal.SIGTERM), (-signal.SIGTERM, 128 + signal.SIGTERM))

    # What cannot be tried of one file says nothing of the others.
    def test_one_file_of_three_cannot_be_tried(self):
        good = self.capture(*Matching.ASKED)
        bad = self.capture((UP, b"a"), (DOWN, b"x" * 4097), name="long.pcap")
        xml = self.folder / "results.xml"
        output, error = self.lossy("replay", good, bad, good, f"--against=127.0.0.1:{self.scripted(Matching.greet).port}",
                                   "--mask-regex=q", "--json", f"--junit={xml}", code=2)
        files = json.loads(output)["files"]
        self.assertEqual([one.get("flows_matched") for one in files], [1, None, 1])
        self.assertIn("at most 4096 bytes", files[1]["error"])
        self.assertIn("at most 4096 bytes", error)
        self.assertEqual(ElementTree.parse(xml).getroot().get("errors"), "1")


class Answer(AgainstTest):
    # The recorded server greets our client and the tutorial's, and is what it was recorded from.
    def test_in_place_of_the_server(self):
        server, port = self.answer(RECORDED / "tutorial-lo.pcap")
        text, _ = self.lossy("greet", *GREETINGS, f"--to=127.0.0.1:{port}")
        self.assertEqual(text, "".join(f"Hello, {name}!\n" for name in GREETINGS))
        self.replay(RECORDED / "tutorial-any.pcap", port, "--topspeed")
        self.assertEqual(server.end(), 0, server.text)
        self.assertIn("received 6, answered 6, unknown 0", server.text)

    # In a recording with losses it is what the server's host saw that counts: it answered everybody.
    def test_recordings_of_ours(self):
        for name in ("clean", "drop", "outage"):
            server, port = self.answer(CAPTURES / f"{name}.pcap", "--json")
            self.replay(CAPTURES / f"{name}.pcap", port, "--topspeed")
            self.assertEqual(server.end(signal.SIGINT), 0, server.text)
            self.assertEqual(json.loads(server.text.splitlines()[-1])["unknown"], 0)

    # What is unknown is not answered, is counted and shown, and is the exit code.
    def test_unknown_requests(self):
        server, port = self.answer(RECORDED / "tutorial-lo.pcap")
        self.lossy("greet", "Nobody", f"--to=127.0.0.1:{port}", "--attempts=2", "--initial-rto=10ms", code=1)
        wait_until(server.process, lambda: unread_bytes(port) == 0)
        self.assertEqual(server.end(), 1)
        self.assertRegex(server.text, r"received 2, answered 0, unknown 2\n"
                                      r"the first unknown one: from 127\.0\.0\.1:\d+, 6 bytes \"Nobody\"\n"
                                      r"lossy: to see it again: .* answer ")
        server, port = self.answer(RECORDED / "tutorial-lo.pcap", "--json")
        self.lossy("greet", "Nobody", f"--to=127.0.0.1:{port}", "--attempts=1", "--initial-rto=10ms", code=1)
        wait_until(server.process, lambda: unread_bytes(port) == 0)
        self.assertEqual(server.end(), 1)
        [report] = [json.loads(line) for line in server.text.splitlines() if line.startswith("{")]
        self.assertEqual(report["first_unknown"]["payload"], '6 bytes "Nobody"')

    # Asked again it gives the next answer, and the last again and again.
    def test_answers_in_order(self):
        path = self.capture((UP, b"time"), (DOWN, b"1"), (UP, b"time"), (DOWN, b"2"), (DOWN, b"two"))
        server, port = self.answer(path)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(PATIENCE_SECONDS)
            client.connect(("127.0.0.1", port))
            heard = []
            for answers in (1, 2, 2):
                client.send(b"time")
                heard += [client.recv(100) for _ in range(answers)]
        self.assertEqual(heard, [b"1", b"2", b"two", b"2", b"two"])
        self.assertEqual(server.end(), 0)

    # A stand-in that nobody asked has found nothing out; nor does one know what is asked that looks at nothing.
    def test_nothing_was_checked(self):
        server, _ = self.answer(RECORDED / "tutorial-lo.pcap")
        self.assertEqual(server.end(), 2)
        self.assertIn("lossy: nobody asked, so that nothing was checked\n", server.text)
        server, _ = self.answer(RECORDED / "tutorial-lo.pcap", "--mask=0-4")
        self.assertIn("tutorial-lo.pcap: the mask leaves nothing of 2 of 3 requests: whatever is asked is one of them\n",
                      server.text)


if __name__ == "__main__":
    proxied.main()
