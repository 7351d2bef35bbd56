// A Linux guest in the worker: v86 runs it, a machine is its disk.
//
// Verbs: boot, type, plug, end, served. The machine outlives the guest: after a power cut it is what the media hold, and the next boot finds it.
// v86 is loaded when the first guest boots. It gives its thread back by the Scheduling API, which the worker's address asks it for
// (worker/live.ts); the records are taken on a timer between its slices.

import type { V86 as Emulator, V86Image } from 'v86';
import { attachV86, type V86Disk } from '../../adapters/v86.ts';
import { Machine } from '../../browser.ts';
import { compileCore } from '../../core/core.ts';
import type { Machine as AnyMachine } from '../../machine.ts';
import { FILE_NAMES, kernelFault, LINUX_FILES, type LinuxFileKind, recognise } from '../linux/files.ts';
import { LiveLog } from './live-log.ts';
import type {
  GuestEngine,
  GuestFiles,
  GuestOptions,
  LiveOpened,
  OnLivePart,
  OnLiveRun,
  PlugChoice,
  PlugTold,
} from './live-protocol.ts';
import { guestScene, liveShape } from './live-scenes.ts';
import { cutPower } from './power.ts';
import { GUEST_DISK_NAME, makeStored, openStored, storedDisks } from './stored-disks.ts';

const MIB = 1048576;
/** How often output and records go to the page. */
const REPORT_MS = 30;
const COMMAND_LINE = 'console=ttyS0 rdinit=/init mitigations=off random.trust_cpu=on panic=-1 loglevel=4';

type Files = Readonly<Record<LinuxFileKind, ArrayBuffer>>;

async function readOne(kind: LinuxFileKind, chosen: Blob | undefined): Promise<ArrayBuffer> {
  const path = LINUX_FILES[kind];
  let source: Blob | Response | undefined = chosen;
  if (source === undefined) {
    source = await fetch(new URL(path, import.meta.url)).catch(() => undefined);
    if (source === undefined || !(source as Response).ok)
      throw new Error(
        `There is no ${path} beside this page. Run "npm run playground:linux" where it is built, or choose ${FILE_NAMES[kind]} of your own.`,
      );
  }
  const buffer = await source.arrayBuffer();
  const [name, bytes] = [chosen instanceof File ? chosen.name : path, new Uint8Array(buffer)];
  if (recognise(bytes) !== kind) throw new Error(`${name} is not ${FILE_NAMES[kind]}.`);
  const fault = kind === 'kernel' ? kernelFault(bytes) : undefined;
  if (fault !== undefined) throw new Error(`${name} ${fault}`);
  return buffer;
}

async function readFiles(files: GuestFiles): Promise<Files> {
  const kinds = Object.keys(LINUX_FILES) as LinuxFileKind[];
  const read = await Promise.all(
    kinds.map(async (kind) => [kind, await readOne(kind, files[kind])] as const),
  );
  return Object.fromEntries(read) as Files;
}

/** v86's module, compiled once. Not while it streams: a plain static host may give it no type, and then that is refused. */
let compiled: Promise<WebAssembly.Module> | undefined;

async function makeEmulator(files: Files, memoryMib: number): Promise<Emulator> {
  const { V86 } = await import('v86');
  compiled ??= compileCore(new URL('v86.wasm', import.meta.url));
  const module = await compiled;
  // each start needs bytes of its own: v86 writes into them
  const image = (kind: LinuxFileKind): V86Image => ({ buffer: files[kind].slice(0) });
  const emulator = new V86({
    wasm_fn: async (imports: WebAssembly.Imports) => (await WebAssembly.instantiate(module, imports)).exports,
    memory_size: memoryMib * MIB,
    vga_memory_size: 2 * MIB,
    bios: image('bios'),
    vga_bios: image('vgaBios'),
    bzimage: image('kernel'),
    initrd: image('initramfs'),
    cmdline: COMMAND_LINE,
    virtio_console: { type: 'none' },
    disable_speaker: true,
    disable_keyboard: true,
    disable_mouse: true,
    autostart: false,
  });
  await new Promise<void>((resolve) => emulator.add_listener('emulator-loaded', () => resolve()));
  return emulator;
}

