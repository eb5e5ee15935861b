"""What `lossy serve` and `lossy greet` promise, checked on the commands themselves: python3 serve_test.py LOSSY [SUITE]"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import unittest

import process_state
from full_pipe import full_pipe

LOSSY = sys.argv[1]
# Whatever goes wrong, nothing is left running.
BOUNDED = ["timeout", "--foreground", "--kill-after=5", "120"]


def start(*command):
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(*arguments, **options):
    return subprocess.run([*BOUNDED, LOSSY, *map(str, arguments)], capture_output=True, text=True, check=False, **options)


def udp_socket(address="127.0.0.1"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM)
    opened.settimeout(60)
    opened.bind((address, 0))
    return opened


def has_ipv6():
    try:
        udp_socket("::1").close()
        return True
    except OSError:
        return False


class Test(unittest.TestCase):
    def serve(self, *options, listen="127.0.0.1:0", command=(LOSSY,)):
        """Starts `lossy serve`; gives the process and the port that it got."""
        server = start(*command, "serve", f"--listen={listen}", "--quiet", *options)
        self.addCleanup(server.communicate)
        self.addCleanup(server.kill)
        return server, int(re.search(r":(\d+)$", server.stderr.readline())[1])

    def stop(self, server, number=signal.SIGTERM):
        server.send_signal(number)
        output, error = server.communicate()
        self.assertEqual(server.returncode, 0, error)
        return output, error

    def greet(self, port, *options, code=0):
        greeted = run("greet", f"--to=127.0.0.1:{port}", *options)
        self.assertEqual(greeted.returncode, code, greeted)
        return greeted

    def greet_json(self, port, *options, code=0):
        return json.loads(self.greet(port, *options, "--json", code=code).stdout)


class Serve(Test):
    # What the kernel drops of a burst is counted, said, and not taken for anything else.
    def test_kernel_drops(self):
        for threads in (1, 2):
            server, port = self.serve("--json", f"--threads={threads}")
            process_state.stop(server)
            sent = 400  # More than may wait, whatever the system allows.
            with udp_socket() as client:
                client.connect(("127.0.0.1", port))
                for _ in range(sent):
                    client.send(b"x" * 65507)
                server.send_signal(signal.SIGCONT)
                process_state.wait_until(server, lambda: process_state.unread_bytes(port) == 0)
                sent += 1
                client.send(b"last")
                self.assertEqual(client.recv(2048), b"Hello, last!")
            report = json.loads(self.stop(server)[0])
            self.assertEqual(report["stopped_by"], "SIGTERM")
            self.assertGreater(report["kernel_dropped"], 0)
            self.assertEqual(report["received"] + report["kernel_dropped"], sent)
            self.assertEqual(report["received"], report["answered"] + report["refused"])
        server, port = self.serve()
        process_state.stop(server)
        with udp_socket() as client:
            for _ in range(400):
                client.sendto(b"x" * 65507, ("127.0.0.1", port))
            server.send_signal(signal.SIGTERM)
            server.send_signal(signal.SIGCONT)
        self.assertRegex(server.communicate()[1], r"\nlossy: the kernel dropped \d+ datagrams that came while \d+ bytes "
                                                  r"of others waited; allow more to wait with: sysctl -w net\.core\.rmem_max=")

    # A datagram of any length, over either family, is answered or refused with its reason.
    def test_every_length(self):
        for host in ("127.0.0.1", "::1") if has_ipv6() else ("127.0.0.1",):
            server, port = self.serve("--json", listen=f"[{host}]:0" if ":" in host else f"{host}:0")
            with udp_socket(host) as client:
                client.connect((host, port))
                for length in (0, 1, 1016, 1017, 65507):
                    client.send(b"x" * length)
                for length in (1, 1016):
                    self.assertEqual(client.recv(2048), b"Hello, " + b"x" * length + b"!")
                client.send(b"last")
                self.assertEqual(client.recv(2048), b"Hello, last!")
            report = json.loads(self.stop(server)[0])
            self.assertEqual((report["received"], report["answered"]), (6, 3))
            self.assertEqual(report["refused_by"], {"empty": 1, "too_long": 2, "not_utf8": 0, "not_a_greeting": 0})

    def test_ipv6(self):
        if not has_ipv6():
            self.skipTest("no IPv6 on this machine's loopback")
        server, port = self.serve("--threads=3", listen="[::1]:0")
        greeted = run("greet", "Zoë", f"--to=[::1]:{port}")
        self.assertEqual((greeted.returncode, greeted.stdout), (0, "Hello, Zoë!\n"))
        # The other family's loopback is another address.
        self.greet(port, code=2)
        self.assertIn("received 1, answered 1", self.stop(server)[1])

    # Where nobody reads what is printed, and there is no room for more, it ends all the same when it is asked to.
    def test_nobody_reads(self):
        reader, writer = full_pipe()
        self.addCleanup(os.close, reader)
        for threads in (1, 3):
            for stuck_error in (False, True):
                with udp_socket() as probe:
                    port = probe.getsockname()[1]
                server = subprocess.Popen([LOSSY, "serve", f"--listen=127.0.0.1:{port}", f"--threads={threads}"],
                                          stdout=writer, stderr=writer if stuck_error else subprocess.PIPE, text=True)
                self.addCleanup(server.communicate)
                self.addCleanup(server.kill)
                mark = f":{port:04X} "
                while mark not in pathlib.Path("/proc/net/udp").read_text():
                    self.assertIsNone(server.poll())
                server.send_signal(signal.SIGTERM)
                _, error = server.communicate(timeout=60)
                self.assertEqual(server.returncode, 128 + signal.SIGPIPE, error)
                if not stuck_error:
                    self.assertEqual(error, "lossy: stopped by SIGTERM: received 0, answered 0, refused 0\n"
                                            "lossy: nobody reads standard output; what was left to print is lost\n")
        os.close(writer)

    # A reader who has enough ends it, and it says how far it came.
    def test_reader_goes(self):
        server = start(LOSSY, "serve", "--listen=127.0.0.1:0")
        self.addCleanup(server.stderr.close)
        self.addCleanup(server.kill)
        port = int(re.fullmatch(r"Bind UDP on (\d+)\.\.\.\n", server.stdout.readline())[1])
        server.stdout.close()
        with udp_socket() as client:
            client.sendto(b"Zoe", ("127.0.0.1", port))
        self.assertEqual(server.wait(60), 128 + signal.SIGPIPE)
        self.assertEqual(server.stderr.read(), "lossy: stopped by its output's end: received 1, answered 1, refused 0\n")

    # A terminal that goes away ends it as SIGTERM does, unless nohup(1) was asked to see to that.
    def test_hangup(self):
        server, port = self.serve()
        self.assertIn("stopped by SIGHUP: received 0", self.stop(server, signal.SIGHUP)[1])
        server, port = self.serve(command=("nohup", LOSSY))
        server.send_signal(signal.SIGHUP)
        self.greet(port)
        self.assertIn("stopped by SIGTERM: received 3", self.stop(server)[1])

    # Where the system gives less room than is wanted, that is said before anything is lost for it.
    def test_little_room(self):
        if int(pathlib.Path("/proc/sys/net/core/rmem_max").read_text()) >= 4 * 1024 * 1024:
            self.skipTest("this system gives as much room as anybody wants")
        if subprocess.run(["unshare", "-U", "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("no user without privileges is permitted here")
        server, _ = self.serve(command=("unshare", "-U", LOSSY))
        self.assertRegex(server.stderr.readline(), r"^lossy: the system lets only \d+ bytes to be received.* sysctl -w ")
        self.stop(server)

    # Whatever the system refuses is one line, which names the address and what to do, and exit code 2.
    def test_refusals(self):
        def refused(reason, *command):
            process = start(*BOUNDED, *command)
            output, error = process.communicate()
            self.assertEqual((process.returncode, output), (2, ""), error)
            self.assertRegex(error, rf"\Alossy: {reason}\n\Z")
        _, port = self.serve()
        for threads in (1, 3):
            refused(rf"cannot listen on 127\.0\.0\.1:{port} \(another program has that port; .*\): Address already in use",
                    LOSSY, "serve", f"--listen=127.0.0.1:{port}", f"--threads={threads}")
        refused(r"cannot listen on 192\.0\.2\.1:9999 \(no interface .*\): Cannot assign requested address",
                LOSSY, "serve", "--listen=192.0.2.1:9999")
        refused(r".*nowhere\.invalid.*", LOSSY, "greet", "--to=nowhere.invalid:9999")
        refused(r"--to: 224\.0\.0\.1 is a multicast address, which stands for many hosts; give the address of one",
                LOSSY, "greet", "--to=224.0.0.1:9999")
        for many in ("224.0.0.1", "[ff02::1]", "255.255.255.255"):
            refused(r"--listen: .* is a (multi|broad)cast address, which stands for many hosts; give the address of one",
                    LOSSY, "serve", f"--listen={many}:0")
        refused(r"--to: nobody can listen on port 0", LOSSY, "greet", "--to=127.0.0.1:0")
        refused("--against: nobody can listen on port 0", LOSSY, "replay", "a.pcap", "--against=127.0.0.1:0")
        refused("--and: nobody can listen on port 0", LOSSY, "replay", "a.pcap", "--against=127.0.0.1:9", "--and=127.0.0.1:0")
        if subprocess.run(["unshare", "-Un", "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("no network of one's own is permitted here")
        refused(r"cannot listen on 0\.0\.0\.0:80 \(ports below 1024 need privileges\): Permission denied",
                "unshare", "-Un", LOSSY, "serve", "--listen=0.0.0.0:80")
        refused(r"cannot reach 192\.0\.2\.1:9999 \(this machine has no route there\): Network is unreachable",
                "unshare", "-Un", LOSSY, "greet", "--to=192.0.2.1:9999")


class Addresses(Test):
    # A star is all of this machine's addresses, of both families, and is shown as one.
    def test_all_of_them(self):
        server, port = self.serve("--json", listen="*:0")
        for host in ["127.0.0.1", "127.0.0.2"] + (["[::1]"] if has_ipv6() else []):
            greeted = run("greet", f"--to={host}:{port}", "Michael")
            self.assertEqual((greeted.returncode, greeted.stdout), (0, "Hello, Michael!\n"), greeted.stderr)
        output, _ = self.stop(server)
        self.assertEqual(json.loads(output)["listen"], f"*:{port}" if has_ipv6() else f"0.0.0.0:{port}")

    # What other programs read as another address is refused, wherever an address is typed, and what it would take said.
    def test_ambiguous(self):
        capture = pathlib.Path(__file__).resolve().parents[2] / "captures/clean.pcap"
        for host in ("010.0.0.1", "0x7f.1", "127.1", "2130706433"):
            for option, *command in (["--to", "greet"], ["--listen", "serve"], ["--listen", "answer", capture],
                                     ["--against", "replay", capture], ["--to", "proxy", "--listen=127.0.0.1:0"],
                                     ["--listen", "proxy", "--to=127.0.0.1:9"]):
                done = run(*command, f"{option}={host}:9999")
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                line, = done.stderr.splitlines()
                self.assertTrue(line.startswith(f'lossy: {option}: "{host}:9999" is not an address: write four decimal '
                                                "numbers from 0 to 255 without leading zeros, as in 127.0.0.1:9999"), line)
        for option, *command in (["--to", "greet"], ["--against", "replay", capture]):
            self.assertIn("stands for all addresses of this machine", run(*command, f"{option}=*:9999").stderr)

    # A link-local address needs a zone, which is an interface's name in what is typed and what is printed.
    def test_zones(self):
        done = run("greet", "--to=[fe80::1]:9999")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r'"\[fe80::1\]:9999" may be on any link: say which with a zone, .*; here are .*\blo\b')
        own_network = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
        prepare = "ip link set lo up && ip address add fe80::1/64 dev lo nodad"
        if subprocess.run([*own_network, "sh", "-c", prepare], capture_output=True, check=False).returncode != 0:
            self.skipTest("no network of one's own, or no IPv6 in it, is permitted here")
        done = subprocess.run([*BOUNDED, *own_network, "sh", "-c", prepare + """
            "$0" serve --listen='[fe80::1%lo]:9999' 2>&1 &
            for i in $(seq 3000); do ! grep -q ':270F ' /proc/net/udp6 || break; sleep 0.01; done
            "$0" greet --to='[fe80::1%lo]:9999' Michael
            kill $!; wait""", LOSSY], capture_output=True, text=True, check=False)
        self.assertRegex(done.stdout, r"Received from \[fe80::1%lo\]:\d+\.\n", done.stderr)
        self.assertIn("Hello, Michael!", done.stdout)


class Greet(Test):
    # As many as are asked for are greeted, as many at a time as allowed, in memory that does not grow with them.
    def test_load(self):
        _, port = self.serve("--threads=2")
        memory_kb = []
        for count in (500, 50_000):
            process = start(*BOUNDED, "env", "ASAN_OPTIONS=quarantine_size_mb=1", LOSSY, "greet", f"--to=127.0.0.1:{port}",
                            f"--count={count}", "--window=64", "--json")
            output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(process.returncode, 0, process.stderr.read())
            process.stdout.close()
            process.stderr.close()
            memory_kb.append(usage.ru_maxrss)
            report = json.loads(output)
            self.assertEqual((report["greeted"], report["gave_up"], report["outstanding"]), (count, 0, 0))
            self.assertEqual(report["sent"], report["attempts"])
            self.assertLessEqual(sum(bin["count"] for bin in report["timing"]["rtt_histogram"]), count)
            self.assertGreater(sum(bin["count"] for bin in report["timing"]["rtt_histogram"]), 0)
            self.assertEqual(report["rtt_clock"], "kernel")
        self.assertLess(memory_kb[1] - memory_kb[0], 8 * 1024)

    # Paced greetings are never closer together than was asked for.
    def test_pace(self):
        _, port = self.serve()
        for pace in ("500us", "2000/s", "120000/min"):
            report = self.greet_json(port, "--count=200", f"--pace={pace}")
            self.assertEqual(report["greeted"], 200)
            self.assertGreaterEqual(report["timing"]["seconds"], 199 * 0.0005)
        self.assertIn("as in 1000/s", run("greet", "--pace=1000").stderr)

    # In the middle of everything it says how far it came, in the form asked for, and ends as a shell expects.
    def test_interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            for form in ([], ["--json"]):
                with udp_socket() as server:
                    process = start(LOSSY, "greet", f"--to=127.0.0.1:{server.getsockname()[1]}", "--count=1000000000",
                                    "--pace=1ms", "--initial-rto=60s", *form)
                    client = server.recvfrom(2048)[1]
                    server.sendto(b"Hello, guest-1!", client)
                    for _ in range(20):
                        server.recvfrom(2048)
                    process_state.wait_until(process, lambda: process_state.unread_bytes(client[1]) == 0)
                    process.send_signal(number)
                    output, error = process.communicate()
                self.assertEqual(process.returncode, 128 + number, error)
                ended = re.search(rf"lossy: stopped by {number.name}: greeted 1 of 1000000000, gave up on 0, "
                                  r"(\d+) outstanding\n", error)
                self.assertGreaterEqual(int(ended[1]), 20)
                if form:
                    report = json.loads(output)
                    self.assertEqual((report["stopped_by"], report["greeted"]), (number.name, 1))
                    self.assertEqual(report["outstanding"], int(ended[1]))
                else:
                    self.assertEqual(output, "Hello, guest-1!\n")

    # Where nobody listens the first ICMP message ends it, however patient it was told to be.
    def test_nobody_listens(self):
        with udp_socket() as taken, udp_socket() as deaf:
            deaf.connect(taken.getsockname())  # So nobody else has its port, and it hears nobody else.
            port = deaf.getsockname()[1]
            for form in ([], ["--json"]):
                greeted = self.greet(port, "--initial-rto=60s", "--count=100", "--window=10", *form, code=2)
                self.assertEqual((greeted.stdout, greeted.stderr),
                                 ("", f"lossy: nobody is listening on 127.0.0.1:{port} (ICMP port unreachable); start a "
                                      f"server with: lossy serve --listen=127.0.0.1:{port}\n"))

    # A server that goes away in the middle is told from one that never was.
    def test_server_goes(self):
        server, port = self.serve()
        process = start(LOSSY, "greet", f"--to=127.0.0.1:{port}", "--count=1000000", "--pace=1ms", "--initial-rto=60s")
        process.stdout.readline()
        self.stop(server)
        output, error = process.communicate()
        self.assertEqual(process.returncode, 1, error)
        self.assertIn(f"nobody is listening on 127.0.0.1:{port} any more (ICMP port unreachable)", error)

    # Silence costs no more than the attempts that were allowed.
    def test_silence(self):
        with udp_socket() as silent:
            report = self.greet_json(silent.getsockname()[1], "--count=4", "--window=2", "--attempts=3",
                                     "--initial-rto=1ms", code=1)
        self.assertEqual((report["gave_up"], report["attempts"], report["sent"], report["greeted"]), (4, 12, 12, 0))
        self.assertEqual(report["timing"]["rtt_histogram"], [])

    # An answer to nothing is ignored, counted with its reason, and said.
    def test_ignored(self):
        with udp_socket() as odd:
            def answer():
                _, client = odd.recvfrom(2048)
                for text in (b"Hello, Tracy!", b"Hello, \xff!", b"Goodbye, Michael!", b"Hello, !", b"",
                             b"Hello, " + b"x" * 1017 + b"!", b"x" * 65507, b"Hello, Michael!", b"Hello, Michael!"):
                    odd.sendto(text, client)
                _, client = odd.recvfrom(2048)
                odd.sendto(b"Hello, Sarah!", client)
            for form in ([], ["--json"]):
                thread = threading.Thread(target=answer)
                thread.start()
                greeted = self.greet(odd.getsockname()[1], "Michael", "Sarah", "--initial-rto=60s", *form)
                thread.join()
                self.assertEqual(greeted.stderr, "lossy: ignored answers: 8 (unexpected 2, empty 1, too_long 1, not_utf8 1, "
                                                 "not_a_greeting 3)\n")
                if form:
                    report = json.loads(greeted.stdout)
                    self.assertEqual(report["ignored"], 8)
                    self.assertEqual(report["ignored_by"]["unexpected"], 2)
                    self.assertEqual(report["greeted"], 2)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
