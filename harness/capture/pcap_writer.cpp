#include <lossy/harness/capture/pcap_writer.hpp>

#include <limits>

#include <lossy/core/check.hpp>
#include <lossy/harness/capture/frame.hpp>
#include <lossy/harness/capture/little_endian.hpp>

namespace lossy {
namespace {

constexpr std::uint32_t kMagicMicroseconds = 0xA1B2C3D4;
constexpr std::uint32_t kMagicNanoseconds = 0xA1B23C4D;
constexpr std::size_t kHeaderBytes = 24;
constexpr std::size_t kRecordHeaderBytes = 16;
constexpr Instant kLast{std::chrono::seconds(std::numeric_limits<std::uint32_t>::max()) +
                        std::chrono::nanoseconds(999'999'999)};
constexpr int kYears = 136;

}  // namespace

PcapWriter::PcapWriter(const std::string& path, const CaptureHead& head, NewFile::Until until)
    : CaptureWriter(path, path, kRecordHeaderBytes + kSnapBytes, until),
      nanoseconds_per_tick_(head.nanoseconds ? 1 : 1000) {
  write_header(head.link_type);
}

PcapWriter::PcapWriter(int descriptor, const std::string& name, const CaptureHead& head)
    : CaptureWriter(name, descriptor, name, kRecordHeaderBytes + kSnapBytes),
      nanoseconds_per_tick_(head.nanoseconds ? 1 : 1000) {
  write_header(head.link_type);
}

void PcapWriter::write_header(int link_type) {
  LittleEndian header(file_.append(kHeaderBytes, PieceFile::Kind::kHead));
  header.put32(nanoseconds_per_tick_ == 1 ? kMagicNanoseconds : kMagicMicroseconds);
  header.put16(2);  // The version is 2.4.
  header.put16(4);
  header.put32(0);  // The time zone is UTC.
  header.put32(0);  // Nobody has ever said how exact the times are.
  header.put32(kSnapBytes);
  header.put32(static_cast<std::uint32_t>(link_type_in_file(link_type)));
  flush();  // A disk that is full already is found before the run, not after it.
}

std::uint64_t PcapWriter::bytes_of(const CaptureRecord& record, const PacketNotes&) const {
  return kRecordHeaderBytes + record.frame.size();
}

void PcapWriter::write(Instant time, std::span<const std::byte> frame) {
  write(CaptureRecord{records() + 1, time, frame, frame.size()});
}

void PcapWriter::write(const CaptureRecord& record, const PacketNotes&) {
  check(record.frame.size() <= kSnapBytes, "PcapWriter: the frame is too long");
  check_time(record.time, kLast, kYears);
  const std::int64_t nanoseconds = record.time.time_since_epoch().count();
  LittleEndian piece(
      file_.append(kRecordHeaderBytes + record.frame.size(), PieceFile::Kind::kRecord));
  piece.put32(static_cast<std::uint32_t>(nanoseconds / 1'000'000'000));
  piece.put32(static_cast<std::uint32_t>(nanoseconds % 1'000'000'000 / nanoseconds_per_tick_));
  piece.put32(static_cast<std::uint32_t>(record.frame.size()));
  piece.put32(static_cast<std::uint32_t>(record.original_bytes));
  piece.put(record.frame);
}

}  // namespace lossy
