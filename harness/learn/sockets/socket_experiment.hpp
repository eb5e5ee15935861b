// What the experiments on sockets share.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <lossy/harness/learn/lesson.hpp>
#include <lossy/harness/net/udp_socket.hpp>

namespace lossy {

Lesson nobody_lesson();
Lesson cut_lesson();
Lesson ports_lesson();
Lesson full_lesson();

// 127.0.0.1, at any free port unless one is given.
Address loopback(std::uint16_t port = 0);

// What became of one call: how many bytes it told of, or which errno.
struct CallResult {
  long bytes = -1;
  int error = 0;
};
CallResult send_bytes(const UdpSocket& socket, const Address& to, std::span<const std::byte> bytes);
CallResult receive_bytes(const UdpSocket& socket, std::span<std::byte> buffer, int flags = 0);
// "12 bytes", "Connection refused".
std::string words_of(const CallResult& result);

// A step of an experiment, as the ladder shows it, without times: real ones differ each time.
enum class Step { kUp, kUpLost, kDown, kClient, kServer };
std::string step(Step kind, const std::string& what);

// A figure that is either 0 or 1, as everything is that a kernel promises.
Figure promise(const std::string& name, const std::string& what, double measured, double theory,
               FigureUnit unit = FigureUnit::kCount);

}  // namespace lossy
