// Objects that a power cut left torn while their key was made: the token opens, the other keys
// sign, and the next key can be made.
#include <filesystem>
#include <map>
#include <utility>

#include <gmock/gmock.h>

#include "hsm/files.h"
#include "hsm/signer/token_object.h"
#include "hsm/signer/torn_objects.h"
#include "tests/integration/hsm/token_fixture.h"

namespace ringfence::hsm::test {
namespace {

namespace fs = std::filesystem;

using Files = std::map<fs::path, Bytes>;

constexpr std::size_t kWord = 8;  // bytes of a number in an object

void write_bytes(const fs::path& path, const Bytes& bytes) {
  write_text(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Bytes with_word(Bytes bytes, std::size_t at, std::uint8_t byte) {
  for (std::size_t i = at; i < std::min(at + kWord, bytes.size()); ++i) bytes[i] = byte;
  return bytes;
}

Bytes without(Bytes bytes, std::size_t at, std::size_t size) {
  for (std::size_t i = at; i < std::min(at + size, bytes.size()); ++i) bytes[i] = 0;
  return bytes;
}

Bytes cut(const Bytes& bytes, std::size_t size) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
}

class TornObjectTest : public TokenTest {
 protected:
  void SetUp() override {
    ASSERT_EQ(work([](Opened& opened) { opened.token.generate("CAPF", kP256); }), 0);
    for (const auto& entry : fs::directory_iterator(config_.folder() / "tokens"))
      token_ = entry.path();
    const Files before = files();
    ASSERT_EQ(work([](Opened& opened) { opened.token.generate("TVS", kP256); }), 0);
    sound_ = files();
    for (const auto& [path, bytes] : sound_)
      if (path.extension() == ".object" && !before.contains(path)) of_tvs_[path] = bytes;
    ASSERT_EQ(of_tvs_.size(), 3U) << "the record of the version and the two halves";
  }

  Files files() const {
    Files found;
    for (const auto& entry : fs::directory_iterator(token_))
      found[entry.path()] = read_whole(entry.path());
    return found;
  }

  fs::path aside() const { return config_.folder() / "torn" / token_.filename(); }

  /// start opens the token as the signer does at its start and works with it; 0 when all went well.
  int start() {
    set_aside_torn_objects(config_);
    return work([](Opened& opened) {
      bool signs = false;
      for (const Token::Entry& entry : opened.token.entries())
        if (entry.info.ref.label == "CAPF") signs = opened.signs(entry);
      if (!signs) ::_exit(3);
      if (!opened.signs(opened.token.generate("Next", kP256))) ::_exit(4);
      if (!opened.signs(opened.token.generate("TVS", kP256))) ::_exit(7);
    });
  }

  void put_back() {
    fs::remove_all(config_.folder() / "torn");
    for (const auto& entry : fs::directory_iterator(token_)) fs::remove(entry.path());
    for (const auto& [path, bytes] : sound_) write_bytes(path, bytes);
  }

  /// expect_start leaves `torn` in place of `path`. Damage inside an encrypted value that is
  /// smaller than a sector is none of a power cut; it must not end the process, no more.
  void expect_start(const fs::path& path, const Bytes& torn, const std::string& how) {
    put_back();
    write_bytes(path, torn);
    const int status = start();
    EXPECT_TRUE(status == 0 || (status == 1 && is_whole_object(torn)))
        << "status " << status << ", " << path.filename() << " of " << sound_.at(path).size()
        << " bytes, " << how;
  }

  /// expect_start_without_a_sector tears zeros of a sector's length into each file, at every 32nd
  /// offset.
  void expect_start_without_a_sector(const Files& objects) {
    constexpr std::size_t kSector = 512;
    for (const auto& [path, bytes] : objects)
      for (std::size_t at = 0; at < bytes.size(); at += 32) {
        const Bytes torn = without(bytes, at, kSector);
        if (torn == bytes) continue;
        put_back();
        write_bytes(path, torn);
        EXPECT_EQ(start(), 0) << path.filename() << " of " << bytes.size() << " bytes, at " << at;
      }
  }

  fs::path token_;
  Files sound_;
  Files of_tvs_;
};

TEST_F(TornObjectTest, AWordOfZerosStopsNobody) {
  for (const auto& [path, bytes] : of_tvs_)
    for (std::size_t at = 0; at < bytes.size(); at += kWord)
      expect_start(path, with_word(bytes, at, 0), fmt::format("zeros at {}", at));
}

/// Lengths lie anywhere, as booleans have one byte: every offset is one's first byte.
TEST_F(TornObjectTest, ALengthOfGarbageStopsNobody) {
  for (const auto& [path, bytes] : of_tvs_)
    for (std::size_t at = 0; at < bytes.size(); at += 3)
      for (const std::uint8_t byte : {std::uint8_t{0x7f}, std::uint8_t{0xff}})
        expect_start(path, with_word(bytes, at, byte), fmt::format("{:#x} at {}", byte, at));
}

TEST_F(TornObjectTest, ATruncatedOneStopsNobody) {
  for (const auto& [path, bytes] : of_tvs_)
    for (std::size_t size = 0; size < bytes.size(); size += 7)
      expect_start(path, cut(bytes, size), fmt::format("{} bytes left", size));
}

TEST_F(TornObjectTest, ASectorOfZerosStopsNobody) {
  expect_start_without_a_sector(of_tvs_);
}

/// Its values are longer than a sector.
TEST_F(TornObjectTest, ASectorOfZerosInALargeKeyStopsNobody) {
  ASSERT_EQ(work([](Opened& opened) {
              opened.token.generate("TVS", {KeyAlgorithm::rsa, 4096});
            }),
            0);
  Files large;
  const Files before = std::exchange(sound_, files());
  for (const auto& [path, bytes] : sound_)
    if (path.extension() == ".object" && !before.contains(path)) large[path] = bytes;
  expect_start_without_a_sector(large);
}

/// What SoftHSM does with a count that is more than there is memory: the reason for all this.
TEST_F(TornObjectTest, SoftHsmEndsTheProcessAtOne) {
  const auto& [path, bytes] = *of_tvs_.begin();
  const Bytes one = {0, 0, 0, 0, 0, 0, 0, 1, 0,    0,    0,    0,    0,    0,    0,    3,
                     0, 0, 0, 0, 0, 0, 0, 3, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  write_bytes(path, one);
  EXPECT_EQ(work([](Opened&) {}), 5) << "SoftHSM has learnt to bear it: is this still needed?";
  EXPECT_THAT(set_aside_torn_objects(config_), testing::ElementsAre(aside() / path.filename()));
  EXPECT_EQ(work([](Opened&) {}), 0);
}

TEST_F(TornObjectTest, IsKeptAsideWithItsLock) {
  const auto& [path, bytes] = *of_tvs_.begin();
  const Bytes torn = cut(bytes, 100);
  write_bytes(path, torn);
  fs::path lock = path;
  lock.replace_extension(".lock");
  ASSERT_TRUE(fs::exists(lock));
  EXPECT_THAT(set_aside_torn_objects(config_), testing::ElementsAre(aside() / path.filename()));
  EXPECT_EQ(read_whole(aside() / path.filename()), torn);
  EXPECT_TRUE(fs::exists(aside() / lock.filename()));
  EXPECT_FALSE(fs::exists(path));
  EXPECT_FALSE(fs::exists(lock));
  EXPECT_THAT(set_aside_torn_objects(config_), testing::IsEmpty());
}

TEST_F(TornObjectTest, AWholeOneStaysAndSoDoesTokenObject) {
  write_bytes(token_ / "token.object", cut(sound_.at(token_ / "token.object"), 50));
  const Files before = files();
  EXPECT_THAT(set_aside_torn_objects(config_), testing::IsEmpty());
  EXPECT_EQ(files(), before);
  EXPECT_FALSE(fs::exists(config_.folder() / "torn"));
}

/// None of ours have these, but whoever uses the token besides us may.
TEST_F(TornObjectTest, OneWithATemplateAndMechanismsIsWhole) {
  ASSERT_EQ(work([](Opened& opened) {
              const Session session(opened.module, opened.slot.id);
              const CK_BBOOL yes = CK_TRUE;
              const CK_ULONG bytes = 32;
              const CK_MECHANISM_TYPE allowed[] = {CKM_AES_CBC, CKM_AES_ECB};
              const CK_KEY_TYPE aes = CKK_AES;
              const std::string label = "inner";
              CK_ATTRIBUTE inner[] = {attribute(CKA_EXTRACTABLE, yes), attribute(CKA_KEY_TYPE, aes),
                                      attribute(CKA_LABEL, label)};
              CK_ATTRIBUTE entries[] = {
                  attribute(CKA_TOKEN, yes),
                  attribute(CKA_VALUE_LEN, bytes),
                  {CKA_ALLOWED_MECHANISMS, const_cast<CK_MECHANISM_TYPE*>(allowed), sizeof allowed},
                  {CKA_WRAP_TEMPLATE, inner, sizeof inner}};
              CK_MECHANISM make{CKM_AES_KEY_GEN, nullptr, 0};
              CK_OBJECT_HANDLE made = 0;
              check(session.module()->C_GenerateKey(session.handle(), &make, entries,
                                                    std::size(entries), &made),
                    "C_GenerateKey");
            }),
            0);
  EXPECT_EQ(files().size(), sound_.size() + 2) << "an object and its lock";
  EXPECT_THAT(set_aside_torn_objects(config_), testing::IsEmpty());
}

/// The whole signer: it starts, says what it moved, and signs.
TEST_F(TornObjectTest, TheSignerStartsAndSaysIt) {
  const auto& [path, bytes] = *of_tvs_.rbegin();
  std::size_t length = 0;  // of CKA_LABEL, the first that has one
  for (std::size_t at = 8; at + 24 < bytes.size() && length == 0; ++at)
    if (bytes[at + 7] == 3 && bytes[at + 15] == 3) length = at + 16;
  ASSERT_GT(length, 0U);
  write_bytes(path, with_word(bytes, length, 0x7f));
  lock_ = Fd();
  const SignerProcess signer(folder_.path());
  SignerClient client(signer.socket("admin"));
  const SignRequest request = ecdsa({"CAPF", 1});
  EXPECT_TRUE(verifies(client.public_key(request.key), request, client.sign(request)));
  EXPECT_THAT(read_text(folder_ / "signer.log"),
              testing::HasSubstr(fmt::format("SIGNER_TOKEN_OBJECT_TORN file=\"{}\" moved_to=\"{}\"",
                                             path.filename().string(), aside().string())));
}

}  // namespace
}  // namespace ringfence::hsm::test
