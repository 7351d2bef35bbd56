// What web-source.ts uses of pako (a port of zlib), which has no types of its own.
//
// Names: Inflate, which unpacks one member of gzip data.

declare module 'pako/lib/inflate.js' {
  /** Unpacks one member: push until it has ended. */
  export class Inflate {
    constructor(options: { readonly windowBits: number; readonly chunkSize: number });
    /** False when the data are damaged. `mode` as flush of zlib. */
    push(data: Uint8Array, mode: number): boolean;
    readonly ended: boolean;
    readonly strm: {
      /** Bytes of the last push that were not taken. */
      readonly avail_in: number;
      /** What is wrong with the data. */
      readonly msg: string;
    };
    onData: (chunk: Uint8Array) => void;
    onEnd: (status: number) => void;
  }
  const pako: { readonly Inflate: typeof Inflate };
  export default pako;
}
