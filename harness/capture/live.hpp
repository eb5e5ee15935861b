// Captures frames as they pass a network interface of this machine, through libpcap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include <lossy/core/clock.hpp>
#include <lossy/harness/capture/capture_record.hpp>

struct pcap;  // libpcap's pcap_t, which nobody else needs to see.

namespace lossy {

struct LiveOptions {
  std::string interface;  // One of live_interfaces().
  // Of the kernel's buffer, in which frames wait to be read.
  std::uint32_t buffer_bytes = 32 << 20;
  bool promiscuous = true;  // Also what is for other hosts, where the network brings it here.
  std::string timestamps;   // A kind that the interface has; empty for the host's clock.
  // Of the frames, where the interface has more than one; else LINUX_SLL2 on "any", which says of
  // each frame which interface it was seen on, and what any other interface has.
  std::optional<int> link_type{};
};

// Why there is, or will be, nothing to capture.
struct LiveError {
  enum class Kind : std::uint8_t {
    kNoSuchInterface,
    kNotPermitted,  // It takes CAP_NET_RAW, and for timestamps of the adapter CAP_NET_ADMIN.
    kOther,
  };
  Kind kind = Kind::kOther;
  std::string text;  // One sentence without a full stop.
};

// After open() it needs no privilege any more. Frames that come between open() and set_filter() are
// kept, and judged by the filter all the same.
class LiveCapture {
 public:
  // The kernel hands on frames in blocks, a block that does not fill up after this time. (One by
  // one, in libpcap's immediate mode, each would take as much room in the buffer as the longest
  // might: on the loopback interface 500 frames filled it.)
  static constexpr Duration kDelayMax = std::chrono::milliseconds(50);

  static std::variant<LiveCapture, LiveError> open(const LiveOptions& options);

  LiveCapture(LiveCapture&&) = default;
  LiveCapture& operator=(LiveCapture&&) = delete;

  // Leaves out the frames that the expression does not match, written as for tcpdump
  // (pcap-filter(7)). Why it cannot, or nothing.
  std::optional<std::string> set_filter(const std::string& expression);

  // The link type of the frames, and how exact their times are.
  int link_type() const { return link_type_; }
  bool is_nanoseconds() const { return nanoseconds_; }

  // For poll(2): readable when frames wait, or there is an error to tell.
  int fd() const;

  // Hands on frames that wait, at most `frames_max`, each valid during its call, and says how many.
  // Never waits. What `take` throws ends it, and comes out of it.
  std::size_t read(std::size_t frames_max, const std::function<void(const CaptureRecord&)>& take);

  // What ends the capture: the interface is gone, or was switched off.
  const std::optional<std::string>& error() const { return error_; }

  // Nothing that comes from now on is captured. What came before can be read within 2 * kDelayMax.
  void stop();

  // How many frames were not captured that should have been, since open().
  struct Drops {
    std::uint64_t buffer_full = 0;
    std::uint64_t interface = 0;  // By the adapter or its driver, as far as those say.
  };
  Drops drops() const;

 private:
  struct CloseHandle {
    void operator()(pcap* handle) const;
  };

  LiveCapture() = default;
  void look_for_interface();

  std::string interface_;
  std::unique_ptr<pcap, CloseHandle> handle_;
  int link_type_ = 0;
  bool nanoseconds_ = true;
  std::uint64_t frames_ = 0;
  std::optional<std::string> error_;
};

}  // namespace lossy
