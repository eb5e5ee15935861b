"""Every protocol by every command that runs one: python3 protocols_test.py LOSSY TEST..."""

import json
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

LOSSY = sys.argv[1]


def lossy(*arguments, code=0):
    """Runs the command, checks its exit code, and gives (standard output, standard error)."""
    done = subprocess.run([LOSSY, *arguments], capture_output=True, timeout=200, stdin=subprocess.DEVNULL)
    if done.returncode != code:
        raise AssertionError(f"exit code {done.returncode} instead of {code}: lossy {arguments}\n"
                             f"{done.stdout[-2000:]!r}\n{done.stderr[-2000:]!r}")
    return done.stdout.decode(), done.stderr.decode()


def run(*arguments, command="simulate"):
    return json.loads(lossy(command, "--json", *arguments)[0])


class Listing(unittest.TestCase):
    def test_all_of_them(self):
        listed = json.loads(lossy("protocols", "--json")[0])["protocols"]
        self.assertEqual([one["name"] for one in listed], ["greetings", "tftp", "membership"])
        text = lossy("protocols")[0]
        for one in listed:
            self.assertIn(one["sentence"], text)
            alone = json.loads(lossy("protocols", one["name"], "--json")[0])
            alone.pop("command")
            self.assertEqual(alone, one)
            # What it can be asked, simulate takes.
            shown = lossy("simulate", "--help", f"--protocol={one['name']}")[0]
            for option in one["options"]:
                self.assertIn(option["option"].split("=")[0], shown)
            for prop in one["properties"]:
                self.assertIn(prop["when"], ("always", "at_rest", "eventually", "sometimes"))

    def test_no_such_protocol(self):
        for arguments in (("protocols", "tcp"), ("simulate", "--protocol=tcp"), ("loopback", "--protocol=tcp")):
            error = lossy(*arguments, code=2)[1]
            self.assertRegex(error, r"^lossy: (NAME|--protocol): there is no protocol 'tcp'; there are greetings, tftp, "
                                    r"membership\n$")

    def test_an_unknown_one_in_a_scenario(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "a.toml"
            path.write_text('[simulate]\nprotocol = "nope"\nget = "a"\n')
            for arguments in (("simulate", f"--config={path}"), ("golden", folder)):
                self.assertIn("there is no protocol 'nope'; there are greetings, tftp, membership",
                              "".join(lossy(*arguments, code=2)))

    def test_options_are_the_protocols_own(self):
        for arguments in (("--get=a",), ("--protocol=greetings", "--get=a"), ("--protocol=tftp", "Michael"),
                          ("--protocol=membership", "--window=3")):
            self.assertIn("not expected", lossy("simulate", *arguments, code=2)[1])


class Tftp(unittest.TestCase):
    CALLS = ("--protocol=tftp", "--put=notes", "--get=readme", "--get=more", "--put=last")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    # Calls are made in the order in which they were typed, and the ladder speaks TFTP.
    def test_ladder(self):
        text = lossy("simulate", *self.CALLS, "--file-bytes=600", "--drop=20%", "--seed=5", "--trace")[0]
        told = re.findall(r"\*  +(\w+) is (stored|fetched), 600 bytes: ", text)
        self.assertEqual(told, [("notes", "stored"), ("readme", "fetched"), ("more", "fetched"), ("last", "stored")])
        for line in ('WRQ "notes"', "DATA 1, 512 bytes", "DATA 2, 88 bytes", "ACK 2", 'RRQ "readme"', "lost: drop"):
            self.assertIn(line, text)
        self.assertIn("done           4 of 4", text)

    def test_figures(self):
        found = run(*self.CALLS, "--drop=20%", "--seed=5")
        self.assertEqual((found["protocol"], found["transfers"], found["done"], found["bytes"]), ("tftp", 4, 4, 8000))
        self.assertEqual(run(*self.CALLS, "--drop=20%", "--seed=5")["uplink"], found["uplink"])
        self.assertEqual(run(*self.CALLS, "--faults=downlink.2:drop")["reached"], {"acked-again": True})
        self.assertEqual(run(*self.CALLS)["reached"], {"acked-again": False})
        self.assertIn("  not reached    acked-again\n", lossy("simulate", *self.CALLS)[0])
        nothing = run("--protocol=tftp", "--drop=100%")
        self.assertEqual((nothing["done"], nothing["gave_up"]), (0, 1))

    def test_options(self):
        text = lossy("simulate", "--protocol=tftp", "--blksize=1000", "--tsize", "--timeout=3", "--trace")[0]
        self.assertIn('RRQ "readme" blksize 1000 timeout 3 tsize 0', text)
        self.assertIn("OACK blksize 1000 timeout 3 tsize 2000", text)
        for arguments, words in ((("--get=",), "--get: "), (("--tsize=maybe",), "--tsize"), (("--get=" + "x" * 256,), "--get: a file's name has at most 255"),
                                 (("--blksize=7",), "--blksize"), (("--initial-rto=0s",), "--initial-rto: it must be above 0"),
                                 (("--attempts=0",), "--attempts")):
            error = lossy("simulate", "--protocol=tftp", *arguments, code=2)[1]
            self.assertIn(words, error)
            self.assertEqual(error.count("\n"), 1)

    # A property that does not hold ends the run, and what is printed shows it again.
    def test_sorcerers_apprentice(self):
        arguments = ("--protocol=tftp", "--file-bytes=5000", "--delay=20ms", "--faults=uplink.3:duplicate")
        self.assertEqual(run(*arguments)["done"], 1)
        error = lossy("simulate", *arguments, "--sorcerers-apprentice", code=1)[1]
        first, last = error.splitlines()
        self.assertEqual(first, "lossy: a property does not hold: once-a-timeout: a block is sent again only when its "
                                "timeout has passed")
        found = json.loads(lossy("simulate", "--json", *arguments, "--sorcerers-apprentice", code=1)[0])
        self.assertEqual(found["does_not_hold"]["name"], "once-a-timeout")
        again = shlex.split(last.split("the same run again: ")[1])
        self.assertEqual(subprocess.run(again, capture_output=True, timeout=60).stderr.decode(), error)

    # What is recorded can be looked at, and what happened be had again as faults.
    def test_recorded_and_had_again(self):
        network = ("--drop=15%", "--duplicate=15%", "--delay=20ms", "--seed=8")
        recording, faults = self.folder / "run.pcap", self.folder / "faults"
        found = run(*self.CALLS, *network, f"--record={recording}", f"--save-faults={faults}")
        file, = json.loads(lossy("inspect", "--json", str(recording))[0])["files"]
        self.assertEqual(file["records"], sum(found[way]["offered"] + found[way]["delivered"] + found[way]["duplicated"]
                                              for way in ("uplink", "downlink")))
        lossy("simulate", *self.CALLS, *network, f"--golden={recording}")
        again = run(*self.CALLS, "--delay=20ms", f"--faults=@{faults}", f"--golden={recording}")
        self.assertEqual(again["uplink"]["lost"], found["uplink"]["lost"])

    def test_golden(self):
        (self.folder / "files.toml").write_text(
            '[simulate]\nprotocol = "tftp"\nget = ["readme", "more"]\nput = "notes"\nfile-bytes = 700\ndrop = "10%"\nseed = 6\n')
        lossy("golden", str(self.folder), "--accept")
        self.assertIn("1 scenario: 1 holds", lossy("golden", str(self.folder))[0])
        text = lossy("simulate", f"--config={self.folder / 'files.toml'}", f"--golden={self.folder / 'files.pcap'}")[0]
        self.assertIn("done           3 of 3", text)
        replayed, = json.loads(lossy("replay", "--json", str(self.folder / "files.pcap"))[0])["files"]
        self.assertTrue(replayed["client_checked"])
        (self.folder / "files.toml").write_text('[simulate]\nprotocol = "tftp"\nnames = ["Michael"]\n')
        self.assertIn("names", lossy("golden", str(self.folder), code=2)[1])

    # A difference reads as the protocol does; bytes are shown where its words say no difference.
    def test_differences(self):
        scenario, recording = self.folder / "a.toml", self.folder / "a.pcap"
        scenario.write_text('[simulate]\nprotocol = "tftp"\nfile-bytes = 700\n')
        lossy("simulate", f"--config={scenario}", f"--record={recording}")
        scenario.write_text('[simulate]\nprotocol = "tftp"\nfile-bytes = 699\n')
        for command in (("replay", recording), ("golden", self.folder),
                        ("simulate", f"--config={scenario}", f"--golden={recording}")):
            text = "".join(lossy(*map(str, command), code=1))
            self.assertRegex(text, r"(?m)^expected.*> 192.0.2.1:\d+, DATA 2, 188 bytes$")
            self.assertRegex(text, r"(?m)^actual.*> 192.0.2.1:\d+, DATA 2, 187 bytes$")
            self.assertNotRegex(text, "[0-9a-f]{2} [0-9a-f]{2} [0-9a-f]{2}")
        scenario.write_text('[simulate]\nprotocol = "tftp"\nget = "other"\nfile-bytes = 700\n')
        self.assertIn('RRQ "other"', lossy("replay", str(recording), code=1)[0])

    # Whatever happened, both sides do it again when they get what they got: ports that are closed by then refuse.
    def test_replay(self):
        scenario, recording = self.folder / "a.toml", self.folder / "a.pcap"
        refused = 0
        for seed in range(1, 21):
            scenario.write_text(f'[simulate]\nprotocol = "tftp"\nget = ["a", "b"]\nput = "c"\ndrop = "30%"\nduplicate = "10%"\n'
                                f'delay = "300ms"\njitter = "290ms"\nattempts = 3\nseed = {seed}\n')
            found = json.loads(lossy("simulate", "--json", f"--config={scenario}", f"--record={recording}")[0])
            refused += any("had open" in note for note in found["notes"])
            lossy("replay", str(recording))
        self.assertGreater(refused, 0)

    # Without its scenario nobody knows what was asked, which is no verdict.
    def test_replay_alone(self):
        recording = self.folder / "alone.pcap"
        lossy("simulate", *self.CALLS, f"--record={recording}")
        self.assertIn("--scenario=FILE.toml does", lossy("replay", str(recording), code=2)[1])
        lossy("simulate", "--protocol=membership", "--nodes=3", "--run-for=3s", f"--record={recording}")
        (self.folder / "alone.toml").write_text('[simulate]\nprotocol = "membership"\nnodes = 3\nrun-for = "3s"\n')
        self.assertIn("has 3 hosts, and replay is for two", lossy("replay", str(recording), code=2)[1])

    # A capture of the server's side, without a mark of ours: what came from the client is given to it again, and its
    # timeouts run when the capture shows what they send.
    def test_replay_of_one_side(self):
        capture = self.folder / "seen.pcap"
        for seed in range(1, 21):
            lossy("simulate", "--protocol=tftp", "--get=a", "--put=b", "--get=c", "--downlink-drop=25%", "--delay=20ms",
                  f"--seed={seed}", f"--record={capture}", "--record-as=raw")
            found, = json.loads(lossy("replay", "--protocol=tftp", "--json", str(capture))[0])["files"]
            self.assertFalse(found["two_sided"])
            self.assertEqual((found["flows"], found["received"] + found["sent"]), (3, found["records"]))
        text = lossy("replay", str(capture), code=2)[1]
        self.assertIn("--protocol=NAME what it speaks", text)
        # Another file is another answer, and one that is lacking is missed.
        (self.folder / "other.toml").write_text('[simulate]\nprotocol = "tftp"\nfile-bytes = 1999\n')
        self.assertRegex(lossy("replay", f"--scenario={self.folder / 'other.toml'}", str(capture), code=1)[0],
                         r"(?m)^expected.*DATA 4, 464 bytes\nactual.*DATA 4, 463 bytes$")
        lossy("simulate", "--protocol=tftp", "--faults=uplink.2:drop", f"--record={capture}", "--record-as=raw")
        lossy("replay", "--protocol=tftp", str(capture))

    def test_replay_without_a_server(self):
        recording = self.folder / "group.pcap"
        lossy("simulate", "--protocol=membership", "--run-for=3s", f"--record={recording}")
        self.assertIn("membership has no server", lossy("replay", "--protocol=membership", str(recording), code=2)[1])
        (self.folder / "group.toml").write_text('[simulate]\nprotocol = "tftp"\n')
        self.assertIn("is of tftp, and not of greetings", lossy("replay", "--protocol=greetings", str(recording), code=2)[1])

    def test_report(self):
        page = self.folder / "run.html"
        lossy("simulate", *self.CALLS, "--drop=10%", f"--report={page}")
        self.assertIn('"done","4 of 4"', page.read_text())

    # Over sockets of this machine, too: each transfer has a port of its own there as well.
    def test_loopback(self):
        found = run(*self.CALLS, "--file-bytes=3000", "--drop=10%", "--duplicate=10%", "--initial-rto=50ms",
                    command="loopback")
        self.assertEqual((found["done"], found["bytes"], found["lost_by_system"]), (4, 12000, 0))


    # What is recorded is told in the protocol's words, too.
    def test_inspect(self):
        recording = self.folder / "run.pcap"
        lossy("simulate", "--protocol=tftp", "--faults=downlink.2:drop", f"--record={recording}")
        text = lossy("inspect", "--trace", "--protocol=tftp", str(recording))[0]
        self.assertRegex(text, r"-----x.*downlink.* DATA 2, 512 bytes +lost|x-----.*downlink.* DATA 2, 512 bytes +lost")
        self.assertIn('RRQ "readme"', text)
        self.assertIn("--protocol: it is what --trace tells",
                      lossy("inspect", "--protocol=tftp", str(recording), code=2)[1])
        self.assertIn("there is no protocol 'x'", lossy("inspect", "--trace", "--protocol=x", str(recording), code=2)[1])


class Membership(unittest.TestCase):
    # Each two nodes have a path, and a fault of its own where it is asked for.
    def test_group(self):
        found = run("--protocol=membership", "--nodes=4", "--delay=20ms")
        self.assertEqual((found["nodes"], found["joined"], found["suspicions"], found["notes"]), (4, 4, 0, []))
        text = lossy("simulate", "--protocol=membership", "--nodes=3", "--run-for=3s", "--trace", "--faults=flow3.uplink.1:drop")[0]
        self.assertEqual(len(re.findall(r"192\.0\.2\.\d:7946 is in: ", text)), 3)
        self.assertRegex(text, r"flow3\.uplink\.1 +\w+ \d+.*lost: drop")
        self.assertIn("--faults: there are 3 flows here, and no flow4",
                      lossy("simulate", "--protocol=membership", "--nodes=3", "--faults=flow4.uplink.1:drop", code=2)[1])

    # Each path has interfaces of its own in a recording that has names for them.
    def test_recorded(self):
        with tempfile.TemporaryDirectory() as folder:
            run("--protocol=membership", "--nodes=3", "--run-for=3s", f"--record={folder}/group.pcapng")
            text = lossy("inspect", f"{folder}/group.pcapng")[0]
            self.assertEqual(set(re.findall(r"(?m)^ +\d  (\S+), link type", text)),
                             {f"{flow}{host}" for flow in ("", "flow2.", "flow3.") for host in ("client", "server")})
            # Without its scenario nobody knows whose it is.
            self.assertIn("replay is for two hosts", lossy("replay", f"{folder}/group.pcapng", code=2)[1])

    # An outage ends, and then all see each other again; while datagrams are lost to the end, that is not asked for,
    # and it is said.
    def test_eventually(self):
        healed = run("--protocol=membership", "--outage=10s..30s", "--run-for=100s", "--delay=20ms")
        self.assertGreater(healed["suspicions"], 0)
        self.assertEqual(healed["notes"], [])
        # What the network did is all of it: the orders in which nodes ping are no chance of the path's.
        with tempfile.TemporaryDirectory() as folder:
            faults, recording = f"{folder}/faults", f"{folder}/run.pcap"
            run("--protocol=membership", "--order=7", "--drop=5%", "--seed=9", f"--save-faults={faults}", f"--record={recording}")
            run("--protocol=membership", "--order=7", f"--faults=@{faults}", f"--golden={recording}")
        bad = run("--protocol=membership", "--drop=20%", "--run-for=30s")
        self.assertIn("was not checked", bad["notes"][0])

    def test_a_crash_is_seen(self):
        found = run("--protocol=membership", "--crash-at=20s", "--run-for=100s", "--delay=20ms")
        self.assertGreater(found["suspicions"], 0)

    def test_loopback_has_two_hosts(self):
        self.assertRegex(lossy("loopback", "--protocol=membership", code=2)[1],
                         "^lossy: loopback joins two hosts, and membership has 5; lossy simulate joins any\n$")
        found = run("--protocol=membership", "--nodes=2", "--run-for=600ms", "--period=50ms", command="loopback")
        self.assertEqual(found["joined"], 2)


class Live(unittest.TestCase):
    """One host alone, among other programs: here the other one is lossy's, too."""

    TFTP = "--protocol=tftp"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def serve(self, *arguments):
        """Starts a server, and gives it with its address."""
        server = subprocess.Popen([LOSSY, "serve", "--listen=127.0.0.1:0", *arguments], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (server.kill(), server.communicate()))
        return server, re.fullmatch(r"lossy: listening on (\S+)\n", server.stderr.readline())[1]

    def end(self, server, number=signal.SIGTERM):
        server.send_signal(number)
        out, error = server.communicate(timeout=60)
        self.assertEqual((server.returncode, error), (0, ""))
        return out

    def test_transfers(self):
        server, address = self.serve(self.TFTP, "--file-bytes=1100", "--initial-rto=20ms", "--json")
        out = lossy("ask", self.TFTP, f"--to={address}", "--get=a", "--put=b", "--get=b", "--file-bytes=1100", "--drop=20%",
                    "--duplicate=20%", "--initial-rto=20ms", "--attempts=12")[0]
        self.assertTrue(out.startswith("a is fetched, 1100 bytes\nb is stored, 1100 bytes\nb is fetched, 1100 bytes\n"))
        self.assertIn("done           3 of 3", out)
        self.assertIn("as made here   2", out)
        report = json.loads(self.end(server, signal.SIGINT))
        self.assertEqual((report["protocol"], report["transfers"], report["as_made"], report["stopped_by"]), ("tftp", 3, 1, "SIGINT"))
        self.assertEqual(report["uplink"]["lost"] + report["downlink"]["lost"], 0)  # Of this side's path.

    # Everything that a run writes, this one does, and with the addresses that the network sees.
    def test_output(self):
        server, address = self.serve(self.TFTP, "--trace", "--initial-rto=20ms")
        recording, faults, page = (self.folder / name for name in ("run.pcap", "faults", "run.html"))
        out = lossy("ask", self.TFTP, f"--to={address}", "--faults=uplink.2:drop", "--initial-rto=20ms", "--trace",
                    f"--record={recording}", f"--save-faults={faults}", f"--report={page}")[0]
        self.assertIn('RRQ "readme"', out)
        self.assertIn("lost: drop", out)
        self.assertIn("readme is fetched", out)
        self.assertIn("drop", faults.read_text())
        self.assertIn('"done","1 of 1"', page.read_text())
        told = lossy("inspect", "--trace", self.TFTP, str(recording))[0]
        self.assertIn("ACK 4", told)
        ladder = self.end(server)
        self.assertEqual(len(re.findall(r"\|  uplink\.\d+ +RRQ", ladder)), 2)  # It sets out, and arrives.
        self.assertIn("Stopped by SIGTERM.", ladder)

    # As `lossy greet` has it, and without waiting for the client's patience.
    def test_nobody_listens(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
            holder.bind(("127.0.0.1", 0))
            holder.connect(("127.0.0.1", 9))  # It hears nobody, and keeps the port.
            closed = f"127.0.0.1:{holder.getsockname()[1]}"
            found, error = lossy("ask", self.TFTP, f"--to={closed}", "--json", code=2)
            self.assertEqual((json.loads(found)["done"], json.loads(found)["refused"]), (0, 1))
            nobody = f"lossy: nobody is listening on {closed} (ICMP port unreachable)"
            self.assertEqual(error.splitlines(), ["lossy: readme is not fetched, nobody listens", nobody])
            self.assertEqual(lossy("ask", "Zoë", f"--to={closed}", code=2)[1].splitlines(), [nobody])

    # Without a descriptor for a transfer nothing can be asked, and waiting for an answer would be a lie.
    def test_no_descriptors(self):
        if b"__ubsan_" in pathlib.Path(LOSSY).read_bytes():
            self.skipTest("without descriptors the sanitizer takes every object for another one")
        done = subprocess.run(["bash", "-c", 'ulimit -n 8; exec "$0" ask --protocol=tftp --to=127.0.0.1:9', LOSSY],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, "Too many open files\n$")
        self.assertIn("had no socket to leave from", done.stdout)

    # A server of all addresses is at this machine's own.
    def test_any_address(self):
        server, address = self.serve(self.TFTP, "--initial-rto=20ms")
        port = address.split(":")[1]
        self.assertTrue(lossy("ask", self.TFTP, f"--to=0.0.0.0:{port}")[0].startswith("readme is fetched"))
        self.assertIn("requests 1", self.end(server))

    # A call that does not end well.
    def test_gave_up(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            found, error = lossy("ask", self.TFTP, f"--to=127.0.0.1:{silent.getsockname()[1]}", "--attempts=2",
                                 "--initial-rto=1ms", "--json", code=1)
        self.assertEqual((json.loads(found)["done"], json.loads(found)["gave_up"]), (0, 1))
        told, again = error.splitlines()
        self.assertEqual(told, "lossy: readme is not fetched, no answer")
        self.assertTrue(again.startswith("lossy: not all of it went well; try again with: "))

    def test_greetings(self):
        server, address = self.serve("--quiet")
        out = lossy("ask", "Zoë", "Michael", f"--to={address}", "--drop=30%", "--initial-rto=20ms", "--attempts=20")[0]
        self.assertTrue(out.startswith("Zoë is greeted\nMichael is greeted\n"))
        server.terminate()

    def test_what_cannot_be(self):
        for command in ("ask", "serve"):
            error = lossy(command, "--protocol=membership", code=2)[1]
            self.assertRegex(error, "^lossy: --protocol: of membership no host (asks another|answers alone): lossy simulate "
                                    "runs all of them\n$")
        for arguments in (("ask", "--to="), ("serve", self.TFTP, "--listen=")):
            self.assertEqual(len(lossy(*arguments, code=2)[1].splitlines()), 1)
        self.assertEqual(lossy("serve", self.TFTP, "--listen=127.0.0.1:0", "--get=a", code=2)[1],
                         "lossy: --get: a server waits to be asked; to ask is lossy ask's\n")
        self.assertIn("not expected: --golden=x", lossy("serve", self.TFTP, "--golden=x", code=2)[1])
        self.assertRegex(lossy("ask", "--to=127.0.0.1:0", code=2)[1], "^lossy: --to: nobody can listen on port 0\n$")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
            holder.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{holder.getsockname()[1]}"
            self.assertRegex(lossy("serve", self.TFTP, f"--listen={address}", code=2)[1],
                             rf"^lossy: cannot listen on {address} \(another program has that port.*\n$")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
