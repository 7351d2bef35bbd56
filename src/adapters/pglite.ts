// PGlite's data directory on a machine's volume.

export {};
