// The file calls of WASI preview 1 on a machine's volume.

export {};
