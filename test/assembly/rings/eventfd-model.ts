// An eventfd as the random tests think of it: its count, and the polls that wait for it.
//
// Verbs: add (a write), signal, take (a read), ready, wait. Whoever waits is woken in the step that makes it ready.

export const POLLIN = 1;
export const POLLOUT = 4;
export const POLLERR = 8;
const ALWAYS = 0x18;
const MAX = 2n ** 64n - 1n;

/** A poll from acceptance to its event. */
export interface PollModel {
  readonly mask: number;
  readonly eventfd: EventfdModel;
  state: 'waits' | 'woken' | 'cancelled';
}

export class EventfdModel {
  readonly isSemaphore: boolean;
  count = 0n;
  #waiting: PollModel[] = [];

  constructor(isSemaphore: boolean) {
    this.isSemaphore = isSemaphore;
  }

  /** Bits that are ready for a poll of `mask`. */
  ready(mask: number): number {
    let bits = 0;
    if (this.count > 0n) bits |= POLLIN;
    if (this.count < MAX - 1n) bits |= POLLOUT;
    if (this.count === MAX) bits |= POLLERR;
    return bits & (mask | ALWAYS);
  }

  #set(count: bigint): void {
    this.count = count;
    for (const poll of this.#waiting) {
      if (poll.state === 'waits' && this.ready(poll.mask) !== 0) poll.state = 'woken';
    }
    this.#waiting = this.#waiting.filter(({ state }) => state === 'waits');
  }

  /** A write: 0 or the errno. */
  add(value: bigint, errnos: { EINVAL: number; EAGAIN: number }): number {
    if (value === MAX) return errnos.EINVAL;
    if (this.count + value >= MAX) return errnos.EAGAIN;
    this.#set(this.count + value);
    return 0;
  }

  signal(): void {
    this.#set(this.count === MAX ? MAX : this.count + 1n);
  }

  /** A read: what it takes, or undefined when there is nothing. */
  take(): bigint | undefined {
    if (this.count === 0n) return undefined;
    const taken = this.isSemaphore ? 1n : this.count;
    this.#set(this.count - taken);
    return taken;
  }

  wait(mask: number): PollModel {
    const poll: PollModel = { mask, eventfd: this, state: 'waits' };
    this.#waiting.push(poll);
    return poll;
  }
}

/** What is wrong with the result of a poll that had to wait, or undefined. */
export function pollFault(poll: PollModel, res: number): string | undefined {
  if (poll.state === 'waits') return 'nothing has woken it';
  if (poll.state === 'cancelled') return res === 0 ? undefined : 'it was cancelled';
  const isSubset =
    res > 0 && (res & ~(poll.mask | ALWAYS)) === 0 && (res & ~(POLLIN | POLLOUT | POLLERR)) === 0;
  return isSubset ? undefined : 'not the bits of an eventfd that were asked for';
}
