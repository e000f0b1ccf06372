// The power is cut after any byte that ringfence-capf wrote: whatever had left a socket by then is
// on the disk that is found afterwards.
//
// The program runs once with its writes, syncs and what it said to phones written down, in order.
// Then each prefix of that record is taken for all that happened: the disk holds what was synced,
// and of the rest any part. It is opened as the product opens it.
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/crypto/x509.h"
#include "core/phones/enrolment_store.h"
#include "core/storage/rows.h"
#include "tests/integration/faults/books.h"
#include "tests/integration/faults/long_form.h"
#include "tests/integration/faults/world.h"
#include "tests/support/stopped.h"

namespace ringfence::test {
namespace {

using namespace std::chrono_literals;
using core::Bytes;

constexpr std::size_t kSector = 512;

/// Contents is a file's bytes; absent when there is no such file.
using Contents = std::optional<Bytes>;

Contents contents_of(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  return core::read_file(path, 256U << 20);
}

void apply(Contents& contents, const Step& step, std::size_t from, std::size_t to) {
  if (step.kind == 'u') {
    contents.reset();
    return;
  }
  if (!contents) contents.emplace();
  if (step.kind == 't') {
    contents->resize(step.offset);
    return;
  }
  if (to <= from) return;
  if (contents->size() < step.offset + to) contents->resize(step.offset + to);
  std::copy(step.bytes.begin() + static_cast<std::ptrdiff_t>(from),
            step.bytes.begin() + static_cast<std::ptrdiff_t>(to),
            contents->begin() + static_cast<std::ptrdiff_t>(step.offset + from));
}

void apply(Contents& contents, const Step& step) {
  apply(contents, step, 0, step.bytes.size());
}

/// File is one file as the operating system sees it: what is safe, and what came after the last
/// sync.
struct File {
  Contents safe;
  std::vector<const Step*> loose;

  void take(const Step& step) {
    if (step.kind == 's') {
      for (const Step* each : loose) apply(safe, *each);
      loose.clear();
    } else {
      loose.push_back(&step);
    }
  }
};

/// What survives of the loose writes. The last one may be torn in any case.
enum class Survives { all, nothing, some };

/// survivor is a file after the cut; of the very last write, `torn` bytes were on their way.
Contents survivor(const File& file, Survives survives, const Step* last, std::size_t torn,
                  std::mt19937& random) {
  Contents contents = file.safe;
  if (survives == Survives::nothing) return contents;
  for (const Step* step : file.loose) {
    const std::size_t size = step == last ? torn : step->bytes.size();
    if (survives == Survives::all) {
      apply(contents, *step, 0, size);
    } else if (step->bytes.empty()) {
      if (random() % 2 == 0) apply(contents, *step);
    } else {  // a disk writes whole sectors, in any order
      for (std::size_t at = 0; at < size; at += kSector)
        if (random() % 2 == 0) apply(contents, *step, at, std::min(at + kSector, size));
    }
  }
  return contents;
}

/// Promise is what CAPF's words that left make true of the journal.
struct Promise {
  Bytes serial;
  bool confirmed = false;
};

std::uint32_t session_of(const Bytes& message) {
  std::uint32_t session = 0;
  for (std::size_t i = 2; i < 6; ++i) session = session << 8 | message.at(i);
  return session;
}

/// Promises follows the conversations: STORE REQUEST promises that the certificate in it is issued,
/// END SESSION with reason 1 that it is confirmed, or behind a DELETE REQUEST that the deletion is.
class Promises {
 public:
  void hear(const Bytes& message) {
    if (message.size() < 8 || message[0] != 0x55) return;
    if (message[1] == 9) {
      // Element 4: a kind of one byte, a length of two, 2 more of its own, and the DER.
      std::size_t at = 8;
      while (message.at(at) != 4) at += 3U + message.at(at + 1) * 256U + message.at(at + 2);
      const Bytes der(message.begin() + static_cast<std::ptrdiff_t>(at) + 8, message.end());
      const Bytes serial = core::serial_of(*core::parse_certificate(der));
      sessions_[session_of(message)] = serial;
      all_.push_back({serial, false});
    } else if (message[1] == 13) {
      deleting_.insert(session_of(message));
    } else if (message[1] == 15 && message.back() == 1) {
      deleted_ += deleting_.count(session_of(message));
      const auto session = sessions_.find(session_of(message));
      if (session != sessions_.end()) all_.push_back({session->second, true});
    }
  }

