package io.github.ptadapter.adapter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.ptadapter.adapter.cli.Step.Mark;
import io.github.ptadapter.ptclient.Endpoint;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProfileTest {

  private static final String OPTIONS =
      "transport=obfs4;cert=ssH+9rP8dG2NLDN2XuFw63hIO/9MNNinLmxQDpVa+7kTOa9/m+tGWT1SmSYpQ9uTBGa6Hw"
          + ";iat-mode=0";

  @Test
  void linkHoldsNothingThatProgramsReadInTwoWays() {
    assertThat(profile("aes-256-gcm", "pass", "192.0.2.1", Optional.of("my home")).link())
        .isEqualTo(
            "ss://YWVzLTI1Ni1nY206cGFzcw@192.0.2.1:443/?plugin=pt-adapter%3Btransport%3Dobfs4"
                + "%3Bcert%3DssH%2B9rP8dG2NLDN2XuFw63hIO%2F9MNNinLmxQDpVa%2B7kTOa9%2Fm%2BtGWT1SmSYp"
                + "Q9uTBGa6Hw%3Biat-mode%3D0#my%20home");
  }

  @Test
  void userInfoOfThe2022MethodsIsPlain() {
    assertThat(profile("2022-blake3-aes-128-gcm", "a+/=:b", "192.0.2.1", Optional.empty()).link())
        .startsWith("ss://2022-blake3-aes-128-gcm:a%2B%2F%3D%3Ab@192.0.2.1:443/?plugin=");
  }

  @Test
  void ipv6HostsStandInBrackets() {
    assertThat(profile("aes-256-gcm", "pass", "2001:db8::1", Optional.empty()).link())
        .contains("@[2001:db8::1]:443/?");
  }

  /** Passwords that look like parts of a link or of JSON. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      value = {
        "aes-256-gcm -> p@ss:w#rd?/%41",
        "aes-256-gcm -> пароль\"\\",
        "2022-blake3-aes-256-gcm -> p@ss:w#rd?/%41",
      })
  void whatIsWrittenIsReadBackWithoutARemark(String method, String password) throws Exception {
    Profile profile = profile(method, password, "example.com", Optional.of("№ 1 #;+"));
    assertThat(LinkCheck.of(profile.link()))
        .singleElement()
        .satisfies(remark -> {
          assertThat(remark.mark()).isEqualTo(Mark.GOOD);
          assertThat(remark.text()).contains("obfs4 at example.com:443", method);
        });
    assertThat(LinkCheck.of(profile.json(1080)))
        .singleElement()
        .satisfies(remark -> assertThat(remark.mark()).isEqualTo(Mark.GOOD));
    JsonNode json = JsonMapper.builder().build().readTree(profile.json(1080));
    assertThat(json.get("password").textValue()).isEqualTo(password);
    assertThat(json.get("plugin_opts").textValue()).isEqualTo(OPTIONS);
    assertThat(json.get("server_port").intValue()).isEqualTo(443);
    assertThat(json.get("local_port").intValue()).isEqualTo(1080);
  }

  private static Profile profile(
      String method, String password, String host, Optional<String> tag) {
    return new Profile(method, password, new Endpoint(host, 443), "pt-adapter", OPTIONS, tag);
  }
}
