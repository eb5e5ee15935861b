#!/usr/bin/env python3
"""Makes a capture for every link type, every case of fragments and every reason to skip a frame, and
malformed ones by the hundred, all of them the same in each run.

usage: harness/capture/make_captures.py FOLDER        NAME.pcap and the like, for whoever wants them

captures() and malformed() are what the test beside this reads.
"""

import bz2
import gzip
import lzma
import pathlib
import random
import struct
import sys

import make_carried

NULL, ETHERNET, LOOP, SLL, IPV4, IPV6, SLL2, RAW = 0, 1, 108, 113, 228, 229, 276, 101
MICRO, NANO = 0xA1B2C3D4, 0xA1B23C4D
PAYLOAD = b"Michael"


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2 + len(data) % 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


SOURCE4, DESTINATION4 = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])
SOURCE6, DESTINATION6 = (bytes.fromhex("20010db80000000000000000000000" + end) for end in ("01", "02"))


def udp(payload=PAYLOAD, v6=False, length=None, judged="good", port=40000, to=9999):
    addresses = SOURCE6 + DESTINATION6 if v6 else SOURCE4 + DESTINATION4
    size = 8 + len(payload)
    header = struct.pack(">HHH", port, to, size if length is None else length)
    pseudo = addresses + struct.pack(">HH", 17, size)
    value = checksum(pseudo + header + b"\0\0" + payload) or 0xFFFF
    value = {"good": value, "bad": value ^ 0x5555, "absent": 0,
             "offloaded": ~checksum(pseudo) & 0xFFFF}[judged]
    return header + struct.pack(">H", value) + payload


def ipv4(content, protocol=17, identification=1, offset=0, more=False, options=b"", total=None,
         version=0x40):
    words = 5 + len(options) // 4
    total = words * 4 + len(content) if total is None else total
    header = struct.pack(">BBHHHBBH", version | words, 0, total, identification,
                         (0x2000 if more else 0) | offset // 8, 64, protocol, 0)
    header += SOURCE4 + DESTINATION4 + options
    return header[:10] + struct.pack(">H", checksum(header)) + header[12:] + content


def ipv6(content, next_header=17, length=None):
    size = len(content) if length is None else length
    return struct.pack(">IHBB", 0x60000000, size, next_header, 64) + SOURCE6 + DESTINATION6 + content


def piece6(content, offset, more, next_header=17, identification=1):
    return ipv6(struct.pack(">BBHI", next_header, 0, offset | more, identification) + content, 44)


def ethernet(packet, *tags, kind=None):
    v6 = packet[0] >> 4 == 6
    kind = (0x86DD if v6 else 0x0800) if kind is None else kind
    header = bytes.fromhex("020000000002020000000001")
    for tag, number in tags:
        header += struct.pack(">HH", tag, number)
    return header + struct.pack(">H", kind) + packet


def sll(packet, kind=0x0800):
    return struct.pack(">HHH", 0, 1, 6) + bytes(8) + struct.pack(">H", kind) + packet


def sll2(packet, kind=0x0800):
    return struct.pack(">HHIHBB", kind, 0, 1, 1, 0, 6) + bytes(8) + packet


def pcap(link_type, *frames, magic=NANO, order="<", seconds=1, cut=0, snapped=0, snap_bytes=262144):
    """A classic capture of the frames, a second apart by default. `cut` bytes are missing at its
    end, and of each frame so many were left out, whatever its header says of that."""
    content = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap_bytes, link_type)
    for number, frame in enumerate(frames):
        kept = frame[:len(frame) - snapped] if snapped else frame
        content += struct.pack(order + "IIII", number * seconds, 0, len(kept), len(frame)) + kept
    return content[:len(content) - cut] if cut else content


