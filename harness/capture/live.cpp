#include <lossy/harness/capture/live.hpp>

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <limits>
#include <system_error>
#include <utility>

#include <lossy/core/escape.hpp>
#include <lossy/harness/capture/frame.hpp>
#include <lossy/harness/capture/live_interfaces.hpp>
#include <lossy/harness/capture/reader.hpp>

namespace lossy {
namespace {

using Kind = LiveError::Kind;

constexpr int kSnapBytes = 262'144;  // Tcpdump's, and larger than any frame.

// What libpcap says, or else what the number means.
std::string reason_of(pcap_t* handle, int status) {
  const std::string reason = pcap_geterr(handle);
  return escape_controls(reason.empty() ? pcap_statustostr(status) : reason);
}

LiveError error_of(pcap_t* handle, int status, const std::string& interface) {
  switch (status) {
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
      return {Kind::kNotPermitted, "capturing on '" + interface + "' is not permitted"};
    case PCAP_ERROR_NO_SUCH_DEVICE:
      return {Kind::kNoSuchInterface, "there is no interface '" + interface + "'"};
    case PCAP_ERROR_IFACE_NOT_UP:
      return {Kind::kOther, "the interface '" + interface +
                                "' is switched off; switch it on with: sudo ip link set " +
                                interface + " up"};
    default:
      return {Kind::kOther, "cannot capture on '" + interface + "': " + reason_of(handle, status)};
  }
}

// What is asked for before activation. An error's text, or nothing.
std::optional<std::string> prepare(pcap_t* handle, const LiveOptions& options) {
  using std::chrono::milliseconds;
  constexpr int kDelayMaxMs = static_cast<int>(LiveCapture::kDelayMax / milliseconds(1));
  const int buffer_bytes = static_cast<int>(
      std::min<std::uint32_t>(options.buffer_bytes, std::numeric_limits<int>::max()));
  // Devices with microseconds only refuse nanoseconds, and are read with what they have.
  [[maybe_unused]] const int precision =
      pcap_set_tstamp_precision(handle, PCAP_TSTAMP_PRECISION_NANO);
  for (const int status :
       {pcap_set_snaplen(handle, kSnapBytes), pcap_set_promisc(handle, options.promiscuous ? 1 : 0),
        pcap_set_timeout(handle, kDelayMaxMs), pcap_set_buffer_size(handle, buffer_bytes)}) {
    if (status != 0) return "cannot prepare a capture: " + std::string(pcap_statustostr(status));
  }
  if (options.timestamps.empty()) return std::nullopt;
  const int type = pcap_tstamp_type_name_to_val(options.timestamps.c_str());
  if (type >= 0 && pcap_set_tstamp_type(handle, type) == 0) return std::nullopt;
  return "the interface '" + options.interface + "' has no timestamps of the kind '" +
         escape_controls(options.timestamps) + "'; `lossy interfaces --json` says which it has";
}

// The flags of an interface, or nothing with errno.
std::optional<unsigned> flags_of(const std::string& interface) {
  const int any_socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (any_socket < 0) return std::nullopt;
  ifreq request{};
  interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
  const int outcome = ::ioctl(any_socket, SIOCGIFFLAGS, &request);
  const int error = errno;
  ::close(any_socket);
  errno = error;
  if (outcome != 0) return std::nullopt;
  return static_cast<unsigned short>(request.ifr_flags);
}

// On a loopback interface each frame passes twice, on its way out and in. Libpcap leaves out the
// first, but only once both have taken room in the buffer and count where it is full.
void leave_out_first_copies(pcap_t* handle, const std::string& interface) {
  const std::optional<unsigned> flags = flags_of(interface);
  if (!flags || (*flags & IFF_LOOPBACK) == 0) return;
  const int yes = 1;  // A kernel that does not know this (before 4.20) goes on as it was.
  (void)::setsockopt(pcap_fileno(handle), SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes);
}

// Why it has no such frames, or nothing.
std::optional<std::string> set_link_type(pcap_t* handle, int link_type,
                                         const std::string& interface) {
  if (pcap_set_datalink(handle, link_type) == 0) return std::nullopt;
  std::string has = describe_link_type(pcap_datalink(handle));
  int* types = nullptr;
  const int count = pcap_list_datalinks(handle, &types);
  if (count > 1) {
    has.clear();
    for (int i = 0; i < count; ++i) has += (i > 0 ? " and " : "") + describe_link_type(types[i]);
  }
  if (count >= 0) pcap_free_datalinks(types);
  return "'" + interface + "' has no frames of the link type " + describe_link_type(link_type) +
         "; it has " + has;
}

// Hands frames on from libpcap, through which nothing may be thrown.
struct Taking {
  pcap_t* handle;
  const std::function<void(const CaptureRecord&)>& take;
  std::int64_t nanoseconds_per_tick;
  std::uint64_t& frames;
  std::exception_ptr failure;

