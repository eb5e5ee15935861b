#!/usr/bin/env python3
"""Has the command read the captures of make_captures.py.

usage: captures_test.py LOSSY SUITE
"""

import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import make_captures

LOSSY = None
# A sanitized build takes its time, and shadows of its memory, from the start.
SECONDS_SANITIZED = 20


def inspect(*arguments, stdin=None):
    """The exit code, the files' results, and what was said on standard error."""
    run = subprocess.run([LOSSY, "inspect", "--json", *map(str, arguments)], stdin=stdin,
                         capture_output=True, timeout=SECONDS_SANITIZED)
    return run.returncode, json.loads(run.stdout)["files"] if run.stdout else None, run.stderr.decode()


def processor_seconds():
    """Of all runs until now. Unlike the time on the wall it does not depend on who else is busy."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def not_zero(counts):
    return {name: count for name, count in counts.items() if count}


class Made(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def test_each_capture_holds_what_was_put_into_it(self):
        made = list(make_captures.captures())
        paths = [self.folder / name for name, _, _ in made]
        for path, (_, content, _) in zip(paths, made):
            path.write_bytes(content)
        # All at once, and what cannot be read once more alone: only then is the exit code its own.
        code, files, error = inspect(*paths)
        self.assertEqual((code, len(files)), (2, len(made)), error)
        for path, found, (name, _, expected) in zip(paths, files, made):
            with self.subTest(name):
                self.assertEqual(found["file"], str(path))
                self.assertEqual("error" in found, expected["error"], error)
                if expected["error"]:
                    self.assertEqual(inspect(path)[0], 2)
                self.assertEqual(found["datagrams"], expected["datagrams"])
                self.assertEqual(not_zero(found["skipped"]), expected["skipped"])
                self.assertEqual(not_zero(found["udp_checksums"]), not_zero(expected["checksums"]))
                self.assertEqual(not_zero(found["fragments"]), expected["fragments"])
                self.assertEqual({name: not_zero({"datagrams": carried["datagrams"], **carried["skipped"]})
                                  for name, carried in found["carried"].items()},
                                 {name: not_zero(carried) for name, carried in expected["carried"].items()})
                self.assertEqual(found["records"], expected["datagrams"] + sum(expected["skipped"].values()) +
                                 expected["fragments"].get("joined", 0))
        sound = [path for path, (_, _, expected) in zip(paths, made) if not expected["error"]]
        self.assertEqual(inspect(*sound)[0], 0)

    def test_every_reason_has_a_capture(self):
        reasons = {reason for _, _, expected in make_captures.captures() for reason in expected["skipped"]}
        path = self.folder / "empty.pcap"
        path.write_bytes(make_captures.pcap(make_captures.RAW))
        known = set(inspect(path)[1][0]["skipped"])
        # A note is in no such capture, but in a recording of ours that ended before its time.
        self.assertEqual(known - reasons, {"in_flight"})
        # A file of a link type that cannot be decoded is refused as a whole.
        path.write_bytes(make_captures.pcap(147))
        code, _, error = inspect(path)
        self.assertEqual(code, 2)
        self.assertIn("has link type 147", error)

    def test_standard_input_is_read_as_a_file_is(self):
        for name, content, expected in make_captures.captures():
            if not name.startswith(("gzip", "xz", "bzip2", "snoop", "pcap", "cut")):
                continue
            with self.subTest(name):
                path = self.folder / name
                path.write_bytes(content)
                with subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE) as cat:
                    code, files, error = inspect("-", stdin=cat.stdout)
                self.assertEqual(code, 2 if expected["error"] else 0, error)
                self.assertEqual(files[0]["datagrams"], expected["datagrams"])

    def test_what_programs_have_packed_is_read(self):
        content = make_captures.pcapng([(make_captures.RAW, 0)], *[make_captures.ipv4(make_captures.udp())] * 5000)
        path = self.folder / "seen.pcapng"
        path.write_bytes(content)
        for program in ("gzip", "zstd", "pzstd", "lz4", "xz", "bzip2"):
            if not shutil.which(program):
                continue
            with self.subTest(program):
                packed = subprocess.run([program, "-c", path], capture_output=True, check=True, timeout=60).stdout
                self.assertLess(len(packed), len(content) / 10)
                with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as cat:
                    cat.stdin.write(packed)
                    cat.stdin.close()
                    code, files, error = inspect("-", stdin=cat.stdout)
                self.assertEqual((code, files[0]["datagrams"]), (0, 5000), error)

    def test_what_becomes_large_when_it_is_unpacked_takes_no_memory(self):
        # 40 MB of records, or of a single block that says that it is larger than any is.
        empty = make_captures.pcap(make_captures.RAW, b"")[24:]
        records = make_captures.pcap(make_captures.RAW) + empty * (40_000_000 // len(empty))
        section = make_captures.pcapng([(make_captures.RAW, 0)])
        block = section + make_captures.struct.pack("<II", 5, 1 << 31) + bytes(40_000_000)
        for name, content in (("records", records), ("block", block)):
            for packer, packed in (("gzip", make_captures.gzip.compress(content, 9, mtime=0)),
                                   ("xz", make_captures.lzma.compress(content, preset=1))):
                with self.subTest(f"{name}, {packer}"):
                    path = self.folder / "bomb"
                    path.write_bytes(packed)
                    self.assertLess(len(packed), 400_000)
                    code, files, error = inspect(path)
                    self.assertEqual(code, 0 if name == "records" else 2, error)
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, 300 * 1024)

    def test_ends_well_whatever_the_file(self):
        paths = []
        for name, content in make_captures.malformed():
            paths.append(self.folder / name)
            paths[-1].write_bytes(content)
        for first in range(0, len(paths), 20):
            some = paths[first:first + 20]
            with self.subTest([path.name for path in some]):
                before = processor_seconds()
                code, files, error = inspect(*some)
                self.assertIn(code, (0, 2), error)
                self.assertEqual([found["file"] for found in files], [str(path) for path in some])
                self.assertNotIn("Sanitizer", error)
                self.assertNotIn("runtime error", error)
                self.assertLess(processor_seconds() - before, 1)
        # The largest of all those runs, sanitized or not: nobody got a gigabyte.
        self.assertLess(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, 300 * 1024)


class Command(unittest.TestCase):
    """What people see, and what scripts are told."""

    CAPTURES = pathlib.Path(__file__).resolve().parent.parent.parent / "captures"

    def run_inspect(self, *arguments, code=0):
        run = subprocess.run([LOSSY, "inspect", *map(str, arguments)], capture_output=True, text=True,
                             timeout=SECONDS_SANITIZED)
        self.assertEqual(run.returncode, code, run.stderr)
        return run.stdout, run.stderr

    def test_interfaces_are_told_apart(self):
        def name(text):
            return make_captures.option("<", 2, text) + make_captures.option("<", 0, b"")
        four = make_captures.ipv4(make_captures.udp())
        content = (make_captures.pcapng([(make_captures.ETHERNET, 0)], make_captures.ethernet(four), options=name(b"en0")) +
                   make_captures.pcapng([(make_captures.RAW, 0)], four, four, options=name(b"utun\x1b\xff")) +
                   make_captures.pcapng([(make_captures.ETHERNET, 0)], options=name(b"en0")))
        with tempfile.NamedTemporaryFile(suffix=".pcapng") as file:
            file.write(content)
            file.flush()
            text, _ = self.run_inspect(file.name)
            self.assertIn("  interfaces      2\n      0  en0, link type 1 (EN10MB), 1 record\n"
                          "      1  utun\\x1b\\xff, link type 12 (RAW), 2 records\n", text)
            found = inspect(file.name)[1][0]
            self.assertEqual(found["interfaces"], [{"name": "en0", "link_type": 1, "records": 1},
                                                   {"name": "utun\x1b\ufffd", "link_type": 12, "records": 2}])
            self.assertIsNone(found["link_type"])
            # Of what is looked at there is one link type.
            self.assertEqual(inspect(file.name, "--filter=ether[0] == 2")[1][0]["link_type"], 1)

    def test_two_sided_recording_tells_the_path(self):
        text, _ = self.run_inspect(self.CAPTURES / "drop.pcap")
        found = inspect(self.CAPTURES / "drop.pcap")[1][0]
        for way in (found["uplink"], found["downlink"]):
            self.assertEqual(way["sent"], way["arrived"] + way["lost"])
        self.assertGreater(found["uplink"]["lost"] + found["downlink"]["lost"], 0)
        for word in ("the path", "lost", "loss periods", "uplink delay"):
            self.assertIn(word, text)

    def test_one_sided_capture_tells_the_answers(self):
        text, _ = self.run_inspect(self.CAPTURES / "recorded/tutorial-lo.pcap")
        self.assertRegex(text, r"answered +3 \(100%\)")
        self.assertIn("response time", text)

    def begins_with_an_answer(self):
        """A capture of three flows to port 9999: the first one began before it."""
        def datagram(client, up, text):
            port, to = (client, 9999) if up else (9999, client)
            packet = make_captures.ipv4(make_captures.udp(text, port=port, to=to))
            # No sum changes when the hosts are swapped.
            return packet if up else packet[:12] + packet[16:20] + packet[12:16] + packet[20:]
        packets = [datagram(40000, False, b"Hello, Sarah!")]
        for client in (40000, 40001, 40002):
            packets += [datagram(client, True, b"Michael"), datagram(client, False, b"Hello, Michael!")]
        return make_captures.pcap(make_captures.RAW, *packets)

    def test_all_flows_say_who_serves(self):
        with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
            file.write(self.begins_with_an_answer())
            file.flush()
            for trace in ([], ["--trace"]):
                text, error = self.run_inspect(file.name, "--why", *trace)
                self.assertEqual(error, "")
                self.assertRegex(text, r"answered +3 \(100%\)\n")
                self.assertRegex(text, r"unasked +1\n")
                self.assertEqual(text.count("9999 serves: port 9999 is in 3 flows, of which 2 begin with a datagram "
                                            "to it\n"), 3, text)
                self.assertNotIn("downlink.1        7 bytes", text)
            flows = inspect(file.name)[1][0]["flows"]
            self.assertEqual({flow["server_because"] for flow in flows},
                             {"port 9999 is in 3 flows, of which 2 begin with a datagram to it"})
            self.assertNotIn("serves", self.run_inspect(file.name)[0])
            # Who is asked for the part of a server or a client has the same flows.
            run = subprocess.run([LOSSY, "seeds", file.name, f"--to={file.name}.seeds", "--direction=uplink"],
                                 capture_output=True, timeout=SECONDS_SANITIZED)
            self.addCleanup(shutil.rmtree, f"{file.name}.seeds", ignore_errors=True)
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertEqual([path.read_bytes() for path in pathlib.Path(f"{file.name}.seeds").iterdir()], [b"Michael"])

    def test_a_pipe_is_read_once(self):
        run = subprocess.run([LOSSY, "inspect", "-"], input=self.begins_with_an_answer(), capture_output=True,
                             timeout=SECONDS_SANITIZED)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn(b"  mistaken        1 flow began before it showed who serves, ", run.stdout)
        run = subprocess.run([LOSSY, "inspect", "-", "--port=9999"], input=self.begins_with_an_answer(),
                             capture_output=True, timeout=SECONDS_SANITIZED)
        self.assertNotIn(b"mistaken", run.stdout)
        folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        for way, says in (("uplink", b"lossy: -: some flows began"), ("both", b"")):
            run = subprocess.run([LOSSY, "seeds", "-", f"--to={folder}", f"--direction={way}"], capture_output=True,
                                 input=self.begins_with_an_answer(), timeout=SECONDS_SANITIZED)
            self.assertEqual((run.returncode, says in run.stderr, not run.stderr), (0, True, not says), run.stderr)

    def test_trace_and_bytes(self):
        path = self.CAPTURES / "recorded/tutorial-lo.pcap"
        text, _ = self.run_inspect(path, "--hex")
        self.assertIn('|-------------->|  1.uplink         7 bytes "Michael"', text)
        self.assertIn("    0000  4d 69 63 68 61 65 6c ", text)
        text, _ = self.run_inspect(path, "--trace", "--filter=src port 9999")
        self.assertIn('"Hello, Michael!"', text)
        self.assertNotIn('"Michael"', text)

    def test_trace_of_both_hosts_tells_what_was_lost(self):
        text, _ = self.run_inspect(self.CAPTURES / "drop.pcap", "--trace")
        ladder, summary = text.split("\n\n", 1)
        self.assertIn('|-----x         |  1.uplink.1       7 bytes "Michael"  lost\n', ladder)
        self.assertIn('|         x-----|  1.downlink.2     13 bytes "Hello, Tracy!"  lost\n', ladder)
        found = inspect(self.CAPTURES / "drop.pcap")[1][0]
        self.assertEqual(ladder.count("  lost\n"), found["uplink"]["lost"] + found["downlink"]["lost"])
        self.assertEqual(ladder.count("\n") + 1, found["records"])
        self.assertIn("the path", summary)

    def test_a_pipe_is_shown_while_it_is_written(self):
        frame = make_captures.sll2(make_captures.ipv4(make_captures.udp()))
        content = make_captures.pcap(make_captures.SLL2, frame)
        with subprocess.Popen([LOSSY, "inspect", "--trace", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as run:
            run.stdin.write(content)
            for _ in range(3):
                run.stdin.flush()
                self.assertIn(b'"Michael"', run.stdout.readline())  # Waits for good if it comes later.
                run.stdin.write(content[24:])
            run.stdin.write(content[24:-1])
            output, error = run.communicate(timeout=SECONDS_SANITIZED)
        self.assertEqual(run.returncode, 2)
        self.assertIn(b"standard input: is damaged behind record 4: ", error)
        self.assertIn(b'"Michael"', output)
        self.assertRegex(output, rb"records +4\n")

    def test_one_flow(self):
        content = make_captures.pcap(make_captures.SLL2, *[
            make_captures.sll2(make_captures.ipv4(make_captures.udp(port=port))) for port in (40001, 40002, 40001)],
            b"no datagram")
        with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
            file.write(content)
            file.flush()
            text, _ = self.run_inspect(file.name, "--flow=2", "--trace")
            self.assertEqual(text.split("\n\n")[0].count("\n"), 0, text)
            self.assertIn("  2.uplink ", text)
            self.assertEqual(inspect(file.name, "--flow=2")[1][0]["datagrams"], 1)

    def test_what_cannot_be_done_is_said(self):
        path = self.CAPTURES / "clean.pcap"
        for arguments, reason in (([path, "--flow=2"], f"{path}: --flow=2: it has 1 flow"),
                                  ([path, "--filter=udp prot 1"], "--filter: "),
                                  ([path, "--filter=port 7"], f"{path}: --filter: port 7 matches none of 12 records"),
                                  ([path, "--filter=port 7", "--flow=2"], "--filter: port 7 matches none"),
                                  ([path, "--trace", "--json"], "--trace"),
                                  (["/nonexistent"], "No such file"),
                                  ([self.CAPTURES], "is a directory"),
                                  ([], "files")):
            with self.subTest(reason):
                _, error = self.run_inspect(*arguments, code=2)
                self.assertIn(reason, error)
                self.assertEqual(error.count("\n"), 1)


    def made(self, *names):
        """The paths of captures of make_captures.py."""
        folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        made = {name: content for name, content, _ in make_captures.captures() if name in names}
        for name in names:
            (folder / name).write_bytes(made[name])
        return [folder / name for name in names]

    # tcpdump's words do not look behind tags by themselves; what they want is said, and works.
    def test_filters_on_tagged_files(self):
        for path in self.made("vlan.pcap", "vlan-priority.pcap", "pppoe.pcap", "mpls.pcap", "gre.pcap"):
            with self.subTest(path.name):
                _, error = self.run_inspect(path, "--filter=port 9999", code=2)
                self.assertIn(f"{path}: --filter: port 9999 matches none of ", error)
                if path.name == "gre.pcap":  # tcpdump has no words for what is inside.
                    self.assertNotIn(";", error)
                    continue
                wanted = error.strip().split(" it would match: ")[1]
                self.assertGreater(inspect(path, f"--filter={wanted}")[1][0]["datagrams"], 0)
                if path.name == "vlan.pcap":
                    self.assertIn("; behind a VLAN's tag it would match: vlan and (port 9999)", error)

    # Pieces of a packet that became whole are no loss; what is missing of another one is.
    # What a kernel has merged cannot be told apart in a capture of somebody else's, and is said to be there. On the
    # loopback interface, whose Ethernet addresses are zeros, a datagram may be as long.
    def test_merged_datagrams_are_noted(self):
        long = [make_captures.ethernet(make_captures.ipv4(make_captures.udp(b"x" * 4000, judged=judged)))
                for judged in ("offloaded", "offloaded", "good")]
        for what, frames, merged in (("eth0", long, 2), ("lo", [bytes(12) + frame[12:] for frame in long], 0)):
            with self.subTest(what), tempfile.NamedTemporaryFile(suffix=".pcap") as file:
                file.write(make_captures.pcap(make_captures.ETHERNET, *frames))
                file.flush()
                text, error = self.run_inspect(file.name)
                self.assertEqual(error, "")
                note = "\n  merged          2 datagrams are longer than Ethernet takes: "
                self.assertEqual((note in text, "merged" in text), (merged == 2, merged == 2))
                self.assertEqual(inspect(file.name)[1][0]["merged"], merged)

    def test_fragments_are_no_loss(self):
        whole, missing = self.made("fragments4.pcap", "fragments4-missing.pcap")
        text, _ = self.run_inspect(whole)
        self.assertIn("\n  fragments       put together 1 of 3 pieces\n", text)
        self.assertNotIn("skipped", text)
        text, _ = self.run_inspect(whole, "--trace")
        self.assertIn("record 1: a piece of a packet\n", text)
        text, _ = self.run_inspect(missing)
        self.assertIn("\n  skipped         fragment 2\n  fragments       never whole 1\n", text)

    # What carried what was skipped is said, and what datagrams carry that may count instead.
    def test_what_is_carried_is_said(self):
        skipped, vxlan, gre = self.made("skip-carried.pcap", "vxlan.pcap", "gre.pcap")
        text, _ = self.run_inspect(skipped)
        self.assertIn("\n  skipped         not_ip 1, not_udp 2\n  in pppoe        not_udp 1\n"
                      "  in gre          not_ip 1, not_udp 1\n", text)
        self.assertIn("no datagram (not_udp in pppoe)\n", self.run_inspect(skipped, "--trace")[0])
        self.assertIn("\n  in gre          datagrams 4\n", self.run_inspect(gre)[0])
        text, _ = self.run_inspect(vxlan)
        self.assertIn("\n  in vxlan        datagrams 2, not_ip 1, not_udp 1; --inner takes them\n", text)
        text, _ = self.run_inspect(vxlan, "--inner")
        self.assertIn("\n  skipped         not_ip 1, not_udp 1\n  in vxlan        datagrams 2, not_ip 1, not_udp 1\n",
                      text)
        self.assertIn('"Michael"', self.run_inspect(vxlan, "--inner", "--trace")[0])
        mixed, = self.made("pcapng-carriers.pcapng")
        outer, inner = (inspect(mixed, *options)[1][0] for options in ((), ("--inner",)))
        self.assertEqual((outer["bytes"] - inner["bytes"], inner["datagrams"]), (50, 5))
        page = vxlan.with_suffix(".html")
        self.run_inspect(vxlan, "--inner", f"--report={page}")
        self.assertIn("records without a datagram: 2 (not_ip 1, not_udp 1)", page.read_text())

    # A recording of both hosts in a format without interfaces is a capture, and says that it was more.
    def test_converted_recording(self):
        recording = self.CAPTURES / "drop.pcap"
        records = recording.read_bytes()
        content, at = records[:20] + (113).to_bytes(4, "little"), 24
        while at < len(records):
            size = int.from_bytes(records[at + 8:at + 12], "little")
            frame = records[at + 16:at + 16 + size]
            frame = b"\0" + frame[10:11] + frame[8:10] + b"\0" + frame[11:12] + frame[12:20] + frame[:2] + frame[20:]
            content += records[at:at + 8] + len(frame).to_bytes(4, "little") * 2 + frame
            at += 16 + size
        with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
            file.write(content)
            file.flush()
            text, _ = self.run_inspect(file.name)
            self.assertIn("\n  recorded        by lossy, and then converted: ", text)
            self.assertNotIn("the path", text)
            found = inspect(file.name)[1][0]
            self.assertEqual((found["two_sided"], found["unplaced"]), (0, found["records"]))
            self.assertEqual(found["uplink"]["lost"], 0)
            self.assertEqual((found["exchanges"]["requests"], found["exchanges"]["answered"]), (4, 4))
            self.assertEqual(found["exchanges"]["retransmitted"], 1)


class Tshark(unittest.TestCase):
    """Wireshark's own program finds as many datagrams in the same captures."""

    SCRIPTS = pathlib.Path(__file__).resolve().parent / "wireshark"

    def setUp(self):
        if not shutil.which("tshark"):
            self.skipTest("tshark is not installed")
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def counts(self, path, *options):
        """Datagrams that tshark sees whole, and the bytes of their payloads."""
        run = subprocess.run(
            ["tshark", "-n", *options, "-r", path, "-Y", "udp && udp.length", "-T", "fields", "-e", "udp.length"],
            capture_output=True, text=True, timeout=60)
        lengths = [int(line.split(",")[0]) for line in run.stdout.split()]
        return len(lengths), sum(length - 8 for length in lengths)

    def compare(self, path, *options):
        found = inspect(path)[1][0]
        self.assertEqual((found["datagrams"], found["bytes"]), self.counts(path, *options), path)

    def dissect(self, path, *fields, script="greeting.lua"):
        """What a script makes of a capture's frames: a tuple of fields each. Lua must not complain."""
        if b"Lua" not in subprocess.run(["tshark", "--version"], capture_output=True, timeout=60).stdout:
            self.skipTest("this tshark has no Lua")
        run = subprocess.run(["tshark", "-n", "-X", f"lua_script:{self.SCRIPTS / script}", "-r", path, "-T", "fields",
                              *(word for field in fields for word in ("-e", field))],
                             capture_output=True, text=True, timeout=60)
        if os.geteuid() == 0 and "fields aren't valid" in run.stderr:
            self.skipTest("this tshark runs no scripts for root")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertNotRegex(run.stderr, "Lua|[.]lua")
        return [tuple(line.split("\t")) for line in run.stdout.splitlines()]

    # Each host of a recording sees requests and their answers of its own.
    def test_greetings(self):
        captures = pathlib.Path(__file__).resolve().parent.parent.parent / "captures"
        rows = self.dissect(captures / "drop.pcap", "sll.ifindex", "greeting.name", "greeting.answer_to", "greeting.time")
        self.assertEqual(len(rows), inspect(captures / "drop.pcap")[1][0]["records"])
        self.assertEqual({row[1] for row in rows}, {"Michael", "Tracy", "Sarah"})
        answered = [row for row in rows if row[2]]
        for interface, name, request, took in answered:
            self.assertEqual(rows[int(request) - 1][:3], (interface, name, ""))
            self.assertLess(float(took), 1)
        self.assertEqual({row[0] for row in answered}, {"1", "2"})
        again = self.dissect(captures / "drop.pcap", "greeting.retransmission")
        self.assertEqual(sum(row == ("1",) for row in again) + sum(row == ("True",) for row in again), 2)
        # What is no greeting is said to be none. (Of datagrams without content Wireshark asks nobody.)
        cases = [(b"x" * 1017, False, "too_long"), (b"\xff", False, "not_utf8"),
                 (b"Bye, Michael!", True, "not_a_greeting"), (b"Hello, !", True, "empty"),
                 ("Grüß dich".encode(), False, None), (b"x" * 1016, False, None), (b"Hello, \xe2\x82\xac!", True, None)]
        path = self.folder / "strange.pcap"
        path.write_bytes(make_captures.pcap(make_captures.RAW, *[
            make_captures.ipv4(make_captures.udp(text, port=9999 if answer else 40000, to=40000 if answer else 9999))
            for text, answer, _ in cases]))
        reasons = ("empty", "too_long", "not_utf8", "not_a_greeting")
        for row, (text, _, reason) in zip(self.dissect(path, *(f"greeting.{name}" for name in reasons)), cases):
            self.assertEqual([name for name, value in zip(reasons, (*row, *[""] * 4)) if value],
                             [reason] if reason else [], text)

    # What the script and `inspect` say of each message, of those that are broken, too.
    def test_membership(self):
        path = self.folder / "group.pcap"
        for family in ("--ipv6", "--nodes=4"):
            subprocess.run([LOSSY, "simulate", "--protocol=membership", family, "--run-for=10s", "--drop=10%",
                            "--corrupt=10%", f"--record={path}"], capture_output=True, timeout=60, check=False)
            told = subprocess.run([LOSSY, "inspect", "--trace", "--protocol=membership", path],
                                  capture_output=True, text=True, timeout=60, check=True).stdout
            ours = re.findall(r"(?m)[|]  \S+ +(?:no (membership): \S+|(.+?)(?:  .*)?)$", told)
            self.assertEqual([row[0] for row in self.dissect(path, "_ws.col.Info", "membership.kind", script="membership.lua")],
                             ["No message" if broken else line for broken, line in ours])
            self.assertGreater(len(ours), 100)
            self.assertTrue(any(broken for broken, _ in ours))

    def test_recorded_captures(self):
        folder = pathlib.Path(__file__).resolve().parent.parent.parent / "captures"
        self.compare_merged([folder / "weather.pcap", folder / "ipv6.pcap", *sorted((folder / "recorded").glob("*.pcap"))])

    # Two recordings in one file number their datagrams alike: that the figures are of neither is said.
    def test_recordings_that_were_merged(self):
        if not shutil.which("mergecap"):
            self.skipTest("mergecap is not installed")
        names = [str(self.folder / name) for name in ("a.pcap", "b.pcap", "both.pcap", "long.pcap")]
        for seed, name in enumerate(names[:2], 1):
            self.simulate(name, "--count=50", "--drop=10%", "--delay=20ms", f"--seed={seed}")
        subprocess.run(["mergecap", "-F", "nsecpcap", "-w", names[2], *names[:2]], check=True, timeout=60)
        self.simulate(names[3], "--count=70000", "--interval=10us", "--drop=1%", "--reorder=1%", "--delay=1ms")
        for name in names:
            code, files, _ = inspect(name)
            self.assertEqual((code, files[0]["mixed"] > 0), (0, name == names[2]), name)
        run = subprocess.run([LOSSY, "inspect", names[2], "--fit=x"], cwd=self.folder, capture_output=True, text=True,
                             timeout=SECONDS_SANITIZED)
        self.assertEqual(run.returncode, 2)
        self.assertIn("  mixed           several recordings in one file", run.stdout)
        self.assertIn("--fit: several recordings are in one file; fit each alone", run.stderr)

    def simulate(self, path, *options):
        subprocess.run([LOSSY, "simulate", *options, f"--record={path}"], capture_output=True, timeout=SECONDS_SANITIZED,
                       check=True)

    def test_files_that_were_merged(self):
        # mergecap keeps the interfaces of each file apart; of files that come one behind the other each
        # is a section of its own.
        if not shutil.which("mergecap"):
            self.skipTest("mergecap is not installed")
        made = {name: content for name, content, _ in make_captures.captures()}
        names = ["ethernet.pcap", "raw-101.pcap", "sll2.pcap", "pcap-be-ns.pcap", "null-le.pcap", "skip-not-ip.pcap"]
        for name in names:
            (self.folder / name).write_bytes(made[name])
        merged, sections = self.folder / "merged.pcapng", self.folder / "sections.pcapng"
        subprocess.run(["mergecap", "-w", merged, *(self.folder / name for name in names)], check=True, timeout=60)
        for name in names:
            subprocess.run(["editcap", "-F", "pcapng", self.folder / name, self.folder / f"{name}.ng"], check=True,
                           timeout=60)
        sections.write_bytes(b"".join((self.folder / f"{name}.ng").read_bytes() for name in names))
        for path in (merged, sections):
            with self.subTest(path.name):
                self.compare(path)
                found = inspect(path)[1][0]
                self.assertIsNone(found["link_type"])
                self.assertEqual({1, 12, 276, 0}, {one["link_type"] for one in found["interfaces"]})
                self.assertEqual(found["records"], sum(one["records"] for one in found["interfaces"]))

    def compare_merged(self, paths, *options):
        """As compare, of many captures in one start of tshark, which takes longer than to read
        them: which frames are whose follows from how many there are."""
        merged = self.folder / "merged.pcapng"
        subprocess.run(["mergecap", "-a", "-I", "none", "-w", merged, *paths], check=True, timeout=60)
        rows = subprocess.run(["tshark", "-n", *options, "-r", merged, "-Y", "udp && udp.length", "-T", "fields",
                               "-e", "frame.number", "-e", "udp.length"],
                              capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
        seen = [(int(number), int(length.split(",")[0]) - 8) for number, length in map(str.split, rows)]
        last = 0
        for found in inspect(*paths)[1]:
            first, last = last + 1, last + found["records"]
            lengths = [length for number, length in seen if first <= number <= last]
            with self.subTest(found["file"]):
                self.assertEqual((found["datagrams"], found["bytes"]), (len(lengths), sum(lengths)))
        self.assertLessEqual(seen[-1][0], last)

    def made(self, wanted):
        """The files of the captures that are wanted, by name and what is in them."""
        paths = []
        for name, content, found in make_captures.captures():
            if wanted(name, found):
                paths.append(self.folder / name)
                paths[-1].write_bytes(content)
        return paths

    def test_link_types_and_fragments(self):
        # Wireshark knows no numbers of OpenBSD's; it counts padding and what is behind AF_INET6 of
        # Linux differently, or puts fragments together that came too late.
        names = ["sll.pcap", "sll2.pcap", "ethernet.pcap", "vlan.pcap", "qinq.pcap", "null-le.pcap",
                 "null-be.pcap", "null-le-30.pcap", "loop.pcap", "raw-101.pcap", "ipv4.pcap", "ipv6.pcap",
                 "pcap-be-ns.pcap", "pcap-beyond-snap.pcap", "pcapng-le.pcapng", "pcapng-be.pcapng", "pcapng-two.pcapng",
                 "pcapng-mixed-types.pcapng", "pcapng-mixed-snaps.pcapng", "pcapng-two-raw.pcapng",
                 "pcapng-unused.pcapng", "pcapng-obsolete.pcapng", "pcapng-simple.pcapng",
                 "pcapng-beyond-snap.pcapng", "pcapng-nanoseconds.pcapng", "gzip.pcap.gz", "snoop.snoop", "options.pcap",
                 "extensions.pcap"]
        paths = self.made(lambda name, _: name in names)
        self.assertEqual(len(paths), len(names))
        self.compare_merged(paths)
        # Fragments of two files would belong together, and sections are what merging takes away.
        for path in self.made(lambda name, _: name in ("pcapng-sections.pcapng", "fragments4.pcap", "fragments6.pcap",
                                                       "fragments4-reversed.pcap", "fragments6-reversed.pcap")):
            with self.subTest(path.name):
                self.compare(path)

    # What carries datagrams: the same ones are in it, by Wireshark's dissectors. It does not know three of the
    # link types, and has to be told which label has Ethernet behind it.
    def test_carriers(self):
        without = ("skip-", "pktap-macos", "ppp-pppd", "mpls-link", "vlan", "mpls-ethernet")
        paths = self.made(lambda name, found: not name.startswith(without) and (
            found["carried"] or name.startswith(("nflog", "pktap", "ppi", "ppp-cisco", "cisco"))))
        self.assertGreater(len(paths), 30)
        self.compare_merged(paths)
        ethernet, = self.made(lambda name, _: name == "mpls-ethernet.pcap")
        self.compare(ethernet, "-d", "mpls.label==16,pwethcw")

    # And what datagrams carry: of those of TCP and ARP none is left.
    def test_what_is_inside(self):
        for name, content, found in make_captures.captures():
            carrier = name.removesuffix(".pcap")
            if carrier not in ("vxlan", "geneve", "gtp_u"):
                continue
            with self.subTest(name):
                path = self.folder / name
                path.write_bytes(content)
                inside = inspect("--inner", path)[1][0]
                self.assertEqual(inside["datagrams"], 2)
                whole = subprocess.run(["tshark", "-n", "-r", path, "-T", "fields", "-e", "udp.length"],
                                       capture_output=True, text=True, timeout=60).stdout.split()
                # Two lengths: the datagram outside, and the one inside.
                inner = [int(line.split(",")[1]) - 8 for line in whole if "," in line]
                self.assertEqual((len(inner), sum(inner)), (inside["datagrams"], inside["bytes"]))


if __name__ == "__main__":
    LOSSY = sys.argv[1]
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
