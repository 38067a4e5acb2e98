#ifndef APEX_CKERNELS_H
#define APEX_CKERNELS_H
#include "groups.h"
#include "simd_level.h"
#endif
