// Takes apart packets in which the kernel has merged datagrams.
//
// Linux hands datagrams of one flow on as one packet, to save the work on each: those that a
// program sends with UDP_SEGMENT (GSO) until a network card or the loopback interface has them, and
// those that come in until a program takes them (GRO). A capture sees the merged packet: one UDP
// header that counts all bytes, and an IP header the same. All datagrams but the last have one
// size, which nothing in the packet says.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include <lossy/harness/capture/capture_record.hpp>

namespace lossy {

// Takes a record, which is valid during the call, and says whether it wants another.
using TakeRecord = std::function<bool(const CaptureRecord&)>;

// Hands on the datagrams that were merged into a frame, of `segment_bytes` of payload each and the
// last of what is left, in frames as the kernel would send them one by one: with the headers of the
// merged one, IPv4's identification counting up, lengths of their own and good checksums; a
// datagram without a UDP checksum has none. What is behind the IP packet is not theirs. Says how
// many were taken; 0, and nothing is handed on, when the frame is no merged one: it has no more
// than one segment, or carries its datagram in something else.
//
// `frame` and `packet` are what decode_record() gave for this record.
std::size_t cut_segments(const CaptureRecord& record, const Frame& frame,
                         std::span<const std::byte> packet, std::size_t segment_bytes,
                         const TakeRecord& take);

}  // namespace lossy
