/*
 * A pluggable transport without a disguise, for the benchmark: SOCKS on loopback, then plain TCP to the
 * target. It moves bytes with splice(2) and never copies them, so that what stands in front of it is
 * what limits.
 *
 * Managed mode, client side alone (pt-spec 3): it offers the transport "plain" as socks5, and serves
 * SOCKS4 too. Arguments of a connection are read and dropped; targets are IPv4. Like obfs4proxy it
 * closes a tunnel when either side has ended. One thread; two descriptors for an idle tunnel, since a
 * pipe is held only while bytes are under way.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIPE_BYTES = 1 << 20, EVENTS = 256, FREE_PIPES = 64, LONGEST_MESSAGE = 515 };

enum phase { GREETING, LOGIN, REQUEST, CONNECTING, RELAY, DEAD };

struct tunnel;

/* One connection of a tunnel, and the bytes on the way from it to the other one. */
struct end {
  int fd;
  uint32_t interest;
  bool ended;
  size_t pending;
  int pipe[2];
  struct tunnel *tunnel;
};

struct tunnel {
  struct end client, target;
  enum phase phase;
  bool socks4;
  size_t have;
  unsigned char message[LONGEST_MESSAGE];
  struct tunnel *next_dead;
};

static int events_fd;
static struct tunnel *dead;
static int free_pipes[FREE_PIPES][2];
static int free_count;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void watch(struct end *end, uint32_t interest) {
  if (end->interest == interest) return;
  struct epoll_event event = {.events = interest, .data.ptr = end};
  if (epoll_ctl(events_fd, EPOLL_CTL_MOD, end->fd, &event) < 0) fail("epoll_ctl");
  end->interest = interest;
}

static bool add(struct end *end, uint32_t interest) {
  struct epoll_event event = {.events = interest, .data.ptr = end};
  end->interest = interest;
  return epoll_ctl(events_fd, EPOLL_CTL_ADD, end->fd, &event) == 0;
}

static bool take_pipe(struct end *end) {
  if (free_count > 0) {
    free_count--;
    memcpy(end->pipe, free_pipes[free_count], sizeof end->pipe);
    return true;
  }
  if (pipe2(end->pipe, O_NONBLOCK | O_CLOEXEC) < 0) return false;
  fcntl(end->pipe[1], F_SETPIPE_SZ, PIPE_BYTES); /* smaller is slower, no more */
  return true;
}

static void drop_pipe(struct end *end) {
  if (end->pipe[0] < 0) return;
  if (end->pending == 0 && free_count < FREE_PIPES) {
    memcpy(free_pipes[free_count++], end->pipe, sizeof end->pipe);
  } else {
    close(end->pipe[0]);
    close(end->pipe[1]);
  }
  end->pipe[0] = end->pipe[1] = -1;
}

/* Its memory stays until the events that are already here have been looked at. */
static void bury(struct tunnel *tunnel) {
  if (tunnel->phase == DEAD) return;
  tunnel->phase = DEAD;
  drop_pipe(&tunnel->client);
  drop_pipe(&tunnel->target);
  close(tunnel->client.fd);
  if (tunnel->target.fd >= 0) close(tunnel->target.fd);
  tunnel->next_dead = dead;
  dead = tunnel;
}

static void no_delay(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* Moves what is there from one end to the other; false when the tunnel is over. */
static bool move(struct end *from, struct end *to) {
  if (from->pending == 0 && !from->ended) {
    if (from->pipe[0] < 0 && !take_pipe(from)) return false;
    ssize_t n = splice(from->fd, NULL, from->pipe[1], NULL, PIPE_BYTES, SPLICE_F_NONBLOCK);
    if (n < 0 && errno != EAGAIN) return false;
    from->ended = n == 0;
    from->pending = n > 0 ? (size_t)n : 0;
  }
  while (from->pending > 0) {
    ssize_t n = splice(from->pipe[0], NULL, to->fd, NULL, from->pending, SPLICE_F_NONBLOCK);
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) return false;
    from->pending -= (size_t)n;
  }
  if (from->pending == 0) drop_pipe(from);
  return !(from->ended && from->pending == 0);
}

static uint32_t wanted(const struct end *end, const struct end *other) {
  return (end->pending == 0 && !end->ended ? EPOLLIN : 0) | (other->pending > 0 ? EPOLLOUT : 0);
}

static void relay(struct end *end, struct end *other, uint32_t events) {
  struct tunnel *tunnel = end->tunnel;
  bool alive = !(events & EPOLLERR) && !((events & EPOLLHUP) && !(end->interest & EPOLLIN));
  if (alive && (events & (EPOLLIN | EPOLLHUP))) alive = move(end, other);
  if (alive && (events & EPOLLOUT)) alive = move(other, end);
  if (!alive) {
    bury(tunnel);
    return;
  }
  watch(end, wanted(end, other));
  watch(other, wanted(other, end));
}

static bool answer(struct tunnel *tunnel, const char *bytes, size_t length) {
  tunnel->have = 0;
  return write(tunnel->client.fd, bytes, length) == (ssize_t)length;
}

