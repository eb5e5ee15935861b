#include <lossy/harness/net/stop_signal.hpp>

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <thread>

namespace lossy {
namespace {

bool readable(const StopSignal& stop) {
  pollfd waited{stop.fd(), POLLIN, 0};
  return ::poll(&waited, 1, 0) == 1;
}

bool blocked(int signal) {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return sigismember(&mask, signal) == 1;
}

// Each signal makes it readable instead of ending the process, until they are taken.
TEST(StopSignal, CatchesWhatWouldEndTheProcess) {
  StopSignal stop;
  EXPECT_FALSE(readable(stop));
  EXPECT_FALSE(stop.take());
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    ::raise(signal);
    EXPECT_TRUE(readable(stop));
    EXPECT_EQ(stop.take(), signal);
    EXPECT_FALSE(readable(stop));
  }
}

// It is known who sent it: one that sends the same twice asks once.
TEST(StopSignal, TellsTheSender) {
  StopSignal stop;
  ASSERT_EQ(::kill(::getpid(), SIGTERM), 0);
  const auto caught = stop.take_caught();
  ASSERT_TRUE(caught);
  EXPECT_EQ(caught->sender, static_cast<std::uint32_t>(::getpid()));
  EXPECT_FALSE(caught->from_terminal);
}

// The signals get back the meaning they had, and one that nobody took does not come late.
TEST(StopSignal, RestoresTheSignals) {
  sigset_t both;
  sigemptyset(&both);
  sigaddset(&both, SIGINT);
  sigaddset(&both, SIGTERM);
  ASSERT_EQ(pthread_sigmask(SIG_UNBLOCK, &both, nullptr), 0);
  {
    const StopSignal stop;
    EXPECT_TRUE(blocked(SIGINT));
    EXPECT_TRUE(blocked(SIGTERM));
    ::raise(SIGTERM);
    ::raise(SIGINT);
  }
  EXPECT_FALSE(blocked(SIGINT));
  EXPECT_FALSE(blocked(SIGTERM));
}

// timeout(1) sends its signal twice: the second one that soon ends nobody who has done with the
// first.
TEST(StopSignal, IsDeafToTheSameRequestOnceMore) {
  std::thread again;
  {
    StopSignal stop;
    ASSERT_EQ(::kill(::getpid(), SIGTERM), 0);
    EXPECT_EQ(stop.take(), SIGTERM);
    again = std::thread([] {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ::kill(::getpid(), SIGTERM);
    });
  }
  again.join();
}

// A script's background job has SIGINT ignored; asked to stop, it must.
TEST(StopSignal, CountsASignalThatWasIgnored) {
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  ASSERT_EQ(::sigaction(SIGINT, &ignore, &before), 0);
  {
    StopSignal stop;
    ::raise(SIGINT);
    EXPECT_EQ(stop.take(), SIGINT);
  }
  ASSERT_EQ(::sigaction(SIGINT, &before, nullptr), 0);
}

// What nohup(1) started outlives its terminal.
TEST(StopSignal, LeavesAnIgnoredHangupIgnored) {
  struct sigaction ignore {};
  struct sigaction before {};
  ignore.sa_handler = SIG_IGN;
  ASSERT_EQ(::sigaction(SIGHUP, &ignore, &before), 0);
  {
    StopSignal stop;
    EXPECT_FALSE(blocked(SIGHUP));
    ::raise(SIGHUP);
    EXPECT_FALSE(stop.take());
  }
  ASSERT_EQ(::sigaction(SIGHUP, &before, nullptr), 0);
}

TEST(StopSignal, NamesTheSignals) {
  EXPECT_EQ(stop_signal_name(SIGINT), "SIGINT");
  EXPECT_EQ(stop_signal_name(SIGTERM), "SIGTERM");
  EXPECT_EQ(stop_signal_name(SIGHUP), "SIGHUP");
}

}  // namespace
}  // namespace lossy
