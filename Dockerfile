# shadowsocks-libev with pt-adapter, which brings its own Java and an obfs4proxy. Make the package first:
#
#   mvn -B -Pdist -DskipTests package
#   docker build -t pt-adapter .
#
# docs/containers.md tells how to use it.
ARG BASE=debian:bookworm-slim
FROM ${BASE}

LABEL org.opencontainers.image.title="pt-adapter" \
      org.opencontainers.image.description="Shadowsocks over Tor's pluggable transports" \
      org.opencontainers.image.licenses="Apache-2.0 AND GPL-3.0-or-later"

RUN dpkg -s shadowsocks-libev >/dev/null 2>&1 || { \
      apt-get update && \
      apt-get install -y --no-install-recommends shadowsocks-libev && \
      rm -rf /var/lib/apt/lists/*; }

# Debian gives their files a capability, with which they do not start under --cap-drop ALL. The transport,
# which has the public port, would not inherit it.
RUN for program in ss-local ss-server ss-tunnel; do \
      file=/usr/bin/$program; \
      [ -z "$(getcap $file 2>/dev/null)" ] || setcap -r $file || exit; \
    done

# Docker unpacks it, and keeps the times of the files: Java compares those with what it has learned.
ADD dist/target/pt-adapter-*-linux-*[0-9].tar.gz /opt/
RUN ln -s /opt/pt-adapter-*/bin/pt-adapter /usr/local/bin/ && \
    useradd --system --home-dir /var/lib/pt-adapter --shell /usr/sbin/nologin pt-adapter && \
    install -d -o pt-adapter -g pt-adapter -m 700 /var/lib/pt-adapter

# Without state= the state is in there too.
ENV XDG_STATE_HOME=/var/lib
VOLUME /var/lib/pt-adapter
USER pt-adapter
WORKDIR /var/lib/pt-adapter
CMD ["pt-adapter", "--help"]
