package io.github.ptadapter.adapter;

import static io.github.ptadapter.adapter.Refusals.refused;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.ptclient.PtArgs;
import io.github.ptadapter.ptclient.TransportName;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TransportArgsTest {

  private static final TransportName OBFS4 = new TransportName("obfs4");
  private static final String CERT =
      "ssH+9rP8dG2NLDN2XuFw63hIO/9MNNinLmxQDpVa+7kTOa9/m+tGWT1SmSYpQ9uTBGa6Hw";
  private static final String NODE_ID = "0123456789abcdefABCDEF0123456789abcdef01";
  private static final String KEY = "0123456789abcdef".repeat(4);
  private static final String SEED = "0123456789abcdef".repeat(3);

  @Test
  void sendsIatModeZeroWhenItIsLeftOut() throws Exception {
    PtArgs cert = PtArgs.NONE.with("cert", CERT);
    assertThat(client(cert)).isEqualTo(cert.with("iat-mode", "0"));
    PtArgs keys = PtArgs.NONE.with("node-id", NODE_ID).with("public-key", KEY);
    assertThat(client(keys)).isEqualTo(keys.with("iat-mode", "0"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "1", "2"})
  void leavesIatModeAsItIs(String mode) throws Exception {
    PtArgs args = PtArgs.NONE.with("iat-mode", mode).with("cert", CERT);
    assertThat(client(args)).isEqualTo(args);
    assertThat(server(PtArgs.NONE.with("iat-mode", mode)))
        .isEqualTo(PtArgs.NONE.with("iat-mode", mode));
  }

  @ParameterizedTest
  @ValueSource(strings = {"3", "-1", "", "00", "on", " 0", "0 "})
  void refusesAnotherIatModeInBothRoles(String mode) {
    PtArgs args = PtArgs.NONE.with("cert", CERT).with("iat-mode", mode);
    refused(() -> client(args), "bad obfs4 argument: iat-mode is 0, 1 or 2");
    refused(() -> server(args), "bad obfs4 argument: iat-mode is 0, 1 or 2");
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      quoteCharacter = '~',
      textBlock =
          """
          ~~ -> cert has 0 characters instead of 70; copy it again, as a whole
          AAAA -> cert has 4 characters instead of 70; copy it again
          CERTA -> cert has 71 characters instead of 70
          ... -> cert=... stands for the server's own; copy the line in its client-plugin-opts.txt
          CERT== -> may hold only A-Z a-z 0-9 + / (no = at its end)
          BLANK -> cert has a blank in it; a link has probably lost a '+' there
          CERT%2B -> may hold only A-Z
          <your cert> -> cert has a blank in it
          CERT_ -> may hold only A-Z
          """)
  void refusesABadCert(String cert, String words) {
    PtArgs args =
        PtArgs.NONE.with(
            "cert", cert.replace("CERT", CERT).replace("BLANK", CERT.replace('+', ' ')));
    refused(() -> client(args), "bad obfs4 argument: ", words);
  }

  @Test
  void neverQuotesACert() {
    assertThat(CERT).hasSize(70);
    for (String bad : new String[] {CERT + "x", CERT + "=", CERT.replace('+', ' ')}) {
      try {
        client(PtArgs.NONE.with("cert", bad));
        assertThat(bad).isEqualTo("refused");
      } catch (AdapterException e) {
        assertThat(e.getMessage()).doesNotContain(CERT.substring(5, 15));
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      quoteCharacter = '~',
      textBlock =
          """
          none -> none -> obfs4 needs cert=...: the server prints it and keeps it in client-plugin-opts.txt
          ID -> none -> obfs4 needs cert=...
          none -> KEY -> (node-id and public-key together do too)
          IDa -> KEY -> bad obfs4 argument: node-id is 40 hex digits
          zz -> KEY -> bad obfs4 argument: node-id is 40 hex digits
          ID -> KEYa -> bad obfs4 argument: public-key is 64 hex digits
          ID -> ~~ -> bad obfs4 argument: public-key is 64 hex digits
          """)
  void refusesTheKeysOfAServerThatAreNone(String nodeId, String publicKey, String words) {
    PtArgs args = PtArgs.NONE;
    if (!nodeId.equals("none")) {
      args = args.with("node-id", nodeId.replace("ID", NODE_ID));
    }
    if (!publicKey.equals("none")) {
      args = args.with("public-key", publicKey.replace("KEY", KEY));
    }
    PtArgs all = args;
    refused(() -> client(all), words);
  }

  /** obfs4proxy looks at nothing else when there is a cert. */
  @Test
  void letsTheCertWin() throws Exception {
    PtArgs args = PtArgs.NONE.with("cert", CERT).with("node-id", "x").with("iat-mode", "0");
    assertThat(client(args)).isEqualTo(args);
  }

  @Test
  void takesTheKeysOfAServerWholeOrNone() throws Exception {
    assertThat(server(PtArgs.NONE)).isEqualTo(PtArgs.NONE);
    PtArgs keys =
        PtArgs.NONE.with("node-id", NODE_ID).with("private-key", KEY).with("drbg-seed", SEED);
    assertThat(server(keys)).isEqualTo(keys);
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = " -> ",
      textBlock =
          """
          100 -> missing is private-key and drbg-seed
          010 -> missing is node-id and drbg-seed
          001 -> missing is node-id and private-key
          011 -> missing is node-id
          101 -> missing is private-key
          110 -> node-id, private-key, drbg-seed all together or none of them
          211 -> bad obfs4 argument: node-id is 40 hex digits
          121 -> bad obfs4 argument: private-key is 64 hex digits
          112 -> bad obfs4 argument: drbg-seed is 48 hex digits
          """)
  void refusesAPartOfAnIdentityAndWhatIsNone(String which, String words) {
    List<String> names = List.of("node-id", "private-key", "drbg-seed");
    List<String> values = List.of(NODE_ID, KEY, SEED);
    PtArgs args = PtArgs.NONE;
    for (int i = 0; i < names.size(); i++) {
      switch (which.charAt(i)) {
        case '1' -> args = args.with(names.get(i), values.get(i));
        case '2' -> args = args.with(names.get(i), values.get(i).replace('e', 'x'));
        default -> {}
      }
    }
    PtArgs all = args;
    refused(() -> server(all), words);
    try {
      server(all);
    } catch (AdapterException e) {
      assertThat(e.getMessage()).doesNotContain(KEY.substring(1, 10));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"obfs3", "meek_lite", "webtunnel", "snowflake", "OBFS4"})
  void leavesOtherTransportsAlone(String transport) throws Exception {
    PtArgs args = PtArgs.NONE.with("cert", "x y").with("iat-mode", "9");
    assertThat(TransportArgs.check(new TransportName(transport), false, args)).isEqualTo(args);
  }

  private static PtArgs client(PtArgs args) throws AdapterException {
    return TransportArgs.check(OBFS4, false, args);
  }

  private static PtArgs server(PtArgs args) throws AdapterException {
    return TransportArgs.check(OBFS4, true, args);
  }
}
