#include "hsm/versions.h"

#include <sstream>

#include <fmt/format.h>

#include "hsm/error.h"
#include "hsm/files.h"

namespace ringfence::hsm {
namespace {

const std::string kApplication = "ringfence";

constexpr std::uint8_t kDestroyed = 2;               // in a data object
constexpr const char* kDestroyedWord = "destroyed";  // in the file

/// A data object's CKA_VALUE: u32 version, and when a key was destroyed: u8 2, u32 its
/// version, its label.
Bytes encode(const VersionRecord& record) {
  core::Writer value;
  value.u32(record.version);
  if (record.destroyed)
    value.u8(kDestroyed).u32(record.destroyed->version).text(record.destroyed->label);
  return value.take();
}

VersionRecord decode(BytesView value) {
  VersionRecord record;
  core::Reader reader(value);
  if (reader.left() < 4) return record;
  record.version = reader.u32("version");
  if (reader.left() < 6 || reader.u8("what follows") != kDestroyed) return record;
  const std::uint32_t version = reader.u32("destroyed version");
  record.destroyed = {core::text_of(reader.rest()), version};
  return record;
}

std::vector<CK_OBJECT_HANDLE> find(const Session& session, const std::string* label) {
  const CK_OBJECT_CLASS data = CKO_DATA;
  std::vector<CK_ATTRIBUTE> match = {attribute(CKA_CLASS, data),
                                     attribute(CKA_APPLICATION, kApplication)};
  if (label != nullptr) match.push_back(attribute(CKA_LABEL, *label));
  return session.find(std::move(match));
}

/// create returns what the module said; a token without data objects says an error of the request.
CK_RV create(const Session& session, const std::string& label, const VersionRecord& record) {
  const CK_OBJECT_CLASS data = CKO_DATA;
  const CK_BBOOL yes = CK_TRUE;
  const Bytes value = encode(record);
  CK_ATTRIBUTE entries[] = {attribute(CKA_CLASS, data),  attribute(CKA_TOKEN, yes),
                            attribute(CKA_PRIVATE, yes), attribute(CKA_APPLICATION, kApplication),
                            attribute(CKA_LABEL, label), attribute(CKA_VALUE, BytesView(value))};
  CK_OBJECT_HANDLE made = 0;
  return session.module()->C_CreateObject(session.handle(), entries, std::size(entries), &made);
}

}  // namespace

Versions::Versions(const Session& session, std::filesystem::path file, Sync sync)
    : session_(session), file_(std::move(file)), sync_(std::move(sync)) {}

Versions::Found Versions::find_all() const {
  Found found{read_file(), {}};
  std::map<std::string, CK_OBJECT_HANDLE> winners;
  for (const CK_OBJECT_HANDLE object : find(session_, nullptr)) {
    const Bytes name = session_.attribute(object, CKA_LABEL);
    const std::string label(name.begin(), name.end());
    const VersionRecord record = decode(session_.attribute(object, CKA_VALUE));
    VersionRecord& known = found.records[label];
    const bool newer =
        record.version > known.version || (record.version == known.version && record.destroyed);
    CK_OBJECT_HANDLE loser = object;
    if (newer || !winners.contains(label)) std::swap(loser, winners[label]);
    if (newer) known = record;
    if (loser != CK_INVALID_HANDLE) found.outdated.push_back(loser);
  }
  return found;
}

VersionRecords Versions::read() const {
  return find_all().records;
}

VersionRecords Versions::tidy() const {
  Found found = find_all();
  for (const CK_OBJECT_HANDLE object : found.outdated)
    check(session_.module()->C_DestroyObject(session_.handle(), object), "C_DestroyObject");
  return std::move(found.records);
}

void Versions::keep(const std::string& label, const VersionRecord& record) const {
  const auto old = find(session_, &label);
  const CK_RV rv = create(session_, label, record);
  if (rv == CKR_OK) {
    if (sync_ && !old.empty()) sync_();        // a power cut must find one of the two
    for (const CK_OBJECT_HANDLE object : old)  // one that stays is older and loses when read
      session_.module()->C_DestroyObject(session_.handle(), object);
    return;
  }
  if (kind_of(rv) != Kind::request) throw Error("C_CreateObject", rv);
  if (file_.empty())
    throw Error(Kind::request, "the token takes no data objects and no file of versions is set");
  VersionRecords records = read_file();
  records[label] = record;
  write_file(records);
}

VersionRecords Versions::read_file() const {
  VersionRecords records;
  if (file_.empty() || !std::filesystem::exists(file_)) return records;
  std::istringstream file(core::text_of(hsm::read_file(file_)));
  std::string line;
  for (unsigned number = 1; std::getline(file, line); ++number) {
    std::istringstream words(line);
    std::string label;
    std::string gone;
    VersionRecord record;
    words >> label >> record.version;
    const bool named = is_label(label) && !words.fail();
    if (words >> gone) {
      record.destroyed.emplace();
      words >> record.destroyed->label >> record.destroyed->version;
    }
    const bool whole = gone.empty() || (!words.fail() && is_label(record.destroyed->label) &&
                                        gone == kDestroyedWord);
    if (!named || !whole)
      throw Error(Kind::unavailable,
                  fmt::format("{}:{}: not a line of versions (\"CAPF 3\"): restore the file from a "
                              "backup, a key version must never be used twice",
                              file_.string(), number));
    records[label] = record;
  }
  return records;
}

void Versions::write_file(const VersionRecords& records) const {
  std::string text;
  for (const auto& [label, record] : records) {
    text += fmt::format("{} {}", label, record.version);
    if (record.destroyed)
      text += fmt::format(" {} {} {}", kDestroyedWord, record.destroyed->label,
                          record.destroyed->version);
    text += '\n';
  }
  replace_file(file_, core::bytes_of(text));
}

}  // namespace ringfence::hsm
