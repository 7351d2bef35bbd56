// The socket calls of WASI preview 1: there are no sockets.
//
// Verbs: socketCalls.

import type { WasiCalls } from './calls.ts';
import type { Descriptors } from './descriptors.ts';
import { WASI_EBADF, WASI_ENOTSOCK } from './errno.ts';

/** Each answers EBADF for what is not open, ENOTSOCK for what is. */
export function socketCalls(descriptors: Descriptors): WasiCalls {
  const refuse = (descriptor: number) =>
    descriptors.get(descriptor) === undefined ? WASI_EBADF : WASI_ENOTSOCK;
  return { sock_accept: refuse, sock_recv: refuse, sock_send: refuse, sock_shutdown: refuse };
}
