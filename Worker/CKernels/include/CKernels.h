#ifndef APEX_CKERNELS_H
#define APEX_CKERNELS_H
#include "simd_level.h"
#endif
