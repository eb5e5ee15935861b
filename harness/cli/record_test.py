#!/usr/bin/env python3
"""Has `lossy record` capture what real programs say to each other, beside tcpdump.

usage: record_test.py LOSSY [TEST...]

LOSSY is the path of the built command. The exit code is 77 where nothing may be captured.
"""

import collections
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "net"))
import process_state
import proxied
from proxied import PATIENCE_SECONDS

NOBODY = 65534
RECORDED = r"recorded (\d+) packets? to (.*); the kernel dropped (\d+)$"
# Whoever has seen it has seen all that came before it.
MARKER = b"that is all of it"
# LeakSanitizer cannot look into a process that has become another user.
WITHOUT_LEAKS = "ASAN_OPTIONS=" + os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"


def frames_in(data):
    """The frames of a classic little-endian capture, as many as are whole."""
    frames, at = [], 24
    while at + 16 <= len(data):
        size, = struct.unpack_from("<I", data, at + 8)
        if at + 16 + size > len(data):
            break
        frames.append(data[at + 16:at + 16 + size])
        at += 16 + size
    return frames


def packets_in(data):
    """How many packets a little-endian pcapng has, as far as its blocks are whole."""
    packets, at = 0, 0
    while at + 12 <= len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if at + size > len(data):
            break
        packets += kind == 6
        at += size
    return packets


def udp_counts(path):
    """Datagrams that tshark sees whole, and the bytes of their payloads."""
    run = subprocess.run(["tshark", "-n", "-r", path, "-Y", "udp && udp.length", "-T", "fields",
                          "-e", "udp.length"], capture_output=True, text=True, timeout=60)
    lengths = [int(line.split(",")[0]) for line in run.stdout.split()]
    return len(lengths), sum(lengths) - 8 * len(lengths)