  static void handle_frame(u_char* user, const pcap_pkthdr* header, const u_char* bytes) {
    Taking& taking = *reinterpret_cast<Taking*>(user);
    if (taking.failure) return;
    const Instant time(std::chrono::seconds(header->ts.tv_sec) +
                       std::chrono::nanoseconds(header->ts.tv_usec * taking.nanoseconds_per_tick));
    try {
      taking.take({.number = ++taking.frames,
                   .time = time,
                   .frame = std::as_bytes(std::span(bytes, header->caplen)),
                   .original_bytes = header->len,
                   .link_type = pcap_datalink(taking.handle)});
    } catch (...) {
      taking.failure = std::current_exception();
      pcap_breakloop(taking.handle);
    }
  }
};

}  // namespace

void LiveCapture::CloseHandle::operator()(pcap* handle) const {
  pcap_close(handle);
}

std::variant<LiveCapture, LiveError> LiveCapture::open(const LiveOptions& options) {
  const std::string& interface = options.interface;
  if (!is_live_interface(interface)) {
    return LiveError{Kind::kNoSuchInterface,
                     "there is no interface '" + escape_controls(interface) + "'"};
  }
  LiveCapture capture;
  capture.interface_ = interface;
  std::array<char, PCAP_ERRBUF_SIZE> reason{};
  capture.handle_.reset(pcap_create(interface.c_str(), reason.data()));
  pcap_t* const handle = capture.handle_.get();
  if (handle == nullptr) return LiveError{Kind::kOther, escape_controls(reason.data())};
  if (auto why = prepare(handle, options)) return LiveError{Kind::kOther, std::move(*why)};
  const int status = pcap_activate(handle);
  if (status < 0) return error_of(handle, status, interface);
  if (status == PCAP_WARNING_TSTAMP_TYPE_NOTSUP) {
    return LiveError{Kind::kOther, "'" + interface + "' cannot give such timestamps after all: " +
                                       reason_of(handle, status)};
  }
  if (options.link_type) {
    if (auto why = set_link_type(handle, *options.link_type, interface)) {
      return LiveError{Kind::kOther, std::move(*why)};
    }
  } else if (interface == kAnyInterface) {
    const int refused = pcap_set_datalink(handle, DLT_LINUX_SLL2);
    if (refused < 0) return error_of(handle, refused, interface);
  }
  leave_out_first_copies(handle, interface);
  capture.link_type_ = pcap_datalink(handle);
  capture.nanoseconds_ = pcap_get_tstamp_precision(handle) == PCAP_TSTAMP_PRECISION_NANO;
  if (!is_link_type_supported(capture.link_type_)) {
    return LiveError{Kind::kOther, "'" + interface + "' has frames of the link type " +
                                       describe_link_type(capture.link_type_) +
                                       ", which cannot be read"};
  }
  if (pcap_setnonblock(handle, 1, reason.data()) != 0) {
    return LiveError{Kind::kOther, escape_controls(reason.data())};
  }
  return capture;
}

std::optional<std::string> LiveCapture::set_filter(const std::string& expression) {
  bpf_program program{};
  pcap_t* const handle = handle_.get();
  if (pcap_compile(handle, &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    return escape_controls(pcap_geterr(handle));
  }
  const int outcome = pcap_setfilter(handle, &program);
  pcap_freecode(&program);
  if (outcome != 0) return escape_controls(pcap_geterr(handle));
  return std::nullopt;
}

int LiveCapture::fd() const {
  return pcap_get_selectable_fd(handle_.get());
}

std::size_t LiveCapture::read(std::size_t frames_max,
                              const std::function<void(const CaptureRecord&)>& take) {
  // Of 0, libpcap would read without end.
  const int count = static_cast<int>(std::clamp<std::size_t>(frames_max, 1, 1 << 20));
  const std::uint64_t before = frames_;
  Taking taking{handle_.get(), take, nanoseconds_ ? 1 : 1000, frames_, nullptr};
  const int outcome =
      pcap_dispatch(handle_.get(), count, Taking::handle_frame, reinterpret_cast<u_char*>(&taking));
  if (taking.failure) std::rethrow_exception(taking.failure);
  if (outcome == PCAP_ERROR) {
    error_ = "cannot go on capturing on '" + interface_ +
             "': " + escape_controls(pcap_geterr(handle_.get()));
  }
  if (frames_ == before) look_for_interface();
  return frames_ - before;
}

// When there was something to tell, and it was no frame, the interface may have gone. (Libpcap
// would wait for it to come back, for ever.)
void LiveCapture::look_for_interface() {
  if (interface_ == kAnyInterface) return;
  const std::optional<unsigned> flags = flags_of(interface_);
  if (!flags && errno == ENODEV) {
    error_ = "the interface '" + interface_ + "' is gone";
  } else if (flags && (*flags & IFF_UP) == 0) {
    error_ = "the interface '" + interface_ + "' was switched off";
  }
}

void LiveCapture::stop() {
  // Below libpcap, which would judge by it also what waits to be read.
  sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{1, &nothing};
  if (::setsockopt(pcap_fileno(handle_.get()), SOL_SOCKET, SO_ATTACH_FILTER, &program,
                   sizeof program) != 0) {
    throw std::system_error(errno, std::generic_category(),
                            "cannot end the capture on '" + interface_ + "'");
  }
}

LiveCapture::Drops LiveCapture::drops() const {
  pcap_stat statistics{};
  if (pcap_stats(handle_.get(), &statistics) != 0) return {};
  return {statistics.ps_drop, statistics.ps_ifdrop};
}

}  // namespace lossy
