// SQLite on a machine's volume: a VFS for SQLite's own wasm build.

export {};
