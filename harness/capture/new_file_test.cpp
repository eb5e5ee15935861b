#include <lossy/harness/capture/new_file.hpp>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <system_error>

#include <lossy/harness/capture/files_for_test.hpp>

namespace lossy {
namespace {

void write_all(int descriptor, const std::string& text) {
  ASSERT_EQ(::write(descriptor, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  ASSERT_EQ(::close(descriptor), 0);
}

using Until = NewFile::Until;

std::string message_of(const std::string& path, Until until) {
  try {
    NewFile file(path, until);
  } catch (const std::system_error& error) {
    return error.what();
  }
  return "created";
}

// The promises hold on file systems with nameless files, and on those without.
class NewFileTest : public testing::TestWithParam<Until> {};
INSTANTIATE_TEST_SUITE_P(Until, NewFileTest,
                         testing::Values(Until::kNameless, Until::kTemporaryName),
                         [](const auto& tested) {
                           return tested.param == Until::kNameless ? "Nameless" : "TemporaryName";
                         });

// Until it is committed nothing has the name; then all of it has, and nothing else is there.
TEST_P(NewFileTest, AppearsWhole) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.txt";
  {
    NewFile file(path, GetParam());
    write_all(file.take_descriptor(), "whole");
    EXPECT_FALSE(std::filesystem::exists(path));
    file.commit();
  }
  EXPECT_EQ(read_file(path), "whole");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a.txt"});
}

// What is never committed leaves nothing behind, and what was there before stays.
TEST_P(NewFileTest, LeavesNothingBehind) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.txt";
  { NewFile file(path, GetParam()); }
  EXPECT_TRUE(folder.names().empty());
  write_file(path, "before");
  {
    NewFile file(path, GetParam());
    write_all(file.take_descriptor(), "half");
  }
  EXPECT_EQ(read_file(path), "before");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a.txt"});
}

// Two that are written at a time do not mix: the last to be committed stays.
TEST_P(NewFileTest, TwoAtATimeDoNotMix) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.txt";
  NewFile one(path, GetParam());
  NewFile two(path, GetParam());
  write_all(one.take_descriptor(), "one");
  write_all(two.take_descriptor(), "two");
  two.commit();
  one.commit();
  EXPECT_EQ(read_file(path), "one");
}

// However a process ends, what it did not commit is gone, and what was there before stays.
TEST(NamelessFileTest, LeavesNothingWhenKilled) {
  const TemporaryFolder folder;
  const int probe = ::open((folder / ".").c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (probe < 0) GTEST_SKIP() << "this file system has no nameless files";
  ::close(probe);
  write_file(folder / "before", "before");
  const ::pid_t child = ::fork();
  if (child == 0) {
    const NewFile one(folder / "a.txt");
    const NewFile two(folder / "before");
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(folder.names(), std::vector<std::string>{"before"});
  EXPECT_EQ(read_file(folder / "before"), "before");
}

// A link stays a link, and the file it leads to is replaced.
TEST_P(NewFileTest, FollowsLinks) {
  const TemporaryFolder folder;
  write_file(folder / "target", "before");
  std::filesystem::create_symlink("target", folder / "link");
  {
    NewFile file(folder / "link", GetParam());
    write_all(file.take_descriptor(), "after");
    file.commit();
  }
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "target"), "after");
}

// What is not a regular file is written to, and stays what it is.
TEST_P(NewFileTest, WritesToDevicesDirectly) {
  NewFile file("/dev/null", GetParam());
  write_all(file.take_descriptor(), "gone");
  file.commit();
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

// What cannot be created is refused in one line that names it and says why.
TEST_P(NewFileTest, RefusesWithTheReason) {
  const TemporaryFolder folder;
  const std::string nowhere = folder / "missing" / "a.pcap";
  EXPECT_EQ(message_of(nowhere, GetParam()),
            "cannot create '" + nowhere + "': No such file or directory");
  EXPECT_EQ(message_of(folder / ".", GetParam()),
            "cannot create '" + (folder / ".").string() + "': Is a directory");
  write_file(folder / "file", "");
  const std::string below = folder / "file" / "a.pcap";
  EXPECT_EQ(message_of(below, GetParam()), "cannot create '" + below + "': Not a directory");
  std::filesystem::create_symlink("nowhere", folder / "dangling");
  EXPECT_NE(message_of(folder / "dangling", GetParam()), "created");
  EXPECT_NE(message_of("", GetParam()), "created");
}

// A file that must not be written is not replaced by renaming either.
TEST_P(NewFileTest, RespectsPermissions) {
  const TemporaryFolder folder;
  std::filesystem::permissions(folder / ".", std::filesystem::perms::all);
  const std::string path = folder / "a.pcap";
  write_file(path, "before");
  ASSERT_EQ(::chmod(path.c_str(), 0444), 0);
  // Nothing is forbidden to root, who becomes nobody for a moment.
  constexpr ::uid_t kNobody = 65'534;
  const ::uid_t self = ::geteuid();
  if (self == 0) {
    ASSERT_EQ(::seteuid(kNobody), 0);
  }
  const std::string message = message_of(path, GetParam());
  ASSERT_EQ(::seteuid(self), 0);
  EXPECT_EQ(message, "cannot create '" + path + "': Permission denied");
}

// The whole content at once, or nothing when there is no room for all of it.
TEST(NewFileTest, WritesTheWhole) {
  const TemporaryFolder folder;
  NewFile(folder / "a").write_whole("content");
  EXPECT_EQ(read_file(folder / "a"), "content");
  {
    const FileSizeLimit limit(3);
    EXPECT_THROW(NewFile(folder / "b").write_whole("content"), std::system_error);
  }
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace lossy
