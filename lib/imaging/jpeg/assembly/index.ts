export { decode, outputAddress, outputHeight, outputWidth } from './decode'
export { encodeRows, finishImage, openEncoder, rowsAtOnce } from './encode'
export { fileEnd } from './encode-file'
export { allocate, reset } from './memory'
