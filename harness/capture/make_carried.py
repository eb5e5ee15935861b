"""Captures of what carries datagrams: each link type and carrier, after the RFCs and descriptions of them.

captures() yields what make_captures.captures() does, with what is carried.
"""

import struct

PPP, PPP_HDLC, PPPOE, CISCO_HDLC, WLAN, RADIOTAP = 9, 50, 51, 104, 105, 127
PKTAP_MACOS, PPP_PPPD, PPI, PPP_DIRECTION, MPLS, NFLOG, PKTAP = 149, 166, 192, 204, 219, 239, 258
STATIONS = bytes.fromhex("020000000003020000000002020000000001")


def ppp(packet, address=False, short=False):
    number = 0x21 if packet[0] >> 4 == 4 else 0x57
    return (b"\xff\x03" if address else b"") + (bytes([number]) if short else struct.pack(">H", number)) + packet


def pppoe(packet, code=0):
    session = ppp(packet)
    return struct.pack(">BBHH", 0x11, code, 7, len(session)) + session


def mpls(packet, *labels):
    stack = b"".join(struct.pack(">I", label << 12 | 64) for label in labels)
    return stack + struct.pack(">I", 0x00010140) + packet


def snap(packet, kind=None):
    kind = (0x0800 if packet[0] >> 4 == 4 else 0x86DD) if kind is None else kind
    return bytes.fromhex("aaaa03000000") + struct.pack(">H", kind) + packet


def wlan(packet, control=b"\x08\x02", fourth=b"", qos=b"", sequence=0x10):
    return control + b"\0\0" + STATIONS + struct.pack("<H", sequence) + fourth + qos + snap(packet)


def radiotap(frame, flags=None):
    fields = b"" if flags is None else bytes([flags])
    return struct.pack("<BBHI", 0, 0, 8 + len(fields), 0 if flags is None else 2) + fields + frame


def ppi(link_type, frame):
    return struct.pack("<BBHI", 0, 0, 8, link_type) + frame


