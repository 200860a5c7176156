package io.github.ptadapter.ptclient;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.github.ptadapter.ptclient.PtMessage.ClientMethodsDone;
import io.github.ptadapter.ptclient.PtMessage.EnvError;
import io.github.ptadapter.ptclient.PtMessage.Log;
import io.github.ptadapter.ptclient.PtMessage.Malformed;
import io.github.ptadapter.ptclient.PtMessage.MethodError;
import io.github.ptadapter.ptclient.PtMessage.ProxyDone;
import io.github.ptadapter.ptclient.PtMessage.ProxyError;
import io.github.ptadapter.ptclient.PtMessage.ServerMethodsDone;
import io.github.ptadapter.ptclient.PtMessage.Status;
import io.github.ptadapter.ptclient.PtMessage.Unknown;
import io.github.ptadapter.ptclient.PtMessage.Version;
import io.github.ptadapter.ptclient.PtMessage.VersionError;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** The grammar of a PT's lines (pt-spec 3.3), with tor's leniency for runs of blanks and tabs. */
final class LineParser {

  private static final Pattern BLANKS = Pattern.compile("[ \t]+");

  /** Enough of an unknown keyword to recognise it by. */
  private static final int MAX_KEYWORD_CHARS = 40;

  private LineParser() {}

  static PtMessage parse(String line) {
    String[] words = BLANKS.split(line);
    String keyword = words.length == 0 ? "" : words[0];
    if (line.indexOf('\0') >= 0) {
      return unknown(keyword);
    }
    String rest = line.substring(keyword.length()).strip();
    try {
      return switch (keyword) {
        case "VERSION" -> new Version(word(words, 1, "missing version"));
        case "VERSION-ERROR" -> new VersionError(rest);
        case "ENV-ERROR" -> new EnvError(rest);
        case "PROXY-ERROR" -> new ProxyError(rest);
        case "PROXY" -> rest.equals("DONE") ? new ProxyDone() : unknown(keyword);
        case "CMETHOD" -> clientMethod(words);
        case "SMETHOD" -> serverMethod(words);
        case "CMETHOD-ERROR", "SMETHOD-ERROR" -> methodError(words, rest);
        case "CMETHODS" -> rest.equals("DONE") ? new ClientMethodsDone() : unknown(keyword);
        case "SMETHODS" -> rest.equals("DONE") ? new ServerMethodsDone() : unknown(keyword);
        case "LOG" -> log(rest);
        case "STATUS" -> new Status(fields(rest, false));
        default -> unknown(keyword);
      };
    } catch (IllegalArgumentException e) {
      return new Malformed(keyword, transportOf(words), String.valueOf(e.getMessage()));
    }
  }

  private static ClientMethod clientMethod(String[] words) {
    TransportName transport = transport(words);
    String protocol = word(words, 2, "too few fields");
    String address = word(words, 3, "too few fields");
    SocksVersion socks =
        switch (protocol) {
          case "socks4" -> SocksVersion.SOCKS4;
          case "socks5" -> SocksVersion.SOCKS5;
          default -> throw new IllegalArgumentException("unknown protocol");
        };
    return new ClientMethod(transport, socks, Endpoint.parseIp(address));
  }

  private static ServerMethod serverMethod(String[] words) {
    TransportName transport = transport(words);
    Endpoint address = serverAddress(word(words, 2, "too few fields"));
    PtArgs args = PtArgs.NONE;
    for (int i = 3; i < words.length; i++) {
      if (words[i].startsWith("ARGS:")) {
        args = PtArgs.parseSmethodArgs(words[i].substring("ARGS:".length()));
      }
    }
    return new ServerMethod(transport, address, args);
  }

  /** Reads an address without quoting it: where it is missing, the cert stands in its place. */
  private static Endpoint serverAddress(String text) {
    try {
      return Endpoint.parseIp(text);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("not an IP address and port");
    }
  }

  private static MethodError methodError(String[] words, String rest) {
    TransportName transport = transport(words);
    return new MethodError(transport, rest.substring(transport.value().length()).strip());
  }

  private static Log log(String rest) {
    Optional<String> severity = Optional.empty();
    Optional<String> text = Optional.empty();
    for (PtArgs.Pair field : fields(rest, true)) {
      switch (field.key()) {
        case "SEVERITY" -> severity = Optional.of(field.value());
        case "MESSAGE" -> text = Optional.of(field.value());
        default -> {
          // Later versions of the protocol may add fields.
        }
      }
    }
    return new Log(
        severity.orElseThrow(() -> new IllegalArgumentException("no severity")),
        text.orElseThrow(() -> new IllegalArgumentException("no message")));
  }

