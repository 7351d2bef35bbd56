// A program that uses libaio in earnest, compiled against the libaio.h of the system it is built on.
//
// Usage: cases FILE SMALL [LIMITED]. FILE: a file or drive of at least 8 MiB. SMALL: one that ends at exactly 64 KiB, as a
// full file system does; LIMITED: another, that ends as the largest file does.
// Each case prints "ok NAME", or "FAIL NAME" with the line and what was expected; the exit status is 0 only if all pass.
// The io_* functions are left undefined: whoever runs the program supplies them. Error numbers are compared by name.

#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MIB (1024 * 1024)
#define SMALL_SIZE 65536

static const char *file_path;
static const char *small_path;
static const char *limited_path;
static int is_drive;
static int failures;

#define EXPECT(actual, expected)                                                                    \
  do {                                                                                              \
    long long actual_ = (long long)(actual), expected_ = (long long)(expected);                     \
    if (actual_ != expected_) {                                                                     \
      printf("  line %d: %s is %lld, not %lld\n", __LINE__, #actual, actual_, expected_);           \
      failures++;                                                                                   \
    }                                                                                               \
  } while (0)

static void *const bad_pointers[] = {(void *)0xc0010000u, (void *)0xffffffffu, (void *)0xfffffff0u};
#define BAD_POINTERS 3

static int open_file(int flags) {
  int fd = open(file_path, flags, 0600);
  if (fd < 0) {
    printf("  open %s: errno %d\n", file_path, errno);
    failures++;
  }
  return fd;
}

static io_context_t open_context(int events) {
  io_context_t context = NULL;
  EXPECT(io_queue_init(events, &context), 0);
  return context;
}

static void fill(unsigned char *bytes, size_t length, unsigned seed) {
  for (size_t index = 0; index < length; index++) bytes[index] = (unsigned char)(index * 31 + (index >> 8) + seed);
}

/** Submits one request and waits for its event: event.res as signed, or what io_submit answered. */
static long run_one(io_context_t context, struct iocb *iocb) {
  struct io_event event;
  memset(&event, 0xa5, sizeof event);
  int result = io_submit(context, 1, &iocb);
  if (result != 1) return result;
  result = io_getevents(context, 1, 1, &event, NULL);
  if (result != 1) return result;
  EXPECT((uintptr_t)event.obj, (uintptr_t)iocb);
  EXPECT(event.res2, 0);
  return (long)event.res;
}

static long run_pwrite(io_context_t context, int fd, const void *buffer, size_t length, long long offset) {
  struct iocb iocb;
  io_prep_pwrite(&iocb, fd, (void *)buffer, length, offset);
  return run_one(context, &iocb);
}

static long run_pread(io_context_t context, int fd, void *buffer, size_t length, long long offset) {
  struct iocb iocb;
  io_prep_pread(&iocb, fd, buffer, length, offset);
  return run_one(context, &iocb);
}

static void layout(void) {
  EXPECT(sizeof(struct iocb), 64);
  EXPECT(sizeof(struct io_event), 32);
  EXPECT(offsetof(struct iocb, u.c.offset), 40);
  EXPECT(offsetof(struct io_event, res), 16);
}

static void setup(void) {
  io_context_t context = NULL;
  const int counts[] = {-1000, 1000, 0};
  for (int index = 0; index < 3; index++) {
    for (int bad = 0; bad < BAD_POINTERS; bad++) EXPECT(io_setup(counts[index], bad_pointers[bad]), -EFAULT);
    EXPECT(io_setup(counts[index], NULL), -EFAULT);
  }
  EXPECT(io_setup(-1000, &context), -EINVAL);
  EXPECT(io_setup(-1, &context), -EINVAL);
  EXPECT(io_setup(0, &context), -EINVAL);
  EXPECT(io_setup(65537, &context), -EAGAIN);
  EXPECT(io_setup(4194305, &context), -EINVAL);
  EXPECT((uintptr_t)context, 0);
  EXPECT(io_setup(1, &context), 0);
  io_context_t again = context;
  EXPECT(io_setup(1, &again), -EINVAL);
  EXPECT((uintptr_t)again, (uintptr_t)context);
  EXPECT(io_queue_init(0, &again), -EINVAL);
  EXPECT((uintptr_t)again, (uintptr_t)context);
  EXPECT(io_destroy(context), 0);
  EXPECT(io_destroy(context), -EINVAL);
  EXPECT(io_queue_release(NULL), -EINVAL);

  io_context_t first = NULL, second = NULL, third = NULL;
  EXPECT(io_setup(65535, &first), 0);
  EXPECT(io_setup(1, &second), 0);
  EXPECT(io_setup(1, &third), -EAGAIN);
  EXPECT(io_destroy(first), 0);
  EXPECT(io_setup(1, &third), 0);
  EXPECT(io_destroy(second), 0);
  EXPECT(io_destroy(third), 0);
}

static void submit_errors(void) {
  io_context_t context = open_context(16);
  int fd = open_file(O_RDWR);
  char buffer[512];
  struct iocb iocb, *list[2] = {&iocb, NULL};
  io_prep_pread(&iocb, fd, buffer, sizeof buffer, 0);
  EXPECT(io_submit(NULL, 1, list), -EINVAL);
  EXPECT(io_submit((io_context_t)5, 1, list), -EINVAL);
  EXPECT(io_submit((io_context_t)0xffffffffu, 0, NULL), -EINVAL);
  EXPECT(io_submit(context, 0, NULL), 0);
  EXPECT(io_submit(context, -1, list), -EINVAL);
  EXPECT(io_submit(NULL, -1, list), -EINVAL);
  EXPECT(io_submit(context, 1, NULL), -EFAULT);
  for (int bad = 0; bad < BAD_POINTERS; bad++) {
    EXPECT(io_submit(context, 1, bad_pointers[bad]), -EFAULT);
    list[0] = bad_pointers[bad];
    EXPECT(io_submit(context, 1, list), -EFAULT);
  }
  list[0] = NULL;
  EXPECT(io_submit(context, 1, list), -EFAULT);
  list[0] = &iocb;
  EXPECT(io_submit(context, 2, list), 1);
  struct io_event event;
  EXPECT(io_getevents(context, 1, 1, &event, NULL), 1);
  EXPECT(io_destroy(context), 0);
  EXPECT(close(fd), 0);
}

static void access_modes(void) {
  io_context_t context = open_context(16);
  int both = open_file(O_RDWR), reader = open_file(O_RDONLY), writer = open_file(O_WRONLY);
  char buffer[512] = "bytes";
  EXPECT(run_pwrite(context, reader, buffer, 512, 0), -EBADF);
  EXPECT(run_pread(context, writer, buffer, 512, 0), -EBADF);
  EXPECT(run_pwrite(context, writer, buffer, 512, 0), 512);
  EXPECT(run_pread(context, reader, buffer, 512, 0), 512);
  EXPECT(run_pread(context, 900, buffer, 512, 0), -EBADF);
  EXPECT(run_pread(context, -1, buffer, 512, 0), -EBADF);
  EXPECT(run_pread(context, both, buffer, 512, -1), -EINVAL);
  EXPECT(run_pwrite(context, both, buffer, 512, -1), -EINVAL);
  EXPECT(run_pread(context, both, buffer, 512, INT64_MAX - 100), -EINVAL);
  EXPECT(run_pread(context, both, NULL, 512, 0), -EFAULT);
  EXPECT(run_pwrite(context, both, NULL, 512, 0), -EFAULT);
  for (int bad = 0; bad < BAD_POINTERS; bad++) {
    EXPECT(run_pread(context, both, bad_pointers[bad], 512, 0), -EFAULT);
    EXPECT(run_pwrite(context, both, bad_pointers[bad], 512, 0), -EFAULT);
  }
  EXPECT(run_pread(context, both, NULL, 0, 0), 0);

  struct iocb iocb;
  io_prep_pread(&iocb, both, buffer, 512, 0);
  iocb.aio_lio_opcode = 77;
  EXPECT(run_one(context, &iocb), -EINVAL);
  iocb.aio_fildes = 900;
  EXPECT(run_one(context, &iocb), -EBADF);
  iocb.u.c.__pad3 = 1;
  EXPECT(run_one(context, &iocb), -EINVAL);
  io_prep_pread(&iocb, both, buffer, 512, 0);
  iocb.aio_rw_flags = 0x20000;
  EXPECT(run_one(context, &iocb), -EOPNOTSUPP);
  io_prep_pread(&iocb, both, buffer, 512, 0);
  iocb.aio_lio_opcode = IO_CMD_NOOP;
  iocb.key = 77;
  EXPECT(run_one(context, &iocb), -EINVAL);
  EXPECT(iocb.key, 0);
  io_prep_pread(&iocb, both, buffer, 512, 0);
  iocb.u.c.flags = 4;
  EXPECT(run_one(context, &iocb), 512);
  EXPECT(io_destroy(context), 0);
  EXPECT(close(both) | close(reader) | close(writer), 0);
}

static void append(void) {
  if (is_drive) return;
  io_context_t context = open_context(16);
  int fd = open_file(O_RDWR | O_APPEND | O_TRUNC);
  char buffer[16] = "";
  EXPECT(run_pread(context, fd, buffer, 16, 0), 0);
  struct iocb iocbs[2], *list[2] = {&iocbs[0], &iocbs[1]};
  struct io_event events[2];
  io_prep_pwrite(&iocbs[0], fd, "1234", 4, 0);
  io_prep_pwrite(&iocbs[1], fd, "5678", 4, 0);
  EXPECT(io_submit(context, 2, list), 2);
  EXPECT(io_getevents(context, 2, 2, events, NULL), 2);
  EXPECT(run_pread(context, fd, buffer, 16, 0), 8);
  EXPECT(memcmp(buffer, "12345678", 8), 0);
  EXPECT(write(fd, "9", 1), 1);
  EXPECT(lseek(fd, 0, SEEK_CUR), 9);
  EXPECT(io_destroy(context), 0);
  EXPECT(close(fd), 0);
}

static void truncate_file(void) {
  if (is_drive) return;
  io_context_t context = open_context(16);
  int fd = open_file(O_RDWR);
  struct stat status;
  char buffer[6000];
  EXPECT(ftruncate(fd, 0), 0);
  EXPECT(run_pwrite(context, fd, "old bytes", 9, 0), 9);
  EXPECT(ftruncate(fd, 3), 0);
  EXPECT(run_pread(context, fd, buffer, 6000, 0), 3);
  EXPECT(ftruncate(fd, 5000), 0);
  EXPECT(fstat(fd, &status), 0);
  EXPECT(status.st_size, 5000);
  EXPECT(S_ISREG(status.st_mode), 1);
  EXPECT(run_pread(context, fd, buffer, 6000, 0), 5000);
  for (int index = 3; index < 5000; index++) {
    if (buffer[index] != 0) {
      EXPECT(buffer[index], 0);
      break;
    }
  }
  EXPECT(ftruncate(fd, -1), -1);
  EXPECT(errno, EINVAL);
  EXPECT(ftruncate(fd, 1ll << 40), -1);
  EXPECT(errno, EFBIG);
  int reader = open_file(O_RDONLY);
  EXPECT(ftruncate(reader, 0), -1);
  EXPECT(errno, EINVAL);
  EXPECT(close(reader), 0);
  EXPECT(ftruncate(900, 0), -1);
  EXPECT(errno, EBADF);
  EXPECT(io_destroy(context), 0);
  EXPECT(close(fd), 0);
}

static void check_end(const char *path, int error) {
  io_context_t context = open_context(16);
  int fd = open(path, O_RDWR);
  static unsigned char bytes[SMALL_SIZE], seen[SMALL_SIZE];
  fill(bytes, SMALL_SIZE, 5);
  EXPECT(run_pwrite(context, fd, bytes, SMALL_SIZE, 0), SMALL_SIZE);
  EXPECT(run_pwrite(context, fd, bytes, 1, SMALL_SIZE), -error);
  EXPECT(run_pwrite(context, fd, bytes, SMALL_SIZE, 1), SMALL_SIZE - 1);
  EXPECT(run_pwrite(context, fd, bytes, 0, SMALL_SIZE), 0);
  EXPECT(run_pwrite(context, fd, bytes, 0, 1ll << 40), 0);
  EXPECT(run_pread(context, fd, seen, 1, SMALL_SIZE), 0);
  EXPECT(run_pread(context, fd, seen, SMALL_SIZE, 1), SMALL_SIZE - 1);
  EXPECT(memcmp(seen, bytes, SMALL_SIZE - 1), 0);
  EXPECT(pwrite(fd, bytes, 1, SMALL_SIZE), -1);
  EXPECT(errno, error);
  EXPECT(io_destroy(context), 0);
  EXPECT(close(fd), 0);
}

static void end_of_room(void) {
  check_end(small_path, ENOSPC);
  if (limited_path != NULL) check_end(limited_path, EFBIG);
}

static void one_large(void) {
  io_context_t context = open_context(16);
  int fd = open_file(O_RDWR);
  const size_t length = 8 * MIB;
  unsigned char *bytes = malloc(length), *seen = calloc(length, 1);
  fill(bytes, length, 9);
  EXPECT(run_pwrite(context, fd, bytes, length, 0), length);
  EXPECT(run_pread(context, fd, seen, length, 0), length);
  EXPECT(memcmp(bytes, seen, length), 0);
  free(bytes);
  free(seen);
  EXPECT(io_destroy(context), 0);
  EXPECT(close(fd), 0);
}

static void batch(void) {
  io_context_t context = open_context(16);
  int fd = open_file(O_RDWR);
  static struct iocb iocbs[8];
  struct iocb *list[8];
  struct io_event events[8];
  unsigned char *bytes = malloc(MIB);
  fill(bytes, MIB, 1);
  for (int index = 0; index < 8; index++) {
    io_prep_pwrite(&iocbs[index], fd, bytes, MIB, (long long)index * MIB);
    iocbs[index].data = (void *)(uintptr_t)(100 + index);
    list[index] = &iocbs[index];
  }
  EXPECT(io_submit(context, 8, list), 8);
  EXPECT(io_getevents(context, 8, 8, events, NULL), 8);
  unsigned seen = 0;
  for (int index = 0; index < 8; index++) {
    EXPECT(events[index].res, MIB);
    EXPECT((uintptr_t)events[index].data - 100, events[index].obj - iocbs);
    seen |= 1u << (events[index].obj - iocbs);
  }
  EXPECT(seen, 0xff);
  free(bytes);
  EXPECT(io_destroy(context), 0);
  EXPECT(close(fd), 0);
}

static void vectors(void) {
  io_context_t context = open_context(16);
  int fd = open_file(O_RDWR);
  static unsigned char bytes[10][512], seen[10][512];
  struct iovec iovecs[1025];
  struct iocb iocb;
  fill(bytes[0], sizeof bytes, 77);
  for (int index = 0; index < 10; index++) iovecs[index] = (struct iovec){bytes[index], 512};
  io_prep_pwritev(&iocb, fd, iovecs, 10, 0);
  EXPECT(run_one(context, &iocb), 5120);
  for (int index = 0; index < 10; index++) iovecs[index] = (struct iovec){seen[index], 512};
  io_prep_preadv(&iocb, fd, iovecs, 10, 0);
  EXPECT(run_one(context, &iocb), 5120);
  EXPECT(memcmp(bytes, seen, sizeof bytes), 0);
  memset(seen, 0, sizeof seen);
  io_prep_preadv(&iocb, fd, iovecs + 1, 9, 512);
  EXPECT(run_one(context, &iocb), 4608);
  EXPECT(seen[0][0], 0);
  EXPECT(memcmp(bytes[1], seen[1], 4608), 0);

  // empty pieces, in any place, at any address
  memset(seen, 0, sizeof seen);
  iovecs[0] = (struct iovec){NULL, 0};
  iovecs[1] = (struct iovec){seen[0], 100};
  iovecs[2] = (struct iovec){bad_pointers[1], 0};
  iovecs[3] = (struct iovec){seen[0] + 100, 412};
  io_prep_preadv(&iocb, fd, iovecs, 4, 0);
  EXPECT(run_one(context, &iocb), 512);
  EXPECT(memcmp(bytes[0], seen[0], 512), 0);
  // what lies behind a bad piece does not count; a bad first one does
  iovecs[0] = (struct iovec){seen[0], 512};
  iovecs[1] = (struct iovec){bad_pointers[0], 512};
  iovecs[2] = (struct iovec){seen[2], 512};
  io_prep_preadv(&iocb, fd, iovecs, 3, 0);
  EXPECT(run_one(context, &iocb), 512);
  io_prep_preadv(&iocb, fd, iovecs + 1, 2, 0);
  EXPECT(run_one(context, &iocb), -EFAULT);
  iovecs[2].iov_len = (size_t)-1;
  EXPECT(run_one(context, &iocb), -EINVAL);
  io_prep_preadv(&iocb, fd, bad_pointers[2], 1, 0);
  EXPECT(run_one(context, &iocb), -EFAULT);
  io_prep_preadv(&iocb, fd, NULL, 1, 0);
  EXPECT(run_one(context, &iocb), -EFAULT);
  io_prep_preadv(&iocb, fd, NULL, 0, 0);
  EXPECT(run_one(context, &iocb), 0);
  for (int index = 0; index < 1025; index++) iovecs[index] = (struct iovec){seen[0], 1};
  io_prep_pwritev(&iocb, fd, iovecs, 1025, 0);
  EXPECT(run_one(context, &iocb), -EINVAL);
  io_prep_pwritev(&iocb, fd, iovecs, 1024, 0);
  EXPECT(run_one(context, &iocb), 1024);
  EXPECT(io_destroy(context), 0);
  EXPECT(close(fd), 0);
}

static void singles(void) {
  io_context_t context = open_context(1024);
  int fd = open_file(O_RDWR);
  unsigned char bytes[256], seen[256];
  int wrong = 0;
  for (int index = 0; index < 10000; index++) {
    fill(bytes, 256, index);
    if (run_pwrite(context, fd, bytes, 256, (index % 4096) * 256ll) != 256) wrong++;
  }
  for (int index = 5904; index < 10000; index++) {
    fill(bytes, 256, index);
    if (run_pread(context, fd, seen, 256, (index % 4096) * 256ll) != 256 || memcmp(bytes, seen, 256) != 0) wrong++;
  }
  for (int index = 0; index < 5904; index++) {
    if (run_pread(context, fd, seen, 256, (index % 4096) * 256ll) != 256) wrong++;
  }
  EXPECT(wrong, 0);
  EXPECT(io_destroy(context), 0);
  EXPECT(close(fd), 0);
}

static int callback_count;
static long callback_sum;

static void on_done(io_context_t context, struct iocb *iocb, long res, long res2) {
  EXPECT(context != NULL, 1);
  EXPECT((uintptr_t)iocb->data, (uintptr_t)on_done);
  EXPECT(res2, 0);
  callback_count++;
  callback_sum += res;
}

static void on_synced(io_context_t context, struct iocb *iocb, long res, long res2) {
  (void)context, (void)iocb, (void)res2;
  callback_count += 100;
  callback_sum += res;
}

/** Callbacks live in the program, so it brings its own io_queue_run: one event at a time until none is there. */
int io_queue_run(io_context_t context) {
  struct io_event event;
  struct timespec now = {0, 0};
  int result;
  while ((result = io_getevents(context, 0, 1, &event, &now)) == 1)
    ((io_callback_t)event.data)(context, event.obj, (long)event.res, (long)event.res2);
  return result;
}

static void callbacks(void) {
  io_context_t context = open_context(16);
  int fd = open_file(O_RDWR);
  char buffer[3][100] = {"a", "b", "c"};
  struct iocb iocbs[3], sync, *list[3];
  callback_count = 0;
  callback_sum = 0;
  for (int index = 0; index < 3; index++) {
    io_prep_pwrite(&iocbs[index], fd, buffer[index], 100, index * 100);
    io_set_callback(&iocbs[index], on_done);
    list[index] = &iocbs[index];
  }
  EXPECT(io_submit(context, 3, list), 3);
  struct timespec pause = {1, 0};
  EXPECT(nanosleep(&pause, NULL), 0);
  EXPECT(io_queue_run(context), 0);
  EXPECT(callback_count, 3);
  EXPECT(callback_sum, 300);
  EXPECT(io_fdsync(context, &sync, on_synced, fd), 1);
  EXPECT(nanosleep(&pause, NULL), 0);
  EXPECT(io_queue_run(context), 0);
  EXPECT(callback_count, 103);
  EXPECT(callback_sum, 300);
  EXPECT(io_queue_release(context), 0);
  EXPECT(io_queue_run(context), -EINVAL);
  EXPECT(close(fd), 0);
}

static void syncs(void) {
  io_context_t context = open_context(16);
  int fd = open_file(O_RDWR | O_DSYNC), reader = open_file(O_RDONLY);
  struct iocb iocb;
  char buffer[100] = "synced";
  EXPECT(run_pwrite(context, fd, buffer, 100, 0), 100);
  io_prep_fsync(&iocb, fd);
  EXPECT(run_one(context, &iocb), 0);
  io_prep_fdsync(&iocb, fd);
  EXPECT(run_one(context, &iocb), 0);
  io_prep_fsync(&iocb, reader);
  EXPECT(run_one(context, &iocb), 0);
  io_prep_fsync(&iocb, fd);
  iocb.u.c.nbytes = 1;
  EXPECT(run_one(context, &iocb), -EINVAL);
  io_prep_fdsync(&iocb, fd);
  iocb.u.c.buf = buffer;
  EXPECT(run_one(context, &iocb), -EINVAL);
  io_prep_fsync(&iocb, fd);
  iocb.aio_rw_flags = 2;
  EXPECT(run_one(context, &iocb), -EINVAL);
  io_prep_fsync(&iocb, 900);
  EXPECT(run_one(context, &iocb), -EBADF);
  EXPECT(fsync(fd) | fdatasync(reader), 0);
  EXPECT(io_destroy(context), 0);
  EXPECT(close(fd) | close(reader), 0);
}

static void cancel(void) {
  io_context_t context = open_context(16);
  int fd = open_file(O_RDWR);
  char buffer[512];
  struct iocb iocb, *list[1] = {&iocb};
  struct io_event event;
  EXPECT(io_cancel(context, NULL, &event), -EFAULT);
  for (int bad = 0; bad < BAD_POINTERS; bad++) EXPECT(io_cancel(context, bad_pointers[bad], &event), -EFAULT);
  io_prep_pread(&iocb, fd, buffer, 512, 0);
  EXPECT(io_cancel(context, &iocb, &event), -EINVAL);
  EXPECT(io_submit(context, 1, list), 1);
  EXPECT(io_getevents(context, 1, 1, &event, NULL), 1);
  EXPECT(io_cancel(context, &iocb, &event), -EINVAL);
  iocb.key = 1;
  EXPECT(io_cancel(context, &iocb, &event), -EINVAL);
  iocb.key = 0;
  EXPECT(io_cancel(NULL, &iocb, &event), -EINVAL);
  EXPECT(io_destroy(context), 0);
  EXPECT(close(fd), 0);
}

/** A timespec whose padding is garbage. */
static struct timespec timespec_of(long long seconds, long nanoseconds) {
  struct timespec time;
  memset(&time, 0xff, sizeof time);
  time.tv_sec = seconds;
  time.tv_nsec = nanoseconds;
  return time;
}

static long long now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static void timeouts(void) {
  io_context_t context = open_context(16);
  int fd = open_file(O_RDWR);
  char buffer[512] = "";
  struct iocb iocbs[2], *list[2] = {&iocbs[0], &iocbs[1]};
  struct io_event events[4];
  struct timespec time = timespec_of(0, 20000000);
  long long start = now_ns();
  EXPECT(io_getevents(context, 1, 1, events, &time), 0);
  EXPECT(now_ns() - start, 20000000);
  EXPECT(time.tv_sec, 0);
  EXPECT(time.tv_nsec, 20000000);
  for (int index = 0; index < 2; index++) io_prep_pwrite(&iocbs[index], fd, buffer, 512, index * 512);
  EXPECT(io_submit(context, 2, list), 2);
  EXPECT(io_getevents(context, 3, 4, events, &time), 2);
  start = now_ns();
  EXPECT(io_getevents(context, 0, 4, events, NULL), 0);
  EXPECT(io_getevents(context, 0, 0, NULL, &time), 0);
  EXPECT(now_ns() - start, 0);
  time = timespec_of(0, 0);
  EXPECT(io_getevents(context, 1, 4, events, &time), 0);
  EXPECT(io_getevents(context, 1, 4, NULL, &time), 0);
  sigset_t mask;
  memset(&mask, 0, sizeof mask);
  time = timespec_of(1, 500000000);
  start = now_ns();
  EXPECT(io_pgetevents(context, 1, 1, events, &time, &mask), 0);
  EXPECT(now_ns() - start, 1500000000);

  EXPECT(io_getevents(context, 2, 1, events, NULL), -EINVAL);
  EXPECT(io_getevents(context, -1, 1, events, NULL), -EINVAL);
  EXPECT(io_getevents(context, 0, -1, events, NULL), -EINVAL);
  EXPECT(io_getevents(NULL, 0, 1, events, NULL), -EINVAL);
  EXPECT(io_getevents(NULL, 0, 1, events, bad_pointers[2]), -EFAULT);

  EXPECT(io_submit(context, 1, list), 1);
  EXPECT(io_getevents(context, 1, 1, NULL, NULL), -EFAULT);
  for (int bad = 0; bad < BAD_POINTERS; bad++) EXPECT(io_getevents(context, 1, 1, bad_pointers[bad], NULL), -EFAULT);
  EXPECT(io_getevents(context, 1, 1, events, NULL), 1);
  EXPECT(events[0].res, 512);
  EXPECT(io_destroy(context), 0);
  EXPECT(close(fd), 0);
}

static void partial(void) {
  io_context_t context = open_context(16);
  int fd = open_file(O_RDWR);
  char buffer[512] = "";
  struct iocb iocbs[3], *list[3] = {&iocbs[0], &iocbs[1], &iocbs[2]};
  struct io_event events[3];
  for (int index = 0; index < 3; index++) io_prep_pwrite(&iocbs[index], fd, buffer, 512, index * 512);
  iocbs[1].aio_fildes = 900;
  EXPECT(io_submit(context, 3, list), 1);
  EXPECT(io_submit(context, 2, list + 1), -EBADF);
  EXPECT(io_submit(context, 1, list + 2), 1);
  EXPECT(io_getevents(context, 2, 3, events, NULL), 2);
  EXPECT(events[0].obj == &iocbs[0] && events[1].obj == &iocbs[2], 1);
  EXPECT(io_destroy(context), 0);

  // the ring of a small context takes a bounded number of requests, reaped or not
  context = open_context(1);
  int accepted = 0, result;
  while ((result = io_submit(context, 1, list)) == 1) accepted++;
  EXPECT(result, -EAGAIN);
  EXPECT(accepted >= 1 && accepted < 1000, 1);
  EXPECT(io_getevents(context, 1, 1, events, NULL), 1);
  struct iocb *many[3] = {&iocbs[0], &iocbs[2], &iocbs[0]};
  EXPECT(io_submit(context, 3, many), 1);
  EXPECT(io_submit(context, 3, many), -EAGAIN);
  EXPECT(io_destroy(context), 0);
  EXPECT(close(fd), 0);
}

static void identity(void) {
  io_context_t context = open_context(16);
  int fd = open_file(O_RDWR);
  unsigned char bytes[1024], seen[1024];
  struct iovec iovec = {bytes, 1024};
  struct iocb iocb, *twice[2] = {&iocb, &iocb};
  struct io_event events[2];
  fill(bytes, 1024, 3);
  io_prep_pwritev(&iocb, fd, &iovec, 1, 0);
  iocb.data = (void *)0xfedcba98u;
  iocb.__pad1 = 0x76543210u;
  EXPECT(io_submit(context, 2, twice), 2);
  // all of it may be used for something else at once, the descriptor too
  memset(&iocb, 0xff, sizeof iocb);
  memset(&iovec, 0xff, sizeof iovec);
  EXPECT(close(fd), 0);
  EXPECT(io_getevents(context, 2, 2, events, NULL), 2);
  for (int index = 0; index < 2; index++) {
    EXPECT((uintptr_t)events[index].data, 0xfedcba98u);
    EXPECT(events[index].__pad1, 0x76543210u);
    EXPECT((uintptr_t)events[index].obj, (uintptr_t)&iocb);
    EXPECT(events[index].__pad2, 0);
    EXPECT(events[index].res, 1024);
  }
  fd = open_file(O_RDWR);
  EXPECT(pread(fd, seen, 1024, 0), 1024);
  EXPECT(memcmp(bytes, seen, 1024), 0);
  EXPECT(io_destroy(context), 0);
  EXPECT(close(fd), 0);
}

static void destroy_in_flight(void) {
  io_context_t context = open_context(16);
  int fd = open_file(O_RDWR);
  static unsigned char buffer[4][4096];
  struct iocb iocbs[4], *list[4];
  memset(buffer, 1, sizeof buffer);
  EXPECT(pwrite(fd, buffer, sizeof buffer, 0), (long)sizeof buffer);
  memset(buffer, 2, sizeof buffer);
  for (int index = 0; index < 4; index++) {
    io_prep_pread(&iocbs[index], fd, buffer[index], 4096, index * 4096);
    list[index] = &iocbs[index];
  }
  EXPECT(io_submit(context, 4, list), 4);
  EXPECT(io_destroy(context), 0);
  unsigned char after[sizeof buffer];
  memcpy(after, buffer, sizeof buffer);
  struct timespec pause = {1, 0};
  EXPECT(nanosleep(&pause, NULL), 0);
  EXPECT(memcmp(after, buffer, sizeof buffer), 0);
  struct io_event event;
  EXPECT(io_getevents(context, 0, 1, &event, NULL), -EINVAL);
  EXPECT(io_destroy(context), -EINVAL);
  EXPECT(close(fd), 0);
}

static void poll_events(void) {
  io_context_t context = open_context(16);
  int fd = open_file(O_RDWR);
  struct iocb iocb;
  // the kernel's POLLIN and POLLOUT
  io_prep_poll(&iocb, fd, 1 | 4);
  EXPECT(run_one(context, &iocb), 1 | 4);
  iocb.u.c.nbytes = 1;
  EXPECT(run_one(context, &iocb), -EINVAL);
  EXPECT(io_destroy(context), 0);
  EXPECT(close(fd), 0);
}

static void files(void) {
  io_context_t context = open_context(16);
  int fd = open_file(O_RDWR);
  char buffer[16] = "";
  struct stat status;
  EXPECT(write(fd, "abcdef", 6), 6);
  EXPECT(run_pwrite(context, fd, "XY", 2, 1), 2);
  EXPECT(lseek(fd, 0, SEEK_CUR), 6);
  EXPECT(lseek(fd, -4, SEEK_CUR), 2);
  EXPECT(read(fd, buffer, 4), 4);
  EXPECT(memcmp(buffer, "Ydef", 4), 0);
  EXPECT(lseek(fd, -1, SEEK_SET), -1);
  EXPECT(errno, EINVAL);
  EXPECT(fstat(fd, &status), 0);
  EXPECT(lseek(fd, 0, SEEK_END), status.st_size);
  EXPECT(S_ISBLK(status.st_mode), is_drive);
  EXPECT(fcntl(fd, F_GETFL) & O_APPEND, 0);
  EXPECT(fcntl(fd, F_SETFL, O_APPEND), 0);
  EXPECT(fcntl(fd, F_GETFL) & O_APPEND, O_APPEND);
  EXPECT(open("/missing", O_RDWR), -1);
  EXPECT(errno, ENOENT);
  EXPECT(open("/missing", O_RDWR | O_CREAT, 0600), -1);
  EXPECT(errno, ENOSPC);
  EXPECT(open(file_path, O_RDWR | O_CREAT | O_EXCL, 0600), -1);
  EXPECT(errno, EEXIST);
  EXPECT(unlink(file_path), -1);
  EXPECT(errno, EROFS);
  EXPECT(unlink("/missing"), -1);
  EXPECT(errno, ENOENT);
  EXPECT(stat(small_path, &status), 0);
  EXPECT(stat("/missing", &status), -1);
  EXPECT(close(fd), 0);
  EXPECT(close(fd), -1);
  EXPECT(errno, EBADF);
  EXPECT(io_destroy(context), 0);
}

/** What the host looks at afterwards: 64 KiB of a known pattern at the start, synced, with a context left open. */
static void leave(void) {
  io_context_t context = open_context(16);
  int fd = open_file(O_RDWR);
  static unsigned char bytes[65536];
  fill(bytes, sizeof bytes, 42);
  EXPECT(run_pwrite(context, fd, bytes, sizeof bytes, 0), (long)sizeof bytes);
  struct iocb iocb;
  io_prep_fsync(&iocb, fd);
  EXPECT(run_one(context, &iocb), 0);
}

static const struct {
  const char *name;
  void (*run)(void);
} cases[] = {
    {"layout", layout},
    {"setup", setup},
    {"submit_errors", submit_errors},
    {"access_modes", access_modes},
    {"append", append},
    {"truncate", truncate_file},
    {"end_of_room", end_of_room},
    {"one_large", one_large},
    {"batch", batch},
    {"vectors", vectors},
    {"singles", singles},
    {"callbacks", callbacks},
    {"syncs", syncs},
    {"cancel", cancel},
    {"timeouts", timeouts},
    {"partial", partial},
    {"identity", identity},
    {"destroy_in_flight", destroy_in_flight},
    {"poll", poll_events},
    {"files", files},
    {"leave", leave},
};

int main(int count, char **arguments) {
  if (count < 3) return 2;
  file_path = arguments[1];
  small_path = arguments[2];
  limited_path = arguments[3];
  struct stat status;
  if (stat(file_path, &status) != 0) return 2;
  is_drive = S_ISBLK(status.st_mode);
  int failed = 0;
  for (size_t index = 0; index < sizeof cases / sizeof cases[0]; index++) {
    failures = 0;
    cases[index].run();
    printf("%s %s\n", failures == 0 ? "ok" : "FAIL", cases[index].name);
    if (failures > 0) failed = 1;
  }
  return failed;
}