def nflog(packet, order="<"):
    content = bytes([2 if packet[0] >> 4 == 4 else 10, 0, 0, 1])
    for kind, value in ((1, bytes.fromhex("08000300")), (10, b"dns:\0"), (9, packet)):
        content += struct.pack(order + "HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)
    return content


def pktap(link_type, frame, flags=1):
    return struct.pack("<III24sIIII", 108, 1, link_type, b"en0", flags, 2, 14, 0) + bytes(56) + frame


def gre(packet, kind=None, flags=0, fields=b""):
    kind = (0x0800 if packet[0] >> 4 == 4 else 0x86DD) if kind is None else kind
    return struct.pack(">HH", flags, kind) + fields + packet


def batman(kind, version, frame):
    target = bytes.fromhex("020000000009")
    header = {0x40: b"\x01" + target, 0x42: b"\x01" + target + bytes.fromhex("0200000000080100"),
              0x01: b"\0\0\0\0\1" + target, 0x03: b"\x01" + target, 0x04: b"\0\0\0\0\1" + target,
              0x41: b"\0" + target * 2 + bytes(4), 0x00: bytes(20)}[kind]
    return bytes([kind, version, 50]) + header + frame


def captures(one, make):
    """`one` as in make_captures.captures(), and `make` is that module."""
    pcap, ethernet, ipv4, ipv6, udp, ETHERNET = (make.pcap, make.ethernet, make.ipv4, make.ipv6, make.udp,
                                                 make.ETHERNET)
    four, six = ipv4(udp()), ipv6(udp(v6=True))
    tcp = ipv4(bytes(20), 6)
    arp = bytes(28)

    def carried(name, link_type, frames, *carriers):
        """All frames are datagrams, and all of them are carried so."""
        yield one(name, pcap(link_type, *frames), len(frames),
                  carried={carrier: {"datagrams": len(frames)} for carrier in carriers})

    # Link types.
    yield from carried("ppp.pcap", PPP, [ppp(four), ppp(six, True), ppp(four, short=True)], "ppp")
    yield from carried("ppp-hdlc.pcap", PPP_HDLC, [ppp(four, True), ppp(six, True)], "ppp")
    yield from carried("ppp-cisco.pcap", PPP_HDLC, [b"\x0f\0\x08\0" + four, b"\x8f\0\x86\xdd" + six])
    yield from carried("cisco-hdlc.pcap", CISCO_HDLC, [b"\x0f\0\x08\0" + four, b"\x8f\0\x86\xdd" + six])
    yield from carried("ppp-pppd.pcap", PPP_PPPD, [b"\0\x03" + ppp(four), b"\1\x03" + ppp(six)], "ppp")
    yield from carried("ppp-direction.pcap", PPP_DIRECTION, [b"\0" + ppp(four, True), b"\1" + ppp(six)], "ppp")
    yield from carried("pppoe-link.pcap", PPPOE, [pppoe(four), pppoe(six)], "pppoe")
    yield from carried("mpls-link.pcap", MPLS, [mpls(four), mpls(six, 16, 17)], "mpls")
    yield from carried("nflog.pcap", NFLOG, [nflog(four), nflog(six)])
    yield one("nflog-be.pcap", pcap(NFLOG, nflog(four, ">"), nflog(six, ">"), order=">"), 2)
    for name, number in (("pktap", PKTAP), ("pktap-macos", PKTAP_MACOS)):
        yield from carried(f"{name}.pcap", number, [pktap(1, ethernet(four)), pktap(12, six, 2)])
    yield from carried("ppi-ethernet.pcap", PPI, [ppi(1, ethernet(four))])
    yield from carried("ppi-wlan.pcap", PPI, [ppi(WLAN, wlan(four))], "wlan")
    yield from carried("wlan.pcap", WLAN, [
        wlan(four, b"\x08\0"), wlan(six, b"\x08\1"), wlan(four), wlan(four, b"\x08\3", b"\2\0\0\0\0\4"),
        wlan(four, b"\x88\2", qos=b"\0\0"), wlan(six, b"\x88\3", b"\2\0\0\0\0\4", b"\7\0"),
        wlan(four, b"\x88\x82", qos=b"\0\0\1\2\3\4")], "wlan")
    yield from carried("radiotap.pcap", RADIOTAP, [radiotap(wlan(four)), radiotap(wlan(six), 0)], "wlan")
    padded = wlan(four, b"\x88\2", qos=b"\0\0\0\0")
    yield from carried("radiotap-padded.pcap", RADIOTAP, [radiotap(padded, 0x20)], "wlan")

    # Between Ethernet and IP.
    for name, kind, frames in (("pppoe", 0x8864, [pppoe(four), pppoe(six)]),
                               ("mpls", 0x8847, [mpls(four), mpls(six, 16), mpls(four, 16, 17, 18)]),
                               ("vn_tag", 0x8926, [b"\x80\1\xc0\2\x08\0" + four, b"\x80\1\xc0\2\x86\xdd" + six])):
        yield from carried(f"{name}.pcap", ETHERNET, [ethernet(frame, kind=kind) for frame in frames], name)
    word = [ethernet(mpls(b"\0\0\0\7" + ethernet(frame)), kind=0x8847) for frame in (four, six)]
    yield from carried("mpls-ethernet.pcap", ETHERNET, word, "mpls")
    snaps = [snap(four), snap(six)]
    yield from carried("llc.pcap", ETHERNET, [ethernet(frame, kind=len(frame)) for frame in snaps], "llc")
    yield from carried("batman-15.pcap", ETHERNET, [
        ethernet(batman(kind, 15, ethernet(four)), kind=0x4305) for kind in (0x40, 0x42, 0x01)], "batman")
    yield from carried("batman-14.pcap", ETHERNET, [
        ethernet(batman(kind, 14, ethernet(four)), kind=0x4305) for kind in (0x03, 0x04)], "batman")
    yield from carried("vlan-priority.pcap", ETHERNET, [
        ethernet(four, (0x8100, 0xF005)), ethernet(six, (0x88A8, 0xB005), (0x8100, 0x7006))])

    # In IP.
    yield from carried("ipip.pcap", ETHERNET, [ethernet(ipv4(four, 4)), ethernet(ipv6(four, 4))], "ipv4_in_ip")
    yield from carried("6in4.pcap", ETHERNET, [ethernet(ipv4(six, 41)), ethernet(ipv6(six, 41))], "ipv6_in_ip")
    ah = struct.pack(">BBHII", 17, 4, 0, 1, 1) + bytes(12)
    yield from carried("ah.pcap", ETHERNET, [ethernet(ipv4(ah + udp(), 51)),
                                             ethernet(ipv6(ah + udp(v6=True), 51))], "authentication")
    yield from carried("etherip.pcap", ETHERNET, [ethernet(ipv4(b"\x30\0" + ethernet(four), 97))], "ether_ip")
    yield from carried("mpls-in-ip.pcap", ETHERNET, [ethernet(ipv4(mpls(four), 137))], "mpls")
    yield from carried("gre.pcap", ETHERNET, [
        ethernet(ipv4(gre(four), 47)), ethernet(ipv6(gre(six), 47)),
        ethernet(ipv4(gre(four, flags=0x2000, fields=b"\0\0\0\7"), 47)),
        ethernet(ipv4(gre(four, flags=0x3000, fields=b"\0\0\0\7\0\0\0\1"), 47))], "gre")
    yield from carried("gre-teb.pcap", ETHERNET, [ethernet(ipv4(gre(ethernet(four), 0x6558), 47))], "gre")
    pptp = struct.pack(">HHHHI", 0x3001, 0x880B, len(ppp(four, True)), 7, 1) + ppp(four, True)
    yield from carried("gre-pptp.pcap", ETHERNET, [ethernet(ipv4(pptp, 47))], "gre", "ppp")
    second = bytes.fromhex("1064000100000000") + ethernet(four)
    third = bytes.fromhex("206400010000000000000000") + ethernet(six)
    yield from carried("erspan.pcap", ETHERNET, [
        ethernet(ipv4(gre(ethernet(four), 0x88BE), 47)),
        ethernet(ipv4(gre(second, 0x88BE, 0x1000, b"\0\0\0\1"), 47)),
        ethernet(ipv4(gre(third, 0x22EB, 0x1000, b"\0\0\0\1"), 47))], "gre", "erspan")
    # What is put together carries what it carries, and that may be a piece again.
    packet = ipv4(udp(bytes(range(100))), identification=7)
    outer = make.pieces4(gre(packet), 64, protocol=47)
    yield one("gre-fragments.pcap", pcap(make.RAW, *outer), fragments={"whole": 1, "joined": 1},
              carried={"gre": {"datagrams": 1}})
    inner = make.pieces4(udp(bytes(range(200))), 64, 128, identification=7)
    yield one("gre-inner-fragments.pcap", pcap(make.RAW, *[ipv4(gre(piece), 47) for piece in inner]),
              fragments={"whole": 1, "joined": 2}, carried={"gre": {"datagrams": 1}})
    nested = [piece for number, part in enumerate(inner)
              for piece in make.pieces4(gre(part), 48, protocol=47, identification=20 + number)]
    yield one("gre-fragments-twice.pcap", pcap(make.RAW, *nested), fragments={"whole": 4, "joined": 5},
              carried={"gre": {"datagrams": 1}})

    # Datagrams that carry packets. Inside of them there are, in turn, datagrams, TCP and ARP.
    inside = [ethernet(four), ethernet(six), ethernet(tcp), ethernet(arp, kind=0x0806)]
    for name, port, header, parts in (
            ("vxlan", 4789, lambda part: b"\x08\0\0\0\0\0\7\0", inside),
            ("geneve", 6081, lambda part: struct.pack(">HHI", 0, 0x6558, 0x700), inside),
            ("gtp_u", 2152, lambda part: struct.pack(">BBHI", 0x30, 0xFF, len(part), 1), [four, six, tcp])):
        frames = [ethernet(ipv4(udp(header(part) + part, to=port))) for part in parts]
        found = {"datagrams": 2, "not_udp": 1, **({"not_ip": 1} if len(parts) == 4 else {})}
        yield one(f"{name}.pcap", pcap(ETHERNET, *frames), datagrams=len(frames), carried={name: found})

    # Each record is of its interface's link type.
    vxlan = ethernet(ipv4(udp(b"\x08\0\0\0\0\0\7\0" + ethernet(four), to=4789)))
    yield one("pcapng-carriers.pcapng", make.pcapng(
        [(PPP, 0), (RADIOTAP, 0), (make.RAW, 0), (ETHERNET, 0)],
        ppp(four), radiotap(wlan(six)), ipv4(gre(four), 47), vxlan, ethernet(pppoe(six), kind=0x8864)), 5,
        carried={name: {"datagrams": 1} for name in ("ppp", "wlan", "gre", "vxlan", "pppoe")})

    # What says why it is no datagram, and what carried that.
    yield one("skip-encrypted.pcap", pcap(WLAN, wlan(four, b"\x08\x42")), 0, encrypted=1,
              carried={"wlan": {"encrypted": 1}})
    yield one("skip-esp.pcap", pcap(make.RAW, ipv4(bytes(40), 50), ipv6(bytes(40), 50)), 0, encrypted=2)
    yield one("skip-mppe.pcap", pcap(PPP, b"\0\xfd" + bytes(40)), 0, encrypted=1, carried={"ppp": {"encrypted": 1}})
    yield one("skip-aggregated.pcap", pcap(WLAN, wlan(four, b"\x88\2", qos=b"\x80\0")), 0, aggregated=1,
              carried={"wlan": {"aggregated": 1}})
    yield one("skip-beacon.pcap", pcap(WLAN, b"\x80\0\0\0" + STATIONS + bytes(40)), 0, not_ip=1,
              carried={"wlan": {"not_ip": 1}})
    yield one("skip-wlan-fragment.pcap", pcap(WLAN, wlan(four, b"\x08\6"), wlan(four, sequence=0x11)), 0,
              link_fragment=2, carried={"wlan": {"link_fragment": 2}})
    yield one("skip-batman-fragment.pcap", pcap(ETHERNET, ethernet(batman(0x41, 15, bytes(60)), kind=0x4305)), 0,
              link_fragment=1, carried={"batman": {"link_fragment": 1}})
    yield one("skip-carried.pcap", pcap(ETHERNET, ethernet(pppoe(tcp), kind=0x8864), ethernet(ipv4(gre(tcp), 47)),
                                        ethernet(ipv4(gre(ethernet(arp, kind=0x0806), 0x6558), 47))),
              0, not_udp=2, not_ip=1, carried={"pppoe": {"not_udp": 1}, "gre": {"not_udp": 1, "not_ip": 1}})
    yield one("skip-bad-carrier.pcap", pcap(ETHERNET, ethernet(pppoe(four, 9), kind=0x8864),
                                            ethernet(ipv4(gre(four, flags=2), 47)),
                                            ethernet(batman(0x40, 13, ethernet(four)), kind=0x4305)), 0, bad_carrier=3,
              carried={name: {"bad_carrier": 1} for name in ("pppoe", "gre", "batman")})
    deep = four
    for _ in range(17):
        deep = ipv4(deep, 4)
    yield one("skip-too-deep.pcap", pcap(make.RAW, deep), 0, too_deep=1, carried={"ipv4_in_ip": {"too_deep": 1}})
