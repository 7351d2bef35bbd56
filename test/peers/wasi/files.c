// What a C program asks of its files, printed line by line: the same program runs under node:wasi on a real folder.
//
// Each line is a call, what it answered, and errno by name; inode numbers, times and the order of a directory are not printed.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static char buffer[200000];

static const char *name_of(int number) {
  switch (number) {
    case 0: return "ok";
    case EACCES: return "EACCES";
    case EBADF: return "EBADF";
    case EEXIST: return "EEXIST";
    case EFBIG: return "EFBIG";
    case EINVAL: return "EINVAL";
    case EISDIR: return "EISDIR";
    case ELOOP: return "ELOOP";
    case ENAMETOOLONG: return "ENAMETOOLONG";
    case ENOENT: return "ENOENT";
    case ENOTCAPABLE: return "ENOTCAPABLE";
    case ENOTDIR: return "ENOTDIR";
    case ENOTEMPTY: return "ENOTEMPTY";
    case ENOTSUP: return "ENOTSUP";
    case EPERM: return "EPERM";
    case ESPIPE: return "ESPIPE";
    default: return strerror(number);
  }
}

static long tell(const char *what, long result) {
  printf("%s: %ld %s\n", what, result, result < 0 ? name_of(errno) : "ok");
  errno = 0;
  return result;
}

/** As tell, for a descriptor: which number it is does not matter. */
static int opened(const char *what, int descriptor) {
  tell(what, descriptor < 0 ? -1 : 0);
  return descriptor;
}

static void show(const char *path) {
  struct stat status;
  if (stat(path, &status) != 0) {
    printf("stat %s: %s\n", path, name_of(errno));
    return;
  }
  printf("stat %s: %s, %lld bytes, %d links\n", path, S_ISDIR(status.st_mode) ? "directory" : "file",
         S_ISDIR(status.st_mode) ? 0LL : (long long)status.st_size,
         S_ISDIR(status.st_mode) ? 0 : (int)status.st_nlink);
}

static void content(const char *path) {
  int file = open(path, O_RDONLY);
  long got = file < 0 ? -1 : read(file, buffer, sizeof(buffer));
  uint32_t sum = 2166136261u;
  for (long index = 0; index < got; index++) sum = (sum ^ (unsigned char)buffer[index]) * 16777619u;
  printf("content %s: %ld bytes, %08x, \"%.*s\"\n", path, got, sum, got < 40 ? (int)(got < 0 ? 0 : got) : 40, buffer);
  if (file >= 0) close(file);
}

static int by_name(const void *left, const void *right) {
  return strcmp(*(char *const *)left, *(char *const *)right);
}

static void list(const char *path) {
  char *names[1200];
  int count = 0;
  DIR *directory = opendir(path);
  if (directory == NULL) {
    printf("opendir %s: %s\n", path, name_of(errno));
    return;
  }
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
      names[count] = malloc(strlen(entry->d_name) + 2);
      sprintf(names[count++], "%s%s", entry->d_name, entry->d_type == DT_DIR ? "/" : "");
    }
  closedir(directory);
  qsort(names, count, sizeof(names[0]), by_name);
  printf("list %s: %d:", path, count);
  for (int index = 0; index < count && index < 12; index++) printf(" %s", names[index]);
  for (int index = 0; index < count; index++) free(names[index]);
  printf("\n");
}

static void opening(void) {
  opened("open missing", open("missing", O_RDWR));
  opened("open below missing", open("missing/file", O_RDWR | O_CREAT, 0644));
  int file = opened("create", open("one", O_RDWR | O_CREAT, 0644));
  tell("write", write(file, "hello world", 11));
  tell("close", close(file));
  tell("close again", close(file));
  opened("create exclusively", open("one", O_RDWR | O_CREAT | O_EXCL, 0644));
  opened("create exclusively, new", open("two", O_RDWR | O_CREAT | O_EXCL, 0644));
  opened("open as a directory", open("one", O_RDONLY | O_DIRECTORY));
  opened("open below a file", open("one/x", O_RDONLY));
  content("one");
  file = opened("truncate at open", open("one", O_WRONLY | O_TRUNC));
  show("one");
  tell("read where only writing is allowed", read(file, buffer, 1));
  tell("write behind the end", pwrite(file, "x", 1, 5000));
  content("one");
  close(file);
  file = open("one", O_RDONLY);
  tell("write where only reading is allowed", write(file, "x", 1));
  tell("truncate where only reading is allowed", ftruncate(file, 0));
  close(file);
  opened("a path that is empty", open("", O_RDONLY));
  memset(buffer, 'n', 300);
  buffer[300] = 0;
  opened("a name of 300 bytes", open(buffer, O_RDWR | O_CREAT, 0644));
  buffer[255] = 0;
  opened("a name of 255 bytes", open(buffer, O_RDWR | O_CREAT, 0644));
  tell("unlink it", unlink(buffer));
  opened("a name with a letter of two bytes", open("\xc3\xa4pfel", O_RDWR | O_CREAT, 0644));
}

