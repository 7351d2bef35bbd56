// A naive tree of names, as an oracle: objects and maps, written from rename(2), unlink(2), link(2), mkdir(2), rmdir(2), open(2).
//
// Verbs: NaiveTree.create, mkdir, rmdir, unlink, link, rename, lines. Each answers 0 or a negative errno. No limits, no times.

import { RENAME_EXCHANGE, RENAME_NOREPLACE } from '../../../../assembly/layout.ts';
import { ERRNO } from './raw-volume.ts';

interface Node {
  readonly isDirectory: boolean;
  readonly entries: Map<string, Node>;
  links: number;
}

/** Where a path leads: the directory of its last name, the name, and what is there. */
interface Place {
  readonly directory: Node;
  readonly name: string;
  readonly node: Node | undefined;
  readonly hasSlash: boolean;
}

function newNode(isDirectory: boolean): Node {
  return { isDirectory, entries: new Map(), links: isDirectory ? 2 : 0 };
}

export class NaiveTree {
  readonly #root = newNode(true);

  /** Resolves '.' and '..' on the way; a last '.' or '..' keeps its spelling as name. */
  #walk(path: string): Place | number {
    const names = path.split('/').filter((name) => name !== '');
    const trail = [this.#root];
    for (const [index, name] of names.entries()) {
      const directory = trail.at(-1) as Node;
      if (!directory.isDirectory) return ERRNO.ENOTDIR;
      const isLast = index === names.length - 1;
      if (name === '..') {
        const parent = trail.at(-2) ?? this.#root;
        if (isLast) return { directory, name, node: parent, hasSlash: path.endsWith('/') };
        if (trail.length > 1) trail.pop();
        continue;
      }
      const node = name === '.' ? directory : directory.entries.get(name);
      if (isLast) return { directory, name, node, hasSlash: path.endsWith('/') };
      if (node === undefined) return ERRNO.ENOENT;
      if (name !== '.') trail.push(node);
    }
    return { directory: this.#root, name: '/', node: this.#root, hasSlash: true };
  }

  static #isName(place: Place): boolean {
    return !['/', '.', '..'].includes(place.name);
  }

  create(path: string): number {
    const place = this.#walk(path);
    if (typeof place === 'number') return place;
    if (NaiveTree.#isName(place) && place.hasSlash) return ERRNO.EISDIR;
    if (place.node !== undefined) return place.node.isDirectory ? ERRNO.EISDIR : 0;
    const node = newNode(false);
    node.links = 1;
    place.directory.entries.set(place.name, node);
    return 0;
  }

  mkdir(path: string): number {
    const place = this.#walk(path);
    if (typeof place === 'number') return place;
    if (place.node !== undefined) return ERRNO.EEXIST;
    place.directory.entries.set(place.name, newNode(true));
    place.directory.links++;
    return 0;
  }

  rmdir(path: string): number {
    const place = this.#walk(path);
    if (typeof place === 'number') return place;
    if (place.name === '/') return ERRNO.EBUSY;
    if (place.name === '.') return ERRNO.EINVAL;
    if (place.name === '..') return ERRNO.ENOTEMPTY;
    if (place.node === undefined) return ERRNO.ENOENT;
    if (!place.node.isDirectory) return ERRNO.ENOTDIR;
    if (place.node.entries.size > 0) return ERRNO.ENOTEMPTY;
    place.directory.entries.delete(place.name);
    place.directory.links--;
    return 0;
  }

  unlink(path: string): number {
    const place = this.#walk(path);
    if (typeof place === 'number') return place;
    if (!NaiveTree.#isName(place)) return ERRNO.EISDIR;
    if (place.node === undefined) return ERRNO.ENOENT;
    if (place.node.isDirectory) return ERRNO.EISDIR;
    if (place.hasSlash) return ERRNO.ENOTDIR;
    place.directory.entries.delete(place.name);
    place.node.links--;
    return 0;
  }

  link(from: string, to: string): number {
    const source = this.#walk(from);
    if (typeof source === 'number') return source;
    if (source.node === undefined) return ERRNO.ENOENT;
    if (source.hasSlash && !source.node.isDirectory) return ERRNO.ENOTDIR;
    const target = this.#walk(to);
    if (typeof target === 'number') return target;
    if (target.node !== undefined) return ERRNO.EEXIST;
    if (target.hasSlash) return ERRNO.ENOENT;
    if (source.node.isDirectory) return ERRNO.EPERM;
    target.directory.entries.set(target.name, source.node);
    source.node.links++;
    return 0;
  }

  static #holds(top: Node, node: Node): boolean {
    return top === node || [...top.entries.values()].some((below) => NaiveTree.#holds(below, node));
  }

  rename(from: string, to: string, flags: number): number {
    if (flags > RENAME_EXCHANGE) return ERRNO.EINVAL;
    const source = this.#walk(from);
    if (typeof source === 'number') return source;
    const target = this.#walk(to);
    if (typeof target === 'number') return target;
    if (!NaiveTree.#isName(source) || !NaiveTree.#isName(target)) return ERRNO.EBUSY;
    const moved = source.node;
    const other = target.node;
    if (moved === undefined) return ERRNO.ENOENT;
    const isExchange = flags === RENAME_EXCHANGE;
    if (flags === RENAME_NOREPLACE && other !== undefined) return ERRNO.EEXIST;
    if (isExchange && other === undefined) return ERRNO.ENOENT;
    if (isExchange && other?.isDirectory === false && target.hasSlash) return ERRNO.ENOTDIR;
    if (!moved.isDirectory && (source.hasSlash || (target.hasSlash && !isExchange))) return ERRNO.ENOTDIR;
    if (moved.isDirectory && NaiveTree.#holds(moved, target.directory)) return ERRNO.EINVAL;
    if (other?.isDirectory && NaiveTree.#holds(other, source.directory))
      return isExchange ? ERRNO.EINVAL : ERRNO.ENOTEMPTY;
    if (moved === other) return 0;
    if (!isExchange && other !== undefined) {
      if (moved.isDirectory && !other.isDirectory) return ERRNO.ENOTDIR;
      if (!moved.isDirectory && other.isDirectory) return ERRNO.EISDIR;
      if (other.entries.size > 0) return ERRNO.ENOTEMPTY;
    }
    source.directory.entries.delete(source.name);
    target.directory.entries.set(target.name, moved);
    if (isExchange && other !== undefined) source.directory.entries.set(source.name, other);
    else if (other !== undefined && !other.isDirectory) other.links--;
    this.#countDirectories(this.#root);
    return 0;
  }

  #countDirectories(node: Node): void {
    const below = [...node.entries.values()].filter((child) => child.isDirectory);
    node.links = 2 + below.length;
    for (const child of below) this.#countDirectories(child);
  }

  /** A line for each path, sorted: path, type, links. */
  lines(): string[] {
    const list = (node: Node, path: string): string[] =>
      [...node.entries].flatMap(([name, child]) => [
        `${path}/${name} ${child.isDirectory ? 'directory' : 'file'} ${child.links}`,
        ...list(child, `${path}/${name}`),
      ]);
    return list(this.#root, '').sort();
  }
}
