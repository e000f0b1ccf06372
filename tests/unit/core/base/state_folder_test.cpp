// A state folder that others could change is not used.
#include "core/base/state_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "tests/support/command.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::core {
namespace {

namespace fs = std::filesystem;

class StateFolder : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"db", "log", "run", "tftp", "hsm"})
      fs::create_directories(state_ / name);
    for (const char* name : {"ringfence.toml", "db/admin.db", "tftp/ITLFile.tlv", "hsm/user.pin"})
      write_atomically(state_ / name, bytes_of("x"), 0600);
  }

  /// refusal is what is said of a state folder, by the daemons and, of its path, by appliance/run.
  std::string refusal(const fs::path& state) {
    const std::string ours = refusal_of_daemons(state);
    const std::string script =
        "top=" RINGFENCE_SOURCE_DIR " && . $top/appliance/instance.sh && way_flaw \"$1\"";
    const std::string said =
        test::run({"bash", "-euo", "pipefail", "-c", script, "run", state.string()}).out;
    EXPECT_TRUE(said.empty() || said == ours + "\n") << said << ours;
    EXPECT_TRUE(!said.empty() || ours.find(", who could ") == std::string::npos) << ours;
    return ours;
  }

  static std::string refusal_of_daemons(const fs::path& state) {
    try {
      require_safe_state(state);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::refused);
      return error.what();
    }
    return "";
  }

  /// expect_cure expects a refusal that names `path` and ends in `cure`, which is then run.
  void expect_cure(const fs::path& path, const std::string& cure) {
    const std::string why = refusal(state_);
    EXPECT_EQ(why.rfind(path.string(), 0), 0U) << why;
    EXPECT_TRUE(why.ends_with(cure + " " + path.string())) << why;
    EXPECT_EQ(std::system((cure + " " + path.string()).c_str()), 0);
    EXPECT_EQ(refusal(state_), "");
  }

  test::TemporaryFolder folder_;
  fs::path state_ = folder_ / "state";
};

TEST_F(StateFolder, OfOursIsUsed) {
  EXPECT_EQ(refusal(state_), "");
  EXPECT_EQ(refusal(folder_ / "not made yet"), "");
  fs::permissions(state_, static_cast<fs::perms>(0755));
  EXPECT_EQ(refusal(state_), "") << "others may look";
}

TEST_F(StateFolder, MayBeReachedThroughALink) {
  fs::create_directory_symlink(folder_.path(), folder_ / "link");
  EXPECT_EQ(refusal(folder_ / "link" / "state"), "");
}

TEST_F(StateFolder, IsRefusedBehindALinkOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give links away";
  const fs::path link = folder_ / "link";
  fs::create_directory_symlink(folder_.path(), link);
  ASSERT_EQ(::lchown(link.c_str(), 12345, 12345), 0);
  for (const fs::path& state : {link / "state", link}) {
    const std::string why = refusal(state);
    EXPECT_EQ(why.rfind(link.string() + " is a symbolic link of user 12345, who", 0), 0U) << why;
  }
  // Nor behind one of ours that leads to it.
  fs::create_directory_symlink("link/state", folder_ / "ours");
  EXPECT_NE(refusal(folder_ / "ours").find("/link is a symbolic link of user 12345"),
            std::string::npos);
}

TEST_F(StateFolder, IsRefusedBelowAFolderThatOthersCouldExchange) {
  const fs::path above = folder_ / "above";
  fs::create_directory(above);
  fs::rename(state_, above / "state");
  fs::create_directory_symlink(above / "state", folder_ / "link");
  ASSERT_EQ(::chmod(above.c_str(), 0777), 0);
  for (const fs::path& state : {above / "state", folder_ / "link", above / "not made yet"}) {
    const std::string why = refusal(state);
    EXPECT_EQ(why.rfind(above.string() + " can be changed by other users, who could", 0), 0U)
        << why;
  }
  ASSERT_EQ(::chmod(above.c_str(), 01777), 0);
  EXPECT_EQ(refusal(above / "state"), "") << "as in /tmp";
  ASSERT_EQ(::chmod(above.c_str(), 0775), 0);
  if (::geteuid() != 0) return;
  EXPECT_EQ(refusal(above / "state"), "") << "the group of its user alone";
  ASSERT_EQ(::chown(above.c_str(), 0, 12345), 0);
  EXPECT_NE(refusal(above / "state"), "") << "another group";
  ASSERT_EQ(::chown(above.c_str(), 12345, 0), 0);
  EXPECT_EQ(refusal(above / "state").rfind(above.string() + " belongs to user 12345, who", 0), 0U);
}

TEST_F(StateFolder, IsRefusedBehindLinksWithoutEnd) {
  fs::create_symlink("there", folder_ / "here");
  fs::create_symlink("here", folder_ / "there");
  EXPECT_NE(refusal(folder_ / "here").find("too many symbolic links"), std::string::npos);
}

TEST_F(StateFolder, IsRefusedWhereOthersCanWrite) {
  for (const char* name :
       {"", "db", "hsm", "ringfence.toml", "db/admin.db", "hsm/user.pin", "tftp/ITLFile.tlv"}) {
    const fs::path path = *name == '\0' ? state_ : state_ / name;
    for (const mode_t more : {mode_t{020}, mode_t{002}}) {
      ASSERT_EQ(::chmod(path.c_str(), 0700 | more), 0);
      expect_cure(path, "chmod go-w");
    }
  }
}

TEST_F(StateFolder, IsRefusedWithALinkInIt) {
  for (const char* name : {"ringfence.toml", "lock", "db", "run", "db/admin.db", "log/admin.log",
                           "hsm/softhsm2.conf", "tftp/ITLFile.tlv.good"}) {
    const fs::path path = state_ / name;
    const fs::path kept = folder_ / "kept";
    if (fs::exists(path)) fs::rename(path, kept);
    fs::create_symlink(fs::exists(kept) ? kept : fs::path("/etc/passwd"), path);
    const std::string why = refusal(state_);
    EXPECT_EQ(why.rfind(path.string() + " is a symbolic link", 0), 0U) << why;
    fs::remove(path);
    if (fs::exists(kept)) fs::rename(kept, path);
  }
  fs::create_symlink("/etc/passwd", state_ / "tftp" / "SIP88xx.loads");
  EXPECT_EQ(refusal(state_), "") << "what phones fetch besides is the administrator's";
}

TEST_F(StateFolder, OfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(::chown((state_ / "db").c_str(), 12345, 12345), 0);
  const std::string why = refusal(state_);
  EXPECT_NE(why.find("/db belongs to user 12345 and this program runs as user 0: "),
            std::string::npos)
      << why;
}

}  // namespace
}  // namespace ringfence::core
