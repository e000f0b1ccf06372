// Drives a fuzz target without libFuzzer: every seed, its truncations, and a bounded number of
// mutations from a fixed generator, so that each run is the same.

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

constexpr int kMutations = 20'000;
constexpr std::size_t kMostTruncations = 1'024;  // of one seed, evenly spread

void mutate(Input& input, std::mt19937& random) {
  const auto below = [&](std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
  };
  for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
    const auto byte = static_cast<std::uint8_t>(below(256));
    if (input.empty() || below(8) == 0)
      input.insert(input.begin() + static_cast<std::ptrdiff_t>(below(input.size() + 1)), byte);
    else if (below(8) == 0)
      input.erase(input.begin() + static_cast<std::ptrdiff_t>(below(input.size())));
    else
      input[below(input.size())] = byte;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s corpus-folder\n", argv[0]);
    return 2;
  }
  std::vector<Input> seeds;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    std::ifstream file(entry.path(), std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  if (seeds.empty()) {
    std::fprintf(stderr, "%s holds no seed\n", argv[1]);
    return 1;
  }
  for (const Input& seed : seeds)
    for (std::size_t cut = 0; cut <= seed.size(); cut += 1 + seed.size() / kMostTruncations)
      LLVMFuzzerTestOneInput(seed.data(), seed.size() - cut);
  std::mt19937 random(4711);
  for (int i = 0; i < kMutations; ++i) {
    Input input = seeds[static_cast<std::size_t>(i) % seeds.size()];
    mutate(input, random);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::printf("%zu seeds, %d mutations\n", seeds.size(), kMutations);
  return 0;
}
