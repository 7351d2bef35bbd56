// A guest as a process, in WASI preview 1: arguments, environment, clocks, sleep, random bytes, exit.
//
// Verbs: processCalls, ExitStatus. Time is the machine's virtual time, for every clock, counted from its opening; a sleep
// lets it pass. Random bytes come from the seed. A signal ends the guest with 128 and its number.

import type { GuestMemory } from '../../core/guest-memory.ts';
import type { Machine } from '../../machine.ts';
import type { WasiCalls } from './calls.ts';
import { WASI_EINVAL, WASI_SUCCESS } from './errno.ts';
import { randomBytes } from './random.ts';

const SUBSCRIPTION_SIZE = 48;
const EVENT_SIZE = 32;
const EVENT_CLOCK = 0;
const EVENT_WRITE = 2;
const CLOCK_ABSOLUTE = 1;
const CLOCK_COUNT = 4;
/** Machine.advance takes no more at once. */
const LONGEST_SLEEP_NS = 2n ** 53n;

/** Thrown by proc_exit and by a signal: it ends the guest. */
export class ExitStatus extends Error {
  override readonly name = 'ExitStatus';
  readonly status: number;

  constructor(status: number) {
    super(`the program exited with status ${status}`);
    this.status = status;
  }
}

/** Signals that a process does not end by, of WASI's: none, chld, cont, urg, winch. */
const HARMLESS_SIGNALS: ReadonlySet<number> = new Set([0, 16, 17, 22, 27]);
const LAST_SIGNAL = 30;
/** A shell's word for the end by a signal. */
const SIGNAL_STATUS = 128;

/** How a descriptor stands when it is asked for in poll_oneoff: its error (0: none), and how many bytes are there to read. */
export interface Readiness {
  readonly errno: number;
  readonly bytes: bigint;
}

export interface ProcessOptions {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly seed: number;
  /** Default: each descriptor is ready. */
  readonly readiness?: (descriptor: number, isWrite: boolean) => Readiness;
}

/** Strings as C has them: an array of pointers, and the bytes with a zero behind each. */
function stringCalls(guest: GuestMemory, prefix: string, strings: readonly string[]): WasiCalls {
  const encoded = strings.map((text) => new TextEncoder().encode(`${text}\0`));
  const total = encoded.reduce((sum, { length }) => sum + length, 0);
  return {
    [`${prefix}_sizes_get`]: (count: number, bytes: number) => {
      guest.setU32(count, encoded.length);
      guest.setU32(bytes, total);
      return WASI_SUCCESS;
    },
    [`${prefix}_get`]: (pointers: number, bytes: number) => {
      let at = bytes >>> 0;
      encoded.forEach((text, index) => {
        guest.setU32(pointers + index * 4, at);
        guest.bytes(at, text.length).set(text);
        at += text.length;
      });
      return WASI_SUCCESS;
    },
  };
}

/** One subscription of poll_oneoff: when a clock is due, or 0 for a descriptor, which is always ready. */
interface Subscription {
  readonly userdata: bigint;
  readonly type: number;
  /** Number of the clock, or the descriptor. */
  readonly subject: number;
  readonly dueNs: bigint;
}

function subscriptionAt(guest: GuestMemory, address: number, now: bigint): Subscription {
  const record = guest.copy(address, SUBSCRIPTION_SIZE);
  const type = record.getUint8(8);
  const timeout = record.getBigUint64(24, true);
  const isAbsolute = (record.getUint16(40, true) & CLOCK_ABSOLUTE) !== 0;
  const dueNs = type === EVENT_CLOCK ? (isAbsolute ? timeout : now + timeout) : 0n;
  return { userdata: record.getBigUint64(0, true), type, subject: record.getUint32(16, true), dueNs };
}

const READY: Readiness = { errno: WASI_SUCCESS, bytes: 0n };

export function processCalls(machine: Machine, guest: GuestMemory, options: ProcessOptions): WasiCalls {
  const nextByte = randomBytes(options.seed);
  const environment = Object.entries(options.env).map(([name, value]) => `${name}=${value}`);
  const poll = (input: number, output: number, count: number, countAddress: number): number => {
    if (count <= 0) return WASI_EINVAL;
    const now = BigInt(machine.nowNs);
    guest.bytes(input, count * SUBSCRIPTION_SIZE);
    guest.bytes(output, count * EVENT_SIZE);
    const subscriptions = Array.from({ length: count }, (_, index) =>
      subscriptionAt(guest, input + index * SUBSCRIPTION_SIZE, now),
    );
    const first = subscriptions.reduce((due, { dueNs }) => (dueNs < due ? dueNs : due), 2n ** 65n);
    const pause = first > now ? first - now : 0n;
    machine.advance(Number(pause < LONGEST_SLEEP_NS ? pause : LONGEST_SLEEP_NS));
    const ready = subscriptions.filter(({ dueNs }) => dueNs <= first);
    ready.forEach(({ userdata, type, subject }, index) => {
      const event = output + index * EVENT_SIZE;
      const isClock = type === EVENT_CLOCK;
      const { errno, bytes } = (!isClock && options.readiness?.(subject, type === EVENT_WRITE)) || READY;
      guest.bytes(event, EVENT_SIZE).fill(0);
      guest.setU64(event, userdata);
      guest.setU16(event + 8, errno);
      guest.setU8(event + 10, type);
      guest.setU64(event + 16, bytes);
    });
    guest.setU32(countAddress, ready.length);
    return WASI_SUCCESS;
  };
  return {
    ...stringCalls(guest, 'args', options.args),
    ...stringCalls(guest, 'environ', environment),
    clock_res_get: (clock: number, resolution: number) => {
      if (clock >>> 0 >= CLOCK_COUNT) return WASI_EINVAL;
      guest.setU64(resolution, 1n);
      return WASI_SUCCESS;
    },
    clock_time_get: (clock: number, _precision: bigint, time: number) => {
      if (clock >>> 0 >= CLOCK_COUNT) return WASI_EINVAL;
      guest.setU64(time, BigInt(machine.nowNs));
      return WASI_SUCCESS;
    },
    poll_oneoff: poll,
    proc_exit: (status: number) => {
      throw new ExitStatus(status);
    },
    proc_raise: (signal: number) => {
      if (signal >>> 0 > LAST_SIGNAL) return WASI_EINVAL;
      if (!HARMLESS_SIGNALS.has(signal)) throw new ExitStatus(SIGNAL_STATUS + signal);
      return WASI_SUCCESS;
    },
    random_get: (buffer: number, length: number) => {
      const bytes = guest.bytes(buffer, length >>> 0);
      for (let index = 0; index < bytes.length; index++) bytes[index] = nextByte();
      return WASI_SUCCESS;
    },
    sched_yield: () => {
      machine.core.call((exports) => exports.machineRunDue());
      return WASI_SUCCESS;
    },
  };
}
