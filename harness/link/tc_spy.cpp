// Shows what tc would have told the kernel, and keeps it from the kernel. A library that is loaded
// into tc with LD_PRELOAD: a request for a new queueing discipline is printed as "sent" and its
// bytes in hexadecimal, and fails as though the caller were not permitted.
#include <dlfcn.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace {

// The type of a netlink message stands behind its length of four bytes.
constexpr std::size_t kTypeOffset = 4;
constexpr std::uint16_t kNewQdisc = 36;

}  // namespace

extern "C" ssize_t sendmsg(int socket, const msghdr* message, int flags) {
  const auto* bytes = static_cast<const unsigned char*>(message->msg_iov->iov_base);
  const std::size_t size = message->msg_iov->iov_len;
  std::uint16_t type = 0;
  if (size >= kTypeOffset + sizeof type) std::memcpy(&type, bytes + kTypeOffset, sizeof type);
  if (type != kNewQdisc) {
    void* const next = dlsym(RTLD_NEXT, "sendmsg");
    return reinterpret_cast<ssize_t (*)(int, const msghdr*, int)>(next)(socket, message, flags);
  }
  std::fputs("sent ", stdout);
  for (std::size_t i = 0; i < size; ++i) std::printf("%02x", bytes[i]);
  std::putchar('\n');
  std::fflush(stdout);
  errno = EPERM;
  return -1;
}