  /**
   * Reads {@code key=value} fields, where a value is a CString or runs to the next blank.
   *
   * @param messageToEnd whether a MESSAGE without quotes runs to the end of the line
   */
  private static List<PtArgs.Pair> fields(String text, boolean messageToEnd) {
    List<PtArgs.Pair> fields = new ArrayList<>();
    int at = 0;
    while (at < text.length()) {
      int equals = text.indexOf('=', at);
      if (equals < 0 || BLANKS.matcher(text.substring(at, equals)).find()) {
        throw new IllegalArgumentException("no = in a field");
      }
      String key = text.substring(at, equals);
      int start = equals + 1;
      int end;
      String value;
      if (start < text.length() && text.charAt(start) == '"') {
        end = closingQuote(text, start);
        value = unescape(text.substring(start + 1, end));
        end++;
      } else {
        end = messageToEnd && key.equals("MESSAGE") ? text.length() : nextBlank(text, start);
        value = text.substring(start, end);
      }
      fields.add(new PtArgs.Pair(key, value));
      at = end;
      while (at < text.length() && isBlank(text.charAt(at))) {
        at++;
      }
    }
    if (fields.isEmpty()) {
      throw new IllegalArgumentException("no fields");
    }
    return fields;
  }

  private static int closingQuote(String text, int open) {
    for (int i = open + 1; i < text.length(); i++) {
      switch (text.charAt(i)) {
        case '\\' -> i++;
        case '"' -> {
          return i;
        }
        default -> {}
      }
    }
    throw new IllegalArgumentException("no closing quote");
  }

  /** Resolves the escapes of a CString (control-spec 2.1.1); octal ones stand for UTF-8 bytes. */
  private static String unescape(String text) {
    if (text.indexOf('\\') < 0) {
      return text;
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(text.length());
    int at = 0;
    while (at < text.length()) {
      int backslash = text.indexOf('\\', at);
      if (backslash < 0) {
        backslash = text.length();
      }
      bytes.writeBytes(text.substring(at, backslash).getBytes(UTF_8));
      at = backslash + 1;
      if (at >= text.length()) {
        continue;
      }
      if (isOctal(text.charAt(at))) {
        int end = at;
        int value = 0;
        while (end < text.length() && end < at + 3 && isOctal(text.charAt(end))) {
          value = value * 8 + (text.charAt(end++) - '0');
        }
        if (value > 0xff) {
          throw new IllegalArgumentException("octal escape above 377");
        }
        bytes.write(value);
        at = end;
      } else {
        int c = text.codePointAt(at);
        String plain =
            switch (c) {
              case 'n' -> "\n";
              case 't' -> "\t";
              case 'r' -> "\r";
              default -> Character.toString(c);
            };
        bytes.writeBytes(plain.getBytes(UTF_8));
        at += Character.charCount(c);
      }
    }
    return bytes.toString(UTF_8);
  }

  private static TransportName transport(String[] words) {
    String name = word(words, 1, "no transport");
    if (!TransportName.isValid(name)) {
      throw new IllegalArgumentException("transport name is not a C identifier");
    }
    return new TransportName(name);
  }

  private static Optional<TransportName> transportOf(String[] words) {
    boolean named = words.length > 1 && (words[0].equals("CMETHOD") || words[0].equals("SMETHOD"));
    return named && TransportName.isValid(words[1])
        ? Optional.of(new TransportName(words[1]))
        : Optional.empty();
  }

  private static String word(String[] words, int index, String missing) {
    if (index >= words.length) {
      throw new IllegalArgumentException(missing);
    }
    return words[index];
  }

  private static int nextBlank(String text, int from) {
    int at = from;
    while (at < text.length() && !isBlank(text.charAt(at))) {
      at++;
    }
    return at;
  }

  private static boolean isBlank(char c) {
    return c == ' ' || c == '\t';
  }

  private static boolean isOctal(char c) {
    return c >= '0' && c <= '7';
  }

  private static Unknown unknown(String keyword) {
    String printable = keyword.replaceAll("[^\\x20-\\x7e]", "?");
    return new Unknown(printable.substring(0, Math.min(printable.length(), MAX_KEYWORD_CHARS)));
  }
}
