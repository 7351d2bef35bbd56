// What a recovery can see of a volume: names, types, sizes and bytes; not times, inode numbers and where things lie.
//
// Verbs: visibleHash. Images that look alike need the check once, where running it costs more than looking.

import type { FileSystem } from '../fs/file-system.ts';
import { LogHash } from './record-hash.ts';

/** Of a larger volume looking costs too much. */
const MAX_BYTES = 1_048_576;
const MAX_NAMES = 1_024;

class Look {
  readonly hash = new LogHash();
  readonly #files: FileSystem;
  #bytes = 0;
  #names = 0;

  constructor(files: FileSystem) {
    this.#files = files;
  }

  /** False where there is too much to see. */
  folder(path: string): boolean {
    const entries = this.#files.entries(path).sort((left, right) => (left.name < right.name ? -1 : 1));
    this.#names += entries.length;
    if (this.#names > MAX_NAMES) return false;
    this.hash.addText(`folder ${entries.length}`);
    return entries.every(({ name, type }) => {
      this.hash.addText(`${type} ${name}`);
      const inner = path === '/' ? `/${name}` : `${path}/${name}`;
      return type === 'directory' ? this.folder(inner) : this.#file(inner);
    });
  }

  #file(path: string): boolean {
    const { size, mode, links } = this.#files.stat(path);
    this.#bytes += size;
    if (this.#bytes > MAX_BYTES) return false;
    this.hash.addText(`${size} ${mode} ${links}`);
    this.hash.addBytes(this.#files.readFile(path));
    return true;
  }
}

/** A hash over all that can be seen of a small volume; undefined for a larger one. */
export function visibleHash(files: FileSystem): string | undefined {
  const look = new Look(files);
  return look.folder('/') ? look.hash.digits : undefined;
}
