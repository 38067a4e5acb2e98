// The group search as one would write it plainly: nested loops over variations in bitsets, every node that is not dead
// visited and scored, left to the compiler to vectorise. What `bench groups` measures Apex against.
//
// cc -O3 -march=native groups_plain.c -o groups_plain -lm && groups_plain POOL FIRST LAST
// POOL: words per set, variations, tickers (uint32); five hit sets (uint64 words); per variation its algorithm
// (uint64) and five buy sets. Searches sizes 3 and 4 with starters FIRST ≤ i < LAST.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WORDS 16
typedef struct { uint64_t algorithm, buys[5][WORDS]; } variation;
typedef struct { uint64_t buys[5][WORDS]; } consensus;

static uint64_t hit[5][WORDS];
static variation *pool;
static uint32_t count, tickers;
static double weight[5];
static uint64_t visited, retained;
static double best[5];
static uint32_t best_members[5][4];

static int popcount(const uint64_t *words) {
    int sum = 0;
    for (int w = 0; w < WORDS; w++) sum += __builtin_popcountll(words[w]);
    return sum;
}

// The consensus of a node and one more variation; 0 when a day has fewer than 8 hits.
static int extend(const consensus *node, const variation *next, consensus *out, int *hits) {
    for (int d = 0; d < 5; d++) {
        uint64_t right[WORDS];
        for (int w = 0; w < WORDS; w++) {
            out->buys[d][w] = node->buys[d][w] & next->buys[d][w];
            right[w] = out->buys[d][w] & hit[d][w];
        }
        hits[d] = popcount(right);
        if (hits[d] < 8) return 0;
    }
    return 1;
}

static int ascending(const void *a, const void *b) { return (*(double *)a > *(double *)b) - (*(double *)a < *(double *)b); }

static void judge(const consensus *group, const int *hits, const uint32_t *members, int size) {
    int buys[5], n = 0, h = 0, most = 0;
    for (int d = 0; d < 5; d++) {
        buys[d] = popcount(group->buys[d]);
        if (buys[d] > 20) return;
        n += buys[d];
        h += hits[d];
        if (buys[d] > most) most = buys[d];
    }
    if (2 * h < n) return;
    double pp[5], sorted[5], weighted = 0, squares = 0, deviation = 0, m = n / 5.0;
    for (int d = 0; d < 5; d++) {
        sorted[d] = pp[d] = 100.0 * hits[d] / buys[d];
        weighted += pp[d] * weight[d] / 5;
        squares += (buys[d] - m) * (buys[d] - m);
    }
    qsort(sorted, 5, sizeof(double), ascending);
    for (int d = 0; d < 5; d++) deviation += fabs(pp[d] - sorted[2]) / 5;
    double cv = sqrt(squares / 4) / m, p = (double)h / n, z = 1.96, iqr = sorted[3] - sorted[1];
    double wilson = 100 * (p + z * z / (2 * n) - z * sqrt((p * (1 - p) + z * z / (4 * n)) / n)) / (1 + z * z / n);
    if (deviation > 25 || iqr > 45 || cv > 0.8 || wilson < 10) return;
    retained++;
    uint64_t any[WORDS] = {0};
    for (int d = 0; d < 5; d++)
        for (int w = 0; w < WORDS; w++) any[w] |= group->buys[d][w];
    double repeated = fmax(0, (double)n / popcount(any) - 1.2);
    double slope = (-2 * pp[0] - pp[1] + pp[3] + 2 * pp[4]) / 10;
    double sweet = m < 7 ? -3 * (7 - m) : m <= 14 ? 2 * (m - 7) : m <= 18 ? 2 * (18 - m) : -4 * (m - 18);
    double score = 0.6 * weighted + 0.25 * sorted[2] + 0.15 * sorted[1] + 0.8 * wilson + 6 * log(1 + m) + sweet +
                   3 * fmax(0, slope) - 0.25 * deviation - 0.18 * iqr - 10 * cv - 6 * fmax(0, -slope) -
                   25 * repeated * repeated;
    if (score > best[size]) {
        best[size] = score;
        for (int i = 0; i < size; i++) best_members[size][i] = members[i];
    }
}

static void search(const consensus *node, uint32_t *members, int size) {
    for (uint32_t next = members[size - 1] + 1; next < count; next++) {
        if (pool[next].algorithm == pool[members[size - 1]].algorithm) continue;
        consensus group;
        int hits[5];
        visited++;
        if (!extend(node, &pool[next], &group, hits)) continue;
        members[size] = next;
        if (size + 1 >= 3) judge(&group, hits, members, size + 1);
        if (size + 1 < 4) search(&group, members, size + 1);
    }
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    FILE *file = fopen(argv[1], "rb");
    uint32_t header[3];
    if (!file || fread(header, 4, 3, file) != 3 || header[0] != WORDS) return 1;
    count = header[1];
    tickers = header[2];
    pool = malloc(count * sizeof *pool);
    if (fread(hit, sizeof hit, 1, file) != 1 || fread(pool, sizeof *pool, count, file) != count) return 1;
    double mean = 0;
    for (int d = 0; d < 5; d++) mean += 100.0 * popcount(hit[d]) / tickers / 5;
    for (int d = 0; d < 5; d++) {
        double w = 1 + 0.02 * (mean - 100.0 * popcount(hit[d]) / tickers);
        weight[d] = w < 0.5 ? 0.5 : w > 1.5 ? 1.5 : w;
    }
    best[3] = best[4] = -INFINITY;
    for (uint32_t i = (uint32_t)atoi(argv[2]); i < (uint32_t)atoi(argv[3]) && i < count; i++) {
        consensus all, own;
        uint32_t members[4] = {i};
        int hits[5];
        for (int d = 0; d < 5; d++)
            for (int w = 0; w < WORDS; w++) all.buys[d][w] = ~0ull;
        visited++;
        if (extend(&all, &pool[i], &own, hits)) search(&own, members, 1);
    }
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    printf("%.6f %lu %lu %.9f %.9f\n", used.tv_sec + used.tv_nsec / 1e9, visited, retained, best[3], best[4]);
}
