// A file system as POSIX, ext4 and ALICE describe it, of nothing but a list of effects: for comparison with the core.
//
// Each call is effects in order. An effect belongs to a domain (the file or the directory whose sync makes it last), perhaps to a chain, of
// which only the first ones can be there, and may need others. Whatever syncs have not made durable is there or not: `trees` goes
// through all subsets that this allows. Files have blocks of 4,096 bytes; a call of write lies within one.

import { brief, type RecordProfile } from './profile-support.ts';

const BLOCK = 4096;
const ROOT = 1;
const NAMES = -1;

interface NaiveInode {
  readonly isDirectory: boolean;
  size: number;
  /** Which place on the disk has which block. */
  readonly blocks: Map<number, number>;
}

/** What a crash leaves, while effects are brought in one after the other. */
class Disk {
  readonly inodes = new Map<number, NaiveInode>([[ROOT, { isDirectory: true, size: 0, blocks: new Map() }]]);
  /** `directory/name` → inode. */
  readonly names = new Map<string, number>();
  readonly places = new Map<number, Uint8Array>();

  inode(number: number, isDirectory: boolean): NaiveInode {
    const inode = this.inodes.get(number) ?? { isDirectory, size: 0, blocks: new Map() };
    this.inodes.set(number, inode);
    return inode;
  }

  tree(): string {
    return this.#list(ROOT, '').sort().join(' ');
  }

  #list(directory: number, path: string): string[] {
    const prefix = `${directory}/`;
    return [...this.names]
      .filter(([key]) => key.startsWith(prefix))
      .flatMap(([key, number]) => {
        const here = `${path}/${key.slice(prefix.length)}`;
        const inode = this.inodes.get(number) as NaiveInode;
        if (inode.isDirectory) return [`${here}/`, ...this.#list(number, here)];
        return [`${here}=${brief(this.content(inode))}`];
      });
  }

  content(inode: NaiveInode): Uint8Array {
    const bytes = new Uint8Array(inode.size);
    for (const [block, place] of inode.blocks) {
      const kept = (this.places.get(place) ?? new Uint8Array(BLOCK)).subarray(
        0,
        Math.max(0, inode.size - block * BLOCK),
      );
      bytes.set(kept, block * BLOCK);
    }
    return bytes;
  }
}

interface Effect {
  readonly domain: number;
  /** 0: none. */
  readonly chain: number;
  /** There only together with the next of its chain that is not so. */
  readonly isTogether: boolean;
  /** It counts only when all names and truncations before it are there, in `ordered`. */
  readonly needsNames: boolean;
  /** It counts only when that effect is there. */
  readonly needs: Effect | undefined;
  readonly apply: (disk: Disk) => void;
  isDurable: boolean;
}

type Extra = Partial<Pick<Effect, 'isTogether' | 'needsNames' | 'needs' | 'chain'>>;

/** Runs calls and keeps their effects. */
export class NaiveFiles {
  readonly #profile: RecordProfile;
  readonly #isSafe: boolean;
  readonly #effects: Effect[] = [];
  /** As the running system sees it. */
  readonly #live = new Disk();
  #nextInode = ROOT + 1;
  #nextPlace = 1;

  constructor(profile: RecordProfile, isSafeAppend: boolean) {
    this.#profile = profile;
    this.#isSafe = isSafeAppend || profile === 'ordered';
  }

  #add(domain: number, apply: (disk: Disk) => void, extra: Extra = {}): Effect {
    const effect: Effect = {
      domain,
      chain: 0,
      isTogether: false,
      needsNames: false,
      needs: undefined,
      isDurable: false,
      ...extra,
      apply,
    };
    this.#effects.push(effect);
    apply(this.#live);
    return effect;
  }

  // ---- names ----

  #at(path: string): { directory: number; key: string; inode: number | undefined } {
    const parts = path.split('/').filter((part) => part !== '');
    const last = parts.pop() ?? '';
    let directory: number | undefined = ROOT;
    for (const part of parts) directory = this.#live.names.get(`${directory}/${part}`);
    if (directory === undefined) throw new Error(path);
    const key = `${directory}/${last}`;
    return { directory, key, inode: this.#live.names.get(key) };
  }

  has(path: string): boolean {
    try {
      return path === '/' || this.#at(path).inode !== undefined;
    } catch {
      return false;
    }
  }

