export { decode, outputAddress, outputHeight, outputWidth } from './decode'
export { allocate, reset } from './memory'
