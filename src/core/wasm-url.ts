// Where the built module is. Every bundle lies two levels below the package root, as this file does.
export const coreUrl = new URL('../../wasm/core.wasm', import.meta.url);
