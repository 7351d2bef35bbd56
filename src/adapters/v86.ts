// A virtio-blk disk for a guest of v86: its requests are served by the virtio-blk device of a machine's drive.
//
// Verbs: attachV86; poll, resize, dispose. All chains of a notification go to the machine in one submit, so that neighbours
// merge; the guest waits in no time of its own, the machine's time is virtual.
//
// v86 0.5.462 has no disk of this kind and no door for one: the class of its virtio devices is taken from the console's.
// Only the few members named below are used; another version may have others.

import {
  VIRTIO_BLK_CONFIG_CAPACITY,
  VIRTIO_BLK_CONFIG_SEG_MAX,
  VIRTIO_BLK_CONFIG_WRITEBACK,
  VIRTIO_BLK_S_IOERR,
  VIRTIO_F_INDIRECT_DESC,
  VIRTIO_F_VERSION_1,
  VIRTIO_STATUS_FEATURES_OK,
} from '../../assembly/layout.ts';
import type { VirtioBlkChain, VirtioBlkRequest } from '../core/virtio-queue.ts';
import { ConfigError } from '../errors.ts';
import type { Machine } from '../machine.ts';
import { FEATURE_BITS, type VirtioBlkDevice, type VirtioBlkFeature } from '../virtio-blk.ts';

/** A chain that a guest's driver has put on a ring. */
interface V86Chain {
  readonly length_readable: number;
  readonly length_writable: number;
  get_next_blob(bytes: Uint8Array): number;
  set_next_blob(bytes: Uint8Array): number;
}

interface V86Queue {
  readonly size: number;
  count_requests(): number;
  pop_request(): V86Chain;
  push_reply(chain: V86Chain): void;
  flush_replies(): void;
}

interface V86Virtio {
  readonly queues: readonly V86Queue[];
  readonly device_status: number;
  /** Called when the guest writes a status of 0. */
  reset: () => void;
  is_feature_negotiated(bit: number): boolean;
  needs_reset(): void;
  notify_config_changes(): void;
  update_config_generation(): void;
}

interface V86Field {
  readonly bytes: number;
  readonly name: string;
  readonly read: () => number;
  readonly write: (value: number) => void;
}

type V86VirtioClass = new (cpu: V86Cpu, options: object) => V86Virtio;

interface V86Cpu {
  readonly devices: { readonly virtio_console?: { readonly virtio: object } };
}

/** What is needed of a V86 object, and its published types do not tell. */
interface V86Emulator {
  readonly v86?: { readonly cpu: V86Cpu };
}

/** Everything has a default. */
export interface V86DiskOptions {
  /** Number of the machine's drive. Default 0. */
  readonly drive?: number;
  /** Entries of the virtqueue, a power of two from 4 to 1,024. Default 128. */
  readonly queueSize?: number;
  /** Where the disk stands on the PCI bus (device number times 8). Default 0x68. */
  readonly pciId?: number;
  /** First of 1,024 I/O ports, a multiple of 1,024 that nothing else uses. Default 0xe000. */
  readonly port?: number;
  /** Features that the guest is not offered. Default: none. */
  readonly deny?: readonly VirtioBlkFeature[];
}

const DEVICE_ID = 0x1042;
const SUBSYSTEM_ID = 2;
const PORTS_EACH = 0x100;

/** What the guest is offered when the drive has it; v86's own part of virtio adds VERSION_1 and INDIRECT_DESC. */
const OFFERED: readonly VirtioBlkFeature[] = [
  'segMax',
  'geometry',
  'readOnly',
  'blkSize',
  'flush',
  'topology',
  'configWce',
  'discard',
  'writeZeroes',
];

/** Widths of the fields of struct virtio_blk_config, in order (virtio 1.2 §5.2.4): 4 stands twice for the capacity. */
const FIELD_WIDTHS = [4, 4, 4, 4, 2, 1, 1, 4, 1, 1, 2, 4, 1, 1, 2, 4, 4, 4, 4, 4, 1] as const;

/** A chain and what was read from it: v86 gives each byte once. */
interface Popped {
  readonly chain: V86Chain;
  readonly bytes: VirtioBlkChain;
}

interface InFlight {
  readonly chain: V86Chain;
  readonly request: VirtioBlkRequest;
}

