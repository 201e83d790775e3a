// Runs the tests, and counts what each of them has left behind (leak_census.h).
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <string>

#include "leak_census.h"

namespace memtiers {
namespace {

int test_cases = 0;
int leaking_test_cases = 0;

class LeakListener : public doctest::IReporter {
 public:
  // A test case that runs as a child process is skipped otherwise; its process ends with it.
  explicit LeakListener(const doctest::ContextOptions& options) : off_(options.no_skip) {}

  void test_case_start(const doctest::TestCaseData& test_case) override {
    if (off_) return;
    name_ = test_case.m_name;
    before_ = Census::Take();
  }
  void test_case_end(const doctest::CurrentTestCaseStats& /*stats*/) override {
    if (off_) return;
    ++test_cases;
    const std::string leaked = LeakedSince(before_, services_);
    if (leaked.empty()) return;
    ++leaking_test_cases;
    std::printf("LEAKED by \"%s\": %s\n", name_, leaked.c_str());
  }

  void report_query(const doctest::QueryData& /*query*/) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats& /*stats*/) override {}
  void test_case_reenter(const doctest::TestCaseData& /*test_case*/) override {}
  void test_case_exception(const doctest::TestCaseException& /*exception*/) override {}
  void subcase_start(const doctest::SubcaseSignature& /*signature*/) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData& /*assertion*/) override {}
  void log_message(const doctest::MessageData& /*message*/) override {}
  void test_case_skipped(const doctest::TestCaseData& /*test_case*/) override {}

 private:
  bool off_;
  const char* name_ = "";
  Census before_;
  LastingServices services_;
};

DOCTEST_REGISTER_LISTENER("leaks", 1, LeakListener);

}  // namespace
}  // namespace memtiers

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const int result = context.run();
  if (context.shouldExit()) return result;
  std::printf("leaks: %d of %d test cases left descriptors, mappings of files or threads behind\n",
              memtiers::leaking_test_cases, memtiers::test_cases);
  return result != 0 || memtiers::leaking_test_cases == 0 ? result : 1;
}
