#include <lossy/harness/learn/sockets/socket_experiment.hpp>

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

#include <lossy/core/counted.hpp>
#include <lossy/harness/learn/sockets/socket_lessons.hpp>
#include <lossy/harness/net/socket_address.hpp>

namespace lossy {

std::span<const Lesson> socket_lessons() {
  static const std::array lessons{nobody_lesson(), cut_lesson(), ports_lesson(), full_lesson()};
  return lessons;
}

Address loopback(std::uint16_t port) {
  return Address::v4({127, 0, 0, 1}, port);
}

CallResult send_bytes(const UdpSocket& socket, const Address& to,
                      std::span<const std::byte> bytes) {
  const SocketAddress name(to);
  const bool connected = socket.peer().has_value();
  const long sent = ::sendto(socket.fd(), bytes.data(), bytes.size(), MSG_DONTWAIT,
                             connected ? nullptr : name.data(), connected ? 0 : name.size);
  return {.bytes = sent, .error = sent < 0 ? errno : 0};
}

CallResult receive_bytes(const UdpSocket& socket, std::span<std::byte> buffer, int flags) {
  const long received = ::recv(socket.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT | flags);
  return {.bytes = received, .error = received < 0 ? errno : 0};
}

std::string words_of(const CallResult& result) {
  if (result.error == EAGAIN) return "nothing";
  if (result.error != 0) return std::generic_category().message(result.error);
  return counted(static_cast<std::uint64_t>(result.bytes), "byte");
}

std::string step(Step kind, const std::string& what) {
  static constexpr const char* kPictures[] = {"|----->         |", "|-----x         |",
                                              "|<-----         |", "*               |",
                                              "|               *"};  // By Step.
  return fmt::format("  {:<17}  {}", kPictures[static_cast<std::size_t>(kind)], what);
}

Figure promise(const std::string& name, const std::string& what, double measured, double theory,
               FigureUnit unit) {
  return {name, what, unit, measured, theory, 0};
}

}  // namespace lossy
