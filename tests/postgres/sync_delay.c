// Preloaded into a PostgreSQL server, it makes each sync take as many milliseconds as the file says that UPDRAFT_SYNC_DELAY
// names, as on a slow disk; none where there is no such file. Nothing is synced: what is written survives no power loss.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int delay(void) {
    const char *name = getenv("UPDRAFT_SYNC_DELAY");
    FILE *file = name ? fopen(name, "re") : NULL;
    long milliseconds = 0;
    if (file) {
        if (fscanf(file, "%ld", &milliseconds) != 1) milliseconds = 0;
        fclose(file);
    }
    struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    while (milliseconds > 0 && nanosleep(&left, &left) == -1 && errno == EINTR) continue;
    return 0;
}

int fsync(int file) {
    (void)file;
    return delay();
}

int fdatasync(int file) {
    (void)file;
    return delay();
}