/** Makes the kept disk where there is none; one that is there has the size that it was made with. */
async function keptMib(wantedMib: number): Promise<number> {
  await makeStored(GUEST_DISK_NAME, wantedMib * MIB);
  const stored = (await storedDisks()).find(({ name }) => name === GUEST_DISK_NAME);
  return (stored?.sizeBytes ?? wantedMib * MIB) / MIB;
}

export class Guest implements GuestEngine {
  readonly #core: Promise<WebAssembly.Module>;
  #files: Files | undefined;
  #options: GuestOptions | undefined;
  /** The disk of the next boot, or of the guest that runs. */
  #machine: AnyMachine | undefined;
  #log: LiveLog | undefined;
  #emulator: Emulator | undefined;
  #disk: V86Disk | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(core: Promise<WebAssembly.Module>) {
    this.#core = core;
  }

  async boot(
    files: GuestFiles,
    options: GuestOptions,
    onRun: OnLiveRun,
    onPart: OnLivePart,
    onOutput: (bytes: Uint8Array) => void,
  ): Promise<void> {
    await this.#stop();
    this.#files ??= await readFiles(files);
    if (this.#machine === undefined) {
      this.#options = options.isKept ? { ...options, diskMib: await keptMib(options.diskMib) } : options;
      this.#machine = await this.#open();
    }
    const machine = this.#machine;
    const scene = guestScene(this.#options ?? options);
    const tellRun = (begins: LiveOpened['begins']): void =>
      onRun({ shape: liveShape(machine, scene), scene, begins });
    tellRun('anew');
    this.#log = new LiveLog(machine);
    const emulator = await makeEmulator(this.#files, options.memoryMib);
    this.#emulator = emulator;
    this.#disk = attachV86(emulator, machine);
    const output: number[] = [];
    emulator.add_listener('serial0-output-byte', (byte: number) => output.push(byte));
    this.#timer = setInterval(() => {
      if (output.length > 0) onOutput(Uint8Array.from(output.splice(0)));
      this.#report(machine, tellRun, onPart);
    }, REPORT_MS);
    await emulator.run();
  }

  type(text: string): Promise<void> {
    this.#emulator?.serial0_send(text);
    return Promise.resolve();
  }

  async plug(choice: PlugChoice): Promise<PlugTold> {
    const machine = this.#machine;
    if (machine === undefined || this.#emulator === undefined) throw new Error('No guest runs.');
    await this.#stop();
    const image = this.#options?.isKept === true ? GUEST_DISK_NAME : undefined;
    const after = await cutPower(machine, choice, image, () => this.#open());
    this.#machine = after.machine;
    return after.told;
  }

  async end(): Promise<void> {
    await this.#stop();
    const machine = this.#machine;
    this.#machine = undefined;
    if (machine === undefined) return;
    const disk = machine.openFile('drive0');
    disk.sync();
    disk.close();
    machine.close();
  }

  served(): ReturnType<GuestEngine['served']> {
    const {
      reads = 0,
      writes = 0,
      flushes = 0,
      discards = 0,
      writeZeroes = 0,
    } = this.#machine?.counters.guest ?? {};
    return Promise.resolve({ reads, writes, flushes, discards, writeZeroes });
  }

  async #open(): Promise<AnyMachine> {
    const { machine } = guestScene(this.#options as GuestOptions);
    const core = await this.#core;
    return openStored(() => Machine.create(core, { ...machine, records: true }));
  }

  #report(machine: AnyMachine, tellRun: (begins: LiveOpened['begins']) => void, onPart: OnLivePart): void {
    for (const part of this.#log?.take() ?? []) onPart(part);
    if (this.#log?.isFull !== true) return;
    const begins = this.#log.hasGap ? 'gap' : 'full';
    this.#log = new LiveLog(machine, 'next');
    tellRun(begins);
  }

  /** Ends the guest as it is, in the middle of whatever it does. */
  async #stop(): Promise<void> {
    clearInterval(this.#timer);
    const emulator = this.#emulator;
    this.#emulator = undefined;
    await emulator?.destroy();
    this.#disk?.dispose();
    this.#disk = undefined;
  }
}
