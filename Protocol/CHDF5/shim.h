#include <hdf5.h>
#include <stdio.h>

// Before anything else of the library: it is not to clean up when the program ends, while other threads may still use it.
// What was meant to stay is closed by then.
static inline void apex_h5_begin(void) { H5dont_atexit(); }

// What Swift cannot import: macros that cast, and macros that call H5open first.
static inline hid_t apex_h5_uint8(void) { apex_h5_begin(); return H5T_STD_U8LE; }
static inline hid_t apex_h5_int8(void) { apex_h5_begin(); return H5T_STD_I8LE; }
static inline hid_t apex_h5_int32(void) { apex_h5_begin(); return H5T_STD_I32LE; }
static inline hid_t apex_h5_int64(void) { apex_h5_begin(); return H5T_STD_I64LE; }
static inline hid_t apex_h5_float32(void) { apex_h5_begin(); return H5T_IEEE_F32LE; }
static inline hid_t apex_h5_float64(void) { apex_h5_begin(); return H5T_IEEE_F64LE; }
static inline hid_t apex_h5_string(void) { apex_h5_begin(); return H5T_C_S1; }
static inline size_t apex_h5_variable(void) { return H5T_VARIABLE; }

static inline hid_t apex_h5_file_create_list(void) { apex_h5_begin(); return H5P_FILE_CREATE; }
static inline hid_t apex_h5_file_access_list(void) { apex_h5_begin(); return H5P_FILE_ACCESS; }
static inline hid_t apex_h5_dataset_create_list(void) { apex_h5_begin(); return H5P_DATASET_CREATE; }
static inline hid_t apex_h5_attribute_create_list(void) { apex_h5_begin(); return H5P_ATTRIBUTE_CREATE; }
static inline unsigned apex_h5_exclusive(void) { return H5F_ACC_EXCL; }
static inline unsigned apex_h5_read_only(void) { return H5F_ACC_RDONLY; }
static inline int apex_h5_select_set(void) { return H5S_SELECT_SET; }

// The library prints its errors by itself unless every thread tells it not to.
static inline void apex_h5_quiet(void) {
    apex_h5_begin();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

static herr_t apex_h5_keep_innermost(unsigned n, const H5E_error2_t *error, void *words) {
    if (n == 0) snprintf((char *)words, 200, "%s", error->desc ? error->desc : "");
    return 0;
}
// The innermost reason of the last failed call in this thread; `words` has room for 200 bytes.
static inline void apex_h5_reason(char *words) {
    words[0] = 0;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, apex_h5_keep_innermost, words);
    // Walking upward begins at the innermost entry.
}