static void moving(void) {
  int file = open("data", O_RDWR | O_CREAT | O_TRUNC, 0644);
  for (int index = 0; index < 10000; index++) buffer[index] = (char)(index * 7 + (index >> 8));
  tell("write 10000", write(file, buffer, 10000));
  tell("tell", lseek(file, 0, SEEK_CUR));
  tell("read at the end", read(file, buffer, 10));
  tell("seek from the end", lseek(file, -10, SEEK_END));
  tell("read 100 of 10", read(file, buffer, 100));
  tell("seek before the beginning", lseek(file, -1, SEEK_SET));
  tell("seek far behind", lseek(file, 20000, SEEK_SET));
  tell("read there", read(file, buffer, 10));
  tell("write there", write(file, "tail", 4));
  show("data");
  tell("pread", pread(file, buffer, 100, 9950));
  tell("pread behind the end", pread(file, buffer, 100, 30000));
  tell("pread before the beginning", pread(file, buffer, 100, -1));
  tell("pwrite before the beginning", pwrite(file, buffer, 100, -1));
  tell("tell after all that", lseek(file, 0, SEEK_CUR));
  struct iovec pieces[3] = {{"one ", 4}, {"", 0}, {"two", 3}};
  tell("writev", writev(file, pieces, 3));
  char first[3], second[50];
  struct iovec places[2] = {{first, 3}, {second, 50}};
  lseek(file, -9, SEEK_CUR);
  tell("readv", readv(file, places, 2));
  printf("%.3s|%.6s\n", first, second);
  tell("write nothing", write(file, buffer, 0));
  tell("read nothing", read(file, buffer, 0));
  tell("fsync", fsync(file));
  tell("fdatasync", fdatasync(file));
  tell("shorten", ftruncate(file, 100));
  tell("lengthen", ftruncate(file, 6000));
  tell("a size below nothing", ftruncate(file, -1));
  content("data");
  tell("allocate", posix_fallocate(file, 5000, 5000));
  show("data");
  tell("advise", posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL));
  close(file);
  tell("write to what is closed", write(file, "x", 1));
  tell("fsync of what is closed", fsync(file));
}

static void appending(void) {
  int file = open("log", O_WRONLY | O_CREAT | O_APPEND, 0644);
  write(file, "first\n", 6);
  lseek(file, 0, SEEK_SET);
  tell("append", write(file, "second\n", 7));
  tell("tell", lseek(file, 0, SEEK_CUR));
  content("log");
  int flags = fcntl(file, F_GETFL);
  printf("flags: append %d\n", (flags & O_APPEND) != 0);
  tell("append no more", fcntl(file, F_SETFL, flags & ~O_APPEND));
  lseek(file, 0, SEEK_SET);
  tell("write at the beginning", write(file, "FIRST", 5));
  tell("append again", fcntl(file, F_SETFL, flags | O_APPEND));
  tell("append", write(file, "third\n", 6));
  content("log");
  close(file);
  FILE *stream = fopen("log", "a+");
  fprintf(stream, "%d bottles\n", 99);
  rewind(stream);
  char line[40];
  while (fgets(line, sizeof(line), stream) != NULL) printf("line: %s", line);
  fclose(stream);
}

