/* Output as fast as it is taken: numbered lines of 100 bytes.
 *
 *     writer FIFO ID BYTES SIZE
 *
 * A record of 24 bytes goes to FIFO when it is there, as `child` has it, and it begins when it gets
 * a byte from FIFO.go. Then so many BYTES to stdout by write(2)s of SIZE bytes: 4096 is what stdio
 * does, 100 is a write a line. Then it waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 100, DIGITS = 12, AT = 4 };

static char line[LINE + 1];

static void count_on(void) {
    for (int at = AT + DIGITS - 1; at >= AT && line[at]++ == '9'; at--) line[at] = '0';
}

static void write_all(const char *data, size_t size) {
    while (size) {
        ssize_t done = write(1, data, size);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) exit(1);
        data += done, size -= done;
    }
}

static void await_go(const char *fifo) {
    char path[4096], byte;
    snprintf(path, sizeof path, "%s.go", fifo);
    int go = open(path, O_RDONLY | O_CLOEXEC);
    if (go < 0 || read(go, &byte, 1) != 1) exit(1);
    close(go);
}

int main(int argc, char **argv) {
    struct timespec now;
    if (argc != 5) return 2;
    long id = atol(argv[2]), left = atol(argv[3]), size = atol(argv[4]);
    char *buffer = malloc(size + LINE);
    memset(line, 'x', LINE);
    snprintf(line, sizeof line, "%03ld %0*d", id, DIGITS, 0);
    line[AT + DIGITS] = ' ', line[LINE - 1] = '\n';
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t record[3] = {id, getpid(), now.tv_sec * 1000000000LL + now.tv_nsec};
    int fifo = open(argv[1], O_WRONLY | O_CLOEXEC);
    if (fifo < 0 || write(fifo, record, sizeof record) != sizeof record) return 1;
    close(fifo);
    await_go(argv[1]);
    for (long filled = 0; left > 0;) {
        for (; filled < size; filled += LINE, count_on()) memcpy(buffer + filled, line, LINE);
        long part = size < left ? size : left;
        write_all(buffer, part);
        left -= part, filled -= size;
        memmove(buffer, buffer + size, filled);
    }
    for (;;) pause();
}