  const std::vector<Promise>& all() const { return all_; }

  std::size_t deleted() const { return deleted_; }

 private:
  std::map<std::uint32_t, Bytes> sessions_;
  std::vector<Promise> all_;
  std::set<std::uint32_t> deleting_;
  std::size_t deleted_ = 0;
};

/// deletions_in counts what phones deleted, by their outcomes that agree with their certificates.
std::size_t deletions_in(core::Database& database) {
  return database.read([](soci::session& sql) {
    long long count = 0;
    sql << "select count(*) from outcome as o where operation = 'delete' and status = 'success'"
           " and not exists (select * from issued where phone = o.phone and deleted_at is null"
           " and confirmed_at is not null)",
        soci::into(count);
    return static_cast<std::size_t>(count);
  });
}

class PowerCut : public testing::Test {
 protected:
  static void SetUpTestSuite() { world_ = new World; }

  static void TearDownTestSuite() {
    delete world_;
    world_ = nullptr;
  }

  static World& world() { return *world_; }

  /// record lets `count` phones enrol at once, then delete what they got, and returns the program's
  /// steps.
  std::vector<Step> record(int count) {
    const auto file = folder_ / "record";
    std::vector<std::unique_ptr<SturdyPhone>> phones;
    for (int i = 0; i < count; ++i) phones.push_back(world().add());
    CapfProcess capf(world().state(), world().log_file(),
                     World::preloaded("RINGFENCE_STOP_RECORD", file));
    EXPECT_TRUE(capf.wait_ready()) << world().log();
    all_visit(phones);
    for (const auto& phone : phones) world().ask_to_delete(*phone);
    all_visit(phones);
    EXPECT_EQ(capf.stop(), 0);
    return read_steps(file);
  }

  static void all_visit(const std::vector<std::unique_ptr<SturdyPhone>>& phones) {
    const auto until = std::chrono::steady_clock::now() + 60s;
    std::vector<std::thread> threads;
    for (const auto& phone : phones)
      threads.emplace_back([&phone, until] {
        EXPECT_TRUE(phone->enrol(world().port(), until)) << phone->complaint();
      });
    for (auto& thread : threads) thread.join();
  }

  void begin() {
    files_['d'] = {contents_of(world().capf_db()), {}};
    files_['l'] = {contents_of(world().capf_db().string() + "-wal"), {}};
  }

  /// walk takes each prefix of the record; of those that end in a write, `tears` of its bytes too.
  void walk(const std::vector<Step>& steps, unsigned stride, unsigned tears) {
    for (std::size_t i = 0; i < steps.size() && !HasFailure(); ++i) {
      const Step& step = steps[i];
      if (step.kind == 'p') promises_.hear(step.bytes);
      const auto file = files_.find(step.file);
      if (file == files_.end()) {
        if (step.kind == 'p') cut(i, nullptr, 0);
        continue;
      }
      file->second.take(step);
      if (i % stride != 0 && step.kind == 'w') continue;
      cut(i, &step, step.bytes.size());
      for (unsigned tear = 0; tear < tears && step.bytes.size() > 1; ++tear)
        cut(i, &step, 1 + random_() % (step.bytes.size() - 1));
    }
  }

  std::size_t cuts() const { return cuts_; }

  const Promises& promises() const { return promises_; }

 private:
  void cut(std::size_t at, const Step* last, std::size_t torn) {
    for (const Survives survives : {Survives::all, Survives::nothing, Survives::some}) {
      ++cuts_;
      const auto path = disk_ / "capf.db";
      put(path, survivor(files_['d'], survives, last, torn, random_));
      put(path.string() + "-wal", survivor(files_['l'], survives, last, torn, random_));
      std::filesystem::remove(path.string() + "-shm");
      judge(path, fmt::format("cut at step {} behind {} bytes, {} of the unsynced writes", at, torn,
                              survives == Survives::all       ? "all"
                              : survives == Survives::nothing ? "none"
                                                              : "some"));
    }
  }