class Tcpdump:
    """Tcpdump, whose capture is read while it is made. In its buffer each packet takes as much room as the longest one
    may: with -s it takes all that is sent here, however late tcpdump comes to read it."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", proxied.find("tcpdump"), "--immediate-mode", "-U", "-n",
             "-B", "65536", "-s", "2048", "-Z", "root", "-w", "-", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = self.process.stderr.readline().decode()
        while "listening on" not in line:
            assert line, "tcpdump ended"
            line = self.process.stderr.readline().decode()
        self.data = b""
        self._marked = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while data := os.read(self.process.stdout.fileno(), 1 << 16):
            tail = self.data[-len(MARKER):]
            self.data += data
            if MARKER in tail + data:
                self._marked.set()

    def end(self):
        """Ends it once it has seen the marker, and gives what it captured."""
        assert self._marked.wait(PATIENCE_SECONDS), "tcpdump did not see the marker"
        self.process.terminate()
        self.process.wait()
        self._reader.join()
        self.close()
        return self.data

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


class RecordTest(proxied.ProxiedTest):
    def record(self, *options, interface="lo", before=(), name="seen.pcap"):
        """Starts a recording, and gives it once it captures."""
        one = self.start(*before, self.LOSSY, "record", f"--interface={interface}",
                         f"--write={self.folder / name}", *options)
        self.wait_for(one, f"^lossy: recording {interface} to ")
        return one

    def need_root(self):
        """Skips the test for a root of a user namespace's: nobody can become another user there."""
        if os.geteuid() != 0 or pathlib.Path("/proc/self/uid_map").read_text().split()[2] == "1":
            self.skipTest("needs the root of this machine")

    def summary(self, program, code=0, number=signal.SIGINT):
        """Ends a recording, and gives how many packets it recorded, where, and how many were dropped."""
        self.assertEqual(program.end(number), code, program.text)
        packets, where, dropped = self.find(RECORDED, program.text)
        return int(packets), where, int(dropped)

    def find(self, pattern, text):
        found = re.search(pattern, text, re.MULTILINE)
        self.assertTrue(found, f"no '{pattern}' in: {text}")
        return found.groups()

    def run_lossy(self, *arguments, code=0, **keywords):
        done = subprocess.run([self.LOSSY, *map(str, arguments)], capture_output=True, text=True,
                              timeout=PATIENCE_SECONDS, check=False, **keywords)
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done.stdout, done.stderr

    def inspect(self, path):
        return json.loads(self.run_lossy("inspect", "--json", path)[0])["files"][0]

    def send(self, *payloads, host="127.0.0.1"):
        """Sends datagrams to nobody."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            for payload in payloads:
                one.sendto(payload, (host, 9))

    def start_network(self):
        """Another network, joined to this one by a cable: the prefix of commands that run in it. It
        goes with the test, whatever happens, because nothing has a name."""
        other = self.start("unshare", "--net", "sh", "-c", "ip link set lo up; echo inside; exec cat")
        self.wait_for(other, "^inside")
        pid = str(other.process.pid)
        for command in (f"ip link add near type veth peer name far netns {pid}",
                        "ip addr add 192.0.2.1/24 dev near", "ip link set near up",
                        f"nsenter --target {pid} --net ip addr add 192.0.2.2/24 dev far",
                        f"nsenter --target {pid} --net ip link set far up"):
            subprocess.run(command.split(), check=True, timeout=PATIENCE_SECONDS)
        self.addCleanup(subprocess.run, ["ip", "link", "del", "near"], capture_output=True, check=False)
        return ["nsenter", "--target", pid, "--net"]


class Traffic(RecordTest):
    """What real programs say to each other is recorded to the last datagram."""

    NEEDS = ("tcpdump", "tshark", "dig", "dnsmasq", "iperf3", "openssl", "ip")

    def setUp(self):
        super().setUp()
        self.need_root()  # Tcpdump insists on becoming another user.

    def serve(self, inside, pattern, program, *arguments):
        server = self.start(*inside, proxied.find(program) or program, *arguments)
        self.wait_for(server, pattern)
        return server

    def look_up(self, inside, host):
        names = [f"host{i}.test" for i in range(1, 6)]
        self.serve(inside, "started, version", "dnsmasq", "--no-daemon", "--conf-file=/dev/null",
                   "--no-resolv", "--no-hosts", "--log-facility=-", "--port=5353",
                   f"--listen-address={host}", "--bind-interfaces",
                   *[f"--host-record={name},192.0.2.10" for name in names])
        dig = self.start("dig", f"@{host}", "-p", 5353, "+short", *names)
        self.assertEqual(dig.end(number=None), 0, dig.text)

    def greet(self, inside, host):
        self.serve(inside, "^Bind UDP on", self.LOSSY, "serve", f"--listen={host}:9999")
        greet = self.start(self.LOSSY, "greet", "Michael", "Tracy", "Sarah", f"--to={host}:9999")
        self.assertEqual(greet.end(number=None), 0, greet.text)

    def measure(self, inside, host):
        self.serve(inside, "^Server listening", "iperf3", "--server", "--one-off", "--bind", host,
                   "--forceflush")
        client = self.start("iperf3", "--client", host, "--udp", "--length", 250, "--bitrate", "8M",
                            "--blockcount", 2000)
        self.assertEqual(client.end(number=None), 0, client.text)

    def shake_hands(self, inside, host):
        key, certificate = self.folder / "key.pem", self.folder / "certificate.pem"
        made = self.start("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                          "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
                          "-days", 2, "-keyout", key, "-out", certificate)
        self.assertEqual(made.end(number=None), 0, made.text)
        server = self.serve(inside, "^ACCEPT", "openssl", "s_server", "-dtls", "-accept",
                            f"{host}:4433", "-cert", certificate, "-key", key, "-nbio")
        client = self.start("openssl", "s_client", "-dtls", "-connect", f"{host}:4433", "-CAfile",
                            certificate, "-verify_return_error", "-nbio")
        self.wait_for(client, r"Verify return code: 0 \(ok\)")
        client.say("greetings")
        self.wait_for(server, "^greetings$")
        client.end()

    def check(self, interface, host, inside=(), tcpdump_options=()):
        tcpdump = Tcpdump("-i", interface, *tcpdump_options, "udp")
        self.addCleanup(tcpdump.close)
        recording = self.record(interface=interface)
        for talk in (self.look_up, self.greet, self.measure, self.shake_hands):
            talk(inside, host)
        self.send(MARKER, host=host)
        theirs = tcpdump.end()
        packets, _, dropped = self.summary(recording)
        self.assertEqual(dropped, 0)
        ours = (self.folder / "seen.pcap").read_bytes()
        # Files of the same kind, in our case in nanoseconds.
        self.assertEqual(struct.unpack_from("<I", ours)[0], 0xA1B23C4D)
        self.assertEqual(ours[4:16] + ours[20:24], theirs[4:16] + theirs[20:24])
        # Two that come at a time on two processors may be seen in either order.
        self.assertEqual(packets, len(frames_in(ours)))
        self.assertEqual(collections.Counter(frames_in(ours)), collections.Counter(frames_in(theirs)))
        found = self.inspect(self.folder / "seen.pcap")
        self.assertEqual(found["records"], packets)
        self.assertEqual((found["datagrams"], found["bytes"]), udp_counts(self.folder / "seen.pcap"))
        self.assertGreater(packets, 2000)

    def test_loopback(self):
        self.check("lo", "127.0.0.1")

    def test_any(self):
        self.check("any", "127.0.0.1", tcpdump_options=["-y", "LINUX_SLL2"])

    def test_between_two_networks(self):
        self.check("near", "192.0.2.2", inside=self.start_network())


class Replayed(RecordTest):
    # What was recorded is a test of the server that was recorded, and notices another answer.
    def test_greetings(self):
        server = self.start(self.LOSSY, "serve", "--listen=127.0.0.1:9999")
        self.wait_for(server, "^Bind UDP on")
        recording = self.record("--count=6", "--filter=udp port 9999")
        greet = self.start(self.LOSSY, "greet", "Michael", "Tracy", "Sarah")
        self.assertEqual(greet.end(number=None), 0, greet.text)
        self.assertEqual(self.summary(recording, number=None)[0], 6)
        path = self.folder / "seen.pcap"
        self.run_lossy("replay", path)
        data = path.read_bytes()
        self.assertEqual(data.count(b"Hello, Tracy!"), 1)
        path.write_bytes(data.replace(b"Hello, Tracy!", b"Hello, Stacy!"))
        self.run_lossy("replay", path, code=1)


class Command(RecordTest):
    def test_count_ends_it(self):
        recording = self.record("--count=3", "--json")
        self.send(b"1", b"2", b"3", b"4", b"5")
        self.assertEqual(self.summary(recording, number=None)[0], 3)
        frames = frames_in((self.folder / "seen.pcap").read_bytes())
        self.assertEqual([frame[-1:] for frame in frames], [b"1", b"2", b"3"])
        report = json.loads(next(line for line in recording.text.splitlines() if line[0] == "{"))
        self.assertEqual(report["packets"], 3)
        self.assertEqual(report["files"], [str(self.folder / "seen.pcap")])
        self.assertEqual(report["dropped"], {"buffer_full": 0, "interface": 0})

    # "any" has frames of two link types, and another interface those of its own.
    def test_link_types(self):
        for form, link_type in (("sll2", 276), ("sll", 113)):
            with self.subTest(form):
                self.summary(self.record("--record-as=" + form, "--duration=1ms", interface="any"), number=None)
                self.assertEqual((self.folder / "seen.pcap").read_bytes()[20:24], link_type.to_bytes(4, "little"))
        _, error = self.run_lossy("record", "-i", "lo", "-w", self.folder / "seen.pcap", "--record-as=raw", code=2)
        self.assertRegex(error, "^lossy: 'lo' has no frames of the link type 12 .*; it has 1 ")

    # A pcapng names the interface, and is whole when it is cut into parts, or its recorder is killed.
    def test_pcapng(self):
        path = self.folder / "seen.pcapng"
        recording = self.record("--count=20", "--rotate=1k", name=path.name)
        self.send(*[bytes([i]) * 100 for i in range(20)])
        self.summary(recording, number=None)
        parts = sorted(self.folder.glob("seen-*.pcapng"))
        self.assertGreater(len(parts), 2)
        self.assertEqual(sum(packets_in(part.read_bytes()) for part in parts), 20)
        found = [self.inspect(part) for part in parts]
        self.assertEqual(sum(one["datagrams"] for one in found), 20)
        self.assertEqual({one["interfaces"][0]["name"] for one in found}, {"lo"})
        self.assertEqual(udp_counts(parts[0]), (found[0]["datagrams"], found[0]["bytes"]))
        recording = self.record(name=path.name)
        self.send(*[b"x"] * 10)
        part = self.folder / f"seen.pcapng.{recording.process.pid}-1.part"
        process_state.wait_until(recording.process, lambda: packets_in(part.read_bytes()) == 10)
        recording.end(signal.SIGKILL)
        self.assertEqual(self.inspect(part)["records"], 10)

    def test_duration_ends_it(self):
        recording = self.record("--duration=1ms", "--filter=udp port 7")
        self.assertEqual(self.summary(recording, number=None)[0], 0)
        self.assertEqual(len((self.folder / "seen.pcap").read_bytes()), 24)

    # However it is asked to end, what came before is in the file. Until then there is none.
    def test_signals_end_it(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number.name):
                recording = self.record()
                self.send(*[b"x"] * 100)
                self.assertNotIn("seen.pcap", os.listdir(self.folder))
                self.assertEqual(self.summary(recording, number=number)[0], 100)
                self.assertIn(f"stopped by {number.name}: recorded 100 packets", recording.text)
                self.assertEqual(len(frames_in((self.folder / "seen.pcap").read_bytes())), 100)
                (self.folder / "seen.pcap").unlink()

    def test_nohup_is_heeded(self):
        recording = self.record("--count=1", before=["nohup"])
        recording.process.send_signal(signal.SIGHUP)
        self.send(b"x")
        self.assertEqual(self.summary(recording, number=None)[0], 1)

    # Killed in the midst, it leaves what was there before, and beside it what was recorded, by a name that says so.
    def test_killed(self):
        for options, name in (([], "seen.pcap"), (["--rotate=1m"], "seen-00001.pcap")):
            (self.folder / name).write_text("before")
            recording = self.record(*options)
            self.send(*[b"x"] * 100)
            part = self.folder / f"{name}.{recording.process.pid}-1.part"
            process_state.wait_until(recording.process, lambda: len(frames_in(part.read_bytes())) == 100)
            recording.end(signal.SIGKILL)
            self.assertEqual((self.folder / name).read_text(), "before")
            text, _ = self.run_lossy("inspect", part)
            self.assertIn("  records         100\n", text)

    def test_filter(self):
        recording = self.record("--filter=greater 1000", "--count=1")
        self.send(b"x" * 10, b"y" * 1000)
        self.summary(recording, number=None)
        [frame] = frames_in((self.folder / "seen.pcap").read_bytes())
        self.assertEqual(frame[-1:], b"y")

    def test_rotation(self):
        recording = self.record("--rotate=1k", "--count=20")
        self.send(*[bytes([i]) * 100 for i in range(20)])
        packets, where, _ = self.summary(recording, number=None)
        self.assertEqual(packets, 20)
        # Of 14 + 20 + 8 + 100 bytes and 16 before them, six fit beside the 24 of the header.
        names = [f"seen-0000{i}.pcap" for i in range(1, 5)]
        self.assertEqual(sorted(os.listdir(self.folder)), names)
        self.assertEqual(where, f"4 files, {self.folder / names[0]} to {self.folder / names[-1]}")
        contents = [frames_in((self.folder / name).read_bytes()) for name in names]
        self.assertEqual([len(frames) for frames in contents], [6, 6, 6, 2])
        self.assertEqual([frame[-1] for frames in contents for frame in frames], list(range(20)))
        # Another recording takes their place, and theirs alone, however long it is.
        (self.folder / "seen-00006.pcap").write_text("not the next one")
        recording = self.record("--rotate=1k", "--count=8")
        self.send(*[bytes([i]) * 100 for i in range(8)])
        self.summary(recording, number=None)
        self.assertEqual(sorted(os.listdir(self.folder)), [*names[:2], "seen-00006.pcap"])
        self.assertEqual(len(frames_in((self.folder / names[1]).read_bytes())), 2)

    # Piped into another, each packet is there when it comes.
    def test_standard_output(self):
        recording = subprocess.Popen([self.LOSSY, "record", "-i", "lo", "-w", "-"],
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(recording.stderr.close)
        self.addCleanup(recording.stdout.close)
        self.addCleanup(recording.kill)
        self.assertEqual(recording.stderr.readline(), b"lossy: recording lo to standard output\n")
        self.assertEqual(len(recording.stdout.read(24)), 24)
        for payload in (b"one", b"two"):
            self.send(payload)
            self.assertTrue(recording.stdout.read(16 + 42 + 3).endswith(payload))
        recording.stdout.close()
        self.send(b"three")  # Nobody listens any more.
        self.assertEqual(recording.wait(PATIENCE_SECONDS), 128 + signal.SIGPIPE)
        self.assertEqual(recording.stderr.read(), b"")

    # A disk that fills up ends it with the exit code of a recording that lacks something; the file
    # is whole all the same.
    def test_disk_fills_up(self):
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        recording = subprocess.Popen([self.LOSSY, "record", "-i", "lo", "-w", self.folder / "seen.pcap"],
                                     stderr=subprocess.PIPE, preexec_fn=limit)
        self.addCleanup(recording.stderr.close)
        self.addCleanup(recording.kill)
        recording.stderr.readline()
        self.send(*[b"x" * 1000] * 20)
        self.assertEqual(recording.wait(PATIENCE_SECONDS), 1)
        error = recording.stderr.read().decode()
        self.assertIn("File too large; what fitted is kept\n", error)
        self.assertEqual(self.find(RECORDED, error)[0], "9")
        data = (self.folder / "seen.pcap").read_bytes()
        self.assertEqual((len(frames_in(data)), len(data)), (9, 24 + 9 * 1058))

    # A file that can no longer have its name is said to be lost.
    def test_a_lost_file(self):
        gone = self.folder / "gone"
        gone.mkdir()
        recording = self.start(self.LOSSY, "record", "-i", "lo", "-w", gone / "seen.pcap", "--count=1")
        self.wait_for(recording, "^lossy: recording lo to ")
        shutil.rmtree(gone)
        self.send(b"x")
        self.assertEqual(recording.end(number=None), 1)
        self.assertRegex(recording.text, "No such file or directory; the last file is lost\n"
                                         "lossy: recorded 0 packets to no file; ")

    # What the kernel dropped is said, and makes the exit code 1.
    def test_drops_are_said(self):
        recording = self.record("--buffer=64k", "--filter=udp port 9")
        recording.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, recording.process.pid, os.WSTOPPED | os.WNOWAIT)
        sent = 3000
        self.send(*[b"x" * 100] * sent)
        recording.process.send_signal(signal.SIGCONT)
        packets, _, dropped = self.summary(recording, code=1)
        self.assertGreater(dropped, 0)
        self.assertEqual(packets + dropped, sent)
        self.assertIn(f"lossy: {dropped} found its buffer full: give it a larger --buffer", recording.text)

    def test_interface_is_switched_off(self):
        for command, says in ((["ip", "link", "set", "near", "down"], "was switched off"),
                              (["ip", "link", "del", "near"], "(is gone|was switched off|disappeared)")):
            with self.subTest(says):
                self.start_network()
                recording = self.record(interface="near")
                subprocess.run(command, check=True)
                self.summary(recording, code=1, number=None)
                self.assertRegex(recording.text, f"\nlossy: .*near.* {says}")
                subprocess.run(["ip", "link", "del", "near"], capture_output=True, check=False)

    def test_what_cannot_be_done_is_said(self):
        path = f"--write={self.folder / 'seen.pcap'}"
        for arguments, says in (
                (["-i", "nope", path], "there is no interface 'nope'; there are .*lo.*lossy interfaces"),
                (["-i", "n" * 300, path], "there is no interface"),
                (["-i", "lo", path, "--filter=udp prot 9"], "^lossy: --filter: "),
                (["-i", "lo", path, "--filter="], "--filter"),
                (["-i", "lo", path, "--timestamps=sundial"], "has no timestamps of the kind 'sundial'"),
                (["-i", "lo", f"--write={self.folder}/no/seen.pcap"], "No such file"),
                (["-i", "lo", "-w", "-", "--rotate=1m"], "--rotate"),
                (["-i", "lo", "-w", "-", "--json"], "--json"),
                (["-i", "lo", path, "--count=0"], "--count"),
                (["-i", "lo", path, "--duration=0"], "--duration"),
                (["-i", "lo", path, "--buffer=1k"], "--buffer: it must be at least 64k"),
                (["-i", "lo"], "--write"),
                ([path], "--interface")):
            with self.subTest(says):
                output, error = self.run_lossy("record", *arguments, code=2)
                self.assertRegex(error, says)
                self.assertEqual((error.count("\n"), output), (1, ""))
                self.assertEqual(os.listdir(self.folder), [])

    def test_interfaces(self):
        text, _ = self.run_lossy("interfaces")
        self.assertRegex(text, r"(?m)^lo +running, loopback$\n +127\.0\.0\.1$")
        self.assertRegex(text, r"(?m)^any +all of them at once$")
        found = json.loads(self.run_lossy("interfaces", "--json")[0])["interfaces"]
        [lo] = [one for one in found if one["name"] == "lo"]
        self.assertIn("127.0.0.1", lo["addresses"])
        self.assertEqual((lo["up"], lo["running"], lo["loopback"]), (True, True, True))


def datagrams_in(data):
    """Of an Ethernet capture: the address families and payloads, behind headers without options."""
    found = []
    for frame in frames_in(data):
        is_v6 = frame[12:14] == b"\x86\xdd"
        udp = frame[14 + (40 if is_v6 else 20):]
        size, = struct.unpack_from(">H", udp, 4)
        assert size == len(udp), frame.hex()
        found.append((socket.AF_INET6 if is_v6 else socket.AF_INET, udp[8:]))
    return found


class Merged(RecordTest):
    """What a program sends with UDP_SEGMENT passes an interface as one packet, and is recorded as the datagrams that
    a receiver gets."""

    SOL_UDP, UDP_SEGMENT = 17, 103
    GREETING_BYTES = 13

    def greetings(self, count):
        return [f"greeting{i:05}".encode() for i in range(count)]

    def merging_socket(self, family, host, segment_bytes=GREETING_BYTES):
        one = socket.socket(family, socket.SOCK_DGRAM)
        self.addCleanup(one.close)
        try:
            one.setsockopt(self.SOL_UDP, self.UDP_SEGMENT, segment_bytes)
        except OSError as error:
            self.skipTest(f"the kernel has no UDP_SEGMENT: {error}")
        one.connect((host, 9))
        return one

    def send_on(self, sender, data):
        while True:
            try:
                sender.send(data)
                return
            except ConnectionRefusedError:  # Nobody has taken the one before.
                pass

    def send_merged(self, greetings, family=socket.AF_INET, host="127.0.0.1", each=30):
        sender = self.merging_socket(family, host)
        for at in range(0, len(greetings), each):
            self.send_on(sender, b"".join(greetings[at:at + each]))

    def json_of(self, program):
        report = json.loads(next(line for line in program.text.splitlines() if line[0] == "{"))
        if report["merged"] is None or report["merged"]["unknown"] > 0:
            self.skipTest(f"the kernel does not say what it has merged: {program.text}")
        return report

    def test_each_datagram_is_recorded(self):
        greetings = self.greetings(1000)
        recording = self.record("--count=2000", "--json")
        self.send_merged(greetings)
        self.send_merged(greetings, socket.AF_INET6, "::1")
        self.assertEqual(recording.end(number=None), 0, recording.text)
        report = self.json_of(recording)
        self.assertEqual(report["packets"], 2000)
        self.assertEqual(report["merged"], {"packets": 68, "datagrams": 2000, "carried": 0, "unknown": 0})
        self.assertIn("\nlossy: the kernel had merged 2000 datagrams into 68 packets; they are recorded one by one\n",
                      recording.text)
        path = self.folder / "seen.pcap"
        self.assertEqual(datagrams_in(path.read_bytes()),
                         [(family, greeting) for family in (socket.AF_INET, socket.AF_INET6) for greeting in greetings])
        found = self.inspect(path)
        self.assertEqual((found["datagrams"], found["udp_checksums"]["good"]), (2000, 2000))
        self.assertEqual((found["bad_ip_checksums"], found["merged"]), (0, 0))

    # Whoever may capture, and no more, is told of each packet, merged or not.
    def test_one_capability_is_enough(self):
        self.need_root()
        self.folder.chmod(0o777)
        lossy = self.folder / "lossy"
        shutil.copy(self.LOSSY, lossy)
        recording = self.start("env", WITHOUT_LEAKS, "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
                               "--clear-groups", "--inh-caps=-all,+net_raw", "--ambient-caps=-all,+net_raw", lossy,
                               "record", "-i", "lo", "-w", self.folder / "seen.pcap", "--count=101", "--json")
        self.wait_for(recording, "^lossy: recording lo to ")
        self.send(b"alone")
        self.send_merged(self.greetings(100))
        self.assertEqual(recording.end(number=None), 0, recording.text)
        self.assertEqual(self.json_of(recording)["merged"],
                         {"packets": 4, "datagrams": 100, "carried": 0, "unknown": 0})
        self.assertEqual([payload for _, payload in datagrams_in((self.folder / "seen.pcap").read_bytes())],
                         [b"alone", *self.greetings(100)])

    # What is counted, and what fills a file, are datagrams.
    def test_count_ends_within_a_packet(self):
        recording = self.record("--count=35", "--rotate=1k", "--json")
        self.send_merged(self.greetings(100))
        self.assertEqual(recording.end(number=None), 0, recording.text)
        report = self.json_of(recording)
        self.assertEqual(report["packets"], 35)
        self.assertEqual(report["merged"], {"packets": 2, "datagrams": 35, "carried": 0, "unknown": 0})
        # Of 14 + 28 + 13 bytes and 16 before them, fourteen fit beside the 24 of the header.
        contents = [frames_in(pathlib.Path(path).read_bytes()) for path in report["files"]]
        self.assertEqual([len(frames) for frames in contents], [14, 14, 7])
        self.assertEqual([frame[-self.GREETING_BYTES:] for frames in contents for frame in frames], self.greetings(35))

    # The same bytes, sent merged, as one datagram and merged otherwise, one after the other, stay what they were.
    def test_equal_bytes_are_told_apart(self):
        data = b"x" * 60
        recording = self.record("--count=12", "--json")
        sender = self.merging_socket(socket.AF_INET6, "::1")
        sizes = [20, 0, 30, 60, 0, 15, 0]
        for size in sizes:
            sender.setsockopt(self.SOL_UDP, self.UDP_SEGMENT, size)
            self.send_on(sender, data)
        self.assertEqual(recording.end(number=None), 0, recording.text)
        self.json_of(recording)
        lengths = [len(payload) for _, payload in datagrams_in((self.folder / "seen.pcap").read_bytes())]
        self.assertEqual(lengths, [20] * 3 + [60] + [30] * 2 + [60] * 2 + [15] * 4)

    # Inside a tunnel it stays merged, which is said; on the tunnel's own interface it does not.
    def test_tunnel(self):
        inside = self.start_network()
        for prefix, link, remote, address in (([], "near", "192.0.2.2", "198.51.100.1"),
                                              (inside, "far", "192.0.2.1", "198.51.100.2")):
            for command in (f"ip link add tunnel type vxlan id 7 remote {remote} dstport 4789 dev {link}",
                            f"ip addr add {address}/24 dev tunnel", "ip link set tunnel up"):
                made = subprocess.run([*prefix, *command.split()], capture_output=True, text=True, check=False)
                if made.returncode != 0:
                    self.skipTest(f"there is no tunnel: {made.stderr}")
        self.addCleanup(subprocess.run, ["ip", "link", "del", "tunnel"], capture_output=True, check=False)
        greetings = self.greetings(60)
        for interface, count, filter_ in (("tunnel", 60, "udp dst port 9"),
                                          ("near", 2, "src 192.0.2.1 and udp port 4789 and greater 400")):
            recording = self.record(f"--count={count}", f"--filter={filter_}", "--json", interface=interface)
            self.send_merged(greetings, host="198.51.100.2")
            self.assertEqual(recording.end(number=None), 0, recording.text)
            report = self.json_of(recording)
            expected = (2, 60, 0) if interface == "tunnel" else (0, 0, 2)
            self.assertEqual((report["merged"]["packets"], report["merged"]["datagrams"], report["merged"]["carried"]),
                             expected, recording.text)
        self.assertIn("\nlossy: 2 packets were a tunnel's, and stayed merged inside; ", recording.text)


class Privileges(RecordTest):
    """A recording needs privileges for a moment, and has none from then on."""

    def setUp(self):
        super().setUp()
        self.need_root()
        # Where everybody can reach it.
        self.folder.chmod(0o755)
        self.command = self.folder / "lossy"
        shutil.copy(self.LOSSY, self.command)
        self.open = self.folder / "open"
        self.open.mkdir()
        self.open.chmod(0o777)

    def start_lossy(self, *before, path="open/seen.pcap", environment=()):
        return self.start("env", *environment, *before, self.command, "record", "-i", "lo", "-w",
                          self.folder / path, "--count=1")

    def status(self, program):
        text = pathlib.Path(f"/proc/{program.process.pid}/status").read_text()
        return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)

    def check_given_up(self, program, user, group=None):
        status = self.status(program)
        self.assertEqual(status["Uid"].split(), [str(user)] * 4)
        self.assertEqual(status["Gid"].split(), [str(user if group is None else group)] * 4)
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(status[capabilities], 16), 0, capabilities)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.send(b"x")
        self.assertEqual(self.summary(program, number=None)[0], 1)
        self.assertEqual((self.open / "seen.pcap").stat().st_uid, user)

    def test_root_keeps_no_capability(self):
        program = self.start_lossy()
        self.wait_for(program, "^lossy: recording lo to ")
        self.check_given_up(program, 0)

    SUDO = (f"SUDO_UID={NOBODY}", f"SUDO_GID={NOBODY}", WITHOUT_LEAKS)

    def test_sudo_becomes_who_typed_it(self):
        program = self.start_lossy(environment=self.SUDO)
        self.wait_for(program, "^lossy: recording lo to .* as user nobody$")
        self.assertEqual(self.status(program)["Groups"].split(), [str(NOBODY)])
        self.check_given_up(program, NOBODY)

    # A user whose group is root's is no root.
    def test_sudo_by_a_member_of_roots_group(self):
        program = self.start_lossy(environment=(f"SUDO_UID={NOBODY}", "SUDO_GID=0", WITHOUT_LEAKS))
        self.wait_for(program, "^lossy: recording lo to .* as user nobody$")
        self.check_given_up(program, NOBODY, group=0)

    # A program that is set to root works for whoever started it: the environment is theirs, and not sudo's.
    def test_setuid_becomes_who_started_it(self):
        self.command.chmod(0o4755)
        if os.statvfs(self.command).f_flag & os.ST_NOSUID:
            self.skipTest("no program is set to a user here")
        program = self.start_lossy("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                                   environment=("SUDO_UID=1", "SUDO_GID=1", WITHOUT_LEAKS))
        self.wait_for(program, "^lossy: recording lo to .* as user nobody$")
        self.check_given_up(program, NOBODY)

    def test_sudo_writes_only_where_its_user_may(self):
        program = self.start_lossy(path="seen.pcap", environment=self.SUDO)
        self.assertEqual(program.end(number=None), 2)
        self.assertRegex(program.text, "Permission denied to user nobody, as whom it is written\n$")
        self.assertFalse((self.folder / "seen.pcap").exists())

    def test_one_capability_is_enough(self):
        program = self.start_lossy("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                                   "--inh-caps=-all,+net_raw", "--ambient-caps=-all,+net_raw",
                                   environment=[WITHOUT_LEAKS])
        self.wait_for(program, "^lossy: recording lo to ")
        self.check_given_up(program, NOBODY)

    def test_without_privileges(self):
        program = self.start_lossy("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        self.assertEqual(program.end(number=None), 2)
        self.assertRegex(program.text, "^lossy: capturing on 'lo' is not permitted; permit it with: "
                         f"sudo setcap cap_net_raw\\+ep {self.command} \\(or use sudo\\)\n$")


def may_capture():
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except PermissionError:
        return False
    return True


if __name__ == "__main__":
    # Alone on the network, or not at all: what others send would be recorded, too.
    if not proxied.own_network.enter() or not may_capture():
        sys.exit(proxied.SKIPPED)
    proxied.main()
