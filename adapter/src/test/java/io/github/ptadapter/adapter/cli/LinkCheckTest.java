package io.github.ptadapter.adapter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.adapter.cli.LinkCheck.Remark;
import io.github.ptadapter.adapter.cli.Step.Mark;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LinkCheckTest {

  private static final String CERT =
      "ssH%2B9rP8dG2NLDN2XuFw63hIO%2F9MNNinLmxQDpVa%2B7kTOa9%2Fm%2BtGWT1SmSYpQ9uTBGa6Hw";

  private static final String GOOD =
      "ss://YWVzLTI1Ni1nY206cGFzcw@192.0.2.1:443/?plugin=pt-adapter%3Btransport%3Dobfs4%3Bcert%3D"
          + CERT
          + "%3Biat-mode%3D0#home";

  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      quoteCharacter = '~',
      value = {
        "%2B -> + -> most programs read it as a blank",
        "%2B -> %20 -> cert has a blank in it; a link has probably lost a '+'",
        "%3B -> ; -> programs in Go drop the plugin",
        "% -> %25 -> encoded twice",
        "pt-adapter -> obfs-local -> the plugin is 'obfs-local', not pt-adapter",
        "ssH%2B -> ~~ -> cert has 66 characters instead of 70",
        "%3Bcert -> %3Bcrt -> obfs4 needs cert=",
        "transport%3Dobfs4 -> server%3Btransport%3Dobfs4 -> plugin options of a server",
        "transport%3Dobfs4 -> x%3Dy -> no transport",
        "iat-mode%3D0 -> iat-mode%3D7 -> iat-mode is 0, 1 or 2",
        "iat-mode%3D0 -> iat-mode%3D%zz -> a % without two hex digits",
        "iat-mode%3D0 -> iat-mode%3D%ff -> it is no UTF-8",
        "iat-mode%3D0 -> lone%5C -> a lone backslash at the end",
        "192.0.2.1:443 -> 192.0.2.1 -> no server: bad address '192.0.2.1'",
        "192.0.2.1:443 -> 192.0.2.1:70000 -> port '70000' is not in 1..65535",
        "192.0.2.1:443 -> 0.0.0.0:443 -> which only a server can have",
        "192.0.2.1:443 -> 2001:db8::1:443 -> IPv6 addresses stand in brackets",
        "@192.0.2.1:443 -> ~~ -> there is no @ in it",
        "YWVzLTI1Ni1nY206cGFzcw -> no:: -> 'no' is none that today's hosts know",
        "YWVzLTI1Ni1nY206cGFzcw -> !!! -> no METHOD:PASSWORD in base64",
        "YWVzLTI1Ni1nY206cGFzcw -> YWVz -> before the @ comes no METHOD:PASSWORD",
        "/?plugin= -> /?other= -> it names no plugin",
        "ss://YWVz -> ss://Y WVz -> there is a blank in it",
      })
  void namesTheMistake(String part, String replacement, String words) {
    String link = GOOD.replace(part, replacement);
    assertThat(link).isNotEqualTo(GOOD);
    assertThat(LinkCheck.of(link))
        .anySatisfy(remark -> {
          assertThat(remark.mark()).isNotEqualTo(Mark.GOOD);
          assertThat(remark.text()).contains(words);
        })
        .noneSatisfy(remark -> assertThat(remark.text()).contains("ssH+9rP8"));
  }

  @Test
  void goodLinksHaveOneGoodRemark() {
    assertThat(LinkCheck.of(GOOD + "\n"))
        .containsExactly(
            new Remark(Mark.GOOD, "a link for obfs4 at 192.0.2.1:443, method aes-256-gcm"));
    // As other programs write them: padded, without the slash, with another parameter.
    String other = GOOD.replace("cGFzcw@", "cGFzcw%3D%3D@").replace("/?plugin", "?x=y&plugin");
    assertThat(LinkCheck.of(other)).extracting(Remark::mark).containsExactly(Mark.GOOD);
  }

  @Test
  void schemeMayBeInUpperCase() {
    assertThat(LinkCheck.of(GOOD.replace("ss://", "SS://")))
        .extracting(Remark::mark)
        .containsExactly(Mark.GOOD);
  }

  @Test
  void byteOrderMarksAreNamed() {
    List<Remark> remarks = LinkCheck.of("\uFEFF" + GOOD);
    assertThat(remarks).extracting(Remark::mark).containsExactly(Mark.UNKNOWN, Mark.GOOD);
    assertThat(remarks.getFirst().text()).contains("byte order mark");
    assertThat(LinkCheck.of("\uFEFF{}").getFirst().text()).contains("byte order mark");
  }

  @Test
  void linksInLinesAreToldApart() {
    List<Remark> remarks = LinkCheck.of(GOOD + "\n\n" + GOOD.replace("pt-adapter", "x") + "\nx");
    assertThat(remarks).extracting(Remark::mark).containsExactly(Mark.GOOD, Mark.BAD, Mark.BAD);
    assertThat(remarks.get(0).text()).startsWith("line 1: ");
    assertThat(remarks.get(1).text()).startsWith("line 2: the plugin is 'x'");
    assertThat(remarks.get(2).text()).startsWith("line 3: this is no link");
  }

  @ParameterizedTest
  @CsvSource({"''", "nonsense", "http://example.com", "ss://", "ss://@", "ss://@:", "ss://a@b:1/?"})
  void nonsenseIsRefused(String text) {
    assertThat(LinkCheck.of(text)).isNotEmpty().allMatch(remark -> remark.mark() == Mark.BAD);
  }
}
