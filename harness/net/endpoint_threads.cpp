#include <lossy/harness/net/endpoint_threads.hpp>

#include <exception>
#include <thread>
#include <utility>

#include <lossy/core/check.hpp>
#include <lossy/harness/net/endpoint_driver.hpp>
#include <lossy/harness/net/event_loop.hpp>

namespace lossy {

// What a thread has.
class EndpointThreads::Worker {
 public:
  Worker(UdpSocket socket, std::unique_ptr<Endpoint> endpoint, const StopSignal* stop)
      : socket_(std::move(socket)),
        endpoint_(std::move(endpoint)),
        loop_({.stop = stop}),
        driver_(loop_, *endpoint_, socket_) {}

  void run(const std::function<void()>& tick) {
    loop_.run([&tick] {
      if (tick) tick();
      return false;
    });
  }
  // From any thread.
  void stop() { loop_.stop(); }

  const UdpSocket& socket() const { return socket_; }

 private:
  UdpSocket socket_;
  std::unique_ptr<Endpoint> endpoint_;
  EventLoop loop_;
  EndpointDriver driver_;
};

EndpointThreads::EndpointThreads(const ListenAddress& listen, std::size_t threads,
                                 const MakeEndpoint& make, const StopSignal& stop)
    : listening_(listen) {
  check(threads >= 1 && threads <= kThreadsMax, "EndpointThreads: too many threads, or none");
  // With a port that is shared on purpose the kernel would not tell of another program that shares
  // it, too: so it is asked for alone first.
  if (threads > 1) UdpSocket::listen(listen);
  const auto share = threads > 1 ? UdpSocket::Share::kYes : UdpSocket::Share::kNo;
  for (std::size_t i = 0; i < threads; ++i) {
    // The first is run by the thread that takes the signals.
    workers_.push_back(std::make_unique<Worker>(UdpSocket::listen(listening_, share), make(),
                                                i == 0 ? &stop : nullptr));
    listening_ = workers_.front()->socket().listening();
  }
}

EndpointThreads::~EndpointThreads() = default;

void EndpointThreads::run(const std::function<void()>& tick) {
  std::vector<std::exception_ptr> failures(workers_.size());
  // Whatever ends one of them ends all.
  const auto work = [&](std::size_t i) {
    try {
      workers_[i]->run(tick);
    } catch (...) {
      failures[i] = std::current_exception();
    }
    for (const auto& worker : workers_) worker->stop();
  };
  std::vector<std::thread> threads;
  try {
    for (std::size_t i = 1; i < workers_.size(); ++i) threads.emplace_back(work, i);
    work(0);
  } catch (...) {  // The system allows no more threads.
    failures[0] = std::current_exception();
    for (const auto& worker : workers_) worker->stop();
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

SocketCounters EndpointThreads::counters() const {
  SocketCounters counters;
  for (const auto& worker : workers_) counters += worker->socket().counters();
  return counters;
}

std::uint64_t EndpointThreads::kernel_drops() const {
  std::uint64_t drops = 0;
  for (const auto& worker : workers_) drops += worker->socket().kernel_drops();
  return drops;
}

std::size_t EndpointThreads::receive_buffer_bytes() const {
  return workers_.front()->socket().receive_buffer_bytes();
}

std::string EndpointThreads::buffer_shortage() const {
  return workers_.front()->socket().buffer_shortage();
}

}  // namespace lossy
