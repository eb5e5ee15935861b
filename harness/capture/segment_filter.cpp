#include <lossy/harness/capture/segment_filter.hpp>

#include <linux/bpf.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>

namespace lossy {
namespace {

// Places in a packet, from its IP header on: the version, and what it carries, by version.
constexpr int kVersionAt = SKF_NET_OFF;
constexpr int kProtocol4At = SKF_NET_OFF + 9;
constexpr int kProtocol6At = SKF_NET_OFF + 6;
constexpr int kAllBytes = 0xFFFF;

constexpr sock_filter classic(int code, int constant) {
  return {static_cast<std::uint16_t>(code), 0, 0, static_cast<std::uint32_t>(constant)};
}

constexpr sock_filter classic_jump(int constant, std::uint8_t if_equal, std::uint8_t if_not) {
  return {BPF_JMP | BPF_JEQ | BPF_K, if_equal, if_not, static_cast<std::uint32_t>(constant)};
}

bool set_classic(int fd) {
  std::array code = {
      classic(BPF_LD | BPF_B | BPF_ABS, kVersionAt),
      classic(BPF_ALU | BPF_RSH | BPF_K, 4),
      classic_jump(4, 0, 2),
      classic(BPF_LD | BPF_B | BPF_ABS, kProtocol4At),
      classic(BPF_JMP | BPF_JA, 2),
      classic_jump(6, 0, 4),
      classic(BPF_LD | BPF_B | BPF_ABS, kProtocol6At),
      classic_jump(IPPROTO_TCP, 2, 0),
      classic_jump(IPPROTO_SCTP, 1, 0),
      classic(BPF_RET | BPF_K, kAllBytes),
      classic(BPF_RET | BPF_K, 0),
  };
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

struct Instruction {
  int code = 0;
  int destination = 0;
  int source = 0;
  int offset = 0;
  int constant = 0;

  bpf_insn encode() const {
    bpf_insn encoded{};
    encoded.code = static_cast<std::uint8_t>(code);
    encoded.dst_reg = static_cast<std::uint8_t>(destination & 0xF);
    encoded.src_reg = static_cast<std::uint8_t>(source & 0xF);
    encoded.off = static_cast<std::int16_t>(offset);
    encoded.imm = constant;
    return encoded;
  }
};

// The same of merged packets alone: only this kind of program sees which are.
int load_extended() {
  constexpr int kResult = 0;
  constexpr int kContext = 1;
  constexpr int kContextOfLoads = 6;
  constexpr std::array kProgram = {
      Instruction{BPF_ALU64 | BPF_MOV | BPF_X, kContextOfLoads, kContext},
      Instruction{BPF_LDX | BPF_W | BPF_MEM, kResult, kContext, offsetof(__sk_buff, gso_size)},
      Instruction{BPF_JMP | BPF_JEQ | BPF_K, kResult, 0, 10, 0},
      Instruction{.code = BPF_LD | BPF_ABS | BPF_B, .constant = kVersionAt},
      Instruction{BPF_ALU64 | BPF_RSH | BPF_K, kResult, 0, 0, 4},
      Instruction{BPF_JMP | BPF_JNE | BPF_K, kResult, 0, 2, 4},
      Instruction{.code = BPF_LD | BPF_ABS | BPF_B, .constant = kProtocol4At},
      Instruction{.code = BPF_JMP | BPF_JA, .offset = 1},
      Instruction{.code = BPF_LD | BPF_ABS | BPF_B, .constant = kProtocol6At},
      Instruction{BPF_JMP | BPF_JEQ | BPF_K, kResult, 0, 3, IPPROTO_TCP},
      Instruction{BPF_JMP | BPF_JEQ | BPF_K, kResult, 0, 2, IPPROTO_SCTP},
      Instruction{BPF_ALU64 | BPF_MOV | BPF_K, kResult, 0, 0, kAllBytes},
      Instruction{.code = BPF_JMP | BPF_EXIT},
      Instruction{BPF_ALU64 | BPF_MOV | BPF_K, kResult, 0, 0, 0},
      Instruction{.code = BPF_JMP | BPF_EXIT},
  };
  std::array<bpf_insn, kProgram.size()> code{};
  for (std::size_t i = 0; i < code.size(); ++i) code[i] = kProgram[i].encode();
  bpf_attr request{};
  request.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  request.insns = reinterpret_cast<std::uintptr_t>(code.data());
  request.insn_cnt = static_cast<std::uint32_t>(code.size());
  request.license = reinterpret_cast<std::uintptr_t>("");
  return static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &request, sizeof request));
}

bool set_extended(int fd) {
  const int program = load_extended();
  if (program < 0) return false;
  const int outcome = ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof program);
  ::close(program);
  return outcome == 0;
}

}  // namespace

SegmentFilter set_segment_filter(int fd) {
  if (set_extended(fd)) return SegmentFilter::kMerged;
  if (set_classic(fd)) return SegmentFilter::kPackets;
  return SegmentFilter::kRefused;
}

}  // namespace lossy