  #names(directory: number, apply: (disk: Disk) => void, needs?: Effect): Effect {
    const chain = this.#profile === 'ordered' ? NAMES : 0;
    return this.#add(directory, apply, { chain, needs });
  }

  #set(path: string, number: number, isDirectory: boolean): Effect {
    const { directory, key } = this.#at(path);
    return this.#names(directory, (disk) => {
      disk.inode(number, isDirectory);
      disk.names.set(key, number);
    });
  }

  create(path: string): void {
    this.#set(path, this.#nextInode++, false);
  }

  mkdir(path: string): void {
    this.#set(path, this.#nextInode++, true);
  }

  link(from: string, to: string): void {
    this.#set(to, this.#at(from).inode as number, false);
  }

  unlink(path: string): void {
    const { directory, key } = this.#at(path);
    this.#names(directory, (disk) => disk.names.delete(key));
  }

  rename(from: string, to: string): void {
    const source = this.#at(from);
    const target = this.#at(to);
    const number = source.inode as number;
    if (number === target.inode) return;
    if (this.#profile === 'alice') {
      if (target.inode !== undefined) this.unlink(to);
      this.unlink(from);
      this.#set(to, number, false);
    } else if (this.#profile === 'ordered' || source.directory === target.directory) {
      this.#names(target.directory, (disk) => {
        disk.inode(number, false);
        disk.names.delete(source.key);
        disk.names.set(target.key, number);
      });
    } else {
      const set = this.#set(to, number, false);
      this.#names(source.directory, (disk) => disk.names.delete(source.key), set);
    }
  }

  // ---- files ----

  /** Zeros behind a new end come before it, where there is an order. */
  #data(number: number, block: number, bytes: Uint8Array, isTogether: boolean, isCutting = false): void {
    const place = this.#live.inodes.get(number)?.blocks.get(block) ?? this.#nextPlace++;
    const whole = Uint8Array.from(bytes);
    const cut = this.#profile === 'ordered' ? NAMES : this.#isSafe ? number : 0;
    const chain = isTogether && this.#isSafe ? number : isCutting ? cut : 0;
    this.#add(number, (disk) => disk.places.set(place, whole), {
      chain,
      isTogether: isTogether && this.#isSafe,
    });
    if (!isTogether) return;
    const size = this.#pendingSize;
    this.#add(
      number,
      (disk) => {
        const inode = disk.inode(number, false);
        inode.blocks.set(block, place);
        inode.size = Math.max(inode.size, size);
      },
      { chain: this.#isSafe ? number : 0, needsNames: this.#profile === 'ordered' },
    );
  }

  #pendingSize = 0;

  #block(inode: NaiveInode, block: number): Uint8Array {
    const bytes = new Uint8Array(BLOCK);
    bytes.set(this.#live.content(inode).subarray(block * BLOCK, (block + 1) * BLOCK));
    return bytes;
  }

  /** Writes within one block; a gap behind the end must lie in that block too. */
  write(path: string, text: string, offset: number): void {
    const number = this.#at(path).inode as number;
    const inode = this.#live.inodes.get(number) as NaiveInode;
    const block = Math.floor(offset / BLOCK);
    const bytes = this.#block(inode, block);
    bytes.set(new TextEncoder().encode(text), offset - block * BLOCK);
    const end = offset + text.length;
    this.#pendingSize = Math.max(inode.size, end);
    this.#data(number, block, bytes, end > inode.size || !inode.blocks.has(block));
  }

  append(path: string, text: string): void {
    this.write(path, text, this.size(path));
  }

  size(path: string): number {
    return (this.#live.inodes.get(this.#at(path).inode as number) as NaiveInode).size;
  }

  truncate(path: string, size: number): void {
    const number = this.#at(path).inode as number;
    const inode = this.#live.inodes.get(number) as NaiveInode;
    const old = inode.size;
    const low = Math.min(size, old);
    const block = Math.floor(low / BLOCK);
    // the rest of the block that holds the lower end becomes zeros
    if (low % BLOCK !== 0 && low !== Math.max(size, old) && inode.blocks.has(block)) {
      const bytes = this.#block(inode, block).fill(0, low % BLOCK);
      this.#data(number, block, bytes, false, size < old);
    }
    const chain = this.#profile === 'ordered' ? NAMES : this.#isSafe ? number : 0;
    const cut = (end: number) =>
      this.#add(
        number,
        (disk) => {
          const file = disk.inode(number, false);
          for (const held of [...file.blocks.keys()])
            if (held >= Math.ceil(end / BLOCK)) file.blocks.delete(held);
          file.size = end;
        },
        { chain },
      );
    if (this.#profile === 'alice')
      for (let end = Math.ceil(old / BLOCK - 1) * BLOCK; end > size; end -= BLOCK) cut(end);
    cut(size);
  }

  // ---- syncs ----

  fsync(path: string): void {
    const domain = path === '/' ? ROOT : (this.#at(path).inode as number);
    for (const effect of this.#effects)
      if (this.#profile === 'ordered' || effect.domain === domain) effect.isDurable = true;
  }

  sync(): void {
    for (const effect of this.#effects) effect.isDurable = true;
  }

  // ---- states ----

  get uncertain(): number {
    return this.#effects.filter((effect) => !effect.isDurable).length;
  }

  /** The trees of all states that a crash may leave now, sorted. */
  trees(): string[] {
    const uncertain = this.#effects.filter((effect) => !effect.isDurable);
    const found = new Set<string>();
    for (let mask = 0; mask < 2 ** uncertain.length; mask++) {
      const there = new Set(this.#effects.filter((effect) => effect.isDurable));
      uncertain.forEach((effect, index) => {
        if ((mask >> index) & 1) there.add(effect);
      });
      if (this.#isLegal(there)) found.add(this.#build(there));
    }
    return [...found].sort();
  }

  /** Of each chain only the first ones are there, and what goes together is there or not as one. */
  #isLegal(there: ReadonlySet<Effect>): boolean {
    const ended = new Set<number>();
    const open = new Map<number, Effect>();
    for (const effect of this.#effects) {
      const { chain } = effect;
      if (chain === 0) continue;
      const isThere = there.has(effect);
      const before = open.get(chain);
      if (before !== undefined && there.has(before) !== isThere) return false;
      if (effect.isTogether) open.set(chain, effect);
      else open.delete(chain);
      if (isThere && ended.has(chain)) return false;
      if (!isThere) ended.add(chain);
    }
    return true;
  }

  #build(there: ReadonlySet<Effect>): string {
    const disk = new Disk();
    let isWhole = true;
    for (const effect of this.#effects) {
      const isThere = there.has(effect) && (effect.needs === undefined || there.has(effect.needs));
      if (isThere && !(effect.needsNames && !isWhole)) effect.apply(disk);
      if (effect.chain === NAMES && !there.has(effect)) isWhole = false;
    }
    return disk.tree();
  }
}
