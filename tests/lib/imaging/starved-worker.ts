/** The worker, whose thread has no memory for the first picture that it resizes to more than a thumbnail. */
const allocate = Buffer.allocUnsafeSlow
Buffer.allocUnsafeSlow = () => {
  Buffer.allocUnsafeSlow = allocate
  throw new RangeError('Array buffer allocation failed')
}

export { default } from '../../../lib/imaging/worker.ts'
