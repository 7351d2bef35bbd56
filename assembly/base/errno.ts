// Linux error numbers, and the translation of WASI's.
//
// Results carry them negated, as libaio has it: news for the user, never a broken invariant.

export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const EIO = 5;
export const ENXIO = 6;
export const EBADF = 9;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EFAULT = 14;
export const EBUSY = 16;
export const EEXIST = 17;
export const EXDEV = 18;
export const ENODEV = 19;
export const ENOTDIR = 20;
export const EISDIR = 21;
export const EINVAL = 22;
export const EMFILE = 24;
export const EFBIG = 27;
export const ENOSPC = 28;
export const ESPIPE = 29;
export const EROFS = 30;
export const EMLINK = 31;
export const EDEADLK = 35;
export const ENAMETOOLONG = 36;
export const ENOSYS = 38;
export const ENOTEMPTY = 39;
export const EBADE = 52;
export const ENODATA = 61;
export const ENOLINK = 67;
export const EOVERFLOW = 75;
export const EREMCHG = 78;
export const EILSEQ = 84;
export const EOPNOTSUPP = 95;
export const ETIMEDOUT = 110;
export const EINPROGRESS = 115;
export const EUCLEAN = 117;
export const EREMOTEIO = 121;
export const ECANCELED = 125;
export const ENOTRECOVERABLE = 131;

/** The Linux number for a WASI preview 1 error; EIO for those that a file call should never give. */
export function errnoFromWasi(wasi: u32): i32 {
  switch (wasi) {
    case 0:
      return 0;
    case 2:
      return EACCES;
    case 6:
      return EAGAIN;
    case 8:
      return EBADF;
    case 22:
      return EFBIG;
    case 27:
      return EINTR;
    case 28:
      return EINVAL;
    case 44:
      return ENOENT;
    case 48:
      return ENOMEM;
    case 51:
      return ENOSPC;
    case 58:
      return EOPNOTSUPP;
    case 63:
      return EPERM;
    case 69:
      return EROFS;
    case 76:
      return EACCES;
    default:
      return EIO;
  }
}
