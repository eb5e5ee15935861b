#include <lossy/harness/capture/stoppable_write.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

namespace lossy {
namespace {

// A pipe without room for a byte more, which nobody reads; and SIGTERM held back.
class StoppableWrite : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::pipe(pipe_.data()), 0);
    ASSERT_EQ(::fcntl(pipe_[1], F_SETFL, O_NONBLOCK), 0);
    const std::array<char, 4096> bytes{};
    while (::write(pipe_[1], bytes.data(), bytes.size()) > 0) {
    }
    ASSERT_EQ(::fcntl(pipe_[1], F_SETFL, 0), 0);
    sigemptyset(&held_);
    sigaddset(&held_, SIGTERM);
    ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &held_, &before_), 0);
  }
  void TearDown() override {
    while (take()) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    for (const int end : pipe_) ::close(end);
  }

  // Whether a signal waits, sent by this process. It does no more.
  bool take() {
    siginfo_t info{};
    const timespec at_once{};
    return ::sigtimedwait(&held_, &info, &at_once) == SIGTERM && info.si_code == SI_USER &&
           info.si_pid == ::getpid();
  }

  // How long it waits for room.
  std::chrono::steady_clock::duration waits() {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(stoppable_write(pipe_[1], std::array{std::byte{1}}), -1);
    EXPECT_EQ(errno, ECANCELED);
    return std::chrono::steady_clock::now() - start;
  }

  std::array<int, 2> pipe_{};
  sigset_t held_{};
  sigset_t before_{};
};

// The end is asked for: nobody waits for ever, and who takes signals finds the one that asked.
// Being asked again while it waits, it waits no longer, though of the same signal only one can be
// held back.
TEST_F(StoppableWrite, WaitsForAWhileOnceAsked) {
  ::kill(::getpid(), SIGTERM);
  const auto once = waits();
  EXPECT_TRUE(take());
  EXPECT_FALSE(take());

  ::kill(::getpid(), SIGTERM);
  std::atomic<bool> done = false;
  std::thread again([&] {
    while (!done) {
      std::this_thread::sleep_for(std::chrono::milliseconds(120));
      ::kill(::getpid(), SIGTERM);
    }
  });
  const auto twice = waits();
  done = true;
  again.join();
  EXPECT_LT(twice, once * 2 / 3);
  EXPECT_TRUE(take());
}

// A reader who comes late is waited for, and what asked for the end meanwhile is not lost.
TEST_F(StoppableWrite, WritesOnceThereIsRoom) {
  ::kill(::getpid(), SIGTERM);
  std::thread reader([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    std::array<char, 8192> bytes{};
    EXPECT_GT(::read(pipe_[0], bytes.data(), bytes.size()), 0);
  });
  EXPECT_EQ(stoppable_write(pipe_[1], std::array{std::byte{1}}), 1);
  reader.join();
  EXPECT_TRUE(take());
}

}  // namespace
}  // namespace lossy
