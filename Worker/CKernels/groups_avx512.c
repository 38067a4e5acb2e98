#include "CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq,bmi,bmi2,popcnt")))

// Consensus of candidate k and the eight at `block` in one field, counted.
AVX512 static inline __m512i counts(const apex_groups_level *level, uint32_t field, uint32_t k, uint32_t block) {
    const uint64_t *row = level->words + (uint64_t)level->row_starts[field] * level->stride;
    const uint64_t *end = level->words + (uint64_t)level->row_starts[field + 1] * level->stride;
    __m512i sum = _mm512_setzero_si512();
    for (; row < end; row += level->stride) {
        __m512i both = _mm512_and_si512(_mm512_loadu_si512(row + block), _mm512_set1_epi64((long long)row[k]));
        sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(both));
    }
    return sum;
}

AVX512 uint32_t apex_groups_live_avx512(const apex_groups_level *level, uint32_t k, uint32_t start,
                                        uint32_t *positions) {
    const __m512i fewest = _mm512_set1_epi64(8);
    uint32_t count = 0;
    __mmask8 alive = (__mmask8)(0xff << (start & 7));
    for (uint32_t block = start & ~7u; block < level->count; block += 8, alive = 0xff) {
        for (uint32_t field = 0; field < 5 && alive; field++)
            alive = _mm512_mask_cmpge_epu64_mask(alive, counts(level, field, k, block), fewest);
        for (uint32_t left = alive; left; left &= left - 1)
            positions[count++] = block + (uint32_t)__builtin_ctz(left);
    }
    return count;
}

AVX512 uint32_t apex_groups_survivors_avx512(const apex_groups_level *level, uint32_t k, uint32_t start,
                                             uint32_t order, apex_groups_survivor *survivors) {
    const __m512i fewest = _mm512_set1_epi64(8), most = _mm512_set1_epi64(20), width = _mm512_set1_epi64(12);
    uint32_t count = 0;
    __mmask8 lanes = (__mmask8)(0xff << (start & 7));
    for (uint32_t block = start & ~7u; block < level->count; block += 8, lanes = 0xff) {
        // Hits never exceed buys, so 8 ≤ H ≤ 20 is the first sieve, and needs half of the bits.
        __mmask8 alive = lanes;
        for (uint32_t at = 0; at < 5 && alive; at++) {
            __m512i hits = counts(level, (order >> (4 * at)) & 15, k, block);
            alive = _mm512_mask_cmple_epu64_mask(alive, _mm512_sub_epi64(hits, fewest), width);
        }
        if (!alive) continue;
        __m512i packed_hits = _mm512_setzero_si512(), packed_buys = packed_hits, surplus = packed_hits;
        for (int field = 4; field >= 0 && alive; field--) {
            __m512i hits = counts(level, (uint32_t)field, k, block);
            __m512i misses = counts(level, (uint32_t)field + 5, k, block);
            __m512i buys = _mm512_add_epi64(hits, misses);
            alive = _mm512_mask_cmple_epu64_mask(alive, buys, most);
            surplus = _mm512_add_epi64(surplus, _mm512_sub_epi64(hits, misses));
            packed_hits = _mm512_or_si512(_mm512_slli_epi64(packed_hits, 8), hits);
            packed_buys = _mm512_or_si512(_mm512_slli_epi64(packed_buys, 8), buys);
        }
        alive = _mm512_mask_cmpge_epi64_mask(alive, surplus, _mm512_setzero_si512());
        if (!alive) continue;
        uint64_t hits[8], buys[8];
        _mm512_storeu_si512(hits, packed_hits);
        _mm512_storeu_si512(buys, packed_buys);
        for (uint32_t left = alive; left; left &= left - 1) {
            uint32_t lane = (uint32_t)__builtin_ctz(left);
            survivors[count++] = (apex_groups_survivor){hits[lane], buys[lane], block + lane, 0};
        }
    }
    return count;
}
#endif
