// The flows of one capture, each played to a server by a client of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <lossy/harness/capture/recorded_flows.hpp>
#include <lossy/harness/capture/replay_client.hpp>
#include <lossy/harness/net/client_crowd.hpp>
#include <lossy/harness/report/against_report.hpp>

namespace lossy {

// For a ClientCrowd, which asks for a flow when its first request is due.
class PlayedCapture final : public ClientCrowd::Source {
 public:
  // All must outlive it. What is answered goes to `heard`, if there is one.
  PlayedCapture(RecordedFlows& recorded, const ReplayClientOptions& options, Instant start,
                std::vector<RecordedFlow>* heard);
  ~PlayedCapture() override;

  std::optional<Instant> next_start() const override;
  ClientCrowd::Client& start(Instant now) override;
  void end(ClientCrowd::Client& client, const ClientCrowd::SocketReport& socket) override;

  // Requests.
  std::uint64_t sent() const { return sent_; }

  // No further flow is begun.
  void stop() { stopped_ = true; }

  // By the flows' numbers, those that were not begun included. Call it once.
  std::vector<AgainstFlow> take_results();

 private:
  class Flow;

  RecordedFlows& recorded_;
  const ReplayClientOptions& options_;
  Instant start_;
  std::vector<RecordedFlow>* heard_;
  std::size_t next_ = 0;
  bool stopped_ = false;
  std::vector<std::unique_ptr<Flow>> playing_;
  std::vector<AgainstFlow> results_;
  std::size_t failed_ = 0;
  std::uint64_t sent_ = 0;
};

}  // namespace lossy
