#include "CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,bmi,bmi2,popcnt")))

// Consensus of candidate k and the four at `block` in one field, counted. AVX2 has no popcount: each half-byte is
// looked up, and the bytes of each lane are summed. Source: Muła, Kurz and Lemire (2018), *Faster population counts
// using AVX2 instructions*.
AVX2 static inline __m256i counts(const apex_groups_level *level, uint32_t field, uint32_t k, uint32_t block) {
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2,
                                           2, 3, 2, 3, 3, 4);
    const __m256i half = _mm256_set1_epi8(15);
    const uint64_t *row = level->words + (uint64_t)level->row_starts[field] * level->stride;
    const uint64_t *end = level->words + (uint64_t)level->row_starts[field + 1] * level->stride;
    __m256i sum = _mm256_setzero_si256();
    for (; row < end; row += level->stride) {
        __m256i both = _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(row + block)),
                                        _mm256_set1_epi64x((long long)row[k]));
        __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(both, half));
        __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(both, 4), half));
        sum = _mm256_add_epi64(sum, _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256()));
    }
    return sum;
}

// Lanes of a comparison as four bits.
AVX2 static inline uint32_t bits(__m256i lanes) { return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(lanes)); }

AVX2 uint32_t apex_groups_live_avx2(const apex_groups_level *level, uint32_t k, uint32_t start, uint32_t *positions) {
    const __m256i below = _mm256_set1_epi64x(7);
    uint32_t count = 0;
    uint32_t alive = (15u << (start & 3)) & 15;
    for (uint32_t block = start & ~3u; block < level->count; block += 4, alive = 15) {
        for (uint32_t field = 0; field < 5 && alive; field++)
            alive &= bits(_mm256_cmpgt_epi64(counts(level, field, k, block), below));
        for (; alive; alive &= alive - 1) positions[count++] = block + (uint32_t)__builtin_ctz(alive);
    }
    return count;
}

AVX2 uint32_t apex_groups_survivors_avx2(const apex_groups_level *level, uint32_t k, uint32_t start,
                                         uint32_t order, apex_groups_survivor *survivors) {
    const __m256i below = _mm256_set1_epi64x(7), above = _mm256_set1_epi64x(21), none = _mm256_setzero_si256();
    uint32_t count = 0;
    uint32_t lanes = (15u << (start & 3)) & 15;
    for (uint32_t block = start & ~3u; block < level->count; block += 4, lanes = 15) {
        // Hits never exceed buys, so 8 ≤ H ≤ 20 is the first sieve, and needs half of the bits.
        uint32_t alive = lanes;
        for (uint32_t at = 0; at < 5 && alive; at++) {
            __m256i hits = counts(level, (order >> (4 * at)) & 15, k, block);
            alive &= bits(_mm256_and_si256(_mm256_cmpgt_epi64(hits, below), _mm256_cmpgt_epi64(above, hits)));
        }
        if (!alive) continue;
        __m256i packed_hits = none, packed_buys = none, surplus = none;
        for (int field = 4; field >= 0 && alive; field--) {
            __m256i hits = counts(level, (uint32_t)field, k, block);
            __m256i misses = counts(level, (uint32_t)field + 5, k, block);
            __m256i buys = _mm256_add_epi64(hits, misses);
            alive &= bits(_mm256_cmpgt_epi64(above, buys));
            surplus = _mm256_add_epi64(surplus, _mm256_sub_epi64(hits, misses));
            packed_hits = _mm256_or_si256(_mm256_slli_epi64(packed_hits, 8), hits);
            packed_buys = _mm256_or_si256(_mm256_slli_epi64(packed_buys, 8), buys);
        }
        alive &= ~bits(_mm256_cmpgt_epi64(none, surplus));
        if (!alive) continue;
        uint64_t hits[4], buys[4];
        _mm256_storeu_si256((__m256i *)hits, packed_hits);
        _mm256_storeu_si256((__m256i *)buys, packed_buys);
        for (; alive; alive &= alive - 1) {
            uint32_t lane = (uint32_t)__builtin_ctz(alive);
            survivors[count++] = (apex_groups_survivor){hits[lane], buys[lane], block + lane, 0};
        }
    }
    return count;
}
#endif
