#include <lossy/harness/capture/pcapng_writer.hpp>

#include <limits>
#include <utility>

#include <lossy/core/check.hpp>
#include <lossy/harness/capture/little_endian.hpp>
#include <lossy/harness/capture/timestamp_unit.hpp>

namespace lossy {
namespace {

using Bytes = std::span<const std::byte>;
using Kind = PieceFile::Kind;

constexpr std::uint32_t kSectionHeader = 0x0A0D0D0A;
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kEnhancedPacket = 6;
constexpr std::uint32_t kDecryptionSecrets = 10;
constexpr std::uint32_t kByteOrderMagic = 0x1A2B3C4D;
constexpr std::uint32_t kTlsKeyLog = 0x544C534B;
constexpr std::uint64_t kUnknownLength = std::numeric_limits<std::uint64_t>::max();

// A block's type, and its length twice.
constexpr std::size_t kBlockBytes = 12;
constexpr std::size_t kSectionBytes = 16;
constexpr std::size_t kInterfaceBytes = 8;
constexpr std::size_t kPacketBytes = 20;
constexpr std::size_t kSecretsBytes = 8;
constexpr std::size_t kOptionBytes = 4;

constexpr std::uint16_t kEndOfOptions = 0;
constexpr std::uint16_t kComment = 1;
constexpr std::uint16_t kPacketFlags = 2;
constexpr std::uint16_t kPacketId = 5;
constexpr std::uint16_t kInterfaceName = 2;
constexpr std::uint16_t kTimeResolution = 9;
constexpr std::uint16_t kApplication = 4;

constexpr std::size_t kNameBytesMax = 256;
constexpr std::size_t kBlockBytesMax =
    kBlockBytes + kPacketBytes + kSnapBytes + PcapngWriter::kCommentBytesMax + 64;
constexpr int kYears = 146;
constexpr std::string_view kWriter = "lossy";

constexpr std::size_t padded(std::size_t bytes) {
  return (bytes + 3) / 4 * 4;
}

constexpr std::size_t option_bytes(std::size_t value_bytes) {
  return kOptionBytes + padded(value_bytes);
}

Bytes bytes_of_text(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// A block on its way: what is put is what is in it.
class Block {
 public:
  Block(std::span<std::byte> room, std::uint32_t type)
      : bytes_(static_cast<std::uint32_t>(room.size())), to(room) {
    to.put32(type);
    to.put32(bytes_);
  }
  void option(std::uint16_t code, Bytes value) {
    to.put16(code);
    to.put16(static_cast<std::uint16_t>(value.size()));
    to.put(value);
    to.pad();
  }
  void end() { to.put32(bytes_); }

 private:
  std::uint32_t bytes_;

 public:
  LittleEndian to;
};

// How many bytes the options of a packet take, the end of them included.
std::size_t packet_option_bytes(const CaptureRecord& record, std::string_view comment,
                                const PacketNotes& notes) {
  std::size_t bytes = 0;
  if (record.direction != PacketType::kUnknown) bytes += option_bytes(4);
  if (notes.number) bytes += option_bytes(8);
  if (!comment.empty()) bytes += option_bytes(comment.size());
  return bytes == 0 ? 0 : bytes + kOptionBytes;
}

// At most so many bytes, and no part of a character.
std::string_view cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0) == 0x80) --bytes_max;
  return text.substr(0, bytes_max);
}

std::string_view cut_comment(std::string_view comment) {
  return cut(comment, PcapngWriter::kCommentBytesMax);
}

std::string_view cut_name(std::string_view name) {
  return cut(name, kNameBytesMax);
}

std::size_t interface_block_bytes(std::string_view name) {
  return kBlockBytes + kInterfaceBytes + (name.empty() ? 0 : option_bytes(name.size())) +
         option_bytes(1) + kOptionBytes;
}

}  // namespace

PcapngWriter::PcapngWriter(const std::string& path, const CaptureHead& head, NewFile::Until until)
    : CaptureWriter(path, path, kBlockBytesMax, until), head_(head) {
  begin(head);
}

PcapngWriter::PcapngWriter(int descriptor, const std::string& name, const CaptureHead& head)
    : CaptureWriter(name, descriptor, name, kBlockBytesMax), head_(head) {
  begin(head);
}

PcapngWriter::PcapngWriter(std::vector<std::byte>& memory, const CaptureHead& head)
    : CaptureWriter("memory", memory, kBlockBytesMax), head_(head) {
  begin(head);
}

