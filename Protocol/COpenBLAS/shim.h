#include <cblas.h>

// LAPACK, which OpenBLAS carries; its C header is a package of its own. Column-major; info is 0 when all went well.
void dpotrf_(const char *triangle, const int *n, double *a, const int *lda, int *info);
void dpotri_(const char *triangle, const int *n, double *a, const int *lda, int *info);
void dsyev_(const char *job, const char *triangle, const int *n, double *a, const int *lda, double *values, double *work,
            const int *work_count, int *info);
