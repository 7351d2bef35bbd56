// Machines on images, quickly one after the other: one machine, put back each time to before its volume was mounted.
//
// Verbs: ImageMachine.prepare, open, replace. Invariant: nothing of one image is seen on the next; objects of an earlier one are stale.

import { SparseMemory } from '../backing/sparse-memory.ts';
import type { MachineConfig } from '../core/options.ts';
import { Machine } from '../machine.ts';
import type { Platform } from '../platform.ts';
import type { Snapshot } from '../snapshot.ts';
import type { ImageMachines } from './parts.ts';
import { configOver } from './record.ts';

export interface ImageMachineOptions {
  /** What happens on an image is logged, to be explored itself. Default false. */
  readonly isLogging?: boolean;
  /** Makes what is to be there on each image, once for a machine. */
  readonly adorn?: ((machine: Machine) => void) | undefined;
}

export class ImageMachine implements ImageMachines {
  readonly #platform: Platform;
  readonly #config: MachineConfig;
  readonly #options: ImageMachineOptions;
  #machine: Machine;
  #prepared: Snapshot;

  private constructor(
    platform: Platform,
    config: MachineConfig,
    options: ImageMachineOptions,
    machine: Machine,
  ) {
    this.#platform = platform;
    this.#config = config;
    this.#options = options;
    this.#machine = machine;
    options.adorn?.(machine);
    this.#prepared = machine.snapshot();
  }

  static async prepare(
    platform: Platform,
    config: MachineConfig,
    options: ImageMachineOptions = {},
  ): Promise<ImageMachine> {
    return new ImageMachine(platform, config, options, await blank(platform, config, options));
  }

  /** The machine over an image, its volume mounted. What was opened before is gone. Throws as Machine.create. */
  open(memory: SparseMemory): Machine {
    this.#machine.mountOn(this.#prepared, memory);
    return this.#machine;
  }

  /** Leaves the machine to whoever may still use it, and takes a new one. */
  async replace(): Promise<void> {
    this.#machine = await blank(this.#platform, this.#config, this.#options);
    this.#options.adorn?.(this.#machine);
    this.#prepared = this.#machine.snapshot();
  }
}

/** A machine whose volume is not mounted yet. */
function blank(
  platform: Platform,
  config: MachineConfig,
  { isLogging = false }: ImageMachineOptions,
): Promise<Machine> {
  return Machine.prepare(platform, configOver(config, new SparseMemory(), isLogging));
}