void PcapngWriter::begin(const CaptureHead& head) {
  const std::string_view comment = cut_comment(head.comment);
  const std::size_t bytes = kBlockBytes + kSectionBytes +
                            (comment.empty() ? 0 : option_bytes(comment.size())) +
                            option_bytes(kWriter.size()) + kOptionBytes;
  Block block(file_.append(bytes, Kind::kHead), kSectionHeader);
  block.to.put32(kByteOrderMagic);
  block.to.put16(1);  // The version is 1.0.
  block.to.put16(0);
  block.to.put64(kUnknownLength);
  if (!comment.empty()) block.option(kComment, bytes_of_text(comment));
  block.option(kApplication, bytes_of_text(kWriter));
  block.option(kEndOfOptions, {});
  block.end();
  head_bytes_ = file_.bytes();
  flush();  // A disk that is full already is found before the run, not after it.
}

std::uint32_t PcapngWriter::declared(const CaptureRecord& record, const PacketNotes& notes) {
  const auto next = static_cast<std::uint32_t>(interfaces_.size());
  const auto [known, is_new] = interfaces_.try_emplace(record.interface, next);
  if (!is_new) return known->second;
  const std::string_view name = cut_name(notes.interface_name);
  Block block(file_.append(interface_block_bytes(name), Kind::kHead), kInterfaceDescription);
  block.to.put16(static_cast<std::uint16_t>(link_type_in_file(record.link_type)));
  block.to.put16(0);
  block.to.put32(kSnapBytes);
  if (!name.empty()) block.option(kInterfaceName, bytes_of_text(name));
  const std::byte resolution{static_cast<unsigned char>(head_.nanoseconds ? 9 : 6)};
  block.option(kTimeResolution, {&resolution, 1});
  block.option(kEndOfOptions, {});
  block.end();
  return next;
}

std::uint64_t PcapngWriter::bytes_of(const CaptureRecord& record, const PacketNotes& notes) const {
  const std::uint64_t packet = kBlockBytes + kPacketBytes + padded(record.frame.size()) +
                               packet_option_bytes(record, cut_comment(notes.comment), notes);
  return interfaces_.contains(record.interface)
             ? packet
             : packet + interface_block_bytes(cut_name(notes.interface_name));
}

void PcapngWriter::write(const CaptureRecord& record, const PacketNotes& notes) {
  check(record.frame.size() <= kSnapBytes, "PcapngWriter: the frame is too long");
  check_time(record.time, kCaptureTimeMax, kYears);
  const std::uint32_t interface = declared(record, notes);
  const std::string_view comment = cut_comment(notes.comment);
  const std::size_t options = packet_option_bytes(record, comment, notes);
  const auto ticks = static_cast<std::uint64_t>(record.time.time_since_epoch().count()) /
                     (head_.nanoseconds ? 1 : 1000);
  Block block(file_.append(kBlockBytes + kPacketBytes + padded(record.frame.size()) + options,
                           Kind::kRecord),
              kEnhancedPacket);
  block.to.put32(interface);
  block.to.put32(static_cast<std::uint32_t>(ticks >> 32));
  block.to.put32(static_cast<std::uint32_t>(ticks & 0xFFFF'FFFF));
  block.to.put32(static_cast<std::uint32_t>(record.frame.size()));
  block.to.put32(static_cast<std::uint32_t>(record.original_bytes));
  block.to.put(record.frame);
  block.to.pad();
  if (record.direction != PacketType::kUnknown) {
    const bool inbound = record.direction == PacketType::kIncoming;
    block.to.put16(kPacketFlags);
    block.to.put16(4);
    block.to.put32(inbound ? 1 : 2);
  }
  if (notes.number) {
    block.to.put16(kPacketId);
    block.to.put16(8);
    block.to.put64(*notes.number);
  }
  if (!comment.empty()) block.option(kComment, bytes_of_text(comment));
  if (options > 0) block.option(kEndOfOptions, {});
  block.end();
}

void PcapngWriter::finish() {
  // What is asked for once more, after a refusal, is the file without them.
  const std::vector<std::byte> secrets = std::exchange(secrets_, {});
  if (secrets.empty()) return file_.finish();
  check(secrets.size() <= kKeyLogBytesMax, "PcapngWriter: the key log is too long");
  std::vector<std::byte> piece(kBlockBytes + kSecretsBytes + padded(secrets.size()));
  Block block(piece, kDecryptionSecrets);
  block.to.put32(kTlsKeyLog);
  block.to.put32(static_cast<std::uint32_t>(secrets.size()));
  block.to.put(secrets);
  block.to.pad();
  block.end();
  file_.finish_with(piece, head_bytes_);
}

}  // namespace lossy
