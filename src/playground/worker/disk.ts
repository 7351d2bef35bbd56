// The disk that the browser keeps, in the worker: a machine with a volume over a file of the origin's private file system.
//
// Verbs: those of DiskEngine. Each call runs to its end, and what it did goes to the page as records before the call answers.

import { Machine } from '../../browser.ts';
import type { Machine as AnyMachine } from '../../machine.ts';
import type { Scene } from '../scene/types.ts';
import { LiveLog } from './live-log.ts';
import type {
  DiskEngine,
  LiveOpened,
  OnLivePart,
  OnLiveRun,
  PlugChoice,
  PlugTold,
  StoredDisk,
  VolumeTold,
} from './live-protocol.ts';
import { diskScene, liveShape } from './live-scenes.ts';
import { cutPower } from './power.ts';
import type { Shape } from './protocol.ts';
import { DISK_NAME, makeStored, openStored, removeStored, storedDisks } from './stored-disks.ts';

/** Over this, a file is not shown as text. */
const LARGEST_TEXT = 65536;

interface Listeners {
  readonly onRun: OnLiveRun;
  readonly onPart: OnLivePart;
}

export class Disk implements DiskEngine {
  readonly #core: Promise<WebAssembly.Module>;
  #machine: AnyMachine | undefined;
  #sizeBytes = 0;
  #log: LiveLog | undefined;
  #listeners: Listeners | undefined;
  #scene: Scene | undefined;
  #shape: Shape | undefined;
  /** Names of files by their number; a file that is gone keeps its last one. */
  readonly #names = new Map<number, string>();

  constructor(core: Promise<WebAssembly.Module>) {
    this.#core = core;
  }

  stored(): Promise<readonly StoredDisk[]> {
    return storedDisks();
  }

  async remove(name: string): Promise<void> {
    if (name === DISK_NAME) await this.close();
    await removeStored(name);
  }

  async open(sizeBytes: number, onRun: OnLiveRun, onPart: OnLivePart): Promise<VolumeTold> {
    await this.close();
    await makeStored(DISK_NAME, sizeBytes);
    const stored = (await storedDisks()).find(({ name }) => name === DISK_NAME);
    this.#sizeBytes = stored?.sizeBytes ?? sizeBytes;
    this.#listeners = { onRun, onPart };
    return this.#begin(await this.#open());
  }

  /** Everything is written first: only the plug loses something. */
  close(): Promise<void> {
    const machine = this.#machine;
    this.#machine = undefined;
    try {
      machine?.fs.unmount();
    } finally {
      machine?.close();
    }
    return Promise.resolve();
  }

  write(name: string, text: string, isSynced: boolean): Promise<VolumeTold> {
    return this.#does(({ fs }) => {
      fs.writeFile(pathOf(name), text, { flush: isSynced });
      if (isSynced) syncRoot(fs);
    });
  }

  async read(name: string): Promise<string> {
    const { fs } = this.#opened;
    const path = pathOf(name);
    if (fs.stat(path).size > LARGEST_TEXT) throw new Error(`${name} is too long to be shown here.`);
    const text = new TextDecoder().decode(fs.readFile(path));
    this.#report();
    return text;
  }

  rename(from: string, to: string): Promise<VolumeTold> {
    return this.#does(({ fs }) => fs.rename(pathOf(from), pathOf(to)));
  }

  unlink(name: string): Promise<VolumeTold> {
    return this.#does(({ fs }) => fs.unlink(pathOf(name)));
  }

  sync(): Promise<VolumeTold> {
    return this.#does(({ fs }) => fs.sync());
  }

  wait(nanoseconds: number): Promise<VolumeTold> {
    return this.#does((machine) => machine.advance(nanoseconds));
  }

  dropCaches(): Promise<VolumeTold> {
    return this.#does((machine) => {
      machine.dropCaches();
    });
  }

  async plug(choice: PlugChoice): Promise<{ cut: PlugTold; volume: VolumeTold }> {
    const { machine, told } = await cutPower(this.#opened, choice, DISK_NAME, () => this.#open());
    return { cut: told, volume: this.#begin(machine) };
  }

  get #opened(): AnyMachine {
    if (this.#machine === undefined) throw new Error('The disk is not open.');
    return this.#machine;
  }

  async #open(): Promise<AnyMachine> {
    const core = await this.#core;
    return openStored(() => Machine.create(core, { ...diskScene(this.#sizeBytes).machine, records: true }));
  }

  /** A new run, which begins with the mount. */
  #begin(machine: AnyMachine): VolumeTold {
    this.#machine = machine;
    this.#log = new LiveLog(machine);
    this.#scene = diskScene(this.#sizeBytes);
    this.#tellRun('anew');
    this.#names.clear();
    const told = this.#told();
    this.#report();
    return told;
  }

  #tellRun(begins: LiveOpened['begins']): void {
    const scene = this.#scene as Scene;
    this.#shape = liveShape(this.#opened, scene);
    this.#listeners?.onRun({ shape: this.#shape, scene, begins });
  }

  #report(): void {
    const named = [...this.#names].map(([number, name]) => ({ number, name, drive: 0, pageCount: 0 }));
    const files = [...(this.#shape?.files ?? []), ...named];
    for (const part of this.#log?.take() ?? []) this.#listeners?.onPart({ ...part, files });
    if (this.#log?.isFull !== true) return;
    const begins = this.#log.hasGap ? 'gap' : 'full';
    this.#log = new LiveLog(this.#opened, 'next');
    this.#tellRun(begins);
  }

  async #does(body: (machine: AnyMachine) => void): Promise<VolumeTold> {
    try {
      body(this.#opened);
      return this.#told();
    } finally {
      this.#report();
    }
  }

  #told(): VolumeTold {
    const machine = this.#opened;
    const { fs } = machine;
    const files = fs.entries('/').filter(({ type }) => type === 'file');
    for (const { name, inode } of files) this.#names.set(machine.volumeFileNumber(inode), `/${name}`);
    const { blocksFree, blockSize } = fs.statfs();
    return {
      entries: files.map(({ name }) => ({ name, sizeBytes: Number(fs.stat(`/${name}`).size) })),
      freeBytes: blocksFree * blockSize,
      nowNs: machine.nowNs,
      dirtyPages: machine.vmstat().nr_dirty,
      volatileWrites: machine.volatileWrites(0),
    };
  }
}

/** A name of the only folder. Throws an Error that a reader understands. */
function pathOf(name: string): string {
  const trimmed = name.trim();
  if (trimmed === '' || trimmed.includes('/') || trimmed === '.' || trimmed === '..')
    throw new Error('A file needs a name, without a slash.');
  return `/${trimmed}`;
}

/** The name of a new file is durable once its folder is. */
function syncRoot(fs: AnyMachine['fs']): void {
  const root = fs.open('/', 'r');
  try {
    root.fsync();
  } finally {
    root.close();
  }
}
