/** What is used of the package: the start of its module, whose own functions leak, and take 1 MB at most. */
declare module 'lcms-wasm' {
  export function instantiate(options: {
    /** Gives `receive` an instance of `lcms.wasm` with these imports, and returns its exports. */
    instantiateWasm(imports: object, receive: (instance: { exports: object }) => void): object
  }): Promise<unknown>

  export const INTENT_PERCEPTUAL: number
  export const cmsFLAGS_NOOPTIMIZE: number
}
