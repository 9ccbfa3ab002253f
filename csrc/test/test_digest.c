/* test_digest.c - digests: the published values of XXH64, and that each bit counts. */
#include "check.h"

static void gives_the_published_values(void **state) {
  (void)state;
  const struct {
    const char *text;
    uint64_t digest;
  } cases[] = {
      {"", 0xEF46DB3751D8E999u},
      {"a", 0xD24EC4F1A98C6E5Bu},
      {"abc", 0x44BC2CF5AD770999u},
      {"Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1u},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_true(mb_digest(cases[i].text, strlen(cases[i].text), 0) == cases[i].digest);
}

static void changes_with_every_bit_length_and_seed(void **state) {
  (void)state;
  unsigned char bytes[101];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * 7);
  for (size_t count = 0; count <= sizeof bytes; count++) {
    const uint64_t whole = mb_digest(bytes, count, 0);
    assert_true(whole != mb_digest(bytes, count, 1));
    assert_true(count == 0 || whole != mb_digest(bytes, count - 1, 0));
    for (size_t bit = 0; bit < 8 * count; bit++) {
      bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
      assert_true(whole != mb_digest(bytes, count, 0));
      bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gives_the_published_values),
      cmocka_unit_test(changes_with_every_bit_length_and_seed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
