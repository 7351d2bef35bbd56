// Names as the VFS sees them.
// Verbs: fullPath, folderOf.

/** An absolute path without `.`, `..` and empty parts; a relative one begins at `/`. */
export function fullPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** The directory that holds an absolute path. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}
