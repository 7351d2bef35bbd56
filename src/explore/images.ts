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

export class ImageMachine implements ImageMachines {
  readonly #platform: Platform;
  readonly #config: MachineConfig;
  readonly #isLogging: boolean;
  #machine: Machine;
  #prepared: Snapshot;

  private constructor(platform: Platform, config: MachineConfig, isLogging: boolean, machine: Machine) {
    this.#platform = platform;
    this.#config = config;
    this.#isLogging = isLogging;
    this.#machine = machine;
    this.#prepared = machine.snapshot();
  }

  /** `isLogging`: what happens on an image is logged, to be explored itself. */
  static async prepare(platform: Platform, config: MachineConfig, isLogging = false): Promise<ImageMachine> {
    const machine = await Machine.prepare(platform, configOver(config, new SparseMemory(), isLogging));
    return new ImageMachine(platform, config, isLogging, machine);
  }

  /** The machine over an image, its volume mounted. What was opened before is gone. Throws as Machine.create. */
  open(memory: SparseMemory): Machine {
    this.#machine.mountOn(this.#prepared, memory);
    return this.#machine;
  }

  /** Leaves the machine to whoever may still use it, and takes a new one. */
  async replace(): Promise<void> {
    const config = configOver(this.#config, new SparseMemory(), this.#isLogging);
    this.#machine = await Machine.prepare(this.#platform, config);
    this.#prepared = this.#machine.snapshot();
  }
}
