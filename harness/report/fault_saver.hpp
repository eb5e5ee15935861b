// Writes down what a run did as a list of faults, which runs it again: --faults=@FILE.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include <lossy/harness/capture/new_file.hpp>
#include <lossy/harness/link/observer.hpp>

namespace lossy {

class FaultSaver final : public Observer {
 public:
  // Throws std::system_error when the file cannot be made. Without finish() none is left behind.
  // `options` are those of the run, and `path_options` say for another run what the list of faults
  // does not: delays and rates.
  FaultSaver(const std::string& path, const std::string& options, const std::string& path_options);

  void on_offered(Instant now, const Passage& passage, const Offer& offer) override;
  void finish();

 private:
  void write(const std::string& text);
  [[noreturn]] void refuse() const;

  NewFile file_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream_{nullptr, std::fclose};
};

}  // namespace lossy