static bool dial(struct tunnel *tunnel, const unsigned char *host, const unsigned char *port) {
  struct sockaddr_in target = {.sin_family = AF_INET};
  memcpy(&target.sin_addr, host, 4);
  memcpy(&target.sin_port, port, 2);
  struct end *end = &tunnel->target;
  end->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (end->fd < 0) return false;
  no_delay(end->fd);
  tunnel->phase = CONNECTING;
  watch(&tunnel->client, 0);
  if (connect(end->fd, (struct sockaddr *)&target, sizeof target) < 0 && errno != EINPROGRESS)
    return false;
  return add(end, EPOLLOUT);
}

static bool dialled(struct tunnel *tunnel) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(tunnel->target.fd, SOL_SOCKET, SO_ERROR, &error, &length);
  bool granted = error == 0;
  tunnel->phase = RELAY;
  bool sent = tunnel->socks4
                  ? answer(tunnel, granted ? "\0\x5a\0\0\0\0\0\0" : "\0\x5b\0\0\0\0\0\0", 8)
                  : answer(tunnel, granted ? "\5\0\0\1\0\0\0\0\0\0" : "\5\5\0\1\0\0\0\0\0\0", 10);
  watch(&tunnel->target, EPOLLIN);
  watch(&tunnel->client, EPOLLIN);
  return sent && granted;
}

/* Looks at the message that has come so far; false when it is not SOCKS. */
static bool read_message(struct tunnel *tunnel) {
  const unsigned char *m = tunnel->message;
  size_t have = tunnel->have;
  switch (tunnel->phase) {
    case GREETING:
      if (m[0] == 4) {
        tunnel->socks4 = true;
        if (have < 9 || m[have - 1] != 0) return true;
        return m[1] == 1 && dial(tunnel, m + 4, m + 2);
      }
      if (m[0] != 5) return false;
      if (have < 2 || have < 2u + m[1]) return true;
      bool login = memchr(m + 2, 2, m[1]) != NULL;
      if (!login && memchr(m + 2, 0, m[1]) == NULL) return false;
      tunnel->phase = login ? LOGIN : REQUEST;
      return answer(tunnel, login ? "\5\2" : "\5\0", 2);
    case LOGIN:
      if (have < 2 || have < 3u + m[1] || have < 3u + m[1] + m[2 + m[1]]) return true;
      tunnel->phase = REQUEST;
      return answer(tunnel, "\1\0", 2);
    case REQUEST:
      if (have < 10) return true;
      return m[0] == 5 && m[1] == 1 && m[3] == 1 && dial(tunnel, m + 4, m + 8);
    default:
      return false;
  }
}

static void handshake(struct tunnel *tunnel) {
  ssize_t n = read(tunnel->client.fd, tunnel->message + tunnel->have,
                   sizeof tunnel->message - tunnel->have);
  if (n < 0 && errno == EAGAIN) return;
  if (n > 0) tunnel->have += (size_t)n;
  if (n <= 0 || !read_message(tunnel)) bury(tunnel);
}

static void accept_all(int listener) {
  int fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    struct tunnel *tunnel = calloc(1, sizeof *tunnel);
    if (tunnel == NULL) fail("calloc");
    tunnel->client = (struct end){.fd = fd, .pipe = {-1, -1}, .tunnel = tunnel};
    tunnel->target = (struct end){.fd = -1, .pipe = {-1, -1}, .tunnel = tunnel};
    no_delay(fd);
    if (!add(&tunnel->client, EPOLLIN)) bury(tunnel);
  }
}

static void handle(struct end *end, uint32_t events) {
  struct tunnel *tunnel = end->tunnel;
  bool is_client = end == &tunnel->client;
  if (tunnel->phase == RELAY) {
    relay(end, is_client ? &tunnel->target : &tunnel->client, events);
  } else if (tunnel->phase == CONNECTING) {
    if (is_client || !dialled(tunnel)) bury(tunnel); /* a client that leaves early reports a hang-up */
  } else if (tunnel->phase != DEAD) {
    handshake(tunnel);
  }
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof here;
  if (listener < 0 || bind(listener, (struct sockaddr *)&here, length) < 0 ||
      listen(listener, 4096) < 0 || getsockname(listener, (struct sockaddr *)&here, &length) < 0)
    fail("listen");

  events_fd = epoll_create1(EPOLL_CLOEXEC);
  struct end accepting = {.fd = listener}, input = {.fd = STDIN_FILENO};
  if (events_fd < 0 || !add(&accepting, EPOLLIN)) fail("epoll");
  const char *leash = getenv("TOR_PT_EXIT_ON_STDIN_CLOSE");
  if (leash != NULL && strcmp(leash, "1") == 0 && !add(&input, EPOLLIN)) fail("epoll");

  printf("VERSION 1\nCMETHOD plain socks5 127.0.0.1:%d\nCMETHODS DONE\n", ntohs(here.sin_port));
  fflush(stdout);

  struct epoll_event events[EVENTS];
  for (;;) {
    int count = epoll_wait(events_fd, events, EVENTS, -1);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; i++) {
      struct end *end = events[i].data.ptr;
      char ignored[256];
      if (end == &accepting) {
        accept_all(listener);
      } else if (end == &input) {
        if (read(STDIN_FILENO, ignored, sizeof ignored) <= 0) return 0;
      } else {
        handle(end, events[i].events);
      }
    }
    while (dead != NULL) {
      struct tunnel *next = dead->next_dead;
      free(dead);
      dead = next;
    }
  }
}
