"""What `lossy proxy` promises, checked on the command itself: python3 proxy_test.py LOSSY [TEST...]"""

import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import process_state
from full_pipe import full_pipe

LOSSY = sys.argv[1]
# Whatever goes wrong, nothing is left running.
BOUNDED = ["timeout", "--foreground", "--kill-after=5", "100"]


def run(*command, **keywords):
    return subprocess.run([*BOUNDED, *command], capture_output=True, text=True, check=False, **keywords)


def udp_socket(host="127.0.0.1"):
    one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((host, 0))
    one.settimeout(60)  # Only ends a broken test.
    return one


def host_port(one):
    host, port = one.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def has_ipv6():
    try:
        udp_socket("::1").close()
    except OSError:
        return False
    return True


class WithProxy(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.server = udp_socket()
        self.addCleanup(self.server.close)

    def start(self, *options, to=None, listen="127.0.0.1:0", limit=(), stdout=subprocess.PIPE):
        """Starts a proxy in front of the server, and gives it with the address that it listens on."""
        process = subprocess.Popen([*BOUNDED, *limit, LOSSY, "proxy", f"--listen={listen}",
                                    "--to=" + (to or host_port(self.server)), *options],
                                   stdout=stdout, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: process.returncode is None and process.communicate())
        self.addCleanup(process.terminate)
        line = process.stderr.readline()
        found = re.fullmatch(r"lossy: proxy on \[?([0-9.:]+?)\]?:(\d+) to \S+\n", line)
        self.assertTrue(found, line)
        return process, (found[1], int(found[2]))

    def client(self):
        one = udp_socket()
        self.addCleanup(one.close)
        return one

    def stop(self, process, number=signal.SIGINT):
        process.send_signal(number)  # timeout(1) passes it on.
        output, errors = process.communicate()
        return process.returncode, output, errors

    def ask(self, client, address, text=b"ping"):
        """One round trip through the proxy."""
        client.sendto(text, address)
        self.assertEqual(self.answer(), text)
        data, source = client.recvfrom(70000)
        self.assertEqual((data, source[:2]), (text[::-1], address))

    def answer(self):
        """What the server was asked, answered."""
        data, inside = self.server.recvfrom(70000)
        self.server.sendto(data[::-1], inside)
        return data


class Forwarding(WithProxy):
    def test_round_trips_and_summary(self):
        process, address = self.start()
        for _ in range(3):
            self.ask(self.client(), address)
        code, output, errors = self.stop(process)
        self.assertEqual((code, errors), (0, ""))
        self.assertRegex(output, r"offered +3 +3\n")
        self.assertRegex(output, r"flows +3 opened, 3 open\n")
        self.assertRegex(output.splitlines()[-1], r"^The same path again: .* proxy --seed=4 ")

    # A proxy that is killed leaves what it has recorded, by a name that says so.
    def test_killed(self):
        path = self.folder / "run.pcap"
        process, address = self.start(f"--record={path}")
        for _ in range(3):
            self.ask(self.client(), address)
        [part] = self.folder.glob("run.pcap.*.part")
        read = lambda: json.loads(subprocess.run([LOSSY, "inspect", "--json", part], capture_output=True,
                                                 timeout=60).stdout)["files"][0]
        process_state.wait_until(process, lambda: read()["records"] == 12)
        os.kill(int(re.search(r"\.(\d+)-1\.part$", part.name)[1]), signal.SIGKILL)
        process.communicate()
        self.assertFalse(path.exists())
        self.assertEqual((len(read()["flows"]), read()["uplink"]["arrived"]), (3, 3))

    def test_sizes(self):
        process, address = self.start()
        client = self.client()
        for size in (0, 1, 1472, 9000, 65507):
            self.ask(client, address, os.urandom(size))
        self.assertEqual(self.stop(process, signal.SIGTERM)[0], 0)

    # IPv6 carries 20 bytes more than IPv4: through the proxy, in a recording of it, and played again to a server.
    def test_longest_of_ipv6(self):
        if not has_ipv6():
            self.skipTest("no IPv6 on this machine's loopback")
        path = self.folder / "longest.pcap"
        longest = os.urandom(65527)
        self.server = udp_socket("::1")
        self.addCleanup(self.server.close)
        process, address = self.start(f"--record={path}", "--json", listen="[::1]:0")
        with udp_socket("::1") as client:
            for size in (65507, 65508, 65527):
                self.ask(client, address, longest[:size])
        code, output, errors = self.stop(process)
        self.assertEqual((code, errors), (0, ""))
        counted = json.loads(output)
        self.assertEqual((counted["uplink"]["delivered"], counted["downlink"]["delivered"], counted["too_long"]), (3, 3, 0))
        found, = json.loads(run(LOSSY, "inspect", "--json", path).stdout)["files"]
        self.assertEqual((found["datagrams"], found["bytes"]), (12, 4 * (65507 + 65508 + 65527)))
        answered = threading.Thread(target=lambda: [self.answer() for _ in range(3)])
        answered.start()
        done = run(LOSSY, "replay", path, f"--against={host_port(self.server)}", "--json")
        answered.join()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(json.loads(done.stdout)["files"][0]["matched"], 3)

    # The same seed loses the same datagrams as in the simulator.
    def test_fates_of_the_simulator(self):
        options = ["--drop=25%", "--duplicate=10%", "--seed=7", "--json"]
        greetings = ["--attempts=100", "--initial-rto=200ms", *[f"guest-{i}" for i in range(1, 9)]]
        saved = [self.folder / "simulated", self.folder / "proxied"]
        simulated = json.loads(run(LOSSY, "simulate", *options, f"--save-faults={saved[0]}", *greetings).stdout)
        served = subprocess.Popen([*BOUNDED, LOSSY, "serve", "--listen=127.0.0.1:0", "--quiet", "--json"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(served.communicate)
        self.addCleanup(served.terminate)
        server = served.stderr.readline().split()[-1]
        done = run(LOSSY, "proxy", "--to=" + server, *options, f"--save-faults={saved[1]}", "--", LOSSY, "greet",
                   "--to={address}", *greetings)
        self.assertEqual(done.returncode, 0, done.stderr)
        proxied = json.loads(done.stderr.splitlines()[-1])
        for way in ("uplink", "downlink"):
            # Where this machine stood still some were sent once more; and the last answer ends the command.
            both = min(simulated[way]["offered"], proxied[way]["offered"])
            first, again = ([line for number, line in re.findall(rf"^{way}\.(\d+)(:.*)$", path.read_text(), re.MULTILINE)
                             if int(number) <= both] for path in saved)
            self.assertEqual(first, again, way)
            self.assertIn(":drop", first)

    # What happened to each flow can be had again, flow by flow.
    def test_faults_of_each_flow(self):
        with tempfile.TemporaryDirectory() as folder:
            saved = [pathlib.Path(folder, name) for name in ("first", "again")]
            options = ["--drop=20%", "--duplicate=20%", "--seed=3"]
            for path in saved:
                process, address = self.start(f"--save-faults={path}", "--stats=20ms", *options)
                for _ in range(3):
                    client = self.client()
                    for _ in range(20):
                        client.sendto(b"x", address)
                while json.loads(process.stdout.readline())["uplink"]["offered"] < 60:
                    pass
                self.assertEqual(self.stop(process)[0], 0)
                options = [f"--faults=@{path}"]
            first, again = ([line for line in path.read_text().splitlines() if line[0] != "#"] for path in saved)
            self.assertEqual(sorted(first), sorted(again))
            for flow in ("uplink.", "flow2.uplink.", "flow3.uplink."):
                self.assertTrue(any(line.startswith(flow) and line.endswith(":drop") for line in first), (flow, first))

    # What is idle for longest makes room; memory and descriptors are bounded, and service goes on.
    def test_many_sources(self):
        process, address = self.start("--flows=50", "--memory=64k", "--json")
        first = self.client()
        self.ask(first, address)
        source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(source.close)
        for i in range(1000):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
                one.bind((f"127.1.{i // 250}.{i % 250 + 1}", 0))
                one.sendto(b"x", address)
                self.assertEqual(self.server.recv(10), b"x")
        self.ask(first, address)
        report = json.loads(self.stop(process)[1])
        self.assertEqual(report["flows"]["opened"], 1002)
        self.assertEqual(report["flows"]["open"], 50)
        self.assertEqual(report["flows"]["evicted"], 952)
        self.assertEqual(report["uplink"]["delivered"], 1002)

    # A server that is away is silence to the client, and counted; when it is back all goes on.
    def test_server_restarts(self):
        process, address = self.start("--stats=20ms")
        client = self.client()
        self.ask(client, address)
        name = self.server.getsockname()
        self.server.close()
        client.sendto(b"into the void", address)
        while json.loads(process.stdout.readline())["icmp"]["refused"] == 0:
            pass
        self.assertEqual(select.select([client], [], [], 0)[0], [])
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.server.settimeout(60)
        self.server.bind(name)
        self.addCleanup(self.server.close)
        self.ask(client, address)
        self.assertRegex(self.stop(process)[1], r"flows +1 opened, 1 open\n  ICMP +refused 1, ")


def records_of(path):
    """(host, whether it leaves, payload bytes) of each record of a recording."""
    data = path.read_bytes()
    assert struct.unpack_from("<I", data)[0] == 0xA1B23C4D and struct.unpack_from("<I", data, 20)[0] == 276
    at, records = 24, []
    while at < len(data):
        _, _, size, _ = struct.unpack_from("<IIII", data, at)
        frame = data[at + 16:at + 16 + size]
        assert len(frame) == size, "the capture is cut off"
        interface = struct.unpack_from(">I", frame, 4)[0]
        records.append((interface, frame[10] == 4, frame[20 + 28:]))
        at += 16 + size
    return records


class Output(WithProxy):
    def test_record_shows_both_sides(self):
        path = self.folder / "proxied.pcap"
        process, address = self.start(f"--record={path}", "--uplink-duplicate=100%")
        client = self.client()
        client.sendto(b"up", address)
        inside = self.server.recvfrom(10)[1]
        self.server.recv(10)
        self.server.sendto(b"down", inside)
        client.recv(10)
        self.assertEqual(self.stop(process)[0], 0)
        self.assertEqual(records_of(path), [(1, True, b"up"), (2, False, b"up"), (2, False, b"up"),
                                            (2, True, b"down"), (1, False, b"down")])

    # A recording tells of the path what the proxy counted, for each client, and the server gives the
    # same answers again, whatever the addresses and the times.
    def test_record_is_inspected_and_replayed(self):
        served = subprocess.Popen([*BOUNDED, LOSSY, "serve", "--listen=127.0.0.1:0", "--quiet"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(served.communicate)
        self.addCleanup(served.terminate)
        server = served.stderr.readline().split()[-1]
        path = self.folder / "proxied.pcap"
        process, address = self.start(f"--record={path}", "--drop=20%", "--duplicate=10%", "--reorder=10%",
                                      "--delay=3ms", "--seed=11", "--json", to=server)
        names = [f"guest-{i}" for i in range(20)]
        for _ in range(3):
            done = run(LOSSY, "greet", "--to={}:{}".format(*address), "--window=8", "--attempts=100",
                       "--initial-rto=200ms", *names)
            self.assertEqual(done.returncode, 0, done.stderr)
        # Until all is answered that reached the server, and nothing is in flight.
        child = int(pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
        settled = False
        while not settled:
            os.kill(child, signal.SIGUSR1)
            counted = json.loads(process.stdout.readline())
            received = counted["uplink"]["delivered"] + counted["uplink"]["duplicated"]
            settled = counted["in_flight"] == 0 and counted["downlink"]["offered"] == received
        self.assertEqual(self.stop(process)[0], 0)

        found, = json.loads(run(LOSSY, "inspect", "--json", path).stdout)["files"]
        self.assertEqual(found["exchanges"]["requests"], 0)
        self.assertEqual(len(found["flows"]), 3)
        for way in ("uplink", "downlink"):
            self.assertEqual((found[way]["sent"], found[way]["lost"], found[way]["unmatched"]),
                             (counted[way]["offered"], counted[way]["lost"], 0))
            self.assertEqual((found[way]["arrived"], found[way]["duplicated"]),
                             (counted[way]["delivered"], counted[way]["duplicated"]))
            self.assertGreater(found[way]["lost"], 0)
            self.assertGreaterEqual(found[way]["delay_ms"]["min"], 3)
            self.assertEqual(sum(flow["path"][way]["sent"] for flow in found["flows"]), found[way]["sent"])
        for flow in found["flows"]:
            self.assertEqual((flow["server"], flow["proxy"]["outside"]), (server, "{}:{}".format(*address)))
        shown = run(LOSSY, "inspect", path).stdout
        self.assertRegex(shown, r"\n +1  127\.0\.0\.1:\d+ > {}:{} \| 127\.0\.0\.1:\d+ > {}  ".format(*address, server))

        done = run(LOSSY, "replay", "--json", path)
        self.assertEqual(done.returncode, 0, done.stdout)
        replayed, = json.loads(done.stdout)["files"]
        self.assertTrue(replayed["proxied"])
        self.assertEqual((replayed["received"], replayed["sent"], replayed["cut_off"]), (received, received, 0))

        data = bytearray(path.read_bytes())
        data[data.index(b"Hello, guest-7") + 4] ^= 1
        path.write_bytes(data)
        done = run(LOSSY, "replay", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("first difference at offset 4: expected 6e 'n', actual 6f 'o'", done.stdout)

    # What is in flight when the proxy ends was not lost: the recording says so, and whoever reads it.
    def test_recording_that_ends_in_mid_flight(self):
        path, page = self.folder / "flight.pcap", self.folder / "flight.html"
        process, address = self.start(f"--record={path}", f"--report={page}", "--faults=flow1.uplink.2:drop",
                                      "--uplink=delay 3600s", "--json")
        clients = [self.client(), self.client()]
        for client, count in zip(clients, (3, 1)):
            for number in range(count):
                client.sendto(b"ping %d" % number, address)
        child = int(pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
        counted = {"uplink": {"offered": 0}}
        while counted["uplink"]["offered"] < 4:
            os.kill(child, signal.SIGUSR1)
            counted = json.loads(process.stdout.readline())
        code, output, errors = self.stop(process)
        self.assertEqual((code, errors), (0, ""))
        counted = json.loads(output.splitlines()[-1])
        self.assertEqual((counted["in_flight"], counted["uplink"]["lost"]), (3, 1))

        found, = json.loads(run(LOSSY, "inspect", "--json", path).stdout)["files"]
        self.assertEqual((found["records"], found["datagrams"], found["notes"]), (7, 4, 3))
        self.assertEqual(sum(found["skipped"].values()), 0)
        for way, count in (("uplink", 4), ("downlink", 0)):
            self.assertEqual([found[way][name] for name in ("sent", "arrived", "lost", "in_flight")],
                             [count, 0, count // 4, count // 4 * 3])
        self.assertEqual(sorted((flow["path"]["uplink"]["lost"], flow["path"]["uplink"]["in_flight"])
                                for flow in found["flows"]), [(0, 1), (1, 2)])
        shown = run(LOSSY, "inspect", "--trace", path).stdout
        self.assertEqual((shown.count('"  lost\n'), shown.count('"  in flight\n')), (1, 3), shown)
        self.assertRegex(shown, r"\n  lost +1 +25% +0\n  in flight +3 +75% +0\n")
        self.assertNotIn("skipped", shown)
        # The page of the run and the one of the recording: under way, and not lost.
        drawn = self.folder / "drawn.html"
        run(LOSSY, "inspect", path, f"--report={drawn}")
        self.assertIn('{"key":"in_flight","cells":["in flight","","3","75%","0",""]}', drawn.read_text())
        for file in (page, drawn):
            self.assertIn('{"key":"loss_periods","cells":["loss periods","RFC 3357","1","","0",""]}', file.read_text())

    def test_stats_and_signals(self):
        process, address = self.start("--stats=20ms")
        self.ask(self.client(), address)
        offered = 0
        while offered == 0:
            offered = json.loads(process.stdout.readline())["uplink"]["offered"]
        self.assertEqual(offered, 1)
        self.stop(process)
        process, address = self.start("--json")
        self.ask(self.client(), address)
        # timeout(1) does not pass this one on.
        child = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        os.kill(int(child), signal.SIGUSR1)
        self.assertEqual(json.loads(process.stdout.readline())["uplink"]["offered"], 1)
        self.ask(self.client(), address)
        self.assertEqual(json.loads(self.stop(process)[1])["uplink"]["offered"], 2)

    # --stats speaks on the way and --json in the end, one does not replace the other.
    def test_stats_with_totals(self):
        process, address = self.start("--stats=20ms", "--json")
        self.ask(self.client(), address)
        while json.loads(process.stdout.readline())["downlink"]["delivered"] == 0:
            pass
        *periods, totals = map(json.loads, self.stop(process)[1].splitlines())
        self.assertEqual([period["final"] for period in periods], [False] * len(periods))
        self.assertTrue(totals["final"])
        self.assertEqual((totals["uplink"]["delivered"], totals["downlink"]["delivered"]), (1, 1))
        self.assertIn(" proxy --seed=4 ", totals["reproduce"])

    # Without --json the end is a summary for people, whatever came before.
    def test_stats_with_summary(self):
        process, address = self.start("--stats=20ms")
        self.ask(self.client(), address)
        while json.loads(process.stdout.readline())["downlink"]["delivered"] == 0:
            pass
        self.assertRegex(self.stop(process)[1], r"\n  offered +1 +1\n")

    # A terminal that goes away ends it as a signal that asks for it does: with whole files.
    def test_hangup(self):
        path = self.folder / "proxied.pcap"
        process, address = self.start(f"--record={path}")
        self.ask(self.client(), address)
        self.assertEqual(self.stop(process, signal.SIGHUP)[0], 0)
        self.assertEqual(len(records_of(path)), 4)
        self.assertEqual(list(self.folder.iterdir()), [path])

    # Where nobody reads what is printed, and there is no room for more, it ends all the same when it is asked to,
    # and what it recorded is whole.
    def test_nobody_reads(self):
        for options in (["--trace"], ["--stats=1ms"], ["--trace", "--json"], ["--json"]):
            reader, writer = full_pipe()
            path = self.folder / "proxied.pcap"
            process, address = self.start(*options, f"--record={path}", stdout=writer)
            os.close(writer)
            # A line of figures may be stuck before any datagram comes.
            forwards = "--stats=1ms" not in options
            if forwards:
                self.client().sendto(b"x", address)
                self.assertEqual(self.server.recv(10), b"x")
            code, _, errors = self.stop(process, signal.SIGTERM)
            os.close(reader)
            self.assertEqual(code, 128 + signal.SIGPIPE, errors)
            self.assertIn("lossy: nobody reads standard output; what was left to print is lost\n", errors)
            self.assertEqual(records_of(path), [(1, True, b"x"), (2, False, b"x")] if forwards else [])
            offered = int(forwards)
            self.assertRegex(errors, f'"uplink":{{"offered":{offered},' if "--json" in options
                             else rf"\n  offered +{offered} +0\n")

    # A reader who has enough ends it: what was recorded is whole, and the summary goes where errors go.
    def test_reader_goes(self):
        for options in (["--trace"], ["--stats=20ms"], ["--trace", "--stats=20ms", "--json"]):
            path = self.folder / "proxied.pcap"
            self.server = udp_socket()
            self.addCleanup(self.server.close)
            process, address = self.start(*options, f"--record={path}")
            client = self.client()
            self.ask(client, address)
            process.stdout.readline()
            process.stdout.close()
            while process.poll() is None:
                client.sendto(b"x", address)
                time.sleep(0.001)
            errors = process.stderr.read()
            process.stderr.close()
            self.assertEqual(process.returncode, 128 + signal.SIGPIPE, errors)
            self.assertIn("lossy: nobody takes what is printed any more; what the proxy came to:\n", errors)
            self.assertIn("downlink", errors)
            self.assertEqual(records_of(path)[:4], [(1, True, b"ping"), (2, False, b"ping"),
                                                    (2, True, b"gnip"), (1, False, b"gnip")])

    # What cannot be recorded any more is said, and ends neither the forwarding nor, in the end, in success; what
    # fitted is kept.
    def test_file_size_limit(self):
        path = self.folder / "proxied.pcap"
        process, address = self.start(f"--record={path}", limit=["prlimit", "--fsize=100000"])
        client = self.client()
        for _ in range(20):
            self.ask(client, address, os.urandom(60000))
        code, output, errors = self.stop(process)
        self.assertEqual(code, 1, errors)
        self.assertIn("File too large; what fitted is kept, and forwarding goes on\n", errors)
        self.assertRegex(output, r"offered +20 +20\n")
        self.assertRegex(output, r"\n  Note: cannot write '.*': File too large; what fitted is kept\.\n")
        self.assertEqual([(host, leaves) for host, leaves, _ in records_of(path)], [(1, True)])

    # What could have no effect is said, flow by flow where it is about flows.
    def test_notes(self):
        for options, notes in [
                (["--uplink-mtu=1000"], ["uplink: no datagram was larger than the MTU."]),
                (["--faults=uplink.1:drop,uplink.9:drop,flow2.uplink.1:drop,flow3.downlink.1:drop"],
                 ["uplink: 1 of the faults was for a datagram that was never sent.",
                  "downlink: 1 of the faults was for a datagram that was never sent."]),
                (["--memory=64k", "--delay=10s"], ["1 was lost because what was in flight took the 65536 bytes that "
                                                   "it may take; allow more with --memory."]),
        ]:
            process, address = self.start("--stats=20ms", *options)
            sizes = [1, 1] if "--memory=64k" not in options else [60000, 1]
            for size in sizes:
                client = self.client()
                client.sendto(b"x" * size, address)
            while json.loads(process.stdout.readline())["uplink"]["offered"] < len(sizes):
                pass
            output = self.stop(process)[1]
            self.assertEqual(re.findall("  Note: (.*)", output), notes, options)

    # The path is explained as for the simulator, and nothing is listened on for it.
    def test_explain(self):
        options = ["--explain", "--drop=10%", "--uplink-delay=20ms", "--rate=1mbit"]
        done = run(LOSSY, "proxy", *options)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, run(LOSSY, "simulate", *options).stdout)
        self.assertEqual(json.loads(run(LOSSY, "proxy", "--json", *options).stdout)["command"], "proxy")
        done = run(LOSSY, "proxy", "--trace", *options)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("--trace: nothing runs with --explain", done.stderr)

    # A line a datagram, however long it is and whatever is in it.
    def test_trace_is_bounded(self):
        process, address = self.start("--trace")
        self.ask(self.client(), address, b"\x1b[31m\r\n" + os.urandom(60000))
        ladder = self.stop(process)[1].split("\n\n")[0].splitlines()
        self.assertEqual(len(ladder), 4)
        for line in ladder:
            self.assertLess(len(line), 500)
            self.assertRegex(line, r'^[^\x00-\x1f]+"\.\.\. of 60007 bytes')
        self.assertIn(r'"\x1b[31m\r\n', ladder[0])

    # A terminal is shown rates and losses, in a line that is taken away for what follows.
    def test_live_line(self):
        self.check_live_line("200", r"\r\033\[K1 flow  up \d+/s, 100% lost  down 0/s, 0% lost")

    def test_live_line_fits_the_window(self):
        self.check_live_line("20", r"\r\033\[K1 flow  up \d+/s.{0,5}…")

    def check_live_line(self, columns, line):
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        process = subprocess.Popen([*BOUNDED, LOSSY, "proxy", "--listen=127.0.0.1:0", "--drop=100%",
                                    "--to=" + host_port(self.server)], stdout=subprocess.PIPE, stderr=theirs,
                                   env={**os.environ, "COLUMNS": columns})
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        os.close(theirs)
        shown = ""

        def wait_for(pattern):
            nonlocal shown
            while not re.search(pattern, shown):
                self.assertTrue(select.select([ours], [], [], 60)[0], shown)
                shown += os.read(ours, 4096).decode()
            return re.search(pattern, shown)

        port = int(wait_for(r"proxy on 127\.0\.0\.1:(\d+) to ")[1])
        self.client().sendto(b"x", ("127.0.0.1", port))
        self.assertLess(len(wait_for(line)[0]), int(columns) + 4)
        process.send_signal(signal.SIGINT)
        wait_for(r"[^\n]\r\033\[K$")
        self.assertIn(b"offered", process.stdout.read())

    def test_trace(self):
        process, address = self.start("--trace")
        for _ in range(2):
            self.ask(self.client(), address)
        output = self.stop(process)[1]
        self.assertRegex(output, r'\|----->         \|  uplink.1     "ping"')
        self.assertRegex(output, r'\|<-----         \|  flow2\.downlink\.1 "gnip"  after')


class Notes(WithProxy):
    """Where programs take what a path does for something else, one line says so; and not elsewhere."""

    def notes(self, options, send):
        """The notes of a proxy to which clients send these texts, each list from a port of its own."""
        process, address = self.start("--json", "--stats=20ms", *options)
        for one in send:
            client = self.client()
            for text in one:
                client.sendto(text, address)
        count = sum(map(len, send))
        while json.loads(process.stdout.readline())["uplink"]["offered"] < count:
            pass
        code, output, errors = self.stop(process)
        self.assertEqual((code, errors), (0, ""))
        return json.loads(output.splitlines()[-1])["notes"]

    LOST_AND_TWICE = "--faults=uplink.2:drop,uplink.3:drop,uplink.4:duplicate"

    def test_iperf(self):
        says = ["uplink: iperf takes a second copy for a datagram that was only late: of the 2 lost it may report 1 too few."]
        for opening in (b"9876", b"6789", bytes.fromhex("15cd5b07"), bytes.fromhex("075bcd15")):
            self.assertEqual(self.notes([self.LOST_AND_TWICE], [[opening, b"b", b"c", b"d"]]), says)
        self.assertEqual(self.notes([self.LOST_AND_TWICE], [[b"a", b"9876", b"c", b"d"]]), [])
        self.assertEqual(self.notes(["--faults=uplink.2:drop"], [[b"9876", b"b", b"c", b"d"]]), [])
        self.assertEqual(self.notes(["--faults=uplink.2:duplicate"], [[b"9876", b"b", b"c", b"d"]]), [])
        for name, notes in (("iperf", says), ("ipref", [])):
            program = self.folder / name
            program.write_text(f"#!{sys.executable}\nimport os, socket\n"
                               "client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                               "client.connect((os.environ['LOSSY_HOST'], int(os.environ['LOSSY_PORT'])))\n"
                               "for text in b'abcd': client.send(bytes([text]))\n"
                               "client.send(b'last')\nclient.recv(9)\n")
            program.chmod(0o755)
            server = threading.Thread(target=self.answer_last)
            server.start()
            done = run(LOSSY, "proxy", "--to=" + host_port(self.server), "--json", self.LOST_AND_TWICE, "--", program)
            server.join()
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stderr.splitlines()[-1])["notes"], notes)

    def answer_last(self):
        while self.answer() != b"last":
            pass

    def test_a_port_a_datagram(self):
        alone = [[b"x"]] * 10
        says = ("{} of {} flows had one datagram from their client, as when a program takes a new port for each: each flow "
                "has a path of its own, on which {} cannot show.")
        for option, what in (("--rate=1mbit", "a rate"), ("--loss=every 10", "losing every N-th"), ("--netem=slot 1ms", "slots"),
                             ("--downlink-loss=gemodel 1% 10%", "losses in runs"), ("--loss=state 1%", "losses in runs")):
            self.assertEqual(self.notes([option], alone), [says.format(10, 10, what)], option)
        self.assertEqual(self.notes(["--rate=1mbit", "--loss=every 10"], alone + [[b"x", b"y"]]),
                         [says.format(10, 11, "a rate, losing every N-th")])
        self.assertEqual(self.notes(["--drop=0%", "--delay=1ms"], alone), [])
        self.assertEqual(self.notes(["--rate=1mbit"], alone[1:]), [])
        self.assertEqual(self.notes(["--rate=1mbit"], alone + [[b"x", b"y"]] * 2), [])
        self.assertEqual(self.notes(["--rate=1mbit"], [[b"x"] * 10]), [])

    def test_emptied(self):
        self.assertEqual(self.notes(["--faults=uplink.1:truncate=0,uplink.2:truncate=1"], [[b"one", b"two"]]),
                         ["uplink: truncation left no byte of 1: a server that takes nothing for the end may have ended."])
        self.assertEqual(self.notes(["--faults=uplink.2:truncate=1"], [[b"", b"two"]]), [])
        process, address = self.start("--json", "--faults=downlink.1:truncate=0")
        with udp_socket() as client:
            client.sendto(b"last", address)
            self.answer_last()
            self.assertEqual(client.recv(9), b"")
        self.assertEqual(json.loads(self.stop(process)[1])["notes"],
                         ["downlink: truncation left no byte of 1: a client that takes nothing for the end may have ended."])


class Command(WithProxy):
    def run_with(self, *command, options=()):
        return run(LOSSY, "proxy", "--to=" + host_port(self.server), *options, "--", *command)

    def test_knows_the_address_and_gives_its_code(self):
        done = self.run_with("sh", "-c", 'echo "$LOSSY_ADDRESS $LOSSY_HOST $LOSSY_PORT $1"; exit 7', "sh",
                             "{address} {host} {port} --json")
        self.assertEqual(done.returncode, 7)
        words = done.stdout.split()
        self.assertEqual(words[:3], words[3:6])
        self.assertEqual(words[0], f"{words[1]}:{words[2]}")
        self.assertIn("offered", done.stderr)
        self.assertIn("\n  Note: no datagram came: sh has to send to $LOSSY_ADDRESS, or to what it is given for {address}.\n",
                      done.stderr)

    # What listens on all addresses is found at the one that this machine has for itself.
    def test_everywhere_is_here(self):
        wanted = [("0.0.0.0", "127.0.0.1", "127.0.0.1:")]
        if pathlib.Path("/proc/net/if_inet6").exists():
            wanted.append(("[::]", "::1", "[::1]:"))
        for listen, host, address in wanted:
            done = self.run_with("sh", "-c", 'echo "$LOSSY_HOST $LOSSY_ADDRESS {host}"',
                                 options=[f"--listen={listen}:0"])
            self.assertRegex(done.stdout, rf"^{re.escape(host)} {re.escape(address)}\d+ {re.escape(host)}\n$")

    def test_is_passed_signals(self):
        done = self.run_with("sh", "-c", "trap 'exit 5' TERM; kill -TERM $PPID; while :; do sleep 0.01; done")
        self.assertEqual(done.returncode, 5)
        self.assertEqual(self.run_with("sh", "-c", "kill -KILL $$").returncode, 128 + 9)

    def start_with(self, script, *options):
        """Starts a proxy with a shell script, and waits for the line that the script prints."""
        process = subprocess.Popen([LOSSY, "proxy", "--to=" + host_port(self.server), *options, "--", "sh", "-c", script],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process, process.stdout.readline()

    # Who ignores the first signal does not outlive the second.
    def test_second_signal_ends_at_once(self):
        process, line = self.start_with("trap '' INT TERM HUP; echo $$; while :; do sleep 0.01; done")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), 128 + signal.SIGTERM)
        self.assertRaises(ProcessLookupError, os.kill, int(line), 0)

    # timeout(1) signals the process and its group: the same signal at once again is no second request.
    def test_one_request_in_two_signals(self):
        def is_one():
            process, _ = self.start_with("trap 'exit 4' TERM; echo ready; while :; do sleep 0.01; done")
            process_state.send_twice(process, signal.SIGTERM)
            _, errors = process.communicate()
            return process.returncode == 4 and "offered" in errors
        # The first time, unless this machine stands still in the very moment between the two.
        self.assertTrue(any(is_one() for _ in range(10)))

    # What another asks at the same moment is another request.
    def test_two_requests_at_once(self):
        process, _ = self.start_with("trap 'echo heard' TERM; echo ready; while :; do sleep 0.001; done")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.stdout.readline(), "heard\n")
        subprocess.run(["kill", "-TERM", str(process.pid)], check=True)  # Another process than this one.
        self.assertEqual(process.wait(60), 128 + signal.SIGTERM)

    # The summary on the way is the proxy's matter, and the command hears nothing of it.
    def test_summary_on_the_way(self):
        process, _ = self.start_with("trap 'exit 9' USR1; echo ready; read line; exit 3")
        process.send_signal(signal.SIGUSR1)
        while not process.stderr.readline().startswith("The same path again"):
            pass
        _, errors = process.communicate()
        self.assertEqual(process.returncode, 3)
        self.assertIn("offered", errors)

    def test_that_cannot_be_started(self):
        plain = self.folder / "plain"
        plain.write_text("text")
        for program in ("./no-such-program", str(plain), str(self.folder)):
            done = self.run_with(program)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            _, line = done.stderr.splitlines()  # Behind the one that says where the proxy is.
            self.assertIn(f"cannot run '{program}'", line)


class Secrets(WithProxy):
    SECRET = b"CLIENT_RANDOM " + b"a0" * 32 + b" " + b"b1" * 48 + b"\n"

    def run_beside(self, command, *options, code=0):
        done = run(LOSSY, "proxy", "--to=" + host_port(self.server), "--record=" + str(self.folder / "run.pcapng"),
                   f"--secrets={self.folder}/keys", *options, "--", "sh", "-c", command)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr

    # The command writes them while the proxy runs. They stand behind the first block, and in front of all others.
    def test_in_front_of_the_packets(self):
        self.run_beside(f"printf '%s\\n' '{self.SECRET.decode().strip()}' >{self.folder}/keys")
        written = (self.folder / "run.pcapng").read_bytes()
        at = int.from_bytes(written[4:8], "little")
        self.assertEqual(written[at:at + 4] + written[at + 8:at + 12], b"\x0a\0\0\0" + b"KSLT")
        size = int.from_bytes(written[at + 12:at + 16], "little")
        self.assertEqual(written[at + 16:at + 16 + size], self.SECRET)
        self.assertEqual(sorted(os.listdir(self.folder)), ["keys", "run.pcapng"])

    # What is not there in the end is said in one line, and the recording is whole without it.
    def test_none_in_the_end(self):
        for command, why in (("true", "keys is not there"), ("touch {}", "keys has no secrets in it"),
                             ("echo hello >{}", "keys is no key log: line 1")):
            with self.subTest(why):
                errors = self.run_beside(command.format(self.folder / "keys"), code=1)
                line, = (line for line in errors.splitlines() if line.startswith("lossy: ") and "secrets" in line)
                self.assertIn(why, line)
                self.assertIn("editcap", line)
                self.assertEqual(run(LOSSY, "inspect", str(self.folder / "run.pcapng")).returncode, 0)
                (self.folder / "keys").unlink(missing_ok=True)

    # What openssl sends in DTLS, Wireshark shows as it was.
    @unittest.skipUnless(shutil.which("openssl") and shutil.which("tshark"), "openssl or tshark is not here")
    def test_dtls_opens(self):
        port = host_port(self.server).rsplit(":", 1)[1]
        self.server.close()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=localhost", "-keyout", "key", "-out", "certificate"], cwd=self.folder, check=True,
                       capture_output=True, timeout=60)
        server = subprocess.Popen([*BOUNDED, "openssl", "s_server", "-dtls1_2", "-accept", port, "-cert", "certificate",
                                   "-key", "key", "-quiet"], cwd=self.folder, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(server.communicate)
        self.addCleanup(server.terminate)
        # It sends when the handshake is over, and goes once the server has it.
        done = run(LOSSY, "proxy", "--to=127.0.0.1:" + port, "--record=" + str(self.folder / "run.pcapng"),
                   f"--secrets={self.folder}/keys", "--", "sh", "-c",
                   f"echo greetings | openssl s_client -dtls1_2 -connect $LOSSY_ADDRESS -keylogfile {self.folder}/keys")
        self.assertEqual(server.stdout.readline(), b"greetings\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        shown = subprocess.run(["tshark", "-r", self.folder / "run.pcapng", "-d", f"udp.port=={port},dtls", "-Y", "data",
                                "-T", "fields", "-e", "data.data"], capture_output=True, check=True, text=True, timeout=60)
        self.assertIn(b"greetings\n".hex(), shown.stdout.split())


class Errors(WithProxy):
    def refused(self, *options):
        done = run(LOSSY, "proxy", *options)
        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        line, = done.stderr.splitlines()
        return line

    def test_one_line_each(self):
        taken, to = host_port(self.server), "--to=127.0.0.1:9"
        for words, options in [
                (["--to", "--to=127.0.0.1:9999"], ["--listen=127.0.0.1:0"]),
                (["--listen", "--listen=127.0.0.1:9998"], [to]),
                (["--to", "port 0"], ["--listen=127.0.0.1:0", "--to=127.0.0.1:0"]),
                (["--to: 255.255.255.255 is a broadcast address"], ["--listen=127.0.0.1:0", "--to=255.255.255.255:9"]),
                (["--to: 239.1.2.3 is a multicast address"], ["--listen=127.0.0.1:0", "--to=239.1.2.3:9"]),
                (["--to: ff02::1 is a multicast address"], ["--listen=127.0.0.1:0", "--to=[ff02::1]:9"]),
                (["127.255.255.255:9", "broadcast"], ["--listen=127.0.0.1:0", "--to=127.255.255.255:9"]),
                (["--record: standard output is for the result"], ["--listen=127.0.0.1:0", to, "--record=-"]),
                (["--record: standard output is for the result"], ["--listen=127.0.0.1:0", to, "--record=/dev/stdout"]),
                (["--save-faults: standard output"], ["--listen=127.0.0.1:0", to, "--save-faults=-"]),
                ([taken, "another program has that port"], ["--listen=" + taken, to]),
                (["192.0.2.1:9", "no interface"], ["--listen=192.0.2.1:9", to]),
                (["nowhere.invalid:9"], ["--listen=127.0.0.1:0", "--to=nowhere.invalid:9"]),
                (["--idle", "1ms"], ["--listen=127.0.0.1:0", to, "--idle=0"]),
                (["--memory", "64k"], ["--listen=127.0.0.1:0", to, "--memory=1k"]),
                (["--memory", "x"], ["--listen=127.0.0.1:0", to, "--memory=x"]),
                (["--record-as", "--record=FILE"], ["--listen=127.0.0.1:0", to, "--record-as=raw"]),
                (["--record-as", "nothing runs"], ["--explain", "--record-as=raw"]),
                (["--secrets", "--record=run.pcapng"], ["--listen=127.0.0.1:0", to, "--record=x.pcap", "--secrets=keys"]),
                (["--secrets", "nothing runs"], ["--explain", "--secrets=keys"]),
                (["--secrets: / Is a directory"], ["--listen=127.0.0.1:0", to, "--record=x.pcapng", "--secrets=/"]),
                (["--secrets", "is no key log: line 1", "SSLKEYLOGFILE"],
                 ["--listen=127.0.0.1:0", to, "--record=x.pcapng", "--secrets=" + __file__]),
                (["/dev/full", "No space left"], ["--listen=127.0.0.1:0", to, "--record=/dev/full"]),
                (["no-such-folder/x.pcap"], ["--listen=127.0.0.1:0", to, "--record=/no-such-folder/x.pcap"]),
        ]:
            line = self.refused(*options)
            for word in words:
                self.assertIn(word, line)

    def test_its_own_server(self):
        with udp_socket() as probe:
            port = probe.getsockname()[1]
        for listen, to in [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"),
                           ("0.0.0.0", "[::ffff:127.0.0.1]"), ("[::ffff:127.0.0.1]", "localhost"), ("[::]", "[::1]")]:
            if listen == "[::]" and not pathlib.Path("/proc/net/if_inet6").exists():
                continue
            with self.subTest(listen=listen, to=to):
                line = self.refused(f"--listen={listen}:{port}", f"--to={to}:{port}")
                self.assertIn("the proxy would be its own server", line)
                self.assertIn(f":{port}", line)

    # Each flow takes a descriptor: where there are few, so are the flows, which is said, and who comes is served.
    def test_few_descriptors(self):
        process, address = self.start("--json", limit=["prlimit", "--nofile=40:40"])
        self.assertRegex(process.stderr.readline(),
                         "^lossy: at most 8 flows instead of 4096: .*; allow more with: ulimit -n 4128\n$")
        for _ in range(20):
            self.ask(self.client(), address)
        code, output, errors = self.stop(process)
        self.assertEqual((code, errors), (0, ""))
        flows = json.loads(output)["flows"]
        self.assertEqual((flows["opened"], flows["open"], flows["evicted"], flows["refused"]), (20, 8, 12, 0))

    def test_no_descriptors(self):
        if b"__ubsan_" in pathlib.Path(LOSSY).read_bytes():
            self.skipTest("the sanitizer opens pipes to look at memory, and takes their want for a mistake")
        for limit in range(4, 9):
            done = run("prlimit", f"--nofile={limit}:{limit}", LOSSY, "proxy", "--listen=127.0.0.1:0", "--to=127.0.0.1:9")
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
            line, = done.stderr.splitlines()
            self.assertRegex(line, r": Too many open files; allow this program more with: ulimit -n$")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
