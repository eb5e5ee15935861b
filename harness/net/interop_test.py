#!/usr/bin/env python3
"""Runs `lossy serve` and `lossy greet` against the tutorial's Python programs, on port 9999.

usage: interop_test.py LOSSY

LOSSY is the path of the built command. The exit code is 77 when port 9999 is taken.
"""

import pathlib
import re
import signal
import socket
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
RECORDED = pathlib.Path(__file__).resolve().parents[2] / "captures" / "recorded"
sys.path.insert(0, str(RECORDED))
import own_network

PORT = 9999
SKIPPED = 77
# Whatever goes wrong, nothing is left running.
BOUNDED = ["timeout", "--foreground", "--kill-after=5", "60"]
GREETINGS = "Hello, Michael!\nHello, Tracy!\nHello, Sarah!\n"


def start(*command):
    return subprocess.Popen([*BOUNDED, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)


def run(*command):
    return subprocess.run([*BOUNDED, *command], capture_output=True, text=True, check=False)


def python(program):
    return [sys.executable, str(RECORDED / program)]


class Interop(unittest.TestCase):
    def serve(self, *options):
        """Starts `lossy serve`, and returns it once it listens."""
        server = start(LOSSY, "serve", *options)
        self.addCleanup(server.communicate)
        self.addCleanup(server.terminate)
        self.assertEqual(server.stdout.readline(), f"Bind UDP on {PORT}...\n")
        return server

    def stop(self, server, number=signal.SIGTERM):
        server.send_signal(number)  # timeout(1) passes it on.
        stdout, stderr = server.communicate()
        return server.returncode, stdout, stderr

    # The tutorial's client gets its greetings, and the server prints what the tutorial's does.
    def test_tutorial_client_is_greeted(self):
        server = self.serve()
        client = run(*python("tutorial_client.py"))
        self.assertEqual((client.returncode, client.stdout), (0, GREETINGS), client.stderr)
        code, stdout, stderr = self.stop(server)
        self.assertEqual(code, 0)
        self.assertRegex(stdout, r"\A(Received from 127\.0\.0\.1:\d+\.\n)\1\1\Z")
        self.assertEqual(stderr, "lossy: stopped by SIGTERM: received 3, answered 3, refused 0\n")

    # Our client gets its three greetings from the tutorial's server, and prints what the tutorial's
    # client does.
    def test_tutorial_server_greets(self):
        server = start(*python("tutorial_server.py"))
        self.addCleanup(server.communicate)
        self.addCleanup(server.terminate)
        self.assertEqual(server.stdout.readline(), f"Bind UDP on {PORT}...\n")
        client = run(LOSSY, "greet")
        self.assertEqual((client.returncode, client.stdout, client.stderr), (0, GREETINGS, ""))
        server.terminate()
        stdout, _ = server.communicate()
        self.assertRegex(stdout, r"\A(Received from 127\.0\.0\.1:\d+\.\n)\1\1\Z")

    # Ours understand each other, names of several bytes a character included.
    def test_own_client_and_server(self):
        self.serve()
        client = run(LOSSY, "greet", "Zoë", "李雷", "O'Brien", "two words", "--window=4")
        self.assertEqual(client.returncode, 0, client.stderr)
        self.assertEqual(sorted(client.stdout.splitlines()),
                         ["Hello, O'Brien!", "Hello, Zoë!", "Hello, two words!", "Hello, 李雷!"])

    # TCP and UDP ports are different things: both 9999 can be bound at once.
    def test_tcp_port_may_be_taken(self):
        with socket.create_server(("127.0.0.1", PORT)):
            self.serve()
            self.assertEqual(run(LOSSY, "greet", "Sarah").stdout, "Hello, Sarah!\n")

    # Either signal ends the server cleanly, even when another one follows, as from an impatient
    # Ctrl-C; a summary counts what was refused and why.
    def test_signals_end_the_server(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number.name):
                server = self.serve()
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                    client.connect(("127.0.0.1", PORT))
                    for payload in (b"x" * 1017, b"x" * 65507, b"", b"\xff", b"Tracy"):
                        client.send(payload)
                    self.assertEqual(client.recv(2048), b"Hello, Tracy!")
                server.send_signal(number)
                code, stdout, stderr = self.stop(server, number)
                self.assertEqual(code, 0)
                self.assertEqual(stdout.count("Received from"), 5)
                self.assertEqual(stderr, f"lossy: stopped by {number.name}: received 5, "
                                         "answered 1, refused 4 "
                                         "(empty 1, too_long 2, not_utf8 1)\n")

    # A datagram that claims to come from port 0 cannot be answered, and does not end the server.
    def test_forged_source_does_no_harm(self):
        try:
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        except PermissionError:
            self.skipTest("forging needs a raw socket, which is not permitted here")
        server = self.serve()
        with raw:
            payload = b"ghost"
            header = b"".join(n.to_bytes(2, "big") for n in (0, PORT, 8 + len(payload), 0))
            raw.sendto(header + payload, ("127.0.0.1", 0))
        self.assertEqual(run(LOSSY, "greet", "Sarah").stdout, "Hello, Sarah!\n")
        code, _, stderr = self.stop(server)
        self.assertEqual((code, stderr), (0, "lossy: stopped by SIGTERM: received 2, answered 1, "
                                             "refused 0, could not be sent 1 (unreachable 1)\n"))

    # With nobody listening the client says so in one line, at once: a timeout would take a minute.
    def test_nobody_is_listening(self):
        client = run(LOSSY, "greet", "--initial-rto=60s")
        self.assertEqual((client.returncode, client.stdout), (2, ""))
        self.assertEqual(client.stderr, "lossy: nobody is listening on 127.0.0.1:9999 (ICMP port "
                                        "unreachable); start a server with: "
                                        "lossy serve --listen=127.0.0.1:9999\n")

    # A server that is silent is given up, name by name; the last line is the command to try again.
    def test_silence_is_given_up(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", PORT))
            client = run(LOSSY, "greet", "Michael", "a\tb", "--attempts=2", "--initial-rto=1ms")
        self.assertEqual((client.returncode, client.stdout), (1, ""))
        gave_up, again = client.stderr.split("; try again with: ")
        self.assertEqual(gave_up, "lossy: gave up on Michael after 2 attempts\n"
                                  "lossy: gave up on a\\tb after 2 attempts\n"
                                  "lossy: greeted 0 of 2")
        self.assertTrue(again.endswith("lossy greet Michael $'a\\tb' --attempts=2 "
                                       "--initial-rto=1ms\n"), again)

    # What an answer holds is shown, never obeyed by the terminal.
    def test_answers_are_escaped(self):
        self.serve()
        self.assertEqual(run(LOSSY, "greet", "\x1b[31m").stdout, "Hello, \\x1b[31m!\n")

    # A port in use, and an answer that has nowhere to go, are one line each and exit code 2.
    def test_operating_system_refusals(self):
        self.serve()
        second = run(LOSSY, "serve")
        self.assertEqual((second.returncode, second.stdout), (2, ""))
        self.assertRegex(second.stderr, r"\Alossy: cannot listen on 127\.0\.0\.1:9999 \(.*\): "
                                        r"Address already in use\n\Z")
        with open("/dev/full", "w", encoding="utf-8") as full:
            client = subprocess.run([*BOUNDED, LOSSY, "greet"], stdout=full, stderr=subprocess.PIPE,
                                    text=True, check=False)
        self.assertEqual((client.returncode, client.stderr),
                         (2, "lossy: cannot write to standard output: No space left on device\n"))

    # What cannot be a name is refused before anything is sent: nobody listens, and nobody is asked.
    def test_impossible_names(self):
        for name, why in ((b"", "it is empty"), (b"\xff", "it is not valid UTF-8"),
                          (b"x" * 1017, "it has 1017 bytes")):
            with self.subTest(why):
                client = subprocess.run([*BOUNDED, LOSSY, "greet", "Michael", name],
                                        capture_output=True, text=True, check=False)
                self.assertEqual(client.returncode, 2)
                self.assertTrue(re.fullmatch(f"lossy: .* is not a name: {why}.*\n", client.stderr),
                                client.stderr)


def port_is_free():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError:
            return False
    return True


if __name__ == "__main__":
    if not own_network.enter() and not port_is_free():
        print("port 9999 is taken, and this machine permits no network of our own")
        sys.exit(SKIPPED)
    LOSSY = sys.argv.pop(1)
    unittest.main(verbosity=2)