/** A disk in a guest. Make one with `attachV86`. */
export class V86Disk implements Disposable {
  /** The driver that serves it: its `stats` are the disk's. */
  readonly device: VirtioBlkDevice;
  readonly #virtio: V86Virtio;
  readonly #largest: number;
  readonly #offered: readonly VirtioBlkFeature[];
  #inFlight: InFlight[] = [];
  /** The device has taken over what the guest's driver accepted. */
  #isAgreed = false;
  #isClosed = false;

  /** @internal */
  constructor(emulator: object, machine: Machine, options: V86DiskOptions) {
    const cpu = (emulator as V86Emulator).v86?.cpu;
    const console = cpu?.devices.virtio_console?.virtio;
    if (cpu === undefined || console === undefined)
      throw new ConfigError(
        'emulator',
        undefined,
        "a V86 with virtio_console: true, after its 'emulator-loaded'",
      );
    const { drive = 0, queueSize = 128, pciId = 0x0d << 3, port = 0xe000, deny = [] } = options;
    if (!Number.isInteger(Math.log2(queueSize)) || queueSize < 4 || queueSize > 1024)
      throw new ConfigError('queueSize', queueSize, 'a power of two from 4 to 1024');
    this.#largest = machine.buffers.capacity;
    this.device = machine.virtioBlk(drive);
    this.#offered = OFFERED.filter((name) => this.device.hasFeature(name) && !deny.includes(name));
    const Virtio = console.constructor as V86VirtioClass;
    this.#virtio = new Virtio(cpu, {
      name: 'virtio-blk',
      device_id: DEVICE_ID,
      subsystem_device_id: SUBSYSTEM_ID,
      pci_id: pciId,
      common: {
        initial_port: port,
        queues: [{ size_supported: queueSize, notify_offset: 0 }],
        features: [
          ...this.#offered.map((name) => FEATURE_BITS[name]),
          VIRTIO_F_INDIRECT_DESC,
          VIRTIO_F_VERSION_1,
        ],
        // v86 does not call it, see #agree
        on_driver_ok: () => {},
      },
      notification: {
        initial_port: port + PORTS_EACH,
        single_handler: false,
        handlers: [() => this.#notified()],
      },
      isr_status: { initial_port: port + 2 * PORTS_EACH },
      device_specific: { initial_port: port + 3 * PORTS_EACH, struct: this.#fields(queueSize) },
    });
    const reset = this.#virtio.reset.bind(this.#virtio);
    this.#virtio.reset = () => {
      reset();
      this.#isAgreed = false;
      this.#inFlight = [];
    };
  }

  /** Answers what the drive had held and has completed since; returns how many requests that were. */
  poll(): number {
    this.device.poll();
    const done = this.#inFlight.filter(({ request }) => request.isDone);
    if (done.length === 0) return 0;
    this.#inFlight = this.#inFlight.filter(({ request }) => request.state === 'pending');
    for (const { chain, request } of done) this.#answer(chain, request.written);
    this.#queue.flush_replies();
    return done.length;
  }

  /** Requests that the guest waits for. */
  get inFlight(): number {
    return this.#inFlight.length;
  }

  /** Sets the capacity and tells the guest. Throws StorageError EINVAL unless it is whole blocks and at most the drive's size. */
  resize(bytes: number): void {
    this.device.resize(bytes);
    this.#virtio.notify_config_changes();
    this.#virtio.update_config_generation();
  }

  /** Takes the disk from the machine; the guest keeps a device that does not answer. Throws EDEADLK while completions are held. */
  dispose(): void {
    this.device.close();
    this.#isClosed = true;
    this.#inFlight = [];
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  get #queue(): V86Queue {
    return this.#virtio.queues[0] as V86Queue;
  }

  /** The config space as v86 wants it: each field with its width and a reader. */
  #fields(queueSize: number): V86Field[] {
    let next = VIRTIO_BLK_CONFIG_CAPACITY;
    return FIELD_WIDTHS.map((bytes) => {
      const offset = next;
      next += bytes;
      // a chain can not be longer than the ring, and two of its entries are header and status
      const limit = offset === VIRTIO_BLK_CONFIG_SEG_MAX ? queueSize - 2 : Number.POSITIVE_INFINITY;
      return {
        bytes,
        name: `config${offset}`,
        read: () => {
          this.#agree();
          return this.#isClosed ? 0 : Math.min(this.device.readConfig(offset, bytes), limit);
        },
        write: (value) => {
          if (offset === VIRTIO_BLK_CONFIG_WRITEBACK && this.#agree())
            this.device.writeConfig(offset, bytes, value);
        },
      };
    });
  }

  /**
   * The device agrees on what the guest's driver has accepted, once FEATURES_OK is set, and forgets what was before.
   * False when it can not yet: nothing is accepted, or the drive still holds requests from before a reset.
   */
  #agree(): boolean {
    if (this.#isClosed) return false;
    if (this.#isAgreed || (this.#virtio.device_status & VIRTIO_STATUS_FEATURES_OK) === 0)
      return this.#isAgreed;
    const accept = this.#offered.filter((name) => this.#virtio.is_feature_negotiated(FEATURE_BITS[name]));
    try {
      this.device.reset({ accept: [...accept, 'version1'] });
      this.#isAgreed = true;
    } catch (error) {
      if (codeOf(error) !== 'EDEADLK') throw error;
    }
    return this.#isAgreed;
  }

  /** Takes every chain of the ring. What is no request at all breaks the device, as the machine's would break. */
  #notified(): void {
    if (this.#isClosed) return;
    const queue = this.#queue;
    const isPossible = this.#agree() && queue.count_requests() <= queue.size;
    const chains: V86Chain[] = [];
    while (isPossible && queue.count_requests() > 0) chains.push(queue.pop_request());
    const isWhole = ({ length_readable, length_writable }: V86Chain) =>
      length_readable >= 0 && length_writable >= 0 && length_readable + length_writable <= this.#largest;
    if (isPossible && chains.every(isWhole)) this.#serve(chains.map(readChain));
    else this.#virtio.needs_reset();
  }

  /** Serves chains together, or in halves when the machine's buffers have no room for all of them. */
  #serve(popped: readonly Popped[]): void {
    if (popped.length === 0) return;
    try {
      const requests = this.device.submit(popped.map(({ bytes }) => bytes));
      const chains = popped.map(({ chain }) => chain);
      this.#inFlight.push(
        ...requests.map((request, index) => ({ chain: chains[index] as V86Chain, request })),
      );
      this.#settle(requests);
    } catch (error) {
      if (!isWantOfRoom(error)) throw error;
      const half = popped.length >> 1;
      if (half === 0) {
        for (const { chain } of popped) this.#refuse(chain);
        return;
      }
      this.#serve(popped.slice(0, half));
      this.#serve(popped.slice(half));
    }
  }

  /** Waits and answers; what the drive holds stays in flight until poll(). */
  #settle(requests: readonly VirtioBlkRequest[]): void {
    try {
      this.device.wait(requests);
    } catch (error) {
      if (codeOf(error) !== 'EDEADLK' && codeOf(error) !== 'EIO') throw error;
      if (this.device.needsReset) this.#virtio.needs_reset();
    }
    this.poll();
  }

  #refuse(chain: V86Chain): void {
    const answer = new Uint8Array(chain.length_writable);
    answer[answer.length - 1] = VIRTIO_BLK_S_IOERR;
    this.#answer(chain, answer);
    this.#queue.flush_replies();
  }

  #answer(chain: V86Chain, written: Uint8Array): void {
    chain.set_next_blob(written);
    this.#queue.push_reply(chain);
  }
}

