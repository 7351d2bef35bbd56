// Error numbers: Linux's, which the core answers, and those of WASI preview 1, which wasi-libc's <errno.h> means.
//
// A program compiled with wasi-libc compares with its own EINVAL, 28, which on Linux is ENOSPC.

/** Linux number → WASI number, for every error that has both. */
const WASI_OF_LINUX: ReadonlyMap<number, number> = new Map([
  [1, 63], // EPERM
  [2, 44], // ENOENT
  [4, 27], // EINTR
  [5, 29], // EIO
  [6, 60], // ENXIO
  [7, 1], // E2BIG
  [9, 8], // EBADF
  [11, 6], // EAGAIN
  [12, 48], // ENOMEM
  [13, 2], // EACCES
  [14, 21], // EFAULT
  [16, 10], // EBUSY
  [17, 20], // EEXIST
  [18, 75], // EXDEV
  [19, 43], // ENODEV
  [20, 54], // ENOTDIR
  [21, 31], // EISDIR
  [22, 28], // EINVAL
  [23, 41], // ENFILE
  [24, 33], // EMFILE
  [25, 59], // ENOTTY
  [26, 74], // ETXTBSY
  [27, 22], // EFBIG
  [28, 51], // ENOSPC
  [29, 70], // ESPIPE
  [30, 69], // EROFS
  [31, 34], // EMLINK
  [32, 64], // EPIPE
  [33, 18], // EDOM
  [34, 68], // ERANGE
  [35, 16], // EDEADLK
  [36, 37], // ENAMETOOLONG
  [38, 52], // ENOSYS
  [39, 55], // ENOTEMPTY
  [40, 32], // ELOOP
  [67, 47], // ENOLINK
  [75, 61], // EOVERFLOW
  [84, 25], // EILSEQ
  [95, 58], // EOPNOTSUPP
  [110, 73], // ETIMEDOUT
  [114, 7], // EALREADY
  [115, 26], // EINPROGRESS
  [116, 72], // ESTALE
  [122, 19], // EDQUOT
  [125, 11], // ECANCELED
  [130, 62], // EOWNERDEAD
  [131, 56], // ENOTRECOVERABLE
]);

export const WASI_SUCCESS = 0;
export const WASI_EBADF = 8;
export const WASI_EEXIST = 20;
export const WASI_EFAULT = 21;
export const WASI_EFBIG = 22;
export const WASI_EILSEQ = 25;
export const WASI_EINVAL = 28;
export const WASI_EIO = 29;
export const WASI_EISDIR = 31;
export const WASI_EMFILE = 33;
export const WASI_ENAMETOOLONG = 37;
export const WASI_ENOENT = 44;
export const WASI_ENOMEM = 48;
export const WASI_ENOSPC = 51;
export const WASI_ENOSYS = 52;
export const WASI_ENOTDIR = 54;
export const WASI_ENOTSOCK = 57;
export const WASI_ENOTSUP = 58;
export const WASI_EROFS = 69;
export const WASI_ESPIPE = 70;
/** The descriptor lacks the right, or the path leads out of its directory. */
export const WASI_ENOTCAPABLE = 76;

/** The WASI number of a Linux error, both positive; EIO for one that WASI has no number for (EBADE, ENODATA, EREMOTEIO …). */
export function wasiErrno(linux: number): number {
  return WASI_OF_LINUX.get(linux) ?? WASI_EIO;
}
