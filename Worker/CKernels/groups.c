#include "CKernels.h"

#include <math.h>
#include <string.h>

// Orders two doubles; compilers make it one minimum and one maximum.
static inline void order_two(double *a, double *b) {
    double low = *a < *b ? *a : *b;
    double high = *a < *b ? *b : *a;
    *a = low;
    *b = high;
}

// Within the rails (8 ≤ H ≤ B ≤ 20, 2·ΣH ≥ ΣB) the other rules hold by themselves: pp lies in 40…100, so mean
// |pp − median| ≤ 24; cv ≤ 0.52; wilson ≥ 35. Only 4th − 2nd pp ≤ 45 remains to be tested.
uint32_t apex_groups_filter(const apex_groups_tables *tables, double threshold, apex_groups_survivor *survivors,
                            uint32_t count, uint32_t *retained) {
    uint32_t kept = 0, passed = 0;
    for (uint32_t at = 0; at < count; at++) {
        apex_groups_survivor group = survivors[at];
        double pp[5], weighted = 0;
        uint32_t total_buys = 0, total_hits = 0;
        for (int d = 0; d < 5; d++) {
            uint32_t buys = (group.buys >> (8 * d)) & 255, hits = (group.hits >> (8 * d)) & 255;
            uint32_t cell = buys * 21 + hits;
            total_buys += buys;
            total_hits += hits;
            pp[d] = tables->pp[cell];
            weighted += tables->weighted[d * 441 + cell];
        }
        double slope = (-2 * pp[0] - pp[1] + pp[3] + 2 * pp[4]) / 10;
        order_two(&pp[0], &pp[1]);
        order_two(&pp[3], &pp[4]);
        order_two(&pp[2], &pp[4]);
        order_two(&pp[2], &pp[3]);
        order_two(&pp[1], &pp[4]);
        order_two(&pp[0], &pp[3]);
        order_two(&pp[0], &pp[2]);
        order_two(&pp[1], &pp[3]);
        order_two(&pp[1], &pp[2]);
        double iqr = pp[3] - pp[1];
        if (iqr > 45) continue;
        passed++;
        double deviation = (pp[4] - pp[0] + pp[3] - pp[1]) / 5;
        double score = weighted + 0.25 * pp[2] + 0.15 * pp[1] + tables->wilson[total_buys * 101 + total_hits] +
                       tables->size[total_buys] - 0.25 * deviation - 0.18 * iqr + (slope > 0 ? 3 : 6) * slope;
        // The cv term is left out: it needs a root and only lowers the score. The slack covers the rounding of sums
        // taken in another order than the score's own.
        if (score < threshold - 1e-6) continue;
        survivors[kept++] = group;
    }
    *retained = passed;
    return kept;
}

void apex_groups_best_splits(const double *pp, const double *weighted, double slope, double *best) {
    double before[101 * 101];
    for (int at = 0; at < 101 * 101; at++) best[at] = -INFINITY;
    best[0] = 0;
    for (int d = 0; d < 5; d++) {
        memcpy(before, best, sizeof before);
        for (int at = 0; at < 101 * 101; at++) best[at] = -INFINITY;
        for (int total_buys = 8 * d; total_buys <= 20 * d; total_buys++) {
            for (int total_hits = 8 * d; total_hits <= total_buys; total_hits++) {
                double so_far = before[total_buys * 101 + total_hits];
                if (so_far == -INFINITY) continue;
                for (int buys = 8; buys <= 20; buys++) {
                    double *row = best + (total_buys + buys) * 101 + total_hits;
                    for (int hits = 8; hits <= buys; hits++) {
                        int cell = buys * 21 + hits;
                        double sum = so_far + (weighted[d * 441 + cell] + slope * (d - 2) * pp[cell]);
                        row[hits] = row[hits] > sum ? row[hits] : sum;
                    }
                }
            }
        }
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("bmi2,popcnt"))) void apex_groups_project_bmi2(const apex_groups_level *level, uint32_t k,
                                                                     const uint32_t *positions, uint32_t count,
                                                                     apex_groups_level *child) {
    uint32_t padded = (count + 7) & ~7u;
    uint32_t next = 0;
    int64_t buys[5] = {0};
    child->count = count;
    for (int field = 0; field < 10; field++) {
        child->row_starts[field] = next;
        // The row being filled, and how many of its 64 bits already are.
        uint64_t *out = child->words + (uint64_t)next * child->stride;
        uint32_t filled = 0;
        for (uint32_t row = level->row_starts[field]; row < level->row_starts[field + 1]; row++) {
            const uint64_t *in = level->words + (uint64_t)row * level->stride;
            uint64_t mask = in[k];
            uint32_t bits = (uint32_t)__builtin_popcountll(mask);
            if (bits == 0) continue;
            buys[field % 5] += bits;
            if (filled == 0) {
                for (uint32_t c = 0; c < count; c++) out[c] = _pext_u64(in[positions[c]], mask);
                for (uint32_t c = count; c < padded; c++) out[c] = 0;
            } else if (filled + bits <= 64) {
                for (uint32_t c = 0; c < count; c++) out[c] |= _pext_u64(in[positions[c]], mask) << filled;
            } else {
                uint64_t *second = out + child->stride;
                for (uint32_t c = 0; c < count; c++) {
                    uint64_t pressed = _pext_u64(in[positions[c]], mask);
                    out[c] |= pressed << filled;
                    second[c] = pressed >> (64 - filled);
                }
                for (uint32_t c = count; c < padded; c++) second[c] = 0;
            }
            filled += bits;
            if (filled >= 64) {
                filled -= 64;
                out += child->stride;
                next++;
            }
        }
        if (filled > 0) next++;
    }
    child->row_starts[10] = next;
    child->buys_order = 0;
    for (int at = 0; at < 5; at++) {
        int most = 0;
        for (int d = 1; d < 5; d++) most = buys[d] > buys[most] ? d : most;
        child->buys_order |= (uint32_t)most << (4 * at);
        buys[most] = -1;
    }
}
#endif
