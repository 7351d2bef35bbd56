// What a machine needs from where it runs: the compiled module, and real files if there are any.
// node-platform.ts and browser.ts are the two there are.

import type { WasiHost } from './backing/memory-host.ts';
import type { ImageAccess } from './backing/overlaid-image.ts';
import type { CoreSource } from './core/core.ts';

/** An image file that the platform has made reachable. */
export interface ImageFile {
  /** WASI descriptor of the directory. */
  readonly directory: number;
  /** Name below it. */
  readonly name: string;
  /** Bytes in it now; undefined when it does not exist. */
  readonly size: number | undefined;
  /** Opens it beside the core, once it exists. Without it a machine can not be snapshotted or crashed. */
  readonly access?: () => ImageAccess;
}

/** The way to image files, and where each is. */
export interface OpenedImages {
  readonly host: WasiHost;
  readonly images: readonly ImageFile[];
}

export interface Platform {
  readonly core: () => CoreSource | Promise<CoreSource>;
  /** Opens the way to image files by path, in the order given; `isReadOnly`: those that nobody writes to. Throws where there are no files. */
  openImages(paths: readonly string[], isReadOnly: readonly boolean[]): Promise<OpenedImages>;
}
