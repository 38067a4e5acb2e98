/* The bar store as HDF5 would have it: one chunked dataset a symbol in one file. A running process for bench/Bars.swift.

   bars_hdf5 FILE SYMBOLS DAYS

   load     writes DAYS bars of every symbol, flushes, closes and syncs
   read     every bar of every symbol, in memory
   windows  the newest 35 bars of every symbol
   day      one more bar for every symbol, flushed and synced
   kill     20 processes that append days and are killed at some moment: how many files are unreadable afterwards, and
            how many of the others have a day for some symbols only

   Every answer is: seconds of processor time (or the count), and the sum of the closes read. */
#include <fcntl.h>
#include <hdf5.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#pragma pack(push, 1)
struct bar { int64_t start; double open, high, low, close, volume; uint32_t batch; };
#pragma pack(pop)

static const char *path;
static int symbols, days;
static hid_t bar_type;
static struct bar *bars;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* The same numbers as bench/Bars.swift makes. */
static void make(int symbol, int first, int count) {
    for (int at = 0; at < count; at++) {
        int64_t day = first + at;
        double close = 10 + (double)((symbol * 7919LL + day * 104729LL) % 8000) / 100;
        bars[at] = (struct bar){day * 86400000LL, close, close + 1, close - 1, close, 1000 + day, 1};
    }
}

static hid_t make_type(void) {
    hid_t type = H5Tcreate(H5T_COMPOUND, sizeof(struct bar));
    H5Tinsert(type, "start", HOFFSET(struct bar, start), H5T_NATIVE_INT64);
    H5Tinsert(type, "open", HOFFSET(struct bar, open), H5T_NATIVE_DOUBLE);
    H5Tinsert(type, "high", HOFFSET(struct bar, high), H5T_NATIVE_DOUBLE);
    H5Tinsert(type, "low", HOFFSET(struct bar, low), H5T_NATIVE_DOUBLE);
    H5Tinsert(type, "close", HOFFSET(struct bar, close), H5T_NATIVE_DOUBLE);
    H5Tinsert(type, "volume", HOFFSET(struct bar, volume), H5T_NATIVE_DOUBLE);
    H5Tinsert(type, "batch", HOFFSET(struct bar, batch), H5T_NATIVE_UINT32);
    return type;
}

static void name_of(int symbol, char *name) { sprintf(name, "S%05d", symbol); }

static void sync_file(void) {
    int file = open(path, O_RDONLY);
    fsync(file);
    close(file);
}

static void append(hid_t file, int symbol, int first, int count) {
    char name[16];
    name_of(symbol, name);
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    hsize_t size = first + count, start = first, length = count;
    H5Dset_extent(set, &size);
    hid_t in_file = H5Dget_space(set), in_memory = H5Screate_simple(1, &length, NULL);
    H5Sselect_hyperslab(in_file, H5S_SELECT_SET, &start, NULL, &length, NULL);
    make(symbol, first, count);
    H5Dwrite(set, bar_type, in_memory, in_file, H5P_DEFAULT, bars);
    H5Sclose(in_memory);
    H5Sclose(in_file);
    H5Dclose(set);
}

static void load(void) {
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hsize_t none = 0, chunk = 256, most = H5S_UNLIMITED;
    hid_t space = H5Screate_simple(1, &none, &most), list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(list, 1, &chunk);
    for (int symbol = 0; symbol < symbols; symbol++) {
        char name[16];
        name_of(symbol, name);
        H5Dclose(H5Dcreate2(file, name, bar_type, space, H5P_DEFAULT, list, H5P_DEFAULT));
        append(file, symbol, 0, days);
    }
    H5Pclose(list);
    H5Sclose(space);
    H5Fclose(file);
    sync_file();
}

/* newest: how many bars of each; 0: all. */
static double read_all(int newest) {
    double sum = 0;
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0) return -1;
    for (int symbol = 0; symbol < symbols; symbol++) {
        char name[16];
        name_of(symbol, name);
        hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(set);
        hsize_t count, start;
        H5Sget_simple_extent_dims(space, &count, NULL);
        hsize_t length = newest > 0 && (hsize_t)newest < count ? (hsize_t)newest : count;
        start = count - length;
        hid_t in_memory = H5Screate_simple(1, &length, NULL);
        H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, NULL, &length, NULL);
        if (H5Dread(set, bar_type, in_memory, space, H5P_DEFAULT, bars) < 0) sum = -1e300;
        for (hsize_t at = 0; at < length; at++) sum += bars[at].close;
        H5Sclose(in_memory);
        H5Sclose(space);
        H5Dclose(set);
    }
    H5Fclose(file);
    return sum;
}

static void append_day(int day) {
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    for (int symbol = 0; symbol < symbols; symbol++) append(file, symbol, day, 1);
    H5Fflush(file, H5F_SCOPE_GLOBAL);
    H5Fclose(file);
    sync_file();
}

/* Whether all symbols have as many bars. */
static int is_whole(void) {
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hsize_t first = 0, count;
    int whole = 1;
    for (int symbol = 0; symbol < symbols; symbol++) {
        char name[16];
        name_of(symbol, name);
        hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(set);
        H5Sget_simple_extent_dims(space, &count, NULL);
        if (symbol == 0) first = count;
        if (count != first) whole = 0;
        H5Sclose(space);
        H5Dclose(set);
    }
    H5Fclose(file);
    return whole;
}

static int torn;

static int kills(void) {
    int broken = 0;
    srand(7);
    for (int round = 0; round < 20; round++) {
        load();
        pid_t child = fork();
        if (child == 0) {
            for (int day = days;; day++) append_day(day);
        }
        usleep(100000 + rand() % 900000);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        if (read_all(0) < 0) broken++;
        else if (!is_whole()) torn++;
    }
    return broken;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    path = argv[1];
    symbols = atoi(argv[2]);
    days = atoi(argv[3]);
    bars = malloc(sizeof(struct bar) * (days + 100000));
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    bar_type = make_type();
    int next = days;
    char line[64];
    printf("ready HDF5 %d.%d.%d\n", H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        double sum = 0, start = now();
        if (!strncmp(line, "load", 4)) load();
        if (!strncmp(line, "read", 4)) sum = read_all(0);
        if (!strncmp(line, "windows", 7)) sum = read_all(35);
        if (!strncmp(line, "day", 3)) append_day(next++);
        if (!strncmp(line, "kill", 4)) {
            int broken = kills();
            printf("%d %d\n", broken, torn);
        } else {
            printf("%.9f %.6f\n", now() - start, sum);
        }
        fflush(stdout);
    }
    return 0;
}
