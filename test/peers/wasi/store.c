// A store that appends a line for each word it is given, and prints the word when it is stored: `store LOG fsync word…`.
//
// The second argument says what it does before it prints: `fsync`, `fdatasync`, `dsync` (O_DSYNC), or `nothing`.

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int sync_folder(const char *path) {
  char folder[200];
  snprintf(folder, sizeof(folder), "%s", path);
  char *slash = strrchr(folder, '/');
  if (slash == NULL || slash == folder) strcpy(folder, "/");
  else *slash = 0;
  int descriptor = open(folder, O_RDONLY | O_DIRECTORY);
  if (descriptor < 0) return -1;
  int result = fsync(descriptor);
  close(descriptor);
  return result;
}

int main(int count, char **arguments) {
  if (count < 3) return 2;
  const char *how = arguments[2];
  int flags = O_WRONLY | O_CREAT | O_APPEND | (strcmp(how, "dsync") == 0 ? O_DSYNC : 0);
  int log = open(arguments[1], flags, 0644);
  if (log < 0) return 3;
  int is_durable = strcmp(how, "nothing") != 0;
  if (is_durable && sync_folder(arguments[1]) != 0) return 4;
  for (int index = 3; index < count; index++) {
    char line[200];
    int length = snprintf(line, sizeof(line), "%s\n", arguments[index]);
    if (write(log, line, length) != length) return 5;
    if (strcmp(how, "fsync") == 0 && fsync(log) != 0) return 6;
    if (strcmp(how, "fdatasync") == 0 && fdatasync(log) != 0) return 7;
    printf("%s\n", arguments[index]);
    fflush(stdout);
  }
  return close(log);
}
