#ifndef APEX_CKERNELS_H
#define APEX_CKERNELS_H
#endif