  static void put(const std::filesystem::path& path, const Contents& contents) {
    std::filesystem::remove(path);
    if (!contents) return;
    std::ofstream stream(path, std::ios::binary);
    stream.write(reinterpret_cast<const char*>(contents->data()),
                 static_cast<std::streamsize>(contents->size()));
  }

  void judge(const std::filesystem::path& path, const std::string& where) {
    try {
      core::Database database(path, core::Schema::capf, core::Access::read_write);
      const core::EnrolmentStore journal(database);
      for (const Promise& promise : promises_.all()) {
        const auto row = journal.certificate(promise.serial);
        const std::string serial = core::to_hex(promise.serial);
        ASSERT_TRUE(row) << where << ": " << serial << " had left and is not issued";
        if (!promise.confirmed) continue;
        EXPECT_TRUE(row->confirmed_at) << where << ": " << serial << " is not confirmed";
        const auto outcome = journal.outcome(row->phone, row->request);
        EXPECT_TRUE(outcome && outcome->status == core::OperationStatus::success) << where;
      }
      EXPECT_GE(deletions_in(database), promises_.deleted()) << where << ": a deletion is lost";
    } catch (const core::Error& error) {
      ADD_FAILURE() << where << ": " << error.what();
    }
  }

  static World* world_;
  TemporaryFolder folder_;
  TemporaryFolder disk_{"/dev/shm"};  // thousands of disks are made
  std::map<char, File> files_;
  Promises promises_;
  std::mt19937 random_{20261121};
  std::size_t cuts_ = 0;
};

World* PowerCut::world_ = nullptr;

TEST_F(PowerCut, LosesNothingThatLeftWhereverItHappens) {
  std::filesystem::remove(world().capf_db());
  { const core::Database fresh(world().capf_db(), core::Schema::capf, core::Access::read_write); }
  begin();
  const std::vector<Step> steps = record(long_form() ? 8 : 3);
  EXPECT_GE(steps_of(steps, 's'), 6U);
  EXPECT_GE(steps_of(steps, 'p'), 12U) << "what goes into TLS was not seen";
  walk(steps, 1, long_form() ? 6 : 1);
  EXPECT_EQ(promises().all().size(), long_form() ? 16U : 6U);
  EXPECT_EQ(promises().deleted(), long_form() ? 8U : 3U);
  RecordProperty("cuts", static_cast<int>(cuts()));
}

/// The log is full to the brim: while the phones enrol it is copied into the file and begun anew.
TEST_F(PowerCut, LosesNothingWhileTheLogIsCopiedBack) {
  std::filesystem::remove(world().capf_db());
  const pid_t writer = ::fork();
  if (writer == 0) {  // it leaves its log behind, as a killed process does
    try {
      core::Database database(world().capf_db(), core::Schema::capf, core::Access::read_write);
      core::EnrolmentStore store(database);
      const auto log = world().capf_db().string() + "-wal";
      const core::CapfEvent event{
          0, {}, "SEPFFFFFFFFFFFF", "10.1.2.3:4", "late", std::string(500, 'x')};
      while (std::filesystem::file_size(log) < 985U * 4120U) store.happened(event);
      ::_exit(0);
    } catch (...) {
    }
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(writer, &status, 0);
  ASSERT_EQ(status, 0);
  begin();
  const std::vector<Step> steps = record(3);
  const bool copied_back = std::any_of(steps.begin(), steps.end(), [](const Step& step) {
    return step.kind == 'w' && step.file == 'd';
  });
  EXPECT_TRUE(copied_back) << "the log was not full enough";
  walk(steps, long_form() ? 1 : 7, long_form() ? 2 : 0);
  RecordProperty("cuts", static_cast<int>(cuts()));
}

}  // namespace
}  // namespace ringfence::test
