/* What is kept running: it says when it came to life, and waits.
 *
 *     child FIFO ID
 *
 * The time is taken in the first statement of main; one record of 24 bytes goes to FIFO.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (argc != 3) return 2;
    int64_t record[3] = {atoll(argv[2]), getpid(), now.tv_sec * 1000000000LL + now.tv_nsec};
    int fifo = open(argv[1], O_WRONLY | O_CLOEXEC);
    if (fifo < 0 || write(fifo, record, sizeof record) != sizeof record) return 1;
    close(fifo);
    for (;;) pause();
}
