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

// The words that candidate k has of the fields to sift by: the five hit fields in the order of the test, then hits and
// misses of the window with the most buys. Each field has `rows` rows: one with fewer is filled up with rows in which k
// has nothing.
typedef struct {
    const uint64_t *rows[7][4];
    uint64_t own[7][4];
} sieve;

AVX512 static inline __attribute__((always_inline)) __m512i sieve_counts(const sieve *s, int at, uint32_t rows,
                                                                         uint32_t block) {
    __m512i sum = _mm512_setzero_si512();
    for (uint32_t row = 0; row < rows; row++) {
        __m512i both = _mm512_and_si512(_mm512_loadu_si512(s->rows[at][row] + block),
                                        _mm512_set1_epi64((long long)s->own[at][row]));
        sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(both));
    }
    return sum;
}

// Blocks of candidates with 8 ≤ H ≤ 20 in every window (hits never exceed buys, so that costs half of the bits) and
// B ≤ 20 in one. The window with the fewest hits and the one with the most buys come first, together: which of them
// decides differs from pool to pool, and a branch that one lane in eight decides is guessed wrong too often.
AVX512 static inline __attribute__((always_inline)) uint32_t sift(const sieve *s, uint32_t rows, uint32_t start,
                                                                  uint32_t end, uint32_t *blocks) {
    const __m512i fewest = _mm512_set1_epi64(8), most = _mm512_set1_epi64(20), width = _mm512_set1_epi64(12);
    uint32_t count = 0;
    __mmask8 lanes = (__mmask8)(0xff << (start & 7));
    for (uint32_t block = start & ~7u; block < end; block += 8, lanes = 0xff) {
        __m512i first = _mm512_sub_epi64(sieve_counts(s, 0, rows, block), fewest);
        __m512i buys = _mm512_add_epi64(sieve_counts(s, 5, rows, block), sieve_counts(s, 6, rows, block));
        __mmask8 alive = _mm512_mask_cmple_epu64_mask(lanes, first, width);
        alive = _mm512_mask_cmple_epu64_mask(alive, buys, most);
        if (!alive) continue;
        __m512i second = _mm512_sub_epi64(sieve_counts(s, 1, rows, block), fewest);
        __m512i third = _mm512_sub_epi64(sieve_counts(s, 2, rows, block), fewest);
        __m512i fourth = _mm512_sub_epi64(sieve_counts(s, 3, rows, block), fewest);
        __m512i fifth = _mm512_sub_epi64(sieve_counts(s, 4, rows, block), fewest);
        __m512i farthest = _mm512_max_epu64(_mm512_max_epu64(second, third), _mm512_max_epu64(fourth, fifth));
        alive = _mm512_mask_cmple_epu64_mask(alive, farthest, width);
        // Written always, kept only with a lane alive: no branch. A block and its lanes share one number.
        blocks[count] = block << 5 | alive;
        count += alive != 0;
    }
    return count;
}

AVX512 uint32_t apex_groups_survivors_avx512(const apex_groups_level *level, uint32_t k, uint32_t start,
                                             uint32_t order, apex_groups_survivor *survivors) {
    const __m512i fewest = _mm512_set1_epi64(8), most = _mm512_set1_epi64(20), width = _mm512_set1_epi64(12);
    // Blocks are sifted in batches that fit here.
    enum { batch = 64 };
    uint32_t blocks[batch], count = 0, rows = 0;
    const uint32_t crowded = level->buys_order & 15;
    uint32_t fields[7] = {0, 0, 0, 0, 0, crowded, crowded + 5};
    for (int at = 0; at < 5; at++) fields[at] = (order >> (4 * at)) & 15;
    for (int at = 0; at < 7; at++) {
        uint32_t own = level->row_starts[fields[at] + 1] - level->row_starts[fields[at]];
        rows = own > rows ? own : rows;
    }
    sieve s;
    if (rows <= 4) {
        for (int at = 0; at < 7; at++) {
            const uint64_t *row = level->words + (uint64_t)level->row_starts[fields[at]] * level->stride;
            uint32_t own = level->row_starts[fields[at] + 1] - level->row_starts[fields[at]];
            for (uint32_t r = 0; r < rows; r++) {
                s.rows[at][r] = r < own ? row + (uint64_t)r * level->stride : level->words;
                s.own[at][r] = r < own ? s.rows[at][r][k] : 0;
            }
        }
    }
    for (uint32_t from = start; from < level->count; from = (from & ~7u) + 8 * batch) {
        uint32_t end = (from & ~7u) + 8 * batch, found = 0;
        if (end > level->count) end = level->count;
        switch (rows) {
        case 0: return 0;
        case 1: found = sift(&s, 1, from, end, blocks); break;
        case 2: found = sift(&s, 2, from, end, blocks); break;
        case 3: found = sift(&s, 3, from, end, blocks); break;
        case 4: found = sift(&s, 4, from, end, blocks); break;
        default:
            for (uint32_t block = from & ~7u; block < end; block += 8) {
                __mmask8 alive = block < from ? (__mmask8)(0xff << (from & 7)) : 0xff;
                for (uint32_t at = 0; at < 5 && alive; at++) {
                    __m512i hits = counts(level, (order >> (4 * at)) & 15, k, block);
                    alive = _mm512_mask_cmple_epu64_mask(alive, _mm512_sub_epi64(hits, fewest), width);
                }
                if (alive) blocks[found++] = block << 5 | alive;
            }
        }
        for (uint32_t at = 0; at < found; at++) {
            uint32_t block = blocks[at] >> 8 << 3;
            __mmask8 alive = (__mmask8)blocks[at];
            for (int step = 0; step < 5 && alive; step++) {
                uint32_t field = (level->buys_order >> (4 * step)) & 15;
                __m512i buys = _mm512_add_epi64(counts(level, field, k, block), counts(level, field + 5, k, block));
                alive = _mm512_mask_cmple_epu64_mask(alive, buys, most);
            }
            if (!alive) continue;
            __m512i packed_hits = _mm512_setzero_si512(), packed_buys = packed_hits, surplus = packed_hits;
            for (uint32_t field = 5; field-- > 0;) {
                __m512i hits = counts(level, field, k, block);
                __m512i misses = counts(level, field + 5, k, block);
                surplus = _mm512_add_epi64(surplus, _mm512_sub_epi64(hits, misses));
                packed_hits = _mm512_or_si512(_mm512_slli_epi64(packed_hits, 8), hits);
                packed_buys = _mm512_or_si512(_mm512_slli_epi64(packed_buys, 8), _mm512_add_epi64(hits, misses));
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
    }
    return count;
}
#endif
