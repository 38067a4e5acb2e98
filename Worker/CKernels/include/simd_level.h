#ifndef APEX_SIMD_LEVEL_H
#define APEX_SIMD_LEVEL_H

/// 2: AVX-512 F, BW, DQ, VL and VPOPCNTDQ; 1: AVX2; 0: neither. As the processor and the operating system offer them.
int apex_simd_level(void);

#endif
