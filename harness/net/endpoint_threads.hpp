// Serves one address with several threads. Each has a socket, an endpoint and a loop of its own and
// shares nothing with the others: the kernel chooses one by a datagram's source (SO_REUSEPORT), so
// that what one client sends keeps its order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <lossy/core/endpoint.hpp>
#include <lossy/harness/net/stop_signal.hpp>
#include <lossy/harness/net/udp_socket.hpp>

namespace lossy {

class EndpointThreads {
 public:
  static constexpr std::size_t kThreadsMax = 256;

  // Makes the endpoint of a thread, which is told of what reaches that one; called before any
  // thread is started.
  using MakeEndpoint = std::function<std::unique_ptr<Endpoint>()>;

  // Listens at once: port 0 stands for any free one, the same for all. `threads` is 1 to
  // kThreadsMax. Throws std::system_error as UdpSocket::listen(), also when another program has the
  // port and would share it. `stop` must have been made before other threads, and outlive this.
  EndpointThreads(const ListenAddress& listen, std::size_t threads, const MakeEndpoint& make,
                  const StopSignal& stop);
  ~EndpointThreads();
  EndpointThreads(const EndpointThreads&) = delete;
  EndpointThreads& operator=(const EndpointThreads&) = delete;

  // Where it listens, with the port that it got.
  const Address& address() const { return listening_.address; }
  const ListenAddress& listening() const { return listening_; }

  // Runs until a stop signal comes, in the caller's thread and the others, or until one of them
  // throws, which is thrown here. `tick` is called by each thread when it has handled a batch.
  // Once.
  void run(const std::function<void()>& tick = nullptr);

  // Not while it runs. What went through the sockets, and what the kernel dropped before them.
  SocketCounters counters() const;
  std::uint64_t kernel_drops() const;
  // Of each socket: see UdpSocket.
  std::size_t receive_buffer_bytes() const;
  // UdpSocket's of each of them.
  std::string buffer_shortage() const;

 private:
  class Worker;

  std::vector<std::unique_ptr<Worker>> workers_;
  ListenAddress listening_;
};

}  // namespace lossy
