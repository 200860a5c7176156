package io.github.ptadapter.adapter.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.ptadapter.adapter.Meter;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import java.io.ByteArrayOutputStream;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StatusLineTest {

  private final ByteArrayOutputStream terminal = new ByteArrayOutputStream();

  @ParameterizedTest
  @CsvSource({
    "0, 0 B",
    "999, 999 B",
    "1000, 1.0 kB",
    "12345, 12.3 kB",
    "99949, 99.9 kB",
    "99950, 100 kB",
    "999499, 999 kB",
    "999500, 1.0 MB",
    "5000000000, 5.0 GB",
    "9223372036854775807, 9223372 TB",
  })
  void bytesHaveThreeDigitsOrSo(long bytes, String words) {
    assertThat(StatusLine.bytes(bytes)).isEqualTo(words);
  }

  @Test
  void tellsStateTunnelsAndTraffic() {
    StatusLine status = new StatusLine(new Meter(), false, terminal);
    assertThat(status.line()).isEqualTo("starting | tunnels 0 | up 0 B, 0 B/s | down 0 B, 0 B/s");
    assertThat(new StatusLine(new Meter(), true, terminal).line())
        .isEqualTo("starting | the transport's own program carries the bytes");
  }

  @Test
  void logLinesComeAboveTheLine() throws Exception {
    Meter meter = new Meter();
    StatusLine status = new StatusLine(meter, false, terminal);
    status.write("first\n".getBytes(UTF_8));
    status.show();
    String idle = "\033[?7l" + status.line() + "\033[?7h";
    new EmbeddedChannel(meter.counter()).writeInbound(Unpooled.wrappedBuffer(new byte[5]));
    String busy = "\033[?7l" + status.line() + "\033[?7h";
    assertThat(busy).contains("tunnels 1 | up 5 B");
    status.write("second\n".getBytes(UTF_8));
    status.end();
    status.write("third\n".getBytes(UTF_8));
    String erase = "\r\033[K";
    assertThat(terminal.toString(UTF_8))
        .isEqualTo(
            String.join(
                "", List.of("first\n", erase, idle, erase, "second\n", busy, erase, "third\n")));
    assertThat(status.show()).isFalse();
  }
}
