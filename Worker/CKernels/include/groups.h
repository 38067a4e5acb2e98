#ifndef APEX_GROUPS_H
#define APEX_GROUPS_H
#include <stdint.h>

/// The live children of one node P of the group search, seen only where P's members agree: a candidate's bit is 1 where
/// it, too, buys. Ten fields: the consensus hits of P on windows 1…5, then the consensus misses.
typedef struct {
    /// Row r of candidate c is words[r * stride + c]: neighbours in memory are candidates, the lanes of a vector.
    uint64_t *words;
    /// Field f is rows row_starts[f] ..< row_starts[f + 1]. Shape [11].
    uint32_t *row_starts;
    /// A multiple of 8 above every count.
    uint32_t stride;
    /// The windows with the most consensus buys first, four bits each, the first lowest.
    uint32_t buys_order;
    /// Candidates; up to the next multiple of 8 the words are 0.
    uint32_t count;
} apex_groups_level;

/// A group within the integer rails.
typedef struct {
    /// H_d and B_d in byte d, d = 0…4.
    uint64_t hits, buys;
    /// Its last member, as a position in the level.
    uint32_t position;
    uint32_t unused;
} apex_groups_survivor;

/// What the score of a group within the rails is looked up from; DESIGN §5.6 without the term that needs the union.
typedef struct {
    /// 100·H/B at [B * 21 + H]. Shape [441].
    const double *pp;
    /// 0.6 · w_d · 100·H/B / 5 at [d * 441 + B * 21 + H]. Shape [5 * 441].
    const double *weighted;
    /// 0.8 · Wilson's lower bound at [ΣB * 101 + ΣH]. Shape [101 * 101].
    const double *wilson;
    /// The terms of ΣB alone, at [ΣB]. Shape [101].
    const double *size;
} apex_groups_tables;

/// Positions from `start` on whose group with candidate `k` has at least 8 hits in every window, ascending.
/// - Returns: how many.
uint32_t apex_groups_live_avx512(const apex_groups_level *level, uint32_t k, uint32_t start, uint32_t *positions);
uint32_t apex_groups_live_avx2(const apex_groups_level *level, uint32_t k, uint32_t start, uint32_t *positions);

/// Groups of candidate `k` and one from `start` on with 8 ≤ H_d, B_d ≤ 20 in every window and 2·ΣH ≥ ΣB, ascending.
/// - Parameter order: the windows 0…4 in the order to test them, four bits each, the first lowest; it changes the speed, not the result.
/// - Returns: how many were written to `survivors`, which has room for all candidates.
uint32_t apex_groups_survivors_avx512(const apex_groups_level *level, uint32_t k, uint32_t start, uint32_t order,
                                      apex_groups_survivor *survivors);
uint32_t apex_groups_survivors_avx2(const apex_groups_level *level, uint32_t k, uint32_t start, uint32_t order,
                                    apex_groups_survivor *survivors);

/// Fills `child` with the candidates at `positions`, seen only where candidate `k` agrees with them: each field keeps
/// the bits where k's word is 1, pressed together. Needs BMI2.
void apex_groups_project_bmi2(const apex_groups_level *level, uint32_t k, const uint32_t *positions, uint32_t count,
                              apex_groups_level *child);

/// Moves to the front the survivors that pass the last retention rule and whose score, but for its union term, is at
/// least `threshold`.
/// - Returns: how many those are; `retained` receives how many passed the rule.
uint32_t apex_groups_filter(const apex_groups_tables *tables, double threshold, apex_groups_survivor *survivors,
                            uint32_t count, uint32_t *retained);

/// The largest Σ over the five windows of weighted[d][B_d][H_d] + slope · (d − 2) · pp[B_d][H_d], by ΣB and ΣH, with
/// 8 ≤ H_d ≤ B_d ≤ 20; −∞ where no such windows add up. Tables as in `apex_groups_tables`.
/// - Parameter best: at [ΣB * 101 + ΣH]. Shape [101 * 101].
void apex_groups_best_splits(const double *pp, const double *weighted, double slope, double *best);

#endif
