// A command that runs beside us: started, signalled, waited for.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lossy {

class ChildProcess {
 public:
  // Starts `arguments`, whose first names a program as a shell finds it, with what the variables
  // say added to our environment. It has our standard streams, the signals of `mask` blocked, and
  // SIGPIPE's and
  // SIGXFSZ's ordinary meaning. Throws std::system_error when it cannot be started.
  ChildProcess(const std::vector<std::string>& arguments,
               const std::vector<std::pair<std::string, std::string>>& variables,
               const sigset_t& mask);
  // Asks it to end, with SIGTERM, when nobody has waited for its end.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  void signal(int number) const;

  // Ends it with SIGKILL, which it cannot refuse, and waits for that.
  void end_at_once();

  // Its exit code, 128 + N when signal N ended it; nothing while it runs. Does not wait.
  std::optional<int> poll();

 private:
  pid_t pid_ = -1;
};

}  // namespace lossy
