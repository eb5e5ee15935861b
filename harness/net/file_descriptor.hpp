// Owns a file descriptor: closed exactly once.
#pragma once

#include <unistd.h>

#include <utility>

namespace lossy {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  // Negative when there is none.
  int number() const { return fd_; }

 private:
  int fd_ = -1;
};

}  // namespace lossy
