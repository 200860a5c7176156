package io.github.ptadapter.adapter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.adapter.cli.LinkCheck.Remark;
import io.github.ptadapter.adapter.cli.Step.Mark;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigCheckTest {

  private static final String GOOD =
      """
      {
        "server": "192.0.2.1",
        "server_port": 443,
        "local_port": 1080,
        "password": "//no # comment, /* this */",
        "method": "aes-256-gcm",
        "plugin": "pt-adapter",
        "plugin_opts": "transport=obfs4;cert=ssH+9rP8dG2NLDN2XuFw63hIO/9MNNinLmxQDpVa+7kTOa9/m+tGWT1SmSYpQ9uTBGa6Hw"
      }
      """;

  @Test
  void goodConfigurationsHaveOneGoodRemark() {
    assertThat(ConfigCheck.of(GOOD))
        .containsExactly(
            new Remark(
                Mark.GOOD,
                "a configuration of a client of obfs4 at 192.0.2.1 port 443, method aes-256-gcm"));
  }

  @Test
  void serversMayListenOnAllAddresses() {
    String server = GOOD.replace("192.0.2.1", "0.0.0.0").replace("transport=", "server;transport=");
    assertThat(ConfigCheck.of(server))
        .singleElement()
        .satisfies(r -> assertThat(r.text()).contains("of a server of obfs4 at 0.0.0.0"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      quoteCharacter = '~',
      value = {
        "plugin_opts -> plugin-opts -> hosts ignore 'plugin-opts' without a word",
        "plugin_opts -> pluginOptions -> hosts ignore 'pluginOptions' without a word",
        "plugin_opts -> other -> 'plugin_opts' is missing",
        "pt-adapter -> v2ray-plugin -> the plugin is 'v2ray-plugin', not pt-adapter",
        "\"plugin\" -> \"x\" -> 'plugin' is missing",
        "\"server\" -> \"x\" -> 'server' is missing",
        "\"server_port\" -> \"x\" -> 'server_port' is missing",
        "443 -> 70000 -> 'server_port': port '70000' is not in 1..65535",
        "\"password\" -> \"x\" -> 'password' is missing",
        "\"method\" -> \"x\" -> 'method' is missing",
        "aes-256-gcm -> rot13 -> 'rot13' is none that today's hosts know",
        "\"local_port\" -> \"x\" -> 'local_port' is missing",
        "ssH+ -> ~ssH ~ -> cert has a blank in it; a link has probably lost a '+'",
        "ssH+ -> ssH -> cert has 69 characters instead of 70",
        "192.0.2.1 -> 0.0.0.0 -> add 'server' to the plugin options",
        "443, -> 443, // the port\\n -> line 3: a comment, which JSON does not have",
        "443, -> 443, # the port\\n -> line 3: a comment with #, which JSON does not have: all hosts",
        "443, -> /* the port */ 443, -> line 3: a comment",
        "Hw\" -> Hw\", -> line 8: a comma before a closing bracket",
        "443, -> 443 -> this is not JSON",
        "443, -> x, -> this is not JSON",
      })
  void namesTheMistake(String part, String replacement, String words) {
    String config = GOOD.replace(part, replacement.replace("\\n", "\n"));
    assertThat(config).isNotEqualTo(GOOD);
    assertThat(ConfigCheck.of(config))
        .anySatisfy(remark -> {
          assertThat(remark.mark()).isNotEqualTo(Mark.GOOD);
          assertThat(remark.text()).contains(words);
        });
  }

  /** Both hosts read it, and so it does not make the file a bad one. */
  @Test
  void commaBeforeAClosingBracketIsAQuestion() {
    assertThat(ConfigCheck.of(GOOD.replace("Hw\"", "Hw\",")))
        .extracting(Remark::mark)
        .containsExactly(Mark.UNKNOWN, Mark.GOOD);
  }

  @Test
  void everyKindOfCommentIsToldOnce() {
    String config = GOOD.replace("443,", "443, // a\n// b\n# c\n").strip() + "\n/* d\n";
    assertThat(ConfigCheck.of(config))
        .filteredOn(remark -> remark.mark() == Mark.BAD)
        .extracting(Remark::text)
        .satisfiesExactly(
            first -> assertThat(first).startsWith("line 3: a comment, which"),
            second -> assertThat(second).startsWith("line 5: a comment with #"),
            third -> assertThat(third).startsWith("line 13: a comment /* that is not closed"));
  }

  @Test
  void listsOfServersAreReadInBothForms() {
    String second =
        GOOD.replace("\"server\"", "\"address\"")
            .replace("\"server_port\"", "\"port\"")
            .replace("pt-adapter", "other");
    List<Remark> remarks = ConfigCheck.of("{\"servers\": [" + GOOD + "," + second + ", 3]}");
    assertThat(remarks).extracting(Remark::mark).containsExactly(Mark.GOOD, Mark.BAD, Mark.BAD);
    assertThat(remarks.get(1).text()).isEqualTo("server 2: the plugin is 'other', not pt-adapter");
    assertThat(remarks.get(2).text()).startsWith("server 3: ");
  }

  @ParameterizedTest
  @CsvSource({"{", "{}", "{\"servers\":[]}", "/*", "#", "'{\"a\": \"'", "{\"server\":\"[::1\"}"})
  void nonsenseIsRefused(String text) {
    assertThat(LinkCheck.of(text)).isNotEmpty().allMatch(remark -> remark.mark() == Mark.BAD);
  }
}
