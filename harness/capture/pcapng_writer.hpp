// Writes pcapng (draft-ietf-opsawg-pcapng), little-endian on every machine: one section, in which
// each interface is declared in front of its first packet.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <lossy/harness/capture/capture_writer.hpp>
#include <lossy/harness/capture/key_log.hpp>

namespace lossy {

// A record's interface may have any number; it is declared with the name and the link type that
// come with its first packet. It holds times until 2116, as our reader does.
class PcapngWriter final : public CaptureWriter {
 public:
  // How much of a comment is kept.
  static constexpr std::size_t kCommentBytesMax = 4096;
  explicit PcapngWriter(const std::string& path, const CaptureHead& head = {},
                        NewFile::Until until = NewFile::Until::kNameless);
  // Writes to an open descriptor, as PieceFile does.
  PcapngWriter(int descriptor, const std::string& name, const CaptureHead& head = {});
  explicit PcapngWriter(std::vector<std::byte>& memory, const CaptureHead& head = {});

  void write(const CaptureRecord& record, const PacketNotes& notes) override;
  std::uint64_t bytes_of(const CaptureRecord& record, const PacketNotes& notes) const override;

  // A TLS key log, at most kKeyLogBytesMax bytes, that finish() puts in front of all packets; into
  // a pipe it comes last. While this makes the file anew, both need room on the disk.
  void add_secrets(std::span<const std::byte> key_log) {
    secrets_.assign(key_log.begin(), key_log.end());
  }
  void finish() override;

 private:
  void begin(const CaptureHead& head);
  std::uint32_t declared(const CaptureRecord& record, const PacketNotes& notes);

  CaptureHead head_;
  std::unordered_map<std::uint32_t, std::uint32_t> interfaces_;  // As declared, by their numbers.
  std::uint64_t head_bytes_ = 0;
  std::vector<std::byte> secrets_;
};

}  // namespace lossy