def block(order, kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def snoop(*frames, datalink=4):
    """As Solaris writes it: each record padded to whole words."""
    content = b"snoop\0\0\0" + struct.pack(">II", 2, datalink)
    for number, frame in enumerate(frames):
        padding = bytes(-len(frame) % 4)
        content += struct.pack(">6I", len(frame), len(frame), 24 + len(frame + padding), 0, number, 0) + frame + padding
    return content


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def pcapng(interfaces, *frames, order="<", kind=6, options=b""):
    """Interfaces are pairs of link type and snapshot length, each declared in front of a frame of its
    own, or of None. From the last one on all frames are of that one. They come in blocks of a kind: 6 are
    enhanced ones, 2 their predecessors, 3 simple ones, which are always of the first interface.
    The options are each interface's."""
    content = block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    for number in range(max(len(interfaces), len(frames))):
        if number < len(interfaces):
            link_type, snap_bytes = interfaces[number]
            content += block(order, 1, struct.pack(order + "HHI", link_type, 0, snap_bytes) + options)
        if number < len(frames) and frames[number] is not None:
            interface, frame = min(number, len(interfaces) - 1), frames[number]
            head = {2: (order + "HHIIII", interface, 0, 0, number), 3: (order + "I",),
                    6: (order + "IIIII", interface, 0, number)}[kind]
            lengths = [len(frame)] if kind == 3 else [len(frame), len(frame)]
            content += block(order, kind, struct.pack(*head, *lengths) + frame)
    return content


def pieces4(content, *cuts, **fields):
    """The content in IPv4 fragments, cut at these offsets."""
    edges = [0, *cuts, len(content)]
    return [ipv4(content[start:end], offset=start, more=end < len(content), **fields)
            for start, end in zip(edges, edges[1:])]


def pieces6(content, *cuts):
    edges = [0, *cuts, len(content)]
    return [piece6(content[start:end], start, end < len(content)) for start, end in zip(edges, edges[1:])]


def captures():
    """Yields names, contents and what must be found: datagrams, skipped frames by reason,
    checksums, fragments and what was carried (only what is not zero), and whether it ends in an error."""
    def one(name, content, datagrams=1, error=False, checksums=None, fragments=None, carried=None, **skipped):
        return name, content, {"datagrams": datagrams, "error": error, "skipped": skipped,
                               "checksums": {"good": datagrams} if checksums is None else checksums,
                               "fragments": fragments or {}, "carried": carried or {}}

    four, six = ipv4(udp()), ipv6(udp(v6=True))

    # Link types, and what files are made of.
    for name, family in (("le", "<I"), ("be", ">I")):
        yield one(f"null-{name}.pcap", pcap(NULL, struct.pack(family, 2) + four))
        for af in (10, 24, 28, 30):
            yield one(f"null-{name}-{af}.pcap", pcap(NULL, struct.pack(family, af) + six))
    yield one("loop.pcap", pcap(LOOP, struct.pack(">I", 2) + four, struct.pack(">I", 24) + six), 2)
    for number in (12, 14, 101):
        yield one(f"raw-{number}.pcap", pcap(number, four, six), 2)
    yield one("ipv4.pcap", pcap(IPV4, four))
    yield one("ipv6.pcap", pcap(IPV6, six))
    yield one("sll.pcap", pcap(SLL, sll(four), sll(six, 0x86DD)), 2)
    yield one("sll2.pcap", pcap(SLL2, sll2(four), sll2(six, 0x86DD)), 2)
    yield one("ethernet.pcap", pcap(ETHERNET, ethernet(four), ethernet(six)), 2)
    yield one("ethernet-padded.pcap", pcap(ETHERNET, ethernet(four).ljust(60, b"\xAA")))
    yield one("vlan.pcap", pcap(ETHERNET, ethernet(four, (0x8100, 5))))
    yield one("qinq.pcap", pcap(ETHERNET, ethernet(four, (0x88A8, 5), (0x8100, 6)),
                                ethernet(six, (0x9100, 5), (0x8100, 6))), 2)
    yield one("tags.pcap", pcap(ETHERNET, ethernet(four, *[(0x8100, n) for n in range(50)])))
    for magic, unit in ((MICRO, "us"), (NANO, "ns")):
        for order, name in (("<", "le"), (">", "be")):
            yield one(f"pcap-{name}-{unit}.pcap", pcap(RAW, four, magic=magic, order=order))
    yield one("pcap-beyond-snap.pcap", pcap(ETHERNET, ethernet(four), ethernet(ipv4(udp(bytes(1472)))),
                                            snap_bytes=40), 2)
    yield one("pcapng-le.pcapng", pcapng([(RAW, 65535)], four, six), 2)
    yield one("pcapng-be.pcapng", pcapng([(RAW, 65535)], four, order=">"))
    yield one("pcapng-two.pcapng", pcapng([(ETHERNET, 65535), (ETHERNET, 65535)], ethernet(four), ethernet(six)), 2)
    yield one("pcapng-mixed-types.pcapng", pcapng([(RAW, 65535), (ETHERNET, 65535), (SLL2, 0)],
                                                  four, ethernet(six), sll2(four), sll2(six, 0x86DD)), 4)
    yield one("pcapng-mixed-snaps.pcapng", pcapng([(ETHERNET, 65535), (ETHERNET, 96)], ethernet(four), ethernet(six)),
              2)
    yield one("pcapng-two-raw.pcapng", pcapng([(RAW, 65535), (RAW, 65535)], four, six), 2)
    yield one("pcapng-unused.pcapng", pcapng([(SLL, 96), (ETHERNET, 0), (NULL, 0), (RAW, 65535)],
                                              None, ethernet(four), None, six), 2)
    yield one("pcapng-sections.pcapng", pcapng([(RAW, 96)], four) + pcapng([(ETHERNET, 0)], ethernet(six), order=">") +
              pcapng([(RAW, 65535)], six), 3)
    yield one("pcapng-obsolete.pcapng", pcapng([(RAW, 65535)], four, six, kind=2), 2)
    yield one("pcapng-simple.pcapng", pcapng([(ETHERNET, 0), (RAW, 0)], ethernet(four), ethernet(six), kind=3), 2)
    yield one("pcapng-beyond-snap.pcapng", pcapng([(ETHERNET, 40)], ethernet(four), ethernet(ipv4(udp(bytes(1472))))), 2)
    yield one("pcapng-nanoseconds.pcapng", pcapng([(RAW, 0)], four, six, options=option("<", 9, b"\x09")), 2)
    yield one("pcapng-other-blocks.pcapng", pcapng([(RAW, 0)]) + b"".join(
        block("<", kind, b"whatever") for kind in (4, 5, 9, 10, 0xBAD, 0x40000BAD, 99)) + pcapng([(RAW, 0)], four)[48:])
    yield one("pcapng-unknown-type.pcapng", pcapng([(147, 0), (RAW, 0)], b"whatever", four), 1, link_type=1)
    yield one("pcapng-no-interface.pcapng", pcapng([]), 0)
    yield one("pcapng-cut.pcapng", pcapng([(RAW, 0)], four, six)[:-1], 1, True)
    yield one("gzip.pcap.gz", gzip.compress(pcap(RAW, four, six), mtime=0), 2)
    yield one("gzip-by-content.pcap", gzip.compress(pcap(RAW, four), mtime=0))
    yield one("gzip-cut.pcap.gz", gzip.compress(pcap(RAW, four), mtime=0)[:-8], 1, True)
    yield one("xz.pcap.xz", lzma.compress(pcap(RAW, four, six)), 2)
    yield one("xz-cut.pcapng.xz", lzma.compress(pcapng([(RAW, 0)], four))[:-8], 1, True)
    yield one("bzip2.pcapng.bz2", bz2.compress(pcapng([(RAW, 0), (ETHERNET, 0)], four, ethernet(six))), 2)
    yield one("bzip2-parts.pcap.bz2", bz2.compress(pcap(RAW, four)) + bz2.compress(pcap(RAW, six)[24:]), 2)
    yield one("snoop.snoop", snoop(ethernet(four), ethernet(six)), 2)
    yield one("snoop-by-content.pcap", gzip.compress(snoop(ethernet(four), datalink=0), mtime=0))
    yield one("snoop-cut.snoop", snoop(ethernet(four), ethernet(six))[:-1], 1, True)
    yield one("cut.pcap", pcap(RAW, four, six, cut=1), 1, True)
    yield one("empty.pcap", pcap(RAW), 0)

    # Headers that are passed.
    yield one("options.pcap", pcap(RAW, ipv4(udp(), options=bytes([1, 1, 1, 0]) * 10)))
    hop = bytes([17, 0, 1, 4, 0, 0, 0, 0])
    chain = bytes([60, 0, 1, 4, 0, 0, 0, 0, 43, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0])
    atomic = bytes([17, 0, 0, 0, 0, 0, 0, 9])
    yield one("extensions.pcap", pcap(RAW, ipv6(hop + udp(v6=True), 0), ipv6(chain + udp(v6=True), 0),
                                      ipv6(atomic + udp(v6=True), 44)), 3)
    for judged in ("bad", "absent", "offloaded"):
        yield one(f"checksum-{judged}.pcap", pcap(RAW, ipv4(udp(judged=judged)),
                                                  ipv6(udp(v6=True, judged=judged))),
                  2, checksums={judged: 2})
    yield one("surplus.pcap", pcap(RAW, ipv4(udp() + b"more")))

    # Fragments.
    long4, long6 = udp(bytes(range(200))), udp(bytes(range(200)), v6=True)
    for name, cut_up in (("4", pieces4(long4, 64, 128)), ("6", pieces6(long6, 64, 128))):
        whole = {"whole": 1, "joined": 2}
        yield one(f"fragments{name}.pcap", pcap(RAW, *cut_up), fragments=whole)
        yield one(f"fragments{name}-reversed.pcap", pcap(RAW, *cut_up[::-1]), fragments=whole)
        yield one(f"fragments{name}-copied.pcap", pcap(RAW, cut_up[0], *cut_up),
                  fragments={"whole": 1, "copies": 1, "joined": 3})
        yield one(f"fragments{name}-missing.pcap", pcap(RAW, cut_up[0], cut_up[2]), 0,
                  fragments={"never_whole": 1}, fragment=2)
        yield one(f"fragments{name}-late.pcap", pcap(RAW, *cut_up, seconds=40), 0,
                  fragments={"expired": 1, "never_whole": 1}, fragment=3)
        yield one(f"fragments{name}-snapped.pcap", pcap(RAW, *cut_up, snapped=1), 0, snapped=3)
        yield one(f"fragments{name}-many.pcap",
                  pcap(RAW, *[(ipv4(long4[:64], more=True, identification=n) if name == "4" else
                               piece6(long6[:64], 0, 1, identification=n)) for n in range(2000)],
                       seconds=0), 0, fragments={"evicted": 976, "never_whole": 1024}, fragment=2000)
    yield one("fragments4-overlap.pcap", pcap(RAW, ipv4(long4[:64], more=True), ipv4(long4[56:], offset=56)),
              0, fragments={"refused": 1}, fragment=1, fragment_overlap=1)
    yield one("fragments6-overlap.pcap", pcap(RAW, piece6(long6[:64], 0, 1), piece6(long6[56:], 56, 0),
                                              piece6(long6[64:], 64, 0)),
              0, fragments={"refused": 1}, fragment=1, fragment_overlap=2)
    yield one("fragments4-odd.pcap", pcap(RAW, ipv4(long4[:63], more=True)), 0, bad_fragment=1)
    yield one("fragments4-beyond.pcap", pcap(RAW, ipv4(long4[:64], offset=65528)), 0, bad_fragment=1)
    yield one("fragments4-two-ends.pcap", pcap(RAW, ipv4(long4[64:128], offset=64),
                                               ipv4(long4[128:], offset=128)), 0,
              fragments={"refused": 1}, fragment=1, bad_fragment=1)
    yield one("fragments6-nested.pcap", pcap(RAW, *[
        piece6(part, at, more, 44) for part, at, more in (
            (bytes([17, 0, 0, 1]) + bytes(12), 0, 1), (long6[:8], 16, 0))]), 0,
        fragments={"whole": 1, "joined": 1}, bad_fragment=1)

    # Reasons to skip a frame.
    yield one("skip-not-ip.pcap", pcap(ETHERNET, ethernet(bytes(28), kind=0x0806), ethernet(bytes(46), kind=46)),
              0, not_ip=2, carried={"llc": {"not_ip": 1}})
    yield one("skip-not-udp.pcap", pcap(RAW, ipv4(bytes(20), 6), ipv6(bytes(8), 58), ipv6(b"", 59)), 0, not_udp=3)
    yield one("skip-extension.pcap", pcap(RAW, *[ipv6(bytes(16), n) for n in (135, 139, 140)],
                                          ipv6(bytes([17, 0, 0, 1, 0, 0, 0, 0]) + udp(v6=True), 43)),
              0, extension_header=4)
    yield one("skip-snapped.pcap", pcap(RAW, four, six, snapped=1), 0, snapped=2)
    yield one("skip-truncated.pcap", pcap(RAW, four[:-1], six[:-1], b""), 0, truncated=3)
    yield one("skip-bad-ip.pcap", pcap(RAW, ipv4(udp(), total=19), ipv4(udp(), total=0),
                                       bytes([0x44]) + four[1:], ipv6(b"\x11\xff" + bytes(6), 60)),
              0, bad_ip_header=4)
    yield one("skip-bad-udp.pcap", pcap(RAW, ipv4(udp(length=7)), ipv4(udp(length=16)), ipv4(b"abc"),
                                        ipv6(udp(v6=True, length=0))), 0, bad_udp_length=4)
    yield from make_carried.captures(one, sys.modules[__name__])


def malformed(seed=1, count=200):
    """Yields names and contents of files that are damaged: cut at each structure, lengths set to 0,
    1, the most, and off by one, magics swapped, a gigabyte declared, bytes changed at random."""
    chance = random.Random(seed)
    good = [(name, content) for name, content, found in captures() if not found["error"]]
    lengths = [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 30]
    for number in range(count):
        name, content = good[chance.randrange(len(good))]
        data = bytearray(content)
        how = number % 6
        words = [at for at in range(0, len(data) - 4, 4)]
        at = chance.choice(words)
        if how == 0:
            del data[chance.choice([0, 1, 4, 8, 23, 24, 25, 32, 39, 40, 41, at, len(data) - 1]):]
        elif how == 1:
            struct.pack_into(chance.choice("<>") + "I", data, at, chance.choice(lengths))
        elif how == 2:
            value, = struct.unpack_from("<I", data, at)
            struct.pack_into("<I", data, at, (value + chance.choice([-1, 1])) & 0xFFFFFFFF)
        elif how == 3:
            data[:4] = struct.pack(chance.choice("<>") + "I", chance.choice(
                [MICRO, NANO, 0x0A0D0D0A, 0xA1B2CD34, 0x1F8B0800, 0]))
        elif how == 4 and len(data) > 40:
            struct.pack_into("<I", data, chance.choice([16, 32, 36]), 1 << 30)
        else:
            for _ in range(chance.randrange(1, 20)):
                data[chance.randrange(len(data))] = chance.randrange(256)
        yield f"malformed-{number:03}-{name}", bytes(data)


def main(arguments):
    if len(arguments) != 1:
        sys.exit(__doc__)
    folder = pathlib.Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    made = [(name, content) for name, content, _ in captures()] + list(malformed())
    for name, content in made:
        (folder / name).write_bytes(content)
    print(f"{len(made)} captures in {folder}")


if __name__ == "__main__":
    main(sys.argv[1:])
