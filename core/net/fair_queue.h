// Who is next when many peers wait: a line a peer, and one of each line in turn.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/net/occupancy.h"

namespace ringfence::core {

/// FairQueue serves peers (see peer_key) round robin: whoever sends most waits for himself alone.
/// One thread at a time.
template <typename Item>
class FairQueue {
 public:
  /// Bounds are what the items that wait may cost, of one peer and of all together. A cost is what
  /// its owner counts: items, bytes.
  struct Bounds {
    std::size_t per_peer = 1;
    std::size_t in_all = 1;
  };

  explicit FairQueue(Bounds bounds) : bounds_(bounds) {}

  FairQueue(const FairQueue&) = delete;
  FairQueue& operator=(const FairQueue&) = delete;

  /// push puts `item` at the end of its peer's line. Returns what finds no room: `item` itself when
  /// its peer's line is full; when all together are, the newest of the longest lines.
  std::vector<Item> push(const asio::ip::address& address, Item item, std::size_t cost = 1) {
    const asio::ip::address peer = peer_key(address);
    std::vector<Item> left_out;
    const auto line = lines_.find(peer);
    const std::size_t its = line == lines_.end() ? 0 : line->second.cost;
    if (its + cost > bounds_.per_peer || cost > bounds_.in_all) {
      left_out.push_back(std::move(item));
      return left_out;
    }
    append(peer, std::move(item), cost);
    while (cost_ > bounds_.in_all) left_out.push_back(drop_newest_of_longest());
    return left_out;
  }

  /// pop takes the next: the oldest of the peer whose turn it is.
  std::optional<Item> pop() {
    if (turns_.empty()) return std::nullopt;
    const asio::ip::address peer = turns_.front();
    turns_.splice(turns_.end(), turns_, turns_.begin());
    const auto line = lines_.find(peer);
    Entry entry = std::move(line->second.entries.front());
    line->second.entries.pop_front();
    shorten(line, entry.cost);
    return std::move(entry.item);
  }

  std::size_t size() const noexcept { return size_; }

  bool empty() const noexcept { return size_ == 0; }

  std::size_t peers() const noexcept { return lines_.size(); }

 private:
  struct Entry {
    Item item;
    std::size_t cost;
  };

  using Turns = std::list<asio::ip::address>;  ///< whose turn it is, the next one first

  struct Line {
    std::deque<Entry> entries;
    std::size_t cost = 0;
    Turns::iterator turn;
  };

  using Lines = std::map<asio::ip::address, Line>;

  void append(const asio::ip::address& peer, Item item, std::size_t cost) {
    const auto [line, added] = lines_.try_emplace(peer);
    if (added) line->second.turn = turns_.insert(turns_.end(), peer);
    line->second.entries.push_back({std::move(item), cost});
    resize(line, line->second.cost + cost);
    cost_ += cost;
    ++size_;
  }

  Item drop_newest_of_longest() {
    const auto line = lines_.find(by_cost_.rbegin()->second);
    Entry entry = std::move(line->second.entries.back());
    line->second.entries.pop_back();
    shorten(line, entry.cost);
    return std::move(entry.item);
  }

  void shorten(typename Lines::iterator line, std::size_t cost) {
    cost_ -= cost;
    --size_;
    resize(line, line->second.cost - cost);
    if (!line->second.entries.empty()) return;
    by_cost_.erase({line->second.cost, line->first});
    turns_.erase(line->second.turn);
    lines_.erase(line);
  }

  void resize(typename Lines::iterator line, std::size_t cost) {
    by_cost_.erase({line->second.cost, line->first});
    line->second.cost = cost;
    by_cost_.insert({cost, line->first});
  }

  const Bounds bounds_;
  Lines lines_;  ///< none of them empty
  Turns turns_;
  std::set<std::pair<std::size_t, asio::ip::address>> by_cost_;
  std::size_t cost_ = 0;
  std::size_t size_ = 0;
};

}  // namespace ringfence::core