function readChain(chain: V86Chain): Popped {
  const readable = new Uint8Array(chain.length_readable);
  chain.get_next_blob(readable);
  return { chain, bytes: { readable, writableLength: chain.length_writable } };
}

/** The ring is full, or `buffers` is. */
function isWantOfRoom(error: unknown): boolean {
  return codeOf(error) === 'EAGAIN' || codeOf(error) === 'ERR_SECTORLAB_CONFIG';
}

/** By its code, as the machine may come from another bundle, with error classes of its own. */
function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

/**
 * Gives a guest of v86 a disk: the drive of `machine`, as a modern virtio-blk device on the PCI bus. The emulator
 * (0.5.462) is made with `virtio_console: true` and `autostart: false`; attach after its `emulator-loaded`, then run it.
 * One request needs room in the machine's `buffers`; without it the guest sees an I/O error.
 *
 *     const emulator = new V86({ virtio_console: true, autostart: false, … });
 *     await new Promise((resolve) => emulator.add_listener('emulator-loaded', resolve));
 *     const disk = attachV86(emulator, machine, { drive: 0 });
 *     await emulator.run();                 // the guest finds /dev/vda
 *     disk.device.stats.wr_merged;
 *
 * Throws ConfigError for an option out of its range or an emulator without the console, StorageError EBUSY while the
 * device has another driver.
 */
export function attachV86(emulator: object, machine: Machine, options: V86DiskOptions = {}): V86Disk {
  return new V86Disk(emulator, machine, options);
}
