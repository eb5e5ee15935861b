#!/usr/bin/env python3
"""TFTP of other people: tftpd-hpa's server with `lossy ask`, curl and atftp with `lossy serve`, and 10 % of the datagrams
lost each way. No transfer may fail, and no byte of a file be another one.

usage: tftp_test.py LOSSY [TEST...]

LOSSY is the path of the built command. The exit code is 77 when the programs are not installed.
"""

import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess

import proxied
from proxied import PATIENCE_SECONDS, free_port, own_network

# Where scripts/setup puts the server that its package would start.
UNPACKED = pathlib.Path(__file__).resolve().parents[2] / "build" / "programs"


def report_of(program):
    return json.loads(program.text.splitlines()[-1])


class Client(proxied.ProxiedTest):
    """`lossy ask`, of tftpd-hpa."""

    NEEDS = ("ip",)

    def start_server(self):
        server = proxied.find("in.tftpd") or UNPACKED / "usr/sbin/in.tftpd"
        if not pathlib.Path(server).exists():
            self.skipTest("there is no in.tftpd here: scripts/setup test fetches it")
        if os.getuid() != 0:
            self.skipTest("in.tftpd wants to be root, to be it no longer")
        if os.environ.get(own_network.INSIDE):
            # It looks its address up as a name, which glibc allows once a machine has more than loopback's.
            subprocess.run([proxied.find("ip"), "address", "add", "192.0.2.9/32", "dev", "lo"], check=True)
        libraries = ":".join(str(path.parent) for path in UNPACKED.glob("usr/lib/*/libwrap.so.0"))
        self.folder.chmod(0o777)
        port = free_port()
        self.start("env", f"LD_LIBRARY_PATH={libraries}", str(server), "--foreground", f"--address=127.0.0.1:{port}", "--create",
                   "--user=root", "--retransmit=500000", "--secure", str(self.folder))
        # It says nothing: it is there when it answers.
        for _ in range(1000):
            done = subprocess.run([self.LOSSY, "ask", "--protocol=tftp", "--get=none", f"--to=127.0.0.1:{port}", "--initial-rto=50ms"],
                                  capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
            if "nobody listens" not in done.stderr:
                self.assertRegex(done.stderr, "none is not fetched, (File not found|No such file or directory)")  # By version.
                return port
        self.fail("in.tftpd does not listen")

    def test_a_hundred_transfers(self):
        port = self.start_server()
        names = [f"file-{i}" for i in range(50)]
        clients = [self.start(self.LOSSY, "ask", "--protocol=tftp", f"--to=127.0.0.1:{port}", "--file-bytes=1300", "--drop=10%",
                              "--initial-rto=200ms", "--json", f"--seed={seed}", *[f"--put={name}" for name in names[seed::10]],
                              *[f"--get={name}" for name in names[seed::10]]) for seed in range(10)]
        for client in clients:
            client.end(number=None)
        reports = [report_of(client) for client in clients]
        # The server leaves soon after its last ACK: a client that did not get it knows no more of a file that is there.
        left = [line for client in clients for line in client.text.splitlines() if line.startswith("lossy: file")]
        self.assertEqual([line for line in left if "and the last block is not acknowledged" not in line], [])
        self.assertLess(len(left), 10)
        self.assertEqual([sum(report[key] for report in reports) for key in ("transfers", "done", "as_made")],
                         [100, 100 - len(left), 50])
        for way in ("uplink", "downlink"):
            self.assertGreater(sum(report[way]["lost"] for report in reports), 10)
        contents = {(self.folder / name).read_bytes() for name in names}
        self.assertEqual((len(contents), {len(content) for content in contents}), (50, {1300}))


class Server(proxied.ProxiedTest):
    """`lossy serve`, asked by curl and atftp."""

    NEEDS = ("curl", "atftp")

    def run_client(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}{done.stderr}")

    def transfer(self, port, name):
        """Fetched by one and by the other, then stored twice: atftp loses its place when a datagram is lost, and curl with
        options the first block of a file when OACK comes twice."""
        one, other = self.folder / f"{name}.curl", self.folder / f"{name}.atftp"
        curl = ("curl", "--silent", "--show-error", "--connect-timeout", "30", "--max-time", "60")
        atftp = ("atftp", "--tftp-timeout", "1")
        url = f"tftp://127.0.0.1:{port}/{name}"
        self.run_client(*curl, url, "--output", str(one))
        self.run_client(*atftp, "--get", "--remote-file", name, "--local-file", str(other), "127.0.0.1", str(port))
        self.assertEqual(one.read_bytes(), other.read_bytes(), name)
        for path in (one, other):
            self.run_client(*curl, "--tftp-no-options", "--upload-file", str(path), url)
        return len(one.read_bytes())

    def test_a_hundred_transfers(self):
        server = self.start(self.LOSSY, "serve", "--protocol=tftp", "--listen=127.0.0.1:0", "--file-bytes=1300",
                            "--drop=10%", "--initial-rto=200ms", "--attempts=8", "--json")
        port = self.wait_for(server, r"listening on 127\.0\.0\.1:(\d+)")[1]
        names = [f"file-{i}" for i in range(25)]
        with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            self.assertEqual(set(pool.map(lambda name: self.transfer(port, name), names)), {1300})
        self.assertEqual(server.end(signal.SIGINT), 0, server.text)
        report = report_of(server)
        self.assertEqual([report[key] for key in ("transfers", "gave_up", "broken", "as_made", "stopped_by")],
                         [100, 0, 0, 50, "SIGINT"])
        # A client that has all of a file leaves with its last ACK, which may be lost.
        self.assertGreater(report["done"], 80)
        self.assertGreater(min(report["uplink"]["lost"], report["downlink"]["lost"]), 10)


if __name__ == "__main__":
    proxied.main()
