package io.github.ptadapter.it;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;

/** The web server before a webtunnel server: it ends TLS, with a certificate of its own. */
final class TlsFront implements AutoCloseable {

  private static final char[] PASSWORD = "not secret".toCharArray();

  private final SSLSocketFactory tls;
  private final String pin;
  private final int target;
  private final TestServer listener;

  private TlsFront(String host, int target, KeyStore keys) throws GeneralSecurityException {
    KeyManagerFactory managers =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    managers.init(keys, PASSWORD);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(managers.getKeyManagers(), null, null);
    tls = context.getSocketFactory();
    byte[] certificate = keys.getCertificate("front").getEncoded();
    pin =
        Base64.getEncoder()
            .encodeToString(MessageDigest.getInstance("SHA-256").digest(certificate));
    this.target = target;
    listener = TestServer.start(host, this::serve);
  }

  /** Listens on {@code host} and leads to {@code target} on 127.0.0.1. */
  static TlsFront start(Path dir, String host, int target) throws IOException {
    Path file = dir.resolve("front.p12");
    String keytool = Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
    List<String> command = new ArrayList<>(List.of(keytool, "-genkeypair", "-alias", "front"));
    command.addAll(List.of("-keyalg", "EC", "-dname", "CN=front", "-ext", "SAN=IP:" + host));
    command.addAll(List.of("-keystore", file.toString(), "-storepass", new String(PASSWORD)));
    try (Program making = Program.start(new ProcessBuilder(command))) {
      if (making.awaitExit(Await.LIMIT) != 0) {
        throw new AssertionError("no certificate: " + making.out() + making);
      }
    }
    try (InputStream in = Files.newInputStream(file)) {
      KeyStore keys = KeyStore.getInstance("PKCS12");
      keys.load(in, PASSWORD);
      return new TlsFront(host, target, keys);
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  int port() {
    return listener.port();
  }

  /** The certificate's SHA-256 in base64, webtunnel's {@code cert}. */
  String pin() {
    return pin;
  }

  /** The first end of either side ends both, as between web servers. */
  private void serve(Socket plain) throws IOException {
    try (Socket outside = tls.createSocket(plain, null, true);
        Socket inside = Loopback.connect(target)) {
      outside.setSoTimeout(0);
      inside.setSoTimeout(0);
      Thread.ofVirtual().start(() -> copy(inside, outside));
      copy(outside, inside);
    }
  }

  private static void copy(Socket from, Socket to) {
    try (from;
        to) {
      from.getInputStream().transferTo(to.getOutputStream());
    } catch (IOException e) {
      // The other end has closed; so does this one.
    }
  }

  @Override
  public void close() {
    listener.close();
  }
}