static void names(void) {
  tell("mkdir", mkdir("folder", 0755));
  tell("mkdir again", mkdir("folder", 0755));
  tell("mkdir with a slash", mkdir("folder/inner/", 0755));
  tell("mkdir below nothing", mkdir("nothing/inner", 0755));
  tell("rmdir of a full one", rmdir("folder"));
  close(open("folder/file", O_WRONLY | O_CREAT, 0644));
  list("folder");
  tell("unlink of a missing one", unlink("folder/none"));
  tell("rmdir of a file", rmdir("folder/file"));
  tell("rename to a new name", rename("folder/file", "folder/renamed"));
  tell("rename of a missing one", rename("folder/file", "folder/other"));
  int file = open("folder/target", O_RDWR | O_CREAT, 0644);
  write(file, "old", 3);
  tell("rename over an open file", rename("folder/renamed", "folder/target"));
  tell("read what was renamed over", pread(file, buffer, 10, 0));
  close(file);
  show("folder/target");
  tell("rename a directory over a file", rename("folder/inner", "folder/target"));
  tell("rename a file over a directory", rename("folder/target", "folder/inner"));
  tell("rename a directory into itself", rename("folder", "folder/inner/folder"));
  tell("rename to another directory", rename("folder/target", "folder/inner/moved"));
  list("folder");
  list("folder/inner");
  tell("link", link("folder/inner/moved", "linked"));
  tell("link over", link("folder/inner/moved", "linked"));
  show("linked");
  file = open("folder/inner/moved", O_RDWR);
  tell("unlink what is open", unlink("folder/inner/moved"));
  tell("write what has one name left", write(file, "still here", 10));
  content("linked");
  tell("unlink the last name", unlink("linked"));
  tell("pread what has no name", pread(file, buffer, 10, 0));
  show("linked");
  close(file);
  tell("unlink a directory", unlink("folder/inner") < 0 ? -1 : 0);
  tell("unlink with a slash", unlink("two/"));
  tell("rmdir", rmdir("folder/inner"));
  tell("rmdir of the folder", rmdir("folder"));
  list("folder");
}

static void outside(void) {
  opened("a path that leads out", open("../escape", O_RDWR | O_CREAT, 0644));
  mkdir("inside", 0755);
  opened("out in the middle", open("inside/../../escape", O_RDWR | O_CREAT, 0644));
  opened("to the edge and back", open("inside/../edge", O_RDWR | O_CREAT, 0644));
  int directory = opened("a directory", open("inside", O_RDONLY | O_DIRECTORY));
  opened("below it", openat(directory, "file", O_RDWR | O_CREAT, 0644));
  opened("out of it", openat(directory, "../escape", O_RDWR | O_CREAT, 0644));
  opened("a directory to write", open("inside", O_RDWR));
  tell("fsync of a directory", fsync(directory));
  tell("rename the directory", rename("inside", "elsewhere"));
  close(directory);
  list(".");
}

static void many(void) {
  char name[40];
  mkdir("many", 0755);
  for (int index = 0; index < 1000; index++) {
    sprintf(name, "many/entry number %d", index);
    close(open(name, O_WRONLY | O_CREAT, 0644));
  }
  list("many");
  int wrong = 0;
  DIR *directory = opendir("many");
  for (int index = 0; index < 500; index++) {
    sprintf(name, "many/entry number %d", index * 2);
    wrong += unlink(name) != 0;
  }
  closedir(directory);
  printf("wrong: %d\n", wrong);
  list("many");
}

static void times(void) {
  struct timespec both[2] = {{1000, 0}, {2000, 0}};
  struct stat status;
  int file = open("one", O_RDWR);
  tell("futimens", futimens(file, both));
  fstat(file, &status);
  printf("times: %lld %lld\n", (long long)status.st_atim.tv_sec, (long long)status.st_mtim.tv_sec);
  struct timespec one[2] = {{0, UTIME_OMIT}, {3000, 0}};
  tell("utimensat", utimensat(AT_FDCWD, "one", one, 0));
  stat("one", &status);
  printf("times: %lld %lld\n", (long long)status.st_atim.tv_sec, (long long)status.st_mtim.tv_sec);
  close(file);
}

int main(int count, char **arguments) {
  if (chdir(count > 1 ? arguments[1] : "/") != 0) return 2;
  const char *word = getenv("WORD");
  printf("%d arguments, WORD is %s\n", count, word == NULL ? "not set" : word);
  opening();
  moving();
  appending();
  names();
  outside();
  many();
  times();
  while (fgets(buffer, sizeof(buffer), stdin) != NULL) printf("input: %s", buffer);
  printf("\n");
  fprintf(stderr, "to the other stream\n");
  return 7;
}
