export { allocate, reset } from './memory'
