package io.github.ptadapter.adapter;

import static io.github.ptadapter.adapter.Refusals.refused;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.ptadapter.adapter.OptionString.Item;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class OptionStringTest {

  static Stream<Arguments> vectors() throws IOException {
    try (InputStream json = OptionStringTest.class.getResourceAsStream("/vectors/options.json")) {
      JsonNode cases = new ObjectMapper().readTree(json).path("cases");
      assertThat(cases.size()).isGreaterThan(30);
      return cases
          .valueStream()
          .map(row -> Arguments.of(row.path("input").textValue(), row.path("expect")));
    }
  }

  @ParameterizedTest
  @MethodSource("vectors")
  void readsTheVectors(String input, JsonNode expect) throws Exception {
    if (expect.has("error")) {
      refused(() -> OptionString.parse(input), "bad plugin options", expect.get("error").asText());
      return;
    }
    List<Item> items = new ArrayList<>();
    for (JsonNode pair : expect.get("pairs")) {
      items.add(new Item(pair.path(0).textValue(), Optional.ofNullable(pair.get(1).textValue())));
    }
    assertThat(OptionString.parse(input)).isEqualTo(items);
  }

  /** Rows of the table of real parsers that the vectors leave out; keys with values alone. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = "->",
      quoteCharacter = '~',
      textBlock =
          """
          a=1;                -> a | 1
          ;;a=1;;             -> a | 1
          A=1                 -> A | 1
          \\a=1                -> a | 1
          a\\=b=c              -> a=b | c
          a\\\\\\;b=c            -> a\\;b | c
          a=\\\\\\;\\=            -> a | \\;=
          a=%3B+x             -> a | %3B+x
          """)
  void readsWhatRealHostsSend(String input, String pair) throws Exception {
    String[] expected = pair.split(" \\| ", -1);
    assertThat(OptionString.parse(input))
        .containsExactly(new Item(expected[0], Optional.of(expected[1])));
  }

  @Test
  void keepsDuplicatesInOrder() throws Exception {
    assertThat(OptionString.parse("a=1;b=2;a=3"))
        .extracting(item -> item.key() + item.value().orElseThrow())
        .containsExactly("a1", "b2", "a3");
  }

  @Test
  void trimsNothing() throws Exception {
    assertThat(OptionString.parse(" a = b ;\u00a0=\u3000"))
        .containsExactly(
            new Item(" a ", Optional.of(" b ")), new Item("\u00a0", Optional.of("\u3000")));
  }

  @ParameterizedTest
  @ValueSource(chars = {'\0', '\t', '\n', '\r', '\u001b', '\u007f', '\u0085'})
  void refusesControlCharacters(char c) {
    String code = "a control character (code " + (int) c + ")";
    refused(() -> OptionString.parse("x=1;a=b" + c), code, "after the option 'x'");
    refused(() -> OptionString.parse("a" + c + "=b"), code);
    refused(() -> OptionString.parse("a=\\" + c), code);
  }

  /** Values may be secret, so the place is told by the key before it. */
  @Test
  void namesThePlaceOfAMistakeWithoutAValue() {
    refused(() -> OptionString.parse("a=SECRET;b=MORE;=x"), "an empty key, after the option 'b'");
    refused(() -> OptionString.parse("a=1;b=SECRET\\"), "a lone backslash at the end, after the");
    assertThat(messageOf("a=SECRET;b=SECRET;=SECRET")).doesNotContain("SECRET");
    assertThat(messageOf("a=SECRET;b=SECRET\\")).doesNotContain("SECRET");
    assertThat(messageOf("a=SECRET;b=SECRET\t")).doesNotContain("SECRET");
  }

  private static String messageOf(String text) {
    try {
      return "read without a mistake: " + OptionString.parse(text) + " SECRET";
    } catch (AdapterException e) {
      return e.getMessage();
    }
  }

  @Test
  void readsBackWhatItEscapes() throws Exception {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 2000; round++) {
      List<Item> items = new ArrayList<>();
      StringBuilder text = new StringBuilder();
      for (int i = random.nextInt(5); i >= 0; i--) {
        String key = text(random, 1 + random.nextInt(6));
        Optional<String> value =
            random.nextInt(5) == 0
                ? Optional.empty()
                : Optional.of(text(random, random.nextInt(12)));
        items.add(new Item(key, value));
        text.append(OptionString.escape(key));
        value.ifPresent(v -> text.append('=').append(OptionString.escape(v)));
        text.append(";".repeat(i == 0 ? 0 : 1 + random.nextInt(2)));
      }
      assertThat(OptionString.parse(text.toString()))
          .as("seed %d: %s", seed, text)
          .isEqualTo(items);
    }
  }

  private static String text(Random random, int length) {
    String alphabet = "\\\\\\;;;===ab \"'+/|é日\ud83d\ude00";
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append(alphabet.charAt(random.nextInt(alphabet.length())));
    }
    return text.toString();
  }
}
