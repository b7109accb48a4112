/* The least that keeping programs running can cost: start them, wait, start again who has ended.
 *
 *     limit N PROGRAM FIFO
 *
 * runs `PROGRAM FIFO 0` to `PROGRAM FIFO N-1`. No policy, no log, no session, no guard. SIGTERM
 * ends them all, and then this.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *program, *fifo;
static pid_t *pids;
static sigset_t awaited;

static void start(int id) {
    char number[16], *argv[] = {program, fifo, number, NULL};
    snprintf(number, sizeof number, "%d", id);
    pid_t pid = vfork();
    if (pid == 0) {
        sigprocmask(SIG_UNBLOCK, &awaited, NULL);
        execv(program, argv);
        _exit(127);
    }
    pids[id] = pid;
}

static int find(pid_t pid, int count) {
    for (int id = 0; id < count; id++)
        if (pids[id] == pid) return id;
    return -1;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    int count = atoi(argv[1]), left = count, is_stopping = 0, id;
    program = argv[2], fifo = argv[3];
    pids = calloc(count, sizeof *pids);
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    sigaddset(&awaited, SIGTERM);
    sigprocmask(SIG_BLOCK, &awaited, NULL);
    for (id = 0; id < count; id++) start(id);
    while (left) {
        pid_t pid;
        if (sigwaitinfo(&awaited, NULL) == SIGTERM) {
            is_stopping = 1;
            for (id = 0; id < count; id++)
                if (pids[id]) kill(pids[id], SIGTERM);
        }
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
            if ((id = find(pid, count)) < 0) continue;
            if (is_stopping) pids[id] = 0, left--;
            else start(id);
        }
    }
    return 0;
}
