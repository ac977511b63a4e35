/** What is used of Little CMS compiled to WebAssembly; handles are numbers, 0 where there is none. */
declare module 'lcms-wasm' {
  export type Lcms = {
    cmsOpenProfileFromMem(bytes: Uint8Array, length: number): number
    cmsCreate_sRGBProfile(): number
    /** Without the underscore it opens one more, in this version. */
    _cmsCloseProfile(profile: number): void
    /** The format of pixels with so many bytes a channel, in floats (1) or integers (0). */
    cmsFormatterForColorspaceOfProfile(profile: number, bytes: number, isFloat: 0 | 1): number
    cmsCreateTransform(
      from: number,
      fromFormat: number,
      to: number,
      toFormat: number,
      intent: number,
      flags: number,
    ): number
    cmsDoTransform(transform: number, pixels: Float32Array, count: number): Float32Array
    cmsDeleteTransform(transform: number): void
  }

  /** With the bytes of `lcms.wasm`. */
  export function instantiate(options: { wasmBinary: Uint8Array }): Promise<Lcms>

  export const INTENT_PERCEPTUAL: number
  export const cmsFLAGS_NOOPTIMIZE: number
}
