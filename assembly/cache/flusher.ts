// The flusher: writes dirty pages back in the background (fs/fs-writeback.c).
//
// Verbs: inodeDirtied, inodeForgotten, flusherWake.

import { Inode } from './inode';

/** A page of a clean inode became dirty: the inode goes to the end of the list of dirty inodes. */
export function inodeDirtied(_inode: Inode): void {}

/** The inode is going away. */
export function inodeForgotten(_inode: Inode): void {}

/** Somebody needs clean pages: write back now, whatever the limits say (`FLUSH_ASKED`). */
export function flusherWake(): void {}
