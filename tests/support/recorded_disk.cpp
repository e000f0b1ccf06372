#include "tests/support/recorded_disk.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

namespace ringfence::test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSector = 512;

std::string folder_of(const std::string& path) {
  return fs::path(path).parent_path().string();
}

/// write does to a file what a step did, of its bytes those from `from` to `to`.
void write(core::Bytes& bytes, const DiskStep& step, std::size_t from, std::size_t to) {
  if (step.kind == 't') bytes.resize(step.offset);
  if (step.kind == 'f') bytes.resize(step.bytes.size());
  if (to <= from) return;
  if (bytes.size() < step.offset + to) bytes.resize(step.offset + to);
  std::copy(step.bytes.begin() + static_cast<std::ptrdiff_t>(from),
            step.bytes.begin() + static_cast<std::ptrdiff_t>(to),
            bytes.begin() + static_cast<std::ptrdiff_t>(step.offset + from));
}

void write(core::Bytes& bytes, const DiskStep& step) {
  write(bytes, step, 0, step.bytes.size());
}

}  // namespace

std::vector<DiskStep> read_disk_steps(const fs::path& record) {
  std::ifstream stream(record, std::ios::binary);
  const std::string all((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  std::vector<DiskStep> steps;
  std::size_t at = 0;
  const auto number = [&](auto value) {
    std::memcpy(&value, all.data() + at, sizeof value);
    at += sizeof value;
    return value;
  };
  const auto text = [&](std::size_t size) {
    at += size;
    return all.substr(at - size, size);
  };
  while (at < all.size()) {
    DiskStep step;
    step.kind = all[at++];
    step.path = text(number(std::uint16_t{}));
    step.other = text(number(std::uint16_t{}));
    step.offset = number(std::uint64_t{});
    const std::string bytes = text(number(std::uint32_t{}));
    step.bytes.assign(bytes.begin(), bytes.end());
    steps.push_back(std::move(step));
  }
  return steps;
}

RecordedDisk::RecordedDisk(fs::path root) : root_(std::move(root)) {
  now_[root_.string()] = safe_[root_.string()] = add_node(true);
}

bool RecordedDisk::take(const DiskStep& step) {
  switch (step.kind) {
    case 'c':
    case 'm': change({"", step.path, add_node(step.kind == 'm')}); return true;
    case 'l': change({"", step.other, now_.at(step.path)}); return true;
    case 'r': change({step.path, step.other, now_.at(step.path)}); return true;
    case 'u': change({step.path, "", 0}); return true;
    case 's': return sync(step.path);
    default: return change_bytes(step);
  }
}

void RecordedDisk::build(const fs::path& to, Unsynced survives, std::mt19937& random) const {
  Names names = safe_;
  for (const auto& [folder, changes] : loose_names_) {
    const std::size_t kept = survives == Unsynced::all    ? changes.size()
                             : survives == Unsynced::none ? 0
                                                          : random() % (changes.size() + 1);
    for (std::size_t i = 0; i < kept; ++i) apply(names, changes[i]);
  }
  for (const auto& [name, node] : names) {  // folders come before what is in them
    const fs::path path = to / fs::path(name).lexically_relative(root_);
    if (name == root_ || !fs::exists(path.parent_path())) continue;
    if (nodes_[node].folder) {
      fs::create_directory(path);
      fs::permissions(path, fs::perms::owner_all);
      continue;
    }
    const core::Bytes bytes = contents(nodes_[node], survives, random);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    fs::permissions(path, static_cast<fs::perms>(0600));
  }
}

void RecordedDisk::apply(Names& names, const Change& change) {
  if (!change.gone.empty()) names.erase(change.gone);
  if (!change.made.empty()) names[change.made] = change.node;
}

core::Bytes RecordedDisk::contents(const Node& node, Unsynced survives, std::mt19937& random) {
  if (survives == Unsynced::all) return node.now;
  core::Bytes bytes = node.safe;
  if (survives == Unsynced::none) return bytes;
  for (const DiskStep* step : node.loose) {
    if (step->bytes.empty() && random() % 2 == 0) continue;
    write(bytes, *step, 0, 0);  // the length may be there without the bytes
    for (std::size_t at = 0; at < step->bytes.size(); at += kSector)
      if (random() % 2 == 0) write(bytes, *step, at, std::min(at + kSector, step->bytes.size()));
  }
  return bytes;
}

std::size_t RecordedDisk::add_node(bool folder) {
  nodes_.push_back({folder, {}, {}, {}});
  return nodes_.size() - 1;
}

void RecordedDisk::change(Change change) {
  apply(now_, change);
  loose_names_[folder_of(change.made.empty() ? change.gone : change.made)].push_back(
      std::move(change));
}

bool RecordedDisk::change_bytes(const DiskStep& step) {
  const auto found = now_.find(step.path);
  if (found == now_.end()) return false;  // it has lost its name: nobody finds it
  Node& node = nodes_[found->second];
  core::Bytes changed = node.now;
  write(changed, step);
  if (changed == node.now) return false;
  node.now = std::move(changed);
  node.loose.push_back(&step);
  return true;
}

bool RecordedDisk::sync(const std::string& path) {
  const auto found = now_.find(path);
  if (found == now_.end()) return false;
  Node& node = nodes_[found->second];
  if (!node.folder) {
    const bool news = !node.loose.empty();
    for (const DiskStep* step : node.loose) write(node.safe, *step);
    node.loose.clear();
    return news;
  }
  std::vector<Change>& changes = loose_names_[path];
  const bool news = !changes.empty();
  for (const Change& change : changes) apply(safe_, change);
  changes.clear();
  return news;
}

}  // namespace ringfence::test
