// A client of files of the volume by name: what AioPort does with its file, and calls on names.
//
// A call runs from its beginning to its end in one step: names are changed in memory, and only a sync of a directory waits for a drive.

import { parseSize } from '../../../core/size.ts';
import type { FileSystem } from '../../../fs/file-system.ts';
import type { NameWork } from '../types.ts';
import { AioPort } from './aio.ts';
import type { Port } from './port.ts';
import { resultOf } from './target.ts';

export class FilesPort extends AioPort implements Port {
  call(work: NameWork): number {
    const { fs } = this.place.machine;
    return resultOf(() => {
      switch (work.op) {
        case 'create':
          fs.open(work.path, { read: true, write: true, create: true, truncate: true }).close();
          break;
        case 'mkdir':
          fs.mkdir(work.path);
          break;
        case 'unlink':
          fs.unlink(work.path);
          break;
        case 'rename':
          fs.rename(work.path, work.to ?? '');
          break;
        case 'truncate':
          fs.truncate(work.path, parseSize(work.size ?? 0, 'size'));
          break;
        case 'fsyncDirectory':
          syncDirectory(fs, work.path);
          break;
      }
    });
  }
}

function syncDirectory(fs: FileSystem, path: string): void {
  const directory = fs.open(path, { directory: true });
  try {
    directory.fsync();
  } finally {
    directory.close();
  }
}
