// The extents of each file in order of their place in it: a treap in memory.
//
// Verbs: treeClaim, treeInit, newNode, giveNode, link, unlink, extentFloor, extentCeiling, extentCovering.
// Layout: nodes from one pool, a root per file. A node's priority follows from its address, so that a tree is shallow whatever
// the order in which its nodes came.
// Invariant: the nodes of a tree do not overlap; whoever changes the place of a node leaves the order as it is (extents.ts).

import { arenaClaim } from '../../base/arena';
import { mix32 } from '../../base/hash';
import { Pool, poolClaim, poolGive, poolInit, poolTake } from '../../base/pool';
import { volume } from './geometry';

/** `slot` of an extent that has none. */
export const NO_SLOT: u32 = u32.MAX_VALUE;

@unmanaged
export class Extent {
  left: usize;
  right: usize;
  priority: u32;
  fileBlock: u32;
  /** Blocks. */
  count: u32;
  /** First block on the volume; 0 for a delayed extent. */
  start: u32;
  /** IOMAP_DELALLOC, IOMAP_MAPPED or IOMAP_UNWRITTEN. */
  type: u32;
  slot: u32;
}

@unmanaged
class Tree {
  /** u32 a file: its root node. */
  roots: usize;
  // what split answers
  low: usize;
  high: usize;
}

const nodePool = changetype<Pool>(memory.data(offsetof<Pool>(), 16));
const tree = changetype<Tree>(memory.data(offsetof<Tree>(), 16));

/** `nodeCount`: extents that there can be at one time. */
export function treeClaim(nodeCount: u32): void {
  poolClaim(nodePool, offsetof<Extent>(), nodeCount);
  tree.roots = arenaClaim((<u64>volume.inodeCount + 1) << 2, 16);
}

/** No file has any extent. */
export function treeInit(): void {
  poolInit(nodePool);
  memory.fill(tree.roots, 0, (<usize>volume.inodeCount + 1) << 2);
}

/** A node that is in no tree and has no slot. The pool has one for each extent that there can be. */
export function newNode(fileBlock: u32, count: u32, start: u32, type: u32): usize {
  const pointer = poolTake(nodePool);
  assert(pointer != 0, 'more extents than blocks');
  const node = changetype<Extent>(pointer);
  node.left = 0;
  node.right = 0;
  node.priority = mix32(<u32>pointer);
  node.fileBlock = fileBlock;
  node.count = count;
  node.start = start;
  node.type = type;
  node.slot = NO_SLOT;
  return pointer;
}

/** The node is of no use any more; it is in no tree. */
export function giveNode(pointer: usize): void {
  poolGive(nodePool, pointer);
}

function root(file: u32): usize {
  return load<usize>(tree.roots + ((<usize>file) << 2));
}

function setRoot(file: u32, node: usize): void {
  store<usize>(tree.roots + ((<usize>file) << 2), node);
}

/** Parts a tree: tree.low has the nodes below `key`, tree.high the others. */
function split(pointer: usize, key: u32): void {
  if (pointer == 0) {
    tree.low = 0;
    tree.high = 0;
    return;
  }
  const node = changetype<Extent>(pointer);
  if (node.fileBlock < key) {
    split(node.right, key);
    node.right = tree.low;
    tree.low = pointer;
  } else {
    split(node.left, key);
    node.left = tree.high;
    tree.high = pointer;
  }
}

/** One tree of two, all nodes of the first below those of the second. */
function join(low: usize, high: usize): usize {
  if (low == 0) return high;
  if (high == 0) return low;
  if (changetype<Extent>(low).priority > changetype<Extent>(high).priority) {
    changetype<Extent>(low).right = join(changetype<Extent>(low).right, high);
    return low;
  }
  changetype<Extent>(high).left = join(low, changetype<Extent>(high).left);
  return high;
}

/** Puts a node into the tree of a file. */
export function link(file: u32, pointer: usize): void {
  split(root(file), changetype<Extent>(pointer).fileBlock);
  const high = tree.high;
  setRoot(file, join(join(tree.low, pointer), high));
}

/** Takes a node out of the tree of a file. */
export function unlink(file: u32, pointer: usize): void {
  const key = changetype<Extent>(pointer).fileBlock;
  let place = tree.roots + ((<usize>file) << 2);
  while (load<usize>(place) != pointer) {
    const node = load<usize>(place);
    assert(node != 0, 'an extent is missing from its tree');
    const isLeft = key < changetype<Extent>(node).fileBlock;
    place = node + (isLeft ? offsetof<Extent>('left') : offsetof<Extent>('right'));
  }
  store<usize>(place, join(changetype<Extent>(pointer).left, changetype<Extent>(pointer).right));
}

/** The last extent that begins at or before `block`, or 0. */
export function extentFloor(file: u32, block: u32): usize {
  let best: usize = 0;
  let pointer = root(file);
  while (pointer != 0) {
    const node = changetype<Extent>(pointer);
    if (node.fileBlock <= block) {
      best = pointer;
      pointer = node.right;
    } else {
      pointer = node.left;
    }
  }
  return best;
}

/** The first extent that begins at or behind `block`, or 0. */
export function extentCeiling(file: u32, block: u32): usize {
  let best: usize = 0;
  let pointer = root(file);
  while (pointer != 0) {
    const node = changetype<Extent>(pointer);
    if (node.fileBlock >= block) {
      best = pointer;
      pointer = node.left;
    } else {
      pointer = node.right;
    }
  }
  return best;
}

/** The extent that holds `block`, or 0. */
export function extentCovering(file: u32, block: u32): usize {
  const pointer = extentFloor(file, block);
  if (pointer == 0) return 0;
  const node = changetype<Extent>(pointer);
  return block - node.fileBlock < node.count ? pointer : 0;
}
