#include "tests/fleet/options.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "tests/support/temporary_folder.h"

namespace ringfence::fleet {
namespace {

class OptionsTest : public testing::Test {
 protected:
  std::string file(const std::string& text) {
    const std::filesystem::path path = folder_ / "file";
    core::write_atomically(path, core::bytes_of(text));
    return path.string();
  }

  static CommandLine parse(std::vector<std::string> words) {
    words.insert(words.begin(), "fleet");
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
  }

  ringfence::test::TemporaryFolder folder_;
};

TEST_F(OptionsTest, NamesPhonesByTheirAddress) {
  const CommandLine line = parse({"--phones", "2", "--scenario", "enrol", "--sip", "tcp"});
  EXPECT_EQ(line.fleet.names, (std::vector<std::string>{"SEP001100000001", "SEP001100000002"}));
  EXPECT_EQ(line.fleet.scenario, Scenario::enrol);
  EXPECT_EQ(line.fleet.sip, SipTransport::tcp);
  EXPECT_FALSE(line.fleet.transport);
}

TEST_F(OptionsTest, ReadsNamesFromAFile) {
  const std::string names = file("# the office\nSEP001122334455\r\n\nCSFanna\n");
  EXPECT_EQ(parse({"--names", names, "--scenario", "boot"}).fleet.names,
            (std::vector<std::string>{"SEP001122334455", "CSFanna"}));
}

TEST_F(OptionsTest, CanLeaveTheAlarmOut) {
  EXPECT_TRUE(parse({"--scenario", "boot"}).fleet.alarm);
  EXPECT_FALSE(parse({"--scenario", "boot", "--no-alarm"}).fleet.alarm);
}

TEST_F(OptionsTest, ReadsAuthenticationStrings) {
  const auto strings = read_auth_strings(file("name,string\nSEP001122334455,4711\n"));
  EXPECT_EQ(strings, (std::map<std::string, std::string>{{"SEP001122334455", "4711"}}));
}

TEST_F(OptionsTest, RefusesALineWithoutAStringAndDoesNotQuoteIt) {
  try {
    read_auth_strings(file("name,string\nSEP001122334455 4711\n"));
    FAIL() << "a line without a comma was accepted";
  } catch (const core::Error& error) {
    EXPECT_TRUE(std::string(error.what()).ends_with("file:2: the line must be name,string"));
  }
}

TEST_F(OptionsTest, EndsForMistakes) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{}, {"--scenario", "fly"}, {"--scenario", "boot", "--bogus"}}) {
    testing::internal::CaptureStderr();
    EXPECT_THROW(parse(words), ExitNow);
    EXPECT_NE(testing::internal::GetCapturedStderr(), "");
  }
}

}  // namespace
}  // namespace ringfence::fleet
