// What the page asks of a live machine, and what it gets: a disk with a volume that the reader uses, or a Linux guest's disk.
//
// A live machine has a worker of its own. Nothing is played ahead: parts of a run come as things happen, and a new run begins when the
// machine is booted or the record of the one before is full. Calls and listeners go through Comlink.

import type { LinuxFileKind } from '../linux/files.ts';
import type { Scene } from '../scene/types.ts';
import type { RunPart, Shape } from './protocol.ts';

export interface LiveOpened {
  readonly shape: Shape;
  /** What the machine is, in the shape of a scene: it has no chapters that could be played. */
  readonly scene: Scene;
  /** anew: with the machine; full: behind a run with as many records as the page keeps; gap: behind records that nobody has seen. */
  readonly begins: 'anew' | 'full' | 'gap';
}

export type OnLiveRun = (opened: LiveOpened) => void;
export type OnLivePart = (part: RunPart) => void;

/** Which of the writes that no flush covers reach the media when the power goes. */
export interface PlugChoice {
  readonly choose: 'none' | 'all' | 'random';
  readonly seed: number;
}

/** What a power cut took. */
export interface PlugTold {
  /** Completed or running writes that no flush covered. */
  readonly uncertain: number;
  readonly kept: number;
  readonly lost: number;
  /** Pages that were dirty in the machine's page cache. */
  readonly dirtyPages: number;
}

export interface VolumeEntry {
  readonly name: string;
  readonly sizeBytes: number;
}

export interface VolumeTold {
  readonly entries: readonly VolumeEntry[];
  readonly freeBytes: number;
  /** Virtual nanoseconds. */
  readonly nowNs: number;
  readonly dirtyPages: number;
  /** Completed writes in the drive's volatile cache. */
  readonly volatileWrites: number;
}

/** A stored disk, as the origin's private file system has it. */
export interface StoredDisk {
  readonly name: string;
  readonly sizeBytes: number;
}

/** Every method throws an Error whose message a reader can use. */
export interface DiskEngine {
  stored(): Promise<readonly StoredDisk[]>;
  remove(name: string): Promise<void>;
  /** Opens the disk; makes it, `sizeBytes` long, when it is not there. */
  open(sizeBytes: number, onRun: OnLiveRun, onPart: OnLivePart): Promise<VolumeTold>;
  close(): Promise<void>;
  write(name: string, text: string, isSynced: boolean): Promise<VolumeTold>;
  read(name: string): Promise<string>;
  rename(from: string, to: string): Promise<VolumeTold>;
  unlink(name: string): Promise<VolumeTold>;
  sync(): Promise<VolumeTold>;
  /** Lets virtual time pass. */
  wait(nanoseconds: number): Promise<VolumeTold>;
  dropCaches(): Promise<VolumeTold>;
  plug(choice: PlugChoice): Promise<{ readonly cut: PlugTold; readonly volume: VolumeTold }>;
}

export interface GuestOptions {
  readonly memoryMib: number;
  readonly diskMib: number;
  /** Keeps the disk in the origin's private file system. */
  readonly isKept: boolean;
  /** What the host does with its page cache. */
  readonly cacheMode: 'none' | 'writeback';
}

/** Where the files come from: chosen ones by kind; the others lie beside the page. */
export type GuestFiles = Partial<Readonly<Record<LinuxFileKind, Blob>>>;

export interface GuestEngine {
  /** Boots the guest on its disk: the one that a power cut left, or a new one, or the kept one. */
  boot(
    files: GuestFiles,
    options: GuestOptions,
    onRun: OnLiveRun,
    onPart: OnLivePart,
    onOutput: (bytes: Uint8Array) => void,
  ): Promise<void>;
  /** Types on the guest's serial console. */
  type(text: string): Promise<void>;
  /** Stops the guest at once and takes its power; the disk holds what is left. */
  plug(choice: PlugChoice): Promise<PlugTold>;
  /** Switches the guest off; what the host and the drive still have is written, and the disk is let go. */
  end(): Promise<void>;
  /** Requests that the guest's disk has served, by kind. */
  served(): Promise<Readonly<Record<'reads' | 'writes' | 'flushes' | 'discards' | 'writeZeroes', number>>>;
}
