// The page without its views, in Node: signals, actions and the doors for files and links, with the real engine behind a channel in place of a worker.
//
// Verbs: openPage. What only a browser has, and what the doors touch of it (media queries, the address and its history), is made up here; what is drawn is
// tested in Chromium.
// Invariant: one page a process, as modules hold its state.

import { expose } from 'comlink';
import { makePlug } from '../../../../src/playground/worker/plug.ts';
import { nodeEngine } from './engine.ts';

/** What the address bar and its history would have. */
export interface Address {
  hash: string;
  /** Addresses that Back would open, oldest first. */
  readonly history: string[];
  /** As when the reader presses Back, or writes another address. */
  go(hash: string): void;
}

export type PageModules = typeof import('../../../../src/playground/actions.ts') &
  typeof import('../../../../src/playground/state.ts') &
  typeof import('../../../../src/playground/share/open-file.ts') &
  typeof import('../../../../src/playground/share/opening.ts') &
  typeof import('../../../../src/playground/share/opened-trace.ts') &
  typeof import('../../../../src/playground/share/address.ts') &
  typeof import('../../../../src/playground/panels/explore/state.ts') & {
    readonly address: Address;
    /** Closes every channel, so that the process can end. */
    close(): void;
  };

/** Makes the page. Nothing is open yet. */
export async function openPage(): Promise<PageModules> {
  const ports: MessagePort[] = [];
  class KeptChannel extends MessageChannel {
    constructor() {
      super();
      ports.push(this.port1, this.port2);
    }
  }
  class ChannelWorker {
    constructor() {
      const { port1, port2 } = new MessageChannel();
      const { engine, bench } = nodeEngine();
      expose({ ...engine, ...makePlug(bench) }, port2);
      // biome-ignore lint/correctness/noConstructorReturn: a port has all that the page asks of its worker
      return port1;
    }
  }
  const listeners: (() => void)[] = [];
  const address: Address = {
    hash: '',
    history: [],
    go(hash) {
      address.hash = hash;
      for (const listener of listeners) listener();
    },
  };
  const push = (_state: unknown, _title: string, url: string): void => {
    address.history.push(address.hash);
    address.hash = url;
  };
  const replace = (_state: unknown, _title: string, url: string): void => {
    address.hash = url;
  };
  const noQuery = { matches: true, addEventListener: () => undefined };
  Object.assign(globalThis, {
    Worker: ChannelWorker,
    MessageChannel: KeptChannel,
    matchMedia: () => noQuery,
    requestAnimationFrame: () => 0,
    cancelAnimationFrame: () => undefined,
    history: { pushState: push, replaceState: replace },
    localStorage: { getItem: () => null, setItem: () => undefined, removeItem: () => undefined },
    document: { documentElement: { dataset: {}, style: {} }, querySelector: () => null },
    window: { addEventListener: (_type: string, listener: () => void) => listeners.push(listener) },
  });
  Object.defineProperty(globalThis, 'location', {
    value: {
      get hash() {
        return address.hash;
      },
      get href() {
        return address.hash;
      },
    },
  });
  return {
    ...(await import('../../../../src/playground/actions.ts')),
    ...(await import('../../../../src/playground/state.ts')),
    ...(await import('../../../../src/playground/share/open-file.ts')),
    ...(await import('../../../../src/playground/share/opening.ts')),
    ...(await import('../../../../src/playground/share/opened-trace.ts')),
    ...(await import('../../../../src/playground/share/address.ts')),
    ...(await import('../../../../src/playground/panels/explore/state.ts')),
    address,
    close: () => {
      for (const port of ports) port.close();
    },
  };
}
